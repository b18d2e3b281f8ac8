/* SPDX-License-Identifier: MIT
 *
 * Subscriptions of peers; see subscriptions.h.
 *
 * Peer -> its subscriptions -> their entries, which hang in a table with chains as well.
 */
#include "subscriptions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/net/peer.h"
#include "timed/util/siphash.h"
#include "timed/util/thread.h"
#include "timeproto/base/sha256.h"

/* A power of two. */
#define BUCKETS ((size_t)8192)

enum kind { KIND_ADDRESS = 1, KIND_OUTPOINT };

/* What is looked for: no padding, it is hashed and compared as bytes. */
struct key {
	uint8_t hash[32]; /* of the address; txid */
	uint32_t vout;
	uint32_t kind;
};

struct entry {
	struct key key;
	struct subscriber *owner;
	struct entry *next, **link; /* in its bucket */
};

struct subscription {
	uint8_t id[32]; /* hash of it */
	struct subscription *next;
	size_t count;
	struct entry entries[];
};

struct subscriber {
	struct peer *peer; /* counted */
	struct subscription *first;
	size_t count;  /* entries, the subscriptions included */
	uint64_t mark; /* of the last match that found it */
	struct subscriber *next;
};

struct subscriptions {
	struct subscriptions_params params;
	struct siphash_key siphash;

	struct mutex lock; /* guards the rest; leaf */
	struct subscriber *first;
	size_t count, subscribers;
	uint64_t mark;
	struct entry *buckets[BUCKETS];
};

static struct key address_key(const void *bytes, size_t len)
{
	struct key key = {.kind = KIND_ADDRESS};

	sha256_digest(key.hash, bytes, len);
	return key;
}

static struct key outpoint_key(const struct wire_outpoint *outpoint)
{
	struct key key = {.vout = outpoint->vout, .kind = KIND_OUTPOINT};

	memcpy(key.hash, outpoint->txid.bytes, sizeof(key.hash));
	return key;
}

static struct entry **bucket_of(struct subscriptions *s, const struct key *key)
{
	return &s->buckets[siphash(&s->siphash, key, sizeof(*key)) & (BUCKETS - 1)];
}

/* ---- subscriptions ---- */

static struct subscription *subscription_new(const struct wire_subscribe *wanted)
{
	size_t count = wanted->addresses.len + wanted->outpoints.len;
	struct subscription *sub = calloc(1, sizeof(*sub) + count * sizeof(sub->entries[0]));

	if (!sub)
		return NULL;
	sha256_digest(sub->id, wanted->id.ptr, wanted->id.len);
	for (size_t i = 0; i < wanted->addresses.len; i++)
		sub->entries[sub->count++].key =
			address_key(wanted->addresses.items[i].ptr, wanted->addresses.items[i].len);
	for (size_t i = 0; i < wanted->outpoints.len; i++)
		sub->entries[sub->count++].key = outpoint_key(&wanted->outpoints.items[i]);
	return sub;
}

static void attach_locked(struct subscriptions *s, struct subscriber *owner, struct subscription *sub) REQUIRES(s->lock)
{
	for (size_t i = 0; i < sub->count; i++) {
		struct entry *e = &sub->entries[i], **bucket = bucket_of(s, &e->key);

		e->owner = owner;
		e->next = *bucket;
		e->link = bucket;
		if (e->next)
			e->next->link = &e->next;
		*bucket = e;
	}
	sub->next = owner->first;
	owner->first = sub;
	owner->count += sub->count + 1;
	s->count += sub->count + 1;
}

/* Takes the one at `link` out and frees it. */
static void detach_locked(struct subscriptions *s, struct subscriber *owner, struct subscription **link)
	REQUIRES(s->lock)
{
	struct subscription *sub = *link;

	for (size_t i = 0; i < sub->count; i++) {
		struct entry *e = &sub->entries[i];

		*e->link = e->next;
		if (e->next)
			e->next->link = e->link;
	}
	*link = sub->next;
	owner->count -= sub->count + 1;
	s->count -= sub->count + 1;
	free(sub);
}

static struct subscription **find_locked(struct subscriber *owner, const uint8_t id[32])
{
	struct subscription **link = &owner->first;

	while (*link && memcmp((*link)->id, id, sizeof((*link)->id)) != 0)
		link = &(*link)->next;
	return link;
}

/* ---- subscribers ---- */

static struct subscriber **subscriber_locked(struct subscriptions *s, const struct peer *peer) REQUIRES(s->lock)
{
	struct subscriber **link = &s->first;

	while (*link && (*link)->peer != peer)
		link = &(*link)->next;
	return link;
}

/* Without a subscription it is not kept; what is returned (NULL: nothing) is to be let go of, no lock held. */
static struct peer *release_locked(struct subscriptions *s, struct subscriber **link) REQUIRES(s->lock)
{
	struct subscriber *owner = *link;
	struct peer *peer = owner->peer;

	if (owner->first)
		return NULL;
	*link = owner->next;
	s->subscribers--;
	free(owner);
	return peer;
}

static int place_locked(struct subscriptions *s, struct peer *peer, struct subscription *sub) REQUIRES(s->lock)
{
	struct subscriber *owner = *subscriber_locked(s, peer);
	struct subscription **old = owner ? find_locked(owner, sub->id) : NULL;
	size_t freed = old && *old ? (*old)->count + 1 : 0;
	size_t has = owner ? owner->count : 0;

	if (sub->count + 1 > s->params.per_peer || has - freed > s->params.per_peer - (sub->count + 1))
		return SUBSCRIPTIONS_E_PEER;
	if (sub->count + 1 > s->params.in_all || s->count - freed > s->params.in_all - (sub->count + 1))
		return SUBSCRIPTIONS_E_ALL;
	if (!owner) {
		owner = calloc(1, sizeof(*owner));
		if (!owner)
			return -ENOMEM;
		owner->peer = peer_ref(peer);
		owner->next = s->first;
		s->first = owner;
		s->subscribers++;
	}
	if (freed > 0)
		detach_locked(s, owner, old);
	attach_locked(s, owner, sub);
	return 0;
}

int subscriptions_add(struct subscriptions *s, struct peer *peer, const struct wire_subscribe *wanted)
{
	struct subscription *sub;
	int r;

	/* Before memory is asked for. */
	if (wanted->addresses.len + wanted->outpoints.len >= s->params.per_peer)
		return SUBSCRIPTIONS_E_PEER;
	sub = subscription_new(wanted);
	if (!sub)
		return -ENOMEM;
	mutex_lock(&s->lock);
	r = place_locked(s, peer, sub);
	mutex_unlock(&s->lock);
	if (r)
		free(sub);
	return r;
}

bool subscriptions_remove(struct subscriptions *s, struct peer *peer, const struct wire_str *id)
{
	struct subscriber **owner;
	struct subscription **sub;
	struct peer *left = NULL;
	uint8_t hash[32];
	bool found = false;

	sha256_digest(hash, id->ptr, id->len);
	mutex_lock(&s->lock);
	owner = subscriber_locked(s, peer);
	sub = *owner ? find_locked(*owner, hash) : NULL;
	if (sub && *sub) {
		found = true;
		detach_locked(s, *owner, sub);
		left = release_locked(s, owner);
	}
	mutex_unlock(&s->lock);
	peer_unref(left);
	return found;
}

void subscriptions_drop(struct subscriptions *s, struct peer *peer)
{
	struct subscriber **owner;
	struct peer *left = NULL;

	mutex_lock(&s->lock);
	owner = subscriber_locked(s, peer);
	if (*owner) {
		while ((*owner)->first)
			detach_locked(s, *owner, &(*owner)->first);
		left = release_locked(s, owner);
	}
	mutex_unlock(&s->lock);
	peer_unref(left);
}

size_t subscriptions_count(struct subscriptions *s)
{
	size_t count;

	mutex_lock(&s->lock);
	count = s->count;
	mutex_unlock(&s->lock);
	return count;
}

/* ---- matching ---- */

static void collect_locked(struct subscriptions *s, struct subscribers *out, const struct key *key) REQUIRES(s->lock)
{
	for (struct entry *e = *bucket_of(s, key); e; e = e->next) {
		if (memcmp(&e->key, key, sizeof(*key)) != 0 || e->owner->mark == s->mark)
			continue;
		if (!out->items)
			out->items = calloc(s->subscribers, sizeof(struct peer *));
		if (!out->items)
			return;
		e->owner->mark = s->mark;
		out->items[out->count++] = peer_ref(e->owner->peer);
	}
}

void subscriptions_match(struct subscriptions *s, struct subscribers *out, const struct wire_outpoint *outpoint,
			 const struct wire_bytes *script)
{
	struct key key;

	*out = (struct subscribers){.count = 0};
	mutex_lock(&s->lock);
	s->mark++;
	if (outpoint && s->count > 0) {
		key = outpoint_key(outpoint);
		collect_locked(s, out, &key);
	}
	if (script && s->count > 0) {
		key = address_key(script->ptr, script->len);
		collect_locked(s, out, &key);
	}
	mutex_unlock(&s->lock);
}

void subscribers_free(struct subscribers *subscribers)
{
	for (size_t i = 0; i < subscribers->count; i++)
		peer_unref(subscribers->items[i]);
	free(subscribers->items);
	*subscribers = (struct subscribers){.count = 0};
}

/* ---- life ---- */

int subscriptions_new(struct subscriptions **out, const struct subscriptions_params *params)
{
	struct subscriptions *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->params = *params;
	siphash_key_random(&s->siphash);
	mutex_init(&s->lock, "subscriptions", MUTEX_RANK_LEAF);
	*out = s;
	return 0;
}

void subscriptions_free(struct subscriptions *s)
{
	if (!s)
		return;
	while (s->first)
		subscriptions_drop(s, s->first->peer);
	mutex_destroy(&s->lock);
	free(s);
}
