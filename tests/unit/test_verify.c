// SPDX-License-Identifier: MIT
/* The pool that checks signatures. */
#include <errno.h>

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_fixture.h"
#include "run_suite.h"
#include "timed/util/thread.h"
#include "timeproto/chain/digest.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/sign.h"
#include "verify.h"

#define BLOCKS 4
#define TRANSACTIONS 200
/* Validators of crowd_job(). */
#define CROWD 100

static struct wire_block blocks[BLOCKS];
static struct block_ids ids[BLOCKS];
static struct wire_transaction transactions[BLOCKS][TRANSACTIONS];
static struct wire_hash txids[BLOCKS][TRANSACTIONS];
static struct wire_tx_input inputs[BLOCKS][TRANSACTIONS];
static uint8_t script_sigs[BLOCKS][TRANSACTIONS][SIGN_SCRIPT_SIG_BYTES];
static struct wire_tx_output output = {.value = 1};
static struct chain_params params;
static struct verify *pool;

static struct mutex lock = MUTEX_INITIALIZER("test", MUTEX_RANK_LEAF);
static struct cond ended;
static int done_count;

/* The first transaction of a block is its coinbase, the others spend something and are signed. */
static void make_blocks(void)
{
	uint8_t key[32], secret[64];

	crypto_sign_keypair(key, secret);
	for (int b = 0; b < BLOCKS; b++) {
		blocks[b].header.height = (uint64_t)b + 1;
		blocks[b].transactions = (struct wire_transaction_list){transactions[b], TRANSACTIONS};
		ids[b].txids = txids[b];
		for (int t = 0; t < TRANSACTIONS; t++) {
			struct wire_transaction *tx = &transactions[b][t];
			struct sign_base base;

			*tx = (struct wire_transaction){
				.version = 1, .outputs = {&output, 1}, .timestamp = 1000 * b + t};
			if (t > 0) {
				inputs[b][t] = (struct wire_tx_input){.previous_output.vout = (uint32_t)t};
				tx->inputs = (struct wire_tx_input_list){&inputs[b][t], 1};
				sign_base_make(&base, tx);
				sign_input(script_sigs[b][t], &base, 0, secret);
				inputs[b][t].script_sig = (struct wire_bytes){script_sigs[b][t], SIGN_SCRIPT_SIG_BYTES};
			}
			hash_txid(&txids[b][t], tx);
		}
	}
}

static void setup(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	chain_params_init(&params, CHAIN_TESTNET);
	make_blocks();
	cond_init(&ended);
	done_count = 0;
	ck_assert_int_eq(verify_start(&pool, &params, 3), 0);
}

static void teardown(void)
{
	verify_free(pool);
	cond_destroy(&ended);
}

static void done(struct verify_job *job)
{
	(void)job;
	mutex_lock(&lock);
	done_count++;
	cond_signal(&ended);
	mutex_unlock(&lock);
}

static void await(int count)
{
	mutex_lock(&lock);
	while (done_count < count)
		cond_wait(&ended, &lock);
	mutex_unlock(&lock);
}

static struct verify_job job_of(size_t first, size_t count)
{
	return (struct verify_job){.blocks = blocks + first, .ids = ids + first, .count = count, .done = done};
}

static void spoil(int block, int transaction)
{
	script_sigs[block][transaction][40] ^= 1;
	hash_txid(&txids[block][transaction], &transactions[block][transaction]);
}

START_TEST(good_signatures_are_found_good)
{
	struct verify_job job = job_of(0, BLOCKS);

	verify_submit(pool, &job);
	await(1);
	ck_assert_int_eq(job.error, 0);
}
END_TEST

/* Whichever thread finds its bad signature first, the first bad block is reported. */
START_TEST(first_bad_block_is_named)
{
	struct verify_job job = job_of(0, BLOCKS);

	spoil(3, 1);
	spoil(1, TRANSACTIONS - 1);
	verify_submit(pool, &job);
	await(1);
	ck_assert_int_eq(job.error, CHAIN_E_SIGNATURE);
	ck_assert_uint_eq(job.bad_block, 1);
	ck_assert_int_eq(job.fault.error, CHAIN_E_SIGNATURE);
}
END_TEST

/* Nothing to check: told before the call returns, by the caller's thread. */
START_TEST(coinbases_need_no_thread)
{
	struct verify_job job = job_of(0, 1);

	blocks[0].transactions.len = 1;
	verify_submit(pool, &job);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(job.error, 0);
}
END_TEST

START_TEST(a_stopped_pool_does_nothing_more)
{
	struct verify_job job = job_of(0, BLOCKS);

	verify_stop(pool);
	verify_submit(pool, &job);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(job.error, -ECANCELED);
}
END_TEST

START_TEST(jobs_do_not_mix)
{
	struct verify_job good = job_of(0, 2), bad = job_of(2, 1), last = job_of(3, 1);

	spoil(2, 7);
	verify_submit(pool, &good);
	verify_submit(pool, &bad);
	verify_submit(pool, &last);
	await(3);
	ck_assert_int_eq(good.error, 0);
	ck_assert_int_eq(bad.error, CHAIN_E_SIGNATURE);
	ck_assert_uint_eq(bad.bad_block, 0);
	ck_assert_int_eq(last.error, 0);
}
END_TEST

/* Blocks of coinbases alone, of which those from the second on need a certificate: `f` makes and certifies them. */
static struct chain_fixture *f;
static struct wire_block certified[BLOCKS];
static struct block_ids certified_ids[BLOCKS];

static struct verify_job certified_job(void)
{
	const struct fixture_block *tip;

	f = chain_fixture_new();
	fixture_validators(f, 2);
	tip = fixture_extend(f, f->root, BLOCKS, 0);
	for (uint64_t b = 0; b < BLOCKS; b++) {
		certified[b] = fixture_ancestor(tip, b + 1)->block;
		certified_ids[b] = fixture_ancestor(tip, b + 1)->ids;
	}
	params = f->params;
	return (struct verify_job){.blocks = certified, .ids = certified_ids, .count = BLOCKS, .done = done};
}

START_TEST(good_certificates_are_found_good)
{
	struct verify_job job = certified_job();

	verify_submit(pool, &job);
	await(1);
	ck_assert_msg(job.error == 0, "%s", job.fault.text);
	chain_fixture_free(f);
}
END_TEST

START_TEST(bad_and_missing_certificates_are_found)
{
	struct verify_job job = certified_job();

	/* below the first height that needs one, and missing where it is needed; a good one, but of another block */
	certified[0].commit = NULL;
	certified[3].commit = NULL;
	verify_submit(pool, &job);
	await(1);
	ck_assert_int_eq(job.error, CHAIN_E_NO_CERTIFICATE);
	ck_assert_uint_eq(job.bad_block, 3);
	certified[2].commit = certified[1].commit;
	verify_submit(pool, &job);
	await(2);
	ck_assert_int_eq(job.error, CHAIN_E_CERTIFICATE);
	ck_assert_uint_eq(job.bad_block, 2);
	chain_fixture_free(f);
}
END_TEST

/* Validators, so many that the certificate of a block is more than a portion of work, and one for each of the blocks.
 */
static struct verify_job crowd_job(void)
{
	static struct validator items[CROWD];
	static char addresses[CROWD][16];
	static uint8_t secrets[CROWD][64];
	struct validator_list list = {.from_height = 2, .items = items, .count = CROWD};
	struct validators_fault fault;
	const struct fixture_block *tip;

	f = chain_fixture_new();
	tip = fixture_extend(f, f->root, BLOCKS, 0);
	for (int i = 0; i < CROWD; i++) {
		crypto_sign_keypair(items[i].public_key.bytes, secrets[i]);
		snprintf(addresses[i], sizeof(addresses[i]), "10.0.0.%d", 100 + i);
		items[i].address = (struct wire_str){addresses[i], strlen(addresses[i])};
		items[i].reward_address = (struct wire_str){f->owners[0].address, strlen(f->owners[0].address)};
	}
	ck_assert_int_eq(validators_make(&f->validators, &fault, &f->arena, &list, 1), 0);
	f->params.validators = &f->validators;
	f->params.bft_from = 2;
	params = f->params;
	for (uint64_t b = 0; b < BLOCKS; b++) {
		static struct wire_commit commits[BLOCKS];
		static struct wire_commit_signature signatures[BLOCKS][CROWD];
		static struct wire_sig signed_by[BLOCKS][CROWD];
		struct wire_hash digest;

		certified[b] = fixture_ancestor(tip, b + 1)->block;
		certified_ids[b] = fixture_ancestor(tip, b + 1)->ids;
		digest_vote(&digest, &f->genesis.hash, b + 1, 0, WIRE_PHASE_PRECOMMIT, &certified_ids[b].hash);
		for (int i = 0; i < CROWD; i++) {
			digest_sign(&signed_by[b][i], &digest, secrets[i]);
			signatures[b][i].voter = items[i].address;
			signatures[b][i].signature = (struct wire_bytes){signed_by[b][i].bytes, 64};
		}
		commits[b].signatures.items = signatures[b];
		commits[b].signatures.len = CROWD;
		certified[b].commit = &commits[b];
	}
	return (struct verify_job){.blocks = certified, .ids = certified_ids, .count = BLOCKS, .done = done};
}

/* They are checked once, and what follows them is too. */
START_TEST(certificates_of_many_validators_come_to_an_end)
{
	struct verify_job job = crowd_job(), next = job_of(0, 1);

	ck_assert_uint_eq(certified[1].transactions.len, 1);
	verify_submit(pool, &job);
	verify_submit(pool, &next);
	await(2);
	ck_assert_msg(job.error == 0, "%s", job.fault.text);
	ck_assert_int_eq(next.error, 0);
	chain_fixture_free(f);
}
END_TEST

/*
 * What was found good is remembered by its id: even a signature that has gone bad behind it is not looked at again.
 * One transaction: of two, the memory may have forgotten the first for the second.
 */
START_TEST(known_transactions_are_not_checked_again)
{
	struct verify_job first = job_of(0, 1), again = job_of(0, 1);

	blocks[0].transactions.len = 2;
	verify_submit(pool, &first);
	await(1);
	script_sigs[0][1][40] ^= 1; /* the id stays, as no real change of a signature would leave it */
	verify_submit(pool, &again);
	await(2);
	ck_assert_int_eq(again.error, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("verify");
	TCase *c = tcase_create("verify");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, good_signatures_are_found_good);
	tcase_add_test(c, first_bad_block_is_named);
	tcase_add_test(c, coinbases_need_no_thread);
	tcase_add_test(c, a_stopped_pool_does_nothing_more);
	tcase_add_test(c, jobs_do_not_mix);
	tcase_add_test(c, good_certificates_are_found_good);
	tcase_add_test(c, bad_and_missing_certificates_are_found);
	tcase_add_test(c, certificates_of_many_validators_come_to_an_end);
	tcase_add_test(c, known_transactions_are_not_checked_again);
	suite_add_tcase(s, c);
	return run_suite(s);
}
