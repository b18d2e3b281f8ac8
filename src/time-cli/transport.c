// SPDX-License-Identifier: MIT
/* See transport.h. */
#include "transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 5L
#define MAX_FDS 4
/* More than any answer of the daemon. */
#define MAX_ANSWER_BYTES ((size_t)512 << 20)

struct transport {
	CURLM *multi;
	CURL *easy;		    /* the one request */
	struct curl_slist *headers; /* of every request */
	bool running;		    /* `easy` is in `multi` */
	bool too_long;		    /* the answer was cut off */
	char *request;		    /* its body */
	char error[CURL_ERROR_SIZE];
	struct transport_answer answer;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
	struct transport *t = user;

	t->too_long = t->answer.body.len + size * count > MAX_ANSWER_BYTES;
	if (t->too_long)
		return 0;
	buf_append(&t->answer.body, bytes, size * count);
	return t->answer.body.error ? 0 : size * count;
}

static void set_up(struct transport *t, const char *url, int64_t timeout_s)
{
	curl_easy_setopt(t->easy, CURLOPT_URL, url);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	/* On a used connection that dies curl would send a request again, which may have been carried out. */
	curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, (long)timeout_s);
	curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
}

int transport_open(struct transport **out, const char *url, int64_t timeout_s)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		t->multi = curl_multi_init();
		t->easy = curl_easy_init();
		t->headers = curl_slist_append(NULL, "Content-Type: application/json");
	}
	if (!t->multi || !t->easy || !t->headers) {
		transport_close(t);
		return -ENOMEM;
	}
	set_up(t, url, timeout_s);
	*out = t;
	return 0;
}

static void stop(struct transport *t)
{
	if (t->running)
		(void)curl_multi_remove_handle(t->multi, t->easy);
	t->running = false;
}

int transport_begin(struct transport *t, const char *body, size_t len, const char *credentials)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	stop(t);
	free(t->request);
	memcpy(copy, body, len);
	copy[len] = 0;
	t->request = copy;
	buf_free(&t->answer.body);
	t->answer = (struct transport_answer){0};
	t->error[0] = 0;
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->request);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	if (curl_easy_setopt(t->easy, CURLOPT_USERPWD, credentials) != CURLE_OK ||
	    curl_multi_add_handle(t->multi, t->easy) != CURLM_OK)
		return -ENOMEM;
	t->running = true;
	return 0;
}

static void finish(struct transport *t, CURLcode code)
{
	struct transport_answer *a = &t->answer;
	long error = 0, sent = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	(void)curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a->status);
	a->came = code == CURLE_OK;
	a->refused = code == CURLE_COULDNT_CONNECT;
	a->sent = sent > 0;
	if (code == CURLE_COULDNT_CONNECT && error)
		snprintf(a->why, sizeof(a->why), "%s", strerror((int)error));
	else if (t->too_long || a->body.error)
		snprintf(a->why, sizeof(a->why), "its answer is too long");
	else if (code != CURLE_OK)
		snprintf(a->why, sizeof(a->why), "%s", t->error[0] ? t->error : curl_easy_strerror(code));
	stop(t);
}

/* Moves things on; true when the request is over. */
static bool step(struct transport *t)
{
	CURLMsg *message;
	int running, left;

	if (curl_multi_perform(t->multi, &running) != CURLM_OK) {
		finish(t, CURLE_OUT_OF_MEMORY);
		return true;
	}
	while ((message = curl_multi_info_read(t->multi, &left))) {
		if (message->msg == CURLMSG_DONE) {
			finish(t, message->data.result);
			return true;
		}
	}
	return false;
}

bool transport_wait(struct transport *t, const struct transport_answer **answer, struct pollfd *fds, unsigned count,
		    int timeout_ms)
{
	struct curl_waitfd extra[MAX_FDS];
	int happened;

	*answer = &t->answer;
	for (;;) {
		if (t->running && step(t))
			return true;
		for (unsigned i = 0; i < count; i++)
			extra[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
		if (curl_multi_poll(t->multi, extra, count, timeout_ms < 0 ? 1000 : timeout_ms, &happened) != CURLM_OK)
			return false;
		for (unsigned i = 0; i < count; i++)
			fds[i].revents = extra[i].revents ? POLLIN : 0;
		if (timeout_ms >= 0)
			return t->running && step(t);
		for (unsigned i = 0; i < count; i++) {
			if (fds[i].revents)
				return false;
		}
	}
}

void transport_close(struct transport *t)
{
	if (!t)
		return;
	stop(t);
	curl_easy_cleanup(t->easy);
	curl_multi_cleanup(t->multi);
	curl_slist_free_all(t->headers);
	buf_free(&t->answer.body);
	if (t->request)
		explicit_bzero(t->request, strlen(t->request));
	free(t->request);
	free(t);
	curl_global_cleanup();
}
