# SPDX-License-Identifier: MIT
"""SIGUSR1: the log says how all of the node is."""
import re
import signal

from harness.net import wait_until


def test_sigusr1_logs_the_full_status(validators):
    network = validators(3)
    node, others = network.nodes[0], network.nodes[1:]
    wait_until(lambda: node.height() >= 2 and len(node.peers()) == 2 and node.rpc("masternodelist")["total"] == 3, 30,
               "blocks, peers and masternodes")
    mark = node.mark()
    node.process.send_signal(signal.SIGUSR1)
    # The last line is of the second peer.
    node.wait_log(r"  peer \d+: ", mark, count=2)
    text = node.log(mark)

    def one(pattern):
        found = re.search(pattern, text, re.M)
        assert found, f"{pattern}\n{text}"
        return found

    version = re.search(r"timed \S+ \(.*?\)", node.log()).group(0)
    assert int(one(r"Status: Height=(\d+), Connected Peers=2, Active Masternodes=3$").group(1)) >= 2
    assert int(one(rf"  {re.escape(version)}, network devnet, up (\d+)s, 3 masternodes known$").group(1)) < 1000
    height = int(one(r"  chain: height (\d+) [0-9a-f]{64}, tip \d+s old, \d+ transactions, \d+ unspent outputs$").group(1))
    assert height >= 2
    one(r"  sync: idle, target \d+, ")
    state = one(r"  consensus: height (\d+), round \d+, step \w+, prevotes \d and precommits \d of 3 validators "
                r"\(quorum 3\), final height (\d+), \d+ blocks of ours$")
    # The chain may be a block ahead of the machine: what is decided is connected, and then told.
    assert height - 1 <= int(state.group(2)) < int(state.group(1)) <= height + 2
    one(r"  votes on transactions: 3 voters, ")
    one(r"  pool: 0 transactions \(0 final\), 0 B, ")
    assert float(one(r"  memory: ([\d.]+) MiB resident").group(1)) > 1
    process = one(r"  process: (\d+) threads, (\d+) of \d+ open files, ")
    assert int(process.group(1)) == len(node.threads())
    assert abs(int(process.group(2)) - node.fds()) <= 3
    one(rf"  masternode {re.escape(node.ip)}: \w+, active, ourselves, heard ")
    for other in others:
        one(rf"  masternode {re.escape(other.ip)}: \w+, active, heard \d+s ago$")
        one(rf"  peer \d+: {re.escape(other.ip)}:\d+ (In|Out)bound, ready, since \d+s, ping (none|[\d.]+ ms), missed 0, "
            r"height \d+.*, queue 0 B, version \"")
