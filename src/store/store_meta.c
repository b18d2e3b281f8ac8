// SPDX-License-Identifier: MIT
/* The entries that say what a database is: schema, network, genesis hash.  Written when it is made, compared whenever
 * it is opened. */
#include "store_impl.h"

#include <stdio.h>
#include <string.h>

#include "timeproto/chain/hash.h"

static const char store_meta_schema[] = "schema";   /* u32 LE */
static const char store_meta_network[] = "network"; /* its name */
static const char store_meta_genesis[] = "genesis"; /* 32 bytes */

static int store_meta_fail(struct store_failure *failure, const struct store *store, enum store_error error,
			   const char *detail)
{
	store_failure_set(failure, error, store->dir, detail);
	return (int)error;
}

static bool store_meta_found(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	bool *found = user;

	(void)key;
	(void)key_len;
	(void)value;
	(void)value_len;
	*found = true;
	return false;
}

/* A crash may have come between the making of the database and its first write: then it holds nothing at all.  If it
 * holds something, the entry that says what has been lost. */
static int store_meta_expect_empty(struct store *store, struct store_failure *failure)
{
	bool found = false;
	int r;

	for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++) {
		r = store_scan(store, family, NULL, 0, store_meta_found, &found);
		if (r)
			return store_meta_fail(failure, store, (enum store_error)r, "it cannot be read");
	}
	if (found)
		return store_meta_fail(failure, store, STORE_E_CORRUPT, "the entry \"schema\" is missing");
	return 0;
}

static int store_meta_write(struct store *store, struct store_failure *failure, const struct store_params *params)
{
	static const uint8_t schema[4] = {STORE_SCHEMA_VERSION};
	struct store_batch *batch;
	int r = store_meta_expect_empty(store, failure);

	if (r)
		return r;
	batch = store_batch_new();
	store_batch_put(store, batch, STORE_META, store_meta_schema, strlen(store_meta_schema), schema, sizeof(schema));
	store_batch_put(store, batch, STORE_META, store_meta_network, strlen(store_meta_network), params->network,
			strlen(params->network));
	store_batch_put(store, batch, STORE_META, store_meta_genesis, strlen(store_meta_genesis),
			params->genesis_hash.bytes, sizeof(params->genesis_hash.bytes));
	r = store_batch_commit(store, batch, true);
	store_batch_free(batch);
	if (r && !store_failed(store, failure))
		return store_meta_fail(failure, store, (enum store_error)r, "it cannot be written");
	return r;
}

/* Reads an entry that must be there. */
static int store_meta_read(struct store *store, struct store_failure *failure, struct store_value *out, const char *key)
{
	char detail[100];
	int r = store_get(store, out, STORE_META, key, strlen(key));

	if (!r)
		return 0;
	if (r == STORE_E_NOT_FOUND)
		r = STORE_E_CORRUPT;
	snprintf(detail, sizeof(detail), "the entry \"%s\" is missing or cannot be read", key);
	return store_meta_fail(failure, store, (enum store_error)r, detail);
}

static int store_meta_check_schema(const struct store *store, struct store_failure *failure,
				   const struct store_value *value)
{
	char detail[100];
	uint32_t schema = 0;

	for (size_t i = 0; i < value->len && i < 4; i++)
		schema |= (uint32_t)value->data[i] << (8 * i);
	if (value->len != 4)
		return store_meta_fail(failure, store, STORE_E_CORRUPT, "the entry \"schema\" is no number");
	if (schema == STORE_SCHEMA_VERSION)
		return 0;
	/* Nothing is converted in place: what one version has written whole, another must not leave half. */
	snprintf(detail, sizeof(detail),
		 "it was written by %s version (schema %u, this one knows %u) and is left as it is",
		 schema > STORE_SCHEMA_VERSION ? "a newer" : "an older", schema, STORE_SCHEMA_VERSION);
	return store_meta_fail(failure, store, STORE_E_SCHEMA, detail);
}

static int store_meta_check_network(struct store *store, struct store_failure *failure,
				    const struct store_params *params)
{
	struct store_value value;
	char detail[200];
	int r = store_meta_read(store, failure, &value, store_meta_network);

	if (r)
		return r;
	if (value.len != strlen(params->network) || memcmp(value.data, params->network, value.len) != 0) {
		snprintf(detail, sizeof(detail), "it belongs to network %.*s, not %s",
			 (int)(value.len < 32 ? value.len : 32), (const char *)value.data, params->network);
		r = store_meta_fail(failure, store, STORE_E_NETWORK, detail);
	}
	store_value_free(&value);
	return r;
}

static int store_meta_check_genesis(struct store *store, struct store_failure *failure,
				    const struct store_params *params)
{
	char there[HASH_TEXT_SIZE], expected[HASH_TEXT_SIZE], detail[200];
	struct wire_hash hash;
	struct store_value value;
	int r = store_meta_read(store, failure, &value, store_meta_genesis);

	if (r)
		return r;
	if (value.len != sizeof(hash.bytes)) {
		r = store_meta_fail(failure, store, STORE_E_CORRUPT, "the entry \"genesis\" is no hash");
	} else if (memcmp(value.data, params->genesis_hash.bytes, value.len) != 0) {
		memcpy(hash.bytes, value.data, sizeof(hash.bytes));
		snprintf(detail, sizeof(detail), "its chain begins with %s, not %s", hash_text(there, &hash),
			 hash_text(expected, &params->genesis_hash));
		r = store_meta_fail(failure, store, STORE_E_GENESIS, detail);
	}
	store_value_free(&value);
	return r;
}

int store_check_meta(struct store *store, struct store_failure *failure, const struct store_params *params)
{
	struct store_value value;
	int r = store_get(store, &value, STORE_META, store_meta_schema, strlen(store_meta_schema));

	if (r == STORE_E_NOT_FOUND)
		return store_meta_write(store, failure, params);
	if (r)
		return store_meta_fail(failure, store, (enum store_error)r, "the entry \"schema\" cannot be read");
	r = store_meta_check_schema(store, failure, &value);
	store_value_free(&value);
	if (!r)
		r = store_meta_check_network(store, failure, params);
	if (!r)
		r = store_meta_check_genesis(store, failure, params);
	return r;
}
