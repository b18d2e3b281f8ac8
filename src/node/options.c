// SPDX-License-Identifier: MIT
/* The command line.  Each option is one line of the table: its names, what its value is called, how it is taken and
 * what --help says.  Not getopt_long: it has no suggestions, accepts abbreviations, and prints on its own. */
#include "timed/node/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timed/util/nearest.h"

struct parse {
	struct options *out;
	struct config_messages *messages;
	int position; /* of the argument being read, from 1 */
};

/* What an option does with its value (NULL for a flag).  0 or -ENOMEM; mistakes go into the messages. */
typedef int option_take(struct parse *p, const char *name, const char *value);

static int take_config(struct parse *p, const char *name, const char *value)
{
	(void)name;
	p->out->config_path = value;
	p->out->config_given = true;
	return 0;
}

static int take_generate_config(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->generate_config = true;
	return 0;
}

static int take_check_config(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->check_config = true;
	return 0;
}

static int parse_address(struct parse *p, struct net_addr *out, const char *name, const char *value)
{
	if (net_addr_parse(out, value, strlen(value), 0) == 0)
		return 0;
	config_message_add(p->messages, CONFIG_ERROR, "argument %d: %s: \"%s\", expected IP or IP:PORT", p->position,
			   name, value);
	return OPTIONS_E_USAGE;
}

static int take_listen(struct parse *p, const char *name, const char *value)
{
	if (!parse_address(p, &p->out->listen, name, value))
		p->out->listen_given = true;
	return 0;
}

static int take_recover_wal(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->recover_wal = true;
	return 0;
}

static int take_reindex(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->reindex = true;
	return 0;
}

static int take_load_blocks(struct parse *p, const char *name, const char *value)
{
	if (*value)
		p->out->load_blocks = value;
	else
		config_message_add(p->messages, CONFIG_ERROR, "argument %d: %s: \"\", expected a file", p->position,
				   name);
	return 0;
}

static int take_masternode(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->masternode = true;
	return 0;
}

static int take_verbose(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->verbose++;
	return 0;
}

static int take_data_dir(struct parse *p, const char *name, const char *value)
{
	if (*value)
		p->out->data_dir = value;
	else
		config_message_add(p->messages, CONFIG_ERROR, "argument %d: %s: \"\", expected a directory",
				   p->position, name);
	return 0;
}

static int take_network(struct parse *p, const char *name, const char *value)
{
	p->out->network = chain_network_from_name(value);
	if (p->out->network < 0)
		config_message_add(p->messages, CONFIG_ERROR,
				   "argument %d: %s: \"%s\", expected testnet, mainnet or devnet", p->position, name,
				   value);
	return 0;
}

static int take_connect(struct parse *p, const char *name, const char *value)
{
	struct net_addr addr;

	return parse_address(p, &addr, name, value) ? 0 : config_addrs_add(&p->out->connect, &addr);
}

static int take_version(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->version = true;
	return 0;
}

static int take_help(struct parse *p, const char *name, const char *value)
{
	(void)name;
	(void)value;
	p->out->help = true;
	return 0;
}

static const struct option {
	const char *name;  /* without the dashes */
	char letter;	   /* 0: none */
	const char *value; /* what --help calls its value; NULL: a flag */
	option_take *take;
	const char *help;
} table[] = {
	{"config", 'c', "FILE", take_config,
	 "configuration file (" OPTIONS_CONFIG_DEFAULT "), created with defaults when missing"},
	{"generate-config", 0, NULL, take_generate_config, "print a configuration file with every key, and exit"},
	{"check-config", 0, NULL, take_check_config, "read the configuration, say what was found, and exit"},
	{"listen-addr", 0, "IP[:PORT]", take_listen, "accept peers here"},
	{"connect", 0, "IP[:PORT]", take_connect, "dial this peer at once and for ever (repeatable)"},
	{"network", 0, "NAME", take_network, "testnet, mainnet or devnet"},
	{"datadir", 0, "DIR", take_data_dir, "data directory"},
	{"recover-wal", 0, NULL, take_recover_wal, "keep what precedes damage in the database's log, and lose the rest"},
	{"reindex", 0, NULL, take_reindex, "make everything anew from the blocks in the database, then go on"},
	{"load-blocks", 0, "FILE", take_load_blocks,
	 "put blocks (JSON, one a line; - is standard input) onto the chain, and exit"},
	{"masternode", 0, NULL, take_masternode, "announce ourselves as a masternode"},
	{"verbose", 'v', NULL, take_verbose, "log level debug; twice: trace"},
	{"version", 'V', NULL, take_version, "print the version, and exit"},
	{"help", 'h', NULL, take_help, "print this, and exit"},
};
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static const struct option *find_long(const char *name, size_t len)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return &table[i];
	}
	return NULL;
}

static const struct option *find_letter(char letter)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (table[i].letter && table[i].letter == letter)
			return &table[i];
	}
	return NULL;
}

static void complain_unknown(struct parse *p, const char *name, size_t len)
{
	char *copy = strndup(name, len);
	struct nearest nearest = {.wanted = copy ? copy : ""};

	for (size_t i = 0; i < TABLE_COUNT; i++)
		nearest_offer(&nearest, table[i].name);
	if (nearest_result(&nearest))
		config_message_add(p->messages, CONFIG_ERROR, "argument %d: unknown option --%s, did you mean --%s?",
				   p->position, nearest.wanted, nearest_result(&nearest));
	else
		config_message_add(p->messages, CONFIG_ERROR, "argument %d: unknown option --%s", p->position,
				   nearest.wanted);
	free(copy);
}

/* Takes an option whose value, if any, is `attached` or else the next argument. */
static int take_option(struct parse *p, const struct option *option, const char *attached, int argc, char *const argv[])
{
	const char *value = attached;
	char name[32];

	snprintf(name, sizeof(name), "--%s", option->name);
	if (!option->value && attached) {
		config_message_add(p->messages, CONFIG_ERROR, "argument %d: %s takes no value", p->position, name);
		return 0;
	}
	if (option->value && !value) {
		if (p->position + 1 >= argc) {
			config_message_add(p->messages, CONFIG_ERROR, "argument %d: %s: value missing, expected %s",
					   p->position, name, option->value);
			return 0;
		}
		value = argv[++p->position];
	}
	return option->take(p, name, value);
}

static int take_long(struct parse *p, int argc, char *const argv[])
{
	const char *name = argv[p->position] + 2;
	const char *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find_long(name, len);

	if (option)
		return take_option(p, option, equals ? equals + 1 : NULL, argc, argv);
	complain_unknown(p, name, len);
	return 0;
}

/* "-v", "-vv", "-c FILE", "-cFILE". */
static int take_letters(struct parse *p, int argc, char *const argv[])
{
	for (const char *s = argv[p->position] + 1; *s; s++) {
		const struct option *option = find_letter(*s);

		if (!option) {
			config_message_add(p->messages, CONFIG_ERROR, "argument %d: unknown option -%c", p->position,
					   *s);
			return 0;
		}
		if (option->value)
			return take_option(p, option, s[1] ? s + 1 : NULL, argc, argv);
		if (take_option(p, option, NULL, argc, argv))
			return -ENOMEM;
	}
	return 0;
}

int options_parse(struct options *out, struct config_messages *messages, int argc, char *const argv[])
{
	size_t errors = messages->errors;
	struct parse p = {.out = out, .messages = messages};

	memset(out, 0, sizeof(*out));
	out->config_path = OPTIONS_CONFIG_DEFAULT;
	out->network = -1;
	for (p.position = 1; p.position < argc; p.position++) {
		const char *arg = argv[p.position];
		int r = 0;

		if (arg[0] == '-' && arg[1] == '-' && arg[2])
			r = take_long(&p, argc, argv);
		else if (arg[0] == '-' && arg[1] && arg[1] != '-')
			r = take_letters(&p, argc, argv);
		else
			config_message_add(messages, CONFIG_ERROR, "argument %d: \"%s\", expected an option",
					   p.position, arg);
		if (r)
			return r;
	}
	return messages->errors == errors ? 0 : OPTIONS_E_USAGE;
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
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct option *o = &table[i];
		char left[48];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
			 o->letter ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
		fprintf(out, "  %-27s %s\n", left, o->help);
	}
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
