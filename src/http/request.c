/* request.c -- the contract is in request.h; this file joins the scanners and decides on the framing.
 *
 * One pass over the head, which ends at a limit as it ends at the last byte, so a bad byte beyond the
 * limit is never seen. What needs the whole head (Host, the body's length, expectations) is decided
 * after it, in a fixed order.
 */
#include "http/request.h"

#include <string.h>

#include "http/chunked.h"
#include "http/fields.h"
#include "http/target.h"

enum {
    EMPTY_LINES_MAX = 2, /* before a request: RFC 9112, 2.2 */
    METHOD_SIZE_MAX = 32,
    VERSION_SIZE = 8, /* HTTP/1.1 */
};

/* What the head says about the bytes after it. */
struct framing {
    bool chunked;
    bool expects_continue;
    uint32_t content_length;
};

static enum http_parse empty_lines_scan(struct http_scan *scan)
{
    for (uint32_t i = 0; i < EMPTY_LINES_MAX; i++) {
        if (scan->at == scan->end || *scan->at != '\r') {
            break;
        }
        enum http_parse answer = http_scan_line_end(scan, scan->at);
        if (answer != HTTP_PARSE_DONE) {
            return answer;
        }
    }
    return HTTP_PARSE_DONE;
}

static enum http_method method_of(struct http_view name)
{
    if (name.size == 3 && memcmp(name.data, "GET", 3) == 0) {
        return HTTP_GET;
    }
    if (name.size == 4 && memcmp(name.data, "POST", 4) == 0) {
        return HTTP_POST;
    }
    if (name.size == 4 && memcmp(name.data, "HEAD", 4) == 0) {
        return HTTP_HEAD;
    }
    return HTTP_OTHER;
}

static enum http_parse method_scan(struct http_scan *scan, struct http_request *out)
{
    const char *start = scan->at;
    bool limited = scan->end - start > METHOD_SIZE_MAX;
    const char *end = limited ? start + METHOD_SIZE_MAX + 1 : scan->end;
    const char *at = http_scan_class(start, end, HTTP_BYTE_TOKEN);
    if (at == end) {
        return limited ? http_scan_refuse(scan, 501, "The method is unknown.") : HTTP_PARSE_MORE;
    }
    if (at == start || *at != ' ') {
        return http_scan_refuse(scan, 400, "The request does not begin with a method and a space.");
    }
    out->method_name = (struct http_view){start, (uint32_t)(at - start)};
    out->method = method_of(out->method_name);
    scan->at = at + 1;
    return HTTP_PARSE_DONE;
}

/* Passes HTTP-version CRLF. A wrong byte is refused when it is seen, not when eight are there: a line
 * that ended too early would else wait for the time-out. */
static enum http_parse version_scan(struct http_scan *scan, struct http_request *out)
{
    static const char FORM[] = "HTTP/d.d";
    const char *at = scan->at;
    for (uint32_t i = 0; i < VERSION_SIZE; i++) {
        if (at + i == scan->end) {
            return HTTP_PARSE_MORE;
        }
        bool fits = FORM[i] == 'd' ? http_byte_is(at[i], HTTP_BYTE_DIGIT) : at[i] == FORM[i];
        if (!fits) {
            return http_scan_refuse(scan, 400, "The request line does not end with a version.");
        }
    }
    if (at[5] != '1' || (at[7] != '0' && at[7] != '1')) {
        return http_scan_refuse(scan, 505, "This server speaks HTTP/1.1 and HTTP/1.0.");
    }
    out->version_minor = (uint8_t)(at[7] - '0');
    return http_scan_line_end(scan, at + VERSION_SIZE);
}

static enum http_parse line_scan(struct http_scan *scan, struct http_request *out)
{
    enum http_parse answer = empty_lines_scan(scan);
    if (answer == HTTP_PARSE_DONE) {
        answer = method_scan(scan, out);
    }
    if (answer == HTTP_PARSE_DONE) {
        answer = http_target_scan(scan, &out->target);
    }
    if (answer == HTTP_PARSE_DONE) {
        scan->at++; /* the space that ended the target */
        answer = version_scan(scan, out);
    }
    return answer;
}

static enum http_parse host_check(struct http_scan *scan, const struct http_request *request,
                                  const struct http_field_seen *host)
{
    if (host->count > 1) {
        return http_scan_refuse(scan, 400, "The head has more than one Host.");
    }
    if (host->count == 0) {
        return request->version_minor == 0
                   ? HTTP_PARSE_DONE
                   : http_scan_refuse(scan, 400, "The head has no Host, which HTTP/1.1 demands.");
    }
    return http_host_is_valid(host->value)
               ? HTTP_PARSE_DONE
               : http_scan_refuse(scan, 400, "Host is not a valid host.");
}

static enum http_parse length_decide(struct http_scan *scan, const struct http_field_seen *field,
                                     struct framing *framing)
{
    if (field->count > 1) {
        return http_scan_refuse(scan, 400, "The head has more than one Content-Length.");
    }
    const char *end = field->value.data + field->value.size;
    if (field->value.size == 0 || http_scan_class(field->value.data, end, HTTP_BYTE_DIGIT) != end) {
        return http_scan_refuse(scan, 400, "Content-Length is not a number.");
    }
    uint32_t length = 0;
    for (const char *at = field->value.data; at < end; at++) {
        length = length * 10 + (uint32_t)(*at - '0');
        if (length > HTTP_BODY_SIZE_MAX) {
            return http_scan_refuse(scan, 413, "The body is too large.");
        }
    }
    framing->content_length = length;
    return HTTP_PARSE_DONE;
}

/* True if the list ends with `chunked` and begins with another coding. */
static bool coding_is_unknown(struct http_view list)
{
    if (list.size <= 8) {
        return false;
    }
    struct http_view first = {list.data, 7};
    struct http_view last = {list.data + list.size - 7, 7};
    const char *at = last.data - 1;
    while (at > list.data && http_byte_is(*at, HTTP_BYTE_SPACE)) {
        at--;
    }
    return *at == ',' && at > list.data && http_view_is_word(last, "chunked") &&
           !http_view_is_word(first, "chunked");
}

/* Any coding but one `chunked` is refused. RFC 9112, 6.3: 400 if the last is not chunked, for then
 * nobody knows where the body ends; 6.1: 501 for a coding before it that is not understood. */
static enum http_parse coding_decide(struct http_scan *scan, const struct http_request *request,
                                     const struct http_field_seen *field, struct framing *framing)
{
    if (request->version_minor == 0) {
        return http_scan_refuse(scan, 400, "HTTP/1.0 has no Transfer-Encoding.");
    }
    if (field->count > 1) {
        return http_scan_refuse(scan, 400, "The head has more than one Transfer-Encoding.");
    }
    if (field->value.size == 7 && http_view_is_word(field->value, "chunked")) {
        framing->chunked = true;
        return HTTP_PARSE_DONE;
    }
    if (coding_is_unknown(field->value)) {
        return http_scan_refuse(scan, 501, "The only transfer coding understood is chunked.");
    }
    return http_scan_refuse(scan, 400, "Transfer-Encoding is not one chunked.");
}

static enum http_parse framing_decide(struct http_scan *scan, const struct http_request *request,
                                      const struct http_fields_known *known,
                                      struct framing *framing)
{
    if (known->transfer_encoding.count > 0 && known->content_length.count > 0) {
        return http_scan_refuse(scan, 400, "The head has Content-Length and Transfer-Encoding.");
    }
    if (known->transfer_encoding.count > 0) {
        return coding_decide(scan, request, &known->transfer_encoding, framing);
    }
    if (known->content_length.count > 0) {
        return length_decide(scan, &known->content_length, framing);
    }
    return HTTP_PARSE_DONE;
}

/* RFC 9110, 10.1.1; an expectation in HTTP/1.0 is ignored. */
static enum http_parse expect_decide(struct http_scan *scan, const struct http_request *request,
                                     const struct http_field_seen *expect, struct framing *framing)
{
    if (expect->count == 0 || request->version_minor == 0) {
        return HTTP_PARSE_DONE;
    }
    if (expect->count > 1 || expect->value.size != 12 ||
        !http_view_is_word(expect->value, "100-continue")) {
        return http_scan_refuse(scan, 417, "The only expectation understood is 100-continue.");
    }
    framing->expects_continue = true;
    return HTTP_PARSE_DONE;
}

static enum http_parse head_decide(struct http_scan *scan, struct http_request *request,
                                   const struct http_fields_known *known, struct framing *framing)
{
    enum http_parse answer = http_target_check(scan, request);
    if (answer == HTTP_PARSE_DONE) {
        answer = host_check(scan, request, &known->host);
    }
    if (answer == HTTP_PARSE_DONE) {
        answer = framing_decide(scan, request, known, framing);
    }
    if (answer == HTTP_PARSE_DONE) {
        answer = expect_decide(scan, request, &known->expect, framing);
    }
    /* RFC 9112, 9.3. */
    request->keep_alive =
        !known->connection_close && (request->version_minor == 1 || known->connection_keep_alive);
    return answer;
}

/* An absolute form may lack the path that its query belongs to (RFC 9110, 4.2.3). The byte before it
 * is the host's last, which nobody reads any more. */
static void target_complete(struct http_request *request, char *data)
{
    struct http_view *target = &request->target;
    if (target->size > 0 && (*target->data == '/' || *target->data == '*')) {
        return;
    }
    char *slash = data + (target->data - data) - 1;
    *slash = '/';
    *target = (struct http_view){slash, target->size + 1};
}

static struct http_parse_result refused(const struct http_scan *scan)
{
    return (struct http_parse_result){
        .answer = HTTP_PARSE_BAD,
        .refusal = scan->refusal,
        .refusal_detail = scan->detail,
    };
}

/* Frames the body that begins at data[head_size] and ends the request if it is there. */
static struct http_parse_result body_take(struct http_request *out, char *data, uint32_t head_size,
                                          uint32_t size, const struct framing *framing)
{
    char *body = data + head_size;
    struct http_chunked_result coded = {
        .answer = size - head_size < framing->content_length ? HTTP_PARSE_MORE : HTTP_PARSE_DONE,
        .size = framing->content_length,
        .size_decoded = framing->content_length,
    };
    if (framing->chunked) {
        coded = http_chunked_measure(body, size - head_size);
    }
    if (coded.answer == HTTP_PARSE_BAD) {
        struct http_scan scan = {.refusal = coded.refusal, .detail = coded.detail};
        return refused(&scan);
    }
    if (coded.answer == HTTP_PARSE_MORE) {
        return (struct http_parse_result){
            .answer = HTTP_PARSE_MORE,
            .size_needed = head_size + coded.size,
            .head_done = true,
            /* A client that already sends its body does not wait. */
            .expects_continue = framing->expects_continue && size == head_size,
        };
    }
    if (framing->chunked) {
        http_chunked_decode(body, coded.size_decoded);
    }
    target_complete(out, data);
    out->body = (struct http_view){body, coded.size_decoded};
    return (struct http_parse_result){.answer = HTTP_PARSE_DONE,
                                      .consumed = head_size + coded.size};
}

struct http_parse_result http_request_parse(struct http_request *out, char *data, uint32_t size)
{
    bool limited = size >= HTTP_HEAD_SIZE_MAX;
    struct http_scan scan = {.at = data, .end = data + (limited ? HTTP_HEAD_SIZE_MAX : size)};
    struct http_fields_known known = {0};
    struct framing framing = {0};

    enum http_parse answer = line_scan(&scan, out);
    if (answer == HTTP_PARSE_DONE) {
        answer = http_fields_scan(&scan, out, &known);
    }
    if (answer == HTTP_PARSE_MORE && !limited) {
        return (struct http_parse_result){.answer = HTTP_PARSE_MORE, .size_needed = size + 1};
    }
    if (answer == HTTP_PARSE_MORE) {
        answer = http_scan_refuse(&scan, 431, "The head is too large.");
    }
    if (answer == HTTP_PARSE_DONE) {
        answer = head_decide(&scan, out, &known, &framing);
    }
    if (answer == HTTP_PARSE_BAD) {
        return refused(&scan);
    }
    out->mark = 0;
    return body_take(out, data, (uint32_t)(scan.at - data), size, &framing);
}

struct http_view http_request_field(const struct http_request *request, const char *name,
                                    uint32_t *out_count)
{
    struct http_view found = {0};
    uint32_t size = (uint32_t)strlen(name);
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->field_count; i++) {
        const struct http_field *field = &request->fields[i];
        if (field->name.size == size && http_view_is_word(field->name, name)) {
            found = count == 0 ? field->value : found;
            count++;
        }
    }
    *out_count = count;
    return found;
}
