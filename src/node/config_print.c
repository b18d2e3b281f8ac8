// SPDX-License-Identifier: MIT
/* The default configuration file, made from the table: what --generate-config prints and what a first start leaves
 * behind. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_table.h"
#include "timed/util/file.h"

static bool is_number(enum config_kind kind)
{
	return kind == CONFIG_KIND_INT || kind == CONFIG_KIND_U16 || kind == CONFIG_KIND_U32 ||
	       kind == CONFIG_KIND_U64 || kind == CONFIG_KIND_I64;
}

/* "# what it does (unit, from min to max)" or "# one of ...". */
static void print_note(FILE *out, const struct config_key *key)
{
	const char *separator = *key->note ? "; " : "";

	if (key->kind == CONFIG_KIND_CHOICE) {
		fprintf(out, "# %s%sone of", key->note, separator);
		for (const struct config_choice *c = key->choices; c->name; c++) {
			if (!c->alias)
				fprintf(out, " \"%s\"", c->name);
		}
		fprintf(out, "\n");
	} else if (is_number(key->kind) && key->min != key->max) {
		fprintf(out, "# %s%s%s%s%" PRId64 " to %" PRId64 "\n", key->note, separator, key->unit,
			*key->unit ? ", " : "", key->min, key->max);
	} else if (is_number(key->kind)) {
		fprintf(out, "# %s: %s\n", key->note, key->unit);
	} else if (key->kind == CONFIG_KIND_NONE) {
		fprintf(out, "# has no effect here: %s\n", key->note);
	} else if (*key->note) {
		fprintf(out, "# %s\n", key->note);
	}
}

static void print_key(FILE *out, const struct config_key *key, enum chain_network network)
{
	bool is_network = strcmp(key->section, "node") == 0 && strcmp(key->key, "network") == 0;
	struct chain_params params;

	chain_params_init(&params, network);
	if (key->kind == CONFIG_KIND_NONE)
		fprintf(out, "# %s = %s\n", key->key, key->initial);
	else if (is_network)
		fprintf(out, "%s = \"%s\"\n", key->key, params.name);
	else if (key->flags & CONFIG_KEY_BY_NETWORK)
		fprintf(out, "%s = %" PRIu32 "\n", key->key, params.block_time_s);
	else
		fprintf(out, "%s = %s\n", key->key, key->initial);
}

void config_print_default(FILE *out, enum chain_network network)
{
	const char *section = "";

	fprintf(out,
		"# Configuration of timed.  Every key is here with its default; a key that is left out has it too.\n");
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(section, key->section) != 0)
			fprintf(out, "\n[%s]\n", key->section);
		if (strcmp(key->section, "logging.categories") == 0) {
			if (strcmp(section, key->section) != 0)
				fprintf(out, "# levels of single categories, where they differ from logging.level\n");
			fprintf(out, "# %s = \"info\"\n", key->key);
		} else {
			print_note(out, key);
			print_key(out, key, network);
		}
		section = key->section;
	}
}

int config_create(const char *path, enum chain_network network)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return -ENOMEM;
	config_print_default(out, network);
	if (fclose(out)) {
		free(text);
		return -ENOMEM;
	}
	r = file_make_parent(path, 0700);
	if (!r)
		r = file_write_atomic(path, text, len, 0600);
	free(text);
	return r;
}
