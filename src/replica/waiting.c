#include "replica/waiting.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

static void list_append(struct waiting_list *list, struct replica_transaction *transaction)
{
    transaction->next = NULL;
    transaction->previous = list->last;
    if (list->last != NULL) {
        list->last->next = transaction;
    } else {
        list->first = transaction;
    }
    list->last = transaction;
}

static void list_remove(struct waiting_list *list, struct replica_transaction *transaction)
{
    if (transaction->previous != NULL) {
        transaction->previous->next = transaction->next;
    } else {
        list->first = transaction->next;
    }
    if (transaction->next != NULL) {
        transaction->next->previous = transaction->previous;
    } else {
        list->last = transaction->previous;
    }
}

/* Ids are cut from SHA-256, so any of their bits will do: a client that makes ids collide here only
 * makes its own open requests slower. */
static uint32_t bucket_of(const uint8_t id[RECORD_ID_SIZE])
{
    return bytes_get_u32(id + 8) % WAITING_BUCKETS;
}

void waiting_queue(struct waiting *waiting, struct replica_transaction *transaction)
{
    CHECK(transaction->state == REPLICA_REQUEST_FREE);
    transaction->state = REPLICA_REQUEST_QUEUED;
    list_append(&waiting->queued, transaction);
    waiting->queued_count++;
}

void waiting_submit(struct waiting *waiting, struct replica_transaction *transaction)
{
    CHECK(transaction->state == REPLICA_REQUEST_QUEUED);
    list_remove(&waiting->queued, transaction);
    waiting->queued_count--;
    transaction->state = REPLICA_REQUEST_SUBMITTED;
    list_append(&waiting->submitted, transaction);
    waiting->submitted_count++;
    struct replica_transaction **bucket = &waiting->buckets[bucket_of(transaction->command.id)];
    transaction->bucket_next = *bucket;
    *bucket = transaction;
}

void waiting_remove(struct waiting *waiting, struct replica_transaction *transaction)
{
    CHECK(transaction->state != REPLICA_REQUEST_FREE);
    if (transaction->state == REPLICA_REQUEST_QUEUED) {
        list_remove(&waiting->queued, transaction);
        waiting->queued_count--;
    } else {
        list_remove(&waiting->submitted, transaction);
        waiting->submitted_count--;
        struct replica_transaction **link = &waiting->buckets[bucket_of(transaction->command.id)];
        while (*link != transaction) {
            link = &(*link)->bucket_next;
        }
        *link = transaction->bucket_next;
    }
    transaction->state = REPLICA_REQUEST_FREE;
}

struct replica_transaction *waiting_find(const struct waiting *waiting,
                                         const uint8_t id[RECORD_ID_SIZE], const uint64_t *stamp)
{
    struct replica_transaction *transaction = waiting->buckets[bucket_of(id)];
    while (transaction != NULL && (memcmp(transaction->command.id, id, RECORD_ID_SIZE) != 0 ||
                                   (stamp != NULL && transaction->command.stamp != *stamp))) {
        transaction = transaction->bucket_next;
    }
    return transaction;
}
