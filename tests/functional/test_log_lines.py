# SPDX-License-Identifier: MIT
"""The lines that operators look for in the log, whole: what scripts and habits from the existing network rely on."""
import re

import pytest

from harness import wire
from harness.mesh import BRISK
from harness.net import P2P_PORT, paced_ms
from harness.sync import SYNC_TIMERS, chain_with_payments, sync_config

KEY = bytes(range(32))


def lines_of(ip):
    """Each line of the list, as a pattern, by the addresses of those that cause it."""
    pings = {direction: [rf"INFO 📤 \[{direction}\] Sent ping to {peer} \(nonce: \d+\)",
                         rf"INFO ✅ \[{direction}\] Received pong from {peer} \(nonce: \d+, rtt: \d+\.\d{{3}} ms\)",
                         rf"INFO 🔌 \[{direction}\] Message loop ended for {peer} \(reason: eof\)"]
             for direction, peer in (("Inbound", ip["in"]), ("Outbound", ip["out"]))}
    return [
        rf"INFO 🔗 \[Outbound\] Connecting to {ip['out']}:{P2P_PORT}",
        rf"INFO 🤝 \[Outbound\] Sent handshake to {ip['out']}",
        rf"INFO ✓ Connected to peer: {ip['out']}",
        rf"INFO 🔄 \[Outbound\] Starting message loop for {ip['out']} \(port: {P2P_PORT}\)",
        *pings["Outbound"],
        rf"INFO Reconnecting to {ip['out']} in \d+s\.\.\.",
        rf"INFO 🔌 New peer connection from: {ip['in']}:\d+",
        rf"INFO ✅ Handshake accepted from {ip['in']} \(network: devnet\)",
        rf"INFO ✓ Connected to peer: {ip['in']}",
        rf"INFO 🔄 \[Inbound\] Starting message loop for {ip['in']} \(port: \d+\)",
        *pings["Inbound"],
        *(rf"WARN ⚠️ \[Inbound\] Ping timeout for {ip['mute']} \(missed: {missed}/3\)" for missed in (1, 2, 3)),
        rf"WARN ❌ \[Inbound\] Disconnecting {ip['mute']} due to timeout",
        rf"INFO 🔌 \[Inbound\] Message loop ended for {ip['mute']} \(reason: timeout\)",
        rf"INFO 🚫 Rejecting {ip['bad']} - invalid magic bytes: \[0, 0, 0, 0\]",
        rf"INFO 🚫 Rejecting {ip['bad']} - unsupported protocol version: 7",
        rf"INFO 🚫 Rejecting {ip['bad']} - old protocol detected \(~W~M magic bytes\)",
        rf"WARN ⚠️ Violation #1 from {ip['bad']}: invalid magic bytes: \[0, 0, 0, 0\]",
        rf"WARN 🚫 Auto-banned {ip['bad']} for 5 minutes \(3 violations\)",
        rf"INFO ✅ Registered masternode {ip['in']} \(total: 1\)",
        rf"WARN ⚠️ Masternode {ip['in']} marked offline \(no heartbeat for \d+s\)",
        rf"INFO ✓ Masternode {ip['in']} is back online",
        rf"INFO \[MASTERNODE\] Reconnecting to {ip['in']} in \d+s\.\.\.",
        rf"INFO 📥 Received block 7 announcement from {ip['in']}",
        rf"INFO ✅ Added block 7 from {ip['in']}",
        r"INFO 🔄 Gossiped block 7 to [12] other peer\(s\)",
        r"INFO 📊 Status: Height=\d+, Connected Peers=\d+, Active Masternodes=\d+",
        r"INFO 🔍 Peer check: \d+ connected, \d+ active masternodes, 50 total slots",
    ]


@pytest.mark.fast
def test_lines_of_the_log(loaded, serve, net):
    chain = chain_with_payments(6)
    longer = chain.fork(chain.height)
    longer.grow()
    ips = {"in": net.ip(3), "mute": net.ip(4), "bad": net.ip(6), "out": net.ip(8)}
    outbound, inbound = serve(ips["out"], chain), serve(ips["in"], chain, listen=False)
    timers = {**BRISK, **SYNC_TIMERS, "status_interval_ms": 500, "masternode_active_ms": paced_ms(400),
              "masternode_check_ms": 100, "reconnect_min_ms": 10000, "reconnect_max_ms": 10000}
    node = loaded(net.ip(5), chain, sync_config(ips["out"], timers=timers, logging={"level": "info"}))
    mute = serve(ips["mute"], chain, listen=False, pong=False).dial(node)
    for first in (wire.handshake(magic=[0, 0, 0, 0]), wire.handshake(protocol_version=7), b"~W~M\n"):
        bad = node.raw_peer(ips["bad"])
        bad.send(first)
        bad.expect_closed()
    link = inbound.dial(node)
    link.send(wire.announcement(ips["in"], KEY))
    inbound.announce(longer.tip)
    node.wait_chain(longer)
    head = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[[^\]]+\] "
    node.wait_log(head + rf"INFO ✅ \[Inbound\] Received pong from {ips['in']} ")
    link.close()
    node.wait_log(head + rf"WARN ⚠️ Masternode {ips['in']} marked offline")
    again = inbound.dial(node)
    again.send(wire.announcement(ips["in"], KEY))
    outbound.close()
    mute.expect_closed(timeout=10)
    for line in lines_of({name: re.escape(ip) for name, ip in ips.items()}):
        node.wait_log(head + line + "$")
