/* buffers.h -- a fixed number of buffers for what is half read or not yet written.
 *
 * One mapping, made at open; the kernel gives a page when it is first touched, and the buffer used
 * last is given out first, so a quiet server touches a few pages and a busy one stays in its cache.
 * Private to http.
 */
#ifndef HTTP_BUFFERS_H
#define HTTP_BUFFERS_H

#include <stdint.h>

#include "base/status.h"

enum { HTTP_BUFFER_SIZE = 65536 };

struct http_buffers {
    char *memory;
    uint32_t *free; /* a stack of numbers */
    uint32_t free_count;
    uint32_t fresh; /* buffers from here on were never used */
    uint32_t count;
};

/* STATUS_NO_MEMORY. */
MUST_CHECK enum status http_buffers_open(struct http_buffers *buffers, uint32_t count);
void http_buffers_close(struct http_buffers *buffers); /* accepts one that failed to open */

/* NULL unless more than `reserve` are free. */
char *http_buffers_take(struct http_buffers *buffers, uint32_t reserve);
void http_buffers_give(struct http_buffers *buffers, const char *buffer);

#endif
