/* chunked.c -- chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; last-chunk trailers CRLF.
 *
 * Two passes: measure, which trusts nothing, and decode, which runs on a body that was found whole and
 * so needs no check. A body that comes in pieces is measured again from its start for each piece; a
 * measure leaps over the content, and its result says from which size on another is worth it. At worst
 * (chunks of one byte, a piece a byte) that is some 3,300 chunk lines, 20 µs, a piece, and a piece
 * costs a read of its own.
 */
#include "http/chunked.h"

#include <string.h>

#include "base/check.h"
#include "http/fields.h"

/* Extensions are ignored (RFC 9112, 7.1.1), but only if they are some:
 * *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ). */
static enum http_parse quoted_scan(struct http_scan *scan)
{
    bool escaped = false;
    for (const char *at = scan->at + 1; at < scan->end; at++) {
        if (!http_byte_is(*at, HTTP_BYTE_VALUE)) {
            return http_scan_refuse(scan, 400,
                                    "A chunk extension holds a byte that is not allowed.");
        }
        if (*at == '"' && !escaped) {
            scan->at = at + 1;
            return HTTP_PARSE_DONE;
        }
        escaped = *at == '\\' && !escaped;
    }
    return HTTP_PARSE_MORE;
}

/* Passes BWS and then a token, or a quoted string where one may stand. */
static enum http_parse word_scan(struct http_scan *scan, bool quoted)
{
    scan->at = http_scan_class(scan->at, scan->end, HTTP_BYTE_SPACE);
    if (scan->at < scan->end && quoted && *scan->at == '"') {
        return quoted_scan(scan);
    }
    const char *at = http_scan_class(scan->at, scan->end, HTTP_BYTE_TOKEN);
    if (at == scan->end) {
        return HTTP_PARSE_MORE;
    }
    if (at == scan->at) {
        return http_scan_refuse(scan, 400, "A chunk extension lacks a name or a value.");
    }
    scan->at = at;
    return HTTP_PARSE_DONE;
}

static enum http_parse extensions_scan(struct http_scan *scan)
{
    enum http_parse answer = HTTP_PARSE_DONE;
    while (answer == HTTP_PARSE_DONE) {
        const char *at = http_scan_class(scan->at, scan->end, HTTP_BYTE_SPACE);
        if (at == scan->end) {
            return HTTP_PARSE_MORE;
        }
        if (*at != ';') {
            return at == scan->at
                       ? HTTP_PARSE_DONE
                       : http_scan_refuse(scan, 400, "White space ends a chunk's first line.");
        }
        scan->at = at + 1;
        answer = word_scan(scan, false);
        if (answer != HTTP_PARSE_DONE) {
            break;
        }
        at = http_scan_class(scan->at, scan->end, HTTP_BYTE_SPACE);
        if (at < scan->end && *at == '=') {
            scan->at = at + 1;
            answer = word_scan(scan, true);
        }
    }
    return answer;
}

/* Passes a chunk's first line; its size is at most `size_max`, beyond it 413. Leading zeros are no
 * reason to refuse, and no way to overflow. */
static enum http_parse chunk_line_scan(struct http_scan *scan, uint32_t size_max,
                                       uint32_t *out_size)
{
    const char *start = scan->at;
    uint32_t size = 0;
    while (scan->at < scan->end && http_byte_is(*scan->at, HTTP_BYTE_HEX)) {
        size = size * 16 + http_hex_value(*scan->at);
        if (size > size_max) {
            return http_scan_refuse(scan, 413, "The body is too large.");
        }
        scan->at++;
    }
    if (scan->at == scan->end) {
        return HTTP_PARSE_MORE;
    }
    if (scan->at == start) {
        return http_scan_refuse(scan, 400, "A chunk does not begin with its size.");
    }
    enum http_parse answer = extensions_scan(scan);
    if (answer == HTTP_PARSE_DONE) {
        answer = http_scan_line_end(scan, scan->at);
    }
    *out_size = size;
    return answer;
}

static bool frames(struct http_view name)
{
    return (name.size == 14 && http_view_is_word(name, "content-length")) ||
           (name.size == 17 && http_view_is_word(name, "transfer-encoding"));
}

/* Trailers are checked like fields and dropped: nothing here may be said after the body. Those that
 * would frame it are refused, because no sender may make them (RFC 9110, 6.5.1), and a parser in front
 * of this one may believe them. */
static enum http_parse trailers_scan(struct http_scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\r') {
        struct http_field field;
        enum http_parse answer = http_field_scan(scan, &field);
        if (answer != HTTP_PARSE_DONE) {
            return answer;
        }
        if (frames(field.name)) {
            return http_scan_refuse(scan, 400, "A trailer cannot say where the body ends.");
        }
    }
    return http_scan_line_end(scan, scan->at);
}

/* The end of what may be scanned as framing: the last byte, or the limit if that is nearer. */
static const char *framing_end(const char *at, const char *end, uint32_t overhead)
{
    uint32_t left = HTTP_CHUNK_OVERHEAD_MAX - overhead;
    return end - at > left ? at + left : end;
}

struct http_chunked_result http_chunked_measure(const char *data, uint32_t size)
{
    const char *end = data + size;
    struct http_scan scan = {.at = data};
    uint32_t decoded = 0;
    uint32_t chunk = 0;
    enum http_parse answer = HTTP_PARSE_DONE;
    do {
        uint32_t overhead = (uint32_t)(scan.at - data) - decoded;
        scan.end = framing_end(scan.at, end, overhead);
        answer = chunk_line_scan(&scan, HTTP_BODY_SIZE_MAX - decoded, &chunk);
        if (answer != HTTP_PARSE_DONE || chunk == 0) {
            break;
        }
        if ((uint32_t)(end - scan.at) <= chunk) {
            uint32_t size_next = (uint32_t)(scan.at - data) + chunk + 1;
            return (struct http_chunked_result){.answer = HTTP_PARSE_MORE, .size = size_next};
        }
        scan.at += chunk;
        decoded += chunk;
        scan.end = framing_end(scan.at, end, (uint32_t)(scan.at - data) - decoded);
        answer = http_scan_line_end(&scan, scan.at);
    } while (answer == HTTP_PARSE_DONE);

    if (answer == HTTP_PARSE_DONE) {
        answer = trailers_scan(&scan);
    }
    if (answer == HTTP_PARSE_MORE &&
        (uint32_t)(scan.end - data) - decoded >= HTTP_CHUNK_OVERHEAD_MAX) {
        answer = http_scan_refuse(&scan, 413, "The framing of the chunked body is too large.");
    }
    return (struct http_chunked_result){
        .answer = answer,
        .size = answer == HTTP_PARSE_DONE ? (uint32_t)(scan.at - data) : size + 1,
        .size_decoded = decoded,
        .refusal = scan.refusal,
        .detail = scan.detail,
    };
}

void http_chunked_decode(char *data, uint32_t size_decoded)
{
    const char *source = data;
    uint32_t done = 0;
    while (done < size_decoded) {
        uint32_t chunk = 0;
        while (http_byte_is(*source, HTTP_BYTE_HEX)) {
            chunk = chunk * 16 + http_hex_value(*source);
            source++;
        }
        while (*source != '\n') {
            source++;
        }
        source++;
        CHECK(chunk > 0);
        CHECK(chunk <= size_decoded - done);
        memmove(data + done, source, chunk);
        done += chunk;
        source += chunk + 2;
    }
}
