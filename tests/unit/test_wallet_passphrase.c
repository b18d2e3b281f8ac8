// SPDX-License-Identifier: MIT
/* node/wallet: encrypting, unlocking, locking; what a locked wallet still does; writes that are interrupted. */
#include "run_suite.h"
#include "wallet_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "timed/util/sanitizer.h"
#include "timed/util/thread.h"

static bool holds(const uint8_t *bytes, size_t len, const uint8_t *secret)
{
	return memmem(bytes, len, secret, SECRET_BYTES) != NULL;
}

START_TEST(encrypted_and_unlocked_it_is_the_same_wallet)
{
	char addresses[WALLET_GAP + 1][ADDRESS_TEXT_SIZE], address[ADDRESS_TEXT_SIZE];
	struct wire_key key;
	struct stat st;
	uint8_t *file;
	size_t len;

	make_wallet(secret_one, CHAIN_MAINNET, "my label");
	for (uint32_t i = 0; i <= WALLET_GAP; i++)
		ck_assert_int_eq(wallet_key_address(wallet, addresses[i], i), 0);
	ck_assert(!state_of().encrypted && !state_of().locked);
	ck_assert_int_eq(state_of().unlocked_ms, WALLET_FOR_EVER);
	umask(0);
	encrypt();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	file = get_file(&len);
	ck_assert(wallet_container_is(file, len));
	ck_assert(!holds(file, len, secret_one));
	free(file);

	for (int reopened = 0; reopened < 2; reopened++) {
		ck_assert(state_of().encrypted && state_of().locked);
		ck_assert_int_eq(state_of().unlocked_ms, 0);
		ck_assert_uint_eq(state_of().kdf.operations, cheap.operations);
		ck_assert_uint_eq(state_of().kdf.memory_bytes, cheap.memory_bytes);
		ck_assert_str_eq(wallet_address(wallet), addresses[0]);
		ck_assert_str_eq(wallet_label(wallet), "my label");
		ck_assert_int_eq(wallet_created_at(wallet), CREATED_AT);
		key = *wallet_public_key(wallet);
		ck_assert_int_eq(wallet_signing_begin(wallet), WALLET_E_LOCKED);
		ck_assert_int_eq(unlock_with(PASSPHRASE, WALLET_FOR_EVER), 0);
		ck_assert(!state_of().locked);
		for (uint32_t i = 0; i <= WALLET_GAP; i++) {
			ck_assert_int_eq(wallet_key_address(wallet, address, i), 0);
			ck_assert_str_eq(address, addresses[i]);
		}
		expect_signs(&key);
		open_wallet(CHAIN_MAINNET);
	}
}
END_TEST

/* The costs that operators get. */
START_TEST(default_costs)
{
	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(wallet_encrypt(wallet, text, PASSPHRASE, strlen(PASSPHRASE), NULL), 0);
	ck_assert_uint_eq(state_of().kdf.operations, 3);
	ck_assert_uint_eq(state_of().kdf.memory_bytes, 256 << 20);
	ck_assert_int_eq(unlock_with(PASSPHRASE, 1000), 0);
}
END_TEST

START_TEST(locked_it_knows_its_addresses)
{
	char address[ADDRESS_TEXT_SIZE];
	uint32_t index, found;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt();
	open_wallet(CHAIN_TESTNET);
	ck_assert_uint_eq(state_of().known, 1 + WALLET_AHEAD);
	/* in a wallet restored from a copy nobody looks further */
	ck_assert_uint_eq(state_of().watched, 1 + WALLET_GAP);
	ck_assert_int_eq(wallet_key_address(wallet, address, 1 + WALLET_GAP), 0);
	ck_assert(!wallet_find(wallet, &found, (uint8_t *)address, strlen(address)));
	for (uint32_t i = 1; i <= WALLET_AHEAD; i++) {
		ck_assert_int_eq(wallet_new_key(wallet, &index), 0);
		ck_assert_uint_eq(index, i);
		ck_assert_int_eq(wallet_key_address(wallet, address, index), 0);
		ck_assert(wallet_find(wallet, &found, (uint8_t *)address, strlen(address)));
		ck_assert_uint_eq(found, i);
	}
	ck_assert_int_eq(wallet_new_key(wallet, &index), WALLET_E_LOCKED);
	wallet_use_key(wallet, WALLET_AHEAD);
	ck_assert_int_eq(wallet_new_key(wallet, &index), WALLET_E_LOCKED);
	ck_assert_int_eq(unlock_with(PASSPHRASE, 60000), 0);
	ck_assert_int_eq(wallet_new_key(wallet, &index), 0);
	ck_assert_uint_eq(index, WALLET_AHEAD + 1);
}
END_TEST

START_TEST(wrong_passphrases)
{
	static char longest[WALLET_PASSPHRASE_MAX + 1];

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(unlock_with(PASSPHRASE, 1), WALLET_E_PLAIN);
	ck_assert_ptr_nonnull(strstr(text, "is not encrypted"));
	ck_assert_int_eq(wallet_lock(wallet), WALLET_E_PLAIN);
	memset(longest, 'x', sizeof(longest));
	ck_assert_int_eq(wallet_encrypt(wallet, text, "", 0, &cheap), WALLET_E_PASSPHRASE);
	ck_assert_int_eq(wallet_encrypt(wallet, text, longest, sizeof(longest), &cheap), WALLET_E_PASSPHRASE);
	ck_assert_ptr_nonnull(strstr(text, "1 to 1024 bytes"));
	ck_assert(!state_of().encrypted);
	encrypt();
	ck_assert_int_eq(wallet_encrypt(wallet, text, "x", 1, &cheap), WALLET_E_ENCRYPTED);
	for (size_t i = 0; i < strlen(PASSPHRASE); i++) {
		char wrong[] = PASSPHRASE;

		wrong[i] ^= 1;
		ck_assert_int_eq(unlock_with(wrong, 1000), WALLET_E_PASSPHRASE);
		ck_assert_ptr_nonnull(strstr(text, "the passphrase is not that of wallet"));
		ck_assert(state_of().locked);
	}
	ck_assert_int_eq(unlock_with("", 1000), WALLET_E_PASSPHRASE);
	ck_assert_int_eq(wallet_unlock(wallet, text, PASSPHRASE, sizeof(PASSPHRASE), 1000), WALLET_E_PASSPHRASE);
	/* unlocked, a wrong one changes nothing */
	ck_assert_int_eq(unlock_with(PASSPHRASE, WALLET_FOR_EVER), 0);
	ck_assert_int_eq(unlock_with("x", 1000), WALLET_E_PASSPHRASE);
	ck_assert_int_eq(state_of().unlocked_ms, WALLET_FOR_EVER);
}
END_TEST

START_TEST(longest_passphrase)
{
	static char longest[WALLET_PASSPHRASE_MAX];

	memset(longest, 'x', sizeof(longest));
	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(wallet_encrypt(wallet, text, longest, sizeof(longest), &cheap), 0);
	ck_assert_int_eq(wallet_unlock(wallet, text, longest, sizeof(longest) - 1, 1000), WALLET_E_PASSPHRASE);
	ck_assert_int_eq(wallet_unlock(wallet, text, longest, sizeof(longest), 1000), 0);
}
END_TEST

START_TEST(time_locks)
{
	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt();
	ck_assert_int_eq(unlock_with(PASSPHRASE, 60000), 0);
	ck_assert_int_gt(state_of().unlocked_ms, 0);
	ck_assert_int_le(state_of().unlocked_ms, 60000);
	clock_set_offset_ms(50000, 0);
	ck_assert(!state_of().locked);
	/* a second one counts from now on, longer or shorter */
	ck_assert_int_eq(unlock_with(PASSPHRASE, 20000), 0);
	clock_set_offset_ms(65000, 0);
	ck_assert_int_eq(wallet_signing_begin(wallet), 0);
	wallet_signing_end(wallet);
	clock_set_offset_ms(70001, 0);
	ck_assert_int_eq(wallet_signing_begin(wallet), WALLET_E_LOCKED);
	ck_assert_ptr_null(wallet->secret);
	ck_assert_int_eq(unlock_with(PASSPHRASE, 1000), 0);
	clock_set_offset_ms(72000, 0);
	/* nobody asks: the tick wipes it */
	ck_assert_ptr_nonnull(wallet->secret);
	wallet_tick(wallet);
	ck_assert_ptr_null(wallet->secret);
	/* no time at all, and less than that */
	ck_assert_int_eq(unlock_with(PASSPHRASE, 0), 0);
	ck_assert_ptr_null(wallet->secret);
	ck_assert_int_eq(unlock_with(PASSPHRASE, -5), 0);
	ck_assert(state_of().locked);
	ck_assert_int_eq(unlock_with(PASSPHRASE, INT64_MAX - 1), 0);
	ck_assert(!state_of().locked);
}
END_TEST

/* Who signs when the time is over ends first. */
START_TEST(signing_outlives_the_time)
{
	uint8_t before[64], pair[64];

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt();
	ck_assert_int_eq(unlock_with(PASSPHRASE, 1000), 0);
	ck_assert_int_eq(wallet_signing_begin(wallet), 0);
	wallet_signing_pair(wallet, before, 5);
	clock_set_offset_ms(2000, 0);
	ck_assert(state_of().locked);
	wallet_tick(wallet);
	ck_assert_int_eq(wallet_signing_begin(wallet), WALLET_E_LOCKED);
	wallet_signing_pair(wallet, pair, 5);
	ck_assert_mem_eq(pair, before, 64);
	wallet_signing_end(wallet);
	ck_assert_ptr_null(wallet->secret);
}
END_TEST

static bool lock_returned;
static struct mutex flag_lock = MUTEX_INITIALIZER("flag", MUTEX_RANK_LEAF);

static void *lock_wallet(void *arg)
{
	(void)arg;
	CHECK(wallet_lock(wallet) == 0);
	mutex_lock(&flag_lock);
	lock_returned = true;
	mutex_unlock(&flag_lock);
	return NULL;
}

START_TEST(locking_waits_for_who_signs)
{
	struct thread thread;
	uint8_t pair[64];

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt();
	ck_assert_int_eq(unlock_with(PASSPHRASE, WALLET_FOR_EVER), 0);
	ck_assert_int_eq(wallet_signing_begin(wallet), 0);
	ck_assert_int_eq(thread_start(&thread, "lock", lock_wallet, NULL), 0);
	while (!state_of().locked)
		sched_yield();
	wallet_signing_pair(wallet, pair, 1);
	mutex_lock(&flag_lock);
	ck_assert(!lock_returned);
	mutex_unlock(&flag_lock);
	wallet_signing_end(wallet);
	thread_join(&thread);
	ck_assert_ptr_null(wallet->secret);
	/* locking what is locked */
	ck_assert_int_eq(wallet_lock(wallet), 0);
}
END_TEST

START_TEST(a_masternode_goes_on_signing)
{
	struct wire_key key;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	key = *wallet_public_key(wallet);
	encrypt();
	ck_assert_int_eq(wallet_keep_node_key(wallet), WALLET_E_LOCKED);
	ck_assert_int_eq(unlock_with(PASSPHRASE, WALLET_FOR_EVER), 0);
	ck_assert_int_eq(wallet_keep_node_key(wallet), 0);
	ck_assert_int_eq(wallet_keep_node_key(wallet), 0);
	ck_assert_int_eq(wallet_lock(wallet), 0);
	ck_assert_int_eq(wallet_signing_begin(wallet), WALLET_E_LOCKED);
	expect_signs(&key);
	/* encrypted while it is one */
	make_wallet(secret_two, CHAIN_TESTNET, NULL);
	key = *wallet_public_key(wallet);
	ck_assert_int_eq(wallet_keep_node_key(wallet), 0);
	encrypt();
	ck_assert(state_of().locked);
	expect_signs(&key);
}
END_TEST

/* A signature that cannot be made is a broken promise of who asks for it. */
START_TEST(signing_without_the_key_aborts)
{
	struct wire_sig sig;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt();
	unlink(path);
	rmdir(dir);
	wallet_sign(wallet, &sig, "x", 1);
}
END_TEST

#if !SANITIZED
START_TEST(the_secret_cannot_be_read_while_nobody_signs)
{
	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	unlink(path);
	rmdir(dir);
	ck_assert_int_eq(wallet_signing_begin(wallet), 0);
	ck_assert_mem_eq(wallet->secret, secret_one, SECRET_BYTES);
	wallet_signing_end(wallet);
	exit(wallet->secret[0]);
}
END_TEST
#endif

START_TEST(the_plain_contents_are_gone)
{
	uint8_t old[4096];
	ssize_t len;
	int fd;

	make_wallet(secret_one, CHAIN_TESTNET, "label");
	fd = open(path, O_RDONLY);
	len = read(fd, old, sizeof(old));
	ck_assert_int_gt(len, 100);
	ck_assert(holds(old, (size_t)len, secret_one));
	encrypt();
	ck_assert_int_eq(pread(fd, old, sizeof(old), 0), len);
	for (ssize_t i = 0; i < len; i++)
		ck_assert_uint_eq(old[i], 0);
	close(fd);
}
END_TEST

/* Another name of the file is somebody's copy. */
START_TEST(a_linked_copy_is_kept)
{
	char copy[128];
	size_t len;
	char *file;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	snprintf(copy, sizeof(copy), "%s.copy", path);
	ck_assert_int_eq(link(path, copy), 0);
	encrypt();
	ck_assert_int_eq(file_read(&file, &len, copy, 4096), 0);
	ck_assert(holds((uint8_t *)file, len, secret_one));
	free(file);
	ck_assert_int_eq(unlink(copy), 0);
}
END_TEST

START_TEST(a_file_of_somebody_else_is_not_replaced)
{
	size_t len, first_len, second_len;
	uint8_t *file = small_container(&len, secret_two, secret_two, 2), *first, *second;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	first = get_file(&first_len);
	make_wallet(secret_two, CHAIN_TESTNET, NULL);
	second = get_file(&second_len);
	put_file(first, first_len);
	ck_assert_int_eq(wallet_encrypt(wallet, text, "x", 1, &cheap), WALLET_E_CHANGED);
	ck_assert_ptr_nonnull(strstr(text, "restart timed"));
	expect_file(first, first_len);
	put_file(file, len);
	ck_assert_int_eq(wallet_encrypt(wallet, text, "x", 1, &cheap), WALLET_E_CHANGED);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(wallet_encrypt(wallet, text, "x", 1, &cheap), -ENOENT);
	ck_assert(!state_of().encrypted && !state_of().locked);
	put_file(second, second_len);
	encrypt();

	/* nor with more keys */
	ck_assert_int_eq(unlock_with(PASSPHRASE, WALLET_FOR_EVER), 0);
	put_file(file, len);
	wallet_use_key(wallet, WALLET_AHEAD);
	wallet_tick(wallet);
	expect_file(file, len);
	free(first);
	free(second);
	free(file);
}
END_TEST

START_TEST(keys_are_replenished_while_it_is_unlocked)
{
	size_t len, before_len;
	uint8_t *before;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt();
	wallet_use_key(wallet, WALLET_AHEAD - 100);
	before = get_file(&before_len);
	wallet_tick(wallet); /* locked: it cannot */
	expect_file(before, before_len);
	ck_assert_int_eq(unlock_with(PASSPHRASE, WALLET_FOR_EVER), 0);
	wallet_tick(wallet);
	free(get_file(&len));
	ck_assert_uint_eq(len, before_len + (WALLET_AHEAD - 100) * 32);
	wallet_use_key(wallet, WALLET_AHEAD);
	wallet_tick(wallet); /* enough are left */
	free(before);
	before = get_file(&before_len);
	ck_assert_uint_eq(before_len, len);
	free(before);
	open_wallet(CHAIN_TESTNET);
	ck_assert_uint_eq(state_of().known, 1 + WALLET_AHEAD - 100 + WALLET_AHEAD);
	ck_assert_int_eq(unlock_with(PASSPHRASE, WALLET_FOR_EVER), 0);
}
END_TEST

START_TEST(a_write_that_fails_changes_nothing)
{
	struct rlimit limit = {1000, RLIM_INFINITY};
	size_t len;
	uint8_t *file;
	int r;

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	file = get_file(&len);
	signal(SIGXFSZ, SIG_IGN);
	/* The disk is full after 1000 bytes; for Check's own file too, so nothing is asserted meanwhile. */
	setrlimit(RLIMIT_FSIZE, &limit);
	r = wallet_encrypt(wallet, text, PASSPHRASE, strlen(PASSPHRASE), &cheap);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(r, -EFBIG);
	ck_assert_ptr_nonnull(strstr(text, path));
	ck_assert(!state_of().encrypted && !state_of().locked);
	expect_file(file, len);
	encrypt();
	free(file);
}
END_TEST

/* In a process that will be killed: one byte into `out`, then encrypts. */
static _Noreturn void encrypt_and_die(int out)
{
	if (write(out, "x", 1) != 1 || wallet_encrypt(wallet, text, PASSPHRASE, strlen(PASSPHRASE), &cheap))
		_exit(1);
	for (;;)
		pause();
}

static void remove_temporaries(void)
{
	char command[128];

	/* What a crash leaves beside it is half of an encrypted file. */
	snprintf(command, sizeof(command), "rm -f %s.??????", path);
	ck_assert_int_eq(system(command), 0);
}

/* Killed at any moment, it is the old file or the new one, whole. */
START_TEST(killed_while_it_encrypts)
{
	int plain = 0, encrypted = 0, pipes[2];
	char byte;

	ck_assert_int_eq(pipe(pipes), 0);
	/* Ever later, until several were killed after the end. */
	for (unsigned delay_us = 0; encrypted < 5; delay_us += 500 + delay_us / 8) {
		pid_t child;

		make_wallet(secret_one, CHAIN_TESTNET, NULL);
		child = fork();
		if (child == 0)
			encrypt_and_die(pipes[1]);
		ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
		usleep(delay_us);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		open_wallet(CHAIN_TESTNET);
		if (state_of().encrypted) {
			encrypted++;
			ck_assert_int_eq(unlock_with(PASSPHRASE, 1000), 0);
		} else {
			plain++;
		}
		expect_signs(wallet_public_key(wallet));
		remove_temporaries();
	}
	ck_assert_int_gt(plain, 0);
}
END_TEST

static int unlock_by(const char *contents)
{
	char file[128];
	int r;

	snprintf(file, sizeof(file), "%s/passphrase", dir);
	ck_assert_int_eq(file_write_atomic(file, contents, strlen(contents), 0600), 0);
	r = wallet_unlock_by_file(wallet, text, file);
	ck_assert_int_eq(unlink(file), 0);
	return r;
}

START_TEST(passphrase_files)
{
	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	ck_assert_int_eq(unlock_by(PASSPHRASE), WALLET_E_PLAIN);
	encrypt();
	ck_assert_int_eq(wallet_unlock_by_file(wallet, text, "/nonexistent/passphrase"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(text, "/nonexistent/passphrase"));
	ck_assert_int_eq(wallet_unlock_by_file(wallet, text, dir), -EISDIR);
	ck_assert_int_eq(unlock_by(""), WALLET_E_PASSPHRASE);
	ck_assert_int_eq(unlock_by("\n" PASSPHRASE), WALLET_E_PASSPHRASE);
	ck_assert_ptr_nonnull(strstr(text, "the first line of"));
	ck_assert_int_eq(unlock_by(PASSPHRASE " \n"), WALLET_E_PASSPHRASE);
	ck_assert(state_of().locked);
	ck_assert_int_eq(unlock_by(PASSPHRASE), 0);
	ck_assert_int_eq(state_of().unlocked_ms, WALLET_FOR_EVER);
	ck_assert_int_eq(unlock_by(PASSPHRASE "\n"), 0);
	ck_assert_int_eq(unlock_by(PASSPHRASE "\r\nand more"), 0);
}
END_TEST

static void *lock_and_unlock(void *arg)
{
	char mine[WALLET_TEXT_SIZE];

	for (int i = 0; i < 30; i++) {
		if (arg)
			CHECK(wallet_unlock(wallet, mine, PASSPHRASE, strlen(PASSPHRASE), 60000) == 0);
		else
			CHECK(wallet_lock(wallet) == 0);
	}
	return NULL;
}

static void *use_it(void *arg)
{
	uint8_t pair[64];
	uint32_t index;

	(void)arg;
	for (int i = 0; i < 300; i++) {
		if (wallet_signing_begin(wallet) == 0) {
			wallet_signing_pair(wallet, pair, 3);
			wallet_signing_end(wallet);
		}
		CHECK(wallet_new_key(wallet, &index) == 0);
		wallet_tick(wallet);
		(void)state_of();
	}
	return NULL;
}

START_TEST(all_at_once)
{
	struct thread threads[4];

	make_wallet(secret_one, CHAIN_TESTNET, NULL);
	encrypt();
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			thread_start(&threads[i], "all", i < 2 ? lock_and_unlock : use_it, i == 0 ? wallet : NULL), 0);
	for (int i = 0; i < 4; i++)
		thread_join(&threads[i]);
	open_wallet(CHAIN_TESTNET);
	ck_assert_int_eq(unlock_with(PASSPHRASE, 1000), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wallet_passphrase");
	TCase *c = tcase_create("wallet_passphrase"), *ends = tcase_create("ends");

	tcase_add_checked_fixture(c, wallet_setup, wallet_teardown);
	tcase_set_timeout(c, 100);
	tcase_add_test(c, encrypted_and_unlocked_it_is_the_same_wallet);
	tcase_add_test(c, default_costs);
	tcase_add_test(c, locked_it_knows_its_addresses);
	tcase_add_test(c, wrong_passphrases);
	tcase_add_test(c, longest_passphrase);
	tcase_add_test(c, time_locks);
	tcase_add_test(c, signing_outlives_the_time);
	tcase_add_test(c, locking_waits_for_who_signs);
	tcase_add_test(c, a_masternode_goes_on_signing);
	tcase_add_test(c, the_plain_contents_are_gone);
	tcase_add_test(c, a_linked_copy_is_kept);
	tcase_add_test(c, a_file_of_somebody_else_is_not_replaced);
	tcase_add_test(c, keys_are_replenished_while_it_is_unlocked);
	tcase_add_test(c, a_write_that_fails_changes_nothing);
	tcase_add_test(c, killed_while_it_encrypts);
	tcase_add_test(c, passphrase_files);
	tcase_add_test(c, all_at_once);
	suite_add_tcase(suite, c);
	tcase_add_checked_fixture(ends, wallet_setup, NULL);
	tcase_add_test_raise_signal(ends, signing_without_the_key_aborts, SIGABRT);
#if !SANITIZED
	tcase_add_test_raise_signal(ends, the_secret_cannot_be_read_while_nobody_signs, SIGSEGV);
#endif
	suite_add_tcase(suite, ends);
	return run_suite(suite);
}
