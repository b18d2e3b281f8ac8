# SPDX-License-Identifier: MIT
"""Faults on demand (TIMED_FAULTS): a daemon of ours breaks its own connections, and the pair heals."""
import re
import time

import pytest

from harness import wire
from harness.daemon import Daemon
from harness.mesh import one_connection_per_pair
from harness.net import Range, paced_ms, rounds, scaled, wait_until

# A heartbeat three hundred times as fast as the protocol's, in the same proportions.
FAST = {"ping_interval_ms": paced_ms(100), "pong_timeout_ms": paced_ms(300), "heartbeat_check_ms": paced_ms(50),
        "max_missed_pongs": 3}
# When a peer that falls silent must be gone: its last pings are sent, age, and are looked at.
REAPED_WITHIN = 5 * 0.1 + 0.3 + 3 * 0.05 + 1.0
# The rest of the protocol's timers that a test would wait for. The heartbeat is the protocol's: it ends nothing.
CALM = {"reconnect_min_ms": paced_ms(100), "reconnect_max_ms": paced_ms(500), "probe_timeout_ms": paced_ms(300),
        "handshake_timeout_ms": paced_ms(1000)}
# How a connection may end that was one too many when both ends dialled.
REDUNDANT = {"tie-break", "yielded", "duplicate"}


def refusal(daemon, faults):
    """The exit code and the log of a daemon that is to refuse its environment."""
    daemon.env = {"TIMED_FAULTS": faults}
    mark = daemon.mark()
    daemon.spawn()
    code = daemon.process.wait(scaled(20))
    daemon.check_clean()
    return code, daemon.log(mark)


@pytest.fixture(scope="session")
def faults_built(tmp_path_factory):
    """Whether the daemon can break connections: one that cannot says so."""
    leased = Range()
    daemon = Daemon(tmp_path_factory.mktemp("faults"), leased.ip(1))
    try:
        code, log = refusal(daemon, "?")
        assert code == 2
        return "built without fault injection" not in log
    finally:
        if daemon.running():
            daemon.kill9()
        leased.release()


@pytest.fixture
def breaker(daemons, faults_built):
    """breaker(ip, faults, ...) makes a daemon with TIMED_FAULTS."""
    if not faults_built:
        pytest.skip("this timed was built without fault injection (meson option faults)")

    def make(ip, faults, config=None, **options):
        return daemons(ip, config, env={"TIMED_FAULTS": faults}, **options)
    return make


def timers(*parts, dials=()):
    merged = {}
    for part in parts:
        merged.update(part)
    return {"timers": merged, "network": {"bootstrap_peers": list(dials)}}


def no_violations(*nodes):
    assert not [line for node in nodes for line in node.log_lines("Violation #")]


# --- two daemons ----------------------------------------------------------------------------------------------------

def test_every_pong_is_dropped(breaker, daemons, net):
    """Given up after three missed pongs and connected again, and so for ever."""
    mute = breaker(net.ip(2), "out:Pong:drop", timers(CALM))
    node = daemons(net.ip(8), timers(CALM, FAST, dials=[mute.ip]))
    for missed in (1, 2, 3):
        node.wait_log(rf"⚠️ \[\w+\] Ping timeout for {re.escape(mute.ip)} \(missed: {missed}/3\)")
    node.wait_log(rf"❌ \[\w+\] Disconnecting {re.escape(mute.ip)} due to timeout")
    node.wait_ended(mute.ip, "timeout")
    for count in (2, 3):
        node.wait_log(rf"✓ Connected to peer: {re.escape(mute.ip)}", count=count, timeout=10)
        node.wait_log(rf"for {re.escape(mute.ip)} \(reason: timeout\)", count=count, timeout=10)
    # Both dial again: of two connections the other end may be the one that closes the loser.
    assert set(node.endings()) <= {"timeout", "eof", "reset"} | REDUNDANT
    assert set(mute.endings()) <= {"eof", "reset"} | REDUNDANT
    assert not node.log_lines("Received pong from")
    no_violations(node, mute)


@pytest.mark.parametrize("pongs", [0, pytest.param(1, marks=pytest.mark.fast), 3, 7])
def test_adversarial_23_blackhole_after_some_pongs(breaker, daemons, net, pongs):
    """The other end reaps it within the time that its timers give. The dark end, whose own heartbeat is slow, lets the
    new connection take the place of the dark one."""
    dark = breaker(net.ip(2), f"out:Pong:blackhole@{pongs + 1}-{pongs + 1}", timers(CALM))
    node = daemons(net.ip(8), timers(CALM, FAST, dials=[dark.ip]))
    dark.wait_log(rf"nothing is read from {re.escape(node.ip)} or sent to it any more")
    begin = time.monotonic()
    node.wait_ended(dark.ip, "timeout", timeout=REAPED_WITHIN + 1)
    assert time.monotonic() - begin < scaled(REAPED_WITHIN)
    assert len(node.log_lines("Received pong from", 0)) >= pongs
    dark.wait_ended(node.ip, "replaced", timeout=10)
    one_connection_per_pair([dark, node])
    assert set(node.endings()) <= {"timeout", "eof", "reset"} | REDUNDANT
    no_violations(node, dark)


def test_blackhole_is_reaped_by_the_dark_end_too(breaker, daemons, net):
    """Its own timers run: it hears nothing, not even that the other end closes."""
    dark = breaker(net.ip(8), "in:Ping:blackhole@2-2", timers(CALM, FAST, dials=[net.ip(2)]), start=False)
    node = daemons(net.ip(2), timers(CALM, {"ping_interval_ms": paced_ms(200)}))
    dark.start()
    dark.wait_log(rf"nothing is read from {re.escape(node.ip)} or sent to it any more")
    begin = time.monotonic()
    dark.wait_ended(node.ip, "timeout", timeout=REAPED_WITHIN + 1)
    assert time.monotonic() - begin < scaled(REAPED_WITHIN)
    one_connection_per_pair([dark, node])
    assert "timeout" not in node.endings()
    no_violations(node, dark)


@pytest.mark.parametrize("action", ["close-before", "close-after", "drop", "blackhole", "hold=200"])
@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize("message", ["Handshake", "Ack", "Version"])
def test_broken_handshake_heals(breaker, daemons, net, message, direction, action):
    """Whatever happens to one line of the handshake, at either end: connected in the end, once, and nobody blamed."""
    breaks_as_dialler = (message == "Ack") == (direction == "in")
    ips = [net.ip(8), net.ip(2)] if breaks_as_dialler else [net.ip(2), net.ip(8)]
    dials = [ips[1]] if breaks_as_dialler else []
    heartbeat = {"ping_interval_ms": paced_ms(100), "pong_timeout_ms": paced_ms(500),
                 "heartbeat_check_ms": paced_ms(50)}
    one = breaker(ips[0], f"{direction}:{message}:{action}@1-1", timers(CALM, heartbeat, dials=dials), start=False)
    two = daemons(ips[1], timers(CALM, heartbeat, dials=[] if dials else [ips[0]]), start=False)
    for node in (two, one) if breaks_as_dialler else (one, two):
        node.start()
    one.wait_log(rf"Fault: {direction} {message} 1 of {re.escape(two.ip)}: {action.partition('=')[0]}")
    if action.startswith("close") or action == "blackhole":
        # Ready, perhaps, for a moment or until it is noticed: only what comes after it has healed.
        one.wait_log(rf"Message loop ended for {re.escape(two.ip)}")
        two.wait_log(rf"Message loop ended for {re.escape(one.ip)}")
    one_connection_per_pair([one, two], timeout=15)
    for node, other in ((one, two), (two, one)):
        wait_until(lambda: node.workers() == [f"p:{other.ip}"[:15]], 5, lambda: f"one worker, has {node.workers()}")
    no_violations(one, two)
    if action == "hold=200":
        assert set(one.endings() + two.endings()) <= REDUNDANT


@pytest.mark.parametrize("direction", ["in", "out"])
def test_held_pong_loses_nothing(breaker, daemons, net, direction):
    """Held for less than the timeout, at the end that sends it or at the one that waits for it: no pong is missed or
    overtaken, and the round trip shows what it took."""
    beat = {"ping_interval_ms": paced_ms(100), "pong_timeout_ms": paced_ms(3000)}
    fault = f"{direction}:Pong:hold=250"
    if direction == "out":
        other = breaker(net.ip(2), fault, timers(CALM))
        node = daemons(net.ip(8), timers(CALM, beat, dials=[other.ip]))
    else:
        other = daemons(net.ip(2), timers(CALM))
        node = breaker(net.ip(8), fault, timers(CALM, beat, dials=[other.ip]))
    count = rounds(200, 20)
    node.wait_log("Received pong from ", timeout=count * 0.2 + 10, count=count)
    sent = [re.search(r"nonce: (\d+)", line).group(1) for line in node.log_lines("Sent ping to")]
    got = [re.search(r"nonce: (\d+)", line).group(1) for line in node.log_lines("Received pong from")]
    assert got == sent[:len(got)]
    assert not node.log_lines("Ping timeout") and node.endings() == [] and other.endings() == []
    assert 0.24 <= node.peer(other.ip)["minping"] < 0.25 + scaled(0.2)


# --- one daemon and a script ----------------------------------------------------------------------------------------

@pytest.mark.fast
def test_hold_out_keeps_the_order_and_holds_up_nobody_else(breaker, net):
    """What is sent after a held answer waits behind it, pongs too; what comes in, and other peers, wait for nothing."""
    node = breaker(net.ip(5), "out:BlockHashResponse:hold=1500@1-1")
    peer, other = node.dial_in(net.ip(3)), node.dial_in(net.ip(4))
    peer.skip()
    begin = time.monotonic()
    peer.send({"GetBlockHash": 0}, wire.ping(11), {"GetBlockHash": 1}, wire.ping(12))
    node.wait_log(r"Fault: out BlockHashResponse 1 of ")
    node.wait_log(r"Answered ping from \S+ \(nonce: 12\)", timeout=1)
    assert other.ping() < scaled(1)
    assert time.monotonic() - begin < 1.4 and peer.count("BlockHashResponse") == 0
    peer.expect_pong(12, timeout=5)
    assert time.monotonic() - begin >= 1.5
    answers = [name for name in peer.names() if name in ("BlockHashResponse", "Pong")]
    assert answers == ["BlockHashResponse", "Pong", "BlockHashResponse", "Pong"]
    assert [answer["height"] for answer in peer.payloads("BlockHashResponse")] == [0, 1]
    peer.ping()
    assert node.endings() == []


def test_hold_in_keeps_the_order_and_holds_up_nothing_else(breaker, net):
    """Lines behind a held one wait for it; what the daemon has to say meanwhile leaves."""
    node = breaker(net.ip(5), "in:GetBlockHeight:hold=1500@1-1",
                   {"timers": {"ping_interval_ms": 100, "pong_timeout_ms": 20000}})
    peer, other = node.dial_in(net.ip(3)), node.dial_in(net.ip(4))
    begin = time.monotonic()
    peer.send("GetBlockHeight", wire.ping(11), {"GetBlockHash": 0}, wire.ping(12))
    node.wait_log(r"Fault: in GetBlockHeight 1 of ")
    pings = peer.count("Ping")
    # Its pongs wait as well, so no more than five pings leave.
    peer.wait_count("Ping", pings + 2, timeout=1)
    assert other.ping() < scaled(1)
    assert time.monotonic() - begin < 1.4 and not peer.ponged
    peer.expect_pong(12, timeout=5)
    assert time.monotonic() - begin >= 1.5
    answers = [name for name in peer.names() if name in ("BlockHeightResponse", "BlockHashResponse", "Pong")]
    assert answers == ["BlockHeightResponse", "Pong", "BlockHashResponse", "Pong"]
    assert node.endings() == []


@pytest.mark.parametrize("fault", ["in:GetPeers:hold=600000", "out:PeersResponse:hold=600000", "in:GetPeers:blackhole",
                                   "out:PeersResponse:blackhole",
                                   "out:PeersResponse:hold=50, out:Pong:blackhole"])
def test_stops_in_order_whatever_is_held(breaker, net, fault):
    """What waits costs no time of the processor and does not keep the daemon from stopping."""
    node = breaker(net.ip(5), fault)
    peer = node.dial_in(net.ip(3))
    peer.send("GetPeers", wire.ping(1), {"GetBlockHash": 0})
    node.wait_log(r"Fault: \S+ \S+ 1 of ")
    spent, begin = node.cpu_seconds(), time.monotonic()
    time.sleep(1)
    assert node.cpu_seconds() - spent < (time.monotonic() - begin) / 10
    assert peer.is_open() and not peer.ponged
    assert node.stop() < scaled(5)


@pytest.mark.parametrize("fault, answered", [("in:Ping:close-before", False), ("in:Ping:close-after", True),
                                             ("out:Pong:close-before", False), ("out:Pong:close-after", True)])
def test_close_before_and_after(breaker, net, fault, answered):
    """Before: without the message; after: with it, and nothing more. What was queued earlier leaves in any case."""
    node = breaker(net.ip(5), fault)
    peer = node.dial_in(net.ip(3))
    node.wait_log("Received pong from ")
    peer.skip()
    peer.send({"GetBlockHash": 0}, wire.ping(1), {"GetBlockHash": 1})
    peer.expect("BlockHashResponse")
    peer.expect_closed()
    assert (1 in peer.ponged) == answered
    assert peer.count("BlockHashResponse") == 1
    node.wait_ended(peer.ip, "reset")
    node.wait_no_connection()


@pytest.mark.parametrize("fault", ["in:Ping:drop@2-3", "out:Pong:drop@2-3"])
def test_drop_some(breaker, net, fault):
    """The messages that are named by their numbers fall, the others pass."""
    node = breaker(net.ip(5), fault)
    peer = node.dial_in(net.ip(3))
    peer.send(*[wire.ping(number) for number in range(1, 6)])
    peer.expect_pong(5)
    assert peer.ponged == {1, 4, 5}
    assert node.endings() == []


def test_numbers_count_over_all_connections(breaker, net):
    """The third ping is the third, whoever sends it."""
    node = breaker(net.ip(5), "in:Ping:drop@3-3")
    one, two = node.dial_in(net.ip(3)), node.dial_in(net.ip(4))
    one.ping()
    two.ping()
    one.send(wire.ping(1))
    node.wait_log(rf"Fault: in Ping 3 of {re.escape(net.ip(3))}: drop")
    two.ping()
    one.ping()
    assert 1 not in one.ponged


def test_blackhole_reads_nothing_and_sends_nothing(breaker, net):
    """Silent and open: what comes is not handled, what is due is not sent, an end of the other side is not noticed."""
    node = breaker(net.ip(5), "in:GetPeers:blackhole", {"timers": FAST})
    peer = node.dial_in(net.ip(3))
    peer.ping()
    peer.send({"GetBlockHash": 0}, "GetPeers", wire.ping(1))
    peer.expect("BlockHashResponse")
    node.wait_log(r"nothing is read from \S+ or sent to it any more")
    begin, names = time.monotonic(), peer.names()
    peer.sock.shutdown(1)       # SHUT_WR: an end of file that nobody looks at
    node.wait_ended(peer.ip, "timeout", timeout=REAPED_WITHIN + 1)
    assert time.monotonic() - begin < scaled(REAPED_WITHIN)
    peer.expect_closed()
    assert peer.names() == names
    node.wait_no_connection()
    node.assert_alive(net.ip(4))


# --- the text -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("faults, position, why", [
    ("out:Pnog:drop", 5, 'unknown message "Pnog", did you mean Pong'),
    ("out:Pong:drop, in:Ack:hold", 27, "hold needs a time"),
    ("out:Pong:drop@0", 15, "the number of a message is 1 to 1000000000"),
])
def test_bad_text_is_refused(daemons, faults_built, net, faults, position, why):
    """Exit code 2, and the place is named."""
    if not faults_built:
        pytest.skip("this timed was built without fault injection (meson option faults)")
    code, log = refusal(daemons(net.ip(5), start=False), faults)
    assert code == 2
    assert f"ERROR TIMED_FAULTS, character {position}: {why}" in log


def test_good_text_is_refused_without_fault_injection(daemons, faults_built, net):
    """Nothing that is asked for is silently ignored."""
    if faults_built:
        pytest.skip("this timed was built with fault injection (meson option faults)")
    code, log = refusal(daemons(net.ip(5), start=False), "out:Pong:drop")
    assert code == 2 and "ERROR TIMED_FAULTS is set, and this timed was built without fault injection" in log


def test_start_says_that_faults_are_on(breaker, net):
    node = breaker(net.ip(5), "in:Ping:drop@1000")
    assert node.log_lines(r"WARN ⚠️ FAULTS ARE ON, .*: in:Ping:drop@1000$")


def test_empty_text_is_none(daemons, net):
    node = daemons(net.ip(5), env={"TIMED_FAULTS": ""})
    assert not node.log_lines("FAULTS")
