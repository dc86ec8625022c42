#include "replica/entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE_MAX_SMALL = 40 };

/* Everything about an entry follows from its index. */
static struct consensus_entry entry_make(uint64_t index, uint8_t data[SIZE_MAX_SMALL])
{
    struct consensus_entry entry = {
        .term = 3 * index,
        .type = (enum consensus_entry_type)(CONSENSUS_COMMAND + index % 3),
        .data = data,
        .size = (uint32_t)(1 + index % SIZE_MAX_SMALL),
    };
    memset(data, (int)(index % 251), entry.size);
    return entry;
}

static void append(struct entries *entries, uint64_t index)
{
    uint8_t data[SIZE_MAX_SMALL];
    struct consensus_entry entry = entry_make(index, data);
    assert_int_equal(entries_append(entries, &entry), STATUS_OK);
    memset(data, 0xee, sizeof(data)); /* the copy is its own */
}

static void expect_entry(const struct consensus_entry *entry, uint64_t index)
{
    uint8_t data[SIZE_MAX_SMALL];
    struct consensus_entry expected = entry_make(index, data);
    assert_true(entry->term == expected.term);
    assert_int_equal(entry->type, expected.type);
    assert_int_equal(entry->size, expected.size);
    assert_memory_equal(entry->data, data, expected.size);
}

static void expect_all(const struct entries *entries, uint64_t first, uint64_t next)
{
    assert_true(entries->index_first == first);
    assert_true(entries_index_next(entries) == next);
    assert_int_equal(entries->count, next - first);
    for (uint64_t index = first; index < next; index++) {
        expect_entry(entries_get(entries, index), index);
    }
}

/* From any place of the ring on, and beyond what 32 bits hold. */
static void entries_keep_their_index_while_the_ring_grows(void **state)
{
    (void)state;
    static const uint64_t FIRST[] = {1, 2, 15, 16, 17, 31, 1000, UINT64_C(0xfffffffa)};
    for (size_t i = 0; i < sizeof(FIRST) / sizeof(FIRST[0]); i++) {
        struct entries entries;
        entries_init(&entries, FIRST[i]);
        for (uint64_t count = 0; count < 150; count++) {
            expect_all(&entries, FIRST[i], FIRST[i] + count);
            append(&entries, FIRST[i] + count);
        }
        entries_deinit(&entries);
    }
}

/* Growing comes while the window lies over the end of the ring, at every offset. */
static void the_window_moves_round_the_ring_and_grows_anywhere(void **state)
{
    (void)state;
    for (uint64_t dropped = 0; dropped < 40; dropped++) {
        struct entries entries;
        uint64_t first = 7;
        uint64_t next = first;
        entries_init(&entries, first);
        for (; next < 7 + 5; next++) {
            append(&entries, next);
        }
        for (uint64_t i = 0; i < dropped; i++) {
            entries_drop_first(&entries);
            append(&entries, next++);
            expect_all(&entries, ++first, next);
        }
        for (int i = 0; i < 80; i++) {
            append(&entries, next++);
            expect_all(&entries, first, next);
        }
        entries_deinit(&entries);
    }
}

static void a_window_that_does_not_widen_needs_no_more_room(void **state)
{
    (void)state;
    struct entries entries;
    entries_init(&entries, 1);
    for (uint64_t index = 1; index < 5000; index++) {
        append(&entries, index);
        expect_all(&entries, index, index + 1);
        entries_drop_first(&entries);
    }
    assert_in_range(entries.capacity, 1, 16);
    assert_true(entries_index_next(&entries) == 5000);
    entries_deinit(&entries);
}

static void the_array_holds_all_in_order(void **state)
{
    (void)state;
    struct entries entries;
    entries_init(&entries, 1);
    for (uint64_t next = 1; next < 100; next++) {
        struct consensus_entry *array = entries_array(&entries);
        assert_non_null(array);
        for (uint64_t i = 0; i < entries.count; i++) {
            expect_entry(&array[i], entries.index_first + i);
        }
        free(array);
        append(&entries, next);
        if (next % 3 == 0) {
            entries_drop_first(&entries);
        }
    }
    entries_deinit(&entries);
}

static void nothing_is_there_at_first(void **state)
{
    (void)state;
    struct entries entries;
    entries_init(&entries, 42);
    expect_all(&entries, 42, 42);
    entries_deinit(&entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_keep_their_index_while_the_ring_grows),
        cmocka_unit_test(the_window_moves_round_the_ring_and_grows_anywhere),
        cmocka_unit_test(a_window_that_does_not_widen_needs_no_more_room),
        cmocka_unit_test(the_array_holds_all_in_order),
        cmocka_unit_test(nothing_is_there_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
