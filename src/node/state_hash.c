/* SPDX-License-Identifier: MIT
 *
 * The UTXO state hash for those who ask; see state_hash.h.
 */
#include "state_hash.h"

#include "timed/util/clock.h"
#include "timeproto/chain/hash.h"

/* A computation that took t is followed by a rest of REST_FACTOR times t. */
#define REST_FACTOR 9

void state_hash_init(struct state_hash *s)
{
	*s = (struct state_hash){.known = false};
	mutex_init(&s->lock, "state_hash", MUTEX_RANK_LEAF);
	cond_init(&s->ready);
}

void state_hash_destroy(struct state_hash *s)
{
	cond_destroy(&s->ready);
	mutex_destroy(&s->lock);
}

/* True: `*out` is the answer.  False: the caller computes it. */
static bool use_known(struct state_hash *s, struct wire_utxo_state_hash_response *out, const struct wire_hash *tip)
{
	bool use;

	mutex_lock(&s->lock);
	while (s->computing && !s->known)
		cond_wait(&s->ready, &s->lock);
	use = s->known &&
	      (s->computing || hash_equal(&s->tip, tip) || clock_mono_us() < s->rest_until_us);
	if (use)
		*out = s->answer;
	else
		s->computing = true;
	mutex_unlock(&s->lock);
	return use;
}

int state_hash_get(struct state_hash *s, struct wire_utxo_state_hash_response *out, struct chain_thread *chain)
{
	struct chain_view *view = chain_thread_take_view(chain);
	const struct chain_summary *now = chain_view_summary(view);
	int64_t begun_us;
	int r = 0;

	if (!use_known(s, out, &now->tip.hash)) {
		begun_us = clock_mono_us();
		*out = (struct wire_utxo_state_hash_response){.height = now->tip.height,
							      .utxo_count = now->unspent_count};
		r = chain_view_state_hash(view, &out->hash);
		mutex_lock(&s->lock);
		s->computing = false;
		s->rest_until_us = clock_mono_us() + REST_FACTOR * (clock_mono_us() - begun_us);
		if (!r) {
			s->known = true;
			s->tip = now->tip.hash;
			s->answer = *out;
		}
		cond_broadcast(&s->ready);
		mutex_unlock(&s->lock);
	}
	chain_view_unref(view);
	return r;
}
