/* SPDX-License-Identifier: MIT
 *
 * time-cli: asks a running timed through its JSON-RPC.  What was typed (options.h) becomes a request (arguments.h) to a
 * daemon (target.h, session.h), and the answer is printed (print.h, getinfo.h, netinfo.h) or watched (watch.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "getinfo.h"
#include "input.h"
#include "method_table.h"
#include "netinfo.h"
#include "options.h"
#include "print.h"
#include "session.h"
#include "timed/node/version.h"
#include "timed/rpc/value.h"
#include "timed/util/clock.h"
#include "watch.h"

#define EXIT_USAGE 2

static int out_of_memory(void)
{
	fputs("time-cli: out of memory\n", stderr);
	return EXIT_FAILURE;
}

/* Two lines: what went wrong, and what to do about it. */
static int tell(const char *why)
{
	fprintf(stderr, "time-cli: %s\n", why);
	return EXIT_FAILURE;
}

static int put(struct buf *out)
{
	int r = out->error ? out_of_memory() : EXIT_SUCCESS;

	if (!out->error)
		fwrite(out->data, 1, out->len, stdout);
	buf_free(out);
	return r;
}

/* "error code: N", "error message: ..." */
static int print_error(const json_t *error, const char *method)
{
	int64_t code = json_integer_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *meant = code == RPC_METHOD_NOT_FOUND && method ? method_suggest(method) : NULL;
	struct buf text = BUF_INIT;

	print_text(&text, message ? message : "", message ? strlen(message) : 0);
	fprintf(stderr, "error code: %" PRId64 "\nerror message: %.*s", code, (int)text.len,
		text.len ? (const char *)text.data : "");
	if (meant)
		fprintf(stderr, "; did you mean %s?", meant);
	fputc('\n', stderr);
	buf_free(&text);
	return EXIT_FAILURE;
}

/* Asks and leaves the answer to the caller; else the exit code, and why is told. */
static int ask(struct session *session, struct session_answer *answer, const struct buf *request)
{
	if (request->error || session_ask(session, answer, request))
		return out_of_memory();
	return answer->outcome == SESSION_ANSWERED ? EXIT_SUCCESS : tell(answer->why);
}

static int run_getinfo(struct session *session)
{
	struct session_answer answer = {0};
	struct buf request = BUF_INIT, out = BUF_INIT;
	int code;

	getinfo_request(&request);
	code = ask(session, &answer, &request);
	if (code == EXIT_SUCCESS && session_refused(answer.json)) {
		code = print_error(session_error(answer.json), NULL);
	} else if (code == EXIT_SUCCESS) {
		getinfo_print(&out, answer.json, session_name(session), clock_real_s());
		code = put(&out);
	}
	session_answer_free(&answer);
	buf_free(&request);
	return code;
}

static int run_netinfo(struct session *session, int level)
{
	struct session_answer answer = {0};
	struct buf request = BUF_INIT, out = BUF_INIT;
	struct netinfo info = {0};
	int code;

	netinfo_request(&request);
	code = ask(session, &answer, &request);
	if (code == EXIT_SUCCESS) {
		netinfo_take(&info, answer.json, session_name(session), level, clock_real_s());
		if (info.usable) {
			netinfo_print(&out, &info);
			code = put(&out);
		} else {
			code = print_error(session_error(answer.json), NULL);
		}
	}
	netinfo_free(&info);
	session_answer_free(&answer);
	buf_free(&request);
	return code;
}

static int call(struct session *session, const char *method, json_t *params)
{
	struct session_answer answer = {0};
	struct buf request = BUF_INIT, out = BUF_INIT;
	const json_t *error;
	int code;

	session_add_request(&request, 1, method, params);
	code = ask(session, &answer, &request);
	error = session_error(answer.json);
	if (code == EXIT_SUCCESS && error) {
		code = print_error(error, method);
	} else if (code == EXIT_SUCCESS) {
		json_t *result = json_object_get(answer.json, "result");

		if (result)
			print_result(&out, result);
		code = result ? put(&out) : tell("the answer has no result");
	}
	session_answer_free(&answer);
	if (request.data)
		explicit_bzero(request.data, request.len);
	buf_free(&request);
	return code;
}

static int run_call(struct session *session, const struct cli_options *options, const struct input *input)
{
	char method[METHOD_NAME_SIZE], why[ARGUMENTS_WHY_SIZE], spelled[METHOD_NAME_SIZE];
	char *const *arguments = input->arguments;
	char *name[1] = {spelled};
	json_t *params;
	int r;

	method_spell(method, options->method);
	/* The method that help is asked about may be written in both ways too. */
	if (strcmp(method, "help") == 0 && input->argument_count == 1) {
		method_spell(spelled, arguments[0]);
		arguments = name;
	}
	r = arguments_to_json(&params, why, method_find(method), arguments, input->argument_count, options->named);
	if (r < 0)
		return out_of_memory();
	if (r) {
		fprintf(stderr, "time-cli: %s\nTry 'time-cli help %s'.\n", why, method);
		return EXIT_USAGE;
	}
	r = call(session, method, params);
	json_decref(params);
	return r;
}

static int run_command(struct session *session, const struct cli_options *options, const struct input *input)
{
	switch (options->command) {
	case CLI_GETINFO:
		return run_getinfo(session);
	case CLI_NETINFO:
		return run_netinfo(session, options->level);
	case CLI_WATCH:
		return watch_run(session, options);
	case CLI_CALL:
		break;
	}
	return run_call(session, options, input);
}

static int run(const struct cli_options *options)
{
	char why[TARGET_WHY_SIZE];
	struct session *session = NULL;
	struct target target = {0};
	struct input input;
	int code = EXIT_FAILURE, r = input_read(&input, options);

	if (!r)
		r = target_resolve(&target, why, options, input.password);
	if (r == TARGET_E_CONFIG) {
		(void)tell(why);
		code = EXIT_USAGE;
	}
	if (!r)
		r = session_open(&session, options, &target);
	if (!r)
		code = run_command(session, options, &input);
	if (r < 0)
		code = tell(strerror(-r));
	session_close(session);
	target_free(&target);
	input_free(&input);
	return code;
}

int main(int argc, char *argv[])
{
	struct cli_options options;
	int code;

	value_wipe_freed();
	if (cli_options_parse(&options, argc, argv)) {
		fputs("Try 'time-cli --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (options.help) {
		cli_options_print_help(stdout);
		code = EXIT_SUCCESS;
	} else if (options.version) {
		printf("time-cli %s (%s, commit %s)\n", TIMED_VERSION, TIMED_COMMIT_DATE, TIMED_COMMIT_COUNT);
		code = EXIT_SUCCESS;
	} else if (options.command == CLI_CALL && !options.method) {
		cli_options_print_help(stderr);
		code = EXIT_USAGE;
	} else {
		code = run(&options);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "time-cli: writing: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return code;
}
