/* ids.c -- the contract is in ids.h; this file explains the slots.
 *
 * The ring has one position for each of the last W records; the next record takes that of the
 * oldest. A slot is 32 bits, 0 when empty:
 *
 *      0..23   position in the ring
 *     24..27   distance from the slot where the id's hash begins, plus 1; DISTANCE_FAR: that or more
 *     28..31   tag, cut from the hash
 *
 * Why distance and tag: without them a search, and the backward shift after a removal, would look
 * into the ring for every id that they pass, each time a cache miss. With them a search compares
 * only ids of the same beginning and tag, and a shift hardly ever needs the ring.
 *
 * A removal searches by position, not by id. So a record without an id needs no mark of its own:
 * whatever lies at its position, no slot points there.
 */
#include "ledger/ids.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "ledger/table.h"

enum {
    POSITION_BITS = 24,
    DISTANCE_BITS = 4,
    DISTANCE_FAR = 15,
    /* Records before an id is forgotten at which its slot is fetched into the cache; twice as many
     * before, the id itself. */
    PREFETCH_AHEAD = 8,
};

static const uint32_t POSITION_MASK = (UINT32_C(1) << POSITION_BITS) - 1;

static_assert(WINDOW_MAX <= 1 << POSITION_BITS, "every position of the ring fits");
static_assert(2 * (int)PREFETCH_AHEAD < (int)WINDOW_MIN, "looking ahead wraps once at most");

struct ids {
    uint8_t (*ring)[RECORD_ID_SIZE]; /* window of them */
    uint32_t *slots;                 /* slot_mask + 1 of them */
    uint64_t seed;
    uint64_t index_next;
    uint32_t position_next; /* where index_next goes */
    uint32_t count;         /* records remembered, at most window */
    uint32_t window;
    uint32_t slot_mask;
};

static size_t ring_size(const struct ids *ids)
{
    return (size_t)ids->window * RECORD_ID_SIZE;
}

static size_t slots_size(const struct ids *ids)
{
    return ((size_t)ids->slot_mask + 1) * sizeof(ids->slots[0]);
}

static void window_set(struct ids *ids, uint32_t window)
{
    CHECK(window >= WINDOW_MIN && window <= WINDOW_MAX);
    ids->window = window;
    ids->slot_mask = (uint32_t)table_power_of_two(2 * (uint64_t)window) - 1;
}

enum status ids_open(struct ids **out, uint32_t window, uint64_t seed)
{
    struct ids *ids = calloc(1, sizeof(*ids));
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    ids->seed = seed;
    window_set(ids, window);
    ids->ring = table_map(ring_size(ids));
    ids->slots = table_map(slots_size(ids));
    if (ids->ring == NULL || ids->slots == NULL) {
        ids_close(ids); /* accepts a half-opened one */
        return STATUS_NO_MEMORY;
    }
    *out = ids;
    return STATUS_OK;
}

void ids_close(struct ids *ids)
{
    if (ids == NULL) {
        return;
    }
    table_unmap(ids->ring, ring_size(ids), 0);
    table_unmap(ids->slots, slots_size(ids), 0);
    free(ids);
}

void ids_narrow(struct ids *ids, uint32_t window)
{
    CHECK(ids->count == 0);
    CHECK(window <= ids->window);

    size_t ring_size_mapped = ring_size(ids);
    size_t slots_size_mapped = slots_size(ids);
    window_set(ids, window);
    table_unmap(ids->ring, ring_size_mapped, ring_size(ids));
    table_unmap(ids->slots, slots_size_mapped, slots_size(ids));
}

static uint64_t id_hash(const struct ids *ids, const uint8_t *id)
{
    uint64_t key = bytes_get_u64(id) ^ (bytes_get_u64(id + 8) * UINT64_C(0x9e3779b97f4a7c15));
    return table_mix(key, ids->seed);
}

/* A slot without its position: what the slot at `distance` from the beginning of `hash` has in its
 * upper bits if it is of an id with this hash. */
static uint32_t slot_mark(uint64_t hash, uint32_t distance)
{
    uint32_t tag = (uint32_t)(hash >> (64 - (32 - POSITION_BITS - DISTANCE_BITS)));
    uint32_t distance_cut = distance + 1 < DISTANCE_FAR ? distance + 1 : DISTANCE_FAR;
    return tag << (POSITION_BITS + DISTANCE_BITS) | distance_cut << POSITION_BITS;
}

/* How far the used slot at `at` lies from where its hash begins. */
static uint32_t slot_distance(const struct ids *ids, uint32_t at)
{
    uint32_t slot = ids->slots[at];
    uint32_t distance_cut = slot >> POSITION_BITS & DISTANCE_FAR;
    if (distance_cut < DISTANCE_FAR) {
        return distance_cut - 1;
    }
    uint64_t hash = id_hash(ids, ids->ring[slot & POSITION_MASK]);
    return (at - (uint32_t)hash) & ids->slot_mask;
}

static void slot_insert(struct ids *ids, uint32_t position)
{
    uint64_t hash = id_hash(ids, ids->ring[position]);
    uint32_t distance = 0;
    uint32_t at = (uint32_t)hash & ids->slot_mask;
    while (ids->slots[at] != 0) {
        at = (at + 1) & ids->slot_mask;
        distance++;
    }
    ids->slots[at] = slot_mark(hash, distance) | position;
}

/* Empties the slot at `hole` and moves back those behind it that may come nearer to their beginning,
 * so that no search ends too early. */
static void slot_remove(struct ids *ids, uint32_t hole)
{
    for (uint32_t at = (hole + 1) & ids->slot_mask; ids->slots[at] != 0;
         at = (at + 1) & ids->slot_mask) {
        uint32_t distance = slot_distance(ids, at);
        uint32_t step = (at - hole) & ids->slot_mask;
        if (distance < step) {
            continue; /* it begins behind the hole */
        }
        uint32_t tag = ids->slots[at] >> (POSITION_BITS + DISTANCE_BITS);
        uint32_t position = ids->slots[at] & POSITION_MASK;
        uint64_t hash_top = (uint64_t)tag << (32 + POSITION_BITS + DISTANCE_BITS);
        ids->slots[hole] = slot_mark(hash_top, distance - step) | position;
        hole = at;
    }
    ids->slots[hole] = 0;
}

static void position_forget(struct ids *ids, uint32_t position)
{
    uint32_t at = (uint32_t)id_hash(ids, ids->ring[position]) & ids->slot_mask;
    while (ids->slots[at] != 0) {
        if ((ids->slots[at] & POSITION_MASK) == position) {
            slot_remove(ids, at);
            return;
        }
        at = (at + 1) & ids->slot_mask;
    }
    /* No slot points there: the record had no id. */
}

void ids_prefetch(const struct ids *ids, const uint8_t id[RECORD_ID_SIZE])
{
    __builtin_prefetch(&ids->slots[(uint32_t)id_hash(ids, id) & ids->slot_mask], 1);
}

/* The ring says which ids are forgotten next, so nothing needs to wait for them: first the ring's own
 * bytes come into the cache, then the slots that they lead to. */
static void forgotten_prefetch(const struct ids *ids, uint32_t position)
{
    uint32_t ahead = position + PREFETCH_AHEAD;
    uint32_t ahead_far = ahead + PREFETCH_AHEAD;
    ids_prefetch(ids, ids->ring[ahead < ids->window ? ahead : ahead - ids->window]);
    __builtin_prefetch(ids->ring[ahead_far < ids->window ? ahead_far : ahead_far - ids->window], 1);
}

void ids_add(struct ids *ids, uint64_t index, const uint8_t *id)
{
    if (ids->count == 0) {
        ids->index_next = index;
    }
    CHECK(index == ids->index_next);

    uint32_t position = ids->position_next;
    if (ids->count == ids->window) {
        position_forget(ids, position);
        forgotten_prefetch(ids, position);
    } else {
        ids->count++;
    }
    if (id != NULL) {
        memcpy(ids->ring[position], id, RECORD_ID_SIZE);
        slot_insert(ids, position);
    }
    ids->index_next++;
    ids->position_next = position + 1 < ids->window ? position + 1 : 0;
}

bool ids_find(const struct ids *ids, const uint8_t id[RECORD_ID_SIZE], uint64_t *out_index)
{
    uint64_t hash = id_hash(ids, id);
    uint32_t at = (uint32_t)hash & ids->slot_mask;
    for (uint32_t distance = 0; ids->slots[at] != 0; distance++) {
        uint32_t position = ids->slots[at] & POSITION_MASK;
        if ((ids->slots[at] & ~POSITION_MASK) == slot_mark(hash, distance) &&
            memcmp(ids->ring[position], id, RECORD_ID_SIZE) == 0) {
            /* How long ago: once round the ring when it is the oldest, which is overwritten next. */
            uint32_t age = ids->position_next > position
                               ? ids->position_next - position
                               : ids->position_next + ids->window - position;
            *out_index = ids->index_next - age;
            return true;
        }
        at = (at + 1) & ids->slot_mask;
    }
    return false;
}
