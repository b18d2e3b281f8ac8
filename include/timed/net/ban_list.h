/* SPDX-License-Identifier: MIT
 *
 * Violations and bans per IP (PROTOCOL.md §4): the 3rd violation bans for 5 minutes, the 5th for an hour, the 10th for
 * good; an hour without one resets the count, and time spent banned does not count towards that hour.  Also limits how
 * often one IP may connect.
 *
 * Ban ends are kept in Unix time, so that they survive a restart; `now_s` is Unix time, `now_ms` monotonic.
 *
 * Thread safety: has its own leaf lock.
 */
#ifndef TIMED_NET_BAN_LIST_H
#define TIMED_NET_BAN_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/net/ip.h"

struct ban_list;

struct ban_params {
	uint32_t short_at, long_at, permanent_at; /* violations: 3, 5, 10 */
	int64_t short_ms, long_ms;		  /* 5 minutes, 1 hour */
	int64_t reset_ms;			  /* 1 hour without a violation forgets them */
	uint32_t connects_per_minute;		  /* accepted of one IP; burst the same */
	size_t max_records;			  /* IPs remembered; banned ones are the last to go */
};

enum ban_level {
	BAN_NONE,
	BAN_SHORT,
	BAN_LONG,
	BAN_PERMANENT,
	BAN_MANUAL, /* the operator's: while it is in force violations neither lengthen nor shorten it */
};

enum ban_error {
	BAN_E_EXISTS = 1, /* the operator has banned it already */
};

struct ban_record {
	struct net_ip ip;
	uint32_t violations;
	enum ban_level level;	     /* of the ban in force, else BAN_NONE */
	int64_t until_s;	     /* end of the ban in Unix time; INT64_MAX: for good */
	int64_t last_violation_s;    /* Unix time */
	int64_t created_s;	     /* Unix time at which the ban in force, or the last one, began */
};

int ban_list_create(struct ban_list **out, const struct ban_params *params) __attribute__((warn_unused_result));
void ban_list_free(struct ban_list *list);

/* Counts a violation; *count is the new number.  Returns the ban that it caused (BAN_NONE: none). */
enum ban_level ban_list_violation(struct ban_list *list, uint32_t *count, const struct net_ip *ip, int64_t now_s);
bool ban_list_is_banned(struct ban_list *list, const struct net_ip *ip, int64_t now_s);
uint32_t ban_list_violations(struct ban_list *list, const struct net_ip *ip, int64_t now_s);
/* False: this IP connects too often. */
bool ban_list_allow_connect(struct ban_list *list, const struct net_ip *ip, int64_t now_ms);

/* Operator: a ban until `until_s`, in the place of an automatic one if there is.  0, BAN_E_EXISTS or -ENOMEM. */
int ban_list_set(struct ban_list *list, const struct net_ip *ip, int64_t until_s, int64_t now_s)
	__attribute__((warn_unused_result));
/* Operator: ends a ban, whoever made it, and forgets the violations.  False: there was none. */
bool ban_list_lift(struct ban_list *list, const struct net_ip *ip);
/* The same for all of them; returns how many there were. */
size_t ban_list_clear(struct ban_list *list, int64_t now_s);
/* The bans in force.  *out is malloc'ed (NULL when 0, or out of memory); free() it. */
size_t ban_list_in_force(struct ban_list *list, struct ban_record **out, int64_t now_s);

/* Persistence: a record as bytes, and back; those of the first version, without created_s, are read too.  0, or -EINVAL
 * for bytes that are not one. */
#define BAN_RECORD_SIZE 30
void ban_record_encode(uint8_t out[BAN_RECORD_SIZE], const struct ban_record *record);
int ban_record_decode(struct ban_record *out, const struct net_ip *ip, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));
void ban_list_restore(struct ban_list *list, const struct ban_record *record, int64_t now_s);
/* Hands over the records changed since the last call (level BAN_NONE and 0 violations: to be deleted).  *out is
 * malloc'ed; free() it.  Returns how many; on want of memory 0, and they stay changed. */
size_t ban_list_take_changed(struct ban_list *list, struct ban_record **out, int64_t now_s);
/* Bans in force. */
size_t ban_list_count(struct ban_list *list, int64_t now_s);

#endif
