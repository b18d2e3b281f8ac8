// SPDX-License-Identifier: MIT
/* See replay_file.h. */
#include "replay_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/base/hex.h"

static void free_connection(struct replay_connection *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->lines[i].bytes);
	free(c->lines);
}

void replay_file_free(struct replay_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		free_connection(&file->connections[i]);
	free(file->connections);
	memset(file, 0, sizeof(*file));
}

/* Room for one more item of `size` bytes in an array; the same on failure. */
static bool grow(void *array, size_t *capacity, size_t count, size_t size)
{
	void **at = array, *grown;
	size_t wanted = *capacity ? *capacity * 2 : 16;

	if (count < *capacity)
		return true;
	grown = realloc(*at, wanted * size);
	if (!grown)
		return false;
	*at = grown;
	*capacity = wanted;
	return true;
}

static struct replay_connection *connection_of(struct replay_file *file, uint64_t id)
{
	for (size_t i = file->count; i > 0; i--) {
		if (file->connections[i - 1].id == id)
			return &file->connections[i - 1];
	}
	if (!grow(&file->connections, &file->capacity, file->count, sizeof(file->connections[0])))
		return NULL;
	file->connections[file->count] = (struct replay_connection){.id = id};
	return &file->connections[file->count++];
}

/* The bytes of "line" or "hex".  0, -EINVAL or -ENOMEM. */
static int read_bytes(struct replay_line *out, const json_t *entry)
{
	const json_t *line = json_object_get(entry, "line"), *hex = json_object_get(entry, "hex");

	if (json_is_string(line)) {
		out->len = json_string_length(line);
		out->bytes = malloc(out->len + 1);
		if (out->bytes)
			memcpy(out->bytes, json_string_value(line), out->len + 1);
		return out->bytes ? 0 : -ENOMEM;
	}
	if (!json_is_string(hex))
		return -EINVAL;
	out->len = json_string_length(hex) / 2;
	out->bytes = malloc(out->len + 1);
	if (!out->bytes)
		return -ENOMEM;
	if (!hex_decode(out->bytes, out->len, json_string_value(hex), json_string_length(hex)))
		return 0;
	free(out->bytes);
	return -EINVAL;
}

static int read_line(struct replay_file *file, const json_t *entry)
{
	const json_t *id = json_object_get(entry, "connection"), *time_us = json_object_get(entry, "time_us");
	struct replay_connection *c;
	struct replay_line line;
	int r;

	if (!json_is_integer(id) || !json_is_integer(time_us) || json_integer_value(id) < 0)
		return -EINVAL;
	if (json_is_true(json_object_get(entry, "incomplete"))) {
		file->incomplete++;
		return 0;
	}
	line.time_us = json_integer_value(time_us);
	r = read_bytes(&line, entry);
	if (r)
		return r;
	c = connection_of(file, (uint64_t)json_integer_value(id));
	if (!c || !grow(&c->lines, &c->capacity, c->count, sizeof(c->lines[0]))) {
		free(line.bytes);
		return -ENOMEM;
	}
	c->lines[c->count++] = line;
	return 0;
}

/* The first line of the file. */
static int read_head(struct replay_file *file, const json_t *entry, char error[REPLAY_ERROR_SIZE])
{
	const json_t *version = json_object_get(entry, "recording");
	const char *name = json_string_value(json_object_get(entry, "network"));
	int network = name ? chain_network_from_name(name) : -1;

	if (!json_is_integer(version)) {
		snprintf(error, REPLAY_ERROR_SIZE, "it is no recording");
		return -EINVAL;
	}
	if (json_integer_value(version) != 1) {
		snprintf(error, REPLAY_ERROR_SIZE,
			 "it is a recording of version %" JSON_INTEGER_FORMAT ", not of version 1",
			 json_integer_value(version));
		return -EINVAL;
	}
	if (network < 0) {
		snprintf(error, REPLAY_ERROR_SIZE, "it does not say of which network it is");
		return -EINVAL;
	}
	file->network = (enum chain_network)network;
	return 0;
}

static int read_entry(struct replay_file *file, const char *text, size_t len, size_t number,
		      char error[REPLAY_ERROR_SIZE])
{
	json_error_t why;
	json_t *entry = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	const char *from, *event;
	int r = 0;

	if (!entry && json_error_code(&why) == json_error_out_of_memory)
		return -ENOMEM;
	from = json_string_value(json_object_get(entry, "from"));
	event = json_string_value(json_object_get(entry, "event"));
	snprintf(error, REPLAY_ERROR_SIZE, "line %zu is not what a recording holds", number);
	if (!json_is_object(entry))
		r = -EINVAL;
	else if (number == 1)
		r = read_head(file, entry, error);
	else if (from && strcmp(from, "peer") == 0)
		r = read_line(file, entry);
	else if (event && strcmp(event, "lost") == 0)
		file->lost = true;
	json_decref(entry);
	return r;
}

int replay_file_read(struct replay_file *out, const char *path, char error[REPLAY_ERROR_SIZE])
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0, number = 0;
	ssize_t len;
	int r = 0;

	memset(out, 0, sizeof(*out));
	if (!file)
		return -errno;
	errno = 0;
	while (!r && (len = getline(&text, &size, file)) > 0) {
		/* The daemon may have been killed within its last line. */
		if (text[len - 1] == '\n')
			r = read_entry(out, text, (size_t)len, ++number, error);
		errno = 0;
	}
	if (!r && !feof(file))
		r = errno ? -errno : -ENOMEM;
	if (!r && number == 0) {
		snprintf(error, REPLAY_ERROR_SIZE, "it is no recording");
		r = -EINVAL;
	}
	free(text);
	(void)fclose(file);
	if (r)
		replay_file_free(out);
	return r;
}
