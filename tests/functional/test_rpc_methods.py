# SPDX-License-Identifier: MIT
"""Every method of the RPC on a network where money moves, and every error that its help names.

The methods, their parameters and their errors are those that `help` tells as JSON, so a method without a case in
METHODS, or an error without one that provokes it, fails the test.  What the check of the parameters answers is provoked
from the table alone; the rest is in METHODS:

    "getblock": [ok([1]), fails(-5, [ZERO]), elsewhere(-1, "tests/unit/test_rpc_chain.c", "damaged_block")]

Parameters are a list, a dictionary (by name), or a function of the world that returns one.
"""
import itertools
import json
import os
import pathlib
import threading
import time

import pytest

from harness.chain import COIN, Key, bincode_transaction, output, sign, spend, transaction, txid
from harness.daemon import Daemon
from harness.net import SCALE, Range, wait_until
from harness.peer import Peer
from harness.rpc import RpcError
from harness.sync import sync_config
from harness.validators import Validators
from harness.wallet import Wallet, WalletChain

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZERO = "00" * 32
STRANGER = Key.numbered("a stranger").address
NOWHERE = "203.0.113.7"
SPLIT_OWNER, SPLIT = Key.numbered("an owner of many coins"), 5000
PASSPHRASE = "open sesame"
INT64_MAX = 2**63 - 1
VALUES = {"boolean": True, "integer": 1, "number": 1.5, "string": "x", "array": [], "object": {}}


def split(chain, outpoint, count):
    """A transaction that makes many coins of one."""
    value, owner = chain.coin(outpoint)
    each = (value - value // 500) // count
    tx = transaction([spend(outpoint)], [output(each, SPLIT_OWNER.script) for _ in range(count)],
                     chain.tip["header"]["timestamp"])
    return sign(tx, [Key.of(owner)])


# --- the world ------------------------------------------------------------------------------------------------------

class World:
    """Three validators and an observer, who pay each other all the time.  `node` is a validator that the cases may use
    as they like; `locked` the observer with an encrypted wallet; `spare` a daemon apart, with rewards, whose pool holds
    one transaction and is full."""

    def __init__(self, workdir, network):
        self.daemons = []
        self.network = network
        self.workdir = workdir
        self.net = Validators(self.make, [network.ip(number) for number in range(1, 5)], 3, observers=1)
        self.node, self.payer, self.observer = self.net.nodes[0], self.net.nodes[1], self.net.nodes[3]
        self.spare_wallet = Wallet("spare")
        self.spare = self.peer = None
        self.elsewhere = network.ip(50)
        self.spare_chain = None
        self._moving = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._pay)
        self.failure = None
        self.payments = 0

    def make(self, ip, config=None, start=True):
        daemon = Daemon(self.workdir, ip, config)
        self.daemons.append(daemon)
        return daemon.start() if start else daemon

    def start(self):
        self._start_spare()
        self.net.wait_height(3)
        node = self.node
        self.txid = node.rpc("sendtoaddress", node.rpc("getnewaddress"), 3)
        for _ in range(2):
            node.rpc("sendtoaddress", self.observer.rpc("getnewaddress"), 2)
        wait_until(lambda: len(self.observer.rpc("listunspent")) == 2, 20, "the payments to the observer are in blocks")
        wait_until(lambda: node.rpc("gettransaction", self.txid)["confirmations"] > 0, 20, "the first of all is")
        self._thread.start()
        assert self._moving.wait(20), "nothing moves"
        return self

    def _start_spare(self):
        chain = self.spare_chain = WalletChain(self.spare_wallet.key())
        chain.grow(40)
        # More coins than the cache of the database holds.
        splits = [split(chain, outpoint, SPLIT) for outpoint in chain.spendable(3)]
        chain.append(chain.make(splits))
        self.splits = [(txid(tx), vout) for tx in splits for vout in range(0, SPLIT, SPLIT // 20)]
        self.spare = self.make(self.network.ip(40), sync_config(limits={"pool_count": 1}, storage={"cache_size_mb": 1}),
                               start=False)
        self.spare.load_blocks(chain)
        self.spare_wallet.write(self.spare)
        self.spare.start()
        self.spare.rpc("sendtoaddress", STRANGER, 1000)

    def _pay(self):
        try:
            while not self._stop.wait(0.2):
                target = self.net.nodes[(self.payments % 2) * 2]
                sent = self.payer.rpc("sendtoaddress", target.rpc("getnewaddress"), "0.01")
                wait_until(lambda: self.payer.rpc("gettransactionfinality", sent)["finalized"], 10,  # noqa: B023
                           "a payment is final")
                self.payments += 1
                self._moving.set()
        except (AssertionError, OSError, RpcError) as error:
            self.failure = error

    # --- what cases need

    def coins(self, node=None):
        """Coins of the node in blocks; there are moments in which all are on their way."""
        return wait_until(lambda: (node or self.node).rpc("listunspent"), 10, "coins in blocks")

    def unsigned(self, address=STRANGER, amount=None, coin=None, node=None):
        """A payment of one coin of the node, without signature, as hex."""
        node = node or self.node
        coin = coin or max(self.coins(node), key=lambda coin: coin["amount"])
        amount = f"{coin['amount'] * 0.99:.8f}" if amount is None else amount
        return node.rpc("createrawtransaction", [{"txid": coin["txid"], "vout": coin["vout"]}], {address: amount})

    def signed(self, **what):
        said = self.node.rpc("signrawtransactionwithwallet", self.unsigned(**what))
        assert said["complete"]
        return said["hex"]

    @staticmethod
    def orphan():
        """A payment of what nobody knows."""
        tx = transaction([spend((b"\x11" * 32, 0))], [output(COIN, SPLIT_OWNER.script)], int(time.time()))
        return bincode_transaction(sign(tx, [SPLIT_OWNER])).hex()

    def pending(self):
        return self.node.rpc("sendtoaddress", STRANGER, "0.001")

    def two_coins(self, amount):
        """An address of the node with two coins, which can be spent."""
        address = self.node.rpc("getnewaddress")
        for _ in range(2):
            self.node.rpc("sendtoaddress", address, amount)
        wait_until(lambda: len(self.node.rpc("listunspent", 0, 9999999, [address])) == 2 and
                   all(coin["safe"] for coin in self.node.rpc("listunspent", 0, 9999999, [address])), 10, "two coins")
        return address

    def locked(self):
        """The observer, whose wallet has a passphrase and is locked."""
        try:
            self.observer.rpc("encryptwallet", PASSPHRASE)
        except RpcError as error:
            assert error.code == -15
            self.observer.rpc("walletlock")
        return self.observer

    def visitor(self):
        """The address of a peer of the spare daemon."""
        self.peer = Peer.dial(self.elsewhere, self.spare.ip)
        self.peer.handshake()
        self.spare.wait_peer(self.elsewhere)
        return self.elsewhere

    def banned(self):
        """An address that the spare daemon has banned."""
        self.spare.rpc("clearbanned")
        self.spare.rpc("setban", NOWHERE, "add", 60)
        return NOWHERE

    def forgiven(self, *command):
        """What setban does to an address that is not banned."""
        self.spare.rpc("clearbanned")
        return [NOWHERE, *command]

    def with_another_wallet(self):
        """The spare daemon, in whose directory somebody else has put another wallet."""
        Wallet("another").write(self.spare)
        return self.spare

    def finish(self):
        self._stop.set()
        if self.peer:
            self.peer.close()
        if self._thread.ident:
            self._thread.join()

    def kill(self):
        for daemon in self.daemons:
            if daemon.running():
                daemon.kill9()


@pytest.fixture
def world(tmp_path_factory):
    network = Range()
    world = World(tmp_path_factory.mktemp("methods"), network)
    try:
        yield world.start()
        world.finish()
        for daemon in world.daemons:
            if daemon.running():
                daemon.stop(timeout=10)
            else:
                daemon.check_clean()
            daemon.remove_data()
    finally:
        world.finish()
        world.kill()
        network.release()


# --- the cases ------------------------------------------------------------------------------------------------------

class Case:
    def __init__(self, code, params, check, on):
        self.code, self.params, self.check, self.on = code, params, check, on

    def run(self, world, method):
        """None, or what went wrong."""
        node = self.on(world) if self.on else world.node
        params = self.params(world) if callable(self.params) else self.params
        shown = f"{method} {str(params)[:200]}"
        try:
            if isinstance(params, dict):
                result = node.rpc(method, named=params)
            else:
                result = node.rpc(method, *params)
        except RpcError as error:
            return None if error.code == self.code else f"{shown}: {error}, expected {self.code or 'an answer'}"
        if self.code:
            return f"{shown}: answered {str(result)[:200]}, expected {self.code}"
        if self.check and not self.check(world, result):
            return f"{shown}: wrong answer {str(result)[:1000]}"
        return None


def ok(params=(), check=None, on=None):
    return Case(None, params, check, on)


def fails(code, params, on=None):
    return Case(code, params, None, on)


class Damaged(Case):
    """A call that needs what cannot be read any more in the database of the spare daemon."""

    def __init__(self, params):
        super().__init__(-1, params, None, on_spare)


class Elsewhere:
    """An error that another test provokes: one that this world cannot have."""

    def __init__(self, code, path, test):
        self.code, self.path, self.test = code, path, test

    def run(self, world, method):
        del world
        text = (ROOT / self.path).read_text(encoding="utf-8")
        return None if self.test in text else f"{method}: {self.path} has no {self.test} that provokes {self.code}"


def damaged(params):
    return Damaged(params)


def elsewhere(code, path, test):
    return Elsewhere(code, path, test)


def old(height):
    """The id of a transaction of the spare daemon's chain."""
    return lambda w: [txid(w.spare_chain.blocks[height]["transactions"][0]).hex()]


def spending(w):
    """A transaction that spends outputs of the spare daemon's chain, all over its database."""
    return bincode_transaction(w.spare_chain.pay(w.splits)).hex()


NO_TRANSACTION = [fails(-8, ["x"]), fails(-8, [ZERO[2:]]), fails(-5, [ZERO])]
NO_BLOCK = [fails(-8, [1000000]), fails(-8, [-1]), fails(-8, ["x"]), fails(-5, [ZERO])]


def on_spare(world):
    return world.spare


def on_locked(world):
    return world.locked()


METHODS = {
    # Chain and blocks
    "getblockchaininfo": [ok([], lambda w, r: r["chain"] == "dev" and r["blocks"] >= 3 and r["consensus"] == "BFT" and
                             abs(r["mediantime"] - r["time"]) < 60),
                          elsewhere(-1, "tests/unit/test_rpc_chain.c", "cannot read the last blocks")],
    "getblockcount": [ok([], lambda w, r: r >= 3)],
    "getbestblockhash": [ok([], lambda w, r: len(r) == 64)],
    "getblockhash": [ok([1], lambda w, r: r == w.node.rpc("getblock", 1)["hash"]), fails(-8, [1000000]), damaged([5])],
    "getblockheader": [ok([2], lambda w, r: r["height"] == 2), ok([2, False], lambda w, r: len(r) == 184),
                       *NO_BLOCK, damaged([6])],
    "getblock": [ok([1], lambda w, r: r["nTx"] == len(r["tx"])),
                 ok({"verbosity": 2, "blockhash": 1}, lambda w, r: r["tx"][0]["vin"] == []),
                 ok([1, 0], lambda w, r: bytes.fromhex(r)), *NO_BLOCK, damaged([7])],
    # Unspent outputs
    "gettxout": [ok(lambda w: [(c := w.coins()[0])["txid"], c["vout"]], lambda w, r: r["value"] > 0),
                 ok([ZERO, 0], lambda w, r: r is None), fails(-8, ["x", 0]), damaged(lambda w: [*old(8)(w), 0])],
    "gettxoutsetinfo": [ok([], lambda w, r: r["txouts"] > 0 and len(r["utxo_state_hash"]) == 64), damaged([])],
    # Transactions
    "getrawtransaction": [ok(lambda w: [w.txid, True], lambda w, r: r["txid"] == w.txid and r["confirmations"] > 0),
                          ok(lambda w: [w.pending()], lambda w, r: bytes.fromhex(r)), *NO_TRANSACTION, damaged(old(9))],
    "decoderawtransaction": [ok(lambda w: [w.unsigned()], lambda w, r: r["vout"][0]["scriptPubKey"]["address"] ==
                                STRANGER), fails(-22, ["00"]), fails(-22, ["x"])],
    "createrawtransaction": [ok([[{"txid": "11" * 32, "vout": 0}], {STRANGER: 1}], lambda w, r: bytes.fromhex(r)),
                             fails(-8, [[{"txid": "x", "vout": 0}], {}]), fails(-8, [[{"txid": ZERO}], {}]),
                             fails(-5, [[], {"x": 1}]), fails(-3, [[], {STRANGER: "much"}]), fails(-3, [[], [7]])],
    "testmempoolaccept": [ok(lambda w: [[w.signed(), w.orphan()]],
                             lambda w, r: [entry["allowed"] for entry in r] == [True, False]),
                          fails(-8, [[]]), fails(-8, [["00"] * 26]), fails(-3, [[7]]), fails(-22, [["00"]]),
                          damaged(lambda w: [[spending(w)]])],
    "sendrawtransaction": [ok(lambda w: [w.signed()], lambda w, r: w.node.rpc("gettransaction", r)["txid"] == r),
                           fails(-22, ["00"]), fails(-25, lambda w: [w.orphan()]),
                           fails(-26, lambda w: [w.signed(amount="0.00000001")]),
                           fails(-26, lambda w: [w.unsigned()]),
                           fails(-27, lambda w: [w.node.rpc("getrawtransaction", w.txid)]),
                           damaged(lambda w: [spending(w)])],
    # Pool and finality
    "getmempoolinfo": [ok([], lambda w, r: r["loaded"] and r["maxmempool"] > 0)],
    "getrawmempool": [ok([], lambda w, r: isinstance(r, list)),
                      ok([True], lambda w, r: len(r) == 1 and all(e["fees"]["base"] > 0 for e in r.values()),
                         on=on_spare)],
    "gettransactionfinality": [ok(lambda w: [w.txid], lambda w, r: r["finalized"] and r["state"] == "confirmed"),
                               *NO_TRANSACTION, damaged(old(12))],
    "waittransactionfinality": [ok(lambda w: [w.pending(), 10], lambda w, r: r["finalized"]),
                                fails(-8, ["x", 0]), fails(-5, [ZERO, 0]), damaged(old(13))],
    # Wallet
    "getbalance": [ok([], lambda w, r: r > 0), ok(lambda w: [w.two_coins(2)], lambda w, r: r == 4),
                   fails(-5, ["x"]), damaged([SPLIT_OWNER.address])],
    "listunspent": [ok([0], lambda w, r: r and all(c["solvable"] for c in r)),
                    ok(lambda w: [0, 9999999, [w.two_coins(1)]], lambda w, r: len(r) == 2),
                    fails(-5, [0, 9, ["x"]]), fails(-3, [0, 9, [7]]), fails(-8, [2, 1]),
                    fails(-8, [0, 9, [STRANGER] * 1001]), damaged([])],
    "getnewaddress": [ok([], lambda w, r: w.node.rpc("validateaddress", r)["ismine"]),
                      elsewhere(-12, "tests/unit/test_rpc_wallet.c", "RPC_WALLET_KEYPOOL_RAN_OUT"),
                      elsewhere(-4, "tests/unit/test_rpc_wallet.c", "RPC_WALLET_ERROR")],
    "validateaddress": [ok([STRANGER], lambda w, r: r["isvalid"] and not r["ismine"]),
                        ok(["x"], lambda w, r: not r["isvalid"] and r["error"])],
    "gettransaction": [ok(lambda w: [w.txid], lambda w, r: r["confirmations"] > 0 and r["details"]),
                       *NO_TRANSACTION, damaged(old(14))],
    "sendtoaddress": [ok([STRANGER, 0.5], lambda w, r: w.node.rpc("gettransaction", r)["amount"] == -0.5),
                      ok({"amount": "0.25", "address": STRANGER}), fails(-5, ["x", 1]), fails(-3, [STRANGER, "much"]),
                      fails(-3, [STRANGER, -1]), fails(-8, [STRANGER, 0]), fails(-6, [STRANGER, 100000000]),
                      fails(-13, [STRANGER, 1], on=on_locked), fails(-26, [STRANGER, 1], on=on_spare),
                      elsewhere(-4, "tests/unit/test_rpc_wallet.c", "expect_failed_write(\"sendtoaddress\""),
                      damaged([STRANGER, 1])],
    "mergeutxos": [ok(lambda w: [2, 5, w.two_coins(1)], lambda w, r: r["merged_count"] == 2),
                   fails(-5, [2, 5, "x"]), fails(-8, [5, 2]), fails(-8, [2, 5, STRANGER]),
                   fails(-6, lambda w: [2, 100, w.two_coins("0.000006")]), fails(-13, [], on=on_locked),
                   fails(-26, [2, 2], on=on_spare),
                   elsewhere(-4, "tests/unit/test_rpc_wallet.c", "expect_failed_write(\"mergeutxos\""),
                   damaged([])],
    "signrawtransactionwithwallet": [ok(lambda w: [w.unsigned()], lambda w, r: r["complete"]),
                                     ok(lambda w: [w.orphan()], lambda w, r: not r["complete"] and len(r["errors"])),
                                     fails(-22, ["00"]),
                                     fails(-13, lambda w: [w.unsigned(node=w.locked())], on=on_locked),
                                     damaged(lambda w: [spending(w)])],
    # Passphrase
    "encryptwallet": [fails(-8, [""]), fails(-15, [PASSPHRASE], on=on_locked),
                      fails(-16, [PASSPHRASE], on=lambda w: w.with_another_wallet())],
    "walletpassphrase": [fails(-15, [PASSPHRASE, 60]), fails(-14, ["open barley", 60], on=on_locked),
                         ok([PASSPHRASE, 60], lambda w, r: r is None, on=on_locked),
                         elsewhere(-4, "tests/unit/test_rpc_wallet.c", "RPC_WALLET_ERROR, \"it is damaged\"")],
    "walletlock": [fails(-15, []), ok([], lambda w, r: r is None, on=on_locked)],
    # Masternodes and agreement
    "masternodelist": [ok([], lambda w, r: r["total"] == 3 and len(r["masternodes"]) == 3)],
    "masternodestatus": [ok([], lambda w, r: r["status"] == "active"),
                         ok([], lambda w, r: not r["is_active"], on=on_spare)],
    "getattestationstats": [ok([], lambda w, r: "refused" in r)],
    "getheartbeathistory": [ok(lambda w: [w.node.ip, 5], lambda w, r: r["address"] == w.node.ip), fails(-5, ["x"])],
    "getconsensusinfo": [ok([], lambda w, r: r["type"] == "BFT" and r["quorum"] == 3)],
    # Network
    "getpeerinfo": [ok([], lambda w, r: len(r) == 3)],
    "getnetworkinfo": [ok([], lambda w, r: r["connections"] == 3 and r["networkactive"])],
    "getconnectioncount": [ok([], lambda w, r: r == 3)],
    "getnettotals": [ok([], lambda w, r: r["totalbytessent"] > 0)],
    "ping": [ok([], lambda w, r: r is None)],
    "addnode": [ok(lambda w: [w.elsewhere, "add"], on=on_spare),
                fails(-23, lambda w: [w.elsewhere, "add"], on=on_spare),
                ok(lambda w: [w.elsewhere, "remove"], on=on_spare), fails(-8, ["x", "add"]), fails(-8, [NOWHERE, "ad"]),
                fails(-24, lambda w: [w.elsewhere, "remove"], on=on_spare),
                fails(-1, lambda w: [w.banned(), "onetry"], on=on_spare)],
    "getaddednodeinfo": [ok([], lambda w, r: len(r) == 3), fails(-8, ["x"]), fails(-24, [NOWHERE])],
    "disconnectnode": [ok(lambda w: [w.visitor()], on=on_spare), fails(-8, ["x"]), fails(-29, [NOWHERE])],
    "setban": [ok(lambda w: w.forgiven("add", 60), on=on_spare), fails(-23, [NOWHERE, "add"], on=on_spare),
               ok([NOWHERE, "remove"], on=on_spare), fails(-30, [NOWHERE, "remove"], on=on_spare),
               fails(-30, ["x", "add"]), fails(-8, [NOWHERE, "ad"]), fails(-8, [NOWHERE, "add", 1000, True])],
    "listbanned": [ok(lambda w: [] if w.banned() else None, lambda w, r: len(r) == 1, on=on_spare)],
    "clearbanned": [ok([], lambda w, r: w.spare.rpc("listbanned") == [], on=on_spare)],
    "setnetworkactive": [ok([False], lambda w, r: r is False, on=on_spare), ok([True], lambda w, r: r, on=on_spare)],
    "getnodeaddresses": [ok([0], lambda w, r: len(r) == 3)],
    "recordwire": [ok([NOWHERE, "on"], lambda w, r: r["recording"]), fails(-1, [NOWHERE, "on"]),
                   ok([NOWHERE, "off"], lambda w, r: r["reason"] == "stopped"), fails(-1, [NOWHERE, "off"]),
                   fails(-30, ["x", "on"]), fails(-8, [NOWHERE, "of"])],
    # Control
    "help": [ok([], lambda w, r: "== Control ==" in r), ok(["getblock"], lambda w, r: "-5: " in r),
             ok(["getblock", True], lambda w, r: r[0]["name"] == "getblock"), fails(-8, ["nosuch"])],
    "logging": [ok([], lambda w, r: r["net"] == "debug"),
                ok([["net=trace"], ["chain"]], lambda w, r: (r["net"], r["chain"]) == ("trace", "warn")),
                ok([["all"]], lambda w, r: set(r.values()) == {"debug"}),
                fails(-8, [["nosuch"]]), fails(-8, [["net=loud"]]), fails(-3, [[7]])],
    # Under sanitizers, which have longer deadlines, nothing is locked.
    "getmemoryinfo": [ok([], lambda w, r: r["resident"]["now"] > 0 and (r["locked"]["locked"] > 0 or SCALE > 1) and
                         r["database"]["memtables"] > 0 and r["budget"]["limit"] > 0)],
    "uptime": [ok([], lambda w, r: r >= 0)],
    "stop": [ok([], lambda w, r: r == "timed stopping" and w.observer.process.wait(20) == 0, on=lambda w: w.observer)],
}


# --- what the table alone says ----------------------------------------------------------------------------------------

def wrong_values(param):
    """(code, value) of a parameter that the check of parameters refuses."""
    types = set(param["types"]) | ({"integer"} if "number" in param["types"] else set())
    for kind, value in VALUES.items():
        if kind not in types:
            yield -3, value
    if "min" in param:
        yield -8, param["min"] - 1
        if param["max"] < INT64_MAX:
            yield -8, param["max"] + 1
    if "integer" in types and "number" not in types:
        yield -3, 2**63


def checks_of(entry):
    """Cases that follow from the parameters."""
    params = entry["params"]
    yield fails(-32602, [None] * (len(params) + 1))
    yield fails(-32602, {"nosuch": 1})
    if any(param["required"] for param in params):
        yield fails(-32602, [])
    for param in params:
        for code, value in wrong_values(param):
            yield fails(code, {param["name"]: value})


def uncovered(table):
    """Methods without a case, cases without a method, and errors that help names and nobody provokes."""
    missing = [f"{name}: no such method, or no case" for name in set(METHODS) ^ set(table)]
    for name, entry in table.items():
        provoked = {case.code for case in itertools.chain(METHODS.get(name, ()), checks_of(entry))}
        missing += [f"{name}: no case provokes {error['code']} ({error['when']})" for error in entry["errors"]
                    if error["code"] not in provoked]
    return missing


# What wallets and scripts read of the Rust daemon's answers: names of members, those of nested objects behind a dot.
RUST_FIELDS = {
    "getattestationstats": "total_heartbeats verified_heartbeats pending_heartbeats unique_masternodes verification_rate "
    "total_verified_count",
    "getblock": "hash height version previousblockhash merkleroot time tx nTx block_reward masternode_rewards confirmations",
    "getblockchaininfo": "chain blocks headers bestblockhash difficulty mediantime verificationprogress chainwork pruned "
    "consensus finality_time instant_finality",
    "getconsensusinfo": "type masternodes quorum",
    "getheartbeathistory": "address total_verified_heartbeats latest_sequence recent_heartbeats",
    "getmempoolinfo": "loaded size bytes usage maxmempool mempoolminfee minrelaytxfee",
    "getnetworkinfo": "version subversion protocolversion localservices localrelay timeoffset networkactive connections "
    "relayfee incrementalfee localaddresses warnings networks networks.name networks.limited networks.reachable "
    "networks.proxy networks.proxy_randomize_credentials",
    "getpeerinfo": "addr services lastseen conntime timeoffset version subver inbound active is_masternode tier",
    "gettransactionfinality": "txid finalized confirmations finality_type",
    "gettxoutsetinfo": "height bestblock transactions txouts disk_size total_amount",
    "masternodelist": "total masternodes masternodes.address masternodes.wallet_address masternodes.collateral "
    "masternodes.tier masternodes.registered_at masternodes.last_heartbeat masternodes.uptime_start "
    "masternodes.total_uptime masternodes.is_active",
    "masternodestatus": "status address reward_address tier total_uptime is_active public_key",
    "validateaddress": "isvalid address scriptPubKey ismine iswatchonly isscript iswitness",
    "waittransactionfinality": "txid finalized confirmations finality_type wait_time_ms",
}


def fields_of(value):
    """The names of all members, those of nested objects behind a dot; of a list, those of any item."""
    if isinstance(value, list):
        return set().union(*(fields_of(item) for item in value))
    if not isinstance(value, dict):
        return set()
    return set(value) | {f"{name}.{inner}" for name, item in value.items() for inner in fields_of(item)}


def lost_fields(world):
    """What the Rust daemon answered and this one does not, under the same name."""
    calls = {"getblock": [1], "gettxoutsetinfo": [], "listunspent": [0], "validateaddress": [STRANGER],
             "getheartbeathistory": [world.node.ip, 5],
             "gettransactionfinality": [world.txid],
             "waittransactionfinality": [world.txid, 1]}
    for method, fields in RUST_FIELDS.items():
        missing = set(fields.split()) - fields_of(world.node.rpc(method, *calls.get(method, [])))
        if missing:
            yield f"{method}: has no {sorted(missing)}"


def damage_tables(node):
    """Overwrites all tables of a running daemon."""
    tables = list(pathlib.Path(node.datadir, "db").rglob("*.sst"))
    assert tables, "the daemon has no tables"
    for path in tables:
        with open(path, "r+b") as file:
            file.write(b"\xaa" * os.fstat(file.fileno()).st_size)


def test_every_method_while_money_moves(world):
    """All cases, `stop` last; then those of a damaged database.  Nobody fails in a way that its help does not name:
    that is what BROKEN looks for at the end."""
    table = {entry["name"]: entry for entry in world.node.rpc("help", named={"json": True})}
    failed, before = uncovered(table) + list(lost_fields(world)), world.payments
    for name in sorted((name for name in table if name in METHODS), key=lambda name: name == "stop"):
        cases = [] if name == "stop" else checks_of(table[name])
        for case in [*cases, *METHODS[name]]:
            if not isinstance(case, Damaged):
                failed += filter(None, [case.run(world, name)])
    # These two fill the cache with other things than what is asked for afterwards.
    world.spare.rpc("gettxoutsetinfo")
    world.spare.rpc("getbalance", SPLIT_OWNER.address)
    # The wallet's own coins are remembered until there is a block or a key to look for.
    world.spare.rpc("getnewaddress")
    damage_tables(world.spare)
    for name, case in [(name, case) for name, cases in METHODS.items() for case in cases if isinstance(case, Damaged)]:
        failed += filter(None, [case.run(world, name)])
    assert world.spare.rpc("uptime") >= 0
    assert not failed, "\n".join(failed)
    assert not world.failure, f"the payments stopped: {world.failure}"
    assert world.payments > before, "no money moved meanwhile"
