// SPDX-License-Identifier: MIT
/* What each key of a configuration file means to this node, line by line: for who takes the file of the existing daemon
 * over.  By the table of keys, and by what is said here of those that mean something else than their name promises. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_table.h"
#include "timed/util/file.h"

#define PATH_TEXT_MAX 160

enum meaning { TAKEN_OVER, CHANGED, NO_EFFECT, UNKNOWN };

static const char *const meaning_names[] = {
	[TAKEN_OVER] = "taken over",
	[CHANGED] = "changed",
	[NO_EFFECT] = "no effect",
	[UNKNOWN] = "unknown",
};

static const struct remark {
	const char *section, *key;
	enum meaning meaning;
	const char *text;
} remarks[] = {
	{"rpc", "listen_address", CHANGED, "any address but loopback needs rpc.user and rpc.password as well"},
	{"rpc", "allow_origins", CHANGED, "browsers may call from these origins and from no others"},
	{"storage", "backend", CHANGED,
	 "the database is RocksDB; one of sled is neither read nor changed, and the chain is fetched from the peers"},
	{"storage", "data_dir", CHANGED,
	 "time-wallet.dat there is used as it is; the database is made in db, or in db-timed beside a db of another "
	 "daemon"},
	{"consensus", "min_masternodes", CHANGED, "for blocks that are made without validators"},
	{"consensus", "quorum_percentage", CHANGED, "67 stands for floor(2n/3) + 1, which no other value changes"},
	{"block", "block_time_seconds", CHANGED, "what all nodes of the network keep to; free on a devnet only"},
	{"block", "max_block_size_kb", CHANGED, "of blocks that we make; what is valid is the protocol's to say"},
	{"block", "max_transactions_per_block", CHANGED,
	 "of blocks that we make; what is valid is the protocol's to say"},
	{"masternode", "tier", CHANGED, "announced as it stands here; nobody checks collateral"},
	{"masternode", "collateral_txid", NO_EFFECT, "the protocol has no place for it"},
	{"metrics", "enabled", CHANGED, "on metrics.listen_address, which only this machine reaches unless it is set"},
	{"security", "enable_rate_limiting", CHANGED, "the limits of section [limits], for each peer"},
	{"security", "max_requests_per_second", CHANGED, "JSON-RPC requests, all clients together"},
};

static const struct remark *find_remark(const char *section, const char *key)
{
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		if (strcmp(remarks[i].section, section) == 0 && strcmp(remarks[i].key, key) == 0)
			return &remarks[i];
	}
	return NULL;
}

static const struct config_key *find_key(const char *section, const char *key)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].key, key) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static void value_text(char *out, size_t size, const struct toml_value *v)
{
	switch (v->kind) {
	case TOML_STRING:
		snprintf(out, size, "\"%.60s\"", v->u.string.data);
		return;
	case TOML_INTEGER:
		snprintf(out, size, "%" PRId64, v->u.integer);
		return;
	case TOML_FLOAT:
		snprintf(out, size, "%g", v->u.real);
		return;
	case TOML_BOOLEAN:
		snprintf(out, size, "%s", v->u.boolean ? "true" : "false");
		return;
	case TOML_ARRAY:
		snprintf(out, size, "[%zu value%s]", v->u.items.count, v->u.items.count == 1 ? "" : "s");
		return;
	case TOML_TABLE:
		snprintf(out, size, "{...}");
		return;
	}
}

/* The value is shown unless it is a secret, which nobody can tell of a key that is not known. */
static bool may_show(const struct config_key *key)
{
	return key && !(key->flags & CONFIG_KEY_SECRET) && strcmp(key->key, "api_key") != 0;
}

static void explain_value(FILE *out, const char *file, const char *section, const struct toml_value *v)
{
	const struct config_key *key = find_key(section, v->key);
	const struct remark *remark = find_remark(section, v->key);
	enum meaning meaning = !key ? UNKNOWN : key->kind == CONFIG_KIND_NONE ? NO_EFFECT : TAKEN_OVER;
	const char *text = !key ? "no key of this node" : *key->note ? key->note : "as it stands";
	char path[PATH_TEXT_MAX], value[80] = "(not shown)";

	if (remark) {
		meaning = remark->meaning;
		text = remark->text;
	} else if (key && (key->flags & CONFIG_KEY_UNSUPPORTED) && v->kind == TOML_BOOLEAN && v->u.boolean) {
		meaning = NO_EFFECT;
	}
	if (may_show(key))
		value_text(value, sizeof(value), v);
	snprintf(path, sizeof(path), "%s%s%.64s = %s", section, *section ? "." : "", v->key, value);
	fprintf(out, "%s:%" PRIu32 ": %-52s %-10s  %s\n", file, v->key_at.line, path, meaning_names[meaning], text);
}

/* Recursion: as deep as the file's tables, which the parser bounds. */
static void explain_table(FILE *out, const char *file, const char *section, const struct toml_value *table)
{
	for (const struct toml_value *v = table->u.items.first; v; v = v->next) {
		char inner[PATH_TEXT_MAX];

		if (v->kind != TOML_TABLE) {
			explain_value(out, file, section, v);
			continue;
		}
		snprintf(inner, sizeof(inner), "%s%s%.64s", section, *section ? "." : "", v->key);
		explain_table(out, file, inner, v);
	}
}

int config_explain(FILE *out, const char *path)
{
	struct toml_error error;
	struct toml *document = NULL;
	char *text;
	size_t len;
	int r = file_read(&text, &len, path, TOML_MAX_BYTES);

	if (r)
		return r;
	r = toml_parse(&document, &error, text, len);
	explicit_bzero(text, len);
	free(text);
	if (r)
		return r;
	explain_table(out, path, "", toml_root(document));
	toml_free(document);
	return 0;
}
