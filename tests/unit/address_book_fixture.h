/* SPDX-License-Identifier: MIT
 *
 * What the tests of the address book share: a book of few addresses, and short words for what happens to them.
 * Included once by each test program.
 */
#ifndef TIMED_TESTS_ADDRESS_BOOK_FIXTURE_H
#define TIMED_TESTS_ADDRESS_BOOK_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "net_util.h"
#include "run_suite.h"
#include "timed/net/address_book.h"

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define GRACE (30 * SECOND)
#define UNIX_NOW 1766102400

/* The protocol's values; a book of few addresses, on a network where local ones are allowed. */
static struct address_book_params params = {
	.network = CHAIN_DEVNET,
	.default_port = 24200,
	.max_addresses = 16,
	.grace_ms = GRACE,
	.back_off_min_ms = 5 * SECOND,
	.back_off_max_ms = 300 * SECOND,
	.give_up_after = 10,
	.give_up_after_masternode = 20,
	.turnaround_dial_ms = 2 * SECOND,
	.turnaround_interval_ms = 10 * MINUTE,
};

static struct address_book *book;
static int64_t now; /* monotonic ms */

static inline void create(void)
{
	struct net_ip own = ip_of("10.0.0.5");

	ck_assert_int_eq(address_book_create(&book, &params), 0);
	address_book_set_own(book, &own);
}

static inline void setup(void)
{
	now = HOUR;
	create();
}

static inline void teardown(void)
{
	address_book_free(book);
}

/* "10.0.0.5" < LATER: we dial.  "10.0.0.10" < "10.0.0.5": it dials. */
#define LATER "10.0.0.9"
#define EARLIER "10.0.0.10"

static inline enum address_add add(const char *text, enum addr_source source)
{
	struct net_addr addr = addr_of(text);

	return address_book_add(book, &addr, source, now);
}

static inline void learn(const char *text)
{
	ck_assert_int_eq(add(text, ADDR_SOURCE_GOSSIP), ADDRESS_ADDED);
}

/* The address that is due now is taken; false: none is. */
static inline bool take(const char *text)
{
	struct net_ip want = ip_of(text);
	struct net_addr addr;
	int64_t next;

	if (!address_book_next(book, &addr, &next, false, now))
		return false;
	ck_assert(net_ip_equal(&addr.ip, &want));
	return true;
}

static inline bool nothing_due(void)
{
	struct net_addr addr;
	int64_t next;

	return !address_book_next(book, &addr, &next, false, now);
}

/* When the next address is due, from now; -1: never. */
static inline int64_t wait_ms(void)
{
	struct net_addr addr;
	int64_t next;

	ck_assert(!address_book_next(book, &addr, &next, false, now));
	return next == INT64_MAX ? -1 : next - now;
}

/* Without jitter. */
static inline int64_t closed(const char *text, enum address_end end)
{
	struct net_ip ip = ip_of(text);

	return address_book_closed(book, &ip, end, HOUR, 0, now);
}

static inline void ready(const char *text, bool outbound)
{
	struct net_ip ip = ip_of(text);

	address_book_ready(book, &ip, outbound, UNIX_NOW, now);
}

static inline size_t gossip(const char *asker, struct net_addr out[64])
{
	struct net_ip ip = ip_of(asker);

	return address_book_gossip(book, out, 64, &ip, 0);
}

static inline bool gossiped(const char *text)
{
	struct net_addr out[64];
	struct net_ip ip = ip_of(text);
	size_t n = gossip("8.8.8.8", out);

	for (size_t i = 0; i < n; i++) {
		if (net_ip_equal(&out[i].ip, &ip))
			return true;
	}
	return false;
}

/* Fills the book with learnt addresses 10.1.0.n. */
static inline void fill(void)
{
	char text[32];

	for (int i = 1; i < 200; i++) {
		snprintf(text, sizeof(text), "10.1.0.%d", i);
		if (add(text, ADDR_SOURCE_GOSSIP) == ADDRESS_BOOK_FULL)
			return;
	}
	ck_abort_msg("the book never fills");
}

/* Fails until given up; returns how often it was dialled. */
static inline int fail_until_given_up(const char *text)
{
	for (int dials = 0; dials < 1000; dials++) {
		int64_t wait = 0;

		if (dials > 0)
			wait = wait_ms();
		if (wait < 0)
			return dials;
		now += wait;
		ck_assert(take(text));
		(void)closed(text, ADDRESS_END_FAILED);
	}
	return 1000;
}

/* Runs the tests that `add` adds. */
static inline int address_book_tests(const char *name, void (*add_tests)(TCase *))
{
	Suite *suite = suite_create(name);
	TCase *c = tcase_create(name);

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}

#endif
