// SPDX-License-Identifier: MIT
/* The wallet in the node: opened and unlocked as the configuration says, and how many of its keys were handed out,
 * which the plain file has no room for, kept in the database. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node_impl.h"
#include "timed/util/log.h"

#define KEY_PREFIX "wallet_next:"
#define KEY_SIZE (sizeof(KEY_PREFIX) + ADDRESS_TEXT_SIZE)
#define VALUE_BYTES 4
#define PATH_SIZE 4096

/* The number belongs to the wallet, whose file may be exchanged. */
static size_t record_key(const struct node *node, char key[KEY_SIZE])
{
	return (size_t)snprintf(key, KEY_SIZE, KEY_PREFIX "%s", wallet_address(node->wallet));
}

/* Without the number the chain alone says which keys are used. */
static void load_next(struct node *node)
{
	struct store_value value;
	char key[KEY_SIZE];
	size_t len = record_key(node, key);
	uint32_t next = 0;
	int r = store_get(node->store, &value, STORE_META, key, len);

	if (r)
		return; /* the store has said it, if it is a failure */
	if (value.len == VALUE_BYTES)
		for (size_t i = 0; i < VALUE_BYTES; i++)
			next |= (uint32_t)value.data[i] << (8 * i);
	store_value_free(&value);
	wallet_set_next_key(node->wallet, next);
	node->wallet_next.saved = next;
}

static int write_next(struct node *node, uint32_t next)
{
	uint8_t value[VALUE_BYTES];
	char key[KEY_SIZE];
	size_t len = record_key(node, key);

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(next >> (8 * i));
	return store_put(node->store, STORE_META, key, len, value, sizeof(value), true);
}

/* At least `wanted` is on the disk when it returns 0; one thread writes at a time, and what is written only grows.  An
 * error of the store: it reports it once, and stops the node. */
static int save_next(struct node *node, uint32_t wanted)
{
	struct node_wallet_next *n = &node->wallet_next;
	struct wallet_state state;
	int r = 0;

	mutex_lock(&n->lock);
	while (n->writing && n->saved < wanted)
		cond_wait(&n->written, &n->lock);
	if (n->saved >= wanted) {
		mutex_unlock(&n->lock);
		return 0;
	}
	n->writing = true;
	mutex_unlock(&n->lock);
	wallet_get_state(node->wallet, &state);
	r = write_next(node, state.next);
	mutex_lock(&n->lock);
	n->writing = false;
	if (!r)
		n->saved = state.next;
	cond_broadcast(&n->written);
	mutex_unlock(&n->lock);
	return r;
}

/* By the passphrase file, if there is one.  0 or an exit code. */
static int unlock(struct node *node, char error[NODE_ERROR_SIZE])
{
	const char *file = node->config->wallet.passphrase_file;
	struct wallet_state state;
	char text[WALLET_TEXT_SIZE];
	int r;

	wallet_get_state(node->wallet, &state);
	if (!state.encrypted) {
		if (*file)
			log_warn(LOG_NODE,
				 "wallet.passphrase_file is set, but the wallet is not encrypted: it is not read");
		return 0;
	}
	if (!*file) {
		log_info(LOG_NODE, "The wallet is locked: nothing can be paid until it is unlocked");
		return 0;
	}
	r = wallet_unlock_by_file(node->wallet, text, file);
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "wallet.passphrase_file: %s", text);
		return r == WALLET_E_DAMAGED || r == -ENOMEM ? EXIT_RUN_TIME : EXIT_CONFIG;
	}
	log_info(LOG_NODE, "The wallet is unlocked by wallet.passphrase_file");
	return 0;
}

/* What a masternode says it signs, all the time.  0 or an exit code. */
static int keep_key(struct node *node, char error[NODE_ERROR_SIZE])
{
	int r = wallet_keep_node_key(node->wallet);

	if (r == WALLET_E_LOCKED) {
		snprintf(error, NODE_ERROR_SIZE,
			 "The wallet is encrypted, and a masternode signs with its key all the time: set "
			 "wallet.passphrase_file to a file with the passphrase in its first line");
		return EXIT_CONFIG;
	}
	if (r)
		snprintf(error, NODE_ERROR_SIZE, "Out of memory");
	return r ? EXIT_RUN_TIME : 0;
}

int node_wallet_open(struct node *node, char error[NODE_ERROR_SIZE])
{
	char path[PATH_SIZE], text[WALLET_TEXT_SIZE];
	int r;

	snprintf(path, sizeof(path), "%s/time-wallet.dat", node->config->storage.data_dir);
	if (wallet_open_or_create(&node->wallet, text, path, node->config->node.network)) {
		snprintf(error, NODE_ERROR_SIZE, "%s", text);
		return EXIT_RUN_TIME;
	}
	r = unlock(node, error);
	if (!r && node->config->masternode.enabled)
		r = keep_key(node, error);
	if (!r)
		load_next(node);
	return r;
}

int node_wallet_save_keys(struct node *node)
{
	struct wallet_state state;

	wallet_get_state(node->wallet, &state);
	return save_next(node, state.next);
}

void node_wallet_tick(struct node *node)
{
	wallet_tick(node->wallet);
	if (node_wallet_save_keys(node))
		log_debug(LOG_NODE, "The number of the wallet's keys is not saved");
}

int node_new_address(struct node *node, char out[ADDRESS_TEXT_SIZE])
{
	uint32_t index;
	int r = wallet_new_key(node->wallet, &index);

	if (!r)
		r = wallet_key_address(node->wallet, out, index);
	/* On the disk before anybody is told: an address is not handed out twice, whatever crashes. */
	if (!r && save_next(node, index + 1))
		r = -EIO;
	return r;
}
