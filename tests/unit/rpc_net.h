/* SPDX-License-Identifier: MIT
 *
 * The network of the made-up node: the functions of net.h that the methods call.  There is none behind them; what
 * methods do with a real one is for the functional tests.  Included by rpc_node.h.
 */
#ifndef TIMED_TESTS_RPC_NET_H
#define TIMED_TESTS_RPC_NET_H

#include <check.h>
#include <string.h>

#include "timed/net/net.h"
#include "timed/net/net_stats.h"
#include "timed/net/wire_record.h"
#include "timed/node/node.h"

void net_get_stats(struct net *net, struct net_stats *out)
{
	ck_assert_ptr_null(net);
	memset(out, 0, sizeof(*out));
}

uint32_t net_ready_count(struct net *net)
{
	ck_assert_ptr_null(net);
	return 0;
}

bool net_is_active(const struct net *net)
{
	ck_assert_ptr_null(net);
	return true;
}

void net_set_active(struct net *net, bool active)
{
	ck_abort_msg("net_set_active(%p, %d)", (void *)net, active);
}

void net_ping_all(struct net *net)
{
	ck_assert_ptr_null(net);
}

bool net_disconnect(struct net *net, const struct net_ip *ip, enum peer_close_reason reason)
{
	ck_abort_msg("net_disconnect(%p, %p, %d)", (void *)net, (const void *)ip, reason);
	return false;
}

const struct net_params *net_params(const struct net *net)
{
	static const struct net_params no_params;

	ck_assert_ptr_null(net);
	return &no_params;
}

int net_record_on(struct net *net, const struct net_ip *ip, const char *directory, uint64_t max_bytes,
		  char path[WIRE_RECORD_PATH_SIZE])
{
	ck_abort_msg("net_record_on(%p, %p, %s, %llu, %p)", (void *)net, (const void *)ip, directory,
		     (unsigned long long)max_bytes, (void *)path);
	return 0;
}

int net_record_off(struct net *net, const struct net_ip *ip, int64_t wait_ms, struct wire_record_result *out)
{
	ck_abort_msg("net_record_off(%p, %p, %lld, %p)", (void *)net, (const void *)ip, (long long)wait_ms, (void *)out);
	return 0;
}

const char *wire_record_end_name(enum wire_record_end end)
{
	ck_abort_msg("wire_record_end_name(%d)", end);
	return NULL;
}

void net_wake_dialer(struct net *net)
{
	ck_assert_ptr_null(net);
}

uint16_t net_listen_port(const struct net *net)
{
	ck_assert_ptr_null(net);
	return 0;
}

bool node_clock_offset_s(struct node *node, int64_t *offset)
{
	ck_assert_ptr_nonnull(node);
	*offset = 0;
	return false;
}

#endif
