# SPDX-License-Identifier: MIT
"""What the tests of the chain share: timers of sync in short, chains, and who was blamed."""
import re

from . import config as toml
from .chain import Chain
from .net import paced_ms, wait_until

# How often peers are asked, when a fork is decided, when a range is given to another peer.
SYNC_TIMERS = {"sync_poll_ms": paced_ms(100), "sync_settle_ms": paced_ms(100), "sync_stall_ms": paced_ms(1000),
               "sync_fork_interval_ms": paced_ms(300), "reconnect_min_ms": paced_ms(100),
               "reconnect_max_ms": paced_ms(1000)}


def sync_config(*peers, **sections):
    """Short timers, and peers to dial; more sections as keywords."""
    return toml.merge({"timers": SYNC_TIMERS, "network": {"bootstrap_peers": list(peers)}}, sections)


def chain_with_payments(blocks, transactions=2, start=6, **options):
    """A chain of so many blocks on top of genesis; after the first few, each has some payments."""
    chain = Chain(**options)
    chain.grow(min(start, blocks))
    chain.grow(max(0, blocks - start), transactions)
    return chain


def wait_violation(node, ip, since=0, timeout=10):
    """Waits until a violation by that peer is logged; returns its reason."""
    return node.wait_log(rf"Violation #\d+ from {re.escape(ip)}: (.*)", since, timeout).group(1)


def wait_refused(node, ip, since=0, timeout=10):
    """Waits until a block of that peer is refused for a broken rule, and its sender blamed for the same; returns the
    code of the rule."""
    refused = node.wait_log(rf"🚫 Refused block \d+ \([0-9a-f]{{64}}\) from {re.escape(ip)}: (CHAIN_E_\w+): (.*)", since,
                            timeout)
    assert wait_violation(node, ip, since) == refused.group(2)
    return refused.group(1)


def assert_blameless(node, *ips):
    for ip in ips:
        assert not node.violations(ip), f"{ip} was blamed: {node.violations(ip)}"


def settled_on(nodes, chains, timeout=60):
    """Waits until all daemons have the tip of one of the chains; returns that chain."""
    def check():
        tips = {node.tip() for node in nodes}
        return next((chain for chain in chains if tips == {chain.tip_hash}), None)
    return wait_until(check, timeout, lambda: "one chain: " + ", ".join(
        f"{node.ip} at {node.height()} {node.tip().hex()[:8]}" for node in nodes) +
        "\n" + "\n".join(node.tail(15) for node in nodes))
