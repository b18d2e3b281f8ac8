/* SPDX-License-Identifier: MIT
 *
 * The table of connections; see peer_table.h.
 */
#include "peer_table.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "peer_impl.h"
#include "timed/net/net_stats.h"
#include "timed/util/thread.h"

/* Slots kept for masternodes and configured peers: a share, 20 to 30 of them, in a small table the share alone. */
#define KEPT_MIN 20
#define KEPT_MAX 30
#define BUCKETS 1024

struct table_entry {
	struct net_ip ip;
	struct peer *incumbent;	 /* counted */
	struct peer *challenger; /* counted; NULL: none */
	struct table_entry *next;
};

struct peer_table {
	struct mutex lock;			 /* guards all below but params */
	struct cond finished_cond;		 /* a worker has ended */
	struct table_entry *buckets[BUCKETS];	 /* by IP */
	struct peer *live;			 /* running workers, newest first; counted */
	size_t live_count;
	struct peer *finished;			 /* ended workers to be joined; counted */
	uint32_t ready, ready_kept;		 /* ready peers, and those of them on kept slots ... */
	uint32_t ready_inbound;			 /* ... and those that dialled us */
	uint32_t unready;			 /* running and neither ready nor closing ... */
	uint32_t dialing;			 /* ... and of them those that will want a regular slot of ours */
	bool shut;				 /* no new peer is taken */
	bool woken;				 /* peer_table_wake() was called */
	uint64_t closed[PEER_CLOSE_COUNT];	 /* ended connections by reason */
	struct peer_table_params params;	 /* immutable */
};

int peer_table_create(struct peer_table **out, const struct peer_table_params *params)
{
	struct peer_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->params = *params;
	mutex_init(&table->lock, "peer_table", MUTEX_RANK_PEER_TABLE);
	cond_init(&table->finished_cond);
	*out = table;
	return 0;
}

void peer_table_free(struct peer_table *table)
{
	if (!table)
		return;
	CHECK(!table->live && !table->finished);
	cond_destroy(&table->finished_cond);
	mutex_destroy(&table->lock);
	free(table);
}

static uint32_t kept_slots(const struct peer_table *table)
{
	uint32_t share = (uint32_t)((uint64_t)table->params.max_peers * table->params.kept_percent / 100);

	if (share > KEPT_MAX)
		return KEPT_MAX;
	if (share < KEPT_MIN && table->params.max_peers >= 2 * KEPT_MIN)
		return KEPT_MIN;
	return share;
}

/* A regular slot is free, although `more` others are on their way to one. */
static bool regular_slot_locked(const struct peer_table *table, uint32_t more) REQUIRES(table->lock)
{
	return table->ready + more < table->params.max_peers &&
	       table->ready - table->ready_kept + more < table->params.max_peers - kept_slots(table);
}

static size_t bucket_of(const struct net_ip *ip)
{
	uint32_t h = 2166136261u; /* FNV-1a: the keys are few and an attacker gains nothing that a /24 does not give */

	for (size_t i = 0; i < sizeof(ip->bytes); i++)
		h = (h ^ ip->bytes[i]) * 16777619u;
	return h % BUCKETS;
}

static struct table_entry *find_locked(struct peer_table *table, const struct net_ip *ip) REQUIRES(table->lock)
{
	struct table_entry *e = table->buckets[bucket_of(ip)];

	while (e && !net_ip_equal(&e->ip, ip))
		e = e->next;
	return e;
}

static bool add_locked(struct peer_table *table, struct peer *peer) REQUIRES(table->lock)
{
	struct table_entry *e = calloc(1, sizeof(*e));
	struct table_entry **bucket = &table->buckets[bucket_of(&peer->addr.ip)];

	if (!e)
		return false;
	e->ip = peer->addr.ip;
	e->incumbent = peer_ref(peer);
	e->next = *bucket;
	*bucket = e;
	return true;
}

static void remove_locked(struct peer_table *table, struct table_entry *e) REQUIRES(table->lock)
{
	struct table_entry **at = &table->buckets[bucket_of(&e->ip)];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	free(e);
}

static enum peer_state state_of(const struct peer *peer)
{
	return (enum peer_state)atomic_load_explicit(&peer->state, memory_order_acquire);
}

/* A dial that we need not have made. */
static bool is_dialing(const struct peer *peer, enum peer_state state)
{
	return (state == PEER_CONNECTING || state == PEER_HANDSHAKE) && peer->direction == PEER_OUTBOUND && !peer->manual;
}

/* The one place where a peer's state changes: keeps the counts. */
static void set_state_locked(struct peer_table *table, struct peer *peer, enum peer_state state) REQUIRES(table->lock)
{
	enum peer_state before = state_of(peer);
	bool kept = atomic_load_explicit(&peer->kept, memory_order_relaxed);

	if (before == PEER_READY) {
		table->ready--;
		table->ready_kept -= kept;
		table->ready_inbound -= peer->direction == PEER_INBOUND;
	} else if (before != PEER_CLOSING) {
		table->unready--;
	}
	if (state == PEER_READY) {
		table->ready++;
		table->ready_kept += kept;
		table->ready_inbound += peer->direction == PEER_INBOUND;
	} else if (state != PEER_CLOSING) {
		table->unready++;
	}
	table->dialing -= is_dialing(peer, before);
	table->dialing += is_dialing(peer, state);
	atomic_store_explicit(&peer->state, state, memory_order_release);
}

/* Unlinks the peer from its entry; the challenger takes over.  The identity of the peer is its pointer, held alive by
 * the entry's own count, so a late cleanup never removes a newer connection.  That count is never the last one: the list
 * of running workers holds another. */
static void unlink_locked(struct peer_table *table, struct peer *peer) REQUIRES(table->lock)
{
	struct table_entry *e = find_locked(table, &peer->addr.ip);

	if (!e || (e->challenger != peer && e->incumbent != peer))
		return;
	if (e->incumbent == peer)
		e->incumbent = e->challenger;
	e->challenger = NULL;
	if (e->incumbent)
		peer_wake(e->incumbent);
	else
		remove_locked(table, e);
	peer_unref(peer);
}

static void ask_close_locked(struct peer_table *table, struct peer *peer, enum peer_close_reason reason)
	REQUIRES(table->lock)
{
	int none = PEER_CLOSE_NONE;

	if (!atomic_compare_exchange_strong(&peer->close_reason, &none, reason))
		return;
	set_state_locked(table, peer, PEER_CLOSING);
	peer_wake(peer);
	unlink_locked(table, peer);
}

void peer_table_ask_close(struct peer_table *table, struct peer *peer, enum peer_close_reason reason)
{
	mutex_lock(&table->lock);
	ask_close_locked(table, peer, reason);
	mutex_unlock(&table->lock);
}

size_t peer_table_close_matching(struct peer_table *table, const struct net_ip *ip, enum peer_close_reason reason)
{
	size_t n = 0;

	mutex_lock(&table->lock);
	for (struct peer *p = table->live; p; p = p->live_next) {
		if (state_of(p) == PEER_CLOSING || (ip && !net_ip_equal(&p->addr.ip, ip)))
			continue;
		ask_close_locked(table, p, reason);
		n++;
	}
	mutex_unlock(&table->lock);
	return n;
}

/* The oldest connection that is still before its handshake. */
static struct peer *oldest_unready_locked(struct peer_table *table) REQUIRES(table->lock)
{
	struct peer *oldest = NULL;

	for (struct peer *p = table->live; p; p = p->live_next) {
		if (state_of(p) != PEER_READY && state_of(p) != PEER_CLOSING && p->direction == PEER_INBOUND)
			oldest = p;
	}
	return oldest;
}

bool peer_table_register(struct peer_table *table, struct peer *peer)
{
	bool ok;

	mutex_lock(&table->lock);
	ok = !table->shut;
	if (ok) {
		if (peer->direction == PEER_INBOUND && table->unready >= table->params.max_handshakes) {
			struct peer *oldest = oldest_unready_locked(table);

			if (oldest)
				ask_close_locked(table, oldest, PEER_CLOSE_EVICTED);
		}
		peer->live_next = table->live;
		peer->live_link = &table->live;
		if (table->live)
			table->live->live_link = &peer->live_next;
		table->live = peer_ref(peer);
		table->live_count++;
		table->unready++;
		table->dialing += is_dialing(peer, state_of(peer));
	}
	mutex_unlock(&table->lock);
	return ok;
}

bool peer_table_claim(struct peer_table *table, struct peer *peer)
{
	bool ok;

	mutex_lock(&table->lock);
	ok = !find_locked(table, &peer->addr.ip) && add_locked(table, peer);
	mutex_unlock(&table->lock);
	return ok;
}

bool peer_table_begin_handshake(struct peer_table *table, struct peer *peer)
{
	bool ok;

	mutex_lock(&table->lock);
	ok = state_of(peer) == PEER_CONNECTING;
	if (ok)
		set_state_locked(table, peer, PEER_HANDSHAKE);
	mutex_unlock(&table->lock);
	return ok;
}

void peer_table_set_identity(struct peer_table *table, struct peer *peer, const uint8_t node_id[16], const char *subver)
{
	mutex_lock(&table->lock);
	if (node_id) {
		memcpy(peer->node_id, node_id, sizeof(peer->node_id));
		peer->has_node_id = true;
	}
	strncpy(peer->subver, subver, sizeof(peer->subver) - 1);
	mutex_unlock(&table->lock);
}

void peer_table_set_bound(struct peer_table *table, struct peer *peer, const struct net_addr *bound)
{
	mutex_lock(&table->lock);
	peer->bound = *bound;
	mutex_unlock(&table->lock);
}

void peer_table_get_bound(struct peer_table *table, const struct peer *peer, struct net_addr *out)
{
	mutex_lock(&table->lock);
	*out = peer->bound;
	mutex_unlock(&table->lock);
}

void peer_table_set_best(struct peer_table *table, struct peer *peer, const struct wire_hash *hash)
{
	mutex_lock(&table->lock);
	peer->best_hash = *hash;
	mutex_unlock(&table->lock);
}

bool peer_table_best_is(struct peer_table *table, const struct peer *peer, const struct wire_hash *hash)
{
	bool same;

	mutex_lock(&table->lock);
	same = memcmp(peer->best_hash.bytes, hash->bytes, sizeof(hash->bytes)) == 0;
	mutex_unlock(&table->lock);
	return same;
}

void peer_table_describe(struct peer_table *table, const struct peer *peer, struct peer_info *out)
{
	mutex_lock(&table->lock);
	out->bound = peer->bound;
	out->best_hash = peer->best_hash;
	memcpy(out->subver, peer->subver, sizeof(out->subver));
	if (peer->has_node_id)
		sodium_bin2hex(out->node_id, sizeof(out->node_id), peer->node_id, sizeof(peer->node_id));
	mutex_unlock(&table->lock);
}

/* Puts the affair between the two connections before the pair rule. */
static enum pair_verdict judge_locked(struct peer_table *table, const struct table_entry *e, struct peer *peer,
				      const struct net_ip *own, int64_t now_ms) REQUIRES(table->lock)
{
	struct peer *incumbent = e->incumbent;
	struct pair_case c = {
		.incumbent_direction = incumbent->direction,
		.incumbent_state = state_of(incumbent),
		.incumbent_ready_ms = atomic_load(&incumbent->stats.ready_ms),
		.incumbent_heard = atomic_load(&incumbent->stats.bytes_received) != peer->incumbent_mark,
		.challenged_ms = peer->challenged_ms,
		.own_ip = *own,
		.peer_ip = peer->addr.ip,
	};
	const struct peer *known = peer->has_node_id ? peer : incumbent;

	c.has_node_id = known->has_node_id;
	memcpy(c.peer_node_id, known->node_id, sizeof(c.peer_node_id));
	memcpy(c.own_node_id, table->params.node_id, sizeof(c.own_node_id));
	return pair_decide(&c, &table->params.pair, now_ms);
}

static enum table_verdict obey_locked(struct peer_table *table, struct table_entry *e, enum pair_verdict verdict)
	REQUIRES(table->lock)
{
	switch (verdict) {
	case PAIR_WAIT:
		return TABLE_WAIT;
	case PAIR_PROBE:
		if (!e->challenger->probed) {
			e->challenger->probed = true;
			atomic_store(&e->incumbent->probe, true);
			peer_wake(e->incumbent);
		}
		return TABLE_WAIT;
	case PAIR_YIELD:
		ask_close_locked(table, e->incumbent, PEER_CLOSE_YIELDED);
		return TABLE_PROCEED;
	case PAIR_TIE_KEEP:
		return TABLE_TIE_LOST;
	case PAIR_TIE_SWAP:
		ask_close_locked(table, e->incumbent, PEER_CLOSE_TIE_BREAK);
		return TABLE_PROCEED;
	case PAIR_DUPLICATE:
		return TABLE_DUPLICATE;
	case PAIR_REPLACE:
		ask_close_locked(table, e->incumbent, PEER_CLOSE_REPLACED);
		return TABLE_PROCEED;
	case PAIR_SELF:
		ask_close_locked(table, e->incumbent, PEER_CLOSE_SELF);
		return TABLE_SELF;
	}
	return TABLE_DUPLICATE;
}

enum table_verdict peer_table_challenge(struct peer_table *table, struct peer *peer, const struct net_ip *own,
					int64_t now_ms)
{
	enum table_verdict verdict = TABLE_PROCEED;
	struct table_entry *e;

	mutex_lock(&table->lock);
	e = find_locked(table, &peer->addr.ip);
	if (state_of(peer) == PEER_CLOSING) {
		verdict = TABLE_WAIT; /* the worker sees its own end next */
	} else if (!e) {
		verdict = add_locked(table, peer) ? TABLE_PROCEED : TABLE_DUPLICATE;
	} else if (e->incumbent != peer) {
		if (!e->challenger) {
			e->challenger = peer_ref(peer);
			peer->challenged_ms = now_ms;
			peer->incumbent_mark = atomic_load(&e->incumbent->stats.bytes_received);
		}
		if (e->challenger == peer)
			verdict = obey_locked(table, e, judge_locked(table, e, peer, own, now_ms));
		else
			verdict = TABLE_DUPLICATE;
	}
	mutex_unlock(&table->lock);
	return verdict;
}

/* The youngest inbound peer on a regular slot makes room for one that slots are kept for. */
static struct peer *evictable_locked(struct peer_table *table) REQUIRES(table->lock)
{
	for (struct peer *p = table->live; p; p = p->live_next) {
		if (state_of(p) == PEER_READY && p->direction == PEER_INBOUND && !atomic_load(&p->kept) && !p->manual)
			return p;
	}
	return NULL;
}

bool peer_table_make_ready(struct peer_table *table, struct peer *peer, int64_t now_ms)
{
	bool kept = atomic_load(&peer->kept);
	bool ok;

	mutex_lock(&table->lock);
	ok = state_of(peer) != PEER_CLOSING;
	if (ok && kept && table->ready >= table->params.max_peers) {
		struct peer *victim = evictable_locked(table);

		if (victim)
			ask_close_locked(table, victim, PEER_CLOSE_EVICTED);
		ok = victim || peer->manual;
	} else if (ok && !kept) {
		ok = regular_slot_locked(table, 0);
	}
	if (ok) {
		atomic_store(&peer->stats.ready_ms, now_ms);
		set_state_locked(table, peer, PEER_READY);
	} else {
		ask_close_locked(table, peer, PEER_CLOSE_FULL);
	}
	mutex_unlock(&table->lock);
	return ok;
}

void peer_table_set_kept(struct peer_table *table, struct peer *peer)
{
	mutex_lock(&table->lock);
	if (!atomic_exchange(&peer->kept, true) && state_of(peer) == PEER_READY)
		table->ready_kept++;
	mutex_unlock(&table->lock);
}

void peer_table_finished(struct peer_table *table, struct peer *peer)
{
	mutex_lock(&table->lock);
	*peer->live_link = peer->live_next;
	if (peer->live_next)
		peer->live_next->live_link = peer->live_link;
	table->live_count--;
	table->closed[atomic_load(&peer->close_reason)]++;
	peer->finished_next = table->finished;
	table->finished = peer;
	cond_broadcast(&table->finished_cond);
	mutex_unlock(&table->lock);
}

struct peer *peer_table_find(struct peer_table *table, const struct net_ip *ip)
{
	struct table_entry *e;
	struct peer *peer = NULL;

	mutex_lock(&table->lock);
	e = find_locked(table, ip);
	if (e)
		peer = peer_ref(e->incumbent);
	mutex_unlock(&table->lock);
	return peer;
}

size_t peer_table_list(struct peer_table *table, struct peer ***out, bool all)
{
	struct peer **peers = NULL;
	size_t n = 0;

	mutex_lock(&table->lock);
	if (table->live_count > 0)
		peers = malloc(table->live_count * sizeof(struct peer *));
	for (struct peer *p = table->live; peers && p; p = p->live_next) {
		if (all || state_of(p) == PEER_READY)
			peers[n++] = peer_ref(p);
	}
	mutex_unlock(&table->lock);
	/* Newest first in the list, oldest first in the answer. */
	for (size_t i = 0; i < n / 2; i++) {
		struct peer *swap = peers[i];

		peers[i] = peers[n - 1 - i];
		peers[n - 1 - i] = swap;
	}
	*out = peers;
	return n;
}

uint32_t peer_table_ready_count(struct peer_table *table)
{
	uint32_t n;

	mutex_lock(&table->lock);
	n = table->ready;
	mutex_unlock(&table->lock);
	return n;
}

bool peer_table_has_regular_slot(struct peer_table *table)
{
	bool has;

	mutex_lock(&table->lock);
	has = regular_slot_locked(table, table->dialing);
	mutex_unlock(&table->lock);
	return has;
}

void peer_table_count(struct peer_table *table, struct net_stats *out)
{
	mutex_lock(&table->lock);
	memcpy(out->closed, table->closed, sizeof(out->closed));
	out->inbound = table->ready_inbound;
	out->outbound = table->ready - table->ready_inbound;
	mutex_unlock(&table->lock);
}

void peer_table_shut(struct peer_table *table)
{
	mutex_lock(&table->lock);
	table->shut = true;
	for (struct peer *p = table->live; p; p = p->live_next)
		ask_close_locked(table, p, PEER_CLOSE_SHUTDOWN);
	mutex_unlock(&table->lock);
}

void peer_table_wait(struct peer_table *table, int64_t deadline_ms)
{
	mutex_lock(&table->lock);
	while (!table->finished && !table->woken && !cond_wait_until(&table->finished_cond, &table->lock, deadline_ms))
		continue;
	table->woken = false;
	mutex_unlock(&table->lock);
}

void peer_table_wake(struct peer_table *table)
{
	mutex_lock(&table->lock);
	table->woken = true;
	cond_broadcast(&table->finished_cond);
	mutex_unlock(&table->lock);
}

void peer_table_reap(struct peer_table *table, bool all)
{
	struct peer *ended;

	mutex_lock(&table->lock);
	for (;;) {
		ended = table->finished;
		table->finished = NULL;
		if (!ended && (!all || !table->live))
			break;
		if (!ended) {
			cond_wait(&table->finished_cond, &table->lock);
			continue;
		}
		mutex_unlock(&table->lock);
		while (ended) {
			struct peer *next = ended->finished_next;

			if (ended->thread.started)
				thread_join(&ended->thread);
			peer_unref(ended);
			ended = next;
		}
		mutex_lock(&table->lock);
	}
	mutex_unlock(&table->lock);
}
