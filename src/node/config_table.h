/* SPDX-License-Identifier: MIT
 *
 * The table of configuration keys.  Private to the config_*.c files: config.c reads and checks values by it,
 * config_print.c writes the default file from it.
 *
 * Thread safety: constant.
 */
#ifndef TIMED_NODE_CONFIG_TABLE_H
#define TIMED_NODE_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timed/node/config.h"
#include "timed/util/toml.h"

enum config_kind {
	CONFIG_KIND_BOOL,
	CONFIG_KIND_INT, /* an int */
	CONFIG_KIND_U16, /* whole numbers of these sizes */
	CONFIG_KIND_U32,
	CONFIG_KIND_U64,
	CONFIG_KIND_I64,
	CONFIG_KIND_STRING, /* char * */
	CONFIG_KIND_STRINGS,
	CONFIG_KIND_CHOICE,    /* one of `choices`, an int or enum */
	CONFIG_KIND_ADDRESS,   /* IP or IP:PORT, struct net_addr */
	CONFIG_KIND_ADDRESSES, /* struct config_addrs */
	CONFIG_KIND_VALIDATORS,
	CONFIG_KIND_NONE, /* known, of any kind, without effect: no field */
};

struct config_choice {
	const char *name; /* NULL ends the list */
	int value;
	bool alias; /* read, with a warning, and never offered */
};

#define CONFIG_KEY_UNSUPPORTED 1  /* true is a warning: the feature does not exist */
#define CONFIG_KEY_SECRET 2	  /* the value appears in no message */
#define CONFIG_KEY_BY_NETWORK 4	  /* stays 0 when the file says nothing: config_resolve() knows the value */
#define CONFIG_KEY_MAY_BE_EMPTY 8 /* an address: "" means none */

struct config_key {
	const char *section; /* "logging.categories" for a table in a table */
	const char *key;
	enum config_kind kind;
	size_t offset;	     /* of the field in struct config */
	const char *initial; /* default, as it stands in a file; NULL: none, the field stays zero */
	int64_t min;	     /* of numbers */
	int64_t max;
	const struct config_choice *choices;
	const char *unit; /* of numbers; may be "" */
	const char *note; /* for the generated file: what it does */
	unsigned int flags;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* Reading: what every value's reader gets. */
struct config_reader {
	const char *file; /* as it stands in messages */
	struct config_messages *messages;
	struct config *config;
	bool out_of_memory;
};

/* "file:line:column: path: ..." */
void config_complain(struct config_reader *r, enum config_severity severity, struct toml_position at, const char *path,
		     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* consensus.validators. */
void config_read_validators(struct config_reader *r, struct config_validators *out, const struct toml_value *v);
void config_validators_free(struct config_validators *validators);

#endif
