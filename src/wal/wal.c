/* wal.c -- the contract is in wal.h; this file is the loop's side and what ties the parts together.
 *
 *      wal_group    the bytes of a group
 *      wal_writer   the segments, and writing groups into them: the writer thread's side
 *      wal_scan     reading the log at a start
 *
 * Two threads use a log without a lock. What the loop changes lies in struct wal_loop, what the writer
 * thread changes in struct wal_writer, and a sealed group belongs to the writer as well. Between
 * wal_seal and wal_written each side touches only its own; outside of it the loop owns both. Handing
 * work to the writer thread and getting it back must order memory, as every queue between threads
 * does.
 */
#include "wal/wal.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"
#include "wal/wal_group.h"
#include "wal/wal_scan.h"
#include "wal/wal_sized.h"
#include "wal/wal_writer.h"

/* Invariants: index_durable <= index_last; the entries of the group being filled end at index_last. */
struct wal_loop {
    struct wal_group *filling; /* one of the two groups */
    bool writing;
    bool witness_due;
    bool had_entries;
    uint64_t index_last;
    uint64_t index_durable;
    uint64_t index_released;
    uint64_t size_unreleased;
};

struct wal {
    struct wal_loop loop;
    struct wal_group *sealed; /* the other group: the writer's between wal_seal and wal_written */
    struct wal_group groups[2];
    uint8_t *buffers; /* of both groups; pages that no group ever reached cost nothing */
    uint32_t buffers_size;
    struct wal_writer writer;
};

static enum status buffers_make(struct wal *wal)
{
    uint32_t size_max = wal->writer.segment_size / WAL_GROUPS_IN_SEGMENT_MIN;
    void *buffers = mmap(NULL, (size_t)size_max * 2, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffers == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    wal->buffers = buffers;
    wal->buffers_size = size_max * 2;
    for (uint32_t i = 0; i < 2; i++) {
        struct wal_group *group = &wal->groups[i];
        group->bytes = wal->buffers + (size_t)i * size_max;
        group->size_max = size_max;
        wal_group_clear(group);
    }
    wal->loop.filling = &wal->groups[0];
    wal->sealed = &wal->groups[1];
    return STATUS_OK;
}

/* Writes the last valid group again (wal_scan.c says why). Nothing is released yet, so that no
 * segment is recycled on the strength of entries that may be only in the page cache. */
static enum status last_repeat(struct wal *wal, struct wal_scan *scan)
{
    CHECK(wal->writer.released_count == 0);
    enum status status = wal_scan_last(scan, wal->sealed);
    if (status == STATUS_OK) {
        status = wal_writer_write(&wal->writer, wal->sealed, WAL_GROUP_REPEAT);
    }
    wal->loop.witness_due = wal->sealed->count > 0;
    return status;
}

/* Everything that a start writes, in the order that lets it be cut off anywhere. */
static enum status settle(struct wal *wal, struct wal_scan *scan)
{
    struct wal_writer *writer = &wal->writer;
    enum status status = wal_writer_spares_find(writer);
    if (status == STATUS_OK && writer->segments_count > 0) {
        /* The last rename may not be on the disk, and the first group under the name comes now. */
        status = writer->disk->operations->sync_directory(writer->disk, "log");
    }
    if (status == STATUS_OK) {
        status = writer->segments_count > 0 ? wal_writer_segment_open(writer)
                                            : wal_writer_segment_next(writer);
    }
    if (status == STATUS_OK && scan->found) {
        status = last_repeat(wal, scan);
    }
    if (status == STATUS_OK) {
        wal_writer_release(writer, scan->index_first - 1);
        status = wal_writer_spares_make(writer);
    }
    return status;
}

static enum status recover(struct wal *wal, uint64_t index_first, wal_visit_fn *visit,
                           void *context)
{
    struct wal_scan scan;
    enum status status = wal_scan_init(&scan, &wal->writer, index_first);
    if (status != STATUS_OK) {
        return status;
    }
    status = wal_scan_read(&scan);
    if (status == STATUS_OK) {
        status = wal_scan_visit(&scan, visit, context);
    }
    if (status == STATUS_OK) {
        status = settle(wal, &scan);
    }
    wal->loop.index_last = scan.index_last > 0 ? scan.index_last : index_first - 1;
    wal->loop.index_durable = wal->loop.index_last;
    wal->loop.had_entries = scan.index_last > 0;
    wal->loop.index_released = index_first - 1;
    wal->loop.size_unreleased = wal_writer_size_unreleased(&wal->writer);
    wal_scan_deinit(&scan);
    return status;
}

enum status wal_open_sized(struct wal **out, struct disk *disk, uint32_t segment_size,
                           uint64_t index_first, wal_visit_fn *visit, void *context)
{
    CHECK(index_first > 0);
    CHECK(segment_size > 0);
    CHECK(segment_size <= WAL_SEGMENT_SIZE);
    CHECK(segment_size % (WAL_GROUPS_IN_SEGMENT_MIN * WAL_BLOCK_SIZE) == 0);

    struct wal *wal = calloc(1, sizeof(*wal));
    if (wal == NULL) {
        return STATUS_NO_MEMORY;
    }
    wal->writer.disk = disk;
    wal->writer.segment_size = segment_size;
    enum status status = buffers_make(wal);
    if (status == STATUS_OK) {
        status = recover(wal, index_first, visit, context);
    }
    if (status != STATUS_OK) {
        wal_close(wal); /* accepts a half-opened log */
        return status;
    }
    *out = wal;
    return STATUS_OK;
}

enum status wal_open(struct wal **out, struct disk *disk, uint64_t index_first, wal_visit_fn *visit,
                     void *context)
{
    return wal_open_sized(out, disk, WAL_SEGMENT_SIZE, index_first, visit, context);
}

void wal_close(struct wal *wal)
{
    if (wal == NULL) {
        return;
    }
    wal_writer_deinit(&wal->writer);
    if (wal->buffers != NULL) {
        CHECK(munmap(wal->buffers, wal->buffers_size) == 0);
    }
    free(wal);
}

enum status wal_append(struct wal *wal, const struct wal_entry *entry)
{
    struct wal_loop *loop = &wal->loop;
    CHECK(entry->index > 0);
    CHECK(entry->index <= loop->index_last + 1);

    enum status status = wal_group_add(loop->filling, entry);
    if (status != STATUS_OK) {
        return status;
    }
    loop->index_last = entry->index;
    if (loop->index_durable >= entry->index) {
        loop->index_durable = entry->index - 1;
    }
    return STATUS_OK;
}

bool wal_pending(const struct wal *wal)
{
    return wal->loop.filling->count > 0;
}

bool wal_writing(const struct wal *wal)
{
    return wal->loop.writing;
}

void wal_seal(struct wal *wal)
{
    struct wal_loop *loop = &wal->loop;
    CHECK(!loop->writing);
    struct wal_group *group = loop->filling;
    loop->filling = wal->sealed;
    wal_group_clear(loop->filling);
    wal->sealed = group;
    loop->writing = true;
}

enum status wal_write(struct wal *wal)
{
    return wal_writer_write(&wal->writer, wal->sealed, 0);
}

void wal_written(struct wal *wal)
{
    struct wal_loop *loop = &wal->loop;
    const struct wal_group *group = wal->sealed;
    CHECK(loop->writing);
    CHECK(!wal->writer.failed);
    loop->writing = false;
    loop->witness_due = group->count > 0;
    if (group->count > 0) {
        uint64_t index = group->index_first + group->count - 1;
        if (loop->filling->count > 0 && loop->filling->index_first <= index) {
            index = loop->filling->index_first - 1; /* replaced while it was being written */
        }
        loop->index_durable = index;
    }
    CHECK(loop->index_durable <= loop->index_last);
    wal_writer_release(&wal->writer, loop->index_released);
    loop->size_unreleased = wal_writer_size_unreleased(&wal->writer);
}

uint64_t wal_index_durable(const struct wal *wal)
{
    return wal->loop.index_durable;
}

bool wal_had_entries(const struct wal *wal)
{
    return wal->loop.had_entries;
}

uint64_t wal_index_last(const struct wal *wal)
{
    return wal->loop.index_last;
}

bool wal_witness_due(const struct wal *wal)
{
    return wal->loop.witness_due;
}

void wal_release(struct wal *wal, uint64_t index)
{
    struct wal_loop *loop = &wal->loop;
    if (loop->index_released < index) {
        loop->index_released = index;
    }
    if (!loop->writing) {
        wal_writer_release(&wal->writer, loop->index_released);
        loop->size_unreleased = wal_writer_size_unreleased(&wal->writer);
    }
}

uint64_t wal_size_unreleased(const struct wal *wal)
{
    return wal->loop.size_unreleased;
}
