// SPDX-License-Identifier: MIT
/* subscriptions: who is found, what is bounded, what ends with a connection.  The linker puts functions of this file in
 * the place of peer_ref() and peer_unref(), so that a peer is no more than an address here. */
#include "subscriptions.h"

#include <check.h>
#include <string.h>

#include "run_suite.h"
#include "timed/net/peer.h"

#define PEERS 40

static struct subscriptions *subs;
static char memory[PEERS];
static long refs[PEERS];
#define PEER(i) ((struct peer *)(void *)&memory[i])

struct peer *__wrap_peer_ref(struct peer *peer);
void __wrap_peer_unref(struct peer *peer);

struct peer *__wrap_peer_ref(struct peer *peer)
{
	refs[(char *)(void *)peer - memory]++;
	return peer;
}

void __wrap_peer_unref(struct peer *peer)
{
	if (peer)
		refs[(char *)(void *)peer - memory]--;
}

static void setup(void)
{
	const struct subscriptions_params params = {.per_peer = 10, .in_all = 25};

	memset(refs, 0, sizeof(refs));
	ck_assert_int_eq(subscriptions_new(&subs, &params), 0);
}

static void teardown(void)
{
	subscriptions_free(subs);
	for (int i = 0; i < PEERS; i++)
		ck_assert_int_eq(refs[i], 0);
}

static struct wire_str text(const char *s)
{
	return (struct wire_str){s, strlen(s)};
}

static struct wire_outpoint outpoint(uint8_t id, uint32_t vout)
{
	struct wire_outpoint o = {.vout = vout};

	memset(&o.txid, id, sizeof(o.txid));
	return o;
}

/* `addresses` of one letter each, `count` outpoints of txid `id`. */
static int add(int peer, const char *id, const char *addresses, uint8_t txid, uint32_t count)
{
	struct wire_str letters[32];
	struct wire_outpoint outpoints[32];
	struct wire_subscribe wanted = {text(id), {letters, strlen(addresses)}, {outpoints, count}};

	for (size_t i = 0; i < wanted.addresses.len; i++)
		letters[i] = (struct wire_str){&addresses[i], 1};
	for (uint32_t i = 0; i < count; i++)
		outpoints[i] = outpoint(txid, i);
	return subscriptions_add(subs, PEER(peer), &wanted);
}

/* Peers as digits, in ascending order. */
static const char *who(const struct wire_outpoint *o, const char *address)
{
	const struct wire_bytes script = {(const uint8_t *)address, address ? strlen(address) : 0};
	static char found[PEERS + 1];
	struct subscribers to;
	size_t n = 0;

	subscriptions_match(subs, &to, o, address ? &script : NULL);
	for (int i = 0; i < PEERS; i++) {
		for (size_t k = 0; k < to.count; k++) {
			if (to.items[k] == PEER(i))
				found[n++] = (char)('0' + i);
		}
	}
	ck_assert_uint_eq(n, to.count);
	found[n] = 0;
	subscribers_free(&to);
	return found;
}

static const char *who_outpoint(uint8_t id, uint32_t vout)
{
	struct wire_outpoint o = outpoint(id, vout);

	return who(&o, NULL);
}

START_TEST(those_that_asked_are_found)
{
	ck_assert_int_eq(add(1, "a", "xy", 1, 2), 0);
	ck_assert_int_eq(add(2, "a", "y", 1, 1), 0);
	ck_assert_str_eq(who(NULL, "x"), "1");
	ck_assert_str_eq(who(NULL, "y"), "12");
	ck_assert_str_eq(who(NULL, "z"), "");
	ck_assert_str_eq(who(NULL, ""), "");
	ck_assert_str_eq(who_outpoint(1, 0), "12");
	ck_assert_str_eq(who_outpoint(1, 1), "1");
	ck_assert_str_eq(who_outpoint(1, 2), "");
	ck_assert_str_eq(who_outpoint(2, 0), "");
	ck_assert_uint_eq(subscriptions_count(subs), 5 + 3);
}
END_TEST

/* By outpoint, by address, by two subscriptions, and twice in one. */
START_TEST(each_is_found_once)
{
	struct wire_outpoint o = outpoint(1, 0);

	ck_assert_int_eq(add(1, "a", "xx", 1, 1), 0);
	ck_assert_int_eq(add(1, "b", "x", 1, 1), 0);
	ck_assert_int_eq(add(3, "b", "x", 0, 0), 0);
	ck_assert_str_eq(who(&o, "x"), "13");
}
END_TEST

/* An address of 32 bytes is no txid. */
START_TEST(kinds_are_kept_apart)
{
	struct wire_str address = {"\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", 32};
	struct wire_subscribe wanted = {text("a"), {&address, 1}, {NULL, 0}};

	ck_assert_int_eq(subscriptions_add(subs, PEER(1), &wanted), 0);
	ck_assert_str_eq(who_outpoint(1, 0), "");
	ck_assert_str_eq(who(NULL, address.ptr), "1");
}
END_TEST

START_TEST(same_id_takes_the_place)
{
	ck_assert_int_eq(add(1, "a", "x", 1, 1), 0);
	ck_assert_int_eq(add(1, "a", "yz", 0, 0), 0);
	ck_assert_str_eq(who(NULL, "x"), "");
	ck_assert_str_eq(who_outpoint(1, 0), "");
	ck_assert_str_eq(who(NULL, "y"), "1");
	ck_assert_uint_eq(subscriptions_count(subs), 3);
}
END_TEST

START_TEST(end_of_one_leaves_the_others)
{
	struct wire_str a = text("a"), b = text("b"), none = text("c");

	ck_assert_int_eq(add(1, "a", "x", 0, 0), 0);
	ck_assert_int_eq(add(1, "b", "xy", 0, 0), 0);
	ck_assert_int_eq(add(2, "a", "x", 0, 0), 0);
	ck_assert(!subscriptions_remove(subs, PEER(1), &none));
	ck_assert(!subscriptions_remove(subs, PEER(3), &a));
	ck_assert(subscriptions_remove(subs, PEER(1), &b));
	ck_assert(!subscriptions_remove(subs, PEER(1), &b));
	ck_assert_str_eq(who(NULL, "x"), "12");
	ck_assert_str_eq(who(NULL, "y"), "");
	ck_assert(subscriptions_remove(subs, PEER(1), &a));
	ck_assert_int_eq(refs[1], 0);
	ck_assert_str_eq(who(NULL, "x"), "2");
	ck_assert_uint_eq(subscriptions_count(subs), 2);
}
END_TEST

START_TEST(all_of_a_peer_end_with_it)
{
	ck_assert_int_eq(add(1, "a", "x", 1, 3), 0);
	ck_assert_int_eq(add(1, "b", "xy", 0, 0), 0);
	ck_assert_int_eq(add(2, "a", "x", 0, 0), 0);
	subscriptions_drop(subs, PEER(1));
	subscriptions_drop(subs, PEER(1));
	subscriptions_drop(subs, PEER(7));
	ck_assert_int_eq(refs[1], 0);
	ck_assert_str_eq(who(NULL, "x"), "2");
	ck_assert_str_eq(who_outpoint(1, 0), "");
	ck_assert_uint_eq(subscriptions_count(subs), 2);
}
END_TEST

/* One peer has 10, itself counted; what is replaced counts no more. */
START_TEST(one_peer_is_bounded)
{
	ck_assert_int_eq(add(1, "a", "1234", 0, 0), 0);
	ck_assert_int_eq(add(1, "b", "12345", 0, 0), SUBSCRIPTIONS_E_PEER);
	ck_assert_int_eq(add(1, "b", "1234", 0, 0), 0);
	ck_assert_int_eq(add(1, "c", "", 0, 0), SUBSCRIPTIONS_E_PEER);
	ck_assert_int_eq(add(1, "b", "12345", 0, 0), SUBSCRIPTIONS_E_PEER);
	ck_assert_int_eq(add(1, "b", "4321", 0, 0), 0);
	ck_assert_int_eq(add(2, "a", "1234567890", 0, 0), SUBSCRIPTIONS_E_PEER);
	ck_assert_int_eq(add(2, "a", "123456789", 0, 0), 0);
	ck_assert_str_eq(who(NULL, "5"), "2");
	ck_assert_uint_eq(subscriptions_count(subs), 20);
}
END_TEST

START_TEST(all_peers_together_are_bounded)
{
	ck_assert_int_eq(add(1, "a", "123456789", 0, 0), 0);
	ck_assert_int_eq(add(2, "a", "123456789", 0, 0), 0);
	ck_assert_int_eq(add(3, "a", "12345", 0, 0), SUBSCRIPTIONS_E_ALL);
	ck_assert_int_eq(refs[3], 0);
	ck_assert_int_eq(add(3, "a", "1234", 0, 0), 0);
	ck_assert_int_eq(add(4, "a", "", 0, 0), SUBSCRIPTIONS_E_ALL);
	subscriptions_drop(subs, PEER(2));
	ck_assert_int_eq(add(4, "a", "123456789", 0, 0), 0);
	ck_assert_uint_eq(subscriptions_count(subs), 25);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("subscriptions");
	TCase *c = tcase_create("subscriptions");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, those_that_asked_are_found);
	tcase_add_test(c, each_is_found_once);
	tcase_add_test(c, kinds_are_kept_apart);
	tcase_add_test(c, same_id_takes_the_place);
	tcase_add_test(c, end_of_one_leaves_the_others);
	tcase_add_test(c, all_of_a_peer_end_with_it);
	tcase_add_test(c, one_peer_is_bounded);
	tcase_add_test(c, all_peers_together_are_bounded);
	suite_add_tcase(s, c);
	return run_suite(s);
}
