/* ledger.c -- the contract is in ledger.h; this file holds the rules of the bank, each of them once.
 *
 * A journal record is proven by the same code that made it: ledger_load makes the record's command
 * again, applies it, and compares what was decided with what was read. So there is no second set of
 * rules that could differ from the first.
 *
 * W is known only with the first record, and applying must not fail: so the memory of ids is mapped
 * by ledger_open for the largest W, 384 MiB of addresses and not of memory, and cut to size then.
 */
#include "ledger/ledger.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "ledger/ids.h"

static_assert(RECORD_DESCRIPTION_SIZE_MAX % 8 == 0, "description_copy goes by eights");
static_assert(sizeof(struct account) == 40, "ledger_hash reads accounts as bytes: no padding");

struct ledger {
    struct accounts *accounts;
    struct ids *ids;
    uint64_t length;
    uint64_t time_us;   /* of the newest record */
    uint64_t log_index; /* of the newest record */
    uint32_t window;    /* 0 before `founded` */
    uint64_t expected;  /* records that will be loaded; 0: every id is remembered */
    bool file_done;
    uint8_t file_hash[SHA256_SIZE];
};

enum status ledger_open(struct ledger **out, uint32_t accounts_max, uint64_t seed)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    if (ledger == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = accounts_open(&ledger->accounts, accounts_max, seed);
    if (status == STATUS_OK) {
        status = ids_open(&ledger->ids, WINDOW_MAX, seed);
    }
    if (status != STATUS_OK) {
        ledger_close(ledger); /* accepts a half-opened one */
        return status;
    }
    *out = ledger;
    return STATUS_OK;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    ids_close(ledger->ids);
    accounts_close(ledger->accounts);
    free(ledger);
}

/* False while records are loaded whose ids will have left the window when the load ends. */
static bool ids_matter(const struct ledger *ledger)
{
    return ledger->length + ledger->window >= ledger->expected;
}

/* Zero-padded, whatever the command has there: eight bytes at a time and without a branch, because a
 * copy of varying size costs more than all other fields together. */
static void description_copy(struct record *record, const struct command *command)
{
    for (uint32_t offset = 0; offset < RECORD_DESCRIPTION_SIZE_MAX; offset += 8) {
        uint32_t used = command->description_size > offset ? command->description_size - offset : 0;
        uint64_t mask = used < 8 ? (UINT64_C(1) << (8 * used)) - 1 : UINT64_MAX;
        uint64_t bytes = bytes_get_u64((const uint8_t *)command->description + offset);
        bytes_put_u64((uint8_t *)record->description + offset, bytes & mask);
    }
    record->description_size = command->description_size;
}

static enum outcome found(struct ledger *ledger, const struct command *command,
                          struct record *record)
{
    ledger->window = (uint32_t)command->amount;
    ids_narrow(ledger->ids, ledger->window);
    memcpy(ledger->file_hash, command->description, SHA256_SIZE);

    memset(record, 0, sizeof(*record));
    record->kind = RECORD_FOUNDED;
    record->amount = command->amount;
    description_copy(record, command);
    return OUTCOME_DECIDED;
}

static enum outcome open_account(struct ledger *ledger, const struct command *command,
                                 struct record *record)
{
    if (accounts_find(ledger->accounts, command->account) != NULL ||
        accounts_add(ledger->accounts, command->account, command->amount) != STATUS_OK) {
        return OUTCOME_NO_EFFECT;
    }
    memset(record, 0, sizeof(*record));
    record->kind = RECORD_OPENED;
    record->account = command->account;
    record->limit = command->amount;
    return OUTCOME_DECIDED;
}

static enum outcome file_done(struct ledger *ledger, struct record *record)
{
    if (ledger->file_done) {
        return OUTCOME_NO_EFFECT;
    }
    ledger->file_done = true;
    memset(record, 0, sizeof(*record));
    record->kind = RECORD_FILE_DONE;
    return OUTCOME_DECIDED;
}

/* The balance after a credit or debit, or the reason why there is none. */
static enum record_reason balance_move(const struct account *account, const struct command *command,
                                       int64_t *out_balance)
{
    int64_t balance;
    if (command->kind == COMMAND_DEBIT) {
        if (__builtin_sub_overflow(account->balance, command->amount, &balance) ||
            balance < -account->limit) {
            return REASON_LIMIT;
        }
    } else if (__builtin_add_overflow(account->balance, command->amount, &balance) ||
               balance > AMOUNT_MAX) {
        return REASON_RANGE;
    }
    *out_balance = balance;
    return REASON_NONE;
}

/* Too old to tell whether its id was forgotten. A stamp larger than the length is not: it comes from
 * a node that had applied more than this one when it read the request. */
static bool expired(const struct ledger *ledger, const struct command *command)
{
    return command->stamp < ledger->length && ledger->length - command->stamp > ledger->window / 2;
}

static enum outcome transact(struct ledger *ledger, const struct command *command,
                             struct record *record, uint64_t *out_index)
{
    /* Asked for first, used last: its cache misses pass while the ids are searched. */
    struct account *account = accounts_find(ledger->accounts, command->account);
    if (ids_matter(ledger) && ids_find(ledger->ids, command->id, out_index)) {
        return OUTCOME_REPEAT;
    }
    if (expired(ledger, command)) {
        return OUTCOME_EXPIRED;
    }
    if (account == NULL) {
        return OUTCOME_NO_EFFECT;
    }
    memset(record, 0, sizeof(*record));
    bool debit = command->kind == COMMAND_DEBIT;
    enum record_reason reason = balance_move(account, command, &account->balance);
    if (reason == REASON_NONE) {
        record->kind = debit ? RECORD_DEBIT : RECORD_CREDIT;
        record->previous = account->record_last;
        account->place++;
        account->record_last = ledger->length;
    } else {
        record->kind = RECORD_REFUSED;
    }
    record->type = debit ? 'd' : 'c';
    record->reason = (uint8_t)reason;
    record->account = command->account;
    record->place = account->place;
    record->amount = command->amount;
    record->balance = account->balance;
    record->limit = account->limit;
    memcpy(record->id, command->id, RECORD_ID_SIZE);
    description_copy(record, command);
    return OUTCOME_DECIDED;
}

/* Fills the record, but for time and log index, if and only if it is DECIDED. */
static enum outcome decide(struct ledger *ledger, const struct command *command,
                           struct record *record, uint64_t *out_index)
{
    if ((command->kind == COMMAND_FOUND) != (ledger->length == 0)) {
        return OUTCOME_NO_EFFECT; /* there is no bank yet, or there is one */
    }
    switch (command->kind) {
    case COMMAND_FOUND:
        return found(ledger, command, record);
    case COMMAND_OPEN:
        return open_account(ledger, command, record);
    case COMMAND_FILE_DONE:
        return file_done(ledger, record);
    case COMMAND_CREDIT:
    case COMMAND_DEBIT:
        break;
    }
    return transact(ledger, command, record, out_index);
}

enum outcome ledger_apply(struct ledger *ledger, const struct command *command, uint64_t time_us,
                          uint64_t log_index, struct record *out_record, uint64_t *out_index)
{
    CHECK(command_is_valid(command));
    CHECK(log_index >= ledger->log_index);

    enum outcome outcome = decide(ledger, command, out_record, out_index);
    if (outcome != OUTCOME_DECIDED) {
        return outcome;
    }
    bool has_id = command->kind == COMMAND_CREDIT || command->kind == COMMAND_DEBIT;
    if (ids_matter(ledger)) {
        ids_add(ledger->ids, ledger->length, has_id ? command->id : NULL);
    }
    *out_index = ledger->length;
    ledger->length++;
    ledger->time_us = time_us > ledger->time_us ? time_us : ledger->time_us;
    ledger->log_index = log_index;
    out_record->time_us = ledger->time_us;
    out_record->log_index = log_index;
    return OUTCOME_DECIDED;
}

void ledger_prefetch(const struct ledger *ledger, uint64_t account,
                     const uint8_t id[RECORD_ID_SIZE])
{
    accounts_prefetch(ledger->accounts, account);
    ids_prefetch(ledger->ids, id);
}

/* The command that this record is the decision of; false if no command makes such a record. */
static bool command_of(const struct record *record, uint64_t stamp, struct command *out)
{
    struct command command = {.account = record->account, .amount = record->amount};
    switch (record->kind) {
    case RECORD_FOUNDED:
        command.kind = COMMAND_FOUND;
        break;
    case RECORD_OPENED:
        command.kind = COMMAND_OPEN;
        command.amount = record->limit;
        break;
    case RECORD_FILE_DONE:
        command.kind = COMMAND_FILE_DONE;
        break;
    case RECORD_CREDIT:
    case RECORD_DEBIT:
    case RECORD_REFUSED:
        if (record->type != 'c' && record->type != 'd') {
            return false;
        }
        command.kind = record->type == 'd' ? COMMAND_DEBIT : COMMAND_CREDIT;
        command.stamp = stamp;
        memcpy(command.id, record->id, RECORD_ID_SIZE);
        break;
    default:
        return false;
    }
    command.description_size = record->description_size;
    memcpy(command.description, record->description, RECORD_DESCRIPTION_SIZE_MAX);
    *out = command;
    return true;
}

/* Why the command of a record had no effect. */
static enum status rule_of_no_effect(const struct ledger *ledger, const struct command *command,
                                     const char **out_rule)
{
    if (ledger->length == 0) {
        *out_rule = "the first record is not `founded`";
        return STATUS_CORRUPT;
    }
    switch (command->kind) {
    case COMMAND_FOUND:
        *out_rule = "`founded` is not the first record";
        return STATUS_CORRUPT;
    case COMMAND_OPEN:
        if (accounts_find(ledger->accounts, command->account) == NULL) {
            *out_rule = "more accounts than this node was set up for";
            return STATUS_FULL;
        }
        *out_rule = "an account is opened that exists";
        return STATUS_CORRUPT;
    case COMMAND_FILE_DONE:
        *out_rule = "`file done` comes a second time";
        return STATUS_CORRUPT;
    case COMMAND_CREDIT:
    case COMMAND_DEBIT:
        break;
    }
    *out_rule = "a transaction of an account that was not opened";
    return STATUS_CORRUPT;
}

/* The rule by which `record`, which was read, is not `decided`; NULL if they are the same. */
static const char *rule_of_difference(const struct record *record, const struct record *decided)
{
    size_t offset = offsetof(struct record, kind); /* after the checksum */
    if (memcmp((const uint8_t *)record + offset, (const uint8_t *)decided + offset,
               sizeof(*record) - offset) == 0) {
        return NULL;
    }
    if (record->kind != decided->kind || record->reason != decided->reason) {
        return "accepted, or refused, against the rules";
    }
    if (record->place != decided->place) {
        return "the place does not follow the account's newest";
    }
    if (record->previous != decided->previous) {
        return "`previous` is not the account's newest transaction";
    }
    if (record->balance != decided->balance) {
        return "the balance does not follow from the one before";
    }
    if (record->limit != decided->limit) {
        return "the limit is not the account's";
    }
    if (record->time_us != decided->time_us) {
        return "the time is before that of the record before";
    }
    return "a field that this kind of record does not use is not zero";
}

void ledger_load_expect(struct ledger *ledger, uint64_t length)
{
    CHECK(ledger->length == 0);
    ledger->expected = length;
}

enum status ledger_load(struct ledger *ledger, const struct record *record, const char **out_rule)
{
    struct command command;
    if (!command_of(record, ledger->length, &command)) {
        *out_rule = "no command makes a record of this kind and type";
        return STATUS_CORRUPT;
    }
    if (!command_is_valid(&command)) {
        *out_rule = "the amount, the limit or the description's size is out of range";
        return STATUS_CORRUPT;
    }
    if (record->log_index < ledger->log_index) {
        *out_rule = "the log index is before that of the record before";
        return STATUS_CORRUPT;
    }
    struct record decided;
    uint64_t index;
    switch (ledger_apply(ledger, &command, record->time_us, record->log_index, &decided, &index)) {
    case OUTCOME_DECIDED:
        break;
    case OUTCOME_REPEAT:
        *out_rule = "its id was decided before, within the window";
        return STATUS_CORRUPT;
    case OUTCOME_NO_EFFECT:
        return rule_of_no_effect(ledger, &command, out_rule);
    case OUTCOME_EXPIRED:
        CHECK(false); /* its stamp is the length */
    }
    const char *rule = rule_of_difference(record, &decided);
    if (rule != NULL) {
        *out_rule = rule;
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

uint64_t ledger_length(const struct ledger *ledger)
{
    return ledger->length;
}

uint32_t ledger_window(const struct ledger *ledger)
{
    return ledger->window;
}

uint64_t ledger_time_us(const struct ledger *ledger)
{
    return ledger->time_us;
}

bool ledger_file_done(const struct ledger *ledger)
{
    return ledger->file_done;
}

const uint8_t *ledger_file_hash(const struct ledger *ledger)
{
    return ledger->file_hash;
}

const struct account *ledger_account_find(const struct ledger *ledger, uint64_t id)
{
    return accounts_find(ledger->accounts, id);
}

const struct accounts *ledger_accounts(const struct ledger *ledger)
{
    return ledger->accounts;
}

uint32_t ledger_hash(const struct ledger *ledger)
{
    uint32_t hash = crc32c(0, &ledger->length, sizeof(ledger->length));
    hash = crc32c(hash, &ledger->time_us, sizeof(ledger->time_us));
    uint32_t count = accounts_count(ledger->accounts);
    for (uint32_t position = 0; position < count; position++) {
        const struct account *account = accounts_get(ledger->accounts, position);
        hash = crc32c(hash, account, sizeof(*account));
    }
    return hash;
}
