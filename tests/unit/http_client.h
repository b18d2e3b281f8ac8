/* SPDX-License-Identifier: MIT
 *
 * An HTTP client on a socket, for tests of the server: it sends what it is told and reads one answer.
 */
#ifndef TIMED_TESTS_HTTP_CLIENT_H
#define TIMED_TESTS_HTTP_CLIENT_H

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>

/* Longer than anything here may take. */
#define PATIENCE_MS 20000

static inline void put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		ck_assert_int_gt(n, 0);
		data += n;
		len -= (size_t)n;
	}
}

static inline void put_text(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

struct reply {
	int status; /* 0: the server closed without an answer */
	char head[512];
	char body[256]; /* cut */
};

static inline bool get_byte(int fd, char *out)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "no answer");
	return recv(fd, out, 1, 0) == 1;
}

/* Reads one answer. */
static inline struct reply get(int fd)
{
	struct reply r = {0};
	size_t len = 0, body = 0;
	const char *length;

	while (!strstr(r.head, "\r\n\r\n") && len + 1 < sizeof(r.head)) {
		if (!get_byte(fd, &r.head[len]))
			return r;
		len++;
	}
	r.status = atoi(r.head + strlen("HTTP/1.1 "));
	length = strcasestr(r.head, "content-length:");
	if (length)
		body = (size_t)atoi(length + strlen("content-length:"));
	for (size_t at = 0; at < body;) {
		static char piece[65536];
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "half an answer");
		n = recv(fd, piece, body - at < sizeof(piece) ? body - at : sizeof(piece), 0);
		ck_assert_int_gt(n, 0);
		for (size_t i = 0; i < (size_t)n && at + i + 1 < sizeof(r.body); i++)
			r.body[at + i] = piece[i];
		at += (size_t)n;
	}
	return r;
}

/* The head of a request with a body of `len` bytes. */
static inline void put_head(int fd, const char *request_line, const char *headers, size_t len)
{
	char head[1024];

	snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: 127.0.0.1:24101\r\n%sContent-Length: %zu\r\n\r\n",
		 request_line, headers, len);
	put_text(fd, head);
}

static inline struct reply ask_on(int fd, const char *request_line, const char *headers, const char *body)
{
	put_head(fd, request_line, headers, strlen(body));
	put_text(fd, body);
	return get(fd);
}

/* True when the server ends the connection without a further byte. */
static inline bool is_ended(int fd)
{
	char c;

	return !get_byte(fd, &c);
}

#endif
