#include "support/memory_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    SEEDS = 200,
    BLOCK_SIZE = 4096,
    TWO_BLOCKS = 2 * BLOCK_SIZE,
    THREE_BLOCKS = 3 * BLOCK_SIZE,
    FOUR_BLOCKS = 4 * BLOCK_SIZE,
};

static struct disk *begin(void)
{
    struct disk *disk = memory_disk_open();
    assert_int_equal(disk->operations->make_directory(disk, "log"), STATUS_OK);
    assert_int_equal(disk->operations->sync_directory(disk, ""), STATUS_OK);
    return disk;
}

static struct disk_file *open_file(struct disk *disk, const char *name, enum disk_mode mode)
{
    struct disk_file *file = NULL;
    assert_int_equal(disk->operations->open(disk, name, mode, &file), STATUS_OK);
    return file;
}

static struct disk_file *make_file(struct disk *disk, const char *name)
{
    struct disk_file *file = open_file(disk, name, DISK_CREATE);
    assert_int_equal(disk->operations->sync_directory(disk, "log"), STATUS_OK);
    assert_int_equal(disk->operations->sync_directory(disk, ""), STATUS_OK);
    return file;
}

static void fill(struct disk *disk, struct disk_file *file, int byte, uint64_t size,
                 uint64_t offset)
{
    uint8_t bytes[FOUR_BLOCKS];
    assert_true(size <= sizeof(bytes));
    memset(bytes, byte, size);
    assert_int_equal(disk->operations->write(file, bytes, size, offset), STATUS_OK);
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    struct disk *disk = begin();
    struct disk_file *file = open_file(disk, "log/a", DISK_CREATE);
    uint8_t bytes[8] = {0};
    uint64_t size = 0;
    assert_int_equal(disk->operations->write(file, "abcd", 4, 2), STATUS_OK);
    assert_int_equal(disk->operations->size(file, &size), STATUS_OK);
    assert_int_equal(size, 6);
    assert_int_equal(disk->operations->read(file, bytes, sizeof(bytes), 1, &size), STATUS_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "\0abcd", 5);
    assert_int_equal(disk->operations->read(file, bytes, sizeof(bytes), 100, &size), STATUS_OK);
    assert_int_equal(size, 0);
    disk->operations->close(file);
    memory_disk_close(disk);
}

static void what_was_synced_survives_every_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        struct disk_file *file = make_file(disk, "log/a");
        fill(disk, file, 'x', 5000, 100);
        assert_int_equal(disk->operations->sync(file), STATUS_OK);
        fill(disk, file, 'y', 100, 0); /* not synced: before, and after */
        fill(disk, file, 'y', 9000, 5100);
        memory_disk_crash(disk, seed);
        uint64_t size = 0;
        const uint8_t *bytes = memory_disk_bytes(disk, "log/a", &size);
        assert_true(size >= 5100);
        for (uint64_t i = 100; i < 5100; i++) {
            assert_int_equal(bytes[i], 'x');
        }
        disk->operations->close(file);
        memory_disk_close(disk);
    }
}

static void a_durable_write_survives_every_crash_and_only_it(void **state)
{
    (void)state;
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        struct disk_file *file = make_file(disk, "log/a");
        fill(disk, file, 'x', BLOCK_SIZE, 0);
        fill(disk, file, 'y', BLOCK_SIZE, 0);
        assert_int_equal(disk->operations->write_durable(file, "durable", 7, 50), STATUS_OK);
        fill(disk, file, 'z', 50, 0);
        memory_disk_crash(disk, seed);
        uint64_t size = 0;
        const uint8_t *bytes = memory_disk_bytes(disk, "log/a", &size);
        assert_true(size >= 57);
        assert_memory_equal(bytes + 50, "durable", 7);
        lost += bytes[0] != 'z';
        disk->operations->close(file);
        memory_disk_close(disk);
    }
    assert_in_range(lost, SEEDS / 10, SEEDS - SEEDS / 10);
}

/* Writes without a sync: after a crash blocks may be new, old, zero or a mixture, in any order. */
static void an_unsynced_write_may_be_kept_lost_or_torn_in_any_order(void **state)
{
    (void)state;
    uint32_t only_first = 0;
    uint32_t only_second = 0;
    uint32_t torn = 0;
    uint32_t zero = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        struct disk_file *file = make_file(disk, "log/a");
        fill(disk, file, 'o', TWO_BLOCKS, 0);
        assert_int_equal(disk->operations->sync(file), STATUS_OK);
        fill(disk, file, 'n', BLOCK_SIZE, 0);
        fill(disk, file, 'n', TWO_BLOCKS, BLOCK_SIZE);
        memory_disk_crash(disk, seed);
        uint64_t size = 0;
        const uint8_t *bytes = memory_disk_bytes(disk, "log/a", &size);
        assert_true(size >= TWO_BLOCKS);
        assert_true(size <= THREE_BLOCKS);
        bool first = memcmp(bytes, bytes + 1, BLOCK_SIZE - 1) == 0 && bytes[0] == 'n';
        bool second = bytes[BLOCK_SIZE] == 'n' && bytes[TWO_BLOCKS - 1] == 'n';
        only_first += first && bytes[BLOCK_SIZE] == 'o';
        only_second += second && bytes[0] == 'o';
        torn += bytes[0] != bytes[BLOCK_SIZE - 1];
        zero += size == THREE_BLOCKS && bytes[TWO_BLOCKS] == 0;
        for (uint64_t i = 0; i < TWO_BLOCKS; i++) {
            assert_true(bytes[i] == 'o' || bytes[i] == 'n');
        }
        disk->operations->close(file);
        memory_disk_close(disk);
    }
    assert_true(only_first > 0);
    assert_true(only_second > 0);
    assert_true(torn > 0);
    assert_true(zero > 0);
}

static void the_same_seed_gives_the_same_disk(void **state)
{
    (void)state;
    uint8_t copies[2][THREE_BLOCKS] = {{0}};
    uint64_t sizes[2] = {0};
    for (uint32_t i = 0; i < 2; i++) {
        struct disk *disk = begin();
        struct disk_file *file = make_file(disk, "log/a");
        for (int k = 0; k < 20; k++) {
            fill(disk, file, 'a' + k, 700, (uint64_t)k * 400);
        }
        memory_disk_crash(disk, 7);
        const uint8_t *bytes = memory_disk_bytes(disk, "log/a", &sizes[i]);
        assert_true(sizes[i] <= sizeof(copies[i]));
        memcpy(copies[i], bytes, sizes[i]);
        disk->operations->close(file);
        memory_disk_close(disk);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(copies[0], copies[1], sizeof(copies[0]));
}

static void a_file_without_a_synced_name_may_be_lost_though_it_was_synced(void **state)
{
    (void)state;
    uint32_t kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        struct disk_file *file = open_file(disk, "log/a", DISK_CREATE);
        fill(disk, file, 'x', 10, 0);
        assert_int_equal(disk->operations->sync(file), STATUS_OK);
        assert_int_equal(disk->operations->sync_directory(disk, ""), STATUS_OK); /* another */
        memory_disk_crash(disk, seed);
        kept += memory_disk_exists(disk, "log/a");
        disk->operations->close(file);
        memory_disk_close(disk);
    }
    assert_in_range(kept, SEEDS / 10, SEEDS - SEEDS / 10);
}

static void changes_of_names_are_kept_as_a_prefix(void **state)
{
    (void)state;
    bool seen[4] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        disk->operations->close(make_file(disk, "log/a"));
        assert_int_equal(disk->operations->rename(disk, "log/a", "log/b"), STATUS_OK);
        disk->operations->close(open_file(disk, "log/c", DISK_CREATE));
        assert_int_equal(disk->operations->remove(disk, "log/b"), STATUS_OK);
        memory_disk_crash(disk, seed);
        bool a = memory_disk_exists(disk, "log/a");
        bool b = memory_disk_exists(disk, "log/b");
        bool c = memory_disk_exists(disk, "log/c");
        seen[0] |= a && !b && !c;
        seen[1] |= !a && b && !c;
        seen[2] |= !a && b && c;
        seen[3] |= !a && !b && c;
        assert_int_equal((a && !b && !c) + (!a && b && !c) + (!a && b && c) + (!a && !b && c), 1);
        memory_disk_close(disk);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(seen[i]);
    }
}

static void a_rename_into_a_synced_folder_never_loses_the_file(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        struct disk_file *file = open_file(disk, "new", DISK_CREATE);
        fill(disk, file, 'x', 10, 0);
        assert_int_equal(disk->operations->sync(file), STATUS_OK);
        assert_int_equal(disk->operations->rename(disk, "new", "log/a"), STATUS_OK);
        assert_int_equal(disk->operations->sync_directory(disk, "log"), STATUS_OK);
        memory_disk_crash(disk, seed);
        assert_true(memory_disk_exists(disk, "log/a"));
        assert_false(memory_disk_exists(disk, "new"));
        disk->operations->close(file);
        memory_disk_close(disk);
    }
}

static void a_lost_folder_takes_its_files_with_it(void **state)
{
    (void)state;
    uint32_t kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = memory_disk_open();
        assert_int_equal(disk->operations->make_directory(disk, "log"), STATUS_OK);
        disk->operations->close(open_file(disk, "log/a", DISK_CREATE));
        assert_int_equal(disk->operations->sync_directory(disk, "log"), STATUS_OK);
        memory_disk_crash(disk, seed);
        assert_int_equal(memory_disk_exists(disk, "log/a"), memory_disk_exists(disk, "log"));
        kept += memory_disk_exists(disk, "log");
        memory_disk_close(disk);
    }
    assert_in_range(kept, 1, SEEDS - 1);
}

static void a_failed_sync_makes_nothing_durable_not_even_the_next_one(void **state)
{
    (void)state;
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        struct disk_file *file = make_file(disk, "log/a");
        fill(disk, file, 'x', 10, 0);
        memory_disk_fail_change(disk, 1, MEMORY_DISK_ONCE);
        assert_int_equal(disk->operations->sync(file), STATUS_IO);
        assert_true(memory_disk_has_failed(disk));
        assert_int_equal(disk->operations->sync(file), STATUS_OK);
        memory_disk_crash(disk, seed);
        uint64_t size = 0;
        lost += memory_disk_bytes(disk, "log/a", &size)[0] != 'x';
        disk->operations->close(file);
        memory_disk_close(disk);
    }
    assert_in_range(lost, SEEDS / 10, SEEDS - SEEDS / 10);
}

static void failures_come_at_their_call(void **state)
{
    (void)state;
    struct disk *disk = begin();
    struct disk_file *file = make_file(disk, "log/a");
    uint64_t size = 0;
    memory_disk_fail_change(disk, 2, MEMORY_DISK_ONCE);
    fill(disk, file, 'x', 10, 0);
    assert_false(memory_disk_has_failed(disk));
    assert_int_equal(disk->operations->write(file, "yyyyyyyyyy", 10, 0), STATUS_IO);
    assert_memory_equal(memory_disk_bytes(disk, "log/a", &size), "yyyyyxxxxx", 10);
    fill(disk, file, 'z', 10, 0);

    memory_disk_fail_change(disk, 1, MEMORY_DISK_FOR_GOOD);
    assert_int_equal(disk->operations->write_durable(file, "yyyyyyyyyy", 10, 0), STATUS_IO);
    assert_memory_equal(memory_disk_bytes(disk, "log/a", &size), "zzzzzzzzzz", 10);
    assert_int_equal(disk->operations->sync(file), STATUS_IO);
    assert_int_equal(disk->operations->remove(disk, "log/a"), STATUS_IO);
    assert_int_equal(disk->operations->rename(disk, "log/a", "log/b"), STATUS_IO);
    assert_int_equal(disk->operations->make_directory(disk, "other"), STATUS_IO);
    assert_int_equal(disk->operations->sync_directory(disk, ""), STATUS_IO);
    assert_true(memory_disk_exists(disk, "log/a"));

    uint8_t byte;
    memory_disk_fail_read(disk, 1, MEMORY_DISK_ONCE);
    assert_int_equal(disk->operations->read(file, &byte, 1, 0, &size), STATUS_IO);
    assert_int_equal(disk->operations->read(file, &byte, 1, 0, &size), STATUS_OK);
    disk->operations->close(file);
    memory_disk_close(disk);
}

static void a_descriptor_of_before_the_crash_is_dead(void **state)
{
    (void)state;
    struct disk *disk = begin();
    struct disk_file *file = make_file(disk, "log/a");
    memory_disk_crash(disk, 1);
    uint8_t byte = 0;
    uint64_t size = 0;
    assert_int_equal(disk->operations->read(file, &byte, 1, 0, &size), STATUS_IO);
    assert_int_equal(disk->operations->write(file, &byte, 1, 0), STATUS_IO);
    assert_int_equal(disk->operations->write_durable(file, &byte, 1, 0), STATUS_IO);
    assert_int_equal(disk->operations->sync(file), STATUS_IO);
    assert_int_equal(disk->operations->size(file, &size), STATUS_IO);
    disk->operations->close(file);
    file = open_file(disk, "log/a", DISK_READ_WRITE);
    assert_int_equal(disk->operations->write(file, &byte, 1, 0), STATUS_OK);
    disk->operations->close(file);
    memory_disk_close(disk);
}

static void damage_and_put_bytes_survive_a_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = begin();
        struct disk_file *file = open_file(disk, "log/a", DISK_CREATE);
        fill(disk, file, 'x', 10, 0);
        disk->operations->close(file);
        memory_disk_put(disk, "log/a", "0123456789", 10);
        memory_disk_flip(disk, "log/a", 3, 1);
        memory_disk_cut(disk, "log/a", 5);
        memory_disk_crash(disk, seed);
        uint64_t size = 0;
        const uint8_t *bytes = memory_disk_bytes(disk, "log/a", &size);
        assert_int_equal(size, 5);
        assert_memory_equal(bytes, "01224", 5);
        memory_disk_close(disk);
    }
}

static void calls_are_counted_and_traced(void **state)
{
    (void)state;
    char trace[512];
    struct disk *disk = begin();
    memory_disk_trace(disk, trace, sizeof(trace));
    struct disk_file *file = make_file(disk, "log/a");
    fill(disk, file, 'x', 10, 4096);
    assert_int_equal(disk->operations->write_durable(file, "y", 1, 0), STATUS_OK);
    assert_int_equal(disk->operations->sync(file), STATUS_OK);
    assert_int_equal(disk->operations->rename(disk, "log/a", "log/b"), STATUS_OK);
    assert_int_equal(disk->operations->remove(disk, "log/b"), STATUS_OK);
    memory_disk_trace(disk, NULL, 0);
    assert_int_equal(disk->operations->sync(file), STATUS_OK);
    assert_string_equal(trace, "create log/a\n"
                               "sync-directory log\n"
                               "sync-directory \n"
                               "write log/a 4096+10\n"
                               "write-durable log/a 0+1\n"
                               "sync log/a\n"
                               "rename log/a log/b\n"
                               "remove log/b\n");
    struct memory_disk_counts counts = memory_disk_counts(disk);
    assert_int_equal(counts.opens, 1);
    assert_int_equal(counts.writes, 1);
    assert_int_equal(counts.durable_writes, 1);
    assert_int_equal(counts.syncs, 2);
    assert_int_equal(counts.names_changed, 3);
    assert_int_equal(counts.directory_syncs, 3);
    disk->operations->close(file);
    memory_disk_close(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(what_was_synced_survives_every_crash),
        cmocka_unit_test(a_durable_write_survives_every_crash_and_only_it),
        cmocka_unit_test(an_unsynced_write_may_be_kept_lost_or_torn_in_any_order),
        cmocka_unit_test(the_same_seed_gives_the_same_disk),
        cmocka_unit_test(a_file_without_a_synced_name_may_be_lost_though_it_was_synced),
        cmocka_unit_test(changes_of_names_are_kept_as_a_prefix),
        cmocka_unit_test(a_rename_into_a_synced_folder_never_loses_the_file),
        cmocka_unit_test(a_lost_folder_takes_its_files_with_it),
        cmocka_unit_test(a_failed_sync_makes_nothing_durable_not_even_the_next_one),
        cmocka_unit_test(failures_come_at_their_call),
        cmocka_unit_test(a_descriptor_of_before_the_crash_is_dead),
        cmocka_unit_test(damage_and_put_bytes_survive_a_crash),
        cmocka_unit_test(calls_are_counted_and_traced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
