/* SPDX-License-Identifier: MIT
 *
 * The fee that pools ask for, and what they hold for dust (PROTOCOL.md §6): policy, and never a rule of blocks.  A
 * transaction pays at least max(1000, floor(outputs / 1000)), where outputs is the sum of what it pays out.
 *
 * Amounts are in satoshis.  Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_FEE_H
#define TIMEPROTO_CHAIN_FEE_H

#include <stdbool.h>
#include <stdint.h>

/* The least fee of all. */
#define FEE_FLOOR UINT64_C(1000)
/* The fee is one satoshi for so many. */
#define FEE_DIVISOR UINT64_C(1000)
/* An output from 1 up to this is dust. */
#define FEE_DUST_MAX UINT64_C(545)

/* The fee for outputs of this sum. */
uint64_t fee_for_outputs(uint64_t outputs);
/* The least sum of inputs that pays `outputs` and their fee.  False: it is more than 64 bits hold. */
bool fee_inputs_for(uint64_t *inputs, uint64_t outputs) __attribute__((warn_unused_result));
/* The greatest sum of outputs that `inputs` pay with their fee; 0 when they do not even pay the fee.  What is left over
 * is the fee: one satoshi above the least for some sums, since the next greater output would cost two. */
uint64_t fee_outputs_of(uint64_t inputs);

/* An output of this value is dust.  One of nothing is not: it is left to its maker. */
bool fee_is_dust(uint64_t value);

#endif
