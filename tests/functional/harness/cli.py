# SPDX-License-Identifier: MIT
"""time-cli as a user runs it: from a script, and in a terminal that the test looks at."""
import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

from .daemon import BINARY
from .net import RPC_PORT, scaled

CLI = os.environ.get("TIME_CLI", str(pathlib.Path(BINARY).parents[1] / "time-cli" / "time-cli"))
# Without the files of whoever runs the tests.
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm", "LANG": "C.UTF-8"}


class Cli:
    """Asks one daemon."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.options = ["--rpc-url", f"http://{daemon.ip}:{RPC_PORT}", "--rpccookiefile",
                        os.path.join(daemon.datadir, ".cookie")]

    def run(self, *args, code=0, options=None, stdin="", cwd="/", prefix=()):
        """Runs it to its end; returns what it printed on standard output and on standard error."""
        command = [*prefix, CLI, *(self.options if options is None else options), *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=scaled(20), check=False,
                              cwd=cwd, env=ENVIRONMENT)
        assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout, done.stderr

    def __call__(self, *args, **options):
        """The same; only standard output, and standard error must be empty."""
        out, err = self.run(*args, **options)
        assert not err, err
        return out

    def fails(self, *args, code=1, **options):
        """The same for what must fail and print nothing but why."""
        out, err = self.run(*args, code=code, **options)
        assert not out, out
        return err

    def spawn(self, *args, **options):
        return subprocess.Popen([CLI, *self.options, *args], cwd="/", env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def terminal(self, *args, columns=120, rows=20):
        return Terminal([CLI, *self.options, *args], columns, rows)


class Terminal:
    """A program in a terminal of its own, and what is to be seen there."""

    def __init__(self, command, columns, rows):
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir("/")
            self._set_size(0, columns, rows)
            os.execve(command[0], command, ENVIRONMENT)
        self.modes = termios.tcgetattr(self.fd)

    @staticmethod
    def _set_size(fd, columns, rows):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self._set_size(self.fd, columns, rows)

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def text(self):
        return "\n".join(self.screen.display)

    def _read(self, seconds):
        """Takes what comes; False once the other side has gone."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.bytes += data
        # pyte does not know the other screen, and need not.
        self._stream.feed(data)
        return bool(data)

    def wait(self, predicate, what, timeout=10):
        """Until the predicate of the shown text is true."""
        end = time.monotonic() + scaled(timeout)
        while not predicate(self.text()):
            assert time.monotonic() < end, f"not seen within {scaled(timeout)} s: {what}\n{self.text()}"
            assert self._read(0.1), f"ended before: {what}\n{self.text()}"
        return self.text()

    def end(self, timeout=10):
        """Waits for the end of the program; its exit code."""
        end = time.monotonic() + scaled(timeout)
        while self.code is None:
            assert time.monotonic() < end, f"still runs\n{self.text()}"
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        self.drain()
        return self.code

    def drain(self):
        """Takes what is there already."""
        while select.select([self.fd], [], [], 0.05)[0] and self._read(0):
            pass

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def restored(self):
        """The terminal is as it was: its modes, its screen, its cursor."""
        return (termios.tcgetattr(self.fd) == self.modes and
                self.bytes.rfind(b"\033[?1049l") > self.bytes.rfind(b"\033[?1049h") and
                self.bytes.rfind(b"\033[?25h") > self.bytes.rfind(b"\033[?25l"))

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
