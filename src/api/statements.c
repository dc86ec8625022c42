#include <stddef.h>

#include "api/exchange.h"
#include "api/text.h"

static void transaction_render(struct text *body, const struct record *record)
{
    char type = (char)record->type;
    text_add_string(body, "{\"valor\":");
    text_add_i64(body, record->amount);
    text_add_string(body, ",\"tipo\":\"");
    text_add(body, &type, 1);
    text_add_string(body, "\",\"descricao\":");
    text_add_json(body, record->description, record->description_size);
    text_add_string(body, ",\"realizada_em\":");
    text_add_time(body, record->time_us);
    text_add_string(body, "}");
}

static void statement_render(struct text *body, const struct replica_statement_answer *answer)
{
    text_add_string(body, "{\"saldo\":{\"total\":");
    text_add_i64(body, answer->account->balance);
    text_add_string(body, ",\"data_extrato\":");
    text_add_time(body, answer->time_us);
    text_add_string(body, ",\"limite\":");
    text_add_i64(body, answer->account->limit);
    text_add_string(body, "},\"ultimas_transacoes\":[");
    for (uint32_t i = 0; i < answer->count; i++) {
        if (i > 0) {
            text_add_string(body, ",");
        }
        transaction_render(body, answer->records[i]);
    }
    text_add_string(body, "]}");
}

static void statement_answer(struct exchange *exchange,
                             const struct replica_statement_answer *answer)
{
    char bytes[BODY_SIZE_MAX];
    char field_bytes[64];
    struct text body = {.data = bytes, .size_max = sizeof(bytes)};
    struct text fields = {.data = field_bytes, .size_max = sizeof(field_bytes)};
    statement_render(&body, answer);
    text_add_string(&fields, "Crebito-Sequence: ");
    text_add_u64(&fields, answer->account->place);
    text_add_string(&fields, "\r\n");
    exchange_answer(exchange, &(struct http_response){
                                  .status = 200,
                                  .content_type = "application/json",
                                  .fields = fields.data,
                                  .fields_size = fields.size,
                                  .body = body.data,
                                  .body_size = body.size,
                              });
}

static void on_answer(struct replica_statement *statement,
                      const struct replica_statement_answer *answer)
{
    struct exchange *exchange =
        (struct exchange *)((char *)statement - offsetof(struct exchange, statement));
    if (answer->result == REPLICA_DONE) {
        statement_answer(exchange, answer);
    } else if (answer->result == REPLICA_NO_ACCOUNT) {
        exchange_no_account(exchange);
    } else {
        exchange_not_accepted(exchange, NULL, 0);
    }
}

void statements_request(struct exchange *exchange)
{
    if (exchange->api->replica == NULL) {
        exchange_not_accepted(exchange, NULL, 0);
        return;
    }
    exchange->statement.account = exchange->account;
    exchange->statement.count_max = STATEMENT_TRANSACTIONS_MAX;
    exchange->statement.on_answer = on_answer;
    replica_read(exchange->api->replica, &exchange->statement);
}
