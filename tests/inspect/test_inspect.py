# SPDX-License-Identifier: MIT
"""timed-inspect as an operator calls it: what it prints and how it exits.  Usage: test_inspect.py BINARY"""
import hashlib
import json
import os
import subprocess
import sys
import unittest

BINARY = sys.argv.pop(1)
VECTORS = os.environ["TIMED_VECTORS"]


def run(*args, stdin=b""):
    done = subprocess.run([BINARY, *args], input=stdin, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def vectors(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Usage(unittest.TestCase):
    def test_help_names_the_commands(self):
        code, out, _ = run("--help")
        self.assertEqual(code, 0)
        self.assertIn(b"  frame ", out)

    def test_help_of_a_command(self):
        code, out, _ = run("frame", "--help")
        self.assertEqual(code, 0)
        self.assertIn(b"--bincode", out)

    def test_version(self):
        code, out, _ = run("--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, rb"^timed-inspect \d+\.\d+\.\d+\n$")

    def test_wrong_usage_exits_with_2(self):
        for args in ([], ["fram"], ["--frame"], ["frame", "--hex"], ["frame", "file"]):
            code, out, err = run(*args)
            self.assertEqual((code, out), (2, b""), args)
            self.assertIn(b"timed-inspect", err)

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "--version"], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"writing", done.stderr)


class Frame(unittest.TestCase):
    def test_every_frame_is_its_own_canonical_form(self):
        text = "".join(entry["frame"] + "\n" for entry in vectors("messages.jsonl")).encode()
        self.assertEqual(run("frame", stdin=text), (0, text, b""))

    def test_bincode(self):
        entries = vectors("messages.jsonl")
        text = "".join(entry["frame"] + "\n" for entry in entries).encode()
        code, out, _ = run("frame", "--bincode", stdin=text)
        self.assertEqual(code, 0)
        lines = out.decode().splitlines()
        self.assertEqual(len(lines), len(entries))
        for entry, line in zip(entries, lines):
            self.assertEqual(hashlib.sha256(bytes.fromhex(line)).hexdigest(), entry["bincode_sha256"])

    def test_verdicts(self):
        # A blank line is no message at all, and none of the others holds a newline.
        entries = [entry for entry in vectors("verdicts.jsonl") if entry["line"].strip(" \t\r")]
        code, out, _ = run("frame", stdin="".join(entry["line"] + "\n" for entry in entries).encode())
        self.assertEqual(code, 1)
        lines = out.decode().split("\n")
        self.assertEqual(len(lines), len(entries) + 1)
        for entry, line in zip(entries, lines):
            if entry["ours"] == "accept":
                self.assertEqual(line, entry["reencoded"])
            else:
                self.assertTrue(line.startswith("error: byte "), line)

    def test_errors_stand_where_their_lines_stood(self):
        text = (b'{"Ping":{"timestamp":2,"nonce":1}}\r\n'
                b"\n"
                b'{"BlocksResponse":[{"header":{"height":1.5}}]}\n'
                b"garbage\n"
                b'"GetPeers"')
        code, out, err = run("frame", stdin=text)
        self.assertEqual(code, 1)
        self.assertEqual(out.decode().splitlines(), [
            '{"Ping":{"nonce":1,"timestamp":2}}',
            "error: byte 39, BlocksResponse[0].header.height: expected an integer without fraction or exponent"
            " (WIRE_E_RANGE)",
            "error: byte 0: expected a value (WIRE_E_SYNTAX)",
            '"GetPeers"',
        ])
        self.assertEqual(err, b"")

    def test_empty_input_is_no_error(self):
        self.assertEqual(run("frame"), (0, b"", b""))

    def test_endless_line_is_cut(self):
        code, out, _ = run("frame", stdin=b"x" * (17 << 20))
        self.assertEqual((code, out), (1, b"error: byte 16777216: the line is too long\n"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + ["-v"])
