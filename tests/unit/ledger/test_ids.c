#include "ledger/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "ledger/table.h"
#include "support.h"

static const uint64_t WINDOW = WINDOW_MIN;

static struct ids *open_ids(uint32_t window, uint64_t seed)
{
    struct ids *ids = NULL;
    assert_int_equal(ids_open(&ids, window, seed), STATUS_OK);
    return ids;
}

static void add_number(struct ids *ids, uint64_t index, uint64_t number)
{
    uint8_t id[RECORD_ID_SIZE];
    id_make(id, number);
    ids_add(ids, index, id);
}

static void expect_at(const struct ids *ids, uint64_t number, uint64_t index)
{
    uint8_t id[RECORD_ID_SIZE];
    id_make(id, number);
    uint64_t found = 0;
    assert_true(ids_find(ids, id, &found));
    assert_true(found == index);
}

static void expect_unknown(const struct ids *ids, uint64_t number)
{
    uint8_t id[RECORD_ID_SIZE];
    id_make(id, number);
    uint64_t found = 77;
    assert_false(ids_find(ids, id, &found));
    assert_true(found == 77);
}

/* After each record: the last W are known at their index, the one before them is not. */
static void window_expect(uint64_t window, uint64_t first, uint64_t seed)
{
    struct ids *ids = open_ids((uint32_t)window, seed);
    for (uint64_t index = first; index < first + 5 * window; index++) {
        expect_unknown(ids, index);
        add_number(ids, index, index);
        expect_at(ids, index, index);
        if (index >= first + window) {
            expect_at(ids, index - window + 1, index - window + 1);
            expect_unknown(ids, index - window);
        }
    }
    for (uint64_t index = first + 4 * window; index < first + 5 * window; index++) {
        expect_at(ids, index, index);
    }
    ids_close(ids);
}

static void test_exactly_the_last_window_is_remembered(void **state)
{
    (void)state;
    static const uint32_t WINDOWS[] = {WINDOW_MIN, 1025, 1500, 2047, 2048};
    static const uint64_t FIRST[] = {0, 1, 1023, UINT64_C(0x10000000123)};
    for (size_t i = 0; i < sizeof(WINDOWS) / sizeof(WINDOWS[0]); i++) {
        for (size_t j = 0; j < sizeof(FIRST) / sizeof(FIRST[0]); j++) {
            window_expect(WINDOWS[i], FIRST[j], i + j);
        }
    }
}

static void test_an_id_that_was_forgotten_can_be_decided_again(void **state)
{
    (void)state;
    struct ids *ids = open_ids(WINDOW_MIN, 4);
    for (uint64_t index = 0; index < 10 * WINDOW; index++) {
        add_number(ids, index, index % WINDOW_MIN); /* each comes back when it was just forgotten */
        expect_at(ids, index % WINDOW_MIN, index);
        if (index > 0) {
            expect_at(ids, (index - 1) % WINDOW_MIN, index - 1);
        }
    }
    ids_close(ids);
}

static void test_records_without_id_count_and_leave_no_id(void **state)
{
    (void)state;
    static const uint8_t ZERO[RECORD_ID_SIZE] = {0};
    struct ids *ids = open_ids(WINDOW_MIN, 5);
    uint64_t found;
    for (uint64_t index = 0; index < WINDOW_MIN; index++) {
        ids_add(ids, index, NULL);
        assert_false(ids_find(ids, ZERO, &found));
    }
    add_number(ids, WINDOW_MIN, 1);
    for (uint64_t index = WINDOW_MIN + 1; index < 2 * WINDOW; index++) {
        ids_add(ids, index, NULL);
        expect_at(ids, 1, WINDOW_MIN);
    }
    ids_add(ids, 2 * WINDOW, NULL);
    expect_unknown(ids, 1);
    ids_close(ids);
}

/* Records without id are kept as zeros, and yet zeros are an id like any other. */
static void test_an_id_of_zeros_is_an_id(void **state)
{
    (void)state;
    static const uint8_t ZERO[RECORD_ID_SIZE] = {0};
    struct ids *ids = open_ids(WINDOW_MIN, 6);
    uint64_t found = 0;
    for (uint64_t round = 0; round < 5; round++) {
        uint64_t first = round * (WINDOW + 1);
        ids_add(ids, first, ZERO);
        for (uint64_t step = 1; step < WINDOW_MIN; step++) {
            ids_add(ids, first + step, NULL);
            assert_true(ids_find(ids, ZERO, &found));
            assert_true(found == first);
        }
        ids_add(ids, first + WINDOW_MIN, NULL);
        assert_false(ids_find(ids, ZERO, &found));
    }
    ids_close(ids);
}

/* Ids that differ in one bit only, in any place, are different ids. */
static void test_every_bit_of_an_id_matters(void **state)
{
    (void)state;
    struct ids *ids = open_ids(WINDOW_MIN, 7);
    uint8_t id[RECORD_ID_SIZE];
    id_make(id, 99);
    ids_add(ids, 0, id);
    for (uint32_t bit = 0; bit < 8 * RECORD_ID_SIZE; bit++) {
        uint64_t found;
        id[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(ids_find(ids, id, &found));
        id[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    expect_at(ids, 99, 0);
    ids_close(ids);
}

/* Ids whose hashes all begin in the last slots of the table: one long run that goes on at its
 * beginning, much longer than the distance that a slot can hold. They are forgotten from its front,
 * from its middle and from its end, mixed with others. */
static void test_a_run_of_slots_over_the_end_of_the_table_stays_whole(void **state)
{
    (void)state;
    enum { RUN = 100, ROUNDS = 30, LAST_SLOTS = 3 };
    const uint64_t seed = 12345;
    const uint64_t slot_mask = 2 * WINDOW - 1;
    struct ids *ids = open_ids(WINDOW_MIN, seed);
    uint64_t *numbers = calloc((size_t)ROUNDS * WINDOW_MIN, sizeof(*numbers));
    assert_non_null(numbers);
    uint64_t random = 8;
    for (uint64_t index = 0; index < (uint64_t)ROUNDS * WINDOW_MIN; index++) {
        uint64_t number = random_next(&random);
        bool crowd = random_below(&random, WINDOW_MIN) < RUN;
        while (crowd && (table_mix(number, seed) & slot_mask) <= slot_mask - LAST_SLOTS) {
            number = random_next(&random);
        }
        uint8_t id[RECORD_ID_SIZE] = {0};
        bytes_put_u64(id, number); /* the second half is zero: the hash is that of the number */
        ids_add(ids, index, id);
        numbers[index] = number;
        if (index % 64 != 63) {
            continue;
        }
        for (uint64_t other = index < 2 * WINDOW ? 0 : index - 2 * WINDOW; other <= index;
             other++) {
            uint64_t found = UINT64_MAX;
            bytes_put_u64(id, numbers[other]);
            assert_true(ids_find(ids, id, &found) == (other + WINDOW_MIN > index));
            assert_true(found == (other + WINDOW_MIN > index ? other : UINT64_MAX));
        }
    }
    free(numbers);
    ids_close(ids);
}

static void test_a_narrowed_memory_is_one_of_that_window(void **state)
{
    (void)state;
    static const uint32_t WINDOWS[] = {WINDOW_MIN, 5000, WINDOW_MAX};
    for (size_t i = 0; i < sizeof(WINDOWS) / sizeof(WINDOWS[0]); i++) {
        struct ids *ids = open_ids(WINDOW_MAX, 3);
        ids_narrow(ids, WINDOWS[i]);
        uint64_t count = WINDOWS[i] < WINDOW_MAX ? 3 * (uint64_t)WINDOWS[i] : 10000;
        for (uint64_t index = 0; index < count; index++) {
            add_number(ids, index, index);
        }
        expect_at(ids, count - 1, count - 1);
        if (count > WINDOWS[i]) {
            expect_at(ids, count - WINDOWS[i], count - WINDOWS[i]);
            expect_unknown(ids, count - WINDOWS[i] - 1);
        }
        ids_close(ids);
    }
}

static void test_memory_is_24_bytes_for_each_record_of_the_window(void **state)
{
    (void)state;
    enum { SLACK = 256 * 1024, BYTES_EACH = 24 };
    uint64_t before = memory_resident();
    struct ids *ids = open_ids(WINDOW_MAX, 2);
    ids_narrow(ids, WINDOW_DEFAULT);
    assert_in_range(memory_resident() - before, 0, SLACK); /* nothing before it fills */
    for (uint64_t index = 0; index < WINDOW_DEFAULT * UINT64_C(3) / 2; index++) {
        add_number(ids, index, index);
    }
    assert_in_range(memory_resident() - before, 0, (uint64_t)WINDOW_DEFAULT * BYTES_EACH + SLACK);
    ids_close(ids);
}

static void test_close_accepts_nothing(void **state)
{
    (void)state;
    ids_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_the_last_window_is_remembered),
        cmocka_unit_test(test_an_id_that_was_forgotten_can_be_decided_again),
        cmocka_unit_test(test_records_without_id_count_and_leave_no_id),
        cmocka_unit_test(test_an_id_of_zeros_is_an_id),
        cmocka_unit_test(test_every_bit_of_an_id_matters),
        cmocka_unit_test(test_a_run_of_slots_over_the_end_of_the_table_stays_whole),
        cmocka_unit_test(test_a_narrowed_memory_is_one_of_that_window),
        cmocka_unit_test(test_memory_is_24_bytes_for_each_record_of_the_window),
        cmocka_unit_test(test_close_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
