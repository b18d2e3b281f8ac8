// SPDX-License-Identifier: MIT
/* Every key of the configuration file, one line each, in the order of the generated file.  A default stands here as it
 * would stand in the file and is read by the same code. */
#include "config_table.h"

#include <stddef.h>

#define YEAR_MS (INT64_C(366) * 24 * 3600 * 1000)
#define COUNT_MAX INT64_C(1000000)
#define BYTES_MAX (INT64_C(1) << 40)

static const struct config_choice networks[] = {
	{"testnet", CHAIN_TESTNET, false}, {"mainnet", CHAIN_MAINNET, false}, {"devnet", CHAIN_DEVNET, false}, {0}};
static const struct config_choice backends[] = {{"rocksdb", CONFIG_BACKEND_ROCKSDB, false},
						{"memory", CONFIG_BACKEND_MEMORY, false},
						{"sled", CONFIG_BACKEND_ROCKSDB, true},
						{0}};
static const struct config_choice log_levels[] = {{"error", LOG_LEVEL_ERROR, false}, {"warn", LOG_LEVEL_WARN, false},
						  {"info", LOG_LEVEL_INFO, false},   {"debug", LOG_LEVEL_DEBUG, false},
						  {"trace", LOG_LEVEL_TRACE, false}, {0}};
static const struct config_choice formats[] = {
	{"pretty", LOG_FORMAT_PRETTY, false}, {"json", LOG_FORMAT_JSON, false}, {0}};
static const struct config_choice outputs[] = {
	{"stdout", CONFIG_LOG_STDOUT, false}, {"file", CONFIG_LOG_FILE, false}, {0}};
static const struct config_choice tiers[] = {{"free", WIRE_TIER_FREE, false},
					     {"bronze", WIRE_TIER_BRONZE, false},
					     {"silver", WIRE_TIER_SILVER, false},
					     {"gold", WIRE_TIER_GOLD, false},
					     {0}};

/* The kind of a number follows from the type of its field. */
#define NUMBER_KIND(field)                                                                                             \
	_Generic(((struct config *)0)->field,                                                                          \
		int: CONFIG_KIND_INT,                                                                                  \
		uint16_t: CONFIG_KIND_U16,                                                                             \
		uint32_t: CONFIG_KIND_U32,                                                                             \
		uint64_t: CONFIG_KIND_U64,                                                                             \
		int64_t: CONFIG_KIND_I64)
#define AT(s, k) .section = #s, .key = #k, .offset = offsetof(struct config, s.k)
#define NUMBER_FLAGGED(s, k, initial_, min_, max_, unit_, note_, flags_)                                               \
	{                                                                                                              \
		AT(s, k), .kind = NUMBER_KIND(s.k), .initial = initial_, .min = min_, .max = max_, .unit = unit_,      \
			  .note = note_, .flags = flags_                                                               \
	}
#define NUMBER(s, k, initial_, min_, max_, unit_, note_) NUMBER_FLAGGED(s, k, initial_, min_, max_, unit_, note_, 0)
#define NUMBER_BY_NETWORK(s, k, initial_, min_, max_, unit_, note_)                                                    \
	NUMBER_FLAGGED(s, k, initial_, min_, max_, unit_, note_, CONFIG_KEY_BY_NETWORK)
#define MS(s, k, initial_, note_) NUMBER(s, k, initial_, 1, YEAR_MS, "ms", note_)
#define COUNT(s, k, initial_, note_) NUMBER(s, k, initial_, 1, COUNT_MAX, "", note_)
#define BYTES(s, k, initial_, min_, note_) NUMBER(s, k, initial_, min_, BYTES_MAX, "bytes", note_)
#define FLAGGED(s, k, kind_, initial_, note_, flags_)                                                                  \
	{                                                                                                              \
		AT(s, k), .kind = kind_, .initial = initial_, .note = note_, .flags = flags_                           \
	}
#define OTHER(s, k, kind_, initial_, note_) FLAGGED(s, k, kind_, initial_, note_, 0)
#define BOOL(s, k, initial_, note_) OTHER(s, k, CONFIG_KIND_BOOL, initial_, note_)
#define STRING(s, k, initial_, note_) OTHER(s, k, CONFIG_KIND_STRING, initial_, note_)
#define CHOICE(s, k, initial_, choices_, note_)                                                                        \
	{                                                                                                              \
		AT(s, k), .kind = CONFIG_KIND_CHOICE, .initial = initial_, .choices = choices_, .note = note_          \
	}
#define CATEGORY(k, id)                                                                                                \
	{                                                                                                              \
		.section = "logging.categories", .key = k, .kind = CONFIG_KIND_CHOICE,                                 \
		.offset = offsetof(struct config, logging.categories) + (id) * sizeof(int), .choices = log_levels,     \
	}
/* Keys of the existing daemon that do nothing there or cannot be supported: known, so that no other is suggested. */
#define NO_EFFECT(s, k, initial_, note_)                                                                               \
	{                                                                                                              \
		.section = #s, .key = #k, .kind = CONFIG_KIND_NONE, .initial = initial_, .note = note_                 \
	}

const struct config_key config_keys[] = {
	STRING(node, name, "\"TIME Coin Node\"", "shown to operators"),
	CHOICE(node, network, "\"testnet\"", networks, "which network to join"),
	NO_EFFECT(node, version, "\"0.1.0\"", "the program knows its own version"),

	OTHER(network, listen_address, CONFIG_KIND_ADDRESS, "\"0.0.0.0\"",
	      "IP or IP:PORT to accept peers on; one address (not 0.0.0.0) is also what we dial from"),
	NUMBER(network, port, "0", 0, 65535, "",
	       "P2P port; 0: by network (testnet 24100, mainnet 24000, devnet 24200)"),
	FLAGGED(network, external_address, CONFIG_KIND_ADDRESS, "\"\"",
		"our own IP as peers see it; \"\": the local address of each connection", CONFIG_KEY_MAY_BE_EMPTY),
	NUMBER(network, max_peers, "50", 1, 100000, "", "connections at most"),
	FLAGGED(network, enable_upnp, CONFIG_KIND_BOOL, "false", "not supported", CONFIG_KEY_UNSUPPORTED),
	BOOL(network, enable_peer_discovery, "true", "ask peers and the discovery service for more peers"),
	STRING(network, discovery_url, "\"\"",
	       "HTTPS URL that returns a JSON array of \"ip:port\" strings; \"\": none"),
	OTHER(network, bootstrap_peers, CONFIG_KIND_ADDRESSES, "[]",
	      "IP or IP:PORT each: dialled at once and for ever"),

	BOOL(rpc, enabled, "true", "serve JSON-RPC, metrics and health"),
	OTHER(rpc, listen_address, CONFIG_KIND_ADDRESS, "\"127.0.0.1\"", "IP or IP:PORT"),
	NUMBER(rpc, port, "0", 0, 65535, "", "0: by network (testnet 24101, mainnet 24001, devnet 24201)"),
	OTHER(rpc, allow_origins, CONFIG_KIND_STRINGS, "[]", "origins that a browser may call from"),
	STRING(rpc, user, "\"\"", "with password: may log in beside the cookie file"),
	FLAGGED(rpc, password, CONFIG_KIND_STRING, "\"\"", "of rpc.user", CONFIG_KEY_SECRET),
	BOOL(rpc, public_status, "false", "the status page needs no password"),

	CHOICE(storage, backend, "\"rocksdb\"", backends, "memory keeps nothing: for tests"),
	STRING(storage, data_dir, "\"\"", "\"\": ~/.timecoin/testnet, ~/.timecoin (mainnet), ~/.timecoin/devnet"),
	NUMBER(storage, cache_size_mb, "256", 1, 1048576, "MiB", "cache of the database"),

	NUMBER(consensus, min_masternodes, "3", 1, COUNT_MAX, "",
	       "active masternodes needed to make blocks without validators"),
	NUMBER(consensus, quorum_percentage, "67", 67, 67, "the quorum is always floor(2n/3) + 1", "fixed"),
	NUMBER(consensus, bft_from, "0", 0, INT64_MAX, "",
	       "first height that needs a certificate; 0: 1 on a devnet with validators; never without validators"),
	NUMBER(consensus, step_timeout_ms, "0", 0, 3600000, "ms",
	       "of round 0; 0: by network (devnet 1000, others 10000)"),
	NUMBER(consensus, step_timeout_delta_ms, "0", 0, 3600000, "ms",
	       "more for each further round; 0: by network (devnet 500, others 5000)"),
	NUMBER(consensus, repeat_ms, "0", 0, 3600000, "ms",
	       "between repetitions of the votes that are about; 0: by network (devnet 1000, others 5000)"),
	OTHER(consensus, validators, CONFIG_KIND_VALIDATORS, "[]",
	      "the same on all nodes: [{ from_height = 1, validators = [{ address = \"IP\", "
	      "public_key = \"64 hex digits\", tier = \"free\", "
	      "reward_address = \"TIME0...\" }, ...] }, ...]"),
	NO_EFFECT(consensus, voting_timeout_ms, "3000", "see step_timeout_ms"),

	NUMBER_BY_NETWORK(block, block_time_seconds, "600", 1, 86400, "s", "devnet: 2"),
	NUMBER(block, max_block_size_kb, "1024", 1, COUNT_MAX, "KiB",
	       "of blocks that we make; more than 1953 is no valid block"),
	NUMBER(block, max_transactions_per_block, "10000", 1, 10000, "", "of blocks that we make"),

	CHOICE(logging, level, "\"info\"", log_levels, "the least severe lines that are written; read again on SIGHUP"),
	CHOICE(logging, format, "\"pretty\"", formats, "lines for people, or one JSON object per line"),
	CHOICE(logging, output, "\"stdout\"", outputs, ""),
	STRING(logging, file_path, "\"./logs/node.log\"", "for output = \"file\"; opened anew on SIGHUP"),
	CATEGORY("node", LOG_NODE),
	CATEGORY("net", LOG_NET),
	CATEGORY("heartbeat", LOG_HEARTBEAT),
	CATEGORY("wire", LOG_WIRE),
	CATEGORY("masternode", LOG_MASTERNODE),
	CATEGORY("chain", LOG_CHAIN),
	CATEGORY("consensus", LOG_CONSENSUS),
	CATEGORY("mempool", LOG_MEMPOOL),
	CATEGORY("rpc", LOG_RPC),

	BOOL(masternode, enabled, "false", "announce ourselves as a masternode"),
	CHOICE(masternode, tier, "\"free\"", tiers, ""),
	STRING(masternode, collateral_txid, "\"\"", "transaction that holds the collateral of the tier"),

	BOOL(security, enable_rate_limiting, "true", "the limits per second and minute below"),
	NUMBER(security, max_requests_per_second, "1000", 1, COUNT_MAX, "", "JSON-RPC requests, all clients together"),
	NO_EFFECT(security, enable_authentication, "false", "JSON-RPC always asks for the cookie or user and password"),
	NO_EFFECT(security, api_key, "\"\"", "see rpc.user and rpc.password"),
	NO_EFFECT(security, enable_tls, "false", "there is no TLS between peers"),
	NO_EFFECT(security, enable_message_signing, "true", "what the protocol signs is always signed and checked"),
	NO_EFFECT(security, message_max_age_seconds, "300", "the protocol's own windows hold"),

	BOOL(metrics, enabled, "false", "a listener for /metrics and /health beside the RPC's"),
	OTHER(metrics, listen_address, CONFIG_KIND_ADDRESS, "\"127.0.0.1\"",
	      "its IP; whoever reaches it may read, there is no password"),
	NUMBER(metrics, prometheus_port, "9090", 1, 65535, "", "its port"),
	NUMBER(metrics, tip_max_age_seconds, "0", 0, INT64_C(31622400), "s",
	       "/health fails when the best block is older; 0: three block times, at least 60 s"),

	STRING(wallet, passphrase_file, "\"\"", "file whose first line unlocks the wallet at start"),

	NUMBER(devnet, genesis_timestamp, "0", 0, INT64_C(253402300799), "Unix s",
	       "0: testnet's; the same on all nodes"),

	MS(timers, ping_interval_ms, "30000", "a ping on every connection"),
	MS(timers, pong_timeout_ms, "90000", "a ping this old is a missed pong"),
	MS(timers, heartbeat_check_ms, "10000", "how often pings are looked at"),
	COUNT(timers, max_missed_pongs, "3", "so many missed pongs end a connection"),
	MS(timers, connect_timeout_ms, "10000", "for a TCP connection to come about"),
	MS(timers, handshake_timeout_ms, "10000", "for its handshake"),
	MS(timers, tie_break_wait_ms, "1000", "how long the choice between two connections waits for a Version"),
	MS(timers, crossed_dial_window_ms, "10000", "a second connection this soon is a crossed dial and no reboot"),
	MS(timers, probe_timeout_ms, "5000", "silence of a connection that lets a second one take its place"),
	MS(timers, dial_grace_ms, "30000", "wait for a peer whose turn it is to dial"),
	MS(timers, reconnect_min_ms, "5000", "first wait after a failure; doubles"),
	MS(timers, reconnect_max_ms, "300000", "longest wait"),
	COUNT(timers, reconnect_attempts, "10", "failures in a row until an address is given up"),
	COUNT(timers, reconnect_attempts_masternode, "20", "the same for a masternode"),
	MS(timers, turnaround_after_ms, "30000", "a mute inbound peer is closed and dialled after this"),
	MS(timers, turnaround_dial_ms, "2000", "from the close to our dial"),
	MS(timers, turnaround_redial_ms, "7000", "from our dial to the second one"),
	MS(timers, turnaround_interval_ms, "600000", "at most once per peer in this time"),
	MS(timers, announce_delay_ms, "5000", "our masternode announcement, after connecting"),
	MS(timers, announce_interval_ms, "60000", "and again; our heartbeat too"),
	NUMBER(timers, heartbeat_window_ms, "180000", 1000, YEAR_MS, "ms",
	       "a masternode's heartbeat this far from our clock counts for nothing"),
	MS(timers, masternode_active_ms, "180000", "a masternode heard within this time is active"),
	MS(timers, masternode_check_ms, "120000", "how often that is looked at"),
	MS(timers, masternode_forget_ms, "3600000", "silence after which a masternode is forgotten"),
	MS(timers, wrong_chain_ms, "3600000", "a peer on another chain is not dialled for this long"),
	MS(timers, violation_reset_ms, "3600000", "time without a violation that clears the counter"),
	MS(timers, ban_short_ms, "300000", "first ban"),
	MS(timers, ban_long_ms, "3600000", "second ban; the third is for good"),
	MS(timers, request_timeout_ms, "10000", "for an answer"),
	MS(timers, same_range_ms, "10000", "the same blocks asked for again this soon are limited"),
	MS(timers, no_progress_ms, "60000", "output without a byte of progress: slow consumer, closed"),
	MS(timers, line_progress_ms, "10000",
	   "a long line must grow by limits.line_progress_bytes in this time to count as life"),
	MS(timers, accept_wait_ms, "100", "pause of the acceptor when descriptors ran out"),
	MS(timers, discovery_interval_ms, "3600000", "how often the discovery service is asked"),
	MS(timers, discovery_timeout_ms, "10000", "for its answer"),
	MS(timers, clock_check_ms, "60000", "how often our clock is compared with the peers'"),
	MS(timers, status_interval_ms, "600000", "how often the status line is logged"),
	NUMBER(timers, thread_stall_ms, "60000", 2000, YEAR_MS, "ms",
	       "a thread of the node without progress for this long is hung: the watchdog is not fed any more"),
	MS(timers, sync_settle_ms, "5000", "one peer alone is believed about many blocks only after this"),
	MS(timers, sync_voice_wait_ms, "2000", "a question to all peers waits this long for slow ones"),
	MS(timers, sync_fork_interval_ms, "60000", "between the rounds of a question between chains"),
	MS(timers, sync_stall_ms, "5000", "blocks not delivered in this time are asked of another peer too"),
	MS(timers, sync_poll_ms, "30000", "how often a peer is asked for its height"),
	MS(timers, slot_patience_ms, "30000", "a slot without a block for this long is the next masternode's"),
	NUMBER(timers, tx_vote_ms, "259200000", 1000, YEAR_MS, "ms", "a vote on a transaction counts for this long"),
	NUMBER(timers, tx_lock_ms, "3600000", 1000, YEAR_MS, "ms",
	       "and binds its voter, if that is us, longer by this"),
	MS(timers, pool_expiry_ms, "259200000", "a pending transaction is dropped from the pool after this"),
	MS(timers, pool_orphan_expiry_ms, "1200000", "one that spends what is not known yet, after this"),
	NUMBER(timers, tcp_keepalive_idle_s, "30", 1, 32767, "s", "TCP keep-alive: idle time before the first probe"),
	NUMBER(timers, tcp_keepalive_interval_s, "10", 1, 32767, "s", "and between probes"),

	BYTES(limits, max_frame_bytes, "16777216", 1024, "longest line of a peer"),
	BYTES(limits, memory_budget_bytes, "268435456", 1048576, "line buffers, arenas and frames of all connections"),
	BYTES(limits, output_soft_bytes, "4194304", 1024,
	      "queued output beyond which gossip is dropped and requests wait"),
	BYTES(limits, output_hard_bytes, "33554432", 1024, "and beyond which the peer is a slow consumer"),
	BYTES(limits, line_progress_bytes, "4096", 1, "see timers.line_progress_ms"),
	NUMBER(limits, masternode_slots_percent, "40", 0, 100, "%", "of max_peers, but 20 to 30, kept for masternodes"),
	COUNT(limits, max_addresses, "10000", "addresses of peers that are remembered"),
	NUMBER(limits, addresses_per_answer, "1000", 1, 1000, "", "addresses that are taken of one answer"),
	COUNT(limits, unparsable_lines, "10", "on one connection: then it ends as one violation"),
	COUNT(limits, violations_short, "3", "violations that ban for timers.ban_short_ms"),
	COUNT(limits, violations_long, "5", "for timers.ban_long_ms"),
	COUNT(limits, violations_permanent, "10", "for good"),
	COUNT(limits, connects_per_minute, "30", "accepted from one IP"),
	COUNT(limits, max_handshakes, "512", "connections before their handshake"),
	COUNT(limits, masternodes, "10000", "masternodes that are remembered"),
	COUNT(limits, requests_per_second_existing, "8", "requests of one kind to a peer without Version"),
	COUNT(limits, same_range_per_second, "10", "of one peer that asks for the same blocks again"),
	BYTES(limits, answer_bytes, "4194304", 1024, "JSON of our answers with lists; one item fits in any case"),
	COUNT(limits, tx_per_second, "1000", "useless messages that one peer may send, by kind"),
	COUNT(limits, vote_per_second, "500", ""),
	COUNT(limits, block_per_second, "100", ""),
	COUNT(limits, utxo_query_per_second, "100", ""),
	COUNT(limits, subscribe_per_minute, "10", ""),
	COUNT(limits, other_per_second, "10", ""),
	COUNT(limits, sync_fork_rounds, "3", "rounds without 2/3 after which most peers decide between chains"),
	BYTES(limits, sync_window_bytes, "67108864", 4194304, "blocks asked for and not connected yet"),
	BYTES(limits, announced_bytes, "33554432", 2097152, "announced blocks that are held at once"),
	BYTES(limits, branch_bytes, "1073741824", 2097152, "blocks of other branches that are kept on the disk"),
	COUNT(limits, pool_count, "10000", "transactions in the pool"),
	BYTES(limits, pool_bytes, "300000000", 1000000, "memory of the pool"),
	COUNT(limits, pool_ancestors, "25", "unconfirmed transactions that one may stand on, itself included"),
	COUNT(limits, pool_descendants, "25", "that may stand on one, itself included"),
	COUNT(limits, pool_orphans, "100", "transactions that spend what is not known yet"),
	BYTES(limits, pool_orphan_bytes, "1000000", 1000, "the same, in bytes"),
	COUNT(limits, subscribed_per_peer, "4000", "subscriptions of one peer, their addresses and outpoints"),
	COUNT(limits, subscribed, "100000", "those of all peers"),
	COUNT(limits, reorg_depth, "1000", "blocks of our chain that may be undone"),
	COUNT(limits, reorg_warn_depth, "100", "undone blocks beyond which the log is loud"),
	NUMBER(limits, clock_skew_warn_s, "120", 1, 86400, "s",
	       "our clock differs this much from the peers': loud warning"),
};
const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);
