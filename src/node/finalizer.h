/* SPDX-License-Identifier: MIT
 *
 * The part of the thread `consensus` that votes on transactions: it steps the machine of consensus/finality.h with what
 * comes out of the queue, has its records written, and tells the pool what has been decided (PROTOCOL.md §7).
 *
 * One turn of the thread: any number of finalizer_on_*(), then finalizer_decide(): what the machine wants done is
 * fetched, our votes are put into the votes file (not synced yet), decisions into the pool; then the thread syncs the
 * file once, and finalizer_send() lets the votes out.
 *
 * Thread safety: the thread `consensus` alone.
 */
#ifndef TIMED_NODE_FINALIZER_H
#define TIMED_NODE_FINALIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/consensus/finality.h"
#include "timed/node/pool.h"
#include "votes_file.h"

struct finalizer;
struct node;
struct peer;

/* 0 or -ENOMEM. */
int finalizer_new(struct finalizer **out, struct node *node, struct votes_file *votes)
	__attribute__((warn_unused_result));
void finalizer_free(struct finalizer *finalizer);
/* Before anything else: a record of the file. */
int finalizer_restore(struct finalizer *finalizer, const struct votes_finality *entry) __attribute__((warn_unused_result));

/* Who votes from now on: the validators in force at the next height, or the known masternodes. `own` is our index, -1
 * when we do not vote. */
int finalizer_set_voters(struct finalizer *finalizer, const struct wire_key *keys, const struct wire_str *addresses,
			 uint32_t count, int32_t own) __attribute__((warn_unused_result));
/* Off while the block machine observes (bft.h). */
void finalizer_set_signing(struct finalizer *finalizer, bool on);

void finalizer_on_event(struct finalizer *finalizer, const struct pool_event *event);
void finalizer_on_conflict(struct finalizer *finalizer, const struct wire_hash *txid,
			   const struct wire_outpoint *outpoint);
/* Its signature is verified, by the key that it names. `from` is not sent it again. */
void finalizer_on_vote(struct finalizer *finalizer, const struct finality_vote *vote, struct peer *from);
/* A peer wants our vote, and those that we know. */
void finalizer_on_request(struct finalizer *finalizer, const struct wire_hash *txid, struct peer *peer);
/* A block of the chain: its transactions are settled, and what they spend is spent. */
void finalizer_on_block(struct finalizer *finalizer, const struct wire_block *block, const struct block_ids *ids);
/* A new peer is sent the votes on what is pending. */
void finalizer_on_ready(struct finalizer *finalizer, struct peer *peer);
/* What is due: repetition and expiry. */
void finalizer_tick(struct finalizer *finalizer, int64_t now_ms);
int64_t finalizer_deadline_ms(const struct finalizer *finalizer);

/* 0 or a negative errno: the votes file or the pool's file cannot be written, and the node has to stop. */
int finalizer_decide(struct finalizer *finalizer) __attribute__((warn_unused_result));
/* The file has been synced: what finalizer_decide() made may leave. */
void finalizer_send(struct finalizer *finalizer);
/* Whether a record must be kept when the file is written anew. */
bool finalizer_binds(struct finalizer *finalizer, const struct finality_record *record);

void finalizer_count(const struct finalizer *finalizer, struct finality_counts *out, uint32_t *voters);

#endif
