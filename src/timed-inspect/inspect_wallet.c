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

#define MAX_WALLET_BYTES ((size_t)1 << 26)
/* Where the secret stands in the plain form; see src/node/wallet_plain.h. */
#define SECRET_AT 8
#define SECRET_BYTES 32

/* What of an encrypted one can be seen without its passphrase. */
static void print_encryption(const struct wallet_state *state)
{
	printf("\"encrypted\": %s, ", state->encrypted ? "true" : "false");
	if (state->encrypted)
		printf("\"kdf\": \"argon2id\", \"kdf_operations\": %" PRIu64 ", \"kdf_memory_bytes\": %" PRIu64
		       ", \"public_keys\": %" PRIu32 ", ",
		       state->kdf.operations, state->kdf.memory_bytes, state->known);
}

/* `secret` NULL: it is not shown.  Each form has had one version so far, and the file was read. */
static void print_wallet(const struct wallet *wallet, enum chain_network network, const struct wallet_state *state,
			 const uint8_t *secret)
{
	const char *label = wallet_label(wallet);

	fputs("{\"version\": 1, ", stdout);
	print_encryption(state);
	printf("\"network\": \"%s\", \"address\": \"%s\", \"public_key\": \"",
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

/* `file`: its bytes. */
static int describe(const char *path, const uint8_t *file, bool with_secret)
{
	enum chain_network network = CHAIN_TESTNET;
	char text[WALLET_TEXT_SIZE];
	struct wallet_state state;
	struct wallet *wallet;
	int r = wallet_open_or_create(&wallet, text, path, network);

	if (r == WALLET_E_NETWORK) {
		network = CHAIN_MAINNET;
		r = wallet_open_or_create(&wallet, text, path, network);
	}
	if (r) {
		fprintf(stderr, "timed-inspect: %s\n", text);
		return EXIT_FAILURE;
	}
	wallet_get_state(wallet, &state);
	if (with_secret && state.encrypted) {
		fprintf(stderr, "timed-inspect: %s: its secret is encrypted\n", path);
		r = EXIT_FAILURE;
	} else {
		print_wallet(wallet, network, &state, with_secret ? file + SECRET_AT : NULL);
	}
	wallet_close(wallet);
	return r;
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
	r = describe(argv[1], (const uint8_t *)file, secret);
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
		"whether it is encrypted, network, address, public key, time of creation and label\n"
		"as a JSON object; of an encrypted one also how its passphrase is stretched and the\n"
		"number of its public keys.  That these belong to its secret is known only when it is\n"
		"unlocked.\n"
		"\n"
		"  --secret   print the secret key too: whoever has it has the coins (not of an\n"
		"             encrypted wallet)\n"
		"  --help     print this\n"
		"\n"
		"Exit code: 0, 1 if it cannot be read or is damaged, 2 for wrong usage.\n",
};
