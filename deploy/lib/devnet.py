#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a network of timed nodes on 127.0.0.1, 127.0.0.2, ... and shows a table of them; deploy/devnet.sh starts it.

Everything the table says is read from the nodes through RPC, with the cookie that each of them writes.  A node is
stopped by the process id that it was started with, and by nothing else.
"""

import argparse
import base64
import concurrent.futures
import ctypes
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import tomllib

import pay

P2P_PORT = 24200
RPC_PORT = 24201
CONNECT_DEADLINE_S = 60
STOP_DEADLINE_S = 15
# --once with seed blocks: this much more, and a second for so many blocks.
SYNC_DEADLINE_S = 60
SYNC_BLOCKS_PER_S = 200
BLOCK_TIME_S = 2
# With fewer no blocks are made.
VALIDATORS_MIN = 3
# --once waits for so many of them.
FIRST_BLOCKS = 3
BLOCKS_DEADLINE_S = 60
SEED_TRANSACTIONS = 2
RPC_TIMEOUT_S = 5
# More peers than this do not fit side by side: the table shows sums instead.
MATRIX_NODES = 6
PR_SET_PDEATHSIG = 1

CONFIG = """\
# Written by deploy/devnet.sh for this run.
[node]
name = "devnet {ip}"
network = "devnet"

[network]
listen_address = "{ip}"
max_peers = {max_peers}
enable_peer_discovery = false
bootstrap_peers = [{peers}]

[rpc]
enabled = true
listen_address = "{ip}"

[storage]
data_dir = "{data_dir}"

[masternode]
enabled = true
tier = "free"

[devnet]
genesis_timestamp = {genesis}
"""

CONSENSUS = """
[consensus]
bft_from = 1
validators = [
{lists}
]
"""


class Interrupted(Exception):
    """Ctrl-C, or a signal that asks us to end."""


class Failed(Exception):
    """The network does not do what it should; the text says what."""


class Node:
    """One daemon: its files, its process, and what RPC last said about it."""

    def __init__(self, ip, run_dir):
        self.ip = ip
        self.dir = run_dir / ip
        self.data_dir = self.dir / "data"
        self.log = self.dir / "timed.log"
        self.process = None
        self.state = None  # the answers by method, or None while there are none
        self.problem = "starting"

    def make_validator(self, inspect):
        """Its entry in the list of validators; makes its wallet, and the empty file that tells a fresh network from a
        validator that has lost its votes."""
        self.data_dir.mkdir(parents=True)
        done = subprocess.run([inspect, "validator-key", "--address", self.ip, str(self.data_dir)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"no validator key for {self.ip}: {done.stderr.strip()}")
        (self.data_dir / "votes").touch()
        return done.stdout.strip()

    def write_config(self, peers, genesis, consensus):
        self.data_dir.mkdir(parents=True, exist_ok=True)
        text = CONFIG.format(ip=self.ip, max_peers=max(50, 2 * len(peers)), data_dir=self.data_dir, genesis=genesis,
                             peers=", ".join(f'"{peer}:{P2P_PORT}"' for peer in peers))
        (self.dir / "config.toml").write_text(text + consensus, encoding="utf-8")

    def start(self, binary):
        libc = ctypes.CDLL(None)

        def die_with_parent():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

        # A session of its own: Ctrl-C reaches this program alone, which then stops the nodes in order.
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [binary, "--config", str(self.dir / "config.toml")], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.dir, start_new_session=True, preexec_fn=die_with_parent)

    def load_blocks(self, binary, path):
        """Puts the blocks of a file onto the node's chain, before it is started."""
        log = self.dir / "import.log"
        with open(log, "wb") as out:
            done = subprocess.run([binary, "--config", str(self.dir / "config.toml"), "--load-blocks", str(path)],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=self.dir,
                                  check=False)
        if done.returncode:
            raise Failed(f"{self.ip} cannot import the generated blocks; see {log}")

    def ended(self):
        """What to say about a daemon that is no longer running; None while it is."""
        status = self.process.poll()
        if status is None:
            return None
        return f"killed by signal {-status}" if status < 0 else f"ended with exit code {status}"

    def call(self, connection, method, *params):
        cookie = (self.data_dir / ".cookie").read_bytes().strip()
        headers = {"Authorization": "Basic " + base64.b64encode(cookie).decode(), "Content-Type": "application/json"}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status == 401:
            raise Failed("RPC refused the cookie")
        answer = json.loads(text)
        if answer.get("error"):
            raise Failed(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def refresh(self):
        """Asks the node for everything the table shows."""
        ended = self.ended()
        if ended:
            self.state, self.problem = None, ended
            return
        connection = http.client.HTTPConnection(self.ip, RPC_PORT, timeout=RPC_TIMEOUT_S)
        try:
            methods = ("getblockchaininfo", "getpeerinfo", "masternodelist", "uptime", "getconsensusinfo",
                       "getmempoolinfo")
            state = {method: self.call(connection, method) for method in methods}
            tip = self.call(connection, "getblockheader", state["getblockchaininfo"]["bestblockhash"])
            state["tip_age"] = time.time() - tip["time"]
            self.state = state
            self.problem = None
        except FileNotFoundError:
            self.state, self.problem = None, "starting"
        except (OSError, ValueError, KeyError, http.client.HTTPException, Failed) as error:
            self.state, self.problem = None, f"no answer: {error}"
        finally:
            connection.close()

    def height(self):
        return self.state["getblockchaininfo"]["blocks"]

    def hash_at(self, height):
        """None when the node does not answer, or has no such block."""
        connection = http.client.HTTPConnection(self.ip, RPC_PORT, timeout=RPC_TIMEOUT_S)
        try:
            return self.call(connection, "getblockhash", height)
        except (OSError, ValueError, http.client.HTTPException, Failed):
            return None
        finally:
            connection.close()

    def connections(self):
        """What getpeerinfo said of connections that are past their handshake."""
        if self.state is None:
            return []
        return [peer for peer in self.state["getpeerinfo"] if peer.get("state", "ready") == "ready"]

    def peers(self):
        """The connections by the peer's IP."""
        return {peer["addr"].rsplit(":", 1)[0]: peer for peer in self.connections()}

    def last_log_lines(self, count=15):
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"    {line}" for line in lines[-count:])


def duration(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def ping_text(peer):
    """Round-trip time of a connection, as the table shows it."""
    ping = peer.get("pingtime")
    return "-" if ping is None else f"{ping * 1000:.2f} ms"


def matrix_cells(node, nodes):
    """One cell per node: the direction of the connection to it, and its ping time."""
    peers = node.peers()
    for other in nodes:
        if other is node:
            yield "."
        elif other.ip not in peers:
            yield "none"
        else:
            peer = peers[other.ip]
            yield f"{'in ' if peer['inbound'] else 'out'} {ping_text(peer)}"


def summary_cells(node):
    """Sums over the connections, for a network that is too wide for a matrix."""
    peers = node.peers().values()
    pings = sorted(peer["pingtime"] for peer in peers if peer.get("pingtime") is not None)
    inbound = sum(1 for peer in peers if peer["inbound"])
    yield str(len(peers) - inbound)
    yield str(inbound)
    yield f"{pings[len(pings) // 2] * 1000:.2f} ms" if pings else "-"
    yield f"{pings[-1] * 1000:.2f} ms" if pings else "-"


def consensus_cells(node):
    """What the agreement on blocks is at, and what waits for them."""
    consensus = node.state["getconsensusinfo"]
    yield f"{max(0, node.state['tip_age']):.1f} s" if node.height() else "-"
    yield f"{consensus['round']} {consensus['step']}" if "round" in consensus else "-"
    yield str(node.state["getmempoolinfo"]["size"])


def table(nodes):
    """The lines of the table."""
    matrix = len(nodes) <= MATRIX_NODES
    between = [node.ip for node in nodes] if matrix else ["out", "in", "median ping", "longest ping"]
    rows = [["node", "height", "block age", "round", "pool", "masternodes", "uptime", "conns", *between]]
    for node in nodes:
        if node.state is None:
            rows.append([node.ip, node.problem])
            continue
        masternodes = node.state["masternodelist"]["masternodes"]
        active = sum(1 for masternode in masternodes if masternode["is_active"])
        rows.append([node.ip, str(node.height()), *consensus_cells(node), f"{active} of {len(masternodes)}", duration(node.state["uptime"]), str(len(node.connections())),
                     *(matrix_cells(node, nodes) if matrix else summary_cells(node))])
    full = [row for row in rows if len(row) == len(rows[0])]
    widths = [max(len(row[i]) for row in full) for i in range(len(rows[0]))]
    widths[0] = max(len(row[0]) for row in rows)
    # A row that holds a problem in place of figures may be wider than its columns.
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def unconnected(nodes):
    """Why the network is not yet whole; None when every node has one connection, with a known ping, to every other."""
    for node in nodes:
        if node.state is None:
            return f"{node.ip}: {node.problem}"
        count = len(node.connections())
        if count != len(nodes) - 1:
            return f"{node.ip} has {count} of {len(nodes) - 1} connections"
        missing = [other.ip for other in nodes if other is not node and other.ip not in node.peers()]
        if missing:
            return f"{node.ip} is not connected to {', '.join(missing)}"
        silent = [ip for ip, peer in node.peers().items() if peer.get("pingtime") is None]
        if silent:
            return f"{node.ip} has no pong of {', '.join(silent)} yet"
    return None


def unequal(nodes, blocks):
    """Why the nodes do not have so many blocks yet, or not the same ones; None when they do."""
    for node in nodes:
        if node.state is None:
            return f"{node.ip}: {node.problem}"
        if node.height() < blocks:
            return f"{node.ip} has {node.height()} of {blocks} blocks"
    # The tips may move while we look.
    height = min(node.height() for node in nodes)
    if len({node.hash_at(height) for node in nodes}) > 1:
        return f"the blocks at height {height} differ"
    return None


def check_ports_free(ips):
    for ip in ips:
        for port in (P2P_PORT, RPC_PORT):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((ip, port))
                except OSError as error:
                    raise Failed(f"{ip}:{port} cannot be used ({error.strerror}); is another devnet running?") from error


def refresh_all(nodes, pool):
    list(pool.map(Node.refresh, nodes))


def wait_until(nodes, pool, problem, deadline_s):
    """Returns when `problem` says that there is none; fails with what it says after the deadline."""
    deadline = time.monotonic() + deadline_s
    while True:
        refresh_all(nodes, pool)
        why = problem(nodes)
        if why is None:
            return
        for node in nodes:
            if node.ended():
                raise Failed(f"{node.ip} {node.ended()}; its last log lines:\n{node.last_log_lines()}")
        if time.monotonic() > deadline:
            raise Failed(f"not there after {deadline_s} s: {why}")
        time.sleep(0.1)


def show_live(nodes, pool, header):
    """Redraws the table every second on a terminal; elsewhere prints it every ten.  `header` gives the lines above."""
    terminal = sys.stdout.isatty()
    while True:
        refresh_all(nodes, pool)
        lines = [*header(), "", *table(nodes), "", "Ctrl-C stops all nodes."]
        if terminal:
            # Home, each line cleared to its end, then everything below: no flicker.
            print("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J", end="", flush=True)
        else:
            print("\n".join(lines), flush=True)
        time.sleep(1 if terminal else 10)


def stop_all(nodes):
    """Asks every running daemon to stop and waits for it.  The problems that came up, as text."""
    problems = []
    running = [node for node in nodes if node.process and node.process.poll() is None]
    for node in running:
        node.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_DEADLINE_S
    for node in running:
        try:
            status = node.process.wait(max(0.1, deadline - time.monotonic()))
            if status:
                problems.append(f"{node.ip} {node.ended()} when it was stopped; see {node.log}")
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()
            problems.append(f"{node.ip} did not stop within {STOP_DEADLINE_S} s and was killed; see {node.log}")
    return problems


def give_to_owner(path, like):
    """Run through sudo in somebody's checkout: what this made belongs to that person."""
    owner = os.stat(like)
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for name in [path, *path.rglob("*")]:
        os.chown(name, owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_run_dir(runs):
    """A new directory for this run's data."""
    runs.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        run_dir = runs / (stamp if attempt == 0 else f"{stamp}-{attempt}")
        try:
            run_dir.mkdir()
            return run_dir
        except FileExistsError:
            continue
    raise Failed(f"no free name for a run below {runs}")


def make_seed_blocks(args, run_dir, genesis, certified):
    """A file with the blocks that the first node begins with, and the list of the validators that have certified them."""
    path, lists = run_dir / "blocks.jsonl", run_dir / "blocks.toml"
    command = [args.chaingen, "--network", "devnet", f"--genesis-timestamp={genesis}", f"--block-time={BLOCK_TIME_S}",
               f"--blocks={args.seed_blocks}", f"--transactions={SEED_TRANSACTIONS}", "--out", str(path)]
    if certified:
        command += ["--validators", str(lists)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"no seed blocks: {done.stderr.strip()}")
    made = tomllib.loads(lists.read_text(encoding="utf-8"))["consensus"]["validators"] if certified else []
    return path, made


class Sync:
    """How the seed blocks get from the first node to the others, as the line above the table tells it."""

    def __init__(self, blocks):
        self.blocks = blocks
        self.started = time.monotonic()
        self.took = None

    def problem(self, nodes):
        why = unequal(nodes, self.blocks)
        if why is None and self.took is None:
            self.took = time.monotonic() - self.started
        return why

    def line(self, nodes):
        why = self.problem(nodes)
        if self.took is not None:
            return f"All nodes had the {self.blocks} seed blocks {self.took:.1f} s after their start."
        return f"Seed blocks: {why}"


def validator_list(from_height, entries):
    return f"  {{ from_height = {from_height}, validators = [\n    " + ",\n    ".join(entries) + "\n  ] }"


def consensus_config(args, nodes, seed_lists):
    """The part of all configurations that says who decides on blocks; "" when nobody does."""
    if len(nodes) < VALIDATORS_MIN:
        return ""
    lists = [validator_list(made["from_height"], [
        "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in entry.items()) + " }"
        for entry in made["validators"]]) for made in seed_lists]
    lists.append(validator_list(args.seed_blocks + 1, [node.make_validator(args.inspect) for node in nodes]))
    return CONSENSUS.format(lists=",\n".join(lists))


def show_once(args, nodes, pool, sync):
    """Returns when everything is as it should be; fails when it does not get there."""
    wait_until(nodes, pool, unconnected, CONNECT_DEADLINE_S)
    if args.seed_blocks:
        wait_until(nodes, pool, sync.problem, SYNC_DEADLINE_S + args.seed_blocks // SYNC_BLOCKS_PER_S)
    if len(nodes) >= VALIDATORS_MIN:
        wait_until(nodes, pool, lambda all_: unequal(all_, args.seed_blocks + FIRST_BLOCKS), BLOCKS_DEADLINE_S)


def run(args, run_dir, nodes):
    """Starts the nodes and shows them until something ends that."""
    ips = [node.ip for node in nodes]
    # The block after the seed blocks is due in a slot from now, when the nodes are there.
    genesis = int(time.time()) - BLOCK_TIME_S * args.seed_blocks
    seed, seed_lists = None, []
    if args.seed_blocks:
        print(f"Making {args.seed_blocks} blocks for {nodes[0].ip} ...", flush=True)
        seed, seed_lists = make_seed_blocks(args, run_dir, genesis, len(nodes) >= VALIDATORS_MIN)
    consensus = consensus_config(args, nodes, seed_lists)
    for node in nodes:
        node.write_config([ip for ip in ips if ip != node.ip], genesis, consensus)
    if seed:
        nodes[0].load_blocks(args.binary, seed)
    for node in nodes:
        node.start(args.binary)
    sync = Sync(args.seed_blocks)
    payments = pay.Payments(nodes, RPC_PORT, args.pay) if args.pay else None

    def header():
        yield f"{args.nodes} node{'s' if args.nodes > 1 else ''} of network devnet, data in {run_dir}"
        if args.nodes < VALIDATORS_MIN:
            yield "Fewer than 3 nodes: no blocks will be made."
        if args.seed_blocks:
            yield sync.line(nodes)
        if payments:
            yield payments.line()

    try:
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
            if args.once:
                show_once(args, nodes, pool, sync)
                print("\n".join([*header(), *table(nodes)]), flush=True)
            else:
                if sys.stdout.isatty():
                    print("\x1b[2J", end="")
                show_live(nodes, pool, header)
    finally:
        if payments:
            payments.stop()


def on_end_signals(action):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)


def interrupt(_signal, _frame):
    # From here on the nodes are being stopped: another Ctrl-C must not leave some of them running.
    on_end_signals(signal.SIG_IGN)
    raise Interrupted


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, type=os.path.abspath)
    parser.add_argument("--runs", required=True, type=pathlib.Path)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--seed-blocks", type=int, default=0)
    parser.add_argument("--chaingen", type=os.path.abspath)
    parser.add_argument("--inspect", required=True, type=os.path.abspath)
    parser.add_argument("--pay", type=int, default=0)
    parser.add_argument("nodes", type=int)
    args = parser.parse_args()

    on_end_signals(interrupt)
    problems, nodes, run_dir = [], [], None
    try:
        ips = [f"127.0.0.{number}" for number in range(1, args.nodes + 1)]
        check_ports_free(ips)
        run_dir = make_run_dir(args.runs)
        nodes = [Node(ip, run_dir) for ip in ips]
        run(args, run_dir, nodes)
    except Interrupted:
        print("\nStopping.", flush=True)
        problems = [f"{node.ip} {node.ended()} before it was asked to; its last log lines:\n{node.last_log_lines()}"
                    for node in nodes if node.process and node.ended()]
    except Failed as error:
        problems = [str(error)]
    finally:
        on_end_signals(signal.SIG_IGN)
        problems += stop_all(nodes)
    for problem in problems:
        print(f"devnet: error: {problem}", file=sys.stderr)
    if run_dir:
        give_to_owner(args.runs, pathlib.Path(__file__))
        print(f"Data and logs are kept in {run_dir}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
