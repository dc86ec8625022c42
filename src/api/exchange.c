#include "api/exchange.h"

#include "base/check.h"

static void finish(struct exchange *exchange, uint16_t status)
{
    struct api *api = exchange->api;
    uint64_t now_us = api->clock->monotonic_us(api->clock->context);
    CHECK(status < METRICS_STATUS_MAX);
    api->metrics.requests[exchange->route][status]++;
    histogram_add(&api->metrics.latency_us[exchange->route], now_us - exchange->begin_us);
}

void exchange_answer(struct exchange *exchange, const struct http_response *response)
{
    finish(exchange, response->status);
    http_respond(exchange->connection, response);
}

void exchange_problem(struct exchange *exchange, const struct http_problem *problem,
                      const char *fields, uint32_t fields_size)
{
    finish(exchange, problem->status);
    http_respond_problem(exchange->connection, problem, fields, fields_size);
}

void exchange_no_account(struct exchange *exchange)
{
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 404,
                         .type = "no-account",
                         .title = "no such account",
                         .detail = "No account has the id in the path.",
                     },
                     NULL, 0);
}

void exchange_not_accepted(struct exchange *exchange, const char *fields, uint32_t fields_size)
{
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 503,
                         .type = "not-accepted",
                         .title = "not accepted",
                         .detail = "This node could not take the request in time: nothing "
                                   "happened, and it may be sent again.",
                     },
                     fields, fields_size);
}
