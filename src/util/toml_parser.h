/* SPDX-License-Identifier: MIT
 *
 * What toml.c (keys, tables, arrays) and toml_value.c (strings, numbers, booleans) share.  Private to them.
 *
 * Functions return p->result: 0 while all is well; once set it stays, and every caller passes it on.
 */
#ifndef TIMED_UTIL_TOML_PARSER_H
#define TIMED_UTIL_TOML_PARSER_H

#include <stddef.h>

#include "timed/util/toml.h"

struct parser {
	struct toml *document;	  /* being made; owns all memory */
	struct toml_error *error; /* filled in once */
	int result;		  /* 0, TOML_E_SYNTAX or -ENOMEM */
	int depth;		  /* levels of the header in force */
	const char *s;		  /* next byte */
	const char *end;
	struct toml_position at; /* of s */
	char *chunk_at;		 /* room of the arena */
	size_t chunk_left;
};

/* The next byte, or -1 at the end. */
static inline int toml_peek(const struct parser *p)
{
	return p->s < p->end ? (unsigned char)*p->s : -1;
}

void toml_advance(struct parser *p);
/* Memory of the document, aligned to 8; NULL: p->result says so. */
void *toml_alloc(struct parser *p, size_t size);
/* A NUL-terminated copy in the document. */
const char *toml_copy(struct parser *p, const char *text, size_t len);

int toml_fail_at(struct parser *p, struct toml_position at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Says what stands at p->s and what should stand there. */
int toml_fail_here(struct parser *p, const char *expected);

/* Length of the well-formed UTF-8 character at `s`, 0 when there is none. */
size_t toml_utf8_length(const char *s, size_t len);

/* At a quote. */
int toml_parse_string(struct parser *p, const char **data, size_t *len);
/* At anything that is no quote or bracket: a boolean or a number. */
int toml_parse_scalar(struct parser *p, struct toml_value *v);

#endif
