# SPDX-License-Identifier: MIT
"""All validators are killed at once, wherever they are: none ever signs two values for one height, round and phase, and
the chain goes on (PROTOCOL.md §9).

A checker reads all files `votes` after each kill, and a passive peer hears what was sent before and after.
"""
import collections
import random
import time

import pytest

from harness import votes_file
from harness.liar import Watch
from harness.net import rounds, wait_until

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
        self.watch = Watch(self.ip, self.net.running())

    def take(self):
        """After a kill: the wire up to it, and the files."""
        if self.watch:
            self.watch.close()
            for said in (self.watch.votes(), self.watch.proposals()):
                for key, hashes in said.items():
                    self.signed[key] |= hashes
            sent = {key for key in self.signed if key[0] in {node.ip for node in self.net.validators}}
            self.watch = None
        else:
            sent = set()
        written = collections.defaultdict(set)
        for node in self.net.validators:
            for height, round_, phase, block in votes_file.signed(self.net.votes(node)):
                written[(node.ip, height, round_, phase)].add(block)
        for key, hashes in written.items():
            self.signed[key] |= hashes
        twice = {key: hashes for key, hashes in self.signed.items() if len(hashes) > 1}
        assert not twice, f"signed twice: {twice}"
        return sent, written


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
def test_all_killed_at_a_crash_point(crashing, crash_points, point):
    """Each of the four dies at the n-th passage, a different n for each; nothing was sent that was not written."""
    if not crash_points:
        pytest.skip("built without crash points")
    assert point in crash_points
    net, checker = crashing
    random_ = random.Random(point)
    for _ in range(1 if point in RARE else rounds(50, 1)):
        passages = [1, 1, 1, 1] if point in RARE else [random_.randrange(1, 30) for _ in net.nodes]
        for node, passage in zip(net.nodes, passages):
            node.env = {"TIMED_CRASH": f"{point}@{passage}"}
            node.spawn()
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
        sent, written = checker.take()
        # What a validator sent since its file began stands in it.
        for key in sent:
            voter, height = key[:2]
            first = min((k[1] for k in written if k[0] == voter), default=height + 1)
            assert height < first or key in written, f"{key} was sent and is not in the file"
    goes_on(net, checker)
