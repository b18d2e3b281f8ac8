// SPDX-License-Identifier: MIT
/* The pool against a model of it that is as simple as can be: random graphs of transactions come in, are voted on,
 *mined, undone, evicted, saved and loaded, and after each step the pool must be what the model says, and its events
 *must have told so.
 *
 *	POOL_SEED=n test_pool_model	one seed alone; without it a fixed range of them */
#include <sys/stat.h>

#include "pool_fixture.h"
#include "rounds.h"
#include "run_suite.h"

#define SEEDS 90
#define STEPS 90
#define MAX_TXS 400
#define MAX_COINS 3

/* What a seed is about. */
enum kind { REORGANISING, EVICTING, CRASHING, KINDS };

struct model_tx {
	struct wire_transaction tx;
	struct wire_hash txid;
	struct fixture_coin coins[MAX_COINS]; /* what it spends */
	size_t count;
	uint64_t fee, size;
	bool in_chain, in, final, rejected;
	bool was_final;	       /* when a block took it */
	uint64_t order;	       /* of arrival */
	bool told, told_final; /* in the pool by the events */
};

static struct model_tx txs[MAX_TXS]; /* nobody before what he spends */
static size_t tx_count;
static uint64_t arrivals;
static enum kind kind;
static uint32_t salt;
static char model_dir[64];
static bool dear; /* what is made pays much */

/* ---- the model ---- */

static int find_tx(const struct wire_hash *txid)
{
	for (size_t i = 0; i < tx_count; i++) {
		if (hash_equal(&txs[i].txid, txid))
			return (int)i;
	}
	return -1;
}

static bool same_outpoint(const struct wire_outpoint *a, const struct wire_outpoint *b)
{
	return hash_equal(&a->txid, &b->txid) && a->vout == b->vout;
}

static bool spends(const struct model_tx *t, const struct wire_outpoint *outpoint)
{
	for (size_t k = 0; k < t->count; k++) {
		if (same_outpoint(&t->coins[k].outpoint, outpoint))
			return true;
	}
	return false;
}

static bool is_unspent(const struct fixture_coin *coins, size_t count, const struct wire_outpoint *outpoint)
{
	for (size_t i = 0; i < count; i++) {
		if (same_outpoint(&coins[i].outpoint, outpoint))
			return true;
	}
	return false;
}

/* Relatives of `i` in the pool, itself included; ancestors or descendants. */
static void relatives(bool *out, size_t i, bool up)
{
	memset(out, 0, MAX_TXS * sizeof(out[0]));
	out[i] = true;
	for (bool again = true; again;) {
		again = false;
		for (size_t child = 0; child < tx_count; child++) {
			for (size_t k = 0; txs[child].in && k < txs[child].count; k++) {
				int maker = find_tx(&txs[child].coins[k].outpoint.txid);
				bool *from, *to;

				if (maker < 0 || !txs[maker].in)
					continue;
				from = up ? &out[child] : &out[maker];
				to = up ? &out[maker] : &out[child];
				again = again || (*from && !*to);
				*to = *to || *from;
			}
		}
	}
}

static struct pool_sum sum_of(const bool *set)
{
	struct pool_sum sum = {0};

	for (size_t i = 0; i < tx_count; i++) {
		if (!set[i])
			continue;
		sum.count++;
		sum.bytes += txs[i].size;
		sum.fees += txs[i].fee;
	}
	return sum;
}

static void remove_family(size_t i)
{
	bool set[MAX_TXS];

	relatives(set, i, false);
	for (size_t k = 0; k < tx_count; k++) {
		if (set[k])
			txs[k].in = txs[k].final = false;
	}
}

static void note_chain(void)
{
	for (size_t i = 0; i < tx_count; i++)
		txs[i].in_chain = false;
	for (const struct fixture_block *b = tip; b; b = b->parent) {
		for (size_t k = 0; k < b->block.transactions.len; k++) {
			int i = find_tx(&b->ids.txids[k]);

			if (i >= 0)
				txs[i].in_chain = true;
		}
	}
}

static bool chain_knows(const struct wire_hash *txid)
{
	for (const struct fixture_block *b = tip; b; b = b->parent) {
		for (size_t k = 0; k < b->block.transactions.len; k++) {
			if (hash_equal(&b->ids.txids[k], txid))
				return true;
		}
	}
	return false;
}

/* The first input that cannot be had: an outcome, or 0. */
static int find_inputs(const struct model_tx *t)
{
	struct fixture_coin *unspent;
	size_t count;
	int r = 0;

	unspent = fixture_unspent(f, tip, &count);
	for (size_t k = 0; k < t->count && !r; k++) {
		const struct wire_outpoint *outpoint = &t->coins[k].outpoint;
		int maker = find_tx(&outpoint->txid);

		if ((maker >= 0 && txs[maker].in) || is_unspent(unspent, count, outpoint))
			continue;
		r = chain_knows(&outpoint->txid) ? POOL_E_SPENT : POOL_E_ORPHAN;
	}
	free(unspent);
	return r;
}

static int check_length(size_t i)
{
	bool set[MAX_TXS], down[MAX_TXS];
	int r;

	txs[i].in = true;
	relatives(set, i, true);
	r = sum_of(set).count > pool_params.max_ancestors ? POOL_E_TOO_LONG : 0;
	for (size_t k = 0; k < tx_count && !r; k++) {
		if (!set[k] || k == i)
			continue;
		relatives(down, k, false);
		if (sum_of(down).count > pool_params.max_descendants)
			r = POOL_E_TOO_LONG;
	}
	txs[i].in = false;
	return r;
}

/* What the pool must say of it, but for its being full. */
static int expected_outcome(size_t i)
{
	const struct model_tx *t = &txs[i];
	uint64_t outputs = 0;
	int r;

	if (t->in)
		return POOL_E_KNOWN;
	if (t->rejected)
		return POOL_E_WAS_REJECTED;
	for (size_t k = 0; k < tx_count; k++) {
		for (size_t c = 0; txs[k].in && c < t->count; c++) {
			if (spends(&txs[k], &t->coins[c].outpoint))
				return POOL_E_CONFLICT;
		}
	}
	if (t->in_chain)
		return POOL_E_IN_CHAIN;
	r = find_inputs(t);
	if (r)
		return r;
	for (size_t k = 0; k < t->tx.outputs.len; k++)
		outputs += t->tx.outputs.items[k].value;
	if (t->fee < 1000 || t->fee < outputs / 1000)
		return POOL_E_FEE;
	if (t->fee < pool_min_rate(pool, now_s) * t->size / 1000)
		return POOL_E_MIN_RATE;
	return check_length(i);
}

/* a / b: what a family pays. */
static bool pays_less(const struct pool_sum *a, const struct pool_sum *b)
{
	return a->fees * b->bytes < b->fees * a->bytes;
}

/* The one to be evicted next, -1: nobody may go. */
static int find_worst(void)
{
	struct pool_sum worst_score = {0};
	int worst = -1;

	for (size_t i = 0; i < tx_count; i++) {
		struct pool_sum alone = {1, txs[i].size, txs[i].fee}, score;
		bool set[MAX_TXS], stays = false;

		if (!txs[i].in)
			continue;
		relatives(set, i, false);
		for (size_t k = 0; k < tx_count; k++)
			stays = stays || (set[k] && txs[k].final);
		if (stays)
			continue;
		score = sum_of(set);
		score = pays_less(&score, &alone) ? alone : score;
		if (worst < 0 || pays_less(&score, &worst_score) ||
		    (!pays_less(&worst_score, &score) && txs[i].order > txs[worst].order)) {
			worst = (int)i;
			worst_score = score;
		}
	}
	return worst;
}

static size_t model_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < tx_count; i++)
		count += txs[i].in;
	return count;
}

static void evict(void)
{
	while (model_count() > pool_params.max_count) {
		int worst = find_worst();

		if (worst < 0)
			return;
		remove_family((size_t)worst);
	}
}

/* ---- comparing ---- */

static void apply_events(void)
{
	for (const struct pool_event *e = events.first; e; e = e->next) {
		int i = find_tx(&e->tx->txid);

		ck_assert_int_ge(i, 0);
		switch (e->kind) {
		case POOL_ADDED:
		case POOL_RETURNED:
			ck_assert(!txs[i].told);
			txs[i].told = true;
			txs[i].told_final = e->finalized;
			break;
		case POOL_NOW_FINAL:
			ck_assert(txs[i].told && !txs[i].told_final);
			txs[i].told_final = true;
			break;
		case POOL_CONFIRMED:
		case POOL_REJECTED:
		case POOL_EVICTED:
		case POOL_EXPIRED:
		case POOL_CONFLICTED:
			/* what is lost with its block was not in the pool */
			ck_assert(txs[i].told == (e->tx->coins != NULL));
			ck_assert(!txs[i].told || e->finalized == txs[i].told_final);
			txs[i].told = txs[i].told_final = false;
			break;
		}
	}
	forget_events();
}

static void compare_one(size_t i, const struct pool_info *info)
{
	bool set[MAX_TXS];
	struct pool_sum up, down;

	ck_assert_msg(txs[i].in, "transaction %d should not be in the pool", (int)i);
	ck_assert(info->finalized == txs[i].final);
	ck_assert_uint_eq(info->tx->fee, txs[i].fee);
	ck_assert_uint_eq(info->tx->size, txs[i].size);
	relatives(set, i, true);
	up = sum_of(set);
	relatives(set, i, false);
	down = sum_of(set);
	ck_assert_uint_eq(info->ancestors.count, up.count);
	ck_assert_uint_eq(info->ancestors.bytes, up.bytes);
	ck_assert_uint_eq(info->ancestors.fees, up.fees);
	ck_assert_uint_eq(info->descendants.count, down.count);
	ck_assert_uint_eq(info->descendants.bytes, down.bytes);
	ck_assert_uint_eq(info->descendants.fees, down.fees);
	for (size_t k = 0; k < txs[i].count; k++) {
		struct pool_info spender;

		ck_assert_uint_eq(info->tx->coins[k].value, txs[i].coins[k].value);
		ck_assert_int_eq(pool_find_spender(pool, &spender, &txs[i].coins[k].outpoint), 0);
		expect_hash(&spender.tx->txid, &txs[i].txid);
		pool_info_free(&spender);
	}
}

static void compare_scripts(void)
{
	for (int owner = 0; owner < FIXTURE_OWNERS; owner++) {
		const char *address = f->owners[owner].address;
		struct wire_bytes script = {(const uint8_t *)address, strlen(address)};
		struct pool_list list;
		size_t count = 0;

		for (size_t i = 0; i < tx_count; i++) {
			bool his = false;

			for (size_t k = 0; k < txs[i].count; k++)
				his = his || txs[i].coins[k].owner == owner;
			for (size_t k = 0; k < txs[i].tx.outputs.len; k++)
				his = his || output_of(&txs[i].tx, (uint32_t)k).owner == owner;
			count += txs[i].in && his;
		}
		ck_assert_int_eq(pool_list_script(pool, &list, &script), 0);
		ck_assert_uint_eq(list.count, count);
		pool_list_free(&list);
	}
}

static void compare(void)
{
	struct pool_summary s = summary();
	bool all[MAX_TXS];
	struct pool_sum sum;
	struct pool_list list;
	size_t finals = 0;

	apply_events();
	for (size_t i = 0; i < tx_count; i++) {
		all[i] = txs[i].in;
		finals += txs[i].final;
		ck_assert_msg(txs[i].told == txs[i].in && txs[i].told_final == txs[i].final, "events of transaction %d",
			      (int)i);
	}
	sum = sum_of(all);
	ck_assert_uint_eq(s.count, sum.count);
	ck_assert_uint_eq(s.bytes, sum.bytes);
	ck_assert_uint_eq(s.fees, sum.fees);
	ck_assert_uint_eq(s.finalized, finals);
	ck_assert_int_eq(pool_list(pool, &list, POOL_ALL), 0);
	for (size_t i = 0; i < list.count; i++) {
		int at = find_tx(&list.items[i].tx->txid);

		ck_assert_int_ge(at, 0);
		compare_one((size_t)at, &list.items[i]);
	}
	pool_list_free(&list);
	if (fixture_random(f, 10) == 0)
		compare_scripts();
}

/* ---- steps ---- */

/* A coin: of the chain, of any transaction, or one that somebody spends. */
static bool random_coin(struct fixture_coin *out)
{
	uint64_t choice = fixture_random(f, 10);
	struct fixture_coin *unspent;
	const struct model_tx *t;
	size_t count;

	if (choice < 4 || tx_count == 0) {
		unspent = fixture_unspent(f, tip, &count);
		*out = unspent[fixture_random(f, count)];
		free(unspent);
		return out->owner >= 0;
	}
	/* mostly of late ones, so that chains grow */
	t = &txs[tx_count - 1 - fixture_random(f, tx_count < 12 ? tx_count : 12)];
	if (choice < 9)
		*out = output_of(&t->tx, (uint32_t)fixture_random(f, t->tx.outputs.len));
	else
		*out = t->coins[fixture_random(f, t->count)];
	return true;
}

static bool make_tx(void)
{
	struct model_tx t = {.count = 1 + fixture_random(f, MAX_COINS)};
	size_t outs = 1 + fixture_random(f, 3);
	uint64_t total = 0, values[3];
	int to[3];

	if (tx_count == MAX_TXS)
		return false;
	for (size_t i = 0; i < t.count; i++) {
		if (!random_coin(&t.coins[i]))
			return false;
		for (size_t k = 0; k < i; k++) {
			if (same_outpoint(&t.coins[i].outpoint, &t.coins[k].outpoint))
				return false;
		}
		total += t.coins[i].value;
	}
	if (total < 10000000)
		return false;
	t.fee = fixture_random(f, 10) == 0 ? total / 2000 : total / 1000 + fixture_random(f, total / 100);
	if (dear)
		t.fee += total / 100 + fixture_random(f, total / 10);
	for (size_t i = 0; i < outs; i++) {
		to[i] = (int)fixture_random(f, FIXTURE_OWNERS);
		values[i] = (total - t.fee) / outs;
	}
	values[0] += (total - t.fee) % outs;
	t.tx = fixture_transaction(f, t.coins, t.count, to, values, outs);
	t.txid = txid_of(&t.tx);
	t.size = wire_bincode_size_value(&wire_desc_transaction, &t.tx);
	if (find_tx(&t.txid) >= 0)
		return false;
	txs[tx_count++] = t;
	return true;
}

static void step_insert(size_t i)
{
	int expected = expected_outcome(i), r;

	if (!expected) {
		txs[i].in = true;
		txs[i].order = arrivals++;
		evict();
		if (!txs[i].in)
			expected = POOL_E_FULL;
	}
	r = insert_from(&txs[i].tx, NULL);
	ck_assert_msg(r == expected, "%s and not %s: %s", r ? pool_outcome_name(r) : "0",
		      expected ? pool_outcome_name(expected) : "0", result.fault.text);
}

/* Something new that spends what is in the pool, or is in the way of it, and pays more. */
static void step_expensive(void)
{
	dear = true;
	if (make_tx())
		step_insert(tx_count - 1);
	dear = false;
}

static void step_finalize(size_t i)
{
	int r = finalize(&txs[i].tx);

	ck_assert_int_eq(r, txs[i].in ? 0 : POOL_E_UNKNOWN);
	txs[i].final = txs[i].in;
}

static void step_reject(size_t i)
{
	int r = reject(&txs[i].tx);

	if (txs[i].final) {
		ck_assert_int_eq(r, POOL_E_FINALIZED);
		return;
	}
	ck_assert_int_eq(r, txs[i].in ? 0 : POOL_E_UNKNOWN);
	txs[i].rejected = true;
	if (txs[i].in)
		remove_family(i);
}

/* Fills a block on `on` with transactions that are valid there, each with one chance in `odds`. */
static const struct fixture_block *random_block(const struct fixture_block *on, uint64_t odds)
{
	static struct wire_transaction picked[MAX_TXS];
	bool in_block[MAX_TXS] = {false};
	const struct fixture_block *saved = tip;
	struct fixture_coin *unspent;
	size_t count = 0, coins;

	unspent = fixture_unspent(f, on, &coins);
	tip = on;
	for (size_t i = 0; i < tx_count; i++) {
		bool good = fixture_random(f, odds) == 0 && !chain_knows(&txs[i].txid);

		for (size_t k = 0; good && k < txs[i].count; k++) {
			const struct wire_outpoint *outpoint = &txs[i].coins[k].outpoint;
			int maker = find_tx(&outpoint->txid);

			good = (maker >= 0 && in_block[maker]) || is_unspent(unspent, coins, outpoint);
			for (size_t j = 0; j < i && good; j++)
				good = !in_block[j] || !spends(&txs[j], outpoint);
		}
		if (!good)
			continue;
		in_block[i] = true;
		picked[count++] = txs[i].tx;
	}
	tip = saved;
	free(unspent);
	return fixture_block(f, on, picked, count, salt);
}

/* The model follows a chain that has changed: what was in undone blocks may come back, what can no more be goes. */
static void follow(const struct fixture_block *fork, const struct fixture_block *old)
{
	bool was_in_chain[MAX_TXS];
	struct fixture_coin *unspent;
	size_t count;

	for (size_t i = 0; i < tx_count; i++)
		was_in_chain[i] = txs[i].in_chain;
	note_chain();
	for (size_t i = 0; i < tx_count; i++) {
		if (txs[i].in_chain && txs[i].in) {
			txs[i].was_final = txs[i].final;
			txs[i].in = txs[i].final = false;
		}
		if (was_in_chain[i] && !txs[i].in_chain && old != fork) {
			txs[i].in = true;
			txs[i].final = txs[i].was_final;
			txs[i].was_final = false;
		}
	}
	unspent = fixture_unspent(f, tip, &count);
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < tx_count; i++) {
			for (size_t k = 0; txs[i].in && k < txs[i].count; k++) {
				int maker = find_tx(&txs[i].coins[k].outpoint.txid);

				if ((maker >= 0 && txs[maker].in) ||
				    is_unspent(unspent, count, &txs[i].coins[k].outpoint))
					continue;
				txs[i].in = txs[i].final = false;
				again = true;
			}
		}
	}
	free(unspent);
}

static void step_mine(void)
{
	const struct fixture_block *before = tip;

	for (uint64_t n = 1 + fixture_random(f, 3); n > 0; n--)
		tip = random_block(tip, 1 + fixture_random(f, 3));
	must_connect_up_to(tip);
	must_update();
	follow(before, before);
}

static void step_reorganise(void)
{
	const struct fixture_block *before = tip, *fork, *to;
	uint64_t depth = 1 + fixture_random(f, 4);

	if (tip->block.header.height < POOL_BLOCKS + depth || salt == 500)
		return;
	salt++;
	to = fork = fixture_ancestor(tip, tip->block.header.height - depth);
	for (uint64_t n = 0; n <= depth; n++)
		to = random_block(to, 1 + fixture_random(f, 4));
	reorganise_pool(fork, to);
	follow(fork, before);
}

static void step_assemble(void)
{
	size_t max_count = fixture_random(f, 3) ? SIZE_MAX : fixture_random(f, 20), bytes = 0;
	size_t max_bytes = fixture_random(f, 3) ? SIZE_MAX : fixture_random(f, 5000);
	bool chosen[MAX_TXS] = {false}, set[MAX_TXS];
	struct pool_selection s;

	ck_assert_int_eq(pool_assemble(pool, &s, &tip->ids.hash, max_bytes, max_count), 0);
	for (size_t i = 0; i < s.count; i++) {
		int at = find_tx(&s.items[i]->txid);

		ck_assert(at >= 0 && txs[at].final && !chosen[at]);
		chosen[at] = true;
		bytes += txs[at].size;
		relatives(set, (size_t)at, true);
		for (size_t k = 0; k < tx_count; k++)
			ck_assert(!set[k] || chosen[k]); /* after all that it spends */
	}
	ck_assert_uint_eq(bytes, s.bytes);
	ck_assert(bytes <= max_bytes && s.count <= max_count);
	for (size_t i = 0; i < tx_count && max_bytes == SIZE_MAX && max_count == SIZE_MAX; i++) {
		bool all_final = txs[i].in;

		relatives(set, i, true);
		for (size_t k = 0; k < tx_count; k++)
			all_final = all_final && (!set[k] || txs[k].final);
		ck_assert(chosen[i] == all_final);
	}
	pool_selection_free(&s);
}

static void step_restart(void)
{
	struct pool_loaded loaded;

	ck_assert_int_eq(pool_save(pool), 0);
	pool_free(pool);
	must_create();
	ck_assert_int_eq(pool_load(pool, &loaded, now_s), 0);
	ck_assert_uint_eq(loaded.dropped, 0);
	for (size_t i = 0; i < tx_count; i++)
		txs[i].rejected = false; /* votes are learnt again */
}

/* What is finalized must be there, with what it spends; what else the file had is taken over. */
static void step_crash(void)
{
	struct pool_loaded loaded;

	pool_free(pool);
	must_create();
	ck_assert_int_eq(pool_load(pool, &loaded, now_s), 0);
	for (size_t i = 0; i < tx_count; i++) {
		ck_assert_msg(!txs[i].final || is_final(&txs[i].tx), "transaction %d is lost", (int)i);
		txs[i].in = txs[i].told = has(&txs[i].tx);
		txs[i].final = txs[i].told_final = is_final(&txs[i].tx);
		txs[i].rejected = false;
	}
}

static void step(void)
{
	uint64_t choice = fixture_random(f, 100);

	now_s += (int64_t)fixture_random(f, 60);
	if (choice < 55 || tx_count == 0) {
		if (make_tx())
			step_insert(tx_count - 1);
	} else if (choice < 63) {
		step_insert(fixture_random(f, tx_count));
	} else if (choice < 75) {
		step_finalize(tx_count - 1 - fixture_random(f, tx_count < 20 ? tx_count : 20));
	} else if (choice < 80) {
		step_reject(fixture_random(f, tx_count));
	} else if (choice < 88) {
		if (kind != EVICTING || choice == 80)
			step_mine();
		else
			step_expensive();
	} else if (choice < 93) {
		if (kind != EVICTING)
			step_reorganise();
		else
			step_expensive();
	} else if (choice < 97) {
		step_assemble();
	} else if (kind == CRASHING) {
		step_crash();
	} else {
		step_restart();
	}
}

static void model_setup(void)
{
	strcpy(model_dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_pool.XXXXXX" : "/tmp/test_pool.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(model_dir));
	pool_setup_at(model_dir);
	tx_count = 0;
	arrivals = 0;
	salt = 1;
}

static void model_teardown(void)
{
	pool_teardown();
	remove_tree(model_dir);
}

START_TEST(the_pool_is_what_the_model_says)
{
	const char *wanted = getenv("POOL_SEED");
	unsigned long seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)_i;
	struct pool_loaded loaded;

	f->random = seed;
	kind = (enum kind)(seed % KINDS);
	pool_free(pool);
	if (kind == EVICTING)
		pool_params.max_count = 12;
	else
		pool_params.max_ancestors = pool_params.max_descendants = 8;
	must_create();
	ck_assert_int_eq(pool_load(pool, &loaded, now_s), 0);
	for (int i = 0; i < STEPS; i++) {
		step();
		compare();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool model");
	TCase *c = tcase_create("random");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, model_setup, model_teardown);
	tcase_add_loop_test(c, the_pool_is_what_the_model_says, 0, getenv("POOL_SEED") ? 1 : rounds_are("few") ? SEEDS / 6 : SEEDS);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
