# SPDX-License-Identifier: MIT
"""The packages on a Debian 12 of their own: debootstrap, systemd-nspawn, systemd as an operator has it.

    package_test.py WORK OLD.deb NEW.deb

Installs the older package, runs its service, lets it hang and be killed, upgrades, removes and purges, and prints what
it saw. WORK is a directory for the system; a debootstrap in it is used again. Exit code 0: all held; 1: something did
not; 77: it cannot run here, and the line before says why.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "functional"))
from harness.service import StoppedThread  # noqa: E402

CONFIG = "/etc/timed/config.toml"
DATA = "/var/lib/timed"
RPC = "http://127.0.0.1:24201"
DROP_IN = "[Service]\nRestartSec=1\nWatchdogSec=6\n"
# What an operator writes into the file of the package: the network, and an impatient watchdog for the test.
EDIT = [('network = "testnet"', 'network = "devnet"')]
EXTRA = "\n[timers]\nthread_stall_ms = 3000\n\n[metrics]\nenabled = true\nprometheus_port = 9900\n"
# What an operator takes the comment sign away from, for a log in a file.
LOG_TO_FILE = ['output = "file"', 'file_path = "/var/log/timed/timed.log"']
LOGS = "/var/log/timed"
LOG = f"{LOGS}/timed.log"
SYSTEM = "systemd,systemd-sysv,dbus,logrotate"
KEPT_BY_PURGE = {"time-wallet.dat", "votes", "evidence.jsonl", "halted", "db"}


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def run(*command, check=True, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def wait_until(predicate, timeout, what):
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.2)


def mirror():
    """Where this machine gets its Debian 12 from, as apt knows it."""
    done = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm")
    return done.stdout.split("\n")[0].strip()


def bootstrap(work):
    """A Debian 12 as debootstrap makes it, with systemd and logrotate; made once, copied for each run."""
    base, root = work / "base", work / "root"
    complete = work / "base.complete"
    if not complete.exists() or complete.read_text(encoding="utf-8") != SYSTEM:
        shutil.rmtree(base, ignore_errors=True)
        source = mirror()
        if not source:
            skip("apt knows no source of Debian 12")
        run("debootstrap", "--variant=minbase", f"--include={SYSTEM}", "bookworm", str(base), source)
        complete.write_text(SYSTEM, encoding="utf-8")
    shutil.rmtree(root, ignore_errors=True)
    run("cp", "-a", "--reflink=auto", str(base), str(root))
    return root


class Machine:
    """A booted system of its own, without network but its loopback."""

    def __init__(self, root):
        self.root = root
        self._log = open(root.parent / "console.log", "wb")
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory", str(root), "--boot", "--register=no", "--keep-unit",
             "--private-network", "--console=pipe"], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            self._leader = wait_until(self._find_leader, 30, "systemd-nspawn starts systemd")
            wait_until(lambda: self("systemctl", "is-system-running", check=False).stdout.strip() in
                       ("running", "degraded"), 90, "the system is up")
        except AssertionError as error:
            self.stop()
            skip(f"systemd does not come up in systemd-nspawn ({error}); see {self._log.name}")

    def _find_leader(self):
        if self._nspawn.poll() is not None:
            raise AssertionError(f"systemd-nspawn ended with {self._nspawn.returncode}")
        path = f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children"
        for child in pathlib.Path(path).read_text(encoding="ascii").split():
            if pathlib.Path(f"/proc/{child}/comm").read_text(encoding="utf-8").strip() == "systemd":
                return int(child)
        return None

    def __call__(self, *command, **options):
        return run("nsenter", "--target", str(self._leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--root",
                   "--wd", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                   "DEBIAN_FRONTEND=noninteractive", *command, **options)

    def get(self, path, url=RPC, login=""):
        """HTTP from inside, perhaps with "user:password": the status and the body."""
        code = ("import base64, sys, urllib.request, urllib.error\n"
                "basic = {'Authorization': 'Basic ' + base64.b64encode(sys.argv[2].encode()).decode()}\n"
                "request = urllib.request.Request(sys.argv[1], headers=basic if sys.argv[2] else {})\n"
                "try: r = urllib.request.urlopen(request, timeout=10)\n"
                "except urllib.error.HTTPError as e: r = e\n"
                "print(r.status); sys.stdout.write(r.read().decode())\n")
        done = run("nsenter", "--target", str(self._leader), "--net", sys.executable, "-c", code, url + path,
                   login)
        status, body = done.stdout.split("\n", 1)
        return int(status), body

    def show(self, *names):
        done = self("systemctl", "show", "timed", "--property", ",".join(names))
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def host_pid(self):
        """The daemon's process id as this machine sees it."""
        inner = self.show("MainPID")["MainPID"]
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":\t", 1) for line in status.read_text(encoding="utf-8").splitlines()
                              if ":\t" in line)
            except (OSError, UnicodeDecodeError):
                continue
            if fields.get("Name") in ("timed", "main") and fields["NSpid"].split()[1:] == [inner]:
                return int(fields["Pid"])
        raise AssertionError(f"process {inner} of the service is not found")

    def journal(self):
        return self("journalctl", "--no-pager", "--output=cat", "--unit=timed").stdout

    def stop(self):
        if self._nspawn.poll() is None:
            self._nspawn.send_signal(signal.SIGTERM)
            try:
                self._nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._log.close()


def passed(text):
    print(f"ok: {text}", flush=True)


def owners(machine, *paths):
    return machine("stat", "-c", "%U:%G %a", *paths).stdout.splitlines()


def installed(machine, package):
    machine("apt-get", "install", "-y", "--no-install-recommends", f"/root/{package.name}")
    state = machine.show("UnitFileState", "ActiveState")
    assert state == {"UnitFileState": "disabled", "ActiveState": "inactive"}, state
    owner = owners(machine, CONFIG, DATA, LOGS)
    assert owner == ["root:timed 640", "timed:timed 700", "timed:timed 750"], owner
    done = machine("systemd-analyze", "verify", "--man=no", "timed.service")
    assert not done.stdout + done.stderr, done.stdout + done.stderr
    machine("systemd-analyze", "security", "--threshold=25", "timed.service")
    passed("installed: disabled until wanted, the unit verified, exposure below 2.5")


def configured(machine):
    path = machine.root / CONFIG.lstrip("/")
    text = path.read_text(encoding="utf-8")
    for old, new in EDIT:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text + EXTRA, encoding="utf-8")
    drop_in = machine.root / "etc/systemd/system/timed.service.d"
    drop_in.mkdir(parents=True, exist_ok=True)
    (drop_in / "test.conf").write_text(DROP_IN, encoding="utf-8")
    machine("systemctl", "daemon-reload")
    machine("timed", "--config", CONFIG, "--check-config")


def running(machine):
    """Started as the unit says, with all that it is denied."""
    machine("systemctl", "start", "timed")
    state = machine.show("ActiveState", "SubState", "StatusText", "NRestarts")
    assert state["ActiveState"] == "active" and state["StatusText"].startswith("Height 0, 0 peers"), state
    owner = machine("stat", "-c", "%U %a", f"{DATA}/time-wallet.dat").stdout.split()
    assert owner == ["timed", "600"], owner
    machine("systemctl", "reload", "timed")
    wait_until(lambda: "log levels read again" in machine.journal(), 10, "the reload in the journal")
    assert machine.show("ActiveState")["ActiveState"] == "active"
    # systemd says it of a system call filter that cannot be had; nothing else may stand in the way either.
    assert "Operation not permitted" not in machine.journal(), machine.journal()
    passed(f"running under systemd, sandboxed: {state['StatusText']!r}")


def asked(machine):
    """As an operator asks: terminal, page, metrics."""
    info = machine("time-cli", "-getinfo").stdout
    table = machine("time-cli", "-netinfo", "4").stdout
    assert "devnet" in info and "127.0.0.1:24201" in info and table.strip(), info + table
    status, body = machine.get("/metrics")
    assert status == 200 and "timed_height 0" in body, (status, body[:300])
    status, body = machine.get("/metrics", "http://127.0.0.1:9900")
    assert status == 200 and "timed_up 1" in body, (status, body[:300])
    status, body = machine.get("/health")
    assert status == 503 and "peer" in body, (status, body)
    cookie = (machine.root / DATA.lstrip("/") / ".cookie").read_text(encoding="utf-8").strip()
    status, body = machine.get("/", login=cookie)
    assert status == 200 and "<html" in body, (status, body[:300])
    assert machine.get("/")[0] == 401
    passed("time-cli -getinfo and -netinfo, /metrics, /health, / answer")


def restarts(machine):
    return int(machine.show("NRestarts")["NRestarts"])


def alive(machine):
    state = machine.show("ActiveState", "SubState")
    return state == {"ActiveState": "active", "SubState": "running"}


def killed(machine):
    before = restarts(machine)
    os.kill(machine.host_pid(), signal.SIGKILL)
    wait_until(lambda: restarts(machine) == before + 1 and alive(machine), 30, "a new start after SIGKILL")
    passed("SIGKILL: started again")


def hung(machine):
    """One thread of it stands still: said in log, status and /health; the watchdog ends it and it starts again."""
    before = restarts(machine)
    said = ""
    with StoppedThread(machine.host_pid(), "chain"):
        wait_until(lambda: "THE THREAD chain HANGS" in machine.journal(), 20, "the hung thread in the journal")
        said = wait_until(lambda: [text for text in [machine.show("StatusText")["StatusText"]] if "HANGS" in text], 5,
                          "the hung thread in the status")[0]
        status, health = machine.get("/health")
        assert status == 503 and "chain" in health, (status, health)
        wait_until(lambda: "Watchdog timeout" in machine.journal(), 30, "systemd's watchdog")
    wait_until(lambda: restarts(machine) == before + 1 and alive(machine), 60, "a new start after the watchdog")
    passed(f"hung thread: {said!r}; the watchdog ended it, started again")


def fails_for_good(machine, code):
    """It does not start, and is not tried again."""
    assert machine("systemctl", "start", "timed", check=False).returncode != 0
    state = machine.show("ActiveState", "ExecMainStatus", "NRestarts")
    assert state == {"ActiveState": "failed", "ExecMainStatus": str(code), "NRestarts": "0"}, state


def misconfigured(machine):
    """Exit code 2: not tried again."""
    machine("systemctl", "stop", "timed")
    path = machine.root / CONFIG.lstrip("/")
    good = path.read_text(encoding="utf-8")
    path.write_text(good + "\n[node\n", encoding="utf-8")
    fails_for_good(machine, 2)
    path.write_text(good, encoding="utf-8")
    machine("systemctl", "start", "timed")
    passed("a mistake in the configuration: exit code 2, not tried again")


def halted(machine):
    """What a node leaves that saw contradicting certificates: exit code 3 until its operator has removed it."""
    machine("systemctl", "stop", "timed")
    mark = machine.root / DATA.lstrip("/") / "halted"
    mark.write_text("TWO CERTIFICATES AT HEIGHT 7: says the test\n", encoding="utf-8")
    fails_for_good(machine, 3)
    assert "TWO CERTIFICATES AT HEIGHT 7: says the test" in machine.journal()
    mark.unlink()
    machine("systemctl", "start", "timed")
    passed("contradicting certificates: exit code 3 with the reason in the journal, not tried again")


def rotated(machine):
    """A log in a file: logrotate puts it aside, and the node goes on in a new one."""
    path, log = machine.root / CONFIG.lstrip("/"), machine.root / LOG.lstrip("/")
    good = path.read_text(encoding="utf-8")
    text = good
    for setting in LOG_TO_FILE:
        assert f"# {setting}" in text
        text = text.replace(f"# {setting}", setting)
    path.write_text(text, encoding="utf-8")
    machine("systemctl", "restart", "timed")
    before = log.read_text(encoding="utf-8")
    assert owners(machine, LOG, LOGS) == ["timed:timed 600", "timed:timed 750"]
    machine("chmod", "0640", LOG)
    machine("logrotate", "--force", "/etc/logrotate.d/timed")
    wait_until(lambda: "log levels read again" in log.read_text(encoding="utf-8"), 10, "lines in the new file")
    assert log.with_name("timed.log.1").read_text(encoding="utf-8").startswith(before) and before
    assert owners(machine, LOG, LOGS) == ["timed:timed 640", "timed:timed 750"]
    path.write_text(good, encoding="utf-8")
    machine("systemctl", "restart", "timed")
    passed("logrotate: the old lines aside, the node writes on in a new file")


def version_of(machine):
    return machine("timed", "--version").stdout.split()[1]


def upgraded(machine, package):
    old, address = version_of(machine), machine("timed-inspect", "wallet", f"{DATA}/time-wallet.dat").stdout
    pid = machine.show("MainPID")["MainPID"]
    machine("apt-get", "install", "-y", "--no-install-recommends", f"/root/{package.name}")
    assert version_of(machine) != old
    assert machine.show("MainPID")["MainPID"] != pid and alive(machine), machine.journal()[-2000:]
    assert EXTRA.strip() in (machine.root / CONFIG.lstrip("/")).read_text(encoding="utf-8")
    assert machine("timed-inspect", "wallet", f"{DATA}/time-wallet.dat").stdout == address
    passed(f"upgraded from {old} to {version_of(machine)}: restarted, configuration and wallet as before")


def left(machine):
    """What is left of us outside of the data directory."""
    tests = []
    for path in ("/proc", "/sys", "/run", "/root", "/tmp", "/var/log/journal", DATA):
        tests += ["-path", path, "-prune", "-o"]
    for name in ("timed", "timed.*", "timed-*", "time-cli*"):
        tests += ["-name", name, "-print", "-o"]
    return set(machine("find", "/", "-xdev", *tests, "-false").stdout.split())


def removed(machine):
    machine("apt-get", "remove", "-y", "timed")
    state = machine("systemctl", "is-active", "timed", check=False).stdout.strip()
    assert state in ("inactive", "failed"), f"removed, and the service is {state}"
    data = machine.root / DATA.lstrip("/")
    assert (machine.root / CONFIG.lstrip("/")).exists() and (data / "db/CURRENT").exists()
    # As in the place of another daemon, whose database is where ours would be; and with a recording.
    (data / "db").rename(data / "db-timed")
    for path in ("db/conf", "recordings/peer.jsonl"):
        (data / path).parent.mkdir()
        (data / path).write_text("", encoding="ascii")
    done = machine("apt-get", "purge", "-y", "timed")
    assert "keeps what cannot be made again" in done.stdout + done.stderr, done.stdout
    kept = {path.name for path in data.iterdir()}
    assert "time-wallet.dat" in kept and (data / "db/conf").exists() and kept <= KEPT_BY_PURGE, kept
    shutil.rmtree(machine.root / "etc/systemd/system/timed.service.d")
    assert not left(machine), left(machine)
    passed(f"removed and purged; left in {DATA}: {', '.join(sorted(kept))}")


def main():
    work, old, new = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    if os.geteuid() != 0:
        skip("needs root (debootstrap, systemd-nspawn)")
    for program in ("debootstrap", "systemd-nspawn", "nsenter"):
        if not shutil.which(program):
            skip(f"there is no {program}")
    work.mkdir(parents=True, exist_ok=True)
    root = bootstrap(work)
    for package in (old, new):
        shutil.copy(package, root / "root")
    # What the package depends on is fetched now; the machine has no network.
    run("chroot", str(root), "apt-get", "update")
    run("chroot", str(root), "apt-get", "install", "-y", "--no-install-recommends", "--download-only",
        f"/root/{old.name}")
    machine = Machine(root)
    try:
        installed(machine, old)
        configured(machine)
        running(machine)
        asked(machine)
        killed(machine)
        hung(machine)
        misconfigured(machine)
        halted(machine)
        rotated(machine)
        upgraded(machine, new)
        removed(machine)
    except AssertionError as error:
        print(f"FAILED: {error}")
        try:
            print(machine.journal()[-6000:])
        except AssertionError:
            pass
        sys.exit(1)
    finally:
        machine.stop()


if __name__ == "__main__":
    main()
