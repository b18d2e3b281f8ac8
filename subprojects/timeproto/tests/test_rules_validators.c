// SPDX-License-Identifier: MIT
/* chain/rules: what a block needs from the first certified height on: its slot, its shares, its certificate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sodium.h>

#include "run_suite.h"
#include "timeproto/chain/digest.h"
#include "timeproto/chain/rules.h"
#include "timeproto/chain/validators.h"

#define COUNT 4
#define FROM 10
#define REWARD UINT64_C(10000000000)

static struct arena arena;
static struct chain_params params;
static struct validators validators;
static struct chain_fault fault;
static uint8_t secrets[COUNT][64];
static struct wire_block block;
static struct block_ids ids;
static struct wire_sig signatures[COUNT];
static struct wire_commit_signature entries[COUNT];
static struct wire_commit commit;

static void certify(uint64_t height)
{
	struct wire_hash digest;

	digest_vote(&digest, &params.genesis_hash, height, 3, WIRE_PHASE_PRECOMMIT, &ids.hash);
	for (int i = 0; i < COUNT; i++) {
		digest_sign(&signatures[i], &digest, secrets[i]);
		entries[i].voter = validators.lists[0].addresses[i];
		entries[i].signature = (struct wire_bytes){signatures[i].bytes, 64};
	}
	commit = (struct wire_commit){.round = 3, .signatures = {entries, 3}};
	block.commit = &commit;
}

/* A certified block of the first height that needs a certificate. */
static void setup(void)
{
	static char names[COUNT][16];
	struct validator items[COUNT];
	struct validator_list list = {.from_height = FROM, .items = items, .count = COUNT};
	struct validators_fault ignored;

	arena_init(&arena, SIZE_MAX, NULL);
	for (int i = 0; i < COUNT; i++) {
		uint8_t seed[32] = {(uint8_t)(i + 1)};

		snprintf(names[i], sizeof(names[i]), "10.0.0.%d", i + 1);
		items[i] = (struct validator){.address = {names[i], strlen(names[i])},
					      .reward_address = {names[i], strlen(names[i])}};
		crypto_sign_seed_keypair(items[i].public_key.bytes, secrets[i], seed);
	}
	ck_assert_int_eq(validators_make(&validators, &ignored, &arena, &list, 1), 0);
	chain_params_init_devnet(&params, 1000, 2);
	params.validators = &validators;
	params.bft_from = FROM;
	block = (struct wire_block){.header = {.height = FROM, .timestamp = 1000 + 2 * FROM, .block_reward = REWARD}};
	ck_assert_int_eq(validators_rewards(&block.masternode_rewards, &arena, &validators.lists[0], REWARD), 0);
	ids = (struct block_ids){.hash = {{7}}};
	certify(FROM);
}

static void teardown(void)
{
	arena_free(&arena);
}

static int check_validators(void)
{
	return block_check_validators(&fault, &arena, &params, &block);
}

static int check_certificate(void)
{
	return block_check_certificate(&fault, &params, &block, &ids);
}

START_TEST(a_certified_block_is_valid)
{
	ck_assert_int_eq(check_validators(), 0);
	ck_assert_int_eq(block_check_certified(&fault, &params, &block), 0);
	ck_assert_int_eq(check_certificate(), 0);
}
END_TEST

START_TEST(the_height_decides_whether_it_is_needed)
{
	struct chain_params none = params;

	ck_assert(!block_needs_certificate(&params, FROM - 1));
	ck_assert(block_needs_certificate(&params, FROM));
	ck_assert(block_needs_certificate(&params, UINT64_MAX));
	none.bft_from = 0;
	ck_assert(!block_needs_certificate(&none, UINT64_MAX));
	none = params;
	none.validators = NULL;
	ck_assert(!block_needs_certificate(&none, UINT64_MAX));
	/* below it nothing is asked, and what there is means nothing */
	block.header.height = FROM - 1;
	block.masternode_rewards.len = 1;
	commit.signatures.len = 1;
	ck_assert_int_eq(check_validators(), 0);
	ck_assert_int_eq(check_certificate(), 0);
	block.commit = NULL;
	ck_assert_int_eq(check_certificate(), 0);
}
END_TEST

START_TEST(the_time_is_the_slots)
{
	block.header.timestamp++;
	ck_assert_int_eq(check_validators(), CHAIN_E_SLOT_TIME);
	ck_assert_int_eq((int)fault.error, CHAIN_E_SLOT_TIME);
	ck_assert_str_eq(fault.text, "timestamp 1021, not 1020 of height 10");
}
END_TEST

START_TEST(the_rewards_are_the_validators_shares)
{
	block.masternode_rewards.items[2].amount--;
	ck_assert_int_eq(check_validators(), CHAIN_E_REWARD_SHARES);
	ck_assert_int_eq((int)fault.error, CHAIN_E_REWARD_SHARES);
	ck_assert_str_eq(fault.text, "masternode_reward 2 is 2499999999, not 2500000000");
	block.masternode_rewards.items[2].amount++;
	block.masternode_rewards.len--;
	ck_assert_int_eq(check_validators(), CHAIN_E_REWARD_SHARES);
	block.masternode_rewards.len++;
	block.masternode_rewards.items[3].address = block.masternode_rewards.items[0].address;
	ck_assert_int_eq(check_validators(), CHAIN_E_REWARD_SHARES);
	ck_assert_str_eq(fault.text, "masternode_reward 3 does not go to 10.0.0.4");
}
END_TEST

START_TEST(without_a_certificate_one_may_still_come)
{
	block.commit = NULL;
	ck_assert_int_eq(check_validators(), 0);
	ck_assert_int_eq(block_check_certified(&fault, &params, &block), CHAIN_E_NO_CERTIFICATE);
	ck_assert_int_eq(check_certificate(), CHAIN_E_NO_CERTIFICATE);
	ck_assert_int_eq((int)fault.error, CHAIN_E_NO_CERTIFICATE);
	ck_assert_str_eq(fault.text, "block 10 comes without the certificate that each needs from height 10 on");
}
END_TEST

START_TEST(a_certificate_is_of_this_block_by_a_quorum)
{
	signatures[1].bytes[5] ^= 1;
	ck_assert_int_eq(block_check_certified(&fault, &params, &block), 0);
	ck_assert_int_eq(check_certificate(), CHAIN_E_CERTIFICATE);
	ck_assert_int_eq((int)fault.error, CHAIN_E_CERTIFICATE);
	ck_assert_str_eq(fault.text, "signature 1, of 10.0.0.2, does not verify at height 10, round 3");
	signatures[1].bytes[5] ^= 1;
	commit.signatures.len--;
	ck_assert_int_eq(check_certificate(), CHAIN_E_CERTIFICATE);
	ck_assert_str_eq(fault.text, "2 signatures, fewer than 3 of 4");
	commit.signatures.len++;
	ids.hash.bytes[0]++;
	ck_assert_int_eq(check_certificate(), CHAIN_E_CERTIFICATE);
	ids.hash.bytes[0]--;
	params.genesis_hash.bytes[0]++;
	ck_assert_int_eq(check_certificate(), CHAIN_E_CERTIFICATE);
	params.genesis_hash.bytes[0]--;
	certify(FROM + 1);
	ck_assert_int_eq(check_certificate(), CHAIN_E_CERTIFICATE);
}
END_TEST

/* Which a checked configuration does not bring about. */
START_TEST(a_height_without_a_list_is_refused)
{
	params.bft_from = FROM - 1;
	block.header.height = FROM - 1;
	ck_assert_int_eq(check_validators(), CHAIN_E_REWARD_SHARES);
	ck_assert_int_eq(check_certificate(), CHAIN_E_CERTIFICATE);
	ck_assert_str_eq(fault.text, "no validators are in force at height 9");
}
END_TEST

START_TEST(refused_memory)
{
	struct arena none;

	arena_init(&none, 0, NULL);
	ck_assert_int_eq(block_check_validators(&fault, &none, &params, &block), -ENOMEM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules_validators");
	TCase *c = tcase_create("rules_validators");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_certified_block_is_valid);
	tcase_add_test(c, the_height_decides_whether_it_is_needed);
	tcase_add_test(c, the_time_is_the_slots);
	tcase_add_test(c, the_rewards_are_the_validators_shares);
	tcase_add_test(c, without_a_certificate_one_may_still_come);
	tcase_add_test(c, a_certificate_is_of_this_block_by_a_quorum);
	tcase_add_test(c, a_height_without_a_list_is_refused);
	tcase_add_test(c, refused_memory);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
