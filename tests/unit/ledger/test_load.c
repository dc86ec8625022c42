/* test_load.c -- proving a journal: what was decided is taken, and every broken rule is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/ledger.h"
#include "support.h"

enum { JOURNAL_LENGTH = 14, ACCOUNTS_MAX_HERE = 3 };

/* A journal with every kind of record that the ledger makes. */
static void journal_make(struct record out[JOURNAL_LENGTH])
{
    const struct command commands[JOURNAL_LENGTH] = {
        command_found(WINDOW_MIN),            /* 0 */
        command_open(1, 1000),                /* 1 */
        command_open(2, 0),                   /* 2 */
        command_file_done(),                  /* 3 */
        command_credit(1, 100, 1),            /* 4 */
        command_debit(1, 300, 2),             /* 5: -200 */
        command_debit(1, 900, 3),             /* 6: refused */
        command_credit(2, AMOUNT_MAX, 4),     /* 7 */
        command_credit(2, 1, 5),              /* 8: refused */
        command_credit(1, 200, 6),            /* 9: 0 */
        command_open(3, AMOUNT_MAX),          /* 10 */
        command_debit(3, AMOUNT_MAX, 7),      /* 11 */
        command_debit(2, AMOUNT_MAX - 10, 8), /* 12 */
        command_debit(2, 11, 9),              /* 13: refused */
    };
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open(&ledger, ACCOUNTS_MAX_HERE, 1), STATUS_OK);
    for (uint64_t i = 0; i < JOURNAL_LENGTH; i++) {
        uint64_t index;
        out[i].checksum = 0;
        assert_int_equal(
            ledger_apply(ledger, &commands[i], 1000 + 10 * i, 5 + i / 2, &out[i], &index),
            OUTCOME_DECIDED);
        assert_true(index == i);
        record_seal(&out[i], i);
    }
    ledger_close(ledger);
}

/* Loads until a record is not taken: its index, or JOURNAL_LENGTH, and the rule. */
static uint64_t load_until_broken(const struct record *records, enum status *out_status,
                                  const char **out_rule)
{
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open(&ledger, ACCOUNTS_MAX_HERE, 2), STATUS_OK);
    *out_status = STATUS_OK;
    *out_rule = NULL;
    uint64_t index = 0;
    while (index < JOURNAL_LENGTH) {
        *out_status = ledger_load(ledger, &records[index], out_rule);
        if (*out_status != STATUS_OK) {
            assert_non_null(*out_rule);
            assert_true(strlen(*out_rule) > 0);
            break;
        }
        assert_null(*out_rule);
        index++;
    }
    ledger_close(ledger);
    return index;
}

static void expect_corrupt_at(const struct record *records, uint64_t index)
{
    enum status status;
    const char *rule;
    assert_true(load_until_broken(records, &status, &rule) == index);
    assert_int_equal(status, STATUS_CORRUPT);
}

static void test_what_was_decided_is_taken(void **state)
{
    (void)state;
    struct record records[JOURNAL_LENGTH];
    journal_make(records);
    enum status status;
    const char *rule;
    assert_true(load_until_broken(records, &status, &rule) == JOURNAL_LENGTH);
    assert_int_equal(records[6].kind, RECORD_REFUSED);
    assert_int_equal(records[8].reason, REASON_RANGE);
    assert_int_equal(records[13].reason, REASON_LIMIT);
}

/* A value that a record may have instead: set by `change`, found broken at `index` by `rule`. */
struct breach {
    uint64_t index;
    void (*change)(struct record *record);
    const char *rule;
};

static void account_other(struct record *record)
{
    record->account = 2;
}

static void account_unknown(struct record *record)
{
    record->account = 99;
}

static void place_skips(struct record *record)
{
    record->place++;
}

static void previous_other(struct record *record)
{
    record->previous = 1;
}

static void amount_more(struct record *record)
{
    record->amount++;
}

static void amount_zero(struct record *record)
{
    record->amount = 0;
}

static void amount_negative(struct record *record)
{
    record->amount = -record->amount;
}

static void amount_beyond(struct record *record)
{
    record->amount = AMOUNT_MAX + 1;
}

static void balance_more(struct record *record)
{
    record->balance++;
}

static void limit_more(struct record *record)
{
    record->limit++;
}

static void limit_negative(struct record *record)
{
    record->limit = -1;
}

static void limit_beyond(struct record *record)
{
    record->limit = AMOUNT_MAX + 1;
}

static void time_back(struct record *record)
{
    record->time_us -= 11;
}

static void log_index_back(struct record *record)
{
    record->log_index -= 2;
}

static void id_of_first(struct record *record)
{
    id_make(record->id, 1);
}

static void id_some(struct record *record)
{
    record->id[0] = 1;
}

static void reason_none(struct record *record)
{
    record->reason = REASON_NONE;
}

static void reason_range(struct record *record)
{
    record->reason = REASON_RANGE;
}

static void kind_refused(struct record *record)
{
    record->kind = RECORD_REFUSED;
    record->reason = record->type == 'd' ? REASON_LIMIT : REASON_RANGE;
}

static void kind_credit(struct record *record)
{
    record->kind = RECORD_CREDIT;
}

static void kind_debit(struct record *record)
{
    record->kind = RECORD_DEBIT;
}

static void kind_limit_changed(struct record *record)
{
    record->kind = RECORD_LIMIT_CHANGED;
}

static void kind_none(struct record *record)
{
    record->kind = RECORD_REFUSED + 1;
}

static void type_other(struct record *record)
{
    record->type = record->type == 'd' ? 'c' : 'd';
}

static void type_none(struct record *record)
{
    record->type = 0;
}

static void description_empty(struct record *record)
{
    record->description_size = 0;
    memset(record->description, 0, sizeof(record->description));
}

static void description_larger_than_its_field(struct record *record)
{
    record->description_size = RECORD_DESCRIPTION_SIZE_MAX + 1;
}

static void description_not_padded(struct record *record)
{
    record->description[RECORD_DESCRIPTION_SIZE_MAX - 1] = 'x';
}

static void window_small(struct record *record)
{
    record->amount = WINDOW_MIN - 1;
}

static void founded_again(struct record *record)
{
    struct record records[JOURNAL_LENGTH];
    journal_make(records);
    uint64_t log_index = record->log_index;
    uint64_t time_us = record->time_us;
    *record = records[0];
    record->log_index = log_index;
    record->time_us = time_us;
}

static void file_done_again(struct record *record)
{
    *record = (struct record){
        .kind = RECORD_FILE_DONE, .log_index = record->log_index, .time_us = record->time_us};
}

static void opened_again(struct record *record)
{
    *record = (struct record){.kind = RECORD_OPENED,
                              .account = 1,
                              .limit = 5,
                              .log_index = record->log_index,
                              .time_us = record->time_us};
}

static const char RANGE[] = "the amount, the limit or the description's size is out of range";
static const char DECISION[] = "accepted, or refused, against the rules";
static const char KIND[] = "no command makes a record of this kind and type";
static const char PLACE[] = "the place does not follow the account's newest";
static const char PREVIOUS[] = "`previous` is not the account's newest transaction";
static const char BALANCE[] = "the balance does not follow from the one before";
static const char LIMIT[] = "the limit is not the account's";
static const char TIME[] = "the time is before that of the record before";
static const char LOG_INDEX[] = "the log index is before that of the record before";
static const char REPEATED[] = "its id was decided before, within the window";
static const char UNKNOWN[] = "a transaction of an account that was not opened";
static const char NOT_ZERO[] = "a field that this kind of record does not use is not zero";
static const char OPENED_TWICE[] = "an account is opened that exists";

static const struct breach BREACHES[] = {
    {0,  window_small,                      RANGE                              },
    {0,  file_done_again,                   "the first record is not `founded`"},
    {0,  opened_again,                      "the first record is not `founded`"},
    {0,  kind_none,                         KIND                               },
    {0,  place_skips,                       PLACE                              },
    {0,  account_unknown,                   RANGE                              },
    {0,  id_some,                           NOT_ZERO                           },
    {0,  description_not_padded,            NOT_ZERO                           },
    {1,  founded_again,                     "`founded` is not the first record"},
    {1,  limit_negative,                    RANGE                              },
    {1,  limit_beyond,                      RANGE                              },
    {1,  balance_more,                      BALANCE                            },
    {1,  amount_more,                       NOT_ZERO                           },
    {1,  previous_other,                    PREVIOUS                           },
    {1,  id_some,                           NOT_ZERO                           },
    {1,  kind_limit_changed,                KIND                               },
    {2,  opened_again,                      OPENED_TWICE                       },
    {3,  amount_more,                       RANGE                              },
    {3,  limit_more,                        LIMIT                              },
    {3,  time_back,                         TIME                               },
    {4,  log_index_back,                    LOG_INDEX                          },
    {4,  file_done_again,                   "`file done` comes a second time"  },
    {4,  account_unknown,                   UNKNOWN                            },
    {4,  amount_more,                       BALANCE                            },
    {4,  amount_zero,                       RANGE                              },
    {4,  amount_negative,                   RANGE                              },
    {4,  amount_beyond,                     RANGE                              },
    {4,  place_skips,                       PLACE                              },
    {4,  previous_other,                    PREVIOUS                           },
    {4,  balance_more,                      BALANCE                            },
    {4,  limit_more,                        LIMIT                              },
    {4,  kind_refused,                      DECISION                           },
    {4,  kind_debit,                        DECISION                           },
    {4,  kind_none,                         KIND                               },
    {4,  kind_limit_changed,                KIND                               },
    {4,  type_other,                        DECISION                           },
    {4,  type_none,                         KIND                               },
    {4,  reason_range,                      DECISION                           },
    {4,  description_empty,                 RANGE                              },
    {4,  description_larger_than_its_field, RANGE                              },
    {4,  description_not_padded,            NOT_ZERO                           },
    {5,  account_other,                     DECISION                           },
    {5,  id_of_first,                       REPEATED                           },
    {5,  time_back,                         TIME                               },
    {5,  kind_refused,                      DECISION                           },
    {5,  kind_credit,                       DECISION                           },
    {6,  kind_debit,                        DECISION                           },
    {6,  type_other,                        DECISION                           },
    {6,  type_none,                         KIND                               },
    {6,  reason_none,                       DECISION                           },
    {6,  reason_range,                      DECISION                           },
    {6,  place_skips,                       PLACE                              },
    {6,  previous_other,                    PREVIOUS                           },
    {6,  balance_more,                      BALANCE                            },
    {6,  limit_more,                        LIMIT                              },
    {6,  id_of_first,                       REPEATED                           },
    {6,  account_unknown,                   UNKNOWN                            },
    {8,  kind_credit,                       DECISION                           },
    {9,  account_other,                     DECISION                           },
    {10, opened_again,                      OPENED_TWICE                       },
    {12, amount_more,                       BALANCE                            },
};

static void test_every_broken_rule_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(BREACHES) / sizeof(BREACHES[0]); i++) {
        const struct breach *breach = &BREACHES[i];
        struct record records[JOURNAL_LENGTH];
        journal_make(records);
        breach->change(&records[breach->index]);
        record_seal(&records[breach->index], breach->index);
        assert_true(record_is_whole(&records[breach->index], breach->index));
        enum status status;
        const char *rule;
        assert_int_equal(load_until_broken(records, &status, &rule), breach->index);
        assert_int_equal(status, STATUS_CORRUPT);
        assert_string_equal(rule, breach->rule);
    }
}

/* The bytes of a record whose value follows from the records before it: any other value is a breach.
 * The rest (account and limit of an opening, amounts that may be others, ids, texts, times) say
 * what was asked, which no record before can know. */
static bool byte_follows(const struct record *record, size_t offset)
{
    bool transaction = record->kind >= RECORD_CREDIT;
    if (offset < offsetof(struct record, description_size)) {
        /* Kind, type, reason. But `file done` may have been the opening of account 0. */
        return offset != offsetof(struct record, kind) || record->kind != RECORD_FILE_DONE;
    }
    if (offset >= offsetof(struct record, place) && offset < offsetof(struct record, amount)) {
        return true; /* place, previous */
    }
    if (offset >= offsetof(struct record, balance) && offset < offsetof(struct record, limit)) {
        return true;
    }
    if (offset >= offsetof(struct record, limit) && offset < offsetof(struct record, time_us)) {
        return record->kind != RECORD_OPENED;
    }
    if (offset >= offsetof(struct record, amount) && offset < offsetof(struct record, balance)) {
        return record->kind != RECORD_FOUNDED && record->kind != RECORD_REFUSED;
    }
    if (offset >= offsetof(struct record, id) && offset < offsetof(struct record, log_index)) {
        return !transaction;
    }
    return offset >= offsetof(struct record, description) + record->description_size;
}

static void test_any_other_value_of_a_byte_that_follows_is_corrupt(void **state)
{
    (void)state;
    struct record records[JOURNAL_LENGTH];
    journal_make(records);
    for (size_t byte = 0; byte < sizeof(records); byte++) {
        uint64_t index = byte / RECORD_SIZE;
        size_t offset = byte % RECORD_SIZE;
        if (offset < offsetof(struct record, kind) || !byte_follows(&records[index], offset)) {
            continue;
        }
        struct record whole = records[index];
        for (uint32_t flip = 1; flip < 256; flip = flip * 2 + 1) {
            ((uint8_t *)&records[index])[offset] ^= (uint8_t)flip;
            record_seal(&records[index], index);
            expect_corrupt_at(records, index);
            records[index] = whole;
        }
    }
}

/* Any other byte may be taken or not, here or later, but always with a rule. */
static void test_any_value_of_any_byte_is_taken_or_named(void **state)
{
    (void)state;
    struct record records[JOURNAL_LENGTH];
    journal_make(records);
    for (size_t byte = 0; byte < sizeof(records); byte++) {
        uint64_t index = byte / RECORD_SIZE;
        struct record whole = records[index];
        for (uint32_t bit = 0; bit < 8; bit++) {
            ((uint8_t *)records)[byte] ^= (uint8_t)(1U << bit);
            enum status status;
            const char *rule;
            assert_true(load_until_broken(records, &status, &rule) >= index);
            records[index] = whole;
        }
    }
}

static void test_a_record_left_out_twice_or_out_of_order_is_corrupt(void **state)
{
    (void)state;
    struct record records[JOURNAL_LENGTH];
    for (uint64_t index = 0; index + 1 < JOURNAL_LENGTH; index++) {
        enum status status;
        const char *rule;
        journal_make(records);
        struct record first = records[index];
        records[index] = records[index + 1];
        records[index + 1] = first;
        load_until_broken(records, &status, &rule);
        assert_int_equal(status, STATUS_CORRUPT);

        journal_make(records);
        records[index + 1] = first;
        expect_corrupt_at(records, index + 1);
    }
    /* Left out: the records of an account that follow notice it, here those of account 1. */
    journal_make(records);
    memmove(&records[5], &records[6], (JOURNAL_LENGTH - 6) * sizeof(records[0]));
    expect_corrupt_at(records, 5);
}

static void test_more_accounts_than_the_table_holds_is_full(void **state)
{
    (void)state;
    struct record records[JOURNAL_LENGTH];
    journal_make(records);
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open(&ledger, ACCOUNTS_MAX_HERE - 1, 2), STATUS_OK);
    for (uint64_t index = 0; index < 10; index++) {
        const char *rule;
        assert_int_equal(ledger_load(ledger, &records[index], &rule), STATUS_OK);
    }
    const char *rule = NULL;
    assert_int_equal(ledger_load(ledger, &records[10], &rule), STATUS_FULL);
    assert_string_equal(rule, "more accounts than this node was set up for");
    ledger_close(ledger);
}

/* Equal at equal length, whatever the seed; different after any command that was decided. */
static void test_the_hash_tells_states_apart(void **state)
{
    (void)state;
    struct record records[JOURNAL_LENGTH];
    journal_make(records);
    struct ledger *ledgers[2] = {NULL, NULL};
    uint32_t hashes[JOURNAL_LENGTH];
    assert_int_equal(ledger_open(&ledgers[0], ACCOUNTS_MAX_HERE, 3), STATUS_OK);
    assert_int_equal(ledger_open(&ledgers[1], 100, 4), STATUS_OK);
    for (uint64_t index = 0; index < JOURNAL_LENGTH; index++) {
        for (uint32_t i = 0; i < 2; i++) {
            const char *rule;
            assert_int_equal(ledger_load(ledgers[i], &records[index], &rule), STATUS_OK);
        }
        hashes[index] = ledger_hash(ledgers[0]);
        assert_int_equal(hashes[index], ledger_hash(ledgers[1]));
        for (uint64_t before = 0; before < index; before++) {
            assert_int_not_equal(hashes[before], hashes[index]);
        }
    }
    ledger_close(ledgers[0]);
    ledger_close(ledgers[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_decided_is_taken),
        cmocka_unit_test(test_every_broken_rule_is_named),
        cmocka_unit_test(test_any_other_value_of_a_byte_that_follows_is_corrupt),
        cmocka_unit_test(test_any_value_of_any_byte_is_taken_or_named),
        cmocka_unit_test(test_a_record_left_out_twice_or_out_of_order_is_corrupt),
        cmocka_unit_test(test_more_accounts_than_the_table_holds_is_full),
        cmocka_unit_test(test_the_hash_tells_states_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
