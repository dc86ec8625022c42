#include "client/client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HOST_SIZE_MAX = 256,
    PORT_SIZE_MAX = 6,
    MESSAGE_SIZE_MAX = 512,
};

struct client {
    char host[HOST_SIZE_MAX]; /* without brackets */
    char port[PORT_SIZE_MAX];
    char authority[HOST_SIZE_MAX + PORT_SIZE_MAX + 2]; /* for the Host field */
    uint32_t timeout_ms;
    int fd; /* -1 outside an exchange */
    bool sent;
    uint64_t deadline_ms;
    uint32_t size; /* bytes of the answer so far */
    char message[MESSAGE_SIZE_MAX];
    char response[CLIENT_RESPONSE_SIZE_MAX];
};

static bool url_parse(struct client *client, const char *url)
{
    static const char SCHEME[] = "http://";
    if (strncmp(url, SCHEME, sizeof(SCHEME) - 1) != 0) {
        return false;
    }
    const char *authority = url + sizeof(SCHEME) - 1;
    size_t authority_size = strcspn(authority, "/");
    const char *rest = authority + authority_size;
    if (strcmp(rest, "") != 0 && strcmp(rest, "/") != 0) {
        return false;
    }
    const char *colon = memrchr(authority, ':', authority_size);
    if (colon == NULL || authority_size >= sizeof(client->authority)) {
        return false;
    }
    const char *host = authority;
    size_t host_size = (size_t)(colon - authority);
    size_t port_size = authority_size - host_size - 1;
    if (host_size >= 2 && host[0] == '[' && host[host_size - 1] == ']') {
        host++;
        host_size -= 2;
    } else if (memchr(host, ':', host_size) != NULL) {
        return false;
    }
    if (host_size == 0 || host_size >= sizeof(client->host) || port_size == 0 ||
        port_size >= sizeof(client->port) || strspn(colon + 1, "0123456789") != port_size) {
        return false;
    }
    /* A byte that HTTP would read as something else has no place in the Host field. */
    for (size_t i = 0; i < authority_size; i++) {
        if (authority[i] <= ' ' || authority[i] > '~' || strchr("@?#\\", authority[i]) != NULL) {
            return false;
        }
    }
    memcpy(client->host, host, host_size);
    memcpy(client->port, colon + 1, port_size);
    memcpy(client->authority, authority, authority_size);
    return true;
}

enum status client_open(struct client **out, const char *url, uint32_t timeout_ms)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return STATUS_NO_MEMORY;
    }
    client->fd = -1;
    client->timeout_ms = timeout_ms;
    if (!url_parse(client, url)) {
        free(client);
        return STATUS_INVALID;
    }
    *out = client;
    return STATUS_OK;
}

static void disconnect(struct client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        client->fd = -1;
    }
}

void client_close(struct client *client)
{
    if (client != NULL) {
        disconnect(client);
        free(client);
    }
}

const char *client_message(const struct client *client)
{
    return client->message;
}

bool client_sent(const struct client *client)
{
    return client->sent;
}

__attribute__((format(printf, 3, 4))) static enum status
fail(struct client *client, enum status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(client->message, sizeof(client->message), format, arguments);
    va_end(arguments);
    return status;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void deadline_set(struct client *client)
{
    client->deadline_ms = now_ms() + client->timeout_ms;
}

/* False when the deadline passes first. */
static bool wait_for(const struct client *client, short events)
{
    for (;;) {
        uint64_t now = now_ms();
        if (now >= client->deadline_ms) {
            return false;
        }
        struct pollfd poll_fd = {.fd = client->fd, .events = events};
        int count = poll(&poll_fd, 1, (int)(client->deadline_ms - now));
        if (count > 0 || (count < 0 && errno != EINTR)) {
            return true; /* what is wrong shows at the next call on the socket */
        }
    }
}

/* The end of a connect that is under way: 0 or errno. */
static int connect_wait(const struct client *client)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (!wait_for(client, POLLOUT)) {
        return ETIMEDOUT;
    }
    return getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/* Returns 0 or errno. */
static int connect_to(struct client *client, const struct addrinfo *address)
{
    client->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return errno;
    }
    int error = 0;
    deadline_set(client);
    if (connect(client->fd, address->ai_addr, address->ai_addrlen) != 0) {
        error = errno == EINPROGRESS ? connect_wait(client) : errno;
    }
    if (error != 0) {
        disconnect(client);
    }
    return error;
}

static enum status connect_any(struct client *client)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    int failure = getaddrinfo(client->host, client->port, &hints, &addresses);
    if (failure != 0) {
        return fail(client, STATUS_IO, "cannot find %s: %s", client->host, gai_strerror(failure));
    }
    int error = 0;
    for (struct addrinfo *at = addresses; at != NULL && client->fd < 0; at = at->ai_next) {
        error = connect_to(client, at);
    }
    freeaddrinfo(addresses);
    if (client->fd < 0) {
        return fail(client, STATUS_IO, "cannot connect to %s: %s", client->authority,
                    strerror(error));
    }
    return STATUS_OK;
}

static enum status send_all(struct client *client, const char *data, size_t size)
{
    while (size > 0) {
        if (!wait_for(client, POLLOUT)) {
            return fail(client, STATUS_IO, "%s did not take the request within %u s",
                        client->authority, client->timeout_ms / 1000);
        }
        ssize_t count = send(client->fd, data, size, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            return fail(client, STATUS_IO, "the connection to %s broke: %s", client->authority,
                        strerror(errno));
        }
        if (count > 0) {
            client->sent = true;
            data += count;
            size -= (size_t)count;
        }
    }
    return STATUS_OK;
}

static enum status request_send(struct client *client, const struct client_request *request)
{
    char *text;
    int size = asprintf(&text,
                        "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                        "Accept: application/json\r\n%s",
                        request->method, request->path, client->authority,
                        request->fields == NULL ? "" : request->fields);
    if (size < 0) {
        return fail(client, STATUS_NO_MEMORY, "out of memory");
    }
    char length[96] = "\r\n";
    if (request->body != NULL) {
        (void)snprintf(length, sizeof(length),
                       "Content-Type: application/json\r\nContent-Length: %u\r\n\r\n",
                       request->body_size);
    }
    enum status status = send_all(client, text, (size_t)size);
    free(text);
    if (status == STATUS_OK) {
        status = send_all(client, length, strlen(length));
    }
    if (status == STATUS_OK && request->body != NULL) {
        status = send_all(client, request->body, request->body_size);
    }
    return status;
}

/* Reads what is there; *out_closed when the server has ended the connection. */
static enum status read_more(struct client *client, bool *out_closed)
{
    if (client->size == sizeof(client->response)) {
        return fail(client, STATUS_FULL, "the answer of %s is larger than %d bytes",
                    client->authority, CLIENT_RESPONSE_SIZE_MAX);
    }
    if (!wait_for(client, POLLIN)) {
        return fail(client, STATUS_IO, "%s did not answer within %u s", client->authority,
                    client->timeout_ms / 1000);
    }
    ssize_t count = recv(client->fd, client->response + client->size,
                         sizeof(client->response) - client->size, 0);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
        return fail(client, STATUS_IO, "the connection to %s broke: %s", client->authority,
                    strerror(errno));
    }
    *out_closed = count == 0;
    client->size += count > 0 ? (uint32_t)count : 0;
    return STATUS_OK;
}

static enum status response_read(struct client *client, struct client_response *out)
{
    bool closed = false;
    enum client_parse answer;
    do {
        enum status status = read_more(client, &closed);
        if (status != STATUS_OK) {
            return status;
        }
        answer = client_response_parse(out, client->response, client->size, closed);
    } while (answer == CLIENT_PARSE_MORE);
    if (answer == CLIENT_PARSE_DONE) {
        return STATUS_OK;
    }
    if (closed) {
        return fail(client, STATUS_IO, "%s closed the connection without a whole answer",
                    client->authority);
    }
    return fail(client, STATUS_CORRUPT, "%s does not answer in HTTP/1.1", client->authority);
}

enum status client_exchange(struct client *client, const struct client_request *request,
                            struct client_response *out)
{
    client->sent = false;
    client->size = 0;
    enum status status = connect_any(client);
    if (status == STATUS_OK) {
        deadline_set(client);
        status = request_send(client, request);
    }
    if (status == STATUS_OK) {
        status = response_read(client, out);
    }
    disconnect(client);
    return status;
}
