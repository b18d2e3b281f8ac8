/* SPDX-License-Identifier: MIT
 *
 * Raw sockets that speak to a network of net_fixture.h, line by line.
 */
#ifndef TESTS_UNIT_NET_RAW_H
#define TESTS_UNIT_NET_RAW_H

#include "net_fixture.h"

#define RAW_HANDSHAKE "{\"Handshake\":{\"magic\":[84,73,77,69],\"protocol_version\":1,\"network\":\"raw\"}}\n"
#define RAW_LINE_BYTES 65536

struct raw {
	int fd;
	size_t len; /* of `buffer` */
	char buffer[RAW_LINE_BYTES];
	char line[RAW_LINE_BYTES]; /* the last one that raw_line() gave */
};

static inline void raw_adopt(struct raw *raw, int fd)
{
	ck_assert_int_ge(fd, 0);
	raw->fd = fd;
	raw->len = 0;
}

/* A connection from this IP. */
static inline void raw_connect(struct raw *raw, const char *from, const struct net_addr *to)
{
	struct net_addr source = {.ip = ip_of(from)};
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(&sa, &source);

	raw_adopt(raw, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	ck_assert_int_eq(bind(raw->fd, (struct sockaddr *)&sa, len), 0);
	len = net_addr_to_sockaddr(&sa, to);
	ck_assert_int_eq(connect(raw->fd, (struct sockaddr *)&sa, len), 0);
}

static inline void raw_send(struct raw *raw, const char *text)
{
	size_t len = strlen(text);

	ck_assert_int_eq(send(raw->fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void raw_close(struct raw *raw)
{
	close(raw->fd);
	raw->fd = -1;
}

/* The next line, without its newline, in raw->line; false: the connection has ended. */
static inline bool raw_line(struct raw *raw)
{
	for (;;) {
		char *end = memchr(raw->buffer, '\n', raw->len);
		struct pollfd p = {.fd = raw->fd, .events = POLLIN};
		ssize_t n;

		if (end) {
			size_t len = (size_t)(end - raw->buffer);

			memcpy(raw->line, raw->buffer, len);
			raw->line[len] = '\0';
			raw->len -= len + 1;
			memmove(raw->buffer, end + 1, raw->len);
			return true;
		}
		ck_assert_uint_lt(raw->len, sizeof(raw->buffer));
		ck_assert_msg(poll(&p, 1, NET_FIXTURE_PATIENCE_MS) == 1, "nothing comes");
		n = recv(raw->fd, raw->buffer + raw->len, sizeof(raw->buffer) - raw->len, 0);
		if (n <= 0)
			return false;
		raw->len += (size_t)n;
	}
}

/* Reads up to the line that begins so; false: the connection ended before. */
static inline bool raw_await(struct raw *raw, const char *begin)
{
	while (raw_line(raw)) {
		if (strncmp(raw->line, begin, strlen(begin)) == 0)
			return true;
	}
	return false;
}

static inline void raw_await_end(struct raw *raw)
{
	while (raw_line(raw))
		continue;
}

/* Connected and past the handshake, without a Version: like an existing node. */
static inline void raw_join(struct raw *raw, const char *from, const struct net_addr *to)
{
	raw_connect(raw, from, to);
	raw_send(raw, RAW_HANDSHAKE);
	ck_assert(raw_await(raw, "{\"Ack\""));
}

/* Answers the ping that raw->line holds. */
static inline void raw_pong(struct raw *raw)
{
	char pong[256];

	ck_assert_msg(strncmp(raw->line, "{\"Ping\"", 7) == 0, "no ping: %s", raw->line);
	snprintf(pong, sizeof(pong), "{\"Pong\"%s\n", raw->line + 7);
	raw_send(raw, pong);
}

#endif
