#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"

uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = *state;
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t count)
{
    return random_next(state) % count;
}

void id_make(uint8_t out[RECORD_ID_SIZE], uint64_t number)
{
    uint64_t state = number;
    bytes_put_u64(out, random_next(&state));
    bytes_put_u64(out + 8, number);
}

struct command command_found(uint32_t window)
{
    struct command command = {
        .kind = COMMAND_FOUND,
        .amount = window,
        .description_size = 32,
    };
    memset(command.description, 0xab, 32);
    return command;
}

struct command command_open(uint64_t account, int64_t limit)
{
    return (struct command){.kind = COMMAND_OPEN, .account = account, .amount = limit};
}

struct command command_file_done(void)
{
    return (struct command){.kind = COMMAND_FILE_DONE};
}

static struct command command_transaction(enum command_kind kind, uint64_t account, int64_t amount,
                                          uint64_t id_number)
{
    struct command command = {
        .kind = kind,
        .account = account,
        .amount = amount,
        .description_size = 9,
        .description = "descricao",
    };
    id_make(command.id, id_number);
    return command;
}

struct command command_credit(uint64_t account, int64_t amount, uint64_t id_number)
{
    return command_transaction(COMMAND_CREDIT, account, amount, id_number);
}

struct command command_debit(uint64_t account, int64_t amount, uint64_t id_number)
{
    return command_transaction(COMMAND_DEBIT, account, amount, id_number);
}

uint64_t memory_resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    char line[128];
    assert_non_null(fgets(line, sizeof(line), file));
    assert_int_equal(fclose(file), 0);
    char *rest = NULL;
    (void)strtoull(line, &rest, 10); /* the first number is the mapped size */
    return strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}
