/* output.c -- answers: rendered into the connection's buffer, written once a turn. */
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "http/connection.h"
#include "http/problem.h"

enum { CONTENT_TYPE_SIZE_MAX = 128 };

void http_connection_dirty(struct http_connection *connection)
{
    if (!connection->dirty) {
        connection->dirty = true;
        http_list_append(&connection->server->dirty, &connection->dirty_link);
    }
    http_timeouts_wait(connection, HTTP_WAIT_NONE);
}

void http_output_release(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->output.data != NULL) {
        http_buffers_give(&server->buffers, connection->output.data);
        server->counters.buffers_used--;
    }
    connection->output = (struct http_output){0};
}

bool http_output_try(struct http_connection *connection)
{
    struct http_output *output = &connection->output;
    if (output->written == output->size || connection->failed) {
        return !connection->failed;
    }
    uv_buf_t rest = uv_buf_init(output->data + output->written, output->size - output->written);
    int count = uv_try_write(&connection->stream, &rest, 1);
    if (count < 0 && count != UV_EAGAIN) {
        connection->failed = true;
        return false;
    }
    if (count > 0) {
        output->written += (uint32_t)count;
        connection->server->counters.bytes_written += (uint32_t)count;
    }
    return output->written == output->size;
}

static void on_written(uv_write_t *write, int status)
{
    struct http_connection *connection = write->handle->data;
    struct http_output *output = &connection->output;
    connection->writing = false;
    if (connection->closing) {
        return;
    }
    if (status != 0) {
        http_connection_close(connection);
        return;
    }
    connection->server->counters.bytes_written += output->in_flight - output->written;
    output->written = output->in_flight;
    http_connection_dirty(connection);
}

void http_output_queue(struct http_connection *connection)
{
    struct http_output *output = &connection->output;
    uv_buf_t rest = uv_buf_init(output->data + output->written, output->size - output->written);
    output->in_flight = output->size;
    connection->writing = true;
    if (uv_write(&connection->write, &connection->stream, &rest, 1, on_written) != 0) {
        connection->writing = false;
        connection->failed = true;
    }
}

/* A buffer for output. When none is left, answers that wait in others are written ahead of their
 * flush, which mostly sets some free; NULL if even so there is none. */
static char *buffer_take(struct http_server *server)
{
    char *buffer = http_buffers_take(&server->buffers, 0);
    struct http_link *link = server->dirty.next;
    while (buffer == NULL && link != &server->dirty) {
        size_t offset = offsetof(struct http_connection, dirty_link);
        struct http_connection *other = (struct http_connection *)(void *)((char *)link - offset);
        link = link->next;
        if (!other->writing && other->output.data != NULL && http_output_try(other)) {
            http_output_release(other);
        }
        buffer = http_buffers_take(&server->buffers, 0);
    }
    server->counters.buffers_used += buffer != NULL;
    return buffer;
}

/* Where output is rendered. With no buffer left it is the scratch, which must be written before
 * anything else happens: output_end. */
static char *output_begin(struct http_connection *connection)
{
    struct http_output *output = &connection->output;
    if (output->data == NULL) {
        output->data = buffer_take(connection->server);
    }
    return output->data == NULL ? connection->server->scratch : output->data + output->size;
}

static void output_end(struct http_connection *connection, uint32_t size)
{
    struct http_output *output = &connection->output;
    output->size += size;
    CHECK(output->size <= HTTP_BUFFER_SIZE);
    if (output->data == NULL) {
        output->data = connection->server->scratch;
        if (!http_output_try(connection)) {
            connection->failed = true; /* what the socket did not take has no place to wait */
            connection->server->counters.connections_refused++;
        }
        *output = (struct http_output){0};
    }
    http_connection_dirty(connection);
}

void http_output_continue(struct http_connection *connection)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    memcpy(output_begin(connection), CONTINUE, sizeof(CONTINUE) - 1);
    output_end(connection, sizeof(CONTINUE) - 1);
}

static char *put(char *target, const char *source, size_t size)
{
    memcpy(target, source, size);
    return target + size;
}

static char *put_text(char *target, const char *text)
{
    return put(target, text, strlen(text));
}

static char *put_number(char *target, uint32_t number)
{
    char digits[10];
    uint32_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(target, digits + at, sizeof(digits) - at);
}

/* RFC 9110, 5.6.7; the names are not the locale's. */
static const char *date_now(struct http_server *server)
{
    static const char DAYS[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char MONTHS[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    if (now == server->date_second) {
        return server->date;
    }
    struct tm tm;
    char format[32];
    CHECK(gmtime_r(&now, &tm) != NULL);
    server->date_second = now;
    CHECK(strftime(format, sizeof(format), "xxx, %d xxx %Y %H:%M:%S GMT", &tm) == 29);
    memcpy(server->date, format, 30);
    memcpy(server->date, DAYS[tm.tm_wday], 3);
    memcpy(server->date + 8, MONTHS[tm.tm_mon], 3);
    return server->date;
}

static char *head_render(struct http_connection *connection, char *target,
                         const struct http_response *response)
{
    target = put_text(target, "HTTP/1.1 ");
    target = put_number(target, response->status);
    *target++ = ' ';
    target = put_text(target, http_status_phrase(response->status));
    target = put_text(target, "\r\nDate: ");
    target = put(target, date_now(connection->server), 29);
    if (response->content_type != NULL) {
        target = put_text(target, "\r\nContent-Type: ");
        target = put_text(target, response->content_type);
    }
    if (response->status != 204 && response->status != 304) {
        target = put_text(target, "\r\nContent-Length: ");
        target = put_number(target, response->body_size);
    }
    if (connection->last) {
        target = put_text(target, "\r\nConnection: close");
    } else if (connection->version_is_10) {
        target = put_text(target, "\r\nConnection: keep-alive");
    }
    target = put_text(target, "\r\n");
    if (response->fields_size > 0) {
        target = put(target, response->fields, response->fields_size);
    }
    return put_text(target, "\r\n");
}

void http_respond(struct http_connection *connection, const struct http_response *response)
{
    struct http_server *server = connection->server;
    CHECK(connection->busy && !connection->closing);
    CHECK(response->status >= 200 && response->status < 600);
    CHECK(response->content_type != NULL || response->body_size == 0);
    CHECK(response->content_type == NULL ||
          strlen(response->content_type) <= CONTENT_TYPE_SIZE_MAX);
    CHECK(response->fields_size <= HTTP_RESPONSE_SIZE_MAX);
    CHECK(response->body_size <= HTTP_RESPONSE_SIZE_MAX - response->fields_size);

    connection->busy = false;
    /* While draining, requests that have already come are answered before the connection is told. */
    bool drained = server->draining && http_input_size(&connection->input) == 0;
    connection->last = response->close || !connection->keep_alive || drained;
    connection->linger = connection->linger || response->close || drained;

    char *start = output_begin(connection);
    char *at = head_render(connection, start, response);
    if (!connection->method_is_head && response->body_size > 0) {
        at = put(at, response->body, response->body_size);
    }
    server->counters.responses[response->status / 100]++;
    output_end(connection, (uint32_t)(at - start));
}
