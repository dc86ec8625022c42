/* transactions.c -- POST /clientes/{id}/transacoes.
 *
 * The body is decoded at once, but what is wrong with it is told only when the account is known to
 * exist: 404 comes before 400 and 422, and an account that this node does not know may have been opened
 * elsewhere, so the node asks at a read index first.
 */
#include <stddef.h>
#include <stdio.h>

#include "api/exchange.h"
#include "api/text.h"

enum {
    FIELDS_SIZE_MAX =
        256, /* Idempotency-Key, Crebito-Since and Crebito-Sequence with their values */
    DETAIL_SIZE_MAX = 256,
};

/* The fields that every answer to a transaction carries; `record` NULL: no place is known. */
static void fields_render(const struct exchange *exchange, const struct record *record,
                          struct text *fields)
{
    text_add_string(fields, "Idempotency-Key: ");
    text_add(fields, exchange->key.text, exchange->key.size);
    text_add_string(fields, "\r\nCrebito-Since: ");
    text_add_u64(fields, exchange->transaction.command.stamp);
    if (record != NULL) {
        text_add_string(fields, "\r\nCrebito-Sequence: ");
        text_add_u64(fields, record->place);
    }
    text_add_string(fields, "\r\n");
}

static void accepted(struct exchange *exchange, const struct record *record,
                     const struct text *fields)
{
    char bytes[128];
    struct text body = {.data = bytes, .size_max = sizeof(bytes)};
    text_add_string(&body, "{\"limite\":");
    text_add_i64(&body, record->limit);
    text_add_string(&body, ",\"saldo\":");
    text_add_i64(&body, record->balance);
    text_add_string(&body, "}");
    exchange_answer(exchange, &(struct http_response){
                                  .status = 200,
                                  .content_type = "application/json",
                                  .fields = fields->data,
                                  .fields_size = fields->size,
                                  .body = body.data,
                                  .body_size = body.size,
                              });
}

static void refused(struct exchange *exchange, const struct record *record,
                    const struct text *fields)
{
    char detail[DETAIL_SIZE_MAX];
    bool limit = record->reason == REASON_LIMIT;
    (void)snprintf(detail, sizeof(detail),
                   limit ? "A debit of %lld would bring the balance of %lld below %lld."
                         : "A credit of %lld would bring the balance of %lld above %lld.",
                   (long long)record->amount, (long long)record->balance,
                   limit ? -(long long)record->limit : (long long)AMOUNT_MAX);
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 422,
                         .type = limit ? "limit" : "range",
                         .title = limit ? "the limit would be exceeded"
                                        : "the balance would leave the range of amounts",
                         .detail = detail,
                         .field = "valor",
                     },
                     fields->data, fields->size);
}

static void key_mismatch(struct exchange *exchange, enum replica_field mismatch,
                         const struct text *fields)
{
    static const char *const NAMES[] = {
        [REPLICA_FIELD_NONE] = NULL,
        [REPLICA_FIELD_AMOUNT] = "valor",
        [REPLICA_FIELD_TYPE] = "tipo",
        [REPLICA_FIELD_DESCRIPTION] = "descricao",
    };
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 422,
                         .type = "key-reused",
                         .title = "the key belongs to another transaction",
                         .detail = "A transaction with this Idempotency-Key was decided with "
                                   "another value of this field.",
                         .field = NAMES[mismatch],
                     },
                     fields->data, fields->size);
}

static void outcome_unknown(struct exchange *exchange, const struct text *fields)
{
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 503,
                         .type = "outcome-unknown",
                         .title = "outcome unknown",
                         .detail = "The transaction may have been decided, or may still be. Sent "
                                   "again with this Idempotency-Key and Crebito-Since it is never "
                                   "decided twice.",
                     },
                     fields->data, fields->size);
}

static void on_answer(struct replica_transaction *transaction, const struct replica_answer *answer)
{
    struct exchange *exchange =
        (struct exchange *)((char *)transaction - offsetof(struct exchange, transaction));
    char bytes[FIELDS_SIZE_MAX];
    struct text fields = {.data = bytes, .size_max = sizeof(bytes)};
    fields_render(exchange, answer->record, &fields);
    switch (answer->result) {
    case REPLICA_DONE:
        if (answer->record->kind == RECORD_REFUSED) {
            refused(exchange, answer->record, &fields);
        } else {
            accepted(exchange, answer->record, &fields);
        }
        break;
    case REPLICA_NO_ACCOUNT:
        exchange_no_account(exchange);
        break;
    case REPLICA_MISMATCH:
        key_mismatch(exchange, answer->mismatch, &fields);
        break;
    case REPLICA_NOT_ACCEPTED:
        exchange_not_accepted(exchange, fields.data, fields.size);
        break;
    case REPLICA_OUTCOME_UNKNOWN:
        outcome_unknown(exchange, &fields);
        break;
    }
}

/* The body's first fault as an answer. */
static void body_refused(struct exchange *exchange)
{
    char detail[DETAIL_SIZE_MAX];
    const struct transaction_error *error = &exchange->error;
    struct http_problem problem = {
        .status = 422,
        .type = "invalid-field",
        .title = "a field is missing or outside its rules",
        .detail = error->detail,
        .field = error->field,
    };
    if (error->fault == TRANSACTION_SYNTAX) {
        (void)snprintf(detail, sizeof(detail), "%s (at byte %u)", error->detail, error->offset);
        problem.status = 400;
        problem.type = "invalid-json";
        problem.title = "the body is not one JSON object";
        problem.detail = detail;
    }
    exchange_problem(exchange, &problem, NULL, 0);
}

/* The account exists. */
static void proceed(struct exchange *exchange)
{
    if (exchange->error.fault != TRANSACTION_OK) {
        body_refused(exchange);
        return;
    }
    replica_submit(exchange->api->replica, &exchange->transaction);
}

static void not_accepted(struct exchange *exchange)
{
    char bytes[FIELDS_SIZE_MAX];
    struct text fields = {.data = bytes, .size_max = sizeof(bytes)};
    fields_render(exchange, NULL, &fields);
    exchange_not_accepted(exchange, fields.data, fields.size);
}

static void on_account_read(struct replica_statement *statement,
                            const struct replica_statement_answer *answer)
{
    struct exchange *exchange =
        (struct exchange *)((char *)statement - offsetof(struct exchange, statement));
    if (answer->result == REPLICA_DONE) {
        proceed(exchange);
    } else if (answer->result == REPLICA_NO_ACCOUNT) {
        exchange_no_account(exchange);
    } else {
        not_accepted(exchange);
    }
}

static void command_make(struct exchange *exchange, const struct transaction *transaction)
{
    struct command *command = &exchange->transaction.command;
    command->kind = transaction->type == 'c' ? COMMAND_CREDIT : COMMAND_DEBIT;
    command->account = exchange->account;
    command->amount = transaction->amount;
    command->description_size = transaction->description_size;
    memcpy(command->description, transaction->description, transaction->description_size);
    key_id(&exchange->key, exchange->account, exchange->api->sha256, command->id);
}

static void field_refused(struct exchange *exchange, const char *field, const char *detail)
{
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 400,
                         .type = "invalid-header",
                         .title = "a header field is outside its rules",
                         .detail = detail,
                         .field = field,
                     },
                     NULL, 0);
}

void transactions_request(struct exchange *exchange, const struct http_request *request)
{
    struct api *api = exchange->api;
    struct transaction transaction;
    uint64_t since = request->mark;
    const char *bad_field = key_read(&exchange->key, request, api->random);
    if (bad_field != NULL) {
        field_refused(exchange, bad_field,
                      "It must be there once, with 1 to 128 visible ASCII "
                      "characters.");
        return;
    }
    if (!key_since_read(&since, request)) {
        field_refused(exchange, "Crebito-Since", "It must be there once, with a number.");
        return;
    }
    exchange->transaction.command.stamp = since;
    exchange->transaction.on_answer = on_answer;
    if (api->replica == NULL) { /* the node is still reading its directory */
        not_accepted(exchange);
        return;
    }
    exchange->error = transaction_decode(&transaction, request->body.data, request->body.size);
    if (exchange->error.fault == TRANSACTION_OK) {
        command_make(exchange, &transaction);
    }
    if (replica_knows(api->replica, exchange->account)) {
        proceed(exchange);
        return;
    }
    exchange->statement.account = exchange->account;
    exchange->statement.count_max = 0;
    exchange->statement.on_answer = on_account_read;
    replica_read(api->replica, &exchange->statement);
}
