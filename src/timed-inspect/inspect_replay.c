// SPDX-License-Identifier: MIT
/* timed-inspect replay: plays what a peer sent in a recording against a node, as that peer would: for reports and for
 * tests that something does not happen again.  One connection at a time, one thread, one poll. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inspect.h"
#include "replay_file.h"
#include "timed/net/ip.h"
#include "timed/util/clock.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/line.h"

#define CONNECT_MS 10000
#define DEFAULT_WAIT_S 10
/* What is read and kept ahead of the socket. */
#define AHEAD_BYTES ((size_t)262144)

struct replay {
	/* From the command line. */
	bool fast, raw;
	int64_t wait_ms;
	bool has_source;
	struct net_addr source, target;
	const char *network;

	/* Of the connection at hand. */
	const struct replay_connection *connection;
	int fd;
	size_t next;	  /* line that is sent next */
	int64_t begun_us; /* monotonic, when the first one was due */
	struct buf out;	  /* to be sent */
	size_t out_sent;  /* of it */
	struct line_reader in;
	struct arena arena;	/* of the message at hand */
	bool closing;		/* all lines are on their way, and the last ping behind them ... */
	uint64_t closing_nonce; /* ... has this nonce */
	bool closed;		/* the node closed the connection */
	bool done;
	int64_t active_ms; /* monotonic, when something went by last */

	/* In all. */
	size_t sent, received, left_out, made;
	size_t sent_bytes, received_bytes;
};

/* 0; 1: it is no message. */
static int decode(struct replay *r, struct wire_message *out, const uint8_t *line, size_t len)
{
	int e;

	arena_reset(&r->arena);
	e = wire_json_decode(out, &r->arena, line, len, NULL);
	return e < 0 ? e : e > 0;
}

/* A line that is not in the recording. */
static int make(struct replay *r, const struct wire_message *message)
{
	int e = wire_json_encode(&r->out, message);

	buf_append_byte(&r->out, '\n');
	r->made++;
	return e ? e : r->out.error;
}

static int make_handshake(struct replay *r)
{
	struct wire_message m = {.type = WIRE_HANDSHAKE};

	memcpy(m.u.handshake.magic, "TIME", sizeof(m.u.handshake.magic));
	m.u.handshake.protocol_version = 1;
	m.u.handshake.network = (struct wire_str){r->network, strlen(r->network)};
	return make(r, &m);
}

static int make_closing_ping(struct replay *r)
{
	struct wire_message m = {.type = WIRE_PING};

	if (getrandom(&r->closing_nonce, sizeof(r->closing_nonce), 0) != (ssize_t)sizeof(r->closing_nonce))
		return -errno;
	m.u.ping.nonce = r->closing_nonce;
	m.u.ping.timestamp = clock_real_s();
	r->closing = true;
	return make(r, &m);
}

/* What answers a node of another time would only confuse this one. */
static bool is_left_out(struct replay *r, const struct replay_line *line)
{
	struct wire_message m;

	return !r->raw && decode(r, &m, line->bytes, line->len) == 0 && (m.type == WIRE_PONG || m.type == WIRE_ACK);
}

/* Monotonic, when the next line is due; INT64_MAX: there is none. */
static int64_t due_us(const struct replay *r)
{
	const struct replay_connection *c = r->connection;

	if (r->next == c->count)
		return INT64_MAX;
	return r->fast ? r->begun_us : r->begun_us + (c->lines[r->next].time_us - c->lines[0].time_us);
}

/* Puts what is due behind what is to be sent. */
static int fill(struct replay *r)
{
	const struct replay_connection *c = r->connection;

	while (r->out.len - r->out_sent < AHEAD_BYTES && due_us(r) <= clock_mono_us()) {
		const struct replay_line *line = &c->lines[r->next++];

		if (is_left_out(r, line)) {
			r->left_out++;
			continue;
		}
		buf_append(&r->out, line->bytes, line->len);
		buf_append_byte(&r->out, '\n');
		r->sent++;
	}
	if (r->next == c->count && !r->raw && !r->closing)
		return make_closing_ping(r);
	return r->out.error;
}

static int send_some(struct replay *r)
{
	ssize_t n = send(r->fd, r->out.data + r->out_sent, r->out.len - r->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0) /* what the node said before may still be read */
		r->out_sent = r->out.len;
	else
		r->out_sent += (size_t)n;
	r->sent_bytes += n > 0 ? (size_t)n : 0;
	r->active_ms = clock_mono_ms();
	if (r->out_sent == r->out.len) {
		buf_reset(&r->out);
		r->out_sent = 0;
	}
	return 0;
}

/* A line of the node: printed, and answered as a good peer does when it is a ping. */
static int take_line(struct replay *r, const uint8_t *line, size_t len)
{
	struct wire_message m, pong = {.type = WIRE_PONG};
	int e;

	fwrite(line, 1, len, stdout);
	putchar('\n');
	r->received++;
	if (r->raw)
		return 0;
	e = decode(r, &m, line, len);
	if (e)
		return e < 0 ? e : 0;
	if (m.type == WIRE_PONG && r->closing && m.u.pong.nonce == r->closing_nonce)
		r->done = true;
	if (m.type != WIRE_PING)
		return 0;
	pong.u.pong.nonce = m.u.ping.nonce;
	pong.u.pong.timestamp = clock_real_s();
	return make(r, &pong);
}

static int receive_some(struct replay *r)
{
	const uint8_t *line;
	uint8_t *space;
	size_t len;
	ssize_t n;
	int e = line_reader_space(&r->in, &space, &len);

	if (e)
		return e;
	n = recv(r->fd, space, len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		r->closed = true;
		return 0;
	}
	r->active_ms = clock_mono_ms();
	r->received_bytes += (size_t)n;
	line_reader_commit(&r->in, (size_t)n);
	while (!e && (e = line_reader_next(&r->in, &line, &len)) == 0)
		e = take_line(r, line, len);
	return e == LINE_E_AGAIN ? 0 : e;
}

/* Nothing is to come from us before the node takes or says something. */
static bool is_its_turn(const struct replay *r)
{
	return r->next == r->connection->count || r->out.len - r->out_sent >= AHEAD_BYTES;
}

/* Until the next line is due, or the node has done nothing for too long. */
static int timeout_ms(const struct replay *r)
{
	int64_t wait_ms = r->active_ms + r->wait_ms - clock_mono_ms();

	if (!is_its_turn(r))
		wait_ms = (due_us(r) - clock_mono_us() + 999) / 1000;
	if (wait_ms < 0)
		return 0;
	return wait_ms > 60000 ? 60000 : (int)wait_ms;
}

/* Sends and receives until the node has answered everything, closes, or is silent.  0, or -ENOMEM. */
static int converse(struct replay *r)
{
	int e = 0;

	while (!e && !r->done && !r->closed) {
		struct pollfd fd = {.fd = r->fd, .events = POLLIN};

		e = fill(r);
		if (e || (is_its_turn(r) && clock_mono_ms() - r->active_ms >= r->wait_ms))
			break;
		if (r->out_sent < r->out.len)
			fd.events |= POLLOUT;
		if (poll(&fd, 1, timeout_ms(r)) < 0 && errno != EINTR)
			return -errno;
		if (fd.revents & POLLOUT)
			e = send_some(r);
		if (!e && (fd.revents & (POLLIN | POLLHUP | POLLERR)))
			e = receive_some(r);
	}
	return e;
}

static int open_connection(const struct replay *r)
{
	struct sockaddr_storage to, from;
	socklen_t to_len = net_addr_to_sockaddr(&to, &r->target), from_len = net_addr_to_sockaddr(&from, &r->source);
	struct timeval limit = {.tv_sec = CONNECT_MS / 1000};
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	/* The same limit holds for the connect. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    (!r->has_source || bind(fd, (struct sockaddr *)&from, from_len) == 0) &&
	    connect(fd, (struct sockaddr *)&to, to_len) == 0)
		return fd;
	error = errno == EINPROGRESS ? ETIMEDOUT : errno;
	close(fd);
	return -error;
}

/* The peer was dialled, or the recording began late: it has no handshake of its own. */
static bool lacks_handshake(struct replay *r)
{
	const struct replay_line *first = &r->connection->lines[0];
	struct wire_message m;

	return !r->raw && (decode(r, &m, first->bytes, first->len) != 0 || m.type != WIRE_HANDSHAKE);
}

/* How it went, in words; NULL: well. */
static const char *failure(const struct replay *r)
{
	if (r->closed)
		return "the node closed the connection";
	if (!r->raw && !r->done)
		return "the node does not answer";
	return NULL;
}

/* EXIT_SUCCESS, or EXIT_FAILURE and the reason is printed. */
static int play(struct replay *r, const struct replay_connection *connection)
{
	char text[NET_ADDR_TEXT_SIZE];
	const char *why;
	int e;

	r->connection = connection;
	r->next = 0;
	r->closing = r->closed = r->done = false;
	r->fd = open_connection(r);
	if (r->fd < 0) {
		net_addr_text(text, &r->target);
		return inspect_file_error(text, -r->fd);
	}
	buf_reset(&r->out);
	r->out_sent = 0;
	line_reader_init(&r->in, INSPECT_MAX_LINE_BYTES);
	r->begun_us = clock_mono_us();
	r->active_ms = clock_mono_ms();
	e = lacks_handshake(r) ? make_handshake(r) : 0;
	if (!e)
		e = converse(r);
	line_reader_free(&r->in);
	close(r->fd);
	if (e == -ENOMEM)
		return inspect_out_of_memory();
	why = e ? "the node sends a line that is too long" : failure(r);
	if (!why)
		return EXIT_SUCCESS;
	fflush(stdout);
	fprintf(stderr, "timed-inspect: connection %" PRIu64 ", line %zu of %zu: %s\n", connection->id, r->next,
		connection->count, why);
	return EXIT_FAILURE;
}

/* `only`: 0, or the number of the one connection that is played. */
static int play_file(struct replay *r, const struct replay_file *file, uint64_t only)
{
	int code = EXIT_SUCCESS;
	size_t played = 0;

	for (size_t i = 0; i < file->count && code == EXIT_SUCCESS; i++) {
		if (only > 0 && file->connections[i].id != only)
			continue;
		played++;
		code = play(r, &file->connections[i]);
	}
	fflush(stdout);
	if (played == 0) {
		fputs("timed-inspect: the recording has no line of the peer to play\n", stderr);
		return EXIT_FAILURE;
	}
	if (file->lost)
		fputs("timed-inspect: the recording says that something is missing in it\n", stderr);
	fprintf(stderr,
		"connections: %zu, lines played: %zu, left out: %zu, made: %zu, bytes sent: %zu, lines received: %zu, "
		"bytes received: %zu\n",
		played, r->sent, r->left_out + file->incomplete, r->made, r->sent_bytes, r->received,
		r->received_bytes);
	return code;
}

/* A number from 1 to `max`; 0: it is none. */
static uint64_t read_number(const char *text, uint64_t max)
{
	char *end;
	uint64_t number;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	number = strtoull(text, &end, 10);
	return errno || *end || number > max ? 0 : number;
}

/* 0, or INSPECT_USAGE and the mistake is printed. */
static int read_options(struct replay *r, uint64_t *only, struct inspect_options *options)
{
	const char *option, *value;

	while ((option = inspect_options_next(options))) {
		if (inspect_option_is(options, "--fast")) {
			r->fast = true;
		} else if (inspect_option_is(options, "--raw")) {
			r->raw = true;
		} else if (inspect_option_value(options, "--wait", &value)) {
			r->wait_ms = (int64_t)read_number(value, 3600) * 1000;
			if (r->wait_ms == 0)
				return inspect_usage_error("--wait: expected seconds, 1 to 3600, not: ", value);
		} else if (inspect_option_value(options, "--connection", &value)) {
			*only = read_number(value, INT64_MAX);
			if (*only == 0)
				return inspect_usage_error("--connection: expected its number, not: ", value);
		} else if (inspect_option_value(options, "--source", &value)) {
			r->has_source = true;
			if (net_addr_parse(&r->source, value, strlen(value), 0) || r->source.port != 0)
				return inspect_usage_error("--source: expected an IP, not: ", value);
		} else {
			return inspect_usage_error("unknown option: ", option);
		}
	}
	return 0;
}

static int inspect_replay(int argc, char *argv[])
{
	struct replay r = {.wait_ms = DEFAULT_WAIT_S * 1000};
	struct inspect_options options;
	char error[REPLAY_ERROR_SIZE];
	struct chain_params params;
	struct replay_file file;
	uint64_t only = 0;
	int code;

	inspect_options_init(&options, argc, argv);
	if (read_options(&r, &only, &options))
		return INSPECT_USAGE;
	if (options.operands != 2)
		return inspect_usage_error("replay: expected a file and an address", "");
	code = replay_file_read(&file, argv[1], error);
	if (code == -EINVAL) {
		fprintf(stderr, "timed-inspect: %s: %s\n", argv[1], error);
		return EXIT_FAILURE;
	}
	if (code)
		return inspect_file_error(argv[1], -code);
	chain_params_init(&params, file.network);
	r.network = params.name;
	if (net_addr_parse(&r.target, argv[2], strlen(argv[2]), params.p2p_port)) {
		code = inspect_usage_error("replay: expected IP or IP:PORT, not: ", argv[2]);
	} else {
		arena_init(&r.arena, SIZE_MAX, NULL);
		code = play_file(&r, &file, only);
		arena_free(&r.arena);
		buf_free(&r.out);
	}
	replay_file_free(&file);
	return code;
}

const struct inspect_command inspect_replay_command = {
	.name = "replay",
	.run = inspect_replay,
	.summary = "play what a peer sent in a recording against a node",
	.help = "Usage: timed-inspect replay [OPTION]... FILE ADDRESS\n"
		"\n"
		"Connects to the node at ADDRESS (IP or IP:PORT) and sends it the lines that the peer\n"
		"sent in FILE, which the RPC method recordwire of a node has written: connection by\n"
		"connection, at the pace at which they came.  What the node says is printed, one line\n"
		"of it a line; at the end how much went by is written to standard error.\n"
		"\n"
		"The handshake is played as it was.  Where there is none, because the peer was dialled\n"
		"or the recording began later, one is made.  Pongs and Acks of the recording are left\n"
		"out, and the pings of this node are answered.  A ping behind the last line, answered by\n"
		"its pong, ends each connection: the node has then handled all of it.\n"
		"\n"
		"  --fast             send everything at once\n"
		"  --raw              send exactly what was recorded, and answer nothing\n"
		"  --connection N     play this one only\n"
		"  --source IP        connect from this address\n"
		"  --wait SECONDS     give up when the node has been silent for so long after the last\n"
		"                     line (with --raw: that is the end); 10 unless told\n"
		"  --help             print this\n"
		"\n"
		"Exit code: 0 when the node took everything and answered to the end; 1 when it cannot be\n"
		"reached, closes the connection or falls silent before, or FILE is no recording; 2 for\n"
		"wrong usage.\n",
};
