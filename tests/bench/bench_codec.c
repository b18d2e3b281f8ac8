// SPDX-License-Identifier: MIT
/* The JSON codec against jansson in the same run: one line for the case named on the command line (all without one).
 * The blocks are the first of the Rust node's chain in tests/vectors (the variable TIMED_VECTORS names it).
 *
 * Usage: bench_codec [--json] [CASE] */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "timeproto/base/arena.h"
#include "timeproto/base/buf.h"
#include "timeproto/wire/json.h"

#define BLOCKS 101
/* One measurement runs so long; the best of many counts, since a busy machine only ever adds time. */
#define MEASURE_NS ((int64_t)5000000)
#define MEASUREMENTS 100

/* What is measured, and on what. */
struct subject {
	struct buf line;	     /* the frame as text */
	struct wire_message message; /* decoded */
	struct arena kept;	     /* what `message` points to */
	json_t *tree;		     /* the same for jansson */
	struct arena arena;	     /* of decoding over and over */
	struct buf out;		     /* of encoding over and over */
	char *rival_out;	     /* jansson's, as long as the line */
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_codec: %s\n", what);
	exit(EXIT_FAILURE);
}

static void ours_decode(struct subject *s)
{
	struct wire_message message;

	arena_reset(&s->arena);
	if (wire_json_decode(&message, &s->arena, s->line.data, s->line.len, NULL))
		fail("our decoding failed");
}

static void ours_encode(struct subject *s)
{
	buf_reset(&s->out);
	if (wire_json_encode(&s->out, &s->message) || s->out.len != s->line.len)
		fail("our encoding failed");
}

static void rival_decode(struct subject *s)
{
	json_t *tree = json_loadb((const char *)s->line.data, s->line.len, JSON_DECODE_ANY, NULL);

	if (!tree)
		fail("jansson's decoding failed");
	json_decref(tree);
}

static void rival_encode(struct subject *s)
{
	if (json_dumpb(s->tree, s->rival_out, s->line.len, JSON_COMPACT) != s->line.len)
		fail("jansson's encoding failed");
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nanoseconds of one call. */
static double measure(void (*run)(struct subject *s), struct subject *s)
{
	double best = 0;

	for (int i = 0; i < MEASUREMENTS; i++) {
		int64_t start = now_ns(), elapsed;
		uint64_t calls = 0, batch = 1;
		double ns;

		do {
			for (uint64_t k = 0; k < batch; k++)
				run(s);
			calls += batch;
			elapsed = now_ns() - start;
			if (elapsed < MEASURE_NS / 100)
				batch *= 2; /* so that looking at the clock costs nothing */
		} while (elapsed < MEASURE_NS);
		ns = (double)elapsed / (double)calls;
		if (i == 0 || ns < best)
			best = ns;
	}
	return best;
}

/* BlocksResponse with the blocks 1 to 101 of the vectors. */
static void make_blocks(struct buf *line)
{
	const char *dir = getenv("TIMED_VECTORS");
	size_t capacity = 0, count = 0;
	char *text = NULL;
	char path[4096];
	ssize_t len;
	FILE *file;

	if (!dir)
		fail("TIMED_VECTORS is not set");
	snprintf(path, sizeof(path), "%s/chain.jsonl", dir);
	file = fopen(path, "r");
	if (!file)
		fail(path);
	buf_append_text(line, "{\"BlocksResponse\":[");
	while (count <= BLOCKS && (len = getline(&text, &capacity, file)) > 1) {
		if (count > 1)
			buf_append_byte(line, ',');
		if (count > 0)
			buf_append(line, text, (size_t)len - 1);
		count++;
	}
	buf_append_text(line, "]}");
	free(text);
	fclose(file);
}

static void make_get_blocks(struct buf *line)
{
	buf_append_text(line, "{\"GetBlocks\":[123456,123556]}");
}

static void make_ping(struct buf *line)
{
	/* A nonce that jansson can read, too. */
	buf_append_text(line, "{\"Ping\":{\"nonce\":8446744073709551615,\"timestamp\":1766102400}}");
}

static void subject_init(struct subject *s, void (*make)(struct buf *line))
{
	*s = (struct subject){.line = BUF_INIT, .out = BUF_INIT};
	arena_init(&s->kept, SIZE_MAX, NULL);
	arena_init(&s->arena, SIZE_MAX, NULL);
	make(&s->line);
	if (s->line.error || wire_json_decode(&s->message, &s->kept, s->line.data, s->line.len, NULL))
		fail("the frame is bad");
	s->tree = json_loadb((const char *)s->line.data, s->line.len, JSON_DECODE_ANY, NULL);
	s->rival_out = malloc(s->line.len);
	if (!s->tree || !s->rival_out)
		fail("jansson cannot read the frame");
}

static void subject_free(struct subject *s)
{
	json_decref(s->tree);
	free(s->rival_out);
	arena_free(&s->kept);
	arena_free(&s->arena);
	buf_free(&s->line);
	buf_free(&s->out);
}

static const struct {
	const char *name;
	void (*make)(struct buf *line);
	void (*ours)(struct subject *s);
	void (*rival)(struct subject *s);
} cases[] = {
	{"blocks-decode", make_blocks, ours_decode, rival_decode},
	{"blocks-encode", make_blocks, ours_encode, rival_encode},
	{"get-blocks-decode", make_get_blocks, ours_decode, rival_decode},
	{"get-blocks-encode", make_get_blocks, ours_encode, rival_encode},
	{"ping-decode", make_ping, ours_decode, rival_decode},
	{"ping-encode", make_ping, ours_encode, rival_encode},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void run_case(size_t i, bool as_json)
{
	double ours_ns, rival_ns, bytes;
	struct subject s;

	subject_init(&s, cases[i].make);
	bytes = (double)s.line.len;
	ours_ns = measure(cases[i].ours, &s);
	rival_ns = measure(cases[i].rival, &s);
	/* Bytes per nanosecond are GB/s. */
	if (as_json)
		printf("{\"bench\":\"codec\",\"case\":\"%s\",\"bytes\":%.0f,\"ns\":%.1f,\"mb_per_s\":%.1f,\"rival\":"
		       "\"jansson\","
		       "\"rival_ns\":%.1f,\"rival_mb_per_s\":%.1f,\"ratio\":%.2f}\n",
		       cases[i].name, bytes, ours_ns, 1000 * bytes / ours_ns, rival_ns, 1000 * bytes / rival_ns,
		       rival_ns / ours_ns);
	else
		printf("codec %s, %.0f bytes: %.0f ns, %.0f MB/s; jansson %.0f ns, %.0f MB/s; ratio %.1f\n",
		       cases[i].name, bytes, ours_ns, 1000 * bytes / ours_ns, rival_ns, 1000 * bytes / rival_ns,
		       rival_ns / ours_ns);
	subject_free(&s);
}

int main(int argc, char *argv[])
{
	const char *only = NULL;
	bool as_json = false;
	size_t done = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			as_json = true;
		else
			only = argv[i];
	}
	for (size_t i = 0; i < CASES; i++) {
		if (only && strcmp(only, cases[i].name) != 0)
			continue;
		run_case(i, as_json);
		done++;
	}
	if (done == 0)
		fail("no such case");
	return EXIT_SUCCESS;
}
