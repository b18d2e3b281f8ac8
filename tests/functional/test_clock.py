# SPDX-License-Identifier: MIT
"""The clock of this machine against those of its peers."""
import re

import pytest

from harness import wire


@pytest.mark.fast
def test_a_wrong_clock_is_told_loudly(daemons, net):
    """Three peers that agree are believed: beyond two minutes, in either direction, the log is loud; two are not."""
    # The keeper, who looks at the clocks, makes four rounds in the first of these.
    node = daemons(net.ip(5), {"timers": {"masternode_active_ms": 200, "clock_check_ms": 20, "status_interval_ms": 20}})

    def peers(offset, first, count):
        made = [node.raw_peer(net.ip(first + number), genesis=node.genesis()) for number in range(count)]
        for peer in made:
            peer.send(wire.handshake(), wire.version(peer.node_id, timestamp=wire.now() + offset))
            peer.expect("Ack")
            node.wait_peer(peer.ip)
        return made

    def not_loud(since):
        # The second of them is written in a later round, which began with a look at the clocks.
        node.wait_log("📊 Status: ", node.mark(), count=2)
        assert not node.log_lines("THE CLOCK", since)

    def told(since):
        return re.compile(r"ERROR THE CLOCK OF THIS MACHINE IS (\d+) s (.*)$", re.M).findall(node.log(since))

    mark = node.mark()
    two = peers(200, 10, 2)
    not_loud(mark)
    three = [*two, *peers(200, 12, 1)]
    node.wait_log("THE CLOCK OF THIS MACHINE", mark)
    mark = node.mark()
    node.wait_log("THE CLOCK OF THIS MACHINE", mark)
    seconds, text = told(mark)[0]
    assert 198 <= int(seconds) <= 200
    assert text == "behind that of its peers: set it (NTP), or blocks and votes of this node will be refused"
    for peer in three:
        peer.close()
    node.wait_no_connection()
    mark = node.mark()
    three = peers(100, 20, 3)
    assert 98 <= node.rpc("getnetworkinfo")["timeoffset"] <= 100
    not_loud(mark)
    for peer in three:
        peer.close()
    node.wait_no_connection()
    mark = node.mark()
    peers(-200, 30, 3)
    node.wait_log("THE CLOCK OF THIS MACHINE", mark)
    seconds, text = told(mark)[0]
    assert 200 <= int(seconds) <= 202 and text.startswith("ahead of that of its peers: set it (NTP)")
