# SPDX-License-Identifier: MIT
"""adversarial, "Keep-alive": 20 to 25."""
import re
import time

import pytest

from harness import web, wire
from harness.net import SCALE, paced, paced_ms, rounds, scaled, wait_until

MIB = 1 << 20

# A heartbeat three hundred times as fast as the protocol's, in the same proportions.
FAST = {"ping_interval_ms": paced_ms(100), "pong_timeout_ms": paced_ms(300), "heartbeat_check_ms": paced_ms(50),
        "max_missed_pongs": 3}
# When a peer that falls silent must be gone: its last pings are sent, age, and are looked at.
REAPED_WITHIN = 5 * 0.1 + 0.3 + 3 * 0.05 + 1.0


@pytest.fixture
def brisk(daemons, net):
    """A daemon with a fast heartbeat."""
    return daemons(net.ip(5), {"timers": FAST})


@pytest.mark.fast
def test_adversarial_20_pong_with_a_wrong_nonce(node, net):
    """Logged; the ping stays outstanding until the right pong."""
    peer = node.dial_in(net.ip(3), pong=False)
    nonce = peer.expect("Ping")["nonce"]
    mark = node.mark()
    peer.send(wire.pong(nonce ^ 1))
    peer.ping()
    assert "pingwait" in node.peer(net.ip(3))
    node.wait_log(rf"(?i)pong.*{nonce ^ 1}", mark)

    mark = node.mark()
    peer.send(wire.pong(nonce))
    node.wait_log(rf"Received pong from {re.escape(net.ip(3))} \(nonce: {nonce}, rtt: ", mark)
    assert "pingtime" in node.peer(net.ip(3))
    assert not node.violations(net.ip(3))


def test_adversarial_20_only_wrong_pongs(brisk, net):
    """Wrong pongs keep nobody alive."""
    peer = brisk.dial_in(net.ip(3), pong=False)
    begin = time.monotonic()
    seen = 0
    while peer.is_open() and time.monotonic() - begin < scaled(5):
        if peer.count("Ping") > seen:
            seen += 1
            try:
                peer.send(wire.pong(7))
            except OSError:
                break
        time.sleep(0.01)
    peer.expect_closed()
    brisk.wait_ended(net.ip(3), "timeout")
    assert web.metrics(brisk)["timed_missed_pongs_total"] >= 3


@pytest.mark.fast
def test_adversarial_21_unsolicited_pong(node, net):
    """Logged, no effect."""
    peer = node.dial_in(net.ip(3))
    mark = node.mark()
    peer.send(wire.pong(12345678901234567890))
    peer.ping()
    node.wait_log(r"(?i)pong.*12345678901234567890", mark)
    entry = node.peer(net.ip(3))
    assert entry["missed_pongs"] == 0 and not node.violations(net.ip(3))


@pytest.mark.fast
def test_adversarial_22_never_pongs_but_pings(brisk, net):
    """Answered as long as it lives, and dropped after three missed pongs."""
    peer = brisk.dial_in(net.ip(3), pong=False)
    begin = time.monotonic()
    answered = 0
    try:
        while peer.is_open() and time.monotonic() - begin < scaled(5):
            peer.ping()
            answered += 1
            time.sleep(0.02)
    except (AssertionError, OSError):
        pass
    peer.expect_closed()
    assert answered > 3 and time.monotonic() - begin < scaled(REAPED_WITHIN)
    for missed in (1, 2, 3):
        brisk.wait_log(rf"⚠️ \[Inbound\] Ping timeout for {re.escape(net.ip(3))} \(missed: {missed}/3\)")
    brisk.wait_log(rf"❌ \[Inbound\] Disconnecting {re.escape(net.ip(3))} due to timeout")
    brisk.wait_ended(net.ip(3), "timeout")
    assert not brisk.violations(net.ip(3))


def test_adversarial_22_dialled_peer_never_pongs(daemons, net, listen, genesis):
    """The same heartbeat where the daemon dialled."""
    listener = listen(net.ip(8), genesis=genesis, pong=False)
    node = daemons(net.ip(5), {"timers": FAST, "network": {"bootstrap_peers": [net.ip(8)]}})
    peer = listener.accept_ready()
    begin = time.monotonic()
    peer.expect_closed()
    assert time.monotonic() - begin < scaled(REAPED_WITHIN)
    node.wait_log(rf"❌ \[Outbound\] Disconnecting {re.escape(net.ip(8))} due to timeout")


@pytest.mark.parametrize("after", [0, 1, 3, 7])
def test_adversarial_23_blackhole_after_some_messages(brisk, net, after):
    """Takes everything and says nothing after so many pongs: reaped within the time that the timers give."""
    peer = brisk.dial_in(net.ip(3), pong=False)
    for _ in range(after):
        peer.send(wire.pong(peer.expect("Ping")["nonce"]))
    begin = time.monotonic()
    peer.expect_closed(timeout=REAPED_WITHIN + 1)
    assert time.monotonic() - begin < scaled(REAPED_WITHIN)
    brisk.wait_ended(net.ip(3), "timeout")
    brisk.wait_no_connection()


def test_adversarial_24_large_block_comes_in_while_pings_wait(brisk, net):
    """Inside a line no pong can be sent; as long as the line grows the peer is alive."""
    peer = brisk.dial_in(net.ip(3), pong=False, answers=False)
    line = wire.padded_ping(4 * MIB, nonce=4242)
    begin = time.monotonic()
    # 40 pieces over twice what a silent peer gets.
    for offset in range(0, len(line), len(line) // 40 + 1):
        peer.send_raw(line[offset:offset + len(line) // 40 + 1])
        time.sleep(paced(2 * REAPED_WITHIN) / 40)
    assert time.monotonic() - begin > paced(1.5 * REAPED_WITHIN)
    peer.pong = True
    for ping in peer.payloads("Ping"):
        peer.send(wire.pong(ping["nonce"]))
    peer.expect_pong(4242)
    peer.ping()
    assert brisk.endings(net.ip(3)) == [] and not brisk.violations(net.ip(3))


def test_adversarial_24_line_that_hardly_grows_proves_nothing(daemons, net):
    """A byte now and then inside a line does not stand for a pong."""
    node = daemons(net.ip(5), {"timers": {**FAST, "line_progress_ms": paced_ms(300)}})
    peer = node.dial_in(net.ip(3), pong=False)
    begin = time.monotonic()
    try:
        while time.monotonic() - begin < scaled(8) and peer.is_open():
            peer.send_raw(b" ")
            time.sleep(0.02)
    except OSError:
        pass
    peer.expect_closed()
    assert time.monotonic() - begin < scaled(REAPED_WITHIN + 1)
    node.wait_ended(net.ip(3), "timeout")


def test_adversarial_25_ten_thousand_pings_a_second(daemons, net):
    """Answered, another peer is served, nothing grows."""
    node = daemons(net.ip(5), {"logging": {"level": "info"}})
    watcher = node.dial_in(net.ip(4))
    peer = node.dial_in(net.ip(3))
    peer.ping()
    before, slowest, sent = node.rss(), 0, 0
    begin = time.monotonic()
    for second in range(rounds(20, 3)):
        for _ in range(100):
            peer.send_raw(b"".join(wire.encode(wire.ping(sent + number)) for number in range(100)))
            sent += 100
            behind = begin + sent / 10000 - time.monotonic()
            time.sleep(max(0, behind))
        slowest = max(slowest, watcher.ping(timeout=2))
    peer.ping(timeout=10)
    print(f"{sent} pings in {time.monotonic() - begin:.1f} s, {peer.count('Pong')} pongs, other peer {slowest:.3f} s")
    assert node.rss() - before < 16 * MIB * max(1, SCALE)
    entry = node.peer(net.ip(3))
    assert entry["sendqueue_bytes"] == 0 and node.endings() == []


@pytest.mark.long(100)
def test_steady_heartbeat_in_both_directions(daemons, net):
    """100 (all: 1,000) heartbeats between two daemons at 100 ms: both ends ping and get pongs, nothing is missed."""
    timers = {"ping_interval_ms": paced_ms(100), "pong_timeout_ms": paced_ms(2000)}
    one = daemons(net.ip(2), {"timers": timers})
    two = daemons(net.ip(8), {"timers": timers, "network": {"bootstrap_peers": [net.ip(2)]}})
    count = rounds(1000, 30)
    for node, other in ((one, two), (two, one)):
        node.wait_log(rf"Received pong from {re.escape(other.ip)} ", timeout=count * 0.15 + 10, count=count)
    for node in (one, two):
        assert node.endings() == []
        assert not node.log_lines("Ping timeout")
        assert wait_until(node.peers, 1)
