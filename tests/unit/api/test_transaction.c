#include "api/transaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oracle.h"

enum { BODY_SIZE_MAX = 16384 };

static const char VALID[] = "{\"valor\": 1000, \"tipo\": \"c\", \"descricao\": \"descricao\"}";
static const char VALID_ESCAPED[] =
    "{\"des\\u0063ricao\":\"\\ud83d\\ude00\xc3\xa9\\n\",\"x\":[1.5e-3,{\"k\":[]},null],"
    "\"valor\":9007199254740991,\"tipo\":\"\\u0064\"}";

/* Decodes from an allocation of exactly `size` bytes, so that a sanitizer sees a read beyond. */
static struct transaction_error decode(struct transaction *out, const char *data, uint32_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    struct transaction_error error = transaction_decode(out, copy, size);
    free(copy);
    assert_true(error.offset <= size);
    assert_int_equal(error.detail == NULL, error.fault == TRANSACTION_OK);
    assert_int_equal(error.field != NULL, error.fault == TRANSACTION_RULE);
    return error;
}

struct body {
    uint32_t size;
    char data[1200];
};

/* Adds `text` `count` times; the body stays a string. */
static void body_add(struct body *body, const char *text, uint32_t count)
{
    uint32_t size = (uint32_t)strlen(text);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(body->size + size < sizeof(body->data));
        memcpy(body->data + body->size, text, size);
        body->size += size;
    }
    body->data[body->size] = '\0';
}

static void expect_syntax(const char *data, uint32_t size, uint32_t offset)
{
    struct transaction out;
    struct transaction_error error = decode(&out, data, size);
    if (error.fault != TRANSACTION_SYNTAX || error.offset != offset) {
        fail_msg("%.*s: fault %d, offset %u, expected a syntax error at %u", (int)size, data,
                 (int)error.fault, error.offset, offset);
    }
}

static void expect_rule(const char *body, const char *field)
{
    struct transaction out;
    struct transaction_error error = decode(&out, body, (uint32_t)strlen(body));
    if (error.fault != TRANSACTION_RULE || strcmp(error.field, field) != 0) {
        fail_msg("%s: fault %d, field %s", body, (int)error.fault,
                 error.field == NULL ? "none" : error.field);
    }
    assert_ptr_equal(strstr(error.detail, field), error.detail); /* the detail begins with it */
}

static struct transaction expect_ok(const char *body)
{
    struct transaction out;
    struct transaction_error error = decode(&out, body, (uint32_t)strlen(body));
    if (error.fault != TRANSACTION_OK) {
        fail_msg("%s: %s", body, error.detail);
    }
    return out;
}

static void expect_agreement(const char *data, uint32_t size)
{
    struct transaction out;
    struct transaction expected;
    struct transaction_error expected_error;
    struct transaction_error error = decode(&out, data, size);
    if (oracle_decode(&expected_error, &expected, data, size) == ORACLE_SILENT) {
        return;
    }
    if (error.fault != expected_error.fault ||
        (error.fault == TRANSACTION_RULE && strcmp(error.field, expected_error.field) != 0)) {
        fail_msg("%.*s: fault %d, the oracle says %d", (int)size, data, (int)error.fault,
                 (int)expected_error.fault);
    }
    if (error.fault == TRANSACTION_OK) {
        assert_int_equal(out.amount, expected.amount);
        assert_int_equal(out.type, expected.type);
        assert_int_equal(out.description_size, expected.description_size);
        assert_memory_equal(out.description, expected.description, out.description_size);
    }
}

static void test_a_valid_body_gives_its_values(void **state)
{
    (void)state;
    struct transaction out = expect_ok(VALID);
    assert_int_equal(out.amount, 1000);
    assert_int_equal(out.type, 'c');
    assert_int_equal(out.description_size, 9);
    assert_memory_equal(out.description, "descricao", 9);

    out = expect_ok(VALID_ESCAPED);
    assert_int_equal(out.amount, AMOUNT_MAX);
    assert_int_equal(out.type, 'd');
    assert_int_equal(out.description_size, 7);
    assert_memory_equal(out.description, "\xf0\x9f\x98\x80\xc3\xa9\n", 7);
}

static void test_keys_stand_in_any_order_and_unknown_ones_are_ignored(void **state)
{
    (void)state;
    static const char *const MEMBERS[] = {"\"valor\":7", "\"tipo\":\"d\"", "\"descricao\":\"z\"",
                                          "\"outro\":{\"valor\":1}"};
    for (uint32_t order = 0; order < 256; order++) {
        uint32_t place[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
        if ((1U << place[0] | 1U << place[1] | 1U << place[2] | 1U << place[3]) != 15) {
            continue;
        }
        char body[128];
        (void)snprintf(body, sizeof(body), " {\n%s ,\t%s,%s\r,%s } ", MEMBERS[place[0]],
                       MEMBERS[place[1]], MEMBERS[place[2]], MEMBERS[place[3]]);
        struct transaction out = expect_ok(body);
        assert_int_equal(out.amount, 7);
        assert_int_equal(out.type, 'd');
        assert_memory_equal(out.description, "z", out.description_size);
    }
}

static void test_valor_is_an_integer_from_1_to_2_53_minus_1(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "0",
        "-0",
        "-1",
        "1.0",
        "1.2",
        "1e3",
        "1E+3",
        "0.5",
        "-1.5e-7",
        "\"1\"",
        "true",
        "false",
        "null",
        "[]",
        "[1]",
        "{}",
        "{\"valor\":1}",
        "\"\"",
        "9007199254740992",
        "9007199254740993",
        "90071992547409910",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551617",
        "1e999",
        "10000000000000000000000000000000000001",
    };
    static const char *const RIGHT[] = {"1", "10", "9007199254740991", "9007199254740990"};
    char body[256];
    for (uint32_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"valor\":%s,\"tipo\":\"c\",\"descricao\":\"a\"}",
                       WRONG[i]);
        expect_rule(body, "valor");
    }
    for (uint32_t i = 0; i < sizeof(RIGHT) / sizeof(RIGHT[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"valor\":%s,\"tipo\":\"c\",\"descricao\":\"a\"}",
                       RIGHT[i]);
        assert_int_equal(expect_ok(body).amount, strtoll(RIGHT[i], NULL, 10));
    }
}

static void test_a_number_of_a_thousand_digits_breaks_the_rule_and_not_the_syntax(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 1000; count++) {
        struct body body = {0};
        body_add(&body, "{\"tipo\":\"c\",\"descricao\":\"a\",\"valor\":", 1);
        body_add(&body, "9", count);
        body_add(&body, "}", 1);
        if (count <= 15) {
            (void)expect_ok(body.data);
        } else {
            expect_rule(body.data, "valor");
        }
    }
}

static void test_tipo_is_exactly_c_or_d(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "\"x\"",        "\"C\"",       "\"D\"",
        "\"\"",         "\"cc\"",      "\" c\"",
        "\"c \"",       "null",        "1",
        "[\"c\"]",      "true",        "{\"c\":\"d\"}",
        "\"c\\u0000\"", "\"credito\"", "\"\xc3\xa7\"",
        "\"\\u0000\"",  "\"\\u0163\"", "\"\\ud800\\udc63\"",
    };
    char body[256];
    for (uint32_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"valor\":1,\"tipo\":%s,\"descricao\":\"a\"}",
                       WRONG[i]);
        expect_rule(body, "tipo");
    }
    assert_int_equal(expect_ok("{\"valor\":1,\"tipo\":\"\\u0063\",\"descricao\":\"a\"}").type, 'c');
}

static void test_descricao_has_1_to_10_characters_whatever_their_bytes(void **state)
{
    (void)state;
    static const char *const CHARACTERS[] = {"a",   "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                             "\\n", "\\u00e9",  "\\u20AC",      "\\uD83D\\uDE00",
                                             "\\\""};
    static const char *const MEANINGS[] = {"a",  "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                           "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                           "\""};
    for (uint32_t i = 0; i < 13 * sizeof(CHARACTERS) / sizeof(CHARACTERS[0]); i++) {
        uint32_t count = i % 13;
        struct body body = {0};
        struct body meaning = {0};
        body_add(&body, "{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"", 1);
        body_add(&body, CHARACTERS[i / 13], count);
        body_add(&body, "\"}", 1);
        body_add(&meaning, MEANINGS[i / 13], count);
        if (count == 0 || count > 10) {
            expect_rule(body.data, "descricao");
            continue;
        }
        struct transaction out = expect_ok(body.data);
        assert_int_equal(out.description_size, meaning.size);
        assert_memory_equal(out.description, meaning.data, meaning.size);
    }
}

static void test_descricao_is_a_string_without_nul(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"null",
                                        "1",
                                        "true",
                                        "[]",
                                        "{}",
                                        "[\"a\"]",
                                        "\"\\u0000\"",
                                        "\"a\\u0000b\"",
                                        "\"abcdefghi\\u0000\"",
                                        "\"\\u0000bcdefghijk\"",
                                        "\"1234567890123456789012345\""};
    char body[256];
    for (uint32_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"valor\":1,\"tipo\":\"c\",\"descricao\":%s}",
                       WRONG[i]);
        expect_rule(body, "descricao");
    }
}

static void test_a_missing_field_is_named(void **state)
{
    (void)state;
    expect_rule("{}", "valor");
    expect_rule("{\"tipo\":\"c\",\"descricao\":\"a\"}", "valor");
    expect_rule("{\"valor\":1,\"descricao\":\"a\"}", "tipo");
    expect_rule("{\"valor\":1,\"tipo\":\"c\"}", "descricao");
    expect_rule("{\"Valor\":1,\"tipo\":\"c\",\"descricao\":\"a\"}", "valor");
    expect_rule("{\"valor\\u0000\":1,\"tipo\":\"c\",\"descricao\":\"a\"}", "valor");
}

static void test_of_several_wrong_fields_valor_comes_first_then_tipo(void **state)
{
    (void)state;
    expect_rule("{\"descricao\":\"\",\"tipo\":\"x\",\"valor\":0}", "valor");
    expect_rule("{\"descricao\":\"\",\"tipo\":\"x\",\"valor\":1}", "tipo");
    expect_rule("{\"descricao\":\"\",\"tipo\":\"c\"}", "valor");
    expect_rule("{\"descricao\":\"\",\"valor\":1}", "tipo");
}

static void test_the_detail_says_what_was_expected(void **state)
{
    (void)state;
    struct transaction out;
    static const char BODY[] = "{\"valor\":0}";
    struct transaction_error error = decode(&out, BODY, sizeof(BODY) - 1);
    assert_string_equal(error.detail,
                        "valor must be a positive integer of at most 9007199254740991 cents");
}

static void test_a_failure_leaves_the_callers_values_alone(void **state)
{
    (void)state;
    static const char *const BODIES[] = {"{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"a\"",
                                         "{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"\"}"};
    for (uint32_t i = 0; i < 2; i++) {
        struct transaction out;
        struct transaction untouched;
        memset(&out, 0x5a, sizeof(out));
        memset(&untouched, 0x5a, sizeof(untouched));
        assert_int_not_equal(decode(&out, BODIES[i], (uint32_t)strlen(BODIES[i])).fault,
                             TRANSACTION_OK);
        assert_memory_equal(&out, &untouched, sizeof(out));
    }
}

struct syntax_case {
    const char *body;
    uint32_t offset;
};

static const struct syntax_case SYNTAX_CASES[] = {
    {"",                                  0 },
    {"  ",                                2 },
    {"[]",                                0 },
    {"null",                              0 },
    {"\"valor\"",                         0 },
    {"\xef\xbb\xbf{}",                    0 },
    {"{\"valor\":01}",                    10},
    {"{\"valor\":-01}",                   11},
    {"{\"valor\":+1}",                    9 },
    {"{\"valor\":.5}",                    9 },
    {"{\"valor\":1.}",                    11},
    {"{\"valor\":1.e3}",                  11},
    {"{\"valor\":1e}",                    11},
    {"{\"valor\":1e+}",                   12},
    {"{\"valor\":1e+-2}",                 12},
    {"{\"valor\":-}",                     10},
    {"{\"valor\":0x1}",                   10},
    {"{\"valor\":1_000}",                 10},
    {"{\"valor\":NaN}",                   9 },
    {"{\"valor\":Infinity}",              9 },
    {"{\"valor\":tru}",                   9 },
    {"{\"valor\":True}",                  9 },
    {"{\"valor\":nul}",                   9 },
    {"{\"valor\":truee}",                 13},
    {"{\"valor\":}",                      9 },
    {"{\"valor\"}",                       8 },
    {"{\"valor\" 1}",                     9 },
    {"{\"valor\"::1}",                    9 },
    {"{valor:1}",                         1 },
    {"{'valor':1}",                       1 },
    {"{1:1}",                             1 },
    {"{,}",                               1 },
    {"{\"a\":1,}",                        7 },
    {"{\"a\":1,,\"b\":2}",                7 },
    {"{\"a\":1 \"b\":2}",                 7 },
    {"{\"a\":1]",                         6 },
    {"{\"a\":[1}",                        7 },
    {"{\"a\":[1,]}",                      8 },
    {"{\"a\":[,1]}",                      6 },
    {"{\"a\":[1 2]}",                     8 },
    {"{\"a\":{\"b\"}}",                   9 },
    {"{\"a\":{1:2}}",                     6 },
    {"{} {}",                             3 },
    {"{},",                               2 },
    {"{}\x01",                            2 },
    {"{\f}",                              1 },
    {"{\xc2\xa0}",                        1 },
    {"{/**/}",                            1 },
    {"{}//",                              2 },
    {"{\"a\":\"\t\"}",                    6 },
    {"{\"a\":\"b\nc\"}",                  7 },
    {"{\"a\":\"\x1f\"}",                  6 },
    {"{\"a\tb\":1}",                      3 },
    {"{\"a\":\"\\x41\"}",                 6 },
    {"{\"a\":\"\\'\"}",                   6 },
    {"{\"a\":\"\\0\"}",                   6 },
    {"{\"a\":\"\\U0041\"}",               6 },
    {"{\"a\":\"\\u\"}",                   6 },
    {"{\"a\":\"\\u12\"}",                 6 },
    {"{\"a\":\"\\u123g\"}",               6 },
    {"{\"a\":\"\\u 123\"}",               6 },
    {"{\"a\":\"\\u-123\"}",               6 },
    {"{\"a\":\"\\",                       6 },
    {"{\"a\":\"\\\"}",                    9 },
    {"{\"a\":\"\\ud800\"}",               6 },
    {"{\"a\":\"\\udc00\"}",               6 },
    {"{\"a\":\"\\udfff\\ud800\"}",        6 },
    {"{\"a\":\"\\ud800\\ud800\\udc00\"}", 6 },
    {"{\"a\":\"\\ud800\\u0041\"}",        6 },
    {"{\"a\":\"\\ud800\\n\"}",            6 },
    {"{\"a\":\"\\ud83d\\ue000\"}",        6 },
    {"{\"a\":\"\\ud83d\\udbff\"}",        6 },
    {"{\"a\":\"\\ud800x\"}",              6 },
    {"{\"\\ud800\":1}",                   2 },
};

static void test_what_is_no_json_object_is_refused_at_its_byte(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(SYNTAX_CASES) / sizeof(SYNTAX_CASES[0]); i++) {
        expect_syntax(SYNTAX_CASES[i].body, (uint32_t)strlen(SYNTAX_CASES[i].body),
                      SYNTAX_CASES[i].offset);
    }
    expect_syntax("{\"a\":\"\0\"}", 9, 6);
    expect_syntax("{}\0", 3, 2);
    struct transaction out;
    assert_int_equal(transaction_decode(&out, NULL, 0).fault, TRANSACTION_SYNTAX);
}

static void test_json_of_every_shape_is_accepted_under_an_unknown_key(void **state)
{
    (void)state;
    static const char *const VALUES[] = {
        "0",
        "-0",
        "-0.0",
        "0e1",
        "0E+1",
        "1e-2",
        "123e65",
        "-1.5E2",
        "1.7976931348623157e400",
        "-123123123123123123123123123123",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[]   ]",
        "[1,\n2\t,\r3 ]",
        "[null,\"x\",[],{},true,-1]",
        "{\"a\":{\"b\":[{}]}}",
        "{\"\":0}",
        "{\"a\":1,\"a\":2}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"/\"",
        "\"\x7f\"",
        "\"\\u0000\"",
        "\"\\uDBFF\\uDFFF\"",
        "\"\\ufeff\"",
        "\"\\uFFFE\\uffff\"",
        "\"\xe2\x80\xa8\"",
        "\"\xef\xbf\xbf\"",
        "\"\xef\xbb\xbf\"",
        "\"\xf4\x8f\xbf\xbf\"",
        "\"\xed\x9f\xbf\"",
        "\"\xee\x80\x80\"",
        "\"\xf0\x90\x80\x80\"",
        "\"\xdf\xbf\"",
        "\"\xe0\xa0\x80\"",
        "\"\\uabcd\\uEF01\"",
    };
    char body[256];
    for (uint32_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        (void)snprintf(body, sizeof(body),
                       "{\"x\":%s,\"valor\":1,\"tipo\":\"c\",\"descricao\":\"a\"}", VALUES[i]);
        (void)expect_ok(body);
        (void)snprintf(body, sizeof(body),
                       "{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"a\",\"x\":%s}", VALUES[i]);
        (void)expect_ok(body);
    }
}

/* Every lead with every tail that stands at an edge of the rules. */
static void test_utf_8_is_accepted_exactly_where_the_oracle_accepts_it(void **state)
{
    (void)state;
    static const uint8_t EDGES[] = {0x41, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0x8f, 0x90,
                                    0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
                                    0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
    enum { EDGE_COUNT = sizeof(EDGES) };
    char body[] = "{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"????\"}";
    char *at = strstr(body, "????");
    for (uint32_t lead = 0; lead < 256; lead++) {
        /* Leads below 0xf0 take at most two bytes more; the third is then the first edge, an A. */
        uint32_t count =
            lead < 0xf0 ? EDGE_COUNT * EDGE_COUNT : EDGE_COUNT * EDGE_COUNT * EDGE_COUNT;
        for (uint32_t i = 0; i < count; i++) {
            at[0] = (char)lead;
            at[1] = (char)EDGES[i % EDGE_COUNT];
            at[2] = (char)EDGES[i / EDGE_COUNT % EDGE_COUNT];
            at[3] = (char)EDGES[i / EDGE_COUNT / EDGE_COUNT];
            expect_agreement(body, sizeof(body) - 1);
        }
    }
}

static void test_a_key_that_stands_twice_is_refused(void **state)
{
    (void)state;
    static const struct syntax_case CASES[] = {
        {"{\"valor\":1,\"valor\":1}",                     11},
        {"{\"tipo\":\"c\",\"tipo\":\"c\"}",               12},
        {"{\"descricao\":1,\"descricao\":null}",          15},
        {"{\"valor\":1,\"val\\u006fr\":1}",               11},
        {"{\"x\":1,\"x\":1}",                             7 },
        {"{\"\":1,\"\":1}",                               6 },
        {"{\"x\":1,\"y\":2,\"\\u0078\":1}",               13},
        {"{\"\xc3\xa9\":1,\"\\u00E9\":1}",                8 },
        {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}", 18},
        {"{\"a\\/b\":1,\"a/b\":1}",                       10},
    };
    for (uint32_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        expect_syntax(CASES[i].body, (uint32_t)strlen(CASES[i].body), CASES[i].offset);
    }
    (void)expect_ok("{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"a\",\"x\":1,\"xx\":1,\"X\":1,"
                    "\"\\u0000x\":1,\"x\\u0000\":1,\"\":1}");
}

static void test_an_object_has_at_most_32_members(void **state)
{
    (void)state;
    for (uint32_t extra = 28; extra <= 31; extra++) {
        struct body body = {0};
        body_add(&body, "{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"a\"", 1);
        for (uint32_t i = 0; i < extra; i++) {
            char member[32];
            (void)snprintf(member, sizeof(member), ",\"key%u\":%u", i, i);
            body_add(&body, member, 1);
        }
        body_add(&body, "}", 1);
        if (extra <= 29) {
            (void)expect_ok(body.data);
            continue;
        }
        struct transaction out;
        struct transaction_error error = decode(&out, body.data, body.size);
        assert_int_equal(error.fault, TRANSACTION_SYNTAX);
        assert_string_equal(error.detail, "the object has more than 32 members");
        assert_int_equal(error.offset, strstr(body.data, "\"key29\"") - body.data);
    }
}

static void expect_depth(const char *key, bool object, uint32_t depth, enum transaction_fault fault)
{
    struct body body = {0};
    struct transaction out;
    body_add(&body, "{\"", 1);
    body_add(&body, key, 1);
    body_add(&body, "\":", 1);
    body_add(&body, object ? "{\"k\":" : "[", depth);
    body_add(&body, "1", 1);
    body_add(&body, object ? "}" : "]", depth);
    body_add(&body, "}", 1);
    assert_int_equal(decode(&out, body.data, body.size).fault, fault);
}

static void test_ignored_values_nest_at_most_32_deep(void **state)
{
    (void)state;
    static const char *const KEYS[] = {"x", "valor", "tipo", "descricao"};
    for (uint32_t i = 0; i < 4; i++) {
        expect_depth(KEYS[i], false, 32, TRANSACTION_RULE);
        expect_depth(KEYS[i], true, 32, TRANSACTION_RULE);
        expect_depth(KEYS[i], false, 33, TRANSACTION_SYNTAX);
        expect_depth(KEYS[i], true, 33, TRANSACTION_SYNTAX);
    }
    /* As deep as a body can be: the answer comes without a stack to match. */
    static char deep[BODY_SIZE_MAX] = "{\"x\":";
    memset(deep + 5, '[', sizeof(deep) - 5);
    expect_syntax(deep, sizeof(deep), 5 + 32);
}

static void test_syntax_wins_over_rules_wherever_it_stands(void **state)
{
    (void)state;
    expect_syntax("{\"valor\":0,\"tipo\":\"x\",\"descricao\":\"\"", 36, 36);
    expect_syntax("{\"valor\":1.5}x", 14, 13);
    expect_syntax("{\"valor\":\"a\",\"x\":01}", 20, 18);
    expect_syntax("{\"descricao\":\"12345678901\x01\"}", 27, 25);
}

static void test_every_prefix_of_a_valid_body_is_a_syntax_error(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < sizeof(VALID) - 1; size++) {
        struct transaction out;
        assert_int_equal(decode(&out, VALID, size).fault, TRANSACTION_SYNTAX);
    }
    for (uint32_t size = 0; size < sizeof(VALID_ESCAPED) - 1; size++) {
        struct transaction out;
        assert_int_equal(decode(&out, VALID_ESCAPED, size).fault, TRANSACTION_SYNTAX);
    }
}

static void expect_agreement_on_changes(const char *body, uint32_t size)
{
    char changed[256];
    assert_true(size + 1 <= sizeof(changed));
    for (uint32_t at = 0; at < size; at++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            memcpy(changed, body, size); /* replaced */
            changed[at] = (char)byte;
            expect_agreement(changed, size);
            memcpy(changed + at + 1, body + at, size - at); /* inserted */
            expect_agreement(changed, size + 1);
        }
        memcpy(changed, body, at); /* left out */
        memcpy(changed + at, body + at + 1, size - at - 1);
        expect_agreement(changed, size - 1);
    }
}

static void test_every_change_of_one_byte_is_judged_as_the_oracle_judges_it(void **state)
{
    (void)state;
    expect_agreement(VALID, sizeof(VALID) - 1);
    expect_agreement(VALID_ESCAPED, sizeof(VALID_ESCAPED) - 1);
    expect_agreement_on_changes(VALID, sizeof(VALID) - 1);
    expect_agreement_on_changes(VALID_ESCAPED, sizeof(VALID_ESCAPED) - 1);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_a_valid_body_gives_its_values),
        cmocka_unit_test(test_keys_stand_in_any_order_and_unknown_ones_are_ignored),
        cmocka_unit_test(test_valor_is_an_integer_from_1_to_2_53_minus_1),
        cmocka_unit_test(test_a_number_of_a_thousand_digits_breaks_the_rule_and_not_the_syntax),
        cmocka_unit_test(test_tipo_is_exactly_c_or_d),
        cmocka_unit_test(test_descricao_has_1_to_10_characters_whatever_their_bytes),
        cmocka_unit_test(test_descricao_is_a_string_without_nul),
        cmocka_unit_test(test_a_missing_field_is_named),
        cmocka_unit_test(test_of_several_wrong_fields_valor_comes_first_then_tipo),
        cmocka_unit_test(test_the_detail_says_what_was_expected),
        cmocka_unit_test(test_a_failure_leaves_the_callers_values_alone),
        cmocka_unit_test(test_what_is_no_json_object_is_refused_at_its_byte),
        cmocka_unit_test(test_json_of_every_shape_is_accepted_under_an_unknown_key),
        cmocka_unit_test(test_utf_8_is_accepted_exactly_where_the_oracle_accepts_it),
        cmocka_unit_test(test_a_key_that_stands_twice_is_refused),
        cmocka_unit_test(test_an_object_has_at_most_32_members),
        cmocka_unit_test(test_ignored_values_nest_at_most_32_deep),
        cmocka_unit_test(test_syntax_wins_over_rules_wherever_it_stands),
        cmocka_unit_test(test_every_prefix_of_a_valid_body_is_a_syntax_error),
        cmocka_unit_test(test_every_change_of_one_byte_is_judged_as_the_oracle_judges_it),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
