/* What the disk loses: torn tails, which nobody was promised, and damage, which is named. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/memory_disk.h"
#include "wal/wal.h"
#include "wal/wal_group.h"
#include "wal/wal_writer.h"
#include "world.h"

static const char SEGMENT_1[] = "log/log-0000000000000001";
static const char SEGMENT_2[] = "log/log-0000000000000002";
static const char SEGMENT_3[] = "log/log-0000000000000003";

static struct world origin;
static struct world world;

static int setup(void **state)
{
    (void)state;
    world_init(&origin, 3);
    world_open(&origin);
    world_init(&world, 4);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_deinit(&world);
    world_deinit(&origin);
    return 0;
}

/* A fresh copy of `origin`'s disk. */
static void copy(void)
{
    world_kill(&origin);
    world_deinit(&world);
    world_init(&world, 4);
    world_copy(&world, &origin);
}

static uint8_t byte_at(const char *name, uint64_t offset)
{
    uint64_t size;
    return memory_disk_bytes(world.memory, name, &size)[offset];
}

static void byte_set(const char *name, uint64_t offset, uint8_t byte)
{
    memory_disk_flip(world.memory, name, offset, byte_at(name, offset) ^ byte);
}

static void zero(const char *name, uint64_t offset, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        byte_set(name, offset + i, 0);
    }
}

/* Three groups, the middle one of two blocks, in the first segment. */
static void groups_three(void)
{
    uint64_t number = 1;
    world_append(&origin, 1, 100);
    world_write(&origin);
    while (world_entry_size(number) < WAL_BLOCK_SIZE) {
        number++;
    }
    world_append(&origin, 2, number);
    world_write(&origin);
    world_append(&origin, 3, 300);
    world_append(&origin, 4, 400);
    world_write(&origin);
    assert_int_equal(wal_size_unreleased(origin.wal), 4 * WAL_BLOCK_SIZE);
}

static uint64_t lines_count(const char *log)
{
    uint64_t count = 0;
    for (; *log != '\0'; log++) {
        count += *log == '\n';
    }
    return count;
}

/* The opening fails, one line names the place, and nothing on the disk changes. */
static void expect_damage(const char *name, uint64_t offset)
{
    char expected[128];
    struct memory_disk_counts before = memory_disk_counts(world.memory);
    assert_int_equal(world_try_open(&world), STATUS_CORRUPT);
    struct memory_disk_counts after = memory_disk_counts(world.memory);
    assert_int_equal(after.writes, before.writes);
    assert_int_equal(after.durable_writes, before.durable_writes);
    assert_int_equal(after.names_changed, before.names_changed);
    assert_true(snprintf(expected, sizeof(expected), "log-damaged file=%s offset=%" PRIu64 " ",
                         name, offset) > 0);
    assert_non_null(strstr(world.log, expected));
    assert_int_equal(lines_count(world.log), 1);
}

/* The log opens and ends at `last`; it can be written to and opened again. */
static void expect_end(uint64_t last)
{
    world.durable.last = last;
    world.sealed.last = last;
    world_open(&world);
    world_append(&world, last + 1, 900);
    world_write(&world);
    world_kill(&world);
    world_open(&world);
    assert_int_equal(wal_index_last(world.wal), last + 1);
}

static void test_a_flipped_byte_before_a_later_group_is_damage(void **state)
{
    (void)state;
    groups_three();
    copy();
    for (uint64_t offset = 0; offset < 3 * (uint64_t)WAL_BLOCK_SIZE; offset++) {
        memory_disk_flip(world.memory, SEGMENT_1, offset, 1);
        expect_damage(SEGMENT_1, offset < WAL_BLOCK_SIZE ? 0 : WAL_BLOCK_SIZE);
        memory_disk_flip(world.memory, SEGMENT_1, offset, 1);
    }
    world_open(&world);
}

static void test_a_flipped_byte_of_the_last_group_is_a_torn_tail(void **state)
{
    (void)state;
    groups_three();
    for (uint64_t offset = 3 * (uint64_t)WAL_BLOCK_SIZE; offset < 4 * (uint64_t)WAL_BLOCK_SIZE;
         offset++) {
        copy();
        memory_disk_flip(world.memory, SEGMENT_1, offset, 0x80);
        expect_end(2);
    }
}

static void test_a_witness_makes_damage_of_the_last_group_known(void **state)
{
    (void)state;
    groups_three();
    world_write(&origin);
    copy();
    for (uint64_t offset = 3 * (uint64_t)WAL_BLOCK_SIZE; offset < 4 * (uint64_t)WAL_BLOCK_SIZE;
         offset++) {
        memory_disk_flip(world.memory, SEGMENT_1, offset, 0x10);
        expect_damage(SEGMENT_1, 3 * (uint64_t)WAL_BLOCK_SIZE);
        memory_disk_flip(world.memory, SEGMENT_1, offset, 0x10);
    }
}

/* The first bytes of the last group were written, the others are still what the file was made of. */
static void test_a_group_cut_at_any_byte_is_a_torn_tail(void **state)
{
    (void)state;
    world_append(&origin, 1, 100);
    world_write(&origin);
    uint64_t number = 1;
    while (world_entry_size(number) < WAL_BLOCK_SIZE) {
        number++;
    }
    world_append(&origin, 2, number);
    world_write(&origin);
    uint64_t from = WAL_BLOCK_SIZE;
    uint64_t until = wal_size_unreleased(origin.wal);
    uint64_t whole =
        from + WAL_GROUP_HEADER_SIZE + WAL_ENTRY_HEADER_SIZE + world_entry_size(number);
    while (whole > from) {
        copy();
        if (byte_at(SEGMENT_1, whole - 1) != 0) {
            break; /* zeros at the end of the data need no writing */
        }
        whole--;
    }
    for (uint64_t cut = from; cut < until; cut++) {
        copy();
        zero(SEGMENT_1, cut, until - cut);
        expect_end(cut < whole ? 1 : 2);
    }
}

static void test_any_blocks_of_the_last_group_may_be_missing(void **state)
{
    (void)state;
    enum { SECTOR = 512, SECTORS = 2 * WAL_BLOCK_SIZE / SECTOR };
    uint64_t number = 1;
    while (world_entry_size(number) < WORLD_ENTRY_SIZE_MAX - 600) {
        number++;
    }
    world_append(&origin, 1, 100);
    world_write(&origin);
    world_append(&origin, 2, number);
    world_write(&origin);
    uint64_t used = WAL_GROUP_HEADER_SIZE + WAL_ENTRY_HEADER_SIZE + world_entry_size(number);
    for (uint32_t sector = 0; sector < SECTORS; sector++) {
        for (uint32_t other = sector; other < SECTORS; other++) {
            copy();
            zero(SEGMENT_1, WAL_BLOCK_SIZE + sector * (uint64_t)SECTOR, SECTOR);
            zero(SEGMENT_1, WAL_BLOCK_SIZE + other * (uint64_t)SECTOR, SECTOR);
            expect_end(sector * (uint64_t)SECTOR < used ? 1 : 2);
        }
    }
}

/* An entry whose bytes are a later group of this very segment, at a boundary, is still only data. */
static void test_a_group_inside_an_entry_is_never_found(void **state)
{
    (void)state;
    static uint8_t bytes[WORLD_GROUP_SIZE_MAX];
    static uint8_t forged[WORLD_GROUP_SIZE_MAX];
    struct wal_group group = {.bytes = forged, .size_max = sizeof(forged)};
    struct wal_entry entry = {.index = 2, .term = 9, .data = bytes, .size = 16};
    struct wal_group_place place = {.epoch = 1, .number_first = 1};
    for (uint64_t number = 1; number <= 4; number++) {
        for (uint32_t flags = 0; flags <= WAL_GROUP_REPEAT; flags++) {
            teardown(NULL);
            setup(NULL);
            world_append(&origin, 1, 100);
            world_write(&origin);
            place.number = number;
            place.flags = flags;
            wal_group_clear(&group);
            assert_int_equal(wal_group_add(&group, &entry), STATUS_OK);
            assert_int_equal(wal_group_finish(&group, &place), WAL_BLOCK_SIZE);
            uint32_t before = WAL_BLOCK_SIZE - WAL_GROUP_HEADER_SIZE - WAL_ENTRY_HEADER_SIZE;
            memset(bytes, 0, before);
            memcpy(bytes + before, forged, WAL_BLOCK_SIZE);
            struct wal_entry carrier = {
                .index = 2, .term = 1, .data = bytes, .size = before + WAL_BLOCK_SIZE};
            assert_int_equal(wal_append(origin.wal, &carrier), STATUS_OK);
            wal_seal(origin.wal);
            assert_int_equal(wal_write(origin.wal), STATUS_OK);
            wal_written(origin.wal);
            copy();
            zero(SEGMENT_1, WAL_BLOCK_SIZE, WAL_BLOCK_SIZE); /* the real group's header */
            expect_end(1);
        }
    }
}

struct seen {
    uint8_t data[WORLD_GROUP_SIZE_MAX];
    uint32_t size;
};

static enum status data_note(void *context, const struct wal_entry *entry)
{
    struct seen *seen = context;
    assert_true(entry->size <= sizeof(seen->data));
    memcpy(seen->data, entry->data, entry->size);
    seen->size = entry->size;
    return STATUS_OK;
}

/* Blocks that begin like a group come back as they were, also when they are read twice. */
static void test_escaped_blocks_come_back_as_they_were(void **state)
{
    (void)state;
    static uint8_t bytes[2 * WAL_BLOCK_SIZE];
    static uint8_t target[WORLD_GROUP_SIZE_MAX];
    static const uint8_t MAGIC[] = {0x89, 'W', 'A', 'L', 'g', 'r', 'p', '1'};
    static struct seen seen;
    for (uint32_t shift = 0; shift < sizeof(MAGIC); shift++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = MAGIC[(i + shift) % sizeof(MAGIC)] ^ (uint8_t)(shift == 1 ? 0xff : 0);
        }
        struct wal_group group = {.bytes = target, .size_max = sizeof(target)};
        struct wal_entry entry = {.index = 1, .term = 1, .data = bytes, .size = 6000};
        struct wal_group_place place = {.epoch = 7, .number = 1, .number_first = 1};
        wal_group_clear(&group);
        assert_int_equal(wal_group_add(&group, &entry), STATUS_OK);
        uint32_t padded = wal_group_finish(&group, &place);
        assert_int_equal(padded, 2 * WAL_BLOCK_SIZE);
        assert_memory_not_equal(target + WAL_BLOCK_SIZE, MAGIC, sizeof(MAGIC));
        for (uint32_t pass = 0; pass < 2; pass++) {
            struct wal_group_view view;
            struct wal_entry found;
            uint32_t offset = WAL_GROUP_HEADER_SIZE;
            assert_true(wal_group_decode(&view, target, padded, 7));
            assert_true(wal_group_is_sound(&view));
            assert_true(wal_group_next(&view, &offset, &found));
            assert_int_equal(data_note(&seen, &found), STATUS_OK);
            assert_int_equal(seen.size, 6000);
            assert_memory_equal(seen.data, bytes, 6000);
        }
    }
}

static void test_a_segment_of_another_size_is_damage(void **state)
{
    (void)state;
    groups_three();
    for (uint64_t size = 0; size < WORLD_SEGMENT_SIZE; size += 1111) {
        copy();
        memory_disk_cut(world.memory, SEGMENT_1, size);
        expect_damage(SEGMENT_1, size);
    }
}

static void segments_fill(uint32_t count)
{
    while (!memory_disk_exists(origin.memory, SEGMENT_1) ||
           wal_size_unreleased(origin.wal) < count * (uint64_t)WORLD_SEGMENT_SIZE) {
        uint64_t index = origin.appended.last + 1;
        world_append(&origin, index, 5000 + index);
        world_write(&origin);
    }
}

static void test_a_missing_segment_is_damage(void **state)
{
    (void)state;
    segments_fill(2);
    world_append(&origin, origin.appended.last + 1, 1);
    world_write(&origin);
    assert_true(memory_disk_exists(origin.memory, SEGMENT_3));
    copy();
    assert_int_equal(world.memory->operations->remove(world.memory, SEGMENT_2), STATUS_OK);
    expect_damage(SEGMENT_3, 0);
    copy();
    assert_int_equal(world.memory->operations->remove(world.memory, SEGMENT_1), STATUS_OK);
    assert_int_equal(world_try_open(&world), STATUS_CORRUPT); /* its entries are missing */
    assert_non_null(strstr(world.log, "are missing"));
}

/* What vouches for a bad group may lie in any later segment. */
static void test_a_bad_segment_before_a_valid_one_is_damage(void **state)
{
    (void)state;
    segments_fill(2);
    world_append(&origin, origin.appended.last + 1, 1);
    world_write(&origin);
    copy();
    zero(SEGMENT_2, 0, WORLD_SEGMENT_SIZE);
    expect_damage(SEGMENT_2, 0);
    copy();
    zero(SEGMENT_1, 0, WORLD_SEGMENT_SIZE);
    expect_damage(SEGMENT_1, 0);
    copy();
    zero(SEGMENT_1, WORLD_SEGMENT_SIZE - WAL_BLOCK_SIZE, WAL_BLOCK_SIZE);
    expect_damage(SEGMENT_1, WORLD_SEGMENT_SIZE - WAL_BLOCK_SIZE);
}

/* The last group of a full segment is torn, and a start that found the segment's rest too small had
 * begun the next one. */
static void test_a_torn_tail_at_the_end_of_a_segment(void **state)
{
    (void)state;
    segments_fill(1);
    uint64_t last = origin.appended.last;
    for (uint32_t damage = 0; damage < 2; damage++) {
        copy();
        memory_disk_flip(world.memory, SEGMENT_1, WORLD_SEGMENT_SIZE - WAL_BLOCK_SIZE, 1);
        if (damage == 1) { /* prepared, never written */
            uint64_t size;
            const uint8_t *bytes = memory_disk_bytes(world.memory, "log/spare-0", &size);
            memory_disk_put(world.memory, SEGMENT_2, bytes, size);
        }
        expect_end(last - 1);
        assert_true(memory_disk_exists(world.memory, SEGMENT_2));
        world_kill(&world);
        world_open(&world);
        assert_int_equal(wal_index_last(world.wal), last);
    }
}

static void test_a_prepared_segment_without_a_group_is_written_to(void **state)
{
    (void)state;
    groups_three();
    copy();
    uint64_t size;
    const uint8_t *bytes = memory_disk_bytes(world.memory, "log/spare-0", &size);
    memory_disk_put(world.memory, SEGMENT_3, bytes, size);
    expect_end(4);
    assert_false(memory_disk_exists(world.memory, "log/log-0000000000000004"));
    assert_int_equal(byte_at(SEGMENT_1, 4 * (uint64_t)WAL_BLOCK_SIZE), 0);
    assert_int_not_equal(byte_at(SEGMENT_3, 0), 0);
}

/* Nothing of a large group is left in the padding of a small one that is made in its place. */
static void test_padding_is_zero(void **state)
{
    (void)state;
    static uint8_t bytes[WORLD_GROUP_SIZE_MAX];
    struct wal_entry entry = {.index = 1, .term = 1, .data = bytes, .size = 3000};
    memset(bytes, 0xff, sizeof(bytes));
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(wal_append(origin.wal, &entry), STATUS_OK);
        wal_seal(origin.wal);
        assert_int_equal(wal_write(origin.wal), STATUS_OK);
        wal_written(origin.wal);
        entry.index++;
        entry.size = 1;
    }
    copy();
    uint64_t used = WAL_GROUP_HEADER_SIZE + WAL_ENTRY_HEADER_SIZE + 1;
    for (uint64_t block = 1; block < 4; block++) {
        for (uint64_t i = used; i < WAL_BLOCK_SIZE; i++) {
            assert_int_equal(byte_at(SEGMENT_1, block * WAL_BLOCK_SIZE + i), 0);
        }
    }
}

/* A recycled segment is full of valid groups of its earlier life. */
static void test_groups_of_an_earlier_life_are_never_read(void **state)
{
    (void)state;
    segments_fill(1);
    uint64_t size;
    copy();
    const uint8_t *bytes = memory_disk_bytes(origin.memory, SEGMENT_1, &size);
    memory_disk_put(world.memory, SEGMENT_2, bytes, size);
    expect_end(origin.durable.last);
}

/* ---- Repeats ---- */

static void test_a_repeat_stands_for_the_group_it_repeats(void **state)
{
    (void)state;
    groups_three();
    world_kill(&origin);
    world_open(&origin); /* repeats the third group, of one block, at the fifth */
    world_kill(&origin);
    world_open(&origin);
    uint64_t third = 3 * (uint64_t)WAL_BLOCK_SIZE;
    assert_int_equal(wal_size_unreleased(origin.wal), 6 * WAL_BLOCK_SIZE);
    for (uint32_t kept = 0; kept < 3; kept++) {
        copy();
        for (uint32_t i = 0; i < 3; i++) {
            uint8_t mask = i == kept ? 0 : 1;
            memory_disk_flip(world.memory, SEGMENT_1, third + i * (uint64_t)WAL_BLOCK_SIZE, mask);
        }
        expect_end(4);
    }
    copy();
    zero(SEGMENT_1, third, 3 * (uint64_t)WAL_BLOCK_SIZE);
    expect_end(2);
}

/* The witness is written only when the last group is on the disk, but may itself be lost, while the
 * group after it is not. The repeat was on the disk before that group was begun. */
static void test_a_repeated_witness_may_be_lost(void **state)
{
    (void)state;
    groups_three();
    world_write(&origin);
    world_kill(&origin);
    world_open(&origin);
    world_append(&origin, 5, 500);
    world_write(&origin);
    uint64_t witness = 4 * (uint64_t)WAL_BLOCK_SIZE;
    copy();
    memory_disk_flip(world.memory, SEGMENT_1, witness, 1);
    expect_end(5);
    copy();
    memory_disk_flip(world.memory, SEGMENT_1, witness + WAL_BLOCK_SIZE, 1);
    expect_damage(SEGMENT_1, witness + WAL_BLOCK_SIZE);
    copy();
    zero(SEGMENT_1, witness, 2 * (uint64_t)WAL_BLOCK_SIZE);
    expect_damage(SEGMENT_1, witness);
}

static void test_the_first_group_of_all_may_be_known_by_its_repeat_only(void **state)
{
    (void)state;
    world_append(&origin, 1, 100);
    world_write(&origin);
    world_kill(&origin);
    world_open(&origin);
    world_append(&origin, 2, 200);
    world_write(&origin);
    copy();
    memory_disk_flip(world.memory, SEGMENT_1, 0, 1);
    expect_end(2);
    copy();
    zero(SEGMENT_1, 0, 2 * (uint64_t)WAL_BLOCK_SIZE);
    expect_damage(SEGMENT_1, 0);
}

/* The oldest segment left begins with a group that only a repeat can stand for; a repeat of a later
 * group cannot. */
static void test_the_oldest_segment_must_begin_with_its_first_group(void **state)
{
    (void)state;
    segments_fill(1);
    world_kill(&origin);
    world_open(&origin); /* the repeat of the last group begins the second segment */
    uint64_t last = origin.appended.last;
    world_append(&origin, last + 1, 1);
    world_write(&origin);
    world_kill(&origin);
    world_open(&origin);
    assert_int_equal(origin.memory->operations->remove(origin.memory, SEGMENT_1), STATUS_OK);
    world_kill(&origin);
    origin.snapshot = last;
    world_open(&origin);
    world_kill(&origin);
    for (uint32_t blocks = 1; blocks <= 2; blocks++) {
        copy();
        zero(SEGMENT_2, 0, blocks * (uint64_t)WAL_BLOCK_SIZE);
        expect_damage(SEGMENT_2, 0);
    }
}

/* ---- Groups that hold their checksum and make no sense ---- */

static void group_put(uint64_t offset, struct wal_group *group, const struct wal_group_place *place)
{
    uint32_t padded = wal_group_finish(group, place);
    for (uint32_t i = 0; i < padded; i++) {
        byte_set(SEGMENT_1, offset + i, group->bytes[i]);
    }
}

static void test_a_group_that_makes_no_sense_is_damage(void **state)
{
    (void)state;
    static uint8_t bytes[WORLD_GROUP_SIZE_MAX];
    uint64_t end = 4 * (uint64_t)WAL_BLOCK_SIZE;
    groups_three();
    for (uint32_t kind = 0; kind < 9; kind++) {
        struct wal_group group = {.bytes = bytes, .size_max = sizeof(bytes)};
        struct wal_group_place place = {.epoch = 1, .number = 4, .number_first = 1};
        uint64_t index = kind == 8 ? 6 : 5;
        struct wal_entry entry = {
            .index = index, .term = 1, .data = (const uint8_t *)"ab", .size = 2};
        copy();
        wal_group_clear(&group);
        assert_int_equal(wal_group_add(&group, &entry), STATUS_OK);
        entry.index++;
        assert_int_equal(wal_group_add(&group, &entry), STATUS_OK);
        uint8_t *second = bytes + WAL_GROUP_HEADER_SIZE + WAL_ENTRY_HEADER_SIZE + 2;
        switch (kind) {
        case 0:
            place.number_first = 5; /* later than itself */
            break;
        case 1:
            second[0] ^= 1; /* its index */
            break;
        case 2:
            second[16]++; /* its size */
            break;
        case 3:
            second[16]--;
            break;
        case 4:
            second[21] = 1; /* reserved */
            break;
        case 5:
            group.count = 3;
            break;
        case 6:
            group.count = 1;
            break;
        case 7:
            place.flags = WAL_GROUP_BASE; /* not known yet */
            break;
        default: /* 8: a gap in the indexes */
            break;
        }
        group_put(end, &group, &place);
        expect_damage(SEGMENT_1, end);
    }
}

static void test_a_number_that_is_not_due_is_damage(void **state)
{
    (void)state;
    static uint8_t bytes[WORLD_GROUP_SIZE_MAX];
    uint64_t end = 4 * (uint64_t)WAL_BLOCK_SIZE;
    groups_three();
    for (uint64_t number = 1; number < 9; number++) {
        struct wal_group_place older = {.epoch = 9, .number = number, .number_first = 1};
        struct wal_group group = {.bytes = bytes, .size_max = sizeof(bytes)};
        struct wal_group_place place = {.epoch = 1, .number = number, .number_first = 1};
        wal_group_clear(&group);
        copy();
        group_put(end, &group, &place);
        if (number <= 4) { /* older ones are not looked at, the fourth is due */
            expect_end(4);
        } else {
            expect_damage(SEGMENT_1, end);
        }
        copy();
        group_put(end, &group, &older); /* of another life of this segment */
        expect_end(4);
        copy();
        group_put(end + WAL_BLOCK_SIZE, &group, &place); /* behind a bad place */
        if (number < 4) {
            expect_end(4);
        } else {
            expect_damage(SEGMENT_1, end);
        }
    }
}

static void test_a_log_without_its_directory_is_damage(void **state)
{
    (void)state;
    struct disk *disk = memory_disk_open();
    struct wal *wal = NULL;
    char log[512];
    world_log_begin();
    enum status status = wal_open(&wal, disk, 1, data_note, NULL);
    world_log_end(log, sizeof(log));
    assert_int_equal(status, STATUS_CORRUPT);
    assert_non_null(strstr(log, "log-damaged file=log "));
    memory_disk_close(disk);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_flipped_byte_before_a_later_group_is_damage),
        TEST(test_a_flipped_byte_of_the_last_group_is_a_torn_tail),
        TEST(test_a_witness_makes_damage_of_the_last_group_known),
        TEST(test_a_group_cut_at_any_byte_is_a_torn_tail),
        TEST(test_any_blocks_of_the_last_group_may_be_missing),
        TEST(test_a_group_inside_an_entry_is_never_found),
        TEST(test_escaped_blocks_come_back_as_they_were),
        TEST(test_a_segment_of_another_size_is_damage),
        TEST(test_a_missing_segment_is_damage),
        TEST(test_a_bad_segment_before_a_valid_one_is_damage),
        TEST(test_a_torn_tail_at_the_end_of_a_segment),
        TEST(test_a_prepared_segment_without_a_group_is_written_to),
        TEST(test_padding_is_zero),
        TEST(test_groups_of_an_earlier_life_are_never_read),
        TEST(test_a_repeat_stands_for_the_group_it_repeats),
        TEST(test_a_repeated_witness_may_be_lost),
        TEST(test_the_first_group_of_all_may_be_known_by_its_repeat_only),
        TEST(test_the_oldest_segment_must_begin_with_its_first_group),
        TEST(test_a_group_that_makes_no_sense_is_damage),
        TEST(test_a_number_that_is_not_due_is_damage),
        TEST(test_a_log_without_its_directory_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
