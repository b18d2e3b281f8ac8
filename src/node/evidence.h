/* SPDX-License-Identifier: MIT
 *
 * Evidence against validators: pairs of signed messages that contradict each other (PROTOCOL.md §9), as the lines in
 * which they came.  The last few are at hand for RPC; all are appended to a file, up to a size.
 *
 * Thread safety: any thread; inside there is a leaf.  evidence_add() writes to the disk.
 */
#ifndef TIMED_NODE_EVIDENCE_H
#define TIMED_NODE_EVIDENCE_H

#include <stddef.h>

#include "timed/node/consensus.h"
#include "timed/util/thread.h"
#include "timeproto/wire/message.h"

/* Pairs at hand. */
#define EVIDENCE_KEPT 16
/* The file grows no further. */
#define EVIDENCE_FILE_BYTES (1 << 20)
/* No longer messages are kept: of a proposal with a large block the log line alone remains. */
#define EVIDENCE_LINE_BYTES 65536

struct evidence {
	struct mutex lock; /* leaf */
	char *path;
	struct consensus_evidence items[EVIDENCE_KEPT]; /* a ring */
	size_t next, count;
};

/* `dir`: where the file `evidence.jsonl` is.  0 or -ENOMEM. */
int evidence_init(struct evidence *evidence, const char *dir) __attribute__((warn_unused_result));
void evidence_destroy(struct evidence *evidence);
void evidence_add(struct evidence *evidence, const struct wire_message *one, const struct wire_message *other);
/* Copies, newest last; consensus_evidence_free().  0 or -ENOMEM. */
int evidence_list(struct evidence *evidence, struct consensus_evidence **out, size_t *count)
	__attribute__((warn_unused_result));

#endif
