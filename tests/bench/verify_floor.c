// SPDX-License-Identifier: MIT
/* How many signatures a second all cores verify with libsodium at the same time, and nothing else: the bound of what a node
 * can do with signed transactions.  bench_sync.py and bench_payments.py run it before and after they measure, since the
 * speed of a machine that is shared with others changes by the minute.
 *
 *	verify_floor
 *
 * Every signature is another one, as in blocks: a processor learns the branches of one that it sees again and again, and
 * verifies it up to a tenth faster.
 *
 * Prints one line of JSON: verify_per_s. */
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_common.h"

#define SIGNATURES 4000
#define MESSAGE_BYTES 68 /* what the signature of an input is made of */
#define SECONDS 5
/* Verified between two looks at the clock. */
#define PORTION 100

struct signed_message {
	uint8_t key[crypto_sign_PUBLICKEYBYTES], message[MESSAGE_BYTES], signature[crypto_sign_BYTES];
};

static struct signed_message signatures[SIGNATURES];

struct core {
	pthread_t thread;
	size_t first; /* where it begins */
	double per_s;
};

static void make_signatures(void)
{
	uint8_t secret[crypto_sign_SECRETKEYBYTES];

	for (size_t i = 0; i < SIGNATURES; i++) {
		struct signed_message *s = &signatures[i];

		crypto_sign_keypair(s->key, secret);
		randombytes_buf(s->message, sizeof(s->message));
		crypto_sign_detached(s->signature, NULL, s->message, sizeof(s->message), secret);
	}
}

static void *verify(void *arg)
{
	struct core *core = arg;
	int64_t begun = bench_ns(), now;
	size_t count = 0;

	do {
		for (size_t i = 0; i < PORTION; i++, count++) {
			const struct signed_message *s = &signatures[(core->first + count) % SIGNATURES];

			if (crypto_sign_verify_detached(s->signature, s->message, sizeof(s->message), s->key))
				bench_die("a good signature does not verify");
		}
		now = bench_ns();
	} while (now - begun < SECONDS * INT64_C(1000000000));
	core->per_s = (double)count / ((double)(now - begun) / 1e9);
	return NULL;
}

int main(void)
{
	struct core *core;
	cpu_set_t set;
	double per_s = 0;
	int cores;

	if (sodium_init() < 0 || sched_getaffinity(0, sizeof(set), &set))
		bench_die("no libsodium, or the processors cannot be counted");
	cores = CPU_COUNT(&set);
	core = calloc((size_t)cores, sizeof(*core));
	if (!core)
		bench_die("out of memory");
	make_signatures();
	for (int i = 0; i < cores; i++) {
		core[i].first = (size_t)i * SIGNATURES / (size_t)cores;
		if (pthread_create(&core[i].thread, NULL, verify, &core[i]))
			bench_die("cannot start a thread");
	}
	for (int i = 0; i < cores; i++) {
		pthread_join(core[i].thread, NULL);
		per_s += core[i].per_s;
	}
	printf("{\"verify_per_s\": %.0f}\n", per_s);
	free(core);
	return 0;
}
