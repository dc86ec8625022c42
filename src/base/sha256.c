/* sha256.c -- the contract is in sha256.h.
 *
 * OpenSSL 3's EVP frees and allocates a context for every hash, which costs more than a short text's
 * hash itself (some 700 instructions of 900). Its older functions for this one algorithm do not, and
 * are the same code behind; they are marked deprecated and will stay as long as OpenSSL 3 does.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include <stdlib.h>

#include <openssl/sha.h>

#include "base/check.h"

struct sha256 {
    SHA256_CTX running;
};

struct sha256 *sha256_open(void)
{
    struct sha256 *sha256 = calloc(1, sizeof(*sha256));
    CHECK(sha256 != NULL);
    sha256_begin(sha256);
    return sha256;
}

void sha256_close(struct sha256 *sha256)
{
    free(sha256);
}

void sha256_begin(struct sha256 *sha256)
{
    CHECK(SHA256_Init(&sha256->running) == 1);
}

void sha256_add(struct sha256 *sha256, const void *source, size_t size)
{
    CHECK(SHA256_Update(&sha256->running, source, size) == 1);
}

void sha256_peek(const struct sha256 *sha256, uint8_t out[SHA256_SIZE])
{
    SHA256_CTX copy = sha256->running;
    CHECK(SHA256_Final(out, &copy) == 1);
}

void sha256_end(struct sha256 *sha256, uint8_t out[SHA256_SIZE])
{
    CHECK(SHA256_Final(out, &sha256->running) == 1);
}
