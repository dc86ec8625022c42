/* The ring between the loop and its workers, with real threads: for ThreadSanitizer above all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/check.h"
#include "fixture.h"

enum {
    LENGTH = 3 * RECORDS_IN_MEMORY + 1234, /* the ring comes round three times */
    BURST = 700,                           /* records of one turn of the loop */
    READERS = 2,
};

/* The queue between the threads, as small as can be: one job at a time. */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct journal *journal;
    uint64_t length_asked; /* of the job; 0: none */
    uint64_t length_done;  /* of the last one that has come back */
    bool closing;
    enum status status;
};

static void *worker_run(void *context)
{
    struct queue *queue = context;
    uint64_t jobs = 0;
    CHECK(pthread_mutex_lock(&queue->mutex) == 0);
    for (;;) {
        while (queue->length_asked == 0 && !queue->closing) {
            CHECK(pthread_cond_wait(&queue->changed, &queue->mutex) == 0);
        }
        if (queue->length_asked == 0) {
            break;
        }
        uint64_t length = queue->length_asked;
        CHECK(pthread_mutex_unlock(&queue->mutex) == 0);
        enum status status = journal_flush(queue->journal, length);
        if (status == STATUS_OK && ++jobs % 16 == 0) {
            struct journal_mark mark;
            status = journal_sync(queue->journal);
            journal_fingerprint(queue->journal, &mark);
            CHECK(mark.length == length);
        }
        CHECK(pthread_mutex_lock(&queue->mutex) == 0);
        queue->status = status;
        queue->length_done = length;
        queue->length_asked = 0;
        CHECK(pthread_cond_broadcast(&queue->changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&queue->mutex) == 0);
    return NULL;
}

/* Another worker: reads what is flushed, from the files. */
static void *reader_run(void *context)
{
    struct queue *queue = context;
    uint64_t first = 0;
    for (;;) {
        struct record records[33];
        CHECK(pthread_mutex_lock(&queue->mutex) == 0);
        while (queue->length_done < first + 33 && !queue->closing) {
            CHECK(pthread_cond_wait(&queue->changed, &queue->mutex) == 0);
        }
        bool closing = queue->closing;
        CHECK(pthread_mutex_unlock(&queue->mutex) == 0);
        if (closing) {
            return NULL;
        }
        CHECK(journal_read(queue->journal, first, 33, records) == STATUS_OK);
        for (uint32_t i = 0; i < 33; i++) {
            struct record expected = expected_record(first + i);
            CHECK(memcmp(&records[i], &expected, RECORD_SIZE) == 0);
        }
        first += 97;
    }
}

/* A turn of the loop: hears of the last job's end, and makes the next. */
static void loop_turn(struct queue *queue, bool wait)
{
    CHECK(pthread_mutex_lock(&queue->mutex) == 0);
    while (wait && queue->length_asked != 0) {
        CHECK(pthread_cond_wait(&queue->changed, &queue->mutex) == 0);
    }
    if (queue->length_asked == 0) {
        CHECK(queue->status == STATUS_OK);
        journal_flushed(queue->journal, queue->length_done);
        if (journal_length(queue->journal) > queue->length_done) {
            queue->length_asked = journal_length(queue->journal);
            CHECK(pthread_cond_broadcast(&queue->changed) == 0);
        }
    }
    CHECK(pthread_mutex_unlock(&queue->mutex) == 0);
}

static void loop_and_workers_share_the_ring_without_a_lock(void **state)
{
    (void)state;
    struct fixture f;
    struct journal_mark empty = {0};
    struct journal_mark mark;
    pthread_t worker;
    pthread_t readers[READERS];
    fixture_setup(&f, 50000);
    assert_int_equal(fixture_open(&f, &empty), STATUS_OK);
    struct queue queue = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER,
                          .journal = f.journal};
    assert_int_equal(pthread_create(&worker, NULL, worker_run, &queue), 0);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, reader_run, &queue), 0);
    }

    uint32_t in_burst = 0;
    while (journal_length(f.journal) < LENGTH) {
        struct record record = expected_record(journal_length(f.journal));
        enum status status = journal_append(f.journal, &record);
        in_burst++;
        if (status == STATUS_FULL || in_burst == BURST) {
            in_burst = 0;
            loop_turn(&queue, status == STATUS_FULL);
        }
        uint64_t oldest = journal_length(f.journal) < RECORDS_IN_MEMORY
                              ? 0
                              : journal_length(f.journal) - RECORDS_IN_MEMORY;
        assert_non_null(journal_recent(f.journal, oldest));
    }
    while (journal_length_flushed(f.journal) < LENGTH) {
        loop_turn(&queue, true);
    }

    CHECK(pthread_mutex_lock(&queue.mutex) == 0);
    queue.closing = true;
    CHECK(pthread_cond_broadcast(&queue.changed) == 0);
    CHECK(pthread_mutex_unlock(&queue.mutex) == 0);
    assert_int_equal(pthread_join(worker, NULL), 0);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    journal_fingerprint(f.journal, &mark);
    struct journal_mark expected = expected_mark(LENGTH);
    assert_memory_equal(&mark, &expected, sizeof(mark));
    assert_int_equal(fixture_open(&f, &mark), STATUS_OK);
    fixture_teardown(&f);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(loop_and_workers_share_the_ring_without_a_lock),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
