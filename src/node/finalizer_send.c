// SPDX-License-Identifier: MIT
/* What of the votes on transactions leaves, and what the pool is told: see finalizer.h. */
#include "finalizer_impl.h"
#include "node_impl.h"
#include "timed/net/frame.h"
#include "timed/node/pool_query.h"
#include "timed/node/transactions.h"
#include "timed/util/clock.h"
#include "timed/util/probe.h"

void finalizer_wire_vote(const struct finalizer *f, struct wire_transaction_vote *out, const struct finality_vote *vote)
{
	CHECK(vote->voter < f->voters.count);
	*out = (struct wire_transaction_vote){.txid = vote->txid,
					      .voter = f->voters.addresses[vote->voter],
					      .approve = vote->approve,
					      .timestamp = vote->timestamp,
					      .signature = vote->signature};
}

/* NULL: out of memory. */
static struct frame *encode(const struct finalizer *f, const struct finality_vote *vote)
{
	struct wire_message message = {.type = WIRE_TRANSACTION_VOTE};
	struct frame *frame;

	finalizer_wire_vote(f, &message.u.transaction_vote, vote);
	return frame_encode(&frame, net_budget(f->node->net), &message) ? NULL : frame;
}

static void probe(const struct finality_vote *vote, struct peer *to)
{
	PROBE_VOTE_SENT(to ? peer_ip_text(to) : "", vote->approve ? "approve" : "reject", 0, 0, vote->txid.bytes);
}

void finalizer_queue_vote(struct finalizer *f, const struct finality_vote *vote, enum send_class class,
			  struct peer *except)
{
	struct frame *frame = FINALIZER_GROW(&f->frames) ? encode(f, vote) : NULL;

	if (!frame)
		return;
	probe(vote, NULL);
	f->frames.items[f->frames.list.count++] =
		(struct finalizer_frame){.frame = frame, .class = class, .except = except ? peer_ref(except) : NULL};
}

static void queue_request(struct finalizer *f, struct peer *peer, const struct wire_hash *txid)
{
	struct finalizer_request request = {.peer = peer, .all = !txid};

	if (!FINALIZER_GROW(&f->requests))
		return;
	if (txid)
		request.txid = *txid;
	peer_ref(peer);
	f->requests.items[f->requests.list.count++] = request;
}

void finalizer_on_request(struct finalizer *f, const struct wire_hash *txid, struct peer *peer)
{
	queue_request(f, peer, txid);
}

void finalizer_on_ready(struct finalizer *f, struct peer *peer)
{
	queue_request(f, peer, NULL);
}

/* To one peer, or to all. */
static void send_vote(const struct finalizer *f, const struct finality_vote *vote, struct peer *peer,
		      enum send_class class)
{
	struct frame *frame = encode(f, vote);

	if (!frame)
		return;
	probe(vote, peer);
	if (peer)
		(void)peer_send(peer, frame, class);
	else
		(void)net_broadcast(f->node->net, frame, class, NULL);
	frame_unref(frame);
}

static void send_votes_on(const struct finalizer *f, const struct wire_hash *txid, struct peer *peer,
			  enum send_class class, size_t *sent)
{
	struct finality_vote vote;

	for (size_t i = 0; finality_vote_at(f->machine, &vote, txid, i); i++, (*sent)++)
		send_vote(f, &vote, peer, class);
}

static void answer(const struct finalizer *f, const struct finalizer_request *request)
{
	struct pool_list list;
	size_t sent = 0;

	if (!request->all) {
		send_votes_on(f, &request->txid, request->peer, SEND_ANSWER, &sent);
		return;
	}
	/* Without memory, and beyond the bound, repetition does it. */
	if (pool_list(f->node->pool, &list, POOL_ALL))
		return;
	for (size_t i = 0; i < list.count && sent < FINALIZER_READY; i++)
		send_votes_on(f, &list.items[i].tx->txid, request->peer, SEND_GOSSIP, &sent);
	pool_list_free(&list);
}

static void repeat(struct finalizer *f)
{
	int64_t age_s = (f->node->config->consensus.repeat_ms + 999) / 1000;
	size_t count = finality_repeat(f->machine, f->repeated, FINALIZER_REPEAT, age_s, clock_real_s());

	for (size_t i = 0; i < count; i++)
		send_vote(f, &f->repeated[i], NULL, SEND_GOSSIP);
}

void finalizer_drop_output(struct finalizer *f)
{
	for (size_t i = 0; i < f->frames.list.count; i++) {
		frame_unref(f->frames.items[i].frame);
		peer_unref(f->frames.items[i].except);
	}
	for (size_t i = 0; i < f->requests.list.count; i++)
		peer_unref(f->requests.items[i].peer);
	f->frames.list.count = 0;
	f->requests.list.count = 0;
}

/* All that was decided in this turn, with one write to the disk. */
static int tell_pool(struct finalizer *f)
{
	struct pool *pool = f->node->pool;
	int64_t now_s = clock_real_s();
	struct pool_events events;
	char text[HASH_TEXT_SIZE];
	int r = 0;

	if (f->marks.list.count == 0 && f->rejects.list.count == 0)
		return 0;
	pool_events_init(&events);
	for (size_t i = 0; i < f->marks.list.count; i++)
		f->marks.items[i].at_s = now_s;
	/* What the pool does not have is marked when it comes: finalizer_on_event(). */
	if (f->marks.list.count > 0)
		r = pool_finalize(pool, &events, f->marks.items, f->marks.list.count);
	for (size_t i = 0; i < f->rejects.list.count && !r; i++) {
		if (pool_reject(pool, &events, &f->rejects.items[i], now_s) == POOL_E_FINALIZED)
			log_error(LOG_CONSENSUS,
				  "Transaction %s is finalized, and so many reject it that masternodes contradict "
				  "themselves; it stays finalized",
				  hash_text(text, &f->rejects.items[i]));
	}
	f->marks.list.count = 0;
	f->rejects.list.count = 0;
	if (!r)
		transactions_tell(f->node->transactions, &events, NULL);
	pool_events_free(&events);
	return r;
}

int finalizer_send(struct finalizer *f)
{
	for (size_t i = 0; i < f->frames.list.count; i++) {
		const struct finalizer_frame *out = &f->frames.items[i];

		(void)net_broadcast(f->node->net, out->frame, out->class, out->except);
	}
	for (size_t i = 0; i < f->requests.list.count; i++)
		answer(f, &f->requests.items[i]);
	finalizer_drop_output(f);
	if (f->repeat)
		repeat(f);
	f->repeat = false;
	return tell_pool(f);
}
