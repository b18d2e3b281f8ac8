// SPDX-License-Identifier: MIT
/* See warnings.h. */
#include "timed/rpc/warnings.h"

#include <stdio.h>

#include "timed/node/health.h"
#include "timed/rpc/builder.h"
#include "timed/rpc/value.h"

json_t *warnings_of(struct node *node)
{
	char text[HEALTH_TEXT_SIZE + 64];
	json_t *list = json_array();
	struct health health;

	node_health(node, &health);
	for (size_t i = 0; i < health.count && list; i++) {
		snprintf(text, sizeof(text), "%s: %s", health_code_name(health.items[i].code), health.items[i].text);
		if (json_array_append_new(list, value_text(text))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

json_t *warnings_describe(const struct health *health)
{
	json_t *list = json_array();

	for (size_t i = 0; i < health->count && list; i++) {
		const struct health_finding *finding = &health->items[i];
		struct builder b;

		builder_init(&b);
		builder_add_text(&b, "code", health_code_name(finding->code));
		builder_add_bool(&b, "failure", health_code_is_failure(finding->code));
		builder_add_text(&b, "text", finding->text);
		if (json_array_append_new(list, builder_take(&b))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}
