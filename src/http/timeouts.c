/* timeouts.c -- deadlines without a timer for each connection: a list for each kind of wait, which is
 * in the order of its deadlines because each kind has one time-out, and one coarse timer. */
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "http/connection.h"

void http_timeouts_wait(struct http_connection *connection, enum http_wait wait)
{
    /* A wait for the rest of something began with its first part; only idleness begins anew. */
    if (connection->wait == wait && wait != HTTP_WAIT_IDLE) {
        return;
    }
    struct http_server *server = connection->server;
    if (connection->wait != HTTP_WAIT_NONE) {
        http_list_remove(&connection->wait_link);
    }
    connection->wait = wait;
    if (wait != HTTP_WAIT_NONE) {
        connection->wait_start_ms = uv_now(server->loop);
        http_list_append(&server->waits[wait], &connection->wait_link);
        http_timeouts_need_tick(server);
    }
}

/* A request may have come since the last turn, and closing under it would fail it. */
static bool has_bytes(struct http_connection *connection)
{
    char byte;
    uv_os_fd_t fd = -1;
    return uv_fileno(&connection->handle, &fd) == 0 &&
           recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* True if only empty lines came, which some clients send after a body. */
static bool is_no_request(const struct http_input *input)
{
    const char *at = input->data + input->start;
    uint32_t size = http_input_size(input);
    uint32_t i = 0;
    while (i < size && (at[i] == '\r' || at[i] == '\n')) {
        i++;
    }
    return i == size;
}

static void expire(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    switch (connection->wait) {
    case HTTP_WAIT_IDLE:
        if (has_bytes(connection)) {
            http_timeouts_wait(connection, HTTP_WAIT_IDLE);
            connection->wait_start_ms += HTTP_TICK_MS; /* not again in this tick */
            break;
        }
        http_connection_close(connection);
        break;
    case HTTP_WAIT_HEAD:
    case HTTP_WAIT_BODY:
        if (is_no_request(&connection->input)) {
            http_connection_close(connection);
            break;
        }
        server->counters.requests_timed_out++;
        http_connection_refuse(connection, 408,
                               connection->head_done ? "The body did not come in time."
                                                     : "The head did not come in time.");
        http_connection_flush(connection);
        break;
    case HTTP_WAIT_WRITE:
        server->counters.requests_timed_out++;
        http_connection_close(connection);
        break;
    case HTTP_WAIT_LINGER:
    case HTTP_WAIT_NONE:
        http_connection_close(connection);
        break;
    }
}

static uint64_t deadline_of(const struct http_server *server,
                            const struct http_connection *connection)
{
    const struct http_limits *limits = &server->limits;
    uint64_t start = connection->wait_start_ms;
    switch (connection->wait) {
    case HTTP_WAIT_IDLE:
        if (server->draining) {
            uint64_t begin = start > server->drain_start_ms ? start : server->drain_start_ms;
            return begin + limits->drain_ms;
        }
        return start + limits->idle_timeout_ms;
    case HTTP_WAIT_HEAD:
        return start + limits->head_timeout_ms;
    case HTTP_WAIT_BODY:
        return start + limits->body_timeout_ms;
    case HTTP_WAIT_WRITE:
        return start + limits->write_timeout_ms;
    case HTTP_WAIT_LINGER:
    case HTTP_WAIT_NONE:
        break;
    }
    return start + HTTP_LINGER_MS;
}

/* Ends the waits of this kind that are over; true if others go on. */
static bool kind_expire(struct http_server *server, enum http_wait kind, uint64_t now)
{
    struct http_link *list = &server->waits[kind];
    while (!http_list_is_empty(list)) {
        size_t offset = offsetof(struct http_connection, wait_link);
        void *connection = (char *)list->next - offset;
        if (deadline_of(server, connection) > now) {
            return true;
        }
        expire(connection);
    }
    return false;
}

static void on_tick(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    uint64_t now = uv_now(server->loop);
    bool needed = server->draining && !server->drained;
    for (uint32_t kind = 0; kind < HTTP_WAIT_KINDS; kind++) {
        needed = kind_expire(server, (enum http_wait)kind, now) || needed;
    }
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        needed = needed || server->listeners[i].paused;
    }
    http_listeners_resume(server);
    http_server_drained_check(server);
    if (!needed && !server->closing) {
        CHECK(uv_timer_stop(timer) == 0);
        server->ticking = false;
    }
}

void http_timeouts_need_tick(struct http_server *server)
{
    if (!server->ticking && !server->closing) {
        CHECK(uv_timer_start(&server->timer, on_tick, HTTP_TICK_MS, HTTP_TICK_MS) == 0);
        server->ticking = true;
    }
}

void http_timeouts_init(struct http_server *server)
{
    for (uint32_t kind = 0; kind < HTTP_WAIT_KINDS; kind++) {
        http_list_init(&server->waits[kind]);
    }
    CHECK(uv_timer_init(server->loop, &server->timer) == 0);
    server->timer.data = server;
    server->handles++;
}
