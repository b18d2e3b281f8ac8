# SPDX-License-Identifier: MIT
"""The network as an operator sees and governs it through RPC: each method, and each error that its help names."""
import socket
import time

import pytest

from harness import wire
from harness.net import P2P_PORT, wait_until
from harness.rpc import RpcError

# Dials follow closely upon each other, and a violation is quickly had.
BRISK = {"timers": {"reconnect_min_ms": 50, "reconnect_max_ms": 200, "dial_grace_ms": 100}}


def refused(node, code, method, *params):
    with pytest.raises(RpcError) as error:
        node.rpc(method, *params)
    assert error.value.code == code, f"{method} {params}: {error.value}"
    return str(error.value)


@pytest.fixture
def brisk(daemons, net):
    return daemons(net.ip(5), BRISK)


@pytest.mark.fast
def test_getpeerinfo_and_totals_say_what_went_by(node, net, listen, genesis):
    """Every field of a good peer, inbound and outbound; the totals are those of the sockets."""
    inbound = node.dial_in(net.ip(3))
    listener = listen(net.ip(8), genesis=genesis)
    node.rpc("addnode", net.ip(8), "add")
    outbound = listener.accept_ready()
    node.wait_peers(2)
    for peer in (inbound, outbound):
        peer.ping()
    node.rpc("ping")
    for peer in (inbound, outbound):
        pings = peer.count("Ping")
        node.rpc("ping")
        peer.wait_count("Ping", pings + 1, timeout=2)
    wait_until(lambda: all("pingtime" in entry for entry in node.peers().values()), 5, "all pongs are in")

    for peer, kind in ((inbound, "inbound"), (outbound, "manual")):
        entry = node.peer(peer.ip)
        assert entry["inbound"] == (kind == "inbound") and entry["connection_type"] == kind
        assert entry["addrbind"].startswith(net.ip(5) + ":")
        assert entry["addr"] == "{}:{}".format(*peer.sock.getsockname())
        assert abs(entry["conntime"] - time.time()) < 30 and entry["lastrecv"] >= entry["conntime"]
        assert entry["lastsend"] >= entry["conntime"]
        assert 0 <= entry["minping"] <= entry["pingtime"] < 5
        assert entry["version"] == 1 and entry["subver"] == "0.1.0" and abs(entry["timeoffset"]) <= 2
        assert entry["startingheight"] == 0 and entry["height"] == 0 and entry["synced_blocks"] == 0
        assert entry["missed_pongs"] == entry["violations"] == entry["sendqueue_bytes"] == 0
        assert entry["is_masternode"] is False and "tier" not in entry
        assert entry["bytesrecv_per_msg"]["Handshake" if kind == "inbound" else "Ack"] > 0
        assert entry["bytessent_per_msg"]["Version"] > 0
    # What is counted by kind is what went through the socket.
    for direction, total in (("bytessent", "bytessent_per_msg"), ("bytesrecv", "bytesrecv_per_msg")):
        def settled(direction=direction, total=total):
            entry = node.peer(net.ip(3))
            return sum(entry[total].values()) == entry[direction]
        wait_until(settled, 5, f"{direction} are the sum of its parts")
    assert [entry["id"] for entry in node.rpc("getpeerinfo")] == sorted(
        entry["id"] for entry in node.rpc("getpeerinfo"))

    def balanced():
        totals, peers = node.rpc("getnettotals"), node.peers().values()
        return (totals["totalbytessent"] == sum(entry["bytessent"] for entry in peers)
                and totals["totalbytesrecv"] == sum(entry["bytesrecv"] for entry in peers))
    wait_until(balanced, 5, "the totals are those of the two connections")
    totals = node.rpc("getnettotals")
    assert abs(totals["timemillis"] - time.time() * 1000) < 30000
    assert totals["recv_per_msg"]["Handshake"]["messages"] == 1 and totals["sent_per_msg"]["Handshake"]["messages"] == 1
    assert totals["recv_per_msg"]["Version"]["messages"] == totals["sent_per_msg"]["Version"]["messages"] == 2
    assert totals["sent_per_msg"]["Ping"]["messages"] >= inbound.count("Ping") + outbound.count("Ping")

    info = node.rpc("getnetworkinfo")
    assert info["connections"] == node.rpc("getconnectioncount") == 2
    assert (info["connections_in"], info["connections_out"]) == (1, 1)
    assert info["version"] == 10000 and info["subversion"] == "/timed:0.1.0/" and info["protocolversion"] == 1
    assert info["networkactive"] is True and info["localrelay"] is True and info["timeoffset"] == 0
    assert [network["name"] for network in info["networks"]] == ["ipv4", "ipv6"]
    assert info["localaddresses"] == [{"address": net.ip(5), "port": P2P_PORT, "score": 1}]
    assert info["relayfee"] == info["incrementalfee"] == 0.00001 and isinstance(info["warnings"], list)


@pytest.mark.fast
def test_timeoffset_is_the_median_of_the_peers(brisk, net):
    """Of at least three: one whose clock is wrong does not count."""
    for number, (offset, expected) in enumerate(((50, 0), (5000, 0), (70, 70), (60, 70))):
        peer = brisk.dial_in(net.ip(20 + number), pong=False)
        nonce = 1000 + number
        peer.send({"Ping": {"nonce": nonce, "timestamp": int(time.time()) + offset}})
        peer.expect_pong(nonce, 5)
        assert abs(brisk.rpc("getnetworkinfo")["timeoffset"] - expected) <= 2, f"after {number + 1} peers"


def test_addnode_and_disconnectnode(brisk, net, listen, genesis):
    """Added nodes are dialled again and again, tried ones once, removed ones no more."""
    there, tried = net.ip(8), net.ip(9)
    refused(brisk, -8, "addnode", "example.org", "add")
    refused(brisk, -8, "addnode", there, "ad")
    refused(brisk, -8, "addnode", net.ip(5), "add")
    refused(brisk, -8, "addnode", net.ip(5), "onetry")
    refused(brisk, -24, "addnode", there, "remove")
    refused(brisk, -24, "getaddednodeinfo", there)
    refused(brisk, -8, "getaddednodeinfo", "x")
    refused(brisk, -32602, "addnode", there)
    assert brisk.rpc("getaddednodeinfo") == []

    assert brisk.rpc("addnode", there, "add") is None
    refused(brisk, -23, "addnode", f"{there}:{P2P_PORT}", "add")
    wait_until(lambda: brisk.rpc("getaddednodeinfo", there)[0]["failures"] > 12, 20,
               "more failures than a learnt address is allowed")
    entry = brisk.rpc("getaddednodeinfo")[0]
    assert entry["addednode"] == f"{there}:{P2P_PORT}" and entry["connected"] is False and entry["addresses"] == []
    listener = listen(there, genesis=genesis)
    first = listener.accept_ready()
    assert brisk.wait_peer(there)["connection_type"] == "manual"
    entry = brisk.rpc("getaddednodeinfo", there)[0]
    assert entry["connected"] is True and "nextdial" not in entry
    assert entry["addresses"] == [{"address": f"{there}:{P2P_PORT}", "connected": "outbound"}]
    first.close()
    second = listener.accept_ready()
    brisk.wait_peer(there)

    refused(brisk, -32602, "disconnectnode")
    refused(brisk, -32602, "disconnectnode", there, brisk.peer(there)["id"])
    refused(brisk, -29, "disconnectnode", net.ip(7))
    refused(brisk, -29, "disconnectnode", f"{there}:1")
    refused(brisk, -29, "disconnectnode", "", brisk.peer(there)["id"] + 1000)
    refused(brisk, -8, "disconnectnode", "x")
    mark = brisk.mark()
    assert brisk.rpc("disconnectnode", f"{there}:{P2P_PORT}") is None
    second.expect_closed()
    brisk.wait_ended(there, "operator", mark)
    assert brisk.rpc("getaddednodeinfo", there)[0]["nextdial"] > 200

    inbound = brisk.dial_in(net.ip(3))
    brisk.rpc("disconnectnode", "", brisk.peer(net.ip(3))["id"])
    inbound.expect_closed()
    assert brisk.rpc("addnode", there, "remove") is None
    assert brisk.rpc("getaddednodeinfo") == []

    other = listen(tried, genesis=genesis)
    assert brisk.rpc("addnode", tried, "onetry") is None
    peer = other.accept_ready()
    assert brisk.wait_peer(tried)["connection_type"] == "manual"
    assert brisk.rpc("addnode", tried, "onetry") is None      # it is connected: nothing to do
    assert brisk.rpc("getaddednodeinfo") == []
    assert tried in [entry["address"] for entry in brisk.rpc("getnodeaddresses", 0)]
    peer.close()
    brisk.wait_ended(tried, "eof")
    # An address that was never reached is dialled once and forgotten.
    nobody = net.ip(10)
    mark = brisk.mark()
    brisk.rpc("addnode", nobody, "onetry")
    brisk.wait_log(rf"Message loop ended for {nobody} \(reason: connect failed\)", mark)
    assert nobody not in [entry["address"] for entry in brisk.rpc("getnodeaddresses", 0)]
    assert len(brisk.log_lines(rf"Connecting to {nobody}:", mark)) == 1


@pytest.mark.fast
def test_setban_and_listbanned(brisk, net):
    """A ban ends the connection and keeps the peer out; the operator's beats that of violations; it survives a restart."""
    bad, worse = net.ip(3), net.ip(4)
    for wrong in ("x", "10.0.0.0/8", f"{bad}:1", "0.0.0.0", "::1/64"):
        refused(brisk, -30, "setban", wrong, "add")
    refused(brisk, -8, "setban", bad, "ad")
    refused(brisk, -8, "setban", bad, "add", -1)
    refused(brisk, -8, "setban", bad, "add", 1000, True)
    refused(brisk, -3, "setban", bad, "add", "1000")
    refused(brisk, -30, "setban", bad, "remove")
    assert brisk.rpc("listbanned") == []

    peer = brisk.dial_in(bad)
    waiting = brisk.raw_peer(bad)       # before its handshake: it ends as well
    wait_until(lambda: len(brisk.workers()) == 2, 5, "both connections are there")
    assert brisk.rpc("setban", bad, "add", 1000) is None
    peer.expect_closed()
    waiting.expect_closed()
    brisk.wait_ended(bad, "banned")
    again = brisk.raw_peer(bad)
    again.expect_closed()
    refused(brisk, -23, "setban", f"{bad}/32", "add")
    refused(brisk, -1, "addnode", bad, "onetry")
    entry = brisk.rpc("listbanned")[0]
    assert (entry["address"], entry["reason"], entry["permanent"]) == (bad, "manual", False)
    assert entry["ban_duration"] == 1000 and entry["banned_until"] == entry["ban_created"] + 1000
    assert 990 <= entry["time_remaining"] <= 1000 and abs(entry["ban_created"] - time.time()) < 30

    # Three violations ban; the operator makes something else of that, and then nothing.
    for _ in range(3):
        rogue = brisk.raw_peer(worse)
        rogue.send(wire.handshake(magic=[1, 2, 3, 4]))
        rogue.expect_closed()
    entry = wait_until(lambda: {entry["address"]: entry for entry in brisk.rpc("listbanned")}.get(worse), 5, "a ban")
    assert (entry["reason"], entry["violations"], entry["ban_duration"]) == ("violations", 3, 300)
    until = int(time.time()) + 50
    assert brisk.rpc("setban", worse, "add", until, True) is None
    entry = {entry["address"]: entry for entry in brisk.rpc("listbanned")}[worse]
    assert (entry["reason"], entry["banned_until"]) == ("manual", until)

    wait_until(lambda: brisk.log_lines("Banned .* by the operator"), 5, "a line in the log")
    brisk.restart()
    assert [entry["address"] for entry in brisk.rpc("listbanned")] == sorted([bad, worse], key=socket.inet_aton)
    assert brisk.rpc("setban", bad, "remove") is None
    brisk.dial_in(bad)
    assert brisk.rpc("clearbanned") is None
    assert brisk.rpc("listbanned") == []
    brisk.dial_in(worse)


@pytest.mark.fast
def test_setnetworkactive(brisk, net, listen, genesis):
    """Off: everything is closed, nobody is dialled or let in. On: as before."""
    listener = listen(net.ip(8), genesis=genesis)
    brisk.rpc("addnode", net.ip(8), "add")
    outbound = listener.accept_ready()
    inbound = brisk.dial_in(net.ip(3))
    refused(brisk, -3, "setnetworkactive", "off")
    refused(brisk, -32602, "setnetworkactive")
    mark = brisk.mark()
    assert brisk.rpc("setnetworkactive", False) is False
    assert outbound.expect_closed() and inbound.expect_closed()
    brisk.wait_ended(net.ip(8), "network off", mark)
    brisk.wait_no_connection()
    assert brisk.rpc("getnetworkinfo")["networkactive"] is False and brisk.rpc("getconnectioncount") == 0
    brisk.raw_peer(net.ip(4)).expect_closed()
    brisk.wait_log(rf"Refusing {net.ip(4)}:\d+: the network is switched off", mark)
    refused(brisk, -1, "addnode", net.ip(9), "onetry")
    listener.assert_not_dialled(0.5)
    assert brisk.rpc("setnetworkactive", True) is True
    listener.accept_ready()
    brisk.wait_peer(net.ip(8))
    brisk.dial_in(net.ip(3))


def test_getnodeaddresses(brisk, net):
    """Addresses that were told, drawn without repeating."""
    assert brisk.rpc("getnodeaddresses") == []
    peer = brisk.dial_in(net.ip(3))
    told = [f"{net.ip(number)}:24200" for number in range(20, 60)]
    peer.answers = {"GetPeers": lambda _: {"PeersResponse": told}}
    peer.send({"PeersResponse": told})
    known = wait_until(lambda: [entry for entry in [brisk.rpc("getnodeaddresses", 0)] if len(entry) >= 40], 5,
                       "the addresses are known")[0]
    addresses = [entry["address"] for entry in known]
    assert len(set(addresses)) == len(addresses) and set(text.split(":")[0] for text in told) <= set(addresses)
    reached = [entry for entry in known if "time" in entry]
    assert [entry["address"] for entry in reached] == [net.ip(3)] and abs(reached[0]["time"] - time.time()) < 30
    assert all(entry["port"] == 24200 and entry["network"] == "ipv4" for entry in known)
    some = brisk.rpc("getnodeaddresses", 7)
    assert len({entry["address"] for entry in some}) == 7
    assert len(brisk.rpc("getnodeaddresses")) == 1
    refused(brisk, -8, "getnodeaddresses", -1)
    refused(brisk, -3, "getnodeaddresses", "all")
