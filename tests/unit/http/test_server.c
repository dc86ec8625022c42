#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "server_fixture.h"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"

static struct fixture f;
static struct client c;

static int open_default(void **state)
{
    (void)state;
    fixture_open(&f, &TEST_LIMITS);
    client_open(&c, &f);
    return 0;
}

static int close_default(void **state)
{
    (void)state;
    client_close(&c);
    fixture_close(&f);
    return 0;
}

static void expect_body(const struct reply *reply, const char *body)
{
    assert_int_equal(reply->status, 200);
    assert_int_equal(reply->body_size, strlen(body));
    assert_memory_equal(reply->body, body, reply->body_size);
}

static void an_answer_has_what_http_demands(void **state)
{
    (void)state;
    client_send_text(&c, &f, GET("/a?b"));
    struct reply reply = client_wait(&c, &f);
    expect_body(&reply, "\"/a?b\"");
    assert_true(reply_has(&reply, "HTTP/1.1 200 OK"));
    assert_true(reply_has(&reply, "Content-Type: application/json"));
    assert_true(reply_has(&reply, "Content-Length: 6"));
    assert_null(memmem(reply.head, reply.head_size, "Connection", 10));

    const char *date = memmem(reply.head, reply.head_size, "Date: ", 6);
    struct tm tm = {0};
    assert_non_null(date);
    const char *end = strptime(date + 6, "%a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    assert_non_null(end);
    assert_in_range(time(NULL) - timegm(&tm), 0, 60);
    assert_int_equal(f.counters->responses[2], 1);
}

static void a_request_split_at_any_byte_is_answered_the_same(void **state)
{
    (void)state;
    static const char INPUT[] = POST("/split");
    for (uint32_t cut = 1; cut < sizeof(INPUT) - 1; cut++) {
        uint64_t bytes = f.counters->bytes_read;
        client_send(&c, &f, INPUT, cut);
        fixture_run_until(&f, &f.counters->bytes_read, bytes + cut);
        assert_int_equal(f.calls_count, cut - 1);
        assert_int_equal(f.counters->buffers_used, 1);
        client_send(&c, &f, INPUT + cut, sizeof(INPUT) - 1 - cut);
        struct reply reply = client_wait(&c, &f);
        expect_body(&reply, "\"/split\"");
        assert_int_equal(f.calls[cut - 1].body_size, 5);
        assert_int_equal(f.counters->buffers_used, 0);
    }
}

static void requests_that_come_byte_by_byte_are_answered(void **state)
{
    (void)state;
    static const char INPUT[] =
        POST("/1") "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                   "\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (uint32_t i = 0; i < sizeof(INPUT) - 1; i++) {
        uint64_t bytes = f.counters->bytes_read;
        client_send(&c, &f, INPUT + i, 1);
        fixture_run_until(&f, &f.counters->bytes_read, bytes + 1);
    }
    struct reply reply = client_wait(&c, &f);
    expect_body(&reply, "\"/1\"");
    reply = client_wait(&c, &f);
    expect_body(&reply, "\"/2\"");
    assert_int_equal(f.calls[1].body_size, 3);
}

/* `count` requests in one piece: targets /0, /1, … */
static uint32_t pipeline(char *target, uint32_t size_max, uint32_t count)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        int written =
            snprintf(target + size, size_max - size, "GET /%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
        assert_true(written > 0);
        size += (uint32_t)written;
    }
    assert_true(size < size_max);
    return size;
}

static void expect_numbered(struct client *client, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char body[16];
        assert_true(snprintf(body, sizeof(body), "\"/%u\"", i) > 0);
        struct reply reply = client_wait(client, &f);
        expect_body(&reply, body);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    static char input[64 * 1024];
    static const uint32_t COUNTS[] = {1, 2, 3, 7, 50, 300, 1000};
    for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        f.calls_count = 0;
        client_send(&c, &f, input, pipeline(input, sizeof(input), COUNTS[i]));
        expect_numbered(&c, COUNTS[i]);
        assert_int_equal(f.calls_count, COUNTS[i]);
        assert_int_equal(f.counters->buffers_used, 0);
    }
}

static void pipelined_requests_wait_for_each_answer(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static char input[64 * 1024];
    f.answer_later = true;
    client_send(&c, &f, input, pipeline(input, sizeof(input), COUNT));
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture_run_until(&f, &f.calls_count, i + 1);
        assert_int_equal(f.waiting, 1);
        fixture_answer(&f, i);
        assert_int_equal(f.calls_count, i + 1); /* the next one waits for the flush */
        http_server_flush(f.server);
        assert_int_equal(f.calls_count, i + 1 < COUNT ? i + 2 : COUNT);
    }
    expect_numbered(&c, COUNT);
}

static void input_beyond_a_buffer_waits_in_the_kernel_while_the_handler_is_busy(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    static char input[256 * 1024];
    f.answer_later = true;
    client_send(&c, &f, input, pipeline(input, sizeof(input), COUNT));
    fixture_run_until(&f, &f.calls_count, 1);
    for (uint32_t i = 0; i < 10; i++) {
        fixture_turn(&f);
    }
    /* One buffer behind the request, and what the same read gave to it. */
    assert_in_range(f.counters->bytes_read, UINT64_C(65536), UINT64_C(65636));
    assert_int_equal(f.counters->buffers_used, 1);
    while (f.calls_count < COUNT || f.waiting > 0) {
        fixture_answer(&f, f.calls_count - 1);
        uint64_t calls = f.calls_count;
        http_server_flush(f.server); /* a turn is needed only to read more */
        if (f.calls_count == calls && calls < COUNT) {
            fixture_run_until(&f, &f.calls_count, calls + 1);
        }
    }
    expect_numbered(&c, COUNT);
}

static void a_client_that_does_not_read_is_not_read_and_loses_nothing(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static char input[64 * 1024];
    f.answer_size = 40000; /* 12 MB in all: more than the sockets hold */
    client_send(&c, &f, input, pipeline(input, sizeof(input), COUNT));
    uint64_t calls = 0;
    do {
        calls = f.calls_count;
        for (uint32_t i = 0; i < 20; i++) {
            fixture_turn(&f);
        }
    } while (f.calls_count > calls);
    assert_in_range(calls, 1, COUNT - 1);
    assert_in_range(f.counters->buffers_used, 1, 2);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct reply reply = client_wait(&c, &f);
        assert_int_equal(reply.body_size, 40000);
        memmove(c.data, c.data + c.taken, c.size - c.taken);
        c.size -= c.taken;
        c.taken = 0;
    }
    assert_int_equal(f.calls_count, COUNT);
    assert_int_equal(f.counters->buffers_used, 0);
}

static void the_largest_answer_fits_behind_others(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    static char input[64 * 1024];
    f.answer_size = HTTP_RESPONSE_SIZE_MAX;
    client_send(&c, &f, input, pipeline(input, sizeof(input), COUNT));
    for (uint32_t i = 0; i < COUNT; i++) {
        struct reply reply = client_wait(&c, &f);
        assert_int_equal(reply.body_size, HTTP_RESPONSE_SIZE_MAX);
    }
}

static void head_is_answered_without_a_body(void **state)
{
    (void)state;
    struct reply reply;
    client_send_text(&c, &f, "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
    reply = client_wait_head(&c, &f);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body_size, 4); /* what GET would have */
    assert_int_equal(c.taken, c.size);
    client_send_text(&c, &f, GET("/a"));
    reply = client_wait(&c, &f);
    expect_body(&reply, "\"/a\"");

    client_send_text(&c, &f, "HEAD /a HTTP/1.1\r\n\r\n"); /* no Host */
    reply = client_wait_head(&c, &f);
    assert_int_equal(reply.status, 400);
    client_wait_closed(&c, &f);
}

static void http_10_is_closed_unless_it_asks_to_be_kept(void **state)
{
    (void)state;
    client_send_text(&c, &f, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    struct reply reply = client_wait(&c, &f);
    assert_true(reply_has(&reply, "Connection: keep-alive"));
    client_send_text(&c, &f, "GET /b HTTP/1.0\r\n\r\n");
    reply = client_wait(&c, &f);
    expect_body(&reply, "\"/b\"");
    assert_true(reply_has(&reply, "Connection: close"));
    client_wait_closed(&c, &f);
}

static void connection_close_is_obeyed_and_what_follows_ignored(void **state)
{
    (void)state;
    client_send_text(&c, &f, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/b"));
    struct reply reply = client_wait(&c, &f);
    assert_true(reply_has(&reply, "Connection: close"));
    client_wait_closed(&c, &f);
    assert_int_equal(f.calls_count, 1);
}

static void a_client_that_waits_for_100_continue_gets_it_once(void **state)
{
    (void)state;
    struct reply reply;
    client_send_text(
        &c, &f, "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    reply = client_wait_head(&c, &f);
    assert_int_equal(reply.status, 100);
    assert_int_equal(f.counters->buffers_used, 1); /* the head; what was sent is gone */
    uint64_t bytes = f.counters->bytes_read;
    client_send_text(&c, &f, "he");
    fixture_run_until(&f, &f.counters->bytes_read, bytes + 2);
    client_send_text(&c, &f, "llo");
    reply = client_wait(&c, &f);
    expect_body(&reply, "\"/a\"");
    /* With its body there, nobody waits. */
    client_send_text(&c, &f,
                     "POST /b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                     "Content-Length: 5\r\n\r\nhello");
    reply = client_wait(&c, &f);
    expect_body(&reply, "\"/b\"");
    assert_int_equal(c.taken, c.size);
}

static void a_client_that_closes_its_half_still_gets_its_answers(void **state)
{
    (void)state;
    f.answer_later = true;
    client_send_text(&c, &f, GET("/0") GET("/1") GET("/2") "GET /part");
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_run_until(&f, &f.calls_count, i + 1);
        fixture_turn(&f);
        fixture_turn(&f);
        fixture_answer(&f, i);
    }
    expect_numbered(&c, 3);
    client_wait_closed(&c, &f);
    fixture_run_until(&f, &f.counters->connections_open, 0);
    assert_int_equal(f.abandoned, 0);
    assert_int_equal(f.counters->buffers_used, 0);
}

static void a_client_that_goes_away_abandons_its_request(void **state)
{
    (void)state;
    struct client gone;
    f.answer_later = true;
    client_open(&gone, &f);
    client_send_text(&gone, &f, GET("/a") GET("/b"));
    fixture_run_until(&f, &f.calls_count, 1);
    client_reset(&gone);
    fixture_run_until(&f, &f.abandoned, 1);
    assert_int_equal(f.counters->requests_abandoned, 1);
    assert_int_equal(f.calls_count, 1);
    f.answer_later = false;
    client_send_text(&c, &f, GET("/c"));
    struct reply reply = client_wait(&c, &f);
    expect_body(&reply, "\"/c\"");
}

static void requests_in_flight_are_abandoned_when_the_server_closes(void **state)
{
    (void)state;
    f.answer_later = true;
    client_send_text(&c, &f, GET("/a"));
    fixture_run_until(&f, &f.calls_count, 1);
    http_server_close(f.server);
    assert_int_equal(f.abandoned, 1);
}

static void a_hundred_refused_requests_do_not_hurt_a_good_one(void **state)
{
    (void)state;
    static const char *const BAD[] = {"GET / HTTP/1.1\r\n\r\n", "x\r\n\r\n", "\x16\x03\x01\r\n",
                                      "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
                                      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"};
    for (uint32_t i = 0; i < 100; i++) {
        struct client bad;
        client_open(&bad, &f);
        client_send_text(&bad, &f, BAD[i % 5]);
        struct reply reply = client_wait(&bad, &f);
        assert_int_equal(reply.status, i % 5 == 3 ? 505 : 400);
        assert_true(reply_has(&reply, "Connection: close"));
        assert_true(reply_has(&reply, "Content-Type: application/problem+json"));
        client_wait_closed(&bad, &f);
        client_close(&bad);
    }
    assert_int_equal(f.counters->requests_bad, 100);
    assert_int_equal(f.calls_count, 0);
    client_send_text(&c, &f, GET("/good"));
    struct reply reply = client_wait(&c, &f);
    expect_body(&reply, "\"/good\"");
}

static void good_requests_before_a_bad_one_are_answered(void **state)
{
    (void)state;
    f.answer_later = true;
    client_send_text(&c, &f, GET("/0") GET("/1") "bad\r\n" GET("/never"));
    fixture_run_until(&f, &f.calls_count, 1);
    fixture_answer(&f, 0);
    fixture_run_until(&f, &f.calls_count, 2);
    fixture_answer(&f, 1);
    expect_numbered(&c, 2);
    struct reply reply = client_wait(&c, &f);
    assert_int_equal(reply.status, 400);
    client_wait_closed(&c, &f);
    assert_int_equal(f.calls_count, 2);
}

/* A client in the midst of an upload reads the refusal, not a reset. */
static void a_body_too_large_is_refused_at_once_and_without_a_reset(void **state)
{
    (void)state;
    static char part[64 * 1024];
    client_send_text(&c, &f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    for (uint32_t i = 0; i < 12; i++) {
        client_send(&c, &f, part, sizeof(part));
        fixture_turn(&f);
    }
    struct reply reply = client_wait(&c, &f);
    assert_int_equal(reply.status, 413);
    client_wait_closed(&c, &f);
}

static void nodelay_check(uv_handle_t *handle, void *context)
{
    uint32_t *count = context;
    int on = 0;
    socklen_t size = sizeof(on);
    uv_os_fd_t fd = -1;
    if (handle->type == UV_TCP) {
        assert_int_equal(uv_fileno(handle, &fd), 0);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
        assert_int_not_equal(on, 0);
        (*count)++;
    }
}

static void accepted_streams_have_nodelay(void **state)
{
    (void)state;
    uint32_t count = 0;
    fixture_run_until(&f, &f.counters->connections_open, 1);
    uv_walk(&f.loop, nodelay_check, &count);
    assert_int_equal(count, 1);
}

static void all_answers_of_a_turn_are_one_write(void **state)
{
    (void)state;
    client_send_text(&c, &f, GET("/0") GET("/1") GET("/2"));
    fixture_run_until(&f, &f.calls_count, 3);
    char data[4096];
    ssize_t count = recv(c.fd, data, sizeof(data), 0);
    assert_true(count > 0);
    assert_int_equal(count, f.counters->bytes_written);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_default, close_default)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_has_what_http_demands),
        TEST(a_request_split_at_any_byte_is_answered_the_same),
        TEST(requests_that_come_byte_by_byte_are_answered),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(pipelined_requests_wait_for_each_answer),
        TEST(input_beyond_a_buffer_waits_in_the_kernel_while_the_handler_is_busy),
        TEST(a_client_that_does_not_read_is_not_read_and_loses_nothing),
        TEST(the_largest_answer_fits_behind_others),
        TEST(head_is_answered_without_a_body),
        TEST(http_10_is_closed_unless_it_asks_to_be_kept),
        TEST(connection_close_is_obeyed_and_what_follows_ignored),
        TEST(a_client_that_waits_for_100_continue_gets_it_once),
        TEST(a_client_that_closes_its_half_still_gets_its_answers),
        TEST(a_client_that_goes_away_abandons_its_request),
        TEST(requests_in_flight_are_abandoned_when_the_server_closes),
        TEST(a_hundred_refused_requests_do_not_hurt_a_good_one),
        TEST(good_requests_before_a_bad_one_are_answered),
        TEST(a_body_too_large_is_refused_at_once_and_without_a_reset),
        TEST(accepted_streams_have_nodelay),
        TEST(all_answers_of_a_turn_are_one_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
