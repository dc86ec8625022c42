/* What is asked about records that are no longer in memory: one bank of 70,000 decisions for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seat.h"
#include "support/memory_disk.h"

enum {
    DECISIONS = 70000,
    BATCH = 1400, /* one entry */
    EARLY = 12,   /* decisions of account 2, before all others, and of account 3 */
    LATE = 4,     /* of account 3, after all others */
    ACCOUNT_OLD = 2,
    ACCOUNT_BOTH = 3,
    READERS = 70, /* more than look-ups at the same time */
};

static struct seat seat;
static struct asker old[EARLY];
static struct asker both[EARLY + LATE];

static void decide(struct asker *asker, uint64_t account)
{
    asker_make(&seat, asker, account);
    asker_submit(&seat, asker);
    seat_settle(&seat);
    assert_int_equal(asker->result, REPLICA_DONE);
}

static int bank_begin(void **state)
{
    (void)state;
    struct asker *batch = calloc(BATCH, sizeof(*batch));
    assert_non_null(batch);
    seat_begin(&seat, "1,0\n2,0\n3,0\n", WINDOW_DEFAULT);
    for (int i = 0; i < EARLY; i++) {
        decide(&old[i], ACCOUNT_OLD);
        decide(&both[i], ACCOUNT_BOTH);
    }
    for (int i = 0; i < DECISIONS / BATCH; i++) {
        for (int j = 0; j < BATCH; j++) {
            asker_make(&seat, &batch[j], 1);
            asker_submit(&seat, &batch[j]);
        }
        seat_settle(&seat);
    }
    for (int i = 0; i < LATE; i++) {
        decide(&both[EARLY + i], ACCOUNT_BOTH);
    }
    free(batch);
    assert_in_range(replica_length(seat.replica), DECISIONS, DECISIONS + 100);
    return 0;
}

static int bank_end(void **state)
{
    (void)state;
    seat_end(&seat);
    return 0;
}

static struct asker again(const struct asker *first)
{
    struct asker asker = *first;
    asker.transaction.command.stamp = replica_length(seat.replica);
    return asker;
}

static void a_repeat_of_an_old_record_is_answered_from_the_files_as_at_first(void **state)
{
    (void)state;
    for (int i = 0; i < EARLY; i++) {
        struct asker repeat = again(&old[i]);
        uint64_t length = replica_length(seat.replica);
        asker_submit(&seat, &repeat);
        seat_turn(&seat);
        assert_true(seat_log_step(&seat));
        seat_turn(&seat);
        assert_int_equal(repeat.answers, 0); /* not from memory */
        assert_true(seat_worker_step(&seat));
        assert_int_equal(repeat.answers, 1);
        assert_int_equal(repeat.result, REPLICA_DONE);
        assert_memory_equal(&repeat.record, &old[i].record, sizeof(struct record));
        assert_int_equal(replica_length(seat.replica), length);
        seat_settle(&seat);
    }
}

static void a_repeat_that_asks_for_something_else_names_the_field(void **state)
{
    (void)state;
    const struct asker *firsts[] = {&old[3], &both[EARLY + 1]}; /* from files and from memory */
    for (size_t i = 0; i < 2; i++) {
        struct asker amount = again(firsts[i]);
        struct asker type = again(firsts[i]);
        struct asker description = again(firsts[i]);
        struct asker longer = again(firsts[i]);
        struct asker shorter = again(firsts[i]);
        struct asker equal = again(firsts[i]);
        amount.transaction.command.amount++;
        type.transaction.command.kind = COMMAND_DEBIT;
        description.transaction.command.description[0] = 'y';
        longer.transaction.command.description_size = 3;
        longer.transaction.command.description[2] = 'z';
        shorter.transaction.command.description_size = 1;
        uint64_t mismatches = replica_counters(seat.replica).mismatches;
        struct asker *const askers[] = {&amount, &type, &description, &longer, &shorter, &equal};
        for (size_t j = 0; j < 6; j++) {
            asker_submit(&seat, askers[j]);
        }
        seat_settle(&seat);
        for (size_t j = 0; j < 6; j++) {
            assert_int_equal(askers[j]->answers, 1);
            assert_int_equal(askers[j]->result, j < 5 ? REPLICA_MISMATCH : REPLICA_DONE);
        }
        assert_int_equal(amount.mismatch, REPLICA_FIELD_AMOUNT);
        assert_int_equal(type.mismatch, REPLICA_FIELD_TYPE);
        assert_int_equal(description.mismatch, REPLICA_FIELD_DESCRIPTION);
        assert_int_equal(longer.mismatch, REPLICA_FIELD_DESCRIPTION);
        assert_int_equal(shorter.mismatch, REPLICA_FIELD_DESCRIPTION);
        assert_memory_equal(&equal.record, &firsts[i]->record, sizeof(struct record));
        assert_int_equal(replica_counters(seat.replica).mismatches, mismatches + 5);
    }
}

static void expect_statement(const struct reader *reader, const struct asker *newest,
                             uint32_t count)
{
    assert_int_equal(reader->answers, 1);
    assert_int_equal(reader->result, REPLICA_DONE);
    assert_int_equal(reader->count, count);
    assert_int_equal(reader->account.place, newest->record.place);
    assert_true(reader->account.balance == newest->record.balance);
    for (uint32_t i = 0; i < count; i++) {
        assert_memory_equal(&reader->records[i], &(newest - i)->record, sizeof(struct record));
    }
}

static void an_old_statement_is_read_from_the_files(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= STATEMENT_TRANSACTIONS_MAX; count++) {
        struct reader reader;
        reader_read(&seat, &reader, ACCOUNT_OLD, count);
        assert_int_equal(reader.answers, 0);
        assert_true(seat_worker_step(&seat));
        expect_statement(&reader, &old[EARLY - 1], count);
    }
}

/* The newest from memory at once, the older ones from files behind them. */
static void a_statement_goes_on_in_the_files_where_memory_ends(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= STATEMENT_TRANSACTIONS_MAX; count++) {
        struct reader reader;
        reader_read(&seat, &reader, ACCOUNT_BOTH, count);
        assert_int_equal(reader.answers, count <= LATE);
        seat_settle(&seat);
        expect_statement(&reader, &both[EARLY + LATE - 1], count);
    }
}

static void more_statements_than_look_ups_wait_their_turn(void **state)
{
    (void)state;
    static struct reader readers[READERS];
    for (int i = 0; i < READERS; i++) {
        reader_read(&seat, &readers[i], ACCOUNT_OLD, STATEMENT_TRANSACTIONS_MAX);
    }
    seat_settle(&seat);
    for (int i = 0; i < READERS; i++) {
        expect_statement(&readers[i], &old[EARLY - 1], STATEMENT_TRANSACTIONS_MAX);
    }
}

static void a_reader_that_leaves_during_its_look_up_is_not_answered(void **state)
{
    (void)state;
    struct reader reader;
    struct asker repeat = again(&old[0]);
    reader_read(&seat, &reader, ACCOUNT_OLD, 1);
    asker_submit(&seat, &repeat);
    seat_turn(&seat);
    assert_true(seat_log_step(&seat));
    seat_turn(&seat);
    replica_read_forget(seat.replica, &reader.statement);
    replica_forget(seat.replica, &repeat.transaction);
    seat_settle(&seat);
    assert_int_equal(reader.answers, 0);
    assert_int_equal(repeat.answers, 0);
    assert_true(replica_is_idle(seat.replica));
    reader_read(&seat, &reader, ACCOUNT_OLD, 1); /* its memory is free for the next one */
    seat_settle(&seat);
    expect_statement(&reader, &old[EARLY - 1], 1);
}

/* The last one: it ends the bank. */
static void a_look_up_that_hangs_answers_its_reader_at_its_deadline(void **state)
{
    (void)state;
    struct reader reader;
    reader_read(&seat, &reader, ACCOUNT_OLD, STATEMENT_TRANSACTIONS_MAX);
    seat.ports.now_us = reader.statement.deadline_us;
    replica_turn(seat.replica);
    assert_int_equal(reader.answers, 1);
    assert_int_equal(reader.result, REPLICA_NOT_ACCEPTED);
    seat_settle(&seat); /* the look-up comes back after all */
    assert_int_equal(reader.answers, 1);
}

static void a_statement_has_the_time_of_the_state_that_it_shows(void **state)
{
    (void)state;
    struct reader reader;
    struct asker later;
    reader_read(&seat, &reader, ACCOUNT_BOTH, STATEMENT_TRANSACTIONS_MAX);
    uint64_t place = both[EARLY + LATE - 1].record.place;
    uint64_t asked_us = seat.ports.now_us;
    seat.ports.now_us += 1000;
    asker_make(&seat, &later, ACCOUNT_BOTH);
    asker_submit(&seat, &later);
    replica_turn(seat.replica);
    while (later.answers == 0 && seat_log_step(&seat)) {
        replica_turn(seat.replica);
    }
    assert_int_equal(later.answers, 1);
    assert_int_equal(reader.answers, 0);
    seat_settle(&seat);
    assert_int_equal(reader.answers, 1);
    assert_int_equal(reader.account.place, place);
    assert_int_equal(reader.time_us, asked_us);
    assert_true(later.record.time_us > reader.time_us);
}

static void a_read_that_fails_ends_the_replica_and_answers_all(void **state)
{
    (void)state;
    struct asker repeat = again(&old[0]);
    struct reader reader;
    asker_submit(&seat, &repeat);
    seat_turn(&seat);
    assert_true(seat_log_step(&seat));
    seat_turn(&seat);
    reader_read(&seat, &reader, ACCOUNT_OLD, 1);
    memory_disk_fail_read(seat.disk, 1, MEMORY_DISK_FOR_GOOD);
    while (seat_worker_step(&seat)) {
    }
    assert_int_equal(replica_state(seat.replica), REPLICA_FAILED);
    assert_int_equal(repeat.answers, 1);
    assert_int_equal(repeat.result, REPLICA_OUTCOME_UNKNOWN);
    assert_int_equal(reader.answers, 1);
    assert_int_equal(reader.result, REPLICA_NOT_ACCEPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_of_an_old_record_is_answered_from_the_files_as_at_first),
        cmocka_unit_test(a_repeat_that_asks_for_something_else_names_the_field),
        cmocka_unit_test(an_old_statement_is_read_from_the_files),
        cmocka_unit_test(a_statement_goes_on_in_the_files_where_memory_ends),
        cmocka_unit_test(more_statements_than_look_ups_wait_their_turn),
        cmocka_unit_test(a_reader_that_leaves_during_its_look_up_is_not_answered),
        cmocka_unit_test(a_look_up_that_hangs_answers_its_reader_at_its_deadline),
        cmocka_unit_test(a_statement_has_the_time_of_the_state_that_it_shows),
        cmocka_unit_test(a_read_that_fails_ends_the_replica_and_answers_all),
    };
    return cmocka_run_group_tests(tests, bank_begin, bank_end);
}
