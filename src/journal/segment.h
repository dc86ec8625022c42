/* segment.h -- the journal's files: which record lies where, reading and writing runs of records.
 *
 * Private to this layer. It knows places and files, and leaves to its callers whether a record is
 * whole. A segment grows as it is written; a record that is not there (yet) is no error here.
 */
#ifndef JOURNAL_SEGMENT_H
#define JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/record.h"
#include "base/status.h"

enum {
    SEGMENT_NAME_SIZE = sizeof("journal/0123456789abcdef"),

    /* Descriptors of segments that were written and not yet synced. One segment is 128 MiB, so more
     * than two mean that nobody has asked for a sync for long: the next segment then waits for one. */
    SEGMENTS_UNSYNCED_MAX = 4,
};

/* The files of one journal. */
struct segments {
    struct disk *disk;
    uint32_t records; /* in each full segment: JOURNAL_SEGMENT_RECORDS, fewer in tests */
};

/* What is wrong, and where. `rule` is a string constant. */
struct segment_damage {
    char name[SEGMENT_NAME_SIZE];
    uint64_t offset; /* bytes from the start of the file */
    const char *rule;
};

/* The index at which the segment after that of record `index` begins. */
uint64_t segment_after(const struct segments *segments, uint64_t index);

/* Fills *out with the place of record `index`. */
void segment_damage_at(const struct segments *segments, uint64_t index, const char *rule,
                       struct segment_damage *out);
void segment_damage_log(const struct segment_damage *damage);

/* The index before which the files end: whole records lie only below it, though perhaps not all are
 * there. STATUS_CORRUPT: a file can be no segment of this journal, *out_damage says why; STATUS_IO;
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status segments_end(const struct segments *segments, uint64_t *out_end,
                                    struct segment_damage *out_damage);

/* The least index of a record, at or after `index`, whose segment exists: `index` itself or the
 * first of a later segment. STATUS_MISSING if there is none; else as segments_end. */
MUST_CHECK enum status segments_next(const struct segments *segments, uint64_t index,
                                     uint64_t *out_index, struct segment_damage *out_damage);

/* Reads runs; keeps the file of the last one open. One thread. */
struct segment_reader {
    struct segments segments;
    struct disk_file *file; /* NULL, or the segment that begins with `first` */
    uint64_t first;
};

void segment_reader_init(struct segment_reader *reader, const struct segments *segments);
void segment_reader_deinit(struct segment_reader *reader);

/* Reads up to `count` records from `index` on, none beyond the end of their segment, so a caller
 * that wants more asks again from index + *out_count on. Fewer than that: the file ends there, or
 * does not exist. */
MUST_CHECK enum status segment_reader_read(struct segment_reader *reader, uint64_t index,
                                           uint32_t count, struct record *out, uint32_t *out_count);

/* Writes runs, in order of index, and syncs them. One thread at a time. */
struct segment_writer {
    struct segments segments;
    struct disk_file *files[SEGMENTS_UNSYNCED_MAX]; /* the last one is written */
    uint64_t firsts[SEGMENTS_UNSYNCED_MAX];
    uint32_t count;
    bool dirty;           /* something was written since the last sync */
    bool directory_dirty; /* the name of a segment may not be on the disk */
};

void segment_writer_init(struct segment_writer *writer, const struct segments *segments);
void segment_writer_deinit(struct segment_writer *writer); /* does not sync */

/* The records may lie in the page cache afterwards. */
MUST_CHECK enum status segment_writer_write(struct segment_writer *writer, uint64_t index,
                                            const struct record *records, uint32_t count);
/* All that was written, and the names it is under, are on the disk. */
MUST_CHECK enum status segment_writer_sync(struct segment_writer *writer);

#endif
