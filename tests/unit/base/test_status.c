#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static void every_status_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = STATUS_OK; i <= STATUS_NO_MEMORY; i++) {
        assert_non_null(status_name((enum status)i));
        for (int k = STATUS_OK; k < i; k++) {
            assert_string_not_equal(status_name((enum status)i), status_name((enum status)k));
        }
    }
}

static void integers_are_little_endian_at_every_alignment(void **state)
{
    (void)state;
    for (size_t start = 0; start < 8; start++) {
        uint8_t bytes[24] = {0};
        bytes_put_u64(bytes + start, UINT64_C(0x1122334455667788));
        assert_int_equal(bytes[start], 0x88);
        assert_int_equal(bytes[start + 7], 0x11);
        assert_int_equal(bytes_get_u64(bytes + start), UINT64_C(0x1122334455667788));
        assert_int_equal(bytes_get_u32(bytes + start), 0x55667788);
        assert_int_equal(bytes_get_u16(bytes + start), 0x7788);
        bytes_put_u32(bytes + start, 0xaabbccdd);
        assert_int_equal(bytes_get_u64(bytes + start), UINT64_C(0x11223344aabbccdd));
        bytes_put_u16(bytes + start, 0x0102);
        assert_int_equal(bytes_get_u64(bytes + start), UINT64_C(0x11223344aabb0102));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_of_its_own),
        cmocka_unit_test(integers_are_little_endian_at_every_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
