/* replica.h -- one seat of the bank: carries out what consensus decides, and answers from its own
 * state.
 *
 * It owns ledger, journal, log and consensus of one data directory, joins them, and is the only one
 * that does. Requests come as transactions and statements, each embedded in its asker's memory and
 * answered once by a callback. Nothing is answered before its entry is on the disk, committed and
 * applied here; every answer is built from the record.
 *
 * Use: replica_open; then replica_turn once in every turn of the loop, after the sockets were read, and
 * again at replica_wakeup_us; replica_stop and turns until it is stopped; replica_close.
 *
 * States: STARTING (replaying, checking the journal's tail, opening the file of accounts) → READY →
 * STOPPED. FAILED from anywhere: a write or sync failed, or stored bytes contradict each other; what
 * waits is answered, and the process has to stop.
 *
 * Memory: at open, except a start's log and the entries in flight. Threads: the loop's.
 */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/limits.h"
#include "base/record.h"
#include "base/status.h"
#include "ledger/accounts.h"
#include "ledger/command.h"
#include "replica/ports.h"

struct replica;

struct replica_options {
    uint32_t accounts_max;
    uint64_t snapshot_log_size; /* 0: SNAPSHOT_LOG_SIZE of limits.h */
};

/* Reads the directory and starts: blocks for as long as the journal takes to read. STATUS_MISSING: no
 * bank here, or a half-made one; STATUS_CORRUPT: damage (logged with file and offset); STATUS_IO,
 * STATUS_NO_MEMORY, STATUS_FULL (accounts_max is too small). `ports` is copied. */
MUST_CHECK enum status replica_open(struct replica **out, const struct replica_ports *ports,
                                    const struct replica_options *options);
void replica_close(struct replica *replica); /* accepts NULL; nothing is under way */

enum replica_state { REPLICA_STARTING, REPLICA_READY, REPLICA_STOPPED, REPLICA_FAILED };
enum replica_state replica_state(const struct replica *replica);

/* Does all that can be done now: proposes, writes, applies, answers. */
void replica_turn(struct replica *replica);
/* Monotonic time at which replica_turn has something to do even if nothing arrives. */
uint64_t replica_wakeup_us(const struct replica *replica);
/* Requests wait that the next turn may propose. */
bool replica_has_queued(const struct replica *replica);

/* Settles the journal and goes to STOPPED. Nobody asks any more. */
void replica_stop(struct replica *replica);
/* Nothing is under way on other threads: it may be closed (STOPPED or FAILED). */
bool replica_is_idle(const struct replica *replica);

/* The journal length applied so far: what a request's stamp is made of. */
uint64_t replica_length(const struct replica *replica);

enum replica_result {
    REPLICA_DONE,
    REPLICA_NO_ACCOUNT,      /* it does not exist; nothing happened */
    REPLICA_MISMATCH,        /* the id was decided for another type, amount or description */
    REPLICA_NOT_ACCEPTED,    /* it never left this node: nothing happened */
    REPLICA_OUTCOME_UNKNOWN, /* it may have happened, or may still */
};

enum replica_field {
    REPLICA_FIELD_NONE,
    REPLICA_FIELD_AMOUNT,
    REPLICA_FIELD_TYPE,
    REPLICA_FIELD_DESCRIPTION
};

struct replica_answer {
    enum replica_result result;
    enum replica_field mismatch;
    const struct record *record; /* DONE: valid during the call; kind REFUSED is a refusal */
};

enum replica_request_state {
    REPLICA_REQUEST_FREE,
    REPLICA_REQUEST_QUEUED,
    REPLICA_REQUEST_SUBMITTED
};

/* A credit or debit that waits for its decision. The asker's memory; zero before its first use. */
struct replica_transaction {
    struct command command; /* set by the asker: kind, account, amount, id, stamp, description */
    void (*on_answer)(struct replica_transaction *transaction, const struct replica_answer *answer);

    /* The replica's own. */
    enum replica_request_state state;
    uint64_t deadline_us;
    struct replica_transaction *next;
    struct replica_transaction *previous;
    struct replica_transaction *bucket_next;
};

/* Answered by on_answer exactly once, perhaps before this returns, at the latest after
 * REQUEST_DEADLINE_MS. */
void replica_submit(struct replica *replica, struct replica_transaction *transaction);
/* Nobody waits for the answer any more: on_answer is not called. If it is still queued, it is taken
 * out. Does nothing to one that was answered. */
void replica_forget(struct replica *replica, struct replica_transaction *transaction);

struct replica_statement_answer {
    enum replica_result result; /* DONE, NO_ACCOUNT or NOT_ACCEPTED */
    const struct account *account;
    uint64_t time_us; /* realtime, never before the newest applied record's */
    uint32_t count;
    const struct record *records[STATEMENT_TRANSACTIONS_MAX]; /* newest first; during the call */
};

/* A read at a read index taken after it was asked. The asker's memory; zero before its first use. */
struct replica_statement {
    uint64_t account;
    uint32_t count_max; /* transactions wanted; 0: only the account */
    void (*on_answer)(struct replica_statement *statement,
                      const struct replica_statement_answer *answer);

    /* The replica's own. */
    enum replica_request_state state;
    uint64_t deadline_us;
    struct replica_statement *next;
    struct replica_statement *previous;
    struct lookup *lookup;
};

void replica_read(struct replica *replica, struct replica_statement *statement);
void replica_read_forget(struct replica *replica, struct replica_statement *statement);

/* True if this node has applied the opening of the account. */
bool replica_knows(const struct replica *replica, uint64_t account);

/* Counters since start, and gauges. Latencies in µs. */
struct replica_counters {
    uint64_t credits;
    uint64_t debits;
    uint64_t refused_limit;
    uint64_t refused_range;
    uint64_t repeats;
    uint64_t mismatches;
    uint64_t expired;
    uint64_t not_accepted;
    uint64_t outcome_unknown;
    uint64_t snapshots;
    struct histogram entry_commands; /* commands of an entry proposed here */
    struct histogram write_entries;  /* entries of a group */
    struct histogram write_us;       /* one write of the log, until it was on the disk */
    uint64_t queued;                 /* now: requests not yet in an entry */
    uint64_t waiting;                /* now: requests in an entry and not answered */
    uint64_t records;                /* now: journal length */
    uint64_t records_unflushed;      /* now: in memory only (and in the log) */
    uint64_t log_size_unreleased;    /* now: bytes of log since the last snapshot */
    uint64_t accounts;               /* now */
    uint64_t term;                   /* now */
    uint64_t index_committed;
    uint64_t index_applied;
    bool is_leader;
};

struct replica_counters replica_counters(const struct replica *replica);

#endif
