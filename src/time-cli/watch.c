// SPDX-License-Identifier: MIT
/* See watch.h.  One loop waits for the daemon, the keys and the signals at once, so that none of them holds up another:
 * a daemon that hangs leaves the keys working, and one that goes away is asked again until it is back. */
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "netinfo.h"
#include "print.h"
#include "terminal.h"
#include "timed/util/clock.h"
#include "timed/util/file.h"

/* Of an answer: then the daemon is said to hang. */
#define SLOW_MS 3000
/* And then it is asked anew: it may have been another one behind a line that is dead. */
#define GIVE_UP_MS 30000
/* Lines of a screen beside the rows of the table: title, state, titles of the columns, blank, counts, keys. */
#define FRAME_LINES 6
#define LINE_SIZE 512

struct watch {
	struct session *session;
	const struct cli_options *options;
	struct buf request;
	bool live; /* in a terminal */
	struct terminal terminal;
	int signal_fd;
	int level;
	bool level_given;	 /* else it is less where there is no room */
	size_t scroll;		 /* rows of the table above the first that is shown */
	json_t *shown;		 /* last answer; NULL: none yet */
	int64_t shown_s;	 /* when it came, Unix seconds */
	char trouble[LINE_SIZE]; /* why there is no newer one; "": there is */
	bool asking;		 /* a request is out */
	int64_t asked_ms;	 /* since then */
	int64_t next_ms;	 /* when to ask again */
	bool quit;
	int code; /* exit code */
};

__attribute__((format(printf, 3, 4))) static void add_line(struct buf *out, size_t columns, const char *format, ...)
{
	char text[LINE_SIZE];
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	buf_append(out, text, strnlen(text, len < 0 ? 0 : columns));
	buf_append_byte(out, '\n');
}

static bool is_slow(const struct watch *w)
{
	return w->asking && clock_mono_ms() - w->asked_ms >= SLOW_MS;
}

/* The state of things, when it is not good: in reverse. */
static void add_trouble(struct buf *out, const struct watch *w, size_t columns)
{
	char age[LAYOUT_SHORT_SIZE], text[LINE_SIZE + 128];
	bool slow = is_slow(w);

	if (!w->trouble[0] && !slow) {
		buf_append_byte(out, '\n');
		return;
	}
	layout_age(age, clock_real_s() - w->shown_s);
	snprintf(text, sizeof(text), "%s%s%s%s", w->shown ? "no news for " : "", w->shown ? age : "",
		 w->shown ? ": " : "", slow ? "the daemon does not answer" : w->trouble);
	buf_append_text(out, "\033[7m");
	buf_append(out, text, strnlen(text, columns));
	buf_append_text(out, "\033[0m\n");
}

static void add_table(struct buf *out, struct watch *w, const struct netinfo *info, size_t columns, size_t rows)
{
	size_t room = rows > FRAME_LINES ? rows - FRAME_LINES : 1, count = info->peers.row_count;

	if (w->level == 0) {
		netinfo_print_counts(out, info);
		return;
	}
	if (w->scroll + room > count)
		w->scroll = count > room ? count - room : 0;
	layout_print(out, &info->peers, columns, w->scroll, room);
	buf_append_byte(out, '\n');
	netinfo_print_counts_line(out, info);
}

/* The bottom line: which keys there are, and which rows are shown. */
static void add_keys(struct buf *out, const struct watch *w, const struct netinfo *info, size_t columns, size_t rows)
{
	size_t room = rows > FRAME_LINES ? rows - FRAME_LINES : 1, count = info->peers.row_count;
	char part[64] = "";

	if (count > room)
		snprintf(part, sizeof(part), ", arrows scroll: %zu to %zu of %zu", w->scroll + 1, w->scroll + room,
			 count);
	add_line(out, columns, "q quits, 0 to 4 change the columns%s", part);
}

/* What is too long for the screen is cut at its end. */
static void cut_lines(struct buf *lines, size_t rows)
{
	size_t seen = 0;

	for (size_t i = 0; i < lines->len; i++) {
		seen += lines->data[i] == '\n';
		if (seen == rows) {
			lines->len = i + 1;
			return;
		}
	}
}

/* Cuts the lines that others have made; there are no escape sequences in them. */
static void append_cut(struct buf *out, const struct buf *lines, size_t columns)
{
	size_t column = 0;

	for (size_t i = 0; i < lines->len; i++) {
		column = lines->data[i] == '\n' ? 0 : column + 1;
		if (column <= columns)
			buf_append_byte(out, lines->data[i]);
	}
}

/* The table at its level, or at a lower one that shows addresses on a narrow screen. */
static void take_fitting(struct netinfo *info, const struct watch *w, size_t columns)
{
	netinfo_take(info, w->shown, session_name(w->session), w->level, w->shown_s);
	if (w->level_given || layout_width(&info->peers) <= columns)
		return;
	netinfo_free(info);
	netinfo_take(info, w->shown, session_name(w->session), NETINFO_LEVEL_ADDRESS, w->shown_s);
}

static void draw(struct watch *w)
{
	struct buf lines = BUF_INIT, table = BUF_INIT;
	struct netinfo info = {0};
	size_t columns, rows;

	terminal_size(&columns, &rows);
	if (w->shown) {
		take_fitting(&info, w, columns);
		append_cut(&lines, &info.title, columns);
	} else {
		add_line(&lines, columns, "timed at %s", session_name(w->session));
	}
	add_trouble(&lines, w, columns);
	if (w->shown) {
		add_table(&table, w, &info, columns, rows);
		append_cut(&lines, &table, columns);
	}
	add_keys(&lines, w, &info, columns, rows);
	cut_lines(&lines, rows);
	if (lines.error || terminal_show(&lines)) {
		w->quit = true;
		w->code = EXIT_FAILURE;
	}
	netinfo_free(&info);
	buf_free(&lines);
	buf_free(&table);
}

/* Where there is no terminal: the whole table, or the trouble, each time. */
static void print_plain(struct watch *w)
{
	struct buf out = BUF_INIT;
	struct netinfo info;

	if (w->trouble[0]) {
		fprintf(stderr, "time-cli: %s\n", w->trouble);
		w->code = EXIT_FAILURE;
	} else {
		netinfo_take(&info, w->shown, session_name(w->session), w->level, w->shown_s);
		netinfo_print(&out, &info);
		netinfo_free(&info);
		if (!w->options->once)
			buf_append_byte(&out, '\n');
		w->code = EXIT_SUCCESS;
	}
	if (out.error || file_write_all(STDOUT_FILENO, out.data, out.len)) {
		w->quit = true;
		w->code = EXIT_FAILURE;
	}
	buf_free(&out);
}

static void show(struct watch *w)
{
	if (w->live)
		draw(w);
	else
		print_plain(w);
}

static void ask(struct watch *w)
{
	if (session_begin(w->session, &w->request)) {
		w->quit = true;
		w->code = EXIT_FAILURE;
		return;
	}
	w->asking = true;
	w->asked_ms = clock_mono_ms();
}

/* The first line of a reason; its second is a hint for who does not look on. */
static void set_trouble(struct watch *w, const char *why)
{
	struct buf shown = BUF_INIT;

	print_cell(&shown, why, strcspn(why, "\n"));
	buf_append_byte(&shown, 0);
	snprintf(w->trouble, sizeof(w->trouble), "%s", shown.error ? "out of memory" : (const char *)shown.data);
	buf_free(&shown);
}

static void take_answer(struct watch *w, struct session_answer *answer)
{
	w->asking = false;
	w->next_ms = w->asked_ms + w->options->interval_ms;
	if (answer->outcome != SESSION_ANSWERED) {
		set_trouble(w, answer->why);
	} else if (!netinfo_usable(answer->json)) {
		const char *why = json_string_value(json_object_get(session_error(answer->json), "message"));

		set_trouble(w, why ? why : "the daemon does not tell its peers");
	} else {
		json_decref(w->shown);
		w->shown = json_incref(answer->json);
		w->shown_s = clock_real_s();
		w->trouble[0] = 0;
	}
	session_answer_free(answer);
	show(w);
	w->quit |= w->options->once;
}

static void take_key(struct watch *w)
{
	size_t columns, rows, page;

	terminal_size(&columns, &rows);
	page = rows > FRAME_LINES ? rows - FRAME_LINES : 1;
	switch (terminal_key(&w->level)) {
	case TERMINAL_KEY_QUIT:
	case TERMINAL_KEY_GONE:
		w->quit = true;
		break;
	case TERMINAL_KEY_UP:
		w->scroll -= w->scroll > 0;
		break;
	case TERMINAL_KEY_DOWN:
		w->scroll++;
		break;
	case TERMINAL_KEY_PAGE_UP:
		w->scroll -= w->scroll > page ? page : w->scroll;
		break;
	case TERMINAL_KEY_PAGE_DOWN:
		w->scroll += page;
		break;
	case TERMINAL_KEY_LEVEL:
		w->level_given = true;
		break;
	case TERMINAL_KEY_NONE:
		break;
	}
	if (!w->quit)
		draw(w);
}

/* Ctrl-Z: the terminal is given back as it was, and taken again later. */
static void suspend(struct watch *w)
{
	terminal_close(&w->terminal);
	(void)kill(getpid(), SIGSTOP);
	if (terminal_open(&w->terminal))
		w->quit = true;
}

static void take_signal(struct watch *w)
{
	struct signalfd_siginfo info;

	if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP)
		suspend(w);
	else if (info.ssi_signo != SIGWINCH)
		w->quit = true;
	if (!w->quit && w->live)
		draw(w);
}

/* Until the next thing is due; a table that stands still is drawn again once a second, for its times. */
static int wait_ms(const struct watch *w)
{
	int64_t ms = w->asking ? 1000 : w->next_ms - clock_mono_ms();

	return ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
}

static void run(struct watch *w)
{
	struct pollfd fds[2] = {{.fd = w->signal_fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
	unsigned count = w->live && w->terminal.keys ? 2 : 1;
	struct session_answer answer;

	while (!w->quit) {
		bool there;

		if (!w->asking && clock_mono_ms() >= w->next_ms) {
			ask(w);
			continue;
		}
		if (w->asking && clock_mono_ms() - w->asked_ms >= GIVE_UP_MS) {
			set_trouble(w, "the daemon does not answer");
			show(w);
			ask(w);
		}
		there = session_wait(w->session, &answer, fds, count, wait_ms(w));
		if (fds[0].revents)
			take_signal(w);
		if (count > 1 && fds[1].revents && !w->quit)
			take_key(w);
		if (there && w->asking)
			take_answer(w, &answer);
		else if (w->live && !w->quit && is_slow(w))
			draw(w);
	}
}

static int take_signals(bool live)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (live) {
		sigaddset(&set, SIGWINCH);
		sigaddset(&set, SIGTSTP);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int watch_run(struct session *session, const struct cli_options *options)
{
	struct watch w = {
		.session = session,
		.options = options,
		.level = options->level,
		.level_given = options->level_given,
		.live = terminal_there() && !options->once,
		.request = BUF_INIT,
	};

	netinfo_request(&w.request);
	w.signal_fd = take_signals(w.live);
	if (w.signal_fd < 0 || w.request.error || (w.live && terminal_open(&w.terminal))) {
		fprintf(stderr, "time-cli: %s\n", strerror(errno));
		w.quit = true;
		w.code = EXIT_FAILURE;
		w.live = false;
	}
	if (w.live)
		draw(&w);
	run(&w);
	if (w.live)
		terminal_close(&w.terminal);
	if (w.signal_fd >= 0)
		close(w.signal_fd);
	json_decref(w.shown);
	buf_free(&w.request);
	return w.code;
}
