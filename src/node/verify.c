#include "node/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/disk.h"
#include "base/random.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "replica/manifest.h"

struct reading {
    const struct manifest *manifest;
    struct ledger *ledger;
    struct node_verify *out;
};

/* The manifest counts exactly the records of the log entries that it covers: a start applies the
 * entries after it to the records that it counts. */
static const char *rule_of_manifest(const struct manifest *manifest, uint64_t index,
                                    const struct record *record)
{
    bool settled = index < manifest->journal.length;
    if (settled && record->log_index > manifest->index) {
        return "settled, but decided by a log entry after the manifest's";
    }
    if (!settled && record->log_index <= manifest->index) {
        return "not settled, but decided by a log entry that the manifest covers";
    }
    return NULL;
}

static void count(struct node_verify *out, const struct record *record)
{
    out->credits += record->kind == RECORD_CREDIT;
    out->debits += record->kind == RECORD_DEBIT;
    out->refused += record->kind == RECORD_REFUSED;
}

static enum status visit(void *context, uint64_t index, const struct record *record)
{
    struct reading *reading = context;
    const char *rule = rule_of_manifest(reading->manifest, index, record);
    enum status status = STATUS_CORRUPT;
    if (rule == NULL) {
        status = ledger_load(reading->ledger, record, &rule);
    }
    if (status == STATUS_OK) {
        count(reading->out, record);
    } else if (status == STATUS_CORRUPT) {
        uint64_t first = index - index % JOURNAL_SEGMENT_RECORDS;
        (void)snprintf(reading->out->damage, sizeof(reading->out->damage),
                       "journal/%016" PRIx64 ": offset %" PRIu64 ": record %" PRIu64 ": %s", first,
                       (index - first) * RECORD_SIZE, index, rule);
    }
    return status;
}

static void sum(const struct accounts *accounts, struct node_verify *out)
{
    out->accounts = accounts_count(accounts);
    out->balance_sum_fits = true;
    for (uint32_t i = 0; i < out->accounts && out->balance_sum_fits; i++) {
        int64_t balance = accounts_get(accounts, i)->balance;
        out->balance_sum_fits =
            !__builtin_add_overflow(out->balance_sum, balance, &out->balance_sum);
    }
}

static enum status read_journal(struct disk *disk, const struct manifest *manifest,
                                uint32_t accounts_max, struct node_verify *out)
{
    struct random_system random_state;
    struct random random = random_system_init(&random_state);
    struct journal_scan scan;
    struct reading reading = {.manifest = manifest, .out = out};
    enum status status = ledger_open(&reading.ledger, accounts_max, random_u64(&random));
    if (status != STATUS_OK) {
        return status;
    }
    status = journal_scan(disk, &manifest->journal, visit, &reading, &scan);
    if (status == STATUS_CORRUPT && out->damage[0] != '\0') {
        status = STATUS_OK; /* the visitor found it, and has said where */
    } else if (status == STATUS_OK) {
        (void)snprintf(out->damage, sizeof(out->damage), "%s", scan.damage);
    }
    if (status == STATUS_OK) {
        out->records = scan.length;
        out->settled = manifest->journal.length;
        memcpy(out->fingerprint, scan.fingerprint, SHA256_SIZE);
    }
    if (status == STATUS_OK && out->damage[0] == '\0') {
        sum(ledger_accounts(reading.ledger), out);
    }
    ledger_close(reading.ledger);
    return status;
}

enum status node_verify(const char *directory, uint32_t accounts_max, struct node_verify *out)
{
    struct disk *disk;
    struct manifest manifest;
    *out = (struct node_verify){0};
    enum status status = disk_posix_open(&disk, directory);
    if (status != STATUS_OK) {
        return status;
    }
    status = manifest_load(disk, &manifest); /* first, so that no lock is left where no bank is */
    if (status == STATUS_OK) {
        status = disk_posix_lock(disk);
    }
    if (status == STATUS_OK) { /* a node may have settled more before it let go of the lock */
        status = manifest_load(disk, &manifest);
    }
    if (status == STATUS_OK) {
        status = read_journal(disk, &manifest, accounts_max, out);
    }
    disk_posix_close(disk);
    return status;
}
