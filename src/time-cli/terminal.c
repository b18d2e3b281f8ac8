// SPDX-License-Identifier: MIT
/* See terminal.h.  The sequences are those of ECMA-48 and of the VT100's heirs, which every terminal of today knows. */
#include "terminal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "timed/util/file.h"

/* Other screen, cursor off; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

static int send_text(const char *text)
{
	return file_write_all(STDOUT_FILENO, text, strlen(text));
}

bool terminal_there(void)
{
	return isatty(STDOUT_FILENO);
}

int terminal_open(struct terminal *terminal)
{
	struct termios raw;

	terminal->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &terminal->before) == 0;
	if (terminal->keys) {
		raw = terminal->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw))
			return -errno;
	}
	return send_text(ENTER);
}

void terminal_close(struct terminal *terminal)
{
	(void)!send_text(LEAVE);
	if (terminal->keys)
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal->before);
}

void terminal_size(size_t *columns, size_t *rows)
{
	struct winsize size;

	*columns = 80;
	*rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0 || size.ws_row == 0)
		return;
	*columns = size.ws_col;
	*rows = size.ws_row;
}

enum terminal_key terminal_key(int *level)
{
	static const struct {
		const char *bytes;
		enum terminal_key key;
	} keys[] = {
		{"\033[A", TERMINAL_KEY_UP},
		{"\033OA", TERMINAL_KEY_UP},
		{"k", TERMINAL_KEY_UP},
		{"\033[B", TERMINAL_KEY_DOWN},
		{"\033OB", TERMINAL_KEY_DOWN},
		{"j", TERMINAL_KEY_DOWN},
		{"\033[5~", TERMINAL_KEY_PAGE_UP},
		{"\033[6~", TERMINAL_KEY_PAGE_DOWN},
		{" ", TERMINAL_KEY_PAGE_DOWN},
		{"q", TERMINAL_KEY_QUIT},
		{"Q", TERMINAL_KEY_QUIT},
		{"\003", TERMINAL_KEY_QUIT},
	};
	char bytes[16];
	ssize_t len = read(STDIN_FILENO, bytes, sizeof(bytes) - 1);

	if (len < 0 && errno == EINTR)
		return TERMINAL_KEY_NONE;
	if (len <= 0)
		return TERMINAL_KEY_GONE;
	bytes[len] = 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strncmp(bytes, keys[i].bytes, strlen(keys[i].bytes)) == 0)
			return keys[i].key;
	}
	if (bytes[0] < '0' || bytes[0] > '4')
		return TERMINAL_KEY_NONE;
	*level = bytes[0] - '0';
	return TERMINAL_KEY_LEVEL;
}

int terminal_show(const struct buf *lines)
{
	struct buf out = BUF_INIT;
	int r;

	buf_append_text(&out, HOME);
	for (size_t i = 0; i < lines->len; i++) {
		/* Without the last newline: it would scroll. */
		if (lines->data[i] == '\n')
			buf_append_text(&out, i + 1 < lines->len ? CLEAR_LINE "\r\n" : CLEAR_LINE);
		else
			buf_append_byte(&out, lines->data[i]);
	}
	buf_append_text(&out, CLEAR_REST);
	r = out.error ? -ENOMEM : file_write_all(STDOUT_FILENO, out.data, out.len);
	buf_free(&out);
	return r;
}
