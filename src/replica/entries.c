#include "replica/entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { CAPACITY_MIN = 16 };

void entries_init(struct entries *entries, uint64_t index_first)
{
    *entries = (struct entries){.index_first = index_first};
}

void entries_deinit(struct entries *entries)
{
    while (entries->count > 0) {
        entries_drop_first(entries);
    }
    free(entries->ring);
}

static struct consensus_entry *slot(const struct entries *entries, uint64_t index)
{
    return &entries->ring[index & (entries->capacity - 1)];
}

static enum status grow(struct entries *entries)
{
    struct entries grown = *entries;
    grown.capacity = entries->capacity == 0 ? CAPACITY_MIN : 2 * entries->capacity;
    grown.ring = calloc(grown.capacity, sizeof(*grown.ring));
    if (grown.ring == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < entries->count; i++) {
        *slot(&grown, entries->index_first + i) = *slot(entries, entries->index_first + i);
    }
    free(entries->ring);
    *entries = grown;
    return STATUS_OK;
}

enum status entries_append(struct entries *entries, const struct consensus_entry *entry)
{
    if (entries->count == entries->capacity) {
        enum status status = grow(entries);
        if (status != STATUS_OK) {
            return status;
        }
    }
    void *data = malloc(entry->size);
    if (data == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(data, entry->data, entry->size);
    struct consensus_entry *target = slot(entries, entries->index_first + entries->count);
    *target = *entry;
    target->data = data;
    entries->count++;
    return STATUS_OK;
}

const struct consensus_entry *entries_get(const struct entries *entries, uint64_t index)
{
    CHECK(index >= entries->index_first);
    CHECK(index < entries_index_next(entries));
    return slot(entries, index);
}

uint64_t entries_index_next(const struct entries *entries)
{
    return entries->index_first + entries->count;
}

void entries_drop_first(struct entries *entries)
{
    CHECK(entries->count > 0);
    free((void *)(uintptr_t)slot(entries, entries->index_first)->data);
    entries->index_first++;
    entries->count--;
}

struct consensus_entry *entries_array(const struct entries *entries)
{
    struct consensus_entry *array = malloc((entries->count + 1) * sizeof(*array));
    for (uint32_t i = 0; array != NULL && i < entries->count; i++) {
        array[i] = *slot(entries, entries->index_first + i);
    }
    return array;
}
