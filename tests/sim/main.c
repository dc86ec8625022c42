/* main.c -- runs seeds: `simulate FIRST COUNT [STEPS]`. A failure prints the command that replays it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/simulation.h"

enum { STEPS_DEFAULT = 4000, POWER_CUT_RATE = 400 };

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        (void)fprintf(stderr, "simulate: not a number: %s\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: simulate FIRST-SEED COUNT [STEPS]\n");
        return 2;
    }
    uint64_t first = number(argv[1]);
    uint64_t count = number(argv[2]);
    uint32_t steps = argc > 3 ? (uint32_t)number(argv[3]) : STEPS_DEFAULT;
    if (count > 1 &&
        freopen("/dev/null", "w", stderr) == NULL) { /* the log of one seed is wanted */
        return 2;
    }
    struct simulation_result sum = {0};
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct simulation_result result;
        const struct simulation_options options = {
            .seed = seed, .steps = steps, .power_cut_rate = POWER_CUT_RATE};
        simulation_run(&options, &result);
        if (result.violation[0] != '\0') {
            printf("seed %" PRIu64 ": %s (replay: simulate %" PRIu64 " 1 %u)\n", seed,
                   result.violation, seed, steps);
            failed++;
        }
        sum.accepted += result.accepted;
        sum.refused += result.refused;
        sum.unknown += result.unknown;
        sum.repeats += result.repeats;
        sum.power_cuts += result.power_cuts;
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " failed: %" PRIu64 " accepted, %" PRIu64
           " refused, %" PRIu64 " unknown, %" PRIu64 " answered when sent again, %" PRIu64
           " power cuts\n",
           count, failed, sum.accepted, sum.refused, sum.unknown, sum.repeats, sum.power_cuts);
    return failed == 0 ? 0 : 1;
}
