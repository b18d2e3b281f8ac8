# SPDX-License-Identifier: MIT
"""gdb commands for timed: what a node is doing, seen from outside of it.

    timed peers         every connection: state, queue, heartbeat, thread
    timed locks [all]   who holds which mutex and who waits for it, in the lock order; deadlocks are named
    timed chain         tip, sync and agreement
    timed tasks         every thread: what it waits for, in which function, and what waits for it

They work on a live process and on a core file, of a release too as long as its debug symbols are found.  Everything is
read from memory, starting at the global `timed_node` of src/timed/main.c: nothing is ever called in the process, and a
process that hangs or has crashed is the usual case.  What cannot be read is shown in angle brackets in its place, and
the rest of the table goes on.

gdb loads this file by itself when timed is installed below /usr.  Otherwise: source deploy/gdb/timed.py
"""
import collections
import datetime
import time

import gdb

MAX_FRAMES = 64
MAX_ITEMS = 100000  # of a list, and of everything that is looked at for mutexes: a damaged list may be a ring
RANKS = {1: "sync", 2: "peer_table", 3: "peer.out", 4: "leaf", 5: "log_limit", 6: "log"}
# What a thread of ours is in, by the name of the function of the C library, where the stack says no more.
CALLS = ("epoll_wait", "poll", "sigwait", "sigtimedwait", "nanosleep", "pthread_join", "fdatasync", "fsync", "pwrite",
         "recv", "send", "accept4", "connect", "select", "write", "read")
LOCKING = ("mutex_lock",)
WAITING = ("cond_wait", "cond_wait_until")


class Broken(Exception):
    """What was asked for cannot be said; the text is for the person who asked."""


def guarded(function, *args):
    """The result as text; what went wrong in angle brackets."""
    try:
        return text_of(function(*args))
    except (gdb.error, Broken, UnicodeError, ValueError, OverflowError, RuntimeError, TypeError) as error:
        return f"<{error}>"


def text_of(result):
    if isinstance(result, gdb.Value) and result.is_optimized_out:
        return "<optimized out>"
    return str(result)


def number(value):
    if value.is_optimized_out:
        raise Broken("optimized out")
    return int(value)


def string(value):
    """A char array up to its NUL, or a pointer to text; bytes that are no printable text are shown as such."""
    raw = value.string("latin-1", "replace") if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR else "".join(
        chr(int(value[i]) & 255) for i in range(value.type.range()[1] + 1)).split("\0")[0]
    return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in raw)


def enum_name(value, type_name, prefix):
    """PEER_READY of enum peer_state is "ready"; a number that the enum does not have stays one."""
    for field in gdb.lookup_type(type_name).fields():
        if field.enumval == int(value):
            return field.name[len(prefix):].lower().replace("_", " ") if field.name.startswith(prefix) else field.name
    return f"<{int(value)}>"


def hex_hash(value):
    return "".join(f"{int(value['bytes'][i]):02x}" for i in range(32))


def bytes_text(count):
    return f"{count} B" if count < 10000 else f"{count / 1024:.0f} KiB" if count < 10 << 20 else f"{count >> 20} MiB"


def ms_text(ms):
    return "-" if ms is None else f"{ms} ms" if ms < 10000 else f"{ms / 1000:.0f} s"


def follow(first, next_field):
    """The pointers of a list; raises where it breaks off."""
    item, count = first, 0
    while int(item):
        if count == MAX_ITEMS:
            raise Broken("the list has no end")
        after = item.dereference()[next_field]
        int(after)  # before anybody is told of an item that is not there
        yield item
        item, count = after, count + 1


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head] + rows) for i in range(len(head))]
    for row in [head] + rows:
        gdb.write("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip() + "\n")


# --- the process ----------------------------------------------------------------------------------------------------

def variable(name):
    try:
        return gdb.parse_and_eval(name)
    except gdb.error as error:
        raise Broken(f"{error} Without the debug symbols of exactly this timed nothing can be shown: install its "
                     "-dbgsym package, or give the file with `symbol-file`.") from None


def node():
    found = variable("timed_node")
    if int(found) == 0:
        raise Broken("timed_node is null: the node is not open yet, or not any more")
    return found.dereference()


def is_core():
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return connection is None or connection.type == "core"


stopped = {}  # since when a process stands still, by its number: the rest of the world has gone on


def note_stop(unused):
    stopped.setdefault(gdb.selected_inferior().pid, int(time.monotonic() * 1000))


def note_continue(unused):
    stopped.clear()


def now_ms(of):
    """The monotonic clock when the process stood still: exactly where it lives and in the core of a crash, else to a
    second."""
    if not is_core():
        return stopped.get(gdb.selected_inferior().pid, int(time.monotonic() * 1000))
    try:
        if int(variable("crash_record")["signal"]):
            return int(variable("crash_record")["mono_ms"])
    except (gdb.error, Broken):
        pass
    times = []
    for get in (lambda: int(of["keeper"]["tick_due_ms"]) - 1000,
                lambda: max(int(p["stats"]["last_recv_ms"]) for p in peers_of(of))):
        try:
            times.append(get())
        except (gdb.error, Broken, ValueError):
            pass
    return max(times, default=0)


def peers_of(of):
    """Every running connection: of the list, and of the table in case that the list is damaged."""
    seen, broken = set(), None
    peers = of["net"]["table"]
    try:
        for peer in follow(peers["live"], "live_next"):
            seen.add(int(peer))
            yield peer.dereference()
    except (gdb.error, Broken) as error:
        broken = error
    buckets = peers["buckets"]
    for i in range(buckets.type.range()[1] + 1):
        try:
            for entry in follow(buckets[i], "next"):
                for peer in (entry["incumbent"], entry["challenger"]):
                    if int(peer) and int(peer) not in seen:
                        seen.add(int(peer))
                        yield peer.dereference()
        except (gdb.error, Broken) as error:
            broken = broken or error
    if broken:
        raise Broken(f"the list breaks off: {broken}")


# --- threads --------------------------------------------------------------------------------------------------------

class Call:
    """One frame of a stack: gdb's own become invalid as soon as another thread is looked at."""

    def __init__(self, frame):
        self.name = frame.name() or "??"
        self.library = gdb.solib_name(frame.pc()) or ""
        source = frame.find_sal().symtab
        # What headers of the C library put into us in place of a call (as _FORTIFY_SOURCE does) is not ours.
        self.own = (frame.function() is not None and not self.library
                    and not (source and source.fullname().startswith("/usr/include/")))


class Task:
    """One thread, as its stack and registers say."""

    def __init__(self, thread):
        thread.switch()
        self.num = thread.num
        self.lwp = thread.ptid[1] or thread.ptid[2]
        self.calls = []           # innermost first
        self.named = ""           # by thread_main()
        self.lock = None          # address that mutex_lock() was given
        self.futexes = []         # what may be the address of the futex that a system call waits for
        try:
            self._walk()
        except (gdb.error, ValueError, RuntimeError):
            pass  # the rest of the stack is damaged, or has no unwind information
        self.handle = self._handle(thread)
        self.name = thread.name or self._name()

    def _walk(self):
        frame = gdb.newest_frame()
        for register in ("rdi", "x0"):
            try:
                self.futexes.append(int(frame.read_register(register)) & (1 << 64) - 1)
            except (gdb.error, ValueError):
                pass
        while frame is not None and len(self.calls) < MAX_FRAMES:
            call = Call(frame)
            if call.own and call.name in LOCKING and not any(c.own for c in self.calls):
                self.lock = self._variable(frame, "m", int)
            if call.name == "thread_main":
                self.named = self._variable(frame, "start", lambda start: string(start["name"])) or ""
            self.calls.append(call)
            frame = frame.older()

    @staticmethod
    def _variable(frame, name, convert):
        try:
            value = frame.read_var(name)
            return None if value.is_optimized_out else convert(value)
        except (gdb.error, ValueError):
            return None

    @staticmethod
    def _handle(thread):
        """Its pthread_t."""
        try:
            return int.from_bytes(thread.handle(), "little")
        except (gdb.error, RuntimeError, NotImplementedError):
            pass
        try:
            return int(gdb.newest_frame().read_register("fs_base")) & (1 << 64) - 1
        except (gdb.error, ValueError):
            return 0

    def _name(self):
        """A core file has no names: thread_main() keeps its own on the stack, threads of libraries have none."""
        if self.named:
            return self.named
        if any(call.own and call.name == "main" for call in self.calls):
            return "main"
        for call in self.calls:
            library = call.library.rsplit("/", 1)[-1]
            if library and not library.startswith(("libc.", "libc-", "libstdc++", "libpthread", "ld-linux")):
                return f"({library.split('.so')[0]})"
        return "?"

    def own_calls(self):
        return [call for call in self.calls if call.own]

    def function(self):
        for call in self.own_calls():
            if call.name not in LOCKING + WAITING:
                return call.name
        return next((call.name for call in self.calls if call.name != "??"), "?")

    def is_locking(self):
        own = self.own_calls()
        return bool(own) and own[0].name in LOCKING and not self.calls[0].own

    def wanted_lock(self, known):
        """The address of the mutex that it waits for, or None.  An optimized build may have forgotten it, and the
        system call has not: the futex is the first member of a mutex."""
        if not self.is_locking():
            return None
        if self.lock is not None:
            return self.lock
        return next((address for address in self.futexes if address in known), None)

    def waits_for(self):
        own = self.own_calls()
        if self.calls and self.calls[0].own:
            return "(runs)"
        if self.is_locking():
            return "lock"
        if own and own[0].name in WAITING:
            return "condition"
        for call in self.calls:
            if call.own:
                break
            plain = call.name.replace("__GI_", "").lstrip("_")
            if plain.startswith("pthread_cond"):
                return "condition"
            for name in CALLS:
                if plain.startswith(name):
                    return name
        return "(in a library)" if self.calls else "?"


class Tasks:
    """All threads, with the selected one selected again at the end."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        if self.thread is None:
            raise Broken("no process and no core file")
        try:
            self.frame = gdb.selected_frame()
        except gdb.error:
            self.frame = None
        self.all = [Task(t) for t in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num)]
        return self

    def __exit__(self, *unused):
        self.thread.switch()
        try:
            if self.frame is not None and self.frame.is_valid():
                self.frame.select()
        except gdb.error:
            pass

    def by_lwp(self, lwp):
        for task in self.all:
            if task.lwp == lwp:
                return f"{task.name} (thread {task.num})"
        return f"<thread {lwp} is gone>"

    def by_handle(self, thread):
        """The task that a struct thread stands for, or None."""
        handle = int(thread["native"]) if int(thread["started"]) else 0
        for task in self.all:
            if handle and task.handle == handle:
                return task
        return None


# --- commands -------------------------------------------------------------------------------------------------------

class Timed(gdb.Command):
    """What a timed node is doing: its connections, threads, locks and chain."""

    def __init__(self):
        super().__init__("timed", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, from_tty):
        gdb.execute("help timed")


class Subcommand(gdb.Command):
    def __init__(self):
        super().__init__("timed " + self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        try:
            self.run(argument.split())
        except Broken as error:
            raise gdb.GdbError(str(error)) from None


class Peers(Subcommand):
    """Show every connection.

STATE    as in getpeerinfo, and why it closes
QUEUE    bytes that wait to be sent
LINE     bytes of a line that is coming in
PING     round trip of the last pong
WAITS    pings without a pong, and the age of the oldest
MISSED   pongs missed in a row; the limit ends the connection
HEARD    time since the last byte came
THREAD   of gdb"""
    name = "peers"
    head = ("IP", "DIRECTION", "STATE", "QUEUE", "LINE", "PING", "WAITS", "MISSED", "HEARD", "ID", "THREAD")

    def run(self, arguments):
        of = node()
        now = now_ms(of)
        rows, broken = [], ""
        with Tasks() as tasks:
            try:
                for peer in peers_of(of):
                    rows.append(self.row(peer, now, tasks))
            except (gdb.error, Broken) as error:
                broken = str(error)
        rows.sort(key=lambda row: row[0])
        table(self.head, rows)
        gdb.write(f"{len(rows)} connections\n" + (f"<{broken}>\n" if broken else ""))

    def row(self, peer, now, tasks):
        stats, session = peer["stats"], peer["session"]
        return (guarded(lambda: string(peer["ip_text"])),
                guarded(lambda: enum_name(peer["direction"], "enum peer_direction", "PEER_")),
                guarded(self.state, peer),
                guarded(lambda: bytes_text(int(peer["queue"]["frame_bytes"]) + int(peer["queue"]["control_end"]) -
                                           int(peer["queue"]["control_start"]))),
                guarded(lambda: bytes_text(int(peer["incomplete"]))),
                guarded(lambda: "-" if int(stats["ping_us"]) < 0 else f"{int(stats['ping_us']) / 1000:.2f} ms"),
                guarded(self.waits, session["heartbeat"], stats, now),
                guarded(lambda: int(session["heartbeat"]["missed"])),
                guarded(lambda: ms_text(now - int(stats["last_recv_ms"]) if int(stats["last_recv_ms"]) else None)),
                guarded(lambda: int(peer["id"])),
                guarded(self.thread, peer, tasks))

    @staticmethod
    def state(peer):
        state = enum_name(peer["state"], "enum peer_state", "PEER_")
        reason = enum_name(peer["close_reason"], "enum peer_close_reason", "PEER_CLOSE_")
        return state if reason == "none" else f"{state} ({reason})"

    @staticmethod
    def waits(heartbeat, stats, now):
        since = int(stats["ping_since_ms"])
        count = int(heartbeat["pending_count"])
        return "-" if count == 0 else f"{count}, {ms_text(now - since if since >= 0 else None)}"

    @staticmethod
    def thread(peer, tasks):
        task = tasks.by_handle(peer["thread"])
        return f"{task.num} ({task.lwp})" if task else "none"


class Chain(Subcommand):
    """Show the tip, what of it is written, how far the fetching of blocks is, and the agreement on the next one."""
    name = "chain"

    def run(self, arguments):
        of = node()
        store = of["chain"]["store"]
        self.say("tip", lambda: self.point(store["tip"]["tip"]))
        self.say("written", lambda: self.point(store["written"]["tip"]))
        self.say("readers see", lambda: f"height {int(store['view']['summary']['tip']['height'])}")
        self.say("chain", lambda: f"{int(store['tip']['transactions'])} transactions, "
                                  f"{int(store['tip']['unspent_count'])} unspent outputs, "
                                  f"{bytes_text(int(store['tip']['block_bytes']))} of blocks")
        self.say("chain thread", lambda: f"{self.count(of['chain']['first'])} jobs wait"
                                         + (", THE STORE HAS FAILED" if int(of["chain"]["failed"]) else ""))
        self.say("view", lambda: f"{int(store['view']['refs'])} references to the newest")
        self.say("sync", lambda: self.sync(of["syncer"]["sync"]))
        self.say("agreement", lambda: self.agreement(of["consensus"]))
        self.say("consensus", lambda: self.consensus(of["consensus"]))
        self.say("pool", lambda: f"{int(of['pool']['count'])} transactions ({int(of['pool']['final_count'])} final), "
                                 f"{bytes_text(int(of['pool']['bytes']))}, {int(of['pool']['orphan_count'])} orphans")

    @staticmethod
    def say(what, get):
        gdb.write(f"{what:<13} {guarded(get)}\n")

    @staticmethod
    def count(first):
        return sum(1 for _ in follow(first, "next"))

    @staticmethod
    def point(point):
        at = int(point["timestamp"])
        when = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        age = "" if is_core() else f", {int(time.time()) - at} s ago"
        return f"height {int(point['height'])} {hex_hash(point['hash'])}, of {when}{age}"

    @staticmethod
    def sync(sync):
        peers = [sync["peers"][i] for i in range(min(int(sync["peer_count"]), MAX_ITEMS))]
        shown = max([int(p["shown"]) for p in peers], default=0)
        fork = enum_name(sync["fork"]["phase"], "enum sync_fork_phase", "SYNC_FORK_")
        return (f"{int(sync['segment_count'])} segments, fork {fork}, {int(sync['out_count'])} pieces with the chain, "
                f"{bytes_text(int(sync['held_bytes']))} held, {len(peers)} peers, the highest block that one showed is "
                f"{shown}")

    @staticmethod
    def agreement(consensus):
        status = consensus["status"]
        if not int(status["with_validators"]):
            return "no validators at this height"
        bft = status["bft"]
        step = enum_name(bft["step"], "enum bft_step", "BFT_STEP_")
        return (f"height {int(bft['height'])}, round {int(bft['round'])}, {step}, prevotes {int(bft['prevotes'])} and "
                f"precommits {int(bft['precommits'])} of {int(bft['validators'])} (quorum {int(bft['quorum'])}), "
                f"locked round {int(bft['locked_round'])}, final height {int(status['final_height'])}")

    def consensus(self, consensus):
        return (f"{self.count(consensus['first'])} events wait, {int(consensus['from_peers'])} of them from peers"
                + (", IT HAS FAILED" if int(consensus["failed"]) else ""))


class TasksCommand(Subcommand):
    """Show every thread: what it waits for, in which function of timed, and what waits for it.

A `*` marks the thread that has crashed."""
    name = "tasks"
    head = ("", "NUM", "LWP", "NAME", "WAITS FOR", "IN", "QUEUE")

    def run(self, arguments):
        try:
            of, why = node(), ""
        except Broken as error:
            of, why = None, f"<{error}>\n"
        with Tasks() as tasks:
            queues = self.queues(of, tasks) if of is not None else {}
            crashed = guarded(lambda: int(variable("crash_record")["tid"]))
            rows = [("*" if str(t.lwp) == crashed else "", t.num, t.lwp, t.name, self.waits(t), t.function(),
                     queues.get(t.num, "")) for t in tasks.all]
        table(self.head, rows)
        gdb.write(why)

    @staticmethod
    def waits(task):
        def what():
            kind = task.waits_for()
            if kind != "lock" or task.lock is None:
                return kind
            mutex = gdb.Value(task.lock).cast(gdb.lookup_type("struct mutex").pointer())
            return f"lock {string(mutex['name'])}"
        return guarded(what)

    def queues(self, of, tasks):
        """Text by number of the thread."""
        found = {}

        def note(thread, get):
            try:
                task = tasks.by_handle(thread())
                if task:
                    found[task.num] = guarded(get)
            except (gdb.error, Broken):
                pass

        note(lambda: of["chain"]["thread"], lambda: f"{Chain.count(of['chain']['first'])} jobs")
        note(lambda: of["consensus"]["thread"], lambda: f"{Chain.count(of['consensus']['first'])} events")
        note(lambda: of["keeper"]["thread"],
             lambda: self.due(int(of["keeper"]["tick_due_ms"]) - now_ms(of)))
        note(lambda: variable("ring")["thread"],
             lambda: f"{int(variable('queued')) - int(variable('written'))} lines, "
                     f"{bytes_text(int(variable('ring')['fill']['used']))}")
        self.verify(of, note)
        self.rpc(note)
        try:
            for peer in peers_of(of):
                note(lambda peer=peer: peer["thread"], lambda peer=peer: self.peer(peer))
        except (gdb.error, Broken):
            pass
        return found

    @staticmethod
    def due(ms):
        return f"next tick in {ms_text(ms)}" if ms >= 0 else f"tick overdue for {ms_text(-ms)}"

    @staticmethod
    def peer(peer):
        queue = peer["queue"]
        out = int(queue["frame_bytes"]) + int(queue["control_end"]) - int(queue["control_start"])
        return f"out {bytes_text(out)}, line {bytes_text(int(peer['incomplete']))}"

    @staticmethod
    def verify(of, note):
        try:
            for i in range(int(of["verify"]["thread_count"])):
                note(lambda i=i: of["verify"]["threads"][i], lambda: f"{Chain.count(of['verify']['first'])} jobs")
        except (gdb.error, Broken):
            pass

    @staticmethod
    def rpc(note):
        try:
            http = variable("timed_rpc")["http"]
            for i in range(int(http["started"])):
                worker = http["workers"][i]
                note(lambda w=worker: w["thread"],
                     lambda w=worker: f"{int(w['connections'])} connections, {int(w['waiting_count'])} requests wait")
        except (gdb.error, Broken):
            pass


class Locks(Subcommand):
    """Show every mutex that is held or waited for, in the lock order; with `timed locks all` the free ones too.

A thread may only take a lock of a greater rank than any it holds."""
    name = "locks"
    head = ("RANK", "LOCK", "OF", "HELD BY", "WAITED FOR BY")

    def run(self, arguments):
        mutexes = Mutexes()
        try:
            mutexes.walk(node(), "node")
        except Broken as error:
            gdb.write(f"<{error}>\n")
        mutexes.walk_statics()
        with Tasks() as tasks:
            waiters = {}
            for task in tasks.all:
                wanted = task.wanted_lock(mutexes.found)
                if wanted is not None:
                    waiters.setdefault(wanted, []).append(task)
            for address in waiters:
                mutexes.found.setdefault(address, "?")
            self.show(mutexes.found, waiters, tasks, "all" in arguments)

    def show(self, found, waiters, tasks, everything):
        rows, free, holders = [], 0, {}
        for address, path in found.items():
            mutex = gdb.Value(address).cast(gdb.lookup_type("struct mutex").pointer())
            holder = guarded(self.holder, mutex)
            waiting = waiters.get(address, [])
            if holder == "0" and not waiting:
                free += 1
                if not everything:
                    continue
            elif holder.isdigit() and holder != "0":
                holders[address] = int(holder)
            who = tasks.by_lwp(int(holder)) if holder.isdigit() and holder != "0" else "" if holder == "0" else holder
            rows.append((guarded(self.rank, mutex), guarded(lambda m=mutex: string(m["name"])), path, who,
                         ", ".join(f"{t.name} (thread {t.num})" for t in waiting)))
        rows.sort()
        table(self.head, rows)
        if not everything:
            gdb.write(f"{free} others are free\n")
        self.check(holders, waiters, tasks)

    @staticmethod
    def holder(mutex):
        data = mutex["native"]["__data"]
        if number(data["__lock"]) == 0:
            return 0
        return number(data["__owner"])

    @staticmethod
    def rank(mutex):
        rank = int(mutex["rank"])
        return f"{rank} {RANKS.get(rank, '?')}"

    @staticmethod
    def check(holders, waiters, tasks):
        """Names what is wrong: a wait for a lock of too low a rank, and rings of waits."""
        def rank(address):
            return int(gdb.Value(address).cast(gdb.lookup_type("struct mutex").pointer())["rank"])

        def name(address):
            return guarded(lambda: string(
                gdb.Value(address).cast(gdb.lookup_type("struct mutex").pointer())["name"]))

        wants = {task.lwp: address for address, waiting in waiters.items() for task in waiting}
        for lwp, wanted in wants.items():
            for address, holder in holders.items():
                try:
                    if holder == lwp and rank(wanted) <= rank(address):
                        gdb.write(f"OUT OF ORDER: {tasks.by_lwp(lwp)} holds {name(address)} and waits for "
                                  f"{name(wanted)}\n")
                except gdb.error:
                    pass
        told = set()
        for start in wants:
            ring, lwp = [], start
            while lwp in wants and lwp not in ring:
                ring.append(lwp)
                lwp = holders.get(wants[lwp])
            if lwp == start and not told & set(ring):
                told |= set(ring)
                gdb.write("DEADLOCK: " + "; ".join(
                    f"{tasks.by_lwp(l)} waits for {name(wants[l])}" for l in ring) + "\n")


class Mutexes:
    """Every mutex that can be reached from a struct, by the types of its fields: new ones are found by themselves."""

    def __init__(self):
        self.found = {}   # address: where it is
        self.leads = {}   # name of a type: a mutex may be found from it
        self.seen = set()

    def leads_somewhere(self, kind, inside=()):
        kind = kind.strip_typedefs().unqualified()
        while kind.code in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ARRAY):
            kind = kind.target().strip_typedefs().unqualified()
        if kind.code != gdb.TYPE_CODE_STRUCT or not kind.tag:
            return False
        if kind.tag == "mutex":
            return True
        if kind.tag in self.leads:
            return self.leads[kind.tag]
        if kind.tag in inside:
            return False
        result = any(self.leads_somewhere(f.type, inside + (kind.tag,)) for f in self.fields(kind))
        if result or not inside:
            self.leads[kind.tag] = result
        return result

    @staticmethod
    def fields(kind):
        try:
            fields = kind.fields()
            return fields or gdb.lookup_type("struct " + kind.tag).fields()
        except gdb.error:
            return []  # of a library whose types are not known

    def walk(self, value, path):
        queue = collections.deque([(value, path)])
        while queue and len(self.seen) < MAX_ITEMS:
            value, path = queue.popleft()
            try:
                queue += self.step(value, path)
            except (gdb.error, Broken):
                pass  # what is damaged leads nowhere

    def step(self, value, path):
        kind = value.type.strip_typedefs().unqualified()
        if kind.code == gdb.TYPE_CODE_PTR:
            if int(value) == 0 or not self.leads_somewhere(kind):
                return []
            return [(value.dereference(), path)]
        if kind.code == gdb.TYPE_CODE_ARRAY:
            if not self.leads_somewhere(kind):
                return []
            return [(value[i], f"{path}[{i}]") for i in range(kind.range()[1] + 1)]
        if kind.code != gdb.TYPE_CODE_STRUCT:
            return []
        address = int(value.address)
        if kind.tag == "mutex":
            self.found.setdefault(address, path.rsplit(".", 1)[0])
            return []
        if (address, kind.tag) in self.seen or not self.leads_somewhere(kind):
            return []
        self.seen.add((address, kind.tag))
        if kind.tag == "peer":
            path = string(value["ip_text"])
        return [(value[f], f"{path}.{f.name}") for f in self.fields(kind) if f.name and self.leads_somewhere(f.type)]

    def walk_statics(self):
        for name, path in (("ring_mutex", "log.lock"), ("limit_mutex", "log_limits.lock"), ("timed_rpc", "rpc")):
            try:
                self.walk(variable(name), path)
            except Broken:
                pass


if gdb.selected_thread() is not None:
    note_stop(None)
gdb.events.stop.connect(note_stop)
gdb.events.cont.connect(note_continue)
Timed()
for command in (Peers, Chain, TasksCommand, Locks):
    command()
