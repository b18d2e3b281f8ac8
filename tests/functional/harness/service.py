# SPDX-License-Identifier: MIT
"""A service manager's end of the notify protocol, and the stopping of one thread of a process."""
import ctypes
import os
import select
import socket
import time

from .net import scaled

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


class NotifySocket:
    """Give `env` to a daemon; `messages` are what it said so far, each a dictionary with the time it came."""

    def __init__(self, directory):
        self.path = os.path.join(str(directory), "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self.messages = []

    def env(self, watchdog_ms=None):
        env = {"NOTIFY_SOCKET": self.path}
        if watchdog_ms:
            env["WATCHDOG_USEC"] = str(int(watchdog_ms * 1000))
        return env

    def drain(self, wait=0.0):
        """Takes what has come; waits up to so many seconds for the first of it."""
        while select.select([self._socket], [], [], wait)[0]:
            text = self._socket.recv(65536).decode()
            message = dict(line.split("=", 1) for line in text.splitlines() if line)
            message["when"] = time.monotonic()
            self.messages.append(message)
            wait = 0
        return self.messages

    def wait(self, predicate, timeout=5, since=0, what="message"):
        """The first message from number `since` on for which the predicate holds."""
        end = time.monotonic() + scaled(timeout)
        seen = since
        while True:
            self.drain(0.05)
            for message in self.messages[seen:]:
                if predicate(message):
                    return message
            seen = len(self.messages)
            assert time.monotonic() < end, f"not within {scaled(timeout)} s: {what}; came {self.messages[-12:]}"

    def close(self):
        self._socket.close()


class StoppedThread:
    """Stops one thread as a debugger does, and no other: `with StoppedThread(pid, "chain"): ...`."""

    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.ptrace.restype = ctypes.c_long
    _libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def __init__(self, pid, name):
        self._tid = next(int(task) for task in os.listdir(f"/proc/{pid}/task") if self._name(pid, task) == name)

    @staticmethod
    def _name(pid, task):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
            return file.read().strip()

    def _ptrace(self, request):
        if self._libc.ptrace(request, self._tid, None, None) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"ptrace({request:#x}): {os.strerror(error)}")

    def __enter__(self):
        self._ptrace(PTRACE_SEIZE)
        self._ptrace(PTRACE_INTERRUPT)
        os.waitpid(self._tid, WALL)
        return self

    def __exit__(self, *_):
        try:
            self._ptrace(PTRACE_DETACH)
        except ProcessLookupError:
            # The process was killed meanwhile: until we take note of it, nobody else can.
            os.waitpid(self._tid, WALL)
