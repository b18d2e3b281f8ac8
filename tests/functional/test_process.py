# SPDX-License-Identifier: MIT
"""The process as a whole: adversarial 53, 57, 58 and 60, and gdb."""
import fcntl
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import web, wire
from harness.mesh import BRISK, Mesh, connections, lost, one_connection_per_pair
from harness.net import SCALE, paced_ms, rounds, scaled, wait_until
from harness.peer import connect

MIB = 1 << 20


# --- 53 -------------------------------------------------------------------------------------------------------------

def test_adversarial_53_sigterm_at_any_moment_of_start_up(daemons, net):
    """After every line that a start prints, and at random moments between: ends within 5 s, clean, and starts again."""
    node = daemons(net.ip(5), {"network": {"bootstrap_peers": [net.ip(8)]}})
    lines = node.log().count("\n")
    node.stop()
    generator = random.Random(53)
    moments = [("line", number) for number in range(1, min(lines, rounds(40, 8)) + 1)]
    moments += [("delay", generator.uniform(0, scaled(0.4))) for _ in range(rounds(100, 8))]
    for kind, when in moments:
        mark = node.mark()
        node.spawn()
        if kind == "delay":
            time.sleep(when)
        else:
            wait_until(lambda: node.log(mark).count("\n") >= when or not node.running(), 10, f"line {when}", 0.001)
        ends_clean(node, f"{kind} {when}", mark)
    node.start()


def ends_clean(node, what, mark):
    """SIGTERM: 0 within 5 s. Before its first line the process may not have got as far as its own handling."""
    node.process.send_signal(signal.SIGTERM)
    try:
        code = node.process.wait(scaled(5))
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{what}: still running\n{node.backtraces()}") from None
    node.check_clean()
    assert code == 0 or (code == -signal.SIGTERM and not node.log(mark)), f"{what}: {code}\n{node.tail()}"


@pytest.mark.fast
def test_adversarial_53_sigterm_under_load(daemons, net):
    """Peers that ping, ask, come and go: ends within 5 s, clean."""
    for turn in range(rounds(20, 2)):
        node = daemons(net.ip(5 + turn), {"logging": {"level": "info"}, "limits": {"connects_per_minute": 100000},
                                          "network": {"bootstrap_peers": [net.ip(200)]}})
        quit_now = threading.Event()
        threads = [threading.Thread(target=load, args=(node, net.ip(60 + number), quit_now)) for number in range(12)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(node.peers()) >= 6, 10, "load")
        took = node.stop()
        quit_now.set()
        for thread in threads:
            thread.join()
        print(f"stopped in {took * 1000:.0f} ms")


def load(node, ip, quit_now):
    """Pings and questions without end; every other peer reconnects now and then."""
    while not quit_now.is_set():
        try:
            sock = connect(ip, node.ip, timeout=1)
            sock.settimeout(0.5)
            sock.sendall(wire.encode(wire.handshake()))
            for _ in range(50 if int(ip.rsplit(".", 1)[1]) % 2 else 5000):
                sock.sendall(wire.encode(wire.ping()) * 20 + wire.encode("GetPeers"))
                sock.recv(65536)
                if quit_now.is_set():
                    break
            sock.close()
        except OSError:
            quit_now.wait(0.02)


def test_adversarial_53_a_thousand_peers_connected(daemons, wide_net):
    """SIGTERM with 1,000 peers connected ends within 1 s, everything joined and freed, exit 0."""
    count = 1000 if SCALE <= 1 else 250
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip(f"needs 4096 descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    node = daemons(wide_net.ip(1), {"network": {"max_peers": 2 * count}, "logging": {"level": "info"},
                                    "limits": {"max_handshakes": count}})
    socks = []
    for number in range(count):
        sock = connect(wide_net.ip(1000 + number), node.ip)
        sock.sendall(wire.encode(wire.handshake()) + wire.encode(wire.version()))
        socks.append(sock)
    wait_until(lambda: len(node.workers()) >= count, 30, lambda: f"{count} workers, has {len(node.workers())}")
    wait_until(lambda: len(node.rpc("getpeerinfo")) == count, 30, "all are ready")
    took = node.stop()
    print(f"{count} peers: stopped in {took * 1000:.0f} ms")
    assert took < scaled(1)
    for sock in socks:
        sock.close()


def test_adversarial_53_sigint_stops_in_order(daemons, net):
    """As SIGTERM does."""
    node = daemons(net.ip(5))
    node.process.send_signal(signal.SIGINT)
    assert node.process.wait(scaled(5)) == 0
    node.check_clean()


@pytest.mark.fast
def test_adversarial_53_second_signal_kills(daemons, net, tmp_path):
    """A stop that waits, here for somebody who reads its log: the second signal ends it at once."""
    path = tmp_path / "log.pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        node = daemons(net.ip(5), {"logging": {"output": "file", "file_path": str(path)}})
        peer = node.dial_in(net.ip(3))
        peer.send(*[wire.ping() for _ in range(100)])
        peer.ping()
        node.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "keeper" not in node.threads(), 5, lambda: f"the threads end: {node.threads()}")
        node.process.send_signal(signal.SIGTERM)
        # In order it would wait five seconds for a reader, and end with 0.
        assert node.process.wait(scaled(2)) == -signal.SIGTERM
    finally:
        os.close(reader)


def test_second_daemon_on_one_data_directory(daemons, net):
    """A clear error instead of a second daemon."""
    first = daemons(net.ip(5))
    second = daemons(net.ip(6), {"storage": {"data_dir": first.datadir}}, start=False)
    second.spawn()
    assert second.process.wait(scaled(10)) != 0
    assert re.search(r"(?i)lock|already|in use", second.tail())
    first.assert_alive(net.ip(3))


# --- 57 -------------------------------------------------------------------------------------------------------------

def test_adversarial_57_one_peer_never_reads(daemons, net):
    """It makes the daemon talk and never listens: disconnected as a slow consumer, memory bounded; what is announced
    to the others comes on time."""
    node = daemons(net.ip(5), {"masternode": {"enabled": True},
                               "timers": {"announce_delay_ms": 100, "announce_interval_ms": paced_ms(100),
                                          "no_progress_ms": paced_ms(3000)},
                               "limits": {"output_soft_bytes": 256 * 1024, "output_hard_bytes": MIB},
                               "logging": {"level": "info"}})
    others = [node.dial_in(net.ip(20 + number)) for number in range(5)]
    deaf = node.dial_in(net.ip(3), rcvbuf=4096)
    deaf.pause_reading()
    before = node.rss()
    begin = time.monotonic()
    pings = wire.encode(wire.ping(1)) * 200 + wire.encode({"GetBlocks": [0, 0]})
    deaf.sock.settimeout(scaled(5))
    queued, due = 0, begin
    with pytest.raises(OSError):
        while time.monotonic() - begin < scaled(20):
            deaf.send_raw(pings)
            if time.monotonic() >= due:
                queued = max(queued, web.metrics(node)["timed_sendqueue_bytes"])
                due += 0.2
    node.wait_ended(net.ip(3), "slow consumer", timeout=10)
    assert 0 < queued <= 2 * MIB and web.metrics(node)["timed_sendqueue_bytes"] < MIB // 4
    assert node.rss_peak() - before < 48 * MIB * max(1, SCALE)
    for peer in others:
        peer.ping(timeout=2)
        peer.skip()
        peer.expect("MasternodeAnnouncement", timeout=2)
        times = [when for when in peer.times("MasternodeAnnouncement") if when >= begin]
        gaps = [later - earlier for earlier, later in zip([begin, *times], times)]
        assert max(gaps) < scaled(1), "an announcement was delayed"
    assert node.endings() == ["slow consumer"]


def test_adversarial_57_over_the_hard_bound(daemons, net):
    """An answer that would lift the waiting output over the hard bound: closed at once, long before the time for a byte
    of progress is over."""
    node = daemons(net.ip(5), {"limits": {"output_soft_bytes": 32768, "output_hard_bytes": 32768},
                               "logging": {"level": "info"}})
    for number in range(120):
        with connect(net.ip(100 + number), node.ip) as sock:
            sock.sendall(wire.encode(wire.handshake()) + wire.encode(wire.announcement(net.ip(100 + number))))
            wait_until(lambda: net.ip(100 + number) in node.log(), 5, "an announcement is read")
    node.wait_log("Registered masternode", count=120)
    deaf = node.dial_in(net.ip(3), rcvbuf=4096)
    deaf.pause_reading()
    deaf.sock.settimeout(scaled(5))
    begin = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begin < scaled(15):
            # Pongs fill what the kernel takes; answers then pile up in the daemon.
            deaf.send_raw(wire.encode(wire.ping(1)) * 300 + wire.encode("GetMasternodes"))
    node.wait_ended(net.ip(3), "slow consumer")
    node.assert_alive(net.ip(4))


def test_adversarial_57_no_byte_of_progress(daemons, net):
    """Little output that is never taken: closed when there was no byte of progress for so long."""
    node = daemons(net.ip(5), {"timers": {"no_progress_ms": paced_ms(700)}, "logging": {"level": "info"}})
    deaf = node.dial_in(net.ip(3), rcvbuf=4096)
    deaf.pause_reading()
    deaf.sock.settimeout(scaled(5))
    begin = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begin < scaled(10):
            deaf.send_raw(wire.encode(wire.ping(1)) * 100)
    node.wait_ended(net.ip(3), "slow consumer")
    node.assert_alive(net.ip(4))


# --- 58 -------------------------------------------------------------------------------------------------------------

def faketime_library():
    paths = [f"/usr/lib/{triple}/faketime/libfaketimeMT.so.1" for triple in os.listdir("/usr/lib")]
    return next((path for path in paths if os.path.exists(path)), None)


def test_adversarial_58_clock_jumps_an_hour(daemons, net, tmp_path):
    """An hour forward, two back, one forward: no connection is lost and no ping is missed. (Only the real-time clock
    jumps, as on a machine; libfaketime.)"""
    library = faketime_library()
    if not library:
        pytest.skip("libfaketime is not installed (Debian: faketime)")
    if SCALE > 1:
        pytest.skip("libfaketime and sanitizers do not go together")
    stamp = tmp_path / "faketimerc"
    stamp.write_text("+0\n", encoding="ascii")
    env = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(stamp), "FAKETIME_NO_CACHE": "1",
           "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    timers = {"ping_interval_ms": 100, "pong_timeout_ms": 2000}
    jumping = daemons(net.ip(2), {"timers": timers, "masternode": {"enabled": True}}, env=env)
    steady = daemons(net.ip(8), {"timers": timers, "network": {"bootstrap_peers": [net.ip(2)]}})
    jumping.wait_peer(net.ip(8))
    for offset in ("+3600", "-3600", "+0"):
        stamp.write_text(offset + "\n", encoding="ascii")
        marks = jumping.mark(), steady.mark()
        jumping.wait_log("Received pong from ", marks[0], timeout=10, count=12)
        steady.wait_log("Received pong from ", marks[1], timeout=10, count=12)
        shown = re.findall(r"^\d{4}-\d\d-\d\d (\d\d):", jumping.log(marks[0]), re.MULTILINE)
        expected = time.localtime(time.time() + int(offset)).tm_hour
        if shown and offset != "+0":
            assert {int(hour) for hour in shown[-3:]} & {expected, time.gmtime(time.time() + int(offset)).tm_hour}, \
                "the clock did not jump"
    for node in (jumping, steady):
        assert node.endings() == [] and not node.log_lines("Ping timeout")
        assert not node.violations(net.ip(2)) and not node.violations(net.ip(8))


# --- 60 -------------------------------------------------------------------------------------------------------------

EVIL = "x\x1b[2J\x1b]0;owned\x07\r\n2025-01-01 00:00:00.000 FAKE LINE\u202e\x7f\x85\u2028"


@pytest.mark.fast
@pytest.mark.parametrize("form", ["pretty", "json"])
def test_adversarial_60_control_characters_are_escaped(daemons, net, form):
    """Whatever text of a peer reaches the log, it makes no line and moves no cursor."""
    node = daemons(net.ip(5), {"logging": {"level": "debug", "format": form}})
    peer = node.raw_peer(net.ip(3), genesis=node.genesis())
    peer.send(wire.handshake(network=EVIL), wire.version(network=EVIL, version=EVIL, listen_addr=EVIL,
                                                         capabilities=[EVIL], wallet_address=EVIL))
    peer.expect("Ack")
    peer.send({"PeersResponse": [EVIL]}, wire.announcement(EVIL), {"TransactionRejected": {"txid": [0] * 32,
                                                                                          "reason": EVIL}},
              {"Unsubscribe": EVIL}, {EVIL: {}}, {"Subscribe": {"id": EVIL, "addresses": [EVIL], "outpoints": []}})
    peer.send_raw(b"\x1b[31mred\x00\x07\x9b\xff\xfe\n")
    peer.send_raw(b'{"Ping":{"\x1b[1m":1}}\n')
    peer.ping()
    peer.close()
    bad_first = node.raw_peer(net.ip(4))
    bad_first.send_raw(b"\x1b[2J\r\nFAKE LINE\n")
    bad_first.expect_closed()
    node.wait_ended(net.ip(4), "not a handshake") if form == "pretty" else wait_until(
        lambda: "not a handshake" in node.log(), 5, "the end of the second peer")
    with open(node.stdout, "rb") as file:
        raw = file.read()
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", raw), "a control character in the log"
    text = raw.decode("utf-8")
    assert not re.search("[\x80-\x9f\u2028\u2029\u202e]", text), "a control character of Unicode in the log"
    assert "x" in text and not re.search(r"(?m)^(2025-01-01 00:00:00.000 )?FAKE LINE", text)


# --- gdb ------------------------------------------------------------------------------------------------------------

def gdb(pid, *commands):
    done = subprocess.run(["gdb", "-p", str(pid), "-batch", "-nx", "-iex", "set debuginfod enabled off",
                           *(part for command in commands for part in ("-ex", command))],
                          capture_output=True, text=True, timeout=scaled(90), check=False)
    if "ptrace: Operation not permitted" in done.stderr:
        pytest.skip("no permission to attach gdb")
    return done.stdout + done.stderr


needs_gdb = pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed")


@needs_gdb
def test_gdb_shows_the_thread_names(node, net):
    """`info threads` reads like the table of the design."""
    peer = node.dial_in(net.ip(3))
    text = gdb(node.pid, "info threads")
    for name in ("main", "acceptor", "dialer", f"p:{net.ip(3)}"[:15], "keeper", "log"):
        assert f'"{name}"' in text, f"{name}\n{text}"
    assert set(node.threads()) >= {"main", "acceptor", "dialer", "keeper", "log"}
    peer.ping()


@needs_gdb
def test_gdb_breaking_into_a_worker_loses_no_connection(daemons, net):
    """A breakpoint of a debugger is hit in a worker, which stands still for 5 s with all the others, and goes on."""
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], timers={"ping_interval_ms": paced_ms(500)})
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes)
    before, marks = connections(mesh.nodes), {node: node.mark() for node in mesh.nodes}
    held, *others = mesh.nodes
    begin = time.monotonic()
    text = gdb(held.pid, "break peer_on_pong", "continue", "shell sleep 5", "delete", "detach")
    assert re.search(r'Thread \d+ "p:[^"]+" hit Breakpoint 1, peer_on_pong', text), text
    assert time.monotonic() - begin >= 5
    for node in mesh.nodes:
        node.wait_log("Received pong from ", node.mark(), timeout=10, count=4)
    assert connections(mesh.nodes) == before
    for node in mesh.nodes:
        assert lost(node, marks[node]) == []


# --- everyday matters -----------------------------------------------------------------------------------------------

def test_workers_are_joined(daemons, net):
    """Many connections, one after the other, leave nothing behind: no thread, no descriptor, no memory."""
    node = daemons(net.ip(5), {"logging": {"level": "info"}, "limits": {"connects_per_minute": 1000000}})

    def visit(count):
        for number in range(count):
            sock = connect(net.ip(10 + number % 200), node.ip)
            sock.sendall(wire.encode(wire.handshake()))
            sock.recv(65536)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        node.wait_no_connection(timeout=10)

    visit(200)
    fds, threads, rss = node.connection_fds(), len(node.threads()), node.rss()
    visit(rounds(10000, 1000))
    wait_until(lambda: node.connection_fds() <= fds and len(node.threads()) <= threads, 5,
               lambda: f"{node.connection_fds()} descriptors after {fds}, {node.threads()} after {threads}")
    # Up to a second's worth of ended threads wait to be joined, and the C library keeps some of their stacks.
    assert node.rss() - rss < 32 * MIB * max(1, SCALE)


def test_idle_daemon_uses_no_cpu(daemons, net):
    """Nobody spins: two connected daemons wait."""
    mesh = Mesh(daemons, [net.ip(1), net.ip(2)], timers={})
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes)
    used = [node.cpu_seconds() for node in mesh.nodes]
    time.sleep(2)
    for node, before in zip(mesh.nodes, used):
        assert node.cpu_seconds() - before < 0.1 * SCALE


def test_sighup_reopens_the_log_file(daemons, net, tmp_path):
    """After the file was moved away and SIGHUP, lines go to a new file."""
    path = tmp_path / "node.log"
    node = daemons(net.ip(5), {"logging": {"output": "file", "file_path": str(path)}})
    wait_until(path.exists, 5, "the log file")
    path.rename(tmp_path / "node.log.1")
    node.process.send_signal(signal.SIGHUP)
    wait_until(path.exists, 5, "a new log file")
    node.assert_alive(net.ip(3))
    wait_until(lambda: net.ip(3) in path.read_text(encoding="utf-8"), 5, "lines in the new file")


@pytest.mark.fast
def test_sighup_reads_the_levels_again(daemons, net):
    """That of all lines and those of categories; what RPC had set before goes, and a file with a mistake changes nothing."""
    node = daemons(net.ip(5), {"logging": {"level": "info"}, "logging.categories": {"net": "debug"}})
    levels = node.rpc("logging")
    assert (levels["net"], levels["chain"]) == ("debug", "info")
    mark = node.mark()
    node.assert_alive(net.ip(3))
    node.wait_log(f"Message loop ended for {net.ip(3)}", mark)
    node.rpc("logging", ["chain=trace"], ["net"])
    mark = node.mark()
    node.assert_alive(net.ip(4))
    node.rpc("logging", ["rpc=debug"])
    assert not node.log_lines("Message loop ended", mark)
    node.config["logging"]["level"], node.config["logging.categories"] = "debug", {"heartbeat": "error"}
    node.write_config()
    node.process.send_signal(signal.SIGHUP)
    node.wait_log("log levels read again", mark)
    levels = node.rpc("logging")
    assert levels.pop("heartbeat") == "error" and set(levels.values()) == {"debug"}
    node.config["logging"]["level"] = "loud"
    node.write_config()
    node.process.send_signal(signal.SIGHUP)
    node.wait_log("The configuration is not read again", mark)
    assert node.rpc("logging") == {**levels, "heartbeat": "error"}


def test_metronome_of_a_busy_mesh(daemons, net):
    """With 20 scripted peers that come and go all the time, two daemons never lose each other."""
    one = daemons(net.ip(2), {"timers": BRISK, "limits": {"connects_per_minute": 100000}, "logging": {"level": "info"}})
    two = daemons(net.ip(8), {"timers": BRISK, "network": {"bootstrap_peers": [net.ip(2)]}})
    one.wait_peer(net.ip(8))
    quit_now = threading.Event()
    threads = [threading.Thread(target=load, args=(one, net.ip(100 + number), quit_now)) for number in range(20)]
    for thread in threads:
        thread.start()
    mark = two.mark()
    two.wait_log("Received pong from ", mark, timeout=120, count=rounds(300, 15))
    quit_now.set()
    for thread in threads:
        thread.join()
    assert one.endings(net.ip(8)) == [] and two.endings(net.ip(2)) == []
