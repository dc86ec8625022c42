/* sha256.c -- the contract is in sha256.h.
 *
 * OpenSSL 3 looks an algorithm up by name, under a lock, whenever it is not given a fetched one;
 * that costs more than the hash of a short text. So the algorithm is fetched once, and a context
 * that has seen it is begun again without naming it.
 */
#include "base/sha256.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/check.h"

struct sha256 {
    EVP_MD *algorithm;
    EVP_MD_CTX *running;
    EVP_MD_CTX *copy; /* scratch of sha256_peek */
};

struct sha256 *sha256_open(void)
{
    struct sha256 *sha256 = calloc(1, sizeof(*sha256));
    CHECK(sha256 != NULL);
    sha256->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha256->running = EVP_MD_CTX_new();
    sha256->copy = EVP_MD_CTX_new();
    CHECK(sha256->algorithm != NULL);
    CHECK(sha256->running != NULL);
    CHECK(sha256->copy != NULL);
    CHECK(EVP_DigestInit_ex2(sha256->running, sha256->algorithm, NULL) == 1);
    CHECK(EVP_DigestInit_ex2(sha256->copy, sha256->algorithm, NULL) == 1);
    return sha256;
}

void sha256_close(struct sha256 *sha256)
{
    if (sha256 == NULL) {
        return;
    }
    EVP_MD_CTX_free(sha256->copy);
    EVP_MD_CTX_free(sha256->running);
    EVP_MD_free(sha256->algorithm);
    free(sha256);
}

void sha256_begin(struct sha256 *sha256)
{
    CHECK(EVP_DigestInit_ex2(sha256->running, NULL, NULL) == 1);
}

void sha256_add(struct sha256 *sha256, const void *source, size_t size)
{
    CHECK(EVP_DigestUpdate(sha256->running, source, size) == 1);
}

void sha256_peek(const struct sha256 *sha256, uint8_t out[SHA256_SIZE])
{
    unsigned size = 0;
    CHECK(EVP_MD_CTX_copy_ex(sha256->copy, sha256->running) == 1);
    CHECK(EVP_DigestFinal_ex(sha256->copy, out, &size) == 1);
    CHECK(size == SHA256_SIZE);
}

void sha256_end(struct sha256 *sha256, uint8_t out[SHA256_SIZE])
{
    unsigned size = 0;
    CHECK(EVP_DigestFinal_ex(sha256->running, out, &size) == 1);
    CHECK(size == SHA256_SIZE);
}
