// SPDX-License-Identifier: MIT
/* transactions: from submission into a real pool, and what is sent then.  The linker puts the functions below in the
 * place of the network's, so that a test sees what leaves, to whom, and who is blamed. */
#include "timed/node/transactions.h"

#include <sodium.h>

#include "node_impl.h"
#include "notifier.h"
#include "pool_fixture.h"
#include "run_suite.h"
#include "stub_peers.h"
#include "timed/net/frame.h"
#include "timed/node/coins.h"
#include "timed/node/consensus.h"
#include "timeproto/wire/json.h"
#include "verify.h"

#define MOST 64

static struct node node;
static struct config config;
static struct pool_result said;

/* What left. */
struct sent {
	enum wire_type type;
	struct wire_hash txid; /* that it is about */
	enum wire_utxo_state_tag tag;
	struct wire_outpoint outpoint;	/* of a notification */
	const struct peer *to, *except; /* NULL: all; nobody */
};
static struct sent sent[MOST];
static size_t sent_count;
static char violation[CHAIN_FAULT_TEXT_SIZE];
static int violations, asked, noted;
static struct wire_hash at_odds; /* of the last conflict */
static int conflicts, heard;	 /* told to the thread `consensus`: those, and lists of events */
static uint32_t ready_count;

static void note_sent(const struct frame *frame, const struct peer *to, const struct peer *except)
{
	struct sent *s = &sent[sent_count++];
	struct wire_message m;
	struct arena arena;

	ck_assert_uint_lt(sent_count, MOST);
	*s = (struct sent){.to = to, .except = except};
	arena_init(&arena, 1 << 20, NULL);
	ck_assert_int_eq(wire_json_decode(&m, &arena, frame->bytes, frame->len - 1, NULL), 0);
	s->type = m.type;
	if (m.type == WIRE_TRANSACTION_BROADCAST) {
		hash_txid(&s->txid, &m.u.transaction_broadcast);
	} else if (m.type == WIRE_TRANSACTION_FINALIZED) {
		s->txid = m.u.transaction_finalized.txid;
	} else if (m.type == WIRE_TRANSACTION_REJECTED) {
		s->txid = m.u.transaction_rejected.txid;
	} else {
		ck_assert_int_eq(m.type, WIRE_UTXO_STATE_NOTIFICATION);
		s->outpoint = m.u.utxo_state_notification.outpoint;
		s->tag = m.u.utxo_state_notification.new_state.tag;
	}
	arena_free(&arena);
}

size_t __wrap_net_broadcast(struct net *net, struct frame *frame, enum send_class class, const struct peer *except);
uint32_t __wrap_net_ready_count(struct net *net);
bool __wrap_peer_send(struct peer *peer, struct frame *frame, enum send_class class);
uint64_t __wrap_peer_id(const struct peer *peer);
const struct net_ip *__wrap_peer_ip(const struct peer *peer);
void __wrap_peer_violation(struct peer *peer, const char *what);
bool __wrap_peer_request(struct peer *peer, enum request_kind kind, uint64_t key, const struct wire_message *message);
void __wrap_peer_fence(struct peer *peer);
struct chain_view *__wrap_chain_thread_take_view(struct chain_thread *thread);
void __wrap_coins_note(struct coins *coins, const struct wire_transaction *transaction);
void __wrap_consensus_conflict(struct consensus *consensus, const struct wire_hash *txid,
			       const struct wire_outpoint *outpoint);
void __wrap_consensus_pool_events(struct consensus *consensus, const struct pool_events *told);

size_t __wrap_net_broadcast(struct net *net, struct frame *frame, enum send_class class, const struct peer *except)
{
	(void)net;
	ck_assert_int_eq(class, SEND_GOSSIP);
	note_sent(frame, NULL, except);
	return 1;
}

uint32_t __wrap_net_ready_count(struct net *net)
{
	(void)net;
	return ready_count;
}

bool __wrap_peer_send(struct peer *peer, struct frame *frame, enum send_class class)
{
	ck_assert_int_eq(class, SEND_GOSSIP);
	note_sent(frame, peer, NULL);
	return true;
}

uint64_t __wrap_peer_id(const struct peer *peer)
{
	return (uint64_t)((const char *)(const void *)peer - (const char *)(const void *)PEER(0));
}

const struct net_ip *__wrap_peer_ip(const struct peer *peer)
{
	(void)peer;
	return &some_peer;
}

void __wrap_peer_violation(struct peer *peer, const char *what)
{
	ck_assert_ptr_eq(peer, PEER(1));
	snprintf(violation, sizeof(violation), "%s", what);
	violations++;
}

bool __wrap_peer_request(struct peer *peer, enum request_kind kind, uint64_t key, const struct wire_message *message)
{
	(void)peer;
	ck_assert_int_eq(kind, REQUEST_TRANSACTIONS);
	ck_assert_uint_eq(key, 0);
	ck_assert_int_eq(message->type, WIRE_GET_PENDING_TRANSACTIONS);
	asked++;
	return true;
}

void __wrap_peer_fence(struct peer *peer)
{
	(void)peer;
}

struct chain_view *__wrap_chain_thread_take_view(struct chain_thread *thread)
{
	(void)thread;
	return chain_store_view(chain);
}

void __wrap_consensus_conflict(struct consensus *consensus, const struct wire_hash *txid,
			       const struct wire_outpoint *outpoint)
{
	ck_assert_ptr_eq(consensus, (struct consensus *)(void *)&node);
	(void)outpoint;
	at_odds = *txid;
	conflicts++;
}

void __wrap_consensus_pool_events(struct consensus *consensus, const struct pool_events *told)
{
	ck_assert_ptr_eq(consensus, (struct consensus *)(void *)&node);
	heard += told->first != NULL;
}

void __wrap_coins_note(struct coins *coins, const struct wire_transaction *transaction)
{
	(void)coins;
	(void)transaction;
	noted++;
}

/* ---- steps ---- */

static void setup_transactions(void)
{
	pool_setup();
	mem_budget_init(&budget, (size_t)64 << 20);
	memset(&config, 0, sizeof(config));
	config.limits.subscribed_per_peer = config.limits.subscribed = 100;
	memset(&node, 0, sizeof(node));
	node.config = &config;
	node.pool = pool;
	ck_assert_int_eq(verify_start(&node.verify, &f->params, 1), 0);
	ck_assert_int_eq(transactions_new(&node.transactions, &node), 0);
	sent_count = 0;
	violations = asked = noted = conflicts = heard = 0;
	peer_refs = 0;
	ready_count = 1;
}

static void teardown_transactions(void)
{
	transactions_peer_gone(node.transactions, PEER(1));
	transactions_free(node.transactions);
	verify_stop(node.verify);
	pool_teardown();
	ck_assert_int_eq(peer_refs, 0);
}

/* PEER(0): ourselves. */
static int submit(const struct wire_transaction *tx, int peer)
{
	struct wire_hash txid = txid_of(tx);

	return transactions_submit(node.transactions, &said, tx, &txid, peer ? PEER(peer) : NULL);
}

/* Tells what the last steps of the pool were, and the new tip. */
static void tell(void)
{
	transactions_tell(node.transactions, &events, NULL);
	transactions_tip(node.transactions, &events);
	pool_events_free(&events);
	pool_events_init(&events);
}

static void expect_sent(size_t index, enum wire_type type, const struct wire_transaction *tx, int except)
{
	struct wire_hash txid = txid_of(tx);

	ck_assert_uint_lt(index, sent_count);
	ck_assert_int_eq(sent[index].type, type);
	ck_assert_mem_eq(&sent[index].txid, &txid, sizeof(txid));
	ck_assert_ptr_eq(sent[index].except, except ? PEER(except) : NULL);
}

/* A notification of PEER(1). */
static void expect_told(size_t index, const struct wire_outpoint *outpoint, enum wire_utxo_state_tag tag)
{
	ck_assert_uint_lt(index, sent_count);
	ck_assert_int_eq(sent[index].type, WIRE_UTXO_STATE_NOTIFICATION);
	ck_assert_ptr_eq(sent[index].to, PEER(1));
	ck_assert_mem_eq(&sent[index].outpoint, outpoint, sizeof(*outpoint));
	ck_assert_int_eq(sent[index].tag, tag);
}

static void subscribe(const struct wire_outpoint *outpoint, const struct wire_bytes *script)
{
	struct wire_outpoint copy = outpoint ? *outpoint : (struct wire_outpoint){.vout = 0};
	struct wire_str address = {script ? (const char *)script->ptr : "", script ? script->len : 0};
	struct wire_subscribe wanted = {{"id", 2}, {&address, script != NULL}, {&copy, outpoint != NULL}};

	ck_assert_int_eq(notifier_subscribe(transactions_notifier(node.transactions), PEER(1), &wanted),
			 MESSAGE_USELESS);
}

static void break_signature(struct wire_transaction *tx)
{
	static uint8_t script[96];

	memcpy(script, tx->inputs.items[0].script_sig.ptr, sizeof(script));
	script[95] ^= 0x10;
	tx->inputs.items[0].script_sig.ptr = script;
}

/* ---- submission ---- */

START_TEST(what_comes_in_goes_out_but_to_its_sender)
{
	struct wire_transaction ours = pay(), theirs = pay();

	ck_assert_int_eq(submit(&ours, 0), 0);
	ck_assert_int_eq(submit(&theirs, 1), 0);
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, WIRE_TRANSACTION_BROADCAST, &ours, 0);
	expect_sent(1, WIRE_TRANSACTION_BROADCAST, &theirs, 1);
	ck_assert(has(&ours) && has(&theirs));
	ck_assert_int_eq(noted, 2);
	ck_assert_uint_eq(said.fee, COIN_FEE);
}
END_TEST

START_TEST(copies_are_known)
{
	struct wire_transaction tx = pay();

	ck_assert_int_eq(submit(&tx, 1), 0);
	ck_assert_int_eq(submit(&tx, 1), POOL_E_KNOWN);
	ck_assert_int_eq(submit(&tx, 2), POOL_E_KNOWN);
	ck_assert_int_eq(submit(&tx, 0), POOL_E_KNOWN);
	ck_assert_uint_eq(sent_count, 1);
	ck_assert_int_eq(violations, 0);
}
END_TEST

/* Each copy counts: it is not remembered as seen. */
START_TEST(bad_signature_blames_its_sender)
{
	struct wire_transaction tx = pay();
	struct wire_hash txid;

	break_signature(&tx);
	txid = txid_of(&tx);
	ck_assert_int_eq(submit(&tx, 1), POOL_E_RULE);
	ck_assert_int_eq(said.fault.error, CHAIN_E_SIGNATURE);
	ck_assert_int_eq(violations, 1);
	ck_assert_str_eq(violation, said.fault.text);
	ck_assert_int_eq(submit(&tx, 1), POOL_E_RULE);
	ck_assert_int_eq(violations, 2);
	ck_assert_int_eq(submit(&tx, 0), POOL_E_RULE);
	ck_assert_int_eq(violations, 2);
	ck_assert(!verify_is_known(node.verify, &txid));
	ck_assert_uint_eq(sent_count, 0);
	expect_count(0);
}
END_TEST

/* Nobody may have one kept out of the pool, or blame put on others, by sending a bad one that waits or conflicts. */
START_TEST(bad_signatures_neither_wait_nor_conflict)
{
	struct wire_transaction first = pay(), orphan, second;
	struct fixture_coin coin = output_of(&first, 0);

	orphan = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	second = fixture_pay(f, &coin, 1, 3, COIN_FEE);
	break_signature(&orphan);
	ck_assert_int_eq(submit(&orphan, 1), POOL_E_RULE);
	ck_assert_uint_eq(summary().orphans, 0);
	ck_assert_int_eq(submit(&first, 1), 0);
	ck_assert_int_eq(submit(&second, 1), 0);
	ck_assert_int_eq(submit(&orphan, 1), POOL_E_RULE);
	ck_assert_int_eq(violations, 2);
}
END_TEST

START_TEST(only_what_is_wrong_for_ever_is_blamed)
{
	struct wire_transaction cheap = pay_fee(1), root = pay(), child = spend(&root, 0);
	struct wire_transaction coinbase = {.version = 1};

	ck_assert_int_eq(submit(&cheap, 1), POOL_E_FEE);
	ck_assert_int_eq(submit(&child, 1), POOL_E_ORPHAN);
	ck_assert_int_eq(violations, 0);
	ck_assert_int_eq(submit(&coinbase, 1), POOL_E_COINBASE);
	ck_assert_int_eq(violations, 1);
}
END_TEST

/* What was refused for now is looked at again. */
START_TEST(refusals_are_not_remembered)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction one = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				two = fixture_pay(f, &coin, 1, 2, COIN_FEE);

	ck_assert_int_eq(submit(&one, 1), 0);
	ck_assert_int_eq(submit(&two, 1), POOL_E_CONFLICT);
	ck_assert_int_eq(reject(&one), 0);
	ck_assert_int_eq(submit(&two, 1), 0);
}
END_TEST

/* Who votes hears of every second spender, if it is signed, and of all that happens in the pool. */
START_TEST(voters_hear_of_conflicts)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction one = fixture_pay(f, &coin, 1, 1, COIN_FEE),
				two = fixture_pay(f, &coin, 1, 2, COIN_FEE);
	struct wire_hash txid = txid_of(&two);

	node.consensus = (struct consensus *)(void *)&node;
	ck_assert_int_eq(submit(&one, 1), 0);
	ck_assert_int_eq(heard, 1);
	ck_assert_int_eq(submit(&two, 1), POOL_E_CONFLICT);
	ck_assert_int_eq(conflicts, 1);
	ck_assert_mem_eq(&at_odds, &txid, sizeof(txid));
	break_signature(&two);
	ck_assert_int_eq(submit(&two, 1), POOL_E_RULE);
	ck_assert_int_eq(conflicts, 1);
}
END_TEST

/* The parent came from one peer; its children came from others, and are sent to the first one as well. */
START_TEST(adopted_orphans_go_to_everybody)
{
	struct wire_transaction root = pay(), child = spend(&root, 0);

	ck_assert_int_eq(submit(&child, 2), POOL_E_ORPHAN);
	ck_assert_int_eq(submit(&root, 1), 0);
	ck_assert_uint_eq(sent_count, 2);
	expect_sent(0, WIRE_TRANSACTION_BROADCAST, &root, 1);
	expect_sent(1, WIRE_TRANSACTION_BROADCAST, &child, 0);
}
END_TEST

/* A block that holds it need not verify it again. */
START_TEST(signatures_are_verified_once)
{
	struct wire_transaction tx = pay(), tried = pay();
	struct wire_hash txid = txid_of(&tx);

	ck_assert(!verify_is_known(node.verify, &txid));
	ck_assert_int_eq(submit(&tx, 1), 0);
	ck_assert(verify_is_known(node.verify, &txid));
	txid = txid_of(&tried);
	ck_assert_int_eq(transactions_try(node.transactions, &said, &tried, &txid), 0);
	break_signature(&tried);
	txid = txid_of(&tried);
	ck_assert_int_eq(transactions_try(node.transactions, &said, &tried, &txid), POOL_E_RULE);
	expect_count(1);
	ck_assert_uint_eq(sent_count, 1);
}
END_TEST

/* ---- telling ---- */

START_TEST(finality_and_rejection_are_told)
{
	struct wire_transaction one = pay(), two = pay(), child = spend(&two, 0);

	must_insert(&one);
	must_insert(&two);
	must_insert(&child);
	tell();
	sent_count = 0;
	must_finalize(&one);
	ck_assert_int_eq(reject(&two), 0);
	tell();
	ck_assert_uint_eq(sent_count, 3);
	expect_sent(0, WIRE_TRANSACTION_FINALIZED, &one, 0);
	ck_assert_int_eq(sent[1].type, WIRE_TRANSACTION_REJECTED);
	ck_assert_int_eq(sent[2].type, WIRE_TRANSACTION_REJECTED);
}
END_TEST

START_TEST(new_peers_are_asked_while_there_are_few)
{
	transactions_greet(node.transactions, PEER(1));
	ck_assert_int_eq(asked, 1);
	transactions_ask(node.transactions, PEER(1));
	ck_assert_int_eq(asked, 1);
	ready_count = 4;
	transactions_greet(node.transactions, PEER(2));
	ck_assert_int_eq(asked, 1);
	transactions_ask(node.transactions, PEER(2));
	ck_assert_int_eq(asked, 2);
}
END_TEST

/* ---- subscribers ---- */

START_TEST(fate_of_an_output_is_told)
{
	struct wire_transaction tx = pay();
	struct wire_outpoint spent = tx.inputs.items[0].previous_output, made = {txid_of(&tx), 0};

	subscribe(&spent, &tx.outputs.items[0].script_pubkey);
	must_insert(&tx);
	tell();
	ck_assert_uint_eq(sent_count, 2);
	expect_told(1, &spent, WIRE_UTXO_SPENT_PENDING);
	must_finalize(&tx);
	tell();
	ck_assert_uint_eq(sent_count, 5);
	expect_told(3, &spent, WIRE_UTXO_SPENT_FINALIZED);
	expect_told(4, &made, WIRE_UTXO_UNSPENT);
	mine_one(&tx);
	tell();
	ck_assert_uint_eq(sent_count, 6);
	expect_told(5, &spent, WIRE_UTXO_CONFIRMED);
}
END_TEST

/* By the address of what is spent, which only the pool knows. */
START_TEST(owner_of_what_is_spent_is_told)
{
	struct fixture_coin coin = take_coin();
	struct wire_transaction tx = fixture_pay(f, &coin, 1, 3, COIN_FEE), next = spend(&tx, 0);
	struct wire_outpoint spent = next.inputs.items[0].previous_output;

	subscribe(NULL, &tx.outputs.items[0].script_pubkey);
	must_insert(&tx);
	must_insert(&next);
	tell();
	ck_assert_uint_eq(sent_count, 3);
	expect_told(2, &spent, WIRE_UTXO_SPENT_PENDING);
	ck_assert_int_eq(reject(&next), 0);
	tell();
	/* What a pending transaction made is not there: nothing to say beside the rejection. */
	ck_assert_uint_eq(sent_count, 4);
	mine_one(&tx);
	tell();
	ck_assert_uint_eq(sent_count, 5);
	expect_told(4, &spent, WIRE_UTXO_UNSPENT);
}
END_TEST

START_TEST(freed_output_is_unspent_again)
{
	struct wire_transaction tx = pay();
	struct wire_outpoint spent = tx.inputs.items[0].previous_output;

	subscribe(&spent, NULL);
	must_insert(&tx);
	ck_assert_int_eq(reject(&tx), 0);
	tell();
	ck_assert_uint_eq(sent_count, 4);
	expect_told(1, &spent, WIRE_UTXO_SPENT_PENDING);
	ck_assert_int_eq(sent[2].type, WIRE_TRANSACTION_REJECTED);
	expect_told(3, &spent, WIRE_UTXO_UNSPENT);
}
END_TEST

/* In a block without having been in the pool; and a reward. */
START_TEST(blocks_alone_are_told_once)
{
	struct wire_transaction tx = pay();
	struct wire_outpoint spent = tx.inputs.items[0].previous_output, made = {txid_of(&tx), 0};

	subscribe(&spent, &tx.outputs.items[0].script_pubkey);
	mine_one(&tx);
	tell();
	transactions_tip(node.transactions, &events);
	ck_assert_uint_ge(sent_count, 2);
	for (size_t i = 0; i < sent_count; i++) {
		if (sent[i].tag == WIRE_UTXO_CONFIRMED)
			expect_told(i, &spent, WIRE_UTXO_CONFIRMED);
		else if (memcmp(&sent[i].outpoint, &made, sizeof(made)) == 0)
			expect_told(i, &made, WIRE_UTXO_UNSPENT);
		for (size_t k = 0; k < i; k++)
			ck_assert_mem_ne(&sent[i].outpoint, &sent[k].outpoint, sizeof(made));
	}
}
END_TEST

/* Two new blocks on a branch after the old one: those of the branch are told, what they share is not told again. */
START_TEST(blocks_of_a_reorganisation_are_told)
{
	const struct fixture_block *fork = tip, *side;
	struct wire_transaction one = pay(), two = pay();
	struct wire_outpoint first = one.inputs.items[0].previous_output, second = two.inputs.items[0].previous_output;

	subscribe(&second, NULL);
	mine_one(&one);
	tell();
	ck_assert_uint_eq(sent_count, 0);
	side = fixture_block(f, fork, &two, 1, 1);
	side = fixture_extend(f, side, 1, 1);
	reorganise_pool(fork, side);
	tell();
	ck_assert_uint_eq(sent_count, 1);
	expect_told(0, &second, WIRE_UTXO_CONFIRMED);
	ck_assert(has(&one));
	(void)first;
}
END_TEST

/* Two blocks come at once; then another branch parts after the first, which is not told again. */
START_TEST(blocks_that_stay_are_told_once)
{
	struct wire_transaction tx = pay();
	struct wire_outpoint spent = tx.inputs.items[0].previous_output;
	const struct fixture_block *fork, *side;

	subscribe(&spent, NULL);
	fork = fixture_block(f, tip, &tx, 1, 0);
	tip = fixture_extend(f, fork, 1, 0);
	must_connect_up_to(tip);
	must_update();
	tell();
	ck_assert_uint_eq(sent_count, 1);
	expect_told(0, &spent, WIRE_UTXO_CONFIRMED);
	side = fixture_extend(f, fork, 2, 1);
	reorganise_pool(fork, side);
	tell();
	ck_assert_uint_eq(sent_count, 1);
}
END_TEST

START_TEST(gone_peer_is_told_nothing)
{
	struct wire_transaction tx = pay();
	struct wire_outpoint spent = tx.inputs.items[0].previous_output;

	subscribe(&spent, NULL);
	ck_assert_int_eq(peer_refs, 1);
	transactions_peer_gone(node.transactions, PEER(1));
	ck_assert_int_eq(peer_refs, 0);
	must_insert(&tx);
	tell();
	ck_assert_uint_eq(sent_count, 1);
	ck_assert_int_eq(sent[0].type, WIRE_TRANSACTION_BROADCAST);
}
END_TEST

/* A peer's word that an output is being spent warns; the rest, and what we know better, does not. */
START_TEST(claims_only_warn)
{
	struct wire_transaction tx = pay(), other = pay();
	struct wire_outpoint unspent = other.inputs.items[0].previous_output;
	struct wire_outpoint spent = tx.inputs.items[0].previous_output, unknown = {.vout = 9};
	struct notifier *n = transactions_notifier(node.transactions);
	struct wire_utxo_state state = {.tag = WIRE_UTXO_SPENT_FINALIZED};
	struct wire_outpoint outpoints[] = {unspent, spent, unknown};
	struct wire_subscribe wanted = {{"id", 2}, {NULL, 0}, {outpoints, 3}};

	ck_assert_int_eq(notifier_subscribe(n, PEER(1), &wanted), MESSAGE_USELESS);
	must_insert(&tx);
	tell();
	sent_count = 0;
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(notifier_claim(n, PEER(2), &outpoints[i], &state), MESSAGE_USELESS);
	ck_assert_uint_eq(sent_count, 0);
	state.tag = WIRE_UTXO_SPENT_PENDING;
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(notifier_claim(n, PEER(2), &outpoints[i], &state), MESSAGE_USELESS);
	ck_assert_uint_eq(sent_count, 1);
	expect_told(0, &unspent, WIRE_UTXO_SPENT_PENDING);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("transactions");
	TCase *c = tcase_create("transactions");

	tcase_add_checked_fixture(c, setup_transactions, teardown_transactions);
	tcase_add_test(c, what_comes_in_goes_out_but_to_its_sender);
	tcase_add_test(c, copies_are_known);
	tcase_add_test(c, bad_signature_blames_its_sender);
	tcase_add_test(c, bad_signatures_neither_wait_nor_conflict);
	tcase_add_test(c, only_what_is_wrong_for_ever_is_blamed);
	tcase_add_test(c, refusals_are_not_remembered);
	tcase_add_test(c, voters_hear_of_conflicts);
	tcase_add_test(c, adopted_orphans_go_to_everybody);
	tcase_add_test(c, signatures_are_verified_once);
	tcase_add_test(c, finality_and_rejection_are_told);
	tcase_add_test(c, new_peers_are_asked_while_there_are_few);
	tcase_add_test(c, fate_of_an_output_is_told);
	tcase_add_test(c, owner_of_what_is_spent_is_told);
	tcase_add_test(c, freed_output_is_unspent_again);
	tcase_add_test(c, blocks_alone_are_told_once);
	tcase_add_test(c, blocks_of_a_reorganisation_are_told);
	tcase_add_test(c, blocks_that_stay_are_told_once);
	tcase_add_test(c, gone_peer_is_told_nothing);
	tcase_add_test(c, claims_only_warn);
	suite_add_tcase(s, c);
	return run_suite(s);
}
