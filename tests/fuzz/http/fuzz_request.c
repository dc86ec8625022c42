/* fuzz_request.c -- what our framing accepts, llhttp in its strict mode must accept with the same
 * method, target, body and length; and the answer to a prefix must fit the answer to the whole.
 *
 * The first byte of the input says where it is cut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/request.h"
#include "oracle.h"

static struct http_request request;
static struct oracle oracle;

static void expect(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "differs: %s; llhttp: %s\n", what,
                      oracle.reason == NULL ? "-" : oracle.reason);
        abort();
    }
}

static bool is_equal(struct http_view view, const char *data, size_t size)
{
    return view.size == size && (size == 0 || memcmp(view.data, data, size) == 0);
}

/* An absolute form is cut to its path and query, and gets a "/" if the path is missing. */
static bool is_same_target(struct http_view target)
{
    if (is_equal(target, oracle.target, oracle.target_size)) {
        return true;
    }
    if (*oracle.target == '/' || oracle.target_size < target.size) {
        return false;
    }
    const char *end = oracle.target + oracle.target_size;
    struct http_view rest = {target.data + 1, target.size - 1};
    return is_equal(target, end - target.size, target.size) ||
           (*target.data == '/' && is_equal(rest, end - rest.size, rest.size));
}

static struct http_parse_result parse(const uint8_t *input, uint32_t size, char **out_data)
{
    char *data = malloc(size > 0 ? size : 1);
    if (data == NULL) {
        abort();
    }
    memcpy(data, input, size);
    *out_data = data;
    return http_request_parse(&request, data, size);
}

static void check_prefix(const uint8_t *input, uint32_t size, const struct http_parse_result *whole)
{
    char *data = NULL;
    struct http_parse_result part = parse(input, size, &data);
    if (whole->answer == HTTP_PARSE_DONE) {
        expect(part.answer == (size < whole->consumed ? HTTP_PARSE_MORE : HTTP_PARSE_DONE),
               "a prefix of an accepted request");
    } else {
        expect(part.answer != HTTP_PARSE_DONE, "a prefix is accepted and the whole is not");
    }
    if (part.answer == HTTP_PARSE_BAD) {
        expect(part.refusal == whole->refusal, "a prefix is refused for another reason");
    }
    if (part.answer == HTTP_PARSE_MORE) {
        expect(memcmp(data, input, size) == 0, "MORE changed the bytes");
        expect(part.size_needed > size, "MORE needs nothing");
        expect(whole->answer != HTTP_PARSE_DONE || part.size_needed <= whole->consumed,
               "MORE needs more than there is");
    }
    free(data);
}

/* llhttp takes a tab behind `chunked` or a length for a part of it; RFC 9110, 5.6.3 counts it as white
 * space. */
static bool tab_ends(const char *field)
{
    uint32_t count = 0;
    struct http_view value = http_request_field(&request, field, &count);
    if (count == 0) {
        return false;
    }
    const char *at = value.data + value.size;
    while (*at == ' ') {
        at++;
    }
    return *at == '\t';
}

/* The exceptions, all of them llhttp's: it is narrower than the RFCs there. */
static bool is_excused(void)
{
    switch (oracle.answer) {
    case ORACLE_REFUSED_METHOD:
        return request.method == HTTP_OTHER;
    case ORACLE_REFUSED_EXTENSION:
        return true;
    case ORACLE_REFUSED_CODING:
        return tab_ends("transfer-encoding");
    case ORACLE_REFUSED_LENGTH:
        return tab_ends("content-length");
    case ORACLE_DONE:
    case ORACLE_MORE:
    case ORACLE_REFUSED:
        break;
    }
    return false;
}

static void compare(const uint8_t *input, uint32_t size, const struct http_parse_result *result)
{
    char method[64] = {0};
    expect(request.method_name.size < sizeof(method), "a long method");
    memcpy(method, request.method_name.data, request.method_name.size);
    oracle_parse(&oracle, (const char *)input, size);
    if (is_excused()) {
        return;
    }
    expect(oracle.answer == ORACLE_DONE, "accepted here alone");
    expect(oracle.consumed == result->consumed, "the length");
    expect(strcmp(oracle.method, method) == 0, "the method");
    expect(is_same_target(request.target), "the target");
    expect(is_equal(request.body, oracle.body, oracle.body_size), "the body");
}

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size < 1 || size > ORACLE_SIZE_MAX) {
        return 0;
    }
    size_t cut = (size_t)input[0] * (size - 1) / 255;
    input++;
    size--;

    char *data = NULL;
    struct http_parse_result result = parse(input, (uint32_t)size, &data);
    expect(result.answer != HTTP_PARSE_MORE || size < HTTP_REQUEST_SIZE_MAX, "MORE without end");
    if (result.answer == HTTP_PARSE_DONE) {
        compare(input, (uint32_t)size, &result);
    }
    check_prefix(input, (uint32_t)cut, &result);
    free(data);
    return 0;
}
