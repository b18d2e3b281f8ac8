/* SPDX-License-Identifier: MIT
 *
 * What the files of a payment share: payment.c (building), payment_choose.c (coins), payment_sign.c (signatures).
 */
#ifndef TIMED_NODE_PAYMENT_IMPL_H
#define TIMED_NODE_PAYMENT_IMPL_H

#include "timed/node/payment.h"

/* "1234.00000001" and more room than any amount needs. */
#define PAYMENT_AMOUNT_SIZE 24

/* An amount as people read it; returns `out`. */
const char *payment_amount(char out[PAYMENT_AMOUNT_SIZE], uint64_t satoshis);

/* Fills in the fault; returns `error`. */
int payment_fault_set(struct payment_fault *fault, enum payment_error error, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

int payment_locked(struct payment_fault *fault) __attribute__((cold));

/* Numbers that follow from a seed: splitmix64 (Steele, Lea, Flood). */
static inline uint64_t payment_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A random order of the indexes. */
void payment_shuffle(size_t *list, size_t count, uint64_t *random);

#endif
