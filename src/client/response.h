/* response.h -- an HTTP/1.1 answer as a pure function: bytes in, one answer or a reason out.
 *
 * For answers of servers that we ask, so lenient where it cannot hurt and exact about where the
 * body ends: Content-Length, chunked, or the end of the connection (RFC 9112, section 6.3).
 */
#ifndef CLIENT_RESPONSE_H
#define CLIENT_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

enum { CLIENT_FIELDS_MAX = 64 }; /* beyond: BAD */

/* Bytes inside the buffer that was parsed; not zero-ended. */
struct client_view {
    const char *data;
    uint32_t size;
};

struct client_field {
    struct client_view name;
    struct client_view value; /* without surrounding white space */
};

struct client_response {
    uint16_t status;
    struct client_view body; /* decoded */
    uint32_t field_count;
    struct client_field fields[CLIENT_FIELDS_MAX];
};

enum client_parse {
    CLIENT_PARSE_DONE,
    CLIENT_PARSE_MORE, /* a prefix of an answer so far */
    CLIENT_PARSE_BAD,  /* not an HTTP/1.x answer, or cut by the end of the connection */
};

/* Parses the answer at the start of data[0..size), past answers of status 1xx. `closed`: no more
 * bytes will come. A chunked body is decoded in place when it is whole; MORE changes nothing. Views
 * point into data. */
enum client_parse client_response_parse(struct client_response *out, char *data, uint32_t size,
                                        bool closed);

/* The value of the first field `name`, whatever the case of its letters, or data NULL. */
struct client_view client_response_field(const struct client_response *response, const char *name);

#endif
