#include "replica/lines.h"

#include <string.h>

enum status lines_open(struct lines *lines, struct disk *disk, const char *name)
{
    struct disk_file *file;
    enum status status = disk->operations->open(disk, name, DISK_READ, &file);
    if (status != STATUS_OK) {
        return status;
    }
    *lines = (struct lines){.disk = disk, .file = file, .sha256 = sha256_open()};
    sha256_begin(lines->sha256);
    return STATUS_OK;
}

/* Moves what is left to the front and reads on behind it. */
static enum status refill(struct lines *lines)
{
    uint32_t left = lines->end - lines->begin;
    memmove(lines->buffer, lines->buffer + lines->begin, left);
    lines->begin = 0;
    lines->end = left;
    uint64_t size;
    enum status status = lines->disk->operations->read(
        lines->file, lines->buffer + left, sizeof(lines->buffer) - left, lines->offset, &size);
    if (status != STATUS_OK) {
        return status;
    }
    sha256_add(lines->sha256, lines->buffer + left, size);
    lines->offset += size;
    lines->end += (uint32_t)size;
    lines->at_end = size < sizeof(lines->buffer) - left;
    return STATUS_OK;
}

enum status lines_next(struct lines *lines, const char **out_line, uint32_t *out_size)
{
    char *newline = memchr(lines->buffer + lines->begin, '\n', lines->end - lines->begin);
    if (newline == NULL && !lines->at_end) {
        enum status status = refill(lines);
        if (status != STATUS_OK) {
            return status;
        }
        newline = memchr(lines->buffer, '\n', lines->end);
        if (newline == NULL && !lines->at_end) {
            return STATUS_INVALID;
        }
    }
    if (newline == NULL && lines->begin == lines->end) {
        return STATUS_MISSING;
    }
    const char *line = lines->buffer + lines->begin;
    uint32_t size = newline != NULL ? (uint32_t)(newline - line) : lines->end - lines->begin;
    lines->begin += size + (newline != NULL);
    lines->number++;
    *out_line = line;
    *out_size = size > 0 && line[size - 1] == '\r' ? size - 1 : size;
    return STATUS_OK;
}

void lines_hash(struct lines *lines, uint8_t out[SHA256_SIZE])
{
    sha256_peek(lines->sha256, out);
}

void lines_close(struct lines *lines)
{
    lines->disk->operations->close(lines->file);
    sha256_close(lines->sha256);
}
