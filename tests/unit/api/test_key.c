#include "api/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_SIZE_MAX = 2048 };

static void seven_fill(void *context, void *target, size_t size)
{
    (void)context;
    memset(target, 0x7a, size);
}

static const struct random SEVEN = {seven_fill, NULL};

/* A request with these fields, parsed as the server does; they are well-formed HTTP. */
struct parsed {
    char text[TEXT_SIZE_MAX];
    struct http_request request;
};

static void parse(struct parsed *parsed, const char *fields)
{
    int size = snprintf(parsed->text, sizeof(parsed->text),
                        "POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    assert_in_range(size, 1, TEXT_SIZE_MAX - 1);
    struct http_parse_result result =
        http_request_parse(&parsed->request, parsed->text, (uint32_t)size);
    assert_int_equal(result.answer, HTTP_PARSE_DONE);
}

static const char *read_key(struct key *key, const char *fields)
{
    static struct parsed parsed;
    parse(&parsed, fields);
    memset(key, 0xee, sizeof(*key));
    return key_read(key, &parsed.request, &SEVEN);
}

static void expect_key(const char *fields, const char *text)
{
    struct key key;
    assert_null(read_key(&key, fields));
    assert_int_equal(key.size, strlen(text));
    assert_memory_equal(key.text, text, key.size);
}

static void refuse(const char *fields, const char *name)
{
    struct key key;
    const char *found = read_key(&key, fields);
    assert_non_null(found);
    assert_string_equal(found, name);
}

static void the_client_s_key_is_taken_before_the_proxy_s_before_one_of_our_own(void **state)
{
    (void)state;
    expect_key("Idempotency-Key: abc\r\n", "abc");
    expect_key("Idempotency-Key: abc\r\nCrebito-Attempt: def\r\n", "abc");
    expect_key("Crebito-Attempt: def\r\nidempotency-key: abc\r\n", "abc");
    expect_key("Crebito-Attempt: def\r\n", "proxy-def");
    expect_key("X-Request-Id: def\r\n", "node-7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a");
    expect_key("", "node-7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a");
    expect_key("Idempotency-Key:   abc \t\r\n", "abc"); /* white space around it is not its */
}

static void a_key_is_there_once_or_is_malformed(void **state)
{
    (void)state;
    refuse("Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "Idempotency-Key");
    refuse("Idempotency-Key: a\r\nIDEMPOTENCY-KEY: b\r\n", "Idempotency-Key");
    refuse("Idempotency-Key:\r\n", "Idempotency-Key");
    refuse("Idempotency-Key:\r\nCrebito-Attempt: a\r\n", "Idempotency-Key");
    refuse("Crebito-Attempt: a\r\nCrebito-Attempt: a\r\n", "Crebito-Attempt");
    refuse("Crebito-Attempt:\r\n", "Crebito-Attempt");
}

static void expect_size(const char *name, const char *prefix, int size)
{
    char value[KEY_SIZE_MAX + 3];
    char fields[KEY_SIZE_MAX + 64];
    char text[KEY_SIZE_MAX + 16];
    memset(value, 'k', (size_t)size);
    value[size] = '\0';
    (void)snprintf(fields, sizeof(fields), "%s: %s\r\n", name, value);
    (void)snprintf(text, sizeof(text), "%s%s", prefix, value);
    if (size <= KEY_SIZE_MAX) {
        expect_key(fields, text);
    } else {
        refuse(fields, name);
    }
}

static void a_key_has_1_to_128_bytes(void **state)
{
    (void)state;
    for (int size = 1; size <= KEY_SIZE_MAX + 2; size++) {
        expect_size("Idempotency-Key", "", size);
        expect_size("Crebito-Attempt", "proxy-", size);
    }
}

/* The byte is put there behind the parser, which would refuse some. */
static void expect_byte(int place, int byte)
{
    static struct parsed parsed;
    struct key key;
    parse(&parsed, "Idempotency-Key: abc\r\n");
    *(strstr(parsed.text, "abc") + place) = (char)byte;
    const char *refused = key_read(&key, &parsed.request, &SEVEN);
    assert_int_equal(refused == NULL, byte > ' ' && byte <= '~');
    assert_true(refused != NULL || key.text[place] == (char)byte);
}

static void a_key_is_visible_ascii_at_every_place(void **state)
{
    (void)state;
    for (int place = 0; place < 3; place++) {
        for (int byte = 0; byte < 256; byte++) {
            expect_byte(place, byte);
        }
    }
}

static void expect_id(uint64_t account, const char *text, const uint8_t expected[RECORD_ID_SIZE])
{
    struct key key = {.size = (uint32_t)strlen(text)};
    uint8_t id[RECORD_ID_SIZE];
    struct sha256 *sha256 = sha256_open();
    memcpy(key.text, text, key.size);
    for (int i = 0; i < 2; i++) { /* the hash is used again and again */
        key_id(&key, account, sha256, id);
        assert_memory_equal(id, expected, RECORD_ID_SIZE);
    }
    sha256_close(sha256);
}

/* Made by Python's hashlib: sha256(struct.pack("<Q", account) + key).digest()[:16]. Clients' keys mean
 * the same request for as long as the bank lives, so these may never change. */
static void an_id_is_the_hash_of_account_and_key(void **state)
{
    (void)state;
    static const uint8_t ID_0[] = {0xaf, 0x55, 0x70, 0xf5, 0xa1, 0x81, 0x0b, 0x7a,
                                   0xf7, 0x8c, 0xaf, 0x4b, 0xc7, 0x0a, 0x66, 0x0f};
    static const uint8_t ID_1[] = {0x22, 0xa5, 0xc7, 0x04, 0x5b, 0xc3, 0x6a, 0x32,
                                   0xe6, 0x4f, 0x06, 0x3f, 0xf4, 0xe7, 0x94, 0x6d};
    static const uint8_t ID_2[] = {0x13, 0x94, 0x48, 0x58, 0x7b, 0xd4, 0xb9, 0x3c,
                                   0x20, 0xfd, 0xd0, 0xf7, 0x7f, 0xc2, 0x9c, 0x42};
    static const uint8_t ID_3[] = {0x71, 0x7f, 0xe5, 0x11, 0xd1, 0x0c, 0x50, 0x76,
                                   0x46, 0xd2, 0xce, 0xd6, 0x95, 0xde, 0x99, 0x8e};
    expect_id(UINT64_C(0x0), "", ID_0);
    expect_id(UINT64_C(0x1), "abc", ID_1);
    expect_id(UINT64_C(0x102030405060708), "proxy-7f", ID_2);
    expect_id(UINT64_C(0xffffffffffffffff), "~", ID_3);
}

static void an_answer_s_key_sent_back_gives_the_same_id(void **state)
{
    (void)state;
    static const char *const FIELDS[] = {"", "Crebito-Attempt: abc\r\n", "Idempotency-Key: a\r\n"};
    struct sha256 *sha256 = sha256_open();
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        struct key key;
        struct key back;
        char fields[KEY_TEXT_SIZE_MAX + 32];
        uint8_t id[RECORD_ID_SIZE];
        uint8_t id_back[RECORD_ID_SIZE];
        assert_null(read_key(&key, FIELDS[i]));
        (void)snprintf(fields, sizeof(fields), "Idempotency-Key: %.*s\r\n", (int)key.size,
                       key.text);
        assert_null(read_key(&back, fields));
        key_id(&key, 5, sha256, id);
        key_id(&back, 5, sha256, id_back);
        assert_memory_equal(id, id_back, RECORD_ID_SIZE);
        key_id(&back, 6, sha256, id_back);
        assert_memory_not_equal(id, id_back, RECORD_ID_SIZE);
    }
    sha256_close(sha256);
}

static bool read_since(const char *fields, uint64_t *since)
{
    static struct parsed parsed;
    parse(&parsed, fields);
    return key_since_read(since, &parsed.request);
}

static void since_is_the_smaller_of_the_node_s_and_the_client_s(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        uint64_t own;
        uint64_t expected;
    } CASES[] = {
        {"",                                        100, 100},
        {"Crebito-Since: 0\r\n",                    100, 0  },
        {"Crebito-Since: 99\r\n",                   100, 99 },
        {"Crebito-Since: 100\r\n",                  100, 100},
        {"Crebito-Since: 101\r\n",                  100, 100},
        {"Crebito-Since: 18446744073709551615\r\n", 100, 100},
        {"Crebito-Since: 5\r\n",                    0,   0  },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        uint64_t since = CASES[i].own;
        assert_true(read_since(CASES[i].fields, &since));
        assert_true(since == CASES[i].expected);
    }
}

static void a_since_that_is_no_number_or_there_twice_is_malformed(void **state)
{
    (void)state;
    static const char *const FIELDS[] = {
        "Crebito-Since:\r\n",      "Crebito-Since: -1\r\n",
        "Crebito-Since: x\r\n",    "Crebito-Since: 1.0\r\n",
        "Crebito-Since: 01\r\n",   "Crebito-Since: 18446744073709551616\r\n",
        "Crebito-Since: 1, 2\r\n", "Crebito-Since: 1\r\nCrebito-Since: 1\r\n",
    };
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        uint64_t since = 100;
        assert_false(read_since(FIELDS[i], &since));
        assert_true(since == 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_s_key_is_taken_before_the_proxy_s_before_one_of_our_own),
        cmocka_unit_test(a_key_is_there_once_or_is_malformed),
        cmocka_unit_test(a_key_has_1_to_128_bytes),
        cmocka_unit_test(a_key_is_visible_ascii_at_every_place),
        cmocka_unit_test(an_id_is_the_hash_of_account_and_key),
        cmocka_unit_test(an_answer_s_key_sent_back_gives_the_same_id),
        cmocka_unit_test(since_is_the_smaller_of_the_node_s_and_the_client_s),
        cmocka_unit_test(a_since_that_is_no_number_or_there_twice_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
