# SPDX-License-Identifier: MIT
"""Blocks with certificates: stored and served with them, refused without, final, and what happens when two of them
contradict each other (adversarial 40, certificates)."""
import copy
import os

import pytest

from harness import config as toml
from harness import wire
from harness.certified import Certified, bare, commit_message, wrong_certificates, wrong_contents
from harness.chain import encode
from harness.mesh import BRISK
from harness.net import wait_until
from harness.sync import SYNC_TIMERS, assert_blameless, sync_config, wait_refused

HEIGHT = 20


@pytest.fixture(scope="module")
def chain():
    made = Certified()
    made.grow(6)
    made.grow(HEIGHT - 6, transactions=2)
    return made


@pytest.fixture(scope="module")
def longer(chain):
    after = chain.fork(chain.height)
    after.grow(30, transactions=1)
    return after


def certified_config(chain, *peers, **sections):
    return toml.merge(sync_config(*peers, **sections), chain.config())


def served_blocks(node, chain, ip, first, last):
    """What a daemon answers to GetBlocks."""
    peer = node.raw_peer(ip, genesis=chain.hash_at(0))
    try:
        peer.handshake()
        peer.send({"GetBlocks": [first, last]})
        return peer.expect("BlocksResponse")
    finally:
        peer.close()


# --- kept and handed on ---------------------------------------------------------------------------------------------

def test_certificates_are_stored_served_and_checked(loaded, daemons, net, chain):
    """Imported by one daemon, fetched by another: both serve every block with its certificate, after a restart and a
    rebuild too, and the tool checks them all."""
    one = loaded(net.ip(5), chain, certified_config(chain))
    two = daemons(net.ip(6), certified_config(chain, one.ip))
    two.wait_chain(chain)
    two.assert_chain(chain)
    for node in (one, two):
        assert served_blocks(node, chain, net.ip(11), 1, HEIGHT) == chain.blocks[1:]
    two.stop()
    said = two.inspect("--config", os.path.join(two.dir, "config.toml"), "--verify")
    assert f"blocks 0 to {HEIGHT}" in said
    two.run_to_end("--reindex", "--load-blocks", os.devnull)
    two.start()
    assert served_blocks(two, chain, net.ip(12), 1, HEIGHT) == chain.blocks[1:]
    assert_blameless(one, two.ip)


def test_announced_block_is_passed_on_with_its_certificate(loaded, serve, net, chain, longer):
    node = loaded(net.ip(5), chain, certified_config(chain))
    one, two = (serve(net.ip(number), chain, listen=False) for number in (11, 12))
    one.dial(node)
    two.dial(node)
    one.announce(longer.blocks[HEIGHT + 1])
    node.wait_log(rf"✅ Added block {HEIGHT + 1} from {one.ip}\b")
    wait_until(lambda: two.links[0].payloads("BlockAnnouncement"), 10, "the block is passed on")
    assert two.links[0].payloads("BlockAnnouncement") == [longer.blocks[HEIGHT + 1]]


# --- refused --------------------------------------------------------------------------------------------------------

def refused_imports(chain):
    block = chain.make()
    yield "missing", "CHAIN_E_NO_CERTIFICATE", bare(block)
    for name, wrong in wrong_certificates(chain):
        if name in ("one signature too few", "byte 0 of a signature", "of the block before"):
            yield name, "CHAIN_E_CERTIFICATE", wrong
    yield from wrong_contents(chain)


def test_import_refuses_blocks_that_no_quorum_certified(loaded, net, chain, tmp_path):
    node = loaded(net.ip(5), chain, certified_config(chain), start=False)
    for name, code, block in refused_imports(chain):
        path = tmp_path / "wrong.jsonl"
        path.write_bytes(encode(block) + b"\n")
        said = node.load_blocks(path, code=1)
        assert f"block {HEIGHT + 1}: " in said and f"({code})" in said, f"{name}:\n{said}"
    node.start()
    node.assert_chain(chain)


class Announcer:
    """Announces blocks, each from an address of its own."""

    def __init__(self, node, net, chain):
        self.node, self.net, self.chain, self.number = node, net, chain, 20

    def dial(self):
        self.number += 1
        peer = self.node.raw_peer(self.net.ip(self.number), genesis=self.chain.hash_at(0))
        peer.answers = {"GetBlockHash": lambda h: {"BlockHashResponse": {"height": h, "hash": self.chain.hash_at(h)}},
                        "GetBlockHeight": lambda _: {"BlockHeightResponse": self.chain.height}}
        peer.send(wire.handshake(), wire.version(peer.node_id, height=self.chain.height))
        peer.expect("Ack")
        return peer


def test_adversarial_40_altered_certificates(loaded, net, chain):
    """Every alteration is refused for its reason and held against its sender; the honest block is taken after them all,
    though they had its hash."""
    node = loaded(net.ip(5), chain, certified_config(chain, limits={"connects_per_minute": 100000}))
    announcer = Announcer(node, net, chain)
    wrong = [(name, "CHAIN_E_CERTIFICATE", block) for name, block in wrong_certificates(chain)]
    for name, code, block in wrong + list(wrong_contents(chain)):
        peer, mark = announcer.dial(), node.mark()
        peer.send({"BlockAnnouncement": block})
        assert wait_refused(node, peer.ip, mark) == code, name
        peer.close()
        assert node.tip() == chain.tip_hash, name
    after = chain.fork(HEIGHT)
    after.grow(1)
    peer = announcer.dial()
    peer.send({"BlockAnnouncement": after.tip})
    node.wait_chain(after)
    assert_blameless(node, peer.ip)
    node.stop()
    node.inspect("--config", os.path.join(node.dir, "config.toml"), "--verify")


# --- without a certificate ------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_bare_block_waits_for_its_certificate(loaded, net, chain, longer):
    """A block without certificate is nobody's fault; a forged one that comes for it does not keep the right one from
    being taken."""
    node = loaded(net.ip(5), chain, certified_config(chain))
    announcer = Announcer(node, net, chain)
    block = longer.blocks[HEIGHT + 1]
    one, two, three = (announcer.dial() for _ in range(3))
    one.send({"BlockAnnouncement": bare(block)})
    one.ping()
    forged = copy.deepcopy(block["commit"])
    forged["signatures"][0][1][0] ^= 1
    two.send(commit_message(block, forged))
    two.ping()
    assert node.tip() == chain.tip_hash
    # One about a block that nobody has shown is passed over.
    three.send(commit_message(longer.blocks[HEIGHT + 2]), commit_message(block))
    node.wait_chain(longer.fork(HEIGHT + 1))
    assert_blameless(node, one.ip, three.ip)
    assert served_blocks(node, chain, net.ip(12), HEIGHT + 1, HEIGHT + 1) == [block]


def test_whole_block_takes_the_place_of_a_bare_one(loaded, net, chain, longer):
    node = loaded(net.ip(5), chain, certified_config(chain))
    announcer = Announcer(node, net, chain)
    one, two = announcer.dial(), announcer.dial()
    one.send({"BlockAnnouncement": bare(longer.blocks[HEIGHT + 1])})
    one.ping()
    two.send({"BlockAnnouncement": longer.blocks[HEIGHT + 1]})
    node.wait_chain(longer.fork(HEIGHT + 1))
    assert_blameless(node, one.ip, two.ip)


def test_sync_from_peers_that_know_no_certificates(daemons, serve, net, chain):
    """Existing nodes that have the blocks without the certificates: said once, not punished, and not asked again and
    again; a peer that has them is enough."""
    stripped = Certified()
    for block in chain.blocks[1:]:
        stripped.append(bare(block))
    rust = [serve(net.ip(number), stripped) for number in (11, 12)]
    node = daemons(net.ip(5), certified_config(chain, *[peer.ip for peer in rust]))
    for peer in rust:
        node.wait_log(rf"{peer.ip} has block \d+ without its certificate")
    asked = [peer.blocks_asked() for peer in rust]
    whole = serve(net.ip(20), chain, listen=False)
    whole.dial(node)
    node.wait_chain(chain)
    assert [peer.blocks_asked() for peer in rust] == asked
    assert_blameless(node, *[peer.ip for peer in rust], whole.ip)
    for peer in rust:
        assert len(node.log_lines(rf"{peer.ip} has block \d+ without its certificate")) == 1


@pytest.mark.fast
def test_sync_passes_over_a_forger(daemons, serve, net, chain):
    """A peer whose certificates are forged is blamed, and its blocks are fetched from another one."""
    forged = Certified()
    for block in chain.blocks[1:]:
        block = copy.deepcopy(block)
        block["commit"]["signatures"][0][1][3] ^= 1
        forged.append(block)
    liar = serve(net.ip(11), forged)
    node = daemons(net.ip(5), certified_config(chain, liar.ip))
    assert wait_refused(node, liar.ip) == "CHAIN_E_CERTIFICATE"
    whole = serve(net.ip(12), chain, listen=False)
    whole.dial(node)
    node.wait_chain(chain)
    assert_blameless(node, whole.ip)


# --- where they begin -----------------------------------------------------------------------------------------------

def test_certificates_mean_nothing_below_the_first_height(daemons, net):
    """There a forged one does not make a block final, nor is it kept or handed on."""
    early = Certified(bft_from=11)
    early.grow(5)
    forged = [{**block, "commit": early.certificate(block, signers=[0])} for block in early.blocks[1:]]
    node = daemons(net.ip(5), certified_config(early), start=False)
    path = os.path.join(node.dir, "forged.jsonl")
    with open(path, "wb") as file:
        file.write(b"".join(encode(block) + b"\n" for block in forged))
    node.load_blocks(path)
    node.start()
    assert served_blocks(node, early, net.ip(11), 1, 5) == early.blocks[1:]
    early.grow(10)
    node.stop()
    node.load_blocks(early)
    node.start()
    assert served_blocks(node, early, net.ip(12), 1, 15) == early.blocks[1:]


def test_directory_made_without_validators_does_not_start(loaded, net, chain):
    """The blocks without certificates are dropped by a rebuild, and not silently."""
    plain = Certified(bft_from=11)
    plain.grow(10)
    uncertified = plain.fork(10)
    uncertified.bft_from = 1000
    uncertified.grow(5)
    node = loaded(net.ip(5), uncertified, start=False)
    node.config = toml.merge(node.config, plain.config())
    said = node.run_to_end(code=1)
    assert "the tip has no certificate" in said and "--reindex" in said
    said = node.run_to_end("--reindex", "--load-blocks", os.devnull)
    assert "BLOCK 11 DOES NOT HOLD" in said
    node.start()
    node.assert_chain(plain)


# --- two of them ----------------------------------------------------------------------------------------------------

def rival(chain, height):
    """Another block that the same validators have certified at that height."""
    other = chain.fork(height - 1)
    other.append(other.make([other.pay(other.spendable(3), to="rival")]))
    return other


def expect_halt(node, height, *hashes):
    wait_until(lambda: not node.running(), 10, lambda: f"the daemon ends\n{node.tail()}")
    assert node.process.returncode == 3
    said = node.log()
    assert f"TWO CERTIFICATES AT HEIGHT {height}" in said
    for block in hashes:
        assert block.hex() in said
    # It does not start again by itself, and says the same.
    again = node.run_to_end(code=3)
    assert f"TWO CERTIFICATES AT HEIGHT {height}" in again and hashes[0].hex() in again
    assert os.path.join(node.datadir, "halted") in again


@pytest.mark.fast
@pytest.mark.parametrize("height, database", [(HEIGHT, "db"), (HEIGHT - 5, "db-timed")])
def test_two_certificates_stop_the_node(daemons, net, chain, height, database):
    """Announced, at the tip or below: exit code 3, both hashes, where our database lies, and no start before the
    operator has acted."""
    node = daemons(net.ip(5), certified_config(chain), start=False)
    if database != "db":
        # Of the Rust daemon, whose directory it was.
        os.makedirs(os.path.join(node.datadir, "db"))
        with open(os.path.join(node.datadir, "db", "conf"), "w", encoding="ascii"):
            pass
    node.load_blocks(chain)
    node.start()
    other = rival(chain, height)
    peer = Announcer(node, net, chain).dial()
    # Forged, it stops nothing.
    forged = copy.deepcopy(other.tip)
    forged["commit"]["signatures"][0][1][0] ^= 1
    mark = node.mark()
    peer.send({"BlockAnnouncement": forged})
    assert wait_refused(node, peer.ip, mark) == "CHAIN_E_CERTIFICATE"
    peer.send({"BlockAnnouncement": other.tip})
    expect_halt(node, height, chain.hashes[height], other.tip_hash)
    assert f"remove {os.path.join(node.datadir, database)};" in node.log()
    os.remove(os.path.join(node.datadir, "halted"))
    node.start()
    node.assert_chain(chain)


def test_two_certificates_race(loaded, net, chain):
    """Both come for the height above the tip: one is taken, the other stops the node."""
    node = loaded(net.ip(5), chain, certified_config(chain))
    one, two = chain.fork(HEIGHT), rival(chain, HEIGHT + 1)
    one.grow(1)
    peer = Announcer(node, net, chain).dial()
    peer.send({"BlockAnnouncement": one.tip}, {"BlockAnnouncement": two.tip})
    expect_halt(node, HEIGHT + 1, one.tip_hash, two.tip_hash)


def test_two_certificates_by_sync(loaded, serve, net, chain):
    """A certified chain of most peers that contradicts ours is fetched, and seen for what it is."""
    node = loaded(net.ip(5), chain, certified_config(chain), start=False)
    other = rival(chain, HEIGHT - 3)
    other.grow(6)
    peers = [serve(net.ip(number), other) for number in (11, 12, 13)]
    node.config = toml.merge(node.config, {"network": {"bootstrap_peers": [peer.ip for peer in peers]},
                                           "timers": {**BRISK, **SYNC_TIMERS}})
    node.spawn()
    expect_halt(node, HEIGHT - 3, chain.hashes[HEIGHT - 3], other.hashes[HEIGHT - 3])


# --- against an uncertified chain -----------------------------------------------------------------------------------

@pytest.mark.fast
def test_certified_chain_wins_against_votes_and_depth(loaded, serve, net):
    """Three peers share our chain and one shows a certified block of another, which forks off deeper than votes may
    undo: its chain is taken."""
    early = Certified(bft_from=31)
    early.grow(5)
    ours, theirs = early.fork(5, tag="ours"), early.fork(5, tag="theirs")
    ours.grow(20)
    theirs.grow(150, transactions=1)
    node = loaded(net.ip(5), ours, certified_config(early, limits={"reorg_depth": 10, "reorg_warn_depth": 5}))
    with_us = [serve(net.ip(number), ours, listen=False) for number in (11, 12, 13)]
    for peer in with_us:
        peer.dial(node)
    certified = serve(net.ip(14), theirs.fork(149), listen=False)
    certified.dial(node)
    node.wait_log(r"🔀 Our chain stays: 3 of 4 peers")
    certified.chain = theirs
    certified.announce(theirs.tip)
    node.wait_chain(theirs)
    node.assert_chain(theirs)
    assert_blameless(node, certified.ip, *[peer.ip for peer in with_us])
