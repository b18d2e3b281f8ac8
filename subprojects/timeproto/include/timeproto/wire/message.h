/* SPDX-License-Identifier: MIT
 *
 * The 47 messages as C structs (PROTOCOL.md §3).  json.h and bincode.h turn bytes into these and back; how each
 * field is written is said once, in src/wire/schema.c.
 * The types that they are made of, and the conventions of both, are in types.h.
 */
#ifndef TIMEPROTO_WIRE_MESSAGE_H
#define TIMEPROTO_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "timeproto/wire/types.h"

/* Limits of ours, PROTOCOL.md §3: above is WIRE_E_LIMIT when decoding (peer lists are cut instead). */
#define WIRE_MAX_BLOCKS 101		/* blocks of one answer */
#define WIRE_MAX_TRANSACTIONS 10000	/* transactions of a block or of the pool */
#define WIRE_MAX_INPUTS 10000		/* inputs, and likewise outputs, of a transaction */
#define WIRE_MAX_SCRIPT_BYTES 10000	/* a script; also a signature of free length */
#define WIRE_MAX_STRING_BYTES 1024	/* a string ... */
#define WIRE_MAX_REASON_BYTES 4096	/* ... but the reason of a rejection */
#define WIRE_MAX_OUTPOINTS 1000		/* outpoints of a query, answer or subscription; its addresses */
#define WIRE_MAX_MASTERNODES 10000	/* masternodes of an answer; rewards of a block */
#define WIRE_MAX_COMMIT_SIGNATURES 1000 /* signatures of a commit */
#define WIRE_MAX_CAPABILITIES 1000	/* capabilities of a Version */
#define WIRE_MAX_PEERS 1000		/* peers kept of an answer; the rest is read and dropped */

/* In the order of the binary form: the value is the variant index. */
enum wire_type {
	WIRE_GET_GENESIS_HASH,
	WIRE_GENESIS_HASH_RESPONSE,
	WIRE_GET_BLOCK_HEIGHT,
	WIRE_BLOCK_HEIGHT_RESPONSE,
	WIRE_GET_BLOCKS,
	WIRE_BLOCKS_RESPONSE,
	WIRE_HANDSHAKE,
	WIRE_ACK,
	WIRE_TRANSACTION_BROADCAST,
	WIRE_TRANSACTION_VOTE_REQUEST,
	WIRE_TRANSACTION_VOTE,
	WIRE_TRANSACTION_FINALIZED,
	WIRE_TRANSACTION_REJECTED,
	WIRE_UTXO_STATE_QUERY,
	WIRE_UTXO_STATE_RESPONSE,
	WIRE_UTXO_STATE_NOTIFICATION,
	WIRE_UTXO_STATE_UPDATE,
	WIRE_SUBSCRIBE,
	WIRE_UNSUBSCRIBE,
	WIRE_BLOCK_ANNOUNCEMENT,
	WIRE_BLOCK_REQUEST,
	WIRE_BLOCK_RESPONSE,
	WIRE_GET_UTXO_SET,
	WIRE_UTXO_SET_RESPONSE,
	WIRE_GET_UTXO_STATE_HASH,
	WIRE_UTXO_STATE_HASH_RESPONSE,
	WIRE_MASTERNODE_ANNOUNCEMENT,
	WIRE_GET_MASTERNODES,
	WIRE_MASTERNODES_RESPONSE,
	WIRE_VERSION,
	WIRE_PING,
	WIRE_PONG,
	WIRE_GET_PENDING_TRANSACTIONS,
	WIRE_PENDING_TRANSACTIONS_RESPONSE,
	WIRE_GET_PEERS,
	WIRE_PEERS_RESPONSE,
	WIRE_HEARTBEAT_BROADCAST,
	WIRE_HEARTBEAT_ATTESTATION,
	WIRE_GET_BLOCK_HASH,
	WIRE_BLOCK_HASH_RESPONSE,
	WIRE_CONSENSUS_QUERY,
	WIRE_CONSENSUS_QUERY_RESPONSE,
	WIRE_GET_BLOCK_RANGE,
	WIRE_BLOCK_RANGE_RESPONSE,
	WIRE_BLOCK_PROPOSAL,
	WIRE_BLOCK_VOTE,
	WIRE_BLOCK_COMMIT,
	WIRE_TYPE_COUNT
};

struct wire_utxo_state_notification {
	struct wire_outpoint outpoint;
	struct wire_utxo_state new_state;
	int64_t timestamp;
};

struct wire_handshake {
	uint8_t magic[4]; /* "TIME" */
	uint32_t protocol_version;
	struct wire_str network; /* unreliable: never checked, PROTOCOL.md §4 */
};

struct wire_ack {
	struct wire_str message_type; /* "Handshake" */
};

struct wire_version {
	struct wire_str version;
	struct wire_str commit_date;
	struct wire_str commit_count;
	uint32_t protocol_version;
	struct wire_str network;
	struct wire_str listen_addr;
	int64_t timestamp;
	struct wire_str_list capabilities;
	const struct wire_str *wallet_address;
	const struct wire_str *genesis_hash;
	const struct wire_str *node_id; /* extra: 32 hex digits, random per data directory */
	const uint64_t *height;		/* extra: of the sender's tip */
};

/* Ping and Pong. */
struct wire_ping {
	uint64_t nonce;
	int64_t timestamp;
};

/* GetBlocks and GetBlockRange: both ends included. */
struct wire_range {
	uint64_t start;
	uint64_t end;
};

struct wire_block_hash_response {
	uint64_t height;
	const struct wire_hash *hash; /* NULL: unknown */
};

struct wire_consensus_query {
	uint64_t height;
	struct wire_hash block_hash;
};

struct wire_consensus_query_response {
	bool agrees;
	uint64_t height;
	struct wire_hash their_hash; /* zero: unknown */
};

struct wire_utxo_state_hash_response {
	struct wire_hash hash;
	uint64_t height;
	uint64_t utxo_count;
};

struct wire_subscribe {
	struct wire_str id;
	struct wire_str_list addresses;
	struct wire_outpoint_list outpoints;
};

struct wire_transaction_vote {
	struct wire_hash txid;
	struct wire_str voter; /* address of the masternode */
	bool approve;
	int64_t timestamp;
	struct wire_sig signature; /* PROTOCOL.md §7 */
};

struct wire_transaction_finalized {
	struct wire_hash txid;
	uint32_t votes;
};

struct wire_transaction_rejected {
	struct wire_hash txid;
	struct wire_str reason;
};

/* In the order of the binary form. */
enum wire_tier { WIRE_TIER_FREE, WIRE_TIER_BRONZE, WIRE_TIER_SILVER, WIRE_TIER_GOLD, WIRE_TIER_COUNT };

/* MasternodeAnnouncement, and an entry of MasternodesResponse. */
struct wire_masternode {
	struct wire_str address; /* "ip" or "ip:port" */
	struct wire_str reward_address;
	enum wire_tier tier;
	struct wire_key public_key;
};

struct wire_masternode_list {
	struct wire_masternode *items;
	size_t len;
};

struct wire_heartbeat {
	struct wire_str masternode_address;
	uint64_t sequence_number;
	int64_t timestamp;
	struct wire_key masternode_pubkey;
	struct wire_sig signature; /* PROTOCOL.md §8 */
};

struct wire_attestation {
	struct wire_hash heartbeat_hash;
	struct wire_str witness_address;
	struct wire_key witness_pubkey;
	int64_t witness_timestamp;
	struct wire_sig signature; /* PROTOCOL.md §8 */
};

struct wire_block_proposal {
	struct wire_block block;
	struct wire_str proposer;    /* address */
	struct wire_bytes signature; /* 64 bytes in the form of ours */
	uint64_t round;
	const int64_t *valid_round; /* extra: -1 for none */
};

enum wire_phase { WIRE_PHASE_PREVOTE = 1, WIRE_PHASE_PRECOMMIT = 2 };

struct wire_block_vote {
	struct wire_hash block_hash;
	uint64_t height;
	struct wire_str voter; /* address */
	struct wire_bytes signature;
	bool approve;
	const uint64_t *round;	      /* extra; without it the vote is of the old form */
	const enum wire_phase *phase; /* extra */
};

struct wire_block_commit {
	struct wire_hash block_hash;
	uint64_t height;
	struct wire_commit_signature_list signatures;
	const uint64_t *round; /* extra */
};

struct wire_message {
	enum wire_type type;
	/* The member of the message's name; nothing for the requests without payload. */
	union {
		struct wire_hash genesis_hash_response;
		uint64_t block_height_response;
		struct wire_range get_blocks;
		struct wire_block_list blocks_response;
		struct wire_handshake handshake;
		struct wire_ack ack;
		struct wire_transaction transaction_broadcast;
		struct wire_hash transaction_vote_request; /* txid */
		struct wire_transaction_vote transaction_vote;
		struct wire_transaction_finalized transaction_finalized;
		struct wire_transaction_rejected transaction_rejected;
		struct wire_outpoint_list utxo_state_query;
		struct wire_outpoint_state_list utxo_state_response;
		struct wire_utxo_state_notification utxo_state_notification;
		struct wire_outpoint_state utxo_state_update;
		struct wire_subscribe subscribe;
		struct wire_str unsubscribe; /* the id */
		struct wire_block block_announcement;
		uint64_t block_request; /* height */
		struct wire_block block_response;
		struct wire_utxo_list utxo_set_response;
		struct wire_utxo_state_hash_response utxo_state_hash_response;
		struct wire_masternode masternode_announcement;
		struct wire_masternode_list masternodes_response;
		struct wire_version version;
		struct wire_ping ping;
		struct wire_ping pong;
		struct wire_transaction_list pending_transactions_response;
		struct wire_str_list peers_response;
		struct wire_heartbeat heartbeat_broadcast;
		struct wire_attestation heartbeat_attestation;
		uint64_t get_block_hash; /* height */
		struct wire_block_hash_response block_hash_response;
		struct wire_consensus_query consensus_query;
		struct wire_consensus_query_response consensus_query_response;
		struct wire_range get_block_range;
		struct wire_block_list block_range_response;
		struct wire_block_proposal block_proposal;
		struct wire_block_vote block_vote;
		struct wire_block_commit block_commit;
	} u;
};

#endif
