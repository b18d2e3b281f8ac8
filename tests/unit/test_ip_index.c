// SPDX-License-Identifier: MIT
/* net/ip_index: places by IP against a model of few words, the order of going, and that IPs which collide cannot be
 * chosen. */
#include "ip_index.h"
#include "run_suite.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

static struct ip_index ips;

static void setup(void)
{
	ip_index_init(&ips);
}

static void teardown(void)
{
	ip_index_free(&ips);
}

/* The n-th of the IPv4 addresses from 10.0.0.0. */
static struct net_ip nth_ip(uint32_t n)
{
	return (struct net_ip){.bytes = {[10] = 0xff, 0xff, 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static void add(uint32_t n)
{
	struct net_ip ip = nth_ip(n);

	ck_assert(ip_index_add(&ips, &ip));
}

static uint32_t find(uint32_t n)
{
	struct net_ip ip = nth_ip(n);

	return ip_index_find(&ips, &ip);
}

START_TEST(empty_index_knows_nobody)
{
	ck_assert_uint_eq(find(0), IP_INDEX_NONE);
	ck_assert_uint_eq(ip_index_victim(&ips), IP_INDEX_NONE);
}
END_TEST

START_TEST(places_are_handed_out_in_order)
{
	for (uint32_t n = 0; n < 1000; n++) {
		ck_assert_uint_eq(ips.count, n);
		add(n);
	}
	for (uint32_t n = 0; n < 1000; n++)
		ck_assert_uint_eq(find(n), n);
	ck_assert_uint_eq(find(1000), IP_INDEX_NONE);
}
END_TEST

/* What is not ranked never goes. */
START_TEST(new_records_are_kept_until_they_are_ranked)
{
	struct net_ip other = nth_ip(1);

	add(0);
	ck_assert_uint_eq(ip_index_victim(&ips), IP_INDEX_NONE);
	ip_index_rank(&ips, 0, 1);
	ck_assert_uint_eq(ip_index_victim(&ips), 0);
	ip_index_replace(&ips, 0, &other);
	ck_assert_uint_eq(ip_index_victim(&ips), IP_INDEX_NONE);
	ip_index_rank(&ips, 0, 1);
	ip_index_rank(&ips, 0, IP_INDEX_KEPT);
	ck_assert_uint_eq(ip_index_victim(&ips), IP_INDEX_NONE);
}
END_TEST

START_TEST(lower_ranks_go_first_and_in_a_rank_the_oldest)
{
	static const uint32_t order[] = {2, 4, 1, 3, 0};

	for (uint32_t n = 0; n < 5; n++)
		add(n);
	ip_index_rank(&ips, 0, 2);
	ip_index_rank(&ips, 4, 1);
	ip_index_rank(&ips, 1, 1);
	ip_index_rank(&ips, 2, 0);
	ip_index_rank(&ips, 3, 1);
	for (int i = 0; i < 5; i++) {
		ck_assert_uint_eq(ip_index_victim(&ips), order[i]);
		ip_index_rank(&ips, order[i], IP_INDEX_KEPT);
	}
	ck_assert_uint_eq(ip_index_victim(&ips), IP_INDEX_NONE);
}
END_TEST

/* The model: who stands where, its rank, and when it was ranked. */
#define PLACES 300
#define NAMES 1000

struct model {
	uint32_t name[PLACES];
	uint32_t rank[PLACES];
	uint32_t ranked[PLACES]; /* number of the step */
	uint32_t count;
};

static uint32_t model_find(const struct model *m, uint32_t name)
{
	for (uint32_t i = 0; i < m->count; i++) {
		if (m->name[i] == name)
			return i;
	}
	return IP_INDEX_NONE;
}

static uint32_t model_victim(const struct model *m)
{
	uint32_t best = IP_INDEX_NONE;

	for (uint32_t i = 0; i < m->count; i++) {
		if (m->rank[i] == IP_INDEX_KEPT)
			continue;
		if (best == IP_INDEX_NONE || m->rank[i] < m->rank[best] ||
		    (m->rank[i] == m->rank[best] && m->ranked[i] < m->ranked[best]))
			best = i;
	}
	return best;
}

/* A name of the model is given a place, as the owners do it; without one to be had nothing happens. */
static void model_take_in(struct model *m, uint32_t name)
{
	struct net_ip ip = nth_ip(name);
	uint32_t place = m->count < PLACES ? m->count : ip_index_victim(&ips);

	if (place == IP_INDEX_NONE)
		return;
	if (place == m->count) {
		ck_assert(ip_index_add(&ips, &ip));
		m->count++;
	} else {
		ip_index_replace(&ips, place, &ip);
	}
	m->name[place] = name;
	m->rank[place] = IP_INDEX_KEPT;
}

START_TEST(random_use_agrees_with_a_model)
{
	struct model m = {.count = 0};

	srandom(42);
	for (uint32_t step = 0; step < 50000; step++) {
		uint32_t name = (uint32_t)random() % NAMES, place = model_find(&m, name);

		ck_assert_uint_eq(find(name), place);
		if (place == IP_INDEX_NONE) {
			model_take_in(&m, name);
		} else {
			m.rank[place] = (uint32_t)random() % (IP_INDEX_RANKS + 1);
			m.ranked[place] = step;
			ip_index_rank(&ips, place, m.rank[place]);
		}
		ck_assert_uint_eq(ip_index_victim(&ips), model_victim(&m));
	}
	ck_assert_uint_eq(ips.count, PLACES);
}
END_TEST

static uint32_t longest_chain(void)
{
	uint32_t longest = 0;

	for (uint32_t bucket = 0; bucket < ips.capacity; bucket++) {
		uint32_t length = 0;

		for (uint32_t place = ips.buckets[bucket]; place != IP_INDEX_NONE; place = ips.nodes[place].chain)
			length++;
		longest = length > longest ? length : longest;
	}
	return longest;
}

/* With a good hash 100,000 in 131,072 buckets make a chain of 20 once in 10^13 runs. */
#define LONG_CHAIN 20

START_TEST(chains_are_short_and_memory_follows_the_count)
{
	for (uint32_t n = 0; n < 100000; n++) {
		add(n);
		ck_assert_uint_le(ips.capacity, ips.count < 32 ? 64 : 2 * ips.count);
	}
	ck_assert_uint_lt(longest_chain(), LONG_CHAIN);
}
END_TEST

/* Addresses that collide in one node are any addresses to the next: it has a key of its own. */
START_TEST(colliding_ips_cannot_be_chosen)
{
	static struct net_ip chosen[400];
	uint32_t count = 0;

	for (uint32_t n = 0; n < 512; n++)
		add(n);
	for (uint32_t n = 0; count < 400; n++) {
		struct net_ip ip = nth_ip(n);

		if ((siphash(&ips.key, ip.bytes, sizeof(ip.bytes)) & 511) == 7)
			chosen[count++] = ip;
	}
	ip_index_free(&ips);
	ip_index_init(&ips);
	for (uint32_t i = 0; i < count; i++)
		ck_assert(ip_index_add(&ips, &chosen[i]));
	ck_assert_uint_eq(ips.capacity, 512);
	ck_assert_uint_lt(longest_chain(), LONG_CHAIN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ip_index");
	TCase *c = tcase_create("ip_index");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, empty_index_knows_nobody);
	tcase_add_test(c, places_are_handed_out_in_order);
	tcase_add_test(c, new_records_are_kept_until_they_are_ranked);
	tcase_add_test(c, lower_ranks_go_first_and_in_a_rank_the_oldest);
	tcase_add_test(c, random_use_agrees_with_a_model);
	tcase_add_test(c, chains_are_short_and_memory_follows_the_count);
	tcase_add_test(c, colliding_ips_cannot_be_chosen);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
