/* SPDX-License-Identifier: MIT
 *
 * What the tests of the wallet's money share: a wallet of a known secret beside the chain and the pool of
 * pool_fixture.h, whose owners pay to it.  Included once by each test program.
 */
#ifndef TIMED_TESTS_COINS_FIXTURE_H
#define TIMED_TESTS_COINS_FIXTURE_H

#include <sodium.h>

#include "pool_fixture.h"
#include "timed/node/coins.h"
#include "timed/util/file.h"
#include "timed/util/thread.h"
#include "timeproto/chain/fee.h"
#include "timeproto/chain/sign.h"
#include "wallet_keys.h"

#define TIME UINT64_C(100000000)
/* What the fixture's owners pay for a payment. */
#define OWNERS_FEE (TIME / 10)

static const uint8_t coins_secret[WALLET_SEED_BYTES] = "the secret of somebody with coin";
static struct wallet *wallet;
static struct coins *coins;
static struct coins_fault coins_fault;
static struct mutex submit_lock = MUTEX_INITIALIZER("submit", MUTEX_RANK_SYNC);
static int saved, submitted, refused; /* calls of the operations; how many of the pool's answers were refusals */
static int saving_fails;	      /* result of save_keys */
static size_t max_listed;
static struct chain_point followed; /* what is remembered of the use of keys */
static int refuse_with; /* outcome of further submissions, instead of the pool's; 0: the pool's */

/* ---- operations ---- */

static struct chain_view *op_view(void *user)
{
	(void)user;
	return chain_store_view(chain);
}

static int op_save_keys(void *user)
{
	(void)user;
	saved++;
	return saving_fails;
}

static int op_submit(void *user, struct pool_result *out, const struct wire_transaction *tx,
		     const struct wire_hash *txid)
{
	struct pool_submission s = {.transaction = tx, .txid = txid, .now_s = now_s};
	struct pool_events happened;
	int r;

	(void)user;
	mutex_lock(&submit_lock);
	submitted++;
	ck_assert_int_ge(saved, submitted);
	mutex_unlock(&submit_lock);
	pool_events_init(&happened);
	r = refuse_with ? refuse_with : pool_insert(pool, out, &happened, &s);
	for (const struct pool_event *e = happened.first; e; e = e->next)
		coins_note(coins, &e->tx->transaction);
	pool_events_free(&happened);
	mutex_lock(&submit_lock);
	refused += r != 0;
	mutex_unlock(&submit_lock);
	return r;
}

/* ---- life ---- */

static inline void open_coins(void)
{
	const struct coins_params own = {.wallet = wallet,
					 .pool = pool,
					 .network = CHAIN_TESTNET,
					 .max_listed = max_listed,
					 .max_reorg_depth = 1000,
					 .followed = followed,
					 .ops = {op_view, op_save_keys, op_submit, NULL}};

	ck_assert_int_eq(coins_new(&coins, &own), 0);
}

/* The wallet as its file says: what it has learnt of the use of its keys is gone. */
static inline void reopen_wallet(void)
{
	char path[128], why[WALLET_TEXT_SIZE];

	coins_free(coins);
	wallet_close(wallet);
	snprintf(path, sizeof(path), "%s/time-wallet.dat", parent);
	ck_assert_msg(wallet_open_or_create(&wallet, why, path, CHAIN_TESTNET) == 0, "%s", why);
	open_coins();
}

static inline void coins_setup(void)
{
	char path[128];
	struct wallet_plain plain;
	uint8_t pair[WALLET_PAIR_BYTES], *file;
	size_t len;

	pool_setup();
	max_listed = COINS_MAX_LISTED;
	followed = (struct chain_point){.height = 0};
	saved = submitted = refused = saving_fails = refuse_with = 0;
	ck_assert_int_eq(wallet_plain_make(&plain, CHAIN_TESTNET, 1766102400), 0);
	memcpy(plain.seed, coins_secret, sizeof(coins_secret));
	crypto_sign_seed_keypair(plain.public_key.bytes, pair, coins_secret);
	address_from_key(plain.address, &plain.public_key, CHAIN_TESTNET);
	ck_assert_int_eq(wallet_plain_encode(&file, &len, &plain), 0);
	snprintf(path, sizeof(path), "%s/time-wallet.dat", parent);
	ck_assert_int_eq(file_write_atomic(path, file, len, 0600), 0);
	sodium_free(file);
	wallet_plain_clear(&plain);
	coins = NULL;
	wallet = NULL;
	reopen_wallet();
}

static inline void coins_teardown(void)
{
	coins_free(coins);
	wallet_close(wallet);
	pool_teardown();
}

/* ---- transactions ---- */

/* The address of a key, known to the wallet or not; the same place for the same key. */
static inline const char *address_of(uint32_t key)
{
	static char addresses[128][ADDRESS_TEXT_SIZE];
	uint8_t pair[WALLET_PAIR_BYTES];
	struct wire_key public_key;

	ck_assert_uint_lt(key, 128);
	wallet_keys_pair(pair, coins_secret, key);
	memcpy(public_key.bytes, key == 0 ? wallet_public_key(wallet)->bytes : pair + 32, 32);
	address_from_key(addresses[key], &public_key, CHAIN_TESTNET);
	return addresses[key];
}

static inline struct wire_str text_of(const char *text)
{
	return (struct wire_str){text, strlen(text)};
}

/* Of a reward's 25 TIME so much to a key of the wallet, the rest to owner 3. */
static inline struct wire_transaction pay_key(uint32_t key, uint64_t value)
{
	struct fixture_coin coin = take_coin();
	const uint64_t values[2] = {value, coin.value - value - OWNERS_FEE};
	const int to[2] = {3, 3};
	struct wire_transaction tx = fixture_transaction(f, &coin, 1, to, values, 2);
	const char *address = address_of(key);

	tx.outputs.items[0].script_pubkey = (struct wire_bytes){(const uint8_t *)address, strlen(address)};
	fixture_sign(f, &tx, &coin);
	return tx;
}

/* The same, in a block of its own. */
static inline struct wire_transaction mine_key(uint32_t key, uint64_t value)
{
	struct wire_transaction tx = pay_key(key, value);

	mine_one(&tx);
	return tx;
}

/* A transaction of the pool, as a copy that lives as long as the fixture. */
static inline struct wire_transaction pooled(const struct wire_hash *txid)
{
	struct wire_transaction copy;
	struct buf bytes = BUF_INIT;
	struct pool_info info;
	uint8_t *kept;

	ck_assert_int_eq(pool_find(pool, &info, txid), 0);
	ck_assert_int_eq(wire_bincode_encode_value(&bytes, &wire_desc_transaction, &info.tx->transaction), 0);
	pool_info_free(&info);
	kept = arena_alloc(&f->arena, bytes.len);
	ck_assert_ptr_nonnull(kept);
	memcpy(kept, bytes.data, bytes.len);
	ck_assert_int_eq(wire_bincode_decode_value(&copy, &wire_desc_transaction, &f->arena, kept, bytes.len, NULL), 0);
	buf_free(&bytes);
	return copy;
}

#endif
