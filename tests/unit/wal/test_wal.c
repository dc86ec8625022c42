#include "wal/wal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/memory_disk.h"
#include "wal/wal_sized.h"
#include "wal/wal_writer.h"
#include "world.h"

enum { TRACE_SIZE = 64 * 1024 };

static struct world world; /* large */

static int setup(void **state)
{
    (void)state;
    world_init(&world, 1);
    world_open(&world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_deinit(&world);
    return 0;
}

static void reopen(void)
{
    world_kill(&world);
    world_open(&world);
}

/* Writes `count` groups of one entry each, numbers from 1000 + index. */
static void groups_write(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t index = world.appended.last + 1;
        world_append(&world, index, 1000 + index);
        world_write(&world);
    }
}

struct names {
    char names[64][DISK_NAME_SIZE_MAX];
    uint32_t count;
};

static enum status name_note(void *context, const char *name)
{
    struct names *names = context;
    assert_true(names->count < 64);
    (void)stpcpy(names->names[names->count++], name);
    return STATUS_OK;
}

static struct names names_list(void)
{
    struct names names = {.count = 0};
    assert_int_equal(world.memory->operations->list(world.memory, "log", name_note, &names),
                     STATUS_OK);
    return names;
}

static uint64_t epoch_newest(void)
{
    struct names names = names_list();
    uint64_t epoch = 0;
    for (uint32_t i = 0; i < names.count; i++) {
        if (strncmp(names.names[i], "log-", 4) == 0) {
            epoch = strtoull(names.names[i] + 4, NULL, 16);
        }
    }
    return epoch;
}

static void test_a_new_log_is_empty(void **state)
{
    (void)state;
    assert_int_equal(wal_index_last(world.wal), 0);
    assert_int_equal(wal_index_durable(world.wal), 0);
    assert_false(wal_pending(world.wal));
    assert_false(wal_witness_due(world.wal));
    assert_int_equal(wal_size_unreleased(world.wal), 0);
    reopen();
    assert_int_equal(wal_index_last(world.wal), 0);
}

static void test_what_was_written_comes_back_and_nothing_else(void **state)
{
    (void)state;
    world_append(&world, 1, 11);
    world_append(&world, 2, 22);
    assert_int_equal(wal_index_durable(world.wal), 0);
    world_write(&world);
    world_append(&world, 3, 33);
    reopen();
    assert_int_equal(world.seen.last, 2);
    assert_int_equal(world.seen.numbers[1], 11);
    assert_int_equal(world.seen.numbers[2], 22);
    world_append(&world, 3, 34);
    world_write(&world);
    reopen();
    assert_int_equal(world.seen.numbers[3], 34);
}

static void test_an_empty_log_begins_at_index_first(void **state)
{
    (void)state;
    world_kill(&world);
    world.snapshot = 4;
    world.durable.last = 4;
    world_open(&world);
    assert_int_equal(wal_index_last(world.wal), 4);
    groups_write(2);
    assert_int_equal(wal_index_last(world.wal), 6);
    reopen();
    assert_int_equal(world.seen.last, 6);
}

static void test_replaced_entries_are_not_shown(void **state)
{
    (void)state;
    groups_write(5);
    world_append(&world, 3, 333);
    world_append(&world, 4, 444);
    world_write(&world);
    reopen();
    assert_int_equal(world.seen.last, 4);
    assert_int_equal(world.seen.numbers[2], 1002);
    assert_int_equal(world.seen.numbers[3], 333);
    assert_int_equal(world.seen.numbers[4], 444);
}

static void test_an_entry_replaced_before_it_was_sealed_leaves_no_trace(void **state)
{
    (void)state;
    groups_write(2);
    world_append(&world, 3, 31);
    world_append(&world, 4, 41);
    world_append(&world, 5, 51);
    world_append(&world, 4, 42); /* within the group */
    world_append(&world, 5, 52);
    world_write(&world);
    reopen();
    assert_int_equal(world.seen.last, 5);
    assert_int_equal(world.seen.numbers[3], 31);
    assert_int_equal(world.seen.numbers[4], 42);
    world_append(&world, 6, 61);
    world_append(&world, 2, 23); /* before the group */
    assert_int_equal(wal_index_durable(world.wal), 1);
    world_write(&world);
    reopen();
    assert_int_equal(world.seen.last, 2);
    assert_int_equal(world.seen.numbers[2], 23);
}

static void test_what_is_replaced_is_not_durable(void **state)
{
    (void)state;
    groups_write(5);
    assert_int_equal(wal_index_durable(world.wal), 5);
    world_append(&world, 4, 44);
    assert_int_equal(wal_index_durable(world.wal), 3);
    world_append(&world, 5, 55);
    assert_int_equal(wal_index_durable(world.wal), 3);
    world_write(&world);
    assert_int_equal(wal_index_durable(world.wal), 5);
}

/* The group in flight says 6 to 8, but from 7 on they have been replaced meanwhile. */
static void test_what_is_replaced_while_it_is_written_is_not_durable(void **state)
{
    (void)state;
    uint8_t bytes[WORLD_ENTRY_SIZE_MAX];
    struct wal_entry entry;
    groups_write(5);
    for (uint64_t index = 6; index <= 8; index++) {
        world_append(&world, index, index);
    }
    wal_seal(world.wal);
    assert_int_equal(wal_write(world.wal), STATUS_OK);
    for (uint64_t index = 7; index <= 9; index++) {
        entry = world_entry(index, 100 + index, bytes);
        assert_int_equal(wal_append(world.wal, &entry), STATUS_OK);
    }
    wal_written(world.wal);
    assert_int_equal(wal_index_durable(world.wal), 6);
    assert_int_equal(wal_index_last(world.wal), 9);
    wal_seal(world.wal);
    entry = world_entry(3, 103, bytes);
    assert_int_equal(wal_append(world.wal, &entry), STATUS_OK);
    assert_int_equal(wal_index_durable(world.wal), 2);
    assert_int_equal(wal_write(world.wal), STATUS_OK);
    wal_written(world.wal);
    assert_int_equal(wal_index_durable(world.wal), 2);
    wal_seal(world.wal);
    assert_int_equal(wal_write(world.wal), STATUS_OK);
    wal_written(world.wal);
    assert_int_equal(wal_index_durable(world.wal), 3);
}

static void test_a_full_group_refuses_and_changes_nothing(void **state)
{
    (void)state;
    uint64_t index = 1;
    while (world_try_append(&world, index, 7 * index) == STATUS_OK) {
        index++;
    }
    assert_true(index > 2);
    assert_int_equal(wal_index_last(world.wal), index - 1);
    world_write(&world);
    world_append(&world, index, 7 * index);
    world_write(&world);
    reopen();
    assert_int_equal(world.seen.last, index);
}

static void test_an_entry_fits_to_the_last_byte_and_not_beyond(void **state)
{
    (void)state;
    static uint8_t bytes[WORLD_GROUP_SIZE_MAX];
    struct wal_entry entry = {
        .index = 1,
        .term = 1,
        .size = WORLD_GROUP_SIZE_MAX - WAL_GROUP_HEADER_SIZE - WAL_ENTRY_HEADER_SIZE + 1,
        .data = bytes,
    };
    assert_int_equal(wal_append(world.wal, &entry), STATUS_FULL);
    entry.size = UINT32_MAX;
    assert_int_equal(wal_append(world.wal, &entry), STATUS_FULL);
    assert_int_equal(wal_index_last(world.wal), 0);
    entry.size = WORLD_GROUP_SIZE_MAX - WAL_GROUP_HEADER_SIZE - WAL_ENTRY_HEADER_SIZE;
    assert_int_equal(wal_append(world.wal, &entry), STATUS_OK);
    wal_seal(world.wal);
    assert_int_equal(wal_write(world.wal), STATUS_OK);
    wal_written(world.wal);
    assert_int_equal(wal_size_unreleased(world.wal), WORLD_GROUP_SIZE_MAX);
}

/* A replacement that does not fit must not drop what it would have replaced. */
static void test_a_refused_replacement_keeps_what_was_there(void **state)
{
    (void)state;
    static uint8_t bytes[WORLD_GROUP_SIZE_MAX];
    world_append(&world, 1, 1);
    world_append(&world, 2, 2);
    world_append(&world, 3, 3);
    struct wal_entry entry = {.index = 2, .size = WORLD_GROUP_SIZE_MAX - 200, .data = bytes};
    if (world_entry_size(1) < 100) {
        entry.size = WORLD_GROUP_SIZE_MAX;
    }
    assert_int_equal(wal_append(world.wal, &entry), STATUS_FULL);
    world_write(&world);
    reopen();
    assert_int_equal(world.seen.last, 3);
}

static void test_a_witness_is_due_after_entries_only(void **state)
{
    (void)state;
    groups_write(1);
    assert_true(wal_witness_due(world.wal));
    world_write(&world);
    assert_false(wal_witness_due(world.wal));
    reopen();
    assert_false(wal_witness_due(world.wal)); /* the witness was repeated */
    groups_write(1);
    reopen();
    assert_true(wal_witness_due(world.wal)); /* the repeat is the last group now */
    world_write(&world);
    assert_false(wal_witness_due(world.wal));
    assert_int_equal(wal_index_durable(world.wal), 2);
}

static void test_the_log_goes_on_through_many_segments(void **state)
{
    (void)state;
    uint32_t count = 5 * WORLD_SEGMENT_SIZE / WAL_BLOCK_SIZE;
    groups_write(count);
    assert_true(epoch_newest() >= 5);
    assert_true(wal_size_unreleased(world.wal) >= 5 * (WORLD_SEGMENT_SIZE - WORLD_GROUP_SIZE_MAX));
    reopen();
    assert_int_equal(world.seen.last, count);
    groups_write(count);
    reopen();
    assert_int_equal(world.seen.last, 2 * count);
}

static void test_released_segments_are_recycled_under_new_epochs(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        groups_write(10);
        world_release(&world, world.durable.last - 3);
        assert_true(wal_size_unreleased(world.wal) <= 2 * WORLD_SEGMENT_SIZE);
    }
    assert_true(epoch_newest() > 100);
    struct names names = names_list();
    assert_true(names.count <= 6);
    for (uint32_t i = 0; i < names.count; i++) {
        assert_string_not_equal(names.names[i], "log-0000000000000001");
    }
    uint64_t epoch = epoch_newest();
    reopen();
    assert_int_equal(world.seen.last, 2000);
    groups_write(2 * WORLD_SEGMENT_SIZE / WAL_BLOCK_SIZE);
    assert_true(epoch_newest() > epoch);
}

/* Bytes of the trace that stand for what one full segment and the first group of the next do. */
static void test_a_segment_is_renamed_and_the_directory_synced_before_its_first_group(void **state)
{
    (void)state;
    static char trace[TRACE_SIZE];
    groups_write(3 * WORLD_SEGMENT_SIZE / WAL_BLOCK_SIZE);
    world_release(&world, world.durable.last);
    memory_disk_trace(world.memory, trace, sizeof(trace));
    uint64_t epoch = epoch_newest();
    while (epoch_newest() == epoch) {
        groups_write(1);
    }
    memory_disk_trace(world.memory, NULL, 0);
    char expected[512];
    assert_true(snprintf(expected, sizeof(expected),
                         "rename log/log-0000000000000001 log/log-%016" PRIx64 "\n"
                         "sync-directory log\n"
                         "write-durable log/log-%016" PRIx64 " 0+",
                         epoch + 1, epoch + 1) > 0);
    assert_non_null(strstr(trace, expected));
    assert_null(strstr(trace, "create "));
    assert_null(strstr(trace, "remove "));
}

static void test_spares_are_zeroed_and_synced_before_they_have_a_name(void **state)
{
    (void)state;
    static char trace[TRACE_SIZE];
    world_kill(&world);
    world_deinit(&world);
    world_init(&world, 2);
    memory_disk_trace(world.memory, trace, sizeof(trace));
    world_open(&world);
    memory_disk_trace(world.memory, NULL, 0);
    assert_non_null(strstr(trace, "create log/new\nwrite log/new 0+65536\nsync log/new\n"
                                  "rename log/new log/spare-0\n"));
    assert_non_null(
        strstr(trace, "sync log/new\nrename log/new log/spare-1\nsync-directory log\n"));
    assert_non_null(strstr(trace, "sync log/new\nrename log/new log/log-0000000000000001\n"
                                  "sync-directory log\n"));
    uint64_t size;
    const uint8_t *bytes = memory_disk_bytes(world.memory, "log/spare-1", &size);
    assert_int_equal(size, WORLD_SEGMENT_SIZE);
    for (uint64_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static void test_spares_are_used_and_made_again_at_the_next_start(void **state)
{
    (void)state;
    assert_true(memory_disk_exists(world.memory, "log/spare-0"));
    assert_true(memory_disk_exists(world.memory, "log/spare-1"));
    groups_write(5 * WORLD_SEGMENT_SIZE / WAL_BLOCK_SIZE); /* the writer had to make some, too */
    assert_false(memory_disk_exists(world.memory, "log/spare-0"));
    assert_false(memory_disk_exists(world.memory, "log/spare-1"));
    reopen();
    assert_true(memory_disk_exists(world.memory, "log/spare-0"));
    assert_true(memory_disk_exists(world.memory, "log/spare-1"));
    world_kill(&world);
    memory_disk_cut(world.memory, "log/spare-1", 4096);
    memory_disk_put(world.memory, "log/new", "x", 1);
    world_open(&world);
    uint64_t size;
    (void)memory_disk_bytes(world.memory, "log/spare-1", &size);
    assert_int_equal(size, WORLD_SEGMENT_SIZE);
    assert_false(memory_disk_exists(world.memory, "log/new"));
}

static void test_the_last_entry_is_never_released(void **state)
{
    (void)state;
    groups_write(3);
    world_release(&world, 3);
    for (uint32_t i = 0; i < 3 * WORLD_SEGMENT_SIZE / WAL_BLOCK_SIZE; i++) {
        world_write(&world); /* witnesses only */
        world_release(&world, 3);
    }
    assert_true(memory_disk_exists(world.memory, "log/log-0000000000000001"));
    reopen();
    assert_int_equal(wal_index_last(world.wal), 3);
    groups_write(1);
    world_release(&world, 3);
    assert_int_equal(wal_size_unreleased(world.wal) % WAL_BLOCK_SIZE, 0);
    assert_true(wal_size_unreleased(world.wal) <= WORLD_SEGMENT_SIZE);
    reopen();
    assert_int_equal(wal_index_last(world.wal), 4);
}

/* The first segment holds entries up to some index, but the last of them were replaced: what it
 * still holds is released with less. */
static void test_replaced_entries_do_not_keep_their_segment(void **state)
{
    (void)state;
    while (epoch_newest() < 2) {
        groups_write(1);
    }
    uint64_t last = world.durable.last;
    world_append(&world, last - 4, 5);
    world_release(&world, last - 5);
    uint64_t size = wal_size_unreleased(world.wal);
    assert_true(size > WORLD_SEGMENT_SIZE - WORLD_GROUP_SIZE_MAX); /* not before it is durable */
    world_write(&world);
    world_append(&world, last - 3, 6);
    world_write(&world);
    assert_true(wal_size_unreleased(world.wal) < size - WORLD_SEGMENT_SIZE / 2);
    reopen();
    assert_int_equal(world.seen.last, last - 3);
    assert_true(wal_size_unreleased(world.wal) < size - WORLD_SEGMENT_SIZE / 2);
}

static void test_a_release_during_a_write_takes_effect_after_it(void **state)
{
    (void)state;
    while (epoch_newest() < 3) {
        groups_write(1);
    }
    uint64_t size = wal_size_unreleased(world.wal);
    wal_seal(world.wal);
    wal_release(world.wal, world.durable.last);
    assert_int_equal(wal_size_unreleased(world.wal), size);
    assert_int_equal(wal_write(world.wal), STATUS_OK);
    wal_written(world.wal);
    assert_true(wal_size_unreleased(world.wal) < size);
}

static void test_the_first_index_shown_may_lie_inside_a_group(void **state)
{
    (void)state;
    for (uint64_t index = 1; index <= 6; index++) {
        world_append(&world, index, 2 * index + 1);
    }
    world_write(&world);
    world_release(&world, 3);
    reopen();
    assert_int_equal(world.seen.last, 6);
    world_release(&world, 6);
    reopen();
    assert_int_equal(world.seen.last, 6); /* nothing shown */
    assert_int_equal(wal_index_last(world.wal), 6);
    world_append(&world, 7, 77);
    world_write(&world);
    reopen();
    assert_int_equal(world.seen.numbers[7], 77);
}

static enum status count_entries(void *context, const struct wal_entry *entry)
{
    uint32_t *count = context;
    (void)entry;
    (*count)++;
    return *count == 3 ? STATUS_INVALID : STATUS_OK;
}

static void test_a_log_that_ends_before_the_snapshot_says_so(void **state)
{
    (void)state;
    groups_write(5);
    world_kill(&world);
    uint32_t count = 0;
    assert_int_equal(
        wal_open_sized(&world.wal, world.disk, WORLD_SEGMENT_SIZE, 101, count_entries, &count),
        STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(wal_index_last(world.wal), 5);
    assert_int_equal(wal_index_durable(world.wal), 5);
    uint8_t bytes[WORLD_ENTRY_SIZE_MAX];
    struct wal_entry entry = world_entry(6, 6, bytes);
    assert_int_equal(wal_append(world.wal, &entry), STATUS_OK);
}

static void test_a_visitor_can_end_the_opening(void **state)
{
    (void)state;
    groups_write(5);
    world_kill(&world);
    uint32_t count = 0;
    assert_int_equal(
        wal_open_sized(&world.wal, world.disk, WORLD_SEGMENT_SIZE, 1, count_entries, &count),
        STATUS_INVALID);
    assert_int_equal(count, 3);
    assert_null(world.wal);
}

static void test_a_start_costs_the_log_one_group_at_most(void **state)
{
    (void)state;
    groups_write(3);
    uint64_t size = wal_size_unreleased(world.wal);
    for (uint32_t i = 1; i <= 40; i++) {
        reopen();
        assert_true(wal_size_unreleased(world.wal) <= size + i * (uint64_t)WORLD_GROUP_SIZE_MAX);
        assert_int_equal(world.seen.last, 3);
    }
}

static void test_names_of_others_are_left_alone(void **state)
{
    (void)state;
    groups_write(2);
    world_kill(&world);
    memory_disk_put(world.memory, "log/log-000000000000000A", "x", 1);
    memory_disk_put(world.memory, "log/log-2", "x", 1);
    memory_disk_put(world.memory, "log/log-00000000000000010", "x", 1);
    memory_disk_put(world.memory, "log/lost+found", "x", 1);
    world_open(&world);
    assert_int_equal(world.seen.last, 2);
    assert_true(memory_disk_exists(world.memory, "log/log-2"));
}

static void test_segments_of_the_real_size_work_too(void **state)
{
    (void)state;
    static uint8_t bytes[64 * 1024];
    struct disk *disk = memory_disk_open();
    struct wal *wal;
    uint32_t count = 0;
    assert_int_equal(disk->operations->make_directory(disk, "log"), STATUS_OK);
    assert_int_equal(wal_open(&wal, disk, 1, count_entries, &count), STATUS_OK);
    struct wal_entry entry = {.index = 1, .term = 3, .size = sizeof(bytes), .data = bytes};
    for (uint32_t group = 0; group < 9; group++) {
        while (wal_append(wal, &entry) == STATUS_OK) {
            entry.index++;
        }
        wal_seal(wal);
        assert_int_equal(wal_write(wal), STATUS_OK);
        wal_written(wal);
    }
    assert_true(memory_disk_exists(disk, "log/log-0000000000000002"));
    assert_int_equal(wal_index_durable(wal), entry.index - 1);
    wal_close(wal);
    count = 100;
    assert_int_equal(wal_open(&wal, disk, 1, count_entries, &count), STATUS_OK);
    assert_int_equal(count, 100 + entry.index - 1);
    wal_close(wal);
    memory_disk_close(disk);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_log_is_empty),
        TEST(test_what_was_written_comes_back_and_nothing_else),
        TEST(test_an_empty_log_begins_at_index_first),
        TEST(test_replaced_entries_are_not_shown),
        TEST(test_an_entry_replaced_before_it_was_sealed_leaves_no_trace),
        TEST(test_what_is_replaced_is_not_durable),
        TEST(test_what_is_replaced_while_it_is_written_is_not_durable),
        TEST(test_a_full_group_refuses_and_changes_nothing),
        TEST(test_an_entry_fits_to_the_last_byte_and_not_beyond),
        TEST(test_a_refused_replacement_keeps_what_was_there),
        TEST(test_a_witness_is_due_after_entries_only),
        TEST(test_the_log_goes_on_through_many_segments),
        TEST(test_released_segments_are_recycled_under_new_epochs),
        TEST(test_a_segment_is_renamed_and_the_directory_synced_before_its_first_group),
        TEST(test_spares_are_zeroed_and_synced_before_they_have_a_name),
        TEST(test_spares_are_used_and_made_again_at_the_next_start),
        TEST(test_the_last_entry_is_never_released),
        TEST(test_replaced_entries_do_not_keep_their_segment),
        TEST(test_a_release_during_a_write_takes_effect_after_it),
        TEST(test_the_first_index_shown_may_lie_inside_a_group),
        TEST(test_a_log_that_ends_before_the_snapshot_says_so),
        TEST(test_a_visitor_can_end_the_opening),
        TEST(test_a_start_costs_the_log_one_group_at_most),
        TEST(test_names_of_others_are_left_alone),
        TEST(test_segments_of_the_real_size_work_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
