/* input.h -- bytes that were read and not yet used, with the marks that their requests will carry.
 *
 * Both halves of the rule at http_server_mark live here, apart from sockets, and err only to older:
 * - http_source: a socket that was read until it was empty gives bytes that came since the last turn:
 *   they carry the newest mark. One that was left with bytes, or was not read, gives bytes that may be
 *   as old as that moment: they carry the mark of then, until a read has emptied it.
 * - http_input: bytes that wait keep the mark of their read. Two marks suffice: the bytes before the
 *   boundary carry the older one, all after it the mark of the first of them.
 * Private to http.
 */
#ifndef HTTP_INPUT_H
#define HTTP_INPUT_H

#include <stdbool.h>
#include <stdint.h>

/* A socket, or a listener. Begins as {true, mark} or {0}. */
struct http_source {
    bool held; /* what is read next may be as old as `mark` */
    uint64_t mark;
};

/* The mark of bytes just read; `emptied` says that the read left none behind. */
static inline uint64_t http_source_read(struct http_source *source, uint64_t now, bool emptied)
{
    uint64_t mark = source->held ? source->mark : now;
    *source = (struct http_source){!emptied, mark};
    return mark;
}

/* Reading stops. */
static inline void http_source_stop(struct http_source *source, uint64_t now)
{
    (void)http_source_read(source, now, false);
}

struct http_input {
    char *data; /* a buffer of the pool, or the one that all reads share; NULL if there is none */
    uint32_t start;
    uint32_t end;
    uint32_t boundary; /* start <= boundary <= end */
    uint64_t mark_older;
    uint64_t mark_newer; /* of data[boundary..end), if there is any */
};

static inline uint32_t http_input_size(const struct http_input *input)
{
    return input->end - input->start;
}

/* The mark of the byte at `start`. */
static inline uint64_t http_input_mark(const struct http_input *input)
{
    return input->mark_older;
}

/* `size` bytes were put at `end`. */
static inline void http_input_add(struct http_input *input, uint32_t size, uint64_t mark)
{
    bool newer_is_empty = input->boundary == input->end;
    if (input->start == input->end || (newer_is_empty && mark <= input->mark_older)) {
        input->mark_older = mark;
        input->boundary = input->end + size;
    } else if (newer_is_empty || mark < input->mark_newer) {
        input->mark_newer = mark;
    }
    input->end += size;
}

/* `size` bytes from `start` on were used. */
static inline void http_input_use(struct http_input *input, uint32_t size)
{
    input->start += size;
    if (input->start >= input->boundary) {
        input->mark_older = input->boundary < input->end ? input->mark_newer : input->mark_older;
        input->boundary = input->end;
    }
}

#endif
