/* fields.h -- field lines of a head or of trailers, and those that say how a request is framed.
 * Private to http. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "http/scan.h"

/* A field that may be there once: how often it is, and its last value. */
struct http_field_seen {
    struct http_view value;
    uint32_t count;
};

/* The fields that the framing itself obeys. */
struct http_fields_known {
    struct http_field_seen host;
    struct http_field_seen content_length;
    struct http_field_seen transfer_encoding;
    struct http_field_seen expect;
    bool connection_close;
    bool connection_keep_alive;
};

/* Passes one field line with its CRLF. */
enum http_parse http_field_scan(struct http_scan *scan, struct http_field *out);

/* Passes all field lines and the empty line after them; fills out->fields, out->field_count. */
enum http_parse http_fields_scan(struct http_scan *scan, struct http_request *out,
                                 struct http_fields_known *known);

#endif
