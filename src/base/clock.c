#include "base/clock.h"

#include <time.h>

#include "base/check.h"

enum { MICROSECONDS = 1000 * 1000, SECONDS_A_DAY = 24 * 60 * 60 };

static const uint64_t TIME_US_MAX = UINT64_C(253402300799999999); /* 9999-12-31T23:59:59.999999Z */

static uint64_t now_us(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (uint64_t)now.tv_sec * MICROSECONDS + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t monotonic_us(void *context)
{
    (void)context;
    return now_us(CLOCK_MONOTONIC);
}

static uint64_t realtime_us(void *context)
{
    (void)context;
    return now_us(CLOCK_REALTIME);
}

const struct clock CLOCK_SYSTEM = {monotonic_us, realtime_us, NULL};

/* Writes `value` in decimal, right-aligned with zeros. */
static void digits_put(char *target, uint32_t value, uint32_t count)
{
    while (count > 0) {
        count--;
        target[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Not gmtime_r, which takes the C library's time zone lock: a statement shows up to eleven times.
 * The year is counted from 1 March, so that the leap day is its last, and in cycles of 400 years,
 * which all have 146,097 days. */
void clock_format_rfc3339(uint64_t realtime_us, char out[CLOCK_RFC3339_SIZE])
{
    static const char TEMPLATE[CLOCK_RFC3339_SIZE] = "0000-00-00T00:00:00.000000Z";
    uint64_t time_us = realtime_us < TIME_US_MAX ? realtime_us : TIME_US_MAX;
    uint64_t time_s = time_us / MICROSECONDS;
    uint32_t second = (uint32_t)(time_s % SECONDS_A_DAY);
    uint32_t day = (uint32_t)(time_s / SECONDS_A_DAY) + 719468; /* since 0000-03-01 */

    uint32_t cycle = day / 146097;
    uint32_t day_of_cycle = day % 146097;
    uint32_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    uint32_t day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    uint32_t month_from_march = (5 * day_of_year + 2) / 153;
    uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    uint32_t year = cycle * 400 + year_of_cycle + (month <= 2 ? 1 : 0);

    for (uint32_t i = 0; i < CLOCK_RFC3339_SIZE; i++) {
        out[i] = TEMPLATE[i];
    }
    digits_put(out, year, 4);
    digits_put(out + 5, month, 2);
    digits_put(out + 8, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
    digits_put(out + 11, second / 3600, 2);
    digits_put(out + 14, second / 60 % 60, 2);
    digits_put(out + 17, second % 60, 2);
    digits_put(out + 20, (uint32_t)(time_us % MICROSECONDS), 6);
}
