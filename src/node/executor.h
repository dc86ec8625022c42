/* executor.h -- the node's threads beside the loop: one for the log, a few workers.
 *
 * Jobs go out through a queue per lane; they come back through one queue that wakes the loop. Queues are
 * lists through the jobs, so they have no limit of their own: the replica has one write, one journal
 * task and LOOKUPS_MAX reads under way at most.
 */
#ifndef NODE_EXECUTOR_H
#define NODE_EXECUTOR_H

#include <uv.h>

#include "base/status.h"
#include "replica/ports.h"

enum { EXECUTOR_WORKER_THREADS = 2 };

struct executor_threads;

/* Starts the threads. `done` of each job is called on this loop. STATUS_NO_MEMORY. */
MUST_CHECK enum status executor_threads_open(struct executor_threads **out, uv_loop_t *loop);

/* For replica_ports. */
struct executor *executor_threads_table(struct executor_threads *threads);

/* Ends the threads; no job is under way. The loop must then run until its handles are closed, before
 * executor_threads_free. */
void executor_threads_close(struct executor_threads *threads);
void executor_threads_free(struct executor_threads *threads); /* accepts NULL */

#endif
