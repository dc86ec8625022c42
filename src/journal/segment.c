/* segment.c -- the contract is in segment.h; the names and the syncs are explained here.
 *
 * A segment is named by the index of its first record, 16 lower-case hex digits, so that names in
 * byte order are records in order, and record i lies in segment i - i % records at offset
 * i % records * 128. Nothing else is in a segment: no header, no length, no end mark, so that a
 * page of records is the same bytes on every node and on the wire.
 *
 * Files with other names in the directory are nobody's business. A name that is an index, but not
 * one at which a segment begins, or bytes beyond the last record of a segment, were not written by
 * us: somebody has to look.
 *
 * A name counts as not synced from the moment this process opens its file for writing, even if the
 * file was there before: an earlier process may have made it and died before the directory was on
 * the disk.
 */
#include "journal/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"

enum { NAME_DIGITS = 16 };

static const char DIRECTORY[] = "journal";

/* Far beyond any bank, and far enough from 2^64 that no sum here overflows. */
static const uint64_t INDEX_MAX = UINT64_C(1) << 56;

static uint64_t segment_first(const struct segments *segments, uint64_t index)
{
    return index - index % segments->records;
}

uint64_t segment_after(const struct segments *segments, uint64_t index)
{
    return segment_first(segments, index) + segments->records;
}

static void segment_name(uint64_t first, char out[SEGMENT_NAME_SIZE])
{
    (void)snprintf(out, SEGMENT_NAME_SIZE, "%s/%016" PRIx64, DIRECTORY, first);
}

void segment_damage_at(const struct segments *segments, uint64_t index, const char *rule,
                       struct segment_damage *out)
{
    segment_name(segment_first(segments, index), out->name);
    out->offset = index % segments->records * RECORD_SIZE;
    out->rule = rule;
}

void segment_damage_log(const struct segment_damage *damage)
{
    log_error("journal-damaged", "file=%s offset=%" PRIu64 " rule=\"%s\"", damage->name,
              damage->offset, damage->rule);
}

/* False unless `name` is 16 lower-case hex digits. */
static bool name_decode(const char *name, uint64_t *out_first)
{
    uint64_t first = 0;
    if (strlen(name) != NAME_DIGITS) {
        return false;
    }
    for (const char *digit = name; *digit != '\0'; digit++) {
        if (*digit >= '0' && *digit <= '9') {
            first = first * 16 + (uint64_t)(*digit - '0');
        } else if (*digit >= 'a' && *digit <= 'f') {
            first = first * 16 + (uint64_t)(*digit - 'a') + 10;
        } else {
            return false;
        }
    }
    *out_first = first;
    return true;
}

/* The segments that exist, in order: the disk lists names in byte order. */
struct segment_list {
    const struct segments *segments;
    struct segment_damage *damage;
    uint64_t *firsts;
    uint32_t count;
    uint32_t count_max;
};

static enum status list_add(void *context, const char *name)
{
    struct segment_list *list = context;
    uint64_t first;
    if (!name_decode(name, &first)) {
        return STATUS_OK;
    }
    if (first % list->segments->records != 0 || first > INDEX_MAX) {
        segment_name(first, list->damage->name);
        list->damage->offset = 0;
        list->damage->rule = "no segment begins at this index";
        return STATUS_CORRUPT;
    }
    if (list->count == list->count_max) {
        uint32_t count_max = list->count_max == 0 ? 64 : list->count_max * 2;
        uint64_t *firsts = realloc(list->firsts, count_max * sizeof(*firsts));
        if (firsts == NULL) {
            return STATUS_NO_MEMORY;
        }
        list->firsts = firsts;
        list->count_max = count_max;
    }
    list->firsts[list->count++] = first;
    return STATUS_OK;
}

/* The caller frees out->firsts, whatever comes back. */
static enum status list_make(const struct segments *segments, struct segment_list *out,
                             struct segment_damage *out_damage)
{
    *out = (struct segment_list){.segments = segments, .damage = out_damage};
    return segments->disk->operations->list(segments->disk, DIRECTORY, list_add, out);
}

/* How many records the segment holds; one that is there in part cannot be whole. */
static enum status segment_count(const struct segments *segments, uint64_t first,
                                 uint64_t *out_count, struct segment_damage *out_damage)
{
    const struct disk_operations *operations = segments->disk->operations;
    char name[SEGMENT_NAME_SIZE];
    struct disk_file *file;
    uint64_t size;
    segment_name(first, name);
    enum status status = operations->open(segments->disk, name, DISK_READ, &file);
    if (status != STATUS_OK) {
        return status;
    }
    status = operations->size(file, &size);
    operations->close(file);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t size_max = (uint64_t)segments->records * RECORD_SIZE;
    if (size > size_max) {
        memcpy(out_damage->name, name, sizeof(name));
        out_damage->offset = size_max;
        out_damage->rule = "bytes beyond the end of the segment";
        return STATUS_CORRUPT;
    }
    *out_count = size / RECORD_SIZE;
    return STATUS_OK;
}

enum status segments_end(const struct segments *segments, uint64_t *out_end,
                         struct segment_damage *out_damage)
{
    struct segment_list list;
    uint64_t end = 0;
    enum status status = list_make(segments, &list, out_damage);
    for (uint32_t i = 0; i < list.count && status == STATUS_OK; i++) {
        uint64_t count = 0;
        status = segment_count(segments, list.firsts[i], &count, out_damage);
        if (count > 0) {
            end = list.firsts[i] + count;
        }
    }
    free(list.firsts);
    if (status == STATUS_OK) {
        *out_end = end;
    }
    return status;
}

enum status segments_next(const struct segments *segments, uint64_t index, uint64_t *out_index,
                          struct segment_damage *out_damage)
{
    struct segment_list list;
    enum status status = list_make(segments, &list, out_damage);
    if (status == STATUS_OK) {
        uint32_t i = 0;
        while (i < list.count && segment_after(segments, list.firsts[i]) <= index) {
            i++;
        }
        if (i == list.count) {
            status = STATUS_MISSING;
        } else {
            *out_index = list.firsts[i] > index ? list.firsts[i] : index;
        }
    }
    free(list.firsts);
    return status;
}

void segment_reader_init(struct segment_reader *reader, const struct segments *segments)
{
    *reader = (struct segment_reader){.segments = *segments};
}

void segment_reader_deinit(struct segment_reader *reader)
{
    reader->segments.disk->operations->close(reader->file);
    reader->file = NULL;
}

enum status segment_reader_read(struct segment_reader *reader, uint64_t index, uint32_t count,
                                struct record *out, uint32_t *out_count)
{
    const struct segments *segments = &reader->segments;
    const struct disk_operations *operations = segments->disk->operations;
    uint64_t first = segment_first(segments, index);
    if (reader->file == NULL || reader->first != first) {
        char name[SEGMENT_NAME_SIZE];
        segment_reader_deinit(reader);
        segment_name(first, name);
        enum status status = operations->open(segments->disk, name, DISK_READ, &reader->file);
        if (status != STATUS_OK) {
            reader->file = NULL;
            *out_count = 0;
            return status == STATUS_MISSING ? STATUS_OK : status;
        }
        reader->first = first;
    }
    uint64_t left = segment_after(segments, index) - index;
    uint64_t size = (count < left ? count : left) * RECORD_SIZE;
    uint64_t size_read;
    enum status status =
        operations->read(reader->file, out, size, (index - first) * RECORD_SIZE, &size_read);
    if (status == STATUS_OK) {
        *out_count = (uint32_t)(size_read / RECORD_SIZE);
    }
    return status;
}

void segment_writer_init(struct segment_writer *writer, const struct segments *segments)
{
    *writer = (struct segment_writer){.segments = *segments};
}

void segment_writer_deinit(struct segment_writer *writer)
{
    for (uint32_t i = 0; i < writer->count; i++) {
        writer->segments.disk->operations->close(writer->files[i]);
    }
    writer->count = 0;
}

/* Makes the segment that begins with `first` the last of writer->files. */
static enum status writer_enter(struct segment_writer *writer, uint64_t first)
{
    struct disk *disk = writer->segments.disk;
    char name[SEGMENT_NAME_SIZE];
    enum status status = STATUS_OK;
    if (writer->count > 0 && writer->firsts[writer->count - 1] == first) {
        return STATUS_OK;
    }
    if (writer->count == SEGMENTS_UNSYNCED_MAX) {
        status = segment_writer_sync(writer);
    }
    if (status == STATUS_OK) {
        segment_name(first, name);
        status = disk->operations->open(disk, name, DISK_CREATE, &writer->files[writer->count]);
    }
    if (status == STATUS_OK) {
        writer->firsts[writer->count++] = first;
        writer->directory_dirty = true;
    }
    return status;
}

enum status segment_writer_write(struct segment_writer *writer, uint64_t index,
                                 const struct record *records, uint32_t count)
{
    const struct segments *segments = &writer->segments;
    while (count > 0) {
        uint64_t first = segment_first(segments, index);
        uint64_t left = segment_after(segments, index) - index;
        uint32_t run = count < left ? count : (uint32_t)left;
        enum status status = writer_enter(writer, first);
        if (status != STATUS_OK) {
            return status;
        }
        writer->dirty = true;
        status = segments->disk->operations->write(writer->files[writer->count - 1], records,
                                                   (uint64_t)run * RECORD_SIZE,
                                                   (index - first) * RECORD_SIZE);
        if (status != STATUS_OK) {
            return status;
        }
        index += run;
        records += run;
        count -= run;
    }
    return STATUS_OK;
}

enum status segment_writer_sync(struct segment_writer *writer)
{
    struct disk *disk = writer->segments.disk;
    enum status status = STATUS_OK;
    if (writer->dirty) {
        for (uint32_t i = 0; i < writer->count && status == STATUS_OK; i++) {
            status = disk->operations->sync(writer->files[i]);
        }
    }
    if (status == STATUS_OK && writer->directory_dirty) {
        status = disk->operations->sync_directory(disk, DIRECTORY);
    }
    if (status != STATUS_OK) {
        return status;
    }
    writer->dirty = false;
    writer->directory_dirty = false;
    if (writer->count > 1) { /* only the last one is still written */
        struct disk_file *last = writer->files[writer->count - 1];
        uint64_t first_last = writer->firsts[writer->count - 1];
        writer->count--;
        segment_writer_deinit(writer);
        writer->files[0] = last;
        writer->firsts[0] = first_last;
        writer->count = 1;
    }
    return STATUS_OK;
}
