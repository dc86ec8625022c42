/* fixture.h -- a journal on a simulated disk, and a bank whose record i is always the same.
 *
 * That stands for the log: after any crash the records can be decided again, and are equal.
 */
#ifndef TESTS_JOURNAL_FIXTURE_H
#define TESTS_JOURNAL_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "journal/journal.h"
#include "journal/sized.h"

enum {
    SEGMENT_RECORDS = 8, /* unless a test says otherwise */
    SEGMENTS_2 = 2 * SEGMENT_RECORDS,
    SEGMENTS_3 = 3 * SEGMENT_RECORDS,
    SEGMENT_SIZE = SEGMENT_RECORDS * RECORD_SIZE,
    LOG_TEXT_SIZE = 4096,
};

struct fixture {
    struct disk *disk;
    uint32_t segment_records;
    struct journal *journal; /* NULL when closed */
    uint64_t visited;        /* records that the last opening or scan showed, all as expected */
    uint64_t visit_end;      /* the visitor refuses this index with STATUS_INVALID */
    uint64_t visit_forged;   /* the visitor takes whatever is at this index */
};

/* The bank's record for this index, sealed. */
struct record expected_record(uint64_t index);

/* The mark at `length`, by the definition and without the code under test. */
struct journal_mark expected_mark(uint64_t length);

void fixture_setup(struct fixture *f, uint32_t segment_records);
void fixture_teardown(struct fixture *f);

/* Closes the journal if it is open and opens it at this mark. */
enum status fixture_open(struct fixture *f, const struct journal_mark *settled);
void fixture_close(struct fixture *f);
enum status fixture_scan(struct fixture *f, const struct journal_mark *settled,
                         struct journal_scan *out);

/* Appends the bank's next records up to this length. */
void fixture_append(struct fixture *f, uint64_t length);
/* Appends, flushes and tells the loop; the status of the flush. */
enum status fixture_flush(struct fixture *f, uint64_t length);
/* A closed journal with so many records, flushed and synced, in an empty fixture. */
void fixture_fill(struct fixture *f, uint64_t length);

/* "journal/…" of the segment that holds this record; valid until the next call. */
const char *segment_of(const struct fixture *f, uint64_t index);
uint64_t offset_of(const struct fixture *f, uint64_t index);

/* Between these, log lines go into `text` instead of standard error. */
struct log_capture {
    int fd_error;
    int fd_memory;
    char text[LOG_TEXT_SIZE];
};
void log_capture_begin(struct log_capture *capture);
void log_capture_end(struct log_capture *capture);
/* Does the captured text name this file and offset? */
bool log_capture_names(const struct log_capture *capture, const char *file, uint64_t offset);

#endif
