# SPDX-License-Identifier: MIT
"""The file `votes`: a validator that is killed while it writes it, and one that finds it damaged (PROTOCOL.md §9)."""
import pytest

from harness.net import wait_until

# Where they are passed first: a new file is renamed once, everything else happens at each turn that signs.
AT_FIRST = ("votes-before-rename", "votes-after-rename")
LATER = ("votes-before-write", "votes-before-sync", "votes-after-sync")


def no_equivocation(net):
    """Nobody has seen two values of one validator for one height, round and phase."""
    for node in net.running():
        status = node.rpc("getconsensusinfo")
        assert status["equivocations"] == 0, status["evidence"]
        assert not status["observing"]


def run_into(net, victim, point):
    """Starts it to be killed at a point; the others go on without it."""
    victim.env = {"TIMED_CRASH": point}
    victim.spawn()
    wait_until(lambda: not victim.running(), 30, lambda: f"{point}: never reached\n{victim.tail()}")
    assert victim.process.returncode < 0, f"{point}: {victim.process.returncode}\n{victim.tail()}"
    victim.env = {}
    net.wait_more(1)


def test_killed_at_each_step_of_writing_it(validators, crash_points):
    """It comes back each time, takes part again, and contradicts nothing of what it said before."""
    if not crash_points:
        pytest.skip("this timed was built without fault injection (meson option faults)")
    assert {point for point in crash_points if point.startswith("votes")} == {*AT_FIRST, *LATER}
    with validators(4, start=False) as net:
        victim, others = net.nodes[3], net.nodes[:3]
        net.start(others)
        net.wait_height(1)
        for point in [*AT_FIRST, *LATER, *(f"{point}@4" for point in LATER)]:
            run_into(net, victim, point)
            no_equivocation(net)
        net.start([victim])
        # without it there is no quorum
        net.kill([others[0]])
        net.wait_more(3, timeout=30)
        no_equivocation(net)


def test_torn_tail_is_cut_off_and_damage_is_not(validators):
    """What was never sent may be missing; what may have been sent may not."""
    with validators(4) as net:
        net.wait_height(3)
        victim = net.nodes[3]
        net.kill([victim])
        path = net.votes(victim)
        whole = path.read_bytes()
        assert len(whole) > 1000

        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 4
        path.write_bytes(damaged)
        log = victim.run_to_end(code=1)
        assert f"{path} is damaged at byte" in log and "Move it away" in log, log
        assert path.read_bytes() == damaged

        # the beginning of a batch that was never written whole
        path.write_bytes(whole + whole[100:150])
        mark = victim.mark()
        net.start([victim])
        assert f"50 bytes, which were never sent, are cut off at byte {len(whole)}" in victim.log(mark), victim.tail()
        net.wait_more(3, timeout=20)
        no_equivocation(net)
