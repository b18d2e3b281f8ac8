// SPDX-License-Identifier: MIT
/* See options.h. */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/params.h"

#define WATCH_LEVEL 4
#define MAX_SECONDS INT64_C(1000000000)

/* Thousandths of a second; false after a complaint. */
static bool read_seconds(struct command_line *line, int64_t *out_ms, const char *name, const char *value)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(value, &end);
	if (errno || end == value || *end || !(seconds >= 0) || seconds > (double)MAX_SECONDS) {
		command_line_complain(line, "%s: \"%s\", expected seconds", name, value);
		return false;
	}
	*out_ms = (int64_t)(seconds * 1000);
	return true;
}

static int take_wait_timeout(struct command_line *line, const char *name, const char *value)
{
	struct cli_options *out = line->out;
	int64_t ms;

	if (read_seconds(line, &ms, name, value))
		out->wait_timeout_s = (ms + 999) / 1000;
	return 0;
}

static int take_client_timeout(struct command_line *line, const char *name, const char *value)
{
	struct cli_options *out = line->out;
	int64_t ms;

	if (read_seconds(line, &ms, name, value))
		out->client_timeout_s = (ms + 999) / 1000;
	return 0;
}

static int take_interval(struct command_line *line, const char *name, const char *value)
{
	struct cli_options *out = line->out;
	int64_t ms;

	if (!read_seconds(line, &ms, name, value))
		return 0;
	if (ms < 100)
		command_line_complain(line, "%s: \"%s\", expected at least 0.1 seconds", name, value);
	else
		out->interval_ms = ms;
	return 0;
}

static int take_network(struct command_line *line, const char *name, const char *value)
{
	struct cli_options *out = line->out;

	out->network = chain_network_from_name(value);
	if (out->network < 0)
		command_line_complain(line, "%s: \"%s\", expected testnet, mainnet or devnet", name, value);
	return 0;
}

#define AT(field) NULL, offsetof(struct cli_options, field)
const struct command_line_option cli_options_table[] = {
	{"getinfo", 0, NULL, AT(getinfo), "what an operator asks first: chain, peers, wallet, warnings"},
	{"netinfo", 0, NULL, AT(netinfo),
	 "the peers; -netinfo LEVEL: 0 counts them (default), 1 lists them, 2 with addresses, 3 with software, 4 with "
	 "both and the state of the connection"},
	{"rpc-url", 'r', "URL", AT(rpc_url), "where the daemon listens, as http://127.0.0.1:24101 or HOST[:PORT]"},
	{"rpcuser", 0, "NAME", AT(user), "user for the daemon, with a password instead of the cookie"},
	{"rpcpassword", 0, "TEXT", AT(password),
	 "its password, which everybody on this machine can then see: better is --stdinrpcpass"},
	{"stdinrpcpass", 0, NULL, AT(stdin_password),
	 "read the password from the first line of standard input, without showing it"},
	{"rpccookiefile", 0, "FILE", AT(cookie_file), "cookie of the daemon (.cookie in its data directory)"},
	{"datadir", 0, "DIR", AT(data_dir), "data directory of the daemon"},
	{"network", 0, "NAME", take_network, 0, "testnet, mainnet or devnet"},
	{"config", 'c', "FILE", AT(config_path),
	 "configuration of the daemon, where address, data directory and network are read"},
	{"rpcwait", 0, NULL, AT(wait), "wait until the daemon answers"},
	{"rpcwaittimeout", 0, "SECONDS", take_wait_timeout, 0, "for so long at most (0: for ever)"},
	{"rpcclienttimeout", 0, "SECONDS", take_client_timeout, 0, "wait so long for an answer (900; 0: for ever)"},
	{"named", 0, NULL, AT(named), "arguments are NAME=VALUE; those without a name keep their places"},
	{"stdin", 0, NULL, AT(stdin_arguments),
	 "further arguments are the lines of standard input: for what must not be seen, like a passphrase"},
	{"interval", 0, "SECONDS", take_interval, 0, "time between two looks of watch (1)"},
	{"once", 0, NULL, AT(once), "watch prints once, and ends"},
	{"version", 'V', NULL, AT(version), "print the version, and exit"},
	{"help", 'h', NULL, AT(help), "print this, and exit"},
};
const size_t cli_options_table_count = sizeof(cli_options_table) / sizeof(cli_options_table[0]);

static void complain(void *user, const char *text)
{
	(void)user;
	fprintf(stderr, "time-cli: %s\n", text);
}

static void take_level(struct command_line *line, const char *text)
{
	struct cli_options *out = line->out;

	if (text[0] >= '0' && text[0] <= '4' && !text[1])
		out->level = text[0] - '0';
	else
		command_line_complain(line, "\"%s\", expected a level of 0 to 4", text);
}

/* Of a command of our own: its level, once, or something else that should not be there. */
static void take_own_operand(struct command_line *line, const char *text)
{
	struct cli_options *out = line->out;

	if (out->command == CLI_GETINFO || out->level_given)
		command_line_complain(line, "\"%s\" is not expected here", text);
	else
		take_level(line, text);
	out->level_given = true;
}

/* -getinfo and -netinfo are flags, and watch is the first operand. */
static bool begins_own(struct cli_options *out, const char *operand)
{
	if (out->getinfo)
		out->command = CLI_GETINFO;
	else if (out->netinfo)
		out->command = CLI_NETINFO;
	else if (operand && strcmp(operand, "watch") == 0)
		out->command = CLI_WATCH;
	return out->command != CLI_CALL;
}

static void take_operands(struct command_line *line)
{
	struct cli_options *out = line->out;
	bool own = false;

	while (command_line_next(line) == COMMAND_LINE_OPERAND) {
		const char *text = line->argv[line->position];

		if (own || out->getinfo || out->netinfo) {
			begins_own(out, NULL);
			take_own_operand(line, text);
			continue;
		}
		own = begins_own(out, text);
		if (own)
			continue;
		out->method = text;
		out->arguments = line->argv + line->position + 1;
		out->argument_count = (size_t)(line->argc - line->position - 1);
		break;
	}
	begins_own(out, NULL);
	if (out->command == CLI_WATCH && !out->level_given)
		out->level = WATCH_LEVEL;
}

int cli_options_parse(struct cli_options *out, int argc, char *const argv[])
{
	struct command_line line = {
		.options = cli_options_table,
		.option_count = cli_options_table_count,
		.argc = argc,
		.argv = argv,
		.single_dash = true,
		.out = out,
		.complain = complain,
	};

	*out = (struct cli_options){.network = -1, .client_timeout_s = 900, .interval_ms = 1000};
	take_operands(&line);
	if (!line.failed && out->getinfo && out->netinfo) {
		complain(NULL, "-getinfo and -netinfo: one of them");
		line.failed = true;
	}
	return line.failed ? CLI_OPTIONS_E_USAGE : 0;
}

void cli_options_print_help(FILE *out)
{
	fputs("Usage: time-cli [OPTION]... METHOD [ARGUMENT]...\n"
	      "       time-cli [OPTION]... -named METHOD [NAME=VALUE]...\n"
	      "       time-cli [OPTION]... -getinfo | -netinfo [LEVEL] | watch [LEVEL]\n"
	      "       time-cli [OPTION]... help [METHOD]\n"
	      "Asks a running timed.  Methods may be written with dashes (get-block-count), long options with\n"
	      "one dash.  Without options the daemon of this machine is asked, as config.toml or\n"
	      "/etc/timed/config.toml describe it.\n\n",
	      out);
	command_line_print_options(out, cli_options_table, cli_options_table_count);
	fputs("\nwatch shows the peers until q or Ctrl-C; keys 0 to 4 change the level, arrows scroll.\n"
	      "Exit codes: 0, 1 the daemon cannot be reached or refuses, 2 usage error.\n",
	      out);
}
