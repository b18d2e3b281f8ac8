// SPDX-License-Identifier: MIT
#include "proposals.h"

#include <stdlib.h>

#include "timeproto/base/buf.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/bincode.h"

void proposals_init(struct proposals *p)
{
	mutex_init(&p->lock, "proposals", MUTEX_RANK_LEAF);
	p->first = NULL;
}

static bool keep_none(void *user, const struct proposal *proposal)
{
	(void)user;
	(void)proposal;
	return false;
}

void proposals_destroy(struct proposals *p)
{
	proposals_trim(p, keep_none, NULL);
	mutex_destroy(&p->lock);
}

struct proposal *proposal_new(struct message_arena *memory, const struct wire_block *block, const struct block_ids *ids)
{
	struct proposal *proposal = calloc(1, sizeof(*proposal));

	if (!proposal) {
		message_arena_unref(memory);
		return NULL;
	}
	atomic_init(&proposal->refs, 1);
	atomic_init(&proposal->valid, false);
	proposal->memory = memory;
	proposal->block = *block;
	proposal->block.commit = NULL;
	proposal->ids = *ids;
	return proposal;
}

struct proposal *proposal_copy(struct mem_budget *budget, const struct wire_block *block)
{
	struct message_arena *memory = message_arena_new(budget);
	struct wire_block copy;
	struct block_ids ids;
	struct buf bytes = {0};
	int r = memory ? wire_bincode_encode_value(&bytes, &wire_desc_block, block) : -1;

	if (!r)
		r = wire_bincode_decode_value(&copy, &wire_desc_block, &memory->arena, bytes.data, bytes.len, NULL);
	if (!r)
		r = block_identify(&ids, &memory->arena, &copy);
	buf_free(&bytes);
	if (!r)
		return proposal_new(memory, &copy, &ids);
	message_arena_unref(memory);
	return NULL;
}

struct proposal *proposal_ref(struct proposal *proposal)
{
	atomic_fetch_add_explicit(&proposal->refs, 1, memory_order_relaxed);
	return proposal;
}

void proposal_unref(struct proposal *proposal)
{
	if (!proposal || atomic_fetch_sub_explicit(&proposal->refs, 1, memory_order_acq_rel) != 1)
		return;
	message_arena_unref(proposal->memory);
	free(proposal);
}

static struct proposal *find_locked(const struct proposals *p, const struct wire_hash *hash) REQUIRES(p->lock)
{
	for (struct proposal *i = p->first; i; i = i->next) {
		if (hash_equal(&i->ids.hash, hash))
			return proposal_ref(i);
	}
	return NULL;
}

struct proposal *proposals_put(struct proposals *p, struct proposal *proposal)
{
	struct proposal *there;

	mutex_lock(&p->lock);
	there = find_locked(p, &proposal->ids.hash);
	if (!there) {
		proposal->next = p->first;
		p->first = proposal_ref(proposal);
		there = proposal_ref(proposal);
	}
	mutex_unlock(&p->lock);
	return there;
}

struct proposal *proposals_find(struct proposals *p, const struct wire_hash *hash)
{
	struct proposal *found;

	mutex_lock(&p->lock);
	found = find_locked(p, hash);
	mutex_unlock(&p->lock);
	return found;
}

size_t proposals_at(struct proposals *p, uint64_t height, struct proposal **out, size_t max)
{
	size_t count = 0;

	mutex_lock(&p->lock);
	for (struct proposal *i = p->first; i && count < max; i = i->next) {
		if (i->block.header.height == height)
			out[count++] = proposal_ref(i);
	}
	mutex_unlock(&p->lock);
	return count;
}

void proposals_trim(struct proposals *p, bool (*keep)(void *user, const struct proposal *proposal), void *user)
{
	struct proposal *dropped = NULL, **link = &p->first;

	mutex_lock(&p->lock);
	while (*link) {
		struct proposal *i = *link;

		if (keep(user, i)) {
			link = &i->next;
			continue;
		}
		*link = i->next;
		i->next = dropped;
		dropped = i;
	}
	mutex_unlock(&p->lock);
	while (dropped) {
		struct proposal *next = dropped->next;

		proposal_unref(dropped);
		dropped = next;
	}
}
