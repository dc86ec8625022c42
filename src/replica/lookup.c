#include "base/check.h"
#include "replica/internal.h"

static struct lookup *take(struct replica *replica)
{
    for (uint32_t i = 0; i < LOOKUPS_MAX; i++) {
        struct lookup *lookup = &replica->lookups[i];
        if (!lookup->busy) {
            replica->lookups_busy++;
            lookup->busy = true;
            lookup->replica = replica;
            lookup->statement = NULL;
            lookup->count = 0;
            return lookup;
        }
    }
    return NULL;
}

static void release(struct lookup *lookup)
{
    lookup->busy = false;
    lookup->replica->lookups_busy--;
}

/* Worker: goes on with the walk in the files. */
static void walk_work(struct job *job)
{
    struct lookup *lookup = (struct lookup *)job;
    lookup->status = STATUS_OK;
    while (lookup->count < lookup->count_max && lookup->index != 0) {
        struct record *record = &lookup->records[lookup->count];
        lookup->status = journal_read(lookup->replica->journal, lookup->index, 1, record);
        if (lookup->status != STATUS_OK) {
            return;
        }
        lookup->count++;
        lookup->index = record->previous;
    }
}

static void submit(struct lookup *lookup, void (*done)(struct job *))
{
    struct executor *executor = lookup->replica->ports.executor;
    lookup->job = (struct job){.work = walk_work, .done = done};
    executor->submit(executor, EXECUTOR_WORKERS, &lookup->job);
}

static void repeat_done(struct job *job)
{
    struct lookup *lookup = (struct lookup *)job;
    struct replica *replica = lookup->replica;
    release(lookup);
    if (lookup->status != STATUS_OK) {
        replica_fail(replica, "reading the journal", lookup->status);
        return;
    }
    apply_answer(replica, &lookup->records[0]);
}

bool lookup_repeat(struct replica *replica, uint64_t index)
{
    struct lookup *lookup = take(replica);
    if (lookup == NULL) {
        return false;
    }
    lookup->index = index;
    lookup->count_max = 1;
    submit(lookup, repeat_done);
    return true;
}

/* Never before the newest applied record's, whatever the clock does. */
static uint64_t time_now_us(const struct replica *replica)
{
    uint64_t now_us = replica->ports.clock->realtime_us(replica->ports.clock->context);
    uint64_t newest_us = ledger_time_us(replica->ledger);
    return now_us > newest_us ? now_us : newest_us;
}

static void statement_done(struct job *job)
{
    struct lookup *lookup = (struct lookup *)job;
    struct replica *replica = lookup->replica;
    struct replica_statement *statement = lookup->statement;
    release(lookup);
    if (lookup->status != STATUS_OK) {
        replica_fail(replica, "reading the journal", lookup->status); /* answers this one too */
        return;
    }
    struct replica_statement_answer answer = {
        .result = REPLICA_DONE,
        .account = &lookup->account,
        .time_us = lookup->time_us,
        .count = lookup->count,
    };
    for (uint32_t i = 0; i < lookup->count; i++) {
        answer.records[i] = &lookup->records[i];
    }
    if (statement != NULL) {
        requests_read_answer(replica, statement, &answer);
    }
}

bool lookup_statement(struct replica *replica, struct replica_statement *statement,
                      const struct account *account)
{
    struct replica_statement_answer answer = {
        .result = REPLICA_DONE, .account = account, .time_us = time_now_us(replica)};
    uint64_t index = account->record_last;
    while (answer.count < statement->count_max && index != 0) {
        const struct record *record = journal_recent(replica->journal, index);
        if (record == NULL) {
            break;
        }
        answer.records[answer.count++] = record;
        index = record->previous;
    }
    if (answer.count == statement->count_max || index == 0) {
        requests_read_answer(replica, statement, &answer);
        return true;
    }
    struct lookup *lookup = take(replica);
    if (lookup == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < answer.count; i++) {
        lookup->records[i] = *answer.records[i];
    }
    lookup->count = answer.count;
    lookup->count_max = statement->count_max;
    lookup->index = index;
    lookup->account = *account;
    lookup->time_us = answer.time_us;
    lookup->statement = statement;
    statement->lookup = lookup;
    submit(lookup, statement_done);
    return true;
}
