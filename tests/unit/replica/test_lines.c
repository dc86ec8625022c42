#include "replica/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/memory_disk.h"

enum { FILE_SIZE_MAX = 4 * LINES_BUFFER_SIZE };

static const char NAME[] = "file";

struct file {
    struct disk *disk;
    struct lines lines;
};

static struct file *file_open(const char *bytes, uint64_t size)
{
    struct file *file = calloc(1, sizeof(*file));
    assert_non_null(file);
    file->disk = memory_disk_open();
    memory_disk_put(file->disk, NAME, bytes, size);
    assert_int_equal(lines_open(&file->lines, file->disk, NAME), STATUS_OK);
    return file;
}

static void file_close(struct file *file)
{
    lines_close(&file->lines);
    memory_disk_close(file->disk);
    free(file);
}

static void expect_line(struct file *file, const char *line, uint32_t size)
{
    const char *found;
    uint32_t found_size;
    uint64_t before = file->lines.number;
    assert_int_equal(lines_next(&file->lines, &found, &found_size), STATUS_OK);
    assert_int_equal(found_size, size);
    assert_memory_equal(found, line, size);
    assert_int_equal(file->lines.number, before + 1);
}

static void expect_end(struct file *file)
{
    const char *found;
    uint32_t size;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lines_next(&file->lines, &found, &size), STATUS_MISSING);
    }
}

static void expect_hash(struct file *file, const char *bytes, uint64_t size)
{
    uint8_t expected[SHA256_SIZE];
    uint8_t found[SHA256_SIZE];
    struct sha256 *sha256 = sha256_open();
    sha256_begin(sha256);
    sha256_add(sha256, bytes, size);
    sha256_end(sha256, expected);
    sha256_close(sha256);
    lines_hash(&file->lines, found);
    assert_memory_equal(found, expected, SHA256_SIZE);
}

/* A text and its lines, one after the other, each ended by '|'. */
static void expect_lines(const char *text, const char *lines)
{
    struct file *file = file_open(text, strlen(text));
    while (*lines != '\0') {
        const char *end = strchr(lines, '|');
        expect_line(file, lines, (uint32_t)(end - lines));
        lines = end + 1;
    }
    expect_end(file);
    expect_hash(file, text, strlen(text));
    file_close(file);
}

static void lines_end_with_a_newline_or_with_the_file(void **state)
{
    (void)state;
    expect_lines("", "");
    expect_lines("\n", "|");
    expect_lines("a", "a|");
    expect_lines("a\n", "a|");
    expect_lines("a\nb", "a|b|");
    expect_lines("a\nb\n", "a|b|");
    expect_lines("\n\na\n\n", "||a||");
}

static void one_carriage_return_before_the_end_belongs_to_it(void **state)
{
    (void)state;
    expect_lines("a\r\nb\r\n", "a|b|");
    expect_lines("\r\n", "|");
    expect_lines("a\r", "a|");
    expect_lines("a\r\r\n", "a\r|");
    expect_lines("a\rb\n", "a\rb|");
    expect_lines("\rb\n", "\rb|");
}

static void expect_long_line(uint32_t size, const char *end)
{
    static char bytes[FILE_SIZE_MAX];
    memset(bytes, 'x', size);
    int more = snprintf(bytes + size, 32, "%ssecond\nthird", end);
    uint64_t all = size + (uint64_t)more;
    struct file *file = file_open(bytes, all);
    expect_line(file, bytes, size);
    expect_line(file, "second", 6);
    expect_line(file, "third", 5);
    expect_end(file);
    expect_hash(file, bytes, all);
    file_close(file);
}

/* The first line's end, its newline and the carriage return come to lie on every side of the buffer's
 * end; what is behind it moves. */
static void a_line_is_whole_wherever_the_buffer_ends(void **state)
{
    (void)state;
    for (uint32_t size = LINES_BUFFER_SIZE - 40; size < LINES_BUFFER_SIZE; size++) {
        expect_long_line(size, "\n");
    }
    for (uint32_t size = LINES_BUFFER_SIZE - 40; size < LINES_BUFFER_SIZE - 1; size++) {
        expect_long_line(size, "\r\n");
    }
}

static void a_line_fits_if_it_and_its_end_fit_into_the_buffer(void **state)
{
    (void)state;
    static char bytes[FILE_SIZE_MAX];
    const char *found;
    uint32_t found_size;
    memset(bytes, 'x', sizeof(bytes));
    for (uint32_t size = LINES_BUFFER_SIZE - 3; size < LINES_BUFFER_SIZE + 3; size++) {
        bytes[size] = '\n';
        struct file *file = file_open(bytes, size + 1);
        if (size < LINES_BUFFER_SIZE) {
            expect_line(file, bytes, size);
            expect_end(file);
        } else {
            assert_int_equal(lines_next(&file->lines, &found, &found_size), STATUS_INVALID);
        }
        file_close(file);
        bytes[size] = 'x';
    }
    struct file *file = file_open(bytes, sizeof(bytes));
    assert_int_equal(lines_next(&file->lines, &found, &found_size), STATUS_INVALID);
    file_close(file);
}

static void expect_short_lines(uint32_t size)
{
    enum {
        LINE = 8
    }; /* with its end no divisor of the buffer: something is left in it each time */
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz";
    static char bytes[FILE_SIZE_MAX];
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = LETTERS[i / (LINE + 1) % 26];
        if (i % (LINE + 1) == LINE) {
            bytes[i] = '\n';
        }
    }
    struct file *file = file_open(bytes, size);
    for (uint32_t at = 0; at < size; at += LINE + 1) {
        expect_line(file, bytes + at, size - at < LINE ? size - at : LINE);
    }
    expect_end(file);
    expect_hash(file, bytes, size);
    file_close(file);
}

static void a_file_about_as_long_as_some_buffers_has_an_end(void **state)
{
    (void)state;
    for (uint32_t times = 1; times <= 3; times++) {
        for (uint32_t more = 0; more < 20; more++) {
            expect_short_lines(times * LINES_BUFFER_SIZE - 10 + more);
        }
    }
}

static void a_failed_read_is_told(void **state)
{
    (void)state;
    const char *found;
    uint32_t size;
    struct file *file = file_open("a\nb\n", 4);
    memory_disk_fail_read(file->disk, 1, MEMORY_DISK_ONCE);
    assert_int_equal(lines_next(&file->lines, &found, &size), STATUS_IO);
    file_close(file);
}

static void a_file_that_is_not_there_is_missing(void **state)
{
    (void)state;
    static struct lines lines;
    struct disk *disk = memory_disk_open();
    assert_int_equal(lines_open(&lines, disk, NAME), STATUS_MISSING);
    memory_disk_close(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_a_newline_or_with_the_file),
        cmocka_unit_test(one_carriage_return_before_the_end_belongs_to_it),
        cmocka_unit_test(a_line_is_whole_wherever_the_buffer_ends),
        cmocka_unit_test(a_line_fits_if_it_and_its_end_fit_into_the_buffer),
        cmocka_unit_test(a_file_about_as_long_as_some_buffers_has_an_end),
        cmocka_unit_test(a_failed_read_is_told),
        cmocka_unit_test(a_file_that_is_not_there_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
