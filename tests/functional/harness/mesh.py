# SPDX-License-Identifier: MIT
"""Several daemons that all know each other, and what must be true of their connections."""
from . import config as toml
from .net import paced_ms, wait_until

# The protocol's timers, shortened in proportion where a test would wait for them.
BRISK = {"ping_interval_ms": paced_ms(200), "pong_timeout_ms": paced_ms(1500), "heartbeat_check_ms": paced_ms(100),
         "reconnect_min_ms": paced_ms(100), "reconnect_max_ms": paced_ms(1000),
         "announce_delay_ms": paced_ms(100), "announce_interval_ms": paced_ms(500)}

# Masternodes that make no blocks: no slot of their network begins before 2100.
MASTERNODES = {"masternode": {"enabled": True}, "devnet": {"genesis_timestamp": 4102444800}}


class Mesh:
    """Daemons on the given addresses, each configured with all others."""

    def __init__(self, daemons, ips, config=None, timers=None):
        self.nodes = []
        for ip in ips:
            settings = toml.merge({"network": {"bootstrap_peers": [other for other in ips if other != ip]},
                                   "timers": BRISK if timers is None else timers}, config)
            self.nodes.append(daemons(ip, settings, start=False))

    def start_at_once(self):
        """All processes run before any of them is waited for: their dials cross."""
        for node in self.nodes:
            node.spawn()
        for node in self.nodes:
            wait_until(node.ready, 20, lambda: f"{node.ip} is ready\n{node.tail()}")

    def kill(self):
        for node in self.nodes:
            node.kill9()
            node.check_clean()

    def stop(self):
        for node in self.nodes:
            node.stop()


def pairs_of(nodes):
    """Every ready connection as {(lower ip, higher ip): [what each end says]}: the address of the end that dialled."""
    ends = {}
    for node in nodes:
        for ip, entry in node.peers().items():
            dialler_end = entry["addr"] if entry["inbound"] else entry["addrbind"]
            ends.setdefault(tuple(sorted((node.ip, ip))), []).append(dialler_end)
    return ends


def complete(nodes):
    """Exactly one connection per pair, and both ends speak of the same one."""
    ends = pairs_of(nodes)
    wanted = len(nodes) * (len(nodes) - 1) // 2
    return len(ends) == wanted and all(len(said) == 2 and said[0] == said[1] for said in ends.values())


def one_connection_per_pair(nodes, timeout=10):
    """Waits for it, then sees that it stays so over a round of pings in both directions."""
    wait_until(lambda: complete(nodes), timeout,
               lambda: f"one connection per pair: {pairs_of(nodes)}\n" + "\n".join(n.tail(15) for n in nodes))
    before = pairs_of(nodes)
    wait_until(lambda: all("pingtime" in entry for node in nodes for entry in node.peers().values()), timeout,
               "both ends of every connection ping and get pongs")
    assert pairs_of(nodes) == before, "the connections changed"


def connections(nodes):
    """What identifies the connections of now: the dialling end's port of each pair."""
    return {pair: said[0] for pair, said in pairs_of(nodes).items()}


def lost(node, since=0):
    """The reasons of the connections that ended, but for the losers of tie-breaks, whose end may come late."""
    return [reason for reason in node.endings(since=since) if reason not in ("tie-break", "yielded")]
