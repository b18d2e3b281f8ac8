# SPDX-License-Identifier: MIT
"""The chain on disk: import and export, SIGKILL at every step, a full disk, damaged files.
adversarial 51, 54 and 55."""
import http.client
import json
import os
import random
import re
import shutil
import subprocess
import time

import pytest

from harness import alterations
from harness.chain import Chain, Key, output, sign, spend, transaction
from harness.net import ALL_ROUNDS, SCALE, paced, rounds, scaled, wait_until
from harness.peer import Closed
from harness.rpc import RpcError
from harness.sync import SYNC_TIMERS, chain_with_payments, sync_config
from harness.transcript import VECTORS

RECORDED = os.path.join(VECTORS, "chain.jsonl")


@pytest.fixture(scope="module")
def chain():
    return chain_with_payments(200)


def big_block(chain):
    """The next block, of half a megabyte."""
    outpoint = chain.spendable(1)[0]
    value, script = chain.coin(outpoint)
    outputs = [output(value, script), *[output(0, bytes(10000)) for _ in range(50)]]
    return chain.make([sign(transaction([spend(outpoint)], outputs), [Key.of(script)])])


@pytest.fixture(scope="module")
def heavy():
    """100 usual blocks and 60 of half a megabyte: more than what a log file takes without asking for room."""
    chain = chain_with_payments(100)
    for _ in range(60):
        chain.append(big_block(chain))
    return chain


# --- import and export ----------------------------------------------------------------------------------------------

@pytest.fixture
def testnet(daemons, net):
    """A daemon of the testnet that listens on loopback and knows nobody."""
    return daemons(net.ip(5), {"node": {"network": "testnet"}}, start=False)


@pytest.mark.fast
def test_load_blocks_of_the_recorded_chain(testnet):
    """Ends at the tip and the UTXO state hash where the Rust node stood."""
    with open(os.path.join(VECTORS, "chain.json"), encoding="utf-8") as file:
        end = json.load(file)
    testnet.load_blocks(RECORDED)
    text = testnet.inspect()
    for value in (end["tip_hash"], end["utxo_state_hash"], str(end["height"]), str(end["utxo_count"])):
        assert value in text, f"{value} is not in:\n{text}"
    testnet.inspect("--verify")
    testnet.start()
    info = testnet.rpc("gettxoutsetinfo")
    assert {"height": info["height"], "tip_hash": info["bestblock"], "utxo_count": info["txouts"],
            "utxo_state_hash": info["utxo_state_hash"]} == end


def test_load_blocks_tells_its_progress(testnet):
    log = testnet.load_blocks(RECORDED)
    assert re.search(r"\b900\b", log) and re.search(r"\b90[01]\b.*block|block.*\b90[01]\b", log), log


@pytest.mark.fast
def test_load_blocks_in_parts_and_twice(daemons, net, chain):
    """What is there already is passed over; the rest continues."""
    node = daemons(net.ip(5), start=False)
    half = chain.fork(100)
    node.load_blocks(half)
    node.load_blocks(half)
    node.load_blocks(chain)
    node.load_blocks(half)
    node.start()
    node.assert_chain(chain)


@pytest.mark.fast
@pytest.mark.parametrize("what, said", [("invalid block", "merkle"), ("cut line", r"line 151|151"),
                                        ("gap", "height|parent|previous")])
def test_load_blocks_stops_at_what_is_wrong(daemons, net, tmp_path, chain, what, said):
    """Exit code 1 and the place; what precedes it is in, and a good file completes it."""
    path = tmp_path / "bad.jsonl"
    lines = [chain.line(height) for height in range(chain.height + 1)]
    if what == "invalid block":
        block = chain.blocks[150]
        lines[150] = json.dumps({**block, "transactions": block["transactions"][:-1]}).encode()
    elif what == "cut line":
        lines[150] = lines[150][:-30]
    else:
        del lines[150]
    path.write_bytes(b"\n".join(lines) + b"\n")
    node = daemons(net.ip(5), start=False)
    log = node.load_blocks(path, code=1)
    assert re.search(said, log, re.IGNORECASE), log
    assert re.search(r"\b15[01]\b", log), log
    node.start()
    node.assert_chain(chain.fork(149))
    node.stop()
    node.load_blocks(chain)
    node.start()
    node.assert_chain(chain)


def test_load_blocks_of_another_chain(daemons, net, chain):
    """Another genesis, or no such file: refused with what is wrong, and nothing is changed."""
    node = daemons(net.ip(5), start=False)
    node.load_blocks(chain)
    other = Chain({**chain.blocks[0], "header": {**chain.blocks[0]["header"], "timestamp": 5}})
    other.grow(3)
    assert re.search("genesis", node.load_blocks(other, code=1), re.IGNORECASE)
    assert "nothing.jsonl" in node.load_blocks(os.path.join(node.dir, "nothing.jsonl"), code=1)
    node.start()
    node.assert_chain(chain)


@pytest.mark.fast
def test_load_blocks_refuses_money_from_nothing(daemons, net):
    """The rules are those of the wire."""
    short = chain_with_payments(12)
    made = alterations.money(short)
    node = daemons(net.ip(5), start=False)
    for alteration in made if rounds(10) == 10 else made[::3]:
        bad = short.fork(short.height)
        bad.append(alteration.block)
        log = node.load_blocks(bad, code=1)
        assert re.search(alteration.code(), log), alteration.name
    node.start()
    node.assert_chain(short)


def test_export_is_what_was_imported(daemons, net, tmp_path, chain):
    """Byte for byte; and it can be imported again."""
    node = daemons(net.ip(5), start=False)
    node.load_blocks(chain)
    path = tmp_path / "export.jsonl"
    node.inspect(f"--export={path}")
    assert path.read_bytes() == b"".join(chain.line(height) + b"\n" for height in range(chain.height + 1))
    again = daemons(net.ip(6), start=False)
    again.load_blocks(path)
    again.start()
    again.assert_chain(chain)


def test_reindex_rebuilds_everything(daemons, net, chain):
    """From the blocks alone."""
    node = daemons(net.ip(5), start=False)
    node.load_blocks(chain)
    node.args = ["--reindex"]
    node.start(timeout=30)
    node.wait_chain(chain)
    node.assert_chain(chain)
    node.stop()
    node.args = []
    node.start()
    node.assert_chain(chain)
    node.stop()
    node.inspect("--verify")


def test_data_of_another_network_is_refused(daemons, net, chain):
    """Exit code 1 (or 2), and the message names both; nothing is written."""
    node = daemons(net.ip(5), start=False)
    node.load_blocks(chain)
    for change in ({"node": {"network": "testnet"}}, {"devnet": {"genesis_timestamp": 1764547201}}):
        before = {section: dict(values) for section, values in node.config.items()}
        for section, values in change.items():
            node.config[section].update(values)
        mark = node.mark()
        node.spawn()
        assert node.process.wait(scaled(20)) in (1, 2)
        node.check_clean()
        assert re.search(r"(?i)ERROR.*(network|genesis)", node.log(mark)), node.tail()
        node.config = before
    node.start()
    node.assert_chain(chain)


def test_restart_is_quick_and_loses_nothing(daemons, net, chain):
    node = daemons(net.ip(5), start=False)
    node.load_blocks(chain)
    for _ in range(5):
        node.start()
        node.assert_chain(chain)
        assert node.stop() < scaled(2)


# --- 51 -------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def sides():
    """Two branches of a chain."""
    trunk = chain_with_payments(40)
    left, right = trunk.fork(40, tag="left"), trunk.fork(40, tag="right")
    left.grow(25, transactions=2)
    right.grow(30, transactions=2)
    return left, right


class Scenario:
    """A daemon on one branch, and peers that may take it to the other."""

    def __init__(self, daemons, serve, net, sides, tmp_path, **sections):
        self.sides = sides
        self.start = sides[0].fork(50)
        self.peers = [serve(net.ip(20 + number), self.start) for number in range(3)]
        self.node = daemons(net.ip(5), sync_config(*[peer.ip for peer in self.peers], **sections), start=False)
        self.node.load_blocks(self.start)
        self.models = {}
        self._sound = str(tmp_path / "sound")
        shutil.copytree(self.node.datadir, self._sound)

    def fresh(self, empty=False):
        """The data directory holds 50 blocks of the first branch, or nothing; the peers have the same."""
        if self.node.running():
            self.node.kill9()
        self.node.remove_data()
        if empty:
            os.makedirs(self.node.datadir)
        else:
            shutil.copytree(self._sound, self.node.datadir)
        self.serve(self.start)

    def serve(self, side):
        for peer in self.peers:
            peer.chain = side

    def go(self, side):
        """The peers have another chain, and say so."""
        self.serve(side)
        for peer in self.peers:
            if peer.link:
                try:
                    peer.announce(side.tip)
                except OSError:
                    pass

    def run_into(self, point, *args):
        """Starts the daemon to be killed at a point, and takes it to one branch and the other. Whether it was."""
        self.node.env = {"TIMED_CRASH": point}
        self.node.spawn(*args)
        wait_until(lambda: self.ended() or answers(self.node), 20, lambda: f"{point}: start\n{self.node.tail()}")
        for side in self.sides:
            if not self.ended():
                self.go(side)
                wait_until(lambda: self.ended() or tip_of(self.node) == side.tip_hash, 30,
                           lambda: f"{point}: killed or at the end\n{self.node.tail()}")
        killed = self.ended()
        if killed:
            assert self.node.process.returncode < 0, f"{point}: {self.node.process.returncode}\n{self.node.tail()}"
        else:
            self.node.kill9()
        return killed

    def check(self, what):
        """Started without faults: it shows one branch or the other, whole."""
        self.node.env = {}
        self.node.start()
        info = self.node.rpc("gettxoutsetinfo")
        tip, height = bytes.fromhex(info["bestblock"]), info["height"]
        side = next((side for side in self.sides if height <= side.height and side.hashes[height] == tip), None)
        assert side, f"{what}: {tip.hex()} at {height} is on neither branch"
        model = self.models.setdefault(tip, side.fork(height))
        assert info["utxo_state_hash"] == model.utxos.state_hash().hex(), f"{what}: at {height}"

    def finish(self, what):
        """It gets to the end of the last branch and is whole."""
        self.check(what)
        self.go(self.sides[-1])
        self.node.wait_chain(self.sides[-1], 30)
        self.node.assert_chain(self.sides[-1])
        self.node.stop()
        self.node.inspect("--verify")

    def ended(self):
        return not self.node.running()


def tip_of(node):
    """The tip, or None when the process dies under the question."""
    try:
        return node.tip()
    except (OSError, ValueError, http.client.HTTPException, RpcError):
        return None


def answers(node):
    return tip_of(node) is not None


# Reached only when a rebuild is more than one batch.
REINDEX_BATCH = ("reindex-before-write", "reindex-after-write")


def reach(scenario, point):
    """Brings the daemon to a crash point in whatever way leads there. Whether it was killed there."""
    kind = point.split("-")[0]
    scenario.fresh(empty=kind == "genesis")
    if kind == "back":
        # A reorganisation that was cut short is what the next start walks back from.
        assert scenario.run_into("reorg-after-connect"), "a reorganisation is killed"
        scenario.serve(scenario.start)
    return scenario.run_into(point, *(["--reindex"] if kind == "reindex" else []))


def test_adversarial_51_sigkill_at_every_crash_point(daemons, serve, net, tmp_path, sides, crash_points):
    """First start, connecting at the tip and in bulk, keeping branches, reorganising, walking back, rebuilding: killed
    there, it opens again with the unspent outputs of a clean node, and gets to the end."""
    if not crash_points:
        pytest.skip("this timed was built without fault injection (meson option faults)")
    scenario = Scenario(daemons, serve, net, sides, tmp_path)
    points = [point for point in crash_points
              if not point.startswith(("trim", "votes", "send")) and point not in REINDEX_BATCH]
    # In CI every third: the unit tests reach all of them.
    for point in points if ALL_ROUNDS else points[::3]:
        assert reach(scenario, point), f"{point} was never reached\n{scenario.node.tail()}"
        scenario.finish(point)


def test_adversarial_51_sigkill_between_the_batches_of_a_reindex(daemons, net, heavy, crash_points):
    """There is more to rebuild than is written at once."""
    if not crash_points:
        pytest.skip("this timed was built without fault injection (meson option faults)")
    node = daemons(net.ip(5), start=False)
    chain = heavy.fork(125)
    node.load_blocks(chain)
    for point in REINDEX_BATCH:
        node.env = {"TIMED_CRASH": point}
        node.spawn("--reindex")
        assert node.process.wait(scaled(30)) < 0, f"{point} was never reached"
        node.env = {}
        node.start()
        node.assert_chain(chain)
        node.stop()
        node.inspect("--verify")


def test_adversarial_51_sigkill_while_branches_are_trimmed(daemons, serve, net, tmp_path, sides, crash_points):
    """What lies deeper than a reorganisation may reach is dropped."""
    if not crash_points:
        pytest.skip("this timed was built without fault injection (meson option faults)")
    left, right = sides
    further = right.fork(right.height)
    further.grow(40)
    scenario = Scenario(daemons, serve, net, (left, right, further), tmp_path, limits={"reorg_depth": 30})
    for point in crash_points:
        if point.startswith("trim"):
            assert reach(scenario, point), f"{point} was never reached\n{scenario.node.tail()}"
            scenario.finish(point)


@pytest.mark.long(120)
def test_adversarial_51_sigkill_in_recovery(daemons, serve, net, tmp_path, sides, crash_points):
    """Killed at each point of a reorganisation, and again and again at every point of the starts that walk back."""
    if not crash_points:
        pytest.skip("this timed was built without fault injection (meson option faults)")
    scenario = Scenario(daemons, serve, net, sides, tmp_path)
    node = scenario.node
    again = [point for point in crash_points if rounds(10) == 10 or point.startswith("back")]
    for first in [point for point in crash_points if point.startswith("reorg")]:
        scenario.fresh()
        assert scenario.run_into(first)
        scenario.serve(scenario.start)
        for second in again:
            node.env = {"TIMED_CRASH": second}
            node.spawn()
            wait_until(lambda: scenario.ended() or answers(node), 20, f"{first}, {second}")
            if node.running():
                node.kill9()
        scenario.finish(first)


@pytest.mark.long(700)
def test_adversarial_51_sigkill_at_random_moments(daemons, serve, net, tmp_path, sides):
    """Connecting, syncing, reorganising, recovering, at random; after each the unspent outputs are right."""
    scenario = Scenario(daemons, serve, net, sides, tmp_path)
    node = scenario.node
    generator = random.Random(51)
    for turn in range(rounds(1000, 15)):
        node.spawn()
        scenario.go(sides[generator.randrange(2)])
        time.sleep(generator.choice((generator.uniform(0, paced(0.1)), generator.uniform(0, paced(0.8)))))
        node.kill9()
        node.check_clean()
        if turn % 4 == 3:
            scenario.check(f"round {turn}")
            node.kill9()
    scenario.finish("the end")


def test_adversarial_51_sigkill_while_loading(daemons, net, chain):
    """Importing, killed again and again: each start is consistent, the last one completes."""
    node = daemons(net.ip(5), start=False)
    path = chain.write(os.path.join(node.dir, "import.jsonl"))
    generator = random.Random(5)
    for _ in range(rounds(100, 10)):
        node.spawn("--load-blocks", path)
        time.sleep(generator.uniform(0, paced(0.25)))
        if node.running():
            node.kill9()
        node.start()
        info = node.rpc("gettxoutsetinfo")
        assert info["bestblock"] == chain.hashes[info["height"]].hex()
        assert info["utxo_state_hash"] == chain.fork(info["height"]).utxos.state_hash().hex()
        node.kill9()
    node.load_blocks(chain)
    node.start()
    node.assert_chain(chain)


# --- 54 -------------------------------------------------------------------------------------------------------------

class SmallDisk:
    """A tmpfs over the data directory of a daemon, that can be filled and emptied (root)."""

    def __init__(self, path, megabytes=256):
        self.path = path
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip("no small file system can be mounted: " + done.stderr.strip())

    def fill(self, leave=0):
        """Leaves so many bytes."""
        stat = os.statvfs(self.path)
        with open(os.path.join(self.path, "filler"), "wb") as file:
            file.write(b"\1" * max(0, stat.f_bavail * stat.f_frsize - leave))

    def empty(self):
        os.unlink(os.path.join(self.path, "filler"))

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], capture_output=True, check=False)


@pytest.fixture
def small_disk(request):
    """small_disk(daemon) puts its data directory on a small disk of its own."""
    made = []

    def make(daemon):
        disk = SmallDisk(daemon.datadir)
        made.append(disk)
        return disk

    yield make
    for disk in made:
        disk.unmount()


def ends_for_want_of_room(node, mark, timeout=20):
    """Exit code 1, in order, and the log says why."""
    try:
        code = node.process.wait(scaled(timeout))
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still running without room:\n{node.tail()}\n{node.backtraces()}") from None
    node.check_clean()
    assert code == 1, f"ended with {code}:\n{node.tail()}"
    assert re.search(r"(?i)ERROR.*(no space left|disk.*full|out of space)", node.log(mark)), node.tail()


@pytest.mark.root
@pytest.mark.parametrize("leave", [0, 8192, 3_000_000])
def test_adversarial_54_disk_full_while_syncing(daemons, serve, net, small_disk, heavy, leave):
    """Named error, orderly stop with 1, nothing wrong on disk; with room it opens and completes."""
    chain = heavy
    node = daemons(net.ip(5), start=False)
    disk = small_disk(node)
    node.load_blocks(chain.fork(100))
    server = serve(net.ip(8), chain)
    node.config["network"]["bootstrap_peers"] = [server.ip]
    node.config["timers"] = dict(SYNC_TIMERS)
    server.mute = True
    mark = node.mark()
    node.start()
    disk.fill(leave)
    server.mute = False
    server.link.reset()
    ends_for_want_of_room(node, mark)
    disk.empty()
    node.start()
    node.wait_chain(chain, 60)
    node.assert_chain(chain)
    node.stop()
    node.inspect("--verify")


@pytest.mark.root
def test_adversarial_54_disk_full_at_start_and_import(daemons, net, small_disk, heavy):
    """No room from the beginning: a named error, exit code 1, whichever is tried; with room everything goes on."""
    node = daemons(net.ip(5), start=False)
    disk = small_disk(node)
    disk.fill()
    mark = node.mark()
    node.spawn()
    ends_for_want_of_room(node, mark)
    disk.empty()
    node.load_blocks(heavy.fork(100))
    disk.fill(16384)
    log = node.load_blocks(heavy, code=1)
    assert re.search(r"(?i)ERROR.*(no space left|disk.*full|out of space)", log), log
    disk.empty()
    node.load_blocks(heavy)
    node.start()
    node.assert_chain(heavy)


# --- 55 -------------------------------------------------------------------------------------------------------------

def database_files(node):
    found = []
    for directory, _, names in os.walk(os.path.join(node.datadir, "db")):
        found += [os.path.join(directory, name) for name in names]
    return sorted(path for path in found if os.path.basename(path) not in ("LOCK", "IDENTITY") and
                  not os.path.basename(path).startswith("LOG") and os.path.getsize(path))


def damage(path, kind, generator):
    size = os.path.getsize(path)
    if kind == "cut":
        os.truncate(path, generator.randrange(size))
    elif kind == "cut one byte":
        os.truncate(path, size - 1)
    elif kind == "missing":
        os.unlink(path)
    else:
        with open(path, "r+b") as file:
            file.seek(generator.randrange(size))
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ (1 << generator.randrange(8))]))


class Unanswered(Exception):
    """The daemon could not say what was asked."""


def right_or_refused(node, chain, path, kind, models):
    """The damaged daemon names an error and says what to do, or all that it says is right. Returns which."""
    what, mark = f"{os.path.basename(path)}: {kind}", node.mark()
    node.spawn()
    wait_until(lambda: not node.running() or answers(node), 30, lambda: f"{what}: {node.tail()}")
    if node.running():
        try:
            compare_all(node, chain, what, models)
            node.stop(timeout=20)
            return "right"
        except (Unanswered, OSError, ValueError, http.client.HTTPException, RpcError):
            pass
    # The answer may be quicker than the line in the log.
    errors = node.wait_log(r"^.* ERROR .*STORE_E_\w+.*$", mark).group(0)
    if path.endswith((".sst", ".log")):
        # RocksDB names the file that lists a table where the end of the table is gone.
        assert re.search(r"[0-9]{6}\.(sst|log)|MANIFEST-[0-9]+", errors), f"{what}: no file named in {errors}"
    assert re.search(r"--reindex|--recover-wal|(?i:restore|remove|delete)", errors), f"{what}: no way out in {errors}"
    if node.running():
        node.kill9()
    else:
        assert node.process.returncode == 1, f"{what}: ended with {node.process.returncode}\n{node.tail()}"
    node.check_clean()
    return "refused"


def compare_all(node, chain, what, models):
    """Every block and the unspent outputs against the model, as far as the daemon's tip goes."""
    height = node.height()
    assert height <= chain.height, what
    for at in range(height + 1):
        assert node.rpc("getblockhash", at) == chain.hashes[at].hex(), f"{what}: block {at}"
    info = node.rpc("gettxoutsetinfo")
    model = models.setdefault(info["height"], chain.fork(info["height"]))
    assert (info["bestblock"], info["utxo_state_hash"], info["txouts"]) == (
        model.tip_hash.hex(), model.utxos.state_hash().hex(), len(model.utxos.coins)), what
    peer = node.raw_peer(node.ip.rsplit(".", 1)[0] + ".77", genesis=chain.hash_at(0))
    try:
        peer.handshake()
        for first in range(0, height + 1, 50):
            peer.send({"GetBlocks": [first, first + 49]})
            peer.ping(timeout=10)
            answered = peer.payloads("BlocksResponse")
            if len(answered) != first // 50 + 1:
                raise Unanswered
            assert answered[-1] == chain.blocks[first:min(first + 50, height + 1)], f"{what}: blocks from {first}"
    except Closed:
        raise Unanswered from None
    finally:
        peer.close()


@pytest.mark.parametrize("ended", ["in order", "killed"])
@pytest.mark.long(300)
def test_adversarial_55_damaged_files(daemons, serve, net, tmp_path, chain, ended):
    """SST, WAL and the files that name them, cut off or with one bit changed, after an orderly stop and after SIGKILL:
    a named error with what to do, or the right data. Never wrong data."""
    node = daemons(net.ip(5), start=False)
    node.load_blocks(chain.fork(120))
    server = serve(net.ip(8), chain)
    node.config["network"]["bootstrap_peers"] = [server.ip]
    node.config["timers"] = dict(SYNC_TIMERS)
    node.start()
    node.wait_chain(chain)
    if ended == "killed":
        node.kill9()
    else:
        node.stop()
    server.close()
    node.config["network"]["bootstrap_peers"] = []
    sound = str(tmp_path / "sound")
    shutil.copytree(node.datadir, sound)
    generator = random.Random(55)
    files = database_files(node)
    assert any(path.endswith((".sst", ".log")) for path in files), files
    cases = [(path, kind) for path in files for kind in ("flip", "cut", "cut one byte", "missing", "flip", "flip")]
    generator.shuffle(cases)
    seen, models = {"right": 0, "refused": 0}, {}
    for path, kind in cases * 5 if rounds(10) == 10 else cases[:int(24 / min(SCALE, 3))]:
        shutil.rmtree(node.datadir)
        shutil.copytree(sound, node.datadir)
        damage(path, kind, generator)
        seen[right_or_refused(node, chain, path, kind, models)] += 1
    print(seen)


def test_adversarial_55_reindex_or_sync_heals(daemons, serve, net, tmp_path, chain):
    """What the error says to do works: after any damage, reindex or a fresh directory ends at the right tip."""
    node = daemons(net.ip(5), start=False)
    node.load_blocks(chain)
    shutil.copytree(node.datadir, tmp_path / "sound")
    generator = random.Random(56)
    server = serve(net.ip(8), chain)
    node.config["network"]["bootstrap_peers"] = [server.ip]
    node.config["timers"] = dict(SYNC_TIMERS)
    for path in [path for path in database_files(node) if path.endswith((".sst", ".log"))][:rounds(100, 6)]:
        shutil.rmtree(node.datadir)
        shutil.copytree(tmp_path / "sound", node.datadir)
        damage(path, "flip", generator)
        for way in ([], ["--recover-wal"], ["--reindex"], None):
            if way is None:
                node.remove_data()
                os.makedirs(node.datadir)
            node.args = way or []
            node.spawn()
            wait_until(lambda: not node.running() or tip_of(node) == chain.tip_hash, 30,
                       lambda: f"{path} {way}\n{node.tail()}")
            if node.running():
                break
            node.check_clean()
        node.assert_chain(chain)
        node.stop()
