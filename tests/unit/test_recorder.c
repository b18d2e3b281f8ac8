/* SPDX-License-Identifier: MIT
 *
 * Recordings: on and off, bounds, and disks that are full or slow.
 */
#include "recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "timed/util/file.h"
#include "timed/util/thread.h"

#define MAX_LINE ((size_t)1 << 20)
#define MUCH ((uint64_t)1 << 30)

static char dir[] = "/tmp/test_recorder.XXXXXX";
static char path[WIRE_RECORD_PATH_SIZE];
static struct recorder *recorder;
static struct net_addr addr;

static void setup(void)
{
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(net_addr_parse(&addr, "10.0.0.9:5", strlen("10.0.0.9:5"), 0), 0);
	ck_assert_int_eq(recorder_create(&recorder, "devnet", MAX_LINE), 0);
}

static void teardown(void)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	recorder_free(recorder);
	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)))
		(void)unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void put(const struct net_addr *from, const char *bytes, size_t len)
{
	struct record_piece piece = {.kind = RECORD_BYTES, .connection = 1, .addr = *from};

	piece.bytes = (const uint8_t *)bytes;
	piece.len = len;
	recorder_put(recorder, &piece);
}

static struct wire_record_result stop(void)
{
	struct wire_record_result result;

	ck_assert_int_eq(recorder_stop(recorder, &addr.ip, 20000, &result), 0);
	ck_assert_str_eq(result.path, path);
	return result;
}

static char *contents(void)
{
	char *text;
	size_t len;

	ck_assert_int_eq(file_read(&text, &len, path, MUCH), 0);
	return text;
}

/* Lets the recording write to something else than its file. */
static void redirect(int to)
{
	char link[64], target[WIRE_RECORD_PATH_SIZE];

	for (int fd = 3; fd < 64; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		if (strcmp(target, path) == 0) {
			/* The bare call: to ThreadSanitizer dup2() and the recorder's close() are a race. */
			ck_assert_int_eq(syscall(SYS_dup3, to, fd, O_CLOEXEC), fd);
			return;
		}
	}
	ck_abort_msg("%s is not open", path);
}

START_TEST(what_is_put_is_in_the_file)
{
	struct net_addr other = addr;
	struct wire_record_result result;
	struct stat st;
	char *text;

	put(&addr, "before\n", 7);
	ck_assert_int_eq(recorder_start(recorder, &addr.ip, dir, MUCH, path), 0);
	ck_assert(recorder_has(recorder, &addr.ip));
	other.ip.bytes[15] ^= 1;
	put(&addr, "mine\n", 5);
	put(&other, "other\n", 6);
	result = stop();
	ck_assert(!recorder_has(recorder, &addr.ip));
	put(&addr, "after\n", 6);
	ck_assert_int_eq(result.end, WIRE_RECORD_STOPPED);
	ck_assert_uint_eq(result.lines, 1);
	ck_assert_uint_eq(result.lost, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, result.bytes);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	text = contents();
	ck_assert_ptr_nonnull(strstr(text, "\"line\":\"mine\""));
	ck_assert_ptr_null(strstr(text, "other"));
	ck_assert_ptr_null(strstr(text, "before"));
	ck_assert_ptr_null(strstr(text, "after"));
	free(text);
}
END_TEST

START_TEST(on_and_off_by_their_outcomes)
{
	struct wire_record_result result;
	struct net_ip ip = addr.ip;
	char again[WIRE_RECORD_PATH_SIZE];

	ck_assert_int_eq(recorder_stop(recorder, &ip, 0, &result), WIRE_RECORD_E_NONE);
	ck_assert_int_eq(recorder_start(recorder, &ip, "/proc/nothing", MUCH, path), -ENOENT);
	ck_assert_int_eq(recorder_start(recorder, &ip, dir, MUCH, path), 0);
	ck_assert_int_eq(recorder_start(recorder, &ip, dir, MUCH, again), WIRE_RECORD_E_EXISTS);
	ck_assert_str_eq(again, path);
	for (int i = 1; i < WIRE_RECORD_MAX; i++) {
		ip.bytes[15]++;
		ck_assert_int_eq(recorder_start(recorder, &ip, dir, MUCH, again), 0);
	}
	ip.bytes[15]++;
	ck_assert_int_eq(recorder_start(recorder, &ip, dir, MUCH, again), WIRE_RECORD_E_MANY);
	(void)stop();
	ck_assert_int_eq(recorder_start(recorder, &ip, dir, MUCH, again), 0);
}
END_TEST

/* The file ends with a whole line that says so, within its bound; then that IP may be recorded anew. */
START_TEST(file_that_is_full)
{
	struct wire_record_result result;
	char *text;

	ck_assert_int_eq(recorder_start(recorder, &addr.ip, dir, WIRE_RECORD_MIN_BYTES, path), 0);
	while (recorder_has(recorder, &addr.ip))
		put(&addr, "0123456789\n", 11);
	result = stop();
	ck_assert_int_eq(result.end, WIRE_RECORD_FULL);
	ck_assert_uint_le(result.bytes, WIRE_RECORD_MIN_BYTES);
	ck_assert_uint_gt(result.bytes, WIRE_RECORD_MIN_BYTES / 2);
	text = contents();
	ck_assert_ptr_nonnull(strstr(text, "\"event\":\"end\",\"reason\":\"full\"}\n"));
	ck_assert_uint_eq(strlen(text), result.bytes);
	free(text);
	ck_assert_int_eq(recorder_start(recorder, &addr.ip, dir, MUCH, path), 0);
}
END_TEST

START_TEST(disk_that_is_full)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(recorder_start(recorder, &addr.ip, dir, MUCH, path), 0);
	redirect(full);
	close(full);
	while (recorder_has(recorder, &addr.ip))
		put(&addr, "line\n", 5);
	ck_assert_int_eq(stop().end, WIRE_RECORD_FAILED);
}
END_TEST

/* Whoever reads what the recording writes. */
struct reader {
	int fd;
	bool lost; /* it says that something is */
};

static void *drain(void *arg)
{
	static char buffer[65536];
	struct reader *reader = arg;
	ssize_t n;

	while ((n = read(reader->fd, buffer, sizeof(buffer) - 1)) > 0) {
		buffer[n] = 0;
		reader->lost |= strstr(buffer, "\"event\":\"lost\"") != NULL;
	}
	return NULL;
}

/* A disk that takes nothing holds nobody up: what it cannot take is lost, which is said, and what comes later is not.
 */
START_TEST(disk_that_is_slow)
{
	static char block[100000];
	struct reader reader = {0};
	struct wire_record_result result;
	struct thread thread;
	int ends[2];

	memset(block, 'x', sizeof(block));
	block[sizeof(block) - 1] = '\n';
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(recorder_start(recorder, &addr.ip, dir, MUCH, path), 0);
	redirect(ends[1]);
	for (int i = 0; i < 400; i++)
		put(&addr, block, sizeof(block));
	ck_assert_int_eq(recorder_stop(recorder, &addr.ip, 10, &result), WIRE_RECORD_E_BUSY);
	reader.fd = ends[0];
	ck_assert_int_eq(thread_start(&thread, "drain", drain, &reader), 0);
	result = stop();
	close(ends[1]);
	thread_join(&thread);
	close(ends[0]);
	ck_assert_int_eq(result.end, WIRE_RECORD_STOPPED);
	ck_assert_uint_ge(result.lost, sizeof(block));
	ck_assert_uint_gt(result.lines, 10);
	ck_assert_uint_eq(result.lost + result.lines * sizeof(block), 400 * sizeof(block));
	ck_assert(reader.lost);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recorder");
	TCase *c = tcase_create("recorder");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_is_put_is_in_the_file);
	tcase_add_test(c, on_and_off_by_their_outcomes);
	tcase_add_test(c, file_that_is_full);
	tcase_add_test(c, disk_that_is_full);
	tcase_add_test(c, disk_that_is_slow);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
