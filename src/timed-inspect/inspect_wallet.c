// SPDX-License-Identifier: MIT
/* timed-inspect wallet: what a wallet file holds, by the node's own reader (node/wallet.h). */
#include "inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/node/wallet.h"
#include "timed/util/file.h"

/* More than any wallet. */
#define MAX_WALLET_BYTES 65536
/* Where the fields of fixed size stand in the file; see wallet.h. */
#define SECRET_AT 8
#define SECRET_BYTES 32

static void print_wallet(const struct wallet *wallet, uint32_t version, enum chain_network network,
			 const uint8_t *secret)
{
	const char *label = wallet_label(wallet);

	printf("{\"version\": %" PRIu32 ", \"network\": \"%s\", \"address\": \"%s\", \"public_key\": \"", version,
	       network == CHAIN_MAINNET ? "mainnet" : "testnet", wallet_address(wallet));
	inspect_print_hex(wallet_public_key(wallet)->bytes, sizeof(wallet_public_key(wallet)->bytes));
	printf("\", \"created_at\": %" PRId64 ", \"created\": ", wallet_created_at(wallet));
	inspect_print_time(wallet_created_at(wallet));
	fputs(", \"label\": ", stdout);
	if (label)
		inspect_print_string(label, strlen(label));
	else
		fputs("null", stdout);
	if (secret) {
		fputs(", \"secret\": \"", stdout);
		inspect_print_hex(secret, SECRET_BYTES);
		putchar('"');
	}
	puts("}");
}

/* `file`: its bytes, which tell of which network it is. */
static int describe(const char *path, const char *file, size_t len, bool with_secret)
{
	enum chain_network network = len > 4 && file[4] == 0 ? CHAIN_MAINNET : CHAIN_TESTNET;
	char text[WALLET_TEXT_SIZE];
	struct wallet *wallet;

	if (wallet_open_or_create(&wallet, text, path, network)) {
		fprintf(stderr, "timed-inspect: %s\n", text);
		return EXIT_FAILURE;
	}
	/* That it was read means that it has everything, and that its version is 1. */
	print_wallet(wallet, (uint32_t)file[0], network, with_secret ? (const uint8_t *)file + SECRET_AT : NULL);
	wallet_close(wallet);
	return EXIT_SUCCESS;
}

static int inspect_wallet(int argc, char *argv[])
{
	struct inspect_options options;
	const char *option;
	bool secret = false;
	char *file;
	size_t len;
	int r;

	inspect_options_init(&options, argc, argv);
	while ((option = inspect_options_next(&options))) {
		if (!inspect_option_is(&options, "--secret"))
			return inspect_usage_error("unknown option: ", option);
		secret = true;
	}
	if (options.operands != 1)
		return inspect_usage_error("wallet: expected one file", "");
	/* Read here first: what is missing must not be made. */
	r = file_read(&file, &len, argv[1], MAX_WALLET_BYTES);
	if (r)
		return inspect_file_error(argv[1], -r);
	r = describe(argv[1], file, len, secret);
	explicit_bzero(file, len);
	free(file);
	return r;
}

const struct inspect_command inspect_wallet_command = {
	.name = "wallet",
	.run = inspect_wallet,
	.summary = "show a wallet file, without its secret",
	.help = "Usage: timed-inspect wallet [--secret] FILE\n"
		"\n"
		"Checks a wallet file (time-wallet.dat of a data directory) and prints version,\n"
		"network, address, public key, time of creation and label as a JSON object.\n"
		"\n"
		"  --secret   print the secret key too: whoever has it has the coins\n"
		"  --help     print this\n"
		"\n"
		"Exit code: 0, 1 if it cannot be read or is damaged, 2 for wrong usage.\n",
};
