#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "support/memory_disk.h"

struct record expected_record(uint64_t index)
{
    struct record record = {
        .kind = RECORD_CREDIT,
        .type = 'c',
        .description_size = 5,
        .account = index % 7 + 1,
        .place = index / 7 + 1,
        .previous = index < 7 ? 0 : index - 7,
        .amount = (int64_t)(index * 2654435761U % 10000) + 1,
        .balance = (int64_t)(index * 40503 % 1000000),
        .limit = 100000,
        .time_us = UINT64_C(1700000000000000) + index,
        .log_index = index + 2,
        .description = "conta",
    };
    memset(record.id, (int)(index % 255 + 1), sizeof(record.id));
    record_seal(&record, index);
    return record;
}

struct journal_mark expected_mark(uint64_t length)
{
    struct journal_mark mark = {.length = length};
    struct sha256 *sha256 = sha256_open();
    uint64_t index = 0;
    while (index < length) {
        uint64_t page_end =
            index + JOURNAL_PAGE_RECORDS < length ? index + JOURNAL_PAGE_RECORDS : length;
        memcpy(mark.page_previous, mark.fingerprint, SHA256_SIZE);
        sha256_begin(sha256);
        sha256_add(sha256, mark.page_previous, SHA256_SIZE);
        for (; index < page_end; index++) {
            struct record record = expected_record(index);
            sha256_add(sha256, &record, RECORD_SIZE);
        }
        sha256_end(sha256, mark.fingerprint);
    }
    if (length % JOURNAL_PAGE_RECORDS == 0) {
        memcpy(mark.page_previous, mark.fingerprint, SHA256_SIZE);
    }
    sha256_close(sha256);
    return mark;
}

void fixture_setup(struct fixture *f, uint32_t segment_records)
{
    *f = (struct fixture){
        .disk = memory_disk_open(),
        .segment_records = segment_records,
        .visit_end = UINT64_MAX,
        .visit_forged = UINT64_MAX,
    };
    CHECK(f->disk->operations->make_directory(f->disk, "journal") == STATUS_OK);
    CHECK(f->disk->operations->sync_directory(f->disk, "") == STATUS_OK);
}

void fixture_teardown(struct fixture *f)
{
    fixture_close(f);
    memory_disk_close(f->disk);
}

static enum status visit(void *context, uint64_t index, const struct record *record)
{
    struct fixture *f = context;
    struct record expected = expected_record(index);
    CHECK(index == f->visited);
    CHECK(index == f->visit_forged || memcmp(record, &expected, RECORD_SIZE) == 0);
    if (index == f->visit_end) {
        return STATUS_INVALID;
    }
    f->visited++;
    return STATUS_OK;
}

enum status fixture_open(struct fixture *f, const struct journal_mark *settled)
{
    fixture_close(f);
    f->visited = 0;
    return journal_open_sized(&f->journal, f->disk, f->segment_records, settled, visit, f);
}

void fixture_close(struct fixture *f)
{
    journal_close(f->journal);
    f->journal = NULL;
}

enum status fixture_scan(struct fixture *f, const struct journal_mark *settled,
                         struct journal_scan *out)
{
    f->visited = 0;
    return journal_scan_sized(f->disk, f->segment_records, settled, visit, f, out);
}

void fixture_append(struct fixture *f, uint64_t length)
{
    while (journal_length(f->journal) < length) {
        struct record record = expected_record(journal_length(f->journal));
        record.checksum = 0; /* the journal seals */
        CHECK(journal_append(f->journal, &record) == STATUS_OK);
    }
}

enum status fixture_flush(struct fixture *f, uint64_t length)
{
    fixture_append(f, length);
    enum status status = journal_flush(f->journal, length);
    if (status == STATUS_OK) {
        journal_flushed(f->journal, length);
    }
    return status;
}

void fixture_fill(struct fixture *f, uint64_t length)
{
    struct journal_mark empty = {0};
    CHECK(fixture_open(f, &empty) == STATUS_OK);
    for (uint64_t done = 0; done < length;) {
        done = length - done < RECORDS_IN_MEMORY ? length : done + RECORDS_IN_MEMORY;
        CHECK(fixture_flush(f, done) == STATUS_OK);
    }
    CHECK(journal_sync(f->journal) == STATUS_OK);
    fixture_close(f);
}

const char *segment_of(const struct fixture *f, uint64_t index)
{
    static char name[DISK_NAME_SIZE_MAX];
    (void)snprintf(name, sizeof(name), "journal/%016" PRIx64, index - index % f->segment_records);
    return name;
}

uint64_t offset_of(const struct fixture *f, uint64_t index)
{
    return index % f->segment_records * RECORD_SIZE;
}

void log_capture_begin(struct log_capture *capture)
{
    (void)fflush(stderr);
    capture->fd_error = dup(STDERR_FILENO);
    capture->fd_memory = memfd_create("log", MFD_CLOEXEC);
    CHECK(capture->fd_error >= 0 && capture->fd_memory >= 0);
    CHECK(dup2(capture->fd_memory, STDERR_FILENO) >= 0);
}

void log_capture_end(struct log_capture *capture)
{
    CHECK(dup2(capture->fd_error, STDERR_FILENO) >= 0);
    ssize_t size = pread(capture->fd_memory, capture->text, sizeof(capture->text) - 1, 0);
    CHECK(size >= 0);
    capture->text[size] = '\0';
    (void)close(capture->fd_memory);
    (void)close(capture->fd_error);
}

bool log_capture_names(const struct log_capture *capture, const char *file, uint64_t offset)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "file=%s offset=%" PRIu64 " ", file, offset);
    return strstr(capture->text, text) != NULL;
}
