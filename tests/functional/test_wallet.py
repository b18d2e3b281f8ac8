# SPDX-License-Identifier: MIT
"""A daemon whose wallet is encrypted: how it starts, and how it refuses to."""
import json
import pathlib

import pytest

from harness.daemon import ROOT

USAGE_OR_CONFIGURATION = 2


def encrypted_wallet():
    """An encrypted wallet of testnet, which costs little to unlock."""
    entries = json.loads((ROOT / "tests" / "vectors" / "wallet_containers.json").read_text(encoding="utf-8"))
    return next(entry for entry in entries if entry["network"] == "testnet")


def put(path, data, mode=0o600):
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


@pytest.fixture
def locked(daemons, net):
    """locked(config) makes a daemon that is not started, with an encrypted wallet in its data directory."""
    def make(config=None):
        node = daemons(net.ip(5), config, start=False)
        put(pathlib.Path(node.datadir, "time-wallet.dat"), bytes.fromhex(encrypted_wallet()["file"]))
        return node
    return make


def refuses(node, *reasons):
    said = node.run_to_end(code=USAGE_OR_CONFIGURATION, timeout=20)
    for reason in reasons:
        assert reason in said


@pytest.mark.fast
def test_an_encrypted_wallet_stays_locked(locked):
    node = locked()
    node.start()
    node.wait_log("The wallet is locked")
    data = pathlib.Path(node.datadir, "time-wallet.dat").read_bytes()
    assert data == bytes.fromhex(encrypted_wallet()["file"])


@pytest.mark.fast
def test_a_masternode_is_unlocked_by_its_passphrase_file(locked, tmp_path, net):
    """And not without: it signs all the time."""
    wallet = encrypted_wallet()
    secret = put(tmp_path / "passphrase", wallet["passphrase"].encode() + b"\n")
    node = locked({"masternode": {"enabled": True}})
    refuses(node, "set wallet.passphrase_file")
    node.config["wallet"] = {"passphrase_file": secret}
    node.start()
    node.wait_log("unlocked by wallet.passphrase_file")
    own = [entry for entry in node.masternodes().values() if entry.get("is_own")]
    assert [entry["wallet_address"] for entry in own] == [wallet["address"]]
    assert wallet["passphrase"] not in node.log()
    node.stop()
    # While it was unlocked it has put more public keys into the file, and it still opens.
    assert pathlib.Path(node.datadir, "time-wallet.dat").stat().st_size > 32 * 1000
    node.start()


def test_a_passphrase_file_that_does_not_help(locked, tmp_path):
    node = locked({"wallet": {"passphrase_file": str(tmp_path / "missing")}})
    refuses(node, str(tmp_path / "missing"), "No such file")
    node.config["wallet"]["passphrase_file"] = put(tmp_path / "wrong", b"not this one\n")
    refuses(node, "the first line of " + str(tmp_path / "wrong"))


def test_a_passphrase_file_without_need(daemons, net, tmp_path):
    """Nothing is silently ignored."""
    node = daemons(net.ip(5), {"wallet": {"passphrase_file": str(tmp_path / "missing")}})
    node.wait_log("wallet.passphrase_file is set, but the wallet is not encrypted")
    assert "this version does nothing with it" not in node.log()
