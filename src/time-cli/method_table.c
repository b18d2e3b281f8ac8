// SPDX-License-Identifier: MIT
/* See method_table.h; the table itself is made by the build. */
#include "method_table.h"

#include <string.h>

#include "timed/util/nearest.h"

void method_spell(char out[METHOD_NAME_SIZE], const char *typed)
{
	size_t used = 0;

	for (const char *c = typed; *c && used + 1 < METHOD_NAME_SIZE; c++) {
		if (*c != '-')
			out[used++] = *c;
	}
	out[used] = 0;
}

const struct rpc_method *method_find(const char *name)
{
	for (size_t i = 0; i < method_table_count; i++) {
		if (strcmp(method_table[i].name, name) == 0)
			return &method_table[i];
	}
	return NULL;
}

const char *method_suggest(const char *name)
{
	struct nearest nearest = {.wanted = name};

	for (size_t i = 0; i < method_table_count; i++)
		nearest_offer(&nearest, method_table[i].name);
	return nearest_result(&nearest);
}
