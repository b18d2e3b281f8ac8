# SPDX-License-Identifier: MIT
"""What a hostile or broken client of the RPC does: adversarial 59, over real sockets against one daemon."""
import contextlib
import json
import select
import socket
import time

import pytest

from harness.net import RPC_PORT, scaled, wait_until

MIB = 1 << 20
WRONG = {"Authorization": "Basic dXNlcjp3cm9uZw=="}
CALL = {"jsonrpc": "2.0", "id": 7, "method": "uptime"}
VALUES = [None, True, 0, -1, 2**63 - 1, 2**64, 1e400, 0.1, "", "x",
          "\x1b[31m\r\n", "x" * 10000, [], [[]] * 50, {}, {"a": [{}]}]


@pytest.fixture
def node(daemons, net):
    """Its limit of requests per second is for one test of another kind."""
    return daemons(net.ip(5), {"security": {"max_requests_per_second": 1000000}})


class Client:
    """A connection on which bytes are sent as they are."""

    def __init__(self, node):
        self.sock = socket.create_connection((node.ip, RPC_PORT), scaled(20))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def head(self, headers, length=0, verb="POST", path="/"):
        headers = {"Host": "localhost", "Content-Length": length, **headers}
        lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def send(self, headers, body=b"", verb="POST", path="/"):
        self.sock.sendall(self.head(headers, len(body), verb, path) + body)
        return self

    def answer(self):
        """(status, body)"""
        with self.sock.makefile("rb") as file:
            status = int(file.readline().split()[1])
            length = 0
            for line in iter(file.readline, b"\r\n"):
                name, value = line.decode().split(":", 1)
                if name.lower() == "content-length":
                    length = int(value)
            return status, file.read(length)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(node, request, headers=None, **more):
    """(status, body) of one request on a connection of its own."""
    with Client(node) as client:
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        return client.send(node.rpc_credentials() if headers is None else headers, body, **more).answer()


def code(node, request):
    """The code of a JSON-RPC error, None for an answer."""
    status, body = ask(node, request)
    assert status == 200
    return json.loads(body).get("error", {}).get("code")


def test_adversarial_59_passwords_verbs_and_paths(node):
    """Nobody gets in; who fails waits, and nobody else does; the log has the attempts."""
    assert ask(node, CALL, headers={})[0] == 401
    with contextlib.ExitStack() as stack:
        wrong = [stack.enter_context(Client(node)) for _ in range(12)]
        begin = time.monotonic()
        for client in wrong:
            client.send(WRONG, json.dumps(CALL).encode())
        for _ in range(9):
            assert code(node, CALL) is None
        answered, _, _ = select.select([client.sock for client in wrong], [], [], 0)
        assert len(answered) < len(wrong)   # of three threads one has four of them, which it answers in a second
        assert all(client.answer()[0] == 401 for client in wrong) and time.monotonic() - begin > 0.9
    with Client(node) as wrong:             # what it asks for makes no difference
        begin = time.monotonic()
        wrong.sock.sendall(wrong.head(WRONG, 5 * MIB))
        assert wrong.answer()[0] == 401 and time.monotonic() - begin > 0.2
    wait_until(lambda: "RPC login with wrong credentials from 127." in node.log(), 5, "the attempt is in the log")
    cookie = node.rpc_credentials()["Authorization"]
    for header in (cookie[:-5], cookie + "QQ==", cookie.replace("Basic", "Bearer"), "Basic ", "Basic !", "x" * 5000):
        assert ask(node, CALL, headers={"Authorization": header})[0] == 401
    for verb, path, status in (("PUT", "/", 405), ("DELETE", "/", 405), ("POST", "/nosuch", 404), ("POST", "//", 404)):
        assert ask(node, CALL, verb=verb, path=path)[0] == status
    for origin in ("http://evil.example", "null"):
        assert ask(node, CALL, headers={**node.rpc_credentials(), "Origin": origin})[0] == 403
    assert ask(node, CALL, headers={**node.rpc_credentials(), "Host": "evil.example"})[0] == 403
    assert code(node, CALL) is None


def test_adversarial_59_bodies(node, net):
    """In single bytes, 100 MB with and without a password, not JSON, too deep."""
    body = json.dumps(CALL).encode()
    with Client(node) as client:
        for byte in client.head(node.rpc_credentials(), len(body)) + body:
            client.sock.sendall(bytes([byte]))
        assert json.loads(client.answer()[1])["id"] == 7
    before = node.rss()
    for headers in (node.rpc_credentials(), {}, WRONG):
        with Client(node) as client:
            try:
                client.sock.sendall(client.head(headers, 100 * MIB))
                for _ in range(100):
                    client.sock.sendall(b" " * MIB)
            except OSError:
                pass                # cut off: it was told, or had no password
            try:
                assert client.answer()[0] in (401, 413)
            except (OSError, IndexError):
                assert headers is not None and "__cookie__" not in str(headers) and headers != node.rpc_credentials()
        node.assert_alive(net.ip(9))
    assert node.rss() < before + 40 * MIB
    for text, expected in ((b"", -32700), (b"{", -32700), (b"[" * 100000, -32600), (b"\xff", -32700), (b"1", -32600),
                           (b'{"method":7}', -32600), (b'{"method":"nosuch"}', -32601), (b"[]", -32600),
                           (b'{"method":"uptime","params":7}', -32600)):
        assert code(node, text) == expected, text[:50]


def test_adversarial_59_connections_and_batches(node, net):
    """A thousand connections, idle, with half a request, or with what can be read without a password and a body that
    never comes; batches of every length."""
    half = b"POST / HTTP/1.1\r\nHost: x\r\n"
    for sent in ((b"", half), (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n",)):
        with contextlib.ExitStack() as stack:
            for number in range(1000):
                stack.enter_context(Client(node)).sock.sendall(sent[number % len(sent)])
            begin = time.monotonic()
            assert code(node, CALL) is None
            assert time.monotonic() - begin < scaled(2)
            node.assert_alive(net.ip(9))
            assert node.fds() < 700
    status, answer = ask(node, [{**CALL, "id": number} for number in range(1000)])
    assert status == 200 and [entry["id"] for entry in json.loads(answer)] == list(range(1000))
    assert code(node, [CALL] * 10000) == -32600
    assert ask(node, [{"jsonrpc": "2.0", "method": "uptime"}] * 1000) == (204, b"")
    node.assert_alive(net.ip(9))


def test_adversarial_59_wrong_types(node, net):
    """Every method with every kind of value in every place: an answer or an error of JSON-RPC, and the node goes on."""
    for entry in node.rpc("help", named={"json": True}):
        if entry["name"] in ("stop", "waittransactionfinality", "encryptwallet"):
            continue
        batch = [{**CALL, "method": entry["name"], "params": [value] * count} for value in VALUES for count in range(4)]
        batch += [{**CALL, "method": entry["name"], "params": {param["name"]: value}} for value in VALUES
                  for param in entry["params"]]
        status, body = ask(node, json.dumps(batch).replace("Infinity", "1e400").encode())
        answers = json.loads(body)
        assert status == 200 and len(answers) == len(batch)
        for answer in answers:
            assert "result" in answer or answer["error"]["code"] < 0 and answer["error"]["message"], answer
    node.assert_alive(net.ip(9))
