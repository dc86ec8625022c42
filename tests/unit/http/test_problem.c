#include "http/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void expect_text(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    assert_non_null(value);
    assert_string_equal(value, text);
}

static json_t *render(const struct http_problem *problem)
{
    char target[HTTP_PROBLEM_SIZE_MAX];
    uint32_t size = http_problem_render(problem, target);
    assert_in_range(size, 1, HTTP_PROBLEM_SIZE_MAX);
    json_t *object = json_loadb(target, size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static void a_problem_is_json_with_its_members(void **state)
{
    (void)state;
    struct http_problem problem = {.status = 422,
                                   .type = "limit",
                                   .title = "The limit would be exceeded",
                                   .detail = "line\n \"quoted\" \\ \x01 \xc3\xa9",
                                   .field = "valor"};
    json_t *object = render(&problem);
    assert_int_equal(json_object_size(object), 5);
    expect_text(object, "type", "urn:crebito:problem:limit");
    expect_text(object, "title", problem.title);
    expect_text(object, "detail", problem.detail);
    expect_text(object, "field", "valor");
    assert_int_equal(json_integer_value(json_object_get(object, "status")), 422);
    json_decref(object);

    problem.field = NULL;
    object = render(&problem);
    assert_int_equal(json_object_size(object), 4);
    json_decref(object);
}

/* Each unit is one character, plain, escaped or of several bytes; cuts never split one. */
static void a_long_detail_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const UNITS[] = {
        "x", "\"", "\\", "\n", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80"};
    static char detail[8 * HTTP_PROBLEM_SIZE_MAX];
    for (uint32_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        size_t unit = strlen(UNITS[i]);
        size_t size = 0;
        for (uint32_t j = 0; j < 1500; j++, size += unit) {
            memcpy(detail + size, UNITS[i], unit);
            detail[size + unit] = '\0';
        }
        struct http_problem problem = {.status = 400, .type = "t", .title = "T", .detail = detail};
        json_t *object = render(&problem);
        size_t kept = strlen(json_string_value(json_object_get(object, "detail")));
        assert_int_equal(kept % unit, 0);
        assert_in_range(kept, 100, HTTP_PROBLEM_SIZE_MAX);
        json_decref(object);
    }
}

static void every_status_in_use_has_its_phrase(void **state)
{
    (void)state;
    static const uint16_t USED[] = {200, 400, 404, 405, 408, 413, 414,
                                    417, 422, 431, 501, 503, 505};
    for (uint32_t i = 0; i < sizeof(USED) / sizeof(USED[0]); i++) {
        assert_string_not_equal(http_status_phrase(USED[i]), "Unknown");
    }
    assert_string_equal(http_status_phrase(422), "Unprocessable Content");
    assert_string_equal(http_status_phrase(299), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_is_json_with_its_members),
        cmocka_unit_test(a_long_detail_is_cut_between_characters),
        cmocka_unit_test(every_status_in_use_has_its_phrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
