/* SPDX-License-Identifier: MIT
 *
 * The masternode registry (PROTOCOL.md §8): who is a masternode, with which key, and who of them is active.
 *
 * A masternode is its IP address, in the normalised form of net's one normalising function; the registry takes the
 * string as it is.  It becomes known by its announcement over its own connection, or, where only others have told us of
 * it (a hint), by a valid heartbeat of the key that the hint names.  It is active while it is heard: any traffic of its
 * own connection, or a new valid heartbeat.  The sweep marks it offline after `active_ms` of silence and forgets it
 * after `forget_ms`.  Our own entry is always active.  Every node of a quiet network so holds the same set.
 *
 * Pure: time comes as an argument, and nothing is logged.  What has happened is returned as events; the caller logs
 * them and writes the entry to the store (and all entries now and then and at the end, for the time last heard).
 *   `now_ms`  monotonic milliseconds: everything that is decided here is decided by these;
 *   `now_s`   Unix seconds: only in stored values, so a jump of the wall clock changes nothing while we run.
 *
 * Thread safety: none; the caller holds the `registry` lock (a leaf) around every call and while it uses an entry.
 * Memory: bounded by `limit` entries and as many hints, a few hundred bytes each.
 */
#ifndef TIMED_CONSENSUS_REGISTRY_H
#define TIMED_CONSENSUS_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/message.h"

/* An IP address as text, with its terminating zero (INET6_ADDRSTRLEN). */
#define REGISTRY_IP_SIZE 46
/* Upper bound of registry_encode(). */
#define REGISTRY_VALUE_MAX (64 + WIRE_MAX_STRING_BYTES)

enum registry_error {
	REGISTRY_E_KEY = 1, /* another key is pinned to this IP: nothing was changed, and it was not heard */
	REGISTRY_E_FULL,    /* `limit` entries are known, none of which gives way */
	REGISTRY_E_OWN,	    /* the IP is our own: only registry_set_own() changes that entry */
	REGISTRY_E_INVALID, /* an empty or overlong IP, an overlong reward address, or an unknown tier */
	REGISTRY_E_UNKNOWN, /* no such masternode, nor a hint with that key */
	REGISTRY_E_STALE,   /* registry_load: silent for longer than `forget_ms` */
};

struct registry_params {
	size_t limit;	   /* limits.masternodes: entries, and likewise hints */
	int64_t active_ms; /* silence after which an entry is offline */
	int64_t check_ms;  /* time between sweeps */
	int64_t forget_ms; /* silence after which an entry is forgotten, and the age at which a hint is */
};
/* The values of PROTOCOL.md §8: 10000, 180 s, 120 s, 1 h. */
#define REGISTRY_PARAMS_DEFAULT                                                                                        \
	{                                                                                                              \
		.limit = WIRE_MAX_MASTERNODES, .active_ms = 180000, .check_ms = 120000, .forget_ms = 3600000           \
	}

/* How a key was learnt; a stronger source replaces a weaker one, never the other way round. */
enum registry_source {
	REGISTRY_SOURCE_HEARTBEAT, /* a hint, and a valid heartbeat by the hint's key */
	REGISTRY_SOURCE_ANNOUNCED, /* announced over the IP's own connection: pinned until forgotten */
	REGISTRY_SOURCE_OWN,	   /* ourselves */
};

/* One masternode.  Owned by the registry; valid until the next call that takes a non-const registry. */
struct registry_entry {
	char ip[REGISTRY_IP_SIZE];
	struct wire_str reward_address; /* unchecked text, at most WIRE_MAX_STRING_BYTES; zero-terminated */
	enum wire_tier tier;
	struct wire_key key;
	enum registry_source source;
	bool active;	  /* as of the last sweep, or heard since */
	int64_t heard_ms; /* monotonic; meaningless for our own entry */
	/* Since this process knows it: nothing of these is stored, and of our own entry they mean nothing. */
	int64_t registered_ms; /* monotonic */
	int64_t up_since_ms;   /* when it became active last, monotonic */
	int64_t up_before_ms;  /* for how long it was active before that, all together */
};

enum registry_event_kind {
	REGISTRY_NOTHING,
	REGISTRY_REGISTERED,  /* a new masternode: store it */
	REGISTRY_UPDATED,     /* reward address, tier, or a hinted key changed: store it */
	REGISTRY_BACK_ONLINE, /* was offline and has been heard; may be changed too: store it */
	REGISTRY_OFFLINE,     /* silent for longer than active_ms */
	REGISTRY_FORGOTTEN,   /* silent for longer than forget_ms: remove it from the store */
};

struct registry_event {
	enum registry_event_kind kind;
	char ip[REGISTRY_IP_SIZE];
	enum registry_source source;
	size_t known;	    /* entries after the event */
	size_t active;	    /* active entries after the event */
	int64_t silence_ms; /* OFFLINE, FORGOTTEN, BACK_ONLINE: how long it had not been heard */
	char replaced[REGISTRY_IP_SIZE]; /* REGISTERED: who was forgotten to make room; empty: nobody */
};

struct registry;

/* `now_ms`: the first sweep is due check_ms later.  0 or -ENOMEM. */
int registry_new(struct registry **out, const struct registry_params *params, int64_t now_ms)
	__attribute__((warn_unused_result));
void registry_free(struct registry *registry);

/* An announcement about `ip` over the connection of `ip` itself (its `address` field is ignored, as everywhere).
 * Registers it, or counts as heard and takes over a changed reward address or tier.  When it is full, the one that was
 * only proved (REGISTRY_SOURCE_HEARTBEAT) and has been silent for longest gives way: proofs cost nobody a connection.
 * 0, -ENOMEM, REGISTRY_E_KEY, _FULL, _OWN or _INVALID.  After REGISTRY_E_KEY the connection is not the masternode's
 * own: the caller no longer calls registry_heard() for it, so that the old key can be forgotten. */
int registry_announce(struct registry *registry, struct registry_event *event, const char *ip,
		      const struct wire_masternode *announced, int64_t now_ms) __attribute__((warn_unused_result));

/* Any traffic of the own connection of `ip`: a no-op (REGISTRY_NOTHING) unless it is a masternode.  The event is
 * REGISTRY_BACK_ONLINE when it was offline.  A binary search: cheap, but a caller may well hear once a second. */
void registry_heard(struct registry *registry, struct registry_event *event, const char *ip, int64_t now_ms);

/* What somebody else says about `ip`: an entry of MasternodesResponse, or an announcement about a third one.  Kept as a
 * hint, the latest for each IP, and never a masternode by itself; ignored where the key of `ip` is known.  When there
 * are too many, the oldest gives way.  0, -ENOMEM, REGISTRY_E_OWN or _INVALID. */
int registry_hint(struct registry *registry, const char *ip, const struct wire_masternode *hinted, int64_t now_ms)
	__attribute__((warn_unused_result));

/* Whether a hint about `ip` names this key, so that registry_prove() may make a masternode of it. */
bool registry_is_hinted(const struct registry *registry, const char *ip, const struct wire_key *key);
/* The caller has verified a new heartbeat of `ip` by `key`: it counts as heard, and a hint that names the key becomes a
 * masternode.  0 and the event; -ENOMEM; REGISTRY_E_KEY: another key is known; REGISTRY_E_UNKNOWN; _FULL; _OWN. */
int registry_prove(struct registry *registry, struct registry_event *event, const char *ip, const struct wire_key *key,
		   int64_t now_ms) __attribute__((warn_unused_result));

/* Masternode mode: makes `ip` our own entry, in the place of an earlier own one and of whatever was known about `ip`.
 * 0, -ENOMEM or REGISTRY_E_INVALID.  REGISTRY_REGISTERED or _UPDATED, or nothing when nothing has changed. */
int registry_set_own(struct registry *registry, struct registry_event *event, const char *ip,
		     const struct wire_masternode *own) __attribute__((warn_unused_result));
/* Masternode mode off: removes our own entry. */
void registry_clear_own(struct registry *registry);
/* NULL unless masternode mode is on. */
const struct registry_entry *registry_own(const struct registry *registry);

/* For how long it has been active since it is known. */
int64_t registry_uptime_ms(const struct registry_entry *entry, int64_t now_ms);

/* Monotonic time of the next sweep. */
int64_t registry_sweep_due_ms(const struct registry *registry);
/* Marks and forgets, in address order; call it when due.  Returns how many `events` it wrote; when that is `max` there
 * may be more: call again at once. */
size_t registry_sweep(struct registry *registry, struct registry_event *events, size_t max, int64_t now_ms)
	__attribute__((warn_unused_result));

size_t registry_known(const struct registry *registry);
size_t registry_active(const struct registry *registry);
size_t registry_hints(const struct registry *registry);
/* Entries in address order (bytes of the string, the order of PROTOCOL.md §9): 0 <= index < registry_known(). */
const struct registry_entry *registry_at(const struct registry *registry, size_t index);
/* NULL when `ip` is no masternode. */
const struct registry_entry *registry_find(const struct registry *registry, const char *ip);

/* The stored value of an entry, to be kept under its IP: version, key, tier, reward address and the time it was last
 * heard.  Returns the bytes written, at most REGISTRY_VALUE_MAX.  Our own entry is not stored. */
size_t registry_encode(uint8_t out[REGISTRY_VALUE_MAX], const struct registry_entry *entry, int64_t now_ms,
		       int64_t now_s) __attribute__((warn_unused_result));
/* Takes in a stored value.  An entry that was heard in the last active_ms is active at once; one that is already known
 * is left alone.  A time in the future counts as now.  0, -ENOMEM, REGISTRY_E_STALE (remove it from the store), _FULL,
 * _OWN, or _INVALID: damaged, or of a version that we do not know. */
int registry_load(struct registry *registry, const char *ip, size_t ip_len, const uint8_t *value, size_t value_len,
		  int64_t now_ms, int64_t now_s) __attribute__((warn_unused_result));

#endif
