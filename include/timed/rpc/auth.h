/* SPDX-License-Identifier: MIT
 *
 * Who may use the RPC: whoever knows the cookie, a secret made afresh at each start that only the owner of the data
 * directory can read, or the configured user and password.  HTTP Basic for both.
 *
 * Only SHA-256 digests of what is accepted are kept, and they are compared in constant time.
 *
 * Thread safety: auth_check() from any thread; the rest from one.
 */
#ifndef TIMED_RPC_AUTH_H
#define TIMED_RPC_AUTH_H

/* The cookie file, in the data directory. */
#define AUTH_COOKIE_FILE ".cookie"

struct auth;

enum auth_verdict {
	AUTH_OK,
	AUTH_MISSING, /* no credentials were sent */
	AUTH_WRONG,   /* they are not ours, or cannot be read */
};

/* Makes the cookie, in memory only.  `user` "": the cookie alone is accepted.  0 and *out, or -ENOMEM. */
int auth_create(struct auth **out, const char *user, const char *password) __attribute__((warn_unused_result));
/* Removes a cookie file that an earlier run left behind. */
void auth_forget(const char *data_dir);
/* Writes the cookie to its file in `data_dir`, mode 0600, whole or not at all, in place of an old one.  0 or a negative
 * errno. */
int auth_publish(struct auth *auth, const char *data_dir) __attribute__((warn_unused_result));
/* Judges the value of an Authorization header; NULL: there is none. */
enum auth_verdict auth_check(const struct auth *auth, const char *header);
/* Removes the cookie file, if auth_publish() wrote it.  NULL is fine. */
void auth_free(struct auth *auth);

#endif
