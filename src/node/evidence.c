// SPDX-License-Identifier: MIT
#include "evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/json.h"

int evidence_init(struct evidence *e, const char *dir)
{
	memset(e, 0, sizeof(*e));
	if (asprintf(&e->path, "%s/evidence.jsonl", dir) < 0) {
		e->path = NULL;
		return -ENOMEM;
	}
	mutex_init(&e->lock, "evidence", MUTEX_RANK_LEAF);
	return 0;
}

static void item_free(struct consensus_evidence *item)
{
	free(item->one);
	free(item->other);
	*item = (struct consensus_evidence){0};
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

/* The line of a message, malloc()ed; NULL: too long, or no memory. */
static char *line_of(const struct wire_message *message)
{
	struct buf bytes = {0};
	char *line = NULL;

	if (wire_json_encode(&bytes, message) == 0 && bytes.len <= EVIDENCE_LINE_BYTES)
		line = strndup((const char *)bytes.data, bytes.len);
	buf_free(&bytes);
	return line;
}

/* Two lines of the file; what cannot be written is in the log. */
static void append(const struct evidence *e, const struct consensus_evidence *item)
{
	struct stat st;
	FILE *file;

	if (stat(e->path, &st) == 0 && st.st_size > EVIDENCE_FILE_BYTES)
		return;
	file = fopen(e->path, "ae");
	if (!file || fprintf(file, "%s\n%s\n", item->one, item->other) < 0)
		log_warn(LOG_CONSENSUS, "%s: %s", e->path, strerror(errno));
	if (file && fclose(file))
		log_warn(LOG_CONSENSUS, "%s: %s", e->path, strerror(errno));
}

void evidence_add(struct evidence *e, const struct wire_message *one, const struct wire_message *other)
{
	struct consensus_evidence item = {clock_real_s(), line_of(one), line_of(other)};

	if (!item.one || !item.other) {
		item_free(&item);
		return;
	}
	append(e, &item);
	mutex_lock(&e->lock);
	item_free(&e->items[e->next]);
	e->items[e->next] = item;
	e->next = (e->next + 1) % EVIDENCE_KEPT;
	e->count += e->count < EVIDENCE_KEPT;
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

		items[n] = (struct consensus_evidence){from->at_s, strdup(from->one), strdup(from->other)};
		whole = items[n].one && items[n].other;
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
