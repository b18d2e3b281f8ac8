/* SPDX-License-Identifier: MIT
 *
 * The schema: every message and every type of PROTOCOL.md §3, once.  A field is one line here; all walkers follow.
 * The order of fields and variants is that of the binary form, so new ones of ours come last and are EXTRA.
 */
#include "desc.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY(text) .key = text, .key_len = sizeof(text) - 1

#define FIELD_AS(how, name, type, member, d)                                                                           \
	{                                                                                                              \
		KEY(",\"" name "\":"), .presence = how, .offset = offsetof(struct wire_##type, member),                \
		.desc = &wire_desc_##d                                                                                 \
	}
#define FIELD(type, member, d) FIELD_AS(WIRE_REQUIRED, #member, type, member, d)
#define OPTION(type, member, d) FIELD_AS(WIRE_OPTION, #member, type, member, d)
#define EXTRA(type, member, d) FIELD_AS(WIRE_EXTRA, #member, type, member, d)
#define NAMED(name, type, member, d) FIELD_AS(WIRE_REQUIRED, name, type, member, d)

#define VARIANT(text, d) {KEY("{\"" text "\":"), .name = text, .payload = &wire_desc_##d}
#define UNIT(text) {KEY("{\"" text "\":"), .name = text, .payload = NULL}

#define SCALAR(k, type) {.kind = k, .size = sizeof(type)}
#define FIXED(type) {.kind = WIRE_KIND_FIXED, .size = sizeof(type), .count = sizeof(type)}
#define STRING(max) {.kind = WIRE_KIND_STRING, .size = sizeof(struct wire_str), .limit = max}
#define LIST(d, max)                                                                                                   \
	{                                                                                                              \
		.kind = WIRE_KIND_LIST, .size = sizeof(struct wire_bytes), .limit = max, .element = &wire_desc_##d     \
	}
#define AGGREGATE(k, type, list) {.kind = k, .size = sizeof(struct wire_##type), .count = COUNT(list), .fields = list}
#define STRUCT(type) AGGREGATE(WIRE_KIND_STRUCT, type, type##_fields)
#define TUPLE(type) AGGREGATE(WIRE_KIND_TUPLE, type, type##_fields)

/* Scalars. */

static const struct wire_desc wire_desc_flag = SCALAR(WIRE_KIND_BOOL, bool);
static const struct wire_desc wire_desc_u32 = SCALAR(WIRE_KIND_U32, uint32_t);
static const struct wire_desc wire_desc_u64 = SCALAR(WIRE_KIND_U64, uint64_t);
static const struct wire_desc wire_desc_i64 = SCALAR(WIRE_KIND_I64, int64_t);
static const struct wire_desc wire_desc_magic = FIXED(uint8_t[4]);
const struct wire_desc wire_desc_hash = FIXED(struct wire_hash);
static const struct wire_desc wire_desc_sig = FIXED(struct wire_sig);
static const struct wire_desc wire_desc_key = {
	.kind = WIRE_KIND_FIXED, .size = sizeof(struct wire_key), .count = sizeof(struct wire_key), .prefixed = true};
static const struct wire_desc wire_desc_bytes = {
	.kind = WIRE_KIND_BYTES, .size = sizeof(struct wire_bytes), .limit = WIRE_MAX_SCRIPT_BYTES};
static const struct wire_desc wire_desc_string = STRING(WIRE_MAX_STRING_BYTES);
static const struct wire_desc wire_desc_reason = STRING(WIRE_MAX_REASON_BYTES);

/* Transactions. */

static const struct wire_field outpoint_fields[] = {
	FIELD(outpoint, txid, hash),
	FIELD(outpoint, vout, u32),
};
const struct wire_desc wire_desc_outpoint = STRUCT(outpoint);
static const struct wire_desc wire_desc_outpoint_list = LIST(outpoint, WIRE_MAX_OUTPOINTS);

static const struct wire_field tx_input_fields[] = {
	FIELD(tx_input, previous_output, outpoint),
	FIELD(tx_input, script_sig, bytes),
	FIELD(tx_input, sequence, u32),
};
const struct wire_desc wire_desc_tx_input = STRUCT(tx_input);
static const struct wire_desc wire_desc_tx_input_list = LIST(tx_input, WIRE_MAX_INPUTS);

static const struct wire_field tx_output_fields[] = {
	FIELD(tx_output, value, u64),
	FIELD(tx_output, script_pubkey, bytes),
};
const struct wire_desc wire_desc_tx_output = STRUCT(tx_output);
const struct wire_desc wire_desc_tx_output_list = LIST(tx_output, WIRE_MAX_INPUTS);

static const struct wire_field transaction_fields[] = {
	FIELD(transaction, version, u32),
	FIELD(transaction, inputs, tx_input_list),
	FIELD(transaction, outputs, tx_output_list),
	FIELD(transaction, lock_time, u32),
	FIELD(transaction, timestamp, i64),
};
const struct wire_desc wire_desc_transaction = STRUCT(transaction);
const struct wire_desc wire_desc_transaction_list = LIST(transaction, WIRE_MAX_TRANSACTIONS);

/* Blocks. */

static const struct wire_field block_header_fields[] = {
	FIELD(block_header, version, u32),	 FIELD(block_header, height, u64),
	FIELD(block_header, previous_hash, hash), FIELD(block_header, merkle_root, hash),
	FIELD(block_header, timestamp, i64),	 FIELD(block_header, block_reward, u64),
};
const struct wire_desc wire_desc_block_header = STRUCT(block_header);

static const struct wire_field reward_fields[] = {
	FIELD(reward, address, string),
	FIELD(reward, amount, u64),
};
static const struct wire_desc wire_desc_reward = TUPLE(reward);
static const struct wire_desc wire_desc_reward_list = LIST(reward, WIRE_MAX_MASTERNODES);

static const struct wire_field commit_signature_fields[] = {
	FIELD(commit_signature, voter, string),
	FIELD(commit_signature, signature, bytes),
};
static const struct wire_desc wire_desc_commit_signature = TUPLE(commit_signature);
static const struct wire_desc wire_desc_commit_signature_list = LIST(commit_signature, WIRE_MAX_COMMIT_SIGNATURES);

static const struct wire_field commit_fields[] = {
	FIELD(commit, round, u64),
	FIELD(commit, signatures, commit_signature_list),
};
const struct wire_desc wire_desc_commit = STRUCT(commit);

static const struct wire_field block_fields[] = {
	FIELD(block, header, block_header),
	FIELD(block, transactions, transaction_list),
	FIELD(block, masternode_rewards, reward_list),
	EXTRA(block, commit, commit),
};
const struct wire_desc wire_desc_block = STRUCT(block);
const struct wire_desc wire_desc_block_list = LIST(block, WIRE_MAX_BLOCKS);

/* Unspent outputs and their states. */

static const struct wire_field utxo_fields[] = {
	FIELD(utxo, outpoint, outpoint),
	FIELD(utxo, value, u64),
	FIELD(utxo, script_pubkey, bytes),
	FIELD(utxo, address, string),
};
const struct wire_desc wire_desc_utxo = STRUCT(utxo);
/* Only the frame bounds the number of these. */
const struct wire_desc wire_desc_utxo_list = LIST(utxo, UINT32_MAX);

static const struct wire_field utxo_locked_fields[] = {
	FIELD(utxo_locked, txid, hash),
	FIELD(utxo_locked, locked_at, i64),
};
static const struct wire_desc wire_desc_utxo_locked = STRUCT(utxo_locked);

static const struct wire_field utxo_spent_pending_fields[] = {
	FIELD(utxo_spent_pending, txid, hash),
	FIELD(utxo_spent_pending, votes, u32),
	FIELD(utxo_spent_pending, total_nodes, u32),
	FIELD(utxo_spent_pending, spent_at, i64),
};
static const struct wire_desc wire_desc_utxo_spent_pending = STRUCT(utxo_spent_pending);

static const struct wire_field utxo_spent_finalized_fields[] = {
	FIELD(utxo_spent_finalized, txid, hash),
	FIELD(utxo_spent_finalized, finalized_at, i64),
	FIELD(utxo_spent_finalized, votes, u32),
};
static const struct wire_desc wire_desc_utxo_spent_finalized = STRUCT(utxo_spent_finalized);

static const struct wire_field utxo_confirmed_fields[] = {
	FIELD(utxo_confirmed, txid, hash),
	FIELD(utxo_confirmed, block_height, u64),
	FIELD(utxo_confirmed, confirmed_at, i64),
};
static const struct wire_desc wire_desc_utxo_confirmed = STRUCT(utxo_confirmed);

static const struct wire_variant utxo_state_variants[] = {
	[WIRE_UTXO_UNSPENT] = UNIT("Unspent"),
	[WIRE_UTXO_LOCKED] = VARIANT("Locked", utxo_locked),
	[WIRE_UTXO_SPENT_PENDING] = VARIANT("SpentPending", utxo_spent_pending),
	[WIRE_UTXO_SPENT_FINALIZED] = VARIANT("SpentFinalized", utxo_spent_finalized),
	[WIRE_UTXO_CONFIRMED] = VARIANT("Confirmed", utxo_confirmed),
};
const struct wire_desc wire_desc_utxo_state = {
	.kind = WIRE_KIND_ENUM,
	.size = sizeof(struct wire_utxo_state),
	.count = COUNT(utxo_state_variants),
	.payload_offset = offsetof(struct wire_utxo_state, u),
	.variants = utxo_state_variants,
};

static const struct wire_field outpoint_state_fields[] = {
	FIELD(outpoint_state, outpoint, outpoint),
	FIELD(outpoint_state, state, utxo_state),
};
static const struct wire_desc wire_desc_outpoint_state = TUPLE(outpoint_state);
static const struct wire_desc wire_desc_outpoint_state_list = LIST(outpoint_state, WIRE_MAX_OUTPOINTS);
static const struct wire_desc wire_desc_utxo_state_update = STRUCT(outpoint_state);

static const struct wire_field utxo_state_notification_fields[] = {
	FIELD(utxo_state_notification, outpoint, outpoint),
	FIELD(utxo_state_notification, new_state, utxo_state),
	FIELD(utxo_state_notification, timestamp, i64),
};
static const struct wire_desc wire_desc_utxo_state_notification = STRUCT(utxo_state_notification);

static const struct wire_field utxo_state_hash_response_fields[] = {
	FIELD(utxo_state_hash_response, hash, hash),
	FIELD(utxo_state_hash_response, height, u64),
	FIELD(utxo_state_hash_response, utxo_count, u64),
};
static const struct wire_desc wire_desc_utxo_state_hash_response = STRUCT(utxo_state_hash_response);

static const struct wire_desc wire_desc_address_list = LIST(string, WIRE_MAX_OUTPOINTS);
static const struct wire_field subscribe_fields[] = {
	FIELD(subscribe, id, string),
	FIELD(subscribe, addresses, address_list),
	FIELD(subscribe, outpoints, outpoint_list),
};
static const struct wire_desc wire_desc_subscribe = STRUCT(subscribe);

/* The connection. */

static const struct wire_field handshake_fields[] = {
	FIELD(handshake, magic, magic),
	FIELD(handshake, protocol_version, u32),
	FIELD(handshake, network, string),
};
static const struct wire_desc wire_desc_handshake = STRUCT(handshake);

static const struct wire_field ack_fields[] = {
	FIELD(ack, message_type, string),
};
static const struct wire_desc wire_desc_ack = STRUCT(ack);

static const struct wire_desc wire_desc_capability_list = LIST(string, WIRE_MAX_CAPABILITIES);
static const struct wire_field version_fields[] = {
	FIELD(version, version, string),
	FIELD(version, commit_date, string),
	FIELD(version, commit_count, string),
	FIELD(version, protocol_version, u32),
	FIELD(version, network, string),
	FIELD(version, listen_addr, string),
	FIELD(version, timestamp, i64),
	FIELD(version, capabilities, capability_list),
	OPTION(version, wallet_address, string),
	OPTION(version, genesis_hash, string),
	EXTRA(version, node_id, string),
	EXTRA(version, height, u64),
};
static const struct wire_desc wire_desc_version = STRUCT(version);

static const struct wire_field ping_fields[] = {
	FIELD(ping, nonce, u64),
	FIELD(ping, timestamp, i64),
};
static const struct wire_desc wire_desc_ping = STRUCT(ping);

const struct wire_desc wire_desc_peer_list = {
	.kind = WIRE_KIND_LIST,
	.cut = true,
	.size = sizeof(struct wire_str_list),
	.limit = WIRE_MAX_PEERS,
	.element = &wire_desc_string,
};

/* Questions about the chain. */

static const struct wire_field get_blocks_fields[] = {
	FIELD(range, start, u64),
	FIELD(range, end, u64),
};
static const struct wire_desc wire_desc_get_blocks = AGGREGATE(WIRE_KIND_TUPLE, range, get_blocks_fields);

static const struct wire_field get_block_range_fields[] = {
	NAMED("start_height", range, start, u64),
	NAMED("end_height", range, end, u64),
};
static const struct wire_desc wire_desc_get_block_range = AGGREGATE(WIRE_KIND_STRUCT, range, get_block_range_fields);

static const struct wire_field block_hash_response_fields[] = {
	FIELD(block_hash_response, height, u64),
	OPTION(block_hash_response, hash, hash),
};
static const struct wire_desc wire_desc_block_hash_response = STRUCT(block_hash_response);

static const struct wire_field consensus_query_fields[] = {
	FIELD(consensus_query, height, u64),
	FIELD(consensus_query, block_hash, hash),
};
static const struct wire_desc wire_desc_consensus_query = STRUCT(consensus_query);

static const struct wire_field consensus_query_response_fields[] = {
	FIELD(consensus_query_response, agrees, flag),
	FIELD(consensus_query_response, height, u64),
	FIELD(consensus_query_response, their_hash, hash),
};
static const struct wire_desc wire_desc_consensus_query_response = STRUCT(consensus_query_response);

/* Instant finality. */

static const struct wire_field transaction_vote_fields[] = {
	FIELD(transaction_vote, txid, hash),   FIELD(transaction_vote, voter, string),
	FIELD(transaction_vote, approve, flag), FIELD(transaction_vote, timestamp, i64),
	FIELD(transaction_vote, signature, sig),
};
static const struct wire_desc wire_desc_transaction_vote = STRUCT(transaction_vote);

static const struct wire_field transaction_finalized_fields[] = {
	FIELD(transaction_finalized, txid, hash),
	FIELD(transaction_finalized, votes, u32),
};
static const struct wire_desc wire_desc_transaction_finalized = STRUCT(transaction_finalized);

static const struct wire_field transaction_rejected_fields[] = {
	FIELD(transaction_rejected, txid, hash),
	FIELD(transaction_rejected, reason, reason),
};
static const struct wire_desc wire_desc_transaction_rejected = STRUCT(transaction_rejected);

/* Masternodes. */

static const struct wire_variant tier_variants[] = {
	[WIRE_TIER_FREE] = UNIT("Free"),
	[WIRE_TIER_BRONZE] = UNIT("Bronze"),
	[WIRE_TIER_SILVER] = UNIT("Silver"),
	[WIRE_TIER_GOLD] = UNIT("Gold"),
};
static const struct wire_desc wire_desc_tier = {
	.kind = WIRE_KIND_ENUM,
	.size = sizeof(enum wire_tier),
	.count = COUNT(tier_variants),
	.variants = tier_variants,
};

static const struct wire_field masternode_fields[] = {
	FIELD(masternode, address, string),
	FIELD(masternode, reward_address, string),
	FIELD(masternode, tier, tier),
	FIELD(masternode, public_key, key),
};
const struct wire_desc wire_desc_masternode = STRUCT(masternode);
static const struct wire_desc wire_desc_masternode_list = LIST(masternode, WIRE_MAX_MASTERNODES);

static const struct wire_field heartbeat_fields[] = {
	FIELD(heartbeat, masternode_address, string), FIELD(heartbeat, sequence_number, u64),
	FIELD(heartbeat, timestamp, i64),	      FIELD(heartbeat, masternode_pubkey, key),
	FIELD(heartbeat, signature, sig),
};
static const struct wire_desc wire_desc_heartbeat = STRUCT(heartbeat);

static const struct wire_field attestation_fields[] = {
	FIELD(attestation, heartbeat_hash, hash), FIELD(attestation, witness_address, string),
	FIELD(attestation, witness_pubkey, key),  FIELD(attestation, witness_timestamp, i64),
	FIELD(attestation, signature, sig),
};
static const struct wire_desc wire_desc_attestation = STRUCT(attestation);

/* Block production. */

static const struct wire_variant phase_variants[] = {
	UNIT("prevote"),
	UNIT("precommit"),
};
static const struct wire_desc wire_desc_phase = {
	.kind = WIRE_KIND_ENUM,
	.size = sizeof(enum wire_phase),
	.count = COUNT(phase_variants),
	.first_tag = WIRE_PHASE_PREVOTE,
	.variants = phase_variants,
};

static const struct wire_field block_proposal_fields[] = {
	FIELD(block_proposal, block, block),	 FIELD(block_proposal, proposer, string),
	FIELD(block_proposal, signature, bytes), FIELD(block_proposal, round, u64),
	EXTRA(block_proposal, valid_round, i64),
};
static const struct wire_desc wire_desc_block_proposal = STRUCT(block_proposal);

static const struct wire_field block_vote_fields[] = {
	FIELD(block_vote, block_hash, hash), FIELD(block_vote, height, u64),   FIELD(block_vote, voter, string),
	FIELD(block_vote, signature, bytes), FIELD(block_vote, approve, flag), EXTRA(block_vote, round, u64),
	EXTRA(block_vote, phase, phase),
};
static const struct wire_desc wire_desc_block_vote = STRUCT(block_vote);

static const struct wire_field block_commit_fields[] = {
	FIELD(block_commit, block_hash, hash),
	FIELD(block_commit, height, u64),
	FIELD(block_commit, signatures, commit_signature_list),
	EXTRA(block_commit, round, u64),
};
static const struct wire_desc wire_desc_block_commit = STRUCT(block_commit);

/* The messages. */

static const struct wire_variant message_variants[] = {
	[WIRE_GET_GENESIS_HASH] = UNIT("GetGenesisHash"),
	[WIRE_GENESIS_HASH_RESPONSE] = VARIANT("GenesisHashResponse", hash),
	[WIRE_GET_BLOCK_HEIGHT] = UNIT("GetBlockHeight"),
	[WIRE_BLOCK_HEIGHT_RESPONSE] = VARIANT("BlockHeightResponse", u64),
	[WIRE_GET_BLOCKS] = VARIANT("GetBlocks", get_blocks),
	[WIRE_BLOCKS_RESPONSE] = VARIANT("BlocksResponse", block_list),
	[WIRE_HANDSHAKE] = VARIANT("Handshake", handshake),
	[WIRE_ACK] = VARIANT("Ack", ack),
	[WIRE_TRANSACTION_BROADCAST] = VARIANT("TransactionBroadcast", transaction),
	[WIRE_TRANSACTION_VOTE_REQUEST] = VARIANT("TransactionVoteRequest", hash),
	[WIRE_TRANSACTION_VOTE] = VARIANT("TransactionVote", transaction_vote),
	[WIRE_TRANSACTION_FINALIZED] = VARIANT("TransactionFinalized", transaction_finalized),
	[WIRE_TRANSACTION_REJECTED] = VARIANT("TransactionRejected", transaction_rejected),
	[WIRE_UTXO_STATE_QUERY] = VARIANT("UTXOStateQuery", outpoint_list),
	[WIRE_UTXO_STATE_RESPONSE] = VARIANT("UTXOStateResponse", outpoint_state_list),
	[WIRE_UTXO_STATE_NOTIFICATION] = VARIANT("UTXOStateNotification", utxo_state_notification),
	[WIRE_UTXO_STATE_UPDATE] = VARIANT("UTXOStateUpdate", utxo_state_update),
	[WIRE_SUBSCRIBE] = VARIANT("Subscribe", subscribe),
	[WIRE_UNSUBSCRIBE] = VARIANT("Unsubscribe", string),
	[WIRE_BLOCK_ANNOUNCEMENT] = VARIANT("BlockAnnouncement", block),
	[WIRE_BLOCK_REQUEST] = VARIANT("BlockRequest", u64),
	[WIRE_BLOCK_RESPONSE] = VARIANT("BlockResponse", block),
	[WIRE_GET_UTXO_SET] = UNIT("GetUTXOSet"),
	[WIRE_UTXO_SET_RESPONSE] = VARIANT("UTXOSetResponse", utxo_list),
	[WIRE_GET_UTXO_STATE_HASH] = UNIT("GetUTXOStateHash"),
	[WIRE_UTXO_STATE_HASH_RESPONSE] = VARIANT("UTXOStateHashResponse", utxo_state_hash_response),
	[WIRE_MASTERNODE_ANNOUNCEMENT] = VARIANT("MasternodeAnnouncement", masternode),
	[WIRE_GET_MASTERNODES] = UNIT("GetMasternodes"),
	[WIRE_MASTERNODES_RESPONSE] = VARIANT("MasternodesResponse", masternode_list),
	[WIRE_VERSION] = VARIANT("Version", version),
	[WIRE_PING] = VARIANT("Ping", ping),
	[WIRE_PONG] = VARIANT("Pong", ping),
	[WIRE_GET_PENDING_TRANSACTIONS] = UNIT("GetPendingTransactions"),
	[WIRE_PENDING_TRANSACTIONS_RESPONSE] = VARIANT("PendingTransactionsResponse", transaction_list),
	[WIRE_GET_PEERS] = UNIT("GetPeers"),
	[WIRE_PEERS_RESPONSE] = VARIANT("PeersResponse", peer_list),
	[WIRE_HEARTBEAT_BROADCAST] = VARIANT("HeartbeatBroadcast", heartbeat),
	[WIRE_HEARTBEAT_ATTESTATION] = VARIANT("HeartbeatAttestation", attestation),
	[WIRE_GET_BLOCK_HASH] = VARIANT("GetBlockHash", u64),
	[WIRE_BLOCK_HASH_RESPONSE] = VARIANT("BlockHashResponse", block_hash_response),
	[WIRE_CONSENSUS_QUERY] = VARIANT("ConsensusQuery", consensus_query),
	[WIRE_CONSENSUS_QUERY_RESPONSE] = VARIANT("ConsensusQueryResponse", consensus_query_response),
	[WIRE_GET_BLOCK_RANGE] = VARIANT("GetBlockRange", get_block_range),
	[WIRE_BLOCK_RANGE_RESPONSE] = VARIANT("BlockRangeResponse", block_list),
	[WIRE_BLOCK_PROPOSAL] = VARIANT("BlockProposal", block_proposal),
	[WIRE_BLOCK_VOTE] = VARIANT("BlockVote", block_vote),
	[WIRE_BLOCK_COMMIT] = VARIANT("BlockCommit", block_commit),
};
_Static_assert(COUNT(message_variants) == WIRE_TYPE_COUNT, "every message has its line");

/* A perfect hash of the names above: index + 1 at message_hash() of the name, 0 elsewhere.  The factors were found by
 * search; a test finds every name through it, so a new message that collides is noticed. */
static const uint8_t message_index[128] = {
	28, 0, 1, 2, 0, 8, 0, 0, 0, 0, 0, 47, 12, 0, 6, 0,
	0, 16, 9, 0, 0, 0, 0, 15, 25, 0, 23, 34, 39, 4, 37, 0,
	10, 24, 0, 26, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0,
	0, 36, 0, 18, 38, 0, 0, 40, 42, 46, 27, 0, 0, 0, 3, 11,
	0, 0, 0, 0, 0, 0, 41, 5, 0, 0, 0, 29, 0, 13, 21, 0,
	0, 43, 0, 0, 0, 0, 0, 0, 35, 0, 44, 22, 32, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 30, 0, 19,
	0, 0, 0, 0, 14, 0, 33, 0, 0, 0, 0, 0, 31, 45, 0, 17,
};

const struct wire_desc wire_desc_message = {
	.kind = WIRE_KIND_ENUM,
	.size = sizeof(struct wire_message),
	.count = COUNT(message_variants),
	.payload_offset = offsetof(struct wire_message, u),
	.name_index = message_index,
	.variants = message_variants,
};

/* `len` >= 3. */
static size_t message_hash(const char *name, size_t len)
{
	return (len * 51 + (uint8_t)name[1] * 6u + (uint8_t)name[len / 2] * 48u + (uint8_t)name[len - 3] * 10u) & 127;
}

static bool variant_is(const struct wire_variant *variant, const char *name, size_t len)
{
	return wire_variant_name_len(variant) == len && memcmp(variant->name, name, len) == 0;
}

uint32_t wire_variant_find(const struct wire_desc *desc, const char *name, size_t len)
{
	if (desc->name_index) {
		uint32_t found = len >= 3 ? desc->name_index[message_hash(name, len)] : 0;

		if (found == 0 || !variant_is(&desc->variants[found - 1], name, len))
			return desc->count;
		return found - 1;
	}
	for (uint32_t i = 0; i < desc->count; i++) {
		if (variant_is(&desc->variants[i], name, len))
			return i;
	}
	return desc->count;
}

enum wire_type wire_type_from_name(const char *name, size_t len)
{
	return (enum wire_type)wire_variant_find(&wire_desc_message, name, len);
}

const char *wire_type_name(enum wire_type type)
{
	return (uint32_t)type < WIRE_TYPE_COUNT ? message_variants[type].name : NULL;
}

const char *wire_tier_name(enum wire_tier tier)
{
	return (uint32_t)tier < WIRE_TIER_COUNT ? tier_variants[tier].name : NULL;
}
