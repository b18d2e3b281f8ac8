// SPDX-License-Identifier: MIT
/* See arguments.h. */
#include "arguments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "timed/rpc/params.h"
#include "timed/rpc/value.h"

/* What may be meant, where nothing is known. */
#define ANY_TYPE (~0U)

/* "name: what is wrong" */
static int refuse(char *why, const char *name, const char *what)
{
	snprintf(why, ARGUMENTS_WHY_SIZE, "%.128s: %s", name, what);
	return ARGUMENTS_E_INVALID;
}

static int as_text(json_t **out, char *why, const char *name, const char *text)
{
	*out = json_string(text);
	if (*out)
		return 0;
	/* Not told apart by jansson; memory for an argument is there. */
	return refuse(why, name, "is not UTF-8");
}

/* A value that has to be JSON of one of the types; null stands for none given. */
static int as_json(json_t **out, char *why, const char *name, unsigned types, const char *text)
{
	char wanted[96], detail[VALUE_WHY_SIZE];
	int r = value_parse(out, detail, text, strlen(text));

	if (r < 0)
		return r;
	if (!r && (json_is_null(*out) || (params_types_of(*out) & types)))
		return 0;
	json_decref(*out);
	*out = NULL;
	params_types_text(wanted, sizeof(wanted), types);
	if (types & (RPC_TYPE_ARRAY | RPC_TYPE_OBJECT) && r) {
		snprintf(why, ARGUMENTS_WHY_SIZE, "%.64s: expected %s, in JSON (%.200s)", name, wanted, detail);
		return ARGUMENTS_E_INVALID;
	}
	snprintf(why, ARGUMENTS_WHY_SIZE, "%.64s: \"%.128s\", expected %s", name, text, wanted);
	return ARGUMENTS_E_INVALID;
}

static int convert(json_t **out, char *why, const char *name, unsigned types, const char *text)
{
	char detail[VALUE_WHY_SIZE];
	int r;

	if (types == RPC_TYPE_STRING)
		return as_text(out, why, name, text);
	if (!(types & RPC_TYPE_STRING))
		return as_json(out, why, name, types, text);
	r = value_parse(out, detail, text, strlen(text));
	if (r < 0)
		return r;
	if (!r && (params_types_of(*out) & types))
		return 0;
	json_decref(*out);
	return as_text(out, why, name, text);
}

static const struct rpc_param *find_param(const struct rpc_method *method, const char *name, size_t len)
{
	for (size_t i = 0; method && i < method->param_count; i++) {
		if (strlen(method->params[i].name) == len && memcmp(method->params[i].name, name, len) == 0)
			return &method->params[i];
	}
	return NULL;
}

static int by_place(json_t *array, char *why, const struct rpc_method *method, const char *text)
{
	size_t place = json_array_size(array);
	const struct rpc_param *param = method && place < method->param_count ? &method->params[place] : NULL;
	char name[32];
	json_t *value;
	int r;

	snprintf(name, sizeof(name), "argument %zu", place + 1);
	r = convert(&value, why, param ? param->name : name, param ? param->types : ANY_TYPE, text);
	if (r)
		return r;
	return json_array_append_new(array, value) ? -ENOMEM : 0;
}

/* "NAME=VALUE", or a value at a place. */
static int by_name(json_t *object, char *why, const struct rpc_method *method, const char *text, size_t place)
{
	const char *equals = strchr(text, '=');
	const struct rpc_param *param;
	char name[64];
	json_t *value;
	int r;

	if (!equals && (!method || place >= method->param_count))
		return refuse(why, text, "expected NAME=VALUE");
	param = equals ? find_param(method, text, (size_t)(equals - text)) : &method->params[place];
	if (equals && method && !param)
		return refuse(why, text, "there is no parameter of that name");
	if (param)
		snprintf(name, sizeof(name), "%s", param->name);
	else
		snprintf(name, sizeof(name), "%.*s", (int)(equals - text > 60 ? 60 : equals - text), text);
	if (json_object_get(object, name))
		return refuse(why, name, "given twice");
	r = convert(&value, why, name, param ? param->types : ANY_TYPE, equals ? equals + 1 : text);
	if (r)
		return r;
	return json_object_set_new(object, name, value) ? -ENOMEM : 0;
}

int arguments_to_json(json_t **out, char why[ARGUMENTS_WHY_SIZE], const struct rpc_method *method,
		      char *const *arguments, size_t count, bool named)
{
	size_t place = 0;
	int r = 0;

	*out = named ? json_object() : json_array();
	why[0] = 0;
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < count && !r; i++) {
		if (named)
			r = by_name(*out, why, method, arguments[i], strchr(arguments[i], '=') ? 0 : place++);
		else
			r = by_place(*out, why, method, arguments[i]);
	}
	if (r) {
		json_decref(*out);
		*out = NULL;
	}
	return r;
}
