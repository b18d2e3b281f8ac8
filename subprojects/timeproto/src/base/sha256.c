// SPDX-License-Identifier: MIT
/* SHA-256 over libcrypto: see sha256.h.  The only file that may call what OpenSSL 3 marks as deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "timeproto/base/sha256.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

_Static_assert(sizeof(struct sha256) == sizeof(SHA256_CTX), "struct sha256 must hold libcrypto's context");
_Static_assert(_Alignof(struct sha256) == _Alignof(SHA256_CTX), "struct sha256 must be aligned as libcrypto's context");
_Static_assert(SHA256_BYTES == SHA256_DIGEST_LENGTH, "digest size");

static SHA256_CTX *sha256_native(struct sha256 *hash)
{
	return (SHA256_CTX *)(void *)hash;
}

/* libcrypto's calls return 1 always; anything else is a broken library, and no hash is better than a wrong one. */
static void sha256_expect(int ok)
{
	if (ok != 1)
		abort();
}

void sha256_init(struct sha256 *hash)
{
	sha256_expect(SHA256_Init(sha256_native(hash)));
}

void sha256_update(struct sha256 *hash, const void *data, size_t len)
{
	if (len > 0)
		sha256_expect(SHA256_Update(sha256_native(hash), data, len));
}

void sha256_final(struct sha256 *hash, uint8_t out[SHA256_BYTES])
{
	sha256_expect(SHA256_Final(out, sha256_native(hash)));
	OPENSSL_cleanse(hash, sizeof(*hash));
}

void sha256_digest(uint8_t out[SHA256_BYTES], const void *data, size_t len)
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_update(&hash, data, len);
	sha256_final(&hash, out);
}

void sha256_double(uint8_t out[SHA256_BYTES], const void *data, size_t len)
{
	sha256_digest(out, data, len);
	sha256_digest(out, out, SHA256_BYTES);
}
