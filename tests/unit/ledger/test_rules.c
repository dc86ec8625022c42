#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/ledger.h"
#include "support.h"

enum { ACCOUNT = 7, LIMIT = 1000, ACCOUNTS_MAX_HERE = 3 };

/* A bank with one account, and what the newest command did. */
struct fixture {
    struct ledger *ledger;
    struct record record;
    uint64_t index;
};

static enum outcome apply(struct fixture *f, const struct command *command)
{
    return ledger_apply(f->ledger, command, 1000, 1, &f->record, &f->index);
}

/* The record that the command became. */
static const struct record *decided(struct fixture *f, struct command command)
{
    uint64_t length = ledger_length(f->ledger);
    command.stamp = command.kind == COMMAND_CREDIT || command.kind == COMMAND_DEBIT ? length : 0;
    assert_int_equal(apply(f, &command), OUTCOME_DECIDED);
    assert_true(f->index == length);
    assert_true(ledger_length(f->ledger) == length + 1);
    return &f->record;
}

/* What has no effect changes neither the state nor what the caller gets. */
static void expect_nothing(struct fixture *f, struct command command, enum outcome outcome)
{
    uint32_t hash = ledger_hash(f->ledger);
    memset(&f->record, 0x5a, sizeof(f->record));
    struct record record = f->record;
    f->index = 99;
    assert_int_equal(apply(f, &command), outcome);
    assert_true(f->index == 99);
    assert_memory_equal(&f->record, &record, sizeof(record));
    assert_int_equal(ledger_hash(f->ledger), hash);
}

static void bank_open(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    assert_int_equal(ledger_open(&f->ledger, ACCOUNTS_MAX_HERE, 11), STATUS_OK);
}

static void setup(struct fixture *f)
{
    bank_open(f);
    decided(f, command_found(WINDOW_MIN));
    decided(f, command_open(ACCOUNT, LIMIT));
}

static void teardown(struct fixture *f)
{
    ledger_close(f->ledger);
}

static int64_t balance(const struct fixture *f)
{
    return ledger_account_find(f->ledger, ACCOUNT)->balance;
}

static void test_founded_is_the_first_record_and_the_only_one(void **state)
{
    (void)state;
    struct fixture f;
    bank_open(&f);
    expect_nothing(&f, command_open(ACCOUNT, 1), OUTCOME_NO_EFFECT);
    expect_nothing(&f, command_file_done(), OUTCOME_NO_EFFECT);
    expect_nothing(&f, command_credit(ACCOUNT, 1, 1), OUTCOME_NO_EFFECT);
    expect_nothing(&f, command_debit(ACCOUNT, 1, 1), OUTCOME_NO_EFFECT);
    assert_int_equal(ledger_window(f.ledger), 0);

    const struct record *record = decided(&f, command_found(5000));
    assert_int_equal(record->kind, RECORD_FOUNDED);
    assert_true(record->amount == 5000 && record->time_us == 1000 && record->log_index == 1);
    assert_int_equal(record->description_size, 32);
    assert_memory_equal(record->description, command_found(5000).description, 32);
    assert_true(f.index == 0);
    assert_int_equal(ledger_window(f.ledger), 5000);
    assert_memory_equal(ledger_file_hash(f.ledger), command_found(5000).description, 32);
    expect_nothing(&f, command_found(5000), OUTCOME_NO_EFFECT);
    expect_nothing(&f, command_found(6000), OUTCOME_NO_EFFECT);
    teardown(&f);
}

static void test_opening_gives_an_account_once(void **state)
{
    (void)state;
    struct fixture f;
    bank_open(&f);
    decided(&f, command_found(WINDOW_MIN));
    const struct record *record = decided(&f, command_open(ACCOUNT, LIMIT));
    assert_int_equal(record->kind, RECORD_OPENED);
    assert_true(record->account == ACCOUNT && record->limit == LIMIT);
    assert_true(record->amount == 0 && record->balance == 0 && record->place == 0);
    expect_nothing(&f, command_open(ACCOUNT, LIMIT), OUTCOME_NO_EFFECT);
    expect_nothing(&f, command_open(ACCOUNT, LIMIT + 1), OUTCOME_NO_EFFECT);
    decided(&f, command_open(0, 0));
    decided(&f, command_open(UINT64_MAX, AMOUNT_MAX));
    expect_nothing(&f, command_open(8, 1), OUTCOME_NO_EFFECT); /* beyond accounts_max */
    assert_int_equal(accounts_count(ledger_accounts(f.ledger)), ACCOUNTS_MAX_HERE);
    teardown(&f);
}

static void test_file_done_counts_once(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_false(ledger_file_done(f.ledger));
    assert_int_equal(decided(&f, command_file_done())->kind, RECORD_FILE_DONE);
    assert_true(ledger_file_done(f.ledger));
    expect_nothing(&f, command_file_done(), OUTCOME_NO_EFFECT);
    decided(&f, command_open(8, 1)); /* an account can still come later */
    teardown(&f);
}

static void test_an_accepted_transaction_is_one_link_of_its_accounts_chain(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    decided(&f, command_open(8, 0));
    const struct record *record = decided(&f, command_credit(ACCOUNT, 50, 1));
    assert_true(record->kind == RECORD_CREDIT && record->type == 'c');
    assert_true(record->reason == REASON_NONE && record->account == ACCOUNT);
    assert_true(record->place == 1 && record->previous == 0);
    assert_true(record->amount == 50 && record->balance == 50 && record->limit == LIMIT);
    assert_true(record->time_us == 1000 && record->log_index == 1);
    assert_memory_equal(record->id, command_credit(ACCOUNT, 50, 1).id, RECORD_ID_SIZE);
    assert_int_equal(record->description_size, 9);
    assert_string_equal(record->description, "descricao");

    record = decided(&f, command_credit(8, 10, 2));
    assert_true(record->place == 1 && record->previous == 0);
    record = decided(&f, command_debit(ACCOUNT, 80, 3));
    assert_true(record->kind == RECORD_DEBIT && record->type == 'd');
    assert_true(record->place == 2 && record->previous == 3 && record->balance == -30);
    record = decided(&f, command_debit(8, 10, 4));
    assert_true(record->place == 2 && record->previous == 4 && record->balance == 0);
    teardown(&f);
}

static void test_a_debit_to_exactly_the_limit_is_accepted_and_one_cent_more_is_not(void **state)
{
    (void)state;
    static const int64_t LIMITS[] = {0, 1, LIMIT, AMOUNT_MAX - 1, AMOUNT_MAX};
    for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
        struct fixture f;
        setup(&f);
        int64_t limit = LIMITS[i];
        decided(&f, command_open(8, limit));
        if (limit < AMOUNT_MAX) {
            const struct record *record = decided(&f, command_debit(8, limit + 1, 1));
            assert_true(record->kind == RECORD_REFUSED && record->reason == REASON_LIMIT);
            assert_true(record->balance == 0 && record->place == 0);
        }
        if (limit > 0) {
            const struct record *record = decided(&f, command_debit(8, limit, 2));
            assert_true(record->kind == RECORD_DEBIT && record->balance == -limit);
        }
        const struct record *record = decided(&f, command_debit(8, 1, 3));
        assert_true(record->kind == RECORD_REFUSED && record->reason == REASON_LIMIT);
        assert_true(record->balance == -limit);
        record = decided(&f, command_debit(8, AMOUNT_MAX, 4));
        assert_true(record->kind == RECORD_REFUSED && record->reason == REASON_LIMIT);
        assert_true(ledger_account_find(f.ledger, 8)->balance == -limit);
        teardown(&f);
    }
}

static void test_a_credit_to_exactly_the_range_is_accepted_and_one_cent_more_is_not(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_int_equal(decided(&f, command_credit(ACCOUNT, 1, 1))->kind, RECORD_CREDIT);
    const struct record *record = decided(&f, command_credit(ACCOUNT, AMOUNT_MAX, 2));
    assert_true(record->kind == RECORD_REFUSED && record->reason == REASON_RANGE);
    assert_true(record->type == 'c' && record->amount == AMOUNT_MAX && record->balance == 1);
    record = decided(&f, command_credit(ACCOUNT, AMOUNT_MAX - 1, 3));
    assert_true(record->kind == RECORD_CREDIT && record->balance == AMOUNT_MAX);
    record = decided(&f, command_credit(ACCOUNT, 1, 4));
    assert_true(record->kind == RECORD_REFUSED && record->reason == REASON_RANGE);
    record = decided(&f, command_debit(ACCOUNT, AMOUNT_MAX, 5));
    assert_true(record->kind == RECORD_DEBIT && record->balance == 0);
    teardown(&f);
}

static void test_a_refusal_keeps_what_it_saw_and_leaves_the_account(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    decided(&f, command_credit(ACCOUNT, 50, 1));
    struct account before = *ledger_account_find(f.ledger, ACCOUNT);
    const struct record *record = decided(&f, command_debit(ACCOUNT, LIMIT + 51, 2));
    assert_true(record->kind == RECORD_REFUSED && record->type == 'd');
    assert_true(record->reason == REASON_LIMIT && record->account == ACCOUNT);
    assert_true(record->place == 1 && record->previous == 0);
    assert_true(record->amount == LIMIT + 51 && record->balance == 50 && record->limit == LIMIT);
    assert_memory_equal(record->id, command_debit(ACCOUNT, 1, 2).id, RECORD_ID_SIZE);
    assert_string_equal(record->description, "descricao");
    assert_memory_equal(&before, ledger_account_find(f.ledger, ACCOUNT), sizeof(before));

    record = decided(&f, command_credit(ACCOUNT, 1, 3)); /* the chain passes over the refusal */
    assert_true(record->place == 2 && record->previous == 2);
    teardown(&f);
}

static void test_a_repeat_is_the_record_that_was_decided_accepted_or_refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    decided(&f, command_credit(ACCOUNT, 50, 1));
    decided(&f, command_debit(ACCOUNT, LIMIT + 51, 2));
    struct command repeats[] = {
        command_credit(ACCOUNT, 50, 1),
        command_debit(ACCOUNT, 51, 1), /* another request with the same key: its node tells it so */
        command_credit(12345, 50, 1),
    };
    for (size_t i = 0; i < sizeof(repeats) / sizeof(repeats[0]); i++) {
        assert_int_equal(apply(&f, &repeats[i]), OUTCOME_REPEAT);
        assert_true(f.index == 2);
    }
    decided(&f, command_credit(ACCOUNT, 1, 3)); /* the debit would pass now, but it was decided */
    uint32_t hash = ledger_hash(f.ledger);
    struct record record = f.record;
    struct command refused = command_debit(ACCOUNT, LIMIT + 51, 2);
    assert_int_equal(apply(&f, &refused), OUTCOME_REPEAT);
    assert_true(f.index == 3);
    assert_int_equal(ledger_hash(f.ledger), hash);
    assert_memory_equal(&f.record, &record, sizeof(record));
    teardown(&f);
}

static void test_a_stamp_older_than_half_the_window_expires(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    uint64_t id = 1;
    while (ledger_length(f.ledger) < UINT64_C(3) * WINDOW_MIN) {
        decided(&f, command_credit(ACCOUNT, 1, id++));
    }
    uint64_t length = ledger_length(f.ledger);
    struct command command = command_credit(ACCOUNT, 1, id++);
    command.stamp = length - WINDOW_MIN / 2 - 1;
    expect_nothing(&f, command, OUTCOME_EXPIRED);
    command.stamp = 0;
    expect_nothing(&f, command, OUTCOME_EXPIRED);
    command.account = 12345; /* which of both is told does not depend on the account */
    expect_nothing(&f, command, OUTCOME_EXPIRED);
    command.account = ACCOUNT;
    command.stamp = length - WINDOW_MIN / 2;
    assert_int_equal(apply(&f, &command), OUTCOME_DECIDED);

    /* A node that is ahead: never expired, however far. */
    static const uint64_t AHEAD[] = {1, 2, WINDOW_MIN, UINT64_MAX / 2};
    for (size_t i = 0; i < sizeof(AHEAD) / sizeof(AHEAD[0]); i++) {
        command = command_credit(ACCOUNT, 1, id++);
        command.stamp = ledger_length(f.ledger) + AHEAD[i];
        assert_int_equal(apply(&f, &command), OUTCOME_DECIDED);
    }
    command = command_credit(ACCOUNT, 1, id++);
    command.stamp = UINT64_MAX;
    assert_int_equal(apply(&f, &command), OUTCOME_DECIDED);
    teardown(&f);
}

/* The oldest record of the window is still a repeat, whatever the stamp; the one before it expires
 * or, with a fresh stamp, is decided as new. */
static void test_a_repeat_comes_before_expiry_and_ends_with_the_window(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    uint64_t id = 1;
    while (ledger_length(f.ledger) < UINT64_C(2) * WINDOW_MIN) {
        decided(&f, command_credit(ACCOUNT, 1, id++)); /* id n is record n + 1 */
    }
    struct command oldest = command_credit(ACCOUNT, 1, WINDOW_MIN - 1);
    assert_int_equal(apply(&f, &oldest), OUTCOME_REPEAT);
    assert_true(f.index == WINDOW_MIN);
    struct command forgotten = command_credit(ACCOUNT, 1, WINDOW_MIN - 2);
    expect_nothing(&f, forgotten, OUTCOME_EXPIRED);
    decided(&f, forgotten);
    assert_int_equal(apply(&f, &forgotten), OUTCOME_REPEAT);
    assert_true(f.index == UINT64_C(2) * WINDOW_MIN);
    teardown(&f);
}

static void test_a_transaction_of_an_unknown_account_has_no_effect(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    expect_nothing(&f, command_credit(ACCOUNT + 1, 1, 1), OUTCOME_NO_EFFECT);
    expect_nothing(&f, command_debit(ACCOUNT + 1, 1, 1), OUTCOME_NO_EFFECT);
    decided(&f, command_credit(ACCOUNT, 1, 1)); /* its id is unused */
    assert_int_equal(balance(&f), 1);
    teardown(&f);
}

static void test_time_never_goes_back(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    static const uint64_t GIVEN[] = {2000, 1500, 2001, 0, UINT64_MAX, 3};
    static const uint64_t KEPT[] = {2000, 2000, 2001, 2001, UINT64_MAX, UINT64_MAX};
    for (uint64_t i = 0; i < sizeof(GIVEN) / sizeof(GIVEN[0]); i++) {
        struct command command = command_credit(ACCOUNT, 1, i);
        enum outcome outcome =
            ledger_apply(f.ledger, &command, GIVEN[i], 2 + i, &f.record, &f.index);
        assert_int_equal(outcome, OUTCOME_DECIDED);
        assert_true(f.record.time_us == KEPT[i] && ledger_time_us(f.ledger) == KEPT[i]);
        assert_true(f.record.log_index == 2 + i);
        /* What has no record does not move the time either. */
        outcome = ledger_apply(f.ledger, &command, UINT64_MAX, 2 + i, &f.record, &f.index);
        assert_int_equal(outcome, OUTCOME_REPEAT);
        assert_true(ledger_time_us(f.ledger) == KEPT[i]);
    }
    teardown(&f);
}

/* A command may have anything behind its description; a record has zeros there. */
static void test_a_record_is_zero_padded_at_every_size_of_description(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (uint32_t size = 1; size <= RECORD_DESCRIPTION_SIZE_MAX; size++) {
        struct command command = command_credit(ACCOUNT, 1, size);
        char expected[RECORD_DESCRIPTION_SIZE_MAX] = {0};
        memset(command.description, 0xff, sizeof(command.description));
        memset(command.description, 'a', size);
        memset(expected, 'a', size);
        command.description_size = (uint8_t)size;
        const struct record *record = decided(&f, command);
        assert_int_equal(record->description_size, size);
        assert_memory_equal(record->description, expected, sizeof(expected));
    }
    teardown(&f);
}

static void test_a_hint_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    bank_open(&f);
    struct command command = command_credit(ACCOUNT, 1, 1);
    ledger_prefetch(f.ledger, command.account, command.id);
    decided(&f, command_found(WINDOW_MIN));
    decided(&f, command_open(ACCOUNT, LIMIT));
    uint32_t hash = ledger_hash(f.ledger);
    ledger_prefetch(f.ledger, command.account, command.id);
    ledger_prefetch(f.ledger, UINT64_MAX, command.id);
    assert_int_equal(ledger_hash(f.ledger), hash);
    decided(&f, command);
    teardown(&f);
}

static void test_close_accepts_nothing(void **state)
{
    (void)state;
    ledger_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_founded_is_the_first_record_and_the_only_one),
        cmocka_unit_test(test_opening_gives_an_account_once),
        cmocka_unit_test(test_file_done_counts_once),
        cmocka_unit_test(test_an_accepted_transaction_is_one_link_of_its_accounts_chain),
        cmocka_unit_test(test_a_debit_to_exactly_the_limit_is_accepted_and_one_cent_more_is_not),
        cmocka_unit_test(test_a_credit_to_exactly_the_range_is_accepted_and_one_cent_more_is_not),
        cmocka_unit_test(test_a_refusal_keeps_what_it_saw_and_leaves_the_account),
        cmocka_unit_test(test_a_repeat_is_the_record_that_was_decided_accepted_or_refused),
        cmocka_unit_test(test_a_stamp_older_than_half_the_window_expires),
        cmocka_unit_test(test_a_repeat_comes_before_expiry_and_ends_with_the_window),
        cmocka_unit_test(test_a_transaction_of_an_unknown_account_has_no_effect),
        cmocka_unit_test(test_time_never_goes_back),
        cmocka_unit_test(test_a_record_is_zero_padded_at_every_size_of_description),
        cmocka_unit_test(test_a_hint_changes_nothing),
        cmocka_unit_test(test_close_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
