/* SPDX-License-Identifier: MIT
 *
 * The composition root: what the node consists of, and in which order it comes and goes; see node.h.
 */
#include "timed/node/node.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gossip.h"
#include "halt.h"
#include "heartbeats.h"
#include "node_impl.h"
#include "syncer.h"
#include "verify.h"
#include "timed/node/coins.h"
#include "timed/node/data_dir.h"
#include "timed/node/service.h"
#include "timed/node/transactions.h"
#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/log.h"
#include "timed/util/stop_signal.h"
#include "timed/node/consensus.h"
#include "timed/node/version.h"

/* As Bitcoin counts for its median time. */
#define MEDIAN_BLOCKS 11
/* Descriptors that are not connections: database, logs, RPC. */
#define OTHER_DESCRIPTORS 512
/* Handshakes that are left room for when there is not room for all. */
#define MIN_HANDSHAKES 32
/* Fewer clocks than this say nothing. */
#define MIN_CLOCKS 3
#define PATH_SIZE 4096
/* What a bulk load gathers before it is written: so many bytes, or for so long.  The more, the fewer coins that are spent
 * again are written at all, and the denser the rest lies in the memory tables: 4 % of all processor time less than with
 * a quarter of it. */
#define GATHER_BYTES ((size_t)32 << 20)
#define GATHER_SYNC_MS 1000
#define OVERLAY_BYTES ((size_t)64 << 20)

static struct wire_str str(const char *text)
{
	return (struct wire_str){text, strlen(text)};
}

/* The fields of our Version that the network does not know; all of it lives as long as the node. */
static void fill_version(void *user, struct wire_version *v)
{
	static _Thread_local uint64_t height;
	struct node *node = user;
	struct chain_summary now;

	node_chain_summary(node, &now);
	height = now.tip.height;

	v->version = node->version_str;
	v->commit_date = node->commit_date_str;
	v->commit_count = node->commit_count_str;
	v->wallet_address = &node->address_str;
	v->genesis_hash = &node->genesis_str;
	v->height = &height;
}

static void announce(void *user, struct peer *peer)
{
	node_announce(user, peer);
}

static void poked(void *user, struct peer *peer)
{
	struct node *node = user;

	syncer_ask(node->syncer, peer);
}

static void unanswered(void *user, struct peer *peer, enum request_kind kind, uint64_t key)
{
	struct node *node = user;

	(void)key;
	syncer_unanswered(node->syncer, peer, kind);
}

static void overlong(void *user, struct peer *peer)
{
	struct node *node = user;

	log_info(LOG_CHAIN, "Blocks from %s are longer than a line may be: asking for fewer", peer_ip_text(peer));
	syncer_overlong(node->syncer, peer);
}

static void gone(void *user, struct peer *peer)
{
	struct node *node = user;

	syncer_gone(node->syncer, peer);
	transactions_peer_gone(node->transactions, peer);
}

static bool is_masternode(void *user, const struct net_ip *ip)
{
	return node_is_masternode_ip(user, ip);
}

/* What every new peer is asked: is it on our chain, whom does it know. */
static void greet(void *user, struct peer *peer)
{
	static const struct wire_message genesis = {.type = WIRE_GET_BLOCK_HASH};
	static const struct wire_message peers = {.type = WIRE_GET_PEERS};
	static const struct wire_message masternodes = {.type = WIRE_GET_MASTERNODES};
	struct node *node = user;

	if (node_is_masternode_ip(user, peer_ip(peer)))
		address_book_set_masternode(net_addresses(peer_net(peer)), peer_ip(peer), true);
	(void)peer_request(peer, REQUEST_BLOCK_HASH, 0, &genesis);
	if (node->config->network.enable_peer_discovery)
		(void)peer_request(peer, REQUEST_PEERS, 0, &peers);
	(void)peer_request(peer, REQUEST_MASTERNODES, 0, &masternodes);
	transactions_greet(node->transactions, peer);
	syncer_ask(node->syncer, peer);
	consensus_peer_ready(node->consensus, peer);
}

static void tell_cut(uint64_t limit, const char *key, uint32_t configured, uint32_t now)
{
	if (now < configured)
		log_warn(LOG_NODE, "The limit of open files is %" PRIu64 ": %s = %" PRIu32 " is cut to %" PRIu32, limit, key,
			 configured, now);
}

/* How many connections the limit of open files has room for, two descriptors each: handshakes give way to peers, down
 * to a few, without which nobody would become a peer. */
static void fit_connections(struct net_params *p, const struct config *c)
{
	uint64_t wanted = 2 * ((uint64_t)c->network.max_peers + c->limits.max_handshakes) + OTHER_DESCRIPTORS;
	uint64_t limit = file_raise_descriptor_limit(wanted);
	uint64_t room = limit > OTHER_DESCRIPTORS + 4 ? (limit - OTHER_DESCRIPTORS) / 2 : 2;
	uint64_t least = c->limits.max_handshakes < MIN_HANDSHAKES ? c->limits.max_handshakes : MIN_HANDSHAKES;

	p->max_peers = c->network.max_peers;
	p->max_handshakes = c->limits.max_handshakes;
	if (limit >= wanted)
		return;
	if (least > room / 2)
		least = room / 2;
	if (p->max_peers > room - least)
		p->max_peers = (uint32_t)(room - least);
	if (p->max_handshakes > room - p->max_peers)
		p->max_handshakes = (uint32_t)(room - p->max_peers);
	tell_cut(limit, "network.max_peers", c->network.max_peers, p->max_peers);
	tell_cut(limit, "limits.max_handshakes", c->limits.max_handshakes, p->max_handshakes);
}

static void fill_net_params(struct net_params *p, struct node *node)
{
	const struct config *c = node->config;

	*p = (struct net_params){
		.network = c->node.network,
		.network_name = node->chain_params.name,
		.accepting = &node->watchdog.progress[WATCHED_ACCEPTOR],
		.listen = c->network.listen_address,
		.has_external = !net_ip_is_unspecified(&c->network.external_address.ip),
		.external = c->network.external_address.ip,
		.heartbeat = {c->timers.ping_interval_ms, c->timers.pong_timeout_ms, c->timers.heartbeat_check_ms,
			      (int)c->timers.max_missed_pongs, c->timers.line_progress_ms,
			      c->limits.line_progress_bytes},
		.addresses = {c->node.network, node->chain_params.p2p_port, c->limits.max_addresses,
			      c->timers.dial_grace_ms, c->timers.reconnect_min_ms, c->timers.reconnect_max_ms,
			      c->timers.reconnect_attempts, c->timers.reconnect_attempts_masternode,
			      c->timers.turnaround_dial_ms, c->timers.turnaround_interval_ms},
		.bans = {c->limits.violations_short, c->limits.violations_long, c->limits.violations_permanent,
			 c->timers.ban_short_ms, c->timers.ban_long_ms, c->timers.violation_reset_ms,
			 c->limits.connects_per_minute, c->limits.max_addresses},
		.rates = {.enabled = c->security.enable_rate_limiting,
			  .per_minute = {[RATE_TRANSACTION] = c->limits.tx_per_second * 60,
					 [RATE_VOTE] = c->limits.vote_per_second * 60,
					 [RATE_BLOCK_VOTE] = c->limits.vote_per_second * 60,
					 [RATE_BLOCK] = c->limits.block_per_second * 60,
					 [RATE_UTXO_QUERY] = c->limits.utxo_query_per_second * 60,
					 [RATE_SUBSCRIBE] = c->limits.subscribe_per_minute,
					 [RATE_OTHER] = c->limits.other_per_second * 60}},
		.kept_slots_percent = c->limits.masternode_slots_percent,
		.max_unparsable_lines = c->limits.unparsable_lines,
		.requests_per_second_existing = c->limits.requests_per_second_existing,
		.max_frame_bytes = c->limits.max_frame_bytes,
		.memory_budget_bytes = c->limits.memory_budget_bytes,
		.output_soft_bytes = c->limits.output_soft_bytes,
		.output_hard_bytes = c->limits.output_hard_bytes,
		.connect_timeout_ms = c->timers.connect_timeout_ms,
		.handshake_timeout_ms = c->timers.handshake_timeout_ms,
		.tie_break_wait_ms = c->timers.tie_break_wait_ms,
		.crossed_dial_window_ms = c->timers.crossed_dial_window_ms,
		.probe_timeout_ms = c->timers.probe_timeout_ms,
		.turnaround_after_ms = c->timers.turnaround_after_ms,
		.turnaround_redial_ms = c->timers.turnaround_redial_ms,
		.announce_delay_ms = c->timers.announce_delay_ms,
		.announce_interval_ms = c->timers.announce_interval_ms,
		.request_timeout_ms = c->timers.request_timeout_ms,
		.same_range_ms = c->timers.same_range_ms,
		.same_range_per_minute = c->limits.same_range_per_second * 60,
		.no_progress_ms = c->timers.no_progress_ms,
		.accept_wait_ms = c->timers.accept_wait_ms,
		.wrong_chain_ms = c->timers.wrong_chain_ms,
		.tcp_keepalive_idle_s = c->timers.tcp_keepalive_idle_s,
		.tcp_keepalive_interval_s = c->timers.tcp_keepalive_interval_s,
	};
	memcpy(p->node_id, node->node_id, sizeof(p->node_id));
	fit_connections(p, c);
}

/* The chain that the configuration is about. */
static int open_params(struct node *node, char error[NODE_ERROR_SIZE])
{
	char text[CONFIG_CHAIN_TEXT_SIZE];
	int r = config_chain_params(&node->chain_params, text, &node->validators_arena, node->config);

	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "%s", text);
		return r > 0 ? EXIT_CONFIG : EXIT_RUN_TIME;
	}
	genesis_make_for(&node->genesis, &node->chain_params);
	node->genesis_str = str(hash_text(node->genesis_text, &node->genesis.hash));
	return 0;
}

static int open_data_dir(struct node *node, char error[NODE_ERROR_SIZE])
{
	const char *dir = node->config->storage.data_dir;
	char path[PATH_SIZE];
	pid_t holder = 0;
	int r = file_make_directories(dir, 0700);

	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "Data directory %s: %s; give another with --datadir or storage.data_dir",
			 dir, strerror(-r));
		return EXIT_RUN_TIME;
	}
	snprintf(path, sizeof(path), "%s/.lock", dir);
	node->lock_fd = file_lock(path, &holder);
	if (node->lock_fd == -EWOULDBLOCK) {
		snprintf(error, NODE_ERROR_SIZE,
			 "Data directory %s is in use by another timed (process %d): stop it, or give another with --datadir",
			 dir, (int)holder);
		return EXIT_RUN_TIME;
	}
	if (node->lock_fd < 0) {
		snprintf(error, NODE_ERROR_SIZE, "Lock file %.400s: %s", path, strerror(-node->lock_fd));
		return EXIT_RUN_TIME;
	}
	return 0;
}

/* The first failed write: what could not be kept must not be acted upon. */
static void store_failed_stop(void *user, const struct store_failure *failure)
{
	node_request_stop(user, EXIT_RUN_TIME, failure->text);
}

static int open_store(struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct config *c = node->config;
	char dir[PATH_SIZE];
	struct store_failure failure;
	struct store_params params = {
		.dir = dir,
		.memory = c->storage.backend == CONFIG_BACKEND_MEMORY,
		.recover_wal = c->storage.recover_wal,
		.network = node->chain_params.name,
		.genesis_hash = node->chain_params.genesis_hash,
		.cache_bytes = (size_t)c->storage.cache_size_mb << 20,
		.on_failure = store_failed_stop,
		.user = node,
	};
	int r;

	service_step("Opening the database", 0, 0);
	r = data_dir_database(dir, sizeof(dir), c->storage.data_dir);
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "Data directory %s: %s", c->storage.data_dir, strerror(-r));
		return EXIT_RUN_TIME;
	}
	if (store_open(&node->store, &failure, &params) == 0 && persist_node_id(node) == 0)
		return 0;
	if (node->store && !store_failed(node->store, &failure))
		snprintf(failure.text, sizeof(failure.text), "The node id cannot be read from %.400s", dir);
	snprintf(error, NODE_ERROR_SIZE, "%s", failure.text);
	return EXIT_RUN_TIME;
}

/* Chain thread: there is a new picture of the chain. */
static void tip_published(void *user, const struct chain_summary *summary, bool bulk)
{
	struct node *node = user;

	node_pool_follow(node);
	consensus_tip(node->consensus);
	gossip_tip(node->gossip, &summary->tip);
	if (!bulk)
		syncer_tip(node->syncer, &summary->tip);
	else if (syncer_is_idle(node->syncer))
		gossip_catch_up(node->gossip);
}

static bool expects_more(void *user)
{
	struct node *node = user;

	return !syncer_is_idle(node->syncer);
}

static void chain_failed(void *user, const char *reason)
{
	node_request_stop(user, EXIT_RUN_TIME, reason);
}

/* A rebuild that was stopped goes on at the opening, before anybody waits for signals. */
static bool rebuild_goes_on(void *user, uint64_t height, uint64_t of)
{
	(void)user;
	service_step("Rebuilding the indexes", height, of);
	return !stop_signal_taken();
}

void node_chain_store_params(struct chain_store_params *out, const struct config *c, const struct chain_params *chain,
			     const struct genesis *genesis)
{
	*out = (struct chain_store_params){
		.chain = chain,
		.genesis = genesis,
		.max_reorg_depth = c->limits.reorg_depth,
		.warn_reorg_depth = c->limits.reorg_warn_depth,
		.branch_bytes = c->limits.branch_bytes,
		.overlay_bytes = OVERLAY_BYTES,
		.reindex = c->storage.reindex,
		.progress = rebuild_goes_on,
	};
}

static int open_chain(struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct config *c = node->config;
	struct progress *progress = &node->watchdog.progress[WATCHED_CHAIN];
	const struct chain_thread_params node_params = {GATHER_BYTES, GATHER_SYNC_MS, progress};
	const struct chain_ops ops = {tip_published, node_count_job, expects_more, chain_failed, node};
	struct chain_store_params params;
	struct store_failure failure;
	int r;

	node_chain_store_params(&params, c, &node->chain_params, &node->genesis);
	params.alive = progress;
	r = chain_thread_open(&node->chain, &failure, node->store, &params, &node_params, &ops);
	if (r == -ECANCELED) {
		snprintf(error, NODE_ERROR_SIZE, "Rebuilding the chain stopped: the next start goes on with it");
		return r;
	}
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "%s", failure.text);
		return EXIT_RUN_TIME;
	}
	if (gossip_new(&node->gossip, node, c->limits.announced_bytes) || syncer_new(&node->syncer, node)) {
		snprintf(error, NODE_ERROR_SIZE, "Out of memory");
		return EXIT_RUN_TIME;
	}
	return 0;
}

static int open_network(struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct config *c = node->config;
	const struct net_ops ops = {
		.rules = node_message_rules,
		.ready = greet,
		.announce = announce,
		.poked = poked,
		.unanswered = unanswered,
		.overlong = overlong,
		.gone = gone,
		.version = fill_version,
		.is_masternode = is_masternode,
		.user = node,
	};
	const struct registry_params registry = {c->limits.masternodes, c->timers.masternode_active_ms,
						 c->timers.masternode_check_ms, c->timers.masternode_forget_ms};
	struct net_params params;
	int r = registry_new(&node->registry, &registry, clock_mono_ms());

	fill_net_params(&params, node);
	if (!r)
		r = heartbeats_new(&node->heartbeats, node);
	if (!r)
		r = net_create(&node->net, &params, &ops);
	if (r == -EINVAL) {
		snprintf(error, NODE_ERROR_SIZE, "The environment asks for what cannot be done: see the line before");
		return EXIT_CONFIG;
	}
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "Out of memory");
		return EXIT_RUN_TIME;
	}
	return 0;
}

static void add_configured(struct node *node, const struct config_addrs *addrs)
{
	for (size_t i = 0; i < addrs->count; i++) {
		char text[NET_ADDR_TEXT_SIZE];

		net_addr_text(text, &addrs->items[i]);
		if (address_book_add(net_addresses(node->net), &addrs->items[i], ADDR_SOURCE_CONFIGURED,
				     clock_mono_ms()) == ADDRESS_REFUSED)
			log_warn(LOG_NET, "Configured peer %s is our own or no address that can be dialled: left out", text);
	}
}

int node_open(struct node **out, const struct config *config, char error[NODE_ERROR_SIZE])
{
	struct node *node = calloc(1, sizeof(*node));
	int r;

	if (!node || sodium_init() < 0) {
		snprintf(error, NODE_ERROR_SIZE, "Out of memory, or no source of randomness");
		free(node);
		return EXIT_RUN_TIME;
	}
	node->config = config;
	node->lock_fd = -1;
	watchdog_init(&node->watchdog, config->timers.thread_stall_ms);
	node->version_str = str(TIMED_VERSION);
	node->commit_date_str = str(TIMED_COMMIT_DATE);
	node->commit_count_str = str(TIMED_COMMIT_COUNT);
	mutex_init(&node->registry_lock, "registry", MUTEX_RANK_LEAF);
	mutex_init(&node->wallet_next.lock, "wallet_next", MUTEX_RANK_LEAF);
	cond_init(&node->wallet_next.written);
	state_hash_init(&node->state_hash);
	counters_init(&node->counters);
	arena_init(&node->validators_arena, SIZE_MAX, NULL);
	r = open_params(node, error);
	if (!r)
		r = open_data_dir(node, error);
	if (!r)
		r = halt_check(config->storage.data_dir, error);
	if (r) {
		node_close(node);
		return r;
	}
	*out = node;
	return 0;
}

int node_load(struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct config *config = node->config;
	int r = open_store(node, error);

	if (!r)
		r = open_chain(node, error);
	if (!r) {
		service_step("Loading pool and wallet", 0, 0);
		r = node_pool_open(node, error);
	}
	if (!r)
		r = node_wallet_open(node, error);
	if (!r && config->masternode.enabled && wallet_is_new(node->wallet))
		r = consensus_begin_file(node, error);
	if (!r)
		r = node_coins_open(node, error);
	if (!r)
		node->address_str = str(wallet_address(node->wallet));
	if (!r)
		r = open_network(node, error);
	if (!r) {
		persist_load(node);
		add_configured(node, &config->network.bootstrap_peers);
		add_configured(node, &config->network.connect);
		r = node_become_masternode(node, error);
	}
	return r ? r : consensus_open(&node->consensus, node, error);
}

int node_start(struct node *node, char error[NODE_ERROR_SIZE])
{
	const struct config *c = node->config;
	char listen[NET_ADDR_TEXT_SIZE];
	int r;

	node->started_ms = clock_mono_ms();
	node_load_recent_blocks(node);
	net_addr_text(listen, &c->network.listen_address);
	r = verify_start(&node->verify, &node->chain_params, 0);
	if (!r)
		r = chain_thread_start(node->chain);
	if (!r)
		r = consensus_start(node->consensus);
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "Starting threads: %s", strerror(-r));
		node_stop(node);
		return EXIT_RUN_TIME;
	}
	r = net_start(node->net);
	if (r) {
		node_stop(node);
		snprintf(error, NODE_ERROR_SIZE, "Listening on %s: %s", listen, strerror(-r));
		return EXIT_RUN_TIME;
	}
	r = keeper_start(&node->keeper, node);
	if (!r && c->network.enable_peer_discovery && c->network.discovery_url[0])
		r = discovery_start(&node->discovery, node);
	if (r) {
		snprintf(error, NODE_ERROR_SIZE, "Starting threads: %s", strerror(-r));
		node_stop(node);
		return EXIT_RUN_TIME;
	}
	atomic_store(&node->started, true);
	log_info(LOG_NODE, "Listening on %s, network %s, genesis %s", listen, node->chain_params.name, node->genesis_text);
	return 0;
}

bool node_is_starting(const struct node *node, char step[SERVICE_STEP_SIZE])
{
	if (atomic_load(&node->started))
		return false;
	service_last_step(step);
	return true;
}

void node_stop(struct node *node)
{
	discovery_stop(node->discovery);
	node->discovery = NULL;
	consensus_stop(node->consensus);
	net_stop(node->net);
	verify_stop(node->verify);
	chain_thread_stop(node->chain);
	keeper_stop(node->keeper);
	node->keeper = NULL;
	persist_masternodes(node);
	persist_save(node);
	node_pool_save(node);
	node_wallet_tick(node);
}

void node_close(struct node *node)
{
	if (!node)
		return;
	verify_free(node->verify);
	syncer_free(node->syncer);
	gossip_free(node->gossip);
	consensus_close(node->consensus);
	coins_free(node->coins);
	node_pool_close(node);
	chain_thread_close(node->chain);
	net_free(node->net);
	heartbeats_free(node->heartbeats);
	log_limit_finish(&node->proved_lines, LOG_MASTERNODE);
	registry_free(node->registry);
	free(node->changed);
	wallet_close(node->wallet);
	if (node->store)
		store_close(node->store);
	if (node->lock_fd >= 0)
		close(node->lock_fd);
	mutex_destroy(&node->registry_lock);
	cond_destroy(&node->wallet_next.written);
	mutex_destroy(&node->wallet_next.lock);
	state_hash_destroy(&node->state_hash);
	counters_destroy(&node->counters);
	arena_free(&node->validators_arena);
	free(node);
}

const struct config *node_config(const struct node *node)
{
	return node->config;
}

const struct chain_params *node_chain_params(const struct node *node)
{
	return &node->chain_params;
}

struct net *node_net(struct node *node)
{
	return node->net;
}

struct consensus *node_consensus(struct node *node)
{
	return node->consensus;
}

int64_t node_uptime_ms(const struct node *node)
{
	return clock_mono_ms() - node->started_ms;
}

const char *node_data_dir(const struct node *node)
{
	return node->config->storage.data_dir;
}

struct pool *node_pool(struct node *node)
{
	return node->pool;
}

struct transactions *node_transactions(struct node *node)
{
	return node->transactions;
}

struct wallet *node_wallet(struct node *node)
{
	return node->wallet;
}

struct coins *node_coins(struct node *node)
{
	return node->coins;
}

struct chain_view *node_chain_view(struct node *node)
{
	return chain_thread_take_view(node->chain);
}

void node_chain_summary(struct node *node, struct chain_summary *out)
{
	struct chain_view *view = chain_thread_take_view(node->chain);

	*out = *chain_view_summary(view);
	chain_view_unref(view);
}

int node_state_hash(struct node *node, struct wire_utxo_state_hash_response *out)
{
	return state_hash_get(&node->state_hash, out, node->chain);
}

void node_sync_status(struct node *node, struct node_sync *out)
{
	struct sync_status now;

	syncer_get_status(node->syncer, &now);
	*out = (struct node_sync){
		.syncing = now.phase != SYNC_PHASE_IDLE,
		.phase = sync_phase_name(now.phase),
		.height = now.height,
		.target = now.target,
		.blocks_per_s = now.blocks_per_s,
		.seconds_left = now.seconds_left,
		.peers_used = now.peers_used,
	};
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int node_median_time(struct node *node, int64_t *out)
{
	struct chain_view *view = node_chain_view(node);
	uint64_t tip = chain_view_summary(view)->tip.height;
	int64_t times[MEDIAN_BLOCKS];
	size_t count = 0;
	int r = 0;

	for (; count < MEDIAN_BLOCKS && count <= tip && !r; count++) {
		struct wire_block_header header = {.timestamp = 0};

		r = chain_view_header(view, &header, tip - count);
		times[count] = header.timestamp;
	}
	chain_view_unref(view);
	if (r)
		return r;
	qsort(times, count, sizeof(times[0]), compare_numbers);
	*out = times[count / 2];
	return 0;
}

void node_genesis_hash(const struct node *node, struct wire_hash *out)
{
	*out = node->genesis.hash;
}

uint64_t node_expected_height(const struct node *node)
{
	int64_t age = clock_real_s() - node->chain_params.genesis_timestamp;

	return age > 0 ? (uint64_t)age / node->chain_params.block_time_s : 0;
}

size_t node_masternodes(struct node *node, struct masternode_info **out)
{
	int64_t now_ms = clock_mono_ms(), now_s = clock_real_s();
	struct masternode_info *infos;
	size_t n;

	mutex_lock(&node->registry_lock);
	n = registry_known(node->registry);
	infos = n ? calloc(n, sizeof(*infos)) : NULL;
	for (size_t i = 0; infos && i < n; i++) {
		const struct registry_entry *e = registry_at(node->registry, i);
		struct masternode_info *info = &infos[i];
		size_t len = e->reward_address.len;

		if (len > sizeof(info->reward_address) - 1)
			len = sizeof(info->reward_address) - 1;
		snprintf(info->address, sizeof(info->address), "%s", e->ip);
		if (len > 0)
			memcpy(info->reward_address, e->reward_address.ptr, len);
		info->tier = e->tier;
		info->public_key = e->key;
		info->own = e->source == REGISTRY_SOURCE_OWN;
		info->active = e->active;
		info->last_heard_s = info->own ? now_s : now_s - (now_ms - e->heard_ms) / 1000;
		info->uptime_s = (info->own ? node_uptime_ms(node) : registry_uptime_ms(e, now_ms)) / 1000;
		info->registered_s = now_s - (info->own ? info->uptime_s : (now_ms - e->registered_ms) / 1000);
		info->up_since_s = now_s - (info->own ? info->uptime_s : (now_ms - e->up_since_ms) / 1000);
	}
	mutex_unlock(&node->registry_lock);
	*out = infos;
	return infos ? n : 0;
}

void node_masternode_count(struct node *node, size_t *known, size_t *active)
{
	mutex_lock(&node->registry_lock);
	*known = registry_known(node->registry);
	*active = registry_active(node->registry);
	mutex_unlock(&node->registry_lock);
}

/* Offsets of peers' clocks. */
struct offsets {
	int64_t *items;
	size_t count, room;
};

static void note_offset(struct peer *peer, void *user)
{
	struct offsets *offsets = user;

	if (offsets->count < offsets->room && peer_time_offset(peer, &offsets->items[offsets->count]))
		offsets->count++;
}

bool node_clock_offset_s(struct node *node, int64_t *offset)
{
	struct offsets offsets = {.room = net_ready_count(node->net)};

	offsets.items = malloc(offsets.room * sizeof(offsets.items[0]) + 1);
	if (!offsets.items)
		return false;
	net_each_peer(node->net, note_offset, &offsets);
	if (offsets.count >= MIN_CLOCKS) {
		qsort(offsets.items, offsets.count, sizeof(offsets.items[0]), compare_numbers);
		*offset = offsets.items[offsets.count / 2];
	}
	free(offsets.items);
	return offsets.count >= MIN_CLOCKS;
}

void node_request_stop(struct node *node, int exit_code, const char *reason)
{
	/* A failure counts and is told even when the stop was asked for before. */
	if (exit_code) {
		atomic_store(&node->exit_code, exit_code);
		log_error(LOG_NODE, "Stopping: %s", reason);
		service_failed(reason);
	}
	if (atomic_exchange(&node->stop_asked, true))
		return;
	if (!exit_code)
		log_info(LOG_NODE, "Stopping: %s", reason);
	/* Not SIGTERM: that kills once main is stopping, and the last writes of a stop may fail too. */
	CHECK(kill(getpid(), SIGUSR2) == 0);
}

int node_exit_code(const struct node *node)
{
	return atomic_load(&node->exit_code);
}
