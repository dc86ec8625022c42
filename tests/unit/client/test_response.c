#include "client/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char WITH_LENGTH[] = "HTTP/1.1 422 Unprocessable Content\r\n"
                                  "Content-Type: application/problem+json\r\n"
                                  "CREBITO-SINCE:  17 \r\n"
                                  "Content-Length: 5\r\n\r\nhello";
static const char CHUNKED[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                              "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n";
static const char CONTINUED[] =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length:0\r\n\r\n";

/* A copy of exactly `size` bytes: a sanitizer sees a read beyond. The caller frees it. */
static char *copy_make(const char *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    return copy;
}

static enum client_parse parse(const char *data, size_t size, bool closed)
{
    struct client_response response;
    char *copy = copy_make(data, size);
    enum client_parse answer = client_response_parse(&response, copy, (uint32_t)size, closed);
    free(copy);
    return answer;
}

static void expect_body(const char *data, bool closed, uint16_t status, const char *body)
{
    struct client_response response;
    size_t size = strlen(data);
    char *copy = copy_make(data, size);
    assert_int_equal(client_response_parse(&response, copy, (uint32_t)size, closed),
                     CLIENT_PARSE_DONE);
    assert_int_equal(response.status, status);
    assert_int_equal(response.body.size, strlen(body));
    assert_memory_equal(response.body.data, body, strlen(body));
    free(copy);
}

static void test_the_body_ends_where_its_framing_says(void **state)
{
    (void)state;
    expect_body(WITH_LENGTH, false, 422, "hello");
    expect_body(CHUNKED, false, 200, "hello");
    expect_body(CONTINUED, false, 200, "");
    expect_body("HTTP/1.1 204 No Content\r\n\r\n", false, 204, "");
    expect_body("HTTP/1.1 200 OK\r\n\r\nuntil the end", true, 200, "until the end");
    expect_body("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false, 200, "ok");
    expect_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
                false, 200, "0123456789");
}

static void test_fields_are_found_whatever_their_case(void **state)
{
    (void)state;
    struct client_response response;
    char *copy = copy_make(WITH_LENGTH, sizeof(WITH_LENGTH) - 1);
    assert_int_equal(
        client_response_parse(&response, copy, (uint32_t)sizeof(WITH_LENGTH) - 1, false),
        CLIENT_PARSE_DONE);
    struct client_view since = client_response_field(&response, "Crebito-Since");
    assert_int_equal(since.size, 2);
    assert_memory_equal(since.data, "17", 2);
    assert_null(client_response_field(&response, "Crebito-Sequence").data);
    free(copy);
}

static void test_every_prefix_waits_for_more_and_is_bad_when_cut_there(void **state)
{
    (void)state;
    const char *const answers[] = {WITH_LENGTH, CHUNKED, CONTINUED};
    for (uint32_t i = 0; i < 3; i++) {
        for (size_t size = 0; size < strlen(answers[i]); size++) {
            assert_int_equal(parse(answers[i], size, false), CLIENT_PARSE_MORE);
            assert_int_equal(parse(answers[i], size, true), CLIENT_PARSE_BAD);
        }
    }
}

static void test_a_body_without_framing_waits_for_the_end_of_the_connection(void **state)
{
    (void)state;
    static const char DATA[] = "HTTP/1.1 200 OK\r\n\r\nuntil";
    assert_int_equal(parse(DATA, sizeof(DATA) - 1, false), CLIENT_PARSE_MORE);
    assert_int_equal(parse(DATA, sizeof(DATA) - 1, true), CLIENT_PARSE_DONE);
}

static void test_what_is_no_http_answer_is_bad(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000000\r\n",
    };
    for (uint32_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_int_equal(parse(BAD[i], strlen(BAD[i]), false), CLIENT_PARSE_BAD);
    }
}

static void expect_views_inside(const char *answer, size_t at, char byte)
{
    struct client_response response;
    size_t size = strlen(answer);
    char *copy = copy_make(answer, size);
    copy[at] = byte;
    if (client_response_parse(&response, copy, (uint32_t)size, true) == CLIENT_PARSE_DONE) {
        assert_true(response.body.data >= copy);
        assert_true(response.body.data + response.body.size <= copy + size);
    }
    free(copy);
}

static void test_any_byte_may_change_without_a_read_beyond_the_end(void **state)
{
    (void)state;
    const char *const answers[] = {WITH_LENGTH, CHUNKED, CONTINUED};
    for (uint32_t i = 0; i < 3; i++) {
        for (size_t at = 0; at < strlen(answers[i]) * 256; at++) {
            expect_views_inside(answers[i], at / 256, (char)(at % 256));
        }
    }
}

static void test_an_answer_has_at_most_64_fields(void **state)
{
    (void)state;
    static const char FIELDS[] = "A:b\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\n";
    for (int more = 0; more <= 1; more++) {
        char data[1024];
        (void)snprintf(data, sizeof(data), "HTTP/1.1 204 No Content\r\n%s%s%s%s%s%s%s%s%s\r\n",
                       FIELDS, FIELDS, FIELDS, FIELDS, FIELDS, FIELDS, FIELDS, FIELDS,
                       more == 0 ? "" : "A:b\r\n");
        assert_int_equal(parse(data, strlen(data), false),
                         more == 0 ? CLIENT_PARSE_DONE : CLIENT_PARSE_BAD);
    }
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_the_body_ends_where_its_framing_says),
        cmocka_unit_test(test_fields_are_found_whatever_their_case),
        cmocka_unit_test(test_every_prefix_waits_for_more_and_is_bad_when_cut_there),
        cmocka_unit_test(test_a_body_without_framing_waits_for_the_end_of_the_connection),
        cmocka_unit_test(test_what_is_no_http_answer_is_bad),
        cmocka_unit_test(test_any_byte_may_change_without_a_read_beyond_the_end),
        cmocka_unit_test(test_an_answer_has_at_most_64_fields),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
