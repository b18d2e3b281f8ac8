// SPDX-License-Identifier: MIT
/* The masternode registry: see registry.h.
 *
 * Two arrays of pointers sorted by address string: the masternodes, and the hints.  An entry and its reward address are
 * one allocation, so a changed reward address is a new allocation that takes the old one's place. */
#include "timed/consensus/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* First byte of a stored value. */
#define REGISTRY_VALUE_VERSION 1
/* Bytes of a stored value before the reward address: version, source, tier, key, heard i64 LE, length u16 LE. */
#define REGISTRY_VALUE_HEAD (3 + 32 + 8 + 2)

_Static_assert(REGISTRY_VALUE_HEAD + WIRE_MAX_STRING_BYTES <= REGISTRY_VALUE_MAX, "a stored value fits");

struct registry_slot {
	struct registry_entry entry;
	char reward[]; /* what entry.reward_address points to */
};

struct registry_table {
	struct registry_slot **items; /* sorted by the bytes of entry.ip */
	size_t count;
	size_t capacity;
};

struct registry {
	struct registry_params params;
	struct registry_table known; /* masternodes */
	struct registry_table hints; /* heard_ms: when it was last hinted; `active` and `source` mean nothing */
	size_t active;		     /* entries of `known` that are active */
	struct registry_slot *own;   /* ours among `known`; NULL: no masternode mode */
	int64_t sweep_due_ms;
};

/* Where `ip` is, or where it belongs.  True: it is there. */
static bool registry_search(const struct registry_table *table, size_t *at, const char *ip)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(table->items[middle]->entry.ip, ip);

		if (order == 0) {
			*at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

static struct registry_slot *registry_lookup(const struct registry_table *table, const char *ip)
{
	size_t at;

	return registry_search(table, &at, ip) ? table->items[at] : NULL;
}

/* Makes room for one more, so that the insertion that follows cannot fail. */
static int registry_reserve(struct registry_table *table)
{
	struct registry_slot **items;
	size_t capacity;

	if (table->count < table->capacity)
		return 0;
	capacity = table->capacity ? 2 * table->capacity : 16;
	items = realloc(table->items, capacity * sizeof(struct registry_slot *));
	if (!items)
		return -ENOMEM;
	table->items = items;
	table->capacity = capacity;
	return 0;
}

/* Room must have been reserved, and the IP not be there. */
static void registry_insert(struct registry_table *table, struct registry_slot *slot)
{
	size_t at;

	if (registry_search(table, &at, slot->entry.ip))
		abort();
	memmove(table->items + at + 1, table->items + at, (table->count - at) * sizeof(struct registry_slot *));
	table->items[at] = slot;
	table->count++;
}

static struct registry_slot *registry_take(struct registry_table *table, size_t at)
{
	struct registry_slot *slot = table->items[at];

	table->count--;
	memmove(table->items + at, table->items + at + 1, (table->count - at) * sizeof(struct registry_slot *));
	return slot;
}

static void registry_drop_hint(struct registry *registry, const char *ip)
{
	size_t at;

	if (registry_search(&registry->hints, &at, ip))
		free(registry_take(&registry->hints, at));
}

static void registry_free_table(struct registry_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->items[i]);
	free(table->items);
}

static bool registry_valid(const char *ip, const struct wire_masternode *masternode)
{
	return ip[0] != '\0' && strlen(ip) < REGISTRY_IP_SIZE &&
	       masternode->reward_address.len <= WIRE_MAX_STRING_BYTES && (unsigned)masternode->tier < WIRE_TIER_COUNT;
}

/* NULL when memory cannot be had. */
static struct registry_slot *registry_slot_new(const char *ip, const struct wire_masternode *masternode)
{
	size_t len = masternode->reward_address.len;
	struct registry_slot *slot = calloc(1, sizeof(*slot) + len + 1);

	if (!slot)
		return NULL;
	memcpy(slot->entry.ip, ip, strlen(ip));
	if (len > 0)
		memcpy(slot->reward, masternode->reward_address.ptr, len);
	slot->entry.reward_address = (struct wire_str){slot->reward, len};
	slot->entry.tier = masternode->tier;
	slot->entry.key = masternode->public_key;
	return slot;
}

static bool registry_same_key(const struct wire_key *a, const struct wire_key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Reward address and tier are as in `masternode`. */
static bool registry_same_terms(const struct registry_entry *entry, const struct wire_masternode *masternode)
{
	return entry->tier == masternode->tier && entry->reward_address.len == masternode->reward_address.len &&
	       (entry->reward_address.len == 0 ||
		memcmp(entry->reward_address.ptr, masternode->reward_address.ptr, entry->reward_address.len) == 0);
}

static void registry_event_set(const struct registry *registry, struct registry_event *event,
			       enum registry_event_kind kind, const struct registry_entry *entry, int64_t silence_ms)
{
	*event = (struct registry_event){.kind = kind,
					 .source = entry->source,
					 .known = registry->known.count,
					 .active = registry->active,
					 .silence_ms = silence_ms};
	memcpy(event->ip, entry->ip, sizeof(event->ip));
}

/* A new masternode, heard just now; takes `slot`.  Room must have been reserved. */
static void registry_add(struct registry *registry, struct registry_event *event, struct registry_slot *slot,
			 enum registry_source source, int64_t now_ms)
{
	slot->entry.source = source;
	slot->entry.active = true;
	slot->entry.heard_ms = slot->entry.registered_ms = slot->entry.up_since_ms = now_ms;
	registry_insert(&registry->known, slot);
	registry->active++;
	registry_event_set(registry, event, REGISTRY_REGISTERED, &slot->entry, 0);
}

/* Counts as heard; the event is left alone unless the entry is back. */
static void registry_touch(struct registry *registry, struct registry_event *event, struct registry_slot *slot,
			   int64_t now_ms)
{
	int64_t silence_ms = now_ms - slot->entry.heard_ms;

	if (silence_ms > 0)
		slot->entry.heard_ms = now_ms;
	if (slot->entry.active)
		return;
	slot->entry.active = true;
	slot->entry.up_since_ms = now_ms;
	registry->active++;
	registry_event_set(registry, event, REGISTRY_BACK_ONLINE, &slot->entry, silence_ms);
}

int registry_new(struct registry **out, const struct registry_params *params, int64_t now_ms)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return -ENOMEM;
	registry->params = *params;
	registry->sweep_due_ms = now_ms + params->check_ms;
	*out = registry;
	return 0;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	registry_free_table(&registry->known);
	registry_free_table(&registry->hints);
	free(registry);
}

/* Takes a masternode out of the set; the caller frees it. */
static struct registry_slot *registry_remove(struct registry *registry, size_t at)
{
	struct registry_slot *slot = registry_take(&registry->known, at);

	if (slot->entry.active)
		registry->active--;
	if (slot == registry->own)
		registry->own = NULL;
	return slot;
}

/* The one of that source that has not been heard of for longest; the count of the table: there is none. */
static size_t registry_oldest(const struct registry_table *table, enum registry_source source)
{
	size_t oldest = table->count;

	for (size_t i = 0; i < table->count; i++) {
		const struct registry_entry *e = &table->items[i]->entry;

		if (e->source == source &&
		    (oldest == table->count || e->heard_ms < table->items[oldest]->entry.heard_ms))
			oldest = i;
	}
	return oldest;
}

/* The announcement of an IP that is not known yet. */
static int registry_announce_new(struct registry *registry, struct registry_event *event, const char *ip,
				 const struct wire_masternode *announced, int64_t now_ms)
{
	struct registry_slot *slot, *replaced = NULL;
	size_t at;

	if (registry_reserve(&registry->known))
		return -ENOMEM;
	slot = registry_slot_new(ip, announced);
	if (!slot)
		return -ENOMEM;
	if (registry->known.count >= registry->params.limit) {
		at = registry_oldest(&registry->known, REGISTRY_SOURCE_HEARTBEAT);
		if (at == registry->known.count) {
			free(slot);
			return REGISTRY_E_FULL;
		}
		replaced = registry_remove(registry, at);
	}
	registry_drop_hint(registry, ip);
	registry_add(registry, event, slot, REGISTRY_SOURCE_ANNOUNCED, now_ms);
	if (replaced)
		memcpy(event->replaced, replaced->entry.ip, sizeof(event->replaced));
	free(replaced);
	return 0;
}

int registry_announce(struct registry *registry, struct registry_event *event, const char *ip,
		      const struct wire_masternode *announced, int64_t now_ms)
{
	struct registry_slot *slot, *changed;
	size_t at;

	*event = (struct registry_event){.kind = REGISTRY_NOTHING};
	if (!registry_valid(ip, announced))
		return REGISTRY_E_INVALID;
	if (!registry_search(&registry->known, &at, ip))
		return registry_announce_new(registry, event, ip, announced, now_ms);
	slot = registry->known.items[at];
	if (slot == registry->own)
		return REGISTRY_E_OWN;
	if (slot->entry.source == REGISTRY_SOURCE_ANNOUNCED &&
	    !registry_same_key(&slot->entry.key, &announced->public_key))
		return REGISTRY_E_KEY;

	/* The masternode itself speaks: what others said of its key counts no longer. */
	if (slot->entry.source != REGISTRY_SOURCE_ANNOUNCED || !registry_same_terms(&slot->entry, announced)) {
		changed = registry_slot_new(ip, announced);
		if (!changed)
			return -ENOMEM;
		changed->entry.source = REGISTRY_SOURCE_ANNOUNCED;
		changed->entry.active = slot->entry.active;
		changed->entry.heard_ms = slot->entry.heard_ms;
		changed->entry.registered_ms = slot->entry.registered_ms;
		changed->entry.up_since_ms = slot->entry.up_since_ms;
		changed->entry.up_before_ms = slot->entry.up_before_ms;
		registry->known.items[at] = changed;
		free(slot);
		slot = changed;
		registry_event_set(registry, event, REGISTRY_UPDATED, &slot->entry, 0);
	}
	registry_touch(registry, event, slot, now_ms);
	return 0;
}

void registry_heard(struct registry *registry, struct registry_event *event, const char *ip, int64_t now_ms)
{
	struct registry_slot *slot = registry_lookup(&registry->known, ip);

	*event = (struct registry_event){.kind = REGISTRY_NOTHING};
	if (slot && slot != registry->own)
		registry_touch(registry, event, slot, now_ms);
}

int registry_hint(struct registry *registry, const char *ip, const struct wire_masternode *hinted, int64_t now_ms)
{
	struct registry_slot *slot = registry_lookup(&registry->known, ip);
	size_t at;

	if (!registry_valid(ip, hinted))
		return REGISTRY_E_INVALID;
	if (slot)
		return slot == registry->own ? REGISTRY_E_OWN : 0;
	slot = registry_lookup(&registry->hints, ip);
	if (slot && registry_same_key(&slot->entry.key, &hinted->public_key) &&
	    registry_same_terms(&slot->entry, hinted)) {
		slot->entry.heard_ms = now_ms;
		return 0;
	}
	if (registry_reserve(&registry->hints))
		return -ENOMEM;
	slot = registry_slot_new(ip, hinted);
	if (!slot)
		return -ENOMEM;
	slot->entry.heard_ms = now_ms;
	registry_drop_hint(registry, ip);
	if (registry->hints.count >= registry->params.limit) {
		at = registry_oldest(&registry->hints, slot->entry.source);
		if (at < registry->hints.count)
			free(registry_take(&registry->hints, at));
	}
	registry_insert(&registry->hints, slot);
	return 0;
}

bool registry_is_hinted(const struct registry *registry, const char *ip, const struct wire_key *key)
{
	const struct registry_slot *slot = registry_lookup(&registry->hints, ip);

	return slot && registry_same_key(&slot->entry.key, key);
}

int registry_prove(struct registry *registry, struct registry_event *event, const char *ip, const struct wire_key *key,
		   int64_t now_ms)
{
	struct registry_slot *slot = registry_lookup(&registry->known, ip);
	size_t at;

	*event = (struct registry_event){.kind = REGISTRY_NOTHING};
	if (slot) {
		if (slot == registry->own)
			return REGISTRY_E_OWN;
		if (!registry_same_key(&slot->entry.key, key))
			return REGISTRY_E_KEY;
		registry_touch(registry, event, slot, now_ms);
		return 0;
	}
	if (!registry_search(&registry->hints, &at, ip) ||
	    !registry_same_key(&registry->hints.items[at]->entry.key, key))
		return REGISTRY_E_UNKNOWN;
	if (registry->known.count >= registry->params.limit)
		return REGISTRY_E_FULL;
	if (registry_reserve(&registry->known))
		return -ENOMEM;
	slot = registry_take(&registry->hints, at);
	registry_add(registry, event, slot, REGISTRY_SOURCE_HEARTBEAT, now_ms);
	return 0;
}

int registry_set_own(struct registry *registry, struct registry_event *event, const char *ip,
		     const struct wire_masternode *own)
{
	bool had_own = registry->own != NULL;
	struct registry_slot *slot;
	size_t at;

	*event = (struct registry_event){.kind = REGISTRY_NOTHING};
	if (!registry_valid(ip, own))
		return REGISTRY_E_INVALID;
	if (had_own && strcmp(registry->own->entry.ip, ip) == 0 &&
	    registry_same_key(&registry->own->entry.key, &own->public_key) &&
	    registry_same_terms(&registry->own->entry, own))
		return 0;
	if (registry_reserve(&registry->known))
		return -ENOMEM;
	slot = registry_slot_new(ip, own);
	if (!slot)
		return -ENOMEM;
	registry_clear_own(registry);
	if (registry_search(&registry->known, &at, ip))
		free(registry_remove(registry, at));
	registry_drop_hint(registry, ip);
	registry_add(registry, event, slot, REGISTRY_SOURCE_OWN, 0);
	registry->own = slot;
	if (had_own)
		event->kind = REGISTRY_UPDATED;
	return 0;
}

void registry_clear_own(struct registry *registry)
{
	size_t at;

	if (registry->own && registry_search(&registry->known, &at, registry->own->entry.ip))
		free(registry_remove(registry, at));
}

const struct registry_entry *registry_own(const struct registry *registry)
{
	return registry->own ? &registry->own->entry : NULL;
}

int64_t registry_sweep_due_ms(const struct registry *registry)
{
	return registry->sweep_due_ms;
}

static void registry_sweep_hints(struct registry *registry, int64_t now_ms)
{
	struct registry_table *hints = &registry->hints;
	size_t kept = 0;

	for (size_t i = 0; i < hints->count; i++) {
		if (now_ms - hints->items[i]->entry.heard_ms > registry->params.forget_ms)
			free(hints->items[i]);
		else
			hints->items[kept++] = hints->items[i];
	}
	hints->count = kept;
}

size_t registry_sweep(struct registry *registry, struct registry_event *events, size_t max, int64_t now_ms)
{
	size_t at = 0, count = 0;

	while (at < registry->known.count && count < max) {
		struct registry_slot *slot = registry->known.items[at];
		int64_t silence_ms = now_ms - slot->entry.heard_ms;

		if (slot != registry->own && silence_ms > registry->params.forget_ms) {
			registry_remove(registry, at);
			registry_event_set(registry, &events[count++], REGISTRY_FORGOTTEN, &slot->entry, silence_ms);
			free(slot);
			continue;
		}
		if (slot != registry->own && slot->entry.active && silence_ms > registry->params.active_ms) {
			slot->entry.active = false;
			slot->entry.up_before_ms += slot->entry.heard_ms - slot->entry.up_since_ms;
			registry->active--;
			registry_event_set(registry, &events[count++], REGISTRY_OFFLINE, &slot->entry, silence_ms);
		}
		at++;
	}
	if (at == registry->known.count) {
		registry_sweep_hints(registry, now_ms);
		registry->sweep_due_ms = now_ms + registry->params.check_ms;
	}
	return count;
}

size_t registry_known(const struct registry *registry)
{
	return registry->known.count;
}

int64_t registry_uptime_ms(const struct registry_entry *entry, int64_t now_ms)
{
	return entry->up_before_ms + (entry->active ? now_ms - entry->up_since_ms : 0);
}

size_t registry_active(const struct registry *registry)
{
	return registry->active;
}

size_t registry_hints(const struct registry *registry)
{
	return registry->hints.count;
}

const struct registry_entry *registry_at(const struct registry *registry, size_t index)
{
	return &registry->known.items[index]->entry;
}

const struct registry_entry *registry_find(const struct registry *registry, const char *ip)
{
	const struct registry_slot *slot = registry_lookup(&registry->known, ip);

	return slot ? &slot->entry : NULL;
}

size_t registry_encode(uint8_t out[REGISTRY_VALUE_MAX], const struct registry_entry *entry, int64_t now_ms,
		       int64_t now_s)
{
	uint64_t heard_s = (uint64_t)(now_s - (now_ms - entry->heard_ms) / 1000);
	size_t len = entry->reward_address.len, at = 0;

	out[at++] = REGISTRY_VALUE_VERSION;
	out[at++] = (uint8_t)entry->source;
	out[at++] = (uint8_t)entry->tier;
	memcpy(out + at, entry->key.bytes, sizeof(entry->key.bytes));
	at += sizeof(entry->key.bytes);
	for (int i = 0; i < 8; i++)
		out[at++] = (uint8_t)(heard_s >> (8 * i));
	out[at++] = (uint8_t)len;
	out[at++] = (uint8_t)(len >> 8);
	memcpy(out + at, entry->reward_address.ptr, len);
	return at + len;
}

/* The parts of a stored value; `masternode` points into it.  False: not a value of ours. */
static bool registry_decode(struct wire_masternode *masternode, enum registry_source *source, int64_t *heard_s,
			    const uint8_t *value, size_t len)
{
	const uint8_t *at = value + 3;
	uint64_t heard = 0;
	size_t reward_len;

	if (len < REGISTRY_VALUE_HEAD || value[0] != REGISTRY_VALUE_VERSION || value[1] > REGISTRY_SOURCE_ANNOUNCED ||
	    value[2] >= WIRE_TIER_COUNT)
		return false;
	*source = (enum registry_source)value[1];
	masternode->tier = (enum wire_tier)value[2];
	memcpy(masternode->public_key.bytes, at, sizeof(masternode->public_key.bytes));
	at += sizeof(masternode->public_key.bytes);
	for (int i = 0; i < 8; i++)
		heard |= (uint64_t)*at++ << (8 * i);
	*heard_s = (int64_t)heard;
	reward_len = (size_t)at[0] | (size_t)at[1] << 8;
	masternode->reward_address = (struct wire_str){(const char *)at + 2, reward_len};
	return reward_len == len - REGISTRY_VALUE_HEAD;
}

int registry_load(struct registry *registry, const char *ip, size_t ip_len, const uint8_t *value, size_t value_len,
		  int64_t now_ms, int64_t now_s)
{
	struct wire_masternode masternode = {.tier = WIRE_TIER_FREE};
	struct registry_event event;
	struct registry_slot *slot;
	enum registry_source source;
	char text[REGISTRY_IP_SIZE];
	int64_t heard_s;
	uint64_t age_s;

	if (ip_len >= sizeof(text) || memchr(ip, '\0', ip_len) ||
	    !registry_decode(&masternode, &source, &heard_s, value, value_len))
		return REGISTRY_E_INVALID;
	memcpy(text, ip, ip_len);
	text[ip_len] = '\0';
	if (!registry_valid(text, &masternode))
		return REGISTRY_E_INVALID;
	slot = registry_lookup(&registry->known, text);
	if (slot)
		return slot == registry->own ? REGISTRY_E_OWN : 0;
	/* Both are any 64-bit numbers: the difference is taken where it cannot overflow. */
	age_s = heard_s < now_s ? (uint64_t)now_s - (uint64_t)heard_s : 0;
	if (age_s > (uint64_t)registry->params.forget_ms / 1000)
		return REGISTRY_E_STALE;
	if (registry->known.count >= registry->params.limit)
		return REGISTRY_E_FULL;
	if (registry_reserve(&registry->known))
		return -ENOMEM;
	slot = registry_slot_new(text, &masternode);
	if (!slot)
		return -ENOMEM;
	registry_drop_hint(registry, text);
	registry_add(registry, &event, slot, source, now_ms - (int64_t)age_s * 1000);
	if ((int64_t)age_s * 1000 > registry->params.active_ms) {
		slot->entry.active = false;
		registry->active--;
	}
	return 0;
}
