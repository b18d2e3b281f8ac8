// SPDX-License-Identifier: MIT
/* Certificates: see certificate.h. */
#include "timeproto/chain/certificate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "timeproto/chain/digest.h"
#include "timeproto/chain/hash.h"

#define NAME(error) [error] = #error
static const char *const certificate_names[CERTIFICATE_E_END] = {
	NAME(CERTIFICATE_E_OLD_FORM),  NAME(CERTIFICATE_E_NIL),	  NAME(CERTIFICATE_E_QUORUM),
	NAME(CERTIFICATE_E_STRANGER),  NAME(CERTIFICATE_E_TWICE), NAME(CERTIFICATE_E_LENGTH),
	NAME(CERTIFICATE_E_SIGNATURE),
};
#undef NAME

const char *certificate_error_name(int error)
{
	return error > 0 && error < CERTIFICATE_E_END ? certificate_names[error] : "?";
}

__attribute__((cold, format(printf, 3, 4))) static int
certificate_fault(struct certificate_fault *fault, enum certificate_error error, const char *format, ...)
{
	va_list arguments;

	fault->error = error;
	va_start(arguments, format);
	vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	return (int)error;
}

/* CERTIFICATE_E_STRANGER, _TWICE, _LENGTH: what costs no verification. */
static int certificate_check_entries(struct certificate_fault *fault, const struct wire_commit *commit,
				     const struct validator_list *list)
{
	bool seen[VALIDATORS_MAX] = {false};

	for (size_t i = 0; i < commit->signatures.len; i++) {
		const struct wire_commit_signature *entry = &commit->signatures.items[i];
		int voter = validators_find(list, &entry->voter);

		if (voter < 0)
			return certificate_fault(fault, CERTIFICATE_E_STRANGER, "signature %zu is of no validator", i);
		if (seen[voter])
			return certificate_fault(fault, CERTIFICATE_E_TWICE, "signature %zu is the second of %.64s", i,
						 list->addresses[voter].ptr);
		seen[voter] = true;
		if (entry->signature.len != sizeof(struct wire_sig))
			return certificate_fault(fault, CERTIFICATE_E_LENGTH, "signature %zu has %zu bytes, not %zu", i,
						 entry->signature.len, sizeof(struct wire_sig));
	}
	return 0;
}

int certificate_check(struct certificate_fault *fault, const struct wire_commit *commit, uint64_t height,
		      const struct wire_hash *block_hash, const struct wire_hash *genesis,
		      const struct validator_list *list)
{
	size_t quorum = validators_quorum(list->count);
	struct wire_hash digest;
	int r;

	if (hash_is_zero(block_hash))
		return certificate_fault(fault, CERTIFICATE_E_NIL, "a certificate for no block at height %" PRIu64,
					 height);
	if (commit->signatures.len < quorum)
		return certificate_fault(fault, CERTIFICATE_E_QUORUM, "%zu signatures, fewer than %zu of %zu",
					 commit->signatures.len, quorum, list->count);
	r = certificate_check_entries(fault, commit, list);
	if (r)
		return r;
	digest_vote(&digest, genesis, height, commit->round, WIRE_PHASE_PRECOMMIT, block_hash);
	for (size_t i = 0; i < commit->signatures.len; i++) {
		const struct wire_commit_signature *entry = &commit->signatures.items[i];
		const struct validator *voter = &list->items[validators_find(list, &entry->voter)];

		if (!digest_verify_bytes(&digest, &entry->signature, &voter->public_key))
			return certificate_fault(fault, CERTIFICATE_E_SIGNATURE,
						 "signature %zu, of %.64s, does not verify at height %" PRIu64
						 ", round %" PRIu64,
						 i, voter->address.ptr, height, commit->round);
	}
	return 0;
}

int certificate_of_message(struct wire_commit *out, struct certificate_fault *fault,
			   const struct wire_block_commit *message)
{
	if (!message->round)
		return certificate_fault(fault, CERTIFICATE_E_OLD_FORM, "a BlockCommit without a round");
	out->round = *message->round;
	out->signatures = message->signatures;
	return 0;
}
