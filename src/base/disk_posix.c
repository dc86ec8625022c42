/* disk_posix.c -- the kernel's files behind disk.h.
 *
 * write_durable is one system call, pwritev2 with RWF_DSYNC: it waits for these bytes and for the
 * file's size, not for what else lies dirty in the file. A kernel or sandbox that does not know the
 * flag gets pwrite and fdatasync.
 */
#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"

struct disk_posix {
    struct disk disk;
    int fd;      /* the data directory */
    int lock_fd; /* -1 until locked */
    char path[]; /* for the log */
};

struct disk_file {
    const struct disk_posix *disk;
    int fd;
    char name[DISK_NAME_SIZE_MAX];
};

static const struct disk_operations OPERATIONS;

static struct disk_posix *posix(struct disk *disk)
{
    CHECK(disk->operations == &OPERATIONS);
    return (struct disk_posix *)disk;
}

static enum status failed(const struct disk_posix *disk, const char *operation, const char *name)
{
    int error = errno;
    log_error("disk-failed", "operation=%s file=%s%s%s error=\"%s\"", operation, disk->path,
              name[0] == '\0' ? "" : "/", name, strerrordesc_np(error));
    return STATUS_IO;
}

static enum status failed_at(const struct disk_file *file, const char *operation, uint64_t offset)
{
    int error = errno;
    log_error("disk-failed", "operation=%s file=%s/%s offset=%" PRIu64 " error=\"%s\"", operation,
              file->disk->path, file->name, offset, strerrordesc_np(error));
    return STATUS_IO;
}

static enum status file_open(struct disk *disk, const char *name, enum disk_mode mode,
                             struct disk_file **out)
{
    static const int FLAGS[] = {
        [DISK_READ] = O_RDONLY,
        [DISK_READ_WRITE] = O_RDWR,
        [DISK_CREATE] = O_RDWR | O_CREAT,
    };
    size_t length = strlen(name);
    CHECK(length > 0);
    CHECK(length < DISK_NAME_SIZE_MAX);

    struct disk_posix *self = posix(disk);
    struct disk_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        return STATUS_NO_MEMORY;
    }
    file->disk = self;
    memcpy(file->name, name, length);
    file->fd = openat(self->fd, name, FLAGS[mode] | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd < 0) {
        bool missing = errno == ENOENT && mode != DISK_CREATE;
        enum status status = missing ? STATUS_MISSING : failed(self, "open", name);
        free(file);
        return status;
    }
    *out = file;
    return STATUS_OK;
}

static void file_close(struct disk_file *file)
{
    if (file == NULL) {
        return;
    }
    (void)close(file->fd); /* what had to be on the disk was synced */
    free(file);
}

static enum status file_size(struct disk_file *file, uint64_t *out_size)
{
    struct stat stat_buffer;
    if (fstat(file->fd, &stat_buffer) != 0) {
        return failed_at(file, "size", 0);
    }
    *out_size = (uint64_t)stat_buffer.st_size;
    return STATUS_OK;
}

static enum status file_read(struct disk_file *file, void *target, uint64_t size, uint64_t offset,
                             uint64_t *out_size)
{
    uint64_t done = 0;
    while (done < size) {
        ssize_t count =
            pread(file->fd, (uint8_t *)target + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return failed_at(file, "read", offset + done);
        }
        if (count == 0) {
            break;
        }
        done += (uint64_t)count;
    }
    *out_size = done;
    return STATUS_OK;
}

/* Writes all bytes, in as many calls as the kernel wants: usually one. */
static enum status write_all(struct disk_file *file, const uint8_t *source, uint64_t size,
                             uint64_t offset, int flags)
{
    while (size > 0) {
        struct iovec piece = {.iov_len = size};
        memcpy(&piece.iov_base, &source, sizeof(source)); /* writing only reads through it */
        ssize_t count = pwritev2(file->fd, &piece, 1, (off_t)offset, flags);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count == 0) {
            errno = ENOSPC; /* a regular file that takes no byte has no room */
        }
        if (count <= 0) {
            return errno == EOPNOTSUPP && flags != 0 ? STATUS_INVALID
                                                     : failed_at(file, "write", offset);
        }
        source += count;
        size -= (uint64_t)count;
        offset += (uint64_t)count;
    }
    return STATUS_OK;
}

static enum status file_write(struct disk_file *file, const void *source, uint64_t size,
                              uint64_t offset)
{
    return write_all(file, source, size, offset, 0);
}

static enum status file_sync(struct disk_file *file)
{
    return fdatasync(file->fd) == 0 ? STATUS_OK : failed_at(file, "sync", 0);
}

static enum status file_write_durable(struct disk_file *file, const void *source, uint64_t size,
                                      uint64_t offset)
{
    enum status status = write_all(file, source, size, offset, RWF_DSYNC);
    if (status != STATUS_INVALID) {
        return status;
    }
    status = write_all(file, source, size, offset, 0); /* the flag is unknown here */
    return status == STATUS_OK ? file_sync(file) : status;
}

static enum status directory_make(struct disk *disk, const char *name)
{
    struct disk_posix *self = posix(disk);
    if (mkdirat(self->fd, name, 0700) != 0 && errno != EEXIST) {
        return failed(self, "make-directory", name);
    }
    return STATUS_OK;
}

static const char *directory_path(const char *directory)
{
    return directory[0] == '\0' ? "." : directory;
}

static int entry_is_name(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int entry_compare(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static enum status directory_list(struct disk *disk, const char *directory, disk_visit_fn *visit,
                                  void *context)
{
    struct disk_posix *self = posix(disk);
    struct dirent **entries = NULL;
    int count =
        scandirat(self->fd, directory_path(directory), &entries, entry_is_name, entry_compare);
    if (count < 0) {
        return errno == ENOENT ? STATUS_MISSING : failed(self, "list", directory);
    }
    enum status status = STATUS_OK;
    for (int i = 0; i < count; i++) {
        if (status == STATUS_OK) {
            status = visit(context, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static enum status name_rename(struct disk *disk, const char *from, const char *to)
{
    struct disk_posix *self = posix(disk);
    return renameat(self->fd, from, self->fd, to) == 0 ? STATUS_OK : failed(self, "rename", from);
}

static enum status name_remove(struct disk *disk, const char *name)
{
    struct disk_posix *self = posix(disk);
    if (unlinkat(self->fd, name, 0) != 0 && errno != ENOENT) {
        return failed(self, "remove", name);
    }
    return STATUS_OK;
}

static enum status directory_sync(struct disk *disk, const char *directory)
{
    struct disk_posix *self = posix(disk);
    int fd = openat(self->fd, directory_path(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        enum status status = failed(self, "sync-directory", directory);
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    (void)close(fd);
    return STATUS_OK;
}

static enum status free_size(struct disk *disk, uint64_t *out_size)
{
    struct disk_posix *self = posix(disk);
    struct statvfs statvfs_buffer;
    if (fstatvfs(self->fd, &statvfs_buffer) != 0) {
        return failed(self, "free-size", "");
    }
    *out_size = (uint64_t)statvfs_buffer.f_bavail * statvfs_buffer.f_frsize;
    return STATUS_OK;
}

static const struct disk_operations OPERATIONS = {
    .open = file_open,
    .close = file_close,
    .size = file_size,
    .read = file_read,
    .write = file_write,
    .write_durable = file_write_durable,
    .sync = file_sync,
    .make_directory = directory_make,
    .list = directory_list,
    .rename = name_rename,
    .remove = name_remove,
    .sync_directory = directory_sync,
    .free_size = free_size,
};

enum status disk_posix_open(struct disk **out, const char *path)
{
    size_t length = strlen(path);
    struct disk_posix *self = calloc(1, sizeof(*self) + length + 1);
    if (self == NULL) {
        return STATUS_NO_MEMORY;
    }
    self->disk.operations = &OPERATIONS;
    self->lock_fd = -1;
    memcpy(self->path, path, length);
    self->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->fd < 0) {
        enum status status = errno == ENOENT ? STATUS_MISSING : failed(self, "open", "");
        disk_posix_close(&self->disk);
        return status;
    }
    *out = &self->disk;
    return STATUS_OK;
}

void disk_posix_close(struct disk *disk)
{
    if (disk == NULL) {
        return;
    }
    struct disk_posix *self = posix(disk);
    if (self->lock_fd >= 0) {
        (void)close(self->lock_fd);
    }
    if (self->fd >= 0) {
        (void)close(self->fd);
    }
    free(self);
}

enum status disk_posix_lock(struct disk *disk)
{
    static const char NAME[] = "lock";
    struct disk_posix *self = posix(disk);
    CHECK(self->lock_fd < 0);
    /* Tied to the open file, not to the process as fcntl's are, so that closing another descriptor
     * of it cannot drop the lock; the kernel drops it when the process ends, however it ends. */
    int fd = openat(self->fd, NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return failed(self, "open", NAME);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum status status = errno == EWOULDBLOCK ? STATUS_BUSY : failed(self, "lock", NAME);
        (void)close(fd);
        return status;
    }
    self->lock_fd = fd;
    return STATUS_OK;
}
