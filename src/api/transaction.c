/* transaction.c -- a scanner for RFC 8259 that keeps three values and builds nothing.
 *
 * The scanner holds one position, which only moves forward; each function takes one piece of the
 * grammar from it and returns false, with a sentence and the position, where the text stops being
 * JSON. Values of unknown keys are scanned the same way and forgotten.
 *
 * A rule that a field breaks is only noted: the rest of the text is still read, because a body that
 * is not JSON is a 400 whatever else is wrong in it. Of several broken rules the first in the order
 * valor, tipo, descricao is reported, so that the answer does not depend on the order of the keys.
 */
#include "api/transaction.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

enum {
    NESTING_MAX = 32, /* of an ignored value; beyond: 400 */
    MEMBERS_MAX =
        32, /* of the object, known and unknown: each new key is held against all; beyond: 400 */
};

static_assert(RECORD_DESCRIPTION_SIZE_MAX == 4 * DESCRIPTION_CHARACTERS_MAX,
              "a character is at most 4 bytes of UTF-8");

enum field { FIELD_VALOR, FIELD_TIPO, FIELD_DESCRICAO, FIELD_COUNT, FIELD_UNKNOWN = FIELD_COUNT };

static const char *const FIELD_NAMES[] = {"valor", "tipo", "descricao"};

static const char *const FIELD_MISSING[] = {
    "valor is missing: it must be a positive integer of at most 9007199254740991 cents",
    "tipo is missing: it must be \"c\" (credit) or \"d\" (debit)",
    "descricao is missing: it must be a string of 1 to 10 characters",
};

static const char *const FIELD_WRONG[] = {
    "valor must be a positive integer of at most 9007199254740991 cents",
    "tipo must be \"c\" (credit) or \"d\" (debit)",
    "descricao must be a string of 1 to 10 characters",
};

static const char DESCRICAO_HAS_NUL[] = "descricao must not contain the character U+0000";

struct scanner {
    const uint8_t *at;
    const uint8_t *end;
    const char *detail; /* set when a piece was not there */
};

/* A string between its quotes, as it was written and known to be well formed. */
struct text {
    const uint8_t *data;
    uint32_t size;
    uint32_t characters; /* code points after unescaping */
    bool escaped;        /* holds a backslash: data is not what it says */
};

struct number {
    uint64_t magnitude; /* meaningless when not an integer; above AMOUNT_MAX it only says so */
    bool integer;       /* written without fraction and exponent */
};

struct decoder {
    struct scanner scanner;
    struct transaction values;
    const char *wrong[FIELD_COUNT]; /* what is wrong with the field, NULL when nothing is */
    uint32_t seen;                  /* a bit for each known field */
    uint32_t member_count;
    uint32_t key_count;
    struct text keys[MEMBERS_MAX]; /* the unknown ones */
};

__attribute__((noinline, cold)) static bool scanner_fail(struct scanner *scanner, const uint8_t *at,
                                                         const char *detail)
{
    scanner->at = at;
    scanner->detail = detail;
    return false;
}

static inline void space_skip(struct scanner *scanner)
{
    const uint8_t *at = scanner->at;
    while (at < scanner->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
        at++;
    }
    scanner->at = at;
}

/* Takes the byte if it is next. */
static inline bool byte_take(struct scanner *scanner, uint8_t byte)
{
    if (scanner->at == scanner->end || *scanner->at != byte) {
        return false;
    }
    scanner->at++;
    return true;
}

static inline bool digit_is_next(const struct scanner *scanner)
{
    return scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9';
}

/* Bytes of the UTF-8 sequence at `at`, which is not ASCII; 0 if it is none: overlong, a surrogate,
 * beyond U+10FFFF, or cut (RFC 3629, section 4). */
static uint32_t utf8_sequence_size(const uint8_t *at, const uint8_t *end)
{
    uint8_t lead = *at;
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    uint32_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if ((uint32_t)(end - at) < size) {
        return 0;
    }
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (uint32_t i = 2; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

/* The value of four hexadecimal digits, or -1. */
static int32_t hex4_decode(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 4) {
        return -1;
    }
    int32_t value = 0;
    for (uint32_t i = 0; i < 4; i++) {
        int32_t digit;
        if (at[i] >= '0' && at[i] <= '9') {
            digit = at[i] - '0';
        } else if ((at[i] | 0x20) >= 'a' && (at[i] | 0x20) <= 'f') {
            digit = (at[i] | 0x20) - 'a' + 10;
        } else {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

/* Decodes the escape at `at`, a backslash. Returns its size, 0 if it is none; a pair of surrogates
 * is one escape of 12 bytes, and one alone is none. */
static uint32_t escape_decode(const uint8_t *at, const uint8_t *end, uint32_t *out_code)
{
    static const char LETTERS[] = "\"\\/bfnrt";
    static const char MEANINGS[] = "\"\\/\b\f\n\r\t";
    if (end - at < 2) {
        return 0;
    }
    if (at[1] != 'u') {
        const char *letter = memchr(LETTERS, at[1], sizeof(LETTERS) - 1);
        if (letter == NULL) {
            return 0;
        }
        *out_code = (uint8_t)MEANINGS[letter - LETTERS];
        return 2;
    }
    int32_t code = hex4_decode(at + 2, end);
    if (code < 0 || (code >= 0xdc00 && code <= 0xdfff)) {
        return 0;
    }
    if (code < 0xd800 || code > 0xdbff) {
        *out_code = (uint32_t)code;
        return 6;
    }
    if (end - at < 12 || at[6] != '\\' || at[7] != 'u') {
        return 0;
    }
    int32_t low = hex4_decode(at + 8, end);
    if (low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *out_code = 0x10000 + ((uint32_t)(code - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    return 12;
}

/* The bytes that stand for themselves: ASCII without control characters, quote and backslash. */
static inline bool byte_is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* The first byte from `at` on that is not plain, or `end`. Eight bytes at a time: in each term the
 * high bit of the lowest byte that matches is set, and a borrow reaches only bytes above it. */
static inline const uint8_t *plain_skip(const uint8_t *at, const uint8_t *end)
{
    static const uint64_t ONES = UINT64_C(0x0101010101010101);
    static const uint64_t HIGHS = UINT64_C(0x8080808080808080);
    while (end - at >= 8) {
        uint64_t word = bytes_get_u64(at);
        uint64_t quote = word ^ ONES * '"';
        uint64_t backslash = word ^ ONES * '\\';
        uint64_t found = (word | ((word - ONES * 0x20) & ~word) | ((quote - ONES) & ~quote) |
                          ((backslash - ONES) & ~backslash)) &
                         HIGHS;
        if (found != 0) {
            return at + (__builtin_ctzll(found) >> 3);
        }
        at += 8;
    }
    while (at < end && byte_is_plain(*at)) {
        at++;
    }
    return at;
}

/* Takes the one character at scanner->at inside a string that is not plain: an escape, or one
 * beyond ASCII. */
static bool string_character_take(struct scanner *scanner, struct text *text)
{
    uint32_t size;
    uint32_t code;
    if (*scanner->at == '\\') {
        size = escape_decode(scanner->at, scanner->end, &code);
        text->escaped = true;
        if (size == 0) {
            return scanner_fail(scanner, scanner->at, "a string holds an invalid escape");
        }
    } else {
        if (*scanner->at < 0x20) {
            return scanner_fail(scanner, scanner->at,
                                "a string holds a control character that is not escaped");
        }
        size = utf8_sequence_size(scanner->at, scanner->end);
        if (size == 0) {
            return scanner_fail(scanner, scanner->at, "a string is not valid UTF-8");
        }
    }
    scanner->at += size;
    return true;
}

/* Takes the rest of a string from the first byte on that is not plain; scanner->at stands there. */
__attribute__((noinline)) static bool string_take_rest(struct scanner *scanner, struct text *out)
{
    while (scanner->at < scanner->end && *scanner->at != '"') {
        if (!string_character_take(scanner, out)) {
            return false;
        }
        const uint8_t *run = scanner->at;
        scanner->at = plain_skip(run, scanner->end);
        out->characters += 1 + (uint32_t)(scanner->at - run);
    }
    if (scanner->at == scanner->end) {
        return scanner_fail(scanner, scanner->at, "the text ends inside a string");
    }
    out->size = (uint32_t)(scanner->at - out->data);
    scanner->at++;
    return true;
}

/* Takes the string whose quote is next. Fields are set one by one: a struct built aside and copied
 * whole is read back wider than it was written, and the processor then waits for the writes. */
static inline bool string_take(struct scanner *scanner, struct text *out)
{
    const uint8_t *start = scanner->at + 1;
    const uint8_t *at = plain_skip(start, scanner->end);
    out->data = start;
    out->size = (uint32_t)(at - start);
    out->characters = out->size;
    out->escaped = false;
    if (at == scanner->end || *at != '"') {
        scanner->at = at;
        return string_take_rest(scanner, out);
    }
    scanner->at = at + 1;
    return true;
}

/* The code point at *at inside a text, which moves behind it. */
static uint32_t text_next(const uint8_t **at, const uint8_t *end)
{
    uint8_t lead = **at;
    uint32_t code = lead;
    uint32_t size = 1;
    if (lead == '\\') {
        size = escape_decode(*at, end, &code);
    } else if (lead >= 0x80) {
        size = utf8_sequence_size(*at, end);
        code = lead & (0x7fU >> size);
        for (uint32_t i = 1; i < size; i++) {
            code = code << 6 | ((*at)[i] & 0x3fU);
        }
    }
    CHECK(size > 0); /* string_take looked at every one */
    *at += size;
    return code;
}

static bool text_equal(const struct text *left, const struct text *right)
{
    if (left->characters != right->characters) {
        return false;
    }
    if (!left->escaped && !right->escaped) {
        return left->size == right->size && memcmp(left->data, right->data, left->size) == 0;
    }
    const uint8_t *left_at = left->data;
    const uint8_t *right_at = right->data;
    for (uint32_t i = 0; i < left->characters; i++) {
        if (text_next(&left_at, left->data + left->size) !=
            text_next(&right_at, right->data + right->size)) {
            return false;
        }
    }
    return true;
}

static uint32_t utf8_encode(uint8_t *target, uint32_t code)
{
    if (code < 0x80) {
        target[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        target[0] = (uint8_t)(0xc0 | code >> 6);
        target[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        target[0] = (uint8_t)(0xe0 | code >> 12);
        target[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        target[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    target[0] = (uint8_t)(0xf0 | code >> 18);
    target[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    target[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    target[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* number = [ "-" ] ( "0" / digit1-9 *DIGIT ) [ "." 1*DIGIT ] [ "e" [ "-" / "+" ] 1*DIGIT ] */
static bool digits_take(struct scanner *scanner)
{
    if (!digit_is_next(scanner)) {
        return scanner_fail(scanner, scanner->at, "a number lacks a digit here");
    }
    while (digit_is_next(scanner)) {
        scanner->at++;
    }
    return true;
}

/* The value of the digits at scanner->at; once beyond AMOUNT_MAX it stays beyond. */
static inline uint64_t magnitude_take(struct scanner *scanner)
{
    uint64_t magnitude = 0;
    const uint8_t *at = scanner->at;
    for (; at < scanner->end && *at >= '0' && *at <= '9'; at++) {
        if (magnitude <= (uint64_t)AMOUNT_MAX) {
            magnitude = magnitude * 10 + (uint64_t)(*at - '0');
        }
    }
    scanner->at = at;
    return magnitude;
}

static bool number_take(struct scanner *scanner, struct number *out)
{
    out->integer = true;
    (void)byte_take(scanner, '-'); /* what is negative is never asked for its magnitude */
    out->magnitude = 0;
    if (!digit_is_next(scanner)) {
        return scanner_fail(scanner, scanner->at, "a number lacks a digit here");
    }
    if (!byte_take(scanner, '0')) { /* after a leading 0 no digit may follow */
        out->magnitude = magnitude_take(scanner);
    }
    if (byte_take(scanner, '.')) {
        out->integer = false;
        if (!digits_take(scanner)) {
            return false;
        }
    }
    if (byte_take(scanner, 'e') || byte_take(scanner, 'E')) {
        out->integer = false;
        if (!byte_take(scanner, '+')) {
            (void)byte_take(scanner, '-');
        }
        return digits_take(scanner);
    }
    return true;
}

static bool literal_take(struct scanner *scanner, const char *literal, uint32_t size)
{
    if ((uint32_t)(scanner->end - scanner->at) < size || memcmp(scanner->at, literal, size) != 0) {
        return scanner_fail(scanner, scanner->at, "expected a value");
    }
    scanner->at += size;
    return true;
}

/* Takes a key and its colon, with the space around them. */
static inline bool key_take(struct scanner *scanner, struct text *out)
{
    space_skip(scanner);
    if (scanner->at == scanner->end || *scanner->at != '"') {
        return scanner_fail(scanner, scanner->at, "expected a key in double quotes");
    }
    if (!string_take(scanner, out)) {
        return false;
    }
    space_skip(scanner);
    if (!byte_take(scanner, ':')) {
        return scanner_fail(scanner, scanner->at, "expected a colon after the key");
    }
    space_skip(scanner);
    return true;
}

static bool value_skip(struct scanner *scanner, uint32_t depth);

/* Skips the array or object whose first byte was taken, `depth` levels deep. */
static bool container_skip(struct scanner *scanner, bool object, uint32_t depth)
{
    uint8_t closing = object ? '}' : ']';
    if (depth > NESTING_MAX) {
        return scanner_fail(scanner, scanner->at - 1,
                            "values of unknown keys are nested more than 32 levels deep");
    }
    space_skip(scanner);
    if (byte_take(scanner, closing)) {
        return true;
    }
    do {
        struct text key;
        if (object && !key_take(scanner, &key)) {
            return false;
        }
        space_skip(scanner);
        if (!value_skip(scanner, depth)) {
            return false;
        }
        space_skip(scanner);
    } while (byte_take(scanner, ','));
    if (!byte_take(scanner, closing)) {
        return scanner_fail(scanner, scanner->at,
                            object ? "expected a comma or }" : "expected a comma or ]");
    }
    return true;
}

/* Takes any value. `depth` counts the arrays and objects around it; the recursion ends at
 * NESTING_MAX. */
static bool value_skip(struct scanner *scanner, uint32_t depth)
{
    struct text text;
    struct number number;
    if (scanner->at == scanner->end) {
        return scanner_fail(scanner, scanner->at, "the text ends where a value is expected");
    }
    switch (*scanner->at) {
    case '"':
        return string_take(scanner, &text);
    case '{':
    case '[':
        scanner->at++;
        return container_skip(scanner, scanner->at[-1] == '{', depth + 1);
    case 't':
        return literal_take(scanner, "true", 4);
    case 'f':
        return literal_take(scanner, "false", 5);
    case 'n':
        return literal_take(scanner, "null", 4);
    default:
        if (*scanner->at != '-' && !digit_is_next(scanner)) {
            return scanner_fail(scanner, scanner->at, "expected a value");
        }
        return number_take(scanner, &number);
    }
}

static bool valor_take(struct decoder *decoder)
{
    struct scanner *scanner = &decoder->scanner;
    struct number number;
    decoder->wrong[FIELD_VALOR] = FIELD_WRONG[FIELD_VALOR];
    if (!digit_is_next(scanner)) {
        return value_skip(scanner, 0);
    }
    if (!number_take(scanner, &number)) {
        return false;
    }
    if (number.integer && number.magnitude > 0 && number.magnitude <= (uint64_t)AMOUNT_MAX) {
        decoder->values.amount = (int64_t)number.magnitude;
        decoder->wrong[FIELD_VALOR] = NULL;
    }
    return true;
}

static void tipo_set(struct decoder *decoder, const struct text *text)
{
    if (text->characters == 1) {
        const uint8_t *at = text->data;
        uint32_t code = text_next(&at, text->data + text->size);
        if (code == 'c' || code == 'd') {
            decoder->values.type = (char)code;
            decoder->wrong[FIELD_TIPO] = NULL;
        }
    }
}

/* Writes what the text says as UTF-8; returns its bytes, 0 if U+0000 is among them. */
static uint32_t text_unescape(uint8_t *target, const struct text *text)
{
    const uint8_t *at = text->data;
    uint32_t size = 0;
    for (uint32_t i = 0; i < text->characters; i++) {
        uint32_t code = text_next(&at, text->data + text->size);
        if (code == 0) {
            return 0;
        }
        size += utf8_encode(target + size, code);
    }
    return size;
}

static void descricao_set(struct decoder *decoder, const struct text *text)
{
    if (text->characters == 0 || text->characters > DESCRIPTION_CHARACTERS_MAX) {
        return;
    }
    uint32_t size = text->size;
    if (text->escaped) {
        size = text_unescape((uint8_t *)decoder->values.description, text);
    } else {
        memcpy(decoder->values.description, text->data, size);
    }
    decoder->values.description_size = (uint8_t)size;
    decoder->wrong[FIELD_DESCRICAO] = size > 0 ? NULL : DESCRICAO_HAS_NUL;
}

static bool text_field_take(struct decoder *decoder, enum field field)
{
    struct scanner *scanner = &decoder->scanner;
    struct text text;
    decoder->wrong[field] = FIELD_WRONG[field];
    if (scanner->at == scanner->end || *scanner->at != '"') {
        return value_skip(scanner, 0);
    }
    if (!string_take(scanner, &text)) {
        return false;
    }
    if (field == FIELD_TIPO) {
        tipo_set(decoder, &text);
    } else {
        descricao_set(decoder, &text);
    }
    return true;
}

/* Unescaped keys, which are all but none, are compared as constants. */
static inline enum field field_find(const struct text *key)
{
    if (!key->escaped) {
        switch (key->size) {
        case 4:
            return memcmp(key->data, "tipo", 4) == 0 ? FIELD_TIPO : FIELD_UNKNOWN;
        case 5:
            return memcmp(key->data, "valor", 5) == 0 ? FIELD_VALOR : FIELD_UNKNOWN;
        case 9:
            return memcmp(key->data, "descricao", 9) == 0 ? FIELD_DESCRICAO : FIELD_UNKNOWN;
        default:
            return FIELD_UNKNOWN;
        }
    }
    for (enum field field = FIELD_VALOR; field < FIELD_COUNT; field++) {
        uint32_t size = (uint32_t)strlen(FIELD_NAMES[field]);
        struct text name = {(const uint8_t *)FIELD_NAMES[field], size, size, false};
        if (text_equal(key, &name)) {
            return field;
        }
    }
    return FIELD_UNKNOWN;
}

/* Notes the key; false if the object has it already. */
static bool key_note(struct decoder *decoder, enum field field, const struct text *key)
{
    if (field != FIELD_UNKNOWN) {
        bool first = (decoder->seen & 1U << field) == 0;
        decoder->seen |= 1U << field;
        return first;
    }
    for (uint32_t i = 0; i < decoder->key_count; i++) {
        if (text_equal(key, &decoder->keys[i])) {
            return false;
        }
    }
    decoder->keys[decoder->key_count++] = *key;
    return true;
}

static bool member_take(struct decoder *decoder)
{
    struct scanner *scanner = &decoder->scanner;
    struct text key;
    if (!key_take(scanner, &key)) {
        return false;
    }
    if (decoder->member_count == MEMBERS_MAX) {
        return scanner_fail(scanner, key.data - 1, "the object has more than 32 members");
    }
    decoder->member_count++;
    enum field field = field_find(&key);
    if (!key_note(decoder, field, &key)) {
        return scanner_fail(scanner, key.data - 1, "the object has this key twice");
    }
    switch (field) {
    case FIELD_VALOR:
        return valor_take(decoder);
    case FIELD_TIPO:
    case FIELD_DESCRICAO:
        return text_field_take(decoder, field);
    default:
        return value_skip(scanner, 0);
    }
}

static bool members_take(struct decoder *decoder)
{
    struct scanner *scanner = &decoder->scanner;
    space_skip(scanner);
    if (byte_take(scanner, '}')) {
        return true;
    }
    do {
        if (!member_take(decoder)) {
            return false;
        }
        space_skip(scanner);
    } while (byte_take(scanner, ','));
    if (!byte_take(scanner, '}')) {
        return scanner_fail(scanner, scanner->at, "expected a comma or }");
    }
    return true;
}

static bool object_take(struct decoder *decoder)
{
    struct scanner *scanner = &decoder->scanner;
    space_skip(scanner);
    if (!byte_take(scanner, '{')) {
        return scanner_fail(scanner, scanner->at, "expected a JSON object, which begins with {");
    }
    if (!members_take(decoder)) {
        return false;
    }
    space_skip(scanner);
    if (scanner->at != scanner->end) {
        return scanner_fail(scanner, scanner->at, "only white space may follow the object");
    }
    return true;
}

struct transaction_error transaction_decode(struct transaction *out, const char *data,
                                            uint32_t size)
{
    struct decoder decoder; /* not cleared: `keys` is large and written before it is read */
    const uint8_t *start = (const uint8_t *)data;
    /* An empty body may have no address, and nothing may be added to that. */
    decoder.scanner = (struct scanner){.at = start, .end = size == 0 ? start : start + size};
    decoder.values = (struct transaction){0};
    decoder.seen = 0;
    decoder.member_count = 0;
    decoder.key_count = 0;
    memcpy(decoder.wrong, FIELD_MISSING, sizeof(decoder.wrong));

    if (!object_take(&decoder)) {
        return (struct transaction_error){.fault = TRANSACTION_SYNTAX,
                                          .detail = decoder.scanner.detail,
                                          .offset = (uint32_t)(decoder.scanner.at - start)};
    }
    for (uint32_t field = 0; field < FIELD_COUNT; field++) {
        if (decoder.wrong[field] != NULL) {
            return (struct transaction_error){.fault = TRANSACTION_RULE,
                                              .field = FIELD_NAMES[field],
                                              .detail = decoder.wrong[field]};
        }
    }
    *out = decoder.values;
    return (struct transaction_error){.fault = TRANSACTION_OK};
}
