/* client.h -- asks an HTTP/1.1 server one thing at a time; for the command line.
 *
 *     struct client *client;
 *     if (client_open(&client, "http://127.0.0.1:9999", CLIENT_TIMEOUT_MS) == STATUS_OK) {
 *         status = client_exchange(client, &request, &response);
 *         …
 *         client_close(client);
 *     }
 *
 * Blocking, one thread, a new connection for each exchange, nothing is ever sent again. Plain HTTP.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "client/response.h"

enum {
    CLIENT_TIMEOUT_MS = 10000,          /* longer than a proxy that tries two nodes */
    CLIENT_RESPONSE_SIZE_MAX = 1 << 20, /* bytes, head and body; beyond: STATUS_FULL */
};

struct client;

struct client_request {
    const char *method;
    const char *path;   /* begins with a slash */
    const char *fields; /* whole lines, "Name: value\r\n…", or NULL */
    const char *body;   /* NULL: none; else JSON */
    uint32_t body_size;
};

/* `url` is http://HOST:PORT, with or without a slash at its end; HOST is a name, an IPv4 address or
 * an IPv6 address in brackets. Nothing is connected yet. `timeout_ms` bounds the connecting to each
 * address of HOST and, apart from it, the rest of an exchange. STATUS_INVALID: not such a URL;
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status client_open(struct client **out, const char *url, uint32_t timeout_ms);
void client_close(struct client *client); /* accepts NULL */

/* STATUS_OK: *out is the answer, whatever its status; its views hold until the next exchange. Else
 * client_message says why in a sentence: STATUS_IO (no connection, cut, too late), STATUS_CORRUPT
 * (the answer is not HTTP), STATUS_FULL. */
MUST_CHECK enum status client_exchange(struct client *client, const struct client_request *request,
                                       struct client_response *out);
const char *client_message(const struct client *client);

/* After a failure: false if not one byte of the request left, so it cannot have had an effect. */
bool client_sent(const struct client *client);

#endif
