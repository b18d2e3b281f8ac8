// SPDX-License-Identifier: MIT
/* What the subcommands have in common: see inspect.h. */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "timeproto/base/hex.h"
#include "timeproto/chain/address.h"
#include "timeproto/wire/bincode.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/line.h"

int inspect_usage_error(const char *what, const char *argument)
{
	fprintf(stderr, "timed-inspect: %s%s\nTry 'timed-inspect --help'.\n", what, argument);
	return INSPECT_USAGE;
}

int inspect_out_of_memory(void)
{
	fputs("timed-inspect: out of memory\n", stderr);
	return EXIT_FAILURE;
}

int inspect_file_error(const char *path, int error)
{
	fprintf(stderr, "timed-inspect: %s: %s\n", path, strerror(error));
	return EXIT_FAILURE;
}

void inspect_options_init(struct inspect_options *options, int argc, char *argv[])
{
	*options = (struct inspect_options){.argc = argc, .argv = argv};
}

const char *inspect_options_next(struct inspect_options *options)
{
	while (++options->at < options->argc) {
		char *argument = options->argv[options->at];

		if (options->only_operands || argument[0] != '-' || !argument[1])
			options->argv[++options->operands] = argument;
		else if (strcmp(argument, "--") == 0)
			options->only_operands = true;
		else
			return argument;
	}
	return NULL;
}

bool inspect_option_is(const struct inspect_options *options, const char *name)
{
	return strcmp(options->argv[options->at], name) == 0;
}

bool inspect_option_value(struct inspect_options *options, const char *name, const char **value)
{
	const char *argument = options->argv[options->at];
	size_t len = strlen(name);

	if (strncmp(argument, name, len) != 0 || (argument[len] && argument[len] != '='))
		return false;
	if (argument[len])
		*value = argument + len + 1;
	else
		*value = options->at + 1 < options->argc ? options->argv[++options->at] : "";
	return true;
}

bool inspect_option_network(struct inspect_options *options, enum chain_network *network, int *mistake)
{
	const char *name;
	int found;

	if (!inspect_option_value(options, "--network", &name))
		return false;
	found = chain_network_from_name(name);
	if (found < 0)
		*mistake = inspect_usage_error("--network: expected testnet, mainnet or devnet, not: ", name);
	else
		*network = (enum chain_network)found;
	return true;
}

/* Every complete line.  0, what `visit` returned, or LINE_E_TOO_LONG. */
static int visit_lines(struct line_reader *reader, inspect_line *visit, void *user)
{
	const uint8_t *line;
	size_t len;
	int r;

	while ((r = line_reader_next(reader, &line, &len)) == 0) {
		r = visit(user, line, len);
		if (r)
			return r;
	}
	return r == LINE_E_AGAIN ? 0 : r;
}

/* Until the end of the file.  0, a negative errno, or LINE_E_TOO_LONG. */
static int read_lines(struct line_reader *reader, int fd, inspect_line *visit, void *user)
{
	ssize_t count = 1;

	while (count > 0) {
		uint8_t *space;
		size_t room;
		int r = line_reader_space(reader, &space, &room);

		if (r)
			return r;
		do {
			count = read(fd, space, room);
		} while (count < 0 && errno == EINTR);
		if (count < 0)
			return -errno;
		/* The last line may lack its newline; a blank one more does no harm. */
		if (count == 0)
			*space = '\n';
		line_reader_commit(reader, count > 0 ? (size_t)count : 1);
		r = visit_lines(reader, visit, user);
		if (r)
			return r;
	}
	return 0;
}

static int each_line_of(const char *path, inspect_line *visit, void *user)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), r;
	struct line_reader reader;

	if (fd < 0)
		return inspect_file_error(path, errno);
	line_reader_init(&reader, INSPECT_MAX_LINE_BYTES);
	r = read_lines(&reader, fd, visit, user);
	line_reader_free(&reader);
	if (!standard)
		close(fd);
	if (r == -ENOMEM)
		return inspect_out_of_memory();
	if (r == LINE_E_TOO_LONG)
		printf("error: byte %zu: the line is too long\n", INSPECT_MAX_LINE_BYTES);
	else if (r)
		return inspect_file_error(standard ? "standard input" : path, -r);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

int inspect_each_line(char *argv[], int count, inspect_line *visit, void *user)
{
	int code = EXIT_SUCCESS;

	if (count == 0)
		return each_line_of("-", visit, user);
	for (int i = 1; i <= count && code == EXIT_SUCCESS; i++)
		code = each_line_of(argv[i], visit, user);
	return code;
}

/* 0 or -ENOMEM; `*len` is 0 for what is no hexadecimal. */
static int decode_hex(uint8_t **out, size_t *len, struct arena *arena, const uint8_t *line, size_t line_len)
{
	while (line_len > 0 && (line[line_len - 1] == ' ' || line[line_len - 1] == '\t'))
		line_len--;
	*len = line_len / 2;
	*out = arena_alloc(arena, *len);
	if (!*out)
		return -ENOMEM;
	if (hex_decode(*out, *len, (const char *)line, line_len))
		*len = 0;
	return 0;
}

int inspect_decode(void *out, const struct wire_desc *desc, struct arena *arena, const uint8_t *line, size_t len)
{
	struct wire_error error;
	uint8_t *bytes;
	size_t count;
	int r;

	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len > 0 && *line == '{') {
		r = wire_json_decode_value(out, desc, arena, line, len, &error);
	} else {
		r = decode_hex(&bytes, &count, arena, line, len);
		if (r)
			return r;
		if (count == 0) {
			puts("error: neither a JSON object nor hexadecimal");
			return 1;
		}
		r = wire_bincode_decode_value(out, desc, arena, bytes, count, &error);
	}
	if (r <= 0)
		return r;
	printf("error: byte %zu%s%s: %s (%s)\n", error.offset, error.path[0] ? ", " : "", error.path, error.text,
	       wire_error_name(r));
	return 1;
}

int inspect_print_bincode(const struct wire_desc *desc, const void *value)
{
	struct buf bytes = BUF_INIT;
	int r = wire_bincode_encode_value(&bytes, desc, value);

	if (!r) {
		inspect_print_hex(bytes.data, bytes.len);
		putchar('\n');
	}
	buf_free(&bytes);
	return r;
}

void inspect_print_hex(const uint8_t *bytes, size_t len)
{
	char text[2 * 256 + 1];

	while (len > 0) {
		size_t part = len < 256 ? len : 256;

		hex_encode(text, bytes, part);
		fputs(text, stdout);
		bytes += part;
		len -= part;
	}
}

/* Takes one character off the front: its code, or that of a byte that begins none (Latin-1).  Its length. */
static size_t next_character(uint32_t *code, const unsigned char *text, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;

	*code = *text;
	if (*text < 0xc2 || *text > 0xf4 || n > len)
		return 1;
	*code = *text & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			break;
		*code = *code << 6 | (text[i] & 0x3fU);
		if (i + 1 == n && *code >= least[n] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff))
			return n;
	}
	*code = *text;
	return 1;
}

/* What a terminal or a reader of lines might take for more than text. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

void inspect_print_string(const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text;

	putchar('"');
	while (len > 0) {
		uint32_t code;
		size_t n = next_character(&code, at, len);

		if (is_control(code) || code == '"' || code == '\\' || (n == 1 && code >= 0x80))
			printf("\\u%04x", code);
		else
			fwrite(at, 1, n, stdout);
		at += n;
		len -= n;
	}
	putchar('"');
}

void inspect_print_time(int64_t unix_s)
{
	time_t at = unix_s;
	struct tm parts;
	char text[64];

	if (gmtime_r(&at, &parts) && strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%SZ\"", &parts) > 0)
		fputs(text, stdout);
	else
		fputs("null", stdout);
}

void inspect_print_script_address(const struct wire_bytes *script)
{
	const char *text = (const char *)script->ptr;

	if (address_decode(NULL, text, script->len, CHAIN_TESTNET) == 0 ||
	    address_decode(NULL, text, script->len, CHAIN_MAINNET) == 0)
		inspect_print_string(text, script->len);
	else
		fputs("null", stdout);
}
