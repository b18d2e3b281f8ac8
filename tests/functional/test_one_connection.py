# SPDX-License-Identifier: MIT
"""adversarial, "One connection per pair": 26 to 32 (33 is in test_discovery.py)."""
import itertools
import os
import re
import socket
import threading
import time

import pytest

from harness import wire
from harness.mesh import Mesh, one_connection_per_pair
from harness.net import P2P_PORT, paced, paced_ms, rounds, scaled, wait_until
from harness.peer import Peer, can_vanish, connect

LOW_ID, HIGH_ID = "0" * 31 + "1", "f" * 32


@pytest.mark.long(110)
def test_adversarial_26_both_dial_at_the_same_moment(daemons, net):
    """Two daemons that know each other start at once, again and again: one connection, the same on both sides."""
    mesh = Mesh(daemons, [net.ip(2), net.ip(8)])
    for _ in range(rounds(100, 8)):
        mesh.start_at_once()
        one_connection_per_pair(mesh.nodes)
        mesh.kill()


def cross(daemons, net, listen, genesis, peer_ip, node_id=None):
    """The daemon's dial and the peer's dial cross: both handshakes are sent before either Ack.

    Returns (node, dialled by the daemon, dialled by the peer)."""
    listener = listen(peer_ip, genesis=genesis)
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [peer_ip]}})
    theirs = listener.accept()
    theirs.expect("Handshake")
    ours = node.raw_peer(peer_ip, genesis=genesis)
    versions = [wire.version(node_id)] if node_id else []
    ours.send(wire.handshake(), *versions)
    try:
        theirs.send(wire.ack(), *versions)
    except OSError:
        pass        # decided already, and this one lost
    return node, theirs, ours


@pytest.mark.fast
@pytest.mark.parametrize("node_id, survivor", [(LOW_ID, "ours"), (HIGH_ID, "theirs")])
@pytest.mark.parametrize("last", [3, 8])
def test_adversarial_26_crossed_dials_node_id_decides(daemons, net, listen, genesis, node_id, survivor, last):
    """Between two of ours the initiator with the lower node_id survives, whatever the addresses say."""
    node, theirs, ours = cross(daemons, net, listen, genesis, net.ip(last), node_id=node_id)
    assert_survivor(node, theirs, ours, survivor, net.ip(last))


@pytest.mark.fast
@pytest.mark.parametrize("last, survivor", [(3, "ours"), (8, "theirs")])
def test_adversarial_26_crossed_dials_address_decides(daemons, net, listen, genesis, last, survivor):
    """Without a Version the lower IP string decides: .3 sorts before the daemon's .5, and .8 after it."""
    node, theirs, ours = cross(daemons, net, listen, genesis, net.ip(last))
    assert_survivor(node, theirs, ours, survivor, net.ip(last))


def assert_survivor(node, theirs, ours, survivor, ip):
    """`ours` was dialled by the peer, `theirs` by the daemon; the other one is closed, without any penalty."""
    stays, goes = (ours, theirs) if survivor == "ours" else (theirs, ours)
    goes.expect_closed()
    stays.ping()
    entry = node.wait_peer(ip)
    assert entry["inbound"] == (survivor == "ours")
    if survivor == "theirs":
        assert "Ack" in ours.names(), "the loser is closed after its Ack"
    assert not node.violations(ip)
    assert set(node.endings(ip)) <= {"tie-break", "yielded"}


@pytest.mark.fast
def test_adversarial_27_second_connection_refused(daemons, net):
    """While the first is healthy: refused with a reason, never Acked, and the first one does not notice."""
    node = daemons(net.ip(5), {"timers": {"probe_timeout_ms": paced_ms(1000)}})
    first = node.dial_in(net.ip(3))
    for _ in range(3):
        second = node.raw_peer(net.ip(3))
        second.send(wire.handshake(), wire.version(first.node_id))
        second.expect_closed()
        assert "Ack" not in second.names()
    node.wait_ended(net.ip(3), "duplicate")
    first.ping()
    assert set(node.endings(net.ip(3))) == {"duplicate"} and not node.violations(net.ip(3))


def test_adversarial_27_two_challengers_at_once(daemons, net):
    """An incumbent and at most one challenger: the third connection is refused, the first one stays."""
    node = daemons(net.ip(5), {"timers": {"probe_timeout_ms": paced_ms(1000)}})
    first = node.dial_in(net.ip(3))
    others = [node.raw_peer(net.ip(3)) for _ in range(5)]
    for other in others:
        other.send(wire.handshake())
    for other in others:
        other.expect_closed()
    first.ping()
    assert len(node.peers()) == 1


def reboot(node, net, first):
    """The peer comes again while its former connection does not answer; returns the seconds until it is served."""
    begin = time.monotonic()
    second = node.raw_peer(net.ip(3))
    second.handshake(timeout=10)
    second.ping()
    took = time.monotonic() - begin
    node.wait_ended(net.ip(3), "(replaced|reset)")
    assert len(node.peers()) == 1 and not node.violations(net.ip(3))
    second.close()
    return took


@pytest.mark.fast
def test_adversarial_28_silent_incumbent_is_replaced(daemons, net):
    """The machine hangs: the old connection is there and says nothing. The new one takes over after the probe."""
    node = daemons(net.ip(5), {"timers": {"probe_timeout_ms": paced_ms(500)}})
    first = node.dial_in(net.ip(3), pong=False, answers=False)
    took = reboot(node, net, first)
    assert paced(0.4) < took < scaled(3)


def test_adversarial_28_machine_died_without_fin(node, net):
    """It is up again and knows nothing of the old connection (protocol's own timers): replaced within 10 s."""
    if not can_vanish():
        pytest.skip("closing a socket without a packet (TCP_REPAIR) needs CAP_NET_ADMIN")
    first = node.dial_in(net.ip(3))
    first.vanish()
    assert reboot(node, net, first) < scaled(10)


def test_adversarial_29_fifty_reconnects_in_a_minute(daemons, net):
    """Some are served, the rest is turned away before its Ack; somebody else gets in."""
    node = daemons(net.ip(5), {"limits": {"connects_per_minute": 20}})
    served = 0
    for _ in range(50):
        peer = node.raw_peer(net.ip(3))
        try:
            peer.handshake()
            served += 1
        except (AssertionError, OSError):
            peer.expect_closed()
        peer.close()
    assert 15 <= served <= 25
    node.assert_alive(net.ip(4))


@pytest.mark.fast
@pytest.mark.fast
def test_adversarial_30_inbound_limit(daemons, net, genesis):
    """Ordinary peers never exceed their share. When all slots are taken, a masternode or a configured peer takes the
    place of the youngest of them, and once there is none left the newcomer is refused; nobody else makes room."""
    node = daemons(net.ip(5), {"network": {"max_peers": 10, "bootstrap_peers": [net.ip(2)]},
                               "limits": {"connects_per_minute": 1000, "masternode_slots_percent": 40},
                               "timers": {"reconnect_min_ms": 600000, "reconnect_max_ms": 600000}})
    masternodes = [net.ip(10 + number) for number in range(10)]
    for number, ip in enumerate(masternodes):
        peer = node.dial_in(ip)
        peer.send(wire.announcement(ip))
        node.wait_log(rf"✅ Registered masternode {re.escape(ip)} \(total: {number + 1}\)")
        peer.close()
    node.wait_no_connection()

    def refused(ip):
        mark, peer = node.mark(), node.raw_peer(ip, genesis=genesis)
        peer.send(wire.handshake())
        peer.expect_closed()
        node.wait_ended(ip, "full", mark)
        assert "evicted" not in node.endings(since=mark)

    crowd = [node.dial_in(net.ip(100 + number)) for number in range(6)]
    refused(net.ip(120))
    kept = [node.dial_in(ip) for ip in masternodes[:4]]
    assert len(node.peers()) == 10 and "evicted" not in node.endings()
    refused(net.ip(121))
    for ip in [net.ip(2), *masternodes[4:9]]:
        mark, youngest = node.mark(), crowd.pop()
        kept.append(node.dial_in(ip))
        youngest.expect_closed()
        node.wait_ended(youngest.ip, "evicted", mark)
        node.wait_peers(10)
    refused(masternodes[9])
    refused(net.ip(122))
    for peer in kept:
        peer.ping()
    assert set(node.peers()) == {net.ip(2), *masternodes[:9]}
    assert node.endings().count("evicted") == 6
    assert not node.log_lines("Violation")


def test_adversarial_31_descriptors_run_out(node, net):
    """Accepting goes on afterwards, and nothing spins meanwhile."""
    friend = node.dial_in(net.ip(3))
    former = node.limit_fds(node.fds() + 6)
    waiting = []
    for number in range(40):
        waiting.append(connect(net.ip(20 + number), node.ip))
    begin, cpu = time.monotonic(), node.cpu_seconds()
    for _ in range(20):
        friend.ping(timeout=2)
        time.sleep(0.05)
    used = (node.cpu_seconds() - cpu) / (time.monotonic() - begin)
    assert used < 0.5, f"{used:.0%} of a CPU while no descriptor is free"

    for sock in waiting:
        sock.close()
    node.limit_fds(former[0])
    begin = time.monotonic()
    peer = node.raw_peer(net.ip(4))
    peer.handshake(timeout=5)
    peer.ping()
    assert time.monotonic() - begin < scaled(2)
    friend.ping()


def test_adversarial_31_handshakes_leave_descriptors_free(daemons, wide_net):
    """More connections without a handshake than the limit of open files has room for: the oldest go, and what database,
    logs and RPC need stays free."""
    # Root may raise any limit, unless it gives that up.
    powers = ["setpriv", "--inh-caps=-sys_resource", "--bounding-set=-sys_resource"] if os.geteuid() == 0 else []
    node = daemons(wide_net.ip(1), {"limits": {"connects_per_minute": 100000}},
                   prefix=["prlimit", "--nofile=1024:1024", *powers])
    node.wait_log(r"limit of open files is 1024: limits\.max_handshakes = 512 is cut to 206")
    assert not node.log_lines(r"network\.max_peers = \d+ is cut")
    before = node.fds()
    waiting = [connect(wide_net.ip(1000 + number), node.ip) for number in range(600)]
    wait_until(lambda: len(node.workers()) >= 200, 10, lambda: f"{len(node.workers())} workers")
    # The last one has come once its turn has.
    node.wait_log(rf"New peer connection from: {re.escape(wide_net.ip(1599))}:")
    wait_until(lambda: node.fds() <= before + 2 * 206, 5, lambda: f"{node.fds()} descriptors, {before} before")
    node.assert_alive(wide_net.ip(3000))
    for sock in waiting:
        sock.close()


def test_adversarial_32_configured_peer_comes_back(daemons, net, listen, genesis):
    """Dead for many back-off steps: dialled for ever, ever more rarely and with jitter, and back within one step."""
    least, most = paced_ms(50), paced_ms(800)
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(8)]},
                               "timers": {"reconnect_min_ms": least, "reconnect_max_ms": most,
                                          "reconnect_attempts": 3}})
    dialled = rf"^.*?(\d\d):(\d\d):(\d\d)\.(\d\d\d).*Connecting to {re.escape(net.ip(8))}:"
    node.wait_log(dialled, timeout=30, count=12)
    times = [int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000
             for h, m, s, ms in re.findall(dialled, node.log(), re.MULTILINE)]
    gaps = [1000 * ((later - earlier) % 86400) for earlier, later in itertools.pairwise(times)]
    print("gaps in ms:", [round(gap) for gap in gaps])
    assert gaps[0] < least * 2.5, "the first step is the shortest"
    assert all(gap <= most * 1.6 + paced_ms(150) for gap in gaps)
    assert gaps[-1] > least * 4, "the steps grow"
    assert max(gaps[6:]) - min(gaps[6:]) > most * 0.01, "the steps have jitter"

    listener = listen(net.ip(8), genesis=genesis)
    begin = time.monotonic()
    peer = listener.accept_ready()
    assert time.monotonic() - begin < most / 1000 * 1.6 + scaled(0.5)
    peer.ping()
    node.wait_peer(net.ip(8))


def test_learnt_peer_is_given_up(daemons, net):
    """An address that was only learnt is dialled so many times, and then left alone."""
    node = daemons(net.ip(5), {"timers": {"reconnect_min_ms": 20, "reconnect_max_ms": 40, "reconnect_attempts": 4,
                                          "dial_grace_ms": 50}})
    peer = node.dial_in(net.ip(3))
    peer.send({"PeersResponse": [f"{net.ip(9)}:{P2P_PORT}"]})
    dialled = rf"Connecting to {re.escape(net.ip(9))}:"
    node.wait_log(dialled, count=4)
    # Ten more steps would have passed.
    time.sleep(scaled(0.5))
    assert len(node.log_lines(dialled)) == 4


@pytest.mark.fast
def test_slow_connect_delays_no_other_dial(daemons, net, listen, genesis):
    """One configured peer never completes its connect; the others are dialled at once."""
    full = socket.socket()
    full.bind((net.ip(2), P2P_PORT))
    full.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex((net.ip(2), P2P_PORT))
        fillers.append(filler)
    listener = listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(2), net.ip(8)]},
                               "timers": {"connect_timeout_ms": paced_ms(1000)}})
    begin = time.monotonic()
    listener.accept_ready()
    assert time.monotonic() - begin < scaled(0.8)
    node.wait_peer(net.ip(8))
    node.wait_ended(net.ip(2), "connect failed")
    for sock in (*fillers, full):
        sock.close()


def test_dial_rule_and_grace_period(daemons, net, listen, genesis):
    """A learnt address that sorts after ours is dialled at once, one that sorts before only after the grace period."""
    before, after = listen(net.ip(2), genesis=genesis), listen(net.ip(8), genesis=genesis)
    grace = paced(1.0)
    node = daemons(net.ip(5), {"timers": {"dial_grace_ms": int(grace * 1000)}})
    peer = node.dial_in(net.ip(3))
    begin = time.monotonic()
    peer.send({"PeersResponse": [f"{net.ip(2)}:{P2P_PORT}", f"{net.ip(8)}:{P2P_PORT}"]})
    after.accept_ready()
    assert time.monotonic() - begin < grace * 0.9
    before.accept_ready()
    assert time.monotonic() - begin > grace * 0.9
    node.wait_peers(3)


@pytest.mark.fast
def test_same_code_for_both_directions(daemons, net, listen, genesis):
    """A dialled and an accepted connection are told apart by nothing but their direction."""
    listener = listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(8)]}})
    outbound = listener.accept_ready()
    inbound = node.dial_in(net.ip(3))
    for peer in (outbound, inbound):
        peer.expect("Version")
        peer.expect("Ping")
        peer.ping()
        peer.send({"GetBlockHash": 0})
        assert peer.expect("BlockHashResponse")["hash"] == genesis
    shown = node.peers()
    assert shown[net.ip(8)]["inbound"] is False and shown[net.ip(3)]["inbound"] is True
    assert shown[net.ip(8)]["connection_type"] == "manual" and shown[net.ip(3)]["connection_type"] == "inbound"


def test_version_is_the_second_line(node, net):
    """`Version` follows the Ack before our first ping, with our node id and height."""
    peer = node.raw_peer(net.ip(3))
    peer.handshake()
    assert peer.expect_line(0)[0] == "Ack"
    name, version = peer.expect_line(1)
    assert name == "Version"
    assert re.fullmatch(r"[0-9a-f]{32}", version["node_id"]) and version["height"] == 0
    peer.expect("Ping")
    names = peer.names()
    assert names.index("Version") < names.index("Ping")


def test_identity_survives_a_restart(node, net):
    """The node id is random per data directory, not per start."""
    ids = []
    for _ in range(2):
        peer = node.raw_peer(net.ip(3))
        peer.handshake()
        ids.append(peer.expect("Version")["node_id"])
        peer.close()
        node.restart()
    assert ids[0] == ids[1]


def test_many_peers_dial_at_once(daemons, net):
    """Fifty threads connect in the same moment: each is served, each once."""
    node = daemons(net.ip(5), {"network": {"max_peers": 200}})
    start = threading.Barrier(50)
    peers = []

    def dial(number):
        start.wait()
        peer = Peer.dial(net.ip(100 + number), node.ip, timeout=10)
        peer.handshake(timeout=10)
        peers.append(peer)

    threads = [threading.Thread(target=dial, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(peers) == 50
    node.wait_peers(50)
    wait_until(lambda: len(node.workers()) == 50, 5, "fifty workers")
