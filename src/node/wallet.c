// SPDX-License-Identifier: MIT
/* Opening a wallet, and key 0: see wallet.h. */
#include "wallet_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/log.h"

_Static_assert(WALLET_MAX_KEYS > WALLET_AHEAD, "room for keys in advance");

int wallet_damaged(char text[WALLET_TEXT_SIZE], const char *path, const char *what)
{
	snprintf(text, WALLET_TEXT_SIZE,
		 "wallet %s is damaged (%s): restore it from a copy; it has been left as it is, and a new one is "
		 "made only when it is moved away",
		 path, what);
	return WALLET_E_DAMAGED;
}

int wallet_failed(char text[WALLET_TEXT_SIZE], const char *path, const char *what, int error)
{
	if (error == ENOMEM)
		snprintf(text, WALLET_TEXT_SIZE, "wallet %s cannot be %s: out of memory", path, what);
	else
		snprintf(text, WALLET_TEXT_SIZE,
			 "wallet %s cannot be %s: %s; it must belong to the user that runs timed", path, what,
			 strerror(error));
	return -error;
}

/* Why neither decoder wanted the file. */
static int refused(char text[WALLET_TEXT_SIZE], const char *path, int r, const char *why, uint32_t version)
{
	if (r == WALLET_E_DAMAGED)
		return wallet_damaged(text, path, why);
	if (r < 0)
		return wallet_failed(text, path, "read", -r);
	snprintf(text, WALLET_TEXT_SIZE,
		 "wallet %s has the unknown format %" PRIu32 ": it is damaged, or a newer version is needed", path,
		 version);
	return r;
}

/* What both forms tell.  Takes over the label. */
static void set_public(struct wallet *w, uint32_t network, const struct wire_key *key, int64_t created_at,
		       struct wallet_label *label)
{
	enum chain_network chain = network == WALLET_MAINNET ? CHAIN_MAINNET : CHAIN_TESTNET;

	w->network = network;
	w->public_key = *key;
	address_from_key(w->address, key, chain);
	w->created_at = created_at;
	w->label = *label;
	*label = (struct wallet_label){0};
	w->used = w->next = 1;
	wallet_keys_init(&w->keys, chain);
}

/* Takes over what `plain` holds.  0 or -ENOMEM. */
static int use_plain(struct wallet *w, struct wallet_plain *plain)
{
	int r;

	set_public(w, plain->network, &plain->public_key, plain->created_at, &plain->label);
	r = wallet_keys_extend(&w->keys, plain->seed, w->next + WALLET_GAP);
	if (r)
		return r;
	w->secret = plain->seed;
	plain->seed = NULL;
	w->until_ms = WALLET_FOR_EVER;
	w->checked = true;
	sodium_mprotect_noaccess(w->secret);
	return 0;
}

/* Takes the container over.  0 or -ENOMEM. */
static int use_container(struct wallet *w, struct wallet_container *container)
{
	struct wallet_label label;
	int r = wallet_label_copy(&label, &container->label);

	w->container = container;
	if (r)
		return r;
	set_public(w, container->network, &container->keys[0], container->created_at, &label);
	for (uint32_t i = 0; i < container->key_count && !r; i++)
		r = wallet_keys_add(&w->keys, &container->keys[i]);
	return r;
}

static int parse(struct wallet *w, char text[WALLET_TEXT_SIZE], const uint8_t *file, size_t len)
{
	struct wallet_container *container;
	struct wallet_plain plain;
	const char *why = "";
	uint32_t version = 0;
	int r;

	if (wallet_container_is(file, len)) {
		r = wallet_container_decode(&container, &why, &version, file, len);
		if (!r && use_container(w, container))
			return wallet_failed(text, w->path, "read", ENOMEM);
	} else {
		r = wallet_plain_decode(&plain, &why, &version, file, len);
		if (!r) {
			r = use_plain(w, &plain);
			wallet_plain_clear(&plain);
		}
	}
	return r ? refused(text, w->path, r, why, version) : 0;
}

static int load(struct wallet *w, char text[WALLET_TEXT_SIZE], const uint8_t *file, size_t len, mode_t mode,
		enum chain_network expected)
{
	int r = parse(w, text, file, len);

	if (r)
		return r;
	if (w->network != wallet_network_number(expected)) {
		snprintf(text, WALLET_TEXT_SIZE,
			 "wallet %s is one of %s, and this node runs %s: use another data directory, or move the "
			 "wallet away",
			 w->path, w->network == WALLET_MAINNET ? "mainnet" : "testnet", chain_network_name(expected));
		return WALLET_E_NETWORK;
	}
	if (mode & 077)
		log_warn(LOG_NODE, "wallet %s may be read by others (mode %04o): chmod 600 it", w->path, mode & 07777U);
	return 0;
}

static int create(struct wallet *w, char text[WALLET_TEXT_SIZE], enum chain_network network)
{
	struct wallet_plain plain;
	uint8_t *file = NULL;
	size_t len;
	int r = wallet_plain_make(&plain, network, clock_real_s());

	if (!r)
		r = wallet_plain_encode(&file, &len, &plain);
	if (!r)
		r = file_write_atomic(w->path, file, len, 0600);
	sodium_free(file);
	if (!r)
		r = use_plain(w, &plain);
	wallet_plain_clear(&plain);
	if (r)
		return wallet_failed(text, w->path, "made", -r);
	w->is_new = true;
	log_info(LOG_NODE, "Made wallet %s with address %s", w->path, w->address);
	return 0;
}

static struct wallet *make(const char *path)
{
	struct wallet *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->path = strdup(path);
	if (!w->path) {
		free(w);
		return NULL;
	}
	mutex_init(&w->lock, "wallet", MUTEX_RANK_LEAF);
	cond_init(&w->changed);
	return w;
}

int wallet_open_or_create(struct wallet **out, char text[WALLET_TEXT_SIZE], const char *path,
			  enum chain_network network)
{
	struct wallet *w;
	uint8_t *file;
	size_t len;
	mode_t mode;
	int r;

	text[0] = '\0';
	if (sodium_init() < 0)
		return wallet_failed(text, path, "used", ENOSYS);
	w = make(path);
	if (!w)
		return wallet_failed(text, path, "read", ENOMEM);
	r = wallet_file_read(&file, &len, &mode, path);
	if (r == -ENOENT) {
		r = create(w, text, network);
	} else if (r) {
		r = wallet_failed(text, path, "read", -r);
	} else {
		r = load(w, text, file, len, mode, network);
		sodium_free(file);
	}
	if (r) {
		wallet_close(w);
		return r;
	}
	*out = w;
	return 0;
}

void wallet_close(struct wallet *w)
{
	if (!w)
		return;
	CHECK(!w->busy && w->users == 0);
	sodium_free(w->secret); /* wipes it, whatever its protection */
	sodium_free(w->node_pair);
	wallet_container_free(w->container);
	wallet_keys_clear(&w->keys);
	cond_destroy(&w->changed);
	mutex_destroy(&w->lock);
	free(w->label.text);
	free(w->path);
	free(w);
}

const char *wallet_address(const struct wallet *w)
{
	return w->address;
}

const struct wire_key *wallet_public_key(const struct wallet *w)
{
	return &w->public_key;
}

const char *wallet_label(const struct wallet *w)
{
	return w->label.text;
}

int64_t wallet_created_at(const struct wallet *w)
{
	return w->created_at;
}

bool wallet_is_new(const struct wallet *w)
{
	return w->is_new;
}

int wallet_keep_node_key(struct wallet *w)
{
	uint8_t *pair;

	if (w->node_pair)
		return 0;
	pair = sodium_malloc(WALLET_PAIR_BYTES);
	if (!pair)
		return -ENOMEM;
	if (wallet_signing_begin(w)) {
		sodium_free(pair);
		return WALLET_E_LOCKED;
	}
	wallet_signing_pair(w, pair, 0);
	wallet_signing_end(w);
	sodium_mprotect_readonly(pair);
	w->node_pair = pair;
	return 0;
}

void wallet_sign(struct wallet *w, struct wire_sig *out, const void *message, size_t len)
{
	uint8_t pair[WALLET_PAIR_BYTES];

	if (w->node_pair) {
		crypto_sign_detached(out->bytes, NULL, message, len, w->node_pair);
		return;
	}
	CHECK(wallet_signing_begin(w) == 0);
	wallet_signing_pair(w, pair, 0);
	wallet_signing_end(w);
	crypto_sign_detached(out->bytes, NULL, message, len, pair);
	sodium_memzero(pair, sizeof(pair));
}
