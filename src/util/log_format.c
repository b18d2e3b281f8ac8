// SPDX-License-Identifier: MIT
/* Lines of the log: what log.c queues is escaped here by the calling thread and dressed here by the log thread. */
#include "log_format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plain_text.h"
#include "timed/util/text.h"
#include "timed/util/thread.h"

#define ELLIPSIS "…"
#define ELLIPSIS_BYTES (sizeof(ELLIPSIS) - 1)

static const char *const level_names[LOG_LEVEL_COUNT] = {"error", "warn", "info", "debug", "trace"};
static const char *const level_marks[LOG_LEVEL_COUNT] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
static const int level_priorities[LOG_LEVEL_COUNT] = {3, 4, 6, 7, 7}; /* syslog's numbers, as journald reads them */
static const char *const category_names[LOG_CATEGORY_COUNT] = {
	[LOG_NODE] = "node",
	[LOG_NET] = "net",
	[LOG_HEARTBEAT] = "heartbeat",
	[LOG_WIRE] = "wire",
	[LOG_MASTERNODE] = "masternode",
	[LOG_CHAIN] = "chain",
	[LOG_CONSENSUS] = "consensus",
	[LOG_MEMPOOL] = "mempool",
	[LOG_RPC] = "rpc",
};

static int name_index(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

const char *log_level_name(enum log_level level)
{
	return (unsigned int)level < LOG_LEVEL_COUNT ? level_names[level] : NULL;
}

int log_level_from_name(const char *name)
{
	return name_index(level_names, LOG_LEVEL_COUNT, name);
}

const char *log_category_name(enum log_category category)
{
	return (unsigned int)category < LOG_CATEGORY_COUNT ? category_names[category] : NULL;
}

int log_category_from_name(const char *name)
{
	return name_index(category_names, LOG_CATEGORY_COUNT, name);
}

void log_style_init(struct log_style *style, enum log_format format, bool journald)
{
	char *dot;

	memset(style, 0, sizeof(*style));
	style->format = format;
	style->journald = journald;
	style->second = INT64_MIN;
	if (gethostname(style->host, sizeof(style->host) - 1))
		snprintf(style->host, sizeof(style->host), "localhost");
	dot = strchr(style->host, '.');
	if (dot)
		*dot = '\0';
}

/* True when `s` is the beginning of a character whose rest is missing. */
static bool utf8_incomplete(const unsigned char *s, size_t len)
{
	size_t need = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 1;

	return len < need;
}

static size_t escape_bytes(char *out, const unsigned char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[4 * i] = '\\';
		out[4 * i + 1] = 'x';
		out[4 * i + 2] = digits[s[i] >> 4];
		out[4 * i + 3] = digits[s[i] & 15];
	}
	return 4 * n;
}

bool log_is_clean(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t code = 0;
		size_t n = text_decode(&code, text + at, len - at);

		if (n == 0 || text_is_control(code))
			return false;
		at += n;
	}
	return true;
}

size_t log_escape(char *out, const char *text, size_t len, bool cut)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0;
	size_t fits = 0; /* length at which an ellipsis still has room */

	for (size_t at = 0; at < len;) {
		uint32_t code = 0;
		size_t n = text_decode(&code, text + at, len - at);
		bool plain = n > 0 && !text_is_control(code);
		size_t take = n > 0 ? n : 1;
		size_t need = plain ? take : 4 * take;

		if (n == 0 && cut && utf8_incomplete(s + at, len - at))
			break;
		if (used + need > LOG_TEXT_MAX) {
			cut = true;
			break;
		}
		if (plain)
			memcpy(out + used, s + at, take);
		else
			escape_bytes(out + used, s + at, take);
		used += need;
		at += take;
		if (used + ELLIPSIS_BYTES <= LOG_TEXT_MAX)
			fits = used;
	}
	if (cut) {
		memcpy(out + fits, ELLIPSIS, ELLIPSIS_BYTES);
		used = fits + ELLIPSIS_BYTES;
	}
	return used;
}

static size_t format_json(char *out, const struct log_record *record, const char *text)
{
	time_t second = (time_t)(record->ms / 1000);
	struct tm tm;
	size_t used;

	CHECK(gmtime_r(&second, &tm));
	used = strftime(out, 32, "{\"ts\":\"%Y-%m-%dT%H:%M:%S", &tm);
	used += (size_t)snprintf(out + used, 128, ".%03dZ\",\"level\":\"%s\",\"category\":\"%s\",\"text\":\"",
				 (int)(record->ms % 1000), level_names[record->level],
				 category_names[record->category]);
	/* Control characters are gone already; what is left to escape is JSON's own. */
	for (size_t i = 0; i < record->text_bytes; i++) {
		if (text[i] == '"' || text[i] == '\\')
			out[used++] = '\\';
		out[used++] = text[i];
	}
	memcpy(out + used, "\"}\n", 3);
	return used + 3;
}

static const char *local_date(struct log_style *style, int64_t ms)
{
	time_t second = (time_t)(ms / 1000);
	struct tm tm;

	if (style->second != second) {
		CHECK(localtime_r(&second, &tm));
		strftime(style->date, sizeof(style->date), "%Y-%m-%d %H:%M:%S", &tm);
		style->second = second;
		style->utc_offset_s = tm.tm_gmtoff;
	}
	return style->date;
}

size_t log_format_line(char *out, struct log_style *style, const struct log_record *record, const char *text)
{
	int n;

	if (style->format == LOG_FORMAT_JSON)
		return format_json(out, record, text);
	if (style->journald)
		n = snprintf(out, LOG_LINE_MAX, "<%d>%s ", level_priorities[record->level], level_marks[record->level]);
	else
		n = snprintf(out, LOG_LINE_MAX, "%s.%03d [%s] %s ", local_date(style, record->ms),
			     (int)(record->ms % 1000), style->host, level_marks[record->level]);
	memcpy(out + n, text, record->text_bytes);
	out[(size_t)n + record->text_bytes] = '\n';
	return (size_t)n + record->text_bytes + 1;
}

size_t log_format_crash(char *out, size_t size, const struct log_style *style, int64_t ms, const char *text)
{
	struct plain_text t;

	plain_text_init(&t, out, size - sizeof("\"}\n"));
	if (style->format == LOG_FORMAT_JSON) {
		plain_text_add(&t, "{\"ts\":\"");
		plain_text_add_date(&t, ms / 1000, 'T');
		plain_text_add(&t, ".");
		plain_text_add_number(&t, ms % 1000, 3);
		plain_text_add(&t, "Z\",\"level\":\"error\",\"category\":\"node\",\"text\":\"");
		for (; *text; text++) {
			const char c[] = {*text, '\0'};

			plain_text_add(&t, *text == '"' ? "\\\"" : *text == '\\' ? "\\\\" : c);
		}
		t.size += 2;
		plain_text_add(&t, "\"}");
	} else {
		if (style->journald) {
			plain_text_add(&t, "<3>");
		} else {
			plain_text_add_date(&t, ms / 1000 + style->utc_offset_s, ' ');
			plain_text_add(&t, ".");
			plain_text_add_number(&t, ms % 1000, 3);
			plain_text_add(&t, " [");
			plain_text_add(&t, style->host);
			plain_text_add(&t, "] ");
		}
		plain_text_add(&t, "ERROR ");
		plain_text_add(&t, text);
	}
	t.size += 1;
	plain_text_add(&t, "\n");
	return t.len;
}
