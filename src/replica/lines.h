/* lines.h -- reads a file of the data directory line by line, hashing it on the way. */
#ifndef REPLICA_LINES_H
#define REPLICA_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/sha256.h"
#include "base/status.h"

enum { LINES_BUFFER_SIZE = 64 * 1024 };

struct lines {
    struct disk *disk;
    struct disk_file *file;
    struct sha256 *sha256;
    uint64_t offset; /* in the file, of the bytes after the buffer's */
    uint64_t number; /* of the last line returned, from 1 */
    uint32_t begin;  /* in the buffer: what has not been returned */
    uint32_t end;
    bool at_end; /* the file has no more bytes than the buffer */
    char buffer[LINES_BUFFER_SIZE];
};

/* STATUS_MISSING, STATUS_IO. */
MUST_CHECK enum status lines_open(struct lines *lines, struct disk *disk, const char *name);
/* STATUS_OK and a line without its end, valid until the next call; STATUS_MISSING after the last one;
 * STATUS_INVALID: a line longer than the buffer; STATUS_IO. */
MUST_CHECK enum status lines_next(struct lines *lines, const char **out_line, uint32_t *out_size);
/* SHA-256 of the whole file, after the last line. */
void lines_hash(struct lines *lines, uint8_t out[SHA256_SIZE]);
void lines_close(struct lines *lines);

#endif
