/* SPDX-License-Identifier: MIT
 *
 * The terminal while a live table is on it: its other screen, keys without Enter and without echo, and everything as it
 * was afterwards.
 *
 * Thread safety: one owner.
 */
#ifndef TIME_CLI_TERMINAL_H
#define TIME_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "timeproto/base/buf.h"

enum terminal_key {
	TERMINAL_KEY_NONE, /* one that means nothing here */
	TERMINAL_KEY_QUIT,
	TERMINAL_KEY_UP,
	TERMINAL_KEY_DOWN,
	TERMINAL_KEY_PAGE_UP,
	TERMINAL_KEY_PAGE_DOWN,
	TERMINAL_KEY_LEVEL, /* a digit: *level */
	TERMINAL_KEY_GONE,  /* the terminal has gone */
};

struct terminal {
	bool keys;	       /* standard input is a terminal too */
	struct termios before; /* of standard input */
};

/* Whether standard output is one. */
bool terminal_there(void);
/* 0 or a negative errno. */
int terminal_open(struct terminal *terminal) __attribute__((warn_unused_result));
void terminal_close(struct terminal *terminal);
/* Its size in characters; 80 x 24 when it is unknown. */
void terminal_size(size_t *columns, size_t *rows);
/* Reads one key press; standard input is ready to be read. */
enum terminal_key terminal_key(int *level);
/* Replaces what is shown by these lines, each of which fits and ends with a newline.  0 or a negative errno. */
int terminal_show(const struct buf *lines) __attribute__((warn_unused_result));

#endif
