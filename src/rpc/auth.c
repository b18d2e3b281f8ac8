// SPDX-License-Identifier: MIT
/* See auth.h. */
#include "timed/rpc/auth.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "timed/util/file.h"
#include "timeproto/base/hex.h"
#include "timeproto/base/sha256.h"

#define COOKIE_USER "__cookie__:"
#define COOKIE_SECRET_BYTES 32
/* Longest "user:password" that is looked at. */
#define MAX_CREDENTIALS 1024

struct auth {
	char cookie[sizeof(COOKIE_USER) +
		    2 * (size_t)COOKIE_SECRET_BYTES]; /* as in the file; wiped once it is written */
	uint8_t cookie_digest[SHA256_BYTES];
	uint8_t password_digest[SHA256_BYTES]; /* of "user:password" */
	bool has_password;		       /* password_digest counts */
	char *cookie_path;		       /* NULL until the file is written */
};

/* The digest of "user:password". */
static void digest_pair(uint8_t out[SHA256_BYTES], const char *user, const char *password)
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_update(&hash, user, strlen(user));
	sha256_update(&hash, ":", 1);
	sha256_update(&hash, password, strlen(password));
	sha256_final(&hash, out);
}

int auth_create(struct auth **out, const char *user, const char *password)
{
	uint8_t secret[COOKIE_SECRET_BYTES];
	struct auth *auth = calloc(1, sizeof(*auth));

	*out = NULL;
	if (!auth)
		return -ENOMEM;
	if (sodium_init() < 0) {
		free(auth);
		return -EIO;
	}
	randombytes_buf(secret, sizeof(secret));
	memcpy(auth->cookie, COOKIE_USER, sizeof(COOKIE_USER));
	hex_encode(auth->cookie + strlen(COOKIE_USER), secret, sizeof(secret));
	sodium_memzero(secret, sizeof(secret));
	sha256_digest(auth->cookie_digest, auth->cookie, strlen(auth->cookie));
	auth->has_password = user[0] != 0;
	if (auth->has_password)
		digest_pair(auth->password_digest, user, password);
	*out = auth;
	return 0;
}

void auth_forget(const char *data_dir)
{
	char *path;

	if (asprintf(&path, "%s/" AUTH_COOKIE_FILE, data_dir) < 0)
		return;
	(void)unlink(path);
	free(path);
}

int auth_publish(struct auth *auth, const char *data_dir)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/" AUTH_COOKIE_FILE, data_dir) < 0)
		return -ENOMEM;
	r = file_write_atomic(path, auth->cookie, strlen(auth->cookie), 0600);
	if (r) {
		free(path);
		return r;
	}
	sodium_memzero(auth->cookie, sizeof(auth->cookie));
	auth->cookie_path = path;
	return 0;
}

enum auth_verdict auth_check(const struct auth *auth, const char *header)
{
	unsigned char pair[MAX_CREDENTIALS];
	uint8_t digest[SHA256_BYTES];
	size_t len = 0;
	int cookie, password;

	if (!header)
		return AUTH_MISSING;
	if (strncasecmp(header, "Basic ", 6) != 0)
		return AUTH_WRONG;
	header += 6 + strspn(header + 6, " ");
	if (sodium_base642bin(pair, sizeof(pair), header, strcspn(header, " "), NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL))
		return AUTH_WRONG;
	sha256_digest(digest, pair, len);
	sodium_memzero(pair, sizeof(pair));
	/* Both are always compared, so that the time tells nothing of either. */
	cookie = sodium_memcmp(digest, auth->cookie_digest, sizeof(digest));
	password = sodium_memcmp(digest, auth->password_digest, sizeof(digest));
	return cookie == 0 || (password == 0 && auth->has_password) ? AUTH_OK : AUTH_WRONG;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	if (auth->cookie_path)
		(void)unlink(auth->cookie_path);
	free(auth->cookie_path);
	sodium_memzero(auth, sizeof(*auth));
	free(auth);
}
