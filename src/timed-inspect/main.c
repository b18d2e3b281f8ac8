/* SPDX-License-Identifier: MIT
 *
 * timed-inspect: the protocol library from the command line.  Each subcommand is one line of the table below; all of
 * them read and print, none talks to a node.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/base/hex.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/line.h"
#include "timed/node/version.h"

#define EXIT_USAGE 2
/* As long a line as a node takes by default. */
#define MAX_LINE_BYTES ((size_t)16 << 20)

static int inspect_frame(int argc, char *argv[]);

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]); /* argv begins with the name; gives the exit code */
	const char *summary;		    /* for the list of commands */
	const char *help;		    /* for COMMAND --help */
} subcommands[] = {
	{"frame", inspect_frame, "check messages, one a line on standard input, and print them in canonical form",
	 "Usage: timed-inspect frame [--bincode]\n"
	 "\n"
	 "Reads messages, one a line, and prints for each the canonical line, or \"error: \"\n"
	 "with the byte and the field where it went wrong.  Blank lines are skipped.\n"
	 "\n"
	 "  --bincode   print the binary form in hexadecimal instead\n"
	 "  --help      print this\n"
	 "\n"
	 "Exit code: 0, 1 if there was any error, 2 for wrong usage.\n"},
};
#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void print_help(FILE *out)
{
	fputs("Usage: timed-inspect COMMAND [OPTION]...\n\nCommands:\n", out);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		fprintf(out, "  %-10s%s\n", subcommands[i].name, subcommands[i].summary);
	fputs("\nOptions:\n"
	      "  --help      print this, or after a command what that does\n"
	      "  --version   print the version\n",
	      out);
}

static int usage_error(const char *what, const char *argument)
{
	fprintf(stderr, "timed-inspect: %s%s\nTry 'timed-inspect --help'.\n", what, argument);
	return EXIT_USAGE;
}

static int out_of_memory(void)
{
	fputs("timed-inspect: out of memory\n", stderr);
	return EXIT_FAILURE;
}

/* What the lines of `frame` are turned into. */
struct frame_job {
	bool bincode;	    /* hexadecimal instead of text */
	bool failed;	    /* some line was refused */
	struct arena arena; /* of the line at hand */
	struct buf out;	    /* likewise */
};

static int print_hex(const struct buf *bytes)
{
	char *text = malloc(2 * bytes->len + 1);

	if (!text)
		return -ENOMEM;
	hex_encode(text, bytes->data, bytes->len);
	puts(text);
	free(text);
	return 0;
}

static int print_message(struct frame_job *job, const struct wire_message *message)
{
	int result;

	buf_reset(&job->out);
	result = job->bincode ? wire_bincode_encode(&job->out, message) : wire_json_encode(&job->out, message);
	if (result)
		return result;
	if (job->bincode)
		return print_hex(&job->out);
	fwrite(job->out.data, 1, job->out.len, stdout);
	putchar('\n');
	return 0;
}

/* 0, or -ENOMEM. */
static int inspect_line(struct frame_job *job, const uint8_t *line, size_t len)
{
	struct wire_message message;
	struct wire_error error;
	int result;

	arena_reset(&job->arena);
	result = wire_json_decode(&message, &job->arena, line, len, &error);
	if (result < 0)
		return result;
	if (result == 0)
		return print_message(job, &message);
	job->failed = true;
	printf("error: byte %zu%s%s: %s (%s)\n", error.offset, error.path[0] ? ", " : "", error.path, error.text,
	       wire_error_name(result));
	return 0;
}

/* Every complete line.  0, -ENOMEM, or LINE_E_TOO_LONG. */
static int inspect_lines(struct frame_job *job, struct line_reader *reader)
{
	const uint8_t *line;
	size_t len;
	int result;

	while ((result = line_reader_next(reader, &line, &len)) == 0) {
		result = inspect_line(job, line, len);
		if (result)
			return result;
	}
	return result == LINE_E_AGAIN ? 0 : result;
}

/* Reads until the end of standard input.  0, a negative errno, or LINE_E_TOO_LONG. */
static int inspect_input(struct frame_job *job, struct line_reader *reader)
{
	ssize_t count = 1;

	while (count > 0) {
		uint8_t *space;
		size_t room;
		int result = line_reader_space(reader, &space, &room);

		if (result)
			return result;
		do {
			count = read(STDIN_FILENO, space, room);
		} while (count < 0 && errno == EINTR);
		if (count < 0)
			return -errno;
		if (count == 0) {
			/* The last line may lack its newline; a blank one more does no harm. */
			*space = '\n';
			line_reader_commit(reader, 1);
		}
		if (count > 0)
			line_reader_commit(reader, (size_t)count);
		result = inspect_lines(job, reader);
		if (result)
			return result;
	}
	return 0;
}

static int inspect_frame(int argc, char *argv[])
{
	struct frame_job job = {.out = BUF_INIT};
	struct line_reader reader;
	int result;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--bincode") != 0)
			return usage_error("unknown option: ", argv[i]);
		job.bincode = true;
	}
	arena_init(&job.arena, SIZE_MAX, NULL);
	line_reader_init(&reader, MAX_LINE_BYTES);
	result = inspect_input(&job, &reader);
	line_reader_free(&reader);
	arena_free(&job.arena);
	buf_free(&job.out);
	if (result == -ENOMEM)
		return out_of_memory();
	if (result == LINE_E_TOO_LONG)
		printf("error: byte %zu: the line is too long\n", MAX_LINE_BYTES);
	else if (result)
		fprintf(stderr, "timed-inspect: reading: %s\n", strerror(-result));
	return result || job.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool asks_for_help(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return true;
	}
	return false;
}

static int run(int argc, char *argv[])
{
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("timed-inspect %s\n", TIMED_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		if (strcmp(argv[1], subcommands[i].name) != 0)
			continue;
		if (!asks_for_help(argc - 1, argv + 1))
			return subcommands[i].run(argc - 1, argv + 1);
		fputs(subcommands[i].help, stdout);
		return EXIT_SUCCESS;
	}
	return usage_error(argv[1][0] == '-' ? "unknown option: " : "unknown command: ", argv[1]);
}

int main(int argc, char *argv[])
{
	int code = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "timed-inspect: writing: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return code;
}
