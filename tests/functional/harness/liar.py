# SPDX-License-Identifier: MIT
"""A validator that lies: a scripted peer that holds the key of one of the configured validators, and signs whatever a
test wants (PROTOCOL.md §7, §9).

It listens to the daemons over connections from its own address, builds blocks on their tip, and knows whose turn it is.
`Watch` is a peer that only listens: it keeps every signed message that it saw, and finds contradictions.
"""
import copy
import struct
import time

from .chain import Key, SUBSIDY, block_hash, coinbase, output, reseal, sha256, shares, sign, spend, transaction, txid
from .net import wait_until

PREVOTE, PRECOMMIT = 1, 2
PHASES = {PREVOTE: "prevote", PRECOMMIT: "precommit"}
NIL = bytes(32)
FEE = 2_000_000


def vote_digest(genesis, height, round_, phase, block):
    return sha256(b"TIMECOIN_VOTE:" + genesis + struct.pack("<QQBB", height, round_, phase, block != NIL) + block)


def proposal_digest(genesis, height, round_, valid_round, block):
    return sha256(b"TIMECOIN_PROPOSAL:" + genesis + struct.pack("<QQq", height, round_, valid_round) + block)


def transaction_vote_bytes(identity, voter, approve, timestamp):
    return identity + voter.encode() + struct.pack("<Bq", approve, timestamp)


def leader(addresses, height, round_=0):
    """The address of who leads a round."""
    order = sorted(addresses)
    seed = sha256(struct.pack("<Q", height) + "".join(order).encode())
    return order[(int.from_bytes(seed[:8], "little") + round_) % len(order)]


class Signer:
    """The messages of one validator, by its key."""

    def __init__(self, net, node):
        self.net = net
        self.name = node.ip
        self.key = Key(net.secret(node))
        self.genesis = None         # hash of block 0, once a daemon was asked

    def vote(self, height, round_, phase, block=NIL, /, **changes):
        """`changes` are made after signing; a value of None removes the key."""
        digest = vote_digest(self.genesis, height, round_, phase, block)
        body = {"block_hash": list(block), "height": height, "voter": self.name,
                "signature": list(self.key.sign(digest)), "approve": block != NIL, "round": round_,
                "phase": PHASES[phase], **changes}
        return {"BlockVote": {key: value for key, value in body.items() if value is not None}}

    def votes(self, height, round_, block=NIL):
        return [self.vote(height, round_, phase, block) for phase in (PREVOTE, PRECOMMIT)]

    def proposal(self, block, round_=0, valid_round=-1, **changes):
        digest = proposal_digest(self.genesis, block["header"]["height"], round_, valid_round, block_hash(block))
        return {"BlockProposal": {"block": block, "proposer": self.name, "signature": list(self.key.sign(digest)),
                                  "round": round_, "valid_round": valid_round, **changes}}

    def commit(self, height, round_, block, signers):
        digest = vote_digest(self.genesis, height, round_, PRECOMMIT, block)
        return {"BlockCommit": {"block_hash": list(block), "height": height, "round": round_,
                                "signatures": [[one.name, list(one.key.sign(digest))] for one in signers]}}

    def transaction_vote(self, identity, approve=True, timestamp=None):
        timestamp = int(time.time()) if timestamp is None else timestamp
        signature = self.key.sign(transaction_vote_bytes(identity, self.name, approve, timestamp))
        return {"TransactionVote": {"txid": list(identity), "voter": self.name, "approve": approve,
                                    "timestamp": timestamp, "signature": list(signature)}}


class Wire:
    """Connections from one address to daemons."""

    def __init__(self, ip, daemons):
        self.ip = ip
        self.peers = {}
        for daemon in daemons:
            self.connect(daemon)

    def connect(self, daemon):
        # What it signs claims heights already: an answer of 0 would take them back.
        peer = daemon.raw_peer(self.ip, genesis=list(bytes.fromhex(daemon.rpc("getblockhash", 0))),
                               answers={"GetBlockHeight": lambda _: None})
        self.peers[daemon.ip] = peer
        peer.handshake()
        daemon.wait_peer(self.ip)
        return peer

    def to(self, *daemons):
        """The connections with these daemons, or with all."""
        return [self.peers[daemon.ip] for daemon in daemons] if daemons else list(self.peers.values())

    def send(self, *messages, to=()):
        for peer in self.to(*to):
            peer.send(*messages)

    def settle(self, *daemons):
        """Everything sent before was looked at."""
        for peer in self.to(*daemons):
            peer.ping(timeout=10)

    def seen(self, name):
        return [payload for peer in self.peers.values() for payload in peer.payloads(name)]

    def close(self):
        for peer in self.peers.values():
            peer.close()


class Liar(Signer, Wire):
    """One validator of the network, in the place of its daemon, which does not run."""

    def __init__(self, net, node, daemons=None):
        Signer.__init__(self, net, node)
        daemons = net.running() if daemons is None else daemons
        self.genesis = bytes.fromhex(daemons[0].rpc("getblockhash", 0))
        Wire.__init__(self, node.ip, daemons)

    # --- where the others are ---

    def leads(self, height, round_=0):
        return leader([entry["address"] for entry in self.net.entries], height, round_) == self.name

    def committed(self):
        """(height, hash) of the highest block that the others were seen to certify."""
        found = self.seen("BlockCommit")
        if not found:
            return None
        best = max(found, key=lambda commit: commit["height"])
        return best["height"], bytes(best["block_hash"])

    def wait_turn(self, after=0, timeout=30):
        """Waits until the others have begun a height whose round 0 is ours; (height, hash of the one before)."""
        def check():
            now = self.committed()
            return now if now and now[0] >= after and self.leads(now[0] + 1) else None
        height, previous = wait_until(check, timeout, lambda: f"a turn of {self.name}", interval=0.005)
        return height + 1, previous

    def fetch(self, height):
        """A block as a daemon sends it."""
        peer = next(iter(self.peers.values()))
        peer.skip()
        peer.send({"BlockRequest": height})
        return peer.expect("BlockResponse", lambda block: block["header"]["height"] == height)

    # --- blocks and money ---

    def block(self, height, previous, transactions=(), fees=0):
        """The valid block at that place: without transactions there is but one."""
        when = self.net.genesis + height * self.net.block_time
        total = SUBSIDY + fees
        entries = sorted(self.net.entries, key=lambda entry: entry["address"])
        tiers = [entry["tier"].capitalize() for entry in entries]
        rewards = [[entry["reward_address"], amount] for entry, amount in zip(entries, shares(total, tiers))]
        return reseal({"header": {"version": 1, "height": height, "previous_hash": list(previous),
                                  "merkle_root": [], "timestamp": when, "block_reward": total},
                       "transactions": [coinbase(rewards, when), *transactions], "masternode_rewards": rewards})

    def payment(self, height, to="liar", fee=FEE, ballast=0):
        """A signed transaction that spends our reward of a block, with so many large outputs that pay nobody."""
        first = self.fetch(height)["transactions"][0]
        place = next(n for n, o in enumerate(first["outputs"]) if bytes(o["script_pubkey"]) == self.key.script)
        value = first["outputs"][place]["value"]
        outputs = [output(value - fee, Key.numbered(to).script), *[output(0, bytes(10_000))] * ballast]
        tx = transaction([spend((txid(first), place))], outputs, self.net.genesis)
        return sign(tx, [self.key])


def altered(block, change):
    """Another block, its merkle root right."""
    other = copy.deepcopy(block)
    change(other)
    return reseal(other)


def repaid(block, change):
    """Another block with other rewards, which its coinbase pays."""
    other = copy.deepcopy(block)
    change(other["masternode_rewards"])
    other["transactions"][0] = coinbase(other["masternode_rewards"], other["header"]["timestamp"])
    return reseal(other)


class Watch(Wire):
    """A stranger who listens, and keeps what it heard when its connections have ended."""

    def __init__(self, ip, daemons):
        self.heard = []
        super().__init__(ip, daemons)

    def close(self):
        for peer in self.peers.values():
            self.heard += [(name, payload) for _, name, payload in peer.received
                           if name in ("BlockVote", "BlockProposal", "BlockCommit")]
        super().close()
        self.peers = {}

    def votes(self):
        """{(voter, height, round, phase): hashes voted for}"""
        found = {}
        messages = self.heard + [("BlockVote", vote) for vote in self.seen("BlockVote")]
        for name, vote in messages:
            if name == "BlockVote":
                key = (vote["voter"], vote["height"], vote["round"], vote["phase"])
                found.setdefault(key, set()).add(bytes(vote["block_hash"]).hex())
        return found

    def voters_for(self, block):
        """Who voted for a block, in whatever round."""
        return {key[0] for key, hashes in self.votes().items() if block_hash(block).hex() in hashes}

    def proposals(self):
        """{(proposer, height, round, "propose"): hashes proposed}"""
        found = {}
        messages = self.heard + [("BlockProposal", made) for made in self.seen("BlockProposal")]
        for name, made in messages:
            if name == "BlockProposal":
                key = (made["proposer"], made["block"]["header"]["height"], made["round"], "propose")
                found.setdefault(key, set()).add(block_hash(made["block"]).hex())
        return found
