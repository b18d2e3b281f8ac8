/* SPDX-License-Identifier: MIT
 *
 * What a description of the schema looks like.  schema.c holds the tables; json_decode.c, json_encode.c,
 * bincode_decode.c and bincode_encode.c walk over them and know nothing of particular messages.
 */
#ifndef TIMEPROTO_WIRE_DESC_H
#define TIMEPROTO_WIRE_DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeproto/wire/schema.h"

/* C representation, JSON, bincode. */
enum wire_kind {
	WIRE_KIND_BOOL,	  /* bool; true, false; one byte */
	WIRE_KIND_U32,	  /* uint32_t; number; 4 bytes */
	WIRE_KIND_U64,	  /* uint64_t; number; 8 bytes */
	WIRE_KIND_I64,	  /* int64_t; number; 8 bytes */
	WIRE_KIND_FIXED,  /* `count` bytes; array of numbers; raw, or with a length where `prefixed` */
	WIRE_KIND_BYTES,  /* struct wire_bytes; array of numbers; length and bytes */
	WIRE_KIND_STRING, /* struct wire_str; string; length and bytes */
	WIRE_KIND_LIST,	  /* pointer and length of `element`; array; length and elements */
	WIRE_KIND_STRUCT, /* struct; object; its fields */
	WIRE_KIND_TUPLE,  /* struct; array of exactly its fields; its fields */
	WIRE_KIND_ENUM,	  /* tag, for some followed by a union; externally tagged; u32 index and payload */
};

enum wire_presence {
	WIRE_REQUIRED, /* the value itself */
	WIRE_OPTION,   /* pointer: null or missing is NULL; written as null; one byte in bincode */
	WIRE_EXTRA,    /* pointer: the same, but not written when NULL and not part of bincode */
};

/* Long enough for every name with its punctuation; a fixed size so that writing one is a copy of constant length. */
#define WIRE_KEY_BYTES 32
/* Fields of a struct: the decoder keeps a bit for each. */
#define WIRE_FIELDS_MAX 32

struct wire_field {
	char key[WIRE_KEY_BYTES]; /* ,"name": */
	uint8_t key_len;	  /* of all that */
	enum wire_presence presence;
	uint32_t offset;	      /* in the C struct */
	const struct wire_desc *desc; /* of what the field holds or points to */
};

struct wire_variant {
	char key[WIRE_KEY_BYTES];	 /* {"Name": */
	uint8_t key_len;		 /* of all that */
	const char *name;		 /* without punctuation */
	const struct wire_desc *payload; /* NULL: a unit variant */
};

struct wire_desc {
	enum wire_kind kind;
	bool prefixed;			     /* FIXED: bincode writes the length first (keys) */
	bool cut;			     /* LIST: what is over the limit is read and dropped */
	uint32_t size;			     /* of the C type */
	uint32_t limit;			     /* BYTES, STRING: bytes; LIST: items */
	uint32_t count;			     /* FIXED: bytes; STRUCT, TUPLE: fields; ENUM: variants */
	uint32_t first_tag;		     /* ENUM: C value of the first variant */
	uint32_t payload_offset;	     /* ENUM: of the union */
	const uint8_t *name_index;	     /* ENUM: perfect hash of the names, or NULL: they are few */
	const struct wire_desc *element;     /* LIST */
	const struct wire_field *fields;     /* STRUCT, TUPLE */
	const struct wire_variant *variants; /* ENUM */
};

/* struct wire_message as a value: an enum like any other. */
extern const struct wire_desc wire_desc_message;

/* The index of the variant of that name, or desc->count. */
uint32_t wire_variant_find(const struct wire_desc *desc, const char *name, size_t len);

/* The name of a field without its punctuation (and without a NUL). */
static inline const char *wire_field_name(const struct wire_field *field)
{
	return field->key + 2;
}

static inline size_t wire_field_name_len(const struct wire_field *field)
{
	return field->key_len - 4u;
}

static inline size_t wire_variant_name_len(const struct wire_variant *variant)
{
	return variant->key_len - 4u;
}

#endif
