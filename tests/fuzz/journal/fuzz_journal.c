/* fuzz_journal.c -- damages a small journal as the input says, then scans it, opens it and goes on.
 *
 * Input: the settled length (one byte), then damages of four bytes each: what, where (an index of a
 * record, u16), how. It holds that
 *
 * - whatever is shown to a visitor is whole and in order;
 * - an opening that succeeds has shown exactly the settled records of the undamaged journal;
 * - a scan that names no damage has shown them too;
 * - records that are decided again are refused if and only if another whole one lies in the place of
 *   one of them, and the tail if and only if a whole one lies beyond;
 * - the rest is the undamaged journal again, byte for byte, also after a power cut.
 *
 * Run with -close_fd_mask=2: each damage found is a line in the log.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "fixture.h"
#include "support/memory_disk.h"

enum {
    LENGTH = 32, /* four segments */
    DAMAGE_SIZE = 4,
    DAMAGES_MAX = 16,
};

/* NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct shown {
    uint64_t count;
    uint64_t count_expected; /* the first ones that are those of the undamaged journal */
};

static enum status visit(void *context, uint64_t index, const struct record *record)
{
    struct shown *shown = context;
    struct record expected = expected_record(index);
    CHECK(index == shown->count);
    CHECK(record_is_whole(record, index));
    if (shown->count == shown->count_expected && memcmp(record, &expected, RECORD_SIZE) == 0) {
        shown->count_expected++;
    }
    shown->count++;
    return STATUS_OK;
}

/* Replaces the record's bytes; the segment grows if it has to. */
static void record_put(const struct fixture *f, uint64_t index, const struct record *record)
{
    uint8_t bytes[SEGMENT_SIZE + 1] = {0};
    uint64_t size = 0;
    const char *name = segment_of(f, index);
    if (memory_disk_exists(f->disk, name)) {
        const uint8_t *now = memory_disk_bytes(f->disk, name, &size);
        size = size < sizeof(bytes) ? size : sizeof(bytes);
        memcpy(bytes, now, size);
    }
    uint64_t end = offset_of(f, index) + RECORD_SIZE;
    memcpy(bytes + offset_of(f, index), record, RECORD_SIZE);
    memory_disk_put(f->disk, name, bytes, size > end ? size : end);
}

static void damage(const struct fixture *f, const uint8_t source[DAMAGE_SIZE])
{
    uint64_t index = bytes_get_u16(source + 1);
    uint8_t how = source[3];
    struct record record = expected_record(index);
    const char *name = segment_of(f, index);
    uint64_t size = 0;
    if (memory_disk_exists(f->disk, name)) {
        (void)memory_disk_bytes(f->disk, name, &size);
    }
    switch (source[0] % 6) {
    case 0: /* a bit flips */
        if (size > 0) {
            memory_disk_flip(f->disk, name, (offset_of(f, index) + how / 2) % size,
                             (uint8_t)(1 + how % 2 * 127));
        }
        break;
    case 1: /* the file ends early */
        if (size > 0) {
            memory_disk_cut(f->disk, name, (offset_of(f, index) + how) % size);
        }
        break;
    case 2: /* a record of another history */
        record.account = how;
        record_seal(&record, index);
        record_put(f, index, &record);
        break;
    case 3: /* a record from another place */
        record = expected_record(how);
        record_put(f, index, &record);
        break;
    case 4: /* a file is gone */
        CHECK(f->disk->operations->remove(f->disk, name) == STATUS_OK);
        break;
    default: /* a byte too many */
        if (how == 0) {
            uint8_t bytes[SEGMENT_SIZE + 1] = {0};
            memory_disk_put(f->disk, name, bytes, sizeof(bytes));
        }
        break;
    }
}

/* Is there a whole record at this place of the files, and (`other`) not the bank's own? */
static bool held(const struct fixture *f, uint64_t index, bool other)
{
    struct record record;
    struct record expected = expected_record(index);
    uint64_t size = 0;
    const char *name = segment_of(f, index);
    if (!memory_disk_exists(f->disk, name)) {
        return false;
    }
    const uint8_t *bytes = memory_disk_bytes(f->disk, name, &size);
    if (size < offset_of(f, index) + RECORD_SIZE) {
        return false;
    }
    memcpy(&record, bytes + offset_of(f, index), RECORD_SIZE);
    return record_is_whole(&record, index) &&
           (!other || memcmp(&record, &expected, RECORD_SIZE) != 0);
}

/* What the journal must not take, by the contract and without its code. */
struct verdict {
    bool differs; /* a record above the settled length is whole and another */
    bool beyond;  /* one beyond LENGTH is whole */
};

static struct verdict verdict_find(const struct fixture *f, uint64_t settled, const uint8_t *data,
                                   size_t size)
{
    struct verdict verdict = {0};
    for (uint64_t index = settled; index < LENGTH; index++) {
        verdict.differs = verdict.differs || held(f, index, true);
    }
    for (size_t at = 1; at + DAMAGE_SIZE <= size; at += DAMAGE_SIZE) {
        uint64_t index = bytes_get_u16(data + at + 1);
        verdict.beyond = verdict.beyond || (index >= LENGTH && held(f, index, false));
    }
    return verdict;
}

/* All records are decided again. If the journal takes them, it is the undamaged one. */
static void go_on(struct fixture *f, uint64_t length, struct verdict verdict)
{
    struct record records[LENGTH];
    struct journal_mark mark;
    enum status status = fixture_flush(f, length);
    CHECK(status == (verdict.differs ? STATUS_CORRUPT : STATUS_OK));
    if (status == STATUS_CORRUPT) {
        return;
    }
    status = journal_tail_check(f->journal);
    CHECK(status == (verdict.beyond ? STATUS_CORRUPT : STATUS_OK));
    CHECK(journal_sync(f->journal) == STATUS_OK);
    CHECK(journal_read(f->journal, 0, (uint32_t)length, records) == STATUS_OK);
    for (uint32_t i = 0; i < length; i++) {
        struct record expected = expected_record(i);
        CHECK(memcmp(&records[i], &expected, RECORD_SIZE) == 0);
    }
    journal_fingerprint(f->journal, &mark);
    fixture_close(f);
    memory_disk_crash(f->disk, length);
    CHECK(fixture_open(f, &mark) == STATUS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture f;
    struct journal_scan scan;
    struct shown shown = {0};
    if (size < 1 || size > 1 + (size_t)DAMAGE_SIZE * DAMAGES_MAX) {
        return 0;
    }
    struct journal_mark mark = expected_mark(data[0] % (LENGTH + 1));
    fixture_setup(&f, SEGMENT_RECORDS);
    fixture_fill(&f, LENGTH);
    for (size_t at = 1; at + DAMAGE_SIZE <= size; at += DAMAGE_SIZE) {
        damage(&f, data + at);
    }

    CHECK(journal_scan_sized(f.disk, SEGMENT_RECORDS, &mark, visit, &shown, &scan) == STATUS_OK);
    CHECK(scan.length == shown.count);
    CHECK(scan.damage[0] != '\0' || shown.count_expected >= mark.length);
    bool scan_is_good = scan.damage[0] == '\0';

    struct verdict verdict = verdict_find(&f, mark.length, data, size);
    shown = (struct shown){0};
    enum status status =
        journal_open_sized(&f.journal, f.disk, SEGMENT_RECORDS, &mark, visit, &shown);
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    CHECK((status == STATUS_OK) == scan_is_good);
    if (status == STATUS_OK) {
        CHECK(shown.count == mark.length);
        CHECK(shown.count_expected == mark.length);
        go_on(&f, LENGTH, verdict);
    }
    fixture_teardown(&f);
    return 0;
}
