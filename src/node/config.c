// SPDX-License-Identifier: MIT
/* Reading the configuration: the document (util/toml.h) is walked once, each key is looked up in the table and its
 * value stored in the field that the table names.  Defaults are read the same way.  See config_table.c for the keys,
 * config_resolve.c for what comes after the command line. */
#include "timed/node/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_table.h"
#include "timed/util/file.h"
#include "timed/util/nearest.h"
#include "timed/util/thread.h"
#include "timed/util/toml.h"

#define MESSAGES_MAX 200 /* a file of nonsense must not fill the terminal and the memory */
#define PATH_TEXT_MAX 128

static void message_add(struct config_messages *messages, enum config_severity severity, char *text)
{
	struct config_message *grown;

	messages->errors += severity == CONFIG_ERROR;
	grown = messages->count < MESSAGES_MAX
			? realloc(messages->items, (messages->count + 1) * sizeof(*messages->items))
			: NULL;
	if (!grown || !text) {
		/* The error count alone still refuses the file. */
		if (grown)
			messages->items = grown;
		free(text);
		return;
	}
	messages->items = grown;
	messages->items[messages->count++] = (struct config_message){severity, text};
}

void config_message_add(struct config_messages *messages, enum config_severity severity, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	message_add(messages, severity, text);
}

void config_messages_free(struct config_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++)
		free(messages->items[i].text);
	free(messages->items);
	memset(messages, 0, sizeof(*messages));
}

void config_complain(struct config_reader *r, enum config_severity severity, struct toml_position at, const char *path,
		     const char *format, ...)
{
	char *what = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	config_message_add(r->messages, severity, "%s:%" PRIu32 ":%" PRIu32 ": %s: %s", r->file, at.line, at.column,
			   path, what ? what : "out of memory");
	free(what);
}

int config_set_string(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int config_addrs_add(struct config_addrs *addrs, const struct net_addr *addr)
{
	struct net_addr *grown = realloc(addrs->items, (addrs->count + 1) * sizeof(*addrs->items));

	if (!grown)
		return -ENOMEM;
	addrs->items = grown;
	addrs->items[addrs->count++] = *addr;
	return 0;
}

static void strings_clear(struct config_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	memset(strings, 0, sizeof(*strings));
}

/* The field of a key; its type is the one that the kind stands for. */
static void *field_of(struct config *config, const struct config_key *key)
{
	return (char *)config + key->offset;
}

static void path_of(char out[PATH_TEXT_MAX], const struct config_key *key)
{
	snprintf(out, PATH_TEXT_MAX, "%s.%s", key->section, key->key);
}

static void describe_choices(char *out, size_t size, const struct config_choice *choices)
{
	size_t used = (size_t)snprintf(out, size, "one of");

	for (const struct config_choice *c = choices; c->name && used < size; c++) {
		if (!c->alias)
			used += (size_t)snprintf(out + used, size - used, " \"%s\"", c->name);
	}
}

static void describe_number(char *out, size_t size, const struct config_key *key)
{
	const char *unit = key->unit;

	if (key->min == key->max)
		snprintf(out, size, "%" PRId64 ": %s", key->min, unit);
	else
		snprintf(out, size, "a whole number from %" PRId64 " to %" PRId64 "%s%s%s", key->min, key->max,
			 *unit ? " (" : "", unit, *unit ? ")" : "");
}

/* What should have stood there. */
static void describe(char *out, size_t size, const struct config_key *key)
{
	switch (key->kind) {
	case CONFIG_KIND_BOOL:
		snprintf(out, size, "true or false");
		return;
	case CONFIG_KIND_INT:
	case CONFIG_KIND_U16:
	case CONFIG_KIND_U32:
	case CONFIG_KIND_U64:
	case CONFIG_KIND_I64:
		describe_number(out, size, key);
		return;
	case CONFIG_KIND_STRING:
		snprintf(out, size, "a string in quotes");
		return;
	case CONFIG_KIND_STRINGS:
		snprintf(out, size, "a list of strings");
		return;
	case CONFIG_KIND_CHOICE:
		describe_choices(out, size, key->choices);
		return;
	case CONFIG_KIND_ADDRESS:
		snprintf(out, size, "an address like \"203.0.113.7\" or \"203.0.113.7:24100\"");
		return;
	case CONFIG_KIND_ADDRESSES:
		snprintf(out, size, "a list of addresses like \"203.0.113.7\" or \"203.0.113.7:24100\"");
		return;
	case CONFIG_KIND_VALIDATORS:
		snprintf(out, size, "a list of { from_height, validators }");
		return;
	case CONFIG_KIND_NONE:
		snprintf(out, size, "anything");
		return;
	}
}

/* "file:line:column: section.key: <found>, expected ..." */
static void refuse(struct config_reader *r, const struct config_key *key, struct toml_position at, const char *found)
{
	char path[PATH_TEXT_MAX];
	char expected[256] = "";

	path_of(path, key);
	describe(expected, sizeof(expected), key);
	config_complain(r, CONFIG_ERROR, at, path, "%s, expected %s", found, expected);
}

static void refuse_kind(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	refuse(r, key, v->at, toml_kind_name(v->kind));
}

static void refuse_text(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	char found[96];

	snprintf(found, sizeof(found), "\"%.64s\"", v->u.string.data);
	refuse(r, key, v->at, found);
}

static void read_number(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	void *field = field_of(r->config, key);
	int64_t n = v->u.integer;

	if (v->kind != TOML_INTEGER) {
		refuse_kind(r, key, v);
		return;
	}
	if (n < key->min || n > key->max) {
		char found[32];

		snprintf(found, sizeof(found), "%" PRId64, n);
		refuse(r, key, v->at, found);
		return;
	}
	switch (key->kind) {
	case CONFIG_KIND_INT:
		*(int *)field = (int)n;
		break;
	case CONFIG_KIND_U16:
		*(uint16_t *)field = (uint16_t)n;
		break;
	case CONFIG_KIND_U32:
		*(uint32_t *)field = (uint32_t)n;
		break;
	case CONFIG_KIND_U64:
		*(uint64_t *)field = (uint64_t)n;
		break;
	case CONFIG_KIND_I64:
		*(int64_t *)field = n;
		break;
	case CONFIG_KIND_BOOL:
	case CONFIG_KIND_STRING:
	case CONFIG_KIND_STRINGS:
	case CONFIG_KIND_CHOICE:
	case CONFIG_KIND_ADDRESS:
	case CONFIG_KIND_ADDRESSES:
	case CONFIG_KIND_VALIDATORS:
	case CONFIG_KIND_NONE:
		CHECK(false);
		break;
	}
}

static void read_bool(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	char path[PATH_TEXT_MAX];

	if (v->kind != TOML_BOOLEAN) {
		refuse_kind(r, key, v);
		return;
	}
	*(bool *)field_of(r->config, key) = v->u.boolean;
	path_of(path, key);
	if ((key->flags & CONFIG_KEY_UNSUPPORTED) && v->u.boolean)
		config_complain(r, CONFIG_WARNING, v->at, path, "true, but this is not supported and has no effect");
}

static void read_string(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	if (v->kind != TOML_STRING)
		refuse_kind(r, key, v);
	else if (config_set_string(field_of(r->config, key), v->u.string.data))
		r->out_of_memory = true;
}

static void read_strings(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	struct config_strings *strings = field_of(r->config, key);

	if (v->kind != TOML_ARRAY) {
		refuse_kind(r, key, v);
		return;
	}
	strings_clear(strings);
	strings->items = calloc(v->u.items.count + 1, sizeof(*strings->items));
	if (!strings->items) {
		r->out_of_memory = true;
		return;
	}
	for (const struct toml_value *item = v->u.items.first; item; item = item->next) {
		if (item->kind != TOML_STRING)
			refuse_kind(r, key, item);
		else if (config_set_string(&strings->items[strings->count], item->u.string.data))
			r->out_of_memory = true;
		else
			strings->count++;
	}
}

static void read_choice(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	char path[PATH_TEXT_MAX];

	if (v->kind != TOML_STRING) {
		refuse_kind(r, key, v);
		return;
	}
	for (const struct config_choice *c = key->choices; c->name; c++) {
		if (strcasecmp(c->name, v->u.string.data) != 0)
			continue;
		*(int *)field_of(r->config, key) = c->value;
		path_of(path, key);
		if (c->alias)
			config_complain(r, CONFIG_WARNING, v->at, path,
					"\"%s\" is not supported, \"%s\" is used instead", c->name,
					key->choices[0].name);
		return;
	}
	refuse_text(r, key, v);
}

static void read_address(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	struct net_addr *field = field_of(r->config, key);
	struct net_addr addr = {0};

	if (v->kind != TOML_STRING) {
		refuse_kind(r, key, v);
		return;
	}
	if (v->u.string.len == 0 && (key->flags & CONFIG_KEY_MAY_BE_EMPTY))
		*field = addr;
	else if (net_addr_parse(&addr, v->u.string.data, v->u.string.len, 0))
		refuse_text(r, key, v);
	else
		*field = addr;
}

static void read_addresses(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	struct config_addrs *addrs = field_of(r->config, key);

	if (v->kind != TOML_ARRAY) {
		refuse_kind(r, key, v);
		return;
	}
	free(addrs->items);
	memset(addrs, 0, sizeof(*addrs));
	for (const struct toml_value *item = v->u.items.first; item; item = item->next) {
		struct net_addr addr;

		if (item->kind != TOML_STRING)
			refuse_kind(r, key, item);
		else if (net_addr_parse(&addr, item->u.string.data, item->u.string.len, 0))
			refuse_text(r, key, item);
		else if (config_addrs_add(addrs, &addr))
			r->out_of_memory = true;
	}
}

static void read_value(struct config_reader *r, const struct config_key *key, const struct toml_value *v)
{
	char path[PATH_TEXT_MAX];

	switch (key->kind) {
	case CONFIG_KIND_BOOL:
		read_bool(r, key, v);
		return;
	case CONFIG_KIND_INT:
	case CONFIG_KIND_U16:
	case CONFIG_KIND_U32:
	case CONFIG_KIND_U64:
	case CONFIG_KIND_I64:
		read_number(r, key, v);
		return;
	case CONFIG_KIND_STRING:
		read_string(r, key, v);
		return;
	case CONFIG_KIND_STRINGS:
		read_strings(r, key, v);
		return;
	case CONFIG_KIND_CHOICE:
		read_choice(r, key, v);
		return;
	case CONFIG_KIND_ADDRESS:
		read_address(r, key, v);
		return;
	case CONFIG_KIND_ADDRESSES:
		read_addresses(r, key, v);
		return;
	case CONFIG_KIND_VALIDATORS:
		config_read_validators(r, field_of(r->config, key), v);
		return;
	case CONFIG_KIND_NONE:
		path_of(path, key);
		config_complain(r, CONFIG_WARNING, v->key_at, path, "has no effect: %s", key->note);
		return;
	}
}

static const struct config_key *find_key(const char *section, const char *key)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].key, key) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static bool section_exists(const char *name)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, name) == 0)
			return true;
	}
	return false;
}

/* Nearest in its own section, else the same key elsewhere: it may only stand under the wrong header. */
static void warn_unknown_key(struct config_reader *r, const char *section, const struct toml_value *v)
{
	struct nearest nearest = {.wanted = v->key};
	const char *other = NULL;
	char path[PATH_TEXT_MAX];

	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, section) == 0)
			nearest_offer(&nearest, config_keys[i].key);
		if (strcmp(config_keys[i].key, v->key) == 0)
			other = config_keys[i].section;
	}
	snprintf(path, sizeof(path), "%s%s%.64s", section, *section ? "." : "", v->key);
	if (nearest_result(&nearest))
		config_complain(r, CONFIG_WARNING, v->key_at, path, "unknown key, did you mean %s.%s?", section,
				nearest_result(&nearest));
	else if (other)
		config_complain(r, CONFIG_WARNING, v->key_at, path, "unknown key, did you mean %s.%s?", other, v->key);
	else
		config_complain(r, CONFIG_WARNING, v->key_at, path, "unknown key");
}

static void warn_unknown_section(struct config_reader *r, const struct toml_value *v)
{
	struct nearest nearest = {.wanted = v->key};
	char path[PATH_TEXT_MAX];

	for (size_t i = 0; i < config_key_count; i++)
		nearest_offer(&nearest, config_keys[i].section);
	snprintf(path, sizeof(path), "%.64s", v->key);
	if (nearest_result(&nearest))
		config_complain(r, CONFIG_WARNING, v->key_at, path, "unknown section, did you mean [%s]?",
				nearest_result(&nearest));
	else
		config_complain(r, CONFIG_WARNING, v->key_at, path, "unknown section");
}

/* Recursion is bounded by the sections of the table: none lies deeper than logging.categories. */
static void read_section(struct config_reader *r, const char *section, const struct toml_value *table)
{
	for (const struct toml_value *v = table->u.items.first; v; v = v->next) {
		const struct config_key *key = find_key(section, v->key);
		char inner[PATH_TEXT_MAX];

		snprintf(inner, sizeof(inner), "%s%s%.64s", section, *section ? "." : "", v->key);
		if (key)
			read_value(r, key, v);
		else if (section_exists(inner) && v->kind == TOML_TABLE)
			read_section(r, inner, v);
		else if (section_exists(inner))
			config_complain(r, CONFIG_ERROR, v->at, inner, "%s, expected a table", toml_kind_name(v->kind));
		else if (!*section && v->kind == TOML_TABLE)
			warn_unknown_section(r, v);
		else
			warn_unknown_key(r, section, v);
	}
}

static int read_default(struct config_reader *r, const struct config_key *key)
{
	struct toml_error error;
	struct toml *document;
	char text[128];
	int n = snprintf(text, sizeof(text), "v = %s\n", key->initial);
	int code;

	code = toml_parse(&document, &error, text, (size_t)n);
	if (code == -ENOMEM)
		return code;
	CHECK(code == 0);
	read_value(r, key, toml_find(toml_root(document), "v"));
	toml_free(document);
	return 0;
}

int config_default(struct config **out)
{
	struct config_messages messages = {0};
	struct config *config = calloc(1, sizeof(*config));
	struct config_reader r = {.file = "default", .messages = &messages, .config = config};
	int code = config ? 0 : -ENOMEM;

	for (size_t i = 0; i < config_key_count && !code; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->initial && key->kind != CONFIG_KIND_NONE && !(key->flags & CONFIG_KEY_BY_NETWORK))
			code = read_default(&r, key);
	}
	if (!code && r.out_of_memory)
		code = -ENOMEM;
	/* A default that is refused or warned about is a mistake in the table. */
	CHECK(messages.errors == 0 && messages.count == 0);
	if (code) {
		config_free(config);
		return code;
	}
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
		config->logging.categories[i] = -1;
	*out = config;
	return 0;
}

int config_parse(struct config **out, const char *text, size_t len, const char *name, struct config_messages *messages)
{
	size_t errors_before = messages->errors;
	struct config_reader r = {.file = name, .messages = messages};
	struct toml_error error;
	struct toml *document;
	int code = toml_parse(&document, &error, text, len);

	if (code == TOML_E_SYNTAX) {
		config_message_add(messages, CONFIG_ERROR, "%s:%" PRIu32 ":%" PRIu32 ": %s", name, error.at.line,
				   error.at.column, error.text);
		return CONFIG_E_INVALID;
	}
	if (code)
		return code;
	code = config_default(&r.config);
	if (!code)
		read_section(&r, "", toml_root(document));
	toml_free(document);
	if (!code && r.out_of_memory)
		code = -ENOMEM;
	if (!code && messages->errors != errors_before)
		code = CONFIG_E_INVALID;
	if (code) {
		config_free(r.config);
		return code;
	}
	*out = r.config;
	return 0;
}

int config_load(struct config **out, const char *path, struct config_messages *messages)
{
	char *text;
	size_t len;
	int r = file_read(&text, &len, path, TOML_MAX_BYTES);

	if (r)
		return r;
	r = config_parse(out, text, len, path, messages);
	/* A password may stand in it. */
	explicit_bzero(text, len);
	free(text);
	return r;
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		void *field = field_of(config, key);

		if (key->kind == CONFIG_KIND_STRING) {
			if (key->flags & CONFIG_KEY_SECRET)
				wipe(*(char **)field);
			free(*(char **)field);
		} else if (key->kind == CONFIG_KIND_STRINGS) {
			strings_clear(field);
		} else if (key->kind == CONFIG_KIND_ADDRESSES) {
			free(((struct config_addrs *)field)->items);
		} else if (key->kind == CONFIG_KIND_VALIDATORS) {
			config_validators_free(field);
		}
	}
	free(config->network.connect.items);
	free(config);
}
