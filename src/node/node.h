/* node.h -- one running node: the loop, its phases, start and graceful stop. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node/options.h"

/* Serves until SIGTERM or SIGINT, or until the replica fails. Prints one line on standard output when
 * it is ready. Returns the process's exit code: 0 after a graceful stop. */
int node_run(const struct options *options);

#endif
