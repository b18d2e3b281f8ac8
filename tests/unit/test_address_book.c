// SPDX-License-Identifier: MIT
/* net/address_book: who is dialled when (dial rule, grace, back-off, giving up, turnaround), and what is told to others
 * (PROTOCOL.md §4); time is an argument. */
#include "address_book_fixture.h"

/* --- who dials --- */

START_TEST(lower_text_dials_at_once)
{
	learn(LATER);
	ck_assert(take(LATER));
}
END_TEST

START_TEST(higher_text_waits_for_the_grace_period)
{
	learn(EARLIER);
	ck_assert_int_eq(wait_ms(), GRACE);
	now += GRACE - 1;
	ck_assert(nothing_due());
	now += 1;
	ck_assert(take(EARLIER));
}
END_TEST

/* Nobody has said which IP is ours: the local end towards the peer decides, 127.0.0.1 for 127.x. */
START_TEST(own_ip_is_asked_of_the_kernel)
{
	teardown();
	ck_assert_int_eq(address_book_create(&book, &params), 0);
	learn("127.0.0.2");
	ck_assert(take("127.0.0.2"));
	learn("127.0.0.0");
	ck_assert_int_eq(wait_ms(), GRACE);
}
END_TEST

START_TEST(configured_peer_is_dialled_at_once_whatever_the_rule)
{
	ck_assert_int_eq(add(EARLIER, ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ck_assert(take(EARLIER));
}
END_TEST

/* A manual dial is always allowed: also during a back-off, a grace period, or after giving up. */
START_TEST(naming_a_known_address_dials_it_now)
{
	struct net_ip ip = ip_of(EARLIER);

	learn(EARLIER);
	ck_assert(nothing_due());
	ck_assert_int_eq(add(EARLIER ":7", ADDR_SOURCE_CONFIGURED), ADDRESS_KNOWN);
	ck_assert(address_book_is_configured(book, &ip));
	ck_assert(take(EARLIER));
	(void)closed(EARLIER, ADDRESS_END_FAILED);
	ck_assert(nothing_due());
	ck_assert_int_eq(add(EARLIER ":7", ADDR_SOURCE_CONFIGURED), ADDRESS_KNOWN);
	ck_assert(take(EARLIER));
}
END_TEST

START_TEST(kept_addresses_come_first)
{
	struct net_ip masternode = ip_of("10.0.0.7");

	learn("10.0.0.6");
	now += SECOND;
	learn("10.0.0.7");
	learn("10.0.0.8");
	address_book_set_masternode(book, &masternode, true);
	now += SECOND;
	ck_assert(take("10.0.0.7"));
	ck_assert(take("10.0.0.6"));
	ck_assert(take("10.0.0.8"));
	ck_assert(nothing_due());
}
END_TEST

/* No slot is free for others: they are not even looked forward to. */
START_TEST(only_kept_leaves_the_others_alone)
{
	struct net_addr addr;
	int64_t next;

	learn(LATER);
	ck_assert(!address_book_next(book, &addr, &next, true, now));
	ck_assert_int_eq(next, INT64_MAX);
	ck_assert_int_eq(add("10.0.0.8", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ck_assert(address_book_next(book, &addr, &next, true, now));
	ck_assert(!address_book_next(book, &addr, &next, true, now));
}
END_TEST

/* --- what is taken in --- */

START_TEST(add_refuses_what_may_not_be_dialled)
{
	static const char *const never[] = {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "fe80::1"};

	ck_assert_int_eq(add(never[_i], ADDR_SOURCE_GOSSIP), ADDRESS_REFUSED);
	ck_assert_int_eq(add(never[_i], ADDR_SOURCE_CONFIGURED), ADDRESS_REFUSED);
	ck_assert_int_eq(add(never[_i], ADDR_SOURCE_SAVED), ADDRESS_REFUSED);
}
END_TEST

START_TEST(add_without_a_port_is_refused)
{
	struct net_addr addr = {.ip = ip_of(LATER)};

	ck_assert_int_eq(address_book_add(book, &addr, ADDR_SOURCE_GOSSIP, now), ADDRESS_REFUSED);
}
END_TEST

START_TEST(add_of_a_known_address_changes_nothing)
{
	learn(EARLIER);
	now += SECOND;
	ck_assert_int_eq(add(EARLIER ":99", ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	ck_assert_int_eq(wait_ms(), GRACE - SECOND);
	ck_assert_uint_eq(address_book_size(book), 2); /* and ourselves */
}
END_TEST

/* adversarial 33: our own address, however we learnt that it is ours. */
START_TEST(own_address_is_never_dialled)
{
	struct net_ip other = ip_of(LATER);

	ck_assert_int_eq(add("10.0.0.5", ADDR_SOURCE_GOSSIP), ADDRESS_REFUSED);
	ck_assert_int_eq(add("10.0.0.5", ADDR_SOURCE_CONFIGURED), ADDRESS_REFUSED);
	learn(LATER);
	ck_assert(!address_book_is_own(book, &other));
	address_book_mark_own(book, &other);
	ck_assert(address_book_is_own(book, &other));
	ck_assert_int_eq(wait_ms(), -1);
	(void)closed(LATER, ADDRESS_END_FAILED);
	ck_assert_int_eq(wait_ms(), -1);
	ck_assert_int_eq(add(LATER, ADDR_SOURCE_GOSSIP), ADDRESS_REFUSED);
	ready(LATER, false);
	ck_assert(!gossiped(LATER));
}
END_TEST

/* adversarial 34: the book is bounded; configured peers come on top. */
START_TEST(book_is_bounded)
{
	char text[32];
	size_t added = 0;

	for (int i = 1; i < 200; i++) {
		snprintf(text, sizeof(text), "10.1.0.%d", i);
		added += add(text, ADDR_SOURCE_GOSSIP) == ADDRESS_ADDED;
	}
	ck_assert_uint_le(address_book_size(book), params.max_addresses + 1);
	ck_assert_uint_ge(added, params.max_addresses - 1);
	ck_assert_int_eq(add("10.2.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
	ck_assert_int_eq(add("10.2.0.1", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
}
END_TEST

START_TEST(full_book_replaces_what_fails)
{
	fill();
	ck_assert(take("10.1.0.1") || true);
	(void)closed("10.1.0.1", ADDRESS_END_FAILED);
	ck_assert_int_eq(add("10.2.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_ADDED);
	ck_assert_int_eq(add("10.2.0.2", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
	ck_assert_int_eq(add("10.1.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
}
END_TEST

/* Those given up go first, then those that fail again and again, then those that failed once. */
START_TEST(full_book_replaces_the_worst_first)
{
	fill();
	(void)closed("10.1.0.1", ADDRESS_END_FAILED);
	for (int i = 0; i < 2; i++)
		(void)closed("10.1.0.2", ADDRESS_END_FAILED);
	for (uint32_t i = 0; i < params.give_up_after; i++)
		(void)closed("10.1.0.3", ADDRESS_END_FAILED);
	learn("10.2.0.1");
	ck_assert_int_eq(add("10.1.0.2", ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	learn("10.2.0.2");
	ck_assert_int_eq(add("10.1.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	learn("10.2.0.3");
	for (int i = 1; i <= 3; i++) {
		char text[16];

		snprintf(text, sizeof(text), "10.1.0.%d", i);
		ck_assert_int_eq(add(text, ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
	}
}
END_TEST

/* What is being dialled, became ours or the operator's, or is well again stays. */
START_TEST(full_book_replaces_nothing_that_changed_its_mind)
{
	struct net_ip dialled = ip_of("10.1.0.4"), operators = ip_of("10.1.0.2");
	struct net_addr addr;
	int64_t next;

	fill();
	for (int i = 1; i <= 4; i++) {
		char text[16];

		snprintf(text, sizeof(text), "10.1.0.%d", i);
		(void)closed(text, ADDRESS_END_FAILED);
	}
	ready("10.1.0.1", false);
	ck_assert_int_eq(add("10.1.0.2", ADDR_SOURCE_CONFIGURED), ADDRESS_KNOWN);
	address_book_mark_own(book, &(struct net_ip){{[10] = 0xff, 0xff, 10, 1, 0, 3}});
	now += HOUR;
	do
		ck_assert(address_book_next(book, &addr, &next, false, now));
	while (!net_ip_equal(&addr.ip, &dialled));
	/* the one that became the operator's makes room for another */
	learn("10.2.0.1");
	ck_assert_int_eq(add("10.2.0.2", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
	ck_assert(address_book_is_configured(book, &operators));
	(void)closed("10.1.0.4", ADDRESS_END_FAILED);
	learn("10.2.0.2");
}
END_TEST

/* Given up and named again, it is as good as a new one. */
START_TEST(full_book_keeps_who_was_named_again)
{
	fill();
	for (uint32_t i = 0; i < params.give_up_after; i++)
		(void)closed("10.1.0.1", ADDRESS_END_FAILED);
	ck_assert_int_eq(add("10.1.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	ck_assert_int_eq(add("10.2.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
}
END_TEST

/* The operator's address that fails stays as long as it is the operator's. */
START_TEST(full_book_replaces_what_the_operator_removed)
{
	struct net_ip operators = ip_of("10.3.0.1");

	ck_assert_int_eq(add("10.3.0.1", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	fill();
	(void)closed("10.3.0.1", ADDRESS_END_FAILED);
	ck_assert_int_eq(add("10.2.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
	ck_assert(address_book_remove_configured(book, &operators));
	learn("10.2.0.1");
	ck_assert_int_eq(add("10.2.0.2", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
}
END_TEST

/* Somebody we were connected with is not given away for a rumour. */
START_TEST(full_book_keeps_whom_it_knows)
{
	fill();
	ready("10.1.0.1", false);
	(void)closed("10.1.0.1", ADDRESS_END_LOST);
	ready("10.1.0.2", false);
	(void)closed("10.1.0.1", ADDRESS_END_FAILED);
	ck_assert_int_eq(add("10.2.0.1", ADDR_SOURCE_GOSSIP), ADDRESS_BOOK_FULL);
}
END_TEST

/* On a public network a private address that connects to us is welcome, and neither dialled nor told to others. */
START_TEST(inbound_from_an_unusable_address_is_not_learnt)
{
	teardown();
	params.network = CHAIN_TESTNET;
	ck_assert_int_eq(address_book_create(&book, &params), 0);
	ready("192.168.1.2", false);
	ck_assert_int_eq(closed("192.168.1.2", ADDRESS_END_LOST), -1);
	now += HOUR;
	ck_assert_int_eq(wait_ms(), -1);
	ck_assert_uint_eq(address_book_size(book), 0);
}
END_TEST

/* --- what became of a dial --- */

/* 5 s, doubling to 300 s; up to a fifth less at random. */
START_TEST(back_off_doubles_with_jitter)
{
	static const int64_t want_s[] = {5, 10, 20, 40, 80, 160, 300, 300, 300};
	struct net_ip ip = ip_of(LATER);

	for (uint32_t jitter = 0; jitter < 4000; jitter += 7) {
		teardown();
		create();
		learn(LATER);
		for (size_t i = 0; i < sizeof(want_s) / sizeof(want_s[0]); i++) {
			int64_t full = want_s[i] * SECOND, delay;

			ck_assert(take(LATER));
			delay = address_book_closed(book, &ip, ADDRESS_END_FAILED, 0, jitter, now);
			ck_assert_int_le(delay, full);
			ck_assert_int_gt(delay, full - full / 5);
			if (jitter == 0)
				ck_assert_int_eq(delay, full);
			now += delay - 1;
			ck_assert(nothing_due());
			now += 1;
		}
	}
}
END_TEST

START_TEST(jitter_spreads_over_its_range)
{
	struct net_ip ip = ip_of(LATER);
	int64_t least = INT64_MAX;

	for (uint32_t jitter = 0; jitter < 1024; jitter++) {
		int64_t delay;

		teardown();
		create();
		learn(LATER);
		ck_assert(take(LATER));
		delay = address_book_closed(book, &ip, ADDRESS_END_FAILED, 0, jitter, now);
		least = delay < least ? delay : least;
	}
	ck_assert_int_lt(least, 4010);
	ck_assert_int_eq(address_book_closed(book, &ip, ADDRESS_END_FAILED, 0, UINT32_MAX, now), 8002);
}
END_TEST

START_TEST(gives_up_after_ten_failures)
{
	learn(LATER);
	ck_assert_uint_eq(address_book_dialable(book), 1);
	ck_assert_int_eq(fail_until_given_up(LATER), 10);
	ck_assert_uint_eq(address_book_dialable(book), 0);
	now += 1000 * HOUR;
	ck_assert(nothing_due());
}
END_TEST

START_TEST(gives_up_a_masternode_after_twenty)
{
	struct net_ip ip = ip_of(LATER);

	learn(LATER);
	address_book_set_masternode(book, &ip, true);
	ck_assert_int_eq(fail_until_given_up(LATER), 20);
}
END_TEST

/* adversarial 32: also not after a day, and it is dialled within the greatest step. */
START_TEST(configured_peer_is_never_given_up)
{
	ck_assert_int_eq(add(EARLIER, ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	for (int i = 0; i < 500; i++) {
		ck_assert(take(EARLIER));
		ck_assert_int_le(closed(EARLIER, ADDRESS_END_FAILED), 300 * SECOND);
		now += wait_ms();
	}
	ck_assert_uint_eq(address_book_dialable(book), 1);
}
END_TEST

START_TEST(learnt_again_is_revived_by_the_dial_rule)
{
	learn(LATER);
	ck_assert_int_eq(fail_until_given_up(LATER), 10);
	ck_assert_int_eq(add(LATER, ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	ck_assert_int_eq(fail_until_given_up(LATER), 10);
	teardown();
	create();
	learn(EARLIER);
	now += GRACE;
	ck_assert_int_eq(fail_until_given_up(EARLIER), 10);
	ck_assert_int_eq(add(EARLIER, ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	ck_assert_int_eq(wait_ms(), GRACE);
}
END_TEST

/* It failed ten times under the old port: what is said now is better. */
START_TEST(learnt_again_with_another_port_is_dialled_there)
{
	struct net_addr addr;
	int64_t next;

	learn(LATER ":1000");
	ck_assert_int_eq(fail_until_given_up(LATER), 10);
	ck_assert_int_eq(add(LATER ":2000", ADDR_SOURCE_GOSSIP), ADDRESS_KNOWN);
	ck_assert(address_book_next(book, &addr, &next, false, now));
	ck_assert_uint_eq(addr.port, 2000);
}
END_TEST

START_TEST(it_dialled_us_and_is_revived)
{
	learn(LATER);
	ck_assert_int_eq(fail_until_given_up(LATER), 10);
	ready(LATER, false);
	ck_assert_int_eq(closed(LATER, ADDRESS_END_LOST), 5 * SECOND);
}
END_TEST

START_TEST(ready_resets_the_back_off)
{
	learn(LATER);
	for (int i = 0; i < 5; i++) {
		ck_assert(take(LATER));
		(void)closed(LATER, ADDRESS_END_FAILED);
		now += wait_ms();
	}
	ck_assert(take(LATER));
	ready(LATER, true);
	ck_assert_int_eq(wait_ms(), -1);
	ck_assert_int_eq(closed(LATER, ADDRESS_END_LOST), 5 * SECOND);
	now += 5 * SECOND;
	ck_assert(take(LATER));
	ck_assert_int_eq(closed(LATER, ADDRESS_END_FAILED), 5 * SECOND);
}
END_TEST

/* Lost, and it is the other's turn to dial: it gets the grace period; a configured peer is dialled all the same. */
START_TEST(lost_connection_is_dialled_by_the_rule)
{
	ready(EARLIER, false);
	ck_assert_int_eq(closed(EARLIER, ADDRESS_END_LOST), GRACE);
	ck_assert_int_eq(add(EARLIER, ADDR_SOURCE_CONFIGURED), ADDRESS_KNOWN);
	ck_assert(take(EARLIER));
	ready(EARLIER, true);
	ck_assert_int_eq(closed(EARLIER, ADDRESS_END_LOST), 5 * SECOND);
}
END_TEST

START_TEST(refused_is_left_alone_for_the_pause)
{
	struct net_ip ip = ip_of(LATER);

	learn(LATER);
	ck_assert(take(LATER));
	ready(LATER, true);
	ck_assert_int_eq(address_book_closed(book, &ip, ADDRESS_END_REFUSED, HOUR, 0, now), HOUR);
	now += HOUR - 1;
	ck_assert(nothing_due());
	now += 1;
	ck_assert(take(LATER));
}
END_TEST

START_TEST(redundant_is_no_failure)
{
	learn(LATER);
	for (int i = 0; i < 100; i++) {
		ck_assert(take(LATER));
		ck_assert_int_eq(closed(LATER, ADDRESS_END_REDUNDANT), 5 * SECOND);
		now += 5 * SECOND;
	}
	ck_assert(take(LATER));
	ck_assert_int_eq(closed(LATER, ADDRESS_END_FAILED), 5 * SECOND);
}
END_TEST

/* Our dial crossed theirs: while either lives there is nothing to dial, whichever ends first. */
START_TEST(crossed_connections_are_counted)
{
	for (int first = 0; first < 2; first++) {
		teardown();
		create();
		learn(LATER);
		ck_assert(take(LATER));
		ready(LATER, false);
		if (first == 0) {
			ck_assert_int_eq(closed(LATER, ADDRESS_END_REDUNDANT), -1);
		} else {
			ready(LATER, true);
			ck_assert_int_eq(closed(LATER, ADDRESS_END_LOST), -1);
		}
		now += HOUR;
		ck_assert(nothing_due());
		ck_assert_int_ge(closed(LATER, ADDRESS_END_LOST), 0);
		now += GRACE;
		ck_assert(take(LATER));
		ck_assert(nothing_due());
	}
}
END_TEST

START_TEST(dialled_address_is_busy_until_closed)
{
	learn(LATER);
	ck_assert(take(LATER));
	now += HOUR;
	ck_assert(nothing_due());
	ck_assert_int_eq(closed(LATER, ADDRESS_END_FAILED), 5 * SECOND);
}
END_TEST

START_TEST(closed_of_an_unknown_address_plans_nothing)
{
	ck_assert_int_eq(closed(LATER, ADDRESS_END_LOST), -1);
	ck_assert_int_eq(closed(LATER, ADDRESS_END_FAILED), -1);
}
END_TEST

START_TEST(removed_by_the_operator_is_an_address_like_others)
{
	struct net_ip ip = ip_of(EARLIER);

	ck_assert_int_eq(add(EARLIER, ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ck_assert(address_book_remove_configured(book, &ip));
	ck_assert(!address_book_remove_configured(book, &ip));
	ck_assert(!address_book_is_configured(book, &ip));
	ck_assert_int_eq(fail_until_given_up(EARLIER), 10);
}
END_TEST

/* A private address on a public network was dialled only because the operator said so. */
START_TEST(removed_by_the_operator_and_unusable_is_dialled_no_more)
{
	struct net_ip ip = ip_of("192.168.1.2");

	teardown();
	params.network = CHAIN_TESTNET;
	ck_assert_int_eq(address_book_create(&book, &params), 0);
	ck_assert_int_eq(add("192.168.1.2", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ck_assert(address_book_remove_configured(book, &ip));
	ck_assert_int_eq(wait_ms(), -1);
	ck_assert_int_eq(add("192.168.1.2", ADDR_SOURCE_CONFIGURED), ADDRESS_KNOWN);
	ck_assert(take("192.168.1.2"));
	/* while it is connected, too */
	ready("192.168.1.2", true);
	ck_assert(address_book_remove_configured(book, &ip));
	ck_assert_int_eq(closed("192.168.1.2", ADDRESS_END_LOST), -1);
}
END_TEST

START_TEST(port_is_learnt_from_who_dialled_us)
{
	struct net_ip ip = ip_of(LATER);
	struct net_addr addr;
	int64_t next;

	ready(LATER, false);
	address_book_learn_port(book, &ip, 0);
	address_book_learn_port(book, &ip, 4444);
	(void)closed(LATER, ADDRESS_END_LOST);
	now += 5 * SECOND;
	ck_assert(address_book_next(book, &addr, &next, false, now));
	ck_assert_uint_eq(addr.port, 4444);
}
END_TEST

START_TEST(port_that_the_operator_named_stays)
{
	struct net_ip ip = ip_of(LATER);
	struct net_addr addr;
	int64_t next;

	ck_assert_int_eq(add(LATER ":7", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	address_book_learn_port(book, &ip, 4444);
	ck_assert(address_book_next(book, &addr, &next, false, now));
	ck_assert_uint_eq(addr.port, 7);
}
END_TEST

/* --- turnaround --- */

/* Close, dial after 2 s, close and dial once more: two dials and no more. */
START_TEST(turnaround_dials_twice)
{
	struct net_ip ip = ip_of(EARLIER);

	ready(EARLIER, false);
	ck_assert(address_book_turnaround_begin(book, &ip, now));
	ck_assert_int_eq(closed(EARLIER, ADDRESS_END_REDUNDANT), 2 * SECOND);
	now += 2 * SECOND;
	ck_assert(take(EARLIER));
	ready(EARLIER, true);
	ck_assert(address_book_turnaround_second(book, &ip));
	now += 7 * SECOND;
	address_book_turnaround_redial(book, &ip, now);
	ck_assert_int_eq(closed(EARLIER, ADDRESS_END_REDUNDANT), 0);
	ck_assert(take(EARLIER));
	ready(EARLIER, true);
	ck_assert(!address_book_turnaround_second(book, &ip));
	ck_assert_int_eq(wait_ms(), -1);
	/* from here on it is a connection like any other */
	ck_assert_int_eq(closed(EARLIER, ADDRESS_END_LOST), GRACE);
}
END_TEST

START_TEST(turnaround_happens_once_in_ten_minutes)
{
	struct net_ip ip = ip_of(EARLIER);

	ready(EARLIER, false);
	ck_assert(address_book_turnaround_begin(book, &ip, now));
	ck_assert(!address_book_turnaround_begin(book, &ip, now));
	(void)closed(EARLIER, ADDRESS_END_REDUNDANT);
	now += 2 * SECOND;
	ck_assert(take(EARLIER));
	(void)closed(EARLIER, ADDRESS_END_FAILED);
	ready(EARLIER, false);
	now += 10 * MINUTE - 2 * SECOND - 1;
	ck_assert(!address_book_turnaround_begin(book, &ip, now));
	now += 1;
	ck_assert(address_book_turnaround_begin(book, &ip, now));
}
END_TEST

/* When our dial fails the peer dials us again, and stays welcome as it is. */
START_TEST(turnaround_that_fails_waits_for_the_peer)
{
	struct net_ip ip = ip_of(LATER);

	ready(LATER, false);
	ck_assert(address_book_turnaround_begin(book, &ip, now));
	(void)closed(LATER, ADDRESS_END_REDUNDANT);
	now += 2 * SECOND;
	ck_assert(take(LATER));
	ck_assert_int_eq(closed(LATER, ADDRESS_END_FAILED), GRACE);
	ready(LATER, false);
	ck_assert(!address_book_turnaround_second(book, &ip));
}
END_TEST

START_TEST(turnaround_of_nobody)
{
	struct net_ip ip = ip_of(LATER), own = ip_of("10.0.0.5");

	ck_assert(!address_book_turnaround_begin(book, &ip, now));
	ck_assert(!address_book_turnaround_begin(book, &own, now));
	ck_assert(!address_book_turnaround_second(book, &ip));
	address_book_turnaround_redial(book, &ip, now);
	ck_assert_int_eq(wait_ms(), -1);
}
END_TEST

/* An ordinary dial that gets ready is no part of one. */
START_TEST(ordinary_dial_is_no_turnaround)
{
	struct net_ip ip = ip_of(LATER);

	learn(LATER);
	ck_assert(take(LATER));
	ready(LATER, true);
	ck_assert(!address_book_turnaround_second(book, &ip));
}
END_TEST

/* --- what is told to others --- */

START_TEST(gossip_tells_only_whom_we_were_connected_with)
{
	learn("10.0.0.6");
	learn("10.0.0.7");
	ck_assert_int_eq(add("10.0.0.8", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ready("10.0.0.7", false);
	ready("10.0.0.8", true);
	ck_assert(!gossiped("10.0.0.6"));
	ck_assert(gossiped("10.0.0.7"));
	ck_assert(gossiped("10.0.0.8"));
	/* not ourselves, though we know the address */
	ck_assert(!gossiped("10.0.0.5"));
}
END_TEST

START_TEST(gossip_leaves_out_the_asker_and_the_given_up)
{
	struct net_addr out[64];

	learn(LATER);
	ready(LATER, false);
	ck_assert_uint_eq(gossip("8.8.8.8", out), 1);
	ck_assert_uint_eq(gossip(LATER, out), 0);
	(void)closed(LATER, ADDRESS_END_LOST);
	now += 5 * SECOND;
	ck_assert_int_eq(fail_until_given_up(LATER), 10);
	ck_assert_uint_eq(gossip("8.8.8.8", out), 0);
}
END_TEST

/* adversarial 33: what the operator allows himself is not for others. */
START_TEST(gossip_never_tells_unusable_addresses)
{
	teardown();
	params.network = CHAIN_TESTNET;
	ck_assert_int_eq(address_book_create(&book, &params), 0);
	ck_assert_int_eq(add("192.168.1.2", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ck_assert(take("192.168.1.2"));
	ready("192.168.1.2", true);
	ck_assert_int_eq(add("8.8.4.4", ADDR_SOURCE_CONFIGURED), ADDRESS_ADDED);
	ready("8.8.4.4", true);
	ck_assert(!gossiped("192.168.1.2"));
	ck_assert(gossiped("8.8.4.4"));
}
END_TEST

START_TEST(gossip_is_bounded_and_starts_anywhere)
{
	struct net_ip asker = ip_of("8.8.8.8");
	struct net_addr out[4];
	bool seen[32] = {false};
	char text[32];

	for (int i = 10; i < 20; i++) {
		snprintf(text, sizeof(text), "10.3.0.%d", i);
		learn(text);
		ready(text, false);
	}
	ck_assert_uint_eq(address_book_gossip(book, out, 0, &asker, 0), 0);
	for (uint32_t random = 0; random < 20; random++) {
		size_t n = address_book_gossip(book, out, 4, &asker, random);

		ck_assert_uint_eq(n, 4);
		for (size_t i = 0; i < n; i++)
			seen[out[i].ip.bytes[15]] = true;
	}
	(void)address_book_gossip(book, out, 4, &asker, UINT32_MAX);
	for (int i = 10; i < 20; i++)
		ck_assert(seen[i]);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, lower_text_dials_at_once);
	tcase_add_test(c, higher_text_waits_for_the_grace_period);
	tcase_add_test(c, own_ip_is_asked_of_the_kernel);
	tcase_add_test(c, configured_peer_is_dialled_at_once_whatever_the_rule);
	tcase_add_test(c, naming_a_known_address_dials_it_now);
	tcase_add_test(c, kept_addresses_come_first);
	tcase_add_test(c, only_kept_leaves_the_others_alone);
	tcase_add_loop_test(c, add_refuses_what_may_not_be_dialled, 0, 6);
	tcase_add_test(c, add_without_a_port_is_refused);
	tcase_add_test(c, add_of_a_known_address_changes_nothing);
	tcase_add_test(c, own_address_is_never_dialled);
	tcase_add_test(c, book_is_bounded);
	tcase_add_test(c, full_book_replaces_what_fails);
	tcase_add_test(c, full_book_replaces_the_worst_first);
	tcase_add_test(c, full_book_replaces_nothing_that_changed_its_mind);
	tcase_add_test(c, full_book_keeps_who_was_named_again);
	tcase_add_test(c, full_book_replaces_what_the_operator_removed);
	tcase_add_test(c, full_book_keeps_whom_it_knows);
	tcase_add_test(c, inbound_from_an_unusable_address_is_not_learnt);
	tcase_add_test(c, back_off_doubles_with_jitter);
	tcase_add_test(c, jitter_spreads_over_its_range);
	tcase_add_test(c, gives_up_after_ten_failures);
	tcase_add_test(c, gives_up_a_masternode_after_twenty);
	tcase_add_test(c, configured_peer_is_never_given_up);
	tcase_add_test(c, learnt_again_is_revived_by_the_dial_rule);
	tcase_add_test(c, learnt_again_with_another_port_is_dialled_there);
	tcase_add_test(c, it_dialled_us_and_is_revived);
	tcase_add_test(c, ready_resets_the_back_off);
	tcase_add_test(c, lost_connection_is_dialled_by_the_rule);
	tcase_add_test(c, refused_is_left_alone_for_the_pause);
	tcase_add_test(c, redundant_is_no_failure);
	tcase_add_test(c, crossed_connections_are_counted);
	tcase_add_test(c, dialled_address_is_busy_until_closed);
	tcase_add_test(c, closed_of_an_unknown_address_plans_nothing);
	tcase_add_test(c, removed_by_the_operator_is_an_address_like_others);
	tcase_add_test(c, removed_by_the_operator_and_unusable_is_dialled_no_more);
	tcase_add_test(c, port_is_learnt_from_who_dialled_us);
	tcase_add_test(c, port_that_the_operator_named_stays);
	tcase_add_test(c, turnaround_dials_twice);
	tcase_add_test(c, turnaround_happens_once_in_ten_minutes);
	tcase_add_test(c, turnaround_that_fails_waits_for_the_peer);
	tcase_add_test(c, turnaround_of_nobody);
	tcase_add_test(c, ordinary_dial_is_no_turnaround);
	tcase_add_test(c, gossip_tells_only_whom_we_were_connected_with);
	tcase_add_test(c, gossip_leaves_out_the_asker_and_the_given_up);
	tcase_add_test(c, gossip_never_tells_unusable_addresses);
	tcase_add_test(c, gossip_is_bounded_and_starts_anywhere);
}

int main(void)
{
	return address_book_tests("address_book", add_tests);
}
