/* SPDX-License-Identifier: MIT
 *
 * Addresses of peers and when to dial them; see address_book.h.  The dialer asks it what is due, the workers report how
 * connections went.
 */
#include "timed/net/address_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip_index.h"
#include "ip_list.h"
#include "timed/util/thread.h"

#define RECORD_VERSION 1
#define NEVER INT64_MAX

/* PROTOCOL.md §4 "Turnaround". */
enum turnaround {
	TURNAROUND_NONE,
	TURNAROUND_FIRST,  /* closed; our first dial is planned or under way */
	TURNAROUND_SECOND, /* our first dial is ready; it will be closed and dialled once more */
};

struct entry {
	struct net_addr addr;	   /* ip is the key */
	enum addr_source source;   /* the most trusted one that named it */
	bool masternode;	   /* known to be one: more attempts */
	bool own;		   /* ourselves: never dialled, never gossiped */
	bool usable;		   /* may be dialled, coming from where it did */
	bool given_up;		   /* too many failures; waits to be learnt again */
	bool once;		   /* the operator wants one dial of it; until that has come to its end */
	bool changed;		   /* not handed over to the store yet */
	uint32_t busy;		   /* dials under way and ready connections */
	uint32_t failures;	   /* in a row */
	int64_t next_dial_ms;	   /* monotonic */
	int64_t last_ready_s;	   /* Unix time, 0: never */
	enum turnaround turnaround;
	int64_t turnaround_ok_ms;  /* none before */
};

struct address_book {
	struct mutex lock;	/* guards all below but params */
	struct entry *entries;	/* as many as the index has places, of capacity */
	size_t capacity;
	struct ip_index index;	/* where they stand, and which one goes first */
	size_t configured;	/* entries with ADDR_SOURCE_CONFIGURED */
	struct ip_list gone;	/* replaced: to be deleted in the store */
	bool has_own;		/* own is set */
	struct net_ip own;	/* our IP as others see it */
	struct address_book_params params; /* immutable */
};

int address_book_create(struct address_book **out, const struct address_book_params *params)
{
	struct address_book *book = calloc(1, sizeof(*book));

	if (!book)
		return -ENOMEM;
	book->params = *params;
	ip_index_init(&book->index);
	mutex_init(&book->lock, "address_book", MUTEX_RANK_LEAF);
	*out = book;
	return 0;
}

void address_book_free(struct address_book *book)
{
	if (!book)
		return;
	mutex_destroy(&book->lock);
	ip_index_free(&book->index);
	free(book->entries);
	free(book->gone.items);
	free(book);
}

static struct entry *find_locked(struct address_book *book, const struct net_ip *ip) REQUIRES(book->lock)
{
	uint32_t place = ip_index_find(&book->index, ip);

	return place == IP_INDEX_NONE ? NULL : &book->entries[place];
}

/* A learnt address is worth less than a new one when it was given up, or was never reached and fails: the first failure
 * may be an accident. */
static uint32_t rank_of(const struct entry *e)
{
	if (e->busy || e->own || e->once || e->source == ADDR_SOURCE_CONFIGURED)
		return IP_INDEX_KEPT;
	if (e->given_up)
		return 0;
	if (e->last_ready_s || e->failures == 0)
		return IP_INDEX_KEPT;
	return e->failures > 1 ? 1 : 2;
}

/* To be called when anything has changed that rank_of() looks at. */
static void rank_locked(struct address_book *book, const struct entry *e) REQUIRES(book->lock)
{
	ip_index_rank(&book->index, (uint32_t)(e - book->entries), rank_of(e));
}

static struct entry *append_locked(struct address_book *book, const struct net_ip *ip) REQUIRES(book->lock)
{
	size_t count = book->index.count;

	if (count == book->capacity) {
		size_t capacity = book->capacity ? book->capacity * 2 : 64;
		struct entry *grown = realloc(book->entries, capacity * sizeof(*grown));

		if (!grown)
			return NULL;
		book->entries = grown;
		book->capacity = capacity;
	}
	return ip_index_add(&book->index, ip) ? &book->entries[count] : NULL;
}

/* The place of an address that is worth less than a new one. */
static struct entry *replace_locked(struct address_book *book, const struct net_ip *ip) REQUIRES(book->lock)
{
	uint32_t place = ip_index_victim(&book->index);

	if (place == IP_INDEX_NONE)
		return NULL;
	ip_list_add(&book->gone, &book->entries[place].addr.ip);
	ip_index_replace(&book->index, place, ip);
	return &book->entries[place];
}

/* Configured addresses come on top. */
static bool has_room_locked(struct address_book *book, enum addr_source source) REQUIRES(book->lock)
{
	return source == ADDR_SOURCE_CONFIGURED ||
	       book->index.count - book->configured < book->params.max_addresses;
}

/* A new entry, of which only IP and source are set; NULL: full, or out of memory. */
static struct entry *place_locked(struct address_book *book, const struct net_ip *ip, enum addr_source source)
	REQUIRES(book->lock)
{
	struct entry *e = has_room_locked(book, source) ? append_locked(book, ip) : replace_locked(book, ip);

	if (e)
		*e = (struct entry){.addr.ip = *ip, .source = source};
	return e;
}

/* PROTOCOL.md §4 "Who dials": the lower IP string; the other waits. */
static bool our_turn(const struct net_ip *own, bool has_own, const struct net_ip *peer)
{
	return has_own && net_ip_text_compare(own, peer) < 0;
}

/* Our IP towards `peer`; asks the kernel when it is not configured.  Takes the lock for a moment. */
static bool own_ip_for(struct address_book *book, struct net_ip *own, const struct net_ip *peer)
{
	bool has_own;

	mutex_lock(&book->lock);
	has_own = book->has_own;
	*own = book->own;
	mutex_unlock(&book->lock);
	return has_own || net_ip_local_for(own, peer) == 0;
}

void address_book_set_own(struct address_book *book, const struct net_ip *own)
{
	mutex_lock(&book->lock);
	book->has_own = true;
	book->own = *own;
	mutex_unlock(&book->lock);
	address_book_mark_own(book, own);
}

void address_book_mark_own(struct address_book *book, const struct net_ip *ip)
{
	struct entry *e;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (!e) /* a peer may claim to be us from any address: such entries are bounded as learnt ones are */
		e = place_locked(book, ip, ADDR_SOURCE_INBOUND);
	if (e) {
		e->own = true;
		e->next_dial_ms = NEVER;
		e->changed = true;
		rank_locked(book, e);
	}
	mutex_unlock(&book->lock);
}

bool address_book_is_own(struct address_book *book, const struct net_ip *ip)
{
	struct entry *e;
	bool own;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	own = e && e->own;
	mutex_unlock(&book->lock);
	return own;
}

static void make_configured_locked(struct address_book *book, struct entry *e, uint16_t port, int64_t now_ms)
	REQUIRES(book->lock)
{
	if (e->source != ADDR_SOURCE_CONFIGURED)
		book->configured++;
	e->source = ADDR_SOURCE_CONFIGURED;
	e->usable = true;
	e->addr.port = port;
	e->given_up = false;
	e->next_dial_ms = now_ms;
}

/* True and the result when naming this address changes nothing. */
static bool settled_locked(struct address_book *book, enum address_add *result, const struct net_ip *ip,
			   enum addr_source source) REQUIRES(book->lock)
{
	const struct entry *e = find_locked(book, ip);

	if (!e) {
		*result = ADDRESS_BOOK_FULL;
		return !has_room_locked(book, source) && ip_index_victim(&book->index) == IP_INDEX_NONE;
	}
	*result = e->own ? ADDRESS_REFUSED : ADDRESS_KNOWN;
	return e->own || (!e->given_up && source != ADDR_SOURCE_CONFIGURED);
}

static enum address_add learn_locked(struct address_book *book, const struct net_addr *addr, enum addr_source source,
				     int64_t due_ms, int64_t now_ms) REQUIRES(book->lock)
{
	enum address_add result = ADDRESS_KNOWN;
	struct entry *e = find_locked(book, &addr->ip);

	if (e && source == ADDR_SOURCE_CONFIGURED) {
		make_configured_locked(book, e, addr->port, now_ms);
	} else if (e) {
		e->addr.port = addr->port; /* the old one has failed often enough */
		e->given_up = false;
		e->failures = 0;
		e->next_dial_ms = due_ms;
		e->changed = true;
	} else {
		e = place_locked(book, &addr->ip, source);
		if (!e)
			return ADDRESS_BOOK_FULL;
		result = ADDRESS_ADDED;
		e->addr.port = addr->port;
		e->usable = true;
		e->next_dial_ms = due_ms;
		e->changed = true;
		book->configured += source == ADDR_SOURCE_CONFIGURED;
	}
	rank_locked(book, e);
	return result;
}

enum address_add address_book_add(struct address_book *book, const struct net_addr *addr, enum addr_source source,
				  int64_t now_ms)
{
	enum address_add result;
	struct net_ip own;
	int64_t due_ms = now_ms;
	bool settled;

	if (addr->port == 0 || !net_ip_usable(&addr->ip, book->params.network, source))
		return ADDRESS_REFUSED;
	/* Most addresses are known: for those the kernel is not asked who we are. */
	mutex_lock(&book->lock);
	settled = settled_locked(book, &result, &addr->ip, source);
	mutex_unlock(&book->lock);
	if (settled)
		return result;
	if (source != ADDR_SOURCE_CONFIGURED &&
	    !our_turn(&own, own_ip_for(book, &own, &addr->ip), &addr->ip))
		due_ms = now_ms + book->params.grace_ms;
	mutex_lock(&book->lock);
	if (!settled_locked(book, &result, &addr->ip, source))
		result = learn_locked(book, addr, source, due_ms, now_ms);
	mutex_unlock(&book->lock);
	return result;
}

bool address_book_remove_configured(struct address_book *book, const struct net_ip *ip)
{
	struct entry *e;
	bool removed = false;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (e && e->source == ADDR_SOURCE_CONFIGURED) {
		e->source = ADDR_SOURCE_GOSSIP;
		e->usable = net_ip_usable(ip, book->params.network, e->source);
		e->changed = true;
		book->configured--;
		removed = true;
		rank_locked(book, e);
	}
	mutex_unlock(&book->lock);
	return removed;
}

bool address_book_is_configured(struct address_book *book, const struct net_ip *ip)
{
	struct entry *e;
	bool configured;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	configured = e && e->source == ADDR_SOURCE_CONFIGURED;
	mutex_unlock(&book->lock);
	return configured;
}

enum address_add address_book_try(struct address_book *book, const struct net_addr *addr, int64_t now_ms)
{
	enum address_add result = ADDRESS_KNOWN;
	struct entry *e;

	if (addr->port == 0 || !net_ip_usable(&addr->ip, book->params.network, ADDR_SOURCE_CONFIGURED))
		return ADDRESS_REFUSED;
	mutex_lock(&book->lock);
	e = find_locked(book, &addr->ip);
	if (!e) {
		e = place_locked(book, &addr->ip, ADDR_SOURCE_GOSSIP);
		if (e) { /* it is worth a second dial once it has been reached */
			e->usable = net_ip_usable(&addr->ip, book->params.network, e->source);
			e->given_up = true;
		}
	}
	if (!e) {
		result = ADDRESS_BOOK_FULL;
	} else if (e->own) {
		result = ADDRESS_REFUSED;
	} else if (e->busy == 0) {
		result = ADDRESS_ADDED;
		e->addr.port = addr->port;
		e->once = true;
		e->next_dial_ms = now_ms;
		rank_locked(book, e);
	}
	mutex_unlock(&book->lock);
	return result;
}

bool address_book_is_manual(struct address_book *book, const struct net_ip *ip)
{
	struct entry *e;
	bool manual;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	manual = e && (e->once || e->source == ADDR_SOURCE_CONFIGURED);
	mutex_unlock(&book->lock);
	return manual;
}

void address_book_set_masternode(struct address_book *book, const struct net_ip *ip, bool masternode)
{
	struct entry *e;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (e)
		e->masternode = masternode;
	mutex_unlock(&book->lock);
}

static bool dialable(const struct entry *e)
{
	return !e->own && e->busy == 0 && (e->once || (e->usable && !e->given_up));
}

static bool kept(const struct entry *e)
{
	return e->source == ADDR_SOURCE_CONFIGURED || e->once || e->masternode || e->turnaround != TURNAROUND_NONE;
}

bool address_book_next(struct address_book *book, struct net_addr *out, int64_t *next_ms, bool only_kept, int64_t now_ms)
{
	struct entry *best = NULL;

	*next_ms = NEVER;
	mutex_lock(&book->lock);
	for (size_t i = 0; i < book->index.count; i++) {
		struct entry *e = &book->entries[i];

		if (!dialable(e) || (only_kept && !kept(e)))
			continue;
		if (e->next_dial_ms < *next_ms)
			*next_ms = e->next_dial_ms;
		if (e->next_dial_ms > now_ms)
			continue;
		if (!best || (kept(e) && !kept(best)) ||
		    (kept(e) == kept(best) && e->next_dial_ms < best->next_dial_ms))
			best = e;
	}
	if (best) {
		best->busy++;
		rank_locked(book, best);
		*out = best->addr;
	}
	mutex_unlock(&book->lock);
	return best != NULL;
}

void address_book_ready(struct address_book *book, const struct net_ip *ip, bool outbound, int64_t now_s,
			int64_t now_ms)
{
	struct entry *e;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (!e && !outbound && net_ip_usable(ip, book->params.network, ADDR_SOURCE_INBOUND)) {
		/* It dialled us: its port is the usual one until we learn better. */
		e = place_locked(book, ip, ADDR_SOURCE_INBOUND);
		if (e) {
			e->addr.port = book->params.default_port;
			e->usable = true;
			e->next_dial_ms = now_ms;
		}
	}
	if (e) {
		e->busy += !outbound;
		if (!outbound)
			e->turnaround = TURNAROUND_NONE; /* it was faster than our dial: welcome as it is */
		e->failures = 0;
		e->given_up = false;
		e->last_ready_s = now_s;
		e->changed = true;
		rank_locked(book, e);
	}
	mutex_unlock(&book->lock);
}

void address_book_learn_port(struct address_book *book, const struct net_ip *ip, uint16_t port)
{
	struct entry *e;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (e && port && e->source == ADDR_SOURCE_INBOUND && e->addr.port != port) {
		e->addr.port = port;
		e->changed = true;
	}
	mutex_unlock(&book->lock);
}

/* 5 s, doubling to 300 s; up to a fifth is taken off at random, so that nodes do not dial in step. */
static int64_t back_off_ms(const struct address_book_params *p, uint32_t failures, uint32_t jitter)
{
	int64_t delay = p->back_off_min_ms;

	for (uint32_t i = 1; i < failures && delay < p->back_off_max_ms; i++)
		delay *= 2;
	if (delay > p->back_off_max_ms)
		delay = p->back_off_max_ms;
	return delay - (int64_t)((uint64_t)delay / 5 * (jitter % 1024) / 1024);
}

static void failed_locked(struct address_book *book, struct entry *e, uint32_t jitter, bool our_dial, int64_t now_ms)
	REQUIRES(book->lock)
{
	const struct address_book_params *p = &book->params;
	uint32_t attempts = e->masternode ? p->give_up_after_masternode : p->give_up_after;

	e->failures++;
	e->next_dial_ms = now_ms + back_off_ms(p, e->failures, jitter);
	if (e->turnaround != TURNAROUND_NONE) {
		/* It dials us again, and stays welcome as it is. */
		e->turnaround = TURNAROUND_NONE;
		our_dial = false;
	}
	if (e->source != ADDR_SOURCE_CONFIGURED) {
		if (!our_dial && e->next_dial_ms < now_ms + p->grace_ms)
			e->next_dial_ms = now_ms + p->grace_ms;
		if (e->failures >= attempts) {
			e->given_up = true;
			e->next_dial_ms = NEVER;
			e->changed = true;
		}
	}
}

int64_t address_book_closed(struct address_book *book, const struct net_ip *ip, enum address_end end, int64_t pause_ms,
			    uint32_t jitter, int64_t now_ms)
{
	struct net_ip own;
	bool our_dial = our_turn(&own, own_ip_for(book, &own, ip), ip);
	int64_t delay = -1;
	struct entry *e;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (e) {
		if (e->busy > 0)
			e->busy--;
		e->once = false;
		switch (end) {
		case ADDRESS_END_FAILED:
			failed_locked(book, e, jitter, true, now_ms);
			break;
		case ADDRESS_END_LOST:
			e->next_dial_ms = now_ms + back_off_ms(&book->params, 1, jitter);
			if (e->source != ADDR_SOURCE_CONFIGURED && !our_dial)
				e->next_dial_ms = now_ms + book->params.grace_ms;
			break;
		case ADDRESS_END_REDUNDANT:
			if (e->turnaround == TURNAROUND_NONE && e->next_dial_ms <= now_ms)
				e->next_dial_ms = now_ms + back_off_ms(&book->params, 1, jitter);
			break;
		case ADDRESS_END_REFUSED:
			e->turnaround = TURNAROUND_NONE;
			e->next_dial_ms = now_ms + pause_ms;
			break;
		}
		rank_locked(book, e);
		if (dialable(e) && e->next_dial_ms != NEVER)
			delay = e->next_dial_ms > now_ms ? e->next_dial_ms - now_ms : 0;
	}
	mutex_unlock(&book->lock);
	return delay;
}

bool address_book_turnaround_begin(struct address_book *book, const struct net_ip *ip, int64_t now_ms)
{
	struct entry *e;
	bool begin = false;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (e && !e->own && e->usable && e->turnaround == TURNAROUND_NONE && now_ms >= e->turnaround_ok_ms) {
		e->turnaround = TURNAROUND_FIRST;
		e->turnaround_ok_ms = now_ms + book->params.turnaround_interval_ms;
		e->next_dial_ms = now_ms + book->params.turnaround_dial_ms;
		begin = true;
	}
	mutex_unlock(&book->lock);
	return begin;
}

bool address_book_turnaround_second(struct address_book *book, const struct net_ip *ip)
{
	struct entry *e;
	bool second = false;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (e && e->turnaround != TURNAROUND_NONE) {
		second = e->turnaround == TURNAROUND_FIRST;
		e->turnaround = second ? TURNAROUND_SECOND : TURNAROUND_NONE;
	}
	mutex_unlock(&book->lock);
	return second;
}

void address_book_turnaround_redial(struct address_book *book, const struct net_ip *ip, int64_t now_ms)
{
	struct entry *e;

	mutex_lock(&book->lock);
	e = find_locked(book, ip);
	if (e && e->turnaround == TURNAROUND_SECOND)
		e->next_dial_ms = now_ms;
	mutex_unlock(&book->lock);
}

size_t address_book_gossip(struct address_book *book, struct net_addr *out, size_t max, const struct net_ip *asker,
			   uint32_t random)
{
	size_t n = 0;

	mutex_lock(&book->lock);
	for (size_t i = 0; i < book->index.count && n < max; i++) {
		const struct entry *e = &book->entries[(i + random) % book->index.count];

		if (e->own || e->given_up || !e->last_ready_s || net_ip_equal(&e->addr.ip, asker) ||
		    !net_ip_usable(&e->addr.ip, book->params.network, ADDR_SOURCE_GOSSIP))
			continue;
		out[n++] = e->addr;
	}
	mutex_unlock(&book->lock);
	return n;
}

size_t address_book_size(struct address_book *book)
{
	size_t n;

	mutex_lock(&book->lock);
	n = book->index.count;
	mutex_unlock(&book->lock);
	return n;
}

size_t address_book_dialable(struct address_book *book)
{
	size_t n = 0;

	mutex_lock(&book->lock);
	for (size_t i = 0; i < book->index.count; i++)
		n += !book->entries[i].own && book->entries[i].usable && !book->entries[i].given_up;
	mutex_unlock(&book->lock);
	return n;
}

void address_record_encode(uint8_t out[ADDRESS_RECORD_SIZE], const struct address_record *record)
{
	out[0] = RECORD_VERSION;
	out[1] = (uint8_t)record->addr.port;
	out[2] = (uint8_t)(record->addr.port >> 8);
	for (int i = 0; i < 8; i++)
		out[3 + i] = (uint8_t)((uint64_t)record->last_ready_s >> (8 * i));
}

int address_record_decode(struct address_record *out, const struct net_ip *ip, const uint8_t *bytes, size_t len)
{
	uint64_t ready = 0;

	if (len != ADDRESS_RECORD_SIZE || bytes[0] != RECORD_VERSION)
		return -EINVAL;
	for (int i = 0; i < 8; i++)
		ready |= (uint64_t)bytes[3 + i] << (8 * i);
	*out = (struct address_record){
		.addr = {*ip, (uint16_t)(bytes[1] | bytes[2] << 8)},
		.last_ready_s = (int64_t)ready,
	};
	return out->addr.port ? 0 : -EINVAL;
}

void address_book_restore(struct address_book *book, const struct address_record *record, int64_t now_ms)
{
	struct entry *e;

	if (address_book_add(book, &record->addr, ADDR_SOURCE_SAVED, now_ms) != ADDRESS_ADDED)
		return;
	mutex_lock(&book->lock);
	e = find_locked(book, &record->addr.ip);
	if (e) {
		e->last_ready_s = record->last_ready_s;
		e->changed = false;
		rank_locked(book, e);
	}
	mutex_unlock(&book->lock);
}

size_t address_book_take_changed(struct address_book *book, struct address_record **out)
{
	struct address_record *records = NULL;
	size_t n = 0, changed = 0;

	mutex_lock(&book->lock);
	for (size_t i = 0; i < book->index.count; i++)
		changed += book->entries[i].changed;
	if (changed + book->gone.count > 0)
		records = calloc(changed + book->gone.count, sizeof(*records));
	/* What has come back since comes later, and so stays. */
	for (size_t i = 0; records && i < book->gone.count; i++)
		records[n++] = (struct address_record){.addr.ip = book->gone.items[i], .deleted = true};
	if (records)
		book->gone.count = 0;
	for (size_t i = 0; records && i < book->index.count; i++) {
		struct entry *e = &book->entries[i];

		if (!e->changed)
			continue;
		e->changed = false;
		records[n++] = (struct address_record){
			.addr = e->addr,
			.last_ready_s = e->last_ready_s,
			.deleted = e->own || !e->usable || e->given_up,
		};
	}
	mutex_unlock(&book->lock);
	*out = records;
	return n;
}

size_t address_book_infos(struct address_book *book, struct address_info **out)
{
	struct address_info *infos = NULL;
	size_t n = 0;

	mutex_lock(&book->lock);
	if (book->index.count > 0)
		infos = calloc(book->index.count, sizeof(*infos));
	for (; infos && n < book->index.count; n++) {
		const struct entry *e = &book->entries[n];

		infos[n] = (struct address_info){
			.addr = e->addr,
			.source = e->source,
			.busy = e->busy > 0,
			.failures = e->failures,
			.next_dial_ms = e->next_dial_ms,
			.last_ready_s = e->last_ready_s,
			.dialable = !e->own && e->usable && !e->given_up,
		};
	}
	mutex_unlock(&book->lock);
	*out = infos;
	return n;
}
