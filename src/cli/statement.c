#include "cli/statement.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/remote.h"

enum { PATH_SIZE_MAX = 64 };

static const char HELP[] =
    "usage: crebito statement ACCOUNT [options]\n"
    "\n"
    "Shows an account's balance, its limit and its latest transactions, newest first.\n"
    "\n"
    "  --url URL    where the bank answers (default http://127.0.0.1:9999)\n"
    "  --json       print the server's answer as it came\n"
    "  --help       print this\n"
    "\n"
    "exit code: 0 done, 1 refused or no answer, 2 wrong usage\n"
    "\n"
    "examples:\n"
    "  crebito statement 1\n"
    "  crebito statement 1 --json --url http://127.0.0.1:9999\n";

struct statement {
    int64_t account;
    const char *url;
    bool json;
};

static int usage_error(const char *what)
{
    (void)fprintf(stderr, "crebito statement: %s\nTry `crebito statement --help`.\n", what);
    return REMOTE_EXIT_USAGE;
}

/* Returns 0 to go on, else the exit code; *out_help when --help was asked for. */
static int arguments_parse(struct statement *statement, int argc, char **argv, bool *out_help)
{
    static const struct option OPTIONS[] = {
        {"url",  required_argument, NULL, 'u'},
        {"json", no_argument,       NULL, 'j'},
        {"help", no_argument,       NULL, 'h'},
        {NULL,   0,                 NULL, 0  },
    };
    int option;
    opterr = 0;
    optind = 0; /* begin anew, GNU's way */
    while ((option = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'u':
            statement->url = optarg;
            break;
        case 'j':
            statement->json = true;
            break;
        case 'h':
            *out_help = true;
            return 0;
        default:
            return usage_error("an option is unknown or lacks its value");
        }
    }
    if (argc - optind != 1 || remote_number_parse(argv[optind], &statement->account) != STATUS_OK) {
        return usage_error("one ACCOUNT, a number, is expected");
    }
    return 0;
}

/* One line of the table; adds to the sums. False if it is not a transaction. */
static bool transaction_print(json_t *transaction, int64_t *credits, int64_t *debits)
{
    json_int_t amount;
    const char *type;
    const char *time;
    char money[REMOTE_MONEY_SIZE];
    if (json_unpack(transaction, "{s:I, s:s, s:s}", "valor", &amount, "tipo", &type, "realizada_em",
                    &time) != 0) {
        return false;
    }
    bool credit = strcmp(type, "c") == 0;
    int64_t *sum = credit ? credits : debits;
    if (__builtin_add_overflow(*sum, (int64_t)amount, sum)) {
        return false;
    }
    const json_t *description = json_object_get(transaction, "descricao");
    if (!json_is_string(description)) {
        return false;
    }
    remote_money_format(amount, money);
    remote_text_print(stdout, time, strlen(time));
    printf("  %-6s %20s  ", credit ? "credit" : "debit", money);
    remote_text_print(stdout, json_string_value(description), json_string_length(description));
    (void)fputc('\n', stdout);
    return true;
}

static bool transactions_print(const json_t *transactions)
{
    int64_t credits = 0;
    int64_t debits = 0;
    size_t count = json_array_size(transactions);
    char credits_text[REMOTE_MONEY_SIZE];
    char debits_text[REMOTE_MONEY_SIZE];
    if (!json_is_array(transactions)) {
        return false;
    }
    if (count == 0) {
        printf("no transactions\n");
        return true;
    }
    printf("%-27s  %-6s %20s  %s\n", "time", "type", "amount", "description");
    for (size_t i = 0; i < count; i++) {
        if (!transaction_print(json_array_get(transactions, i), &credits, &debits)) {
            return false;
        }
    }
    remote_money_format(credits, credits_text);
    remote_money_format(debits, debits_text);
    printf("%-27s  %-6s %20s\n", "", "credit", credits_text);
    printf("%-27s  %-6s %20s\n", "", "debit", debits_text);
    return true;
}

static bool statement_print(const struct statement *statement, const json_t *answer)
{
    json_int_t total;
    json_int_t limit;
    const char *time;
    char balance_text[REMOTE_MONEY_SIZE];
    char limit_text[REMOTE_MONEY_SIZE];
    char left_text[REMOTE_MONEY_SIZE];
    int64_t left;
    json_t *head = json_object_get(answer, "saldo");
    if (json_unpack(head, "{s:I, s:I, s:s}", "total", &total, "limite", &limit, "data_extrato",
                    &time) != 0 ||
        __builtin_add_overflow((int64_t)total, (int64_t)limit, &left)) {
        return false;
    }
    remote_money_format(total, balance_text);
    remote_money_format(limit, limit_text);
    remote_money_format(left, left_text);
    printf("account %" PRId64 " at ", statement->account);
    remote_text_print(stdout, time, strlen(time));
    printf("\nbalance %s, limit %s, available %s\n\n", balance_text, limit_text, left_text);
    return transactions_print(json_object_get(answer, "ultimas_transacoes"));
}

static int answer_print(const struct statement *statement, const struct client_response *response)
{
    char type[REMOTE_TYPE_SIZE_MAX];
    if (statement->json) {
        remote_body_print(response);
    }
    if (response->status != 200) {
        remote_problem_print("statement", response, type);
        return REMOTE_EXIT_REFUSED;
    }
    if (statement->json) {
        return 0;
    }
    /* A description may hold any character but U+0000, and jansson takes no other. */
    json_t *answer = json_loadb(response->body.data, response->body.size, 0, NULL);
    bool shown = statement_print(statement, answer);
    json_decref(answer);
    if (!shown) {
        (void)fputs("crebito statement: the answer is not what a crebito node says\n", stderr);
    }
    return shown ? 0 : REMOTE_EXIT_REFUSED;
}

int cli_statement(int argc, char **argv)
{
    struct statement statement = {.url = REMOTE_URL_DEFAULT};
    bool help = false;
    int code = arguments_parse(&statement, argc, argv, &help);
    if (code != 0) {
        return code;
    }
    if (help) {
        (void)fputs(HELP, stdout);
        return 0;
    }
    struct client *client = remote_open("statement", statement.url);
    if (client == NULL) {
        return REMOTE_EXIT_USAGE;
    }
    char path[PATH_SIZE_MAX];
    struct client_response response;
    (void)snprintf(path, sizeof(path), "/clientes/%" PRId64 "/extrato", statement.account);
    struct client_request request = {.method = "GET", .path = path};
    if (client_exchange(client, &request, &response) == STATUS_OK) {
        code = answer_print(&statement, &response);
    } else {
        (void)fprintf(stderr, "crebito statement: %s\n", client_message(client));
        code = REMOTE_EXIT_REFUSED;
    }
    client_close(client);
    return code;
}
