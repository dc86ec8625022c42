#include "oracle.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

enum { ORACLE_MEMBERS_MAX = 32, ORACLE_NESTING_MAX = 32 };

struct oracle {
    const char *data;
    size_t size;
    size_t at;
    bool silent;
    bool too_deep;
    json_t *keys[ORACLE_MEMBERS_MAX];
    uint32_t key_count;
    json_t *fields[3]; /* valor, tipo, descricao */
};

static const char *const NAMES[] = {"valor", "tipo", "descricao"};

static bool space_is(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void space_skip(struct oracle *oracle)
{
    while (oracle->at < oracle->size && space_is(oracle->data[oracle->at])) {
        oracle->at++;
    }
}

static bool byte_take(struct oracle *oracle, char byte)
{
    if (oracle->at == oracle->size || oracle->data[oracle->at] != byte) {
        return false;
    }
    oracle->at++;
    return true;
}

static uint32_t depth_of(json_t *value)
{
    uint32_t deepest = 0;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            uint32_t depth = depth_of(json_array_get(value, i));
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (json_is_object(value)) {
        for (void *at = json_object_iter(value); at != NULL;
             at = json_object_iter_next(value, at)) {
            uint32_t depth = depth_of(json_object_iter_value(at));
            deepest = depth > deepest ? depth : deepest;
        }
    } else {
        return 0;
    }
    return deepest + 1;
}

/* One JSON value from oracle->at on, by jansson; NULL if there is none. */
static json_t *value_take(struct oracle *oracle)
{
    json_error_t error;
    space_skip(oracle);
    json_t *value = json_loadb(oracle->data + oracle->at, oracle->size - oracle->at,
                               JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error);
    if (value == NULL) {
        enum json_error_code code = json_error_code(&error);
        oracle->silent = code == json_error_numeric_overflow ||
                         code == json_error_null_byte_in_key || code == json_error_stack_overflow;
        return NULL;
    }
    oracle->at += (size_t)error.position; /* on success: the bytes read */
    return value;
}

static bool key_known(const struct oracle *oracle, const json_t *key)
{
    for (uint32_t i = 0; i < oracle->key_count; i++) {
        if (json_equal(oracle->keys[i], key)) {
            return true;
        }
    }
    return false;
}

static bool member_take(struct oracle *oracle)
{
    json_t *key = value_take(oracle);
    if (!json_is_string(key) || oracle->key_count == ORACLE_MEMBERS_MAX || key_known(oracle, key)) {
        json_decref(key);
        return false;
    }
    oracle->keys[oracle->key_count++] = key;
    space_skip(oracle);
    if (!byte_take(oracle, ':')) {
        return false;
    }
    json_t *value = value_take(oracle);
    if (value == NULL) {
        return false;
    }
    if (depth_of(value) > ORACLE_NESTING_MAX) {
        oracle->too_deep = true;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (json_string_length(key) == strlen(NAMES[i]) &&
            memcmp(json_string_value(key), NAMES[i], strlen(NAMES[i])) == 0) {
            oracle->fields[i] = json_incref(value);
        }
    }
    json_decref(value);
    space_skip(oracle);
    return true;
}

static bool members_take(struct oracle *oracle)
{
    space_skip(oracle);
    if (byte_take(oracle, '}')) {
        return true;
    }
    do {
        if (!member_take(oracle)) {
            return false;
        }
    } while (byte_take(oracle, ','));
    return byte_take(oracle, '}');
}

static bool object_take(struct oracle *oracle)
{
    space_skip(oracle);
    if (!byte_take(oracle, '{') || !members_take(oracle)) {
        return false;
    }
    space_skip(oracle);
    return oracle->at == oracle->size && !oracle->too_deep;
}

/* jansson checked the UTF-8, so every byte that is no continuation begins a character. */
static uint32_t characters_count(const char *text, size_t size)
{
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += ((uint8_t)text[i] & 0xc0) != 0x80;
    }
    return count;
}

static const char *rules_apply(const struct oracle *oracle, struct transaction *out)
{
    const json_t *valor = oracle->fields[0];
    if (!json_is_integer(valor) || json_integer_value(valor) < 1 ||
        json_integer_value(valor) > AMOUNT_MAX) {
        return NAMES[0];
    }
    const json_t *tipo = oracle->fields[1];
    if (!json_is_string(tipo) || json_string_length(tipo) != 1 ||
        (json_string_value(tipo)[0] != 'c' && json_string_value(tipo)[0] != 'd')) {
        return NAMES[1];
    }
    const json_t *descricao = oracle->fields[2];
    const char *text = json_string_value(descricao);
    size_t size = json_string_length(descricao);
    if (text == NULL || size == 0 || characters_count(text, size) > DESCRIPTION_CHARACTERS_MAX ||
        memchr(text, '\0', size) != NULL) {
        return NAMES[2];
    }
    out->amount = (int64_t)json_integer_value(valor);
    out->type = json_string_value(tipo)[0];
    out->description_size = (uint8_t)size;
    memcpy(out->description, text, size);
    return NULL;
}

enum oracle_answer oracle_decode(struct transaction_error *out_error, struct transaction *out,
                                 const char *data, uint32_t size)
{
    struct oracle oracle = {.data = data, .size = size};
    struct transaction_error error = {.fault = TRANSACTION_SYNTAX};
    /* No JSON text holds a zero byte, but jansson overlooks one behind a number. */
    if (size > 0 && memchr(data, 0, size) == NULL && object_take(&oracle)) {
        error.field = rules_apply(&oracle, out);
        error.fault = error.field == NULL ? TRANSACTION_OK : TRANSACTION_RULE;
    }
    for (uint32_t i = 0; i < oracle.key_count; i++) {
        json_decref(oracle.keys[i]);
    }
    for (uint32_t i = 0; i < 3; i++) {
        json_decref(oracle.fields[i]);
    }
    *out_error = error;
    return oracle.silent ? ORACLE_SILENT : ORACLE_SAYS;
}
