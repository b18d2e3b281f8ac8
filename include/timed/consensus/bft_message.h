/* SPDX-License-Identifier: MIT
 *
 * What validators say to each other (PROTOCOL.md §9), as the machine of bft.h sees it: the sender is an index in the
 * list of validators of the height, the block a hash.  And what of it goes to the file `votes`.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMED_CONSENSUS_BFT_MESSAGE_H
#define TIMED_CONSENSUS_BFT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/buf.h"
#include "timeproto/wire/message.h"

/* No network gets there: the timeouts before it would take longer than the universe is old. */
#define BFT_ROUND_MAX ((uint64_t)INT32_MAX)

struct bft_proposal {
	uint64_t height;
	uint64_t round;
	int64_t valid_round;   /* -1: none */
	uint32_t proposer;     /* index */
	struct wire_hash hash; /* of the block */
	struct wire_sig signature;
};

struct bft_vote {
	uint64_t height;
	uint64_t round;
	enum wire_phase phase;
	uint32_t voter;	       /* index */
	struct wire_hash hash; /* of the block; zero: nil */
	struct wire_sig signature;
};

enum bft_message_kind { BFT_MESSAGE_PROPOSAL, BFT_MESSAGE_VOTE };

struct bft_message {
	enum bft_message_kind kind;
	union {
		struct bft_proposal proposal;
		struct bft_vote vote;
	} u;
};

/* Votes of one height, round and phase for one hash, by at least a quorum: precommits certify a block, prevotes are a
 * polka. */
struct bft_certificate {
	uint64_t height;
	uint64_t round;
	enum wire_phase phase;
	struct wire_hash hash;
	uint32_t count;
	struct bft_signature {
		uint32_t voter; /* index */
		struct wire_sig signature;
	} * entries; /* by ascending index */
};

/* Our own proposal or vote, and what must not be forgotten once it was sent. */
enum bft_record_kind { BFT_RECORD_PROPOSAL = 1, BFT_RECORD_PREVOTE, BFT_RECORD_PRECOMMIT, BFT_RECORD_STATE };

struct bft_record {
	enum bft_record_kind kind; /* STATE: nothing is sent */
	uint64_t height;
	uint64_t round;
	struct wire_hash hash;	/* of the block that is proposed or voted for; zero: nil, or none */
	int64_t proposal_round; /* valid_round of a proposal; else -1 */
	int64_t locked_round;	/* -1: none, then the hash is zero */
	struct wire_hash locked;
	int64_t valid_round;
	struct wire_hash valid;
};

/* Appends the stored form: a version, the record, and the polka unless it is NULL.  A failure is the buffer's. */
void bft_record_encode(struct buf *out, const struct bft_record *record, const struct bft_certificate *polka);
/* Reads it back.  `polka` gets what was stored, count 0 where nothing was; its entries are malloc()ed and the caller's.
 * 0, -ENOMEM, or 1: damaged, or of a version that we do not know (then there is nothing to free). */
int bft_record_decode(struct bft_record *record, struct bft_certificate *polka, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));

#endif
