// SPDX-License-Identifier: MIT
/* See print.h. */
#include "print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "timed/rpc/value.h"
#include "timed/util/text.h"

#define INDENT "  "

static void print_code(struct buf *out, uint32_t code)
{
	char text[16];

	snprintf(text, sizeof(text), "\\u%04x", code);
	buf_append_text(out, text);
}

/* Appends characters as they are, but for control characters; and quotes and backslashes where `json` is set. */
static void print_characters(struct buf *out, const char *text, size_t len, bool json)
{
	for (size_t at = 0; at < len;) {
		uint32_t code = 0xfffd;
		size_t n = text_decode(&code, text + at, len - at);
		bool meant = !json && (code == '\n' || code == '\t');

		if (json && (code == '"' || code == '\\')) {
			buf_append_byte(out, '\\');
			buf_append_byte(out, (uint8_t)code);
		} else if (json && code == '\n') {
			buf_append_text(out, "\\n");
		} else if (n == 0 || (text_is_control(code) && !meant)) {
			print_code(out, n == 0 ? 0xfffd : code);
		} else {
			buf_append(out, text + at, n);
		}
		at += n > 0 ? n : 1;
	}
}

void print_text(struct buf *out, const char *text, size_t len)
{
	print_characters(out, text, len, false);
}

void print_cell(struct buf *out, const char *text, size_t max)
{
	for (size_t at = 0, width = 0, len = strlen(text); at < len && width < max; width++) {
		uint32_t code = 0;
		size_t n = text_decode(&code, text + at, len - at);

		buf_append_byte(out, code >= 0x20 && code < 0x7f ? (uint8_t)code : '?');
		at += n > 0 ? n : 1;
	}
}

static void print_string(struct buf *out, const char *text, size_t len)
{
	buf_append_byte(out, '"');
	print_characters(out, text, len, true);
	buf_append_byte(out, '"');
}

static void print_line(struct buf *out, unsigned depth)
{
	buf_append_byte(out, '\n');
	while (depth-- > 0)
		buf_append_text(out, INDENT);
}

static void print_value(struct buf *out, json_t *value, unsigned depth);

static void print_object(struct buf *out, json_t *object, unsigned depth)
{
	const char *key;
	json_t *item;
	bool first = true;

	buf_append_byte(out, '{');
	json_object_foreach(object, key, item)
	{
		if (!first)
			buf_append_byte(out, ',');
		first = false;
		print_line(out, depth + 1);
		print_string(out, key, strlen(key));
		buf_append_text(out, ": ");
		print_value(out, item, depth + 1);
	}
	if (!first)
		print_line(out, depth);
	buf_append_byte(out, '}');
}

static void print_array(struct buf *out, const json_t *array, unsigned depth)
{
	size_t count = json_array_size(array);

	buf_append_byte(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_byte(out, ',');
		print_line(out, depth + 1);
		print_value(out, json_array_get(array, i), depth + 1);
	}
	if (count > 0)
		print_line(out, depth);
	buf_append_byte(out, ']');
}

/* The depth is that of value_parse(). */
static void print_value(struct buf *out, json_t *value, unsigned depth)
{
	if (json_is_object(value))
		print_object(out, value, depth);
	else if (json_is_array(value))
		print_array(out, value, depth);
	else if (json_is_string(value) && !value_number_text(value))
		print_string(out, json_string_value(value), json_string_length(value));
	else
		value_print(out, value);
}

void print_json(struct buf *out, json_t *value)
{
	print_value(out, value, 0);
}

void print_result(struct buf *out, json_t *value)
{
	if (json_is_null(value))
		return;
	if (json_is_string(value) && !value_number_text(value)) {
		size_t len = json_string_length(value);
		const char *text = json_string_value(value);

		print_text(out, text, len);
		if (len > 0 && text[len - 1] == '\n')
			return;
	} else {
		print_value(out, value, 0);
	}
	buf_append_byte(out, '\n');
}

void print_add(struct buf *out, const char *format, ...)
{
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	buf_append_text(out, text);
}
