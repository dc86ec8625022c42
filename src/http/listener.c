/* listener.c -- addresses, listening sockets, accepting.
 *
 * The descriptors are watched with uv_poll and accepted here, not by libuv: so accepting can pause
 * when descriptors or slots run out (libuv's own loop would spin or drop), and a listener knows when
 * the kernel's queue was empty, which is where the mark of a new connection comes from.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "http/connection.h"

enum {
    BACKLOG = 4096,
    ACCEPT_BATCH = 256, /* a turn; the rest waits for the next */
    ACCEPT_WARNING_MS = 10000,
    UNIX_MODE = 0660,
};

struct address {
    socklen_t size;
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_un local;
    };
};

static bool port_parse(const char *text, uint16_t *out)
{
    uint32_t port = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        port = port * 10 + (uint32_t)(*text - '0');
        if (port > UINT16_MAX) {
            return false;
        }
    }
    *out = (uint16_t)port;
    return true;
}

static bool ip_parse(const char *text, struct address *out)
{
    char host[INET6_ADDRSTRLEN + 1];
    const char *colon = strrchr(text, ':');
    uint16_t port = 0;
    if (colon == NULL || !port_parse(colon + 1, &port)) {
        return false;
    }
    bool literal = *text == '[' && colon > text && colon[-1] == ']';
    const char *start = literal ? text + 1 : text;
    size_t size = (size_t)(colon - start) - (literal ? 1 : 0);
    if (size >= sizeof(host)) {
        return false;
    }
    memcpy(host, start, size);
    host[size] = '\0';
    if (literal) {
        out->size = sizeof(out->ip6);
        out->ip6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        return inet_pton(AF_INET6, host, &out->ip6.sin6_addr) == 1;
    }
    out->size = sizeof(out->ip4);
    out->ip4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    return inet_pton(AF_INET, host, &out->ip4.sin_addr) == 1;
}

static bool address_parse(const char *text, struct address *out)
{
    static const char UNIX[] = "unix:";
    if (strncmp(text, UNIX, sizeof(UNIX) - 1) != 0) {
        return ip_parse(text, out);
    }
    const char *path = text + sizeof(UNIX) - 1;
    size_t size = strlen(path);
    out->size = sizeof(out->local);
    out->local = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size == 0 || size >= sizeof(out->local.sun_path)) {
        return false;
    }
    memcpy(out->local.sun_path, path, size);
    return true;
}

/* A socket file outlives its process, and is never removed at the end: by then it may be another's. It
 * is stale if nobody listens behind it. */
static bool stale_remove(const struct address *address)
{
    struct stat file;
    if (lstat(address->local.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool stale = connect(fd, &address->any, address->size) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    return stale && unlink(address->local.sun_path) == 0;
}

/* Binds; for a Unix socket the mode is narrowed before the name exists and widened after. */
static bool address_bind(int fd, const struct address *address)
{
    if (address->any.sa_family != AF_UNIX) {
        int on = 1;
        /* TCP_NODELAY passes to the accepted sockets, which saves each a call. */
        return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
               setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
               bind(fd, &address->any, address->size) == 0;
    }
    if (fchmod(fd, UNIX_MODE) != 0) {
        return false;
    }
    if (bind(fd, &address->any, address->size) != 0) {
        if (errno != EADDRINUSE) {
            return false;
        }
        if (!stale_remove(address)) {
            errno = EADDRINUSE;
            return false;
        }
        if (bind(fd, &address->any, address->size) != 0) {
            return false;
        }
    }
    return chmod(address->local.sun_path, UNIX_MODE) == 0;
}

static uint16_t port_of(int fd)
{
    struct address bound = {.size = sizeof(bound.ip6)};
    if (getsockname(fd, &bound.any, &bound.size) != 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.ip6.sin6_port : bound.ip4.sin_port);
}

static void connection_accept(struct http_listener *listener, int fd, uint64_t mark)
{
    struct http_server *server = listener->server;
    if (!http_connection_open(server, fd, listener->is_unix, mark)) {
        server->counters.connections_refused++;
    }
}

/* Stops watching until a slot is free or a tick has passed. */
static void pause_accepting(struct http_listener *listener)
{
    struct http_server *server = listener->server;
    CHECK(uv_poll_stop(&listener->poll) == 0);
    listener->paused = true;
    http_source_stop(&listener->source, server->mark);
    http_timeouts_need_tick(server);
}

static void accept_failed(struct http_listener *listener, int error)
{
    struct http_server *server = listener->server;
    uint64_t now = uv_now(server->loop);
    if (server->accept_warned_ms == 0 || now - server->accept_warned_ms >= ACCEPT_WARNING_MS) {
        server->accept_warned_ms = now;
        log_warning("accept-failed", "error=\"%s\" open=%llu", strerror(error),
                    (unsigned long long)server->counters.connections_open);
    }
    pause_accepting(listener);
}

/* What accept(2) says of the one connection and not of this process. */
static bool is_passing(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static bool has_slot(const struct http_server *server)
{
    return server->slot_free != NULL || server->slots_fresh < server->slots_count;
}

/* Accepts at most `count`; false when there is nothing more to do now. */
static bool accept_some(struct http_listener *listener, uint32_t count)
{
    struct http_server *server = listener->server;
    uint64_t mark = http_source_read(&listener->source, server->mark, false);
    for (uint32_t i = 0; i < count; i++) {
        if (!has_slot(server)) {
            pause_accepting(listener);
            return false;
        }
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            connection_accept(listener, fd, mark);
        } else if (errno == EAGAIN) {
            (void)http_source_read(&listener->source, server->mark, true);
            return false;
        } else if (!is_passing(errno)) {
            accept_failed(listener, errno);
            return false;
        }
    }
    return true;
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct http_listener *listener = poll->data;
    if (status != 0) {
        accept_failed(listener, -status);
        return;
    }
    (void)accept_some(listener, ACCEPT_BATCH);
}

void http_listener_accept(struct http_listener *listener)
{
    while (!listener->paused && accept_some(listener, ACCEPT_BATCH)) {
    }
}

void http_listeners_resume(struct http_server *server)
{
    for (uint32_t i = 0; i < server->listeners_count; i++) {
        struct http_listener *listener = &server->listeners[i];
        if (listener->paused && listener->fd >= 0 && has_slot(server)) {
            listener->paused = false;
            CHECK(uv_poll_start(&listener->poll, UV_READABLE, on_connections) == 0);
        }
    }
}

static enum status refused(const char *address, int fd, int error)
{
    log_error("listen-failed", "address=%s error=\"%s\"", address, strerror(error));
    if (fd >= 0) {
        (void)close(fd);
    }
    return error == EADDRINUSE ? STATUS_BUSY : STATUS_IO;
}

enum status http_server_listen(struct http_server *server, const char *text)
{
    struct address address = {0};
    CHECK(server->listeners_count < HTTP_LISTENERS_MAX);
    if (!address_parse(text, &address)) {
        log_error("listen-failed", "address=%s error=\"not HOST:PORT, [IPv6]:PORT or unix:PATH\"",
                  text);
        return STATUS_INVALID;
    }
    int family = address.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !address_bind(fd, &address) || listen(fd, BACKLOG) != 0) {
        return refused(text, fd, errno);
    }
    struct http_listener *listener = &server->listeners[server->listeners_count];
    *listener = (struct http_listener){
        .server = server,
        .fd = fd,
        .is_unix = family == AF_UNIX,
        .port = family == AF_UNIX ? 0 : port_of(fd),
    };
    int error = uv_poll_init(server->loop, &listener->poll, fd);
    if (error != 0) {
        return refused(text, fd, -error);
    }
    server->listeners_count++;
    server->handles++;
    listener->poll.data = listener;
    CHECK(uv_poll_start(&listener->poll, UV_READABLE, on_connections) == 0);
    return STATUS_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->listeners_count > 0 ? server->listeners[0].port : 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;
    http_server_handle_closed(listener->server);
}

void http_listener_close(struct http_listener *listener)
{
    if (listener->fd < 0) {
        return;
    }
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    (void)close(listener->fd);
    listener->fd = -1;
}
