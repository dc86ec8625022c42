/* wal_sized.h -- wal_open with segments of another size, so that tests reach their ends. */
#ifndef WAL_WAL_SIZED_H
#define WAL_WAL_SIZED_H

#include "wal/wal.h"

/* As wal_open; segment_size is a multiple of 8 blocks and at most WAL_SEGMENT_SIZE, and a group is at
 * most an eighth of it. A log is always opened with the size that it was made with. */
MUST_CHECK enum status wal_open_sized(struct wal **out, struct disk *disk, uint32_t segment_size,
                                      uint64_t index_first, wal_visit_fn *visit, void *context);

#endif
