/* sync_floor.c -- a durable credit against one durable write to the same disk, turn by turn.
 *
 *     sync_floor FILE PORT COUNT
 *
 * FILE is made, preallocated and filled with zeros, as the node's log segments are. Then COUNT times
 * one write of 4 KiB with RWF_DSYNC and one credit over a kept-alive connection to 127.0.0.1:PORT,
 * one after the other, so that both meet the same disk in the same mood. Each turn is a line:
 * microseconds of the write, microseconds of the credit.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "client/response.h"

enum { BLOCK_SIZE = 4096, BLOCK_COUNT = 4096, RESPONSE_SIZE_MAX = 16384 };

static const char REQUEST[] = "POST /clientes/1/transacoes HTTP/1.1\r\nHost: bench\r\n"
                              "Content-Type: application/json\r\nContent-Length: 46\r\n\r\n"
                              "{\"valor\":1,\"tipo\":\"c\",\"descricao\":\"descricao\"}";

static _Noreturn void stop(const char *what)
{
    (void)fprintf(stderr, "sync_floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int file_make(const char *path)
{
    static char zeros[BLOCK_SIZE];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, (off_t)BLOCK_SIZE * BLOCK_COUNT) != 0) {
        stop(path);
    }
    for (uint32_t i = 0; i < BLOCK_COUNT; i++) {
        if (pwrite(fd, zeros, sizeof(zeros), (off_t)i * BLOCK_SIZE) != BLOCK_SIZE) {
            stop(path);
        }
    }
    if (fsync(fd) != 0) {
        stop(path);
    }
    return fd;
}

static void block_write(int fd, uint32_t turn)
{
    static char block[BLOCK_SIZE];
    struct iovec vector = {.iov_base = block, .iov_len = sizeof(block)};
    memset(block, (int)(turn % 255) + 1, sizeof(block));
    if (pwritev2(fd, &vector, 1, (off_t)(turn % BLOCK_COUNT) * BLOCK_SIZE, RWF_DSYNC) !=
        BLOCK_SIZE) {
        stop("durable write");
    }
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        stop("cannot connect");
    }
    return fd;
}

static void credit(int fd)
{
    static char data[RESPONSE_SIZE_MAX];
    uint32_t size = 0;
    struct client_response response;
    if (send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(REQUEST) - 1) {
        stop("cannot send");
    }
    enum client_parse answer;
    do {
        ssize_t count = recv(fd, data + size, sizeof(data) - size, 0);
        if (count <= 0) {
            stop("no answer");
        }
        size += (uint32_t)count;
        answer = client_response_parse(&response, data, size, false);
    } while (answer == CLIENT_PARSE_MORE);
    if (answer != CLIENT_PARSE_DONE || response.status != 200) {
        (void)fprintf(stderr, "sync_floor: a credit was not answered with 200:\n%.*s\n", (int)size,
                      data);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    long port = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    long count = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    if (port < 1 || port > 65535 || count < 1) {
        (void)fputs("usage: sync_floor FILE PORT COUNT\n", stderr);
        return 2;
    }
    int file = file_make(argv[1]);
    int connection = connect_to((uint16_t)port);
    for (uint32_t turn = 0; turn < (uint32_t)count; turn++) {
        double begin = now_us();
        block_write(file, turn);
        double middle = now_us();
        credit(connection);
        printf("%.1f %.1f\n", middle - begin, now_us() - middle);
    }
    (void)close(connection);
    (void)close(file);
    (void)unlink(argv[1]);
    return 0;
}
