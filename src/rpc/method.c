// SPDX-License-Identifier: MIT
/* See method.h. */
#include "timed/rpc/method.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "timed/util/thread.h"
#include "timeproto/base/hex.h"
#include "timeproto/wire/types.h"

json_t *rpc_fail(struct rpc_call *call, enum rpc_code code, const char *format, ...)
{
	va_list list;

	call->code = code;
	va_start(list, format);
	vsnprintf(call->failure, sizeof(call->failure), format, list);
	va_end(list);
	return NULL;
}

json_t *rpc_later(struct rpc_call *call)
{
	CHECK(call->waited_ms != RPC_NO_WAIT);
	call->later = true;
	return NULL;
}

static bool has_range(const struct rpc_method *method)
{
	for (size_t i = 0; i < method->param_count; i++) {
		if (method->params[i].min || method->params[i].max)
			return true;
	}
	return false;
}

size_t rpc_method_errors(struct rpc_error out[RPC_MAX_ERRORS], const struct rpc_method *method)
{
	size_t count = 0;

	CHECK(method->error_count + 3 <= RPC_MAX_ERRORS);
	out[count++] = (struct rpc_error){RPC_INVALID_PARAMS, "missing, unknown, or too many parameters"};
	if (method->param_count > 0)
		out[count++] = (struct rpc_error){RPC_TYPE_ERROR, "a parameter of another type"};
	if (has_range(method))
		out[count++] = (struct rpc_error){RPC_INVALID_PARAMETER, "a parameter out of its range"};
	for (size_t i = 0; i < method->error_count; i++)
		out[count++] = method->errors[i];
	return count;
}

const struct rpc_method *rpc_table_find(const struct rpc_table *table, const char *name)
{
	for (size_t g = 0; g < table->group_count; g++) {
		const struct rpc_group *group = table->groups[g];

		for (size_t m = 0; m < group->method_count; m++) {
			if (strcmp(group->methods[m].name, name) == 0)
				return &group->methods[m];
		}
	}
	return NULL;
}

bool rpc_arg_given(const struct rpc_call *call, size_t index)
{
	CHECK(index < call->method->param_count);
	return call->args[index] != NULL;
}

const char *rpc_arg_string(const struct rpc_call *call, size_t index)
{
	CHECK(rpc_arg_given(call, index) && json_is_string(call->args[index]));
	return json_string_value(call->args[index]);
}

int64_t rpc_arg_integer(const struct rpc_call *call, size_t index)
{
	CHECK(rpc_arg_given(call, index) && json_is_integer(call->args[index]));
	return json_integer_value(call->args[index]);
}

bool rpc_arg_bool(const struct rpc_call *call, size_t index)
{
	CHECK(rpc_arg_given(call, index) && json_is_boolean(call->args[index]));
	return json_is_true(call->args[index]);
}

bool rpc_arg_hash(struct rpc_call *call, struct wire_hash *out, size_t index)
{
	const char *name = call->method->params[index].name, *text = rpc_arg_string(call, index);
	size_t len = strlen(text);

	if (!hex_decode(out->bytes, sizeof(out->bytes), text, len))
		return true;
	rpc_fail(call, RPC_INVALID_PARAMETER, "%s must be a hash, 64 hex digits, not the %zu bytes \"%.80s\"", name,
		 len, text);
	return false;
}
