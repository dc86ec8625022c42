/* accounts.c -- the contract is in accounts.h; this file explains the slots.
 *
 * A slot is 32 bits: 0 when empty, else the account's position + 1 in as many low bits as count_max
 * needs, and in the bits left above them a tag, cut from the hash. At 10 million accounts the tag has
 * 8 bits: of the strangers that a search passes, one in 256 costs a look at the account itself, and
 * so a search costs two cache misses and not three. Accounts are never removed.
 */
#include "ledger/accounts.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/check.h"
#include "ledger/table.h"

enum { SLOTS_FULL_PERCENT_MAX = 62 };

struct accounts {
    struct account *accounts; /* count_max of them, count in use */
    uint32_t *slots;          /* slot_mask + 1 of them */
    uint64_t slot_mask;
    uint64_t seed;
    uint32_t position_mask; /* bits of a slot that hold position + 1 */
    uint32_t count;
    uint32_t count_max;
};

static size_t accounts_size(const struct accounts *accounts)
{
    return (size_t)accounts->count_max * sizeof(accounts->accounts[0]);
}

static size_t slots_size(const struct accounts *accounts)
{
    return (size_t)(accounts->slot_mask + 1) * sizeof(accounts->slots[0]);
}

enum status accounts_open(struct accounts **out, uint32_t count_max, uint64_t seed)
{
    CHECK(count_max >= 1);

    struct accounts *accounts = calloc(1, sizeof(*accounts));
    if (accounts == NULL) {
        return STATUS_NO_MEMORY;
    }
    uint64_t slot_count_min = (uint64_t)count_max * 100 / SLOTS_FULL_PERCENT_MAX + 1;
    accounts->slot_mask = table_power_of_two(slot_count_min) - 1;
    accounts->position_mask = (uint32_t)(table_power_of_two((uint64_t)count_max + 1) - 1);
    accounts->seed = seed;
    accounts->count_max = count_max;
    accounts->accounts = table_map(accounts_size(accounts));
    accounts->slots = table_map(slots_size(accounts));
    if (accounts->accounts == NULL || accounts->slots == NULL) {
        accounts_close(accounts); /* accepts a half-opened one */
        return STATUS_NO_MEMORY;
    }
    *out = accounts;
    return STATUS_OK;
}

void accounts_close(struct accounts *accounts)
{
    if (accounts == NULL) {
        return;
    }
    table_unmap(accounts->accounts, accounts_size(accounts), 0);
    table_unmap(accounts->slots, slots_size(accounts), 0);
    free(accounts);
}

/* The slot that holds `id`, or the empty one where it would be added. There is always one. */
static uint32_t *slot_find(const struct accounts *accounts, uint64_t id, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32) & ~accounts->position_mask;
    for (uint64_t at = hash;; at++) {
        uint32_t *slot = &accounts->slots[at & accounts->slot_mask];
        if (*slot == 0) {
            return slot;
        }
        if ((*slot & ~accounts->position_mask) != tag) {
            continue;
        }
        uint32_t position = (*slot & accounts->position_mask) - 1;
        if (accounts->accounts[position].id == id) {
            return slot;
        }
    }
}

struct account *accounts_find(const struct accounts *accounts, uint64_t id)
{
    const uint32_t *slot = slot_find(accounts, id, table_mix(id, accounts->seed));
    if (*slot == 0) {
        return NULL;
    }
    return &accounts->accounts[(*slot & accounts->position_mask) - 1];
}

void accounts_prefetch(const struct accounts *accounts, uint64_t id)
{
    __builtin_prefetch(&accounts->slots[table_mix(id, accounts->seed) & accounts->slot_mask]);
}

enum status accounts_add(struct accounts *accounts, uint64_t id, int64_t limit)
{
    if (accounts->count == accounts->count_max) {
        return STATUS_FULL;
    }
    uint64_t hash = table_mix(id, accounts->seed);
    uint32_t *slot = slot_find(accounts, id, hash);
    CHECK(*slot == 0);

    struct account *account = &accounts->accounts[accounts->count];
    account->id = id;
    account->limit = limit;
    accounts->count++;
    *slot = ((uint32_t)(hash >> 32) & ~accounts->position_mask) | accounts->count;
    return STATUS_OK;
}

uint32_t accounts_count(const struct accounts *accounts)
{
    return accounts->count;
}

const struct account *accounts_get(const struct accounts *accounts, uint32_t position)
{
    CHECK(position < accounts->count);
    return &accounts->accounts[position];
}
