// SPDX-License-Identifier: MIT
/* The configuration parser: one pass of recursive descent over the text, into nodes of an arena.  toml_value.c reads
 * the scalars; this file knows keys, tables and which of them may be added to. */
#include "timed/util/toml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toml_parser.h"

#define CHUNK_BYTES ((size_t)4096)

struct chunk {
	struct chunk *next;
	char bytes[];
};

struct toml {
	struct chunk *chunks;
	struct toml_value root;
};

void *toml_alloc(struct parser *p, size_t size)
{
	void *result;

	size = (size + 7) & ~(size_t)7;
	if (size > p->chunk_left) {
		size_t bytes = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		struct chunk *chunk = malloc(sizeof(*chunk) + bytes);

		if (!chunk) {
			p->result = -ENOMEM;
			return NULL;
		}
		chunk->next = p->document->chunks;
		p->document->chunks = chunk;
		p->chunk_at = chunk->bytes;
		p->chunk_left = bytes;
	}
	result = p->chunk_at;
	p->chunk_at += size;
	p->chunk_left -= size;
	return result;
}

int toml_fail_at(struct parser *p, struct toml_position at, const char *format, ...)
{
	va_list ap;

	p->error->at = at;
	va_start(ap, format);
	vsnprintf(p->error->text, sizeof(p->error->text), format, ap);
	va_end(ap);
	p->result = TOML_E_SYNTAX;
	return p->result;
}

int toml_fail_here(struct parser *p, const char *expected)
{
	int c = toml_peek(p);

	if (c < 0)
		return toml_fail_at(p, p->at, "end of file, expected %s", expected);
	if (c == '\n' || c == '\r')
		return toml_fail_at(p, p->at, "end of line, expected %s", expected);
	if (c > ' ' && c < 0x7f)
		return toml_fail_at(p, p->at, "'%c', expected %s", c, expected);
	return toml_fail_at(p, p->at, "unexpected character, expected %s", expected);
}

/* Moves over one byte; the column grows with the first byte of each character. */
void toml_advance(struct parser *p)
{
	char c = *p->s++;

	if (c == '\n') {
		p->at.line++;
		p->at.column = 1;
	} else if (((unsigned char)*(p->s < p->end ? p->s : "") & 0xc0) != 0x80) {
		p->at.column++;
	}
}

static void skip_blanks(struct parser *p)
{
	while (toml_peek(p) == ' ' || toml_peek(p) == '\t')
		toml_advance(p);
}

static int skip_comment(struct parser *p)
{
	if (toml_peek(p) != '#')
		return 0;
	while (p->s < p->end && *p->s != '\n' && !(*p->s == '\r' && p->s + 1 < p->end && p->s[1] == '\n')) {
		if (((unsigned char)*p->s < 0x20 && *p->s != '\t') || *p->s == 0x7f)
			return toml_fail_at(p, p->at, "control character in a comment");
		toml_advance(p);
	}
	return 0;
}

/* At the end of a line or of the text; moves over it. */
static bool take_newline(struct parser *p)
{
	if (p->s + 1 < p->end && p->s[0] == '\r' && p->s[1] == '\n')
		p->s++;
	if (toml_peek(p) != '\n')
		return false;
	toml_advance(p);
	return true;
}

/* Blanks, comments and line ends: what may stand between the items of an array and between lines. */
static int skip_space(struct parser *p)
{
	do {
		skip_blanks(p);
		if (skip_comment(p))
			return p->result;
	} while (take_newline(p));
	return 0;
}

static int end_of_line(struct parser *p)
{
	skip_blanks(p);
	if (skip_comment(p))
		return p->result;
	if (p->s == p->end || take_newline(p))
		return 0;
	return toml_fail_here(p, "end of line or a comment");
}

static struct toml_value *new_value(struct parser *p, enum toml_kind kind, struct toml_position at)
{
	struct toml_value *v = toml_alloc(p, sizeof(*v));

	if (!v)
		return NULL;
	memset(v, 0, sizeof(*v));
	v->kind = kind;
	v->at = at;
	return v;
}

static void append(struct toml_value *to, struct toml_value *v)
{
	if (to->u.items.last)
		to->u.items.last->next = v;
	else
		to->u.items.first = v;
	to->u.items.last = v;
	to->u.items.count++;
}

struct key {
	const char *text;
	struct toml_position at;
};

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int parse_simple_key(struct parser *p, struct key *out)
{
	const char *start = p->s;
	size_t len = 0;

	out->at = p->at;
	if (toml_peek(p) == '"' || toml_peek(p) == '\'')
		return toml_parse_string(p, &out->text, &len);
	while (is_bare(toml_peek(p)))
		toml_advance(p);
	if (p->s == start)
		return toml_fail_here(p, "a key");
	out->text = toml_copy(p, start, (size_t)(p->s - start));
	return p->result;
}

/* A dotted key of `*count` parts, spaces around the dots allowed. */
static int parse_key(struct parser *p, struct key parts[TOML_MAX_DEPTH], size_t *count)
{
	*count = 0;
	for (;;) {
		if (*count == TOML_MAX_DEPTH)
			return toml_fail_at(p, p->at, "more than %d levels", TOML_MAX_DEPTH);
		if (parse_simple_key(p, &parts[*count]))
			return p->result;
		++*count;
		skip_blanks(p);
		if (toml_peek(p) != '.')
			return 0;
		toml_advance(p);
		skip_blanks(p);
	}
}

static struct toml_value *find(const struct toml_value *table, const char *key)
{
	for (struct toml_value *v = table->u.items.first; v; v = v->next) {
		if (strcmp(v->key, key) == 0)
			return v;
	}
	return NULL;
}

static int add_key(struct parser *p, struct toml_value *table, const struct key *key, struct toml_value *v)
{
	const struct toml_value *old = find(table, key->text);

	if (old)
		return toml_fail_at(p, key->at, "key '%.64s' is there already, at %u:%u", key->text, old->key_at.line,
				    old->key_at.column);
	if (table->u.items.count == TOML_MAX_KEYS)
		return toml_fail_at(p, key->at, "more than %d keys in one table", TOML_MAX_KEYS);
	v->key = key->text;
	v->key_at = key->at;
	append(table, v);
	return 0;
}

static struct toml_value *add_table(struct parser *p, struct toml_value *table, const struct key *key,
				    enum toml_origin origin)
{
	struct toml_value *v = new_value(p, TOML_TABLE, key->at);

	if (!v)
		return NULL;
	v->origin = origin;
	return add_key(p, table, key, v) ? NULL : v;
}

static int parse_value(struct parser *p, struct toml_value **out, int depth);

/* `key = value` in `table`.  The tables of a dotted key may be added to by further dotted keys and by nothing else. */
static int parse_pair(struct parser *p, struct toml_value *table, int depth)
{
	struct key parts[TOML_MAX_DEPTH];
	struct toml_value *v;
	size_t count;

	if (parse_key(p, parts, &count))
		return p->result;
	if (depth + (int)count > TOML_MAX_DEPTH)
		return toml_fail_at(p, parts[0].at, "more than %d levels", TOML_MAX_DEPTH);
	if (toml_peek(p) != '=')
		return toml_fail_here(p, "'='");
	toml_advance(p);
	skip_blanks(p);
	if (parse_value(p, &v, depth + (int)count))
		return p->result;
	for (size_t i = 0; i + 1 < count; i++) {
		struct toml_value *next = find(table, parts[i].text);

		if (!next)
			next = add_table(p, table, &parts[i], TOML_ORIGIN_DOTTED);
		else if (next->kind != TOML_TABLE || next->origin != TOML_ORIGIN_DOTTED)
			return toml_fail_at(p, parts[i].at, "'%.64s' cannot be added to here: it was made at %u:%u",
					    parts[i].text, next->key_at.line, next->key_at.column);
		if (!next)
			return p->result;
		table = next;
	}
	return add_key(p, table, &parts[count - 1], v);
}

/* Its origin stays TOML_ORIGIN_VALUE: nothing can be added to it, nor to what is in it, once it is closed. */
static int parse_inline_table(struct parser *p, struct toml_value *table, int depth)
{
	toml_advance(p);
	skip_blanks(p);
	if (toml_peek(p) == '}') {
		toml_advance(p);
		return 0;
	}
	for (;;) {
		if (parse_pair(p, table, depth))
			return p->result;
		skip_blanks(p);
		if (toml_peek(p) == '}')
			break;
		if (toml_peek(p) != ',')
			return toml_fail_here(p, "',' or '}' (an inline table stands on one line)");
		toml_advance(p);
		skip_blanks(p);
	}
	toml_advance(p);
	return 0;
}

static int parse_array(struct parser *p, struct toml_value *array, int depth)
{
	toml_advance(p);
	for (;;) {
		struct toml_value *v;

		if (skip_space(p))
			return p->result;
		if (toml_peek(p) == ']')
			break;
		if (parse_value(p, &v, depth + 1))
			return p->result;
		append(array, v);
		if (skip_space(p))
			return p->result;
		if (toml_peek(p) == ']')
			break;
		if (toml_peek(p) != ',')
			return toml_fail_here(p, "',' or ']'");
		toml_advance(p);
	}
	toml_advance(p);
	return 0;
}

static int parse_value(struct parser *p, struct toml_value **out, int depth)
{
	struct toml_value *v = new_value(p, TOML_STRING, p->at);
	int c = toml_peek(p);

	if (!v)
		return p->result;
	*out = v;
	if (depth > TOML_MAX_DEPTH)
		return toml_fail_at(p, p->at, "more than %d levels", TOML_MAX_DEPTH);
	if (c == '"' || c == '\'')
		return toml_parse_string(p, &v->u.string.data, &v->u.string.len);
	if (c == '[') {
		v->kind = TOML_ARRAY;
		return parse_array(p, v, depth);
	}
	if (c == '{') {
		v->kind = TOML_TABLE;
		return parse_inline_table(p, v, depth);
	}
	return toml_parse_scalar(p, v);
}

/* Walks the leading parts of a header from the root; of an array of tables, its last table is meant. */
static struct toml_value *enter_header(struct parser *p, const struct key *parts, size_t count)
{
	struct toml_value *table = &p->document->root;

	for (size_t i = 0; i < count; i++) {
		struct toml_value *next = find(table, parts[i].text);

		if (!next) {
			next = add_table(p, table, &parts[i], TOML_ORIGIN_IMPLICIT);
			if (!next)
				return NULL;
		} else if (next->kind == TOML_ARRAY && next->origin == TOML_ORIGIN_HEADER) {
			next = next->u.items.last;
		} else if (next->kind != TOML_TABLE || next->origin == TOML_ORIGIN_VALUE) {
			(void)toml_fail_at(p, parts[i].at, "'%.64s' is not a table that can be added to: see %u:%u",
					   parts[i].text, next->key_at.line, next->key_at.column);
			return NULL;
		}
		table = next;
	}
	return table;
}

static struct toml_value *open_table(struct parser *p, struct toml_value *parent, const struct key *key)
{
	struct toml_value *v = find(parent, key->text);

	if (!v)
		return add_table(p, parent, key, TOML_ORIGIN_HEADER);
	if (v->kind != TOML_TABLE || v->origin != TOML_ORIGIN_IMPLICIT) {
		(void)toml_fail_at(p, key->at, "'%.64s' is there already, at %u:%u", key->text, v->key_at.line,
				   v->key_at.column);
		return NULL;
	}
	v->origin = TOML_ORIGIN_HEADER;
	return v;
}

static struct toml_value *open_array_table(struct parser *p, struct toml_value *parent, const struct key *key)
{
	struct toml_value *array = find(parent, key->text);
	struct toml_value *v;

	if (!array) {
		array = new_value(p, TOML_ARRAY, key->at);
		if (!array || add_key(p, parent, key, array))
			return NULL;
		array->origin = TOML_ORIGIN_HEADER;
	} else if (array->kind != TOML_ARRAY || array->origin != TOML_ORIGIN_HEADER) {
		(void)toml_fail_at(p, key->at, "'%.64s' is no array of tables: see %u:%u", key->text,
				   array->key_at.line, array->key_at.column);
		return NULL;
	}
	v = new_value(p, TOML_TABLE, key->at);
	if (!v)
		return NULL;
	v->origin = TOML_ORIGIN_HEADER;
	append(array, v);
	return v;
}

/* `[a.b]` or `[[a.b]]`: the table that the following lines fill. */
static int parse_header(struct parser *p, struct toml_value **table)
{
	struct key parts[TOML_MAX_DEPTH];
	struct toml_value *parent;
	bool array;
	size_t count;

	toml_advance(p);
	array = toml_peek(p) == '[';
	if (array)
		toml_advance(p);
	skip_blanks(p);
	if (parse_key(p, parts, &count))
		return p->result;
	for (int i = 0; i < (array ? 2 : 1); i++) {
		if (toml_peek(p) != ']')
			return toml_fail_here(p, array ? "']]'" : "']'");
		toml_advance(p);
	}
	parent = enter_header(p, parts, count - 1);
	if (!parent)
		return p->result;
	*table = array ? open_array_table(p, parent, &parts[count - 1]) : open_table(p, parent, &parts[count - 1]);
	p->depth = (int)count + (array ? 1 : 0);
	return p->result;
}

static int parse_document(struct parser *p)
{
	struct toml_value *table = &p->document->root;

	for (;;) {
		if (skip_space(p))
			return p->result;
		if (p->s == p->end)
			return 0;
		if (toml_peek(p) == '[' ? parse_header(p, &table) : parse_pair(p, table, p->depth))
			return p->result;
		if (end_of_line(p))
			return p->result;
	}
}

/* NUL and invalid UTF-8 anywhere: said before anything else, with the place. */
static int check_text(struct parser *p)
{
	const char *start = p->s;

	while (p->s < p->end) {
		size_t n = toml_utf8_length(p->s, (size_t)(p->end - p->s));

		if (n == 0 || *p->s == '\0')
			return toml_fail_at(p, p->at, "%s", n == 0 ? "not UTF-8" : "NUL character");
		while (n-- > 0)
			toml_advance(p);
	}
	p->s = start;
	p->at = (struct toml_position){1, 1};
	return 0;
}

int toml_parse(struct toml **out, struct toml_error *error, const char *text, size_t len)
{
	struct toml *document = calloc(1, sizeof(*document));
	struct parser p = {.document = document, .error = error, .s = text, .end = text + len, .at = {1, 1}};

	memset(error, 0, sizeof(*error));
	if (!document)
		return -ENOMEM;
	document->root.kind = TOML_TABLE;
	document->root.origin = TOML_ORIGIN_HEADER;
	document->root.at = p.at;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		p.s += 3;
	if (len > TOML_MAX_BYTES)
		(void)toml_fail_at(&p, p.at, "file larger than %zu bytes", TOML_MAX_BYTES);
	else if (!check_text(&p))
		(void)parse_document(&p);
	if (p.result) {
		toml_free(document);
		return p.result;
	}
	*out = document;
	return 0;
}

void toml_free(struct toml *document)
{
	if (!document)
		return;
	while (document->chunks) {
		struct chunk *next = document->chunks->next;

		free(document->chunks);
		document->chunks = next;
	}
	free(document);
}

const struct toml_value *toml_root(const struct toml *document)
{
	return &document->root;
}

const struct toml_value *toml_find(const struct toml_value *table, const char *key)
{
	return find(table, key);
}

const char *toml_kind_name(enum toml_kind kind)
{
	switch (kind) {
	case TOML_STRING:
		return "a string";
	case TOML_INTEGER:
		return "an integer";
	case TOML_FLOAT:
		return "a number with a fraction";
	case TOML_BOOLEAN:
		return "true or false";
	case TOML_ARRAY:
		return "a list";
	case TOML_TABLE:
		return "a table";
	}
	return "nothing";
}
