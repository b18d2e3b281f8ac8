# SPDX-License-Identifier: MIT
"""adversarial, "Framing": 1 to 10."""
import threading
import time

import pytest

from harness import wire
from harness.net import ALL_ROUNDS, SCALE, Range, rounds, scaled, wait_until
from harness.peer import Closed, connect
from harness.transcript import json_lines

MIB = 1 << 20


@pytest.mark.fast
def test_adversarial_01_line_split_at_every_byte(node, net):
    """A ping cut in two at every place is answered once; the rest is sent only when the first half has been read."""
    peer = node.dial_in(net.ip(3), pong=False, answers=False)  # nothing else may come between the halves
    frames = [wire.encode(wire.ping(1000 + index)) for index in range(80)]
    last = len(frames[0]) - 1
    peer.send_raw(frames[0] + frames[1][:1])
    for index in range(1, last):
        peer.expect_pong(1000 + index - 1)
        peer.send_raw(frames[index][index:] + frames[index + 1][:index + 1])
    peer.expect_pong(1000 + last - 1)
    peer.send_raw(frames[last][last:])
    peer.expect_pong(1000 + last)

    answered = [pong["nonce"] for pong in peer.payloads("Pong")]
    assert answered == [1000 + index for index in range(last + 1)]
    assert not node.violations(net.ip(3))


def test_adversarial_01_handshake_byte_by_byte(node, net):
    """The first lines of a connection come one byte at a time."""
    peer = node.raw_peer(net.ip(3), pong=False, answers=False)
    for byte in wire.encode(wire.handshake()) + wire.encode(wire.version()) + wire.encode(wire.ping(7)):
        peer.send_raw(bytes([byte]))
    peer.expect("Ack")
    peer.expect_pong(7)
    assert peer.count("Ack") == 1


@pytest.mark.parametrize("limit", [pytest.param(65536, marks=pytest.mark.fast), None], ids=["64k", "default"])
def test_adversarial_02_line_one_byte_over_the_limit(daemons, net, limit):
    """Disconnected, one violation, and no memory beyond the line itself."""
    node = daemons(net.ip(5), {"limits": {"max_frame_bytes": limit}} if limit else None)
    peer = node.dial_in(net.ip(3))
    before = node.rss()
    try:
        peer.send_raw(wire.padded_ping((limit or 16 * MIB) + 1))
    except OSError:
        pass        # it may be closed before the last byte left

    peer.expect_closed()
    node.wait_ended(net.ip(3), "line too long")
    assert len(node.violations(net.ip(3))) == 1
    assert node.rss_peak() - before < (3 * (limit or 16 * MIB) + 32 * MIB) * max(1, SCALE)
    node.assert_alive(net.ip(4))


@pytest.mark.parametrize("limit", [pytest.param(65536, marks=pytest.mark.fast), None], ids=["64k", "default"])
def test_adversarial_03_line_of_exactly_the_limit(daemons, net, limit):
    """Accepted as any other."""
    node = daemons(net.ip(5), {"limits": {"max_frame_bytes": limit}} if limit else None)
    peer = node.dial_in(net.ip(3))
    peer.send_raw(wire.padded_ping(limit or 16 * MIB, nonce=2**64 - 1))
    peer.expect_pong(2**64 - 1, timeout=10)
    peer.ping()
    assert not node.violations(net.ip(3))


def test_adversarial_04_no_newline_before_the_handshake(daemons, net):
    """Cut at the handshake deadline, although bytes keep coming."""
    node = daemons(net.ip(5), {"timers": {"handshake_timeout_ms": 500}})
    sock = connect(net.ip(3), node.ip)
    begin = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begin < scaled(5):
            sock.sendall(b"{")
            time.sleep(0.05)
    assert time.monotonic() - begin < scaled(3)
    node.wait_ended(net.ip(3), "handshake timeout")


@pytest.mark.fast
def test_adversarial_04_no_newline_after_the_handshake(daemons, net):
    """Cut at the limit, memory bounded."""
    node = daemons(net.ip(5), {"limits": {"max_frame_bytes": MIB}})
    peer = node.dial_in(net.ip(3))
    before = node.rss()
    with pytest.raises(OSError):
        for _ in range(2000):
            peer.send_raw(b" " * 65536)
    node.wait_ended(net.ip(3), "line too long")
    assert node.rss_peak() - before < 32 * MIB * max(1, SCALE)
    node.assert_alive(net.ip(4))


def send_bad_lines(node, peer, line):
    """Nine bad lines are borne, the tenth ends the connection as one violation."""
    for _ in range(9):
        peer.send_raw(line + b"\n")
        peer.ping()
    assert not node.violations(peer.ip)
    peer.send_raw(line + b"\n")
    peer.expect_closed()
    node.wait_ended(peer.ip, "malformed")
    assert len(node.violations(peer.ip)) == 1


@pytest.mark.fast
def test_adversarial_05_malformed_json(node, net):
    """Counted; alive; the tenth on one connection ends it."""
    send_bad_lines(node, node.dial_in(net.ip(3)), b'{"Ping":{"nonce":1,"timest')
    node.assert_alive(net.ip(4))
    node.assert_alive(net.ip(3))


@pytest.mark.parametrize("line", [b'"NoSuchMessage"', b'{"NoSuchMessage":{"a":1}}', b'{"ping":{"nonce":1}}'])
def test_adversarial_06_unknown_message(node, net, line):
    """Counted as malformed: the connection stays until the limit."""
    send_bad_lines(node, node.dial_in(net.ip(3)), line)
    node.assert_alive(net.ip(4))


def test_adversarial_07_eighty_junk_messages_of_the_maximum_size(daemons, net):
    """Eight peers send ten each, and another peer's ping is answered in under 2 s all the while."""
    size = rounds(16 * MIB, 4 * MIB)
    node = daemons(net.ip(5), {"limits": {"max_frame_bytes": size}})
    watcher = node.dial_in(net.ip(200))
    junk = b"[" + b"7," * (size // 2 - 1) + b"7"
    senders = [node.dial_in(net.ip(100 + index)) for index in range(8)]

    def send(peer):
        try:
            for _ in range(10):
                peer.send_raw(junk + b"\n")
        except OSError:
            pass

    threads = [threading.Thread(target=send, args=(peer,)) for peer in senders]
    for thread in threads:
        thread.start()
    slowest = 0
    while any(thread.is_alive() for thread in threads):
        slowest = max(slowest, watcher.ping(timeout=2))
    for peer in senders:
        peer.expect_closed(timeout=30)
        node.wait_ended(peer.ip, "malformed")
        assert len(node.violations(peer.ip)) == 1
    print(f"slowest ping {slowest * 1000:.0f} ms")
    watcher.ping(timeout=2)


ZERO = [0] * 32
OVER_THE_LIMIT = {
    "masternodes": {"MasternodesResponse": [{"address": "10.0.0.1", "reward_address": "", "tier": "Free",
                                             "public_key": ZERO}] * 10001},
    "outpoints": {"UTXOStateQuery": [{"txid": ZERO, "vout": 0}] * 1001},
    "subscription-addresses": {"Subscribe": {"id": "a", "addresses": ["b"] * 1001, "outpoints": []}},
    "subscription-outpoints": {"Subscribe": {"id": "a", "addresses": [],
                                             "outpoints": [{"txid": ZERO, "vout": 0}] * 1001}},
    "string": {"Unsubscribe": "a" * 1025},
    "network-name": {"Version": wire.version(network="n" * 1025)["Version"]},
    "reason": {"TransactionRejected": {"txid": ZERO, "reason": "r" * 4097}},
    "commit-signatures": {"BlockCommit": {"block_hash": ZERO, "height": 1, "signatures": [["a", []]] * 1001}},
    "script": {"TransactionBroadcast": {"version": 1, "inputs": [], "lock_time": 0, "timestamp": 0,
                                        "outputs": [{"value": 1, "script_pubkey": [1] * 10001}]}},
    "outputs": {"TransactionBroadcast": {"version": 1, "inputs": [], "lock_time": 0, "timestamp": 0,
                                         "outputs": [{"value": 1, "script_pubkey": []}] * 10001}},
    "block-transactions": {"BlockAnnouncement": {
        "header": {"version": 1, "height": 1, "previous_hash": ZERO, "merkle_root": ZERO, "timestamp": 0,
                   "block_reward": 0},
        "transactions": [{"version": 1, "inputs": [], "outputs": [], "lock_time": 0, "timestamp": 0}] * 10001,
        "masternode_rewards": []}},
}


@pytest.mark.fast
def test_adversarial_08_lists_and_strings_over_their_limits(node, net):
    """Each is refused as a violation, and no crash."""
    for number, (name, message) in enumerate(OVER_THE_LIMIT.items()):
        ip = net.ip(20 + number)
        peer = node.dial_in(ip)
        peer.send(message)
        wait_until(lambda: node.violations(ip), 5, f"a violation for {name}")
        peer.close()
    node.assert_alive(net.ip(4))


def test_adversarial_08_lists_and_strings_at_their_limits(node, net):
    """The largest that are allowed are no violation; the connection answers afterwards."""
    at_limit = [
        {"UTXOStateQuery": [{"txid": ZERO, "vout": 0}] * 1000},
        {"Unsubscribe": "a" * 1024},
        {"TransactionRejected": {"txid": ZERO, "reason": "r" * 4096}},
        {"BlockCommit": {"block_hash": ZERO, "height": 1, "signatures": [["a", []]] * 1000}},
        {"Subscribe": {"id": "a", "addresses": ["b"] * 1000, "outpoints": [{"txid": ZERO, "vout": 0}] * 1000}},
    ]
    peer = node.dial_in(net.ip(3))
    for message in at_limit:
        peer.send(message)
        peer.ping()
    assert not node.violations(net.ip(3))


def verdict_of(node, ip, line):
    """What the daemon thinks of a line: nine bad ones before it, so that one more would end the connection."""
    peer = node.raw_peer(ip)
    peer.handshake()
    try:
        peer.send_raw(b"garbage\n" * 9 + line + b"\n")
        peer.ping()
        return "accept"
    except (Closed, OSError):
        return "refuse"
    finally:
        peer.close()


def test_adversarial_09_verdicts_over_the_wire(daemons, net):
    """Every line of verdicts.jsonl gets our verdict from the running daemon."""
    node = daemons(net.ip(5), {"logging": {"level": "info"}})
    ranges = [net, Range()]
    lines = [entry for entry in json_lines("verdicts.jsonl") if entry["line"].strip()]
    lines = lines if ALL_ROUNDS else lines[::2]
    wrong = []
    for number, entry in enumerate(lines):
        ip = ranges[number // 240].ip(10 + number % 240)
        got = verdict_of(node, ip, entry["line"].encode("utf-8", "surrogatepass"))
        if got != entry["ours"]:
            wrong.append((entry["line"][:120], entry["ours"], got))
    ranges[1].release()
    assert not wrong


@pytest.mark.fast
def test_adversarial_09_odd_bytes(node, net):
    """What no text file can hold: NUL, bad UTF-8, a BOM, a bare carriage return inside a line."""
    refused = [b'{"Unsubscribe":"\x00"}', b'{"Unsubscribe":"\xff"}', b'{"Unsubscribe":"\xc0\x80"}',
               b'{"Unsubscribe":"\xed\xa0\x80"}', b'\xef\xbb\xbf"GetPeers"', b'"GetPeers"\x0b', b'"GetPeers"\x00',
               b'{"GetBlocks":[1.0,2]}', b'{"GetBlocks":[01,2]}', b'{"GetBlocks":[-0,2]}', b'{"GetBlocks":[1e3,2]}',
               b'{"GetBlocks":[18446744073709551616,2]}', b'"GetPeers" "GetPeers"', b'{"Unsubscribe":"\\ud800"}']
    accepted = [b'"GetPeers"\r', b'\t "GetPeers" \t\r', b'{"Unsubscribe":"\\ud834\\udd1e"}', b'{"GetPeers":null}',
                b'{"Ping":{"timestamp":-1,"more":[{"a":null}],"nonce":18446744073709551615}}']
    for number, line in enumerate(refused + accepted):
        expected = "refuse" if line in refused else "accept"
        assert verdict_of(node, net.ip(10 + number), line) == expected, line
    node.assert_alive(net.ip(4))


def answered(peer):
    """Whether a ping is answered now; one may fall to the flood before it."""
    try:
        return peer.ping(timeout=1) is not None
    except Closed:
        raise
    except AssertionError:
        return False


@pytest.mark.fast
def test_adversarial_10_both_sides_send_four_megabytes_without_reading(daemons, net):
    """The daemon goes on reading while its own output waits: nobody is locked up."""
    node = daemons(net.ip(5), {"logging": {"level": "info"}})
    peer = node.dial_in(net.ip(3), rcvbuf=16384)
    peer.pause_reading()
    flood = b"".join(wire.encode(wire.ping(nonce)) for nonce in range(4 * MIB // 50))
    sender = threading.Thread(target=peer.send_raw, args=(flood,))
    sender.start()
    sender.join(scaled(20))
    assert not sender.is_alive(), "the daemon stopped reading because it was not read from"

    peer.resume_reading()
    wait_until(lambda: answered(peer), 20, "a ping after the flood is answered")
    assert node.endings() == []
