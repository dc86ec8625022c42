/* chunked.h -- the chunked transfer coding (RFC 9112, 7.1). Private to http. */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include "http/scan.h"

struct http_chunked_result {
    enum http_parse answer;
    uint32_t
        size; /* DONE: of the coded body. MORE: what must be there before anything can change */
    uint32_t size_decoded; /* DONE */
    uint16_t refusal;
    const char *detail;
};

/* Looks whether a whole coded body lies at data[0..size). Changes nothing. */
struct http_chunked_result http_chunked_measure(const char *data, uint32_t size);

/* Moves the content of a body that http_chunked_measure found whole to its start. */
void http_chunked_decode(char *data, uint32_t size_decoded);

#endif
