# SPDX-License-Identifier: MIT
"""What can be read of a daemon with GET: status code, headers and body; and the text of metrics, taken apart."""
import http.client
import re

SAMPLE = re.compile(r'^(timed_[a-z0-9_]+)(\{[^}]*\})? (NaN|[-+0-9.e]+)$')


def get(node, path, method="GET", port=None, **headers):
    """(status, headers, body); headers are given with _ for -."""
    connection = http.client.HTTPConnection(node.ip, port or node.config["rpc"]["port"], timeout=10)
    try:
        connection.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def metrics(node, port=None):
    """{'timed_peers{direction="inbound"}': 1.0, ...}; every line must be one of the format's, and told about before."""
    status, headers, body = get(node, "/metrics", port=port)
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert body.endswith("\n")
    values, types, helped = {}, {}, set()
    for line in body.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split(" ")[2])
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types and name in helped, line
            types[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, line
            name = match[1]
            assert name in types or types.get(re.sub("_(bucket|sum|count)$", "", name)) == "histogram", line
            assert match[1] + (match[2] or "") not in values, line
            values[match[1] + (match[2] or "")] = float(match[3])
    return values
