#include "base/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

static struct record example(void)
{
    struct record record = {
        .kind = RECORD_CREDIT,
        .type = 'c',
        .description_size = 3,
        .account = 1,
        .place = 2,
        .previous = 3,
        .amount = 1000,
        .balance = -50,
        .limit = 100000,
        .time_us = 5,
        .log_index = 6,
        .description = "abc",
    };
    return record;
}

static void a_sealed_record_is_whole_at_its_index_only(void **state)
{
    (void)state;
    struct record record = example();
    for (uint64_t index = 0; index < 300; index++) {
        record_seal(&record, index);
        for (uint64_t other = 0; other < 300; other++) {
            assert_int_equal(record_is_whole(&record, other), index == other);
        }
        assert_false(record_is_whole(&record, index + (UINT64_C(1) << 32)));
    }
}

static void a_flip_of_any_bit_shows(void **state)
{
    (void)state;
    struct record record = example();
    uint8_t bytes[RECORD_SIZE];
    record_seal(&record, 9);
    for (uint32_t bit = 0; bit < RECORD_SIZE * 8; bit++) {
        memcpy(bytes, &record, sizeof(bytes));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        struct record flipped;
        memcpy(&flipped, bytes, sizeof(bytes));
        assert_false(record_is_whole(&flipped, 9));
    }
    assert_true(record_is_whole(&record, 9));
}

static void zeros_are_no_record_at_any_index(void **state)
{
    (void)state;
    const struct record zeros = {0};
    struct record sealed = {0};
    for (uint64_t index = 0; index < 1000; index++) {
        assert_false(record_is_whole(&zeros, index));
        record_seal(&sealed, index); /* as if its checksum were right by chance */
        assert_false(record_is_whole(&sealed, index));
    }
}

static void the_checksum_is_the_one_the_header_names(void **state)
{
    (void)state;
    struct record record = example();
    uint8_t bytes[RECORD_SIZE];
    const uint8_t index[8] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    record_seal(&record, UINT64_C(0x1122334455667788));
    memcpy(bytes, &record, sizeof(bytes));
    assert_int_equal(record.checksum, crc32c(crc32c(0, index, 8), bytes + 4, RECORD_SIZE - 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_record_is_whole_at_its_index_only),
        cmocka_unit_test(a_flip_of_any_bit_shows),
        cmocka_unit_test(zeros_are_no_record_at_any_index),
        cmocka_unit_test(the_checksum_is_the_one_the_header_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
