// SPDX-License-Identifier: MIT
/* Signatures for the inputs of a transaction, on every core when there are many: see payment.h. */
#include "payment_impl.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "timed/util/thread.h"
#include "timeproto/chain/sign.h"

/* What a thread takes at once: a millisecond of work. */
#define PORTION_INPUTS 32
#define MAX_THREADS 64
#define PAIR_BYTES 64

struct signing {
	struct wallet *wallet;
	struct wire_tx_input *inputs; /* each written by the thread that takes it */
	size_t count;
	const uint32_t *keys;
	uint8_t (*scripts)[SIGN_SCRIPT_SIG_BYTES]; /* room for one an input */
	struct sign_base base;
	atomic_size_t next; /* the first input that nobody has taken */
};

struct signer {
	struct signing *job;
	uint8_t *pair; /* sodium_malloc: the secret key in use */
	struct thread thread;
};

static void sign_range(struct signer *s, size_t first, size_t last)
{
	struct signing *job = s->job;
	uint32_t key = PAYMENT_NOT_OURS;

	for (size_t i = first; i < last; i++) {
		if (job->keys[i] == PAYMENT_NOT_OURS)
			continue;
		if (job->keys[i] != key)
			wallet_signing_pair(job->wallet, s->pair, job->keys[i]);
		key = job->keys[i];
		sign_input(job->scripts[i], &job->base, (uint32_t)i, s->pair);
		job->inputs[i].script_sig = (struct wire_bytes){job->scripts[i], SIGN_SCRIPT_SIG_BYTES};
	}
}

static void *sign_run(void *arg)
{
	struct signer *s = arg;
	struct signing *job = s->job;

	for (;;) {
		size_t first = atomic_fetch_add(&job->next, PORTION_INPUTS), last = first + PORTION_INPUTS;

		if (first >= job->count)
			return NULL;
		sign_range(s, first, last < job->count ? last : job->count);
	}
}

static size_t thread_count(unsigned wanted, size_t inputs)
{
	size_t portions = (inputs + PORTION_INPUTS - 1) / PORTION_INPUTS;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = wanted > 0 ? wanted : cores > 0 ? (size_t)cores : 1;

	if (count > MAX_THREADS)
		count = MAX_THREADS;
	return count < portions ? count : portions > 0 ? portions : 1;
}

/* The calling thread signs too, and all of it if no other can be had. */
static int sign_all(struct signing *job, size_t count)
{
	struct signer signers[MAX_THREADS];
	char name[16];

	signers[0] = (struct signer){.job = job, .pair = sodium_malloc(PAIR_BYTES)};
	if (!signers[0].pair)
		return -ENOMEM;
	for (size_t i = 1; i < count; i++) {
		signers[i] = (struct signer){.job = job, .pair = sodium_malloc(PAIR_BYTES)};
		snprintf(name, sizeof(name), "sign:%zu", i);
		if (signers[i].pair && thread_start(&signers[i].thread, name, sign_run, &signers[i]) == 0)
			continue;
		sodium_free(signers[i].pair);
		count = i;
	}
	sign_run(&signers[0]);
	for (size_t i = 1; i < count; i++)
		thread_join(&signers[i].thread);
	for (size_t i = 0; i < count; i++)
		sodium_free(signers[i].pair); /* wipes it */
	return 0;
}

int payment_sign(struct payment_fault *fault, struct arena *arena, struct wire_transaction *transaction,
		 const uint32_t *keys, struct wallet *wallet, unsigned threads)
{
	struct signing job = {.wallet = wallet,
			      .inputs = transaction->inputs.items,
			      .count = transaction->inputs.len,
			      .keys = keys,
			      .scripts = arena_alloc(arena, transaction->inputs.len * SIGN_SCRIPT_SIG_BYTES)};
	int r;

	if (!job.scripts)
		return -ENOMEM;
	if (wallet_signing_begin(wallet))
		return payment_locked(fault);
	sign_base_make(&job.base, transaction);
	r = sign_all(&job, thread_count(threads, job.count));
	wallet_signing_end(wallet);
	return r;
}
