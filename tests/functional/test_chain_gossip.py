# SPDX-License-Identifier: MIT
"""New blocks: announced to those that lack them, once; early ones wait for the gap to close."""
import random
import threading

import pytest

from harness import wire
from harness.chain_peer import BLOCKS
from harness.mesh import BRISK, Mesh, one_connection_per_pair
from harness.net import rounds, wait_until
from harness.sync import SYNC_TIMERS, assert_blameless, chain_with_payments, settled_on, sync_config


@pytest.fixture(scope="module")
def chain():
    return chain_with_payments(20)


@pytest.fixture(scope="module")
def longer(chain):
    """The same chain 60 blocks on."""
    after = chain.fork(chain.height)
    after.grow(60, transactions=2)
    return after


def announced(peer):
    """The heights that a scripted peer was told of."""
    return [block["header"]["height"] for link in peer.links for block in link.payloads("BlockAnnouncement")]


def wait_announced(peer, height, timeout=10):
    wait_until(lambda: height in announced(peer), timeout, lambda: f"{peer.ip} hears of {height}: {announced(peer)}")


@pytest.mark.fast
def test_announced_block_reaches_everybody_once(daemons, serve, net, chain, longer):
    """Three daemons that all know each other, with a scripted peer at each: every one hears of a block once, and
    whoever announced it does not get it back."""
    mesh = Mesh(daemons, [net.ip(number) for number in (1, 2, 3)], timers={**BRISK, **SYNC_TIMERS})
    for node in mesh.nodes:
        node.load_blocks(chain)
    mesh.start_at_once()
    one_connection_per_pair(mesh.nodes)
    peers = [serve(net.ip(11 + number), chain.fork(chain.height), listen=False) for number in range(3)]
    for peer, node in zip(peers, mesh.nodes):
        peer.dial(node)
    total = rounds(60, 12)
    for height in range(chain.height + 1, chain.height + 1 + total):
        source = peers[height % 3]
        for peer in peers:
            # They take what they hear of, as a good node does.
            peer.chain = longer.fork(height)
        source.announce(longer.blocks[height])
        for peer in peers:
            if peer is not source:
                wait_announced(peer, height)
    end = longer.fork(chain.height + total)
    assert settled_on(mesh.nodes, [end]) is end
    for peer in peers:
        heard = announced(peer)
        assert len(heard) == len(set(heard)), f"{peer.ip} heard of a block twice: {heard}"
        mine = [h for h in range(chain.height + 1, chain.height + 1 + total) if peers[h % 3] is peer]
        assert not set(heard) & set(mine), f"{peer.ip} got its own back"
    for node in mesh.nodes:
        node.assert_chain(end)
        assert_blameless(node, *[peer.ip for peer in peers], *[other.ip for other in mesh.nodes])
        # Each daemon gets it from one neighbour; that both hand it on at the same moment is the exception.
        got = sum(1 for line in node.log_lines(r"📥 Received block \d+ announcement from "))
        assert got <= 2 * total + 2, f"{node.ip} got {got} announcements of {total} blocks"


@pytest.mark.fast
def test_announced_block_is_logged(loaded, serve, net, chain, longer):
    """The lines that operators look for."""
    node = loaded(net.ip(5), chain, sync_config())
    one, two = (serve(net.ip(number), chain, listen=False) for number in (11, 12))
    one.dial(node)
    two.dial(node)
    height = chain.height + 1
    one.announce(longer.blocks[height])
    node.wait_log(rf"📥 Received block {height} announcement from {one.ip}\b")
    node.wait_log(rf"✅ Added block {height} from {one.ip}\b")
    node.wait_log(rf"🔄 Gossiped block {height} to 1 other peer\(s\)")
    wait_announced(two, height)
    assert two.links[0].payloads("BlockAnnouncement") == [longer.blocks[height]]


def test_an_old_block_lowers_nobodys_height(loaded, serve, net, chain, longer):
    """Who sends a block that lies below its height is as high as before; only what it answers about its height counts."""
    node = loaded(net.ip(5), chain, sync_config())
    peer = serve(net.ip(11), longer.fork(chain.height + 1), listen=False)
    peer.dial(node)
    peer.announce(longer.blocks[chain.height + 1])
    node.wait_height(chain.height + 1)
    before = node.peer(peer.ip)
    peer.announce(chain.blocks[5])
    peer.link.ping()
    after = node.peer(peer.ip)
    assert before["height"] == chain.height + 1
    assert (after["height"], after["bestblockhash"]) == (before["height"], before["bestblockhash"])


@pytest.mark.fast
def test_early_blocks_connect_when_the_gap_closes(loaded, serve, net, chain, longer):
    """tip+2 to tip+8 come before tip+1, in any order, and nobody answers when asked for the missing one."""
    node = loaded(net.ip(5), chain, sync_config())
    peer = serve(net.ip(11), chain, listen=False, silent=set(BLOCKS))
    peer.dial(node)
    peer.chain = longer.fork(chain.height + 8)
    heights = list(range(chain.height + 2, chain.height + 9))
    random.Random(2).shuffle(heights)
    for height in heights:
        peer.announce(longer.blocks[height])
    peer.link.ping()
    node.assert_chain(chain)
    peer.announce(longer.blocks[chain.height + 1])
    node.wait_chain(longer.fork(chain.height + 8))
    node.assert_chain(longer.fork(chain.height + 8))
    assert_blameless(node, peer.ip)


def test_missing_block_is_asked_for(loaded, serve, net, chain, longer):
    """An announcement with a gap below it: what lies between is fetched from whoever announced it."""
    node = loaded(net.ip(5), chain, sync_config())
    peer = serve(net.ip(11), longer.fork(chain.height + 5), listen=False)
    peer.dial(node)
    peer.announce(peer.chain.tip)
    node.wait_chain(peer.chain)
    node.assert_chain(peer.chain)
    assert_blameless(node, peer.ip)


@pytest.mark.fast
def test_known_blocks_are_not_gossiped_again(loaded, serve, net, chain, longer):
    """The same block from many, and old ones: handed on once, costs nobody anything."""
    node = loaded(net.ip(5), chain, sync_config())
    peers = [serve(net.ip(11 + number), chain, listen=False) for number in range(6)]
    for peer in peers:
        peer.dial(node)
    listener = serve(net.ip(40), chain, listen=False)
    listener.dial(node)
    height = chain.height + 1
    barrier = threading.Barrier(len(peers))

    def announce(peer):
        peer.chain = longer.fork(height)
        barrier.wait()
        peer.announce(longer.blocks[height])
    threads = [threading.Thread(target=announce, args=(peer,)) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for peer in peers:
        for old in (height, height - 1, 3, 0):
            peer.announce(longer.blocks[old])
        peer.link.ping()
    wait_announced(listener, height)
    listener.link.ping()
    assert announced(listener) == [height]
    node.assert_chain(longer.fork(height))
    assert_blameless(node, *[peer.ip for peer in peers])


def test_not_announced_while_syncing(daemons, serve, net, longer):
    """Hundreds of old blocks are nobody's news."""
    server = serve(net.ip(11), longer, delay=0.02, most=5)
    listener = serve(net.ip(12), longer, listen=False)
    node = daemons(net.ip(5), sync_config(server.ip))
    listener.dial(node)
    node.wait_chain(longer)
    listener.link.ping()
    assert not set(announced(listener)) - {longer.height}


def test_announced_to_those_that_lack_it(loaded, serve, net, chain, longer):
    """A peer that has announced the same block, or a later one, needs no announcement; one that is behind does."""
    node = loaded(net.ip(5), chain, sync_config())
    ahead, level, rust = (serve(net.ip(11), longer, listen=False), serve(net.ip(12), chain, listen=False),
                          serve(net.ip(13), chain, ours=False, listen=False))
    level.dial(node)
    rust.dial(node)
    ahead.dial(node)
    node.wait_chain(longer)
    node.wait_height(longer.height)
    after = longer.fork(longer.height)
    after.grow()
    ahead.chain = after
    ahead.announce(after.tip)
    wait_announced(level, after.height)
    wait_announced(rust, after.height)
    ahead.link.ping()
    assert after.height not in announced(ahead)


def test_late_joiner_is_at_the_tip(daemons, serve, net, chain, longer):
    """Blocks are announced while a node is still asking for the past: nothing is lost between the two."""
    growing = chain.fork(chain.height)
    server = serve(net.ip(11), growing, delay=0.05, most=3)
    node = daemons(net.ip(5), sync_config(server.ip))
    for height in range(chain.height + 1, longer.height + 1):
        growing.append(longer.blocks[height])
        if server.link:
            server.announce(growing.tip)
    node.wait_chain(longer, 30)
    node.assert_chain(longer)
    assert_blameless(node, server.ip)


def test_heights_of_peers_are_tracked(loaded, serve, net, chain, longer):
    """What each peer has, as it says or shows: by Version, by an answer, by an announcement."""
    ours, rust = serve(net.ip(11), chain, listen=False), serve(net.ip(12), chain, ours=False)
    node = loaded(net.ip(5), chain, sync_config(rust.ip))
    ours.dial(node)
    for peer in (ours, rust):
        wait_until(lambda: (node.peer(peer.ip) or {}).get("height") == chain.height, 10, f"the height of {peer.ip}")
    for peer in (ours, rust):
        peer.chain = longer.fork(chain.height + 1)
    ours.announce(ours.chain.tip)
    node.wait_chain(ours.chain)
    for peer in (ours, rust):
        wait_until(lambda: (node.peer(peer.ip) or {}).get("height") == chain.height + 1, 10,
                   lambda: f"the new height of {peer.ip}: {node.peer(peer.ip)}")


@pytest.mark.fast
def test_unasked_answers_change_nothing(loaded, serve, net, chain, longer):
    """Answers with blocks, hashes and heights that nobody asked for: no state, no crash, and no harm to who sends few
    of them."""
    node = loaded(net.ip(5), chain, sync_config())
    peer = serve(net.ip(11), chain, listen=False)
    link = peer.dial(node)
    link.send({"BlockHashResponse": {"height": 5, "hash": [1] * 32}}, {"BlockHeightResponse": 7},
              {"GenesisHashResponse": chain.hash_at(0)}, {"UTXOSetResponse": []}, {"UTXOStateResponse": []},
              {"UTXOStateHashResponse": {"hash": [1] * 32, "height": 5, "utxo_count": 1}},
              {"ConsensusQueryResponse": {"agrees": False, "height": 5, "their_hash": [1] * 32}},
              {"BlocksResponse": []}, {"BlockRangeResponse": longer.blocks[5:9]}, wire.ping(5))
    link.expect_pong(5)
    node.assert_chain(chain)
    assert node.peer(peer.ip)
