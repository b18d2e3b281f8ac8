# SPDX-License-Identifier: MIT
"""Chains of validators, made without any: a model chain whose blocks carry certificates (PROTOCOL.md §9).

`Certified` is a `Chain` with the validators' times, rewards and certificates from `bft_from` on; its `config()` goes into
the configuration of the daemons that shall take it.
"""
import copy
import struct

from .chain import Chain, Key, SUBSIDY, block_hash, coinbase, reseal, sha256, shares
from .net import rounds

PRECOMMIT = 2
ROUND = 1


def vote_digest(genesis, height, round_, phase, block):
    """What a vote for a block is signed over."""
    return sha256(b"TIMECOIN_VOTE:" + genesis + struct.pack("<QQBB", height, round_, phase, 1) + block)


class Certified(Chain):
    def __init__(self, validators=4, *, bft_from=1, tiers=("Gold", "Silver", "Bronze", "Free"), **options):
        self.bft_from = bft_from
        self.names = [f"10.9.0.{number + 1}" for number in range(validators)]   # ascending, as strings
        self.keys = [Key.numbered(f"validator {number}") for number in range(validators)]
        self.validator_tiers = [tiers[number % len(tiers)] for number in range(validators)]
        super().__init__(**options)

    @property
    def quorum(self):
        return len(self.names) * 2 // 3 + 1

    def config(self):
        entries = [{"address": name, "public_key": key.public.hex(), "tier": tier.lower(),
                    "reward_address": key.address}
                   for name, key, tier in zip(self.names, self.keys, self.validator_tiers)]
        return {"consensus": {"bft_from": self.bft_from,
                              "validators": [{"from_height": self.bft_from, "validators": entries}]}}

    def slot(self, height):
        return self.blocks[0]["header"]["timestamp"] + self.block_time * height

    def certificate(self, block, signers=None, round_=ROUND):
        """Precommits of the validators with these numbers: a quorum, unless given."""
        height = block["header"]["height"]
        digest = vote_digest(self.hashes[0], height, round_, PRECOMMIT, block_hash(block))
        signers = range(self.quorum) if signers is None else signers
        return {"round": round_, "signatures": [[self.names[n], list(self.keys[n].sign(digest))] for n in signers]}

    def certify(self, block, **options):
        block["commit"] = self.certificate(block, **options)
        return block

    def make(self, transactions=(), timestamp=None):
        height = self.height + 1
        if height < self.bft_from:
            return super().make(transactions, self.slot(height) if timestamp is None else timestamp)
        when = self.slot(height) if timestamp is None else timestamp
        block = super().make(transactions, when)
        total = SUBSIDY + self.fees(transactions)
        rewards = [[key.address, amount] for key, amount in zip(self.keys, shares(total, self.validator_tiers))]
        return self.certify(self.repay(block, rewards))

    @staticmethod
    def repay(block, rewards):
        """The block with other rewards, which its coinbase pays."""
        block["masternode_rewards"] = rewards
        block["transactions"][0] = coinbase(rewards, block["header"]["timestamp"])
        return reseal(block)


def bare(block):
    """As the existing node would send it."""
    return {key: value for key, value in block.items() if key != "commit"}


def commit_message(block, commit=None):
    """The BlockCommit of a block."""
    commit = block["commit"] if commit is None else commit
    return {"BlockCommit": {"block_hash": list(block_hash(block)), "height": block["header"]["height"], **commit}}


def wrong_certificates(chain):
    """(name, block): a valid next block with certificates that are none."""
    good = chain.make()
    signatures = good["commit"]["signatures"]

    def with_commit(change):
        block = copy.deepcopy(good)
        change(block["commit"])
        return block

    yield "one signature too few", with_commit(lambda c: c["signatures"].pop())
    yield "no signatures", with_commit(lambda c: c["signatures"].clear())
    yield "another round", with_commit(lambda c: c.update(round=c["round"] + 1))
    yield "of a stranger", with_commit(lambda c: c["signatures"][0].__setitem__(0, "10.9.0.99"))
    yield "of one twice", with_commit(lambda c: c["signatures"].append(c["signatures"][0]))
    yield "two swapped names", with_commit(lambda c: (c["signatures"][0].__setitem__(0, signatures[1][0]),
                                                       c["signatures"][1].__setitem__(0, signatures[0][0])))
    yield "a short signature", with_commit(lambda c: c["signatures"][2][1].pop())
    yield "one more that is forged", with_commit(lambda c: c["signatures"].append([chain.names[3], [7] * 64]))
    for index in range(0, 64, 64 // rounds(64, 8)):
        yield f"byte {index} of a signature", with_commit(
            lambda c, i=index: c["signatures"][1][1].__setitem__(i, c["signatures"][1][1][i] ^ 1))
    other = copy.deepcopy(chain.tip)
    yield "of the block before", {**good, "commit": other["commit"]}


def wrong_contents(chain):
    """(name, code, block): next blocks that a quorum has certified, but that break a rule of §9."""
    late = chain.make(timestamp=chain.slot(chain.height + 1) + 1)
    yield "a second late", "CHAIN_E_SLOT_TIME", late
    yield "a second early", "CHAIN_E_SLOT_TIME", chain.make(timestamp=chain.slot(chain.height + 1) - 1)

    def rewarded(change):
        block = chain.make()
        rewards = [list(reward) for reward in block["masternode_rewards"]]
        change(rewards)
        return chain.certify(chain.repay(block, rewards))

    yield "a satoshi less for one", "CHAIN_E_REWARD_SHARES", rewarded(lambda r: r[2].__setitem__(1, r[2][1] - 1))
    yield "another order", "CHAIN_E_REWARD_SHARES", rewarded(lambda r: r.reverse())
    yield "another address", "CHAIN_E_REWARD_SHARES", rewarded(
        lambda r: r[1].__setitem__(0, Key.numbered("thief").address))
