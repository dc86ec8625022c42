#include "sim/simulated_ports.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t clock_us(void *context)
{
    const struct simulated_ports *ports = context;
    return ports->now_us;
}

static void fill(void *context, void *target, size_t size)
{
    struct simulated_ports *ports = context;
    uint8_t *bytes = target;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)next(&ports->random_state);
    }
}

static void submit(struct executor *executor, enum executor_lane lane, struct job *job)
{
    struct simulated_ports *ports =
        (struct simulated_ports *)((char *)executor - offsetof(struct simulated_ports, executor));
    if (lane == EXECUTOR_LOG) {
        CHECK(ports->log_count < SIMULATED_JOBS_MAX);
        ports->log[ports->log_count++] = job;
    } else {
        CHECK(ports->worker_count < SIMULATED_JOBS_MAX);
        ports->workers[ports->worker_count++] = job;
    }
}

void simulated_ports_init(struct simulated_ports *ports, uint64_t seed)
{
    *ports = (struct simulated_ports){.random_state = seed, .now_us = 1000000};
    ports->clock = (struct clock){clock_us, clock_us, ports};
    ports->random = (struct random){fill, ports};
    ports->executor.submit = submit;
}

uint64_t simulated_below(struct simulated_ports *ports, uint64_t limit)
{
    return next(&ports->random_state) % limit;
}

static struct job *take(struct job **jobs, uint32_t *count, uint64_t position)
{
    struct job *job = jobs[position];
    (*count)--;
    memmove(&jobs[position], &jobs[position + 1], (*count - position) * sizeof(struct job *));
    return job;
}

static void work(struct simulated_ports *ports, struct job *job)
{
    job->work(job);
    CHECK(ports->finished_count < SIMULATED_JOBS_MAX);
    ports->finished[ports->finished_count++] = job;
}

bool simulated_job_step(struct simulated_ports *ports)
{
    switch (simulated_below(ports, 3)) {
    case 0:
        if (ports->log_count > 0) { /* the log's lane is in order */
            work(ports, take(ports->log, &ports->log_count, 0));
            return true;
        }
        break;
    case 1:
        if (ports->worker_count > 0) {
            uint64_t position = simulated_below(ports, ports->worker_count);
            work(ports, take(ports->workers, &ports->worker_count, position));
            return true;
        }
        break;
    default:
        if (ports->finished_count > 0) {
            uint64_t position = simulated_below(ports, ports->finished_count);
            struct job *job = take(ports->finished, &ports->finished_count, position);
            job->done(job);
            return true;
        }
        break;
    }
    return ports->log_count + ports->worker_count + ports->finished_count > 0;
}
