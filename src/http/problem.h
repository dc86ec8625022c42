/* problem.h -- answers that say what is wrong: application/problem+json (RFC 9457).
 *
 *     {"type":"urn:crebito:problem:limit","title":"…","status":422,"field":"valor","detail":"…"}
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include <stdint.h>

#include "http/server.h"

enum { HTTP_PROBLEM_SIZE_MAX = 1024 };

struct http_problem {
    uint16_t status;
    const char *type;   /* the part after "urn:crebito:problem:", a word with dashes */
    const char *title;  /* one phrase, the same for every problem of this type */
    const char *detail; /* what is wrong this time, and what was expected */
    const char *field;  /* the field of the body or head that is wrong, or NULL */
};

/* The reason phrase of a status, "Unprocessable Content" for 422. Never NULL. */
const char *http_status_phrase(uint16_t status);

/* Renders into `target`; returns the size. Escapes what JSON needs escaped. A detail too long for
 * `target` is cut between two characters; type, title and field have at most 80 bytes. */
uint32_t http_problem_render(const struct http_problem *problem,
                             char target[HTTP_PROBLEM_SIZE_MAX]);

/* Answers with the problem and the given further fields (see http_response; may be NULL). */
void http_respond_problem(struct http_connection *connection, const struct http_problem *problem,
                          const char *fields, uint32_t fields_size);

#endif
