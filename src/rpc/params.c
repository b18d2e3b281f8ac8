// SPDX-License-Identifier: MIT
/* See params.h. */
#include "timed/rpc/params.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "timed/rpc/value.h"
#include "timed/util/thread.h"

static const struct {
	enum rpc_type type;
	const char *name;
} type_names[] = {
	{RPC_TYPE_BOOL, "boolean"},  {RPC_TYPE_INTEGER, "integer"}, {RPC_TYPE_NUMBER, "number"},
	{RPC_TYPE_STRING, "string"}, {RPC_TYPE_ARRAY, "array"},	    {RPC_TYPE_OBJECT, "object"},
};

void params_types_text(char *out, size_t size, unsigned types)
{
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]) && used < size; i++) {
		if (types & type_names[i].type) {
			int n = snprintf(out + used, size - used, "%s%s", used ? " or " : "", type_names[i].name);

			used += n > 0 ? (size_t)n : 0;
		}
	}
}

unsigned params_types_of(const json_t *value)
{
	if (value_number_text(value))
		return RPC_TYPE_NUMBER;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return RPC_TYPE_OBJECT;
	case JSON_ARRAY:
		return RPC_TYPE_ARRAY;
	case JSON_STRING:
		return RPC_TYPE_STRING;
	case JSON_INTEGER:
		return RPC_TYPE_INTEGER | RPC_TYPE_NUMBER;
	case JSON_REAL:
		return RPC_TYPE_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return RPC_TYPE_BOOL;
	case JSON_NULL:
		return 0;
	}
	return 0;
}

static int refuse_type(struct rpc_call *call, const struct rpc_param *param, const json_t *value)
{
	char wanted[96], got[32];

	params_types_text(wanted, sizeof(wanted), param->types);
	if (json_is_integer(value))
		snprintf(got, sizeof(got), "integer");
	else
		params_types_text(got, sizeof(got), params_types_of(value));
	if (value_number_text(value) && (param->types & RPC_TYPE_INTEGER))
		snprintf(got, sizeof(got), "%.24s", value_number_text(value));
	rpc_fail(call, RPC_TYPE_ERROR, "%s must be of type %s, not %s", param->name, wanted, got);
	return PARAMS_E_REFUSED;
}

/* Takes the given value (not null) as argument `index`. */
static int bind_one(struct rpc_call *call, size_t index, json_t *value)
{
	const struct rpc_param *param = &call->method->params[index];

	if (!(params_types_of(value) & param->types))
		return refuse_type(call, param, value);
	if (json_is_integer(value) && (param->min || param->max)) {
		json_int_t number = json_integer_value(value);

		if (number < param->min || number > param->max) {
			rpc_fail(call, RPC_INVALID_PARAMETER, "%s must be between %" PRId64 " and %" PRId64,
				 param->name, param->min, param->max);
			return PARAMS_E_REFUSED;
		}
	}
	call->args[index] = json_incref(value);
	return 0;
}

static int bind_array(struct rpc_call *call, json_t *params)
{
	const struct rpc_method *method = call->method;
	size_t count = json_array_size(params);

	if (count > method->param_count) {
		rpc_fail(call, RPC_INVALID_PARAMS, "%s takes at most %zu parameter%s, %zu given", method->name,
			 method->param_count, method->param_count == 1 ? "" : "s", count);
		return PARAMS_E_REFUSED;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *value = json_array_get(params, i);
		int r = json_is_null(value) ? 0 : bind_one(call, i, value);

		if (r)
			return r;
	}
	return 0;
}

static int bind_object(struct rpc_call *call, json_t *params)
{
	const struct rpc_method *method = call->method;
	const char *name;
	json_t *value;

	json_object_foreach(params, name, value)
	{
		size_t i = 0;
		int r;

		while (i < method->param_count && strcmp(method->params[i].name, name) != 0)
			i++;
		if (i == method->param_count) {
			rpc_fail(call, RPC_INVALID_PARAMS, "%s has no parameter %.64s", method->name, name);
			return PARAMS_E_REFUSED;
		}
		r = json_is_null(value) ? 0 : bind_one(call, i, value);
		if (r)
			return r;
	}
	return 0;
}

/* Puts the default of a missing parameter in its place. */
static int bind_default(struct rpc_call *call, size_t index)
{
	const struct rpc_param *param = &call->method->params[index];
	char why[VALUE_WHY_SIZE];
	int r;

	if (param->required) {
		rpc_fail(call, RPC_INVALID_PARAMS, "%s needs the parameter %s", call->method->name, param->name);
		return PARAMS_E_REFUSED;
	}
	if (!param->default_text)
		return 0;
	r = value_parse(&call->args[index], why, param->default_text, strlen(param->default_text));
	CHECK(r <= 0);
	return r;
}

int params_bind(struct rpc_call *call, json_t *params)
{
	int r = 0;

	CHECK(call->method->param_count <= RPC_MAX_PARAMS);
	if (json_is_array(params))
		r = bind_array(call, params);
	else if (json_is_object(params))
		r = bind_object(call, params);
	for (size_t i = 0; i < call->method->param_count && !r; i++) {
		if (!call->args[i])
			r = bind_default(call, i);
	}
	return r;
}

void params_release(struct rpc_call *call)
{
	for (size_t i = 0; i < RPC_MAX_PARAMS; i++) {
		json_decref(call->args[i]);
		call->args[i] = NULL;
	}
}
