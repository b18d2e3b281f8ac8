/* SPDX-License-Identifier: MIT
 *
 * The composition root: owns the store, the wallet, the masternode registry, the network and the housekeeping threads,
 * and starts and stops them in order.  The floors above (RPC, mains) read the node through this header.
 *
 * Thread safety: everything may be called from any thread between node_start and node_stop, which `main` alone calls,
 * as it does node_open, node_load and node_close.
 */
#ifndef TIMED_NODE_NODE_H
#define TIMED_NODE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/consensus/attestation.h"
#include "timed/net/mem_budget.h"
#include "timed/node/service.h"
#include "timed/store/store.h"
#include "timeproto/chain/address.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/message.h"

struct chain_summary;
struct chain_view;
struct coins;
struct config;
struct consensus;
struct net;
struct node;
struct pool;
struct registry;
struct transactions;
struct wallet;

#define NODE_ERROR_SIZE 1024

/* Takes the data directory: nobody else runs on it.  0; or an exit code of interfaces (1 run-time, 2 configuration, 3
 * halted) with the reason in `error`, and nothing is left open.  `config` must outlive the node. */
int node_open(struct node **out, const struct config *config, char error[NODE_ERROR_SIZE])
	__attribute__((warn_unused_result));
/* Opens everything in the data directory, which may take long.  As node_open, but what is open is left to node_close();
 * or -ECANCELED and a text: a stop signal came while the chain was being rebuilt. */
int node_load(struct node *node, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));
/* Starts the threads and the network.  As node_load. */
int node_start(struct node *node, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));
/* True until node_start() is done, with the step that the start has come to in `step`.  Any thread, from node_open()
 * on; of the rest of this header only node_config() and node_data_dir() may be called then. */
bool node_is_starting(const struct node *node, char step[SERVICE_STEP_SIZE]);
/* Stops in order and joins every thread.  Blocks. */
void node_stop(struct node *node);
void node_close(struct node *node);

const struct config *node_config(const struct node *node);
const struct chain_params *node_chain_params(const struct node *node);
struct net *node_net(struct node *node);
/* Milliseconds since node_start. */
int64_t node_uptime_ms(const struct node *node);
const char *node_data_dir(const struct node *node);

/* The pool (node/pool.h), and transactions on their way into it (node/transactions.h); as long as the node is open. */
struct pool *node_pool(struct node *node);
struct transactions *node_transactions(struct node *node);
/* The keys (node/wallet.h) and the money (node/coins.h) of the wallet; as long as the node is open. */
struct wallet *node_wallet(struct node *node);
struct coins *node_coins(struct node *node);
/* The thread of that name (node/consensus.h). */
struct consensus *node_consensus(struct node *node);

/* The newest picture of the chain (store/chain_store.h); chain_view_unref() it soon. */
struct chain_view *node_chain_view(struct node *node);
/* What that picture says of its tip. */
void node_chain_summary(struct node *node, struct chain_summary *out);
/* The UTXO state hash of the newest tip for which it is known, or of this one: 0, or an enum store_error. */
int node_state_hash(struct node *node, struct wire_utxo_state_hash_response *out) __attribute__((warn_unused_result));

/* How the chain is being fetched. */
struct node_sync {
	bool syncing;
	const char *phase;	/* "idle", "extending" ...; static */
	uint64_t height;	/* of our tip */
	uint64_t target;	/* highest height that enough peers showed a hash for; at least `height` */
	double blocks_per_s;	/* over the last seconds */
	int64_t seconds_left;	/* -1: unknown */
	uint32_t peers_used;	/* peers that were asked for blocks */
};
void node_sync_status(struct node *node, struct node_sync *out);
/* A new address of the wallet, saved as handed out before it returns, so it blocks on the disk.  0, an enum wallet_error
 * (node/wallet.h) or a negative errno. */
int node_new_address(struct node *node, char out[ADDRESS_TEXT_SIZE]) __attribute__((warn_unused_result));
void node_genesis_hash(const struct node *node, struct wire_hash *out);
/* Median of the timestamps of the last blocks, at most 11, Unix time: 0, or an enum store_error. */
int node_median_time(struct node *node, int64_t *out) __attribute__((warn_unused_result));
/* Height that the clock says the chain should have: (now - genesis) / block time; 0 before genesis. */
uint64_t node_expected_height(const struct node *node);

/* Masternodes for masternodelist: *out is malloc'ed, free() it.  Ordered by address. */
struct masternode_info {
	char address[48];	 /* IP text */
	char reward_address[96]; /* unchecked text of a peer, cut; may hold any bytes but NUL */
	enum wire_tier tier;
	struct wire_key public_key;
	bool active;
	bool own;	       /* ourselves */
	int64_t last_heard_s;  /* Unix time */
	int64_t registered_s;  /* since when this process knows it, Unix time */
	int64_t up_since_s;    /* when it became active last, Unix time */
	int64_t uptime_s;      /* for how long it has been active since it is known */
};
size_t node_masternodes(struct node *node, struct masternode_info **out);
/* Heartbeats and attestations since the start. */
struct node_heartbeat_stats {
	struct attestation_stats of_all; /* ours too */
	uint64_t made;			 /* heartbeats of ours */
	uint64_t attested;		 /* attestations of ours */
	uint64_t bad_signatures;	 /* heartbeats and attestations refused for that */
};
void node_heartbeat_stats(struct node *node, struct node_heartbeat_stats *out);
/* What is known of the heartbeats of the masternode with this address: the last one, and up to `max` of them, that one
 * included, the newest first.  Returns how many; 0, and zeros in `last`: none. */
size_t node_heartbeat_history(struct node *node, struct attestation_status *last, struct attestation_past *out,
			      size_t max, const char *address);
/* Known and active ones. */
void node_masternode_count(struct node *node, size_t *known, size_t *active);
/* Median of the peers' clock offsets in seconds (their clock minus ours); false when fewer than 3 are known. */
bool node_clock_offset_s(struct node *node, int64_t *offset);

/* What the process holds in memory, in bytes. */
struct node_memory {
	uint64_t resident, resident_peak;      /* of the process */
	uint64_t locked, locked_limit;	       /* secrets that are never swapped out; UINT64_MAX: no limit */
	uint64_t heap_used, heap_free;	       /* of malloc */
	uint64_t budget_used, budget_limit;    /* what peers can make grow (net/mem_budget.h) */
	uint64_t budget_users[MEM_USER_COUNT]; /* of budget_used, by enum mem_user */
	uint64_t pool_used, pool_limit;	       /* transactions */
	struct store_memory store;	       /* the database */
};
void node_get_memory(struct node *node, struct node_memory *out);

/* Writes the full status to the log (SIGUSR1, every 10 minutes the short one). */
void node_log_status(struct node *node);
/* Asks `main` to stop the process in order, as SIGTERM does, with this exit code; the reason is logged.  Returns at
 * once. */
void node_request_stop(struct node *node, int exit_code, const char *reason);
/* The exit code that node_request_stop asked for (0 when none). */
int node_exit_code(const struct node *node);

#endif
