/* post.h -- `crebito post`: one credit or debit, asked of a running node. */
#ifndef CLI_POST_H
#define CLI_POST_H

/* argv[0] is "post". Returns the process's exit code: see remote.h. */
int cli_post(int argc, char **argv);

#endif
