/* floor.c -- the least that any server can do: the floor that costs are measured against.
 *
 *     floor PORT [RESPONSE_FILE]
 *
 * One thread, epoll, level-triggered. Each read that ends a request is answered with one write of a
 * constant. Nothing is parsed: a read ends a request if its last byte ends a JSON object or its last
 * four are an empty line, which holds for clients that send a request at once and wait for the
 * answer. The default answer has as many bytes as crebito's to a credit, fields included.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, READ_SIZE_MAX = 16384, RESPONSE_SIZE_MAX = 16384, BACKLOG = 4096 };

static const char RESPONSE[] = "HTTP/1.1 200 OK\r\n"
                               "Date: Mon, 23 Nov 2026 21:40:00 GMT\r\n"
                               "Content-Type: application/json\r\n"
                               "Content-Length: 31\r\n"
                               "Idempotency-Key: node-0123456789abcdef0123456789abcdef\r\n"
                               "Crebito-Since: 1234567\r\n"
                               "Crebito-Sequence: 123456\r\n"
                               "\r\n"
                               "{\"limite\":100000,\"saldo\":-9098}";

struct floor {
    int epoll;
    int listener;
    const char *response;
    size_t response_size;
};

static _Noreturn void stop(const char *what)
{
    (void)fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0) {
        stop("cannot listen");
    }
    return fd;
}

static void watch(const struct floor *floor, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(floor->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        stop("cannot watch a connection");
    }
}

static void accept_all(const struct floor *floor)
{
    int on = 1;
    int fd;
    while ((fd = accept4(floor->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(floor, fd);
    }
}

static bool ends_request(const char *data, size_t size)
{
    return data[size - 1] == '}' || (size >= 4 && memcmp(data + size - 4, "\r\n\r\n", 4) == 0);
}

static void answer(const struct floor *floor, int fd)
{
    static char data[READ_SIZE_MAX];
    ssize_t size = read(fd, data, sizeof(data));
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    bool open = size > 0;
    if (open && ends_request(data, (size_t)size)) {
        /* The client has read the answer before, so this one always fits the socket's buffer. */
        open = write(fd, floor->response, floor->response_size) == (ssize_t)floor->response_size;
    }
    if (!open) {
        (void)close(fd);
    }
}

static void turn(const struct floor *floor)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(floor->epoll, events, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) {
        stop("epoll");
    }
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == floor->listener) {
            accept_all(floor);
        } else {
            answer(floor, events[i].data.fd);
        }
    }
}

static size_t response_load(const char *path, char target[RESPONSE_SIZE_MAX])
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        stop(path);
    }
    size_t size = fread(target, 1, RESPONSE_SIZE_MAX, file);
    (void)fclose(file);
    return size;
}

int main(int argc, char **argv)
{
    static char loaded[RESPONSE_SIZE_MAX];
    long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    if (argc < 2 || argc > 3 || port < 1 || port > 65535) {
        (void)fputs("usage: floor PORT [RESPONSE_FILE]\n", stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    struct floor floor = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                          .listener = listen_on((uint16_t)port),
                          .response = RESPONSE,
                          .response_size = sizeof(RESPONSE) - 1};
    if (argc == 3) {
        floor.response = loaded;
        floor.response_size = response_load(argv[2], loaded);
    }
    watch(&floor, floor.listener);
    for (;;) {
        turn(&floor);
    }
}
