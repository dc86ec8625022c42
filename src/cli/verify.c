#include "cli/verify.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/limits.h"
#include "cli/remote.h"
#include "node/verify.h"

enum {
    EXIT_DAMAGED = 1, /* or it could not be read */
    EXIT_USAGE = 2,
    GROUPED_SIZE = 32,     /* "-9,223,372,036,854,775,808" and a zero */
    FINGERPRINT_SHOWN = 8, /* bytes; --json has them all */
    ACCOUNTS_LIMIT = 100 * 1000 * 1000,
};

static const char HELP[] =
    "usage: crebito verify DIR [options]\n"
    "\n"
    "Reads a stopped node's journal from the first record on and proves it: checksums, order,\n"
    "each account's chain, every balance and limit, and the fingerprint that the manifest has.\n"
    "Says `ok`, or which file breaks which rule at which offset. Changes nothing.\n"
    "\n"
    "  --json            one JSON object instead of the table\n"
    "  --accounts-max N  accounts the bank may have, 1 to 100000000 (default 10000000)\n"
    "  --help            print this\n"
    "\n"
    "exit code: 0 ok, 1 damaged or not readable, 2 wrong usage\n"
    "\n"
    "examples:\n"
    "  crebito verify data\n"
    "  crebito verify data --json\n";

struct verify {
    const char *directory;
    uint32_t accounts_max;
    bool json;
};

static int usage_error(const char *what)
{
    (void)fprintf(stderr, "crebito verify: %s\nTry `crebito verify --help`.\n", what);
    return EXIT_USAGE;
}

static bool accounts_max_parse(const char *text, uint32_t *out)
{
    int64_t number;
    if (remote_number_parse(text, &number) != STATUS_OK || number < 1 || number > ACCOUNTS_LIMIT) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

/* Returns 0 to go on, else the exit code; *out_help when --help was asked for. */
static int arguments_parse(struct verify *verify, int argc, char **argv, bool *out_help)
{
    static const struct option OPTIONS[] = {
        {"accounts-max", required_argument, NULL, 'm'},
        {"json",         no_argument,       NULL, 'j'},
        {"help",         no_argument,       NULL, 'h'},
        {NULL,           0,                 NULL, 0  },
    };
    const char *accounts_max = NULL;
    int option;
    opterr = 0;
    optind = 0; /* begin anew, GNU's way */
    while ((option = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'm':
            accounts_max = optarg;
            break;
        case 'j':
            verify->json = true;
            break;
        case 'h':
            *out_help = true;
            return 0;
        default:
            return usage_error("an option is unknown or lacks its value");
        }
    }
    if (accounts_max != NULL && !accounts_max_parse(accounts_max, &verify->accounts_max)) {
        return usage_error("--accounts-max is a number from 1 to 100000000");
    }
    if (argc - optind != 1) {
        return usage_error("one DIR, a node's data directory, is expected");
    }
    verify->directory = argv[optind];
    return 0;
}

static const char *grouped(bool negative, uint64_t number, char out[GROUPED_SIZE])
{
    char *place = out + GROUPED_SIZE - 1;
    int digits = 0;
    *place = '\0';
    do {
        if (digits > 0 && digits % 3 == 0) {
            *--place = ',';
        }
        *--place = (char)('0' + number % 10);
        number /= 10;
        digits++;
    } while (number > 0);
    if (negative) {
        *--place = '-';
    }
    return place;
}

static void fingerprint_format(const struct node_verify *result, size_t size,
                               char out[2 * SHA256_SIZE + 1])
{
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", result->fingerprint[i]);
    }
}

static void result_print(const struct node_verify *result)
{
    char a[GROUPED_SIZE];
    char b[GROUPED_SIZE];
    char c[GROUPED_SIZE];
    char d[GROUPED_SIZE];
    char fingerprint[2 * SHA256_SIZE + 1];
    int64_t balance = result->balance_sum;
    uint64_t balance_size = balance < 0 ? 0 - (uint64_t)balance : (uint64_t)balance;
    uint64_t decisions = result->credits + result->debits + result->refused;

    fingerprint_format(result, FINGERPRINT_SHOWN, fingerprint);
    printf("journal     %s records, %s settled, fingerprint %s…\n",
           grouped(false, result->records, a), grouped(false, result->settled, b), fingerprint);
    if (result->damage[0] != '\0') {
        printf("damaged     %s\n", result->damage);
        return;
    }
    printf("accounts    %s (sum of balances %s)\n", grouped(false, result->accounts, a),
           result->balance_sum_fits ? grouped(balance < 0, balance_size, b) : "beyond 64 bits");
    printf("decisions   %s: %s credits, %s debits, %s refused\n", grouped(false, decisions, a),
           grouped(false, result->credits, b), grouped(false, result->debits, c),
           grouped(false, result->refused, d));
    printf("ok\n");
}

static json_t *integer_or_null(bool is_integer, int64_t integer)
{
    return is_integer ? json_integer((json_int_t)integer) : json_null();
}

/* Of a damaged journal only what is known for sure; the rest is null. */
static void result_print_json(const struct node_verify *result)
{
    char fingerprint[2 * SHA256_SIZE + 1];
    bool ok = result->damage[0] == '\0';
    fingerprint_format(result, SHA256_SIZE, fingerprint);
    json_t *object = json_pack(
        "{s:b, s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:s?}", "ok", ok, "records",
        (json_int_t)result->records, "settled", (json_int_t)result->settled, "fingerprint",
        fingerprint, "accounts", integer_or_null(ok, result->accounts), "balance_sum",
        integer_or_null(ok && result->balance_sum_fits, result->balance_sum), "credits",
        integer_or_null(ok, (int64_t)result->credits), "debits",
        integer_or_null(ok, (int64_t)result->debits), "refused",
        integer_or_null(ok, (int64_t)result->refused), "damage", ok ? NULL : result->damage);
    if (object != NULL) {
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
    }
    json_decref(object);
}

/* Why nothing was read, for people. */
static int failure_print(const struct verify *verify, enum status status)
{
    static const char *const WHY[] = {
        [STATUS_MISSING] = "no bank is there (`crebito init` makes one)",
        [STATUS_BUSY] = "a node is running on it; stop it first, or verify another node",
        [STATUS_CORRUPT] = "the manifest is damaged: it fails its checksum",
        [STATUS_FULL] = "it has more accounts than --accounts-max allows",
        [STATUS_IO] = "it could not be read; the line before says why",
        [STATUS_NO_MEMORY] = "out of memory",
    };
    const char *why = (size_t)status < sizeof(WHY) / sizeof(WHY[0]) ? WHY[status] : NULL;
    (void)fprintf(stderr, "crebito verify: %s: %s\n", verify->directory,
                  why != NULL ? why : status_name(status));
    return EXIT_DAMAGED;
}

int cli_verify(int argc, char **argv)
{
    struct verify verify = {.accounts_max = ACCOUNTS_MAX};
    struct node_verify result;
    bool help = false;
    int exit_code = arguments_parse(&verify, argc, argv, &help);
    if (help) {
        printf("%s", HELP);
    }
    if (help || exit_code != 0) {
        return exit_code;
    }
    enum status status = node_verify(verify.directory, verify.accounts_max, &result);
    if (status != STATUS_OK) {
        return failure_print(&verify, status);
    }
    if (verify.json) {
        result_print_json(&result);
    } else {
        result_print(&result);
    }
    return result.damage[0] == '\0' ? 0 : EXIT_DAMAGED;
}
