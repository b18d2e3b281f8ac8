# SPDX-License-Identifier: MIT
"""The recorded conversations of the Rust node (tests/vectors)."""
import json
import os

VECTORS = os.environ.get("TIMED_VECTORS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                                                       "vectors"))


def transcript(name):
    """A list of (who, line): who is "us" or "rust", the line is bytes without its newline."""
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        entries = json.load(file)
    return [(entry["from"], entry["line"].encode()) for entry in entries if entry["from"] in ("us", "rust")]


def json_lines(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]
