/* Limits, time-outs, listeners, marks and the end of a server. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/connection.h"
#include "server_fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

enum { SHORT_MS = 300, CLIENTS_MAX = 8 };

static struct fixture f;
static struct client clients[CLIENTS_MAX];

static void expect_status(struct client *client, uint32_t status)
{
    struct reply reply = client_wait(client, &f);
    assert_int_equal(reply.status, status);
}

static void a_slow_head_is_answered_408(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.head_timeout_ms = SHORT_MS;
    fixture_open(&f, &limits);
    client_open(&clients[0], &f);
    uint64_t start = now_ms();
    client_send_text(&clients[0], &f, "GET / HTTP/1.1\r\nHost");
    uint64_t next = start + SHORT_MS / 3;
    while (f.counters->requests_timed_out == 0) {
        fixture_turn(&f);
        if (now_ms() > next) { /* bytes that trickle in do not win time */
            client_send_text(&clients[0], &f, "x");
            next += SHORT_MS / 3;
        }
    }
    assert_in_range(now_ms() - start, SHORT_MS - 10, 10000);
    expect_status(&clients[0], 408);
    client_wait_closed(&clients[0], &f);
    client_close(&clients[0]);
    fixture_close(&f);
}

static void a_slow_body_is_answered_408_and_a_slow_handler_is_not(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.body_timeout_ms = SHORT_MS;
    limits.head_timeout_ms = SHORT_MS;
    limits.idle_timeout_ms = SHORT_MS;
    fixture_open(&f, &limits);
    client_open(&clients[0], &f);
    client_open(&clients[1], &f);
    f.answer_later = true;
    client_send_text(&clients[0], &f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx");
    client_send_text(&clients[1], &f, GET("/slow") GET("/part"));
    expect_status(&clients[0], 408);
    client_wait_closed(&clients[0], &f);
    uint64_t end = now_ms() + 2 * SHORT_MS;
    while (now_ms() < end) {
        fixture_turn(&f);
    }
    assert_int_equal(f.waiting, 1);
    fixture_answer(&f, 0);
    expect_status(&clients[1], 200);
    fixture_run_until(&f, &f.calls_count, 2);
    fixture_answer(&f, 1);
    expect_status(&clients[1], 200);
    client_close(&clients[0]);
    client_close(&clients[1]);
    fixture_close(&f);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.idle_timeout_ms = SHORT_MS;
    limits.head_timeout_ms = SHORT_MS;
    fixture_open(&f, &limits);
    client_open(&clients[0], &f);
    client_open(&clients[1], &f);
    client_send_text(&clients[1], &f, GET("/a") "\r\n"); /* an empty line is no request */
    expect_status(&clients[1], 200);
    client_wait_closed(&clients[0], &f);
    client_wait_closed(&clients[1], &f);
    assert_int_equal(clients[0].size, 0);
    assert_int_equal(f.counters->requests_timed_out, 0);
    client_close(&clients[0]);
    client_close(&clients[1]);
    fixture_close(&f);
}

/* The turn comes late: the deadline has passed, but the request had come before it. */
static void a_request_that_waits_unread_keeps_its_connection_open(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.idle_timeout_ms = SHORT_MS;
    fixture_open(&f, &limits);
    client_open(&clients[0], &f);
    client_send_text(&clients[0], &f, GET("/a"));
    expect_status(&clients[0], 200);
    client_send_text(&clients[0], &f, GET("/b"));
    uint64_t end = now_ms() + 2 * SHORT_MS;
    while (now_ms() < end) {
    }
    expect_status(&clients[0], 200);
    client_wait_closed(&clients[0], &f);
    client_close(&clients[0]);
    fixture_close(&f);
}

static void an_answer_that_is_not_taken_ends_the_connection(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.write_timeout_ms = SHORT_MS;
    fixture_open(&f, &limits);
    client_open(&clients[0], &f);
    f.answer_size = HTTP_RESPONSE_SIZE_MAX;
    for (uint32_t i = 0; i < 400; i++) {
        client_send_text(&clients[0], &f, GET("/a"));
    }
    fixture_run_until(&f, &f.counters->connections_open, 1);
    fixture_run_until(&f, &f.counters->connections_open, 0);
    assert_int_equal(f.counters->requests_timed_out, 1);
    assert_int_equal(f.counters->buffers_used, 0);
    client_close(&clients[0]);
    fixture_close(&f);
}

static void connections_beyond_the_most_are_told_503(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.connections_max = 2;
    fixture_open(&f, &limits);
    for (uint32_t i = 0; i < 4; i++) {
        client_open(&clients[i], &f);
        fixture_run_until(&f, &f.counters->connections_accepted, i + 1);
    }
    for (uint32_t i = 2; i < 4; i++) {
        client_send_text(&clients[i], &f, GET("/a"));
        struct reply reply = client_wait(&clients[i], &f);
        assert_int_equal(reply.status, 503);
        assert_true(reply_has(&reply, "Content-Type: application/problem+json"));
        client_wait_closed(&clients[i], &f);
        client_close(&clients[i]);
    }
    assert_int_equal(f.counters->connections_refused, 2);
    client_close(&clients[0]);
    fixture_run_until(&f, &f.counters->connections_open, 1);
    client_open(&clients[0], &f);
    for (uint32_t i = 0; i < 2; i++) {
        client_send_text(&clients[i], &f, GET("/a"));
        expect_status(&clients[i], 200);
        client_close(&clients[i]);
    }
    fixture_close(&f);
}

/* Every slot is taken, those for refusals too: the kernel's queue holds the rest until one is free. */
static void connections_beyond_the_refusals_wait_in_the_kernel(void **state)
{
    (void)state;
    enum { TAKEN = 1 + HTTP_REFUSALS_MAX, ALL = TAKEN + 3 };
    static struct client many[ALL];
    struct http_limits limits = TEST_LIMITS;
    limits.connections_max = 1;
    fixture_open(&f, &limits);
    for (uint32_t i = 0; i < ALL; i++) {
        client_open(&many[i], &f);
    }
    fixture_run_until(&f, &f.counters->connections_accepted, TAKEN);
    fixture_turn(&f);
    assert_true(f.server->listeners[0].paused);
    assert_int_equal(f.counters->connections_open, TAKEN);
    for (uint32_t i = 1; i < TAKEN; i++) {
        client_close(&many[i]);
    }
    for (uint32_t i = TAKEN; i < ALL; i++) {
        expect_status(&many[i], 503);
        client_close(&many[i]);
    }
    client_send_text(&many[0], &f, GET("/a"));
    expect_status(&many[0], 200);
    client_close(&many[0]);
    fixture_close(&f);
}

/* Two connections hold half a request, all that inputs may have of the buffers. */
static void without_buffers_parts_are_refused_and_whole_requests_are_not(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.buffers_max = 2;
    fixture_open(&f, &limits);
    for (uint32_t i = 0; i < 2; i++) {
        client_open(&clients[i], &f);
        client_send_text(&clients[i], &f, "GET / HT");
        fixture_run_until(&f, &f.counters->buffers_used, i + 1);
    }
    client_open(&clients[2], &f);
    client_send_text(&clients[2], &f, GET("/a"));
    expect_status(&clients[2], 200); /* from the scratch: no buffer is left */
    client_send_text(&clients[2], &f, GET("/a") GET("/b"));
    expect_status(&clients[2], 200);
    expect_status(&clients[2], 200);
    client_send_text(&clients[2], &f, "GET / HT");
    expect_status(&clients[2], 503);
    client_wait_closed(&clients[2], &f);
    assert_int_equal(f.counters->connections_refused, 1);

    /* A second request behind one that waits finds no buffer: refused after the first's answer. */
    client_open(&clients[3], &f);
    f.answer_later = true;
    client_send_text(&clients[3], &f, GET("/c") GET("/d"));
    fixture_run_until(&f, &f.waiting, 1);
    /* But one that comes later waits in the kernel. */
    client_open(&clients[4], &f);
    client_send_text(&clients[4], &f, GET("/e"));
    fixture_run_until(&f, &f.waiting, 2);
    client_send_text(&clients[4], &f, GET("/f"));
    for (uint32_t i = 0; i < 10; i++) {
        fixture_turn(&f);
    }
    assert_int_equal(f.waiting, 2);
    fixture_answer(&f, f.calls_count - 2);
    fixture_answer(&f, f.calls_count - 1);
    expect_status(&clients[3], 200);
    expect_status(&clients[3], 503);
    expect_status(&clients[4], 200);
    fixture_run_until(&f, &f.waiting, 1);
    assert_string_equal(f.calls[f.calls_count - 1].target, "/f");
    fixture_answer(&f, f.calls_count - 1);
    expect_status(&clients[4], 200);
    for (uint32_t i = 0; i < 5; i++) {
        client_close(&clients[i]);
    }
    fixture_close(&f);
}

/* After its last answer a connection is read so that the client is not reset, but not for ever. */
static void a_refused_client_that_neither_stops_nor_closes_is_cut_off(void **state)
{
    (void)state;
    static char part[64 * 1024];
    fixture_open(&f, &TEST_LIMITS);
    client_open(&clients[0], &f);
    client_send_text(&clients[0], &f, "bad\r\n\r\n");
    expect_status(&clients[0], 400);
    uint64_t start = now_ms();
    fixture_run_until(&f, &f.counters->connections_open, 0);
    assert_in_range(now_ms() - start, HTTP_LINGER_MS - 200, 10000);
    client_close(&clients[0]);

    client_open(&clients[1], &f);
    client_send_text(&clients[1], &f, "bad\r\n\r\n");
    expect_status(&clients[1], 400);
    while (f.counters->connections_open > 0) {
        (void)send(clients[1].fd, part, sizeof(part), MSG_DONTWAIT | MSG_NOSIGNAL);
        fixture_turn(&f);
    }
    assert_in_range(f.counters->bytes_read, HTTP_LINGER_SIZE_MAX, HTTP_LINGER_SIZE_MAX * 2);
    client_close(&clients[1]);
    fixture_close(&f);
}

/* Of four buffers three are for parts of requests. */
static void a_quarter_of_the_buffers_is_kept_for_answers(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.buffers_max = 4;
    fixture_open(&f, &limits);
    for (uint32_t i = 0; i < 4; i++) {
        client_open(&clients[i], &f);
        client_send_text(&clients[i], &f, "GET / HT");
        fixture_run_until(&f, &f.counters->bytes_read, (i + 1) * UINT64_C(8));
    }
    assert_int_equal(f.counters->buffers_used, 3);
    expect_status(&clients[3], 503);
    for (uint32_t i = 0; i < 4; i++) {
        client_close(&clients[i]);
    }
    fixture_close(&f);
}

static void on_drained(void *context)
{
    struct fixture *fixture = context;
    assert_false(fixture->drained);
    fixture->drained = true;
}

static void run_until_drained(void)
{
    uint64_t deadline = now_ms() + 10000;
    while (!f.drained) {
        fixture_turn(&f);
        assert_true(now_ms() < deadline);
    }
}

static void draining_answers_what_comes_and_fails_no_request(void **state)
{
    (void)state;
    struct http_limits limits = TEST_LIMITS;
    limits.drain_ms = SHORT_MS;
    fixture_open(&f, &limits);
    for (uint32_t i = 0; i < 4; i++) {
        client_open(&clients[i], &f);
    }
    f.answer_later = true;
    client_send_text(&clients[0], &f, GET("/0") GET("/1")); /* in flight, one behind it */
    client_send_text(&clients[1], &f, "GET /half HTTP/1.1\r\n");
    fixture_run_until(&f, &f.counters->connections_accepted, 4);
    fixture_run_until(&f, &f.waiting, 1);
    client_open(&clients[4], &f); /* made by the kernel, not yet accepted */
    client_send_text(&clients[4], &f, GET("/queued"));
    uint64_t start = now_ms();
    http_server_drain(f.server, on_drained, &f);

    fixture_answer(&f, 0);
    struct reply reply = client_wait(&clients[0], &f);
    assert_null(memmem(reply.head, reply.head_size, "close", 5)); /* /1 had come already */
    f.answer_later = false;
    client_send_text(&clients[1], &f, "Host: a\r\n\r\n");
    client_send_text(&clients[2], &f, GET("/late"));
    for (uint64_t i = 1; i < f.calls_count; i++) {
        if (f.calls[i].connection != NULL) {
            fixture_answer(&f, i);
        }
    }
    static const uint32_t ANSWERED[] = {0, 1, 2, 4};
    for (uint32_t i = 0; i < 4; i++) {
        struct client *client = &clients[ANSWERED[i]];
        reply = client_wait(client, &f);
        assert_int_equal(reply.status, 200);
        assert_true(reply_has(&reply, "Connection: close"));
        client_wait_closed(client, &f);
        client_close(client);
    }
    assert_false(f.drained); /* clients[3] is idle */
    client_wait_closed(&clients[3], &f);
    assert_in_range(now_ms() - start, SHORT_MS - 10, 10000);
    client_close(&clients[3]);
    run_until_drained();
    fixture_turn(&f);
    fixture_close(&f);
}

static void a_server_without_connections_drains_in_a_later_turn(void **state)
{
    (void)state;
    fixture_open(&f, &TEST_LIMITS);
    http_server_drain(f.server, on_drained, &f);
    assert_false(f.drained);
    run_until_drained();
    fixture_close(&f);
}

static void a_new_connections_first_request_carries_the_mark_of_its_accept(void **state)
{
    (void)state;
    fixture_open(&f, &TEST_LIMITS);
    client_open(&clients[0], &f);
    client_send_text(&clients[0], &f, GET("/a"));
    fixture_run_until(&f, &f.counters->connections_accepted, 1);
    uint64_t accepted = f.mark;
    expect_status(&clients[0], 200);
    assert_int_equal(f.calls[0].mark, accepted);
    assert_true(f.mark > accepted);

    client_open(&clients[1], &f); /* accepted long before its first byte: older is allowed */
    fixture_run_until(&f, &f.counters->connections_accepted, 2);
    accepted = f.mark;
    for (uint32_t i = 0; i < 5; i++) {
        fixture_turn(&f);
    }
    client_send_text(&clients[1], &f, GET("/b"));
    fixture_run_until(&f, &f.calls_count, 2);
    assert_int_equal(f.calls[1].mark, accepted);
    client_send_text(&clients[1], &f, GET("/c"));
    fixture_run_until(&f, &f.calls_count, 3);
    assert_int_equal(f.calls[2].mark, f.mark);
    client_close(&clients[0]);
    client_close(&clients[1]);
    fixture_close(&f);
}

/* One request so that the accept's mark is used up. */
static void client_open_read(struct client *client)
{
    client_open(client, &f);
    client_send_text(client, &f, GET("/first"));
    expect_status(client, 200);
}

static void a_request_carries_the_mark_of_its_first_byte(void **state)
{
    (void)state;
    static const char INPUT[] = GET("/split");
    fixture_open(&f, &TEST_LIMITS);
    client_open_read(&clients[0]);
    for (uint32_t cut = 1; cut < sizeof(INPUT) - 1; cut++) {
        uint64_t bytes = f.counters->bytes_read;
        client_send(&clients[0], &f, INPUT, cut);
        fixture_run_until(&f, &f.counters->bytes_read, bytes + cut);
        uint64_t mark = f.mark;
        client_send(&clients[0], &f, INPUT + cut, sizeof(INPUT) - 1 - cut);
        expect_status(&clients[0], 200);
        assert_int_equal(f.calls[f.calls_count - 1].mark, mark);
    }
    client_close(&clients[0]);
    fixture_close(&f);
}

static void requests_behind_one_that_waits_carry_the_marks_of_their_reads(void **state)
{
    (void)state;
    uint64_t marks[4];
    uint64_t bytes = 0;
    fixture_open(&f, &TEST_LIMITS);
    client_open_read(&clients[0]);
    f.answer_later = true;
    for (uint32_t i = 0; i < 4; i++) {
        bytes = f.counters->bytes_read;
        client_send_text(&clients[0], &f, GET("/a"));
        fixture_run_until(&f, &f.counters->bytes_read, bytes + sizeof(GET("/a")) - 1);
        marks[i] = f.mark;
    }
    for (uint32_t i = 0; i < 4; i++) {
        fixture_run_until(&f, &f.calls_count, i + 2);
        fixture_answer(&f, i + 1);
        fixture_turn(&f);
    }
    assert_int_equal(f.calls[1].mark, marks[0]);
    assert_int_equal(f.calls[2].mark, marks[1]);
    assert_int_equal(f.calls[3].mark, marks[2]);
    assert_in_range(f.calls[4].mark, marks[2], marks[3]); /* merged: not newer */
    for (uint32_t i = 0; i < 4; i++) {
        expect_status(&clients[0], 200);
    }
    client_close(&clients[0]);
    fixture_close(&f);
}

/* The handler is busy and the buffer full, so reading stops; what the kernel holds meanwhile carries
 * the mark of then. */
static void what_waits_in_the_kernel_carries_the_mark_of_when_reading_stopped(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static const char ONE[] = GET("/n");
    static char input[COUNT * sizeof(ONE)];
    uint32_t size = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        memcpy(input + size, ONE, sizeof(ONE) - 1);
        size += sizeof(ONE) - 1;
    }
    fixture_open(&f, &TEST_LIMITS);
    client_open_read(&clients[0]);
    f.answer_later = true;
    client_send(&clients[0], &f, input, size);
    fixture_run_until(&f, &f.waiting, 1);
    for (uint32_t i = 0; i < 10; i++) {
        fixture_turn(&f);
    }
    assert_true(f.counters->bytes_read < size);
    uint64_t stopped = f.mark;
    f.answer_later = false;
    fixture_turn(&f);
    fixture_answer(&f, 1);
    fixture_run_until(&f, &f.calls_count, COUNT + 1);
    for (uint32_t i = 1; i <= COUNT; i++) {
        assert_true(f.calls[i].mark <= stopped);
        assert_true(f.calls[i].mark >= f.calls[i - 1].mark);
    }
    client_send_text(&clients[0], &f, GET("/last"));
    fixture_run_until(&f, &f.calls_count, COUNT + 2);
    assert_int_equal(f.calls[COUNT + 1].mark, f.mark);
    client_close(&clients[0]);
    fixture_close(&f);
}

/* The client does not take its answers, so it is not read, although its socket was empty then. */
static void what_comes_while_answers_wait_carries_the_mark_of_when_reading_stopped(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    fixture_open(&f, &TEST_LIMITS);
    client_open_read(&clients[0]);
    f.answer_size = 40000;
    uint64_t bytes = f.counters->bytes_read;
    for (uint32_t i = 0; i < COUNT; i++) {
        client_send_text(&clients[0], &f, GET("/a"));
    }
    fixture_run_until(&f, &f.counters->bytes_read, bytes + COUNT * (sizeof(GET("/a")) - 1));
    uint64_t calls = 0;
    while (f.calls_count > calls) { /* until the sockets are full */
        calls = f.calls_count;
        fixture_turn(&f);
        fixture_turn(&f);
    }
    assert_true(f.calls_count < COUNT);
    uint64_t stopped = f.mark;
    bytes = f.counters->bytes_read;
    client_send_text(&clients[0], &f, GET("/late"));
    for (uint32_t i = 0; i < 10; i++) {
        fixture_turn(&f);
    }
    assert_int_equal(f.counters->bytes_read, bytes);
    for (uint32_t i = 0; i < COUNT + 1; i++) {
        expect_status(&clients[0], 200);
        clients[0].size -= clients[0].taken;
        memmove(clients[0].data, clients[0].data + clients[0].taken, clients[0].size);
        clients[0].taken = 0;
    }
    assert_string_equal(f.calls[COUNT + 1].target, "/late");
    assert_true(f.calls[COUNT + 1].mark <= stopped);
    client_close(&clients[0]);
    fixture_close(&f);
}

static void a_lack_of_descriptors_pauses_accepting_and_does_not_spin(void **state)
{
    (void)state;
    fixture_open(&f, &TEST_LIMITS);
    client_open(&clients[0], &f);
    client_send_text(&clients[0], &f, GET("/a"));
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (uint32_t i = 0; i < 5; i++) {
        fixture_turn(&f);
    }
    uint64_t paused = f.mark;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(f.counters->connections_accepted, 0);
    assert_true(f.server->listeners[0].paused);
    expect_status(&clients[0], 200);
    assert_true(f.calls[0].mark <= paused); /* the listener was not being read */
    client_close(&clients[0]);
    fixture_close(&f);
}

static void unix_sockets_are_served_with_mode_0660(void **state)
{
    (void)state;
    char path[64];
    char address[80];
    struct stat file;
    assert_true(snprintf(path, sizeof(path), "http-test-%d.sock", (int)getpid()) > 0);
    assert_true(snprintf(address, sizeof(address), "unix:%s", path) > 0);
    fixture_open(&f, &TEST_LIMITS);
    assert_int_equal(http_server_listen(f.server, address), STATUS_OK);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0660);
    client_open_on(&clients[0], path);
    client_send_text(&clients[0], &f, GET("/a"));
    expect_status(&clients[0], 200);
    assert_int_equal(http_server_listen(f.server, address), STATUS_BUSY); /* somebody listens */
    client_close(&clients[0]);
    fixture_close(&f);

    fixture_open(&f, &TEST_LIMITS); /* nobody does: the file is stale */
    assert_int_equal(http_server_listen(f.server, address), STATUS_OK);
    fixture_close(&f);
    assert_int_equal(unlink(path), 0);

    fixture_open(&f, &TEST_LIMITS); /* a file that is no socket is not removed */
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(http_server_listen(f.server, address), STATUS_BUSY);
    assert_int_equal(unlink(path), 0);
    fixture_close(&f);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      ":",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "127.0.0.1:65536",
                                      "localhost:1",
                                      "::1:80",
                                      "[::1]",
                                      "[::1:80",
                                      "[127.0.0.1]:80",
                                      "256.0.0.1:80",
                                      "unix:",
                                      ":80"};
    char address[32];
    fixture_open(&f, &TEST_LIMITS);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) { /* a machine may have no IPv6 */
        (void)close(fd);
        enum status status = http_server_listen(f.server, "[::1]:0");
        assert_true(status == STATUS_OK || status == STATUS_IO);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_int_equal(http_server_listen(f.server, BAD[i]), STATUS_INVALID);
    }
    assert_true(snprintf(address, sizeof(address), "127.0.0.1:%u", http_server_port(f.server)) > 0);
    assert_int_equal(http_server_listen(f.server, address), STATUS_BUSY);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_head_is_answered_408),
        cmocka_unit_test(a_slow_body_is_answered_408_and_a_slow_handler_is_not),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_request_that_waits_unread_keeps_its_connection_open),
        cmocka_unit_test(an_answer_that_is_not_taken_ends_the_connection),
        cmocka_unit_test(connections_beyond_the_most_are_told_503),
        cmocka_unit_test(connections_beyond_the_refusals_wait_in_the_kernel),
        cmocka_unit_test(without_buffers_parts_are_refused_and_whole_requests_are_not),
        cmocka_unit_test(a_quarter_of_the_buffers_is_kept_for_answers),
        cmocka_unit_test(a_refused_client_that_neither_stops_nor_closes_is_cut_off),
        cmocka_unit_test(draining_answers_what_comes_and_fails_no_request),
        cmocka_unit_test(a_server_without_connections_drains_in_a_later_turn),
        cmocka_unit_test(a_new_connections_first_request_carries_the_mark_of_its_accept),
        cmocka_unit_test(a_request_carries_the_mark_of_its_first_byte),
        cmocka_unit_test(requests_behind_one_that_waits_carry_the_marks_of_their_reads),
        cmocka_unit_test(what_waits_in_the_kernel_carries_the_mark_of_when_reading_stopped),
        cmocka_unit_test(what_comes_while_answers_wait_carries_the_mark_of_when_reading_stopped),
        cmocka_unit_test(a_lack_of_descriptors_pauses_accepting_and_does_not_spin),
        cmocka_unit_test(unix_sockets_are_served_with_mode_0660),
        cmocka_unit_test(addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
