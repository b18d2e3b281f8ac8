/* SPDX-License-Identifier: MIT
 *
 * Signature checks on all cores; see verify.h.
 */
#include "verify.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timed/util/thread.h"

/* What a thread takes at once: some milliseconds of work, so that the end of a job waits for nobody long. */
#define PORTION_INPUTS 64
#define MAX_THREADS 64
/* Remembered transactions; a power of two. */
#define KNOWN_SLOTS ((size_t)65536)

struct known_slot {
	uint8_t tag[crypto_shorthash_siphashx24_BYTES]; /* zero: empty */
};

struct verify {
	struct mutex lock; /* guards the queue, the jobs in it, quit, known; leaf */
	struct cond work;
	struct verify_job *first, **last;
	bool quit;
	struct known_slot *known;

	const struct chain_params *params; /* immutable, as the key */
	uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
	struct thread threads[MAX_THREADS];
	unsigned thread_count;
};

/* Transactions of one block, checked by one thread; with the first of them, the block's certificate. */
struct portion {
	struct verify_job *job;
	size_t block, first, last; /* last: not included */
};

static bool needs_certificate(const struct verify *v, const struct wire_block *block)
{
	return block_needs_certificate(v->params, block->header.height);
}

static void tag_of(const struct verify *v, uint8_t tag[crypto_shorthash_siphashx24_BYTES], const struct wire_hash *txid)
{
	crypto_shorthash_siphashx24(tag, txid->bytes, sizeof(txid->bytes), v->key);
}

static struct known_slot *slot_of(struct verify *v, const uint8_t tag[crypto_shorthash_siphashx24_BYTES])
{
	uint32_t index;

	memcpy(&index, tag, sizeof(index));
	return &v->known[index & (KNOWN_SLOTS - 1)];
}

bool verify_is_known(struct verify *v, const struct wire_hash *txid)
{
	uint8_t tag[crypto_shorthash_siphashx24_BYTES];
	bool known;

	tag_of(v, tag, txid);
	mutex_lock(&v->lock);
	known = memcmp(slot_of(v, tag)->tag, tag, sizeof(tag)) == 0;
	mutex_unlock(&v->lock);
	return known;
}

void verify_remember(struct verify *v, const struct wire_hash *txid)
{
	uint8_t tag[crypto_shorthash_siphashx24_BYTES];

	tag_of(v, tag, txid);
	mutex_lock(&v->lock);
	memcpy(slot_of(v, tag)->tag, tag, sizeof(tag));
	mutex_unlock(&v->lock);
}

/* Takes the next portion of the oldest job that is not all handed out: at least one transaction, even where the
 * certificate alone is more than a portion. */
static bool take_locked(struct verify *v, struct portion *out) REQUIRES(v->lock)
{
	struct verify_job *job = v->first;
	const struct wire_block *block;
	size_t inputs = 0;

	if (!job)
		return false;
	block = &job->blocks[job->block];
	*out = (struct portion){job, job->block, job->transaction, job->transaction};
	if (out->first == 0 && block->commit && needs_certificate(v, block))
		inputs = block->commit->signatures.len;
	while (out->last < block->transactions.len && (inputs < PORTION_INPUTS || out->last == out->first))
		inputs += block->transactions.items[out->last++].inputs.len;
	job->transaction = out->last;
	job->open++;
	if (out->last == block->transactions.len) {
		job->transaction = 0;
		job->block++;
	}
	if (job->block == job->count || job->error) {
		job->taken = true;
		v->first = job->next;
		if (!v->first)
			v->last = &v->first;
	}
	return true;
}

static int check(struct verify *v, struct chain_fault *fault, const struct portion *p)
{
	const struct wire_block *block = &p->job->blocks[p->block];
	const struct block_ids *ids = &p->job->ids[p->block];

	if (p->first == 0 && !p->job->proposed) {
		int r = block_check_certificate(fault, v->params, block, ids);

		if (r)
			return r;
	}
	for (size_t i = p->first; i < p->last; i++) {
		const struct wire_transaction *tx = &block->transactions.items[i];
		int r;

		if (tx->inputs.len == 0 || verify_is_known(v, &ids->txids[i]))
			continue;
		r = transaction_check_signatures(fault, tx, &ids->txids[i], (int64_t)i);
		if (r)
			return r;
		verify_remember(v, &ids->txids[i]);
	}
	return 0;
}

/* The portion is checked; true: so is the job. */
static bool finish_locked(struct portion *p, int error, const struct chain_fault *fault)
{
	struct verify_job *job = p->job;

	/* Of several faults the one in the first block counts, whoever found his first. */
	if (error && (!job->error || p->block < job->bad_block)) {
		job->error = error;
		job->fault = *fault;
		job->bad_block = p->block;
	}
	job->open--;
	return job->taken && job->open == 0;
}

static void *verify_run(void *arg)
{
	struct verify *v = arg;
	struct chain_fault fault;
	struct portion portion;

	mutex_lock(&v->lock);
	for (;;) {
		bool done;
		int error;

		while (!v->quit && !v->first)
			cond_wait(&v->work, &v->lock);
		if (!take_locked(v, &portion))
			break;
		mutex_unlock(&v->lock);
		error = check(v, &fault, &portion);
		mutex_lock(&v->lock);
		done = finish_locked(&portion, error, &fault);
		if (!done)
			continue;
		mutex_unlock(&v->lock);
		portion.job->done(portion.job);
		mutex_lock(&v->lock);
	}
	mutex_unlock(&v->lock);
	return NULL;
}

static bool has_signatures(const struct verify *v, const struct verify_job *job)
{
	for (size_t b = 0; b < job->count; b++) {
		const struct wire_transaction_list *txs = &job->blocks[b].transactions;

		if (needs_certificate(v, &job->blocks[b]))
			return true;
		for (size_t i = 0; i < txs->len; i++) {
			if (txs->items[i].inputs.len > 0)
				return true;
		}
	}
	return false;
}

void verify_submit(struct verify *v, struct verify_job *job)
{
	job->error = 0;
	job->next = NULL;
	job->block = job->transaction = job->open = 0;
	job->taken = false;
	if (!has_signatures(v, job)) {
		job->done(job);
		return;
	}
	mutex_lock(&v->lock);
	if (v->quit) {
		mutex_unlock(&v->lock);
		job->error = -ECANCELED;
		job->done(job);
		return;
	}
	*v->last = job;
	v->last = &job->next;
	cond_broadcast(&v->work);
	mutex_unlock(&v->lock);
}

int verify_start(struct verify **out, const struct chain_params *params, unsigned threads)
{
	struct verify *v = calloc(1, sizeof(*v));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!v)
		return -ENOMEM;
	v->known = calloc(KNOWN_SLOTS, sizeof(*v->known));
	if (!v->known) {
		free(v);
		return -ENOMEM;
	}
	if (threads == 0)
		threads = cores > 0 ? (unsigned)cores : 1;
	if (threads > MAX_THREADS)
		threads = MAX_THREADS;
	v->params = params;
	randombytes_buf(v->key, sizeof(v->key));
	mutex_init(&v->lock, "verify", MUTEX_RANK_LEAF);
	cond_init(&v->work);
	v->last = &v->first;
	for (v->thread_count = 0; v->thread_count < threads; v->thread_count++) {
		char name[16];
		int r;

		snprintf(name, sizeof(name), "verify:%u", v->thread_count);
		r = thread_start(&v->threads[v->thread_count], name, verify_run, v);
		if (r) {
			verify_free(v);
			return r;
		}
	}
	*out = v;
	return 0;
}

void verify_stop(struct verify *v)
{
	if (!v)
		return;
	mutex_lock(&v->lock);
	v->quit = true;
	cond_broadcast(&v->work);
	mutex_unlock(&v->lock);
	for (unsigned i = 0; i < v->thread_count; i++)
		thread_join(&v->threads[i]);
	v->thread_count = 0;
}

void verify_free(struct verify *v)
{
	if (!v)
		return;
	verify_stop(v);
	CHECK(!v->first);
	cond_destroy(&v->work);
	mutex_destroy(&v->lock);
	free(v->known);
	free(v);
}
