/* world.h -- a log, its disk, and a simple model of what must be in it.
 *
 * An entry is a number; its term, type and bytes follow from it, so the model is a list of numbers.
 * The model knows two lists: what is durable, and what is durable if the group that was being written
 * when the log stopped did reach the disk. A log that is opened must show one of the two, and from
 * then on only that one. Everything else fails the test.
 */
#ifndef UNIT_WAL_WORLD_H
#define UNIT_WAL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/disk.h"
#include "wal/wal.h"

enum {
    WORLD_ENTRIES_MAX = 4096,
    WORLD_SEGMENT_SIZE = 64 * 1024, /* so a group is at most 8 KiB */
    WORLD_GROUP_SIZE_MAX = WORLD_SEGMENT_SIZE / 8,
    WORLD_LOG_SIZE_MAX = 16 * 1024,
    WORLD_ENTRY_SIZE_MAX = 6000,
};

struct model {
    uint64_t last;
    uint64_t numbers[WORLD_ENTRIES_MAX]; /* by index */
};

struct world {
    struct disk *memory;
    struct disk *disk; /* lazy */
    struct wal *wal;
    uint64_t seed;     /* of what world_random gives */
    uint64_t snapshot; /* entries up to here are needed no more */
    struct model appended;
    struct model sealed;
    struct model durable;
    struct model seen;            /* what the last opening showed, from snapshot + 1 on */
    char log[WORLD_LOG_SIZE_MAX]; /* what the last opening logged */
};

/* An empty disk with the directory "log"; the log is not open. */
void world_init(struct world *world, uint64_t seed);
void world_deinit(struct world *world);

uint64_t world_random(struct world *world);

/* Opens the log, which is closed, and holds what it shows against the model. */
enum status world_try_open(struct world *world);
void world_open(struct world *world); /* must succeed */
/* The process ends: the page cache stays. */
void world_kill(struct world *world);

enum status world_try_append(struct world *world, uint64_t index, uint64_t number);
void world_append(struct world *world, uint64_t index, uint64_t number); /* must succeed */

/* Seals what was appended and writes it. On failure the log can only be killed. */
enum status world_try_write(struct world *world);
void world_write(struct world *world); /* must succeed */

void world_release(struct world *world, uint64_t index);

/* Bytes of the entry with this number. */
uint32_t world_entry_size(uint64_t number);
struct wal_entry world_entry(uint64_t index, uint64_t number, uint8_t *bytes);

/* The disk of `world` gets the files of `other`'s, all synced, and its models. Neither log is open. */
void world_copy(struct world *world, struct world *other);

/* Sends standard error to `target` until world_log_end. */
void world_log_begin(void);
void world_log_end(char *target, size_t size);

#endif
