// SPDX-License-Identifier: MIT
/* net/address_book: one dial, because the operator says so. */
#include "address_book_fixture.h"
#include "run_suite.h"

static enum address_add try_once(const char *text)
{
	struct net_addr addr = addr_of(text);

	return address_book_try(book, &addr, now);
}

static bool is_manual(const char *text)
{
	struct net_ip ip = ip_of(text);

	return address_book_is_manual(book, &ip);
}

/* Whoever's turn it is; and when it fails, that was it. */
START_TEST(try_dials_an_unknown_address_once)
{
	ck_assert_int_eq(try_once(EARLIER), ADDRESS_ADDED);
	ck_assert(take(EARLIER));
	ck_assert(is_manual(EARLIER));
	ck_assert_int_eq(closed(EARLIER, ADDRESS_END_FAILED), -1);
	ck_assert(!is_manual(EARLIER));
	ck_assert_int_eq(wait_ms(), -1);
	ck_assert(!gossiped(EARLIER));
	ck_assert_int_eq(try_once(EARLIER), ADDRESS_ADDED);
	ck_assert(take(EARLIER));
}
END_TEST

/* From then on it is an address like others. */
START_TEST(try_that_succeeds_is_a_learnt_address)
{
	ck_assert_int_eq(try_once(LATER), ADDRESS_ADDED);
	ck_assert(take(LATER));
	ready(LATER, true);
	ck_assert_int_eq(try_once(LATER), ADDRESS_KNOWN);
	ck_assert_int_eq(closed(LATER, ADDRESS_END_LOST), 5 * SECOND);
	ck_assert(!is_manual(LATER));
	now += 5 * SECOND;
	ck_assert(take(LATER));
}
END_TEST

/* A known address does not wait, and goes on as before when it fails; a slot kept for such dials is enough. */
START_TEST(try_of_a_known_address)
{
	struct net_addr addr;
	int64_t next;

	learn(EARLIER);
	ck_assert_int_eq(wait_ms(), GRACE);
	ck_assert_int_eq(try_once(EARLIER ":7"), ADDRESS_ADDED);
	ck_assert(address_book_next(book, &addr, &next, true, now));
	ck_assert_uint_eq(addr.port, 7);
	ck_assert_int_eq(try_once(EARLIER ":7"), ADDRESS_KNOWN);
	ck_assert_int_eq(closed(EARLIER, ADDRESS_END_FAILED), 5 * SECOND);
	now += HOUR;
	ck_assert(take(EARLIER));
	ck_assert(!is_manual(EARLIER));
}
END_TEST

START_TEST(try_refuses_what_may_not_be_dialled)
{
	struct net_addr addr = {.ip = ip_of(LATER)};

	ck_assert_int_eq(try_once("10.0.0.5"), ADDRESS_REFUSED); /* ourselves */
	ck_assert_int_eq(try_once("0.0.0.0"), ADDRESS_REFUSED);
	ck_assert_int_eq(address_book_try(book, &addr, now), ADDRESS_REFUSED);
	fill();
	ck_assert_int_eq(try_once(LATER), ADDRESS_BOOK_FULL);
}
END_TEST

/* A private address may be tried on the testnet, and is not dialled there without being told. */
START_TEST(try_of_an_address_that_is_not_learnt)
{
	teardown();
	params.network = CHAIN_TESTNET;
	create();
	ck_assert_int_eq(try_once(LATER), ADDRESS_ADDED);
	ck_assert(take(LATER));
	ready(LATER, true);
	ck_assert_int_eq(closed(LATER, ADDRESS_END_LOST), -1);
	ck_assert(!gossiped(LATER));
	params.network = CHAIN_DEVNET;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address_once");
	TCase *c = tcase_create("address_once");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, try_dials_an_unknown_address_once);
	tcase_add_test(c, try_that_succeeds_is_a_learnt_address);
	tcase_add_test(c, try_of_a_known_address);
	tcase_add_test(c, try_refuses_what_may_not_be_dialled);
	tcase_add_test(c, try_of_an_address_that_is_not_learnt);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
