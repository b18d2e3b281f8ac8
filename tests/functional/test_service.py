# SPDX-License-Identifier: MIT
"""What the daemon tells its service manager, and what it says when one of its threads hangs."""
import signal
import time

import pytest

from harness.net import paced_ms, scaled, wait_until
from harness.service import NotifySocket, StoppedThread

STALL_MS = 3000


@pytest.fixture
def notify(tmp_path):
    socket = NotifySocket(tmp_path)
    yield socket
    socket.close()


def position(messages, key, value=None, since=0):
    """Where the first message with this key (and value) stands; -1: nowhere."""
    return next((number for number, message in enumerate(messages)
                 if number >= since and key in message and (value is None or message[key] == value)), -1)


@pytest.mark.fast
def test_messages_come_in_order(daemons, net, notify):
    """Time is asked for first; READY once P2P port and RPC are open; then food for the watchdog and the status line;
    a SIGHUP is a reload; STOPPING at the end, and nothing after it."""
    node = daemons(net.ip(5), env=notify.env(watchdog_ms=4000), start=False)
    node.spawn()
    notify.wait(lambda message: message.get("READY") == "1", timeout=20, what="READY=1")
    # Nothing is awaited here: who is told READY finds both ports open and the RPC answering.
    assert node.rpc("getblockcount") == 0
    node.assert_alive(net.ip(3))
    ready = position(notify.messages, "READY", "1")
    extend = position(notify.messages, "EXTEND_TIMEOUT_USEC")
    assert 0 <= extend < ready and int(notify.messages[extend]["EXTEND_TIMEOUT_USEC"]) >= 1000000
    assert "Height 0, " in notify.messages[ready]["STATUS"]
    assert position(notify.messages, "EXTEND_TIMEOUT_USEC", since=ready) == -1
    peer = node.dial_in(net.ip(7))
    notify.wait(lambda message: message.get("STATUS") == "Height 0, 1 peer", what="the peer in the status line")
    peer.close()
    notify.wait(lambda message: "WATCHDOG" in message, what="WATCHDOG=1")

    mark = len(notify.drain())
    node.process.send_signal(signal.SIGHUP)
    notify.wait(lambda message: message.get("READY") == "1", since=mark, what="READY=1 after the reload")
    reloading = position(notify.messages, "RELOADING", "1", since=mark)
    assert mark <= reloading < position(notify.messages, "READY", "1", since=mark)
    assert abs(int(notify.messages[reloading]["MONOTONIC_USEC"]) / 1e6 - time.monotonic()) < scaled(5)

    node.stop()
    notify.drain()
    stopping = position(notify.messages, "STOPPING", "1")
    assert stopping > reloading and stopping == len(notify.messages) - 1
    assert position(notify.messages, "WATCHDOG", since=stopping) == -1


@pytest.mark.fast
def test_start_that_fails_says_why_and_is_never_ready(daemons, net, notify):
    """A second daemon on one data directory: the reason is in the status, there is no READY."""
    first = daemons(net.ip(5))
    second = daemons(net.ip(6), {"storage": {"data_dir": first.datadir}}, env=notify.env(), start=False)
    second.run_to_end(code=1)
    notify.drain()
    assert position(notify.messages, "READY") == -1
    said = [message["STATUS"] for message in notify.messages if "STATUS" in message]
    assert said[-1].startswith("Failed: ") and "is in use by another timed" in said[-1]


def test_hung_threads_starve_the_watchdog(daemons, net, notify):
    """Threads are stopped as a debugger stops them, while they have nothing to do. Log and status name each of them, and
    the watchdog is not fed before the last of them goes on; an idle node is fed all the time."""
    node = daemons(net.ip(5), {"timers": {"thread_stall_ms": paced_ms(STALL_MS)}}, env=notify.env(watchdog_ms=2000))
    begin = time.monotonic()
    notify.wait(lambda message: "WATCHDOG" in message and message["when"] > begin + paced_ms(STALL_MS) / 1000 + 0.5,
                timeout=10, what="an idle node is fed for longer than the allowance")
    assert not node.log_lines("HANGS")
    stopped = {name: StoppedThread(node.pid, name).__enter__() for name in ("chain", "acceptor", "consensus")}
    try:
        for name in stopped:
            node.wait_log(rf"ERROR.*THE THREAD {name} HANGS: no progress for \d+ s \(.+\)", timeout=10)
        starved = len(notify.drain())
        for name in ("consensus", "acceptor", "chain"):
            notify.wait(lambda message: "; HANGS: thread chain has made no progress" in message.get("STATUS", "") and
                        f"thread {name} has" in message["STATUS"], since=starved - 3, what=f"{name} in the status line")
            assert position(notify.drain(), "WATCHDOG", since=starved) == -1
            stopped.pop(name).__exit__()
            node.wait_log(f"The thread {name} goes on", timeout=10)
        notify.wait(lambda message: "WATCHDOG" in message, since=starved, what="food again")
    finally:
        for thread in stopped.values():
            thread.__exit__()
    wait_until(lambda: "HANGS" not in [m["STATUS"] for m in notify.drain() if "STATUS" in m][-1], 5, "status again")
