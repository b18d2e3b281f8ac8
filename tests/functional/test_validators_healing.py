# SPDX-License-Identifier: MIT
"""Validators whose machines stand still or lose each other for a while. adversarial 50 and 52."""
import time

import pytest

from harness.mesh import one_connection_per_pair
from harness.net import rounds

HEALED_WITHIN_S = 20


def violations(net):
    """What any of the nodes holds against any other."""
    return [line for node in net.running() for line in node.log_lines("Violation #")]


def healed(net, since):
    """Heights equal and growing, one connection per pair, within the time."""
    net.wait_more(1, timeout=max(1, HEALED_WITHIN_S - (time.monotonic() - since)))
    one_connection_per_pair(net.nodes, timeout=max(1, HEALED_WITHIN_S - (time.monotonic() - since)))


@pytest.mark.long(200)
def test_honest_validators_punish_nobody(validators):
    """Messages overtake blocks by milliseconds all the time: a certificate is passed on before its block is connected,
    and once three such moments had banned a good peer."""
    with validators(4, observers=1) as net:
        net.wait_height(rounds(200, 25))
        assert violations(net) == []


def test_adversarial_52_a_validator_stands_still_for_ten_seconds(validators):
    """The others go on without it; it catches up and takes part again."""
    with validators(4) as net:
        net.wait_height(3)
        still, others = net.validators[0], net.validators[1:]
        still.pause()
        begin = time.monotonic()
        net.wait_more(3, others)
        time.sleep(max(0, begin + 10 - time.monotonic()))
        mark = still.mark()
        still.resume()
        since = time.monotonic()
        healed(net, since)
        still.wait_log(r"✅ Block \d+ produced", mark, timeout=40)
        net.assert_same(min(net.heights()))
        assert violations(net) == []


def test_adversarial_50_a_third_stands_still_for_ten_seconds(validators):
    """Two of four: no block meanwhile, none that conflicts, and all goes on by itself."""
    with validators(4) as net:
        net.wait_height(3)
        still, others = net.validators[:2], net.validators[2:]
        for node in still:
            node.pause()
        # What was decided before they stopped may still arrive.
        time.sleep(1)
        net.assert_no_blocks(9, others)
        for node in still:
            node.resume()
        since = time.monotonic()
        healed(net, since)
        for height in range(1, min(net.heights()) + 1):
            net.assert_same(height)
        assert violations(net) == []
