# SPDX-License-Identifier: MIT
"""timed-inspect as an operator calls it: what it prints and how it exits.  Usage: test_inspect.py BINARY"""
import copy
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))
from harness import config as toml  # noqa: E402
from harness.certified import Certified, bare  # noqa: E402

BINARY = sys.argv.pop(1)
VECTORS = os.environ["TIMED_VECTORS"]


def run(*args, stdin=b""):
    done = subprocess.run([BINARY, *args], input=stdin, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def run_lines(*args, lines):
    """Exit code and lines of output for lines of input."""
    code, out, err = run(*args, stdin="".join(line + "\n" for line in lines).encode())
    assert err == b"", err
    return code, out.decode().splitlines()


def vectors(name):
    """The values of a file of JSON lines."""
    with open(os.path.join(VECTORS, name), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def vector(name):
    """The value of a JSON file."""
    return json.loads(pathlib.Path(VECTORS, name).read_text(encoding="utf-8"))


class Usage(unittest.TestCase):
    def test_help_names_the_commands(self):
        code, out, _ = run("--help")
        self.assertEqual(code, 0)
        for name in (b"frame", b"tx", b"block", b"address", b"hash", b"wallet", b"validator-key"):
            self.assertIn(b"\n  " + name + b" ", out)
            self.assertIn(b"Usage: timed-inspect " + name, run(name, "--help")[1])

    def test_help_of_a_command(self):
        code, out, _ = run("frame", "--help")
        self.assertEqual(code, 0)
        self.assertIn(b"--bincode", out)

    def test_version(self):
        code, out, _ = run("--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, rb"^timed-inspect \d+\.\d+\.\d+\n$")

    def test_wrong_usage_exits_with_2(self):
        for args in ([], ["fram"], ["--frame"], ["frame", "--hex"], ["tx", "--hex"], ["tx", "--network"],
                     ["tx", "--network=nonet"], ["block", "--verify"], ["address"], ["address", "--key", "12"],
                     ["address", "--key"], ["hash", "--sha1"], ["wallet"], ["wallet", "a", "b"],
                     ["wallet", "--show", "a"], ["validator-key"], ["validator-key", "a", "b"],
                     ["validator-key", "--tier=iron", "a"], ["validator-key", "--address=here", "a"],
                     ["validator-key", "--address=10.0.0.1:24100", "a"], ["validator-key", "--secret", "a"]):
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

    def test_files(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch, "frames")
            path.write_text('"GetPeers"\n')
            code, out, _ = run("frame", str(path), "-", str(path), stdin=b'{"GetPeers":null}')
        self.assertEqual((code, out), (0, b'"GetPeers"\n' * 3))

    def test_missing_file(self):
        code, out, err = run("frame", "/nonexistent/file")
        self.assertEqual((code, out), (1, b""))
        self.assertIn(b"/nonexistent/file: No such file", err)


class Transaction(unittest.TestCase):
    def test_vectors(self):
        entries = vector("transactions.json")
        for form in (lambda entry: json.dumps(entry["transaction"]), lambda entry: entry["bincode"]):
            _, lines = run_lines("tx", lines=map(form, entries))
            self.assertEqual(len(lines), len(entries))
            for entry, line in zip(entries, lines):
                found = json.loads(line)
                self.assertEqual(found["txid"], entry["txid"])
                self.assertEqual(found["bincode_bytes"], len(entry["bincode"]) // 2)
                self.assertEqual(len(found["inputs"]), len(entry["transaction"]["inputs"]))
                self.assertEqual([(item["value"], bytes.fromhex(item["script_pubkey"])) for item in found["outputs"]],
                                 [(item["value"], bytes(item["script_pubkey"]))
                                  for item in entry["transaction"]["outputs"]])
                self.assertIsNone(found["fee"])

    def test_bincode(self):
        entries = vector("transactions.json")
        code, lines = run_lines("tx", "--bincode", lines=(json.dumps(entry["transaction"]) for entry in entries))
        self.assertEqual((code, lines), (0, [entry["bincode"] for entry in entries]))

    def test_signatures(self):
        for entry in vector("signed_inputs.json"):
            code, lines = run_lines("tx", lines=[json.dumps(entry["transaction"])])
            self.assertEqual(code, 0)
            found = json.loads(lines[0])
            self.assertFalse(found["coinbase"])
            for item, spent in zip(found["inputs"], entry["spent_outputs"]):
                self.assertEqual(item["signature"], "valid")
                # Whoever signed owns what is spent.
                self.assertEqual(item["address"].encode(), bytes(spent["script_pubkey"]))

    def test_a_signature_that_does_not_hold(self):
        entry = vector("signed_inputs.json")[0]
        changed, short = copy.deepcopy(entry["transaction"]), copy.deepcopy(entry["transaction"])
        changed["outputs"][0]["value"] += 1
        short["inputs"][0]["script_sig"].pop()
        code, lines = run_lines("tx", lines=map(json.dumps, (changed, short)))
        self.assertEqual(code, 1)
        self.assertEqual([json.loads(line)["inputs"][0]["signature"] for line in lines], ["invalid", "malformed"])
        self.assertNotIn("address", json.loads(lines[1])["inputs"][0])

    def test_addresses_by_network(self):
        entry = vector("signed_inputs.json")[0]
        _, lines = run_lines("tx", "--network", "mainnet", lines=[json.dumps(entry["transaction"])])
        self.assertTrue(json.loads(lines[0])["inputs"][0]["address"].startswith("TIME1"))

    def test_coinbase_and_scripts(self):
        transaction = {"version": 1, "inputs": [], "outputs": [{"value": 1, "script_pubkey": list(b'ge"esis')}],
                       "lock_time": 0, "timestamp": 1764547200}
        code, lines = run_lines("tx", lines=[json.dumps(transaction)])
        found = json.loads(lines[0])
        self.assertEqual((code, found["coinbase"], found["time"]), (0, True, "2025-12-01T00:00:00Z"))
        self.assertIsNone(found["outputs"][0]["address"])

    def test_what_is_no_transaction(self):
        code, lines = run_lines("tx", lines=["00", "garbage", "123", "{}", '{"version":-1}'])
        self.assertEqual(code, 1)
        self.assertEqual(len(lines), 5)
        self.assertTrue(all(line.startswith("error: ") for line in lines), lines)
        self.assertEqual(lines[1], "error: neither a JSON object nor hexadecimal")
        self.assertIn("version: ", lines[4])


class Block(unittest.TestCase):
    def test_vectors(self):
        entries = vector("blocks.json")
        for form in (lambda entry: json.dumps(entry["block"]), lambda entry: entry["bincode"]):
            _, lines = run_lines("block", lines=map(form, entries))
            self.assertEqual(len(lines), len(entries))
            for entry, line in zip(entries, lines):
                found = json.loads(line)
                self.assertEqual(found["hash"], entry["hash"])
                self.assertEqual(found["bincode_bytes"], len(entry["bincode"]) // 2)
                self.assertEqual(found["masternode_rewards"], entry["block"]["masternode_rewards"])
                self.assertEqual(len(found["transactions"]), len(entry["block"]["transactions"]))

    def test_bincode(self):
        entries = vector("blocks.json")
        code, lines = run_lines("block", "--bincode", lines=(json.dumps(entry["block"]) for entry in entries))
        self.assertEqual((code, lines), (0, [entry["bincode"] for entry in entries]))

    def test_genesis_blocks_are_valid(self):
        for name, entry in vector("genesis.json").items():
            code, lines = run_lines("block", lines=[json.dumps(entry["block"])])
            self.assertEqual((code, json.loads(lines[0])["valid"]), (0, True), name)
        # A devnet's differs by its timestamp; any other difference is one too many.
        block = vector("genesis.json")["testnet"]["block"]
        block["header"]["block_reward"] += 1
        code, lines = run_lines("block", lines=[json.dumps(block)])
        self.assertEqual((code, json.loads(lines[0])["rule"]), (1, "CHAIN_E_VERSION"))

    def test_chain(self):
        blocks = vectors("chain.jsonl")
        code, lines = run_lines("block", lines=map(json.dumps, blocks))
        self.assertEqual(code, 0)
        found = list(map(json.loads, lines))
        self.assertEqual([block["valid"] for block in found], [True] * len(blocks))
        self.assertEqual([block["previous_hash"] for block in found[1:]], [block["hash"] for block in found[:-1]])
        self.assertEqual(found[-1]["hash"], vector("chain.json")["tip_hash"])
        self.assertEqual(found[-1]["merkle_root"], found[-1]["merkle_root_of_transactions"])

    def test_broken_rules_are_named(self):
        block = vectors("chain.jsonl")[5]
        root, reward, version = (copy.deepcopy(block) for _ in range(3))
        root["header"]["merkle_root"][0] ^= 1
        reward["masternode_rewards"][0][1] += 1
        version["header"]["version"] = 2
        code, lines = run_lines("block", lines=map(json.dumps, (root, reward, version)))
        self.assertEqual(code, 1)
        found = list(map(json.loads, lines))
        self.assertEqual([(block["valid"], block["rule"]) for block in found], [
            (False, "CHAIN_E_MERKLE_ROOT"), (False, "CHAIN_E_COINBASE_OUTPUTS"), (False, "CHAIN_E_VERSION")])
        self.assertIn("merkle root", found[0]["error"])

    def test_signatures_are_checked(self):
        signed = vector("signed_inputs.json")[0]["transaction"]
        block = vectors("chain.jsonl")[5]
        block["transactions"].append(signed)

        def with_root():
            _, lines = run_lines("tx", lines=map(json.dumps, block["transactions"]))
            txids = [json.loads(line)["txid"] for line in lines]
            block["header"]["merkle_root"] = list(bytes.fromhex(run_lines("hash", "--merkle", lines=txids)[1][0]))
            code, lines = run_lines("block", lines=[json.dumps(block)])
            return code, json.loads(lines[0])

        code, found = with_root()
        self.assertEqual((code, found["valid"]), (0, True))
        signed["outputs"][0]["value"] -= 1
        code, found = with_root()
        self.assertEqual((code, found["rule"]), (1, "CHAIN_E_SIGNATURE"))
        self.assertIn("input 0", found["error"])

    def test_certificate_is_counted(self):
        block = vectors("chain.jsonl")[5]
        block["commit"] = {"round": 3, "signatures": [["127.0.0.1", [1, 2]]]}
        _, lines = run_lines("block", lines=[json.dumps(block)])
        self.assertEqual(json.loads(lines[0])["commit"], {"round": 3, "signatures": 1})

    def test_certificate_is_checked_with_a_configuration(self):
        chain = Certified(bft_from=2)
        chain.grow(2)
        block = chain.blocks[2]
        short = {**block, "commit": {**block["commit"], "signatures": block["commit"]["signatures"][1:]}}
        late = chain.fork(1).make(timestamp=block["header"]["timestamp"] + 1)
        lines = [json.dumps(each) for each in (chain.blocks[1], block, bare(block), short, late)]
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "config.toml")
            pathlib.Path(path).write_text(toml.render({"node": {"network": "devnet"}, **chain.config()}))
            code, found = run_lines("block", "--config", path, lines=lines)
            pathlib.Path(path).write_text("[node]\nnetwork = 7\n")
            failed, _, err = run("block", "--config", path)
        self.assertEqual(code, 1)
        self.assertEqual([json.loads(line).get("rule") for line in found],
                         [None, None, "CHAIN_E_NO_CERTIFICATE", "CHAIN_E_CERTIFICATE", "CHAIN_E_SLOT_TIME"])
        self.assertEqual(run_lines("block", lines=lines)[0], 0)
        self.assertEqual(failed, 1)
        self.assertIn(b"node.network", err)

    def test_what_is_no_block(self):
        code, lines = run_lines("block", lines=["00", '{"header":1}', "xyz"])
        self.assertEqual(code, 1)
        self.assertTrue(all(line.startswith("error: ") for line in lines), lines)


class Address(unittest.TestCase):
    def test_vectors(self):
        entries = vector("addresses.json")
        for network in ("testnet", "mainnet"):
            code, out, _ = run("address", *(entry[network] for entry in entries))
            self.assertEqual(code, 0)
            for entry, line in zip(entries, out.decode().splitlines()):
                payload = hashlib.sha256(bytes.fromhex(entry["public_key"])).hexdigest()[:40]
                self.assertEqual(json.loads(line), {
                    "address": entry[network], "valid": True, "network": network, "payload": payload,
                    "script_pubkey": entry[network].encode().hex()})

    def test_from_public_key(self):
        for entry in vector("addresses.json"):
            for network in ("testnet", "mainnet"):
                self.assertEqual(run("address", "--key", entry["public_key"], "--network", network),
                                 (0, entry[network].encode() + b"\n", b""))
        entry = vector("addresses.json")[0]
        self.assertEqual(run("address", "--key=" + entry["public_key"])[1], entry["testnet"].encode() + b"\n")

    def test_refused(self):
        right = vector("addresses.json")[0]["testnet"]
        code, out, _ = run("address", right, right[:-1] + ("1" if right[-1] != "1" else "2"), "", 'T"')
        self.assertEqual(code, 1)
        found = list(map(json.loads, out.decode().splitlines()))
        self.assertEqual([address["valid"] for address in found], [True, False, False, False])
        self.assertEqual(found[3]["address"], 'T"')
        self.assertTrue(all(address["error"] for address in found[1:]))

    def test_of_another_network(self):
        entry = vector("addresses.json")[0]
        for network, code in (("testnet", 0), ("devnet", 0), ("mainnet", 1)):
            self.assertEqual(run("address", "--network", network, entry["testnet"])[0], code, network)


class Hash(unittest.TestCase):
    def test_bytes(self):
        data = bytes(range(256)) * 100
        self.assertEqual(run("hash", stdin=data), (0, hashlib.sha256(data).hexdigest().encode() + b"\n", b""))

    def test_hex(self):
        values = [b"a", b"abc", bytes(5000)]
        code, lines = run_lines("hash", "--hex", lines=(value.hex() for value in values))
        self.assertEqual((code, lines), (0, [hashlib.sha256(value).hexdigest() for value in values]))

    def test_merkle(self):
        for entry in vector("merkle.json"):
            self.assertEqual(run_lines("hash", "--merkle", lines=entry["txids"]), (0, [entry["root"]]))

    def test_what_is_no_hex(self):
        for args, lines in ((["--hex"], ["0g", "0"]), (["--merkle"], ["00", "0g"])):
            code, found = run_lines("hash", *args, lines=lines)
            self.assertEqual(code, 1)
            self.assertEqual(len(found), 2)
            self.assertTrue(all(line.startswith("error: ") for line in found), found)

    def test_files(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch, "file")
            path.write_bytes(b"abc")
            self.assertEqual(run("hash", str(path))[1].decode(), hashlib.sha256(b"abc").hexdigest() + "\n")
            code, _, err = run("hash", str(path) + "x")
        self.assertEqual(code, 1)
        self.assertIn(b"No such file", err)


class Wallet(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name, "time-wallet.dat")

    def show(self, data, *args):
        self.path.write_bytes(data)
        self.path.chmod(0o600)
        return run("wallet", *args, str(self.path))

    def test_vectors(self):
        for entry in vector("wallets.json"):
            data = bytes.fromhex(entry["file"])
            code, out, err = self.show(data)
            self.assertEqual((code, err), (0, b""))
            found = json.loads(out)
            self.assertEqual({key: found[key] for key in ("address", "label", "network", "public_key")},
                             {key: entry[key] for key in ("address", "label", "network", "public_key")})
            self.assertEqual((found["version"], found["encrypted"]), (1, False))
            self.assertNotIn(data[8:40].hex().encode(), out)
            self.assertNotIn("secret", found)
            self.assertEqual(self.path.read_bytes(), data)

    def test_secret(self):
        entry = vector("wallets.json")[0]
        code, out, _ = self.show(bytes.fromhex(entry["file"]), "--secret")
        self.assertEqual((code, json.loads(out)["secret"]), (0, entry["file"][16:80]))

    def test_damaged(self):
        data = bytearray.fromhex(vector("wallets.json")[0]["file"])
        for damaged in (data[:-1], data[:20], b"", bytes([9]) + data[1:], data[:50] + b"\xff" + data[51:]):
            code, out, err = self.show(bytes(damaged))
            self.assertEqual((code, out), (1, b""))
            self.assertIn(b"time-wallet.dat", err)

    def test_encrypted(self):
        for entry in vector("wallet_containers.json"):
            data = bytes.fromhex(entry["file"])
            code, out, err = self.show(data)
            self.assertEqual((code, err), (0, b""))
            found = json.loads(out)
            keys = ("address", "created_at", "kdf_memory_bytes", "kdf_operations", "label", "network")
            self.assertEqual({key: found[key] for key in keys}, {key: entry[key] for key in keys})
            self.assertEqual((found["version"], found["encrypted"], found["kdf"]), (1, True, "argon2id"))
            self.assertEqual(found["public_key"], entry["public_keys"][0])
            self.assertEqual(found["public_keys"], len(entry["public_keys"]))
            self.assertEqual(self.path.read_bytes(), data)
            code, out, err = self.show(data, "--secret")
            self.assertEqual((code, out), (1, b""))
            self.assertIn(b"its secret is encrypted", err)
            code, out, err = self.show(data[:-1])
            self.assertEqual((code, out), (1, b""))
            self.assertIn(b"is damaged", err)

    def test_missing_is_not_made(self):
        code, out, err = run("wallet", str(self.path))
        self.assertEqual((code, out), (1, b""))
        self.assertIn(b"No such file", err)
        self.assertFalse(self.path.exists())

    def validator(self, path, *args):
        """What is printed for the list of validators, and what was said about it."""
        code, out, err = run("validator-key", "--address", "203.0.113.7", *args, str(path))
        self.assertEqual(code, 0, err)
        return tomllib.loads("entry = " + out.decode())["entry"], err

    def test_validator_key(self):
        for entry in vector("wallets.json"):
            data = bytes.fromhex(entry["file"])
            self.show(data)
            wanted = {"address": "203.0.113.7", "public_key": entry["public_key"], "tier": "free",
                      "reward_address": entry["address"]}
            for path in (self.path, self.path.parent):
                self.assertEqual(self.validator(path), (wanted, b""))
            self.assertEqual(self.validator(self.path, "--tier=Gold"), ({**wanted, "tier": "gold"}, b""))
            self.assertEqual(self.path.read_bytes(), data)

    def test_validator_key_of_an_encrypted_wallet(self):
        for entry in vector("wallet_containers.json"):
            self.show(bytes.fromhex(entry["file"]))
            found, err = self.validator(self.path.parent)
            self.assertEqual((found["public_key"], found["reward_address"], err),
                             (entry["public_keys"][0], entry["address"], b""))

    def test_validator_key_makes_a_wallet_in_a_data_directory(self):
        made, err = self.validator(self.path.parent, "--network", "mainnet")
        self.assertIn(b"Made wallet " + str(self.path).encode(), err)
        self.assertEqual((self.path.stat().st_mode & 0o777, made["reward_address"][:5]), (0o600, "TIME1"))
        self.assertEqual(self.validator(self.path), (made, b""))
        code, out, err = run("validator-key", "--address=203.0.113.7", "--network=testnet", str(self.path))
        self.assertEqual((code, out), (1, b""))
        self.assertIn(b"time-wallet.dat", err)

    def test_validator_key_makes_nothing_elsewhere(self):
        for path in (self.path, self.path.parent / "missing"):
            code, out, err = run("validator-key", "--address=203.0.113.7", str(path))
            self.assertEqual((code, out), (1, b""))
            self.assertIn(b"No such file", err)
            self.assertFalse(path.exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + ["-v"])
