#include "cli/serve.h"

#include <stdio.h>

#include "node/node.h"

int cli_serve(int argc, char **argv)
{
    struct options options;
    enum status status = options_parse(&options, argc, argv);
    if (status == STATUS_MISSING) {
        printf("usage: crebito serve DIR [options]\n\n"
               "Serves the bank in the data directory DIR over HTTP until SIGTERM or Ctrl-C.\n"
               "`crebito init DIR` makes a new bank.\n\n%s\n"
               "examples:\n"
               "  crebito serve data\n"
               "  crebito serve data --listen 127.0.0.1:8080 --listen unix:/run/crebito.sock\n",
               OPTIONS_HELP);
        return 0;
    }
    return status == STATUS_OK ? node_run(&options) : 2;
}
