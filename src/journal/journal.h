/* journal.h -- the database: every decision ever made, 128 bytes each, append-only.
 *
 * Segments journal/<first index, 16 hex digits> of JOURNAL_SEGMENT_RECORDS records each, nothing else
 * in them. Each page of JOURNAL_PAGE_RECORDS records has a fingerprint: SHA-256 over the fingerprint
 * of the page before (32 zeros for the first) and the page's records so far. So one fingerprint at a
 * length names every byte before it, on every node.
 *
 * Two sides. The loop appends to memory and reads what is recent; workers write, sync and read files.
 * The last RECORDS_IN_MEMORY records stay in a ring: that is where workers take what is to be
 * written, so at most that many may wait.
 *
 * Restart never cuts. What lies in the files beyond the length that was settled at open may be only
 * in the page cache or half there: the caller decides those records again from the log and appends
 * them, and each flush compares: equal or not whole is written (again), whole and different is
 * STATUS_CORRUPT. journal_tail_check says whether anything whole is left beyond the end.
 *
 * Threads: `journal_flush`, `journal_sync`, `journal_fingerprint` and `journal_tail_check` are called
 * by one worker at a time; `journal_read` by any number of workers at once; the rest by the loop.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <stdint.h>

#include "base/disk.h"
#include "base/limits.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/status.h"

enum {
    JOURNAL_SEGMENT_RECORDS = 1048576, /* 128 MiB */
    JOURNAL_PAGE_RECORDS = 4096,
};

struct journal;

/* What a manifest keeps of a journal: enough to go on from `length` without reading what is before
 * the page that `length` is in. */
struct journal_mark {
    uint64_t length;
    uint8_t page_previous[SHA256_SIZE]; /* fingerprint of the last full page before `length` */
    uint8_t fingerprint[SHA256_SIZE];   /* at `length`; of an empty journal: 32 zeros; at the end of
                                           a page: that page's, so it equals page_previous */
};

/* Sees records 0, 1, … of an opening journal, whole ones only. Another status ends the opening. */
typedef enum status journal_visit_fn(void *context, uint64_t index, const struct record *record);

/* Opens the journal, reads records 0..settled->length-1 (each must be whole) and checks the
 * fingerprint of the page that the length is in. `settled` is borrowed; a length of 0 is an empty
 * bank. The directory "journal" exists.
 * STATUS_CORRUPT: a settled record is missing or damaged, or the fingerprint differs; logged with
 * file and offset. STATUS_IO, STATUS_NO_MEMORY, or what `visit` returned. */
MUST_CHECK enum status journal_open(struct journal **out, struct disk *disk,
                                    const struct journal_mark *settled, journal_visit_fn *visit,
                                    void *context);
void journal_close(struct journal *journal); /* accepts NULL; neither flushes nor syncs */

/* The loop's side. */

/* Seals a copy of the record for the next index and keeps it. STATUS_FULL, changing nothing, when
 * RECORDS_IN_MEMORY records wait to be flushed. */
MUST_CHECK enum status journal_append(struct journal *journal, const struct record *record);
uint64_t journal_length(const struct journal *journal);
/* Records that are in files, though perhaps not synced: as told by journal_flushed. */
uint64_t journal_length_flushed(const struct journal *journal);
/* The record if it is one of the last RECORDS_IN_MEMORY and was appended, or read at open, since
 * then; else NULL: journal_read has it. Valid until the next append. */
const struct record *journal_recent(const struct journal *journal, uint64_t index);
/* The loop says that a flush up to `length` has come back well: its place in the ring is free. */
void journal_flushed(struct journal *journal, uint64_t length);

/* The workers' side; all block. */

/* Writes the records from the end of the last flush up to `length` (at most journal_length as the
 * loop saw it when it asked). STATUS_CORRUPT: a whole record on disk differs from the one decided
 * again; logged. STATUS_IO: stop the node. */
MUST_CHECK enum status journal_flush(struct journal *journal, uint64_t length);
/* Everything flushed so far is on the disk, names of new segments too. STATUS_IO: stop. */
MUST_CHECK enum status journal_sync(struct journal *journal);
/* The mark at the end of the last flush. */
void journal_fingerprint(struct journal *journal, struct journal_mark *out);
/* STATUS_CORRUPT when a whole record lies beyond the end of the last flush: the log lost something
 * that the journal has. Logged with file and offset. */
MUST_CHECK enum status journal_tail_check(struct journal *journal);
/* Reads `count` records from `first` on, all flushed. STATUS_CORRUPT: one is not whole; logged. */
MUST_CHECK enum status journal_read(struct journal *journal, uint64_t first, uint32_t count,
                                    struct record *out);

/* Without a journal open: for `verify` on a stopped node. */

struct journal_scan {
    uint64_t length;                  /* whole records from 0 on without a gap */
    uint8_t fingerprint[SHA256_SIZE]; /* at that length */
    char damage[160];                 /* "" or "journal/…: offset N: what is wrong" */
};

/* Reads every record from the first on: visits whole ones in order and computes the fingerprint; also
 * compares it with `settled` when that length is passed. Ends at the first record that is not whole:
 * that is damage below settled->length, and above it a tail that the log will write again.
 * STATUS_OK with out->damage "" or not; STATUS_IO; or what `visit` returned. */
MUST_CHECK enum status journal_scan(struct disk *disk, const struct journal_mark *settled,
                                    journal_visit_fn *visit, void *context,
                                    struct journal_scan *out);

#endif
