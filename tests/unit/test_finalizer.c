// SPDX-License-Identifier: MIT
/* finalizer: votes on the transactions of a real pool, with a real file `votes`.  The linker puts the functions below
 * in the place of those that send, sign and tell, so that a test sees what leaves and when. */
#include "finalizer.h"

#include <errno.h>

#include <sodium.h>

#include "node_impl.h"
#include "pool_fixture.h"
#include "timed/net/frame.h"
#include "timed/node/transactions.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/digest.h"
#include "timeproto/wire/json.h"

#define VOTERS 4
#define REPEAT_MS 2000
#define HOUR_S 3600
#define MOST 512

static struct finalizer *fin;
static struct votes_file *votes;
static struct node node;
static struct config config;
static struct mem_budget budget;
static char votes_path[128];
static int64_t offset_ms; /* of the clocks */

static struct wire_key keys[VOTERS];
static struct wire_str addresses[VOTERS];
static char texts[VOTERS][16];
static int own; /* our index; -1: none */

/* ---- what leaves ---- */

struct sent {
	struct wire_transaction_vote vote;
	int voter; /* by its address; -1: nobody of ours */
	bool verified;
	enum send_class class;
	const struct peer *to, *except; /* NULL: all; nobody */
};
static struct sent sent[MOST];
static size_t sent_count;

static char peer_memory[3];
static long peer_refs;
#define PEER(i) ((struct peer *)(void *)&peer_memory[i])

static void note_sent(const struct frame *frame, enum send_class class, const struct peer *to,
		      const struct peer *except)
{
	struct wire_message message;
	struct sent *s = &sent[sent_count++];
	struct arena arena;

	ck_assert_uint_le(sent_count, MOST);
	*s = (struct sent){.class = class, .to = to, .except = except, .voter = -1};
	arena_init(&arena, 1 << 20, NULL);
	ck_assert_int_eq(wire_json_decode(&message, &arena, frame->bytes, frame->len - 1, NULL), 0);
	ck_assert_int_eq(message.type, WIRE_TRANSACTION_VOTE);
	s->vote = message.u.transaction_vote;
	for (int i = 0; i < VOTERS; i++) {
		if (s->voter < 0 && s->vote.voter.len == addresses[i].len &&
		    memcmp(s->vote.voter.ptr, addresses[i].ptr, addresses[i].len) == 0)
			s->voter = i;
	}
	s->verified = s->voter >= 0 && digest_verify_transaction_vote(&s->vote, &keys[s->voter]);
	s->vote.voter = (struct wire_str){NULL, 0};
	arena_free(&arena);
}

size_t __wrap_net_broadcast(struct net *net, struct frame *frame, enum send_class class, const struct peer *except);
bool __wrap_peer_send(struct peer *peer, struct frame *frame, enum send_class class);
struct mem_budget *__wrap_net_budget(struct net *net);
struct peer *__wrap_peer_ref(struct peer *peer);
void __wrap_peer_unref(struct peer *peer);
void __wrap_wallet_sign(struct wallet *wallet, struct wire_sig *out, const void *message, size_t len);
void __wrap_transactions_tell(struct transactions *t, const struct pool_events *told, const struct peer *except);
int __real_pool_finalize(struct pool *p, struct pool_events *e, struct pool_mark *marks, size_t count);
int __wrap_pool_finalize(struct pool *p, struct pool_events *e, struct pool_mark *marks, size_t count);

size_t __wrap_net_broadcast(struct net *net, struct frame *frame, enum send_class class, const struct peer *except)
{
	(void)net;
	note_sent(frame, class, NULL, except);
	return 1;
}

bool __wrap_peer_send(struct peer *peer, struct frame *frame, enum send_class class)
{
	note_sent(frame, class, peer, NULL);
	return true;
}

struct mem_budget *__wrap_net_budget(struct net *net)
{
	(void)net;
	return &budget;
}

struct peer *__wrap_peer_ref(struct peer *peer)
{
	peer_refs++;
	return peer;
}

void __wrap_peer_unref(struct peer *peer)
{
	peer_refs -= peer != NULL;
}

void __wrap_wallet_sign(struct wallet *wallet, struct wire_sig *out, const void *message, size_t len)
{
	(void)wallet;
	ck_assert_int_eq(crypto_sign_detached(out->bytes, NULL, message, len, f->owners[own].secret), 0);
}

/* What happens in the pool waits here, until a test lets the finalizer hear of it. */
static struct pool_event waiting[MOST];
static size_t waiting_count, told_count;

static void take_events(const struct pool_events *from)
{
	for (const struct pool_event *e = from->first; e; e = e->next) {
		ck_assert_uint_lt(waiting_count, MOST);
		waiting[waiting_count] = *e;
		waiting[waiting_count++].tx = pool_tx_ref(e->tx);
	}
}

void __wrap_transactions_tell(struct transactions *t, const struct pool_events *told, const struct peer *except)
{
	(void)t;
	ck_assert_ptr_null(except);
	told_count++;
	take_events(told);
}

static int finalize_calls, finalize_failure;

int __wrap_pool_finalize(struct pool *p, struct pool_events *e, struct pool_mark *marks, size_t count)
{
	int r = __real_pool_finalize(p, e, marks, count);

	finalize_calls++;
	return finalize_failure ? finalize_failure : r;
}

struct chain_view *__wrap_chain_thread_take_view(struct chain_thread *thread);

struct chain_view *__wrap_chain_thread_take_view(struct chain_thread *thread)
{
	(void)thread;
	return chain_store_view(chain);
}

/* ---- steps ---- */

static void hear_one(size_t i)
{
	finalizer_on_event(fin, &waiting[i]);
	pool_tx_unref(waiting[i].tx);
	memmove(&waiting[i], &waiting[i + 1], (waiting_count - i - 1) * sizeof(waiting[0]));
	waiting_count--;
}

static void hear(void)
{
	take_events(&events);
	forget_events();
	while (waiting_count > 0)
		hear_one(0);
}

static void must_decide(void)
{
	ck_assert_int_eq(finalizer_decide(fin), 0);
}

static void must_sync(void)
{
	ck_assert_int_eq(votes_sync(votes), 0);
}

static void must_send(void)
{
	ck_assert_int_eq(finalizer_send(fin), 0);
}

/* One turn of the thread; what it causes is heard. */
static void turn(void)
{
	hear();
	must_decide();
	must_sync();
	must_send();
	hear();
}

static void forget_sent(void)
{
	sent_count = 0;
}

static void expect_sent(size_t i, int voter, const struct wire_transaction *tx, bool approve, enum send_class class)
{
	struct wire_hash txid = txid_of(tx);

	ck_assert_uint_lt(i, sent_count);
	ck_assert(hash_equal(&sent[i].vote.txid, &txid));
	ck_assert_int_eq(sent[i].voter, voter);
	ck_assert(sent[i].verified);
	ck_assert(sent[i].vote.approve == approve);
	ck_assert_int_eq(sent[i].class, class);
}

static int vote_from(int voter, const struct wire_transaction *tx, bool approve, struct peer *from)
{
	struct wire_transaction_vote wire = {
		.txid = txid_of(tx), .voter = addresses[voter], .approve = approve, .timestamp = clock_real_s()};
	struct finality_vote vote = {
		.txid = wire.txid, .voter = (uint32_t)voter, .approve = approve, .timestamp = wire.timestamp};

	digest_sign_transaction_vote(&wire, f->owners[voter].secret);
	vote.signature = wire.signature;
	return finalizer_on_vote(fin, &vote, from);
}

static void vote(int voter, const struct wire_transaction *tx, bool approve)
{
	ck_assert_int_eq(vote_from(voter, tx, approve, NULL), 0);
}

static struct finality_counts counts(void)
{
	struct finality_counts out;
	uint32_t voters;

	finalizer_count(fin, &out, &voters);
	ck_assert_uint_eq(voters, VOTERS);
	return out;
}

static void pass(int64_t ms)
{
	offset_ms += ms;
	clock_set_offset_ms(offset_ms, offset_ms);
}

static struct pool_info find(const struct wire_transaction *tx)
{
	struct wire_hash txid = txid_of(tx);
	struct pool_info info;

	ck_assert_int_eq(pool_find(pool, &info, &txid), 0);
	pool_info_free(&info);
	return info;
}

static bool binds(const struct wire_transaction *tx)
{
	struct finality_record record = {.txid = txid_of(tx)};

	return finalizer_binds(fin, &record);
}

/* ---- life ---- */

static size_t restored;

static int restore_bft(void *user, const struct bft_record *record, const struct bft_certificate *polka)
{
	(void)user;
	(void)record;
	(void)polka;
	return -EINVAL;
}

static int restore_block(void *user, uint64_t height, const struct wire_hash *hash, const struct wire_block *block)
{
	(void)user;
	(void)height;
	(void)hash;
	(void)block;
	return -EINVAL;
}

static int restore_finality(void *user, const struct votes_finality *entry)
{
	(void)user;
	restored++;
	return finalizer_restore(fin, entry);
}

static void set_voters(void)
{
	ck_assert_int_eq(finalizer_set_voters(fin, keys, addresses, VOTERS, own), 0);
}

static bool start(bool signing)
{
	struct votes_reader reader = {restore_bft, restore_block, restore_finality, NULL};
	char text[VOTES_TEXT_SIZE];
	bool existed;

	ck_assert_int_eq(finalizer_new(&fin, &node, NULL), 0);
	restored = 0;
	ck_assert_int_eq(votes_open(&votes, text, &existed, votes_path, &f->genesis.hash, &keys[0], &reader), 0);
	finalizer_set_file(fin, votes);
	set_voters();
	finalizer_set_signing(fin, signing);
	finalizer_load(fin);
	return existed;
}

static void stop(void)
{
	finalizer_free(fin);
	votes_close(votes);
	fin = NULL;
	votes = NULL;
}

static bool restart(bool signing)
{
	forget_sent();
	stop();
	return start(signing);
}

static void finalizer_setup(void)
{
	pool_setup();
	log_set_level(LOG_CONSENSUS, LOG_LEVEL_ERROR);
	log_set_level(LOG_MEMPOOL, LOG_LEVEL_ERROR);
	memset(&node, 0, sizeof(node));
	memset(&config, 0, sizeof(config));
	config.limits.pool_count = 10000;
	config.consensus.repeat_ms = REPEAT_MS;
	node.config = &config;
	node.pool = pool;
	mem_budget_init(&budget, 64 << 20);
	snprintf(votes_path, sizeof(votes_path), "%s/votes", parent);
	own = 0;
	for (int i = 0; i < VOTERS; i++) {
		keys[i] = f->owners[i].key;
		snprintf(texts[i], sizeof(texts[i]), "10.0.0.%d", i + 1);
		addresses[i] = (struct wire_str){texts[i], strlen(texts[i])};
	}
	offset_ms = 0;
	clock_set_offset_ms(0, 0);
	ck_assert(!start(true));
}

static void finalizer_teardown(void)
{
	stop();
	while (waiting_count > 0)
		pool_tx_unref(waiting[--waiting_count].tx);
	ck_assert_int_eq(peer_refs, 0);
	ck_assert_uint_eq(atomic_load(&budget.used), 0);
	clock_set_offset_ms(0, 0);
	pool_teardown();
}

/* ---- deciding ---- */

START_TEST(votes_finalise)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
	ck_assert_ptr_null(sent[0].to);
	ck_assert_uint_eq(find(&a).votes, 1);
	ck_assert_uint_eq(find(&a).total_nodes, VOTERS);

	ck_assert_int_eq(vote_from(1, &a, true, PEER(1)), 0);
	ck_assert_uint_eq(find(&a).votes, 2);
	turn();
	ck_assert(!is_final(&a));
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(1, 1, &a, true, SEND_GOSSIP);
	ck_assert_ptr_eq(sent[1].except, PEER(1));
	/* it is not relayed twice */
	ck_assert_int_eq(vote_from(1, &a, true, PEER(2)), FINALITY_E_KNOWN);
	ck_assert_int_eq(vote_from(1, &a, false, PEER(2)), FINALITY_E_CONTRADICTS);
	turn();
	ck_assert_uint_eq(sent_count, 2);

	vote(2, &a, true);
	turn();
	ck_assert(is_final(&a));
	ck_assert_uint_eq(find(&a).votes, 3);
	ck_assert_uint_eq(told_count, 1);
}
END_TEST

START_TEST(votes_reject)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	turn();
	vote(1, &a, false);
	vote(2, &a, false);
	turn();
	ck_assert(has(&a));
	vote(3, &a, false);
	turn();
	ck_assert(!has(&a));
	ck_assert_uint_eq(counts().transactions, 0);
	expect_refused(&a, POOL_E_WAS_REJECTED);
	/* our vote still binds us */
	ck_assert(binds(&a));
}
END_TEST

START_TEST(nothing_leaves_before_the_sync)
{
	struct wire_transaction txs[20];
	struct wire_hash first;
	uint64_t size = votes_size(votes);

	for (int i = 0; i < 20; i++) {
		txs[i] = pay();
		must_insert(&txs[i]);
	}
	hear();
	for (int i = 0; i < 20; i++) {
		vote(1, &txs[i], true);
		vote(2, &txs[i], true);
	}
	first = txid_of(&txs[0]);
	finalizer_on_request(fin, &first, PEER(0));
	finalizer_on_ready(fin, PEER(1));
	must_decide();
	/* our own vote makes the quorum: nobody may know, not even the pool */
	ck_assert_uint_eq(sent_count, 0);
	ck_assert_uint_eq(votes_size(votes), size);
	ck_assert(!is_final(&txs[0]));
	must_sync();
	ck_assert_uint_gt(votes_size(votes), size + 20 * 64);
	must_send();
	ck_assert_uint_eq(sent_count, 3 * 20 + 3 + 3 * 20);
	for (int i = 0; i < 20; i++)
		ck_assert(is_final(&txs[i]));
	/* all with one write */
	ck_assert_int_eq(finalize_calls, 1);
	ck_assert_uint_eq(told_count, 1);
	hear();
	restart(true);
	ck_assert_uint_eq(restored, 20);
}
END_TEST

START_TEST(votes_come_before_their_transaction)
{
	struct wire_transaction a = pay();

	vote(1, &a, true);
	vote(3, &a, true);
	turn();
	ck_assert_uint_eq(sent_count, 2);
	ck_assert_uint_eq(counts().early, 1);
	must_insert(&a);
	hear();
	ck_assert_uint_eq(find(&a).votes, 2);
	turn();
	ck_assert(is_final(&a));
}
END_TEST

START_TEST(what_cannot_be_written_stops_it)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	hear();
	vote(1, &a, true);
	vote(2, &a, true);
	must_decide();
	must_sync();
	finalize_failure = -EIO;
	ck_assert_int_eq(finalizer_send(fin), -EIO);
	ck_assert_uint_eq(told_count, 0);
}
END_TEST

/* ---- the pool ---- */

START_TEST(decided_while_the_pool_does_not_have_it)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	hear();
	vote(1, &a, true);
	vote(2, &a, true);
	/* it goes, and nobody has told us yet */
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	take_events(&events);
	forget_events();
	must_decide();
	must_sync();
	must_send();
	ck_assert(!has(&a));
	/* it comes back, and that is heard first */
	must_insert(&a);
	take_events(&events);
	forget_events();
	ck_assert_uint_eq(waiting_count, 2);
	hear_one(1);
	ck_assert_int_eq(waiting[0].kind, POOL_EXPIRED);
	hear_one(0);
	ck_assert_uint_eq(counts().transactions, 1);
	turn();
	ck_assert(is_final(&a));
}
END_TEST

START_TEST(events_in_another_order)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	mine_one(&a);
	take_events(&events);
	forget_events();
	ck_assert_uint_eq(waiting_count, 2);
	ck_assert_int_eq(waiting[1].kind, POOL_CONFIRMED);
	hear_one(1);
	hear_one(0);
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	ck_assert_uint_eq(sent_count, 0);
}
END_TEST

START_TEST(a_block_settles)
{
	struct wire_transaction a = pay(), b = pay(), rival = b, stays = pay();
	struct wire_hash txid;
	struct wire_block block = {.transactions = {&rival, 1}};
	struct block_ids ids = {.txids = &txid};

	rival.lock_time++;
	txid = txid_of(&rival);
	must_insert(&a);
	must_insert(&b);
	must_insert(&stays);
	turn();
	ck_assert_uint_eq(counts().own, 3);
	ck_assert_uint_eq(counts().locks, 3);
	tip = fixture_block(f, tip, &a, 1, 0);
	must_connect_up_to(tip);
	must_update();
	finalizer_on_block(fin, &tip->block, &tip->ids);
	turn();
	ck_assert(!binds(&a));
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().transactions, 2);
	ck_assert_uint_eq(counts().locks, 2);
	/* a block that holds a rival of what we approve */
	finalizer_on_block(fin, &block, &ids);
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().locks, 1);
}
END_TEST

START_TEST(the_pool_says_what_is_settled)
{
	struct wire_transaction a = pay(), b = pay();
	struct wire_hash txid = txid_of(&b);
	struct wire_block block = {.transactions = {&b, 1}};
	struct block_ids ids = {.txids = &txid};

	must_insert(&a);
	must_insert(&b);
	turn();
	mine_one(&a);
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	ck_assert(!binds(&a));
	/* it has gone, but others may still have it, and put it into a block */
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().locks, 1);
	finalizer_on_block(fin, &block, &ids);
	ck_assert(!binds(&b));
	ck_assert_uint_eq(counts().locks, 0);
}
END_TEST

START_TEST(what_can_never_be_valid_locks_nothing)
{
	/* a child of what is rejected, and a rival of what a block holds, each with a coin beside */
	struct fixture_coin coins[4] = {take_coin(), take_coin(), take_coin(), take_coin()};
	struct wire_transaction base = fixture_pay(f, coins, 1, 1, COIN_FEE), child, rival, mined, other;

	coins[0] = output_of(&base, 0);
	child = fixture_pay(f, coins, 2, 1, 2 * COIN_FEE);
	rival = fixture_pay(f, &coins[2], 2, 1, 2 * COIN_FEE);
	mined = fixture_pay(f, &coins[2], 1, 1, COIN_FEE);
	must_insert(&base);
	must_insert(&child);
	must_insert(&rival);
	turn();
	ck_assert_uint_eq(counts().locks, 5);
	for (int i = 1; i < VOTERS; i++)
		vote(i, &base, false);
	turn();
	ck_assert(!has(&child));
	ck_assert_uint_eq(counts().locks, 2);
	mine_one(&mined);
	turn();
	ck_assert(!has(&rival));
	ck_assert_uint_eq(counts().locks, 0);
	/* but what we have said stays said */
	ck_assert(binds(&base) && binds(&child) && binds(&rival));
	forget_sent();
	other = fixture_pay(f, &coins[3], 1, 1, COIN_FEE);
	must_insert(&other);
	turn();
	expect_sent(0, 0, &other, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(a_block_is_undone)
{
	struct wire_transaction a = pay();
	const struct fixture_block *fork = tip, *other;

	must_insert(&a);
	turn();
	mine_one(&a);
	finalizer_on_block(fin, &tip->block, &tip->ids);
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	forget_sent();
	other = fixture_extend(f, fork, 2, 7);
	reorganise_pool(fork, other);
	turn();
	ck_assert_uint_eq(counts().transactions, 1);
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(the_pool_is_gone_through_again)
{
	struct wire_transaction a = pay();

	/* its event was lost, or could not be taken */
	must_insert(&a);
	forget_events();
	turn();
	ck_assert_uint_eq(counts().transactions, 0);
	pass(60000);
	ck_assert_int_le(finalizer_deadline_ms(fin), clock_mono_ms());
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_eq(counts().transactions, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
}
END_TEST

/* ---- what binds us ---- */

START_TEST(no_double_spend_is_approved_twice)
{
	struct wire_transaction a = pay(), b = a;

	b.lock_time++;
	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	/* the pool forgets a; we must not */
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	turn();
	for (int i = 0; i < 3; i++) {
		restart(true);
		ck_assert_uint_eq(restored, 1);
		if (i == 0) {
			must_insert(&b);
			turn();
		}
		turn();
		ck_assert_uint_eq(sent_count, 0);
		ck_assert_uint_eq(counts().transactions, 1);
	}
	/* until our vote is over, and an hour more */
	pass((int64_t)(73 * HOUR_S - 5) * 1000);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	for (size_t i = 0; i < sent_count; i++)
		ck_assert_int_ne(sent[i].voter, 0);
	pass(65000);
	finalizer_tick(fin, clock_mono_ms());
	forget_sent();
	turn();
	ck_assert_uint_ge(sent_count, 1);
	expect_sent(0, 0, &b, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(what_the_chain_holds_binds_no_more)
{
	struct wire_transaction a = pay(), b = pay();

	must_insert(&a);
	must_insert(&b);
	turn();
	mine_one(&a);
	/* it dies before it hears of the block */
	restart(true);
	ck_assert_uint_eq(restored, 2);
	ck_assert(!binds(&a));
	ck_assert(binds(&b));
	ck_assert_uint_eq(counts().own, 1);
}
END_TEST

START_TEST(the_rival_of_what_we_approve_is_rejected)
{
	struct wire_transaction a = pay(), b = a;
	struct wire_hash txid;

	b.lock_time++;
	txid = txid_of(&b);
	must_insert(&a);
	turn();
	forget_sent();
	finalizer_on_conflict(fin, &txid, &a.inputs.items[0].previous_output);
	finalizer_on_conflict(fin, &txid, &a.inputs.items[0].previous_output);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &b, false, SEND_CONSENSUS);
	restart(true);
	ck_assert_uint_eq(restored, 2);
	ck_assert_uint_eq(counts().locks, 1);
	/* and it stays rejected, whatever becomes of a */
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
}
END_TEST

START_TEST(a_restart_repeats_what_was_said)
{
	struct wire_transaction a = pay();
	struct wire_transaction_vote first;

	must_insert(&a);
	turn();
	first = sent[0].vote;
	pass(100000);
	restart(true);
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
	ck_assert_int_eq(sent[0].vote.timestamp, first.timestamp);
	ck_assert_mem_eq(&sent[0].vote.signature, &first.signature, sizeof(first.signature));
}
END_TEST

START_TEST(a_lost_file_comes_back_from_others)
{
	struct wire_transaction a = pay(), b = a, other = pay();

	b.lock_time++;
	/* we have voted, and forgotten it */
	restart(false);
	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 0);
	vote(0, &a, true);
	turn();
	ck_assert_uint_eq(sent_count, 1); /* relayed */
	ck_assert(binds(&a));
	/* while we observe there is no file, so that the next start observes as well */
	ck_assert(!restart(false));
	ck_assert(!binds(&a));
	vote(0, &a, true);
	finalizer_set_signing(fin, true);
	must_insert(&other);
	turn();
	ck_assert(restart(true));
	ck_assert_uint_eq(restored, 2);
	pool_expire(pool, &events, now_s + 80 * HOUR_S);
	turn();
	must_insert(&b);
	forget_sent();
	turn();
	ck_assert_uint_eq(sent_count, 0);
	ck_assert_uint_eq(counts().transactions, 1);
}
END_TEST

START_TEST(one_that_is_no_voter)
{
	struct wire_transaction a = pay();

	own = -1;
	set_voters();
	must_insert(&a);
	turn();
	ck_assert_uint_eq(sent_count, 0);
	for (int i = 0; i < 3; i++)
		vote(i, &a, true);
	turn();
	ck_assert(is_final(&a));
	ck_assert_uint_eq(sent_count, 3);
	ck_assert_uint_eq(votes_size(votes), 0);
}
END_TEST

/* ---- voters ---- */

START_TEST(who_moves_votes_anew)
{
	struct wire_transaction a = pay();

	must_insert(&a);
	turn();
	vote(1, &a, true);
	turn();
	ck_assert_uint_eq(find(&a).votes, 2);
	forget_sent();
	set_voters();
	turn();
	ck_assert_uint_eq(sent_count, 0);
	/* a signature is over the address: the vote of 1 is of no use, and ours is signed again */
	strcpy(texts[0], "10.0.0.77");
	strcpy(texts[1], "10.0.0.78");
	addresses[0].len = addresses[1].len = strlen(texts[0]);
	set_voters();
	turn();
	ck_assert_uint_eq(sent_count, 1);
	expect_sent(0, 0, &a, true, SEND_CONSENSUS);
	ck_assert_uint_eq(find(&a).votes, 1);
	vote(1, &a, true);
	turn();
	expect_sent(1, 1, &a, true, SEND_GOSSIP);
}
END_TEST

START_TEST(others_vote_from_now_on)
{
	struct wire_transaction a = pay();
	struct wire_hash txid = txid_of(&a);
	struct wire_key key = keys[3];
	struct wire_str address = addresses[3];

	must_insert(&a);
	turn();
	vote(1, &a, true);
	vote(3, &a, true);
	turn();
	ck_assert(is_final(&a));
	forget_sent();
	/* 3 is now where 1 was, and 1 has gone */
	keys[1] = key;
	addresses[1] = address;
	ck_assert_int_eq(finalizer_set_voters(fin, keys, addresses, 3, 0), 0);
	finalizer_on_request(fin, &txid, PEER(0));
	turn();
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, 0, &a, true, SEND_ANSWER);
	expect_sent(1, 1, &a, true, SEND_ANSWER);
}
END_TEST

/* ---- asked and repeated ---- */

START_TEST(requests_are_answered)
{
	struct wire_transaction a = pay(), b = pay();
	struct wire_hash txid = txid_of(&a), unknown = txid_of(&b);

	must_insert(&a);
	turn();
	vote(2, &a, false);
	turn();
	forget_sent();
	finalizer_on_request(fin, &txid, PEER(1));
	finalizer_on_request(fin, &unknown, PEER(1));
	ck_assert_uint_eq(sent_count, 0);
	turn();
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, 0, &a, true, SEND_ANSWER);
	expect_sent(1, 2, &a, false, SEND_ANSWER);
	ck_assert_ptr_eq(sent[0].to, PEER(1));
	/* what has not left when it ends is forgotten */
	finalizer_on_request(fin, &txid, PEER(1));
	ck_assert_int_eq(vote_from(3, &a, false, PEER(2)), 0);
	ck_assert_int_eq(peer_refs, 2);
}
END_TEST

START_TEST(a_new_peer_is_sent_what_is_pending)
{
	struct wire_transaction a = pay(), b = pay();

	must_insert(&a);
	must_insert(&b);
	turn();
	vote(1, &b, true);
	turn();
	forget_sent();
	finalizer_on_ready(fin, PEER(2));
	turn();
	ck_assert_uint_eq(sent_count, 3);
	expect_sent(0, 0, &a, true, SEND_GOSSIP);
	expect_sent(1, 0, &b, true, SEND_GOSSIP);
	expect_sent(2, 1, &b, true, SEND_GOSSIP);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(sent[i].to, PEER(2));
}
END_TEST

START_TEST(votes_are_repeated)
{
	struct wire_transaction a = pay();
	int64_t due;

	must_insert(&a);
	turn();
	vote(1, &a, true);
	turn();
	forget_sent();
	due = finalizer_deadline_ms(fin);
	ck_assert_int_gt(due, clock_mono_ms());
	ck_assert_int_le(due, clock_mono_ms() + REPEAT_MS);
	finalizer_tick(fin, due - 1);
	turn();
	ck_assert_uint_eq(sent_count, 0);
	pass(REPEAT_MS + 1000);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, 0, &a, true, SEND_GOSSIP);
	expect_sent(1, 1, &a, true, SEND_GOSSIP);
	ck_assert_ptr_null(sent[0].to);
	/* once */
	turn();
	ck_assert_uint_eq(sent_count, 2);
	ck_assert_int_gt(finalizer_deadline_ms(fin), clock_mono_ms());
	pass(REPEAT_MS);
	finalizer_tick(fin, clock_mono_ms());
	turn();
	ck_assert_uint_eq(sent_count, 4);
}
END_TEST

static void add_deciding(Suite *suite)
{
	TCase *c = tcase_create("deciding");

	tcase_add_checked_fixture(c, finalizer_setup, finalizer_teardown);
	tcase_add_test(c, votes_finalise);
	tcase_add_test(c, votes_reject);
	tcase_add_test(c, nothing_leaves_before_the_sync);
	tcase_add_test(c, votes_come_before_their_transaction);
	tcase_add_test(c, what_cannot_be_written_stops_it);
	tcase_add_test(c, decided_while_the_pool_does_not_have_it);
	tcase_add_test(c, events_in_another_order);
	tcase_add_test(c, a_block_settles);
	tcase_add_test(c, the_pool_says_what_is_settled);
	tcase_add_test(c, what_can_never_be_valid_locks_nothing);
	tcase_add_test(c, a_block_is_undone);
	tcase_add_test(c, the_pool_is_gone_through_again);
	suite_add_tcase(suite, c);
}

static void add_binding(Suite *suite)
{
	TCase *c = tcase_create("binding");

	tcase_add_checked_fixture(c, finalizer_setup, finalizer_teardown);
	tcase_add_test(c, no_double_spend_is_approved_twice);
	tcase_add_test(c, what_the_chain_holds_binds_no_more);
	tcase_add_test(c, the_rival_of_what_we_approve_is_rejected);
	tcase_add_test(c, a_restart_repeats_what_was_said);
	tcase_add_test(c, a_lost_file_comes_back_from_others);
	tcase_add_test(c, one_that_is_no_voter);
	suite_add_tcase(suite, c);
}

static void add_talking(Suite *suite)
{
	TCase *c = tcase_create("talking");

	tcase_add_checked_fixture(c, finalizer_setup, finalizer_teardown);
	tcase_add_test(c, who_moves_votes_anew);
	tcase_add_test(c, others_vote_from_now_on);
	tcase_add_test(c, requests_are_answered);
	tcase_add_test(c, a_new_peer_is_sent_what_is_pending);
	tcase_add_test(c, votes_are_repeated);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("finalizer");
	SRunner *runner;
	int failed;

	add_deciding(suite);
	add_binding(suite);
	add_talking(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
