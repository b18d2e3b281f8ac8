// SPDX-License-Identifier: MIT
/* node/production: when a block is made, for whom, and what is in the way.  The functions that it calls are put in the
 * place of others by the linker: the tip, the peers, sync, and the chain thread are what a test says. */
#include "production.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "block_maker.h"
#include "gossip.h"
#include "node_impl.h"
#include "run_suite.h"
#include "syncer.h"
#include "timed/consensus/slot.h"
#include "timed/node/pool.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/leader.h"

#define OWN_IP "10.0.0.2"
#define NODES 4
#define HEIGHT 50
#define PATIENCE_MS 30000

static const char *const ips[NODES] = {"10.0.0.1", OWN_IP, "10.0.0.3", "10.0.0.4"};
static struct config config;
static struct node node;
static struct production *production;
static struct chain_summary chain;
static struct peer_info peers[NODES];
static size_t peer_count;
static bool syncing;

/* What has been asked for. */
static struct {
	int calls;
	int result;
	int64_t timestamp;
	struct wire_hash tip;
	size_t payees;
	char first[64], last[64]; /* addresses of payees */
	char reward[64];	  /* of the last */
	enum wire_tier tier;
} made;
static struct chain_job *pushed;
static int relayed;

void __wrap_node_chain_summary(struct node *n, struct chain_summary *out);
void __wrap_node_chain_summary(struct node *n, struct chain_summary *out)
{
	(void)n;
	*out = chain;
}

size_t __wrap_net_peer_infos(struct net *net, struct peer_info **out);
size_t __wrap_net_peer_infos(struct net *net, struct peer_info **out)
{
	(void)net;
	*out = calloc(NODES, sizeof(**out));
	ck_assert_ptr_nonnull(*out);
	memcpy(*out, peers, peer_count * sizeof(peers[0]));
	return peer_count;
}

bool __wrap_syncer_is_idle(struct syncer *syncer);
bool __wrap_syncer_is_idle(struct syncer *syncer)
{
	(void)syncer;
	return !syncing;
}

size_t __wrap_gossip_relay(struct gossip *gossip, const struct wire_block *block, const struct wire_hash *hash,
			   const struct peer *except);
size_t __wrap_gossip_relay(struct gossip *gossip, const struct wire_block *block, const struct wire_hash *hash,
			   const struct peer *except)
{
	(void)gossip;
	(void)block;
	(void)hash;
	ck_assert_ptr_null(except);
	relayed++;
	return 1;
}

void __wrap_chain_thread_push(struct chain_thread *thread, struct chain_job *job);
void __wrap_chain_thread_push(struct chain_thread *thread, struct chain_job *job)
{
	(void)thread;
	ck_assert_ptr_null(pushed);
	ck_assert_int_eq(job->kind, CHAIN_CONNECT);
	ck_assert_uint_eq(job->count, 1);
	ck_assert(!job->bulk);
	pushed = job;
}

int __wrap_block_make(struct made_block *out, struct node *n, const struct chain_point *tip, int64_t timestamp,
		      const struct validator_list *payees);
int __wrap_block_make(struct made_block *out, struct node *n, const struct chain_point *tip, int64_t timestamp,
		      const struct validator_list *payees)
{
	const struct validator *last = &payees->items[payees->count - 1];

	(void)n;
	made.calls++;
	made.timestamp = timestamp;
	made.tip = tip->hash;
	made.payees = payees->count;
	snprintf(made.first, sizeof(made.first), "%s", payees->items[0].address.ptr);
	snprintf(made.last, sizeof(made.last), "%s", last->address.ptr);
	snprintf(made.reward, sizeof(made.reward), "%s", last->reward_address.ptr);
	made.tier = last->tier;
	*out = (struct made_block){.block.header.height = tip->height + 1};
	return made.result;
}

static int64_t start_ms(void)
{
	return (node.chain_params.genesis_timestamp + (int64_t)node.chain_params.block_time_s * (HEIGHT + 1)) * 1000;
}

/* Puts the clock to this time after the slot of the next block begins. */
static void at(int64_t ms)
{
	clock_set_offset_ms(0, 0);
	clock_set_offset_ms(0, start_ms() + ms - clock_real_ms());
}

/* The time after the beginning of the slot at which our turn begins. */
static int64_t our_turn(void)
{
	struct wire_str addresses[NODES];
	size_t first;

	for (size_t i = 0; i < NODES; i++)
		addresses[i] = (struct wire_str){ips[i], strlen(ips[i])};
	first = leader_first(HEIGHT + 1, addresses, NODES);
	return (int64_t)((1 + NODES - first) % NODES) * PATIENCE_MS;
}

static void tick(void)
{
	production_tick(production, clock_mono_ms());
}

/* What the chain thread answers; `error` 0: the block is the tip now. */
static void finish(int error, enum chain_error rule)
{
	struct chain_job *job = pushed;

	ck_assert_ptr_nonnull(job);
	pushed = NULL;
	job->error = error;
	job->fault.error = rule;
	job->connected = error == 0;
	job->known = 0;
	job->done(job);
}

static void setup(void)
{
	const struct registry_params params = REGISTRY_PARAMS_DEFAULT;
	struct registry_event event;

	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
	memset(&node, 0, sizeof(node));
	memset(&made, 0, sizeof(made));
	config.consensus.min_masternodes = 3;
	config.timers.slot_patience_ms = PATIENCE_MS;
	config.timers.sync_settle_ms = 5000;
	node.config = &config;
	node.is_masternode = true;
	memcpy(node.own_ip, OWN_IP, sizeof(OWN_IP));
	chain_params_init(&node.chain_params, CHAIN_TESTNET);
	mutex_init(&node.registry_lock, "registry", MUTEX_RANK_LEAF);
	ck_assert_int_eq(registry_new(&node.registry, &params, clock_mono_ms()), 0);
	mutex_lock(&node.registry_lock);
	for (size_t i = NODES; i-- > 0;) {
		char reward[16];
		struct wire_masternode m = {.tier = (enum wire_tier)i};

		snprintf(reward, sizeof(reward), "TIME0%zu", i);
		m.reward_address = (struct wire_str){reward, strlen(reward)};
		if (i == 1)
			ck_assert_int_eq(registry_set_own(node.registry, &event, ips[i], &m), 0);
		else
			ck_assert_int_eq(registry_announce(node.registry, &event, ips[i], &m, clock_mono_ms()), 0);
	}
	mutex_unlock(&node.registry_lock);
	for (size_t i = 0; i < NODES; i++) {
		peers[i] = (struct peer_info){.state = PEER_READY, .ready_ms = clock_mono_ms() - 20000};
		snprintf(peers[i].ip, sizeof(peers[i].ip), "%s", ips[i]);
	}
	peers[1] = peers[3];
	peer_count = 3;
	syncing = false;
	pushed = NULL;
	relayed = 0;
	chain = (struct chain_summary){.tip = {.height = HEIGHT, .hash = {{7}}}};
	ck_assert_int_eq(production_new(&production, &node), 0);
	chain.tip.timestamp = start_ms() / 1000 - node.chain_params.block_time_s;
}

static void teardown(void)
{
	clock_set_offset_ms(0, 0);
	if (pushed)
		finish(-ECANCELED, 0);
	production_free(production);
	registry_free(node.registry);
	mutex_destroy(&node.registry_lock);
}

START_TEST(a_block_is_made_when_it_is_our_turn)
{
	at(our_turn());
	tick();
	ck_assert_int_eq(made.calls, 1);
	ck_assert_int_eq(made.timestamp, start_ms() / 1000);
	ck_assert_mem_eq(&made.tip, &chain.tip.hash, sizeof(made.tip));
	/* All active masternodes are paid, by ascending address. */
	ck_assert_uint_eq(made.payees, NODES);
	ck_assert_str_eq(made.first, ips[0]);
	ck_assert_str_eq(made.last, ips[3]);
	ck_assert_str_eq(made.reward, "TIME03");
	ck_assert_int_eq(made.tier, WIRE_TIER_GOLD);
	ck_assert_int_eq(relayed, 0);
	finish(0, 0);
	ck_assert_int_eq(relayed, 1);
	/* Once, until the next tip or our next turn. */
	tick();
	ck_assert_int_eq(made.calls, 1);
	at(our_turn() + NODES * PATIENCE_MS);
	tick();
	ck_assert_int_eq(made.calls, 2);
}
END_TEST

START_TEST(nothing_is_made_in_the_turn_of_others)
{
	int64_t turn = our_turn();

	for (int64_t round = 0; round < NODES; round++) {
		int64_t now;

		if (round * PATIENCE_MS == turn)
			continue;
		at(round * PATIENCE_MS);
		now = clock_mono_ms();
		tick();
		ck_assert_int_gt(production_deadline_ms(production), now);
		ck_assert_int_le(production_deadline_ms(production), now + 1100);
	}
	ck_assert_int_eq(made.calls, 0);
	/* Nor before the slot: it is waited for, and the clock is looked at now and then. */
	at(-3000);
	tick();
	ck_assert_int_le(llabs((long long)(production_deadline_ms(production) - clock_mono_ms()) - 3000), 200);
	at(-60000);
	tick();
	ck_assert_int_le(llabs((long long)(production_deadline_ms(production) - clock_mono_ms()) - 10000), 200);
	ck_assert_int_eq(made.calls, 0);
}
END_TEST

static void expect_nothing(void)
{
	int64_t now = clock_mono_ms();

	tick();
	ck_assert_int_eq(made.calls, 0);
	/* It is tried again soon. */
	ck_assert_int_gt(production_deadline_ms(production), now);
	ck_assert_int_le(production_deadline_ms(production), now + 1100);
}

START_TEST(nothing_is_made_while_blocks_are_fetched)
{
	at(our_turn());
	syncing = true;
	expect_nothing();
	syncing = false;
	tick();
	ck_assert_int_eq(made.calls, 1);
}
END_TEST

/* Two others are needed, and for long enough to have told of a better chain. */
START_TEST(nothing_is_made_without_company)
{
	at(our_turn());
	peer_count = 1;
	expect_nothing();
	peer_count = 2;
	peers[1].ready_ms = clock_mono_ms() - 14000;
	expect_nothing();
	peers[1].ready_ms = clock_mono_ms() - 20000;
	peers[1].key_disputed = true;
	expect_nothing();
	peers[1].key_disputed = false;
	snprintf(peers[1].ip, sizeof(peers[1].ip), "10.9.9.9"); /* no masternode */
	expect_nothing();
	snprintf(peers[1].ip, sizeof(peers[1].ip), "%s", ips[3]);
	tick();
	ck_assert_int_eq(made.calls, 1);
}
END_TEST

START_TEST(nothing_is_made_with_too_few_active_masternodes)
{
	struct registry_event events[NODES];

	mutex_lock(&node.registry_lock);
	ck_assert_uint_eq(registry_sweep(node.registry, events, NODES, clock_mono_ms() + 200000), 3);
	mutex_unlock(&node.registry_lock);
	for (int64_t round = 0; round < NODES; round++) {
		at(round * PATIENCE_MS);
		expect_nothing();
	}
}
END_TEST

START_TEST(validators_make_their_own)
{
	static const struct validators some;

	at(our_turn());
	node.chain_params.validators = &some;
	node.chain_params.bft_from = HEIGHT + 1;
	tick();
	ck_assert_int_eq(made.calls, 0);
	ck_assert(production_deadline_ms(production) == INT64_MAX);
	node.chain_params.bft_from = HEIGHT + 2;
	tick();
	ck_assert_int_eq(made.calls, 1);
}
END_TEST

START_TEST(who_is_no_masternode_makes_nothing)
{
	at(our_turn());
	node.is_masternode = false;
	tick();
	ck_assert_int_eq(made.calls, 0);
	ck_assert(production_deadline_ms(production) == INT64_MAX);
}
END_TEST

/* The tip changes while the block is being made, or on its way. */
START_TEST(a_tip_that_moves_meanwhile)
{
	at(our_turn());
	made.result = POOL_E_TIP;
	tick();
	ck_assert_int_eq(made.calls, 1);
	ck_assert_ptr_null(pushed);
	ck_assert_int_le(production_deadline_ms(production), clock_mono_ms() + 300);
	made.result = 0;
	tick();
	ck_assert_int_eq(made.calls, 2);
	/* While it is on its way no other is made. */
	chain.tip.hash.bytes[0]++;
	tick();
	ck_assert_int_eq(made.calls, 2);
	finish(CHAIN_STORE_E_RULE, CHAIN_E_PREVIOUS);
	ck_assert_int_eq(relayed, 0);
	tick();
	ck_assert_int_eq(made.calls, 3);
	ck_assert_mem_eq(&made.tip, &chain.tip.hash, sizeof(made.tip));
}
END_TEST

START_TEST(without_memory_the_turn_is_over)
{
	at(our_turn());
	made.result = -ENOMEM;
	tick();
	tick();
	ck_assert_int_eq(made.calls, 1);
	ck_assert_ptr_null(pushed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("production");
	TCase *tcase = tcase_create("production");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_block_is_made_when_it_is_our_turn);
	tcase_add_test(tcase, nothing_is_made_in_the_turn_of_others);
	tcase_add_test(tcase, nothing_is_made_while_blocks_are_fetched);
	tcase_add_test(tcase, nothing_is_made_without_company);
	tcase_add_test(tcase, nothing_is_made_with_too_few_active_masternodes);
	tcase_add_test(tcase, validators_make_their_own);
	tcase_add_test(tcase, who_is_no_masternode_makes_nothing);
	tcase_add_test(tcase, a_tip_that_moves_meanwhile);
	tcase_add_test(tcase, without_memory_the_turn_is_over);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
