#include "sim/simulation.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "replica/birth.h"
#include "replica/manifest.h"
#include "replica/replica.h"
#include "sim/simulated_ports.h"
#include "support/memory_disk.h"

enum {
    CLIENTS = 12,
    OPERATIONS_MAX = 20000,
    ACCOUNTS = 3,
    ACCOUNTS_MAX_SIMULATED = 16,
    WINDOW = 1024,
    STAMP_DELAY = 2,            /* turns */
    SNAPSHOT_SIZE = 256 * 1024, /* of log: many snapshots in a run */
};

enum certainty { PENDING, UNKNOWN, ACCEPTED, REFUSED, NOT_ACCEPTED };

/* One transaction a client wants, however often it sends it. */
struct operation {
    struct command command;
    enum certainty certainty;
    bool was_unknown; /* an earlier try may have been decided */
    uint64_t place;
    int64_t balance;
    uint32_t seen; /* in the journal */
};

struct client {
    struct simulation *simulation;
    struct replica_transaction transaction; /* first: on_answer casts back through it */
    struct replica_statement statement;
    struct operation *operation; /* NULL: free */
    bool reading;
    uint64_t place_before; /* reading: the newest place answered before it was asked */
};

struct simulation {
    struct simulated_ports ports;
    struct disk *disk;
    struct replica *replica;
    struct simulation_result *result;
    struct client clients[CLIENTS];
    struct operation *operations;
    uint32_t operation_count;
    uint64_t place_newest[ACCOUNTS + 1]; /* answered so far, by account */
    uint64_t lengths[STAMP_DELAY];       /* journal lengths at the last turns */
};

static const char ACCOUNTS_FILE[] = "1,1000\n2,5\n3,0\n";

__attribute__((format(printf, 2, 3))) static void violate(struct simulation *simulation,
                                                          const char *format, ...)
{
    va_list arguments;
    if (simulation->result->violation[0] != '\0') {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(simulation->result->violation, sizeof(simulation->result->violation), format,
                    arguments);
    va_end(arguments);
}

/* Clients. */

static struct client *client_of_transaction(struct replica_transaction *transaction)
{
    return (struct client *)((char *)transaction - offsetof(struct client, transaction));
}

static void definite(struct simulation *simulation, struct operation *operation,
                     const struct record *record)
{
    operation->certainty = record->kind == RECORD_REFUSED ? REFUSED : ACCEPTED;
    operation->place = record->place;
    operation->balance = record->balance;
    simulation->result->accepted += operation->certainty == ACCEPTED;
    simulation->result->refused += operation->certainty == REFUSED;
    simulation->result->repeats += operation->was_unknown;
    if (memcmp(record->id, operation->command.id, RECORD_ID_SIZE) != 0) {
        violate(simulation, "an answer from another transaction's record");
    }
    uint64_t *newest = &simulation->place_newest[operation->command.account];
    *newest = record->place > *newest ? record->place : *newest;
}

static void on_transaction(struct replica_transaction *transaction,
                           const struct replica_answer *answer)
{
    struct client *client = client_of_transaction(transaction);
    struct operation *operation = client->operation;
    client->operation = NULL;
    switch (answer->result) {
    case REPLICA_DONE:
        definite(client->simulation, operation, answer->record);
        break;
    case REPLICA_NOT_ACCEPTED:
        operation->certainty = operation->was_unknown ? UNKNOWN : NOT_ACCEPTED;
        break;
    case REPLICA_OUTCOME_UNKNOWN:
        operation->certainty = UNKNOWN;
        operation->was_unknown = true;
        client->simulation->result->unknown++;
        break;
    case REPLICA_NO_ACCOUNT:
    case REPLICA_MISMATCH:
        violate(client->simulation, "answer %d to a transaction of an open account",
                (int)answer->result);
        break;
    }
}

static void on_statement(struct replica_statement *statement,
                         const struct replica_statement_answer *answer)
{
    struct client *client =
        (struct client *)((char *)statement - offsetof(struct client, statement));
    client->reading = false;
    if (answer->result != REPLICA_DONE) {
        return;
    }
    if (answer->account->place < client->place_before) {
        violate(client->simulation, "a statement at place %" PRIu64 " after an answer at %" PRIu64,
                answer->account->place, client->place_before);
    }
    uint64_t expected = answer->account->place < STATEMENT_TRANSACTIONS_MAX
                            ? answer->account->place
                            : STATEMENT_TRANSACTIONS_MAX;
    if (answer->count != expected) {
        violate(client->simulation, "a statement of %u transactions at place %" PRIu64,
                answer->count, answer->account->place);
    }
    for (uint32_t i = 0; i < answer->count; i++) {
        if (answer->records[i]->place != answer->account->place - i) {
            violate(client->simulation, "a statement out of order");
        }
    }
}

static struct operation *operation_make(struct simulation *simulation)
{
    struct simulated_ports *ports = &simulation->ports;
    struct operation *operation = &simulation->operations[simulation->operation_count++];
    struct command *command = &operation->command;
    command->kind = simulated_below(ports, 2) == 0 ? COMMAND_CREDIT : COMMAND_DEBIT;
    command->account = 1 + simulated_below(ports, ACCOUNTS);
    command->amount = 1 + (int64_t)simulated_below(ports, 20);
    command->description_size = 1;
    command->description[0] = 'x';
    command->stamp = simulation->lengths[0];
    ports->random.fill(ports->random.context, command->id, RECORD_ID_SIZE);
    return operation;
}

/* A transaction to send again: one of unknown outcome that nobody waits for, now and then a decided
 * one; or NULL. */
static struct operation *operation_again(struct simulation *simulation)
{
    if (simulation->operation_count == 0) {
        return NULL;
    }
    struct operation *operation =
        &simulation->operations[simulated_below(&simulation->ports, simulation->operation_count)];
    return operation->certainty == UNKNOWN ? operation : NULL;
}

static void client_act(struct simulation *simulation)
{
    struct simulated_ports *ports = &simulation->ports;
    struct client *client = &simulation->clients[simulated_below(ports, CLIENTS)];
    client->simulation = simulation;
    if (!client->reading && simulated_below(ports, 4) == 0) {
        client->reading = true;
        client->statement.account = 1 + simulated_below(ports, ACCOUNTS);
        client->statement.count_max = STATEMENT_TRANSACTIONS_MAX;
        client->statement.on_answer = on_statement;
        client->place_before = simulation->place_newest[client->statement.account];
        replica_read(simulation->replica, &client->statement);
    } else if (client->operation == NULL && simulation->operation_count < OPERATIONS_MAX) {
        struct operation *operation =
            simulated_below(ports, 3) == 0 ? operation_again(simulation) : NULL;
        client->operation = operation != NULL ? operation : operation_make(simulation);
        client->operation->certainty = PENDING;
        client->transaction.command = client->operation->command;
        client->transaction.on_answer = on_transaction;
        replica_submit(simulation->replica, &client->transaction);
    }
}

/* The node. */

static void turn(struct simulation *simulation)
{
    memmove(&simulation->lengths[0], &simulation->lengths[1],
            (STAMP_DELAY - 1) * sizeof(simulation->lengths[0]));
    simulation->lengths[STAMP_DELAY - 1] = replica_length(simulation->replica);
    replica_turn(simulation->replica);
}

static void node_start(struct simulation *simulation)
{
    const struct replica_ports ports = {
        .clock = &simulation->ports.clock,
        .random = &simulation->ports.random,
        .disk = simulation->disk,
        .executor = &simulation->ports.executor,
    };
    const struct replica_options options = {.accounts_max = ACCOUNTS_MAX_SIMULATED,
                                            .snapshot_log_size = SNAPSHOT_SIZE};
    enum status status = replica_open(&simulation->replica, &ports, &options);
    if (status != STATUS_OK) {
        simulation->replica = NULL;
        violate(simulation, "the node does not start: %s", status_name(status));
        return;
    }
    for (int i = 0; i < STAMP_DELAY; i++) {
        simulation->lengths[i] = replica_length(simulation->replica);
    }
}

/* Lets all threads come to their end; what they do on a dead disk fails. */
static void threads_finish(struct simulation *simulation)
{
    while (simulated_job_step(&simulation->ports)) {
    }
}

static void power_cut(struct simulation *simulation)
{
    simulation->result->power_cuts++;
    memory_disk_crash(simulation->disk, simulated_below(&simulation->ports, UINT64_MAX));
    memory_disk_fail_change(simulation->disk, 1, MEMORY_DISK_FOR_GOOD);
    threads_finish(simulation);
    /* What still waited has no answer: its client counts it as unknown. */
    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &simulation->clients[i];
        if (client->operation != NULL) {
            replica_forget(simulation->replica, &client->transaction);
            client->operation->certainty = UNKNOWN;
            client->operation->was_unknown = true;
            client->operation = NULL;
        }
        if (client->reading) {
            replica_read_forget(simulation->replica, &client->statement);
            client->reading = false;
        }
    }
    replica_close(simulation->replica);
    simulation->replica = NULL;
    memory_disk_crash(simulation->disk, simulated_below(&simulation->ports, UINT64_MAX));
    node_start(simulation);
}

static void step(struct simulation *simulation, uint32_t power_cut_rate)
{
    struct simulated_ports *ports = &simulation->ports;
    if (power_cut_rate > 0 && simulated_below(ports, power_cut_rate) == 0) {
        power_cut(simulation);
        return;
    }
    switch (simulated_below(ports, 4)) {
    case 0:
        client_act(simulation);
        break;
    case 1:
        ports->now_us += simulated_below(ports, 8000);
        turn(simulation);
        break;
    default:
        (void)simulated_job_step(ports);
        break;
    }
    if (replica_state(simulation->replica) == REPLICA_FAILED) {
        violate(simulation, "the node failed on a disk that works");
    }
}

/* The end: everything answered, a clean stop. */
static void wind_up(struct simulation *simulation)
{
    bool stopping = false;
    for (int i = 0; i < 200000 && replica_state(simulation->replica) != REPLICA_STOPPED; i++) {
        uint64_t open = 0;
        for (int j = 0; j < CLIENTS; j++) {
            open += simulation->clients[j].operation != NULL || simulation->clients[j].reading;
        }
        if (open == 0 && !stopping && replica_state(simulation->replica) == REPLICA_READY) {
            replica_stop(simulation->replica);
            stopping = true;
        }
        simulation->ports.now_us += 100;
        turn(simulation);
        (void)simulated_job_step(&simulation->ports);
    }
    if (replica_state(simulation->replica) != REPLICA_STOPPED) {
        violate(simulation, "the node does not come to its end");
        threads_finish(simulation);
    }
    replica_close(simulation->replica);
}

/* Checking. */

struct audit {
    struct simulation *simulation;
    struct ledger *ledger;
};

static struct operation *operation_find(struct simulation *simulation, const uint8_t *id)
{
    for (uint32_t i = 0; i < simulation->operation_count; i++) {
        if (memcmp(simulation->operations[i].command.id, id, RECORD_ID_SIZE) == 0) {
            return &simulation->operations[i];
        }
    }
    return NULL;
}

static void record_check(struct simulation *simulation, const struct record *record)
{
    struct operation *operation = operation_find(simulation, record->id);
    if (operation == NULL) {
        violate(simulation, "the journal holds what nobody asked for");
        return;
    }
    enum certainty journal = record->kind == RECORD_REFUSED ? REFUSED : ACCEPTED;
    bool answered = operation->certainty == ACCEPTED || operation->certainty == REFUSED;
    if (++operation->seen > 1) {
        violate(simulation, "a transaction was decided twice");
    } else if (operation->certainty == NOT_ACCEPTED) {
        violate(simulation, "a transaction that was not accepted is in the journal");
    } else if (answered && (operation->certainty != journal || operation->place != record->place ||
                            operation->balance != record->balance)) {
        violate(simulation, "the journal contradicts an answer");
    } else if (record->kind == RECORD_DEBIT && record->balance < -record->limit) {
        violate(simulation, "a balance below the limit");
    }
}

static enum status audit_visit(void *context, uint64_t index, const struct record *record)
{
    struct audit *audit = context;
    const char *rule;
    (void)index;
    enum status status = ledger_load(audit->ledger, record, &rule);
    if (status != STATUS_OK) {
        violate(audit->simulation, "record %" PRIu64 ": %s", index, rule);
        return status;
    }
    if (record->kind == RECORD_CREDIT || record->kind == RECORD_DEBIT ||
        record->kind == RECORD_REFUSED) {
        record_check(audit->simulation, record);
    }
    return STATUS_OK;
}

static void audit_run(struct simulation *simulation)
{
    struct audit audit = {.simulation = simulation};
    struct manifest manifest;
    struct journal_scan scan;
    enum status status = ledger_open(&audit.ledger, ACCOUNTS_MAX_SIMULATED, 1);
    CHECK(status == STATUS_OK);
    status = manifest_load(simulation->disk, &manifest);
    if (status == STATUS_OK) {
        status = journal_scan(simulation->disk, &manifest.journal, audit_visit, &audit, &scan);
    }
    if (status != STATUS_OK || scan.damage[0] != '\0' || scan.length != manifest.journal.length) {
        violate(simulation, "the journal does not verify: %s", scan.damage);
    }
    for (uint32_t i = 0; i < simulation->operation_count; i++) {
        const struct operation *operation = &simulation->operations[i];
        if ((operation->certainty == ACCEPTED || operation->certainty == REFUSED) &&
            operation->seen == 0) {
            violate(simulation, "an answered transaction is lost");
        }
    }
    ledger_close(audit.ledger);
}

static void bank_make(struct simulation *simulation)
{
    const struct birth birth = {
        .window = WINDOW, .accounts_max = ACCOUNTS_MAX_SIMULATED, .address = "local"};
    simulation->disk = memory_disk_open();
    memory_disk_put(simulation->disk, BIRTH_ACCOUNTS_NAME, ACCOUNTS_FILE,
                    sizeof(ACCOUNTS_FILE) - 1);
    enum status status = birth_prepare(simulation->disk, &simulation->ports.random, &birth);
    CHECK(status == STATUS_OK);
}

void simulation_run(const struct simulation_options *options, struct simulation_result *out)
{
    struct simulation *simulation = calloc(1, sizeof(*simulation));
    CHECK(simulation != NULL);
    *out = (struct simulation_result){0};
    simulation->result = out;
    simulation->operations = calloc(OPERATIONS_MAX, sizeof(struct operation));
    CHECK(simulation->operations != NULL);
    simulated_ports_init(&simulation->ports, options->seed);
    bank_make(simulation);
    node_start(simulation);
    for (uint32_t i = 0; i < options->steps && out->violation[0] == '\0'; i++) {
        step(simulation, options->power_cut_rate);
    }
    if (simulation->replica != NULL) {
        wind_up(simulation);
    }
    if (out->violation[0] == '\0') {
        audit_run(simulation);
    }
    memory_disk_close(simulation->disk);
    free(simulation->operations);
    free(simulation);
}
