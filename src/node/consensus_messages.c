/* SPDX-License-Identifier: MIT
 *
 * What peers say about blocks and transactions that are being agreed on (PROTOCOL.md §7, §9): looked at and verified on
 * the worker of the peer, then queued for the thread `consensus`.  What was verified before is known by its hash
 * (seen.h) and costs no signature check.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "consensus_impl.h"
#include "finalizer.h"
#include "gossip.h"
#include "halt.h"
#include "messages.h"
#include "syncer.h"
#include "timed/net/frame.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/certificate.h"
#include "timeproto/chain/digest.h"

/* What makes two messages the same. */
struct key {
	uint8_t kind; /* enum wire_type */
	uint8_t phase;
	uint8_t approve;
	uint8_t pad[5];
	uint64_t height, round;
	int64_t valid_round;
	uint64_t voter; /* index, or the first bytes of the key */
	struct wire_hash hash;
	struct wire_sig signature;
};
_Static_assert(sizeof(struct key) == 8 + 4 * 8 + 32 + 64, "no padding: it is hashed as bytes");

static bool is_seen(struct consensus *c, uint64_t *hash, const struct key *key)
{
	*hash = seen_hash(c->seen, key, sizeof(*key));
	return seen_has(c->seen, *hash, clock_mono_ms());
}

static bool take_signature(struct wire_sig *out, const struct wire_bytes *bytes)
{
	if (bytes->len != sizeof(out->bytes))
		return false;
	memcpy(out->bytes, bytes->ptr, sizeof(out->bytes));
	return true;
}

/* ---- Heights ---- */

enum place { PLACE_NONE, PLACE_OLD, PLACE_NOW, PLACE_AHEAD };

/* Where a height lies, seen from the one that is being agreed on. */
static enum place place_of(struct consensus *c, uint64_t height)
{
	uint64_t now = atomic_load(&c->height);

	if (!now || !consensus_validators(c->node, height))
		return PLACE_NONE;
	return height < now ? PLACE_OLD : height <= now + 1 ? PLACE_NOW : PLACE_AHEAD;
}

static bool is_signer(struct peer *peer, const struct wire_str *signer)
{
	const char *ip = peer_ip_text(peer);

	return strlen(ip) == signer->len && memcmp(ip, signer->ptr, signer->len) == 0;
}

/* Who signs for a height has the blocks below it.  Who passes that on may be a height behind: he keeps, and passes on,
 * what is said of the height after his own. */
static void note_height(struct consensus *c, struct peer *peer, uint64_t height, const struct wire_str *signer)
{
	uint64_t below = is_signer(peer, signer) ? 1 : 2;

	if (height >= below && height - below >= atomic_load(&c->height))
		syncer_at_least(c->node->syncer, peer, height - below);
}

/* Its votes of one height come many at once, and again with each of its repetitions: one answer to all of these. */
static bool is_helped(struct consensus *c, uint64_t height, const struct wire_str *signer)
{
	uint8_t key[sizeof(height) + NET_IP_TEXT_SIZE] = {0};

	memcpy(key, &height, sizeof(height));
	memcpy(key + sizeof(height), signer->ptr, signer->len);
	return !seen_add(c->helped, seen_hash(c->helped, key, sizeof(key)), clock_mono_ms());
}

/* The signer still works on a height that is decided: it is sent the certified block.  Who passes its votes on has that
 * block. */
static void help(struct consensus *c, struct peer *peer, uint64_t height, const struct wire_str *signer)
{
	struct wire_message m = {.type = WIRE_BLOCK_ANNOUNCEMENT};
	struct chain_view *view;
	struct frame *frame;
	struct arena arena;

	if (!is_signer(peer, signer) || is_helped(c, height, signer) ||
	    !peer_may_ask_range(peer, WIRE_BLOCK_VOTE, height, height))
		return;
	view = chain_thread_take_view(c->node->chain);
	arena_init(&arena, 16 * CHAIN_MAX_BLOCK_BYTES, NULL);
	if (height <= chain_view_summary(view)->tip.height &&
	    chain_view_block(view, &m.u.block_announcement, &arena, height) == 0 &&
	    frame_encode(&frame, net_budget(c->node->net), &m) == 0) {
		/* Above the soft bound it waits for the next repetition. */
		(void)peer_send(peer, frame, SEND_GOSSIP);
		frame_unref(frame);
	}
	arena_free(&arena);
	chain_view_unref(view);
}

/* A verified message of a height that is not being agreed on. */
static enum message_verdict elsewhere(struct consensus *c, struct peer *peer, enum place place, uint64_t height,
				      const struct wire_str *signer)
{
	if (place == PLACE_OLD)
		help(c, peer, height, signer);
	else
		note_height(c, peer, height, signer);
	return MESSAGE_USELESS;
}

/* Before it is queued: the thread may forget it again at once. */
static enum message_verdict push_seen(struct consensus *c, const struct event *e)
{
	(void)seen_add(c->seen, e->seen, clock_mono_ms());
	if (consensus_push(c, e, true))
		return MESSAGE_USEFUL;
	seen_forget(c->seen, e->seen);
	return MESSAGE_USELESS;
}

/* ---- Votes on blocks ---- */

enum message_verdict consensus_on_block_vote(struct peer *peer, const struct wire_message *message)
{
	static const struct wire_hash nil;
	const struct wire_block_vote *m = &message->u.block_vote;
	struct consensus *c = ((struct node *)peer_user(peer))->consensus;
	struct event e = {.kind = EVENT_BLOCK_VOTE};
	enum place place = place_of(c, m->height);
	const struct validator_list *list;
	struct wire_hash digest;
	struct key key = {.kind = WIRE_BLOCK_VOTE, .height = m->height, .hash = m->block_hash};
	uint64_t seen;
	int voter;

	/* Without a round it is of the old form, and counts for nothing. */
	if (place == PLACE_NONE || !m->round || !m->phase || !take_signature(&key.signature, &m->signature) ||
	    m->approve == hash_equal(&m->block_hash, &nil))
		return MESSAGE_USELESS;
	list = consensus_validators(c->node, m->height);
	voter = validators_find(list, &m->voter);
	if (voter < 0)
		return MESSAGE_USELESS;
	key.phase = (uint8_t)*m->phase;
	key.round = *m->round;
	key.voter = (uint64_t)voter;
	if (place == PLACE_NOW && is_seen(c, &seen, &key))
		return MESSAGE_USELESS;
	digest_vote(&digest, &c->node->genesis.hash, m->height, *m->round, *m->phase, &m->block_hash);
	if (!digest_verify(&digest, &key.signature, &list->items[voter].public_key))
		return MESSAGE_USELESS;
	if (place != PLACE_NOW)
		return elsewhere(c, peer, place, m->height, &m->voter);
	note_height(c, peer, m->height, &m->voter);
	e.peer = peer_ref(peer);
	e.seen = seen;
	e.u.vote = (struct bft_vote){.height = m->height,
				     .round = *m->round,
				     .phase = *m->phase,
				     .voter = (uint32_t)voter,
				     .hash = m->block_hash,
				     .signature = key.signature};
	return push_seen(c, &e);
}

/* ---- Proposals ---- */

/* The block with its memory, if its bytes are what its hash says.  NULL: they are not, or no memory. */
static struct proposal *take_block(struct peer *peer, const struct wire_block *block)
{
	struct message_arena *memory = peer_keep_arena(peer);
	struct block_ids ids;
	struct chain_fault fault;
	struct arena scratch;
	int r = memory ? block_identify(&ids, &memory->arena, block) : -ENOMEM;

	if (!r) {
		arena_init(&scratch, CHAIN_MAX_BLOCK_BYTES, NULL);
		r = block_check_form(&fault, &scratch, block, &ids);
		arena_free(&scratch);
	}
	if (!r)
		return proposal_new(memory, block, &ids);
	/* Another body may fit the same header: whoever passed this one on has not looked. */
	if (r > 0)
		peer_violation(peer, fault.text);
	message_arena_unref(memory);
	return NULL;
}

/* Whether this proposer has made two proposals for that round already: one is enough for the honest, and the second is
 * the evidence.  More are looked at, since a quorum might want one of them, but they are of no use to us so far. */
static bool is_surplus(struct consensus *c, uint64_t height, uint64_t round, int proposer)
{
	struct key key = {.kind = WIRE_BLOCK_PROPOSAL, .height = height, .round = round, .voter = (uint64_t)proposer};

	for (key.phase = 1; key.phase <= 2; key.phase++) {
		if (seen_add(c->seen, seen_hash(c->seen, &key, sizeof(key)), clock_mono_ms()))
			return false;
	}
	return true;
}

enum message_verdict consensus_on_proposal(struct peer *peer, const struct wire_message *message)
{
	const struct wire_block_proposal *m = &message->u.block_proposal;
	uint64_t height = m->block.header.height, seen;
	struct consensus *c = ((struct node *)peer_user(peer))->consensus;
	struct event e = {.kind = EVENT_PROPOSAL};
	enum place place = place_of(c, height);
	const struct validator_list *list;
	struct key key = {.kind = WIRE_BLOCK_PROPOSAL, .height = height, .round = m->round};
	struct wire_hash digest;
	enum message_verdict verdict;
	int proposer;

	if (place == PLACE_NONE || !m->valid_round || !take_signature(&key.signature, &m->signature))
		return MESSAGE_USELESS;
	list = consensus_validators(c->node, height);
	proposer = validators_find(list, &m->proposer);
	if (proposer < 0 || (size_t)proposer != consensus_leader(list, height, m->round))
		return MESSAGE_USELESS;
	hash_block(&key.hash, &m->block.header);
	key.valid_round = *m->valid_round;
	key.voter = (uint64_t)proposer;
	if (place == PLACE_NOW && is_seen(c, &seen, &key))
		return MESSAGE_USELESS;
	digest_proposal(&digest, &c->node->genesis.hash, height, m->round, *m->valid_round, &key.hash);
	if (!digest_verify(&digest, &key.signature, &list->items[proposer].public_key))
		return MESSAGE_USELESS;
	if (place != PLACE_NOW)
		return elsewhere(c, peer, place, height, &m->proposer);
	note_height(c, peer, height, &m->proposer);
	e.u.proposal.block = take_block(peer, &m->block);
	if (!e.u.proposal.block)
		return MESSAGE_USELESS;
	e.peer = peer_ref(peer);
	e.seen = seen;
	e.u.proposal.proposal = (struct bft_proposal){.height = height,
						      .round = m->round,
						      .valid_round = *m->valid_round,
						      .proposer = (uint32_t)proposer,
						      .hash = key.hash,
						      .signature = key.signature};
	verdict = push_seen(c, &e);
	return is_surplus(c, height, m->round, proposer) ? MESSAGE_USELESS : verdict;
}

/* ---- Certificates ---- */

struct decision *decision_new(struct proposal *proposal, uint64_t round, size_t count)
{
	struct decision *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->signatures = calloc(count, sizeof(*d->signatures));
	d->commit.signatures.items = calloc(count, sizeof(*d->commit.signatures.items));
	d->proposal = proposal_ref(proposal);
	if (!d->signatures || !d->commit.signatures.items) {
		decision_free(d);
		return NULL;
	}
	d->commit.round = round;
	d->commit.signatures.len = count;
	d->block = proposal->block;
	d->block.commit = &d->commit;
	return d;
}

void decision_set(struct decision *d, size_t i, const struct wire_str *voter, const struct wire_sig *signature)
{
	d->signatures[i] = *signature;
	d->commit.signatures.items[i] = (struct wire_commit_signature){
		.voter = *voter, .signature = {d->signatures[i].bytes, sizeof(d->signatures[i].bytes)}};
}

void decision_free(struct decision *d)
{
	if (!d)
		return;
	proposal_unref(d->proposal);
	free(d->signatures);
	free(d->commit.signatures.items);
	free(d);
}

/* A checked certificate, with addresses that outlive the message. */
static struct decision *decision_of(struct consensus *c, struct proposal *p, const struct wire_commit *commit,
				    const struct validator_list *list)
{
	struct decision *d = decision_new(p, commit->round, commit->signatures.len);

	for (size_t i = 0; d && i < commit->signatures.len; i++) {
		const struct wire_commit_signature *from = &commit->signatures.items[i];
		struct wire_sig signature;

		CHECK(take_signature(&signature, &from->signature));
		decision_set(d, i, &list->addresses[validators_find(list, &from->voter)], &signature);
	}
	if (d)
		d->consensus = c;
	return d;
}

enum message_verdict consensus_on_block_commit(struct peer *peer, const struct wire_message *message)
{
	const struct wire_block_commit *m = &message->u.block_commit;
	struct consensus *c = ((struct node *)peer_user(peer))->consensus;
	struct event e = {.kind = EVENT_CERTIFICATE};
	struct key key = {.kind = WIRE_BLOCK_COMMIT, .height = m->height, .hash = m->block_hash};
	enum place place = place_of(c, m->height);
	const struct validator_list *list = consensus_validators(c->node, m->height);
	struct certificate_fault fault;
	struct wire_commit commit;
	enum message_verdict verdict;
	struct proposal *p;

	/* One certificate of a block is as good as another. */
	if (place == PLACE_NONE || is_seen(c, &e.seen, &key) || certificate_of_message(&commit, &fault, m) ||
	    certificate_check(&fault, &commit, m->height, &m->block_hash, &c->node->genesis.hash, list))
		return MESSAGE_USELESS;
	peer_set_best(peer, m->height, &m->block_hash);
	if (place == PLACE_OLD) {
		(void)seen_add(c->seen, e.seen, clock_mono_ms());
		(void)halt_if_conflicting(c->node, m->height, &m->block_hash);
		return MESSAGE_USELESS;
	}
	/* Who passes a certificate on need not have connected its block yet. */
	syncer_at_least(c->node->syncer, peer, m->height - 1);
	p = proposals_find(&c->proposals, &m->block_hash);
	/* One that is valid is of our height: the thread has a use for its certificate. */
	if (p && atomic_load(&p->valid))
		e.u.decision = decision_of(c, p, &commit, list);
	proposal_unref(p);
	if (e.u.decision) {
		e.peer = peer_ref(peer);
		return push_seen(c, &e);
	}
	/* What nobody takes is not seen: a copy may come when somebody does.  Until then it costs its senders. */
	verdict = gossip_commit(c->node->gossip, peer, m);
	if (verdict == MESSAGE_USEFUL)
		(void)seen_add(c->seen, e.seen, clock_mono_ms());
	return verdict;
}

/* ---- Votes on transactions ---- */

/* The voter's key: of the validators in force, or of the masternodes. */
static bool find_voter(struct consensus *c, struct wire_key *key, const struct wire_str *address)
{
	const struct validator_list *list = consensus_validators(c->node, atomic_load(&c->height));
	struct masternode_info *infos;
	bool found = false;
	size_t n;
	int at;

	if (list) {
		at = validators_find(list, address);
		if (at < 0)
			return false;
		*key = list->items[at].public_key;
		return true;
	}
	n = node_masternodes(c->node, &infos);
	for (size_t i = 0; i < n && !found; i++) {
		found = strlen(infos[i].address) == address->len &&
			memcmp(infos[i].address, address->ptr, address->len) == 0;
		*key = infos[i].public_key;
	}
	free(infos);
	return found;
}

static uint64_t hash_of_vote(const struct consensus *c, const struct finality_vote *vote,
			     const struct wire_key *public_key)
{
	struct key key = {.kind = WIRE_TRANSACTION_VOTE,
			  .approve = vote->approve,
			  .round = (uint64_t)vote->timestamp,
			  .hash = vote->txid,
			  .signature = vote->signature};

	memcpy(&key.voter, public_key->bytes, sizeof(key.voter));
	return seen_hash(c->seen, &key, sizeof(key));
}

void consensus_know_vote(struct consensus *c, const struct finality_vote *vote, const struct wire_key *public_key)
{
	(void)seen_add(c->seen, hash_of_vote(c, vote, public_key), clock_mono_ms());
}

enum message_verdict consensus_on_transaction_vote(struct peer *peer, const struct wire_message *message)
{
	const struct wire_transaction_vote *m = &message->u.transaction_vote;
	struct consensus *c = ((struct node *)peer_user(peer))->consensus;
	struct event e = {.kind = EVENT_TRANSACTION_VOTE};
	struct finality_params params;
	struct wire_key public_key;

	finalizer_params(&params, c->node->config);
	if (finality_check_time(&params, m->timestamp, clock_real_s()) || !find_voter(c, &public_key, &m->voter))
		return MESSAGE_USELESS;
	/* Its copies come from all peers at once: one worker looks at it.  Who sends a bad copy keeps no good one out,
	 * since the hash is of the signature and all that is signed. */
	e.u.transaction_vote = (struct event_vote){
		.key = public_key,
		.vote = {.txid = m->txid, .approve = m->approve, .timestamp = m->timestamp, .signature = m->signature},
	};
	e.seen = hash_of_vote(c, &e.u.transaction_vote.vote, &public_key);
	/* A copy is no fault of its sender: everybody passes every vote on once, so that most that comes are copies. */
	if (!seen_add(c->seen, e.seen, clock_mono_ms()))
		return MESSAGE_USEFUL;
	if (!digest_verify_transaction_vote(m, &public_key)) {
		seen_forget(c->seen, e.seen);
		return MESSAGE_USELESS;
	}
	e.peer = peer_ref(peer);
	if (consensus_push(c, &e, true))
		return MESSAGE_USEFUL;
	seen_forget(c->seen, e.seen);
	return MESSAGE_USELESS;
}

enum message_verdict consensus_on_vote_request(struct peer *peer, const struct wire_message *message)
{
	struct consensus *c = ((struct node *)peer_user(peer))->consensus;
	const struct event e = {
		.kind = EVENT_VOTE_REQUEST, .peer = peer_ref(peer), .u.txid = message->u.transaction_vote_request};

	(void)consensus_push(c, &e, true);
	return MESSAGE_USELESS; /* it takes a token: it asks for work, and tells nothing */
}

/* What is not counted now, since it is early or there is no room, is looked at again when it is repeated. */
void consensus_take_vote(struct consensus *c, const struct event *e)
{
	const struct wire_key *key = &e->u.transaction_vote.key;
	struct finality_vote vote = e->u.transaction_vote.vote;
	int r = FINALITY_E_STRANGER;

	while (vote.voter < c->voter_count && memcmp(c->voters[vote.voter].bytes, key->bytes, sizeof(key->bytes)) != 0)
		vote.voter++;
	if (vote.voter < c->voter_count)
		r = finalizer_on_vote(c->finalizer, &vote, e->peer);
	if (r != 0 && r != FINALITY_E_KNOWN)
		seen_forget(c->seen, e->seen);
}
