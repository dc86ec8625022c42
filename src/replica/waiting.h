/* waiting.h -- the requests that wait: in a queue until they are in an entry, then by id.
 *
 * Their number is bounded by the connections that carry them. All have the same time to live, so one
 * list in order of arrival is also in order of deadline.
 */
#ifndef REPLICA_WAITING_H
#define REPLICA_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "replica/replica.h"

/* 16 KiB: few enough to stay in the cache, and chains of 8 when every connection waits. */
enum { WAITING_BUCKETS = 2048 };

struct waiting_list {
    struct replica_transaction *first;
    struct replica_transaction *last;
};

struct waiting {
    struct waiting_list queued;                           /* not yet in an entry */
    struct waiting_list submitted;                        /* in an entry of this node's */
    struct replica_transaction *buckets[WAITING_BUCKETS]; /* the submitted ones by id */
    uint64_t queued_count;
    uint64_t submitted_count;
};

void waiting_queue(struct waiting *waiting, struct replica_transaction *transaction);
/* From the queue to the ids. */
void waiting_submit(struct waiting *waiting, struct replica_transaction *transaction);
/* Takes it out of wherever it is; its state becomes FREE. */
void waiting_remove(struct waiting *waiting, struct replica_transaction *transaction);
/* The first submitted one with this id (and, if `stamp` is given, this stamp), or NULL. */
struct replica_transaction *waiting_find(const struct waiting *waiting,
                                         const uint8_t id[RECORD_ID_SIZE], const uint64_t *stamp);

#endif
