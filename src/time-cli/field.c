// SPDX-License-Identifier: MIT
/* See field.h. */
#include "field.h"

#include <stdlib.h>

#include "timed/rpc/value.h"

const char *field_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) && !value_number_text(value) ? json_string_value(value) : NULL;
}

bool field_value(double *out, const json_t *value)
{
	const char *text = value_number_text(value);

	if (text)
		*out = strtod(text, NULL);
	else if (json_is_number(value))
		*out = json_number_value(value);
	else
		return false;
	return true;
}

bool field_number(double *out, const json_t *object, const char *key)
{
	return field_value(out, json_object_get(object, key));
}

int64_t field_integer(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(object, key);
	double number;

	if (json_is_integer(value))
		return json_integer_value(value);
	/* Beyond that a double may not fit. */
	if (!field_value(&number, value) || number < -9e18 || number > 9e18)
		return otherwise;
	return (int64_t)number;
}

bool field_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}
