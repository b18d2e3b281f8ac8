# SPDX-License-Identifier: MIT
"""The harness itself: the fake Rust node does what the recorded one did, and the check of lines agrees with it."""
from harness import wire
from harness.net import wait_until
from harness.peer import Listener, Peer, can_vanish
from harness.rust_peer import RustPeer
from harness.transcript import json_lines, transcript


def test_harness_fake_accepts_like_the_recorded_node(net, genesis_free):
    """The questions of transcript_dialled.json get the same kinds of answers in the same order."""
    fake = RustPeer(net.ip(2), genesis_free, pace=0.01).start()
    peer = Peer.dial(net.ip(3), net.ip(2), pong=False, answers=False)
    recorded = []
    for who, line in transcript("transcript_dialled.json"):
        if who == "us":
            peer.send_raw(line + b"\n")
        else:
            recorded.append(wire.decode(line)[0])
    wait_until(lambda: len(peer.names()) == len(recorded), 5, lambda: f"{len(recorded)} answers, {peer.names()}")
    assert peer.names() == recorded
    assert len(fake.violations) == 1
    fake.stop()


def test_harness_fake_dials_like_the_recorded_node(net, genesis_free):
    """Handshake "mainnet", two pings at once, a pong; to questions and garbage nothing."""
    listener = Listener(net.ip(3))
    fake = RustPeer(net.ip(2), genesis_free, known=[net.ip(3)], pace=10).start()
    peer = listener.accept(pong=False, answers=False)
    lines = transcript("transcript_dialling.json")
    for who, line in lines:
        if who == "us":
            peer.send_raw(line + b"\n")
    recorded = [wire.decode(line)[0] for who, line in lines if who == "rust"]
    wait_until(lambda: len(peer.names()) == len(recorded), 5, lambda: f"{len(recorded)} lines, {peer.names()}")
    assert peer.names() == recorded == ["Handshake", "Ping", "Ping", "Pong"]
    assert peer.payloads("Handshake")[0]["network"] == "mainnet"
    assert peer.is_open() and not fake.violations
    fake.stop()
    listener.close()


def test_harness_fake_bans_at_the_third_unparsable_line(net, genesis_free):
    """So a daemon that sends one is seen."""
    fake = RustPeer(net.ip(2), genesis_free, pace=1).start()
    peer = Peer.dial(net.ip(3), net.ip(2))
    peer.handshake()
    peer.send_raw(b'"NoSuch"\n{"Ping":{"nonce":-1,"timestamp":0}}\n{"Ping":1}\n')
    peer.expect_closed()
    again = Peer.dial(net.ip(3), net.ip(2))
    again.expect_closed()
    assert not again.received and len(fake.violations) == 3
    fake.stop()


def test_harness_check_agrees_with_the_rust_node():
    """Every frame that the Rust node writes passes; what both refuse for its content is refused."""
    for entry in json_lines("messages.jsonl"):
        assert wire.decode(entry["frame"].encode())[0] == entry["type"]
    lax = 0
    for entry in json_lines("verdicts.jsonl"):
        try:
            wire.decode(entry["line"].encode("utf-8", "surrogatepass"))
            lax += entry["rust"] == "refuse"
        except wire.Unparsable:
            assert entry["rust"] == "refuse" or entry["ours"] == "refuse" or "null" in entry["line"], entry["line"]
    # Python's JSON reader is laxer in syntax (duplicate keys, NaN); the daemon's own syntax has its unit tests.
    assert lax < 25


def test_harness_ways_to_leave(net):
    """close is a FIN, reset a RST, and vanish nothing at all."""
    listener = Listener(net.ip(3))
    for leave, seen in ((Peer.close, "eof"), (Peer.reset, "reset")):
        peer = Peer.dial(net.ip(2), net.ip(3))
        other = listener.accept()
        leave(peer)
        assert other.expect_closed() == seen
    if can_vanish():
        peer = Peer.dial(net.ip(2), net.ip(3))
        other = listener.accept()
        peer.vanish()
        other.send(wire.ping())
        assert other.expect_closed() == "reset"
    listener.close()
