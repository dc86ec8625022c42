/* wal_writer.c -- the contract is in wal_writer.h.
 *
 * A file gets the name of a segment only when it has its full size on the disk, and the directory is
 * synced before its first group; so a segment of another size is damage, and a segment without a
 * group is one that was prepared before a crash.
 *
 * An epoch is one more than the greatest in the directory. None is used twice: the segment with the
 * greatest is the one written to, which is never renamed, and a rename that a crash undoes had no
 * group yet under its epoch.
 */
#include "wal/wal_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"

static const char DIRECTORY[] = "log";
static const char NAME_NEW[] = "log/new"; /* being zeroed; worthless after a crash */

static_assert(WAL_SEGMENT_SIZE / WAL_GROUPS_IN_SEGMENT_MIN == WAL_GROUP_SIZE_MAX,
              "the greatest group is as great as promised");

void wal_segment_name(uint64_t epoch, char out[DISK_NAME_SIZE_MAX])
{
    int count = snprintf(out, DISK_NAME_SIZE_MAX, "log/log-%016" PRIx64, epoch);
    CHECK(count > 0 && count < DISK_NAME_SIZE_MAX);
}

static void spare_name(uint32_t spare, char out[DISK_NAME_SIZE_MAX])
{
    int count = snprintf(out, DISK_NAME_SIZE_MAX, "log/spare-%" PRIu32, spare);
    CHECK(count > 0 && count < DISK_NAME_SIZE_MAX);
}

enum status wal_writer_spares_find(struct wal_writer *writer)
{
    const struct disk_operations *operations = writer->disk->operations;
    enum status status = operations->remove(writer->disk, NAME_NEW);
    for (uint32_t i = 0; i < WAL_SPARES_MIN && status == STATUS_OK; i++) {
        char name[DISK_NAME_SIZE_MAX];
        struct disk_file *file;
        spare_name(i, name);
        status = operations->open(writer->disk, name, DISK_READ, &file);
        if (status == STATUS_MISSING) {
            status = STATUS_OK;
            continue;
        }
        if (status != STATUS_OK) {
            break;
        }
        uint64_t size = 0;
        status = operations->size(file, &size);
        operations->close(file);
        writer->spares[i] = size == writer->segment_size;
        if (status == STATUS_OK && !writer->spares[i]) {
            status = operations->remove(writer->disk, name); /* of another size: not of this log */
        }
    }
    return status;
}

/* Really writes the zeros: a block that was only reserved makes each later sync of it a commit of
 * the file system too. */
static enum status new_make(struct wal_writer *writer)
{
    static const uint8_t ZEROS[16 * WAL_BLOCK_SIZE];
    const struct disk_operations *operations = writer->disk->operations;
    struct disk_file *file;
    enum status status = operations->open(writer->disk, NAME_NEW, DISK_CREATE, &file);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t offset = 0; offset < writer->segment_size && status == STATUS_OK;) {
        uint32_t left = writer->segment_size - offset;
        uint32_t size = left < sizeof(ZEROS) ? left : (uint32_t)sizeof(ZEROS);
        status = operations->write(file, ZEROS, size, offset);
        offset += size;
    }
    if (status == STATUS_OK) {
        status = operations->sync(file);
    }
    operations->close(file);
    return status;
}

enum status wal_writer_spares_make(struct wal_writer *writer)
{
    const struct disk_operations *operations = writer->disk->operations;
    uint32_t waiting = writer->released_count;
    for (uint32_t i = 0; i < WAL_SPARES_MIN; i++) {
        waiting += writer->spares[i];
    }
    bool made = false;
    for (uint32_t i = 0; i < WAL_SPARES_MIN && waiting < WAL_SPARES_MIN; i++) {
        if (writer->spares[i]) {
            continue;
        }
        char name[DISK_NAME_SIZE_MAX];
        spare_name(i, name);
        enum status status = new_make(writer);
        if (status == STATUS_OK) {
            status = operations->rename(writer->disk, NAME_NEW, name);
        }
        if (status != STATUS_OK) {
            return status;
        }
        writer->spares[i] = true;
        waiting++;
        made = true;
    }
    return made ? operations->sync_directory(writer->disk, DIRECTORY) : STATUS_OK;
}

/* Names the file that becomes the next segment and takes it off the list it was on. A released one
 * comes first, so that the disk does not fill up with them. */
static enum status spare_take(struct wal_writer *writer, char out_name[DISK_NAME_SIZE_MAX])
{
    if (writer->released_count > 0) {
        wal_segment_name(writer->segments[0].epoch, out_name);
        writer->released_count--;
        writer->segments_count--;
        memmove(writer->segments, writer->segments + 1,
                writer->segments_count * sizeof(writer->segments[0]));
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < WAL_SPARES_MIN; i++) {
        if (writer->spares[i]) {
            writer->spares[i] = false;
            spare_name(i, out_name);
            return STATUS_OK;
        }
    }
    (void)stpcpy(out_name, NAME_NEW);
    return new_make(writer);
}

enum status wal_writer_segment_open(struct wal_writer *writer)
{
    CHECK(writer->file == NULL);
    CHECK(writer->segments_count > 0);
    char name[DISK_NAME_SIZE_MAX];
    wal_segment_name(writer->segments[writer->segments_count - 1].epoch, name);
    return writer->disk->operations->open(writer->disk, name, DISK_READ_WRITE, &writer->file);
}

enum status wal_writer_segment_next(struct wal_writer *writer)
{
    const struct disk_operations *operations = writer->disk->operations;
    struct wal_segment next = {.epoch = 1};
    if (writer->segments_count > 0) {
        const struct wal_segment *last = &writer->segments[writer->segments_count - 1];
        next.epoch = last->epoch + 1;
        next.index_last = last->index_last;
    }
    if (writer->released_count == 0 && writer->segments_count == WAL_SEGMENTS_MAX) {
        log_error("log-full", "segments=%d", WAL_SEGMENTS_MAX);
        return STATUS_IO;
    }
    char from[DISK_NAME_SIZE_MAX];
    char to[DISK_NAME_SIZE_MAX];
    wal_segment_name(next.epoch, to);
    enum status status = spare_take(writer, from);
    if (status == STATUS_OK) {
        status = operations->rename(writer->disk, from, to);
    }
    if (status == STATUS_OK) {
        status = operations->sync_directory(writer->disk, DIRECTORY);
    }
    if (status != STATUS_OK) {
        return status;
    }
    operations->close(writer->file);
    writer->file = NULL;
    writer->segments[writer->segments_count++] = next;
    return wal_writer_segment_open(writer);
}

void wal_writer_account(struct wal_writer *writer, uint32_t segment, uint64_t index_first,
                        uint32_t count)
{
    CHECK(segment < writer->segments_count);
    if (count == 0) {
        return;
    }
    for (uint32_t i = segment; i > 0; i--) {
        struct wal_segment *earlier = &writer->segments[i - 1];
        if (earlier->index_last < index_first) {
            break; /* and so are all before it */
        }
        earlier->index_last = index_first - 1;
    }
    writer->segments[segment].index_last = index_first + count - 1;
}

static enum status write_group(struct wal_writer *writer, struct wal_group *group, uint32_t flags)
{
    uint32_t padded = wal_group_size_padded(group->size);
    CHECK(padded <= writer->segment_size);
    if (writer->segments_count == 0 ||
        writer->segments[writer->segments_count - 1].size > writer->segment_size - padded) {
        enum status status = wal_writer_segment_next(writer);
        if (status != STATUS_OK) {
            return status;
        }
    }
    uint32_t last = writer->segments_count - 1;
    struct wal_segment *segment = &writer->segments[last];
    bool repeats = (flags & WAL_GROUP_REPEAT) != 0;
    CHECK(!repeats || writer->number > 0);
    uint64_t number = repeats ? writer->number : writer->number + 1;
    if (segment->size == 0) {
        writer->number_first = number;
    }
    struct wal_group_place place = {
        .epoch = segment->epoch,
        .number = number,
        .number_first = writer->number_first,
        .flags = flags,
    };
    CHECK(wal_group_finish(group, &place) == padded);
    enum status status =
        writer->disk->operations->write_durable(writer->file, group->bytes, padded, segment->size);
    if (status == STATUS_OK) {
        writer->number = number;
        segment->size += padded;
        wal_writer_account(writer, last, group->index_first, group->count);
    }
    return status;
}

enum status wal_writer_write(struct wal_writer *writer, struct wal_group *group, uint32_t flags)
{
    if (writer->failed) {
        return STATUS_IO;
    }
    enum status status = write_group(writer, group, flags);
    if (status != STATUS_OK) {
        writer->failed = true; /* what is on the disk is unknown now: only a start can tell */
        return STATUS_IO;
    }
    return STATUS_OK;
}

void wal_writer_release(struct wal_writer *writer, uint64_t index)
{
    while (writer->released_count + 1 < writer->segments_count) {
        const struct wal_segment *oldest = &writer->segments[writer->released_count];
        uint64_t index_last = writer->segments[writer->segments_count - 1].index_last;
        if (oldest->index_last > index || oldest->index_last == index_last) {
            break;
        }
        writer->released_count++;
    }
}

uint64_t wal_writer_size_unreleased(const struct wal_writer *writer)
{
    uint64_t size = 0;
    for (uint32_t i = writer->released_count; i < writer->segments_count; i++) {
        size += writer->segments[i].size;
    }
    return size;
}

void wal_writer_deinit(struct wal_writer *writer)
{
    writer->disk->operations->close(writer->file);
    writer->file = NULL;
}
