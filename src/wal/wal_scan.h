/* wal_scan.h -- reads the log at a start: which groups hold, which entries, where writing goes on.
 *
 * For the files of src/wal only. Changes nothing on the disk.
 *
 * Use: init, wal_scan_read, then any of the others; deinit.
 * Memory: one segment, and 32 bytes for each group with entries.
 */
#ifndef WAL_WAL_SCAN_H
#define WAL_WAL_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "wal/wal.h"
#include "wal/wal_group.h"
#include "wal/wal_writer.h"

/* A group with entries, in file order. */
struct wal_scan_group {
    uint32_t segment; /* place in the writer's list */
    uint32_t offset;
    uint64_t index_first;
    uint64_t index_last;
    uint64_t index_until; /* entries from here on are replaced by later groups */
};

struct wal_scan {
    struct wal_writer *writer; /* borrowed; gets the list of segments and the last number */
    uint64_t index_first;
    uint64_t index_lowest; /* in the whole log; 0 if there is no entry */
    uint64_t index_last;   /* 0 if there is no entry */

    struct wal_scan_group *groups;
    uint32_t groups_count;
    uint32_t groups_max;

    /* The last valid group. */
    bool found;
    uint32_t found_segment;
    uint32_t found_offset;

    /* The first place behind it where no valid group was. */
    bool bad;
    uint32_t bad_segment;
    uint32_t bad_offset;

    uint8_t *buffer; /* one segment */
    uint32_t loaded; /* the one it holds, or WAL_SEGMENTS_MAX */
};

/* STATUS_NO_MEMORY. */
MUST_CHECK enum status wal_scan_init(struct wal_scan *scan, struct wal_writer *writer,
                                     uint64_t index_first);
void wal_scan_deinit(struct wal_scan *scan);

/* Reads every segment. STATUS_CORRUPT (logged with file and offset), STATUS_IO, STATUS_NO_MEMORY. */
MUST_CHECK enum status wal_scan_read(struct wal_scan *scan);

/* Shows the entries that hold, from index_first on. */
MUST_CHECK enum status wal_scan_visit(struct wal_scan *scan, wal_visit_fn *visit, void *context);

/* Copies the entries of the last valid group, which there is, into `group`. */
MUST_CHECK enum status wal_scan_last(struct wal_scan *scan, struct wal_group *group);

#endif
