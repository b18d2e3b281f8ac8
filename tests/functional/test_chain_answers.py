# SPDX-License-Identifier: MIT
"""What a daemon with a chain answers to its peers (PROTOCOL.md §3), and what limits that. adversarial 44."""
import re
import time

import pytest

from harness import config as toml
from harness import wire
from harness.chain import Chain, Key, ZERO, output, sign, spend, transaction, txid, wire_outpoint
from harness.net import scaled, wait_until
from harness.sync import chain_with_payments, sync_config

MAX_ANSWER = 4 << 20


@pytest.fixture(scope="module")
def chain():
    return chain_with_payments(250)


@pytest.fixture
def served(loaded, net, chain):
    """A daemon with the chain, and a peer of it."""
    node = loaded(net.ip(5), chain, sync_config())
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    node.wait_peer(peer.ip)
    return node, peer


def ask(peer, name, *messages, timeout=10):
    """The payloads of that name that come before the pong of a ping behind the messages."""
    before = len(peer.received)
    nonce = wire.ping()["Ping"]["nonce"]
    peer.send(*messages, wire.ping(nonce))
    peer.expect_pong(nonce, timeout)
    return [payload for _, got, payload in peer.received[before:] if got == name]


@pytest.mark.fast
def test_get_blocks(served, chain):
    """Inclusive, 101 at most, counted from the start that was asked for; what lies above the tip is missing."""
    node, peer = served
    cases = {(0, 0): (0, 0), (5, 9): (5, 9), (1, 101): (1, 101), (1, 102): (1, 101), (0, 2**64 - 1): (0, 100),
             (200, 400): (200, 250), (250, 250): (250, 250)}
    for asked, (first, last) in cases.items():
        assert ask(peer, "BlocksResponse", {"GetBlocks": list(asked)}) == [chain.blocks[first:last + 1]], asked
    for empty in ((251, 300), (9, 5), (2**64 - 1, 2**64 - 1), (2**64 - 1, 0)):
        assert ask(peer, "BlocksResponse", {"GetBlocks": list(empty)}) == [[]], empty
    assert not node.violations(peer.ip)


@pytest.mark.fast
def test_get_block_range(served, chain):
    """The same bound, which existing nodes do not have."""
    _, peer = served

    def range_(first, last):
        return ask(peer, "BlockRangeResponse", {"GetBlockRange": {"start_height": first, "end_height": last}})
    assert range_(5, 9) == [chain.blocks[5:10]]
    assert range_(0, 2**64 - 1) == [chain.blocks[0:101]]
    assert range_(240, 260) == [chain.blocks[240:251]]
    assert range_(251, 260) == range_(9, 5) == [[]]


@pytest.mark.fast
def test_answers_are_byte_for_byte_those_of_the_rust_node(served, chain):
    """No spaces, keys in their order, no extra key where there is nothing to carry."""
    _, peer = served
    ask(peer, "BlocksResponse", {"GetBlocks": [0, 7]})
    line = next(line for line in reversed(peer.lines) if line.startswith(b'{"BlocksResponse"'))
    assert line == b'{"BlocksResponse":[' + b",".join(chain.line(height) for height in range(8)) + b"]}"
    ask(peer, "BlockResponse", {"BlockRequest": 8})
    assert b'{"BlockResponse":' + chain.line(8) + b"}" in peer.lines


@pytest.mark.fast
def test_block_request(served, chain):
    """One block by its height; above the tip there is no answer to give."""
    _, peer = served
    assert ask(peer, "BlockResponse", {"BlockRequest": 0}, {"BlockRequest": 77}) == [chain.blocks[0], chain.blocks[77]]
    assert ask(peer, "BlockResponse", {"BlockRequest": 251}, {"BlockRequest": 2**64 - 1}) == []


@pytest.mark.fast
def test_hashes_and_height(served, chain):
    _, peer = served
    assert ask(peer, "BlockHeightResponse", "GetBlockHeight") == [250]
    assert ask(peer, "GenesisHashResponse", "GetGenesisHash") == [chain.hash_at(0)]
    for height in (0, 1, 249, 250):
        assert ask(peer, "BlockHashResponse", {"GetBlockHash": height}) == [{"height": height,
                                                                             "hash": chain.hash_at(height)}]
    for height in (251, 2**63, 2**64 - 1):
        assert ask(peer, "BlockHashResponse", {"GetBlockHash": height}) == [{"height": height, "hash": None}]
    assert peer.payloads("Version")[0]["height"] == 250


@pytest.mark.fast
def test_consensus_query(served, chain):
    """All zero where the height is not known."""
    _, peer = served
    for height, asked, agrees, theirs in ((77, chain.hash_at(77), True, chain.hash_at(77)),
                                          (77, chain.hash_at(78), False, chain.hash_at(77)),
                                          (251, chain.hash_at(77), False, list(ZERO)),
                                          (251, list(ZERO), False, list(ZERO)),
                                          (2**64 - 1, [9] * 32, False, list(ZERO))):
        query = {"ConsensusQuery": {"height": height, "block_hash": asked}}
        assert ask(peer, "ConsensusQueryResponse", query) == [{"agrees": agrees, "height": height,
                                                               "their_hash": theirs}]


@pytest.mark.fast
def test_utxo_state_hash(served, chain, net):
    """Equals the model's, at this tip and after the next block. It is made once per tip: that of the old one may be
    answered for a while, and says so."""
    node, peer = served

    def answer(of):
        return {"hash": list(of.utxos.state_hash()), "height": of.height, "utxo_count": len(of.utxos.coins)}
    assert ask(peer, "UTXOStateHashResponse", "GetUTXOStateHash") == [answer(chain)]
    after = chain.fork(chain.height)
    after.grow(1, transactions=3)
    peer.send({"BlockAnnouncement": after.tip})
    node.wait_chain(after)
    other = node.raw_peer(net.ip(4), genesis=chain.hash_at(0))
    other.handshake()

    def new_one():
        [said] = ask(other, "UTXOStateHashResponse", "GetUTXOStateHash")
        assert said in (answer(chain), answer(after))
        return said == answer(after)
    wait_until(new_one, 5, "the hash of the new tip", interval=0.2)


@pytest.mark.fast
def test_utxo_set_that_fits(served, chain):
    """Every unspent output with its value, script and address (of a script that is none, what the script says)."""
    _, peer = served
    [entries] = ask(peer, "UTXOSetResponse", "GetUTXOSet")
    said = {(bytes(e["outpoint"]["txid"]), e["outpoint"]["vout"]): (e["value"], bytes(e["script_pubkey"]))
            for e in entries}
    assert said == chain.utxos.coins and len(entries) == len(said)
    for entry in entries:
        script = bytes(entry["script_pubkey"])
        if Key.of(script):
            assert entry["address"] == script.decode()


def test_utxo_set_that_does_not_fit(loaded, net):
    """An empty list, and a line in the log: not one for each time that it is asked."""
    chain = Chain(tiers=("Free",) * 40)
    chain.grow(400)
    assert len(chain.utxos.coins) > 16000
    node = loaded(net.ip(5), chain, sync_config())
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    assert ask(peer, "UTXOSetResponse", "GetUTXOSet") == [[]]
    refusal = rf"INFO Not sending the UTXO set to {re.escape(peer.ip)}: {len(chain.utxos.coins)} outputs do not fit"
    node.wait_log(refusal)
    assert ask(peer, "UTXOSetResponse", *["GetUTXOSet"] * 30) == [[]] * 30
    assert max(len(line) for line in peer.lines) < MAX_ANSWER
    # The hash is not refused: it is one number for them all.
    assert ask(peer, "UTXOStateHashResponse", "GetUTXOStateHash")[0]["utxo_count"] == len(chain.utxos.coins)
    peer.close()
    node.wait_ended(peer.ip, "eof")
    assert node.wait_log(r'INFO \d+ more lines like "Not sending the UTXO set')
    assert 5 <= len(node.log_lines(refusal)) <= 10


@pytest.mark.fast
def test_utxo_state_query(served, chain):
    """Unspent outputs are Unspent. What the chain never had is left out. A spent one is left out too, or Confirmed with
    who spent it and where: PROTOCOL.md demands only that unknown ones are left out."""
    _, peer = served
    unspent = [o for o in chain.utxos.coins][-3:]
    spender = next(tx for block in reversed(chain.blocks) for tx in block["transactions"] if tx["inputs"])
    height = next(n for n, block in enumerate(chain.blocks) if spender in block["transactions"])
    spent = spender["inputs"][0]["previous_output"]
    unknown = [wire_outpoint((bytes([9] * 32), 0)), wire_outpoint((unspent[0][0], 4000000000))]
    query = [wire_outpoint(o) for o in unspent] + [spent] + unknown
    [states] = ask(peer, "UTXOStateResponse", {"UTXOStateQuery": query})
    said = {(bytes(o["txid"]), o["vout"]): state for o, state in states}
    assert [said.pop(o) for o in unspent] == ["Unspent"] * 3
    confirmed = said.pop((bytes(spent["txid"]), spent["vout"]), None)
    if confirmed is not None:
        assert confirmed["Confirmed"]["txid"] == list(txid(spender))
        assert confirmed["Confirmed"]["block_height"] == height
    assert not said
    assert ask(peer, "UTXOStateResponse", {"UTXOStateQuery": []}) == [[]]


def test_answers_are_at_most_four_megabytes_and_one_block(loaded, net):
    """Blocks of a few hundred kilobytes: the list is cut by its size; a block above the bound comes alone."""
    chain = chain_with_payments(8)
    for _ in range(30):
        chain.append(chain.make([chain.pay([chain.spendable(1)[0]], parts=1500, to="many")]))
    sizes = [len(chain.line(height)) for height in range(9, 39)]
    assert 200_000 < max(sizes) < MAX_ANSWER / 4
    node = loaded(net.ip(5), chain, sync_config())
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    for name, answer, question in (("GetBlocks", "BlocksResponse", lambda f: [f, f + 100]),
                                   ("GetBlockRange", "BlockRangeResponse",
                                    lambda f: {"start_height": f, "end_height": f + 100})):
        at, answers = 0, 0
        while at <= chain.height:
            [blocks] = ask(peer, answer, {name: question(at)})
            assert blocks and blocks == chain.blocks[at:at + len(blocks)]
            at, answers = at + len(blocks), answers + 1
        assert 2 <= answers < 12
    biggest = max(len(line) for line in peer.lines)
    assert MAX_ANSWER / 2 < biggest <= MAX_ANSWER + 64
    # Somebody who asks for all of it at once gets it all, in pieces.
    fresh = loaded(net.ip(6), Chain(), sync_config(node.ip))
    fresh.wait_chain(chain, 40)
    fresh.assert_chain(chain)


def test_block_larger_than_an_answer_comes_alone(loaded, net):
    """Nearly 2 MB in bincode are more than 4 MiB of JSON."""
    chain = chain_with_payments(8)
    for _ in range(2):
        txs = []
        for outpoint in chain.spendable(3):
            value, script = chain.coin(outpoint)
            outputs = [output(0, [200] * 10000) for _ in range(60)]
            txs.append(sign(transaction([spend(outpoint)], [output(value, script), *outputs]), [Key.of(script)]))
        chain.append(chain.make(txs))
    assert len(chain.line(9)) > MAX_ANSWER
    node = loaded(net.ip(5), chain, sync_config())
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    assert ask(peer, "BlocksResponse", {"GetBlocks": [9, 10]}) == [[chain.blocks[9]]]
    assert ask(peer, "BlocksResponse", {"GetBlocks": [7, 10]}) == [chain.blocks[7:9]]
    assert ask(peer, "BlockResponse", {"BlockRequest": 10}) == [chain.blocks[10]]
    fresh = loaded(net.ip(6), Chain(), sync_config(node.ip))
    fresh.wait_chain(chain, 40)
    fresh.assert_chain(chain)


@pytest.mark.fast
def test_utxo_set_whose_line_is_too_long(loaded, net):
    """Few outputs, but more bytes than an answer may have: as if there were too many."""
    chain = Chain()
    chain.grow(60)
    node = loaded(net.ip(5), chain, sync_config())
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    [entries] = ask(peer, "UTXOSetResponse", "GetUTXOSet")
    size = max(len(line) for line in peer.lines)
    assert len(entries) == len(chain.utxos.coins) and size > 8192
    node.stop()
    node.config = toml.merge(node.config, {"limits": {"answer_bytes": size - 200}})
    node.start()
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    assert ask(peer, "UTXOSetResponse", "GetUTXOSet") == [[]]
    node.wait_log(rf"Not sending the UTXO set to {peer.ip}: {len(entries)} outputs do not fit one answer")


# --- 44 -------------------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_adversarial_44_the_same_blocks_again_and_again(served, chain, net):
    """Limited to ten a second; the newest are served at once, to the same peer and to others, and nothing is
    blamed."""
    node, peer = served
    other = node.raw_peer(net.ip(4), genesis=chain.hash_at(0))
    other.handshake()
    begin = time.monotonic()
    answers = ask(peer, "BlocksResponse", *[{"GetBlocks": [1, 50]}] * 300, timeout=60)
    took = time.monotonic() - begin
    # A bucket of ten that fills with ten a second.
    assert 1 <= len(answers) <= 10 + 10 * took + 5, f"{len(answers)} answers in {took:.2f} s"
    begin = time.monotonic()
    for who in (peer, other):
        assert ask(who, "BlocksResponse", {"GetBlocks": [245, 250]}) == [chain.blocks[245:251]]
    assert time.monotonic() - begin < scaled(2)
    assert node.peer(peer.ip) and not node.violations(peer.ip)
    node.assert_alive(net.ip(9))


def test_adversarial_44_all_of_it_from_many(served, chain, net):
    """Many peers ask for everything at once: each gets it in order, the daemon stays alive."""
    node, _ = served
    peers = [node.raw_peer(net.ip(20 + number), genesis=chain.hash_at(0)) for number in range(8)]
    for peer in peers:
        peer.handshake()
        peer.send(*[{"GetBlocks": [first, first + 49]} for first in range(0, 250, 50)], {"GetBlockHash": 250})
    for peer in peers:
        peer.expect("BlockHashResponse", where=lambda p: p["height"] == 250, timeout=20)
        assert [blocks[0]["header"]["height"] for blocks in peer.payloads("BlocksResponse")] == [0, 50, 100, 150, 200]
    node.assert_alive(net.ip(9))


def test_answers_come_while_blocks_connect(loaded, serve, net, chain):
    """Questions are answered from snapshots: at any moment of a sync an answer is whole and of one tip."""
    server = serve(net.ip(8), chain, delay=0.02, most=10)
    node = loaded(net.ip(5), chain.fork(0), sync_config(server.ip))
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    at, seen = {}, 0

    def look():
        nonlocal seen
        for answer in ask(peer, "UTXOStateHashResponse", "GetUTXOStateHash"):
            height = answer["height"]
            at[height] = at.get(height) or chain.fork(height)
            assert answer["hash"] == list(at[height].utxos.state_hash())
            assert answer["utxo_count"] == len(at[height].utxos.coins)
            seen += 1
        return node.tip() == chain.tip_hash
    wait_until(look, 40, "sync", interval=0.05)
    assert seen > 3
    assert not node.log_lines(r"\bERROR\b")
