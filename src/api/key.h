/* key.h -- which request this is: its key, its id, and how old it may be.
 *
 * The key is the client's Idempotency-Key, else `proxy-` and the proxy's Crebito-Attempt, else `node-`
 * and a random number. The id is SHA-256 over (account, key), cut to 16 bytes: so a key means one
 * request of one account, and an answer's key, sent back, gives the same id.
 */
#ifndef API_KEY_H
#define API_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/status.h"
#include "http/request.h"

enum { KEY_PREFIX_SIZE_MAX = 6, KEY_TEXT_SIZE_MAX = KEY_SIZE_MAX + KEY_PREFIX_SIZE_MAX };

struct key {
    uint32_t size;
    char text[KEY_TEXT_SIZE_MAX];
};

/* NULL, or the name of the field that is malformed: Idempotency-Key or Crebito-Attempt twice, empty,
 * longer than KEY_SIZE_MAX or not visible ASCII. */
const char *key_read(struct key *out, const struct http_request *request,
                     const struct random *random);

void key_id(const struct key *key, uint64_t account, struct sha256 *sha256,
            uint8_t out[RECORD_ID_SIZE]);

/* *out becomes the smaller of itself and the client's Crebito-Since. False: it is there twice or is
 * not a number. */
MUST_CHECK bool key_since_read(uint64_t *out, const struct http_request *request);

#endif
