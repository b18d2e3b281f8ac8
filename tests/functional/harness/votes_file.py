# SPDX-License-Identifier: MIT
"""Reads the file `votes` of a validator, which may have been killed while it wrote: what it has signed about blocks."""
import pathlib
import struct

HEADER_BYTES = 100
HEAD_BYTES = 16
BFT = 1
PHASES = {1: "propose", 2: "prevote", 3: "precommit"}    # the fourth kind of record is a state, which nobody signs


def _entries(body):
    at = 0
    while at < len(body) - 1:
        kind, length = struct.unpack_from("<BI", body, at)
        yield kind, body[at + 5:at + 5 + length]
        at += 5 + length
    assert at == len(body) - 1, "the entries of a batch do not fill it"


def signed(path):
    """[(height, round, phase, hash in hex)] in the order of the file; the torn tail was never sent."""
    data = pathlib.Path(path).read_bytes()
    found, at = [], HEADER_BYTES
    if data:
        assert data[:8] == b"TIMEVOTE"
    while at + HEAD_BYTES <= len(data):
        length, = struct.unpack_from("<I", data, at)
        body = data[at + HEAD_BYTES:at + HEAD_BYTES + length]
        if length == 0 or len(body) < length or body[-1] == 0:
            break
        for kind, payload in _entries(body):
            if kind != BFT:
                continue
            _, record, height, round_ = struct.unpack_from("<BBQQ", payload)
            if record in PHASES:
                found.append((height, round_, PHASES[record], payload[18:50].hex()))
        at += HEAD_BYTES + length
    return found
