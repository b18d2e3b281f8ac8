# SPDX-License-Identifier: MIT
"""RPC recordwire, and what `timed-inspect replay` makes of its files."""
import json
import os
import pathlib
import stat
import subprocess
import time
from collections import Counter

import pytest

from harness import wire
from harness.daemon import INSPECT
from harness.net import scaled, wait_until
from harness.rpc import RpcError


def refused(node, code, *params):
    with pytest.raises(RpcError) as error:
        node.rpc("recordwire", *params)
    assert error.value.code == code, f"recordwire {params}: {error.value}"
    return str(error.value)


def entries(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="ascii").splitlines()]


def lines(found, side):
    return [entry["line"] if "line" in entry else bytes.fromhex(entry["hex"]) for entry in found
            if entry.get("from") == side]


def names(found, side):
    return [next(iter(json.loads(line)), None) if line.startswith("{") else line.strip('"')
            for line in lines(found, side)]


def replay(*args, code=0):
    """What `timed-inspect replay` prints, and what it says at its end."""
    done = subprocess.run([INSPECT, "replay", *map(str, args)], capture_output=True, text=True, timeout=scaled(30),
                          check=False)
    assert done.returncode == code, f"ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout.splitlines(), done.stderr


@pytest.fixture
def recorded(node, net):
    """(file, entries) of a peer that was recorded from its first byte to its last, twice."""
    answer = node.rpc("recordwire", net.ip(3), "on")
    for _ in range(2):
        peer = node.dial_in(net.ip(3))
        peer.send({"GetBlockHash": 0}, "GetPeers")
        peer.send_raw(b'{"Pi')
        peer.send_raw(b'ng":{"nonce":77,"timestamp":1}}\n')
        peer.expect_pong(77)
        peer.send_raw(b'"Nonsense \xff"\n')
        peer.ping()
        mark = node.mark()
        peer.close()
        node.wait_ended(net.ip(3), "eof", mark)
    off = node.rpc("recordwire", net.ip(3), "off")
    assert off["file"] == answer["file"]
    return off, entries(off["file"])


@pytest.mark.fast
def test_what_was_recorded_is_played_again(node, net, daemons, recorded):
    """The file has both connections, both directions, each line as it was, in order, and is for nobody else to read.
    Another node sees what the first one saw, and says the same to it."""
    off, found = recorded
    check_recording(node, net, off, found)
    other = daemons(net.ip(6))
    answer = other.rpc("recordwire", net.ip(9), "on")
    said, summary = replay("--fast", "--source", net.ip(9), off["file"], net.ip(6))
    assert summary.startswith("connections: 2, ")
    other.wait_log(rf"Message loop ended for {net.ip(9)}", count=2)
    again = entries(other.rpc("recordwire", net.ip(9), "off")["file"])
    assert answer["file"] != off["file"]
    played = [line for line in lines(found, "peer") if isinstance(line, bytes) or "Pong" not in line]
    assert [line for line in lines(again, "peer") if line in played] == played
    # What the node said up to the last pong is what was printed, and it is what the first node had said.
    assert Counter(said) <= Counter(lines(again, "us")) and len(said) >= len(lines(again, "us")) - 4
    for name in ("Ack", "Version", "BlockHashResponse", "PeersResponse"):
        assert names(again, "us").count(name) == names(found, "us").count(name) == 2
        assert sum(name in line for line in said) == 2
    assert not other.violations(net.ip(9)) and not node.violations(net.ip(3))

    connections = sorted({entry["connection"] for entry in found if "connection" in entry})
    said, summary = replay("--source", net.ip(9), "--connection", connections[1], off["file"], net.ip(6))
    assert summary.startswith("connections: 1, ") and any("PeersResponse" in line for line in said)


def check_recording(node, net, off, found):
    assert off["file"].startswith(os.path.join(node.datadir, "recordings", net.ip(3)))
    assert stat.S_IMODE(os.stat(off["file"]).st_mode) == 0o600
    assert (off["reason"], off["lost_bytes"], off["recording"]) == ("stopped", 0, False)
    assert off["bytes"] == os.stat(off["file"]).st_size
    assert off["lines"] == len([entry for entry in found if "from" in entry])
    assert found[0]["recording"] == 1 and found[0]["network"] == "devnet" and found[0]["peer"] == net.ip(3)
    assert found[-1]["event"] == "end" and found[-1]["reason"] == "stopped"
    times = [entry["time_us"] for entry in found]
    assert times == sorted(times)
    events = [entry["event"] for entry in found if "event" in entry]
    assert events == ["open", "close", "open", "close", "end"]
    assert [entry["reason"] for entry in found if entry.get("event") == "close"] == ["eof", "eof"]
    first, second = sorted({entry["connection"] for entry in found if "connection" in entry})
    for connection in (first, second):
        ours = [entry for entry in found if entry.get("connection") == connection]
        sent = lines(ours, "peer")
        assert sent[0] == wire.encode(wire.handshake())[:-1].decode()
        assert '{"Ping":{"nonce":77,"timestamp":1}}' in sent and b'"Nonsense \xff"' in sent
        said = names(ours, "us")
        assert said[:2] == ["Ack", "Version"] and "PeersResponse" in said and "Pong" in said
        assert not [entry for entry in ours if "incomplete" in entry]


@pytest.mark.fast
def test_recordwire_of_a_connection_that_is_there(node, net):
    """It begins at a line, and goes on until the daemon stops; errors; bounds."""
    refused(node, -30, "x", "on")
    refused(node, -8, net.ip(3), "maybe")
    refused(node, -1, net.ip(3), "off")
    refused(node, -8, net.ip(3), "on", 0)
    peer = node.dial_in(net.ip(3))
    other = node.dial_in(net.ip(4))
    peer.send_raw(b'{"Ping":{"nonce":5,')          # within a line when the recording begins
    other.ping()
    wait_until(lambda: node.peer(net.ip(3))["bytesrecv"] > sum(node.peer(net.ip(3))["bytesrecv_per_msg"].values()), 5,
               "half a line is in")
    path = node.rpc("recordwire", net.ip(3), "on")["file"]
    assert path in refused(node, -1, net.ip(3), "on")
    peer.send_raw(b'"timestamp":1}}\n')
    peer.expect_pong(5)
    peer.ping()
    other.ping()
    small = node.rpc("recordwire", net.ip(4), "on", 1)
    assert small["max_bytes"] == 1000000
    mark = node.mark()
    for _ in range(12):
        other.send_raw(wire.padded_ping(100000))
        other.ping()
    node.wait_log(r"Recording to .* has ended \(full\)", mark)
    off = node.rpc("recordwire", net.ip(4), "off")
    assert off["reason"] == "full" and 800000 < off["bytes"] <= 1000000
    assert entries(off["file"])[-1]["reason"] == "full"
    refused(node, -1, net.ip(4), "off")
    node.stop()
    found = entries(path)
    assert found[1]["event"] == "joined" and found[1]["addr"].startswith(net.ip(3) + ":")
    assert names(found, "peer")[:1] == ["Ping"] and "Pong" in names(found, "us")
    assert not [line for line in lines(found, "peer") if "nonce\":5," in line or line.startswith('"timestamp')]
    assert [entry["reason"] for entry in found if entry.get("event") in ("close", "end")] == ["shutdown", "stopped"]


def test_replay_where_the_peer_was_dialled(node, net, listen, genesis, daemons):
    """A handshake is made where the recording has none; raw adds nothing, and the node refuses that."""
    listener = listen(net.ip(8), genesis=genesis)
    node.rpc("recordwire", net.ip(8), "on")
    node.rpc("addnode", net.ip(8), "onetry")
    peer = listener.accept_ready()
    peer.send({"GetBlockHash": 0})
    peer.ping()
    peer.close()
    node.wait_ended(net.ip(8), "eof")
    path = node.rpc("recordwire", net.ip(8), "off")["file"]
    sent = names(entries(path), "peer")
    assert entries(path)[1]["direction"] == "outbound" and "Ack" in sent and "Handshake" not in sent
    other = daemons(net.ip(6))
    said, summary = replay("--fast", "--source", net.ip(9), path, net.ip(6))
    assert any("BlockHashResponse" in line for line in said) and summary.startswith("connections: 1, ")
    _, summary = replay("--raw", "--fast", "--wait", 5, "--source", net.ip(9), path, net.ip(6), code=1)
    assert "the node closed the connection" in summary
    other.wait_log(rf"Rejecting {net.ip(9)} - first message is not a handshake")
    other.stop()
    _, summary = replay(path, net.ip(6), code=1)
    assert "Connection refused" in summary


def test_replay_keeps_the_pace(node, net, tmp_path):
    """A second between two lines is a second, and with --fast it is none; the node's pings are answered meanwhile."""
    path = tmp_path / "recording"
    hello = [wire.handshake(), wire.version(), {"GetBlockHash": 0}]
    head = {"recording": 1, "network": "devnet", "peer": "10.0.0.1", "time_us": 0}
    path.write_text("".join(json.dumps(entry) + "\n" for entry in [head] + [
        {"time_us": 1000000 + 500000 * number, "connection": 1, "from": "peer", "line": wire.encode(line)[:-1].decode()}
        for number, line in enumerate(hello)]), encoding="ascii")
    begin = time.monotonic()
    said, _ = replay("--source", net.ip(9), path, net.ip(5))
    assert time.monotonic() - begin >= 1.0
    pings = [json.loads(line)["Ping"]["nonce"] for line in said if line.startswith('{"Ping"')]
    assert pings and all(node.log_lines(rf"Received pong from {net.ip(9)} \(nonce: {nonce}") for nonce in pings)
    fast = time.monotonic()
    replay("--fast", "--source", net.ip(9), path, net.ip(5))
    assert time.monotonic() - fast < 0.9


def test_replay_refuses_what_it_cannot_play(tmp_path):
    """Files that are none, and wrong usage."""
    empty = tmp_path / "empty"
    empty.write_text("", encoding="ascii")
    head = '{"recording":1,"network":"devnet","peer":"10.0.0.1","time_us":1}\n'
    for text, what in (("", "it is no recording"), ("x\n", "line 1"), ("{}\n", "it is no recording"),
                       ('{"recording":2,"network":"devnet"}\n', "version 2"), ('{"recording":1}\n', "which network"),
                       (head + "x\n", "line 2"), (head + '{"from":"peer","line":"x"}\n', "line 2"),
                       (head + '{"time_us":1,"connection":1,"from":"peer","hex":"0"}\n', "line 2"),
                       (head + '{"time_us":1,"connection":1,"from":"us","line":"x"}\n', "no line of the peer")):
        empty.write_text(text, encoding="ascii")
        assert what in replay(empty, "127.0.0.1:1", code=1)[1]
    assert "No such file" in replay(tmp_path / "nothing", "127.0.0.1:1", code=1)[1]
    empty.write_text(head, encoding="ascii")
    for args in ([empty], [empty, "host"], ["--wait", "0", empty, "127.0.0.1"], ["--connection=x", empty, "127.0.0.1"],
                 ["--source", "1.2.3.4:5", empty, "127.0.0.1"], ["--slow", empty, "127.0.0.1"]):
        replay(*args, code=2)
