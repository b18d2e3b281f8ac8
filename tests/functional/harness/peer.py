# SPDX-License-Identifier: MIT
"""A scripted peer over a real socket.

A thread of its own reads and keeps every line, so that a test may do something else meanwhile; it answers what a good
peer answers at once (pings, the genesis question) unless told not to. Every line is checked as an existing node would
check it: an unparsable one fails the test.
"""
import errno
import os
import random
import select
import socket
import struct
import threading
import time

from . import wire
from .net import P2P_PORT, scaled

TCP_REPAIR = 19


class Closed(AssertionError):
    """The connection ended while something was expected on it."""


class Peer:
    def __init__(self, sock, *, reading=True, pong=True, answers=True, genesis=None, network="devnet"):
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ip = sock.getsockname()[0]
        self.pong = pong            # answers pings
        self.answers = answers      # answers what else a good peer answers: bool, or {name: function(payload)}
        self.genesis = genesis      # byte array, or None: the genesis question is not answered
        self.network = network
        self.node_id = f"{random.getrandbits(128):032x}"
        self.received = []          # (seconds, name, payload), all of them
        self.lines = []             # the same as raw bytes
        self.ponged = set()         # nonces of all pongs
        self.end = None             # "eof" or "reset", once it ended
        self.ended_at = None
        self.bad = []               # lines that an existing node would refuse
        self._cursor = 0
        self._changed = threading.Condition()
        self._send_lock = threading.Lock()
        self._may_read = threading.Event()
        if reading:
            self._may_read.set()
        self._stopped = False
        self._wake = os.eventfd(0)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @classmethod
    def dial(cls, source, target, port=P2P_PORT, *, rcvbuf=None, timeout=5, **options):
        sock = connect(source, target, port, timeout=timeout, rcvbuf=rcvbuf)
        return cls(sock, **options)

    # --- reading ------------------------------------------------------------------------------------------------

    def _read(self):
        # Never blocks inside recv(): what is blocked there would keep the socket alive after its close.
        pending = b""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            self._may_read.wait()
            poll.poll()
            if self._stopped:
                return
            if not self._may_read.is_set():
                continue
            try:
                data = self.sock.recv(1 << 18)
            except OSError as error:
                self._ended("reset" if error.errno != errno.EBADF else "closed here")
                return
            if not data:
                self._ended("eof")
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                if line.strip():
                    self._line(line)

    def _line(self, line):
        try:
            name, payload = wire.decode(line)
        except wire.Unparsable as error:
            name, payload = "?", line
            self.bad.append(str(error))
        with self._changed:
            self.lines.append(line)
            self.received.append((time.monotonic(), name, payload))
            if name == "Pong":
                self.ponged.add(payload["nonce"])
            self._changed.notify_all()
        try:
            self._answer(name, payload)
        except OSError:
            pass

    def _answer(self, name, payload):
        if name == "Ping":
            if self.pong:
                self.send(wire.pong(payload["nonce"]))
        elif isinstance(self.answers, dict) and name in self.answers:
            answer = self.answers[name](payload)
            if answer is not None:
                self.send(answer)
        elif self.answers:
            answer = self.usual_answer(name, payload)
            if answer is not None:
                self.send(answer)

    def usual_answer(self, name, payload):
        """What a good peer with only the genesis block says."""
        if name == "GetBlockHash" and self.genesis is not None:
            known = self.genesis if payload == 0 else None
            return {"BlockHashResponse": {"height": payload, "hash": known}}
        return {"GetPeers": {"PeersResponse": []}, "GetMasternodes": {"MasternodesResponse": []},
                "GetBlockHeight": {"BlockHeightResponse": 0}, "GetBlocks": {"BlocksResponse": []},
                "GetBlockRange": {"BlockRangeResponse": []}}.get(name)

    def _ended(self, how):
        with self._changed:
            self.end = how
            self.ended_at = time.monotonic()
            self._changed.notify_all()

    def pause_reading(self):
        """Reads at most one more piece, then nothing until resume_reading."""
        self._may_read.clear()

    def resume_reading(self):
        self._may_read.set()

    # --- sending ------------------------------------------------------------------------------------------------

    def send_raw(self, data):
        with self._send_lock:
            self.sock.sendall(data)

    def send(self, *messages):
        self.send_raw(b"".join(wire.encode(message) for message in messages))

    # --- expecting ----------------------------------------------------------------------------------------------

    def _wait(self, check, timeout, what):
        end = time.monotonic() + scaled(timeout)
        with self._changed:
            while True:
                found = check()
                if found is not None:
                    return found
                if self.end:
                    raise Closed(f"{self.end} while waiting for {what}; got {self.names()[-12:]}")
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {what} within {scaled(timeout):.1f} s; got {self.names()[-12:]}")
                self._changed.wait(left)

    def expect(self, name, where=None, timeout=5):
        """The payload of the next message of that name (that satisfies `where`); what came before it is passed over."""
        index = self._cursor

        def check():
            nonlocal index
            while index < len(self.received):
                _, got, payload = self.received[index]
                index += 1
                if got == name and (where is None or where(payload)):
                    self._cursor = index
                    return (payload,)
            return None
        return self._wait(check, timeout, name)[0]

    def expect_line(self, index, timeout=5):
        """The index-th message since the beginning, as (name, payload)."""
        def check():
            return self.received[index][1:] if len(self.received) > index else None
        return self._wait(check, timeout, f"line {index}")

    def wait_count(self, name, count, timeout=5):
        """Waits until that many messages of a name have come in all."""
        self._wait(lambda: True if self.count(name) >= count else None, timeout, f"{count} {name}")

    def count(self, name):
        return sum(1 for _, got, _ in self.received if got == name)

    def names(self):
        return [name for _, name, _ in self.received]

    def payloads(self, name):
        return [payload for _, got, payload in self.received if got == name]

    def times(self, name):
        return [when for when, got, _ in self.received if got == name]

    def skip(self):
        """Forgets what came so far: expect() looks only at what follows."""
        self._cursor = len(self.received)

    def ping(self, timeout=2):
        """Sends a ping, waits for its pong, returns the seconds it took."""
        message = wire.ping()
        nonce = message["Ping"]["nonce"]
        begin = time.monotonic()
        self.send(message)
        self.expect_pong(nonce, timeout)
        return time.monotonic() - begin

    def expect_pong(self, nonce, timeout=2):
        self._wait(lambda: True if nonce in self.ponged else None, timeout, f"Pong {nonce}")

    def expect_closed(self, timeout=5):
        """Waits for the end of the connection; returns "eof" or "reset"."""
        deadline = time.monotonic() + scaled(timeout)
        with self._changed:
            while not self.end:
                left = deadline - time.monotonic()
                assert left > 0, f"still open after {scaled(timeout):.1f} s; got {self.names()[-12:]}"
                self._changed.wait(left)
            return self.end

    def is_open(self):
        return self.end is None

    # --- handshake ----------------------------------------------------------------------------------------------

    def handshake(self, node_id=None, send_version=True, timeout=5):
        """As the side that dialled."""
        self.node_id = node_id or self.node_id
        self.send(wire.handshake(network=self.network))
        if send_version:
            self.send(wire.version(self.node_id, self.network))
        return self.expect("Ack", timeout=timeout)

    def accept_handshake(self, node_id=None, send_version=True, timeout=5):
        """As the side that was dialled."""
        self.node_id = node_id or self.node_id
        first = self.expect_line(0, timeout)
        assert first[0] == "Handshake", f"began with {first[0]}"
        self.expect("Handshake", timeout=timeout)
        self.send(wire.ack())
        if send_version:
            self.send(wire.version(self.node_id, self.network))
        return first[1]

    # --- ending -------------------------------------------------------------------------------------------------

    def close(self):
        """Ends in order (FIN), and checks that nothing unparsable was received."""
        self._stop_reading()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        assert not self.bad, f"{self.ip} got what an existing node would refuse: {self.bad[0]}"

    def reset(self):
        """Ends with RST."""
        self._stop_reading()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def vanish(self):
        """The machine dies: no FIN, no RST; what is sent to it later is answered by RST. Needs CAP_NET_ADMIN."""
        self._stop_reading()
        self.sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self.sock.close()

    def _stop_reading(self):
        if self._stopped:
            return
        self._stopped = True
        self._may_read.set()
        os.eventfd_write(self._wake, 1)
        self._thread.join(10)
        os.close(self._wake)


def can_vanish():
    """Whether a socket may be closed without a packet."""
    with socket.socket() as sock:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
        except OSError:
            return False
    return True


def connect(source, target, port=P2P_PORT, timeout=5, rcvbuf=None):
    """A connected blocking socket bound to a source address."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((source, 0))
    sock.settimeout(scaled(timeout))
    sock.connect((target, port))
    sock.settimeout(None)
    return sock


class Listener:
    """Where a daemon dials a scripted peer."""

    def __init__(self, ip, port=P2P_PORT, **options):
        self.ip = ip
        self.options = options      # for the peers that come of it
        self.times = []             # when somebody dialled
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.bind((ip, port))
        self._sock.listen(64)

    def accept(self, timeout=5, **options):
        """The next connection as a peer, nothing sent on it yet."""
        self._sock.settimeout(scaled(timeout))
        try:
            sock, _ = self._sock.accept()
        except TimeoutError:
            raise AssertionError(f"{self.ip} was not dialled within {scaled(timeout):.1f} s") from None
        self.times.append(time.monotonic())
        sock.settimeout(None)
        return Peer(sock, **{**self.options, **options})

    def accept_ready(self, timeout=5, node_id=None, send_version=True, **options):
        """The next connection, its handshake done."""
        peer = self.accept(timeout, **options)
        peer.accept_handshake(node_id, send_version, timeout)
        return peer

    def assert_not_dialled(self, seconds):
        """Nobody dials for that long: the one thing that can only be seen by waiting."""
        self._sock.settimeout(seconds)
        try:
            sock, address = self._sock.accept()
        except TimeoutError:
            return
        sock.close()
        raise AssertionError(f"{self.ip} was dialled by {address[0]}")

    def close(self):
        self._sock.close()
