/* sha256.h -- SHA-256 by OpenSSL, without its per-call look-ups. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

/* A running hash. One thread at a time. */
struct sha256;

/* Never NULL: a process that cannot have a hash context stops. */
struct sha256 *sha256_open(void);
void sha256_close(struct sha256 *sha256); /* accepts NULL */

void sha256_begin(struct sha256 *sha256);
void sha256_add(struct sha256 *sha256, const void *source, size_t size);

/* The hash of all that was added since sha256_begin. `_peek` leaves the running hash as it is, so
 * that more can be added; after `_end` it must begin again. */
void sha256_peek(const struct sha256 *sha256, uint8_t out[SHA256_SIZE]);
void sha256_end(struct sha256 *sha256, uint8_t out[SHA256_SIZE]);

#endif
