// SPDX-License-Identifier: MIT
/* Any bytes as a configuration file: a config or at least one error, and a config that resolves or says why not. */
#include <string.h>

#include "fuzz.h"
#include "timed/node/config.h"

static void check_messages(const struct config_messages *messages)
{
	size_t errors = 0;

	for (size_t i = 0; i < messages->count; i++) {
		FUZZ_REQUIRE(messages->items[i].text[0] != '\0');
		errors += messages->items[i].severity == CONFIG_ERROR;
	}
	FUZZ_REQUIRE(errors <= messages->errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config_messages messages = {0};
	struct config *config = NULL;
	int r = config_parse(&config, (const char *)data, len, "f", &messages);

	FUZZ_REQUIRE((r == 0) == (config != NULL));
	FUZZ_REQUIRE((r == 0) == (messages.errors == 0));
	if (!r) {
		r = config_resolve(config, &messages);
		FUZZ_REQUIRE((r == 0) == (messages.errors == 0));
		FUZZ_REQUIRE(config->network.port > 0 && config->rpc.port > 0);
		FUZZ_REQUIRE(config->storage.data_dir[0] != '\0');
	}
	check_messages(&messages);
	config_messages_free(&messages);
	config_free(config);
	return 0;
}
