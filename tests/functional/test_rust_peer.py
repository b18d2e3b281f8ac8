# SPDX-License-Identifier: MIT
"""A peer that behaves like the existing Rust node, and the two recorded conversations of the real one."""
import re
import time

import pytest

from harness import wire
from harness.net import P2P_PORT, paced, paced_ms, wait_until
from harness.rust_peer import RustPeer
from harness.transcript import transcript

# A fiftieth of the protocol's timers on both sides, in their proportions.
PACE = paced(0.02)
TIMERS = {"ping_interval_ms": paced_ms(300), "pong_timeout_ms": paced_ms(1800), "heartbeat_check_ms": paced_ms(100),
          "turnaround_after_ms": paced_ms(600), "turnaround_dial_ms": paced_ms(40),
          "turnaround_redial_ms": paced_ms(140), "turnaround_interval_ms": paced_ms(12000),
          "reconnect_min_ms": paced_ms(100), "reconnect_max_ms": paced_ms(1000),
          "announce_delay_ms": paced_ms(100), "announce_interval_ms": paced_ms(1200),
          "dial_grace_ms": paced_ms(600), "crossed_dial_window_ms": paced_ms(200),
          "probe_timeout_ms": paced_ms(100), "tie_break_wait_ms": paced_ms(100)}


@pytest.fixture
def rust(genesis):
    """rust(ip, known=[...]) starts a fake Rust node."""
    made = []

    def make(ip, **options):
        made.append(RustPeer(ip, genesis, pace=PACE, **options).start())
        return made[-1]

    yield make
    for peer in made:
        peer.stop()


def heartbeats(node, peer_ip, count, since=0):
    """Waits for that many pongs of the peer to our pings."""
    node.wait_log(rf"Received pong from {re.escape(peer_ip)} ", since, timeout=count * 0.45 + 10, count=count)


@pytest.mark.fast
@pytest.mark.parametrize("last", [2, 8])
def test_rust_configured_peer_stays_connected(daemons, net, rust, last):
    """We dial it first thing, whichever address is lower: one connection, for ever, and nothing it would punish."""
    peer = rust(net.ip(last), known=[net.ip(5)] if last == 8 else [])
    node = daemons(net.ip(5), {"timers": TIMERS, "network": {"bootstrap_peers": [net.ip(last)]},
                               "masternode": {"enabled": True}})
    node.wait_peer(net.ip(last))
    heartbeats(node, net.ip(last), 8)
    assert len(peer.open_connections()) == 1 and node.endings() == []
    assert "MasternodeAnnouncement" in peer.open_connections()[0].seen
    peer.assert_content()


def test_rust_two_that_know_each_other(daemons, net, rust):
    """It has the lower address and is dialling already when we start and dial it: whatever it refuses and forgets at
    first, in the end one connection stays as it is over several of its checks, and it never had to punish us."""
    peer = rust(net.ip(2), known=[net.ip(5)])
    wait_until(lambda: peer.tasks, 5, "it dials")
    node = daemons(net.ip(5), {"timers": TIMERS, "network": {"bootstrap_peers": [net.ip(2)]}})
    seen = {"connections": 0, "since": time.monotonic()}

    def quiet():
        if len(peer.connections) != seen["connections"]:
            seen.update(connections=len(peer.connections), since=time.monotonic())
        return time.monotonic() - seen["since"] > 300 * PACE
    wait_until(quiet, 60, lambda: f"a connection that stays\n{node.tail()}")
    settled(node, peer, net.ip(2))
    peer.assert_content()


def settled(node, peer, ip):
    """Waits until the daemon holds a connection that it dialled and that is answered on."""
    def check():
        entry = node.peer(ip)
        return entry and not entry["inbound"] and "pingtime" in entry and len(peer.open_connections()) == 1
    wait_until(check, 30, lambda: f"an outbound connection that answers\n{node.tail()}")


def test_rust_mute_inbound_peer_is_turned_around(daemons, net, rust):
    """It dialled and is mute: closed after a while, dialled twice, and from then on it answers everything."""
    node = daemons(net.ip(5), {"timers": TIMERS})
    peer = rust(net.ip(2), known=[net.ip(5)])
    node.wait_peer(net.ip(2))
    node.wait_ended(net.ip(2), "turnaround", timeout=15)
    wait_until(lambda: len(node.log_lines(rf"\[Outbound\] Sent handshake to {re.escape(net.ip(2))}")) >= 2, 15,
               "two dials of the turnaround")
    settled(node, peer, net.ip(2))

    # From here on it dials no more and answers: over two of its checks and many heartbeats.
    mark, dials = node.mark(), len(peer.dials())
    begin = time.monotonic()
    heartbeats(node, net.ip(2), 10, mark)
    wait_until(lambda: time.monotonic() - begin > 240 * PACE, 30, "two of its checks")
    assert len(peer.dials()) == dials, "it dials although it is connected"
    assert node.endings(since=mark) == []
    answers = node.peer(net.ip(2))["bytesrecv_per_msg"]
    assert "Pong" in answers and "BlockHashResponse" in answers
    peer.assert_content()


def test_rust_mute_peer_that_cannot_be_dialled(daemons, net, rust):
    """It does not listen (NAT): when our dial fails it dials again and is welcome as it is."""
    node = daemons(net.ip(5), {"timers": TIMERS})
    peer = rust(net.ip(2), known=[net.ip(5)], listens=False)
    node.wait_ended(net.ip(2), "turnaround", timeout=15)
    mark = node.mark()
    node.wait_log(rf"\[Inbound\] Starting message loop for {re.escape(net.ip(2))} ", mark, timeout=20)
    mark = node.mark()
    heartbeats(node, net.ip(2), 12, mark)
    assert node.endings(since=mark) == [], "at most one turnaround in ten minutes"
    assert node.peer(net.ip(2))["inbound"] and len(peer.open_connections()) == 1
    peer.assert_content()


def test_rust_mute_peer_costs_no_penalty(daemons, net, rust):
    """Requests that a mute peer leaves unanswered time out without a violation; the connection goes on."""
    node = daemons(net.ip(5), {"timers": {**TIMERS, "turnaround_after_ms": 3600000, "request_timeout_ms": 200}})
    peer = rust(net.ip(2), known=[net.ip(5)])
    node.wait_peer(net.ip(2))
    heartbeats(node, net.ip(2), 10)
    assert node.endings() == [] and not node.violations(net.ip(2))
    assert len(peer.open_connections(dialled=True)) == 1
    wait_until(lambda: peer.open_connections()[0].pongs >= 2, 5, "its pings are answered")


def test_rust_masternode_is_registered(daemons, net, rust):
    """Its announcements after the Ack are about itself: registered by the connection's IP."""
    peer = rust(net.ip(8))
    node = daemons(net.ip(5), {"timers": TIMERS, "network": {"bootstrap_peers": [net.ip(8)]}})
    node.wait_log(rf"✅ Registered masternode {re.escape(net.ip(8))} \(total: \d+\)")
    assert net.ip(8) in node.masternodes()
    peer.assert_content()


def test_rust_is_restarted(daemons, net, rust, genesis):
    """The Rust node goes and comes back: one connection again, and still nothing it would punish."""
    peer = rust(net.ip(8))
    node = daemons(net.ip(5), {"timers": TIMERS, "network": {"bootstrap_peers": [net.ip(8)]}})
    node.wait_peer(net.ip(8))
    peer.stop()
    wait_until(lambda: not node.peers(), 5, "the connection ended")
    again = rust(net.ip(8))
    settled(node, again, net.ip(8))
    again.assert_content()


# --- the recorded conversations -------------------------------------------------------------------------------------

@pytest.mark.fast
def test_transcript_dialled_as_we_dial(daemons, net, listen, genesis):
    """We dial, and get every line that the Rust node said on a connection that it accepted, asked for or not: nothing
    of it is held against it, and what it asks is answered."""
    listener = listen(net.ip(8), answers=False)
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(8)]}})
    peer = listener.accept()
    peer.expect("Handshake")
    for who, line in transcript("transcript_dialled.json"):
        if who != "rust" or line.startswith((b'{"Pong"', b'{"BlockHashResponse"')):
            continue        # pongs of pings that are not ours; another chain, on devnet
        peer.send_raw(line + b"\n")
    peer.send({"BlockHashResponse": {"height": 0, "hash": genesis}})
    peer.ping()
    asked = {name for who, line in transcript("transcript_dialled.json") if who == "rust"
             for name in [wire.decode(line)[0]] if name.startswith("Get")}
    answers = {"GetPeers": "PeersResponse", "GetMasternodes": "MasternodesResponse"}
    for name in asked:
        peer.wait_count(answers[name], 1)
    assert node.peer(net.ip(8)) and not node.violations(net.ip(8))
    assert not node.log_lines(r"(?i)malformed|unparsable")


# What the Rust node answered and ours answers in this stage, by what was asked.
ANSWERED = {"GetPeers": "PeersResponse", "GetBlockHeight": "BlockHeightResponse", "GetBlocks": "BlocksResponse",
            "GetBlockRange": "BlockRangeResponse", "GetBlockHash": "BlockHashResponse",
            "ConsensusQuery": "ConsensusQueryResponse", "GetMasternodes": "MasternodesResponse", "Ping": "Pong",
            # The Rust node ignores these two; ours answers.
            "GetGenesisHash": "GenesisHashResponse", "BlockRequest": "BlockResponse"}


@pytest.mark.fast
def test_transcript_dialled_as_we_are_dialled(node, net, genesis):
    """The same conversation with us in the place of the Rust node: every question gets its kind of answer, in order,
    and the garbage ends nothing."""
    peer = node.raw_peer(net.ip(3), pong=False, answers=False)
    expected = []
    for who, line in transcript("transcript_dialled.json"):
        if who != "us":
            continue
        peer.send_raw(line + b"\n")
        name = "garbage" if line.startswith(b"garbage") else wire.decode(line)[0]
        if name in ANSWERED:
            expected.append(ANSWERED[name])
    peer.expect("Ack")
    peer.wait_count("Pong", expected.count("Pong"))
    peer.ping()
    for name in set(expected):
        assert peer.count(name) == expected.count(name) + (name == "Pong"), name
    assert peer.payloads("BlockHashResponse")[0] == {"height": 0, "hash": genesis}
    assert peer.payloads("BlockHashResponse")[1] == {"height": 9, "hash": None}
    queries = peer.payloads("ConsensusQueryResponse")
    assert queries[0] == {"agrees": False, "height": 0, "their_hash": genesis}
    assert queries[1] == {"agrees": False, "height": 5, "their_hash": [0] * 32}
    assert peer.payloads("GenesisHashResponse") == [genesis]
    assert peer.payloads("BlockHeightResponse") == [0]
    assert [len(blocks) for blocks in peer.payloads("BlocksResponse")] == [1, 0]
    assert peer.names().index("Ack") == 0, "the handshake is answered first"
    assert node.peer(net.ip(3)) and not node.violations(net.ip(3))
    assert not peer.bad


@pytest.mark.fast
def test_transcript_dialling(node, net):
    """The conversation on a connection that the Rust node dialled: its handshake says mainnet, its two pings come at
    once, and it answers nothing but pings. Ours answers both, and never sends what it cannot parse."""
    peer = node.raw_peer(net.ip(3), pong=False, answers=False)
    sent = [line for who, line in transcript("transcript_dialling.json") if who == "rust"]
    peer.send_raw(b"".join(line + b"\n" for line in sent if not line.startswith(b'{"Pong"')))
    peer.expect("Ack")
    for line in sent:
        name, payload = wire.decode(line)
        if name == "Ping":
            peer.expect_pong(payload["nonce"])
    node.wait_log(rf"✅ Handshake accepted from {re.escape(net.ip(3))} \(network: mainnet\)")
    nonce = peer.expect("Ping")["nonce"]
    peer.send(wire.pong(nonce))
    node.wait_log(rf"Received pong from {re.escape(net.ip(3))} \(nonce: {nonce}, ")
    assert node.peer(net.ip(3)) and not node.violations(net.ip(3)) and not peer.bad


def test_requests_to_existing_nodes_are_paced(daemons, net, listen, genesis):
    """A peer without a Version that names address after address and masternode after masternode is asked at most
    eight times a second of each kind."""
    listener = listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"timers": TIMERS, "network": {"bootstrap_peers": [net.ip(8)]}})
    peer = listener.accept_ready(send_version=False)
    for number in range(100):
        peer.send({"PeersResponse": [f"{net.ip(100 + number)}:{P2P_PORT}"]}, {"MasternodesResponse": []},
                  {"BlockHeightResponse": number})
    peer.ping()
    node.wait_log(rf"Received pong from {re.escape(net.ip(8))} ", count=5)
    for name in set(peer.names()):
        if name.startswith("Get"):
            times = peer.times(name)
            assert all(ninth - first >= 1 for first, ninth in zip(times, times[8:])), name
