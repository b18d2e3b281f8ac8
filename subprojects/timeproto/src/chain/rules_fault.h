/* SPDX-License-Identifier: MIT
 *
 * How the rules (rules.c, form.c, spends.c) say what is wrong.
 *
 * The texts go to logs and to people: what a peer chose freely stands in them as hex or as a length, never as it is.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_RULES_FAULT_H
#define TIMEPROTO_CHAIN_RULES_FAULT_H

#include <stdint.h>

#include "timeproto/chain/rules.h"

/* "transaction 12345 (64 hex digits)" and more room than any 64-bit number needs. */
#define RULES_WHERE_SIZE 104

/* Fills in the fault; returns `error`. */
int rules_fault(struct chain_fault *fault, enum chain_error error, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));
/* Names a transaction by its index in the block (-1: in none) and its txid; returns `out`. */
const char *rules_where(char out[RULES_WHERE_SIZE], int64_t position, const struct wire_hash *txid)
	__attribute__((cold));
/* CHAIN_E_SCRIPT_SIG when this input's script_sig has another length than a key and a signature. */
int rules_script_sig(struct chain_fault *fault, const struct wire_transaction *transaction, size_t input,
		     const struct wire_hash *txid, int64_t position) __attribute__((warn_unused_result));

#endif
