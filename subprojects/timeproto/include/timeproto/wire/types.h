/* SPDX-License-Identifier: MIT
 *
 * What messages, rules and store have in common, as C structs (PROTOCOL.md §3): hashes and keys, transactions, blocks,
 * outputs. The messages themselves are in message.h.
 *
 * Conventions, of message.h too:
 * - A decoded message points only into the arena it was decoded with; whoever builds one by hand keeps what it
 *   points to alive.  A zeroed struct is a valid empty value of every type here.
 * - Optional values are pointers, NULL = None.  Fields marked "extra" are keys of ours: optional, JSON only, never
 *   part of the binary form or of a hash, written only when not NULL.
 * - Lists are a pointer and a length; `items` may be NULL when `len` is 0.
 * - Money is in satoshis, times are Unix seconds, unless a field says otherwise.
 */
#ifndef TIMEPROTO_WIRE_TYPES_H
#define TIMEPROTO_WIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_hash {
	uint8_t bytes[32]; /* SHA-256, in the order in which it is printed */
};

struct wire_key {
	uint8_t bytes[32]; /* Ed25519 public key, not checked to be a point */
};

struct wire_sig {
	uint8_t bytes[64]; /* Ed25519 signature, not verified */
};

/* UTF-8; may contain NUL.  What a decoder made is followed by one more NUL that `len` does not count. */
struct wire_str {
	const char *ptr;
	size_t len; /* bytes */
};

struct wire_bytes {
	const uint8_t *ptr;
	size_t len;
};

struct wire_str_list {
	struct wire_str *items;
	size_t len;
};

struct wire_outpoint {
	struct wire_hash txid; /* the transaction that made the output */
	uint32_t vout;	       /* its index there */
};

struct wire_outpoint_list {
	struct wire_outpoint *items;
	size_t len;
};

struct wire_tx_input {
	struct wire_outpoint previous_output; /* what is spent */
	struct wire_bytes script_sig;	      /* key and signature, PROTOCOL.md §6 */
	uint32_t sequence;		      /* carries no rule */
};

struct wire_tx_input_list {
	struct wire_tx_input *items;
	size_t len;
};

struct wire_tx_output {
	uint64_t value;			 /* satoshis */
	struct wire_bytes script_pubkey; /* ASCII bytes of the owner's address */
};

struct wire_tx_output_list {
	struct wire_tx_output *items;
	size_t len;
};

struct wire_transaction {
	uint32_t version;
	struct wire_tx_input_list inputs; /* none: a coinbase */
	struct wire_tx_output_list outputs;
	uint32_t lock_time; /* carries no rule */
	int64_t timestamp;
};

struct wire_transaction_list {
	struct wire_transaction *items;
	size_t len;
};

struct wire_block_header {
	uint32_t version;
	uint64_t height;
	struct wire_hash previous_hash;
	struct wire_hash merkle_root;
	int64_t timestamp;
	uint64_t block_reward; /* satoshis, fees included */
};

struct wire_reward {
	struct wire_str address; /* unchecked text */
	uint64_t amount;	 /* satoshis */
};

struct wire_reward_list {
	struct wire_reward *items;
	size_t len;
};

struct wire_commit_signature {
	struct wire_str voter; /* address of the validator */
	struct wire_bytes signature;
};

struct wire_commit_signature_list {
	struct wire_commit_signature *items;
	size_t len;
};

/* A certificate, PROTOCOL.md §9. */
struct wire_commit {
	uint64_t round;
	struct wire_commit_signature_list signatures;
};

struct wire_block {
	struct wire_block_header header;
	struct wire_transaction_list transactions;
	struct wire_reward_list masternode_rewards;
	const struct wire_commit *commit; /* extra: the certificate */
};

struct wire_block_list {
	struct wire_block *items;
	size_t len;
};

struct wire_utxo {
	struct wire_outpoint outpoint;
	uint64_t value; /* satoshis */
	struct wire_bytes script_pubkey;
	struct wire_str address;
};

struct wire_utxo_list {
	struct wire_utxo *items;
	size_t len;
};

/* In the order of the binary form. */
enum wire_utxo_state_tag {
	WIRE_UTXO_UNSPENT,
	WIRE_UTXO_LOCKED,
	WIRE_UTXO_SPENT_PENDING,
	WIRE_UTXO_SPENT_FINALIZED,
	WIRE_UTXO_CONFIRMED,
	WIRE_UTXO_STATE_COUNT
};

struct wire_utxo_locked {
	struct wire_hash txid; /* the spender */
	int64_t locked_at;
};

struct wire_utxo_spent_pending {
	struct wire_hash txid;
	uint32_t votes;
	uint32_t total_nodes;
	int64_t spent_at;
};

struct wire_utxo_spent_finalized {
	struct wire_hash txid;
	int64_t finalized_at;
	uint32_t votes;
};

struct wire_utxo_confirmed {
	struct wire_hash txid;
	uint64_t block_height;
	int64_t confirmed_at;
};

struct wire_utxo_state {
	enum wire_utxo_state_tag tag;
	union {
		struct wire_utxo_locked locked;
		struct wire_utxo_spent_pending spent_pending;
		struct wire_utxo_spent_finalized spent_finalized;
		struct wire_utxo_confirmed confirmed;
	} u; /* nothing for WIRE_UTXO_UNSPENT */
};

/* An entry of UTXOStateResponse, and UTXOStateUpdate. */
struct wire_outpoint_state {
	struct wire_outpoint outpoint;
	struct wire_utxo_state state;
};

struct wire_outpoint_state_list {
	struct wire_outpoint_state *items;
	size_t len;
};

#endif
