/* connection.h -- what the parts of the server share: its connections and itself. Private to http.
 *
 * A connection goes round in this way; "last" leaves the circle:
 *
 *     read -> advance: parse -> on_request ... http_respond -> flush: write -> advance
 *                                                                 | last
 *                                                                 v
 *                                                         linger -> close
 *
 * Nothing here calls itself in a circle: http_respond only renders and notes the connection as dirty,
 * so a thousand pipelined requests are a loop and not a thousand frames.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/buffers.h"
#include "http/input.h"
#include "http/list.h"
#include "http/server.h"

enum {
    HTTP_LISTENERS_MAX = 8,
    /* Connections beyond connections_max that are being told so. Beyond them the kernel queues. */
    HTTP_REFUSALS_MAX = 256,
    HTTP_RESPONSE_HEAD_MAX = 512, /* without the caller's fields */
    /* No request begins while so much output waits: so its answer fits into the buffer. */
    HTTP_OUTPUT_HIGH_WATER = HTTP_BUFFER_SIZE - HTTP_RESPONSE_HEAD_MAX - HTTP_RESPONSE_SIZE_MAX,
    HTTP_TICK_MS = 100,
    /* After its last answer a connection is read and not listened to, so that the kernel does not
     * reset it before the client has the answer (RFC 9112, 9.6). */
    HTTP_LINGER_MS = 2000,
    HTTP_LINGER_SIZE_MAX = 1024 * 1024,
};

/* What a connection waits for, one at a time. Each kind has one constant time-out, so its list, to
 * whose end connections are put, is sorted by deadline. */
enum http_wait {
    HTTP_WAIT_IDLE,
    HTTP_WAIT_HEAD,
    HTTP_WAIT_BODY,
    HTTP_WAIT_WRITE,
    HTTP_WAIT_LINGER,
    HTTP_WAIT_KINDS,
    HTTP_WAIT_NONE = HTTP_WAIT_KINDS, /* for the handler, or for the flush of this turn */
};

struct http_output {
    char *data; /* a buffer of the pool, or NULL */
    uint32_t written;
    uint32_t size;
    uint32_t in_flight; /* data[written..in_flight) is libuv's while `writing` */
};

struct http_connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct http_server *server;
    struct http_link wait_link;
    struct http_link dirty_link;
    uint64_t wait_start_ms;
    enum http_wait wait;
    struct http_input input;
    struct http_output output;
    struct http_source source;
    uint32_t size_needed; /* of input, before parsing it is worth it */
    uint32_t discarded;   /* bytes read after `last` */
    bool open;            /* the slot is in use */
    bool busy;            /* the handler has a request */
    bool dirty;           /* in the list of connections to flush */
    bool reading;
    bool writing; /* libuv holds a part of output */
    bool eof;     /* the client will send no more; it may still want its answer */
    bool last;    /* nothing more is parsed: when output is written, finish */
    bool linger;  /* finish with a half-close */
    bool lingering;
    bool failed;     /* a write failed where closing was not allowed; the flush closes */
    bool overloaded; /* input was lost for want of a buffer: 503 after the answer */
    bool closing;    /* uv_close was called */
    bool admitted;   /* counts towards connections_max */
    bool head_done;  /* the request that waits for more lacks only body */
    bool keep_alive; /* of the request that is answered next */
    bool version_is_10;
    bool method_is_head;
    uv_write_t write;
    struct http_connection *next_free;
};

struct http_listener {
    uv_poll_t poll;
    struct http_server *server;
    struct http_source source;
    int fd; /* -1: closed */
    bool is_unix;
    bool paused;
    uint16_t port;
};

struct http_server {
    uv_loop_t *loop;
    struct http_limits limits;
    struct http_handler handler;
    struct http_counters counters;
    uint64_t mark;
    struct http_link dirty;
    struct http_link waits[HTTP_WAIT_KINDS];
    struct http_buffers buffers;
    char *read_buffer; /* all reads of connections that hold no input */
    char *scratch;     /* answers when no buffer is left */
    struct http_request request;

    char *slots; /* connections, each followed by its handler's memory */
    uint32_t slot_size;
    uint32_t slots_count;
    uint32_t slots_fresh; /* slots from here on were never used */
    struct http_connection *slot_free;
    uint32_t admitted;

    struct http_listener listeners[HTTP_LISTENERS_MAX];
    uint32_t listeners_count;
    uint64_t accept_warned_ms;

    uv_timer_t timer;
    bool ticking;
    bool closing;
    bool draining;
    bool drained;
    uint64_t drain_start_ms;
    void (*on_drained)(void *context);
    void *drained_context;
    uint32_t handles; /* open, or not yet closed by libuv */

    int64_t date_second;
    char date[32]; /* "Mon, 23 Nov 2026 21:40:00 GMT" */
};

/* connection.c */
/* Takes over `fd`. False: no slot, or libuv refused; fd is closed then. */
bool http_connection_open(struct http_server *server, int fd, bool is_unix, uint64_t mark);
/* Tells the handler, if it has a request, and gives everything back when libuv is done. */
void http_connection_close(struct http_connection *connection);
/* Writes what waits, then goes on: next request, finish or wait. */
void http_connection_flush(struct http_connection *connection);
/* Answers with a problem and closes. For a connection that is not busy. */
void http_connection_refuse(struct http_connection *connection, uint16_t status,
                            const char *detail);

/* output.c */
/* Writes what the socket takes now; true if nothing is left. Sets `failed`. */
bool http_output_try(struct http_connection *connection);
/* Lets libuv write the rest. */
void http_output_queue(struct http_connection *connection);
void http_output_release(struct http_connection *connection);
void http_output_continue(struct http_connection *connection);
void http_connection_dirty(struct http_connection *connection);

/* timeouts.c */
void http_timeouts_init(struct http_server *server);
void http_timeouts_wait(struct http_connection *connection, enum http_wait wait);
/* The coarse timer runs only while somebody waits. */
void http_timeouts_need_tick(struct http_server *server);

/* listener.c */
void http_listener_close(struct http_listener *listener);
/* Accepts all that the kernel has queued. */
void http_listener_accept(struct http_listener *listener);
/* Goes on where descriptors or slots were lacking. */
void http_listeners_resume(struct http_server *server);

/* server.c */
void http_server_handle_closed(struct http_server *server);
/* Reports once that a draining server has no connection left. */
void http_server_drained_check(struct http_server *server);

#endif
