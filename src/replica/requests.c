#include "base/check.h"
#include "replica/internal.h"

static const uint64_t DEADLINE_US = (uint64_t)REQUEST_DEADLINE_MS * 1000;

/* From the clock, not from the turn's time, which a pause may have left far behind. */
static uint64_t deadline_from_now_us(const struct replica *replica)
{
    return replica->ports.clock->monotonic_us(replica->ports.clock->context) + DEADLINE_US;
}

/* Transactions. */

void requests_answer(struct replica *replica, struct replica_transaction *transaction,
                     enum replica_result result)
{
    const struct replica_answer answer = {.result = result};
    replica->counters.not_accepted += result == REPLICA_NOT_ACCEPTED;
    replica->counters.outcome_unknown += result == REPLICA_OUTCOME_UNKNOWN;
    if (transaction->state != REPLICA_REQUEST_FREE) {
        waiting_remove(&replica->waiting, transaction);
    }
    transaction->on_answer(transaction, &answer);
}

void replica_submit(struct replica *replica, struct replica_transaction *transaction)
{
    CHECK(transaction->state == REPLICA_REQUEST_FREE);
    if (replica->phase == PHASE_FAILED || replica->phase == PHASE_STOPPED) {
        requests_answer(replica, transaction, REPLICA_NOT_ACCEPTED);
        return;
    }
    transaction->deadline_us = deadline_from_now_us(replica);
    waiting_queue(&replica->waiting, transaction);
}

void replica_forget(struct replica *replica, struct replica_transaction *transaction)
{
    if (transaction->state != REPLICA_REQUEST_FREE) {
        waiting_remove(&replica->waiting, transaction);
    }
}

bool replica_knows(const struct replica *replica, uint64_t account)
{
    return ledger_account_find(replica->ledger, account) != NULL;
}

bool requests_collect(struct replica *replica, struct entry_builder *builder)
{
    struct replica_transaction *transaction;
    while ((transaction = replica->waiting.queued.first) != NULL) {
        if (transaction->deadline_us <= replica->now_us) { /* the loop stood still meanwhile */
            requests_answer(replica, transaction, REPLICA_NOT_ACCEPTED);
        } else if (!replica_knows(replica, transaction->command.account)) {
            requests_answer(replica, transaction, REPLICA_NO_ACCOUNT);
        } else if (entry_add(builder, &transaction->command)) {
            waiting_submit(&replica->waiting, transaction);
        } else {
            break;
        }
    }
    return builder->count > 0;
}

/* Statements. */

static void read_list_append(struct statement_list *list, struct replica_statement *statement)
{
    statement->next = NULL;
    statement->previous = list->last;
    if (list->last != NULL) {
        list->last->next = statement;
    } else {
        list->first = statement;
    }
    list->last = statement;
}

static void read_list_remove(struct statement_list *list, struct replica_statement *statement)
{
    if (statement->previous != NULL) {
        statement->previous->next = statement->next;
    } else {
        list->first = statement->next;
    }
    if (statement->next != NULL) {
        statement->next->previous = statement->previous;
    } else {
        list->last = statement->previous;
    }
}

/* Takes it out of wherever it is; a look-up ends without an asker. */
static void read_remove(struct replica *replica, struct replica_statement *statement)
{
    if (statement->state == REPLICA_REQUEST_QUEUED) {
        read_list_remove(&replica->reads, statement);
    } else if (statement->state == REPLICA_REQUEST_SUBMITTED) {
        read_list_remove(&replica->walking, statement);
        statement->lookup->statement = NULL;
        statement->lookup = NULL;
    }
    statement->state = REPLICA_REQUEST_FREE;
}

void requests_read_answer(struct replica *replica, struct replica_statement *statement,
                          const struct replica_statement_answer *answer)
{
    read_remove(replica, statement);
    statement->on_answer(statement, answer);
}

/* One voter is its own majority: what it has applied is the read index, once an entry of its own term
 * was (PHASE_READY). False: no free look-up. */
static bool read_now(struct replica *replica, struct replica_statement *statement)
{
    const struct account *account = ledger_account_find(replica->ledger, statement->account);
    if (account == NULL) {
        const struct replica_statement_answer answer = {.result = REPLICA_NO_ACCOUNT};
        requests_read_answer(replica, statement, &answer);
        return true;
    }
    statement->lookup = NULL;
    if (!lookup_statement(replica, statement, account)) {
        return false;
    }
    if (statement->lookup != NULL) {
        statement->state = REPLICA_REQUEST_SUBMITTED;
        read_list_append(&replica->walking, statement);
    }
    return true;
}

static bool reads_are_open(const struct replica *replica)
{
    return replica->phase == PHASE_READY || replica->phase == PHASE_STOPPING;
}

void replica_read(struct replica *replica, struct replica_statement *statement)
{
    CHECK(statement->state == REPLICA_REQUEST_FREE);
    CHECK(statement->count_max <= STATEMENT_TRANSACTIONS_MAX);
    if (replica->phase == PHASE_FAILED || replica->phase == PHASE_STOPPED) {
        const struct replica_statement_answer answer = {.result = REPLICA_NOT_ACCEPTED};
        requests_read_answer(replica, statement, &answer);
        return;
    }
    statement->deadline_us = deadline_from_now_us(replica);
    if (replica->reads.first == NULL && reads_are_open(replica) && read_now(replica, statement)) {
        return;
    }
    statement->state = REPLICA_REQUEST_QUEUED;
    read_list_append(&replica->reads, statement);
}

void replica_read_forget(struct replica *replica, struct replica_statement *statement)
{
    read_remove(replica, statement);
}

void requests_read(struct replica *replica)
{
    while (reads_are_open(replica) && replica->reads.first != NULL &&
           replica->lookups_busy < LOOKUPS_MAX) {
        struct replica_statement *statement = replica->reads.first;
        read_remove(replica, statement);
        bool begun = read_now(replica, statement);
        CHECK(begun); /* a look-up is free */
    }
}

/* Deadlines. */

static void reads_expire(struct replica *replica, struct statement_list *list, uint64_t now_us)
{
    const struct replica_statement_answer answer = {.result = REPLICA_NOT_ACCEPTED};
    while (list->first != NULL && list->first->deadline_us <= now_us) {
        replica->counters.not_accepted++;
        requests_read_answer(replica, list->first, &answer);
    }
}

static void list_expire(struct replica *replica, struct waiting_list *list, uint64_t now_us,
                        enum replica_result result)
{
    while (list->first != NULL && list->first->deadline_us <= now_us) {
        requests_answer(replica, list->first, result);
    }
}

void requests_expire(struct replica *replica)
{
    list_expire(replica, &replica->waiting.queued, replica->now_us, REPLICA_NOT_ACCEPTED);
    list_expire(replica, &replica->waiting.submitted, replica->now_us, REPLICA_OUTCOME_UNKNOWN);
    reads_expire(replica, &replica->reads, replica->now_us);
    reads_expire(replica, &replica->walking, replica->now_us);
}

void requests_abort(struct replica *replica)
{
    list_expire(replica, &replica->waiting.queued, UINT64_MAX, REPLICA_NOT_ACCEPTED);
    list_expire(replica, &replica->waiting.submitted, UINT64_MAX, REPLICA_OUTCOME_UNKNOWN);
    reads_expire(replica, &replica->reads, UINT64_MAX);
    reads_expire(replica, &replica->walking, UINT64_MAX);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t transactions_deadline_us(const struct waiting_list *list)
{
    return list->first != NULL ? list->first->deadline_us : UINT64_MAX;
}

static uint64_t reads_deadline_us(const struct statement_list *list)
{
    return list->first != NULL ? list->first->deadline_us : UINT64_MAX;
}

uint64_t requests_deadline_us(const struct replica *replica)
{
    return earlier(
        earlier(transactions_deadline_us(&replica->waiting.queued),
                transactions_deadline_us(&replica->waiting.submitted)),
        earlier(reads_deadline_us(&replica->reads), reads_deadline_us(&replica->walking)));
}
