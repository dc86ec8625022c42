/* verify.h -- proves a stopped node's journal from its first record on.
 *
 * Every record's checksum, place, chain, balance, limit, time and order; the fingerprint against that
 * of the manifest; and that the manifest and the records agree on which log entry is settled. The
 * records and nothing else are the evidence: no cache is read, and nothing is written but the lock.
 */
#ifndef NODE_VERIFY_H
#define NODE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/status.h"

enum { NODE_VERIFY_DAMAGE_SIZE = 256 };

struct node_verify {
    uint64_t records;                 /* whole and by the rules, from the first on */
    uint64_t settled;                 /* that the manifest counts */
    uint8_t fingerprint[SHA256_SIZE]; /* at `records` */
    uint64_t credits;
    uint64_t debits;
    uint64_t refused;
    uint32_t accounts;
    int64_t balance_sum;                  /* cents */
    bool balance_sum_fits;                /* false: the sum lies beyond an int64_t */
    char damage[NODE_VERIFY_DAMAGE_SIZE]; /* "", or file, offset and the rule that is broken */
};

/* Blocks while it reads. STATUS_OK: the journal was read, and out->damage says whether it is whole; if
 * it is not, only records, settled, fingerprint and damage are known. STATUS_MISSING: no bank is there;
 * STATUS_BUSY: a process has the directory; STATUS_CORRUPT: the manifest is damaged (logged);
 * STATUS_FULL: more than accounts_max accounts; STATUS_IO; STATUS_NO_MEMORY. */
MUST_CHECK enum status node_verify(const char *directory, uint32_t accounts_max,
                                   struct node_verify *out);

#endif
