# SPDX-License-Identifier: MIT
"""Networks of our own daemons: everybody connected with everybody, once, and for ever."""
import pytest

from harness.mesh import BRISK, MASTERNODES, Mesh, complete, connections, lost, one_connection_per_pair
from harness.net import paced_ms, rounds, wait_until


@pytest.mark.parametrize("count", [pytest.param(3, marks=pytest.mark.fast), 5])
@pytest.mark.long(160)
def test_mesh_all_dial_all_at_once(daemons, net, count):
    """Started in the same moment, 100 times: exactly one connection per pair, the same one on both ends."""
    mesh = Mesh(daemons, [net.ip(number) for number in range(1, count + 1)])
    for _ in range(rounds(100, 6 if count == 3 else 4)):
        mesh.start_at_once()
        one_connection_per_pair(mesh.nodes, timeout=15)
        mesh.kill()


@pytest.mark.long(100)
def test_mesh_nothing_changes_over_many_heartbeats(daemons, net):
    """Three masternodes at 100 ms a heartbeat: no connection ends, no ping is missed, and the number of masternodes is
    the same everywhere and stays."""
    count = rounds(1000, 40)
    timers = {**BRISK, "ping_interval_ms": paced_ms(100), "pong_timeout_ms": paced_ms(3000)}
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], MASTERNODES, timers)
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes, timeout=15)
    wait_until(lambda: all(len(node.masternodes()) == 3 for node in mesh.nodes), 10,
               lambda: f"three masternodes everywhere: {[list(node.masternodes()) for node in mesh.nodes]}")
    before, marks = connections(mesh.nodes), {node: node.mark() for node in mesh.nodes}
    for node in mesh.nodes:
        node.wait_log(r"Received pong from ", marks[node], timeout=count * 0.3 + 10, count=count * 2)
        assert len(node.masternodes()) == 3
    assert connections(mesh.nodes) == before
    for node in mesh.nodes:
        assert lost(node, marks[node]) == []
        assert not node.log_lines("Ping timeout|marked offline", marks[node])
        assert not any(node.violations(other.ip) for other in mesh.nodes)


def test_mesh_masternodes_go_and_come_back(daemons, net):
    """One of three masternodes stops: offline after its time, and back online after its restart, on both others."""
    timers = {**BRISK, "masternode_active_ms": paced_ms(1500), "masternode_check_ms": paced_ms(300)}
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], MASTERNODES, timers)
    mesh.start_at_once()
    wait_until(lambda: all(len(node.masternodes()) == 3 for node in mesh.nodes), 15, "three masternodes everywhere")
    *others, gone = mesh.nodes
    gone.stop()
    for node in others:
        node.wait_log(rf"⚠️ Masternode {gone.ip} marked offline \(no heartbeat for \d+s\)", timeout=10)
    marks = [node.mark() for node in others]
    gone.start()
    for node, mark in zip(others, marks):
        node.wait_log(rf"✓ Masternode {gone.ip} is back online", mark, timeout=10)
        assert len(node.masternodes()) == 3


def test_mesh_masternodes_survive_a_restart(daemons, net):
    """The set is on disk: a node that is started alone still knows the other masternodes."""
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], MASTERNODES)
    mesh.start_at_once()
    wait_until(lambda: all(len(node.masternodes()) == 3 for node in mesh.nodes), 15, "three masternodes everywhere")
    mesh.stop()
    first = mesh.nodes[0].start()
    assert len(first.masternodes()) == 3


def test_mesh_grows_one_by_one(daemons, net):
    """Each newcomer knows only its predecessor and is soon connected with all."""
    timers = {**BRISK, "dial_grace_ms": paced_ms(1000)}
    nodes = []
    for number in (3, 1, 4, 2, 5):
        known = [nodes[-1].ip] if nodes else []
        nodes.append(daemons(net.ip(number), {"network": {"bootstrap_peers": known}, "timers": timers}))
        wait_until(lambda: complete(nodes), 20, lambda: "\n".join(node.tail(10) for node in nodes))


def test_mesh_rpc_answers(daemons, net):
    """The fields of getpeerinfo and the other methods are there, and describe real connections."""
    mesh = Mesh(daemons, [net.ip(1), net.ip(2)], MASTERNODES)
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes)
    one, two = mesh.nodes
    wait_until(lambda: len(one.masternodes()) == 2, 10, "two masternodes")
    entry = one.peer(two.ip)
    for key in ("id", "addr", "addrbind", "inbound", "conntime", "lastsend", "lastrecv", "bytessent", "bytesrecv",
                "bytessent_per_msg", "bytesrecv_per_msg", "pingtime", "minping", "version", "subver", "startingheight",
                "synced_blocks", "timeoffset", "connection_type", "is_masternode", "tier", "height", "missed_pongs",
                "violations", "sendqueue_bytes"):
        assert key in entry, key
    assert entry["addr"].startswith(two.ip + ":") and entry["addrbind"].startswith(one.ip + ":")
    assert entry["is_masternode"] and entry["height"] == 0 and entry["violations"] == 0
    assert 0 < sum(entry["bytesrecv_per_msg"].values()) <= entry["bytesrecv"]
    assert abs(entry["timeoffset"]) <= 1 and 0 < entry["minping"] <= entry["pingtime"] < 2
    info = one.rpc("getblockchaininfo")
    assert info["blocks"] == 0 and len(info["bestblockhash"]) == 64
    assert isinstance(one.rpc("uptime"), int)


def test_rpc_stop(node):
    """RPC `stop` answers, and the daemon ends in order."""
    node.rpc("stop")
    wait_until(lambda: not node.running(), 5, "the end")
    assert node.process.returncode == 0
    node.check_clean()
