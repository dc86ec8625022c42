/* entries.h -- the log's newest entries in memory: from the first that is not applied to the last.
 *
 * An entry stays until it is applied; then the log on disk, and soon the journal, have it. A start puts
 * everything behind the snapshot here, so the window is as long as the log between two snapshots.
 */
#ifndef REPLICA_ENTRIES_H
#define REPLICA_ENTRIES_H

#include <stdint.h>

#include "base/status.h"
#include "consensus/consensus.h"

/* A ring of consensus_entry by index; each entry's data is its own allocation. */
struct entries {
    struct consensus_entry *ring;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
    uint64_t index_first; /* of the first one here, or the next to come */
};

void entries_init(struct entries *entries, uint64_t index_first);
void entries_deinit(struct entries *entries);

/* Copies the entry behind the last one. STATUS_NO_MEMORY. */
MUST_CHECK enum status entries_append(struct entries *entries, const struct consensus_entry *entry);

/* The entry with this index, which is here. */
const struct consensus_entry *entries_get(const struct entries *entries, uint64_t index);

/* The index behind the last one. */
uint64_t entries_index_next(const struct entries *entries);

/* Forgets the first one. */
void entries_drop_first(struct entries *entries);

/* All of them in order, as one array that the caller frees. NULL: no memory. */
struct consensus_entry *entries_array(const struct entries *entries);

#endif
