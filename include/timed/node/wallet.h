/* SPDX-License-Identifier: MIT
 *
 * The wallet: the file `time-wallet.dat`, the keys that follow from its secret, and its passphrase.
 *
 * The file has two forms.  The plain one is that of the existing daemon (src/node/wallet_plain.h), and its key, key 0,
 * signs our announcements, heartbeats and votes and has the address that is rewarded.  wallet_encrypt() replaces it by
 * a container of ours (src/node/wallet_container.h), in which the secret is encrypted and public keys, label and time
 * of creation are readable.  Files are written with mode 0600, atomically, and never over one that is not this
 * wallet's: one that cannot be used is an error that says what to do.
 *
 * Keys: key i has the seed SHA-256("TIMECOIN_KEY:" ‖ secret ‖ i u32 LE), i from 1; key 0 is the file's.  A copy of the
 * file restores them all, as long as no more than WALLET_GAP keys in a row were never paid to: the keys that are looked
 * for go that far beyond the highest that is used or handed out.  They cannot be derived without the secret, so a
 * container holds some hundreds of public keys in advance (wallet_tick() adds more while it is unlocked).
 *
 * Locked and unlocked: a plain wallet is always unlocked.  An encrypted one starts locked, and is unlocked for a time
 * by wallet_unlock(), or until it is locked by the file that `wallet.passphrase_file` names.  Locked, its addresses are
 * known and new ones handed out, but nothing can be paid.  A masternode signs all the time: it calls
 * wallet_keep_node_key(), which needs an unlocked wallet, so an encrypted wallet of a masternode needs
 * `wallet.passphrase_file`; locking it then ends payments, and key 0 stays in memory for wallet_sign().
 *
 * Every secret that is kept lives in sodium_malloc() memory, without access while nobody signs (the key that a
 * masternode keeps: read-only), and is wiped.
 *
 * Thread safety: any thread, but for wallet_keep_node_key() and wallet_set_next_key(), which belong to start-up.  The
 * lock is a leaf: no other leaf may be held by the caller.
 */
#ifndef TIMED_NODE_WALLET_H
#define TIMED_NODE_WALLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/address.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/types.h"

enum wallet_error {
	WALLET_E_NETWORK = 1, /* a wallet of another network */
	WALLET_E_VERSION,     /* a format that we do not know */
	WALLET_E_DAMAGED,     /* cut off, altered, or no wallet at all */
	WALLET_E_LOCKED,      /* needs the passphrase first */
	WALLET_E_PASSPHRASE,  /* a wrong one, none, or one that is too long */
	WALLET_E_ENCRYPTED,   /* is encrypted already */
	WALLET_E_PLAIN,	      /* has no passphrase */
	WALLET_E_CHANGED,     /* somebody else has put another file in its place */
	WALLET_E_KEYS,	      /* there is no such key, or no more of them */
};

/* Room for the message of a failure. */
#define WALLET_TEXT_SIZE 512
/* Keys that are looked for beyond the highest used one. */
#define WALLET_GAP 20
#define WALLET_MAX_KEYS 1000000
#define WALLET_PASSPHRASE_MAX 1024
/* wallet_unlock(): until it is locked. */
#define WALLET_FOR_EVER INT64_MAX

/* What Argon2id costs. */
struct wallet_kdf {
	uint64_t operations;
	uint64_t memory_bytes;
};
/* Three passes over 256 MiB: a second or so. */
extern const struct wallet_kdf wallet_kdf_default;

struct wallet;

/* Reads the wallet at `path`, or makes a plain one when there is no file.  Blocks on the disk.
 * 0 and `*out`; otherwise `text` names the file, what is wrong and what to do, and the result is an enum wallet_error,
 * or a negative errno: the file cannot be read or written, or memory cannot be had. */
int wallet_open_or_create(struct wallet **out, char text[WALLET_TEXT_SIZE], const char *path,
			  enum chain_network network) __attribute__((warn_unused_result));
/* Wipes what is secret.  No other call may be running.  NULL is fine. */
void wallet_close(struct wallet *wallet);

/* Of key 0; known while the wallet is locked too.  Valid until wallet_close(). */
const char *wallet_address(const struct wallet *wallet);
const struct wire_key *wallet_public_key(const struct wallet *wallet);
/* The label in the file; NULL when it has none. */
const char *wallet_label(const struct wallet *wallet);
/* Unix seconds, as the file says. */
int64_t wallet_created_at(const struct wallet *wallet);
/* There was no file: its keys were made by the call that opened it, and nobody has signed anything with them. */
bool wallet_is_new(const struct wallet *wallet);

/* Copies key 0 for wallet_sign(), for as long as the wallet is open.  0, -ENOMEM or WALLET_E_LOCKED. */
int wallet_keep_node_key(struct wallet *wallet) __attribute__((warn_unused_result));
/* Ed25519 signature by key 0 over `len` bytes.  The wallet must not be locked, unless wallet_keep_node_key() was called
 * (then no lock is taken either). */
void wallet_sign(struct wallet *wallet, struct wire_sig *out, const void *message, size_t len);

struct wallet_state {
	bool encrypted;
	bool locked;	       /* encrypted, and not unlocked */
	int64_t unlocked_ms;   /* for so long; 0 while locked, WALLET_FOR_EVER when nothing but a call ends it */
	struct wallet_kdf kdf; /* of an encrypted one */
	uint32_t next;	       /* the next key to be handed out */
	uint32_t watched;      /* keys 0 to this one, without it, are looked for */
	uint32_t known;	       /* public keys in memory */
};
void wallet_get_state(struct wallet *wallet, struct wallet_state *out);

/* Encrypts the wallet and locks it: the plain file is replaced by a container.  `kdf` NULL: wallet_kdf_default.  Blocks
 * for about a second.  The contents of the plain file are overwritten once the new one is safe, unless the file has
 * another name; journals, snapshots and the spare blocks of flash memory may still hold them, and so do copies that
 * were made before: who fears that makes a new wallet and pays everything to it. 0; WALLET_E_ENCRYPTED,
 * WALLET_E_PASSPHRASE, WALLET_E_CHANGED or a negative errno, and `text`: all is as it was. */
int wallet_encrypt(struct wallet *wallet, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
		   const struct wallet_kdf *kdf) __attribute__((warn_unused_result));
/* Unlocks for `for_ms`, from now on, whatever held before; 0 locks.  Blocks for about a second.  0; WALLET_E_PLAIN,
 * WALLET_E_PASSPHRASE, WALLET_E_DAMAGED (what the file says openly is not what it has encrypted) or -ENOMEM, and
 * `text`: all is as it was. */
int wallet_unlock(struct wallet *wallet, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
		  int64_t for_ms) __attribute__((warn_unused_result));
/* Unlocks until it is locked, by the first line of a file; also a negative errno: it cannot be read. */
int wallet_unlock_by_file(struct wallet *wallet, char text[WALLET_TEXT_SIZE], const char *file)
	__attribute__((warn_unused_result));
/* Waits for payments that are being signed, and wipes the secret.  0 or WALLET_E_PLAIN. */
int wallet_lock(struct wallet *wallet) __attribute__((warn_unused_result));
/* Called now and then: wipes the secret when its time is over, and writes a container with more public keys when those
 * in it run out.  May block on the disk. */
void wallet_tick(struct wallet *wallet);

/* The address of a key that is known; 0 or WALLET_E_KEYS. */
int wallet_key_address(struct wallet *wallet, char out[ADDRESS_TEXT_SIZE], uint32_t index)
	__attribute__((warn_unused_result));
/* Whether an output's script is ours, and by which key. */
bool wallet_find(struct wallet *wallet, uint32_t *index, const uint8_t *script, size_t len);
/* Hands out the next key.  0; WALLET_E_LOCKED: the keys known in advance are used up; WALLET_E_KEYS; -ENOMEM. */
int wallet_new_key(struct wallet *wallet, uint32_t *index) __attribute__((warn_unused_result));
/* A key that was handed out is not needed: it is the next one again, unless another one followed or it was paid to. */
void wallet_return_key(struct wallet *wallet, uint32_t index);
/* An output of the chain or of the pool pays to this key: those after it are looked for, and handed out next. */
void wallet_use_key(struct wallet *wallet, uint32_t index);
/* Keys below `next` were handed out before the restart. */
void wallet_set_next_key(struct wallet *wallet, uint32_t next);

/* Between these two calls the secret can be used and cannot be wiped, so not for long.  0 or WALLET_E_LOCKED: then
 * there is nothing to end. */
int wallet_signing_begin(struct wallet *wallet) __attribute__((warn_unused_result));
void wallet_signing_end(struct wallet *wallet);
/* The secret key of libsodium's form (64 bytes) of a key; the caller wipes it.  Only between the two; any thread. */
void wallet_signing_pair(const struct wallet *wallet, uint8_t pair[64], uint32_t index);

#endif
