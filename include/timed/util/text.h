/* SPDX-License-Identifier: MIT
 *
 * Text from strangers, on its way to a terminal or a log: what its characters are and which of them do more than show.
 *
 * Thread safety: pure.
 */
#ifndef TIMED_UTIL_TEXT_H
#define TIMED_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length and code point of the well-formed UTF-8 character at `s`, of which `len` > 0 bytes may be read; 0 when there
 * is none. */
size_t text_decode(uint32_t *code, const char *s, size_t len) __attribute__((warn_unused_result));
/* What could end a line, move the cursor or turn the reading direction of a terminal. */
bool text_is_control(uint32_t code);

#endif
