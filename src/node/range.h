/* SPDX-License-Identifier: MIT
 *
 * Blocks that a peer has sent as one answer, on their way from its worker to the chain thread, with the memory of the message
 * they came in.
 *
 * Ownership: counted.  Thread safety: filled by the worker before anybody else sees it; then each field has one writer as its
 * comment says.
 */
#ifndef TIMED_NODE_RANGE_H
#define TIMED_NODE_RANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain_thread.h"
#include "sync.h"
#include "timed/net/message_arena.h"
#include "timed/net/peer.h"
#include "verify.h"

struct range {
	atomic_uint refs;
	void *user;	   /* whose range it is */
	struct peer *peer; /* who sent it; counted */
	struct message_arena *memory;
	const struct wire_block *blocks; /* in memory, as all lists here */
	struct block_ids *ids;
	struct sync_block *links;
	size_t count;
	size_t json_bytes; /* of the blocks as they came, about */
	uint64_t held_id;  /* of sync.h; written before the checks begin */

	/* The first block whose form is bad; `count` when there is none. */
	size_t bad_block;
	struct chain_fault fault; /* of it */

	struct verify_job verify;
	size_t check_first, check_end; /* blocks that are checked; check_end: not included */
	void (*checked)(struct range *range, int error, size_t bad_block, const struct chain_fault *fault);
	struct chain_job job;
	uint64_t work_id;
	void (*done)(struct range *range, struct chain_job *job, uint64_t work_id);
};

/* Takes over the memory of the message at hand, hashes the blocks and checks their form.  NULL: there are none, or no memory.
 * Worker of the peer only. */
struct range *range_new(struct peer *peer, const struct wire_block_list *blocks, void *user);
struct range *range_ref(struct range *range);
/* NULL is fine. */
void range_unref(struct range *range);
/* Logs that a block of it is refused, and counts a violation of the sender. */
void range_blame(struct range *range, uint64_t height, const struct wire_hash *hash, const struct chain_fault *fault);
/* Whether another body may fit the header of a block that is bad: then its sender is to blame, and not its chain. */
bool range_is_body_fault(const struct range *range, size_t block, int error);
/* Checks `count` blocks from `skip` on: the form of each is known, the signatures before the first bad one are checked by the
 * pool.  `checked` gets 0, or the error, index and fault of the first block that does not hold. */
void range_check(struct range *range, struct verify *verify, size_t skip, size_t count,
		 void (*checked)(struct range *range, int error, size_t bad_block, const struct chain_fault *fault));
/* Hands `count` blocks from `skip` on to the chain thread.  Takes the caller's reference. */
void range_push(struct range *range, struct chain_thread *chain, enum chain_job_kind kind, size_t skip, size_t count,
		uint64_t work_id, void (*done)(struct range *range, struct chain_job *job, uint64_t work_id));

#endif
