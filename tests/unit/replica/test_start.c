#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "seat.h"
#include "support/memory_disk.h"
#include "wal/vote.h"

static struct vote vote_of(struct seat *seat)
{
    struct vote vote;
    assert_int_equal(vote_load(seat->disk, &vote), STATUS_OK);
    return vote;
}

/* What the core runs in is on the disk when replica_open returns: the power fails before anything else
 * could write it. */
static void each_start_of_a_sole_voter_is_in_a_newer_term_that_is_on_the_disk(void **state)
{
    (void)state;
    struct seat seat;
    seat_make(&seat, "1,5\n", WINDOW_MIN);
    uint64_t term = vote_of(&seat).term;
    for (int start = 0; start < 12; start++) {
        seat_open(&seat);
        uint64_t term_now = replica_counters(seat.replica).term;
        assert_true(replica_counters(seat.replica).is_leader);
        assert_true(term_now > term);
        term = term_now;
        if (start % 3 == 1) {
            seat_ready(&seat); /* and entries of this term come into the log */
        }
        seat_kill(&seat, start % 2 == 0);
        assert_int_equal(vote_of(&seat).term, term);
        assert_int_not_equal(vote_of(&seat).voted_for, 0);
    }
    memory_disk_close(seat.disk);
}

/* Each change of the disk during the start fails in turn: either it does not start, or its term is
 * there. A term that was begun is never used again. */
static void a_start_whose_term_did_not_reach_the_disk_is_none(void **state)
{
    (void)state;
    uint64_t opened = 0;
    for (uint64_t call = 1; opened == 0; call++) {
        struct seat seat;
        seat_make(&seat, "1,5\n", WINDOW_MIN);
        uint64_t term = vote_of(&seat).term;
        memory_disk_fail_change(seat.disk, call, MEMORY_DISK_FOR_GOOD);
        enum status status = seat_try_open(&seat, 10);
        bool failed = memory_disk_has_failed(seat.disk);
        assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
        if (status == STATUS_OK) {
            opened = call;
            seat_kill(&seat, true);
        } else {
            memory_disk_crash(seat.disk, call);
        }
        assert_true(vote_of(&seat).term >= term);
        seat_open(&seat);
        assert_true(replica_counters(seat.replica).term > term + (opened > 0));
        seat_kill(&seat, true);
        memory_disk_close(seat.disk);
    }
    assert_in_range(opened, 4, 1000); /* there were writes to fail */
}

/* A term that only the log knows: the vote was lost or comes from a copy. */
static void a_log_in_a_newer_term_than_the_vote_stops_the_start(void **state)
{
    (void)state;
    struct seat seat;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    seat_kill(&seat, false);
    struct vote vote = vote_of(&seat);
    vote.term--;
    assert_int_equal(vote_store(seat.disk, &vote), STATUS_OK);
    assert_int_equal(seat_try_open(&seat, 10), STATUS_CORRUPT);
    memory_disk_close(seat.disk);
}

static void until_it_is_ready_nothing_is_proposed_and_nothing_is_read(void **state)
{
    (void)state;
    struct seat seat;
    struct asker asker;
    struct reader reader;
    seat_begin(&seat, "1,5\n", WINDOW_MIN);
    seat_kill(&seat, false);
    seat_open(&seat);
    asker_make(&seat, &asker, 1);
    asker_submit(&seat, &asker);
    reader_read(&seat, &reader, 1, 1);
    while (replica_state(seat.replica) == REPLICA_STARTING) {
        assert_int_equal(asker.answers, 0);
        assert_int_equal(reader.answers, 0);
        assert_int_equal(replica_counters(seat.replica).queued, 1);
        seat_turn(&seat);
        (void)seat_log_step(&seat);
        (void)seat_worker_step(&seat);
    }
    seat_settle(&seat);
    assert_int_equal(asker.answers, 1);
    assert_int_equal(asker.result, REPLICA_DONE);
    assert_int_equal(reader.answers, 1);
    assert_int_equal(reader.result, REPLICA_DONE);
    seat_end(&seat);
}

static void expect_failed_start(struct seat *seat)
{
    for (int i = 0; i < 1000 && replica_state(seat->replica) == REPLICA_STARTING; i++) {
        seat_turn(seat);
        (void)seat_log_step(seat);
        (void)seat_worker_step(seat);
    }
    assert_int_equal(replica_state(seat->replica), REPLICA_FAILED);
}

/* A bank of ten accounts: in the file only, then in the log, then in the journal. */
static void a_bank_with_more_accounts_than_the_maximum_does_not_start(void **state)
{
    (void)state;
    struct seat seat;
    char accounts[100] = "";
    for (int i = 0; i < 10; i++) {
        size_t used = strlen(accounts);
        (void)snprintf(accounts + used, sizeof(accounts) - used, "%d,5\n", i);
    }
    for (uint32_t accounts_max = 1; accounts_max <= 10; accounts_max += 3) {
        seat_make(&seat, accounts, WINDOW_MIN);
        assert_int_equal(seat_try_open(&seat, accounts_max), STATUS_OK);
        if (accounts_max == 10) {
            seat_ready(&seat);
            seat_end(&seat);
            break;
        }
        expect_failed_start(&seat);
        seat_kill(&seat, false);
        seat_open(&seat); /* with room for all it goes on */
        seat_ready(&seat);
        assert_int_equal(replica_counters(seat.replica).accounts, 10);
        seat_kill(&seat, false);
        assert_int_equal(seat_try_open(&seat, accounts_max), STATUS_OK); /* still in the log */
        expect_failed_start(&seat);
        seat_kill(&seat, false);
        seat_open(&seat);
        seat_ready(&seat);
        replica_stop(seat.replica);
        while (replica_state(seat.replica) != REPLICA_STOPPED) {
            seat_turn(&seat);
            (void)seat_log_step(&seat);
            (void)seat_worker_step(&seat);
        }
        replica_close(seat.replica);
        assert_int_equal(seat_try_open(&seat, accounts_max), STATUS_FULL); /* settled */
        memory_disk_close(seat.disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_start_of_a_sole_voter_is_in_a_newer_term_that_is_on_the_disk),
        cmocka_unit_test(a_start_whose_term_did_not_reach_the_disk_is_none),
        cmocka_unit_test(a_log_in_a_newer_term_than_the_vote_stops_the_start),
        cmocka_unit_test(until_it_is_ready_nothing_is_proposed_and_nothing_is_read),
        cmocka_unit_test(a_bank_with_more_accounts_than_the_maximum_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
