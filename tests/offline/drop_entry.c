// SPDX-License-Identifier: MIT
/* Damage for the tests beside this file: deletes the last entry of a column family behind the chain's back.
 * Usage: drop_entry DATADIR FAMILY, of testnet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/store/store.h"
#include "timeproto/base/buf.h"
#include "timeproto/chain/params.h"

static bool keep_key(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	struct buf *last = user;

	(void)value;
	(void)value_len;
	buf_reset(last);
	buf_append(last, key, key_len);
	return true;
}

static int drop_last(struct store *store, const char *name)
{
	struct buf key = BUF_INIT;
	int r = STORE_E_NOT_FOUND;

	for (enum store_family family = 0; family < STORE_FAMILY_COUNT; family++) {
		if (strcmp(store_family_name(family), name) != 0)
			continue;
		r = store_scan(store, family, NULL, 0, keep_key, &key);
		if (!r)
			r = store_delete(store, family, key.data, key.len, true);
	}
	buf_free(&key);
	return r;
}

int main(int argc, char *argv[])
{
	struct chain_params chain;
	struct store_failure failure;
	struct store *store;
	char dir[4096];
	struct store_params params = {.dir = dir};
	int r;

	if (argc != 3)
		return 2;
	chain_params_init(&chain, CHAIN_TESTNET);
	params.network = chain.name;
	params.genesis_hash = chain.genesis_hash;
	snprintf(dir, sizeof(dir), "%s/db", argv[1]);
	r = store_open(&store, &failure, &params);
	if (r) {
		fprintf(stderr, "drop_entry: %s\n", failure.text);
		return 1;
	}
	r = drop_last(store, argv[2]);
	store_close(store);
	return r ? 1 : 0;
}
