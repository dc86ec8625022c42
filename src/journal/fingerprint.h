/* fingerprint.h -- one hash that names every byte of a journal up to a length.
 *
 * Each page of JOURNAL_PAGE_RECORDS records has one: SHA-256(fingerprint of the page before ‖ the
 * page's records so far), where 32 zeros stand before the first page. At the end of a page, and in
 * an empty journal, nothing of the next page is there yet: the fingerprint is that of the page
 * before, and equals `page_previous`. Pages let a node go on from a length, or check a pulled page,
 * without reading what is before.
 *
 * One thread at a time. Private to this layer but for replica, which pulls pages.
 */
#ifndef JOURNAL_FINGERPRINT_H
#define JOURNAL_FINGERPRINT_H

#include <stdint.h>

#include "base/record.h"
#include "base/sha256.h"
#include "journal/journal.h"

struct fingerprint {
    struct sha256 *sha256; /* has taken page_previous and `count` records */
    uint32_t count;        /* records of the page so far, fewer than JOURNAL_PAGE_RECORDS */
    uint8_t page_previous[SHA256_SIZE];
};

/* Begins at the start of a page. */
void fingerprint_init(struct fingerprint *fingerprint, const uint8_t page_previous[SHA256_SIZE]);
void fingerprint_deinit(struct fingerprint *fingerprint); /* accepts one that is all zeros */

/* Takes the next records, of any number of pages. */
void fingerprint_add(struct fingerprint *fingerprint, const struct record *records, uint64_t count);

/* The mark after all that was added; `length` is what the caller has counted. */
void fingerprint_mark(const struct fingerprint *fingerprint, uint64_t length,
                      struct journal_mark *out);

#endif
