/* SPDX-License-Identifier: MIT
 *
 * What the tests share: reading the files of tests/vectors, whose directory the variable TIMED_VECTORS names.
 * Every function fails the test when something is not as expected.
 */
#ifndef TIMEPROTO_TESTS_VECTORS_H
#define TIMEPROTO_TESTS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* The parsed file; json_decref() it.  Integers are read as reals, since some need all 64 bits: only strings and
 * structure are to be used. */
json_t *vectors_load(const char *name);
/* The values of a file that holds one per line, as an array.  Strings may contain NUL. */
json_t *vectors_load_lines(const char *name);
/* The string member `key`. */
const char *vectors_text(const json_t *object, const char *key);
/* The string member `key`, lower-case hex, as fresh memory; the length goes to `*len`. */
uint8_t *vectors_bytes(const json_t *object, const char *key, size_t *len);
/* The same for a member of exactly `len` bytes. */
void vectors_fixed(uint8_t *out, size_t len, const json_t *object, const char *key);
/* The number member `key`, which must be a whole one below 2^53. */
uint64_t vectors_number(const json_t *object, const char *key);
/* The member `key`, an array of numbers 0 to 255, as fresh memory; the length goes to `*len`. */
uint8_t *vectors_array(const json_t *object, const char *key, size_t *len);
/* Decodes hex of exactly `len` bytes. */
void vectors_hex(uint8_t *out, size_t len, const char *hex);

#endif
