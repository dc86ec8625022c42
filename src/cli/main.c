/* main.c -- `crebito`: finds the sub-command. */
#include <stdio.h>
#include <string.h>

#include "cli/init.h"
#include "cli/post.h"
#include "cli/serve.h"
#include "cli/statement.h"
#include "cli/verify.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} COMMANDS[] = {
    {"init",      cli_init,      "make a new bank in a data directory"       },
    {"serve",     cli_serve,     "serve a bank over HTTP"                    },
    {"verify",    cli_verify,    "check a stopped node's journal, every byte"},
    {"post",      cli_post,      "credit or debit an account"                },
    {"statement", cli_statement, "show an account's statement"               },
};
enum { COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]) };

static void help(FILE *target)
{
    (void)fprintf(target, "usage: crebito COMMAND [arguments]\n\n"
                          "crebito keeps account balances that are never wrong.\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(target, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].what);
    }
    (void)fprintf(target, "\n`crebito COMMAND --help` says more.\n\n"
                          "example:\n"
                          "  crebito init data && crebito serve data\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return COMMANDS[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("crebito %s\n", CREBITO_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help(stdout);
        return 0;
    }
    (void)fprintf(stderr, "crebito: there is no command \"%s\"\n", argv[1]);
    help(stderr);
    return 2;
}
