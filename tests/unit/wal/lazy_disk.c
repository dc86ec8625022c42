#include "lazy_disk.h"

#include <stdlib.h>

#include "base/check.h"
#include "support/memory_disk.h"

struct lazy_disk {
    struct disk disk;
    struct disk *inner;
    struct disk_operations operations;
};

/* A file has no way to its disk, so there is one failure at a time. */
static struct {
    const struct disk_operations *operations; /* the same for all memory disks */
    uint64_t calls_left;
    enum lazy_disk_cut cut;
    uint64_t seed;
    struct disk *inner;
} failure;

static struct disk *inner(struct disk *disk)
{
    return ((struct lazy_disk *)disk)->inner;
}

static enum status lazy_open(struct disk *disk, const char *name, enum disk_mode mode,
                             struct disk_file **out)
{
    return inner(disk)->operations->open(inner(disk), name, mode, out);
}

static enum status lazy_write_durable(struct disk_file *file, const void *source, uint64_t size,
                                      uint64_t offset)
{
    const struct disk_operations *operations = failure.operations;
    if (failure.calls_left == 0 || --failure.calls_left > 0) {
        return operations->write_durable(file, source, size, offset);
    }
    uint64_t count = failure.cut == LAZY_DISK_PART ? failure.seed % size : size;
    if (count > 0 && operations->write(file, source, count, offset) != STATUS_OK) {
        return STATUS_IO;
    }
    if (failure.cut == LAZY_DISK_STUCK) {
        memory_disk_fail_change(failure.inner, 1, MEMORY_DISK_ONCE);
        CHECK(operations->sync(file) == STATUS_IO);
        memory_disk_fail_change(failure.inner, 0, MEMORY_DISK_ONCE);
    }
    return STATUS_IO;
}

static enum status lazy_make_directory(struct disk *disk, const char *name)
{
    return inner(disk)->operations->make_directory(inner(disk), name);
}

static enum status lazy_list(struct disk *disk, const char *directory, disk_visit_fn *visit,
                             void *context)
{
    return inner(disk)->operations->list(inner(disk), directory, visit, context);
}

static enum status lazy_rename(struct disk *disk, const char *from, const char *to)
{
    return inner(disk)->operations->rename(inner(disk), from, to);
}

static enum status lazy_remove(struct disk *disk, const char *name)
{
    return inner(disk)->operations->remove(inner(disk), name);
}

static enum status lazy_sync_directory(struct disk *disk, const char *directory)
{
    return inner(disk)->operations->sync_directory(inner(disk), directory);
}

static enum status lazy_free_size(struct disk *disk, uint64_t *out_size)
{
    return inner(disk)->operations->free_size(inner(disk), out_size);
}

struct disk *lazy_disk_open(struct disk *inner_disk)
{
    struct lazy_disk *lazy = calloc(1, sizeof(*lazy));
    CHECK(lazy != NULL);
    lazy->inner = inner_disk;
    lazy->operations =
        *inner_disk->operations; /* what takes a file goes straight to the inner disk */
    lazy->operations.open = lazy_open;
    lazy->operations.write_durable = lazy_write_durable;
    lazy->operations.make_directory = lazy_make_directory;
    lazy->operations.list = lazy_list;
    lazy->operations.rename = lazy_rename;
    lazy->operations.remove = lazy_remove;
    lazy->operations.sync_directory = lazy_sync_directory;
    lazy->operations.free_size = lazy_free_size;
    lazy->disk.operations = &lazy->operations;
    failure.operations = inner_disk->operations;
    return &lazy->disk;
}

void lazy_disk_close(struct disk *disk)
{
    failure.calls_left = 0;
    free(disk);
}

void lazy_disk_fail(struct disk *disk, uint64_t call, enum lazy_disk_cut cut, uint64_t seed)
{
    failure.calls_left = call;
    failure.cut = cut;
    failure.seed = seed;
    failure.inner = inner(disk);
}
