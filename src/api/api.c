#include "api/api.h"

#include <stdlib.h>
#include <string.h>

#include "api/exchange.h"
#include "base/number.h"

enum status api_open(struct api **out, const struct clock *clock, const struct random *random)
{
    struct api *api = calloc(1, sizeof(*api));
    if (api == NULL) {
        return STATUS_NO_MEMORY;
    }
    api->clock = clock;
    api->random = random;
    api->sha256 = sha256_open();
    *out = api;
    return STATUS_OK;
}

void api_close(struct api *api)
{
    if (api == NULL) {
        return;
    }
    sha256_close(api->sha256);
    free(api);
}

void api_replica_set(struct api *api, struct replica *replica)
{
    api->replica = replica;
}

void api_stopping(struct api *api)
{
    api->stopping = true;
}

void api_server_set(struct api *api, const struct http_server *server)
{
    api->server = server;
}

/* Routes. */

struct target {
    enum route route;
    struct http_view account; /* of the two routes that have one */
};

static bool view_is(struct http_view view, const char *text)
{
    return view.size == strlen(text) && memcmp(view.data, text, view.size) == 0;
}

static struct http_view path_of(struct http_view target)
{
    const char *query = memchr(target.data, '?', target.size);
    if (query != NULL) {
        target.size = (uint32_t)(query - target.data);
    }
    return target;
}

static struct target target_find(struct http_view path)
{
    static const char PREFIX[] = "/clientes/";
    static const uint32_t PREFIX_SIZE = sizeof(PREFIX) - 1;
    struct target target = {.route = ROUTE_UNKNOWN};
    if (path.size > PREFIX_SIZE && memcmp(path.data, PREFIX, PREFIX_SIZE) == 0) {
        struct http_view rest = {path.data + PREFIX_SIZE, path.size - PREFIX_SIZE};
        const char *slash = memchr(rest.data, '/', rest.size);
        if (slash != NULL) {
            target.account = (struct http_view){rest.data, (uint32_t)(slash - rest.data)};
            rest = (struct http_view){slash, rest.size - target.account.size};
            target.route = view_is(rest, "/transacoes") ? ROUTE_TRANSACTION
                           : view_is(rest, "/extrato")  ? ROUTE_STATEMENT
                                                        : ROUTE_UNKNOWN;
        }
    } else if (view_is(path, "/healthz")) {
        target.route = ROUTE_HEALTH;
    } else if (view_is(path, "/readyz")) {
        target.route = ROUTE_READY;
    } else if (view_is(path, "/metrics")) {
        target.route = ROUTE_METRICS;
    }
    return target;
}

static bool method_is_allowed(enum route route, enum http_method method)
{
    return route == ROUTE_TRANSACTION ? method == HTTP_POST
                                      : method == HTTP_GET || method == HTTP_HEAD;
}

static void wrong_method(struct exchange *exchange)
{
    const char *allow =
        exchange->route == ROUTE_TRANSACTION ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n";
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 405,
                         .type = "wrong-method",
                         .title = "method not allowed",
                         .detail = exchange->route == ROUTE_TRANSACTION
                                       ? "Transactions are made with POST."
                                       : "This is read with GET.",
                     },
                     allow, (uint32_t)strlen(allow));
}

static void unknown_route(struct exchange *exchange)
{
    exchange_problem(exchange,
                     &(struct http_problem){
                         .status = 404,
                         .type = "no-route",
                         .title = "no such resource",
                         .detail =
                             "There is POST /clientes/{id}/transacoes, "
                             "GET /clientes/{id}/extrato, GET /healthz, /readyz and /metrics.",
                     },
                     NULL, 0);
}

static void state_request(struct exchange *exchange, bool good, const char *body)
{
    if (!good) {
        exchange_problem(exchange,
                         &(struct http_problem){
                             .status = 503,
                             .type = "not-ready",
                             .title = "not ready",
                             .detail = "The node is starting, stopping, or has failed.",
                         },
                         NULL, 0);
        return;
    }
    exchange_answer(exchange, &(struct http_response){
                                  .status = 200,
                                  .content_type = "application/json",
                                  .body = body,
                                  .body_size = (uint32_t)strlen(body),
                              });
}

static void metrics_request(struct exchange *exchange)
{
    struct api *api = exchange->api;
    struct replica_counters counters = {0};
    if (api->replica != NULL) {
        counters = replica_counters(api->replica);
    }
    uint32_t size =
        metrics_render(&api->metrics, &counters, http_server_counters(api->server), api->page);
    exchange_answer(exchange, &(struct http_response){
                                  .status = 200,
                                  .content_type = "text/plain; version=0.0.4; charset=utf-8",
                                  .body = api->page,
                                  .body_size = size,
                              });
}

static void route_request(struct exchange *exchange, const struct http_request *request)
{
    const struct replica *replica = exchange->api->replica;
    enum replica_state state = replica == NULL ? REPLICA_STARTING : replica_state(replica);
    switch (exchange->route) {
    case ROUTE_TRANSACTION:
        transactions_request(exchange, request);
        break;
    case ROUTE_STATEMENT:
        statements_request(exchange);
        break;
    case ROUTE_HEALTH:
        state_request(exchange, state != REPLICA_FAILED, "{\"status\":\"alive\"}");
        break;
    case ROUTE_READY:
        state_request(exchange, state == REPLICA_READY && !exchange->api->stopping,
                      "{\"status\":\"ready\"}");
        break;
    case ROUTE_METRICS:
        metrics_request(exchange);
        break;
    case ROUTE_UNKNOWN:
    case ROUTE_COUNT:
        unknown_route(exchange);
        break;
    }
}

static void on_request(void *context, struct http_connection *connection,
                       const struct http_request *request)
{
    struct api *api = context;
    struct exchange *exchange = http_connection_user(connection);
    struct target target = target_find(path_of(request->target));
    exchange->api = api;
    exchange->connection = connection;
    exchange->route = target.route;
    exchange->begin_us = api->clock->monotonic_us(api->clock->context);
    if (target.route == ROUTE_UNKNOWN) {
        unknown_route(exchange);
    } else if ((target.route == ROUTE_TRANSACTION || target.route == ROUTE_STATEMENT) &&
               !number_read(target.account.data, target.account.size, &exchange->account)) {
        exchange_no_account(exchange);
    } else if (!method_is_allowed(target.route, request->method)) {
        wrong_method(exchange);
    } else {
        route_request(exchange, request);
    }
}

static void on_abandoned(void *context, struct http_connection *connection)
{
    struct api *api = context;
    struct exchange *exchange = http_connection_user(connection);
    if (api->replica == NULL) {
        return; /* nothing waits yet */
    }
    replica_forget(api->replica, &exchange->transaction);
    replica_read_forget(api->replica, &exchange->statement);
}

struct http_handler api_handler(struct api *api)
{
    return (struct http_handler){
        .context = api,
        .on_request = on_request,
        .on_abandoned = on_abandoned,
        .user_size = sizeof(struct exchange),
    };
}
