/* SPDX-License-Identifier: MIT
 *
 * The wallet file `time-wallet.dat` in its plain form: one Ed25519 key, which signs our announcements, heartbeats and
 * votes, and whose address is rewarded.
 *
 * The file is bincode: version u32 = 1, network u32 (0 mainnet, 1 testnet and devnet), secret[32] (the seed),
 * public[32], address string, created_at i64, label option string; files of the existing daemon are read.  It is made
 * with mode 0600, atomically, and never overwritten: one that cannot be used is an error that says what to do.
 *
 * The secret lives in locked, guarded memory (sodium_malloc) and is wiped on close.
 *
 * Thread safety: an open wallet is only read; wallet_sign() may be called from any thread.
 */
#ifndef TIMED_NODE_WALLET_H
#define TIMED_NODE_WALLET_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/address.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/message.h"

enum wallet_error {
	WALLET_E_NETWORK = 1, /* a wallet of another network */
	WALLET_E_VERSION,     /* a format that we do not know */
	WALLET_E_DAMAGED,     /* cut off, altered, or no wallet at all */
};

/* Room for the message of a failure. */
#define WALLET_TEXT_SIZE 512

struct wallet;

/* Reads the wallet at `path`, or makes one when there is no file.  Blocks on the disk.
 * 0 and `*out`; otherwise `text` names the file, what is wrong and what to do, and the result is an enum wallet_error,
 * or a negative errno: the file cannot be read or written, or memory cannot be had. */
int wallet_open_or_create(struct wallet **out, char text[WALLET_TEXT_SIZE], const char *path,
			  enum chain_network network) __attribute__((warn_unused_result));
/* Wipes the secret. */
void wallet_close(struct wallet *wallet);

/* Valid until wallet_close(). */
const char *wallet_address(const struct wallet *wallet);
const struct wire_key *wallet_public_key(const struct wallet *wallet);
/* The label in the file; NULL when it has none. */
const char *wallet_label(const struct wallet *wallet);
/* Unix seconds, as the file says. */
int64_t wallet_created_at(const struct wallet *wallet);

/* Ed25519 signature over `len` bytes. */
void wallet_sign(const struct wallet *wallet, struct wire_sig *out, const void *message, size_t len);

#endif
