# SPDX-License-Identifier: MIT
"""A model of the chain, written from PROTOCOL.md §5 and §6 and not from the daemon: what the daemon says is compared
with it.

Values are those of the wire (dictionaries, byte arrays as lists of numbers); hashes are bytes. `Chain` holds blocks
from genesis to its tip with the unspent outputs, makes further ones, and forks. `broken_rule` is the validation. What
breaks which rule is in alterations.py.
"""
import hashlib
import json
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

COIN = 100_000_000
SUBSIDY = 100 * COIN
GENESIS_TIME = 1764547200       # of testnet; devnet's when the configuration names no other
MAX_BLOCK_BYTES = 2_000_000
MAX_TRANSACTION_BYTES = 1_000_000
MAX_TRANSACTIONS = 10_000
MAX_AHEAD_S = 600
U64 = 2**64
ZERO = bytes(32)
WEIGHTS = {"Free": 100, "Bronze": 1000, "Silver": 10000, "Gold": 100000}
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def sha256(data):
    return hashlib.sha256(data).digest()


# --- canonical binary form (§5) -------------------------------------------------------------------------------------

def _u64(value):
    return struct.pack("<Q", value)


def _bytes(data):
    return _u64(len(data)) + bytes(data)


def bincode_outputs(outputs):
    return _u64(len(outputs)) + b"".join(_u64(o["value"]) + _bytes(o["script_pubkey"]) for o in outputs)


def bincode_transaction(tx):
    inputs = b"".join(bytes(i["previous_output"]["txid"]) + struct.pack("<I", i["previous_output"]["vout"]) +
                      _bytes(i["script_sig"]) + struct.pack("<I", i["sequence"]) for i in tx["inputs"])
    return (struct.pack("<I", tx["version"]) + _u64(len(tx["inputs"])) + inputs + bincode_outputs(tx["outputs"]) +
            struct.pack("<Iq", tx["lock_time"], tx["timestamp"]))


def bincode_header(header):
    return (struct.pack("<IQ", header["version"], header["height"]) + bytes(header["previous_hash"]) +
            bytes(header["merkle_root"]) + struct.pack("<qQ", header["timestamp"], header["block_reward"]))


def bincode_block(block):
    rewards = b"".join(_bytes(address.encode()) + _u64(amount) for address, amount in block["masternode_rewards"])
    return (bincode_header(block["header"]) + _u64(len(block["transactions"])) +
            b"".join(bincode_transaction(tx) for tx in block["transactions"]) +
            _u64(len(block["masternode_rewards"])) + rewards)


def txid(tx):
    return sha256(bincode_transaction(tx))


def block_hash(block):
    return sha256(bincode_header(block["header"]))


def merkle_root(txids):
    level = list(txids)
    while len(level) > 1:
        level += level[-1:] if len(level) % 2 else []
        level = [sha256(left + right) for left, right in zip(level[::2], level[1::2])]
    return level[0] if level else ZERO


def encode(value):
    """Compact JSON as the existing node writes it, without a newline."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# --- addresses and signatures (§6) ----------------------------------------------------------------------------------

def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def address_of(public, network="testnet"):
    payload = sha256(public)[:20]
    return "TIME" + ("1" if network == "mainnet" else "0") + base58(payload + sha256(sha256(payload))[:4])


class Key:
    """A signing key and the output script that it owns."""

    _by_script = {}
    _numbered = {}

    def __init__(self, seed):
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes(serialization.Encoding.Raw,
                                                              serialization.PublicFormat.Raw)
        self.address = address_of(self.public)
        self.script = self.address.encode()
        Key._by_script[self.script] = self

    @classmethod
    def numbered(cls, number):
        """The same key for the same number (or text) in every run."""
        if number not in cls._numbered:
            cls._numbered[number] = cls(sha256(f"functional test key {number}".encode()))
        return cls._numbered[number]

    @classmethod
    def of(cls, script):
        """Who owns a script, or None."""
        return cls._by_script.get(bytes(script))

    def sign(self, message):
        return self._private.sign(message)


def signed_message(tx, index):
    """What the signature of an input is made over."""
    empty = {**tx, "inputs": [{**i, "script_sig": []} for i in tx["inputs"]]}
    return txid(empty) + struct.pack("<I", index) + sha256(bincode_outputs(tx["outputs"]))


def sign(tx, keys):
    """Signs each input by the key in its place."""
    for index, key in enumerate(keys):
        tx["inputs"][index]["script_sig"] = list(key.public + key.sign(signed_message(tx, index)))
    return tx


def signature_holds(tx, index, script):
    """Whether input `index` may spend an output with that script."""
    blob = bytes(tx["inputs"][index]["script_sig"])
    if len(blob) != 96:
        return False
    public, signature = blob[:32], blob[32:]
    if bytes(script) not in (address_of(public).encode(), address_of(public, "mainnet").encode()):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed_message(tx, index))
    except InvalidSignature:
        return False
    return True


# --- building blocks ------------------------------------------------------------------------------------------------

def output(value, script):
    return {"value": value, "script_pubkey": list(script)}


def spend(outpoint):
    """An unsigned input; an outpoint is (txid, vout)."""
    return {"previous_output": wire_outpoint(outpoint), "script_sig": [], "sequence": 0xffffffff}


def wire_outpoint(outpoint):
    return {"txid": list(outpoint[0]), "vout": outpoint[1]}


def transaction(inputs, outputs, timestamp=GENESIS_TIME, version=1, lock_time=0):
    return {"version": version, "inputs": inputs, "outputs": outputs, "lock_time": lock_time, "timestamp": timestamp}


def shares(total, tiers):
    """The rewards of masternodes of these tiers: by weight, rounded down."""
    weight = sum(WEIGHTS[tier] for tier in tiers)
    return [total * WEIGHTS[tier] // weight for tier in tiers]


def coinbase(rewards, timestamp):
    return transaction([], [output(amount, address.encode()) for address, amount in rewards], timestamp)


def reseal(block):
    """Makes the merkle root that of the transactions."""
    block["header"]["merkle_root"] = list(merkle_root(txid(tx) for tx in block["transactions"]))
    return block


def genesis(timestamp=GENESIS_TIME, value=SUBSIDY):
    block = {"header": {"version": 2, "height": 0, "previous_hash": list(ZERO), "merkle_root": list(ZERO),
                        "timestamp": timestamp, "block_reward": value},
             "transactions": [transaction([], [output(value, b"genesis")], timestamp)], "masternode_rewards": []}
    return reseal(block)


# --- unspent outputs ------------------------------------------------------------------------------------------------

class Utxos:
    """All unspent outputs: {(txid, vout): (value, script)}."""

    def __init__(self, coins=None):
        self.coins = dict(coins or {})

    def connect(self, block):
        """Returns what disconnect() needs."""
        spent, made = [], []
        for tx in block["transactions"]:
            for i in tx["inputs"]:
                outpoint = (bytes(i["previous_output"]["txid"]), i["previous_output"]["vout"])
                # A block that spends what is not there can be put on a chain too: that is how invalid ones are served.
                spent.append((outpoint, self.coins.pop(outpoint, None)))
            identity = txid(tx)
            for vout, o in enumerate(tx["outputs"]):
                made.append((identity, vout))
                self.coins[identity, vout] = (o["value"], bytes(o["script_pubkey"]))
        return spent, made

    def disconnect(self, undo):
        spent, made = undo
        for outpoint, coin in spent:
            if coin:
                self.coins[outpoint] = coin
        for outpoint in made:
            self.coins.pop(outpoint, None)

    def state_hash(self):
        digest = hashlib.sha256()
        for (identity, vout), (value, script) in sorted(self.coins.items()):
            digest.update(identity + struct.pack("<IQ", vout, value) + script)
        return digest.digest()

    def total(self):
        return sum(value for value, _ in self.coins.values())


# --- validation -----------------------------------------------------------------------------------------------------

def broken_rule(block, chain, now):
    """The first rule that a block on top of a chain breaks, as one of the names of alterations.CODES, or None."""
    header, transactions = block["header"], block["transactions"]
    if header["version"] != 1:
        return "version"
    if header["height"] != chain.height + 1:
        return "height"
    if bytes(header["previous_hash"]) != chain.tip_hash:
        return "previous"
    if header["timestamp"] <= chain.tip["header"]["timestamp"]:
        return "timestamp"
    if header["timestamp"] > now + MAX_AHEAD_S:
        return "future"
    return _broken_body(block) or _broken_spending(block, chain, transactions)


def _broken_body(block):
    header, transactions = block["header"], block["transactions"]
    if len(bincode_block(block)) > MAX_BLOCK_BYTES or len(transactions) > MAX_TRANSACTIONS:
        return "size"
    if any(len(bincode_transaction(tx)) > MAX_TRANSACTION_BYTES for tx in transactions):
        return "size"
    txids = [txid(tx) for tx in transactions]
    if len(set(txids)) != len(txids):
        return "duplicate"
    if bytes(header["merkle_root"]) != merkle_root(txids):
        return "merkle"
    if not transactions or transactions[0]["inputs"] or any(not tx["inputs"] for tx in transactions[1:]):
        return "coinbase"
    first = transactions[0]
    if (first["version"], first["lock_time"], first["timestamp"]) != (1, 0, header["timestamp"]):
        return "coinbase"
    paid = [(o["value"], bytes(o["script_pubkey"])) for o in first["outputs"]]
    if paid != [(amount, address.encode()) for address, amount in block["masternode_rewards"]]:
        return "payout"
    return None


def _broken_spending(block, chain, transactions):
    created, spent, fees = {}, set(), 0
    for tx in transactions:
        value_in = 0
        for index, i in enumerate(tx["inputs"]):
            outpoint = (bytes(i["previous_output"]["txid"]), i["previous_output"]["vout"])
            if outpoint in spent:
                return "double spend"
            coin = created.get(outpoint) or chain.utxos.coins.get(outpoint)
            if coin is None:
                return "missing"
            if not signature_holds(tx, index, coin[1]):
                return "signature"
            spent.add(outpoint)
            value_in += coin[0]
        value_out = sum(o["value"] for o in tx["outputs"])
        if value_out >= U64:
            return "overflow"
        if tx["inputs"] and value_out > value_in:
            return "creation"
        fees += value_in - value_out if tx["inputs"] else 0
        identity = txid(tx)
        created.update({(identity, n): (o["value"], bytes(o["script_pubkey"])) for n, o in enumerate(tx["outputs"])})
    total = SUBSIDY + fees
    if block["header"]["block_reward"] != total:
        return "reward"
    paid = sum(amount for _, amount in block["masternode_rewards"])
    if paid > total or paid + len(block["masternode_rewards"]) < total:
        return "reward sum"
    return None


# --- chains ---------------------------------------------------------------------------------------------------------

class Chain:
    """Blocks from genesis to the tip. Two chains with the same history and the same `tag` grow the same blocks."""

    def __init__(self, first=None, *, block_time=2, tag="main", tiers=("Free", "Bronze", "Silver")):
        self.block_time = block_time
        self.tag = tag
        self.tiers = tiers
        self.blocks = []
        self.hashes = []
        self.utxos = Utxos()
        self._undo = []
        self._lines = []
        self.append(first or genesis())

    @classmethod
    def read(cls, path):
        """From a file in the import format."""
        with open(path, encoding="utf-8") as file:
            blocks = [json.loads(line) for line in file if line.strip()]
        chain = cls(blocks[0], block_time=600)
        for block in blocks[1:]:
            chain.append(block)
        return chain

    # --- what it is ---

    @property
    def height(self):
        return len(self.blocks) - 1

    @property
    def tip(self):
        return self.blocks[-1]

    @property
    def tip_hash(self):
        return self.hashes[-1]

    def hash_at(self, height):
        """As a byte array for the wire, or None above the tip."""
        return list(self.hashes[height]) if 0 <= height <= self.height else None

    def line(self, height):
        """A block as JSON, encoded once."""
        if self._lines[height] is None:
            self._lines[height] = encode(self.blocks[height])
        return self._lines[height]

    def write(self, path, first=0, last=None):
        """The import format: one block a line."""
        with open(path, "wb") as file:
            for height in range(first, (self.height if last is None else last) + 1):
                file.write(self.line(height) + b"\n")
        return str(path)

    # --- growing ---

    def append(self, block):
        """Unchecked: a chain may be given an invalid block on purpose."""
        self._undo.append(self.utxos.connect(block))
        self.blocks.append(block)
        self.hashes.append(block_hash(block))
        self._lines.append(None)
        return block

    def pop(self):
        self.utxos.disconnect(self._undo.pop())
        self.hashes.pop()
        self._lines.pop()
        return self.blocks.pop()

    def fork(self, height, tag=None):
        """Another chain that shares the blocks up to a height."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.tag = tag or self.tag
        other.blocks, other.hashes = list(self.blocks), list(self.hashes)
        other.utxos, other._undo, other._lines = Utxos(self.utxos.coins), list(self._undo), list(self._lines)
        while other.height > height:
            other.pop()
        return other

    def masternodes(self):
        return [Key.numbered(f"{self.tag} {number}") for number in range(len(self.tiers))]

    def make(self, transactions=(), timestamp=None):
        """The next block, valid if the transactions are; it is not appended."""
        when = self.tip["header"]["timestamp"] + self.block_time if timestamp is None else timestamp
        total = SUBSIDY + self.fees(transactions)
        rewards = [[key.address, amount] for key, amount in zip(self.masternodes(), shares(total, self.tiers))]
        block = {"header": {"version": 1, "height": self.height + 1, "previous_hash": list(self.tip_hash),
                            "merkle_root": [], "timestamp": when, "block_reward": total},
                 "transactions": [coinbase(rewards, when), *transactions], "masternode_rewards": rewards}
        return reseal(block)

    def grow(self, count=1, transactions=0):
        """Appends valid blocks, with so many payments each as there are outputs to spend; returns the last one."""
        for _ in range(count):
            self.append(self.make(self.payments(transactions)))
        return self.tip

    # --- spending ---

    def coin(self, outpoint, transactions=()):
        """(value, script) of an unspent output or of one that a transaction of the same block makes."""
        for tx in transactions:
            if txid(tx) == outpoint[0]:
                o = tx["outputs"][outpoint[1]]
                return o["value"], bytes(o["script_pubkey"])
        return self.utxos.coins[outpoint]

    def fees(self, transactions):
        fees = 0
        for tx in transactions:
            for i in tx["inputs"]:
                fees += self.coin((bytes(i["previous_output"]["txid"]), i["previous_output"]["vout"]), transactions)[0]
            fees -= sum(o["value"] for o in tx["outputs"])
        return fees

    def spendable(self, count, skip=()):
        """That many outpoints that we have keys for, oldest first; fewer when there are no more."""
        found = []
        for outpoint, (value, script) in self.utxos.coins.items():
            if len(found) == count:
                break
            if value > 10000 and outpoint not in skip and Key.of(script):
                found.append(outpoint)
        return found

    def pay(self, outpoints, fee=2_000_000, parts=2, to="paid", transactions=()):
        """A signed transaction that spends the outpoints in equal parts, less the fee."""
        coins = [self.coin(outpoint, transactions) for outpoint in outpoints]
        total = sum(value for value, _ in coins) - min(fee, sum(value for value, _ in coins) // 10)
        outputs = [output(total // parts, Key.numbered(f"{to} {n}").script) for n in range(parts - 1)]
        outputs.append(output(total - total // parts * (parts - 1), Key.numbered(f"{to} {parts - 1}").script))
        tx = transaction([spend(outpoint) for outpoint in outpoints], outputs, self.tip["header"]["timestamp"])
        return sign(tx, [Key.of(script) for _, script in coins])

    def payments(self, count):
        """Signed transactions that spend different outputs."""
        return [self.pay([outpoint]) for outpoint in self.spendable(count)]
