# SPDX-License-Identifier: MIT
"""Killed, frozen, cut off, slowed down: within 20 s every pair is connected by one connection again."""
import os
import signal
import time

import pytest

from harness import cable
from harness.mesh import BRISK, Mesh, complete, connections, lost, one_connection_per_pair, pairs_of
from harness.net import rounds, scaled, wait_until
from harness.relay import Relay

# Protocol's own timers: the configuration says nothing about them.
REAL = {}


def healed(nodes, timeout=20):
    """Waits until everybody is connected with everybody; returns the seconds it took."""
    begin = time.monotonic()
    wait_until(lambda: complete(nodes), timeout,
               lambda: f"healed: {pairs_of(nodes)}\n" + "\n".join(node.tail(20) for node in nodes))
    return time.monotonic() - begin


@pytest.fixture
def mesh(daemons, net):
    """Three daemons with short back-off and heartbeat, connected."""
    made = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)])
    made.start_at_once()
    one_connection_per_pair(made.nodes)
    return made


@pytest.mark.fast
@pytest.mark.parametrize("victim", [0, 1, 2])
def test_killed_and_started_again(mesh, victim):
    """SIGKILL and a new start of any node."""
    node = mesh.nodes[victim]
    node.kill9()
    node.start()
    one_connection_per_pair(mesh.nodes, timeout=20)


def test_restarted_in_order(mesh):
    """SIGTERM and a new start, one node after the other: the others stay connected meanwhile."""
    others_before = None
    for node in mesh.nodes:
        others = [other for other in mesh.nodes if other is not node]
        others_before = connections(others)[tuple(sorted(other.ip for other in others))]
        node.restart()
        one_connection_per_pair(mesh.nodes, timeout=20)
        assert connections(mesh.nodes)[tuple(sorted(other.ip for other in others))] == others_before


def test_killed_all_at_once(mesh):
    """A power cut: all are killed and start together."""
    for _ in range(rounds(20, 2)):
        mesh.kill()
        mesh.start_at_once()
        one_connection_per_pair(mesh.nodes, timeout=20)


def test_killed_with_the_protocols_own_timers(daemons, net):
    """With 5 s of back-off and 30 s of heartbeat: killed and started again, healed within 20 s."""
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], timers=REAL)
    mesh.start_at_once()
    healed(mesh.nodes)
    mesh.nodes[1].kill9()
    mesh.nodes[1].start()
    assert healed(mesh.nodes) < scaled(20)


def test_adversarial_52_frozen_for_ten_seconds(daemons, net):
    """SIGSTOP for 10 s with the protocol's own timers costs no connection at all."""
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], timers=REAL)
    mesh.start_at_once()
    healed(mesh.nodes)
    before = connections(mesh.nodes)
    mesh.nodes[1].pause()
    time.sleep(10)
    mesh.nodes[1].resume()
    healed(mesh.nodes)
    assert connections(mesh.nodes) == before


def test_frozen_for_longer_than_the_heartbeat_bears(mesh):
    """The others give the frozen one up; it wakes and is connected again, once."""
    frozen, *others = mesh.nodes
    frozen.pause()
    for node in others:
        node.wait_ended(frozen.ip, "timeout", timeout=15)
    frozen.resume()
    one_connection_per_pair(mesh.nodes, timeout=20)


def test_wire_torn(daemons, net):
    """Every connection of a pair is torn in the middle: dialled again after the first back-off step."""
    relay = Relay(net.ip(7), source=net.ip(8), target=net.ip(2))
    far = daemons(net.ip(2), {"timers": BRISK})
    near = daemons(net.ip(5), {"timers": BRISK, "network": {"bootstrap_peers": [net.ip(7)]}})
    near.wait_peer(net.ip(7))
    for turn in range(rounds(20, 3)):
        relay.tear()
        wait_until(lambda: relay.accepted == turn + 2, 10, "a new dial")
        near.wait_peer(net.ip(7))
        far.wait_peer(net.ip(8))
    relay.close()


def test_wire_dead_for_a_while(daemons, net):
    """Nothing gets through and nobody is told: both ends notice by the heartbeat, and it heals with the wire."""
    relay = Relay(net.ip(7), source=net.ip(8), target=net.ip(2))
    far = daemons(net.ip(2), {"timers": BRISK})
    near = daemons(net.ip(5), {"timers": {**BRISK, "connect_timeout_ms": 1000, "handshake_timeout_ms": 1000},
                               "network": {"bootstrap_peers": [net.ip(7)]}})
    near.wait_peer(net.ip(7))
    relay.hold()
    near.wait_ended(net.ip(7), "timeout", timeout=15)
    far.wait_ended(net.ip(8), "timeout", timeout=15)
    relay.release()
    near.wait_peer(net.ip(7), timeout=20)
    far.wait_peer(net.ip(8), timeout=20)
    near.wait_log(r"Received pong from ", near.mark())
    relay.close()


def test_slow_wire_loses_nothing(daemons, net):
    """200 ms ± 50 each way and a second more for one piece in twenty, as TCP shows loss: nothing ends or is missed. (The
    same below TCP, with real loss and reordering: test_cable_slow_and_lossy.)"""
    relay = Relay(net.ip(7), source=net.ip(8), target=net.ip(2), delay=0.2, jitter=0.05, stall=0.05)
    far = daemons(net.ip(2), {"timers": {"ping_interval_ms": 100, "pong_timeout_ms": 9000}})
    near = daemons(net.ip(5), {"timers": {"ping_interval_ms": 100, "pong_timeout_ms": 9000},
                               "network": {"bootstrap_peers": [net.ip(7)]}})
    count = rounds(300, 12)
    for node in (near, far):
        node.wait_log("Received pong from ", timeout=count * 0.8 + 20, count=count)
        assert node.endings() == [] and not node.log_lines("Ping timeout")
    assert relay.accepted == 1
    assert near.peer(net.ip(7))["pingtime"] > 0.3
    relay.close()


# --- below TCP: network namespaces ----------------------------------------------------------------------------------

@pytest.fixture
def lab(daemons):
    """Three daemons, each in a network namespace of its own, with the protocol's own timers, connected."""
    why = cable.missing()
    if why:
        pytest.skip(why)
    made = cable.Lab(3)
    try:
        ips = [space.ip for space in made.spaces]
        made.nodes = [daemons(space.ip, {"network": {"bootstrap_peers": [ip for ip in ips if ip != space.ip]}},
                              start=False, namespace=space, prefix=space.prefix) for space in made.spaces]
        for node in made.nodes:
            node.spawn()
        for node in made.nodes:
            wait_until(node.ready, 20, lambda: f"{node.ip} is ready\n{node.tail()}")
        healed(made.nodes)
        yield made
        for node in made.nodes:
            if node.running():
                node.stop(timeout=10)
    finally:
        for node in getattr(made, "nodes", []):
            if node.running():
                node.kill9()
        made.close()


@pytest.mark.root
def test_adversarial_52_cable_cut_for_ten_seconds(lab):
    """One node's cable is out for 10 s and in again: healed within 20 s, and with these timers nothing was lost."""
    before = connections(lab.nodes)
    lab.cut = {lab.nodes[1].ip}
    time.sleep(10)
    lab.cut = set()
    assert healed(lab.nodes) < scaled(20)
    assert connections(lab.nodes) == before


@pytest.mark.root
def test_cable_cut_while_a_node_restarts(lab):
    """The others hold connections with a node that died behind a cut cable; it comes back as a new process."""
    victim = lab.nodes[2]
    lab.cut = {victim.ip}
    os.kill(victim.pid, signal.SIGKILL)
    victim.process.wait()
    lab.cut = set()
    victim.start()
    assert healed(lab.nodes) < scaled(20)


@pytest.mark.root
@pytest.mark.long(600)
def test_cable_slow_and_lossy(lab):
    """200 ms ± 50 (packets overtake each other) and 5 % loss: nothing ends and no ping is missed."""
    before, marks = connections(lab.nodes), {node: node.mark() for node in lab.nodes}
    lab.delay, lab.jitter, lab.loss = 0.1, 0.025, 0.05
    seconds = rounds(600, 5)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for node in lab.nodes:
            assert len(node.peers()) == 2
        time.sleep(0.5)
    assert connections(lab.nodes) == before
    for node in lab.nodes:
        assert lost(node, marks[node]) == []
        assert not node.log_lines("Ping timeout", marks[node])


@pytest.mark.root
def test_cable_slow_and_lossy_from_the_start(daemons):
    """Handshakes over such a cable, with a heartbeat every 300 ms: one connection per pair, and it stays."""
    why = cable.missing()
    if why:
        pytest.skip(why)
    made = cable.Lab(2)
    try:
        made.delay, made.jitter, made.loss = 0.1, 0.025, 0.05
        one, two = made.spaces
        timers = {"ping_interval_ms": 300, "pong_timeout_ms": 15000}
        nodes = [daemons(space.ip, {"timers": timers, "network": {"bootstrap_peers": [other.ip]}}, start=False,
                         namespace=space, prefix=space.prefix) for space, other in ((one, two), (two, one))]
        for node in nodes:
            node.spawn()
        for node in nodes:
            wait_until(node.ready, 20, lambda: f"{node.ip} is ready\n{node.tail()}")
        healed(nodes)
        marks = [node.mark() for node in nodes]
        for node, mark in zip(nodes, marks):
            node.wait_log("Received pong from ", mark, timeout=200, count=rounds(300, 10))
            assert lost(node, mark) == []
        assert made.lost > 0
        for node in nodes:
            node.stop(timeout=10)
    finally:
        made.close()
