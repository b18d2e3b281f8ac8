/* SPDX-License-Identifier: MIT
 *
 * The UTXO state hash for those who ask (PROTOCOL.md §6): made from a view, once per tip, by the thread that asks
 * first, and never for more than a tenth of the time: whoever asks meanwhile is told that of the latest tip for which
 * it is known, with its height.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_NODE_STATE_HASH_H
#define TIMED_NODE_STATE_HASH_H

#include "chain_thread.h"
#include "timed/util/thread.h"
#include "timeproto/wire/message.h"

struct state_hash {
	struct mutex lock; /* guards what follows; leaf */
	struct cond ready;
	bool known, computing;
	struct wire_hash tip; /* of `answer` */
	struct wire_utxo_state_hash_response answer;
	int64_t rest_until_us; /* monotonic: not computed again before */
};

void state_hash_init(struct state_hash *s);
void state_hash_destroy(struct state_hash *s);
/* 0, or an enum store_error: damage, named in the log.  Reads all unspent outputs, maybe. */
int state_hash_get(struct state_hash *s, struct wire_utxo_state_hash_response *out, struct chain_thread *chain)
	__attribute__((warn_unused_result));

#endif
