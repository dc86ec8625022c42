/* ledger.h -- the rules of the bank: a pure function from (state, command) to (state, record).
 *
 * Every node applies the same commands in the same order and so has the same state and makes the same
 * records. Nothing here reads a clock, an option, a file or a record: what an answer needs is in the
 * record, and the record's place in the journal is its index (0, 1, 2, … without gaps).
 *
 * Use:     ledger_open; ledger_load for each record of the journal; then ledger_apply.
 * Memory:  all mapped by ledger_open, for the largest W, and cut to size when W becomes known
 *          (record 0); only touched pages cost memory. None while applying.
 * Threads: one.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/record.h"
#include "base/status.h"
#include "ledger/accounts.h"
#include "ledger/command.h"

struct ledger;

/* accounts_max: ACCOUNTS_MAX or the option. seed: any random number. STATUS_NO_MEMORY. */
MUST_CHECK enum status ledger_open(struct ledger **out, uint32_t accounts_max, uint64_t seed);
void ledger_close(struct ledger *ledger); /* accepts NULL */

enum outcome {
    OUTCOME_DECIDED,   /* one new record, accepted or refused */
    OUTCOME_REPEAT,    /* its id was decided before, at *out_index */
    OUTCOME_EXPIRED,   /* length - stamp > W/2: too old to tell; no effect */
    OUTCOME_NO_EFFECT, /* opening what exists, founding twice, an account that is not there */
};

/* Applies one command. DECIDED: *out_record is complete but for its checksum and *out_index is its
 * index (the length before). REPEAT: *out_index is the record's index. Both are untouched otherwise.
 *
 * Order of the rules: repeat, expired, then decided. Time is max(time_us, the last record's). A debit
 * needs balance - amount >= -limit (REASON_LIMIT), a credit balance + amount <= AMOUNT_MAX
 * (REASON_RANGE). Opening beyond accounts_max is NO_EFFECT; `init` has refused such a file. */
enum outcome ledger_apply(struct ledger *ledger, const struct command *command, uint64_t time_us,
                          uint64_t log_index, struct record *out_record, uint64_t *out_index);

/* A hint without any effect: a credit or debit of this account with this id comes soon. Given about
 * eight commands or records ahead it hides most cache misses of ledger_apply and ledger_load. */
void ledger_prefetch(const struct ledger *ledger, uint64_t account,
                     const uint8_t id[RECORD_ID_SIZE]);

/* Says how many records will be loaded, before the first one: the ids of those that will have left the
 * window by then are neither searched for nor remembered, which is most of what loading costs. The
 * state after exactly so many records is the same as without. */
void ledger_load_expect(struct ledger *ledger, uint64_t length);

/* Takes the next record of the journal (whole: the caller has checked) into the state, as if its
 * command had been applied, and proves it: places without gap, the chain of `previous`, each
 * balance from the one before, each limit, time and order. STATUS_CORRUPT when a rule is broken:
 * *out_rule says which, in words; the state is then unusable. STATUS_FULL: more accounts than
 * accounts_max. */
MUST_CHECK enum status ledger_load(struct ledger *ledger, const struct record *record,
                                   const char **out_rule);

uint64_t ledger_length(const struct ledger *ledger);  /* records so far */
uint32_t ledger_window(const struct ledger *ledger);  /* W; 0 before `founded` */
uint64_t ledger_time_us(const struct ledger *ledger); /* of the newest record; 0 before the first */
bool ledger_file_done(const struct ledger *ledger);   /* the record `file done` is there */
const uint8_t *ledger_file_hash(const struct ledger *ledger); /* 32 bytes; zeros before `founded` */

/* NULL if it does not exist. */
const struct account *ledger_account_find(const struct ledger *ledger, uint64_t id);
const struct accounts *ledger_accounts(const struct ledger *ledger);

/* CRC-32C over length, time and all accounts in order of opening: equal on all nodes at equal
 * length. For tests and `verify`; walks every account. */
uint32_t ledger_hash(const struct ledger *ledger);

#endif
