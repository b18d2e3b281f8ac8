/* SPDX-License-Identifier: MIT
 *
 * A reader of the part of TOML 1.0 that a configuration needs: tables, arrays of tables, bare, quoted and dotted keys,
 * one-line strings (basic and literal), integers, floats, booleans, arrays over several lines, inline tables, comments.
 * Refused by name: multi-line strings, dates and times.  What the standard forbids (a key twice, a table twice, adding
 * to an inline table) is an error too.
 *
 * The result is a small tree in which every key and value knows its line and column, so that its user can say where
 * something is wrong.
 *
 * Bounds: TOML_MAX_BYTES of text, TOML_MAX_DEPTH levels, TOML_MAX_KEYS keys in one table.
 * Ownership: the document owns every value and string in it.
 * Thread safety: pure; a document is only read once made.
 */
#ifndef TIMED_UTIL_TOML_H
#define TIMED_UTIL_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOML_MAX_BYTES ((size_t)1024 * 1024)
#define TOML_MAX_DEPTH 16
#define TOML_MAX_KEYS 4096

enum toml_kind { TOML_STRING, TOML_INTEGER, TOML_FLOAT, TOML_BOOLEAN, TOML_ARRAY, TOML_TABLE };

/* Both from 1; a column counts characters, a tab as one. */
struct toml_position {
	uint32_t line;
	uint32_t column;
};

/* How a table or array came to be: what may be added to it later.  For the reader itself. */
enum toml_origin {
	TOML_ORIGIN_VALUE,    /* a scalar, [1, 2] or {a = 1}: closed */
	TOML_ORIGIN_IMPLICIT, /* table: only named in a longer header so far */
	TOML_ORIGIN_HEADER,   /* [table]; array: of [[tables]] */
	TOML_ORIGIN_DOTTED,   /* table: made by a dotted key */
};

struct toml_value {
	enum toml_kind kind;
	enum toml_origin origin;
	struct toml_position at;     /* of the value; of a table, of its header or first key */
	struct toml_position key_at; /* of its key, where it has one */
	const char *key;	     /* in a table; NULL in an array */
	struct toml_value *next;     /* in the same table or array, in the file's order */
	union {
		struct {
			const char *data; /* NUL after it, and none in it */
			size_t len;
		} string;
		int64_t integer;
		double real;
		bool boolean;
		struct {
			struct toml_value *first;
			struct toml_value *last;
			size_t count;
		} items; /* of an array or table */
	} u;
};

struct toml_error {
	struct toml_position at;
	char text[160]; /* what is wrong and what was expected */
};

struct toml;

enum toml_result { TOML_E_SYNTAX = 1 };

/* Parses `len` bytes (UTF-8; a byte order mark is skipped).  0 and *out; TOML_E_SYNTAX and *error; or -ENOMEM. */
int toml_parse(struct toml **out, struct toml_error *error, const char *text, size_t len)
	__attribute__((warn_unused_result));
void toml_free(struct toml *document);

/* The table of the whole document. */
const struct toml_value *toml_root(const struct toml *document);
/* The value of `key` in `table`, NULL when it is not there. */
const struct toml_value *toml_find(const struct toml_value *table, const char *key);
/* "a string", "an integer" ...: for messages. */
const char *toml_kind_name(enum toml_kind kind);

#endif
