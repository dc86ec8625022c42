#include "node/executor.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { JOBS = 4000, EACH_TURN = 7 };

struct world;

struct task {
    struct job job; /* first: the callbacks cast back */
    struct world *world;
    enum executor_lane lane;
    uint32_t number; /* in its lane */
    uint32_t worked; /* written off the loop, read on it */
    uint32_t done;   /* on the loop only */
    uint32_t again;  /* how often it is submitted anew from its own `done` */
    bool worked_on_loop;
};

struct world {
    uv_loop_t loop;
    struct executor_threads *threads;
    struct executor *executor;
    pthread_t loop_thread;
    uv_idle_t idle;
    struct task *tasks;
    uint32_t task_count;
    uint32_t submitted;
    uint32_t done;
    uint32_t log_worked; /* only the log's one thread touches it */
    uint32_t log_done;
    bool out_of_order; /* the same */
    bool done_off_loop;
};

static void work(struct job *job)
{
    struct task *task = (struct task *)job;
    struct world *world = task->world;
    task->worked++;
    task->worked_on_loop = pthread_equal(pthread_self(), world->loop_thread) != 0;
    if (task->lane == EXECUTOR_LOG) {
        world->out_of_order = world->out_of_order || world->log_worked != task->number;
        world->log_worked++;
    }
}

static void finish_if_all_are_done(struct world *world)
{
    if (world->done == world->task_count) {
        uv_close((uv_handle_t *)&world->idle, NULL);
        executor_threads_close(world->threads);
    }
}

static void done(struct job *job)
{
    struct task *task = (struct task *)job;
    struct world *world = task->world;
    task->done++;
    world->done_off_loop =
        world->done_off_loop || pthread_equal(pthread_self(), world->loop_thread) == 0;
    if (task->lane == EXECUTOR_LOG) {
        assert_int_equal(world->log_done, task->number); /* they come back in order too */
        world->log_done++;
    }
    if (task->again > 0) {
        task->again--;
        world->executor->submit(world->executor, task->lane, job);
        return;
    }
    world->done++;
    finish_if_all_are_done(world);
}

static void submit_next(struct world *world)
{
    struct task *task = &world->tasks[world->submitted++];
    task->world = world;
    task->job.work = work;
    task->job.done = done;
    world->executor->submit(world->executor, task->lane, &task->job);
}

/* A few jobs in every turn, while others come back. */
static void on_idle(uv_idle_t *idle)
{
    struct world *world = idle->data;
    for (int i = 0; i < EACH_TURN && world->submitted < world->task_count; i++) {
        submit_next(world);
    }
    if (world->submitted == world->task_count) {
        uv_idle_stop(idle); /* from here on only the threads wake the loop */
    }
}

static void world_open(struct world *world, uint32_t count)
{
    *world = (struct world){.task_count = count, .loop_thread = pthread_self()};
    world->tasks = calloc(count, sizeof(*world->tasks));
    assert_non_null(world->tasks);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    assert_int_equal(executor_threads_open(&world->threads, &world->loop), STATUS_OK);
    world->executor = executor_threads_table(world->threads);
    uv_idle_init(&world->loop, &world->idle);
    world->idle.data = world;
    uv_idle_start(&world->idle, on_idle);
}

static void world_run(struct world *world)
{
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    executor_threads_free(world->threads);
    assert_int_equal(world->done, world->task_count);
    assert_false(world->done_off_loop);
    assert_false(world->out_of_order);
}

static void lanes_set(struct world *world, uint32_t log_one_in)
{
    uint32_t log_count = 0;
    for (uint32_t i = 0; i < world->task_count; i++) {
        struct task *task = &world->tasks[i];
        task->lane = i % log_one_in == 0 ? EXECUTOR_LOG : EXECUTOR_WORKERS;
        task->number = task->lane == EXECUTOR_LOG ? log_count++ : 0;
    }
}

static void each_job_works_off_the_loop_and_comes_back_on_it_once(void **state)
{
    (void)state;
    for (uint32_t log_one_in = 1; log_one_in <= 4; log_one_in++) {
        struct world world;
        world_open(&world, JOBS);
        lanes_set(&world, log_one_in);
        world_run(&world);
        for (uint32_t i = 0; i < JOBS; i++) {
            assert_int_equal(world.tasks[i].worked, 1);
            assert_int_equal(world.tasks[i].done, 1);
            assert_false(world.tasks[i].worked_on_loop);
        }
        assert_int_equal(world.log_worked, (JOBS + log_one_in - 1) / log_one_in);
        free(world.tasks);
    }
}

static void all_at_once_the_log_s_jobs_keep_their_order(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, JOBS);
    lanes_set(&world, 2);
    while (world.submitted < JOBS) { /* before the loop runs at all */
        submit_next(&world);
    }
    world_run(&world);
    assert_int_equal(world.log_done, JOBS / 2);
    free(world.tasks);
}

/* As the replica does it: the memory of a job is free for the next one when `done` is called. */
static void a_job_may_be_submitted_anew_from_its_own_end(void **state)
{
    (void)state;
    enum { TASKS = 3, AGAIN = 1000 };
    struct world world;
    world_open(&world, TASKS);
    for (uint32_t i = 0; i < TASKS; i++) {
        world.tasks[i].lane = EXECUTOR_WORKERS;
        world.tasks[i].again = AGAIN;
    }
    world_run(&world);
    for (uint32_t i = 0; i < TASKS; i++) {
        assert_int_equal(world.tasks[i].worked, AGAIN + 1);
        assert_int_equal(world.tasks[i].done, AGAIN + 1);
    }
    free(world.tasks);
}

static void threads_without_a_job_end_when_they_are_closed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 1);
    uv_close((uv_handle_t *)&world.idle, NULL);
    executor_threads_close(world.threads);
    assert_int_equal(uv_run(&world.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world.loop), 0);
    executor_threads_free(world.threads);
    executor_threads_free(NULL);
    free(world.tasks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_job_works_off_the_loop_and_comes_back_on_it_once),
        cmocka_unit_test(all_at_once_the_log_s_jobs_keep_their_order),
        cmocka_unit_test(a_job_may_be_submitted_anew_from_its_own_end),
        cmocka_unit_test(threads_without_a_job_end_when_they_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
