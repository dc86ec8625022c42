#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The ledger says it with overflow checks; this says it with room to spare. */
__extension__ typedef __int128 wide;

void model_init(struct model *model, uint64_t records_max)
{
    memset(model, 0, sizeof(*model));
    model->records = calloc(records_max, sizeof(model->records[0]));
    assert_non_null(model->records);
    model->records_max = records_max;
}

void model_deinit(struct model *model)
{
    free(model->records);
}

struct account *model_account(struct model *model, uint64_t id)
{
    for (uint32_t i = 0; i < model->accounts_count; i++) {
        if (model->accounts[i].id == id) {
            return &model->accounts[i];
        }
    }
    return NULL;
}

uint64_t model_window(const struct model *model)
{
    return model->length == 0 ? 0 : (uint64_t)model->records[0].amount;
}

static bool is_transaction(const struct record *record)
{
    return record->kind == RECORD_CREDIT || record->kind == RECORD_DEBIT ||
           record->kind == RECORD_REFUSED;
}

static bool repeat_find(const struct model *model, const uint8_t *id, uint64_t *out_index)
{
    uint64_t window = model_window(model);
    for (uint64_t age = 1; age <= window && age <= model->length; age++) {
        const struct record *record = &model->records[model->length - age];
        bool may_be = record->id[0] == id[0]; /* saves most of this test's time */
        if (may_be && is_transaction(record) && memcmp(record->id, id, RECORD_ID_SIZE) == 0) {
            *out_index = model->length - age;
            return true;
        }
    }
    return false;
}

static bool file_is_done(const struct model *model)
{
    for (uint64_t i = 0; i < model->length; i++) {
        if (model->records[i].kind == RECORD_FILE_DONE) {
            return true;
        }
    }
    return false;
}

static enum outcome transaction(struct model *model, const struct command *command,
                                struct record *record, uint64_t *out_index)
{
    if (repeat_find(model, command->id, out_index)) {
        return OUTCOME_REPEAT;
    }
    wide age = (wide)model->length - (wide)command->stamp;
    if (age > (wide)(model_window(model) / 2)) {
        return OUTCOME_EXPIRED;
    }
    struct account *account = model_account(model, command->account);
    if (account == NULL) {
        return OUTCOME_NO_EFFECT;
    }
    bool debit = command->kind == COMMAND_DEBIT;
    wide balance = (wide)account->balance + (debit ? -(wide)command->amount : command->amount);
    record->type = debit ? 'd' : 'c';
    record->account = command->account;
    record->amount = command->amount;
    record->limit = account->limit;
    memcpy(record->id, command->id, RECORD_ID_SIZE);
    record->description_size = command->description_size;
    memcpy(record->description, command->description, command->description_size);
    if (debit && balance < -(wide)account->limit) {
        record->kind = RECORD_REFUSED;
        record->reason = REASON_LIMIT;
    } else if (!debit && balance > AMOUNT_MAX) {
        record->kind = RECORD_REFUSED;
        record->reason = REASON_RANGE;
    } else {
        record->kind = debit ? RECORD_DEBIT : RECORD_CREDIT;
        record->previous = account->record_last;
        account->balance = (int64_t)balance;
        account->place++;
        account->record_last = model->length;
    }
    record->place = account->place;
    record->balance = account->balance;
    return OUTCOME_DECIDED;
}

static enum outcome decide(struct model *model, const struct command *command,
                           struct record *record, uint64_t *out_index)
{
    if (command->kind == COMMAND_FOUND) {
        if (model->length > 0) {
            return OUTCOME_NO_EFFECT;
        }
        record->kind = RECORD_FOUNDED;
        record->amount = command->amount;
        record->description_size = 32;
        memcpy(record->description, command->description, 32);
        return OUTCOME_DECIDED;
    }
    if (model->length == 0) {
        return OUTCOME_NO_EFFECT;
    }
    if (command->kind == COMMAND_FILE_DONE) {
        record->kind = RECORD_FILE_DONE;
        return file_is_done(model) ? OUTCOME_NO_EFFECT : OUTCOME_DECIDED;
    }
    if (command->kind == COMMAND_OPEN) {
        if (model_account(model, command->account) != NULL ||
            model->accounts_count == MODEL_ACCOUNTS_MAX) {
            return OUTCOME_NO_EFFECT;
        }
        struct account *account = &model->accounts[model->accounts_count++];
        account->id = command->account;
        account->limit = command->amount;
        record->kind = RECORD_OPENED;
        record->account = command->account;
        record->limit = command->amount;
        return OUTCOME_DECIDED;
    }
    return transaction(model, command, record, out_index);
}

enum outcome model_apply(struct model *model, const struct command *command, uint64_t time_us,
                         uint64_t log_index, uint64_t *out_index)
{
    assert_true(model->length < model->records_max);
    struct record record = {.log_index = log_index, .time_us = time_us};
    if (model->length > 0 && model->records[model->length - 1].time_us > time_us) {
        record.time_us = model->records[model->length - 1].time_us;
    }
    enum outcome outcome = decide(model, command, &record, out_index);
    if (outcome == OUTCOME_DECIDED) {
        *out_index = model->length;
        model->records[model->length++] = record;
    }
    return outcome;
}
