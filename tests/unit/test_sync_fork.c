// SPDX-License-Identifier: MIT
/* node/sync, forks: PROTOCOL.md §6 "Fork", adversarial 42, 43. */
#include "run_suite.h"
#include "sync_sim.h"

#include <stdlib.h>

#include <check.h>

static struct sim sim;
static struct sim_chain ours, theirs, third;

/* Our chain and another one that part at `at`. */
static void begin(uint64_t seed, uint64_t at, uint64_t our_height, uint64_t their_height)
{
	sim_chain_init(&ours, 7, our_height);
	sim_chain_fork(&theirs, &ours, at, seed + 100, their_height);
	sim_init(&sim, seed, &ours, our_height);
	sim_start(&sim);
}

static void end(void)
{
	sim_end(&sim);
	sim_chain_free(&ours);
	sim_chain_free(&theirs);
}

static void add(int count, struct sim_chain *chain)
{
	for (int i = 0; i < count; i++)
		sim_add(&sim, SIM_HONEST, chain, chain->height, 0);
}

static bool on_theirs(struct sim *s)
{
	return sim_is_on(s, &theirs, theirs.height);
}

static bool on_ours_grown(struct sim *s)
{
	return sim_is_on(s, &ours, ours.height);
}

static bool on_theirs_whole_hour(struct sim *s)
{
	(void)s;
	return false;
}

/* ---- More than two thirds ---- */

START_TEST(more_than_two_thirds_win_at_once)
{
	begin(1, 150, 200, 200);
	add(4, &theirs);
	add(1, &ours);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, on_theirs));
	(void)sim_run(&sim, SIM_SECOND, NULL);
	ck_assert_uint_eq(sim.reorganisations, 1);
	ck_assert_uint_eq(sim.undone, 50);
	ck_assert_uint_eq(sim.kept_total, 50);
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_FORK_LOST], 1);
	ck_assert_uint_eq(sim.last_note[SYNC_NOTE_FORK_LOST].depth, 50);
	ck_assert_uint_eq(sim.last_note[SYNC_NOTE_FORK_LOST].voices, 4);
	ck_assert_uint_eq(sim.last_note[SYNC_NOTE_FORK_LOST].of, 5);
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_REORGANISED], 1);
	end();
}
END_TEST

/* Then what the others have beyond it is fetched as ever. */
START_TEST(longer_chain_is_taken_to_its_end)
{
	begin(2, 100, 200, 1500);
	add(5, &theirs);
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
	ck_assert_uint_eq(sim.undone, 100);
	end();
}
END_TEST

/* Answers count, not heights. */
START_TEST(shorter_chain_wins_too)
{
	begin(3, 100, 200, 150);
	add(5, &theirs);
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
	ck_assert_uint_eq(sim.undone, 100);
	end();
}
END_TEST

/* One answer is no majority; two that agree are. */
START_TEST(two_answers_are_the_least)
{
	begin(4, 100, 200, 200);
	add(2, &theirs);
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
	end();

	begin(4, 100, 200, 200);
	add(1, &theirs);
	ck_assert(!sim_run(&sim, 110 * SIM_SECOND, on_theirs));
	end();
}
END_TEST

/* Five must answer where five could: three quick ones do not decide for eight. */
START_TEST(five_answers_are_needed_where_there_are_so_many)
{
	begin(5, 100, 200, 201);
	add(8, &ours);
	(void)sim_run(&sim, 10 * SIM_SECOND, NULL);
	for (int i = 0; i < 8; i++) {
		if (i < 5)
			sim.peers[i].latency_ms = 30000;
		else
			sim_move(&sim, &sim.peers[i], &theirs, 201);
		sim_announce(&sim, &sim.peers[i]);
	}
	ck_assert(!sim_run(&sim, 100 * SIM_SECOND, on_theirs));
	ck_assert_uint_ge(sim.notes[SYNC_NOTE_FORK_UNDECIDED], 1);
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_FORK_LOST], 0);
	end();
}
END_TEST

START_TEST(mute_peers_do_not_count)
{
	begin(6, 100, 200, 200);
	add(3, &theirs);
	for (int i = 0; i < 9; i++)
		sim_add(&sim, SIM_MUTE, &ours, 200, 0);
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
	end();
}
END_TEST

START_TEST(minority_is_asked_about_once_a_minute)
{
	begin(7, 100, 200, 200);
	add(4, &ours);
	add(1, &theirs);
	(void)sim_run(&sim, 10 * SIM_MINUTE, NULL);
	ck_assert(sim_is_on(&sim, &ours, 200));
	ck_assert_uint_ge(sim.notes[SYNC_NOTE_FORK_STAYS], 9);
	ck_assert_uint_le(sim.notes[SYNC_NOTE_FORK_STAYS], 12);
	ck_assert_uint_eq(sim.block_asks, 0);
	end();
}
END_TEST

/* ---- Rounds ---- */

/* Exactly two thirds are not more; after three rounds most answers win, ours counted. */
START_TEST(two_thirds_need_three_rounds)
{
	begin(8, 100, 200, 200);
	add(4, &theirs);
	add(2, &ours);
	ck_assert(!sim_run(&sim, 115 * SIM_SECOND, on_theirs));
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_FORK_UNDECIDED], 2);
	ck_assert(sim_is_on(&sim, &ours, 200));
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
	ck_assert_uint_eq(sim.last_note[SYNC_NOTE_FORK_LOST].voices, 4);
	ck_assert_uint_eq(sim.last_note[SYNC_NOTE_FORK_LOST].of, 7);
	end();
}
END_TEST

/* We are on one half of a cut network, with two more; three are on the other.  Both halves end on the chain with the
 * lower hash where they part. */
static void try_halves(uint64_t seed, bool other_side, bool low_stranger)
{
	struct sim_chain *a = other_side ? &theirs : &ours, *b = other_side ? &ours : &theirs;
	bool ours_lower;

	sim_chain_init(&ours, 7, 200 + seed % 3);
	sim_chain_fork(&theirs, &ours, 120 + seed, seed, 201);
	sim_chain_fork(&third, &ours, 3, 99, 5);
	ours_lower = ours.ids[121 + seed] < theirs.ids[121 + seed];
	sim_init(&sim, seed, a, a->height);
	sim_start(&sim);
	add(2, a);
	add(3, b);
	if (low_stranger)
		add(1, &third);
	(void)sim_run(&sim, 4 * SIM_MINUTE, NULL);
	sim_assert(&sim, sim_is_on(&sim, ours_lower ? &ours : &theirs, ours_lower ? ours.height : 201));
	end();
	sim_chain_free(&third);
}

START_TEST(equal_halves_become_one_chain)
{
	for (uint64_t seed = 20; seed < 40; seed++) {
		try_halves(seed, false, false);
		try_halves(seed, true, false);
	}
}
END_TEST

/* What is asked about somebody far below does not begin the rounds anew. */
START_TEST(low_stranger_keeps_no_halves_apart)
{
	for (uint64_t seed = 20; seed < 40; seed++) {
		try_halves(seed, false, true);
		try_halves(seed, true, true);
	}
}
END_TEST

/* Two nodes alone in the world. */
START_TEST(one_peer_is_a_tie)
{
	for (uint64_t seed = 1; seed < 10; seed++) {
		bool lower;

		begin(seed, 100, 200, 210);
		lower = theirs.ids[101] < ours.ids[101];
		add(1, &theirs);
		ck_assert(sim_run(&sim, 3 * SIM_MINUTE, on_theirs) == lower);
		ck_assert(lower || sim_is_on(&sim, &ours, 200));
		end();
	}
}
END_TEST

/* Three chains with equally many voices: the lowest hash where they part. */
START_TEST(three_chains_tie)
{
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct sim_chain *best = &ours;
		bool deep = seed % 2;

		begin(seed, 100, 200, 200);
		sim_chain_fork(&third, deep ? &ours : &theirs, deep ? 60 : 150, seed + 55, 200);
		/* By the whole chain in order of heights. */
		for (uint64_t h = 1; h <= 200; h++) {
			if (ours.ids[h] == theirs.ids[h] && ours.ids[h] == third.ids[h])
				continue;
			if (deep || theirs.ids[h] == third.ids[h]) {
				struct sim_chain *pair = deep ? &third : &theirs;

				if (ours.ids[h] > pair->ids[h])
					best = pair;
			}
			break;
		}
		if (deep && best == &ours && theirs.ids[101] < ours.ids[101])
			best = &theirs;
		if (!deep && best == &theirs && third.ids[151] < theirs.ids[151])
			best = &third;
		add(2, &theirs);
		add(2, &third);
		add(1, &ours);
		(void)sim_run(&sim, 4 * SIM_MINUTE, NULL);
		sim_assert(&sim, sim_is_on(&sim, best, 200));
		end();
		sim_chain_free(&third);
	}
}
END_TEST

/* ---- Depth ---- */

static void try_depth(uint64_t depth, bool done)
{
	begin(depth, 1500 - depth, 1500, 1510);
	add(5, &theirs);
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs) == done);
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_TOO_DEEP], done ? 0 : 1);
	if (done) {
		ck_assert_uint_eq(sim.undone, depth);
	} else {
		ck_assert(sim_is_on(&sim, &ours, 1500));
		ck_assert_uint_gt(sim.last_note[SYNC_NOTE_TOO_DEEP].depth, 1000);
		ck_assert_uint_eq(sim.block_asks, 0);
		/* Not asked again for an hour. */
		ck_assert(!sim_run(&sim, 58 * SIM_MINUTE, on_theirs_whole_hour));
		ck_assert_uint_eq(sim.notes[SYNC_NOTE_TOO_DEEP], 1);
		(void)sim_run(&sim, 5 * SIM_MINUTE, NULL);
		ck_assert_uint_eq(sim.notes[SYNC_NOTE_TOO_DEEP], 2);
	}
	end();
}

/* adversarial 43 */
START_TEST(reorganisation_of_1000_and_not_of_1001)
{
	try_depth(1, true);
	try_depth(999, true);
	try_depth(1000, true);
	try_depth(1001, false);
	try_depth(1400, false);
}
END_TEST

/* ---- What goes wrong ---- */

/* adversarial 42: the branch breaks a rule: our chain stays, and nobody is asked again for an hour. */
START_TEST(failed_reorganisation_is_remembered)
{
	begin(11, 100, 200, 205);
	sim.fail_reorganise = true;
	add(4, &theirs);
	add(1, &ours);
	(void)sim_run(&sim, 59 * SIM_MINUTE, NULL);
	ck_assert(sim_is_on(&sim, &ours, 200));
	ck_assert_uint_eq(sim.refusals, 1);
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_REFUSED], 1);
	/* What happens on our chain is followed meanwhile. */
	sim_chain_grow(&ours, 50);
	sim.peers[4].height = ours.height;
	sim_announce(&sim, &sim.peers[4]);
	ck_assert(sim_run(&sim, 55 * SIM_SECOND, NULL) || sim_is_on(&sim, &ours, 250));
	sim.fail_reorganise = false;
	ck_assert(sim_run(&sim, 10 * SIM_MINUTE, on_theirs));
	end();
}
END_TEST

/* They agreed with our tip, and their chain changed before they were asked for more. */
START_TEST(anchor_of_another_chain_leads_to_the_question)
{
	begin(12, 180, 200, 400);
	for (int i = 0; i < 5; i++)
		sim_add(&sim, SIM_HONEST, &ours, 200, 0);
	(void)sim_run(&sim, 10 * SIM_SECOND, NULL);
	for (int i = 0; i < 5; i++) {
		sim_move(&sim, &sim.peers[i], &theirs, 400);
		sync_height(sim.sync, sim.peers[i].id, 400, sim.now_ms);
	}
	ck_assert(sim_run(&sim, 15 * SIM_SECOND, on_theirs));
	end();
}
END_TEST

/* A block whose parent we do not know: the question is asked now, not at the next poll. */
START_TEST(strange_block_asks_at_once)
{
	begin(13, 195, 200, 200);
	for (int i = 0; i < 5; i++)
		sim_add(&sim, SIM_HONEST, &ours, 200, 0);
	(void)sim_run(&sim, 10 * SIM_SECOND, NULL);
	sim_chain_grow(&theirs, 1);
	for (int i = 0; i < 5; i++) {
		sim_move(&sim, &sim.peers[i], &theirs, 201);
		sim_announce(&sim, &sim.peers[i]);
	}
	(void)sim_run(&sim, SIM_SECOND, NULL);
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_FORK], 1);
	ck_assert(sim_run(&sim, 8 * SIM_SECOND, on_theirs));
	end();
}
END_TEST

static bool has_asked_first(struct sim *s)
{
	return s->peers[0].hash_asks > 0;
}

static bool has_opened(struct sim *s)
{
	return s->notes[SYNC_NOTE_FORK] > 0;
}

/* Somebody far below has a chain of his own: that question does not stand before the real one, be it that he says
 * nothing more. */
START_TEST(low_stranger_hides_no_fork)
{
	for (int silent = 0; silent < 2; silent++) {
		begin(14, 150, 200, 200);
		sim_chain_fork(&third, &ours, 3, 99, 5);
		add(1, &third);
		ck_assert(sim_run(&sim, SIM_SECOND, has_asked_first));
		if (silent)
			sim.peers[0].manner = SIM_MUTE;
		ck_assert(sim_run(&sim, SIM_SECOND, has_opened));
		ck_assert_uint_eq(sim.last_note[SYNC_NOTE_FORK].height, 5);
		add(5, &theirs);
		ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
		end();
		sim_chain_free(&third);
	}
}
END_TEST

/* The branch does not fit the window: it is kept in parts. */
START_TEST(heavy_branch_is_fetched_in_parts)
{
	begin(15, 300, 900, 900);
	theirs.heavy_from = 301;
	theirs.heavy_to = 900;
	theirs.heavy_bytes = 200000;
	sync_free(sim.sync);
	sim.params.window_bytes = (size_t)8 << 20;
	sim_start(&sim);
	add(5, &theirs);
	ck_assert(sim_run(&sim, 3 * SIM_MINUTE, on_theirs));
	ck_assert_uint_eq(sim.undone, 600);
	end();
}
END_TEST

/* Our tip goes on while the branch is fetched. */
START_TEST(our_chain_may_grow_meanwhile)
{
	begin(16, 100, 200, 200);
	add(5, &theirs);
	sim_add(&sim, SIM_HONEST, &ours, 200, 0);
	sim.growing = &ours;
	sim.grow_ms = 100;
	sync_free(sim.sync);
	sim_start(&sim);
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
	end();
}
END_TEST

static bool is_searching(struct sim *s)
{
	struct sync_status status;

	sync_get_status(s->sync, &status, s->now_ms);
	return status.phase == SYNC_PHASE_BRANCH;
}

/* Peers that become slow do not hold up the search for the ancestor. */
START_TEST(slow_peer_does_not_hold_up_the_search)
{
	begin(17, 100, 900, 900);
	add(6, &theirs);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_searching));
	for (int i = 0; i < 5; i++)
		sim.peers[i].latency_ms = 10 * SIM_MINUTE;
	ck_assert(sim_run(&sim, 2 * SIM_MINUTE, on_theirs));
	end();
}
END_TEST

/* Nor do those that fall silent for good, be they all that there are: what happens on our chain is followed. */
START_TEST(silent_peers_do_not_hold_up_everything)
{
	begin(19, 100, 900, 900);
	add(2, &theirs);
	ck_assert(sim_run(&sim, 20 * SIM_SECOND, is_searching));
	sim.peers[0].manner = sim.peers[1].manner = SIM_MUTE;
	sim_chain_grow(&ours, 50);
	add(3, &ours);
	ck_assert(sim_run(&sim, 2 * SIM_MINUTE, on_ours_grown));
	end();
}
END_TEST

/* One of those who voted for the winner says that it has nothing in common with us: the others are asked too. */
START_TEST(one_does_not_make_a_fork_too_deep)
{
	struct sim_peer *liar;

	begin(20, 1400, 1500, 1510);
	sim_chain_fork(&third, &ours, 0, 999, 1500);
	liar = sim_add(&sim, SIM_GRAFT, &theirs, 1510, 0);
	liar->graft = &third;
	liar->base = 1499;
	/* The last to vote is the first to be asked in the search. */
	liar->latency_ms = 300;
	for (int i = 0; i < 5; i++)
		sim_add(&sim, SIM_HONEST, &theirs, 1510, 500)->latency_ms = 20;
	ck_assert(sim_run(&sim, 30 * SIM_SECOND, on_theirs));
	ck_assert_uint_eq(sim.notes[SYNC_NOTE_TOO_DEEP], 0);
	ck_assert_uint_eq(sim.undone, 100);
	end();
	sim_chain_free(&third);
}
END_TEST

static bool has_lost(struct sim *s)
{
	return s->notes[SYNC_NOTE_FORK_LOST] > 0;
}

/* It voted for the winner, and says that its chain is ours below: found out by the blocks, whether it stands by its
 * vote or not, and not believed the next time. */
START_TEST(false_ancestor_is_found_out)
{
	for (int turns = 0; turns < 2; turns++) {
		struct sim_peer *liar;

		begin(18, 100, 900, 900);
		liar = sim_add(&sim, SIM_GRAFT, &theirs, 900, 0);
		liar->graft = &ours;
		liar->base = 899;
		/* Its height is known when the others come; the last to vote is the first to be asked in the search. */
		liar->latency_ms = 300;
		for (int i = 0; i < 5; i++)
			sim_add(&sim, SIM_HONEST, &theirs, 900, 800)->latency_ms = 20;
		ck_assert(sim_run(&sim, 20 * SIM_SECOND, has_lost));
		ck_assert_uint_eq(sim.last_note[SYNC_NOTE_FORK_LOST].depth, 1);
		if (turns)
			liar->base = 900;
		(void)sim_run(&sim, 10 * SIM_SECOND, NULL);
		ck_assert_uint_eq(liar->blamed[turns ? SYNC_VERDICT_TURNED : SYNC_VERDICT_LIED], 1);
		liar->base = 899;
		ck_assert(sim_run(&sim, 80 * SIM_SECOND, on_theirs));
		end();
	}
}
END_TEST

/* ---- Any fork ---- */

static uint64_t pick(uint64_t below)
{
	return sim_random(&sim, below);
}

static const enum sim_manner trouble[] = {
	SIM_SLOW, SIM_MUTE,   SIM_STALL, SIM_WITHHOLD, SIM_ALTER,  SIM_REWRITE,
	SIM_BODY, SIM_ANCHOR, SIM_MAX,	 SIM_SHRINK,   SIM_SILENT,
};

/* The network heals: those who were on our chain, or ahead of us on a third one, go over to the one of most, each at a
 * time of its own, in the middle of what they are asked. */
static void heal(void)
{
	uint64_t first = pick(3 * SIM_MINUTE);

	for (size_t i = 0; i < sim.peer_count; i++) {
		struct sim_peer *p = &sim.peers[i];

		(void)sim_run(&sim, (int64_t)(i ? pick(2000) : first), NULL);
		if (p->manner == SIM_HONEST && p->chain != &theirs) {
			sim_move(&sim, p, &theirs, theirs.height);
			sim_announce(&sim, p);
		}
	}
}

static bool on_theirs_somewhere(struct sim *s)
{
	return s->height + 3 >= theirs.height && s->height <= theirs.height && sim_is_on(s, &theirs, s->height);
}

/* Most are on one chain, we and a few on another; some of them make trouble. */
static void try_seed(uint64_t seed)
{
	uint64_t at, our_height, honest, others;
	bool heals;

	sim_init(&sim, seed, &(struct sim_chain){.ids = &(uint64_t){42}}, 0);
	at = pick(1500);
	our_height = at + 1 + pick(900);
	sim_chain_init(&ours, 7, our_height);
	sim_chain_fork(&theirs, &ours, at, seed, at + 1 + pick(1500));
	sim_init(&sim, seed, &ours, our_height);
	sim.refuse_sends = pick(4) == 0;
	sim.lossy_checks = pick(4) == 0;
	sim.chain_delay_ms = (int64_t)pick(300);
	if (pick(4) == 0) {
		sim.growing = pick(2) ? &theirs : &ours;
		sim.grow_ms = (int64_t)(5000 + pick(60000));
	}
	sim_start(&sim);
	honest = 2 + pick(6);
	others = pick(honest);
	sim_chain_fork(&third, &ours, our_height, seed + 3, our_height + pick(at + 1000 - our_height));
	heals = pick(3) == 0;
	for (uint64_t i = 0; i < honest; i++) {
		struct sim_chain *chain = heals && pick(4) ? &third : &theirs;

		sim_add(&sim, SIM_HONEST, chain, chain->height, (int64_t)pick(10000));
	}
	for (uint64_t i = 0; i + 1 < others; i++) {
		enum sim_manner manner = trouble[pick(sizeof(trouble) / sizeof(trouble[0]))];
		struct sim_chain *chain = pick(2) ? &theirs : &ours;

		if (pick(3) == 0)
			manner = SIM_HONEST;
		sim_add(&sim, manner, chain, chain->height, (int64_t)pick(10000))->withheld = 1 + pick(chain->height);
	}
	if (heals)
		heal();
	sim_assert(&sim, sim_run(&sim, SIM_HOUR, on_theirs_somewhere));
	end();
	sim_chain_free(&third);
}

START_TEST(any_fork_ends_on_the_chain_of_most)
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

/* ---- A certified chain ---- */

static void certify(const struct sim_chain *chain, uint64_t height)
{
	struct wire_hash hash;

	sim.certified = chain->ids[height];
	sim_hash(&hash, sim.certified);
	sync_certified(sim.sync, height, &hash, sim.now_ms);
}

/* One peer has it and five are with us, and more of our blocks are undone than votes could undo. */
START_TEST(a_certified_chain_wins_whatever_peers_answer)
{
	begin(60, 100, 1600, 3200);
	ck_assert_uint_lt(sim.params.max_reorg_depth, 1500);
	add(5, &ours);
	add(1, &theirs);
	ck_assert(!sim_run(&sim, 5 * SIM_MINUTE, on_theirs));
	ck_assert_uint_eq(sim.reorganisations, 0);
	certify(&theirs, 3000);
	ck_assert(sim_run(&sim, 2 * SIM_MINUTE, on_theirs));
	ck_assert_uint_eq(sim.reorganisations, 1);
	ck_assert_uint_eq(sim.undone, 1500);
	end();
}
END_TEST

/* Who answers the certified hash may lie about what lies below: nothing of ours is undone for that. */
START_TEST(nothing_is_undone_for_a_false_ancestor)
{
	struct sim_peer *liar;

	begin(61, 100, 600, 1200);
	sim_chain_fork(&third, &ours, 300, 999, 1200);
	add(3, &ours);
	liar = sim_add(&sim, SIM_GRAFT, &theirs, theirs.height, 0);
	liar->graft = &third;
	liar->base = 900;
	(void)sim_run(&sim, 10 * SIM_SECOND, NULL);
	certify(&theirs, 1100);
	ck_assert(!sim_run(&sim, 5 * SIM_MINUTE, on_theirs));
	ck_assert_uint_eq(sim.undone, 0);
	add(1, &theirs);
	ck_assert(sim_run(&sim, 10 * SIM_MINUTE, on_theirs));
	ck_assert_uint_eq(sim.undone, 500);
	sim_chain_free(&third);
	end();
}
END_TEST

/* A certified block on top of ours changes nothing about how it is fetched, though somebody is on another chain. */
START_TEST(a_certified_block_of_our_own_chain_is_no_fork)
{
	begin(62, 100, 200, 260);
	sim_chain_grow(&ours, 50);
	add(4, &ours);
	add(1, &theirs);
	certify(&ours, 240);
	ck_assert(sim_run(&sim, 2 * SIM_MINUTE, on_ours_grown));
	ck_assert_uint_eq(sim.reorganisations, 0);
	ck_assert_uint_eq(sim.undone, 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync_fork");
	TCase *tc = tcase_create("fork"), *any = tcase_create("forks");

	tcase_add_test(tc, more_than_two_thirds_win_at_once);
	tcase_add_test(tc, longer_chain_is_taken_to_its_end);
	tcase_add_test(tc, shorter_chain_wins_too);
	tcase_add_test(tc, two_answers_are_the_least);
	tcase_add_test(tc, five_answers_are_needed_where_there_are_so_many);
	tcase_add_test(tc, mute_peers_do_not_count);
	tcase_add_test(tc, minority_is_asked_about_once_a_minute);
	tcase_add_test(tc, two_thirds_need_three_rounds);
	tcase_add_test(tc, equal_halves_become_one_chain);
	tcase_add_test(tc, low_stranger_keeps_no_halves_apart);
	tcase_add_test(tc, one_peer_is_a_tie);
	tcase_add_test(tc, three_chains_tie);
	tcase_add_test(tc, reorganisation_of_1000_and_not_of_1001);
	tcase_add_test(tc, failed_reorganisation_is_remembered);
	tcase_add_test(tc, anchor_of_another_chain_leads_to_the_question);
	tcase_add_test(tc, strange_block_asks_at_once);
	tcase_add_test(tc, low_stranger_hides_no_fork);
	tcase_add_test(tc, heavy_branch_is_fetched_in_parts);
	tcase_add_test(tc, our_chain_may_grow_meanwhile);
	tcase_add_test(tc, slow_peer_does_not_hold_up_the_search);
	tcase_add_test(tc, silent_peers_do_not_hold_up_everything);
	tcase_add_test(tc, one_does_not_make_a_fork_too_deep);
	tcase_add_test(tc, false_ancestor_is_found_out);
	tcase_add_test(tc, a_certified_chain_wins_whatever_peers_answer);
	tcase_add_test(tc, nothing_is_undone_for_a_false_ancestor);
	tcase_add_test(tc, a_certified_block_of_our_own_chain_is_no_fork);
	suite_add_tcase(suite, tc);
	tcase_add_test(any, any_fork_ends_on_the_chain_of_most);
	tcase_set_timeout(any, 100);
	suite_add_tcase(suite, any);
	return run_suite(suite);
}
