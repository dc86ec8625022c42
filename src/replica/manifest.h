/* manifest.h -- a Raft snapshot: how far the journal is settled. The file `manifest`, replaced whole.
 *
 *      0  magic               u64
 *      8  checksum            u32  CRC-32C of all that follows
 *     12  flags               u32  1: installed from a peer, not made here
 *     16  index               u64  of the last log entry whose decisions are in; 0 at birth
 *     24  term                u64  of that entry
 *     32  journal length      u64  records that are on the disk
 *     40  page before         32   journal_mark.page_previous
 *     72  fingerprint         32   journal_mark.fingerprint
 *    104  configuration index u64  of the newest configuration committed at `index`
 *    112  configuration size  u32
 *    116  configuration            encoded
 *
 * The journal is synced before a manifest that names its length is written.
 */
#ifndef REPLICA_MANIFEST_H
#define REPLICA_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/status.h"
#include "consensus/consensus.h"
#include "journal/journal.h"

struct manifest {
    uint64_t index;
    uint64_t term;
    bool installed;
    struct journal_mark journal;
    struct consensus_configuration configuration;
};

/* Blocks until it is on the disk. STATUS_IO: stop the node. */
MUST_CHECK enum status manifest_store(struct disk *disk, const struct manifest *manifest);

/* STATUS_MISSING, STATUS_CORRUPT (logged), STATUS_IO. */
MUST_CHECK enum status manifest_load(struct disk *disk, struct manifest *out);

#endif
