// SPDX-License-Identifier: MIT
/* The daemon's configuration, as far as tools ask for it. */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>

#include "timed/node/config.h"

int inspect_read_config(struct chain_params *out, struct arena *arena, const char *path)
{
	char text[CONFIG_CHAIN_TEXT_SIZE];
	struct config_messages messages = {0};
	struct config *config = NULL;
	int r = config_load(&config, path, &messages);

	if (!r)
		r = config_resolve(config, &messages);
	if (r > 0 && messages.count > 0) {
		fprintf(stderr, "timed-inspect: %s\n", messages.items[messages.count - 1].text);
	} else if (r) {
		inspect_file_error(path, -r);
	} else {
		r = config_chain_params(out, text, arena, config);
		if (r)
			fprintf(stderr, "timed-inspect: %s\n", text);
	}
	config_free(config);
	config_messages_free(&messages);
	return r ? EXIT_FAILURE : 0;
}
