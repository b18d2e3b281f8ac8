# SPDX-License-Identifier: MIT
"""All validators are killed at once, wherever they are: none ever signs two values for one height, round and phase, and
the chain goes on (PROTOCOL.md §9).

A checker reads all files `votes` after each kill, and a passive peer hears what was sent before and after.
"""
import collections
import contextlib
import random
import time

import pytest

from harness import votes_file
from harness.liar import Watch
from harness.net import rounds, wait_until
from harness.rpc import RpcError

# Where the consensus thread can be stopped: before, while and after what was signed is written, and around sending.
POINTS = ("votes-before-write", "votes-before-sync", "votes-after-sync", "send-before", "send-between", "send-after",
          "votes-before-rename", "votes-after-rename")
# When the file is made: with the first thing that is signed.
RARE = ("votes-before-rename", "votes-after-rename")


class Checker:
    """Everything that validators were seen to sign: {(voter, height, round, phase): hashes}."""

    def __init__(self, net, ip):
        self.net = net
        self.ip = ip
        self.signed = collections.defaultdict(set)
        self.watch = None

    def listen(self):
        """To those that run; who is killed at once is not heard."""
        self.watch = Watch(self.ip, [])
        for node in self.net.running():
            with contextlib.suppress(AssertionError, OSError, RpcError, ValueError):
                wait_until(node.ready, 10)
                self.watch.connect(node)

    def take(self):
        """After a kill: the wire up to it, and the files."""
        sent = set()
        if self.watch:
            self.watch.close()
            for said in (self.watch.votes(), self.watch.proposals()):
                for key, hashes in said.items():
                    self.signed[key] |= hashes
                    sent.add(key)
            self.watch = None
        written = {}
        for node in self.net.validators:
            for height, round_, phase, block in votes_file.signed(self.net.votes(node)):
                key = (node.ip, height, round_, phase)
                self.signed[key].add(block)
                written.setdefault(node.ip, {})[key] = height
        twice = {key: hashes for key, hashes in self.signed.items() if len(hashes) > 1}
        assert not twice, f"signed twice: {twice}"
        # A file that was written anew has lost what is settled.
        for key in sent:
            own = written.get(key[0], {})
            assert key in own or key[1] < min(own.values(), default=1), f"{key} was sent and is not in the file"


@pytest.fixture
def crashing(validators, net):
    """Four validators whose slots have all come: they sign without a pause."""
    them = validators(4, start=False, genesis=int(time.time()) - 3600)
    checker = Checker(them, net.ip(100))
    with them:
        yield them, checker
    if checker.watch:
        checker.watch.close()


def goes_on(net, checker, blocks=2):
    for node in net.nodes:
        node.env = {}
    net.start()
    checker.listen()
    net.wait_more(blocks, timeout=20)
    for node in net.nodes:
        state = node.rpc("getconsensusinfo")
        assert state["equivocations"] == 0 and not state["observing"], state


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.long(300)
def test_all_killed_at_a_crash_point(crashing, crash_points, point):
    """Each of the four dies at the n-th passage, a different n for each; nothing was sent that was not written."""
    if not crash_points:
        pytest.skip("built without crash points")
    assert point in crash_points
    net, checker = crashing
    random_ = random.Random(point)
    for turn in range(1 if point in RARE else rounds(50, 1)):
        passages = [1, 1, 1, 1] if point in RARE else [random_.randrange(*(1, 20) if turn % 2 else (40, 90)) for _ in net.nodes]
        for node, passage in zip(net.nodes, passages):
            node.env = {"TIMED_CRASH": f"{point}@{passage}"}
            node.spawn()
        checker.listen()
        wait_until(lambda: len(net.running()) < net.quorum, 20, f"{point} passed by those who can make blocks")
        net.kill()
        checker.take()
        goes_on(net, checker)
        net.kill()
        checker.take()


def test_all_killed_at_random_moments(crashing):
    """Fifty times in the long run."""
    net, checker = crashing
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    random_ = random.Random(seed)
    for _ in range(rounds(50, 3)):
        net.start()
        checker.listen()
        net.wait_more(1, timeout=20)
        time.sleep(random_.uniform(0, 0.5))
        net.kill()
        checker.take()
    goes_on(net, checker)
