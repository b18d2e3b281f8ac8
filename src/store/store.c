// SPDX-License-Identifier: MIT
/* Writing to the open database: see store.h.  Reading is in store_read.c. */
#include "timed/store/store.h"

#include <string.h>

#include "store_impl.h"
#include "timed/util/log.h"
#include "timed/util/thread.h"

/* A batch is RocksDB's own; the struct is only its name outside. */
static rocksdb_writebatch_t *store_batch_native(struct store_batch *batch)
{
	return (rocksdb_writebatch_t *)batch;
}

const char *store_family_name(enum store_family family)
{
	static const char *const names[STORE_FAMILY_COUNT] = {
		[STORE_BLOCKS] = "blocks",
		[STORE_BLOCK_INDEX] = "block_index",
		[STORE_UTXO] = "utxo",
		[STORE_UNDO] = "undo",
		[STORE_TX_INDEX] = "tx_index",
		[STORE_SCRIPT_INDEX] = "script_index",
		[STORE_COMMITS] = "commits",
		[STORE_BRANCH] = "branch",
		[STORE_MASTERNODES] = "masternodes",
		[STORE_ADDRESSES] = "addresses",
		[STORE_BANS] = "bans",
		[STORE_META] = "meta",
	};

	CHECK((unsigned)family < STORE_FAMILY_COUNT);
	return names[family];
}

rocksdb_column_family_handle_t *store_handle(const struct store *store, enum store_family family)
{
	CHECK((unsigned)family < STORE_FAMILY_COUNT);
	return store->family[family];
}

/* Takes over RocksDB's text of a failed write.  The first one is remembered and reported. */
static int store_write_failed(struct store *store, char *status)
{
	int none = STORE_FAILURE_NONE;
	enum store_error error = store_error_from_status(status);

	if (atomic_compare_exchange_strong(&store->failure_state, &none, STORE_FAILURE_WRITING)) {
		store_failure_set(&store->failure, error, store->dir, status);
		atomic_store(&store->failure_state, STORE_FAILURE_SET);
		log_error(LOG_CHAIN, "%s", store->failure.text);
		if (store->on_failure)
			store->on_failure(store->user, &store->failure);
	}
	rocksdb_free(status);
	return (int)error;
}

/* After a failed write nothing is written any more: what came later might stand without what came before. */
static int store_refuse_write(const struct store *store)
{
	return atomic_load(&store->failure_state) == STORE_FAILURE_SET ? (int)store->failure.error : 0;
}

bool store_failed(const struct store *store, struct store_failure *failure)
{
	if (atomic_load(&store->failure_state) != STORE_FAILURE_SET)
		return false;
	if (failure)
		*failure = store->failure;
	return true;
}

static const rocksdb_writeoptions_t *store_write_options(const struct store *store, bool sync)
{
	return sync ? store->sync_options : store->write_options;
}

int store_put(struct store *store, enum store_family family, const void *key, size_t key_len, const void *value,
	      size_t value_len, bool sync)
{
	char *status = NULL;
	int r = store_refuse_write(store);

	if (r)
		return r;
	rocksdb_put_cf(store->db, store_write_options(store, sync), store_handle(store, family), key, key_len, value,
		       value_len, &status);
	return status ? store_write_failed(store, status) : 0;
}

int store_delete(struct store *store, enum store_family family, const void *key, size_t key_len, bool sync)
{
	char *status = NULL;
	int r = store_refuse_write(store);

	if (r)
		return r;
	rocksdb_delete_cf(store->db, store_write_options(store, sync), store_handle(store, family), key, key_len,
			  &status);
	return status ? store_write_failed(store, status) : 0;
}

struct store_batch *store_batch_new(void)
{
	return (struct store_batch *)rocksdb_writebatch_create();
}

void store_batch_free(struct store_batch *batch)
{
	if (batch)
		rocksdb_writebatch_destroy(store_batch_native(batch));
}

void store_batch_put(struct store *store, struct store_batch *batch, enum store_family family, const void *key,
		     size_t key_len, const void *value, size_t value_len)
{
	rocksdb_writebatch_put_cf(store_batch_native(batch), store_handle(store, family), key, key_len, value,
				  value_len);
}

void store_batch_delete(struct store *store, struct store_batch *batch, enum store_family family, const void *key,
			size_t key_len)
{
	rocksdb_writebatch_delete_cf(store_batch_native(batch), store_handle(store, family), key, key_len);
}

void store_batch_delete_range(struct store *store, struct store_batch *batch, enum store_family family,
			      const void *begin, size_t begin_len, const void *end, size_t end_len)
{
	rocksdb_writebatch_delete_range_cf(store_batch_native(batch), store_handle(store, family), begin, begin_len,
					   end, end_len);
}

size_t store_batch_count(struct store_batch *batch)
{
	return (size_t)rocksdb_writebatch_count(store_batch_native(batch));
}

size_t store_batch_bytes(struct store_batch *batch)
{
	size_t bytes;

	(void)rocksdb_writebatch_data(store_batch_native(batch), &bytes);
	return bytes;
}

int store_batch_commit(struct store *store, struct store_batch *batch, bool sync)
{
	char *status = NULL;
	int r = store_refuse_write(store);

	if (!r)
		rocksdb_write(store->db, store_write_options(store, sync), store_batch_native(batch), &status);
	rocksdb_writebatch_clear(store_batch_native(batch));
	return status ? store_write_failed(store, status) : r;
}

int store_sync(struct store *store)
{
	char *status = NULL;
	int r = store_refuse_write(store);

	if (r || store->env) /* what is in memory cannot be synced */
		return r;
	rocksdb_flush_wal(store->db, 1, &status);
	return status ? store_write_failed(store, status) : 0;
}

int store_clear(struct store *store, enum store_family family)
{
	rocksdb_column_family_handle_t *fresh, *old = store_handle(store, family);
	char *status = NULL;
	int r = store_refuse_write(store);

	if (r)
		return r;
	/* Dropped and made again: deleting by key would have to read what may be damaged.  A crash in between is mended
	 * by the next opening, which makes missing families. */
	rocksdb_drop_column_family(store->db, old, &status);
	if (status)
		return store_write_failed(store, status);
	fresh = rocksdb_create_column_family(store->db, store->family_options[store_family_size(family)],
					     store_family_name(family), &status);
	if (status)
		return store_write_failed(store, status);
	store->family[family] = fresh;
	rocksdb_column_family_handle_destroy(old);
	return 0;
}
