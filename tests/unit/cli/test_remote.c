/* test_remote.c -- `crebito post` and `crebito statement`, and a server that says what the test
 * wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/post.h"
#include "cli/remote.h"
#include "cli/statement.h"

enum { TEXT_SIZE_MAX = 8192, WORDS_MAX = 16 };

/* One connection: reads the request to its end, answers, closes. */
struct server {
    int listener;
    char url[64];
    const char *answer; /* "": close without one */
    char request[TEXT_SIZE_MAX];
};

static void *server_run(void *context)
{
    struct server *server = context;
    size_t size = 0;
    int fd = accept(server->listener, NULL, NULL);
    while (strstr(server->request, "\r\n\r\n") == NULL ||
           (strncmp(server->request, "POST", 4) == 0 && server->request[size - 1] != '}')) {
        ssize_t count = recv(fd, server->request + size, sizeof(server->request) - 1 - size, 0);
        if (count <= 0) {
            break;
        }
        size += (size_t)count;
        server->request[size] = '\0';
    }
    (void)send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    (void)close(fd);
    return NULL;
}

static void server_listen(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u",
                   ntohs(address.sin_port));
}

/* What a command did. */
struct run {
    int code;
    char out[TEXT_SIZE_MAX];
    char error[TEXT_SIZE_MAX];
    char request[TEXT_SIZE_MAX];
    char url[64];
};

static void file_read(FILE *file, char *target)
{
    rewind(file);
    size_t size = fread(target, 1, TEXT_SIZE_MAX - 1, file);
    target[size] = '\0';
    (void)fclose(file);
}

/* Runs `command` with the words up to NULL; their standard output and error are caught. */
static void command_run(struct run *run, int (*command)(int, char **), const char *const *words)
{
    char copies[WORDS_MAX][256];
    char *argv[WORDS_MAX + 1];
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        assert_true(argc < WORDS_MAX);
        (void)snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;

    FILE *out = tmpfile();
    FILE *error = tmpfile();
    (void)fflush(stdout);
    int stdout_saved = dup(STDOUT_FILENO);
    int stderr_saved = dup(STDERR_FILENO);
    assert_true(dup2(fileno(out), STDOUT_FILENO) >= 0 && dup2(fileno(error), STDERR_FILENO) >= 0);
    run->code = command(argc, argv);
    (void)fflush(stdout);
    assert_true(dup2(stdout_saved, STDOUT_FILENO) >= 0 && dup2(stderr_saved, STDERR_FILENO) >= 0);
    (void)close(stdout_saved);
    (void)close(stderr_saved);
    file_read(out, run->out);
    file_read(error, run->error);
}

/* The same with a server that gives `answer`; "URL" among the words becomes its address. */
static void command_run_with(struct run *run, int (*command)(int, char **),
                             const char *const *words, const char *answer)
{
    static struct server server;
    const char *replaced[WORDS_MAX + 1] = {0};
    pthread_t thread;
    memset(&server, 0, sizeof(server));
    server.answer = answer;
    server_listen(&server);
    for (int i = 0; words[i] != NULL; i++) {
        replaced[i] = strcmp(words[i], "URL") == 0 ? server.url : words[i];
    }
    assert_int_equal(pthread_create(&thread, NULL, server_run, &server), 0);
    command_run(run, command, replaced);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)close(server.listener);
    memcpy(run->request, server.request, sizeof(run->request));
    memcpy(run->url, server.url, sizeof(run->url));
}

static void expect_in(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

static const char ACCEPTED[] = "HTTP/1.1 200 OK\r\nIdempotency-Key: rent\r\nCrebito-Since: 812\r\n"
                               "Crebito-Sequence: 12\r\nContent-Length: 31\r\n\r\n"
                               "{\"limite\":100000,\"saldo\":-9098}";

static void test_post_prints_the_balance_and_the_key(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"post",  "1",   "debit", "9098", "caf\xc3\xa9 \"x\"",
                                        "--url", "URL", "--key", "rent", "--since",
                                        "900",   NULL};
    struct run run;
    command_run_with(&run, cli_post, WORDS, ACCEPTED);
    assert_int_equal(run.code, 0);
    assert_string_equal(run.error, "");
    assert_string_equal(run.out, "account 1: balance -90.98, limit 1000.00, transaction 12\n"
                                 "key rent, since 812\n");
    expect_in(run.request, "POST /clientes/1/transacoes HTTP/1.1\r\n");
    expect_in(run.request, "\r\nIdempotency-Key: rent\r\n");
    expect_in(run.request, "\r\nCrebito-Since: 900\r\n");
    expect_in(run.request,
              "{\"valor\":9098,\"tipo\":\"d\",\"descricao\":\"caf\xc3\xa9 \\\"x\\\"\"}");
}

static void test_post_makes_a_key_of_its_own(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"post", "1", "c", "1", "a", "--url", "URL", NULL};
    struct run first;
    struct run second;
    command_run_with(&first, cli_post, WORDS, ACCEPTED);
    command_run_with(&second, cli_post, WORDS, ACCEPTED);
    const char *key = strstr(first.request, "Idempotency-Key: post-");
    assert_non_null(key);
    assert_int_equal(strspn(key + 22, "0123456789abcdef"), 32);
    assert_null(strstr(first.request, "Crebito-Since"));
    assert_memory_not_equal(key, strstr(second.request, "Idempotency-Key: post-"), 22 + 32);
}

static void test_json_passes_the_answer_through(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"post", "1", "c", "1", "a", "--json", "--url", "URL", NULL};
    struct run run;
    command_run_with(&run, cli_post, WORDS, ACCEPTED);
    assert_int_equal(run.code, 0);
    assert_string_equal(run.out, "{\"limite\":100000,\"saldo\":-9098}\n");
}

static void test_a_refusal_shows_title_detail_and_field(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"post", "1", "d", "1", "a", "--url", "URL", NULL};
    struct run run;
    command_run_with(
        &run, cli_post, WORDS,
        "HTTP/1.1 422 Unprocessable Content\r\nConnection: close\r\n\r\n"
        "{\"type\":\"urn:crebito:problem:limit\",\"title\":\"the limit\",\"status\":422,"
        "\"detail\":\"too much\\u001b[2J\",\"field\":\"valor\"}");
    assert_int_equal(run.code, 1);
    assert_string_equal(run.out, "");
    assert_string_equal(run.error,
                        "crebito post: the limit (422)\n  too much?[2J\n  field: valor\n");
}

static void test_an_unknown_outcome_shows_the_command_that_learns_it(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"post", "1", "d", "5", "it's", "--url", "URL", NULL};
    static const char *const ANSWERS[] = {
        "HTTP/1.1 503 Service Unavailable\r\nIdempotency-Key: node-7\r\nCrebito-Since: 41\r\n\r\n"
        "{\"type\":\"urn:crebito:problem:outcome-unknown\",\"title\":\"t\",\"status\":503}",
        "HTTP/1.1 502 Bad Gateway\r\nIdempotency-Key: node-7\r\nCrebito-Since: 41\r\n\r\n<html>",
    };
    for (uint32_t i = 0; i < 2; i++) {
        struct run run;
        char expected[256];
        command_run_with(&run, cli_post, WORDS, ANSWERS[i]);
        assert_int_equal(run.code, 1);
        (void)snprintf(expected, sizeof(expected),
                       "\n  crebito post 1 d 5 'it'\\''s' --key 'node-7' --since 41 --url '%s'\n",
                       run.url);
        expect_in(run.error, expected);
    }
}

static void test_a_connection_that_ends_without_an_answer_is_an_unknown_outcome(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"post",  "1", "d",     "5",   "a",
                                        "--key", "k", "--url", "URL", NULL};
    struct run run;
    command_run_with(&run, cli_post, WORDS, "");
    assert_int_equal(run.code, 1);
    expect_in(run.error, "closed the connection");
    expect_in(run.error, "\n  crebito post 1 d 5 'a' --key 'k' --url ");
    expect_in(run.error, "without --since");
}

static void test_not_accepted_says_that_nothing_happened(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"post", "1", "d", "5", "a", "--url", "URL", NULL};
    struct run run;
    command_run_with(&run, cli_post, WORDS,
                     "HTTP/1.1 503 Service Unavailable\r\n\r\n"
                     "{\"type\":\"urn:crebito:problem:not-accepted\",\"title\":\"t\"}");
    assert_int_equal(run.code, 1);
    expect_in(run.error, "Nothing happened");
    assert_null(strstr(run.error, "crebito post 1"));
}

static void test_no_server_is_told_in_one_line(void **state)
{
    (void)state;
    struct server server = {0};
    struct run run;
    server_listen(&server);
    (void)close(server.listener); /* nobody has this port now */
    const char *const post[] = {"post", "1", "c", "1", "a", "--url", server.url, NULL};
    const char *const statement[] = {"statement", "1", "--url", server.url, NULL};
    char expected[128];
    command_run(&run, cli_post, post);
    assert_int_equal(run.code, 1);
    (void)snprintf(expected, sizeof(expected),
                   "crebito post: cannot connect to %.32s: Connection refused\n", server.url + 7);
    assert_string_equal(run.error, expected);
    command_run(&run, cli_statement, statement);
    assert_int_equal(run.code, 1);
    expect_in(run.error, "cannot connect");
}

/* `line` holds the words with bars between them. */
static void expect_usage_error(int (*command)(int, char **), const char *line)
{
    char copy[256];
    const char *words[WORDS_MAX + 1] = {0};
    char *rest = copy;
    struct run run;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (uint32_t i = 0; i < WORDS_MAX && rest != NULL; i++) {
        words[i] = strsep(&rest, "|");
    }
    command_run(&run, command, words);
    assert_int_equal(run.code, 2);
    assert_string_equal(run.out, "");
    assert_true(strlen(run.error) > 0);
}

/* One byte more than a key may have. */
static const char KEY_129[] = "post|1|c|1|a|--key|"
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void test_wrong_usage_exits_with_2_and_asks_nobody(void **state)
{
    (void)state;
    static const char *const POSTS[] = {
        "post",
        "post|1|c|1",
        "post|1|c|1|a|b",
        "post|x|c|1|a",
        "post|1|x|1|a",
        "post|1|c|1.5|a",
        "post|1|c||a",
        "post|1|c|9223372036854775808|a",
        "post|1|c|-1|a",
        "post|1|c|1|a|--what",
        "post|1|c|1|a|--key",
        "post|1|c|1|a|--key|",
        "post|1|c|1|a|--key|a b",
        "post|1|c|1|a|--since|x",
        "post|1|c|1|\xff",
        "post|1|c|1|a|--url|https://127.0.0.1:9999",
        "post|1|c|1|a|--url|http://127.0.0.1",
        "post|1|c|1|a|--url|http://:9999",
        "post|1|c|1|a|--url|http://127.0.0.1:x",
        "post|1|c|1|a|--url|http://::1:9999",
        "post|1|c|1|a|--url|http://127.0.0.1:9999/path",
        "post|1|c|1|a|--url|http://a b:9999",
        "post|1|c|1|a|--url|http://a@b:9999",
        KEY_129,
    };
    static const char *const STATEMENTS[] = {"statement", "statement|x", "statement|1|2",
                                             "statement|1|--key"};
    for (uint32_t i = 0; i < sizeof(POSTS) / sizeof(POSTS[0]); i++) {
        expect_usage_error(cli_post, POSTS[i]);
    }
    for (uint32_t i = 0; i < sizeof(STATEMENTS) / sizeof(STATEMENTS[0]); i++) {
        expect_usage_error(cli_statement, STATEMENTS[i]);
    }
}

static void test_help_is_printed_on_standard_output(void **state)
{
    (void)state;
    static const char *const POST[] = {"post", "--help", NULL};
    static const char *const STATEMENT[] = {"statement", "--help", NULL};
    struct run run;
    command_run(&run, cli_post, POST);
    assert_int_equal(run.code, 0);
    expect_in(run.out, "examples:\n  crebito post 1");
    command_run(&run, cli_statement, STATEMENT);
    assert_int_equal(run.code, 0);
    expect_in(run.out, "examples:\n  crebito statement 1");
}

static void test_statement_prints_a_table_with_totals(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"statement", "1", "--url", "URL", NULL};
    struct run run;
    command_run_with(
        &run, cli_statement, WORDS,
        "HTTP/1.1 200 OK\r\n\r\n"
        "{\"saldo\":{\"total\":-9098,\"data_extrato\":\"2024-01-17T02:34:41.217753Z\","
        "\"limite\":100000},\"ultimas_transacoes\":["
        "{\"valor\":10,\"tipo\":\"c\",\"descricao\":\"a\\u0007b\xc2\x9b\",\"realizada_em\":"
        "\"2024-01-17T02:34:38.543030Z\"},"
        "{\"valor\":9108,\"tipo\":\"d\",\"descricao\":\"caf\xc3\xa9\",\"realizada_em\":"
        "\"2024-01-17T02:34:37.000001Z\"}]}");
    assert_int_equal(run.code, 0);
    assert_string_equal(run.error, "");
    assert_string_equal(run.out,
                        "account 1 at 2024-01-17T02:34:41.217753Z\n"
                        "balance -90.98, limit 1000.00, available 909.02\n"
                        "\n"
                        "time                         type                 amount  description\n"
                        "2024-01-17T02:34:38.543030Z  credit                 0.10  a?b?\n"
                        "2024-01-17T02:34:37.000001Z  debit                 91.08  caf\xc3\xa9\n"
                        "                             credit                 0.10\n"
                        "                             debit                 91.08\n");
    expect_in(run.request, "GET /clientes/1/extrato HTTP/1.1\r\n");
}

static const char NO_LIST[] = "HTTP/1.1 200 OK\r\n\r\n"
                              "{\"saldo\":{\"total\":1,\"limite\":1,\"data_extrato\":\"\"},"
                              "\"ultimas_transacoes\":1}";

static void test_an_answer_of_another_program_is_told(void **state)
{
    (void)state;
    static const char *const POST[] = {"post", "1", "c", "1", "a", "--url", "URL", NULL};
    static const char *const STATEMENT[] = {"statement", "1", "--url", "URL", NULL};
    static const char *const ANSWERS[] = {
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\n\r\n[1]",
        "HTTP/1.1 200 OK\r\n\r\n{\"saldo\":{},\"ultimas_transacoes\":1}",
        NO_LIST,
        "SSH-2.0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n\r\n<html>",
    };
    for (uint32_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++) {
        struct run run;
        command_run_with(&run, cli_post, POST, ANSWERS[i]);
        assert_int_equal(run.code, 1);
        assert_true(strlen(run.error) > 0);
        command_run_with(&run, cli_statement, STATEMENT, ANSWERS[i]);
        assert_int_equal(run.code, 1);
        assert_true(strlen(run.error) > 0);
    }
}

static void test_a_client_asks_again_on_a_new_connection(void **state)
{
    (void)state;
    static struct server server;
    struct client *client = NULL;
    server_listen(&server);
    char url[80];
    (void)snprintf(url, sizeof(url), "%s/", server.url); /* with the slash that is allowed */
    assert_int_equal(client_open(&client, url, CLIENT_TIMEOUT_MS), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        static const char *const ANSWERS[] = {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none",
                                              "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"};
        struct client_request request = {.method = "GET", .path = "/"};
        struct client_response response;
        pthread_t thread;
        memset(server.request, 0, sizeof(server.request));
        server.answer = ANSWERS[i];
        assert_int_equal(pthread_create(&thread, NULL, server_run, &server), 0);
        assert_int_equal(client_exchange(client, &request, &response), STATUS_OK);
        assert_memory_equal(response.body.data, i == 0 ? "one" : "two", 3);
        assert_int_equal(pthread_join(thread, NULL), 0);
        expect_in(server.request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:");
    }
    client_close(client);
    (void)close(server.listener);
}

static void test_money_is_shown_in_units_with_two_decimals(void **state)
{
    (void)state;
    static const struct {
        int64_t cents;
        const char *text;
    } CASES[] = {
        {0,         "0.00"                 },
        {1,         "0.01"                 },
        {-1,        "-0.01"                },
        {100,       "1.00"                 },
        {-9098,     "-90.98"               },
        {INT64_MAX, "92233720368547758.07" },
        {INT64_MIN, "-92233720368547758.08"},
    };
    for (uint32_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char text[REMOTE_MONEY_SIZE];
        remote_money_format(CASES[i].cents, text);
        assert_string_equal(text, CASES[i].text);
    }
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_post_prints_the_balance_and_the_key),
        cmocka_unit_test(test_post_makes_a_key_of_its_own),
        cmocka_unit_test(test_json_passes_the_answer_through),
        cmocka_unit_test(test_a_refusal_shows_title_detail_and_field),
        cmocka_unit_test(test_an_unknown_outcome_shows_the_command_that_learns_it),
        cmocka_unit_test(test_a_connection_that_ends_without_an_answer_is_an_unknown_outcome),
        cmocka_unit_test(test_not_accepted_says_that_nothing_happened),
        cmocka_unit_test(test_no_server_is_told_in_one_line),
        cmocka_unit_test(test_wrong_usage_exits_with_2_and_asks_nobody),
        cmocka_unit_test(test_help_is_printed_on_standard_output),
        cmocka_unit_test(test_statement_prints_a_table_with_totals),
        cmocka_unit_test(test_an_answer_of_another_program_is_told),
        cmocka_unit_test(test_a_client_asks_again_on_a_new_connection),
        cmocka_unit_test(test_money_is_shown_in_units_with_two_decimals),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
