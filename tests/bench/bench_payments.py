#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Payments on a network of four validators on this machine, blocks every 2 s.

    bench_payments.py throughput|latency|jitter TIMED VERIFY_FLOOR [--count N] [--seconds S] [--window N] [--perf FILE]
                      [--rates A,B,...] [--level LEVEL] [--keep] [--json]

throughput: transactions finalised per second on all four, against what the cores verify with libsodium (measured
before and after by verify_floor.c) divided by 16, the signatures that four nodes check for one transaction: its own and
three votes each.  latency: from the moment a transaction is handed to one node until the last of the four has announced
that it is final, at several rates.  jitter: how far block intervals are from 2 s, idle and with 200 transactions/s.

The transactions are made beforehand; each spends a coin of its own.  They go to the nodes in turn, as a peer sends
them, and what the nodes announce is read on the same four connections.  --window: how many may be under way at once
(throughput).  --perf: the daemons are recorded by perf meanwhile.
"""
import argparse
import contextlib
import json
import os
import pathlib
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODES = 4
VERIFICATIONS = 16          # of one transaction on four nodes
BLOCK_TIME_S = 2
SPLIT = 5000                # coins that one transaction makes
PREFIX = "127.98.1."
FINAL = b'{"TransactionFinalized":{"txid":['
COMMIT = b'{"BlockCommit"'
OWN_HEIGHT = 8              # blocks without certificates, which make the coins
SETTLE_S = 60               # to wait for what is not final after the last was sent


def say(name, figure, against, ratio, wanted, as_json, **more):
    if as_json:
        print(json.dumps({"name": name, "figure": figure, "against": against, "ratio": round(ratio, 3), **more}),
              flush=True)
    else:
        extra = "".join(f", {key.replace('_', ' ')} {value}" for key, value in more.items())
        print(f"{name}: {figure}; {against}; ratio {ratio:.2f} ({wanted}){extra}", flush=True)


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


class Link:
    """A peer's connection to one node: what is sent waits here when the node does not read."""

    def __init__(self, source, node, genesis):
        self.genesis = genesis
        self.out = bytearray()
        self.pending = b""
        self.final = {}             # text of a txid: when it was announced
        self.blocks = {}            # height: when its certificate came
        self.sock = socket.create_connection((node.ip, 24200), 5, (source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(wire.encode(wire.handshake()) + wire.encode(wire.version()))
        self.sock.setblocking(False)

    def flush(self):
        while self.out:
            try:
                sent = self.sock.send(self.out[:1 << 18])
            except BlockingIOError:
                return
            del self.out[:sent]

    def read(self):
        try:
            data = self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        if not data:
            raise SystemExit("a node has closed the connection")
        now = time.monotonic()
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            if line.startswith(FINAL):
                self.final.setdefault(line[len(FINAL):line.index(b"]")], now)
            elif line.startswith(COMMIT):
                self.blocks.setdefault(json.loads(line)["BlockCommit"]["height"], now)
            elif line.startswith((b'{"Ping"', b'{"Get', b'"Get')):
                self.answer(*wire.decode(line))

    def answer(self, name, payload):
        if name == "Ping":
            self.out += wire.encode(wire.pong(payload["nonce"]))
        elif name == "GetBlockHash":
            known = self.genesis if payload == 0 else None
            self.out += wire.encode({"BlockHashResponse": {"height": payload, "hash": known}})
        else:
            empty = {"GetPeers": {"PeersResponse": []}, "GetMasternodes": {"MasternodesResponse": []},
                     "GetBlockHeight": {"BlockHeightResponse": 0}, "GetBlocks": {"BlocksResponse": []},
                     "GetBlockRange": {"BlockRangeResponse": []},
                     "GetPendingTransactions": {"PendingTransactionsResponse": []}}.get(name)
            if empty:
                self.out += wire.encode(empty)


class Links:
    """One connection to each node, and the transactions that went over them."""

    def __init__(self, net, genesis):
        self.nodes = net.nodes
        self.links = [Link(f"{PREFIX}{100 + n}", node, genesis) for n, node in enumerate(net.nodes)]
        self.begun = {}             # text of a txid: when it was handed over
        self.by_block = 0           # of the announcements that did not come

    def send(self, payments):
        now = time.monotonic()
        for text, line in payments:
            link = self.links[len(self.begun) % NODES]
            self.begun[text] = now
            link.out += line

    def turn(self, timeout):
        """Moves what can be moved, at most so long."""
        with selectors.DefaultSelector() as selector:
            for link in self.links:
                link.flush()
                selector.register(link.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if link.out else 0), link)
            for key, events in selector.select(max(0, timeout)):
                if events & selectors.EVENT_READ:
                    key.data.read()

    def finished(self):
        """How many at least are final everywhere."""
        return min(len(link.final) for link in self.links)

    def look_into_blocks(self):
        """A node that gets a transaction in a certified block before the votes announces nothing: the block makes it
        final there."""
        for node, link in zip(self.nodes, self.links):
            for text in self.begun:
                if text not in link.final:
                    with contextlib.suppress(RpcError):
                        known = node.rpc("getrawtransaction", bytes(map(int, text.split(b","))).hex(), True)
                        if known.get("height"):
                            link.final[text] = link.blocks.get(known["height"], time.monotonic())
                            self.by_block += 1

    def settle(self):
        """Waits for the rest; returns for each that is final everywhere when it began and when it was."""
        end = time.monotonic() + SETTLE_S
        while self.finished() < len(self.begun) and time.monotonic() < end:
            before = self.finished()
            for _ in range(10):
                self.turn(0.1)
            if self.finished() == before:
                self.look_into_blocks()
        return {text: (begun, max(link.final[text] for link in self.links)) for text, begun in self.begun.items()
                if all(text in link.final for link in self.links)}

    def at_rate(self, payments, rate, seconds):
        """Sends so many a second, on time, however long each takes."""
        begin, sent = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            due = min(len(payments), int((time.monotonic() - begin) * rate) + 1) if rate else 0
            self.send(payments[sent:due])
            sent = max(due, sent)
            following = begin + sent / rate if rate else begin + seconds
            self.turn(min(following, begin + seconds) - time.monotonic())
        return self.settle()

    def windowed(self, payments, window):
        """Sends as soon as fewer than so many are under way."""
        sent, moved = 0, time.monotonic()
        while sent < len(payments):
            room = window - (sent - self.finished())
            if room > 0:
                self.send(payments[sent:sent + room])
                sent = min(len(payments), sent + room)
            before = self.finished()
            self.turn(0.1)
            if self.finished() > before:
                moved = time.monotonic()
            elif time.monotonic() > moved + 2:
                self.look_into_blocks()
                moved = time.monotonic()
        return self.settle()

    def intervals(self, begin):
        """Between the certificates of following heights, as each connection saw them, since then."""
        found = []
        for link in self.links:
            times = {height: when for height, when in link.blocks.items() if when >= begin}
            found += [times[height] - times[height - 1] for height in times if height - 1 in times]
        return found

    def close(self):
        for link in self.links:
            link.sock.close()


def make_coins(count):
    """A chain with at least so many coins of a known key, on its way since a moment ago."""
    now = int(time.time())
    chain = model.Chain(model.genesis(now - BLOCK_TIME_S * OWN_HEIGHT), block_time=BLOCK_TIME_S)
    while chain.height < OWN_HEIGHT - 1:
        chain.grow()
    rich = sorted(chain.spendable(1000), key=lambda outpoint: -chain.coin(outpoint)[0])[:-(-count // SPLIT)]
    script = model.Key.numbered("payer").script
    splits = []
    for outpoint in rich:
        value, owner = chain.coin(outpoint)
        each = (value - value // 500) // SPLIT
        outputs = [model.output(each, script) for _ in range(SPLIT)]
        tx = model.transaction([model.spend(outpoint)], outputs, chain.tip["header"]["timestamp"])
        splits.append(model.sign(tx, [model.Key.of(owner)]))
    chain.append(chain.make(splits))
    return chain, [(txid, vout) for txid in map(model.txid, splits) for vout in range(SPLIT)][:count]


def make_payments(chain, coins):
    """(text of the txid in JSON, line) of a payment from each coin."""
    payments = []
    for outpoint in coins:
        tx = chain.pay([outpoint], fee=chain.coin(outpoint)[0] // 500)
        text = ",".join(map(str, model.txid(tx))).encode()
        payments.append((text, wire.encode({"TransactionBroadcast": tx})))
    return payments


@contextlib.contextmanager
def network(work, count, level):
    """Four validators that have made a block, what is to be sent, and the connections."""
    chain, coins = make_coins(count)
    payments = make_payments(chain, coins)
    net = Validators(lambda ip, settings, start: Daemon(work, ip, settings), [f"{PREFIX}{n + 1}" for n in range(NODES)],
                     NODES, timers={"announce_delay_ms": 100, "reconnect_min_ms": 100},
                     config={"consensus": {"step_timeout_ms": 0, "step_timeout_delta_ms": 0, "repeat_ms": 0},
                             "logging": {"level": level}},
                     bft_from=chain.height + 1, block_time=BLOCK_TIME_S,
                     genesis=chain.blocks[0]["header"]["timestamp"], start=False)
    path = chain.write(os.path.join(work, "chain.jsonl"))
    links = None
    try:
        for node in net.nodes:
            node.load_blocks(path)
        net.start()
        net.wait_height(net.slot(), timeout=60)
        links = Links(net, list(chain.hashes[0]))
        begin = time.monotonic()
        while time.monotonic() < begin + BLOCK_TIME_S + 1:
            links.turn(0.1)
        yield net, payments, links
        links.close()
        net.stop()
    finally:
        for node in net.running():
            node.kill9()


def verify_rate(floor):
    """Signatures a second on all cores."""
    return json.loads(subprocess.run([floor], check=True, capture_output=True).stdout)["verify_per_s"]


def check_all(links, times):
    missing = len(links.begun) - len(times)
    if missing:
        counts = [sum(1 for text in links.begun if text not in link.final) for link in links.links]
        print(f"{missing} of {len(links.begun)} are not final {SETTLE_S} s after the last was sent; by node: {counts}",
              file=sys.stderr, flush=True)
    return missing


@contextlib.contextmanager
def recorded(net, path):
    """perf over all daemons, where a file is named."""
    if not path:
        yield
        return
    pids = ",".join(str(node.pid) for node in net.nodes)
    with subprocess.Popen(["perf", "record", "-q", "-F", "499", "-g", "-o", path, "-p", pids]) as perf:
        time.sleep(0.5)
        yield
        perf.send_signal(signal.SIGINT)


def throughput(options, work):
    cores = len(os.sched_getaffinity(0))
    rates = [verify_rate(options.floor)]
    with network(work, options.count, options.level) as (net, payments, links):
        used, own = sum(node.cpu_seconds() for node in net.nodes), time.process_time()
        with recorded(net, options.perf):
            times = links.windowed(payments, options.window)
        used, own = sum(node.cpu_seconds() for node in net.nodes) - used, time.process_time() - own
        missing = check_all(links, times)
        seconds = max(end for _, end in times.values()) - min(begin for begin, _ in times.values())
    rates.append(verify_rate(options.floor))
    bound = sum(rates) / len(rates) / VERIFICATIONS
    rate = len(times) / seconds
    say("payments throughput", f"{rate:.0f} transactions/s", f"{cores} cores verify for {bound:.0f}/s", rate / bound,
        "needed 0.3, aimed at 0.5", options.json, transactions=len(times), missing=missing,
        by_block=links.by_block, seconds=round(seconds, 1),
        daemons_us_each=round(used / len(times) * 1e6), verify_us_each=round(cores / bound * 1e6),
        client_us_each=round(own / len(times) * 1e6), load=round(os.getloadavg()[0], 1))
    return 1 if missing else 0


def latency(options, work):
    rates = [int(rate) for rate in (options.rates or "10,100,1000").split(",")]
    plan = [(rate, int(rate * options.seconds)) for rate in rates]
    status = 0
    with network(work, sum(count for _, count in plan), options.level) as (_, payments, links):
        for rate, count in plan:
            links.begun = {}
            for link in links.links:
                link.final = {}
            part, payments = payments[:count], payments[count:]
            times = links.at_rate(part, rate, options.seconds)
            missing = check_all(links, times)
            took = [end - begin for begin, end in times.values()]
            half, most = percentile(took, .5), percentile(took, .99)
            say(f"payments latency {rate}/s", f"p50 {half * 1e3:.0f} ms, p99 {most * 1e3:.0f} ms", "a second", most,
                "1 or less", options.json, transactions=len(times), missing=missing, by_block=links.by_block,
                load=round(os.getloadavg()[0], 1))
            status |= 1 if missing else 0
    return status


def jitter(options, work):
    rates = [int(rate) for rate in (options.rates or "0,200").split(",")]
    status = 0
    with network(work, int(sum(rates) * options.seconds), options.level) as (_, payments, links):
        for rate in rates:
            begin = time.monotonic()
            count = int(rate * options.seconds)
            part, payments = payments[:count], payments[count:]
            times = links.at_rate(part, rate, options.seconds)
            missing = check_all(links, times)
            intervals = links.intervals(begin)
            if not intervals:
                raise SystemExit("no certificates came")
            off = [abs(interval - BLOCK_TIME_S) for interval in intervals]
            mean, most = sum(intervals) / len(intervals), percentile(off, .99)
            say(f"payments jitter {rate}/s", f"mean {mean:.3f} s, p99 {most * 1e3:.0f} ms off", f"{BLOCK_TIME_S} s",
                most / BLOCK_TIME_S, "aimed at 0.1", options.json,
                intervals=len(intervals), missing=missing, load=round(os.getloadavg()[0], 1))
            status |= 1 if missing else 0
    return status


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("throughput", "latency", "jitter"))
    parser.add_argument("timed", type=os.path.abspath)
    parser.add_argument("floor", type=os.path.abspath)
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--window", type=int, default=1000)
    parser.add_argument("--rates")
    parser.add_argument("--level", default="info")
    parser.add_argument("--perf")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.seconds is None:
        options.seconds = 40 if options.kind == "jitter" else 10
    os.environ["TIMED_BINARY"] = options.timed
    sys.path.insert(0, str(ROOT / "tests" / "functional"))
    global Daemon, RpcError, Validators, model, wire
    from harness import chain as model, wire
    from harness.daemon import Daemon
    from harness.rpc import RpcError
    from harness.validators import Validators

    work = tempfile.mkdtemp(prefix="bench-payments-")
    try:
        return {"throughput": throughput, "latency": latency, "jitter": jitter}[options.kind](options, work)
    finally:
        if options.keep:
            print(work, file=sys.stderr)
        else:
            shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
