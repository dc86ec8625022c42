#include "base/disk.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

/* A directory of its own in the folder where the test runs. */
struct fixture {
    char path[64];
    struct disk *disk;
    int saved; /* standard error, while it goes to a file */
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return -1;
    }
    (void)snprintf(f->path, sizeof(f->path), "disk-test.XXXXXX");
    if (mkdtemp(f->path) == NULL || disk_posix_open(&f->disk, f->path) != STATUS_OK) {
        free(f);
        return -1;
    }
    *state = f;
    return 0;
}

static enum status name_remove(void *context, const char *name)
{
    struct disk *disk = context;
    return disk->operations->remove(disk, name);
}

static enum status name_in_log_remove(void *context, const char *name)
{
    char path[80];
    (void)snprintf(path, sizeof(path), "log/%s", name);
    return name_remove(context, path);
}

static int end(void **state)
{
    struct fixture *f = *state;
    const struct disk_operations *operations = f->disk->operations;
    char log[80];
    (void)snprintf(log, sizeof(log), "%s/log", f->path);
    (void)operations->list(f->disk, "log", name_in_log_remove, f->disk);
    (void)rmdir(log);
    bool clean = operations->list(f->disk, "", name_remove, f->disk) == STATUS_OK;
    disk_posix_close(f->disk);
    clean = rmdir(f->path) == 0 && clean;
    free(f);
    return clean ? 0 : -1;
}

static struct disk_file *open_file(struct disk *disk, const char *name, enum disk_mode mode)
{
    struct disk_file *file = NULL;
    assert_int_equal(disk->operations->open(disk, name, mode, &file), STATUS_OK);
    return file;
}

static void log_capture(struct fixture *f)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    f->saved = dup(STDERR_FILENO);
    assert_true(f->saved >= 0);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    (void)fclose(file);
}

/* What was logged since log_capture must be one line that ends in `text`; NULL: nothing. */
static void log_expect(struct fixture *f, const char *text)
{
    char line[1024];
    ssize_t count = pread(STDERR_FILENO, line, sizeof(line) - 1, 0);
    assert_int_equal(dup2(f->saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(f->saved);
    assert_true(count >= 0);
    line[count] = '\0';
    if (text == NULL) {
        assert_string_equal(line, "");
        return;
    }
    const char *pairs = strstr(line, " error disk-failed ");
    assert_non_null(pairs);
    assert_string_equal(pairs + strlen(" error disk-failed "), text);
}

static void what_was_written_is_read_back(void **state)
{
    struct fixture *f = *state;
    const struct disk_operations *operations = f->disk->operations;
    assert_int_equal(operations->make_directory(f->disk, "log"), STATUS_OK);
    assert_int_equal(operations->make_directory(f->disk, "log"), STATUS_OK);
    struct disk_file *file = open_file(f->disk, "log/a", DISK_CREATE);
    assert_int_equal(operations->write(file, "abcd", 4, 2), STATUS_OK);
    assert_int_equal(operations->write_durable(file, "XY", 2, 3), STATUS_OK);
    assert_int_equal(operations->write_durable(file, "", 0, 3), STATUS_OK);
    assert_int_equal(operations->sync(file), STATUS_OK);
    assert_int_equal(operations->sync_directory(f->disk, "log"), STATUS_OK);
    assert_int_equal(operations->sync_directory(f->disk, ""), STATUS_OK);
    operations->close(file);

    char bytes[10];
    uint64_t size = 0;
    file = open_file(f->disk, "log/a", DISK_READ);
    assert_int_equal(operations->size(file, &size), STATUS_OK);
    assert_int_equal(size, 6);
    assert_int_equal(operations->read(file, bytes, sizeof(bytes), 1, &size), STATUS_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "\0aXYd", 5);
    assert_int_equal(operations->read(file, bytes, sizeof(bytes), 6, &size), STATUS_OK);
    assert_int_equal(size, 0);
    operations->close(file);
    operations->close(NULL);
}

static void making_a_file_that_exists_keeps_its_bytes(void **state)
{
    struct fixture *f = *state;
    const struct disk_operations *operations = f->disk->operations;
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t size = 0;
        struct disk_file *file = open_file(f->disk, "a", DISK_CREATE);
        assert_int_equal(operations->size(file, &size), STATUS_OK);
        assert_int_equal(size, i * 4);
        assert_int_equal(operations->write(file, "abcd", 4, 0), STATUS_OK);
        operations->close(file);
    }
}

static void what_is_missing_is_said_and_not_logged(void **state)
{
    struct fixture *f = *state;
    const struct disk_operations *operations = f->disk->operations;
    struct disk_file *file = NULL;
    struct disk *disk = NULL;
    log_capture(f);
    assert_int_equal(operations->open(f->disk, "a", DISK_READ, &file), STATUS_MISSING);
    assert_int_equal(operations->open(f->disk, "a", DISK_READ_WRITE, &file), STATUS_MISSING);
    assert_int_equal(operations->open(f->disk, "log/a", DISK_READ, &file), STATUS_MISSING);
    assert_int_equal(operations->list(f->disk, "log", name_remove, f->disk), STATUS_MISSING);
    assert_int_equal(operations->remove(f->disk, "a"), STATUS_OK);
    assert_int_equal(disk_posix_open(&disk, "no-such-directory"), STATUS_MISSING);
    log_expect(f, NULL);
    assert_null(file);
    assert_null(disk);
}

static enum status name_append(void *context, const char *name)
{
    char *names = context;
    (void)stpcpy(names + strlen(names), name);
    return strcmp(name, "stop") == 0 ? STATUS_FULL : STATUS_OK;
}

static void names_are_listed_in_byte_order(void **state)
{
    struct fixture *f = *state;
    const struct disk_operations *operations = f->disk->operations;
    static const char *const NAMES[] = {"log/b", "log/a", "log/B", "log/a0", "log/stop", "log/z"};
    assert_int_equal(operations->make_directory(f->disk, "log"), STATUS_OK);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        operations->close(open_file(f->disk, NAMES[i], DISK_CREATE));
    }
    char names[64] = "";
    assert_int_equal(operations->list(f->disk, "log", name_append, names), STATUS_FULL);
    assert_string_equal(names, "Baa0bstop");

    names[0] = '\0';
    assert_int_equal(operations->rename(f->disk, "log/stop", "moved"), STATUS_OK);
    assert_int_equal(operations->remove(f->disk, "log/a0"), STATUS_OK);
    assert_int_equal(operations->list(f->disk, "log", name_append, names), STATUS_OK);
    assert_string_equal(names, "Babz");
    names[0] = '\0';
    assert_int_equal(operations->list(f->disk, "", name_append, names), STATUS_OK);
    assert_string_equal(names, "logmoved");
}

static void files_belong_to_their_owner_alone_and_close_on_exec(void **state)
{
    struct fixture *f = *state;
    char path[80];
    struct stat stat_buffer;
    int next = dup(STDIN_FILENO); /* the number that the next descriptor will have */
    (void)close(next);
    struct disk_file *file = open_file(f->disk, "a", DISK_CREATE);
    assert_int_equal(fcntl(next, F_GETFD), FD_CLOEXEC);
    f->disk->operations->close(file);
    (void)snprintf(path, sizeof(path), "%s/a", f->path);
    assert_int_equal(stat(path, &stat_buffer), 0);
    assert_int_equal(stat_buffer.st_mode & 0777, 0600);
}

static void a_failed_write_names_operation_file_offset_and_cause(void **state)
{
    struct fixture *f = *state;
    struct disk *devices = NULL;
    assert_int_equal(disk_posix_open(&devices, "/dev"), STATUS_OK);
    struct disk_file *file = open_file(devices, "full", DISK_READ_WRITE);
    log_capture(f);
    assert_int_equal(devices->operations->write(file, "x", 1, 512), STATUS_IO);
    log_expect(f, "operation=write file=/dev/full offset=512 error=\"No space left on device\"\n");
    log_capture(f);
    assert_int_equal(devices->operations->write_durable(file, "x", 1, 0), STATUS_IO);
    log_expect(f, "operation=write file=/dev/full offset=0 error=\"No space left on device\"\n");
    log_capture(f);
    assert_int_equal(devices->operations->sync(file), STATUS_IO);
    log_expect(f, "operation=sync file=/dev/full offset=0 error=\"Invalid argument\"\n");
    devices->operations->close(file);
    disk_posix_close(devices);
}

static void failures_of_names_are_logged_with_their_path(void **state)
{
    struct fixture *f = *state;
    const struct disk_operations *operations = f->disk->operations;
    struct disk_file *file = NULL;
    char expected[200];
    log_capture(f);
    assert_int_equal(operations->open(f->disk, "log/a", DISK_CREATE, &file), STATUS_IO);
    (void)snprintf(expected, sizeof(expected),
                   "operation=open file=%s/log/a error=\"No such file or directory\"\n", f->path);
    log_expect(f, expected);

    log_capture(f);
    assert_int_equal(operations->rename(f->disk, "a", "b"), STATUS_IO);
    (void)snprintf(expected, sizeof(expected),
                   "operation=rename file=%s/a error=\"No such file or directory\"\n", f->path);
    log_expect(f, expected);

    log_capture(f);
    assert_int_equal(operations->sync_directory(f->disk, "log"), STATUS_IO);
    (void)snprintf(expected, sizeof(expected),
                   "operation=sync-directory file=%s/log error=\"No such file or directory\"\n",
                   f->path);
    log_expect(f, expected);

    log_capture(f);
    assert_int_equal(operations->make_directory(f->disk, "log/a"), STATUS_IO);
    (void)snprintf(expected, sizeof(expected),
                   "operation=make-directory file=%s/log/a error=\"No such file or directory\"\n",
                   f->path);
    log_expect(f, expected);

    assert_int_equal(operations->make_directory(f->disk, "log"), STATUS_OK);
    log_capture(f);
    assert_int_equal(operations->remove(f->disk, "log"), STATUS_IO);
    (void)snprintf(expected, sizeof(expected),
                   "operation=remove file=%s/log error=\"Is a directory\"\n", f->path);
    log_expect(f, expected);
}

static void reading_a_directory_as_a_file_fails_with_its_cause(void **state)
{
    struct fixture *f = *state;
    char byte;
    uint64_t size = 0;
    char expected[200];
    assert_int_equal(f->disk->operations->make_directory(f->disk, "log"), STATUS_OK);
    struct disk_file *file = open_file(f->disk, "log", DISK_READ);
    log_capture(f);
    assert_int_equal(f->disk->operations->read(file, &byte, 1, 7, &size), STATUS_IO);
    (void)snprintf(expected, sizeof(expected),
                   "operation=read file=%s/log offset=7 error=\"Is a directory\"\n", f->path);
    log_expect(f, expected);
    f->disk->operations->close(file);
}

/* The kernel takes the first part of the write; the rest is tried again and meets the limit. */
static void a_short_write_goes_on_and_then_names_the_offset(void **state)
{
    struct fixture *f = *state;
    char expected[200];
    const char bytes[3000] = {0};
    struct rlimit saved;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    const struct rlimit limit = {.rlim_cur = 1000, .rlim_max = saved.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct disk_file *file = open_file(f->disk, "a", DISK_CREATE);
    log_capture(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum status status = f->disk->operations->write_durable(file, bytes, sizeof(bytes), 100);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    (void)signal(SIGXFSZ, handler);
    (void)snprintf(expected, sizeof(expected),
                   "operation=write file=%s/a offset=1000 error=\"File too large\"\n", f->path);
    log_expect(f, expected);
    assert_int_equal(status, STATUS_IO);
    f->disk->operations->close(file);
}

static void the_lock_is_one_processs_until_it_closes(void **state)
{
    struct fixture *f = *state;
    struct disk *other = NULL;
    assert_int_equal(disk_posix_open(&other, f->path), STATUS_OK);
    assert_int_equal(disk_posix_lock(f->disk), STATUS_OK);
    log_capture(f);
    assert_int_equal(disk_posix_lock(other), STATUS_BUSY);
    assert_int_equal(disk_posix_lock(other), STATUS_BUSY);
    log_expect(f, NULL);
    disk_posix_close(f->disk);
    f->disk = other;
    assert_int_equal(disk_posix_lock(other), STATUS_OK);
    disk_posix_close(NULL);
}

static void free_space_is_the_file_systems(void **state)
{
    struct fixture *f = *state;
    struct statvfs file_system;
    uint64_t size = 0;
    assert_int_equal(f->disk->operations->free_size(f->disk, &size), STATUS_OK);
    assert_int_equal(statvfs(f->path, &file_system), 0);
    assert_true(size <= (uint64_t)file_system.f_blocks * file_system.f_frsize);
    assert_true(size > 0);
}

static void a_small_file_is_replaced_and_read_whole(void **state)
{
    struct fixture *f = *state;
    char bytes[16];
    uint64_t size = 0;
    assert_int_equal(disk_replace(f->disk, "manifest", "first, longer", 13), STATUS_OK);
    assert_int_equal(disk_replace(f->disk, "manifest", "second", 6), STATUS_OK);
    assert_int_equal(disk_read_whole(f->disk, "manifest", bytes, sizeof(bytes), &size), STATUS_OK);
    assert_int_equal(size, 6);
    assert_memory_equal(bytes, "second", 6);
    assert_int_equal(disk_read_whole(f->disk, "manifest", bytes, 5, &size), STATUS_FULL);
    assert_int_equal(disk_read_whole(f->disk, "manifest.new", bytes, 16, &size), STATUS_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read_back, begin, end),
        cmocka_unit_test_setup_teardown(making_a_file_that_exists_keeps_its_bytes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_missing_is_said_and_not_logged, begin, end),
        cmocka_unit_test_setup_teardown(names_are_listed_in_byte_order, begin, end),
        cmocka_unit_test_setup_teardown(files_belong_to_their_owner_alone_and_close_on_exec, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_failed_write_names_operation_file_offset_and_cause, begin,
                                        end),
        cmocka_unit_test_setup_teardown(failures_of_names_are_logged_with_their_path, begin, end),
        cmocka_unit_test_setup_teardown(reading_a_directory_as_a_file_fails_with_its_cause, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_short_write_goes_on_and_then_names_the_offset, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_lock_is_one_processs_until_it_closes, begin, end),
        cmocka_unit_test_setup_teardown(free_space_is_the_file_systems, begin, end),
        cmocka_unit_test_setup_teardown(a_small_file_is_replaced_and_read_whole, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
