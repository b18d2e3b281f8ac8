/* SPDX-License-Identifier: MIT
 *
 * What stands in the file `votes` (votes_file.h), to bytes and back.  Integers are little-endian.
 *
 *	header	"TIMEVOTE", version u32, genesis hash 32, public key 32, key of the checksums 16, checksum 8
 *	batch	length of the body u32, checksum of the other two u32, checksum of the body u64, body
 *	body	entries, then one byte that is not zero
 *	entry	kind u8, length of the payload u32, payload
 *
 *	BFT		as bft_record_encode() says
 *	BLOCK		height u64, hash 32, block in bincode
 *	FINALITY	txid 32, approve u8, timestamp i64, count u32; count times txid 32, vout u32
 *
 * A batch is what one votes_sync() writes.  Since the length has a checksum of its own, a batch that the end of the
 *file cuts off can be told from one that was damaged; and since its last byte is not zero, so can one whose place was
 *made and whose bytes were not written.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_NODE_VOTES_FORMAT_H
#define TIMED_NODE_VOTES_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/util/siphash.h"
#include "timeproto/base/arena.h"
#include "votes_file.h"

#define VOTES_HEADER_BYTES 100
#define VOTES_HEAD_BYTES 16
/* A body that has grown beyond this is closed. */
#define VOTES_BATCH_BYTES ((size_t)4 << 20)
/* No payload is longer: a block. */
#define VOTES_MAX_PAYLOAD ((size_t)2000040)
#define VOTES_MAX_BODY (VOTES_BATCH_BYTES + VOTES_MAX_PAYLOAD + 64)

enum votes_kind { VOTES_BFT = 1, VOTES_BLOCK, VOTES_FINALITY };

enum votes_format_outcome {
	VOTES_FORMAT_E_DAMAGED = 1, /* not what is written */
	VOTES_FORMAT_E_VERSION,	    /* header: of a newer version */
};

struct votes_header {
	struct wire_hash genesis;
	struct wire_key key;
	struct siphash_key sums;
};

/* An entry as it stands in the file. */
struct votes_entry {
	enum votes_kind kind;
	const uint8_t *payload;
	size_t len;
};

/* Batches that are being made. */
struct votes_batches {
	struct buf bytes;
	bool open;
	size_t begin;  /* of the batch that is open */
	size_t entry;  /* of the entry that is being made */
	size_t before; /* where the bytes ended before it, */
	bool was_open; /* and whether a batch was open */
};

void votes_format_header(struct buf *out, const struct votes_header *header);
/* 0, VOTES_FORMAT_E_DAMAGED or VOTES_FORMAT_E_VERSION. */
int votes_format_header_read(struct votes_header *out, const uint8_t bytes[VOTES_HEADER_BYTES])
	__attribute__((warn_unused_result));

/* Begins an entry, in a new batch if none is open; its payload is then appended to `bytes`. */
void votes_format_begin(struct votes_batches *batches, enum votes_kind kind);
/* Ends it, and the batch when it is long enough.  0; -ENOMEM, or -EINVAL: too long, or another failure of the buffer;
 * then the entry is gone. */
int votes_format_end(struct votes_batches *batches, const struct siphash_key *sums) __attribute__((warn_unused_result));
/* Closes the batch that is open, if one is. */
void votes_format_close(struct votes_batches *batches, const struct siphash_key *sums);

/* Length of the body behind this head; SIZE_MAX: it is damaged. */
size_t votes_format_body_bytes(const uint8_t head[VOTES_HEAD_BYTES], const struct siphash_key *sums);
/* Whether the body is the one that the head names. */
bool votes_format_body_fits(const uint8_t head[VOTES_HEAD_BYTES], const uint8_t *body, size_t len,
			    const struct siphash_key *sums);
/* The entry at `*at` of a body that fits, and where the next one stands; false: there is none, and then `*at` is
 * `len - 1`, or what stands there is not ours. */
bool votes_format_next(struct votes_entry *out, size_t *at, const uint8_t *body, size_t len);

/* Payloads.  Both parts of a block are cheap to look at; the block itself is read by votes_format_block(). */
void votes_format_put_block(struct buf *out, uint64_t height, const struct wire_hash *hash,
			    const struct wire_block *block);
bool votes_format_block_name(uint64_t *height, struct wire_hash *hash, const struct votes_entry *entry);
/* In the arena.  0, VOTES_FORMAT_E_DAMAGED or -ENOMEM. */
int votes_format_block(struct wire_block *out, struct arena *arena, const struct votes_entry *entry)
	__attribute__((warn_unused_result));
void votes_format_put_finality(struct buf *out, const struct votes_finality *vote);
/* The outpoints are in the arena.  0, VOTES_FORMAT_E_DAMAGED or -ENOMEM. */
int votes_format_finality(struct votes_finality *out, struct arena *arena, const struct votes_entry *entry)
	__attribute__((warn_unused_result));

#endif
