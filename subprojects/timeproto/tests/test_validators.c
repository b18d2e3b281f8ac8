// SPDX-License-Identifier: MIT
/* chain/validators: which list is in force, quorums, what is refused, and the exact time and rewards of a block. */
#include "timeproto/chain/validators.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "run_suite.h"
#include "timeproto/chain/leader.h"
#include "timeproto/chain/rewards.h"

static struct arena arena;
static struct validators_fault fault;
static struct validators made;
static struct validator first[4], second[3];
static struct validator_list lists[2];

static struct wire_str text(const char *string)
{
	return (struct wire_str){string, strlen(string)};
}

static struct validator validator(const char *address, uint8_t key, enum wire_tier tier, const char *reward)
{
	struct validator v = {.address = text(address), .tier = tier, .reward_address = text(reward)};

	memset(v.public_key.bytes, key, sizeof(v.public_key.bytes));
	return v;
}

static void setup(void)
{
	arena_init(&arena, SIZE_MAX, NULL);
	/* in any order: "10.0.0.10" stands before "10.0.0.2" */
	first[0] = validator("10.0.0.9", 1, WIRE_TIER_FREE, "free");
	first[1] = validator("10.0.0.10", 2, WIRE_TIER_GOLD, "gold");
	first[2] = validator("10.0.0.2", 3, WIRE_TIER_SILVER, "silver");
	first[3] = validator("10.0.0.3", 4, WIRE_TIER_BRONZE, "bronze");
	second[0] = validator("c", 1, WIRE_TIER_FREE, "x");
	second[1] = validator("b", 2, WIRE_TIER_FREE, "y");
	second[2] = validator("a", 3, WIRE_TIER_FREE, "z");
	lists[0] = (struct validator_list){.from_height = 10, .items = first, .count = 4};
	lists[1] = (struct validator_list){.from_height = 20, .items = second, .count = 3};
}

static void teardown(void)
{
	arena_free(&arena);
}

static int make(size_t count)
{
	memset(&fault, 0, sizeof(fault));
	return validators_make(&made, &fault, &arena, lists, count);
}

START_TEST(the_list_in_force_follows_from_the_height)
{
	ck_assert_int_eq(make(2), 0);
	ck_assert_ptr_null(validators_at(&made, 0));
	ck_assert_ptr_null(validators_at(&made, 9));
	ck_assert_ptr_eq(validators_at(&made, 10), &made.lists[0]);
	ck_assert_ptr_eq(validators_at(&made, 19), &made.lists[0]);
	ck_assert_ptr_eq(validators_at(&made, 20), &made.lists[1]);
	ck_assert_ptr_eq(validators_at(&made, UINT64_MAX), &made.lists[1]);
}
END_TEST

START_TEST(no_lists_are_in_force_nowhere)
{
	ck_assert_int_eq(make(0), 0);
	ck_assert_ptr_null(validators_at(&made, UINT64_MAX));
}
END_TEST

START_TEST(validators_stand_in_the_order_of_their_addresses)
{
	static const char *const order[] = {"10.0.0.10", "10.0.0.2", "10.0.0.3", "10.0.0.9"};
	struct wire_str unknown = text("10.0.0.1"), longer = text("10.0.0.100");

	ck_assert_int_eq(make(2), 0);
	for (int i = 0; i < 4; i++) {
		struct wire_str address = text(order[i]);

		ck_assert_str_eq(made.lists[0].items[i].address.ptr, order[i]);
		ck_assert_str_eq(made.lists[0].addresses[i].ptr, order[i]);
		ck_assert_int_eq(validators_find(&made.lists[0], &address), i);
	}
	ck_assert_int_eq(validators_find(&made.lists[0], &unknown), -1);
	ck_assert_int_eq(validators_find(&made.lists[0], &longer), -1);
	ck_assert_int_eq(validators_find_key(&made.lists[0], &first[0].public_key), 3);
	ck_assert_int_eq(validators_find_key(&made.lists[1], &first[3].public_key), -1);
}
END_TEST

START_TEST(everything_is_copied)
{
	char address[] = "10.0.0.9", reward[] = "free";

	first[0].address.ptr = address;
	first[0].reward_address.ptr = reward;
	ck_assert_int_eq(make(1), 0);
	memset(address, 0, sizeof(address));
	memset(reward, 0, sizeof(reward));
	memset(first, 0, sizeof(first));
	ck_assert_str_eq(made.lists[0].items[3].address.ptr, "10.0.0.9");
	ck_assert_str_eq(made.lists[0].items[3].reward_address.ptr, "free");
}
END_TEST

START_TEST(quorum_is_more_than_two_thirds)
{
	static const size_t quorums[][2] = {{3, 3}, {4, 3}, {5, 4},  {6, 5},	 {7, 5},
					    {8, 6}, {9, 7}, {10, 7}, {1000, 667}};

	for (size_t i = 0; i < sizeof(quorums) / sizeof(quorums[0]); i++)
		ck_assert_uint_eq(validators_quorum(quorums[i][0]), quorums[i][1]);
}
END_TEST

START_TEST(too_few_and_too_many_are_refused)
{
	static struct validator many[VALIDATORS_MAX + 1];
	static char names[VALIDATORS_MAX + 1][16];

	for (size_t i = 0; i <= VALIDATORS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "%zu", i);
		many[i] = validator(names[i], 0, WIRE_TIER_FREE, "r");
		memcpy(many[i].public_key.bytes, &i, sizeof(i));
	}
	lists[0] = (struct validator_list){.items = many, .count = VALIDATORS_MAX};
	ck_assert_int_eq(make(1), 0);
	lists[0].count++;
	ck_assert_int_eq(make(1), VALIDATORS_E_COUNT);
	ck_assert_str_eq(fault.text, "list 1: 1001 validators, not 3 to 1000");
	lists[0].count = 3;
	ck_assert_int_eq(make(1), 0);
	lists[0].count = 2;
	ck_assert_int_eq(make(1), VALIDATORS_E_COUNT);
	ck_assert_str_eq(fault.text, "list 1: 2 validators, not 3 to 1000");
	ck_assert_int_eq(fault.error, VALIDATORS_E_COUNT);
}
END_TEST

START_TEST(heights_must_ascend)
{
	lists[1].from_height = 10;
	ck_assert_int_eq(make(2), VALIDATORS_E_HEIGHT);
	ck_assert_str_eq(fault.text, "list 2: from_height 10 is not above 10 of the list before it");
}
END_TEST

START_TEST(a_validator_is_one_vote)
{
	second[2].address = text("c");
	ck_assert_int_eq(make(2), VALIDATORS_E_ADDRESS);
	ck_assert_str_eq(fault.text, "list 2: the address c twice");
	second[2].address = text("");
	ck_assert_int_eq(make(2), VALIDATORS_E_ADDRESS);
	ck_assert_str_eq(fault.text, "list 2: a validator without an address");
	second[2].address = text("a");
	second[2].public_key = second[0].public_key;
	ck_assert_int_eq(make(2), VALIDATORS_E_KEY);
	ck_assert_str_eq(fault.text, "list 2: a and c have the same key");
}
END_TEST

START_TEST(memory_may_be_refused)
{
	for (size_t limit = 0; limit < 8192; limit += 64) {
		int r;

		arena_free(&arena);
		arena_init(&arena, limit, NULL);
		r = make(2);
		ck_assert(r == 0 || r == -ENOMEM);
		ck_assert(limit > 0 || r == -ENOMEM);
	}
}
END_TEST

START_TEST(names_of_the_errors)
{
	ck_assert_str_eq(validators_error_name(VALIDATORS_E_COUNT), "VALIDATORS_E_COUNT");
	for (int i = 1; i < VALIDATORS_E_END; i++)
		ck_assert_int_eq(strncmp(validators_error_name(i), "VALIDATORS_E_", 13), 0);
	ck_assert_str_eq(validators_error_name(0), "?");
	ck_assert_str_eq(validators_error_name(VALIDATORS_E_END), "?");
}
END_TEST

START_TEST(the_time_of_a_block_is_exact)
{
	struct chain_params params;

	chain_params_init_devnet(&params, 1000, 2);
	ck_assert_int_eq(validators_block_time(&params, 0), 1000);
	ck_assert_int_eq(validators_block_time(&params, 51000), 103000);
	ck_assert_int_eq(validators_block_time(&params, INT64_MAX / 2 - 500), 1000 + 2 * (INT64_MAX / 2 - 500));
	ck_assert_int_eq(validators_block_time(&params, INT64_MAX / 2), INT64_MAX);
	ck_assert_int_eq(validators_block_time(&params, UINT64_MAX), INT64_MAX);
}
END_TEST

/* A block of height 12 that the first list accepts. */
static struct wire_block block_of(const struct chain_params *params, uint64_t total)
{
	struct wire_block block = {.header = {.height = 12, .timestamp = params->genesis_timestamp + 24}};

	block.header.block_reward = total;
	ck_assert_int_eq(validators_rewards(&block.masternode_rewards, &arena, &made.lists[0], total), 0);
	return block;
}

START_TEST(rewards_are_the_formula_in_address_order)
{
	static const char *const addresses[] = {"gold", "silver", "bronze", "free"};
	static const uint64_t amounts[] = {UINT64_C(9000900090), UINT64_C(900090009), UINT64_C(90009000),
					   UINT64_C(9000900)};
	struct wire_reward_list rewards;

	ck_assert_int_eq(make(2), 0);
	ck_assert_int_eq(validators_rewards(&rewards, &arena, &made.lists[0], CHAIN_BLOCK_SUBSIDY), 0);
	ck_assert_uint_eq(rewards.len, 4);
	for (int i = 0; i < 4; i++) {
		struct wire_str address = text(addresses[i]);

		ck_assert_int_eq(leader_compare(&rewards.items[i].address, &address), 0);
		ck_assert_uint_eq(rewards.items[i].amount, amounts[i]);
	}
}
END_TEST

START_TEST(a_block_must_have_its_time_and_rewards)
{
	struct chain_params params;
	struct wire_block block;

	chain_params_init_devnet(&params, 1000, 2);
	ck_assert_int_eq(make(2), 0);
	block = block_of(&params, CHAIN_BLOCK_SUBSIDY + 12345);
	ck_assert_int_eq(validators_check_block(&fault, &arena, &params, &made.lists[0], &block), 0);

	block.header.timestamp--;
	ck_assert_int_eq(validators_check_block(&fault, &arena, &params, &made.lists[0], &block),
			 VALIDATORS_E_TIMESTAMP);
	ck_assert_str_eq(fault.text, "timestamp 1023, not 1024 of height 12");
	block.header.timestamp += 2;
	ck_assert_int_eq(validators_check_block(&fault, &arena, &params, &made.lists[0], &block),
			 VALIDATORS_E_TIMESTAMP);
	block.header.timestamp--;

	block.masternode_rewards.len--;
	ck_assert_int_eq(validators_check_block(&fault, &arena, &params, &made.lists[0], &block),
			 VALIDATORS_E_REWARD_COUNT);
	ck_assert_str_eq(fault.text, "3 masternode_rewards for 4 validators");
	block.masternode_rewards.len++;

	for (int change = -1; change <= 1; change += 2) {
		block.masternode_rewards.items[2].amount += (uint64_t)(int64_t)change;
		ck_assert_int_eq(validators_check_block(&fault, &arena, &params, &made.lists[0], &block),
				 VALIDATORS_E_REWARD_AMOUNT);
		block.masternode_rewards.items[2].amount -= (uint64_t)(int64_t)change;
	}

	block.masternode_rewards.items[1].address = text("silveR");
	ck_assert_int_eq(validators_check_block(&fault, &arena, &params, &made.lists[0], &block),
			 VALIDATORS_E_REWARD_ADDRESS);
	ck_assert_str_eq(fault.text, "masternode_reward 1 does not go to silver");
}
END_TEST

START_TEST(the_order_of_rewards_is_part_of_the_rule)
{
	struct chain_params params;
	struct wire_block block;
	struct wire_reward swapped;

	chain_params_init_devnet(&params, 1000, 2);
	ck_assert_int_eq(make(2), 0);
	block = block_of(&params, CHAIN_BLOCK_SUBSIDY);
	swapped = block.masternode_rewards.items[0];
	block.masternode_rewards.items[0] = block.masternode_rewards.items[1];
	block.masternode_rewards.items[1] = swapped;
	ck_assert_int_eq(validators_check_block(&fault, &arena, &params, &made.lists[0], &block),
			 VALIDATORS_E_REWARD_ADDRESS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("validators");
	TCase *c = tcase_create("validators");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_list_in_force_follows_from_the_height);
	tcase_add_test(c, no_lists_are_in_force_nowhere);
	tcase_add_test(c, validators_stand_in_the_order_of_their_addresses);
	tcase_add_test(c, everything_is_copied);
	tcase_add_test(c, quorum_is_more_than_two_thirds);
	tcase_add_test(c, too_few_and_too_many_are_refused);
	tcase_add_test(c, heights_must_ascend);
	tcase_add_test(c, a_validator_is_one_vote);
	tcase_add_test(c, memory_may_be_refused);
	tcase_add_test(c, names_of_the_errors);
	tcase_add_test(c, the_time_of_a_block_is_exact);
	tcase_add_test(c, rewards_are_the_formula_in_address_order);
	tcase_add_test(c, a_block_must_have_its_time_and_rewards);
	tcase_add_test(c, the_order_of_rewards_is_part_of_the_rule);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
