/* exchange.h -- one request on its way: what a connection keeps while it waits for the bank. */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "api/api.h"
#include "api/key.h"
#include "api/metrics.h"
#include "api/transaction.h"
#include "http/problem.h"

enum { BODY_SIZE_MAX = 4096 }; /* of a statement: ten transactions of at most 200 bytes, and 200 */

struct api {
    struct replica *replica;
    const struct clock *clock;
    const struct random *random;
    const struct http_server *server;
    struct sha256 *sha256;
    bool stopping;
    struct metrics metrics;
    char page[METRICS_SIZE_MAX]; /* /metrics is rendered here */
};

struct exchange {
    struct api *api;
    struct http_connection *connection;
    enum route route;
    uint64_t begin_us;
    uint64_t account;
    struct key key;
    struct transaction_error
        error; /* what is wrong with the body, told once the account is known */
    struct replica_transaction transaction;
    struct replica_statement statement;
};

/* Each ends the exchange with an answer. */
void exchange_answer(struct exchange *exchange, const struct http_response *response);
void exchange_problem(struct exchange *exchange, const struct http_problem *problem,
                      const char *fields, uint32_t fields_size);
void exchange_no_account(struct exchange *exchange);
/* 503: it never left this node. */
void exchange_not_accepted(struct exchange *exchange, const char *fields, uint32_t fields_size);

/* transactions.c: POST /clientes/{id}/transacoes */
void transactions_request(struct exchange *exchange, const struct http_request *request);
/* statements.c: GET /clientes/{id}/extrato */
void statements_request(struct exchange *exchange);

#endif
