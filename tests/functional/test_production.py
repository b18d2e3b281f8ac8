# SPDX-License-Identifier: MIT
"""Blocks as on the existing network: masternodes and no validators."""
import hashlib
import pathlib
import re
import struct
import time

import pytest

from harness.mesh import BRISK, Mesh, one_connection_per_pair
from harness.net import paced, paced_ms, wait_until
from harness.rpc import RpcError

BLOCK_TIME_S = 2
# A leader that is silent is waited for less than a slot.
PATIENCE_MS = paced_ms(600)
TIMERS = {**BRISK, "sync_settle_ms": paced_ms(300), "slot_patience_ms": PATIENCE_MS}


def leader(height, ips, round_=0):
    """Who makes the block of a height: by its own words of the protocol, not by the daemon's code."""
    ips = sorted(ips)
    seed = hashlib.sha256(struct.pack("<Q", height) + "".join(ips).encode()).digest()
    return ips[(int.from_bytes(seed[:8], "little") + round_) % len(ips)]


class Masternodes(Mesh):
    """Masternodes of a devnet without validators, whose slots began `missed` slots ago."""

    def __init__(self, daemons, net, count, missed=0, config=None):
        self.ips = [net.ip(number) for number in range(1, count + 1)]
        # The first slot comes when the nodes know each other.
        self.genesis = int(time.time() + (paced(6) if not missed else -BLOCK_TIME_S * missed))
        super().__init__(daemons, self.ips, {"masternode": {"enabled": True},
                                             "block": {"block_time_seconds": BLOCK_TIME_S},
                                             "devnet": {"genesis_timestamp": self.genesis}, **(config or {})}, TIMERS)
        self.start_at_once()
        one_connection_per_pair(self.nodes)
        wait_until(lambda: all(len(node.masternodes()) == count for node in self.nodes), 10, "all are known everywhere")

    def heights(self, nodes=None):
        return [node.height() for node in nodes or self.nodes]

    def wait_height(self, height, nodes=None, timeout=30):
        wait_until(lambda: min(self.heights(nodes)) >= height, timeout,
                   lambda: f"height {height}, are at {self.heights(nodes)}\n" + self.nodes[0].tail())

    def header(self, height, node=None):
        node = node or self.nodes[0]
        return node.rpc("getblockheader", node.rpc("getblockhash", height))

    def slot_now(self):
        return int(time.time() - self.genesis) // BLOCK_TIME_S

    def assert_same(self, height, nodes=None):
        assert len({node.rpc("getblockhash", height) for node in nodes or self.nodes}) == 1, f"fork at {height}"

    def producer(self, height):
        """Who says that it has made the block of that height."""
        said = [node.ip for node in self.nodes
                if node.log_lines(rf"✅ Block {height} produced: 1 transactions, {len(self.ips)} masternode rewards")]
        assert len(said) == 1, f"block {height} by {said}"
        return said[0]


def test_blocks_appear_at_the_slots(daemons, net):
    """Each by the leader of its slot, at the slot's time, paid to all; a node that is none follows."""
    network = Masternodes(daemons, net, 3)
    assert network.heights() == [0, 0, 0]
    network.wait_height(3)
    follower = daemons(net.ip(9), {"network": {"bootstrap_peers": network.ips}, "timers": TIMERS,
                                   "block": {"block_time_seconds": BLOCK_TIME_S},
                                   "devnet": {"genesis_timestamp": network.genesis}})
    network.wait_height(5, [*network.nodes, follower])
    for height in range(1, 6):
        network.assert_same(height, [*network.nodes, follower])
        assert network.header(height)["time"] == network.genesis + BLOCK_TIME_S * height
        block = network.nodes[0].rpc("getblock", network.nodes[0].rpc("getblockhash", height))
        assert len(block["tx"]) == 1
        made_by = network.producer(height)
        node = network.nodes[network.ips.index(made_by)]
        assert node.log_lines(rf"🎯 Selected as block producer for height {height}\b")
        # The clock of a busy machine may have gone on to the next round.
        assert made_by in [leader(height, network.ips, round_) for round_ in (0, 1)]
    assert sum(network.producer(height) == leader(height, network.ips) for height in range(1, 6)) >= 3
    # No block came before its time.
    assert max(network.heights()) <= network.slot_now()


def test_the_next_one_steps_in(daemons, net):
    """One of four is gone without a word: its blocks come late, from the next in the list, and nobody waits for it."""
    network = Masternodes(daemons, net, 4)
    network.wait_height(1)
    gone, others = network.nodes[0], network.nodes[1:]
    gone.kill9()
    first = max(network.heights(others)) + 1
    # Of so many heights it would lead one for sure.
    last = next(height for height in range(first + 1, first + 60) if leader(height, network.ips) == gone.ip)
    network.wait_height(last + 1, others, timeout=4 * BLOCK_TIME_S * (last + 2 - first) + 10)
    for height in range(first, last + 2):
        network.assert_same(height, others)
    stepped_in = [node.ip for node in others if node.log_lines(rf"✅ Block {last} produced")]
    assert stepped_in and stepped_in[0] in [leader(last, network.ips, round_) for round_ in (1, 2)]
    assert network.header(last, others[0])["time"] == network.genesis + BLOCK_TIME_S * last


def test_missed_slots_are_made_up_for(daemons, net):
    """Nobody was there: every slot gets its block with its own time, much faster than the slots came, and no fork."""
    missed = 30
    network = Masternodes(daemons, net, 3, missed)
    started = time.monotonic()
    network.wait_height(missed, timeout=40)
    assert time.monotonic() - started < BLOCK_TIME_S * missed / 2
    for height in range(1, missed + 1):
        network.assert_same(height)
        assert network.header(height)["time"] == network.genesis + BLOCK_TIME_S * height
    network.wait_height(network.slot_now())
    assert max(network.heights()) <= network.slot_now()


def test_payments_are_final(daemons, net):
    """Without validators the known masternodes vote, and the next block holds what is final.  Of three all are needed; one
    that has lost its file `votes` says nothing, until its operator says that its key was not used."""
    network = Masternodes(daemons, net, 3, missed=3)
    network.wait_height(2)
    one, two, three = network.nodes
    wait_until(lambda: float(one.rpc("getbalance")) >= 20, 5, "the rewards are there")

    def pay():
        return one.rpc("sendtoaddress", two.rpc("getnewaddress"), "5")

    def final(txid, nodes):
        try:
            return all(node.rpc("gettransactionfinality", txid)["finalized"] for node in nodes)
        except RpcError:
            return False                # it has not come everywhere
    paid = pay()
    wait_until(lambda: final(paid, network.nodes), 5, "three masternodes have voted")
    height = max(network.heights())
    wait_until(lambda: one.rpc("getrawtransaction", paid, True).get("confirmations"), 10, "a block holds it")
    assert one.rpc("getrawtransaction", paid, True)["height"] <= height + 2
    assert not three.rpc("getconsensusinfo")["observing"]
    votes = pathlib.Path(three.datadir, "votes")
    for empty in (False, True):
        three.kill9()
        if empty:
            assert not votes.exists()   # so that it observes again
            votes.touch()
        else:
            votes.unlink()
        three.start()
        one_connection_per_pair(network.nodes)
        assert three.rpc("getconsensusinfo")["observing"] == (not empty)
        if not empty:
            paid = pay()
            wait_until(lambda: paid in three.rpc("getrawmempool"), 5, "it has come")
            wait_until(lambda: three.rpc("getrawmempool", True)[paid]["votes"] == 2, 5, "the votes of the others")
            assert three.rpc("getconsensusinfo")["locks"] == 0
            assert not final(paid, network.nodes)
    wait_until(lambda: final(paid, network.nodes), 5, "three masternodes have voted again")


def test_two_masternodes_make_no_blocks(daemons, net):
    network = Masternodes(daemons, net, 2, missed=5)
    time.sleep(paced(2) + 2 * PATIENCE_MS / 1000)
    assert network.heights() == [0, 0]
    assert not any(node.log_lines("Selected as block producer") for node in network.nodes)


def test_a_masternode_that_was_away_makes_no_chain_of_its_own(daemons, net):
    """It remembers the others, and the slots after its tip are long past; but while it hears of nobody it makes nothing,
    and when it does, it fetches what it has missed before it makes anything."""
    network = Masternodes(daemons, net, 4)
    network.wait_height(1)
    away, others = network.nodes[0], network.nodes[1:]
    away.stop()
    network.wait_height(max(network.heights(others)) + 3, others, timeout=60)
    missed = max(network.heights(others))
    for node in others:
        node.pause()
    mark = away.mark()
    away.start()
    assert sum(entry["is_active"] for entry in away.masternodes().values()) == 4
    # Its turn comes more than once.
    time.sleep(6 * PATIENCE_MS / 1000)
    assert not away.log_lines("Selected as block producer", mark) and away.height() < missed
    for node in others:
        node.resume()
    network.wait_height(missed + 3, timeout=60)
    for height in range(1, missed + 3):
        network.assert_same(height)
    made = [int(height) for height in re.findall(r"✅ Block (\d+) produced", away.log(mark))]
    assert not [height for height in made if height <= missed]
    assert not away.log_lines("Reorganised", mark)


def test_halves_that_were_apart_become_one_chain(daemons, net):
    """Six are cut into halves for some slots, and each half makes blocks that pay itself alone; together again, with
    three voices for either chain, they all take that which the protocol names, and go on with it."""
    network = Masternodes(daemons, net, 6, missed=3, config={"timers": {
        "sync_fork_interval_ms": paced_ms(300), "masternode_active_ms": paced_ms(1500),
        "masternode_check_ms": paced_ms(300)}})
    network.wait_height(3)
    halves = network.nodes[:3], network.nodes[3:]
    for half, others in (halves, halves[::-1]):
        for node in half:
            for other in others:
                node.rpc("setban", other.ip, "add", 3600)
    for node in network.nodes:
        wait_until(lambda: sum(entry["is_active"] for entry in node.masternodes().values()) == 3)  # noqa: B023
    apart = max(network.heights()) + 2
    for half in halves:
        network.wait_height(apart, half)
        network.assert_same(apart, half)
    ours, theirs = ([half[0].rpc("getblockhash", height) for height in range(apart + 1)] for half in halves)
    first = next(height for height in range(apart + 1) if ours[height] != theirs[height])
    assert 3 <= first <= apart
    for node in network.nodes:
        node.rpc("clearbanned")
    for node in halves[0]:
        for other in halves[1]:
            node.rpc("addnode", other.ip, "onetry")
    one_connection_per_pair(network.nodes)
    better = min(ours[first], theirs[first])
    wait_until(lambda: all(node.rpc("getblockhash", first) == better for node in network.nodes), 20,
               lambda: f"{better} at height {first}\n" + network.nodes[0].tail() + network.nodes[3].tail())
    height = max(network.heights()) + 1
    network.wait_height(height)
    for below in range(1, height + 1):
        network.assert_same(below)
    # Those who held the other one have changed over once.
    for half, had in zip(halves, (ours, theirs)):
        for node in half:
            assert len(node.log_lines("Reorganised")) == (had[first] != better), node.ip
