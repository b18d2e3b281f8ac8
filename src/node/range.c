/* SPDX-License-Identifier: MIT
 *
 * Blocks of one answer; see range.h.
 */
#include "range.h"

#include <inttypes.h>
#include <stdlib.h>

#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

/* JSON writes a byte as up to three digits and a comma. */
#define JSON_PER_BINCODE 4

bool range_is_body_fault(const struct range *range, size_t block, int error)
{
	const struct wire_block *b = &range->blocks[block];
	struct wire_hash root;

	hash_merkle_root(&root, range->ids[block].txids, b->transactions.len);
	if (!hash_equal(&root, &b->header.merkle_root))
		return true;
	/* The list of rewards is under no hash, nor is the certificate, and a repeated tail has the root of the shorter
	 * list. */
	return error == CHAIN_E_COINBASE_OUTPUTS || error == CHAIN_E_TXID_TWICE || error == CHAIN_E_CERTIFICATE;
}

/* 0, or -ENOMEM. */
static int fill(struct range *range)
{
	struct arena *arena = &range->memory->arena;
	struct arena scratch;
	int r = 0;

	range->ids = arena_alloc(arena, range->count * sizeof(*range->ids));
	range->links = arena_alloc(arena, range->count * sizeof(*range->links));
	if (!range->ids || !range->links)
		return -1;
	arena_init(&scratch, CHAIN_MAX_BLOCK_BYTES, NULL);
	for (size_t i = 0; i < range->count && r >= 0; i++) {
		const struct wire_block *block = &range->blocks[i];

		r = block_identify(&range->ids[i], arena, block);
		if (r)
			break;
		range->links[i] =
			(struct sync_block){block->header.height, range->ids[i].hash, block->header.previous_hash};
		range->json_bytes += JSON_PER_BINCODE * wire_bincode_size_value(&wire_desc_block, block);
		if (range->bad_block < i)
			continue;
		arena_reset(&scratch);
		r = block_check_form(&range->fault, &scratch, block, &range->ids[i]);
		if (r > 0)
			range->bad_block = i;
	}
	arena_free(&scratch);
	return r < 0 ? -1 : 0;
}

struct range *range_new(struct peer *peer, const struct wire_block_list *blocks, void *user)
{
	struct range *range;

	if (blocks->len == 0)
		return NULL;
	range = calloc(1, sizeof(*range));
	if (!range)
		return NULL;
	atomic_init(&range->refs, 1);
	range->user = user;
	range->peer = peer_ref(peer);
	range->blocks = blocks->items;
	range->count = range->bad_block = blocks->len;
	range->memory = peer_keep_arena(peer);
	if (!range->memory || fill(range)) {
		range_unref(range);
		return NULL;
	}
	return range;
}

struct range *range_ref(struct range *range)
{
	atomic_fetch_add_explicit(&range->refs, 1, memory_order_relaxed);
	return range;
}

void range_unref(struct range *range)
{
	if (!range || atomic_fetch_sub_explicit(&range->refs, 1, memory_order_acq_rel) != 1)
		return;
	message_arena_unref(range->memory);
	peer_unref(range->peer);
	free(range);
}

void range_blame(struct range *range, uint64_t height, const struct wire_hash *hash, const struct chain_fault *fault)
{
	char text[HASH_TEXT_SIZE];

	log_limited(peer_log_limit(range->peer), LOG_CHAIN, LOG_LEVEL_WARN,
		    "🚫 Refused block %" PRIu64 " (%s) from %s: %s: %s", height, hash_text(text, hash),
		    peer_ip_text(range->peer), chain_error_name((int)fault->error), fault->text);
	peer_violation(range->peer, fault->text);
}

static void verify_done(struct verify_job *job)
{
	struct range *range = (struct range *)((char *)job - offsetof(struct range, verify));

	if (job->error)
		range->checked(range, job->error, range->check_first + job->bad_block, &job->fault);
	else if (range->bad_block >= range->check_first && range->bad_block < range->check_end)
		range->checked(range, (int)range->fault.error, range->bad_block, &range->fault);
	else
		range->checked(range, 0, 0, NULL);
	range_unref(range);
}

void range_check(struct range *range, struct verify *verify, size_t skip, size_t count,
		 void (*checked)(struct range *range, int error, size_t bad_block, const struct chain_fault *fault))
{
	size_t end = skip + count;

	range->checked = checked;
	range->check_first = skip;
	range->check_end = end;
	if (range->bad_block >= skip && range->bad_block < end)
		end = range->bad_block;
	range->verify = (struct verify_job){.blocks = range->blocks + skip,
					    .ids = range->ids + skip,
					    .count = end - skip,
					    .done = verify_done};
	range_ref(range);
	verify_submit(verify, &range->verify);
}

static void job_done(struct chain_job *job)
{
	struct range *range = (struct range *)((char *)job - offsetof(struct range, job));

	range->done(range, job, range->work_id);
	range_unref(range);
}

void range_push(struct range *range, struct chain_thread *chain, enum chain_job_kind kind, size_t skip, size_t count,
		uint64_t work_id, void (*done)(struct range *range, struct chain_job *job, uint64_t work_id))
{
	range->work_id = work_id;
	range->done = done;
	range->job = (struct chain_job){
		.kind = kind,
		.bulk = true,
		.blocks = range->blocks + skip,
		.ids = range->ids + skip,
		.count = count,
		.done = job_done,
	};
	chain_thread_push(chain, &range->job);
}
