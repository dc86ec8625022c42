/* request.h -- strict HTTP/1.x framing as a pure function: bytes in, one request or a reason out.
 *
 * Rules: RFC 9110 and 9112, and where they leave a choice the strict one. What is refused: bare CR or
 * LF, white space before a colon, folded fields, control bytes, no or two Host, a bad Host, Content-
 * Length twice or not a number, Content-Length with Transfer-Encoding, Transfer-Encoding in HTTP/1.0,
 * any coding but one `chunked`, a target that is neither origin form nor (absolute form) for this
 * server nor `*` with OPTIONS, a version other than 1.0 and 1.1.
 * Tests hold it against llhttp.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_HEAD_SIZE_MAX = 8192, /* bytes, request line and fields with the empty line; beyond: 431 */
    HTTP_FIELDS_MAX = 64,      /* beyond: 431 */
    HTTP_TARGET_SIZE_MAX = 2048, /* beyond: 414 */
    HTTP_BODY_SIZE_MAX = 16384,  /* bytes of decoded body; beyond: 413 */
    /* Framing of a chunked body that the decoder passes: chunk sizes, extensions, trailers. Beyond:
     * 413. */
    HTTP_CHUNK_OVERHEAD_MAX = 16384,
    /* Follows from the others: with so many bytes the answer is never MORE. */
    HTTP_REQUEST_SIZE_MAX = HTTP_HEAD_SIZE_MAX + HTTP_BODY_SIZE_MAX + HTTP_CHUNK_OVERHEAD_MAX,
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

/* Bytes inside the buffer that was parsed; not zero-ended. */
struct http_view {
    const char *data;
    uint32_t size;
};

struct http_field {
    struct http_view name;
    struct http_view value; /* without surrounding white space */
};

struct http_request {
    enum http_method method;
    struct http_view method_name;
    struct http_view target; /* path and query: an absolute form is cut to them */
    struct http_view body;   /* decoded; empty if there is none */
    uint64_t mark;           /* set by the server: see http_server_mark */
    uint32_t field_count;
    uint8_t version_minor; /* 0 or 1 */
    bool keep_alive;       /* the connection may go on after the answer */
    struct http_field fields[HTTP_FIELDS_MAX];
};

/* The value of the field `name` (lower case), or data NULL. *out_count is how often it is there. */
struct http_view http_request_field(const struct http_request *request, const char *name,
                                    uint32_t *out_count);

enum http_parse {
    HTTP_PARSE_DONE, /* one request: `consumed` bytes */
    HTTP_PARSE_MORE, /* a prefix of a request so far */
    HTTP_PARSE_BAD,  /* answer `refusal` and close */
};

struct http_parse_result {
    enum http_parse answer;
    uint32_t consumed;          /* bytes of the request, framing of the body included */
    uint32_t size_needed;       /* MORE: with fewer bytes than this the answer stays MORE */
    bool head_done;             /* MORE: the head is whole and only the body is missing */
    bool expects_continue;      /* with head_done: the client waits for 100 Continue */
    uint16_t refusal;           /* BAD: 400, 413, 414, 417, 431, 501 or 505 */
    const char *refusal_detail; /* BAD: one English sentence for the problem document */
};

/* Parses the request at the start of data[0..size), up to two empty lines before it included. The
 * answer does not depend on how the bytes came: what is refused as a whole is refused, for the same
 * reason, at the latest when its last byte is there. Nothing is kept between calls: a request that
 * comes in pieces is parsed again from its start, but not before it has size_needed bytes, so a body of
 * known length costs two parses and a head at most one, of at most HTTP_HEAD_SIZE_MAX bytes (4 µs), for
 * each piece, which costs as much to read. A chunked body is decoded in place only when the
 * whole request is there, so data is not const and MORE changes nothing. Views point into data. */
struct http_parse_result http_request_parse(struct http_request *out, char *data, uint32_t size);

#endif
