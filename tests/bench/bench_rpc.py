#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How soon the RPC answers what `time-cli -getinfo` asks, and whether reading the metrics holds up a peer.

    bench_rpc.py idle|busy TIMED [--peers N] [--rate N] [--seconds S] [--json]

idle: 1,000 peers that do nothing but answer pings.  busy: 50 peers that together send 500 transactions a second, and
get those of each other.  The peers are one process, from as many addresses.

The question is the batch that -getinfo sends, on a connection of its own, 50 times a second; the floor is the same
question to the same daemon before there are any peers.  The second line is the round trip of one more peer's pings, 50 a
second, while /metrics is read 20 times a second, against the same without.
"""
import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import pathlib
import selectors
import shutil
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parents[1] / "functional"))

NODE, PINGER = "127.99.1.1", "127.99.1.2"
QUESTION = [{"jsonrpc": "2.0", "id": number, "method": method} for number, method in
            enumerate(("getblockchaininfo", "uptime", "getnetworkinfo", "getconsensusinfo", "masternodestatus",
                       "getmempoolinfo", "getbalance"))]
QUESTIONS_A_SECOND, PINGS_A_SECOND, SCRAPES_A_SECOND = 50, 50, 20
WANTED_MS = 20
CONNECT_S = 60


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def say(name, figure, against, ratio, wanted, as_json, **more):
    if as_json:
        print(json.dumps({"name": name, "figure": figure, "against": against, "ratio": round(ratio, 3), **more}),
              flush=True)
    else:
        extra = "".join(f", {key.replace('_', ' ')} {value}" for key, value in more.items())
        print(f"{name}: {figure}; {against}; ratio {ratio:.2f} ({wanted}){extra}", flush=True)


# --- the peers, a process of their own ------------------------------------------------------------------------------

def crowd(pipe, count, genesis, payments, rate):
    """Connects so many peers, says so, and once it is told to, sends the payments on time, each by the next peer."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    selector, links = selectors.DefaultSelector(), []
    for number in range(count):
        link = payments_bench.Link(f"127.99.{10 + number // 250}.{number % 250 + 1}", Target, genesis)
        selector.register(link.sock, selectors.EVENT_READ, link)
        links.append(link)
        turn(selector, 0)
    selector.register(pipe, selectors.EVENT_READ, None)
    pipe.send("connected")
    begin, sent = None, 0
    while True:
        if turn(selector, 0.005 if begin else 1):
            if pipe.recv() == "end":
                pipe.send(sent)
                return
            begin = time.monotonic()
        due = min(len(payments), int((time.monotonic() - begin) * rate)) if begin else 0
        for number in range(sent, due):
            link = links[number % count]
            link.out += payments[number][1]
            link.flush()
        sent = max(sent, due)


def turn(selector, timeout):
    """Reads and answers; true when there is something on the pipe."""
    told = False
    for key, _ in selector.select(timeout):
        if key.data is None:
            told = True
        else:
            key.data.read()
            key.data.flush()
    return told


class Target:
    ip = NODE


@contextlib.contextmanager
def peers(node, count, payments=(), rate=0):
    """They are connected; calling what this gives has them send the payments."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=crowd, args=(theirs, count, node.genesis_bytes,
                                                                              payments, rate), daemon=True)
    process.start()
    try:
        if not ours.poll(CONNECT_S):
            raise SystemExit(f"{count} peers did not connect within {CONNECT_S} s")
        ours.recv()
        end = time.monotonic() + CONNECT_S
        while node.rpc("getconnectioncount") < count:
            if time.monotonic() > end:
                raise SystemExit(f"only {node.rpc('getconnectioncount')} of {count} peers got in")
            time.sleep(0.1)
        yield lambda: ours.send("begin")
        if not process.is_alive():
            raise SystemExit("the peers lost their connections")
        ours.send("end")
        ours.recv()
    finally:
        process.terminate()
        process.join()


# --- what is measured -----------------------------------------------------------------------------------------------

def on_time(rate, seconds):
    """Comes back so often a second; what is late is not made up for."""
    begin = time.monotonic()
    for number in range(int(rate * seconds)):
        left = begin + number / rate - time.monotonic()
        if left > 0:
            time.sleep(left)
        yield


def ask(node, body):
    connection = http.client.HTTPConnection(node.ip, 24201, timeout=20)
    connection.request("POST", "/", body, node.rpc_credentials())
    answer = json.loads(connection.getresponse().read())
    connection.close()
    if len(answer) != len(QUESTION) or any("error" in entry for entry in answer):
        raise SystemExit(f"answered {answer}")


def getinfo(node, seconds):
    """Milliseconds that each question took."""
    body, took = json.dumps(QUESTION), []
    for _ in on_time(QUESTIONS_A_SECOND, seconds):
        begin = time.monotonic()
        ask(node, body)
        took.append((time.monotonic() - begin) * 1e3)
    return took


def pings(peer, seconds):
    """Milliseconds of each round trip."""
    took = []
    for _ in on_time(PINGS_A_SECOND, seconds):
        begin = time.monotonic()
        peer.ping(timeout=20)
        took.append((time.monotonic() - begin) * 1e3)
    return took


def scrape(node, over, count):
    while not over.is_set():
        connection = http.client.HTTPConnection(node.ip, 24201, timeout=20)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200 or b"timed_up" not in text:
            raise SystemExit(f"/metrics: {answer.status}")
        count.append(len(text))
        over.wait(1 / SCRAPES_A_SECOND)


def pings_while_scraping(node, peer, seconds):
    """The same, and how many bytes each reading of the metrics gave."""
    over, count = threading.Event(), []
    thread = threading.Thread(target=scrape, args=(node, over, count))
    thread.start()
    try:
        return pings(peer, seconds), count
    finally:
        over.set()
        thread.join()


def report(kind, options, floor, took, without, scraped, sizes, more):
    most, least = percentile(took, .99), percentile(floor, .99)
    say(f"rpc getinfo {kind}", f"p50 {percentile(took, .5):.1f} ms, p99 {most:.1f} ms",
        f"without peers p99 {least:.1f} ms", most / least, f"p99 below {WANTED_MS} ms", options.json,
        questions=len(took), most_ms=round(max(took), 1), **more)
    held, free = percentile(scraped, .99), percentile(without, .99)
    say(f"rpc scrape {kind}", f"ping p50 {percentile(scraped, .5):.2f} ms, p99 {held:.2f} ms while scraping",
        f"without p50 {percentile(without, .5):.2f} ms, p99 {free:.2f} ms", held / free, "near 1", options.json,
        scrapes=len(sizes), bytes_each=sizes[-1], load=round(os.getloadavg()[0], 1))
    return 0 if most < WANTED_MS else 1


def measure(node, options, count, payments=()):
    floor = getinfo(node, min(4, options.seconds))
    with peers(node, count, payments, options.rate) as begin:
        if payments:
            begin()
            time.sleep(1)
        took = getinfo(node, options.seconds)
        peer = node.raw_peer(PINGER, genesis=node.genesis_bytes)
        peer.handshake()
        node.wait_peer(PINGER)
        without = pings(peer, options.seconds / 2)
        scraped, sizes = pings_while_scraping(node, peer, options.seconds / 2)
        more = {"peers": node.rpc("getconnectioncount")}
        if payments:
            info = node.rpc("getmempoolinfo")
            more["transactions"] = info["size"]
            if info["size"] < options.rate * options.seconds * 0.9:
                raise SystemExit(f"only {info['size']} transactions are in the pool")
        peer.close()
    return report("busy" if payments else "idle", options, floor, took, without, scraped, sizes, more)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("idle", "busy"))
    parser.add_argument("timed", type=os.path.abspath)
    parser.add_argument("--peers", type=int)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["TIMED_BINARY"] = options.timed
    global payments_bench
    import bench_payments as payments_bench
    from harness import chain as model, wire
    from harness.daemon import Daemon
    payments_bench.model, payments_bench.wire = model, wire

    busy = options.kind == "busy"
    count = options.peers or (50 if busy else 1000)
    chain, coins = payments_bench.make_coins(int(options.rate * (2 * options.seconds + 5)) if busy else 1)
    payments = payments_bench.make_payments(chain, coins) if busy else ()
    work = tempfile.mkdtemp(prefix="bench-rpc-")
    node = Daemon(work, NODE, {"network": {"max_peers": count + 40}, "logging": {"level": "info"},
                               "limits": {"max_handshakes": count + 10, "pool_count": 100000},
                               "block": {"block_time_seconds": payments_bench.BLOCK_TIME_S},
                               "devnet": {"genesis_timestamp": chain.blocks[0]["header"]["timestamp"]}})
    node.genesis_bytes = list(chain.hashes[0])
    try:
        node.load_blocks(chain)
        node.start()
        status = measure(node, options, count, payments)
        node.stop(timeout=30)
        return status
    finally:
        if node.running():
            node.kill9()
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
