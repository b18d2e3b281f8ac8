# SPDX-License-Identifier: MIT
"""deploy/devnet.sh as its user sees it: the live table in a terminal, payments, Ctrl-C. Its nodes have the addresses that
every devnet has, so they get a network of their own. (`--once --seed-blocks` is a stage of deploy/test.sh.)"""
import pathlib
import re
import shutil

import pytest

from harness.cli import Terminal
from harness.daemon import BINARY

pytestmark = [pytest.mark.root, pytest.mark.full]

DEVNET = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "devnet.sh"


@pytest.fixture
def devnet():
    made = []

    def run(*arguments):
        command = ["/usr/bin/unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", "env",
                   f"TIMED_BINARY={BINARY}", str(DEVNET), *arguments]
        made.append(Terminal(command, 160, 40))
        return made[-1]

    yield run
    for terminal in made:
        terminal.close()


def daemons_in(run_dir):
    """Command lines of running daemons with their data there."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(run_dir) in line:
            found.append(line)
    return found


def stop(terminal):
    """Ctrl-C: every daemon ends, and the data stays where it is said to be."""
    terminal.press("\x03")
    assert terminal.end(timeout=30) == 0, terminal.text()
    said = re.search(r"Data and logs are kept in (\S+)", terminal.text())
    assert said, terminal.text()
    run_dir = pathlib.Path(said.group(1))
    assert run_dir.is_dir() and not daemons_in(run_dir)
    return run_dir


def test_two_nodes_make_no_blocks_and_say_so(devnet):
    terminal = devnet("2")
    shown = terminal.wait(lambda text: re.search(r"127\.0\.0\.1 .*\n.*127\.0\.0\.2 ", text) and " ms" in text,
                          "two nodes in the table, with a ping time", timeout=30)
    assert "Fewer than 3 nodes: no blocks will be made." in shown and "Ctrl-C stops all nodes." in shown
    run_dir = stop(terminal)
    shutil.rmtree(run_dir)


def test_four_nodes_pay_each_other(devnet):
    """Blocks come and payments with them, the table is drawn in place, and the logs say an orderly end."""
    terminal = devnet("--pay", "20", "4")
    terminal.wait(lambda text: re.search(r"Payments: .* of 20 a second, [1-9]\d+ made, 0 refused", text),
                  "payments that are made", timeout=60)
    shown = terminal.text()
    assert shown.count("Ctrl-C stops all nodes.") == 1 and "no blocks" not in shown
    run_dir = stop(terminal)
    logs = list(run_dir.glob("*/timed.log"))
    assert len(logs) == 4
    for log in logs:
        text = log.read_text(encoding="utf-8")
        assert "is final: " in text and "stopped" in text.splitlines()[-1].lower(), text[-400:]
    shutil.rmtree(run_dir)
