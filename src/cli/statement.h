/* statement.h -- `crebito statement`: balance and latest transactions, asked of a running node. */
#ifndef CLI_STATEMENT_H
#define CLI_STATEMENT_H

/* argv[0] is "statement". Returns the process's exit code: see remote.h. */
int cli_statement(int argc, char **argv);

#endif
