/* SPDX-License-Identifier: MIT
 *
 * Text put together without the C library, for the handler of a signal, where printf is not allowed.  What does not fit
 * is left out.
 *
 * Thread safety: one owner.
 */
#ifndef TIMED_UTIL_PLAIN_TEXT_H
#define TIMED_UTIL_PLAIN_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct plain_text {
	char *bytes; /* the caller's; always ends in a NUL */
	size_t size; /* of `bytes`, at least 1 */
	size_t len;
};

/* Empty, in `size` bytes. */
void plain_text_init(struct plain_text *t, char *bytes, size_t size);
void plain_text_add(struct plain_text *t, const char *text);
/* Characters that are no printable ASCII become '?'; NULL becomes "?". */
void plain_text_add_clean(struct plain_text *t, const char *text);
/* With zeros in front, up to `width` digits. */
void plain_text_add_number(struct plain_text *t, int64_t number, int width);
void plain_text_add_hex(struct plain_text *t, uint64_t number, int width);
/* "YYYY-MM-DD HH:MM:SS" of so many seconds since 1970, with `between` in place of the blank. */
void plain_text_add_date(struct plain_text *t, int64_t seconds, char between);

#endif
