# SPDX-License-Identifier: MIT
"""adversarial 33 to 36: what a daemon believes of addresses, and what it keeps of them."""
import glob
import http.server
import json
import os
import random
import re
import signal
import threading
import time

import pytest

from harness import wire
from harness.mesh import MASTERNODES
from harness.net import P2P_PORT, paced_ms, rounds, scaled, wait_until

EAGER = {"dial_grace_ms": 50, "reconnect_min_ms": 50, "reconnect_max_ms": 100}


def dialled(node, since=0):
    """The IPs that were dialled."""
    return {match for line in node.log_lines(r"Connecting to ", since)
            for match in re.findall(r"Connecting to (\S+):\d+", line)}


def gossip_of(node, ip):
    """What the daemon tells a peer that asks for addresses, as IPs."""
    peer = node.dial_in(ip)
    peer.send("GetPeers")
    answer = {address.rsplit(":", 1)[0] for address in peer.expect("PeersResponse")}
    peer.close()
    return answer


@pytest.mark.fast
def test_adversarial_33_useless_addresses(daemons, net, listen, genesis):
    """Ourselves, unspecified, multicast, broadcast, reserved, banned, port 0, no address at all: never dialled, never
    gossiped. The good one among them is dialled, so the list was read."""
    banned, good = listen(net.ip(9)), listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"timers": EAGER})
    for _ in range(3):
        peer = node.raw_peer(net.ip(9))
        peer.send(wire.handshake(magic=[0, 0, 0, 0]))
        peer.expect_closed()
    node.wait_log(rf"Auto-banned {re.escape(net.ip(9))} ")
    useless = [net.ip(5), net.ip(9), "0.0.0.0", "224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1", "::",
               "ff02::1", "fe80::1", "::ffff:224.0.0.1", f"::ffff:{net.ip(5)}"]
    peer = node.dial_in(net.ip(3))
    texts = [f"{ip}:{P2P_PORT}" if ":" not in ip else f"[{ip}]:{P2P_PORT}" for ip in useless]
    texts += useless + ["", ":", "localhost", "1.2.3", "1.2.3.4.5", "10.0.0.1:99999", "10.0.0.1:-1",
              "\x1b[31m", "a" * 900]
    peer.send({"PeersResponse": texts + [f"{net.ip(8)}:{P2P_PORT}"]})
    good.accept_ready()
    assert node.wait_peer(net.ip(8))["connection_type"] == "outbound"
    banned.assert_not_dialled(0.3)
    assert dialled(node) == {net.ip(8)}
    assert gossip_of(node, net.ip(4)) <= {net.ip(8), net.ip(3)}
    peer.ping()


def test_adversarial_33_private_addresses_outside_devnet(daemons, net, listen):
    """On testnet loopback and private addresses that a peer names are neither dialled nor gossiped."""
    trap = listen(net.ip(8))
    node = daemons(net.ip(5), {"node": {"network": "testnet"}, "timers": EAGER,
                               "network": {"enable_peer_discovery": False}})
    peer = node.raw_peer(net.ip(3), genesis=node.genesis())
    peer.handshake()
    peer.send({"PeersResponse": [f"{net.ip(8)}:{P2P_PORT}", "127.0.0.1:1", "10.0.0.1", "192.168.1.1", "172.16.0.1",
                                 "169.254.1.1", "100.64.0.1"]})
    peer.ping()
    trap.assert_not_dialled(0.5)
    assert dialled(node) == set()
    assert gossip_of(node, net.ip(4)) <= {net.ip(3)}


def test_adversarial_33_gossip_holds_good_peers(daemons, net, listen, genesis):
    """What is gossiped: peers that were connected, with the port they listen on, and never the asker itself."""
    listener = listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(8)]}})
    listener.accept_ready()
    node.wait_peer(net.ip(8))
    peer = node.dial_in(net.ip(3))
    peer.send("GetPeers")
    answer = peer.expect("PeersResponse")
    assert f"{net.ip(8)}:{P2P_PORT}" in answer
    assert not [address for address in answer if address.startswith(net.ip(3) + ":")]


def test_adversarial_34_ten_thousand_addresses_in_one_answer(daemons, wide_net):
    """At most a thousand are taken; a second such answer, unasked for, is a violation."""
    node = daemons(wide_net.ip(1), {"timers": {"dial_grace_ms": 10, "reconnect_attempts": 1, "reconnect_min_ms": 60000,
                                               "reconnect_max_ms": 60000, "connect_timeout_ms": 1000}})
    port = 9        # nobody listens: each dial is refused at once
    many = [f"{wide_net.ip(1000 + number)}:{port}" for number in range(10000)]
    told = []

    def tell(_):
        told.append(1)
        return {"PeersResponse": many if len(told) == 1 else []}

    peer = node.raw_peer(wide_net.ip(2), answers={"GetPeers": tell}, genesis=node.genesis())
    peer.handshake()
    wait_until(lambda: told, 5, "the daemon asks for addresses")
    wait_until(lambda: len(dialled(node)) >= 1000, 30, lambda: f"a thousand are dialled, {len(dialled(node))} were")

    # A late one that is dialled shows that nothing is left of the others.
    other = node.dial_in(wide_net.ip(3))
    other.send({"PeersResponse": [f"{wide_net.ip(50000)}:{port}"]})
    wait_until(lambda: wide_net.ip(50000) in dialled(node), 10, "the late address is dialled")
    assert len(dialled(node)) == 1001
    assert not node.violations(wide_net.ip(2))

    peer.send({"PeersResponse": many})
    wait_until(lambda: node.violations(wide_net.ip(2)), 5, "a violation for the second big answer")


@pytest.mark.fast
def test_adversarial_35_address_flood(daemons, wide_net):
    """Unasked addresses fall to a token bucket; what was taken and what was not is shown; nobody else is affected."""
    node = daemons(wide_net.ip(1), {"timers": {"dial_grace_ms": 3600000}})
    flooder, friend = node.dial_in(wide_net.ip(2)), node.dial_in(wide_net.ip(3))
    for batch in range(300):
        addresses = [f"{wide_net.ip(1000 + batch * 10 + number)}:9" for number in range(10)]
        flooder.send({"PeersResponse": addresses})
    flooder.ping(timeout=5)
    entry = node.peer(wide_net.ip(2))
    assert entry["addr_processed"] + entry["addr_rate_limited"] == 3000
    assert entry["addr_processed"] <= 1100 and entry["addr_rate_limited"] >= 1900
    friend.ping()


def damage(path, how):
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        if how == "cut":
            file.truncate(size // 2)
        elif how == "empty":
            file.truncate(0)
        else:
            file.seek(size // 2)
            byte = file.read(1) or b"\0"
            file.seek(size // 2)
            file.write(bytes([byte[0] ^ 0xFF]))


@pytest.fixture
def with_memory(daemons, net, listen, genesis):
    """A stopped daemon that has saved one address and one ban."""
    listener = listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"timers": EAGER})
    peer = node.dial_in(net.ip(3))
    peer.send({"PeersResponse": [f"{net.ip(8)}:{P2P_PORT}"]})
    listener.accept_ready()
    node.wait_peer(net.ip(8))
    for _ in range(3):
        bad = node.raw_peer(net.ip(9))
        bad.send(wire.handshake(magic=[0, 0, 0, 0]))
        bad.expect_closed()
    node.wait_log(rf"Auto-banned {re.escape(net.ip(9))} ")
    peer.close()
    node.stop()
    return node, listener


def test_adversarial_36_addresses_and_bans_are_kept(with_memory, net):
    """After a restart the saved peer is dialled, and the banned one is refused."""
    node, listener = with_memory
    node.start()
    listener.accept_ready()
    assert node.raw_peer(net.ip(9)).expect_closed()


def test_adversarial_36_addresses_and_bans_survive_sigkill(daemons, net, listen, genesis):
    """The same when the process is killed: they are written within 3 s, not at the end."""
    listener = listen(net.ip(8), genesis=genesis)
    node = daemons(net.ip(5), {"timers": EAGER})
    peer = node.dial_in(net.ip(3))
    peer.send({"PeersResponse": [f"{net.ip(8)}:{P2P_PORT}"]})
    listener.accept_ready()
    for _ in range(3):
        bad = node.raw_peer(net.ip(9))
        bad.send(wire.handshake(magic=[0, 0, 0, 0]))
        bad.expect_closed()
    node.wait_log(rf"Auto-banned {re.escape(net.ip(9))} ")

    time.sleep(scaled(3))
    node.kill9()
    node.start()
    listener.accept_ready()
    assert node.raw_peer(net.ip(9)).expect_closed()


def test_adversarial_36_damaged_database(with_memory):
    """Each file flipped, cut or emptied in turn: a named error, or it opens; never a crash or a hang."""
    node, _ = with_memory
    files = [path for path in glob.glob(os.path.join(node.datadir, "db", "*"))
             if os.path.isfile(path) and os.path.getsize(path) and os.path.basename(path) not in ("LOG", "LOCK")
             and not os.path.basename(path).startswith("LOG.old")]
    assert files, "the database is in db/"
    cases = [(path, how) for path in files for how in ("flip", "cut", "empty")]
    random.Random(36).shuffle(cases)
    for path, how in cases[:rounds(len(cases), 10)]:
        with open(path, "rb") as file:
            original = file.read()
        saved = snapshot(node.datadir)
        damage(path, how)
        try_to_start(node, f"{os.path.basename(path)} {how}")
        restore(node.datadir, saved)
        with open(path, "rb") as file:
            assert file.read() == original
    node.start()


def try_to_start(node, what):
    """Comes up, or ends with 1 and a message."""
    mark = node.mark()
    node.spawn()

    def settled():
        try:
            return not node.running() or node.ready()
        except FileNotFoundError:
            return False        # it ends while it is looked at
    wait_until(settled, 20, f"start with {what}")
    if node.running():
        node.stop()
        return
    code = node.process.returncode
    assert code == 1, f"{what}: ended with {code} ({signal.Signals(-code).name if code < 0 else ''})\n{node.tail()}"
    node.check_clean()
    said = node.log(mark) + node.tail()
    assert re.search(r"(?i)corrupt|checksum|damaged|truncated|database|store|\bdb\b", said), f"{what}: no named error"


def snapshot(root):
    """All files below a directory, in memory."""
    found = {}
    for path in glob.glob(os.path.join(root, "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[path] = file.read()
    return found


def restore(root, saved):
    for path in glob.glob(os.path.join(root, "**"), recursive=True):
        if os.path.isfile(path) and path not in saved:
            os.unlink(path)
    for path, data in saved.items():
        with open(path, "wb") as file:
            file.write(data)


def test_adversarial_36_missing_database(with_memory, net):
    """Rebuilt; nothing else is lost: the identity is the same."""
    node, _ = with_memory
    for path in glob.glob(os.path.join(node.datadir, "db", "*")):
        os.unlink(path)
    os.rmdir(os.path.join(node.datadir, "db"))
    node.start()
    node.assert_alive(net.ip(4))


def test_addresses_come_from_a_peers_answer(daemons, net, listen, genesis):
    """Three nodes, of which one knows the other two: all are connected with all."""
    timers = {"reconnect_min_ms": paced_ms(100), "dial_grace_ms": paced_ms(1000)}
    hub = daemons(net.ip(2), {"timers": timers})
    others = [daemons(net.ip(number), {"timers": timers, "network": {"bootstrap_peers": [net.ip(2)]}})
              for number in (3, 4)]
    for node in (hub, *others):
        node.wait_peers(2, timeout=15)


# --- the discovery service ------------------------------------------------------------------------------------------

class DiscoveryService:
    """An HTTP server that gives each of the answers once, as (status, bytes), and then none: whoever asks waits."""

    def __init__(self, ip, answers):
        self.silent, self.quit = threading.Event(), threading.Event()
        service, left = self, iter(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = next(left, (None, None))
                if status is None:
                    service.silent.set()
                    service.quit.wait()
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer((ip, 0), Handler)
        self.url = f"http://{ip}:{self._server.server_address[1]}/peers"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.quit.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.fast
def test_discovery_service(daemons, net, listen, genesis):
    """What is no list, or too long a one, or a failure: a warning, and nothing is taken of it. A list: its peers are
    dialled. No answer at all does not hold up the end."""
    good = listen(net.ip(8), genesis=genesis)
    trapped, known = f"{net.ip(7)}:{P2P_PORT}", f"{net.ip(8)}:{P2P_PORT}"
    service = DiscoveryService(net.ip(200), [
        (200, b"<html>\x1b[2J</html>"), (200, json.dumps({"peers": [trapped]}).encode()),
        (200, json.dumps([trapped, 5]).encode()), (200, json.dumps([trapped] * 20000).encode()),
        (404, json.dumps([trapped]).encode()),
        (200, json.dumps([known, "nonsense", "", net.ip(8), net.ip(5), "224.0.0.1:1"]).encode())])
    try:
        node = daemons(net.ip(5), {"network": {"discovery_url": service.url},
                                   "timers": {**EAGER, "discovery_interval_ms": 20, "discovery_timeout_ms": 600000}})
        good.accept_ready()
        node.wait_peer(net.ip(8))
        node.wait_log(r"INFO The discovery service names 6 addresses, 1 of them new$")
        no_list = r"WARN The discovery service's answer is no JSON array of strings \(byte \d+: .*\)$"
        assert len(node.log_lines(no_list)) == 3
        assert len(node.log_lines("WARN The discovery service .* gave no answer: ")) == 2
        node.wait_log(rf"Connecting to {re.escape(net.ip(8))}:")
        assert dialled(node) == {net.ip(8)}
        assert service.silent.wait(scaled(5)), "it is asked again"
        node.stop()
    finally:
        service.close()


# --- our own address ------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_external_address(daemons, net, listen, genesis):
    """It stands for the address that we are bound to: in our Version, in our announcement, and in the rule that the
    lower one dials. (.1 < .3 < .5, and .6 < .8 < .9 < .95: texts.)"""
    lower, upper = listen(net.ip(3), genesis=genesis), listen(net.ip(95), genesis=genesis)
    patient = {"timers": {"dial_grace_ms": 3600000, "announce_delay_ms": 50}}
    node = daemons(net.ip(5), {"network": {"external_address": net.ip(1)}, **patient, **MASTERNODES})
    other = daemons(net.ip(6), {"network": {"external_address": net.ip(9)}, **patient})
    peers = [daemon.dial_in(net.ip(20)) for daemon in (node, other)]
    for peer, ip in zip(peers, (net.ip(1), net.ip(9))):
        assert peer.expect("Version")["listen_addr"] == f"{ip}:{P2P_PORT}"
    assert peers[0].expect("MasternodeAnnouncement")["address"] == net.ip(1)
    assert list(node.masternodes()) == [net.ip(1)]
    peers[0].send({"PeersResponse": [f"{net.ip(3)}:{P2P_PORT}"]})
    peers[1].send({"PeersResponse": [f"{net.ip(8)}:{P2P_PORT}", f"{net.ip(95)}:{P2P_PORT}"]})
    for daemon, listener in ((node, lower), (other, upper)):
        listener.accept_ready()
        daemon.wait_log(rf"Connecting to {re.escape(listener.ip)}:")
        assert dialled(daemon) == {listener.ip}
