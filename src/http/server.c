/* server.c -- the contract is in server.h; memory, the turn's two calls, and the end. */
#include "http/server.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/limits.h"
#include "http/connection.h"

const struct http_limits HTTP_LIMITS = {
    .connections_max = CONNECTIONS_MAX,
    .buffers_max = 1024,
    .head_timeout_ms = 5000,
    .body_timeout_ms = 5000,
    .idle_timeout_ms = 90000,
    .write_timeout_ms = 10000,
    .drain_ms = 500,
};

enum { SLOT_ALIGNMENT = 64, BUFFERS_OWN = 2 };

static size_t slots_bytes(const struct http_server *server)
{
    return (size_t)server->slots_count * server->slot_size;
}

enum status http_server_open(struct http_server **out, uv_loop_t *loop,
                             const struct http_limits *limits, const struct http_handler *handler)
{
    CHECK(limits->connections_max > 0 && limits->buffers_max > 0);
    struct http_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return STATUS_NO_MEMORY;
    }
    server->loop = loop;
    server->limits = *limits;
    server->handler = *handler;
    server->date_second = -1;
    http_list_init(&server->dirty);

    size_t slot = sizeof(struct http_connection) + 15 + handler->user_size;
    server->slot_size = (uint32_t)((slot + SLOT_ALIGNMENT - 1) & ~(size_t)(SLOT_ALIGNMENT - 1));
    server->slots_count = limits->connections_max + HTTP_REFUSALS_MAX;
    void *slots = mmap(NULL, slots_bytes(server), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    server->slots = slots == MAP_FAILED ? NULL : slots;
    enum status status = http_buffers_open(&server->buffers, limits->buffers_max + BUFFERS_OWN);
    if (server->slots == NULL || status != STATUS_OK) {
        http_server_free(server);
        return STATUS_NO_MEMORY;
    }
    server->read_buffer = http_buffers_take(&server->buffers, 0);
    server->scratch = http_buffers_take(&server->buffers, 0);
    http_timeouts_init(server);
    *out = server;
    return STATUS_OK;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    CHECK(server->handles == 0);
    http_buffers_close(&server->buffers);
    if (server->slots != NULL) {
        CHECK(munmap(server->slots, slots_bytes(server)) == 0);
    }
    free(server);
}

void http_server_mark(struct http_server *server, uint64_t mark)
{
    server->mark = mark;
}

/* Ends: nothing is read here, and each connection that comes back has used up a part of its input. */
void http_server_flush(struct http_server *server)
{
    while (!http_list_is_empty(&server->dirty)) {
        size_t offset = offsetof(struct http_connection, dirty_link);
        void *connection = (char *)server->dirty.next - offset;
        http_connection_flush(connection);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    http_server_handle_closed(handle->data);
}

void http_server_handle_closed(struct http_server *server)
{
    CHECK(server->handles > 0);
    server->handles--;
}

void http_server_close(struct http_server *server)
{
    if (server->closing) {
        return;
    }
    server->closing = true;
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        http_listener_close(&server->listeners[i]);
    }
    for (uint32_t i = 0; i < server->slots_fresh; i++) {
        void *slot = server->slots + (size_t)i * server->slot_size;
        struct http_connection *connection = slot;
        if (connection->open) {
            http_connection_close(connection);
        }
    }
    uv_close((uv_handle_t *)&server->timer, on_timer_closed);
}

void http_server_drain(struct http_server *server, void (*on_drained)(void *context), void *context)
{
    CHECK(!server->draining && !server->closing);
    server->draining = true;
    server->on_drained = on_drained;
    server->drained_context = context;
    server->drain_start_ms = uv_now(server->loop);
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        /* A connection that the kernel has made already must not be reset. */
        http_listener_accept(&server->listeners[i]);
        http_listener_close(&server->listeners[i]);
    }
    http_timeouts_need_tick(server);
}

void http_server_drained_check(struct http_server *server)
{
    if (server->draining && !server->drained && server->counters.connections_open == 0) {
        server->drained = true;
        server->on_drained(server->drained_context);
    }
}

const struct http_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}
