/* memory_disk.h -- a `struct disk` in memory for tests, which can lose power and fail.
 *
 * It is as unkind as a real disk may be: what a sync has not confirmed is there or not after
 * memory_disk_crash, as the seed says. In detail:
 *
 * - Content: each block of 4 KiB that was written since its last sync holds, after a crash, the
 *   synced bytes or those after any of the writes to it; sometimes each of its sectors of 512 bytes
 *   another of them. Blocks choose independently: in any order. What lies beyond the synced size
 *   may be zeros, and the size anything from the synced one to the newest. Synced bytes stay.
 * - Names: files made, renamed and removed are on the disk after sync_directory of their folder. Of
 *   the operations without it a crash keeps the first few and none of the others. A synced file
 *   without a synced name is gone, and so is everything in a folder without one.
 * - A failed write may have written its first half; a failed sync leaves blocks that read as new
 *   and that no later sync makes durable unless they are written again, as Linux does.
 *
 * Calls are counted, and can be written to a trace. Any thread may call, as disk.h says; the
 * functions below are for a test's own thread while no other call is under way. Wrong use, such as
 * a write through DISK_READ, stops the test.
 */
#ifndef SUPPORT_MEMORY_DISK_H
#define SUPPORT_MEMORY_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/disk.h"

/* An empty disk; never NULL. Close open files before it. */
struct disk *memory_disk_open(void);
void memory_disk_close(struct disk *disk); /* accepts NULL */

/* The machine loses power and starts again. Descriptors that were open fail from now on with
 * STATUS_IO and must still be closed. Failures that were asked for are forgotten. */
void memory_disk_crash(struct disk *disk, uint64_t seed);

enum memory_disk_failure {
    MEMORY_DISK_ONCE,    /* this call only */
    MEMORY_DISK_FOR_GOOD /* this call and all later ones of its kind: the power is off */
};

/* The `call`-th call from now (1 is the next) that changes something fails with STATUS_IO: write,
 * write_durable, sync, make_directory, rename, remove, sync_directory, and open that makes a file.
 * With MEMORY_DISK_FOR_GOOD nothing of that call or a later one is done. 0: none. */
void memory_disk_fail_change(struct disk *disk, uint64_t call, enum memory_disk_failure failure);

/* The same for read. */
void memory_disk_fail_read(struct disk *disk, uint64_t call, enum memory_disk_failure failure);

/* True if a failure that was asked for since the last memory_disk_fail_… has happened, so that a
 * test can let each call fail in turn until a run needs no more calls. */
bool memory_disk_has_failed(struct disk *disk);

/* What free_size says; 1 GiB at first. Writes do not change it. */
void memory_disk_set_free_size(struct disk *disk, uint64_t size);

/* Direct access, past all failures. The file must exist, except for _exists and _put. */
bool memory_disk_exists(struct disk *disk, const char *name);
/* The bytes as a reader sees them, valid until the next change of this file. */
const uint8_t *memory_disk_bytes(struct disk *disk, const char *name, uint64_t *out_size);
/* Changes that count as synced: damage, and files out of nothing. */
void memory_disk_flip(struct disk *disk, const char *name, uint64_t offset, uint8_t mask);
void memory_disk_cut(struct disk *disk, const char *name, uint64_t size);
void memory_disk_put(struct disk *disk, const char *name, const void *source, uint64_t size);

struct memory_disk_counts {
    uint64_t opens;
    uint64_t reads;
    uint64_t writes;
    uint64_t durable_writes;
    uint64_t syncs;
    uint64_t names_changed; /* make_directory, rename, remove */
    uint64_t directory_syncs;
};

/* Since the disk was made. */
struct memory_disk_counts memory_disk_counts(struct disk *disk);

/* From now on every call that changes something is a line in `target`: "write log/a 4096+512".
 * NULL ends it. A call that does not fit stops the test. */
void memory_disk_trace(struct disk *disk, char *target, size_t size);

#endif
