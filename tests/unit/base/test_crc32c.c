#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c_table.h"

enum { SIZE_MAX_TESTED = 96, ALIGNMENTS = 9 };

/* Both ways must agree with each other and with the value. */
static void expect(const void *source, size_t size, uint32_t value)
{
    assert_int_equal(crc32c(0, source, size), value);
    assert_int_equal(crc32c_portable(0, source, size), value);
}

static uint32_t bit_by_bit(const uint8_t *source, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= source[i];
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
        }
    }
    return ~crc;
}

static void the_vectors_of_rfc_3720_hold(void **state)
{
    (void)state;
    static const uint8_t READ_COMMAND[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    uint8_t bytes[32];
    memset(bytes, 0, sizeof(bytes));
    expect(bytes, sizeof(bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    expect(bytes, sizeof(bytes), 0x62a8ab43);
    for (uint32_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    expect(bytes, sizeof(bytes), 0x46dd794e);
    for (uint32_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    expect(bytes, sizeof(bytes), 0x113fdb5c);
    expect(READ_COMMAND, sizeof(READ_COMMAND), 0xd9963a56);
    expect("123456789", 9, 0xe3069283);
    expect("", 0, 0);
}

static void every_size_at_every_alignment_is_the_sum_bit_by_bit(void **state)
{
    (void)state;
    uint8_t bytes[SIZE_MAX_TESTED + ALIGNMENTS];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 151 + (i >> 3));
    }
    for (size_t start = 0; start < ALIGNMENTS; start++) {
        for (size_t size = 0; size <= SIZE_MAX_TESTED; size++) {
            expect(bytes + start, size, bit_by_bit(bytes + start, size));
        }
    }
}

static void a_checksum_continues_where_the_last_one_ended(void **state)
{
    (void)state;
    static const char TEXT[] = "the checksum of a followed by b, cut at every byte of the two";
    uint32_t whole = crc32c(0, TEXT, sizeof(TEXT));
    for (size_t cut = 0; cut <= sizeof(TEXT); cut++) {
        uint32_t first = crc32c(0, TEXT, cut);
        assert_int_equal(crc32c(first, TEXT + cut, sizeof(TEXT) - cut), whole);
        assert_int_equal(crc32c_portable(first, TEXT + cut, sizeof(TEXT) - cut), whole);
    }
}

static void the_table_follows_from_the_polynomial(void **state)
{
    (void)state;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
        }
        assert_int_equal(TABLE[0][byte], crc);
    }
    for (uint32_t row = 1; row < 8; row++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = TABLE[row - 1][byte];
            assert_int_equal(TABLE[row][byte], before >> 8 ^ TABLE[0][before & 0xff]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_3720_hold),
        cmocka_unit_test(every_size_at_every_alignment_is_the_sum_bit_by_bit),
        cmocka_unit_test(a_checksum_continues_where_the_last_one_ended),
        cmocka_unit_test(the_table_follows_from_the_polynomial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
