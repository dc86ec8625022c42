/* connection.c -- one connection's way through connection.h's circle. */
#include "http/connection.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "http/problem.h"

static_assert((int)HTTP_REQUEST_SIZE_MAX <= (int)HTTP_BUFFER_SIZE,
              "a request fits into one buffer");

enum { INPUT_ROOM_MIN = 16384 }; /* less than this at a buffer's end: move the bytes to its start */

static struct http_connection *slot_take(struct http_server *server)
{
    struct http_connection *connection = server->slot_free;
    if (connection != NULL) {
        server->slot_free = connection->next_free;
        memset(connection, 0, server->slot_size);
    } else if (server->slots_fresh < server->slots_count) {
        size_t offset = (size_t)server->slots_fresh++ * server->slot_size;
        connection = (struct http_connection *)(void *)(server->slots + offset);
    }
    return connection;
}

static void slot_give(struct http_connection *connection)
{
    connection->open = false;
    connection->next_free = connection->server->slot_free;
    connection->server->slot_free = connection;
}

/* Only leftovers and pieces are kept; three quarters of the buffers are for them, so that answers
 * find one even when every connection holds half a request. */
static char *input_buffer_take(struct http_server *server)
{
    char *buffer = http_buffers_take(&server->buffers, server->limits.buffers_max / 4);
    server->counters.buffers_used += buffer != NULL;
    return buffer;
}

static void input_drop(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    char *data = connection->input.data;
    if (data != NULL && data != server->read_buffer) {
        http_buffers_give(&server->buffers, data);
        server->counters.buffers_used--;
    }
    connection->input = (struct http_input){0};
}

/* Moves what is left in the shared buffer into one of its own. */
static bool input_keep(struct http_connection *connection)
{
    struct http_input *input = &connection->input;
    char *buffer = input_buffer_take(connection->server);
    if (buffer == NULL) {
        return false;
    }
    uint32_t size = http_input_size(input);
    memcpy(buffer, input->data + input->start, size);
    input->data = buffer;
    input->boundary -= input->start;
    input->start = 0;
    input->end = size;
    return true;
}

static void input_compact(struct http_input *input)
{
    memmove(input->data, input->data + input->start, http_input_size(input));
    input->boundary -= input->start;
    input->end -= input->start;
    input->start = 0;
}

static void reading_stop(struct http_connection *connection)
{
    if (connection->reading) {
        CHECK(uv_read_stop(&connection->stream) == 0);
        connection->reading = false;
        http_source_stop(&connection->source, connection->server->mark);
    }
}

/* Where the next bytes go. A connection that can parse at once, or that throws away, reads into the
 * shared buffer; one whose handler is busy must keep what it reads. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct http_connection *connection = handle->data;
    struct http_server *server = connection->server;
    struct http_input *input = &connection->input;
    if (connection->last || connection->overloaded || (input->data == NULL && !connection->busy)) {
        *out = uv_buf_init(server->read_buffer, HTTP_BUFFER_SIZE);
        return;
    }
    if (input->data == NULL) {
        input->data = input_buffer_take(server);
    } else if (input->start > 0 && HTTP_BUFFER_SIZE - input->end < INPUT_ROOM_MIN) {
        input_compact(input);
    }
    /* No room: libuv says UV_ENOBUFS to on_read. */
    uint32_t room = input->data == NULL ? 0 : HTTP_BUFFER_SIZE - input->end;
    *out = uv_buf_init(input->data == NULL ? NULL : input->data + input->end, room);
}

void http_connection_refuse(struct http_connection *connection, uint16_t status, const char *detail)
{
    static const struct {
        uint16_t status;
        const char *type;
        const char *title;
    } REFUSALS[] = {
        {408, "timeout",         "The request took too long to arrive"      },
        {413, "body-too-large",  "The body is too large"                    },
        {414, "target-too-long", "The target is too long"                   },
        {417, "expectation",     "The expectation cannot be met"            },
        {431, "head-too-large",  "The head is too large"                    },
        {501, "not-implemented", "The request needs what is not implemented"},
        {503, "overloaded",      "The server has no room for more"          },
        {505, "version",         "The version of HTTP is not supported"     },
        {400, "bad-request",     "The request is not valid HTTP"            },
    };
    CHECK(!connection->busy);
    uint32_t i = 0;
    while (REFUSALS[i].status != status && REFUSALS[i].status != 400) {
        i++;
    }
    struct http_problem problem = {
        .status = status, .type = REFUSALS[i].type, .title = REFUSALS[i].title, .detail = detail};
    const struct http_input *input = &connection->input;
    connection->method_is_head =
        http_input_size(input) >= 5 && memcmp(input->data + input->start, "HEAD ", 5) == 0;
    connection->version_is_10 = false;
    connection->keep_alive = false;
    connection->linger = true;
    connection->busy = true;
    http_respond_problem(connection, &problem, NULL, 0);
}

/* Gives one request to the handler, which may answer before this returns. */
static void request_begin(struct http_connection *connection, uint32_t size)
{
    struct http_server *server = connection->server;
    struct http_request *request = &server->request;
    request->mark = http_input_mark(&connection->input);
    http_input_use(&connection->input, size);
    connection->size_needed = 1;
    connection->head_done = false;
    connection->keep_alive = request->keep_alive;
    connection->version_is_10 = request->version_minor == 0;
    connection->method_is_head = request->method == HTTP_HEAD;
    connection->busy = true;
    http_timeouts_wait(connection, HTTP_WAIT_NONE);
    server->counters.requests++;
    server->handler.on_request(server->handler.context, connection, request);
}

static void more_await(struct http_connection *connection, const struct http_parse_result *result)
{
    connection->size_needed = result->size_needed;
    connection->head_done = result->head_done;
    if (result->expects_continue) { /* once: there is no second parse without more bytes */
        http_output_continue(connection);
    }
}

static bool may_parse(const struct http_connection *connection)
{
    return !connection->busy && !connection->last && !connection->writing && !connection->closing &&
           connection->output.size <= HTTP_OUTPUT_HIGH_WATER;
}

/* Parses what is there until a request waits for its answer, bytes are lacking, or enough output has
 * gathered. May leave the connection with the shared buffer as its input: see input_settle. */
static void advance(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_input *input = &connection->input;
    while (may_parse(connection) && http_input_size(input) >= connection->size_needed) {
        struct http_parse_result result = http_request_parse(
            &server->request, input->data + input->start, http_input_size(input));
        if (result.answer == HTTP_PARSE_DONE) {
            request_begin(connection, result.consumed);
            continue;
        }
        if (result.answer == HTTP_PARSE_MORE) {
            more_await(connection, &result);
            continue;
        }
        server->counters.requests_bad++;
        http_connection_refuse(connection, result.refusal, result.refusal_detail);
    }
    if (connection->overloaded && may_parse(connection)) {
        http_connection_refuse(connection, 503, "All buffers for requests in part are in use.");
    }
}

/* After parsing, an input that is used up or not wanted is dropped, and one that still lies in the
 * shared buffer gets its own. */
static void input_settle(struct http_connection *connection)
{
    struct http_input *input = &connection->input;
    if (connection->last) {
        connection->linger = connection->linger || http_input_size(input) > 0;
        input_drop(connection);
        return;
    }
    if (http_input_size(input) == 0) {
        input_drop(connection);
        return;
    }
    if (input->data != connection->server->read_buffer || input_keep(connection)) {
        return;
    }
    connection->server->counters.connections_refused++;
    connection->overloaded = true;
    input_drop(connection);
    advance(connection); /* nothing to parse: refuses, now or after the answer */
}

static void reading_start(struct http_connection *connection);

/* The last answer is written. */
static void finish(struct http_connection *connection)
{
    uv_os_fd_t fd = -1;
    if (connection->eof || !connection->linger || uv_fileno(&connection->handle, &fd) != 0 ||
        shutdown(fd, SHUT_WR) != 0) {
        http_connection_close(connection);
        return;
    }
    connection->lingering = true;
    reading_start(connection);
    http_timeouts_wait(connection, HTTP_WAIT_LINGER);
}

/* Decides what the connection waits for, when it neither parses nor writes. */
static void settle(struct http_connection *connection)
{
    if (connection->closing || connection->dirty || connection->writing) {
        return; /* the flush, or libuv's callback and then the flush, will come here */
    }
    if (connection->last && !connection->busy) {
        if (!connection->lingering) {
            finish(connection);
        }
        return;
    }
    if (connection->busy) {
        return;
    }
    if (connection->eof) {
        http_connection_close(connection); /* whatever part of a request is there will stay one */
        return;
    }
    reading_start(connection);
    if (connection->input.data == NULL) {
        http_timeouts_wait(connection, HTTP_WAIT_IDLE);
    } else {
        http_timeouts_wait(connection, connection->head_done ? HTTP_WAIT_BODY : HTTP_WAIT_HEAD);
    }
}

static void discard(struct http_connection *connection, uint32_t size)
{
    connection->linger = true;
    connection->discarded += size;
    if (connection->discarded > HTTP_LINGER_SIZE_MAX) {
        http_connection_close(connection);
    }
}

static void on_bytes(struct http_connection *connection, const uv_buf_t *buffer, uint32_t size)
{
    struct http_server *server = connection->server;
    struct http_input *input = &connection->input;
    server->counters.bytes_read += size;
    uint64_t mark = http_source_read(&connection->source, server->mark, size < buffer->len);
    if (connection->last || connection->overloaded) {
        discard(connection, size);
        return;
    }
    if (input->data == NULL) {
        *input = (struct http_input){.data = server->read_buffer};
    }
    http_input_add(input, size, mark);
    advance(connection);
    input_settle(connection);
    settle(connection);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct http_connection *connection = stream->data;
    if (count > 0) {
        on_bytes(connection, buffer, (uint32_t)count);
        return;
    }
    if (connection->input.data != NULL && http_input_size(&connection->input) == 0) {
        input_drop(connection); /* taken by on_alloc for bytes that did not come */
    }
    if (count == 0) {
        (void)http_source_read(&connection->source, connection->server->mark, true);
    } else if (count == UV_ENOBUFS) {
        reading_stop(connection); /* busy, and no room to keep more; settle starts it again */
    } else if (count == UV_EOF) {
        connection->eof = true;
        connection->reading = false; /* libuv has stopped */
        if (connection->lingering) {
            http_connection_close(connection);
        } else {
            settle(connection);
        }
    } else {
        http_connection_close(connection);
    }
}

static void reading_start(struct http_connection *connection)
{
    if (!connection->reading && !connection->eof) {
        CHECK(uv_read_start(&connection->stream, on_alloc, on_read) == 0);
        connection->reading = true;
    }
}

void http_connection_flush(struct http_connection *connection)
{
    http_list_remove(&connection->dirty_link);
    connection->dirty = false;
    if (connection->closing || connection->writing) {
        return;
    }
    if (!http_output_try(connection) && !connection->failed) {
        reading_stop(connection);
        http_output_queue(connection);
        http_timeouts_wait(connection, HTTP_WAIT_WRITE);
    }
    if (connection->failed) {
        http_connection_close(connection);
        return;
    }
    if (connection->writing) {
        return;
    }
    http_output_release(connection);
    advance(connection);
    input_settle(connection);
    settle(connection);
}

bool http_connection_open(struct http_server *server, int fd, bool is_unix, uint64_t mark)
{
    struct http_connection *connection = slot_take(server);
    if (connection == NULL) {
        (void)close(fd);
        return false;
    }
    connection->server = server;
    connection->open = true;
    connection->wait = HTTP_WAIT_NONE;
    connection->size_needed = 1;
    connection->source = (struct http_source){true, mark};
    http_list_init(&connection->wait_link);
    http_list_init(&connection->dirty_link);
    CHECK((is_unix ? uv_pipe_init(server->loop, &connection->pipe, 0)
                   : uv_tcp_init(server->loop, &connection->tcp)) == 0);
    connection->handle.data = connection;
    server->handles++;
    server->counters.connections_open++;
    if ((is_unix ? uv_pipe_open(&connection->pipe, fd) : uv_tcp_open(&connection->tcp, fd)) != 0) {
        (void)close(fd);
        http_connection_close(connection);
        return false;
    }
    server->counters.connections_accepted++;
    if (server->admitted < server->limits.connections_max) {
        server->admitted++;
        connection->admitted = true;
        settle(connection);
        return true;
    }
    server->counters.connections_refused++;
    reading_start(connection);
    http_connection_refuse(connection, 503, "The most connections that are allowed are open.");
    return true;
}

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *connection = handle->data;
    struct http_server *server = connection->server;
    input_drop(connection);
    http_output_release(connection);
    server->counters.connections_open--;
    slot_give(connection);
    http_listeners_resume(server);
    http_server_drained_check(server);
    http_server_handle_closed(server);
}

void http_connection_close(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->closing) {
        return;
    }
    connection->closing = true;
    http_timeouts_wait(connection, HTTP_WAIT_NONE);
    http_list_remove(&connection->dirty_link);
    connection->dirty = false;
    if (connection->admitted) {
        server->admitted--;
    }
    if (connection->busy) {
        connection->busy = false;
        server->counters.requests_abandoned++;
        server->handler.on_abandoned(server->handler.context, connection);
    }
    uv_close(&connection->handle, on_closed);
}

void *http_connection_user(struct http_connection *connection)
{
    uintptr_t offset = (sizeof(*connection) + 15) & ~(uintptr_t)15;
    return (char *)connection + offset;
}
