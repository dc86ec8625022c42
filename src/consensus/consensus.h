/* consensus.h -- Raft's decisions: events in, effects out. No I/O, no clock, no thread.
 *
 * The core is libraft 0.22.1's raft_step(), behind these functions and nowhere else in crebito. Each
 * event fills a consensus_update: what the caller must now do, in this order: store the vote, write
 * the entries, then go on (commit index, state, timer). What the core asks of its caller beyond that:
 *
 * - Entries are reported persisted only when they are on the disk, each index once, in order.
 * - A configuration entry that is committed is reported with consensus_configuration_committed.
 * - A new leader submits a barrier of its own term and serves nothing before it is applied: the core
 *   does not see to it (a sole voter's never makes one).
 * - A sole voter keeps its term when it starts. Before consensus_start the caller stores term + 1 with
 *   its own vote and starts with that, or two different entries could share an index and a term.
 *
 * Messages to other servers come with the cluster; a sole voter has none.
 *
 * Memory: the caller owns entry data; the core keeps terms only. Threads: the loop's.
 */
#ifndef CONSENSUS_CONSENSUS_H
#define CONSENSUS_CONSENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum {
    CONSENSUS_HEARTBEAT_MS = 50,
    CONSENSUS_ELECTION_MS = 300, /* a stall of 100 ms is normal on shared machines */
    /* Entries a follower may be sent before it answers: 64 of at most 64 KiB, so at most 4 MiB stand
     * before a heartbeat. */
    CONSENSUS_INFLIGHT_ENTRIES_MAX = 64,
    CONSENSUS_CONFIGURATION_SIZE_MAX = 4096, /* bytes of an encoded configuration */
    CONSENSUS_ADDRESS_SIZE_MAX = 256,        /* with the ending zero */
};

struct consensus;

enum consensus_entry_type {
    CONSENSUS_COMMAND = 1,       /* an entry of the ledger's */
    CONSENSUS_BARRIER = 2,       /* eight zero bytes */
    CONSENSUS_CONFIGURATION = 3, /* an encoded configuration */
};

struct consensus_entry {
    uint64_t term;
    enum consensus_entry_type type;
    const void *data;
    uint32_t size;
};

/* A committed configuration and the index of its entry. */
struct consensus_configuration {
    uint64_t index;
    uint32_t size;
    uint8_t data[CONSENSUS_CONFIGURATION_SIZE_MAX];
};

/* What a start knows from the disk. */
struct consensus_start {
    uint64_t term;
    uint64_t voted_for;
    uint64_t snapshot_index; /* 0: none */
    uint64_t snapshot_term;
    const struct consensus_configuration
        *configuration;         /* of the snapshot; may be NULL without one */
    uint64_t entry_index_first; /* snapshot_index + 1, or 1 */
    const struct consensus_entry *entries;
    uint32_t entry_count;
};

/* What the caller must do after an event. Valid until the next event. */
struct consensus_update {
    bool vote_changed;    /* store term and vote before anything else */
    uint64_t entry_index; /* of the first entry to write; a lower one than before truncates */
    uint32_t entry_count; /* those that were submitted: their data is the caller's */
    bool commit_changed;
    bool state_changed;
};

struct consensus_state {
    uint64_t term;
    uint64_t voted_for;
    uint64_t commit_index;
    uint64_t leader_id; /* 0: unknown */
    bool is_leader;
    bool is_sole_voter;  /* this node is the only voter of the newest configuration */
    uint64_t timeout_ms; /* when consensus_timeout is due, in the caller's monotonic time */
};

/* id: the node's raft id, not 0. seed: for the election time-outs. STATUS_NO_MEMORY. */
MUST_CHECK enum status consensus_open(struct consensus **out, uint64_t id, const char *address,
                                      uint32_t seed);
void consensus_close(struct consensus *consensus); /* accepts NULL */

/* Each takes the monotonic time in ms. STATUS_INVALID: the core refused the event; nothing happened.
 * STATUS_CORRUPT: a configuration from the disk is none. STATUS_NO_MEMORY: stop the node. */
MUST_CHECK enum status consensus_start(struct consensus *consensus,
                                       const struct consensus_start *start, uint64_t now_ms,
                                       struct consensus_update *out);
/* Leader only: proposes one entry; it gets the next index and is to be written by the caller. */
MUST_CHECK enum status consensus_submit(struct consensus *consensus,
                                        const struct consensus_entry *entry, uint64_t now_ms,
                                        struct consensus_update *out);
/* Every entry up to `index` is on this node's disk. */
MUST_CHECK enum status consensus_persisted(struct consensus *consensus, uint64_t index,
                                           uint64_t now_ms, struct consensus_update *out);
MUST_CHECK enum status consensus_timeout(struct consensus *consensus, uint64_t now_ms,
                                         struct consensus_update *out);
MUST_CHECK enum status
consensus_configuration_committed(struct consensus *consensus,
                                  const struct consensus_configuration *configuration,
                                  uint64_t now_ms, struct consensus_update *out);
/* A snapshot at `index` is durable here; entries up to it may go. `index` is committed and newer than
 * the last snapshot's. */
MUST_CHECK enum status consensus_snapshot(struct consensus *consensus, uint64_t index,
                                          uint64_t term,
                                          const struct consensus_configuration *configuration,
                                          uint64_t now_ms, struct consensus_update *out);

struct consensus_state consensus_state(const struct consensus *consensus);

/* The configuration a bank is born with: one voter. */
MUST_CHECK enum status consensus_configuration_sole(struct consensus_configuration *out,
                                                    uint64_t id, const char *address);

/* True if the server `id` is the only voter of this encoded configuration. */
bool consensus_sole_voter(const void *configuration, uint32_t size, uint64_t id);

#endif
