// SPDX-License-Identifier: MIT
/* Blocks from a file, and rebuilding: see import.h.
 *
 * The main thread reads lines, decodes them and checks their form, a batch at a time; a batch goes to the pool of
 * verify.h for its signatures while the next ones are read; and the main thread connects batches in the order of the
 * file.  A line that is wrong ends the reading, and is complained about once all that precedes it is connected. */
#include "timed/node/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "timed/node/config.h"
#include "timed/node/offline.h"
#include "timed/node/service.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/stop_signal.h"
#include "timed/util/thread.h"
#include "timeproto/chain/hash.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/line.h"
#include "verify.h"

/* Batches in hand: enough that the pool always has one while others are read and connected. */
#define BATCHES 8
#define BATCH_BLOCKS 512
#define BATCH_BYTES ((size_t)1 << 20) /* of JSON; one line may exceed it */
#define FLUSH_BYTES ((size_t)8 << 20)
#define FLUSH_INTERVAL_MS 1000
#define PROGRESS_INTERVAL_MS 3000
#define TEXT_SIZE 1024

struct import_batch {
	struct verify_job job; /* of the pool, while `submitted` and not `checked` */
	struct import *import;
	struct arena arena; /* holds blocks and ids */
	struct wire_block blocks[BATCH_BLOCKS];
	struct block_ids ids[BATCH_BLOCKS];
	uint64_t lines[BATCH_BLOCKS]; /* where each stands in the file */
	size_t count;
	size_t bytes; /* of JSON */
	uint64_t end; /* position in the file after its last line */
	bool checked; /* the pool is done with it; guarded by import.lock */
};

struct import {
	const char *path;
	int fd;
	int signal_fd; /* becomes readable when a stop signal comes */
	uint64_t size; /* of the file; 0: unknown */
	struct line_reader reader;
	uint64_t line;		 /* number of the line given out last, from 1 */
	uint64_t position;	 /* in the file, of what is given out */
	bool ended;		 /* nothing more is read: the end, a mistake, or a signal */
	bool stopped;		 /* by a signal */
	char mistake[TEXT_SIZE]; /* why the reading ended; "": no mistake */

	struct chain_store *chain;
	const struct chain_params *params;
	struct wire_hash genesis; /* its first block */
	struct verify *verify;
	uint64_t connected; /* blocks */
	uint64_t known;	    /* blocks that were there already */
	int64_t started_ms;
	int64_t written_ms;  /* when all was last on the disk */
	int64_t reported_ms; /* when progress was last logged */

	/* A ring: `batches` from `first` on, `filled` of them in hand, with `in_hand` blocks. */
	struct import_batch *batches;
	size_t first;
	size_t filled;
	size_t in_hand;

	struct mutex lock; /* guards `checked` of the batches; leaf */
	struct cond checked;
};

/* The first mistake counts: ends the reading, or what is left of the file. */
__attribute__((format(printf, 3, 4))) static void import_mistake(struct import *import, uint64_t line,
								 const char *format, ...)
{
	va_list arguments;
	int used;

	import->ended = true;
	if (line > 0)
		used = snprintf(import->mistake, TEXT_SIZE, "%.512s:%" PRIu64 ": ", import->path, line);
	else
		used = snprintf(import->mistake, TEXT_SIZE, "%.512s: ", import->path);
	va_start(arguments, format);
	vsnprintf(import->mistake + used, TEXT_SIZE - (size_t)used, format, arguments);
	va_end(arguments);
}

/* ---- Reading ---- */

/* Moves past what the reader has given out, or skipped, since it stood at `start`. */
static void import_count_lines(struct import *import, size_t start)
{
	const uint8_t *at = import->reader.data + start, *end = import->reader.data + import->reader.start;

	import->position += (uint64_t)(end - at);
	while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
		import->line++;
		at++;
	}
}

static void import_too_long(struct import *import)
{
	import_mistake(import, import->line + 1, "byte %zu: the line is longer than limits.max_frame_bytes",
		       import->reader.limit);
}

/* The next line that is not blank.  False when there is none: see `ended`, or read more. */
static bool import_next_line(struct import *import, const uint8_t **line, size_t *len)
{
	size_t start = import->reader.start;
	int r = line_reader_next(&import->reader, line, len);

	if (import->reader.data)
		import_count_lines(import, start);
	if (r == LINE_E_TOO_LONG)
		import_too_long(import);
	return r == 0;
}

/* True when the file, a pipe maybe, can be read or a stop signal has come; waits for that if asked. */
static bool import_poll(const struct import *import, bool wait)
{
	struct pollfd fds[] = {{.fd = import->fd, .events = POLLIN}, {.fd = import->signal_fd, .events = POLLIN}};
	int r;

	do {
		r = poll(fds, 2, wait ? -1 : 0);
	} while (r < 0 && errno == EINTR);
	CHECK(r >= 0);
	return r > 0;
}

/* One read of the file. */
static void import_read(struct import *import, bool *last)
{
	uint8_t *space;
	size_t room;
	ssize_t n;
	int r = line_reader_space(&import->reader, &space, &room);

	if (r == LINE_E_TOO_LONG) {
		import_too_long(import);
		return;
	}
	if (r) {
		import_mistake(import, 0, "out of memory");
		return;
	}
	(void)import_poll(import, true);
	if (stop_signal_taken()) {
		import->ended = import->stopped = true;
		return;
	}
	do {
		n = read(import->fd, space, room);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		import_mistake(import, 0, "%s", strerror(errno));
		return;
	}
	*last = n == 0;
	/* The last line may lack its newline; a blank one more does no harm. */
	if (*last)
		*space = '\n';
	line_reader_commit(&import->reader, *last ? 1 : (size_t)n);
}

/* True when the chain has this block. */
static bool import_is_known(const struct import *import, const struct wire_block *block, const struct wire_hash *hash)
{
	const struct chain_point *tip = chain_store_tip(import->chain);
	struct chain_view *view;
	struct wire_hash ours;
	bool known;

	if (block->header.height >= tip->height)
		return block->header.height == tip->height && hash_equal(hash, &tip->hash);
	/* A view shows what is written. */
	if (chain_store_gathered_bytes(import->chain) > 0 && chain_store_flush(import->chain, false))
		return false;
	view = chain_store_view(import->chain);
	known = chain_view_hash(view, &ours, block->header.height) == 0 && hash_equal(&ours, hash);
	chain_view_unref(view);
	return known;
}

/* Decodes a line into the batch and checks what the block shows by itself.  False: the batch ends before it. */
static bool import_take_line(struct import *import, struct import_batch *batch, const uint8_t *line, size_t len)
{
	struct wire_block *block = &batch->blocks[batch->count];
	struct block_ids *ids = &batch->ids[batch->count];
	struct chain_fault fault;
	struct wire_error error;
	int r = wire_json_decode_value(block, &wire_desc_block, &batch->arena, line, len, &error);

	if (r > 0) {
		import_mistake(import, import->line, "byte %zu%s%s: %s (%s)", error.offset, error.path[0] ? ", " : "",
			       error.path, error.text, wire_error_name(r));
		return false;
	}
	if (!r)
		r = block_identify(ids, &batch->arena, block);
	if (!r && import_is_known(import, block, &ids->hash)) {
		import->known++;
		return true;
	}
	if (!r && block->header.height == 0) {
		char theirs[HASH_TEXT_SIZE], ours[HASH_TEXT_SIZE];

		import_mistake(import, import->line, "another genesis block, %s; that of our chain is %s",
			       hash_text(theirs, &ids->hash), hash_text(ours, &import->genesis));
		return false;
	}
	if (!r)
		r = block_check_form(&fault, &batch->arena, block, ids);
	if (r < 0)
		import_mistake(import, import->line, "out of memory");
	else if (r > 0)
		import_mistake(import, import->line, "block %" PRIu64 ": %s (%s)", block->header.height, fault.text,
			       chain_error_name(r));
	if (r)
		return false;
	batch->lines[batch->count++] = import->line;
	batch->bytes += len;
	import->in_hand++;
	return true;
}

/* Reads lines until the batch is full or nothing is left.  False: there may be more, but who gives it takes his time,
 * and other blocks are in hand. */
static bool import_fill(struct import *import, struct import_batch *batch)
{
	bool last = false, more = true;
	const uint8_t *line;
	size_t len;

	arena_reset(&batch->arena);
	batch->count = 0;
	batch->bytes = 0;
	while (more && !import->ended && batch->count < BATCH_BLOCKS && batch->bytes < BATCH_BYTES) {
		if (import_next_line(import, &line, &len)) {
			if (!import_take_line(import, batch, line, len))
				break;
		} else if (last) {
			import->ended = true;
		} else if (!import->ended) {
			more = import->in_hand == 0 || import_poll(import, false);
			if (more)
				import_read(import, &last);
		}
	}
	batch->end = import->position;
	return more;
}

/* ---- Signatures ---- */

static void import_checked(struct verify_job *job)
{
	struct import_batch *batch = (struct import_batch *)(void *)job;
	struct import *import = batch->import;

	mutex_lock(&import->lock);
	batch->checked = true;
	cond_signal(&import->checked);
	mutex_unlock(&import->lock);
}

static void import_submit(struct import *import, struct import_batch *batch)
{
	batch->import = import;
	batch->checked = false; /* the pool does not have it yet */
	batch->job = (struct verify_job){
		.blocks = batch->blocks, .ids = batch->ids, .count = batch->count, .done = import_checked};
	verify_submit(import->verify, &batch->job);
}

static void import_wait(struct import *import, const struct import_batch *batch)
{
	mutex_lock(&import->lock);
	while (!batch->checked)
		cond_wait(&import->checked, &import->lock);
	mutex_unlock(&import->lock);
}

/* ---- Connecting ---- */

/* Writes what has gathered when it is much, or old.  0 or an enum store_error. */
static int import_flush(struct import *import)
{
	int64_t now_ms = clock_mono_ms();
	bool sync = now_ms - import->written_ms >= FLUSH_INTERVAL_MS;

	if (!sync && chain_store_gathered_bytes(import->chain) < FLUSH_BYTES)
		return 0;
	if (sync)
		import->written_ms = now_ms;
	return chain_store_flush(import->chain, sync);
}

/* False when the block does not get on: the reason is then noted. */
static bool import_connect(struct import *import, const struct import_batch *batch, size_t i)
{
	const struct wire_block *block = &batch->blocks[i];
	const struct chain_point *tip = chain_store_tip(import->chain);
	struct chain_fault fault;
	char hash[HASH_TEXT_SIZE];
	int r;

	if (import_is_known(import, block, &batch->ids[i].hash)) {
		import->known++;
		return true;
	}
	if (block->header.height <= tip->height) {
		import_mistake(import, batch->lines[i],
			       "block %" PRIu64 " (%s) is not the one that the chain, at height %" PRIu64 ", has there",
			       block->header.height, hash_text(hash, &batch->ids[i].hash), tip->height);
		return false;
	}
	r = chain_store_connect(import->chain, &fault, block, &batch->ids[i], clock_real_s());
	if (r == CHAIN_STORE_E_RULE)
		import_mistake(import, batch->lines[i], "block %" PRIu64 ": %s (%s)", block->header.height, fault.text,
			       chain_error_name((int)fault.error));
	else if (!r)
		r = import_flush(import);
	if (r && r != CHAIN_STORE_E_RULE)
		import_mistake(import, batch->lines[i], "block %" PRIu64 " cannot be stored: %s", block->header.height,
			       r < 0 ? strerror(-r) : store_error_name(r));
	if (!r)
		import->connected++;
	return r == 0;
}

static void import_report(struct import *import, uint64_t position)
{
	int64_t now_ms = clock_mono_ms(), spent_ms = now_ms - import->started_ms;
	uint64_t height = chain_store_tip(import->chain)->height;
	uint64_t rate = spent_ms > 0 ? import->connected * 1000 / (uint64_t)spent_ms : 0, left_s;

	if (now_ms - import->reported_ms < PROGRESS_INTERVAL_MS)
		return;
	import->reported_ms = now_ms;
	if (import->size == 0 || position == 0) {
		log_info(LOG_CHAIN, "⏳ Importing: height %" PRIu64 ", %" PRIu64 " blocks/s", height, rate);
		return;
	}
	left_s = position < import->size
			 ? (uint64_t)((double)spent_ms / 1000 * (double)(import->size - position) / (double)position)
			 : 0;
	log_info(LOG_CHAIN,
		 "⏳ Importing: height %" PRIu64 ", %" PRIu64 " %%, %" PRIu64 " blocks/s, %" PRIu64 ":%02" PRIu64
		 ":%02" PRIu64 " left",
		 height, 100 * position / import->size, rate, left_s / 3600, left_s / 60 % 60, left_s % 60);
}

/* The oldest batch goes onto the chain.  False: this was the last one. */
static bool import_connect_batch(struct import *import, const struct import_batch *batch)
{
	size_t good = batch->job.error ? batch->job.bad_block : batch->count;

	for (size_t i = 0; i < good; i++) {
		import->stopped = import->stopped || stop_signal_taken();
		if (import->stopped || !import_connect(import, batch, i))
			return false;
	}
	import_report(import, batch->end);
	if (!batch->job.error)
		return true;
	import_mistake(import, batch->lines[good], "block %" PRIu64 ": %s (%s)", batch->blocks[good].header.height,
		       batch->job.fault.text, chain_error_name(batch->job.error));
	return false;
}

/* ---- The whole ---- */

/* Fills batches and hands them to the pool, as long as there are lines and room. */
static void import_gather(struct import *import)
{
	bool more = true;

	while (more && !import->ended && import->filled < BATCHES) {
		struct import_batch *batch = &import->batches[(import->first + import->filled++) % BATCHES];

		more = import_fill(import, batch);
		import_submit(import, batch);
	}
}

/* Reads, checks and connects until the end, a mistake or a signal. */
static void import_all(struct import *import)
{
	bool goes_on = true;

	while (goes_on) {
		struct import_batch *batch;

		import_gather(import);
		if (import->filled == 0)
			return;
		batch = &import->batches[import->first];
		import_wait(import, batch);
		goes_on = import_connect_batch(import, batch);
		import->in_hand -= batch->count;
		import->first = (import->first + 1) % BATCHES;
		import->filled--;
	}
	/* What the pool still has. */
	for (size_t i = 0; i < import->filled; i++)
		import_wait(import, &import->batches[(import->first + i) % BATCHES]);
}

static enum import_outcome import_finish(struct import *import)
{
	const struct chain_point *tip = chain_store_tip(import->chain);
	char hash[HASH_TEXT_SIZE];
	int r = chain_store_flush(import->chain, true);

	if (r && (import->stopped || !import->mistake[0]))
		import_mistake(import, 0, "what was imported last cannot be stored: %s",
			       r < 0 ? strerror(-r) : store_error_name(r));
	log_info(LOG_CHAIN,
		 "Imported %" PRIu64 " blocks from %s (%" PRIu64 " were there already): height %" PRIu64 ", tip %s",
		 import->connected, import->path, import->known, tip->height, hash_text(hash, &tip->hash));
	/* Of a stop nobody knows whether it would have come to a mistake further on. */
	if (import->mistake[0] && (r || !import->stopped)) {
		log_error(LOG_CHAIN, "❌ Import ended: %s", import->mistake);
		return IMPORT_FAILED;
	}
	if (import->stopped) {
		log_info(LOG_CHAIN, "Import stopped: the rest of %s is not imported; the same command goes on with it",
			 import->path);
		return IMPORT_STOPPED;
	}
	return IMPORT_DONE;
}

/* 0, or the reason is logged. */
static int import_prepare(struct import *import)
{
	struct stat st;
	sigset_t set;
	int r;

	stop_signal_set(&set);
	import->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	import->fd = strcmp(import->path, "-") == 0 ? STDIN_FILENO : open(import->path, O_RDONLY | O_CLOEXEC);
	if (import->fd < 0 || import->signal_fd < 0 || fstat(import->fd, &st) != 0) {
		log_error(LOG_CHAIN, "❌ Import: %s: %s", import->path, strerror(errno));
		return -1;
	}
	if (S_ISREG(st.st_mode))
		import->size = (uint64_t)st.st_size;
	import->batches = calloc(BATCHES, sizeof(*import->batches));
	r = import->batches ? verify_start(&import->verify, import->params, 0) : -ENOMEM;
	if (r) {
		log_error(LOG_CHAIN, "❌ Import: %s", strerror(-r));
		return -1;
	}
	for (size_t i = 0; i < BATCHES; i++)
		arena_init(&import->batches[i].arena, SIZE_MAX, NULL);
	import->started_ms = import->written_ms = import->reported_ms = clock_mono_ms();
	return 0;
}

static void import_release(struct import *import)
{
	verify_free(import->verify);
	for (size_t i = 0; import->batches && i < BATCHES; i++)
		arena_free(&import->batches[i].arena);
	free(import->batches);
	line_reader_free(&import->reader);
	if (import->fd > STDIN_FILENO)
		close(import->fd);
	if (import->signal_fd >= 0)
		close(import->signal_fd);
	cond_destroy(&import->checked);
	mutex_destroy(&import->lock);
}

static enum import_outcome import_into(struct offline *offline, const struct config *config, const char *path)
{
	struct import import = {
		.path = path,
		.fd = -1,
		.signal_fd = -1,
		.chain = offline_chain(offline),
		.params = offline_chain_params(offline),
		.genesis = offline_genesis(offline)->hash,
	};
	enum import_outcome outcome = IMPORT_FAILED;

	mutex_init(&import.lock, "import", MUTEX_RANK_LEAF);
	cond_init(&import.checked);
	line_reader_init(&import.reader, config->limits.max_frame_bytes);
	if (import_prepare(&import) == 0) {
		log_info(LOG_CHAIN, "Importing blocks from %s onto height %" PRIu64, path,
			 chain_store_tip(import.chain)->height);
		import_all(&import);
		outcome = import_finish(&import);
	}
	import_release(&import);
	return outcome;
}

/* During a rebuild at the opening: one that was asked for, or one that was stopped and goes on.  The store logs it. */
static bool import_goes_on(void *user, uint64_t height, uint64_t of)
{
	(void)user;
	service_step("Rebuilding the indexes", height, of);
	return !stop_signal_taken();
}

/* The validators go into `arena`.  0; -ECANCELED: a signal has stopped a rebuild; or an error, the reason is logged. */
static int import_open(struct offline **out, struct arena *arena, const struct config *config)
{
	struct chain_params chain;
	const struct offline_params params = {
		.data_dir = config->storage.data_dir,
		.chain = &chain,
		.cache_bytes = (size_t)config->storage.cache_size_mb << 20,
		.create = true,
		.memory = config->storage.backend == CONFIG_BACKEND_MEMORY,
		.recover_wal = config->storage.recover_wal,
		.reindex = config->storage.reindex,
		.progress = import_goes_on,
	};
	char text[OFFLINE_TEXT_SIZE];
	int r;

	if (sodium_init() < 0) {
		log_error(LOG_CHAIN, "No source of randomness");
		return STORE_E_IO;
	}
	r = config_chain_params(&chain, text, arena, config);
	if (!r)
		r = offline_open(out, text, &params);
	if (r == -ECANCELED)
		log_info(LOG_CHAIN, "Rebuilding stopped: the next start goes on with it");
	else if (r)
		log_error(LOG_CHAIN, "%s", text);
	return r;
}

enum import_outcome import_blocks(const struct config *config, const char *path)
{
	struct offline *offline = NULL;
	enum import_outcome outcome;
	struct arena arena;
	int r;

	arena_init(&arena, SIZE_MAX, NULL);
	r = import_open(&offline, &arena, config);
	if (r)
		outcome = r == -ECANCELED ? IMPORT_STOPPED : IMPORT_FAILED;
	else
		outcome = import_into(offline, config, path);
	offline_close(offline);
	arena_free(&arena);
	return outcome;
}
