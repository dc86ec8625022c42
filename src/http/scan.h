/* scan.h -- what the framing's scanners share: a position, an end, a reason, classes of bytes.
 *
 * Every scanner stops at scan->end and then answers HTTP_PARSE_MORE without a change; whoever put the
 * end at a limit instead of the last byte turns that into a refusal. So the answer to a request never
 * depends on the pieces in which it came. Private to http.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"

struct http_scan {
    const char *at;  /* the next byte */
    const char *end; /* the byte after the last that may be looked at */
    uint16_t refusal;
    const char *detail;
};

/* Bits of HTTP_BYTE_CLASS; the terms of RFC 9110 (5.5, 5.6.2) and RFC 3986 (3.2.2, 3.3, 3.4). */
enum {
    HTTP_BYTE_TOKEN = 1,  /* tchar */
    HTTP_BYTE_VALUE = 2,  /* VCHAR, obs-text, SP, HTAB: what a field's value may hold */
    HTTP_BYTE_PATH = 4,   /* pchar, "/", "?" and "%": path and query of a target */
    HTTP_BYTE_NAME = 8,   /* reg-name and "%": the host of Host or of an absolute target */
    HTTP_BYTE_HEX = 16,   /* HEXDIG */
    HTTP_BYTE_DIGIT = 32, /* DIGIT */
    HTTP_BYTE_SPACE = 64, /* SP, HTAB */
};

extern const uint8_t HTTP_BYTE_CLASS[256];

static inline bool http_byte_is(char byte, unsigned class)
{
    return (HTTP_BYTE_CLASS[(uint8_t)byte] & class) != 0;
}

/* Passes every byte of the class; stops at the first other one or at `end`. */
static inline const char *http_scan_class(const char *at, const char *end, unsigned class)
{
    while (at < end && http_byte_is(*at, class)) {
        at++;
    }
    return at;
}

/* The value of a HEXDIG. */
static inline uint32_t http_hex_value(char byte)
{
    uint32_t letter = (uint8_t)byte | 0x20U;
    return letter >= 'a' ? letter - 'a' + 10 : letter - '0';
}

/* True if `view` is `word`, which is lower case, in any case. Only for letters, digits and dashes:
 * the bit that tells cases apart is set in the other two anyway. `word` has view.size bytes. */
static inline bool http_view_is_word(struct http_view view, const char *word)
{
    uint32_t difference = 0;
    for (uint32_t i = 0; i < view.size; i++) {
        difference |= (uint32_t)((uint8_t)view.data[i] | 0x20U) ^ (uint8_t)word[i];
    }
    return difference == 0;
}

static inline enum http_parse http_scan_refuse(struct http_scan *scan, uint16_t status,
                                               const char *detail)
{
    scan->refusal = status;
    scan->detail = detail;
    return HTTP_PARSE_BAD;
}

/* Passes CR LF. */
static inline enum http_parse http_scan_line_end(struct http_scan *scan, const char *at)
{
    if (at == scan->end) {
        return HTTP_PARSE_MORE;
    }
    if (*at != '\r') {
        return http_scan_refuse(scan, 400,
                                *at == '\n' ? "A line ends with a bare LF."
                                            : "A line holds a byte that is not allowed.");
    }
    if (at + 1 == scan->end) {
        return HTTP_PARSE_MORE;
    }
    if (at[1] != '\n') {
        return http_scan_refuse(scan, 400, "A CR is not followed by LF.");
    }
    scan->at = at + 2;
    return HTTP_PARSE_DONE;
}

#endif
