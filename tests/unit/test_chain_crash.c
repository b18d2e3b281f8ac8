// SPDX-License-Identifier: MIT
/* chain_store: a process that connects, reorganises, rebuilds or recovers is killed by SIGKILL, at random times and at
 * every crash point (adversarial 51).  Whatever happens, the next opening succeeds, nothing is wrong with the store,
 * its tip is the one before or the one after what was being done, and its UTXO state hash is that of the model.
 *
 * This process never opens a database: children do everything, since RocksDB's threads do not survive a fork.  What
 * they are doing stands in memory that is shared with them, and what they say in a file that is shown when one of them
 * fails. 50 rounds; 1,000 with TIMED_TEST_ROUNDS=all, 5, and every sixth
 * crash point, with TIMED_TEST_ROUNDS=few. */
#include "chain_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "chain_format.h"
#include "rounds.h"
#include "run_suite.h"
#include "timed/util/crash_point.h"

#define NODES 90
/* of the tree's newest nodes, what a new one may hang on */
#define SPREAD 10
/* Blocks that may be undone: some walks are too deep. */
#define MAX_DEPTH 14

/* The tree. */
static struct node {
	const struct fixture_block *block;
	bool valid; /* it and its ancestors */
	struct wire_hash state;
} nodes[NODES];

/* What a child is doing. */
static struct shared {
	atomic_size_t settled; /* node: the tip, for sure, before it began */
	atomic_size_t target;  /* node: the tip, if it is done */
	atomic_uint done;      /* things done */
} * shared;

/* ---- the tree ---- */

static struct fixture_block *make_bad(const struct fixture_block *on, uint32_t salt)
{
	struct fixture_block *block = fixture_block(f, on, NULL, 0, salt);

	block->block.masternode_rewards.items[0].amount++;
	fixture_repay(f, block);
	fixture_seal(f, block);
	return block;
}

static void make_tree(void)
{
	nodes[0] = (struct node){.block = f->root, .valid = true};
	fixture_state_hash(f, f->root, &nodes[0].state);
	for (size_t i = 1; i < NODES; i++) {
		size_t on = i - 1 - fixture_random(f, i < SPREAD ? i : SPREAD);
		bool bad = fixture_random(f, 12) == 0;

		nodes[i].valid = nodes[on].valid && !bad;
		nodes[i].block = bad ? make_bad(nodes[on].block, (uint32_t)i)
				     : fixture_random_block(f, nodes[on].block, nodes[on].valid ? 5 : 0, (uint32_t)i);
		if (nodes[i].valid)
			fixture_state_hash(f, nodes[i].block, &nodes[i].state);
	}
}

static size_t node_of(const struct wire_hash *hash)
{
	size_t i = 0;

	while (i < NODES && !hash_equal(&nodes[i].block->ids.hash, hash))
		i++;
	return i;
}

static bool is_ancestor(const struct fixture_block *ancestor, const struct fixture_block *block)
{
	return block->block.header.height >= ancestor->block.header.height &&
	       fixture_ancestor(block, ancestor->block.header.height) == ancestor;
}

/* ---- children ---- */

/* A child ends here when something is as it must not be. */
static _Noreturn void give_up(const char *what, int r)
{
	fprintf(stderr, "%s: %d %s %s; settled %zu, target %zu\n", what, r, failure.text, fault.text,
		atomic_load(&shared->settled), atomic_load(&shared->target));
	_exit(3);
}

static size_t tip_node(void)
{
	return node_of(&chain_store_tip(chain)->hash);
}

static void settle(void)
{
	size_t tip = tip_node();

	atomic_store(&shared->settled, tip);
	atomic_store(&shared->target, tip);
	atomic_fetch_add(&shared->done, 1);
}

static void child_open(void)
{
	int r = store_open(&store, &failure, &params);

	if (!r)
		r = chain_store_open(&chain, &failure, store, &chain_params);
	if (r)
		give_up("opening", r);
}

static void child_close(void)
{
	chain_store_close(chain);
	store_close(store);
	chain = NULL;
	store = NULL;
}

/* A random valid child of a node; the node itself when there is none. */
static size_t child_of(size_t node)
{
	size_t found = node, seen = 0;

	for (size_t i = 1; i < NODES; i++) {
		if (nodes[i].valid && nodes[i].block->parent == nodes[node].block && fixture_random(f, ++seen) == 0)
			found = i;
	}
	return found;
}

/* Some blocks onto the tip, in one batch. */
static void do_grow(void)
{
	const struct fixture_block *blocks[5];
	size_t count = 0, tip = tip_node(), most = 1 + fixture_random(f, 5);
	int r = 0;

	for (size_t next; count < most && (next = child_of(tip)) != tip; tip = next)
		blocks[count++] = nodes[next].block;
	atomic_store(&shared->target, tip);
	for (size_t i = 0; i < count && !r; i++)
		r = connect_block(blocks[i]);
	if (!r)
		r = chain_store_flush(chain, fixture_random(f, 4) == 0);
	if (r || tip_node() != tip)
		give_up("growing", r);
}

/* To a random node, which may hang on a bad block, or lie too deep. */
static void do_jump(void)
{
	size_t to = fixture_random(f, NODES), tip = tip_node();
	int r;

	if (is_ancestor(nodes[to].block, nodes[tip].block))
		return;
	for (const struct fixture_block *block = nodes[to].block; block->parent; block = block->parent) {
		r = chain_store_keep(chain, &block->block, &block->ids);
		if (r)
			give_up("keeping", r);
	}
	if (nodes[to].valid)
		atomic_store(&shared->target, to);
	r = reorganise(nodes[to].block);
	if (r != 0 && r != CHAIN_STORE_E_TOO_DEEP && (nodes[to].valid || r != CHAIN_STORE_E_RULE))
		give_up("reorganising", r);
	if (tip_node() != (r ? tip : to))
		give_up("reorganised", r);
}

static void do_reindex(void)
{
	size_t tip = tip_node();
	int r = chain_store_reindex(chain, &fault, NULL, NULL);

	if (r || tip_node() != tip)
		give_up("rebuilding", r);
}

static void do_something(void)
{
	uint64_t what = fixture_random(f, 40);
	int r = 0;

	if (what < 16) {
		do_grow();
	} else if (what < 34) {
		do_jump();
	} else if (what < 36) {
		r = chain_store_trim_branches(chain);
	} else if (what < 39) {
		child_close();
		child_open();
	} else {
		do_reindex();
	}
	if (r)
		give_up("trimming", r);
	settle();
}

/* Opens, which may have to recover, and does things for a while. */
static void run_random(void)
{
	child_open();
	settle();
	for (int i = 0; i < 60; i++)
		do_something();
	child_close();
}

/* Opens and closes: recovers. */
static void run_open(void)
{
	child_open();
	settle();
	child_close();
}

/* Nothing is wrong, and the tip is one of the two that it may be. */
static void run_check(void)
{
	size_t settled = atomic_load(&shared->settled), target = atomic_load(&shared->target), tip;
	struct wire_hash hash;
	struct chain_view *view;
	struct chain_verified verified = {0};
	int r;

	child_open();
	tip = tip_node();
	if (tip >= NODES || !nodes[tip].valid || (tip != settled && tip != target))
		give_up("the tip is another one", (int)tip);
	view = chain_store_view(chain);
	r = chain_view_state_hash(view, &hash);
	chain_view_unref(view);
	if (r || !hash_equal(&hash, &nodes[tip].state))
		give_up("the UTXO state hash differs", r);
	r = chain_store_verify(chain, &verified, take_finding, NULL, NULL);
	if (r || verified.findings > 0) {
		fprintf(stderr, "%s\n", finding);
		give_up("verify", (int)verified.findings);
	}
	settle();
	child_close();
}

static void log_path(char path[100])
{
	snprintf(path, 100, "%s/log", parent);
}

/* Starts a child, with a crash point armed unless `crash` is NULL. */
static pid_t start_child(void (*run)(void), const char *crash)
{
	pid_t child = fork();
	char path[100];
	int fd;

	if (child != 0)
		return child;
	log_path(path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(4);
	if (crash)
		setenv("TIMED_CRASH", crash, 1);
	if (crash_point_load())
		_exit(4);
	run();
	_exit(0);
}

static void show_log(void)
{
	char path[100], line[1024];
	FILE *file;

	log_path(path);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, stderr);
	if (file)
		fclose(file);
}

/* True when it was killed; else it has done what it had to do. */
static bool was_killed(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	if (status != 0)
		show_log();
	ck_assert_msg(status == 0, "a child failed: status %#x", (unsigned)status);
	return false;
}

static bool run_child(void (*run)(void), const char *crash)
{
	return was_killed(start_child(run, crash));
}

static void check_child(void)
{
	ck_assert(!run_child(run_check, NULL));
}

/* ---- fixture ---- */

static void crash_setup(void)
{
	chain_setup();
	chain_params.max_reorg_depth = MAX_DEPTH;
	chain_params.overlay_bytes = (size_t)16 << 10;
	params.cache_bytes = 0;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	make_tree();
}

static void crash_teardown(void)
{
	munmap(shared, sizeof(*shared));
	chain_teardown();
}

/* From genesis. */
static void start_anew(void)
{
	remove_tree(dir);
	atomic_store(&shared->settled, 0);
	atomic_store(&shared->target, 0);
}

/* ---- random times ---- */

static int rounds(void)
{
	return rounds_are("few") ? 5 : rounds_are("all") ? 1000 : 50;
}

/* Kills the child after it has done some things, somewhere in the next. */
static void kill_child(pid_t child, unsigned things, useconds_t us)
{
	unsigned begin = atomic_load(&shared->done);
	int status;

	while (atomic_load(&shared->done) - begin < things && waitpid(child, &status, WNOHANG | WNOWAIT) == 0)
		sched_yield();
	usleep(us);
	kill(child, SIGKILL);
}

#ifdef TIMED_FAULTS
/* Those of the chain come first. */
#define CHAIN_CRASH_POINTS CRASH_VOTES_BEFORE_WRITE

/* A crash point at a random passage, in `text`; NULL: none. */
static const char *random_crash(char text[64])
{
	if (fixture_random(f, 2))
		return NULL;
	snprintf(text, 64, "%s@%d", crash_point_name((enum crash_point)fixture_random(f, CHAIN_CRASH_POINTS)),
		 1 + (int)fixture_random(f, 6));
	return text;
}
#else
static const char *random_crash(char text[64])
{
	(void)text;
	return NULL;
}
#endif

START_TEST(killed_at_random_times)
{
	int killed = 0, killed_recovering = 0;
	char text[64];

	for (int round = 0; round < rounds(); round++) {
		const char *crash = random_crash(text);
		pid_t child;

		/* children do different things in each round */
		f->random += 1000;
		child = start_child(run_random, crash);
		if (!crash)
			kill_child(child, (unsigned)fixture_random(f, 40), (useconds_t)fixture_random(f, 4000));
		killed += was_killed(child);
		for (uint64_t again = fixture_random(f, 3); again > 0; again--) {
			crash = random_crash(text);
			child = start_child(run_open, crash);
			if (!crash)
				kill_child(child, 0, (useconds_t)fixture_random(f, 30000));
			killed_recovering += was_killed(child);
		}
		check_child();
		if (fixture_random(f, 10) == 0)
			start_anew();
	}
	ck_assert_int_gt(killed, rounds() / 3);
	ck_assert_int_gt(killed_recovering, 0);
}
END_TEST

/* ---- crash points ---- */

#ifdef TIMED_FAULTS

/* A fork: two blocks of ours, and of theirs one that is good, one that is bad. */
static const struct fixture_block *fork_point, *ours, *theirs, *bad;

static void expect_in_child(const char *what, int got, int expected)
{
	if (got != expected)
		give_up(what, got);
}

static void keep_in_child(const struct fixture_block *block)
{
	expect_in_child("keeping", chain_store_keep(chain, &block->block, &block->ids), 0);
}

/* Passes every crash point that is not passed in recovery alone. */
static void run_script(void)
{
	child_open();
	settle();
	for (uint64_t h = 1; h <= ours->block.header.height; h++) {
		const struct fixture_block *block = fixture_ancestor(ours, h);

		atomic_store(&shared->target, node_of(&block->ids.hash));
		expect_in_child("connecting", connect_block(block), 0);
		expect_in_child("writing", chain_store_flush(chain, h % 2 == 0), 0);
		settle();
	}
	keep_in_child(bad);
	keep_in_child(theirs);
	expect_in_child("a bad branch", reorganise(bad), CHAIN_STORE_E_RULE);
	settle();
	atomic_store(&shared->target, node_of(&theirs->ids.hash));
	expect_in_child("a good branch", reorganise(theirs), 0);
	settle();
	child_close();
	chain_params.max_reorg_depth = 0;
	child_open();
	expect_in_child("trimming", chain_store_trim_branches(chain), 0);
	do_reindex();
	settle();
	child_close();
}

/* Replaces the tree by the few blocks of the script. */
static void make_script(void)
{
	const struct fixture_block *all[8];
	size_t count = 0;

	fork_point = fixture_random_block(f, f->root, 5, 1);
	ours = fixture_random_block(f, fixture_random_block(f, fork_point, 5, 1), 5, 1);
	theirs = fixture_random_block(f, fork_point, 5, 2);
	bad = make_bad(theirs, 2);
	all[count++] = f->root;
	all[count++] = fork_point;
	all[count++] = ours->parent;
	all[count++] = ours;
	all[count++] = theirs;
	for (size_t i = 0; i < NODES; i++) {
		nodes[i] = (struct node){.block = all[i < count ? i : 0], .valid = true};
		fixture_state_hash(f, nodes[i].block, &nodes[i].state);
	}
}

START_TEST(killed_at_each_crash_point)
{
	const char *name = crash_point_name((enum crash_point)_i);
	char crash[64];

	if (rounds_skip(_i, 12))
		return;
	make_script();
	for (int passage = 1; passage <= (rounds() > 50 ? 8 : 2); passage++) {
		start_anew();
		snprintf(crash, sizeof(crash), "%s@%d", name, passage);
		/* every point is passed at least once */
		if (!run_child(run_script, crash)) {
			ck_assert_msg(passage > 1, "%s is never passed", name);
			check_child();
			return;
		}
		check_child();
	}
}
END_TEST

START_TEST(killed_at_each_crash_point_of_recovering)
{
	/* first in the middle of a reorganisation or of a rebuild, then in what mends it, again and again */
	static const struct {
		const char *first;
		enum crash_point from, to; /* of mending */
	} cases[] = {
		{"reorg-after-mark", CRASH_BACK_BEGIN, CRASH_BACK_AFTER_UNMARK},
		{"reorg-after-disconnect@2", CRASH_BACK_BEGIN, CRASH_BACK_AFTER_UNMARK},
		{"reorg-after-connect", CRASH_BACK_BEGIN, CRASH_BACK_AFTER_UNMARK},
		{"back-after-disconnect", CRASH_BACK_BEGIN, CRASH_BACK_AFTER_UNMARK},
		{"reindex-after-mark", CRASH_REINDEX_AFTER_CLEAR, CRASH_REINDEX_AFTER_UNMARK},
		{"reindex-after-clear@3", CRASH_REINDEX_AFTER_CLEAR, CRASH_REINDEX_AFTER_UNMARK},
		{"reindex-cleared", CRASH_REINDEX_BEFORE_WRITE, CRASH_REINDEX_AFTER_UNMARK},
		{"reindex-after-write", CRASH_REINDEX_BEFORE_UNMARK, CRASH_REINDEX_AFTER_UNMARK},
	};
	int killed = 0;

	if (rounds_skip(_i, 12))
		return;
	make_script();
	for (enum crash_point point = cases[_i].from; point <= cases[_i].to; point++) {
		start_anew();
		if (!run_child(run_script, cases[_i].first))
			ck_abort_msg("%s is never passed", cases[_i].first);
		for (int again = 0; again < 2; again++)
			killed += run_child(run_open, crash_point_name(point));
		check_child();
	}
	/* each of them, most of them twice: what mends begins anew */
	ck_assert_int_gt(killed, (int)(cases[_i].to - cases[_i].from) / 2);
}
END_TEST

/* What a walk from `theirs` leaves that has come to `ours`; there is a way back only if its block is kept. */
static void leave_walk(bool kept)
{
	struct chain_reorg_mark mark = {.new_tip = ours->ids.hash};
	uint8_t value[CHAIN_REORG_BYTES];

	mark.ancestor.height = fork_point->block.header.height;
	mark.ancestor.hash = fork_point->ids.hash;
	mark.old_tip.height = theirs->block.header.height;
	mark.old_tip.hash = theirs->ids.hash;
	chain_reorg_value(value, &mark);
	child_open();
	for (uint64_t h = 1; h <= ours->block.header.height; h++)
		expect_in_child("connecting", connect_block(fixture_ancestor(ours, h)), 0);
	expect_in_child("writing", chain_store_flush(chain, false), 0);
	if (kept)
		keep_in_child(theirs);
	expect_in_child("marking", store_put(store, STORE_META, "reorg", 5, value, sizeof(value), true), 0);
	child_close();
	atomic_store(&shared->settled, node_of(kept ? &theirs->ids.hash : &ours->ids.hash));
	atomic_store(&shared->target, atomic_load(&shared->settled));
}

static void run_leave_walk(void)
{
	leave_walk(true);
}

static void run_leave_lost_walk(void)
{
	leave_walk(false);
}

static void run_rebuild(void)
{
	chain_params.reindex = true;
	child_open();
	child_close();
}

/* Once it has begun, what is left of it needs no second --reindex. */
START_TEST(killed_in_a_rebuild_that_ends_a_walk)
{
	bool kept = _i <= CRASH_BACK_AFTER_UNMARK; /* those of the way back come first */

	if (_i > CRASH_BACK_AFTER_UNMARK && _i < CRASH_REINDEX_AFTER_MARK)
		return;
	make_script();
	start_anew();
	ck_assert(!run_child(kept ? run_leave_walk : run_leave_lost_walk, NULL));
	ck_assert(run_child(run_rebuild, crash_point_name((enum crash_point)_i)));
	check_child();
}
END_TEST

#endif

static void crash_case(Suite *suite)
{
	TCase *c = tcase_create("crash");

	tcase_set_timeout(c, 3600);
	tcase_add_checked_fixture(c, crash_setup, crash_teardown);
	tcase_add_test(c, killed_at_random_times);
#ifdef TIMED_FAULTS
	tcase_add_loop_test(c, killed_at_each_crash_point, 0, CHAIN_CRASH_POINTS);
	tcase_add_loop_test(c, killed_at_each_crash_point_of_recovering, 0, 8);
	tcase_add_loop_test(c, killed_in_a_rebuild_that_ends_a_walk, CRASH_BACK_BEGIN, CRASH_REINDEX_AFTER_UNMARK + 1);
#endif
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("chain crash");

	crash_case(suite);
	return run_suite(suite);
}
