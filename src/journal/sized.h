/* sized.h -- the journal with segments of another size, so that tests and fuzz targets can cross
 * their ends with a few records. The size is part of the format: nothing else uses this. */
#ifndef JOURNAL_SIZED_H
#define JOURNAL_SIZED_H

#include "journal/journal.h"

/* As journal_open and journal_scan. segment_records is at least 1. */
MUST_CHECK enum status journal_open_sized(struct journal **out, struct disk *disk,
                                          uint32_t segment_records,
                                          const struct journal_mark *settled,
                                          journal_visit_fn *visit, void *context);
MUST_CHECK enum status journal_scan_sized(struct disk *disk, uint32_t segment_records,
                                          const struct journal_mark *settled,
                                          journal_visit_fn *visit, void *context,
                                          struct journal_scan *out);

#endif
