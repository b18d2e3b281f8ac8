# SPDX-License-Identifier: MIT
"""Daemons that are the validators of a network of their own: one list in all their configurations, wallets made
beforehand, and the mark of a fresh network (an empty file `votes`), without which nobody would sign.

The fixture `validators` makes them, on net.ip(1), net.ip(2), ...:

    def test_blocks(validators):
        with validators(4) as net:
            net.wait_height(5)
"""
import concurrent.futures
import os
import pathlib
import subprocess
import time
import tomllib

from . import config as toml
from .daemon import INSPECT
from .mesh import BRISK
from .net import paced_ms, scaled, wait_until

# Slots of one second, the shortest there are; steps that fail are soon over.
CONSENSUS = {"step_timeout_ms": paced_ms(400), "step_timeout_delta_ms": paced_ms(200), "repeat_ms": paced_ms(300)}
BLOCK_TIME_S = 1


def validator_key(datadir, ip, tier="free"):
    """The entry of a node for the list of validators; its wallet is made when there is none."""
    done = subprocess.run([INSPECT, "validator-key", "--address", ip, "--tier", tier, str(datadir)],
                          capture_output=True, text=True, timeout=scaled(20), check=False)
    assert done.returncode == 0, f"timed-inspect ended with {done.returncode}: {done.stderr}"
    return tomllib.loads(f"entry = {done.stdout}")["entry"]


class Validators:
    """`nodes` are the validators in the order of their addresses, then the observers, who start like all others.

    `tiers`: those of the first validators, the others are free.  `config` goes into every configuration, `start=False`
    leaves the daemons to be started by the test.  `genesis` is the time of height 0, Unix seconds: now, unless given.
    """

    def __init__(self, daemons, ips, count, *, observers=0, tiers=(), config=None, timers=None, bft_from=1,
                 block_time=BLOCK_TIME_S, genesis=None, start=True):
        assert count + observers <= len(ips)
        self.block_time = block_time
        self.genesis = int(time.time()) if genesis is None else genesis
        self.nodes = []
        ips = ips[:count + observers]
        for number, ip in enumerate(ips):
            settings = toml.merge({"network": {"bootstrap_peers": [other for other in ips if other != ip]},
                                   "timers": BRISK if timers is None else timers,
                                   "consensus": {**CONSENSUS, "bft_from": bft_from},
                                   "block": {"block_time_seconds": block_time},
                                   "devnet": {"genesis_timestamp": self.genesis},
                                   "masternode": {"enabled": number < count}}, config)
            self.nodes.append(daemons(ip, settings, start=False))
        self.validators, self.observers = self.nodes[:count], self.nodes[count:]
        tiers = [*tiers, *["free"] * (count - len(tiers))]
        self.entries = [validator_key(node.datadir, node.ip, tier) for node, tier in zip(self.validators, tiers)]
        self.set_list([{"from_height": 1, "validators": self.entries}])
        for node in self.validators:
            self.votes(node).touch()
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()

    # --- configuration ------------------------------------------------------------------------------------------

    def set_list(self, lists):
        """Puts consensus.validators into the configuration of all; it is read at the next start."""
        for node in self.nodes:
            node.config["consensus"]["validators"] = lists

    @staticmethod
    def votes(node):
        """The file that a validator writes before it sends; empty: a fresh network, where it signs at once."""
        return pathlib.Path(node.datadir, "votes")

    def entry(self, node):
        """What the list says of a validator."""
        return self.entries[self.validators.index(node)]

    def secret(self, node):
        """The Ed25519 seed of a node: what it signs with."""
        return pathlib.Path(node.datadir, "time-wallet.dat").read_bytes()[8:40]

    @property
    def quorum(self):
        return len(self.validators) * 2 // 3 + 1

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self, nodes=None):
        """All processes run before any of them is waited for."""
        nodes = self.nodes if nodes is None else nodes
        for node in nodes:
            node.spawn()
        for node in nodes:
            wait_until(node.ready, 20, lambda: f"{node.ip} is ready\n{node.tail()}")  # noqa: B023
        return self

    def stop(self):
        """In order, all at once: those that still run."""
        running = [node for node in self.nodes if node.running()]
        if running:
            with concurrent.futures.ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(lambda node: node.stop(timeout=10), running))

    def kill(self, nodes=None):
        """Without warning, all at the same moment."""
        nodes = [node for node in (self.nodes if nodes is None else nodes) if node.running()]
        for node in nodes:
            node.process.kill()
        for node in nodes:
            node.process.wait()
            node.check_clean()

    def running(self):
        return [node for node in self.nodes if node.running()]

    # --- blocks -------------------------------------------------------------------------------------------------

    def heights(self, nodes=None):
        return [node.height() for node in (self.running() if nodes is None else nodes)]

    def slot(self):
        """The height whose time it is by the clock."""
        return max(0, int(time.time() - self.genesis) // self.block_time)

    def wait_height(self, height, nodes=None, timeout=None):
        """Waits until all (running) nodes have that height, and sees that they mean the same block by it."""
        nodes = self.running() if nodes is None else nodes
        if timeout is None:
            timeout = 10 + 2 * self.block_time * max(1, height - min(self.heights(nodes)))
        wait_until(lambda: min(self.heights(nodes)) >= height, timeout,
                   lambda: f"height {height}: {dict(zip((n.ip for n in nodes), self.heights(nodes)))}\n"
                           + "\n".join(node.tail(15) for node in nodes))
        return self.assert_same(height, nodes)

    def wait_more(self, blocks, nodes=None, timeout=None):
        """Waits until all (running) nodes have so many blocks more than the highest of them has now."""
        nodes = self.running() if nodes is None else nodes
        return self.wait_height(max(self.heights(nodes)) + blocks, nodes, timeout)

    def assert_same(self, height, nodes=None):
        """The hash that all (running) nodes have at a height that all of them have."""
        nodes = self.running() if nodes is None else nodes
        hashes = {node.ip: node.rpc("getblockhash", height) for node in nodes}
        assert len(set(hashes.values())) == 1, f"different blocks at height {height}: {hashes}"
        return next(iter(hashes.values()))

    def assert_no_blocks(self, seconds, nodes=None):
        """No node gets any block for that long: the one thing that can only be seen by waiting."""
        nodes = self.running() if nodes is None else nodes
        before = self.heights(nodes)
        time.sleep(seconds)
        assert self.heights(nodes) == before


def remove_data(node):
    """Empties the data directory of a stopped node but for its wallet: a validator that starts then has to observe."""
    wallet = pathlib.Path(node.datadir, "time-wallet.dat").read_bytes()
    node.remove_data()
    os.makedirs(node.datadir)
    path = pathlib.Path(node.datadir, "time-wallet.dat")
    path.write_bytes(wallet)
    path.chmod(0o600)
