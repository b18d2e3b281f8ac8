// SPDX-License-Identifier: MIT
/* node/sync, extension: fetching what is missing on top of our tip, from peers of all manners (adversarial 37-41).
 */
#include "run_suite.h"
#include "sync_sim.h"

#include <stdlib.h>

#include <check.h>

static struct sim sim;
static struct sim_chain chain;

static bool is_done(struct sim *s)
{
	return sim_is_on(s, &chain, chain.height);
}

static void begin(uint64_t seed, uint64_t height)
{
	sim_chain_init(&chain, 7, height);
	sim_init(&sim, seed, &chain, 0);
	sim.only = &chain;
	sim_start(&sim);
}

static void end(void)
{
	sim_end(&sim);
	sim_chain_free(&chain);
}

static uint64_t pick(uint64_t below)
{
	return sim_random(&sim, below);
}

/* ---- One kind of trouble each ---- */

START_TEST(honest_peers_deliver_everything)
{
	begin(1, 5000);
	for (int i = 0; i < 4; i++)
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_done));
	ck_assert_uint_eq(sim.connected, 5000);
	ck_assert_uint_eq(sim.duplicate_blocks, 0);
	ck_assert_uint_lt(sim.pokes, sim.block_asks); /* nobody is woken for nothing */
	for (size_t i = 0; i < sim.peer_count; i++)
		ck_assert_uint_gt(sim.peers[i].blocks_asked, 0);
	end();
}
END_TEST

/* Nobody else to ask: believed after the settling time, or at once for a few blocks. */
START_TEST(lone_peer_is_believed_after_a_while)
{
	begin(1, 500);
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(!sim_run(&sim, sim.params.settle_ms - 1, is_done));
	ck_assert_uint_eq(sim.block_asks, 0);
	ck_assert(sim_run(&sim, 10 * SIM_SECOND, is_done));
	end();

	begin(2, 10);
	sim_add(&sim, SIM_RUST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 2 * SIM_SECOND, is_done));
	end();
}
END_TEST

/* Asked for heights and agreement as often as it may be asked at all, it still gets a word in about blocks. */
START_TEST(polls_do_not_starve_the_sync_of_a_paced_peer)
{
	begin(32, 1500);
	sync_free(sim.sync);
	sim.params.poll_ms = 100;
	sim_start(&sim);
	sim_add(&sim, SIM_RUST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 15 * SIM_SECOND, is_done));
	end();
}
END_TEST

/* adversarial 37: the others deliver the block; who withholds it keeps delivering the rest. */
START_TEST(withheld_block_comes_from_another_peer)
{
	begin(3, 2000);
	for (int i = 0; i < 3; i++)
		sim_add(&sim, i ? SIM_WITHHOLD : SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, SIM_MINUTE, is_done));
	/* They were not asked for it over and over. */
	for (int i = 1; i < 3; i++)
		ck_assert_uint_eq(sim_blames(&sim, &sim.peers[i]), 0);
	end();
}
END_TEST

/* All withhold it: set aside, blamed, and asked again as long as it takes. */
START_TEST(block_withheld_by_all_is_asked_for_again)
{
	begin(4, 300);
	sim_add(&sim, SIM_WITHHOLD, &chain, chain.height, 0);
	sim_add(&sim, SIM_WITHHOLD, &chain, chain.height, 0);
	ck_assert(!sim_run(&sim, 10 * SIM_MINUTE, is_done));
	ck_assert_uint_lt(sim.block_asks, 200);
	ck_assert_uint_ge(sim.peers[0].blamed[SYNC_VERDICT_WITHHOLDS], 3);
	sim.peers[0].withheld = sim.peers[1].withheld = 0;
	ck_assert(sim_run(&sim, 2 * SIM_MINUTE, is_done));
	end();
}
END_TEST

/* adversarial 38: no stall, no allocation, a verdict; and again whenever it claims so again. */
START_TEST(claim_of_the_greatest_number_is_harmless)
{
	begin(5, 1500);
	sim_add(&sim, SIM_MAX, &chain, chain.height, 0);
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_done));
	ck_assert(!sim_run(&sim, SIM_MINUTE, NULL));
	ck_assert_uint_ge(sim.peers[0].blamed[SYNC_VERDICT_FALSE_CLAIM], 1);
	ck_assert_uint_le(sim.peers[0].hash_asks, 30);
	ck_assert_uint_eq(sim.peers[0].blamed[SYNC_VERDICT_LIED], 0);
	end();
}
END_TEST

START_TEST(claim_that_shrinks_is_noted)
{
	begin(6, 1500);
	sim_add(&sim, SIM_SHRINK, &chain, chain.height, 0);
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_done));
	ck_assert(!sim_run(&sim, 3 * SIM_MINUTE, NULL));
	ck_assert_uint_ge(sim_blames(&sim, &sim.peers[0]), 1);
	end();
}
END_TEST

/* adversarial 39 */
START_TEST(late_answers_are_ignored)
{
	struct sync_block block = {.height = 5};
	struct sync_blocks answer = {.blocks = &block, .count = 1, .json_bytes = 100, .held_bytes = 100};
	struct sync_action action;
	struct sync_held held;
	struct sim_peer *p;

	begin(7, 400);
	p = sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_done));
	(void)sim_run(&sim, SIM_SECOND, NULL);
	ck_assert(!sync_blocks(sim.sync, &held, p->id, &answer, sim.now_ms));
	ck_assert(!sync_blocks(sim.sync, &held, 999, &answer, sim.now_ms));
	sync_hash(sim.sync, p->id, 17, &block.hash, NULL, sim.now_ms);
	sync_range_checked(sim.sync, 12345, SYNC_CHECK_BODY, 5, sim.now_ms);
	sync_unanswered(sim.sync, p->id, SYNC_ASK_BLOCKS, sim.now_ms);
	while (sync_take_action(sim.sync, &action))
		ck_assert_int_ne(action.kind, SYNC_ACTION_BLAME);
	end();
}
END_TEST

/* adversarial 40: who alters a block is found, whatever it alters, and nothing of it reaches the chain. */
START_TEST(liars_are_found)
{
	static const enum sim_manner manners[] = {SIM_ALTER, SIM_REWRITE, SIM_BODY};

	for (uint64_t i = 0; i < 3; i++) {
		begin(8 + i, 3000);
		sim_add(&sim, manners[i], &chain, chain.height, 0);
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
		ck_assert(sim_run(&sim, SIM_MINUTE, is_done));
		/* Who checks bodies blames for them. */
		ck_assert_uint_eq(sim.peers[0].blamed[SYNC_VERDICT_LIED], manners[i] != SIM_BODY);
		ck_assert_uint_gt(sim.peers[0].lies_told, 0);
		end();
	}
}
END_TEST

/* All peers are known. */
static void settle(void)
{
	(void)sim_run(&sim, 20 * SIM_SECOND, NULL);
	ck_assert(is_done(&sim));
}

/* Their chain has grown a lot at once. */
static void grow_at_once(uint64_t blocks)
{
	sim_chain_grow(&chain, blocks);
	for (size_t i = 0; i < sim.peer_count; i++) {
		sim.peers[i].height = chain.height;
		sim_announce(&sim, &sim.peers[i]);
	}
}

/* Three honest peers outvote two who answer the same false hashes: at the third round. */
START_TEST(false_anchor_needs_a_majority)
{
	begin(12, 10);
	for (int i = 0; i < 5; i++) {
		struct sim_peer *p = sim_add(&sim, i < 2 ? SIM_ANCHOR : SIM_HONEST, &chain, chain.height, 0);

		p->salt = 99;
		p->base = 10;
	}
	settle();
	grow_at_once(3500);
	ck_assert(!sim_run(&sim, 2 * SIM_MINUTE, is_done));
	ck_assert_uint_eq(sim.height, 10);
	/* After that they have no voice about the segments that follow. */
	ck_assert(sim_run(&sim, SIM_MINUTE, is_done));
	end();
}
END_TEST

/* They tell the truth about whatever we have, so they are with us, and outvoted once. */
START_TEST(two_faced_peers_are_heard_once)
{
	begin(28, 10);
	for (int i = 0; i < 5; i++)
		sim_add(&sim, i < 2 ? SIM_TWO_FACED : SIM_HONEST, &chain, chain.height, 0)->salt = 99;
	settle();
	grow_at_once(6000);
	ck_assert(sim_run(&sim, 3 * SIM_MINUTE, is_done));
	(void)sim_run(&sim, SIM_MINUTE, NULL);
	grow_at_once(1000);
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, is_done));
	end();
}
END_TEST

static bool asks_blocks(struct sim *s)
{
	return s->block_asks > 0;
}

/* Outvoted at one anchor, they have no voice about those above it, though our tip is not there yet. */
START_TEST(outvoted_peers_do_not_hold_up_later_anchors)
{
	begin(31, 10);
	for (int i = 0; i < 5; i++)
		sim_add(&sim, i < 2 ? SIM_TWO_FACED : SIM_HONEST, &chain, chain.height, 0)->salt = 99;
	settle();
	sim.chain_delay_ms = SIM_HOUR;
	sim.block_asks = 0;
	grow_at_once(6000);
	ck_assert(sim_run(&sim, 3 * SIM_MINUTE, asks_blocks));
	(void)sim_run(&sim, 5 * SIM_SECOND, NULL);
	ck_assert_uint_eq(sim.height, 10);
	ck_assert_uint_ge(sim.block_asks, 40);
	end();
}
END_TEST

/* A chain that became shorter is no false claim. */
START_TEST(shorter_chain_is_no_false_claim)
{
	struct sim_chain shorter;

	begin(29, 2000);
	sim.only = NULL;
	sim.chain_delay_ms = 500;
	sim_chain_fork(&shorter, &chain, 1900, 9, 1950);
	for (int i = 0; i < 4; i++)
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	(void)sim_run(&sim, 2 * SIM_SECOND, NULL);
	ck_assert_uint_gt(sim.height, 0);
	for (int i = 0; i < 4; i++)
		sim_move(&sim, &sim.peers[i], &shorter, 1950);
	(void)sim_run(&sim, 5 * SIM_MINUTE, NULL);
	ck_assert(sim_is_on(&sim, &shorter, 1950));
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(sim.peers[i].blamed[SYNC_VERDICT_FALSE_CLAIM], 0);
	end();
	sim_chain_free(&shorter);
}
END_TEST

/* One who claims more than all others moves no anchor: what the others have is there first. */
START_TEST(one_high_claim_does_not_come_first)
{
	struct sim_chain high;

	begin(23, 300);
	sim_chain_fork(&high, &chain, 300, 8, 5000);
	for (int i = 0; i < 3; i++)
		sim_add(&sim, SIM_HONEST, &chain, 300, 0)->latency_ms = 50;
	/* Neither when it is the first to speak. */
	sim_add(&sim, SIM_ANCHOR, &high, 5000, 0)->latency_ms = 1;
	sim.peers[3].base = 300;
	ck_assert(sim_run(&sim, 3 * SIM_SECOND, is_done));
	(void)sim_run(&sim, SIM_MINUTE, NULL);
	ck_assert(is_done(&sim));
	ck_assert_uint_eq(sim.peers[3].blamed[SYNC_VERDICT_LIED], 1);
	end();
	sim_chain_free(&high);
}
END_TEST

/* It moves no target either. */
START_TEST(target_is_what_most_have_shown)
{
	struct sync_status status;
	struct sim_chain high;

	begin(30, 2000);
	sim_chain_fork(&high, &chain, 2000, 8, 5000);
	for (int i = 0; i < 3; i++)
		sim_add(&sim, SIM_HONEST, &chain, 2000, 0)->latency_ms = 50;
	sim_add(&sim, SIM_ANCHOR, &high, 5000, 0)->latency_ms = 50;
	sim.peers[3].base = 2000;
	sim.chain_delay_ms = 1000;
	(void)sim_run(&sim, SIM_SECOND, NULL);
	sync_get_status(sim.sync, &status, sim.now_ms);
	ck_assert_uint_eq(status.target, 2000);
	end();
	sim_chain_free(&high);
}
END_TEST

/* All who answered for the anchor are put to work, not only the one whose answer decided. */
START_TEST(all_supporters_are_used)
{
	begin(24, 900);
	for (int i = 0; i < 6; i++)
		sim_add(&sim, SIM_HONEST, &chain, 900, 0)->latency_ms = 50;
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_done));
	for (int i = 0; i < 6; i++)
		ck_assert_uint_gt(sim.peers[i].blocks_asked, 0);
	end();
}
END_TEST

/* A slow voice is waited for once, not at each anchor. */
START_TEST(slow_voice_delays_one_question)
{
	int64_t start_ms;

	begin(25, 10);
	for (int i = 0; i < 3; i++)
		sim_add(&sim, SIM_HONEST, &chain, 10, 0);
	settle();
	sim.peers[0].latency_ms = 20000;
	grow_at_once(8000);
	start_ms = sim.now_ms;
	ck_assert(sim_run(&sim, SIM_MINUTE, is_done));
	ck_assert_int_lt(sim.now_ms - start_ms, 7 * SIM_SECOND);
	end();
}
END_TEST

/* They have our tip, as they say, and blocks that do not stand on it: not asked for the same over and over. */
START_TEST(chain_that_does_not_fit_is_not_fetched_again_and_again)
{
	struct sim_chain other;

	sim_chain_init(&chain, 7, 600);
	sim_chain_fork(&other, &chain, 100, 8, 900);
	sim_init(&sim, 26, &chain, 600);
	sim_start(&sim);
	for (int i = 0; i < 3; i++) {
		struct sim_peer *p = sim_add(&sim, SIM_GRAFT, &other, 900, 0);

		p->graft = &chain;
		p->base = 600;
	}
	(void)sim_run(&sim, 10 * SIM_MINUTE, NULL);
	ck_assert(is_done(&sim));
	ck_assert_uint_le(sim.block_asks, 12 * 5);
	end();
	sim_chain_free(&other);
}
END_TEST

static bool asks_high(struct sim *s)
{
	for (size_t i = 0; i < s->peer_count; i++) {
		if (s->peers[i].outstanding[SYNC_ASK_BLOCKS] && s->peers[i].asked[SYNC_ASK_BLOCKS] > 5500)
			return true;
	}
	return false;
}

/* The peers' chain changes in the middle of it all: nobody lied. */
START_TEST(peers_that_reorganise_are_no_liars)
{
	struct sim_chain other;
	uint32_t turned = 0;

	for (uint64_t seed = 1; seed <= 30; seed++) {
		begin(seed, 6000);
		sim.only = NULL;
		sim.chain_delay_ms = 200;
		sim_chain_fork(&other, &chain, 5500, 8, 6100);
		for (int i = 0; i < 5; i++)
			sim_add(&sim, SIM_HONEST, &other, other.height, 0);
		ck_assert(sim_run(&sim, SIM_MINUTE, asks_high));
		for (int i = 0; i < 5; i++) {
			sim_move(&sim, &sim.peers[i], &chain, chain.height);
			sim_announce(&sim, &sim.peers[i]);
		}
		ck_assert(sim_run(&sim, 10 * SIM_MINUTE, is_done));
		for (int i = 0; i < 5; i++)
			turned += sim.peers[i].blamed[SYNC_VERDICT_TURNED];
		end();
		sim_chain_free(&other);
	}
	ck_assert_uint_gt(turned, 0); /* it did happen */
}
END_TEST

/* They win the vote, and cannot deliver: then the others are believed. */
START_TEST(majority_for_a_hash_without_blocks_is_found_out)
{
	begin(13, 800);
	for (int i = 0; i < 5; i++) {
		struct sim_peer *p = sim_add(&sim, i < 4 ? SIM_ANCHOR : SIM_HONEST, &chain, chain.height, 0);

		p->salt = 99;
	}
	ck_assert(sim_run(&sim, 10 * SIM_MINUTE, is_done));
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(sim.peers[i].blamed[SYNC_VERDICT_LIED], 1);
	end();
}
END_TEST

START_TEST(mute_and_stalling_peers_only_cost_time)
{
	begin(14, 3000);
	sim_add(&sim, SIM_MUTE, &chain, chain.height, 0);
	sim_add(&sim, SIM_STALL, &chain, chain.height, 0);
	sim_add(&sim, SIM_STALL, &chain, chain.height, 0);
	sim_add(&sim, SIM_SILENT, &chain, chain.height, 0);
	sim_add(&sim, SIM_RUST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 3 * SIM_MINUTE, is_done));
	ck_assert_uint_lt(sim.peers[0].height_asks, 10);
	end();
}
END_TEST

/* A chain grows heavy in the middle: ranges and segments shrink, nothing exceeds the window by more than an answer. */
START_TEST(heavy_blocks_fit_the_window)
{
	begin(15, 1500);
	chain.heavy_from = 600;
	chain.heavy_to = 900;
	chain.heavy_bytes = 3000000;
	sync_free(sim.sync);
	sim.params.window_bytes = (size_t)24 << 20;
	sim_start(&sim);
	for (int i = 0; i < 3; i++)
		sim_add(&sim, i ? SIM_HONEST : SIM_RUST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 5 * SIM_MINUTE, is_done));
	ck_assert_uint_eq(sim.connected, 1500);
	end();
}
END_TEST

/* A chain that is heavy from its first block on, of which far less fits the window than seemed: what is given up is known
 * before it was fetched. */
START_TEST(heavy_chain_is_fetched_once)
{
	begin(15, 1500);
	chain.heavy_from = 1;
	chain.heavy_to = 1500;
	chain.heavy_bytes = 600000;
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 15 * SIM_MINUTE, is_done));
	ck_assert_uint_eq(sim.connected, 1500);
	ck_assert_uint_lt(sim.blocks_received, 1500 + 30);
	end();
}
END_TEST

/* Answers over the length of a line end connections; ranges are halved until they fit. */
START_TEST(overlong_answers_halve_the_range)
{
	begin(16, 400);
	chain.heavy_from = 1;
	chain.heavy_to = 400;
	chain.heavy_bytes = 1000000;
	sim_add(&sim, SIM_RUST, &chain, chain.height, 0);
	sim_add(&sim, SIM_RUST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 5 * SIM_MINUTE, is_done));
	ck_assert_uint_gt(sim.last_peer_id, 2); /* it did happen */
	end();
}
END_TEST

/* The chain finds a rule broken: noted once, not asked for again for an hour; one peer that has another block there is.
 */
START_TEST(chain_that_breaks_a_rule_is_forgotten_for_an_hour)
{
	struct sim_chain bad;
	uint32_t asks;

	begin(17, 900);
	sim.only = NULL;
	sim_chain_fork(&bad, &chain, 449, 5, 950);
	bad.rule_height = 450;
	for (int i = 0; i < 4; i++)
		sim_add(&sim, SIM_HONEST, &bad, bad.height, 0);
	(void)sim_run(&sim, SIM_MINUTE, NULL);
	ck_assert(sim_is_on(&sim, &chain, 449));
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_REFUSED], 1);
	ck_assert_uint_eq(sim.last_note[SYNC_NOTE_REFUSED].height, 450);
	asks = sim.block_asks;
	(void)sim_run(&sim, 30 * SIM_MINUTE, NULL);
	ck_assert_uint_eq(sim.block_asks, asks);
	/* A newcomer with that chain changes nothing; one with a good one is believed, alone as he is. */
	sim_add(&sim, SIM_HONEST, &bad, bad.height, 0);
	(void)sim_run(&sim, SIM_MINUTE, NULL);
	ck_assert_uint_eq(sim.block_asks, asks);
	sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, SIM_MINUTE, is_done));
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_REFUSED], 1);
	end();
	sim_chain_free(&bad);
}
END_TEST

/* Who hides the bad block when asked about it is found out by its blocks. */
START_TEST(bad_block_is_known_again)
{
	struct sim_chain bad;
	struct sim_peer *p;
	uint32_t asks;

	begin(27, 900);
	sim.only = NULL;
	sim_chain_fork(&bad, &chain, 449, 5, 950);
	bad.rule_height = 450;
	sim_add(&sim, SIM_HONEST, &bad, bad.height, 0);
	(void)sim_run(&sim, SIM_MINUTE, NULL);
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_REFUSED], 1);
	p = sim_add(&sim, SIM_GRAFT, &bad, bad.height, 0);
	p->graft = &chain;
	p->base = 450;
	(void)sim_run(&sim, SIM_MINUTE, NULL);
	ck_assert(sim_is_on(&sim, &chain, 449));
	ck_assert_uint_gt(p->blocks_asked, 0);
	asks = p->blocks_asked;
	ck_assert_uint_eq(sim.connected, 449); /* the chain did not see it again */
	(void)sim_run(&sim, 20 * SIM_MINUTE, NULL);
	ck_assert_uint_eq(sim.chain_faults, 1);
	ck_assert_uint_le(p->blocks_asked, asks * 60);
	end();
	sim_chain_free(&bad);
}
END_TEST

START_TEST(signature_that_the_header_vouches_for_is_nobodys_lie)
{
	begin(18, 900);
	chain.sign_height = 777;
	for (int i = 0; i < 3; i++)
		sim_add(&sim, SIM_RUST, &chain, chain.height, 0);
	ck_assert(!sim_run(&sim, 5 * SIM_MINUTE, is_done));
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_REFUSED], 1);
	ck_assert_uint_eq(sim.last_note[SYNC_NOTE_REFUSED].height, 777);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(sim_blames(&sim, &sim.peers[i]), 0);
	end();
}
END_TEST

/* adversarial 41: from the future: not taken, not held against anybody, taken when its time has come. */
START_TEST(block_from_the_future_is_taken_later)
{
	begin(19, 300);
	chain.ahead_height = 250;
	chain.ahead_until_ms = sim.now_ms + 3 * SIM_MINUTE;
	for (int i = 0; i < 3; i++)
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(!sim_run(&sim, 2 * SIM_MINUTE, is_done));
	ck_assert(sim_is_on(&sim, &chain, 249));
	ck_assert_uint_lt(sim.block_asks, 40);
	ck_assert(sim_run(&sim, 2 * SIM_MINUTE, is_done));
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_REFUSED], 0);
	end();
}
END_TEST

/* Blocks that arrive by announcement meanwhile are not asked for, and spoil nothing. */
START_TEST(announced_blocks_join_in)
{
	begin(20, 500);
	sim.growing = &chain;
	sim.grow_ms = 700;
	sync_free(sim.sync);
	sim_start(&sim);
	for (int i = 0; i < 4; i++)
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(!sim_run(&sim, SIM_MINUTE, NULL));
	ck_assert_uint_ge(sim.height + 2, chain.height);
	ck_assert_uint_lt(sim.connected, 530);
	end();
}
END_TEST

/* In step with its peers a node asks for little: heights and one hash now and then. */
START_TEST(idle_node_asks_little)
{
	struct sync_status status;

	begin(21, 100);
	for (int i = 0; i < 3; i++)
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_done));
	(void)sim_run(&sim, SIM_SECOND, NULL);
	sim.hash_asks = sim.block_asks = 0;
	(void)sim_run(&sim, 10 * SIM_MINUTE, NULL);
	ck_assert_uint_eq(sim.block_asks, 0);
	ck_assert_uint_le(sim.hash_asks, 3 * 22);
	sync_get_status(sim.sync, &status, sim.now_ms);
	ck_assert_int_eq(status.phase, SYNC_PHASE_IDLE);
	ck_assert_uint_eq(status.target, 100);
	ck_assert_double_eq_tol(status.percent, 100, 0.001);
	ck_assert_uint_eq(status.window_bytes, 0);
	end();
}
END_TEST

/* While it goes on, the status says how far. */
START_TEST(status_tells_the_progress)
{
	struct sync_status status;

	begin(22, 8000);
	for (int i = 0; i < 3; i++)
		sim_add(&sim, SIM_HONEST, &chain, chain.height, 0);
	sim.chain_delay_ms = 400;
	(void)sim_run(&sim, 6 * SIM_SECOND, NULL);
	sync_get_status(sim.sync, &status, sim.now_ms);
	ck_assert_int_eq(status.phase, SYNC_PHASE_EXTENDING);
	ck_assert_uint_eq(status.target, 8000);
	ck_assert_uint_gt(status.height, 0);
	ck_assert_double_eq_tol(status.percent, (double)status.height / 80, 0.01);
	ck_assert(status.blocks_per_s > 50 && status.blocks_per_s < 2000);
	ck_assert_int_gt(status.seconds_left, 3);
	ck_assert(sim_run(&sim, 2 * SIM_MINUTE, is_done));
	end();
}
END_TEST

/* ---- Any mixture ---- */

static const enum sim_manner trouble[] = {
	SIM_RUST, SIM_SLOW,   SIM_MUTE,	     SIM_STALL, SIM_WITHHOLD, SIM_ALTER,  SIM_REWRITE,
	SIM_BODY, SIM_ANCHOR, SIM_TWO_FACED, SIM_MAX,	SIM_SHRINK,   SIM_SILENT,
};

static void add_mixture(void)
{
	uint64_t honest = 1 + pick(5), others = pick(8), liars = 0;

	for (uint64_t i = 0; i < others; i++) {
		enum sim_manner manner = trouble[pick(sizeof(trouble) / sizeof(trouble[0]))];
		bool invents = manner == SIM_ANCHOR || manner == SIM_TWO_FACED;
		struct sim_peer *p;

		/* The honest ones are more than those who answer false hashes. */
		if (invents && liars + 1 >= honest)
			manner = SIM_SILENT;
		else
			liars += invents;
		p = sim_add(&sim, manner, &chain, chain.height - pick(2) * pick(20), (int64_t)pick(10000));
		if (invents)
			p->salt = pick(2);
		p->base = pick(2) * pick(chain.height);
		p->withheld = 1 + pick(chain.height);
	}
	for (uint64_t i = 0; i < honest; i++)
		sim_add(&sim, SIM_HONEST, &chain, chain.height, (int64_t)pick(10000));
}

static bool has_tip(struct sim *s)
{
	return s->height >= chain.height && sim_is_on(s, &chain, s->height);
}

static void try_seed(uint64_t seed)
{
	sim_chain_init(&chain, seed, 50 + seed * 7919 % 3000);
	sim_init(&sim, seed, &chain, seed % 3 * chain.height / 4);
	sim.only = &chain;
	sim.refuse_sends = pick(4) == 0;
	sim.lossy_checks = pick(4) == 0;
	sim.chain_delay_ms = (int64_t)pick(300);
	if (pick(4) == 0) {
		chain.heavy_from = pick(chain.height);
		chain.heavy_to = chain.heavy_from + pick(60);
		chain.heavy_bytes = 10000 + pick(2000000);
		sim.params.window_bytes = (size_t)(8 + pick(56)) << 20;
	}
	if (pick(3) == 0) {
		sim.growing = &chain;
		sim.grow_ms = (int64_t)(2000 + pick(60000));
	}
	sim_start(&sim);
	add_mixture();
	sim_assert(&sim, sim_run(&sim, 2 * SIM_HOUR, has_tip));
	end();
}

START_TEST(any_mixture_with_an_honest_majority_completes)
{
	const char *one = getenv("SYNC_SIM_SEED"), *many = getenv("SYNC_SIM_SEEDS");
	uint64_t count = many ? strtoull(many, NULL, 10) : 2000;

	if (one) {
		try_seed(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= count; seed++)
		try_seed(seed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync");
	TCase *tc = tcase_create("extension"), *any = tcase_create("mixtures");

	tcase_add_test(tc, honest_peers_deliver_everything);
	tcase_add_test(tc, lone_peer_is_believed_after_a_while);
	tcase_add_test(tc, polls_do_not_starve_the_sync_of_a_paced_peer);
	tcase_add_test(tc, withheld_block_comes_from_another_peer);
	tcase_add_test(tc, block_withheld_by_all_is_asked_for_again);
	tcase_add_test(tc, claim_of_the_greatest_number_is_harmless);
	tcase_add_test(tc, claim_that_shrinks_is_noted);
	tcase_add_test(tc, late_answers_are_ignored);
	tcase_add_test(tc, liars_are_found);
	tcase_add_test(tc, false_anchor_needs_a_majority);
	tcase_add_test(tc, majority_for_a_hash_without_blocks_is_found_out);
	tcase_add_test(tc, mute_and_stalling_peers_only_cost_time);
	tcase_add_test(tc, heavy_blocks_fit_the_window);
	tcase_add_test(tc, heavy_chain_is_fetched_once);
	tcase_add_test(tc, overlong_answers_halve_the_range);
	tcase_add_test(tc, chain_that_breaks_a_rule_is_forgotten_for_an_hour);
	tcase_add_test(tc, signature_that_the_header_vouches_for_is_nobodys_lie);
	tcase_add_test(tc, block_from_the_future_is_taken_later);
	tcase_add_test(tc, announced_blocks_join_in);
	tcase_add_test(tc, idle_node_asks_little);
	tcase_add_test(tc, status_tells_the_progress);
	tcase_add_test(tc, one_high_claim_does_not_come_first);
	tcase_add_test(tc, two_faced_peers_are_heard_once);
	tcase_add_test(tc, outvoted_peers_do_not_hold_up_later_anchors);
	tcase_add_test(tc, shorter_chain_is_no_false_claim);
	tcase_add_test(tc, target_is_what_most_have_shown);
	tcase_add_test(tc, all_supporters_are_used);
	tcase_add_test(tc, slow_voice_delays_one_question);
	tcase_add_test(tc, chain_that_does_not_fit_is_not_fetched_again_and_again);
	tcase_add_test(tc, peers_that_reorganise_are_no_liars);
	tcase_add_test(tc, bad_block_is_known_again);
	suite_add_tcase(suite, tc);
	tcase_add_test(any, any_mixture_with_an_honest_majority_completes);
	tcase_set_timeout(any, 100);
	suite_add_tcase(suite, any);
	return run_suite(suite);
}
