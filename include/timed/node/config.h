/* SPDX-License-Identifier: MIT
 *
 * The configuration as one typed struct.  Fields are named as in the file: `c->timers.ping_interval_ms` is
 * `[timers] ping_interval_ms`.  One table (src/node/config_table.c) drives reading, defaults, the generated file and
 * the suggestions for misspelt keys; a new key is a field here and a line there.
 *
 * Order: config_load() or config_default(), then the command line (options.h), then config_resolve().
 *
 * Ownership: a config owns everything it points to.  Strings are never NULL ("" when not set).
 * Secrets (rpc.password, security.api_key) appear in no message.
 * Thread safety: none while it is made; afterwards it is only read.
 */
#ifndef TIMED_NODE_CONFIG_H
#define TIMED_NODE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "timed/net/ip.h"
#include "timed/util/log.h"
#include "timeproto/chain/params.h"
#include "timeproto/wire/message.h"

struct arena;

enum config_backend { CONFIG_BACKEND_ROCKSDB, CONFIG_BACKEND_MEMORY };
enum config_log_output { CONFIG_LOG_STDOUT, CONFIG_LOG_FILE };

/* Outcomes, positive; negative ones are errno values. */
enum config_error {
	CONFIG_E_INVALID = 1, /* the messages hold at least one error */
};

struct config_strings {
	char **items;
	size_t count;
};

struct config_addrs {
	struct net_addr *items; /* port 0: none was given; config_resolve() fills in the network's */
	size_t count;
};

struct config_validator {
	struct net_addr address; /* its IP is what proposals and votes name; unique in its list */
	struct wire_key public_key;
	enum wire_tier tier;
	char *reward_address;
};

/* The validators from a height on, until the next list's. */
struct config_validator_list {
	uint64_t from_height;
	struct config_validator *items;
	size_t count;
};

struct config_validators {
	struct config_validator_list *lists; /* by ascending from_height */
	size_t count;
};

struct config {
	struct {
		char *name;		    /* shown to operators */
		enum chain_network network; /* decides ports, genesis, data directory */
	} node;
	struct {
		struct net_addr listen_address;	  /* port: from the address, else from `port`, else the network's */
		uint16_t port;			  /* of our listener; resolved */
		struct net_addr external_address; /* unspecified IP: not set */
		uint32_t max_peers;
		bool enable_upnp; /* not supported: warned about */
		bool enable_peer_discovery;
		char *discovery_url;		     /* "": none */
		struct config_addrs bootstrap_peers; /* configured peers: dialled at once and for ever */
		struct config_addrs connect;	     /* the same, from --connect; no key in the file */
	} network;
	struct {
		bool enabled;
		struct net_addr listen_address; /* port as network.listen_address */
		uint16_t port;
		struct config_strings allow_origins; /* CORS */
		char *user;			     /* "": only the cookie */
		char *password;			     /* secret */
		bool public_status;
	} rpc;
	struct {
		enum config_backend backend;
		char *data_dir; /* never empty once resolved */
		uint32_t cache_size_mb;
		bool recover_wal; /* --recover-wal; no key in the file */
		bool reindex;	  /* --reindex, likewise */
	} storage;
	struct {
		uint32_t min_masternodes;      /* for production without validators */
		int64_t quorum_percentage;     /* always 67: floor(2n/3) + 1 */
		uint64_t bft_from;	       /* first height that needs a certificate; 0: none does */
		int64_t step_timeout_ms;       /* of round 0; resolved */
		int64_t step_timeout_delta_ms; /* more per round; resolved */
		int64_t repeat_ms;	       /* between repetitions of votes; resolved */
		struct config_validators validators;
	} consensus;
	struct {
		uint32_t block_time_seconds; /* resolved */
		uint32_t max_block_size_kb;
		uint32_t max_transactions_per_block;
	} block;
	struct {
		enum log_level level;
		enum log_format format;
		enum config_log_output output;
		char *file_path;
		int categories[LOG_CATEGORY_COUNT]; /* enum log_level; resolved: `level` where the file says nothing */
	} logging;
	struct {
		bool enabled;
		enum wire_tier tier;
		char *collateral_txid;
	} masternode;
	struct {
		bool enable_rate_limiting;	  /* [limits] per second and per minute count */
		uint32_t max_requests_per_second; /* JSON-RPC, all clients together */
	} security;
	struct {
		bool enabled;
		struct net_addr listen_address; /* port: prometheus_port */
		uint16_t prometheus_port;
		uint32_t tip_max_age_seconds; /* 0: by the block time (node/health.h) */
	} metrics;
	struct {
		char *passphrase_file; /* "": the wallet is plain or stays locked */
	} wallet;
	struct {
		int64_t genesis_timestamp; /* Unix seconds; resolved */
	} devnet;
	struct {
		int64_t ping_interval_ms;
		int64_t pong_timeout_ms;
		int64_t heartbeat_check_ms;
		uint32_t max_missed_pongs;
		int64_t connect_timeout_ms;
		int64_t handshake_timeout_ms;
		int64_t tie_break_wait_ms;
		int64_t crossed_dial_window_ms;
		int64_t probe_timeout_ms;
		int64_t dial_grace_ms;
		int64_t reconnect_min_ms;
		int64_t reconnect_max_ms;
		uint32_t reconnect_attempts;
		uint32_t reconnect_attempts_masternode;
		int64_t turnaround_after_ms;
		int64_t turnaround_dial_ms;
		int64_t turnaround_redial_ms;
		int64_t turnaround_interval_ms;
		int64_t announce_delay_ms;
		int64_t announce_interval_ms;
		int64_t heartbeat_window_ms;
		int64_t masternode_active_ms;
		int64_t masternode_check_ms;
		int64_t masternode_forget_ms;
		int64_t wrong_chain_ms;
		int64_t violation_reset_ms;
		int64_t ban_short_ms;
		int64_t ban_long_ms;
		int64_t request_timeout_ms;
		int64_t same_range_ms;
		int64_t no_progress_ms;
		int64_t line_progress_ms;
		int64_t accept_wait_ms;
		int64_t discovery_interval_ms;
		int64_t discovery_timeout_ms;
		int64_t clock_check_ms;
		int64_t status_interval_ms;
		int64_t thread_stall_ms;
		int64_t sync_settle_ms;
		int64_t sync_voice_wait_ms;
		int64_t sync_fork_interval_ms;
		int64_t sync_stall_ms;
		int64_t sync_poll_ms;
		int64_t slot_patience_ms;
		int64_t tx_vote_ms;
		int64_t tx_lock_ms;
		int64_t pool_expiry_ms;
		int64_t pool_orphan_expiry_ms;
		int tcp_keepalive_idle_s;
		int tcp_keepalive_interval_s;
	} timers;
	struct {
		size_t max_frame_bytes;
		size_t memory_budget_bytes;
		size_t output_soft_bytes;
		size_t output_hard_bytes;
		size_t line_progress_bytes;
		uint32_t masternode_slots_percent;
		uint32_t max_addresses;
		uint32_t addresses_per_answer;
		uint32_t unparsable_lines;
		uint32_t violations_short;
		uint32_t violations_long;
		uint32_t violations_permanent;
		uint32_t connects_per_minute;
		uint32_t max_handshakes;
		uint32_t masternodes;
		uint32_t requests_per_second_existing;
		uint32_t same_range_per_second;
		size_t answer_bytes;
		uint32_t tx_per_second;
		uint32_t vote_per_second;
		uint32_t block_per_second;
		uint32_t utxo_query_per_second;
		uint32_t subscribe_per_minute;
		uint32_t other_per_second;
		uint32_t sync_fork_rounds;
		size_t sync_window_bytes;
		size_t announced_bytes;
		size_t branch_bytes;
		uint32_t pool_count;
		size_t pool_bytes;
		uint32_t pool_ancestors;
		uint32_t pool_descendants;
		uint32_t pool_orphans;
		size_t pool_orphan_bytes;
		uint32_t subscribed_per_peer;
		uint32_t subscribed;
		uint32_t reorg_depth;
		uint32_t reorg_warn_depth;
		int64_t clock_skew_warn_s;
	} limits;
};

/* What reading the configuration or the command line has to say: whole lines for a person, in order. */
enum config_severity { CONFIG_WARNING, CONFIG_ERROR };
struct config_message {
	enum config_severity severity;
	char *text; /* "file:line:column: section.key: what, expected ..." */
};
struct config_messages {
	struct config_message *items; /* zero-initialise the struct before its first use */
	size_t count;
	size_t errors; /* of them */
};
void config_message_add(struct config_messages *messages, enum config_severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void config_messages_free(struct config_messages *messages);

/* A config of defaults.  0 or -ENOMEM. */
int config_default(struct config **out) __attribute__((warn_unused_result));
/* Reads the file over the defaults.  Errors and warnings are appended to `messages`.  0 and *out; CONFIG_E_INVALID; or
 * a negative errno (-ENOENT: no such file), then without a message.  Blocks on the disk. */
int config_load(struct config **out, const char *path, struct config_messages *messages)
	__attribute__((warn_unused_result));
/* The same on text in memory; `name` stands for the file in messages. */
int config_parse(struct config **out, const char *text, size_t len, const char *name, struct config_messages *messages)
	__attribute__((warn_unused_result));
void config_free(struct config *config);

/* Fills in what depends on the network (ports, data directory, block time ...) and checks what concerns several keys.
 * To be called once, after the command line was applied.  0, CONFIG_E_INVALID or -ENOMEM. */
int config_resolve(struct config *config, struct config_messages *messages) __attribute__((warn_unused_result));

/* Replaces an owned string by a copy of `value`; 0 or -ENOMEM. */
int config_set_string(char **field, const char *value) __attribute__((warn_unused_result));
/* Appends to a list.  0 or -ENOMEM. */
int config_addrs_add(struct config_addrs *addrs, const struct net_addr *addr) __attribute__((warn_unused_result));

/* The file with every key, its default and what it means; `network` is what node.network says in it. */
void config_print_default(FILE *out, enum chain_network network);
/* Writes that file to `path` (mode 0600: an operator will put a password there), making missing directories.  0 or a
 * negative errno. */
int config_create(const char *path, enum chain_network network) __attribute__((warn_unused_result));

/* A line for each key of the file at `path`: file:line, key and value, whether it is taken over, changed in its meaning,
 * without effect or unknown, and a word on it.  No secrets.  0; a negative errno; TOML_E_SYNTAX: it is no TOML. */
int config_explain(FILE *out, const char *path) __attribute__((warn_unused_result));

#define CONFIG_CHAIN_TEXT_SIZE 320
/* The network, genesis, block time and validators of a resolved configuration: what the rules of its chain depend on.
 * The validators are copied into `arena`.  0, CONFIG_E_INVALID (a list that is none) or -ENOMEM, with `text`. */
int config_chain_params(struct chain_params *out, char text[CONFIG_CHAIN_TEXT_SIZE], struct arena *arena,
			const struct config *config) __attribute__((warn_unused_result));

/* The levels, format and path for log_open(); points into `config`.  journald is left to the caller. */
void config_log(const struct config *config, struct log_config *out);

#endif
