// SPDX-License-Identifier: MIT
/* Pictures of the chain at one tip, for any thread: see chain_store.h. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "chain_impl.h"
#include "timeproto/base/sha256.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/utxo_hash.h"
#include "timeproto/wire/bincode.h"

enum chain_hash_state { CHAIN_HASH_UNKNOWN, CHAIN_HASH_UNDER_WAY, CHAIN_HASH_KNOWN };

struct chain_view {
	atomic_int refs;
	struct store *store;
	struct store_snapshot *snapshot;
	struct chain_summary summary;

	struct mutex lock; /* leaf; guards what follows, not held while the hash is computed */
	struct cond done;  /* hash_state has left UNDER_WAY */
	enum chain_hash_state hash_state;
	struct wire_hash hash; /* the UTXO state hash, once KNOWN */
};

static struct chain_view *chain_view_new(struct chain_store *chain)
{
	struct chain_view *view = calloc(1, sizeof(*view));

	CHECK(view != NULL);
	atomic_init(&view->refs, 1);
	view->store = chain->store;
	view->snapshot = store_snapshot_new(chain->store);
	view->summary = chain->written;
	mutex_init(&view->lock, "chain_view", MUTEX_RANK_LEAF);
	cond_init(&view->done);
	return view;
}

struct chain_view *chain_view_ref(struct chain_view *view)
{
	atomic_fetch_add(&view->refs, 1);
	return view;
}

void chain_view_unref(struct chain_view *view)
{
	if (!view || atomic_fetch_sub(&view->refs, 1) != 1)
		return;
	store_snapshot_free(view->store, view->snapshot);
	cond_destroy(&view->done);
	mutex_destroy(&view->lock);
	free(view);
}

void chain_publish(struct chain_store *chain)
{
	struct chain_view *fresh = chain_view_new(chain), *before;

	mutex_lock(&chain->view_lock);
	before = chain->view;
	chain->view = fresh;
	mutex_unlock(&chain->view_lock);
	chain_view_unref(before);
}

void chain_unpublish(struct chain_store *chain)
{
	/* A view that outlives the database would read from freed memory. */
	CHECK(!chain->view || atomic_load(&chain->view->refs) == 1);
	chain_view_unref(chain->view);
	chain->view = NULL;
}

struct chain_view *chain_store_view(struct chain_store *chain)
{
	struct chain_view *view;

	mutex_lock(&chain->view_lock);
	view = chain_view_ref(chain->view);
	mutex_unlock(&chain->view_lock);
	return view;
}

const struct chain_summary *chain_view_summary(const struct chain_view *view)
{
	return &view->summary;
}

/* Reads the entry of a height.  Every height up to the tip has a block. */
static int view_get_block(struct chain_view *view, struct store_value *out, uint64_t height)
{
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	int r;

	*out = (struct store_value){.data = NULL};
	if (height > view->summary.tip.height)
		return STORE_E_NOT_FOUND;
	chain_height_key(key, height);
	r = store_snapshot_get(view->store, view->snapshot, out, STORE_BLOCKS, key, sizeof(key));
	if (r == STORE_E_NOT_FOUND)
		r = chain_damaged(view->store, STORE_BLOCKS, key, sizeof(key), "is missing");
	return r;
}

static int view_damaged_block(struct chain_view *view, uint64_t height)
{
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];

	chain_height_key(key, height);
	return chain_damaged(view->store, STORE_BLOCKS, key, sizeof(key), "is no block");
}

int chain_view_header(struct chain_view *view, struct wire_block_header *out, uint64_t height)
{
	struct store_value value;
	int r = view_get_block(view, &value, height);

	if (!r && chain_header_read(out, value.data, value.len))
		r = view_damaged_block(view, height);
	store_value_free(&value);
	return r;
}

int chain_view_hash(struct chain_view *view, struct wire_hash *out, uint64_t height)
{
	struct wire_block_header header;
	int r;

	/* Peers in step with us ask for the tip and nothing else: the store is not read, nor its stack needed. */
	if (height == view->summary.tip.height) {
		*out = view->summary.tip.hash;
		return 0;
	}
	r = chain_view_header(view, &header, height);
	if (!r)
		hash_block(out, &header);
	return r;
}

int chain_view_height(struct chain_view *view, uint64_t *out, const struct wire_hash *hash)
{
	struct store_value value;
	int r = store_snapshot_get(view->store, view->snapshot, &value, STORE_BLOCK_INDEX, hash->bytes,
				   sizeof(hash->bytes));

	if (!r && chain_height_value_read(out, value.data, value.len))
		r = chain_damaged(view->store, STORE_BLOCK_INDEX, hash->bytes, sizeof(hash->bytes), "is no height");
	store_value_free(&value);
	return r;
}

int chain_view_block_bytes(struct chain_view *view, struct store_value *out, uint64_t height)
{
	return view_get_block(view, out, height);
}

int chain_read_commit(struct store *store, const struct store_snapshot *snapshot, const struct wire_commit **out,
		      struct arena *arena, uint64_t height)
{
	uint8_t key[CHAIN_HEIGHT_KEY_BYTES];
	struct wire_commit *commit;
	struct store_value value;
	int r;

	*out = NULL;
	chain_height_key(key, height);
	r = store_snapshot_get(store, snapshot, &value, STORE_COMMITS, key, sizeof(key));
	if (r)
		return r == STORE_E_NOT_FOUND ? 0 : r;
	commit = arena_alloc(arena, sizeof(*commit));
	r = commit ? wire_bincode_decode_value(commit, &wire_desc_commit, arena, value.data, value.len, NULL) : -ENOMEM;
	store_value_free(&value);
	if (r > 0)
		r = chain_damaged(store, STORE_COMMITS, key, sizeof(key), "is no certificate");
	if (!r)
		*out = commit;
	return r;
}

int chain_view_block(struct chain_view *view, struct wire_block *out, struct arena *arena, uint64_t height)
{
	struct store_value value;
	int r = view_get_block(view, &value, height);

	if (r)
		return r;
	r = wire_bincode_decode_value(out, &wire_desc_block, arena, value.data, value.len, NULL);
	store_value_free(&value);
	if (r > 0)
		return view_damaged_block(view, height);
	return r ? r : chain_read_commit(view->store, view->snapshot, &out->commit, arena, height);
}

int chain_view_transaction(struct chain_view *view, uint64_t *height, uint32_t *position, const struct wire_hash *txid)
{
	struct store_value value;
	int r = store_snapshot_get(view->store, view->snapshot, &value, STORE_TX_INDEX, txid->bytes,
				   sizeof(txid->bytes));

	if (!r && chain_place_value_read(height, position, value.data, value.len))
		r = chain_damaged(view->store, STORE_TX_INDEX, txid->bytes, sizeof(txid->bytes), "is no place");
	store_value_free(&value);
	return r;
}

/* ---- unspent outputs ---- */

/* An unspent output; its script points into `value`, to be freed. */
static int view_get_coin(struct chain_view *view, struct coin *out, struct store_value *value,
			 const uint8_t key[CHAIN_OUTPOINT_KEY_BYTES])
{
	int r = store_snapshot_get(view->store, view->snapshot, value, STORE_UTXO, key, CHAIN_OUTPOINT_KEY_BYTES);

	if (!r && chain_coin_read(out, value->data, value->len)) {
		store_value_free(value);
		r = chain_damaged(view->store, STORE_UTXO, key, CHAIN_OUTPOINT_KEY_BYTES, "is no unspent output");
	}
	return r;
}

int chain_view_coin(struct chain_view *view, struct coin *out, struct arena *arena,
		    const struct wire_outpoint *outpoint)
{
	uint8_t key[CHAIN_OUTPOINT_KEY_BYTES], *script;
	struct store_value value;
	int r;

	chain_outpoint_key(key, outpoint);
	r = view_get_coin(view, out, &value, key);
	if (r)
		return r;
	script = arena_alloc(arena, out->script.len);
	if (script && out->script.len > 0)
		memcpy(script, out->script.ptr, out->script.len);
	out->script.ptr = script;
	store_value_free(&value);
	return script ? 0 : -ENOMEM;
}

/* A walk over unspent outputs. */
struct coin_walk {
	struct chain_view *view;
	bool (*visit)(void *user, const struct wire_outpoint *outpoint, const struct coin *coin);
	void *user;
	int error; /* enum store_error: what ended the walk */
};

static bool walk_utxo(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	struct coin_walk *walk = user;
	struct wire_outpoint outpoint;
	struct coin coin;

	if (chain_outpoint_key_read(&outpoint, key, key_len) || chain_coin_read(&coin, value, value_len)) {
		walk->error = chain_damaged(walk->view->store, STORE_UTXO, key, key_len, "is no unspent output");
		return false;
	}
	return walk->visit(walk->user, &outpoint, &coin);
}

int chain_view_coins(struct chain_view *view,
		     bool (*visit)(void *user, const struct wire_outpoint *outpoint, const struct coin *coin),
		     void *user)
{
	struct coin_walk walk = {.view = view, .visit = visit, .user = user};
	int r = store_snapshot_scan(view->store, view->snapshot, STORE_UTXO, NULL, 0, walk_utxo, &walk);

	return r ? r : walk.error;
}

static bool walk_script_index(void *user, const uint8_t *key, size_t key_len, const uint8_t *no_value, size_t no_len)
{
	struct coin_walk *walk = user;
	struct wire_outpoint outpoint;
	struct store_value value = {.data = NULL};
	struct coin coin;
	bool more = false;
	int r = STORE_E_NOT_FOUND;

	(void)no_value;
	(void)no_len;
	if (key_len == CHAIN_SCRIPT_KEY_BYTES &&
	    chain_outpoint_key_read(&outpoint, key + 32, CHAIN_OUTPOINT_KEY_BYTES) == 0)
		r = view_get_coin(walk->view, &coin, &value, key + 32);
	if (!r)
		more = walk->visit(walk->user, &outpoint, &coin);
	else if (r == STORE_E_NOT_FOUND)
		walk->error =
			chain_damaged(walk->view->store, STORE_SCRIPT_INDEX, key, key_len, "names no unspent output");
	else
		walk->error = r;
	store_value_free(&value);
	return more;
}

int chain_view_coins_of(struct chain_view *view, const struct wire_bytes *script,
			bool (*visit)(void *user, const struct wire_outpoint *outpoint, const struct coin *coin),
			void *user)
{
	struct coin_walk walk = {.view = view, .visit = visit, .user = user};
	struct wire_hash hash;
	int r;

	sha256_digest(hash.bytes, script->ptr, script->len);
	r = store_snapshot_scan(view->store, view->snapshot, STORE_SCRIPT_INDEX, hash.bytes, sizeof(hash.bytes),
				walk_script_index, &walk);
	return r ? r : walk.error;
}

/* ---- the UTXO state hash ---- */

static bool hash_coin(void *user, const struct wire_outpoint *outpoint, const struct coin *coin)
{
	utxo_hash_add(user, outpoint, coin->value, &coin->script);
	return true;
}

static int view_compute_hash(struct chain_view *view, struct wire_hash *out)
{
	struct utxo_hash hash;
	int r;

	utxo_hash_init(&hash);
	r = chain_view_coins(view, hash_coin, &hash);
	utxo_hash_final(&hash, out);
	if (!r && hash.count != view->summary.unspent_count)
		r = chain_damaged(view->store, STORE_META, chain_meta_tip, strlen(chain_meta_tip),
				  "counts other unspent outputs than there are");
	return r;
}

/* True: the caller is to compute the hash.  False: *out is filled. */
static bool view_claim_hash(struct chain_view *view, struct wire_hash *out)
{
	bool mine;

	mutex_lock(&view->lock);
	while (view->hash_state == CHAIN_HASH_UNDER_WAY)
		cond_wait(&view->done, &view->lock);
	mine = view->hash_state == CHAIN_HASH_UNKNOWN;
	if (mine)
		view->hash_state = CHAIN_HASH_UNDER_WAY;
	else
		*out = view->hash;
	mutex_unlock(&view->lock);
	return mine;
}

int chain_view_state_hash(struct chain_view *view, struct wire_hash *out)
{
	int r;

	if (!view_claim_hash(view, out))
		return 0;
	r = view_compute_hash(view, out);
	mutex_lock(&view->lock);
	if (!r)
		view->hash = *out;
	/* After a failure the next caller tries again. */
	view->hash_state = r ? CHAIN_HASH_UNKNOWN : CHAIN_HASH_KNOWN;
	cond_broadcast(&view->done);
	mutex_unlock(&view->lock);
	return r;
}
