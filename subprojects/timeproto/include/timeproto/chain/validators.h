/* SPDX-License-Identifier: MIT
 *
 * The configured validators (PROTOCOL.md §9 "With validators"), and what they demand of a block beyond the rules of
 * rules.h: its exact time and its exact rewards.
 *
 * `consensus.validators` is a list of lists; each holds from its height on until the next one does.  The list in force
 * at a height alone says who votes there, with which key, who leads and who is paid.
 *
 * Ownership: validators_make() copies everything into the caller's arena.
 * Thread safety: pure functions; what was made is only read.
 */
#ifndef TIMEPROTO_CHAIN_VALIDATORS_H
#define TIMEPROTO_CHAIN_VALIDATORS_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/message.h"

/* With fewer no quorum survives one that fails. */
#define VALIDATORS_MIN 3
/* A certificate holds no more signatures. */
#define VALIDATORS_MAX WIRE_MAX_COMMIT_SIGNATURES

struct validator {
	struct wire_str address; /* what proposals and votes name: an IP */
	struct wire_key public_key;
	enum wire_tier tier;
	struct wire_str reward_address;
};

/* The validators from a height on. */
struct validator_list {
	uint64_t from_height;
	struct validator *items;    /* made: in the order of leader_compare() */
	struct wire_str *addresses; /* made: theirs, for leader_first() */
	size_t count;
};

struct validators {
	struct validator_list *lists; /* by ascending from_height */
	size_t count;
};

enum validators_error {
	VALIDATORS_E_COUNT = 1,	     /* a list with too few or too many */
	VALIDATORS_E_HEIGHT,	     /* from_height is not above that of the list before */
	VALIDATORS_E_ADDRESS,	     /* an address twice in a list, or an empty one */
	VALIDATORS_E_KEY,	     /* a key twice in a list */
	VALIDATORS_E_TIMESTAMP,	     /* a block: not exactly the time of its height */
	VALIDATORS_E_REWARD_COUNT,   /* a block: not one reward for each validator */
	VALIDATORS_E_REWARD_ADDRESS, /* a block: a reward to another address, or in another order */
	VALIDATORS_E_REWARD_AMOUNT,  /* a block: another amount than the formula's */
	VALIDATORS_E_END
};

/* "VALIDATORS_E_COUNT" ..., "?" for a number that is none. */
const char *validators_error_name(int error);

#define VALIDATORS_FAULT_TEXT_SIZE 256
struct validators_fault {
	enum validators_error error;
	char text[VALIDATORS_FAULT_TEXT_SIZE]; /* for people; nothing of it is text of a peer */
};

/* Copies `count` lists (whose `addresses` are not read), sorts and checks them.  0, VALIDATORS_E_COUNT, _HEIGHT,
 * _ADDRESS or _KEY with `fault`, or -ENOMEM (the arena refused). */
int validators_make(struct validators *out, struct validators_fault *fault, struct arena *arena,
		    const struct validator_list *lists, size_t count) __attribute__((warn_unused_result));

/* The list in force at `height`; NULL below the first. */
const struct validator_list *validators_at(const struct validators *validators, uint64_t height);
/* floor(2n/3) + 1. */
size_t validators_quorum(size_t count);
/* The index of the validator with this address, or with this key; -1: none. */
int validators_find(const struct validator_list *list, const struct wire_str *address);
int validators_find_key(const struct validator_list *list, const struct wire_key *key);

/* The timestamp that a block at `height` has to have, Unix seconds; INT64_MAX where it leaves 64 bits. */
int64_t validators_block_time(const struct chain_params *params, uint64_t height);
/* The masternode_rewards of a block that pays `total`, in the arena; the addresses point into `list`.  0 or -ENOMEM. */
int validators_rewards(struct wire_reward_list *out, struct arena *arena, const struct validator_list *list,
		       uint64_t total) __attribute__((warn_unused_result));
/* Whether the block has the time of its height and the rewards of its block_reward (whose own rightness is rules.h's
 * affair); `arena` is scratch.  0, VALIDATORS_E_TIMESTAMP or _REWARD_* with `fault`, or -ENOMEM. */
int validators_check_block(struct validators_fault *fault, struct arena *arena, const struct chain_params *params,
			   const struct validator_list *list, const struct wire_block *block)
	__attribute__((warn_unused_result));

#endif
