# SPDX-License-Identifier: MIT
"""Forks (PROTOCOL.md §6): who decides, what is rolled back, and what is left when the other branch is bad.
adversarial 42 and 43."""
import random
import threading
import time

import pytest

from harness.chain import Key, coinbase, output, reseal, sign, spend, transaction
from harness.net import paced, rounds, wait_until
from harness.sync import assert_blameless, chain_with_payments, settled_on, sync_config, wait_refused


@pytest.fixture(scope="module")
def trunk():
    """What all branches share."""
    return chain_with_payments(40)


def branch(trunk, tag, blocks=20, transactions=2):
    """A chain that goes on alone from the trunk."""
    made = trunk.fork(trunk.height, tag=tag)
    made.grow(blocks, transactions)
    return made


def lower_first(one, two):
    """The two chains ordered by their hashes at the first height that differs."""
    at = next(height for height in range(min(one.height, two.height) + 1) if one.hashes[height] != two.hashes[height])
    return (one, two) if one.hashes[at] < two.hashes[at] else (two, one)


@pytest.fixture
def joined(loaded, net):
    """joined(chains) starts a daemon on each of the chains, which it has taken alone; all know each other and connect.
    Returns the daemons."""
    def make(chains, first=1):
        ips = [net.ip(first + number) for number in range(len(chains))]
        nodes = [loaded(ip, chain, sync_config(*[other for other in ips if other != ip]), start=False)
                 for ip, chain in zip(ips, chains)]
        for node in nodes:
            node.spawn()
        for node in nodes:
            wait_until(node.ready, 20, lambda: f"{node.ip} is ready\n{node.tail()}")
        return nodes
    return make


# --- daemons --------------------------------------------------------------------------------------------------------

def test_two_parts_of_a_cut_network_the_larger_wins(joined, trunk):
    """Three and two daemons made different blocks; connected, they become one chain, whatever its hash: the two that
    change see it in the answers of more than two thirds."""
    for number, (one, two) in enumerate((("left", "right"), ("right", "left"))):
        many, few = branch(trunk, one), branch(trunk, two)
        nodes = joined([many] * 3 + [few] * 2, first=10 * number + 1)
        assert settled_on(nodes, [many, few]) is many
        for node in nodes:
            node.assert_chain(many)
            assert_blameless(node, *[other.ip for other in nodes])
        assert nodes[3].log_lines(r"(?i)reorg")
        for node in nodes:
            node.stop()


@pytest.mark.parametrize("swap", [pytest.param(False, marks=pytest.mark.fast), True])
def test_two_equal_halves_the_lower_hash_wins(joined, trunk, swap):
    """Two and two: after three rounds without a majority everybody's own answer counts too, and among equals the lower
    hash at the first height that differs wins, on all of them."""
    low, high = lower_first(branch(trunk, "left"), branch(trunk, "right"))
    nodes = joined([high, high, low, low] if swap else [low, low, high, high])
    assert settled_on(nodes, [low, high]) is low
    for node in nodes:
        node.assert_chain(low)
        assert_blameless(node, *[other.ip for other in nodes])


def test_two_equal_halves_of_different_length(joined, trunk):
    """Height decides nothing: one half made more blocks, and still everybody ends on one chain, and stays there."""
    low, high = lower_first(branch(trunk, "left"), branch(trunk, "right"))
    high.grow(7)
    nodes = joined([low, low, high, high])
    won = settled_on(nodes, [low, high])
    for node in nodes:
        node.assert_chain(won)


def test_halves_that_are_cut_and_joined_again(joined, serve, net, trunk):
    """The halves join, then go on together: a block on top reaches everybody."""
    many, few = branch(trunk, "left", 8), branch(trunk, "right", 8)
    nodes = joined([many] * 3 + [few] * 2)
    assert settled_on(nodes, [many, few]) is many
    producer = serve(net.ip(9), many.fork(many.height), listen=False)
    producer.dial(nodes[4])
    producer.chain.grow(1, transactions=2)
    producer.announce(producer.chain.tip)
    for node in nodes:
        node.wait_chain(producer.chain)
        node.assert_chain(producer.chain)


# --- one daemon and scripts -----------------------------------------------------------------------------------------

@pytest.fixture
def among(loaded, serve, net):
    """among(chain, *others) starts a daemon with a chain and a peer for each of the others; returns it and them."""
    def make(chain, *others, **sections):
        peers = [serve(net.ip(20 + number), other) for number, other in enumerate(others)]
        node = loaded(net.ip(5), chain, sync_config(*[peer.ip for peer in peers], **sections))
        for peer in peers:
            node.wait_peer(peer.ip)
        return node, peers
    return make


@pytest.mark.fast
@pytest.mark.parametrize("extra", [0, 15, -15], ids=["equal", "longer", "shorter"])
def test_majority_of_answers_wins_at_any_height(among, trunk, extra):
    """All three peers are on another branch, which is as long as ours, longer, or shorter."""
    mine, theirs = branch(trunk, "mine"), branch(trunk, "theirs", 20 + extra)
    node, peers = among(mine, theirs, theirs, theirs)
    node.wait_chain(theirs)
    node.assert_chain(theirs)
    assert_blameless(node, *[peer.ip for peer in peers])


def test_two_thirds_are_not_enough(among, trunk):
    """Two of three is not more than two thirds, nor is it with our own answer counted: two of four is a tie."""
    low, high = lower_first(branch(trunk, "mine"), branch(trunk, "theirs"))
    node, peers = among(low, high, high, low)
    mark = node.mark()
    asked = len(peers[0].asked("GetBlockHash", "ConsensusQuery"))
    wait_until(lambda: len(peers[0].asked("GetBlockHash", "ConsensusQuery")) > asked + 8, 30, "several rounds")
    node.assert_chain(low)
    assert not node.log_lines(r"(?i)disconnect(ed)? block|rolled back", mark)


def test_rust_nodes_decide_as_others_do(loaded, serve, net, trunk):
    """The peers on the other branch are existing nodes: asked for hashes and blocks at their pace."""
    mine, theirs = branch(trunk, "mine"), branch(trunk, "theirs")
    peers = [serve(net.ip(20 + number), theirs, ours=False) for number in range(3)]
    node = loaded(net.ip(5), mine, sync_config(*[peer.ip for peer in peers]))
    node.wait_chain(theirs, 40)
    node.assert_chain(theirs)
    for peer in peers:
        peer.assert_content()


def test_mute_peers_have_no_say(loaded, serve, net, trunk):
    """Five mute ones beside three that answer: the three decide."""
    mine, theirs = branch(trunk, "mine"), branch(trunk, "theirs")
    peers = [serve(net.ip(20 + number), theirs, listen=False) for number in range(3)]
    mute = [serve(net.ip(30 + number), mine, ours=False, mute=True, listen=False) for number in range(5)]
    node = loaded(net.ip(5), mine, sync_config())
    for peer in mute:
        peer.dial(node)
    for peer in peers:
        peer.dial(node)
    node.wait_chain(theirs, 40)
    node.assert_chain(theirs)
    assert_blameless(node, *[peer.ip for peer in mute])


def test_one_address_has_one_say(among, serve, net, trunk):
    """A single peer on another branch decides nothing, however long its branch is."""
    mine, theirs = branch(trunk, "mine"), branch(trunk, "theirs", 60)
    node, peers = among(mine, theirs, mine, mine)
    wait_until(lambda: len(peers[0].asked()) > 10, 20, "it is asked")
    peers[0].chain.grow(5)
    peers[0].announce(peers[0].chain.tip)
    peers[0].link.ping()
    node.assert_chain(mine)


@pytest.mark.fast
def test_reorganisation_restores_what_was_spent(among, trunk):
    """Both branches spend the same outputs, and outputs of their own: after it the unspent ones are the branch's."""
    mine, theirs = branch(trunk, "mine", 10, 4), branch(trunk, "theirs", 12, 4)
    common = set(trunk.utxos.coins)
    assert (common - set(mine.utxos.coins)) & (common - set(theirs.utxos.coins)), "nothing is spent on both"
    node, _ = among(mine, theirs, theirs)
    node.wait_chain(theirs)
    node.assert_chain(theirs)
    node.stop()
    node.inspect("--verify")


def test_back_and_forth(loaded, serve, net, trunk):
    """The majority changes its mind again and again; each time the unspent outputs are those of the branch."""
    sides = [branch(trunk, "left", 12), branch(trunk, "right", 12)]
    peers = [serve(net.ip(20 + number), sides[1]) for number in range(3)]
    node = loaded(net.ip(5), sides[0], sync_config(*[peer.ip for peer in peers]))
    for turn in range(1, rounds(60, 6) + 1):
        side = sides[turn % 2]
        side.grow(1, transactions=2)
        for peer in peers:
            peer.chain = side
        for peer in peers:
            wait_until(lambda: peer.link, 10, "connected")
            peer.announce(side.tip)
        node.wait_chain(side, 30)
        node.assert_chain(side)
    assert_blameless(node, *[peer.ip for peer in peers])


def test_the_other_branch_goes_away_in_the_middle(loaded, serve, net, trunk):
    """All that have it leave while it is fetched: the old tip stays, and is what RPC shows all the time."""
    mine, theirs = branch(trunk, "mine", 200, 1), branch(trunk, "theirs", 200, 1)
    peers = [serve(net.ip(20 + number), theirs, delay=0.05, most=10) for number in range(3)]
    node = loaded(net.ip(5), mine, sync_config(*[peer.ip for peer in peers]))
    wait_until(lambda: sum(len(peer.served) for peer in peers) > 60, 30, lambda: f"some blocks\n{node.tail()}")
    assert node.tip() == mine.tip_hash
    for peer in peers:
        peer.close()
    wait_until(lambda: not node.peers(), 10, "they are gone")
    node.assert_chain(mine)
    node.restart()
    node.assert_chain(mine)


# --- 42 -------------------------------------------------------------------------------------------------------------

def invalid_branch(trunk, at, length, how):
    """A branch with one invalid block whose header is in order, built upon as if it were valid."""
    bad = branch(trunk, "bad", at)
    block = bad.make()
    outpoint = bad.spendable(1)[0]
    value, script = bad.coin(outpoint)
    if how == "value":
        tx = sign(transaction([spend(outpoint)], [output(value + 1, script)]), [Key.of(script)])
        block["transactions"].append(tx)
    elif how == "signature":
        tx = sign(transaction([spend(outpoint)], [output(value, script)]), [Key.numbered("thief")])
        block["transactions"].append(tx)
    elif how == "double spend":
        spent = next(o for o in trunk.utxos.coins if o not in bad.utxos.coins and Key.of(trunk.utxos.coins[o][1]))
        value, script = trunk.utxos.coins[spent]
        block["transactions"].append(sign(transaction([spend(spent)], [output(value, script)]), [Key.of(script)]))
    else:
        rewards = [[address, amount * 2] for address, amount in block["masternode_rewards"]]
        block["masternode_rewards"] = rewards
        block["transactions"][0] = coinbase(rewards, block["header"]["timestamp"])
    bad.append(reseal(block))
    bad.grow(length - at)
    return bad


@pytest.mark.parametrize("how", [pytest.param("value", marks=pytest.mark.fast), "signature", "double spend", "reward"])
def test_adversarial_42_invalid_block_in_the_middle_of_a_reorganisation(among, trunk, how):
    """All peers serve a branch whose tenth block is invalid: the old tip is back, with the same unspent outputs; they
    are blamed, and the node goes on."""
    mine, bad = branch(trunk, "mine"), invalid_branch(trunk, 10, 30, how)
    node, peers = among(mine, bad, bad, bad)
    wait_until(lambda: any(node.violations(peer.ip) for peer in peers), 30, lambda: f"blame\n{node.tail()}")
    wait_until(lambda: node.tip() == mine.tip_hash, 10, "the old tip is back")
    node.assert_chain(mine)
    assert node.log_lines(r"(?i)reorg")
    mine.grow(1, transactions=2)
    node.restart()
    node.assert_chain(mine.fork(mine.height - 1))
    node.stop()
    node.inspect("--verify")


def test_adversarial_42_a_good_branch_after_a_bad_one(loaded, serve, net, trunk):
    """After the failure another branch, valid and with a majority, is taken."""
    mine, bad, good = branch(trunk, "mine"), invalid_branch(trunk, 10, 30, "value"), branch(trunk, "good", 25)
    liars = [serve(net.ip(20 + number), bad) for number in range(3)]
    node = loaded(net.ip(5), mine, sync_config(*[peer.ip for peer in liars]))
    wait_until(lambda: any(node.violations(peer.ip) for peer in liars), 30, lambda: f"blame\n{node.tail()}")
    for peer in liars:
        peer.close()
    honest = [serve(net.ip(30 + number), good, listen=False) for number in range(3)]
    for peer in honest:
        peer.dial(node)
    node.wait_chain(good, 40)
    node.assert_chain(good)
    assert_blameless(node, *[peer.ip for peer in honest])


@pytest.mark.fast
def test_adversarial_42_one_of_those_that_agree_serves_bad_bodies(loaded, serve, net, trunk):
    """The branch of the majority is good, but one of them puts other rewards under its headers: it is blamed, the
    hash of no block is held against the branch, and the others give the bodies."""
    mine, theirs = branch(trunk, "mine"), branch(trunk, "theirs", 30)
    liar = serve(net.ip(20), theirs)
    liar.substitute = {height: {**block, "masternode_rewards": block["masternode_rewards"][1:]}
                       for height, block in enumerate(theirs.blocks) if height > trunk.height}
    honest = [serve(net.ip(21 + number), theirs, hold=threading.Event()) for number in range(2)]
    node = loaded(net.ip(5), mine, sync_config(liar.ip, *[peer.ip for peer in honest]))
    assert wait_refused(node, liar.ip, timeout=30) == "CHAIN_E_COINBASE_OUTPUTS"
    assert node.tip() == mine.tip_hash
    for peer in honest:
        peer.hold.set()
    node.wait_chain(theirs, 30)
    node.assert_chain(theirs)
    assert len(node.violations(liar.ip)) == 1, "one bad answer, one violation"
    assert_blameless(node, *[peer.ip for peer in honest])


# --- 43 -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("depth, done", [(999, True), (1000, True), (1001, False)])
def test_adversarial_43_deep_reorganisation(among, net, depth, done):
    """999 blocks back is done, with a loud warning as it is beyond 100; more than 1,000 is refused, loudly."""
    shared = chain_with_payments(30)
    mine, theirs = branch(shared, "mine", depth, 1), branch(shared, "theirs", depth + 5, 1)
    node, peers = among(mine, theirs, theirs, theirs)
    if done:
        node.wait_chain(theirs, 60)
        node.assert_chain(theirs)
        node.wait_log(rf"WARN 🔀 Another chain has won: 3 of 3 peers .*; {depth} of our blocks will be undone")
    else:
        node.wait_log(rf"ERROR 🔀 REFUSED: the chain of 3 of 3 peers .* forks off {depth} blocks below our tip",
                      timeout=30)
        asked = len(peers[0].asked("GetBlockHash", "ConsensusQuery"))
        wait_until(lambda: len(peers[0].asked("GetBlockHash", "ConsensusQuery")) > asked, 20, "it goes on asking")
        node.assert_chain(mine)
        assert_blameless(node, *[peer.ip for peer in peers])
    node.assert_alive(net.ip(99))


@pytest.mark.parametrize("depth, done", [(20, True), (21, False)])
def test_reorganisation_depth_by_configuration(among, depth, done):
    shared = chain_with_payments(10)
    mine, theirs = branch(shared, "mine", depth), branch(shared, "theirs", depth)
    node, _ = among(mine, theirs, theirs, limits={"reorg_depth": 20})
    if done:
        node.wait_chain(theirs)
    else:
        node.wait_log(r"ERROR 🔀 REFUSED: the chain of 2 of 2 peers .* forks off 21 blocks below our tip", timeout=20)
    node.assert_chain(theirs if done else mine)


# --- killed ---------------------------------------------------------------------------------------------------------

@pytest.mark.long(240)
def test_reorganising_node_is_killed_again_and_again(loaded, serve, net):
    """SIGKILL at random moments of a reorganisation, and of walking back at start: each start shows one branch or the
    other, whole; in the end it is done."""
    shared = chain_with_payments(30)
    sides = [branch(shared, "left", 150, 2), branch(shared, "right", 150, 2)]
    known = {hash_: chain for chain in sides for hash_ in chain.hashes}
    peers = [serve(net.ip(20 + number), sides[1]) for number in range(3)]
    node = loaded(net.ip(5), sides[0], sync_config(*[peer.ip for peer in peers]))
    generator = random.Random(51)
    for turn in range(rounds(200, 12)):
        side = sides[turn % 2]
        for peer in peers:
            peer.chain = side
        time.sleep(generator.uniform(0, paced(0.6)))
        node.kill9()
        if turn % 3 == 0:
            node.spawn()
            time.sleep(generator.uniform(0, paced(0.15)))
            node.kill9()
        node.start()
        info = node.rpc("gettxoutsetinfo")
        on = known[bytes.fromhex(info["bestblock"])]
        expected = on.fork(info["height"])
        assert info["utxo_state_hash"] == expected.utxos.state_hash().hex(), f"round {turn} at {info['height']}"
    node.wait_chain(peers[0].chain, 40)
    node.assert_chain(peers[0].chain)
    node.stop()
    node.inspect("--verify")


def test_announced_block_of_another_branch_asks_for_a_decision(among, trunk):
    """Its previous hash does not match: peers are asked at once; nothing changes unless they agree."""
    mine = branch(trunk, "mine")
    node, peers = among(mine, mine, mine, mine)
    theirs = branch(trunk, "theirs", 21)
    peers[0].announce(theirs.tip)
    peers[0].link.ping()
    node.assert_chain(mine)
    for peer in peers:
        peer.chain = theirs
    node.wait_chain(theirs)
    node.assert_chain(theirs)
