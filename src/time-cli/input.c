// SPDX-License-Identifier: MIT
/* See input.h. */
#include "input.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define MAX_PASSWORD_BYTES 1024
#define MAX_INPUT_BYTES ((size_t)16 << 20)

/* A line of standard input without its end; the rest stays there for who reads next. */
static int read_line(char *out, size_t size)
{
	size_t len = 0;
	char c = 0;
	ssize_t n;

	while (len + 1 < size && (n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		out[len++] = c;
	if (len > 0 && out[len - 1] == '\r')
		len--;
	out[len] = 0;
	return len > 0 || c == '\n' ? 0 : -ENODATA;
}

/* The terminal as it was, for the time in which it does not show what is typed. */
static struct termios shown;

/* Ends us as the signal would have, the terminal being itself again. */
static void on_signal(int number)
{
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* On a terminal what is to come is asked for, and not shown.  True: there is one, and show() is due. */
static bool hide(const char *prompt)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct termios silent;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown))
		return false;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	silent = shown;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(prompt, stderr);
	return true;
}

static void show(void)
{
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	fputc('\n', stderr);
}

static int read_password(char **out)
{
	bool hidden = hide("RPC password> ");
	char line[MAX_PASSWORD_BYTES];
	int r = read_line(line, sizeof(line));

	if (hidden)
		show();
	if (!r) {
		*out = strdup(line);
		r = *out ? 0 : -ENOMEM;
	}
	explicit_bzero(line, sizeof(line));
	return r;
}

static int read_rest(char **out)
{
	size_t len = 0, capacity = 4096;
	char *text = malloc(capacity);
	ssize_t n = 1;

	while (text && n > 0 && len < MAX_INPUT_BYTES) {
		if (capacity - len < 2) {
			char *larger = realloc(text, capacity * 2);

			if (!larger)
				break;
			text = larger;
			capacity *= 2;
		}
		do {
			n = read(STDIN_FILENO, text + len, capacity - len - 1);
		} while (n < 0 && errno == EINTR);
		len += n > 0 ? (size_t)n : 0;
	}
	if (!text || n != 0) {
		free(text);
		return n < 0 ? -errno : len < MAX_INPUT_BYTES ? -ENOMEM : -EFBIG;
	}
	text[len] = 0;
	*out = text;
	return 0;
}

static int append(struct input *input, char *argument)
{
	char **larger = reallocarray(input->arguments, input->argument_count + 1, sizeof(larger[0]));

	if (!larger)
		return -ENOMEM;
	input->arguments = larger;
	input->arguments[input->argument_count++] = argument;
	return 0;
}

static int split_lines(struct input *input)
{
	char *rest = input->text, *line;
	int r = 0;

	while (!r && (line = strsep(&rest, "\n"))) {
		/* Behind the last newline there is no line. */
		if (!rest && !*line)
			break;
		line[strcspn(line, "\r")] = 0;
		r = append(input, line);
	}
	return r;
}

static int read_arguments(struct input *out)
{
	bool hidden = hide("Arguments, a line each, not shown; Ctrl-D ends> ");
	int r = read_rest(&out->text);

	if (hidden)
		show();
	return r ? r : split_lines(out);
}

int input_read(struct input *out, const struct cli_options *options)
{
	int r = 0;

	*out = (struct input){0};
	for (size_t i = 0; i < options->argument_count && !r; i++)
		r = append(out, options->arguments[i]);
	out->typed_count = out->argument_count;
	if (!r && options->stdin_password)
		r = read_password(&out->password);
	if (!r && options->stdin_arguments)
		r = read_arguments(out);
	return r;
}

void input_free(struct input *input)
{
	for (size_t i = input->typed_count; i < input->argument_count; i++)
		explicit_bzero(input->arguments[i], strlen(input->arguments[i]));
	if (input->password)
		explicit_bzero(input->password, strlen(input->password));
	free(input->password);
	free(input->arguments);
	free(input->text);
}
