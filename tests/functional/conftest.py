# SPDX-License-Identifier: MIT
"""Fixtures of the functional tests: an address range, daemons, listeners and peers that end with the test."""
import os
import re

import pytest

from harness import net as harness_net
from harness.chain_peer import ChainPeer
from harness.daemon import BINARY, Daemon
from harness.peer import Listener
from harness.validators import Validators


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from harness.schedule import LongFirst  # only where tests run side by side
    return LongFirst(config, log)


def expected_s(item):
    """How long a test takes with full rounds: those that take minutes say so."""
    marker = item.get_closest_marker("long")
    return marker.args[0] if marker else 0


def pytest_collection_modifyitems(config, items):
    items.sort(key=expected_s, reverse=True)
    soak = os.environ.get("TIMED_TEST_SOAK") == "1" or "soak" in (config.getoption("-m") or "")
    for item in items:
        if item.get_closest_marker("soak") and not soak:
            item.add_marker(pytest.mark.skip(reason="suite soak: long, run with -m soak"))
        if item.get_closest_marker("full") and not harness_net.ALL_ROUNDS:
            item.add_marker(pytest.mark.skip(reason="does not fit into CI: run with TIMED_TEST_ROUNDS=all"))
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root (network namespaces)"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of every daemon it started."""
    outcome = yield
    report = outcome.get_result()
    item.failed = getattr(item, "failed", False) or report.failed
    if report.failed:
        for daemon in getattr(item, "daemons", []):
            report.sections.append((f"timed {daemon.ip}", daemon.tail(60)))


@pytest.fixture
def net():
    """A range of loopback addresses that nobody else uses: net.ip(1) to net.ip(254)."""
    leased = harness_net.Range()
    yield leased
    leased.release()


@pytest.fixture
def wide_net():
    """A range of 65,000 loopback addresses."""
    leased = harness_net.Range(wide=True)
    yield leased
    leased.release()


@pytest.fixture
def daemons(request, tmp_path):
    """daemons(ip, config={...}) makes a daemon that is stopped, and must stop in order, when the test ends."""
    if not os.access(BINARY, os.X_OK):
        pytest.fail(f"no daemon at {BINARY}: build it, or set TIMED_BINARY")
    made = []
    request.node.daemons = made

    def make(ip, config=None, start=True, **options):
        daemon = Daemon(tmp_path, ip, config, **options)
        made.append(daemon)
        if start:
            daemon.start()
        return daemon

    yield make
    problems = []
    for daemon in made:
        if daemon.process is None:
            continue
        try:
            if daemon.running():
                daemon.stop(timeout=10)
            else:
                daemon.check_clean()
        except AssertionError as error:
            problems.append(str(error))
        finally:
            if daemon.running():
                daemon.kill9()
            if not getattr(request.node, "failed", False):
                daemon.remove_data()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def genesis(tmp_path_factory):
    """The genesis hash of the tests' devnet as a byte array, asked once of a daemon."""
    leased = harness_net.Range()
    daemon = Daemon(tmp_path_factory.mktemp("genesis"), leased.ip(1))
    try:
        return daemon.start().genesis()
    finally:
        if daemon.running():
            daemon.kill9()
        leased.release()


@pytest.fixture
def genesis_free():
    """A genesis hash for tests without a daemon."""
    return [6] * 32


@pytest.fixture
def node(daemons, net):
    """One daemon with the defaults, on net.ip(5): there is room for addresses that sort before and after it."""
    return daemons(net.ip(5))


@pytest.fixture
def listen():
    """listen(ip) opens the P2P port of a scripted peer."""
    made = []

    def make(ip, *args, **options):
        listener = Listener(ip, *args, **options)
        made.append(listener)
        return listener

    yield make
    for listener in made:
        listener.close()


@pytest.fixture
def serve():
    """serve(ip, chain, ...) opens the P2P port of a scripted peer with a chain; listen=False: it will dial."""
    made = []

    def make(ip, chain, *, listen=True, **behaviour):
        peer = ChainPeer(ip, chain, **behaviour)
        made.append(peer)
        return peer.listen() if listen else peer

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def loaded(daemons):
    """loaded(ip, chain, ...) makes a daemon whose data directory holds a model chain."""
    def make(ip, chain, config=None, start=True, **options):
        daemon = daemons(ip, config, start=False, **options)
        daemon.load_blocks(chain)
        return daemon.start() if start else daemon
    return make


@pytest.fixture
def validators(daemons, net):
    """validators(4, ...) starts a network of validators on net.ip(1), net.ip(2), ...; see harness/validators.py."""
    def make(count, *, observers=0, **options):
        ips = [net.ip(number) for number in range(1, count + observers + 1)]
        return Validators(daemons, ips, count, observers=observers, **options)
    return make


@pytest.fixture(scope="session")
def crash_points(tmp_path_factory):
    """The names of all crash points, as the daemon lists them for a name that it does not know."""
    leased = harness_net.Range()
    daemon = Daemon(tmp_path_factory.mktemp("crash"), leased.ip(1), env={"TIMED_CRASH": "no-such-point"})
    try:
        daemon.spawn()
        assert daemon.process.wait(harness_net.scaled(20)) in (1, 2)
        log = daemon.log()
    finally:
        if daemon.running():
            daemon.kill9()
        leased.release()
    if "without fault injection" in log:
        return []
    return re.search(r'unknown crash point "no-such-point"; there are (.*)$', log, re.MULTILINE).group(1).split()
