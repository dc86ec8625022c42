/* request_cases.h -- the RFCs' rules as data: see test_request.c. */
#ifndef TEST_REQUEST_CASES_H
#define TEST_REQUEST_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct refused_case {
    const char *clause;
    uint16_t refusal;
    uint32_t size;
    const char *input;
};

struct accepted_case {
    const char *clause;
    const char *target;
    const char *body;
    const char *input;
    uint32_t size;
    bool keep_alive;
};

extern const struct refused_case REFUSED_CASES[];
extern const size_t REFUSED_CASES_COUNT;
extern const struct accepted_case ACCEPTED_CASES[];
extern const size_t ACCEPTED_CASES_COUNT;

#endif
