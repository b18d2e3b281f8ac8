/* SPDX-License-Identifier: MIT
 *
 * The daemon: command line, signals, and the order in which node and RPC come and go.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timed/node/config.h"
#include "timed/node/import.h"
#include "timed/node/node.h"
#include "timed/node/options.h"
#include "timed/node/service.h"
#include "timed/node/version.h"
#include "timed/rpc/rpc.h"
#include "timed/util/crash.h"
#include "timed/util/crash_point.h"
#include "timed/util/log.h"
#include "timed/util/stop_signal.h"
#include "timed/util/thread.h"

#define EXIT_USAGE 2
#define VERSION_TEXT "timed " TIMED_VERSION " (" TIMED_COMMIT_DATE ", commit " TIMED_COMMIT_COUNT ")"
/* A thousand workers share this many heaps: one each would cost every idle peer a heap of its own. */
#define MALLOC_ARENAS 2

/* Where a debugger finds everything (deploy/gdb/timed.py): the node and its RPC, while they are open, else NULL.  No code
 * reads them. */
extern struct node *volatile timed_node;
extern struct rpc *volatile timed_rpc;
__attribute__((used)) struct node *volatile timed_node;
__attribute__((used)) struct rpc *volatile timed_rpc;

/* What main itself waits for; every other thread inherits the block. */
static void block_signals(sigset_t *set)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	stop_signal_set(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGUSR2); /* node_request_stop */
	CHECK(pthread_sigmask(SIG_BLOCK, set, NULL) == 0);
	CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

static int open_log(const struct config *config)
{
	struct log_config log;
	int r;

	config_log(config, &log);
	log.journald = log_stdout_is_journal();
	r = log_open(&log);
	if (r)
		fprintf(stderr, "timed: log file %s: %s\n", log.file_path ? log.file_path : "(stdout)", strerror(-r));
	return r;
}

/* SIGHUP: the log file is opened anew and the log levels are read again; nothing else changes. */
static void reload(const struct options *options)
{
	struct config_messages messages = {0};
	struct config *config = NULL;
	struct log_config log;

	if (log_reopen())
		log_error(LOG_NODE, "The log file cannot be opened anew: the old one stays in use");
	if (options_load(&config, options, &messages)) {
		log_error(LOG_NODE, "The configuration is not read again: %s",
			  messages.count ? messages.items[messages.count - 1].text : "out of memory");
	} else {
		config_log(config, &log);
		for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
			log_set_level((enum log_category)i, log.level[i]);
		log_info(LOG_NODE, "Log file reopened, log levels read again");
	}
	config_free(config);
	config_messages_free(&messages);
}

static void wait_for_stop(struct node *node, const struct options *options, const sigset_t *set)
{
	for (;;) {
		int signal_number;

		CHECK(sigwait(set, &signal_number) == 0);
		switch (signal_number) {
		case SIGHUP:
			service_reloading();
			reload(options);
			service_reloaded();
			break;
		case SIGUSR1:
			node_log_status(node);
			break;
		default:
			log_info(LOG_NODE, "Stopping (%s)", strsignal(signal_number));
			return;
		}
	}
}

static void complain(const char *error)
{
	log_error(LOG_NODE, "%s", error);
	service_failed(error);
}

static int start_node(struct node *node, char error[NODE_ERROR_SIZE])
{
	int r = node_load(node, error);

	/* Only now: the database's own threads inherit the name of the thread that opens it. */
	thread_set_name("main");
	if (r)
		return r;
	timed_node = node;
	return node_start(node, error);
}

static int run_node(struct node *node, const struct options *options, const sigset_t *set)
{
	char error[NODE_ERROR_SIZE];
	struct rpc *rpc;
	/* First: from now on it says how far the start is. */
	int r = rpc_start(&rpc, node, error);

	timed_rpc = rpc;
	if (!r)
		r = start_node(node, error);
	service_end_start();
	if (!r) {
		service_ready(node);
		wait_for_stop(node, options, set);
		service_stopping();
	}
	stop_signal_restore();
	timed_rpc = NULL;
	rpc_stop(rpc);
	if (r == -ECANCELED) {
		log_info(LOG_NODE, "%s", error);
		return EXIT_SUCCESS;
	}
	if (r) {
		complain(error);
		return r;
	}
	node_stop(node);
	return node_exit_code(node);
}

static int open_and_run_node(const struct config *config, const struct options *options, const sigset_t *set)
{
	char error[NODE_ERROR_SIZE];
	struct node *node;
	int r = node_open(&node, config, error);

	if (r) {
		complain(error);
		return r;
	}
	r = run_node(node, options, set);
	timed_node = NULL;
	node_close(node);
	return r;
}

static int run(const struct config *config, const struct options *options, const sigset_t *set)
{
	enum import_outcome outcome = IMPORT_DONE;
	int r = EXIT_SUCCESS;

	(void)mallopt(M_ARENA_MAX, MALLOC_ARENAS); /* a hint: a sanitizer's allocator refuses it */
	crash_install(VERSION_TEXT);
	if (open_log(config))
		return EXIT_FAILURE;
	log_info(LOG_NODE, "%s, %s", VERSION_TEXT, config->node.name);
	if (crash_point_load()) {
		log_close();
		return EXIT_USAGE;
	}
	service_begin();
	if (config->storage.reindex)
		log_info(LOG_CHAIN, "Rebuilding everything from the blocks (--reindex)");
	if (options->load_blocks)
		outcome = import_blocks(config, options->load_blocks);
	if (outcome == IMPORT_FAILED)
		r = EXIT_FAILURE;
	else if (outcome == IMPORT_DONE && !options->load_blocks)
		r = open_and_run_node(config, options, set);
	service_end_start();
	log_info(LOG_NODE, "Stopped (exit code %d)", r);
	log_close();
	return r;
}

static int load_and_run(const struct options *options)
{
	struct config_messages messages = {0};
	struct config *config = NULL;
	sigset_t set;
	int r;

	/* From here on a signal waits until the node is up, and then stops it in order. */
	block_signals(&set);
	r = options_load(&config, options, &messages);
	options_print_messages(stderr, &messages);
	config_messages_free(&messages);
	if (r)
		r = EXIT_USAGE;
	else if (options->check_config)
		options_print_config(stdout, options, config);
	else
		r = run(config, options, &set);
	config_free(config);
	return r;
}

int main(int argc, char *argv[])
{
	struct config_messages messages = {0};
	struct options options;
	int r = options_parse(&options, &messages, argc, argv);

	options_print_messages(stderr, &messages);
	config_messages_free(&messages);
	if (r) {
		fputs("Try 'timed --help'.\n", stderr);
		r = EXIT_USAGE;
	} else if (options.help) {
		options_print_help(stdout);
	} else if (options.version) {
		puts(VERSION_TEXT);
	} else if (options.generate_config) {
		config_print_default(stdout, options.network >= 0 ? (enum chain_network)options.network : CHAIN_TESTNET);
	} else {
		r = load_and_run(&options);
	}
	options_free(&options);
	return r;
}
