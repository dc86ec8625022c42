#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

static void pool_refill(struct random_system *state)
{
    size_t filled = 0;
    while (filled < sizeof(state->pool)) {
        ssize_t count = getrandom(state->pool + filled, sizeof(state->pool) - filled, 0);
        CHECK(count > 0 || errno == EINTR); /* blocks until seeded and has no other failure */
        filled += count > 0 ? (size_t)count : 0;
    }
    state->used = 0;
}

static void system_fill(void *context, void *target, size_t size)
{
    struct random_system *state = context;
    uint8_t *next = target;
    while (size > 0) {
        if (state->used >= sizeof(state->pool)) {
            pool_refill(state);
        }
        size_t left = sizeof(state->pool) - state->used;
        size_t count = size < left ? size : left;
        memcpy(next, state->pool + state->used, count);
        state->used += count;
        next += count;
        size -= count;
    }
}

struct random random_system_init(struct random_system *state)
{
    state->used = sizeof(state->pool);
    return (struct random){system_fill, state};
}

uint64_t random_u64(const struct random *random)
{
    uint64_t value;
    random->fill(random->context, &value, sizeof(value));
    return value;
}
