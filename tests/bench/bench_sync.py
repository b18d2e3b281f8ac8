#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fetching a chain: two daemons, of which one holds the chain and the other is empty, against a floor in the same run.

    bench_sync.py small|heavy TIMED CHAINGEN CHAIN_FLOOR VERIFY_FLOOR [--json] [--blocks N]

small: 51,000 small blocks (a year of testnet) against chain_floor.c, which decodes, hashes and puts the same blocks in one
thread; with it the time of a start and of an orderly stop on that chain.  heavy: 2,000 blocks of 500 signed transactions
against what all cores verify with libsodium (verify_floor.c, before and after).  --blocks makes a chain of another
length.  Also printed: how far the memory of the fetching process grew, and the processor time that both daemons took for it,
which other load on the machine changes least.
"""
import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENESIS = 1764547200


def say(name, figure, against, ratio, wanted, as_json, **more):
    if as_json:
        print(json.dumps({"name": name, "figure": figure, "against": against, "ratio": round(ratio, 3), **more}))
    else:
        extra = "".join(f", {key.replace('_', ' ')} {value}" for key, value in more.items())
        print(f"{name}: {figure}; {against}; ratio {ratio:.2f} ({wanted}){extra}", flush=True)


def cpu_seconds(daemon):
    """What the process has used of all cores so far."""
    fields = pathlib.Path(f"/proc/{daemon.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fetch(daemon_type, work, timed_from, blocks):
    """Of an empty daemon beside one that has the chain: seconds until it stands at the same height, where it stood when the
    time began, its greatest memory, and the processor time of both."""
    target = daemon_type(work, "127.99.1.2", {
        "devnet": {"genesis_timestamp": GENESIS}, "block": {"block_time_seconds": 600},
        "network": {"bootstrap_peers": [f"{timed_from.ip}:24200"]},
        "timers": {"sync_settle_ms": 1}, "logging": {"level": "info"}})
    served = cpu_seconds(timed_from)
    target.start()
    begin = time.monotonic()
    first = target.height()
    while target.height() < blocks:
        if time.monotonic() - begin > 1200:
            raise SystemExit(f"not there after 20 minutes:\n{target.tail()}")
        # Asking costs time of the same cores: half a percent is exact enough.
        time.sleep(max(0.02, (time.monotonic() - begin) / 200))
    seconds = time.monotonic() - begin
    cpu = cpu_seconds(target), cpu_seconds(timed_from) - served
    same = target.rpc("gettxoutsetinfo") == timed_from.rpc("gettxoutsetinfo")
    peak = target.rss_peak()
    target.stop(timeout=30)
    if not same:
        raise SystemExit("the two do not hold the same chain")
    return seconds, first, peak, cpu


def verify_rate(floor):
    """Signatures a second on all cores."""
    return json.loads(subprocess.run([floor], check=True, capture_output=True).stdout)["verify_per_s"]


def time_of_start(daemon):
    """Seconds from the start of a daemon until it accepts a connection."""
    begin = time.monotonic()
    daemon.spawn()
    while True:
        try:
            socket.create_connection((daemon.ip, 24200), 1).close()
            break
        except OSError:
            time.sleep(0.001)
    took = time.monotonic() - begin
    while not daemon.ready():
        time.sleep(0.02)
    return took


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["small", "heavy"])
    parser.add_argument("timed", type=os.path.abspath)
    parser.add_argument("chaingen", type=os.path.abspath)
    parser.add_argument("floor", type=os.path.abspath)
    parser.add_argument("verify_floor", type=os.path.abspath)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--blocks")
    args = parser.parse_args()
    as_json, kind, timed, chaingen, floor = args.json, args.kind, args.timed, args.chaingen, args.floor
    os.environ["TIMED_BINARY"] = timed
    sys.path.insert(0, str(ROOT / "tests" / "functional"))
    from harness.daemon import Daemon

    with tempfile.TemporaryDirectory(prefix="bench-sync-") as work:
        chain = os.path.join(work, "chain.jsonl")
        length = ["--blocks", args.blocks] if args.blocks else []
        subprocess.run([chaingen, "--network", "devnet", "--genesis-timestamp", str(GENESIS), "--block-time", "600",
                        "--interval", "600", "--year" if kind == "small" else "--heavy", *length, "--out", chain],
                       check=True)
        base = json.loads(subprocess.run([floor, chain, os.path.join(work, "floor")], check=True,
                                         capture_output=True, text=True).stdout)
        source = Daemon(work, "127.99.1.1", {"devnet": {"genesis_timestamp": GENESIS},
                                             "block": {"block_time_seconds": 600}, "logging": {"level": "info"}})
        begin = time.monotonic()
        source.load_blocks(chain, timeout=1200)
        load = time.monotonic() - begin
        start = time_of_start(source)
        blocks = base["blocks"] - 1
        rates = [verify_rate(args.verify_floor)] if kind == "heavy" else []
        seconds, first, peak, cpu = fetch(Daemon, work, source, blocks)
        stop = source.stop(timeout=30)
        fetched = blocks - first
        more = {"import_seconds": round(load, 1), "peak_MiB": peak >> 20,
                "cpu_seconds_fetching": round(cpu[0], 2), "cpu_seconds_serving": round(cpu[1], 2)}
        if kind == "small":
            say("sync of small blocks", f"{fetched / seconds:.0f} blocks/s",
                f"floor {base['blocks'] / base['seconds']:.0f} blocks/s",
                base["seconds"] * fetched / base["blocks"] / seconds, "needed 0.5, aimed at 0.8", as_json, **more)
            say("start with the chain", f"{start * 1000:.0f} ms", "aimed at 100 ms", start / 0.1, "1 or less", as_json,
                stop_ms=round(stop * 1000))
        else:
            rates.append(verify_rate(args.verify_floor))
            bound = sum(rates) / len(rates)
            rate = base["inputs"] / seconds
            say("sync of signed blocks", f"{rate:.0f} signatures/s",
                f"{len(os.sched_getaffinity(0))} cores verify {bound:.0f}/s", rate / bound,
                "needed 0.7, aimed at 0.9", as_json, **more)


if __name__ == "__main__":
    main()
