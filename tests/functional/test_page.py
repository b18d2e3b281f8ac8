# SPDX-License-Identifier: MIT
"""The status page as an operator sees it, in a headless Chromium: what it shows, in light and dark and on narrow screens,
what a peer cannot make of it, and what it does when the node is gone and comes back."""
import os
import pathlib

import pytest

from harness import wire
from harness.browser import Browser, find_chromium
from harness.net import listening, wait_until

pytestmark = [pytest.mark.full,
              pytest.mark.skipif(not find_chromium(), reason="no Chromium: install Debian's package chromium")]
STATE = "document.querySelector('#state').innerText"
# Markup in what a peer says; a page that takes it for markup has an image, and runs it.
NASTY = "<img src=x onerror=window.hit=1>"
# As many bytes as the page can be told by one peer; nothing to break a line at.
LONG = "W" * 63


@pytest.fixture
def browser():
    with Browser() as made:
        yield made


@pytest.fixture
def shots(tmp_path):
    """Where pictures go: TIMED_SCREENSHOTS, to look at them, or nowhere that lasts."""
    directory = pathlib.Path(os.environ.get("TIMED_SCREENSHOTS", tmp_path))
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def rows(browser, table):
    """The text of its cells."""
    return browser.run(f"[...document.querySelectorAll('#{table} tbody tr')].map((r) => [...r.cells].map((c) => c.innerText))")


def test_a_node_at_work(validators, net, browser, shots):
    """Numbers that are those of the RPC and move; three looks; a hostile peer; the node stopped and started beneath."""
    with validators(3, start=False, config={"node": {"name": NASTY}, "rpc": {"user": "me", "password": "secret"}}) as network:
        node = network.nodes[0]
        network.start()
        browser.look(1280, 900)
        browser.open(f"http://me:secret@{node.ip}:{node.config['rpc']['port']}/")
        browser.wait(f"{STATE} === 'healthy'")
        check_numbers(browser, node)
        check_hostile_peer(browser, node, net)
        check_looks(browser, shots)
        check_outage(browser, node, shots)
        assert browser.complaints() == []
        assert {address.split("/", 3)[2].split("@")[-1] for address in browser.requests() if address.startswith("http")} == \
            {f"{node.ip}:{node.config['rpc']['port']}"}, "it asked somebody else"
        check_policy(browser)


def check_numbers(browser, node):
    browser.wait("Number(document.querySelector('#height').innerText) >= 3")
    height = int(browser.text("#height"))
    assert abs(height - node.height()) <= 2
    browser.wait(f"Number(document.querySelector('#height').innerText) > {height}")
    assert len(rows(browser, "peers")) == 2 and len(rows(browser, "masternodes")) == 3
    assert browser.text("#sync") == "In sync" and browser.text("#mn-count") == "3 of 3"
    newest = rows(browser, "blocks")[0]
    assert int(newest[0]) >= height and newest[5] == "3" and newest[3].endswith("s")
    assert newest[6].rstrip("…") == node.rpc("getblockhash", int(newest[0]))[:12]
    browser.wait("document.querySelector('#peers svg .ok').getAttribute('d').length > 10")
    assert browser.run("document.title").startswith(browser.text("#height").replace(",", ""))


def check_hostile_peer(browser, node, net):
    """What it calls itself is text, and does not break the page."""
    assert browser.text("#name") == NASTY
    peers = []
    for number, name in ((77, NASTY), (78, LONG)):
        peer = node.raw_peer(net.ip(number), genesis=list(bytes.fromhex(node.rpc("getblockhash", 0))))
        peer.send(wire.handshake(network="devnet"))
        peer.send(wire.version(version=name))
        peer.expect("Ack")
        peers.append(peer)
    for name in (NASTY, LONG):
        browser.wait(f"[...document.querySelectorAll('#peers td')].some((c) => c.innerText === {name!r})")
    assert browser.run("document.images.length") == 0 and not browser.run("window.hit")
    peers[0].close()
    browser.wait("document.querySelectorAll('#peers tbody tr').length === 3")


def check_looks(browser, shots):
    """Nothing sticks out to the side; dark is dark."""
    grounds = {}
    for name, width, dark in (("light", 1280, False), ("dark", 1280, True), ("tablet", 800, False), ("narrow", 390, False),
                              ("narrow-dark", 320, True)):
        browser.look(width, 860, dark)
        browser.wait(f"innerWidth === {width}")
        assert browser.run("document.documentElement.scrollWidth") <= width, name
        assert browser.run("[...document.querySelectorAll('.scroll')].every((s) => s.scrollWidth <= s.clientWidth)"), name
        grounds[name] = browser.run("getComputedStyle(document.body).backgroundColor")
        browser.screenshot(shots / f"{name}.png")
        assert (shots / f"{name}.png").stat().st_size > 20000
    assert grounds["light"] == grounds["narrow"] and grounds["dark"] == grounds["narrow-dark"] != grounds["light"]
    browser.look(1280, 860)


def check_outage(browser, node, shots):
    """It says that the node is gone, keeps what it knew, and goes on by itself; a node alone has warnings."""
    height = int(browser.text("#height"))
    node.stop(timeout=15)
    browser.wait(f"{STATE} === 'no answer'")
    assert "No answer from the node" in browser.text("#banner") and int(browser.text("#height")) >= height
    browser.screenshot(shots / "gone.png")
    node.start()
    browser.wait(f"{STATE} === 'healthy'", 30)
    assert browser.run("getComputedStyle(document.querySelector('#banner')).display") == "none"
    browser.wait(f"Number(document.querySelector('#height').innerText) > {height + 1}", 30)
    node.rpc("setnetworkactive", False)
    browser.wait("document.querySelector('#findings').innerText.includes('no-peers')")
    browser.wait("document.querySelector('#peers').parentElement.nextElementSibling.innerText === 'No peer is connected.'")
    browser.screenshot(shots / "alone.png")
    node.rpc("setnetworkactive", True)


def check_policy(browser):
    """The browser runs nothing that the page did not come with."""
    browser.run(f"document.body.insertAdjacentHTML('beforeend', {NASTY!r})")
    browser.run("fetch('http://127.0.0.1:1/').catch(() => 0)")
    wait_until(lambda: len(browser.complaints()) >= 2, 5, "the policy has complained")
    assert not browser.run("window.hit")
    assert all("Content Security Policy" in text for text in browser.complaints())


def test_credentials_that_change(daemons, net, browser, shots):
    """A new cookie: the page does not ask out of nowhere, says so, and lets in again.  With rpc.public_status: nobody."""
    node = daemons(net.ip(5))
    where = f"{node.ip}:{node.config['rpc']['port']}/"

    def cookie():
        return (pathlib.Path(node.datadir) / ".cookie").read_text(encoding="ascii").strip()

    browser.look(390, 844)
    browser.open(f"http://{cookie()}@{where}")
    browser.wait(f"{STATE}.includes('problem')")
    node.restart()
    browser.wait(f"{STATE} === 'locked'")
    assert "credentials" in browser.text("#banner") and browser.run("!document.querySelector('#login').hidden")
    browser.screenshot(shots / "locked.png", full=False)
    browser.open(f"http://{cookie()}@{where}")
    browser.wait(f"{STATE}.includes('problem')")
    node.config["rpc"]["public_status"] = True
    node.restart()
    browser.wait(f"{STATE}.includes('problem')")
    assert browser.complaints() == []


def test_a_node_that_starts(daemons, net, browser, shots):
    """How far it has come, and then what it is, without being asked again."""
    node = daemons(net.ip(5), {"rpc": {"public_status": True}}, start=False)
    pool = pathlib.Path(node.datadir) / "pool.dat"
    os.mkfifo(pool)  # to open it waits for somebody who writes
    node.spawn()
    rpc = (node.ip, node.config["rpc"]["port"])
    wait_until(lambda: rpc in listening(node.pid), 10, node.tail)
    browser.open(f"http://{rpc[0]}:{rpc[1]}/")
    browser.wait(f"{STATE} === 'starting'")
    browser.wait("document.querySelector('#banner').innerText.includes('The node is starting: Loading pool and wallet.')")
    browser.screenshot(shots / "starting.png", full=False)
    pool.open("wb").close()
    browser.wait(f"{STATE}.includes('problem')")
    assert browser.run("getComputedStyle(document.querySelector('#banner')).display") == "none"
