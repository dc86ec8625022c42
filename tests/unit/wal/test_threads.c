/* The loop appends while a writer thread of its own writes; run it under ThreadSanitizer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/memory_disk.h"
#include "wal/wal.h"
#include "wal/wal_sized.h"

enum { ENTRIES = 20000, SEGMENT_SIZE = 256 * 1024 };

enum order { ORDER_NONE, ORDER_WRITE, ORDER_END };

struct writer {
    struct wal *wal;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum order order;
    bool back;
    enum status status;
};

static void *writer_run(void *context)
{
    struct writer *writer = context;
    (void)pthread_mutex_lock(&writer->mutex);
    while (writer->order != ORDER_END) {
        if (writer->order == ORDER_NONE) {
            (void)pthread_cond_wait(&writer->changed, &writer->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&writer->mutex);
        enum status status = wal_write(writer->wal);
        (void)pthread_mutex_lock(&writer->mutex);
        writer->status = status;
        writer->order = ORDER_NONE;
        writer->back = true;
        (void)pthread_cond_broadcast(&writer->changed);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

static void writer_order(struct writer *writer, enum order order)
{
    (void)pthread_mutex_lock(&writer->mutex);
    writer->order = order;
    (void)pthread_cond_broadcast(&writer->changed);
    (void)pthread_mutex_unlock(&writer->mutex);
}

/* True if a write came back; waits for it if `wait`. */
static bool writer_is_back(struct writer *writer, bool wait)
{
    (void)pthread_mutex_lock(&writer->mutex);
    while (wait && !writer->back) {
        (void)pthread_cond_wait(&writer->changed, &writer->mutex);
    }
    bool back = writer->back;
    writer->back = false;
    if (back) {
        assert_int_equal(writer->status, STATUS_OK);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return back;
}

static enum status index_note(void *context, const struct wal_entry *entry)
{
    uint64_t *index = context;
    assert_int_equal(entry->index, *index + 1);
    assert_int_equal(entry->size, entry->index % 1500);
    *index = entry->index;
    return STATUS_OK;
}

/* What a turn of the loop does with the log. */
static void turn(struct writer *writer, bool wait)
{
    if (wal_writing(writer->wal) && writer_is_back(writer, wait)) {
        wal_written(writer->wal);
    }
    if (!wal_writing(writer->wal) && (wal_pending(writer->wal) || wal_witness_due(writer->wal))) {
        wal_seal(writer->wal);
        writer_order(writer, ORDER_WRITE);
    }
}

static void test_appending_and_writing_go_on_together(void **state)
{
    (void)state;
    static uint8_t bytes[1500];
    struct disk *disk = memory_disk_open();
    struct writer writer = {.order = ORDER_NONE};
    pthread_t thread;
    uint64_t seen = 0;
    assert_int_equal(disk->operations->make_directory(disk, "log"), STATUS_OK);
    assert_int_equal(wal_open_sized(&writer.wal, disk, SEGMENT_SIZE, 1, index_note, &seen),
                     STATUS_OK);
    assert_int_equal(pthread_mutex_init(&writer.mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&writer.changed, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, writer_run, &writer), 0);
    for (uint64_t index = 1; index <= ENTRIES;) {
        struct wal_entry entry = {
            .index = index, .term = 1, .size = (uint32_t)(index % 1500), .data = bytes};
        bool full = wal_append(writer.wal, &entry) == STATUS_FULL;
        index += full ? 0 : 1;
        assert_true(wal_index_durable(writer.wal) <= wal_index_last(writer.wal));
        uint64_t durable = wal_index_durable(writer.wal);
        wal_release(writer.wal, durable > 1000 ? durable - 1000 : 0);
        turn(&writer, full);
    }
    while (wal_pending(writer.wal) || wal_writing(writer.wal) || wal_witness_due(writer.wal)) {
        turn(&writer, true);
    }
    assert_int_equal(wal_index_durable(writer.wal), ENTRIES);
    writer_order(&writer, ORDER_END);
    assert_int_equal(pthread_join(thread, NULL), 0);
    wal_close(writer.wal);
    seen = ENTRIES - 900;
    assert_int_equal(wal_open_sized(&writer.wal, disk, SEGMENT_SIZE, seen + 1, index_note, &seen),
                     STATUS_OK);
    assert_int_equal(seen, ENTRIES);
    wal_close(writer.wal);
    memory_disk_close(disk);
    (void)pthread_cond_destroy(&writer.changed);
    (void)pthread_mutex_destroy(&writer.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appending_and_writing_go_on_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
