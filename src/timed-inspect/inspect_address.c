// SPDX-License-Identifier: MIT
/* timed-inspect address: addresses checked, or made from public keys. */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/base/hex.h"
#include "timeproto/chain/address.h"

static void print_valid(const char *address, enum chain_network network, const uint8_t payload[ADDRESS_PAYLOAD_BYTES])
{
	/* Testnet and devnet have the same addresses. */
	const char *name = network == CHAIN_MAINNET ? "mainnet" : "testnet";

	printf("{\"address\": \"%s\", \"valid\": true, \"network\": \"%s\", \"payload\": \"", address, name);
	inspect_print_hex(payload, ADDRESS_PAYLOAD_BYTES);
	fputs("\", \"script_pubkey\": \"", stdout);
	inspect_print_hex((const uint8_t *)address, strlen(address));
	puts("\"}");
}

/* False when it is no address (of `network`, unless any will do). */
static bool check_address(const char *text, enum chain_network network, bool any)
{
	uint8_t payload[ADDRESS_PAYLOAD_BYTES];
	int r = address_decode(payload, text, strlen(text), network);

	if (r == ADDRESS_E_NETWORK && any) {
		network = CHAIN_MAINNET;
		r = address_decode(payload, text, strlen(text), network);
	}
	if (r == 0) {
		print_valid(text, network, payload);
		return true;
	}
	fputs("{\"address\": ", stdout);
	inspect_print_string(text, strlen(text));
	fputs(", \"valid\": false, \"error\": ", stdout);
	inspect_print_string(address_error_text(r), strlen(address_error_text(r)));
	puts("}");
	return false;
}

static int from_key(const char *hex, enum chain_network network)
{
	char address[ADDRESS_TEXT_SIZE];
	struct wire_key key;

	if (hex_decode(key.bytes, sizeof(key.bytes), hex, strlen(hex)))
		return inspect_usage_error("--key: expected the 64 hexadecimal digits of a public key, not: ", hex);
	address_from_key(address, &key, network);
	puts(address);
	return EXIT_SUCCESS;
}

static int inspect_address(int argc, char *argv[])
{
	enum chain_network network = CHAIN_NETWORK_COUNT;
	struct inspect_options options;
	const char *option, *key = NULL;
	int mistake = 0, code = EXIT_SUCCESS;

	inspect_options_init(&options, argc, argv);
	while ((option = inspect_options_next(&options))) {
		if (!inspect_option_value(&options, "--key", &key) &&
		    !inspect_option_network(&options, &network, &mistake))
			return inspect_usage_error("unknown option: ", option);
		if (mistake)
			return mistake;
	}
	if (key && options.operands > 0)
		return inspect_usage_error("either --key or addresses, not both: ", argv[1]);
	if (key)
		return from_key(key, network == CHAIN_NETWORK_COUNT ? CHAIN_TESTNET : network);
	if (options.operands == 0)
		return inspect_usage_error("address: expected an address, or --key", "");
	for (int i = 1; i <= options.operands; i++) {
		bool any = network == CHAIN_NETWORK_COUNT;

		if (!check_address(argv[i], any ? CHAIN_TESTNET : network, any))
			code = EXIT_FAILURE;
	}
	return code;
}

const struct inspect_command inspect_address_command = {
	.name = "address",
	.run = inspect_address,
	.summary = "check addresses, or make one from a public key",
	.help = "Usage: timed-inspect address [--network NAME] ADDRESS...\n"
		"       timed-inspect address --key HEX [--network NAME]\n"
		"\n"
		"Prints for each address a JSON object in one line: whether it is valid, its network\n"
		"(testnet and devnet have the same addresses), the 20 bytes that it stands for, and\n"
		"the script of outputs that belong to it; or why it is refused.  With --key: the\n"
		"address of a public key.\n"
		"\n"
		"  --key HEX        Ed25519 public key, 64 hexadecimal digits\n"
		"  --network NAME   refuse addresses of other networks; with --key: the network of the\n"
		"                   address, testnet by default\n"
		"  --help           print this\n"
		"\n"
		"Exit code: 0, 1 if an address is not valid, 2 for wrong usage.\n",
};
