/* disk_read_whole and disk_replace, on the disk that forgets and fails. */
#include "base/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/memory_disk.h"

enum { SEEDS = 50 };

static void expect_content(struct disk *disk, const char *name, const char *content)
{
    char bytes[64];
    uint64_t size = 0;
    assert_int_equal(disk_read_whole(disk, name, bytes, sizeof(bytes), &size), STATUS_OK);
    assert_int_equal(size, strlen(content));
    assert_memory_equal(bytes, content, size);
}

static void a_whole_file_is_read_if_there_is_room(void **state)
{
    (void)state;
    struct disk *disk = memory_disk_open();
    char bytes[8] = "........";
    uint64_t size = 99;
    memory_disk_put(disk, "small", "1234", 4);
    assert_int_equal(disk_read_whole(disk, "small", bytes, 4, &size), STATUS_OK);
    assert_int_equal(size, 4);
    assert_memory_equal(bytes, "1234....", 8);

    size = 99;
    assert_int_equal(disk_read_whole(disk, "small", bytes, 3, &size), STATUS_FULL);
    assert_int_equal(disk_read_whole(disk, "other", bytes, 8, &size), STATUS_MISSING);
    memory_disk_fail_read(disk, 1, MEMORY_DISK_ONCE);
    assert_int_equal(disk_read_whole(disk, "small", bytes, 8, &size), STATUS_IO);
    assert_int_equal(size, 99);
    memory_disk_close(disk);
}

static void an_empty_file_is_read_as_nothing(void **state)
{
    (void)state;
    struct disk *disk = memory_disk_open();
    memory_disk_put(disk, "empty", "", 0);
    expect_content(disk, "empty", "");
    memory_disk_close(disk);
}

static void a_replaced_file_survives_every_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = memory_disk_open();
        assert_int_equal(disk_replace(disk, "manifest", "first, longer", 13), STATUS_OK);
        assert_int_equal(disk_replace(disk, "manifest", "second", 6), STATUS_OK);
        memory_disk_crash(disk, seed);
        expect_content(disk, "manifest", "second");
        assert_false(memory_disk_exists(disk, "manifest.new"));
        memory_disk_close(disk);
    }
}

/* The power goes before each call in turn: the old file or the new one, never another. */
static void a_crash_at_any_call_leaves_the_old_file_or_the_new_one(void **state)
{
    (void)state;
    uint32_t runs_cut = 0;
    bool cut = true;
    for (uint64_t call = 1; cut; call++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct disk *disk = memory_disk_open();
            memory_disk_put(disk, "manifest", "old and longer", 14);
            memory_disk_put(disk, "manifest.new", "left behind by a crash", 22);
            memory_disk_fail_change(disk, call, MEMORY_DISK_FOR_GOOD);
            enum status status = disk_replace(disk, "manifest", "new", 3);
            cut = memory_disk_has_failed(disk);
            assert_int_equal(status, cut ? STATUS_IO : STATUS_OK);
            memory_disk_crash(disk, seed);
            uint64_t size = 0;
            const uint8_t *bytes = memory_disk_bytes(disk, "manifest", &size);
            bool is_new = size == 3 && memcmp(bytes, "new", 3) == 0;
            bool is_old = size == 14 && memcmp(bytes, "old and longer", 14) == 0;
            assert_true(is_new || (is_old && cut));
            runs_cut += cut;
            assert_int_equal(disk_replace(disk, "manifest", "newer", 5), STATUS_OK);
            expect_content(disk, "manifest", "newer");
            memory_disk_close(disk);
        }
    }
    assert_int_equal(runs_cut, 6 * SEEDS); /* remove, create, write, sync, rename, sync folder */
}

static void a_failure_of_any_call_is_reported_and_keeps_a_whole_file(void **state)
{
    (void)state;
    bool failed = true;
    for (uint64_t call = 1; failed; call++) {
        struct disk *disk = memory_disk_open();
        memory_disk_put(disk, "manifest", "old", 3);
        memory_disk_fail_change(disk, call, MEMORY_DISK_ONCE);
        enum status status = disk_replace(disk, "manifest", "new!", 4);
        failed = memory_disk_has_failed(disk);
        assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
        expect_content(disk, "manifest", call >= 6 ? "new!" : "old");
        memory_disk_close(disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_read_if_there_is_room),
        cmocka_unit_test(an_empty_file_is_read_as_nothing),
        cmocka_unit_test(a_replaced_file_survives_every_crash),
        cmocka_unit_test(a_crash_at_any_call_leaves_the_old_file_or_the_new_one),
        cmocka_unit_test(a_failure_of_any_call_is_reported_and_keeps_a_whole_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
