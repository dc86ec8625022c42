/* memory_file.h -- the content of one file of a memory_disk; only memory_disk.c includes it.
 *
 * Two arrays of the same capacity: `now`, which readers see, and `durable`, what a crash keeps for
 * certain. Shared by the entries, changes and descriptors that refer to it.
 */
#ifndef SUPPORT_MEMORY_FILE_H
#define SUPPORT_MEMORY_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct memory_block;

struct memory_file {
    uint32_t references; /* entries, changes and descriptors */
    bool is_directory;
    uint64_t size;
    uint64_t size_durable;
    uint64_t capacity; /* a multiple of BLOCK_SIZE; bytes beyond the sizes are zero */
    uint8_t *now;
    uint8_t *durable;
    struct memory_block *blocks;
};

/* Without a reference; never NULL. */
struct memory_file *memory_file_make(bool is_directory);
struct memory_file *memory_file_reference(struct memory_file *file);
void memory_file_release(struct memory_file *file);

void memory_file_write(struct memory_file *file, const uint8_t *source, uint64_t size,
                       uint64_t offset);
/* Puts the bytes into every state that a crash could choose. */
void memory_file_write_durable(struct memory_file *file, const uint8_t *source, uint64_t size,
                               uint64_t offset);
void memory_file_sync(struct memory_file *file);
/* The blocks that wait for a sync look clean from now on, until they are written again. */
void memory_file_sync_failed(struct memory_file *file);
void memory_file_crash(struct memory_file *file, uint64_t *seed);
/* Makes the first `size` bytes of `now` the whole truth. */
void memory_file_cut(struct memory_file *file, uint64_t size);

/* The next number of the sequence that begins at *state. */
uint64_t memory_file_random(uint64_t *state);

/* Zeroed memory; a test without memory stops. */
void *memory_file_allocate(uint64_t size);

#endif
