// SPDX-License-Identifier: MIT
/* Heartbeats and attestations: see attestation.h.
 *
 * One entry per masternode, found by its address and by the hash of its last heartbeat. */
#include "timed/consensus/attestation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyed_map.h"
#include "timeproto/chain/digest.h"
#include "timeproto/chain/hash.h"

/* A key that signs a masternode's heartbeats, and how far it has got. */
struct attestation_key {
	bool used;
	struct wire_key key;
	uint64_t sequence;
};

struct attestation_entry {
	struct keyed_node by_address;
	struct keyed_node by_hash;
	char address[ATTESTATION_ADDRESS_SIZE];
	size_t address_len;
	struct attestation_key announced;
	struct attestation_key shown; /* over its own connection */
	struct wire_hash hash;	      /* of the last heartbeat */
	uint64_t sequence;
	int64_t timestamp;
	int64_t heard_s; /* when it came */
	bool verified;
	uint32_t witness_count;
	struct wire_key witnesses[ATTESTATION_WITNESSES];
	uint64_t heartbeats_verified;
	struct attestation_past *past; /* a ring of those before the last; NULL: none yet */
	uint32_t past_count, past_next;
};

struct attestation {
	struct attestation_params params;
	struct keyed_map by_address;
	struct keyed_map by_hash;
	uint64_t own_sequence;
	struct attestation_stats stats;
};

void attestation_params_init(struct attestation_params *out)
{
	*out = (struct attestation_params){
		.limit = WIRE_MAX_MASTERNODES, .window_s = 180, .forget_s = 3600, .gap_s = 15, .history = 59};
}

#define NAME(error) [error] = #error
static const char *const attestation_names[ATTESTATION_E_END] = {
	NAME(ATTESTATION_E_ADDRESS),  NAME(ATTESTATION_E_WINDOW), NAME(ATTESTATION_E_KEY),
	NAME(ATTESTATION_E_SEQUENCE), NAME(ATTESTATION_E_SOON),	  NAME(ATTESTATION_E_FULL),
	NAME(ATTESTATION_E_UNKNOWN),  NAME(ATTESTATION_E_SELF),	  NAME(ATTESTATION_E_KNOWN),
};
#undef NAME

const char *attestation_error_name(int error)
{
	return error > 0 && error < ATTESTATION_E_END ? attestation_names[error] : "?";
}

int attestation_new(struct attestation **out, const struct attestation_params *params)
{
	struct attestation *attestation = calloc(1, sizeof(*attestation));

	if (!attestation)
		return -ENOMEM;
	attestation->params = *params;
	if (keyed_map_init(&attestation->by_address) || keyed_map_init(&attestation->by_hash)) {
		attestation_free(attestation);
		return -ENOMEM;
	}
	*out = attestation;
	return 0;
}

static void attestation_forget(struct attestation *attestation, struct attestation_entry *entry)
{
	attestation->stats.verified -= entry->verified;
	keyed_map_remove(&attestation->by_address, &entry->by_address);
	keyed_map_remove(&attestation->by_hash, &entry->by_hash);
	free(entry->past);
	free(entry);
}

/* Forgets all that were heard before. */
static void attestation_forget_before(struct attestation *attestation, int64_t before_s)
{
	for (size_t i = 0; attestation->by_address.buckets && i < (size_t)1 << attestation->by_address.bits; i++) {
		struct keyed_node *node, *next;

		for (node = attestation->by_address.buckets[i]; node; node = next) {
			struct attestation_entry *entry = KEYED_OF(node, struct attestation_entry, by_address);

			next = node->next;
			if (entry->heard_s < before_s)
				attestation_forget(attestation, entry);
		}
	}
}

void attestation_free(struct attestation *attestation)
{
	if (!attestation)
		return;
	attestation_forget_before(attestation, INT64_MAX);
	keyed_map_free(&attestation->by_address);
	keyed_map_free(&attestation->by_hash);
	free(attestation);
}

void attestation_sweep(struct attestation *attestation, int64_t now_s)
{
	attestation_forget_before(attestation, now_s - attestation->params.forget_s);
}

static struct attestation_entry *attestation_find(const struct attestation *attestation, const struct wire_str *address)
{
	uint64_t hash = keyed_map_hash_text(attestation->params.seed, address);

	for (struct keyed_node *node = keyed_map_first(&attestation->by_address, hash); node; node = node->next) {
		struct attestation_entry *entry = KEYED_OF(node, struct attestation_entry, by_address);

		if (node->hash == hash && entry->address_len == address->len &&
		    memcmp(entry->address, address->ptr, address->len) == 0)
			return entry;
	}
	return NULL;
}

static struct attestation_entry *attestation_find_hash(const struct attestation *attestation,
						       const struct wire_hash *heartbeat)
{
	uint64_t hash = keyed_map_hash(attestation->params.seed, heartbeat, 0);

	for (struct keyed_node *node = keyed_map_first(&attestation->by_hash, hash); node; node = node->next) {
		struct attestation_entry *entry = KEYED_OF(node, struct attestation_entry, by_hash);

		if (node->hash == hash && hash_equal(&entry->hash, heartbeat))
			return entry;
	}
	return NULL;
}

void attestation_drop(struct attestation *attestation, const struct wire_str *address)
{
	struct attestation_entry *entry = attestation_find(attestation, address);

	if (entry)
		attestation_forget(attestation, entry);
}

static bool attestation_same_key(const struct wire_key *a, const struct wire_key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool attestation_in_window(const struct attestation *attestation, int64_t timestamp, int64_t now_s)
{
	return timestamp >= now_s - attestation->params.window_s && timestamp <= now_s + attestation->params.window_s;
}

/* How many witnesses verify a heartbeat among so many masternodes. */
static uint32_t attestation_needed(size_t known)
{
	return known > ATTESTATION_NEEDED ? ATTESTATION_NEEDED : known > 0 ? (uint32_t)known - 1 : 0;
}

/* True: the heartbeat has become verified by what was added last. */
static bool attestation_verify(struct attestation *attestation, struct attestation_entry *entry, size_t known)
{
	if (entry->verified || entry->witness_count < attestation_needed(known))
		return false;
	entry->verified = true;
	entry->heartbeats_verified++;
	attestation->stats.verified++;
	attestation->stats.heartbeats_verified++;
	return true;
}

/* NULL without memory.  Not yet in the tables. */
static struct attestation_entry *attestation_make(const struct wire_str *address)
{
	struct attestation_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	memcpy(entry->address, address->ptr, address->len);
	entry->address_len = address->len;
	return entry;
}

static bool attestation_has(const struct attestation_key *place, const struct wire_key *key)
{
	return place->used && attestation_same_key(&place->key, key);
}

/* Whether `key` has signed a heartbeat of that sequence, or a later one. */
static bool attestation_is_past(const struct attestation_entry *entry, const struct wire_key *key, uint64_t sequence)
{
	return (attestation_has(&entry->announced, key) && sequence <= entry->announced.sequence) ||
	       (attestation_has(&entry->shown, key) && sequence <= entry->shown.sequence);
}

/* What was the last heartbeat becomes history; without memory it is forgotten. */
static void attestation_remember(const struct attestation *attestation, struct attestation_entry *entry)
{
	uint32_t room = attestation->params.history;

	if (!entry->past && room > 0)
		entry->past = calloc(room, sizeof(*entry->past));
	if (!entry->past)
		return;
	entry->past[entry->past_next] = (struct attestation_past){.sequence = entry->sequence,
								  .timestamp = entry->timestamp,
								  .witnesses = entry->witness_count,
								  .verified = entry->verified};
	entry->past_next = (entry->past_next + 1) % room;
	if (entry->past_count < room)
		entry->past_count++;
}

/* The new last heartbeat of an entry that is in the tables, or comes into them now. */
static void attestation_take(struct attestation *attestation, struct attestation_entry *entry, bool is_known,
			     const struct wire_heartbeat *heartbeat, int64_t now_s)
{
	if (is_known) {
		keyed_map_remove(&attestation->by_hash, &entry->by_hash);
		attestation_remember(attestation, entry);
	}
	attestation->stats.verified -= entry->verified;
	entry->verified = false;
	entry->witness_count = 0;
	entry->sequence = heartbeat->sequence_number;
	entry->timestamp = heartbeat->timestamp;
	entry->heard_s = now_s;
	digest_heartbeat_hash(&entry->hash, heartbeat);
	entry->by_hash.hash = keyed_map_hash(attestation->params.seed, &entry->hash, 0);
	keyed_map_insert(&attestation->by_hash, &entry->by_hash);
	if (is_known)
		return;
	entry->by_address.hash = keyed_map_hash_text(attestation->params.seed, &heartbeat->masternode_address);
	keyed_map_insert(&attestation->by_address, &entry->by_address);
}

static bool attestation_is_announced(const struct wire_heartbeat *heartbeat, const struct wire_key *announced)
{
	return announced && attestation_same_key(announced, &heartbeat->masternode_pubkey);
}

/* `*known` is the entry of the address, if there is one. */
static int attestation_judge(const struct attestation *attestation, struct attestation_entry **known,
			     const struct wire_heartbeat *heartbeat, const struct wire_key *announced,
			     bool own_connection, int64_t now_s)
{
	const struct wire_str *address = &heartbeat->masternode_address;
	const struct wire_key *key = &heartbeat->masternode_pubkey;
	struct attestation_entry *entry;

	if (address->len == 0 || address->len >= ATTESTATION_ADDRESS_SIZE)
		return ATTESTATION_E_ADDRESS;
	if (!attestation_in_window(attestation, heartbeat->timestamp, now_s))
		return ATTESTATION_E_WINDOW;
	entry = attestation_find(attestation, address);
	if (!attestation_is_announced(heartbeat, announced) && !own_connection &&
	    !(entry && attestation_has(&entry->shown, key)))
		return ATTESTATION_E_KEY;
	if (entry && attestation_is_past(entry, key, heartbeat->sequence_number))
		return ATTESTATION_E_SEQUENCE;
	/* A clock that was put back silences nobody. */
	if (entry && now_s >= entry->heard_s && now_s - entry->heard_s < attestation->params.gap_s)
		return ATTESTATION_E_SOON;
	if (!entry && attestation->by_address.count >= attestation->params.limit)
		return ATTESTATION_E_FULL;
	*known = entry;
	return 0;
}

int attestation_expect_heartbeat(const struct attestation *attestation, const struct wire_heartbeat *heartbeat,
				 const struct wire_key *announced, bool own_connection, int64_t now_s)
{
	struct attestation_entry *entry;

	return attestation_judge(attestation, &entry, heartbeat, announced, own_connection, now_s);
}

void attestation_refuse(struct attestation *attestation, int error)
{
	if (error > 0 && error < ATTESTATION_E_END)
		attestation->stats.refused[error]++;
}

int attestation_heartbeat(struct attestation *attestation, const struct wire_heartbeat *heartbeat,
			  const struct wire_key *announced, bool own_connection, size_t known, int64_t now_s)
{
	struct attestation_entry *entry = NULL;
	int r = attestation_judge(attestation, &entry, heartbeat, announced, own_connection, now_s);
	bool is_known = entry != NULL;

	if (r) {
		attestation_refuse(attestation, r);
		return r;
	}
	if (!is_known)
		entry = attestation_make(&heartbeat->masternode_address);
	if (!entry)
		return -ENOMEM;
	*(attestation_is_announced(heartbeat, announced) ? &entry->announced : &entry->shown) =
		(struct attestation_key){
			.used = true, .key = heartbeat->masternode_pubkey, .sequence = heartbeat->sequence_number};
	attestation_take(attestation, entry, is_known, heartbeat, now_s);
	attestation->stats.heartbeats++;
	/* Where there is nobody else it needs no witness. */
	(void)attestation_verify(attestation, entry, known);
	return 0;
}

static int attestation_judge_witness(const struct attestation *attestation, struct attestation_entry **out,
				     const struct wire_attestation *witness, const struct wire_key *registered,
				     int64_t now_s)
{
	const struct wire_str *address = &witness->witness_address;
	struct attestation_entry *entry;

	if (address->len == 0 || address->len >= ATTESTATION_ADDRESS_SIZE)
		return ATTESTATION_E_ADDRESS;
	if (!attestation_in_window(attestation, witness->witness_timestamp, now_s))
		return ATTESTATION_E_WINDOW;
	if (!registered || !attestation_same_key(registered, &witness->witness_pubkey))
		return ATTESTATION_E_KEY;
	entry = attestation_find_hash(attestation, &witness->heartbeat_hash);
	if (!entry)
		return ATTESTATION_E_UNKNOWN;
	if ((entry->address_len == address->len && memcmp(entry->address, address->ptr, address->len) == 0) ||
	    attestation_has(&entry->announced, &witness->witness_pubkey) ||
	    attestation_has(&entry->shown, &witness->witness_pubkey))
		return ATTESTATION_E_SELF;
	for (uint32_t i = 0; i < entry->witness_count; i++) {
		if (attestation_same_key(&entry->witnesses[i], &witness->witness_pubkey))
			return ATTESTATION_E_KNOWN;
	}
	if (entry->witness_count == ATTESTATION_WITNESSES)
		return ATTESTATION_E_FULL;
	*out = entry;
	return 0;
}

int attestation_expect_witness(const struct attestation *attestation, const struct wire_attestation *witness,
			       const struct wire_key *registered, int64_t now_s)
{
	struct attestation_entry *entry;

	return attestation_judge_witness(attestation, &entry, witness, registered, now_s);
}

int attestation_witness(struct attestation *attestation, const struct wire_attestation *witness, bool *verified,
			const struct wire_key *registered, size_t known, int64_t now_s)
{
	struct attestation_entry *entry;
	int r = attestation_judge_witness(attestation, &entry, witness, registered, now_s);
	bool is_verified;

	if (r) {
		attestation_refuse(attestation, r);
		return r;
	}
	entry->witnesses[entry->witness_count++] = witness->witness_pubkey;
	attestation->stats.attestations++;
	is_verified = attestation_verify(attestation, entry, known);
	if (verified)
		*verified = is_verified;
	return 0;
}

uint64_t attestation_own_sequence(struct attestation *attestation, int64_t unix_ms)
{
	uint64_t now = unix_ms > 0 ? (uint64_t)unix_ms : 0;

	attestation->own_sequence = now > attestation->own_sequence ? now : attestation->own_sequence + 1;
	return attestation->own_sequence;
}

bool attestation_status(const struct attestation *attestation, struct attestation_status *out,
			const struct wire_str *address)
{
	const struct attestation_entry *entry = attestation_find(attestation, address);

	if (!entry)
		return false;
	*out = (struct attestation_status){.sequence = entry->sequence,
					   .timestamp = entry->timestamp,
					   .hash = entry->hash,
					   .witnesses = entry->witness_count,
					   .verified = entry->verified,
					   .heartbeats_verified = entry->heartbeats_verified};
	return true;
}

size_t attestation_history(const struct attestation *attestation, struct attestation_past *out, size_t max,
			   const struct wire_str *address)
{
	const struct attestation_entry *entry = attestation_find(attestation, address);
	uint32_t room = attestation->params.history;
	size_t count = 0;

	if (!entry || max == 0)
		return 0;
	out[count++] = (struct attestation_past){.sequence = entry->sequence,
						 .timestamp = entry->timestamp,
						 .witnesses = entry->witness_count,
						 .verified = entry->verified};
	for (uint32_t i = 1; i <= entry->past_count && count < max; i++)
		out[count++] = entry->past[(entry->past_next + room - i) % room];
	return count;
}

void attestation_stats(const struct attestation *attestation, struct attestation_stats *out)
{
	*out = attestation->stats;
	out->masternodes = attestation->by_address.count;
}
