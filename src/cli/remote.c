#include "cli/remote.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

const char REMOTE_URL_DEFAULT[] = "http://127.0.0.1:9999";

enum status remote_number_parse(const char *text, int64_t *out)
{
    int64_t value = 0;
    if (*text == '\0') {
        return STATUS_INVALID;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value)) {
            return STATUS_INVALID;
        }
    }
    *out = value;
    return STATUS_OK;
}

void remote_money_format(int64_t cents, char out[REMOTE_MONEY_SIZE])
{
    uint64_t magnitude = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;
    (void)snprintf(out, REMOTE_MONEY_SIZE, "%s%" PRIu64 ".%02u", cents < 0 ? "-" : "",
                   magnitude / 100, (unsigned)(magnitude % 100));
}

void remote_text_print(FILE *target, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        /* U+0080 to U+009F are control characters too: c2 80 to c2 9f in UTF-8. */
        bool control = byte < 0x20 || byte == 0x7f;
        if (byte == 0xc2 && i + 1 < size && (uint8_t)text[i + 1] < 0xa0) {
            control = true;
            i++;
        }
        (void)fputc(control ? '?' : byte, target);
    }
}

struct client *remote_open(const char *command, const char *url)
{
    struct client *client = NULL;
    switch (client_open(&client, url, CLIENT_TIMEOUT_MS)) {
    case STATUS_OK:
        return client;
    case STATUS_INVALID:
        (void)fprintf(stderr, "crebito %s: --url must be http://HOST:PORT, not ", command);
        remote_text_print(stderr, url, strlen(url));
        (void)fputc('\n', stderr);
        return NULL;
    default:
        (void)fprintf(stderr, "crebito %s: out of memory\n", command);
        return NULL;
    }
}

/* Prints `before` and the member, if it is there and a string. */
static void member_print(const json_t *problem, const char *name, const char *before)
{
    const json_t *member = json_object_get(problem, name);
    if (json_is_string(member)) {
        (void)fputs(before, stderr);
        remote_text_print(stderr, json_string_value(member), json_string_length(member));
    }
}

void remote_problem_print(const char *command, const struct client_response *response,
                          char out_type[REMOTE_TYPE_SIZE_MAX])
{
    static const char PREFIX[] = "urn:crebito:problem:";
    json_t *problem =
        json_loadb(response->body.data, response->body.size, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(problem, "type"));
    out_type[0] = '\0';
    (void)fprintf(stderr, "crebito %s: ", command);
    if (type != NULL && strncmp(type, PREFIX, sizeof(PREFIX) - 1) == 0) {
        (void)snprintf(out_type, REMOTE_TYPE_SIZE_MAX, "%s", type + sizeof(PREFIX) - 1);
        member_print(problem, "title", "");
        (void)fprintf(stderr, " (%u)", response->status);
        member_print(problem, "detail", "\n  ");
        member_print(problem, "field", "\n  field: ");
    } else {
        (void)fprintf(stderr, "the server answered with status %u and no explanation",
                      response->status);
    }
    (void)fputc('\n', stderr);
    json_decref(problem);
}

void remote_body_print(const struct client_response *response)
{
    (void)fwrite(response->body.data, 1, response->body.size, stdout);
    if (response->body.size == 0 || response->body.data[response->body.size - 1] != '\n') {
        (void)fputc('\n', stdout);
    }
}
