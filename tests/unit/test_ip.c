// SPDX-License-Identifier: MIT
/* net/ip: parsing, normalised forms, the text order of the dial rule, and what may be dialled and gossiped. */
#include "timed/net/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "net_util.h"
#include "run_suite.h"

#define DEFAULT_PORT 24100

static int parse(struct net_addr *out, const char *text)
{
	return net_addr_parse(out, text, strlen(text), DEFAULT_PORT);
}

/* Text in, text of the address out. */
static const struct {
	const char *text, *canonical;
} GOOD[] = {
	{"1.2.3.4", "1.2.3.4:24100"},
	{"1.2.3.4:1", "1.2.3.4:1"},
	{"1.2.3.4:65535", "1.2.3.4:65535"},
	{"1.2.3.4:00080", "1.2.3.4:80"},
	{"255.255.255.255", "255.255.255.255:24100"},
	{"0.0.0.0:7", "0.0.0.0:7"},
	{"::1", "[::1]:24100"},
	{"[::1]", "[::1]:24100"},
	{"[::1]:9", "[::1]:9"},
	{"2001:DB8:0:0::1", "[2001:db8::1]:24100"},
	{"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
	{"::ffff:10.0.0.9", "10.0.0.9:24100"},
	{"[::ffff:10.0.0.9]:5", "10.0.0.9:5"},
	{"::FFFF:a00:9", "10.0.0.9:24100"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:24100"},
	{"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
};

START_TEST(parse_gives_the_canonical_address)
{
	struct net_addr addr;
	char text[NET_ADDR_TEXT_SIZE];

	ck_assert_int_eq(parse(&addr, GOOD[_i].text), 0);
	net_addr_text(text, &addr);
	ck_assert_str_eq(text, GOOD[_i].canonical);
}
END_TEST

/* What is told again is parsed again to the same. */
START_TEST(parse_reads_back_what_text_wrote)
{
	struct net_addr addr, again;
	char text[NET_ADDR_TEXT_SIZE];

	ck_assert_int_eq(parse(&addr, GOOD[_i].text), 0);
	net_addr_text(text, &addr);
	ck_assert_int_eq(net_addr_parse(&again, text, strlen(text), 1), 0);
	ck_assert(net_ip_equal(&again.ip, &addr.ip));
	ck_assert_uint_eq(again.port, addr.port);
}
END_TEST

static const char *const BAD[] = {
	"",	      ":",	    "1.2.3",	     "1.2.3.4.5",     "1.2.3.256",   "1.2.3.-4",  "01.2.3.4",
	"1.2.3.4:",   "1.2.3.4:0",  "1.2.3.4:65536", "1.2.3.4:99999999999999999999", "1.2.3.4:+5", "1.2.3.4: 5",
	"1.2.3.4:5 ", "1.2.3.4:0x5", "1.2.3.4/24",   " 1.2.3.4",      "1.2.3.4 ",    "1.2.3.4\n", "0x7f.1",
	"2130706433", "127.1",	    "[1.2.3.4]",     "[1.2.3.4]:5",   "[::1",	     "::1]",	  "[::1]5",
	"[::1]:",     "[::1]:0",    "[::1]:65536",   "[]:5",	      "[]",	     "[[::1]]",	  "::1:",
	"fe80::1%lo", "[fe80::1%lo]:5", "localhost", "example.org:80", "1:2:3:4:5:6:7:8:9", "::1::2", ":5",
	"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:655350", "1.2.3.4\xc3\xa4", "\xff",
	"0000:0000:0000:0000:0000:ffff:010.0.0.9",
};

START_TEST(parse_refuses_what_is_no_address)
{
	struct net_addr addr;

	ck_assert_msg(parse(&addr, BAD[_i]) == -EINVAL, "accepted: \"%s\"", BAD[_i]);
}
END_TEST

/* Only `len` bytes count, and a NUL among them is not the end. */
START_TEST(parse_respects_the_length)
{
	struct net_addr addr;

	ck_assert_int_eq(net_addr_parse(&addr, "1.2.3.45", 7, DEFAULT_PORT), 0);
	ck_assert_uint_eq(addr.ip.bytes[15], 4);
	ck_assert_int_eq(net_addr_parse(&addr, "1.2.3.4\0:5", 10, DEFAULT_PORT), -EINVAL);
	ck_assert_int_eq(net_addr_parse(&addr, "1.2.3.4", 0, DEFAULT_PORT), -EINVAL);
}
END_TEST

/* A text that fills the buffer to the byte, and anything longer, is refused without being read past its end. */
START_TEST(parse_refuses_any_overlong_text)
{
	struct net_addr addr;

	for (size_t len = 40; len < 2000; len++) {
		char *text = malloc(len);

		ck_assert_ptr_nonnull(text);
		memset(text, '1', len);
		ck_assert_int_eq(net_addr_parse(&addr, text, len, DEFAULT_PORT), -EINVAL);
		free(text);
	}
}
END_TEST

START_TEST(parse_without_a_default_port_says_so)
{
	struct net_addr addr;

	ck_assert_int_eq(net_addr_parse(&addr, "1.2.3.4", 7, 0), 0);
	ck_assert_uint_eq(addr.port, 0);
}
END_TEST

/* The same machine through either family of sockets is one peer. */
START_TEST(sockaddr_of_a_mapped_address_is_ipv4)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(7)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct net_addr a, b;

	ck_assert_int_eq(inet_pton(AF_INET, "10.1.2.3", &in.sin_addr), 1);
	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:10.1.2.3", &in6.sin6_addr), 1);
	net_addr_from_sockaddr(&a, (const struct sockaddr *)&in);
	net_addr_from_sockaddr(&b, (const struct sockaddr *)&in6);
	ck_assert(net_ip_equal(&a.ip, &b.ip));
	ck_assert(net_ip_is_v4(&b.ip));
	ck_assert_uint_eq(a.port, 7);
	ck_assert_uint_eq(b.port, 7);
}
END_TEST

START_TEST(sockaddr_round_trip_keeps_ip_and_port)
{
	static const char *const texts[] = {"127.0.0.2:24100", "[2001:db8::7]:1", "[::1]:65535"};
	static const sa_family_t families[] = {AF_INET, AF_INET6, AF_INET6};
	struct net_addr addr = addr_of(texts[_i]), back;
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(&sa, &addr);

	ck_assert_int_eq(sa.ss_family, families[_i]);
	ck_assert_uint_eq(len, _i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	net_addr_from_sockaddr(&back, (const struct sockaddr *)&sa);
	ck_assert(net_ip_equal(&back.ip, &addr.ip));
	ck_assert_uint_eq(back.port, addr.port);
}
END_TEST

START_TEST(sockaddr_of_another_family_is_nothing)
{
	struct sockaddr sa = {.sa_family = AF_UNIX};
	struct net_addr addr;

	net_addr_from_sockaddr(&addr, &sa);
	ck_assert_uint_eq(addr.port, 0);
	ck_assert(net_ip_is_unspecified(&addr.ip));
}
END_TEST

START_TEST(unspecified_is_zero_in_either_family)
{
	struct net_ip v4 = ip_of("0.0.0.0"), v6 = ip_of("::"), other = ip_of("0.0.0.1"), loopback = ip_of("::1");

	ck_assert(net_ip_is_unspecified(&v4));
	ck_assert(net_ip_is_unspecified(&v6));
	ck_assert(!net_ip_is_unspecified(&other));
	ck_assert(!net_ip_is_unspecified(&loopback));
}
END_TEST

/* Who dials is decided by the texts, not by the numbers. */
START_TEST(text_compare_is_by_bytes_of_the_text)
{
	static const struct {
		const char *low, *high;
	} pairs[] = {
		{"10.0.0.10", "10.0.0.9"},	{"1.2.3.4", "1.2.3.40"}, {"100.0.0.1", "20.0.0.1"},
		{"192.168.0.1", "2001:db8::1"}, {"9.9.9.9", "::1"},	 {"2001:db8:1::1", "2001:db8::1"},
	};
	struct net_ip low = ip_of(pairs[_i].low), high = ip_of(pairs[_i].high);

	ck_assert_int_lt(net_ip_text_compare(&low, &high), 0);
	ck_assert_int_gt(net_ip_text_compare(&high, &low), 0);
	ck_assert_int_eq(net_ip_text_compare(&low, &low), 0);
}
END_TEST

START_TEST(local_for_asks_the_kernel)
{
	struct net_ip loopback = ip_of("127.0.0.1"), own;

	ck_assert_int_eq(net_ip_local_for(&own, &loopback), 0);
	ck_assert(net_ip_equal(&own, &loopback));
}
END_TEST

enum usable { PUBLIC, LOCAL, NEVER };

static const struct {
	const char *ip;
	enum usable usable;
} SCOPES[] = {
	{"8.8.8.8", PUBLIC},
	{"1.0.0.0", PUBLIC},
	{"9.255.255.255", PUBLIC},
	{"11.0.0.0", PUBLIC},
	{"100.63.255.255", PUBLIC},
	{"100.128.0.0", PUBLIC},
	{"126.255.255.255", PUBLIC},
	{"128.0.0.0", PUBLIC},
	{"169.253.255.255", PUBLIC},
	{"172.15.255.255", PUBLIC},
	{"172.32.0.0", PUBLIC},
	{"192.0.1.0", PUBLIC},
	{"192.167.255.255", PUBLIC},
	{"192.169.0.0", PUBLIC},
	{"198.17.255.255", PUBLIC},
	{"198.20.0.0", PUBLIC},
	{"223.255.255.255", PUBLIC},
	{"2000::", PUBLIC},
	{"2a00:1450:4001::1", PUBLIC},
	{"2001:db7:ffff::1", PUBLIC},
	{"2001:db9::1", PUBLIC},
	{"3fff:0:0::1", PUBLIC},

	{"10.0.0.0", LOCAL},
	{"10.255.255.255", LOCAL},
	{"100.64.0.0", LOCAL},
	{"100.127.255.255", LOCAL},
	{"127.0.0.1", LOCAL},
	{"127.255.255.255", LOCAL},
	{"169.254.0.0", LOCAL},
	{"172.16.0.0", LOCAL},
	{"172.31.255.255", LOCAL},
	{"192.168.255.255", LOCAL},
	{"198.18.0.0", LOCAL},
	{"198.19.255.255", LOCAL},
	{"::ffff:127.0.0.1", LOCAL},
	{"::1", LOCAL},
	{"fc00::1", LOCAL},
	{"fdff::1", LOCAL},

	{"0.0.0.0", NEVER},
	{"0.255.255.255", NEVER},
	{"192.0.0.1", NEVER},
	{"192.0.2.1", NEVER},
	{"198.51.100.1", NEVER},
	{"203.0.113.255", NEVER},
	{"224.0.0.1", NEVER},
	{"239.255.255.255", NEVER},
	{"240.0.0.0", NEVER},
	{"255.255.255.255", NEVER},
	{"::", NEVER},
	{"::2", NEVER},
	{"::127.0.0.1", NEVER},	       /* IPv4-compatible, deprecated */
	{"::fffe:8.8.8.8", NEVER},     /* next to the mapped addresses */
	{"64:ff9b::8.8.8.8", NEVER},   /* NAT64: of the local network only */
	{"100::1", NEVER},	       /* discard */
	{"1fff:ffff::1", NEVER},
	{"2001:db8::1", NEVER},
	{"4000::1", NEVER},
	{"fbff::1", NEVER},
	{"fe00::1", NEVER},
	{"fe80::1", NEVER},
	{"febf:ffff::1", NEVER},
	{"fec0::1", NEVER},
	{"ff02::1", NEVER},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NEVER},
};

/* adversarial 33: what may be dialled and gossiped, for every network and source. */
START_TEST(usable_by_range_network_and_source)
{
	struct net_ip ip = ip_of(SCOPES[_i].ip);
	enum usable usable = SCOPES[_i].usable;

	for (int network = 0; network < CHAIN_NETWORK_COUNT; network++) {
		for (int source = ADDR_SOURCE_CONFIGURED; source <= ADDR_SOURCE_INBOUND; source++) {
			bool want = usable == PUBLIC || (usable == LOCAL && (network == CHAIN_DEVNET ||
									     source == ADDR_SOURCE_CONFIGURED));

			ck_assert_msg(net_ip_usable(&ip, (enum chain_network)network, (enum addr_source)source) == want,
				      "%s: network %d, source %d", SCOPES[_i].ip, network, source);
		}
	}
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, parse_gives_the_canonical_address, 0, COUNT(GOOD));
	tcase_add_loop_test(c, parse_reads_back_what_text_wrote, 0, COUNT(GOOD));
	tcase_add_loop_test(c, parse_refuses_what_is_no_address, 0, COUNT(BAD));
	tcase_add_test(c, parse_respects_the_length);
	tcase_add_test(c, parse_refuses_any_overlong_text);
	tcase_add_test(c, parse_without_a_default_port_says_so);
	tcase_add_test(c, sockaddr_of_a_mapped_address_is_ipv4);
	tcase_add_loop_test(c, sockaddr_round_trip_keeps_ip_and_port, 0, 3);
	tcase_add_test(c, sockaddr_of_another_family_is_nothing);
	tcase_add_test(c, unspecified_is_zero_in_either_family);
	tcase_add_loop_test(c, text_compare_is_by_bytes_of_the_text, 0, 6);
	tcase_add_test(c, local_for_asks_the_kernel);
	tcase_add_loop_test(c, usable_by_range_network_and_source, 0, COUNT(SCOPES));
}

int main(void)
{
	Suite *suite = suite_create("ip");
	TCase *c = tcase_create("ip");

	tcase_set_timeout(c, 60);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
