# SPDX-License-Identifier: MIT
"""A crash tells stderr and the log what it was, where, and over which message, and leaves a core."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness.daemon import BINARY, SANITIZED, Daemon, built_with
from harness.net import scaled

pytestmark = pytest.mark.skipif(SANITIZED, reason="sanitizers have their own handlers of fatal signals")
needs_faults = pytest.mark.skipif(not built_with(b"TIMED_FAULTS, character"),
                                  reason="this timed was built without fault injection (meson option faults)")
NONCE = 7083216504912345678


@pytest.fixture
def crashing(tmp_path, net):
    """crashing(faults, ...) starts a daemon that may write a core and is expected to die."""
    made = []

    def make(faults=None, **config):
        daemon = Daemon(tmp_path, net.ip(5), config, env={"TIMED_FAULTS": faults} if faults else {},
                        prefix=["prlimit", "--core=unlimited"])
        made.append(daemon)
        return daemon.start()

    yield make
    for daemon in made:
        if daemon.running():
            daemon.kill9()
        shutil.rmtree(daemon.dir, ignore_errors=True)


def report_of(text):
    """The texts of the report's lines, from whatever form of log."""
    lines = []
    for line in text.splitlines():
        if "CRASH: " in line:
            lines.append((json.loads(line)["text"] if line.startswith("{") else line).split("CRASH: ", 1)[1])
    return lines


def build_id():
    notes = subprocess.run(["readelf", "-n", BINARY], capture_output=True, text=True, check=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def functions(report):
    """The names of all functions of timed on the stack, inlined ones too, innermost first."""
    places = [line.rsplit("+", 1)[1] for line in report if re.match(r"#\d+ timed\+0x", line)]
    done = subprocess.run(["addr2line", "-fie", BINARY, *places], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[::2]


def assert_core(daemon):
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as pattern:
        if pattern.read().strip() == "core":
            assert any(name.startswith("core") for name in os.listdir(daemon.dir)), "no core was left"


# How it dies; the signal; a function of the innermost; where and how the log is written.
DEATHS = {
    "crash": (signal.SIGSEGV, "die", {"output": "stdout"}),
    "overflow": (signal.SIGSEGV, "overflow", {"output": "file", "format": "json"}),
    "check": (signal.SIGABRT, "check_failed", {"output": "file"}),
}


@needs_faults
@pytest.mark.parametrize("death", DEATHS)
def test_a_crash_names_the_message_in_hand_and_leaves_a_core(crashing, net, death):
    number, innermost, logging = DEATHS[death]
    daemon = crashing(f"in:Ping:{death}@2", logging={**logging, "file_path": "node.log"})
    peer = daemon.raw_peer(net.ip(9))
    peer.handshake()
    # The daemon answers the first; the one that it dies of is known to the byte.
    peer.ping()
    line = b'{"Ping":{"nonce":%d,"timestamp":1764547200}}\n' % NONCE
    peer.send_raw(line)
    assert daemon.process.wait(scaled(20)) == -number

    with open(daemon.stderr, encoding="utf-8") as err:
        told = report_of(err.read())
    path = daemon.stdout if logging["output"] == "stdout" else os.path.join(daemon.dir, "node.log")
    with open(path, encoding="utf-8") as log:
        logged = log.read()
    assert report_of(logged) == told
    name = re.escape(f"p:{net.ip(9)}"[:15])
    assert re.fullmatch(rf'{number.name}( at address 0x[0-9a-f]+)? in thread "{name}" \(\d+\)', told[0])
    assert re.fullmatch(rf"timed \S+ \(.*\), build id {build_id()}", told[1])
    assert told[2] == f"peer {net.ip(9)}, message Ping of {len(line)} bytes in hand"
    assert str(NONCE) not in logged[logged.index("CRASH"):]
    names = functions(told)
    # What aborts comes before the check; the rest is known from both ends, however deep the stack is.
    assert innermost in names[:3]
    assert [name for name in names if name in ("session_line", "peer_worker", "thread_main")] == [
        "session_line", "peer_worker", "thread_main"]
    assert_core(daemon)


def test_a_signal_from_outside_names_its_sender(crashing):
    """As a watchdog ends a process that hangs: no message is in hand."""
    daemon = crashing()
    os.kill(daemon.pid, signal.SIGABRT)
    assert daemon.process.wait(scaled(20)) == -signal.SIGABRT
    report = report_of(daemon.log())
    assert re.fullmatch(rf'SIGABRT sent by process {os.getpid()} in thread "main" \({daemon.pid}\)', report[0])
    assert not any("in hand" in line for line in report)
    assert "main" in functions(report)
