/* journal.c -- the contract is in journal.h; the ring between loop and workers is explained here.
 *
 * Record i lies in the ring at i % RECORDS_IN_MEMORY. The loop fills it, one worker at a time takes
 * from it what is to be written, and there is no lock. That is safe because
 *
 * - the loop never touches records [flushed, length) again: journal_append refuses to come round to
 *   a record before journal_flushed has told that it is in a file;
 * - the worker reads only records [end of its last flush, length it was given), which lie within
 *   those; it looks at none of the loop's counters;
 * - the queue that hands the job to the worker and its result back orders the memory: what was
 *   appended before the job was made is seen by it, and what it read was read before the loop hears
 *   of its end and may come round.
 *
 * So the two sides have counters of their own, which lie apart in struct journal.
 *
 * Opening reads the files straight into the ring: it passes through all records and ends up with the
 * last ones, where they have to be, without a buffer of its own.
 *
 * Restart. `held_end` is where the files ended at open. Below it, each record that is flushed meets
 * what an earlier process wrote: whole and different means that log and journal disagree; anything
 * else is overwritten, even what is equal, since that may never have reached the disk, and only a
 * write by this process makes this process's sync speak for it.
 */
#include "journal/journal.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "journal/fingerprint.h"
#include "journal/segment.h"
#include "journal/sized.h"

enum {
    CHUNK_RECORDS = 8192,  /* read at once while opening: 1 MiB */
    SCRATCH_RECORDS = 256, /* read at once to be compared: 32 KiB */
    CACHE_LINE_SIZE = 64,
};

static_assert((RECORDS_IN_MEMORY & (RECORDS_IN_MEMORY - 1)) == 0, "a slot is found with a mask");
static_assert(JOURNAL_SEGMENT_RECORDS % JOURNAL_PAGE_RECORDS == 0, "a page lies in one segment");

static const uint64_t RING_SIZE = (uint64_t)RECORDS_IN_MEMORY * RECORD_SIZE;

struct journal {
    /* Fixed at open. */
    struct segments segments;
    struct record *ring;
    uint64_t held_end; /* the files hold nothing from this index on that was there at open */

    /* The loop's. flushed <= length <= flushed + RECORDS_IN_MEMORY. */
    uint64_t length;
    uint64_t flushed;

    /* The one worker's. */
    alignas(CACHE_LINE_SIZE) uint64_t worker_flushed;
    enum status failed;             /* the first failure of a flush or sync; never cleared */
    struct fingerprint fingerprint; /* at worker_flushed */
    struct segment_writer writer;
    struct segment_reader reader;
    struct record scratch[SCRATCH_RECORDS];
};

static struct record *ring_slot(const struct journal *journal, uint64_t index)
{
    return &journal->ring[index & (RECORDS_IN_MEMORY - 1)];
}

/* The records from `index` on, at most `count`, that lie in one piece in the ring. */
static uint32_t ring_run(uint64_t index, uint64_t count)
{
    uint64_t left = RECORDS_IN_MEMORY - (index & (RECORDS_IN_MEMORY - 1));
    return (uint32_t)(count < left ? count : left);
}

static enum status damaged(const struct journal *journal, uint64_t index, const char *rule)
{
    struct segment_damage damage;
    segment_damage_at(&journal->segments, index, rule, &damage);
    segment_damage_log(&damage);
    return STATUS_CORRUPT;
}

/* Shows each record of a run in the ring, if it is whole. */
static enum status replay_run(const struct journal *journal, uint64_t index, uint32_t count,
                              journal_visit_fn *visit, void *context)
{
    const struct record *records = ring_slot(journal, index);
    for (uint32_t i = 0; i < count; i++) {
        if (!record_is_whole(&records[i], index + i)) {
            return damaged(journal, index + i, "a settled record is not whole");
        }
        enum status status = visit(context, index + i, &records[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* Reads the settled records; the fingerprint takes those of the page that the length is in. */
static enum status replay(struct journal *journal, uint64_t length, journal_visit_fn *visit,
                          void *context)
{
    uint64_t page_first = length - length % JOURNAL_PAGE_RECORDS;
    uint64_t index = 0;
    while (index < length) {
        uint64_t left = length - index;
        uint32_t run = ring_run(index, left < CHUNK_RECORDS ? left : CHUNK_RECORDS);
        uint32_t count;
        enum status status =
            segment_reader_read(&journal->reader, index, run, ring_slot(journal, index), &count);
        if (status != STATUS_OK) {
            return status;
        }
        if (count == 0) {
            return damaged(journal, index, "a settled record is missing");
        }
        status = replay_run(journal, index, count, visit, context);
        if (status != STATUS_OK) {
            return status;
        }
        if (index + count > page_first) {
            uint64_t from = index > page_first ? index : page_first;
            fingerprint_add(&journal->fingerprint, ring_slot(journal, from), index + count - from);
        }
        index += count;
    }
    return STATUS_OK;
}

static enum status fingerprint_check(const struct journal *journal,
                                     const struct journal_mark *settled)
{
    struct journal_mark mark;
    fingerprint_mark(&journal->fingerprint, settled->length, &mark);
    if (memcmp(mark.fingerprint, settled->fingerprint, SHA256_SIZE) != 0) {
        return damaged(journal, settled->length - settled->length % JOURNAL_PAGE_RECORDS,
                       "the page's fingerprint differs from the settled one");
    }
    return STATUS_OK;
}

enum status journal_open_sized(struct journal **out, struct disk *disk, uint32_t segment_records,
                               const struct journal_mark *settled, journal_visit_fn *visit,
                               void *context)
{
    CHECK(segment_records > 0);

    static const uint8_t ZEROS[SHA256_SIZE];
    struct segment_damage damage;
    struct journal *journal = aligned_alloc(CACHE_LINE_SIZE, sizeof(*journal));
    if (journal == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(journal, 0, sizeof(*journal));
    journal->segments = (struct segments){.disk = disk, .records = segment_records};
    journal->length = settled->length;
    journal->flushed = settled->length;
    journal->worker_flushed = settled->length;
    segment_reader_init(&journal->reader, &journal->segments);
    segment_writer_init(&journal->writer, &journal->segments);
    fingerprint_init(&journal->fingerprint, settled->length == 0 ? ZEROS : settled->page_previous);

    enum status status = STATUS_NO_MEMORY;
    void *ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ring == MAP_FAILED) {
        goto fail;
    }
    journal->ring = ring;
    status = segments_end(&journal->segments, &journal->held_end, &damage);
    if (status == STATUS_CORRUPT) {
        segment_damage_log(&damage);
    }
    if (status != STATUS_OK) {
        goto fail;
    }
    status = replay(journal, settled->length, visit, context);
    if (status != STATUS_OK) {
        goto fail;
    }
    status = fingerprint_check(journal, settled);
    if (status != STATUS_OK) {
        goto fail;
    }
    *out = journal;
    return STATUS_OK;

fail:
    journal_close(journal);
    return status;
}

enum status journal_open(struct journal **out, struct disk *disk,
                         const struct journal_mark *settled, journal_visit_fn *visit, void *context)
{
    return journal_open_sized(out, disk, JOURNAL_SEGMENT_RECORDS, settled, visit, context);
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    segment_reader_deinit(&journal->reader);
    segment_writer_deinit(&journal->writer);
    fingerprint_deinit(&journal->fingerprint);
    if (journal->ring != NULL) {
        (void)munmap(journal->ring, RING_SIZE);
    }
    free(journal);
}

enum status journal_append(struct journal *journal, const struct record *record)
{
    CHECK(record->kind != 0); /* or it would not count as whole */

    if (journal->length - journal->flushed == RECORDS_IN_MEMORY) {
        return STATUS_FULL;
    }
    struct record *slot = ring_slot(journal, journal->length);
    *slot = *record;
    record_seal(slot, journal->length);
    journal->length++;
    return STATUS_OK;
}

uint64_t journal_length(const struct journal *journal)
{
    return journal->length;
}

uint64_t journal_length_flushed(const struct journal *journal)
{
    return journal->flushed;
}

const struct record *journal_recent(const struct journal *journal, uint64_t index)
{
    if (index >= journal->length || journal->length - index > RECORDS_IN_MEMORY) {
        return NULL;
    }
    return ring_slot(journal, index);
}

void journal_flushed(struct journal *journal, uint64_t length)
{
    CHECK(length >= journal->flushed && length <= journal->length);
    journal->flushed = length;
}

/* `count` records from `index` on, left by an earlier process, are in the scratch and about to be
 * overwritten from the ring. */
static enum status scratch_compare(const struct journal *journal, uint64_t index, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct record *held = &journal->scratch[i];
        if (record_is_whole(held, index + i) &&
            memcmp(held, ring_slot(journal, index + i), RECORD_SIZE) != 0) {
            return damaged(journal, index + i, "differs from the record decided again");
        }
    }
    return STATUS_OK;
}

/* Looks at what lies where these records are to be written. */
static enum status run_compare(struct journal *journal, uint64_t index, uint32_t count)
{
    uint64_t end = index + count < journal->held_end ? index + count : journal->held_end;
    while (index < end) {
        uint32_t run = end - index < SCRATCH_RECORDS ? (uint32_t)(end - index) : SCRATCH_RECORDS;
        uint32_t found;
        enum status status =
            segment_reader_read(&journal->reader, index, run, journal->scratch, &found);
        if (status != STATUS_OK) {
            return status;
        }
        status = scratch_compare(journal, index, found);
        if (status != STATUS_OK) {
            return status;
        }
        index = found > 0 ? index + found : segment_after(&journal->segments, index);
    }
    return STATUS_OK;
}

static enum status run_flush(struct journal *journal, uint64_t index, uint32_t count)
{
    enum status status = run_compare(journal, index, count);
    if (status == STATUS_OK) {
        status = segment_writer_write(&journal->writer, index, ring_slot(journal, index), count);
    }
    if (status == STATUS_OK) {
        fingerprint_add(&journal->fingerprint, ring_slot(journal, index), count);
    }
    return status;
}

enum status journal_flush(struct journal *journal, uint64_t length)
{
    CHECK(length >= journal->worker_flushed);
    CHECK(length - journal->worker_flushed <= RECORDS_IN_MEMORY);

    while (journal->failed == STATUS_OK && journal->worker_flushed < length) {
        uint32_t run = ring_run(journal->worker_flushed, length - journal->worker_flushed);
        journal->failed = run_flush(journal, journal->worker_flushed, run);
        if (journal->failed == STATUS_OK) {
            journal->worker_flushed += run;
        }
    }
    return journal->failed;
}

enum status journal_sync(struct journal *journal)
{
    if (journal->failed == STATUS_OK) {
        journal->failed = segment_writer_sync(&journal->writer);
    }
    return journal->failed;
}

void journal_fingerprint(struct journal *journal, struct journal_mark *out)
{
    fingerprint_mark(&journal->fingerprint, journal->worker_flushed, out);
}

/* `count` records from `index` on, which nobody decided again, are in the scratch. */
static enum status scratch_tail_check(const struct journal *journal, uint64_t index, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (record_is_whole(&journal->scratch[i], index + i)) {
            return damaged(journal, index + i, "a whole record beyond the end of the log");
        }
    }
    return STATUS_OK;
}

/* Looks at what there is from `index` on in its segment. */
static enum status segment_tail_check(struct journal *journal, uint64_t index)
{
    uint64_t end = segment_after(&journal->segments, index);
    uint32_t count = 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && index < end && count > 0) {
        status =
            segment_reader_read(&journal->reader, index, SCRATCH_RECORDS, journal->scratch, &count);
        if (status == STATUS_OK) {
            status = scratch_tail_check(journal, index, count);
            index += count;
        }
    }
    return status;
}

enum status journal_tail_check(struct journal *journal)
{
    uint64_t index = journal->worker_flushed;
    for (;;) {
        struct segment_damage damage;
        enum status status = segments_next(&journal->segments, index, &index, &damage);
        if (status == STATUS_MISSING) {
            return STATUS_OK;
        }
        if (status == STATUS_CORRUPT) {
            segment_damage_log(&damage);
        }
        if (status == STATUS_OK) {
            status = segment_tail_check(journal, index);
        }
        if (status != STATUS_OK) {
            return status;
        }
        index = segment_after(&journal->segments, index);
    }
}

/* Are these records, as read from the files, all whole, and is there any? */
static enum status read_check(const struct journal *journal, uint64_t first, uint32_t count,
                              const struct record *records)
{
    if (count == 0) {
        return damaged(journal, first, "a flushed record is missing");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!record_is_whole(&records[i], first + i)) {
            return damaged(journal, first + i, "a flushed record is not whole");
        }
    }
    return STATUS_OK;
}

enum status journal_read(struct journal *journal, uint64_t first, uint32_t count,
                         struct record *out)
{
    struct segment_reader reader; /* a descriptor of its own: any number of workers read at once */
    enum status status = STATUS_OK;
    segment_reader_init(&reader, &journal->segments);
    while (count > 0 && status == STATUS_OK) {
        uint32_t found = 0;
        status = segment_reader_read(&reader, first, count, out, &found);
        if (status == STATUS_OK) {
            status = read_check(journal, first, found, out);
        }
        first += found;
        out += found;
        count -= found;
    }
    segment_reader_deinit(&reader);
    return status;
}
