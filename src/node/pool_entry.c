/* SPDX-License-Identifier: MIT
 *
 * Transactions of the pool as objects, and the events that tell of them; see pool_event.h.
 */
#include <stdlib.h>
#include <string.h>

#include "pool_impl.h"

/* Hands out the parts of one allocation. */
struct carver {
	uint8_t *at;
};

static void *carve(struct carver *c, size_t bytes)
{
	void *p = c->at;

	c->at += bytes;
	return p;
}

static struct wire_bytes carve_bytes(struct carver *c, const struct wire_bytes *from)
{
	uint8_t *p = carve(c, from->len);

	if (from->len > 0)
		memcpy(p, from->ptr, from->len);
	return (struct wire_bytes){p, from->len};
}

_Static_assert(sizeof(struct pool_entry) % 8 == 0 && sizeof(struct wire_tx_input) % 8 == 0 &&
		       sizeof(struct wire_tx_output) % 8 == 0 && sizeof(struct coin) % 8 == 0 &&
		       sizeof(struct pool_spend) % 8 == 0 && sizeof(struct pool_paid) % 8 == 0,
	       "the parts of an entry are aligned one behind the other");

/* Cannot overflow: the transaction is limited (rules.h), and each part is a small multiple of it. */
static size_t memory_of(const struct wire_transaction *tx, const struct coin *coins)
{
	size_t bytes = sizeof(struct pool_entry);

	bytes += tx->inputs.len * (sizeof(struct wire_tx_input) + sizeof(struct coin) + sizeof(struct pool_spend));
	bytes += tx->outputs.len * (sizeof(struct wire_tx_output) + sizeof(struct pool_paid));
	for (size_t i = 0; i < tx->inputs.len; i++)
		bytes += tx->inputs.items[i].script_sig.len + (coins ? coins[i].script.len : 0);
	for (size_t i = 0; i < tx->outputs.len; i++)
		bytes += tx->outputs.items[i].script_pubkey.len;
	return bytes;
}

/* The arrays first: what follows them needs no alignment. */
static void copy_parts(struct pool_entry *e, struct carver *c, const struct wire_transaction *tx,
		       const struct coin *coins)
{
	struct wire_transaction *copy = &e->tx.transaction;
	struct coin *own = carve(c, tx->inputs.len * sizeof(*own));

	e->spends = carve(c, tx->inputs.len * sizeof(e->spends[0]));
	e->paid = carve(c, tx->outputs.len * sizeof(e->paid[0]));
	copy->inputs.items = carve(c, tx->inputs.len * sizeof(copy->inputs.items[0]));
	copy->outputs.items = carve(c, tx->outputs.len * sizeof(copy->outputs.items[0]));
	for (size_t i = 0; i < tx->inputs.len; i++) {
		copy->inputs.items[i] = tx->inputs.items[i];
		copy->inputs.items[i].script_sig = carve_bytes(c, &tx->inputs.items[i].script_sig);
		e->spends[i] = (struct pool_spend){.entry = e};
		own[i] = (struct coin){.value = 0};
		if (coins)
			own[i] = (struct coin){coins[i].value, carve_bytes(c, &coins[i].script)};
	}
	for (size_t i = 0; i < tx->outputs.len; i++) {
		copy->outputs.items[i] = tx->outputs.items[i];
		copy->outputs.items[i].script_pubkey = carve_bytes(c, &tx->outputs.items[i].script_pubkey);
		e->paid[i] = (struct pool_paid){.entry = e};
	}
	e->tx.coins = coins ? own : NULL;
}

struct pool_entry *pool_entry_new(const struct wire_transaction *tx, const struct wire_hash *txid, size_t size,
				  const struct coin *coins)
{
	size_t memory = memory_of(tx, coins);
	struct pool_entry *e = malloc(memory);
	struct carver c;

	if (!e)
		return NULL;
	*e = (struct pool_entry){.tx = {.txid = *txid, .transaction = *tx, .size = size}, .memory = memory};
	atomic_init(&e->refs, 1);
	c.at = (uint8_t *)(e + 1);
	copy_parts(e, &c, tx, coins);
	return e;
}

struct pool_entry *pool_entry_ref(struct pool_entry *entry)
{
	atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
	return entry;
}

void pool_entry_unref(struct pool_entry *entry)
{
	if (entry && atomic_fetch_sub(&entry->refs, 1) == 1)
		free(entry);
}

struct pool_tx *pool_tx_ref(struct pool_tx *tx)
{
	return &pool_entry_ref(POOL_CONTAINER(tx, struct pool_entry, tx))->tx;
}

void pool_tx_unref(struct pool_tx *tx)
{
	if (tx)
		pool_entry_unref(POOL_CONTAINER(tx, struct pool_entry, tx));
}

/* ---- events ---- */

void pool_events_init(struct pool_events *events)
{
	events->first = NULL;
	events->last = &events->first;
}

void pool_events_free(struct pool_events *events)
{
	struct pool_event *event = events->first;

	while (event) {
		struct pool_event *next = event->next;

		pool_tx_unref(event->tx); /* may free the event */
		event = next;
	}
	pool_events_init(events);
}

void pool_tell_locked(struct pool *pool, struct pool_events *events, struct pool_entry *entry, struct pool_event *event,
		      enum pool_event_kind kind, int64_t at_s)
{
	*event = (struct pool_event){
		.kind = kind,
		.finalized = entry->finalized,
		.tx = &pool_entry_ref(entry)->tx,
		.sequence = pool->sequence++,
		.votes = entry->votes,
		.at_s = at_s,
		.inserted_us = entry->inserted_us,
		.cause = entry->tx.txid,
	};
	*events->last = event;
	events->last = &event->next;
}

void pool_untell(struct pool_events *events, struct pool_event *event)
{
	struct pool_event **at = &events->first;

	while (*at != event)
		at = &(*at)->next;
	*at = event->next;
	if (!*at)
		events->last = at;
	pool_tx_unref(event->tx);
}

const char *pool_event_name(enum pool_event_kind kind)
{
	switch (kind) {
	case POOL_ADDED:
		return "added";
	case POOL_RETURNED:
		return "returned";
	case POOL_NOW_FINAL:
		return "finalized";
	case POOL_CONFIRMED:
		return "confirmed";
	case POOL_REJECTED:
		return "rejected";
	case POOL_EVICTED:
		return "evicted";
	case POOL_EXPIRED:
		return "expired";
	case POOL_CONFLICTED:
		return "conflicted";
	}
	return "?";
}
