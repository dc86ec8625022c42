#include "http/buffers.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"

enum status http_buffers_open(struct http_buffers *buffers, uint32_t count)
{
    *buffers = (struct http_buffers){.count = count};
    void *memory = mmap(NULL, (size_t)count * HTTP_BUFFER_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    buffers->memory = memory;
    buffers->free = calloc(count, sizeof(*buffers->free));
    if (buffers->free == NULL) {
        http_buffers_close(buffers);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void http_buffers_close(struct http_buffers *buffers)
{
    if (buffers->memory != NULL) {
        CHECK(munmap(buffers->memory, (size_t)buffers->count * HTTP_BUFFER_SIZE) == 0);
    }
    free(buffers->free);
    *buffers = (struct http_buffers){0};
}

char *http_buffers_take(struct http_buffers *buffers, uint32_t reserve)
{
    uint32_t available = buffers->free_count + buffers->count - buffers->fresh;
    if (available <= reserve) {
        return NULL;
    }
    uint32_t number =
        buffers->free_count > 0 ? buffers->free[--buffers->free_count] : buffers->fresh++;
    return buffers->memory + (size_t)number * HTTP_BUFFER_SIZE;
}

void http_buffers_give(struct http_buffers *buffers, const char *buffer)
{
    size_t number = (size_t)(buffer - buffers->memory) / HTTP_BUFFER_SIZE;
    CHECK(number < buffers->fresh);
    CHECK(buffers->free_count < buffers->fresh);
    buffers->free[buffers->free_count++] = (uint32_t)number;
}
