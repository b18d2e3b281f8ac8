# SPDX-License-Identifier: MIT
"""The wallet of a daemon as a test knows it: its file and its keys; and blocks that hold what the daemon sends."""
import json
import pathlib
import struct

from .chain import Chain, Key, output, sha256, sign, spend, transaction, txid

NETWORK_TEST = 1
CREATED_AT = 1766102400


class Wallet:
    """The same keys for the same name in every run."""

    def __init__(self, name):
        self.secret = sha256(f"functional test wallet {name}".encode())
        self._keys = {}

    def key(self, index=0):
        if index not in self._keys:
            derived = sha256(b"TIMECOIN_KEY:" + self.secret + struct.pack("<I", index))
            self._keys[index] = Key(derived if index else self.secret)
        return self._keys[index]

    def address(self, index=0):
        return self.key(index).address

    def write(self, node):
        """Puts the file into the data directory of a daemon that does not run."""
        address = self.address().encode()
        path = pathlib.Path(node.datadir, "time-wallet.dat")
        path.write_bytes(struct.pack("<II", 1, NETWORK_TEST) + self.secret + self.key().public +
                         struct.pack("<Q", len(address)) + address + struct.pack("<q", CREATED_AT) + b"\0")
        path.chmod(0o600)


class WalletChain(Chain):
    """Its rewards go to one address, unless a test changes it."""

    def __init__(self, owner, **options):
        self.owner = owner
        super().__init__(**options)

    def masternodes(self):
        return [self.owner] * len(self.tiers)

    def fork(self, height, tag=None):
        other = super().fork(height, tag)
        other.__class__, other.owner = WalletChain, self.owner
        return other

    def payment(self, script, value, fee=2_000_000):
        """A signed transaction that pays so much to a script, from the oldest output that is large enough; the rest
        goes back to where it came from."""
        outpoint = next(outpoint for outpoint, (held, owner) in self.utxos.coins.items()
                        if held > value + fee and Key.of(owner))
        held, owner = self.utxos.coins[outpoint]
        tx = transaction([spend(outpoint)], [output(value, script), output(held - value - fee, owner)],
                         self.tip["header"]["timestamp"])
        return sign(tx, [Key.of(owner)])

    def grow_payment(self, script, value):
        """A block with such a payment."""
        self.append(self.make([self.payment(script, value)]))


def read_transaction(data):
    """A transaction of the wire from its hex in bincode."""
    data, at = bytes.fromhex(data), 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values[0]

    def take_bytes():
        nonlocal at
        size = take("Q")
        at += size
        return list(data[at - size:at])

    tx = {"version": take("I"), "inputs": [], "outputs": []}
    for _ in range(take("Q")):
        tx["inputs"].append({"previous_output": {"txid": list(take("32s")), "vout": take("I")},
                             "script_sig": take_bytes(), "sequence": take("I")})
    for _ in range(take("Q")):
        tx["outputs"].append({"value": take("Q"), "script_pubkey": take_bytes()})
    tx["lock_time"], tx["timestamp"] = take("I"), take("q")
    assert at == len(data)
    return tx


def sent(node, identity):
    """A transaction that a daemon knows."""
    tx = read_transaction(node.rpc("gettransaction", identity)["hex"])
    assert txid(tx).hex() == identity
    return tx


def spent_by(tx):
    """The outpoints that it spends, to be compared."""
    return {json.dumps(i["previous_output"]) for i in tx["inputs"]}
