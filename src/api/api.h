/* api.h -- the bank over HTTP: routes, JSON in and out. The only layer that speaks Portuguese.
 *
 *     POST /clientes/{id}/transacoes   credit or debit
 *     GET  /clientes/{id}/extrato      statement: balance and the ten latest transactions
 *     GET  /healthz /readyz /metrics   for operators
 *
 * docs/api.md is the contract. One `exchange` per connection holds what a request needs while it waits.
 */
#ifndef API_API_H
#define API_API_H

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "http/server.h"
#include "replica/replica.h"

struct api;

/* All are borrowed until api_close. STATUS_NO_MEMORY. */
MUST_CHECK enum status api_open(struct api **out, const struct clock *clock,
                                const struct random *random);
void api_close(struct api *api); /* accepts NULL */

/* The replica, once it is open. Until then the node lives, is not ready, and accepts nothing. */
void api_replica_set(struct api *api, struct replica *replica);

/* The handler to open the HTTP server with. */
struct http_handler api_handler(struct api *api);
/* The node is stopping: it is not ready any more. */
void api_stopping(struct api *api);

/* The server whose counters /metrics shows. */
void api_server_set(struct api *api, const struct http_server *server);

#endif
