#include <inttypes.h>

#include "base/log.h"
#include "replica/internal.h"

/* Worker: the journal's files up to work->length, and what the task wants beyond that. */
static void journal_work(struct job *job)
{
    struct journal_work *work = (struct journal_work *)job;
    struct replica *replica = work->replica;
    work->status = journal_flush(replica->journal, work->length);
    if (work->status != STATUS_OK || work->task == JOURNAL_FLUSH) {
        return;
    }
    if (work->task == JOURNAL_TAIL_CHECK) {
        work->status = journal_tail_check(replica->journal);
        return;
    }
    /* The order that a start relies on: records first, then the manifest that counts them. */
    work->status = journal_sync(replica->journal);
    if (work->status == STATUS_OK) {
        journal_fingerprint(replica->journal, &work->manifest.journal);
        work->status = manifest_store(replica->ports.disk, &work->manifest);
    }
}

static void settled(struct replica *replica, const struct manifest *manifest)
{
    struct consensus_update update;
    replica->settled = *manifest;
    replica->counters.snapshots++;
    replica->index_release = manifest->index;
    enum status status =
        consensus_snapshot(replica->consensus, manifest->index, manifest->term,
                           &manifest->configuration, replica->now_us / 1000, &update);
    if (status != STATUS_OK) {
        replica_fail(replica, "reporting a snapshot", status);
        return;
    }
    log_info("settled", "log-index=%" PRIu64 " records=%" PRIu64, manifest->index,
             manifest->journal.length);
}

static void journal_done(struct job *job)
{
    struct journal_work *work = (struct journal_work *)job;
    struct replica *replica = work->replica;
    work->busy = false;
    if (work->status != STATUS_OK) {
        replica_fail(replica, "writing the journal", work->status);
        return;
    }
    journal_flushed(replica->journal, work->length);
    replica->flush_due_us = 0;
    if (work->task == JOURNAL_TAIL_CHECK && replica->phase == PHASE_TAIL_CHECK) {
        replica_tail_checked(replica);
    } else if (work->task == JOURNAL_SETTLE) {
        settled(replica, &work->manifest);
    }
}

static void begin(struct replica *replica, enum journal_task task)
{
    struct journal_work *work = &replica->journal_work;
    work->job = (struct job){.work = journal_work, .done = journal_done};
    work->replica = replica;
    work->task = task;
    work->busy = true;
    work->length = journal_length(replica->journal);
    if (task == JOURNAL_SETTLE) {
        work->manifest = (struct manifest){
            .index = replica->index_applied,
            .term = replica->term_applied,
            .configuration = replica->configuration,
        };
    }
    replica->ports.executor->submit(replica->ports.executor, EXECUTOR_WORKERS, &work->job);
}

static bool snapshot_is_due(const struct replica *replica)
{
    if (replica->index_applied <= replica->settled.index) {
        return false;
    }
    if (replica->phase == PHASE_STOPPING) {
        return replica->entries.count == 0;
    }
    return replica->index_release == 0 && replica->phase != PHASE_REPLAY &&
           replica->phase != PHASE_TAIL_CHECK &&
           wal_size_unreleased(replica->wal) >= replica->snapshot_log_size;
}

void settle_begin(struct replica *replica)
{
    uint64_t unflushed =
        journal_length(replica->journal) - journal_length_flushed(replica->journal);
    if (unflushed > 0 && replica->flush_due_us == 0) {
        replica->flush_due_us = replica->now_us + (uint64_t)FLUSH_AGE_MS * 1000;
    }
    if (replica->journal_work.busy) {
        return;
    }
    if (replica->phase == PHASE_TAIL_CHECK) {
        begin(replica, JOURNAL_TAIL_CHECK);
    } else if (snapshot_is_due(replica)) {
        begin(replica, JOURNAL_SETTLE);
    } else if (unflushed >= FLUSH_RECORDS ||
               (unflushed > 0 && replica->now_us >= replica->flush_due_us)) {
        begin(replica, JOURNAL_FLUSH);
    }
}
