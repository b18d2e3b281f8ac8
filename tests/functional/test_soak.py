# SPDX-License-Identifier: MIT
"""Suite `soak`: real timers, real time. adversarial 56 (connections) and 61."""
import time

import pytest

from harness import cable
from harness.mesh import Mesh, connections, lost, one_connection_per_pair
from harness.net import wait_until

pytestmark = pytest.mark.soak


@pytest.mark.long(1800)
def test_adversarial_61_three_daemons_thirty_minutes(daemons, net):
    """One connection per pair, none closed, no ping timeout, equal heights, constant masternode count."""
    # The network begins now: there are no slots to make up for.
    config = {"masternode": {"enabled": True}, "devnet": {"genesis_timestamp": int(time.time())}}
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], config, timers={})
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes, timeout=40)
    wait_until(lambda: all(len(node.masternodes()) == 3 for node in mesh.nodes), 30, "three masternodes everywhere")
    before, marks = connections(mesh.nodes), {node: node.mark() for node in mesh.nodes}
    rss = {node: node.rss() for node in mesh.nodes}
    end = time.monotonic() + 1800
    while time.monotonic() < end:
        time.sleep(30)
        assert connections(mesh.nodes) == before
        for node in mesh.nodes:
            assert len(node.masternodes()) == 3
            assert lost(node, marks[node]) == []
            assert not node.log_lines("Ping timeout|marked offline", marks[node])
        heights = [node.rpc("getblockchaininfo")["blocks"] for node in mesh.nodes]
        assert max(heights) - min(heights) <= 1
    for node in mesh.nodes:
        assert node.rss() - rss[node] < 32 << 20


@pytest.mark.root
@pytest.mark.long(600)
def test_adversarial_56_ten_minutes_on_a_bad_cable(daemons):
    """Latency 200 ms ± 50, 5 % loss, reordering, 1 Mbit/s, the protocol's own timers: no connection is lost in 10
    minutes."""
    why = cable.missing()
    if why:
        pytest.skip(why)
    lab = cable.Lab(3)
    try:
        ips = [space.ip for space in lab.spaces]
        nodes = [daemons(space.ip, {"network": {"bootstrap_peers": [ip for ip in ips if ip != space.ip]}}, start=False,
                         namespace=space, prefix=space.prefix) for space in lab.spaces]
        for node in nodes:
            node.spawn()
        for node in nodes:
            wait_until(node.ready, 20, f"{node.ip} is ready")
        one_connection_per_pair(nodes, timeout=40)
        before = connections(nodes)
        lab.delay, lab.jitter, lab.loss, lab.bits_per_second = 0.2, 0.05, 0.05, 1_000_000
        end = time.monotonic() + 600
        while time.monotonic() < end:
            time.sleep(10)
            assert connections(nodes) == before
        for node in nodes:
            node.stop(timeout=10)
    finally:
        lab.close()
