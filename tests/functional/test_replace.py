# SPDX-License-Identifier: MIT
"""In the place of a Rust daemon: its configuration and its wallet are taken over, its files stay as they are."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from harness import config as toml
from harness.daemon import BINARY, ROOT
from harness.net import scaled
from harness.rpc import Rpc
from harness.service import NotifySocket

# The keys that a Rust daemon writes, in its order, and what each means here.
KEYS = {
    "node": {"name": ("TIME Coin Node", "taken over"), "version": ("0.1.0", "no effect"),
             "network": ("testnet", "taken over")},
    "network": {"listen_address": ("IP", "taken over"), "max_peers": (50, "taken over"),
                "enable_upnp": (False, "taken over"), "enable_peer_discovery": (True, "taken over"),
                "bootstrap_peers": ([], "taken over")},
    "rpc": {"enabled": (True, "taken over"), "listen_address": ("IP", "changed"),
            "allow_origins": (["http://localhost:3000"], "changed")},
    "storage": {"backend": ("sled", "changed"), "data_dir": ("DIR", "changed"), "cache_size_mb": (256, "taken over")},
    "consensus": {"voting_timeout_ms": (3000, "no effect"), "min_masternodes": (3, "changed"),
                  "quorum_percentage": (67, "changed")},
    "block": {"block_time_seconds": (600, "changed"), "max_block_size_kb": (1024, "changed"),
              "max_transactions_per_block": (10000, "changed")},
    "logging": {"level": ("info", "taken over"), "format": ("pretty", "taken over"),
                "output": ("stdout", "taken over"), "file_path": ("./logs/node.log", "taken over")},
    "masternode": {"enabled": (False, "taken over"), "collateral_txid": ("", "no effect"),
                   "tier": ("silver", "changed")},
    "security": {"enable_rate_limiting": (True, "changed"), "max_requests_per_second": (1000, "changed"),
                 "enable_authentication": (False, "no effect"), "api_key": ("", "no effect"),
                 "enable_tls": (True, "no effect"), "enable_message_signing": (True, "no effect"),
                 "message_max_age_seconds": (300, "no effect")},
    "metrics": {"enabled": (False, "changed"), "prometheus_port": (9090, "taken over")},
}


@pytest.fixture
def rust(tmp_path, net):
    """The directory of a Rust daemon that was stopped: configuration, wallet, and a database of its kind."""
    place = pathlib.Path(tmp_path, "rust")
    for tree in ("db/blocks", "db/utxos/blobs", "db/peers"):
        (place / "data" / tree).mkdir(parents=True)
        (place / "data" / tree / "conf").write_bytes(os.urandom(64))
        (place / "data" / tree / "db").write_bytes(os.urandom(5000))
    wallet = next(entry for entry in json.loads((ROOT / "tests/vectors/wallets.json").read_text(encoding="utf-8"))
                  if entry["network"] == "testnet")
    (place / "data" / "time-wallet.dat").write_bytes(bytes.fromhex(wallet["file"]))
    (place / "data" / "time-wallet.dat").chmod(0o644)
    texts = {"IP": net.ip(5), "DIR": str(place / "data")}
    sections = {section: {key: texts.get(value, value) if isinstance(value, str) else value
                          for key, (value, _) in keys.items()} for section, keys in KEYS.items()}
    (place / "config.toml").write_text(toml.render(sections), encoding="utf-8")
    return place, wallet["address"]


def picture(place):
    """Everything of every file that a rollback needs as it was."""
    found = {}
    for path in sorted(place.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_ino, status.st_mode, path.read_bytes() if path.is_file() else None,
                            status.st_mtime_ns if path.is_file() else None)
    return found


@pytest.mark.fast
def test_every_key_of_a_rust_configuration_is_explained(rust):
    place, _ = rust
    before = picture(place)
    path = str(place / "config.toml")
    done = subprocess.run([BINARY, "-c", path, "--check-config"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the configuration is valid" in done.stdout
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    for section, keys in KEYS.items():
        header = lines.index(f"[{section}]")
        for number, (key, (_, meaning)) in enumerate(keys.items(), header + 2):
            pattern = rf"^{re.escape(path)}:{number}: {section}\.{key} = .* +{meaning} +\S"
            assert re.search(pattern, done.stdout, re.MULTILINE), f"{pattern}\n{done.stdout}"
    assert picture(place) == before


@pytest.mark.fast
def test_a_rust_daemon_is_replaced_and_its_files_stay(rust, net, tmp_path):
    """Two runs in its place: its wallet's address is ours, our database lies beside its own, and what it left is there
    byte for byte and untouched, so that its binary can go on with it."""
    place, address = rust
    before = picture(place)
    for _ in range(2):
        notify = NotifySocket(tmp_path)
        with open(tmp_path / "log", "ab") as log:
            process = subprocess.Popen([BINARY, "-c", str(place / "config.toml")], cwd=tmp_path, stdout=log, stderr=log,
                                       env={**os.environ, **notify.env()}, stdin=subprocess.DEVNULL)
        try:
            notify.wait(lambda message: message.get("READY") == "1", timeout=20, what="READY=1")
            rpc = Rpc(net.ip(5), 24101, str(place / "data"))
            assert rpc.call("validateaddress", address)["ismine"]
            rpc.call("getnewaddress")
        finally:
            process.terminate()
            assert process.wait(scaled(10)) == 0, (tmp_path / "log").read_text()
            notify.close()
            os.unlink(notify.path)
    after = picture(place)
    assert {path: after[path] for path in before} == before
    added = {pathlib.Path(path).relative_to(place / "data").parts[0] for path in after if path not in before}
    assert added <= {"db-timed", ".lock", ".cookie", "votes", "pool.dat"} and "db-timed" in added, added
