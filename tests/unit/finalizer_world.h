/* SPDX-License-Identifier: MIT
 *
 * What is around the finalizer in its tests (finalizer_fixture.h): the linker puts the functions below in the place of
 * those that send, sign and tell, so that a test sees what leaves and when.
 */
#ifndef TIMED_TESTS_FINALIZER_WORLD_H
#define TIMED_TESTS_FINALIZER_WORLD_H

#include <errno.h>

#include <sodium.h>

#include "finalizer.h"
#include "node_impl.h"
#include "pool_fixture.h"
#include "stub_peers.h"
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

static inline void note_sent(const struct frame *frame, enum send_class class, const struct peer *to,
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

void __wrap_wallet_sign(struct wallet *wallet, struct wire_sig *out, const void *message, size_t len)
{
	(void)wallet;
	ck_assert_int_eq(crypto_sign_detached(out->bytes, NULL, message, len, f->owners[own].secret), 0);
}

/* What happens in the pool waits here, until a test lets the finalizer hear of it. */
static struct pool_event waiting[MOST];
static size_t waiting_count, told_count;

static inline void take_events(const struct pool_events *from)
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

#endif
