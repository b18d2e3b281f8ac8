# SPDX-License-Identifier: MIT
"""One real `timed` process: started on an address of its own, watched through its RPC and its log, ended by its pid."""
import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

from . import config as toml
from .net import P2P_PORT, RPC_PORT, listening, scaled, wait_until
from .peer import Peer
from .rpc import RPC_WARMING_UP, Rpc, RpcError

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("TIMED_BINARY", str(ROOT / "build" / "src" / "timed" / "timed"))
INSPECT = os.environ.get("TIMED_INSPECT", str(pathlib.Path(BINARY).parents[1] / "timed-inspect" / "timed-inspect"))

# What a sanitizer, a CHECK() or the C library prints when the process is broken; and a method of the RPC whose help does
# not know how it has failed.
BROKEN = re.compile(r"Sanitizer|runtime error:|(?i:check failed)|[Aa]ssertion .*failed|stack smashing|double free|"
                    r"failed with the undeclared code")


def built_with(*marks):
    """Whether the binary holds one of these byte strings; False where there is no binary."""
    if not os.access(BINARY, os.R_OK):
        return False
    with open(BINARY, "rb") as file:
        text = file.read()
    return any(mark in text for mark in marks)


SANITIZED = built_with(b"__asan_init", b"__tsan_init")


class Daemon:
    def __init__(self, workdir, ip, config=None, args=(), env=None, namespace=None, prefix=()):
        self.ip = ip
        self.dir = os.path.join(str(workdir), f"timed-{ip}")
        self.datadir = os.path.join(self.dir, "data")
        self.stdout = os.path.join(self.dir, "stdout.log")
        self.stderr = os.path.join(self.dir, "stderr.log")
        self.args = list(args)
        self.env = env or {}
        self.namespace = namespace
        self.prefix = list(prefix)
        self.process = None
        os.makedirs(self.datadir, exist_ok=True)
        rpc_ip = "127.0.0.1" if namespace else ip
        self.config = toml.merge({
            "node": {"name": f"test {ip}", "network": "devnet"},
            "network": {"listen_address": ip, "port": P2P_PORT, "discovery_url": "", "bootstrap_peers": []},
            "rpc": {"listen_address": rpc_ip, "port": RPC_PORT},
            "storage": {"data_dir": self.datadir},
            "devnet": {"genesis_timestamp": 1764547200},
            "logging": {"level": "debug"},
        }, config)
        self._rpc = Rpc(rpc_ip, self.config["rpc"]["port"], self.datadir, namespace)
        self._rpc_ip = rpc_ip

    # --- life ---------------------------------------------------------------------------------------------------

    @property
    def pid(self):
        return self.process.pid

    def write_config(self):
        """What is to be read at the next start, or at SIGHUP."""
        path = os.path.join(self.dir, "config.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(toml.render(self.config))
        return path

    def spawn(self, *more):
        """Starts the process, with more arguments this once, and does not wait for it."""
        assert not self.running(), "already running"
        path = self.write_config()
        env = {key: value for key, value in os.environ.items() if key not in ("JOURNAL_STREAM", "TIMED_BINARY")}
        env.update(self.env)
        with open(self.stdout, "ab") as out, open(self.stderr, "ab") as err:
            command = [*self.prefix, BINARY, "-c", path, *self.args, *more]
            self.process = subprocess.Popen(command, cwd=self.dir, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err)
        return self

    def start(self, timeout=20):
        self.spawn()
        wait_until(self.ready, timeout, lambda: f"{self.ip} is ready:\n{self.tail()}")
        return self

    def ready(self):
        """The P2P port and the RPC port are open and the RPC answers."""
        if not self.running():
            raise AssertionError(f"timed at {self.ip} ended with {self.process.returncode}:\n{self.tail()}")
        ports = listening(self.pid)
        if (self.ip, self.config["network"]["port"]) not in ports:
            return False
        if (self._rpc_ip, self.config["rpc"]["port"]) not in ports:
            return False
        try:
            self.rpc("uptime")
        except (OSError, ValueError):
            return False
        except RpcError as error:
            # The cookie on disk may still be that of the former process.
            if error.code not in (RPC_WARMING_UP, 401):
                raise
            return False
        return True

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=5):
        """SIGTERM: must end in order, with 0 and without a complaint of a sanitizer. Returns the seconds it took."""
        begin = time.monotonic()
        self.resume()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(scaled(timeout))
        except subprocess.TimeoutExpired:
            stacks = self.backtraces()
            self.kill9()
            raise AssertionError(f"{self.ip} still runs {scaled(timeout)} s after\n{self.tail()}\n{stacks}") from None
        self.check_clean()
        assert code == 0, f"{self.ip} ended with {code}:\n{self.tail()}"
        return time.monotonic() - begin

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()

    def remove_data(self):
        shutil.rmtree(self.datadir, ignore_errors=True)

    # --- RPC ----------------------------------------------------------------------------------------------------

    def rpc(self, method, *params, named=None):
        return self._rpc.call(method, *params, timeout=scaled(10), named=named)

    def rpc_credentials(self):
        """Headers for requests that a test makes itself."""
        return self._rpc.credentials()

    def rpc_begin(self, method, *params):
        """Sends a request that will take a while; returns what gives its answer."""
        connection = self._rpc.begin(method, *params, timeout=scaled(60))
        return lambda: self._rpc.end(connection)

    def peers(self, ready=True):
        """What getpeerinfo says, only connections that are ready unless told, keyed by the peer's IP."""
        found = {}
        for entry in self.rpc("getpeerinfo"):
            if ready and entry.get("state", "ready") != "ready":
                continue
            ip = entry["addr"].rsplit(":", 1)[0]
            assert ip not in found, f"{self.ip} shows two connections with {ip}"
            found[ip] = entry
        return found

    def peer(self, ip):
        return self.peers().get(ip)

    def wait_peer(self, ip, timeout=5):
        return wait_until(lambda: self.peer(ip), timeout, lambda: f"{ip} is a peer of {self.ip}\n{self.tail()}")

    def wait_peers(self, count, timeout=5):
        """Waits until exactly `count` connections are ready."""
        def check():
            return len(self.peers()) == count
        wait_until(check, timeout, lambda: f"{count} peers of {self.ip}, has {list(self.peers())}\n{self.tail()}")
        return self.peers()

    def wait_no_connection(self, timeout=5):
        """Waits until nothing is left of any connection, in whatever state: no entry, no worker."""
        wait_until(lambda: not self.peers(ready=False) and not self.workers(), timeout,
                   lambda: f"no connection at {self.ip}, has {self.workers()}\n{self.tail()}")

    def genesis(self):
        """Our genesis hash as a byte array; the chain consists of it."""
        return list(bytes.fromhex(self.rpc("getblockchaininfo")["bestblockhash"]))

    def masternodes(self):
        """The entries of masternodelist keyed by IP."""
        result = self.rpc("masternodelist")
        entries = result["masternodes"] if isinstance(result, dict) else result
        return {entry["address"].rsplit(":", 1)[0]: entry for entry in entries}

    # --- chain --------------------------------------------------------------------------------------------------

    def height(self):
        return self.rpc("getblockcount")

    def tip(self):
        """The hash of the tip as bytes."""
        return bytes.fromhex(self.rpc("getbestblockhash"))

    def wait_chain(self, chain, timeout=20):
        """Waits until the tip is that of a model chain."""
        wait_until(lambda: self.tip() == chain.tip_hash, timeout,
                   lambda: f"tip {chain.height} of the model at {self.ip}, is at {self.height()}\n{self.tail()}")

    def wait_height(self, height, timeout=20):
        wait_until(lambda: self.height() >= height, timeout,
                   lambda: f"height {height} at {self.ip}, is at {self.height()}\n{self.tail()}")

    def assert_chain(self, chain):
        """Tip, number of unspent outputs and their hash are those of a model chain."""
        info = self.rpc("gettxoutsetinfo")
        said = (info["height"], info["bestblock"], info["txouts"], info["utxo_state_hash"])
        assert said == (chain.height, chain.tip_hash.hex(), len(chain.utxos.coins), chain.utxos.state_hash().hex())

    def run_to_end(self, *args, code=0, timeout=60):
        """Runs the process with these arguments until it ends by itself; returns what it logged."""
        mark = self.mark()
        self.spawn(*args)
        try:
            ended = self.process.wait(scaled(timeout))
        except subprocess.TimeoutExpired:
            stacks = self.backtraces()
            self.kill9()
            raise AssertionError(f"{args} runs for over {scaled(timeout)} s\n{self.tail()}\n{stacks}") from None
        self.check_clean()
        assert ended == code, f"{args} ended with {ended} and not {code}:\n{self.tail()}"
        return self.log(mark)

    def load_blocks(self, source, code=0, timeout=60):
        """Imports a model chain, or a file of blocks, into the data directory; the daemon must not run."""
        path = source
        if not isinstance(source, (str, os.PathLike)):
            path = source.write(os.path.join(self.dir, "import.jsonl"))
        return self.run_to_end("--load-blocks", str(path), code=code, timeout=timeout)

    def inspect(self, *args, code=0, timeout=60):
        """What `timed-inspect chain` says of the data directory of the stopped daemon."""
        done = subprocess.run([INSPECT, "chain", self.datadir, *args], capture_output=True, text=True,
                              timeout=scaled(timeout), check=False)
        assert done.returncode == code, f"timed-inspect ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    # --- as a peer ----------------------------------------------------------------------------------------------

    def raw_peer(self, ip, **options):
        """A connection from `ip`, nothing sent on it yet."""
        return Peer.dial(ip, self.ip, self.config["network"]["port"], **options)

    def dial_in(self, ip, **options):
        """A peer that came in from `ip`, behaves well and is ready on both sides."""
        hello = {key: options.pop(key) for key in ("node_id", "send_version") if key in options}
        peer = self.raw_peer(ip, genesis=self.genesis(), **options)
        peer.handshake(**hello)
        self.wait_peer(ip)
        return peer

    def assert_alive(self, ip):
        """Another peer's ping, from `ip`, is answered within 2 s."""
        peer = self.raw_peer(ip)
        try:
            peer.handshake(timeout=2)
            peer.ping(timeout=2)
        finally:
            peer.close()

    # --- log ----------------------------------------------------------------------------------------------------

    def mark(self):
        """A place in the log; lines before it are passed over."""
        return os.path.getsize(self.stdout) if os.path.exists(self.stdout) else 0

    def log(self, since=0):
        """All lines from the mark on, the last one perhaps cut."""
        if not os.path.exists(self.stdout):
            return ""
        with open(self.stdout, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def log_lines(self, pattern, since=0):
        found = re.compile(pattern)
        return [line for line in self.log(since).splitlines() if found.search(line)]

    def wait_log(self, pattern, since=0, timeout=5, count=1):
        """Waits for the count-th line that matches, and returns the match."""
        found = re.compile(pattern, re.MULTILINE)

        def check():
            matches = list(found.finditer(self.log(since)))
            return matches[count - 1] if len(matches) >= count else None
        return wait_until(check, timeout, lambda: f"log line /{pattern}/ of {self.ip}\n{self.tail()}")

    def wait_ended(self, ip, reason, since=0, timeout=5):
        """Waits for the line that names the reason of the end of a connection."""
        pattern = rf"Message loop ended for {re.escape(ip)}\b.*\(reason: {reason}"
        return self.wait_log(pattern, since, timeout)

    def endings(self, ip=None, since=0):
        """The reasons of all connections that ended."""
        peer = re.escape(ip) if ip else r"\S+"
        lines = re.findall(rf"Message loop ended for ({peer})\s.*?\(reason: ([^)]*)\)", self.log(since))
        return [reason for _, reason in lines]

    def violations(self, ip, since=0):
        return self.log_lines(rf"Violation #\d+ from {re.escape(ip)}:", since)

    def tail(self, lines=40):
        """The end of both outputs, for the message of a failed test."""
        text = self.log().splitlines()[-lines:]
        if os.path.exists(self.stderr):
            with open(self.stderr, encoding="utf-8", errors="replace") as file:
                text += ["--- stderr"] + file.read().splitlines()[-lines:]
        return "\n".join(text)

    def check_clean(self):
        with open(self.stderr, encoding="utf-8", errors="replace") as file:
            text = file.read()
        broken = BROKEN.search(text + self.log())
        assert not broken, f"{self.ip} is broken: {broken.group(0)}\n{text[-6000:]}"

    # --- the process --------------------------------------------------------------------------------------------

    def _status(self, key):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return line.split()[1]
        raise KeyError(key)

    def rss(self):
        """Resident bytes."""
        return int(self._status("VmRSS")) * 1024

    def rss_peak(self):
        return int(self._status("VmHWM")) * 1024

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def connection_fds(self):
        """Descriptors of the kinds that a connection has; the database opens files of its own as it grows."""
        count = 0
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(f"/proc/{self.pid}/fd/{fd}").startswith(("socket:", "anon_inode:[eventfd]"))
        return count

    def threads(self):
        """The names of all threads, sorted."""
        names = []
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/comm", encoding="utf-8") as file:
                    names.append(file.read().strip())
            except FileNotFoundError:
                pass
        return sorted(names)

    def workers(self):
        """The names of the threads that serve a peer."""
        return [name for name in self.threads() if name.startswith("p:")]

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def limit_fds(self, soft):
        """Changes the limit of open files of the running process; returns the former pair."""
        former = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (soft, former[1]))
        return former

    def backtraces(self):
        """All stacks, where gdb is there, for the message of a test in which the daemon hangs."""
        if not shutil.which("gdb"):
            return ""
        done = subprocess.run(["gdb", "-p", str(self.pid), "-batch", "-ex", "thread apply all bt 12"],
                              capture_output=True, text=True, timeout=60, check=False)
        return done.stdout[-8000:]
