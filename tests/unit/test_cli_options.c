// SPDX-License-Identifier: MIT
/* time-cli: its command line, and which daemon it means. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "target.h"
#include "timeproto/chain/params.h"

#define ARGS_MAX 16

static struct cli_options options;

/* Arguments after "time-cli", separated by one blank. */
static int parse(const char *line)
{
	static char copy[512];
	char *argv[ARGS_MAX + 1];
	int argc = 0;
	static char *kept[ARGS_MAX + 1];

	snprintf(copy, sizeof(copy), "time-cli %s", line);
	for (char *s = strtok(copy, " "); s && argc < ARGS_MAX; s = strtok(NULL, " "))
		argv[argc++] = s;
	argv[argc] = NULL;
	memcpy(kept, argv, sizeof(kept));
	return cli_options_parse(&options, argc, kept);
}

START_TEST(a_method_and_its_arguments)
{
	ck_assert_int_eq(parse("-named --network devnet getblock -1 --help -rpcwait"), 0);
	ck_assert_int_eq(options.command, CLI_CALL);
	ck_assert_str_eq(options.method, "getblock");
	ck_assert_uint_eq(options.argument_count, 3);
	ck_assert_str_eq(options.arguments[0], "-1");
	ck_assert(options.named && !options.help && !options.wait);
	ck_assert_int_eq(options.network, CHAIN_DEVNET);
	ck_assert_int_eq(parse("-- -x"), 0);
	ck_assert_str_eq(options.method, "-x");
	ck_assert_int_eq(parse(""), 0);
	ck_assert_ptr_null(options.method);
}
END_TEST

START_TEST(one_dash_and_two)
{
	ck_assert_int_eq(parse("-rpcwait -rpcuser=a --rpcpassword b -rpcwaittimeout 2.5 -r x uptime"), 0);
	ck_assert(options.wait);
	ck_assert_str_eq(options.user, "a");
	ck_assert_str_eq(options.password, "b");
	ck_assert_str_eq(options.rpc_url, "x");
	ck_assert_int_eq(options.wait_timeout_s, 3);
	ck_assert_int_eq(options.client_timeout_s, 900);
	ck_assert_int_eq(parse("-h"), 0);
	ck_assert(options.help);
}
END_TEST

/* Around them options may stand anywhere. */
START_TEST(own_commands)
{
	ck_assert_int_eq(parse("-getinfo --network devnet"), 0);
	ck_assert_int_eq(options.command, CLI_GETINFO);
	ck_assert_int_eq(parse("-netinfo"), 0);
	ck_assert_int_eq(options.command, CLI_NETINFO);
	ck_assert_int_eq(options.level, 0);
	ck_assert_int_eq(parse("-netinfo 3 --rpcwait"), 0);
	ck_assert_int_eq(options.level, 3);
	ck_assert(options.wait);
	ck_assert_int_eq(parse("watch"), 0);
	ck_assert_int_eq(options.command, CLI_WATCH);
	ck_assert_int_eq(options.level, 4);
	ck_assert_int_eq(parse("watch --once 0 --interval 0.5"), 0);
	ck_assert_int_eq(options.level, 0);
	ck_assert(options.once);
	ck_assert_int_eq(options.interval_ms, 500);
	/* As the argument of a method it is a word like another. */
	ck_assert_int_eq(parse("help watch"), 0);
	ck_assert_int_eq(options.command, CLI_CALL);
}
END_TEST

static const char *const mistakes[] = {
	"-netinfo 5",	     "-netinfo 1 2",   "-getinfo x",	    "watch x",
	"-getinfo -netinfo", "--interval 0 x", "--interval soon x", "--rpcwaittimeout -1 x",
	"--network moon x",  "--rpcuser",      "--once=yes x",	    "-x uptime",
};

START_TEST(mistakes_are_refused)
{
	ck_assert_int_eq(parse(mistakes[_i]), CLI_OPTIONS_E_USAGE);
}
END_TEST

static const struct {
	const char *line, *url, *cookie;
} targets[] = {
	{"--network testnet x", "http://127.0.0.1:24101/", "/home/u/.timecoin/testnet/.cookie"},
	{"--network mainnet x", "http://127.0.0.1:24001/", "/home/u/.timecoin/.cookie"},
	{"--network devnet x", "http://127.0.0.1:24201/", "/home/u/.timecoin/devnet/.cookie"},
	{"--datadir /d x", "http://127.0.0.1:24101/", "/d/.cookie"},
	{"--network devnet -r 10.0.0.1 x", "http://10.0.0.1:24201/", "/home/u/.timecoin/devnet/.cookie"},
	{"--network devnet -r [::1]:5 x", "http://[::1]:5/", "/home/u/.timecoin/devnet/.cookie"},
	{"--network devnet -r https://node.example:8443/rpc --rpccookiefile c x", "https://node.example:8443/rpc", "c"},
};

START_TEST(where_the_daemon_is)
{
	char why[TARGET_WHY_SIZE];
	struct target target;

	ck_assert_int_eq(setenv("HOME", "/home/u", 1), 0);
	ck_assert_int_eq(parse(targets[_i].line), 0);
	ck_assert_int_eq(target_resolve(&target, why, &options, NULL), 0);
	ck_assert_str_eq(target.url, targets[_i].url);
	ck_assert_str_eq(target.cookie_path, targets[_i].cookie);
	ck_assert_ptr_null(target.user);
	target_free(&target);
}
END_TEST

/* A listener on every address is reached on this machine. */
START_TEST(the_file_of_the_daemon)
{
	char why[TARGET_WHY_SIZE], path[] = "/tmp/test_cli_XXXXXX", line[64], *credentials;
	int fd = mkstemp(path);
	struct target target;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "[node]\nnetwork = \"devnet\"\n[rpc]\nlisten_address = \"[::]:77\"\nuser = \"a\"\n"
				     "password = \"b\"\n[storage]\ndata_dir = \"/nowhere\"\n"),
			 0);
	close(fd);
	snprintf(line, sizeof(line), "--config %s x", path);
	ck_assert_int_eq(parse(line), 0);
	ck_assert_int_eq(target_resolve(&target, why, &options, NULL), 0);
	ck_assert_str_eq(target.url, "http://[::1]:77/");
	ck_assert_str_eq(target.cookie_path, "/nowhere/.cookie");
	/* There is no cookie: then the file's user. */
	ck_assert_int_eq(target_credentials(&credentials, why, &target), 0);
	ck_assert_str_eq(credentials, "a:b");
	free(credentials);
	target_free(&target);
	unlink(path);
	ck_assert_int_eq(target_resolve(&target, why, &options, NULL), TARGET_E_CONFIG);
	ck_assert_ptr_nonnull(strstr(why, "cannot be read: No such file"));
	target_free(&target);
}
END_TEST

START_TEST(no_credentials)
{
	char why[TARGET_WHY_SIZE], *credentials;
	struct target target;

	ck_assert_int_eq(parse("--datadir /nowhere x"), 0);
	ck_assert_int_eq(target_resolve(&target, why, &options, NULL), 0);
	ck_assert_int_eq(target_credentials(&credentials, why, &target), TARGET_E_COOKIE);
	ck_assert_ptr_nonnull(strstr(why, "does not seem to run: there is no cookie /nowhere/.cookie\n"));
	target_free(&target);
	ck_assert_int_eq(parse("--network testnet -r http://u:p%40q@h:1/ x"), 0);
	ck_assert_int_eq(target_resolve(&target, why, &options, NULL), 0);
	ck_assert_str_eq(target.url, "http://h:1/");
	ck_assert_int_eq(target_credentials(&credentials, why, &target), 0);
	ck_assert_str_eq(credentials, "u:p@q");
	free(credentials);
	target_free(&target);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_options");
	TCase *tcase = tcase_create("cli_options");

	tcase_add_test(tcase, a_method_and_its_arguments);
	tcase_add_test(tcase, one_dash_and_two);
	tcase_add_test(tcase, own_commands);
	tcase_add_loop_test(tcase, mistakes_are_refused, 0, (int)(sizeof(mistakes) / sizeof(mistakes[0])));
	tcase_add_loop_test(tcase, where_the_daemon_is, 0, (int)(sizeof(targets) / sizeof(targets[0])));
	tcase_add_test(tcase, the_file_of_the_daemon);
	tcase_add_test(tcase, no_credentials);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
