/* executor.c -- the contract is in executor.h.
 *
 * The loop is woken through an eventfd of our own and not uv_async_t: libuv's loop spins, up to a
 * thousand pauses, while the sender has set its flag and is still in write(2), and a log write that
 * comes back hits just that (it was 4% of a loaded loop's time).
 */
#include "node/executor.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

enum { LANE_COUNT = 2, THREAD_COUNT = 1 + EXECUTOR_WORKER_THREADS };

struct job_queue {
    struct job *first;
    struct job *last;
};

struct lane {
    struct executor_threads *threads;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct job_queue queue;
    bool closing;
};

struct executor_threads {
    struct executor table; /* first: submit() casts back */
    struct lane lanes[LANE_COUNT];
    pthread_t ids[THREAD_COUNT];
    int event_fd; /* readable when jobs have come back */
    uv_poll_t poll;
    pthread_mutex_t done_mutex;
    struct job_queue done;
};

static void push(struct job_queue *queue, struct job *job)
{
    job->next = NULL;
    if (queue->first == NULL) {
        queue->first = job;
    } else {
        queue->last->next = job;
    }
    queue->last = job;
}

static struct job *pop(struct job_queue *queue)
{
    struct job *job = queue->first;
    if (job != NULL) {
        queue->first = job->next;
    }
    return job;
}

static void submit(struct executor *executor, enum executor_lane lane_index, struct job *job)
{
    struct executor_threads *threads = (struct executor_threads *)executor;
    struct lane *lane = &threads->lanes[lane_index];
    pthread_mutex_lock(&lane->mutex);
    push(&lane->queue, job);
    pthread_mutex_unlock(&lane->mutex);
    pthread_cond_signal(&lane->wake);
}

/* Waits for the lane's next job; NULL when it closes. */
static struct job *take(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    while (lane->queue.first == NULL && !lane->closing) {
        pthread_cond_wait(&lane->wake, &lane->mutex);
    }
    struct job *job = pop(&lane->queue);
    pthread_mutex_unlock(&lane->mutex);
    return job;
}

static void *thread_main(void *argument)
{
    struct lane *lane = argument;
    struct executor_threads *threads = lane->threads;
    struct job *job;
    while ((job = take(lane)) != NULL) {
        job->work(job);
        pthread_mutex_lock(&threads->done_mutex);
        bool first = threads->done.first == NULL;
        push(&threads->done, job);
        pthread_mutex_unlock(&threads->done_mutex);
        if (first) {
            int error = eventfd_write(threads->event_fd, 1);
            CHECK(error == 0);
        }
    }
    return NULL;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct executor_threads *threads = poll->data;
    eventfd_t count;
    (void)status;
    (void)events;
    (void)eventfd_read(threads->event_fd, &count); /* not blocking; before the queue is emptied */
    pthread_mutex_lock(&threads->done_mutex);
    struct job_queue done = threads->done;
    threads->done = (struct job_queue){0};
    pthread_mutex_unlock(&threads->done_mutex);
    struct job *job;
    while ((job = pop(&done)) != NULL) {
        job->done(job);
    }
}

enum status executor_threads_open(struct executor_threads **out, uv_loop_t *loop)
{
    struct executor_threads *threads = calloc(1, sizeof(*threads));
    if (threads == NULL) {
        return STATUS_NO_MEMORY;
    }
    threads->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (threads->event_fd < 0 || uv_poll_init(loop, &threads->poll, threads->event_fd) != 0 ||
        uv_poll_start(&threads->poll, UV_READABLE, on_event) != 0) {
        free(threads);
        return STATUS_NO_MEMORY; /* the process ends: nothing is given back */
    }
    threads->table.submit = submit;
    threads->poll.data = threads;
    pthread_mutex_init(&threads->done_mutex, NULL);
    for (int i = 0; i < LANE_COUNT; i++) {
        threads->lanes[i].threads = threads;
        pthread_mutex_init(&threads->lanes[i].mutex, NULL);
        pthread_cond_init(&threads->lanes[i].wake, NULL);
    }
    for (int i = 0; i < THREAD_COUNT; i++) {
        struct lane *lane = &threads->lanes[i == 0 ? EXECUTOR_LOG : EXECUTOR_WORKERS];
        if (pthread_create(&threads->ids[i], NULL, thread_main, lane) != 0) {
            return STATUS_NO_MEMORY; /* the process ends: nothing is given back */
        }
    }
    *out = threads;
    return STATUS_OK;
}

struct executor *executor_threads_table(struct executor_threads *threads)
{
    return &threads->table;
}

void executor_threads_close(struct executor_threads *threads)
{
    for (int i = 0; i < LANE_COUNT; i++) {
        struct lane *lane = &threads->lanes[i];
        pthread_mutex_lock(&lane->mutex);
        lane->closing = true;
        pthread_mutex_unlock(&lane->mutex);
        pthread_cond_broadcast(&lane->wake);
    }
    for (int i = 0; i < THREAD_COUNT; i++) {
        pthread_join(threads->ids[i], NULL);
    }
    uv_close((uv_handle_t *)&threads->poll, NULL);
}

void executor_threads_free(struct executor_threads *threads)
{
    if (threads != NULL) {
        (void)close(threads->event_fd);
    }
    free(threads);
}
