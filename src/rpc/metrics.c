// SPDX-License-Identifier: MIT
/* The table of metrics; see metrics.h. */
#include "timed/rpc/metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "metrics_now.h"
#include "metrics_table.h"
#include "timed/node/version.h"
#include "timeproto/wire/schema.h"

/* ---- labels */

static void build_labels(struct buf *out)
{
	metrics_print_label(out, "version", TIMED_VERSION);
	out->len -= !out->error; /* the brace */
	buf_append_text(out, ",commit_date=\"" TIMED_COMMIT_DATE "\",commit_count=\"" TIMED_COMMIT_COUNT "\"}");
}

static const char *direction_label(int index)
{
	return index == PEER_INBOUND ? "inbound" : "outbound";
}

static const char *activity_label(int index)
{
	return index == 0 ? "active" : "inactive";
}

static const char *close_label(int index)
{
	return peer_close_reason_name((enum peer_close_reason)index);
}

static const char *message_label(int index)
{
	return wire_type_name((enum wire_type)index);
}

static const char *pool_event_label(int index)
{
	return pool_event_name((enum pool_event_kind)index);
}

static const char *health_label(int index)
{
	return health_code_name((enum health_code)index);
}

/* As enum watched. */
static const char *thread_label(int index)
{
	static const char *const names[WATCHED_COUNT] = {"chain", "acceptor", "consensus", "keeper"};

	return names[index];
}

/* ---- the table */

#define FIELD(at)                                                                                                      \
	.offset = offsetof(struct metrics_now, at), .field = _Generic(((struct metrics_now *)0)->at, uint64_t          \
								      : METRIC_U64, uint32_t                           \
								      : METRIC_U32, int64_t                            \
								      : METRIC_I64, bool                               \
								      : METRIC_BOOL, double                            \
								      : METRIC_DOUBLE, struct histogram_counts         \
								      : METRIC_COUNTS)
#define GAUGE(n, at, h)                                                                                                \
	{                                                                                                              \
		.name = n, .type = METRIC_GAUGE, .help = h, FIELD(at)                                                  \
	}
#define COUNTER(n, at, h)                                                                                              \
	{                                                                                                              \
		.name = n, .type = METRIC_COUNTER, .help = h, FIELD(at)                                                \
	}
#define HISTOGRAM(n, at, h)                                                                                            \
	{                                                                                                              \
		.name = n, .type = METRIC_HISTOGRAM, .help = h, FIELD(at)                                              \
	}
/* One line for each element of an array. */
#define EACH(t, n, at, l, text, from, to, h)                                                                           \
	{                                                                                                              \
		.name = n, .type = t, .help = h, FIELD(at[0]), .label = l, .label_text = text, .first = from,          \
		.end = to                                                                                              \
	}

static const struct metric table[] = {
	{.name = "build_info",
	 .type = METRIC_GAUGE,
	 .help = "Which build this is; always 1.",
	 FIELD(one),
	 .labels = build_labels},
	GAUGE("up", one, "1: the node answers."),
	GAUGE("start_time_seconds", start_s, "When the node was started, Unix time."),
	GAUGE("uptime_seconds", uptime_s, "Since then."),
	GAUGE("healthy", healthy, "1: GET /health answers 200."),
	EACH(METRIC_GAUGE, "warning", found, "code", health_label, 0, HEALTH_CODE_COUNT,
	     "1: this finding is in force; see GET /health."),
	EACH(METRIC_GAUGE, "thread_silent_seconds", silent_s, "thread", thread_label, 0, WATCHED_COUNT,
	     "Since a thread without which the node is dead has shown that it is alive."),
	COUNTER("log_lines_dropped_total", log_dropped,
		"Lines that the log lost: it was full, or could not be written."),

	GAUGE("height", chain.tip.height, "Height of the best block."),
	GAUGE("tip_timestamp_seconds", chain.tip.timestamp, "Timestamp of the best block, Unix time."),
	GAUGE("tip_age_seconds", tip_age_s, "Age of the best block by its timestamp."),
	GAUGE("tip_max_age_seconds", facts.tip_max_age_s, "Age beyond which the best block is not current."),
	GAUGE("expected_height", expected_height, "Height that is due by the clock."),
	GAUGE("chain_transactions", chain.transactions, "Transactions in the chain."),
	GAUGE("chain_bytes", chain.block_bytes, "Bytes of all blocks, before compression."),
	GAUGE("unspent_outputs", chain.unspent_count, "Unspent outputs."),
	COUNTER("blocks_connected_total", stats.blocks_connected, "Blocks put on the tip one by one."),
	COUNTER("blocks_refused_total", stats.blocks_refused, "Blocks that broke a rule."),
	COUNTER("blocks_undone_total", stats.blocks_undone, "Blocks that a reorganisation undid."),
	COUNTER("reorgs_total", stats.reorgs, "Reorganisations."),
	HISTOGRAM("block_connect_seconds", stats.block_connect,
		  "From the check of a block against the chain to its being a part of it."),
	HISTOGRAM("block_delay_seconds", stats.block_delay,
		  "From a block's timestamp to its being in our chain, at the tip: with validators its finality time."),

	GAUGE("sync_active", sync.syncing, "1: blocks are being fetched."),
	GAUGE("sync_target_height", sync.target, "Highest height that enough peers have shown a hash for."),
	GAUGE("sync_behind_blocks", sync_behind, "Blocks between the best block and that height."),
	GAUGE("sync_blocks_per_second", sync.blocks_per_s, "Blocks fetched over the last seconds."),
	GAUGE("sync_left_seconds", sync_left_s, "Until that height is reached; NaN: unknown."),
	GAUGE("sync_peers", sync.peers_used, "Peers that are being asked for blocks."),
	COUNTER("sync_blocks_total", stats.blocks_synced, "Blocks that were fetched in ranges and connected."),

	GAUGE("consensus_height", consensus.bft.height, "Height that is being agreed on; 0 without validators."),
	GAUGE("consensus_round", consensus.bft.round, "Round of that agreement."),
	GAUGE("consensus_validators", consensus.bft.validators, "Validators of that height."),
	GAUGE("consensus_prevotes", consensus.bft.prevotes, "Validators that have prevoted in this round."),
	GAUGE("consensus_precommits", consensus.bft.precommits, "Validators that have precommitted in this round."),
	GAUGE("consensus_validator", consensus.bft.validator, "1: this node is a validator."),
	GAUGE("consensus_observing", consensus.silent, "1: a masternode that signs nothing yet."),
	GAUGE("consensus_final_height", consensus.final_height, "Highest block with a certificate."),
	GAUGE("consensus_voters", consensus.voters, "Masternodes that vote on transactions."),
	COUNTER("consensus_failed_rounds_total", stats.failed_rounds,
		"Rounds without a decision, before the blocks that were put on the tip."),
	COUNTER("consensus_proposed_total", consensus.proposed, "Blocks of this node that became final."),
	COUNTER("consensus_equivocations_total", consensus.equivocations,
		"Validators caught contradicting themselves."),
	GAUGE("finality_open", consensus.finality.transactions, "Transactions that are voted on, or wait for a block."),
	GAUGE("finality_locks", consensus.finality.locks, "Outpoints for which this node has approved a spender."),
	HISTOGRAM("finality_seconds", stats.finality, "From a transaction's coming in to its being final."),

	GAUGE("mempool_size", pool.count, "Transactions in the pool."),
	GAUGE("mempool_finalized", pool.finalized, "Of them final."),
	GAUGE("mempool_bytes", pool.bytes, "Their bytes."),
	GAUGE("mempool_usage_bytes", pool.usage_bytes, "Memory that the pool takes."),
	GAUGE("mempool_max_bytes", pool.max_bytes, "Memory that it may take."),
	GAUGE("mempool_orphans", pool.orphans, "Transactions that wait for what they spend."),
	EACH(METRIC_COUNTER, "mempool_events_total", stats.pool_events, "event", pool_event_label, 0,
	     POOL_EVENT_KIND_COUNT, "What happened to transactions of the pool."),

	EACH(METRIC_GAUGE, "masternodes", masternodes, "state", activity_label, 0, 2, "Masternodes that are known."),
	COUNTER("heartbeats_total", heartbeats.of_all.heartbeats, "Heartbeats of masternodes that were accepted."),
	COUNTER("heartbeats_verified_total", heartbeats.of_all.heartbeats_verified, "Of them verified."),
	COUNTER("heartbeats_made_total", heartbeats.made, "Heartbeats of this node."),
	COUNTER("attestations_total", heartbeats.of_all.attestations, "Attestations of heartbeats that were accepted."),
	COUNTER("attestations_made_total", heartbeats.attested, "Attestations of this node."),

	EACH(METRIC_GAUGE, "peers", peers, "direction", direction_label, 0, 2, "Connections that are ready."),
	GAUGE("peers_manual", peers_manual, "Of them to configured peers."),
	GAUGE("peers_max", max_peers, "Connections at most."),
	GAUGE("peers_missing_pong", peers_missing, "Peers whose last ping is unanswered."),
	GAUGE("addresses", addresses, "Addresses of peers that are known."),
	GAUGE("bans", bans, "Addresses that are banned."),
	GAUGE("sendqueue_bytes", queue_bytes, "Bytes waiting to be sent, all peers."),
	GAUGE("sendqueue_max_bytes", queue_max_bytes, "The same of the peer for which most are waiting."),
	EACH(METRIC_COUNTER, "message_send_total", sent, "type", message_label, 0, WIRE_TYPE_COUNT,
	     "Messages queued to be sent."),
	EACH(METRIC_COUNTER, "message_send_bytes_total", sent_bytes, "type", message_label, 0, WIRE_TYPE_COUNT,
	     "Their bytes."),
	EACH(METRIC_COUNTER, "message_receive_total", received, "type", message_label, 0, WIRE_TYPE_COUNT,
	     "Messages received and understood."),
	EACH(METRIC_COUNTER, "message_receive_bytes_total", received_bytes, "type", message_label, 0, WIRE_TYPE_COUNT,
	     "Their bytes."),
	COUNTER("network_send_bytes_total", net.bytes_sent, "Bytes sent to peers, whatever they were."),
	COUNTER("network_receive_bytes_total", net.bytes_received, "Bytes received from peers."),
	HISTOGRAM("ping_rtt_seconds", rtt, "Round trips of pings."),
	COUNTER("missed_pongs_total", net.missed_pongs, "Pings without a pong in time."),
	EACH(METRIC_COUNTER, "connections_closed_total", net.closed, "reason", close_label, 1, PEER_CLOSE_COUNT,
	     "Connections that ended."),
	COUNTER("connections_refused_banned_total", net.refused_banned, "Connections refused: banned."),
	COUNTER("connections_refused_rate_total", net.refused_rate, "Connections refused: too many of one address."),
	COUNTER("accept_pauses_total", net.accept_exhausted,
		"Times that accepting paused for want of descriptors or memory."),
	GAUGE("memory_budget_used_bytes", memory.budget_used, "Memory reserved for what peers send and are sent."),
	GAUGE("memory_budget_limit_bytes", memory.budget_limit, "Its limit."),
	GAUGE("clock_offset_seconds", clock_offset_s, "The peers' clocks minus ours, their median; NaN: unknown."),

	COUNTER("rpc_calls_total", rpc_calls, "JSON-RPC requests."),
	COUNTER("rpc_errors_total", rpc_errors, "Of them answered with an error."),
	COUNTER("rpc_refused_logins_total", rpc_refused_logins, "Requests with wrong credentials."),

	GAUGE("rocksdb_table_bytes", store.table_bytes, "Bytes of the database's tables on the disk."),
	GAUGE("rocksdb_live_bytes", store.live_bytes, "Of them in use, as it guesses."),
	GAUGE("rocksdb_memtable_bytes", memory.store.memtables, "Bytes written and not yet in tables."),
	GAUGE("rocksdb_cache_bytes", memory.store.cache, "Bytes of its cache in use."),
	GAUGE("rocksdb_pending_compaction_bytes", store.pending_compaction_bytes, "Bytes that are to be rewritten."),
	GAUGE("rocksdb_compactions", store.compactions, "Compactions running now."),
	GAUGE("rocksdb_flushes", store.flushes, "Flushes running now."),
	GAUGE("rocksdb_snapshots", store.snapshots, "Snapshots held."),
	GAUGE("rocksdb_write_stopped", store.write_stopped, "1: writers wait for a compaction."),
	GAUGE("rocksdb_delayed_write_bytes_per_second", store.delayed_write_bytes_per_s,
	      "Rate to which writers are slowed down; 0: they are not."),
	COUNTER("rocksdb_background_errors_total", store.background_errors, "Errors of its own threads."),
	GAUGE("disk_free_bytes", facts.disk_free_bytes, "Free where the data directory is; 0: nothing is kept there."),
	GAUGE("disk_size_bytes", facts.disk_size_bytes, "Size of that file system."),

	COUNTER("process_cpu_seconds_total", process.cpu_s, "Processor time of all threads."),
	GAUGE("process_resident_memory_bytes", memory.resident, "Memory in use."),
	GAUGE("process_threads", process.threads, "Threads."),
	GAUGE("process_open_fds", process.open_files, "Open files and sockets."),
	GAUGE("process_max_fds", process.max_files, "Their limit."),
};

void metrics_print(struct buf *out, struct node *node, const struct rpc_stats *stats)
{
	struct metrics_now *now = malloc(sizeof(*now));

	if (!now) {
		out->error = -ENOMEM;
		return;
	}
	metrics_now(now, node, stats);
	metrics_print_table(out, table, sizeof(table) / sizeof(table[0]), now);
	free(now);
}
