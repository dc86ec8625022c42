/* The rule of http_server_mark, held against a model that remembers every byte's own mark. */
#include "http/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BYTES_MAX = 4096, STEPS = 200000 };

static void a_socket_that_was_empty_gives_the_newest_mark(void **state)
{
    (void)state;
    struct http_source source = {0};
    assert_int_equal(http_source_read(&source, 7, true), 7);
    assert_int_equal(http_source_read(&source, 9, true), 9);
}

static void a_socket_that_was_left_with_bytes_keeps_its_mark_until_it_is_empty(void **state)
{
    (void)state;
    struct http_source source = {0};
    assert_int_equal(http_source_read(&source, 7, false), 7);
    assert_int_equal(http_source_read(&source, 8, false), 7);
    assert_int_equal(http_source_read(&source, 9, true), 7);
    assert_int_equal(http_source_read(&source, 10, true), 10);
}

static void a_socket_that_was_not_read_keeps_the_mark_of_when_reading_stopped(void **state)
{
    (void)state;
    struct http_source source = {0};
    http_source_stop(&source, 3);
    assert_int_equal(http_source_read(&source, 9, true), 3);
    assert_int_equal(http_source_read(&source, 10, true), 10);
    /* Stopped with bytes left behind: they are as old as that read. */
    assert_int_equal(http_source_read(&source, 11, false), 11);
    http_source_stop(&source, 12);
    http_source_stop(&source, 13);
    assert_int_equal(http_source_read(&source, 14, true), 11);
}

static void a_new_connection_gives_the_mark_of_its_accept(void **state)
{
    (void)state;
    struct http_source source = {true, 5};
    assert_int_equal(http_source_read(&source, 9, true), 5);
    assert_int_equal(http_source_read(&source, 10, true), 10);
}

static void bytes_keep_the_mark_of_their_read_while_two_suffice(void **state)
{
    (void)state;
    struct http_input input = {0};
    http_input_add(&input, 10, 1);
    http_input_add(&input, 10, 2);
    http_input_add(&input, 10, 3); /* merges with 2 */
    http_input_use(&input, 9);
    assert_int_equal(http_input_mark(&input), 1);
    http_input_use(&input, 1);
    assert_int_equal(http_input_mark(&input), 2);
    http_input_add(&input, 10, 4);
    http_input_use(&input, 19);
    assert_int_equal(http_input_mark(&input), 2);
    http_input_use(&input, 1);
    assert_int_equal(http_input_mark(&input), 4);
    http_input_use(&input, 10);
    http_input_add(&input, 1, 5);
    assert_int_equal(http_input_mark(&input), 5);
}

struct model {
    struct http_input input;
    uint64_t now;
    uint32_t reads; /* since the input was empty */
    uint64_t marks[BYTES_MAX];
};

static void model_add(struct model *m, uint32_t size)
{
    if (m->input.start == m->input.end) {
        m->input = (struct http_input){0};
        m->reads = 0;
    }
    size = size < BYTES_MAX - m->input.end ? size : BYTES_MAX - m->input.end;
    for (uint32_t i = 0; i < size; i++) {
        m->marks[m->input.end + i] = m->now;
    }
    http_input_add(&m->input, size, m->now);
    m->reads++;
}

static void model_check(const struct model *m)
{
    const struct http_input *input = &m->input;
    if (http_input_size(input) == 0) {
        return;
    }
    assert_true(input->start <= input->boundary && input->boundary <= input->end);
    assert_true(http_input_mark(input) <= m->marks[input->start]);
    /* With two reads at most nothing needs to be merged. */
    assert_true(m->reads > 2 || http_input_mark(input) == m->marks[input->start]);
}

static void a_mark_is_never_newer_than_that_of_the_byte(void **state)
{
    (void)state;
    static struct model m;
    uint32_t seed = 1;
    for (uint32_t step = 0; step < STEPS; step++) {
        seed = seed * 1103515245U + 12345U;
        uint32_t random = seed >> 16;
        m.now += random % 3;
        if (random % 2 == 0) {
            model_add(&m, 1 + random / 2 % 40);
        } else if (http_input_size(&m.input) > 0) {
            http_input_use(&m.input, 1 + random / 2 % http_input_size(&m.input));
        }
        model_check(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_that_was_empty_gives_the_newest_mark),
        cmocka_unit_test(a_socket_that_was_left_with_bytes_keeps_its_mark_until_it_is_empty),
        cmocka_unit_test(a_socket_that_was_not_read_keeps_the_mark_of_when_reading_stopped),
        cmocka_unit_test(a_new_connection_gives_the_mark_of_its_accept),
        cmocka_unit_test(bytes_keep_the_mark_of_their_read_while_two_suffice),
        cmocka_unit_test(a_mark_is_never_newer_than_that_of_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
