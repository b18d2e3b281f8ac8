// SPDX-License-Identifier: MIT
/* The file `votes`: see votes_file.h, and votes_format.h for what stands in it.
 *
 * It is appended to.  A new one, the first and each that is written anew, is written beside it, synced and renamed: so
 * a header is never torn. */
#include "votes_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timed/util/crash_point.h"
#include "timed/util/file.h"
#include "timed/util/log.h"
#include "timeproto/chain/hash.h"
#include "votes_format.h"

/* Not written anew below. */
#define DUE_BYTES ((uint64_t)16 << 20)
/* A decoded block. */
#define ARENA_BYTES ((size_t)64 << 20)
/* Blocks that are known to be in the file: more than are about at one height and the next. */
#define KNOWN_BLOCKS 64

struct votes_known {
	uint64_t height;
	struct wire_hash hash;
};

struct votes_file {
	char *path, *temporary;
	struct votes_header header;
	int fd;		/* -1: there is no file yet */
	int error;	/* a write has failed: nothing more is written */
	uint64_t size;	/* of the file */
	uint64_t fresh; /* of it when it was written anew; 0: not since the start */
	struct votes_batches gathered;
	struct votes_known known[KNOWN_BLOCKS]; /* a ring */
	size_t known_next;
};

/* ---- reading ---- */

/* What goes through a file, batch by batch. */
struct votes_walk {
	int fd;
	const struct siphash_key *sums;
	uint64_t at;	   /* of the batch in hand */
	uint64_t size;	   /* of the file */
	uint8_t *body;	   /* room for the longest */
	const char *fault; /* of the batch in hand; NULL: none */
	int (*each)(void *user, const struct votes_entry *entry);
	void *user;
};

/* What a walk returns besides errno and what `each` returns. */
enum { WALK_DAMAGED = 1, WALK_TORN };

static int read_at(int fd, uint8_t *out, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, out, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		out += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int damaged(struct votes_walk *w, const char *fault)
{
	w->fault = fault;
	return WALK_DAMAGED;
}

/* Whether nothing but zeros is left: room that was made for what was never written. */
static int only_zeros(struct votes_walk *w)
{
	uint64_t at = w->at;

	while (at < w->size) {
		size_t len = w->size - at < VOTES_MAX_BODY ? (size_t)(w->size - at) : VOTES_MAX_BODY;
		int r = read_at(w->fd, w->body, len, at);

		if (r)
			return r;
		for (size_t i = 0; i < len; i++) {
			if (w->body[i])
				return damaged(w, "the head of a batch is damaged");
		}
		at += len;
	}
	return WALK_TORN;
}

/* 0 and the length of the body; WALK_TORN, WALK_DAMAGED or a negative errno. */
static int read_batch(struct votes_walk *w, size_t *len)
{
	uint8_t head[VOTES_HEAD_BYTES];
	uint64_t left = w->size - w->at;
	int r;

	if (left < sizeof(head))
		return WALK_TORN;
	r = read_at(w->fd, head, sizeof(head), w->at);
	if (r)
		return r;
	*len = votes_format_body_bytes(head, w->sums);
	if (*len == SIZE_MAX)
		return only_zeros(w);
	left -= sizeof(head);
	if (left < *len)
		return WALK_TORN;
	r = read_at(w->fd, w->body, *len, w->at + sizeof(head));
	if (r)
		return r;
	if (votes_format_body_fits(head, w->body, *len, w->sums))
		return 0;
	/* the last byte of a body is not zero */
	return left == *len && w->body[*len - 1] == 0 ? WALK_TORN : damaged(w, "a batch is damaged");
}

static int walk_entries(struct votes_walk *w, size_t len)
{
	struct votes_entry entry;
	size_t at = 0;

	while (votes_format_next(&entry, &at, w->body, len)) {
		int r = w->each(w->user, &entry);

		if (r)
			return r;
	}
	return at == len - 1 ? 0 : damaged(w, "a batch holds what this version does not know");
}

/* From the first batch on.  0: all of it; WALK_TORN: all before `at`; WALK_DAMAGED; a negative errno, or what `each`
 * returns. */
static int walk(struct votes_walk *w)
{
	size_t len = 0;
	int r = 0;

	w->body = malloc(VOTES_MAX_BODY);
	if (!w->body)
		return -ENOMEM;
	for (w->at = VOTES_HEADER_BYTES; !r && w->at < w->size;) {
		r = read_batch(w, &len);
		if (!r)
			r = walk_entries(w, len);
		if (!r)
			w->at += VOTES_HEAD_BYTES + len;
	}
	free(w->body);
	return r;
}

/* ---- blocks that are known ---- */

static bool is_known(const struct votes_file *v, uint64_t height, const struct wire_hash *hash)
{
	for (size_t i = 0; i < KNOWN_BLOCKS; i++) {
		if (v->known[i].height == height && hash_equal(&v->known[i].hash, hash))
			return true;
	}
	return false;
}

static void remember(struct votes_file *v, uint64_t height, const struct wire_hash *hash)
{
	v->known[v->known_next] = (struct votes_known){height, *hash};
	v->known_next = (v->known_next + 1) % KNOWN_BLOCKS;
}

/* ---- opening ---- */

/* Hands out what the file holds. */
struct votes_opening {
	struct votes_file *votes;
	const struct votes_reader *reader;
	struct arena arena;
	bool returned; /* by the reader, and not by us */
};

static int open_bft(struct votes_opening *o, const struct votes_entry *entry)
{
	struct bft_certificate polka;
	struct bft_record record;
	int r = bft_record_decode(&record, &polka, entry->payload, entry->len);

	if (r)
		return r;
	r = o->reader->bft(o->reader->user, &record, polka.count > 0 ? &polka : NULL);
	o->returned = r != 0;
	free(polka.entries);
	return r;
}

static int open_block(struct votes_opening *o, const struct votes_entry *entry)
{
	struct wire_block block;
	struct wire_hash hash;
	uint64_t height;
	int r = votes_format_block(&block, &o->arena, entry);

	if (r || !votes_format_block_name(&height, &hash, entry))
		return r ? r : WALK_DAMAGED;
	remember(o->votes, height, &hash);
	r = o->reader->block(o->reader->user, height, &hash, &block);
	o->returned = r != 0;
	return r;
}

static int open_finality(struct votes_opening *o, const struct votes_entry *entry)
{
	struct votes_finality vote;
	int r = votes_format_finality(&vote, &o->arena, entry);

	if (r)
		return r;
	r = o->reader->finality(o->reader->user, &vote);
	o->returned = r != 0;
	return r;
}

static int open_entry(void *user, const struct votes_entry *entry)
{
	struct votes_opening *o = user;

	arena_reset(&o->arena);
	switch (entry->kind) {
	case VOTES_BFT:
		return open_bft(o, entry);
	case VOTES_BLOCK:
		return open_block(o, entry);
	case VOTES_FINALITY:
		return open_finality(o, entry);
	}
	return WALK_DAMAGED;
}

#define WHAT_TO_DO                                                                                                     \
	"It holds what this masternode has signed and must not contradict. Move it away, and a validator watches two " \
	"heights before it signs again; where there are no validators, a masternode votes on no transaction for "      \
	"tx_vote_ms and tx_lock_ms (73 hours by default)"

static int refuse(const struct votes_file *v, char *text, uint64_t at, const char *fault)
{
	snprintf(text, VOTES_TEXT_SIZE, "%s is damaged at byte %" PRIu64 ": %s. " WHAT_TO_DO, v->path, at, fault);
	return 1;
}

/* Of another network, or another key. */
static int refuse_foreign(const struct votes_file *v, char *text, const char *what)
{
	snprintf(text, VOTES_TEXT_SIZE, "%s is of another %s. It belongs to another data directory: move it there",
		 v->path, what);
	return 1;
}

static int open_header(struct votes_file *v, char *text)
{
	uint8_t bytes[VOTES_HEADER_BYTES];
	struct votes_header header;
	int r;

	if (v->size < sizeof(bytes))
		return refuse(v, text, v->size, "it ends in its header");
	r = read_at(v->fd, bytes, sizeof(bytes), 0);
	if (r)
		return r;
	r = votes_format_header_read(&header, bytes);
	if (r == VOTES_FORMAT_E_DAMAGED)
		return refuse(v, text, 0, "its header is damaged");
	if (r) {
		snprintf(text, VOTES_TEXT_SIZE, "%s was written by a newer version. " WHAT_TO_DO, v->path);
		return 1;
	}
	if (!hash_equal(&header.genesis, &v->header.genesis))
		return refuse_foreign(v, text, "network");
	if (memcmp(header.key.bytes, v->header.key.bytes, sizeof(header.key.bytes)) != 0)
		return refuse_foreign(v, text, "key");
	v->header = header;
	return 0;
}

/* The last batch was never whole on the disk, so nothing of it was sent. */
static int cut(struct votes_file *v, uint64_t at)
{
	log_warn(LOG_CONSENSUS,
		 "%s ends inside a batch, as it does when writing is cut off: %" PRIu64
		 " bytes, which were never sent, are cut off at byte %" PRIu64,
		 v->path, v->size - at, at);
	if (ftruncate(v->fd, (off_t)at) || fsync(v->fd))
		return -errno;
	v->size = at;
	return 0;
}

static int open_batches(struct votes_file *v, char *text, const struct votes_reader *reader)
{
	struct votes_opening o = {.votes = v, .reader = reader};
	struct votes_walk w = {.fd = v->fd, .sums = &v->header.sums, .size = v->size, .each = open_entry, .user = &o};
	int r;

	arena_init(&o.arena, ARENA_BYTES, NULL);
	r = walk(&w);
	arena_free(&o.arena);
	if (o.returned || r <= 0)
		return r;
	if (r == WALK_TORN)
		return cut(v, w.at);
	return refuse(v, text, w.at, w.fault ? w.fault : "an entry is not what is written there");
}

static int open_file(struct votes_file *v, char *text, const struct votes_reader *reader)
{
	struct stat st;
	int r;

	if (fstat(v->fd, &st))
		return -errno;
	v->size = (uint64_t)st.st_size;
	if (v->size == 0) {
		/* The operator says that nothing was ever signed; the first sync puts a file in its place. */
		close(v->fd);
		v->fd = -1;
		return 0;
	}
	r = open_header(v, text);
	return r ? r : open_batches(v, text, reader);
}

static struct votes_file *votes_new(const char *path)
{
	size_t len = strlen(path);
	struct votes_file *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->fd = -1;
	v->path = malloc(len + 1);
	v->temporary = malloc(len + sizeof(".new"));
	if (!v->path || !v->temporary) {
		votes_close(v);
		return NULL;
	}
	memcpy(v->path, path, len + 1);
	snprintf(v->temporary, len + sizeof(".new"), "%s.new", path);
	return v;
}

int votes_open(struct votes_file **out, char text[VOTES_TEXT_SIZE], const char *path, const struct wire_hash *genesis,
	       const struct wire_key *key, const struct votes_reader *reader)
{
	struct votes_file *v = votes_new(path);
	int r = v ? 0 : -ENOMEM;

	text[0] = '\0';
	if (v) {
		v->header.genesis = *genesis;
		v->header.key = *key;
		siphash_key_random(&v->header.sums);
		/* of a start that was cut off while it was written */
		(void)unlink(v->temporary);
		v->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
		r = v->fd >= 0 ? open_file(v, text, reader) : errno == ENOENT ? 0 : -errno;
	}
	if (r) {
		if (r < 0)
			snprintf(text, VOTES_TEXT_SIZE, "%s cannot be read: %s", path, strerror(-r));
		votes_close(v);
		return r;
	}
	*out = v;
	return 0;
}

void votes_close(struct votes_file *votes)
{
	if (!votes)
		return;
	if (votes->fd >= 0)
		close(votes->fd);
	buf_free(&votes->gathered.bytes);
	free(votes->path);
	free(votes->temporary);
	free(votes);
}

/* ---- gathering ---- */

int votes_add_bft(struct votes_file *votes, const struct bft_record *record, const struct bft_certificate *polka)
{
	votes_format_begin(&votes->gathered, VOTES_BFT);
	bft_record_encode(&votes->gathered.bytes, record, polka);
	return votes_format_end(&votes->gathered, &votes->header.sums);
}

int votes_add_block(struct votes_file *votes, uint64_t height, const struct wire_hash *hash,
		    const struct wire_block *block)
{
	int r;

	if (is_known(votes, height, hash))
		return 0;
	votes_format_begin(&votes->gathered, VOTES_BLOCK);
	votes_format_put_block(&votes->gathered.bytes, height, hash, block);
	r = votes_format_end(&votes->gathered, &votes->header.sums);
	if (!r)
		remember(votes, height, hash);
	return r;
}

int votes_add_finality(struct votes_file *votes, const struct votes_finality *entry)
{
	votes_format_begin(&votes->gathered, VOTES_FINALITY);
	votes_format_put_finality(&votes->gathered.bytes, entry);
	return votes_format_end(&votes->gathered, &votes->header.sums);
}

/* ---- a new file ---- */

/* One that is being written beside the old one. */
struct votes_fresh {
	int fd;
	uint64_t size;
};

static int fresh_write(struct votes_fresh *fresh, struct buf *bytes)
{
	int r = bytes->error ? bytes->error : file_write_all(fresh->fd, bytes->data, bytes->len);

	fresh->size += bytes->len;
	buf_reset(bytes);
	return r;
}

static int fresh_open(struct votes_file *v, struct votes_fresh *fresh)
{
	struct buf header = BUF_INIT;
	int r;

	fresh->size = 0;
	fresh->fd = open(v->temporary, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fresh->fd < 0)
		return -errno;
	votes_format_header(&header, &v->header);
	r = fresh_write(fresh, &header);
	buf_free(&header);
	return r;
}

/* Takes the place of the old one, or is gone. */
static int fresh_finish(struct votes_file *v, struct votes_fresh *fresh, int r)
{
	/* whatever the umask */
	if (!r && (fchmod(fresh->fd, 0600) || fsync(fresh->fd)))
		r = -errno;
	if (!r) {
		crash_point(VOTES_BEFORE_RENAME);
		r = rename(v->temporary, v->path) ? -errno : 0;
	}
	if (r) {
		if (fresh->fd >= 0)
			close(fresh->fd);
		(void)unlink(v->temporary);
		return r;
	}
	crash_point(VOTES_AFTER_RENAME);
	if (v->fd >= 0)
		close(v->fd);
	v->fd = fresh->fd;
	v->size = v->fresh = fresh->size;
	/* without it the old file might be back after a crash, without what is appended from now on */
	v->error = file_sync_parent(v->path);
	return v->error;
}

/* ---- writing ---- */

/* With what has gathered. */
static int create(struct votes_file *v)
{
	struct votes_fresh fresh;
	int r = fresh_open(v, &fresh);

	if (!r)
		r = file_write_all(fresh.fd, v->gathered.bytes.data, v->gathered.bytes.len);
	fresh.size += v->gathered.bytes.len;
	crash_point(VOTES_BEFORE_SYNC);
	return fresh_finish(v, &fresh, r);
}

static int append(struct votes_file *v)
{
	int r = file_write_all(v->fd, v->gathered.bytes.data, v->gathered.bytes.len);

	crash_point(VOTES_BEFORE_SYNC);
	if (!r && fdatasync(v->fd))
		r = -errno;
	/* part of a batch may be there: the next start takes it for what it is */
	v->size += v->gathered.bytes.len;
	return r;
}

int votes_create(struct votes_file *votes)
{
	return votes->fd < 0 ? create(votes) : 0;
}

int votes_sync(struct votes_file *votes)
{
	int r;

	if (votes->error || votes->gathered.bytes.len == 0)
		return votes->error;
	votes_format_close(&votes->gathered, &votes->header.sums);
	crash_point(VOTES_BEFORE_WRITE);
	r = votes->fd < 0 ? create(votes) : append(votes);
	votes->error = r;
	if (r) {
		log_error(LOG_CONSENSUS, "%s cannot be written: %s", votes->path, strerror(-r));
		return r;
	}
	crash_point(VOTES_AFTER_SYNC);
	/* a block is seldom, votes are small */
	if (votes->gathered.bytes.capacity > VOTES_BATCH_BYTES / 4)
		buf_free(&votes->gathered.bytes);
	buf_reset(&votes->gathered.bytes);
	return 0;
}

uint64_t votes_size(const struct votes_file *votes)
{
	return votes->size;
}

/* ---- without what is settled ---- */

/* Copies from the old file what stays. */
struct votes_copy {
	struct votes_file *votes;
	const struct votes_keep *keep;
	uint64_t highest; /* height of the records */
	struct votes_fresh fresh;
	struct votes_batches batches;
	struct arena arena;
	struct votes_known known[KNOWN_BLOCKS]; /* that are copied */
	size_t known_next;
};

bool votes_is_due(const struct votes_file *votes)
{
	return votes->size > DUE_BYTES && votes->size / 2 >= votes->fresh;
}

static int decode_height(uint64_t *out, const struct votes_entry *entry)
{
	struct bft_certificate polka;
	struct bft_record record;
	int r = bft_record_decode(&record, &polka, entry->payload, entry->len);

	if (r)
		return r < 0 ? r : -EIO;
	free(polka.entries);
	*out = record.height;
	return 0;
}

static int find_highest(void *user, const struct votes_entry *entry)
{
	struct votes_copy *c = user;
	uint64_t height = 0;
	int r = entry->kind == VOTES_BFT ? decode_height(&height, entry) : 0;

	if (height > c->highest)
		c->highest = height;
	return r;
}

/* 0 and `*stays`, or a negative errno. */
static int judge_entry(struct votes_copy *c, bool *stays, const struct votes_entry *entry)
{
	struct votes_finality vote;
	struct wire_hash hash;
	uint64_t height = 0;
	int r = 0;

	if (entry->kind == VOTES_FINALITY) {
		arena_reset(&c->arena);
		r = votes_format_finality(&vote, &c->arena, entry);
		*stays = !r && c->keep->binds(c->keep->user, &vote.record);
		return r > 0 ? -EIO : r;
	}
	if (entry->kind == VOTES_BFT)
		r = decode_height(&height, entry);
	else if (!votes_format_block_name(&height, &hash, entry))
		r = -EIO;
	*stays = height >= c->keep->height || height == c->highest;
	if (!r && *stays && entry->kind == VOTES_BLOCK) {
		c->known[c->known_next] = (struct votes_known){height, hash};
		c->known_next = (c->known_next + 1) % KNOWN_BLOCKS;
	}
	return r;
}

static int copy_entry(void *user, const struct votes_entry *entry)
{
	const struct siphash_key *sums;
	struct votes_copy *c = user;
	bool stays = false;
	int r = judge_entry(c, &stays, entry);

	if (r || !stays)
		return r;
	sums = &c->votes->header.sums;
	votes_format_begin(&c->batches, entry->kind);
	buf_append(&c->batches.bytes, entry->payload, entry->len);
	r = votes_format_end(&c->batches, sums);
	/* a batch is full */
	return r || c->batches.open ? r : fresh_write(&c->fresh, &c->batches.bytes);
}

static int walk_old(struct votes_copy *c, int (*each)(void *user, const struct votes_entry *entry))
{
	struct votes_file *v = c->votes;
	struct votes_walk w = {.fd = v->fd, .sums = &v->header.sums, .size = v->size, .each = each, .user = c};
	int r = walk(&w);

	/* it was whole when it was opened */
	if (r > 0)
		log_error(LOG_CONSENSUS, "%s is damaged at byte %" PRIu64, v->path, w.at);
	return r > 0 ? -EIO : r;
}

int votes_rewrite(struct votes_file *votes, const struct votes_keep *keep)
{
	struct votes_copy c = {.votes = votes, .keep = keep, .fresh = {.fd = -1}};
	int r = votes->error;

	if (r || votes->fd < 0)
		return r;
	arena_init(&c.arena, ARENA_BYTES, NULL);
	r = walk_old(&c, find_highest);
	if (!r)
		r = fresh_open(votes, &c.fresh);
	if (!r)
		r = walk_old(&c, copy_entry);
	votes_format_close(&c.batches, &votes->header.sums);
	if (!r)
		r = fresh_write(&c.fresh, &c.batches.bytes);
	r = fresh_finish(votes, &c.fresh, r);
	buf_free(&c.batches.bytes);
	arena_free(&c.arena);
	if (r)
		return r;
	memcpy(votes->known, c.known, sizeof(votes->known));
	votes->known_next = c.known_next;
	return 0;
}
