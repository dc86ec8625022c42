#include "node/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/log.h"
#include "base/random.h"
#include "replica/birth.h"

enum { PATH_SIZE_MAX = 4096, COPY_SIZE = 64 * 1024 };

const char NODE_BIRTH_ACCOUNTS[] = "# id,limite\n"
                                   "1,100000\n"
                                   "2,80000\n"
                                   "3,1000000\n"
                                   "4,10000000\n"
                                   "5,500000\n";

static enum status failed(const char *what, const char *path)
{
    log_error("init-failed", "what=%s path=%s error=\"%s\"", what, path, strerror(errno));
    return STATUS_IO;
}

static int remove_one(const char *path, const struct stat *stat_buffer, int type, struct FTW *ftw)
{
    (void)stat_buffer;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* An empty directory for the preparation; what an interrupted one left is removed. */
static enum status preparation_make(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        return failed("remove", path);
    }
    return mkdir(path, 0700) == 0 ? STATUS_OK : failed("mkdir", path);
}

/* Copies the accounts into the prepared directory; they are on the disk afterwards. */
static enum status accounts_copy(struct disk *disk, FILE *source)
{
    const struct disk_operations *operations = disk->operations;
    struct disk_file *file;
    uint64_t offset = 0;
    size_t size;
    char buffer[COPY_SIZE];
    enum status status = operations->open(disk, BIRTH_ACCOUNTS_NAME, DISK_CREATE, &file);
    if (status != STATUS_OK) {
        return status;
    }
    while (status == STATUS_OK && (size = fread(buffer, 1, sizeof(buffer), source)) > 0) {
        status = operations->write(file, buffer, size, offset);
        offset += size;
    }
    if (status == STATUS_OK && ferror(source)) {
        status = failed("read", "the file of accounts");
    }
    if (status == STATUS_OK) {
        status = operations->sync(file);
    }
    operations->close(file);
    return status;
}

static enum status prepare(const char *path, FILE *accounts, const struct birth *birth)
{
    struct disk *disk;
    struct random_system random_state;
    struct random random = random_system_init(&random_state);
    enum status status = disk_posix_open(&disk, path);
    if (status != STATUS_OK) {
        return status;
    }
    status = accounts_copy(disk, accounts);
    if (status == STATUS_OK) {
        status = birth_prepare(disk, &random, birth);
    }
    disk_posix_close(disk);
    return status;
}

/* The folder that the directory lies in, locked: one birth at a time there. */
static enum status parent_lock(const char *directory, int *out_fd)
{
    char buffer[PATH_SIZE_MAX];
    (void)snprintf(buffer, sizeof(buffer), "%s", directory);
    const char *parent = dirname(buffer);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return failed("open", parent);
    }
    if (flock(fd, LOCK_EX) != 0) {
        (void)close(fd);
        return failed("lock", parent);
    }
    *out_fd = fd;
    return STATUS_OK;
}

/* The one step that makes it a bank. */
static enum status publish(const char *prepared, const char *directory, int parent_fd)
{
    if (rename(prepared, directory) != 0) {
        if (errno == ENOTEMPTY || errno == EEXIST) {
            log_error("init-failed", "path=%s what=\"the directory is not empty\"", directory);
            return STATUS_BUSY;
        }
        return failed("rename", directory);
    }
    return fsync(parent_fd) == 0 ? STATUS_OK : failed("sync", "the folder of the directory");
}

static enum status birth_with(FILE *accounts, const char *directory, const struct birth *birth,
                              int parent_fd)
{
    char prepared[PATH_SIZE_MAX];
    size_t size = strlen(directory);
    while (size > 1 && directory[size - 1] == '/') {
        size--;
    }
    if (size + sizeof(".new") > sizeof(prepared)) {
        errno = ENAMETOOLONG;
        return failed("name", directory);
    }
    (void)snprintf(prepared, sizeof(prepared), "%.*s.new", (int)size, directory);
    if (rmdir(directory) != 0 && errno != ENOENT) {
        if (errno == ENOTEMPTY || errno == EEXIST) {
            log_error("init-failed", "path=%s what=\"the directory is not empty\"", directory);
            return STATUS_BUSY;
        }
        return failed("use", directory);
    }
    enum status status = preparation_make(prepared);
    if (status == STATUS_OK) {
        status = prepare(prepared, accounts, birth);
    }
    return status == STATUS_OK ? publish(prepared, directory, parent_fd) : status;
}

enum status node_birth(const char *directory, const char *accounts_path, uint32_t window,
                       uint32_t accounts_max)
{
    const struct birth birth = {
        .window = window,
        .accounts_max = accounts_max,
        .address = "local", /* a sole voter has nobody to be reached by */
    };
    FILE *accounts = accounts_path != NULL ? fopen(accounts_path, "re")
                                           : fmemopen((void *)(uintptr_t)NODE_BIRTH_ACCOUNTS,
                                                      strlen(NODE_BIRTH_ACCOUNTS), "r");
    if (accounts == NULL) {
        return failed("open", accounts_path != NULL ? accounts_path : "the contest's accounts");
    }
    int parent_fd;
    enum status status = parent_lock(directory, &parent_fd);
    if (status == STATUS_OK) {
        status = birth_with(accounts, directory, &birth, parent_fd);
        (void)close(parent_fd);
    }
    (void)fclose(accounts);
    return status;
}
