/* wal_scan.c -- the contract is in wal_scan.h; this file holds the rules of reading.
 *
 * A group is written only when the one before it is on the disk, so each valid group vouches for all
 * groups of lower numbers: where one of them is bad, the disk lost what was promised. A bad group
 * that no later one vouches for is a torn tail, and nobody was promised its entries.
 *
 * The exception is the repeat. A start cannot know that the last valid group N is on the disk: it may
 * have read it from the page cache, where the process before it left it. It does know that all groups
 * before N are, because they were before N was begun. So it writes the entries of N again behind it,
 * under the same number and with a flag, and only a group N + 1 after that. Now N may lie in the log
 * several times, with equal entries; any one of them stands for all, and only one of them must be
 * whole. This holds for a witness as well: nothing needs its (no) entries, but N + 1 vouches for N,
 * and if N had been only in the page cache, a loss of power would make an intact log look damaged.
 *
 * From this follows what may come behind group N (`expected` is N + 1):
 *
 *      expected         right behind it, or at the beginning of a later segment: a group that does not
 *                       fit goes to the next segment, and what it left behind reads as a bad place
 *      expected, repeat anywhere behind it: N + 1 itself and earlier repeats of it were lost
 *      N, repeat        anywhere behind it: repeats in between were lost
 *      anything higher  damage
 *      anything lower   nothing: the log goes on at the first bad place, over it
 *
 * After a bad place every boundary of 4 KiB to the end of the newest segment is looked at. The search
 * cannot be fooled: the remains of torn groups never begin a block with the magic (wal_group.c), and
 * the remains of earlier lives of a segment have older epochs.
 *
 * In front of the first group nothing is known but this: a log begins with group 1, and segments are
 * recycled only after a later one has become durable, so the oldest segment's first group is whole or
 * lies there repeated. Each group says what number that one has.
 */
#include "wal/wal_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/log.h"

enum { EPOCH_DIGITS = 16, GROUPS_INITIAL = 1024 };

static const char PREFIX[] = "log-";
static const uint64_t EPOCH_MAX = UINT64_C(1) << 62;

enum status wal_scan_init(struct wal_scan *scan, struct wal_writer *writer, uint64_t index_first)
{
    void *buffer = mmap(NULL, writer->segment_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    *scan = (struct wal_scan){
        .writer = writer,
        .index_first = index_first,
        .buffer = buffer,
        .loaded = WAL_SEGMENTS_MAX,
    };
    return STATUS_OK;
}

void wal_scan_deinit(struct wal_scan *scan)
{
    CHECK(munmap(scan->buffer, scan->writer->segment_size) == 0);
    free(scan->groups);
}

static enum status damaged(const struct wal_scan *scan, uint32_t segment, uint32_t offset,
                           const char *reason)
{
    char name[DISK_NAME_SIZE_MAX];
    wal_segment_name(scan->writer->segments[segment].epoch, name);
    log_error("log-damaged", "file=%s offset=%" PRIu32 " reason=\"%s\"", name, offset, reason);
    return STATUS_CORRUPT;
}

/* The group at (segment, offset) has no right to be there. */
static enum status damaged_before(const struct wal_scan *scan, uint32_t segment, uint32_t offset,
                                  const struct wal_group_view *view)
{
    char name[DISK_NAME_SIZE_MAX];
    char reason[160];
    wal_segment_name(scan->writer->segments[segment].epoch, name);
    int count = snprintf(reason, sizeof(reason),
                         "group %" PRIu64 " is not here, and group %" PRIu64 " in %s at %" PRIu32
                         " says that it was written",
                         scan->found ? scan->writer->number + 1 : view->place.number_first,
                         view->place.number, name, offset);
    CHECK(count > 0 && (size_t)count < sizeof(reason));
    return scan->bad ? damaged(scan, scan->bad_segment, scan->bad_offset, reason)
                     : damaged(scan, segment, offset, reason);
}

/* ---- The list of segments ---- */

static bool epoch_parse(const char *name, uint64_t *out)
{
    size_t prefix_size = sizeof(PREFIX) - 1;
    if (strncmp(name, PREFIX, prefix_size) != 0 || strlen(name) != prefix_size + EPOCH_DIGITS) {
        return false;
    }
    uint64_t epoch = 0;
    for (const char *digit = name + prefix_size; *digit != '\0'; digit++) {
        if (*digit >= '0' && *digit <= '9') {
            epoch = epoch << 4 | (uint64_t)(*digit - '0');
        } else if (*digit >= 'a' && *digit <= 'f') {
            epoch = epoch << 4 | (uint64_t)(*digit - 'a' + 10);
        } else {
            return false;
        }
    }
    *out = epoch;
    return true;
}

/* Names come in byte order, which is the order of their epochs. Other names are not ours. */
static enum status segment_list(void *context, const char *name)
{
    struct wal_writer *writer = context;
    uint64_t epoch;
    if (!epoch_parse(name, &epoch)) {
        return STATUS_OK;
    }
    if (epoch == 0 || epoch > EPOCH_MAX || writer->segments_count == WAL_SEGMENTS_MAX) {
        log_error("log-damaged", "file=log/%s reason=\"no node makes this segment\"", name);
        return STATUS_CORRUPT;
    }
    writer->segments[writer->segments_count++] = (struct wal_segment){.epoch = epoch};
    return STATUS_OK;
}

static enum status segment_load(struct wal_scan *scan, uint32_t segment)
{
    if (scan->loaded == segment) {
        return STATUS_OK;
    }
    scan->loaded = WAL_SEGMENTS_MAX;
    const struct wal_writer *writer = scan->writer;
    const struct disk_operations *operations = writer->disk->operations;
    char name[DISK_NAME_SIZE_MAX];
    struct disk_file *file;
    wal_segment_name(writer->segments[segment].epoch, name);
    enum status status = operations->open(writer->disk, name, DISK_READ, &file);
    if (status != STATUS_OK) {
        return status == STATUS_MISSING ? STATUS_IO : status; /* it was listed */
    }
    uint64_t size = 0;
    uint64_t count = 0;
    status = operations->size(file, &size);
    if (status == STATUS_OK) {
        status = operations->read(file, scan->buffer, writer->segment_size, 0, &count);
    }
    operations->close(file);
    if (status != STATUS_OK) {
        return status;
    }
    if (size != writer->segment_size || count != size) {
        return damaged(scan, segment, (uint32_t)count, "the file's size is wrong");
    }
    scan->loaded = segment;
    return STATUS_OK;
}

/* ---- Which groups hold ---- */

static bool is_stale(const struct wal_scan *scan, const struct wal_group_place *place)
{
    uint64_t number = scan->writer->number;
    bool repeats = (place->flags & WAL_GROUP_REPEAT) != 0;
    return scan->found && (place->number < number || (place->number == number && !repeats));
}

/* The rules at the top, for a group that is not stale. */
static bool is_due(const struct wal_scan *scan, uint32_t segment, uint32_t offset,
                   const struct wal_group_place *place)
{
    bool repeats = (place->flags & WAL_GROUP_REPEAT) != 0;
    if (!scan->found) {
        bool first = place->number == 1 || (segment == 0 && place->number == place->number_first);
        return first && (repeats || offset == 0);
    }
    if (repeats) {
        return place->number <= scan->writer->number + 1;
    }
    return place->number == scan->writer->number + 1 && (offset == 0 || !scan->bad);
}

static enum status entries_note(struct wal_scan *scan, uint32_t segment, uint32_t offset,
                                const struct wal_group_view *view)
{
    if (scan->index_last > 0 && view->index_first > scan->index_last + 1) {
        return damaged(scan, segment, offset, "entries are missing before this group");
    }
    if (scan->index_lowest == 0 || scan->index_lowest > view->index_first) {
        scan->index_lowest = view->index_first;
    }
    scan->index_last = view->index_first + view->count - 1;
    if (scan->groups_count == scan->groups_max) {
        uint32_t groups_max = scan->groups_max == 0 ? GROUPS_INITIAL : scan->groups_max * 2;
        void *groups = reallocarray(scan->groups, groups_max, sizeof(scan->groups[0]));
        if (groups == NULL) {
            return STATUS_NO_MEMORY;
        }
        scan->groups = groups;
        scan->groups_max = groups_max;
    }
    scan->groups[scan->groups_count++] = (struct wal_scan_group){
        .segment = segment,
        .offset = offset,
        .index_first = view->index_first,
        .index_last = scan->index_last,
    };
    return STATUS_OK;
}

static enum status group_take(struct wal_scan *scan, uint32_t segment, uint32_t offset,
                              const struct wal_group_view *view)
{
    struct wal_writer *writer = scan->writer;
    if (!wal_group_is_sound(view) ||
        view->size > writer->segment_size / WAL_GROUPS_IN_SEGMENT_MIN) {
        return damaged(scan, segment, offset, "the checksum holds, the content makes no sense");
    }
    if (!is_due(scan, segment, offset, &view->place)) {
        return damaged_before(scan, segment, offset, view);
    }
    if (view->count > 0) {
        enum status status = entries_note(scan, segment, offset, view);
        if (status != STATUS_OK) {
            return status;
        }
    }
    wal_writer_account(writer, segment, view->index_first, view->count);
    writer->segments[segment].size = offset + wal_group_size_padded(view->size);
    writer->number = view->place.number;
    writer->number_first = view->place.number_first;
    scan->found = true;
    scan->found_segment = segment;
    scan->found_offset = offset;
    scan->bad = false;
    return STATUS_OK;
}

static void bad_note(struct wal_scan *scan, uint32_t segment, uint32_t offset)
{
    if (!scan->bad) {
        scan->bad = true;
        scan->bad_segment = segment;
        scan->bad_offset = offset;
    }
}

static enum status segment_read(struct wal_scan *scan, uint32_t segment)
{
    struct wal_writer *writer = scan->writer;
    enum status status = segment_load(scan, segment);
    if (status != STATUS_OK) {
        return status;
    }
    if (segment > 0) {
        writer->segments[segment].index_last = writer->segments[segment - 1].index_last;
    }
    for (uint32_t offset = 0; offset < writer->segment_size && status == STATUS_OK;) {
        struct wal_group_view view;
        bool valid = wal_group_decode(&view, scan->buffer + offset, writer->segment_size - offset,
                                      writer->segments[segment].epoch);
        if (valid && !is_stale(scan, &view.place)) {
            status = group_take(scan, segment, offset, &view);
        } else {
            bad_note(scan, segment, offset);
        }
        offset += valid ? wal_group_size_padded(view.size) : WAL_BLOCK_SIZE;
    }
    return status;
}

enum status wal_scan_read(struct wal_scan *scan)
{
    struct wal_writer *writer = scan->writer;
    enum status status = writer->disk->operations->list(writer->disk, "log", segment_list, writer);
    if (status == STATUS_MISSING) {
        log_error("log-damaged", "file=log reason=\"the directory is missing\"");
        return STATUS_CORRUPT;
    }
    for (uint32_t i = 0; i < writer->segments_count && status == STATUS_OK; i++) {
        status = segment_read(scan, i);
    }
    if (status == STATUS_OK && scan->index_lowest > scan->index_first) {
        return damaged(scan, scan->groups[0].segment, scan->groups[0].offset,
                       "entries between the snapshot and the log are missing");
    }
    uint64_t index_until = UINT64_MAX;
    for (uint32_t i = scan->groups_count; i > 0; i--) {
        struct wal_scan_group *group = &scan->groups[i - 1];
        group->index_until = index_until;
        index_until = group->index_first < index_until ? group->index_first : index_until;
    }
    return status;
}

/* ---- What is in them ---- */

/* Reads a group again that was valid a moment ago. */
static enum status group_load(struct wal_scan *scan, uint32_t segment, uint32_t offset,
                              struct wal_group_view *out)
{
    const struct wal_writer *writer = scan->writer;
    enum status status = segment_load(scan, segment);
    if (status != STATUS_OK) {
        return status;
    }
    struct wal_group_view view;
    if (!wal_group_decode(&view, scan->buffer + offset, writer->segment_size - offset,
                          writer->segments[segment].epoch) ||
        !wal_group_is_sound(&view)) {
        return damaged(scan, segment, offset, "the group changed while it was read");
    }
    *out = view;
    return STATUS_OK;
}

static enum status group_visit(struct wal_scan *scan, const struct wal_scan_group *group,
                               wal_visit_fn *visit, void *context)
{
    struct wal_group_view view;
    enum status status = group_load(scan, group->segment, group->offset, &view);
    uint32_t offset = WAL_GROUP_HEADER_SIZE;
    struct wal_entry entry;
    while (status == STATUS_OK && wal_group_next(&view, &offset, &entry)) {
        if (entry.index >= scan->index_first && entry.index < group->index_until) {
            status = visit(context, &entry);
        }
    }
    return status;
}

enum status wal_scan_visit(struct wal_scan *scan, wal_visit_fn *visit, void *context)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < scan->groups_count && status == STATUS_OK; i++) {
        const struct wal_scan_group *group = &scan->groups[i];
        if (group->index_last >= scan->index_first && group->index_first < group->index_until) {
            status = group_visit(scan, group, visit, context);
        }
    }
    return status;
}

enum status wal_scan_last(struct wal_scan *scan, struct wal_group *group)
{
    CHECK(scan->found);
    struct wal_group_view view;
    enum status status = group_load(scan, scan->found_segment, scan->found_offset, &view);
    if (status != STATUS_OK) {
        return status;
    }
    wal_group_clear(group);
    uint32_t offset = WAL_GROUP_HEADER_SIZE;
    struct wal_entry entry;
    for (uint32_t i = 0; i < view.count; i++) {
        CHECK(wal_group_next(&view, &offset, &entry)); /* it is sound */
        CHECK(wal_group_add(group, &entry) == STATUS_OK);
    }
    return STATUS_OK;
}
