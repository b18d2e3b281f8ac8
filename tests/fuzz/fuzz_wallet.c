// SPDX-License-Identifier: MIT
/* Any bytes as a wallet's file, plain or container: refused with a reason, or read, and written again as they were.
 * Once as they are, once with the hash at the end of a container made right, so that what lies behind it is reached. */
#include <string.h>

#include <sodium.h>

#include "fuzz.h"
#include "timeproto/base/sha256.h"
#include "wallet_container.h"

static void read_plain(const uint8_t *data, size_t len)
{
	struct wallet_plain plain;
	const char *why = NULL;
	uint32_t version;
	uint8_t *again;
	size_t again_len;
	int r = wallet_plain_decode(&plain, &why, &version, data, len);

	if (r) {
		FUZZ_REQUIRE(r == WALLET_E_VERSION || (r == WALLET_E_DAMAGED && why));
		return;
	}
	FUZZ_REQUIRE(wallet_plain_encode(&again, &again_len, &plain) == 0);
	FUZZ_REQUIRE(again_len == len && memcmp(again, data, len) == 0);
	sodium_free(again);
	wallet_plain_clear(&plain);
}

static void read_container(const uint8_t *data, size_t len)
{
	struct wallet_container *container;
	const char *why = NULL;
	uint32_t version;
	uint8_t *again;
	size_t again_len;
	int r = wallet_container_decode(&container, &why, &version, data, len);

	if (r) {
		FUZZ_REQUIRE(r == WALLET_E_VERSION || (r == WALLET_E_DAMAGED && why));
		return;
	}
	FUZZ_REQUIRE(container->key_count > 0 && container->box_len > 0);
	FUZZ_REQUIRE(wallet_container_encode(&again, &again_len, container) == 0);
	FUZZ_REQUIRE(again_len == len && memcmp(again, data, len) == 0);
	free(again);
	wallet_container_free(container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;

	FUZZ_REQUIRE(sodium_init() >= 0);
	read_plain(data, len);
	read_container(data, len);
	if (len < SHA256_BYTES)
		return 0;
	copy = malloc(len);
	FUZZ_REQUIRE(copy != NULL);
	memcpy(copy, data, len);
	sha256_digest(copy + len - SHA256_BYTES, copy, len - SHA256_BYTES);
	read_container(copy, len);
	free(copy);
	return 0;
}
