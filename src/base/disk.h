/* disk.h -- the data directory behind a small table of functions.
 *
 * wal, journal and replica reach files only through a `struct disk`: the kernel's in the node
 * (disk_posix), a simulated one in tests, which can lose what was not synced. Names are relative to
 * the data directory, with at most one folder in them ("log/log-0000000000000001").
 *
 * Calls block. Any thread may call them, one thread at a time per file. A failure is logged once,
 * here, with the path and errno, and comes back as STATUS_IO; after a failed write or sync of a
 * file the caller stops the node: the kernel may have dropped what was not written.
 */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct disk;
struct disk_file;

enum disk_mode {
    DISK_READ,       /* must exist */
    DISK_READ_WRITE, /* must exist */
    DISK_CREATE,     /* reading and writing; made, empty, if it does not exist */
};

enum { DISK_NAME_SIZE_MAX = 64 }; /* with the ending zero */

/* `name` is valid during the call only. A status other than STATUS_OK ends the listing. */
typedef enum status disk_visit_fn(void *context, const char *name);

struct disk_operations {
    /* STATUS_MISSING (not logged) when it does not exist and `mode` does not create it. */
    enum status (*open)(struct disk *disk, const char *name, enum disk_mode mode,
                        struct disk_file **out);
    void (*close)(struct disk_file *file); /* accepts NULL; does not sync */
    enum status (*size)(struct disk_file *file, uint64_t *out_size);
    /* Reads up to `size` bytes; *out_size is smaller only at the end of the file. */
    enum status (*read)(struct disk_file *file, void *target, uint64_t size, uint64_t offset,
                        uint64_t *out_size);
    /* Writes all bytes, which may lie in the page cache afterwards. */
    enum status (*write)(struct disk_file *file, const void *source, uint64_t size,
                         uint64_t offset);
    /* Writes all bytes and returns once they are on the disk (not the whole file: these bytes). */
    enum status (*write_durable)(struct disk_file *file, const void *source, uint64_t size,
                                 uint64_t offset);
    /* Everything written to this file through this descriptor is on the disk, its size too. */
    enum status (*sync)(struct disk_file *file);

    enum status (*make_directory)(struct disk *disk, const char *name); /* ok if it exists */
    /* Names in `directory` ("" is the data directory itself), in byte order, without . and .. */
    enum status (*list)(struct disk *disk, const char *directory, disk_visit_fn *visit,
                        void *context);
    enum status (*rename)(struct disk *disk, const char *from, const char *to);
    enum status (*remove)(struct disk *disk, const char *name); /* ok if it does not exist */
    /* Names made, renamed and removed in `directory` so far are on the disk. */
    enum status (*sync_directory)(struct disk *disk, const char *directory);
    enum status (*free_size)(struct disk *disk, uint64_t *out_size); /* bytes still free */
};

/* Implementations embed it first. */
struct disk {
    const struct disk_operations *operations;
};

/* Opens the directory `path` of the real file system. STATUS_MISSING if it does not exist,
 * STATUS_IO, STATUS_NO_MEMORY. */
MUST_CHECK enum status disk_posix_open(struct disk **out, const char *path);
void disk_posix_close(struct disk *disk); /* accepts NULL */

/* Takes the lock of this directory for the life of the process. STATUS_BUSY when another process
 * has it. */
MUST_CHECK enum status disk_posix_lock(struct disk *disk);

/* Reads a whole small file into `target`. STATUS_MISSING, STATUS_FULL if it is larger than
 * size_max, STATUS_IO. */
MUST_CHECK enum status disk_read_whole(struct disk *disk, const char *name, void *target,
                                       uint64_t size_max, uint64_t *out_size);

/* Puts a whole small file in place of `name` at once: temporary file, sync, rename, directory sync.
 * After a crash the old or the new one is there. `name` lies in the data directory itself. */
MUST_CHECK enum status disk_replace(struct disk *disk, const char *name, const void *source,
                                    uint64_t size);

#endif
