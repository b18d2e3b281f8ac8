// SPDX-License-Identifier: MIT
/* chain_store: files of the database that are cut off or altered (adversarial 55).  The chain is then shorter and
 * whole, or the error has a name and says what to do; there is never wrong data. */
#include "chain_test.h"
#include "run_suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BLOCKS 40

static const struct fixture_block *tip;

static void make_blocks(void)
{
	tip = f->root;
	for (int i = 0; i < BLOCKS; i++)
		tip = fixture_random_block(f, tip, 6, 0);
}

/* A process of its own connects and writes block after block, and ends without closing: all of it is in the log. */
static void make_log(void)
{
	pid_t child;
	int status;

	make_blocks();
	child = fork();
	if (child == 0) {
		if (store_open(&store, &failure, &params) || chain_store_open(&chain, &failure, store, &chain_params))
			_exit(1);
		for (uint64_t h = 1; h <= BLOCKS; h++) {
			if (connect_block(fixture_ancestor(tip, h)) || chain_store_flush(chain, h == BLOCKS))
				_exit(1);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

/* The files whose names end so: their count, and paths to be freed. */
static size_t find_files(char **paths, size_t most, const char *end)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)) != NULL && count < most) {
		size_t len = strlen(entry->d_name);

		if (len > strlen(end) && strcmp(entry->d_name + len - strlen(end), end) == 0)
			ck_assert_int_gt(asprintf(&paths[count++], "%s/%s", dir, entry->d_name), 0);
	}
	closedir(d);
	return count;
}

static off_t file_size(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void copy_tree(const char *from, const char *to)
{
	char command[256];

	remove_tree(to);
	snprintf(command, sizeof(command), "cp -a '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
}

static char original[100]; /* a copy of the database */

static void keep_original(void)
{
	snprintf(original, sizeof(original), "%s/original", parent);
	copy_tree(dir, original);
}

/* The chain ends at an ancestor of what was written, and nothing is wrong with it. */
static void expect_shorter(void)
{
	expect_tip(fixture_ancestor(tip, chain_store_tip(chain)->height));
	expect_sound();
}

START_TEST(a_log_that_is_cut_off_gives_a_shorter_chain)
{
	char *path;
	off_t size;

	make_log();
	keep_original();
	ck_assert_uint_eq(find_files(&path, 1, ".log"), 1);
	size = file_size(path);
	for (off_t cut = size - 1; cut > size / 3; cut -= 1 + size / 12) {
		copy_tree(original, dir);
		ck_assert_int_eq(truncate(path, cut), 0);
		must_open_chain();
		ck_assert_uint_lt(chain_store_tip(chain)->height, BLOCKS);
		expect_shorter();
		close_chain();
	}
	free(path);
}
END_TEST

START_TEST(a_log_that_is_altered_is_a_named_error)
{
	char *path;
	off_t size;

	make_log();
	keep_original();
	ck_assert_uint_eq(find_files(&path, 1, ".log"), 1);
	size = file_size(path);
	for (off_t at = size / 3; at < size - size / 12; at += 1 + size / 5) {
		copy_tree(original, dir);
		flip(path, at);
		params.recover_wal = false;
		ck_assert_int_eq(store_open(&store, &failure, &params), STORE_E_WAL);
		ck_assert_ptr_nonnull(strstr(failure.text, "--recover-wal"));
		params.recover_wal = true;
		must_open_chain();
		ck_assert_uint_lt(chain_store_tip(chain)->height, BLOCKS);
		expect_shorter();
		close_chain();
	}
	free(path);
}
END_TEST

/* Opens, asks for everything, closes.  0, or the error. */
static int read_everything(void)
{
	struct wire_hash hash, expected;
	struct chain_view *view;
	struct chain_verified verified = {0};
	int r = open_store();

	if (r)
		return r;
	r = chain_store_open(&chain, &failure, store, &chain_params);
	if (!r) {
		ck_assert_uint_eq(chain_store_tip(chain)->height, BLOCKS);
		view = chain_store_view(chain);
		r = chain_view_state_hash(view, &hash);
		chain_view_unref(view);
		fixture_state_hash(f, tip, &expected);
		if (!r)
			expect_hash(&hash, &expected);
	}
	if (!r)
		r = chain_store_verify(chain, &verified, take_finding, NULL, NULL);
	ck_assert_msg(verified.findings == 0, "%s", finding);
	close_chain();
	return r;
}

START_TEST(a_table_that_is_altered_is_a_named_error_or_rebuilt)
{
	char *paths[32];
	int refused = 0, mended = 0;
	size_t count;

	make_log();
	must_open_chain(); /* makes tables of the log */
	close_chain();
	keep_original();
	count = find_files(paths, 32, ".sst");
	ck_assert_uint_gt(count, 5);
	for (size_t i = 0; i < count; i++) {
		int r;

		copy_tree(original, dir);
		flip(paths[i], file_size(paths[i]) / 3);
		chain_params.reindex = false;
		r = read_everything();
		/* what had no effect is fine; and whatever was read was right */
		if (r == 0)
			continue;
		ck_assert_msg(r == STORE_E_CORRUPT, "%s", store_error_name(r));
		refused++;
		/* in what follows from the blocks: a rebuild mends it; else that says so too */
		chain_params.reindex = true;
		r = read_everything();
		ck_assert_msg(r == 0 || r == STORE_E_CORRUPT, "%s", store_error_name(r));
		mended += r == 0;
	}
	ck_assert_int_ge(refused, 5);
	ck_assert_int_ge(mended, 4);
	ck_assert_int_lt(mended, refused);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain damage");
	TCase *c = tcase_create("damage");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, chain_setup, chain_teardown);
	tcase_add_test(c, a_log_that_is_cut_off_gives_a_shorter_chain);
	tcase_add_test(c, a_log_that_is_altered_is_a_named_error);
	tcase_add_test(c, a_table_that_is_altered_is_a_named_error_or_rebuilt);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
