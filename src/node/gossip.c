/* SPDX-License-Identifier: MIT
 *
 * Announced blocks; see gossip.h.  A block goes: worker (form) -> verify pool (signatures) -> chain thread (the rest)
 * -> everybody who lacks it.
 *
 * Where blocks need certificates, one without waits for it.  One that has a certificate is verified at once, whatever
 * its place: it may contradict ours (halt.h), and nobody but the validators can make us work much.
 */
#include "gossip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "halt.h"
#include "node_impl.h"
#include "syncer.h"
#include "timed/net/frame.h"
#include "timed/net/message_arena.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/certificate.h"
#include "timeproto/chain/hash.h"
#include "verify.h"

/* Hashes of blocks that were looked at lately. */
#define SEEN_HASHES 512
/* A block this far above the tip does not wait: the blocks below it have to be asked for anyway. */
#define EARLY_HEIGHTS 100

/* A block on its way, or waiting for its parent or its certificate. */
struct announced {
	struct gossip *gossip;
	struct peer *peer; /* who sent it; counted */
	struct message_arena *memory;
	bool needs_commit, verified;
	struct wire_commit commit; /* when it came by itself, with the next two */
	struct peer *commit_peer;  /* counted */
	struct message_arena *commit_memory;
	struct wire_block *block; /* in memory, as its ids */
	struct block_ids ids;
	size_t bytes; /* reserved of the bound */
	struct verify_job verify;
	struct chain_job chain;
	struct announced *next; /* in the list of those that wait */
};

struct gossip {
	struct node *node;
	size_t bound_bytes;
	uint64_t caught_up; /* chain thread: height that was shown to peers below it */

	struct mutex lock; /* guards what follows; leaf */
	struct announced *waiting;
	size_t held_bytes;
	struct wire_hash seen[SEEN_HASHES]; /* a ring */
	size_t seen_next;
};

static bool is_seen_locked(const struct gossip *g, const struct wire_hash *hash)
{
	for (size_t i = 0; i < SEEN_HASHES; i++) {
		if (hash_equal(&g->seen[i], hash))
			return true;
	}
	return false;
}

/* True: nobody else has it in hand. */
static bool claim(struct gossip *g, const struct wire_hash *hash)
{
	bool seen;

	mutex_lock(&g->lock);
	seen = is_seen_locked(g, hash);
	if (!seen) {
		g->seen[g->seen_next] = *hash;
		g->seen_next = (g->seen_next + 1) % SEEN_HASHES;
	}
	mutex_unlock(&g->lock);
	return !seen;
}

/* The block may be looked at again: it has not been judged. */
static void unclaim(struct gossip *g, const struct wire_hash *hash)
{
	mutex_lock(&g->lock);
	for (size_t i = 0; i < SEEN_HASHES; i++) {
		if (hash_equal(&g->seen[i], hash))
			memset(&g->seen[i], 0, sizeof(g->seen[i]));
	}
	mutex_unlock(&g->lock);
}

static void announced_free(struct announced *a)
{
	if (!a)
		return;
	mutex_lock(&a->gossip->lock);
	a->gossip->held_bytes -= a->bytes;
	mutex_unlock(&a->gossip->lock);
	peer_unref(a->peer);
	message_arena_unref(a->memory);
	peer_unref(a->commit_peer);
	message_arena_unref(a->commit_memory);
	free(a);
}

/* It lacks what it needs. */
static bool is_bare(const struct announced *a)
{
	return a->needs_commit && !a->block->commit;
}

static void add_waiting(struct announced *a)
{
	mutex_lock(&a->gossip->lock);
	a->next = a->gossip->waiting;
	a->gossip->waiting = a;
	mutex_unlock(&a->gossip->lock);
}

/* The block that waits for its certificate; NULL: none does. */
static struct announced *take_bare(struct gossip *g, const struct wire_hash *hash)
{
	struct announced **link = &g->waiting, *found;

	mutex_lock(&g->lock);
	while (*link && !(is_bare(*link) && hash_equal(&(*link)->ids.hash, hash)))
		link = &(*link)->next;
	found = *link;
	if (found)
		*link = found->next;
	mutex_unlock(&g->lock);
	return found;
}

static bool continues(const struct wire_block_header *h, const struct chain_point *tip)
{
	return h->height == tip->height + 1 && hash_equal(&h->previous_hash, &tip->hash);
}

/* Whether what waits gives way to a block: it lies higher; or it lies beside it, and anybody could have made it, when it
 * lacks the certificate that the block shows (a wrong one costs its sender a violation), or does not continue the tip,
 * as the block does. */
static bool gives_way(const struct announced *waiting, const struct wire_block_header *header, bool has_commit,
		      const struct chain_point *tip)
{
	const struct wire_block_header *h = &waiting->block->header;

	if (h->height != header->height)
		return h->height > header->height;
	return (has_commit && is_bare(waiting)) || (continues(header, tip) && !continues(h, tip));
}

/* Reserves room of the bound for a block, or for what came to it.  What waits gives way, the highest first. */
static bool reserve(struct gossip *g, size_t bytes, const struct wire_block_header *header, bool has_commit)
{
	struct chain_summary now;

	node_chain_summary(g->node, &now);
	for (;;) {
		struct announced **highest = NULL, *out = NULL;

		mutex_lock(&g->lock);
		if (bytes <= g->bound_bytes && g->held_bytes <= g->bound_bytes - bytes) {
			g->held_bytes += bytes;
			mutex_unlock(&g->lock);
			return true;
		}
		for (struct announced **link = &g->waiting; *link; link = &(*link)->next) {
			if (gives_way(*link, header, has_commit, &now.tip) &&
			    (!highest || (*link)->block->header.height > (*highest)->block->header.height))
				highest = link;
		}
		if (highest) {
			out = *highest;
			*highest = out->next;
		}
		mutex_unlock(&g->lock);
		if (!out)
			return false;
		unclaim(g, &out->ids.hash);
		announced_free(out);
	}
}

/* The message's block, with its memory, as something that can wait.  NULL: no room. */
static struct announced *announced_new(struct gossip *g, struct peer *peer, const struct wire_block *block)
{
	struct message_arena *memory = peer_keep_arena(peer);
	struct announced *a = memory ? calloc(1, sizeof(*a)) : NULL;
	size_t bytes;

	if (!a) {
		message_arena_unref(memory);
		return NULL;
	}
	a->gossip = g;
	a->peer = peer_ref(peer);
	a->memory = memory;
	bytes = memory->arena.reserved;
	if (reserve(g, bytes, &block->header, block->commit != NULL)) {
		a->bytes = bytes;
		a->block = arena_alloc(&memory->arena, sizeof(*a->block));
	}
	if (a->block) {
		*a->block = *block;
		a->needs_commit = block_needs_certificate(&g->node->chain_params, block->header.height);
		if (!a->needs_commit)
			a->block->commit = NULL; /* means nothing, and is not passed on */
		if (block_identify(&a->ids, &memory->arena, a->block) == 0)
			return a;
	}
	announced_free(a);
	return NULL;
}

static void refuse(struct announced *a, struct peer *sender, const struct chain_fault *fault)
{
	char text[HASH_TEXT_SIZE];

	log_limited(peer_log_limit(sender), LOG_CHAIN, LOG_LEVEL_WARN,
		    "🚫 Refused block %" PRIu64 " (%s) from %s: %s: %s", a->block->header.height,
		    hash_text(text, &a->ids.hash), peer_ip_text(sender), chain_error_name((int)fault->error),
		    fault->text);
	/* Of the future it may be valid in a while, and the other two may be the tip's movement. */
	if (fault->error == CHAIN_E_TIME_AHEAD || fault->error == CHAIN_E_HEIGHT || fault->error == CHAIN_E_PREVIOUS)
		unclaim(a->gossip, &a->ids.hash);
	else
		peer_violation(sender, fault->text);
}

static void chain_done(struct chain_job *job)
{
	struct announced *a = (struct announced *)((char *)job - offsetof(struct announced, chain));
	uint64_t height = a->block->header.height;
	size_t count;

	if (job->error == CHAIN_STORE_E_RULE) {
		if (!halt_if_conflicting(a->gossip->node, height, &a->ids.hash))
			refuse(a, a->peer, &job->fault);
	} else if (job->error) {
		unclaim(a->gossip, &a->ids.hash);
	} else if (job->connected > job->known) {
		log_info(LOG_CHAIN, "✅ Added block %" PRIu64 " from %s", height, peer_ip_text(a->peer));
		count = gossip_relay(a->gossip, a->block, &a->ids.hash, a->peer);
		if (count > 0)
			log_info(LOG_CHAIN, "🔄 Gossiped block %" PRIu64 " to %zu other peer(s)", height, count);
	}
	announced_free(a);
}

/* Its form and signatures are right. */
static void push(struct announced *a)
{
	a->chain = (struct chain_job){
		.kind = CHAIN_CONNECT, .blocks = a->block, .ids = &a->ids, .count = 1, .done = chain_done};
	chain_thread_push(a->gossip->node->chain, &a->chain);
}

static void wait_for_parent(struct announced *a);

/* The certificate is worth nothing: another one may be right. */
static void refuse_commit(struct announced *a, const struct chain_fault *fault)
{
	refuse(a, a->commit_peer ? a->commit_peer : a->peer, fault);
	if (!a->commit_peer) {
		unclaim(a->gossip, &a->ids.hash);
		announced_free(a);
		return;
	}
	a->block->commit = NULL;
	peer_unref(a->commit_peer);
	message_arena_unref(a->commit_memory);
	a->commit_peer = NULL;
	a->commit_memory = NULL;
	wait_for_parent(a);
}

static void verified(struct verify_job *job)
{
	struct announced *a = (struct announced *)((char *)job - offsetof(struct announced, verify));

	a->verified = !job->error;
	if (job->error == CHAIN_E_CERTIFICATE) {
		refuse_commit(a, &job->fault);
	} else if (job->error) {
		if (job->error > 0)
			refuse(a, a->peer, &job->fault);
		announced_free(a);
	} else if (a->needs_commit) {
		syncer_certified(a->gossip->node->syncer, a->block->header.height, &a->ids.hash);
		wait_for_parent(a);
	} else {
		push(a);
	}
}

/* The block continues the tip, or has a certificate. */
static void submit(struct announced *a)
{
	a->verify = (struct verify_job){.blocks = a->block, .ids = &a->ids, .count = 1, .done = verified};
	verify_submit(a->gossip->node->verify, &a->verify);
}

/* Takes out those that continue `tip`; those that lie no higher are dropped. */
static struct announced *take_children(struct gossip *g, const struct chain_point *tip)
{
	struct announced *children = NULL, *old = NULL, **link = &g->waiting;

	mutex_lock(&g->lock);
	while (*link) {
		struct announced *a = *link;
		bool child = !is_bare(a) && hash_equal(&a->block->header.previous_hash, &tip->hash);

		if (!child && a->block->header.height > tip->height) {
			link = &a->next;
			continue;
		}
		*link = a->next;
		a->next = child ? children : old;
		*(child ? &children : &old) = a;
	}
	mutex_unlock(&g->lock);
	while (old) {
		struct announced *next = old->next;

		if (old->verified && old->needs_commit)
			(void)halt_if_conflicting(g->node, old->block->header.height, &old->ids.hash);
		unclaim(g, &old->ids.hash);
		announced_free(old);
		old = next;
	}
	return children;
}

void gossip_tip(struct gossip *g, const struct chain_point *tip)
{
	struct announced *a = take_children(g, tip);

	while (a) {
		struct announced *next = a->next;

		if (a->verified)
			push(a);
		else
			submit(a);
		a = next;
	}
}

static void wait_for_parent(struct announced *a)
{
	struct gossip *g = a->gossip;
	struct chain_summary now;

	add_waiting(a);
	/* The tip may have come while we looked. */
	node_chain_summary(g->node, &now);
	gossip_tip(g, &now.tip);
}

/* Whether an announced block is to be looked at: it lies above the tip, or has a certificate that may contradict ours.
 */
static bool is_wanted(const struct announced *a, const struct chain_point *tip)
{
	uint64_t height = a->block->header.height;
	struct wire_hash ours;
	bool known;

	if (height <= tip->height) {
		struct chain_view *view;

		if (!a->needs_commit || is_bare(a))
			return false;
		view = node_chain_view(a->gossip->node);
		known = chain_view_hash(view, &ours, height) || hash_equal(&ours, &a->ids.hash);
		chain_view_unref(view);
		return !known && claim(a->gossip, &a->ids.hash);
	}
	/* While our chain is not certified, any certificate tells where it has to lead. */
	if (height - tip->height > EARLY_HEIGHTS &&
	    (!a->needs_commit || is_bare(a) || block_needs_certificate(&a->gossip->node->chain_params, tip->height)))
		return false;
	if (claim(a->gossip, &a->ids.hash))
		return true;
	/* Seen, but it brings the certificate that the other copy waits for. */
	if (a->needs_commit && !is_bare(a)) {
		struct announced *bare = take_bare(a->gossip, &a->ids.hash);

		announced_free(bare);
		return bare != NULL;
	}
	return false;
}

enum message_verdict gossip_announced(struct gossip *g, struct peer *peer, const struct wire_block *block)
{
	const struct wire_block_header *h = &block->header;
	struct announced *a;
	struct chain_summary now;
	struct chain_fault fault;
	struct wire_hash hash;
	struct arena scratch;
	bool is_next;
	int r;

	/* Also where there is no room for the block: it is asked for in its time. */
	hash_block(&hash, h);
	syncer_announced(g->node->syncer, peer, h, &hash);
	a = announced_new(g, peer, block);
	if (!a)
		return MESSAGE_USELESS;
	node_chain_summary(g->node, &now);
	is_next = !a->needs_commit && continues(h, &now.tip);
	if (!is_wanted(a, &now.tip)) {
		announced_free(a);
		return MESSAGE_USELESS;
	}
	log_limited(peer_log_limit(peer), LOG_CHAIN, LOG_LEVEL_INFO,
		    "📥 Received block %" PRIu64 " announcement from %s", h->height, peer_ip_text(peer));
	arena_init(&scratch, CHAIN_MAX_BLOCK_BYTES, NULL);
	r = block_check_form(&fault, &scratch, a->block, &a->ids);
	arena_free(&scratch);
	/* One of the future may be valid in a while, so it is nobody's fault: it must cost us no more than a look. */
	if (!r && is_next)
		r = block_check_place(&fault, h, &now.tip, clock_real_s());
	if (r) {
		/* Another body may fit the same header. */
		unclaim(g, &a->ids.hash);
		if (r > 0)
			refuse(a, peer, &fault);
		announced_free(a);
		return MESSAGE_USELESS;
	}
	if (is_next || (a->needs_commit && !is_bare(a))) {
		submit(a);
		return MESSAGE_USEFUL;
	}
	wait_for_parent(a);
	return MESSAGE_USELESS; /* it may never continue our chain: limited, though it is kept */
}

enum message_verdict gossip_commit(struct gossip *g, struct peer *peer, const struct wire_block_commit *message)
{
	struct certificate_fault fault;
	struct wire_commit commit;
	struct announced *a;
	size_t bytes;

	if (certificate_of_message(&commit, &fault, message))
		return MESSAGE_USELESS;
	a = take_bare(g, &message->block_hash);
	if (!a)
		return MESSAGE_USELESS;
	a->commit_memory = peer_keep_arena(peer);
	bytes = a->commit_memory ? a->commit_memory->arena.reserved : 0;
	if (!a->commit_memory || !reserve(g, bytes, &a->block->header, true)) {
		unclaim(g, &a->ids.hash);
		announced_free(a);
		return MESSAGE_USELESS;
	}
	a->bytes += bytes;
	a->commit = commit;
	a->commit_peer = peer_ref(peer);
	a->block->commit = &a->commit;
	submit(a);
	return MESSAGE_USEFUL;
}

struct relay {
	struct frame *frame;
	const struct wire_hash *hash;
	uint64_t below; /* to peers only that lie lower; UINT64_MAX: to all */
	const struct peer *except;
	bool existing; /* only to nodes that are none of ours */
	size_t count;
};

static void relay_to(struct peer *peer, void *user)
{
	struct relay *relay = user;

	if (peer == relay->except || (relay->existing && peer_has_version(peer)) || peer_best_is(peer, relay->hash) ||
	    !peer_is_below(peer, relay->below))
		return;
	relay->count += peer_send(peer, relay->frame, SEND_GOSSIP);
}

static size_t relay_block(struct gossip *g, const struct wire_block *block, struct relay *relay)
{
	struct wire_message m = {.type = WIRE_BLOCK_ANNOUNCEMENT, .u.block_announcement = *block};

	if (frame_encode(&relay->frame, net_budget(g->node->net), &m))
		return 0;
	net_each_peer(g->node->net, relay_to, relay);
	frame_unref(relay->frame);
	return relay->count;
}

size_t gossip_relay(struct gossip *g, const struct wire_block *block, const struct wire_hash *hash,
		    const struct peer *except)
{
	struct relay relay = {.hash = hash, .below = UINT64_MAX, .except = except};

	return relay_block(g, block, &relay);
}

size_t gossip_relay_existing(struct gossip *g, const struct wire_block *block, const struct wire_hash *hash)
{
	struct relay relay = {.hash = hash, .below = UINT64_MAX, .existing = true};

	return relay_block(g, block, &relay);
}

void gossip_catch_up(struct gossip *g)
{
	struct chain_view *view = chain_thread_take_view(g->node->chain);
	const struct chain_point *tip = &chain_view_summary(view)->tip;
	struct relay relay = {.hash = &tip->hash, .below = tip->height};
	struct wire_block block;
	struct arena arena;

	arena_init(&arena, 16 * CHAIN_MAX_BLOCK_BYTES, NULL);
	if (tip->height > g->caught_up && chain_view_block(view, &block, &arena, tip->height) == 0) {
		g->caught_up = tip->height;
		(void)relay_block(g, &block, &relay);
	}
	arena_free(&arena);
	chain_view_unref(view);
}

int gossip_new(struct gossip **out, struct node *node, size_t bound_bytes)
{
	struct gossip *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->node = node;
	g->bound_bytes = bound_bytes;
	mutex_init(&g->lock, "gossip", MUTEX_RANK_LEAF);
	*out = g;
	return 0;
}

void gossip_free(struct gossip *g)
{
	if (!g)
		return;
	while (g->waiting) {
		struct announced *a = g->waiting;

		g->waiting = a->next;
		announced_free(a);
	}
	CHECK(g->held_bytes == 0);
	mutex_destroy(&g->lock);
	free(g);
}
