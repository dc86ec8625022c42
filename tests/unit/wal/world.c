#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "lazy_disk.h"
#include "support/memory_disk.h"
#include "wal/wal_sized.h"

/* What a group begins with: entries full of it must not be taken for groups. */
static const uint64_t MAGIC = UINT64_C(0x317072674c415789);

static uint64_t mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint64_t world_random(struct world *world)
{
    world->seed++;
    return mix(world->seed);
}

/* ---- Entries ---- */

uint32_t world_entry_size(uint64_t number)
{
    uint64_t value = mix(number);
    uint64_t size = value % 8 == 0 ? value >> 8 : (value >> 8) % 300;
    return (uint32_t)(size % WORLD_ENTRY_SIZE_MAX) & (value % 3 == 0 ? ~7U : ~0U);
}

struct wal_entry world_entry(uint64_t index, uint64_t number, uint8_t *bytes)
{
    uint32_t size = world_entry_size(number);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] =
            (uint8_t)(mix(number) % 3 == 0 ? MAGIC >> (i % 8 * 8) : mix(number + i / 8) >> i % 8);
    }
    return (struct wal_entry){
        .index = index,
        .term = mix(number) >> 3,
        .type = (uint8_t)(mix(number) >> 5),
        .size = size,
        .data = bytes,
    };
}

/* The number is found by trying those that the models have at this index. */
static bool entry_is(const struct wal_entry *entry, uint64_t number)
{
    uint8_t bytes[WORLD_ENTRY_SIZE_MAX];
    struct wal_entry expected = world_entry(entry->index, number, bytes);
    return entry->term == expected.term && entry->type == expected.type &&
           entry->size == expected.size && memcmp(entry->data, bytes, expected.size) == 0;
}

static enum status entry_see(void *context, const struct wal_entry *entry)
{
    struct world *world = context;
    assert_int_equal(entry->index, world->seen.last + 1);
    assert_true(entry->index < WORLD_ENTRIES_MAX);
    uint64_t number = 0;
    if (entry->index <= world->durable.last &&
        entry_is(entry, world->durable.numbers[entry->index])) {
        number = world->durable.numbers[entry->index];
    } else if (entry->index <= world->sealed.last &&
               entry_is(entry, world->sealed.numbers[entry->index])) {
        number = world->sealed.numbers[entry->index];
    }
    assert_int_not_equal(number, 0);
    world->seen.numbers[entry->index] = number;
    world->seen.last = entry->index;
    return STATUS_OK;
}

/* ---- Log lines ---- */

static int log_fd = -1;
static int log_saved_fd = -1;

void world_log_begin(void)
{
    CHECK(log_fd < 0);
    log_fd = memfd_create("log", 0);
    log_saved_fd = dup(STDERR_FILENO);
    CHECK(log_fd >= 0);
    CHECK(log_saved_fd >= 0);
    CHECK(dup2(log_fd, STDERR_FILENO) >= 0);
}

void world_log_end(char *target, size_t size)
{
    CHECK(log_fd >= 0);
    CHECK(dup2(log_saved_fd, STDERR_FILENO) >= 0);
    ssize_t count = pread(log_fd, target, size - 1, 0);
    CHECK(count >= 0);
    target[count] = '\0';
    (void)close(log_fd);
    (void)close(log_saved_fd);
    log_fd = -1;
}

/* ---- The world ---- */

void world_init(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    world->seed = mix(seed);
    world->memory = memory_disk_open();
    const struct disk_operations *operations = world->memory->operations;
    assert_int_equal(operations->make_directory(world->memory, "log"), STATUS_OK);
    assert_int_equal(operations->sync_directory(world->memory, ""), STATUS_OK);
    world->disk = lazy_disk_open(world->memory);
}

void world_deinit(struct world *world)
{
    world_kill(world);
    lazy_disk_close(world->disk);
    memory_disk_close(world->memory);
}

void world_kill(struct world *world)
{
    wal_close(world->wal);
    world->wal = NULL;
}

static bool model_is_seen(const struct world *world, const struct model *model)
{
    if (wal_index_last(world->wal) != model->last) {
        return false;
    }
    uint64_t from = world->snapshot + 1;
    return model->last < from ||
           (world->seen.last == model->last &&
            memcmp(world->seen.numbers + from, model->numbers + from,
                   (model->last - from + 1) * sizeof(model->numbers[0])) == 0);
}

enum status world_try_open(struct world *world)
{
    assert_null(world->wal);
    world->seen.last = world->snapshot;
    world_log_begin();
    enum status status = wal_open_sized(&world->wal, world->disk, WORLD_SEGMENT_SIZE,
                                        world->snapshot + 1, entry_see, world);
    world_log_end(world->log, sizeof(world->log));
    if (status != STATUS_OK) {
        assert_null(world->wal);
        return status;
    }
    if (!model_is_seen(world, &world->durable)) {
        assert_true(model_is_seen(world, &world->sealed));
        world->durable = world->sealed;
    }
    world->sealed = world->durable;
    world->appended = world->durable;
    assert_int_equal(wal_index_durable(world->wal), world->durable.last);
    assert_false(wal_pending(world->wal));
    assert_false(wal_writing(world->wal));
    return STATUS_OK;
}

void world_open(struct world *world)
{
    enum status status = world_try_open(world);
    if (status != STATUS_OK) {
        print_error("%s", world->log);
    }
    assert_int_equal(status, STATUS_OK);
}

enum status world_try_append(struct world *world, uint64_t index, uint64_t number)
{
    uint8_t bytes[WORLD_ENTRY_SIZE_MAX];
    struct wal_entry entry = world_entry(index, number, bytes);
    enum status status = wal_append(world->wal, &entry);
    if (status == STATUS_OK) {
        assert_true(index < WORLD_ENTRIES_MAX);
        world->appended.numbers[index] = number;
        world->appended.last = index;
    }
    assert_int_equal(wal_index_last(world->wal), world->appended.last);
    assert_true(wal_index_durable(world->wal) <= world->durable.last);
    return status;
}

void world_append(struct world *world, uint64_t index, uint64_t number)
{
    assert_int_equal(world_try_append(world, index, number), STATUS_OK);
    assert_true(wal_pending(world->wal));
}

enum status world_try_write(struct world *world)
{
    bool entries = wal_pending(world->wal);
    world->sealed = world->appended;
    wal_seal(world->wal);
    assert_true(wal_writing(world->wal));
    assert_false(wal_pending(world->wal));
    enum status status = wal_write(world->wal);
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_IO);
        assert_int_equal(wal_write(world->wal), STATUS_IO);
        return status;
    }
    wal_written(world->wal);
    world->durable = world->sealed;
    assert_int_equal(wal_index_durable(world->wal), world->durable.last);
    assert_int_equal(wal_witness_due(world->wal), entries);
    return STATUS_OK;
}

void world_write(struct world *world)
{
    assert_int_equal(world_try_write(world), STATUS_OK);
}

void world_release(struct world *world, uint64_t index)
{
    assert_true(index <= world->durable.last);
    if (world->snapshot < index) {
        world->snapshot = index;
    }
    wal_release(world->wal, index);
}

struct copy {
    struct world *from;
    struct world *to;
};

static enum status file_copy(void *context, const char *name)
{
    struct copy *copy = context;
    char path[DISK_NAME_SIZE_MAX] = "log/";
    uint64_t size;
    (void)stpcpy(path + strlen(path), name);
    const uint8_t *bytes = memory_disk_bytes(copy->from->memory, path, &size);
    memory_disk_put(copy->to->memory, path, bytes, size);
    return STATUS_OK;
}

void world_copy(struct world *world, struct world *other)
{
    struct copy copy = {.from = other, .to = world};
    assert_int_equal(other->memory->operations->list(other->memory, "log", file_copy, &copy),
                     STATUS_OK);
    world->snapshot = other->snapshot;
    world->durable = other->durable;
    world->sealed = other->sealed;
}
