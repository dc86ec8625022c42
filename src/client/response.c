#include "client/response.h"

#include <string.h>
#include <strings.h>

/* What is left to read; functions that take a piece move `at` behind it. */
struct reader {
    char *at;
    char *end;
};

/* Takes a line and its CRLF (a bare LF will do); false when it is not whole. */
static bool line_take(struct reader *reader, struct client_view *out)
{
    char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    if (end == NULL) {
        return false;
    }
    out->data = reader->at;
    out->size = (uint32_t)(end - reader->at);
    if (out->size > 0 && end[-1] == '\r') {
        out->size--;
    }
    reader->at = end + 1;
    return true;
}

/* HTTP/1.x SP 3DIGIT, then anything. */
static bool status_line_parse(struct client_view line, uint16_t *out)
{
    static const char VERSION[] = "HTTP/1.";
    if (line.size < 12 || memcmp(line.data, VERSION, sizeof(VERSION) - 1) != 0 ||
        line.data[8] != ' ') {
        return false;
    }
    uint32_t status = 0;
    for (uint32_t i = 9; i < 12; i++) {
        if (line.data[i] < '0' || line.data[i] > '9') {
            return false;
        }
        status = status * 10 + (uint32_t)(line.data[i] - '0');
    }
    *out = (uint16_t)status;
    return status >= 100 && status <= 599;
}

static bool space_is(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool field_parse(struct client_view line, struct client_field *out)
{
    const char *colon = memchr(line.data, ':', line.size);
    if (colon == NULL || colon == line.data) {
        return false;
    }
    out->name.data = line.data;
    out->name.size = (uint32_t)(colon - line.data);
    const char *start = colon + 1;
    const char *end = line.data + line.size;
    while (start < end && space_is(*start)) {
        start++;
    }
    while (end > start && space_is(end[-1])) {
        end--;
    }
    out->value.data = start;
    out->value.size = (uint32_t)(end - start);
    return true;
}

/* Takes the status line and the fields with the empty line behind them. */
static enum client_parse head_take(struct reader *reader, struct client_response *out)
{
    struct client_view line;
    if (!line_take(reader, &line)) {
        return CLIENT_PARSE_MORE;
    }
    if (!status_line_parse(line, &out->status)) {
        return CLIENT_PARSE_BAD;
    }
    out->field_count = 0;
    for (;;) {
        if (!line_take(reader, &line)) {
            return CLIENT_PARSE_MORE;
        }
        if (line.size == 0) {
            return CLIENT_PARSE_DONE;
        }
        if (out->field_count == CLIENT_FIELDS_MAX ||
            !field_parse(line, &out->fields[out->field_count])) {
            return CLIENT_PARSE_BAD;
        }
        out->field_count++;
    }
}

/* A number of base 10 or 16 that ends at the view's end or where a chunk's extension begins; false
 * beyond 2^32 - 1. */
static bool number_parse(struct client_view view, uint32_t base, uint32_t *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    uint64_t value = 0;
    uint32_t i = 0;
    for (; i < view.size && view.data[i] != ';' && !space_is(view.data[i]); i++) {
        char lower =
            (char)(view.data[i] >= 'A' && view.data[i] <= 'Z' ? view.data[i] + 32 : view.data[i]);
        const char *digit = memchr(DIGITS, lower, base);
        if (digit == NULL) {
            return false;
        }
        value = value * base + (uint64_t)(digit - DIGITS);
        if (value > UINT32_MAX) {
            return false;
        }
    }
    *out = (uint32_t)value;
    return i > 0;
}

/* Takes the size line and the data of one chunk; out->size 0 is the last. */
static enum client_parse chunk_take(struct reader *reader, struct client_view *out)
{
    struct client_view line;
    uint32_t size;
    if (!line_take(reader, &line)) {
        return CLIENT_PARSE_MORE;
    }
    if (!number_parse(line, 16, &size)) {
        return CLIENT_PARSE_BAD;
    }
    if ((uint64_t)(reader->end - reader->at) < size) {
        return CLIENT_PARSE_MORE;
    }
    out->data = reader->at;
    out->size = size;
    reader->at += size;
    if (size == 0) {
        return CLIENT_PARSE_DONE;
    }
    if (!line_take(reader, &line)) {
        return CLIENT_PARSE_MORE;
    }
    return line.size == 0 ? CLIENT_PARSE_DONE : CLIENT_PARSE_BAD;
}

/* Goes over the chunks and the trailer fields. With `target` it moves the data together there. */
static enum client_parse chunks_take(struct reader *reader, char *target, uint32_t *out_size)
{
    uint32_t size = 0;
    struct client_view chunk;
    do {
        enum client_parse answer = chunk_take(reader, &chunk);
        if (answer != CLIENT_PARSE_DONE) {
            return answer;
        }
        if (target != NULL) {
            memmove(target + size, chunk.data, chunk.size);
        }
        size += chunk.size;
    } while (chunk.size > 0);

    struct client_view line;
    do {
        if (!line_take(reader, &line)) {
            return CLIENT_PARSE_MORE;
        }
    } while (line.size > 0);
    *out_size = size;
    return CLIENT_PARSE_DONE;
}

static enum client_parse chunked_parse(struct client_response *out, struct reader reader)
{
    struct reader first = reader;
    enum client_parse answer = chunks_take(&first, NULL, &out->body.size);
    if (answer == CLIENT_PARSE_DONE) {
        answer = chunks_take(&reader, reader.at, &out->body.size);
    }
    return answer;
}

static enum client_parse body_parse(struct client_response *out, struct reader reader, bool closed)
{
    struct client_view coding = client_response_field(out, "Transfer-Encoding");
    struct client_view length = client_response_field(out, "Content-Length");
    uint32_t size = (uint32_t)(reader.end - reader.at);
    uint32_t size_announced;
    out->body.data = reader.at;
    out->body.size = 0;
    if (out->status == 204 || out->status == 304) {
        return CLIENT_PARSE_DONE;
    }
    if (coding.data != NULL) {
        if (coding.size != 7 || strncasecmp(coding.data, "chunked", 7) != 0) {
            return CLIENT_PARSE_BAD;
        }
        return chunked_parse(out, reader);
    }
    if (length.data != NULL) {
        if (!number_parse(length, 10, &size_announced)) {
            return CLIENT_PARSE_BAD;
        }
        out->body.size = size_announced;
        return size >= size_announced ? CLIENT_PARSE_DONE : CLIENT_PARSE_MORE;
    }
    out->body.size = size;
    return closed ? CLIENT_PARSE_DONE : CLIENT_PARSE_MORE;
}

enum client_parse client_response_parse(struct client_response *out, char *data, uint32_t size,
                                        bool closed)
{
    struct reader reader;
    enum client_parse answer;
    reader.at = data;
    reader.end = data + size;
    do {
        answer = head_take(&reader, out);
    } while (answer == CLIENT_PARSE_DONE && out->status < 200);
    if (answer == CLIENT_PARSE_DONE) {
        answer = body_parse(out, reader, closed);
    }
    return answer == CLIENT_PARSE_MORE && closed ? CLIENT_PARSE_BAD : answer;
}

struct client_view client_response_field(const struct client_response *response, const char *name)
{
    uint32_t size = (uint32_t)strlen(name);
    for (uint32_t i = 0; i < response->field_count; i++) {
        const struct client_field *field = &response->fields[i];
        if (field->name.size == size && strncasecmp(field->name.data, name, size) == 0) {
            return field->value;
        }
    }
    return (struct client_view){0};
}
