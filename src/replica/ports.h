/* ports.h -- everything outside that a replica touches, behind small tables of functions.
 *
 * The node gives the kernel's; tests give simulated ones and run the real replica in one thread under
 * a seed. Peers join here with the cluster.
 */
#ifndef REPLICA_PORTS_H
#define REPLICA_PORTS_H

#include "base/clock.h"
#include "base/disk.h"
#include "base/random.h"

enum executor_lane {
    EXECUTOR_LOG,     /* one thread, in order: nothing may delay the log */
    EXECUTOR_WORKERS, /* a few threads, any order: journal files, reads */
};

/* Embedded in what the work needs. `work` runs off the loop and blocks; `done` runs on the loop, from
 * a later turn. The memory is the submitter's until `done` was called. */
struct job {
    void (*work)(struct job *job);
    void (*done)(struct job *job);
    struct job *next; /* the executor's */
};

/* Implementations embed it first. */
struct executor {
    void (*submit)(struct executor *executor, enum executor_lane lane, struct job *job);
};

struct replica_ports {
    const struct clock *clock;
    const struct random *random;
    struct disk *disk;
    struct executor *executor;
};

#endif
