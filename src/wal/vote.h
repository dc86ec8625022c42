/* vote.h -- term and vote on disk: two copies, each written and synced in turn.
 *
 * Files vote-a and vote-b, one block each: magic, term, vote, checksum. The higher term holds, then
 * the copy with a vote; one bad copy is replaced by the good one; both bad is damage.
 */
#ifndef WAL_VOTE_H
#define WAL_VOTE_H

#include <stdint.h>

#include "base/disk.h"
#include "base/status.h"

struct vote {
    uint64_t term;
    uint64_t voted_for; /* raft id; 0: nobody in this term */
};

/* Makes both files with this vote; for `init`. STATUS_IO. */
MUST_CHECK enum status vote_create(struct disk *disk, const struct vote *vote);

/* Reads both, and writes and syncs both again with the one that holds: what was read may be only in
 * the page cache. STATUS_CORRUPT: both bad or a file missing; logged. STATUS_IO. */
MUST_CHECK enum status vote_load(struct disk *disk, struct vote *out);

/* Writes and syncs one copy, then the other. Blocks. STATUS_IO: stop the node. */
MUST_CHECK enum status vote_store(struct disk *disk, const struct vote *vote);

#endif
