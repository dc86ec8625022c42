#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const uint64_t SECOND_US = 1000000;

static void expect_text(uint64_t time_us, const char *text)
{
    char line[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(time_us, line);
    assert_string_equal(line, text);
}

static void times_are_shown_as_rfc_3339_says(void **state)
{
    (void)state;
    expect_text(0, "1970-01-01T00:00:00.000000Z");
    expect_text(1, "1970-01-01T00:00:00.000001Z");
    expect_text(UINT64_C(1705458881217753), "2024-01-17T02:34:41.217753Z");
    expect_text(UINT64_C(951827696000000), "2000-02-29T12:34:56.000000Z");
    expect_text(UINT64_C(4107542399999999), "2100-02-28T23:59:59.999999Z");
    expect_text(UINT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z");
    expect_text(UINT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z");
}

static void a_time_after_the_year_9999_is_shown_as_the_last_one(void **state)
{
    (void)state;
    expect_text(UINT64_C(253402300800000000), "9999-12-31T23:59:59.999999Z");
    expect_text(UINT64_MAX, "9999-12-31T23:59:59.999999Z");
}

/* The C library is the judge, at another time of each day. */
static void every_day_until_the_year_9999_is_the_c_librarys(void **state)
{
    (void)state;
    const uint64_t days = 2932897;
    for (uint64_t day = 0; day < days; day++) {
        uint64_t second = day * 86400 + day * 7919 % 86400;
        time_t time = (time_t)second;
        struct tm fields;
        char expected[64];
        char line[CLOCK_RFC3339_SIZE];
        assert_non_null(gmtime_r(&time, &fields));
        assert_int_not_equal(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &fields), 0);
        clock_format_rfc3339(second * SECOND_US + 42, line);
        if (memcmp(line, expected, 19) != 0) {
            assert_string_equal(line, expected);
        }
    }
}

static void the_kernels_clocks_go_forward_and_know_the_century(void **state)
{
    (void)state;
    uint64_t last = CLOCK_SYSTEM.monotonic_us(CLOCK_SYSTEM.context);
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t now = CLOCK_SYSTEM.monotonic_us(CLOCK_SYSTEM.context);
        assert_true(now >= last);
        last = now;
    }
    uint64_t year_us = SECOND_US * 86400 * 365;
    assert_in_range(CLOCK_SYSTEM.realtime_us(CLOCK_SYSTEM.context), 50 * year_us, 130 * year_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_shown_as_rfc_3339_says),
        cmocka_unit_test(a_time_after_the_year_9999_is_shown_as_the_last_one),
        cmocka_unit_test(every_day_until_the_year_9999_is_the_c_librarys),
        cmocka_unit_test(the_kernels_clocks_go_forward_and_know_the_century),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
