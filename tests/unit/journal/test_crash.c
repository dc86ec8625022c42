/* Power cuts and failing calls: what a mark was made over after a sync is never lost, and the rest
 * can be decided again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fixture.h"
#include "support/memory_disk.h"

enum {
    SEEDS = 300,
    ROUNDS = 8,
    STEPS = 6,
};

static const struct journal_mark EMPTY;

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = *state;
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

/* A bank with its log: what is decided can be decided again, up to `decided`. */
struct bank {
    struct fixture f;
    struct journal_mark settled; /* in the manifest */
    uint64_t decided;
};

/* Appends and flushes up to `length`; sometimes syncs, and then a new manifest may be made. */
static enum status step(struct bank *bank, uint64_t length, bool sync)
{
    if (length > bank->decided) {
        bank->decided = length;
    }
    enum status status = fixture_flush(&bank->f, length);
    if (status == STATUS_OK && sync) {
        status = journal_sync(bank->f.journal);
        if (status == STATUS_OK) {
            journal_fingerprint(bank->f.journal, &bank->settled);
        }
    }
    return status;
}

/* A start: all that was decided is decided again, and nothing may be left beyond. */
static enum status start(struct bank *bank)
{
    enum status status = fixture_open(&bank->f, &bank->settled);
    if (status == STATUS_OK) {
        assert_int_equal(bank->f.visited, bank->settled.length);
        status = fixture_flush(&bank->f, bank->decided);
    }
    if (status == STATUS_OK) {
        status = journal_tail_check(bank->f.journal);
    }
    return status;
}

/* One life of a node: it starts, decides, and dies, usually with the machine. */
static enum status random_life(struct bank *bank, uint64_t *random)
{
    enum status status = start(bank);
    uint64_t steps = next_random(random) % STEPS;
    for (uint64_t i = 0; i < steps && status == STATUS_OK; i++) {
        uint64_t length = bank->decided + next_random(random) % 60;
        status = step(bank, length, next_random(random) % 3 == 0);
    }
    if (next_random(random) % 3 != 0) {
        memory_disk_crash(bank->f.disk, next_random(random));
    }
    return status;
}

static void random_lives(uint64_t seed)
{
    uint64_t random = seed;
    struct bank bank = {0};
    enum status status = STATUS_OK;
    fixture_setup(&bank.f, 1 + (uint32_t)(next_random(&random) % 40));
    for (int round = 0; round < ROUNDS && status == STATUS_OK; round++) {
        status = random_life(&bank, &random);
    }
    struct journal_mark expected = expected_mark(bank.settled.length);
    if (status != STATUS_OK || memcmp(&bank.settled, &expected, sizeof(expected)) != 0) {
        fail_msg("seed %d: %s", (int)seed, status_name(status));
    }
    fixture_teardown(&bank.f);
}

static void what_was_synced_survives_power_cuts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        random_lives(seed);
    }
}

/* Runs a fixed life; ends at the first failure. */
static enum status life(struct bank *bank)
{
    static const struct {
        uint64_t length;
        bool sync;
    } STEP[] = {
        {3,  true },
        {5,  false},
        {20, true },
        {21, true },
        {40, false},
        {44, false},
        {50, true }
    };
    enum status status = start(bank);
    for (size_t i = 0; i < sizeof(STEP) / sizeof(STEP[0]) && status == STATUS_OK; i++) {
        if (STEP[i].length > journal_length(bank->f.journal)) {
            status = step(bank, STEP[i].length, STEP[i].sync);
        }
    }
    return status;
}

/* The process that failed is gone; the next one, without a power cut, trusts nothing it did not sync
 * itself; then the power goes. */
static void recover(struct bank *bank, uint64_t seed)
{
    memory_disk_fail_change(bank->f.disk, 0, MEMORY_DISK_ONCE);
    memory_disk_fail_read(bank->f.disk, 0, MEMORY_DISK_ONCE);
    assert_int_equal(start(bank), STATUS_OK);
    assert_int_equal(step(bank, bank->decided + 1, true), STATUS_OK);
    memory_disk_crash(bank->f.disk, seed);
    assert_int_equal(start(bank), STATUS_OK);
    assert_int_equal(bank->f.visited, bank->decided);
}

/* A life whose `call`-th change fails, and what comes after it. False when it needs fewer calls. */
static bool life_with_failed_change(uint64_t call, enum memory_disk_failure failure)
{
    struct bank bank = {0};
    fixture_setup(&bank.f, SEGMENT_RECORDS);
    memory_disk_fail_change(bank.f.disk, call, failure);
    enum status status = life(&bank);
    bool failed = memory_disk_has_failed(bank.f.disk);
    assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
    if (failed) { /* for good, though the disk might work again */
        memory_disk_fail_change(bank.f.disk, 0, MEMORY_DISK_ONCE);
        assert_int_equal(journal_sync(bank.f.journal), STATUS_IO);
        uint64_t length = journal_length(bank.f.journal);
        assert_int_equal(journal_flush(bank.f.journal, length), STATUS_IO);
    }
    recover(&bank, call);
    fixture_teardown(&bank.f);
    return failed;
}

static void a_failed_change_ends_the_process_and_loses_nothing(void **state)
{
    (void)state;
    static const enum memory_disk_failure FAILURES[] = {MEMORY_DISK_ONCE, MEMORY_DISK_FOR_GOOD};
    for (size_t i = 0; i < sizeof(FAILURES) / sizeof(FAILURES[0]); i++) {
        uint64_t call = 1;
        while (life_with_failed_change(call, FAILURES[i])) {
            call++;
        }
        assert_true(call > 15);
    }
}

static bool start_with_failed_read(uint64_t call)
{
    struct bank bank = {0};
    fixture_setup(&bank.f, SEGMENT_RECORDS);
    assert_int_equal(life(&bank), STATUS_OK);
    bank.settled = expected_mark(21);
    memory_disk_fail_read(bank.f.disk, call, MEMORY_DISK_ONCE);
    enum status status = start(&bank);
    bool failed = memory_disk_has_failed(bank.f.disk);
    assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
    recover(&bank, call);
    fixture_teardown(&bank.f);
    return failed;
}

static bool scan_with_failed_read(uint64_t call)
{
    struct bank bank = {0};
    struct journal_scan scan;
    fixture_setup(&bank.f, SEGMENT_RECORDS);
    assert_int_equal(life(&bank), STATUS_OK);
    memory_disk_fail_read(bank.f.disk, call, MEMORY_DISK_ONCE);
    enum status status = fixture_scan(&bank.f, &bank.settled, &scan);
    bool failed = memory_disk_has_failed(bank.f.disk);
    assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
    assert_string_equal(scan.damage, "");
    fixture_teardown(&bank.f);
    return failed;
}

static bool records_with_failed_read(uint64_t call)
{
    struct bank bank = {0};
    struct record records[50];
    fixture_setup(&bank.f, SEGMENT_RECORDS);
    assert_int_equal(life(&bank), STATUS_OK);
    memory_disk_fail_read(bank.f.disk, call, MEMORY_DISK_ONCE);
    enum status status = journal_read(bank.f.journal, 0, 50, records);
    bool failed = memory_disk_has_failed(bank.f.disk);
    assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
    fixture_teardown(&bank.f);
    return failed;
}

static void a_failed_read_is_an_error_and_not_damage(void **state)
{
    (void)state;
    static bool (*const READ[])(uint64_t call) = {start_with_failed_read, scan_with_failed_read,
                                                  records_with_failed_read};
    for (size_t i = 0; i < sizeof(READ) / sizeof(READ[0]); i++) {
        uint64_t call = 1;
        while (READ[i](call)) {
            call++;
        }
        assert_true(call > 5);
    }
}

/* Linux may call a page clean after its write-back has failed: equal bytes in the cache prove
 * nothing, so they are written again. */
static void equal_bytes_are_written_again(void **state)
{
    (void)state;
    struct bank bank = {0};
    fixture_setup(&bank.f, SEGMENT_RECORDS);
    assert_int_equal(fixture_open(&bank.f, &EMPTY), STATUS_OK);
    assert_int_equal(fixture_flush(&bank.f, 20), STATUS_OK);
    bank.decided = 20;
    uint64_t writes = memory_disk_counts(bank.f.disk).writes;
    assert_int_equal(start(&bank), STATUS_OK);
    assert_int_equal(memory_disk_counts(bank.f.disk).writes, writes + 3);
    assert_int_equal(memory_disk_counts(bank.f.disk).directory_syncs, 1); /* the fixture's */
    assert_int_equal(journal_sync(bank.f.journal), STATUS_OK);
    assert_int_equal(memory_disk_counts(bank.f.disk).directory_syncs, 2); /* names, found or made */
    fixture_teardown(&bank.f);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(what_was_synced_survives_power_cuts),
        cmocka_unit_test(a_failed_change_ends_the_process_and_loses_nothing),
        cmocka_unit_test(a_failed_read_is_an_error_and_not_damage),
        cmocka_unit_test(equal_bytes_are_written_again),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
