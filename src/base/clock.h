/* clock.h -- time as an argument: the real clocks in the node, a simulated one in tests. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*monotonic_us)(void *context); /* for time-outs and latencies; never goes back */
    uint64_t (*realtime_us)(void *context);  /* since 1970 UTC; shown to people; may jump */
    void *context;
};

/* The kernel's clocks. */
extern const struct clock CLOCK_SYSTEM;

enum { CLOCK_RFC3339_SIZE = 28 }; /* with the ending zero */

/* Writes "2024-01-17T02:34:41.217753Z" and a zero. Years 1970 to 9999; a later time is shown as the
 * last one. */
void clock_format_rfc3339(uint64_t realtime_us, char out[CLOCK_RFC3339_SIZE]);

#endif
