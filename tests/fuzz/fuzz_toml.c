// SPDX-License-Identifier: MIT
/* Any bytes into the configuration parser: it accepts or says where it does not, and what it accepts is a well-formed
 * tree that stays the same when a comment is added at the end. */
#include <string.h>

#include "fuzz.h"
#include "timed/util/toml.h"

static size_t check_tree(const struct toml_value *v, int depth)
{
	const struct toml_value *last = NULL;
	size_t count = 0, nodes = 1;

	FUZZ_REQUIRE(depth <= TOML_MAX_DEPTH + 1);
	FUZZ_REQUIRE(v->at.line > 0 && v->at.column > 0);
	if (v->kind == TOML_STRING)
		FUZZ_REQUIRE(strlen(v->u.string.data) == v->u.string.len);
	if (v->kind != TOML_ARRAY && v->kind != TOML_TABLE)
		return nodes;
	for (const struct toml_value *i = v->u.items.first; i; i = i->next) {
		FUZZ_REQUIRE((i->key != NULL) == (v->kind == TOML_TABLE));
		if (i->key) {
			FUZZ_REQUIRE(toml_find(v, i->key) == i);
			FUZZ_REQUIRE(i->key_at.line > 0 && i->key_at.column > 0);
		}
		nodes += check_tree(i, depth + 1);
		last = i;
		count++;
	}
	FUZZ_REQUIRE(last == v->u.items.last && count == v->u.items.count);
	return nodes;
}

static size_t check_longer(const uint8_t *data, size_t len)
{
	static const char comment[] = " # the end\n";
	char *longer = malloc(len + sizeof(comment));
	struct toml_error error;
	struct toml *document;
	size_t nodes;

	FUZZ_REQUIRE(longer != NULL);
	memcpy(longer, data, len);
	memcpy(longer + len, comment, sizeof(comment));
	FUZZ_REQUIRE(toml_parse(&document, &error, longer, len + sizeof(comment) - 1) == 0);
	nodes = check_tree(toml_root(document), 0);
	toml_free(document);
	free(longer);
	return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct toml_error error;
	struct toml *document = NULL;
	int r = toml_parse(&document, &error, (const char *)data, len);

	if (r) {
		FUZZ_REQUIRE(r == TOML_E_SYNTAX);
		FUZZ_REQUIRE(document == NULL && error.text[0] != '\0');
		FUZZ_REQUIRE(error.at.line > 0 && error.at.column > 0);
		return 0;
	}
	FUZZ_REQUIRE(check_longer(data, len) == check_tree(toml_root(document), 0));
	toml_free(document);
	return 0;
}
