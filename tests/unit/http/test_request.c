/* Cases by clause: 9110 and 9112 are the RFCs, "house" is the strict choice of request.h. Every case
 * is parsed at each of its prefixes, right before a page that cannot be read. */
#include "http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/scan.h"
#include "request_cases.h"

enum { ARENA_SIZE = 128 * 1024 };

static char *arena_end; /* the byte here and beyond faults */
static struct http_request request;

static int arena_open(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *arena =
        mmap(NULL, ARENA_SIZE + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED || mprotect(arena + ARENA_SIZE, page, PROT_NONE) != 0) {
        return -1;
    }
    arena_end = arena + ARENA_SIZE;
    return 0;
}

static struct http_parse_result parse(const char *input, uint32_t size)
{
    char *data = arena_end - size;
    memcpy(data, input, size);
    memset(&request, 0xa5, sizeof(request));
    return http_request_parse(&request, data, size);
}

static bool is_untouched(const char *input, uint32_t size)
{
    return memcmp(arena_end - size, input, size) == 0;
}

static void expect_view(struct http_view view, const char *text, const char *what,
                        const char *input)
{
    if (view.size != strlen(text) || memcmp(view.data, text, view.size) != 0) {
        fail_msg("%s is '%.*s', not '%s', in:\n%s", what, (int)view.size, view.data, text, input);
    }
}

static void expect_answer(const struct http_parse_result *result, enum http_parse answer,
                          uint16_t refusal, const char *input)
{
    if (result->answer != answer || result->refusal != refusal) {
        fail_msg("answer %d (%u %s), not %d (%u), to:\n%s", (int)result->answer, result->refusal,
                 result->refusal_detail, (int)answer, refusal, input);
    }
}

/* Each prefix says MORE and names a size that is worth a next try and not beyond the end. */
static void expect_more_at_every_prefix(const char *input, uint32_t size)
{
    uint32_t size_needed = 0;
    for (uint32_t i = 0; i < size; i++) {
        struct http_parse_result result = parse(input, i);
        expect_answer(&result, HTTP_PARSE_MORE, 0, input);
        assert_true(is_untouched(input, i));
        assert_true(result.size_needed > i);
        assert_true(result.size_needed >= size_needed);
        assert_true(result.size_needed <= size);
        size_needed = result.size_needed;
    }
}

/* Some prefix is the first to be refused; all from there on are, and for the same reason. */
static void expect_refusal_at_every_prefix(const char *input, uint32_t size, uint16_t refusal)
{
    struct http_parse_result whole = parse(input, size);
    expect_answer(&whole, HTTP_PARSE_BAD, refusal, input);
    assert_non_null(whole.refusal_detail);
    bool refused = false;
    for (uint32_t i = 0; i <= size; i++) {
        struct http_parse_result result = parse(input, i);
        assert_true(is_untouched(input, i));
        assert_int_not_equal(result.answer, HTTP_PARSE_DONE);
        assert_true(!refused || result.answer == HTTP_PARSE_BAD);
        refused = result.answer == HTTP_PARSE_BAD;
        if (refused) {
            assert_int_equal(result.refusal, refusal);
            assert_string_equal(result.refusal_detail, whole.refusal_detail);
        }
    }
}

static void what_the_rfcs_forbid_is_refused_at_any_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSED_CASES_COUNT; i++) {
        const struct refused_case *c = &REFUSED_CASES[i];
        expect_refusal_at_every_prefix(c->input, c->size, c->refusal);
    }
}

static void what_the_rfcs_allow_is_accepted_at_any_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ACCEPTED_CASES_COUNT; i++) {
        const struct accepted_case *c = &ACCEPTED_CASES[i];
        expect_more_at_every_prefix(c->input, c->size);
        struct http_parse_result result = parse(c->input, c->size);
        expect_answer(&result, HTTP_PARSE_DONE, 0, c->input);
        assert_int_equal(result.consumed, c->size);
        expect_view(request.target, c->target, "the target", c->input);
        expect_view(request.body, c->body, "the body", c->input);
        assert_int_equal(request.keep_alive, c->keep_alive);
    }
}

static void bytes_after_a_request_are_neither_needed_nor_touched(void **state)
{
    (void)state;
    static char input[8192];
    static const char TAIL[] = "\0\r\nGET / HTTP/1.1";
    for (size_t i = 0; i < ACCEPTED_CASES_COUNT; i++) {
        const struct accepted_case *c = &ACCEPTED_CASES[i];
        memcpy(input, c->input, c->size);
        memcpy(input + c->size, TAIL, sizeof(TAIL));
        struct http_parse_result result = parse(input, c->size + (uint32_t)sizeof(TAIL));
        assert_int_equal(result.answer, HTTP_PARSE_DONE);
        assert_int_equal(result.consumed, c->size);
        assert_memory_equal(arena_end - sizeof(TAIL), TAIL, sizeof(TAIL));
        expect_view(request.body, c->body, "the body", c->input);
    }
}

/* Sets each byte of an accepted request to each value: what is then accepted still ends inside the
 * buffer, and its views lie inside the request. */
static void expect_views_within(char *data, uint32_t size)
{
    struct http_parse_result result = http_request_parse(&request, data, size);
    if (result.answer == HTTP_PARSE_DONE) {
        assert_true(result.consumed <= size);
        assert_true(request.target.data >= data);
        assert_true(request.body.data + request.body.size <= data + result.consumed);
    }
}

static void any_one_byte_changed_stays_within_the_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < ACCEPTED_CASES_COUNT; i++) {
        const struct accepted_case *c = &ACCEPTED_CASES[i];
        char *data = arena_end - c->size;
        for (uint32_t at = 0; at < c->size * 256; at++) {
            memcpy(data, c->input, c->size);
            data[at / 256] = (char)(at % 256);
            expect_views_within(data, c->size);
        }
    }
}

static uint32_t put(char *target, uint32_t size, const char *source, size_t count)
{
    memcpy(target + size, source, count);
    return size + (uint32_t)count;
}

static uint32_t append(char *target, uint32_t size, const char *text)
{
    return put(target, size, text, strlen(text));
}

static uint32_t fill(char *target, uint32_t size, char byte, uint32_t count)
{
    memset(target + size, byte, count);
    return size + count;
}

/* "GET / …" with one long field, `size` bytes in all. */
static void head_of_size(char *target, uint32_t size)
{
    uint32_t at = append(target, 0, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    at = fill(target, at, 'x', size - at - 4);
    at = append(target, at, "\r\n\r\n");
    assert_int_equal(at, size);
}

static void a_head_of_8192_bytes_is_accepted_and_one_of_8193_is_431(void **state)
{
    (void)state;
    static char input[9000];
    head_of_size(input, HTTP_HEAD_SIZE_MAX);
    struct http_parse_result result = parse(input, HTTP_HEAD_SIZE_MAX);
    assert_int_equal(result.answer, HTTP_PARSE_DONE);
    assert_int_equal(result.consumed, HTTP_HEAD_SIZE_MAX);
    for (uint32_t size = HTTP_HEAD_SIZE_MAX + 1; size < HTTP_HEAD_SIZE_MAX + 10; size++) {
        head_of_size(input, size);
        expect_refusal_at_every_prefix(input, size, 431);
    }
}

static void a_bad_byte_beyond_the_limit_is_not_seen(void **state)
{
    (void)state;
    static char input[9000];
    head_of_size(input, 9000);
    input[HTTP_HEAD_SIZE_MAX] = '\0';
    expect_refusal_at_every_prefix(input, sizeof(input), 431);
    input[HTTP_HEAD_SIZE_MAX - 1] = '\0';
    expect_refusal_at_every_prefix(input, sizeof(input), 400);
}

static uint32_t head_of_fields(char *target, uint32_t count)
{
    uint32_t size = append(target, 0, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (uint32_t i = 1; i < count; i++) {
        size = append(target, size, "A: b\r\n");
    }
    return append(target, size, "\r\n");
}

static void a_head_of_64_fields_is_accepted_and_one_of_65_is_431(void **state)
{
    (void)state;
    static char input[1024];
    uint32_t size = head_of_fields(input, HTTP_FIELDS_MAX);
    assert_int_equal(parse(input, size).answer, HTTP_PARSE_DONE);
    assert_int_equal(request.field_count, HTTP_FIELDS_MAX);
    size = head_of_fields(input, HTTP_FIELDS_MAX + 1);
    expect_refusal_at_every_prefix(input, size, 431);
}

static void a_target_of_2048_bytes_is_accepted_and_one_of_2049_is_414(void **state)
{
    (void)state;
    static char input[3000];
    for (uint32_t over = 0; over < 2; over++) {
        uint32_t size = append(input, 0, "GET /");
        size = fill(input, size, 'x', HTTP_TARGET_SIZE_MAX - 1 + over);
        size = append(input, size, " HTTP/1.1\r\nHost: a\r\n\r\n");
        if (over == 0) {
            assert_int_equal(parse(input, size).answer, HTTP_PARSE_DONE);
            assert_int_equal(request.target.size, HTTP_TARGET_SIZE_MAX);
        } else {
            expect_refusal_at_every_prefix(input, size, 414);
        }
    }
}

static void a_body_of_16384_bytes_is_accepted_and_one_of_16385_is_413(void **state)
{
    (void)state;
    static char input[20000];
    uint32_t head = append(input, 0, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16384\r\n\r\n");
    uint32_t size = fill(input, head, 'x', HTTP_BODY_SIZE_MAX);
    struct http_parse_result result = parse(input, head);
    assert_int_equal(result.answer, HTTP_PARSE_MORE);
    assert_true(result.head_done);
    assert_int_equal(result.size_needed, size);
    assert_int_equal(parse(input, size - 1).answer, HTTP_PARSE_MORE);
    assert_int_equal(parse(input, size).answer, HTTP_PARSE_DONE);
    assert_int_equal(request.body.size, HTTP_BODY_SIZE_MAX);
    head = append(input, 0, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16385\r\n\r\n");
    expect_refusal_at_every_prefix(input, head, 413);
}

/* `count` chunks of `chunk` bytes and the last one. */
static uint32_t chunked_of(char *target, uint32_t count, uint32_t chunk)
{
    uint32_t size =
        append(target, 0, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (uint32_t i = 0; i < count; i++) {
        char line[16];
        assert_true(snprintf(line, sizeof(line), "%x\r\n", chunk) > 0);
        size = append(target, size, line);
        size = fill(target, size, (char)('a' + i % 26), chunk);
        size = append(target, size, "\r\n");
    }
    return append(target, size, "0\r\n\r\n");
}

static void chunks_that_decode_to_16384_bytes_are_accepted_and_16385_are_413(void **state)
{
    (void)state;
    static char input[HTTP_REQUEST_SIZE_MAX + 64];
    uint32_t size = chunked_of(input, 16, 1024);
    assert_int_equal(parse(input, size).answer, HTTP_PARSE_DONE);
    assert_int_equal(request.body.size, HTTP_BODY_SIZE_MAX);
    for (uint32_t i = 0; i < HTTP_BODY_SIZE_MAX; i++) {
        assert_int_equal(request.body.data[i], 'a' + i / 1024 % 26);
    }
    size = chunked_of(input, 1, HTTP_BODY_SIZE_MAX + 1);
    assert_int_equal(parse(input, size).refusal, 413);
    size = chunked_of(input, 113, 145); /* 16,385 */
    assert_int_equal(parse(input, size).refusal, 413);
}

/* One-byte chunks cost five bytes of framing each, the end five more. */
static void framing_of_chunks_up_to_16384_bytes_is_accepted_and_more_is_413(void **state)
{
    (void)state;
    static char input[HTTP_REQUEST_SIZE_MAX + 64];
    uint32_t count = HTTP_CHUNK_OVERHEAD_MAX / 5 - 1;
    uint32_t size = chunked_of(input, count, 1);
    assert_int_equal(parse(input, size).answer, HTTP_PARSE_DONE);
    assert_int_equal(request.body.size, count);
    size = chunked_of(input, count + 1, 1);
    expect_refusal_at_every_prefix(input, size, 413);

    /* Extensions and trailers are framing too. */
    uint32_t head =
        append(input, 0, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (uint32_t over = 0; over < 2; over++) {
        size = append(input, head, "0;a=");
        size = fill(input, size, 'x', HTTP_CHUNK_OVERHEAD_MAX - 8 + over);
        size = append(input, size, "\r\n\r\n");
        assert_int_equal(parse(input, size).refusal, over == 0 ? 0 : 413);
        size = append(input, head, "0\r\nA: ");
        size = fill(input, size, 'x', HTTP_CHUNK_OVERHEAD_MAX - 10 + over);
        size = append(input, size, "\r\n\r\n");
        assert_int_equal(parse(input, size).refusal, over == 0 ? 0 : 413);
    }
}

static void a_request_of_the_greatest_size_is_accepted_and_no_longer_one_ever_waits(void **state)
{
    (void)state;
    static char input[HTTP_REQUEST_SIZE_MAX + 64];
    uint32_t size =
        append(input, 0, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX: ");
    size = fill(input, size, 'x', HTTP_HEAD_SIZE_MAX - 4 - size);
    size = append(input, size, "\r\n\r\n4000;x=");
    size = fill(input, size, 'x', HTTP_CHUNK_OVERHEAD_MAX - 16);
    size = append(input, size, "\r\n");
    size = fill(input, size, 'b', HTTP_BODY_SIZE_MAX);
    size = append(input, size, "\r\n0\r\n\r\n");
    assert_int_equal(size, HTTP_REQUEST_SIZE_MAX);
    assert_int_equal(parse(input, size - 1).answer, HTTP_PARSE_MORE);
    assert_int_equal(parse(input, size).answer, HTTP_PARSE_DONE);
    input[size - 2] = 'A'; /* a trailer begins where the end should be */
    assert_int_equal(parse(input, size).answer, HTTP_PARSE_BAD);
}

static void a_client_that_waits_for_100_continue_is_named_only_before_its_body(void **state)
{
    (void)state;
    static const char INPUT[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                "Expect: 100-Continue\r\n\r\nab";
    uint32_t size = sizeof(INPUT) - 1;
    assert_false(parse(INPUT, size - 3).expects_continue);
    assert_true(parse(INPUT, size - 2).expects_continue);
    assert_false(parse(INPUT, size - 1).expects_continue);
    static const char OLD[] =
        "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    struct http_parse_result result = parse(OLD, sizeof(OLD) - 1);
    assert_int_equal(result.answer, HTTP_PARSE_MORE);
    assert_false(result.expects_continue);
}

static void fields_are_found_in_any_case_and_counted(void **state)
{
    (void)state;
    static const char INPUT[] = "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-KEY: \t one \r\n"
                                "idempotency-key:two\r\nEmpty:\r\n\r\n";
    assert_int_equal(parse(INPUT, sizeof(INPUT) - 1).answer, HTTP_PARSE_DONE);
    uint32_t count = 9;
    expect_view(http_request_field(&request, "idempotency-key", &count), "one", "a field", INPUT);
    assert_int_equal(count, 2);
    struct http_view empty = http_request_field(&request, "empty", &count);
    assert_non_null(empty.data);
    assert_int_equal(empty.size, 0);
    assert_int_equal(count, 1);
    assert_null(http_request_field(&request, "missing", &count).data);
    assert_int_equal(count, 0);
}

static void methods_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
    } METHODS[] = {
        {"GET",    HTTP_GET  },
        {"HEAD",   HTTP_HEAD },
        {"POST",   HTTP_POST },
        {"get",    HTTP_OTHER},
        {"GETT",   HTTP_OTHER},
        {"PUT",    HTTP_OTHER},
        {"POS",    HTTP_OTHER},
        {"!#$",    HTTP_OTHER},
        {"DELETE", HTTP_OTHER},
        {"HEAx",   HTTP_OTHER}
    };
    for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
        char input[64];
        int size =
            snprintf(input, sizeof(input), "%s / HTTP/1.1\r\nHost: a\r\n\r\n", METHODS[i].name);
        assert_int_equal(parse(input, (uint32_t)size).answer, HTTP_PARSE_DONE);
        assert_int_equal(request.method, METHODS[i].method);
        expect_view(request.method_name, METHODS[i].name, "the method", input);
    }
}

static bool is_in(unsigned byte, const char *set)
{
    return byte != 0 && byte < 0x80 && strchr(set, (int)byte) != NULL;
}

static void the_classes_of_bytes_are_those_of_the_rfcs(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool digit = byte >= '0' && byte <= '9';
        bool alpha = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool unreserved = digit || alpha || is_in(byte, "-._~");
        bool name = unreserved || is_in(byte, "!$&'()*+,;=") || byte == '%';
        unsigned expected = 0;
        expected |= digit || alpha || is_in(byte, "!#$%&'*+-.^_`|~") ? HTTP_BYTE_TOKEN : 0U;
        expected |= byte == '\t' || (byte >= 0x20 && byte != 0x7f) ? HTTP_BYTE_VALUE : 0U;
        expected |= name || is_in(byte, ":@/?") ? HTTP_BYTE_PATH : 0U;
        expected |= name ? HTTP_BYTE_NAME : 0U;
        expected |= digit || is_in(byte, "abcdefABCDEF") ? HTTP_BYTE_HEX : 0U;
        expected |= digit ? HTTP_BYTE_DIGIT : 0U;
        expected |= byte == ' ' || byte == '\t' ? HTTP_BYTE_SPACE : 0U;
        assert_int_equal(HTTP_BYTE_CLASS[byte], expected);
    }
}

/* The values are scanned eight bytes at a time: every byte at every place of a step. */
static void every_byte_of_a_value_is_judged_wherever_it_stands(void **state)
{
    (void)state;
    char input[128];
    uint32_t head = append(input, 0, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    for (uint32_t at = 0; at < 24 * 256; at++) {
        uint32_t size = fill(input, head, '\xff', 24);
        unsigned byte = at % 256;
        input[head + at / 256] = (char)byte;
        size = append(input, size, "\r\n\r\n");
        bool allowed = (HTTP_BYTE_CLASS[byte] & HTTP_BYTE_VALUE) != 0;
        struct http_parse_result result = parse(input, size);
        assert_int_equal(result.answer, allowed ? HTTP_PARSE_DONE : HTTP_PARSE_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_rfcs_forbid_is_refused_at_any_split),
        cmocka_unit_test(what_the_rfcs_allow_is_accepted_at_any_split),
        cmocka_unit_test(bytes_after_a_request_are_neither_needed_nor_touched),
        cmocka_unit_test(any_one_byte_changed_stays_within_the_input),
        cmocka_unit_test(a_head_of_8192_bytes_is_accepted_and_one_of_8193_is_431),
        cmocka_unit_test(a_bad_byte_beyond_the_limit_is_not_seen),
        cmocka_unit_test(a_head_of_64_fields_is_accepted_and_one_of_65_is_431),
        cmocka_unit_test(a_target_of_2048_bytes_is_accepted_and_one_of_2049_is_414),
        cmocka_unit_test(a_body_of_16384_bytes_is_accepted_and_one_of_16385_is_413),
        cmocka_unit_test(chunks_that_decode_to_16384_bytes_are_accepted_and_16385_are_413),
        cmocka_unit_test(framing_of_chunks_up_to_16384_bytes_is_accepted_and_more_is_413),
        cmocka_unit_test(a_request_of_the_greatest_size_is_accepted_and_no_longer_one_ever_waits),
        cmocka_unit_test(a_client_that_waits_for_100_continue_is_named_only_before_its_body),
        cmocka_unit_test(fields_are_found_in_any_case_and_counted),
        cmocka_unit_test(methods_are_told_apart),
        cmocka_unit_test(the_classes_of_bytes_are_those_of_the_rfcs),
        cmocka_unit_test(every_byte_of_a_value_is_judged_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, arena_open, NULL);
}
