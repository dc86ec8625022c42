#include "seat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "replica/birth.h"
#include "support/memory_disk.h"

enum { ACCOUNTS_MAX_SMALL = 100, STEPS_MAX = 100000 };

void seat_make(struct seat *seat, const char *accounts, uint32_t window)
{
    const struct birth birth = {
        .window = window, .accounts_max = ACCOUNTS_MAX_SMALL, .address = "local"};
    memset(seat, 0, sizeof(*seat));
    simulated_ports_init(&seat->ports, 7);
    seat->disk = memory_disk_open();
    memory_disk_put(seat->disk, BIRTH_ACCOUNTS_NAME, accounts, strlen(accounts));
    assert_int_equal(birth_prepare(seat->disk, &seat->ports.random, &birth), STATUS_OK);
}

enum status seat_try_open(struct seat *seat, uint32_t accounts_max)
{
    const struct replica_ports ports = {
        .clock = &seat->ports.clock,
        .random = &seat->ports.random,
        .disk = seat->disk,
        .executor = &seat->ports.executor,
    };
    const struct replica_options options = {.accounts_max = accounts_max};
    return replica_open(&seat->replica, &ports, &options);
}

void seat_open(struct seat *seat)
{
    assert_int_equal(seat_try_open(seat, ACCOUNTS_MAX_SMALL), STATUS_OK);
}

void seat_ready(struct seat *seat)
{
    for (int i = 0; i < STEPS_MAX && replica_state(seat->replica) == REPLICA_STARTING; i++) {
        seat_turn(seat);
        (void)seat_log_step(seat);
        (void)seat_worker_step(seat);
    }
    assert_int_equal(replica_state(seat->replica), REPLICA_READY);
    seat_settle(seat);
}

void seat_begin(struct seat *seat, const char *accounts, uint32_t window)
{
    seat_make(seat, accounts, window);
    seat_open(seat);
    seat_ready(seat);
}

void seat_turn(struct seat *seat)
{
    seat->ports.now_us += 1000;
    replica_turn(seat->replica);
}

static bool step(struct job **jobs, uint32_t *count)
{
    if (*count == 0) {
        return false;
    }
    struct job *job = jobs[0];
    (*count)--;
    memmove(&jobs[0], &jobs[1], *count * sizeof(struct job *));
    job->work(job);
    job->done(job);
    return true;
}

bool seat_log_step(struct seat *seat)
{
    return step(seat->ports.log, &seat->ports.log_count);
}

bool seat_worker_step(struct seat *seat)
{
    return step(seat->ports.workers, &seat->ports.worker_count);
}

void seat_settle(struct seat *seat)
{
    bool moved = true;
    for (int i = 0; i < STEPS_MAX && moved; i++) {
        seat_turn(seat);
        moved = seat_log_step(seat);
        moved = seat_worker_step(seat) || moved || replica_has_queued(seat->replica);
    }
    assert_false(moved);
}

void seat_kill(struct seat *seat, bool power)
{
    if (power) {
        memory_disk_crash(seat->disk, simulated_below(&seat->ports, UINT64_MAX));
    }
    memory_disk_fail_change(seat->disk, 1, MEMORY_DISK_FOR_GOOD);
    while (seat_log_step(seat) || seat_worker_step(seat)) {
    }
    replica_close(seat->replica);
    seat->replica = NULL;
    memory_disk_fail_change(seat->disk, 0, MEMORY_DISK_ONCE);
    if (power) {
        memory_disk_crash(seat->disk, simulated_below(&seat->ports, UINT64_MAX));
    }
}

void seat_end(struct seat *seat)
{
    while (seat_log_step(seat) || seat_worker_step(seat)) {
    }
    replica_close(seat->replica);
    memory_disk_close(seat->disk);
}

static void on_answer(struct replica_transaction *transaction, const struct replica_answer *answer)
{
    struct asker *asker = (struct asker *)transaction;
    asker->answers++;
    asker->result = answer->result;
    asker->mismatch = answer->mismatch;
    if (answer->record != NULL) {
        asker->record = *answer->record;
        asker->record.checksum = 0; /* the journal's business: not part of an answer */
    }
}

void asker_make(struct seat *seat, struct asker *asker, uint64_t account)
{
    memset(asker, 0, sizeof(*asker));
    struct command *command = &asker->transaction.command;
    command->kind = COMMAND_CREDIT;
    command->account = account;
    command->amount = 1;
    command->description_size = 2;
    memcpy(command->description, "xy", 2);
    command->stamp = replica_length(seat->replica);
    bytes_put_u64(command->id, ++seat->ids);
    asker->transaction.on_answer = on_answer;
}

void asker_submit(struct seat *seat, struct asker *asker)
{
    asker->answers = 0;
    memset(&asker->record, 0, sizeof(asker->record));
    replica_submit(seat->replica, &asker->transaction);
}

static void on_statement(struct replica_statement *statement,
                         const struct replica_statement_answer *answer)
{
    struct reader *reader = (struct reader *)statement;
    reader->answers++;
    reader->result = answer->result;
    reader->count = answer->count;
    reader->time_us = answer->time_us;
    if (answer->account != NULL) {
        reader->account = *answer->account;
    }
    for (uint32_t i = 0; i < answer->count; i++) {
        reader->records[i] = *answer->records[i];
        reader->records[i].checksum = 0;
    }
}

void reader_read(struct seat *seat, struct reader *reader, uint64_t account, uint32_t count_max)
{
    memset(reader, 0, sizeof(*reader));
    reader->statement.account = account;
    reader->statement.count_max = count_max;
    reader->statement.on_answer = on_statement;
    replica_read(seat->replica, &reader->statement);
}
