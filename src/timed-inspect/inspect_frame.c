// SPDX-License-Identifier: MIT
/* timed-inspect frame: messages, as they stand on the wire, in canonical form. */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>

#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"

/* What the lines are turned into. */
struct frame_job {
	bool bincode;	    /* hexadecimal instead of text */
	bool failed;	    /* some line was refused */
	struct arena arena; /* of the line at hand */
	struct buf out;	    /* likewise */
};

static int print_message(struct frame_job *job, const struct wire_message *message)
{
	int r;

	buf_reset(&job->out);
	r = job->bincode ? wire_bincode_encode(&job->out, message) : wire_json_encode(&job->out, message);
	if (r)
		return r;
	if (job->bincode)
		inspect_print_hex(job->out.data, job->out.len);
	else
		fwrite(job->out.data, 1, job->out.len, stdout);
	putchar('\n');
	return 0;
}

static int inspect_message(void *user, const uint8_t *line, size_t len)
{
	struct frame_job *job = user;
	struct wire_message message;
	struct wire_error error;
	int r;

	arena_reset(&job->arena);
	r = wire_json_decode(&message, &job->arena, line, len, &error);
	if (r < 0)
		return r;
	if (r == 0)
		return print_message(job, &message);
	job->failed = true;
	printf("error: byte %zu%s%s: %s (%s)\n", error.offset, error.path[0] ? ", " : "", error.path, error.text,
	       wire_error_name(r));
	return 0;
}

static int inspect_frame(int argc, char *argv[])
{
	struct frame_job job = {.out = BUF_INIT};
	struct inspect_options options;
	const char *option;
	int code;

	inspect_options_init(&options, argc, argv);
	while ((option = inspect_options_next(&options))) {
		if (!inspect_option_is(&options, "--bincode"))
			return inspect_usage_error("unknown option: ", option);
		job.bincode = true;
	}
	arena_init(&job.arena, SIZE_MAX, NULL);
	code = inspect_each_line(argv, options.operands, inspect_message, &job);
	arena_free(&job.arena);
	buf_free(&job.out);
	return job.failed ? EXIT_FAILURE : code;
}

const struct inspect_command inspect_frame_command = {
	.name = "frame",
	.run = inspect_frame,
	.summary = "check messages, one a line, and print them in canonical form",
	.help = "Usage: timed-inspect frame [--bincode] [FILE]...\n"
		"\n"
		"Reads messages, one a line, and prints for each the canonical line, or \"error: \"\n"
		"with the byte and the field where it went wrong.  Blank lines are skipped.\n"
		"\n"
		"  --bincode   print the binary form in hexadecimal instead\n"
		"  --help      print this\n"
		"\n"
		"Without FILE, or where FILE is \"-\", standard input is read.\n"
		"\n"
		"Exit code: 0, 1 if there was any error, 2 for wrong usage.\n",
};
