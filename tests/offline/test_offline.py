# SPDX-License-Identifier: MIT
"""The chain in a data directory without a node: timed --load-blocks, timed --reindex, timed-inspect chain.
Usage: test_offline.py TIMED TIMED-INSPECT CHAINGEN DROP_ENTRY"""
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))
from harness.chain import merkle_root, txid  # noqa: E402

TIMED, INSPECT, CHAINGEN, DROP_ENTRY = sys.argv[1:5]
del sys.argv[1:5]
VECTORS = pathlib.Path(os.environ["TIMED_VECTORS"])
DEADLINE_S = 60
FEW = os.environ.get("TIMED_TEST_ROUNDS") == "few"


def run(*args, **options):
    done = subprocess.run([str(arg) for arg in args], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                          **options)
    return done.returncode, done.stdout, done.stderr


class Offline(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.data = self.dir / "data"
        self.config = self.dir / "config.toml"
        self.config.write_text("")

    def path(self, name, lines):
        path = self.dir / name
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def command(self, *args):
        return [TIMED, "--config", str(self.config), "--datadir", str(self.data), *map(str, args)]

    def timed(self, *args, code=0, **options):
        """The log of a run that ends by itself."""
        status, out, err = run(*self.command(*args), **options)
        self.assertEqual(status, code, out + err)
        self.assertIn(f"Stopped (exit code {code})", out)
        # Neither is a node.
        self.assertNotIn("Listening", out)
        return out

    def load(self, path, **options):
        return self.timed("--load-blocks", path, **options)

    def inspect(self, *args, code=0):
        status, out, err = run(INSPECT, "chain", *args, self.data)
        self.assertEqual(status, code, out + err)
        return out if code == 0 else out + err

    def summary(self, *args):
        return json.loads(self.inspect(*args))

    def height(self):
        return self.summary()["height"]

    def generate(self, *args):
        """Lines and summary of a chain."""
        code, out, err = run(CHAINGEN, *args, "--summary")
        self.assertEqual(code, 0, err)
        return out.splitlines(), json.loads(err.splitlines()[-1])

    def assert_chain(self, expected):
        """Everything that the generator says of its chain is so, and the store agrees with itself."""
        found = self.summary()
        self.assertEqual({key: found[key] for key in expected}, expected)
        self.assertIn(" are right", self.inspect("--verify"))


class LoadBlocks(Offline):
    def test_chain_of_the_rust_node(self):
        """Issue 4, to be seen: ends at the tip and the UTXO state hash of chain.json."""
        log = self.load(VECTORS / "chain.jsonl")
        self.assertIn("Imported 900 blocks", log)
        self.assert_chain(json.loads((VECTORS / "chain.json").read_text()))
        self.assertEqual(self.inspect("--export"), (VECTORS / "chain.jsonl").read_text())

    def test_signed_transactions(self):
        lines, expected = self.generate("--blocks", 60, "--transactions", 40)
        self.load(self.path("chain.jsonl", lines))
        self.assert_chain(expected)

    def test_again_changes_nothing(self):
        lines, expected = self.generate("--blocks", 30)
        path = self.path("chain.jsonl", lines)
        self.load(path)
        self.assertIn("Imported 0 blocks from", self.load(path))
        self.assert_chain(expected)

    def test_goes_on_where_it_ended(self):
        lines, expected = self.generate("--blocks", 30)
        self.load(self.path("some.jsonl", lines[:11]))
        self.assertIn("Imported 10 blocks", self.load(self.path("more.jsonl", lines[11:21])))
        log = self.load(self.path("all.jsonl", lines))
        self.assertIn("Imported 10 blocks", log)
        self.assertIn("(21 were there already)", log)
        self.assert_chain(expected)

    def test_blocks_twice_in_one_file(self):
        lines, expected = self.generate("--blocks", 20)
        log = self.load(self.path("twice.jsonl", lines[:15] + lines))
        self.assertIn("Imported 20 blocks", log)
        self.assertIn("(16 were there already)", log)
        self.assert_chain(expected)

    def test_standard_input(self):
        lines, expected = self.generate("--blocks", 10)
        # A last line without newline, blank lines, Windows line ends.
        self.load("-", input="\r\n\n  \n".join(lines))
        self.assert_chain(expected)

    def test_more_blocks_than_are_in_hand_at_once(self):
        lines, expected = self.generate("--blocks", 5000, "--transactions", 0)
        self.load(self.path("chain.jsonl", lines))
        self.assert_chain(expected)

    def test_mainnet_and_devnet(self):
        for args, text in ((("--network", "mainnet"), '[node]\nnetwork = "mainnet"\n'),
                           (("--network", "devnet", "--genesis-timestamp", 1700000000, "--block-time", 3),
                            '[node]\nnetwork = "devnet"\n[devnet]\ngenesis_timestamp = 1700000000\n')):
            self.config.write_text(text)
            self.data = self.dir / args[1]
            lines, expected = self.generate("--blocks", 10, *args)
            self.load(self.path("chain.jsonl", lines))
            found = self.summary("--config", self.config)
            self.assertEqual({key: found[key] for key in expected}, expected)


class Mistakes(Offline):
    """A mistake is named with file and line; what came before stays."""

    # With few rounds these stand for the others: in text, form, signature and order.
    FEW = {"test_malformed_line", "test_form", "test_signature", "test_the_first_mistake_counts"}

    def fails(self, lines, height, *texts, path=None):
        path = path or self.path("chain.jsonl", lines)
        log = self.load(path, code=1)
        for text in texts:
            self.assertIn(text.replace("FILE", str(path)), log)
        self.assertEqual(self.height(), height)

    def setUp(self):
        super().setUp()
        if FEW and self._testMethodName not in self.FEW:
            self.skipTest("few rounds")
        self.lines, _ = self.generate("--blocks", 12)

    def altered(self, height, alter):
        """The chain with one block altered."""
        block = json.loads(self.lines[height])
        alter(block)
        return self.lines[:height] + [json.dumps(block)] + self.lines[height + 1:]

    def test_malformed_line(self):
        lines = self.lines[:6] + ["", '{"header":{"version":1.5}}'] + self.lines[6:]
        self.fails(lines, 5, "❌ Import ended: FILE:8: byte 21, header.version: expected an integer", "(WIRE_E_RANGE)")

    def test_garbage(self):
        self.fails(self.lines[:3] + ["garbage"], 2, "FILE:4: byte 0: expected", "(WIRE_E_")

    def test_hexadecimal_is_not_the_import_format(self):
        self.fails(["00"], 0, "FILE:1: byte ")

    def test_overlong_line(self):
        self.config.write_text("[limits]\nmax_frame_bytes = 4194304\n")
        self.fails(self.lines[:4] + [" " * 5000000 + self.lines[4]], 3,
                   "FILE:5: byte 4194304: the line is longer than limits.max_frame_bytes")

    def test_form(self):
        def alter(block):
            block["header"]["merkle_root"][0] ^= 1
        self.fails(self.altered(7, alter), 6, "FILE:8: block 7: ", "merkle root", "(CHAIN_E_MERKLE_ROOT)")

    def test_signature(self):
        def alter(block):
            self.assertGreater(len(block["transactions"]), 1)
            block["transactions"][1]["inputs"][0]["script_sig"][95] ^= 1
            # So that nothing but the signature is wrong.
            block["header"]["merkle_root"] = list(merkle_root(map(txid, block["transactions"])))
        self.fails(self.altered(9, alter), 8, "FILE:10: block 9: transaction 1 (", "input 0", "(CHAIN_E_SIGNATURE)")

    def test_place(self):
        self.fails(self.lines[:5] + self.lines[6:], 4, "FILE:6: block 6: ", "(CHAIN_E_HEIGHT)")

    def test_previous_hash(self):
        def alter(block):
            block["header"]["previous_hash"][0] ^= 1
        self.fails(self.altered(5, alter), 4, "FILE:6: block 5: ", "(CHAIN_E_PREVIOUS)")

    def test_spends(self):
        def alter(block):
            block["header"]["block_reward"] += 1
        self.fails(self.altered(5, alter), 4, "FILE:6: block 5: ", "(CHAIN_E_BLOCK_REWARD)")

    def test_future(self):
        """What lies ahead of the clock is refused, and what precedes it stays."""
        genesis = int(time.time()) - 3000
        self.config.write_text(f'[node]\nnetwork = "devnet"\n[devnet]\ngenesis_timestamp = {genesis}\n')
        code, out, err = run(CHAINGEN, "--network", "devnet", "--genesis-timestamp", genesis, "--blocks", 3,
                             "--interval", 2000)
        self.assertEqual(code, 0, err)
        log = self.load(self.path("chain.jsonl", out.splitlines()), code=1)
        self.assertIn("ahead of the clock", log)
        self.assertIn("chain.jsonl:3: block 2: ", log)
        self.assertIn("(CHAIN_E_TIME_AHEAD)", log)
        self.assertEqual(self.summary("--config", self.config)["height"], 1)

    def test_the_first_mistake_counts(self):
        def alter(block):
            block["header"]["block_reward"] += 1
        lines = self.altered(5, alter)
        self.fails(lines[:9] + ["garbage"], 4, "FILE:6: block 5: ")

    def test_another_network(self):
        lines, _ = self.generate("--network", "mainnet", "--blocks", 2)
        self.fails(lines, 0, "FILE:1: another genesis block, ", "our chain is 062446a0")

    def test_another_branch(self):
        fork = self.dir / "fork.jsonl"
        self.generate("--blocks", 12, "--fork-at", 6, "--fork-blocks", 3, "--fork-out", fork)
        self.load(self.path("chain.jsonl", self.lines))
        self.fails(None, 12, "FILE:8: block 7 (", "is not the one that the chain, at height 12, has there", path=fork)

    def test_missing_file(self):
        self.assertIn("/nonexistent/file: No such file", self.load("/nonexistent/file", code=1))

    def test_directory(self):
        self.assertIn("Is a directory", self.load(self.dir, code=1))

    def test_no_file_named(self):
        code, _, err = run(TIMED, "--load-blocks")
        self.assertEqual(code, 2)
        self.assertIn("--load-blocks: value missing, expected FILE", err)


class Running:
    """A daemon whose log is read as it comes."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
        self.lines = queue.Queue()
        self.log = ""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def has_said(self, text, timeout):
        """Waits for the next line at most so long."""
        while text not in self.log:
            try:
                line = self.lines.get(timeout=timeout)
            except queue.Empty:
                return False
            assert line is not None, f"ended without {text!r}:\n{self.log}"
            self.log += line
        return True

    def wait_for(self, text):
        assert self.has_said(text, DEADLINE_S), f"has not said {text!r}:\n{self.log}"

    def end(self):
        """Exit code."""
        code = self.process.wait(DEADLINE_S)
        self.reader.join()
        while (line := self.lines.get()) is not None:
            self.log += line
        self.process.stdout.close()
        return code


class Interrupted(Offline):
    def test_stop_signal(self):
        """The last line never ends: the signal finds the import waiting, or busy with a block, and that is the last."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.data = self.dir / number.name
                lines, expected = self.generate("--blocks", 60, "--transactions", 5)
                timed = Running(self.command("--load-blocks", "-"), stdin=subprocess.PIPE)
                timed.wait_for("Importing blocks from")
                timed.process.stdin.write("\n".join(lines))
                timed.process.stdin.flush()
                timed.process.send_signal(number)
                self.assertEqual(timed.end(), 0)
                self.assertIn("Import stopped: the rest of - is not imported", timed.log)
                timed.process.stdin.close()
                reached = int(re.search(r"height (\d+), tip", timed.log)[1])
                self.assertLess(reached, 60)
                self.assertEqual(self.height(), reached)
                self.load(self.path("chain.jsonl", lines))
                self.assert_chain(expected)

    def test_slow_input_is_connected_as_it_comes(self):
        """What has come is taken before more is waited for: progress is told."""
        lines, _ = self.generate("--blocks", 500)
        timed = Running(self.command("--load-blocks", "-"), stdin=subprocess.PIPE)
        for line in lines:
            timed.process.stdin.write(line + "\n")
            timed.process.stdin.flush()
            if timed.has_said("⏳ Importing: height ", 0.1):
                break
        else:
            self.fail("no progress was told:\n" + timed.log)
        timed.process.stdin.close()
        self.assertEqual(timed.end(), 0)

    def test_directory_in_use(self):
        timed = Running(self.command("--load-blocks", "-"), stdin=subprocess.PIPE)
        timed.wait_for("Importing blocks from")
        in_use = f"in use by process {timed.process.pid}"
        self.assertIn(in_use, self.inspect(code=1))
        self.assertIn(in_use, self.load(VECTORS / "chain.jsonl", code=1))
        timed.process.stdin.close()
        self.assertEqual(timed.end(), 0)


class Reindex(Offline):
    def test_everything_is_as_it_was(self):
        lines, expected = self.generate("--blocks", 40, "--transactions", 10)
        self.load(self.path("chain.jsonl", lines))
        self.assertIn("Rebuilt: 40 blocks", self.timed("--reindex", "--load-blocks", "/dev/null"))
        self.assert_chain(expected)

    def test_lost_entries_come_back(self):
        lines, expected = self.generate("--blocks", 40, "--transactions", 10)
        self.load(self.path("chain.jsonl", lines))
        for family in ("utxo", "tx_index", "block_index", "script_index", "undo"):
            with self.subTest(family):
                self.assertEqual(run(DROP_ENTRY, self.data, family)[0], 0)
                found = self.inspect("--verify", code=1)
                self.assertIn("--reindex", found)
                self.timed("--reindex", "--load-blocks", "/dev/null")
                self.assert_chain(expected)

    def test_of_an_empty_directory(self):
        self.assertIn("Rebuilt: 0 blocks", self.timed("--reindex", "--load-blocks", "/dev/null"))

    def test_stop_signal(self):
        """It has come before the rebuild begins, so that it is found as early as may be."""
        def signalled():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            os.kill(os.getpid(), signal.SIGTERM)

        lines, expected = self.generate("--blocks", 600, "--transactions", 1)
        self.load(self.path("chain.jsonl", lines))
        log = self.timed("--reindex", "--load-blocks", "/dev/null", preexec_fn=signalled)
        self.assertIn("Rebuilding stopped", log)
        self.assertNotIn("Rebuilt", log)
        # A node that goes on with it stops as soon.
        self.assertIn("Rebuilding the chain stopped", self.timed(preexec_fn=signalled))
        # The next opening goes on with it, whoever it is.
        self.assert_chain(expected)


class Inspect(Offline):
    def test_nothing_there(self):
        for code in range(2):
            self.assertIn("holds no database", self.inspect(code=1))
            self.assertFalse((self.data / "db").exists())
            self.data.mkdir(exist_ok=True)

    def test_summary(self):
        self.load(VECTORS / "chain.jsonl")
        found = self.summary()
        self.assertEqual((found["network"], found["timestamp"], found["time"], found["transactions"]),
                         ("testnet", 1765087200, "2025-12-07T06:00:00Z", 901))

    def test_wrong_network(self):
        self.load(VECTORS / "chain.jsonl")
        self.assertIn("testnet", self.inspect("--network", "mainnet", code=1))

    def test_devnet(self):
        self.config.write_text('[node]\nnetwork = "devnet"\n[devnet]\ngenesis_timestamp = 1700000000\n')
        self.load("/dev/null")
        self.assertIn("give --config or --genesis-timestamp", self.inspect(code=1))
        self.assertEqual(self.summary("--genesis-timestamp", "1700000000")["network"], "devnet")
        self.assertEqual(self.summary("--config", self.config)["network"], "devnet")
        self.config.write_text("[node\n")
        self.assertIn("config.toml:1:", self.inspect("--config", self.config, code=1))
        self.assertIn("No such file", self.inspect("--config", "/nonexistent/config", code=1))

    def test_export(self):
        lines, _ = self.generate("--blocks", 20)
        self.load(self.path("chain.jsonl", lines))
        out = self.dir / "out"
        self.assertEqual(self.inspect("--export").splitlines(), lines)
        self.assertEqual(self.inspect("--export=" + str(out)), "")
        self.assertEqual(out.read_text().splitlines(), lines)
        out.unlink()
        self.assertEqual(run(INSPECT, "chain", self.data, "--export", out), (0, "", ""))
        self.assertEqual(out.read_text().splitlines(), lines)
        self.assertEqual(self.inspect("--export", "--from", "5", "--to=7").splitlines(), lines[5:8])
        self.assertEqual(self.inspect("--export", "--from", "19", "--to", "99").splitlines(), lines[19:])
        self.assertIn("the tip has height 20", self.inspect("--export", "--from", "21", code=1))
        # What stands in the file is not lost for a mistake.
        self.assertIn("the tip has height 20", self.inspect("--export=" + str(out), "--from", "21", code=1))
        self.assertEqual(out.read_text().splitlines(), lines)
        self.assertIn("No space left", self.inspect("--export=/dev/full", code=1))
        self.assertIn("No such file", self.inspect("--export=/nonexistent/file", code=1))

    def test_findings(self):
        lines, _ = self.generate("--blocks", 20)
        self.load(self.path("chain.jsonl", lines))
        self.assertEqual(run(DROP_ENTRY, self.data, "utxo")[0], 0)
        code, out, err = run(INSPECT, "chain", "--verify", self.data)
        self.assertEqual((code, err), (1, ""))
        self.assertRegex(out.splitlines()[-1], r"^\d+ findings: `timed --reindex`")
        self.assertGreater(len(out.splitlines()), 1)

    def test_wrong_usage(self):
        for args in ([], ["a", "b"], ["--export=c", "a", "b"], ["--export", "a", "b", "c"],
                     ["--verify", "--export", "a"], ["--from", "1", "a"], ["--export", "--from", "x", "a"],
                     ["--export", "--from", "2", "--to", "1", "a"], ["--bogus", "a"], ["--network", "x", "a"],
                     ["--config", "c", "--network", "testnet", "a"]):
            code, out, err = run(INSPECT, "chain", *args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn("timed-inspect: ", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + ["-v"])
