// SPDX-License-Identifier: MIT
/* util/log: the formats, what is escaped, limited, dropped, reopened, and that nothing is lost at an orderly close. */
#include "timed/util/log.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "scratch.h"
#include "timed/util/clock.h"
#include "timed/util/crash.h"
#include "timed/util/sanitizer.h"
#include "timed/util/thread.h"

static const char *log_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/node.log", scratch_dir);
	return path;
}

static struct log_config config_of(enum log_format format, const char *file_path)
{
	struct log_config config = {.format = format, .file_path = file_path};

	for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
		config.level[i] = LOG_LEVEL_INFO;
	return config;
}

static void open_file(enum log_format format)
{
	struct log_config config = config_of(format, log_path());

	ck_assert_int_eq(log_open(&config), 0);
}

/* Closes the log and returns what is in the file; free() it. */
static char *close_and_read(void)
{
	log_close();
	return scratch_read(log_path());
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *s = strstr(text, what); s; s = strstr(s + 1, what))
		n++;
	return n;
}

/* What follows "... LEVEL " in the only line of a pretty log. */
static const char *pretty_text(char *line, const char *level)
{
	char mark[16];
	char *at;

	snprintf(mark, sizeof(mark), "] %s ", level);
	at = strstr(line, mark);
	ck_assert_msg(at != NULL, "no '%s' in: %s", mark, line);
	ck_assert_uint_eq(count(line, "\n"), 1);
	ck_assert_int_eq(line[strlen(line) - 1], '\n');
	line[strlen(line) - 1] = '\0';
	return at + strlen(mark);
}

START_TEST(pretty_line_has_date_host_level_text)
{
	char expected[256], host[64], date[32];
	time_t at = 1766392200; /* 2025-12-22 08:30:00 UTC */
	char *line;

	setenv("TZ", "UTC-3", 1); /* three hours east */
	tzset();
	gethostname(host, sizeof(host));
	host[strcspn(host, ".")] = '\0';
	open_file(LOG_FORMAT_PRETTY);
	clock_set_offset_ms(0, at * 1000 - clock_real_ms());
	log_warn(LOG_NET, "⚠️ Ping timeout for %s (missed: %d/3)", "203.0.113.7", 2);
	line = close_and_read();
	memcpy(date, line, 19);
	date[19] = '\0';
	ck_assert_str_eq(date, "2025-12-22 11:30:00");
	ck_assert_int_eq(line[19], '.');
	snprintf(expected, sizeof(expected), "%.23s [%s] WARN ⚠️ Ping timeout for 203.0.113.7 (missed: 2/3)\n",
		 line, host);
	ck_assert_str_eq(line, expected);
	ck_assert_uint_eq(strspn(line + 20, "0123456789"), 3);
	free(line);
}
END_TEST

START_TEST(json_line_is_one_object_with_the_text_escaped)
{
	char *line;

	open_file(LOG_FORMAT_JSON);
	clock_set_offset_ms(0, INT64_C(1766392200000) - clock_real_ms());
	log_error(LOG_HEARTBEAT, "🔗 say \"hi\" \\ %s", "a\nb");
	line = close_and_read();
	ck_assert_int_eq(strncmp(line, "{\"ts\":\"2025-12-22T08:30:00.", 27), 0);
	ck_assert_str_eq(line + 30, "Z\",\"level\":\"error\",\"category\":\"heartbeat\",\"text\":"
				    "\"🔗 say \\\"hi\\\" \\\\ a\\\\x0ab\"}\n");
	free(line);
}
END_TEST

/* Points standard output at `fd` until stdout_restore(). */
static int stdout_redirect(int fd)
{
	int saved;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
	return saved;
}

static void stdout_restore(int saved)
{
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

START_TEST(journald_line_has_priority_and_neither_time_nor_host)
{
	struct log_config config = config_of(LOG_FORMAT_PRETTY, NULL);
	int fd = open(log_path(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int saved = stdout_redirect(fd);
	char *text;

	config.journald = true;
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
		config.level[i] = LOG_LEVEL_TRACE;
	ck_assert_int_eq(log_open(&config), 0);
	for (int level = LOG_LEVEL_ERROR; level < LOG_LEVEL_COUNT; level++)
		log_write(LOG_NODE, (enum log_level)level, "text");
	text = close_and_read();
	stdout_restore(saved);
	close(fd);
	ck_assert_str_eq(text, "<3>ERROR text\n<4>WARN text\n<6>INFO text\n<7>DEBUG text\n<7>TRACE text\n");
	free(text);
}
END_TEST

START_TEST(journal_is_recognised_by_its_stream)
{
	int fd = open(log_path(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int saved = stdout_redirect(fd);
	bool named, other, nonsense, none;
	struct stat st;
	char text[64];

	ck_assert_int_eq(fstat(fd, &st), 0);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	named = log_stdout_is_journal();
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", text, 1);
	other = log_stdout_is_journal();
	setenv("JOURNAL_STREAM", "yes", 1);
	nonsense = log_stdout_is_journal();
	unsetenv("JOURNAL_STREAM");
	none = log_stdout_is_journal();
	stdout_restore(saved);
	close(fd);
	ck_assert(named && !other && !nonsense && !none);
}
END_TEST

/* adversarial 60 */
static const struct {
	const char *in;
	const char *out;
} escapes[] = {
	{"plain, with \\ and \"", "plain, with \\ and \""},
	{"🔗 ✓ ⚠️ é 日本 👨‍👩‍👧", "🔗 ✓ ⚠️ é 日本 👨‍👩‍👧"},
	{"a\r\n2025-12-22 [x] ERROR forged", "a\\x0d\\x0a2025-12-22 [x] ERROR forged"},
	{"\x1b[31mred\x07\t\x7f", "\\x1b[31mred\\x07\\x09\\x7f"},
	{"c1 \xc2\x85 line \xe2\x80\xa8 bidi \xe2\x80\xae.",
	 "c1 \\xc2\\x85 line \\xe2\\x80\\xa8 bidi \\xe2\\x80\\xae."},
	{"bad \xff \xc3( \xed\xa0\x80 \xc0\xaf", "bad \\xff \\xc3( \\xed\\xa0\\x80 \\xc0\\xaf"},
	{"past \xf4\x90\x80\x80", "past \\xf4\\x90\\x80\\x80"},
	{"cut \xf0\x9f\x94", "cut \\xf0\\x9f\\x94"},
	{"", ""},
};

START_TEST(control_characters_and_bad_utf8_are_escaped)
{
	char *line;

	open_file(LOG_FORMAT_PRETTY);
	log_info(LOG_WIRE, "%s", escapes[_i].in);
	line = close_and_read();
	ck_assert_str_eq(pretty_text(line, "INFO"), escapes[_i].out);
	free(line);
}
END_TEST

START_TEST(long_line_is_cut_between_characters)
{
	char text[3001];
	const char *cut;
	char *line;

	/* é is two bytes: one of the two offsets has a character across each limit */
	memset(text, 'a', sizeof(text));
	for (size_t i = (size_t)_i; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "é", 2);
	text[3000] = '\0';
	open_file(LOG_FORMAT_PRETTY);
	log_info(LOG_WIRE, "%s", text);
	line = close_and_read();
	cut = pretty_text(line, "INFO");
	ck_assert_uint_le(strlen(cut), 1024);
	ck_assert_uint_ge(strlen(cut), 1020);
	ck_assert_str_eq(cut + strlen(cut) - 5, "é…");
	ck_assert_ptr_null(strstr(cut, "\\x"));
	free(line);
}
END_TEST

START_TEST(line_that_grows_by_escaping_is_cut_too)
{
	char text[1001];
	const char *cut;
	char *line;

	memset(text, '\n', 1000);
	text[1000] = '\0';
	open_file(LOG_FORMAT_JSON);
	log_info(LOG_WIRE, "%s", text);
	line = close_and_read();
	ck_assert_uint_eq(count(line, "\\\\x0a"), 255);
	cut = strstr(line, "\\\\x0a…\"}\n");
	ck_assert_ptr_nonnull(cut);
	free(line);
}
END_TEST

START_TEST(levels_are_per_category_and_change_at_run_time)
{
	char *text;

	open_file(LOG_FORMAT_PRETTY);
	ck_assert(log_enabled(LOG_NET, LOG_LEVEL_INFO));
	ck_assert(!log_enabled(LOG_NET, LOG_LEVEL_DEBUG));
	log_debug(LOG_NET, "one");
	log_set_level(LOG_NET, LOG_LEVEL_DEBUG);
	ck_assert_int_eq((int)log_get_level(LOG_NET), LOG_LEVEL_DEBUG);
	ck_assert_int_eq((int)log_get_level(LOG_RPC), LOG_LEVEL_INFO);
	log_debug(LOG_NET, "two");
	log_debug(LOG_RPC, "three");
	log_set_level(LOG_HEARTBEAT, LOG_LEVEL_ERROR);
	log_info(LOG_HEARTBEAT, "four");
	text = close_and_read();
	ck_assert_uint_eq(count(text, "\n"), 1);
	ck_assert_uint_eq(count(text, "DEBUG two"), 1);
	free(text);
}
END_TEST

START_TEST(names_are_those_of_the_configuration)
{
	ck_assert_str_eq(log_level_name(LOG_LEVEL_WARN), "warn");
	ck_assert_int_eq(log_level_from_name("trace"), LOG_LEVEL_TRACE);
	ck_assert_int_eq(log_level_from_name("loud"), -1);
	ck_assert_ptr_null(log_level_name(LOG_LEVEL_COUNT));
	for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
		ck_assert_int_eq(log_category_from_name(log_category_name((enum log_category)i)), i);
	ck_assert_int_eq(log_category_from_name("NET"), -1);
	ck_assert_ptr_null(log_category_name(LOG_CATEGORY_COUNT));
}
END_TEST

#define WRITERS 4
#define LINES_EACH 2000

static void *write_lines(void *arg)
{
	int writer = *(int *)arg;

	for (int i = 0; i < LINES_EACH; i++) {
		log_info(LOG_NODE, "w%d line %d.", writer, i);
		if (i % 100 == 0)
			log_flush(); /* so that the ring never fills up, however slow the disk */
	}
	return NULL;
}

START_TEST(nothing_is_lost_at_close)
{
	struct thread threads[WRITERS] = {0};
	int ids[WRITERS];
	char *text;

	open_file(LOG_FORMAT_PRETTY);
	for (int i = 0; i < WRITERS; i++) {
		ids[i] = i;
		ck_assert_int_eq(thread_start(&threads[i], "writer", write_lines, &ids[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		thread_join(&threads[i]);
	text = close_and_read();
	ck_assert_uint_eq(log_dropped(), 0);
	ck_assert_uint_eq(count(text, "\n"), WRITERS * LINES_EACH);
	/* each writer's lines are in their order */
	for (int w = 0; w < WRITERS; w++) {
		const char *at = text;

		for (int i = 0; i < LINES_EACH; i++) {
			char line[32];

			snprintf(line, sizeof(line), "w%d line %d.", w, i);
			at = strstr(at, line);
			ck_assert_msg(at != NULL, "%s", line);
		}
	}
	free(text);
}
END_TEST

START_TEST(flush_waits_for_what_was_queued)
{
	char *text;

	open_file(LOG_FORMAT_PRETTY);
	for (int i = 0; i < 100; i++)
		log_info(LOG_NODE, "line");
	log_flush();
	text = scratch_read(log_path());
	ck_assert_uint_eq(count(text, "\n"), 100);
	log_close();
	free(text);
}
END_TEST

/* A pipe as standard output, and a thread that collects what comes out of it. */
static struct {
	int fds[2];
	int saved;
	struct thread reader;
	char *text;
} pipe_out;

static void *collect(void *arg)
{
	size_t room = 8 * 1024 * 1024, used = 0;
	ssize_t n;

	(void)arg;
	pipe_out.text = malloc(room + 1);
	while ((n = read(pipe_out.fds[0], pipe_out.text + used, room - used)) > 0)
		used += (size_t)n;
	pipe_out.text[used] = '\0';
	return NULL;
}

static void pipe_open(void)
{
	struct log_config config = config_of(LOG_FORMAT_PRETTY, NULL);

	ck_assert_int_eq(pipe2(pipe_out.fds, O_CLOEXEC), 0);
	pipe_out.saved = stdout_redirect(pipe_out.fds[1]);
	ck_assert_int_eq(log_open(&config), 0);
	stdout_restore(pipe_out.saved);
	close(pipe_out.fds[1]); /* the log's own copy is the last */
}

START_TEST(slow_pipe_drops_lines_counts_and_reports_them)
{
	size_t total = 30000, delivered = 0, reported = 0;

	pipe_open();
	/* nobody reads: were a line to wait for the output, this would never end */
	for (size_t i = 0; i < total; i++)
		log_info(LOG_NODE, "line %zu of many, and some text to fill the ring with, since it is large", i);
	ck_assert_uint_gt(log_dropped(), 0);
	ck_assert_uint_lt(log_dropped(), total);
	ck_assert_int_eq(thread_start(&pipe_out.reader, "reader", collect, NULL), 0);
	log_flush();
	log_info(LOG_NODE, "line after");
	log_close();
	thread_join(&pipe_out.reader);
	close(pipe_out.fds[0]);

	delivered = count(pipe_out.text, "] INFO line ");
	for (const char *s = strstr(pipe_out.text, "⚠️ "); s; s = strstr(s + 1, "⚠️ ")) {
		ck_assert_ptr_nonnull(strstr(s, "log lines lost"));
		reported += strtoul(s + strlen("⚠️ "), NULL, 10);
	}
	ck_assert_uint_eq(reported, log_dropped());
	ck_assert_uint_eq(delivered + reported, total + 1);
	ck_assert_ptr_nonnull(strstr(pipe_out.text, "line after"));
	free(pipe_out.text);
}
END_TEST

static _Atomic bool closed;

static void *do_close(void *arg)
{
	(void)arg;
	log_close();
	atomic_store(&closed, true);
	return NULL;
}

START_TEST(close_gives_up_on_a_pipe_that_nobody_reads)
{
	struct thread closer = {0};
	int64_t offset = 0;

	pipe_open();
	for (int i = 0; i < 30000; i++)
		log_info(LOG_NODE, "line %d of many, and some text to fill the ring with, since it is large", i);
	atomic_store(&closed, false);
	ck_assert_int_eq(thread_start(&closer, "closer", do_close, NULL), 0);
	while (!atomic_load(&closed)) {
		struct timespec step = {.tv_nsec = 1000000};

		clock_set_offset_ms(offset += 1000, 0);
		nanosleep(&step, NULL);
	}
	thread_join(&closer);
	close(pipe_out.fds[0]);
	ck_assert_uint_gt(log_dropped(), 20000);
}
END_TEST

START_TEST(reader_of_the_pipe_goes_away)
{
	pipe_open();
	close(pipe_out.fds[0]);
	for (int i = 0; i < 10; i++)
		log_info(LOG_NODE, "line");
	log_flush();
	/* SIGPIPE did not end us */
	ck_assert_uint_eq(log_dropped(), 10);
	log_close();
}
END_TEST

START_TEST(reopen_writes_to_the_new_file)
{
	char old[128], *text;

	snprintf(old, sizeof(old), "%s/node.log.1", scratch_dir);
	open_file(LOG_FORMAT_PRETTY);
	log_info(LOG_NODE, "one");
	log_flush();
	ck_assert_int_eq(rename(log_path(), old), 0);
	log_info(LOG_NODE, "two");
	log_flush();
	ck_assert_int_eq(log_reopen(), 0);
	log_info(LOG_NODE, "three");
	text = close_and_read();
	ck_assert_uint_eq(count(text, "\n"), 1);
	ck_assert_ptr_nonnull(strstr(text, "INFO three"));
	free(text);
	text = scratch_read(old);
	ck_assert_uint_eq(count(text, "\n"), 2);
	ck_assert_ptr_nonnull(strstr(text, "INFO two"));
	free(text);
}
END_TEST

START_TEST(reopen_that_fails_keeps_the_old_file)
{
	struct log_config config = config_of(LOG_FORMAT_PRETTY, NULL);
	char path[128], moved[128], *text;

	snprintf(path, sizeof(path), "%s/logs/deep/node.log", scratch_dir);
	snprintf(moved, sizeof(moved), "%s/moved", scratch_dir);
	config.file_path = path;
	ck_assert_int_eq(log_open(&config), 0); /* makes the directories */
	ck_assert_int_eq(rename(scratch_path("logs"), moved), 0);
	scratch_write(scratch_path("logs"), "a file where the directory was");
	ck_assert_int_eq(log_reopen(), -ENOTDIR);
	log_info(LOG_NODE, "still here");
	log_close();
	text = scratch_read(scratch_path("moved/deep/node.log"));
	ck_assert_ptr_nonnull(strstr(text, "still here"));
	free(text);
}
END_TEST

START_TEST(full_disk_loses_lines_and_says_so_when_there_is_room)
{
	struct log_config config = config_of(LOG_FORMAT_PRETTY, log_path());
	char *text;

	ck_assert_int_eq(symlink("/dev/full", log_path()), 0);
	ck_assert_int_eq(log_open(&config), 0);
	for (int i = 0; i < 3; i++)
		log_info(LOG_NODE, "into the void");
	log_flush();
	ck_assert_uint_eq(log_dropped(), 3);
	ck_assert_int_eq(unlink(log_path()), 0);
	ck_assert_int_eq(log_reopen(), 0);
	log_info(LOG_NODE, "room again");
	text = close_and_read();
	ck_assert_uint_eq(log_dropped(), 3);
	ck_assert_uint_eq(count(text, "\n"), 2);
	ck_assert_ptr_nonnull(strstr(text, "INFO room again"));
	ck_assert_ptr_nonnull(strstr(text, "3 log lines lost"));
	free(text);
}
END_TEST

START_TEST(torn_line_is_ended_before_the_next_one)
{
	struct rlimit limit, old;
	uint64_t lost;
	char *text, *torn;

	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 100;
	open_file(LOG_FORMAT_PRETTY);
	/* no assertion meanwhile: Check writes a file, too */
	setrlimit(RLIMIT_FSIZE, &limit);
	log_info(LOG_NODE, "%080d", 1);
	log_flush();
	lost = log_dropped();
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_uint_eq(lost, 1);
	log_info(LOG_NODE, "whole");
	text = close_and_read();
	torn = strchr(text, '\n');
	ck_assert_ptr_eq(torn, text + 100);
	ck_assert_ptr_nonnull(strstr(torn, "INFO whole\n"));
	ck_assert_uint_eq(log_dropped(), 1);
	ck_assert_ptr_nonnull(strstr(torn, " 1 log lines lost"));
	free(text);
}
END_TEST

START_TEST(repeated_lines_are_limited_with_a_count)
{
	struct log_limit limit = {0};
	char *text;

	open_file(LOG_FORMAT_PRETTY);
	clock_set_offset_ms(0, 0);
	for (int i = 0; i < 12; i++) {
		log_limited(&limit, LOG_NET, LOG_LEVEL_INFO, "first %d", i);
		log_limited(&limit, LOG_NET, LOG_LEVEL_INFO, "second %d", i);
		log_limited(&limit, LOG_NET, LOG_LEVEL_DEBUG, "disabled %d", i);
		log_limited(NULL, LOG_NET, LOG_LEVEL_INFO, "without limit %d", i);
	}
	clock_set_offset_ms(10000, 0);
	for (int i = 12; i < 20; i++)
		log_limited(&limit, LOG_NET, LOG_LEVEL_INFO, "first %d", i);
	log_limit_finish(&limit, LOG_NET);
	text = close_and_read();
	ck_assert_uint_eq(count(text, "INFO first"), 10);
	ck_assert_uint_eq(count(text, "INFO second"), 5);
	ck_assert_uint_eq(count(text, "INFO without limit"), 12);
	ck_assert_ptr_nonnull(strstr(text, "INFO first 12 (7 more like this were held back)\n"));
	ck_assert_ptr_nonnull(strstr(text, "INFO first 13\n"));
	ck_assert_ptr_nonnull(strstr(text, "INFO 3 more lines like \"first %d\" were held back\n"));
	ck_assert_ptr_nonnull(strstr(text, "INFO 7 more lines like \"second %d\" were held back\n"));
	ck_assert_ptr_null(strstr(text, "disabled"));
	free(text);
}
END_TEST

/* Short and long lines take different ways: each length is whole, with a count behind it as well. */
START_TEST(lines_of_every_length_are_whole)
{
	char filler[512], wanted[640], *text;

	memset(filler, 'a', sizeof(filler));
	open_file(LOG_FORMAT_PRETTY);
	clock_set_offset_ms(0, 0);
	for (int len = 320; len < 420; len++) {
		struct log_limit limit = {0};

		for (int i = 0; i < 7; i++) {
			if (i == 6)
				clock_set_offset_ms((int64_t)(len - 319) * 20000, 0);
			log_limited(&limit, LOG_NET, LOG_LEVEL_INFO, "%d%.*sz", len, len, filler);
		}
	}
	text = close_and_read();
	for (int len = 320; len < 420; len++) {
		snprintf(wanted, sizeof(wanted), "INFO %d%.*sz\n", len, len, filler);
		ck_assert_uint_eq(count(text, wanted), 5);
		snprintf(wanted, sizeof(wanted), "INFO %d%.*sz (1 more like this were held back)\n", len, len, filler);
		ck_assert_uint_eq(count(text, wanted), 1);
	}
	free(text);
}
END_TEST

#define LINE(text) log_limited(&limit, LOG_NET, LOG_LEVEL_INFO, text)

START_TEST(limit_of_one_line_too_many_takes_the_oldest_slot)
{
	struct log_limit limit = {0};
	char *text;

	_Static_assert(LOG_LIMIT_SLOTS == 16, "as many as there are lines below");
	open_file(LOG_FORMAT_PRETTY);
	for (int i = 0; i < 6; i++)
		LINE("a");
	clock_set_offset_ms(10, 0);
	LINE("b"), LINE("c"), LINE("d"), LINE("e"), LINE("f"), LINE("g"), LINE("h"), LINE("i");
	LINE("j"), LINE("k"), LINE("l"), LINE("m"), LINE("n"), LINE("o"), LINE("p"), LINE("q");
	text = close_and_read();
	/* its count is said rather than forgotten */
	ck_assert_ptr_nonnull(strstr(text, "INFO 1 more lines like \"a\" were held back\n"));
	ck_assert_uint_eq(count(text, "\n"), 5 + LOG_LIMIT_SLOTS + 1);
	free(text);
}
END_TEST

static void *write_limited(void *arg)
{
	for (int i = 0; i < LINES_EACH; i++)
		log_limited(arg, LOG_NET, LOG_LEVEL_INFO, "shared");
	return NULL;
}

/* The lines of one peer come from its worker, and from those who look at its blocks. */
START_TEST(limit_is_shared_by_threads)
{
	struct thread threads[WRITERS] = {0};
	struct log_limit limit = {0};
	char *text, held_back[64];

	open_file(LOG_FORMAT_PRETTY);
	clock_set_offset_ms(0, 0);
	for (int i = 0; i < WRITERS; i++)
		ck_assert_int_eq(thread_start(&threads[i], "writer", write_limited, &limit), 0);
	for (int i = 0; i < WRITERS; i++)
		thread_join(&threads[i]);
	log_limit_finish(&limit, LOG_NET);
	text = close_and_read();
	ck_assert_uint_eq(count(text, "INFO shared"), 5);
	snprintf(held_back, sizeof(held_back), "INFO %d more lines like \"shared\"", WRITERS * LINES_EACH - 5);
	ck_assert_ptr_nonnull(strstr(text, held_back));
	free(text);
}
END_TEST

START_TEST(without_the_log_lines_go_to_stderr)
{
	int fd = open(log_path(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int saved = dup(STDERR_FILENO);
	char *text;

	dup2(fd, STDERR_FILENO);
	log_info(LOG_NODE, "early");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	text = scratch_read(log_path());
	ck_assert_ptr_nonnull(strstr(text, "] INFO early\n"));
	free(text);
}
END_TEST

START_TEST(open_fails_without_changing_anything)
{
	struct log_config config = config_of(LOG_FORMAT_PRETTY, "/dev/null/node.log");

	config.level[LOG_NET] = LOG_LEVEL_TRACE;
	ck_assert_int_eq(log_open(&config), -ENOTDIR);
	ck_assert_int_eq((int)log_get_level(LOG_NET), LOG_LEVEL_INFO);
	ck_assert_int_eq(log_reopen(), 0);
	log_close();
	open_file(LOG_FORMAT_PRETTY);
	config.file_path = log_path();
	ck_assert_int_eq(log_open(&config), -EBUSY);
	log_close();
	/* and again after a close */
	open_file(LOG_FORMAT_PRETTY);
	log_close();
}
END_TEST

/* The end that `die` brings over a process with 200 lines queued. */
static char *log_of_a_death(void (*die)(void), int *status)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		open_file(LOG_FORMAT_PRETTY);
		crash_install("test");
		for (int i = 0; i < 200; i++)
			log_info(LOG_NODE, "line %d.", i);
		die();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, status, 0), pid);
	return scratch_read(log_path());
}

static void die_by_check(void)
{
	CHECK(2 + 2 == 5);
}

START_TEST(failed_check_is_the_last_line_of_the_log)
{
	int status;
	char *text = log_of_a_death(die_by_check, &status);
	const char *last = strstr(text, "line 199.\n");

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(last);
	ck_assert_ptr_nonnull(strstr(last, "ERROR "));
	ck_assert_ptr_nonnull(strstr(last, "check failed: 2 + 2 == 5\n"));
	free(text);
}
END_TEST

#if !SANITIZED
static void die_by_fault(void)
{
	raise(SIGSEGV);
}

START_TEST(fatal_signal_leaves_the_queued_lines)
{
	int status;
	char *text = log_of_a_death(die_by_fault, &status);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	ck_assert_ptr_nonnull(strstr(text, "line 199.\n"));
	free(text);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, scratch_make, scratch_remove);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, pretty_line_has_date_host_level_text);
	tcase_add_test(tcase, json_line_is_one_object_with_the_text_escaped);
	tcase_add_test(tcase, journald_line_has_priority_and_neither_time_nor_host);
	tcase_add_test(tcase, journal_is_recognised_by_its_stream);
	tcase_add_loop_test(tcase, control_characters_and_bad_utf8_are_escaped, 0,
			    (int)(sizeof(escapes) / sizeof(escapes[0])));
	tcase_add_loop_test(tcase, long_line_is_cut_between_characters, 0, 2);
	tcase_add_test(tcase, line_that_grows_by_escaping_is_cut_too);
	tcase_add_test(tcase, levels_are_per_category_and_change_at_run_time);
	tcase_add_test(tcase, names_are_those_of_the_configuration);
	tcase_add_test(tcase, nothing_is_lost_at_close);
	tcase_add_test(tcase, flush_waits_for_what_was_queued);
	tcase_add_test(tcase, slow_pipe_drops_lines_counts_and_reports_them);
	tcase_add_test(tcase, close_gives_up_on_a_pipe_that_nobody_reads);
	tcase_add_test(tcase, reader_of_the_pipe_goes_away);
	tcase_add_test(tcase, reopen_writes_to_the_new_file);
	tcase_add_test(tcase, reopen_that_fails_keeps_the_old_file);
	tcase_add_test(tcase, full_disk_loses_lines_and_says_so_when_there_is_room);
	tcase_add_test(tcase, torn_line_is_ended_before_the_next_one);
	tcase_add_test(tcase, repeated_lines_are_limited_with_a_count);
	tcase_add_test(tcase, lines_of_every_length_are_whole);
	tcase_add_test(tcase, limit_of_one_line_too_many_takes_the_oldest_slot);
	tcase_add_test(tcase, limit_is_shared_by_threads);
	tcase_add_test(tcase, without_the_log_lines_go_to_stderr);
	tcase_add_test(tcase, open_fails_without_changing_anything);
	tcase_add_test(tcase, failed_check_is_the_last_line_of_the_log);
#if !SANITIZED
	tcase_add_test(tcase, fatal_signal_leaves_the_queued_lines);
#endif
	return run_suite(suite);
}
