// SPDX-License-Identifier: MIT
/* consensus/registry: learning, pinning, activity, forgetting, hints, our own entry, storing.  Time is an argument. */
#include "run_suite.h"
#include "timed/consensus/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static struct registry *registry;
static struct registry_event event;
static int64_t now; /* monotonic */

static const struct registry_params defaults = REGISTRY_PARAMS_DEFAULT;

static void setup(void)
{
	now = 5 * MINUTE;
	ck_assert_int_eq(registry_new(&registry, &defaults, now), 0);
}

static void teardown(void)
{
	registry_free(registry);
}

/* With a key of 32 times `key`, a Free masternode. */
static struct wire_masternode masternode(uint8_t key, const char *reward)
{
	struct wire_masternode m = {.reward_address = {reward, strlen(reward)}, .tier = WIRE_TIER_FREE};

	memset(m.public_key.bytes, key, sizeof(m.public_key.bytes));
	return m;
}

static int announce(const char *ip, uint8_t key)
{
	struct wire_masternode m = masternode(key, "TIME0reward");

	return registry_announce(registry, &event, ip, &m, now);
}

static int hint(const char *ip, uint8_t key)
{
	struct wire_masternode m = masternode(key, "TIME0hinted");

	return registry_hint(registry, ip, &m, now);
}

static int prove(const char *ip, uint8_t key)
{
	struct wire_masternode m = masternode(key, "");

	return registry_prove(registry, &event, ip, &m.public_key, now);
}

static bool is_hinted(const char *ip, uint8_t key)
{
	struct wire_masternode m = masternode(key, "");

	return registry_is_hinted(registry, ip, &m.public_key);
}

static void heard(const char *ip)
{
	registry_heard(registry, &event, ip, now);
}

static void set_own(const char *ip, uint8_t key)
{
	struct wire_masternode m = masternode(key, "TIME0own");

	ck_assert_int_eq(registry_set_own(registry, &event, ip, &m), 0);
}

/* One event at most is expected; returns its kind. */
static enum registry_event_kind sweep(void)
{
	struct registry_event events[2];
	size_t count = registry_sweep(registry, events, 2, now);

	ck_assert_uint_lt(count, 2);
	if (count == 0)
		return REGISTRY_NOTHING;
	event = events[0];
	return event.kind;
}

START_TEST(announce_registers)
{
	const struct registry_entry *entry;

	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(event.kind, REGISTRY_REGISTERED);
	ck_assert_str_eq(event.ip, "10.0.0.1");
	ck_assert_uint_eq(event.known, 1);
	ck_assert_uint_eq(event.active, 1);
	entry = registry_find(registry, "10.0.0.1");
	ck_assert_ptr_nonnull(entry);
	ck_assert_str_eq(entry->reward_address.ptr, "TIME0reward");
	ck_assert_int_eq(entry->source, REGISTRY_SOURCE_ANNOUNCED);
	ck_assert_int_eq(entry->key.bytes[31], 1);
	ck_assert(entry->active);
	ck_assert_ptr_null(registry_find(registry, "10.0.0.2"));
}
END_TEST

START_TEST(announce_again_counts_as_heard)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += MINUTE;
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->heard_ms, now);
	ck_assert_uint_eq(registry_known(registry), 1);
}
END_TEST

START_TEST(announce_with_another_key_is_refused_until_forgotten)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += MINUTE;
	ck_assert_int_eq(announce("10.0.0.1", 2), REGISTRY_E_KEY);
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->key.bytes[0], 1);
	/* nor was it heard by that */
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->heard_ms, now - MINUTE);
	now += HOUR;
	ck_assert_int_eq(sweep(), REGISTRY_FORGOTTEN);
	ck_assert_int_eq(announce("10.0.0.1", 2), 0);
	ck_assert_int_eq(event.kind, REGISTRY_REGISTERED);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->key.bytes[0], 2);
}
END_TEST

START_TEST(announce_takes_over_tier_and_reward_address)
{
	struct wire_masternode m = masternode(1, "TIME0elsewhere, and longer than before");

	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	m.tier = WIRE_TIER_GOLD;
	ck_assert_int_eq(registry_announce(registry, &event, "10.0.0.1", &m, now), 0);
	ck_assert_int_eq(event.kind, REGISTRY_UPDATED);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->tier, WIRE_TIER_GOLD);
	ck_assert_str_eq(registry_find(registry, "10.0.0.1")->reward_address.ptr, m.reward_address.ptr);
	ck_assert_uint_eq(registry_known(registry), 1);
	ck_assert_uint_eq(registry_active(registry), 1);
}
END_TEST

START_TEST(announce_refuses_what_cannot_be)
{
	static char longest[WIRE_MAX_STRING_BYTES + 2];
	struct wire_masternode m;

	memset(longest, 'x', sizeof(longest) - 1);
	ck_assert_int_eq(announce("", 1), REGISTRY_E_INVALID);
	ck_assert_int_eq(announce("1234567890123456789012345678901234567890123456", 1), REGISTRY_E_INVALID);
	m = masternode(1, longest);
	ck_assert_int_eq(registry_announce(registry, &event, "10.0.0.1", &m, now), REGISTRY_E_INVALID);
	m = masternode(1, "");
	m.tier = WIRE_TIER_COUNT;
	ck_assert_int_eq(registry_announce(registry, &event, "10.0.0.1", &m, now), REGISTRY_E_INVALID);
	ck_assert_uint_eq(registry_known(registry), 0);
	/* unchecked text: an empty reward address and one of the longest are taken */
	m.tier = WIRE_TIER_FREE;
	ck_assert_int_eq(registry_announce(registry, &event, "10.0.0.1", &m, now), 0);
	longest[WIRE_MAX_STRING_BYTES] = '\0';
	m = masternode(1, longest);
	ck_assert_int_eq(registry_announce(registry, &event, "10.0.0.1", &m, now), 0);
}
END_TEST

START_TEST(silence_marks_offline_then_forgets)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += 180 * SECOND;
	ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	now += 1;
	ck_assert_int_eq(sweep(), REGISTRY_OFFLINE);
	ck_assert_str_eq(event.ip, "10.0.0.1");
	ck_assert_int_eq(event.source, REGISTRY_SOURCE_ANNOUNCED);
	ck_assert_int_eq(event.silence_ms, 180001);
	ck_assert_uint_eq(event.known, 1);
	ck_assert_uint_eq(event.active, 0);
	ck_assert(!registry_find(registry, "10.0.0.1")->active);
	/* said once */
	ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	now += HOUR - 180 * SECOND - 1;
	ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	now += 1;
	ck_assert_int_eq(sweep(), REGISTRY_FORGOTTEN);
	ck_assert_uint_eq(event.known, 0);
	ck_assert_int_eq(event.silence_ms, HOUR + 1);
	ck_assert_uint_eq(registry_known(registry), 0);
	ck_assert_uint_eq(registry_active(registry), 0);
}
END_TEST

START_TEST(a_very_late_sweep_forgets_at_once)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += 2 * HOUR;
	ck_assert_int_eq(sweep(), REGISTRY_FORGOTTEN);
	ck_assert_uint_eq(event.active, 0);
}
END_TEST

START_TEST(heard_keeps_active_and_brings_back)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += 3 * MINUTE;
	heard("10.0.0.1");
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
	now += 3 * MINUTE;
	ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	now += 1;
	ck_assert_int_eq(sweep(), REGISTRY_OFFLINE);
	now += MINUTE;
	heard("10.0.0.1");
	ck_assert_int_eq(event.kind, REGISTRY_BACK_ONLINE);
	ck_assert_int_eq(event.silence_ms, 4 * MINUTE + 1);
	ck_assert_uint_eq(event.active, 1);
	heard("10.0.0.1");
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
}
END_TEST

/* What is told of it: up to when it was heard last, and again from when it was back. */
START_TEST(uptime_counts_while_active)
{
	struct wire_masternode m = masternode(1, "TIME0reward");
	const struct registry_entry *entry;
	int64_t begin = now;

	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += 3 * MINUTE;
	heard("10.0.0.1");
	entry = registry_find(registry, "10.0.0.1");
	ck_assert_int_eq(registry_uptime_ms(entry, now + 7), 3 * MINUTE + 7);
	now += 4 * MINUTE;
	ck_assert_int_eq(sweep(), REGISTRY_OFFLINE);
	ck_assert_int_eq(registry_uptime_ms(entry, now), 3 * MINUTE);
	heard("10.0.0.1");
	now += MINUTE;
	ck_assert_int_eq(registry_uptime_ms(entry, now), 4 * MINUTE);
	ck_assert_int_eq(entry->registered_ms, begin);
	ck_assert_int_eq(entry->up_since_ms, now - MINUTE);
	/* Another tier is the same masternode. */
	m.tier = WIRE_TIER_GOLD;
	ck_assert_int_eq(registry_announce(registry, &event, "10.0.0.1", &m, now), 0);
	ck_assert_int_eq(event.kind, REGISTRY_UPDATED);
	entry = registry_find(registry, "10.0.0.1");
	ck_assert_int_eq(registry_uptime_ms(entry, now), 4 * MINUTE);
	ck_assert_int_eq(entry->registered_ms, begin);
}
END_TEST

START_TEST(announcement_brings_back)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += 4 * MINUTE;
	ck_assert_int_eq(sweep(), REGISTRY_OFFLINE);
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(event.kind, REGISTRY_BACK_ONLINE);
	ck_assert_uint_eq(registry_active(registry), 1);
}
END_TEST

START_TEST(heard_of_a_stranger_changes_nothing)
{
	heard("10.0.0.9");
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
	ck_assert_uint_eq(registry_known(registry), 0);
}
END_TEST

START_TEST(hint_is_no_masternode)
{
	ck_assert_int_eq(hint("10.0.0.1", 1), 0);
	heard("10.0.0.1");
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
	ck_assert_uint_eq(registry_known(registry), 0);
	ck_assert_uint_eq(registry_hints(registry), 1);
	ck_assert_ptr_null(registry_find(registry, "10.0.0.1"));
}
END_TEST

START_TEST(hint_becomes_a_masternode_by_its_own_key_only)
{
	ck_assert_int_eq(hint("10.0.0.1", 1), 0);
	ck_assert_int_eq(prove("10.0.0.1", 2), REGISTRY_E_UNKNOWN);
	ck_assert_int_eq(prove("10.0.0.2", 1), REGISTRY_E_UNKNOWN);
	ck_assert(is_hinted("10.0.0.1", 1));
	ck_assert(!is_hinted("10.0.0.1", 2));
	ck_assert(!is_hinted("10.0.0.2", 1));
	ck_assert_int_eq(prove("10.0.0.1", 1), 0);
	ck_assert(!is_hinted("10.0.0.1", 1));
	ck_assert_int_eq(event.kind, REGISTRY_REGISTERED);
	ck_assert_uint_eq(registry_hints(registry), 0);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->source, REGISTRY_SOURCE_HEARTBEAT);
	ck_assert_int_eq(event.source, REGISTRY_SOURCE_HEARTBEAT);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->heard_ms, now);
	ck_assert(registry_find(registry, "10.0.0.1")->active);
}
END_TEST

START_TEST(latest_hint_counts)
{
	ck_assert_int_eq(hint("10.0.0.1", 1), 0);
	ck_assert_int_eq(hint("10.0.0.1", 2), 0);
	ck_assert_uint_eq(registry_hints(registry), 1);
	ck_assert_int_eq(prove("10.0.0.1", 1), REGISTRY_E_UNKNOWN);
	ck_assert_int_eq(prove("10.0.0.1", 2), 0);
}
END_TEST

START_TEST(hint_never_replaces_a_key)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(hint("10.0.0.1", 2), 0);
	ck_assert_uint_eq(registry_hints(registry), 0);
	ck_assert_int_eq(prove("10.0.0.1", 2), REGISTRY_E_KEY);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->key.bytes[0], 1);
	/* nor one that was learnt by a heartbeat */
	ck_assert_int_eq(hint("10.0.0.2", 3), 0);
	ck_assert_int_eq(prove("10.0.0.2", 3), 0);
	ck_assert_int_eq(hint("10.0.0.2", 4), 0);
	ck_assert_int_eq(prove("10.0.0.2", 4), REGISTRY_E_KEY);
}
END_TEST

START_TEST(own_announcement_replaces_a_hinted_key)
{
	ck_assert_int_eq(hint("10.0.0.1", 9), 0);
	ck_assert_int_eq(prove("10.0.0.1", 9), 0);
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(event.kind, REGISTRY_UPDATED);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->key.bytes[0], 1);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->source, REGISTRY_SOURCE_ANNOUNCED);
	/* from now on it is pinned */
	ck_assert_int_eq(announce("10.0.0.1", 9), REGISTRY_E_KEY);
	ck_assert_uint_eq(registry_known(registry), 1);
}
END_TEST

START_TEST(announcement_removes_the_hint)
{
	ck_assert_int_eq(hint("10.0.0.1", 9), 0);
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_uint_eq(registry_hints(registry), 0);
}
END_TEST

START_TEST(heartbeats_keep_active)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	for (int i = 0; i < 100; i++) {
		now += MINUTE;
		ck_assert_int_eq(prove("10.0.0.1", 1), 0);
		ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	}
	now += 4 * MINUTE;
	ck_assert_int_eq(sweep(), REGISTRY_OFFLINE);
	ck_assert_int_eq(prove("10.0.0.1", 1), 0);
	ck_assert_int_eq(event.kind, REGISTRY_BACK_ONLINE);
}
END_TEST

START_TEST(hints_expire_unless_repeated)
{
	ck_assert_int_eq(hint("10.0.0.1", 1), 0);
	ck_assert_int_eq(hint("10.0.0.2", 2), 0);
	now += HOUR;
	ck_assert_int_eq(hint("10.0.0.2", 2), 0);
	ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	ck_assert_uint_eq(registry_hints(registry), 2);
	now += 1;
	ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	ck_assert_uint_eq(registry_hints(registry), 1);
	ck_assert_int_eq(prove("10.0.0.1", 1), REGISTRY_E_UNKNOWN);
	ck_assert_int_eq(prove("10.0.0.2", 2), 0);
}
END_TEST

START_TEST(limits_hold)
{
	struct registry_params params = defaults;
	struct wire_masternode m = masternode(1, "r");

	registry_free(registry);
	params.limit = 3;
	ck_assert_int_eq(registry_new(&registry, &params, now), 0);
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(announce("10.0.0.2", 1), 0);
	ck_assert_int_eq(announce("10.0.0.3", 1), 0);
	ck_assert_int_eq(announce("10.0.0.4", 1), REGISTRY_E_FULL);
	ck_assert_int_eq(announce("10.0.0.3", 1), 0);
	ck_assert_int_eq(hint("10.0.1.1", 1), 0);
	ck_assert_int_eq(hint("10.0.1.2", 1), 0);
	ck_assert_int_eq(hint("10.0.1.3", 1), 0);
	now++;
	ck_assert_int_eq(hint("10.0.1.1", 2), 0);
	ck_assert_int_eq(prove("10.0.1.1", 2), REGISTRY_E_FULL);
	ck_assert_uint_eq(registry_hints(registry), 3);
	ck_assert_uint_eq(registry_known(registry), 3);
	/* we ourselves always find room */
	ck_assert_int_eq(registry_set_own(registry, &event, "10.0.0.9", &m), 0);
	ck_assert_uint_eq(registry_known(registry), 4);
}
END_TEST

/* Whoever tells of thousands that do not exist does not keep out those that do. */
START_TEST(oldest_hint_gives_way)
{
	struct registry_params params = defaults;

	registry_free(registry);
	params.limit = 3;
	ck_assert_int_eq(registry_new(&registry, &params, now), 0);
	ck_assert_int_eq(hint("10.0.1.2", 1), 0);
	now++;
	ck_assert_int_eq(hint("10.0.1.1", 1), 0);
	ck_assert_int_eq(hint("10.0.1.3", 1), 0);
	now++;
	ck_assert_int_eq(hint("10.0.1.1", 2), 0);
	ck_assert_uint_eq(registry_hints(registry), 3);
	ck_assert_int_eq(hint("10.0.1.4", 1), 0);
	ck_assert_uint_eq(registry_hints(registry), 3);
	ck_assert(!is_hinted("10.0.1.2", 1));
	ck_assert_int_eq(hint("10.0.1.5", 1), 0);
	ck_assert(!is_hinted("10.0.1.3", 1));
	ck_assert(is_hinted("10.0.1.1", 2) && is_hinted("10.0.1.4", 1) && is_hinted("10.0.1.5", 1));
}
END_TEST

/* Who has a connection of its own comes before who was only told of, the longest silent first. */
START_TEST(announced_takes_the_place_of_one_that_was_proved)
{
	struct registry_params params = defaults;

	registry_free(registry);
	params.limit = 4;
	ck_assert_int_eq(registry_new(&registry, &params, now), 0);
	set_own("10.0.0.9", 7);
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now++;
	for (int i = 0; i < 2; i++) {
		const char *ip = i ? "10.0.0.2" : "10.0.0.3";

		ck_assert_int_eq(hint(ip, 1), 0);
		ck_assert_int_eq(prove(ip, 1), 0);
		ck_assert_str_eq(event.replaced, "");
		now++;
	}
	ck_assert_int_eq(announce("10.0.0.4", 1), 0);
	ck_assert_int_eq(event.kind, REGISTRY_REGISTERED);
	ck_assert_str_eq(event.ip, "10.0.0.4");
	ck_assert_str_eq(event.replaced, "10.0.0.3");
	ck_assert_uint_eq(event.known, 4);
	ck_assert_uint_eq(event.active, 4);
	ck_assert_ptr_null(registry_find(registry, "10.0.0.3"));
	ck_assert_int_eq(announce("10.0.0.5", 1), 0);
	ck_assert_str_eq(event.replaced, "10.0.0.2");
	/* neither one that has announced itself nor our own */
	ck_assert_int_eq(announce("10.0.0.6", 1), REGISTRY_E_FULL);
	ck_assert_uint_eq(registry_known(registry), 4);
	ck_assert_ptr_nonnull(registry_own(registry));
}
END_TEST

START_TEST(own_is_always_active)
{
	set_own("10.0.0.5", 7);
	ck_assert_int_eq(event.kind, REGISTRY_REGISTERED);
	ck_assert_uint_eq(event.known, 1);
	now += 24 * HOUR;
	ck_assert_int_eq(sweep(), REGISTRY_NOTHING);
	ck_assert(registry_own(registry)->active);
	ck_assert_uint_eq(registry_active(registry), 1);
	registry_clear_own(registry);
	ck_assert_ptr_null(registry_own(registry));
	ck_assert_uint_eq(registry_known(registry), 0);
	ck_assert_uint_eq(registry_active(registry), 0);
	registry_clear_own(registry);
}
END_TEST

START_TEST(nobody_else_changes_our_own_entry)
{
	set_own("10.0.0.5", 7);
	ck_assert_int_eq(announce("10.0.0.5", 8), REGISTRY_E_OWN);
	ck_assert_int_eq(announce("10.0.0.5", 7), REGISTRY_E_OWN);
	ck_assert_int_eq(hint("10.0.0.5", 8), REGISTRY_E_OWN);
	ck_assert_int_eq(prove("10.0.0.5", 7), REGISTRY_E_OWN);
	heard("10.0.0.5");
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
	ck_assert_int_eq(registry_own(registry)->key.bytes[0], 7);
}
END_TEST

START_TEST(own_takes_the_place_of_what_was_known)
{
	ck_assert_int_eq(announce("10.0.0.5", 1), 0);
	ck_assert_int_eq(hint("10.0.0.6", 1), 0);
	now += 4 * MINUTE;
	ck_assert_int_eq(sweep(), REGISTRY_OFFLINE);
	set_own("10.0.0.5", 7);
	ck_assert_int_eq(event.kind, REGISTRY_REGISTERED);
	ck_assert_uint_eq(registry_known(registry), 1);
	ck_assert_uint_eq(registry_active(registry), 1);
	/* our address turns out to be another one */
	set_own("10.0.0.6", 7);
	ck_assert_int_eq(event.kind, REGISTRY_UPDATED);
	ck_assert_uint_eq(registry_known(registry), 1);
	ck_assert_uint_eq(registry_active(registry), 1);
	ck_assert_uint_eq(registry_hints(registry), 0);
	ck_assert_str_eq(registry_own(registry)->ip, "10.0.0.6");
	set_own("10.0.0.6", 7);
	ck_assert_int_eq(event.kind, REGISTRY_NOTHING);
}
END_TEST

START_TEST(iteration_is_in_address_order)
{
	static const char *const ips[] = {"10.0.0.9", "2001:db8::1", "10.0.0.10", "9.0.0.1", "10.0.0.1"};
	/* bytes of the string: ".10" before ".9" */
	static const char *const sorted[] = {"10.0.0.1", "10.0.0.10", "10.0.0.9", "2001:db8::1", "9.0.0.1"};

	for (uint8_t i = 0; i < 5; i++)
		ck_assert_int_eq(announce(ips[i], i), 0);
	ck_assert_uint_eq(registry_known(registry), 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(registry_at(registry, i)->ip, sorted[i]);
}
END_TEST

START_TEST(sweep_goes_on_where_events_filled_up)
{
	struct registry_event events[7];
	char ip[REGISTRY_IP_SIZE];
	size_t total = 0, count;

	for (int i = 0; i < 100; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%d", i);
		ck_assert_int_eq(announce(ip, 1), 0);
	}
	now += 2 * HOUR;
	ck_assert_int_eq(registry_sweep_due_ms(registry), 7 * MINUTE);
	do {
		count = registry_sweep(registry, events, 7, now);
		for (size_t i = 0; i < count; i++)
			ck_assert_int_eq(events[i].kind, REGISTRY_FORGOTTEN);
		total += count;
	} while (count == 7);
	ck_assert_uint_eq(total, 100);
	ck_assert_uint_eq(registry_known(registry), 0);
	ck_assert_int_eq(registry_sweep_due_ms(registry), now + 2 * MINUTE);
}
END_TEST

/* A network of NODES that hear one another every 30 s and announce themselves every 60 s, each with a registry of its
 * own and its sweeps at another phase, for 24 hours. */
#define NODES 5

/* What node `n` hears in second `t`, and its sweep.  False: something happened that should not. */
static bool quiet_second(struct registry *node, int n, int64_t t, char ips[NODES][REGISTRY_IP_SIZE])
{
	struct registry_event events[NODES];
	bool quiet = true;

	for (int from = 0; from < NODES; from++) {
		struct wire_masternode m = masternode((uint8_t)from, "r");

		event.kind = REGISTRY_NOTHING;
		if (from != n && (t + from) % 60 == 5)
			quiet &= registry_announce(node, &event, ips[from], &m, now) == 0;
		if (from != n && (t + from) % 30 == 0)
			registry_heard(node, &event, ips[from], now);
		quiet &= event.kind == REGISTRY_NOTHING || t < 60;
	}
	if (registry_sweep_due_ms(node) <= now)
		quiet &= registry_sweep(node, events, NODES, now) == 0;
	return quiet && (t < 60 || (registry_known(node) == NODES && registry_active(node) == NODES));
}

START_TEST(count_is_equal_everywhere_and_constant_for_a_day)
{
	struct registry *nodes[NODES];
	char ips[NODES][REGISTRY_IP_SIZE];
	bool quiet = true;

	for (int n = 0; n < NODES; n++) {
		struct wire_masternode m = masternode((uint8_t)n, "r");

		snprintf(ips[n], sizeof(ips[n]), "127.0.0.%d", n + 1);
		ck_assert_int_eq(registry_new(&nodes[n], &defaults, now + n * 17 * SECOND), 0);
		ck_assert_int_eq(registry_set_own(nodes[n], &event, ips[n], &m), 0);
	}
	for (int64_t t = 0; t <= 24 * 3600; t++, now += SECOND) {
		for (int n = 0; n < NODES; n++)
			quiet &= quiet_second(nodes[n], n, t, ips);
	}
	ck_assert(quiet);
	for (int n = 0; n < NODES; n++)
		registry_free(nodes[n]);
}
END_TEST

/* Stores the only entry, and loads it into a fresh registry after `away_ms`; the wall clock has jumped by `jump_s`. */
static int store_and_load(int64_t away_ms, int64_t jump_s)
{
	uint8_t value[REGISTRY_VALUE_MAX];
	char ip[REGISTRY_IP_SIZE];
	size_t len = registry_encode(value, registry_at(registry, 0), now, 1000000000);
	int64_t now_s = 1000000000 + away_ms / 1000 + jump_s;

	memcpy(ip, registry_at(registry, 0)->ip, sizeof(ip));
	registry_free(registry);
	/* the monotonic clock of another boot: starts near zero */
	now = 3 * SECOND;
	ck_assert_int_eq(registry_new(&registry, &defaults, now), 0);
	return registry_load(registry, ip, strlen(ip), value, len, now, now_s);
}

START_TEST(stored_entry_comes_back_whole)
{
	struct wire_masternode m = masternode(3, "TIME0kept");
	const struct registry_entry *entry;

	m.tier = WIRE_TIER_SILVER;
	ck_assert_int_eq(registry_announce(registry, &event, "2001:db8::7", &m, now), 0);
	now += 20 * SECOND;
	ck_assert_int_eq(store_and_load(10 * SECOND, 0), 0);
	entry = registry_find(registry, "2001:db8::7");
	ck_assert_ptr_nonnull(entry);
	ck_assert_int_eq(entry->tier, WIRE_TIER_SILVER);
	ck_assert_int_eq(entry->source, REGISTRY_SOURCE_ANNOUNCED);
	ck_assert_int_eq(entry->key.bytes[5], 3);
	ck_assert_str_eq(entry->reward_address.ptr, "TIME0kept");
	ck_assert_int_eq(entry->heard_ms, now - 30 * SECOND);
	ck_assert(entry->active);
	/* the key is still pinned */
	ck_assert_int_eq(announce("2001:db8::7", 4), REGISTRY_E_KEY);
}
END_TEST

START_TEST(stored_entry_long_silent_comes_back_offline)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(store_and_load(10 * MINUTE, 0), 0);
	ck_assert(!registry_find(registry, "10.0.0.1")->active);
	ck_assert_uint_eq(registry_active(registry), 0);
	heard("10.0.0.1");
	ck_assert_int_eq(event.kind, REGISTRY_BACK_ONLINE);
	ck_assert_uint_eq(event.active, 1);
}
END_TEST

START_TEST(stored_entry_is_stale_after_an_hour)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(store_and_load(HOUR, 0), 0);
	ck_assert_int_eq(store_and_load(SECOND, 0), REGISTRY_E_STALE);
	ck_assert_uint_eq(registry_known(registry), 0);
}
END_TEST

START_TEST(wall_clock_gone_back_counts_as_now)
{
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	ck_assert_int_eq(store_and_load(MINUTE, -7200), 0);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->heard_ms, now);
	ck_assert(registry_find(registry, "10.0.0.1")->active);
}
END_TEST

START_TEST(wall_clock_jump_while_running_changes_nothing)
{
	uint8_t before[REGISTRY_VALUE_MAX], after[REGISTRY_VALUE_MAX];
	size_t len;

	/* activity never looks at it; what is stored is the age, in terms of the clock of the moment */
	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	now += MINUTE;
	len = registry_encode(before, registry_at(registry, 0), now, 1000000000);
	ck_assert_uint_eq(registry_encode(after, registry_at(registry, 0), now, 1000003600), len);
	registry_free(registry);
	ck_assert_int_eq(registry_new(&registry, &defaults, now), 0);
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, after, len, now, 1000003600), 0);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->heard_ms, now - MINUTE);
}
END_TEST

START_TEST(load_refuses_damaged_values)
{
	uint8_t value[REGISTRY_VALUE_MAX + 1], copy[REGISTRY_VALUE_MAX + 1];
	size_t len;

	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	len = registry_encode(value, registry_at(registry, 0), now, 1000);
	registry_free(registry);
	ck_assert_int_eq(registry_new(&registry, &defaults, now), 0);
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, value, cut, now, 1000), REGISTRY_E_INVALID);
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, value, len + 1, now, 1000), REGISTRY_E_INVALID);
	memcpy(copy, value, len);
	copy[0] = 2; /* version */
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, copy, len, now, 1000), REGISTRY_E_INVALID);
	memcpy(copy, value, len);
	copy[1] = REGISTRY_SOURCE_OWN;
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, copy, len, now, 1000), REGISTRY_E_INVALID);
	memcpy(copy, value, len);
	copy[2] = WIRE_TIER_COUNT;
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, copy, len, now, 1000), REGISTRY_E_INVALID);
	ck_assert_int_eq(registry_load(registry, "10.0\0.1", 7, value, len, now, 1000), REGISTRY_E_INVALID);
	ck_assert_int_eq(registry_load(registry, "", 0, value, len, now, 1000), REGISTRY_E_INVALID);
	ck_assert_int_eq(
		registry_load(registry, "1234567890123456789012345678901234567890123456", 46, value, len, now, 1000),
		REGISTRY_E_INVALID);
	ck_assert_uint_eq(registry_known(registry), 0);
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, value, len, now, 1000), 0);
}
END_TEST

START_TEST(load_survives_any_time_in_the_value)
{
	static const uint64_t times[] = {0, 1, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX};
	uint8_t value[REGISTRY_VALUE_MAX];
	size_t len;

	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	len = registry_encode(value, registry_at(registry, 0), now, 1000000000);
	registry_free(registry);
	ck_assert_int_eq(registry_new(&registry, &defaults, now), 0);
	for (size_t i = 0; i < 5; i++) {
		int64_t heard_s = (int64_t)times[i];

		for (int b = 0; b < 8; b++)
			value[35 + b] = (uint8_t)(times[i] >> (8 * b));
		ck_assert_int_eq(registry_load(registry, &"abcde"[i], 1, value, len, now, 1000000000),
				 heard_s > 1000000000 ? 0 : REGISTRY_E_STALE);
	}
}
END_TEST

START_TEST(load_leaves_what_is_known_alone)
{
	uint8_t value[REGISTRY_VALUE_MAX];
	size_t len;

	ck_assert_int_eq(announce("10.0.0.1", 1), 0);
	len = registry_encode(value, registry_at(registry, 0), now, 1000);
	registry_free(registry);
	ck_assert_int_eq(registry_new(&registry, &defaults, now), 0);
	ck_assert_int_eq(announce("10.0.0.1", 2), 0);
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, value, len, now, 1000), 0);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->key.bytes[0], 2);
	set_own("10.0.0.1", 3);
	ck_assert_int_eq(registry_load(registry, "10.0.0.1", 8, value, len, now, 1000), REGISTRY_E_OWN);
	ck_assert_int_eq(registry_find(registry, "10.0.0.1")->key.bytes[0], 3);
}
END_TEST

START_TEST(free_of_nothing)
{
	registry_free(NULL);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, announce_registers);
	tcase_add_test(c, announce_again_counts_as_heard);
	tcase_add_test(c, announce_with_another_key_is_refused_until_forgotten);
	tcase_add_test(c, announce_takes_over_tier_and_reward_address);
	tcase_add_test(c, announce_refuses_what_cannot_be);
	tcase_add_test(c, silence_marks_offline_then_forgets);
	tcase_add_test(c, a_very_late_sweep_forgets_at_once);
	tcase_add_test(c, heard_keeps_active_and_brings_back);
	tcase_add_test(c, uptime_counts_while_active);
	tcase_add_test(c, announcement_brings_back);
	tcase_add_test(c, heard_of_a_stranger_changes_nothing);
	tcase_add_test(c, hint_is_no_masternode);
	tcase_add_test(c, hint_becomes_a_masternode_by_its_own_key_only);
	tcase_add_test(c, latest_hint_counts);
	tcase_add_test(c, hint_never_replaces_a_key);
	tcase_add_test(c, own_announcement_replaces_a_hinted_key);
	tcase_add_test(c, announcement_removes_the_hint);
	tcase_add_test(c, heartbeats_keep_active);
	tcase_add_test(c, hints_expire_unless_repeated);
	tcase_add_test(c, limits_hold);
	tcase_add_test(c, oldest_hint_gives_way);
	tcase_add_test(c, announced_takes_the_place_of_one_that_was_proved);
	tcase_add_test(c, own_is_always_active);
	tcase_add_test(c, nobody_else_changes_our_own_entry);
	tcase_add_test(c, own_takes_the_place_of_what_was_known);
	tcase_add_test(c, iteration_is_in_address_order);
	tcase_add_test(c, sweep_goes_on_where_events_filled_up);
	tcase_add_test(c, count_is_equal_everywhere_and_constant_for_a_day);
	tcase_add_test(c, stored_entry_comes_back_whole);
	tcase_add_test(c, stored_entry_long_silent_comes_back_offline);
	tcase_add_test(c, stored_entry_is_stale_after_an_hour);
	tcase_add_test(c, wall_clock_gone_back_counts_as_now);
	tcase_add_test(c, wall_clock_jump_while_running_changes_nothing);
	tcase_add_test(c, load_refuses_damaged_values);
	tcase_add_test(c, load_survives_any_time_in_the_value);
	tcase_add_test(c, load_leaves_what_is_known_alone);
	tcase_add_test(c, free_of_nothing);
}

int main(void)
{
	Suite *suite = suite_create("registry");
	TCase *c = tcase_create("registry");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	add_tests(c);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
