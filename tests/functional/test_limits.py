# SPDX-License-Identifier: MIT
"""Keys of [limits], [timers] and [security] whose values nothing else shows: one daemon with small ones, one on which
the limits are off, and one that makes blocks."""
import time

import pytest

from harness import web, wire
from harness.net import P2P_PORT, wait_until
from harness.sync import chain_with_payments, sync_config

LIMITS = {"answer_bytes": 4096, "same_range_per_second": 2, "utxo_query_per_second": 1, "masternode_slots_percent": 80}
TIMERS = {"violation_reset_ms": 1, "tcp_keepalive_idle_s": 5000}
QUERIES = 40
UNKNOWN = {"UTXOStateQuery": [{"txid": [1] * 32, "vout": 0}]}


@pytest.fixture(scope="module")
def chain():
    return chain_with_payments(40)


def answers(peer, name, *messages):
    """The answers of that name that come before the pong of a ping behind the messages, and the seconds it took."""
    before, begin = len(peer.received), time.monotonic()
    nonce = wire.ping()["Ping"]["nonce"]
    peer.send(*messages, wire.ping(nonce))
    peer.expect_pong(nonce, 10)
    return [payload for _, got, payload in peer.received[before:] if got == name], time.monotonic() - begin


def keepalive_s(node, ip):
    """Seconds until the kernel will probe the connection with that peer: of /proc/net/tcp, timer 2."""
    def number(address):
        return "%02X%02X%02X%02X" % tuple(int(part) for part in reversed(address.split(".")))
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file:
            field = line.split()
            if field[1] == f"{number(node.ip)}:{P2P_PORT:04X}" and field[2].startswith(number(ip) + ":"):
                kind, when = field[5].split(":")
                return int(when, 16) / 100 if kind == "02" else None
    return None


@pytest.mark.fast
def test_small_values(loaded, net, chain):
    node = loaded(net.ip(5), chain, sync_config(limits=LIMITS, network={"max_peers": 10}, timers=TIMERS))
    peer = node.raw_peer(net.ip(3), genesis=chain.hash_at(0))
    peer.handshake()
    node.wait_peer(peer.ip)
    # Lists end where they would get longer than limits.answer_bytes.
    [blocks], _ = answers(peer, "BlocksResponse", {"GetBlocks": [1, 40]})
    assert 1 <= len(blocks) < 40 and blocks == chain.blocks[1:1 + len(blocks)]
    assert max(len(line) for line in peer.lines) <= 4096 + 64
    # The same blocks again: two at once, and two a second.
    got, took = answers(peer, "BlocksResponse", *[{"GetBlocks": [1, 40]}] * QUERIES)
    assert 2 <= len(got) <= 2 + 2 * took + 1
    # A bucket holds ten at least; it fills with one a second.
    got, took = answers(peer, "UTXOStateResponse", *[UNKNOWN] * QUERIES)
    assert 10 <= len(got) <= 10 + took + 1
    # The kernel probes a connection that says nothing.
    wait_until(lambda: 4000 < (keepalive_s(node, peer.ip) or 0) <= 5000, what="keep-alive after 5000 s")
    # Eight of ten slots are kept for masternodes: the third ordinary peer has none.
    node.raw_peer(net.ip(10)).handshake()
    third = node.raw_peer(net.ip(11))
    third.send(wire.handshake())
    third.expect_closed()
    node.wait_ended(third.ip, "full")
    assert len(node.peers()) == 2
    # Violations a millisecond apart do not add up.
    for _ in range(4):
        liar = node.raw_peer(net.ip(20))
        liar.send(wire.handshake(magic=[0, 0, 0, 0]))
        liar.expect_closed()
    assert node.log_lines("Violation #1 from " + liar.ip) and not node.log_lines("Violation #2 from ")


def test_blocks_that_we_make(daemons, net):
    """block.max_transactions_per_block and block.max_block_size_kb bound them, and all payments get into some."""
    node = daemons(net.ip(5), {"masternode": {"enabled": True}, "consensus": {"min_masternodes": 1},
                               "block": {"block_time_seconds": 1, "max_transactions_per_block": 3,
                                         "max_block_size_kb": 2},
                               "devnet": {"genesis_timestamp": int(time.time()) - 25}})
    node.wait_height(25)
    # No block is made until all of them are there.
    node.config["consensus"]["min_masternodes"] = 2
    node.restart()
    to = node.rpc("getnewaddress")
    # Two of six inputs, each above a thousand bytes, and six small ones.
    sent = {node.rpc("sendtoaddress", to, amount) for amount in [550] * 2 + [1] * 6}
    node.rpc("setban", net.ip(99), "add")
    values, held = web.metrics(node), node.rpc("getmempoolinfo")
    assert values["timed_mempool_size"] == 8 and values["timed_bans"] == 1
    assert values["timed_mempool_bytes"] == held["bytes"] > 2000
    assert [value for name, value in values.items() if name.startswith("timed_build_info{")] == [1]
    found, blocks, height = set(), [], node.height()
    node.config["consensus"]["min_masternodes"] = 1
    node.restart()

    def all_found():
        nonlocal height
        while height < node.height():
            height += 1
            block = node.rpc("getblock", node.rpc("getblockhash", height))
            blocks.append(block)
            found.update(block["tx"])
        return sent <= found
    wait_until(all_found, 20, lambda: f"{len(sent & found)} of {len(sent)}\n{node.tail()}")
    assert max(len(block["tx"]) for block in blocks) == 3
    assert 1024 < max(block["size"] for block in blocks) <= 2048


@pytest.mark.fast
def test_without_limits_and_without_a_disk(daemons, net):
    """security.enable_rate_limiting = false: all is answered; storage.backend = "memory": a restart knows nothing."""
    node = daemons(net.ip(5), {"limits": LIMITS, "security": {"enable_rate_limiting": False},
                               "storage": {"backend": "memory"}})
    peer = node.dial_in(net.ip(3))
    got, _ = answers(peer, "UTXOStateResponse", *[UNKNOWN] * QUERIES)
    assert len(got) == QUERIES
    got, _ = answers(peer, "BlocksResponse", *[{"GetBlocks": [0, 0]}] * QUERIES)
    assert len(got) == QUERIES
    node.rpc("setban", net.ip(99), "add")
    assert node.rpc("listbanned")
    node.restart()
    assert not node.rpc("listbanned")
