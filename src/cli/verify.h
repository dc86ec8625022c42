/* verify.h -- `crebito verify`. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

int cli_verify(int argc, char **argv);

#endif
