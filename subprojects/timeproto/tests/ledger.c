// SPDX-License-Identifier: MIT
/* A chain in memory: see ledger.h. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "timeproto/chain/hash.h"
#include "timeproto/chain/utxo_hash.h"

/* The place of the outpoint in the table, which has one that is free. */
static struct ledger_entry *ledger_place(struct ledger *ledger, const struct wire_outpoint *outpoint)
{
	struct ledger_entry *entry;
	uint64_t at;

	memcpy(&at, outpoint->txid.bytes, sizeof(at));
	at += outpoint->vout;
	for (;; at++) {
		entry = &ledger->entries[at & (ledger->capacity - 1)];
		if (!entry->used || memcmp(&entry->outpoint, outpoint, sizeof(*outpoint)) == 0)
			return entry;
	}
}

static void ledger_grow(struct ledger *ledger)
{
	struct ledger_entry *old = ledger->entries;
	size_t old_capacity = ledger->capacity;

	ledger->capacity = old_capacity ? 2 * old_capacity : 64;
	ledger->entries = calloc(ledger->capacity, sizeof(*old));
	ck_assert_ptr_nonnull(ledger->entries);
	for (size_t i = 0; i < old_capacity; i++) {
		if (old[i].used)
			*ledger_place(ledger, &old[i].outpoint) = old[i];
	}
	free(old);
}

static void ledger_add(struct ledger *ledger, const struct ledger_entry *entry)
{
	struct ledger_entry *place;

	if (2 * (ledger->used + 1) > ledger->capacity)
		ledger_grow(ledger);
	place = ledger_place(ledger, &entry->outpoint);
	ck_assert(!place->used);
	*place = *entry;
	ledger->used++;
}

struct ledger_entry *ledger_find(struct ledger *ledger, const struct wire_outpoint *outpoint)
{
	struct ledger_entry *entry = ledger_place(ledger, outpoint);

	return entry->used ? entry : NULL;
}

/* The script is copied into `arena`, as a store would do it. */
static int ledger_source_find(void *user, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint)
{
	struct ledger *ledger = user;
	struct ledger_entry *entry = ledger_find(ledger, outpoint);
	uint8_t *script;

	if (ledger->find_error)
		return ledger->find_error;
	if (!entry || !entry->unspent)
		return 1;
	script = arena_alloc(arena, entry->coin.script.len);
	if (!script)
		return -12;
	if (entry->coin.script.len > 0)
		memcpy(script, entry->coin.script.ptr, entry->coin.script.len);
	*out = (struct coin){.value = entry->coin.value, .script = {script, entry->coin.script.len}};
	return 0;
}

static int ledger_source_has_transaction(void *user, const struct wire_hash *txid)
{
	struct ledger *ledger = user;
	struct wire_outpoint mark = {.txid = *txid, .vout = LEDGER_TXID};

	if (ledger->has_transaction_error)
		return ledger->has_transaction_error;
	return ledger_find(ledger, &mark) != NULL;
}

void ledger_init(struct ledger *ledger)
{
	*ledger = (struct ledger){.source = {.find = ledger_source_find,
					     .has_transaction = ledger_source_has_transaction,
					     .user = ledger}};
	arena_init(&ledger->arena, SIZE_MAX, NULL);
	ledger_grow(ledger);
}

void ledger_free(struct ledger *ledger)
{
	arena_free(&ledger->arena);
	free(ledger->entries);
}

void ledger_add_coin(struct ledger *ledger, const struct wire_outpoint *outpoint, uint64_t value, const void *script,
		     size_t len)
{
	uint8_t *copy = arena_alloc(&ledger->arena, len);
	struct ledger_entry entry = {
		.outpoint = *outpoint, .coin = {.value = value, .script = {copy, len}}, .used = true, .unspent = true};

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, script, len);
	ledger_add(ledger, &entry);
}

void ledger_add_txid(struct ledger *ledger, const struct wire_hash *txid)
{
	struct ledger_entry entry = {.outpoint = {.txid = *txid, .vout = LEDGER_TXID}, .used = true};

	ledger_add(ledger, &entry);
}

void ledger_connect(struct ledger *ledger, const struct wire_block *block, const struct block_ids *ids,
		    const struct block_effects *effects)
{
	for (size_t i = 0; i < effects->spent_count; i++) {
		const struct spent_coin *spent = &effects->spent[i];
		struct ledger_entry *entry = ledger_find(ledger, &spent->outpoint);

		ck_assert(entry && entry->unspent);
		ck_assert_uint_eq(entry->coin.value, spent->coin.value);
		ck_assert_uint_eq(entry->coin.script.len, spent->coin.script.len);
		ck_assert_mem_eq(entry->coin.script.ptr, spent->coin.script.ptr, spent->coin.script.len);
		entry->unspent = false;
	}
	for (size_t i = 0; i < effects->created_count; i++) {
		const struct created_coin *created = &effects->created[i];
		const struct wire_tx_output_list *outputs = &block->transactions.items[created->transaction].outputs;
		struct wire_outpoint outpoint = {.txid = ids->txids[created->transaction], .vout = created->vout};

		ck_assert_uint_lt(created->vout, outputs->len);
		ledger_add_coin(ledger, &outpoint, outputs->items[created->vout].value,
				outputs->items[created->vout].script_pubkey.ptr,
				outputs->items[created->vout].script_pubkey.len);
	}
	for (size_t i = 0; i < block->transactions.len; i++)
		ledger_add_txid(ledger, &ids->txids[i]);
	ledger->tip = (struct chain_point){
		.height = block->header.height, .hash = ids->hash, .timestamp = block->header.timestamp};
}

static int ledger_order(const void *left, const void *right)
{
	const struct ledger_entry *a = *(const struct ledger_entry *const *)left;
	const struct ledger_entry *b = *(const struct ledger_entry *const *)right;
	int order = memcmp(a->outpoint.txid.bytes, b->outpoint.txid.bytes, 32);

	if (order)
		return order;
	return (a->outpoint.vout > b->outpoint.vout) - (a->outpoint.vout < b->outpoint.vout);
}

uint64_t ledger_state_hash(struct ledger *ledger, struct wire_hash *out, uint64_t *total)
{
	const struct ledger_entry **sorted = calloc(ledger->used + 1, sizeof(const struct ledger_entry *));
	struct utxo_hash hash;
	size_t count = 0;

	ck_assert_ptr_nonnull(sorted);
	*total = 0;
	for (size_t i = 0; i < ledger->capacity; i++) {
		if (ledger->entries[i].unspent)
			sorted[count++] = &ledger->entries[i];
	}
	qsort(sorted, count, sizeof(sorted[0]), ledger_order);
	utxo_hash_init(&hash);
	for (size_t i = 0; i < count; i++) {
		utxo_hash_add(&hash, &sorted[i]->outpoint, sorted[i]->coin.value, &sorted[i]->coin.script);
		*total += sorted[i]->coin.value;
	}
	ck_assert_uint_eq(hash.count, count);
	utxo_hash_final(&hash, out);
	free(sorted);
	return count;
}
