// SPDX-License-Identifier: MIT
/* See record_text.h. */
#include "record_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "timeproto/base/hex.h"

static const char *const sides[] = {[RECORD_PEER] = "peer", [RECORD_US] = "us"};

void record_text_init(struct record_text *t, size_t max_line)
{
	memset(t, 0, sizeof(*t));
	t->max_line = max_line;
}

void record_text_free(struct record_text *t)
{
	for (int i = 0; i < RECORD_STREAMS; i++) {
		buf_free(&t->streams[i].line[RECORD_PEER]);
		buf_free(&t->streams[i].line[RECORD_US]);
	}
	memset(t, 0, sizeof(*t));
}

/* Short texts without anything that JSON escapes. */
__attribute__((format(printf, 2, 3))) static void add(struct buf *out, const char *format, ...)
{
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	buf_append_text(out, text);
}

void record_text_begin(struct buf *out, const char *network, const char *peer_ip, int64_t time_us)
{
	add(out, "{\"recording\":1,\"network\":\"%s\",\"peer\":\"%s\",\"time_us\":%" PRId64 "}\n", network, peer_ip,
	    time_us);
}

void record_text_end(struct buf *out, const char *reason, int64_t time_us)
{
	add(out, "{\"time_us\":%" PRId64 ",\"event\":\"end\",\"reason\":\"%s\"}\n", time_us, reason);
}

static bool is_plain(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	}
	return true;
}

static void add_string(struct buf *out, const uint8_t *bytes, size_t len)
{
	size_t begin = 0;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '"' && bytes[i] != '\\')
			continue;
		buf_append(out, bytes + begin, i - begin);
		buf_append_byte(out, '\\');
		begin = i;
	}
	buf_append(out, bytes + begin, len - begin);
}

static void add_hex(struct buf *out, const uint8_t *bytes, size_t len)
{
	char text[2 * 256 + 1];

	for (size_t at = 0; at < len; at += 256) {
		size_t part = len - at < 256 ? len - at : 256;

		hex_encode(text, bytes + at, part);
		buf_append(out, text, 2 * part);
	}
}

static void add_line(struct record_text *t, struct buf *out, const struct record_piece *piece, const uint8_t *bytes,
		     size_t len, bool incomplete)
{
	bool plain = is_plain(bytes, len);

	add(out, "{\"time_us\":%" PRId64 ",\"connection\":%" PRIu64 ",\"from\":\"%s\",\"%s\":\"", piece->time_us,
	    piece->connection, sides[piece->side], plain ? "line" : "hex");
	if (plain)
		add_string(out, bytes, len);
	else
		add_hex(out, bytes, len);
	buf_append_text(out, incomplete ? "\",\"incomplete\":true}\n" : "\"}\n");
	t->lines++;
}

static void add_opening(struct buf *out, const struct record_piece *piece, const char *event)
{
	char addr[NET_ADDR_TEXT_SIZE];

	net_addr_text(addr, &piece->addr);
	add(out,
	    "{\"time_us\":%" PRId64 ",\"connection\":%" PRIu64
	    ",\"event\":\"%s\",\"direction\":\"%s\",\"addr\":\"%s\"}\n",
	    piece->time_us, piece->connection, event, piece->direction == PEER_INBOUND ? "inbound" : "outbound", addr);
}

static void release(struct record_stream *s)
{
	buf_free(&s->line[RECORD_PEER]);
	buf_free(&s->line[RECORD_US]);
	memset(s, 0, sizeof(*s));
}

/* The stream of the piece's connection; one that is met for the first time is begun, `joined` when it was open before.
 */
static struct record_stream *stream_of(struct record_text *t, struct buf *out, const struct record_piece *piece)
{
	bool joined = piece->kind != RECORD_OPEN;
	struct record_stream *oldest = &t->streams[0];

	for (int i = 0; i < RECORD_STREAMS; i++) {
		struct record_stream *s = &t->streams[i];

		if (s->connection == piece->connection)
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	release(oldest);
	oldest->connection = piece->connection;
	oldest->fresh[RECORD_PEER] = oldest->fresh[RECORD_US] = joined;
	add_opening(out, piece, joined ? "joined" : "open");
	return oldest;
}

/* Bytes without a newline, of a line that goes on. */
static void keep(struct record_text *t, struct buf *out, struct record_stream *s, const struct record_piece *piece,
		 const uint8_t *bytes, size_t len)
{
	struct buf *line = &s->line[piece->side];

	if (s->skip[piece->side] || s->cut[piece->side]) {
		t->lost += len;
		return;
	}
	if (line->len + len > t->max_line) {
		add_line(t, out, piece, line->data, line->len, true);
		t->lost += len;
		buf_free(line);
		s->cut[piece->side] = true;
		return;
	}
	buf_append(line, bytes, len);
	if (line->error)
		out->error = line->error;
}

static void add_bytes(struct record_text *t, struct buf *out, struct record_stream *s, const struct record_piece *piece)
{
	const uint8_t *at = piece->bytes, *end = at + piece->len;
	enum record_side side = piece->side;
	struct buf *line = &s->line[side];

	if (s->fresh[side])
		s->skip[side] = piece->mid_line;
	s->fresh[side] = false;
	while (at < end) {
		const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		const uint8_t *stop = newline ? newline : end;

		/* A line that came in one piece is not copied first. */
		if (newline && line->len == 0 && !s->skip[side] && !s->cut[side]) {
			add_line(t, out, piece, at, (size_t)(stop - at), false);
		} else {
			keep(t, out, s, piece, at, (size_t)(stop - at));
			if (newline && !s->skip[side] && !s->cut[side])
				add_line(t, out, piece, line->data, line->len, false);
		}
		if (newline) {
			buf_free(line);
			s->skip[side] = s->cut[side] = false;
		}
		at = newline ? newline + 1 : end;
	}
}

static void add_closing(struct record_text *t, struct buf *out, struct record_stream *s,
			const struct record_piece *piece)
{
	struct record_piece rest = *piece;

	for (int side = RECORD_PEER; side <= RECORD_US; side++) {
		rest.side = (enum record_side)side;
		if (s->line[side].len > 0)
			add_line(t, out, &rest, s->line[side].data, s->line[side].len, true);
	}
	add(out, "{\"time_us\":%" PRId64 ",\"connection\":%" PRIu64 ",\"event\":\"close\",\"reason\":\"%s\"}\n",
	    piece->time_us, piece->connection, peer_close_reason_name(piece->reason));
	release(s);
}

/* Nobody knows of whom: every line that is under way is given up, and the next pieces say where lines begin. */
static void add_loss(struct record_text *t, struct buf *out, const struct record_piece *piece)
{
	t->lost += piece->len;
	for (int i = 0; i < RECORD_STREAMS; i++) {
		struct record_stream *s = &t->streams[i];

		for (int side = RECORD_PEER; s->connection && side <= RECORD_US; side++) {
			t->lost += s->line[side].len;
			buf_free(&s->line[side]);
			s->skip[side] = s->cut[side] = false;
			s->fresh[side] = true;
		}
	}
	add(out, "{\"time_us\":%" PRId64 ",\"event\":\"lost\",\"bytes\":%zu}\n", piece->time_us, piece->len);
}

void record_text_piece(struct record_text *t, struct buf *out, const struct record_piece *piece)
{
	struct record_stream *s;

	if (piece->kind == RECORD_LOST) {
		add_loss(t, out, piece);
		return;
	}
	s = stream_of(t, out, piece);
	s->used = ++t->pieces;
	switch (piece->kind) {
	case RECORD_OPEN:
	case RECORD_LOST:
		break;
	case RECORD_BYTES:
		add_bytes(t, out, s, piece);
		break;
	case RECORD_CLOSE:
		add_closing(t, out, s, piece);
		break;
	}
}
