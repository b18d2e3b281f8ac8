// SPDX-License-Identifier: MIT
/* node/wallet: files of the Rust node, making one, and every way in which one is refused and left alone. */
#include "timed/node/wallet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>
#include <sodium.h>

#include "run_suite.h"
#include "timed/util/clock.h"
#include "timed/util/file.h"
#include "timeproto/base/hex.h"

static char dir[64];
static char path[100];
static char text[WALLET_TEXT_SIZE];
static struct wallet *wallet;

static void setup(void)
{
	strcpy(dir, "/tmp/test_wallet.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/time-wallet.dat", dir);
	wallet = NULL;
}

static void teardown(void)
{
	wallet_close(wallet);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing else was left behind */
}

static int open_wallet(enum chain_network network)
{
	return wallet_open_or_create(&wallet, text, path, network);
}

static void put_file(const void *data, size_t len)
{
	ck_assert_int_eq(file_write_atomic(path, data, len, 0600), 0);
}

static void expect_file(const void *data, size_t len)
{
	size_t there_len;
	char *there;

	ck_assert_int_eq(file_read(&there, &there_len, path, 1 << 20), 0);
	ck_assert_uint_eq(there_len, len);
	ck_assert(len == 0 || memcmp(there, data, len) == 0);
	free(there);
}

/* The files of wallets.json. */
struct vector {
	json_t *root;
	uint8_t file[512];
	size_t len;
	const char *address;
	const char *label; /* NULL: none */
	enum chain_network network;
	struct wire_key key;
};
#define VECTORS 3

static void load_vector(struct vector *v, size_t index)
{
	char file[4096];
	const char *hex;
	json_t *entry;

	ck_assert_ptr_nonnull(getenv("TIMED_VECTORS"));
	snprintf(file, sizeof(file), "%s/wallets.json", getenv("TIMED_VECTORS"));
	v->root = json_load_file(file, 0, NULL);
	ck_assert_uint_eq(json_array_size(v->root), VECTORS);
	entry = json_array_get(v->root, index);
	hex = json_string_value(json_object_get(entry, "file"));
	v->len = strlen(hex) / 2;
	ck_assert_uint_le(v->len, sizeof(v->file));
	ck_assert_int_eq(hex_decode(v->file, v->len, hex, strlen(hex)), 0);
	hex = json_string_value(json_object_get(entry, "public_key"));
	ck_assert_int_eq(hex_decode(v->key.bytes, 32, hex, strlen(hex)), 0);
	v->address = json_string_value(json_object_get(entry, "address"));
	v->label = json_string_value(json_object_get(entry, "label"));
	v->network = (enum chain_network)chain_network_from_name(json_string_value(json_object_get(entry, "network")));
}

START_TEST(files_of_the_rust_node_are_read)
{
	struct wire_sig sig;
	struct vector v;

	load_vector(&v, (size_t)_i);
	put_file(v.file, v.len);
	ck_assert_msg(open_wallet(v.network) == 0, "%s", text);
	ck_assert_str_eq(wallet_address(wallet), v.address);
	ck_assert_mem_eq(wallet_public_key(wallet)->bytes, v.key.bytes, 32);
	if (v.label)
		ck_assert_str_eq(wallet_label(wallet), v.label);
	else
		ck_assert_ptr_null(wallet_label(wallet));
	ck_assert_int_gt(wallet_created_at(wallet), 1700000000);
	wallet_sign(wallet, &sig, "message", 7);
	ck_assert_int_eq(crypto_sign_verify_detached(sig.bytes, (const uint8_t *)"message", 7, v.key.bytes), 0);
	expect_file(v.file, v.len);
	json_decref(v.root);
}
END_TEST

START_TEST(missing_file_is_made)
{
	char address[ADDRESS_TEXT_SIZE];
	struct wire_key key;
	struct wire_sig sig;
	struct stat st;

	umask(0);
	clock_set_offset_ms(0, 1000000);
	ck_assert_int_eq(open_wallet(CHAIN_TESTNET), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(address_decode(NULL, wallet_address(wallet), strlen(wallet_address(wallet)), CHAIN_TESTNET),
			 0);
	ck_assert_ptr_null(wallet_label(wallet));
	ck_assert_int_le(llabs(wallet_created_at(wallet) - clock_real_s()), 5);
	strcpy(address, wallet_address(wallet));
	key = *wallet_public_key(wallet);
	wallet_close(wallet);
	wallet = NULL;

	/* the same wallet the next time; a devnet uses testnet's */
	ck_assert_int_eq(open_wallet(CHAIN_DEVNET), 0);
	ck_assert_str_eq(wallet_address(wallet), address);
	ck_assert_mem_eq(wallet_public_key(wallet)->bytes, key.bytes, 32);
	wallet_sign(wallet, &sig, "x", 1);
	ck_assert_int_eq(crypto_sign_verify_detached(sig.bytes, (const uint8_t *)"x", 1, key.bytes), 0);
}
END_TEST

START_TEST(two_wallets_differ)
{
	struct wire_key first;

	ck_assert_int_eq(open_wallet(CHAIN_MAINNET), 0);
	ck_assert_int_eq(strncmp(wallet_address(wallet), "TIME1", 5), 0);
	first = *wallet_public_key(wallet);
	wallet_close(wallet);
	wallet = NULL;
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(open_wallet(CHAIN_MAINNET), 0);
	ck_assert_mem_ne(wallet_public_key(wallet)->bytes, first.bytes, 32);
}
END_TEST

START_TEST(wallet_of_another_network_is_refused)
{
	struct vector v;

	load_vector(&v, 0);
	put_file(v.file, v.len);
	ck_assert_int_eq(open_wallet(CHAIN_MAINNET), WALLET_E_NETWORK);
	ck_assert_ptr_nonnull(strstr(text, path));
	ck_assert_ptr_nonnull(strstr(text, "is one of testnet, and this node runs mainnet"));
	expect_file(v.file, v.len);
	json_decref(v.root);
	load_vector(&v, 1);
	put_file(v.file, v.len);
	ck_assert_int_eq(open_wallet(CHAIN_DEVNET), WALLET_E_NETWORK);
	ck_assert_ptr_nonnull(strstr(text, "is one of mainnet, and this node runs devnet"));
	json_decref(v.root);
}
END_TEST

START_TEST(cut_off_file_is_refused_and_kept)
{
	struct vector v;

	load_vector(&v, (size_t)_i);
	for (size_t len = 0; len < v.len; len++) {
		put_file(v.file, len);
		ck_assert_int_eq(open_wallet(v.network), WALLET_E_DAMAGED);
		ck_assert_ptr_nonnull(strstr(text, path));
		ck_assert_ptr_nonnull(strstr(text, "restore it from a copy"));
		expect_file(v.file, len);
	}
	v.file[v.len] = 0;
	put_file(v.file, v.len + 1);
	ck_assert_int_eq(open_wallet(v.network), WALLET_E_DAMAGED);
	json_decref(v.root);
}
END_TEST

START_TEST(altered_key_or_address_is_refused)
{
	struct vector v;

	/* secret, public key, length and text of the address */
	load_vector(&v, 0);
	for (size_t at = 8; at < 8 + 32 + 32 + 8 + 38; at++) {
		v.file[at] ^= 1;
		put_file(v.file, v.len);
		ck_assert_int_eq(open_wallet(v.network), WALLET_E_DAMAGED);
		v.file[at] ^= 1;
	}
	v.file[4] = 2; /* network */
	put_file(v.file, v.len);
	ck_assert_int_eq(open_wallet(v.network), WALLET_E_DAMAGED);
	v.file[4] = 1;
	v.file[v.len - 1] = 2; /* neither None nor Some */
	put_file(v.file, v.len);
	ck_assert_int_eq(open_wallet(v.network), WALLET_E_DAMAGED);
	json_decref(v.root);
}
END_TEST

START_TEST(lengths_beyond_the_file_are_refused)
{
	struct vector v;

	/* of the address, then of the label */
	load_vector(&v, 1);
	memset(v.file + 72, 0xff, 8);
	put_file(v.file, v.len);
	ck_assert_int_eq(open_wallet(v.network), WALLET_E_DAMAGED);
	json_decref(v.root);
	load_vector(&v, 1);
	memset(v.file + v.len - 14 - 8, 0xff, 8);
	put_file(v.file, v.len);
	ck_assert_int_eq(open_wallet(v.network), WALLET_E_DAMAGED);
	json_decref(v.root);
}
END_TEST

START_TEST(unknown_version_is_refused)
{
	struct vector v;

	load_vector(&v, 0);
	v.file[0] = 2;
	put_file(v.file, v.len);
	ck_assert_int_eq(open_wallet(v.network), WALLET_E_VERSION);
	ck_assert_ptr_nonnull(strstr(text, "unknown format 2"));
	expect_file(v.file, v.len);
	json_decref(v.root);
}
END_TEST

START_TEST(huge_file_is_refused)
{
	static uint8_t junk[200000];

	junk[0] = 1;
	junk[4] = 1;
	put_file(junk, sizeof(junk));
	ck_assert_int_eq(open_wallet(CHAIN_TESTNET), WALLET_E_DAMAGED);
}
END_TEST

START_TEST(unusable_paths_are_errors)
{
	char missing[] = "/nonexistent/time-wallet.dat";

	ck_assert_int_eq(wallet_open_or_create(&wallet, text, missing, CHAIN_TESTNET), -ENOENT);
	ck_assert_ptr_nonnull(strstr(text, missing));
	ck_assert_int_eq(wallet_open_or_create(&wallet, text, dir, CHAIN_TESTNET), -EISDIR);
	ck_assert_ptr_null(wallet);
}
END_TEST

START_TEST(unreadable_file_is_an_error_and_kept)
{
	put_file("secret", 6);
	ck_assert_int_eq(chmod(dir, 0711), 0);
	ck_assert_int_eq(chmod(path, 0), 0);
	/* root may read everything: become nobody for this */
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(open_wallet(CHAIN_TESTNET), -EACCES);
	ck_assert_ptr_nonnull(strstr(text, "user that runs timed"));
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	expect_file("secret", 6);
}
END_TEST

START_TEST(close_of_nothing)
{
	wallet_close(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wallet");
	TCase *c = tcase_create("wallet");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, files_of_the_rust_node_are_read, 0, VECTORS);
	tcase_add_test(c, missing_file_is_made);
	tcase_add_test(c, two_wallets_differ);
	tcase_add_test(c, wallet_of_another_network_is_refused);
	tcase_add_loop_test(c, cut_off_file_is_refused_and_kept, 0, VECTORS);
	tcase_add_test(c, altered_key_or_address_is_refused);
	tcase_add_test(c, lengths_beyond_the_file_are_refused);
	tcase_add_test(c, unknown_version_is_refused);
	tcase_add_test(c, huge_file_is_refused);
	tcase_add_test(c, unusable_paths_are_errors);
	tcase_add_test(c, unreadable_file_is_an_error_and_kept);
	tcase_add_test(c, close_of_nothing);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
