// SPDX-License-Identifier: MIT
/* The pool: what survives in pool.dat, and what damage does to it (adversarial.md 36, 55). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "pool_fixture.h"
#include "pool_format.h"
#include "run_suite.h"

static char pool_dir[64];
static char file_path[96];
static struct pool_loaded loaded;

/* In the place of the system's: counts, and fails when told to. */
static int sync_count, sync_error;
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	sync_count++;
	errno = sync_error;
	return sync_error ? -1 : __real_fdatasync(fd);
}

static void must_load(void)
{
	ck_assert_int_eq(pool_load(pool, &loaded, now_s), 0);
}

static void store_setup(void)
{
	strcpy(pool_dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_pool.XXXXXX" : "/tmp/test_pool.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(pool_dir));
	snprintf(file_path, sizeof(file_path), "%s/pool.dat", pool_dir);
	pool_setup_at(pool_dir);
	must_load();
}

static void store_teardown(void)
{
	pool_teardown();
	remove_tree(pool_dir);
}

/* The process dies here: nothing is said to the pool. */
static void crash(void)
{
	forget_events();
	pool_free(pool);
	must_create();
	must_load();
}

static void restart(void)
{
	ck_assert_int_eq(pool_save(pool), 0);
	crash();
}

static size_t file_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat(file_path, &st), 0);
	return (size_t)st.st_size;
}

static bool is_aside(void)
{
	char aside[112];

	snprintf(aside, sizeof(aside), "%s.damaged", file_path);
	return access(aside, F_OK) == 0;
}

static void expect_loaded(size_t finalized, size_t pending, size_t settled, size_t dropped)
{
	ck_assert_uint_eq(loaded.finalized, finalized);
	ck_assert_uint_eq(loaded.pending, pending);
	ck_assert_uint_eq(loaded.settled, settled);
	ck_assert_uint_eq(loaded.dropped, dropped);
}

/* ---- survival ---- */

START_TEST(a_stop_keeps_everything)
{
	struct wire_transaction a = pay(), b = spend(&a, 0), c = pay(), d = pay();
	struct wire_hash txid_a = txid_of(&a), txid_b = txid_of(&b), txid_d = txid_of(&d);
	struct pool_summary before;
	struct pool_info info;
	struct pool_past past;
	struct stat st;

	must_insert(&a);
	must_insert(&d);
	must_finalize(&d);
	mine_one(&d);
	now_s += 5;
	must_insert(&b);
	must_insert(&c);
	now_s += 5;
	must_finalize(&a);
	before = summary();
	restart();
	expect_loaded(1, 2, 1, 0);
	ck_assert_int_eq(stat(file_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_uint_eq(summary().bytes, before.bytes);
	ck_assert_uint_eq(summary().fees, before.fees);
	ck_assert_int_eq(pool_find(pool, &info, &txid_a), 0);
	ck_assert(info.finalized);
	ck_assert_uint_eq(info.votes, 3);
	ck_assert_int_eq(info.inserted_s, now_s - 10);
	ck_assert_int_eq(info.finalized_s, now_s);
	ck_assert_uint_eq(info.descendants.count, 2);
	pool_info_free(&info);
	ck_assert_int_eq(pool_find(pool, &info, &txid_b), 0);
	ck_assert(!info.finalized);
	ck_assert_int_eq(info.inserted_s, now_s - 5);
	ck_assert_uint_eq(info.ancestors.count, 2);
	pool_info_free(&info);
	pool_find_past(pool, &past, &txid_d);
	ck_assert_int_eq(past.fate, POOL_FATE_SETTLED);
	ck_assert_uint_eq(past.height, tip->block.header.height);
	ck_assert(has(&c));
	expect_no_events();
	restart(); /* and again */
	expect_loaded(1, 2, 1, 0);
}
END_TEST

START_TEST(a_crash_keeps_what_is_finalized)
{
	struct wire_transaction a = pay(), b = spend(&a, 0), c = pay();

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_finalize(&b);
	crash();
	/* with what it stands on, and nothing else */
	expect_loaded(1, 1, 0, 0);
	ck_assert(is_final(&b) && has(&a) && !is_final(&a));
	must_finalize(&a);
	crash();
	expect_loaded(2, 0, 0, 0);
	must_insert(&c);
	must_finalize(&c);
	crash();
	expect_loaded(3, 0, 0, 0);
}
END_TEST

START_TEST(a_crash_after_a_stop_keeps_both)
{
	struct wire_transaction a = pay(), b = pay();

	must_insert(&a);
	must_insert(&b);
	restart();
	expect_loaded(0, 2, 0, 0);
	must_finalize(&b); /* the file has it: a few bytes say the rest */
	crash();
	expect_loaded(1, 1, 0, 0);
	ck_assert(is_final(&b));
}
END_TEST

START_TEST(what_a_block_took_is_settled)
{
	struct wire_transaction a = pay(), b = pay();
	struct wire_hash txid = txid_of(&a);
	const struct fixture_block *fork = tip;
	struct pool_past past;

	must_insert(&a);
	must_insert(&b);
	must_finalize(&a);
	restart();
	mine((struct wire_transaction[]){a, b}, 2);
	crash(); /* before the pool wrote anything of the block */
	expect_loaded(0, 0, 1, 1);
	pool_find_past(pool, &past, &txid);
	ck_assert_int_eq(past.fate, POOL_FATE_SETTLED);
	ck_assert_uint_eq(past.height, tip->block.header.height);
	/* and comes back finalized */
	reorganise_pool(fork, fixture_extend(f, fork, 2, 7));
	ck_assert(is_final(&a));
	ck_assert(has(&b) && !is_final(&b));
}
END_TEST

START_TEST(what_came_back_with_a_finalized_one_is_kept)
{
	/* a is confirmed when b is written; then its block is undone, and b is nothing without it */
	const struct fixture_block *fork = tip;
	struct wire_transaction a = pay(), b = spend(&a, 0);

	must_insert(&a);
	mine_one(&a);
	must_insert(&b);
	must_finalize(&b);
	reorganise_pool(fork, fixture_extend(f, fork, 2, 7));
	ck_assert(has(&a) && is_final(&b));
	crash();
	expect_loaded(1, 1, 0, 0); /* though a stands behind b in the file */
	ck_assert(has(&a) && is_final(&b));
}
END_TEST

START_TEST(what_is_not_valid_any_more_is_dropped)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	struct wire_transaction b = spend(&a, 0), c = pay();

	must_insert(&a);
	must_insert(&b);
	must_insert(&c);
	must_finalize(&a);
	ck_assert_int_eq(pool_save(pool), 0);
	mine_one(&rival);
	crash();
	expect_loaded(0, 1, 0, 2);
	ck_assert(has(&c));
}
END_TEST

START_TEST(a_finalized_one_goes_before_what_was_pending)
{
	/* the file has a pending one, which was rejected later, and a finalized rival behind it */
	struct fixture_coin coin = take_coin();
	struct wire_transaction a = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				rival = fixture_pay(f, &coin, 1, 2, COIN_FEE);

	must_insert(&a);
	restart();
	ck_assert_int_eq(reject(&a), 0);
	must_insert(&rival);
	must_finalize(&rival);
	crash();
	expect_loaded(1, 0, 0, 0);
	ck_assert(is_final(&rival));
}
END_TEST

START_TEST(time_goes_on_while_the_node_is_down)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	ck_assert_int_eq(pool_save(pool), 0);
	now_s += 72 * 3600;
	crash();
	pool_expire(pool, &events, now_s);
	EXPECT_EVENTS({POOL_EXPIRED, &a});
	/* a clock that was ahead: it is not kept for longer than had it come now */
	a = pay();
	must_insert(&a);
	ck_assert_int_eq(pool_save(pool), 0);
	now_s -= 1000 * 3600;
	crash();
	pool_expire(pool, &events, now_s + 72 * 3600);
	EXPECT_EVENTS({POOL_EXPIRED, &a});
}
END_TEST

START_TEST(smaller_limits_are_kept)
{
	struct wire_transaction txs[5];

	for (int i = 0; i < 5; i++) {
		txs[i] = pay_fee(COIN_FEE * (uint64_t)(5 - i));
		must_insert(&txs[i]);
	}
	must_finalize(&txs[4]);
	ck_assert_int_eq(pool_save(pool), 0);
	pool_params.max_count = 3;
	crash();
	expect_loaded(1, 2, 0, 0);
	ck_assert(has(&txs[0]) && has(&txs[1]) && is_final(&txs[4]));
}
END_TEST

START_TEST(the_file_is_written_anew_when_it_has_grown)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction top = split(&coin, 64, 64 * COIN_FEE);
	size_t most = 0, steps = 0, before = file_size();

	pool_params.log_bytes = 4000;
	crash();
	must_insert(&top);
	must_finalize(&top);
	mine_one(&top);
	for (uint32_t i = 0; i < 64; i++) {
		struct wire_transaction kid = spend_fee(&top, i, 100000);

		must_insert(&kid);
		must_finalize(&kid);
		steps += file_size() < before;
		before = file_size();
		most = before > most ? before : most;
		mine_one(&kid);
	}
	ck_assert_uint_ge(steps, 1);
	ck_assert_uint_lt(most, 4000 + 65 * 65 + 4000 + 4500);
	crash();
	ck_assert_uint_eq(loaded.settled, 65);
	ck_assert_uint_eq(loaded.dropped, 0);
}
END_TEST

START_TEST(no_file_at_all)
{
	struct wire_transaction a = pay();

	pool_free(pool);
	ck_assert_int_eq(unlink(file_path), 0);
	pool_params.dir = NULL;
	must_create();
	must_load();
	must_insert(&a);
	must_finalize(&a);
	ck_assert_int_eq(pool_save(pool), 0);
	ck_assert_int_ne(access(file_path, F_OK), 0);
}
END_TEST

/* ---- damage ---- */

static void damage(size_t offset, uint8_t mask)
{
	int fd = open(file_path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= mask;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)offset), 1);
	close(fd);
}

/* No files, an empty pool. */
static void begin_anew(void)
{
	char aside[112];

	snprintf(aside, sizeof(aside), "%s.damaged", file_path);
	(void)unlink(aside);
	ck_assert_int_eq(unlink(file_path), 0);
	crash();
}

START_TEST(cut_off_anywhere)
{
	/* what a crash while writing leaves: everything that was there before it */
	struct wire_transaction a = pay(), b = pay();
	size_t one, two;

	must_insert(&a);
	must_finalize(&a);
	one = file_size();
	must_insert(&b);
	must_finalize(&b);
	two = file_size();
	for (size_t size = 0; size < two; size += 5) {
		begin_anew();
		must_insert(&a);
		must_finalize(&a);
		must_insert(&b);
		must_finalize(&b);
		ck_assert_uint_eq(file_size(), two);
		ck_assert_int_eq(truncate(file_path, (off_t)size), 0);
		crash();
		expect_loaded(size >= one, 0, 0, 0);
		ck_assert(is_aside() == (size != one && size != POOL_FORMAT_HEADER_BYTES));
		/* it goes on from there */
		must_insert(&b);
		must_finalize(&b);
		crash();
		ck_assert(is_final(&b) && is_final(&a) == (size >= one));
	}
}
END_TEST

START_TEST(flipped_anywhere)
{
	struct wire_transaction a = pay(), b = pay();
	size_t first, second, end;

	must_insert(&a);
	must_insert(&b);
	first = file_size();
	must_finalize(&a);
	second = file_size();
	must_finalize(&b);
	end = file_size();
	ck_assert_uint_eq(first, POOL_FORMAT_HEADER_BYTES);
	for (size_t at = 0; at < end; at += 3) {
		begin_anew();
		must_insert(&a);
		must_insert(&b);
		must_finalize(&a);
		must_finalize(&b);
		damage(at, (uint8_t)(1 << at % 8));
		crash();
		/* of two records the damaged one is lost; and what is behind it, if its length is not to be read */
		ck_assert(is_final(&a) == (at >= second));
		if (at < first || at >= second)
			ck_assert(!is_final(&b));
		else if (at >= first + POOL_FORMAT_HEAD_BYTES)
			ck_assert(is_final(&b));
		ck_assert(is_aside());
		for (int i = 0; i < 2; i++) {
			if (!has(i ? &b : &a))
				must_insert(i ? &b : &a);
			must_finalize(i ? &b : &a);
		}
		crash();
		expect_loaded(2, 0, 0, 0);
		ck_assert_uint_eq(file_size(), end);
	}
}
END_TEST

START_TEST(of_another_chain)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	must_finalize(&a);
	f->params.genesis_hash.bytes[0] ^= 1;
	crash();
	expect_loaded(0, 0, 0, 0);
	ck_assert(is_aside());
	f->params.genesis_hash.bytes[0] ^= 1;
}
END_TEST

START_TEST(random_bytes)
{
	for (int round = 0; round < 200; round++) {
		uint8_t bytes[300];
		size_t len = fixture_random(f, sizeof(bytes));
		int fd = open(file_path, O_RDWR | O_CLOEXEC | (round % 2 ? O_APPEND : O_TRUNC));

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)fixture_random(f, round % 3 ? 256 : 4);
		ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
		close(fd);
		crash();
		expect_loaded(0, 0, 0, 0);
		ck_assert_uint_eq(file_size(), POOL_FORMAT_HEADER_BYTES);
	}
}
END_TEST

START_TEST(a_disk_that_is_full)
{
	struct wire_transaction a = pay(), b = pay();
	struct rlimit limit, before;

	must_insert(&a);
	must_insert(&b);
	must_finalize(&a);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit = (struct rlimit){file_size() + 20, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(finalize(&b), -EFBIG);
	ck_assert(is_final(&b)); /* but nobody may be told */
	ck_assert_int_eq(pool_save(pool), -EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	/* part of a record stands in the file: nothing is written behind it */
	ck_assert_int_eq(finalize(&b), -EFBIG);
	crash();
	expect_loaded(1, 0, 0, 0);
	ck_assert(is_aside());
	must_insert(&b);
	must_finalize(&b);
	crash();
	expect_loaded(2, 0, 0, 0);
}
END_TEST

START_TEST(a_full_disk_is_overcome_by_a_stop)
{
	struct wire_transaction a = pay();
	struct rlimit limit, before;

	must_insert(&a);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit = (struct rlimit){file_size() + 20, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(finalize(&a), -EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	restart();
	expect_loaded(1, 0, 0, 0);
	ck_assert(!is_aside());
}
END_TEST

START_TEST(a_call_is_synced_once)
{
	struct wire_transaction txs[5];
	struct pool_mark marks[5];

	for (int i = 0; i < 5; i++) {
		txs[i] = pay();
		must_insert(&txs[i]);
		marks[i] = (struct pool_mark){.txid = txid_of(&txs[i]), .votes = 3, .at_s = now_s};
	}
	sync_count = 0;
	ck_assert_int_eq(pool_finalize(pool, &events, marks, 5), 0);
	ck_assert_int_eq(sync_count, 1);
	ck_assert_int_eq(pool_finalize(pool, &events, marks, 5), 0); /* nothing new */
	ck_assert_int_eq(sync_count, 1);
}
END_TEST

START_TEST(what_is_not_synced_is_not_promised)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	sync_error = EIO;
	ck_assert_int_eq(finalize(&a), -EIO);
	sync_error = 0;
	ck_assert_int_eq(finalize(&a), -EIO);
}
END_TEST

/* ---- the format ---- */

START_TEST(records_round_trip)
{
	struct wire_transaction tx = pay();
	const struct pool_record records[3] = {
		{.kind = POOL_RECORD_TRANSACTION,
		 .transaction = tx,
		 .finalized = true,
		 .votes = UINT32_MAX,
		 .inserted_s = INT64_MIN,
		 .finalized_s = INT64_MAX},
		{.kind = POOL_RECORD_FINAL, .txid = txid_of(&tx), .finalized = true, .votes = 7, .finalized_s = -1},
		{.kind = POOL_RECORD_SETTLED,
		 .txid = txid_of(&tx),
		 .finalized = true,
		 .votes = 7,
		 .finalized_s = 9,
		 .height = UINT64_MAX},
	};
	struct pool_record got;
	struct arena arena;

	arena_init(&arena, (size_t)1 << 20, NULL);
	for (int i = 0; i < 3; i++) {
		struct buf bytes = BUF_INIT;

		pool_format_record(&bytes, &records[i]);
		ck_assert_int_eq(bytes.error, 0);
		ck_assert_uint_eq(pool_format_body_bytes(bytes.data),
				  bytes.len - POOL_FORMAT_HEAD_BYTES - POOL_FORMAT_SUM_BYTES);
		ck_assert_int_eq(pool_format_record_read(&got, &arena, bytes.data, bytes.len), 0);
		ck_assert_int_eq(got.kind, records[i].kind);
		ck_assert_uint_eq(got.votes, records[i].votes);
		ck_assert_int_eq(got.inserted_s, records[i].inserted_s);
		ck_assert_int_eq(got.finalized_s, records[i].finalized_s);
		ck_assert_uint_eq(got.height, records[i].height);
		ck_assert(got.finalized);
		expect_hash(&got.txid, &records[i].txid);
		if (i == 0) {
			struct wire_hash a = txid_of(&got.transaction), b = txid_of(&tx);

			expect_hash(&a, &b);
		}
		for (size_t len = 0; len < bytes.len; len++)
			ck_assert_int_eq(pool_format_record_read(&got, &arena, bytes.data, len), POOL_FORMAT_E_DAMAGED);
		buf_free(&bytes);
	}
	arena_free(&arena);
}
END_TEST

START_TEST(the_longest_transaction_fits)
{
	static uint8_t head[POOL_FORMAT_HEAD_BYTES];
	uint32_t len = CHAIN_MAX_TRANSACTION_BYTES + 21;

	memcpy(head, &len, 4);
	head[4] = POOL_RECORD_TRANSACTION;
	ck_assert_uint_eq(pool_format_body_bytes(head), len);
	head[4] = 0;
	ck_assert_uint_eq(pool_format_body_bytes(head), SIZE_MAX);
	head[4] = POOL_RECORD_SETTLED + 1;
	ck_assert_uint_eq(pool_format_body_bytes(head), SIZE_MAX);
	memset(head, 0xff, 4);
	head[4] = POOL_RECORD_TRANSACTION;
	ck_assert_uint_eq(pool_format_body_bytes(head), SIZE_MAX);
}
END_TEST

static void add_survival(Suite *suite)
{
	TCase *c = tcase_create("survival");

	tcase_add_checked_fixture(c, store_setup, store_teardown);
	tcase_add_test(c, a_stop_keeps_everything);
	tcase_add_test(c, a_crash_keeps_what_is_finalized);
	tcase_add_test(c, a_crash_after_a_stop_keeps_both);
	tcase_add_test(c, what_a_block_took_is_settled);
	tcase_add_test(c, what_came_back_with_a_finalized_one_is_kept);
	tcase_add_test(c, what_is_not_valid_any_more_is_dropped);
	tcase_add_test(c, a_finalized_one_goes_before_what_was_pending);
	tcase_add_test(c, time_goes_on_while_the_node_is_down);
	tcase_add_test(c, smaller_limits_are_kept);
	tcase_add_test(c, the_file_is_written_anew_when_it_has_grown);
	tcase_add_test(c, no_file_at_all);
	suite_add_tcase(suite, c);
}

static void add_damage(Suite *suite)
{
	TCase *c = tcase_create("damage");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, store_setup, store_teardown);
	tcase_add_test(c, cut_off_anywhere);
	tcase_add_test(c, flipped_anywhere);
	tcase_add_test(c, of_another_chain);
	tcase_add_test(c, random_bytes);
	tcase_add_test(c, a_disk_that_is_full);
	tcase_add_test(c, a_full_disk_is_overcome_by_a_stop);
	tcase_add_test(c, a_call_is_synced_once);
	tcase_add_test(c, what_is_not_synced_is_not_promised);
	tcase_add_test(c, records_round_trip);
	tcase_add_test(c, the_longest_transaction_fits);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("pool store");

	add_survival(suite);
	add_damage(suite);
	return run_suite(suite);
}
