# SPDX-License-Identifier: MIT
"""Blocks that are wrong in one place, with the rule that each breaks (PROTOCOL.md §6; adversarial 40 and 45)."""
import copy
import time
from typing import NamedTuple

from .chain import (Key, SUBSIDY, U64, Utxos, coinbase, output, reseal, sha256, sign, spend, transaction, txid)

# The codes by which the daemon may name a rule that was broken.
CODES = {
    "version": "VERSION",
    "height": "HEIGHT",
    "previous": "PREVIOUS",
    "timestamp": "TIME_OLD",
    "future": "TIME_AHEAD",
    "size": "BLOCK_SIZE|TRANSACTION_SIZE|TRANSACTION_COUNT",
    "duplicate": "TXID_TWICE",
    "merkle": "MERKLE_ROOT",
    "coinbase": "NO_COINBASE|SECOND_COINBASE|COINBASE_FORM",
    "payout": "COINBASE_OUTPUTS",
    "double spend": "INPUT_TWICE",
    "missing": "INPUT_UNKNOWN",
    "signature": "SCRIPT_SIG|SIGNATURE|OWNER",
    "overflow": "OVERFLOW",
    "creation": "OUTPUTS_EXCEED",
    "reward": "BLOCK_REWARD",
    "reward sum": "REWARD_SUM",
}


class Alteration(NamedTuple):
    name: str
    block: dict
    rules: tuple            # one of them is named
    penalised: bool = True  # whether the block alone proves that its sender broke a rule

    def code(self):
        """A pattern for the code of the refusal."""
        return "CHAIN_E_(" + "|".join(CODES[rule] for rule in self.rules) + ")"


def base(chain):
    """A valid next block with three transactions besides its coinbase: one input, two inputs, and one that spends the
    first. The chain needs three outputs that we have keys for."""
    one, two, three = chain.spendable(3)
    first = chain.pay([one])
    second = chain.pay([two, three], parts=3)
    third = chain.pay([(txid(first), 1)], transactions=[first])
    return chain.make([first, second, third])


class _Maker:
    def __init__(self, chain):
        self.chain = chain
        self.block = base(chain)
        self.made = []

    def add(self, name, rules, change, *, seal=True, penalised=True):
        """Keeps a copy of the block that `change` has altered in place; `seal` makes its merkle root right again."""
        block = copy.deepcopy(self.block)
        change(block)
        if seal:
            reseal(block)
        rules = (rules,) if isinstance(rules, str) else tuple(rules)
        self.made.append(Alteration(name, block, rules, penalised))


def _flip(array, index=0):
    array[index] ^= 1


def _header(m):
    def field(name, value):
        return lambda b: b["header"].__setitem__(name, value(b["header"][name]) if callable(value) else value)

    parent = m.chain.tip["header"]["timestamp"]
    m.add("header.version 2", "version", field("version", 2), seal=False)
    m.add("header.version 0", "version", field("version", 0), seal=False)
    m.add("header.version max", "version", field("version", 2**32 - 1), seal=False)
    # By its height it may be an early block, an old one or a claim: it never connects, which need not be held against
    # anybody.
    m.add("header.height one more", "height", field("height", lambda v: v + 1), seal=False, penalised=False)
    m.add("header.height one less", "height", field("height", lambda v: v - 1), seal=False, penalised=False)
    m.add("header.height 0", "height", field("height", 0), seal=False, penalised=False)
    m.add("header.height max", "height", field("height", U64 - 1), seal=False, penalised=False)
    # It may continue another chain, which its sender takes for the right one.
    m.add("header.previous_hash", "previous", lambda b: _flip(b["header"]["previous_hash"], 31), seal=False,
          penalised=False)
    m.add("header.merkle_root first byte", "merkle", lambda b: _flip(b["header"]["merkle_root"], 0), seal=False)
    m.add("header.merkle_root last byte", "merkle", lambda b: _flip(b["header"]["merkle_root"], 31), seal=False)

    def moved(when):
        def change(block):
            block["header"]["timestamp"] = when
            block["transactions"][0]["timestamp"] = when
        return change
    m.add("header.timestamp alone", ("coinbase", "timestamp"), field("timestamp", lambda v: v + 1), seal=False)
    m.add("header.timestamp of the parent", "timestamp", moved(parent))
    m.add("header.timestamp before the parent", "timestamp", moved(parent - 1))
    m.add("header.timestamp negative", "timestamp", moved(-2**63))
    # It may be valid in a while, and the clock that is wrong may be ours.
    m.add("header.timestamp 20 minutes ahead", "future", moved(int(time.time()) + 1200), penalised=False)
    m.add("header.timestamp max", "future", moved(2**63 - 1), penalised=False)
    for what, change in (("one more", lambda v: v + 1), ("one less", lambda v: v - 1), ("0", 0), ("max", U64 - 1)):
        m.add(f"header.block_reward {what}", ("reward", "reward sum", "overflow"), field("block_reward", change),
              seal=False)


def _coinbase(m):
    def first(change):
        return lambda b: change(b["transactions"][0])

    def both(change):
        """The same change to the rewards and to what the coinbase pays."""
        def apply(block):
            change(block["masternode_rewards"])
            block["transactions"][0] = coinbase(block["masternode_rewards"], block["header"]["timestamp"])
        return apply

    m.add("coinbase.version", "coinbase", first(lambda t: t.update(version=2)))
    m.add("coinbase.lock_time", "coinbase", first(lambda t: t.update(lock_time=1)))
    m.add("coinbase.timestamp", ("coinbase", "timestamp"), first(lambda t: t.update(timestamp=t["timestamp"] + 1)))
    m.add("coinbase.outputs value", "payout", first(lambda t: t["outputs"][1].update(
        value=t["outputs"][1]["value"] + 1)))
    m.add("coinbase.outputs script", "payout", first(lambda t: _flip(t["outputs"][1]["script_pubkey"], 5)))
    m.add("coinbase.outputs one less", "payout", first(lambda t: t["outputs"].pop()))
    m.add("coinbase.outputs one more", "payout", first(lambda t: t["outputs"].append(output(1, b"TIME0thief"))))
    m.add("coinbase.outputs none", "payout", first(lambda t: t["outputs"].clear()))
    m.add("coinbase.outputs swapped", "payout", first(lambda t: t["outputs"].reverse()))
    m.add("coinbase missing", "coinbase", lambda b: b["transactions"].pop(0))
    m.add("coinbase second in the list", "coinbase", lambda b: b["transactions"].insert(1, b["transactions"].pop(0)))
    m.add("two coinbases", "coinbase", lambda b: b["transactions"].append(
        transaction([], [output(1000, b"TIME0thief")], b["header"]["timestamp"])))
    m.add("no transactions", ("coinbase", "merkle"), lambda b: b["transactions"].clear())

    for number in range(len(m.block["masternode_rewards"])):
        m.add(f"rewards[{number}] amount alone", "payout", lambda b, n=number: b["masternode_rewards"][n].__setitem__(
            1, b["masternode_rewards"][n][1] - 1))
        m.add(f"rewards[{number}] address alone", "payout", lambda b, n=number: b["masternode_rewards"][n].__setitem__(
            0, Key.numbered("thief").address))
        m.add(f"rewards[{number}] 5 satoshis more, paid", ("reward sum", "payout"), both(
            lambda r, n=number: r[n].__setitem__(1, r[n][1] + 5)))
        m.add(f"rewards[{number}] 10 satoshis less, paid", ("reward sum", "payout"), both(
            lambda r, n=number: r[n].__setitem__(1, r[n][1] - 10)))
    m.add("rewards one less", "payout", lambda b: b["masternode_rewards"].pop())
    m.add("rewards swapped", "payout", lambda b: b["masternode_rewards"].reverse())
    m.add("rewards none, paid none", ("reward sum", "payout", "coinbase"), both(lambda r: r.clear()))
    m.add("coinbase pays a whole TIME too much", ("reward sum", "payout"), both(
        lambda r: r.append(["TIME0x", 10**8])))
    # Within the 0.01 % that existing nodes accept, and not within our rounding.
    m.add("rewards within the old tolerance", ("reward sum", "payout"), both(
        lambda r: r[0].__setitem__(1, r[0][1] - SUBSIDY // 20000)))
    m.add("rewards overflow", ("overflow", "reward sum", "payout"), both(
        lambda r: r.extend([["TIME0x", U64 - 1], ["TIME0x", 2]])))


def _transactions(m):
    for number in range(1, len(m.block["transactions"])):
        def field(change, n=number):
            return lambda b: change(b["transactions"][n])
        name = f"transactions[{number}]"
        fields = {
            "version": field(lambda t: t.update(version=t["version"] + 1)),
            "lock_time": field(lambda t: t.update(lock_time=1)),
            "timestamp": field(lambda t: t.update(timestamp=t["timestamp"] + 1)),
            "input sequence": field(lambda t: t["inputs"][-1].update(sequence=0)),
            "signature": field(lambda t: _flip(t["inputs"][-1]["script_sig"], 95)),
            "public key": field(lambda t: _flip(t["inputs"][-1]["script_sig"], 0)),
            "script_sig short": field(lambda t: t["inputs"][-1]["script_sig"].pop()),
            "script_sig long": field(lambda t: t["inputs"][-1]["script_sig"].append(0)),
            "script_sig empty": field(lambda t: t["inputs"][-1]["script_sig"].clear()),
            "output script": field(lambda t: _flip(t["outputs"][0]["script_pubkey"], 6)),
            "output value": field(lambda t: t["outputs"][0].update(value=t["outputs"][0]["value"] - 1)),
        }
        for what, change in fields.items():
            # A later transaction of the block spends the first one by its txid, which has changed.
            rules = ("signature", "missing", "reward") if number == 1 else ("signature", "reward")
            m.add(f"{name} {what}", rules, change)
            m.add(f"{name} {what}, merkle root kept", "merkle", change, seal=False)
        m.add(f"{name} input txid", ("missing", "signature"), field(
            lambda t: _flip(t["inputs"][-1]["previous_output"]["txid"], 9)))
        m.add(f"{name} input vout", ("missing", "signature", "double spend"), field(
            lambda t: t["inputs"][-1]["previous_output"].update(vout=70000)))


def _money(m):
    """adversarial 45."""
    chain = m.chain
    coins = chain.spendable(3)
    stamp = chain.tip["header"]["timestamp"]

    def signed(outpoints, outputs):
        tx = transaction([spend(o) for o in outpoints], outputs, stamp)
        return sign(tx, [Key.of(chain.coin(o)[1]) for o in outpoints])

    def with_transactions(name, rules, transactions, fees=0):
        total = SUBSIDY + fees
        block = chain.make()
        block["header"]["block_reward"] = total
        block["transactions"] += transactions
        m.made.append(Alteration(name, reseal(block), (rules,) if isinstance(rules, str) else rules))

    value = chain.coin(coins[0])[0]
    thief = Key.numbered("thief").script
    with_transactions("the same output spent by two transactions", ("double spend", "missing"), [
        signed([coins[0]], [output(value, thief)]), signed([coins[0]], [output(value - 1, thief), output(1, thief)])])
    with_transactions("the same output spent twice by one transaction", ("double spend", "missing"), [
        signed([coins[0], coins[0]], [output(2 * value, thief)])])
    gone = next((o for o in _spent_outpoints(chain) if Key.of(o[1][1])), None)
    if gone:
        outpoint, (amount, script) = gone
        tx = sign(transaction([spend(outpoint)], [output(amount, thief)], stamp), [Key.of(script)])
        with_transactions("an output that an earlier block spent", "missing", [tx])
    with_transactions("an output that never was", "missing", [sign(transaction(
        [spend((sha256(b"nothing"), 0))], [output(1, thief)], stamp), [Key.numbered("thief")])])
    with_transactions("an output of the block's own coinbase's txid, wrong vout", "missing", [sign(transaction(
        [spend((txid(chain.make()["transactions"][0]), 99))], [output(1, thief)], stamp), [Key.numbered("thief")])])
    with_transactions("outputs one satoshi above the inputs", "creation", [
        signed([coins[0]], [output(value + 1, thief)])])
    with_transactions("outputs that overflow to a small sum", ("overflow", "creation"), [
        signed([coins[0]], [output(U64 - 1, thief), output(2, thief)])])
    with_transactions("one output of the largest value", ("overflow", "creation"), [
        signed([coins[0]], [output(U64 - 1, thief)])])
    with_transactions("somebody else's output", "signature", [sign(transaction(
        [spend(coins[0])], [output(value, thief)], stamp), [Key.numbered("thief")])])
    late, early = _dependent_pair(chain, coins[1])
    with_transactions("an output spent before it is made", "missing", [late, early], fees=0)
    same = signed([coins[2]], [output(chain.coin(coins[2])[0], thief)])
    with_transactions("a transaction twice", ("duplicate", "double spend", "missing"), [same, same])

    # A list with a repeated tail hashes like the shorter one: the header is the one of the honest block.
    block = copy.deepcopy(m.block)
    if len(block["transactions"]) % 2 == 0:
        block["transactions"].pop()
        reseal(block)
    block["transactions"].append(copy.deepcopy(block["transactions"][-1]))
    m.made.append(Alteration("a repeated tail that leaves the merkle root as it was", block,
                             ("duplicate", "double spend", "missing")))

    # Fees taken twice: the reward says more than the transactions leave.
    def greedy(b):
        b["masternode_rewards"][0][1] += 1000
        b["header"]["block_reward"] += 1000
        b["transactions"][0] = coinbase(b["masternode_rewards"], b["header"]["timestamp"])
    m.add("coinbase and block_reward both too high", ("reward", "reward sum"), greedy)


def _dependent_pair(chain, outpoint):
    """(a transaction that spends an output of the other, the other)."""
    early = chain.pay([outpoint], fee=0)
    return chain.pay([(txid(early), 0)], fee=0, transactions=[early]), early


def _spent_outpoints(chain):
    """(outpoint, coin) of what was spent on the chain."""
    utxos = Utxos()
    for block in chain.blocks:
        spent, _ = utxos.connect(block)
        yield from ((outpoint, coin) for outpoint, coin in spent if coin)


def _sizes(m):
    """Too large in bincode; in JSON it still fits a line."""
    chain, stamp = m.chain, m.chain.tip["header"]["timestamp"]
    coins = chain.spendable(3)

    def big(outpoint, outputs):
        value, script = chain.coin(outpoint)
        filler = [output(0, bytes(10000)) for _ in range(outputs - 1)]
        return sign(transaction([spend(outpoint)], [output(value, script), *filler], stamp), [Key.of(script)])

    m.made.append(Alteration("a transaction above 1,000,000 bytes", chain.make([big(coins[0], 101)]), ("size",)))
    m.made.append(Alteration("a block above 2,000,000 bytes", chain.make([big(c, 68) for c in coins]), ("size",)))


def fields(chain):
    """adversarial 40: each field of a header, of a transaction and of the rewards altered."""
    maker = _Maker(chain)
    _header(maker)
    _coinbase(maker)
    _transactions(maker)
    return maker.made


def money(chain):
    """adversarial 45: double spends, value from nothing, and sizes."""
    maker = _Maker(chain)
    _money(maker)
    _sizes(maker)
    return maker.made


def harmless(chain):
    """(name, block) of next blocks that look odd and break no rule."""
    block = base(chain)
    made = [("as it is", block)]
    swapped = copy.deepcopy(block)
    swapped["masternode_rewards"].reverse()
    swapped["transactions"][0] = coinbase(swapped["masternode_rewards"], swapped["header"]["timestamp"])
    made.append(("rewards in another order", reseal(swapped)))
    short = copy.deepcopy(block)
    total = short["header"]["block_reward"]
    rewards = short["masternode_rewards"]
    rewards[0][1] -= sum(amount for _, amount in rewards) - (total - len(rewards))
    short["transactions"][0] = coinbase(rewards, short["header"]["timestamp"])
    made.append(("one satoshi per masternode short", reseal(short)))
    odd = chain.make()
    odd["masternode_rewards"] = [["TIME0 \t\"\\\u00e9\u2603", SUBSIDY]]
    odd["transactions"][0] = coinbase(odd["masternode_rewards"], odd["header"]["timestamp"])
    made.append(("a reward address that is no address", reseal(odd)))
    made.append(("a second after its parent", chain.make(timestamp=chain.tip["header"]["timestamp"] + 1)))
    made.append(("nine minutes ahead of the clock", chain.make(timestamp=int(time.time()) + 540)))
    outpoint = chain.spendable(1)[0]
    value, script = chain.coin(outpoint)
    strange = transaction([spend(outpoint)], [output(value - 2, b""), output(1, bytes(range(256))), output(0, script),
                                              output(1, script)], -1, version=7, lock_time=2**32 - 1)
    strange["inputs"][0]["sequence"] = 0
    made.append(("a transaction with odd version, lock_time, timestamp, sequence, scripts and values",
                 chain.make([sign(strange, [Key.of(script)])])))
    return made
