#include "http/problem.h"

#include <string.h>

#include "base/check.h"
#include "base/json.h"

enum { WORD_SIZE_MAX = 80 }; /* bytes of type, title and field, which are ours */

static const struct {
    uint16_t status;
    const char *phrase;
} PHRASES[] = {
    {200, "OK"                             },
    {422, "Unprocessable Content"          },
    {404, "Not Found"                      },
    {201, "Created"                        },
    {202, "Accepted"                       },
    {204, "No Content"                     },
    {304, "Not Modified"                   },
    {307, "Temporary Redirect"             },
    {400, "Bad Request"                    },
    {401, "Unauthorized"                   },
    {403, "Forbidden"                      },
    {405, "Method Not Allowed"             },
    {406, "Not Acceptable"                 },
    {408, "Request Timeout"                },
    {409, "Conflict"                       },
    {411, "Length Required"                },
    {413, "Content Too Large"              },
    {414, "URI Too Long"                   },
    {415, "Unsupported Media Type"         },
    {417, "Expectation Failed"             },
    {421, "Misdirected Request"            },
    {429, "Too Many Requests"              },
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"          },
    {501, "Not Implemented"                },
    {502, "Bad Gateway"                    },
    {503, "Service Unavailable"            },
    {504, "Gateway Timeout"                },
    {505, "HTTP Version Not Supported"     },
};

const char *http_status_phrase(uint16_t status)
{
    for (uint32_t i = 0; i < sizeof(PHRASES) / sizeof(PHRASES[0]); i++) {
        if (PHRASES[i].status == status) {
            return PHRASES[i].phrase;
        }
    }
    return "Unknown";
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

static char *put_word(char *target, const char *name, const char *prefix, const char *word)
{
    char value[WORD_SIZE_MAX];
    CHECK(strlen(prefix) + strlen(word) <= WORD_SIZE_MAX);
    char *end = put_text(put_text(value, prefix), word);
    target = put_text(target, name);
    return target + json_string_render(target, value, (uint32_t)(end - value));
}

/* How many bytes of `text`, cut between characters, are rendered in at most `room`. */
static uint32_t size_that_fits(const char *text, uint32_t room)
{
    uint32_t rendered = 0;
    uint32_t whole = 0; /* bytes before the character that is being counted */
    uint32_t size = 0;
    for (; text[size] != '\0'; size++) {
        uint8_t byte = (uint8_t)text[size];
        if ((byte & 0xc0) != 0x80) {
            whole = size;
        }
        rendered += byte < 0x20 ? 6U : 1U + (byte == '"' || byte == '\\');
        if (rendered > room) {
            return whole;
        }
    }
    return size;
}

uint32_t http_problem_render(const struct http_problem *problem, char target[HTTP_PROBLEM_SIZE_MAX])
{
    CHECK(problem->status >= 100 && problem->status <= 999);
    char status[4] = {(char)('0' + problem->status / 100), (char)('0' + problem->status / 10 % 10),
                      (char)('0' + problem->status % 10), '\0'};
    char *at = target;
    at = put_word(at, "{\"type\":", "urn:crebito:problem:", problem->type);
    at = put_word(at, ",\"title\":", "", problem->title);
    at = put_text(at, ",\"status\":");
    at = put_text(at, status);
    if (problem->field != NULL) {
        at = put_word(at, ",\"field\":", "", problem->field);
    }
    /* The detail may quote what a client sent, so it comes last and is cut to what fits. */
    at = put_text(at, ",\"detail\":");
    uint32_t room = HTTP_PROBLEM_SIZE_MAX - (uint32_t)(at - target) - 3;
    at += json_string_render(at, problem->detail, size_that_fits(problem->detail, room));
    *at++ = '}';
    return (uint32_t)(at - target);
}

void http_respond_problem(struct http_connection *connection, const struct http_problem *problem,
                          const char *fields, uint32_t fields_size)
{
    char body[HTTP_PROBLEM_SIZE_MAX];
    struct http_response response = {
        .status = problem->status,
        .content_type = "application/problem+json",
        .fields = fields,
        .fields_size = fields_size,
        .body = body,
        .body_size = http_problem_render(problem, body),
    };
    http_respond(connection, &response);
}
