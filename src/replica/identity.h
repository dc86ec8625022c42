/* identity.h -- who this data directory is: the file `node`, made with it and never changed after.
 *
 *      0  magic       u64
 *      8  raft_id     u64  random, not 0: the seat in the cluster; a copy of the directory is not a
 *                          second node, and a wiped one is a stranger
 *     16  generation  u64  random: nodes of another generation are another bank
 *     24  checksum    u32  CRC-32C of bytes 0..23
 *
 * It is written last at birth: a directory without it is half-made.
 */
#ifndef REPLICA_IDENTITY_H
#define REPLICA_IDENTITY_H

#include <stdint.h>

#include "base/disk.h"
#include "base/random.h"
#include "base/status.h"

struct identity {
    uint64_t raft_id;
    uint64_t generation;
};

struct identity identity_make(const struct random *random);

MUST_CHECK enum status identity_store(struct disk *disk, const struct identity *identity);

/* STATUS_MISSING: blank or half-made; STATUS_CORRUPT; STATUS_IO. */
MUST_CHECK enum status identity_load(struct disk *disk, struct identity *out);

#endif
