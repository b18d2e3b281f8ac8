// SPDX-License-Identifier: MIT
/* The command line of the daemon, as a table (util/command_line.h), and what it does to the configuration. */
#include "timed/node/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_address(struct command_line *line, struct net_addr *out, const char *name, const char *value)
{
	if (net_addr_parse(out, value, strlen(value), 0) == 0)
		return 0;
	command_line_complain(line, "%s: \"%s\", expected IP or IP:PORT", name, value);
	return OPTIONS_E_USAGE;
}

static int take_config(struct command_line *line, const char *name, const char *value)
{
	struct options *out = line->out;

	(void)name;
	out->config_path = value;
	out->config_given = true;
	return 0;
}

static int take_listen(struct command_line *line, const char *name, const char *value)
{
	struct options *out = line->out;

	if (!parse_address(line, &out->listen, name, value))
		out->listen_given = true;
	return 0;
}

static int take_load_blocks(struct command_line *line, const char *name, const char *value)
{
	struct options *out = line->out;

	if (*value)
		out->load_blocks = value;
	else
		command_line_complain(line, "%s: \"\", expected a file", name);
	return 0;
}

static int take_verbose(struct command_line *line, const char *name, const char *value)
{
	struct options *out = line->out;

	(void)name;
	(void)value;
	out->verbose++;
	return 0;
}

static int take_data_dir(struct command_line *line, const char *name, const char *value)
{
	struct options *out = line->out;

	if (*value)
		out->data_dir = value;
	else
		command_line_complain(line, "%s: \"\", expected a directory", name);
	return 0;
}

static int take_network(struct command_line *line, const char *name, const char *value)
{
	struct options *out = line->out;

	out->network = chain_network_from_name(value);
	if (out->network < 0)
		command_line_complain(line, "%s: \"%s\", expected testnet, mainnet or devnet", name, value);
	return 0;
}

static int take_connect(struct command_line *line, const char *name, const char *value)
{
	struct options *out = line->out;
	struct net_addr addr;

	return parse_address(line, &addr, name, value) ? 0 : config_addrs_add(&out->connect, &addr);
}

#define AT(field) NULL, offsetof(struct options, field)
const struct command_line_option options_table[] = {
	{"config", 'c', "FILE", take_config, 0,
	 "configuration file (" OPTIONS_CONFIG_DEFAULT "), created with defaults when missing"},
	{"generate-config", 0, NULL, AT(generate_config), "print a configuration file with every key, and exit"},
	{"check-config", 0, NULL, AT(check_config), "read the configuration, say what was found, and exit"},
	{"listen-addr", 0, "IP[:PORT]", take_listen, 0, "accept peers here"},
	{"connect", 0, "IP[:PORT]", take_connect, 0, "dial this peer at once and for ever (repeatable)"},
	{"network", 0, "NAME", take_network, 0, "testnet, mainnet or devnet"},
	{"datadir", 0, "DIR", take_data_dir, 0, "data directory"},
	{"recover-wal", 0, NULL, AT(recover_wal), "keep what precedes damage in the database's log, and lose the rest"},
	{"reindex", 0, NULL, AT(reindex), "make everything anew from the blocks in the database, then go on"},
	{"load-blocks", 0, "FILE", take_load_blocks, 0,
	 "put blocks (JSON, one a line; - is standard input) onto the chain, and exit"},
	{"masternode", 0, NULL, AT(masternode), "announce ourselves as a masternode"},
	{"verbose", 'v', NULL, take_verbose, 0, "log level debug; twice: trace"},
	{"version", 'V', NULL, AT(version), "print the version, and exit"},
	{"help", 'h', NULL, AT(help), "print this, and exit"},
};
const size_t options_table_count = sizeof(options_table) / sizeof(options_table[0]);

static void complain(void *messages, const char *text)
{
	config_message_add(messages, CONFIG_ERROR, "%s", text);
}

int options_parse(struct options *out, struct config_messages *messages, int argc, char *const argv[])
{
	struct command_line line = {
		.options = options_table,
		.option_count = options_table_count,
		.argc = argc,
		.argv = argv,
		.out = out,
		.user = messages,
		.complain = complain,
	};
	int r;

	memset(out, 0, sizeof(*out));
	out->config_path = OPTIONS_CONFIG_DEFAULT;
	out->network = -1;
	while ((r = command_line_next(&line)) == COMMAND_LINE_OPERAND)
		command_line_complain(&line, "\"%s\", expected an option", argv[line.position]);
	if (r < 0)
		return r;
	return line.failed ? OPTIONS_E_USAGE : 0;
}

void options_free(struct options *options)
{
	free(options->connect.items);
	memset(&options->connect, 0, sizeof(options->connect));
}

int options_apply(const struct options *options, struct config *config)
{
	if (options->network >= 0)
		config->node.network = (enum chain_network)options->network;
	if (options->listen_given) {
		config->network.listen_address = options->listen;
		/* The port in an address would contradict the file's. */
		if (options->listen.port)
			config->network.port = 0;
	}
	if (options->masternode)
		config->masternode.enabled = true;
	config->storage.recover_wal = options->recover_wal;
	config->storage.reindex = options->reindex;
	if (options->verbose) {
		config->logging.level = options->verbose > 1 ? LOG_LEVEL_TRACE : LOG_LEVEL_DEBUG;
		for (int i = 0; i < LOG_CATEGORY_COUNT; i++)
			config->logging.categories[i] = -1;
	}
	for (size_t i = 0; i < options->connect.count; i++) {
		if (config_addrs_add(&config->network.connect, &options->connect.items[i]))
			return -ENOMEM;
	}
	return options->data_dir ? config_set_string(&config->storage.data_dir, options->data_dir) : 0;
}

/* The file's values, or defaults where there is no file yet. */
static int load_or_create(struct config **out, const struct options *options, struct config_messages *messages)
{
	enum chain_network network = options->network < 0 ? CHAIN_TESTNET : (enum chain_network)options->network;
	const char *path = options->config_path;
	int r = config_load(out, path, messages);

	if (r == -ENOENT && !options->check_config) {
		r = config_create(path, network);
		if (r) {
			config_message_add(messages, CONFIG_ERROR, "%s: cannot be created: %s", path, strerror(-r));
			return r;
		}
		config_message_add(messages, CONFIG_WARNING, "%s: was missing, created with defaults", path);
		r = config_load(out, path, messages);
	} else if (r == -ENOENT && !options->config_given) {
		config_message_add(messages, CONFIG_WARNING, "%s: is missing, a start would create it with defaults",
				   path);
		r = config_default(out);
	}
	if (r < 0)
		config_message_add(messages, CONFIG_ERROR, "%s: cannot be read: %s", path, strerror(-r));
	return r;
}

int options_load(struct config **out, const struct options *options, struct config_messages *messages)
{
	struct config *config = NULL;
	int r = load_or_create(&config, options, messages);

	if (r)
		return r;
	r = options_apply(options, config);
	if (!r)
		r = config_resolve(config, messages);
	if (r) {
		if (r < 0)
			config_message_add(messages, CONFIG_ERROR, "%s", strerror(-r));
		config_free(config);
		return r;
	}
	*out = config;
	return 0;
}

void options_print_help(FILE *out)
{
	fprintf(out, "Usage: timed [OPTION]...\n"
		     "A node of the TIME Coin network.  The command line beats the configuration file.\n\n");
	command_line_print_options(out, options_table, options_table_count);
	fprintf(out, "\nExit codes: 0 orderly stop, 1 run-time failure, 2 usage or configuration error,\n"
		     "3 conflicting certificates.\n"
		     "Signals: SIGTERM and SIGINT stop in order (a second one at once), SIGHUP reopens the log\n"
		     "file and reads the log level again, SIGUSR1 logs a full status.\n");
}

static void print_addr(FILE *out, const char *label, const struct net_addr *addr)
{
	char text[NET_ADDR_TEXT_SIZE];

	net_addr_text(text, addr);
	fprintf(out, "%-16s %s\n", label, text);
}

void options_print_config(FILE *out, const struct options *options, const struct config *config)
{
	const struct config *c = config;

	fprintf(out, "%-16s %s\n", "file", options->config_path);
	fprintf(out, "%-16s %s\n", "network", chain_network_name(c->node.network));
	fprintf(out, "%-16s %s%s\n", "data directory", c->storage.data_dir,
		c->storage.backend == CONFIG_BACKEND_MEMORY ? " (database in memory)" : "");
	print_addr(out, "peers at", &c->network.listen_address);
	if (!net_ip_is_unspecified(&c->network.external_address.ip))
		print_addr(out, "known as", &c->network.external_address);
	for (size_t i = 0; i < c->network.bootstrap_peers.count; i++)
		print_addr(out, "bootstrap peer", &c->network.bootstrap_peers.items[i]);
	for (size_t i = 0; i < c->network.connect.count; i++)
		print_addr(out, "connect", &c->network.connect.items[i]);
	if (c->rpc.enabled)
		print_addr(out, "rpc at", &c->rpc.listen_address);
	else
		fprintf(out, "%-16s off\n", "rpc");
	fprintf(out, "%-16s %s\n", "masternode", c->masternode.enabled ? "yes" : "no");
	fprintf(out, "%-16s %s, %s, %s\n", "log", log_level_name(c->logging.level),
		c->logging.format == LOG_FORMAT_JSON ? "json" : "pretty",
		c->logging.output == CONFIG_LOG_FILE ? c->logging.file_path : "standard output");
	fprintf(out, "\n");
	if (config_explain(out, options->config_path) == 0)
		fprintf(out, "\n");
	fprintf(out, "the configuration is valid\n");
}

void options_print_messages(FILE *out, const struct config_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++)
		fprintf(out, "%s: %s\n", messages->items[i].severity == CONFIG_ERROR ? "error" : "warning",
			messages->items[i].text);
}
