#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int u64_compare(const void *left, const void *right)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, left, sizeof(a));
    memcpy(&b, right, sizeof(b));
    return (a > b) - (a < b);
}

static void no_number_comes_twice(void **state)
{
    (void)state;
    enum { COUNT = 5000 }; /* ten pools */
    static uint64_t numbers[COUNT];
    struct random_system system;
    struct random random = random_system_init(&system);
    for (uint32_t i = 0; i < COUNT; i++) {
        numbers[i] = random_u64(&random);
    }
    qsort(numbers, COUNT, sizeof(numbers[0]), u64_compare);
    for (uint32_t i = 1; i < COUNT; i++) {
        assert_true(numbers[i - 1] != numbers[i]);
    }
}

/* 64 zeros in a row are as good as impossible; a piece that was not filled would show them. */
static void every_byte_is_filled_whatever_the_size(void **state)
{
    (void)state;
    static uint8_t bytes[3 * 4096 + 100];
    struct random_system system;
    struct random random = random_system_init(&system);
    for (size_t size = 0; size <= sizeof(bytes); size += 997) {
        uint32_t zeros = 0;
        memset(bytes, 0, sizeof(bytes));
        random.fill(random.context, bytes, size);
        for (size_t i = 0; i < size; i++) {
            zeros = bytes[i] == 0 ? zeros + 1 : 0;
            assert_true(zeros < 64);
        }
        for (size_t i = size; i < sizeof(bytes); i++) {
            assert_int_equal(bytes[i], 0);
        }
    }
}

static void seven_fill(void *context, void *target, size_t size)
{
    (void)context;
    memset(target, 7, size);
}

static void a_number_is_eight_bytes_of_the_source(void **state)
{
    (void)state;
    const struct random random = {seven_fill, NULL};
    assert_int_equal(random_u64(&random), UINT64_C(0x0707070707070707));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_number_comes_twice),
        cmocka_unit_test(every_byte_is_filled_whatever_the_size),
        cmocka_unit_test(a_number_is_eight_bytes_of_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
