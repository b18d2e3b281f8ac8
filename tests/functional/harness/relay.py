# SPDX-License-Identifier: MIT
"""A wire between two daemons that needs no root: whoever dials `ip` reaches `target`, where it seems to come from
`source`. It delays with jitter (in order, as TCP shows a slow or lossy path to those who use it), holds for a while, or
is torn."""
import collections
import random
import socket
import threading
import time

from .net import P2P_PORT


class Relay:
    def __init__(self, ip, source, target, delay=0.0, jitter=0.0, stall=0.0):
        self.delay = delay          # seconds, each way
        self.jitter = jitter        # seconds, up or down
        self.stall = stall          # part of the pieces that wait a second more, like what is lost and sent again
        self.accepted = 0           # connections so far
        self.pairs = []
        self._source = source
        self._target = target
        self._quit = False
        self._flow = threading.Event()
        self._flow.set()
        self._random = random.Random(1)
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((ip, P2P_PORT))
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self):
        """The cable is out: nothing gets through, nothing is lost."""
        self._flow.clear()

    def release(self):
        self._flow.set()

    def tear(self):
        """Both halves of every connection end."""
        for pair in self.pairs:
            for sock in pair:
                self._shutdown(sock)

    def close(self):
        self._quit = True
        self._flow.set()
        self._shutdown(self._listener)
        self._listener.close()
        self.tear()

    @staticmethod
    def _shutdown(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self):
        while not self._quit:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                far = socket.create_connection((self._target, P2P_PORT), timeout=5, source_address=(self._source, 0))
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pieces, changed = collections.deque(), threading.Condition()
                threading.Thread(target=self._receive, args=(a, pieces, changed), daemon=True).start()
                threading.Thread(target=self._forward, args=(b, pieces, changed), daemon=True).start()

    def _receive(self, sock, pieces, changed):
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                data = b""
            wait = self.delay + self._random.uniform(-self.jitter, self.jitter)
            if self._random.random() < self.stall:
                wait += 1
            with changed:
                pieces.append((time.monotonic() + wait, data))
                changed.notify()
            if not data:
                return

    def _forward(self, sock, pieces, changed):
        while True:
            with changed:
                while not pieces:
                    changed.wait()
                due, data = pieces.popleft()
            time.sleep(max(0, due - time.monotonic()))
            self._flow.wait()
            try:
                if not data:
                    sock.shutdown(socket.SHUT_WR)
                    return
                sock.sendall(data)
            except OSError:
                return
