# SPDX-License-Identifier: MIT
"""chaingen: what it makes is valid by a second implementation of the rules (the model of the functional tests), and the
same whenever it is asked for.  Usage: test_chaingen.py BINARY"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))
from harness.certified import PRECOMMIT, vote_digest  # noqa: E402
from harness.chain import Chain, Key, block_hash, broken_rule, merkle_root, shares, txid  # noqa: E402

BINARY = sys.argv.pop(1)
VECTORS = pathlib.Path(os.environ["TIMED_VECTORS"])


def replay(lines):
    """The model chain of JSON lines, every block of which passes the model's rules."""
    blocks = list(map(json.loads, lines))
    chain = Chain(blocks[0])
    for block in blocks[1:]:
        rule = broken_rule(block, chain, block["header"]["timestamp"])
        assert rule is None, f"block {chain.height + 1} breaks the rule {rule!r}"
        chain.append(block)
    return chain


def summary_of(chain):
    return {"height": chain.height, "tip_hash": chain.tip_hash.hex(),
            "transactions": sum(len(block["transactions"]) for block in chain.blocks),
            "utxo_count": len(chain.utxos.coins), "utxo_state_hash": chain.utxos.state_hash().hex()}


def run(*args):
    done = subprocess.run([BINARY, *map(str, args)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Chaingen(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def make(self, *args):
        """Lines and summary of a chain."""
        code, out, err = run(*args, "--summary")
        self.assertEqual(code, 0, err)
        return out.splitlines(), json.loads(err.splitlines()[-1])

    def assert_summary(self, summary, lines):
        """What the replay of the lines comes to is what the generator says."""
        expected = summary_of(replay(lines))
        self.assertEqual({key: summary[key] for key in expected}, expected)


class Replayed(Chaingen):
    """The checker itself first: it agrees with the chain that the Rust node made, and sees what is wrong."""

    def test_vectors(self):
        expected = json.loads((VECTORS / "chain.json").read_text())
        with open(VECTORS / "chain.jsonl", encoding="utf-8") as lines:
            found = summary_of(replay(lines))
        self.assertEqual({key: found[key] for key in expected}, expected)

    def test_checker_sees_a_changed_signature(self):
        lines, _ = self.make("--blocks", 6)
        block, chain = json.loads(lines[5]), replay(lines[:5])
        self.assertIsNone(broken_rule(block, chain, block["header"]["timestamp"]))
        self.assertGreater(len(block["transactions"]), 1)
        block["transactions"][1]["inputs"][0]["script_sig"][95] ^= 1
        block["header"]["merkle_root"] = list(merkle_root(map(txid, block["transactions"])))
        self.assertEqual(broken_rule(block, chain, block["header"]["timestamp"]), "signature")

    def test_default(self):
        lines, summary = self.make()
        self.assertEqual(len(lines), 101)
        self.assert_summary(summary, lines)
        self.assertEqual(summary["height"], 100)
        # Genesis and every block's coinbase, and two more once there are coins: in all blocks but the first.
        self.assertEqual(summary["transactions"], 1 + 100 + 2 * 99)

    def test_many_transactions_build_up(self):
        lines, summary = self.make("--blocks", 12, "--transactions", 50, "--inputs", 5, "--wallets", 3)
        self.assert_summary(summary, lines)
        counts = [len(json.loads(line)["transactions"]) - 1 for line in lines[1:]]
        self.assertEqual(counts[0], 0)
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(counts[-1], 50)
        inputs = [len(item["inputs"]) for line in lines[1:] for item in json.loads(line)["transactions"][1:]]
        self.assertEqual(set(inputs), {1, 2, 3, 4, 5})
        outputs = [len(item["outputs"]) for line in lines[1:] for item in json.loads(line)["transactions"][1:]]
        self.assertEqual(set(outputs), {2})

    def test_outputs_of_the_same_block_are_spent(self):
        lines, _ = self.make("--blocks", 10, "--transactions", 100)
        found = False
        for block in map(json.loads, lines):
            made = list(map(txid, block["transactions"]))
            for position, item in enumerate(block["transactions"]):
                for spent in item["inputs"]:
                    found = found or bytes(spent["previous_output"]["txid"]) in made[:position]
        self.assertTrue(found)

    def test_no_transactions(self):
        lines, summary = self.make("--blocks", 5, "--transactions", 0, "--masternodes", 1)
        self.assert_summary(summary, lines)
        self.assertEqual(summary["utxo_count"], 6)

    def test_mainnet(self):
        # The model knows testnet's addresses only, which matters where one spends.
        lines, summary = self.make("--network", "mainnet", "--blocks", 5, "--transactions", 0)
        self.assert_summary(summary, lines)
        self.assertEqual(json.loads(lines[0])["header"]["timestamp"], 1767225600)
        self.assertTrue(json.loads(lines[1])["masternode_rewards"][0][0].startswith("TIME1"))

    def test_devnet(self):
        lines, summary = self.make("--network", "devnet", "--genesis-timestamp", 1700000000, "--block-time", 7,
                                   "--blocks", 3)
        self.assert_summary(summary, lines)
        times = [json.loads(line)["header"]["timestamp"] for line in lines]
        self.assertEqual(times, [1700000000, 1700000007, 1700000014, 1700000021])

    def test_interval(self):
        lines, _ = self.make("--interval", 1, "--blocks", 3)
        times = [json.loads(line)["header"]["timestamp"] for line in lines]
        self.assertEqual([time - times[0] for time in times], [0, 1, 2, 3])

    def test_tiers_share_by_weight(self):
        lines, _ = self.make("--masternodes", "1,2:bronze,1:Silver,1:gold", "--blocks", 1)
        amounts = [amount for _, amount in json.loads(lines[1])["masternode_rewards"]]
        total = 100 + 2 * 1000 + 10000 + 100000
        self.assertEqual(amounts, [10**10 * weight // total for weight in (100, 1000, 1000, 10000, 100000)])

    def test_future_is_warned_of(self):
        _, _, err = run("--network", "devnet", "--genesis-timestamp", 40000000000, "--blocks", 1)
        self.assertIn("in the future", err)
        self.assertEqual(run("--blocks", 1)[2], "")


class Deterministic(Chaingen):
    def test_same_options_same_bytes(self):
        self.assertEqual(run("--blocks", 40), run("--blocks", 40))

    def test_another_seed_another_chain(self):
        one, other = run("--seed", 1)[1].splitlines(), run("--seed", 2)[1].splitlines()
        self.assertEqual(one[0], other[0])
        self.assertNotEqual(one[1], other[1])

    def test_longer_begins_with_the_shorter(self):
        self.assertTrue(run("--blocks", 60)[1].startswith(run("--blocks", 30)[1]))


class Forks(Chaingen):
    def fork(self, *args):
        path = self.dir / "fork.jsonl"
        lines, summary = self.make("--fork-at", 20, "--fork-blocks", 15, "--fork-out", path, *args)
        return lines, path.read_text().splitlines(), summary

    def test_prefix_is_shared_and_nothing_more(self):
        main, fork, summary = self.fork("--blocks", 30)
        self.assertEqual((len(main), len(fork)), (31, 36))
        self.assertEqual(main[:21], fork[:21])
        hashes = [{json.dumps(json.loads(line)["header"]) for line in chain[21:]} for chain in (main, fork)]
        self.assertFalse(hashes[0] & hashes[1])
        self.assert_summary(summary, main)
        self.assert_summary(summary["fork"], fork)

    def test_without_transactions_it_is_another_chain_too(self):
        main, fork, _ = self.fork("--blocks", 30, "--transactions", 0, "--masternodes", 1)
        self.assertNotEqual(main[21], fork[21])

    def test_main_chain_is_the_same_without_it(self):
        self.assertEqual(self.fork("--blocks", 30)[0], run("--blocks", 30)[1].splitlines())

    def test_fork_seed_makes_another_fork(self):
        one = self.fork("--blocks", 20)[1]
        other = self.fork("--blocks", 20, "--fork-seed", 2)[1]
        self.assertEqual(one[:21], other[:21])
        self.assertNotEqual(one[21], other[21])
        replay(other)

    def test_from_genesis(self):
        path = self.dir / "fork.jsonl"
        main, _ = self.make("--blocks", 3, "--fork-at", 0, "--fork-blocks", 5, "--fork-out", path)
        fork = path.read_text().splitlines()
        self.assertEqual(main[0], fork[0])
        self.assertNotEqual(main[1], fork[1])
        replay(fork)


class Files(Chaingen):
    def test_out_and_summary_files(self):
        out, summary = self.dir / "chain.jsonl", self.dir / "summary.json"
        self.assertEqual(run("--blocks", 3, "--out", out, f"--summary={summary}"), (0, "", ""))
        self.assert_summary(json.loads(summary.read_text()), out.read_text().splitlines())

    def test_what_cannot_be_written_is_an_error(self):
        for option in ("--out", "--fork-out"):
            fork = ("--fork-at", 1, "--fork-blocks", 1)
            if option == "--out":
                fork = ()
            for path, why in (("/dev/full", "No space left"), (self.dir / "no" / "file", "No such file")):
                code, _, err = run("--blocks", 3, *fork, option, path)
                self.assertEqual(code, 1)
                self.assertIn(why, err)
                self.assertIn(str(path), err)

    def test_too_many_transactions_for_a_block(self):
        # The coins double with each block; after the 14th there are enough of them for more than 2,000,000 bytes.
        code, _, err = run("--blocks", 16, "--transactions", 9999, "--inputs", 1, "--out", self.dir / "chain.jsonl")
        self.assertEqual(code, 1)
        self.assertRegex(err, r"^chaingen: block 1\d: CHAIN_E_BLOCK_SIZE: ")


class Usage(Chaingen):
    def test_help(self):
        code, out, err = run("--help")
        self.assertEqual((code, err), (0, ""))
        for option in ("--network", "--fork-at", "--year", "--heavy", "--summary"):
            self.assertIn(option, out)

    def test_mistakes(self):
        fork = ("--fork-at", 1, "--fork-blocks", 1, "--fork-out", "/nonexistent/f")
        for args, text in (
                (["--bogus"], "--bogus"),
                (["--blocks"], "--blocks needs a value"),
                (["--year=1"], "--year=1"),
                (["file"], '"file", expected an option'),
                (["--network", "nonet"], "expected testnet, mainnet or devnet"),
                (["--blocks", "-1"], "expected a number"),
                (["--blocks", "1x"], "expected a number"),
                (["--blocks", "5000000000"], "expected a number"),
                (["--transactions", "10000"], "from 0 to 9999"),
                (["--inputs", "0"], "from 1 to 1000"),
                (["--interval", "0"], "from 1 to"),
                (["--genesis-timestamp", "1"], "is for a devnet"),
                (["--block-time", "1"], "is for a devnet"),
                (["--masternodes", "0"], "expected N or N:TIER"),
                (["--masternodes", ""], "expected N or N:TIER"),
                (["--masternodes", "1:iron"], "expected N or N:TIER"),
                (["--masternodes", "1,,1"], "expected N or N:TIER"),
                (["--masternodes", "9999,2"], "at most 10000"),
                (["--fork-at", "1"], "belong together"),
                (["--fork-seed", "1"], "needs --fork-at"),
                ([*fork, "--fork-at", "101"], "above the tip"),
                ([*fork, "--out", "/nonexistent/f"], "where the chain itself is written"),
                (["--network", "devnet", "--genesis-timestamp", str(2**63 - 1)], "leave 64 bits")):
            code, out, err = run(*args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn(text, err)
            self.assertIn("Try 'chaingen --help'.", err)


class Certified(Chaingen):
    """Chains of validators."""

    def setUp(self):
        super().setUp()
        self.list = self.dir / "validators.toml"

    def assert_certified(self, chain, validators):
        """Every block has the time of its slot, the validators' rewards and precommits of a quorum of them."""
        keys = {v["address"]: Ed25519PublicKey.from_public_bytes(bytes.fromhex(v["public_key"])) for v in validators}
        self.assertEqual(list(keys), sorted(keys))
        for block in chain.blocks[1:]:
            height, commit = block["header"]["height"], block["commit"]
            self.assertEqual(block["header"]["timestamp"], chain.blocks[0]["header"]["timestamp"] + 2 * height)
            amounts = shares(block["header"]["block_reward"], [v["tier"].capitalize() for v in validators])
            self.assertEqual(block["masternode_rewards"],
                             [[v["reward_address"], amount] for v, amount in zip(validators, amounts)])
            names = [name for name, _ in commit["signatures"]]
            self.assertEqual(len(set(names)), len(validators) * 2 // 3 + 1)
            digest = vote_digest(chain.hashes[0], height, commit["round"], PRECOMMIT, block_hash(block))
            for name, signature in commit["signatures"]:
                keys[name].verify(bytes(signature), digest)

    def test_blocks_are_certified(self):
        fork = self.dir / "fork.jsonl"
        lines, summary = self.make("--network", "devnet", "--blocks", 30, "--masternodes", "3:gold,2:free",
                                   "--validators", self.list, "--fork-at", 20, "--fork-blocks", 4, "--fork-out", fork)
        said = tomllib.loads(self.list.read_text())["consensus"]
        self.assertEqual(said["bft_from"], 1)
        self.assertEqual([v["from_height"] for v in said["validators"]], [1])
        validators = said["validators"][0]["validators"]
        self.assertEqual([v["tier"].lower() for v in validators], ["gold"] * 3 + ["free"] * 2)
        self.assert_summary(summary, lines)
        chain, other = replay(lines), replay(fork.read_text().splitlines())
        self.assertEqual(chain.hashes[20], other.hashes[20])
        self.assertNotEqual(chain.hashes[21], other.hashes[21])
        for each in (chain, other):
            self.assert_certified(each, validators)

    def test_seeds_are_told(self):
        self.make("--blocks", 1, "--validators", self.list)
        text = self.list.read_text()
        keys = {v["address"]: v["public_key"] for v in tomllib.loads(text)["consensus"]["validators"][0]["validators"]}
        seeds = dict(re.findall(r"# seed of (\S+): ([0-9a-f]{64})$", text, re.MULTILINE))
        self.assertEqual(len(seeds), 4)
        for name, seed in seeds.items():
            self.assertEqual(Key(bytes.fromhex(seed)).public.hex(), keys[name])

    def test_mistakes(self):
        for options in (["--interval", 7], ["--masternodes", "2:free"]):
            code, _, err = run("--validators", self.list, *options)
            self.assertEqual(code, 2, err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + ["-v"])
