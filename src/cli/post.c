/* post.c -- a transaction must be repeatable from the first byte on: so the key is made here when
 * the user gives none, and an ending that leaves the outcome open shows the command that learns
 * it. */
#include "cli/post.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/limits.h"
#include "base/random.h"
#include "cli/remote.h"

enum {
    KEY_MADE_SIZE = 5 + 32 + 1,
    PATH_SIZE_MAX = 64,
    FIELDS_SIZE_MAX = 256,
    NUMBER_SIZE_MAX = 24
};

static const char HELP[] =
    "usage: crebito post ACCOUNT TYPE CENTS DESCRIPTION [options]\n"
    "\n"
    "Credits or debits an account. TYPE is c or credit, d or debit. CENTS is a whole number:\n"
    "1000 is 10.00. DESCRIPTION has 1 to 10 characters.\n"
    "\n"
    "  --url URL    where the bank answers (default http://127.0.0.1:9999)\n"
    "  --key KEY    the Idempotency-Key: with the same key the same transaction is decided once,\n"
    "               however often it is sent (default: a random one, shown in the answer)\n"
    "  --since N    the Crebito-Since that an earlier answer with this key showed\n"
    "  --json       print the server's answer as it came\n"
    "  --help       print this\n"
    "\n"
    "If the outcome is unknown, because no answer came or it says so, run the command again with\n"
    "the --key and --since that it prints: you get the outcome, and it is never decided twice.\n"
    "\n"
    "exit code: 0 done, 1 refused or no answer, 2 wrong usage\n"
    "\n"
    "examples:\n"
    "  crebito post 1 credit 100000 salario\n"
    "  crebito post 1 d 9098 aluguel --url http://127.0.0.1:9999\n"
    "  crebito post 1 d 9098 aluguel --key rent-2026-11 --json\n";

struct post {
    int64_t account;
    const char *type; /* "c" or "d" */
    int64_t amount;
    const char *description;
    const char *url;
    const char *key;
    const char *since; /* digits; NULL: not given */
    bool json;
    char key_made[KEY_MADE_SIZE];
};

/* What the answer said about repeating the request. */
struct repeat {
    char key[KEY_SIZE_MAX + 16];
    char since[NUMBER_SIZE_MAX];
};

static int usage_error(const char *what)
{
    (void)fprintf(stderr, "crebito post: %s\nTry `crebito post --help`.\n", what);
    return REMOTE_EXIT_USAGE;
}

static const char *type_find(const char *word)
{
    if (strcmp(word, "c") == 0 || strcmp(word, "credit") == 0) {
        return "c";
    }
    return strcmp(word, "d") == 0 || strcmp(word, "debit") == 0 ? "d" : NULL;
}

/* What key.h asks of a key: visible ASCII, 1 to KEY_SIZE_MAX bytes. */
static bool key_valid(const char *key)
{
    size_t size = 0;
    while (key[size] > ' ' && key[size] <= '~') {
        size++;
    }
    return size > 0 && size <= KEY_SIZE_MAX && key[size] == '\0';
}

static void key_make(struct post *post)
{
    struct random_system state;
    struct random random = random_system_init(&state);
    uint64_t high = random_u64(&random);
    (void)snprintf(post->key_made, sizeof(post->key_made), "post-%016" PRIx64 "%016" PRIx64, high,
                   random_u64(&random));
    post->key = post->key_made;
}

/* Returns 0 to go on, else the exit code. */
static int positions_parse(struct post *post, int count, char **words)
{
    int64_t since;
    if (count != 4) {
        return usage_error("ACCOUNT, TYPE, CENTS and DESCRIPTION are expected");
    }
    post->type = type_find(words[1]);
    post->description = words[3];
    if (remote_number_parse(words[0], &post->account) != STATUS_OK) {
        return usage_error("ACCOUNT must be a number");
    }
    if (post->type == NULL) {
        return usage_error("TYPE must be c (credit) or d (debit)");
    }
    if (remote_number_parse(words[2], &post->amount) != STATUS_OK) {
        return usage_error("CENTS must be a whole number of cents, such as 1000 for 10.00");
    }
    if (post->since != NULL && (remote_number_parse(post->since, &since) != STATUS_OK ||
                                strlen(post->since) >= NUMBER_SIZE_MAX)) {
        return usage_error("--since must be a number");
    }
    if (post->key != NULL && !key_valid(post->key)) {
        return usage_error("--key must be 1 to 128 visible ASCII characters");
    }
    return 0;
}

/* Returns 0 to go on, else the exit code; *out_help when that is only because of --help. */
static int arguments_parse(struct post *post, int argc, char **argv, bool *out_help)
{
    static const struct option OPTIONS[] = {
        {"url",   required_argument, NULL, 'u'},
        {"key",   required_argument, NULL, 'k'},
        {"since", required_argument, NULL, 's'},
        {"json",  no_argument,       NULL, 'j'},
        {"help",  no_argument,       NULL, 'h'},
        {NULL,    0,                 NULL, 0  },
    };
    int option;
    opterr = 0;
    optind = 0; /* begin anew, GNU's way */
    while ((option = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'u':
            post->url = optarg;
            break;
        case 'k':
            post->key = optarg;
            break;
        case 's':
            post->since = optarg;
            break;
        case 'j':
            post->json = true;
            break;
        case 'h':
            *out_help = true;
            return 0;
        default:
            return usage_error("an option is unknown or lacks its value");
        }
    }
    return positions_parse(post, argc - optind, argv + optind);
}

static void view_copy(char *target, size_t target_size, struct client_view view)
{
    if (view.data != NULL && view.size < target_size) {
        memcpy(target, view.data, view.size);
        target[view.size] = '\0';
    }
}

/* The word as a shell reads it back. */
static void shell_print(FILE *target, const char *word)
{
    (void)fputc('\'', target);
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            (void)fputs("'\\''", target);
        } else {
            (void)fputc(*word, target);
        }
    }
    (void)fputc('\'', target);
}

static void repeat_print(const struct post *post, const struct repeat *repeat)
{
    (void)fputs("To learn the outcome, run this; it is never decided twice:\n  crebito post ",
                stderr);
    (void)fprintf(stderr, "%" PRId64 " %s %" PRId64 " ", post->account, post->type, post->amount);
    shell_print(stderr, post->description);
    (void)fputs(" --key ", stderr);
    shell_print(stderr, repeat->key);
    if (repeat->since[0] != '\0') {
        (void)fprintf(stderr, " --since %s", repeat->since);
    }
    (void)fputs(" --url ", stderr);
    shell_print(stderr, post->url);
    (void)fputc('\n', stderr);
    if (repeat->since[0] == '\0') {
        (void)fputs("Do it soon: without --since the bank knows the key only for its latest "
                    "transactions.\n",
                    stderr);
    }
}

static int success_print(const struct post *post, const struct client_response *response,
                         const struct repeat *repeat)
{
    json_int_t limit;
    json_int_t balance;
    char limit_text[REMOTE_MONEY_SIZE];
    char balance_text[REMOTE_MONEY_SIZE];
    char sequence[NUMBER_SIZE_MAX] = "?";
    json_t *answer = json_loadb(response->body.data, response->body.size, 0, NULL);
    int failure = json_unpack(answer, "{s:I, s:I}", "limite", &limit, "saldo", &balance);
    json_decref(answer);
    if (failure != 0) {
        (void)fputs("crebito post: the answer is not what a crebito node says\n", stderr);
        repeat_print(post, repeat);
        return REMOTE_EXIT_REFUSED;
    }
    remote_money_format(limit, limit_text);
    remote_money_format(balance, balance_text);
    view_copy(sequence, sizeof(sequence), client_response_field(response, "Crebito-Sequence"));
    printf("account %" PRId64 ": balance %s, limit %s, transaction %s\n", post->account,
           balance_text, limit_text, sequence);
    printf("key %s, since %s\n", repeat->key, repeat->since);
    return 0;
}

/* A 5xx that does not say that nothing happened leaves the outcome open, a proxy's 502 and 504
 * too. */
static int answer_print(const struct post *post, const struct client_response *response)
{
    char type[REMOTE_TYPE_SIZE_MAX];
    struct repeat repeat = {0};
    (void)snprintf(repeat.key, sizeof(repeat.key), "%s", post->key);
    (void)snprintf(repeat.since, sizeof(repeat.since), "%s",
                   post->since == NULL ? "" : post->since);
    view_copy(repeat.key, sizeof(repeat.key), client_response_field(response, "Idempotency-Key"));
    view_copy(repeat.since, sizeof(repeat.since), client_response_field(response, "Crebito-Since"));

    if (post->json) {
        remote_body_print(response);
    }
    if (response->status == 200) {
        return post->json ? 0 : success_print(post, response, &repeat);
    }
    remote_problem_print("post", response, type);
    if (strcmp(type, "not-accepted") == 0) {
        (void)fputs("Nothing happened: it can be sent again.\n", stderr);
    } else if (response->status >= 500) {
        repeat_print(post, &repeat);
    }
    return REMOTE_EXIT_REFUSED;
}

static int exchange(struct client *client, const struct post *post, const char *body)
{
    char path[PATH_SIZE_MAX];
    char fields[FIELDS_SIZE_MAX];
    struct client_response response;
    (void)snprintf(path, sizeof(path), "/clientes/%" PRId64 "/transacoes", post->account);
    (void)snprintf(fields, sizeof(fields), "Idempotency-Key: %s\r\n%s%s%s", post->key,
                   post->since == NULL ? "" : "Crebito-Since: ",
                   post->since == NULL ? "" : post->since, post->since == NULL ? "" : "\r\n");
    struct client_request request = {.method = "POST",
                                     .path = path,
                                     .fields = fields,
                                     .body = body,
                                     .body_size = (uint32_t)strlen(body)};
    if (client_exchange(client, &request, &response) == STATUS_OK) {
        return answer_print(post, &response);
    }
    (void)fprintf(stderr, "crebito post: %s\n", client_message(client));
    if (client_sent(client)) {
        struct repeat repeat = {0};
        (void)snprintf(repeat.key, sizeof(repeat.key), "%s", post->key);
        (void)snprintf(repeat.since, sizeof(repeat.since), "%s",
                       post->since == NULL ? "" : post->since);
        repeat_print(post, &repeat);
    }
    return REMOTE_EXIT_REFUSED;
}

/* The body; NULL when the description is not UTF-8. The caller frees it. */
static char *body_make(const struct post *post)
{
    json_t *object = json_pack("{s:I, s:s, s:s}", "valor", (json_int_t)post->amount, "tipo",
                               post->type, "descricao", post->description);
    char *body = json_dumps(object, JSON_COMPACT); /* NULL for NULL */
    json_decref(object);
    return body;
}

int cli_post(int argc, char **argv)
{
    struct post post = {.url = REMOTE_URL_DEFAULT};
    bool help = false;
    int code = arguments_parse(&post, argc, argv, &help);
    if (code != 0) {
        return code;
    }
    if (help) {
        (void)fputs(HELP, stdout);
        return 0;
    }
    if (post.key == NULL) {
        key_make(&post);
    }
    struct client *client = remote_open("post", post.url);
    if (client == NULL) {
        return REMOTE_EXIT_USAGE;
    }
    char *body = body_make(&post);
    if (body == NULL) {
        code = usage_error("DESCRIPTION must be UTF-8");
    } else {
        code = exchange(client, &post, body);
    }
    free(body);
    client_close(client);
    return code;
}
