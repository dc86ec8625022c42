/* seat.h -- a real replica on simulated ports whose jobs end only when a test says so. */
#ifndef TESTS_REPLICA_SEAT_H
#define TESTS_REPLICA_SEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "replica/replica.h"
#include "sim/simulated_ports.h"

struct seat {
    struct simulated_ports ports;
    struct disk *disk;
    struct replica *replica; /* NULL: not open */
    uint64_t ids;            /* handed out */
};

/* One that asks, and what it was told. */
struct asker {
    struct replica_transaction transaction;
    uint32_t answers;
    enum replica_result result;
    enum replica_field mismatch;
    struct record record;
};

struct reader {
    struct replica_statement statement;
    uint32_t answers;
    enum replica_result result;
    uint32_t count;
    uint64_t time_us;
    struct account account;
    struct record records[STATEMENT_TRANSACTIONS_MAX];
};

/* A bank that was born, with this file of accounts, and never started. */
void seat_make(struct seat *seat, const char *accounts, uint32_t window);
enum status seat_try_open(struct seat *seat, uint32_t accounts_max);
void seat_open(struct seat *seat);
/* Turns and jobs until it is ready. */
void seat_ready(struct seat *seat);
/* seat_make, seat_open and seat_ready. */
void seat_begin(struct seat *seat, const char *accounts, uint32_t window);

void seat_turn(struct seat *seat); /* one millisecond later */
/* The log's next write is done and comes back; false: there is none. The same for the workers. */
bool seat_log_step(struct seat *seat);
bool seat_worker_step(struct seat *seat);
/* Turns and jobs until nothing is under way and nobody is queued. */
void seat_settle(struct seat *seat);

/* The process ends between two instructions; power: and what was not synced is lost. */
void seat_kill(struct seat *seat, bool power);
void seat_end(struct seat *seat);

/* A credit of 1 cent with an id of its own and the stamp of now. */
void asker_make(struct seat *seat, struct asker *asker, uint64_t account);
void asker_submit(struct seat *seat, struct asker *asker);
void reader_read(struct seat *seat, struct reader *reader, uint64_t account, uint32_t count_max);

#endif
