/* serve.h -- `crebito serve`. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

int cli_serve(int argc, char **argv);

#endif
