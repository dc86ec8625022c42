/* table.h -- what the two hash tables of the ledger share: their memory and the mixing of their keys.
 *
 * A table is mapped once at the largest size it can have and costs only the pages that were touched,
 * so it never grows, moves or rehashes, and a pointer into it stays valid.
 */
#ifndef LEDGER_TABLE_H
#define LEDGER_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, aligned to a page; NULL if the kernel refuses. `size` is at least 1. */
void *table_map(size_t size);
/* Gives back what lies beyond `size_kept`, which may be 0, up to the next page. Accepts NULL. */
void table_unmap(void *table, size_t size, size_t size_kept);

/* The smallest power of two that is at least `value`, which is 1..2^63. */
uint64_t table_power_of_two(uint64_t value);

/* A hash whose every bit depends on every bit of `key` and of `seed`: whoever does not know the seed
 * cannot choose keys that fall on each other. Not for secrets. */
static inline uint64_t table_mix(uint64_t key, uint64_t seed)
{
    uint64_t hash = key ^ seed;
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    hash += seed; /* or differences that pass the first half would not depend on the seed */
    hash *= UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    return hash;
}

#endif
