// SPDX-License-Identifier: MIT
/* The wallet file: see wallet.h.  Whatever holds the secret, the file's bytes included, is guarded memory that is wiped
 * when it is freed. */
#include "timed/node/wallet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/log.h"

#define WALLET_VERSION 1
/* Network numbers in the file. */
#define WALLET_MAINNET 0
#define WALLET_TESTNET 1
/* More than any wallet with a sensible label. */
#define WALLET_FILE_MAX 65536

struct wallet {
	uint8_t *secret; /* sodium_malloc, read-only: libsodium's form, the seed followed by the public key */
	struct wire_key public_key;
	char address[ADDRESS_TEXT_SIZE];
	char *label; /* NULL: none */
	int64_t created_at;
};

/* The file's bytes while they are taken apart. */
struct wallet_reader {
	const uint8_t *at;
	size_t left;
	bool failed; /* asked for more than there is */
};

/* NULL when fewer than `len` bytes are left. */
static const uint8_t *wallet_take(struct wallet_reader *reader, size_t len)
{
	const uint8_t *bytes = reader->at;

	if (reader->failed || len > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->at += len;
	reader->left -= len;
	return bytes;
}

/* A little-endian number of `len` bytes; 0 when there are not so many. */
static uint64_t wallet_take_number(struct wallet_reader *reader, size_t len)
{
	const uint8_t *bytes = wallet_take(reader, len);
	uint64_t value = 0;

	for (size_t i = 0; bytes && i < len; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

static uint8_t *wallet_put_number(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static uint32_t wallet_network_number(enum chain_network network)
{
	return network == CHAIN_MAINNET ? WALLET_MAINNET : WALLET_TESTNET;
}

static int wallet_damaged(char text[WALLET_TEXT_SIZE], const char *path, const char *what)
{
	snprintf(text, WALLET_TEXT_SIZE,
		 "wallet %s is damaged (%s): restore it from a copy; it has been left as it is, and a new one is "
		 "made only when it is moved away",
		 path, what);
	return WALLET_E_DAMAGED;
}

static int wallet_failed(char text[WALLET_TEXT_SIZE], const char *path, const char *what, int error)
{
	snprintf(text, WALLET_TEXT_SIZE, "wallet %s cannot be %s: %s; it must belong to the user that runs timed", path,
		 what, strerror(error));
	return -error;
}

/* The keypair of a seed, in guarded memory.  0 or -ENOMEM. */
static int wallet_set_key(struct wallet *wallet, const uint8_t *seed)
{
	wallet->secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);
	if (!wallet->secret)
		return -ENOMEM;
	crypto_sign_seed_keypair(wallet->public_key.bytes, wallet->secret, seed);
	sodium_mprotect_readonly(wallet->secret);
	return 0;
}

/* The option string at the end of the file.  0, -ENOMEM or WALLET_E_DAMAGED. */
static int wallet_parse_label(struct wallet *wallet, struct wallet_reader *reader)
{
	uint64_t some = wallet_take_number(reader, 1), len;
	const uint8_t *bytes;

	if (reader->failed || some > 1)
		return WALLET_E_DAMAGED;
	if (some == 0)
		return 0;
	len = wallet_take_number(reader, 8);
	bytes = wallet_take(reader, len <= WALLET_FILE_MAX ? (size_t)len : SIZE_MAX);
	if (!bytes)
		return WALLET_E_DAMAGED;
	wallet->label = strndup((const char *)bytes, (size_t)len);
	return wallet->label ? 0 : -ENOMEM;
}

/* What follows the secret: public key, address, time, label.  The first two must be the secret's. */
static int wallet_parse_rest(struct wallet *wallet, char text[WALLET_TEXT_SIZE], const char *path,
			     struct wallet_reader *reader, uint32_t network)
{
	const uint8_t *public = wallet_take(reader, sizeof(wallet->public_key.bytes)), *address;
	uint64_t len = wallet_take_number(reader, 8);
	int r;

	if (!public || memcmp(public, wallet->public_key.bytes, sizeof(wallet->public_key.bytes)) != 0)
		return wallet_damaged(text, path, "its public key does not belong to its secret");
	address_from_key(wallet->address, &wallet->public_key,
			 network == WALLET_MAINNET ? CHAIN_MAINNET : CHAIN_TESTNET);
	address = wallet_take(reader, len < ADDRESS_TEXT_SIZE ? (size_t)len : SIZE_MAX);
	if (!address || len != strlen(wallet->address) || memcmp(address, wallet->address, (size_t)len) != 0)
		return wallet_damaged(text, path, "its address does not belong to its key");
	wallet->created_at = (int64_t)wallet_take_number(reader, 8);
	r = wallet_parse_label(wallet, reader);
	if (r == -ENOMEM)
		return wallet_failed(text, path, "read", ENOMEM);
	if (r || reader->left > 0)
		return wallet_damaged(text, path, "it is cut off, or something follows its end");
	return 0;
}

static int wallet_parse(struct wallet *wallet, char text[WALLET_TEXT_SIZE], const char *path, const uint8_t *file,
			size_t len, enum chain_network expected)
{
	struct wallet_reader reader = {.at = file, .left = len};
	uint32_t version = (uint32_t)wallet_take_number(&reader, 4);
	uint32_t network = (uint32_t)wallet_take_number(&reader, 4);
	const uint8_t *seed = wallet_take(&reader, crypto_sign_SEEDBYTES);
	int r;

	if (!seed)
		return wallet_damaged(text, path, "it is too short");
	if (version != WALLET_VERSION) {
		snprintf(text, WALLET_TEXT_SIZE,
			 "wallet %s has the unknown format %" PRIu32 ": it is damaged, or a newer version is needed",
			 path, version);
		return WALLET_E_VERSION;
	}
	if (network != WALLET_MAINNET && network != WALLET_TESTNET)
		return wallet_damaged(text, path, "it is of no known network");
	if (wallet_set_key(wallet, seed))
		return wallet_failed(text, path, "read", ENOMEM);
	r = wallet_parse_rest(wallet, text, path, &reader, network);
	if (r)
		return r;
	if (network != wallet_network_number(expected)) {
		snprintf(text, WALLET_TEXT_SIZE,
			 "wallet %s is one of %s, and this node runs %s: use another data directory, or move the "
			 "wallet away",
			 path, network == WALLET_MAINNET ? "mainnet" : "testnet", chain_network_name(expected));
		return WALLET_E_NETWORK;
	}
	return 0;
}

/* Reads up to WALLET_FILE_MAX bytes from `fd` into `file`.  0 or a negative errno. */
static int wallet_read_all(uint8_t *file, size_t *len, int fd)
{
	*len = 0;
	while (*len < WALLET_FILE_MAX) {
		ssize_t n = read(fd, file + *len, WALLET_FILE_MAX - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*len += (size_t)n;
	}
	return 0;
}

static int wallet_read(struct wallet *wallet, char text[WALLET_TEXT_SIZE], const char *path, int fd,
		       enum chain_network network)
{
	uint8_t *file = sodium_malloc(WALLET_FILE_MAX);
	struct stat st;
	size_t len;
	int r;

	if (!file)
		return wallet_failed(text, path, "read", ENOMEM);
	r = wallet_read_all(file, &len, fd);
	if (r)
		r = wallet_failed(text, path, "read", -r);
	else
		r = wallet_parse(wallet, text, path, file, len, network);
	sodium_free(file);
	if (!r && fstat(fd, &st) == 0 && (st.st_mode & 077))
		log_warn(LOG_NODE, "wallet %s may be read by others (mode %04o): chmod 600 it", path,
			 st.st_mode & 07777U);
	return r;
}

/* Writes the file of a wallet that has everything but a label. */
static int wallet_write(const struct wallet *wallet, const char *path, enum chain_network network)
{
	size_t address_len = strlen(wallet->address);
	size_t len = 4 + 4 + crypto_sign_SEEDBYTES + sizeof(wallet->public_key.bytes) + 8 + address_len + 8 + 1;
	uint8_t *file = sodium_malloc(len), *at = file;
	int r;

	if (!file)
		return -ENOMEM;
	at = wallet_put_number(at, WALLET_VERSION, 4);
	at = wallet_put_number(at, wallet_network_number(network), 4);
	memcpy(at, wallet->secret, crypto_sign_SEEDBYTES);
	at += crypto_sign_SEEDBYTES;
	memcpy(at, wallet->public_key.bytes, sizeof(wallet->public_key.bytes));
	at += sizeof(wallet->public_key.bytes);
	at = wallet_put_number(at, address_len, 8);
	memcpy(at, wallet->address, address_len);
	at += address_len;
	at = wallet_put_number(at, (uint64_t)wallet->created_at, 8);
	wallet_put_number(at, 0, 1); /* no label */
	r = file_write_atomic(path, file, len, 0600);
	sodium_free(file);
	return r;
}

static int wallet_create(struct wallet *wallet, char text[WALLET_TEXT_SIZE], const char *path,
			 enum chain_network network)
{
	uint8_t *seed = sodium_malloc(crypto_sign_SEEDBYTES);
	int r;

	if (!seed)
		return wallet_failed(text, path, "made", ENOMEM);
	randombytes_buf(seed, crypto_sign_SEEDBYTES);
	r = wallet_set_key(wallet, seed);
	sodium_free(seed);
	if (!r) {
		address_from_key(wallet->address, &wallet->public_key, network);
		wallet->created_at = clock_real_s();
		r = wallet_write(wallet, path, network);
	}
	if (r)
		return wallet_failed(text, path, "made", -r);
	log_info(LOG_NODE, "Made wallet %s with address %s", path, wallet->address);
	return 0;
}

int wallet_open_or_create(struct wallet **out, char text[WALLET_TEXT_SIZE], const char *path,
			  enum chain_network network)
{
	struct wallet *wallet;
	int fd, r;

	text[0] = '\0';
	if (sodium_init() < 0)
		return wallet_failed(text, path, "used", ENOSYS);
	wallet = calloc(1, sizeof(*wallet));
	if (!wallet)
		return wallet_failed(text, path, "read", ENOMEM);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		r = wallet_read(wallet, text, path, fd, network);
		close(fd);
	} else if (errno == ENOENT) {
		r = wallet_create(wallet, text, path, network);
	} else {
		r = wallet_failed(text, path, "read", errno);
	}
	if (r) {
		wallet_close(wallet);
		return r;
	}
	*out = wallet;
	return 0;
}

void wallet_close(struct wallet *wallet)
{
	if (!wallet)
		return;
	sodium_free(wallet->secret); /* wipes it */
	free(wallet->label);
	free(wallet);
}

const char *wallet_address(const struct wallet *wallet)
{
	return wallet->address;
}

const struct wire_key *wallet_public_key(const struct wallet *wallet)
{
	return &wallet->public_key;
}

const char *wallet_label(const struct wallet *wallet)
{
	return wallet->label;
}

int64_t wallet_created_at(const struct wallet *wallet)
{
	return wallet->created_at;
}

void wallet_sign(const struct wallet *wallet, struct wire_sig *out, const void *message, size_t len)
{
	crypto_sign_detached(out->bytes, NULL, message, len, wallet->secret);
}
