/* init.h -- `crebito init`. */
#ifndef CLI_INIT_H
#define CLI_INIT_H

int cli_init(int argc, char **argv);

#endif
