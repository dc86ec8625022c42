#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Standard error is a pipe in packet mode while a test runs: each read is one write. */
struct fixture {
    int saved;
    int reading;
    char line[2 * LOG_LINE_SIZE_MAX];
    size_t size;
};

static int begin(void **state)
{
    static struct fixture fixture;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_DIRECT | O_NONBLOCK) != 0) {
        return -1;
    }
    fixture.saved = dup(STDERR_FILENO);
    fixture.reading = ends[0];
    if (dup2(ends[1], STDERR_FILENO) < 0) {
        return -1;
    }
    (void)close(ends[1]);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    if (dup2(f->saved, STDERR_FILENO) < 0) {
        return -1;
    }
    (void)close(f->saved);
    (void)close(f->reading);
    return 0;
}

/* Reads one write and checks that there is no other. */
static void line_read(struct fixture *f)
{
    char more;
    ssize_t count = read(f->reading, f->line, sizeof(f->line) - 1);
    assert_true(count > 0);
    f->size = (size_t)count;
    f->line[f->size] = '\0';
    assert_int_equal(read(f->reading, &more, 1), -1);
    assert_int_equal(f->line[f->size - 1], '\n');
}

static void a_line_is_time_level_event_and_pairs(void **state)
{
    struct fixture *f = *state;
    log_info("ready", "address=%s records=%d", "127.0.0.1:9999", 12);
    line_read(f);
    assert_memory_equal(f->line, "20", 2);
    assert_int_equal(f->line[26], 'Z');
    assert_string_equal(f->line + 27, " info ready address=127.0.0.1:9999 records=12\n");
    log_warning("slow", "wait_ms=%d", 5);
    line_read(f);
    assert_string_equal(f->line + 27, " warning slow wait_ms=5\n");
    log_error("disk-failed", "operation=%s", "write");
    line_read(f);
    assert_string_equal(f->line + 27, " error disk-failed operation=write\n");
}

static void without_pairs_a_line_ends_after_the_event(void **state)
{
    struct fixture *f = *state;
    log_info("stopped", "%s", "");
    line_read(f);
    assert_string_equal(f->line + 27, " info stopped \n");
    const char *none = "";
    log_info("stopped", none, 0);
    line_read(f);
    assert_string_equal(f->line + 27, " info stopped\n");
}

static void a_value_cannot_pose_as_another_line(void **state)
{
    struct fixture *f = *state;
    log_info("request", "target=%s", "/a\n2026 error\x1b[2J\x7f");
    line_read(f);
    assert_string_equal(f->line + 27, " info request target=/a?2026 error?[2J?\n");
}

static void a_line_of_any_length_is_cut_to_the_most_and_keeps_its_end(void **state)
{
    struct fixture *f = *state;
    static char value[2 * LOG_LINE_SIZE_MAX];
    for (size_t size = 0; size < sizeof(value) - 1; size++) {
        value[size] = 'v';
        value[size + 1] = '\0';
        log_info("long", "value=%s", value);
        line_read(f);
        size_t whole = strlen("2026-11-23T21:40:00.123456Z info long value=") + size + 2;
        assert_int_equal(f->size, whole < LOG_LINE_SIZE_MAX ? whole : LOG_LINE_SIZE_MAX);
    }
    log_info(value, "pairs=%d", 1);
    line_read(f);
    assert_int_equal(f->size, LOG_LINE_SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_time_level_event_and_pairs, begin, end),
        cmocka_unit_test_setup_teardown(without_pairs_a_line_ends_after_the_event, begin, end),
        cmocka_unit_test_setup_teardown(a_value_cannot_pose_as_another_line, begin, end),
        cmocka_unit_test_setup_teardown(a_line_of_any_length_is_cut_to_the_most_and_keeps_its_end,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
