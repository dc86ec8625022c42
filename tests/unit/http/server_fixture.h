/* server_fixture.h -- a real server on a loopback port, its handler, and raw clients, all in one thread
 * that runs the turns as a node does: mark, sockets, handler, flush. */
#ifndef TEST_SERVER_FIXTURE_H
#define TEST_SERVER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/server.h"

enum { CALLS_MAX = 8192, CLIENT_SIZE_MAX = 1024 * 1024 };

/* What the handler saw. */
struct call {
    struct http_connection *connection; /* NULL once answered or abandoned */
    uint64_t mark;
    char target[64];
    uint32_t body_size;
};

struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    const struct http_counters *counters;
    uint64_t mark;     /* of the turn that runs; each has the next number */
    bool answer_later; /* the handler keeps requests until the test answers them */
    bool drained;
    uint32_t answer_size; /* of the body; 0: the target as a JSON string */
    uint64_t calls_count;
    uint64_t waiting; /* calls without an answer */
    uint64_t abandoned;
    struct call calls[CALLS_MAX];
};

struct client {
    int fd;
    bool eof;
    bool reset;
    uint32_t taken; /* bytes of `data` that replies were taken from */
    uint32_t size;
    char *data;
};

/* One whole answer; pointers into the client's data. */
struct reply {
    uint32_t status;
    uint32_t body_size;
    const char *head;
    uint32_t head_size;
    const char *body;
};

extern const struct http_limits TEST_LIMITS;

void fixture_open(struct fixture *f, const struct http_limits *limits);
void fixture_close(struct fixture *f);
void fixture_turn(struct fixture *f);
/* Runs turns until a counter has this value; fails the test after ten seconds. */
void fixture_run_until(struct fixture *f, const uint64_t *counter, uint64_t value);
/* Answers call number `i`. */
void fixture_answer(struct fixture *f, uint64_t i);

void client_open(struct client *c, struct fixture *f);
void client_open_on(struct client *c, const char *unix_path);
void client_close(struct client *c);
/* Closes so that the kernel sends a reset. */
void client_reset(struct client *c);
/* Sends all of it; runs turns while the socket is full. */
void client_send(struct client *c, struct fixture *f, const char *data, size_t size);
void client_send_text(struct client *c, struct fixture *f, const char *text);
/* Reads what has come. */
void client_read(struct client *c);
/* Takes the next whole answer; `is_head`: it has no body. False: none is there yet. */
bool client_take(struct client *c, bool is_head, struct reply *out);
/* Runs turns until an answer is there; fails the test after ten seconds. */
struct reply client_wait(struct client *c, struct fixture *f);
struct reply client_wait_head(struct client *c,
                              struct fixture *f); /* of an answer without a body */
/* Runs turns until the server has closed; nothing more may come. */
void client_wait_closed(struct client *c, struct fixture *f);

bool reply_has(const struct reply *reply, const char *line);

uint64_t now_ms(void);

#endif
