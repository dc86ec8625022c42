#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void expect(const char *source, uint32_t size, const char *rendered)
{
    char target[256];
    uint32_t written = json_string_render(target, source, size);
    assert_int_equal(written, strlen(rendered));
    assert_memory_equal(target, rendered, written);
}

static void strings_are_quoted_and_escaped(void **state)
{
    (void)state;
    expect("", 0, "\"\"");
    expect("plain", 5, "\"plain\"");
    expect("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    expect("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    expect("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
    expect("descrição", 11, "\"descrição\"");
    expect("\xf0\x9f\x92\xb0", 4, "\"\xf0\x9f\x92\xb0\"");
}

/* All code points that UTF-8 can carry, read back by another implementation. */
static void every_character_is_read_back_as_it_was(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x10000; point++) {
        if (point >= 0xd800 && point < 0xe000) {
            continue;
        }
        char source[3];
        uint32_t size = 1;
        if (point < 0x80) {
            source[0] = (char)point;
        } else if (point < 0x800) {
            source[0] = (char)(0xc0 | point >> 6);
            source[1] = (char)(0x80 | (point & 0x3f));
            size = 2;
        } else {
            source[0] = (char)(0xe0 | point >> 12);
            source[1] = (char)(0x80 | (point >> 6 & 0x3f));
            source[2] = (char)(0x80 | (point & 0x3f));
            size = 3;
        }
        char target[6 * sizeof(source) + 2];
        uint32_t written = json_string_render(target, source, size);
        json_t *value = json_loadb(target, written, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        assert_int_equal(json_string_length(value), size);
        assert_memory_equal(json_string_value(value), source, size);
        json_decref(value);
    }
}

static void the_room_that_the_header_asks_for_is_enough(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char source[40];
        memset(source, byte, sizeof(source));
        char *target = malloc(6 * sizeof(source) + 2); /* the sanitizer guards its end */
        assert_non_null(target);
        uint32_t written = json_string_render(target, source, sizeof(source));
        assert_true(written <= 6 * sizeof(source) + 2);
        free(target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_quoted_and_escaped),
        cmocka_unit_test(every_character_is_read_back_as_it_was),
        cmocka_unit_test(the_room_that_the_header_asks_for_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
