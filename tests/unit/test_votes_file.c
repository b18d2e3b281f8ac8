// SPDX-License-Identifier: MIT
/* votes_file: what is written is read back; what was cut off is told from what was damaged, wherever that is; a file
 * that is written anew holds what binds us; no failure and no crash leaves less than what was synced. */
#include "votes_file.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "rounds.h"
#include "run_suite.h"
#include "scratch.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

#define MOST 64

/* What the reader was told. */
enum told_kind { TOLD_BFT, TOLD_BLOCK, TOLD_FINALITY };
struct told {
	enum told_kind kind;
	struct bft_record bft;
	uint32_t polka; /* entries */
	struct bft_signature last;
	uint64_t height;
	struct wire_hash hash;
	uint64_t rewards; /* of the block: it is the one */
	struct finality_record finality;
	struct wire_outpoint outpoints[8];
	size_t count;
};
static struct told told[MOST];
static size_t told_count;
static int told_return; /* by the reader, at the last entry */

static struct votes_file *votes;
static char text[VOTES_TEXT_SIZE];
static const struct wire_hash genesis = {.bytes = {7}};
static const struct wire_key key = {.bytes = {8}};

static struct told *tell(enum told_kind kind)
{
	ck_assert_uint_lt(told_count, MOST);
	told[told_count] = (struct told){.kind = kind};
	return &told[told_count++];
}

static int read_bft(void *user, const struct bft_record *record, const struct bft_certificate *polka)
{
	struct told *t = tell(TOLD_BFT);

	(void)user;
	t->bft = *record;
	t->polka = polka ? polka->count : 0;
	if (polka)
		t->last = polka->entries[polka->count - 1];
	return told_return;
}

static int read_block(void *user, uint64_t height, const struct wire_hash *hash, const struct wire_block *block)
{
	struct told *t = tell(TOLD_BLOCK);

	(void)user;
	t->height = height;
	t->hash = *hash;
	t->rewards = block->header.block_reward;
	ck_assert_uint_eq(block->header.height, height);
	return told_return;
}

static int read_finality(void *user, const struct votes_finality *entry)
{
	struct told *t = tell(TOLD_FINALITY);

	(void)user;
	ck_assert_uint_le(entry->count, 8);
	t->finality = entry->record;
	t->count = entry->count;
	for (size_t i = 0; i < entry->count; i++)
		t->outpoints[i] = entry->outpoints[i];
	return told_return;
}

static const struct votes_reader reader = {.bft = read_bft, .block = read_block, .finality = read_finality};

static const char *path(void)
{
	return scratch_path("votes");
}

static int open_as(const struct wire_hash *g, const struct wire_key *k)
{
	int r;

	votes_close(votes);
	votes = NULL;
	told_count = 0;
	r = votes_open(&votes, text, path(), g, k, &reader);
	if (r)
		votes = NULL;
	return r;
}

static int reopen(void)
{
	return open_as(&genesis, &key);
}

static void must_open(void)
{
	int r = reopen();

	ck_assert_msg(r == 0, "%d: %s", r, text);
}

static void must_sync(void)
{
	ck_assert_int_eq(votes_sync(votes), 0);
}

/* ---- entries ---- */

static struct wire_hash hash_of(uint8_t n)
{
	struct wire_hash hash = {.bytes = {n, 1}};

	return hash;
}

static void add_bft(uint64_t height, uint64_t round, uint32_t polka)
{
	struct bft_signature entries[16] = {{0}};
	struct bft_certificate certificate = {
		.height = height, .round = round, .phase = WIRE_PHASE_PREVOTE, .count = polka, .entries = entries};
	struct bft_record record = {.kind = BFT_RECORD_PREVOTE,
				    .height = height,
				    .round = round,
				    .hash = hash_of((uint8_t)height),
				    .proposal_round = -1,
				    .locked_round = -1,
				    .valid_round = -1};

	for (uint32_t i = 0; i < polka; i++)
		entries[i] = (struct bft_signature){i, {{(uint8_t)(i + 1)}}};
	ck_assert_int_eq(votes_add_bft(votes, &record, polka ? &certificate : NULL), 0);
}

static void expect_bft(size_t at, uint64_t height, uint64_t round, uint32_t polka)
{
	struct wire_hash hash = hash_of((uint8_t)height);

	ck_assert_uint_lt(at, told_count);
	ck_assert_int_eq(told[at].kind, TOLD_BFT);
	ck_assert_uint_eq(told[at].bft.height, height);
	ck_assert_uint_eq(told[at].bft.round, round);
	ck_assert(hash_equal(&told[at].bft.hash, &hash));
	ck_assert_uint_eq(told[at].polka, polka);
	if (polka) {
		ck_assert_uint_eq(told[at].last.voter, polka - 1);
		ck_assert_uint_eq(told[at].last.signature.bytes[0], polka);
	}
}

/* Of about so many bytes. */
static int try_block(uint64_t height, uint8_t n, size_t bytes)
{
	static uint8_t script[984];
	struct wire_hash hash = hash_of(n);
	struct wire_tx_output *outputs = calloc(bytes / 1000 + 1, sizeof(outputs[0]));
	struct wire_transaction tx = {.version = 1, .outputs = {outputs, bytes / 1000}};
	struct wire_block block = {.header = {.version = 1, .height = height, .block_reward = n},
				   .transactions = {&tx, 1}};
	int r;

	ck_assert_ptr_nonnull(outputs);
	for (size_t i = 0; i < bytes / 1000; i++)
		outputs[i].script_pubkey = (struct wire_bytes){script, sizeof(script)};
	r = votes_add_block(votes, height, &hash, &block);
	free(outputs);
	return r;
}

static void add_block(uint64_t height, uint8_t n)
{
	ck_assert_int_eq(try_block(height, n, 20), 0);
}

static void expect_block(size_t at, uint64_t height, uint8_t n)
{
	struct wire_hash hash = hash_of(n);

	ck_assert_uint_lt(at, told_count);
	ck_assert_int_eq(told[at].kind, TOLD_BLOCK);
	ck_assert_uint_eq(told[at].height, height);
	ck_assert(hash_equal(&told[at].hash, &hash));
	ck_assert_uint_eq(told[at].rewards, n);
}

static void add_finality(uint8_t n, bool approve, size_t count)
{
	struct wire_outpoint outpoints[8];
	struct votes_finality entry = {.record = {.txid = hash_of(n), .approve = approve, .timestamp = -1 - n},
				       .outpoints = outpoints,
				       .count = count};

	for (size_t i = 0; i < count; i++)
		outpoints[i] = (struct wire_outpoint){hash_of(n), UINT32_MAX - (uint32_t)i};
	ck_assert_int_eq(votes_add_finality(votes, &entry), 0);
}

static void expect_finality(size_t at, uint8_t n, bool approve, size_t count)
{
	struct wire_hash hash = hash_of(n);

	ck_assert_uint_lt(at, told_count);
	ck_assert_int_eq(told[at].kind, TOLD_FINALITY);
	ck_assert(hash_equal(&told[at].finality.txid, &hash));
	ck_assert(told[at].finality.approve == approve);
	ck_assert_int_eq(told[at].finality.timestamp, -1 - n);
	ck_assert_uint_eq(told[at].count, count);
	for (size_t i = 0; i < count; i++) {
		ck_assert(hash_equal(&told[at].outpoints[i].txid, &hash));
		ck_assert_uint_eq(told[at].outpoints[i].vout, UINT32_MAX - i);
	}
}

/* Three batches: all kinds of entries. */
static void fill(void)
{
	add_bft(1, 0, 0);
	add_block(1, 1);
	add_finality(10, true, 2);
	must_sync();
	add_finality(11, false, 0);
	must_sync();
	add_bft(2, 3, 5);
	add_finality(12, true, 8);
	must_sync();
}

static void expect_filled(size_t batches)
{
	static const size_t counts[] = {0, 3, 4, 6};

	ck_assert_uint_eq(told_count, counts[batches]);
	if (batches > 0) {
		expect_bft(0, 1, 0, 0);
		expect_block(1, 1, 1);
		expect_finality(2, 10, true, 2);
	}
	if (batches > 1)
		expect_finality(3, 11, false, 0);
	if (batches > 2) {
		expect_bft(4, 2, 3, 5);
		expect_finality(5, 12, true, 8);
	}
}

static uint64_t file_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat(path(), &st), 0);
	return (uint64_t)st.st_size;
}

static void setup(void)
{
	scratch_make();
	told_return = 0;
	/* thousands of warnings */
	log_set_level(LOG_CONSENSUS, LOG_LEVEL_ERROR);
	must_open();
}

static void teardown(void)
{
	votes_close(votes);
	votes = NULL;
	scratch_remove();
}

/* ---- writing and reading ---- */

START_TEST(what_was_synced_is_read_back)
{
	struct stat st;

	fill();
	ck_assert_uint_eq(votes_size(votes), file_size());
	add_bft(3, 0, 0); /* and this was not */
	must_open();
	ck_assert_uint_gt(votes_size(votes), 0);
	expect_filled(3);
	ck_assert_uint_eq(votes_size(votes), file_size());
	ck_assert_int_eq(stat(path(), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);

	/* and on it goes */
	add_bft(3, 1, 16);
	must_sync();
	must_open();
	ck_assert_uint_eq(told_count, 7);
	expect_bft(6, 3, 1, 16);
}
END_TEST

START_TEST(one_without_entries_is_a_file)
{
	ck_assert_int_eq(votes_create(votes), 0);
	must_open();
	ck_assert_uint_gt(votes_size(votes), 0);
	ck_assert_uint_eq(told_count, 0);
	add_finality(1, true, 1);
	must_sync();
	ck_assert_int_eq(votes_create(votes), 0);
	must_open();
	ck_assert_uint_eq(told_count, 1);
}
END_TEST

START_TEST(the_first_sync_makes_it)
{
	struct stat st;

	ck_assert_uint_eq(votes_size(votes), 0);
	must_sync(); /* of nothing */
	ck_assert_int_eq(access(path(), F_OK), -1);
	add_finality(1, true, 1);
	ck_assert_int_eq(access(path(), F_OK), -1);
	must_open();
	ck_assert_uint_eq(votes_size(votes), 0);
	add_finality(1, true, 1);
	umask(0777);
	must_sync();
	umask(022);
	ck_assert_int_eq(stat(path(), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	must_open();
	ck_assert_uint_gt(votes_size(votes), 0);
	ck_assert_uint_eq(told_count, 1);
	/* what was left of a crash is gone */
	scratch_write(scratch_path("votes.new"), "half");
	must_open();
	ck_assert_int_eq(access(scratch_path("votes.new"), F_OK), -1);
}
END_TEST

START_TEST(a_block_is_written_once)
{
	uint64_t size;

	add_block(5, 1);
	add_block(5, 1);
	must_sync();
	size = file_size();
	add_block(5, 1);
	must_sync();
	ck_assert_uint_eq(file_size(), size);
	must_open();
	ck_assert_uint_eq(told_count, 1);
	add_block(5, 1);
	must_sync();
	ck_assert_uint_eq(file_size(), size);
	add_block(6, 1); /* the hash alone does not say which */
	must_sync();
	must_open();
	ck_assert_uint_eq(told_count, 2);
	expect_block(1, 6, 1);
}
END_TEST

START_TEST(long_entries)
{
	/* several batches at one sync; what is longer than a block is no block */
	for (uint8_t i = 0; i < 6; i++)
		ck_assert_int_eq(try_block(i, i, 1900000), 0);
	ck_assert_int_eq(try_block(7, 7, 2000000), -EINVAL);
	add_finality(1, true, 8);
	must_sync();
	ck_assert_uint_gt(file_size(), 6 * 1900000);
	must_open();
	ck_assert_uint_eq(told_count, 7);
	for (uint8_t i = 0; i < 6; i++)
		expect_block(i, i, i);
	expect_finality(6, 1, true, 8);
}
END_TEST

START_TEST(what_the_reader_returns)
{
	fill();
	told_return = -ENOMEM;
	ck_assert_int_eq(reopen(), -ENOMEM);
	ck_assert_uint_eq(told_count, 1);
	told_return = 4;
	ck_assert_int_eq(reopen(), 4);
	ck_assert_str_eq(text, "");
	told_return = 0;
	must_open();
	expect_filled(3);
}
END_TEST

/* ---- damage ---- */

static void expect_damage(uint64_t at)
{
	char place[32];
	int r = reopen();

	snprintf(place, sizeof(place), "at byte %d:", (int)at);
	ck_assert_msg(r == 1 && strstr(text, path()) && strstr(text, place) && strstr(text, "Move it away"),
		      "damaged at %d: %d: %s", (int)at, r, text);
}

START_TEST(another_network_or_key)
{
	struct wire_hash other = {.bytes = {9}};
	struct wire_key stranger = {.bytes = {10}};

	fill();
	ck_assert_int_eq(open_as(&other, &key), 1);
	ck_assert_msg(strstr(text, "another network") != NULL, "%s", text);
	ck_assert_int_eq(open_as(&genesis, &stranger), 1);
	ck_assert_msg(strstr(text, "another key") != NULL, "%s", text);
	ck_assert_uint_eq(told_count, 0);
	must_open();
	expect_filled(3);
}
END_TEST

/* Sizes of the file after each batch of fill(); [0]: its header. */
static uint64_t ends[4];

static void fill_and_note(void)
{
	fill();
	ends[3] = file_size();
	votes_close(votes);
	votes = NULL;
	ends[0] = 100;
	/* the same again, to see the sizes in between */
	ck_assert_int_eq(unlink(path()), 0);
	must_open();
	add_bft(1, 0, 0);
	add_block(1, 1);
	add_finality(10, true, 2);
	must_sync();
	ends[1] = file_size();
	add_finality(11, false, 0);
	must_sync();
	ends[2] = file_size();
	add_bft(2, 3, 5);
	add_finality(12, true, 8);
	must_sync();
	ck_assert_uint_eq(file_size(), ends[3]);
	votes_close(votes);
	votes = NULL;
}

START_TEST(a_torn_tail_is_cut_off)
{
	char *bytes;

	fill_and_note();
	bytes = scratch_read(path());
	for (uint64_t size = ends[0]; size < ends[3]; size += rounds_step()) {
		size_t whole = size < ends[1] ? 0 : size < ends[2] ? 1 : 2;
		FILE *file = fopen(path(), "we");

		ck_assert_ptr_nonnull(file);
		ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
		ck_assert_int_eq(fclose(file), 0);
		must_open();
		expect_filled(whole);
		ck_assert_uint_eq(file_size(), ends[whole]);
		/* what comes next is not joined to it */
		add_finality(1, true, 1);
		must_sync();
		must_open();
		expect_finality(told_count - 1, 1, true, 1);
	}
	free(bytes);
}
END_TEST

START_TEST(room_that_was_never_filled_is_cut_off)
{
	/* the file grew, and its new bytes were not written: all zeros, or from some page on */
	char *bytes;

	fill_and_note();
	bytes = scratch_read(path());
	for (uint64_t from = ends[2]; from < ends[3]; from += rounds_step()) {
		FILE *file = fopen(path(), "we");

		ck_assert_ptr_nonnull(file);
		ck_assert_uint_eq(fwrite(bytes, 1, from, file), from);
		ck_assert_int_eq(fclose(file), 0);
		ck_assert_int_eq(truncate(path(), (off_t)ends[3]), 0);
		/* a head that is half there is not to be told from a damaged one */
		if (from > ends[2] && from < ends[2] + 16) {
			/* a byte of it that is zero anyway is no loss */
			int r = reopen();

			ck_assert_int_ge(r, 0);
			continue;
		}
		must_open();
		expect_filled(2);
		ck_assert_uint_eq(file_size(), ends[2]);
	}
	free(bytes);
}
END_TEST

START_TEST(any_flipped_bit_is_found)
{
	char *bytes;
	int fd;

	fill_and_note();
	bytes = scratch_read(path());
	fd = open(path(), O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (uint64_t at = 0; at < ends[3]; at += rounds_step()) {
		char flipped = (char)(bytes[at] ^ (1 << (at % 8)));

		ck_assert_int_eq(pwrite(fd, &flipped, 1, (off_t)at), 1);
		expect_damage(at < ends[0] ? 0 : at < ends[1] ? ends[0] : at < ends[2] ? ends[1] : ends[2]);
		ck_assert_uint_eq(file_size(), ends[3]);
		ck_assert_int_eq(pwrite(fd, &bytes[at], 1, (off_t)at), 1);
	}
	close(fd);
	must_open();
	expect_filled(3);
	free(bytes);
}
END_TEST

START_TEST(a_header_is_never_torn)
{
	fill_and_note();
	ck_assert_int_eq(truncate(path(), 99), 0);
	expect_damage(99);
	ck_assert_int_eq(truncate(path(), 1), 0);
	expect_damage(1);
}
END_TEST

START_TEST(an_empty_file_says_that_nothing_was_signed)
{
	struct stat st;

	scratch_write(path(), "");
	must_open();
	ck_assert_uint_eq(votes_size(votes), 0);
	must_sync();
	ck_assert_uint_eq(file_size(), 0);
	fill();
	must_open();
	ck_assert_uint_gt(votes_size(votes), 0);
	expect_filled(3);
	ck_assert_int_eq(stat(path(), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

/* ---- anew ---- */

static bool binds_odd(void *user, const struct finality_record *record)
{
	(void)user;
	return record->txid.bytes[0] % 2;
}

START_TEST(written_anew_it_holds_what_binds)
{
	struct votes_keep keep = {.height = 7, .binds = binds_odd};
	uint64_t size;

	ck_assert_int_eq(votes_rewrite(votes, &keep), 0); /* there is none */
	ck_assert_int_eq(access(path(), F_OK), -1);
	for (uint64_t height = 4; height < 9; height++) {
		add_bft(height, 0, 3);
		add_block(height, (uint8_t)height);
		add_finality((uint8_t)height, true, 4);
		must_sync();
	}
	size = file_size();
	add_finality(20, true, 1); /* gathered */
	ck_assert_int_eq(votes_rewrite(votes, &keep), 0);
	ck_assert_uint_lt(file_size(), size);
	ck_assert_uint_eq(votes_size(votes), file_size());
	add_block(8, 8);
	add_block(4, 4); /* it is gone, and so written again */
	must_sync();
	must_open();
	ck_assert_uint_eq(told_count, 8);
	expect_finality(0, 5, true, 4);
	expect_bft(1, 7, 0, 3);
	expect_block(2, 7, 7);
	expect_finality(3, 7, true, 4);
	expect_bft(4, 8, 0, 3);
	expect_block(5, 8, 8);
	expect_finality(6, 20, true, 1);
	expect_block(7, 4, 4);

	/* the records of the highest height stay even when that is settled */
	keep.height = 100;
	ck_assert_int_eq(votes_rewrite(votes, &keep), 0);
	must_open();
	ck_assert_uint_eq(told_count, 4);
	expect_finality(0, 5, true, 4);
	expect_finality(1, 7, true, 4);
	expect_bft(2, 8, 0, 3);
	expect_block(3, 8, 8);
}
END_TEST

START_TEST(when_it_is_due)
{
	struct votes_keep keep = {.height = 0, .binds = binds_odd};
	uint64_t fresh;
	uint8_t n = 0;

	ck_assert(!votes_is_due(votes));
	while (votes_size(votes) <= 16 << 20) {
		ck_assert(!votes_is_due(votes));
		ck_assert_int_eq(try_block(n, n, 1900000), 0);
		n++;
		must_sync();
	}
	ck_assert(votes_is_due(votes));
	must_open();
	ck_assert(votes_is_due(votes));
	ck_assert_int_eq(votes_rewrite(votes, &keep), 0);
	/* all of it had to stay: not before it has doubled */
	fresh = votes_size(votes);
	ck_assert_uint_gt(fresh, 16 << 20);
	while (votes_size(votes) / 2 < fresh) {
		ck_assert(!votes_is_due(votes));
		ck_assert_int_eq(try_block(n, n, 1900000), 0);
		n++;
		must_sync();
	}
	ck_assert(votes_is_due(votes));
	must_open();
	ck_assert_uint_eq(told_count, n);
}
END_TEST

/* ---- failure ---- */

/* No file may grow beyond this: neither may Check's own, so nothing is asserted in between. */
static void limit_files(uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit))
		abort();
	limit.rlim_cur = bytes;
	if (setrlimit(RLIMIT_FSIZE, &limit))
		abort();
}

static int sync_within(uint64_t bytes)
{
	int r;

	limit_files(bytes);
	r = votes_sync(votes);
	limit_files(RLIM_INFINITY);
	return r;
}

START_TEST(a_write_that_fails)
{
	signal(SIGXFSZ, SIG_IGN);
	fill();
	add_finality(13, true, 8);
	ck_assert_int_eq(sync_within(file_size() + 20), -EFBIG);
	/* what comes later would be lost behind it */
	add_finality(14, true, 8);
	ck_assert_int_eq(votes_sync(votes), -EFBIG);
	must_open();
	expect_filled(3);
	add_finality(13, true, 8);
	must_sync();
	must_open();
	ck_assert_uint_eq(told_count, 7);
}
END_TEST

START_TEST(writing_anew_that_fails)
{
	struct votes_keep keep = {.height = 0, .binds = binds_odd};
	uint64_t size;
	int r;

	signal(SIGXFSZ, SIG_IGN);
	fill();
	size = file_size();
	limit_files(size / 2);
	r = votes_rewrite(votes, &keep);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(r, -EFBIG);
	ck_assert_int_eq(access(scratch_path("votes.new"), F_OK), -1);
	/* it goes on as if nothing had been */
	ck_assert_uint_eq(file_size(), size);
	add_finality(13, true, 8);
	must_sync();
	must_open();
	ck_assert_uint_eq(told_count, 7);
}
END_TEST

START_TEST(the_first_write_that_fails)
{
	signal(SIGXFSZ, SIG_IGN);
	add_finality(13, true, 8);
	ck_assert_int_eq(sync_within(120), -EFBIG);
	ck_assert_int_eq(access(path(), F_OK), -1);
	must_open();
	ck_assert_uint_eq(votes_size(votes), 0);
}
END_TEST

#ifdef TIMED_FAULTS

/* A child makes a file, appends to it and writes it anew, and says after each sync that it may send. */
static void child(const char *crash, int sent)
{
	struct votes_keep keep = {.height = 2, .binds = binds_odd};

	setenv("TIMED_CRASH", crash, 1);
	if (crash_point_load())
		_exit(1);
	for (uint8_t i = 1; i < 12; i += 2) {
		if (i == 7 && votes_rewrite(votes, &keep))
			_exit(1);
		add_finality(i, true, 3);
		if (votes_sync(votes) || write(sent, &i, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

START_TEST(killed_at_each_crash_point)
{
	static const enum crash_point points[] = {CRASH_VOTES_BEFORE_WRITE, CRASH_VOTES_BEFORE_SYNC,
						  CRASH_VOTES_AFTER_SYNC, CRASH_VOTES_BEFORE_RENAME,
						  CRASH_VOTES_AFTER_RENAME};
	int passage = 1, died = 1;

	for (; died; passage++) {
		char crash[64], last = -1;
		int sent[2], status;
		pid_t pid;

		snprintf(crash, sizeof(crash), "%s@%d", crash_point_name(points[_i]), passage);
		unlink(path());
		must_open();
		ck_assert_int_eq(pipe(sent), 0);
		pid = fork();
		if (pid == 0)
			child(crash, sent[1]);
		close(sent[1]);
		while (read(sent[0], &last, 1) == 1)
			;
		close(sent[0]);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		died = WIFSIGNALED(status);
		ck_assert(died || status == 0);
		must_open();
		/* all that was sent, and at most what was about to be */
		ck_assert_int_ge((int)told_count, (last + 1) / 2);
		ck_assert_int_le((int)told_count, (last + 1) / 2 + 1);
		for (size_t i = 0; i < told_count; i++)
			expect_finality(i, (uint8_t)(2 * i + 1), true, 3);
	}
	/* made once, written anew once; and one that is never passed is none */
	ck_assert_int_eq(passage - 2, points[_i] >= CRASH_VOTES_BEFORE_RENAME ? 2 : 6);
}
END_TEST

#endif

int main(void)
{
	Suite *suite = suite_create("votes file");
	TCase *c = tcase_create("votes file");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, what_was_synced_is_read_back);
	tcase_add_test(c, the_first_sync_makes_it);
	tcase_add_test(c, one_without_entries_is_a_file);
	tcase_add_test(c, a_block_is_written_once);
	tcase_add_test(c, long_entries);
	tcase_add_test(c, what_the_reader_returns);
	tcase_add_test(c, another_network_or_key);
	tcase_add_test(c, a_torn_tail_is_cut_off);
	tcase_add_test(c, room_that_was_never_filled_is_cut_off);
	tcase_add_test(c, any_flipped_bit_is_found);
	tcase_add_test(c, a_header_is_never_torn);
	tcase_add_test(c, an_empty_file_says_that_nothing_was_signed);
	tcase_add_test(c, written_anew_it_holds_what_binds);
	tcase_add_test(c, when_it_is_due);
	tcase_add_test(c, a_write_that_fails);
	tcase_add_test(c, writing_anew_that_fails);
	tcase_add_test(c, the_first_write_that_fails);
#ifdef TIMED_FAULTS
	tcase_add_loop_test(c, killed_at_each_crash_point, 0, 5);
#endif
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
