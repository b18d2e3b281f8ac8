# SPDX-License-Identifier: MIT
"""/metrics, /health and what the status page reads, of nodes that make blocks and move money."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

from harness import web
from harness.cli import Cli
from harness.net import listening, paced_ms, scaled, wait_until
from harness.rpc import RPC_WARMING_UP, RpcError
from harness.service import StoppedThread

ROOT = pathlib.Path(__file__).parents[2]
POLICY = ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"]


def health(node, **more):
    status, headers, body = web.get(node, "/health", **more)
    verdict = json.loads(body)
    assert headers["Content-Type"] == "application/json" and (status == 200) == verdict["healthy"]
    return status, {finding["code"] for finding in verdict["findings"] if finding["failure"]}, verdict


def test_a_network_at_work(validators):
    """Metrics of what has happened, a healthy verdict, the page's JSON; who may read what, and on which listener."""
    with validators(3, start=False, config={"metrics": {"enabled": True, "prometheus_port": 9091}}) as net:
        node, public = net.nodes[:2]
        node.config["metrics"]["listen_address"] = node.ip
        public.config["metrics"]["enabled"] = False
        public.config["rpc"]["public_status"] = True
        net.nodes[2].config["metrics"]["listen_address"] = net.nodes[2].ip
        net.start()
        net.wait_height(2)
        before = web.metrics(node)
        wait_until(lambda: node.rpc("getbalance") > 1, 20, "there is money")
        node.rpc("sendtoaddress", public.rpc("getnewaddress"), 1)
        wait_until(lambda: web.metrics(node)["timed_finality_seconds_count"] >= 1, 10, "it is final")
        wait_until(lambda: node.height() >= max(4, before["timed_height"] + 2), 10, "blocks go on")
        now = web.metrics(node)
        check_values(before, now)
        check_health(node)
        check_status(node, public)
        check_listener(node)
        check_access(node, public)
        # The others go: nobody is left to talk to, and then nobody makes blocks.
        net.nodes[2].stop(timeout=10)
        public.stop(timeout=10)
        wait_until(lambda: "no-peers" in health(node)[1], 10, "no peers")
        assert web.metrics(node)['timed_warning{code="no-peers"}'] == 1
        assert any(line.startswith("no-peers: ") for line in node.rpc("getblockchaininfo")["warnings"])
        assert any(line.startswith("no-peers: ") for line in node.rpc("getnetworkinfo")["warnings"])
        assert web.metrics(node)['timed_connections_closed_total{reason="eof"}'] >= 2


def check_values(before, now):
    """They move with what happens."""
    assert now["timed_up"] == 1 and now["timed_healthy"] == 1
    assert now["timed_height"] >= before["timed_height"] + 2 and now["timed_tip_age_seconds"] < 30
    assert now["timed_consensus_final_height"] >= 3 and now["timed_consensus_validators"] == 3
    assert now['timed_peers{direction="inbound"}'] + now['timed_peers{direction="outbound"}'] == 2
    assert now['timed_masternodes{state="active"}'] == 3 and now['timed_masternodes{state="inactive"}'] == 0
    assert now['timed_mempool_events_total{event="added"}'] >= 1
    assert now["timed_ping_rtt_seconds_count"] >= 2
    assert now["timed_rpc_calls_total"] > before["timed_rpc_calls_total"]
    assert now["timed_blocks_connected_total"] > before["timed_blocks_connected_total"]
    assert now["timed_block_connect_seconds_count"] == \
        now["timed_blocks_connected_total"] + now["timed_sync_blocks_total"]
    assert 0 < now["timed_block_connect_seconds_sum"] < now["timed_uptime_seconds"]
    for kind in ("Ping", "Pong"):
        for name in ("send", "receive"):
            assert now[f'timed_message_{name}_total{{type="{kind}"}}'] > 0
            assert now[f'timed_message_{name}_bytes_total{{type="{kind}"}}'] > 50
    assert set(before) == set(now), "a series comes or goes"
    for name in before:
        if re.search(r"_total($|\{)|_bucket|_count", name):
            assert now[name] >= before[name], f"{name} fell"
    assert 0 < now["timed_process_open_fds"] < now["timed_process_max_fds"]
    assert now["timed_disk_free_bytes"] > 0 and now["timed_rocksdb_memtable_bytes"] > 0


@pytest.mark.fast
def test_while_the_node_starts(daemons, net):
    """The RPC answers from the beginning, with the step that the start has come to; nothing runs before its end."""
    node = daemons(net.ip(5), {"metrics": {"enabled": True, "listen_address": net.ip(5), "prometheus_port": 9091}},
                   start=False)
    pool = os.path.join(node.datadir, "pool.dat")
    os.mkfifo(pool)  # to open it waits for somebody who writes
    node.spawn()
    step = "Loading pool and wallet"

    def refusal():
        try:
            node.rpc("getblockcount")
        except RpcError as error:
            return error.code == RPC_WARMING_UP and str(error).endswith(step)
        except OSError:
            return False
        raise AssertionError("an answer before the node is ready")
    wait_until(refusal, 10, node.tail)
    assert json.loads(web.get(node, "/health")[2]) == {"healthy": False, "starting": step}
    for port, path in ((None, "/health"), (None, "/metrics"), (9091, "/metrics"), (9091, "/health")):
        status, _, body = web.get(node, path, port=port)
        assert status == 503 and step in body, path
    status, _, body = web.get(node, "/status.json", **node.rpc_credentials())
    assert status == 503 and json.loads(body)["starting"] == step
    cli = Cli(node)
    assert "error code: -28" in cli.fails("stop")
    assert "error code: -28" in cli.fails("-getinfo")
    waiting = cli.spawn("-rpcwait", "getblockcount")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.3)
    os.close(os.open(pool, os.O_WRONLY))
    wait_until(node.ready, 10, node.tail)
    assert waiting.communicate(timeout=10) == ("0\n", "")
    assert web.get(node, "/metrics")[0] == web.get(node, "/metrics", port=9091)[0] == 200


def check_health(node):
    status, failures, verdict = health(node)
    assert status == 200 and not failures and verdict["peers"] == 2 and verdict["height"] >= 4


def check_status(node, public):
    """Everybody may read it with rpc.public_status only."""
    assert web.get(node, "/status.json")[0] == 401
    status, _, body = web.get(node, "/status.json", **node.rpc_credentials())
    assert status == 200
    shown = json.loads(body)
    assert shown["name"] == f"test {node.ip}" and shown["network"] == "devnet" and shown["healthy"]
    assert len(shown["peers"]["list"]) == 2 and shown["masternodes"]["active"] == 3
    assert shown["peers"]["list"][0]["pings"] and all(0 < p < 5000 for p in shown["peers"]["list"][0]["pings"])
    newest = shown["blocks"][0]
    assert newest["height"] == shown["height"] and newest["certified"] and newest["signatures"] >= 3
    assert newest["hash"] == node.rpc("getblockhash", newest["height"])
    assert 0 <= newest["delay_ms"] < 30000
    assert [block["height"] for block in shown["blocks"]] == list(range(newest["height"], newest["height"] - len(shown["blocks"]), -1))
    assert web.get(public, "/status.json")[0] == 200


def check_listener(node):
    """The listener of [metrics] has these two and nothing else."""
    assert web.metrics(node, port=9091)["timed_up"] == 1
    assert health(node, port=9091)[0] == 200
    credentials = node.rpc_credentials()
    for path in ("/", "/status.json", "/metrics/", "/favicon.ico"):
        assert web.get(node, path, port=9091, **credentials)[0] == 404
    assert web.get(node, "/", method="POST", port=9091, **credentials)[0] == 404
    status, headers, _ = web.get(node, "/metrics", method="POST", port=9091, **credentials)
    assert status == 405 and headers["Allow"] == "GET, HEAD"


def check_access(node, public):
    """The page has its policy; foreign names and pages get nothing; a login that fails is one everywhere."""
    status, headers, body = web.get(node, "/")
    assert status == 401 and headers["WWW-Authenticate"] == 'Basic realm="timed"' and "<" not in body
    assert "WWW-Authenticate" not in web.get(node, "/status.json", X_Timed_Page="1")[1]
    status, headers, page = web.get(node, "/", **node.rpc_credentials())
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8" and "status.json" in page
    assert all(part in headers["Content-Security-Policy"] for part in POLICY)
    assert "unsafe" not in headers["Content-Security-Policy"] and headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r'(src|href)="(?!data:,")|\son[a-z]+=|style="', page), "something from outside, or inline"
    assert web.get(public, "/")[0] == 200
    status, headers, body = web.get(node, "/health", method="HEAD")
    assert status == 200 and body == "" and int(headers["Content-Length"]) > 0
    for path in ("/metrics", "/health", "/", "/status.json"):
        assert web.get(node, path, Host="evil.example")[0] == 403
        assert web.get(node, path, Origin="http://evil.example")[0] == 403
    assert web.get(node, "/", method="PUT")[1]["Allow"] == "GET, HEAD, POST"
    refused = web.metrics(node)["timed_rpc_refused_logins_total"]
    assert web.get(node, "/status.json", Authorization="Basic eDp5")[0] == 401
    assert web.metrics(node)["timed_rpc_refused_logins_total"] == refused + 1


@pytest.mark.fast
def test_reasons(node, net):
    """A node alone with an old chain; and each metric that dashboard and alerts name exists."""
    status, failures, verdict = health(node)
    assert status == 503 and failures == {"no-peers", "tip-old"} and verdict["peers"] == 0
    values = web.metrics(node)
    assert values["timed_healthy"] == 0 and values['timed_warning{code="tip-old"}'] == 1
    assert values['timed_peers{direction="inbound"}'] == 0, "zero rather than absent"
    node.rpc("setnetworkactive", False)
    assert "network-off" in {finding["code"] for finding in health(node)[2]["findings"]}

    names = {name.split("{")[0] for name in values}
    for file in ("deploy/prometheus/timed.rules.yml", "deploy/grafana/timed.json"):
        used = set(re.findall(r"timed_[a-z0-9_]+", (ROOT / file).read_text(encoding="utf-8")))
        assert len(used) > 20 and used <= names, f"{file}: {used - names}"
    board = json.loads((ROOT / "deploy/grafana/timed.json").read_text(encoding="utf-8"))
    assert all(target["expr"] for panel in board["panels"] for target in panel.get("targets", []))


def test_promtool_takes_it(node):
    """The text of /metrics, and the configuration that comes with us."""
    promtool = os.environ.get("TIMED_PROMTOOL") or shutil.which("promtool")
    if not promtool:
        pytest.skip("no promtool: set TIMED_PROMTOOL")
    text = web.get(node, "/metrics")[2]
    for command, given in ((["check", "metrics"], text),
                           (["check", "config", str(ROOT / "deploy/prometheus/prometheus.yml")], None)):
        done = subprocess.run([promtool, *command], input=given, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0 and not (given and done.stderr), done.stdout + done.stderr


def test_a_thread_that_hangs(daemons, net):
    """The watchdog's verdict is a reason of its own, and says which thread it is."""
    node = daemons(net.ip(5), {"timers": {"thread_stall_ms": paced_ms(2000)}})
    with StoppedThread(node.pid, "chain"):
        wait_until(lambda: "chain-stuck" in health(node)[1], 15, "it is found")
        values = web.metrics(node)
        assert values['timed_warning{code="chain-stuck"}'] == 1
        assert values['timed_thread_silent_seconds{thread="chain"}'] >= 2
        assert values['timed_thread_silent_seconds{thread="keeper"}'] < 2
    wait_until(lambda: "chain-stuck" not in health(node)[1], 15, "it goes on")


def test_metrics_without_rpc(daemons, net):
    """Its listener stands alone when there is no RPC."""
    ip = net.ip(5)
    node = daemons(ip, {"rpc": {"enabled": False}, "metrics": {"enabled": True, "listen_address": ip, "prometheus_port": 9091}},
                   start=False)
    node.spawn()
    wait_until(lambda: node.log_lines("Listening on "), 20, "it runs")
    assert web.metrics(node, port=9091)["timed_up"] == 1
    assert (node.config["network"]["listen_address"], node.config["rpc"]["port"]) not in listening(node.pid)
    # Nobody takes it from the others, nor is it a place to try passwords at.
    asked = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection((ip, 9091), scaled(20))).sendall(asked)
        begin = time.monotonic()
        assert web.metrics(node, port=9091)["timed_rpc_refused_logins_total"] == 0
        assert time.monotonic() - begin < scaled(2)
    begin = time.monotonic()
    guess = {"Authorization": "Basic eDp5", "Content_Length": str(5 << 20)}
    assert web.get(node, "/health", port=9091, **guess)[0] == 401 and time.monotonic() - begin > 0.2
    assert web.metrics(node, port=9091)["timed_rpc_refused_logins_total"] == 1


def test_a_tip_that_gets_old(daemons, net):
    """Within the age that is configured the genesis block is current; then it is not."""
    genesis = int(time.time())
    node = daemons(net.ip(5), {"devnet": {"genesis_timestamp": genesis}, "metrics": {"tip_max_age_seconds": 3}})
    node.dial_in(net.ip(3))
    wait_until(lambda: health(node)[2]["peers"] == 1, 5, "a peer")
    assert health(node)[0] == 200 or time.time() - genesis >= 3
    wait_until(lambda: health(node)[1] == {"tip-old"}, 10, "the tip is old")
    assert time.time() - genesis >= 3


ASK = """
import http.client, sys
for address in sys.argv[1:]:
    for port, path in ((24201, "/metrics"), (24201, "/health"), (9091, "/metrics"), (9091, "/health"), (9091, "/")):
        connection = http.client.HTTPConnection(address, port, timeout=10)
        connection.request("GET", path, headers={"Host": "node.example"} if port == 9091 else {})
        print(connection.getresponse().status, end=" ")
"""


@pytest.mark.root
def test_who_asks_from_another_machine(daemons):
    """Without a password only this machine reads from the RPC's port; the listener of [metrics] is for everybody."""
    network = 'ip link set lo up && ip addr add 10.99.8.7/32 dev lo && exec "$@"'
    node = daemons("127.0.0.1", {"rpc": {"listen_address": "0.0.0.0", "user": "me", "password": "secret"},
                                 "metrics": {"enabled": True, "listen_address": "0.0.0.0", "prometheus_port": 9091}},
                   prefix=("unshare", "--net", "--", "sh", "-c", network, "sh"), start=False)
    node.spawn()
    wait_until(lambda: node.log_lines("Listening on "), 20, "it runs")
    inside = ["nsenter", f"--net=/proc/{node.pid}/ns/net", sys.executable, "-c", ASK, "127.0.0.1", "10.99.8.7"]
    answers = subprocess.run(inside, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    assert answers[:5] == ["200", "503", "200", "503", "404"], "from 127.0.0.1"
    assert answers[5:] == ["401", "401", "200", "503", "404"], "from elsewhere"


@pytest.mark.root
def test_a_disk_that_fills(daemons, net, tmp_path):
    """A small file system under the data directory is seen before it is full."""
    disk = tmp_path / f"timed-{net.ip(5)}" / "data"
    disk.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(disk)], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        node = daemons(net.ip(5))
        status, failures, verdict = health(node)
        assert status == 503 and "disk-nearly-full" in failures
        assert any("MiB are free" in finding["text"] for finding in verdict["findings"])
        node.stop(timeout=10)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
