# SPDX-License-Identifier: MIT
"""Transactions: from a wallet's RPC or a peer into the pool, from there to everybody, and what becomes of them."""
import http.client
import time

import pytest

from harness.chain import COIN, Key, bincode_transaction, output, sign, spend, transaction, txid, wire_outpoint
from harness.mesh import BRISK, Mesh, one_connection_per_pair
from harness.net import scaled, wait_until
from harness.rpc import RpcError
from harness.sync import SYNC_TIMERS, assert_blameless, chain_with_payments, sync_config, wait_violation

REJECTED, IN_CHAIN, MISSING, NO_TRANSACTION, UNKNOWN = -26, -27, -25, -22, -5


@pytest.fixture(scope="module")
def chain():
    return chain_with_payments(20)


@pytest.fixture
def node(loaded, net, chain):
    return loaded(net.ip(5), chain, sync_config())


def fee_for(value):
    """Enough for outputs of less than this."""
    return max(1000, value // 1000)


def coins(chain, count, skip=0):
    """Outpoints worth enough to be divided."""
    found = [outpoint for outpoint, (value, script) in chain.utxos.coins.items() if value > COIN and Key.of(script)]
    assert len(found) >= skip + count
    return found[skip:skip + count]


def pay(chain, outpoint, to="paid", parts=2, fee=None, before=()):
    """A payment that the pool takes; `before`: transactions of the pool whose outputs it may spend."""
    value = chain.coin(outpoint, before)[0]
    return chain.pay([outpoint], fee=fee_for(value) if fee is None else fee, parts=parts, to=to, transactions=before)


def raw(tx):
    return bincode_transaction(tx).hex()


def name(tx):
    return txid(tx).hex()


def pool(node):
    return node.rpc("getrawmempool")


def wait_pool(node, *transactions, timeout=10):
    wanted = sorted(name(tx) for tx in transactions)
    wait_until(lambda: sorted(pool(node)) == wanted, timeout, lambda: f"{node.ip} has {pool(node)}\nnot {wanted}")


def refused(node, code, method, *params):
    with pytest.raises(RpcError) as error:
        node.rpc(method, *params)
    assert error.value.code == code, f"{method}: {error.value}"
    return str(error.value)


def heard(peer):
    """The transactions that a scripted peer was sent."""
    return [txid(tx).hex() for link in peer.links for tx in link.payloads("TransactionBroadcast")]


def broadcast(peer, *transactions):
    """Sends them, and waits until they have been looked at."""
    peer.link.send(*[{"TransactionBroadcast": tx} for tx in transactions])
    peer.link.ping(5)


# --- into all pools ---------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_payment_reaches_everybody_once(daemons, serve, net, chain):
    """Sent to one of three daemons that all know each other: every pool has it, every peer hears of it once, and a
    peer that sent one does not get it back."""
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], timers={**BRISK, **SYNC_TIMERS})
    for node in mesh.nodes:
        node.load_blocks(chain)
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes)
    peers = [serve(net.ip(11 + number), chain, listen=False) for number in range(3)]
    for peer, node in zip(peers, mesh.nodes):
        peer.dial(node)
    sent = [pay(chain, outpoint, parts=3) for outpoint in coins(chain, 6)]
    for number, tx in enumerate(sent[:3]):
        assert mesh.nodes[number].rpc("sendrawtransaction", raw(tx)) == name(tx)
    for number, tx in enumerate(sent[3:]):
        broadcast(peers[number], tx)
    for node in mesh.nodes:
        wait_pool(node, *sent)
    for number, peer in enumerate(peers):
        expected = sorted(name(tx) for tx in sent if tx is not sent[3 + number])
        wait_until(lambda: len(heard(peer)) >= len(expected), 10, f"{peer.ip} hears of them")
        peer.link.ping()
        assert sorted(heard(peer)) == expected
    for node in mesh.nodes:
        assert_blameless(node, *[peer.ip for peer in peers], *[other.ip for other in mesh.nodes])


def test_late_node_asks_for_the_pool(loaded, daemons, net, chain):
    """What was sent before it came, a node gets by asking; parents before children."""
    first = loaded(net.ip(1), chain, sync_config())
    parent = pay(chain, *coins(chain, 1))
    child = pay(chain, (txid(parent), 0), to="child", before=[parent])
    other = pay(chain, *coins(chain, 1, skip=1))
    for tx in (parent, child, other):
        first.rpc("sendrawtransaction", raw(tx))
    late = loaded(net.ip(2), chain, sync_config(first.ip))
    wait_pool(late, parent, child, other)


def test_pending_transactions_are_told(node, serve, net, chain):
    """All of them, in the order in which they came; an empty pool is told too."""
    peer = serve(net.ip(11), chain, listen=False)
    link = peer.dial(node)
    link.send("GetPendingTransactions")
    assert link.expect("PendingTransactionsResponse") == []
    sent = [pay(chain, outpoint) for outpoint in coins(chain, 5)]
    for tx in sent:
        node.rpc("sendrawtransaction", raw(tx))
    link.send("GetPendingTransactions")
    assert link.expect("PendingTransactionsResponse") == sent


def test_unasked_pending_transactions_are_ignored(node, serve, net, chain):
    """They would be a way around the limit of transactions."""
    peer = serve(net.ip(11), chain, listen=False)
    link = peer.dial(node)
    wait_until(lambda: peer.asked("GetPendingTransactions"), 5, "the node asks a new peer")
    link.ping()
    link.send({"PendingTransactionsResponse": [pay(chain, *coins(chain, 1))]})
    link.ping()
    assert pool(node) == []


@pytest.mark.fast
def test_missed_parent_is_asked_for(node, serve, net, chain):
    """A child comes alone: it waits, and its sender is asked for what else it has."""
    parent = pay(chain, *coins(chain, 1))
    child = pay(chain, (txid(parent), 0), to="child", before=[parent])
    # With several peers none is asked when it comes.
    others = [serve(net.ip(20 + number), chain, listen=False) for number in range(3)]
    for other in others:
        other.dial(node)
    peer = serve(net.ip(11), chain, listen=False,
                 hooks={"GetPendingTransactions": lambda *_: {"PendingTransactionsResponse": [parent, child]}})
    peer.dial(node)
    peer.link.ping()
    assert not peer.asked("GetPendingTransactions")
    broadcast(peer, child)
    wait_pool(node, parent, child)
    # Both are passed on, parent first; the child's sender gets neither back.
    wait_until(lambda: heard(others[0]) == [name(parent), name(child)], 5, lambda: f"both: {heard(others[0])}")
    assert_blameless(node, peer.ip)


def test_missed_transaction_is_asked_for_when_it_is_said_to_be_final(node, serve, net, chain):
    """And the peer's word makes nothing final."""
    tx = pay(chain, *coins(chain, 1))
    others = [serve(net.ip(20 + number), chain, listen=False) for number in range(3)]
    for other in others:
        other.dial(node)
    peer = serve(net.ip(11), chain, listen=False,
                 hooks={"GetPendingTransactions": lambda *_: {"PendingTransactionsResponse": [tx]}})
    link = peer.dial(node)
    link.send({"TransactionFinalized": {"txid": list(txid(tx)), "votes": 5}})
    wait_pool(node, tx)
    link.send({"TransactionFinalized": {"txid": list(txid(tx)), "votes": 5}},
              {"TransactionRejected": {"txid": list(txid(tx)), "reason": "\x1b[31mno\n"}})
    link.ping()
    finality = node.rpc("gettransactionfinality", name(tx))
    assert (finality["finalized"], finality["state"], finality["votes"]) == (False, "pending", 0)
    assert pool(node) == [name(tx)]
    assert len(peer.asked("GetPendingTransactions")) == 1


# --- what is not taken ------------------------------------------------------------------------------------------------

def unsigned(chain, outpoint, outputs):
    return transaction([spend(outpoint)], outputs, chain.tip["header"]["timestamp"])


def signed(chain, outpoint, outputs):
    return sign(unsigned(chain, outpoint, outputs), [Key.of(chain.coin(outpoint)[1])])


def bad_signature(chain, outpoint):
    tx = pay(chain, outpoint)
    script = list(tx["inputs"][0]["script_sig"])
    script[50] ^= 1
    tx["inputs"][0]["script_sig"] = script
    return tx


def wrong_owner(chain, outpoint):
    value = chain.coin(outpoint)[0]
    return sign(unsigned(chain, outpoint, [output(value - fee_for(value), b"x")]), [Key.numbered("a thief")])


def outputs_of(chain, outpoint, *values):
    total = chain.coin(outpoint)[0]
    rest = total - fee_for(total) - sum(values)
    return [output(value, Key.numbered("r").script) for value in (*values, rest)]


def oversized(chain, outpoint):
    return signed(chain, outpoint, [output(1000, bytes(10000)) for _ in range(101)])


def twice(chain, outpoint):
    value, script = chain.coin(outpoint)
    tx = transaction([spend(outpoint), spend(outpoint)], [output(value, script)], chain.tip["header"]["timestamp"])
    return sign(tx, [Key.of(script)] * 2)


# What makes it, the RPC's code, and whether its sender is blamed: for what no block may ever hold, and for that alone.
REFUSED = {
    "bad signature": (bad_signature, REJECTED, "bad-txns", True),
    "no signature": (lambda c, o: unsigned(c, o, outputs_of(c, o)), REJECTED, "bad-txns", True),
    "another's coin": (wrong_owner, REJECTED, "bad-txns", True),
    "more out than in": (lambda c, o: signed(c, o, [output(c.coin(o)[0] + 1, b"x")]), REJECTED, "bad-txns", True),
    "overflow": (lambda c, o: signed(c, o, [output(2**63, b"x"), output(2**63, b"x")]), REJECTED, "bad-txns", True),
    "too long": (oversized, REJECTED, "bad-txns", True),
    "one output twice": (twice, REJECTED, "bad-txns", True),
    "coinbase": (lambda c, o: transaction([], [output(COIN, b"x")]), REJECTED, "coinbase", True),
    "dust 545": (lambda c, o: signed(c, o, outputs_of(c, o, 545)), REJECTED, "dust", False),
    "dust 1": (lambda c, o: signed(c, o, outputs_of(c, o, 1)), REJECTED, "dust", False),
    "no fee": (lambda c, o: pay(c, o, fee=0), REJECTED, "min relay fee not met", False),
    "one satoshi short": (lambda c, o: signed(c, o, [output(c.coin(o)[0] - 999, b"x")])
                          if c.coin(o)[0] < 999000 else pay(c, o, fee=c.coin(o)[0] // 1001 - 1), REJECTED,
                          "min relay fee not met", False),
    "spent": (lambda c, o: signed_spent(c), MISSING, "bad-txns-inputs-missingorspent", False),
    "unknown output": (lambda c, o: sign(transaction([spend((bytes(32), 7))], [output(COIN, b"x")]),
                                         [Key.numbered("k")]), MISSING, "missing-inputs", False),
}


def signed_spent(chain):
    """Spends what a payment in the chain has spent."""
    tx = next(tx for block in chain.blocks for tx in block["transactions"] if tx["inputs"])
    spent = tx["inputs"][0]["previous_output"]
    return sign(transaction([spend((bytes(spent["txid"]), spent["vout"]))], [output(COIN, b"x")]),
                [Key.numbered("k")])


@pytest.mark.parametrize("case", REFUSED)
def test_refused(node, serve, net, chain, case):
    """Each has its code; testmempoolaccept says the same; who sends it is blamed only for what is wrong for ever, and
    nobody hears of it."""
    make, code, word, blamed = REFUSED[case]
    tx = make(chain, *coins(chain, 1))
    tried = node.rpc("testmempoolaccept", [raw(tx)])[0] if case != "too long" else None
    if tried:
        assert (tried["txid"], tried["allowed"], tried["reject-reason"]) == (name(tx), False, word), tried
        assert word in refused(node, code, "sendrawtransaction", raw(tx))
    else:
        refused(node, NO_TRANSACTION, "sendrawtransaction", raw(tx))
    peer, other = (serve(net.ip(number), chain, listen=False) for number in (11, 12))
    peer.dial(node)
    other.dial(node)
    broadcast(peer, tx)
    if blamed:
        wait_violation(node, peer.ip)
        assert len(node.violations(peer.ip)) == 1
    else:
        assert_blameless(node, peer.ip)
    other.link.ping()
    assert heard(other) == [] and pool(node) == []


def test_third_violation_bans(node, net, serve, chain):
    peer = serve(net.ip(11), chain, listen=False)
    link = peer.dial(node)
    link.send(*[{"TransactionBroadcast": bad_signature(chain, outpoint)} for outpoint in coins(chain, 3)])
    link.expect_closed()
    node.wait_log(r"🚫 Auto-banned .* for 5 minutes \(3 violations\)")


@pytest.mark.fast
def test_fee_and_dust_at_their_limits(node, chain):
    """Exactly what is asked for is enough."""
    one, two, three = coins(chain, 3)
    value = chain.coin(one)[0]
    outputs = value * 1000 // 1001 + 1
    while outputs + fee_for(outputs) > value:
        outputs -= 1
    node.rpc("sendrawtransaction", raw(signed(chain, one, [output(outputs, b"x")])))
    node.rpc("sendrawtransaction", raw(signed(chain, two, outputs_of(chain, two, 546))))
    node.rpc("sendrawtransaction", raw(signed(chain, three, outputs_of(chain, three, 0))))
    assert len(pool(node)) == 3


def test_double_spend_is_refused(node, serve, net, chain):
    """The first one stays, whoever sends the second, which is nobody's fault; nothing of the second is passed on."""
    outpoint, = coins(chain, 1)
    first, second = pay(chain, outpoint, to="first"), pay(chain, outpoint, to="second")
    peer, other = (serve(net.ip(number), chain, listen=False) for number in (11, 12))
    peer.dial(node)
    other.dial(node)
    broadcast(peer, first, second)
    assert "txn-mempool-conflict" in refused(node, REJECTED, "sendrawtransaction", raw(second))
    assert node.rpc("testmempoolaccept", [raw(second)])[0]["reject-reason"] == "txn-mempool-conflict"
    wait_until(lambda: heard(other), 5, "the first one")
    other.link.ping()
    assert heard(other) == [name(first)] and pool(node) == [name(first)]
    assert_blameless(node, peer.ip)


def test_duplicates_cost_nobody_anything(node, serve, net, chain):
    """The same one from everybody, again and again: passed on once."""
    tx = pay(chain, *coins(chain, 1))
    peers = [serve(net.ip(11 + number), chain, listen=False) for number in range(4)]
    for peer in peers:
        peer.dial(node)
    for peer in peers:
        broadcast(peer, *[tx] * 20)
    assert node.rpc("sendrawtransaction", raw(tx)) == name(tx), "sending it again is no error"
    assert [heard(peer) for peer in peers] == [[]] + [[name(tx)]] * 3
    assert pool(node) == [name(tx)]
    assert_blameless(node, *[peer.ip for peer in peers])


# --- orphans ----------------------------------------------------------------------------------------------------------

def test_orphans_wait_for_their_parent(node, serve, net, chain):
    """Grandchild, child, parent: all three are in the pool then, and passed on in the order in which they can be."""
    parent = pay(chain, *coins(chain, 1))
    child = pay(chain, (txid(parent), 0), to="child", before=[parent])
    grandchild = pay(chain, (txid(child), 1), to="grandchild", before=[child])
    peer, other = (serve(net.ip(number), chain, listen=False) for number in (11, 12))
    peer.dial(node)
    other.dial(node)
    broadcast(peer, grandchild, child)
    assert pool(node) == [] and node.rpc("getmempoolinfo")["orphans"] == 2
    broadcast(peer, parent)
    wait_pool(node, parent, child, grandchild)
    assert node.rpc("getmempoolinfo")["orphans"] == 0
    wait_until(lambda: len(heard(other)) == 3, 5, "all three")
    assert heard(other) == [name(parent), name(child), name(grandchild)]
    assert_blameless(node, peer.ip)


@pytest.mark.fast
def test_orphans_are_bounded_and_go_with_their_peer(loaded, serve, net, chain):
    node = loaded(net.ip(5), chain, sync_config(limits={"pool_orphans": 10}))
    peer = serve(net.ip(11), chain, listen=False)
    peer.dial(node)
    key = Key.numbered("orphan")
    broadcast(peer, *[sign(transaction([spend((bytes([number]) * 32, 0))], [output(COIN, b"x")]), [key])
                      for number in range(50)])
    assert 0 < node.rpc("getmempoolinfo")["orphans"] <= 10
    peer.link.close()
    wait_until(lambda: node.rpc("getmempoolinfo")["orphans"] == 0, 5, "they go with it")


# --- blocks -----------------------------------------------------------------------------------------------------------

def test_block_clears_the_pool(node, serve, net, chain):
    """What a block holds leaves the pool, what conflicts with it too, with its descendants; the rest stays."""
    one, two, three = coins(chain, 3)
    held, loser, stays = pay(chain, one), pay(chain, two, to="loser"), pay(chain, three)
    heir = pay(chain, (txid(loser), 0), to="heir", before=[loser])
    winner = pay(chain, two, to="winner")
    peer = serve(net.ip(11), chain.fork(chain.height), listen=False)
    peer.dial(node)
    for tx in (held, loser, heir, stays):
        node.rpc("sendrawtransaction", raw(tx))
    peer.chain.append(peer.chain.make([held, winner]))
    peer.announce(peer.chain.tip)
    node.wait_chain(peer.chain)
    wait_pool(node, stays)
    assert node.rpc("gettransactionfinality", name(held))["state"] == "confirmed"
    refused(node, UNKNOWN, "gettransactionfinality", name(loser))
    refused(node, IN_CHAIN, "sendrawtransaction", raw(held))
    refused(node, MISSING, "sendrawtransaction", raw(loser))
    assert node.rpc("testmempoolaccept", [raw(held)])[0]["reject-reason"] == "txn-already-known"


def test_reorganisation_brings_transactions_back(node, serve, net, chain):
    """Undone with its block, a payment is in the pool again."""
    outpoint, = coins(chain, 1)
    tx = pay(chain, outpoint)
    short, long = chain.fork(chain.height), chain.fork(chain.height, tag="long")
    short.append(short.make([tx]))
    long.grow(3)
    one = serve(net.ip(11), short, listen=False)
    one.dial(node)
    node.rpc("sendrawtransaction", raw(tx))
    one.announce(short.tip)
    node.wait_chain(short)
    wait_pool(node)
    one.close()
    others = [serve(net.ip(20 + number), long, listen=False) for number in range(3)]
    for other in others:
        other.dial(node)
    node.wait_chain(long, 30)
    wait_pool(node, tx)


def test_pool_survives_a_restart(loaded, net, chain):
    """Stopped in order: parents, children and their order."""
    node = loaded(net.ip(5), chain, sync_config())
    parent = pay(chain, *coins(chain, 1))
    child = pay(chain, (txid(parent), 0), to="child", before=[parent])
    others = [pay(chain, outpoint) for outpoint in coins(chain, 4, skip=1)]
    for tx in (parent, child, *others):
        node.rpc("sendrawtransaction", raw(tx))
    before = pool(node)
    node.stop()
    node.start()
    assert pool(node) == before
    assert node.rpc("getrawmempool", True)[name(child)]["depends"] == [name(parent)]


def test_old_transactions_expire(loaded, net, chain):
    """What was kept over a stop is not older for it; what is too old when the node starts does not come back."""
    node = loaded(net.ip(5), chain, sync_config(timers={"pool_expiry_ms": 2000}))
    tx = pay(chain, *coins(chain, 1))
    node.rpc("sendrawtransaction", raw(tx))
    node.stop()
    wait_until(lambda sent=time.monotonic(): time.monotonic() > sent + 3, 10, "its time is over")
    node.start()
    wait_pool(node)
    assert node.rpc("sendrawtransaction", raw(tx)) == name(tx)


# --- bounds -----------------------------------------------------------------------------------------------------------

def test_full_pool_keeps_what_pays_best(loaded, serve, net, chain):
    """A flood of valid transactions: never more than the limit, the dearest stay, and the others are no crime."""
    node = loaded(net.ip(5), chain, sync_config(limits={"pool_count": 20}))
    wide = chain.fork(chain.height)
    key = Key.numbered("flood")
    rich = sorted(coins(wide, 30), key=lambda outpoint: wide.coin(outpoint)[0])[-3:]
    many = [spend_into(wide, outpoint, key, 20) for outpoint in rich]
    wide.append(wide.make(many))
    peer = serve(net.ip(11), wide, listen=False)
    peer.dial(node)
    peer.announce(wide.tip)
    node.wait_chain(wide)
    made = []
    for number, outpoint in enumerate((txid(tx), vout) for tx in many for vout in range(20)):
        value, script = wide.coin(outpoint)
        assert fee_for(value) < 500000
        made.append(sign(transaction([spend(outpoint)], [output(value - 500000 - 100000 * number, script)]), [key]))
    broadcast(peer, *made)
    assert sorted(pool(node)) == sorted(name(tx) for tx in made[-20:])
    info = node.rpc("getmempoolinfo")
    assert info["size"] == 20 and info["mempoolminfee"] > info["minrelaytxfee"]
    assert "mempool min fee not met" in refused(node, REJECTED, "sendrawtransaction", raw(made[0]))
    assert_blameless(node, peer.ip)


def spend_into(chain, outpoint, key, parts):
    value = chain.coin(outpoint)[0]
    part = (value - fee_for(value)) // parts
    return signed(chain, outpoint, [output(part, key.script) for _ in range(parts)])


def test_chain_of_unconfirmed_transactions_is_bounded(node, chain):
    """25 that stand on each other; the 26th has to wait for a block."""
    outpoint, before = coins(chain, 1)[0], []
    for number in range(26):
        tx = pay(chain, outpoint, to=f"link {number}", parts=1, before=before)
        before.append(tx)
        outpoint = (txid(tx), 0)
    for tx in before[:25]:
        node.rpc("sendrawtransaction", raw(tx))
    assert "too-long-mempool-chain" in refused(node, REJECTED, "sendrawtransaction", raw(before[25]))
    assert node.rpc("getrawmempool", True)[name(before[24])]["ancestorcount"] == 25


# --- states of outputs, and who is told -------------------------------------------------------------------------------

def states(link, *outpoints):
    link.send({"UTXOStateQuery": [wire_outpoint(outpoint) for outpoint in outpoints]})
    return {(bytes(o["txid"]), o["vout"]): state for o, state in link.expect("UTXOStateResponse")}


def test_states_of_outputs_know_the_pool(node, serve, net, chain):
    """Spent by a pending transaction; made by one: not there yet."""
    spent, unspent = coins(chain, 2)
    tx = pay(chain, spent)
    link = serve(net.ip(11), chain, listen=False).dial(node)
    node.rpc("sendrawtransaction", raw(tx))
    found = states(link, spent, unspent, (txid(tx), 0), (bytes(32), 1))
    assert set(found) == {spent, unspent} and found[unspent] == "Unspent"
    assert found[spent]["SpentPending"]["txid"] == list(txid(tx))


def notified(link, outpoint, state, timeout=5):
    """The next notification about an outpoint is of this state."""
    told = link.expect("UTXOStateNotification", lambda n: n["outpoint"] == wire_outpoint(outpoint), timeout)
    kind = told["new_state"] if isinstance(told["new_state"], str) else next(iter(told["new_state"]))
    assert kind == state, told
    return told["new_state"]


def test_subscriber_is_told(node, serve, net, chain):
    """By outpoint and by address: pending, in a block, and what is paid to the address; nothing else, and nothing after
    it has unsubscribed."""
    one, two, three, four = coins(chain, 4)
    owner = bytes(chain.coin(two)[1]).decode()
    payee = Key.numbered("payee 0")
    peer = serve(net.ip(11), chain.fork(chain.height), listen=False)
    link = peer.dial(node)
    link.send({"Subscribe": {"id": "a", "addresses": [], "outpoints": [wire_outpoint(one)]}},
              {"Subscribe": {"id": "b", "addresses": [payee.address], "outpoints": []}})
    link.ping()
    tx = pay(chain, one, to="payee")
    node.rpc("sendrawtransaction", raw(tx))
    assert notified(link, one, "SpentPending")["SpentPending"]["txid"] == list(txid(tx))
    # A second one, to the same payee, which the node sees only in the block.
    unseen = pay(chain, three, to="payee")
    peer.chain.append(peer.chain.make([tx, unseen]))
    peer.announce(peer.chain.tip)
    assert notified(link, one, "Confirmed")["Confirmed"] == {
        "txid": list(txid(tx)), "block_height": peer.chain.height,
        "confirmed_at": peer.chain.tip["header"]["timestamp"]}
    notified(link, (txid(tx), 0), "Unspent")
    notified(link, (txid(unseen), 0), "Unspent")
    assert link.count("UTXOStateNotification") == 4
    # What the address owns is spent.
    link.send({"Subscribe": {"id": "a", "addresses": [owner], "outpoints": []}})
    link.ping()
    node.rpc("sendrawtransaction", raw(pay(chain, two)))
    notified(link, two, "SpentPending")
    link.send({"Unsubscribe": "a"}, {"Unsubscribe": "b"}, {"Unsubscribe": "never was"})
    link.ping()
    node.rpc("sendrawtransaction", raw(pay(chain, four, to="payee")))
    link.ping()
    assert link.count("UTXOStateNotification") == 5
    assert_blameless(node, peer.ip)


def test_subscriber_is_told_when_an_output_is_free_again(node, serve, net, chain):
    """A block spends a coin of the same transaction: its other coin is unspent again."""
    one, two = coins(chain, 2)
    script = [Key.of(chain.coin(outpoint)[1]) for outpoint in (one, two)]
    total = sum(chain.coin(outpoint)[0] for outpoint in (one, two))
    loser = sign(transaction([spend(one), spend(two)], [output(total - fee_for(total), b"x")]), script)
    peer = serve(net.ip(11), chain.fork(chain.height), listen=False)
    link = peer.dial(node)
    link.send({"Subscribe": {"id": "a", "addresses": [], "outpoints": [wire_outpoint(one), wire_outpoint(two)]}})
    link.ping()
    node.rpc("sendrawtransaction", raw(loser))
    notified(link, one, "SpentPending")
    notified(link, two, "SpentPending")
    peer.chain.append(peer.chain.make([pay(chain, two)]))
    peer.announce(peer.chain.tip)
    assert notified(link, one, "Unspent") == "Unspent"
    notified(link, two, "Confirmed")


@pytest.mark.fast
def test_claims_of_peers_warn_subscribers_and_change_nothing(node, serve, net, chain):
    """That an unspent output is being spent is passed on; that it is final, free or confirmed is not theirs to say."""
    outpoint, known = coins(chain, 2)
    subscriber, peer = (serve(net.ip(number), chain, listen=False) for number in (11, 12))
    link = subscriber.dial(node)
    peer.dial(node)
    link.send({"Subscribe": {"id": "a", "addresses": [], "outpoints": [wire_outpoint(outpoint), wire_outpoint(known)]}})
    link.ping()
    node.rpc("sendrawtransaction", raw(pay(chain, known)))
    notified(link, known, "SpentPending")
    other = [9] * 32
    pending = {"SpentPending": {"txid": other, "votes": 0, "total_nodes": 0, "spent_at": 1}}
    for state in ({"SpentFinalized": {"txid": other, "finalized_at": 1, "votes": 9}}, "Unspent",
                  {"Confirmed": {"txid": other, "block_height": 1, "confirmed_at": 1}}, pending):
        peer.link.send({"UTXOStateUpdate": {"outpoint": wire_outpoint(outpoint), "state": state}},
                       {"UTXOStateUpdate": {"outpoint": wire_outpoint(known), "state": state}})
    peer.link.ping()
    assert notified(link, outpoint, "SpentPending") == pending
    link.ping()
    assert link.count("UTXOStateNotification") == 2
    assert states(link, outpoint) == {outpoint: "Unspent"}
    assert_blameless(node, peer.ip, subscriber.ip)


def test_subscriptions_are_bounded(loaded, serve, net, chain):
    """Beyond the bound a subscription is not taken, those before stay; they end with the connection."""
    limits = {"subscribed_per_peer": 5, "subscribed": 8, "subscribe_per_minute": 1000}
    node = loaded(net.ip(5), chain, sync_config(limits=limits))
    one, two, three = coins(chain, 3)
    peer, other = (serve(net.ip(number), chain, listen=False) for number in (11, 12))
    link = peer.dial(node)
    link.send({"Subscribe": {"id": "a", "addresses": ["x"] * 3, "outpoints": [wire_outpoint(one)]}},
              {"Subscribe": {"id": "b", "addresses": [], "outpoints": [wire_outpoint(two)]}})
    link.ping()
    node.wait_log(rf"{peer.ip} may not subscribe .*: too many for one peer")
    for outpoint in (one, two):
        node.rpc("sendrawtransaction", raw(pay(chain, outpoint)))
    notified(link, one, "SpentPending")
    link.ping()
    assert link.count("UTXOStateNotification") == 1
    second = other.dial(node)
    wanted = {"Subscribe": {"id": "b", "addresses": ["y"] * 3, "outpoints": [wire_outpoint(three)]}}
    second.send(wanted)
    node.wait_log(rf"{other.ip} may not subscribe .*: too many for all peers")
    link.close()
    node.wait_ended(peer.ip, ".*")
    second.send(wanted)
    second.ping()
    node.rpc("sendrawtransaction", raw(pay(chain, three)))
    notified(second, three, "SpentPending")


# --- RPC --------------------------------------------------------------------------------------------------------------

def test_rpc_getrawtransaction(node, chain):
    """Of the chain and of the pool, as hex and in words."""
    for height in (0, 20):
        for tx in chain.blocks[height]["transactions"]:
            assert node.rpc("getrawtransaction", name(tx)) == raw(tx)
            shown = node.rpc("getrawtransaction", name(tx), True)
            assert (shown["txid"], shown["hex"]) == (name(tx), raw(tx))
            assert (shown["blockhash"], shown["height"]) == (chain.hashes[height].hex(), height)
            assert shown["confirmations"] == chain.height - height + 1
            assert shown["blocktime"] == chain.blocks[height]["header"]["timestamp"]
    tx = pay(chain, *coins(chain, 1))
    refused(node, UNKNOWN, "getrawtransaction", name(tx))
    node.rpc("sendrawtransaction", raw(tx))
    assert node.rpc("getrawtransaction", name(tx), 0) == raw(tx)
    shown = node.rpc("getrawtransaction", name(tx), 1)
    assert (shown["confirmations"], shown["finalized"], shown["hex"]) == (0, False, raw(tx))
    assert round(shown["fee"] * COIN) == chain.fees([tx])
    refused(node, -8, "getrawtransaction", "12")


def test_rpc_create_decode_sign_send(node, chain):
    """A transaction made by RPC, signed by its owner, is taken."""
    outpoint, = coins(chain, 1)
    value, script = chain.coin(outpoint)
    payee = Key.numbered("payee").address
    made = node.rpc("createrawtransaction", [{"txid": outpoint[0].hex(), "vout": outpoint[1]}],
                    {payee: "1.00000001", "TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7B": 0.5})
    shown = node.rpc("decoderawtransaction", made)
    assert [round(o["value"] * COIN) for o in shown["vout"]] == [COIN + 1, COIN // 2]
    assert shown["vout"][0]["scriptPubKey"]["address"] == payee
    assert shown["vin"][0]["txid"] == outpoint[0].hex() and shown["vin"][0]["sequence"] == 0xffffffff
    tx = transaction([spend(outpoint)], [output(COIN + 1, payee.encode()),
                                         output(COIN // 2, b"TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7B")],
                     shown["timestamp"])
    assert raw(tx) == made and shown["txid"] == name(tx)
    refused(node, REJECTED, "sendrawtransaction", made)
    sign(tx, [Key.of(script)])
    assert node.rpc("testmempoolaccept", [raw(tx)]) == [
        {"txid": name(tx), "allowed": True, "size": len(bincode_transaction(tx)),
         "fees": {"base": (value - COIN - 1 - COIN // 2) / COIN}}]
    assert pool(node) == []
    assert node.rpc("sendrawtransaction", raw(tx)) == name(tx)


@pytest.mark.fast
def test_rpc_refuses_what_is_no_transaction(node, chain):
    tx = pay(chain, *coins(chain, 1))
    address = Key.numbered("payee").address
    for text in ("", "0", "xy", "00", raw(tx) + "00", raw(tx)[:-2]):
        for method in ("sendrawtransaction", "decoderawtransaction"):
            refused(node, NO_TRANSACTION, method, text)
        refused(node, NO_TRANSACTION, "testmempoolaccept", [text])
    good = {"txid": "00" * 32, "vout": 0}
    for inputs, outputs, code in (([{}], {}, -8), ([{**good, "txid": "0" * 63}], {}, -8),
                                  ([{**good, "vout": -1}], {}, -8), ([{**good, "sequence": 2**32}], {}, -8),
                                  ([good], {"TIME0x": 1}, -5),
                                  ([good], {address: -1}, -3), ([good], {address: "1.000000001"}, -3),
                                  ([good], [[]], -3), ([7], {}, -8), ([good], {address: {}}, -3)):
        refused(node, code, "createrawtransaction", inputs, outputs)
    refused(node, -8, "testmempoolaccept", [])
    refused(node, -3, "testmempoolaccept", [7])
    assert node.rpc("createrawtransaction", [good], [{address: 1}, {address: 2}])


def test_rpc_getmempoolinfo_and_verbose_list(node, chain):
    parent = pay(chain, *coins(chain, 1))
    child = pay(chain, (txid(parent), 0), to="child", before=[parent])
    empty = node.rpc("getmempoolinfo")
    assert (empty["loaded"], empty["size"], empty["bytes"], empty["usage"] >= 0) == (True, 0, 0, True)
    assert (empty["maxmempool"], empty["mempoolminfee"], empty["minrelaytxfee"]) == (300000000, 0.00001, 0.00001)
    for tx in (parent, child):
        node.rpc("sendrawtransaction", raw(tx))
    size = [len(bincode_transaction(tx)) for tx in (parent, child)]
    info = node.rpc("getmempoolinfo")
    assert (info["size"], info["bytes"]) == (2, sum(size))
    entries = node.rpc("getrawmempool", True)
    assert list(entries) == [name(parent), name(child)]
    entry = entries[name(child)]
    assert (entry["size"], entry["ancestorcount"], entry["ancestorsize"]) == (size[1], 2, sum(size))
    assert entry["depends"] == [name(parent)] and entries[name(parent)]["depends"] == []
    assert entries[name(parent)]["descendantcount"] == 2
    assert round(entry["fees"]["base"] * COIN) == fee_for(chain.coin((txid(parent), 0), [parent])[0])


def test_rpc_wait_for_finality(node, serve, net, chain):
    """Ends with the block, or with the time; twenty that wait hold up nobody; an unknown one is told at once."""
    tx, never = (pay(chain, outpoint) for outpoint in coins(chain, 2))
    peer = serve(net.ip(11), chain.fork(chain.height), listen=False)
    peer.dial(node)
    refused(node, UNKNOWN, "waittransactionfinality", name(tx), 30)
    for each in (tx, never):
        node.rpc("sendrawtransaction", raw(each))
    begin = time.monotonic()
    late = node.rpc("waittransactionfinality", name(never), 1)
    assert (late["finalized"], late["state"]) == (False, "pending") and late["wait_time_ms"] >= 1000
    assert time.monotonic() - begin >= 1
    waiting = [node.rpc_begin("waittransactionfinality", name(tx), 60) for _ in range(20)]
    begin = time.monotonic()
    for _ in range(30):
        node.rpc("getblockcount")
    assert time.monotonic() - begin < scaled(5)
    peer.chain.append(peer.chain.make([tx]))
    peer.announce(peer.chain.tip)
    answers = [end() for end in waiting]
    assert [answer["state"] for answer in answers] == ["confirmed"] * 20
    assert answers[0]["confirmations"] == 1 and answers[0]["height"] == peer.chain.height
    assert any(answer["wait_time_ms"] > 0 for answer in answers)


def test_stop_waits_for_nobody_who_waits(node, chain):
    """The connection of a method that waits just ends."""
    tx = pay(chain, *coins(chain, 1))
    node.rpc("sendrawtransaction", raw(tx))
    end = node.rpc_begin("waittransactionfinality", name(tx), 3600)
    node.rpc("getblockcount")
    node.stop(timeout=5)
    with pytest.raises((OSError, http.client.HTTPException)):
        end()
