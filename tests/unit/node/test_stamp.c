#include "node/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TURNS = 6, STEPS = 4, SEQUENCES = 4 * 4 * 4 * 4 * 4 * 4 };

/* Every way in which a journal can grow by 0 to 3 records a turn. */
static void the_mark_of_a_turn_is_the_length_at_the_start_of_the_turn_before(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < SEQUENCES; code++) {
        uint64_t before = 100;
        uint64_t length = 100;
        uint32_t rest = code;
        struct stamp stamp = stamp_begin(before);
        for (int turn = 0; turn < TURNS; turn++) {
            length += rest % STEPS;
            rest /= STEPS;
            uint64_t mark = stamp_turn(&stamp, length);
            assert_true(mark == before);
            assert_true(mark <= length); /* never newer than now */
            before = length;
        }
    }
}

/* A node that starts with what was settled, and replays its log in one turn: what was read meanwhile
 * may have come before the first of those records. */
static void the_first_mark_is_what_was_settled_before_any_socket_was_open(void **state)
{
    (void)state;
    struct stamp stamp = stamp_begin(7);
    assert_true(stamp_turn(&stamp, 7) == 7);
    assert_true(stamp_turn(&stamp, 1000000) == 7);
    assert_true(stamp_turn(&stamp, 1000001) == 1000000);
    stamp = stamp_begin(0);
    assert_true(stamp_turn(&stamp, UINT64_MAX) == 0);
    assert_true(stamp_turn(&stamp, UINT64_MAX) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mark_of_a_turn_is_the_length_at_the_start_of_the_turn_before),
        cmocka_unit_test(the_first_mark_is_what_was_settled_before_any_socket_was_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
