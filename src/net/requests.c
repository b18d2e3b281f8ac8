/* SPDX-License-Identifier: MIT
 *
 * Outstanding requests of one connection; see requests.h.
 */
#include "timed/net/requests.h"

bool requests_begin(struct requests *r, enum request_kind kind, uint64_t key, uint32_t per_second, int64_t now_ms,
		    int64_t timeout_ms)
{
	struct request *q = &r->kind[kind];

	if (q->outstanding || now_ms < q->unused_until_ms)
		return false;
	/* Evenly, not in bursts: a burst and its refill would be twice as many in one second. */
	if (per_second > 0 && !token_bucket_take(&q->pace, per_second * 60, 1, now_ms))
		return false;
	q->outstanding = true;
	q->fenced = false;
	q->key = key;
	q->deadline_ms = now_ms + timeout_ms;
	return true;
}

void requests_fence(struct requests *r, uint64_t nonce)
{
	for (int i = 0; i < REQUEST_KIND_COUNT; i++) {
		struct request *q = &r->kind[i];

		if (q->outstanding && !q->fenced) {
			q->fenced = true;
			q->fence = nonce;
		}
	}
}

bool requests_outstanding(const struct requests *r, enum request_kind kind, uint64_t *key)
{
	*key = r->kind[kind].key;
	return r->kind[kind].outstanding;
}

void requests_progress(struct requests *r, int64_t now_ms, int64_t timeout_ms)
{
	for (int i = 0; i < REQUEST_KIND_COUNT; i++)
		r->kind[i].deadline_ms = now_ms + timeout_ms;
}

bool requests_answer(struct requests *r, enum request_kind kind, uint64_t *key)
{
	struct request *q = &r->kind[kind];

	if (!q->outstanding)
		return false;
	*key = q->key;
	q->outstanding = false;
	r->answered++;
	return true;
}

static void leave_unused(struct request *q, int64_t until_ms)
{
	q->outstanding = false;
	q->unused_until_ms = until_ms;
}

enum request_kind requests_pong(struct requests *r, uint64_t nonce, int64_t now_ms, int64_t pause_ms)
{
	for (int i = 0; i < REQUEST_KIND_COUNT; i++) {
		struct request *q = &r->kind[i];

		if (q->outstanding && q->fenced && q->fence == nonce) {
			leave_unused(q, now_ms + pause_ms);
			return (enum request_kind)i;
		}
	}
	return REQUEST_NONE;
}

enum request_kind requests_expire(struct requests *r, int64_t now_ms, int64_t pause_ms)
{
	for (int i = 0; i < REQUEST_KIND_COUNT; i++) {
		struct request *q = &r->kind[i];

		if (q->outstanding && now_ms >= q->deadline_ms) {
			leave_unused(q, now_ms + pause_ms);
			return (enum request_kind)i;
		}
	}
	return REQUEST_NONE;
}
