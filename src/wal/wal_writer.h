/* wal_writer.h -- the segments on disk, and the one place that writes groups into them.
 *
 * For the files of src/wal only. Everything here belongs to the writer thread while a write is under
 * way, and to the loop otherwise.
 *
 * The segments form a list in file order; the last is the one written to. Those at its front that
 * hold nothing needed are `released`: they keep their names and their place in the log until the
 * writer takes the first of them as its next segment, so the log on disk never has a hole. Other
 * spares, zeroed and synced, wait as log/spare-0 and log/spare-1.
 */
#ifndef WAL_WAL_WRITER_H
#define WAL_WAL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/status.h"
#include "wal/wal.h"
#include "wal/wal_group.h"

enum {
    /* Segments of a log: 32 GiB. Snapshots keep it far below; beyond it the node stops. */
    WAL_SEGMENTS_MAX = 4096,
    /* A group is at most this part of a segment, so that little is lost at a segment's end. */
    WAL_GROUPS_IN_SEGMENT_MIN = 8,
};

struct wal_segment {
    uint64_t epoch;
    /* The log's last index where this segment ends; lower when a later group has replaced entries.
     * So it never falls along the list, and entries of this segment are needed only up to it. */
    uint64_t index_last;
    uint32_t size; /* bytes up to the end of its last group */
};

struct wal_writer {
    struct disk *disk;      /* borrowed */
    struct disk_file *file; /* the last segment; NULL before the first */
    uint32_t segment_size;
    uint64_t number;       /* of the last group on the disk; 0 if there is none */
    uint64_t number_first; /* of the last segment's first group */
    uint32_t segments_count;
    uint32_t released_count; /* at the front of the list */
    bool spares[WAL_SPARES_MIN];
    bool failed; /* never cleared */
    struct wal_segment segments[WAL_SEGMENTS_MAX];
};

/* "log/log-<epoch>" */
void wal_segment_name(uint64_t epoch, char out[DISK_NAME_SIZE_MAX]);

/* Finds out which spares wait, and removes what a crash left half made. */
MUST_CHECK enum status wal_writer_spares_find(struct wal_writer *writer);

/* Makes zeroed segments until WAL_SPARES_MIN wait, released ones included. */
MUST_CHECK enum status wal_writer_spares_make(struct wal_writer *writer);

/* Makes a spare the last segment, or a new file when none waits. */
MUST_CHECK enum status wal_writer_segment_next(struct wal_writer *writer);

/* Opens the last segment of the list. */
MUST_CHECK enum status wal_writer_segment_open(struct wal_writer *writer);

/* Writes the group, and returns once it is on the disk: under the next number, or under the last
 * one again if `flags` has WAL_GROUP_REPEAT. STATUS_IO, now and from then on. */
MUST_CHECK enum status wal_writer_write(struct wal_writer *writer, struct wal_group *group,
                                        uint32_t flags);

/* Entries up to `index` are needed no more. The segment that holds the log's last entry stays, so
 * that a log which had entries always shows where it ends. */
void wal_writer_release(struct wal_writer *writer, uint64_t index);

/* Notes that the newest group, which lies in this segment of the list, holds `count` entries from
 * `index_first` on. */
void wal_writer_account(struct wal_writer *writer, uint32_t segment, uint64_t index_first,
                        uint32_t count);

uint64_t wal_writer_size_unreleased(const struct wal_writer *writer);

/* Closes the file. */
void wal_writer_deinit(struct wal_writer *writer);

#endif
