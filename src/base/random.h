/* random.h -- randomness as an argument: the kernel's in the node, a seeded one in tests. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    void (*fill)(void *context, void *target, size_t size);
    void *context;
};

/* The kernel's generator, fetched 4 KiB at a time. Its context belongs to one thread. */
struct random_system {
    uint8_t pool[4096];
    size_t used;
};

struct random random_system_init(struct random_system *state);

uint64_t random_u64(const struct random *random);

#endif
