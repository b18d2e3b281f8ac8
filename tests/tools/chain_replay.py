#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Replays a chain of JSON lines by the rules of the protocol (PROTOCOL.md §5 and §6), written a second time and from the
text alone: no code of the project takes part, and signatures are verified by libsodium itself.

    chain_replay.py FILE    prints height, tip hash, number of unspent outputs and their state hash as one JSON object

Raises, or prints, BadChain with the height and the rule.  Slow: for chains of some thousand transactions.
"""
import ctypes
import ctypes.util
import hashlib
import json
import struct
import sys

SUBSIDY = 100 * 10**8
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")


class BadChain(Exception):
    """A rule is broken; the text says which and where."""


def sha256(data):
    return hashlib.sha256(data).digest()


def verify(public_key, message, signature):
    return _sodium.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(len(message)), public_key) == 0


def blob(values):
    return struct.pack("<Q", len(values)) + bytes(values)


def outputs_bincode(outputs):
    return struct.pack("<Q", len(outputs)) + b"".join(
        struct.pack("<Q", output["value"]) + blob(output["script_pubkey"]) for output in outputs)


def transaction_bincode(transaction, bare=False):
    """`bare`: with every script_sig emptied."""
    inputs = b"".join(
        bytes(item["previous_output"]["txid"]) + struct.pack("<I", item["previous_output"]["vout"])
        + blob([] if bare else item["script_sig"]) + struct.pack("<I", item["sequence"])
        for item in transaction["inputs"])
    return (struct.pack("<IQ", transaction["version"], len(transaction["inputs"])) + inputs
            + outputs_bincode(transaction["outputs"])
            + struct.pack("<Iq", transaction["lock_time"], transaction["timestamp"]))


def header_bincode(header):
    return (struct.pack("<IQ", header["version"], header["height"]) + bytes(header["previous_hash"])
            + bytes(header["merkle_root"]) + struct.pack("<qQ", header["timestamp"], header["block_reward"]))


def block_bincode(block):
    rewards = b"".join(blob(address.encode()) + struct.pack("<Q", amount)
                       for address, amount in block["masternode_rewards"])
    return (header_bincode(block["header"]) + struct.pack("<Q", len(block["transactions"]))
            + b"".join(map(transaction_bincode, block["transactions"]))
            + struct.pack("<Q", len(block["masternode_rewards"])) + rewards)


def txids_of(block):
    return [sha256(transaction_bincode(transaction)) for transaction in block["transactions"]]


def merkle_root(txids):
    level = list(txids) or [bytes(32)]
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def address_of(public_key, digit="0"):
    payload = sha256(public_key)[:20]
    data = payload + sha256(sha256(payload))[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, remainder = divmod(number, 58)
        text = ALPHABET[remainder] + text
    return "TIME" + digit + "1" * (len(data) - len(data.lstrip(b"\0"))) + text


class Replay:
    """A chain up to some height: its tip, and every unspent output."""

    def __init__(self, genesis):
        """Whatever genesis says is taken for right: networks differ."""
        self.height = 0
        self.hash = sha256(header_bincode(genesis["header"]))
        self.timestamp = genesis["header"]["timestamp"]
        self.coins = {}
        self.txids = set()
        self.digit = "1" if genesis["header"]["timestamp"] == 1767225600 else "0"
        self._require(genesis["header"]["height"] == 0 and len(genesis["transactions"]) == 1, "genesis")
        txid = sha256(transaction_bincode(genesis["transactions"][0]))
        self._require(bytes(genesis["header"]["merkle_root"]) == txid, "merkle root")
        self._add(txid, genesis["transactions"][0])

    def _require(self, holds, rule):
        if not holds:
            raise BadChain(f"block {self.height + 1}: {rule}")

    def _add(self, txid, transaction):
        self._require(txid not in self.txids, "txid known")
        self.txids.add(txid)
        for vout, output in enumerate(transaction["outputs"]):
            self.coins[txid, vout] = (output["value"], bytes(output["script_pubkey"]))

    def _spend(self, txid, transaction):
        """The fee."""
        bare = sha256(transaction_bincode(transaction, bare=True))
        outputs = sha256(outputs_bincode(transaction["outputs"]))
        paid = 0
        for index, item in enumerate(transaction["inputs"]):
            outpoint = bytes(item["previous_output"]["txid"]), item["previous_output"]["vout"]
            self._require(outpoint in self.coins, f"input {index} of {txid.hex()} is not unspent")
            value, script = self.coins.pop(outpoint)
            paid += value
            script_sig = bytes(item["script_sig"])
            self._require(len(script_sig) == 96, "script_sig")
            key, signature = script_sig[:32], script_sig[32:]
            self._require(address_of(key, self.digit).encode() == script, f"owner of input {index} of {txid.hex()}")
            self._require(verify(key, bare + struct.pack("<I", index) + outputs, signature),
                          f"signature of input {index} of {txid.hex()}")
        fee = paid - sum(output["value"] for output in transaction["outputs"])
        self._require(fee >= 0, f"outputs of {txid.hex()} exceed its inputs")
        return fee

    def connect(self, block):
        header, transactions = block["header"], block["transactions"]
        self._require(header["version"] == 1, "version")
        self._require(header["height"] == self.height + 1, "height")
        self._require(bytes(header["previous_hash"]) == self.hash, "previous hash")
        self._require(header["timestamp"] > self.timestamp, "timestamp")
        self._require(len(block_bincode(block)) <= 2000000, "block size")
        self._require(0 < len(transactions) <= 10000, "number of transactions")
        self._require([not item["inputs"] for item in transactions] == [True] + [False] * (len(transactions) - 1),
                      "one coinbase, the first")
        txids = txids_of(block)
        self._require(bytes(header["merkle_root"]) == merkle_root(txids), "merkle root")
        coinbase = transactions[0]
        self._require((coinbase["version"], coinbase["lock_time"], coinbase["timestamp"]) == (1, 0, header["timestamp"]),
                      "fields of the coinbase")
        paid = [[bytes(output["script_pubkey"]).decode(), output["value"]] for output in coinbase["outputs"]]
        self._require(paid == block["masternode_rewards"], "coinbase pays the rewards")
        fees = 0
        for txid, transaction in zip(txids[1:], transactions[1:]):
            fees += self._spend(txid, transaction)
            self._add(txid, transaction)
        self._add(txids[0], coinbase)
        total, shared = SUBSIDY + fees, sum(amount for _, amount in paid)
        self._require(header["block_reward"] == total, "block reward")
        self._require(total - len(paid) <= shared <= total, "sum of the rewards")
        self.height, self.hash, self.timestamp = header["height"], sha256(header_bincode(header)), header["timestamp"]

    def state_hash(self):
        return sha256(b"".join(txid + struct.pack("<IQ", vout, value) + script
                               for (txid, vout), (value, script) in sorted(self.coins.items())))

    def summary(self):
        return {"height": self.height, "tip_hash": self.hash.hex(), "transactions": len(self.txids),
                "utxo_count": len(self.coins), "utxo_state_hash": self.state_hash().hex()}


def replay(lines):
    """The Replay at the end of a chain, given as JSON lines."""
    chain = None
    for line in lines:
        block = json.loads(line)
        if chain is None:
            chain = Replay(block)
        else:
            chain.connect(block)
    return chain


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        try:
            print(json.dumps(replay(lines).summary()))
        except BadChain as error:
            sys.exit(f"chain_replay: {error}")


if __name__ == "__main__":
    main()
