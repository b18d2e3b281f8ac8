/* SPDX-License-Identifier: MIT
 *
 * What the tests of the network share: addresses from text.
 */
#ifndef TESTS_UNIT_NET_UTIL_H
#define TESTS_UNIT_NET_UTIL_H

#include <string.h>

#include <check.h>

#include "timed/net/ip.h"

/* An address from text that must be one; port 24100 when it names none. */
static inline struct net_addr addr_of(const char *text)
{
	struct net_addr addr;

	ck_assert_msg(net_addr_parse(&addr, text, strlen(text), 24100) == 0, "not an address: %s", text);
	return addr;
}

static inline struct net_ip ip_of(const char *text)
{
	return addr_of(text).ip;
}

#endif
