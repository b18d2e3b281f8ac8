# SPDX-License-Identifier: MIT
"""Bad blocks over the wire: adversarial 40, 41 and 45."""
import re
import time

import pytest

from harness import alterations, wire
from harness import config as toml
from harness.certified import Certified, bare, commit_message
from harness.chain import Chain, coinbase, output, reseal
from harness.net import SCALE, rounds, wait_until
from harness.sync import assert_blameless, chain_with_payments, sync_config, wait_refused, wait_violation

MIB = 1 << 20


@pytest.fixture(scope="module")
def chain():
    return chain_with_payments(12)


@pytest.fixture
def target(loaded, net, chain):
    """A daemon that stands at the tip of the chain; nothing limits how often somebody connects."""
    return loaded(net.ip(5), chain, sync_config(limits={"connects_per_minute": 100000}))


class Announcer:
    """Announces blocks, each from an address of its own, and sees what becomes of it."""

    def __init__(self, node, net, chain):
        self.node = node
        self.net = net
        self.chain = chain
        self.number = 20

    def dial(self):
        self.number += 1
        peer = self.node.raw_peer(self.net.ip(self.number), genesis=self.chain.hash_at(0))
        peer.answers = {"GetBlockHash": lambda h: {"BlockHashResponse": {"height": h, "hash": self.chain.hash_at(h)}},
                        "GetBlockHeight": lambda _: {"BlockHeightResponse": self.chain.height}}
        peer.send(wire.handshake(), wire.version(peer.node_id, height=self.chain.height))
        peer.expect("Ack")
        return peer

    def announce(self, alteration):
        """Returns what is wrong with the daemon's reaction, or None."""
        peer, mark = self.dial(), self.node.mark()
        peer.send({"BlockAnnouncement": alteration.block})
        if alteration.penalised:
            try:
                code = wait_refused(self.node, peer.ip, mark)
            except AssertionError:
                peer.close()
                return f"{alteration.name}: no violation; log: {self.node.log(mark)[-600:]}"
            if not re.fullmatch(alteration.code(), code):
                return f"{alteration.name}: {code}, not {alteration.code()}"
        else:
            peer.ping(timeout=5)
        peer.close()
        return None


def all_refused(node, net, chain, made):
    """Every block is refused for its reason, and the chain stays as it is; then the honest one is taken."""
    announcer = Announcer(node, net, chain)
    honest = alterations.base(chain)
    wrong = []
    for alteration in made:
        problem = announcer.announce(alteration)
        if node.tip() != chain.tip_hash:
            problem = f"{alteration.name}: the tip changed"
            wrong.append(problem)
            break
        if problem:
            wrong.append(problem)
    assert not wrong, "\n".join(wrong)
    node.assert_chain(chain)
    after = chain.fork(chain.height)
    after.append(honest)
    peer = announcer.dial()
    peer.send({"BlockAnnouncement": honest})
    node.wait_chain(after)
    node.assert_chain(after)
    assert_blameless(node, peer.ip)
    node.stop()
    node.inspect("--verify")


# --- 40 -------------------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_adversarial_40_altered_header_and_rewards(target, net, chain):
    made = [a for a in alterations.fields(chain) if a.name.split()[0].split(".")[0] not in
            ("transactions[1]", "transactions[2]", "transactions[3]")]
    all_refused(target, net, chain, made)


def test_adversarial_40_altered_transactions(target, net, chain):
    made = [a for a in alterations.fields(chain) if a.name.startswith("transactions[")]
    assert len(made) > 60
    all_refused(target, net, chain, made)


def test_adversarial_40_harmless_oddities_are_accepted(loaded, net, chain):
    """What breaks no rule connects: nothing is stricter than the protocol."""
    node = loaded(net.ip(5), chain, sync_config())
    peer = Announcer(node, net, chain).dial()
    height = chain.height
    for number, (name, block) in enumerate(alterations.harmless(chain)):
        after = chain.fork(height)
        after.append(block)
        if number:
            # Each stands on the same parent, so it needs a node of its own.
            peer.close()
            node = loaded(net.ip(5 + number), chain, sync_config())
            peer = Announcer(node, net, chain).dial()
        peer.send({"BlockAnnouncement": block})
        wait_until(lambda: node.tip() == after.tip_hash, 10, lambda: f"{name}\n{node.tail()}")
        node.assert_chain(after)
        assert_blameless(node, peer.ip)
        node.stop()


def test_adversarial_40_every_byte_of_the_hashes(target, net, chain):
    """Each byte of the merkle root and of the previous hash in turn."""
    announcer = Announcer(target, net, chain)
    honest = alterations.base(chain)
    peer = announcer.dial()
    for field in ("merkle_root", "previous_hash"):
        for index in range(0, 32, 32 // rounds(32, 8)):
            block = {**honest, "header": dict(honest["header"])}
            block["header"][field] = [*block["header"][field]]
            block["header"][field][index] ^= 0x80
            if not peer.is_open() or target.violations(peer.ip):
                peer.close()
                peer = announcer.dial()
            peer.send({"BlockAnnouncement": block}, wire.ping())
            if field == "merkle_root":
                assert wait_refused(target, peer.ip) == "CHAIN_E_MERKLE_ROOT"
            else:
                peer.ping(timeout=5)
    target.assert_chain(chain)
    # A bad body or header has not made the honest block's hash bad.
    peer = announcer.dial()
    peer.send({"BlockAnnouncement": honest})
    after = chain.fork(chain.height)
    after.append(honest)
    target.wait_chain(after)


@pytest.mark.fast
def test_adversarial_40_a_bad_body_does_not_make_its_header_bad(target, net, chain):
    """The same header comes first over another body, which is refused, then over its own: taken."""
    announcer = Announcer(target, net, chain)
    honest = alterations.base(chain)
    for change in (lambda b: b["transactions"].pop(), lambda b: b["masternode_rewards"].pop(),
                   lambda b: b["transactions"].append(b["transactions"][-1])):
        bad = {**honest, "transactions": list(honest["transactions"]),
               "masternode_rewards": list(honest["masternode_rewards"])}
        change(bad)
        peer = announcer.dial()
        peer.send({"BlockAnnouncement": bad})
        wait_violation(target, peer.ip)
    peer = announcer.dial()
    peer.send({"BlockAnnouncement": honest})
    after = chain.fork(chain.height)
    after.append(honest)
    target.wait_chain(after)
    target.assert_chain(after)


def test_adversarial_40_signatures_are_checked_behind_a_good_one(target, net, chain):
    """The same transaction, its signature good, was seen in a block before: the bad one is refused all the same."""
    announcer = Announcer(target, net, chain)
    honest = alterations.base(chain)
    made = [a for a in alterations.fields(chain) if a.name.endswith(("signature", "public key"))]
    peer = announcer.dial()
    # Its transactions are verified, and then it is refused for its reward.
    greedy = {**honest, "header": {**honest["header"], "block_reward": honest["header"]["block_reward"] + 1}}
    peer.send({"BlockAnnouncement": greedy})
    assert wait_refused(target, peer.ip) == "CHAIN_E_BLOCK_REWARD"
    for alteration in made:
        assert announcer.announce(alteration) is None
    target.assert_chain(chain)


# --- 45 -------------------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_adversarial_45_money_from_nothing(target, net, chain):
    """Double spends within a block and across blocks, value creation, overflow, two coinbases, a txid twice, a coinbase
    that pays too much, and what is too large."""
    all_refused(target, net, chain, alterations.money(chain))


def test_adversarial_45_in_a_range_while_syncing(daemons, serve, net, chain):
    """The same blocks come as the last of a range that was asked for: none connects, and the sender is blamed. What
    lies below may be taken or not: whose tip breaks a rule is not followed."""
    made = alterations.money(chain)
    for number, alteration in enumerate(made if rounds(10) == 10 else made[::4]):
        bad = chain.fork(chain.height)
        bad.append(alteration.block)
        server = serve(net.ip(100 + number), bad)
        node = daemons(net.ip(10 + number), sync_config(server.ip))
        assert re.fullmatch(alteration.code(), wait_refused(node, server.ip)), alteration.name
        node.assert_alive(net.ip(99))
        node.assert_chain(chain.fork(node.height()))
        node.stop()
        server.close()


# --- 41 -------------------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_adversarial_41_unknown_parent_far_ahead_from_the_future(target, net, chain):
    """None of them connects, and none of them hinders the next real block."""
    ahead = chain.fork(chain.height)
    ahead.grow(3000)
    strange = chain.fork(chain.height, tag="strange")
    strange.append({**strange.make(), "header": {**strange.make()["header"], "previous_hash": [7] * 32}})
    strange.grow(3)
    future = chain.make(timestamp=int(time.time()) + 3600)
    peer = Announcer(target, net, chain).dial()
    for block in (ahead.tip, ahead.blocks[chain.height + 500], strange.tip, strange.blocks[chain.height + 1], future):
        peer.send({"BlockAnnouncement": block}, wire.ping())
    peer.ping(timeout=5)
    target.assert_chain(chain)
    honest = Announcer(target, net, chain)
    honest.number = 50
    other = honest.dial()
    other.send({"BlockAnnouncement": ahead.blocks[chain.height + 1]})
    target.wait_chain(ahead.fork(chain.height + 1))
    assert_blameless(target, other.ip)


def large_block(chain, rewards, timestamp=None):
    """The next block, with so many rewards of a thousand bytes."""
    block = chain.make(timestamp=timestamp)
    block["masternode_rewards"] = [["x" * 1000, 1]] * rewards
    block["transactions"] = [coinbase(block["masternode_rewards"], block["header"]["timestamp"])]
    return reseal(block)


@pytest.mark.fast
def test_adversarial_41_flood_of_early_blocks(target, net, chain):
    """More of them than are kept, by one that never says what it has: memory is bounded, other peers and the next real
    block are served."""
    peer = Announcer(target, net, chain).dial()
    peer.answers = {}
    block = large_block(chain, 60)
    before = target.rss()
    sent = 0
    number = 0
    while sent < rounds(400, 100) * MIB:
        number += 1
        block["header"].update(height=chain.height + 2 + number % 90, previous_hash=list(number.to_bytes(32, "big")))
        line = wire.encode({"BlockAnnouncement": block})
        sent += len(line)
        peer.send_raw(line)
    peer.ping(timeout=20)
    assert_blameless(target, peer.ip)
    assert target.rss_peak() - before < 160 * MIB * max(1, SCALE)
    target.assert_alive(net.ip(99))
    after = chain.fork(chain.height)
    after.grow()
    honest = Announcer(target, net, chain)
    honest.number = 60
    honest.dial().send({"BlockAnnouncement": after.tip})
    target.wait_chain(after)
    target.assert_chain(after)


@pytest.mark.fast
def test_adversarial_41_flood_beside_the_next_block(loaded, net, chain):
    """Blocks of the next height that continue nothing fill what may be held: the one that continues the tip is taken
    all the same."""
    target = loaded(net.ip(5), chain, sync_config(limits={"announced_bytes": 2 * MIB}))
    peer = Announcer(target, net, chain).dial()
    for number, block in enumerate([large_block(chain, 150)] * 8 + [chain.make()] * 60):
        peer.send({"BlockAnnouncement": {**block, "header": {**block["header"], "previous_hash": [number] * 32}}})
    peer.ping(timeout=20)
    assert_blameless(target, peer.ip)
    after = chain.fork(chain.height)
    after.grow()
    honest = Announcer(target, net, chain)
    honest.number = 60
    honest.dial().send({"BlockAnnouncement": after.tip})
    target.wait_chain(after)


def flood_of_bare_blocks(peer, chain):
    """Next blocks that lack their certificates: large ones, then such that fill what is left."""
    slot = chain.slot(chain.height + 1)
    for number in range(1, 150):
        block = large_block(chain, 150, slot + number) if number < 9 else chain.make(timestamp=slot + number)
        peer.send({"BlockAnnouncement": bare(block)})
    peer.ping(timeout=20)


@pytest.mark.fast
@pytest.mark.parametrize("shown", ["before", "after"])
def test_adversarial_41_flood_of_bare_next_blocks(loaded, net, shown):
    """Where blocks need certificates, those that continue the tip without one fill what may be held: the certificate
    of one that waits is taken all the same; who shows another one is asked about it, and that is taken as a whole."""
    chain = Certified()
    chain.grow(6)
    after = chain.fork(chain.height)
    after.grow()
    limits = {"announced_bytes": 2 * MIB, "block_per_second": 1000}
    target = loaded(net.ip(5), chain, toml.merge(chain.config(), sync_config(limits=limits)))
    announcer = Announcer(target, net, chain)
    flooder, existing, honest = (announcer.dial() for _ in range(3))
    if shown == "before":
        existing.send({"BlockAnnouncement": bare(after.tip)})
        existing.ping()
        flood_of_bare_blocks(flooder, chain)
        honest.send(commit_message(after.tip))
    else:
        flood_of_bare_blocks(flooder, chain)
        existing.answers["GetBlockHeight"] = lambda _: None     # it would take back what it shows
        existing.send({"BlockAnnouncement": bare(after.tip)})
        existing.expect("GetBlockHash", lambda height: height == after.height)
        honest.send({"BlockAnnouncement": after.tip})
    target.wait_chain(after)
    assert_blameless(target, flooder.ip, existing.ip, honest.ip)


@pytest.mark.fast
@pytest.mark.parametrize("above", [1, 2], ids=["of the future", "early"])
def test_adversarial_41_flood_of_what_is_not_taken_yet(loaded, net, chain, above):
    """Each block is another one, and none of them is the sender's fault: what they cost is limited all the same, so that
    the good one behind them is not looked at, but that of another peer is."""
    target = loaded(net.ip(5), chain, sync_config(limits={"block_per_second": 1}))
    base = chain.fork(chain.height, tag="strange")
    base.grow(above - 1)
    first = base.tip["header"]["timestamp"] + 1 if above > 1 else int(time.time()) + 3600
    blocks = [base.make(timestamp=first + number) for number in range(60)]
    after = chain.fork(chain.height)
    after.grow()
    peer, mark = Announcer(target, net, chain).dial(), target.mark()
    peer.send(*({"BlockAnnouncement": block} for block in [*blocks, after.tip]))
    peer.ping(timeout=20)
    honest = Announcer(target, net, chain)
    honest.number = 60
    other = honest.dial()
    other.send({"BlockAnnouncement": after.tip})
    target.wait_log(rf"✅ Added block {after.height} from {re.escape(other.ip)}", mark)
    assert_blameless(target, peer.ip)


@pytest.mark.fast
def test_adversarial_41_flood_does_not_fill_the_log(loaded, net, chain):
    """Each kind of line that a peer causes comes five times in ten seconds, and how often not is said in the end."""
    node = loaded(net.ip(5), chain, sync_config(logging={"level": "info"}, limits={"block_per_second": 100000}))
    peer = Announcer(node, net, chain).dial()
    template = chain.make()
    early = [reseal({**template, "header": {**template["header"], "height": chain.height + 2 + number % 90,
                                            "previous_hash": [number] * 32}}) for number in range(200)]
    # Nothing bad is remembered of a block from the future: it is looked at each time.
    future = chain.make(timestamp=int(time.time()) + 3600)
    mark = node.mark()
    peer.answers = False        # it shows nothing of the chains that it announces
    for block in early:
        peer.send({"BlockAnnouncement": block})
    for _ in range(50):
        peer.send({"BlockAnnouncement": future}, wire.pong(1))
        peer.ping()
    peer.close()
    node.wait_ended(peer.ip, "eof", mark)
    of_peer = [line for line in node.log(mark).splitlines() if re.search(rf"{re.escape(peer.ip)}\b", line)]
    kinds = {"📥 Received block": 200, "🚫 Refused block": 10, "Ignoring a pong": 40}
    for kind, least in kinds.items():
        # Two windows of ten seconds, should the machine be slow.
        assert 5 <= sum(kind in line for line in of_peer) <= 10, f"{kind}: {of_peer}"
        held = node.log_lines(rf'INFO \d+ more lines like "[^"]*{kind}', mark)
        assert held and int(re.search(r"(\d+) more lines", held[0]).group(1)) >= least, f"{kind}: {held}"
    assert len(of_peer) < 60, of_peer
    assert_blameless(node, peer.ip)


def test_adversarial_41_from_the_future_is_taken_in_its_time(loaded, net, serve, chain):
    """Eleven minutes ahead of our clock: refused. The same block once the clock has come near: taken, so nothing bad is
    remembered of it."""
    node = loaded(net.ip(5), chain, sync_config())
    soon = int(time.time()) + 602
    block = chain.make(timestamp=soon)
    after = chain.fork(chain.height)
    after.append(block)
    peer = serve(net.ip(20), chain, listen=False).dial(node)
    peer.send({"BlockAnnouncement": block})
    peer.ping()
    assert node.tip() == chain.tip_hash or time.time() + 600 >= soon

    def taken():
        if node.tip() == after.tip_hash:
            return True
        if peer.is_open() and time.time() + 600 >= soon:
            peer.send({"BlockAnnouncement": block})
        return False
    wait_until(taken, 15, lambda: f"it is taken\n{node.tail()}", interval=0.3)
    assert time.time() + 600 >= soon
    node.assert_chain(after)
