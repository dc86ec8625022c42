/* server.h -- HTTP/1.1 connections on a libuv loop: reading, framing, time-outs, answers. Knows no
 * route: each whole request goes to the handler, which answers at once or later.
 *
 * A connection carries one request at a time: the next one, pipelined or not, is parsed when the
 * earlier one has been answered. Answers are collected and written by http_server_flush at the end of
 * the loop's turn, all those of one connection in one write. An idle connection holds no buffer.
 *
 * Limits: http_limits below and those of request.h. Beyond connections_max: 503 and closed; buffers
 * all in use: 503 and closed; a slow head or body: 408 and closed; framing errors: their status and
 * closed. All are problem documents. While an output is not taken by its client, nothing more is read
 * from it.
 * Memory: sized by the limits at open; none per request.
 * Threads: the loop's.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/status.h"
#include "http/request.h"

struct http_server;
struct http_connection;

struct http_limits {
    uint32_t connections_max;
    uint32_t buffers_max;      /* parts of requests and unwritten answers, 64 KiB each */
    uint32_t head_timeout_ms;  /* from a request's first byte to the end of its head: 5,000 */
    uint32_t body_timeout_ms;  /* from there to its end: 5,000 */
    uint32_t idle_timeout_ms;  /* between requests: 90,000, more than a load balancer's 60,000 */
    uint32_t write_timeout_ms; /* an answer that is not taken: 10,000 */
    uint32_t drain_ms; /* how long a kept-alive connection may go on idle while draining: 500 */
};

/* The defaults. */
extern const struct http_limits HTTP_LIMITS;

struct http_handler {
    void *context;
    /* A whole request; `request` and its views are valid during the call. The handler calls
     * http_respond once, now or later. */
    void (*on_request)(void *context, struct http_connection *connection,
                       const struct http_request *request);
    /* The client went away before http_respond: the connection must not be used after this call. */
    void (*on_abandoned)(void *context, struct http_connection *connection);
    uint32_t user_size; /* bytes per connection for the handler: http_connection_user */
};

MUST_CHECK enum status http_server_open(struct http_server **out, uv_loop_t *loop,
                                        const struct http_limits *limits,
                                        const struct http_handler *handler);
/* Listens on "HOST:PORT" (an IPv4 address or [IPv6]; port 0 takes a free one) or "unix:PATH" (mode
 * 0660; a stale socket file is replaced). STATUS_INVALID: not an address; STATUS_BUSY: in use;
 * STATUS_IO. The cause is logged. */
MUST_CHECK enum status http_server_listen(struct http_server *server, const char *address);
/* The TCP port of the first listener, 0 if it has none. */
uint16_t http_server_port(const struct http_server *server);

/* Stops listening; answers what comes on open connections with `Connection: close`; closes idle ones
 * after drain_ms. Calls `on_drained` once when no connection is left (from a later turn). */
void http_server_drain(struct http_server *server, void (*on_drained)(void *context),
                       void *context);
/* Closes every connection at once (on_abandoned is called for those with a request). After it the
 * loop must run until its handles are closed, then http_server_free. */
void http_server_close(struct http_server *server);
void http_server_free(struct http_server *server); /* accepts NULL */

/* The mark that requests carry from now on. Call it once at the start of each turn, before sockets
 * are read. A request carries the mark that was set last when its first byte was read; or, if its
 * connection (or the listener, before it was accepted) was not being read, the one when reading
 * stopped; a new connection's first read carries the mark of its accept. An older mark is always
 * allowed, a newer one never. */
void http_server_mark(struct http_server *server, uint64_t mark);

/* Writes the answers of this turn; call it at the end of each. Requests that came pipelined behind an
 * answer are parsed here, after it is written, and given to on_request before this returns: commands
 * that they make belong to the caller's next turn, which must not wait for an event. */
void http_server_flush(struct http_server *server);

/* Memory of user_size bytes that lives as long as the connection, 16-byte aligned, zero at first. */
void *http_connection_user(struct http_connection *connection);

/* Bytes of `fields` and `body` together; more is a mistake of the caller. Longer lists have pages. */
enum { HTTP_RESPONSE_SIZE_MAX = 49152 };

struct http_response {
    uint16_t status;
    bool close;               /* close after this answer, whatever the client wants */
    const char *content_type; /* NULL: no body */
    const char *fields;       /* further fields, each ended by CRLF; may be NULL */
    uint32_t fields_size;
    const char *body;
    uint32_t body_size;
};

/* Answers the connection's request. Copies everything. To HEAD the body is left out, its length not.
 * Adds Date, Content-Length, and Connection where needed. */
void http_respond(struct http_connection *connection, const struct http_response *response);

enum { HTTP_STATUS_CLASSES = 6 };

/* Counters since start, and gauges. */
struct http_counters {
    uint64_t connections_accepted;
    uint64_t connections_refused;            /* beyond connections_max or buffers_max */
    uint64_t connections_open;               /* now */
    uint64_t buffers_used;                   /* now */
    uint64_t requests;                       /* given to the handler */
    uint64_t responses[HTTP_STATUS_CLASSES]; /* by the first digit of their status, refusals too */
    uint64_t requests_bad;                   /* refused by the framing */
    uint64_t requests_timed_out;             /* head, body or answer too slow */
    uint64_t requests_abandoned;
    uint64_t bytes_read;
    uint64_t bytes_written;
};

const struct http_counters *http_server_counters(const struct http_server *server);

#endif
