/* Damage below the settled length is named; above it, what is not whole is written again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "support/memory_disk.h"

enum {
    LENGTH = 12,  /* records of the small journal: one and a half segments */
    SETTLED = 10, /* in the second segment */
    MASKS = 2,
    LONG = 1000,
    FAR = 1000000 * SEGMENT_RECORDS,
};

static const struct journal_mark EMPTY;
static const uint8_t MASK[MASKS] = {0x01, 0x80};

static void assert_all_synced(struct fixture *f, uint64_t length)
{
    struct journal_mark mark = expected_mark(length);
    fixture_close(f);
    memory_disk_crash(f->disk, length);
    assert_int_equal(fixture_open(f, &mark), STATUS_OK);
    assert_int_equal(f->visited, length);
    assert_int_equal(journal_tail_check(f->journal), STATUS_OK);
    fixture_close(f);
}

/* The journal is damaged at record `index`, which is settled: nobody takes it. */
static void assert_damaged_at(struct fixture *f, uint64_t settled, uint64_t index)
{
    struct journal_mark mark = expected_mark(settled);
    struct journal_scan scan;
    struct log_capture log;
    char text[160];

    log_capture_begin(&log);
    enum status status = fixture_open(f, &mark);
    log_capture_end(&log);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_null(f->journal);
    assert_int_equal(f->visited, index);
    assert_true(log_capture_names(&log, segment_of(f, index), offset_of(f, index)));

    assert_int_equal(fixture_scan(f, &mark, &scan), STATUS_OK);
    assert_int_equal(scan.length, index);
    assert_int_equal(f->visited, index);
    int size = snprintf(text, sizeof(text), "%s: offset %" PRIu64 ": ", segment_of(f, index),
                        offset_of(f, index));
    assert_memory_equal(scan.damage, text, (size_t)size);
}

static void a_flipped_bit_in_a_settled_record_is_damage(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f, SEGMENT_RECORDS);
    fixture_fill(&f, LENGTH);
    for (uint64_t at = 0; at < (uint64_t)LENGTH * RECORD_SIZE * MASKS; at++) {
        uint64_t index = at / MASKS / RECORD_SIZE;
        uint64_t offset = offset_of(&f, index) + at / MASKS % RECORD_SIZE;
        memory_disk_flip(f.disk, segment_of(&f, index), offset, MASK[at % MASKS]);
        assert_damaged_at(&f, LENGTH, index);
        memory_disk_flip(f.disk, segment_of(&f, index), offset, MASK[at % MASKS]);
    }
    assert_all_synced(&f, LENGTH);
    fixture_teardown(&f);
}

static void a_journal_cut_below_the_settled_length_is_damage(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < (uint64_t)SEGMENTS_2 * RECORD_SIZE; at++) {
        struct fixture f;
        uint64_t index = at / RECORD_SIZE;
        fixture_setup(&f, SEGMENT_RECORDS);
        fixture_fill(&f, SEGMENTS_2);
        memory_disk_cut(f.disk, segment_of(&f, index), at % SEGMENT_SIZE);
        assert_damaged_at(&f, SEGMENTS_2, index);
        fixture_teardown(&f);
    }
}

static void a_missing_segment_below_the_settled_length_is_damage(void **state)
{
    (void)state;
    for (uint64_t index = 0; index < SEGMENTS_3; index += SEGMENT_RECORDS) {
        struct fixture f;
        fixture_setup(&f, SEGMENT_RECORDS);
        fixture_fill(&f, SEGMENTS_3);
        assert_int_equal(f.disk->operations->remove(f.disk, segment_of(&f, index)), STATUS_OK);
        assert_damaged_at(&f, SEGMENTS_3, index);
        fixture_teardown(&f);
    }
}

/* A segment in which record `to` is that of `from`, with the checksum it has there. */
static void record_moved(uint32_t from, uint32_t to)
{
    struct fixture f;
    struct record records[SEGMENT_RECORDS];
    fixture_setup(&f, SEGMENT_RECORDS);
    for (uint32_t i = 0; i < SEGMENT_RECORDS; i++) {
        records[i] = expected_record(i == to ? from : i);
    }
    memory_disk_put(f.disk, segment_of(&f, 0), records, sizeof(records));
    if (from == to) {
        assert_all_synced(&f, SEGMENT_RECORDS);
    } else {
        assert_damaged_at(&f, SEGMENT_RECORDS, to);
    }
    fixture_teardown(&f);
}

static void a_record_at_another_place_is_damage(void **state)
{
    (void)state;
    for (uint32_t from = 0; from < SEGMENT_RECORDS; from++) {
        for (uint32_t to = 0; to < SEGMENT_RECORDS; to++) {
            record_moved(from, to);
        }
    }
}

static void a_mark_of_another_journal_is_damage(void **state)
{
    (void)state;
    static const uint64_t LENGTHS[] = {0, 1, SETTLED, JOURNAL_PAGE_RECORDS,
                                       JOURNAL_PAGE_RECORDS + 1};
    for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
        uint64_t length = LENGTHS[i];
        struct fixture f;
        struct journal_scan scan;
        fixture_setup(&f, 1024);
        fixture_fill(&f, length + 3);
        for (size_t at = 0; at < SHA256_SIZE; at++) {
            struct log_capture log;
            struct journal_mark mark = expected_mark(length);
            mark.fingerprint[at] ^= 1;
            log_capture_begin(&log);
            enum status status = fixture_open(&f, &mark);
            log_capture_end(&log);
            assert_int_equal(status, STATUS_CORRUPT);
            uint64_t page = length - length % JOURNAL_PAGE_RECORDS;
            assert_true(log_capture_names(&log, segment_of(&f, page), offset_of(&f, page)));
            assert_int_equal(fixture_scan(&f, &mark, &scan), STATUS_OK);
            assert_non_null(strstr(scan.damage, "fingerprint"));
            assert_int_equal(scan.length, length);

            mark.fingerprint[at] ^= 1;
            mark.page_previous[at] ^= 1;
            log_capture_begin(&log);
            status = fixture_open(&f, &mark);
            log_capture_end(&log);
            assert_int_equal(status, length == 0 ? STATUS_OK : STATUS_CORRUPT);
            assert_int_equal(fixture_scan(&f, &mark, &scan), STATUS_OK);
            assert_non_null(strstr(scan.damage, "fingerprint"));
        }
        fixture_teardown(&f);
    }
}

/* A page before the one that the length is in, exchanged whole and with good checksums. */
static void a_scan_sees_a_forged_page_that_an_opening_does_not_read(void **state)
{
    (void)state;
    const uint64_t length = 2 * JOURNAL_PAGE_RECORDS + 1;
    struct fixture f;
    struct journal_scan scan;
    struct journal_mark mark = expected_mark(length);
    struct record forged = expected_record(5);
    uint64_t size;
    static uint8_t bytes[(2 * JOURNAL_PAGE_RECORDS + 1) * RECORD_SIZE];
    fixture_setup(&f, JOURNAL_SEGMENT_RECORDS);
    fixture_fill(&f, length);
    memcpy(bytes, memory_disk_bytes(f.disk, segment_of(&f, 0), &size), sizeof(bytes));
    assert_int_equal(size, sizeof(bytes));
    forged.id[0] ^= 1;
    record_seal(&forged, 5);
    memcpy(bytes + (size_t)5 * RECORD_SIZE, &forged, RECORD_SIZE);
    memory_disk_put(f.disk, segment_of(&f, 0), bytes, size);
    f.visit_forged = 5;
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    assert_int_equal(fixture_scan(&f, &mark, &scan), STATUS_OK);
    assert_non_null(strstr(scan.damage, "fingerprint"));
    fixture_teardown(&f);
}

/* The byte at `at` of the journal, beyond the settled length, is flipped, or the segment cut there. */
static void tail_torn(uint64_t at, bool cut)
{
    struct fixture f;
    struct journal_scan scan;
    struct journal_mark mark = expected_mark(SETTLED);
    uint64_t index = at / RECORD_SIZE;
    fixture_setup(&f, SEGMENT_RECORDS);
    fixture_fill(&f, LENGTH);
    if (cut) {
        memory_disk_cut(f.disk, segment_of(&f, index), at % SEGMENT_SIZE);
    } else {
        memory_disk_flip(f.disk, segment_of(&f, index), at % SEGMENT_SIZE, 0x10);
    }
    assert_int_equal(fixture_scan(&f, &mark, &scan), STATUS_OK);
    assert_string_equal(scan.damage, "");
    assert_int_equal(scan.length, index);
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    assert_int_equal(f.visited, SETTLED);
    assert_int_equal(journal_length(f.journal), SETTLED);
    assert_int_equal(fixture_flush(&f, LENGTH), STATUS_OK);
    assert_int_equal(journal_sync(f.journal), STATUS_OK);
    assert_all_synced(&f, LENGTH);
    fixture_teardown(&f);
}

static void a_torn_tail_is_written_again(void **state)
{
    (void)state;
    for (uint64_t at = (uint64_t)SETTLED * RECORD_SIZE; at < (uint64_t)LENGTH * RECORD_SIZE; at++) {
        tail_torn(at, false);
        tail_torn(at, true);
    }
}

static void a_gap_in_the_tail_is_written_again(void **state)
{
    (void)state;
    const uint64_t length = SEGMENTS_3 + SEGMENT_RECORDS;
    for (uint64_t gap = SEGMENT_RECORDS; gap < length; gap += SEGMENT_RECORDS) {
        struct fixture f;
        struct journal_mark mark = expected_mark(3);
        fixture_setup(&f, SEGMENT_RECORDS);
        fixture_fill(&f, length);
        assert_int_equal(f.disk->operations->remove(f.disk, segment_of(&f, gap)), STATUS_OK);
        assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
        assert_int_equal(fixture_flush(&f, length), STATUS_OK);
        assert_int_equal(journal_sync(f.journal), STATUS_OK);
        assert_all_synced(&f, length);
        fixture_teardown(&f);
    }
}

/* Puts a record of another history, whole, in the place of record `index`. */
static void forge(struct fixture *f, uint64_t index)
{
    uint64_t size;
    static uint8_t bytes[LONG * RECORD_SIZE];
    struct record other = expected_record(index);
    const uint8_t *now = memory_disk_bytes(f->disk, segment_of(f, index), &size);
    assert_true(size <= sizeof(bytes));
    memcpy(bytes, now, size);
    other.balance++;
    record_seal(&other, index);
    memcpy(bytes + offset_of(f, index), &other, RECORD_SIZE);
    memory_disk_put(f->disk, segment_of(f, index), bytes, size);
}

/* The log decides the records up to `length` again, and meets another one at `index`. */
static void assert_flush_stops_at(struct fixture *f, uint64_t length, uint64_t index)
{
    struct log_capture log;
    uint64_t size;
    log_capture_begin(&log);
    enum status status = fixture_flush(f, length);
    log_capture_end(&log);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_true(log_capture_names(&log, segment_of(f, index), offset_of(f, index)));
    assert_int_equal(journal_sync(f->journal), STATUS_CORRUPT); /* and for good */
    assert_int_equal(journal_flush(f->journal, length), STATUS_CORRUPT);
    struct record other = expected_record(index); /* the evidence stays */
    other.balance++;
    record_seal(&other, index);
    assert_memory_equal(memory_disk_bytes(f->disk, segment_of(f, index), &size) +
                            offset_of(f, index),
                        &other, RECORD_SIZE);
}

static void a_whole_but_different_record_stops_the_flush(void **state)
{
    (void)state;
    struct journal_mark mark = expected_mark(SETTLED);
    for (uint64_t index = SETTLED; index < SEGMENTS_3; index++) {
        struct fixture f;
        fixture_setup(&f, SEGMENT_RECORDS);
        fixture_fill(&f, SEGMENTS_3);
        forge(&f, index);
        assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
        assert_int_equal(fixture_flush(&f, index), STATUS_OK); /* up to it all is well */
        assert_flush_stops_at(&f, SEGMENTS_3, index);
        fixture_teardown(&f);
    }
}

/* The records before it in its file never reached the disk, or whole files did not. */
static void a_different_record_is_found_behind_a_gap(void **state)
{
    (void)state;
    struct journal_mark mark = expected_mark(SETTLED);
    for (int gap = 0; gap < 3; gap++) {
        struct fixture f;
        fixture_setup(&f, SEGMENT_RECORDS);
        fixture_fill(&f, SEGMENTS_3);
        forge(&f, SEGMENTS_2);
        if (gap == 1) {
            memory_disk_cut(f.disk, segment_of(&f, SETTLED), offset_of(&f, SETTLED) + 1);
        } else if (gap == 2) {
            mark = expected_mark(SEGMENT_RECORDS);
            const char *name = segment_of(&f, SEGMENT_RECORDS);
            assert_int_equal(f.disk->operations->remove(f.disk, name), STATUS_OK);
        }
        assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
        assert_flush_stops_at(&f, SEGMENTS_3, SEGMENTS_2);
        fixture_teardown(&f);
    }
}

/* Only the record at `index` of a segment that is longer than one read is whole, and is another. */
static void long_tail_left(uint64_t index)
{
    struct fixture f;
    struct log_capture log;
    struct journal_mark mark = expected_mark(SETTLED);
    fixture_setup(&f, LONG);
    fixture_fill(&f, LONG);
    for (uint64_t i = SETTLED; i < LONG; i++) {
        memory_disk_flip(f.disk, segment_of(&f, i), offset_of(&f, i), 1);
    }
    forge(&f, index);
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    log_capture_begin(&log);
    enum status status = journal_tail_check(f.journal);
    log_capture_end(&log);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_true(log_capture_names(&log, segment_of(&f, index), offset_of(&f, index)));
    assert_flush_stops_at(&f, LONG, index);
    fixture_teardown(&f);
}

static void every_record_of_a_long_tail_is_looked_at(void **state)
{
    (void)state;
    for (uint64_t index = SETTLED; index < LONG; index += 30) {
        long_tail_left(index);
    }
}

static void nothing_is_read_where_nothing_was_held(void **state)
{
    (void)state;
    struct fixture f;
    struct journal_mark mark = expected_mark(SETTLED);
    fixture_setup(&f, LONG);
    fixture_fill(&f, LENGTH);
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    uint64_t reads = memory_disk_counts(f.disk).reads;
    assert_int_equal(fixture_flush(&f, LENGTH), STATUS_OK);
    assert_int_equal(memory_disk_counts(f.disk).reads, reads + 1);
    assert_int_equal(fixture_flush(&f, LENGTH + 1), STATUS_OK);
    assert_int_equal(fixture_flush(&f, LONG + 1), STATUS_OK);
    assert_int_equal(memory_disk_counts(f.disk).reads, reads + 1);
    fixture_teardown(&f);
}

/* The log ends at `end`; of what is in the files beyond, only the record `left` is whole. */
static void tail_left(uint64_t end, uint64_t left)
{
    struct fixture f;
    struct log_capture log;
    struct journal_mark mark = expected_mark(end / 2);
    fixture_setup(&f, SEGMENT_RECORDS);
    fixture_fill(&f, SEGMENTS_3);
    for (uint64_t i = end; i < SEGMENTS_3; i++) {
        if (i != left) {
            memory_disk_flip(f.disk, segment_of(&f, i), offset_of(&f, i) + 9, 1);
        }
    }
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    assert_int_equal(fixture_flush(&f, end), STATUS_OK);
    log_capture_begin(&log);
    enum status status = journal_tail_check(f.journal);
    log_capture_end(&log);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_true(log_capture_names(&log, segment_of(&f, left), offset_of(&f, left)));
    memory_disk_flip(f.disk, segment_of(&f, left), offset_of(&f, left) + 9, 1);
    assert_int_equal(journal_tail_check(f.journal), STATUS_OK);
    fixture_teardown(&f);
}

static void a_whole_record_beyond_the_end_is_found(void **state)
{
    (void)state;
    for (uint64_t end = 0; end < SEGMENTS_3; end++) {
        for (uint64_t left = end; left < SEGMENTS_3; left++) {
            tail_left(end, left);
        }
    }
}

static void a_whole_record_is_found_behind_missing_segments(void **state)
{
    (void)state;
    struct fixture f;
    struct log_capture log;
    struct record record = expected_record(FAR);
    fixture_setup(&f, SEGMENT_RECORDS);
    fixture_fill(&f, 3);
    memory_disk_put(f.disk, segment_of(&f, FAR), &record, sizeof(record));
    struct journal_mark mark = expected_mark(3);
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    log_capture_begin(&log);
    enum status status = journal_tail_check(f.journal);
    log_capture_end(&log);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_true(log_capture_names(&log, segment_of(&f, FAR), 0));
    memory_disk_cut(f.disk, segment_of(&f, FAR), 0);
    assert_int_equal(journal_tail_check(f.journal), STATUS_OK);
    fixture_teardown(&f);
}

static void a_read_names_damage(void **state)
{
    (void)state;
    struct fixture f;
    struct record records[LENGTH];
    fixture_setup(&f, SEGMENT_RECORDS);
    assert_int_equal(fixture_open(&f, &EMPTY), STATUS_OK);
    assert_int_equal(fixture_flush(&f, LENGTH), STATUS_OK);
    for (uint64_t index = 0; index < LENGTH; index++) {
        struct log_capture log;
        memory_disk_flip(f.disk, segment_of(&f, index), offset_of(&f, index) + 100, 1);
        for (uint32_t first = 0; first < LENGTH; first++) {
            log_capture_begin(&log);
            enum status status = journal_read(f.journal, first, LENGTH - first, records);
            log_capture_end(&log);
            assert_int_equal(status, first <= index ? STATUS_CORRUPT : STATUS_OK);
            assert_true(log_capture_names(&log, segment_of(&f, index), offset_of(&f, index)) ==
                        (first <= index));
        }
        memory_disk_flip(f.disk, segment_of(&f, index), offset_of(&f, index) + 100, 1);
    }
    memory_disk_cut(f.disk, segment_of(&f, LENGTH), offset_of(&f, LENGTH - 1));
    struct log_capture log;
    log_capture_begin(&log);
    enum status status = journal_read(f.journal, 0, LENGTH, records);
    log_capture_end(&log);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_true(log_capture_names(&log, segment_of(&f, LENGTH - 1), offset_of(&f, LENGTH - 1)));
    fixture_teardown(&f);
}

static void files_that_can_be_no_segment_are_damage(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "journal/0000000000000001",                             /* no segment begins there */
        "journal/000000000000000c", "journal/fffffffffffffff8", /* no bank is that long */
    };
    static const uint8_t BYTES[(SEGMENT_RECORDS + 1) * RECORD_SIZE];
    for (size_t i = 0; i <= sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        struct fixture f;
        struct journal_scan scan;
        struct log_capture log;
        char text[160];
        struct journal_mark mark = expected_mark(3);
        fixture_setup(&f, SEGMENT_RECORDS);
        fixture_fill(&f, 3);
        const char *name = segment_of(&f, SEGMENT_RECORDS);
        uint64_t offset = SEGMENT_SIZE;
        if (i < sizeof(NAMES) / sizeof(NAMES[0])) {
            name = NAMES[i];
            offset = 0;
            memory_disk_put(f.disk, name, BYTES, RECORD_SIZE);
        } else {
            memory_disk_put(f.disk, name, BYTES, offset + 1);
        }
        log_capture_begin(&log);
        enum status status = fixture_open(&f, &mark);
        log_capture_end(&log);
        assert_int_equal(status, STATUS_CORRUPT);
        assert_true(log_capture_names(&log, name, offset));
        assert_int_equal(fixture_scan(&f, &mark, &scan), STATUS_OK);
        int size = snprintf(text, sizeof(text), "%s: offset %" PRIu64 ": ", name, offset);
        assert_memory_equal(scan.damage, text, (size_t)size);
        assert_int_equal(scan.length, 0);
        fixture_teardown(&f);
    }
}

static void files_with_other_names_are_nobodys_business(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "journal/README",           "journal/000000000000000",  "journal/00000000000000000",
        "journal/000000000000000G", "journal/000000000000000A", "journal/0000000000000008.tmp",
    };
    struct fixture f;
    struct journal_mark mark = expected_mark(3);
    fixture_setup(&f, SEGMENT_RECORDS);
    fixture_fill(&f, 3);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        struct record record = expected_record(SEGMENT_RECORDS);
        memory_disk_put(f.disk, NAMES[i], &record, sizeof(record));
    }
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    assert_int_equal(journal_tail_check(f.journal), STATUS_OK);
    fixture_teardown(&f);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(a_flipped_bit_in_a_settled_record_is_damage),
        cmocka_unit_test(a_journal_cut_below_the_settled_length_is_damage),
        cmocka_unit_test(a_missing_segment_below_the_settled_length_is_damage),
        cmocka_unit_test(a_record_at_another_place_is_damage),
        cmocka_unit_test(a_mark_of_another_journal_is_damage),
        cmocka_unit_test(a_scan_sees_a_forged_page_that_an_opening_does_not_read),
        cmocka_unit_test(a_torn_tail_is_written_again),
        cmocka_unit_test(a_gap_in_the_tail_is_written_again),
        cmocka_unit_test(a_whole_but_different_record_stops_the_flush),
        cmocka_unit_test(a_different_record_is_found_behind_a_gap),
        cmocka_unit_test(every_record_of_a_long_tail_is_looked_at),
        cmocka_unit_test(nothing_is_read_where_nothing_was_held),
        cmocka_unit_test(a_whole_record_beyond_the_end_is_found),
        cmocka_unit_test(a_whole_record_is_found_behind_missing_segments),
        cmocka_unit_test(a_read_names_damage),
        cmocka_unit_test(files_that_can_be_no_segment_are_damage),
        cmocka_unit_test(files_with_other_names_are_nobodys_business),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
