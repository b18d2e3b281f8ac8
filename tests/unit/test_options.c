// SPDX-License-Identifier: MIT
/* node/options: every option in its spellings, mistakes with their position, and that the command line beats the file.
 */
#include "timed/node/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "run_suite.h"
#include "scratch.h"

#define ARGS_MAX 16

static struct options options;
static struct config_messages messages;
static struct config *config;

/* Arguments after "timed", separated by one space. */
static int parse(const char *line)
{
	static char copy[512];
	char *argv[ARGS_MAX + 1];
	int argc = 0;

	options_free(&options);
	config_messages_free(&messages);
	snprintf(copy, sizeof(copy), "timed %s", line);
	for (char *s = strtok(copy, " "); s && argc < ARGS_MAX; s = strtok(NULL, " "))
		argv[argc++] = s;
	argv[argc] = NULL;
	return options_parse(&options, &messages, argc, argv);
}

static const char *said(void)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < messages.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", messages.items[i].text);
	return text;
}

static void finish(void)
{
	config_free(config);
	config = NULL;
	options_free(&options);
	config_messages_free(&messages);
}

static void assert_parses(const char *line)
{
	int r = parse(line);

	ck_assert_msg(r == 0, "%s", said());
}

static const char *addr_text(const struct net_addr *addr)
{
	static char text[NET_ADDR_TEXT_SIZE];

	net_addr_text(text, addr);
	return text;
}

START_TEST(nothing_given)
{
	assert_parses("");
	ck_assert_str_eq(options.config_path, "config.toml");
	ck_assert(!options.config_given && !options.help && !options.version && !options.masternode);
	ck_assert_int_eq(options.network, -1);
	ck_assert_ptr_null(options.data_dir);
	finish();
}
END_TEST

START_TEST(every_option)
{
	assert_parses(
		"-c a.toml --listen-addr 127.0.0.2:5 --masternode -v --datadir /d --network devnet --connect 127.0.0.3 "
		"--connect [::1]:7 --check-config");
	ck_assert_str_eq(options.config_path, "a.toml");
	ck_assert(options.config_given && options.masternode && options.check_config);
	ck_assert_str_eq(addr_text(&options.listen), "127.0.0.2:5");
	ck_assert_uint_eq(options.verbose, 1);
	ck_assert_str_eq(options.data_dir, "/d");
	ck_assert_int_eq(options.network, CHAIN_DEVNET);
	ck_assert_uint_eq(options.connect.count, 2);
	ck_assert_str_eq(addr_text(&options.connect.items[1]), "[::1]:7");
	ck_assert(!options.reindex && !options.load_blocks);
	assert_parses("--reindex --load-blocks blocks.jsonl");
	ck_assert(options.reindex);
	ck_assert_str_eq(options.load_blocks, "blocks.jsonl");
	assert_parses("--load-blocks -");
	ck_assert_str_eq(options.load_blocks, "-");
	finish();
}
END_TEST

START_TEST(other_spellings)
{
	assert_parses("--config=b.toml --network=mainnet --datadir=x=y -vv");
	ck_assert_str_eq(options.config_path, "b.toml");
	ck_assert_int_eq(options.network, CHAIN_MAINNET);
	ck_assert_str_eq(options.data_dir, "x=y");
	ck_assert_uint_eq(options.verbose, 2);
	assert_parses("-cb.toml -vc d.toml --verbose");
	ck_assert_str_eq(options.config_path, "d.toml");
	ck_assert_uint_eq(options.verbose, 2);
	assert_parses("--help --version --generate-config");
	ck_assert(options.help && options.version && options.generate_config);
	assert_parses("-h -V");
	ck_assert(options.help && options.version);
	finish();
}
END_TEST

static const struct {
	const char *in;
	const char *said;
} mistakes[] = {
	{"--netwrok testnet", "argument 1: unknown option --netwrok, did you mean --network?\n"
			      "argument 2: \"testnet\", expected an option\n"},
	{"-v --conect=1.2.3.4", "argument 2: unknown option --conect, did you mean --connect?\n"},
	{"--xyzzy", "argument 1: unknown option --xyzzy\n"},
	{"-x", "argument 1: unknown option -x\n"},
	{"-vx", "argument 1: unknown option -x\n"},
	{"-v start", "argument 2: \"start\", expected an option\n"},
	{"-", "argument 1: \"-\", expected an option\n"},
	{"--", "argument 1: \"--\", expected an option\n"},
	{"--config", "argument 1: --config: value missing, expected FILE\n"},
	{"-v -c", "argument 2: --config: value missing, expected FILE\n"},
	{"--masternode=yes", "argument 1: --masternode takes no value\n"},
	{"--network moonnet", "argument 2: --network: \"moonnet\", expected testnet, mainnet or devnet\n"},
	{"--listen-addr localhost", "argument 2: --listen-addr: \"localhost\", expected IP or IP:PORT\n"},
	{"--connect 1.2.3.4:99999", "argument 2: --connect: \"1.2.3.4:99999\", expected IP or IP:PORT\n"},
	{"--datadir=", "argument 1: --datadir: \"\", expected a directory\n"},
	{"--load-blocks=", "argument 1: --load-blocks: \"\", expected a file\n"},
	{"--reindex --load-blocks", "argument 2: --load-blocks: value missing, expected FILE\n"},
	{"--net devnet", "argument 1: unknown option --net\nargument 2: \"devnet\", expected an option\n"},
};

START_TEST(mistakes_are_told_with_their_position)
{
	ck_assert_int_eq(parse(mistakes[_i].in), OPTIONS_E_USAGE);
	ck_assert_str_eq(said(), mistakes[_i].said);
	finish();
}
END_TEST

START_TEST(command_line_beats_the_file)
{
	const char *path = scratch_path("c.toml");
	char line[400];

	scratch_write(
		path,
		"[node]\nnetwork = \"mainnet\"\n[network]\nlisten_address = \"10.0.0.1:1\"\nport = 1\n"
		"bootstrap_peers = [\"10.0.0.9\"]\n[storage]\ndata_dir = \"/file\"\n[logging]\nlevel = \"error\"\n"
		"categories.net = \"warn\"\n");
	snprintf(line, sizeof(line),
		 "-c %s --network devnet --listen-addr 127.0.0.2:7 --datadir /line -v --masternode "
		 "--connect 127.0.0.3",
		 path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), 0);
	ck_assert_uint_eq(messages.count, 0);
	ck_assert_int_eq((int)config->node.network, CHAIN_DEVNET);
	ck_assert_str_eq(addr_text(&config->network.listen_address), "127.0.0.2:7");
	ck_assert_uint_eq(config->network.port, 7);
	ck_assert_uint_eq(config->rpc.port, 24201);
	ck_assert_str_eq(config->storage.data_dir, "/line");
	ck_assert(config->masternode.enabled);
	ck_assert_int_eq((int)config->logging.level, LOG_LEVEL_DEBUG);
	ck_assert_int_eq(config->logging.categories[LOG_NET], LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(config->network.connect.count, 1);
	ck_assert_str_eq(addr_text(&config->network.connect.items[0]), "127.0.0.3:24200");
	ck_assert_str_eq(addr_text(&config->network.bootstrap_peers.items[0]), "10.0.0.9:24200");
	finish();
}
END_TEST

START_TEST(what_is_not_given_leaves_the_file_alone)
{
	const char *path = scratch_path("c.toml");
	char line[200];

	scratch_write(path, "[network]\nlisten_address = \"10.0.0.1\"\nport = 9\n[masternode]\nenabled = true\n");
	snprintf(line, sizeof(line), "-c %s", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), 0);
	ck_assert_str_eq(addr_text(&config->network.listen_address), "10.0.0.1:9");
	ck_assert(config->masternode.enabled);
	ck_assert_int_eq((int)config->logging.level, LOG_LEVEL_INFO);
	/* --listen-addr without a port keeps the port of the file */
	finish();
	snprintf(line, sizeof(line), "-c %s --listen-addr 127.0.0.2", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), 0);
	ck_assert_str_eq(addr_text(&config->network.listen_address), "127.0.0.2:9");
	finish();
}
END_TEST

START_TEST(missing_file_is_created_for_the_network_at_hand)
{
	const char *path = scratch_path("new/c.toml");
	char line[200], *text;

	snprintf(line, sizeof(line), "-c %s --network devnet", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), 0);
	ck_assert_uint_eq(messages.count, 1);
	ck_assert_ptr_nonnull(strstr(said(), "was missing, created with defaults"));
	ck_assert_uint_eq(config->block.block_time_seconds, 2);
	text = scratch_read(path);
	ck_assert_ptr_nonnull(strstr(text, "network = \"devnet\"\n"));
	free(text);
	finish();
}
END_TEST

START_TEST(checking_creates_nothing)
{
	const char *path = scratch_path("c.toml");
	char line[200];

	ck_assert_int_eq(chdir(scratch_dir), 0);
	snprintf(line, sizeof(line), "--check-config -c %s", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), -ENOENT);
	ck_assert_ptr_nonnull(strstr(said(), "cannot be read: No such file or directory"));
	finish();
	assert_parses("--check-config");
	ck_assert_int_eq(options_load(&config, &options, &messages), 0);
	ck_assert_ptr_nonnull(strstr(said(), "a start would create it"));
	ck_assert_int_ne(access("config.toml", F_OK), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	finish();
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(errors_of_file_and_resolution_are_passed_on)
{
	const char *path = scratch_path("c.toml");
	char line[200];

	scratch_write(path, "[rpc]\nuser = 1\n");
	snprintf(line, sizeof(line), "-c %s", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), CONFIG_E_INVALID);
	ck_assert_ptr_null(config);
	ck_assert_uint_eq(messages.errors, 1);
	finish();
	scratch_write(path, "[rpc]\nuser = \"x\"\n");
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), CONFIG_E_INVALID);
	ck_assert_ptr_null(config);
	finish();
	snprintf(line, sizeof(line), "-c %s/x", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), -ENOTDIR);
	ck_assert_uint_eq(messages.errors, 1);
	finish();
}
END_TEST

static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print(f);
	fclose(f);
	return text;
}

START_TEST(help_names_every_option)
{
	static const char *const names[] = {
		"-c, --config FILE",   "--generate-config", "--check-config", "--listen-addr IP[:PORT]",
		"--connect IP[:PORT]", "--network NAME",    "--datadir DIR",  "--masternode",
		"-v, --verbose",       "--version",	    "--help"};
	char *text = printed(options_print_help);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(strstr(text, names[i]) != NULL, "%s", names[i]);
	free(text);
}
END_TEST

static void print_config(FILE *out)
{
	options_print_config(out, &options, config);
	options_print_messages(out, &messages);
}

START_TEST(check_config_shows_what_a_start_would_use_and_no_secret)
{
	const char *path = scratch_path("c.toml");
	char line[200], *text;

	scratch_write(path,
		      "[rpc]\nuser = \"me\"\npassword = \"sesame\"\nenabld = true\n[storage]\ndata_dir = \"/d\"\n");
	snprintf(line, sizeof(line), "--check-config -c %s --connect 10.0.0.1", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), 0);
	text = printed(print_config);
	ck_assert_ptr_nonnull(strstr(text, "data directory   /d\n"));
	ck_assert_ptr_nonnull(strstr(text, "connect          10.0.0.1:24100\n"));
	ck_assert_ptr_nonnull(strstr(text, "the configuration is valid\n"));
	ck_assert_ptr_nonnull(strstr(text, "warning: "));
	ck_assert_ptr_nonnull(strstr(text, "c.toml:4:1: rpc.enabld: unknown key, did you mean rpc.enabled?\n"));
	ck_assert_ptr_null(strstr(text, "sesame"));
	free(text);
	finish();
}
END_TEST

/* The keys of a file of the existing daemon; a line each, with what it means here. */
START_TEST(check_config_explains_every_key_of_the_file)
{
	static const char *const expected[] = {
		"c.toml:2: node.version = \"0.1.0\" ",
		"no effect   the program knows its own version\n",
		"c.toml:4: network.enable_upnp = true ",
		"no effect   not supported\n",
		"c.toml:5: network.bootstrap_peers = [2 values] ",
		"taken over  IP or IP:PORT each",
		"c.toml:6: network.enable_pnp = (not shown) ",
		"unknown     no key of this node\n",
		"c.toml:8: storage.backend = \"sled\" ",
		"changed     the database is RocksDB",
		"c.toml:9: storage.cache_size_mb = 256 ",
		"taken over  cache of the database\n",
		"c.toml:11: security.api_key = (not shown) ",
		"no effect   see rpc.user",
		"c.toml:12: security.enable_rate_limiting = true ",
		"changed     the limits of section [limits]",
		"c.toml:14: rpc.password = (not shown) ",
		"taken over  ",
	};
	const char *path = scratch_path("c.toml"), *at;
	char line[200], *text;

	scratch_write(path, "[node]\nversion = \"0.1.0\"\n[network]\nenable_upnp = true\n"
			    "bootstrap_peers = [\"10.0.0.1\", \"10.0.0.2\"]\nenable_pnp = \"sesame\"\n[storage]\n"
			    "backend = \"sled\"\ncache_size_mb = 256\n[security]\napi_key = \"sesame\"\n"
			    "enable_rate_limiting = true\n[rpc]\npassword = \"sesame\"\nuser = \"me\"\n");
	snprintf(line, sizeof(line), "--check-config -c %s", path);
	assert_parses(line);
	ck_assert_int_eq(options_load(&config, &options, &messages), 0);
	text = printed(print_config);
	at = text;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		at = strstr(at, expected[i]);
		ck_assert_msg(at != NULL, "%s is missing in\n%s", expected[i], text);
	}
	ck_assert_ptr_null(strstr(text, "sesame"));
	free(text);
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, scratch_make, scratch_remove);
	tcase_add_test(tcase, nothing_given);
	tcase_add_test(tcase, every_option);
	tcase_add_test(tcase, other_spellings);
	tcase_add_loop_test(tcase, mistakes_are_told_with_their_position, 0,
			    (int)(sizeof(mistakes) / sizeof(mistakes[0])));
	tcase_add_test(tcase, command_line_beats_the_file);
	tcase_add_test(tcase, what_is_not_given_leaves_the_file_alone);
	tcase_add_test(tcase, missing_file_is_created_for_the_network_at_hand);
	tcase_add_test(tcase, checking_creates_nothing);
	tcase_add_test(tcase, errors_of_file_and_resolution_are_passed_on);
	tcase_add_test(tcase, help_names_every_option);
	tcase_add_test(tcase, check_config_shows_what_a_start_would_use_and_no_secret);
	tcase_add_test(tcase, check_config_explains_every_key_of_the_file);
	return run_suite(suite);
}
