/* memory_disk.c -- the contract is in memory_disk.h; memory_file.c holds the content of the files.
 *
 * Names lie in two tables of entries, `now` and `durable`, and `changes` lists what was done to the
 * first and not yet to the second. A crash does some of it, from the beginning, and throws the rest
 * away.
 */
#include "support/memory_disk.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "support/memory_file.h"

struct entry {
    char name[DISK_NAME_SIZE_MAX];
    struct memory_file *node;
};

struct table {
    struct entry *entries;
    uint32_t count;
};

/* One of: made (`to`), removed (`from`), renamed (both). */
struct change {
    char from[DISK_NAME_SIZE_MAX];
    char to[DISK_NAME_SIZE_MAX];
    struct memory_file *node;
};

struct failure {
    uint64_t calls_left; /* 0: none asked for */
    bool for_good;
    bool happened;
};

struct memory_disk {
    struct disk disk;
    pthread_mutex_t mutex;
    struct table now;
    struct table durable;
    struct change *changes;
    uint32_t changes_count;
    uint32_t life; /* counts crashes: descriptors of an earlier life are dead */
    struct failure change_failure;
    struct failure read_failure;
    bool has_failed;
    uint64_t free_size;
    struct memory_disk_counts counts;
    char *trace;
    size_t trace_left;
};

struct disk_file {
    struct memory_disk *disk;
    struct memory_file *node;
    uint32_t life;
    enum disk_mode mode;
    char name[DISK_NAME_SIZE_MAX];
};

static const struct disk_operations OPERATIONS;

static struct memory_disk *memory(struct disk *disk)
{
    CHECK(disk->operations == &OPERATIONS);
    return (struct memory_disk *)disk;
}

static struct memory_disk *lock(struct disk *disk)
{
    struct memory_disk *self = memory(disk);
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    return self;
}

static void unlock(struct memory_disk *self)
{
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
}

/* ---- Names ---- */

/* The folder of `name`: "" or what stands before the slash. */
static void name_folder(const char *name, char out[DISK_NAME_SIZE_MAX])
{
    const char *slash = strchr(name, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - name);
    CHECK(length < DISK_NAME_SIZE_MAX);
    memcpy(out, name, length);
    out[length] = '\0';
}

static bool name_is_in(const char *name, const char *directory)
{
    char folder[DISK_NAME_SIZE_MAX];
    name_folder(name, folder);
    return strcmp(folder, directory) == 0;
}

static void name_copy(char target[DISK_NAME_SIZE_MAX], const char *name)
{
    CHECK(strlen(name) < DISK_NAME_SIZE_MAX);
    (void)stpcpy(target, name);
}

static struct entry *table_find(const struct table *table, const char *name)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (strcmp(table->entries[i].name, name) == 0) {
            return &table->entries[i];
        }
    }
    return NULL;
}

static void table_remove(struct table *table, const char *name)
{
    struct entry *entry = table_find(table, name);
    if (entry != NULL) {
        memory_file_release(entry->node);
        *entry = table->entries[--table->count];
    }
}

static void table_put(struct table *table, const char *name, struct memory_file *node)
{
    (void)memory_file_reference(node); /* first: it may be the one that is replaced */
    table_remove(table, name);
    table->entries = reallocarray(table->entries, table->count + 1, sizeof(struct entry));
    CHECK(table->entries != NULL);
    struct entry *entry = &table->entries[table->count++];
    name_copy(entry->name, name);
    entry->node = node;
}

static void table_clear(struct table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        memory_file_release(table->entries[i].node);
    }
    free(table->entries);
    memset(table, 0, sizeof(*table));
}

static void table_apply(struct table *table, const struct change *change)
{
    if (change->from[0] != '\0') {
        table_remove(table, change->from);
    }
    if (change->to[0] != '\0') {
        table_put(table, change->to, change->node);
    }
}

/* Does it now and notes it for later. */
static void change_make(struct memory_disk *self, const char *from, const char *to,
                        struct memory_file *node)
{
    self->changes = reallocarray(self->changes, self->changes_count + 1, sizeof(struct change));
    CHECK(self->changes != NULL);
    struct change *change = &self->changes[self->changes_count++];
    memset(change, 0, sizeof(*change));
    name_copy(change->from, from);
    name_copy(change->to, to);
    change->node = memory_file_reference(node);
    table_apply(&self->now, change);
}

static bool change_touches(const struct change *change, const char *directory)
{
    return (change->from[0] != '\0' && name_is_in(change->from, directory)) ||
           (change->to[0] != '\0' && name_is_in(change->to, directory));
}

static bool change_shares_folder(const struct change *change, const struct change *other)
{
    char from[DISK_NAME_SIZE_MAX];
    char to[DISK_NAME_SIZE_MAX];
    name_folder(other->from, from);
    name_folder(other->to, to);
    return (other->from[0] != '\0' && change_touches(change, from)) ||
           (other->to[0] != '\0' && change_touches(change, to));
}

/* Applies the marked changes to `durable`, in order, and keeps the others. */
static void changes_apply(struct memory_disk *self, const bool *marked)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->changes_count; i++) {
        struct change change = self->changes[i];
        if (marked[i]) {
            table_apply(&self->durable, &change);
            memory_file_release(change.node);
        } else {
            self->changes[kept++] = change;
        }
    }
    self->changes_count = kept;
}

/* A rename between two folders is durable as a whole, with all that came before it in the other
 * folder, so that no file is ever in neither. */
static void changes_sync(struct memory_disk *self, const char *directory)
{
    bool *marked = memory_file_allocate(self->changes_count + 1);
    for (uint32_t i = self->changes_count; i > 0; i--) {
        const struct change *change = &self->changes[i - 1];
        marked[i - 1] = change_touches(change, directory);
        for (uint32_t k = i; k < self->changes_count && !marked[i - 1]; k++) {
            marked[i - 1] = marked[k] && change_shares_folder(change, &self->changes[k]);
        }
    }
    changes_apply(self, marked);
    free(marked);
}

/* Some of the changes, from the first on, have reached the disk; then a file without a folder is
 * gone and `durable` is the whole truth. */
static void changes_crash(struct memory_disk *self, uint64_t *seed)
{
    uint64_t count = memory_file_random(seed) % (self->changes_count + UINT64_C(1));
    for (uint32_t i = 0; i < self->changes_count; i++) {
        if (i < count) {
            table_apply(&self->durable, &self->changes[i]);
        }
        memory_file_release(self->changes[i].node);
    }
    self->changes_count = 0;
    table_clear(&self->now);
    for (uint32_t i = 0; i < self->durable.count; i++) {
        const struct entry *entry = &self->durable.entries[i];
        char folder[DISK_NAME_SIZE_MAX];
        name_folder(entry->name, folder);
        if (folder[0] == '\0' || table_find(&self->durable, folder) != NULL) {
            table_put(&self->now, entry->name, entry->node);
        }
    }
    table_clear(&self->durable);
    for (uint32_t i = 0; i < self->now.count; i++) {
        table_put(&self->durable, self->now.entries[i].name, self->now.entries[i].node);
    }
}

/* ---- Failures and the trace ---- */

static bool failure_is_due(struct memory_disk *self, struct failure *failure)
{
    if (failure->happened && failure->for_good) {
        return true;
    }
    if (failure->calls_left == 0 || --failure->calls_left > 0) {
        return false;
    }
    failure->happened = true;
    self->has_failed = true;
    return true;
}

static void failure_ask(struct memory_disk *self, struct failure *failure, uint64_t call,
                        enum memory_disk_failure kind)
{
    *failure = (struct failure){.calls_left = call, .for_good = kind == MEMORY_DISK_FOR_GOOD};
    self->has_failed = false;
}

/* A line of the trace and the failure that may be due: true if this call must fail. */
__attribute__((format(printf, 2, 3))) static bool change_begins(struct memory_disk *self,
                                                                const char *format, ...)
{
    if (self->trace != NULL) {
        va_list arguments;
        va_start(arguments, format);
        int count = vsnprintf(self->trace, self->trace_left, format, arguments);
        va_end(arguments);
        CHECK(count >= 0);
        CHECK((size_t)count + 1 < self->trace_left);
        (void)stpcpy(self->trace + count, "\n");
        self->trace += count + 1;
        self->trace_left -= (size_t)count + 1;
    }
    return failure_is_due(self, &self->change_failure);
}

/* ---- The table of functions ---- */

static bool file_is_dead(const struct disk_file *file)
{
    return file->life != file->disk->life;
}

static struct disk_file *file_make(struct memory_disk *self, const char *name, enum disk_mode mode,
                                   struct memory_file *node)
{
    struct disk_file *file = memory_file_allocate(sizeof(*file));
    file->disk = self;
    file->node = memory_file_reference(node);
    file->life = self->life;
    file->mode = mode;
    name_copy(file->name, name);
    return file;
}

/* True if the folder that `name` lies in exists. */
static bool folder_exists(const struct memory_disk *self, const char *name)
{
    char folder[DISK_NAME_SIZE_MAX];
    name_folder(name, folder);
    const struct entry *entry = table_find(&self->now, folder);
    return folder[0] == '\0' || (entry != NULL && entry->node->is_directory);
}

static enum status open_locked(struct memory_disk *self, const char *name, enum disk_mode mode,
                               struct disk_file **out)
{
    self->counts.opens++;
    const struct entry *entry = table_find(&self->now, name);
    if (entry == NULL && mode != DISK_CREATE) {
        return STATUS_MISSING;
    }
    if (entry == NULL) {
        if (change_begins(self, "create %s", name) || !folder_exists(self, name)) {
            return STATUS_IO;
        }
        change_make(self, "", name, memory_file_make(false));
        entry = table_find(&self->now, name);
    }
    CHECK(!entry->node->is_directory);
    *out = file_make(self, name, mode, entry->node);
    return STATUS_OK;
}

static enum status memory_open(struct disk *disk, const char *name, enum disk_mode mode,
                               struct disk_file **out)
{
    CHECK(name[0] != '\0');
    struct memory_disk *self = lock(disk);
    enum status status = open_locked(self, name, mode, out);
    unlock(self);
    return status;
}

static void memory_close(struct disk_file *file)
{
    if (file == NULL) {
        return;
    }
    struct memory_disk *self = lock(&file->disk->disk);
    memory_file_release(file->node);
    free(file);
    unlock(self);
}

static enum status memory_size(struct disk_file *file, uint64_t *out_size)
{
    struct memory_disk *self = lock(&file->disk->disk);
    bool dead = file_is_dead(file);
    if (!dead) {
        *out_size = file->node->size;
    }
    unlock(self);
    return dead ? STATUS_IO : STATUS_OK;
}

static enum status memory_read(struct disk_file *file, void *target, uint64_t size, uint64_t offset,
                               uint64_t *out_size)
{
    struct memory_disk *self = lock(&file->disk->disk);
    const struct memory_file *node = file->node;
    enum status status = STATUS_IO;
    self->counts.reads++;
    if (!failure_is_due(self, &self->read_failure) && !file_is_dead(file)) {
        uint64_t left = offset < node->size ? node->size - offset : 0;
        uint64_t count = size < left ? size : left;
        if (count > 0) {
            memcpy(target, node->now + offset, count);
        }
        *out_size = count;
        status = STATUS_OK;
    }
    unlock(self);
    return status;
}

static enum status memory_write(struct disk_file *file, const void *source, uint64_t size,
                                uint64_t offset)
{
    CHECK(file->mode != DISK_READ);
    struct memory_disk *self = lock(&file->disk->disk);
    enum status status = STATUS_IO;
    self->counts.writes++;
    bool fails = change_begins(self, "write %s %" PRIu64 "+%" PRIu64, file->name, offset, size);
    if (!fails && !file_is_dead(file)) {
        memory_file_write(file->node, source, size, offset);
        status = STATUS_OK;
    } else if (!self->change_failure.for_good && !file_is_dead(file)) {
        memory_file_write(file->node, source, size / 2, offset);
    }
    unlock(self);
    return status;
}

static enum status memory_write_durable(struct disk_file *file, const void *source, uint64_t size,
                                        uint64_t offset)
{
    CHECK(file->mode != DISK_READ);
    struct memory_disk *self = lock(&file->disk->disk);
    enum status status = STATUS_IO;
    self->counts.durable_writes++;
    bool fails =
        change_begins(self, "write-durable %s %" PRIu64 "+%" PRIu64, file->name, offset, size);
    if (!fails && !file_is_dead(file)) {
        memory_file_write_durable(file->node, source, size, offset);
        status = STATUS_OK;
    } else if (!self->change_failure.for_good && !file_is_dead(file)) {
        memory_file_write(file->node, source, size / 2, offset);
    }
    unlock(self);
    return status;
}

static enum status memory_sync(struct disk_file *file)
{
    struct memory_disk *self = lock(&file->disk->disk);
    enum status status = STATUS_IO;
    self->counts.syncs++;
    bool fails = change_begins(self, "sync %s", file->name);
    if (!fails && !file_is_dead(file)) {
        memory_file_sync(file->node);
        status = STATUS_OK;
    } else if (!file_is_dead(file)) {
        memory_file_sync_failed(file->node);
    }
    unlock(self);
    return status;
}

static enum status memory_make_directory(struct disk *disk, const char *name)
{
    CHECK(name[0] != '\0');
    CHECK(strchr(name, '/') == NULL);
    struct memory_disk *self = lock(disk);
    self->counts.names_changed++;
    bool fails = change_begins(self, "make-directory %s", name);
    const struct entry *entry = table_find(&self->now, name);
    if (!fails && entry == NULL) {
        change_make(self, "", name, memory_file_make(true));
    }
    CHECK(entry == NULL || entry->node->is_directory);
    unlock(self);
    return fails ? STATUS_IO : STATUS_OK;
}

static int name_compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* The names of `directory`, sorted; NULL if it does not exist. */
static char (*names_copy(struct memory_disk *self, const char *directory,
                         uint32_t *out_count))[DISK_NAME_SIZE_MAX]
{
    const struct entry *folder = table_find(&self->now, directory);
    if (directory[0] != '\0' && (folder == NULL || !folder->node->is_directory)) {
        return NULL;
    }
    char(*names)[DISK_NAME_SIZE_MAX] = memory_file_allocate((self->now.count + 1) * sizeof(*names));
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->now.count; i++) {
        const char *name = self->now.entries[i].name;
        if (name_is_in(name, directory)) {
            const char *slash = strchr(name, '/');
            name_copy(names[count++], slash == NULL ? name : slash + 1);
        }
    }
    qsort(names, count, sizeof(*names), name_compare);
    *out_count = count;
    return names;
}

static enum status memory_list(struct disk *disk, const char *directory, disk_visit_fn *visit,
                               void *context)
{
    struct memory_disk *self = lock(disk);
    uint32_t count = 0;
    char(*names)[DISK_NAME_SIZE_MAX] = names_copy(self, directory, &count);
    unlock(self); /* visit may call the disk */
    enum status status = names == NULL ? STATUS_MISSING : STATUS_OK;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        status = visit(context, names[i]);
    }
    free(names);
    return status;
}

static enum status memory_rename(struct disk *disk, const char *from, const char *to)
{
    struct memory_disk *self = lock(disk);
    enum status status = STATUS_IO;
    self->counts.names_changed++;
    const struct entry *entry = table_find(&self->now, from);
    CHECK(entry == NULL || !entry->node->is_directory);
    if (!change_begins(self, "rename %s %s", from, to) && entry != NULL &&
        folder_exists(self, to)) {
        change_make(self, from, to, entry->node);
        status = STATUS_OK;
    }
    unlock(self);
    return status;
}

static enum status memory_remove(struct disk *disk, const char *name)
{
    struct memory_disk *self = lock(disk);
    self->counts.names_changed++;
    bool fails = change_begins(self, "remove %s", name);
    const struct entry *entry = table_find(&self->now, name);
    CHECK(entry == NULL || !entry->node->is_directory);
    if (!fails && entry != NULL) {
        change_make(self, name, "", entry->node);
    }
    unlock(self);
    return fails ? STATUS_IO : STATUS_OK;
}

static enum status memory_sync_directory(struct disk *disk, const char *directory)
{
    struct memory_disk *self = lock(disk);
    self->counts.directory_syncs++;
    const struct entry *entry = table_find(&self->now, directory);
    bool fails = change_begins(self, "sync-directory %s", directory) ||
                 (directory[0] != '\0' && (entry == NULL || !entry->node->is_directory));
    if (!fails) {
        changes_sync(self, directory);
    }
    unlock(self);
    return fails ? STATUS_IO : STATUS_OK;
}

static enum status memory_free_size(struct disk *disk, uint64_t *out_size)
{
    struct memory_disk *self = lock(disk);
    *out_size = self->free_size;
    unlock(self);
    return STATUS_OK;
}

static const struct disk_operations OPERATIONS = {
    .open = memory_open,
    .close = memory_close,
    .size = memory_size,
    .read = memory_read,
    .write = memory_write,
    .write_durable = memory_write_durable,
    .sync = memory_sync,
    .make_directory = memory_make_directory,
    .list = memory_list,
    .rename = memory_rename,
    .remove = memory_remove,
    .sync_directory = memory_sync_directory,
    .free_size = memory_free_size,
};

/* ---- What only tests call ---- */

struct disk *memory_disk_open(void)
{
    struct memory_disk *self = memory_file_allocate(sizeof(*self));
    self->disk.operations = &OPERATIONS;
    self->free_size = UINT64_C(1) << 30;
    CHECK(pthread_mutex_init(&self->mutex, NULL) == 0);
    return &self->disk;
}

void memory_disk_close(struct disk *disk)
{
    if (disk == NULL) {
        return;
    }
    struct memory_disk *self = memory(disk);
    for (uint32_t i = 0; i < self->changes_count; i++) {
        memory_file_release(self->changes[i].node);
    }
    free(self->changes);
    table_clear(&self->now);
    table_clear(&self->durable);
    CHECK(pthread_mutex_destroy(&self->mutex) == 0);
    free(self);
}

void memory_disk_crash(struct disk *disk, uint64_t seed)
{
    struct memory_disk *self = lock(disk);
    changes_crash(self, &seed);
    for (uint32_t i = 0; i < self->now.count; i++) {
        memory_file_crash(self->now.entries[i].node, &seed);
    }
    self->life++;
    memset(&self->change_failure, 0, sizeof(self->change_failure));
    memset(&self->read_failure, 0, sizeof(self->read_failure));
    unlock(self);
}

void memory_disk_fail_change(struct disk *disk, uint64_t call, enum memory_disk_failure failure)
{
    struct memory_disk *self = lock(disk);
    failure_ask(self, &self->change_failure, call, failure);
    unlock(self);
}

void memory_disk_fail_read(struct disk *disk, uint64_t call, enum memory_disk_failure failure)
{
    struct memory_disk *self = lock(disk);
    failure_ask(self, &self->read_failure, call, failure);
    unlock(self);
}

bool memory_disk_has_failed(struct disk *disk)
{
    return memory(disk)->has_failed;
}

void memory_disk_set_free_size(struct disk *disk, uint64_t size)
{
    memory(disk)->free_size = size;
}

bool memory_disk_exists(struct disk *disk, const char *name)
{
    return table_find(&memory(disk)->now, name) != NULL;
}

static struct memory_file *node_get(struct disk *disk, const char *name)
{
    const struct entry *entry = table_find(&memory(disk)->now, name);
    CHECK(entry != NULL);
    CHECK(!entry->node->is_directory);
    return entry->node;
}

const uint8_t *memory_disk_bytes(struct disk *disk, const char *name, uint64_t *out_size)
{
    const struct memory_file *node = node_get(disk, name);
    *out_size = node->size;
    return node->now;
}

void memory_disk_flip(struct disk *disk, const char *name, uint64_t offset, uint8_t mask)
{
    struct memory_file *node = node_get(disk, name);
    CHECK(offset < node->size);
    uint8_t byte = node->now[offset] ^ mask;
    memory_file_write_durable(node, &byte, 1, offset);
}

void memory_disk_cut(struct disk *disk, const char *name, uint64_t size)
{
    struct memory_file *node = node_get(disk, name);
    CHECK(size <= node->size);
    memory_file_cut(node, size);
}

void memory_disk_put(struct disk *disk, const char *name, const void *source, uint64_t size)
{
    struct memory_disk *self = memory(disk);
    char folder[DISK_NAME_SIZE_MAX];
    CHECK(folder_exists(self, name));
    name_folder(name, folder);
    changes_sync(self, folder); /* or a crash could redo an older change of this name */
    struct memory_file *node = memory_file_make(false);
    memory_file_write_durable(node, source, size, 0);
    table_put(&self->now, name, node);
    table_put(&self->durable, name, node);
}

struct memory_disk_counts memory_disk_counts(struct disk *disk)
{
    return memory(disk)->counts;
}

void memory_disk_trace(struct disk *disk, char *target, size_t size)
{
    struct memory_disk *self = memory(disk);
    self->trace = target;
    self->trace_left = size;
    if (target != NULL) {
        CHECK(size > 0);
        target[0] = '\0';
    }
}
