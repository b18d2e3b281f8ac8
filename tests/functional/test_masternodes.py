# SPDX-License-Identifier: MIT
"""Heartbeats of masternodes, and who attests them. adversarial 49."""
import hashlib
import re
import struct
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from harness import wire
from harness.chain import Key
from harness.mesh import BRISK, MASTERNODES, Mesh, one_connection_per_pair
from harness.net import paced_ms, wait_until

# Heartbeats of a second: what lies between two is for the unit tests.
TIMERS = {**BRISK, "announce_interval_ms": 1000}
# Nothing of our own gets in between.
QUIET = {**BRISK, "announce_interval_ms": 3600000}


def digest(tag, *fields):
    return hashlib.sha256(tag + b"".join(fields)).digest()


def u64(number):
    return struct.pack("<Q", number)


def i64(number):
    return struct.pack("<q", number)


def heartbeat(key, address, sequence, timestamp=None):
    """A heartbeat as the masternode at that address signs it; its hash is what attestations name."""
    timestamp = wire.now() if timestamp is None else timestamp
    signed = digest(b"TIMECOIN_HEARTBEAT:", address.encode(), u64(sequence), i64(timestamp), key.public)
    return {"HeartbeatBroadcast": {"masternode_address": address, "sequence_number": sequence, "timestamp": timestamp,
                                   "masternode_pubkey": list(key.public), "signature": list(key.sign(signed))}}


def hash_of(message):
    body = message["HeartbeatBroadcast"]
    return digest(b"", body["masternode_address"].encode(), u64(body["sequence_number"]), i64(body["timestamp"]))


def attestation(key, address, message, timestamp=None):
    timestamp = wire.now() if timestamp is None else timestamp
    hashed = hash_of(message)
    signed = digest(b"TIMECOIN_WITNESS:", hashed, address.encode(), i64(timestamp), key.public)
    return {"HeartbeatAttestation": {"heartbeat_hash": list(hashed), "witness_address": address,
                                     "witness_pubkey": list(key.public), "witness_timestamp": timestamp,
                                     "signature": list(key.sign(signed))}}


def damaged(message):
    """The same with one bit of its signature changed."""
    (name, body), = message.items()
    signature = list(body["signature"])
    signature[9] ^= 4
    return {name: {**body, "signature": signature}}


def stats(node):
    return node.rpc("getattestationstats")


def refused(node):
    return {reason: count for reason, count in stats(node)["refused"].items() if count}


def last(node, ip):
    """The last heartbeat that the node knows of a masternode."""
    history = node.rpc("getheartbeathistory", ip, 1)["recent_heartbeats"]
    return history[0] if history else None


class Scripted:
    """Masternodes that the test plays, each with a connection of its own to the daemon."""

    def __init__(self, node, ips):
        self.node = node
        self.keys = {ip: Key.numbered(number) for number, ip in enumerate(ips)}
        self.peers = {}
        for ip in ips:
            self.peers[ip] = node.dial_in(ip)
            self.peers[ip].send(wire.announcement(ip, self.keys[ip].public))
            wait_until(lambda: ip in node.masternodes(), what=f"{ip} is registered")  # noqa: B023

    def beat(self, ip, sequence, **options):
        return heartbeat(self.keys[ip], ip, sequence, **options)

    def attest(self, ip, message, **options):
        return attestation(self.keys[ip], ip, message, **options)

    def settle(self):
        """What has been sent is handled."""
        for peer in self.peers.values():
            peer.ping()

    def close(self):
        for peer in self.peers.values():
            peer.close()


@pytest.fixture
def played(daemons, net):
    """Four masternodes that the test plays; the daemon is none."""
    node = daemons(net.ip(1), {"timers": {**QUIET, "heartbeat_window_ms": 120000}})
    scripted = Scripted(node, [net.ip(number) for number in (2, 3, 4, 5)])
    yield scripted
    scripted.close()


# --- what should be ---------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_masternodes_attest_each_other(daemons, net):
    """Every node sees the heartbeats of all, attested by enough others; the RPC tells."""
    ips = [net.ip(number) for number in (1, 2, 3, 4)]
    mesh = Mesh(daemons, ips, MASTERNODES, timers=TIMERS)
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes)

    def all_verified():
        return all(any(entry["verified"] for entry in node.rpc("getheartbeathistory", ip)["recent_heartbeats"])
                   for node in mesh.nodes for ip in ips)
    wait_until(all_verified, 20, lambda: str([stats(node) for node in mesh.nodes]))
    for node in mesh.nodes:
        said, status = stats(node), node.rpc("masternodestatus")
        assert said["unique_masternodes"] == 4 and said["own_heartbeats"] > 0 and said["own_attestations"] > 0
        # Nothing of it is bad: copies that come from several sides are duplicates, and at first a heartbeat may be
        # faster than the announcement of its key.
        assert set(refused(node)) <= {"sequence", "known", "unknown", "key"}, refused(node)
        assert status["status"] == "active" and status["address"] == node.ip and status["is_active"]
        assert status["public_key"] == node.masternodes()[node.ip]["public_key"]
        assert status["last_heartbeat"]["sequence"] == last(node, node.ip)["sequence"]
        assert abs(status["last_heartbeat"]["timestamp"] - time.time()) < 30


def test_a_heartbeat_is_passed_on_once(played, net):
    """To all but its sender, and so is an attestation; copies from others end here."""
    one, two, three, four = played.peers
    beat = played.beat(one, 1000)
    played.peers[one].send(beat)
    for ip in (two, three, four):
        assert played.peers[ip].expect("HeartbeatBroadcast") == beat["HeartbeatBroadcast"]
    played.peers[two].send(beat)
    witness = played.attest(two, beat)
    played.peers[two].send(witness)
    for ip in (one, three, four):
        assert played.peers[ip].expect("HeartbeatAttestation") == witness["HeartbeatAttestation"]
    played.peers[three].send(witness)
    played.settle()
    assert [peer.count("HeartbeatBroadcast") for peer in played.peers.values()] == [0, 1, 1, 1]
    assert [peer.count("HeartbeatAttestation") for peer in played.peers.values()] == [1, 0, 1, 1]
    assert refused(played.node) == {"sequence": 1, "known": 1}
    # The daemon is no masternode: it attests nothing.
    assert stats(played.node)["own_attestations"] == 0
    assert last(played.node, one) == {"sequence": 1000, "timestamp": beat["HeartbeatBroadcast"]["timestamp"],
                                      "witnesses": 1, "verified": False}


def test_a_masternode_attests_after_it_has_passed_on(daemons, net):
    """Whoever gets the attestation has the heartbeat already, and can check it by the announced key."""
    node = daemons(net.ip(1), {"timers": QUIET, "masternode": {"enabled": True}})
    scripted = Scripted(node, [net.ip(2), net.ip(3)])
    try:
        one, two = scripted.peers
        beat = scripted.beat(one, 7)
        scripted.peers[one].send(beat)
        body = scripted.peers[two].expect("HeartbeatAttestation")
        names = scripted.peers[two].names()
        assert names.index("HeartbeatBroadcast") < names.index("HeartbeatAttestation")
        assert bytes(body["heartbeat_hash"]) == hash_of(beat) and body["witness_address"] == node.ip
        assert bytes(body["witness_pubkey"]).hex() == node.rpc("masternodestatus")["public_key"]
        # Its sender wants to know too.
        assert scripted.peers[one].expect("HeartbeatAttestation") == body
        assert not last(node, one)["verified"]
        scripted.peers[two].send(scripted.attest(two, beat))
        scripted.settle()
        assert last(node, one)["verified"]
    finally:
        scripted.close()


@pytest.mark.fast
def test_our_heartbeat_verifies(daemons, net):
    """By the key that we announce; and each has a higher number."""
    node = daemons(net.ip(1), {"timers": TIMERS, "masternode": {"enabled": True}})
    peer = node.dial_in(net.ip(2))
    try:
        announced = peer.expect("MasternodeAnnouncement")
        first, second = peer.expect("HeartbeatBroadcast"), peer.expect("HeartbeatBroadcast")
        assert second["sequence_number"] > first["sequence_number"]
        assert abs(first["sequence_number"] / 1000 - time.time()) < 60
        for body in (first, second):
            assert body["masternode_pubkey"] == announced["public_key"] and body["masternode_address"] == node.ip
            signed = digest(b"TIMECOIN_HEARTBEAT:", node.ip.encode(), u64(body["sequence_number"]),
                            i64(body["timestamp"]), bytes(body["masternode_pubkey"]))
            Ed25519PublicKey.from_public_bytes(bytes(body["masternode_pubkey"])).verify(bytes(body["signature"]), signed)
        # Sent back it counts for nothing, nor does one that somebody else makes for us.
        before = stats(node)["total_heartbeats"]
        peer.send({"HeartbeatBroadcast": second}, heartbeat(Key.numbered(9), node.ip, 2**63))
        peer.ping()
        assert last(node, node.ip)["sequence"] < 2**63
        assert stats(node)["own_heartbeats"] - before <= 1
    finally:
        peer.close()


def test_a_heartbeat_proves_a_hint(daemons, net):
    """Who is only told of becomes a masternode by a heartbeat of the key that was told, however it comes."""
    node = daemons(net.ip(1), {"timers": QUIET})
    peer, key, absent = node.dial_in(net.ip(2)), Key.numbered(5), net.ip(7)
    try:
        peer.send(wire.announcement(absent, key.public))
        peer.send(heartbeat(Key.numbered(6), absent, 1))
        peer.ping()
        assert absent not in node.masternodes() and refused(node) == {"key": 1}
        peer.send(heartbeat(key, absent, 1))
        wait_until(lambda: absent in node.masternodes(), what="it is registered")
        assert node.masternodes()[absent]["is_active"] and last(node, absent)["sequence"] == 1
    finally:
        peer.close()


def test_a_masternode_that_is_heard_outlives_a_crash(daemons, net):
    """Its pongs keep it long after it registered, over kill -9 too, and it is dialled as often as a masternode then. One
    that is silent is forgotten, and no longer dialled so often."""
    forget_ms = paced_ms(2000)
    node = daemons(net.ip(5), {"timers": {**QUIET, "masternode_active_ms": paced_ms(800), "masternode_check_ms": 200,
                                          "masternode_forget_ms": forget_ms, "dial_grace_ms": 100,
                                          "reconnect_attempts": 1, "reconnect_attempts_masternode": 1000}})

    def addresses():
        return [entry["address"] for entry in node.rpc("getnodeaddresses", 0)]
    heard, silent = (node.dial_in(net.ip(number)) for number in (2, 3))
    for peer in (heard, silent):
        peer.send(wire.announcement(peer.ip))
        wait_until(lambda: peer.ip in node.masternodes(), what=f"{peer.ip} is registered")  # noqa: B023
    begin = time.time()
    silent.close()
    node.wait_log(rf"{re.escape(silent.ip)} \(reason: connect failed\)")
    assert silent.ip in addresses() and silent.ip in node.masternodes()
    wait_until(lambda: silent.ip not in node.masternodes(), 10, "it is forgotten")
    wait_until(lambda: silent.ip not in addresses(), 10, "it is given up")
    wait_until(lambda: time.time() > begin + 2 * forget_ms / 1000, 10, "twice the time until one is forgotten")
    node.kill9()
    # However long the start takes: what counts is the time that was kept.
    node.config["timers"].update(masternode_forget_ms=3600000)
    since = node.mark()
    node.start()
    [(ip, entry)] = node.masternodes().items()
    assert ip == heard.ip and entry["last_heartbeat"] >= begin + forget_ms / 2000
    node.wait_log(rf"{re.escape(heard.ip)} \(reason: connect failed\)", since, timeout=20, count=3)
    assert heard.ip in addresses()


def test_an_answer_with_more_masternodes_than_are_taken(daemons, net):
    """A thousand of one answer, as of addresses."""
    node = daemons(net.ip(5))
    entry = {"address": "nowhere", "reward_address": "", "tier": "Free", "public_key": [0] * 32}
    peer = node.dial_in(net.ip(2), answers={"GetMasternodes": lambda _: {"MasternodesResponse": [entry] * 1500}})
    wait_until(lambda: node.peer(peer.ip)["addr_processed"] == 1000, what="a thousand are taken")


def test_what_is_taken_of_a_long_answer(daemons, net):
    """Not always the first ones: who asks again and again hears of all masternodes in the list."""
    node = daemons(net.ip(5), {"timers": QUIET, "limits": {"addresses_per_answer": 1, "connects_per_minute": 100000}})
    keys = {net.ip(number): Key.numbered(number) for number in (6, 7, 8, 9)}
    listed = [next(iter(wire.announcement(ip, key.public).values())) for ip, key in keys.items()]
    for sequence in range(1, 200):
        peer = node.dial_in(net.ip(2), answers={"GetMasternodes": lambda _: {"MasternodesResponse": listed}})
        wait_until(lambda: node.peer(peer.ip)["addr_processed"] == 1, what="one is taken")  # noqa: B023
        peer.send(*[heartbeat(key, ip, sequence) for ip, key in keys.items()])
        peer.ping()
        peer.close()
        node.wait_no_connection()
        if len(node.masternodes()) == len(keys):
            return
    raise AssertionError(f"only {sorted(node.masternodes())} are known")


def test_made_up_masternodes_do_not_fill_the_log(daemons, net):
    """Those that only a peer's list and its heartbeats tell of: their lines are limited, and counted."""
    node = daemons(net.ip(5), {"timers": QUIET, "limits": {"messages_per_second": 100000}})
    keys = {net.ip(number): Key.numbered(number) for number in range(6, 66)}
    listed = [next(iter(wire.announcement(ip, key.public).values())) for ip, key in keys.items()]
    peer = node.dial_in(net.ip(2), answers={"GetMasternodes": lambda _: {"MasternodesResponse": listed}})
    wait_until(lambda: node.peer(peer.ip)["addr_processed"] == len(keys), what="the list is taken")
    begin = time.monotonic()
    peer.send(*[heartbeat(key, ip, 1) for ip, key in keys.items()])
    wait_until(lambda: len(node.masternodes()) == len(keys), 20, "all are registered")
    told = 5 * (1 + int(time.monotonic() - begin) // 10)
    assert len(node.log_lines("Registered masternode")) <= told
    peer.close()
    node.stop()
    assert node.log_lines(r'\d+ more lines like ".*Registered masternode') or told > 5


def test_existing_nodes_sign_with_a_key_of_their_own(played):
    """A key that is not announced is right when it comes over the masternode's own connection, and then from others."""
    one, two, *_ = played.peers
    drawn = Key.numbered(40)
    played.peers[two].send(heartbeat(drawn, one, 1))
    played.settle()
    assert last(played.node, one) is None and refused(played.node) == {"key": 1}
    played.peers[one].send(heartbeat(drawn, one, 1))
    played.peers[two].expect("HeartbeatBroadcast")
    assert last(played.node, one)["sequence"] == 1


# --- what must not count ----------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_adversarial_49_heartbeats_forged(played):
    """Bad signature, another key, another's address, a stranger's: none counts, and the good one does."""
    one, two, three, _ = played.peers
    stranger = Key.numbered(50)
    good = played.beat(one, 1)
    played.peers[two].send(damaged(good), heartbeat(stranger, one, 1), heartbeat(stranger, "10.9.8.7", 1),
                           played.beat(one, 2))
    played.peers[three].expect("HeartbeatBroadcast", lambda body: body["sequence_number"] == 2)
    played.settle()
    assert refused(played.node) == {"signature": 1, "key": 2}
    assert played.peers[three].count("HeartbeatBroadcast") == 1
    # Even over its own connection: not by that key, nor for an address that is spelt otherwise.
    played.peers[three].send(damaged(played.beat(three, 1)), heartbeat(played.keys[three], three + ":24200", 1))
    played.settle()
    assert last(played.node, three) is None
    assert refused(played.node) == {"signature": 2, "key": 2, "address": 1}
    assert played.peers[two].is_open() and not played.node.violations(two)


def test_adversarial_49_heartbeats_replayed(played):
    one, two, three, _ = played.peers
    played.peers[one].send(played.beat(one, 1000))
    played.peers[two].expect("HeartbeatBroadcast")
    for _ in range(20):
        played.peers[three].send(played.beat(one, 1000), played.beat(one, 999), played.beat(one, 0))
    played.settle()
    assert refused(played.node) == {"sequence": 60}
    assert last(played.node, one)["sequence"] == 1000 and stats(played.node)["total_heartbeats"] == 1
    assert played.peers[two].count("HeartbeatBroadcast") == 1


def test_adversarial_49_heartbeats_in_a_stream(played):
    """Good ones, one after the other: each would be passed on to everybody."""
    one, two, *_ = played.peers
    played.peers[one].send(*[played.beat(one, number) for number in range(1, 101)])
    played.settle()
    assert stats(played.node)["total_heartbeats"] == 1 and refused(played.node) == {"soon": 99}
    assert played.peers[two].count("HeartbeatBroadcast") == 1


@pytest.mark.fast
def test_adversarial_49_heartbeats_out_of_the_window(played):
    one, two, *_ = played.peers
    for sequence, offset in enumerate((-130, 130, -2**40, 2**62), 1):
        played.peers[one].send(played.beat(one, sequence, timestamp=wire.now() + offset))
    played.settle()
    assert refused(played.node) == {"window": 4} and last(played.node, one) is None
    played.peers[one].send(played.beat(one, 1, timestamp=wire.now() - 110))
    played.peers[two].expect("HeartbeatBroadcast")


def test_adversarial_49_attested_by_the_masternode_itself(played):
    """Under its own name, by its own key under another's, and by its second key."""
    one, two, three, _ = played.peers
    beat = played.beat(one, 1)
    played.peers[one].send(beat, played.attest(one, beat), attestation(played.keys[one], two, beat))
    played.settle()
    assert refused(played.node) == {"self": 1, "key": 1} and last(played.node, one)["witnesses"] == 0
    assert played.peers[three].count("HeartbeatAttestation") == 0


def test_adversarial_49_attested_thrice_by_one_witness(played):
    """Three witnesses verify among four masternodes, and each counts once, whenever it says it."""
    one, two, three, four = played.peers
    beat = played.beat(one, 1)
    played.peers[one].send(beat)
    played.peers[two].expect("HeartbeatBroadcast")
    played.peers[two].send(*[played.attest(two, beat, timestamp=wire.now() - age) for age in (0, 1, 2)])
    played.settle()
    assert last(played.node, one)["witnesses"] == 1 and refused(played.node) == {"known": 2}
    # Forged ones in the names of the others do not help.
    played.peers[two].send(attestation(played.keys[two], three, beat), damaged(played.attest(four, beat)),
                           attestation(Key.numbered(60), "10.9.8.7", beat),
                           played.attest(three, beat, timestamp=wire.now() - 200))
    played.settle()
    assert not last(played.node, one)["verified"]
    assert refused(played.node) == {"known": 2, "key": 2, "signature": 1, "window": 1}
    for ip in (three, four):
        played.peers[ip].send(played.attest(ip, beat))
    played.settle()
    assert last(played.node, one) == {"sequence": 1, "timestamp": beat["HeartbeatBroadcast"]["timestamp"],
                                      "witnesses": 3, "verified": True}
    said = stats(played.node)
    assert (said["verified_heartbeats"], said["pending_heartbeats"], said["total_verified_count"]) == (1, 0, 1)
    assert said["verification_rate"] == 100.0 and said["attestations"] == 3


@pytest.mark.fast
def test_adversarial_49_attestations_of_nothing(played):
    """Of a heartbeat that nobody has sent: not kept, not passed on, and no harm to the one that sent it."""
    one, two, three, _ = played.peers
    played.peers[two].send(*[played.attest(two, played.beat(one, number)) for number in range(1, 21)])
    played.settle()
    assert refused(played.node) == {"unknown": 20} and stats(played.node)["attestations"] == 0
    assert played.peers[three].count("HeartbeatAttestation") == 0 and played.peers[two].is_open()
