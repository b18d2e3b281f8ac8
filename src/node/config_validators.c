// SPDX-License-Identifier: MIT
/* consensus.validators: a list of lists in force from a height on (PROTOCOL.md §9).  What can be said of the value
 * alone is checked here, with the place of the mistake; whether it fits the network, in config_resolve.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_table.h"
#include "timed/util/nearest.h"
#include "timeproto/base/hex.h"
#include "timeproto/chain/address.h"

#define VALIDATORS_MIN 3    /* fewer cannot tolerate one that fails */
#define VALIDATORS_MAX 1000 /* signatures that a commit can hold */

#define PATH "consensus.validators"

static const char *const list_keys[] = {"from_height", "validators"};
static const char *const validator_keys[] = {"address", "public_key", "tier", "reward_address"};
static const char *const tier_names[WIRE_TIER_COUNT] = {"free", "bronze", "silver", "gold"};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void warn_unknown(struct config_reader *r, const struct toml_value *table, const char *const *known,
			 size_t count)
{
	for (const struct toml_value *v = table->u.items.first; v; v = v->next) {
		struct nearest nearest = {.wanted = v->key};

		for (size_t i = 0; i < count; i++)
			nearest_offer(&nearest, known[i]);
		if (nearest.distance == 0)
			continue;
		if (nearest_result(&nearest))
			config_complain(r, CONFIG_WARNING, v->key_at, PATH, "unknown key '%.64s', did you mean '%s'?",
					v->key, nearest_result(&nearest));
		else
			config_complain(r, CONFIG_WARNING, v->key_at, PATH, "unknown key '%.64s'", v->key);
	}
}

/* A required member of the given kind; NULL after a complaint. */
static const struct toml_value *member(struct config_reader *r, const struct toml_value *table, const char *key,
				       enum toml_kind kind)
{
	const struct toml_value *v = toml_find(table, key);

	if (!v)
		config_complain(r, CONFIG_ERROR, table->at, PATH, "'%s' is missing", key);
	else if (v->kind != kind)
		config_complain(r, CONFIG_ERROR, v->at, PATH, "%s: %s, expected %s", key, toml_kind_name(v->kind),
				toml_kind_name(kind));
	return v && v->kind == kind ? v : NULL;
}

static void read_tier(struct config_reader *r, struct config_validator *out, const struct toml_value *v)
{
	for (int i = 0; i < WIRE_TIER_COUNT; i++) {
		if (strcasecmp(tier_names[i], v->u.string.data) == 0) {
			out->tier = (enum wire_tier)i;
			return;
		}
	}
	config_complain(r, CONFIG_ERROR, v->at, PATH ".tier",
			"\"%.64s\", expected one of \"free\" \"bronze\" \"silver\" \"gold\"", v->u.string.data);
}

static void read_reward_address(struct config_reader *r, struct config_validator *out, const struct toml_value *v)
{
	const char *text = v->u.string.data;
	/* Which of the two networks is meant is checked when it is known. */
	enum chain_network network = v->u.string.len > 4 && text[4] == '1' ? CHAIN_MAINNET : CHAIN_TESTNET;
	int error = address_decode(NULL, text, v->u.string.len, network);

	if (error)
		config_complain(r, CONFIG_ERROR, v->at, PATH ".reward_address", "\"%.64s\": %s, expected an address",
				text, address_error_text(error));
	else if (config_set_string(&out->reward_address, text))
		r->out_of_memory = true;
}

static void read_validator(struct config_reader *r, struct config_validator *out, const struct toml_value *v)
{
	const struct toml_value *m;

	if (v->kind != TOML_TABLE) {
		config_complain(r, CONFIG_ERROR, v->at, PATH,
				"%s, expected { address, public_key, tier, reward_address }", toml_kind_name(v->kind));
		return;
	}
	warn_unknown(r, v, validator_keys, COUNT_OF(validator_keys));
	m = member(r, v, "address", TOML_STRING);
	if (m && net_addr_parse(&out->address, m->u.string.data, m->u.string.len, 0))
		config_complain(r, CONFIG_ERROR, m->at, PATH ".address", "\"%.64s\", expected an IP address",
				m->u.string.data);
	m = member(r, v, "public_key", TOML_STRING);
	if (m && hex_decode(out->public_key.bytes, sizeof(out->public_key.bytes), m->u.string.data, m->u.string.len))
		config_complain(r, CONFIG_ERROR, m->at, PATH ".public_key", "\"%.80s\", expected 64 hex digits",
				m->u.string.data);
	m = member(r, v, "tier", TOML_STRING);
	if (m)
		read_tier(r, out, m);
	m = member(r, v, "reward_address", TOML_STRING);
	if (m)
		read_reward_address(r, out, m);
}

/* A validator is one vote: neither its address nor its key may stand twice. */
static void check_unique(struct config_reader *r, const struct config_validator_list *list, size_t i,
			 struct toml_position at)
{
	const struct config_validator *v = &list->items[i];

	for (size_t j = 0; j < i; j++) {
		if (net_ip_equal(&v->address.ip, &list->items[j].address.ip))
			config_complain(r, CONFIG_ERROR, at, PATH ".address",
					"the same as of validator %zu of this list", j + 1);
		if (memcmp(&v->public_key, &list->items[j].public_key, sizeof(v->public_key)) == 0)
			config_complain(r, CONFIG_ERROR, at, PATH ".public_key",
					"the same as of validator %zu of this list", j + 1);
	}
}

static void read_items(struct config_reader *r, struct config_validator_list *out, const struct toml_value *v)
{
	size_t errors = r->messages->errors;

	if (v->u.items.count < VALIDATORS_MIN || v->u.items.count > VALIDATORS_MAX) {
		config_complain(r, CONFIG_ERROR, v->at, PATH, "%zu validators, expected %d to %d", v->u.items.count,
				VALIDATORS_MIN, VALIDATORS_MAX);
		return;
	}
	out->items = calloc(v->u.items.count, sizeof(*out->items));
	if (!out->items) {
		r->out_of_memory = true;
		return;
	}
	for (const struct toml_value *item = v->u.items.first; item; item = item->next) {
		read_validator(r, &out->items[out->count++], item);
		/* Without its fields it would be equal to the next one without. */
		if (r->messages->errors == errors)
			check_unique(r, out, out->count - 1, item->at);
	}
}

static void read_list(struct config_reader *r, struct config_validators *all, const struct toml_value *v)
{
	struct config_validator_list *list = &all->lists[all->count++];
	const struct toml_value *m;

	if (v->kind != TOML_TABLE) {
		config_complain(r, CONFIG_ERROR, v->at, PATH, "%s, expected { from_height, validators }",
				toml_kind_name(v->kind));
		return;
	}
	warn_unknown(r, v, list_keys, COUNT_OF(list_keys));
	m = member(r, v, "from_height", TOML_INTEGER);
	if (m && m->u.integer < 1)
		config_complain(r, CONFIG_ERROR, m->at, PATH ".from_height", "%" PRId64 ", expected a height from 1 on",
				m->u.integer);
	else if (m)
		list->from_height = (uint64_t)m->u.integer;
	if (m && all->count > 1 && list->from_height <= list[-1].from_height)
		config_complain(r, CONFIG_ERROR, m->at, PATH ".from_height",
				"%" PRId64 ", expected more than the list before it has", m->u.integer);
	m = member(r, v, "validators", TOML_ARRAY);
	if (m)
		read_items(r, list, m);
}

void config_read_validators(struct config_reader *r, struct config_validators *out, const struct toml_value *v)
{
	if (v->kind != TOML_ARRAY) {
		config_complain(r, CONFIG_ERROR, v->at, PATH, "%s, expected a list of { from_height, validators }",
				toml_kind_name(v->kind));
		return;
	}
	config_validators_free(out);
	if (v->u.items.count == 0)
		return;
	out->lists = calloc(v->u.items.count, sizeof(*out->lists));
	if (!out->lists) {
		r->out_of_memory = true;
		return;
	}
	for (const struct toml_value *item = v->u.items.first; item; item = item->next)
		read_list(r, out, item);
}

void config_validators_free(struct config_validators *validators)
{
	for (size_t i = 0; i < validators->count; i++) {
		for (size_t j = 0; j < validators->lists[i].count; j++)
			free(validators->lists[i].items[j].reward_address);
		free(validators->lists[i].items);
	}
	free(validators->lists);
	memset(validators, 0, sizeof(*validators));
}
