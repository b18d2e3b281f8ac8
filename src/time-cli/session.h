/* SPDX-License-Identifier: MIT
 *
 * JSON-RPC with one daemon: requests out, answers in, and what is to be told to a person when there is none.
 *
 * Thread safety: one owner.
 */
#ifndef TIME_CLI_SESSION_H
#define TIME_CLI_SESSION_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "target.h"
#include "timeproto/base/buf.h"

struct session;

#define SESSION_WHY_SIZE 1024

enum session_outcome {
	SESSION_ANSWERED, /* `json` is there: of a request, or of each request of a batch */
	SESSION_AWAY,	  /* nobody answers, or not yet: another try may do better */
	SESSION_REFUSED,  /* somebody answers, and another try does not help */
};

struct session_answer {
	enum session_outcome outcome;
	bool cookie_refused;	    /* why it is away: it has another cookie than the one in the file */
	json_t *json;		    /* owned; NULL without SESSION_ANSWERED */
	char why[SESSION_WHY_SIZE]; /* without SESSION_ANSWERED: for a person, with a hint in its second line */
};

/* Takes the target over.  0 or -ENOMEM. */
int session_open(struct session **out, const struct cli_options *options, struct target *target)
	__attribute__((warn_unused_result));
void session_close(struct session *session);
/* 127.0.0.1:24101 */
const char *session_name(const struct session *session);

/* Appends one request to the text of a batch or of a request alone. */
void session_add_request(struct buf *text, int id, const char *method, json_t *params);
/* Appends a batch of methods without parameters; their ids are their places. */
void session_add_batch(struct buf *text, const char *const *methods, size_t count);
/* Asks, and waits for the answer; with --rpcwait also for the daemon.  0 or -ENOMEM. */
int session_ask(struct session *session, struct session_answer *answer, const struct buf *request)
	__attribute__((warn_unused_result));

/* The same in two steps, without --rpcwait.  What cannot even be sent is an answer too, which the next session_wait()
 * gives at once. */
int session_begin(struct session *session, const struct buf *request) __attribute__((warn_unused_result));
/* As transport_wait(), also where nothing was asked: then it waits for the descriptors and the time. */
bool session_wait(struct session *session, struct session_answer *answer, struct pollfd *fds, unsigned count,
		  int timeout_ms);
void session_answer_free(struct session_answer *answer);

/* The result with this id in the answer to a batch; NULL when that request failed.  Borrowed. */
json_t *session_result(const json_t *batch, int id);
/* The error object of an answer to a single request, or of the first element of a batch that has one; NULL: none.
 * Borrowed. */
json_t *session_error(const json_t *answer);
/* The answer to a batch holds nothing to show: no result, or not all of them, since the daemon was just starting.  Why
 * is in session_error(). */
bool session_refused(const json_t *batch);

#endif
