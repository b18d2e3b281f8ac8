/* SPDX-License-Identifier: MIT
 *
 * Violations and bans; see ban_list.h.  Records stand in one array; an index finds them by IP, and says which one goes
 * when the array is full.
 */
#include "timed/net/ban_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip_index.h"
#include "ip_list.h"
#include "timed/net/rate_limit.h"
#include "timed/util/thread.h"

#define RECORD_VERSION 2
/* Without created_s. */
#define RECORD_1_SIZE 22

struct entry {
	struct ban_record record;
	struct token_bucket connects; /* how often it may connect */
	bool changed;		      /* not handed over to the store yet */
	bool stored;		      /* the store has a record of it */
};

struct ban_list {
	struct mutex lock;	  /* guards all below */
	struct entry *entries;	  /* as many as the index has places, of capacity */
	size_t capacity;
	struct ip_index index;	  /* where they stand, and which one goes first */
	struct ip_list gone;	  /* evicted while the store has them: to be deleted there */
	struct ban_params params; /* immutable */
};

int ban_list_create(struct ban_list **out, const struct ban_params *params)
{
	struct ban_list *list = calloc(1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list->params = *params;
	ip_index_init(&list->index);
	mutex_init(&list->lock, "bans", MUTEX_RANK_LEAF);
	*out = list;
	return 0;
}

void ban_list_free(struct ban_list *list)
{
	if (!list)
		return;
	mutex_destroy(&list->lock);
	ip_index_free(&list->index);
	free(list->entries);
	free(list->gone.items);
	free(list);
}

/* Without violations, with some, banned: in this order they go, and the one used longest ago first. */
static uint32_t rank_of(const struct ban_record *r)
{
	if (r->level != BAN_NONE)
		return 2;
	return r->violations > 0;
}

/* It was used, or is worth another rank now. */
static void rank_locked(struct ban_list *list, const struct entry *e) REQUIRES(list->lock)
{
	ip_index_rank(&list->index, (uint32_t)(e - list->entries), rank_of(&e->record));
}

static struct entry *find_locked(struct ban_list *list, const struct net_ip *ip) REQUIRES(list->lock)
{
	uint32_t place = ip_index_find(&list->index, ip);

	if (place == IP_INDEX_NONE)
		return NULL;
	rank_locked(list, &list->entries[place]);
	return &list->entries[place];
}

static struct entry *append_locked(struct ban_list *list, const struct net_ip *ip) REQUIRES(list->lock)
{
	size_t count = list->index.count;

	if (count == list->params.max_records)
		return NULL;
	if (count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct entry *grown;

		if (capacity > list->params.max_records)
			capacity = list->params.max_records;
		grown = realloc(list->entries, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		list->entries = grown;
		list->capacity = capacity;
	}
	return ip_index_add(&list->index, ip) ? &list->entries[count] : NULL;
}

/* The place of the record that is missed least. */
static struct entry *replace_locked(struct ban_list *list, const struct net_ip *ip) REQUIRES(list->lock)
{
	uint32_t place = ip_index_victim(&list->index);
	struct entry *e;

	if (place == IP_INDEX_NONE)
		return NULL;
	e = &list->entries[place];
	if (e->stored)
		ip_list_add(&list->gone, &e->record.ip);
	ip_index_replace(&list->index, place, ip);
	return e;
}

/* Finds or makes the record; NULL when out of memory. */
static struct entry *get_locked(struct ban_list *list, const struct net_ip *ip) REQUIRES(list->lock)
{
	struct entry *e = find_locked(list, ip);

	if (e)
		return e;
	e = append_locked(list, ip);
	if (!e)
		e = replace_locked(list, ip);
	if (!e)
		return NULL;
	*e = (struct entry){.record.ip = *ip};
	rank_locked(list, e);
	return e;
}

/* Ends a ban that is over and forgets violations after the quiet time, which begins when the ban ends. */
static void age_locked(struct ban_list *list, struct entry *e, int64_t now_s) REQUIRES(list->lock)
{
	struct ban_record *r = &e->record;
	uint32_t rank = rank_of(r);
	int64_t quiet_since = r->last_violation_s;

	if (r->until_s > quiet_since && r->until_s != INT64_MAX)
		quiet_since = r->until_s;
	if (r->level != BAN_NONE && now_s >= r->until_s) {
		r->level = BAN_NONE;
		e->changed = true;
	}
	if (r->level == BAN_NONE && r->violations > 0 && now_s - quiet_since >= list->params.reset_ms / 1000) {
		r->violations = 0;
		r->until_s = 0;
		e->changed = true;
	}
	if (rank_of(r) != rank)
		rank_locked(list, e);
}

/* Never shortens a ban that is in force. */
static void ban(struct ban_record *r, enum ban_level level, int64_t until_s, int64_t now_s)
{
	if (r->level == BAN_NONE || until_s > r->until_s) {
		if (r->level == BAN_NONE)
			r->created_s = now_s;
		r->level = level;
		r->until_s = until_s;
	}
}

enum ban_level ban_list_violation(struct ban_list *list, uint32_t *count, const struct net_ip *ip, int64_t now_s)
{
	const struct ban_params *p = &list->params;
	enum ban_level level = BAN_NONE;
	struct entry *e;

	mutex_lock(&list->lock);
	e = get_locked(list, ip);
	*count = 0;
	if (e) {
		age_locked(list, e, now_s);
		*count = ++e->record.violations;
		e->record.last_violation_s = now_s;
		e->changed = true;
		if (e->record.level == BAN_MANUAL)
			level = BAN_NONE;
		else if (*count >= p->permanent_at)
			level = BAN_PERMANENT;
		else if (*count == p->long_at)
			level = BAN_LONG;
		else if (*count == p->short_at)
			level = BAN_SHORT;
		if (level == BAN_PERMANENT)
			ban(&e->record, level, INT64_MAX, now_s);
		else if (level != BAN_NONE)
			ban(&e->record, level, now_s + (level == BAN_LONG ? p->long_ms : p->short_ms) / 1000, now_s);
		rank_locked(list, e);
	}
	mutex_unlock(&list->lock);
	return level;
}

bool ban_list_is_banned(struct ban_list *list, const struct net_ip *ip, int64_t now_s)
{
	bool banned = false;
	struct entry *e;

	mutex_lock(&list->lock);
	e = find_locked(list, ip);
	if (e) {
		age_locked(list, e, now_s);
		banned = e->record.level != BAN_NONE;
	}
	mutex_unlock(&list->lock);
	return banned;
}

uint32_t ban_list_violations(struct ban_list *list, const struct net_ip *ip, int64_t now_s)
{
	uint32_t violations = 0;
	struct entry *e;

	mutex_lock(&list->lock);
	e = find_locked(list, ip);
	if (e) {
		age_locked(list, e, now_s);
		violations = e->record.violations;
	}
	mutex_unlock(&list->lock);
	return violations;
}

bool ban_list_allow_connect(struct ban_list *list, const struct net_ip *ip, int64_t now_ms)
{
	uint32_t rate = list->params.connects_per_minute;
	bool allowed = true;
	struct entry *e;

	mutex_lock(&list->lock);
	e = get_locked(list, ip);
	if (e)
		allowed = token_bucket_take(&e->connects, rate, rate, now_ms);
	mutex_unlock(&list->lock);
	return allowed;
}

int ban_list_set(struct ban_list *list, const struct net_ip *ip, int64_t until_s, int64_t now_s)
{
	struct entry *e;
	int r = -ENOMEM;

	mutex_lock(&list->lock);
	e = get_locked(list, ip);
	if (e) {
		age_locked(list, e, now_s);
		r = e->record.level == BAN_MANUAL ? BAN_E_EXISTS : 0;
	}
	if (!r) {
		e->record.level = BAN_MANUAL;
		e->record.until_s = until_s;
		e->record.created_s = now_s;
		e->changed = true;
		rank_locked(list, e);
		age_locked(list, e, now_s);
	}
	mutex_unlock(&list->lock);
	return r;
}

static void lift_locked(struct ban_list *list, struct entry *e) REQUIRES(list->lock)
{
	e->record.level = BAN_NONE;
	e->record.until_s = 0;
	e->record.violations = 0;
	e->changed = true;
	rank_locked(list, e);
}

bool ban_list_lift(struct ban_list *list, const struct net_ip *ip)
{
	bool was = false;
	struct entry *e;

	mutex_lock(&list->lock);
	e = find_locked(list, ip);
	if (e) {
		was = e->record.level != BAN_NONE;
		lift_locked(list, e);
	}
	mutex_unlock(&list->lock);
	return was;
}

size_t ban_list_clear(struct ban_list *list, int64_t now_s)
{
	size_t n = 0;

	mutex_lock(&list->lock);
	for (size_t i = 0; i < list->index.count; i++) {
		age_locked(list, &list->entries[i], now_s);
		if (list->entries[i].record.level == BAN_NONE)
			continue;
		lift_locked(list, &list->entries[i]);
		n++;
	}
	mutex_unlock(&list->lock);
	return n;
}

size_t ban_list_in_force(struct ban_list *list, struct ban_record **out, int64_t now_s)
{
	struct ban_record *records = NULL;
	size_t n = 0, count = 0;

	mutex_lock(&list->lock);
	for (size_t i = 0; i < list->index.count; i++) {
		age_locked(list, &list->entries[i], now_s);
		count += list->entries[i].record.level != BAN_NONE;
	}
	if (count > 0)
		records = calloc(count, sizeof(*records));
	for (size_t i = 0; records && i < list->index.count; i++) {
		if (list->entries[i].record.level != BAN_NONE)
			records[n++] = list->entries[i].record;
	}
	mutex_unlock(&list->lock);
	*out = records;
	return n;
}

static void put_le64(uint8_t *out, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le64(const uint8_t *in)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t)in[i] << (8 * i);
	return v;
}

void ban_record_encode(uint8_t out[BAN_RECORD_SIZE], const struct ban_record *record)
{
	out[0] = RECORD_VERSION;
	out[1] = (uint8_t)record->level;
	for (int i = 0; i < 4; i++)
		out[2 + i] = (uint8_t)(record->violations >> (8 * i));
	put_le64(out + 6, (uint64_t)record->until_s);
	put_le64(out + 14, (uint64_t)record->last_violation_s);
	put_le64(out + 22, (uint64_t)record->created_s);
}

int ban_record_decode(struct ban_record *out, const struct net_ip *ip, const uint8_t *bytes, size_t len)
{
	if (len == 0 || len != (bytes[0] == 1 ? RECORD_1_SIZE : BAN_RECORD_SIZE))
		return -EINVAL;
	if (bytes[0] < 1 || bytes[0] > RECORD_VERSION || bytes[1] > BAN_MANUAL)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->ip = *ip;
	out->level = (enum ban_level)bytes[1];
	for (int i = 0; i < 4; i++)
		out->violations |= (uint32_t)bytes[2 + i] << (8 * i);
	out->until_s = (int64_t)get_le64(bytes + 6);
	out->last_violation_s = (int64_t)get_le64(bytes + 14);
	out->created_s = bytes[0] == 1 ? out->last_violation_s : (int64_t)get_le64(bytes + 22);
	return out->until_s < 0 || out->last_violation_s < 0 || out->created_s < 0 ? -EINVAL : 0;
}

void ban_list_restore(struct ban_list *list, const struct ban_record *record, int64_t now_s)
{
	struct entry *e;

	mutex_lock(&list->lock);
	e = get_locked(list, &record->ip);
	if (e) {
		e->record = *record;
		e->stored = true;
		rank_locked(list, e);
		age_locked(list, e, now_s);
	}
	mutex_unlock(&list->lock);
}

size_t ban_list_take_changed(struct ban_list *list, struct ban_record **out, int64_t now_s)
{
	struct ban_record *records = NULL;
	size_t n = 0, changed = 0;

	*out = NULL;
	mutex_lock(&list->lock);
	for (size_t i = 0; i < list->index.count; i++) {
		age_locked(list, &list->entries[i], now_s);
		changed += list->entries[i].changed;
	}
	if (changed + list->gone.count > 0)
		records = calloc(changed + list->gone.count, sizeof(*records));
	/* What has come back since comes later, and so stays. */
	for (size_t i = 0; records && i < list->gone.count; i++)
		records[n++].ip = list->gone.items[i];
	if (records)
		list->gone.count = 0;
	for (size_t i = 0; records && i < list->index.count; i++) {
		struct entry *e = &list->entries[i];

		if (!e->changed)
			continue;
		records[n++] = e->record;
		e->stored = e->record.level != BAN_NONE || e->record.violations > 0;
		e->changed = false;
	}
	mutex_unlock(&list->lock);
	*out = records;
	return n;
}

size_t ban_list_count(struct ban_list *list, int64_t now_s)
{
	size_t n = 0;

	mutex_lock(&list->lock);
	for (size_t i = 0; i < list->index.count; i++) {
		age_locked(list, &list->entries[i], now_s);
		n += list->entries[i].record.level != BAN_NONE;
	}
	mutex_unlock(&list->lock);
	return n;
}
