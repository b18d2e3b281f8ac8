// SPDX-License-Identifier: MIT
/* The log: callers append records to the filling half of a double buffer, the `log` thread takes the full half, turns
 * its records into lines (log_format.c) and writes them.  The lock is held for one memcpy or one swap of the halves,
 * never across a write.  Other threads learn from two counters, queued and written, how far the thread has come; the
 * crash paths read them without the lock. */
#include "timed/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log_format.h"
#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/thread.h"

#define HALF_BYTES ((size_t)512 * 1024)
#define OUT_BYTES ((size_t)32 * 1024)
#define PIPE_CHUNK_BYTES ((size_t)4096) /* PIPE_BUF: what a pipe that polls writable takes without blocking */
#define SHORT_LINE 384				/* most lines are shorter */
#define WRITE_POLL_MS 200
#define CLOSE_PATIENCE_MS 5000
#define CRASH_PATIENCE_MS 500

struct half {
	size_t used;		/* bytes of records */
	char bytes[HALF_BYTES]; /* struct log_record and its text, one after the other */
};

static struct mutex ring_mutex = MUTEX_INITIALIZER("log", MUTEX_RANK_LOG);
/* Everything down to `out` is under ring_mutex, unless a field says otherwise. */
static struct {
	bool ready; /* conds are initialised */
	bool open;
	bool closing;
	struct cond more;    /* a line was queued, or close asked for */
	struct cond drained; /* `written` has moved */
	struct half *fill;   /* callers append here */
	struct thread thread;
	char *file_path; /* NULL: standard output; changes only while closed */
	int fd;		 /* its number never changes while open: reopening dup3()s onto it */
} ring;
static struct half halves[2];

static _Atomic uint64_t queued;		       /* lines put into the ring since the start */
static _Atomic uint64_t written;	       /* lines taken out and written, or given up */
static _Atomic uint64_t dropped;	       /* lines lost since log_open() */
static _Atomic int64_t close_deadline_ms;      /* 0: not closing */
static _Atomic int levels[LOG_CATEGORY_COUNT]; /* less LOG_LEVEL_INFO, which so is the default */

/* The log thread's own. */
static struct {
	struct log_style style;
	int fd;		   /* as ring.fd */
	bool may_block;	   /* a pipe, socket or terminal: poll before writing */
	bool torn;	   /* a write failed inside a line: begin anew on a fresh one */
	bool mended;	   /* `bytes` begins with that newline */
	uint64_t reported; /* of `dropped` */
	size_t used;
	size_t lines; /* records in `bytes` */
	char bytes[OUT_BYTES];
} out;

/* Set while a thread is inside the ring's lock and in the log thread itself: a crash there must not wait for itself. */
static _Thread_local bool inside;

static void ring_lock(void) ACQUIRE(ring_mutex);
static void ring_unlock(void) RELEASE(ring_mutex);

static NO_THREAD_SAFETY_ANALYSIS void ring_lock(void)
{
	mutex_lock(&ring_mutex);
	inside = true;
}

static NO_THREAD_SAFETY_ANALYSIS void ring_unlock(void)
{
	inside = false;
	mutex_unlock(&ring_mutex);
}

bool log_enabled(enum log_category category, enum log_level level)
{
	return level <= log_get_level(category);
}

void log_set_level(enum log_category category, enum log_level level)
{
	atomic_store_explicit(&levels[category], (int)level - LOG_LEVEL_INFO, memory_order_relaxed);
}

enum log_level log_get_level(enum log_category category)
{
	return (enum log_level)(LOG_LEVEL_INFO + atomic_load_explicit(&levels[category], memory_order_relaxed));
}

uint64_t log_dropped(void)
{
	return atomic_load(&dropped);
}

/* Waits until the output takes bytes again.  False: closing, and patience is over. */
static bool out_wait(void)
{
	for (;;) {
		struct pollfd p = {.fd = out.fd, .events = POLLOUT};
		int64_t deadline = atomic_load(&close_deadline_ms);
		bool over = deadline && clock_mono_ms() >= deadline;

		if (poll(&p, 1, over ? 0 : WRITE_POLL_MS) > 0)
			return true;
		if (over)
			return false;
	}
}

/* Writes out.bytes as far as possible and returns how many bytes that was. */
static size_t out_write(void)
{
	size_t at = 0;

	while (at < out.used) {
		size_t len = out.used - at;
		ssize_t n;

		if (out.may_block && len > PIPE_CHUNK_BYTES)
			len = PIPE_CHUNK_BYTES;
		if (out.may_block && !out_wait())
			break;
		n = write(out.fd, out.bytes + at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && out_wait())
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
		if (atomic_load(&close_deadline_ms))
			atomic_store(&close_deadline_ms, clock_mono_ms() + CLOSE_PATIENCE_MS);
	}
	return at;
}

/* Empties out.bytes.  What cannot be written is given up and, unless it is a report of such, counted: a full disk must
 * not stop the daemon.  True: all was written. */
static bool out_flush(bool report)
{
	size_t at = out_write();
	bool all = at == out.used;
	uint64_t lost = 0;

	for (size_t i = at; i < out.used; i++)
		lost += out.bytes[i] == '\n';
	if (out.mended && at == 0)
		lost--; /* the newline that was to end the torn line */
	if (!report)
		atomic_fetch_add(&dropped, lost);
	if (at > 0)
		out.torn = out.bytes[at - 1] != '\n';
	atomic_fetch_add(&written, out.lines);
	out.used = 0;
	out.lines = 0;
	out.mended = false;
	return all;
}

static void out_add(const struct log_record *record, const char *text)
{
	if (OUT_BYTES - out.used < LOG_LINE_MAX + 1)
		(void)out_flush(false);
	if (out.used == 0 && out.torn) {
		out.bytes[out.used++] = '\n';
		out.mended = true;
	}
	out.used += log_format_line(out.bytes + out.used, &out.style, record, text);
}

/* Reports lines lost up to `count`; called with out.bytes empty, after the lines that were queued before the loss. */
static void out_report_lost(uint64_t count)
{
	struct log_record record = {.ms = clock_real_ms(), .level = LOG_LEVEL_WARN, .category = LOG_NODE};
	char text[96];

	if (count == out.reported)
		return;
	record.text_bytes =
		(uint16_t)snprintf(text, sizeof(text), "⚠️ %llu log lines lost: written too slowly or not at all",
				   (unsigned long long)(count - out.reported));
	out_add(&record, text);
	if (out_flush(true))
		out.reported = count;
}

static void half_write(struct half *half)
{
	size_t at = 0;

	while (at < half->used) {
		struct log_record record;

		memcpy(&record, half->bytes + at, sizeof(record));
		at += sizeof(record);
		out_add(&record, half->bytes + at);
		out.lines++;
		at += record.text_bytes;
	}
	half->used = 0;
	(void)out_flush(false);
}

static void *log_main(void *arg)
{
	(void)arg;
	ring_lock();
	for (;;) {
		struct half *full = ring.fill;
		uint64_t lost = atomic_load(&dropped);

		if (full->used == 0 && ring.closing)
			break;
		if (full->used == 0) {
			cond_wait(&ring.more, &ring_mutex);
			continue;
		}
		ring.fill = full == &halves[0] ? &halves[1] : &halves[0];
		ring_unlock();
		inside = true; /* a crash in here must not wait for this thread */
		half_write(full);
		out_report_lost(lost);
		ring_lock();
		cond_broadcast(&ring.drained);
	}
	/* From here on lines go to stderr: none is left behind in the ring. */
	ring.open = false;
	cond_broadcast(&ring.drained);
	ring_unlock();
	out_report_lost(atomic_load(&dropped));
	return NULL;
}

/* Without the log thread: one line to stderr, in one write so that lines of two threads do not mix.  Not inlined: a worker's
 * stack shall not hold its buffer for nothing. */
__attribute__((noinline)) static void write_direct(const struct log_record *record, const char *text)
{
	struct log_style style;
	char line[LOG_LINE_MAX];
	size_t len;

	log_style_init(&style, LOG_FORMAT_PRETTY, false);
	len = log_format_line(line, &style, record, text);
	if (write(STDERR_FILENO, line, len) < 0)
		atomic_fetch_add(&dropped, 1);
}

static void enqueue(const struct log_record *record, const char *text)
{
	struct half *half;
	bool open;

	ring_lock();
	open = ring.open;
	half = ring.fill;
	if (open && HALF_BYTES - half->used < sizeof(*record) + record->text_bytes) {
		atomic_fetch_add(&dropped, 1);
	} else if (open) {
		/* The thread sleeps only when there was nothing: later lines find it on its way. */
		if (half->used == 0)
			cond_signal(&ring.more);
		memcpy(half->bytes + half->used, record, sizeof(*record));
		memcpy(half->bytes + half->used + sizeof(*record), text, record->text_bytes);
		half->used += sizeof(*record) + record->text_bytes;
		atomic_fetch_add(&queued, 1);
	}
	ring_unlock();
	if (!open)
		write_direct(record, text);
}

/* The rare line that needs escaping; apart, so that its buffer is on the stack only then. */
__attribute__((noinline)) static void enqueue_escaped(struct log_record *record, const char *raw, size_t len, bool cut)
{
	char text[LOG_TEXT_MAX];

	record->text_bytes = (uint16_t)log_escape(text, raw, len, cut);
	enqueue(record, text);
}

/* False: it does not fit, and *len is more than what is there. */
__attribute__((format(printf, 5, 0))) static bool format_line(char *raw, size_t size, size_t *len, uint32_t held_back,
							      const char *format, va_list ap)
{
	int n = vsnprintf(raw, size, format, ap);

	*len = n < 0 ? 0 : (size_t)n;
	if (*len < size && held_back) {
		n = snprintf(raw + *len, size - *len, " (%u more like this were held back)", held_back);
		*len += (size_t)n;
	}
	return *len < size;
}

static void enqueue_text(struct log_record *record, const char *raw, size_t len)
{
	if (!log_is_clean(raw, len)) {
		enqueue_escaped(record, raw, len, false);
		return;
	}
	record->text_bytes = (uint16_t)len;
	enqueue(record, raw);
}

/* The rare long line, apart for the same reason. */
__attribute__((noinline, format(printf, 3, 0))) static void write_long(struct log_record *record, uint32_t held_back,
								       const char *format, va_list ap)
{
	char raw[LOG_TEXT_MAX + 1];
	size_t len;

	if (format_line(raw, sizeof(raw), &len, held_back, format, ap))
		enqueue_text(record, raw, len);
	else
		enqueue_escaped(record, raw, sizeof(raw) - 1, true);
}

/* Its buffer is small: what the stack of a thread has once touched stays in memory, and each peer has a thread. */
__attribute__((format(printf, 4, 0))) static void write_line(enum log_category category, enum log_level level,
							     uint32_t held_back, const char *format, va_list ap)
{
	struct log_record record = {.ms = clock_real_ms(), .level = (uint8_t)level, .category = (uint8_t)category};
	char raw[SHORT_LINE];
	va_list again;
	size_t len;

	va_copy(again, ap);
	if (format_line(raw, sizeof(raw), &len, held_back, format, ap))
		enqueue_text(&record, raw, len);
	else
		write_long(&record, held_back, format, again);
	va_end(again);
}

void log_write(enum log_category category, enum log_level level, const char *format, ...)
{
	va_list ap;

	if (!log_enabled(category, level))
		return;
	va_start(ap, format);
	write_line(category, level, 0, format, ap);
	va_end(ap);
}

#define LIMIT_LINES 5
#define LIMIT_WINDOW_MS 10000

/* One for all limits: what it guards takes less time than the line that follows. */
static struct mutex limit_mutex = MUTEX_INITIALIZER("log_limit", MUTEX_RANK_LOG_LIMIT);

static void limit_slot_finish(struct log_limit *limit, int i, enum log_category category) REQUIRES(limit_mutex)
{
	uint32_t n = limit->slot[i].suppressed;

	if (n)
		log_write(category, LOG_LEVEL_INFO, "%u more lines like \"%s\" were held back", n, limit->slot[i].key);
	memset(&limit->slot[i], 0, sizeof(limit->slot[i]));
}

/* The slot of `key`; else a free one; else the one whose window is oldest, after saying what it held back. */
static int limit_find(struct log_limit *limit, const char *key, enum log_category category) REQUIRES(limit_mutex)
{
	int best = 0;

	for (int i = 0; i < LOG_LIMIT_SLOTS; i++) {
		if (limit->slot[i].key == key)
			return i;
	}
	for (int i = 0; i < LOG_LIMIT_SLOTS; i++) {
		if (!limit->slot[i].key) {
			best = i;
			break;
		}
		if (limit->slot[i].window_ms < limit->slot[best].window_ms)
			best = i;
	}
	limit_slot_finish(limit, best, category);
	limit->slot[best].key = key;
	limit->slot[best].window_ms = clock_mono_ms();
	return best;
}

/* Whether a line of this kind may be written now; *held_back: so many of them were not, before it. */
static bool limit_allows(struct log_limit *limit, uint32_t *held_back, enum log_category category, const char *format)
{
	int64_t now = clock_mono_ms();
	bool allowed;
	int i;

	*held_back = 0;
	mutex_lock(&limit_mutex);
	i = limit_find(limit, format, category);
	if (now - limit->slot[i].window_ms >= LIMIT_WINDOW_MS) {
		*held_back = limit->slot[i].suppressed;
		limit->slot[i].window_ms = now;
		limit->slot[i].written = 0;
		limit->slot[i].suppressed = 0;
	}
	allowed = limit->slot[i].written < LIMIT_LINES;
	limit->slot[i].written += allowed;
	limit->slot[i].suppressed += !allowed;
	mutex_unlock(&limit_mutex);
	return allowed;
}

void log_limited(struct log_limit *limit, enum log_category category, enum log_level level, const char *format, ...)
{
	uint32_t held_back = 0;
	va_list ap;

	if (!log_enabled(category, level) || (limit && !limit_allows(limit, &held_back, category, format)))
		return;
	va_start(ap, format);
	write_line(category, level, held_back, format, ap);
	va_end(ap);
}

void log_limit_finish(struct log_limit *limit, enum log_category category)
{
	mutex_lock(&limit_mutex);
	for (int i = 0; i < LOG_LIMIT_SLOTS; i++)
		limit_slot_finish(limit, i, category);
	mutex_unlock(&limit_mutex);
}

bool log_stdout_is_journal(void)
{
	const char *name = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return name && sscanf(name, "%llu:%llu", &device, &inode) == 2 && fstat(STDOUT_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

static int open_output(const char *file_path)
{
	int fd;

	if (file_path) {
		int r = file_make_parent(file_path, 0755);

		if (r)
			return r;
		fd = open(file_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	} else {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	}
	return fd < 0 ? -errno : fd;
}

/* Polls and does not lock, so that the crash paths may use it; bounded, since the thread may be stuck or gone. */
static void crash_wait(void)
{
	uint64_t target = atomic_load(&queued);
	struct timespec step = {.tv_nsec = 5000000};

	for (int waited = 0; waited < CRASH_PATIENCE_MS && atomic_load(&written) < target; waited += 5)
		nanosleep(&step, NULL);
}

static void on_check_failed(const char *message)
{
	if (inside)
		return;
	log_write(LOG_NODE, LOG_LEVEL_ERROR, "%.*s", (int)strcspn(message, "\n"), message);
	crash_wait();
}

/* Under ring_mutex. */
static int start_locked(const struct log_config *config, int fd, char *file_path) REQUIRES(ring_mutex)
{
	struct stat st;

	if (ring.open || ring.thread.started)
		return -EBUSY;
	if (!ring.ready) {
		cond_init(&ring.more);
		cond_init(&ring.drained);
		ring.ready = true;
	}
	memset(&out, 0, sizeof(out));
	log_style_init(&out.style, config->format, config->journald && !file_path);
	out.fd = fd;
	out.may_block = fstat(fd, &st) || !S_ISREG(st.st_mode);
	ring.fill = &halves[0];
	ring.file_path = file_path;
	ring.fd = fd;
	ring.closing = false;
	atomic_store(&close_deadline_ms, 0);
	atomic_store(&dropped, 0);
	return thread_start(&ring.thread, "log", log_main, NULL);
}

int log_open(const struct log_config *config)
{
	char *file_path = NULL;
	int fd, r;

	if (config->file_path) {
		file_path = strdup(config->file_path);
		if (!file_path)
			return -ENOMEM;
	}
	fd = open_output(file_path);
	if (fd < 0) {
		free(file_path);
		return fd;
	}
	ring_lock();
	r = start_locked(config, fd, file_path);
	if (!r)
		ring.open = true;
	ring_unlock();
	if (r) {
		close(fd);
		free(file_path);
		return r;
	}
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
		log_set_level((enum log_category)i, config->level[i]);
	check_set_hook(on_check_failed);
	return 0;
}

void log_close(void)
{
	bool open;

	ring_lock();
	open = ring.open;
	if (open) {
		ring.closing = true;
		atomic_store(&close_deadline_ms, clock_mono_ms() + CLOSE_PATIENCE_MS);
		cond_signal(&ring.more);
	}
	ring_unlock();
	if (!open)
		return;
	check_set_hook(NULL);
	thread_join(&ring.thread);
	ring_lock();
	close(ring.fd);
	ring.fd = -1;
	free(ring.file_path);
	ring.file_path = NULL;
	ring_unlock();
}

int log_reopen(void)
{
	int fd;
	int r = 0;

	/* The file is opened outside the lock: only log_close() changes the path, and it is the caller's to order. */
	if (!ring.file_path)
		return 0;
	fd = open_output(ring.file_path);
	if (fd < 0)
		return fd;
	/* Atomic for the log thread: each of its writes goes to the old file or to the new one. */
	if (dup3(fd, ring.fd, O_CLOEXEC) < 0)
		r = -errno;
	close(fd);
	return r;
}

void log_flush(void)
{
	uint64_t target;

	ring_lock();
	target = atomic_load(&queued);
	while (ring.open && atomic_load(&written) < target)
		cond_wait(&ring.drained, &ring_mutex);
	ring_unlock();
}

int log_crash_begin(void)
{
	if (!ring.open)
		return -1;
	if (!inside)
		crash_wait();
	return ring.fd;
}

size_t log_crash_line(char *out_line, const char *text)
{
	return log_format_crash(out_line, LOG_CRASH_LINE_MAX, &out.style, clock_real_ms(), text);
}
