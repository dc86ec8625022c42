/* scan.c -- reads a whole journal without opening it, for `verify`.
 *
 * Unlike an opening it hashes every page from the first on: so it also proves that the pages before
 * the one that a mark lies in are those that the mark was made over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "journal/fingerprint.h"
#include "journal/journal.h"
#include "journal/segment.h"
#include "journal/sized.h"

enum { CHUNK_RECORDS = 8192 }; /* 1 MiB */

struct scan {
    struct segments segments;
    const struct journal_mark *settled;
    journal_visit_fn *visit;
    void *context;
    struct fingerprint fingerprint;
    struct journal_scan *out;
    bool ended; /* at the first record that is not whole, or at damage */
};

static void scan_damage(struct scan *scan, const struct segment_damage *damage)
{
    (void)snprintf(scan->out->damage, sizeof(scan->out->damage), "%s: offset %" PRIu64 ": %s",
                   damage->name, damage->offset, damage->rule);
    scan->ended = true;
}

static void scan_damage_at(struct scan *scan, uint64_t index, const char *rule)
{
    struct segment_damage damage;
    segment_damage_at(&scan->segments, index, rule, &damage);
    scan_damage(scan, &damage);
}

/* At the settled length: is this the journal that the mark was made over? */
static void scan_compare(struct scan *scan)
{
    struct journal_mark mark;
    uint64_t length = scan->settled->length;
    fingerprint_mark(&scan->fingerprint, length, &mark);
    if (memcmp(mark.fingerprint, scan->settled->fingerprint, SHA256_SIZE) != 0 ||
        memcmp(mark.page_previous, scan->settled->page_previous, SHA256_SIZE) != 0) {
        scan_damage_at(scan, length - length % JOURNAL_PAGE_RECORDS,
                       "the fingerprint up to this page differs from the settled one");
    }
}

/* Takes `count` records that lie from scan->out->length on, none of them across the settled length. */
static enum status scan_run(struct scan *scan, const struct record *records, uint32_t count)
{
    uint64_t first = scan->out->length;
    uint32_t whole = 0;
    enum status status = STATUS_OK;
    while (whole < count && record_is_whole(&records[whole], first + whole)) {
        status = scan->visit(scan->context, first + whole, &records[whole]);
        if (status != STATUS_OK) {
            break;
        }
        whole++;
    }
    fingerprint_add(&scan->fingerprint, records, whole);
    scan->out->length = first + whole;
    if (status != STATUS_OK) {
        return status;
    }
    if (whole < count) {
        scan->ended = true;
        if (scan->out->length < scan->settled->length) {
            scan_damage_at(scan, scan->out->length, "a settled record is not whole");
        }
    } else if (scan->out->length == scan->settled->length) {
        scan_compare(scan);
    }
    return STATUS_OK;
}

/* Reads the next records, but not across the settled length, and takes them. */
static enum status scan_next(struct scan *scan, struct segment_reader *reader,
                             struct record *records)
{
    uint64_t length = scan->out->length;
    uint64_t settled = scan->settled->length;
    uint32_t count = CHUNK_RECORDS;
    if (length < settled && settled - length < count) {
        count = (uint32_t)(settled - length);
    }
    enum status status = segment_reader_read(reader, length, count, records, &count);
    if (status != STATUS_OK) {
        return status;
    }
    if (count > 0) {
        return scan_run(scan, records, count);
    }
    scan->ended = true;
    if (length < settled) {
        scan_damage_at(scan, length, "a settled record is missing");
    }
    return STATUS_OK;
}

static enum status scan_records(struct scan *scan, struct segment_reader *reader,
                                struct record *records)
{
    enum status status = STATUS_OK;
    if (scan->settled->length == 0) {
        scan_compare(scan);
    }
    while (!scan->ended && status == STATUS_OK) {
        status = scan_next(scan, reader, records);
    }
    return status;
}

enum status journal_scan_sized(struct disk *disk, uint32_t segment_records,
                               const struct journal_mark *settled, journal_visit_fn *visit,
                               void *context, struct journal_scan *out)
{
    CHECK(segment_records > 0);

    static const uint8_t ZEROS[SHA256_SIZE];
    struct scan scan = {
        .segments = {.disk = disk, .records = segment_records},
        .settled = settled,
        .visit = visit,
        .context = context,
        .out = out,
    };
    struct segment_reader reader;
    struct segment_damage damage;
    struct journal_mark mark;
    uint64_t end;
    struct record *records = malloc(CHUNK_RECORDS * sizeof(*records));
    if (records == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(out, 0, sizeof(*out));
    segment_reader_init(&reader, &scan.segments);
    fingerprint_init(&scan.fingerprint, ZEROS);

    enum status status = segments_end(&scan.segments, &end, &damage);
    if (status == STATUS_CORRUPT) {
        scan_damage(&scan, &damage);
        status = STATUS_OK;
    } else if (status == STATUS_OK) {
        status = scan_records(&scan, &reader, records);
    }
    fingerprint_mark(&scan.fingerprint, out->length, &mark);
    memcpy(out->fingerprint, mark.fingerprint, SHA256_SIZE);

    fingerprint_deinit(&scan.fingerprint);
    segment_reader_deinit(&reader);
    free(records);
    return status;
}

enum status journal_scan(struct disk *disk, const struct journal_mark *settled,
                         journal_visit_fn *visit, void *context, struct journal_scan *out)
{
    return journal_scan_sized(disk, JOURNAL_SEGMENT_RECORDS, settled, visit, context, out);
}
