# SPDX-License-Identifier: MIT
"""JSON-RPC 2.0 over HTTP with the cookie, as a wallet or a script would speak it."""
import base64
import http.client
import json
import os

RPC_WARMING_UP = -28


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")


class Rpc:
    """One call, one connection. Safe to use from several threads."""

    def __init__(self, ip, port, datadir, namespace=None):
        self._address = (ip, port)
        self._cookie = os.path.join(datadir, ".cookie")
        self._namespace = namespace

    def credentials(self):
        """The header that lets in whoever can read the cookie."""
        with open(self._cookie, encoding="ascii") as cookie:
            return {"Authorization": "Basic " + base64.b64encode(cookie.read().strip().encode()).decode()}

    def begin(self, method, *params, timeout=10, named=None):
        """Sends a request, `named` with parameters by name; the connection, on which nobody has read an answer yet."""
        headers = {**self.credentials(), "Content-Type": "application/json"}
        params = list(params) if named is None else named
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection = http.client.HTTPConnection(*self._address, timeout=timeout)
        try:
            if self._namespace:
                connection.sock = self._namespace.connect(self._address, timeout)
            connection.request("POST", "/", body, headers)
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def end(connection):
        """Reads the answer to what was begun."""
        try:
            answer = connection.getresponse()
            text = answer.read()
            if answer.status in (401, 403):
                raise RpcError({"code": answer.status, "message": "refused by HTTP"})
            value = json.loads(text)
        finally:
            connection.close()
        if value.get("error"):
            raise RpcError(value["error"])
        return value["result"]

    def call(self, method, *params, timeout=10, named=None):
        return self.end(self.begin(method, *params, timeout=timeout, named=named))
