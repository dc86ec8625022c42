/* simulation.h -- the real replica, log, journal and ledger in one thread under a seed.
 *
 * Disk, clock, randomness and threads are simulated: jobs run when the seed says, and come back when it
 * says; power fails at any point between them, and the disk then keeps what the seed says of all that
 * was not synced. Clients credit, debit, read, and send again what was not answered. Every answer is
 * held against the journal at the end.
 */
#ifndef SIM_SIMULATION_H
#define SIM_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

struct simulation_options {
    uint64_t seed;
    uint32_t steps;          /* events: client actions, jobs, turns, power cuts */
    uint32_t power_cut_rate; /* one in so many steps; 0: never */
};

struct simulation_result {
    uint64_t accepted;
    uint64_t refused;
    uint64_t unknown; /* answers "outcome unknown", each sent again */
    uint64_t repeats; /* definite answers to something sent again */
    uint64_t power_cuts;
    char violation[256]; /* "" if every promise held */
};

void simulation_run(const struct simulation_options *options, struct simulation_result *out);

#endif
