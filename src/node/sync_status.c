/* SPDX-License-Identifier: MIT
 *
 * When sync has something to do next, and what people are shown of it; see sync_impl.h.
 */
#include "sync_impl.h"

#include <math.h>

/* ---- Deadline ---- */

static void earlier(const struct sync *s, int64_t *deadline, int64_t at_ms)
{
	if (at_ms > s->now_ms && at_ms < *deadline)
		*deadline = at_ms;
}

/* When it may be asked again.  What becomes of others by then is a conclusion, which pokes them. */
int64_t sync_peer_deadline_ms(const struct sync *s, uint64_t id)
{
	int64_t deadline = INT64_MAX;
	const struct sync_peer *p;
	size_t i = 0;

	while (i < s->peer_count && s->peer_ids[i] != id)
		i++;
	if (i == s->peer_count)
		return deadline;
	p = &s->peers[i];
	for (int kind = 0; kind < SYNC_KIND_COUNT; kind++) {
		earlier(s, &deadline, p->asks[kind].again_ms);
		earlier(s, &deadline, p->asks[kind].mute_until_ms);
	}
	earlier(s, &deadline, p->next_height_ms);
	earlier(s, &deadline, p->next_probe_ms);
	earlier(s, &deadline, p->liar_until_ms);
	earlier(s, &deadline, p->distrust_until_ms);
	earlier(s, &deadline, p->lacks_until_ms);
	earlier(s, &deadline, p->aside_until_ms);
	return deadline;
}

/* When conclusions about all may be others for what is known of this one: whether it counts, and delivers. */
static int64_t conclusion_deadline(const struct sync *s, const struct sync_peer *p)
{
	const struct sync_asked *blocks = &p->asks[SYNC_ASK_BLOCKS];
	int64_t deadline = INT64_MAX;

	for (int kind = 0; kind < SYNC_KIND_COUNT; kind++)
		earlier(s, &deadline, p->asks[kind].mute_until_ms);
	earlier(s, &deadline, p->judged_until_ms);
	earlier(s, &deadline, p->liar_until_ms);
	earlier(s, &deadline, p->distrust_until_ms);
	earlier(s, &deadline, p->lacks_until_ms);
	earlier(s, &deadline, p->aside_until_ms);
	/* Who has nothing that we lack decides nothing by being there for a while. */
	if (p->claim > s->tip.height) {
		earlier(s, &deadline, p->ready_ms + s->params.settle_ms);
		earlier(s, &deadline, p->claim_ms + s->params.voice_wait_ms);
	}
	if (blocks->outstanding && !blocks->stalled)
		earlier(s, &deadline, blocks->sent_ms + s->stall_ms);
	return deadline;
}

static void fork_deadline(const struct sync *s, int64_t *deadline)
{
	const struct sync_fork *f = &s->fork;

	earlier(s, deadline, f->next_ms);
	if (f->phase == SYNC_FORK_ASKING)
		earlier(s, deadline, f->question.opened_ms + s->params.settle_ms);
	if (f->phase == SYNC_FORK_ASKING)
		earlier(s, deadline,
			f->question.resting ? f->question.again_ms
					    : f->question.opened_ms + SYNC_PATIENCE * s->params.voice_wait_ms);
	for (int i = 0; f->phase == SYNC_FORK_SEARCHING && i < 2; i++) {
		if (f->search.asked[i] != 0)
			earlier(s, deadline, f->search.asked_ms[i] + s->params.voice_wait_ms);
	}
}

static int64_t deadline_of_all(struct sync *s)
{
	int64_t deadline = INT64_MAX;

	for (size_t i = 0; i < s->peer_count; i++) {
		if (s->peer_due_ms[i] <= s->now_ms)
			s->peer_due_ms[i] = conclusion_deadline(s, &s->peers[i]);
		earlier(s, &deadline, s->peer_due_ms[i]);
	}
	for (uint32_t i = 0; i < s->segment_count; i++) {
		const struct sync_question *q = &sync_segment_at_const(s, i)->anchor;

		if (q->decided)
			continue;
		earlier(s, &deadline, q->resting ? q->again_ms : q->opened_ms + s->params.voice_wait_ms);
		earlier(s, &deadline, q->opened_ms + s->params.settle_ms);
	}
	for (int i = 0; i < SYNC_MAX_BAD; i++) {
		if (s->bad[i].used)
			earlier(s, &deadline, s->bad[i].until_ms);
	}
	if (s->has_ceiling)
		earlier(s, &deadline, s->ceiling_until_ms);
	fork_deadline(s, &deadline);
	return deadline;
}

int64_t sync_deadline_ms(struct sync *s)
{
	if (!s->deadline_known)
		s->deadline_ms = deadline_of_all(s);
	s->deadline_known = true;
	return s->deadline_ms;
}

/* ---- Progress ---- */

void sync_count_connected(struct sync *s, uint64_t blocks)
{
	int64_t second = s->now_ms / 1000;
	size_t i = (size_t)(uint64_t)second % SYNC_RATE_SECONDS;

	if (s->rate_second[i] != second) {
		s->rate_second[i] = second;
		s->rate_blocks[i] = 0;
	}
	s->rate_blocks[i] += blocks;
}

/* Over the seconds before this one, as far back as blocks came. */
static double rate(const struct sync *s, int64_t now_ms)
{
	int64_t second = now_ms / 1000, oldest = second;
	uint64_t blocks = 0;

	for (int i = 0; i < SYNC_RATE_SECONDS; i++) {
		int64_t age = second - s->rate_second[i];

		if (s->rate_blocks[i] == 0 || age < 0 || age >= SYNC_RATE_SECONDS)
			continue;
		blocks += s->rate_blocks[i];
		if (s->rate_second[i] < oldest)
			oldest = s->rate_second[i];
	}
	return (double)blocks / ((double)(now_ms - oldest * 1000) / 1000 + 0.001);
}

static bool is_counted(const struct sync *s, const struct sync_peer *p)
{
	return !sync_is_liar(s, p) && p->stand == SYNC_STAND_AGREES && p->shown > s->tip.height;
}

/* The highest height at which more than two thirds of those ahead of us showed a hash, or an anchor. */
static uint64_t target(const struct sync *s)
{
	uint64_t best = s->tip.height;
	uint32_t ahead = 0, shown;

	for (uint32_t i = 0; i < s->segment_count; i++) {
		const struct sync_question *q = &sync_segment_at_const(s, i)->anchor;

		if (q->decided && q->height > best)
			best = q->height;
	}
	for (size_t i = 0; i < s->peer_count; i++)
		ahead += is_counted(s, &s->peers[i]);
	for (size_t i = 0; i < s->peer_count; i++) {
		const struct sync_peer *p = &s->peers[i];

		if (p->shown <= best || !is_counted(s, p))
			continue;
		shown = 0;
		for (size_t k = 0; k < s->peer_count; k++)
			shown += s->peers[k].shown >= p->shown && is_counted(s, &s->peers[k]);
		if (shown * 3 > ahead * 2)
			best = p->shown;
	}
	return best;
}

enum sync_phase sync_get_phase(const struct sync *s)
{
	switch (s->fork.phase) {
	case SYNC_FORK_SEARCHING:
	case SYNC_FORK_FETCHING:
		if (sync_fork_is_taking(s))
			return SYNC_PHASE_BRANCH;
		break;
	case SYNC_FORK_READY:
	case SYNC_FORK_OUT:
		return SYNC_PHASE_REORGANISING;
	case SYNC_FORK_NONE:
	case SYNC_FORK_ASKING:
		break;
	}
	return s->segment_count > 0 || s->out_count > 0 ? SYNC_PHASE_EXTENDING : SYNC_PHASE_IDLE;
}

void sync_get_status(const struct sync *s, struct sync_status *out, int64_t now_ms)
{
	double left;

	*out = (struct sync_status){
		.phase = sync_get_phase(s),
		.fork_open = s->fork.phase != SYNC_FORK_NONE,
		.height = s->tip.height,
		.target = target(s),
		.blocks_per_s = rate(s, now_ms),
		.seconds_left = -1,
		.peers_ready = (uint32_t)s->peer_count,
		.window_bytes = sync_window_used(s),
	};
	for (size_t i = 0; i < s->peer_count; i++)
		out->peers_used += s->peers[i].asks[SYNC_ASK_BLOCKS].outstanding;
	out->percent = out->target > 0 ? (double)out->height * 100 / (double)out->target : 100;
	left = out->blocks_per_s > 0 ? (double)(out->target - out->height) / out->blocks_per_s : INFINITY;
	if (left < 1e9)
		out->seconds_left = (int64_t)left;
}

const char *sync_phase_name(enum sync_phase phase)
{
	switch (phase) {
	case SYNC_PHASE_IDLE:
		return "idle";
	case SYNC_PHASE_EXTENDING:
		return "extending";
	case SYNC_PHASE_BRANCH:
		return "fetching a branch";
	case SYNC_PHASE_REORGANISING:
		return "reorganising";
	}
	return "?";
}

const char *sync_verdict_name(enum sync_verdict verdict)
{
	switch (verdict) {
	case SYNC_VERDICT_BARE:
		return "delivered blocks without certificates";
	case SYNC_VERDICT_LIED:
		return "delivered blocks that contradict its own answers";
	case SYNC_VERDICT_FALSE_CLAIM:
		return "has no block at the height that it claims";
	case SYNC_VERDICT_SHRUNK:
		return "claims less than before";
	case SYNC_VERDICT_TURNED:
		return "delivered other blocks than it had answered for";
	case SYNC_VERDICT_WITHHOLDS:
		return "does not deliver blocks that it claims";
	}
	return "?";
}
