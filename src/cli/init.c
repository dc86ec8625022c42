#include "cli/init.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "node/birth.h"

static const char HELP[] =
    "usage: crebito init DIR [--accounts FILE] [--window N]\n\n"
    "Makes a new bank in DIR, which must be empty or not exist. This is the only birth a bank\n"
    "has: nothing else ever makes one.\n\n"
    "  --accounts FILE  lines `id,limit` in cents, # begins a comment\n"
    "                   (default: the contest's five accounts)\n"
    "  --window N       records within which a resent request is recognised, 1024 to\n"
    "                   16777216 (default 1048576, 24 MiB of memory); for ever\n"
    "  --accounts-max N accounts the file may hold, 1 to 100000000 (default 10000000)\n\n"
    "examples:\n"
    "  crebito init data\n"
    "  printf '1,100000\\n2,80000\\n' > accounts && crebito init data --accounts accounts\n";

static bool number_read(const char *text, const char *name, uint32_t min, uint32_t max,
                        uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < min ||
        number > max) {
        (void)fprintf(stderr, "crebito: --%s is a number from %u to %u, not \"%s\"\n", name, min,
                      max, text);
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

int cli_init(int argc, char **argv)
{
    static const struct option LONG[] = {
        {"help",         no_argument,       NULL, 'h'},
        {"accounts",     required_argument, NULL, 'a'},
        {"window",       required_argument, NULL, 'w'},
        {"accounts-max", required_argument, NULL, 'm'},
        {NULL,           0,                 NULL, 0  },
    };
    const char *accounts = NULL;
    uint32_t window = WINDOW_DEFAULT;
    uint32_t accounts_max = ACCOUNTS_MAX;
    bool good = true;
    int option;
    while (good && (option = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        switch (option) {
        case 'h':
            printf("%s", HELP);
            return 0;
        case 'a':
            accounts = optarg;
            break;
        case 'w':
            good = number_read(optarg, "window", WINDOW_MIN, WINDOW_MAX, &window);
            break;
        case 'm':
            good = number_read(optarg, "accounts-max", 1, 100 * 1000 * 1000, &accounts_max);
            break;
        default:
            good = false;
            break;
        }
    }
    if (good && optind != argc - 1) {
        (void)fprintf(stderr, "crebito: init takes one data directory\n");
        good = false;
    }
    if (!good) {
        return 2;
    }
    if (node_birth(argv[optind], accounts, window, accounts_max) != STATUS_OK) {
        return 1;
    }
    printf("crebito: a bank is born in %s\n", argv[optind]);
    return 0;
}
