// SPDX-License-Identifier: MIT
/* See recorder.h.  One struct recording for each IP, each with a bounded queue of pieces and a thread that turns them
 * into text and writes it. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/log.h"
#include "timed/util/thread.h"

/* What may wait for the disk; beyond it is lost. */
#define QUEUE_BYTES ((size_t)8 << 20)
/* The last lines of a file that is full must fit. */
#define RESERVE_BYTES ((uint64_t)512)

struct item {
	struct item *next;
	struct record_piece piece; /* its bytes follow */
	uint8_t bytes[];
};

struct recording {
	struct recording *next;
	struct recorder *recorder;
	/* Immutable. */
	struct net_ip ip;
	char path[WIRE_RECORD_PATH_SIZE];
	uint64_t max_bytes;
	int64_t real_us; /* what to add to monotonic microseconds for Unix time */
	struct thread thread;

	/* Guarded by the recorder's lock. */
	struct item *first, **last; /* the queue */
	size_t queued_bytes;
	size_t lost_bytes; /* not queued since the last piece that was */
	bool ending;	   /* no piece is taken any more; the thread finishes */
	bool finished;	   /* the thread has; `result` is set */
	struct wire_record_result result;

	/* The thread's own. */
	int fd;
	struct record_text text;
	struct buf out; /* to be written */
	uint64_t written;
	enum wire_record_end end;
};

struct recorder {
	struct mutex lock; /* guards the list and what is said above; leaf */
	struct cond cond;  /* a queue has got its first piece, a recording is to end, or has finished */
	struct recording *recordings;
	unsigned count;
	/* Immutable. */
	const char *network; /* outlives the net */
	size_t max_line;
};

const char *wire_record_end_name(enum wire_record_end end)
{
	static const char *const names[] = {
		[WIRE_RECORD_RUNNING] = "running", [WIRE_RECORD_STOPPED] = "stopped", [WIRE_RECORD_FULL] = "full",
		[WIRE_RECORD_MEMORY] = "memory",   [WIRE_RECORD_FAILED] = "failed",
	};

	return names[end];
}

int recorder_create(struct recorder **out, const char *network, size_t max_line)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	mutex_init(&r->lock, "recorder", MUTEX_RANK_LEAF);
	cond_init(&r->cond);
	r->network = network;
	r->max_line = max_line;
	*out = r;
	return 0;
}

static struct recording *find_locked(struct recorder *r, const struct net_ip *ip) REQUIRES(r->lock)
{
	struct recording *one = r->recordings;

	while (one && !net_ip_equal(&one->ip, ip))
		one = one->next;
	return one;
}

/* ---- the recording's thread ---- */

/* Writes what is collected.  False: the recording has ended. */
static bool write_out(struct recording *one)
{
	int r;

	if (one->out.len == 0)
		return true;
	r = file_write_all(one->fd, one->out.data, one->out.len);
	if (r) {
		log_warn(LOG_NET, "Recording to %s ends: %s", one->path, strerror(-r));
		one->end = WIRE_RECORD_FAILED;
		return false;
	}
	one->written += one->out.len;
	buf_reset(&one->out);
	return true;
}

/* False: the recording has ended. */
static bool take(struct recording *one, const struct record_piece *piece)
{
	size_t before = one->out.len;
	uint64_t lines = one->text.lines;

	record_text_piece(&one->text, &one->out, piece);
	if (one->out.error) {
		one->out.error = 0;
		one->end = WIRE_RECORD_MEMORY;
	} else if (one->written + one->out.len + RESERVE_BYTES > one->max_bytes) {
		one->end = WIRE_RECORD_FULL;
	} else {
		return true;
	}
	one->out.len = before; /* whole pieces only */
	one->text.lines = lines;
	return false;
}

/* Takes everything that is queued, and how much was not.  False: neither, and it is to end. */
static bool next_items(struct recording *one, struct item **items, size_t *lost)
{
	struct recorder *r = one->recorder;

	mutex_lock(&r->lock);
	while (!one->first && one->lost_bytes == 0 && !one->ending)
		cond_wait(&r->cond, &r->lock);
	*items = one->first;
	*lost = one->lost_bytes;
	one->first = NULL;
	one->last = &one->first;
	one->queued_bytes = one->lost_bytes = 0;
	mutex_unlock(&r->lock);
	return *items || *lost > 0;
}

static void free_items(struct item *items)
{
	while (items) {
		struct item *next = items->next;

		free(items);
		items = next;
	}
}

/* What was not queued came after what was. */
static bool take_all(struct recording *one, const struct item *items, size_t lost)
{
	struct record_piece loss = {
		.kind = RECORD_LOST,
		.time_us = clock_mono_us() + one->real_us,
		.len = lost,
	};

	for (const struct item *i = items; i; i = i->next) {
		if (!take(one, &i->piece))
			return false;
	}
	return (lost == 0 || take(one, &loss)) && write_out(one);
}

static void finish(struct recording *one)
{
	struct recorder *r = one->recorder;

	if (one->end == WIRE_RECORD_RUNNING)
		one->end = WIRE_RECORD_STOPPED;
	if (one->end != WIRE_RECORD_FAILED) {
		record_text_end(&one->out, wire_record_end_name(one->end), clock_mono_us() + one->real_us);
		(void)write_out(one);
	}
	close(one->fd);
	log_info(LOG_NET, "Recording to %s has ended (%s): %" PRIu64 " lines, %" PRIu64 " bytes", one->path,
		 wire_record_end_name(one->end), one->text.lines, one->written);
	mutex_lock(&r->lock);
	one->ending = one->finished = true;
	free_items(one->first);
	one->first = NULL;
	one->last = &one->first;
	memcpy(one->result.path, one->path, sizeof(one->path));
	one->result.end = one->end;
	one->result.lines = one->text.lines;
	one->result.bytes = one->written;
	one->result.lost = one->text.lost + one->lost_bytes;
	cond_broadcast(&r->cond);
	mutex_unlock(&r->lock);
	record_text_free(&one->text);
	buf_free(&one->out);
}

static void *recording_run(void *arg)
{
	struct recording *one = arg;
	struct item *items;
	size_t lost;
	bool go_on = write_out(one); /* whoever looks sees what the file will be */

	while (go_on && next_items(one, &items, &lost)) {
		go_on = take_all(one, items, lost);
		free_items(items);
	}
	finish(one);
	return NULL;
}

/* ---- on and off ---- */

/* Of its IP and the time, which no other file has. */
static int open_file(struct recording *one, const char *directory, int64_t now_us)
{
	char ip[NET_IP_TEXT_SIZE];
	int r = file_make_directories(directory, 0700);

	if (r)
		return r;
	net_ip_text(ip, &one->ip);
	for (char *c = ip; *c; c++) {
		if (*c == ':')
			*c = '-';
	}
	/* A name that another recording of this millisecond has taken is left to it. */
	for (int64_t ms = now_us / 1000;; ms++) {
		r = snprintf(one->path, sizeof(one->path), "%s/%s-%" PRId64 ".jsonl", directory, ip, ms);
		if (r < 0 || (size_t)r >= sizeof(one->path))
			return -ENAMETOOLONG;
		one->fd = open(one->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (one->fd >= 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
}

static void recording_free(struct recording *one)
{
	if (one->thread.started)
		thread_join(&one->thread);
	free(one);
}

static int recording_start(struct recording **out, struct recorder *r, const struct net_ip *ip, const char *directory,
			   uint64_t max_bytes)
{
	struct recording *one = calloc(1, sizeof(*one));
	char text[NET_IP_TEXT_SIZE];
	int64_t now_us = clock_real_ms() * 1000;
	int error;

	if (!one)
		return -ENOMEM;
	one->recorder = r;
	one->ip = *ip;
	one->max_bytes = max_bytes;
	one->real_us = now_us - clock_mono_us();
	one->last = &one->first;
	record_text_init(&one->text, r->max_line);
	net_ip_text(text, ip);
	record_text_begin(&one->out, r->network, text, now_us);
	error = open_file(one, directory, now_us);
	if (error) {
		buf_free(&one->out);
		free(one);
		return error;
	}
	error = thread_start(&one->thread, "recorder", recording_run, one);
	if (error) {
		close(one->fd);
		(void)unlink(one->path);
		buf_free(&one->out);
		free(one);
		return error;
	}
	*out = one;
	return 0;
}

/* One that has ended by itself makes room for a new one of its IP. */
static struct recording *remove_finished_locked(struct recorder *r, const struct net_ip *ip) REQUIRES(r->lock)
{
	struct recording **at = &r->recordings, *one;

	while (*at && !net_ip_equal(&(*at)->ip, ip))
		at = &(*at)->next;
	one = *at;
	if (!one || !one->finished)
		return NULL;
	*at = one->next;
	r->count--;
	return one;
}

int recorder_start(struct recorder *r, const struct net_ip *ip, const char *directory, uint64_t max_bytes,
		   char path[WIRE_RECORD_PATH_SIZE])
{
	struct recording *one, *former;
	int error = 0;

	mutex_lock(&r->lock);
	former = remove_finished_locked(r, ip);
	one = find_locked(r, ip);
	if (one) {
		memcpy(path, one->path, sizeof(one->path));
		error = WIRE_RECORD_E_EXISTS;
	} else if (r->count == WIRE_RECORD_MAX) {
		error = WIRE_RECORD_E_MANY;
	} else {
		r->count++; /* the place is ours while the file is made */
	}
	mutex_unlock(&r->lock);
	if (former)
		recording_free(former);
	if (error)
		return error;
	error = recording_start(&one, r, ip, directory, max_bytes);
	mutex_lock(&r->lock);
	if (error) {
		r->count--;
	} else {
		memcpy(path, one->path, sizeof(one->path));
		one->next = r->recordings;
		r->recordings = one;
	}
	mutex_unlock(&r->lock);
	return error;
}

int recorder_stop(struct recorder *r, const struct net_ip *ip, int64_t wait_ms, struct wire_record_result *out)
{
	int64_t deadline_ms = clock_mono_ms() + wait_ms;
	struct recording *one;
	int error = 0;

	mutex_lock(&r->lock);
	/* Somebody else may take it away while we wait. */
	while ((one = find_locked(r, ip)) && !one->finished && !error) {
		one->ending = true;
		cond_broadcast(&r->cond);
		if (cond_wait_until(&r->cond, &r->lock, deadline_ms))
			error = WIRE_RECORD_E_BUSY;
	}
	if (!one)
		error = WIRE_RECORD_E_NONE;
	else if (one->finished)
		error = 0;
	if (!error) {
		one = remove_finished_locked(r, ip);
		*out = one->result;
	}
	mutex_unlock(&r->lock);
	if (!error)
		recording_free(one);
	return error;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	mutex_lock(&r->lock);
	for (struct recording *one = r->recordings; one; one = one->next)
		one->ending = true;
	cond_broadcast(&r->cond);
	mutex_unlock(&r->lock);
	while (r->recordings) {
		struct recording *one = r->recordings;

		r->recordings = one->next;
		recording_free(one);
	}
	cond_destroy(&r->cond);
	mutex_destroy(&r->lock);
	free(r);
}

/* ---- what is put ---- */

bool recorder_has(struct recorder *r, const struct net_ip *ip)
{
	const struct recording *one;
	bool has;

	mutex_lock(&r->lock);
	one = find_locked(r, ip);
	has = one && !one->ending;
	mutex_unlock(&r->lock);
	return has;
}

static void lose_locked(struct recorder *r, struct recording *one, const struct record_piece *piece) REQUIRES(r->lock)
{
	one->lost_bytes += piece->len > 0 ? piece->len : 1;
	cond_broadcast(&r->cond);
}

/* Takes the item over. */
static void queue_locked(struct recorder *r, struct recording *one, struct item *item) REQUIRES(r->lock)
{
	size_t bytes = sizeof(*item) + item->piece.len;

	/* Once something is lost, nothing is queued before the loss is told. */
	if (one->lost_bytes > 0 || one->queued_bytes + bytes > QUEUE_BYTES) {
		lose_locked(r, one, &item->piece);
		free(item);
		return;
	}
	item->piece.time_us = clock_mono_us() + one->real_us; /* here, so that it never goes back in the file */
	if (!one->first)
		cond_broadcast(&r->cond);
	*one->last = item;
	one->last = &item->next;
	one->queued_bytes += bytes;
}

void recorder_put(struct recorder *r, const struct record_piece *piece)
{
	struct item *item;
	struct recording *one;

	if (!recorder_has(r, &piece->addr.ip))
		return;
	item = malloc(sizeof(*item) + piece->len);
	if (item) {
		item->next = NULL;
		item->piece = *piece;
		item->piece.bytes = item->bytes;
		if (piece->len > 0)
			memcpy(item->bytes, piece->bytes, piece->len);
	}
	mutex_lock(&r->lock);
	one = find_locked(r, &piece->addr.ip);
	if (one && !one->ending && item)
		queue_locked(r, one, item);
	else if (one && !item)
		lose_locked(r, one, piece);
	if (!one || one->ending)
		free(item);
	mutex_unlock(&r->lock);
}
