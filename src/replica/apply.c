#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "replica/internal.h"

static void count(struct replica_counters *counters, const struct record *record)
{
    counters->credits += record->kind == RECORD_CREDIT;
    counters->debits += record->kind == RECORD_DEBIT;
    counters->refused_limit += record->kind == RECORD_REFUSED && record->reason == REASON_LIMIT;
    counters->refused_range += record->kind == RECORD_REFUSED && record->reason == REASON_RANGE;
}

/* What of the command differs from the decision that its id has. */
static enum replica_field mismatch(const struct command *command, const struct record *record)
{
    if (record->type != (command->kind == COMMAND_CREDIT ? 'c' : 'd')) {
        return REPLICA_FIELD_TYPE;
    }
    if (record->amount != command->amount) {
        return REPLICA_FIELD_AMOUNT;
    }
    if (record->description_size != command->description_size ||
        memcmp(record->description, command->description, command->description_size) != 0) {
        return REPLICA_FIELD_DESCRIPTION;
    }
    return REPLICA_FIELD_NONE;
}

void apply_answer(struct replica *replica, const struct record *record)
{
    struct replica_transaction *transaction;
    while ((transaction = waiting_find(&replica->waiting, record->id, NULL)) != NULL) {
        struct replica_answer answer = {.result = REPLICA_DONE, .record = record};
        answer.mismatch = mismatch(&transaction->command, record);
        if (answer.mismatch != REPLICA_FIELD_NONE) {
            answer.result = REPLICA_MISMATCH;
            replica->counters.mismatches++;
        }
        waiting_remove(&replica->waiting, transaction);
        transaction->on_answer(transaction, &answer);
    }
}

/* Answers those with this id (and stamp, if given) without a record. */
static void answer_without_record(struct replica *replica, const struct command *command,
                                  const uint64_t *stamp, enum replica_result result)
{
    struct replica_transaction *transaction;
    while ((transaction = waiting_find(&replica->waiting, command->id, stamp)) != NULL) {
        requests_answer(replica, transaction, result);
    }
}

static void repeat(struct replica *replica, const struct command *command, uint64_t index)
{
    const struct record *record = journal_recent(replica->journal, index);
    replica->counters.repeats++;
    if (record != NULL) {
        apply_answer(replica, record);
    } else if (waiting_find(&replica->waiting, command->id, NULL) != NULL &&
               !lookup_repeat(replica, index)) {
        answer_without_record(replica, command, NULL, REPLICA_OUTCOME_UNKNOWN);
    }
}

/* A command without effect is harmless but for one: an account that this node has no room for. Others
 * may have had it, so this one must not go on. */
static void no_effect(struct replica *replica, const struct command *command)
{
    if (command->kind == COMMAND_OPEN && !replica_knows(replica, command->account)) {
        replica_fail(replica, "more accounts than --accounts-max", STATUS_FULL);
        return;
    }
    answer_without_record(replica, command, NULL, REPLICA_NO_ACCOUNT);
}

static void command_apply(struct replica *replica, const struct command *command, uint64_t time_us)
{
    struct record record;
    uint64_t index;
    switch (ledger_apply(replica->ledger, command, time_us, replica->index_applied + 1, &record,
                         &index)) {
    case OUTCOME_DECIDED: {
        enum status status = journal_append(replica->journal, &record);
        CHECK(status == STATUS_OK); /* apply_committed left room */
        count(&replica->counters, &record);
        apply_answer(replica, &record);
        break;
    }
    case OUTCOME_REPEAT:
        repeat(replica, command, index);
        break;
    case OUTCOME_EXPIRED:
        replica->counters.expired++;
        answer_without_record(replica, command, &command->stamp, REPLICA_OUTCOME_UNKNOWN);
        break;
    case OUTCOME_NO_EFFECT:
        no_effect(replica, command);
        break;
    }
}

/* Asks the memory for what every command of the entry will look up, all at once: one after the other
 * they would each wait for their own. What is wrong with the entry is found when it is applied. */
static void commands_prefetch(const struct replica *replica, const struct consensus_entry *entry)
{
    struct entry_reader reader;
    struct command command;
    if (entry_open(&reader, entry->data, entry->size) != STATUS_OK) {
        return;
    }
    while (entry_next(&reader, &command) == STATUS_OK) {
        ledger_prefetch(replica->ledger, command.account, command.id);
    }
}

static enum status commands_apply(struct replica *replica, const struct consensus_entry *entry)
{
    struct entry_reader reader;
    struct command command;
    commands_prefetch(replica, entry);
    enum status status = entry_open(&reader, entry->data, entry->size);
    while (status == STATUS_OK && replica->phase != PHASE_FAILED &&
           (status = entry_next(&reader, &command)) == STATUS_OK) {
        command_apply(replica, &command, reader.time_us);
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

static enum status configuration_apply(struct replica *replica, const struct consensus_entry *entry)
{
    struct consensus_update update;
    struct consensus_configuration *configuration = &replica->configuration;
    if (entry->size > sizeof(configuration->data)) {
        return STATUS_CORRUPT;
    }
    configuration->index = replica->index_applied + 1;
    configuration->size = entry->size;
    memcpy(configuration->data, entry->data, entry->size);
    return consensus_configuration_committed(replica->consensus, configuration,
                                             replica->now_us / 1000, &update);
}

static enum status entry_apply(struct replica *replica, const struct consensus_entry *entry)
{
    switch (entry->type) {
    case CONSENSUS_COMMAND:
        return commands_apply(replica, entry);
    case CONSENSUS_CONFIGURATION:
        return configuration_apply(replica, entry);
    case CONSENSUS_BARRIER:
        return STATUS_OK;
    }
    return STATUS_CORRUPT;
}

static uint64_t records_unflushed(const struct replica *replica)
{
    return journal_length(replica->journal) - journal_length_flushed(replica->journal);
}

void apply_committed(struct replica *replica)
{
    uint64_t index = consensus_state(replica->consensus).commit_index;
    if (index > wal_index_durable(replica->wal)) {
        index = wal_index_durable(replica->wal); /* a follower may know of more than it has */
    }
    while (replica->phase != PHASE_FAILED && replica->index_applied < index &&
           records_unflushed(replica) < APPLY_RECORDS_MAX) {
        const struct consensus_entry *entry =
            entries_get(&replica->entries, replica->index_applied + 1);
        enum status status = entry_apply(replica, entry);
        if (status != STATUS_OK) {
            log_error("damage", "log-entry=%" PRIu64 " what=\"not an entry of a known format\"",
                      replica->index_applied + 1);
            replica_fail(replica, "applying the log", status);
            return;
        }
        replica->index_applied++;
        replica->term_applied = entry->term;
        entries_drop_first(&replica->entries);
    }
}
