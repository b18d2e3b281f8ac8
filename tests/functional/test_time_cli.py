# SPDX-License-Identifier: MIT
"""time-cli against a real daemon: what a user types, what comes back, and what is said when nothing does."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import pytest

from harness import wire
from harness.cli import CLI, Cli
from harness.net import RPC_PORT, scaled

COMPLETIONS = pathlib.Path(CLI).parents[1] / "manual"
NO_PRIVILEGES = ["setpriv", "--bounding-set=-all"]
# Root, too, reads only what the mode allows.
UNPRIVILEGED = NO_PRIVILEGES if os.geteuid() == 0 else []


@pytest.fixture
def cli(node):
    return Cli(node)


def test_what_a_user_types(node, cli):
    """On one daemon, since none of it leaves a trace."""
    check_methods_in_both_spellings_and_arguments_by_the_table(node, cli)
    check_errors_and_exit_codes(node, cli)
    check_completion(cli)
    check_watch_obeys_signals(cli)
    check_what_is_typed_is_not_shown(node, cli)


def check_methods_in_both_spellings_and_arguments_by_the_table(node, cli):
    assert cli("getblockcount") == "0\n"
    assert cli("get-block-count") == "0\n"
    genesis = node.rpc("getbestblockhash")
    assert cli("getbestblockhash") == genesis + "\n"
    by_height, by_hash = cli("getblock", "0"), cli("get-block", genesis)
    assert json.loads(by_height) == json.loads(by_hash) == node.rpc("getblock", 0)
    assert by_height.startswith('{\n  "hash": "' + genesis + '",\n')
    assert cli("getblock", "0", "false") == node.rpc("getblock", 0, False) + "\n"
    assert json.loads(cli("-named", "getblock", "verbosity=1", "blockhash=0")) == node.rpc("getblock", 0)
    assert json.loads(cli("-named", "getblock", "0", "verbosity=1")) == node.rpc("getblock", 0)
    assert cli("-stdin", "getblock", stdin="0\nfalse\n") == node.rpc("getblock", 0, False) + "\n"
    assert cli("getbalance") == "0.00000000\n"
    assert cli("help") == node.rpc("help").rstrip("\n") + "\n"
    assert cli("help", "get-block") == cli("help", "getblock") == node.rpc("help", "getblock").rstrip("\n") + "\n"
    address = node.rpc("getnewaddress")
    assert json.loads(cli("validateaddress", address))["isvalid"] is True


def check_errors_and_exit_codes(node, cli):
    assert cli.fails("getblock", "5") == ("error code: -8\nerror message: " + rpc_message(node, "getblock", 5) + "\n")
    assert re.fullmatch(r"error code: -32601\nerror message: .*getblok.*; did you mean getblock\?\n",
                        cli.fails("getblok"))
    assert cli.fails("sendtoaddress", "nowhere", "1").startswith("error code: -5\nerror message: ")
    assert "inputs: \"5\", expected array" in cli.fails("createrawtransaction", "5", "{}", code=2)
    assert "help createrawtransaction" in cli.fails("createrawtransaction", "[", "{}", code=2)
    assert "no parameter of that name" in cli.fails("-named", "getblock", "height=5", code=2)
    assert "unknown option --rpcwiat, did you mean --rpcwait?" in cli.fails("--rpcwiat", "uptime", code=2)
    assert "expected a level of 0 to 4" in cli.fails("-netinfo", "5", code=2)
    assert cli.fails(code=2).startswith("Usage: time-cli ")
    assert cli("--help").startswith("Usage: time-cli ") and cli("--version").startswith("time-cli ")


def rpc_message(node, method, *params):
    with pytest.raises(Exception) as failed:
        node.rpc(method, *params)
    return str(failed.value).split(": ", 1)[1]


def test_where_the_daemon_is_and_who_may_ask_it(daemons, net, tmp_path):
    node = daemons(net.ip(5), {"rpc": {"user": "alice", "password": "wonder:land"}})
    cli = Cli(node)
    url = ["-r", f"{node.ip}:{RPC_PORT}"]
    config = os.path.join(node.dir, "config.toml")
    assert cli("uptime", options=["--config", config]).strip().isdigit()
    assert cli("uptime", options=[], cwd=node.dir).strip().isdigit()
    assert cli("uptime", options=[*url, "--network=devnet", "--datadir", node.datadir]).strip().isdigit()
    assert cli("uptime", options=[*url, "-rpcuser=alice", "-rpcpassword=wonder:land"]).strip().isdigit()
    assert cli("uptime", options=["-r", f"http://alice:wonder%3Aland@{node.ip}:{RPC_PORT}/"]).strip().isdigit()
    assert cli("-stdin", "getblock", options=[*url, "--rpcuser", "alice", "-stdinrpcpass"],
               stdin="wonder:land\n0\nfalse\n") == node.rpc("getblock", 0, False) + "\n"

    assert "refuses this user and password" in cli.fails("uptime", options=[*url, "-rpcuser=alice", "-rpcpassword=x"])
    assert "a password is needed too" in cli.fails("uptime", options=[*url, "-rpcuser=alice"], code=2)
    wrong = tmp_path / "cookie"
    wrong.write_text("__cookie__:00")
    assert "refuses the cookie" in cli.fails("uptime", options=[*url, "--rpccookiefile", str(wrong)])
    said = cli.fails("uptime", options=[*url, "--datadir", str(tmp_path / "none")])
    assert "timed does not seem to run: there is no cookie " in said and "/none/.cookie\n" in said
    assert "expected http://" in cli.fails("uptime", options=["-r", "ftp://x"], code=2)
    assert "no.toml: cannot be read" in cli.fails("uptime", options=["--config", "/no.toml"], code=2)
    assert "refuses the cookie" in cli.fails("-rpcwait", "uptime", options=[*url, "--rpccookiefile", str(wrong)])
    wrong.chmod(0)
    said = cli.fails("uptime", options=[*url, "--rpccookiefile", str(wrong)], prefix=UNPRIVILEGED)
    assert "Permission denied" in said and "as the user of the daemon" in said

    node.stop()
    said = cli.fails("uptime", options=[*url, "-rpcuser=alice", "-rpcpassword=wonder:land"])
    assert f"timed at {node.ip}:{RPC_PORT} cannot be reached: Connection refused" in said and "Is it running?" in said


def test_which_configuration_is_followed(daemons, net, tmp_path):
    """That of the working directory only when nobody else could have laid it there; that of the machine, or a reason."""
    node = daemons(net.ip(5))
    cli = Cli(node)
    own = pathlib.Path(node.dir) / "config.toml"
    refused = "config.toml of this directory is not followed"
    mode = own.stat().st_mode
    own.chmod(0o666)
    said = cli.fails("uptime", options=[], cwd=node.dir, code=2)
    assert refused in said and "say --config config.toml" in said
    # Not where it does not matter.
    assert cli("uptime", options=["--config", "config.toml"], cwd=node.dir).strip().isdigit()
    assert cli("uptime", cwd=node.dir).strip().isdigit()
    own.chmod(mode)
    assert cli("uptime", options=[], cwd=node.dir).strip().isdigit()
    (tmp_path / "config.toml").symlink_to(own)
    assert cli("uptime", options=[], cwd=tmp_path).strip().isdigit()
    if os.geteuid() == 0:
        os.chown(tmp_path / "config.toml", 12345, 12345, follow_symlinks=False)
        assert refused in cli.fails("uptime", options=[], cwd=tmp_path, code=2)
        os.chown(own, 12345, 12345)
        assert refused in cli.fails("uptime", options=[], cwd=node.dir, code=2)
        os.chown(own, 0, 0)

    system = tmp_path / "etc" / "timed" / "config.toml"
    system.parent.mkdir(parents=True)
    system.write_text(own.read_text())
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"',
              tmp_path / "etc"]
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no namespace of mounts for an /etc of its own")
    assert cli("uptime", options=[], prefix=prefix).strip().isdigit()
    system.chmod(0)
    said = cli.fails("uptime", options=[], prefix=[*prefix, *NO_PRIVILEGES], code=2)
    assert "/etc/timed/config.toml: cannot be read: Permission denied\n" in said and "say --network" in said
    system.parent.chmod(0)
    assert "Permission denied" in cli.fails("uptime", options=[], prefix=[*prefix, *NO_PRIVILEGES], code=2)
    assert cli("uptime", prefix=[*prefix, *NO_PRIVILEGES]).strip().isdigit()
    system.parent.chmod(0o700)


class SpeechlessDaemon:
    """Takes requests and ends each connection, with the next of its answers or without one."""

    def __init__(self, address, answers):
        self._listener = socket.create_server(address)
        self._answers = answers
        self.requests = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            with connection:
                while self._take(connection) and self.requests <= len(self._answers):
                    body = self._answers[self.requests - 1]
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _take(self, connection):
        got = b""
        while not got.endswith((b"}", b"]")):
            got += connection.recv(65536)
            if not got:
                return False
        self.requests += 1
        return True

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@pytest.mark.parametrize("answers", [[], [b'{"id":1,"error":{"code":-28,"message":"not yet"}}']])
def test_rpcwait_sends_nothing_twice_that_may_have_been_done(daemons, net, answers):
    """Neither itself, nor libcurl on a connection that has been used."""
    node = daemons(net.ip(5), start=False)
    daemon = SpeechlessDaemon((node.ip, RPC_PORT), answers)
    try:
        said = Cli(node).fails("-rpcwait", "-rpcwaittimeout", "3", "sendtoaddress", "nowhere", "1",
                               options=["-r", f"http://a:b@{node.ip}:{RPC_PORT}"])
    finally:
        daemon.close()
    assert daemon.requests == len(answers) + 1
    assert f"no answer from timed at {node.ip}:{RPC_PORT}: " in said and "it may have done" in said


@pytest.mark.parametrize("args, answer, said", [
    (["-netinfo"], b'[{"id":0,"result":{}},{"id":3,"error":{"code":-32603,"message":"no peers"}}]',
     "error code: -32603\nerror message: no peers\n"),
    (["watch", "--once"], b'[{"id":0,"result":{}},{"id":3,"error":{"code":-32603,"message":"no peers"}}]',
     "time-cli: no peers\n"),
    (["-getinfo"], b'[{"id":0,"error":{"code":-28,"message":"not yet"}},{"id":1,"result":5}]',
     "error code: -28\nerror message: not yet\n"),
    (["-getinfo"], b'[{"id":0,"error":{"code":-32603,"message":"no memory"}}]',
     "error code: -32603\nerror message: no memory\n"),
], ids=["no peers", "nothing to watch", "it starts", "nothing at all"])
def test_what_matters_is_missing(daemons, net, args, answer, said):
    """Of a batch, part of which is there."""
    node = daemons(net.ip(5), start=False)
    daemon = SpeechlessDaemon((node.ip, RPC_PORT), [answer])
    try:
        assert Cli(node).fails(*args, options=["-r", f"http://a:b@{node.ip}:{RPC_PORT}"]) == said
    finally:
        daemon.close()


def test_rpcwait_before_the_daemon_is_there(daemons, net):
    node = daemons(net.ip(5), start=False)
    cli = Cli(node)
    said = cli.fails("-rpcwait", "-rpcwaittimeout", "0.3", "getblockcount")
    assert "timed does not seem to run" in said
    waiting = cli.spawn("--rpcwait", "getblockcount")
    try:
        node.start()
        out, err = waiting.communicate(timeout=scaled(20))
    finally:
        waiting.kill()
    assert (waiting.returncode, out, err) == (0, "0\n", "")


@pytest.mark.fast
def test_getinfo_and_netinfo(node, cli, net):
    peer = node.raw_peer(net.ip(9), genesis=node.genesis())
    peer.send(wire.handshake(network=peer.network))
    peer.send(wire.version(peer.node_id, peer.network, version="evil\033[2J\x07\u202e!"))
    peer.expect("Ack")
    peer.ping()
    node.wait_peer(net.ip(9))
    node.dial_in(net.ip(8))

    said = cli("-getinfo")
    assert re.search(r"^Daemon +.* at " + re.escape(f"{node.ip}:{RPC_PORT}") + r", up \d+s$", said, re.MULTILINE)
    assert re.search(r"^Height +0, ", said, re.MULTILINE)
    assert re.search(r"^Peers +2 \(2 in, 0 out\)$", said, re.MULTILINE)
    assert re.search(r"^Balance +0.00000000 TIME$", said, re.MULTILINE)

    counts = cli("-netinfo")
    assert re.search(r"^in +2 +2 +0 +0 +0$", counts, re.MULTILINE)
    assert re.search(r"^total +2 +2 +0 +0 +0$", counts, re.MULTILINE)
    assert "min ms" not in counts
    tables = [cli("-netinfo", str(level)) for level in range(1, 5)]
    for level, table in enumerate(tables, 1):
        assert (net.ip(8) in table) == (level in (2, 4))
        assert ("evil?[2J??!" in table) == (level >= 3), table
        assert not re.search("[^\n -~]", table)
        assert sum(line.startswith("in ") for line in table.splitlines()) == 3
    assert "missed" in tables[3] and "missed" not in tables[2]
    assert "\033" not in cli("getpeerinfo") and "\u202e" not in cli("getpeerinfo")


def test_watch_in_a_terminal(node, cli, net):
    node.dial_in(net.ip(8))
    seen = cli.terminal("watch")
    try:
        text = seen.wait(lambda text: net.ip(8) in text, "the peer")
        assert "q quits" in text
        for number in (10, 11, 12):
            node.dial_in(net.ip(number))
        seen.resize(120, 8)
        seen.wait(lambda text: "arrows scroll: 1 to 2 of 4" in text, "that there is more than fits")
        seen.press("\033[B")
        seen.wait(lambda text: "arrows scroll: 2 to 3 of 4" in text, "the next row")
        seen.press("\033[6~")
        seen.wait(lambda text: "arrows scroll: 3 to 4 of 4" in text, "the last rows")
        seen.press("\033[5~")
        seen.resize(40, 8)
        seen.wait(lambda text: "q quits" in text and "address" not in text, "the small screen")
        assert seen.screen.display[0].startswith("/timed:")
        seen.resize(120, 20)
        seen.wait(lambda text: net.ip(8) in text, "the large screen")
        seen.press("1")
        seen.wait(lambda text: "min ms" in text and net.ip(8) not in text, "level 1")
        seen.press("0")
        seen.wait(lambda text: "ipv6" in text and "min ms" not in text, "level 0")
        seen.press("2")

        node.stop()
        seen.wait(lambda text: "no news for" in text and "timed does not seem to run" in text and net.ip(8) in text, "that the node is away")
        node.start()
        seen.wait(lambda text: "no news" not in text and "peers 0 (0 in" in text, "the node that is back")
        node.dial_in(net.ip(9))
        seen.wait(lambda text: net.ip(9) in text, "the new peer")

        # A node that hangs: the keys work, and it is said.
        node.pause()
        seen.wait(lambda text: "the daemon does not answer" in text, "that the node hangs")
        seen.press("q")
        assert seen.end() == 0
        assert seen.restored()
    finally:
        node.resume()
        seen.close()
    node.stop()
    check_watch_of_nobody(cli)


def check_watch_of_nobody(cli):
    """A node that was never there: it can be quit in every way."""
    away = "timed does not seem to run"
    for quits in (lambda seen: seen.press("q"), lambda seen: os.kill(seen.pid, signal.SIGTERM)):
        seen = cli.terminal("watch")
        try:
            seen.wait(lambda text: away in text, "that no node is there")
            quits(seen)
            assert seen.end() == 0
            assert seen.restored()
        finally:
            seen.close()
    running = cli.spawn("watch", "--interval", "0.1")
    try:
        for _ in range(3):
            assert away in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(scaled(10)) == 1
    finally:
        running.kill()
        running.communicate()


def check_watch_obeys_signals(cli):
    for key in ("\x03", None):
        # Nothing but signals and keys makes it draw again.
        seen = cli.terminal("watch", "0", "--interval", "1000")
        try:
            seen.wait(lambda text: "masternodes" in text, "the table")
            seen.resize(30, 8)
            seen.wait(lambda text: "ipv4" in text and "manual" not in text, "the narrow screen")
            os.kill(seen.pid, signal.SIGTSTP)
            os.waitpid(seen.pid, os.WUNTRACED)
            seen.drain()
            assert seen.restored()
            os.kill(seen.pid, signal.SIGCONT)
            seen.wait(lambda text: not seen.restored(), "that it goes on")
            if key:
                seen.press(key)
            else:
                os.kill(seen.pid, signal.SIGTERM)
            assert seen.end() == 0
            assert seen.restored()
        finally:
            seen.close()


def check_what_is_typed_is_not_shown(node, cli):
    seen = cli.terminal("-stdin", "getblock")
    try:
        seen.wait(lambda text: "Ctrl-D ends>" in text, "the prompt")
        seen.press("0\nfalse\n\x04")
        assert seen.end() == 0
        assert "false" not in seen.text() and node.rpc("getblock", 0, False)[:80] in seen.text().replace("\n", "")
    finally:
        seen.close()
    seen = cli.terminal("-rpcuser=alice", "-stdinrpcpass", "uptime")
    try:
        seen.wait(lambda text: "RPC password>" in text, "the prompt")
        assert not seen.echoes()
        seen.press("\x03")
        assert seen.end() == -signal.SIGINT
        assert seen.echoes()
    finally:
        seen.close()


def test_watch_without_a_terminal(node, cli):
    once = cli("watch", "--once")
    assert "\033" not in once and re.search(r"^total +0 ", once, re.MULTILINE)
    running = cli.spawn("watch", "--interval", "0.1", "1")
    try:
        totals = 0
        while totals < 3:
            line = running.stdout.readline()
            assert line and "\033" not in line
            totals += line.startswith("total")
        running.send_signal(signal.SIGINT)
        assert running.wait(scaled(10)) == 0
    finally:
        running.kill()
        running.communicate()
    node.stop()
    assert "timed does not seem to run" in cli.fails("watch", "--once")


def complete(*words, program="time-cli"):
    """What bash offers for the last of the words."""
    script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_${1//-/_}" 2>/dev/null; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", str(COMPLETIONS / program), program, *words],
                          capture_output=True, text=True, check=True, timeout=scaled(10))
    return done.stdout.split()


def check_completion(cli):
    methods = re.findall(r"^([a-z]+)", cli("help"), re.MULTILINE)
    assert set(methods) == set(complete("")) - {"watch"}
    assert complete("getblockcou") == complete("get-block-cou") == ["getblockcount"]
    assert complete("-netin") == ["--netinfo"] and complete("--netin") == ["--netinfo"]
    assert complete("-netinfo", "") == list("01234") == complete("watch", "")
    assert complete("--network", "d") == ["devnet"] == complete("--network", "=", "d")
    assert complete("--datadir", "/x", "upti") == ["uptime"]
    assert complete("getrawtransaction", "00", "") == ["true", "false"]
    assert "getblock" in complete("help", "get-bl")
    assert complete("--reind", program="timed") == ["--reindex"]
    assert complete("--network", "m", program="timed") == ["mainnet"]
    assert complete("wal", program="timed-inspect") == ["wallet"]
