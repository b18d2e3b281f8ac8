# SPDX-License-Identifier: MIT
"""Deadlines, round counts and address ranges.

Every test leases a range 127.A.B.0/24 of its own: identity on this network is the IP address, so two tests that share
an address would meet each other. A lease is a locked file, which a dying test releases, and a range where something
still listens is passed over.
"""
import fcntl
import ipaddress
import itertools
import os
import random
import tempfile
import time

P2P_PORT = 24200
RPC_PORT = 24201

SCALE = float(os.environ.get("TIMED_TEST_SCALE", "1"))
ALL_ROUNDS = os.environ.get("TIMED_TEST_ROUNDS", "ci") == "all"


def rounds(full, ci=None):
    """The full count of rounds, or what fits into CI: a tenth unless told."""
    if ALL_ROUNDS:
        return full
    return max(1, full // 10) if ci is None else ci


def scaled(seconds):
    """A deadline in seconds, longer where the build is slow (sanitizers)."""
    return seconds * SCALE


def paced(seconds):
    """Protocol timers of a test, in seconds: slower on a slow build, but less so than the deadlines."""
    return seconds * min(SCALE, 2)


def paced_ms(milliseconds):
    """The same in milliseconds, for a configuration file."""
    return int(milliseconds * min(SCALE, 2))


def wait_until(predicate, timeout=5.0, what="condition", interval=0.02):
    """Polls until the predicate is true and returns its value; fails the test at the deadline."""
    end = time.monotonic() + scaled(timeout)
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {scaled(timeout):.1f} s: {what() if callable(what) else what}")
        time.sleep(interval)


def listening(pid="self"):
    """The (ip, port) pairs of all listening IPv4 sockets in the network namespace of a process."""
    found = set()
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        next(table)
        for line in table:
            fields = line.split()
            if fields[3] == "0A":
                address, port = fields[1].split(":")
                packed = bytes.fromhex(address)[::-1]
                found.add((str(ipaddress.IPv4Address(packed)), int(port, 16)))
    return found


class Range:
    """A leased range: `ip(n)` is 127.A.B.n. A wide one has all of 127.A.0.0/16: `ip(n)` counts on through it."""

    _lock_dir = os.path.join(tempfile.gettempdir(), f"timed-functional-{os.getuid()}")
    _next = itertools.count(random.Random(os.getpid()).randrange(1 << 20))

    def __init__(self, wide=False):
        os.makedirs(self._lock_dir, exist_ok=True)
        busy = {ip for ip, _ in listening()}
        while True:
            number = next(self._next) * 7919
            a, b = (200 + number % 54, 0) if wide else (16 + number // 256 % 184, number % 256)
            self.prefix = f"127.{a}." if wide else f"127.{a}.{b}."
            if any(ip.startswith(self.prefix) for ip in busy):
                continue
            self._file = open(os.path.join(self._lock_dir, self.prefix + "lock"), "w", encoding="ascii")
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._file.close()
                continue
            break
        self._base = int(ipaddress.IPv4Address(f"127.{a}.{b}.0"))
        self._size = 65535 if wide else 255

    def ip(self, number):
        assert 0 < number < self._size
        return str(ipaddress.IPv4Address(self._base + number))

    def release(self):
        self._file.close()
