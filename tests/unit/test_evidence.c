// SPDX-License-Identifier: MIT
/* evidence: what proves a contradiction is kept, however large the block is, and is there after a start; a damaged file
 * costs what is damaged and no more; the file ends at its bound, and the log says so. */
#include "evidence.h"

#include <inttypes.h>
#include <stdbool.h>

#include "run_suite.h"
#include "scratch.h"
#include "timed/util/log.h"
#include "timeproto/base/arena.h"
#include "timeproto/wire/json.h"

static struct evidence evidence;
static struct consensus_evidence *items;
static size_t count;

static void must_open(void)
{
	ck_assert_int_eq(evidence_init(&evidence, scratch_dir), 0);
}

static void must_list(void)
{
	consensus_evidence_free(items, count);
	ck_assert_int_eq(evidence_list(&evidence, &items, &count), 0);
}

static void setup(void)
{
	scratch_make();
	must_open();
}

static void teardown(void)
{
	consensus_evidence_free(items, count);
	evidence_destroy(&evidence);
	scratch_remove();
}

static const char *file(void)
{
	return scratch_path("evidence.jsonl");
}

/* A vote of `height`, by what is in its signature. */
static void add_votes(uint64_t height)
{
	static uint8_t signatures[2][64] = {{1}, {2}};
	static const uint64_t round = 3;
	static const enum wire_phase phase = WIRE_PHASE_PREVOTE;
	struct wire_message votes[2];

	for (int i = 0; i < 2; i++)
		votes[i] = (struct wire_message){.type = WIRE_BLOCK_VOTE,
						 .u.block_vote = {.block_hash = {{(uint8_t)i}},
								  .height = height,
								  .voter = {"10.0.0.1", 8},
								  .signature = {signatures[i], 64},
								  .approve = i > 0,
								  .round = &round,
								  .phase = &phase}};
	evidence_add(&evidence, &votes[0], &votes[1]);
}

static const struct wire_message *decode(struct arena *arena, const char *line)
{
	static struct wire_message message;

	ck_assert_int_eq(wire_json_decode(&message, arena, (const uint8_t *)line, strlen(line), NULL), 0);
	return &message;
}

static void expect_vote(const char *line, uint64_t height, uint8_t mark)
{
	struct arena arena;
	const struct wire_message *m;

	arena_init(&arena, SIZE_MAX, NULL);
	m = decode(&arena, line);
	ck_assert_int_eq(m->type, WIRE_BLOCK_VOTE);
	ck_assert_uint_eq(m->u.block_vote.height, height);
	ck_assert_uint_eq(m->u.block_vote.signature.ptr[0], mark);
	arena_free(&arena);
}

/* The pairs at hand are those of the heights from `first` on. */
static void expect_heights(uint64_t first, size_t wanted)
{
	must_list();
	ck_assert_uint_eq(count, wanted);
	for (size_t i = 0; i < count; i++) {
		expect_vote(items[i].first, first + i, 1);
		expect_vote(items[i].second, first + i, 2);
	}
}

static off_t file_size(void)
{
	char *text = scratch_read(file());
	off_t size = (off_t)strlen(text);

	free(text);
	return size;
}

static void write_file(const char *text)
{
	FILE *out = fopen(file(), "we");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

START_TEST(the_last_are_at_hand_and_there_after_a_start)
{
	int64_t at_s;

	for (uint64_t height = 1; height <= EVIDENCE_KEPT + 5; height++)
		add_votes(height);
	expect_heights(6, EVIDENCE_KEPT);
	at_s = items[0].at_s;
	evidence_destroy(&evidence);
	must_open();
	expect_heights(6, EVIDENCE_KEPT);
	ck_assert_int_eq(items[0].at_s, at_s);
	add_votes(EVIDENCE_KEPT + 6);
	expect_heights(7, EVIDENCE_KEPT);
}
END_TEST

/* Two blocks of a megabyte: header and signature are what proves it. */
START_TEST(of_a_block_the_header_is_kept)
{
	static uint8_t script[1 << 20], signature[64] = {9};
	static const int64_t valid_round = -1;
	struct wire_tx_output output = {.value = 5, .script_pubkey = {script, sizeof(script)}};
	struct wire_transaction tx = {.version = 1, .outputs = {&output, 1}};
	struct wire_message made[2];
	struct arena arena;

	for (int i = 0; i < 2; i++)
		made[i] = (struct wire_message){
			.type = WIRE_BLOCK_PROPOSAL,
			.u.block_proposal = {.block = {.header = {.version = 1, .height = 7, .timestamp = 20 + i},
						       .transactions = {&tx, 1}},
					     .proposer = {"10.0.0.1", 8},
					     .signature = {signature, 64},
					     .round = 2,
					     .valid_round = &valid_round}};
	evidence_add(&evidence, &made[0], &made[1]);
	ck_assert_uint_eq(made[0].u.block_proposal.block.transactions.len, 1);
	evidence_destroy(&evidence);
	must_open();
	must_list();
	ck_assert_uint_eq(count, 1);
	arena_init(&arena, SIZE_MAX, NULL);
	for (int i = 0; i < 2; i++) {
		const struct wire_block_proposal *p =
			&decode(&arena, i ? items[0].second : items[0].first)->u.block_proposal;

		ck_assert_uint_eq(p->block.header.height, 7);
		ck_assert_int_eq(p->block.header.timestamp, 20 + i);
		ck_assert_uint_eq(p->block.transactions.len, 0);
		ck_assert_uint_eq(p->signature.ptr[0], 9);
		ck_assert_uint_eq(p->round, 2);
		ck_assert_int_eq(*p->valid_round, -1);
	}
	arena_free(&arena);
	ck_assert_int_lt(file_size(), 4096);
}
END_TEST

/* Cut off at any byte, as by a loss of power: what is whole stays, and the next goes into a line of its own. */
START_TEST(a_line_that_is_cut_off_goes)
{
	off_t one, two;
	char *text;

	add_votes(1);
	one = file_size();
	add_votes(2);
	two = file_size();
	text = scratch_read(file());
	for (off_t cut = one; cut < two; cut += 1 + (two - one) / 20) {
		evidence_destroy(&evidence);
		write_file(text);
		ck_assert_int_eq(truncate(file(), cut), 0);
		must_open();
		expect_heights(1, 1);
		add_votes(2);
		evidence_destroy(&evidence);
		must_open();
		expect_heights(1, 2);
	}
	free(text);
}
END_TEST

/* Anything in the place of a line: it is passed over. */
START_TEST(damaged_lines_are_passed_over)
{
	static const char *const damages[] = {
		"\n",
		"}\n",
		"{\"time\":\n",
		"{\"time\":1}\n",
		"{\"time\":1,\"first\":\"GetPeers\",\"second\":\n",
		"{\"time\":1,\"first\":\"GetPeers\",\"second\":}\n",
		"{\"time\":1,\"first\":7,\"second\":\"GetPeers\"}\n",
		"{\"time\":1,\"first\":\"GetPeers\",\"second\":\"GetPeer\"}\n",
		"{\"time\":1,\"first\":\"GetPeers\",\"second\":\"GetPeers\"\n",
	};
	char *text, *damaged = NULL;

	add_votes(2);
	text = scratch_read(file());
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		ck_assert_int_gt(asprintf(&damaged, "%s%s", damages[i], text), 0);
		evidence_destroy(&evidence);
		write_file(damaged);
		free(damaged);
		must_open();
		expect_heights(2, 1);
	}
	free(text);
}
END_TEST

START_TEST(the_file_ends_at_its_bound_and_the_log_says_so)
{
	struct log_config config = {.file_path = scratch_path("log")};
	off_t before = 0, size = 0;
	char *text, *line;
	uint64_t height = 1;

	for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
		config.level[i] = LOG_LEVEL_WARN;
	ck_assert_int_eq(log_open(&config), 0);
	for (; size == 0 || size > before; height++) {
		before = size;
		add_votes(height);
		size = file_size();
		ck_assert_int_le(size, EVIDENCE_FILE_BYTES);
	}
	ck_assert_int_gt(size, EVIDENCE_FILE_BYTES - 4096);
	add_votes(height);
	log_close();
	expect_heights(height - EVIDENCE_KEPT + 1, EVIDENCE_KEPT);
	text = scratch_read(scratch_path("log"));
	line = strstr(text, "evidence.jsonl is full (1048576 bytes)");
	ck_assert_msg(line != NULL, "%s", text);
	ck_assert_ptr_null(strstr(line + 1, "evidence.jsonl is full"));
	free(text);
	/* A full file is read, too. */
	evidence_destroy(&evidence);
	must_open();
	expect_heights(height - EVIDENCE_KEPT - 1, EVIDENCE_KEPT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("evidence");
	TCase *c = tcase_create("file");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, the_last_are_at_hand_and_there_after_a_start);
	tcase_add_test(c, of_a_block_the_header_is_kept);
	tcase_add_test(c, a_line_that_is_cut_off_goes);
	tcase_add_test(c, damaged_lines_are_passed_over);
	tcase_add_test(c, the_file_ends_at_its_bound_and_the_log_says_so);
	suite_add_tcase(s, c);
	return run_suite(s);
}
