#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seat.h"
#include "support/memory_disk.h"

static const uint64_t DEADLINE_US = (uint64_t)REQUEST_DEADLINE_MS * 1000;

/* Fills the log's lane: so many entries of one request each are under way, and one more request is
 * queued. Nothing of it has come to the disk. */
enum { UNDER_WAY = ENTRIES_IN_FLIGHT_MAX, ASKERS = UNDER_WAY + 1 };

static void fill(struct seat *seat, struct asker askers[ASKERS])
{
    for (uint32_t i = 0; i < ASKERS; i++) {
        asker_make(seat, &askers[i], 1);
        asker_submit(seat, &askers[i]);
        seat_turn(seat);
    }
    assert_int_equal(replica_counters(seat->replica).waiting, UNDER_WAY);
    assert_int_equal(replica_counters(seat->replica).queued, 1);
}

static void expect_answers(const struct asker askers[ASKERS], uint32_t answers)
{
    for (uint32_t i = 0; i < ASKERS; i++) {
        assert_int_equal(askers[i].answers, answers);
    }
}

static void expect_results(const struct asker askers[ASKERS])
{
    expect_answers(askers, 1);
    for (uint32_t i = 0; i < UNDER_WAY; i++) {
        assert_int_equal(askers[i].result, REPLICA_OUTCOME_UNKNOWN);
    }
    assert_int_equal(askers[UNDER_WAY].result, REPLICA_NOT_ACCEPTED);
}

static void nothing_is_answered_before_the_write_of_its_entry_came_back(void **state)
{
    (void)state;
    struct seat seat;
    struct asker first;
    struct asker second;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    uint64_t length = replica_length(seat.replica);
    asker_make(&seat, &first, 1);
    asker_make(&seat, &second, 1);
    asker_submit(&seat, &first);
    seat_turn(&seat);
    asker_submit(&seat, &second); /* its entry waits for the write that is under way */
    for (int i = 0; i < 500; i++) {
        seat_turn(&seat);
        (void)seat_worker_step(&seat);
        assert_int_equal(first.answers + second.answers, 0);
        assert_int_equal(replica_length(seat.replica), length);
    }
    struct job *write = seat.ports.log[0];
    seat.ports.log_count = 0;
    write->work(write); /* on the disk, but not yet told */
    seat_turn(&seat);
    assert_int_equal(first.answers + second.answers, 0);
    write->done(write);
    seat_turn(&seat);
    assert_int_equal(first.answers, 1);
    assert_int_equal(first.result, REPLICA_DONE);
    assert_int_equal(second.answers, 0);
    assert_true(seat_log_step(&seat));
    seat_turn(&seat);
    assert_int_equal(second.answers, 1);
    assert_int_equal(second.record.place, 2);
    seat_end(&seat);
}

/* What was answered is there after the power failed at once. */
static void what_was_answered_survives_a_power_cut(void **state)
{
    (void)state;
    struct seat seat;
    struct asker asker;
    struct reader reader;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    for (uint64_t place = 1; place < 10; place++) {
        asker_make(&seat, &asker, 1);
        asker_submit(&seat, &asker);
        seat_turn(&seat);
        assert_true(seat_log_step(&seat));
        seat_turn(&seat);
        assert_int_equal(asker.answers, 1);
        seat_kill(&seat, true);
        seat_open(&seat);
        seat_ready(&seat);
        reader_read(&seat, &reader, 1, 1);
        seat_settle(&seat);
        assert_int_equal(reader.account.place, place);
        assert_memory_equal(&reader.records[0], &asker.record, sizeof(struct record));
    }
    seat_end(&seat);
}

static void at_its_deadline_a_request_was_not_accepted_or_is_unknown(void **state)
{
    (void)state;
    struct seat seat;
    struct asker askers[ASKERS];
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    uint64_t length = replica_length(seat.replica);
    fill(&seat, askers);
    uint64_t first_us = askers[0].transaction.deadline_us;
    assert_int_equal(replica_wakeup_us(seat.replica) <= first_us, 1);
    seat.ports.now_us = first_us - 1;
    replica_turn(seat.replica);
    expect_answers(askers, 0);
    seat.ports.now_us = first_us;
    replica_turn(seat.replica);
    assert_int_equal(askers[0].answers, 1);
    assert_int_equal(askers[1].answers, 0);
    seat.ports.now_us += DEADLINE_US;
    replica_turn(seat.replica);
    expect_results(askers);
    assert_int_equal(replica_counters(seat.replica).not_accepted, 1);
    assert_int_equal(replica_counters(seat.replica).outcome_unknown, UNDER_WAY);
    seat_settle(&seat); /* the entries come to the disk after all */
    expect_answers(askers, 1);
    assert_int_equal(replica_length(seat.replica), length + UNDER_WAY);
    /* Sent again, each is decided once. */
    for (uint32_t i = 0; i < ASKERS; i++) {
        asker_submit(&seat, &askers[i]);
    }
    seat_settle(&seat);
    assert_int_equal(replica_length(seat.replica), length + ASKERS);
    for (uint32_t i = 0; i < ASKERS; i++) {
        assert_int_equal(askers[i].result, REPLICA_DONE);
        assert_int_equal(askers[i].record.place, i + 1);
    }
    seat_end(&seat);
}

static void after_a_stall_a_queued_request_is_not_proposed_any_more(void **state)
{
    (void)state;
    struct seat seat;
    struct asker asker;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    uint64_t length = replica_length(seat.replica);
    asker_make(&seat, &asker, 1);
    asker_submit(&seat, &asker);
    seat.ports.now_us += DEADLINE_US;
    replica_turn(seat.replica); /* an entry is free, but it comes too late */
    assert_int_equal(asker.answers, 1);
    assert_int_equal(asker.result, REPLICA_NOT_ACCEPTED);
    seat_settle(&seat);
    assert_int_equal(replica_length(seat.replica), length);
    seat_end(&seat);
}

static void a_statement_at_its_deadline_was_not_accepted(void **state)
{
    (void)state;
    struct seat seat;
    struct reader reader;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    seat_kill(&seat, false);
    seat_open(&seat);
    reader_read(&seat, &reader, 1, 1);
    seat.ports.now_us += DEADLINE_US - 1;
    replica_turn(seat.replica);
    assert_int_equal(reader.answers, 0);
    seat.ports.now_us += 1;
    replica_turn(seat.replica);
    assert_int_equal(reader.answers, 1);
    assert_int_equal(reader.result, REPLICA_NOT_ACCEPTED);
    seat_ready(&seat);
    assert_int_equal(reader.answers, 1);
    seat_end(&seat);
}

static void who_was_forgotten_is_never_answered(void **state)
{
    (void)state;
    struct seat seat;
    struct asker askers[ASKERS];
    struct reader reader;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    uint64_t length = replica_length(seat.replica);
    fill(&seat, askers);
    for (uint32_t i = 0; i < ASKERS; i++) {
        replica_forget(seat.replica, &askers[i].transaction);
        replica_forget(seat.replica, &askers[i].transaction); /* does nothing */
    }
    seat.ports.now_us += 2 * DEADLINE_US;
    seat_settle(&seat);
    expect_answers(askers, 0);
    assert_int_equal(replica_length(seat.replica), length + UNDER_WAY); /* the queued one is out */
    assert_int_equal(replica_counters(seat.replica).waiting, 0);
    seat_kill(&seat, false);
    seat_open(&seat);
    reader_read(&seat, &reader, 1, 1); /* waits for the start */
    replica_read_forget(seat.replica, &reader.statement);
    seat_ready(&seat);
    assert_int_equal(reader.answers, 0);
    seat_end(&seat);
}

static void a_failed_write_of_the_log_ends_the_replica_and_answers_all(void **state)
{
    (void)state;
    struct seat seat;
    struct asker askers[ASKERS];
    struct asker late;
    struct reader reader;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    uint64_t length = replica_length(seat.replica);
    fill(&seat, askers);
    memory_disk_fail_change(seat.disk, 1, MEMORY_DISK_ONCE);
    assert_true(seat_log_step(&seat));
    assert_true(memory_disk_has_failed(seat.disk));
    assert_int_equal(replica_state(seat.replica), REPLICA_FAILED);
    expect_results(askers);
    asker_make(&seat, &late, 1);
    asker_submit(&seat, &late);
    assert_int_equal(late.answers, 1);
    assert_int_equal(late.result, REPLICA_NOT_ACCEPTED);
    reader_read(&seat, &reader, 1, 1);
    assert_int_equal(reader.answers, 1);
    assert_int_equal(reader.result, REPLICA_NOT_ACCEPTED);
    for (int i = 0; i < 10; i++) {
        seat_turn(&seat);
        assert_false(seat_log_step(&seat)); /* it never tries again */
    }
    expect_answers(askers, 1);
    assert_int_equal(replica_length(seat.replica), length);
    assert_true(replica_wakeup_us(seat.replica) == UINT64_MAX);
    seat_end(&seat);
}

/* Two tries of one request in one entry: the older one is too old to tell, the younger is decided. */
static void a_write_of_the_log_that_hangs_ends_the_replica_but_a_pause_does_not(void **state)
{
    (void)state;
    enum { SECOND_US = 1000000, WRITE_MAX_S = 10 };
    struct seat seat;
    struct asker asker;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    asker_make(&seat, &asker, 1);
    asker_submit(&seat, &asker);
    replica_turn(seat.replica);
    seat.ports.now_us += 60 * SECOND_US; /* the process stood still, not the disk */
    replica_turn(seat.replica);
    assert_int_equal(replica_state(seat.replica), REPLICA_READY);
    assert_int_equal(asker.result, REPLICA_OUTCOME_UNKNOWN);
    for (int i = 0; i < WRITE_MAX_S; i++) {
        seat.ports.now_us += SECOND_US;
        replica_turn(seat.replica);
    }
    assert_int_equal(replica_state(seat.replica), REPLICA_FAILED);
    seat_end(&seat);
}

static void expired_answers_only_the_request_with_its_stamp(void **state)
{
    (void)state;
    enum { MANY = WINDOW_MIN / 2 + 1 };
    static struct asker askers[MANY];
    struct seat seat;
    struct asker old;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    asker_make(&seat, &old, 1);
    for (int i = 0; i < MANY; i++) {
        asker_make(&seat, &askers[i], 1);
        asker_submit(&seat, &askers[i]);
    }
    seat_settle(&seat);
    struct asker young = old;
    young.transaction.command.stamp = replica_length(seat.replica);
    asker_submit(&seat, &old);
    asker_submit(&seat, &young);
    seat_settle(&seat);
    assert_int_equal(old.answers, 1);
    assert_int_equal(old.result, REPLICA_OUTCOME_UNKNOWN);
    assert_int_equal(young.answers, 1);
    assert_int_equal(young.result, REPLICA_DONE);
    assert_int_equal(young.record.place, MANY + 1);
    assert_int_equal(replica_counters(seat.replica).expired, 1);
    seat_end(&seat);
}

static void all_tries_of_one_request_are_answered_from_one_record(void **state)
{
    (void)state;
    enum { TRIES = 5 };
    struct seat seat;
    struct asker tries[TRIES];
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    uint64_t length = replica_length(seat.replica);
    asker_make(&seat, &tries[0], 1);
    for (int i = 0; i < TRIES; i++) {
        tries[i] = tries[0];
    }
    for (int i = 0; i < TRIES; i++) {
        asker_submit(&seat, &tries[i]);
    }
    seat_settle(&seat);
    for (int i = 0; i < TRIES; i++) {
        assert_int_equal(tries[i].answers, 1);
        assert_int_equal(tries[i].result, REPLICA_DONE);
        assert_memory_equal(&tries[i].record, &tries[0].record, sizeof(struct record));
    }
    assert_int_equal(replica_length(seat.replica), length + 1);
    seat_end(&seat);
}

static void an_account_that_is_not_there_is_told_and_leaves_no_trace(void **state)
{
    (void)state;
    struct seat seat;
    struct asker asker;
    struct reader reader;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    uint64_t length = replica_length(seat.replica);
    asker_make(&seat, &asker, 2);
    asker_submit(&seat, &asker);
    reader_read(&seat, &reader, 2, 1);
    seat_settle(&seat);
    assert_int_equal(asker.answers, 1);
    assert_int_equal(asker.result, REPLICA_NO_ACCOUNT);
    assert_int_equal(reader.answers, 1);
    assert_int_equal(reader.result, REPLICA_NO_ACCOUNT);
    assert_int_equal(replica_length(seat.replica), length);
    seat_end(&seat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_answered_before_the_write_of_its_entry_came_back),
        cmocka_unit_test(what_was_answered_survives_a_power_cut),
        cmocka_unit_test(at_its_deadline_a_request_was_not_accepted_or_is_unknown),
        cmocka_unit_test(after_a_stall_a_queued_request_is_not_proposed_any_more),
        cmocka_unit_test(a_statement_at_its_deadline_was_not_accepted),
        cmocka_unit_test(who_was_forgotten_is_never_answered),
        cmocka_unit_test(a_failed_write_of_the_log_ends_the_replica_and_answers_all),
        cmocka_unit_test(a_write_of_the_log_that_hangs_ends_the_replica_but_a_pause_does_not),
        cmocka_unit_test(expired_answers_only_the_request_with_its_stamp),
        cmocka_unit_test(all_tries_of_one_request_are_answered_from_one_record),
        cmocka_unit_test(an_account_that_is_not_there_is_told_and_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
