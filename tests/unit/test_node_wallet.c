// SPDX-License-Identifier: MIT
/* node/node_wallet: how the node starts with a wallet that is encrypted, and what it remembers of handed-out keys. */
#include "run_suite.h"
#include "wallet_fixture.h"

#include "node_impl.h"

static char passphrase_file[128], nowhere[] = "", error[NODE_ERROR_SIZE];
static struct config config;
static struct node node;

/* The parts of a node that its wallet needs, over a database in memory. */
static void setup(void)
{
	struct store_params store = {.dir = "/node_wallet/db", .memory = true, .network = "testnet"};
	struct store_failure failure;

	wallet_setup();
	snprintf(passphrase_file, sizeof(passphrase_file), "%s/passphrase", dir);
	memset(&config, 0, sizeof(config));
	config.node.network = CHAIN_TESTNET;
	config.storage.data_dir = dir;
	config.wallet.passphrase_file = nowhere;
	memset(&node, 0, sizeof(node));
	node.config = &config;
	mutex_init(&node.wallet_next.lock, "wallet_next", MUTEX_RANK_LEAF);
	cond_init(&node.wallet_next.written);
	ck_assert_int_eq(store_open(&node.store, &failure, &store), 0);
}

static void teardown(void)
{
	wallet_close(node.wallet);
	store_close(node.store);
	cond_destroy(&node.wallet_next.written);
	mutex_destroy(&node.wallet_next.lock);
	unlink(passphrase_file);
	wallet_teardown();
}

/* An encrypted wallet in the data directory. */
static void put_encrypted(void)
{
	static const uint8_t secret[32] = {7};

	make_wallet(secret, CHAIN_TESTNET, NULL);
	encrypt();
	close_wallet();
}

static void put_passphrase(const char *passphrase)
{
	ck_assert_int_eq(file_write_atomic(passphrase_file, passphrase, strlen(passphrase), 0600), 0);
	config.wallet.passphrase_file = passphrase_file;
}

static int restart(void)
{
	wallet_close(node.wallet);
	node.wallet = NULL;
	node.wallet_next.saved = 0;
	return node_wallet_open(&node, error);
}

static bool is_locked(void)
{
	struct wallet_state state;

	wallet_get_state(node.wallet, &state);
	return state.locked;
}

START_TEST(a_plain_wallet_needs_no_passphrase)
{
	struct wire_sig sig;

	config.masternode.enabled = true;
	config.wallet.passphrase_file = passphrase_file; /* there is none: warned about */
	ck_assert_int_eq(restart(), 0);
	wallet_sign(node.wallet, &sig, "x", 1);
	ck_assert(!is_locked());
}
END_TEST

START_TEST(without_a_passphrase_file_it_stays_locked)
{
	put_encrypted();
	ck_assert_int_eq(restart(), 0);
	ck_assert(is_locked());
}
END_TEST

START_TEST(a_passphrase_file_unlocks_it)
{
	put_encrypted();
	put_passphrase(PASSPHRASE "\n");
	ck_assert_int_eq(restart(), 0);
	ck_assert(!is_locked());
}
END_TEST

START_TEST(a_passphrase_file_that_does_not_help_is_an_error)
{
	put_encrypted();
	put_passphrase("another");
	ck_assert_int_eq(restart(), EXIT_CONFIG);
	ck_assert_ptr_nonnull(strstr(error, "wallet.passphrase_file: the first line of"));
	ck_assert_ptr_nonnull(strstr(error, passphrase_file));
	ck_assert_int_eq(unlink(passphrase_file), 0);
	ck_assert_int_eq(restart(), EXIT_CONFIG);
	ck_assert_ptr_nonnull(strstr(error, passphrase_file));
	ck_assert_ptr_nonnull(strstr(error, "No such file"));
}
END_TEST

START_TEST(a_masternode_needs_the_passphrase_file)
{
	struct wire_sig sig;

	put_encrypted();
	config.masternode.enabled = true;
	ck_assert_int_eq(restart(), EXIT_CONFIG);
	ck_assert_ptr_nonnull(strstr(error, "set wallet.passphrase_file"));
	put_passphrase(PASSPHRASE);
	ck_assert_int_eq(restart(), 0);
	ck_assert_int_eq(wallet_lock(node.wallet), 0);
	wallet_sign(node.wallet, &sig, "x", 1);
	ck_assert_int_eq(
		crypto_sign_verify_detached(sig.bytes, (const uint8_t *)"x", 1, wallet_public_key(node.wallet)->bytes),
		0);
}
END_TEST

START_TEST(a_damaged_wallet_is_an_error)
{
	put_file("no wallet at all", 16);
	ck_assert_int_eq(restart(), EXIT_RUN_TIME);
	ck_assert_ptr_nonnull(strstr(error, path));
}
END_TEST

START_TEST(an_address_is_handed_out_once)
{
	char first[ADDRESS_TEXT_SIZE], second[ADDRESS_TEXT_SIZE], expected[ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(restart(), 0);
	for (uint32_t i = 1; i <= 30; i++) {
		ck_assert_int_eq(node_new_address(&node, first), 0);
		ck_assert_int_eq(wallet_key_address(node.wallet, expected, i), 0);
		ck_assert_str_eq(first, expected);
		ck_assert_int_eq(restart(), 0); /* as after a crash: nothing else was saved */
	}
	/* what the chain showed is saved by the tick */
	wallet_use_key(node.wallet, 99);
	node_wallet_tick(&node);
	ck_assert_int_eq(restart(), 0);
	ck_assert_int_eq(node_new_address(&node, second), 0);
	ck_assert_int_eq(wallet_key_address(node.wallet, expected, 100), 0);
	ck_assert_str_eq(second, expected);
}
END_TEST

START_TEST(another_wallet_has_its_own_number)
{
	static const uint8_t secret[32] = {9};
	char address[ADDRESS_TEXT_SIZE], expected[ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(restart(), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(node_new_address(&node, address), 0);
	make_wallet(secret, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(restart(), 0);
	ck_assert_int_eq(node_new_address(&node, address), 0);
	ck_assert_int_eq(wallet_key_address(node.wallet, expected, 1), 0);
	ck_assert_str_eq(address, expected);
}
END_TEST

#define THREADS 3
#define EACH 40
static char handed_out[THREADS][EACH][ADDRESS_TEXT_SIZE];

static void *hand_out(void *arg)
{
	char(*addresses)[ADDRESS_TEXT_SIZE] = arg;

	for (int i = 0; i < EACH; i++)
		CHECK(node_new_address(&node, addresses[i]) == 0);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

START_TEST(threads_that_save_at_once)
{
	struct thread threads[THREADS];
	char address[ADDRESS_TEXT_SIZE], *all = handed_out[0][0];

	ck_assert_int_eq(restart(), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "rpc", hand_out, handed_out[i]), 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	qsort(all, (size_t)THREADS * EACH, ADDRESS_TEXT_SIZE, compare);
	for (size_t i = 1; i < (size_t)THREADS * EACH; i++)
		ck_assert_str_ne(all + i * ADDRESS_TEXT_SIZE, all + (i - 1) * ADDRESS_TEXT_SIZE);
	ck_assert_int_eq(restart(), 0);
	ck_assert_int_eq(node_new_address(&node, address), 0);
	ck_assert_ptr_null(bsearch(address, all, (size_t)THREADS * EACH, ADDRESS_TEXT_SIZE, compare));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node_wallet");
	TCase *c = tcase_create("node_wallet");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_plain_wallet_needs_no_passphrase);
	tcase_add_test(c, without_a_passphrase_file_it_stays_locked);
	tcase_add_test(c, a_passphrase_file_unlocks_it);
	tcase_add_test(c, a_passphrase_file_that_does_not_help_is_an_error);
	tcase_add_test(c, a_masternode_needs_the_passphrase_file);
	tcase_add_test(c, a_damaged_wallet_is_an_error);
	tcase_add_test(c, an_address_is_handed_out_once);
	tcase_add_test(c, another_wallet_has_its_own_number);
	tcase_add_test(c, threads_that_save_at_once);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
