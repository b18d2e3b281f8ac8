// SPDX-License-Identifier: MIT
/* net/address_book: what a restart keeps, what an operator is shown, many addresses and many threads. */
#include <errno.h>
#include <string.h>

#include "address_book_fixture.h"
#include "timed/util/thread.h"

START_TEST(record_round_trip_keeps_everything)
{
	static const struct {
		uint16_t port;
		int64_t last_ready_s;
	} records[] = {{1, 0}, {65535, INT64_MAX}, {24100, UNIX_NOW}};
	struct address_record in = {.addr = {ip_of(LATER), records[_i].port}, .last_ready_s = records[_i].last_ready_s};
	struct address_record out;
	uint8_t bytes[ADDRESS_RECORD_SIZE];

	address_record_encode(bytes, &in);
	ck_assert_int_eq(address_record_decode(&out, &in.addr.ip, bytes, sizeof(bytes)), 0);
	ck_assert(net_ip_equal(&out.addr.ip, &in.addr.ip));
	ck_assert_uint_eq(out.addr.port, in.addr.port);
	ck_assert_int_eq(out.last_ready_s, in.last_ready_s);
	ck_assert(!out.deleted);
}
END_TEST

/* adversarial 36. */
START_TEST(record_decode_refuses_damaged_bytes)
{
	struct address_record in = {.addr = addr_of(LATER), .last_ready_s = UNIX_NOW}, out;
	uint8_t bytes[ADDRESS_RECORD_SIZE + 1] = {0};

	address_record_encode(bytes, &in);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		ck_assert_int_eq(address_record_decode(&out, &in.addr.ip, bytes, len),
				 len == ADDRESS_RECORD_SIZE ? 0 : -EINVAL);
	bytes[0] ^= 0xff;
	ck_assert_int_eq(address_record_decode(&out, &in.addr.ip, bytes, ADDRESS_RECORD_SIZE), -EINVAL);
	bytes[0] ^= 0xff;
	bytes[1] = bytes[2] = 0; /* port 0 */
	ck_assert_int_eq(address_record_decode(&out, &in.addr.ip, bytes, ADDRESS_RECORD_SIZE), -EINVAL);
}
END_TEST

/* All changed records; `records` is filled, at most 64. */
static size_t take_changed(struct address_record records[64])
{
	struct address_record *changed;
	size_t n = address_book_take_changed(book, &changed);

	ck_assert_uint_le(n, 64);
	if (n > 0)
		memcpy(records, changed, n * sizeof(*records));
	free(changed);
	return n;
}

START_TEST(restart_keeps_addresses)
{
	struct address_record records[64];
	struct net_ip own = ip_of("10.0.0.5");
	size_t n;

	learn(EARLIER ":77");
	ready(EARLIER, false);
	n = take_changed(records);
	teardown();
	create();
	(void)take_changed((struct address_record[64]){0});
	for (size_t i = 0; i < n; i++) {
		if (net_ip_equal(&records[i].addr.ip, &own))
			ck_assert(records[i].deleted);
		else
			address_book_restore(book, &records[i], now);
	}
	ck_assert(gossiped(EARLIER));
	ck_assert_int_eq(wait_ms(), GRACE);
	now += GRACE;
	ck_assert(take(EARLIER));
	/* read from the store is not to be written there */
	ck_assert_uint_eq(take_changed(records), 0);
}
END_TEST

START_TEST(restart_drops_what_may_not_be_dialled_any_more)
{
	struct address_record record = {.addr = addr_of("10.0.0.9"), .last_ready_s = UNIX_NOW};

	teardown();
	params.network = CHAIN_TESTNET;
	ck_assert_int_eq(address_book_create(&book, &params), 0);
	address_book_restore(book, &record, now);
	ck_assert_uint_eq(address_book_size(book), 0);
}
END_TEST

START_TEST(changes_are_handed_over_once)
{
	struct address_record records[64];

	(void)take_changed(records);
	learn(LATER);
	ck_assert_uint_eq(take_changed(records), 1);
	ck_assert(!records[0].deleted);
	ck_assert_uint_eq(take_changed(records), 0);
	ready(LATER, false);
	ck_assert_uint_eq(take_changed(records), 1);
	ck_assert_int_eq(records[0].last_ready_s, UNIX_NOW);
	ck_assert_uint_eq(take_changed(records), 0);
}
END_TEST

START_TEST(given_up_is_deleted_and_revived_is_back)
{
	struct address_record records[64];

	(void)take_changed(records);
	learn(LATER);
	ck_assert_int_eq(fail_until_given_up(LATER), 10);
	ck_assert_uint_eq(take_changed(records), 1);
	ck_assert(records[0].deleted);
	ck_assert_int_eq(add(LATER, ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	ck_assert_uint_eq(take_changed(records), 1);
	ck_assert(!records[0].deleted);
}
END_TEST

/* What had to make room leaves the store too, or that would grow for ever. */
START_TEST(replaced_is_deleted)
{
	struct net_ip old = ip_of("10.1.0.1");
	struct address_record records[64];
	size_t n;

	fill();
	(void)take_changed(records);
	(void)closed("10.1.0.1", ADDRESS_END_FAILED);
	ck_assert_int_eq(add("10.2.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_ADDED);
	n = take_changed(records);
	ck_assert_uint_eq(n, 2);
	for (size_t i = 0; i < n; i++)
		ck_assert(records[i].deleted == net_ip_equal(&records[i].addr.ip, &old));
	ck_assert_uint_eq(take_changed(records), 0);
}
END_TEST

START_TEST(infos_describe_every_address)
{
	struct address_info *infos;
	size_t n;

	ck_assert_int_eq(add(LATER ":7", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ck_assert(take(LATER));
	n = address_book_infos(book, &infos);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(infos[1].addr.port, 7);
	ck_assert_int_eq(infos[1].source, ADDR_SOURCE_CONFIGURED);
	ck_assert(infos[1].busy);
	ck_assert_int_eq(infos[0].next_dial_ms, INT64_MAX);
	free(infos);
	(void)closed(LATER, ADDRESS_END_FAILED);
	n = address_book_infos(book, &infos);
	ck_assert(!infos[1].busy);
	ck_assert_uint_eq(infos[1].failures, 1);
	ck_assert_int_eq(infos[1].next_dial_ms, now + 5 * SECOND);
	free(infos);
}
END_TEST

/* Neither learning nor replacing takes longer the more there are: looking at each would be 10^10 looks here, and the
 * test runs out of time. */
#define MANY 200000u

static struct net_addr nth_addr(unsigned n)
{
	return (struct net_addr){{{[10] = 0xff, 0xff, 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}}, 24200};
}

static unsigned learn_many(unsigned first)
{
	unsigned added = 0;

	for (unsigned n = first; n < first + MANY; n++) {
		struct net_addr addr = nth_addr(n);

		added += address_book_add(book, &addr, ADDR_SOURCE_GOSSIP, now) == ADDRESS_ADDED;
	}
	return added;
}

START_TEST(time_does_not_grow_with_the_number)
{
	struct address_book_params many = params;
	struct net_ip own = ip_of("9.0.0.1");

	many.max_addresses = MANY + 1; /* ours is one of them */
	teardown();
	ck_assert_int_eq(address_book_create(&book, &many), 0);
	address_book_set_own(book, &own);
	ck_assert_uint_eq(learn_many(0), MANY);
	ck_assert_uint_eq(learn_many(0), 0);
	ck_assert_uint_eq(learn_many(MANY), 0);
	for (unsigned n = 0; n < MANY; n++) {
		struct net_addr addr = nth_addr(n);

		(void)address_book_closed(book, &addr.ip, ADDRESS_END_FAILED, 0, 0, now);
	}
	ck_assert_uint_eq(learn_many(MANY), MANY);
	ck_assert_uint_eq(address_book_size(book), MANY + 1);
}
END_TEST

START_TEST(free_of_nothing)
{
	address_book_free(NULL);
}
END_TEST

#define THREADS 3

static void *use(void *arg)
{
	for (uint32_t i = 0; i < 1500; i++) {
		struct net_addr addr = {{{[10] = 0xff, 0xff, 10, 0, 1, (uint8_t)(i * 7 % 30)}}, 1000}, out[8];
		struct address_record *records;
		int64_t next;

		(void)arg;
		(void)address_book_add(book, &addr, ADDR_SOURCE_GOSSIP, now);
		if (address_book_next(book, &addr, &next, i % 2, now + (int64_t)i * 100)) {
			if (i % 3)
				address_book_ready(book, &addr.ip, true, UNIX_NOW, now);
			(void)address_book_closed(book, &addr.ip, (enum address_end)(i % 4), 1000, i, now);
		}
		(void)address_book_gossip(book, out, 8, &addr.ip, i);
		if (i % 50 == 0) {
			(void)address_book_take_changed(book, &records);
			free(records);
		}
	}
	return NULL;
}

START_TEST(many_threads_share_the_book)
{
	struct thread threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "use", use, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	ck_assert_uint_le(address_book_size(book), params.max_addresses + 1);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, record_round_trip_keeps_everything, 0, 3);
	tcase_add_test(c, record_decode_refuses_damaged_bytes);
	tcase_add_test(c, restart_keeps_addresses);
	tcase_add_test(c, restart_drops_what_may_not_be_dialled_any_more);
	tcase_add_test(c, changes_are_handed_over_once);
	tcase_add_test(c, given_up_is_deleted_and_revived_is_back);
	tcase_add_test(c, replaced_is_deleted);
	tcase_add_test(c, infos_describe_every_address);
	tcase_add_test(c, time_does_not_grow_with_the_number);
	tcase_add_test(c, free_of_nothing);
	tcase_add_test(c, many_threads_share_the_book);
}

int main(void)
{
	return address_book_tests("address_book_kept", add_tests);
}
