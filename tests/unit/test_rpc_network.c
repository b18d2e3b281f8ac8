// SPDX-License-Identifier: MIT
/* The lists of the network's methods when they are long: made while they are read, and whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc_call.h"
#include "run_suite.h"
#include "timed/net/address_book.h"
#include "timed/net/ban_list.h"
#include "timed/rpc/stream.h"
#include "timed/util/clock.h"

enum { COUNT = 8000 };

/* The list that the method answers, which must be one that is made while it is read (the caller releases it). */
static json_t *read_long(const char *request)
{
	struct dispatch_answer answer;
	struct buf text = BUF_INIT;
	json_t *value, *list;

	ck_assert_int_eq(dispatch_text(&answer, &table, request, strlen(request), RPC_NO_WAIT), 0);
	ck_assert_ptr_nonnull(answer.stream);
	buf_append(&text, answer.body.data, answer.body.len);
	while (stream_next(answer.stream, &text))
		ck_assert(!text.error);
	dispatch_answer_free(&answer);
	value = json_loadb((char *)text.data, text.len, 0, NULL);
	list = json_incref(json_object_get(value, "result"));
	ck_assert(json_is_array(list));
	json_decref(value);
	buf_free(&text);
	return list;
}

/* A public address of its own for each number. */
static struct net_addr address(unsigned number)
{
	struct net_addr addr;
	char text[32];

	snprintf(text, sizeof(text), "11.%u.%u.7", number / 200, number % 200 + 1);
	ck_assert_int_eq(net_addr_parse(&addr, text, strlen(text), 24100), 0);
	return addr;
}

static void add_addresses(enum addr_source source)
{
	struct address_book_params params = {
		.network = CHAIN_TESTNET, .default_port = 24100, .max_addresses = COUNT, .back_off_min_ms = 1};

	ck_assert_int_eq(address_book_create(&node.addresses, &params), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		struct net_addr addr = address(i);

		ck_assert_int_eq(address_book_add(node.addresses, &addr, source, clock_mono_ms()), ADDRESS_ADDED);
	}
}

START_TEST(peers)
{
	struct peer_info *infos = calloc(COUNT, sizeof(*infos));
	json_t *list;

	for (unsigned i = 0; i < COUNT; i++)
		infos[i] = (struct peer_info){.id = i + 1, .state = PEER_READY, .addr = address(i)};
	node.peers = infos;
	node.peer_count = COUNT;
	list = read_long("{\"id\":1,\"method\":\"getpeerinfo\"}");
	ck_assert_uint_eq(json_array_size(list), COUNT);
	expect_integer(json_array_get(list, COUNT - 1), "id", COUNT);
	json_decref(list);
	free(infos);
}
END_TEST

START_TEST(added_nodes)
{
	struct peer_info one = {.state = PEER_READY, .addr = address(17)};
	json_t *list, *entry;
	size_t connected = 0, i;

	add_addresses(ADDR_SOURCE_CONFIGURED);
	node.peers = &one;
	node.peer_count = 1;
	list = read_long("{\"id\":1,\"method\":\"getaddednodeinfo\"}");
	ck_assert_uint_eq(json_array_size(list), COUNT);
	json_array_foreach(list, i, entry)
	{
		connected += json_is_true(json_object_get(entry, "connected"));
		if (json_is_true(json_object_get(entry, "connected")))
			expect_text(entry, "addednode", "11.0.18.7:24100");
	}
	ck_assert_uint_eq(connected, 1);
	json_decref(list);
	address_book_free(node.addresses);
}
END_TEST

/* So many as are asked for, none of them twice. */
START_TEST(addresses)
{
	json_t *list, *seen = json_object(), *entry;
	size_t i;

	add_addresses(ADDR_SOURCE_DISCOVERY);
	list = read_long("{\"id\":1,\"method\":\"getnodeaddresses\",\"params\":[7000]}");
	json_array_foreach(list, i, entry)
		json_object_set_new(seen, json_string_value(json_object_get(entry, "address")), json_true());
	ck_assert_uint_eq(json_array_size(list), 7000);
	ck_assert_uint_eq(json_object_size(seen), 7000);
	json_decref(list);
	json_decref(seen);
	list = read_long("{\"id\":1,\"method\":\"getnodeaddresses\",\"params\":[0]}");
	ck_assert_uint_eq(json_array_size(list), COUNT);
	json_decref(list);
	address_book_free(node.addresses);
}
END_TEST

START_TEST(bans)
{
	struct ban_params params = {.short_at = 3, .long_at = 5, .permanent_at = 10, .max_records = COUNT};
	int64_t now_s = clock_real_s();
	json_t *list;

	ck_assert_int_eq(ban_list_create(&node.bans, &params), 0);
	for (unsigned i = COUNT; i-- > 0;) {
		struct net_addr addr = address(i);

		ck_assert_int_eq(ban_list_set(node.bans, &addr.ip, now_s + 3600, now_s), 0);
	}
	list = read_long("{\"id\":1,\"method\":\"listbanned\"}");
	ck_assert_uint_eq(json_array_size(list), COUNT);
	expect_text(json_array_get(list, 0), "address", "11.0.1.7");
	expect_integer(json_array_get(list, COUNT - 1), "ban_duration", 3600);
	json_decref(list);
	ban_list_free(node.bans);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_network");
	TCase *lists = tcase_create("lists");

	tcase_add_checked_fixture(lists, node_setup, node_teardown);
	tcase_add_test(lists, peers);
	tcase_add_test(lists, added_nodes);
	tcase_add_test(lists, addresses);
	tcase_add_test(lists, bans);
	suite_add_tcase(suite, lists);
	return run_suite(suite);
}
