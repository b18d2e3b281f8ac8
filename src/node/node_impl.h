/* SPDX-License-Identifier: MIT
 *
 * The inside of the node, shared by its rooms: composition (node.c), housekeeping (keeper.c), persistence (persist.c),
 * discovery (discovery.c) and the message handlers (messages_*.c).
 */
#ifndef TIMED_NODE_NODE_IMPL_H
#define TIMED_NODE_NODE_IMPL_H

#include <stdatomic.h>

#include "chain_thread.h"
#include "counters.h"
#include "state_hash.h"
#include "timed/consensus/registry.h"
#include "timed/net/net.h"
#include "timed/node/config.h"
#include "timed/node/node.h"
#include "timed/node/wallet.h"
#include "timed/node/watchdog.h"
#include "timed/store/store.h"
#include "timed/util/thread.h"
#include "timeproto/base/arena.h"
#include "timeproto/chain/genesis.h"
#include "timeproto/chain/hash.h"

/* What a process ends with: README. */
#define EXIT_RUN_TIME 1
#define EXIT_CONFIG 2
#define EXIT_CONFLICT 3 /* halt.h */

struct coins;
struct consensus;
struct discovery;
struct gossip;
struct heartbeats;
struct keeper;
struct pool;
struct syncer;
struct transactions;
struct verify;

/* How many keys of the wallet the database knows to be handed out. */
struct node_wallet_next {
	struct mutex lock; /* leaf; guards the rest */
	struct cond written;
	uint32_t saved;
	bool writing; /* a thread is writing it */
};

struct node {
	/* Immutable between node_open and node_close. */
	const struct config *config;
	struct arena validators_arena; /* those of chain_params */
	struct chain_params chain_params;
	struct genesis genesis;
	char genesis_text[HASH_TEXT_SIZE];
	struct wire_str genesis_str, version_str, commit_date_str, commit_count_str, address_str;
	uint8_t node_id[16];
	int lock_fd;
	struct store *store;
	struct wallet *wallet;
	struct net *net;
	bool is_masternode;
	char own_ip[REGISTRY_IP_SIZE]; /* ours as a masternode; "" when we are none */

	struct chain_thread *chain;	 /* the thread of that name */
	struct verify *verify;		 /* NULL before the start */
	struct gossip *gossip;
	struct syncer *syncer;
	struct consensus *consensus; /* the thread of that name; NULL before it is opened */
	struct state_hash state_hash;
	struct counters counters;

	struct pool *pool;		   /* not yet in a block */
	struct transactions *transactions; /* those on their way into it */
	struct coins *coins;		   /* what of chain and pool is the wallet's */

	struct keeper *keeper;	     /* NULL while stopped */
	struct discovery *discovery; /* NULL while stopped, or not configured */
	int64_t started_ms;
	atomic_bool started; /* node_start() is done */
	struct watchdog watchdog;
	struct node_wallet_next wallet_next;
	struct wire_hash wallet_followed; /* the block up to which the database knows the wallet's keys; the keeper's */

	struct mutex registry_lock; /* leaf; guards the three below */
	struct registry *registry;
	char (*changed)[REGISTRY_IP_SIZE]; /* masternodes whose entry is to be written */
	size_t changed_count;
	struct heartbeats *heartbeats; /* uses the same lock */
	struct log_limit proved_lines; /* of masternodes that only heartbeats tell of; has its own lock */

	atomic_int exit_code;
	atomic_bool stop_asked;
	atomic_bool halted; /* halt.h */
};

/* node.c: what the configuration says of the chain store. */
void node_chain_store_params(struct chain_store_params *out, const struct config *c, const struct chain_params *chain,
			     const struct genesis *genesis);

/* node_stats.c: what counters.h counts. */

/* Chain thread: a job has been done. */
void node_count_job(void *node, const struct chain_job *job);
/* Before the chain thread starts. */
void node_load_recent_blocks(struct node *node);

/* messages.c: the message table. */
extern const struct message_rule node_message_rules[WIRE_TYPE_COUNT];

/* messages_masternodes.c */

/* Says to the log what the registry reports, stores it, and lets the network know. */
void node_masternode_event(struct node *node, const struct registry_event *event);
bool node_is_masternode_ip(struct node *node, const struct net_ip *ip);
/* The address book keeps slots for masternodes, and dials them more often: whether this address is one. */
void node_mark_masternode(struct node *node, const char *ip, size_t ip_len, bool known);
/* Our announcement to one peer, when we are a masternode. */
void node_announce(struct node *node, struct peer *peer);

/* node_masternode.c: when masternode mode is on, registers ourselves.  The chain, the wallet and the registry are open.
 * 0, or an exit code and the reason: we do not know our IP, or the configured validators do not include us. */
int node_become_masternode(struct node *node, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));

/* persist.c: what survives a restart besides the chain. */

/* Loads bans, addresses and masternodes; what cannot be read is rebuilt from nothing, with a warning. */
void persist_load(struct node *node);
/* Writes what has changed since the last call; the keeper's job. */
void persist_save(struct node *node);
/* The entry of this masternode is to be written, or removed when it is not known any more, by the next persist_save(). */
void persist_masternode(struct node *node, const char *ip);
/* All entries are, for the times at which they were heard last. */
void persist_masternodes(struct node *node);
/* The node id of this data directory, made at its first start.  0 or an enum store_error. */
int persist_node_id(struct node *node) __attribute__((warn_unused_result));

/* node_wallet.c: the wallet as the configuration wants it. */

/* Opens it, unlocks it if there is wallet.passphrase_file, keeps the key of a masternode.  0, or an exit code and the
 * reason. */
int node_wallet_open(struct node *node, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));
/* Locks it when its time is over, and saves what has changed; the keeper's job. */
void node_wallet_tick(struct node *node);
/* All keys that were handed out are on the disk as such when it returns 0. */
int node_wallet_save_keys(struct node *node) __attribute__((warn_unused_result));

/* node_coins.c: the wallet's money. */

/* Looks for it.  0, or an exit code and the reason. */
int node_coins_open(struct node *node, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));
/* Notes which keys new blocks pay to; the keeper's job. */
void node_coins_tick(struct node *node);

/* node_pool.c: the pool of transactions. */

/* Makes it, fills it from the disk, and makes what works for it; the chain is open, no thread runs.  0, or an exit code
 * and the reason. */
int node_pool_open(struct node *node, char error[NODE_ERROR_SIZE]) __attribute__((warn_unused_result));
/* The chain has a new view: chain thread, before anybody else hears of it.  Failure stops the node. */
void node_pool_follow(struct node *node);
/* Drops what is too old; the keeper's job, once a minute. */
void node_pool_expire(struct node *node);
/* At a stop, after all threads. */
void node_pool_save(struct node *node);
/* Before the chain is closed, of which it holds a view. */
void node_pool_close(struct node *node);

/* keeper.c: the housekeeping thread. */
int keeper_start(struct keeper **out, struct node *node) __attribute__((warn_unused_result));
void keeper_stop(struct keeper *keeper);

/* discovery.c: the thread that asks the discovery service. */
int discovery_start(struct discovery **out, struct node *node) __attribute__((warn_unused_result));
void discovery_stop(struct discovery *discovery);

#endif
