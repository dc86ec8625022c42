#include "api/key.h"

#include <string.h>

#include "base/bytes.h"
#include "base/number.h"

static bool is_token(struct http_view value)
{
    bool visible = value.size > 0 && value.size <= KEY_SIZE_MAX;
    for (uint32_t i = 0; visible && i < value.size; i++) {
        visible = value.data[i] > ' ' && value.data[i] <= '~';
    }
    return visible;
}

static void key_set(struct key *out, const char *prefix, const char *text, uint32_t size)
{
    uint32_t prefix_size = (uint32_t)strlen(prefix);
    memcpy(out->text, prefix, prefix_size);
    memcpy(out->text + prefix_size, text, size);
    out->size = prefix_size + size;
}

static void key_make(struct key *out, const struct random *random)
{
    static const char HEX[] = "0123456789abcdef";
    uint8_t bytes[RECORD_ID_SIZE];
    char text[2 * RECORD_ID_SIZE];
    random->fill(random->context, bytes, sizeof(bytes));
    char *digit = text;
    for (uint32_t i = 0; i < RECORD_ID_SIZE; i++) {
        *digit++ = HEX[bytes[i] >> 4];
        *digit++ = HEX[bytes[i] & 15];
    }
    key_set(out, "node-", text, sizeof(text));
}

const char *key_read(struct key *out, const struct http_request *request,
                     const struct random *random)
{
    uint32_t count;
    struct http_view value = http_request_field(request, "idempotency-key", &count);
    if (count > 0) {
        if (count > 1 || !is_token(value)) {
            return "Idempotency-Key";
        }
        key_set(out, "", value.data, value.size);
        return NULL;
    }
    value = http_request_field(request, "crebito-attempt", &count);
    if (count > 0) {
        if (count > 1 || !is_token(value)) {
            return "Crebito-Attempt";
        }
        key_set(out, "proxy-", value.data, value.size);
        return NULL;
    }
    key_make(out, random);
    return NULL;
}

void key_id(const struct key *key, uint64_t account, struct sha256 *sha256,
            uint8_t out[RECORD_ID_SIZE])
{
    uint8_t input[8 + KEY_TEXT_SIZE_MAX];
    uint8_t hash[SHA256_SIZE];
    bytes_put_u64(input, account);
    memcpy(input + 8, key->text, key->size);
    sha256_begin(sha256);
    sha256_add(sha256, input, 8 + key->size);
    sha256_end(sha256, hash);
    memcpy(out, hash, RECORD_ID_SIZE);
}

bool key_since_read(uint64_t *out, const struct http_request *request)
{
    uint32_t count;
    uint64_t since;
    struct http_view value = http_request_field(request, "crebito-since", &count);
    if (count == 0) {
        return true;
    }
    if (count > 1 || !number_read(value.data, value.size, &since)) {
        return false;
    }
    *out = since < *out ? since : *out;
    return true;
}
