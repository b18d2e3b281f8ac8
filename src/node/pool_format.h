/* SPDX-License-Identifier: MIT
 *
 * What stands in pool.dat, to bytes and back.  Integers are little-endian.
 *
 *	header	"TIMEPOOL", version u32, genesis hash 32, checksum 8
 *	record	length of the body u32, kind u8, body, checksum 8		any number
 *
 *	TRANSACTION	finalized u8, inserted i64, finalized i64, votes u32, transaction in bincode
 *	FINAL		txid 32, finalized i64, votes u32: of a transaction that stands before it
 *	SETTLED		txid 32, finalized i64, votes u32, height u64: finalized, and in a block
 *
 * A checksum is the beginning of the SHA-256 of all before it in its header or record.  Records are in no order; of two
 * that contradict each other the later one counts.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_NODE_POOL_FORMAT_H
#define TIMED_NODE_POOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/types.h"

#define POOL_FORMAT_VERSION 1
#define POOL_FORMAT_HEADER_BYTES 52
/* Before and after the body of a record. */
#define POOL_FORMAT_HEAD_BYTES 5
#define POOL_FORMAT_SUM_BYTES 8
/* No body is longer: a transaction, and what is said of it. */
#define POOL_FORMAT_MAX_BODY ((size_t)1000064)

enum pool_record_kind { POOL_RECORD_TRANSACTION = 1, POOL_RECORD_FINAL, POOL_RECORD_SETTLED };

struct pool_record {
	enum pool_record_kind kind;
	struct wire_transaction transaction; /* TRANSACTION */
	struct wire_hash txid;		     /* FINAL, SETTLED */
	bool finalized;			     /* TRANSACTION */
	uint32_t votes;
	int64_t inserted_s; /* TRANSACTION */
	int64_t finalized_s;
	uint64_t height; /* SETTLED */
};

enum pool_format_outcome {
	POOL_FORMAT_E_DAMAGED = 1, /* not what is written */
	POOL_FORMAT_E_FOREIGN,	   /* header: of another chain or a newer version */
};

/* Both append; a failure is the buffer's error. */
void pool_format_header(struct buf *out, const struct wire_hash *genesis);
void pool_format_record(struct buf *out, const struct pool_record *record);

/* 0, POOL_FORMAT_E_DAMAGED or POOL_FORMAT_E_FOREIGN. */
int pool_format_header_read(const uint8_t bytes[POOL_FORMAT_HEADER_BYTES], const struct wire_hash *genesis)
	__attribute__((warn_unused_result));
/* Length of the body that follows; SIZE_MAX: no record begins so. */
size_t pool_format_body_bytes(const uint8_t head[POOL_FORMAT_HEAD_BYTES]);
/* A whole record: head, body, checksum.  The transaction points into `arena` alone.  0, POOL_FORMAT_E_DAMAGED or
 * -ENOMEM. */
int pool_format_record_read(struct pool_record *out, struct arena *arena, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));

#endif
