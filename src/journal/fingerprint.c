#include "journal/fingerprint.h"

#include <string.h>

#include "base/check.h"

static void page_begin(struct fingerprint *fingerprint)
{
    sha256_begin(fingerprint->sha256);
    sha256_add(fingerprint->sha256, fingerprint->page_previous, SHA256_SIZE);
    fingerprint->count = 0;
}

void fingerprint_init(struct fingerprint *fingerprint, const uint8_t page_previous[SHA256_SIZE])
{
    fingerprint->sha256 = sha256_open();
    memcpy(fingerprint->page_previous, page_previous, SHA256_SIZE);
    page_begin(fingerprint);
}

void fingerprint_deinit(struct fingerprint *fingerprint)
{
    sha256_close(fingerprint->sha256);
    fingerprint->sha256 = NULL;
}

void fingerprint_add(struct fingerprint *fingerprint, const struct record *records, uint64_t count)
{
    while (count > 0) {
        uint32_t left = JOURNAL_PAGE_RECORDS - fingerprint->count;
        uint32_t run = count < left ? (uint32_t)count : left;
        sha256_add(fingerprint->sha256, records, (size_t)run * RECORD_SIZE);
        fingerprint->count += run;
        if (fingerprint->count == JOURNAL_PAGE_RECORDS) {
            sha256_end(fingerprint->sha256, fingerprint->page_previous);
            page_begin(fingerprint);
        }
        records += run;
        count -= run;
    }
}

void fingerprint_mark(const struct fingerprint *fingerprint, uint64_t length,
                      struct journal_mark *out)
{
    CHECK(length % JOURNAL_PAGE_RECORDS == fingerprint->count);
    out->length = length;
    memcpy(out->page_previous, fingerprint->page_previous, SHA256_SIZE);
    if (fingerprint->count == 0) {
        memcpy(out->fingerprint, fingerprint->page_previous, SHA256_SIZE);
    } else {
        sha256_peek(fingerprint->sha256, out->fingerprint);
    }
}
