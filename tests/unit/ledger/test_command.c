#include "ledger/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support.h"

enum { EVERY_COUNT = 6 };

/* A command of every kind, with the extremes that a field can have. */
static void every_command(struct command out[EVERY_COUNT])
{
    out[0] = command_found(WINDOW_DEFAULT);
    out[1] = command_open(UINT64_MAX, 0);
    out[2] = command_open(0, AMOUNT_MAX);
    out[3] = command_file_done();
    out[4] = command_credit(1, AMOUNT_MAX, 5);
    out[4].stamp = UINT64_MAX;
    out[4].description_size = RECORD_DESCRIPTION_SIZE_MAX;
    memset(out[4].description, 'x', RECORD_DESCRIPTION_SIZE_MAX);
    out[5] = command_debit(UINT64_MAX, 1, 6);
    out[5].description_size = 1;
    memset(out[5].description + 1, 0, RECORD_DESCRIPTION_SIZE_MAX - 1);
}

static uint32_t every_entry(uint8_t target[ENTRY_SIZE_MAX], uint64_t time_us)
{
    struct command commands[EVERY_COUNT];
    every_command(commands);
    struct entry_builder builder;
    entry_begin(&builder, target, ENTRY_SIZE_MAX);
    for (uint32_t i = 0; i < EVERY_COUNT; i++) {
        assert_true(entry_add(&builder, &commands[i]));
    }
    entry_finish(&builder, time_us);
    return builder.size;
}

/* Reads all of an entry: STATUS_MISSING if it is whole. The bytes lie at the end of memory of their
 * own, so that the address sanitizer sees a read beyond them. */
static enum status read_all(const uint8_t *bytes, uint32_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    struct entry_reader reader;
    enum status status = entry_open(&reader, copy, size);
    struct command command;
    while (status == STATUS_OK) {
        status = entry_next(&reader, &command);
        assert_true(status != STATUS_OK || command_is_valid(&command));
    }
    free(copy);
    return status;
}

static void test_what_was_added_is_read(void **state)
{
    (void)state;
    static uint8_t entry[ENTRY_SIZE_MAX];
    struct command commands[EVERY_COUNT];
    every_command(commands);
    uint32_t size = every_entry(entry, 1234567);

    struct entry_reader reader;
    assert_int_equal(entry_open(&reader, entry, size), STATUS_OK);
    assert_true(reader.time_us == 1234567);
    for (uint32_t i = 0; i < EVERY_COUNT; i++) {
        struct command command;
        assert_int_equal(entry_next(&reader, &command), STATUS_OK);
        assert_int_equal(command.kind, commands[i].kind);
        assert_true(command.account == commands[i].account);
        assert_true(command.stamp == commands[i].stamp);
        assert_true(command.amount == commands[i].amount);
        assert_memory_equal(command.id, commands[i].id, RECORD_ID_SIZE);
        assert_int_equal(command.description_size, commands[i].description_size);
        assert_memory_equal(command.description, commands[i].description,
                            RECORD_DESCRIPTION_SIZE_MAX);
    }
    struct command command;
    assert_int_equal(entry_next(&reader, &command), STATUS_MISSING);
    assert_int_equal(entry_next(&reader, &command), STATUS_MISSING);
}

/* The format, byte by byte: a change of it must not pass unseen. */
static void test_the_layout_is_the_documented_one(void **state)
{
    (void)state;
    static const uint8_t EXPECTED[] = {
        1,    0,    0,    0,    1,    0,    0,    0,              /* format, count */
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,           /* time */
        5,    2,                                                  /* kind, size */
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,           /* account */
        0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,           /* stamp */
        0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0,    0,              /* amount */
        0,    1,    2,    3,    4,    5,    6,    7,              /* id */
        8,    9,    10,   11,   12,   13,   14,   15,   'o', 'i', /* description */
    };
    uint8_t entry[ENTRY_HEADER_SIZE + COMMAND_SIZE_MAX];
    struct command command = {
        .kind = COMMAND_DEBIT,
        .account = UINT64_C(0x0102030405060708),
        .stamp = UINT64_C(0x1112131415161718),
        .amount = INT64_C(0x212223242526),
        .description_size = 2,
        .description = "oi",
    };
    for (uint32_t i = 0; i < RECORD_ID_SIZE; i++) {
        command.id[i] = (uint8_t)i;
    }
    struct entry_builder builder;
    entry_begin(&builder, entry, sizeof(entry));
    assert_true(entry_add(&builder, &command));
    entry_finish(&builder, UINT64_C(0x1122334455667788));
    assert_int_equal(builder.size, sizeof(EXPECTED));
    assert_memory_equal(entry, EXPECTED, sizeof(EXPECTED));
}

static void test_every_prefix_is_corrupt(void **state)
{
    (void)state;
    static uint8_t entry[ENTRY_SIZE_MAX];
    uint32_t size = every_entry(entry, 1);
    assert_int_equal(read_all(entry, size), STATUS_MISSING);
    for (uint32_t cut = 0; cut < size; cut++) {
        assert_int_equal(read_all(entry, cut), STATUS_CORRUPT);
    }
    assert_int_equal(read_all(entry, size + 1), STATUS_CORRUPT); /* one byte too many */
}

static void test_an_entry_without_commands_is_corrupt(void **state)
{
    (void)state;
    static const uint8_t EMPTY[ENTRY_HEADER_SIZE] = {ENTRY_FORMAT};
    assert_int_equal(read_all(EMPTY, sizeof(EMPTY)), STATUS_CORRUPT);
}

/* Every value of every byte: read as another entry or CORRUPT, and nothing outside is touched. */
static void test_every_byte_can_have_any_value(void **state)
{
    (void)state;
    static uint8_t entry[ENTRY_SIZE_MAX];
    uint32_t size = every_entry(entry, 1);
    for (uint32_t offset = 0; offset < size; offset++) {
        uint8_t byte = entry[offset];
        for (uint32_t value = 0; value < 256; value++) {
            entry[offset] = (uint8_t)value;
            enum status status = read_all(entry, size);
            bool header_other = offset < 8 && value != byte; /* format and count */
            assert_true(status == STATUS_CORRUPT || (status == STATUS_MISSING && !header_other));
        }
        entry[offset] = byte;
    }
}

static void test_a_full_entry_takes_no_more_and_is_read_whole(void **state)
{
    (void)state;
    static uint8_t entry[ENTRY_SIZE_MAX];
    enum { COUNT = 1260, DESCRIPTION_SIZE = 10 }; /* exactly an entry */
    struct command command = command_credit(1, 1, 1);
    struct entry_builder builder;
    entry_begin(&builder, entry, ENTRY_SIZE_MAX);
    for (uint32_t i = 0; i < COUNT; i++) {
        command.description_size = DESCRIPTION_SIZE + 1;
        assert_true(i < COUNT - 1 || !entry_add(&builder, &command)); /* one byte too many */
        command.description_size = DESCRIPTION_SIZE;
        assert_true(entry_add(&builder, &command));
    }
    assert_int_equal(builder.size, ENTRY_SIZE_MAX);
    command.description_size = 1;
    assert_false(entry_add(&builder, &command));
    assert_int_equal(builder.count, COUNT);
    entry_finish(&builder, 9);

    assert_int_equal(read_all(entry, ENTRY_SIZE_MAX), STATUS_MISSING);
    struct entry_reader reader;
    assert_int_equal(entry_open(&reader, entry, ENTRY_SIZE_MAX), STATUS_OK);
    assert_int_equal(reader.left, COUNT);
    static uint8_t larger[ENTRY_SIZE_MAX + 1];
    memcpy(larger, entry, ENTRY_SIZE_MAX);
    assert_int_equal(entry_open(&reader, larger, sizeof(larger)), STATUS_CORRUPT);
}

/* A command that was not read leaves reader and output as they were, and stays unread. */
static void test_corrupt_stays_corrupt_and_changes_nothing(void **state)
{
    (void)state;
    static uint8_t entry[ENTRY_SIZE_MAX];
    uint32_t size = every_entry(entry, 1);
    entry[ENTRY_HEADER_SIZE] = 99; /* the kind of the first command */
    struct entry_reader reader;
    assert_int_equal(entry_open(&reader, entry, size), STATUS_OK);
    struct command command = command_credit(3, 4, 5);
    struct command before = command;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(entry_next(&reader, &command), STATUS_CORRUPT);
        assert_memory_equal(&command, &before, sizeof(command));
    }
}

static void test_amounts_end_at_their_bounds(void **state)
{
    (void)state;
    struct command command = command_credit(1, 1, 1);
    assert_true(command_is_valid(&command));
    command.amount = AMOUNT_MAX;
    assert_true(command_is_valid(&command));
    static const int64_t OUTSIDE[] = {0, -1, INT64_MIN, (INT64_C(1) << 53), INT64_MAX};
    for (size_t i = 0; i < sizeof(OUTSIDE) / sizeof(OUTSIDE[0]); i++) {
        command.amount = OUTSIDE[i];
        assert_false(command_is_valid(&command));
    }
    command = command_open(1, 0);
    assert_true(command_is_valid(&command));
    command.amount = AMOUNT_MAX;
    assert_true(command_is_valid(&command));
    command.amount = AMOUNT_MAX + 1;
    assert_false(command_is_valid(&command));
    command.amount = -1;
    assert_false(command_is_valid(&command));

    command = command_found(WINDOW_MIN);
    assert_true(command_is_valid(&command));
    command.amount = WINDOW_MAX;
    assert_true(command_is_valid(&command));
    command.amount = WINDOW_MIN - 1;
    assert_false(command_is_valid(&command));
    command.amount = WINDOW_MAX + 1;
    assert_false(command_is_valid(&command));
}

static bool description_size_fits(enum command_kind kind, uint32_t size)
{
    if (kind == COMMAND_FOUND) {
        return size == 32;
    }
    if (kind == COMMAND_CREDIT || kind == COMMAND_DEBIT) {
        return size >= 1 && size <= RECORD_DESCRIPTION_SIZE_MAX;
    }
    return size == 0;
}

static void test_descriptions_have_the_size_of_their_kind(void **state)
{
    (void)state;
    struct command commands[EVERY_COUNT];
    every_command(commands);
    for (uint32_t i = 0; i < EVERY_COUNT; i++) {
        for (uint32_t size = 0; size <= UINT8_MAX; size++) {
            commands[i].description_size = (uint8_t)size;
            assert_int_equal(command_is_valid(&commands[i]),
                             description_size_fits(commands[i].kind, size));
        }
    }
}

static void test_fields_that_a_kind_does_not_use_are_zero(void **state)
{
    (void)state;
    struct command commands[EVERY_COUNT];
    every_command(commands);
    for (uint32_t i = 0; i < 4; i++) { /* those without id */
        struct command command = commands[i];
        command.stamp = 1;
        assert_false(command_is_valid(&command));
        for (uint32_t byte = 0; byte < RECORD_ID_SIZE; byte++) {
            command = commands[i];
            command.id[byte] = 1;
            assert_false(command_is_valid(&command));
        }
    }
    commands[0].account = 1;
    assert_false(command_is_valid(&commands[0]));
    commands[3].account = 1;
    assert_false(command_is_valid(&commands[3]));
    commands[3] = command_file_done();
    commands[3].amount = 1;
    assert_false(command_is_valid(&commands[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_added_is_read),
        cmocka_unit_test(test_the_layout_is_the_documented_one),
        cmocka_unit_test(test_every_prefix_is_corrupt),
        cmocka_unit_test(test_an_entry_without_commands_is_corrupt),
        cmocka_unit_test(test_every_byte_can_have_any_value),
        cmocka_unit_test(test_a_full_entry_takes_no_more_and_is_read_whole),
        cmocka_unit_test(test_corrupt_stays_corrupt_and_changes_nothing),
        cmocka_unit_test(test_amounts_end_at_their_bounds),
        cmocka_unit_test(test_descriptions_have_the_size_of_their_kind),
        cmocka_unit_test(test_fields_that_a_kind_does_not_use_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
