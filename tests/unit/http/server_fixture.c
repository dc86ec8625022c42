#include "server_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

const struct http_limits TEST_LIMITS = {
    .connections_max = 128,
    .buffers_max = 128,
    .head_timeout_ms = 60000,
    .body_timeout_ms = 60000,
    .idle_timeout_ms = 60000,
    .write_timeout_ms = 60000,
    .drain_ms = 60000,
};

uint64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void fixture_answer(struct fixture *f, uint64_t i)
{
    static char large[HTTP_RESPONSE_SIZE_MAX];
    char small[80];
    struct call *call = &f->calls[i];
    int size = snprintf(small, sizeof(small), "\"%s\"", call->target);
    assert_non_null(call->connection);
    assert_int_equal(*(uint32_t *)http_connection_user(call->connection), i + 1);
    memset(large, 'x', sizeof(large));
    struct http_response response = {
        .status = 200,
        .content_type = "application/json",
        .body = f->answer_size > 0 ? large : small,
        .body_size = f->answer_size > 0 ? f->answer_size : (uint32_t)size,
    };
    struct http_connection *connection = call->connection;
    call->connection = NULL;
    f->waiting--;
    http_respond(connection, &response);
}

static void on_request(void *context, struct http_connection *connection,
                       const struct http_request *request)
{
    struct fixture *f = context;
    assert_true(f->calls_count < CALLS_MAX);
    struct call *call = &f->calls[f->calls_count++];
    uint32_t size = request->target.size < 63 ? request->target.size : 63;
    memcpy(call->target, request->target.data, size);
    call->target[size] = '\0';
    call->connection = connection;
    call->mark = request->mark;
    call->body_size = request->body.size;
    f->waiting++;
    /* The connection's memory is the handler's: a number that only this call has. */
    *(uint32_t *)http_connection_user(connection) = (uint32_t)f->calls_count;
    if (!f->answer_later) {
        fixture_answer(f, f->calls_count - 1);
    }
}

static void on_abandoned(void *context, struct http_connection *connection)
{
    struct fixture *f = context;
    uint32_t number = *(uint32_t *)http_connection_user(connection);
    assert_in_range(number, 1, f->calls_count);
    assert_ptr_equal(f->calls[number - 1].connection, connection);
    f->calls[number - 1].connection = NULL;
    f->abandoned++;
    f->waiting--;
}

void fixture_open(struct fixture *f, const struct http_limits *limits)
{
    memset(f, 0, sizeof(*f));
    struct http_handler handler = {.context = f,
                                   .on_request = on_request,
                                   .on_abandoned = on_abandoned,
                                   .user_size = sizeof(uint32_t)};
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(http_server_open(&f->server, &f->loop, limits, &handler), STATUS_OK);
    assert_int_equal(http_server_listen(f->server, "127.0.0.1:0"), STATUS_OK);
    f->counters = http_server_counters(f->server);
}

void fixture_close(struct fixture *f)
{
    http_server_close(f->server);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->counters->connections_open, 0);
    assert_int_equal(f->counters->buffers_used, 0);
    assert_int_equal(f->waiting, 0);
    http_server_free(f->server);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

/* One millisecond at most for sockets to become ready; the loop alone would wait for its timer. */
void fixture_turn(struct fixture *f)
{
    struct pollfd ready = {.fd = uv_backend_fd(&f->loop), .events = POLLIN};
    (void)poll(&ready, 1, 1);
    http_server_mark(f->server, ++f->mark);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    http_server_flush(f->server);
}

void fixture_run_until(struct fixture *f, const uint64_t *counter, uint64_t value)
{
    uint64_t deadline = now_ms() + 10000;
    while (*counter != value) {
        fixture_turn(f);
        assert_true(now_ms() < deadline);
    }
}

static void client_init(struct client *c, int family, const struct sockaddr *address,
                        socklen_t size)
{
    memset(c, 0, sizeof(*c));
    c->data = malloc(CLIENT_SIZE_MAX);
    assert_non_null(c->data);
    c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, address, size), 0);
    int on = 1; /* a piece that waits for the last one's acknowledgement costs 40 ms */
    if (family == AF_INET) {
        assert_int_equal(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    }
}

void client_open(struct client *c, struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(f->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    client_init(c, AF_INET, (struct sockaddr *)&address, sizeof(address));
}

void client_open_on(struct client *c, const char *unix_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, unix_path, strlen(unix_path));
    client_init(c, AF_UNIX, (struct sockaddr *)&address, sizeof(address));
}

void client_close(struct client *c)
{
    assert_int_equal(close(c->fd), 0);
    free(c->data);
}

void client_reset(struct client *c)
{
    struct linger linger = {.l_onoff = 1};
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    client_close(c);
}

void client_send(struct client *c, struct fixture *f, const char *data, size_t size)
{
    uint64_t deadline = now_ms() + 10000;
    while (size > 0) {
        ssize_t count = send(c->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) {
            assert_int_equal(errno, EAGAIN);
            client_read(c);
            fixture_turn(f);
            assert_true(now_ms() < deadline);
            continue;
        }
        data += count;
        size -= (size_t)count;
    }
}

void client_send_text(struct client *c, struct fixture *f, const char *text)
{
    client_send(c, f, text, strlen(text));
}

void client_read(struct client *c)
{
    ssize_t count = 1;
    while (count > 0 && c->size < CLIENT_SIZE_MAX) {
        count = recv(c->fd, c->data + c->size, CLIENT_SIZE_MAX - c->size, MSG_DONTWAIT);
        c->size += count > 0 ? (uint32_t)count : 0;
    }
    c->eof = c->eof || count == 0;
    c->reset = c->reset || (count < 0 && errno == ECONNRESET);
}

bool client_take(struct client *c, bool is_head, struct reply *out)
{
    const char *data = c->data + c->taken;
    uint32_t size = c->size - c->taken;
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    *out = (struct reply){.head = data, .head_size = (uint32_t)(end - data) + 4};
    assert_memory_equal(data, "HTTP/1.1 ", 9);
    out->status = (uint32_t)strtoul(data + 9, NULL, 10);
    out->body = end + 4;
    const char *length = memmem(data, out->head_size, "Content-Length: ", 16);
    out->body_size = length == NULL ? 0 : (uint32_t)strtoul(length + 16, NULL, 10);
    uint32_t total = out->head_size + (is_head ? 0 : out->body_size);
    if (total > size) {
        return false;
    }
    c->taken += total;
    return true;
}

static struct reply reply_wait(struct client *c, struct fixture *f, bool is_head)
{
    struct reply reply;
    uint64_t deadline = now_ms() + 10000;
    while (!client_take(c, is_head, &reply)) {
        fixture_turn(f);
        client_read(c);
        assert_false(c->reset);
        assert_true(now_ms() < deadline);
    }
    return reply;
}

struct reply client_wait(struct client *c, struct fixture *f)
{
    return reply_wait(c, f, false);
}

struct reply client_wait_head(struct client *c, struct fixture *f)
{
    return reply_wait(c, f, true);
}

void client_wait_closed(struct client *c, struct fixture *f)
{
    uint64_t deadline = now_ms() + 10000;
    while (!c->eof) {
        fixture_turn(f);
        client_read(c);
        assert_false(c->reset);
        assert_true(now_ms() < deadline);
    }
    assert_int_equal(c->taken, c->size);
}

bool reply_has(const struct reply *reply, const char *line)
{
    const char *at = memmem(reply->head, reply->head_size, line, strlen(line));
    bool begins = at != NULL && (at == reply->head || at[-1] == '\n');
    return begins && at[strlen(line)] == '\r';
}
