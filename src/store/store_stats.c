/* SPDX-License-Identifier: MIT
 *
 * What RocksDB tells about itself; see store.h.
 */
#include <string.h>

#include "store_impl.h"

/* Summed over the families; a property that RocksDB does not know is 0. */
static uint64_t sum(const struct store *store, const char *property)
{
	uint64_t all = 0, one;

	for (int i = 0; i < STORE_FAMILY_COUNT; i++) {
		if (rocksdb_property_int_cf(store->db, store->family[i], property, &one) == 0)
			all += one;
	}
	return all;
}

/* Of the whole database: every family gives the same. */
static uint64_t of_all(const struct store *store, const char *property)
{
	uint64_t one;

	return rocksdb_property_int_cf(store->db, store->family[0], property, &one) == 0 ? one : 0;
}

void store_get_memory(const struct store *store, struct store_memory *out)
{
	out->cache = rocksdb_cache_get_usage(store->cache);
	out->pinned = rocksdb_cache_get_pinned_usage(store->cache);
	out->cache_limit = rocksdb_cache_get_capacity(store->cache);
	out->memtables = sum(store, "rocksdb.cur-size-all-mem-tables");
	out->readers = sum(store, "rocksdb.estimate-table-readers-mem");
}

void store_get_stats(struct store *store, struct store_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->table_bytes = sum(store, "rocksdb.total-sst-files-size");
	out->live_bytes = sum(store, "rocksdb.estimate-live-data-size");
	out->pending_compaction_bytes = sum(store, "rocksdb.estimate-pending-compaction-bytes");
	out->snapshots = of_all(store, "rocksdb.num-snapshots");
	out->compactions = of_all(store, "rocksdb.num-running-compactions");
	out->flushes = of_all(store, "rocksdb.num-running-flushes");
	out->background_errors = of_all(store, "rocksdb.background-errors");
	out->write_stopped = of_all(store, "rocksdb.is-write-stopped") != 0;
	out->delayed_write_bytes_per_s = of_all(store, "rocksdb.actual-delayed-write-rate");
}
