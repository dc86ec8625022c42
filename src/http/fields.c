/* fields.c -- RFC 9112, 5: field-name ":" OWS field-value OWS CRLF, and nothing more generous. */
#include "http/fields.h"

#include <string.h>

static const uint64_t EACH_BYTE = UINT64_C(0x0101010101010101);

/* Passes the bytes of a value, eight at a time: the first byte below 0x20 or equal to 0x7f ends a
 * step. A borrow can only raise a false flag above a true one, so the lowest flag is right. */
static const char *value_scan(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t bytes;
        memcpy(&bytes, at, sizeof(bytes));
        uint64_t delete = bytes ^ (EACH_BYTE * 0x7f);
        uint64_t flags =
            (((bytes - EACH_BYTE * 0x20) & ~bytes) | ((delete - EACH_BYTE) & ~delete)) &
            (EACH_BYTE * 0x80);
        if (flags == 0) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(flags) / 8;
        if (*at != '\t') {
            return at;
        }
        at++;
    }
    return http_scan_class(at, end, HTTP_BYTE_VALUE);
}

static enum http_parse name_refuse(struct http_scan *scan, const char *start, const char *at)
{
    if (at == start && http_byte_is(*at, HTTP_BYTE_SPACE)) {
        return http_scan_refuse(scan, 400, "A field line begins with white space.");
    }
    if (at == start) {
        return http_scan_refuse(scan, 400, "A field has no name.");
    }
    if (http_byte_is(*at, HTTP_BYTE_SPACE)) {
        return http_scan_refuse(scan, 400,
                                "White space stands between a field's name and its colon.");
    }
    return http_scan_refuse(scan, 400, "A field's name holds a byte that is not allowed.");
}

enum http_parse http_field_scan(struct http_scan *scan, struct http_field *out)
{
    const char *start = scan->at;
    const char *at = http_scan_class(start, scan->end, HTTP_BYTE_TOKEN);
    if (at == scan->end) {
        return HTTP_PARSE_MORE;
    }
    if (*at != ':' || at == start) {
        return name_refuse(scan, start, at);
    }
    out->name = (struct http_view){start, (uint32_t)(at - start)};

    const char *value = http_scan_class(at + 1, scan->end, HTTP_BYTE_SPACE);
    at = value_scan(value, scan->end);
    const char *value_end = at;
    while (value_end > value && http_byte_is(value_end[-1], HTTP_BYTE_SPACE)) {
        value_end--;
    }
    out->value = (struct http_view){value, (uint32_t)(value_end - value)};
    return http_scan_line_end(scan, at);
}

/* Connection is a list of options (RFC 9110, 7.6.1); only these two mean something here. */
static void connection_note(struct http_fields_known *known, struct http_view value)
{
    const char *at = value.data;
    const char *end = value.data + value.size;
    while (at < end) {
        at = http_scan_class(at, end, HTTP_BYTE_SPACE);
        const char *start = at;
        at = http_scan_class(at, end, HTTP_BYTE_TOKEN);
        struct http_view option = {start, (uint32_t)(at - start)};
        at = http_scan_class(at, end, HTTP_BYTE_SPACE);
        bool whole = at == end || *at == ',';
        if (whole && option.size == 5 && http_view_is_word(option, "close")) {
            known->connection_close = true;
        } else if (whole && option.size == 10 && http_view_is_word(option, "keep-alive")) {
            known->connection_keep_alive = true;
        }
        while (at < end && *at != ',') {
            at++;
        }
        at += at < end;
    }
}

static void seen_note(struct http_field_seen *seen, const struct http_field *field,
                      const char *name)
{
    if (http_view_is_word(field->name, name)) {
        seen->value = field->value;
        seen->count++;
    }
}

/* Almost every field is told apart from the five by its length alone. */
static void known_note(struct http_fields_known *known, const struct http_field *field)
{
    switch (field->name.size) {
    case 4:
        seen_note(&known->host, field, "host");
        break;
    case 6:
        seen_note(&known->expect, field, "expect");
        break;
    case 10:
        if (http_view_is_word(field->name, "connection")) {
            connection_note(known, field->value);
        }
        break;
    case 14:
        seen_note(&known->content_length, field, "content-length");
        break;
    case 17:
        seen_note(&known->transfer_encoding, field, "transfer-encoding");
        break;
    default:
        break;
    }
}

enum http_parse http_fields_scan(struct http_scan *scan, struct http_request *out,
                                 struct http_fields_known *known)
{
    uint32_t count = 0;
    while (scan->at < scan->end && *scan->at != '\r') {
        if (count == HTTP_FIELDS_MAX) {
            return http_scan_refuse(scan, 431, "The head has too many fields.");
        }
        enum http_parse answer = http_field_scan(scan, &out->fields[count]);
        if (answer != HTTP_PARSE_DONE) {
            return answer;
        }
        known_note(known, &out->fields[count]);
        count++;
    }
    out->field_count = count;
    return http_scan_line_end(scan, scan->at);
}
