/* SPDX-License-Identifier: MIT
 *
 * The file `votes`: everything that we sign about blocks and transactions, written and synced before it is sent
 * (PROTOCOL.md §9; consensus/bft.h, consensus/finality.h say why).
 *
 * What one votes_sync() writes is a batch with a checksum (votes_format.h).  A torn tail, the last batch cut off by the
 * end of the file, is cut off with a warning: it was never sent.  Any other damage is an error that names the place:
 * the operator takes the file away, and the validator observes before it signs again.
 *
 * Thread safety: one owner (the thread `consensus`; before it starts, whoever opens the node).
 */
#ifndef TIMED_NODE_VOTES_FILE_H
#define TIMED_NODE_VOTES_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/consensus/bft_message.h"
#include "timed/consensus/finality.h"
#include "timeproto/wire/types.h"

struct votes_file;

#define VOTES_TEXT_SIZE 512

/* A vote of ours on a transaction, and the outpoints that it locks. */
struct votes_finality {
	struct finality_record record;
	const struct wire_outpoint *outpoints;
	size_t count;
};

/* Entries as they are read back, in order; each pointer is valid during its call.  Anything but 0 ends the reading, and
 * is what votes_open() returns. */
struct votes_reader {
	int (*bft)(void *user, const struct bft_record *record, const struct bft_certificate *polka /* NULL: none */);
	int (*block)(void *user, uint64_t height, const struct wire_hash *hash, const struct wire_block *block);
	int (*finality)(void *user, const struct votes_finality *entry);
	void *user;
};

/* Opens or prepares `path`: the file is made by votes_create() or the first votes_sync(), not before; an empty one
 * counts as none.  0; a negative errno, or 1: damaged, of another network or another key; then `text` says what and
 * what to do (but not of what a reader returned). */
int votes_open(struct votes_file **out, char text[VOTES_TEXT_SIZE], const char *path, const struct wire_hash *genesis,
	       const struct wire_key *key, const struct votes_reader *reader) __attribute__((warn_unused_result));
void votes_close(struct votes_file *votes); /* NULL is fine; what was not synced is lost */

/* Makes the file, if there is none, without entries: it says that this key has signed nothing yet.  0 or a negative
 * errno. */
int votes_create(struct votes_file *votes) __attribute__((warn_unused_result));

/* Gathers an entry in memory.  0; -ENOMEM; -EINVAL: longer than anything that is valid.  A block that is in the file,
 * or gathered, and is one of the last few is not written again. */
int votes_add_bft(struct votes_file *votes, const struct bft_record *record, const struct bft_certificate *polka)
	__attribute__((warn_unused_result));
int votes_add_block(struct votes_file *votes, uint64_t height, const struct wire_hash *hash,
		    const struct wire_block *block) __attribute__((warn_unused_result));
int votes_add_finality(struct votes_file *votes, const struct votes_finality *entry)
	__attribute__((warn_unused_result));
/* Writes what has gathered and syncs it (with the directory, the first time).  Nothing gathered: nothing is done.  0 or
 * a negative errno: nothing of it may be sent, and the node has to stop. */
int votes_sync(struct votes_file *votes) __attribute__((warn_unused_result));

/* Bytes on the disk. */
uint64_t votes_size(const struct votes_file *votes);
/* It has grown above 16 MiB, and doubled since it was written anew. */
bool votes_is_due(const struct votes_file *votes);
/* What stays when the file is written anew: the records of heights from `height` on and of the highest one, with their
 * blocks, and the votes on transactions for which `binds` says so. */
struct votes_keep {
	uint64_t height;
	bool (*binds)(void *user, const struct finality_record *record);
	void *user;
};
/* Writes the file anew, atomically, without what is settled; what was gathered and not synced stays gathered.  0 or a
 * negative errno: the old file is as it was, and stays in use. */
int votes_rewrite(struct votes_file *votes, const struct votes_keep *keep) __attribute__((warn_unused_result));

#endif
