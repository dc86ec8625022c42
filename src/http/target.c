/* target.c -- origin form is the rule; absolute form must be understood (RFC 9112, 3.2.2); `*` goes
 * with OPTIONS alone; authority form goes with CONNECT alone, and a bank is not a proxy. */
#include "http/target.h"

#include <string.h>

enum { PORT_DIGITS_MAX = 5 };

enum http_parse http_target_scan(struct http_scan *scan, struct http_view *out)
{
    const char *start = scan->at;
    bool limited = scan->end - start > HTTP_TARGET_SIZE_MAX;
    const char *end = limited ? start + HTTP_TARGET_SIZE_MAX + 1 : scan->end;
    const char *at = http_scan_class(start, end, HTTP_BYTE_PATH);
    /* Brackets belong to the host of an absolute form only. */
    while (at < end && at > start && *start != '/' && (*at == '[' || *at == ']')) {
        at = http_scan_class(at + 1, end, HTTP_BYTE_PATH);
    }
    if (at == end) {
        return limited ? http_scan_refuse(scan, 414, "The target is too long.") : HTTP_PARSE_MORE;
    }
    if (at == start || *at != ' ') {
        return http_scan_refuse(scan, 400,
                                "The target is empty or holds a byte that is not allowed.");
    }
    *out = (struct http_view){start, (uint32_t)(at - start)};
    scan->at = at;
    return HTTP_PARSE_DONE;
}

/* True if each "%" begins two hexadecimal digits. */
static bool percents_are_valid(struct http_view view)
{
    const char *end = view.data + view.size;
    const char *at = memchr(view.data, '%', view.size);
    while (at != NULL) {
        if (end - at < 3 || !http_byte_is(at[1], HTTP_BYTE_HEX) ||
            !http_byte_is(at[2], HTTP_BYTE_HEX)) {
            return false;
        }
        at = memchr(at + 3, '%', (size_t)(end - at) - 3);
    }
    return true;
}

/* "[" IPv6address "]": its bytes, not its arithmetic; nothing here looks an address up. */
static const char *literal_scan(const char *at, const char *end)
{
    const char *start = at + 1;
    at = start;
    bool colon = false;
    while (at < end && (*at == ':' || *at == '.' || http_byte_is(*at, HTTP_BYTE_HEX))) {
        colon = colon || *at == ':';
        at++;
    }
    return at < end && *at == ']' && colon ? at + 1 : NULL;
}

bool http_host_is_valid(struct http_view host)
{
    const char *at = host.data;
    const char *end = host.data + host.size;
    if (host.size > 0 && *at == '[') {
        at = literal_scan(at, end);
        if (at == NULL) {
            return false;
        }
    } else {
        at = http_scan_class(at, end, HTTP_BYTE_NAME);
        struct http_view name = {host.data, (uint32_t)(at - host.data)};
        if (name.size == 0 || !percents_are_valid(name)) {
            return false;
        }
    }
    if (at == end) {
        return true;
    }
    if (*at != ':' || end - at > 1 + PORT_DIGITS_MAX) {
        return false;
    }
    return http_scan_class(at + 1, end, HTTP_BYTE_DIGIT) == end;
}

/* Cuts "http://HOST/PATH?QUERY" to "/PATH?QUERY". https is refused as RFC 9110, 7.4 demands: this
 * connection is not one of that scheme. */
static bool absolute_cut(struct http_view *target)
{
    struct http_view scheme = {target->data, 4};
    if (target->size <= 7 || !http_view_is_word(scheme, "http") ||
        memcmp(target->data + 4, "://", 3) != 0) {
        return false;
    }
    const char *host = target->data + 7;
    const char *end = target->data + target->size;
    const char *at = host;
    while (at < end && *at != '/' && *at != '?') {
        at++;
    }
    if (!http_host_is_valid((struct http_view){host, (uint32_t)(at - host)})) {
        return false;
    }
    *target = (struct http_view){at, (uint32_t)(end - at)};
    return http_scan_class(at, end, HTTP_BYTE_PATH) == end;
}

enum http_parse http_target_check(struct http_scan *scan, struct http_request *request)
{
    struct http_view method = request->method_name;
    if (method.size == 7 && memcmp(method.data, "CONNECT", 7) == 0) {
        return http_scan_refuse(scan, 501, "This server is no proxy.");
    }
    struct http_view *target = &request->target;
    if (target->size == 1 && *target->data == '*') {
        bool options = method.size == 7 && memcmp(method.data, "OPTIONS", 7) == 0;
        return options ? HTTP_PARSE_DONE
                       : http_scan_refuse(scan, 400, "The target * goes with OPTIONS alone.");
    }
    if (*target->data != '/' && !absolute_cut(target)) {
        return http_scan_refuse(scan, 400, "The target is neither a path nor a valid http URI.");
    }
    if (!percents_are_valid(*target)) {
        return http_scan_refuse(scan, 400, "A % in the target does not begin two hex digits.");
    }
    return HTTP_PARSE_DONE;
}
