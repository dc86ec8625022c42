#include "oracle.h"

#include <llhttp.h>
#include <string.h>

static int on_target(llhttp_t *parser, const char *at, size_t size)
{
    struct oracle *oracle = parser->data;
    memcpy(oracle->target + oracle->target_size, at, size);
    oracle->target_size += (uint32_t)size;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct oracle *oracle = parser->data;
    memcpy(oracle->body + oracle->body_size, at, size);
    oracle->body_size += (uint32_t)size;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct oracle *oracle = parser->data;
    oracle->answer = ORACLE_DONE;
    oracle->method = llhttp_method_name((llhttp_method_t)parser->method);
    return HPE_PAUSED;
}

/* True if `at` is behind the hexadecimal digits with which its line begins, a CRLF apart. */
static bool is_in_extension(const char *data, const char *at)
{
    const char *start = at;
    while (start > data && start[-1] != '\n') {
        start--;
    }
    size_t digits = strspn(start, "0123456789abcdefABCDEF");
    return digits > 0 && start + digits <= at && strchr("; \t", start[digits]) != NULL;
}

static enum oracle_answer refusal_of(llhttp_errno_t error, const char *data, const char *at)
{
    if (error == HPE_INVALID_METHOD || error == HPE_INVALID_CONSTANT) {
        return ORACLE_REFUSED_METHOD;
    }
    if (error == HPE_INVALID_TRANSFER_ENCODING) {
        return ORACLE_REFUSED_CODING;
    }
    if (error == HPE_INVALID_CONTENT_LENGTH) {
        return ORACLE_REFUSED_LENGTH;
    }
    bool chunk = error == HPE_INVALID_CHUNK_SIZE || error == HPE_STRICT;
    return chunk && is_in_extension(data, at) ? ORACLE_REFUSED_EXTENSION : ORACLE_REFUSED;
}

void oracle_parse(struct oracle *out, const char *data, size_t size)
{
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_settings_init(&settings);
    settings.on_url = on_target;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = out;
    out->answer = ORACLE_MORE;
    out->target_size = 0;
    out->body_size = 0;
    llhttp_errno_t error = llhttp_execute(&parser, data, size);
    if (out->answer == ORACLE_DONE) {
        out->consumed = (size_t)(llhttp_get_error_pos(&parser) - data);
        return;
    }
    if (error != HPE_OK) {
        out->reason = llhttp_get_error_reason(&parser);
        out->answer = refusal_of(error, data, llhttp_get_error_pos(&parser));
    }
    if (parser.method == HTTP_PRI) { /* refused, or waited for as HTTP/2's first line */
        out->answer = ORACLE_REFUSED_METHOD;
    }
}
