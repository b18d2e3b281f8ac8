// SPDX-License-Identifier: MIT
/* node/persist: what a start finds in the database, and what it leaves there. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_fixture.h"
#include "node_impl.h"
#include "run_suite.h"

static const struct registry_params registry_params = {100, 180000, 120000, 3600000};
static struct node node;

/* The parts of a node that have something to keep, over a database in memory. */
static void setup(void)
{
	struct store_params store = {.dir = "/persist/db", .memory = true, .network = "devnet"};
	struct net_params net = net_fixture_params("127.80.0.1");
	const struct net_ops ops = {.rules = fixture_rules};
	struct store_failure failure;

	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
	memset(&node, 0, sizeof(node));
	mutex_init(&node.registry_lock, "registry", MUTEX_RANK_LEAF);
	ck_assert_int_eq(store_open(&node.store, &failure, &store), 0);
	ck_assert_int_eq(net_create(&node.net, &net, &ops), 0);
	ck_assert_int_eq(registry_new(&node.registry, &registry_params, clock_mono_ms()), 0);
}

static void teardown(void)
{
	net_free(node.net);
	registry_free(node.registry);
	store_close(node.store);
	mutex_destroy(&node.registry_lock);
}

static void put(enum store_family family, const char *key, const void *value, size_t len)
{
	ck_assert_int_eq(store_put(node.store, family, key, strlen(key), value, len, false), 0);
}

static bool stored(enum store_family family, const char *key)
{
	struct store_value value;
	int r = store_get(node.store, &value, family, key, strlen(key));

	if (!r)
		store_value_free(&value);
	else
		ck_assert_int_eq(r, STORE_E_NOT_FOUND);
	return !r;
}

/* A good value under `key`, and a value that is cut short and one under a key that is none. */
static void put_good_and_bad(enum store_family family, const char *key, const uint8_t *value, size_t len)
{
	put(family, key, value, len);
	put(family, "10.0.0.2", value, len - 1);
	put(family, "", value, len);
}

static void expect_only_good(enum store_family family, const char *key)
{
	ck_assert(stored(family, key));
	ck_assert(!stored(family, "10.0.0.2"));
	ck_assert(!stored(family, ""));
}

START_TEST(damaged_bans_are_deleted)
{
	struct ban_record record = {.violations = 10, .level = BAN_PERMANENT, .until_s = INT64_MAX};
	struct net_ip good = ip_of("10.0.0.1");
	uint8_t value[BAN_RECORD_SIZE];

	ban_record_encode(value, &record);
	put_good_and_bad(STORE_BANS, "10.0.0.1", value, sizeof(value));
	put(STORE_BANS, "no address", value, sizeof(value));
	persist_load(&node);
	ck_assert(ban_list_is_banned(net_bans(node.net), &good, clock_real_s()));
	ck_assert_uint_eq(ban_list_count(net_bans(node.net), clock_real_s()), 1);
	expect_only_good(STORE_BANS, "10.0.0.1");
	ck_assert(!stored(STORE_BANS, "no address"));
}
END_TEST

START_TEST(damaged_addresses_are_deleted)
{
	struct address_record record = {.addr = addr_of("10.0.0.1:24200"), .last_ready_s = 1766102400};
	size_t before = address_book_size(net_addresses(node.net));
	uint8_t value[ADDRESS_RECORD_SIZE];

	address_record_encode(value, &record);
	put_good_and_bad(STORE_ADDRESSES, "10.0.0.1", value, sizeof(value));
	persist_load(&node);
	ck_assert_uint_eq(address_book_size(net_addresses(node.net)), before + 1);
	expect_only_good(STORE_ADDRESSES, "10.0.0.1");
}
END_TEST

/* An IP is always written in one way: an entry under another spelling would never be written or deleted again. */
START_TEST(other_spellings_of_an_ip_are_deleted)
{
	static const char *const keys[] = {"10.0.0.3:80", "[10.0.0.3]", "::ffff:10.0.0.3", "2001:DB8::1", "2001:db8:0::1"};
	struct ban_record record = {.violations = 10, .level = BAN_PERMANENT, .until_s = INT64_MAX};
	uint8_t value[BAN_RECORD_SIZE];

	ban_record_encode(value, &record);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put(STORE_BANS, keys[i], value, sizeof(value));
	put(STORE_BANS, "2001:db8::2", value, sizeof(value));
	persist_load(&node);
	ck_assert_uint_eq(ban_list_count(net_bans(node.net), clock_real_s()), 1);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ck_assert_msg(!stored(STORE_BANS, keys[i]), "%s", keys[i]);
	ck_assert(stored(STORE_BANS, "2001:db8::2"));
}
END_TEST

/* The value of a masternode that was heard `ago_ms` ago. */
static size_t masternode_value(uint8_t value[REGISTRY_VALUE_MAX], int64_t ago_ms)
{
	struct wire_masternode about = {.reward_address = {"TIME0x", 6}, .public_key = {{7}}};
	struct registry_event event;
	struct registry *other;
	size_t len;

	ck_assert_int_eq(registry_new(&other, &registry_params, 0), 0);
	ck_assert_int_eq(registry_announce(other, &event, "10.0.0.1", &about, 0), 0);
	len = registry_encode(value, registry_find(other, "10.0.0.1"), ago_ms, clock_real_s());
	registry_free(other);
	return len;
}

START_TEST(damaged_masternodes_are_deleted)
{
	uint8_t value[REGISTRY_VALUE_MAX];
	size_t len = masternode_value(value, 1000);

	put_good_and_bad(STORE_MASTERNODES, "10.0.0.1", value, len);
	persist_load(&node);
	ck_assert_uint_eq(registry_known(node.registry), 1);
	expect_only_good(STORE_MASTERNODES, "10.0.0.1");
}
END_TEST

/* What would have been forgotten had we run is forgotten at the start. */
START_TEST(masternodes_silent_for_too_long_are_deleted)
{
	uint8_t value[REGISTRY_VALUE_MAX];
	size_t len = masternode_value(value, registry_params.forget_ms + 10000);

	put(STORE_MASTERNODES, "10.0.0.1", value, len);
	persist_load(&node);
	ck_assert_uint_eq(registry_known(node.registry), 0);
	ck_assert(!stored(STORE_MASTERNODES, "10.0.0.1"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("persist");
	TCase *c = tcase_create("persist");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, damaged_bans_are_deleted);
	tcase_add_test(c, damaged_addresses_are_deleted);
	tcase_add_test(c, other_spellings_of_an_ip_are_deleted);
	tcase_add_test(c, damaged_masternodes_are_deleted);
	tcase_add_test(c, masternodes_silent_for_too_long_are_deleted);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
