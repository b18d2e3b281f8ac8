// SPDX-License-Identifier: MIT
#include "evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timed/util/log.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/json.h"

/* A line of the file: {"time":N,"first":MESSAGE,"second":MESSAGE} */
#define TIME "{\"time\":"
#define FIRST ",\"first\":"
#define SECOND ",\"second\":"

static void item_free(struct consensus_evidence *item)
{
	free(item->first);
	free(item->second);
	*item = (struct consensus_evidence){0};
}

/* The newest of those at hand; the oldest goes. */
static void put_locked(struct evidence *e, const struct consensus_evidence *item) REQUIRES(e->lock)
{
	item_free(&e->items[e->next]);
	e->items[e->next] = *item;
	e->next = (e->next + 1) % EVIDENCE_KEPT;
	e->count += e->count < EVIDENCE_KEPT;
}

/* ---- The file ---- */

static bool is_message(const char *text, size_t len)
{
	struct wire_message message;
	struct arena arena;
	bool is;

	arena_init(&arena, SIZE_MAX, NULL);
	is = wire_json_decode(&message, &arena, (const uint8_t *)text, len, NULL) == 0;
	arena_free(&arena);
	return is;
}

/* A line without its newline.  0, -EINVAL: it is none of ours, or -ENOMEM. */
static int parse(struct consensus_evidence *out, const char *line)
{
	const char *first, *second, *end;
	char *after;

	*out = (struct consensus_evidence){0};
	if (strncmp(line, TIME, strlen(TIME)) != 0)
		return -EINVAL;
	end = line + strlen(line) - 1;
	out->at_s = strtoll(line + strlen(TIME), &after, 10);
	second = strstr(after, SECOND);
	if (strncmp(after, FIRST, strlen(FIRST)) != 0 || !second)
		return -EINVAL;
	first = after + strlen(FIRST);
	if (!is_message(first, (size_t)(second - first)))
		return -EINVAL;
	out->first = strndup(first, (size_t)(second - first));
	second += strlen(SECOND);
	if (end < second || *end != '}' || !is_message(second, (size_t)(end - second))) {
		item_free(out);
		return -EINVAL;
	}
	out->second = strndup(second, (size_t)(end - second));
	if (out->first && out->second)
		return 0;
	item_free(out);
	return -ENOMEM;
}

/* Whole lines. */
static int load_lines(struct evidence *e, char *text, size_t len)
{
	int number = 1, r = 0;

	for (char *line = text, *end; line < text + len && r != -ENOMEM; line = end + 1, number++) {
		struct consensus_evidence item;

		end = memchr(line, '\n', (size_t)(text + len - line));
		*end = '\0';
		r = parse(&item, line);
		if (r == -EINVAL)
			log_warn(LOG_CONSENSUS, "%s: line %d is no evidence", e->path, number);
		if (r)
			continue;
		mutex_lock(&e->lock);
		put_locked(e, &item);
		mutex_unlock(&e->lock);
	}
	return r == -ENOMEM ? r : 0;
}

/* What earlier runs have kept.  The end of a line that a crash has cut off goes; what else is wrong is in the log. */
static int load(struct evidence *e)
{
	size_t len, whole;
	char *text;
	int r = file_read(&text, &len, e->path, EVIDENCE_FILE_BYTES);

	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	if (r) {
		log_warn(LOG_CONSENSUS, "%s: %s", e->path, strerror(-r));
		return 0;
	}
	for (whole = len; whole > 0 && text[whole - 1] != '\n'; whole--)
		;
	if (whole < len && truncate(e->path, (off_t)whole))
		log_warn(LOG_CONSENSUS, "%s: %s", e->path, strerror(errno));
	r = load_lines(e, text, whole);
	free(text);
	return r;
}

/* The whole line or none of it; what cannot be written is in the log. */
static int append_line(struct evidence *e, int fd, const char *line, size_t len)
{
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return -errno;
	if ((uint64_t)st.st_size + len > EVIDENCE_FILE_BYTES) {
		if (!atomic_exchange(&e->full, true))
			log_warn(LOG_CONSENSUS, "%s is full (%d bytes): no more evidence is kept in it", e->path,
				 EVIDENCE_FILE_BYTES);
		return 0;
	}
	r = file_write_all(fd, line, len);
	if (r && ftruncate(fd, st.st_size))
		log_warn(LOG_CONSENSUS, "%s: %s", e->path, strerror(errno));
	return r;
}

static void append(struct evidence *e, const struct consensus_evidence *item)
{
	int fd = open(e->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char *line = NULL;
	int len = asprintf(&line, TIME "%" PRId64 FIRST "%s" SECOND "%s}\n", item->at_s, item->first, item->second);
	int r = fd < 0 ? -errno : len < 0 ? -ENOMEM : append_line(e, fd, line, (size_t)len);

	if (r)
		log_warn(LOG_CONSENSUS, "%s: %s", e->path, strerror(-r));
	if (len >= 0)
		free(line);
	if (fd >= 0)
		close(fd);
}

/* ---- The list ---- */

int evidence_init(struct evidence *e, const char *dir)
{
	int r;

	memset(e, 0, sizeof(*e));
	if (asprintf(&e->path, "%s/evidence.jsonl", dir) < 0) {
		e->path = NULL;
		return -ENOMEM;
	}
	mutex_init(&e->lock, "evidence", MUTEX_RANK_LEAF);
	atomic_init(&e->full, false);
	r = load(e);
	if (r)
		evidence_destroy(e);
	return r;
}

void evidence_destroy(struct evidence *e)
{
	if (!e->path)
		return;
	for (size_t i = 0; i < EVIDENCE_KEPT; i++)
		item_free(&e->items[i]);
	mutex_destroy(&e->lock);
	free(e->path);
	e->path = NULL;
}

/* The line of a message, malloc()ed; NULL: no memory.  Of a block its header alone: that is what is signed. */
static char *line_of(const struct wire_message *message)
{
	struct wire_message bare = *message;
	struct buf bytes = {0};
	char *line = NULL;

	if (bare.type == WIRE_BLOCK_PROPOSAL)
		bare.u.block_proposal.block = (struct wire_block){.header = message->u.block_proposal.block.header};
	if (wire_json_encode(&bytes, &bare) == 0)
		line = strndup((const char *)bytes.data, bytes.len);
	buf_free(&bytes);
	return line;
}

void evidence_add(struct evidence *e, const struct wire_message *first, const struct wire_message *second)
{
	struct consensus_evidence item = {clock_real_s(), line_of(first), line_of(second)};

	if (!item.first || !item.second) {
		item_free(&item);
		return;
	}
	append(e, &item);
	mutex_lock(&e->lock);
	put_locked(e, &item);
	mutex_unlock(&e->lock);
}

void consensus_evidence_free(struct consensus_evidence *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		item_free(&items[i]);
	free(items);
}

int evidence_list(struct evidence *e, struct consensus_evidence **out, size_t *count)
{
	struct consensus_evidence *items = calloc(EVIDENCE_KEPT, sizeof(*items));
	bool whole = items != NULL;
	size_t n = 0;

	mutex_lock(&e->lock);
	for (size_t i = 0; whole && i < e->count; i++) {
		const struct consensus_evidence *from =
			&e->items[(e->next + EVIDENCE_KEPT - e->count + i) % EVIDENCE_KEPT];

		items[n] = (struct consensus_evidence){from->at_s, strdup(from->first), strdup(from->second)};
		whole = items[n].first && items[n].second;
		n++;
	}
	mutex_unlock(&e->lock);
	if (!whole) {
		consensus_evidence_free(items, n);
		return -ENOMEM;
	}
	*out = items;
	*count = n;
	return 0;
}
