/* accounts.h -- the table of accounts: a cache that the journal can rebuild.
 *
 * Accounts lie in the order in which they were opened, the same on every node; a hash of slots
 * (linear probing, power of two, at most 62% full) finds them by id. Both are mapped at their full
 * size at start and touched only as they fill, so nothing ever grows, moves or rehashes: 40 bytes
 * an account and 6 to 13 of slots.
 */
#ifndef LEDGER_ACCOUNTS_H
#define LEDGER_ACCOUNTS_H

#include <stdint.h>

#include "base/status.h"

struct account {
    uint64_t id;
    int64_t limit;        /* cents, 0..AMOUNT_MAX */
    int64_t balance;      /* cents, -limit..AMOUNT_MAX */
    uint64_t place;       /* number of accepted transactions */
    uint64_t record_last; /* index of the newest accepted transaction's record, 0 if none */
};

struct accounts;

/* `seed` mixes the hash, so that nobody can choose ids that collide; it does not change any result.
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status accounts_open(struct accounts **out, uint32_t count_max, uint64_t seed);
void accounts_close(struct accounts *accounts); /* accepts NULL */

/* NULL if there is none. Valid, and at the same place, until close. */
struct account *accounts_find(const struct accounts *accounts, uint64_t id);

/* A hint: this id is asked for soon. */
void accounts_prefetch(const struct accounts *accounts, uint64_t id);

/* Opens an account with balance 0; `id` does not exist yet. STATUS_FULL at count_max. */
MUST_CHECK enum status accounts_add(struct accounts *accounts, uint64_t id, int64_t limit);

uint32_t accounts_count(const struct accounts *accounts);
/* In order of opening; position < count. Never NULL. */
const struct account *accounts_get(const struct accounts *accounts, uint32_t position);

#endif
