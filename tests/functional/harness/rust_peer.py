# SPDX-License-Identifier: MIT
"""A peer that behaves like the existing Rust node (PROTOCOL.md §4), faults included.

- It dials only peers whose IP string sorts after its own. On a connection that it dialled it is mute: a handshake, two
  pings at once, pings, pongs, and nothing else, whatever comes.
- On a connection that it accepted it sends Ack, its masternodes, GetPeers and GetMasternodes, and answers everything;
  there each unparsable line is a violation, and the third bans for 5 minutes.
- Of each kind of request it answers 10 a second and drops the rest.
- 5 s after the end of a connection that it dialled its task dials again. A task that finds its peer connected by then
  ends, and forgets that connection as it ends; every 120 s whoever is not known as connected is dialled anew. The end
  of such a dial takes away what it answers through: the peer's other connection gets no answer any more, pongs too.

All waits are multiplied by `pace`, so that a test need not sit through them.
"""
import random
import socket
import threading
import time

from . import wire
from .net import P2P_PORT

ANSWERED = ("GetPeers", "GetBlockHeight", "GetBlocks", "GetBlockRange", "GetBlockHash", "ConsensusQuery", "GetUTXOSet",
            "GetUTXOStateHash", "UTXOStateQuery", "GetMasternodes", "GetPendingTransactions")


class Connection:
    """One TCP connection and what was seen on it."""

    def __init__(self, sock, ip, dialled):
        self.sock = sock
        self.ip = ip
        self.dialled = dialled
        self.opened = time.monotonic()
        self.closed = None
        self.seen = []                  # names of what came in
        self.pongs = 0                  # pongs to our pings
        self.sent_at = {}               # nonce -> seconds, pings without a pong
        self.missed = 0
        self._file = sock.makefile("rb")
        self._lock = threading.Lock()

    def send(self, *messages):
        with self._lock:
            self.sock.sendall(b"".join(wire.encode(message) for message in messages))

    def lines(self):
        try:
            for line in self._file:
                if line.strip():
                    yield line
        except (OSError, ValueError):
            return

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def is_open(self):
        return self.closed is None


class RustPeer:
    def __init__(self, ip, genesis, *, known=(), listens=True, pace=1.0, masternodes=None):
        self.ip = ip
        self.genesis = genesis
        self.pace = pace
        self.known = list(known)        # whom it may dial
        self.listens = listens
        self.masternodes = [self._masternode()] if masternodes is None else masternodes
        self.violations = []            # every line that it could not parse on an accepted connection
        self.banned_until = 0
        self.requests = []              # (seconds, kind, connection)
        self.connections = []           # all there ever were
        self.connected = set()          # whom it takes for connected
        self.tasks = set()              # whom a dial task is alive for
        self.writers = {}               # ip -> connection that answers go to
        self._lock = threading.RLock()
        self._quit = threading.Event()
        self._threads = []
        self._listener = None

    def start(self):
        if self.listens:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((self.ip, P2P_PORT))
            self._listener.listen(16)
            self._spawn(self._accept)
        self._spawn(self._check)
        self._spawn(self._heartbeat)
        return self

    def stop(self):
        self._quit.set()
        if self._listener:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self._lock:
            open_now = [c for c in self.connections if c.is_open()]
        for connection in open_now:
            connection.close()
        for thread in self._threads:
            thread.join(10)
        if self._listener:
            self._listener.close()

    # --- what a test asks ---------------------------------------------------------------------------------------

    def open_connections(self, dialled=None):
        with self._lock:
            return [c for c in self.connections if c.is_open() and dialled in (None, c.dialled)]

    def dials(self):
        with self._lock:
            return [c for c in self.connections if c.dialled]

    def assert_content(self):
        """Nothing it would punish, and no kind of request more often than 8 times in any second."""
        assert not self.violations, f"the Rust node would count {len(self.violations)} violations: {self.violations[0]}"
        by_kind = {}
        for when, kind, _ in list(self.requests):
            by_kind.setdefault(kind, []).append(when)
        for kind, times in by_kind.items():
            for first, ninth in zip(times, times[8:]):
                assert ninth - first >= 1.0, f"nine {kind} within {ninth - first:.3f} s"

    # --- dialling -----------------------------------------------------------------------------------------------

    def _spawn(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _check(self):
        while True:
            for ip in self.known:
                with self._lock:
                    due = self.ip < ip and ip not in self.connected and ip not in self.tasks
                    if due:
                        self.tasks.add(ip)
                if due:
                    self._spawn(self._dial_task, ip)
            if self._quit.wait(120 * self.pace):
                return

    def _dial_task(self, ip):
        while not self._quit.is_set():
            self._dial(ip)
            if self._quit.wait(5 * self.pace):
                return
            with self._lock:
                if ip in self.connected:
                    self.connected.discard(ip)
                    self.tasks.discard(ip)
                    return

    def _dial(self, ip):
        try:
            sock = socket.create_connection((ip, P2P_PORT), timeout=5, source_address=(self.ip, 0))
        except OSError:
            return
        sock.settimeout(None)
        connection = self._register(sock, ip, dialled=True)
        with self._lock:
            self.connected.add(ip)
            self.writers[ip] = connection
        try:
            connection.send(wire.handshake(network="mainnet"))
            self._ping(connection)
            self._ping(connection)
            self._mute_loop(connection)
        except OSError:
            pass
        self._finish(connection)
        with self._lock:
            self.connected.discard(ip)
            self.writers.pop(ip, None)

    def _mute_loop(self, connection):
        for line in connection.lines():
            try:
                name, payload = wire.decode(line)
            except wire.Unparsable:
                continue
            connection.seen.append(name)
            if name == "Ping":
                connection.send(wire.pong(payload["nonce"]))
            elif name == "Pong":
                self._pong(connection, payload["nonce"])

    # --- accepting ----------------------------------------------------------------------------------------------

    def _accept(self):
        while not self._quit.is_set():
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            if time.monotonic() < self.banned_until:
                sock.close()
                continue
            self._spawn(self._serve, self._register(sock, address[0], dialled=False))

    def _serve(self, connection):
        try:
            if self._first_line(connection) and self._tie_break(connection):
                connection.send(*({"MasternodeAnnouncement": entry} for entry in self.masternodes),
                                "GetPeers", "GetMasternodes")
                for line in connection.lines():
                    if not self._line(connection, line):
                        break
        except OSError:
            pass
        self._finish(connection)
        with self._lock:
            if self.writers.get(connection.ip) is connection:
                del self.writers[connection.ip]
                self.connected.discard(connection.ip)

    def _first_line(self, connection):
        for line in connection.lines():
            try:
                name, payload = wire.decode(line)
            except wire.Unparsable:
                return self._violation(line)
            if name != "Handshake":
                return False
            if payload["magic"] != wire.MAGIC or payload["protocol_version"] != 1:
                return self._violation(line)
            connection.seen.append(name)
            connection.send(wire.ack())
            return True
        return False

    def _tie_break(self, connection):
        """Of two connections the one whose initiator has the lower IP string survives."""
        with self._lock:
            other = self.writers.get(connection.ip)
            if other and other.dialled and other.is_open():
                if self.ip < connection.ip:
                    return False
                other.close()
            self.connected.add(connection.ip)
            self.writers[connection.ip] = connection
        return True

    def _violation(self, line):
        self.violations.append(line[:300])
        if len(self.violations) % 3 == 0:
            self.banned_until = time.monotonic() + 300 * self.pace
            return False
        return True

    def _line(self, connection, line):
        """Handles one line; false when the connection ends by it."""
        try:
            name, payload = wire.decode(line)
        except wire.Unparsable:
            return self._violation(line)
        connection.seen.append(name)
        if name in ANSWERED:
            self.requests.append((time.monotonic(), name, connection))
        if self.writers.get(connection.ip) is not connection:
            return True
        if name == "Ping":
            connection.send(wire.pong(payload["nonce"]))
        elif name in ANSWERED and self._within_limit(connection, name):
            connection.send(self._answer(name, payload))
        return True

    def _within_limit(self, connection, kind):
        since = time.monotonic() - 1
        return sum(1 for when, k, c in self.requests[-200:] if k == kind and c is connection and when > since) <= 10

    def _answer(self, name, payload):
        zero = [0] * 32
        if name == "GetBlockHash":
            return {"BlockHashResponse": {"height": payload, "hash": self.genesis if payload == 0 else None}}
        if name == "ConsensusQuery":
            ours = self.genesis if payload["height"] == 0 else zero
            return {"ConsensusQueryResponse": {"agrees": payload["block_hash"] == ours, "height": payload["height"],
                                               "their_hash": ours}}
        return {"GetPeers": {"PeersResponse": [f"{ip}:{P2P_PORT}" for ip in self.known]},
                "GetBlockHeight": {"BlockHeightResponse": 0},
                "GetBlocks": {"BlocksResponse": []}, "GetBlockRange": {"BlockRangeResponse": []},
                "GetUTXOSet": {"UTXOSetResponse": []}, "UTXOStateQuery": {"UTXOStateResponse": []},
                "GetUTXOStateHash": {"UTXOStateHashResponse": {"hash": zero, "height": 0, "utxo_count": 0}},
                "GetMasternodes": {"MasternodesResponse": self.masternodes},
                "GetPendingTransactions": {"PendingTransactionsResponse": []}}[name]

    def _masternode(self):
        return {"address": self.ip, "reward_address": "TIME0", "tier": "Free",
                "public_key": list(random.randbytes(32))}

    # --- heartbeat, only on what it dialled ---------------------------------------------------------------------

    def _heartbeat(self):
        last = time.monotonic()
        while not self._quit.wait(10 * self.pace):
            now = time.monotonic()
            due = now - last >= 29 * self.pace
            for connection in self.open_connections(dialled=True):
                self._check_pongs(connection, now)
                try:
                    if due:
                        self._ping(connection)
                except OSError:
                    connection.close()
            if due:
                last = now

    def _check_pongs(self, connection, now):
        for nonce, sent in list(connection.sent_at.items()):
            if now - sent > 90 * self.pace:
                connection.sent_at.pop(nonce, None)
                connection.missed += 1
        if connection.missed >= 3:
            connection.close()

    def _ping(self, connection):
        message = wire.ping()
        connection.sent_at[message["Ping"]["nonce"]] = time.monotonic()
        connection.send(message)

    def _pong(self, connection, nonce):
        if connection.sent_at.pop(nonce, None) is not None:
            connection.pongs += 1
            connection.missed = 0

    # --- book-keeping -------------------------------------------------------------------------------------------

    def _register(self, sock, ip, dialled):
        connection = Connection(sock, ip, dialled)
        with self._lock:
            self.connections.append(connection)
        return connection

    def _finish(self, connection):
        connection.close()
        connection.closed = time.monotonic()
        connection._file.close()
        connection.sock.close()
