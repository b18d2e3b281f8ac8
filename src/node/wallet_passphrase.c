// SPDX-License-Identifier: MIT
/* Encrypting, unlocking and locking a wallet: see wallet.h.
 *
 * Each of these is an operation, of which one runs at a time: `busy` is set meanwhile and the lock is free, since
 * Argon2id and the disk take long. */
#include "wallet_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/log.h"

/* Keys derived while the lock is held at once: a few milliseconds. */
#define EXTEND_STEP 64

const struct wallet_kdf wallet_kdf_default = {crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
					      crypto_pwhash_argon2id_MEMLIMIT_MODERATE};

static void operation_begin(struct wallet *w)
{
	mutex_lock(&w->lock);
	while (w->busy)
		cond_wait(&w->changed, &w->lock);
	w->busy = true;
	mutex_unlock(&w->lock);
}

static bool operation_try_begin(struct wallet *w)
{
	bool free;

	mutex_lock(&w->lock);
	free = !w->busy;
	w->busy = true;
	mutex_unlock(&w->lock);
	return free;
}

static void operation_end(struct wallet *w)
{
	mutex_lock(&w->lock);
	w->busy = false;
	cond_broadcast(&w->changed);
	mutex_unlock(&w->lock);
}

static int passphrase_check(const struct wallet *w, char text[WALLET_TEXT_SIZE], size_t len)
{
	if (len > 0 && len <= WALLET_PASSPHRASE_MAX)
		return 0;
	snprintf(text, WALLET_TEXT_SIZE, "the passphrase of wallet %s must have 1 to %d bytes", w->path,
		 WALLET_PASSPHRASE_MAX);
	return WALLET_E_PASSPHRASE;
}

/* Derives keys until `ahead` follow the next one, in steps; locked: none.  0 or -ENOMEM. */
static int extend_ahead(struct wallet *w, uint32_t ahead)
{
	uint32_t before, wanted;
	int r;

	do {
		mutex_lock(&w->lock);
		before = w->keys.count;
		wanted = w->next + ahead;
		if (wanted > before + EXTEND_STEP)
			wanted = before + EXTEND_STEP;
		r = wallet_extend_locked(w, wanted);
		wanted = w->keys.count;
		mutex_unlock(&w->lock);
	} while (!r && wanted > before);
	return r;
}

/* All public keys into the container.  0 or -ENOMEM. */
static int fill_keys(struct wallet *w, struct wallet_container *container)
{
	struct wire_key *list;
	uint32_t count;
	int r = -ENOMEM;

	mutex_lock(&w->lock);
	count = w->keys.count;
	list = malloc(count * sizeof(*list));
	for (uint32_t i = 0; list && i < count; i++)
		list[i] = w->keys.items[i].public_key;
	mutex_unlock(&w->lock);
	if (list)
		r = wallet_container_set_keys(container, list, count);
	free(list);
	return r;
}

static int changed(const struct wallet *w, char text[WALLET_TEXT_SIZE])
{
	snprintf(text, WALLET_TEXT_SIZE,
		 "wallet %s is another file than when timed started: it is left as it is, restart timed", w->path);
	return WALLET_E_CHANGED;
}

/* Whether these are the bytes of a plain file of our secret. */
static bool is_own_plain(struct wallet *w, const uint8_t *file, size_t len)
{
	struct wallet_plain plain;
	const char *why;
	uint32_t version;
	bool own;

	if (wallet_plain_decode(&plain, &why, &version, file, len))
		return false;
	own = memcmp(plain.public_key.bytes, w->public_key.bytes, sizeof(w->public_key.bytes)) == 0;
	wallet_plain_clear(&plain);
	return own;
}

static bool is_own_container(struct wallet *w, const uint8_t *file, size_t len)
{
	struct wallet_container *there;
	const char *why;
	uint32_t version;
	bool own;

	if (!wallet_container_is(file, len) || wallet_container_decode(&there, &why, &version, file, len))
		return false;
	own = wallet_container_same_box(there, w->container);
	wallet_container_free(there);
	return own;
}

/* That nothing but what is ours will be replaced.  0, WALLET_E_CHANGED or a negative errno. */
static int check_file(struct wallet *w, char text[WALLET_TEXT_SIZE])
{
	uint8_t *file;
	size_t len;
	mode_t mode;
	bool own;
	int r = wallet_file_read(&file, &len, &mode, w->path);

	if (r)
		return wallet_failed(text, w->path, "read", -r);
	own = w->container ? is_own_container(w, file, len) : is_own_plain(w, file, len);
	sodium_free(file);
	return own ? 0 : changed(w, text);
}

/* Puts the container where the wallet's file is. */
static int write_container(struct wallet *w, char text[WALLET_TEXT_SIZE], const struct wallet_container *container,
			   bool *erased)
{
	uint8_t *file = NULL;
	size_t len;
	int r = check_file(w, text);

	if (r)
		return r;
	r = wallet_container_encode(&file, &len, container);
	if (!r)
		r = wallet_file_replace(erased, w->path, file, len);
	free(file);
	return r ? wallet_failed(text, w->path, "written", -r) : 0;
}

/* The wallet in a container of its own, with all its keys.  The wallet is plain, so nothing can lock it. */
static int seal(struct wallet *w, struct wallet_container **out, const struct wallet_kdf *kdf, const char *passphrase,
		size_t len)
{
	struct wallet_plain plain = {.network = w->network,
				     .seed = w->secret,
				     .public_key = w->public_key,
				     .created_at = w->created_at,
				     .label = w->label};
	int r = extend_ahead(w, WALLET_AHEAD);

	if (r)
		return r;
	memcpy(plain.address, w->address, sizeof(plain.address));
	CHECK(wallet_signing_begin(w) == 0);
	r = wallet_container_seal(out, &plain, kdf, passphrase, len);
	wallet_signing_end(w);
	if (!r && fill_keys(w, *out)) {
		wallet_container_free(*out);
		r = -ENOMEM;
	}
	return r;
}

/* Ends the use of the secret and wipes it. */
static void lock_now(struct wallet *w)
{
	mutex_lock(&w->lock);
	w->until_ms = 0;
	while (w->users > 0)
		cond_wait(&w->changed, &w->lock);
	if (w->secret)
		wallet_wipe_locked(w);
	mutex_unlock(&w->lock);
}

static int encrypt_busy(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
			const struct wallet_kdf *kdf)
{
	struct wallet_container *container;
	bool erased = false;
	int r;

	if (w->container) {
		snprintf(text, WALLET_TEXT_SIZE, "wallet %s is encrypted already", w->path);
		return WALLET_E_ENCRYPTED;
	}
	r = seal(w, &container, kdf, passphrase, len);
	if (r)
		return wallet_failed(text, w->path, "encrypted", -r);
	r = write_container(w, text, container, &erased);
	if (r) {
		wallet_container_free(container);
		return r;
	}
	mutex_lock(&w->lock);
	w->container = container;
	mutex_unlock(&w->lock);
	lock_now(w);
	log_info(LOG_NODE, "Wallet %s is encrypted and locked; copies of it that were made before are not", w->path);
	if (!erased)
		log_warn(LOG_NODE,
			 "The plain contents of wallet %s are still on the disk: the file has another name, or they "
			 "could not be overwritten",
			 w->path);
	if (w->node_pair)
		log_warn(LOG_NODE,
			 "A masternode starts with an encrypted wallet only if wallet.passphrase_file is set");
	return 0;
}

int wallet_encrypt(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
		   const struct wallet_kdf *kdf)
{
	int r = passphrase_check(w, text, len);

	if (r)
		return r;
	operation_begin(w);
	r = encrypt_busy(w, text, passphrase, len, kdf ? kdf : &wallet_kdf_default);
	operation_end(w);
	return r;
}

/* Whether the public keys of the container are those of `secret`: else somebody else gets what is paid to us.  While
 * they are unchecked nothing has been unlocked, so the table stands still. */
static bool keys_belong(const struct wallet_container *container, const uint8_t *secret)
{
	uint8_t pair[WALLET_PAIR_BYTES];
	bool belong = true;

	for (uint32_t i = 0; i < container->key_count && belong; i++) {
		wallet_keys_pair(pair, secret, i);
		belong = memcmp(pair + WALLET_SEED_BYTES, container->keys[i].bytes, 32) == 0;
	}
	sodium_memzero(pair, sizeof(pair));
	return belong;
}

/* Takes the secret over from `plain`, unless it is there already. */
static void unlock_until(struct wallet *w, struct wallet_plain *plain, int64_t for_ms)
{
	int64_t now_ms = clock_mono_ms();

	mutex_lock(&w->lock);
	w->checked = true;
	w->until_ms = for_ms > INT64_MAX - now_ms ? WALLET_FOR_EVER : now_ms + for_ms;
	if (!w->secret) {
		w->secret = plain->seed;
		plain->seed = NULL;
		sodium_mprotect_noaccess(w->secret);
	}
	(void)wallet_is_locked_locked(w); /* for no time at all: gone again */
	mutex_unlock(&w->lock);
}

static int unlock_busy(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
		       int64_t for_ms)
{
	struct wallet_plain plain;
	const char *why = "";
	int r;

	if (!w->container) {
		snprintf(text, WALLET_TEXT_SIZE, "wallet %s is not encrypted", w->path);
		return WALLET_E_PLAIN;
	}
	r = wallet_container_open(&plain, &why, w->container, passphrase, len);
	if (!r && !w->checked && !keys_belong(w->container, plain.seed)) {
		wallet_plain_clear(&plain);
		why = "its public keys do not belong to its secret";
		r = WALLET_E_DAMAGED;
	}
	if (r == WALLET_E_PASSPHRASE)
		snprintf(text, WALLET_TEXT_SIZE, "the passphrase is not that of wallet %s", w->path);
	if (r)
		return r == WALLET_E_DAMAGED ? wallet_damaged(text, w->path, why)
		       : r < 0		     ? wallet_failed(text, w->path, "unlocked", -r)
					     : r;
	unlock_until(w, &plain, for_ms);
	wallet_plain_clear(&plain);
	return 0;
}

int wallet_unlock(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len, int64_t for_ms)
{
	int r = passphrase_check(w, text, len);

	if (r)
		return r;
	operation_begin(w);
	r = unlock_busy(w, text, passphrase, len, for_ms < 0 ? 0 : for_ms);
	operation_end(w);
	return r;
}

int wallet_unlock_by_file(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *path)
{
	const uint8_t *end;
	uint8_t *file;
	size_t len;
	mode_t mode;
	int r = wallet_file_read(&file, &len, &mode, path);

	if (r) {
		snprintf(text, WALLET_TEXT_SIZE, "%s, the passphrase file of the wallet, cannot be read: %s", path,
			 strerror(-r));
		return r;
	}
	if (mode & 077)
		log_warn(LOG_NODE,
			 "%s, the passphrase file of the wallet, may be read by others (mode %04o): chmod 600 it", path,
			 mode & 07777U);
	end = len > 0 ? memchr(file, '\n', len) : NULL;
	if (end)
		len = (size_t)(end - file);
	if (len > 0 && file[len - 1] == '\r')
		len--;
	r = wallet_unlock(w, text, (const char *)file, len, WALLET_FOR_EVER);
	sodium_free(file);
	if (r == WALLET_E_PASSPHRASE)
		snprintf(text, WALLET_TEXT_SIZE, "the first line of %s is not the passphrase of wallet %s", path,
			 w->path);
	return r;
}

int wallet_lock(struct wallet *w)
{
	int r = 0;

	operation_begin(w);
	if (w->container)
		lock_now(w);
	else
		r = WALLET_E_PLAIN;
	operation_end(w);
	return r;
}

/* Writes the container with the keys that are known now.  0 or an error that `text` explains. */
static int store_keys(struct wallet *w, char text[WALLET_TEXT_SIZE])
{
	struct wallet_container more = *w->container;
	int r;

	more.keys = NULL;
	r = fill_keys(w, &more);
	if (r)
		return wallet_failed(text, w->path, "written", -r);
	r = write_container(w, text, &more, NULL);
	if (r) {
		free(more.keys);
		return r;
	}
	free(w->container->keys);
	w->container->keys = more.keys;
	w->container->key_count = more.key_count;
	return 0;
}

/* Public keys for the time when it is locked. */
static void replenish(struct wallet *w)
{
	char text[WALLET_TEXT_SIZE];
	uint32_t next;
	bool locked;
	int r;

	mutex_lock(&w->lock);
	next = w->next;
	locked = wallet_is_locked_locked(w);
	mutex_unlock(&w->lock);
	if (locked || w->container->key_count >= next + WALLET_AHEAD / 2 || next > WALLET_MAX_KEYS - WALLET_AHEAD)
		return;
	r = extend_ahead(w, WALLET_AHEAD);
	if (r)
		r = wallet_failed(text, w->path, "written", -r);
	else
		r = store_keys(w, text);
	if (r && !w->failing)
		log_error(LOG_NODE, "New keys are not saved: %s", text);
	w->failing = r != 0;
}

void wallet_tick(struct wallet *w)
{
	if (!operation_try_begin(w))
		return;
	mutex_lock(&w->lock);
	(void)wallet_is_locked_locked(w);
	mutex_unlock(&w->lock);
	if (w->container)
		replenish(w);
	else if (extend_ahead(w, WALLET_GAP))
		log_debug(LOG_NODE, "Wallet: out of memory for keys");
	operation_end(w);
}
