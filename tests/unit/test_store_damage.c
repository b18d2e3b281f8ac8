// SPDX-License-Identifier: MIT
/* store: crashes, files that are damaged, cut off or missing, and writes that fail. */
#include "timed/store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "rounds.h"
#include "run_suite.h"
#include "store_fixture.h"
#include "timed/util/file.h"
#include "timed/util/thread.h"

/* ---- crashes and damage ---- */

/* Makes the database in a process of its own, which then dies without closing it: `count` synced entries "k000" ... in
 * STORE_BANS stay in the write-ahead log. */
static void make_and_crash(int count)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		char key[16], value[80];

		if (open_store())
			_exit(1);
		memset(value, 'v', sizeof(value));
		for (int i = 0; i < count; i++) {
			snprintf(key, sizeof(key), "k%03d", i);
			if (store_put(store, STORE_BANS, key, 4, value, sizeof(value), i == count - 1))
				_exit(1);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

/* The biggest file of the directory whose name ends or begins so. */
static void find_file(char path[256], const char *part)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	off_t biggest = 0;

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)) != NULL) {
		size_t len = strlen(entry->d_name), end = strlen(part);
		char candidate[256];
		struct stat st;

		if (len < end ||
		    (strcmp(entry->d_name + len - end, part) != 0 && strncmp(entry->d_name, part, end) != 0))
			continue;
		snprintf(candidate, sizeof(candidate), "%s/%.100s", dir, entry->d_name);
		if (stat(candidate, &st) == 0 && st.st_size > biggest) {
			biggest = st.st_size;
			memcpy(path, candidate, sizeof(candidate));
		}
	}
	closedir(d);
	ck_assert_msg(biggest > 0, "no file with %s", part);
}

static void flip(const char *path, size_t at, uint8_t bits)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= bits;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static size_t file_size(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (size_t)st.st_size;
}

START_TEST(crash_loses_nothing_synced)
{
	make_and_crash(100);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 100);
}
END_TEST

START_TEST(torn_end_of_the_log_is_cut_off)
{
	/* the last record loses _i bytes: only its entry is gone */
	char path[256];

	make_and_crash(100);
	find_file(path, ".log");
	ck_assert_int_eq(truncate(path, (off_t)file_size(path) - _i), 0);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 99);
	close_store();
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 99);
}
END_TEST

/* Moves the last `len` bytes of a file into another. */
static void split_file(const char *path, const char *tail_path, size_t len)
{
	size_t size;
	char *bytes;

	ck_assert_int_eq(file_read(&bytes, &size, path, 1 << 20), 0);
	ck_assert_int_eq(file_write_atomic(tail_path, bytes + size - len, len, 0600), 0);
	ck_assert_int_eq(truncate(path, (off_t)(size - len)), 0);
	free(bytes);
}

START_TEST(log_after_a_torn_one_is_not_replayed_over_the_gap)
{
	/* the machine stopped when the end of the first log had not reached the disk, and the second had */
	const size_t record = 107;
	char path[256], second[128];
	struct store_value value;

	make_and_crash(100);
	find_file(path, ".log");
	snprintf(second, sizeof(second), "%s/000099.log", dir);
	split_file(path, second, 50 * record);
	ck_assert_int_eq(truncate(path, (off_t)file_size(path) - 3), 0);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 49);
	ck_assert_int_eq(store_get(store, &value, STORE_BANS, "k048", 4), 0);
	store_value_free(&value);
	ck_assert_int_eq(store_get(store, &value, STORE_BANS, "k050", 4), STORE_E_NOT_FOUND);
	close_store();
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 49);
}
END_TEST

START_TEST(log_after_a_whole_one_is_replayed)
{
	char path[256], second[128];

	make_and_crash(100);
	find_file(path, ".log");
	snprintf(second, sizeof(second), "%s/000099.log", dir);
	split_file(path, second, 50 * 107);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 100);
}
END_TEST

START_TEST(log_that_ends_in_zeros_is_cut_off)
{
	char path[256];

	make_and_crash(100);
	find_file(path, ".log");
	ck_assert_int_eq(truncate(path, (off_t)file_size(path) + 70000), 0);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 100);
}
END_TEST

START_TEST(flipped_byte_in_the_log_is_a_named_error)
{
	/* every byte of the first and last records; the failed opening changes nothing, so one database does */
	static const uint8_t bits[] = {0x01, 0x80, 0xff};
	char path[256];
	size_t size;

	make_and_crash(50);
	find_file(path, ".log");
	size = file_size(path);
	for (size_t at = 0; at < size; at = at < 300 && at + rounds_step() >= 300 ? size - 300 : at + rounds_step()) {
		for (size_t b = 0; b < sizeof(bits); b++) {
			int r;

			flip(path, at, bits[b]);
			r = open_store();
			ck_assert_msg(r == STORE_E_WAL, "byte %zu: %s", at, store_error_name(r));
			flip(path, at, bits[b]);
		}
	}
	flip(path, 100, 1);
	ck_assert_int_eq(open_store(), STORE_E_WAL);
	ck_assert_ptr_nonnull(strstr(failure.text, path));
	ck_assert_ptr_nonnull(strstr(failure.text, "--recover-wal"));
	flip(path, 100, 1);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 50);
}
END_TEST

START_TEST(recover_wal_keeps_what_precedes_the_damage)
{
	char path[256];
	int count;

	make_and_crash(100);
	find_file(path, ".log");
	flip(path, file_size(path) / 2, 0xff);
	params.recover_wal = true;
	must_open();
	count = count_entries(STORE_BANS);
	ck_assert_int_gt(count, 40);
	ck_assert_int_lt(count, 60);
	close_store();
	params.recover_wal = false;
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), count);
}
END_TEST

START_TEST(flipped_byte_in_the_manifest_is_a_named_error)
{
	char path[256];
	size_t size;

	make_and_crash(5);
	find_file(path, "MANIFEST-");
	size = file_size(path);
	for (size_t at = 0; at < size; at += rounds_step()) {
		flip(path, at, 0x80);
		ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
		ck_assert_ptr_nonnull(strstr(failure.text, path));
		flip(path, at, 0x80);
	}
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 5);
}
END_TEST

/* As make_and_crash, and then opened and closed: the entries are in a table. */
static void make_table(int count)
{
	make_and_crash(count);
	must_open();
	close_store();
}

START_TEST(flipped_byte_in_a_table_is_a_named_error)
{
	char path[256], copy[80], command[256];
	int damaged = 0;
	size_t size;

	make_table(300);
	find_file(path, ".sst");
	size = file_size(path);
	snprintf(copy, sizeof(copy), "%s/copy", parent);
	snprintf(command, sizeof(command), "rm -rf %s; cp -a %s %s", copy, dir, copy);
	ck_assert_int_eq(system(command), 0);
	for (size_t at = 0; at < size; at += 1 + size / 60) {
		int r;

		snprintf(command, sizeof(command), "rm -rf %s; cp -a %s %s", dir, copy, dir);
		ck_assert_int_eq(system(command), 0);
		flip(path, at, 0x10);
		r = open_store();
		if (r) {
			ck_assert_int_eq(r, STORE_E_CORRUPT);
			damaged++;
			continue;
		}
		/* either it is noticed, or the byte did not matter: never other data */
		r = count_entries(STORE_BANS);
		ck_assert(r == -1 || r == 300);
		damaged += r == -1;
		close_store();
	}
	ck_assert_int_gt(damaged, 10);
}
END_TEST

START_TEST(table_cut_off_is_a_named_error)
{
	char path[256];

	make_table(300);
	find_file(path, ".sst");
	ck_assert_int_eq(truncate(path, (off_t)file_size(path) - 1), 0);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(failure.text, "move it away"));
}
END_TEST

START_TEST(missing_files_are_named_errors)
{
	static const char *const parts[] = {".sst", "MANIFEST-", "CURRENT"};
	char path[256];

	make_table(300);
	find_file(path, parts[_i]);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
}
END_TEST

START_TEST(damaged_current_is_a_named_error)
{
	char path[256];

	make_table(10);
	find_file(path, "CURRENT");
	flip(path, 0, 0xff);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(open_store(), STORE_E_CORRUPT);
}
END_TEST

START_TEST(clear_gets_rid_of_a_damaged_family)
{
	/* adversarial 36: what can be learnt again is rebuilt */
	char path[256];

	make_table(300);
	must_open();
	must_put(STORE_MASTERNODES, "10.0.0.1", "kept");
	close_store();
	find_file(path, ".sst");
	flip(path, 50, 0xff);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), -1);
	ck_assert_int_eq(store_clear(store, STORE_BANS), 0);
	ck_assert_int_eq(count_entries(STORE_BANS), 0);
	must_put(STORE_BANS, "a", "one");
	close_store();
	must_open();
	ck_assert_int_eq(count_entries(STORE_BANS), 1);
	expect_value(STORE_MASTERNODES, "10.0.0.1", "kept");
}
END_TEST

/* Writes pairs, one entry in each of two families per batch, until killed; a byte to `progress` after each. */
static void write_pairs(int progress)
{
	struct store_batch *batch;
	char value[200];

	if (open_store())
		_exit(1);
	memset(value, 'p', sizeof(value));
	batch = store_batch_new();
	for (uint32_t i = 0;; i++) {
		uint8_t key[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		store_batch_put(store, batch, STORE_BLOCKS, key, 4, value, sizeof(value));
		store_batch_put(store, batch, STORE_UNDO, key, 4, value, sizeof(value));
		if (store_batch_commit(store, batch, i % 64 == 0))
			_exit(1);
		if (write(progress, "x", 1) != 1)
			_exit(1);
	}
}

START_TEST(kill_in_the_middle_of_writes_leaves_whole_batches)
{
	int progress[2], committed = 0;
	char bytes[64];
	pid_t child;
	ssize_t n;

	ck_assert_int_eq(pipe(progress), 0);
	child = fork();
	if (child == 0)
		write_pairs(progress[1]);
	close(progress[1]);
	while (committed < 100 + 170 * _i && (n = read(progress[0], bytes, sizeof(bytes))) > 0)
		committed += (int)n;
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	while ((n = read(progress[0], bytes, sizeof(bytes))) > 0)
		committed += (int)n;
	close(progress[0]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_ge(committed, 100);

	must_open();
	ck_assert_int_ge(count_entries(STORE_BLOCKS), committed);
	ck_assert_int_le(count_entries(STORE_BLOCKS), committed + 1);
	ck_assert_int_eq(count_entries(STORE_UNDO), count_entries(STORE_BLOCKS));
}
END_TEST

/* ---- failed writes ---- */

static atomic_int reports;
static enum store_error reported;

static void report(void *user, const struct store_failure *what)
{
	ck_assert_ptr_eq(user, &reports);
	reported = what->error;
	atomic_fetch_add(&reports, 1);
}

/* Writes 4 KiB values until one fails; returns its error, and how many went well. */
static int write_until_failure(int *written)
{
	uint8_t value[4096];
	uint32_t random = 1;
	int r = 0;

	for (*written = 0; *written < 10000; (*written)++) {
		/* nothing that could be compressed */
		for (size_t i = 0; i < sizeof(value); i++)
			value[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		r = store_put(store, STORE_BLOCKS, written, sizeof(*written), value, sizeof(value), false);
		if (r)
			return r;
	}
	return 0;
}

START_TEST(first_failed_write_is_reported_and_the_last)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	int written;

	params.on_failure = report;
	params.user = &reports;
	must_open();
	ck_assert(!store_failed(store, &failure));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(write_until_failure(&written), STORE_E_IO);
	ck_assert_int_eq(atomic_load(&reports), 1);
	ck_assert_int_eq(reported, STORE_E_IO);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	/* from now on every write fails the same way, and nobody is told again */
	ck_assert_int_eq(store_put(store, STORE_BANS, "a", 1, "b", 1, false), STORE_E_IO);
	ck_assert_int_eq(store_delete(store, STORE_BANS, "a", 1, false), STORE_E_IO);
	ck_assert_int_eq(store_clear(store, STORE_BANS), STORE_E_IO);
	ck_assert_int_eq(atomic_load(&reports), 1);
	ck_assert(store_failed(store, &failure));
	ck_assert_int_eq(failure.error, STORE_E_IO);
	ck_assert_ptr_nonnull(strstr(failure.text, "File too large"));
	/* reading goes on, and so does the next start */
	ck_assert_int_eq(count_entries(STORE_BLOCKS), written);
	close_store();
	must_open();
	ck_assert_int_eq(count_entries(STORE_BLOCKS), written);
}
END_TEST

static void *run_failing_writer(void *arg)
{
	int written;

	(void)arg;
	ck_assert_int_eq(write_until_failure(&written), STORE_E_IO);
	return NULL;
}

START_TEST(writers_that_fail_together_report_once)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	struct thread writers[4];

	params.on_failure = report;
	params.user = &reports;
	must_open();
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(thread_start(&writers[i], "writer", run_failing_writer, NULL), 0);
	for (int i = 0; i < 4; i++)
		thread_join(&writers[i]);
	ck_assert_int_eq(atomic_load(&reports), 1);
}
END_TEST

START_TEST(disk_full_is_a_named_error_and_reopens_when_there_is_room)
{
	static const uint8_t zeros[4096];
	off_t full = 16 << 20;
	char ballast[100];
	int fd, written;
	ssize_t n;

	/* a small disk of our own: needs root and namespaces */
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdir(dir, 0700) != 0 || mount("tmpfs", dir, "tmpfs", 0, "size=24m") != 0) {
		fprintf(stderr, "disk_full...: skipped, no tmpfs can be mounted here\n");
		return;
	}
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fd = open(ballast, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(posix_fallocate(fd, 0, 16 << 20), 0);
	must_open();
	ck_assert_int_eq(write_until_failure(&written), STORE_E_DISK_FULL);
	ck_assert(store_failed(store, &failure));
	ck_assert_ptr_nonnull(strstr(failure.text, "make room"));
	close_store();
	/* no room at all, then room for the opening but not for the table that the log becomes */
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 16 << 20);
	while ((n = write(fd, zeros, sizeof(zeros))) > 0)
		full += n;
	ck_assert_int_eq(open_store(), STORE_E_DISK_FULL);
	ck_assert_int_eq(ftruncate(fd, full - (3 << 20)), 0);
	ck_assert_int_eq(open_store(), STORE_E_DISK_FULL);
	close(fd);
	ck_assert_int_eq(unlink(ballast), 0);
	must_open();
	ck_assert_int_eq(count_entries(STORE_BLOCKS), written);
	close_store();
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

static void damage_case(Suite *suite)
{
	TCase *c = tcase_create("damage");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, crash_loses_nothing_synced);
	tcase_add_loop_test(c, torn_end_of_the_log_is_cut_off, 1, 8);
	tcase_add_test(c, log_after_a_torn_one_is_not_replayed_over_the_gap);
	tcase_add_test(c, log_after_a_whole_one_is_replayed);
	tcase_add_test(c, log_that_ends_in_zeros_is_cut_off);
	tcase_add_test(c, flipped_byte_in_the_log_is_a_named_error);
	tcase_add_test(c, recover_wal_keeps_what_precedes_the_damage);
	tcase_add_test(c, flipped_byte_in_the_manifest_is_a_named_error);
	tcase_add_test(c, flipped_byte_in_a_table_is_a_named_error);
	tcase_add_test(c, table_cut_off_is_a_named_error);
	tcase_add_loop_test(c, missing_files_are_named_errors, 0, 3);
	tcase_add_test(c, damaged_current_is_a_named_error);
	tcase_add_test(c, clear_gets_rid_of_a_damaged_family);
	tcase_add_loop_test(c, kill_in_the_middle_of_writes_leaves_whole_batches, 0, 5);
	tcase_add_test(c, first_failed_write_is_reported_and_the_last);
	tcase_add_test(c, writers_that_fail_together_report_once);
	tcase_add_test(c, disk_full_is_a_named_error_and_reopens_when_there_is_room);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("store damage");

	damage_case(suite);
	return run_suite(suite);
}
