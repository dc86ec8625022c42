#include "base/disk.h"

#include <string.h>

#include "base/check.h"

enum status disk_read_whole(struct disk *disk, const char *name, void *target, uint64_t size_max,
                            uint64_t *out_size)
{
    const struct disk_operations *operations = disk->operations;
    struct disk_file *file = NULL;
    enum status status = operations->open(disk, name, DISK_READ, &file);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t size = 0;
    status = operations->size(file, &size);
    if (status == STATUS_OK && size > size_max) {
        status = STATUS_FULL;
    }
    if (status == STATUS_OK) {
        status = operations->read(file, target, size, 0, &size);
    }
    operations->close(file);
    if (status == STATUS_OK) {
        *out_size = size;
    }
    return status;
}

static enum status file_write_new(struct disk *disk, const char *name, const void *source,
                                  uint64_t size)
{
    const struct disk_operations *operations = disk->operations;
    struct disk_file *file = NULL;
    /* A crash may have left a longer one behind. */
    enum status status = operations->remove(disk, name);
    if (status == STATUS_OK) {
        status = operations->open(disk, name, DISK_CREATE, &file);
    }
    if (status == STATUS_OK) {
        status = operations->write(file, source, size, 0);
    }
    if (status == STATUS_OK) {
        status = operations->sync(file);
    }
    operations->close(file);
    return status;
}

enum status disk_replace(struct disk *disk, const char *name, const void *source, uint64_t size)
{
    static const char SUFFIX[] = ".new";
    CHECK(strlen(name) + sizeof(SUFFIX) <= DISK_NAME_SIZE_MAX);
    CHECK(strchr(name, '/') == NULL);

    char temporary[DISK_NAME_SIZE_MAX];
    (void)stpcpy(stpcpy(temporary, name), SUFFIX);
    enum status status = file_write_new(disk, temporary, source, size);
    if (status == STATUS_OK) {
        status = disk->operations->rename(disk, temporary, name);
    }
    if (status == STATUS_OK) {
        status = disk->operations->sync_directory(disk, "");
    }
    return status;
}
