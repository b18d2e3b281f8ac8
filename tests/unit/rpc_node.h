/* SPDX-License-Identifier: MIT
 *
 * What the tests of the methods share: a made-up node, that is the functions of node.h and net.h that the floor `rpc`
 * calls (rpc_call.h makes it and calls the methods).  Included once by each test program.
 */
#ifndef TIMED_TESTS_RPC_NODE_H
#define TIMED_TESTS_RPC_NODE_H

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc_net.h"
#include "timed/net/net.h"
#include "timed/node/config.h"
#include "timed/node/node.h"
#include "timed/node/consensus.h"
#include "timed/node/health.h"
#include "timed/node/pool.h"
#include "timed/node/transactions.h"
#include "timed/rpc/methods.h"
#include "timed/rpc/metrics.h"
#include "timed/rpc/status.h"
#include "timed/store/chain_store.h"

struct node {
	struct config config;
	struct chain_params chain;
	struct chain_store *store;    /* its chain; NULL: none */
	int submitted;		      /* transactions that were handed over */
	struct chain_summary summary; /* what it says of its chain when there is none */
	struct pool *pool;	      /* NULL: none, and the same of the next three */
	struct wallet *wallet;
	struct coins *coins;
	const char *new_address; /* what node_new_address() hands out ... */
	int new_address_result;	 /* ... and returns */
	struct node_sync sync;
	uint64_t expected;
	int64_t median_time;
	int median_result; /* of node_median_time() */
	int64_t uptime_ms;
	const char *starting; /* a step of its start; NULL: it runs */
	const struct masternode_info *masternodes;
	size_t masternode_count;
	const struct node_heartbeat_stats *heartbeat_stats;
	const struct attestation_status *heartbeat; /* the last of every masternode; NULL: none */
	const struct attestation_past *heartbeats;  /* and those that are kept */
	size_t heartbeat_count;
	const struct peer_info *peers;
	size_t peer_count;
	struct address_book *addresses; /* NULL: none, and the same of the next */
	struct ban_list *bans;
	const struct consensus_evidence *evidence;
	size_t evidence_count;
	struct node_memory memory;
	int stops;     /* calls of node_request_stop */
	int exit_code; /* its argument */
	char dir[32];  /* data directory */
};

static struct node node;

/* ---- the made-up node */

static void *copy(const void *from, size_t bytes)
{
	void *to = bytes > 0 ? malloc(bytes) : NULL;

	if (to)
		memcpy(to, from, bytes);
	return to;
}

const struct config *node_config(const struct node *n)
{
	return &n->config;
}

const struct chain_params *node_chain_params(const struct node *n)
{
	return &n->chain;
}

struct net *node_net(struct node *n)
{
	(void)n;
	return NULL;
}

bool node_is_starting(const struct node *n, char step[SERVICE_STEP_SIZE])
{
	if (n->starting)
		snprintf(step, SERVICE_STEP_SIZE, "%s", n->starting);
	return n->starting != NULL;
}

int64_t node_uptime_ms(const struct node *n)
{
	return n->uptime_ms;
}

const char *node_data_dir(const struct node *n)
{
	return n->dir;
}

struct chain_view *node_chain_view(struct node *n)
{
	ck_assert_ptr_nonnull(n->store);
	return chain_store_view(n->store);
}

struct consensus *node_consensus(struct node *n)
{
	(void)n;
	return NULL;
}

void consensus_get_status(struct consensus *c, struct consensus_status *out)
{
	(void)c;
	*out = (struct consensus_status){.voters = 4};
}

int consensus_list_evidence(struct consensus *c, struct consensus_evidence **out, size_t *count)
{
	(void)c;
	*out = copy(node.evidence, node.evidence_count * sizeof(node.evidence[0]));
	*count = node.evidence_count;
	return 0;
}

/* The lines are the test's. */
void consensus_evidence_free(struct consensus_evidence *items, size_t count)
{
	ck_assert_uint_eq(count, node.evidence_count);
	free(items);
}

struct pool *node_pool(struct node *n)
{
	ck_assert_ptr_nonnull(n->pool);
	return n->pool;
}

struct wallet *node_wallet(struct node *n)
{
	ck_assert_ptr_nonnull(n->wallet);
	return n->wallet;
}

struct coins *node_coins(struct node *n)
{
	ck_assert_ptr_nonnull(n->coins);
	return n->coins;
}

int node_new_address(struct node *n, char out[ADDRESS_TEXT_SIZE])
{
	if (!n->new_address_result)
		snprintf(out, ADDRESS_TEXT_SIZE, "%s", n->new_address);
	return n->new_address_result;
}

void node_chain_summary(struct node *n, struct chain_summary *out)
{
	struct chain_view *view = n->store ? node_chain_view(n) : NULL;

	*out = view ? *chain_view_summary(view) : n->summary;
	chain_view_unref(view);
}

void node_sync_status(struct node *n, struct node_sync *out)
{
	*out = n->sync;
}

/* Metrics and the status page are for the functional tests. */
void metrics_print(struct buf *out, struct node *n, const struct rpc_stats *stats)
{
	ck_abort_msg("metrics_print(%p, %p, %p)", (void *)out, (void *)n, (const void *)stats);
}

json_t *status_describe(struct node *n)
{
	ck_abort_msg("status_describe(%p)", (void *)n);
	return NULL;
}

/* Its health is that of nobody: it has no peers, and that is all. */
void node_health_facts(struct node *n, struct health_facts *out)
{
	(void)n;
	memset(out, 0, sizeof(*out));
}

void node_health(struct node *n, struct health *out)
{
	struct health_facts facts;

	node_health_facts(n, &facts);
	health_judge(out, &facts);
}

int node_median_time(struct node *n, int64_t *out)
{
	*out = n->median_time;
	return n->median_result;
}

void node_genesis_hash(const struct node *n, struct wire_hash *out)
{
	(void)n;
	memset(out, 0x89, sizeof(*out));
}

uint64_t node_expected_height(const struct node *n)
{
	return n->expected;
}

struct transactions *node_transactions(struct node *n)
{
	(void)n;
	return NULL;
}

int transactions_try(struct transactions *t, struct pool_result *said, const struct wire_transaction *transaction,
		     const struct wire_hash *txid)
{
	const struct pool_submission s = {.transaction = transaction, .txid = txid, .now_s = 1};

	ck_assert_ptr_null(t);
	return pool_try(node.pool, said, &s);
}

/* Signatures are not looked at. */
int transactions_submit(struct transactions *t, struct pool_result *said, const struct wire_transaction *transaction,
			const struct wire_hash *txid, struct peer *from)
{
	const struct pool_submission s = {.transaction = transaction, .txid = txid, .now_s = 1};
	struct pool_events told;
	int r;

	ck_assert_ptr_null(t);
	ck_assert_ptr_null(from);
	node.submitted++;
	pool_events_init(&told);
	r = pool_insert(node.pool, said, &told, &s);
	pool_events_free(&told);
	return r;
}

size_t node_masternodes(struct node *n, struct masternode_info **out)
{
	*out = copy(n->masternodes, n->masternode_count * sizeof(n->masternodes[0]));
	return n->masternode_count;
}

void node_heartbeat_stats(struct node *n, struct node_heartbeat_stats *out)
{
	*out = *n->heartbeat_stats;
}

size_t node_heartbeat_history(struct node *n, struct attestation_status *last, struct attestation_past *out, size_t max,
			      const char *address)
{
	size_t count = n->heartbeat_count < max ? n->heartbeat_count : max;

	ck_assert_ptr_nonnull(address);
	memset(last, 0, sizeof(*last));
	if (n->heartbeat)
		*last = *n->heartbeat;
	for (size_t i = 0; i < count; i++)
		out[i] = n->heartbeats[i];
	return count;
}

size_t net_peer_infos(struct net *net, struct peer_info **out)
{
	ck_assert_ptr_null(net);
	*out = copy(node.peers, node.peer_count * sizeof(node.peers[0]));
	return node.peer_count;
}

struct address_book *net_addresses(struct net *net)
{
	ck_assert_ptr_null(net);
	ck_assert_ptr_nonnull(node.addresses);
	return node.addresses;
}

struct ban_list *net_bans(struct net *net)
{
	ck_assert_ptr_null(net);
	ck_assert_ptr_nonnull(node.bans);
	return node.bans;
}

const char *peer_state_name(enum peer_state state)
{
	return state == PEER_READY ? "ready" : "another";
}

void node_get_memory(struct node *n, struct node_memory *out)
{
	*out = n->memory;
}

void node_request_stop(struct node *n, int exit_code, const char *reason)
{
	n->stops++;
	n->exit_code = exit_code;
	ck_assert_str_eq(reason, "RPC stop");
}

#endif
