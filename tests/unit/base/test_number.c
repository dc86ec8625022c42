#include "base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t UNTOUCHED = UINT64_C(0xabcdef);

/* From memory of exactly this size: a byte read beyond it is found. */
static bool read_exact(const char *data, uint32_t size, uint64_t *out)
{
    char *copy = malloc(size + 1U);
    assert_non_null(copy);
    memcpy(copy + 1, data, size);
    *out = UNTOUCHED;
    bool read = number_read(copy + 1, size, out);
    free(copy);
    return read;
}

static void expect(const char *text, uint64_t number)
{
    uint64_t value;
    assert_true(read_exact(text, (uint32_t)strlen(text), &value));
    assert_true(value == number);
}

static void refuse(const char *text)
{
    uint64_t value;
    assert_false(read_exact(text, (uint32_t)strlen(text), &value));
    assert_true(value == UNTOUCHED);
}

static void every_number_is_read_back_from_its_digits(void **state)
{
    (void)state;
    char text[24];
    for (uint64_t number = 0; number < 20000; number++) {
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        expect(text, number);
    }
    for (uint32_t bit = 0; bit < 64; bit++) {
        for (uint64_t step = 0; step < 3; step++) {
            uint64_t number = (UINT64_C(1) << bit) + step - 1;
            (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
            expect(text, number);
        }
    }
}

static void the_largest_number_is_two_to_the_64_minus_one(void **state)
{
    (void)state;
    static const char *const MORE[] = {
        "18446744073709551616",  "18446744073709551617", "18446744073709551619",
        "18446744073709551620",  "18446744073709551700", "18446744073709552000",
        "18446744073709560000",  "19000000000000000000", "20000000000000000000",
        "99999999999999999999",  "36893488147419103232", "184467440737095516150",
        "100000000000000000000",
    };
    expect("18446744073709551614", UINT64_MAX - 1);
    expect("18446744073709551615", UINT64_MAX);
    for (size_t i = 0; i < sizeof(MORE) / sizeof(MORE[0]); i++) {
        refuse(MORE[i]);
    }
}

static void a_number_has_one_form_only(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {"",   "00", "01", "007", "-0",  "-1",  "+1", " 1",
                                         "1 ", "1.", ".1", "1e3", "0x1", "1_0", "1,0"};
    expect("0", 0);
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        refuse(OTHERS[i]);
    }
}

static void a_byte_that_is_no_digit_is_refused_at_every_place(void **state)
{
    (void)state;
    static const char DIGITS[] = "1234567";
    for (uint32_t place = 0; place < sizeof(DIGITS) - 1; place++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof(DIGITS)];
            uint64_t value;
            memcpy(text, DIGITS, sizeof(DIGITS));
            text[place] = (char)byte;
            bool digit = byte >= '0' && byte <= '9' && (place > 0 || byte != '0');
            assert_int_equal(read_exact(text, sizeof(DIGITS) - 1, &value), digit);
            assert_true(digit || value == UNTOUCHED);
        }
    }
}

static void every_prefix_of_a_number_is_its_own_number(void **state)
{
    (void)state;
    static const char DIGITS[] = "98765432109876543210";
    uint64_t expected = 0;
    for (uint32_t size = 1; size < sizeof(DIGITS) - 1; size++) {
        uint64_t value;
        expected = 10 * expected + (uint64_t)(DIGITS[size - 1] - '0');
        assert_true(read_exact(DIGITS, size, &value));
        assert_true(value == expected);
    }
    refuse(DIGITS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_read_back_from_its_digits),
        cmocka_unit_test(the_largest_number_is_two_to_the_64_minus_one),
        cmocka_unit_test(a_number_has_one_form_only),
        cmocka_unit_test(a_byte_that_is_no_digit_is_refused_at_every_place),
        cmocka_unit_test(every_prefix_of_a_number_is_its_own_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
