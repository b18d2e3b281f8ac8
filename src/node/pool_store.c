/* SPDX-License-Identifier: MIT
 *
 * pool.dat: what of the pool survives (pool_format.h).
 *
 * One file, written whole and atomically at a stop, and appended to while the node runs: pending transactions are worth
 * no disk access, but a finalized one must be there after any crash, so it is written and synced before pool_finalize()
 * returns, all of one call with one sync; with it those ancestors without which it would not be valid.  A log of our
 * own, beside the database: the families there belong to the chain and keeper threads, and a finality must not wait for
 * their batches.  When the file has grown by much it is written whole again.
 *
 * Writers take turns; the pool's lock is never held while one writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool_format.h"
#include "pool_impl.h"
#include "pool_store.h"
#include "timed/util/file.h"
#include "timed/util/log.h"

/* What is gathered before it is written. */
#define CHUNK_BYTES ((size_t)1 << 20)

/* ---- turns ---- */

static void enter(struct pool *pool)
{
	mutex_lock(&pool->lock);
	while (pool->file.busy)
		cond_wait(&pool->file.idle, &pool->lock);
	pool->file.busy = true;
	mutex_unlock(&pool->lock);
}

static void leave(struct pool *pool)
{
	mutex_lock(&pool->lock);
	pool->file.busy = false;
	cond_signal(&pool->file.idle);
	mutex_unlock(&pool->lock);
}

void pool_file_close(struct pool *pool)
{
	if (pool->file.fd >= 0)
		close(pool->file.fd);
	free(pool->file.dir);
	free(pool->file.path);
}

/* Says so, and remembers it: what follows would be lost behind it. */
static int fail(struct pool *pool, int error)
{
	pool->file.error = error;
	log_error(LOG_MEMPOOL, "%s cannot be written: %s", pool->file.path, strerror(-error));
	return error;
}

/* ---- appending ---- */

void pool_dirty_locked(struct pool *pool, struct pool_entry *entry)
{
	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->next_dirty = NULL;
	*pool->last_dirty = pool_entry_ref(entry);
	pool->last_dirty = &entry->next_dirty;
}

static struct pool_record record_of(const struct pool_entry *e)
{
	return (struct pool_record){
		.kind = POOL_RECORD_TRANSACTION,
		.transaction = e->tx.transaction,
		.txid = e->tx.txid,
		.finalized = e->finalized,
		.votes = e->votes,
		.inserted_s = e->inserted_s,
		.finalized_s = e->finalized_s,
	};
}

/* The pool's lock is held. */
static void encode(struct buf *out, struct pool_entry *e)
{
	struct pool_record record = record_of(e);

	if (e->in_file && !e->finalized)
		return;
	if (e->in_file)
		record.kind = POOL_RECORD_FINAL;
	pool_format_record(out, &record);
	e->in_file = true;
}

static void encode_dirty_locked(struct pool *pool, struct buf *out) REQUIRES(pool->lock)
{
	while (pool->dirty) {
		struct pool_entry *e = pool->dirty;
		struct pool_walk w = {.first = NULL};

		pool->dirty = e->next_dirty;
		e->dirty = false;
		if (e->present)
			pool_ancestors_locked(pool, &w, e);
		for (struct pool_entry *a = w.first; a; a = a->walk) {
			if (!a->in_file)
				encode(out, a);
		}
		encode(out, e);
		pool_entry_unref(e);
	}
	pool->last_dirty = &pool->dirty;
}

void pool_clean_locked(struct pool *pool)
{
	while (pool->dirty) {
		struct pool_entry *e = pool->dirty;

		pool->dirty = e->next_dirty;
		e->dirty = false;
		pool_entry_unref(e);
	}
	pool->last_dirty = &pool->dirty;
}

static int append(struct pool *pool, const struct buf *bytes)
{
	struct pool_file *file = &pool->file;
	int r;

	if (file->error)
		return file->error;
	if (bytes->error)
		return fail(pool, bytes->error);
	if (bytes->len == 0)
		return 0;
	r = file_write_all(file->fd, bytes->data, bytes->len);
	if (!r && fdatasync(file->fd))
		r = -errno;
	/* part of a record may be there: the next start takes it for the end, as it would after a crash */
	if (r)
		return fail(pool, r);
	file->bytes += bytes->len;
	return 0;
}

int pool_flush(struct pool *pool)
{
	struct pool_file *file = &pool->file;
	struct buf bytes = BUF_INIT;
	int r;

	if (!file->path) {
		mutex_lock(&pool->lock);
		pool_clean_locked(pool);
		mutex_unlock(&pool->lock);
		return 0;
	}
	enter(pool);
	CHECK(file->fd >= 0); /* pool_load() comes first */
	mutex_lock(&pool->lock);
	encode_dirty_locked(pool, &bytes);
	mutex_unlock(&pool->lock);
	r = append(pool, &bytes);
	buf_free(&bytes);
	if (!r && file->bytes > file->fresh_bytes + pool->params.log_bytes && file->bytes / 2 > file->fresh_bytes) {
		r = pool_write_anew(pool);
		/* without memory the file goes on growing for a while */
		if (r == -ENOMEM)
			r = 0;
	}
	leave(pool);
	return r;
}

/* ---- the whole ---- */

/* A file that is being written. */
struct output {
	int fd;
	struct buf chunk;
	size_t written;
	int error;
};

static void put_out(struct output *o)
{
	if (!o->error)
		o->error = o->chunk.error;
	if (!o->error)
		o->error = file_write_all(o->fd, o->chunk.data, o->chunk.len);
	o->written += o->chunk.len;
	buf_reset(&o->chunk);
}

static void put_record(struct output *o, const struct pool_record *record)
{
	pool_format_record(&o->chunk, record);
	if (o->chunk.len >= CHUNK_BYTES || o->chunk.error)
		put_out(o);
}

static void put_transactions(struct output *o, const struct pool_list *list)
{
	for (size_t i = 0; i < list->count && !o->error; i++) {
		const struct pool_info *info = &list->items[i];
		struct pool_record record = {
			.kind = POOL_RECORD_TRANSACTION,
			.transaction = info->tx->transaction,
			.finalized = info->finalized,
			.votes = info->votes,
			.inserted_s = info->inserted_s,
			.finalized_s = info->finalized_s,
		};

		put_record(o, &record);
	}
}

/* What blocks settled: a copy, so that nothing is encoded under the lock. */
static int copy_settled(struct pool *pool, struct pool_record **out, size_t *count)
{
	struct pool_record *copy;
	size_t capacity;

	mutex_lock(&pool->lock);
	capacity = pool->settled.table.count;
	mutex_unlock(&pool->lock);
	*count = 0;
	*out = copy = malloc((capacity + 1) * sizeof(copy[0]));
	if (!copy)
		return -ENOMEM;
	mutex_lock(&pool->lock);
	for (const struct pool_memo *m = pool->settled.first; m && *count < capacity; m = m->next)
		copy[(*count)++] = (struct pool_record){.kind = POOL_RECORD_SETTLED,
							.txid = m->txid,
							.votes = m->past.votes,
							.finalized_s = m->past.at_s,
							.height = m->past.height};
	mutex_unlock(&pool->lock);
	return 0;
}

static int fill(struct pool *pool, struct output *o, const struct pool_list *list)
{
	struct pool_record *settled;
	size_t count;
	int r = copy_settled(pool, &settled, &count);

	if (r)
		return r;
	pool_format_header(&o->chunk, &pool->params.chain->genesis_hash);
	for (size_t i = 0; i < count && !o->error; i++)
		put_record(o, &settled[i]);
	free(settled);
	put_transactions(o, list);
	put_out(o);
	buf_free(&o->chunk);
	if (!o->error && fsync(o->fd))
		o->error = -errno;
	return o->error;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	/* some filesystems cannot sync a directory */
	if (fsync(fd) && errno != EINVAL)
		r = -errno;
	close(fd);
	return r;
}

/* Writes a temporary file and moves it into the place of the old one; 0 and its descriptor. */
static int replace(struct pool *pool, struct output *o, const struct pool_list *list)
{
	const char *path = pool->file.path;
	size_t size = strlen(path) + sizeof(".new");
	char *temporary = malloc(size);
	int r;

	if (!temporary)
		return -ENOMEM;
	snprintf(temporary, size, "%s.new", path);
	o->fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	r = o->fd < 0 ? -errno : fill(pool, o, list);
	if (!r && rename(temporary, path))
		r = -errno;
	if (!r)
		r = sync_dir(pool->file.dir);
	if (r && o->fd >= 0) {
		close(o->fd);
		unlink(temporary);
	}
	free(temporary);
	return r;
}

/* The new file is the one that is appended to from now on. */
static void adopt_file(struct pool *pool, const struct output *o, const struct pool_list *list)
{
	struct pool_file *file = &pool->file;

	if (file->fd >= 0)
		close(file->fd);
	file->fd = o->fd;
	file->bytes = file->fresh_bytes = o->written;
	file->error = 0;
	mutex_lock(&pool->lock);
	for (size_t i = 0; i < list->count; i++)
		POOL_CONTAINER(list->items[i].tx, struct pool_entry, tx)->in_file = true;
	mutex_unlock(&pool->lock);
}

int pool_write_anew(struct pool *pool)
{
	struct output o = {.fd = -1};
	struct pool_list list;
	int r = pool_list(pool, &list, POOL_ALL);

	if (!r)
		r = replace(pool, &o, &list);
	if (!r)
		adopt_file(pool, &o, &list);
	else if (r != -ENOMEM)
		(void)fail(pool, r);
	buf_free(&o.chunk);
	pool_list_free(&list);
	return r;
}

int pool_save(struct pool *pool)
{
	int r;

	if (!pool->file.path)
		return 0;
	enter(pool);
	CHECK(pool->file.fd >= 0); /* pool_load() comes first */
	r = pool_write_anew(pool);
	leave(pool);
	return r;
}
