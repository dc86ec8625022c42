/* lazy_disk.h -- a disk in front of a memory_disk whose next durable write may stay in the page
 * cache: what a process leaves behind that is killed between its write and the sync, or whose sync
 * failed. Then what a start reads is not what a loss of power keeps.
 */
#ifndef UNIT_WAL_LAZY_DISK_H
#define UNIT_WAL_LAZY_DISK_H

#include <stdint.h>

#include "base/disk.h"

enum lazy_disk_cut {
    LAZY_DISK_WHOLE, /* all bytes reach the page cache */
    LAZY_DISK_PART,  /* the first bytes, as many as the seed says */
    LAZY_DISK_STUCK, /* all of them, and a sync failed: the kernel takes them for clean */
};

/* The inner disk is a memory_disk, borrowed. */
struct disk *lazy_disk_open(struct disk *inner_disk);
void lazy_disk_close(struct disk *disk);

/* The `call`-th durable write from now fails with STATUS_IO in this way; 0: none.
 * One lazy disk at a time can be asked for a failure. */
void lazy_disk_fail(struct disk *disk, uint64_t call, enum lazy_disk_cut cut, uint64_t seed);

#endif
