/* SPDX-License-Identifier: MIT
 *
 * Evidence against validators: pairs of signed messages that contradict each other (PROTOCOL.md §9), as they go over
 * the wire; of a proposed block the header alone, whose hash is what the signature is over.  All are appended to a
 * file, up to a size; the last few, of earlier runs too, are at hand for RPC.
 *
 * Thread safety: any thread; inside there is a leaf.  evidence_add() writes to the disk.
 */
#ifndef TIMED_NODE_EVIDENCE_H
#define TIMED_NODE_EVIDENCE_H

#include <stdatomic.h>
#include <stddef.h>

#include "timed/node/consensus.h"
#include "timed/util/thread.h"
#include "timeproto/wire/message.h"

/* Pairs at hand. */
#define EVIDENCE_KEPT 16
/* The file grows no further. */
#define EVIDENCE_FILE_BYTES (1 << 20)

struct evidence {
	struct mutex lock; /* leaf */
	char *path;
	struct consensus_evidence items[EVIDENCE_KEPT]; /* a ring */
	size_t next, count;
	atomic_bool full; /* and the log says so */
};

/* `dir`: where the file `evidence.jsonl` is, which is read; what cannot be read of it is in the log.  0 or -ENOMEM. */
int evidence_init(struct evidence *evidence, const char *dir) __attribute__((warn_unused_result));
void evidence_destroy(struct evidence *evidence);
void evidence_add(struct evidence *evidence, const struct wire_message *first, const struct wire_message *second);
/* Copies, newest last; consensus_evidence_free().  0 or -ENOMEM. */
int evidence_list(struct evidence *evidence, struct consensus_evidence **out, size_t *count)
	__attribute__((warn_unused_result));

#endif
