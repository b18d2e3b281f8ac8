// SPDX-License-Identifier: MIT
/* Reading the open database, now or as of a snapshot, by key or in order: see store.h. */
#include "store_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/util/log.h"
#include "timed/util/thread.h"

/* What a walk from end to end reads ahead of itself. */
#define STORE_READAHEAD ((size_t)256 << 10)

struct store_snapshot {
	const rocksdb_snapshot_t *native;
	rocksdb_readoptions_t *options; /* read as of `native` */
};

struct store_cursor {
	struct store *store;
	enum store_family family;
	rocksdb_readoptions_t *options;
	rocksdb_iterator_t *iterator;
};

/* What is rebuilt from the blocks. */
static bool store_is_derived(enum store_family family)
{
	return family == STORE_BLOCK_INDEX || family == STORE_UTXO || family == STORE_UNDO ||
	       family == STORE_TX_INDEX || family == STORE_SCRIPT_INDEX;
}

int store_read_failed(struct store *store, enum store_family family, char *status)
{
	enum store_error error = store_error_from_status(status);
	struct store_failure failure;
	char detail[600];

	snprintf(detail, sizeof(detail), "reading %s%s: %.500s", store_family_name(family),
		 error == STORE_E_CORRUPT && store_is_derived(family) ? ", which --reindex rebuilds" : "", status);
	store_failure_set(&failure, error, store->dir, detail);
	rocksdb_free(status);
	log_error(LOG_CHAIN, "%s", failure.text);
	return (int)failure.error;
}

struct store_snapshot *store_snapshot_new(struct store *store)
{
	struct store_snapshot *snapshot = malloc(sizeof(*snapshot));

	CHECK(snapshot != NULL);
	snapshot->native = rocksdb_create_snapshot(store->db);
	snapshot->options = rocksdb_readoptions_create();
	rocksdb_readoptions_set_snapshot(snapshot->options, snapshot->native);
	return snapshot;
}

void store_snapshot_free(struct store *store, struct store_snapshot *snapshot)
{
	if (!snapshot)
		return;
	rocksdb_readoptions_destroy(snapshot->options);
	rocksdb_release_snapshot(store->db, snapshot->native);
	free(snapshot);
}

int store_snapshot_get(struct store *store, const struct store_snapshot *snapshot, struct store_value *out,
		       enum store_family family, const void *key, size_t key_len)
{
	rocksdb_pinnableslice_t *slice;
	char *status = NULL;

	*out = (struct store_value){.data = NULL};
	slice = rocksdb_get_pinned_cf(store->db, snapshot ? snapshot->options : store->read_options,
				      store_handle(store, family), key, key_len, &status);
	if (status)
		return store_read_failed(store, family, status);
	if (!slice)
		return STORE_E_NOT_FOUND;
	out->data = (const uint8_t *)rocksdb_pinnableslice_value(slice, &out->len);
	out->pin = slice;
	return 0;
}

int store_get(struct store *store, struct store_value *out, enum store_family family, const void *key, size_t key_len)
{
	return store_snapshot_get(store, NULL, out, family, key, key_len);
}

void store_value_free(struct store_value *value)
{
	if (value->pin)
		rocksdb_pinnableslice_destroy(value->pin);
	*value = (struct store_value){.data = NULL};
}

/* `sweep`: most of the family will be walked through. */
static struct store_cursor *store_cursor_make(struct store *store, const struct store_snapshot *snapshot,
					      enum store_family family, const void *from, size_t from_len, bool sweep)
{
	struct store_cursor *cursor = malloc(sizeof(*cursor));

	CHECK(cursor != NULL);
	cursor->store = store;
	cursor->family = family;
	cursor->options = rocksdb_readoptions_create();
	if (snapshot)
		rocksdb_readoptions_set_snapshot(cursor->options, snapshot->native);
	if (sweep) {
		/* A long walk must not push out what is asked for by key. */
		rocksdb_readoptions_set_fill_cache(cursor->options, 0);
		rocksdb_readoptions_set_readahead_size(cursor->options, STORE_READAHEAD);
	}
	cursor->iterator = rocksdb_create_iterator_cf(store->db, cursor->options, store_handle(store, family));
	if (from_len > 0)
		rocksdb_iter_seek(cursor->iterator, from, from_len);
	else
		rocksdb_iter_seek_to_first(cursor->iterator);
	return cursor;
}

struct store_cursor *store_cursor_open(struct store *store, const struct store_snapshot *snapshot,
				       enum store_family family, const void *from, size_t from_len)
{
	return store_cursor_make(store, snapshot, family, from, from_len, true);
}

bool store_cursor_at(struct store_cursor *cursor, struct store_slice *key, struct store_slice *value)
{
	if (!rocksdb_iter_valid(cursor->iterator))
		return false;
	if (key)
		key->data = (const uint8_t *)rocksdb_iter_key(cursor->iterator, &key->len);
	if (value)
		value->data = (const uint8_t *)rocksdb_iter_value(cursor->iterator, &value->len);
	return true;
}

void store_cursor_next(struct store_cursor *cursor)
{
	rocksdb_iter_next(cursor->iterator);
}

void store_cursor_last(struct store_cursor *cursor)
{
	rocksdb_iter_seek_to_last(cursor->iterator);
}

int store_cursor_close(struct store_cursor *cursor)
{
	char *status = NULL;
	int r = 0;

	if (!cursor)
		return 0;
	/* An iterator that meets damage is at its end like any other: only its error tells. */
	rocksdb_iter_get_error(cursor->iterator, &status);
	rocksdb_iter_destroy(cursor->iterator);
	rocksdb_readoptions_destroy(cursor->options);
	if (status)
		r = store_read_failed(cursor->store, cursor->family, status);
	free(cursor);
	return r;
}

int store_snapshot_scan(struct store *store, const struct store_snapshot *snapshot, enum store_family family,
			const void *prefix, size_t prefix_len,
			bool (*visit)(void *user, const uint8_t *key, size_t key_len, const uint8_t *value,
				      size_t value_len),
			void *user)
{
	struct store_cursor *cursor = store_cursor_make(store, snapshot, family, prefix, prefix_len, prefix_len == 0);
	struct store_slice key, value;

	while (store_cursor_at(cursor, &key, &value)) {
		if (prefix_len > 0 && (key.len < prefix_len || memcmp(key.data, prefix, prefix_len) != 0))
			break;
		if (!visit(user, key.data, key.len, value.data, value.len))
			break;
		store_cursor_next(cursor);
	}
	return store_cursor_close(cursor);
}

int store_scan(struct store *store, enum store_family family, const void *prefix, size_t prefix_len,
	       bool (*visit)(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len),
	       void *user)
{
	return store_snapshot_scan(store, NULL, family, prefix, prefix_len, visit, user);
}
