# SPDX-License-Identifier: MIT
"""Payments are final within a second: PROTOCOL.md §7."""
import time

from harness.chain import wire_outpoint
from harness.liar import Wire
from harness.net import scaled, wait_until


def test_a_payment_is_final_everywhere_within_a_second(validators, net):
    """And in the next block; who asked for its outpoints is told, at the payer's node and at one that has no vote."""
    with validators(4, observers=1, block_time=2) as them:
        # A slot has just begun.
        them.wait_height(1)
        source, target = them.nodes[0], them.nodes[4]
        coins = [wire_outpoint((bytes.fromhex(coin["txid"]), coin["vout"])) for coin in source.rpc("listunspent")]
        address = target.rpc("getnewaddress")
        listener = Wire(net.ip(100), [source, target])
        listener.send({"Subscribe": {"id": "coins", "addresses": [], "outpoints": coins}})
        listener.settle()
        begin, before = time.monotonic(), max(them.heights())
        txid = source.rpc("sendtoaddress", address, "5")
        told = [peer.expect("UTXOStateNotification", lambda said: "SpentFinalized" in said["new_state"], 5)
                for peer in listener.to()]
        for node in them.nodes:
            wait_until(lambda: node.rpc("gettransactionfinality", txid)["finalized"], 5)  # noqa: B023
        took = time.monotonic() - begin
        print(f"final everywhere after {took * 1000:.0f} ms")
        assert took < scaled(1)
        height = max(them.heights())
        spent = [(coin["txid"], coin["vout"]) for coin in source.rpc("getrawtransaction", txid, True)["vin"]]
        for said in told:
            assert (bytes(said["outpoint"]["txid"]).hex(), said["outpoint"]["vout"]) in spent
            state = said["new_state"]["SpentFinalized"]
            assert bytes(state["txid"]).hex() == txid and state["votes"] >= them.quorum
            assert abs(state["finalized_at"] - time.time()) < scaled(10)
        listener.close()
        them.wait_height(height + 1)
        # A block may have come while we asked everybody.
        assert before < source.rpc("getrawtransaction", txid, True)["height"] <= height + 1
        assert float(target.rpc("getbalance")) == 5
