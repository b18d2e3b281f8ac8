/* SPDX-License-Identifier: MIT
 *
 * The wallet's money: which outputs of the chain and of the pool pay to it, what state they are in, and payments out of
 * them.  The keys are those of wallet.h, the states those of balance.h, what a payment looks like is payment.h's.
 *
 * Coins are found by script, in the chain's index and in the pool's: what a call costs follows from the keys that are
 * looked for and the coins that they have, not from the chain.  What the chain has is remembered until the next block.
 *
 * Use of keys: whoever is paid to moves the gap (wallet.h).  Each block and each transaction of the pool is looked at,
 * once, from the point on that the caller remembers (none: from the first block), so a key counts as used whose coins
 * are spent again; and a key that is newly looked for is asked for in the indexes.  A locked wallet that knows too few
 * keys to fill the gap waits with the blocks until it is unlocked.
 *
 * Payments are made one after the other: coins are chosen, the transaction is signed and handed to the pool before the
 * next one looks for coins.  So no two choose the same, and one that fails keeps none.
 *
 * Amounts are in satoshis.  Thread safety: any thread, between coins_new() and coins_free().  The lock is a leaf; no
 * lock of the caller may be held, since the disk is read.
 */
#ifndef TIMED_NODE_COINS_H
#define TIMED_NODE_COINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/node/balance.h"
#include "timed/node/payment.h"
#include "timed/node/pool.h"
#include "timed/node/wallet.h"
#include "timed/store/chain_store.h"

/* Positive results; `fault` says more. */
enum coins_error {
	COINS_E_PAYMENT = 1, /* fault.error: an enum payment_error */
	COINS_E_REFUSED,     /* the pool does not take it; fault.error: an enum pool_outcome */
	COINS_E_STORE,	     /* the chain cannot be read; fault.error: an enum store_error */
	COINS_E_KEYS,	     /* that a key is handed out cannot be written down, so nothing was sent */
	COINS_E_OVERFLOW,    /* a sum leaves 64 bits */
};

#define COINS_TEXT_SIZE CHAIN_FAULT_TEXT_SIZE
struct coins_fault {
	int error; /* see the result */
	char text[COINS_TEXT_SIZE];
};

/* What a list holds at most, 60 bytes each; the rest is in its sums only. */
#define COINS_MAX_LISTED 1000000
/* Addresses that may be asked for at once. */
#define COINS_MAX_ADDRESSES 1000
/* An address that is not the wallet's. */
#define COINS_NOT_OURS UINT32_MAX

struct coins_ops {
	/* The newest view of the chain; counted. */
	struct chain_view *(*view)(void *user);
	/* The keys that were handed out are on the disk when it returns 0. */
	int (*save_keys)(void *user);
	/* To the pool, and to everybody else: as pool_insert(). */
	int (*submit)(void *user, struct pool_result *result, const struct wire_transaction *transaction,
		      const struct wire_hash *txid);
	void *user;
};

/* All that it points to must outlive the coins. */
struct coins_params {
	struct wallet *wallet;
	struct pool *pool;
	enum chain_network network;
	size_t max_listed;	  /* coins of the chain in one list: COINS_MAX_LISTED */
	uint64_t max_reorg_depth; /* blocks that may be undone: after a reorganisation as many are looked at again */
	struct chain_point followed; /* what coins_followed() said the last time; zeros: no block was looked at */
	struct coins_ops ops;
};

struct coins;

/* 0 or -ENOMEM. */
int coins_new(struct coins **out, const struct coins_params *params) __attribute__((warn_unused_result));
/* No other call may be running.  NULL is fine. */
void coins_free(struct coins *coins);

/* ---- Use of keys ---- */

/* Looks at the blocks since the last time, for about `budget_ms` (0: at all that there are now), and at keys that are
 * newly looked for.  Now and then; coins_list() does it too.  With a budget it returns at once when
 * another thread is at it.  0, COINS_E_STORE or -ENOMEM. */
int coins_follow(struct coins *coins, struct coins_fault *fault, int64_t budget_ms) __attribute__((warn_unused_result));
/* The last block that was looked at.  To be remembered after the number of keys that are out (wallet_get_state(), asked
 * for after this): a block that is passed over must not have moved the gap in vain. */
struct chain_point coins_followed(struct coins *coins);
/* A transaction has come into the pool. */
void coins_note(struct coins *coins, const struct wire_transaction *transaction);

/* ---- What there is ---- */

/* An output that is not spent for good. */
struct coins_coin {
	struct wire_outpoint outpoint;
	uint64_t value;
	uint32_t owner; /* index into the list's owners */
	enum balance_state state;
};

struct coins_owner {
	char address[ADDRESS_TEXT_SIZE];
	uint32_t key; /* of the wallet, or COINS_NOT_OURS */
};

struct coins_list {
	struct coins_coin *items; /* those of the chain by owner, then those of the pool in order of arrival */
	size_t count;
	size_t left_out; /* further ones of the chain, which take part in `balance` only */
	struct coins_owner *owners;
	size_t owner_count;
	struct balance balance;
	struct chain_view *view; /* what was looked at; counted, so the list should not live long */
};

/* Of all keys that are looked for, or of these addresses (`count` not 0; valid ones of the network, ours or not).  0,
 * COINS_E_STORE, COINS_E_OVERFLOW or -ENOMEM. */
int coins_list(struct coins *coins, struct coins_list *out, struct coins_fault *fault, const struct wire_str *addresses,
	       size_t count) __attribute__((warn_unused_result));
void coins_list_free(struct coins_list *list);

/* ---- Payments ---- */

struct coins_sent {
	struct wire_hash txid;
	uint64_t inputs; /* sum of what was spent */
	uint64_t fee;
	size_t input_count;
};

/* Pays from confirmed coins if they suffice, else from finalised ones too.  0; COINS_E_PAYMENT, _REFUSED, _STORE, _KEYS
 * or _OVERFLOW, or -ENOMEM: nothing was sent. */
int coins_send(struct coins *coins, struct coins_sent *out, struct coins_fault *fault,
	       const struct payment_target *targets, size_t count) __attribute__((warn_unused_result));
/* Makes one coin of the smallest: at least `min` and at most `max` of them (payment.h); of those of `address` for it
 * again, or, if it is empty, of all for a new key.  As coins_send(). */
int coins_merge(struct coins *coins, struct coins_sent *out, struct coins_fault *fault, size_t min, size_t max,
		struct wire_str address) __attribute__((warn_unused_result));

/* What is wrong with each input; static texts, NULL: it is signed by its owner.  In the arena. */
struct coins_signed {
	const char **errors;
	bool complete; /* nothing is wrong with any */
};

/* Signs the inputs that spend coins of the wallet; the others stay as they are.  0; COINS_E_PAYMENT (locked), _STORE;
 * -ENOMEM. */
int coins_sign(struct coins *coins, struct coins_signed *out, struct coins_fault *fault, struct arena *arena,
	       struct wire_transaction *transaction) __attribute__((warn_unused_result));

#endif
