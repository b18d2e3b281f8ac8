# SPDX-License-Identifier: MIT
"""Masternode mode where there are validators: who may start, and who is told why not."""
import pytest

from harness.chain import GENESIS_TIME, Chain
from harness.validators import validator_key

USAGE_OR_CONFIGURATION = 2


@pytest.mark.fast
def test_validators_and_observers_start(validators):
    """One list for all; an observer's key need not be in it."""
    with validators(3, observers=1) as net:
        for node in net.validators:
            assert [entry["wallet_address"] for entry in node.masternodes().values() if entry.get("is_own")] == \
                [net.entry(node)["reward_address"]]
        assert not [entry for entry in net.observers[0].masternodes().values() if entry.get("is_own")]
        for node in net.nodes:
            assert "consensus.validators names" not in node.log()


def test_a_masternode_that_is_no_validator_does_not_start(validators):
    net = validators(3, observers=1, start=False)
    stranger = net.observers[0]
    stranger.config["masternode"]["enabled"] = True
    said = stranger.run_to_end(code=USAGE_OR_CONFIGURATION, timeout=20)
    assert "consensus.validators does not hold the key of this wallet for height 1 or any later one" in said
    assert f"timed-inspect validator-key {stranger.datadir}" in said
    # It is told what to do, and that helps.
    net.set_list([{"from_height": 1, "validators": [*net.entries, validator_key(stranger.datadir, stranger.ip)]}])
    stranger.start()
    # Its wallet was made by the start that failed: it is known to have signed nothing.
    assert not stranger.rpc("getconsensusinfo")["observing"]


@pytest.fixture
def at_height_3(validators):
    """A network whose first validator has three blocks, from before certificates are needed."""
    net = validators(4, start=False, genesis=GENESIS_TIME, block_time=2, bft_from=10)
    chain = Chain()
    chain.grow(3)
    net.validators[0].load_blocks(chain)
    return net


@pytest.mark.parametrize("without_from, again_from", [(1, None), (4, None), (2, 3), (1, 9)])
def test_the_list_in_force_and_later_ones_count(at_height_3, without_from, again_from):
    """Who has been taken off the list is told so; who is on it for the next block, or will be later, starts."""
    net, node = at_height_3, at_height_3.validators[0]
    lists = [{"from_height": without_from, "validators": net.entries[1:]}]
    if without_from > 1:
        lists.insert(0, {"from_height": 1, "validators": net.entries})
    if again_from:
        lists.append({"from_height": again_from, "validators": net.entries})
    net.set_list(lists)
    if again_from:
        node.start()
        assert node.height() == 3
    else:
        said = node.run_to_end(code=USAGE_OR_CONFIGURATION, timeout=20)
        assert "does not hold the key of this wallet for height 4 or any later one" in said


def test_one_without_its_file_that_waits_for_validators_is_told(at_height_3):
    """Whether it has voted on payments as well is not known: it does not until the validators have begun."""
    net, node = at_height_3, at_height_3.validators[0]
    net.votes(node).unlink()
    node.start()
    assert node.rpc("getconsensusinfo")["observing"]
    node.wait_log("votes is missing, so what this masternode has signed is not known: it signs nothing until two")
    node.stop()
    mark = node.mark()
    net.votes(node).touch()
    node.start()
    assert not node.rpc("getconsensusinfo")["observing"]
    assert "votes is missing" not in node.log(mark)


def test_on_the_list_for_the_next_block_and_no_longer(at_height_3):
    net, node = at_height_3, at_height_3.validators[0]
    net.set_list([{"from_height": 1, "validators": net.entries}, {"from_height": 5, "validators": net.entries[1:]}])
    node.start()
    assert node.height() == 3


@pytest.mark.fast
def test_another_address_in_the_list_is_told(validators):
    net = validators(3, start=False)
    node = net.validators[0]
    entries = [{**entry, "address": "10.1.2.3"} if entry is net.entry(node) else entry for entry in net.entries]
    net.set_list([{"from_height": 1, "validators": entries}])
    node.start()
    node.wait_log(f"consensus.validators names 10.1.2.3 for the key of this wallet, but our IP is {node.ip}")
