/* simulated_ports.h -- clock, randomness and threads that obey a seed. */
#ifndef SIM_SIMULATED_PORTS_H
#define SIM_SIMULATED_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "replica/ports.h"

enum { SIMULATED_JOBS_MAX = 128 };

struct simulated_ports {
    uint64_t random_state;
    uint64_t now_us;
    struct clock clock;
    struct random random;
    struct executor executor; /* submit() finds this struct behind it */
    struct job *log[SIMULATED_JOBS_MAX];
    uint32_t log_count;
    struct job *workers[SIMULATED_JOBS_MAX];
    uint32_t worker_count;
    struct job *finished[SIMULATED_JOBS_MAX]; /* worked, `done` not yet called */
    uint32_t finished_count;
};

void simulated_ports_init(struct simulated_ports *ports, uint64_t seed);
/* A number below `limit`. */
uint64_t simulated_below(struct simulated_ports *ports, uint64_t limit);
/* Lets one job do its work, or come back. False: there is none. */
bool simulated_job_step(struct simulated_ports *ports);

#endif
