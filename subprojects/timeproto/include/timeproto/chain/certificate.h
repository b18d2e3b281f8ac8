/* SPDX-License-Identifier: MIT
 *
 * Certificates: precommits of one height, one round and one hash by a quorum of validators, which make a block final
 * (PROTOCOL.md §9).  One bad or repeated entry makes the whole worthless.
 *
 * Thread safety: pure functions.  Costs a verification of Ed25519 per entry, once everything else is found right.
 */
#ifndef TIMEPROTO_CHAIN_CERTIFICATE_H
#define TIMEPROTO_CHAIN_CERTIFICATE_H

#include <stdint.h>

#include "timeproto/chain/validators.h"
#include "timeproto/wire/message.h"

enum certificate_error {
	CERTIFICATE_E_OLD_FORM = 1, /* a BlockCommit without a round: counts for nothing */
	CERTIFICATE_E_NIL,	    /* for the zero hash */
	CERTIFICATE_E_QUORUM,	    /* fewer entries than a quorum */
	CERTIFICATE_E_STRANGER,	    /* an entry of somebody who is no validator at that height */
	CERTIFICATE_E_TWICE,	    /* two entries of one validator */
	CERTIFICATE_E_LENGTH,	    /* a signature that has not 64 bytes */
	CERTIFICATE_E_SIGNATURE,    /* one that does not verify */
	CERTIFICATE_E_END
};

/* "CERTIFICATE_E_QUORUM" ..., "?" for a number that is none. */
const char *certificate_error_name(int error);

#define CERTIFICATE_FAULT_TEXT_SIZE 256
struct certificate_fault {
	enum certificate_error error;
	char text[CERTIFICATE_FAULT_TEXT_SIZE]; /* for people; nothing of it is text of a peer */
};

/* Whether `commit` certifies the block `block_hash` at `height`; `list` is the one in force there.  0, or an enum
 * certificate_error and `fault`. */
int certificate_check(struct certificate_fault *fault, const struct wire_commit *commit, uint64_t height,
		      const struct wire_hash *block_hash, const struct wire_hash *genesis,
		      const struct validator_list *list) __attribute__((warn_unused_result));

/* What a BlockCommit certifies with, its signatures shared.  0 or CERTIFICATE_E_OLD_FORM. */
int certificate_of_message(struct wire_commit *out, struct certificate_fault *fault,
			   const struct wire_block_commit *message) __attribute__((warn_unused_result));

#endif
