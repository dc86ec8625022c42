/* internal.h -- the replica's state, shared by its parts and by nobody else:
 *
 *   replica.c   opening, the turn, phases, consensus and its effects
 *   apply.c     committed entries to records and answers
 *   requests.c  who waits: submitting, reading, deadlines
 *   lookup.c    records that are no longer in memory
 *   settle.c    journal files: flush, tail check, snapshot
 */
#ifndef REPLICA_INTERNAL_H
#define REPLICA_INTERNAL_H

#include "consensus/consensus.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "replica/entries.h"
#include "replica/identity.h"
#include "replica/manifest.h"
#include "replica/opening.h"
#include "replica/replica.h"
#include "replica/waiting.h"
#include "wal/wal.h"

enum {
    /* Records, and age of the oldest in ms, at which the journal is appended to on disk. */
    FLUSH_RECORDS = 2048,
    FLUSH_AGE_MS = 50,

    /* Records not yet in files at which nothing more is applied until a flush comes back: an entry's
     * commands (at most 1,560) always fit above it. */
    APPLY_RECORDS_MAX = RECORDS_IN_MEMORY / 4 * 3,

    /* Reads of old records at the same time. Beyond: statements wait, in order, for a free one. */
    LOOKUPS_MAX = 64,

    /* Entries in memory, committed or not, at which nothing more is proposed: when the journal's files
     * do not keep up, requests wait in the queue, which connections bound, and end as not accepted. */
    ENTRIES_UNAPPLIED_MAX = 16,

    /* A write of the log that takes longer is a disk that does not answer: the node stops. */
    LOG_WRITE_MAX_MS = 10000,
};

enum phase {
    PHASE_REPLAY,     /* applying what the log had at start, and the barrier of this term */
    PHASE_TAIL_CHECK, /* nothing whole may lie in the journal beyond the log's end */
    PHASE_OPENING,    /* proposing the file of accounts */
    PHASE_READY,
    PHASE_STOPPING, /* finishing what is under way, then one last snapshot */
    PHASE_STOPPED,
    PHASE_FAILED,
};

struct log_write {
    struct job job;
    struct replica *replica;
    enum status status;
    bool busy;
    uint64_t age_us;  /* how long it has been under way, as the loop's turns saw it */
    uint64_t seen_us; /* the turn that last looked */
    uint64_t took_us; /* set by the writer thread */
    uint64_t entries;
};

enum journal_task { JOURNAL_FLUSH, JOURNAL_TAIL_CHECK, JOURNAL_SETTLE };

struct journal_work {
    struct job job;
    struct replica *replica;
    enum status status;
    enum journal_task task;
    bool busy;
    uint64_t length;          /* flush up to here */
    struct manifest manifest; /* JOURNAL_SETTLE: what it stores */
};

/* A walk along an account's chain through the journal's files. */
struct lookup {
    struct job job;
    struct replica *replica;
    struct replica_statement *statement; /* NULL: for a repeat, or its asker went away */
    bool busy;
    enum status status;
    uint64_t index;     /* where the walk goes on; 0 when it is at its end */
    uint32_t count_max; /* records wanted */
    uint32_t count;
    struct account account; /* as it was when the statement was asked, and when that was: */
    uint64_t time_us;
    struct record records[STATEMENT_TRANSACTIONS_MAX];
};

struct statement_list {
    struct replica_statement *first;
    struct replica_statement *last;
};

struct replica {
    struct replica_ports ports;
    uint64_t snapshot_log_size;
    struct identity identity;
    enum phase phase;
    uint64_t now_us; /* monotonic, of this turn */

    struct ledger *ledger;
    struct journal *journal;
    struct wal *wal;
    struct consensus *consensus;
    struct entries entries;
    struct opening *opening;

    struct manifest settled;                      /* the newest on the disk */
    struct consensus_configuration configuration; /* the newest applied */
    uint64_t index_start;                         /* the log's last at start */
    uint64_t index_applied;
    uint64_t term_applied;
    uint64_t index_persisted; /* reported to the core */
    uint64_t index_release;   /* to be told to the log before its next write; 0: nothing */
    uint64_t barrier_index;   /* of the term in which this node leads; 0: not yet */
    uint64_t barrier_term;

    uint64_t write_last_us; /* when the last write came back */
    uint64_t flush_due_us;  /* when the oldest unflushed record is due; 0: all are flushed */

    struct log_write log_write;
    struct journal_work journal_work;
    struct lookup lookups[LOOKUPS_MAX];
    uint32_t lookups_busy;

    struct waiting waiting;
    struct statement_list reads;   /* until reads are open */
    struct statement_list walking; /* each has a look-up */

    struct replica_counters counters;
    uint8_t entry_buffer[ENTRY_SIZE_MAX];
};

/* replica.c */
/* Final: answers everything that waits. `what` is logged. */
void replica_fail(struct replica *replica, const char *what, enum status status);
/* The journal holds nothing beyond the log: the start goes on. */
void replica_tail_checked(struct replica *replica);

/* apply.c */
/* Applies what is committed and on the own disk. */
void apply_committed(struct replica *replica);
/* Answers every submitted request with this id from the record. */
void apply_answer(struct replica *replica, const struct record *record);

/* requests.c */
/* Puts queued requests into the entry; false when none went in. */
bool requests_collect(struct replica *replica, struct entry_builder *builder);
void requests_expire(struct replica *replica);
/* Answers the reads that waited for the node to be ready. */
void requests_read(struct replica *replica);
/* Answers everything: what is queued was not accepted, what is submitted is unknown. */
void requests_abort(struct replica *replica);
/* Monotonic time of the next deadline, or UINT64_MAX. */
uint64_t requests_deadline_us(const struct replica *replica);
void requests_answer(struct replica *replica, struct replica_transaction *transaction,
                     enum replica_result result);
void requests_read_answer(struct replica *replica, struct replica_statement *statement,
                          const struct replica_statement_answer *answer);

/* lookup.c */
/* Reads record `index` and then answers the requests with its id. False: none is free. */
MUST_CHECK bool lookup_repeat(struct replica *replica, uint64_t index);
/* Answers the statement of this account from memory, or begins a walk and sets statement->lookup;
 * false: none is free. */
MUST_CHECK bool lookup_statement(struct replica *replica, struct replica_statement *statement,
                                 const struct account *account);

/* settle.c */
/* Begins what the journal's files need now, if nothing is under way. */
void settle_begin(struct replica *replica);

#endif
