/* oracle.h -- what llhttp, strict, makes of the first request in some bytes. In a file of its own
 * because llhttp and our request.h both name constants HTTP_GET. */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORACLE_SIZE_MAX = 65536 };

enum oracle_answer {
    ORACLE_DONE,
    ORACLE_MORE,
    ORACLE_REFUSED,
    /* llhttp knows a list of methods, and some of them only in other protocols. */
    ORACLE_REFUSED_METHOD,
    /* llhttp knows less of chunk extensions than RFC 9112, 7.1.1: no white space, no quoted pair. */
    ORACLE_REFUSED_EXTENSION,
    ORACLE_REFUSED_CODING,
    ORACLE_REFUSED_LENGTH,
};

struct oracle {
    enum oracle_answer answer;
    size_t consumed;
    const char *reason; /* of a refusal */
    const char *method;
    uint32_t target_size;
    uint32_t body_size;
    char target[ORACLE_SIZE_MAX];
    char body[ORACLE_SIZE_MAX];
};

void oracle_parse(struct oracle *out, const char *data, size_t size);

#endif
