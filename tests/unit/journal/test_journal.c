/* What a journal keeps and gives back while nothing goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "support/memory_disk.h"

static const struct journal_mark EMPTY;

static void assert_expected(const struct record *record, uint64_t index)
{
    struct record expected = expected_record(index);
    assert_non_null(record);
    assert_memory_equal(record, &expected, RECORD_SIZE);
}

static void records_come_back_in_order(void **state)
{
    (void)state;
    for (uint64_t length = 0; length <= SEGMENTS_3 + 1; length++) {
        struct fixture f;
        struct journal_mark mark = expected_mark(length);
        fixture_setup(&f, SEGMENT_RECORDS);
        fixture_fill(&f, length);
        assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
        assert_int_equal(f.visited, length);
        assert_int_equal(journal_length(f.journal), length);
        assert_int_equal(journal_length_flushed(f.journal), length);
        assert_int_equal(journal_tail_check(f.journal), STATUS_OK);
        fixture_teardown(&f);
    }
}

static void memory_keeps_exactly_the_newest_records(void **state)
{
    (void)state;
    const uint64_t length = 2 * RECORDS_IN_MEMORY + 5;
    struct fixture f;
    struct journal_mark mark = expected_mark(length);
    fixture_setup(&f, 10000); /* neither chunks nor ring end where a segment does */
    fixture_fill(&f, length);
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    for (uint64_t index = length - RECORDS_IN_MEMORY; index < length; index++) {
        assert_expected(journal_recent(f.journal, index), index);
    }
    assert_null(journal_recent(f.journal, length - RECORDS_IN_MEMORY - 1));
    assert_null(journal_recent(f.journal, 0));
    assert_null(journal_recent(f.journal, length));
    assert_null(journal_recent(f.journal, UINT64_MAX));

    fixture_append(&f, length + 1);
    assert_null(journal_recent(f.journal, length - RECORDS_IN_MEMORY));
    assert_expected(journal_recent(f.journal, length - RECORDS_IN_MEMORY + 1),
                    length - RECORDS_IN_MEMORY + 1);
    assert_expected(journal_recent(f.journal, length), length);
    fixture_teardown(&f);
}

static void a_full_ring_refuses_until_a_flush_is_told(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f, JOURNAL_SEGMENT_RECORDS);
    assert_int_equal(fixture_open(&f, &EMPTY), STATUS_OK);
    fixture_append(&f, RECORDS_IN_MEMORY);
    struct record next = expected_record(RECORDS_IN_MEMORY);
    assert_int_equal(journal_append(f.journal, &next), STATUS_FULL);
    assert_int_equal(journal_length(f.journal), RECORDS_IN_MEMORY);
    assert_expected(journal_recent(f.journal, 0), 0);

    assert_int_equal(journal_flush(f.journal, 3), STATUS_OK);
    assert_int_equal(journal_append(f.journal, &next), STATUS_FULL); /* not told yet */
    journal_flushed(f.journal, 3);
    assert_int_equal(journal_length_flushed(f.journal), 3);
    fixture_append(&f, RECORDS_IN_MEMORY + 3);
    assert_int_equal(journal_append(f.journal, &next), STATUS_FULL);
    assert_null(journal_recent(f.journal, 2));
    assert_expected(journal_recent(f.journal, 3), 3);
    fixture_teardown(&f);
}

static void a_flush_is_one_write_for_each_run(void **state)
{
    (void)state;
    static char trace[4096];
    struct fixture f;
    fixture_setup(&f, SEGMENT_RECORDS);
    assert_int_equal(fixture_open(&f, &EMPTY), STATUS_OK);
    assert_int_equal(fixture_flush(&f, 3), STATUS_OK);
    memory_disk_trace(f.disk, trace, sizeof(trace));
    assert_int_equal(fixture_flush(&f, 18), STATUS_OK);
    assert_int_equal(journal_sync(f.journal), STATUS_OK);
    assert_string_equal(trace, "write journal/0000000000000000 384+640\n"
                               "create journal/0000000000000008\n"
                               "write journal/0000000000000008 0+1024\n"
                               "create journal/0000000000000010\n"
                               "write journal/0000000000000010 0+256\n"
                               "sync journal/0000000000000000\n"
                               "sync journal/0000000000000008\n"
                               "sync journal/0000000000000010\n"
                               "sync-directory journal\n");
    memory_disk_trace(f.disk, trace, sizeof(trace));
    assert_int_equal(journal_sync(f.journal), STATUS_OK); /* nothing to do */
    assert_int_equal(fixture_flush(&f, 20), STATUS_OK);
    assert_int_equal(journal_sync(f.journal), STATUS_OK);
    assert_string_equal(trace, "write journal/0000000000000010 256+256\n"
                               "sync journal/0000000000000010\n");
    memory_disk_trace(f.disk, NULL, 0);
    fixture_teardown(&f);
}

static void a_run_is_cut_where_the_ring_comes_round(void **state)
{
    (void)state;
    static char trace[4096];
    struct fixture f;
    fixture_setup(&f, JOURNAL_SEGMENT_RECORDS);
    assert_int_equal(fixture_open(&f, &EMPTY), STATUS_OK);
    assert_int_equal(fixture_flush(&f, RECORDS_IN_MEMORY - 1), STATUS_OK);
    memory_disk_trace(f.disk, trace, sizeof(trace));
    assert_int_equal(fixture_flush(&f, RECORDS_IN_MEMORY + 2), STATUS_OK);
    assert_string_equal(trace, "write journal/0000000000000000 8388480+128\n"
                               "write journal/0000000000000000 8388608+256\n");
    memory_disk_trace(f.disk, NULL, 0);
    struct journal_mark mark = expected_mark(RECORDS_IN_MEMORY + 2);
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    fixture_teardown(&f);
}

static void unsynced_segments_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    fixture_setup(&f, 1);
    assert_int_equal(fixture_open(&f, &EMPTY), STATUS_OK);
    assert_int_equal(fixture_flush(&f, 4), STATUS_OK);
    assert_int_equal(memory_disk_counts(f.disk).syncs, 0);
    assert_int_equal(fixture_flush(&f, 100), STATUS_OK);
    assert_true(memory_disk_counts(f.disk).syncs >= 96);
    assert_int_equal(journal_sync(f.journal), STATUS_OK);
    fixture_close(&f);
    memory_disk_crash(f.disk, 1);
    struct journal_mark mark = expected_mark(100);
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    fixture_teardown(&f);
}

static void the_fingerprint_is_the_chain_of_pages(void **state)
{
    (void)state;
    struct fixture f;
    struct journal_mark mark;
    fixture_setup(&f, 2 * JOURNAL_PAGE_RECORDS);
    assert_int_equal(fixture_open(&f, &EMPTY), STATUS_OK);
    journal_fingerprint(f.journal, &mark);
    assert_memory_equal(&mark, &EMPTY, sizeof(mark));
    static const uint64_t LENGTHS[] = {1, 2, 4095, 4096, 4097, 8191, 8192, 8193, 12288, 20000};
    for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
        struct journal_mark expected = expected_mark(LENGTHS[i]);
        assert_int_equal(fixture_flush(&f, LENGTHS[i]), STATUS_OK);
        journal_fingerprint(f.journal, &mark);
        assert_memory_equal(&mark, &expected, sizeof(mark));
        journal_fingerprint(f.journal, &mark); /* asking changes nothing */
        assert_memory_equal(&mark, &expected, sizeof(mark));
        assert_int_equal(fixture_open(&f, &mark), STATUS_OK); /* and goes on from there */
    }
    fixture_teardown(&f);
}

static void assert_reads(struct journal *journal, uint64_t first, uint32_t count)
{
    struct record records[SEGMENTS_3 + 2] = {0};
    assert_int_equal(journal_read(journal, first, count, records), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        assert_expected(&records[i], first + i);
    }
}

static void records_are_read_across_segments(void **state)
{
    (void)state;
    const uint32_t length = SEGMENTS_3 + 2;
    struct fixture f;
    fixture_setup(&f, SEGMENT_RECORDS);
    assert_int_equal(fixture_open(&f, &EMPTY), STATUS_OK);
    assert_int_equal(fixture_flush(&f, length), STATUS_OK);
    for (uint32_t first = 0; first < length; first++) {
        for (uint32_t count = 0; first + count <= length; count++) {
            assert_reads(f.journal, first, count);
        }
    }
    fixture_teardown(&f);
}

static void the_visitor_can_end_an_opening_and_a_scan(void **state)
{
    (void)state;
    struct fixture f;
    struct journal_scan scan;
    struct journal_mark mark = expected_mark(20);
    fixture_setup(&f, SEGMENT_RECORDS);
    fixture_fill(&f, 20);
    for (f.visit_end = 0; f.visit_end < 20; f.visit_end++) {
        assert_int_equal(fixture_open(&f, &mark), STATUS_INVALID);
        assert_null(f.journal);
        assert_int_equal(f.visited, f.visit_end);
        assert_int_equal(fixture_scan(&f, &mark, &scan), STATUS_INVALID);
        assert_int_equal(scan.length, f.visit_end);
    }
    fixture_teardown(&f);
}

static void a_scan_reads_all_and_compares_at_the_mark(void **state)
{
    (void)state;
    struct fixture f;
    struct journal_scan scan;
    const uint64_t length = JOURNAL_PAGE_RECORDS + 30;
    struct journal_mark end = expected_mark(length);
    fixture_setup(&f, 1000);
    fixture_fill(&f, length);
    static const uint64_t SETTLED[] = {0, 1, 4095, 4096, 4097, JOURNAL_PAGE_RECORDS + 30};
    for (size_t i = 0; i < sizeof(SETTLED) / sizeof(SETTLED[0]); i++) {
        struct journal_mark mark = expected_mark(SETTLED[i]);
        assert_int_equal(fixture_scan(&f, &mark, &scan), STATUS_OK);
        assert_string_equal(scan.damage, "");
        assert_int_equal(scan.length, length);
        assert_int_equal(f.visited, length);
        assert_memory_equal(scan.fingerprint, end.fingerprint, SHA256_SIZE);
    }
    fixture_teardown(&f);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(records_come_back_in_order),
        cmocka_unit_test(memory_keeps_exactly_the_newest_records),
        cmocka_unit_test(a_full_ring_refuses_until_a_flush_is_told),
        cmocka_unit_test(a_flush_is_one_write_for_each_run),
        cmocka_unit_test(a_run_is_cut_where_the_ring_comes_round),
        cmocka_unit_test(unsynced_segments_are_bounded),
        cmocka_unit_test(the_fingerprint_is_the_chain_of_pages),
        cmocka_unit_test(records_are_read_across_segments),
        cmocka_unit_test(the_visitor_can_end_an_opening_and_a_scan),
        cmocka_unit_test(a_scan_reads_all_and_compares_at_the_mark),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
