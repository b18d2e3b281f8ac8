/* SPDX-License-Identifier: MIT
 *
 * The part of the thread `consensus` that votes on transactions: it steps the machine of consensus/finality.h with what
 * comes out of the queue, has its records written, and tells the pool what has been decided (PROTOCOL.md §7).
 *
 * One turn of the thread: any number of finalizer_on_*() and finalizer_tick(); finalizer_decide(), which puts our votes
 * into the votes file, not synced yet; the thread syncs the file once; finalizer_send().  Nothing leaves before that,
 * and no decision that a vote of ours may have part in reaches the pool: many votes share one sync, as do many
 * decisions.
 *
 * What the pool holds is asked of the pool whenever an event speaks of it, since events may come in another order than
 * things happened.  What could not be taken for want of memory is taken later.
 *
 * Thread safety: the thread `consensus` alone (before it starts, whoever opens the node).
 */
#ifndef TIMED_NODE_FINALIZER_H
#define TIMED_NODE_FINALIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/consensus/finality.h"
#include "timed/node/pool.h"
#include "votes_file.h"

struct config;
struct finalizer;
struct node;
struct peer;

/* Votes and locks last as long as the configuration says; the rest is that of finality_params_init().  Any thread. */
void finalizer_params(struct finality_params *out, const struct config *config);

/* Of `node` the configuration, chain, pool, transactions, wallet (if we vote) and net are used.  `votes` may be NULL,
 * and set when it has been read, before we are a voter.  0 or -ENOMEM. */
int finalizer_new(struct finalizer **out, struct node *node, struct votes_file *votes)
	__attribute__((warn_unused_result));
void finalizer_set_file(struct finalizer *finalizer, struct votes_file *votes);
void finalizer_free(struct finalizer *finalizer); /* NULL is fine */
/* Before anything else: a record of the file.  Looks into the chain: what a block holds that cannot be undone does not
 * bind us any more.  0; -ENOMEM; -ENOSPC: more votes than may bind us. */
int finalizer_restore(struct finalizer *finalizer, const struct votes_finality *entry)
	__attribute__((warn_unused_result));

/* Who votes from now on: the validators in force at the next height, or the known masternodes; copied.  `own` is our
 * index, -1 when we do not vote.  Nothing is done when it is the same list.  0; or -ENOMEM: only finalizer_free() is
 * left to do. */
int finalizer_set_voters(struct finalizer *finalizer, const struct wire_key *keys, const struct wire_str *addresses,
			 uint32_t count, int32_t own) __attribute__((warn_unused_result));
/* Off at first, and while the block machine observes (bft.h). */
void finalizer_set_signing(struct finalizer *finalizer, bool on);
/* Takes what is in the pool: after a start. */
void finalizer_load(struct finalizer *finalizer);

void finalizer_on_event(struct finalizer *finalizer, const struct pool_event *event);
void finalizer_on_conflict(struct finalizer *finalizer, const struct wire_hash *txid,
			   const struct wire_outpoint *outpoint);
/* Its signature is verified, by the key that it names.  `from` (NULL is fine) is not sent it again.  0: it is new; an
 * enum finality_error; or -ENOMEM.  After 0 and FINALITY_E_KNOWN it need not be looked at again for a while (seen.h);
 * what was refused may be taken when it comes again. */
int finalizer_on_vote(struct finalizer *finalizer, const struct finality_vote *vote, struct peer *from);
/* A peer wants our vote, and those that we know. */
void finalizer_on_request(struct finalizer *finalizer, const struct wire_hash *txid, struct peer *peer);
/* A block of the chain: if it cannot be undone, its transactions are settled, and what they spend is spent. */
void finalizer_on_block(struct finalizer *finalizer, const struct wire_block *block, const struct block_ids *ids);
/* A new peer is sent the votes on what is pending. */
void finalizer_on_ready(struct finalizer *finalizer, struct peer *peer);
/* What is due: repetition (consensus.repeat_ms) and, every minute, expiry. */
void finalizer_tick(struct finalizer *finalizer, int64_t now_ms);
int64_t finalizer_deadline_ms(const struct finalizer *finalizer);

/* 0 or a negative errno: a vote of ours cannot be recorded, and the node has to stop. */
int finalizer_decide(struct finalizer *finalizer) __attribute__((warn_unused_result));
/* The file has been synced: votes leave, and the pool is told what has been decided.  0 or a negative errno: the pool's
 * file cannot be written, and the node has to stop. */
int finalizer_send(struct finalizer *finalizer) __attribute__((warn_unused_result));
/* Whether a record must be kept when the file is written anew. */
bool finalizer_binds(struct finalizer *finalizer, const struct finality_record *record);

/* For people: how much there is, and how many voters. */
void finalizer_count(const struct finalizer *finalizer, struct finality_counts *out, uint32_t *voters);

#endif
