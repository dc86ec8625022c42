/* support.h -- commands, random numbers and memory figures for the tests of the ledger. */
#ifndef TESTS_LEDGER_SUPPORT_H
#define TESTS_LEDGER_SUPPORT_H

#include <stdint.h>

#include "ledger/command.h"

/* The next number of the sequence that `state` is in (splitmix64). */
uint64_t random_next(uint64_t *state);
/* One of 0..count-1. */
uint64_t random_below(uint64_t *state, uint64_t count);

/* An id that belongs to this number, and to no other. */
void id_make(uint8_t out[RECORD_ID_SIZE], uint64_t number);

struct command command_found(uint32_t window);
struct command command_open(uint64_t account, int64_t limit);
struct command command_file_done(void);
/* With the id of `id_number`, stamp 0 and description "descricao". */
struct command command_credit(uint64_t account, int64_t amount, uint64_t id_number);
struct command command_debit(uint64_t account, int64_t amount, uint64_t id_number);

/* Bytes of this process that are in memory. */
uint64_t memory_resident(void);

#endif
