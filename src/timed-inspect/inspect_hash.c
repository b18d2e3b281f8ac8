// SPDX-License-Identifier: MIT
/* timed-inspect hash: SHA-256 of bytes, and merkle roots. */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timeproto/base/hex.h"
#include "timeproto/base/sha256.h"
#include "timeproto/chain/hash.h"

enum hash_input { HASH_BYTES, HASH_HEX, HASH_MERKLE };

static void print_digest(const uint8_t digest[SHA256_BYTES])
{
	inspect_print_hex(digest, SHA256_BYTES);
	putchar('\n');
}

/* The file as it is, whatever its length. */
static int hash_file(const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), error = 0;
	uint8_t part[4096], digest[SHA256_BYTES];
	struct sha256 hash;
	ssize_t n;

	if (fd < 0)
		return inspect_file_error(path, errno);
	sha256_init(&hash);
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno != EINTR) {
			error = errno;
			break;
		}
		if (n > 0)
			sha256_update(&hash, part, (size_t)n);
	}
	if (!standard)
		close(fd);
	if (error)
		return inspect_file_error(standard ? "standard input" : path, error);
	sha256_final(&hash, digest);
	print_digest(digest);
	return EXIT_SUCCESS;
}

struct hash_job {
	enum hash_input input;
	bool failed;	  /* some line was no hexadecimal */
	struct buf txids; /* of a merkle tree, 32 bytes each */
};

/* A line of hexadecimal: what it stands for is hashed, or added to the leaves. */
static int take_line(void *user, const uint8_t *line, size_t len)
{
	struct hash_job *job = user;
	size_t count = len / 2;
	uint8_t *bytes = malloc(count + 1), digest[SHA256_BYTES];
	bool bad;

	if (!bytes)
		return -ENOMEM;
	bad = hex_decode(bytes, count, (const char *)line, len) ||
	      (job->input == HASH_MERKLE && count != sizeof(struct wire_hash));
	if (bad) {
		job->failed = true;
		puts(job->input == HASH_MERKLE ? "error: no txid of 64 hexadecimal digits" : "error: no hexadecimal");
	} else if (job->input == HASH_MERKLE) {
		buf_append(&job->txids, bytes, count);
	} else {
		sha256_digest(digest, bytes, count);
		print_digest(digest);
	}
	free(bytes);
	return job->txids.error;
}

static int hash_lines(char *argv[], int count, enum hash_input input)
{
	struct hash_job job = {.input = input, .txids = BUF_INIT};
	int code = inspect_each_line(argv, count, take_line, &job);
	struct wire_hash root;

	if (input == HASH_MERKLE && code == EXIT_SUCCESS && !job.failed) {
		hash_merkle_root(&root, (const struct wire_hash *)job.txids.data, job.txids.len / sizeof(root));
		print_digest(root.bytes);
	}
	buf_free(&job.txids);
	return job.failed ? EXIT_FAILURE : code;
}

static int inspect_hash(int argc, char *argv[])
{
	enum hash_input input = HASH_BYTES;
	struct inspect_options options;
	const char *option;
	int code = EXIT_SUCCESS;

	inspect_options_init(&options, argc, argv);
	while ((option = inspect_options_next(&options))) {
		if (inspect_option_is(&options, "--hex"))
			input = HASH_HEX;
		else if (inspect_option_is(&options, "--merkle"))
			input = HASH_MERKLE;
		else
			return inspect_usage_error("unknown option: ", option);
	}
	if (input != HASH_BYTES)
		return hash_lines(argv, options.operands, input);
	if (options.operands == 0)
		return hash_file("-");
	for (int i = 1; i <= options.operands && code == EXIT_SUCCESS; i++)
		code = hash_file(argv[i]);
	return code;
}

const struct inspect_command inspect_hash_command = {
	.name = "hash",
	.run = inspect_hash,
	.summary = "SHA-256 of bytes, or the merkle root of txids",
	.help = "Usage: timed-inspect hash [--hex | --merkle] [FILE]...\n"
		"\n"
		"Prints the SHA-256 of each file.  (What blocks and transactions are called by is\n"
		"the SHA-256 of their binary form: see the commands block and tx.)\n"
		"\n"
		"  --hex      read hexadecimal, one value a line, and print the hash of each value\n"
		"  --merkle   read txids in hexadecimal, one a line, and print their merkle root\n"
		"  --help     print this\n"
		"\n"
		"Without FILE, or where FILE is \"-\", standard input is read.\n"
		"\n"
		"Exit code: 0, 1 if something cannot be read, 2 for wrong usage.\n",
};
