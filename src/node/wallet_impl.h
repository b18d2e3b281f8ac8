/* SPDX-License-Identifier: MIT
 *
 * The inside of a wallet, shared by wallet.c (opening, key 0), wallet_use.c (keys and secret) and wallet_passphrase.c
 * (encrypting, unlocking, locking).
 */
#ifndef TIMED_NODE_WALLET_IMPL_H
#define TIMED_NODE_WALLET_IMPL_H

#include <sys/types.h>

#include "timed/node/wallet.h"
#include "timed/util/thread.h"
#include "wallet_container.h"
#include "wallet_keys.h"
#include "wallet_plain.h"

/* Public keys that a container holds beyond the next one; more are added when half of them are gone. */
#define WALLET_AHEAD 1000

struct wallet {
	/* Immutable between opening and closing. */
	char *path;
	uint32_t network; /* WALLET_MAINNET or WALLET_TESTNET */
	struct wire_key public_key;
	char address[ADDRESS_TEXT_SIZE];
	struct wallet_label label;
	int64_t created_at;
	bool is_new;	    /* made by the call that opened it */
	uint8_t *node_pair; /* sodium_malloc, read-only: key 0 of wallet_keep_node_key(); NULL: not kept */

	struct mutex lock;   /* leaf; guards the rest */
	struct cond changed; /* `busy` or `users` has become less */
	bool busy;	     /* a thread encrypts, unlocks, locks, or writes the container */
	bool failing;	     /* the container could not be written, and that is in the log */
	bool checked;	     /* the public keys of the container are those of its secret */
	/* NULL: plain.  Changed by the busy thread alone, which needs no lock to read it. */
	struct wallet_container *container;
	uint8_t *secret;  /* sodium_malloc, no access while nobody uses it; NULL: locked */
	unsigned users;	  /* of the secret */
	int64_t until_ms; /* clock_mono_ms at which it is locked */
	struct wallet_keys keys;
	uint32_t used; /* the highest key that was paid to, plus one */
	uint32_t next; /* the next key to be handed out; at least `used` */
};

/* The reason of a failed operation on the file, for people; returns -error. */
int wallet_failed(char text[WALLET_TEXT_SIZE], const char *path, const char *what, int error);
int wallet_damaged(char text[WALLET_TEXT_SIZE], const char *path, const char *what);

/* The file in guarded memory: sodium_free() it; no more than the largest container has.  0 or a negative errno. */
int wallet_file_read(uint8_t **file, size_t *len, mode_t *mode, const char *path) __attribute__((warn_unused_result));
/* Replaces the file atomically, then, unless `erased` is NULL, overwrites the contents of the old one; `*erased` false:
 * it has another name, or they could not be.  0 or a negative errno: all is as it was. */
int wallet_file_replace(bool *erased, const char *path, const void *data, size_t len)
	__attribute__((warn_unused_result));

/* Whether the wallet is locked, now; what is overdue is wiped if nobody uses it. */
bool wallet_is_locked_locked(struct wallet *wallet) REQUIRES(wallet->lock);
/* Derives keys up to `count`, if it is unlocked and there are not so many yet.  0 or -ENOMEM. */
int wallet_extend_locked(struct wallet *wallet, uint32_t count) REQUIRES(wallet->lock)
	__attribute__((warn_unused_result));
/* Wipes the secret, which nobody uses. */
void wallet_wipe_locked(struct wallet *wallet) REQUIRES(wallet->lock);

#endif
