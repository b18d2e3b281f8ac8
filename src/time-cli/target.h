/* SPDX-License-Identifier: MIT
 *
 * Which daemon is asked, and with which credentials: from the command line, else from the daemon's own configuration,
 * else from the defaults of the network; read and resolved by the daemon's own code.
 *
 * Ownership: a target owns its strings.
 * Thread safety: one owner.
 */
#ifndef TIME_CLI_TARGET_H
#define TIME_CLI_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

/* Where the Debian package keeps the daemon's configuration. */
#define TARGET_SYSTEM_CONFIG "/etc/timed/config.toml"
#define TARGET_WHY_SIZE 768

struct target {
	char *url;	     /* http://127.0.0.1:24101/, without credentials */
	char *name;	     /* 127.0.0.1:24101, for a person */
	char *user;	     /* NULL: the cookie is used */
	char *password;	     /* of `user` */
	char *cookie_path;   /* NULL: not needed */
	char *fallback_user; /* rpc.user and rpc.password of the file, for when the cookie cannot be read; may be NULL
			      */
	char *fallback_password;
	char *config_path; /* file that was read; NULL: none */
};

enum target_error {
	TARGET_E_CONFIG = 1, /* the configuration or an option cannot be used: `why` */
	TARGET_E_COOKIE = 2, /* the cookie cannot be read: `why`, and what to do about it */
};

/* Finds out where to ask.  `password` (may be NULL) is the one of standard input.  0, TARGET_E_CONFIG or -ENOMEM; the
 * target is to be freed in every case. */
int target_resolve(struct target *out, char why[TARGET_WHY_SIZE], const struct cli_options *options,
		   const char *password) __attribute__((warn_unused_result));
/* "user:password" in fresh memory: the cookie is read each time, since a daemon that starts anew makes a new one.  0,
 * TARGET_E_COOKIE or -ENOMEM. */
int target_credentials(char **out, char why[TARGET_WHY_SIZE], const struct target *target)
	__attribute__((warn_unused_result));
void target_free(struct target *target);

#endif
