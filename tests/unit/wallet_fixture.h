/* SPDX-License-Identifier: MIT
 *
 * What the tests of the wallet share: a directory with the path of a wallet in it, files of known secrets, and costs of
 * Argon2id that a test can pay thousands of times.  Included once by each test program.
 */
#ifndef TIMED_TESTS_WALLET_FIXTURE_H
#define TIMED_TESTS_WALLET_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>
#include <sodium.h>

#include "timed/node/wallet.h"
#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/log.h"
#include "wallet_impl.h"

#define PASSPHRASE "correct horse battery staple"
#define CREATED_AT 1766102400
#define SECRET_BYTES 32

static const struct wallet_kdf cheap = {1, 8192};
static const uint8_t secret_one[SECRET_BYTES] = "one secret that is easy to find.";
static const uint8_t secret_two[SECRET_BYTES] = "two secret that is easy to find.";
static char dir[64];
static char path[100];
static char text[WALLET_TEXT_SIZE];
static struct wallet *wallet;

static inline void wallet_setup(void)
{
	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
	ck_assert_int_ge(sodium_init(), 0);
	strcpy(dir, "/tmp/test_wallet.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/time-wallet.dat", dir);
	wallet = NULL;
}

static inline void wallet_teardown(void)
{
	wallet_close(wallet);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing else was left behind */
}

static inline void close_wallet(void)
{
	wallet_close(wallet);
	wallet = NULL;
}

static inline void open_wallet(enum chain_network network)
{
	close_wallet();
	ck_assert_msg(wallet_open_or_create(&wallet, text, path, network) == 0, "%s", text);
}

static inline void put_file(const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fchmod(fileno(file), 0600), 0);
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

/* The wallet's file; the caller frees it. */
static inline uint8_t *get_file(size_t *len)
{
	char *file;

	ck_assert_int_eq(file_read(&file, len, path, 1 << 26), 0);
	return (uint8_t *)file;
}

static inline void expect_file(const void *data, size_t len)
{
	size_t there_len;
	uint8_t *there = get_file(&there_len);

	ck_assert_uint_eq(there_len, len);
	ck_assert(len == 0 || memcmp(there, data, len) == 0);
	free(there);
}

/* The plain form of that secret, as a value of the caller's: wallet_plain_clear() it. */
static inline void plain_of(struct wallet_plain *out, const uint8_t secret[32], enum chain_network network)
{
	uint8_t pair[64];

	ck_assert_int_eq(wallet_plain_make(out, network, CREATED_AT), 0);
	memcpy(out->seed, secret, 32);
	crypto_sign_seed_keypair(out->public_key.bytes, pair, secret);
	address_from_key(out->address, &out->public_key, network);
}

/* Writes the plain file of that secret and opens it; `label` may be NULL. */
static inline void make_wallet(const uint8_t secret[32], enum chain_network network, const char *label)
{
	struct wallet_plain plain;
	uint8_t *file;
	size_t len;

	plain_of(&plain, secret, network);
	if (label)
		plain.label = (struct wallet_label){strdup(label), strlen(label)};
	ck_assert_int_eq(wallet_plain_encode(&file, &len, &plain), 0);
	put_file(file, len);
	sodium_free(file);
	wallet_plain_clear(&plain);
	open_wallet(network);
}

static inline int unlock_with(const char *passphrase, int64_t for_ms)
{
	return wallet_unlock(wallet, text, passphrase, strlen(passphrase), for_ms);
}

static inline void encrypt(void)
{
	ck_assert_msg(wallet_encrypt(wallet, text, PASSPHRASE, strlen(PASSPHRASE), &cheap) == 0, "%s", text);
}

static inline struct wallet_state state_of(void)
{
	struct wallet_state state;

	wallet_get_state(wallet, &state);
	return state;
}

static inline void expect_signs(const struct wire_key *key)
{
	struct wire_sig sig;

	wallet_sign(wallet, &sig, "message", 7);
	ck_assert_int_eq(crypto_sign_verify_detached(sig.bytes, (const uint8_t *)"message", 7, key->bytes), 0);
}

/* A container of `count` keys around that secret, in fresh memory. */
static inline uint8_t *small_container(size_t *len, const uint8_t *secret, const uint8_t *key_secret, uint32_t count)
{
	struct wallet_container *container;
	struct wallet_plain plain;
	struct wire_key keys[64];
	uint8_t pair[64], *file;

	plain_of(&plain, secret, CHAIN_TESTNET);
	plain.label = (struct wallet_label){strdup("label"), 5};
	ck_assert_int_eq(wallet_container_seal(&container, &plain, &cheap, PASSPHRASE, strlen(PASSPHRASE)), 0);
	for (uint32_t i = 0; i < count; i++) {
		wallet_keys_pair(pair, i == 0 ? secret : key_secret, i);
		memcpy(keys[i].bytes, pair + 32, 32);
	}
	ck_assert_int_eq(wallet_container_set_keys(container, keys, count), 0);
	ck_assert_int_eq(wallet_container_encode(&file, len, container), 0);
	wallet_container_free(container);
	wallet_plain_clear(&plain);
	return file;
}

#endif
