# SPDX-License-Identifier: MIT
"""The harness's model of the chain against what the Rust node computed, and its scripted peers against the protocol."""
import json
import os
import time

import pytest

from harness import alterations, chain as model, wire
from harness.chain import Chain, Key, address_of, block_hash, broken_rule, merkle_root, signed_message, txid
from harness.chain_peer import ChainPeer
from harness.peer import Peer
from harness.transcript import VECTORS, json_lines


def vector(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return json.load(file)


@pytest.fixture
def chain():
    """A chain with a few payments; three outputs can be spent."""
    made = Chain()
    made.grow(5)
    made.grow(5, transactions=2)
    return made


def test_harness_model_encodes_as_the_rust_node():
    for entry in vector("transactions.json"):
        assert model.bincode_transaction(entry["transaction"]).hex() == entry["bincode"]
        assert txid(entry["transaction"]).hex() == entry["txid"]
    for entry in vector("blocks.json"):
        assert model.bincode_block(entry["block"]).hex() == entry["bincode"]
        assert block_hash(entry["block"]).hex() == entry["hash"]
    for entry in vector("merkle.json"):
        assert merkle_root(bytes.fromhex(t) for t in entry["txids"]).hex() == entry["root"]


def test_harness_model_makes_the_genesis_blocks():
    known = vector("genesis.json")
    assert model.genesis() == known["testnet"]["block"]
    assert model.genesis(1767225600, 0) == known["mainnet"]["block"]
    for network in known.values():
        assert block_hash(network["block"]).hex() == network["hash"]
        assert model.bincode_block(network["block"]).hex() == network["block_bincode"]


def test_harness_model_follows_the_recorded_chain():
    """Every block of it is valid, and the end is where the Rust node stood."""
    blocks = json_lines("chain.jsonl")
    chain, end = Chain(blocks[0]), vector("chain.json")
    for block in blocks[1:]:
        assert broken_rule(block, chain, time.time()) is None
        chain.append(block)
    assert (chain.height, chain.tip_hash.hex()) == (end["height"], end["tip_hash"])
    assert len(chain.utxos.coins) == end["utxo_count"]
    assert chain.utxos.state_hash().hex() == end["utxo_state_hash"]
    with open(os.path.join(VECTORS, "chain.jsonl"), "rb") as file:
        assert [chain.line(height) for height in range(chain.height + 1)] == file.read().splitlines()


def test_harness_model_knows_addresses_and_signatures():
    for entry in vector("addresses.json"):
        public = bytes.fromhex(entry["public_key"])
        assert address_of(public) == entry["testnet"] and address_of(public, "mainnet") == entry["mainnet"]
        assert Key(bytes.fromhex(entry["secret"])).public == public
    for entry in vector("signed_inputs.json"):
        tx = entry["transaction"]
        assert txid(tx).hex() == entry["txid"]
        for index, secret in enumerate(entry["secrets"]):
            message = signed_message(tx, index)
            assert message.hex() == entry["signed_messages"][index]
            key = Key(bytes.fromhex(secret))
            assert list(key.public + key.sign(message)) == tx["inputs"][index]["script_sig"]
            script = bytes(entry["spent_outputs"][index]["script_pubkey"])
            assert model.signature_holds(tx, index, script)
            assert not model.signature_holds(tx, index, script[:-1] + b"!")


def test_harness_model_hashes_unspent_outputs():
    for entry in vector("utxo_state_hash.json"):
        utxos = model.Utxos()
        for u in entry["utxos"]:
            outpoint = (bytes(u["outpoint"]["txid"]), u["outpoint"]["vout"])
            utxos.coins[outpoint] = (u["value"], bytes(u["script_pubkey"]))
        assert utxos.state_hash().hex() == entry["hash"]


def test_harness_model_forks_and_goes_back(chain):
    """A fork shares the past and nothing else, and its unspent outputs are those of a chain made anew."""
    before = chain.utxos.state_hash()
    fork = chain.fork(6, tag="fork")
    fork.grow(8, transactions=1)
    assert fork.hashes[:7] == chain.hashes[:7] and not set(fork.hashes[7:]) & set(chain.hashes[7:])
    assert chain.utxos.state_hash() == before
    anew = Chain(fork.blocks[0])
    for block in fork.blocks[1:]:
        assert broken_rule(block, anew, time.time()) is None
        anew.append(block)
    assert anew.utxos.state_hash() == fork.utxos.state_hash() and anew.utxos.total() == fork.utxos.total()


def test_harness_model_makes_the_same_chain_every_time(chain):
    again = Chain()
    again.grow(5)
    again.grow(5, transactions=2)
    assert again.tip_hash == chain.tip_hash


def test_harness_alterations_break_what_they_say(chain):
    """Each breaks the rule that it names, none has another's name, and what is harmless breaks none."""
    made = alterations.fields(chain) + alterations.money(chain)
    for alteration in made:
        assert broken_rule(alteration.block, chain, time.time()) in alteration.rules, alteration.name
        assert len(wire.encode(alteration.block)) < 16 << 20
    assert len({alteration.name for alteration in made}) == len(made) > 130
    for name, block in alterations.harmless(chain):
        assert broken_rule(block, chain, time.time()) is None, name


def test_harness_chain_peer_answers(net, chain):
    """As one of ours and as the Rust node."""
    chain.grow(200)
    for number, ours in ((2, True), (3, False)):
        server = ChainPeer(net.ip(number), chain, ours=ours).listen()
        peer = Peer.dial(net.ip(9), net.ip(number), answers=False)
        peer.handshake()
        if ours:
            assert peer.expect("Version")["height"] == chain.height
        peer.send({"GetBlocks": [0, 500]}, {"GetBlocks": [200, 300]}, {"GetBlocks": [500, 600]},
                  {"GetBlockRange": {"start_height": 3, "end_height": 4}}, "GetBlockHeight", "GetGenesisHash",
                  {"GetBlockHash": 7}, {"GetBlockHash": 999}, {"BlockRequest": 5},
                  {"ConsensusQuery": {"height": 7, "block_hash": chain.hash_at(7)}}, wire.ping(1))
        peer.expect_pong(1)
        assert [len(blocks) for blocks in peer.payloads("BlocksResponse")] == [101, chain.height - 199, 0]
        assert peer.payloads("BlockRangeResponse") == [chain.blocks[3:5]]
        assert [answer["hash"] for answer in peer.payloads("BlockHashResponse")] == [chain.hash_at(7), None]
        assert peer.payloads("ConsensusQueryResponse")[0]["agrees"] is True
        assert (peer.count("GenesisHashResponse"), peer.count("BlockResponse")) == ((1, 1) if ours else (0, 0))
        peer.close()
        server.close()


def test_harness_chain_peer_misbehaves(net, chain):
    """Mute, silent, withholding, late, lying: each as told, and a pong still comes."""
    other = chain.fork(3, tag="other").fork(3)
    other.grow(7)
    server = ChainPeer(net.ip(2), chain).listen()
    peer = Peer.dial(net.ip(9), net.ip(2), answers=False)
    peer.handshake()

    def ask(*messages):
        peer.skip()
        before = len(peer.received)
        peer.send(*messages)
        peer.ping()
        return [payload for _, name, payload in peer.received[before:] if name != "Pong"]

    server.mute = True
    assert ask({"GetBlocks": [1, 2]}, "GetBlockHeight") == []
    server.mute, server.silent = False, {"GetBlocks"}
    assert ask({"GetBlocks": [1, 2]}, "GetBlockHeight") == [chain.height]
    server.silent, server.withheld, server.substitute = set(), {5}, {6: other.blocks[6]}
    assert ask({"GetBlocks": [4, 7]}) == [[chain.blocks[4], other.blocks[6], chain.blocks[7]]]
    server.claim, server.hashes = 2**64 - 1, {4: None}
    assert ask("GetBlockHeight", {"GetBlockHash": 4}) == [2**64 - 1, {"height": 4, "hash": None}]
    server.late = 0.2
    assert ask({"GetBlocks": [1, 1]}) == []
    assert peer.expect("BlocksResponse") == [chain.blocks[1]]
    assert server.blocks_asked() == 4 and server.served == [4, 6, 7, 1]
    peer.close()
    server.close()
