// SPDX-License-Identifier: MIT
/* The encrypted form of a wallet: see wallet_container.h. */
#include "wallet_container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "timeproto/base/sha256.h"

#define MAGIC "TIMEWBOX"
#define MAGIC_BYTES 8
#define ALGORITHM crypto_pwhash_argon2id_ALG_ARGON2ID13
/* Beyond libsodium's most expensive set: a file that asks for more would stop the node for minutes. */
#define OPERATIONS_MAX 16
#define MEMORY_MAX (UINT64_C(4) << 30)
/* What Argon2id counts in: other numbers would be the same costs. */
#define MEMORY_UNIT 1024

_Static_assert(WALLET_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "salt of Argon2id");
_Static_assert(WALLET_NONCE_BYTES == crypto_secretbox_NONCEBYTES, "nonce of a secretbox");
_Static_assert(ALGORITHM == 2, "what the format says");

bool wallet_container_is(const uint8_t *file, size_t len)
{
	return len >= MAGIC_BYTES && memcmp(file, MAGIC, MAGIC_BYTES) == 0;
}

static int damaged(const char **why, const char *what)
{
	*why = what;
	return WALLET_E_DAMAGED;
}

/* `len` bytes from the reader in fresh memory; NULL and `*error`: -ENOMEM or WALLET_E_DAMAGED. */
static void *take_copy(int *error, struct wallet_reader *reader, size_t len)
{
	const uint8_t *bytes = wallet_take(reader, len);
	void *copy = bytes && len > 0 ? malloc(len) : NULL;

	*error = !bytes || len == 0 ? WALLET_E_DAMAGED : copy ? 0 : -ENOMEM;
	if (copy)
		memcpy(copy, bytes, len);
	return copy;
}

static int decode_kdf(struct wallet_container *c, const char **why, struct wallet_reader *reader)
{
	uint32_t algorithm = (uint32_t)wallet_take_number(reader, 4);
	const uint8_t *salt, *nonce;

	c->kdf.operations = wallet_take_number(reader, 8);
	c->kdf.memory_bytes = wallet_take_number(reader, 8);
	salt = wallet_take(reader, sizeof(c->salt));
	nonce = wallet_take(reader, sizeof(c->nonce));
	if (!salt || !nonce)
		return damaged(why, "it is cut off");
	memcpy(c->salt, salt, sizeof(c->salt));
	memcpy(c->nonce, nonce, sizeof(c->nonce));
	if (algorithm != ALGORITHM)
		return damaged(why, "its key derivation is unknown");
	if (c->kdf.operations < crypto_pwhash_argon2id_OPSLIMIT_MIN || c->kdf.operations > OPERATIONS_MAX ||
	    c->kdf.memory_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN || c->kdf.memory_bytes > MEMORY_MAX ||
	    c->kdf.memory_bytes % MEMORY_UNIT != 0)
		return damaged(why, "its key derivation costs nothing, or too much");
	return 0;
}

/* What stands between the version and the hash. */
static int decode_fields(struct wallet_container *c, const char **why, struct wallet_reader *reader)
{
	int r;

	c->network = (uint32_t)wallet_take_number(reader, 4);
	c->created_at = (int64_t)wallet_take_number(reader, 8);
	r = wallet_label_take(&c->label, reader);
	if (r == -ENOMEM)
		return r;
	if (r)
		return damaged(why, "its label is cut off");
	if (c->network != WALLET_MAINNET && c->network != WALLET_TESTNET)
		return damaged(why, "it is of no known network");
	r = decode_kdf(c, why, reader);
	if (r)
		return r;
	c->box_len = (size_t)wallet_take_number(reader, 4);
	if (c->box_len <= crypto_secretbox_MACBYTES || c->box_len > WALLET_PLAIN_MAX + crypto_secretbox_MACBYTES)
		return damaged(why, "its box has no possible size");
	c->box = take_copy(&r, reader, c->box_len);
	if (r)
		return r < 0 ? r : damaged(why, "its box is cut off");
	c->key_count = (uint32_t)wallet_take_number(reader, 4);
	if (c->key_count > WALLET_MAX_KEYS)
		return damaged(why, "it has too many keys");
	c->keys = take_copy(&r, reader, c->key_count * sizeof(c->keys[0]));
	if (r)
		return r < 0 ? r : damaged(why, "its keys are cut off");
	return reader->left > 0 ? damaged(why, "something follows its end") : 0;
}

int wallet_container_decode(struct wallet_container **out, const char **why, uint32_t *version, const uint8_t *file,
			    size_t len)
{
	struct wallet_reader reader = {.at = file, .left = len};
	struct wallet_container *c;
	uint8_t hash[SHA256_BYTES];
	int r;

	(void)wallet_take(&reader, MAGIC_BYTES);
	*version = (uint32_t)wallet_take_number(&reader, 4);
	if (!wallet_container_is(file, len) || reader.failed || reader.left < sizeof(hash))
		return damaged(why, "it is too short");
	if (*version != WALLET_CONTAINER_VERSION)
		return WALLET_E_VERSION;
	reader.left -= sizeof(hash);
	sha256_digest(hash, file, len - sizeof(hash));
	if (memcmp(hash, file + len - sizeof(hash), sizeof(hash)) != 0)
		return damaged(why, "it is cut off or altered: its hash is wrong");
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	r = decode_fields(c, why, &reader);
	if (r) {
		wallet_container_free(c);
		return r;
	}
	*out = c;
	return 0;
}

int wallet_container_encode(uint8_t **file, size_t *len, const struct wallet_container *c)
{
	size_t keys_len = c->key_count * sizeof(c->keys[0]);
	uint8_t *at;

	*len = MAGIC_BYTES + 4 + 4 + 8 + wallet_label_size(&c->label) + 4 + 8 + 8 + sizeof(c->salt) + sizeof(c->nonce) +
	       4 + c->box_len + 4 + keys_len + SHA256_BYTES;
	*file = at = malloc(*len);
	if (!at)
		return -ENOMEM;
	at = wallet_put(at, MAGIC, MAGIC_BYTES);
	at = wallet_put_number(at, WALLET_CONTAINER_VERSION, 4);
	at = wallet_put_number(at, c->network, 4);
	at = wallet_put_number(at, (uint64_t)c->created_at, 8);
	at = wallet_label_put(at, &c->label);
	at = wallet_put_number(at, ALGORITHM, 4);
	at = wallet_put_number(at, c->kdf.operations, 8);
	at = wallet_put_number(at, c->kdf.memory_bytes, 8);
	at = wallet_put(at, c->salt, sizeof(c->salt));
	at = wallet_put(at, c->nonce, sizeof(c->nonce));
	at = wallet_put_number(at, c->box_len, 4);
	at = wallet_put(at, c->box, c->box_len);
	at = wallet_put_number(at, c->key_count, 4);
	at = wallet_put(at, c->keys, keys_len);
	sha256_digest(at, *file, (size_t)(at - *file));
	return 0;
}

/* The key of the box in fresh guarded memory; NULL: Argon2id gets no memory. */
static uint8_t *box_key(const struct wallet_container *c, const char *passphrase, size_t passphrase_len)
{
	uint8_t *key = sodium_malloc(crypto_secretbox_KEYBYTES);

	if (key && crypto_pwhash_argon2id(key, crypto_secretbox_KEYBYTES, passphrase, passphrase_len, c->salt,
					  c->kdf.operations, (size_t)c->kdf.memory_bytes, ALGORITHM)) {
		sodium_free(key);
		key = NULL;
	}
	return key;
}

/* Locks the bytes of the plain form up. */
static int seal(struct wallet_container *c, const uint8_t *file, size_t len, const char *passphrase,
		size_t passphrase_len)
{
	uint8_t *key = box_key(c, passphrase, passphrase_len);

	c->box_len = len + crypto_secretbox_MACBYTES;
	c->box = malloc(c->box_len);
	if (!key || !c->box) {
		sodium_free(key);
		return -ENOMEM;
	}
	crypto_secretbox_easy(c->box, file, len, c->nonce, key);
	sodium_free(key);
	return 0;
}

int wallet_container_seal(struct wallet_container **out, const struct wallet_plain *plain, const struct wallet_kdf *kdf,
			  const char *passphrase, size_t passphrase_len)
{
	struct wallet_container *c = calloc(1, sizeof(*c));
	uint8_t *file = NULL;
	size_t len;
	int r;

	if (!c)
		return -ENOMEM;
	c->network = plain->network;
	c->created_at = plain->created_at;
	c->kdf = *kdf;
	randombytes_buf(c->salt, sizeof(c->salt));
	randombytes_buf(c->nonce, sizeof(c->nonce));
	r = wallet_label_copy(&c->label, &plain->label);
	if (!r)
		r = wallet_plain_encode(&file, &len, plain);
	if (!r)
		r = seal(c, file, len, passphrase, passphrase_len);
	sodium_free(file);
	if (r) {
		wallet_container_free(c);
		return r;
	}
	*out = c;
	return 0;
}

/* What the container says openly is what the box says. */
static int compare(const struct wallet_container *c, const char **why, const struct wallet_plain *plain)
{
	if (c->network != plain->network || c->created_at != plain->created_at ||
	    !c->label.text != !plain->label.text || c->label.len != plain->label.len ||
	    (c->label.text && memcmp(c->label.text, plain->label.text, c->label.len) != 0) ||
	    memcmp(c->keys[0].bytes, plain->public_key.bytes, sizeof(plain->public_key.bytes)) != 0)
		return damaged(why, "what it says openly is not what it has encrypted");
	return 0;
}

int wallet_container_open(struct wallet_plain *out, const char **why, const struct wallet_container *c,
			  const char *passphrase, size_t passphrase_len)
{
	size_t len = c->box_len - crypto_secretbox_MACBYTES;
	uint8_t *key = box_key(c, passphrase, passphrase_len);
	uint8_t *file = key ? sodium_malloc(len) : NULL;
	uint32_t version;
	int r;

	if (!file)
		r = -ENOMEM;
	else if (crypto_secretbox_open_easy(file, c->box, c->box_len, c->nonce, key))
		r = WALLET_E_PASSPHRASE;
	else
		r = wallet_plain_decode(out, why, &version, file, len);
	sodium_free(key);
	sodium_free(file);
	if (r == WALLET_E_VERSION)
		r = damaged(why, "what it has encrypted is of an unknown format");
	if (r)
		return r;
	r = compare(c, why, out);
	if (r)
		wallet_plain_clear(out);
	return r;
}

int wallet_container_set_keys(struct wallet_container *c, const struct wire_key *list, uint32_t count)
{
	struct wire_key *keys = malloc(count * sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	memcpy(keys, list, count * sizeof(*keys));
	free(c->keys);
	c->keys = keys;
	c->key_count = count;
	return 0;
}

bool wallet_container_same_box(const struct wallet_container *a, const struct wallet_container *b)
{
	return a->box_len == b->box_len && memcmp(a->box, b->box, a->box_len) == 0 &&
	       memcmp(a->nonce, b->nonce, sizeof(a->nonce)) == 0 && memcmp(a->salt, b->salt, sizeof(a->salt)) == 0;
}

void wallet_container_free(struct wallet_container *c)
{
	if (!c)
		return;
	free(c->label.text);
	free(c->box);
	free(c->keys);
	free(c);
}
