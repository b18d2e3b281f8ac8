// SPDX-License-Identifier: MIT
/* Addresses: see address.h. */
#include "timeproto/chain/address.h"

#include <stdlib.h>
#include <string.h>

#include "timeproto/base/base58.h"
#include "timeproto/base/sha256.h"

#define ADDRESS_PREFIX "TIME"
#define ADDRESS_PREFIX_LEN 4 /* a digit for the network follows */
#define ADDRESS_CHECKSUM_BYTES 4
#define ADDRESS_RAW_BYTES (ADDRESS_PAYLOAD_BYTES + ADDRESS_CHECKSUM_BYTES)

_Static_assert(ADDRESS_TEXT_SIZE >= ADDRESS_PREFIX_LEN + 1 + BASE58_TEXT_SIZE(ADDRESS_RAW_BYTES),
	       "any address fits into ADDRESS_TEXT_SIZE");

static void address_checksum(uint8_t out[ADDRESS_CHECKSUM_BYTES], const uint8_t *payload)
{
	uint8_t digest[SHA256_BYTES];

	sha256_double(digest, payload, ADDRESS_PAYLOAD_BYTES);
	memcpy(out, digest, ADDRESS_CHECKSUM_BYTES);
}

void address_from_payload(char out[ADDRESS_TEXT_SIZE], const uint8_t payload[ADDRESS_PAYLOAD_BYTES],
			  enum chain_network network)
{
	uint8_t raw[ADDRESS_RAW_BYTES];

	memcpy(raw, payload, ADDRESS_PAYLOAD_BYTES);
	address_checksum(raw + ADDRESS_PAYLOAD_BYTES, payload);
	memcpy(out, ADDRESS_PREFIX, ADDRESS_PREFIX_LEN);
	out[ADDRESS_PREFIX_LEN] = chain_network_digit(network);
	/* Cannot fail: the room is asserted above. */
	if (base58_encode(out + ADDRESS_PREFIX_LEN + 1, ADDRESS_TEXT_SIZE - ADDRESS_PREFIX_LEN - 1, raw, sizeof(raw)))
		abort();
}

void address_from_key(char out[ADDRESS_TEXT_SIZE], const struct wire_key *key, enum chain_network network)
{
	uint8_t digest[SHA256_BYTES];

	sha256_digest(digest, key->bytes, sizeof(key->bytes));
	address_from_payload(out, digest, network);
}

int address_decode(uint8_t payload[ADDRESS_PAYLOAD_BYTES], const char *text, size_t len, enum chain_network network)
{
	uint8_t raw[ADDRESS_RAW_BYTES], checksum[ADDRESS_CHECKSUM_BYTES];
	size_t raw_len;
	char digit;
	int r;

	if (len < ADDRESS_PREFIX_LEN || memcmp(text, ADDRESS_PREFIX, ADDRESS_PREFIX_LEN) != 0)
		return ADDRESS_E_PREFIX;
	digit = len > ADDRESS_PREFIX_LEN ? text[ADDRESS_PREFIX_LEN] : '\0';
	if (digit != '0' && digit != '1')
		return ADDRESS_E_DIGIT;

	/* Base58 is one to one, so what decodes to 24 bytes here re-encodes to the same text. */
	r = base58_decode(raw, &raw_len, sizeof(raw), text + ADDRESS_PREFIX_LEN + 1, len - ADDRESS_PREFIX_LEN - 1);
	if (r == BASE58_E_CHARACTER)
		return ADDRESS_E_CHARACTER;
	if (r || raw_len != sizeof(raw))
		return ADDRESS_E_LENGTH;
	address_checksum(checksum, raw);
	if (memcmp(checksum, raw + ADDRESS_PAYLOAD_BYTES, ADDRESS_CHECKSUM_BYTES) != 0)
		return ADDRESS_E_CHECKSUM;
	if (digit != chain_network_digit(network))
		return ADDRESS_E_NETWORK;
	if (payload)
		memcpy(payload, raw, ADDRESS_PAYLOAD_BYTES);
	return 0;
}

const char *address_error_text(int error)
{
	switch ((enum address_error)error) {
	case ADDRESS_E_PREFIX:
		return "an address begins with TIME";
	case ADDRESS_E_DIGIT:
		return "0 (testnet) or 1 (mainnet) must follow TIME";
	case ADDRESS_E_NETWORK:
		return "an address of another network";
	case ADDRESS_E_CHARACTER:
		return "a character that no address contains";
	case ADDRESS_E_LENGTH:
		return "too short or too long for an address";
	case ADDRESS_E_CHECKSUM:
		return "wrong checksum: mistyped?";
	}
	return "unknown error";
}
