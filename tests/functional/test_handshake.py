# SPDX-License-Identifier: MIT
"""adversarial, "Handshake": 11 to 19."""
import re
import threading
import time

import pytest

from harness import wire
from harness.net import paced, paced_ms, rounds, scaled, wait_until
from harness.peer import connect
from harness.relay import Relay


@pytest.fixture
def hasty(daemons, net):
    """A daemon that waits only half a second for a handshake."""
    return daemons(net.ip(5), {"timers": {"handshake_timeout_ms": paced_ms(500)}})


@pytest.mark.fast
def test_adversarial_11_connects_and_stays_silent(hasty, net):
    """Dropped at the handshake deadline, neither earlier nor much later."""
    peer = hasty.raw_peer(net.ip(3))
    begin = time.monotonic()
    peer.expect_closed()
    took = time.monotonic() - begin
    assert paced(0.4) < took < scaled(2)
    hasty.wait_ended(net.ip(3), "handshake timeout")
    assert not peer.received and not hasty.violations(net.ip(3))


@pytest.mark.fast
def test_adversarial_12_sends_pings_only(hasty, net):
    """Dropped by the same deadline, unanswered, without penalty."""
    peer = hasty.raw_peer(net.ip(3))
    begin = time.monotonic()
    try:
        while peer.is_open() and time.monotonic() - begin < scaled(3):
            peer.send(wire.ping())
            time.sleep(0.05)
    except OSError:
        pass
    peer.expect_closed()
    assert time.monotonic() - begin < scaled(2)
    assert not peer.received and not hasty.violations(net.ip(3))


@pytest.mark.fast
@pytest.mark.parametrize("first", [{"GetBlocks": [0, 100]}, "GetPeers", b"garbage"], ids=["blocks", "peers", "garbage"])
def test_adversarial_13_asks_before_the_handshake(node, net, first):
    """Gets nothing, is closed without penalty, and is welcome when it does it right."""
    peer = node.raw_peer(net.ip(3))
    peer.send(first)
    peer.expect_closed()
    node.wait_ended(net.ip(3), "not a handshake")
    assert not peer.received and not node.violations(net.ip(3))
    node.assert_alive(net.ip(3))


@pytest.mark.fast
def test_adversarial_14_second_handshake(node, net):
    """Ignored, logged once; no second Ack."""
    peer = node.dial_in(net.ip(3))
    mark = node.mark()
    for _ in range(5):
        peer.send(wire.handshake())
    peer.ping()
    ignored = rf"Ignoring another handshake from {net.ip(3)}$"
    node.wait_log(ignored, mark)
    node.wait_log(rf"Answered ping from {net.ip(3)} ", mark)    # what came before it is in the log too
    assert len(node.log_lines(ignored, mark)) == 1
    assert peer.count("Ack") == 1 and not node.violations(net.ip(3))


@pytest.mark.fast
@pytest.mark.parametrize("first, logged, reason", [
    (wire.handshake(magic=[1, 2, 3, 4]), "invalid magic bytes", "wrong magic"),
    (wire.handshake(protocol_version=2), "unsupported protocol version: 2", "wrong version"),
    (b"~W~M\x01\x02\x03\n", "old protocol detected", "old protocol"),
], ids=["magic", "version", "old"])
def test_adversarial_15_wrong_greeting(node, net, first, logged, reason):
    """Closed with the reason, one violation."""
    peer = node.raw_peer(net.ip(3))
    if isinstance(first, bytes):
        peer.send_raw(first)
    else:
        peer.send(first)
    peer.expect_closed()
    node.wait_log(rf"🚫 Rejecting {re.escape(net.ip(3))} - {logged}")
    node.wait_ended(net.ip(3), reason)
    assert len(node.violations(net.ip(3))) == 1
    assert "Ack" not in peer.names()
    node.assert_alive(net.ip(4))


def test_adversarial_15_third_violation_bans(node, net):
    """Banned for five minutes at the third, for that IP only; refused at accept."""
    for _ in range(3):
        peer = node.raw_peer(net.ip(3))
        peer.send(wire.handshake(magic=[0, 0, 0, 0]))
        peer.expect_closed()
    node.wait_log(rf"🚫 Auto-banned {re.escape(net.ip(3))} for 5 minutes \(3 violations\)")
    banned = node.raw_peer(net.ip(3))
    banned.expect_closed()
    assert not banned.received
    node.assert_alive(net.ip(4))


def test_adversarial_15_bans_grow(daemons, net):
    """The fifth violation bans for an hour, the tenth for good."""
    node = daemons(net.ip(5), {"timers": {"ban_short_ms": 100, "ban_long_ms": 100},
                               "limits": {"connects_per_minute": 1000}})

    def violate(count):
        def attempt():
            if len(node.violations(net.ip(3))) >= count:
                return True
            peer = node.raw_peer(net.ip(3))
            try:
                peer.send(wire.handshake(magic=[0, 0, 0, 0]))
            except OSError:
                pass
            peer.expect_closed()
            return len(node.violations(net.ip(3))) >= count
        wait_until(attempt, 10, f"{count} violations")

    violate(5)
    node.wait_log(rf"🚫 Auto-banned {re.escape(net.ip(3))} for .*\(5 violations\)")
    violate(10)
    node.wait_log(rf"🚫 PERMANENTLY BANNED {re.escape(net.ip(3))} \(10 violations\)")
    assert node.restart().raw_peer(net.ip(3)).expect_closed(), "a permanent ban survives a restart"


def test_adversarial_16_dialled_peer_on_another_chain(daemons, net, listen, genesis):
    """Disconnected with that reason, and not dialled again before the pause is over."""
    pause = paced(1.5)
    listener = listen(net.ip(8), genesis=genesis[::-1])
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(8)]},
                               "timers": {"wrong_chain_ms": int(pause * 1000), "reconnect_min_ms": 50,
                                          "reconnect_max_ms": 100}})
    peer = listener.accept_ready()
    peer.expect_closed()
    closed = peer.ended_at
    node.wait_ended(net.ip(8), "wrong chain")
    listener.accept(timeout=10)
    assert listener.times[1] - closed >= pause * 0.9
    assert not node.violations(net.ip(8))


@pytest.mark.fast
def test_adversarial_16_inbound_peer_on_another_chain(node, net):
    """The same for one that came in."""
    peer = node.raw_peer(net.ip(3), genesis=[9] * 32)
    peer.handshake()
    peer.expect_closed()
    node.wait_ended(net.ip(3), "wrong chain")


def test_adversarial_17_connects_to_itself(daemons, net):
    """Through an address that it cannot know for its own: recognised, closed, never dialled again."""
    relay = Relay(net.ip(7), source=net.ip(8), target=net.ip(5))
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(7)]},
                               "timers": {"reconnect_min_ms": 50, "reconnect_max_ms": 100}})
    node.wait_log(r"Message loop ended for \S+ .*\(reason: self\)")
    node.wait_no_connection()
    dials = node.log_lines(rf"Connecting to {re.escape(net.ip(7))}:")
    # Ten back-off steps later there is still no second dial.
    time.sleep(scaled(1))
    assert node.log_lines(rf"Connecting to {re.escape(net.ip(7))}:") == dials
    assert relay.accepted == len(dials) == 1
    assert not node.violations(net.ip(7)) and not node.violations(net.ip(8))
    relay.close()


def test_adversarial_17_own_address_configured(daemons, net):
    """Its plain own address among the configured peers: no connection, no violation, alive."""
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(5)]},
                               "timers": {"reconnect_min_ms": 50, "reconnect_max_ms": 100}})
    node.assert_alive(net.ip(3))
    assert net.ip(5) not in node.peers()
    assert len(node.log_lines(rf"Connecting to {re.escape(net.ip(5))}:")) <= 1


@pytest.mark.fast
def test_adversarial_18_two_hundred_slow_handshakes(node, net):
    """From many addresses, a byte now and then: a good peer still gets in at once."""
    slow = []
    for number in range(200):
        sock = connect(net.ip(20 + number), node.ip)
        sock.sendall(b'{"Hand')
        slow.append(sock)
    begin = time.monotonic()
    peer = node.raw_peer(net.ip(3))
    peer.handshake(timeout=2)
    peer.ping(timeout=2)
    assert time.monotonic() - begin < scaled(1)
    assert node.peer(net.ip(3))
    for sock in slow:
        sock.close()


def leave_during_connect(node, ip):
    node.raw_peer(ip).reset()


def leave_with_half_a_handshake(node, ip):
    peer = node.raw_peer(ip)
    peer.send_raw(b'{"Handshake":{"magic":[84,73')
    peer.close()


def leave_after_the_handshake(node, ip):
    peer = node.raw_peer(ip)
    peer.send(wire.handshake())
    peer.reset()


def leave_after_the_ack(node, ip):
    peer = node.raw_peer(ip)
    peer.handshake()
    peer.close()


def leave_when_ready(node, ip):
    peer = node.raw_peer(ip)
    peer.handshake()
    peer.ping()
    peer.reset()


def leave_inside_a_line(node, ip):
    peer = node.raw_peer(ip)
    peer.handshake()
    peer.send_raw(b'{"Ping":{"nonce":')
    peer.close()


def leave_with_output_waiting(node, ip):
    peer = node.raw_peer(ip, rcvbuf=4096)
    peer.handshake()
    peer.pause_reading()
    peer.send_raw(wire.encode(wire.ping(1)) * 3000)
    peer.reset()


def leave_while_challenging(node, ip):
    first = node.raw_peer(ip)
    first.handshake()
    second = node.raw_peer(ip)
    second.send(wire.handshake())
    second.reset()
    first.close()


LEAVING = [leave_during_connect, leave_with_half_a_handshake, leave_after_the_handshake, leave_after_the_ack,
           leave_when_ready, leave_inside_a_line, leave_with_output_waiting, leave_while_challenging]


@pytest.mark.fast
def test_adversarial_19_disconnect_in_every_state(daemons, net):
    """Every slot is released exactly once: afterwards threads, descriptors and the table are as at the start."""
    node = daemons(net.ip(5), {"limits": {"connects_per_minute": 100000}})
    node.assert_alive(net.ip(4))
    node.wait_no_connection()
    fds, threads = node.connection_fds(), len(node.threads())
    for _ in range(rounds(100, 10)):
        for number, leave in enumerate(LEAVING):
            leave(node, net.ip(10 + number))
        node.wait_no_connection(timeout=10)
    wait_until(lambda: node.connection_fds() <= fds, 5, lambda: f"{fds} descriptors, has {node.connection_fds()}")
    assert len(node.threads()) <= threads
    # The slots can be used again.
    again = [node.dial_in(net.ip(40 + number)) for number in range(25)]
    assert len(node.peers()) == len(again)


def test_adversarial_19_dialled_peer_leaves_in_every_state(daemons, net, listen, genesis):
    """The same where the daemon dialled: it comes back each time, and nothing adds up."""
    listener = listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(8)]},
                               "timers": {"reconnect_min_ms": 20, "reconnect_max_ms": 40}})
    for number in range(rounds(60, 15)):
        peer = listener.accept()
        if number % 5 >= 1:
            peer.expect("Handshake")
        if number % 5 >= 2:
            peer.send_raw(wire.encode(wire.ack())[:9])
        if number % 5 >= 3:
            peer.send_raw(wire.encode(wire.ack())[9:])
        if number % 5 == 4:
            peer.expect("Ping")
        (peer.reset if number % 2 else peer.close)()
    peer = listener.accept_ready()
    node.wait_peer(net.ip(8))
    assert len(node.workers()) == 1


def test_adversarial_19_many_at_once(daemons, net):
    """Thirty threads connect and leave in a random state at the same time."""
    node = daemons(net.ip(5), {"limits": {"connects_per_minute": 100000}})
    node.assert_alive(net.ip(4))

    def hammer(number):
        for turn in range(rounds(50, 8)):
            try:
                LEAVING[(number + turn) % len(LEAVING)](node, net.ip(20 + number))
            except (AssertionError, OSError):
                pass        # refused while its former connection is still being closed
    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    node.wait_no_connection(timeout=15)
    node.assert_alive(net.ip(4))
