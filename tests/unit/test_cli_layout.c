// SPDX-License-Identifier: MIT
/* time-cli: what it prints: JSON, tables at every width, short times, the peers, and nothing that a terminal obeys. */
#include "layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "getinfo.h"
#include "netinfo.h"
#include "print.h"
#include "run_suite.h"
#include "timed/rpc/value.h"

static struct buf out;

static const char *printed(void)
{
	buf_append_byte(&out, 0);
	ck_assert_int_eq(out.error, 0);
	return (const char *)out.data;
}

static json_t *parse(const char *text)
{
	char why[VALUE_WHY_SIZE];
	json_t *value;

	ck_assert_msg(value_parse(&value, why, text, strlen(text)) == 0, "%s", why);
	return value;
}

static void finish(void)
{
	buf_free(&out);
}

static const struct {
	const char *in, *out;
} results[] = {
	{"\"plain\"", "plain\n"},
	{"\"two\\nlines\\n\"", "two\nlines\n"},
	{"\"tab\\there\"", "tab\there\n"},
	{"\"\\u001b[2J \\u009b \\u202e \\u007f\"", "\\u001b[2J \\u009b \\u202e \\u007f\n"},
	{"\"\xc3\xa9 \xf0\x9f\x94\x97\"", "\xc3\xa9 \xf0\x9f\x94\x97\n"},
	{"null", ""},
	{"true", "true\n"},
	{"0.10000000", "0.10000000\n"},
	{"18446744073709551615", "18446744073709551615\n"},
	{"[]", "[]\n"},
	{"{}", "{}\n"},
	{"[1,[\"a\",{}]]", "[\n  1,\n  [\n    \"a\",\n    {}\n  ]\n]\n"},
	{"{\"b\":1,\"a\":{\"x\":\"\\\"\\\\\\n\\u0007\"}}",
	 "{\n  \"b\": 1,\n  \"a\": {\n    \"x\": \"\\\"\\\\\\n\\u0007\"\n  }\n}\n"},
};

START_TEST(results_are_printed)
{
	json_t *value = parse(results[_i].in);

	print_result(&out, value);
	json_decref(value);
	ck_assert_str_eq(printed(), results[_i].out);
}
END_TEST

static void fill(struct layout *table)
{
	layout_init(table);
	layout_column(table, "name", true);
	layout_column(table, "n", false);
	layout_column(table, "last", true);
	layout_row(table);
	layout_text(table, "a\033b\xc3\xa9");
	layout_cell(table, "%d", 1);
	layout_cell(table, "%s", "x");
	layout_row(table);
	layout_cell(table, "%s", "longer");
	layout_cell(table, "%d", 12345);
}

START_TEST(columns_are_as_wide_as_what_is_in_them)
{
	struct layout table;

	fill(&table);
	layout_print(&out, &table, 0, 0, 10);
	layout_free(&table);
	ck_assert_str_eq(printed(), "name        n  last\na?b?        1  x\nlonger  12345\n");
}
END_TEST

/* No line is longer than the screen, at any width. */
START_TEST(lines_are_cut_at_every_width)
{
	size_t width = (size_t)_i, column = 0;
	struct layout table;

	fill(&table);
	layout_print(&out, &table, width, 0, 10);
	layout_free(&table);
	for (const char *c = printed(); *c; c++) {
		column = *c == '\n' ? 0 : column + 1;
		ck_assert_uint_le(column, width);
	}
}
END_TEST

START_TEST(rows_can_be_scrolled)
{
	struct layout table;

	fill(&table);
	layout_print(&out, &table, 0, 1, 1);
	layout_print(&out, &table, 0, 2, 1);
	layout_free(&table);
	ck_assert_str_eq(printed(), "name        n  last\nlonger  12345\nname        n  last\n");
}
END_TEST

START_TEST(times_are_short)
{
	static const struct {
		int64_t seconds;
		const char *age, *duration;
	} times[] = {
		{-5, "0s", "0s"},	  {0, "0s", "0s"},	 {59, "59s", "59s"},	    {60, "1m", "1m 0s"},
		{3599, "59m", "59m 59s"}, {3900, "1h", "1h 5m"}, {86399, "23h", "23h 59m"}, {200000, "2d", "2d 7h"},
	};
	char text[LAYOUT_SHORT_SIZE];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		layout_age(text, times[i].seconds);
		ck_assert_str_eq(text, times[i].age);
		layout_duration(text, times[i].seconds);
		ck_assert_str_eq(text, times[i].duration);
	}
	layout_ms(text, 0.000123);
	ck_assert_str_eq(text, "0.12");
	layout_ms(text, 0.00999);
	ck_assert_str_eq(text, "9.99");
	layout_ms(text, 0.009996);
	ck_assert_str_eq(text, "10.0");
	layout_ms(text, 1.5);
	ck_assert_str_eq(text, "1500");
	layout_bytes(text, 999);
	ck_assert_str_eq(text, "999 B");
	layout_bytes(text, 1500);
	ck_assert_str_eq(text, "1.5 kB");
	layout_bytes(text, 20e6);
	ck_assert_str_eq(text, "20 MB");
}
END_TEST

#define PEER_A                                                                                                         \
	"{\"id\":1,\"addr\":\"127.0.0.9:5\",\"inbound\":false,\"connection_type\":\"manual\",\"state\":\"ready\","     \
	"\"conntime\":940,\"lastsend\":995,\"lastrecv\":880,\"pingtime\":0.025,\"minping\":0.00018,\"height\":12,"     \
	"\"is_masternode\":true,\"tier\":\"Free\",\"subver\":\"x\\u001b\",\"missed_pongs\":1,"                         \
	"\"sendqueue_bytes\":2048}"
#define PEER_B                                                                                                         \
	"{\"id\":2,\"addr\":\"[::1]:7\",\"inbound\":true,\"connection_type\":\"inbound\",\"state\":\"handshake\"}"
#define BATCH(peers) "[{\"id\":2,\"error\":{\"code\":-32601}},{\"id\":3,\"result\":[" peers "]}]"

static void print_peers(const char *batch, int level)
{
	json_t *json = parse(batch);
	struct netinfo info;

	netinfo_take(&info, json, "here:1", level, 1000);
	ck_assert(info.usable);
	netinfo_print(&out, &info);
	netinfo_free(&info);
	json_decref(json);
}

/* Inbound first; what a peer or the daemon does not tell stays blank. */
START_TEST(peers_as_a_table)
{
	print_peers(BATCH(PEER_A "," PEER_B), 4);
	ck_assert_str_eq(printed(),
			 "timed at here:1, unknown network\n\n"
			 "<->  type       min ms  ping ms  send  recv  age  height  tier  id  missed   queue  address  "
			 "    software\n"
			 "in   handshake                                                   2       0     0 B  [::1]:7\n"
			 "out  manual       0.18     25.0    5s    2m   1m      12  Free   1       1  2.0 kB  "
			 "127.0.0.9:5  x?\n\n"
			 "       peers  ipv4  ipv6  manual  masternodes\n"
			 "in         1     0     1       0            0\n"
			 "out        1     1     0       1            1\n"
			 "total      2     1     1       1            1\n");
}
END_TEST

START_TEST(level_0_counts_only)
{
	print_peers(BATCH(PEER_A), 0);
	ck_assert_str_eq(printed(), "timed at here:1, unknown network\n\n"
				    "       peers  ipv4  ipv6  manual  masternodes\n"
				    "in         0     0     0       0            0\n"
				    "out        1     1     0       1            1\n"
				    "total      1     1     0       1            1\n");
}
END_TEST

/* Whatever an answer holds in place of what is expected, it is survived. */
START_TEST(strange_answers)
{
	static const struct {
		const char *text;
		int peers; /* -1: they are not told */
	} answers[] = {
		{"[]", -1},
		{"{\"error\":{\"code\":-28}}", -1},
		{"[{\"id\":3,\"result\":[5,null,[],\"x\",{\"addr\":5,\"lastsend\":\"x\",\"height\":1e300}]}]", 5},
		{"[{\"id\":3,\"result\":{}},{\"id\":0,\"result\":[]},{\"id\":2,\"result\":7}]", -1},
		{"[{\"id\":0,\"result\":{\"chain\":7,\"time\":-9223372036854775807}},{\"id\":8,\"result\":\"\"}]", -1},
	};
	json_t *json = parse(answers[_i].text);
	int peers = answers[_i].peers;
	struct netinfo info;

	netinfo_take(&info, json, "here", 4, 1000);
	ck_assert_int_eq(info.usable, peers >= 0);
	ck_assert_uint_eq(info.counts[NETINFO_TOTAL].peers, peers < 0 ? 0 : (unsigned)peers);
	ck_assert_uint_eq(info.peers.row_count, peers < 0 ? 0 : (size_t)peers);
	netinfo_print(&out, &info);
	netinfo_free(&info);
	getinfo_print(&out, json, "here", 1000);
	json_decref(json);
	for (const char *c = printed(); *c; c++)
		ck_assert(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_layout");
	TCase *tcase = tcase_create("cli_layout");

	tcase_add_checked_fixture(tcase, NULL, finish);
	tcase_add_loop_test(tcase, results_are_printed, 0, (int)(sizeof(results) / sizeof(results[0])));
	tcase_add_test(tcase, columns_are_as_wide_as_what_is_in_them);
	tcase_add_loop_test(tcase, lines_are_cut_at_every_width, 1, 30);
	tcase_add_test(tcase, rows_can_be_scrolled);
	tcase_add_test(tcase, times_are_short);
	tcase_add_test(tcase, peers_as_a_table);
	tcase_add_test(tcase, level_0_counts_only);
	tcase_add_loop_test(tcase, strange_answers, 0, 5);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
