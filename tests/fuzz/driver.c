// SPDX-License-Identifier: MIT
/* Runs a fuzz target without libFuzzer: once for every file named on the command line, or in a directory named there,
 * and once for every prefix of it, so that each seed is an ordinary test of what happens when input ends early. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define SEED_MAX ((size_t)256 * 1024)
#define PREFIX_MAX ((size_t)4096) /* of longer seeds only so many prefixes are tried */

static unsigned int seeds;

static void run_prefix(const uint8_t *data, size_t len)
{
	/* in memory of exactly its size, so that AddressSanitizer sees a read past the end */
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static int run_file(const char *path)
{
	static uint8_t data[SEED_MAX];
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f) {
		perror(path);
		return 1;
	}
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	run_prefix(data, len);
	for (size_t i = 0; i < len && i < PREFIX_MAX; i++)
		run_prefix(data, i);
	seeds++;
	return 0;
}

static int run_directory(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int failed = n < 0;

	if (n < 0)
		perror(path);
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			failed |= run_file(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return failed;
}

int main(int argc, char *argv[])
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			failed |= run_directory(argv[i]);
		else
			failed |= run_file(argv[i]);
	}
	if (seeds == 0) {
		fprintf(stderr, "no seeds\n");
		failed = 1;
	}
	printf("%u seeds\n", seeds);
	return failed;
}
