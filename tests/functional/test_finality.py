# SPDX-License-Identifier: MIT
"""Payments are final within a second: PROTOCOL.md §7."""
import time

from harness.net import scaled, wait_until


def pay(source, target, amount="5"):
    return source.rpc("sendtoaddress", target.rpc("getnewaddress"), amount)


def test_a_payment_is_final_everywhere_within_a_second(validators):
    with validators(4, observers=1) as net:
        net.wait_height(2)
        source, target = net.nodes[0], net.nodes[4]
        begin = time.monotonic()
        txid = pay(source, target)
        for node in net.nodes:
            wait_until(lambda: node.rpc("gettransactionfinality", txid)["finalized"], 5)  # noqa: B023
        took = time.monotonic() - begin
        print(f"final everywhere after {took * 1000:.0f} ms")
        assert took < scaled(1)
        height = max(net.heights())
        wait_until(lambda: source.rpc("getrawtransaction", txid, True).get("confirmations"), 10)
        net.wait_height(height + 1)
        assert source.rpc("getrawtransaction", txid, True)["height"] <= height + 2
        assert float(target.rpc("getbalance")) == 5


