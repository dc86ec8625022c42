#include "replica/internal.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "wal/vote.h"

static uint64_t now_ms(const struct replica *replica)
{
    return replica->now_us / 1000;
}

static void tell_time(struct replica *replica)
{
    replica->now_us = replica->ports.clock->monotonic_us(replica->ports.clock->context);
}

void replica_fail(struct replica *replica, const char *what, enum status status)
{
    if (replica->phase == PHASE_FAILED) {
        return;
    }
    log_error("node-failed", "what=\"%s\" why=\"%s\"", what, status_name(status));
    replica->phase = PHASE_FAILED;
    requests_abort(replica);
}

/* Opening. */

static enum status record_visit(void *context, uint64_t index, const struct record *record)
{
    struct replica *replica = context;
    const char *rule;
    enum status status = ledger_load(replica->ledger, record, &rule);
    if (status == STATUS_CORRUPT) {
        log_error("damage", "record=%" PRIu64 " what=\"%s\"", index, rule);
    }
    return status;
}

static enum status entry_visit(void *context, const struct wal_entry *entry)
{
    struct replica *replica = context;
    const struct consensus_entry copy = {
        .term = entry->term,
        .type = (enum consensus_entry_type)entry->type,
        .data = entry->data,
        .size = entry->size,
    };
    return entries_append(&replica->entries, &copy);
}

static enum status state_read(struct replica *replica, const struct replica_options *options)
{
    struct disk *disk = replica->ports.disk;
    enum status status = identity_load(disk, &replica->identity);
    if (status == STATUS_OK) {
        status = manifest_load(disk, &replica->settled);
    }
    if (status == STATUS_OK) {
        status =
            ledger_open(&replica->ledger, options->accounts_max, random_u64(replica->ports.random));
    }
    if (status == STATUS_OK) {
        ledger_load_expect(replica->ledger, replica->settled.journal.length);
        status =
            journal_open(&replica->journal, disk, &replica->settled.journal, record_visit, replica);
    }
    if (status != STATUS_OK) {
        return status;
    }
    entries_init(&replica->entries, replica->settled.index + 1);
    status = wal_open(&replica->wal, disk, replica->settled.index + 1, entry_visit, replica);
    if (status == STATUS_OK &&
        (!wal_had_entries(replica->wal) || wal_index_last(replica->wal) < replica->settled.index)) {
        log_error("damage",
                  "log-last=%" PRIu64 " settled=%" PRIu64 " what=\"the log lost its end\"",
                  wal_index_last(replica->wal), replica->settled.index);
        status = STATUS_CORRUPT;
    }
    replica->configuration = replica->settled.configuration;
    replica->index_applied = replica->settled.index;
    replica->term_applied = replica->settled.term;
    replica->index_start = entries_index_next(&replica->entries) - 1;
    replica->index_persisted = replica->index_start;
    return status;
}

/* True if the newest configuration, committed or not, has this node as its only voter. */
static bool is_sole_voter(const struct replica *replica)
{
    const void *data = replica->configuration.data;
    uint32_t size = replica->configuration.size;
    for (uint64_t i = replica->entries.index_first; i <= replica->index_start; i++) {
        const struct consensus_entry *entry = entries_get(&replica->entries, i);
        if (entry->type == CONSENSUS_CONFIGURATION) {
            data = entry->data;
            size = entry->size;
        }
    }
    return consensus_sole_voter(data, size, replica->identity.raft_id);
}

/* Term and vote to start with, on the disk. */
static enum status vote_prepare(struct replica *replica, struct vote *out)
{
    enum status status = vote_load(replica->ports.disk, out);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint64_t i = replica->entries.index_first; i <= replica->index_start; i++) {
        if (entries_get(&replica->entries, i)->term > out->term) {
            log_error("damage", "log-entry=%" PRIu64 " what=\"its term is newer than the vote's\"",
                      i);
            return STATUS_CORRUPT;
        }
    }
    if (replica->settled.term > out->term) {
        log_error("damage", "settled-term=%" PRIu64 " what=\"it is newer than the vote's\"",
                  replica->settled.term);
        return STATUS_CORRUPT;
    }
    if (is_sole_voter(replica)) {
        /* The core would go on in the same term and could write a second, different entry with the
         * index and term of one that it wrote before (consensus.h). */
        out->term++;
        out->voted_for = replica->identity.raft_id;
        status = vote_store(replica->ports.disk, out);
    }
    return status;
}

static void effects(struct replica *replica, const struct consensus_update *update);

static enum status consensus_begin(struct replica *replica)
{
    struct vote vote;
    struct consensus_update update;
    uint32_t seed = (uint32_t)random_u64(replica->ports.random);
    enum status status = vote_prepare(replica, &vote);
    if (status != STATUS_OK) {
        return status;
    }
    status = consensus_open(&replica->consensus, replica->identity.raft_id, "", seed);
    if (status != STATUS_OK) {
        return status;
    }
    struct consensus_entry *entries = entries_array(&replica->entries);
    if (entries == NULL) {
        return STATUS_NO_MEMORY;
    }
    const struct consensus_start start = {
        .term = vote.term,
        .voted_for = vote.voted_for,
        .snapshot_index = replica->settled.index,
        .snapshot_term = replica->settled.term,
        .configuration = &replica->settled.configuration,
        .entry_index_first = replica->entries.index_first,
        .entries = entries,
        .entry_count = replica->entries.count,
    };
    status = consensus_start(replica->consensus, &start, now_ms(replica), &update);
    free(entries);
    if (status == STATUS_OK) {
        effects(replica, &update);
    }
    return status;
}

enum status replica_open(struct replica **out, const struct replica_ports *ports,
                         const struct replica_options *options)
{
    struct replica *replica = calloc(1, sizeof(*replica));
    if (replica == NULL) {
        return STATUS_NO_MEMORY;
    }
    replica->ports = *ports;
    replica->snapshot_log_size =
        options->snapshot_log_size > 0 ? options->snapshot_log_size : SNAPSHOT_LOG_SIZE;
    tell_time(replica);
    uint64_t begin_us = replica->now_us;
    enum status status = state_read(replica, options);
    if (status == STATUS_OK) {
        status = consensus_begin(replica);
    }
    if (status != STATUS_OK) {
        replica_close(replica);
        return status;
    }
    tell_time(replica);
    log_info("replica-started",
             "raft-id=%016" PRIx64 " records=%" PRIu64 " log-entries=%" PRIu32 " took-ms=%" PRIu64,
             replica->identity.raft_id, journal_length(replica->journal), replica->entries.count,
             (replica->now_us - begin_us) / 1000);
    *out = replica;
    return STATUS_OK;
}

void replica_close(struct replica *replica)
{
    if (replica == NULL) {
        return;
    }
    CHECK(replica_is_idle(replica));
    opening_close(replica->opening);
    consensus_close(replica->consensus);
    entries_deinit(&replica->entries);
    wal_close(replica->wal);
    journal_close(replica->journal);
    ledger_close(replica->ledger);
    free(replica);
}

/* Consensus and its effects. */

/* Carries out what the core wants after an event, in the order that it wants (consensus.h). */
static void effects(struct replica *replica, const struct consensus_update *update)
{
    if (update->vote_changed) {
        struct consensus_state state = consensus_state(replica->consensus);
        const struct vote vote = {.term = state.term, .voted_for = state.voted_for};
        enum status status = vote_store(replica->ports.disk, &vote);
        if (status != STATUS_OK) {
            replica_fail(replica, "storing term and vote", status);
            return;
        }
    }
    for (uint32_t i = 0; i < update->entry_count; i++) {
        uint64_t index = update->entry_index + i;
        const struct consensus_entry *entry = entries_get(&replica->entries, index);
        const struct wal_entry record = {
            .index = index,
            .term = entry->term,
            .type = (uint8_t)entry->type,
            .size = entry->size,
            .data = entry->data,
        };
        enum status status = wal_append(replica->wal, &record);
        CHECK(status == STATUS_OK); /* a group has room for all entries in flight */
    }
}

static_assert(WAL_GROUP_SIZE_MAX >= (ENTRIES_IN_FLIGHT_MAX + 1) * (ENTRY_SIZE_MAX + WAL_BLOCK_SIZE),
              "all entries in flight and a barrier fit into one group");

/* Proposes an entry; it has its place in the log and its data in memory afterwards. */
static void propose(struct replica *replica, enum consensus_entry_type type, const void *data,
                    uint32_t size)
{
    struct consensus_update update;
    const struct consensus_entry entry = {
        .term = consensus_state(replica->consensus).term, .type = type, .data = data, .size = size};
    enum status status = entries_append(&replica->entries, &entry);
    if (status == STATUS_OK) {
        status = consensus_submit(replica->consensus, &entry, now_ms(replica), &update);
    }
    if (status != STATUS_OK) {
        replica_fail(replica, "proposing an entry", status);
        return;
    }
    CHECK(update.entry_index + update.entry_count == entries_index_next(&replica->entries));
    effects(replica, &update);
}

static uint64_t entries_in_flight(const struct replica *replica)
{
    return entries_index_next(&replica->entries) - 1 -
           consensus_state(replica->consensus).commit_index;
}

static bool may_propose(const struct replica *replica)
{
    return entries_in_flight(replica) < ENTRIES_IN_FLIGHT_MAX &&
           replica->entries.count < ENTRIES_UNAPPLIED_MAX;
}

/* A leader proves its term first: the core does not do it for an idle one, nor for a sole voter. */
static void barrier_propose(struct replica *replica)
{
    static const uint8_t EMPTY[8] = {0};
    struct consensus_state state = consensus_state(replica->consensus);
    if (state.is_leader && replica->barrier_term != state.term) {
        replica->barrier_term = state.term;
        replica->barrier_index = entries_index_next(&replica->entries);
        propose(replica, CONSENSUS_BARRIER, EMPTY, sizeof(EMPTY));
    }
}

/* The commands of this turn, or of the file of accounts. False: there are none. */
static bool entry_fill(struct replica *replica, struct entry_builder *builder)
{
    entry_begin(builder, replica->entry_buffer, sizeof(replica->entry_buffer));
    if (replica->phase == PHASE_OPENING) {
        enum status status = opening_next(replica->opening, builder);
        if (status != STATUS_OK && status != STATUS_MISSING) {
            replica_fail(replica, "reading the file of accounts", status);
        }
        return status == STATUS_OK;
    }
    return requests_collect(replica, builder);
}

static void entries_propose(struct replica *replica)
{
    struct entry_builder builder;
    if (replica->phase != PHASE_OPENING && replica->phase != PHASE_READY &&
        replica->phase != PHASE_STOPPING) {
        return;
    }
    while (may_propose(replica) && entry_fill(replica, &builder)) {
        entry_finish(&builder, replica->ports.clock->realtime_us(replica->ports.clock->context));
        histogram_add(&replica->counters.entry_commands, builder.count);
        propose(replica, CONSENSUS_COMMAND, builder.target, builder.size);
    }
}

/* Tells the core what is on the disk. */
static void persisted_report(struct replica *replica)
{
    struct consensus_update update;
    uint64_t index = wal_index_durable(replica->wal);
    if (index <= replica->index_persisted) {
        return;
    }
    replica->index_persisted = index;
    enum status status = consensus_persisted(replica->consensus, index, now_ms(replica), &update);
    if (status != STATUS_OK) {
        replica_fail(replica, "reporting entries on the disk", status);
        return;
    }
    effects(replica, &update);
}

static void consensus_tick(struct replica *replica)
{
    struct consensus_update update;
    if (now_ms(replica) < consensus_state(replica->consensus).timeout_ms) {
        return;
    }
    enum status status = consensus_timeout(replica->consensus, now_ms(replica), &update);
    if (status != STATUS_OK) {
        replica_fail(replica, "consensus time-out", status);
        return;
    }
    effects(replica, &update);
}

/* The log's writer. */

static uint64_t job_clock_us(const struct replica *replica)
{
    return replica->ports.clock->monotonic_us(replica->ports.clock->context);
}

static void log_write_work(struct job *job)
{
    struct log_write *write = (struct log_write *)job;
    uint64_t begin_us = job_clock_us(write->replica);
    write->status = wal_write(write->replica->wal);
    write->took_us = job_clock_us(write->replica) - begin_us;
}

static void log_write_done(struct job *job)
{
    struct log_write *write = (struct log_write *)job;
    struct replica *replica = write->replica;
    write->busy = false;
    if (write->status != STATUS_OK) {
        replica_fail(replica, "writing the log", write->status);
        return;
    }
    wal_written(replica->wal);
    histogram_add(&replica->counters.write_us, write->took_us);
    if (write->entries > 0) {
        histogram_add(&replica->counters.write_entries, write->entries);
    }
    tell_time(replica);
    replica->write_last_us = replica->now_us;
}

static bool witness_is_due(const struct replica *replica)
{
    return wal_witness_due(replica->wal) &&
           (replica->phase == PHASE_STOPPING ||
            replica->now_us >= replica->write_last_us + (uint64_t)WAL_WITNESS_MS * 1000);
}

static void log_write_begin(struct replica *replica)
{
    struct log_write *write = &replica->log_write;
    bool pending = wal_pending(replica->wal);
    if (write->busy || (!pending && !witness_is_due(replica))) {
        return;
    }
    if (replica->index_release > 0) {
        wal_release(replica->wal, replica->index_release);
        replica->index_release = 0;
    }
    write->entries = pending ? wal_index_last(replica->wal) - wal_index_durable(replica->wal) : 0;
    wal_seal(replica->wal);
    write->job = (struct job){.work = log_write_work, .done = log_write_done};
    write->replica = replica;
    write->busy = true;
    write->age_us = 0;
    write->seen_us = replica->now_us;
    replica->ports.executor->submit(replica->ports.executor, EXECUTOR_LOG, &write->job);
}

/* A disk that hangs is a disk that failed: nothing could be promised any more, for ever. The age counts
 * a second a turn at most, so that a pause of the process is not taken for one of the disk. */
static void log_write_watch(struct replica *replica)
{
    struct log_write *write = &replica->log_write;
    if (!write->busy) {
        return;
    }
    uint64_t passed_us = replica->now_us - write->seen_us;
    write->age_us += passed_us < 1000000 ? passed_us : 1000000;
    write->seen_us = replica->now_us;
    if (write->age_us >= (uint64_t)LOG_WRITE_MAX_MS * 1000) {
        replica_fail(replica, "a write of the log does not come back", STATUS_IO);
    }
}

/* Phases. */

static void opening_begin(struct replica *replica)
{
    enum status status =
        opening_open(&replica->opening, replica->ports.disk, ledger_file_hash(replica->ledger));
    if (status != STATUS_OK) {
        replica_fail(replica, "opening the file of accounts", status);
        return;
    }
    replica->phase = PHASE_OPENING;
}

static void ready(struct replica *replica)
{
    opening_close(replica->opening);
    replica->opening = NULL;
    replica->phase = PHASE_READY;
    (void)malloc_trim(0); /* the start held the whole log behind the snapshot */
    log_info("ready", "records=%" PRIu64 " accounts=%" PRIu32 " term=%" PRIu64,
             ledger_length(replica->ledger), accounts_count(ledger_accounts(replica->ledger)),
             consensus_state(replica->consensus).term);
}

static void phase_advance(struct replica *replica)
{
    if (replica->phase == PHASE_REPLAY && replica->barrier_index > 0 &&
        replica->index_applied >= replica->barrier_index) {
        replica->phase = PHASE_TAIL_CHECK; /* settle_begin does it, its end goes on below */
    }
    if (replica->phase == PHASE_OPENING && ledger_file_done(replica->ledger)) {
        ready(replica);
    }
    if (replica->phase == PHASE_STOPPING && replica->entries.count == 0 &&
        replica->settled.index == replica->index_applied && replica_is_idle(replica) &&
        !wal_witness_due(replica->wal)) {
        replica->phase = PHASE_STOPPED;
    }
}

void replica_tail_checked(struct replica *replica)
{
    if (ledger_file_done(replica->ledger)) {
        ready(replica);
    } else {
        opening_begin(replica);
    }
}

void replica_turn(struct replica *replica)
{
    tell_time(replica);
    /* Each step may fail the replica; none does anything after that. */
    static void (*const STEPS[])(struct replica *) = {
        log_write_watch, consensus_tick,  persisted_report, barrier_propose,
        entries_propose, log_write_begin, apply_committed,  phase_advance,
        settle_begin,    requests_read,   requests_expire,
    };
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        if (replica->phase == PHASE_FAILED || replica->phase == PHASE_STOPPED) {
            return;
        }
        STEPS[i](replica);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t replica_wakeup_us(const struct replica *replica)
{
    if (replica->phase == PHASE_FAILED || replica->phase == PHASE_STOPPED) {
        return UINT64_MAX;
    }
    uint64_t wakeup_us = consensus_state(replica->consensus).timeout_ms * 1000;
    wakeup_us = earlier(wakeup_us, requests_deadline_us(replica));
    if (replica->phase == PHASE_READY && replica_has_queued(replica) && may_propose(replica)) {
        wakeup_us = replica->now_us; /* came while the last turn's answers were written */
    }
    if (replica->flush_due_us > 0 && !replica->journal_work.busy) {
        wakeup_us = earlier(wakeup_us, replica->flush_due_us);
    }
    if (!replica->log_write.busy && wal_witness_due(replica->wal)) {
        wakeup_us = earlier(wakeup_us, replica->write_last_us + (uint64_t)WAL_WITNESS_MS * 1000);
    }
    return wakeup_us;
}

void replica_stop(struct replica *replica)
{
    if (replica->phase != PHASE_FAILED && replica->phase != PHASE_STOPPED) {
        replica->phase = PHASE_STOPPING;
    }
}

bool replica_is_idle(const struct replica *replica)
{
    return !replica->log_write.busy && !replica->journal_work.busy && replica->lookups_busy == 0;
}

enum replica_state replica_state(const struct replica *replica)
{
    switch (replica->phase) {
    case PHASE_REPLAY:
    case PHASE_TAIL_CHECK:
    case PHASE_OPENING:
        return REPLICA_STARTING;
    case PHASE_READY:
    case PHASE_STOPPING:
        return REPLICA_READY;
    case PHASE_STOPPED:
        return REPLICA_STOPPED;
    case PHASE_FAILED:
        break;
    }
    return REPLICA_FAILED;
}

bool replica_has_queued(const struct replica *replica)
{
    return replica->waiting.queued_count > 0;
}

uint64_t replica_length(const struct replica *replica)
{
    return ledger_length(replica->ledger);
}

struct replica_counters replica_counters(const struct replica *replica)
{
    struct replica_counters counters = replica->counters;
    struct consensus_state state = consensus_state(replica->consensus);
    counters.queued = replica->waiting.queued_count;
    counters.waiting = replica->waiting.submitted_count;
    counters.records = journal_length(replica->journal);
    counters.records_unflushed = counters.records - journal_length_flushed(replica->journal);
    counters.log_size_unreleased = wal_size_unreleased(replica->wal);
    counters.accounts = accounts_count(ledger_accounts(replica->ledger));
    counters.term = state.term;
    counters.index_committed = state.commit_index;
    counters.index_applied = replica->index_applied;
    counters.is_leader = state.is_leader;
    return counters;
}
