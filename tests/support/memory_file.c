/* memory_file.c -- the contract is in memory_file.h; this file explains how it forgets.
 *
 * A block that differs between `now` and `durable` has a `struct memory_block` that also keeps some
 * states in between. A crash chooses one of all these for each block and makes it both.
 */
#include "support/memory_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
    BLOCK_SIZE = 4096,
    SECTOR_SIZE = 512,
    BLOCK_STATES_MAX = 4, /* kept in between; more only cost memory */
    CAPACITY_MIN = 16 * BLOCK_SIZE,
};

struct memory_block {
    bool dirty; /* written since the last sync */
    bool stuck; /* a sync failed since the last write: now looks clean to the kernel */
    uint32_t states_count;
    uint32_t states_next; /* the one to replace when all are used */
    uint8_t *states[BLOCK_STATES_MAX];
};

void *memory_file_allocate(uint64_t size)
{
    void *result = calloc(1, size);
    CHECK(result != NULL);
    return result;
}

/* splitmix64 */
uint64_t memory_file_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = *state;
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static void block_clean(struct memory_block *block)
{
    for (uint32_t i = 0; i < block->states_count; i++) {
        free(block->states[i]);
    }
    memset(block, 0, sizeof(*block));
}

struct memory_file *memory_file_make(bool is_directory)
{
    struct memory_file *file = memory_file_allocate(sizeof(*file));
    file->is_directory = is_directory;
    return file;
}

struct memory_file *memory_file_reference(struct memory_file *file)
{
    file->references++;
    return file;
}

void memory_file_release(struct memory_file *file)
{
    CHECK(file->references > 0);
    if (--file->references > 0) {
        return;
    }
    for (uint64_t i = 0; i < file->capacity / BLOCK_SIZE; i++) {
        block_clean(&file->blocks[i]);
    }
    free(file->now);
    free(file->durable);
    free(file->blocks);
    free(file);
}

static void *grow(void *memory_old, uint64_t size_old, uint64_t size_new)
{
    uint8_t *result = realloc(memory_old, size_new);
    CHECK(result != NULL);
    memset(result + size_old, 0, size_new - size_old);
    return result;
}

static void file_grow(struct memory_file *file, uint64_t size)
{
    uint64_t capacity = file->capacity == 0 ? CAPACITY_MIN : file->capacity;
    while (capacity < size) {
        capacity *= 2;
    }
    if (capacity == file->capacity) {
        return;
    }
    uint64_t blocks_old = file->capacity / BLOCK_SIZE * sizeof(struct memory_block);
    uint64_t blocks_new = capacity / BLOCK_SIZE * sizeof(struct memory_block);
    file->now = grow(file->now, file->capacity, capacity);
    file->durable = grow(file->durable, file->capacity, capacity);
    file->blocks = grow(file->blocks, blocks_old, blocks_new);
    file->capacity = capacity;
}

/* Remembers what the block is before the next write to it, unless that is what `durable` holds. */
static void block_remember(struct memory_file *file, uint64_t index)
{
    struct memory_block *block = &file->blocks[index];
    if (block->dirty) {
        uint32_t place = block->states_next;
        if (block->states_count < BLOCK_STATES_MAX) {
            place = block->states_count++;
            block->states[place] = memory_file_allocate(BLOCK_SIZE);
        } else {
            block->states_next = (place + 1) % BLOCK_STATES_MAX;
        }
        memcpy(block->states[place], file->now + index * BLOCK_SIZE, BLOCK_SIZE);
    }
    block->dirty = true;
    block->stuck = false;
}

void memory_file_write(struct memory_file *file, const uint8_t *source, uint64_t size,
                       uint64_t offset)
{
    if (size == 0) {
        return;
    }
    file_grow(file, offset + size);
    for (uint64_t i = offset / BLOCK_SIZE; i <= (offset + size - 1) / BLOCK_SIZE; i++) {
        block_remember(file, i);
    }
    memcpy(file->now + offset, source, size);
    if (file->size < offset + size) {
        file->size = offset + size;
    }
}

/* The part of block `index` that lies in [*from, *until), which it narrows. */
static void block_part(uint64_t index, uint64_t *from, uint64_t *until)
{
    uint64_t start = index * BLOCK_SIZE;
    *from = *from > start ? *from : start;
    *until = *until < start + BLOCK_SIZE ? *until : start + BLOCK_SIZE;
}

/* Puts the bytes into every state that a crash could choose. */
void memory_file_write_durable(struct memory_file *file, const uint8_t *source, uint64_t size,
                               uint64_t offset)
{
    if (size == 0) {
        return;
    }
    file_grow(file, offset + size);
    memcpy(file->now + offset, source, size);
    memcpy(file->durable + offset, source, size);
    for (uint64_t i = offset / BLOCK_SIZE; i <= (offset + size - 1) / BLOCK_SIZE; i++) {
        uint64_t from = offset;
        uint64_t until = offset + size;
        block_part(i, &from, &until);
        struct memory_block *block = &file->blocks[i];
        for (uint32_t k = 0; k < block->states_count; k++) {
            memcpy(block->states[k] + from % BLOCK_SIZE, source + (from - offset), until - from);
        }
    }
    if (file->size < offset + size) {
        file->size = offset + size;
    }
    if (file->size_durable < offset + size) {
        file->size_durable = offset + size;
    }
}

void memory_file_sync(struct memory_file *file)
{
    for (uint64_t i = 0; i < file->capacity / BLOCK_SIZE; i++) {
        struct memory_block *block = &file->blocks[i];
        if (block->dirty && !block->stuck) {
            memcpy(file->durable + i * BLOCK_SIZE, file->now + i * BLOCK_SIZE, BLOCK_SIZE);
            block_clean(block);
        }
    }
    file->size_durable = file->size;
}

void memory_file_sync_failed(struct memory_file *file)
{
    for (uint64_t i = 0; i < file->capacity / BLOCK_SIZE; i++) {
        file->blocks[i].stuck = file->blocks[i].dirty;
    }
}

/* The state that the number `choice` names: durable, one in between, or now. */
static const uint8_t *block_state(const struct memory_file *file, uint64_t index, uint64_t choice)
{
    const struct memory_block *block = &file->blocks[index];
    uint64_t states_count = block->states_count;
    choice %= states_count + 2;
    if (choice == 0) {
        return file->durable + index * BLOCK_SIZE;
    }
    return choice <= states_count ? block->states[choice - 1] : file->now + index * BLOCK_SIZE;
}

static void block_crash(struct memory_file *file, uint64_t index, uint64_t *seed)
{
    uint8_t result[BLOCK_SIZE];
    uint64_t choice = memory_file_random(seed);
    bool torn = memory_file_random(seed) % 4 == 0;
    for (uint64_t offset = 0; offset < BLOCK_SIZE; offset += SECTOR_SIZE) {
        if (torn) {
            choice = memory_file_random(seed);
        }
        memcpy(result + offset, block_state(file, index, choice) + offset, SECTOR_SIZE);
    }
    memcpy(file->durable + index * BLOCK_SIZE, result, BLOCK_SIZE);
}

/* Makes `durable` the whole truth. */
static void settle(struct memory_file *file)
{
    memset(file->durable + file->size_durable, 0, file->capacity - file->size_durable);
    memcpy(file->now, file->durable, file->capacity);
    file->size = file->size_durable;
    for (uint64_t i = 0; i < file->capacity / BLOCK_SIZE; i++) {
        block_clean(&file->blocks[i]);
    }
}

void memory_file_crash(struct memory_file *file, uint64_t *seed)
{
    if (file->capacity == 0) {
        return; /* empty, or a directory */
    }
    for (uint64_t i = 0; i < file->capacity / BLOCK_SIZE; i++) {
        if (file->blocks[i].dirty) {
            block_crash(file, i, seed);
        }
    }
    uint64_t growth = file->size - file->size_durable;
    switch (memory_file_random(seed) % 3) {
    case 0:
        file->size_durable = file->size;
        break;
    case 1:
        file->size_durable += memory_file_random(seed) % (growth + 1);
        break;
    default:
        break;
    }
    settle(file);
}

void memory_file_cut(struct memory_file *file, uint64_t size)
{
    if (file->capacity > 0) {
        memcpy(file->durable, file->now, size);
        file->size_durable = size;
        settle(file);
    }
}
