# SPDX-License-Identifier: MIT
"""The chain as wallets and scripts see it through RPC."""
import pytest

from harness.chain import COIN, Key, bincode_block, txid
from harness.net import wait_until
from harness.rpc import RpcError
from harness.sync import chain_with_payments, sync_config


@pytest.fixture(scope="module")
def chain():
    return chain_with_payments(30)


@pytest.fixture
def node(loaded, net, chain):
    return loaded(net.ip(5), chain, sync_config())


def refused(node, code, method, *params):
    with pytest.raises(RpcError) as error:
        node.rpc(method, *params)
    assert error.value.code == code, f"{method} {params}: {error.value}"


def amount(number):
    """Satoshis of a printed amount."""
    return round(number * COIN)


@pytest.mark.fast
def test_rpc_getblock_by_height_and_by_hash(node, chain):
    """The same object; its fields say what the model says."""
    for height in (0, 1, 20, 30):
        block, identity = chain.blocks[height], chain.hashes[height].hex()
        info = node.rpc("getblock", height)
        assert info == node.rpc("getblock", identity)
        header = block["header"]
        txids = [txid(tx).hex() for tx in block["transactions"]]
        expected = {"hash": identity, "height": height, "confirmations": 31 - height, "version": header["version"],
                    "merkleroot": bytes(header["merkle_root"]).hex(), "time": header["timestamp"], "nTx": len(txids),
                    "tx": txids, "size": len(bincode_block(block))}
        assert {key: info[key] for key in expected} == expected
        assert info["previousblockhash"] == bytes(header["previous_hash"]).hex()
        assert info.get("nextblockhash") == (chain.hashes[height + 1].hex() if height < 30 else None)
        assert amount(info["block_reward"]) == header["block_reward"]
        assert [[entry["address"], amount(entry["amount"])] for entry in info["masternode_rewards"]] == \
            block["masternode_rewards"]


@pytest.mark.fast
def test_rpc_getblock_verbosity(node, chain):
    """0: hex of the binary form; 1: txids; 2: whole transactions."""
    block = chain.blocks[25]
    assert node.rpc("getblock", 25, 0) == bincode_block(block).hex()
    assert node.rpc("getblock", 25, 1) == node.rpc("getblock", 25)
    whole = node.rpc("getblock", 25, 2)["tx"]
    assert [tx["txid"] for tx in whole] == [txid(tx).hex() for tx in block["transactions"]]
    for shown, tx in zip(whole, block["transactions"]):
        assert len(shown["vin"]) == len(tx["inputs"])
        assert [amount(o["value"]) for o in shown["vout"]] == [o["value"] for o in tx["outputs"]]


@pytest.mark.fast
def test_rpc_hashes_and_counts(node, chain):
    assert node.rpc("getblockcount") == 30
    assert node.rpc("getbestblockhash") == chain.tip_hash.hex()
    assert [node.rpc("getblockhash", height) for height in (0, 7, 30)] == [chain.hashes[h].hex() for h in (0, 7, 30)]


@pytest.mark.fast
def test_rpc_getblockheader(node, chain):
    for height in (0, 7, 30):
        header = chain.blocks[height]["header"]
        info = node.rpc("getblockheader", chain.hashes[height].hex())
        assert (info["hash"], info["height"]) == (chain.hashes[height].hex(), height)
        assert info["time"] == header["timestamp"] and info["merkleroot"] == bytes(header["merkle_root"]).hex()
        assert info["confirmations"] == 31 - height and "tx" not in info
    assert node.rpc("getblockheader", chain.hashes[7].hex(), False) == bincode_block(
        chain.blocks[7])[:92].hex()


@pytest.mark.fast
def test_rpc_gettxoutsetinfo(node, chain):
    """Count, sum and state hash of the unspent outputs."""
    info = node.rpc("gettxoutsetinfo")
    assert (info["height"], info["bestblock"]) == (30, chain.tip_hash.hex())
    assert info["txouts"] == len(chain.utxos.coins)
    assert info["transactions"] == len({identity for identity, _ in chain.utxos.coins})
    assert info["utxo_state_hash"] == chain.utxos.state_hash().hex()
    assert amount(info["total_amount"]) == chain.utxos.total()


@pytest.mark.fast
def test_rpc_gettxout(node, chain):
    """Unspent ones with value, script and confirmations; spent and unknown ones are null."""
    for (identity, vout), (value, script) in list(chain.utxos.coins.items())[::20]:
        info = node.rpc("gettxout", identity.hex(), vout)
        height = next(n for n, b in enumerate(chain.blocks) if identity in [txid(tx) for tx in b["transactions"]])
        assert amount(info["value"]) == value
        assert info["confirmations"] == 31 - height and info["bestblock"] == chain.tip_hash.hex()
        assert info["scriptPubKey"]["hex"] == script.hex()
        if Key.of(script):
            assert info["scriptPubKey"]["address"] == script.decode()
    spent = next(tx for b in reversed(chain.blocks) for tx in b["transactions"] if tx["inputs"])["inputs"][0]
    outpoint = spent["previous_output"]
    assert node.rpc("gettxout", bytes(outpoint["txid"]).hex(), outpoint["vout"]) is None
    assert node.rpc("gettxout", "00" * 32, 0) is None
    assert node.rpc("gettxout", txid(chain.tip["transactions"][0]).hex(), 4000000000) is None


@pytest.mark.fast
def test_rpc_unknown_and_wrong_arguments(node):
    """Bitcoin's codes: -8 out of range or no hash, -5 not known, -3 another type; too few parameters: JSON-RPC's."""
    for method in ("getblockhash", "getblock"):
        refused(node, -8, method, 31)
        refused(node, -8, method, -1)
        refused(node, -8, method, 2**63 - 1)
    refused(node, -3, "getblockhash", "x")
    refused(node, -5, "getblock", "00" * 32)
    refused(node, -8, "getblock", "x")
    refused(node, -8, "getblock", "00" * 31)
    refused(node, -5, "getblockheader", "00" * 32)
    refused(node, -8, "gettxout", "x", 0)
    refused(node, -8, "gettxout", "00" * 32, -1)
    for method in ("getblock", "getblockhash", "getblockheader", "gettxout"):
        refused(node, -32602, method)


@pytest.mark.fast
def test_rpc_getblockchaininfo(node, chain):
    info = node.rpc("getblockchaininfo")
    assert (info["chain"], info["blocks"], info["headers"]) == ("dev", 30, 30)
    assert info["bestblockhash"] == chain.tip_hash.hex() and info["time"] == chain.tip["header"]["timestamp"]
    assert info["genesis_hash"] == chain.hashes[0].hex()


def test_rpc_after_a_reorganisation(loaded, serve, net, chain):
    """Blocks of the branch that lost are unknown or shown as such (confirmations -1); heights are those of the new
    one."""
    trunk = chain.fork(20)
    theirs = trunk.fork(20, tag="theirs")
    theirs.grow(15, transactions=1)
    peers = [serve(net.ip(20 + number), theirs) for number in range(3)]
    node = loaded(net.ip(5), chain, sync_config(*[peer.ip for peer in peers]))
    node.wait_chain(theirs)
    for height in (20, 21, 30, 35):
        assert node.rpc("getblockhash", height) == theirs.hashes[height].hex()
        assert node.rpc("getblock", height)["confirmations"] == 36 - height
    try:
        assert node.rpc("getblock", chain.tip_hash.hex())["confirmations"] == -1
    except RpcError as error:
        assert error.code == -5
    wait_until(lambda: node.rpc("gettxoutsetinfo")["utxo_state_hash"] == theirs.utxos.state_hash().hex(), 5, "its hash")
