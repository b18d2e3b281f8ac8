# SPDX-License-Identifier: MIT
"""Money through RPC: what a wallet has, payments out of it, and what keeps them from going wrong."""
import concurrent.futures
import decimal
import time

import pytest

from harness.chain import COIN, Key, bincode_transaction, txid
from harness.net import wait_until
from harness.rpc import RpcError
from harness.sync import sync_config
from harness.wallet import Wallet, WalletChain, sent, spent_by

BLOCKS = 6
STRANGER = Key.numbered("a stranger")
INSUFFICIENT, BAD_ADDRESS, BAD_PARAMETER, BAD_TYPE = -6, -5, -8, -3
LOCKED, WRONG_PASSPHRASE, WRONG_STATE = -13, -14, -15


def amount(number):
    """Satoshis of a printed amount."""
    return int(decimal.Decimal(repr(number)).quantize(decimal.Decimal("0.00000001")) * COIN)


def refused(node, code, method, *params):
    with pytest.raises(RpcError) as error:
        node.rpc(method, *params)
    assert error.value.code == code, f"{method} {params}: {error.value}"
    return str(error.value)


def balance(node, *params):
    return amount(node.rpc("getbalance", *params))


def states(node):
    """Sums of listed coins by their state."""
    sums = {}
    for coin in node.rpc("listunspent", 0):
        sums[coin["state"]] = sums.get(coin["state"], 0) + amount(coin["amount"])
    return sums


class Purse:
    """A daemon with a wallet that the test knows, a chain whose rewards go to it, and a peer that makes blocks."""

    def __init__(self, loaded, serve, net, number=5, wallet=None, chain=None, **sections):
        self.wallet = wallet or Wallet(f"purse {number}")
        self.chain = chain or WalletChain(self.wallet.key())
        if not chain:
            self.chain.grow(BLOCKS)
        self.node = loaded(net.ip(number), self.chain, sync_config(**sections), start=False)
        self.wallet.write(self.node)
        self.node.start()
        self.miner = serve(net.ip(number + 100), self.chain, listen=False)
        self.miner.dial(self.node)

    def mine(self, *transactions):
        """A block with these, whose rewards go to somebody else."""
        self.chain.owner = STRANGER
        self.chain.append(self.chain.make(list(transactions)))
        self.miner.announce(self.chain.tip)
        self.node.wait_chain(self.chain)

    def send(self, value, to=STRANGER.address):
        """Pays so many satoshis; the transaction."""
        return sent(self.node, self.node.rpc("sendtoaddress", to, f"{value // COIN}.{value % COIN:08d}"))

    def model(self, *indexes):
        """What the model of the chain says that these keys have."""
        scripts = {self.wallet.key(index).script for index in indexes or (0,)}
        return sum(value for value, script in self.chain.utxos.coins.values() if script in scripts)


@pytest.fixture
def purse(loaded, serve, net):
    return Purse(loaded, serve, net)


# --- what there is --------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_rewards_are_the_balance(purse):
    """Each block's rewards, to the last satoshi; and the list of coins says the same."""
    node, wallet = purse.node, purse.wallet
    assert balance(node) == purse.model() == sum(
        reward for block in purse.chain.blocks for _, reward in block["masternode_rewards"])
    assert balance(node, wallet.address()) == purse.model()
    assert balance(node, wallet.address(1)) == 0
    coins = node.rpc("listunspent")
    assert len(coins) == 3 * BLOCKS and sum(amount(coin["amount"]) for coin in coins) == purse.model()
    for coin in coins:
        outpoint = bytes.fromhex(coin["txid"]), coin["vout"]
        assert purse.chain.utxos.coins[outpoint] == (amount(coin["amount"]), wallet.key().script)
        assert coin["address"] == wallet.address() and coin["state"] == "confirmed"
        assert coin["spendable"] and coin["solvable"] and coin["safe"]
    assert sorted(coin["confirmations"] for coin in coins) == sorted(3 * list(range(1, BLOCKS + 1)))
    assert len(node.rpc("listunspent", 2, 3)) == 6
    assert len(node.rpc("listunspent", 1, 9999999, [wallet.address()])) == len(coins)
    assert node.rpc("listunspent", 1, 9999999, [wallet.address(1)]) == []
    refused(node, BAD_ADDRESS, "listunspent", 1, 9999999, ["TIME0x"])
    refused(node, BAD_ADDRESS, "getbalance", "x")


def test_new_addresses_survive_a_restart(purse):
    """They are those of the derived keys, in order, and none is handed out twice."""
    node, wallet = purse.node, purse.wallet
    assert [node.rpc("getnewaddress") for _ in range(3)] == [wallet.address(i) for i in (1, 2, 3)]
    before = balance(node)
    node.restart()
    assert node.rpc("getnewaddress") == wallet.address(4)
    node.kill9()
    node.start()
    assert node.rpc("getnewaddress") == wallet.address(5)
    assert balance(node) == before
    for index in (0, 5, 25):
        said = node.rpc("validateaddress", wallet.address(index))
        assert said["isvalid"] and said["ismine"], index
    assert not node.rpc("validateaddress", wallet.address(26))["ismine"]
    assert not node.rpc("validateaddress", STRANGER.address)["ismine"]
    assert not node.rpc("validateaddress", "x")["isvalid"]


def test_a_restored_wallet_looks_beyond_its_gap_no_further(loaded, serve, net):
    """Money at key 15 is found by the file alone, and moves the gap; key 60 is too far."""
    wallet = Wallet("restored")
    chain = WalletChain(STRANGER)
    chain.grow(2)
    for index in (15, 33, 60):
        chain.grow_payment(wallet.key(index).script, index * COIN)
    purse = Purse(loaded, serve, net, wallet=wallet, chain=chain)
    node = purse.node
    assert balance(node) == (15 + 33) * COIN
    assert {coin["address"] for coin in node.rpc("listunspent")} == {wallet.address(15), wallet.address(33)}
    assert node.rpc("validateaddress", wallet.address(53))["ismine"]
    assert not node.rpc("validateaddress", wallet.address(60))["ismine"]
    # Handed out next is what nobody was paid at.
    assert node.rpc("getnewaddress") == wallet.address(34)
    # A block that pays to key 45 brings key 60 into sight, with what it had before.
    purse.mine(chain.payment(wallet.key(45).script, COIN))
    wait_until(lambda: balance(node) == (15 + 33 + 60 + 1) * COIN, 5, lambda: f"all four: {balance(node)}")


@pytest.mark.fast
def test_use_of_keys_is_seen_while_blocks_come(loaded, serve, net):
    """A wallet that is synced from its peers: keys count as used that are empty again in the next block."""
    wallet, chain = Wallet("synced"), WalletChain(STRANGER)
    chain.grow(2)
    for index in (19, 38, 57):
        chain.grow_payment(wallet.key(index).script, COIN)
        outpoint = next(o for o, (_, script) in chain.utxos.coins.items() if script == wallet.key(index).script)
        chain.append(chain.make([chain.pay([outpoint])]))
    peer = serve(net.ip(105), chain, listen=False)
    node = loaded(net.ip(5), chain.fork(1), sync_config(), start=False)
    wallet.write(node)
    node.start()
    peer.dial(node)
    node.wait_chain(chain)
    assert balance(node) == 0
    assert node.rpc("getnewaddress") == wallet.address(58)


# --- payments -------------------------------------------------------------------------------------------------------

def test_a_payment_and_its_change(purse):
    """Exact amounts; the spent coin goes and the change comes; a block confirms both."""
    node, before = purse.node, purse.model()
    tx = purse.send(30 * COIN + 1)
    identity = txid(tx).hex()
    values = {bytes(o["script_pubkey"]): o["value"] for o in tx["outputs"]}
    assert values.pop(STRANGER.script) == 30 * COIN + 1
    (change_script, change), = values.items()
    assert change_script == purse.wallet.key(1).script
    coins = purse.chain.utxos.coins
    inputs = sum(coins[bytes(i["previous_output"]["txid"]), i["previous_output"]["vout"]][0] for i in tx["inputs"])
    fee = inputs - change - 30 * COIN - 1
    outputs = inputs - fee
    assert max(1000, outputs // 1000) <= fee <= max(1000, outputs // 1000) + 1
    assert balance(node) == before - inputs
    assert states(node) == {"confirmed": before - inputs, "incoming": change}
    said = node.rpc("gettransaction", identity)
    assert (amount(said["amount"]), amount(said["fee"])) == (-30 * COIN - 1, -fee)
    assert said["confirmations"] == 0 and not said["finalized"] and "blockhash" not in said
    purse.mine(tx)
    wait_until(lambda: balance(node) == before - inputs + change, 5, lambda: f"the change: {balance(node)}")
    assert balance(node) == purse.model(0, 1) and states(node) == {"confirmed": balance(node)}
    said = node.rpc("gettransaction", identity)
    assert (amount(said["amount"]), amount(said["fee"])) == (-30 * COIN - 1, -fee)
    assert said["confirmations"] == 1 and said["blockhash"] == purse.chain.tip_hash.hex()
    assert {(d["category"], d["address"], amount(d["amount"])) for d in said["details"]} == {
        ("send", STRANGER.address, -30 * COIN - 1), ("receive", purse.wallet.address(1), change)}
    node.restart()
    assert balance(node) == purse.model(0, 1) and node.rpc("getnewaddress") == purse.wallet.address(2)


def test_what_is_refused(purse):
    node, before = purse.node, balance(purse.node)
    to = STRANGER.address
    refused(node, INSUFFICIENT, "sendtoaddress", to, before // COIN + 1)
    refused(node, INSUFFICIENT, "sendtoaddress", to, f"{before // COIN}.{before % COIN:08d}")
    refused(node, BAD_ADDRESS, "sendtoaddress", "TIME0x", 1)
    refused(node, BAD_ADDRESS, "sendtoaddress", to[:-1] + ("x" if to[-1] != "x" else "y"), 1)
    refused(node, BAD_ADDRESS, "sendtoaddress", to.replace("TIME0", "TIME1"), 1)
    refused(node, BAD_PARAMETER, "sendtoaddress", to, 0)
    assert "dust" in refused(node, BAD_PARAMETER, "sendtoaddress", to, 0.00000545)
    refused(node, BAD_TYPE, "sendtoaddress", to, 0.000000001)
    refused(node, BAD_TYPE, "sendtoaddress", to, -1)
    refused(node, BAD_TYPE, "sendtoaddress", to, "much")
    refused(node, -32602, "sendtoaddress", to)
    refused(node, BAD_PARAMETER, "mergeutxos", 3 * BLOCKS + 1, 100)
    refused(node, BAD_PARAMETER, "mergeutxos", 2, 100, STRANGER.address)
    refused(node, -22, "signrawtransactionwithwallet", "00")
    refused(node, BAD_ADDRESS, "gettransaction", "00" * 32)
    assert balance(node) == before and states(node) == {"confirmed": before}
    # All of it, but the least fee.
    node.rpc("sendtoaddress", to, "0.00000546")


@pytest.mark.fast
def test_everything_is_spent_once(purse):
    """Until nothing is left: payments never share a coin, and the end of the money is an error."""
    node, spent = purse.node, set()
    while True:
        try:
            tx = purse.send(20 * COIN)
        except RpcError as error:
            assert error.code == INSUFFICIENT
            break
        assert not spent & spent_by(tx)
        spent |= spent_by(tx)
    assert balance(node) < 21 * COIN
    assert all(coin["state"] in ("confirmed", "incoming") for coin in node.rpc("listunspent", 0))


def test_payments_at_once_never_share_a_coin(purse):
    """As many threads as the server has, and more."""
    def pay(_):
        try:
            return purse.send(COIN // 2)
        except RpcError as error:
            assert error.code == INSUFFICIENT, error
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = [tx for tx in pool.map(pay, range(24)) if tx]
    # Coins of enough value: two a block, as the smallest share is below it.
    assert len(made) >= 2 * BLOCKS
    outpoints = [outpoint for tx in made for outpoint in spent_by(tx)]
    assert len(outpoints) == len(set(outpoints))
    assert not purse.node.log_lines("POOL_E_CONFLICT")
    purse.mine(*made)


def test_a_pending_payment_survives_a_restart(purse):
    """What it spends is not offered again, and its change is still to come."""
    node = purse.node
    first = purse.send(50 * COIN)
    before = balance(node), states(node)
    node.restart()
    assert (balance(node), states(node)) == before
    second = purse.send(50 * COIN)
    assert not spent_by(first) & spent_by(second)
    purse.miner.dial(node)
    purse.mine(first, second)
    wait_until(lambda: balance(node) == purse.model(0, 1, 2), 5, lambda: f"all change: {balance(node)}")


def test_a_payment_is_learnt_again_after_a_crash(loaded, serve, net):
    """Killed before it could save anything: a peer has the payment."""
    one = Purse(loaded, serve, net, number=5, network={"bootstrap_peers": [net.ip(6)]})
    other = Purse(loaded, serve, net, number=6, wallet=Wallet("other"), chain=one.chain,
                  network={"bootstrap_peers": [net.ip(5)]})
    other.node.wait_peer(one.node.ip, timeout=10)
    identity = txid(one.send(50 * COIN)).hex()
    before = balance(one.node)
    wait_until(lambda: knows(other.node, identity), 5, "the payment reaches the peer")
    one.node.kill9()
    one.node.start()
    wait_until(lambda: knows(one.node, identity), 20, "the payment comes back")
    assert balance(one.node) == before


def knows(node, identity):
    try:
        return node.rpc("gettransaction", identity)
    except RpcError as error:
        assert error.code == BAD_ADDRESS
        return None


@pytest.mark.fast
def test_merging(purse):
    node, before = purse.node, purse.model()
    values = sorted(value for value, script in purse.chain.utxos.coins.values()
                    if script == purse.wallet.key().script)
    said = node.rpc("mergeutxos", 2, 5)
    assert said["merged_count"] == 5 and amount(said["total_value"]) == sum(values[:5])
    assert amount(said["final_value"]) == sum(values[:5]) - amount(said["fee"])
    tx = sent(node, said["txid"])
    assert [bytes(o["script_pubkey"]) for o in tx["outputs"]] == [purse.wallet.key(1).script]
    # Of one address, for it again.
    again = node.rpc("mergeutxos", 2, 100, purse.wallet.address())
    assert again["merged_count"] == len(values) - 5
    second = sent(node, again["txid"])
    assert [bytes(o["script_pubkey"]) for o in second["outputs"]] == [purse.wallet.key(0).script]
    assert not spent_by(tx) & spent_by(second) and balance(node) == 0
    purse.mine(tx, second)
    left = before - amount(said["fee"]) - amount(again["fee"])
    wait_until(lambda: balance(node) == left, 5, lambda: f"{left}: {balance(node)}")
    assert len(node.rpc("listunspent")) == 2


def test_a_payment_is_incoming_at_the_peer(loaded, serve, net):
    """Between two daemons: incoming, not to be spent; then, by a block, both know it as confirmed."""
    one = Purse(loaded, serve, net, number=5)
    other = Purse(loaded, serve, net, number=6, wallet=Wallet("other"), chain=one.chain,
                  network={"bootstrap_peers": [one.node.ip]})
    other.node.wait_peer(one.node.ip)
    assert balance(other.node) == 0
    address = other.node.rpc("getnewaddress")
    tx = one.send(7 * COIN, to=address)
    wait_until(lambda: states(other.node) == {"incoming": 7 * COIN}, 5, lambda: f"{states(other.node)}")
    coin, = other.node.rpc("listunspent", 0)
    assert (coin["address"], coin["txid"], coin["confirmations"]) == (address, txid(tx).hex(), 0)
    assert not coin["spendable"] and not coin["safe"]
    assert other.node.rpc("listunspent") == [] and balance(other.node) == 0
    refused(other.node, INSUFFICIENT, "sendtoaddress", STRANGER.address, 1)
    assert amount(other.node.rpc("gettransaction", txid(tx).hex())["amount"]) == 7 * COIN
    one.mine(tx)
    other.node.wait_chain(one.chain)
    wait_until(lambda: balance(other.node) == 7 * COIN, 5, lambda: f"{states(other.node)}")
    spend = other.send(COIN)
    # And back: the first purse's node hears of it.
    wait_until(lambda: knows(one.node, txid(spend).hex()), 5, "the payment comes back")


def test_signing_what_was_built_elsewhere(purse):
    """By another program: our inputs are signed, the others are said to lack it."""
    chain, node = purse.chain, purse.node
    ours = next(o for o, (_, script) in chain.utxos.coins.items() if script == purse.wallet.key().script)
    tx = chain.pay([ours])
    whole = sent_hex(tx)
    for item in tx["inputs"]:
        item["script_sig"] = []
    said = node.rpc("signrawtransactionwithwallet", sent_hex(tx))
    assert said == {"hex": whole, "complete": True}
    genesis = next(o for o, (_, script) in chain.utxos.coins.items() if script == b"genesis")
    tx["inputs"].append({**tx["inputs"][0], "previous_output": {"txid": list(genesis[0]), "vout": genesis[1]}})
    said = node.rpc("signrawtransactionwithwallet", sent_hex(tx))
    assert not said["complete"] and [error["txid"] for error in said["errors"]] == [genesis[0].hex()]


def sent_hex(tx):
    return bincode_transaction(tx).hex()


# --- finality -------------------------------------------------------------------------------------------------------

def test_finalised_money_is_spent_before_its_block(validators):
    """Votes make a payment good: who got it pays on at once, again and again; then blocks hold all of it."""
    with validators(4, observers=1, block_time=5) as net:
        payer, (observer,) = net.validators[0], net.observers
        wait_until(lambda: balance(payer) >= 20 * COIN, 40, lambda: f"rewards: {balance(payer)}")
        address = observer.rpc("getnewaddress")
        payer.rpc("sendtoaddress", address, 20)
        wait_until(lambda: balance(observer) == 20 * COIN, 10, lambda: f"final: {states(observer)}")
        left = 20 * COIN
        for _ in range(4):
            identity = observer.rpc("sendtoaddress", STRANGER.address, 1)
            left -= COIN - amount(observer.rpc("gettransaction", identity)["fee"])
            wait_until(lambda: balance(observer) == left, 10, lambda: f"{left}: {states(observer)}")
            assert observer.rpc("gettransaction", identity)["finalized"]
        wait_until(lambda: states(observer) == {"confirmed": left}, 30, lambda: f"{left}: {states(observer)}")
        for node in net.nodes:
            assert balance(node, STRANGER.address) == 4 * COIN


# --- passphrase -----------------------------------------------------------------------------------------------------

def test_the_passphrase(purse):
    """Locked, unlocked for a while, locked by time, by hand and by a restart; money comes in anyway."""
    node, wallet, before = purse.node, purse.wallet, balance(purse.node)
    to = STRANGER.address
    refused(node, WRONG_STATE, "walletpassphrase", "open sesame", 60)
    refused(node, WRONG_STATE, "walletlock")
    node.rpc("encryptwallet", "open sesame")
    refused(node, WRONG_STATE, "encryptwallet", "again")
    refused(node, LOCKED, "sendtoaddress", to, 1)
    refused(node, LOCKED, "mergeutxos")
    assert balance(node) == before and node.rpc("getnewaddress") == wallet.address(1)
    refused(node, WRONG_PASSPHRASE, "walletpassphrase", "open barley", 60)
    refused(node, LOCKED, "sendtoaddress", to, 1)
    begin = time.monotonic()
    assert node.rpc("walletpassphrase", "open sesame", 3) is None
    first = purse.send(COIN)
    wait_until(lambda: is_locked(node), 10, "the time of the passphrase is over")
    assert time.monotonic() - begin > 2
    node.rpc("walletpassphrase", "open sesame", 1000)
    second = purse.send(COIN)
    assert not spent_by(first) & spent_by(second)
    assert node.rpc("walletlock") is None
    refused(node, LOCKED, "sendtoaddress", to, 1)
    node.restart()
    refused(node, LOCKED, "sendtoaddress", to, 1)
    purse.miner.dial(node)
    purse.mine(purse.chain.payment(wallet.key(12).script, 5 * COIN))
    wait_until(lambda: balance(node, wallet.address(12)) == 5 * COIN, 5, "what comes in while it is locked")
    assert "open sesame" not in node.log() and "open barley" not in node.log()


def in_memory(node, text):
    """How often a text stands in the memory of a daemon."""
    count = 0
    with open(f"/proc/{node.pid}/maps", encoding="ascii") as maps, open(f"/proc/{node.pid}/mem", "rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            begin, end = (int(number, 16) for number in area.split("-"))
            # The shadow memory of a sanitizer holds no data.
            if rights[0] != "r" or line.rstrip().endswith("[vvar]") or end - begin > 1 << 28:
                continue
            try:
                memory.seek(begin)
                count += memory.read(end - begin).count(text.encode())
            except OSError:
                pass
    return count


def test_a_passphrase_is_not_left_in_memory(node):
    """Neither in a buffer of HTTP, nor where JSON was taken apart, nor in the wallet."""
    passphrase = "a passphrase that stands nowhere else"
    node.rpc("encryptwallet", passphrase)
    assert in_memory(node, passphrase) == 0
    node.rpc("walletpassphrase", passphrase, 1000)
    assert in_memory(node, passphrase) == 0
    # What is looked for is found where it is.
    assert in_memory(node, node.config["storage"]["data_dir"]) > 0


def is_locked(node):
    """Tried with an amount that nobody has, so that nothing is paid: the lock is looked at first."""
    with pytest.raises(RpcError) as error:
        node.rpc("sendtoaddress", STRANGER.address, 100_000_000_000)
    assert error.value.code in (LOCKED, INSUFFICIENT), error.value
    return error.value.code == LOCKED
