/* SPDX-License-Identifier: MIT
 *
 * Reading pool.dat at a start; see pool_load() in pool.h.
 *
 * Everything is checked against the chain as if it had come anew, but for signatures, which were checked before it was
 * written, and fees.  What spends something that stands further behind in the file waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool_format.h"
#include "pool_impl.h"
#include "pool_store.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"

/* A decoded transaction. */
#define RECORD_ARENA_BYTES ((size_t)64 << 20)
/* Why reading ended before the end of the file. */
#define PROBLEM_SIZE 128

/* A transaction whose inputs have not been seen yet. */
struct waiting {
	struct pool_entry *entry; /* without coins; NULL: done with */
	int64_t inserted_s;
	bool is_final;
	struct pool_past final;
};

struct loading {
	struct pool *pool;
	int64_t now_s;
	FILE *file;
	uint64_t offset;	   /* of the record in hand */
	uint64_t problem_at;	   /* of the first problem */
	uint8_t *record;	   /* room for the longest */
	struct arena arena;	   /* of one record */
	struct pool_events events; /* nobody is told */
	struct waiting *waiting;
	size_t waiting_count, waiting_capacity;
	size_t dropped;
	char problem[PROBLEM_SIZE]; /* the first one; "": none */
};

static void note_problem(struct loading *l, const char *what)
{
	if (l->problem[0])
		return;
	snprintf(l->problem, sizeof(l->problem), "%s", what);
	l->problem_at = l->offset;
}

/* ---- bytes ---- */

/* What a record turned out to be. */
enum found { FOUND_RECORD, FOUND_DAMAGE, FOUND_END };

/* True: all of it was there.  `begun`: the bytes before it were. */
static bool read_bytes(struct loading *l, uint8_t *out, size_t len, bool begun)
{
	size_t got = fread(out, 1, len, l->file);

	if (got == len)
		return true;
	if (ferror(l->file))
		note_problem(l, strerror(errno));
	else if (begun || got > 0)
		note_problem(l, "it ends inside a record, as it does when writing is cut off");
	return false;
}

static bool read_header(struct loading *l)
{
	uint8_t header[POOL_FORMAT_HEADER_BYTES];
	int r;

	if (!read_bytes(l, header, sizeof(header), true))
		return false;
	r = pool_format_header_read(header, &l->pool->params.chain->genesis_hash);
	if (r == POOL_FORMAT_E_FOREIGN)
		note_problem(l, "it is of another chain or a newer version");
	else if (r)
		note_problem(l, "its beginning is damaged");
	l->offset = sizeof(header);
	return r == 0;
}

/* 0 and `*found`, and after a record `*out`; -ENOMEM.  Damage inside a record leaves those behind it to be read. */
static int read_record(struct loading *l, struct pool_record *out, enum found *found)
{
	size_t body, len;
	int r;

	*found = FOUND_END;
	if (!read_bytes(l, l->record, POOL_FORMAT_HEAD_BYTES, false))
		return 0;
	body = pool_format_body_bytes(l->record);
	if (body == SIZE_MAX) {
		note_problem(l, "a record is damaged");
		return 0;
	}
	len = POOL_FORMAT_HEAD_BYTES + body + POOL_FORMAT_SUM_BYTES;
	if (!read_bytes(l, l->record + POOL_FORMAT_HEAD_BYTES, len - POOL_FORMAT_HEAD_BYTES, true))
		return 0;
	arena_reset(&l->arena);
	r = pool_format_record_read(out, &l->arena, l->record, len);
	if (r > 0)
		note_problem(l, "a record is damaged");
	*found = r > 0 ? FOUND_DAMAGE : FOUND_RECORD;
	l->offset += len;
	return r < 0 ? r : 0;
}

/* ---- records ---- */

static int settle(struct loading *l, const struct wire_hash *txid, const struct pool_past *final)
{
	struct pool *pool = l->pool;
	struct pool_past past = *final;
	uint32_t position;
	int r = chain_view_transaction(pool->view, &past.height, &position, txid);

	if (r == STORE_E_NOT_FOUND) {
		l->dropped++;
		return 0;
	}
	past.fate = POOL_FATE_SETTLED;
	mutex_lock(&pool->lock);
	if (!r)
		pool_remember_locked(pool, &pool->settled, txid, &past);
	mutex_unlock(&pool->lock);
	return r;
}

/* It is in the pool. */
static void finalize(struct loading *l, const struct wire_hash *txid, const struct pool_past *final)
{
	struct pool *pool = l->pool;
	struct pool_entry *entry;

	mutex_lock(&pool->lock);
	entry = pool_find_locked(pool, txid);
	if (entry && !entry->finalized)
		pool_make_final_locked(pool, entry, final->votes, final->at_s);
	mutex_unlock(&pool->lock);
}

/* 0; POOL_E_ORPHAN: it has to wait; negative or an enum store_error. */
static int take(struct loading *l, const struct wire_transaction *tx, const struct wire_hash *txid, int64_t inserted_s,
		const struct pool_past *final)
{
	struct pool_result result;
	struct pool_attempt attempt = {
		.pool = l->pool,
		.mode = POOL_OLD,
		.tx = tx,
		.txid = txid,
		.now_s = l->now_s,
		.inserted_s = inserted_s < l->now_s ? inserted_s : l->now_s,
		.final = final,
		.result = &result,
	};
	char text[HASH_TEXT_SIZE];
	int r = pool_attempt(&attempt, &l->events);

	/* there may be as many events as records */
	pool_events_free(&l->events);
	if (r == POOL_E_KNOWN && final)
		finalize(l, txid, final);
	else if (r == POOL_E_IN_CHAIN && final)
		return settle(l, txid, final);
	else if (r == POOL_E_ORPHAN)
		return r;
	else if (r >= POOL_E_RULE && r != POOL_E_KNOWN) {
		l->dropped++;
		log_debug(LOG_MEMPOOL, "The saved transaction %s is dropped: %s", hash_text(text, txid),
			  result.fault.text);
	}
	return r < POOL_E_RULE ? r : 0;
}

static int wait_for_inputs(struct loading *l, const struct pool_record *record, const struct wire_hash *txid,
			   const struct pool_past *final)
{
	struct waiting *grown;
	size_t capacity;

	if (l->waiting_count == l->waiting_capacity) {
		capacity = l->waiting_capacity ? 2 * l->waiting_capacity : 16;
		grown = realloc(l->waiting, capacity * sizeof(grown[0]));
		if (!grown)
			return -ENOMEM;
		l->waiting = grown;
		l->waiting_capacity = capacity;
	}
	grown = &l->waiting[l->waiting_count];
	*grown = (struct waiting){.inserted_s = record->inserted_s, .is_final = final != NULL};
	if (final)
		grown->final = *final;
	grown->entry = pool_entry_new(&record->transaction, txid, 0, NULL);
	if (!grown->entry)
		return -ENOMEM;
	l->waiting_count++;
	return 0;
}

static int take_transaction(struct loading *l, const struct pool_record *record)
{
	struct pool_past final = {.votes = record->votes, .at_s = record->finalized_s};
	const struct pool_past *f = record->finalized ? &final : NULL;
	struct wire_hash txid;
	int r;

	hash_txid(&txid, &record->transaction);
	r = take(l, &record->transaction, &txid, record->inserted_s, f);
	return r == POOL_E_ORPHAN ? wait_for_inputs(l, record, &txid, f) : r;
}

/* Of a transaction that stands before it: it is in the pool, it waits, or a block has taken it. */
static int take_final(struct loading *l, const struct pool_record *record)
{
	struct pool_past final = {.votes = record->votes, .at_s = record->finalized_s};
	struct pool_info info;

	for (size_t i = 0; i < l->waiting_count; i++) {
		if (!hash_equal(&l->waiting[i].entry->tx.txid, &record->txid))
			continue;
		l->waiting[i].is_final = true;
		l->waiting[i].final = final;
		return 0;
	}
	if (pool_find(l->pool, &info, &record->txid))
		return settle(l, &record->txid, &final);
	pool_info_free(&info);
	finalize(l, &record->txid, &final);
	return 0;
}

static int take_record(struct loading *l, const struct pool_record *record)
{
	struct pool_past past = {.votes = record->votes, .at_s = record->finalized_s};

	switch (record->kind) {
	case POOL_RECORD_TRANSACTION:
		return take_transaction(l, record);
	case POOL_RECORD_FINAL:
		return take_final(l, record);
	case POOL_RECORD_SETTLED:
		return settle(l, &record->txid, &past);
	}
	return 0;
}

/* As long as some are taken, others may be. */
static int take_waiting(struct loading *l)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < l->waiting_count; i++) {
			struct waiting *w = &l->waiting[i];
			int r;

			if (!w->entry)
				continue;
			r = take(l, &w->entry->tx.transaction, &w->entry->tx.txid, w->inserted_s,
				 w->is_final ? &w->final : NULL);
			if (r == POOL_E_ORPHAN)
				continue;
			if (r)
				return r;
			pool_entry_unref(w->entry);
			w->entry = NULL;
			again = true;
		}
	}
	for (size_t i = 0; i < l->waiting_count; i++)
		l->dropped += l->waiting[i].entry != NULL;
	return 0;
}

static int read_all(struct loading *l)
{
	enum found found = read_header(l) ? FOUND_RECORD : FOUND_END;
	struct pool_record record;

	while (found != FOUND_END) {
		int r = read_record(l, &record, &found);

		if (!r && found == FOUND_RECORD)
			r = take_record(l, &record);
		if (r)
			return r;
	}
	return take_waiting(l);
}

/* ---- the file ---- */

/* Keeps a damaged file for whoever wants to look at it. */
static void put_aside(struct pool *pool)
{
	size_t size = strlen(pool->file.path) + sizeof(".damaged");
	char *aside = malloc(size);

	if (!aside)
		return;
	snprintf(aside, size, "%s.damaged", pool->file.path);
	if ((unlink(aside) && errno != ENOENT) || link(pool->file.path, aside))
		log_warn(LOG_MEMPOOL, "%s cannot be kept as %s: %s", pool->file.path, aside, strerror(errno));
	free(aside);
}

/* All of it is good: appending goes on. */
static int append_to(struct pool *pool)
{
	struct pool_file *file = &pool->file;
	struct stat st;

	file->fd = open(file->path, O_RDWR | O_APPEND | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st))
		return -errno;
	file->bytes = file->fresh_bytes = (size_t)st.st_size;
	mutex_lock(&pool->lock);
	for (struct pool_entry *e = pool->first; e; e = e->after)
		e->in_file = true;
	mutex_unlock(&pool->lock);
	return 0;
}

static int finish(struct loading *l, bool existed)
{
	struct pool *pool = l->pool;

	mutex_lock(&pool->lock);
	pool_clean_locked(pool);
	pool_trim_locked(pool, &l->events, l->now_s);
	mutex_unlock(&pool->lock);
	if (existed && !l->problem[0])
		return append_to(pool);
	if (existed) {
		log_warn(LOG_MEMPOOL,
			 "%s is damaged at byte %" PRIu64
			 ": %s. Transactions that can be read are kept, and the file as %s.damaged",
			 pool->file.path, l->problem_at, l->problem, pool->file.path);
		put_aside(pool);
	}
	return pool_write_anew(pool);
}

static void report(struct loading *l, struct pool_loaded *out)
{
	struct pool *pool = l->pool;

	mutex_lock(&pool->lock);
	*out = (struct pool_loaded){
		.finalized = pool->final_count,
		.pending = pool->count - pool->final_count,
		.settled = pool->settled.table.count,
		.dropped = l->dropped,
	};
	mutex_unlock(&pool->lock);
	if (out->finalized + out->pending + out->dropped > 0)
		log_info(LOG_MEMPOOL, "Loaded %zu finalized and %zu pending transactions; %zu are not valid any more",
			 out->finalized, out->pending, out->dropped);
}

static void loading_free(struct loading *l)
{
	for (size_t i = 0; i < l->waiting_count; i++)
		pool_entry_unref(l->waiting[i].entry);
	free(l->waiting);
	free(l->record);
	pool_events_free(&l->events);
	arena_free(&l->arena);
	if (l->file)
		fclose(l->file);
}

int pool_load(struct pool *pool, struct pool_loaded *out, int64_t now_s)
{
	struct loading l = {.pool = pool, .now_s = now_s};
	int r = 0;

	*out = (struct pool_loaded){0};
	if (!pool->file.path)
		return 0;
	CHECK(pool->file.fd < 0);
	pool_events_init(&l.events);
	arena_init(&l.arena, RECORD_ARENA_BYTES, NULL);
	l.record = malloc(POOL_FORMAT_HEAD_BYTES + POOL_FORMAT_MAX_BODY + POOL_FORMAT_SUM_BYTES);
	l.file = fopen(pool->file.path, "re");
	if (!l.record)
		r = -ENOMEM;
	else if (!l.file && errno != ENOENT)
		r = -errno;
	else if (l.file)
		r = read_all(&l);
	if (!r)
		r = finish(&l, l.file != NULL);
	if (!r)
		report(&l, out);
	else if (r < 0)
		log_error(LOG_MEMPOOL, "%s cannot be read: %s", pool->file.path, strerror(-r));
	loading_free(&l);
	return r;
}
