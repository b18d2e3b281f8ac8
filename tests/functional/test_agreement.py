# SPDX-License-Identifier: MIT
"""Validators agree on blocks: PROTOCOL.md §9 "With validators"."""
import pathlib
import subprocess
import time

import pytest

from harness.daemon import INSPECT
from harness.net import scaled, wait_until
from harness.validators import remove_data


def info(node):
    return node.rpc("getconsensusinfo")


def test_four_validators_make_final_blocks(validators):
    """Heights grow slot by slot on all nodes, an observer follows, and every block has its certificate."""
    with validators(4, observers=1) as net:
        net.wait_height(6)
        first = net.nodes[0]
        blocks = [first.rpc("getblock", height) for height in range(1, 7)]
        for height, block in enumerate(blocks, 1):
            assert block["time"] == net.genesis + height * net.block_time
        status = info(net.validators[0])
        assert (status["type"], status["masternodes"], status["quorum"]) == ("BFT", 4, 3)
        assert status["validator"] and not status["observing"]
        assert status["final_height"] >= 6 and status["equivocations"] == 0
        assert not info(net.observers[0])["validator"]
        assert sum(info(node)["proposed"] for node in net.validators) >= 6


@pytest.mark.fast
def test_three_validators(validators):
    with validators(3) as net:
        net.wait_height(4)


def test_an_observer_that_comes_later_follows(validators):
    with validators(4, observers=1, start=False) as net:
        net.start(net.validators)
        net.wait_height(5, net.validators)
        net.start(net.observers)
        net.wait_more(3)


def test_one_of_four_is_killed_and_comes_back(validators):
    with validators(4) as net:
        net.wait_height(3)
        net.kill(net.nodes[3:])
        net.wait_more(4)
        net.start(net.nodes[3:])
        net.wait_more(3, timeout=20)


def test_one_of_four_loses_its_data(validators):
    """It comes back with its wallet alone: signs nothing at first, takes part again later, and contradicts nothing."""
    with validators(4) as net:
        net.wait_height(3)
        gone = net.nodes[3]
        net.kill([gone])
        remove_data(gone)
        net.wait_more(2)
        net.start([gone])
        net.wait_more(2, timeout=20)
        wait_until(lambda: not info(gone)["observing"], 20)
        net.wait_more(4)
        assert all(info(node)["equivocations"] == 0 for node in net.nodes)


def test_two_of_four_gone_stop_the_blocks(validators):
    """Nothing is final without a quorum; it goes on when they are back."""
    with validators(4) as net:
        net.wait_height(3)
        net.kill(net.nodes[2:])
        time.sleep(1)
        net.assert_no_blocks(3)
        net.start(net.nodes[2:])
        net.wait_more(3, timeout=20)


def test_all_killed_at_once_go_on(validators):
    with validators(4) as net:
        net.wait_height(2)
        for _ in range(3):
            net.kill()
            net.start()
            net.wait_more(1, timeout=20)
        assert all(info(node)["equivocations"] == 0 for node in net.nodes)


def test_the_store_proves_every_block(validators):
    """timed-inspect chain --verify checks all certificates."""
    with validators(4) as net:
        net.wait_height(4)
        node = net.nodes[0]
        net.stop()
        config = pathlib.Path(node.dir, "config.toml")
        done = subprocess.run([INSPECT, "chain", "--verify", "--config", str(config), str(node.datadir)],
                              capture_output=True, text=True, timeout=scaled(60), check=False)
        assert done.returncode == 0, done.stdout + done.stderr
