# SPDX-License-Identifier: MIT
"""A third minus one of the validators lies: the others agree and go on (PROTOCOL.md §9)."""
import contextlib
import json
import pathlib
import time

import pytest

from harness import cable
from harness.chain import Key, block_hash, output, txid
from harness.liar import FEE, NIL, PRECOMMIT, PREVOTE, Liar, Signer, Watch, altered, leader, repaid
from harness.mesh import BRISK
from harness.net import rounds, wait_until
from harness.validators import Validators

I64_MAX, U64_MAX = 2**63 - 1, 2**64 - 1
# Where the time of many heights has come already, blocks are made as fast as they can be.
PAST_S = 3600
# How far ahead a vote on a transaction may be dated.
VOTE_AHEAD_S = 600


def info(node):
    return node.rpc("getconsensusinfo")


def order(net):
    """The validators in the order of their turns to lead height 1."""
    first = leader([node.ip for node in net.validators], 1)
    ips = sorted(node.ip for node in net.validators)
    ips = ips[ips.index(first):] + ips[:ips.index(first)]
    return sorted(net.validators, key=lambda node: ips.index(node.ip))


@pytest.fixture
def hostile(validators, net):
    """hostile(4, ...): a network whose last validator is a program of the test; (network, liar, watch)."""
    made = []

    @contextlib.contextmanager
    def make(count, *, past=PAST_S, liars=1, **options):
        with validators(count, start=False, genesis=int(time.time()) - past, **options) as them:
            them.start(them.validators[:count - liars] + them.observers)
            liar = Liar(them, them.validators[count - 1])
            watch = Watch(net.ip(100), them.running())
            made.extend((liar, watch))
            yield them, liar, watch
            agreed(them)
    yield make
    for wire in made:
        with contextlib.suppress(OSError):
            wire.close()


def agreed(net):
    """All blocks that two nodes have are the same, and no honest node thinks ill of another."""
    nodes = net.running()
    low = min(net.heights(nodes))
    for height in range(max(1, low - 60), low + 1):
        net.assert_same(height, nodes)
    honest = [node.ip for node in nodes]
    for node in nodes:
        for ip in honest:
            assert not node.violations(ip), f"{node.ip} has counted a violation of the honest {ip}"
        assert not node.log_lines("is signed by our key|TWO CERTIFICATES")
        assert not info(node)["observing"]


def follower(net, *turns):
    """A validator that leads none of these turns (height and round), alone with us: the node, a liar in the place of who
    leads the first turn, what signs for all others by their address, and who leads the turns."""
    leaders = [leader([node.ip for node in net.validators], *turn) for turn in turns]
    node = next(node for node in net.validators if node.ip not in leaders)
    net.start([node])
    wire = Liar(net, next(one for one in net.validators if one.ip == leaders[0]), [node])
    signers = {one.ip: Signer(net, one) for one in net.validators if one is not node}
    for signer in signers.values():
        signer.genesis = wire.genesis
    return node, wire, signers, leaders


def votes_for(wire, block):
    """The votes for a block that a connection has brought."""
    return [vote for vote in wire.seen("BlockVote") if bytes(vote["block_hash"]) == block_hash(block)]


def orphan(block, number):
    """One of many blocks that have the right form and a parent that nobody knows."""
    return altered(block, lambda b: b["header"].update(previous_hash=list(number.to_bytes(32, "little"))))


# --- votes ----------------------------------------------------------------------------------------------------------

@pytest.mark.fast
def test_adversarial_46_votes_that_do_not_count(validators, net):
    """Two of five vote honestly, one lies, and everything else is forged: no quorum of four, no round, no ban."""
    with validators(5, start=False, genesis=int(time.time()) - PAST_S) as them:
        one, two, three, four, five = order(them)
        them.start([one, two])
        liar = Liar(them, three)
        watch = Watch(net.ip(100), [one, two])
        absent = [Signer(them, four), Signer(them, five)]
        wait_until(lambda: any(key[0] == two.ip and NIL.hex() not in hashes for key, hashes in watch.votes().items()),
                   10, "the two vote for a block")
        block = bytes(watch.seen("BlockProposal")[0]["block"]["header"]["previous_hash"])
        assert block == liar.genesis
        target = block_hash(watch.seen("BlockProposal")[0]["block"])
        forged = []
        for phase in (PREVOTE, PRECOMMIT):
            for real in absent:
                # signed by somebody else, by nobody, cut short, for another phase, round, network
                real.genesis, key, real.key = liar.genesis, real.key, liar.key
                forged += [real.vote(1, 0, phase, target), real.vote(1, 0, phase)]
                real.key = key
                forged += [real.vote(1, 0, phase, target, signature=[0] * 64),
                           real.vote(1, 0, phase, target, signature=[]),
                           real.vote(1, 0, phase, target, signature=[1] * 65),
                           real.vote(1, 0, 3 - phase, target, phase=("prevote", "precommit")[phase - 1]),
                           real.vote(1, 1, phase, target, round=0),
                           real.vote(2, 0, phase, target, height=1),
                           real.vote(1, 0, phase, target, approve=False),
                           real.vote(1, 0, phase, NIL, approve=True),
                           real.vote(1, 0, phase, target, round=None),
                           real.vote(1, 0, phase, target, phase=None),
                           real.vote(1, 0, phase, target, round=None, phase=None),
                           real.vote(1, 0, phase, target, voter=liar.name),
                           real.vote(1, 0, phase, target, voter=real.name + ":24200"),
                           real.vote(1, 0, phase, target, voter="")]
                real.genesis = bytes(32)
                forged.append(real.vote(1, 0, phase, target))
            stranger = Signer.__new__(Signer)
            stranger.net, stranger.genesis = them, liar.genesis
            stranger.name, stranger.key = net.ip(100), Key.numbered("stranger")
            forged.append(stranger.vote(1, 0, phase, target))
            # The liar's own: both at once, many times over, and for all heights and rounds.
            for wrong in (target, NIL, bytes([7] * 32)):
                forged += [liar.vote(1, 0, phase, wrong)] * 3
            for height in (0, 2, 3, 1000, 2**62, I64_MAX, U64_MAX - 1, U64_MAX):
                forged.append(liar.vote(height, 0, phase, target))
            for round_ in (1, 2, 1000, 2**31 - 1, 2**31, 2**62, I64_MAX, U64_MAX):
                forged.append(liar.vote(1, round_, phase, target))
        forged.append({"BlockCommit": {"block_hash": list(target), "height": 1, "signatures": []}})
        forged.append(liar.commit(1, 0, target, [liar] * 4))
        for wire in (liar, watch):
            wire.send(*forged)
        # And of the old form, in all they contain.
        watch.settle()
        liar.settle()
        wait_until(lambda: all(info(node)["equivocations"] >= 2 for node in (one, two)), 5,
                   lambda: f"double votes are told: {info(one)}")
        time.sleep(1)
        for node in (one, two):
            state = info(node)
            assert (state["height"], state["round"]) == (1, 0), state
            assert node.height() == 0
            assert not node.violations(two.ip if node is one else one.ip)
            assert node.peer(liar.name), "a liar's votes are no violation of the protocol by itself"
            pair = state["evidence"][0]
            first, second = pair["first"]["BlockVote"], pair["second"]["BlockVote"]
            assert first["voter"] == second["voter"] == liar.name
            assert first["block_hash"] != second["block_hash"]
            assert (first["height"], first["round"], first["phase"]) == \
                   (second["height"], second["round"], second["phase"])
        # One equivocator does not keep four honest ones from agreeing.
        liar.close()
        watch.close()
        them.start([four, five])
        them.wait_more(3, timeout=20)
        agreed(them)


def test_a_validator_that_equivocates_and_replays(hostile):
    """It votes for everything that it sees and for nil, proposes twice, and repeats what others said long ago."""
    with hostile(4) as (them, liar, watch):
        end = time.monotonic() + rounds(60, 4)
        replayed = 0
        while time.monotonic() < end:
            now = liar.committed()
            if now is None:
                continue
            height = now[0] + 1
            if liar.leads(height):
                block = liar.block(height, now[1])
                liar.send(liar.proposal(block), liar.proposal(orphan(block, 1)))
            for made in liar.seen("BlockProposal")[-3:]:
                target = block_hash(made["block"])
                messages = liar.votes(made["block"]["header"]["height"], made["round"], target)
                messages += liar.votes(made["block"]["header"]["height"], made["round"])
                liar.send(*messages)
            peer = liar.to()[0]
            old = [line for (_, name, _), line in zip(list(peer.received), list(peer.lines))
                   if name in ("BlockVote", "BlockProposal", "BlockCommit")][replayed:replayed + 50]
            replayed += len(old)
            for line in old:
                liar.send(line)
        them.wait_more(3)
        assert all(info(node)["equivocations"] > 0 for node in them.running())
        for (voter, *_), hashes in watch.votes().items():
            assert len(hashes) == 1 or voter == liar.name


def test_who_passes_votes_on_claims_nothing(validators, net):
    """A vote for the next height is kept and passed on by who has not the block before it: he is not asked for that
    block, and not blamed.  Who signs such a vote is asked."""
    with validators(5, start=False, genesis=int(time.time()) - PAST_S) as them:
        one, two, three, _, _ = order(them)
        them.start([one, two])
        liar = Liar(them, three)
        watch = Watch(net.ip(100), [one, two])
        stranger, signer = watch.peers[two.ip], liar.peers[two.ip]

        def asked(peer):
            return [height for height in peer.payloads("GetBlockHash") if height > 0]
        wait_until(lambda: info(two)["height"] == 1, 10, "the first height")
        watch.send(*liar.votes(2, 0, bytes([7] * 32)), to=[two])
        watch.settle()
        time.sleep(0.5)
        assert not asked(stranger)
        liar.send(liar.vote(2, 0, PREVOTE, bytes([8] * 32)), to=[two])
        wait_until(lambda: asked(signer), 5, "a question about the block below")
        assert not asked(stranger)
        assert not two.violations(one.ip)
        liar.close()
        watch.close()


def test_evidence_about_the_next_height(validators, net):
    """Who contradicts itself about the next height is named by the list of that height, which may be longer."""
    with validators(5, start=False, genesis=int(time.time()) - PAST_S) as them:
        liar_node = max(them.validators, key=lambda node: node.ip)     # the last of the longer list
        others = [node for node in them.validators if node is not liar_node]
        them.set_list([{"from_height": 1, "validators": [them.entry(node) for node in others]},
                       {"from_height": 2, "validators": them.entries}])
        them.start(others[:2])
        liar = Liar(them, liar_node)
        liar.send(liar.vote(2, 1, PREVOTE, bytes([7] * 32)), liar.vote(2, 1, PREVOTE, bytes([8] * 32)))
        for node in others[:2]:
            node.wait_log(rf"Validator {liar.name} has signed two votes for height 2, round 1$")
        liar.close()


# --- proposals ------------------------------------------------------------------------------------------------------

def contradicting_proposals(node):
    """The pairs of them that a node has kept."""
    return [(pair["first"]["BlockProposal"], pair["second"]["BlockProposal"]) for pair in info(node)["evidence"]
            if "BlockProposal" in pair["first"]]


def test_adversarial_47_two_proposals_for_one_round(hostile):
    """The leader shows different valid blocks to different nodes, and votes for each where it showed it: one commits
    at most, and both messages are kept, however large the blocks, and are there after a start."""
    with hostile(4) as (them, liar, watch):
        them.wait_height(2)
        nodes = them.running()
        turn = 0
        # Who was slow saw the second one when all was decided: the next turn is for him.
        while turn < rounds(20, 2) or (turn < 20 and not all(map(contradicting_proposals, nodes))):
            height, previous = liar.wait_turn()
            # Of two that are valid one holds a payment, which the liar alone has put into a block before it was final.
            one = liar.block(height, previous)
            tx = liar.payment(turn + 1, to=f"two {turn}", fee=3_000_000, ballast=4)
            liar.send({"TransactionBroadcast": tx})
            two = liar.block(height, previous, [tx], 3_000_000)
            shown = [(node, (one, two, one)[(turn + n) % 3]) for n, node in enumerate(nodes)]
            for node, block in shown:
                liar.send(liar.proposal(block), to=[node])
            for node, block in reversed(shown):
                liar.send(liar.proposal(two if block is one else one), to=[node])
            for node, block in shown:
                liar.send(*liar.votes(height, 0, block_hash(block)), to=[node])
            them.wait_height(height + 2, timeout=20)
            them.assert_same(height)
            turn += 1
        for node in nodes:
            pairs = contradicting_proposals(node)
            assert pairs and info(node)["equivocations"] >= len(pairs), info(node)
            for first, second in pairs:
                assert first["proposer"] == second["proposer"] == liar.name
                assert block_hash(first["block"]) != block_hash(second["block"])
                assert first["block"]["header"]["height"] == second["block"]["header"]["height"]
                assert first["round"] == second["round"]
                # Header and signature are the proof.
                for said in (first, second):
                    again = liar.proposal(said["block"], said["round"], said["valid_round"])
                    assert said["signature"] == again["BlockProposal"]["signature"]
        node = nodes[0]
        before = info(node)["evidence"]
        lines = pathlib.Path(node.datadir, "evidence.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in lines][-len(before):] == before
        node.restart()
        assert info(node)["evidence"] == before


def test_adversarial_48_by_one_who_does_not_lead(validators, net):
    """A valid block proposed by a validator whose turn it is not: nobody votes for it, nobody passes it on."""
    with validators(5, start=False, genesis=int(time.time()) - PAST_S) as them:
        _, one, two, three, _ = order(them)
        them.start([one, two])
        liar = Liar(them, three)
        watch = Watch(net.ip(100), [one, two])
        block = liar.block(1, liar.genesis)
        liar.send(liar.proposal(block), to=[one])
        wait_until(lambda: {key[0] for key in watch.votes()} >= {one.ip, two.ip}, 10, "the honest vote")
        assert not watch.voters_for(block)
        assert not watch.seen("BlockProposal")
        liar.close()
        watch.close()


def bad_blocks(liar, height, previous):
    """(name, block): what a leader must not propose."""
    good = liar.block(height, previous)
    when = good["header"]["timestamp"]
    yield "wrong parent", altered(good, lambda b: b["header"].update(previous_hash=[9] * 32))
    yield "parent's parent", altered(good, lambda b: b["header"].update(previous_hash=list(liar.genesis)))
    for name, time_ in (("a second late", when + 1), ("a second early", when - 1), ("the end of time", I64_MAX),
                        ("the begin of time", -I64_MAX - 1)):
        yield name, repaid(altered(good, lambda b, t=time_: b["header"].update(timestamp=t)), lambda r: None)
    yield "a satoshi less", repaid(good, lambda r: r[2].__setitem__(1, r[2][1] - 1))
    yield "another order", repaid(good, lambda r: r.reverse())
    yield "another address", repaid(good, lambda r: r[0].__setitem__(0, Key.numbered("thief").address))
    yield "a larger reward", altered(good, lambda b: b["header"].update(block_reward=2 * b["header"]["block_reward"]))
    yield "version 2", altered(good, lambda b: b["header"].update(version=2))
    yield "not final", liar.block(height, previous, [liar.payment(1, to="not final")], 2_000_000)
    big = liar.payment(2)
    big["outputs"] += [output(0, bytes(10_000)) for _ in range(205)]
    yield "oversized", liar.block(height, previous, [big], 2_000_000)


def test_adversarial_48_invalid_proposals(hostile):
    """Whatever a leader proposes that breaks a rule: not voted for, and the next leader's block commits."""
    with hostile(4) as (them, liar, watch):
        them.wait_height(3)
        cases = len(list(bad_blocks(liar, 9, NIL)))
        after = 0
        for case in range(cases):
            height, previous = liar.wait_turn(after)
            name, block = list(bad_blocks(liar, height, previous))[case]
            liar.send(liar.proposal(block))
            liar.send(*liar.votes(height, 0, block_hash(block)))
            them.wait_height(height, timeout=20)
            assert them.assert_same(height) != block_hash(block).hex(), name
            assert watch.voters_for(block) <= {liar.name}, name
            assert all(peer.is_open() for peer in liar.to()) or name == "oversized", name
            after = height


def tampered(block):
    """(name, block): the header is right, the body is not."""
    def change(**parts):
        return {**block, **parts}
    rewards, transactions = block["masternode_rewards"], block["transactions"]
    yield "rewards reversed", change(masternode_rewards=rewards[::-1])
    yield "no rewards", change(masternode_rewards=[])
    yield "a satoshi more", change(masternode_rewards=[[a, n + (i == 0)] for i, (a, n) in enumerate(rewards)])
    yield "no transactions", change(transactions=[])
    yield "twice the same", change(transactions=transactions * 2)


def test_a_tampered_body_does_not_keep_the_block_out(hostile, net):
    """A leader's signed header comes with wrong bodies first: the right one is taken in the same round."""
    with hostile(4) as (them, liar, watch):
        them.wait_height(2)
        nodes = them.running()
        for number in range(rounds(10, 2)):
            strangers = Watch(net.ip(101 + number), nodes)   # wrong bodies are violations of who sends them
            height, previous = liar.wait_turn(after=2)
            block = liar.block(height, previous)
            good = liar.proposal(block)
            bad = [{"BlockProposal": {**good["BlockProposal"], "block": body}} for _, body in tampered(block)]
            strangers.send(*bad[number % 3:number % 3 + 2])
            strangers.settle()
            liar.send(good, to=nodes[:1])
            them.wait_height(height, timeout=20)
            assert them.assert_same(height) == block_hash(block).hex()
            strangers.close()
        for node in nodes:
            assert node.violations(net.ip(101))


def test_blocks_that_nobody_waits_for_are_not_judged(validators, net):
    """A validator proposes many blocks that break a rule: none is judged in a round that it does not lead, and one in a
    round that it does."""
    with validators(5, start=False, genesis=int(time.time()) - PAST_S) as them:
        first, one, two, *_ = order(them)
        them.start([one, two])
        liar = Liar(them, first)
        good = liar.block(1, liar.genesis)
        when = good["header"]["timestamp"]
        bad = [repaid(altered(good, lambda b, n=n: b["header"].update(timestamp=when + n)), lambda rewards: None)
               for n in range(1, 11)]
        liar.send(*[liar.proposal(block, 1) for block in bad[:5]])
        liar.send(*[liar.proposal(block, 0) for block in bad[5:]])
        for node in (one, two):
            node.wait_log("block proposed for height 1 breaks a rule")
        liar.settle()
        time.sleep(0.3)
        for node in (one, two):
            assert len(node.log_lines("block proposed for height 1 breaks a rule")) == 1
            assert info(node)["equivocations"] == 1
        liar.close()


def test_a_validator_that_lags_is_sent_the_block_once(hostile):
    """Its votes for a decided height come many at once, and others pass them on: one block, for it alone."""
    with hostile(4, config={"consensus": {"repeat_ms": 30000}}) as (them, liar, watch):
        # A vote that a node said before it had all connections comes with the repetition.
        them.wait_height(3, timeout=60)
        node = them.running()[0]

        def sent(wire):
            return [block for block in wire.peers[node.ip].payloads("BlockAnnouncement")
                    if block["header"]["height"] == 1]
        before = len(sent(liar)), len(sent(watch))
        votes = [vote for round_ in range(4) for vote in liar.votes(1, round_, bytes([round_ + 1] * 32))]
        watch.send(*votes, to=[node])
        watch.settle(node)
        liar.send(*votes, to=[node])
        liar.settle(node)
        wait_until(lambda: len(sent(liar)) > before[0], 5, "the block")
        assert len(sent(liar)) == before[0] + 1
        assert len(sent(watch)) == before[1]


def test_a_second_certificate_at_once_stops_the_node(validators, net):
    """Two certificates for one height in one breath: the second comes while the block of the first is on its way to the
    chain, and stops the node all the same."""
    slow = {"consensus": {"step_timeout_ms": 60000}}
    with validators(4, start=False, genesis=int(time.time()) - PAST_S, config=slow) as them:
        node, wire, signers, leaders = follower(them, (1, 0), (2, 0), (2, 1))

        def commit(height, round_, block):
            return wire.commit(height, round_, block_hash(block), list(signers.values()))
        first = wire.block(1, wire.genesis)
        wire.send(wire.proposal(first))
        wait_until(lambda: votes_for(wire, first), 10, "a vote for block 1")
        wire.send(commit(1, 0, first))
        them.wait_height(1)
        tx = wire.payment(1)
        one, two = wire.block(2, block_hash(first)), wire.block(2, block_hash(first), [tx], FEE)
        wire.send(signers[leaders[2]].proposal(two, 1), signers[leaders[1]].proposal(one))
        wait_until(lambda: votes_for(wire, one), 10, "a vote for block 2")
        # Shown once more, in case that the other block was not judged yet.
        wire.send(commit(2, 0, one), commit(2, 1, two))
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            wire.send(commit(2, 1, two))
        wait_until(lambda: not node.running(), 10, lambda: f"the daemon ends\n{node.tail()}")
        assert node.process.returncode == 3
        assert "TWO CERTIFICATES AT HEIGHT 2" in node.log()
        wire.close()


def test_a_block_of_ours_that_others_certify(validators, net):
    """The others may have its certificate first: it is counted and told as ours all the same, and once."""
    slow = {"consensus": {"step_timeout_ms": 60000}}
    with validators(4, start=False, genesis=int(time.time()) - PAST_S, config=slow) as them:
        leads = leader([node.ip for node in them.validators], 1)
        node = next(node for node in them.validators if node.ip == leads)
        them.start([node])
        wire = Liar(them, next(one for one in them.validators if one is not node), [node])
        signers = [Signer(them, one) for one in them.validators if one is not node]
        for signer in signers:
            signer.genesis = wire.genesis
        made = wait_until(lambda: wire.seen("BlockProposal"), 10, "its block")[0]["block"]
        # In one breath with the votes of which it is made.
        wire.send(wire.commit(1, 0, block_hash(made), signers),
                  *(signer.vote(1, 0, PRECOMMIT, block_hash(made)) for signer in signers))
        them.wait_height(1)
        wait_until(lambda: info(node)["height"] == 2, 5, "the next height has begun")
        assert info(node)["proposed"] == 1
        assert len(node.log_lines("✅ Block 1 produced")) == 1
        wire.close()


def test_a_certificate_that_nobody_takes_yet(validators, net):
    """It does not keep later copies out, and costs its sender: who repeats that of the next height is limited."""
    config = {"consensus": {"step_timeout_ms": 60000}, "limits": {"block_per_second": 1}}
    with validators(4, start=False, genesis=int(time.time()) - PAST_S, config=config) as them:
        node, wire, signers, leaders = follower(them, (1, 0), (2, 0))
        first = wire.block(1, wire.genesis)
        second = wire.block(2, block_hash(first))
        certificates = [wire.commit(height, 0, block_hash(block), list(signers.values()))
                        for height, block in enumerate((first, second), 1)]
        early, flooder, late = (Watch(net.ip(number), [node]) for number in (100, 101, 102))

        def is_sent(to, height):
            return height in [commit["height"] for commit in to.seen("BlockCommit")]
        early.send(certificates[0])     # before its block
        early.settle()
        wire.send(wire.proposal(first), signers[leaders[1]].proposal(second))
        wait_until(lambda: votes_for(wire, first), 10, "a vote for block 1")
        wire.settle()
        for _ in range(20):
            flooder.send(certificates[1])
            flooder.settle()
        flooder.send(certificates[1], certificates[0])
        flooder.settle()
        late.send(certificates[0])
        them.wait_height(1)
        # Everybody is sent it but who brought it.
        for others in (early, flooder):
            wait_until(lambda: is_sent(others, 1), 5, f"{others.ip} has the certificate")  # noqa: B023
        late.settle()
        assert not is_sent(late, 1)
        # What was shown in vain is taken in its time.
        wait_until(lambda: votes_for(wire, second), 10, "a vote for block 2")
        late.send(certificates[1])
        them.wait_height(2)
        for peer in (wire, early, flooder, late):
            assert not node.violations(peer.ip)
            peer.close()


# --- silence --------------------------------------------------------------------------------------------------------

def test_adversarial_50_a_silent_quarter(hostile):
    """One of four says nothing at all, also when it leads: blocks go on."""
    with hostile(4) as (them, liar, _):
        height, _ = liar.wait_turn()
        them.wait_height(height + 5, timeout=20)


def test_adversarial_50_a_lying_third(hostile):
    """One of three withholds its precommits, proposes twice and votes for everything: nothing is final, nothing
    conflicts, and honesty brings the blocks back."""
    with hostile(3) as (them, liar, watch):
        end = time.monotonic() + rounds(30, 3)
        done = set()
        while time.monotonic() < end:
            for made in liar.seen("BlockProposal"):
                key = (made["round"], block_hash(made["block"]))
                if key not in done:
                    done.add(key)
                    height = made["block"]["header"]["height"]
                    nodes = them.running()
                    liar.send(liar.vote(height, key[0], PREVOTE, key[1]), to=nodes[:1])
                    liar.send(liar.vote(height, key[0], PREVOTE), to=nodes[1:])
                    liar.send(liar.vote(height, key[0], PRECOMMIT))
        assert them.heights() == [0, 0]
        end = time.monotonic() + 30
        while min(them.heights()) < 3:
            assert time.monotonic() < end, "no blocks with three of three"
            for made in liar.seen("BlockProposal")[-2:]:
                liar.send(*liar.votes(made["block"]["header"]["height"], made["round"], block_hash(made["block"])))
            now = liar.committed()
            height, previous = now if now else (0, liar.genesis)
            for round_ in range(0, 30):
                if liar.leads(height + 1, round_):
                    liar.send(liar.proposal(liar.block(height + 1, previous), round_))


@pytest.mark.long(900)
def test_floods_of_valid_messages(hostile, net):
    """Signed votes of far rounds, proposals of far rounds, and requests for votes by a stranger: memory is bounded, and
    blocks go on."""
    # One program that signs all of it and reads what is passed on: on a busy machine its pongs take their time.
    with hostile(4, timers={**BRISK, "pong_timeout_ms": 30000}) as (them, liar, watch):
        them.wait_height(2)
        nodes = them.running()
        before = [node.rss() for node in nodes]
        height, previous = liar.wait_turn()
        for round_ in range(4, rounds(20000, 600), 3):
            now = liar.committed()
            liar.send(*liar.votes(now[0] + 1, round_, bytes([round_ % 256] * 32)))
            block = liar.block(now[0] + 1, now[1])
            if round_ % 10 == 0:
                liar.send(*[liar.proposal(orphan(block, round_ * 4 + n), round_ + n) for n in range(4)])
        for number in range(rounds(200, 10)):
            ids = [bytes([number, n % 256] * 16) for n in range(200)]
            watch.send(*[{"TransactionVoteRequest": list(identity)} for identity in ids])
            watch.send(*[liar.transaction_vote(identity) for identity in ids])
            watch.settle()
        liar.settle()
        watch.settle()
        them.wait_more(4, timeout=20)
        for node, rss in zip(nodes, before):
            assert node.rss() - rss < 64 << 20


def test_vote_refused_for_now_counts_later(hostile):
    """A vote that is dated too far ahead does not count; the same bytes do once its time has come."""
    with hostile(4) as (them, liar, _):
        them.wait_height(2)
        nodes = them.running()[:2]
        them.kill(them.running()[2:])
        payment = liar.payment(1, fee=10_000_000)
        identity = txid(payment)
        vote = liar.transaction_vote(identity, timestamp=int(time.time()) + VOTE_AHEAD_S + 4)
        counts_at = vote["TransactionVote"]["timestamp"] - VOTE_AHEAD_S
        liar.send({"TransactionBroadcast": payment}, vote, to=nodes)
        for node in nodes:
            wait_until(lambda: identity.hex() in node.rpc("getrawmempool"), 5)  # noqa: B023
        while time.time() < counts_at:
            early = any(finality(node, identity)["finalized"] for node in nodes)
            assert not early or time.time() >= counts_at
            time.sleep(0.1)
        liar.send(vote, to=nodes)
        for node in nodes:
            wait_until(lambda: finality(node, identity)["finalized"], 5)  # noqa: B023


def test_vote_counts_for_the_configured_time(hostile):
    """timers.tx_vote_ms is the one window for votes: an older one does not count, one within it does (three days are
    only the value that it has by itself)."""
    hour = 3600
    with hostile(4, config={"timers": {"tx_vote_ms": 100 * hour * 1000}}) as (them, liar, _):
        them.wait_height(2)
        nodes = them.running()[:2]
        them.kill(them.running()[2:])
        now = int(time.time())
        late, counts = (liar.payment(height, fee=10_000_000) for height in (1, 2))
        liar.send({"TransactionBroadcast": late}, liar.transaction_vote(txid(late), timestamp=now - 101 * hour),
                  {"TransactionBroadcast": counts}, liar.transaction_vote(txid(counts), timestamp=now - 80 * hour), to=nodes)
        for node in nodes:
            wait_until(lambda: finality(node, txid(counts))["finalized"], 5)  # noqa: B023
            assert not finality(node, txid(late))["finalized"]


# --- healing --------------------------------------------------------------------------------------------------------

def test_adversarial_52_frozen_and_restarted(validators):
    """A validator stopped for ten seconds, another restarted meanwhile: equal heights within 20 s."""
    with validators(4) as them:
        them.wait_height(2)
        one, two = them.nodes[2:]
        one.pause()
        time.sleep(rounds(10, 4))
        assert min(them.heights(them.nodes[:2])) > 2
        one.resume()
        them.wait_more(2, timeout=20)
        two.restart()
        them.wait_more(2, timeout=20)
        for node in them.nodes:
            assert info(node)["equivocations"] == 0
        agreed(them)


@pytest.mark.root
def test_adversarial_52_cable_cut(daemons):
    """One of four is cut off below TCP for ten seconds: the others go on, and it has their blocks within 20 s."""
    why = cable.missing()
    if why:
        pytest.skip(why)
    lab = cable.Lab(4)
    try:
        spaces = {space.ip: space for space in lab.spaces}

        def inside(ip, settings, start):
            return daemons(ip, settings, start, namespace=spaces[ip], prefix=spaces[ip].prefix)
        with Validators(inside, sorted(spaces), 4) as them:
            them.wait_height(2)
            lab.cut = {them.nodes[1].ip}
            time.sleep(rounds(10, 4))
            others = [node for node in them.nodes if node is not them.nodes[1]]
            them.wait_more(1, others)
            lab.cut = set()
            them.wait_more(2, timeout=20)
            agreed(them)
    finally:
        lab.close()


# --- double spends --------------------------------------------------------------------------------------------------

def finality(node, identity):
    try:
        return node.rpc("gettransactionfinality", identity.hex())
    except Exception:  # noqa: BLE001  (unknown to this node: it holds the other one)
        return {"finalized": False}


def test_double_spends_raced_to_different_nodes(hostile):
    """Two spenders of one output, shown to different nodes at once: at most one is final anywhere; a split leaves both
    undecided and the money of others moves."""
    with hostile(4) as (them, liar, _):
        them.wait_height(rounds(20, 3) + 2)
        nodes = them.running()
        for turn in range(rounds(20, 3)):
            pair = [liar.payment(turn + 1, to=f"{name} {turn}") for name in ("left", "right")]
            left, right = map(txid, pair)
            for n, node in enumerate(nodes):
                first = pair[(turn + n) % 2]
                liar.send({"TransactionBroadcast": first}, to=[node])
            # It approves both, everywhere; in the first turn it is silent, and neither can reach three of four.
            if turn > 0:
                liar.send(*[liar.transaction_vote(identity) for identity in (left, right)])
            liar.settle()
            time.sleep(0.3 if turn > 0 else 1)
            final = {identity for identity in (left, right) for node in nodes if finality(node, identity)["finalized"]}
            assert len(final) <= (turn > 0), f"final: {[identity.hex() for identity in final]}"
        paid = nodes[0].rpc("sendtoaddress", nodes[1].rpc("getnewaddress"), "1")
        wait_until(lambda: all(node.rpc("gettransactionfinality", paid)["finalized"] for node in nodes), 5,
                   "an honest payment is final")
        them.wait_more(3)
