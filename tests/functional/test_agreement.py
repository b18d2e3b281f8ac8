# SPDX-License-Identifier: MIT
"""Validators agree on blocks: PROTOCOL.md §9 "With validators"."""
import pathlib
import re
import time

import pytest

from harness.chain import SUBSIDY, shares
from harness.net import wait_until
from harness.validators import remove_data


def satoshis(amount):
    return round(amount * 100_000_000)


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
    """timed-inspect chain --verify checks all certificates, which it cannot without the validators, and the money: with
    all four tiers it is what genesis and the rewards have brought, and a fee is paid once."""
    tiers = ("free", "bronze", "silver", "gold")
    with validators(4, tiers=tiers) as net:
        net.wait_height(2)
        node = net.nodes[3]
        paid = node.rpc("sendtoaddress", net.nodes[0].rpc("getnewaddress"), "7")
        tx = wait_until(lambda: (said := node.rpc("gettransaction", paid))["confirmations"] > 0 and said, 10)
        net.wait_more(1)
        supply = node.rpc("gettxoutsetinfo")
        height, fees = supply["height"], {tx["blockheight"]: satoshis(-tx["fee"])}
        assert 2 < tx["blockheight"] <= height and fees[tx["blockheight"]] > 0
        weighed = [tier.capitalize() for tier in tiers]
        brought = sum(sum(shares(SUBSIDY + fees.get(n, 0), weighed)) - fees.get(n, 0) for n in range(1, height + 1))
        assert satoshis(supply["total_amount"]) == SUBSIDY + brought
        net.stop()
        config = pathlib.Path(node.dir, "config.toml")
        height = int(re.search(r"blocks 0 to (\d+) .* are right", node.inspect("--verify", "--config", str(config)))[1])
        genesis = f"--genesis-timestamp={net.genesis}"
        assert node.inspect("--verify", genesis, code=1) == f"{height} certificates not checked: give --config, which " \
                                                            "names the validators\n"
