# SPDX-License-Identifier: MIT
"""Debugging by hand: the commands of deploy/gdb/timed.py on a live process and on a core, and the static probes."""
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import threading

import pytest

from harness.daemon import BINARY, ROOT, SANITIZED, built_with
from harness.net import scaled, wait_until

pytestmark = [
    pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed"),
    pytest.mark.skipif(SANITIZED, reason="sanitizers do not bear a debugger"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="looks at system calls and code of x86-64"),
    pytest.mark.skipif(not built_with(b".debug_info"), reason="this timed was built without debug symbols"),
]
SCRIPT = ROOT / "deploy" / "gdb" / "timed.py"
FUTEX = 202  # number of the system call on x86-64
PROBES = {"connection_open": 4, "connection_close": 5, "message_in": 4, "message_out": 4, "block_connect": 3,
          "vote_sent": 5, "vote_received": 5}


def gdb(*commands, source=True, first=()):
    """What gdb says to these commands; `first` are its own arguments."""
    options = [part for command in ([f"source {SCRIPT}"] if source else []) + list(commands)
               for part in ("-ex", command)]
    done = subprocess.run(["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", *first, *options],
                          capture_output=True, text=True, timeout=scaled(90), check=False)
    if "ptrace: Operation not permitted" in done.stderr:
        pytest.skip("no permission to attach gdb")
    assert "Python Exception" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def column(text, name, row):
    """The cell of a table; columns are two blanks or more apart."""
    lines = text.splitlines()
    head = next(line for line in lines if re.search(rf"\b{name}\b", line) and line.upper() == line)
    line = next(line for line in lines if re.search(row, line) and line is not head)
    begin = head.index(name)
    cell = re.split(r"\s{2,}", line[begin:].strip())[0] if line[begin:begin + 1].strip() else ""
    return cell


def blocked_on(daemon, address):
    """The threads that wait for the futex at this address."""
    found = []
    for task in os.listdir(f"/proc/{daemon.pid}/task"):
        with open(f"/proc/{daemon.pid}/task/{task}/syscall", encoding="ascii") as file:
            fields = file.read().split()
        if fields[:1] == [str(FUTEX)] and int(fields[1], 16) == address:
            found.append(int(task))
    return found


def assert_commands(text, peers):
    """What all four commands say of a node with these peers, in a live process and in a core alike."""
    for ip in peers:
        assert column(text, "DIRECTION", rf"^{re.escape(ip)}\s") == "inbound"
        assert column(text, "STATE", rf"^{re.escape(ip)}\s") == "ready"
        assert re.fullmatch(r"\d+ \(\d+\)", column(text, "THREAD", rf"^{re.escape(ip)}\s")), text
    assert f"{len(peers)} connections" in text
    assert re.search(r"^tip +height 0 [0-9a-f]{64}, of 2025-12-01 00:00:00 UTC", text, re.M), text
    assert re.search(r"^agreement +no validators at this height", text, re.M)
    for name, waits, function in (("main", "sig", "wait_for_stop"), ("chain", "condition", "next_job"),
                                  ("log", "condition", "log_main"), ("acceptor", "poll", "acceptor_run")):
        row = re.search(rf"^ +\d+ +\d+ +{name} +{waits}\w* +{function}\b", text, re.M)
        assert row, f"{name}\n{text}"
    for ip in peers:
        assert re.search(rf"^ +\d+ +\d+ +{re.escape(f'p:{ip}'[:15])} +poll +\w+ +out 0 B, line 0 B", text, re.M), text


COMMANDS = ("timed peers", "timed chain", "timed tasks", "timed locks all")


def test_the_commands_on_a_live_process_and_on_a_core(node, net, tmp_path):
    """A node with two peers; then two threads of it that wait for each other, in memory and in a core of a stripped
    program with its symbols in another file; at last damaged memory."""
    peers = [net.ip(8), net.ip(9)]
    connections = [node.dial_in(ip) for ip in peers]
    table, pool = "timed_node->net->table->lock", "timed_node->pool->lock"

    # Both locks look held by `main` from here on.
    text = gdb(*COMMANDS, f"p/x (long)&{table}", f"p/x (long)&{pool}",
               *(f"set var {lock}.native.__data.{what}" for lock in (table, pool)
                 for what in ("__lock = 2", f"__owner = {node.pid}")), first=["-p", str(node.pid)])
    assert_commands(text, peers)
    ranks = re.findall(r"^(\d) \S+ +(\S+)", text, re.M)
    assert [rank for rank, _ in ranks] == sorted(rank for rank, _ in ranks)
    assert {("1", "sync"), ("2", "peer_table"), ("3", "peer.out"), ("4", "pool"), ("4", "consensus"),
            ("5", "log_limit"), ("6", "log")} <= set(ranks), text
    addresses = [int(value, 16) for value in re.findall(r"^\$\d = (0x[0-9a-f]+)", text, re.M)]

    # One thread of the RPC waits for each, and is said to hold the other.
    waiting = []
    for method, address in zip(("getpeerinfo", "getmempoolinfo"), addresses):
        node.rpc_begin(method)
        names = lambda: [task for task in blocked_on(node, address)
                         if pathlib.Path(f"/proc/{node.pid}/task/{task}/comm").read_text().strip() == "rpc"]
        waiting.append(wait_until(names, 10, f"an RPC thread that waits in {method}")[0])
    core = tmp_path / "core"
    damage = "set var *(long *)&timed_node->net->table->live->live_next = 16"
    text = gdb(f"set var {table}.native.__data.__owner = {waiting[1]}",
               f"set var {pool}.native.__data.__owner = {waiting[0]}", "timed locks", f"generate-core-file {core}",
               damage, "set var timed_node->net->table->live->state = 77", "timed peers", first=["-p", str(node.pid)])
    node.kill9()
    for connection in connections:
        connection.close()
    ring = r"DEADLOCK: rpc \(thread \d+\) waits for (peer_table|pool); rpc \(thread \d+\) waits for (peer_table|pool)\n"
    assert re.search(ring, text), text
    assert re.search(r"^2 peer_table +peer_table +node\.net\.table +rpc \(thread \d+\) +.*rpc \(thread \d+\)", text,
                     re.M), text
    assert re.search(r"\d+ others are free", text)
    assert re.search(r"OUT OF ORDER: rpc \(thread \d+\) holds pool and waits for peer_table\n", text), text
    # The list ends at the damage, and the table of addresses has the other one.
    assert re.search(r"<the list breaks off: Cannot access memory at address 0x\w+>", text), text
    assert "2 connections" in text and "<77>" in text and "ready" in text

    text = with_separate_symbols(tmp_path, core)
    assert_commands(text, peers)
    assert re.search(ring, text), text


def with_separate_symbols(tmp_path, core):
    """As -dbgsym packages have it: by the build id, below the directory of debug files."""
    notes = subprocess.run(["readelf", "-n", BINARY], capture_output=True, text=True, check=True).stdout
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)
    debug = tmp_path / "debug" / ".build-id" / build_id[:2] / f"{build_id[2:]}.debug"
    debug.parent.mkdir(parents=True)
    subprocess.run(["objcopy", "--only-keep-debug", BINARY, debug], check=True)
    stripped = tmp_path / "timed"
    subprocess.run(["objcopy", "--strip-all", BINARY, stripped], check=True)
    return gdb(*COMMANDS, first=["-iex", f"set debug-file-directory {tmp_path / 'debug'}", str(stripped), str(core)])


def test_what_cannot_be_shown_is_said():
    """Without a process, and without symbols."""
    assert "no process and no core file" in gdb("timed tasks", first=[BINARY])
    text = gdb("timed peers")
    assert "install its -dbgsym package" in text, text


def test_gdb_finds_the_commands_of_an_installed_timed(tmp_path):
    """meson installs them where gdb looks for them, by the path of the program."""
    build = pathlib.Path(BINARY).parents[2]
    done = subprocess.run(["meson", "introspect", "--installed", str(build)], capture_output=True, text=True,
                          check=True)
    places = json.loads(done.stdout)
    program, script = places[str(build / "src" / "timed" / "timed")], places[str(SCRIPT)]
    before, _, after = script.partition("/gdb/auto-load/")
    assert before.endswith("/share") and f"/{after}" == f"{program}-gdb.py"

    # The same below another root, as gdb has it with its own directories.
    home = tmp_path / "auto-load" / str(tmp_path).lstrip("/")
    home.mkdir(parents=True)
    shutil.copy(SCRIPT, home / "timed-gdb.py")
    shutil.copy(BINARY, tmp_path / "timed")
    text = gdb("help timed peers", source=False,
               first=["-iex", f"set auto-load scripts-directory {tmp_path / 'auto-load'}",
                      "-iex", f"add-auto-load-safe-path {tmp_path}", str(tmp_path / "timed")])
    assert "every connection" in text, text


# --- probes ---------------------------------------------------------------------------------------------------------

def test_each_probe_is_a_nop_with_its_arguments():
    notes = subprocess.run(["readelf", "-n", BINARY], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"Provider: timed\s+Name: (\w+)\s+Location: 0x([0-9a-f]+),.*Semaphore: 0x0+\n\s+Arguments: (.*)",
                       notes)
    assert {name: len(arguments.split()) for name, _, arguments in found} == PROBES
    for name, address, _ in found:
        code = subprocess.run(["objdump", "-d", f"--start-address=0x{address}",
                               f"--stop-address={int(address, 16) + 1}", BINARY], capture_output=True, text=True,
                              check=True).stdout
        assert re.search(rf"^\s+{address.lstrip('0')}:.*\bnop\b", code, re.M), f"{name}\n{code}"
    header = (ROOT / "include" / "timed" / "util" / "probe.h").read_text(encoding="utf-8")
    for name, count in PROBES.items():
        assert len(re.search(rf"^ \*\t{name} \((.*?)\)", header, re.M).group(1).split(",")) == count


def test_gdb_stops_at_a_message_with_its_arguments(node, net, tmp_path):
    peer = node.dial_in(net.ip(9))
    armed = tmp_path / "armed"
    done = threading.Event()

    def ping():
        while not done.wait(0.05):
            if armed.exists():
                peer.send({"Ping": {"nonce": 7, "timestamp": 1764547200}})
    sender = threading.Thread(target=ping)
    sender.start()
    try:
        text = gdb("info probes stap timed",
                   'break -probe-stap timed:message_in if $_streq((char *)$_probe_arg1, "Ping")',
                   f"shell touch {armed}", "continue",
                   r'printf "SEEN %s %s %d %d\n", (char *)$_probe_arg0, (char *)$_probe_arg1, $_probe_arg2, '
                   "$_probe_arg3",
                   "delete", first=["-p", str(node.pid)])
    finally:
        done.set()
        sender.join()
    assert set(re.findall(r"^\S* *timed +(\w+) +0x", text, re.M)) == set(PROBES), text
    length = len(b'{"Ping":{"nonce":7,"timestamp":1764547200}}\n')
    assert f"SEEN {net.ip(9)} Ping {length} {node.peer(net.ip(9))['id']}" in text, text
    peer.ping()
