// SPDX-License-Identifier: MIT
/* Runs a fuzz target without libFuzzer, as an ordinary test: on every file of the directories named on the command
 * line, and on the vectors (the variable TIMED_VECTORS names their directory): each frame and each odd line as text,
 * each frame as bincode, and what is left of them when they end early.
 *
 * With --write DIR the vectors are written there instead, as a corpus to start a fuzzer with. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fuzz.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"

#define PREFIXES_MAX ((size_t)400) /* of each input so many prefixes are tried */
#define SEED_MAX_BYTES ((size_t)1 << 20)

static unsigned seeds;
static const char *write_dir;

/* In memory of exactly its size, so that AddressSanitizer sees a read past the end. */
static void run_once(const uint8_t *data, size_t len)
{
	uint8_t *copy = calloc(1, len ? len : 1);

	FUZZ_REQUIRE(copy != NULL);
	if (len)
		memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void write_seed(const uint8_t *data, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/vector-%04u", write_dir, seeds);
	file = fopen(path, "wb");
	FUZZ_REQUIRE(file != NULL);
	FUZZ_REQUIRE(fwrite(data, 1, len, file) == len);
	FUZZ_REQUIRE(fclose(file) == 0);
}

static void run_seed(const uint8_t *data, size_t len)
{
	size_t step = len / PREFIXES_MAX + 1;

	seeds++;
	if (write_dir) {
		write_seed(data, len);
		return;
	}
	run_once(data, len);
	for (size_t cut = 0; cut < len; cut += step)
		run_once(data, cut);
}

static int run_file(const char *path)
{
	uint8_t *data = malloc(SEED_MAX_BYTES);
	FILE *file = fopen(path, "rb");

	FUZZ_REQUIRE(data != NULL);
	if (!file) {
		perror(path);
		free(data);
		return 1;
	}
	run_seed(data, fread(data, 1, SEED_MAX_BYTES, file));
	fclose(file);
	free(data);
	return 0;
}

static int run_directory(const char *dir)
{
	struct dirent **names;
	int count = scandir(dir, &names, NULL, alphasort);
	int failed = count < 0;

	if (count < 0)
		perror(dir);
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			failed |= run_file(path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return failed;
}

/* The text as it is, and as bincode when it is a frame. */
static void run_text(const char *text, size_t len)
{
	struct wire_message message;
	struct buf binary = BUF_INIT;
	struct arena arena;

	run_seed((const uint8_t *)text, len);
	arena_init(&arena, SIZE_MAX, NULL);
	if (wire_json_decode(&message, &arena, (const uint8_t *)text, len, NULL) == 0) {
		FUZZ_REQUIRE(wire_bincode_encode(&binary, &message) == 0);
		run_seed(binary.data, binary.len);
	}
	buf_free(&binary);
	arena_free(&arena);
}

/* Every string member `key` of the file's lines. */
static int run_vectors(const char *name, const char *key)
{
	const char *dir = getenv("TIMED_VECTORS");
	size_t capacity = 0;
	char *line = NULL;
	char path[4096];
	FILE *file;

	if (!dir)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	if (!file) {
		perror(path);
		return 1;
	}
	while (getline(&line, &capacity, file) > 0) {
		json_t *entry = json_loads(line, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
		json_t *text = json_object_get(entry, key);

		FUZZ_REQUIRE(text != NULL);
		run_text(json_string_value(text), json_string_length(text));
		json_decref(entry);
	}
	free(line);
	fclose(file);
	return 0;
}

int main(int argc, char *argv[])
{
	int failed = 0;
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "--write") == 0) {
		write_dir = argv[2];
		i = 3;
	}
	for (; i < argc; i++)
		failed |= run_directory(argv[i]);
	failed |= run_vectors("messages.jsonl", "frame");
	failed |= run_vectors("verdicts.jsonl", "line");
	if (seeds == 0) {
		fprintf(stderr, "no seeds\n");
		failed = 1;
	}
	printf("%u seeds\n", seeds);
	return failed;
}
