#include "replica/birth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/number.h"
#include "consensus/consensus.h"
#include "ledger/accounts.h"
#include "ledger/command.h"
#include "replica/identity.h"
#include "replica/lines.h"
#include "replica/manifest.h"
#include "wal/vote.h"
#include "wal/wal.h"

const char BIRTH_ACCOUNTS_NAME[] = "accounts";

/* The term in which a bank is born; the first start goes to the next one. */
static const uint64_t TERM = 1;

enum status birth_line_parse(const char *line, uint32_t size, uint64_t *out_account,
                             int64_t *out_limit)
{
    uint64_t account;
    uint64_t limit;
    if (size == 0 || line[0] == '#') {
        return STATUS_MISSING;
    }
    const char *comma = memchr(line, ',', size);
    uint32_t account_size = comma == NULL ? size : (uint32_t)(comma - line);
    if (comma == NULL || !number_read(line, account_size, &account) ||
        !number_read(comma + 1, size - account_size - 1, &limit) || limit > (uint64_t)AMOUNT_MAX) {
        return STATUS_INVALID;
    }
    *out_account = account;
    *out_limit = (int64_t)limit;
    return STATUS_OK;
}

static enum status line_check(const char *line, uint32_t size, uint64_t number,
                              struct accounts *accounts)
{
    uint64_t account;
    int64_t limit;
    enum status status = size > BIRTH_LINE_SIZE_MAX
                             ? STATUS_INVALID
                             : birth_line_parse(line, size, &account, &limit);
    if (status == STATUS_MISSING) {
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        log_error("accounts-file", "line=%" PRIu64 " what=\"not an account: expected id,limit\"",
                  number);
        return status;
    }
    if (accounts_find(accounts, account) != NULL) {
        log_error("accounts-file", "line=%" PRIu64 " what=\"account %" PRIu64 " is there twice\"",
                  number, account);
        return STATUS_INVALID;
    }
    status = accounts_add(accounts, account, limit);
    if (status != STATUS_OK) {
        log_error("accounts-file", "line=%" PRIu64 " what=\"more accounts than the maximum\"",
                  number);
    }
    return status;
}

static enum status lines_check(struct lines *lines, struct accounts *accounts,
                               uint8_t out[SHA256_SIZE])
{
    const char *line;
    uint32_t size;
    enum status status;
    while ((status = lines_next(lines, &line, &size)) == STATUS_OK) {
        status = line_check(line, size, lines->number, accounts);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (status == STATUS_MISSING) {
        lines_hash(lines, out);
        status = STATUS_OK;
    }
    return status;
}

/* Reads the file of accounts once, refuses it if a line breaks a rule, and hashes it. */
static enum status file_check(struct disk *disk, uint32_t accounts_max, uint8_t out[SHA256_SIZE])
{
    struct accounts *accounts;
    struct lines *lines = malloc(sizeof(*lines));
    enum status status =
        lines == NULL ? STATUS_NO_MEMORY : accounts_open(&accounts, accounts_max, 0);
    if (status != STATUS_OK) {
        free(lines);
        return status;
    }
    status = lines_open(lines, disk, BIRTH_ACCOUNTS_NAME);
    if (status == STATUS_OK) {
        status = lines_check(lines, accounts, out);
        lines_close(lines);
    }
    accounts_close(accounts);
    free(lines);
    return status;
}

static enum status no_entry_visit(void *context, const struct wal_entry *entry)
{
    (void)context;
    (void)entry;
    return STATUS_CORRUPT; /* a directory that was empty has no entries */
}

/* The log's first two entries: the configuration and the founding of the bank. */
static enum status log_prepare(struct disk *disk, const struct birth *birth,
                               const struct consensus_configuration *configuration,
                               const uint8_t file_hash[SHA256_SIZE])
{
    uint8_t data[ENTRY_HEADER_SIZE + COMMAND_SIZE_MAX];
    struct entry_builder builder;
    struct command command = {
        .kind = COMMAND_FOUND, .amount = birth->window, .description_size = SHA256_SIZE};
    memcpy(command.description, file_hash, SHA256_SIZE);
    entry_begin(&builder, data, sizeof(data));
    bool added = entry_add(&builder, &command);
    entry_finish(&builder, 0);

    struct wal *wal;
    enum status status = added ? wal_open(&wal, disk, 1, no_entry_visit, NULL) : STATUS_INVALID;
    if (status != STATUS_OK) {
        return status;
    }
    const struct wal_entry entries[] = {
        {.index = 1,
         .term = TERM,
         .type = CONSENSUS_CONFIGURATION,
         .size = configuration->size,
         .data = configuration->data                                                            },
        {.index = 2, .term = TERM, .type = CONSENSUS_COMMAND, .size = builder.size, .data = data},
    };
    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        status = wal_append(wal, &entries[i]);
    }
    /* The second write is an empty group: the witness of the first. */
    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        wal_seal(wal);
        status = wal_write(wal);
        wal_written(wal);
    }
    wal_close(wal);
    return status;
}

enum status birth_prepare(struct disk *disk, const struct random *random, const struct birth *birth)
{
    uint8_t file_hash[SHA256_SIZE];
    const struct disk_operations *operations = disk->operations;
    struct identity identity = identity_make(random);
    struct manifest manifest = {0};
    struct vote vote = {.term = TERM, .voted_for = identity.raft_id};

    enum status status = file_check(disk, birth->accounts_max, file_hash);
    if (status == STATUS_OK) {
        status =
            consensus_configuration_sole(&manifest.configuration, identity.raft_id, birth->address);
    }
    if (status == STATUS_OK) {
        status = operations->make_directory(disk, "log");
    }
    if (status == STATUS_OK) {
        status = operations->make_directory(disk, "journal");
    }
    if (status == STATUS_OK) {
        status = log_prepare(disk, birth, &manifest.configuration, file_hash);
    }
    if (status == STATUS_OK) {
        status = vote_create(disk, &vote);
    }
    if (status == STATUS_OK) {
        status = manifest_store(disk, &manifest);
    }
    if (status == STATUS_OK) {
        status =
            identity_store(disk, &identity); /* the last: its directory sync covers all names */
    }
    return status;
}
