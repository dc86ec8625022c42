/* histogram.h -- counts by power of two: bucket i holds values of at most 2^i. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 32 }; /* the last one holds everything larger too */

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
    unsigned bucket = value <= 1 ? 0 : 64U - (unsigned)__builtin_clzll(value - 1);
    histogram->buckets[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
    histogram->count++;
    histogram->sum += value;
}

#endif
