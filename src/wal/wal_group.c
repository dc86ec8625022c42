/* wal_group.c -- the contract is in wal_group.h; this file owns the layout of a group.
 *
 * A header of 80 bytes, entries, zeros up to a multiple of 4 KiB. Integers are little-endian.
 *
 *      0  magic         u64
 *      8  checksum      u32  CRC-32C of bytes 12 up to the padded end, zeros included
 *     12  size          u32  bytes of header and entries
 *     16  epoch         u64  of the segment: bytes that a recycled file still holds have an older one
 *     24  number        u64  from 1 through the whole log
 *     32  number_first  u64  number that the first group of this segment has
 *     40  flags         u32  enum wal_group_flags
 *     44  count         u32  entries; 0 in a witness
 *     48  escaped       32   a bit for each block of 4 KiB of this group, the lowest bit first
 *
 * An entry is a header of 24 bytes and its data, without padding:
 *
 *      0  index         u64  one more than that of the entry before it
 *      8  term          u64
 *     16  size          u32  bytes of data
 *     20  type          u8
 *     21  reserved      3    zero
 *
 * Why escaped: after a bad group the reader looks at every 4 KiB boundary for a later one, and what
 * it finds there decides whether the bad group was damage. Bytes that a client made must not pose as
 * a group, so no block of a group but its first begins with the magic: where an entry would put it
 * there, the inverse is stored and the block's bit is set.
 *
 * Why number_first: segments are recycled oldest first, so the number that the oldest one left must
 * begin with is known from nowhere else when its first group is bad.
 */
#include "wal/wal_group.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

enum {
    ESCAPED_OFFSET = 48,
    ESCAPED_SIZE = 32,
    CHECKED_OFFSET = 12, /* the checksum covers all from here */
};

static_assert(ESCAPED_OFFSET + ESCAPED_SIZE == WAL_GROUP_HEADER_SIZE, "the header ends there");
static_assert(WAL_GROUP_SIZE_MAX / WAL_BLOCK_SIZE <= ESCAPED_SIZE * 8, "each block has its bit");
static_assert(WAL_GROUP_SIZE_MAX % WAL_BLOCK_SIZE == 0, "padding stays within the maximum");

/* "\x89WALgrp1": not text, and no small integer in either half. */
static const uint64_t MAGIC = UINT64_C(0x317072674c415789);

uint32_t wal_group_size_padded(uint32_t size)
{
    CHECK(size <= WAL_GROUP_SIZE_MAX);
    return (size + WAL_BLOCK_SIZE - 1) & ~(WAL_BLOCK_SIZE - 1U);
}

void wal_group_clear(struct wal_group *group)
{
    group->size = WAL_GROUP_HEADER_SIZE;
    group->count = 0;
    group->index_first = 0;
}

/* Where the entry with this index begins, which the group has, or where it ends, if it is the next. */
static uint32_t entry_offset(const struct wal_group *group, uint64_t index)
{
    if (index == group->index_first + group->count) {
        return group->size;
    }
    uint32_t offset = WAL_GROUP_HEADER_SIZE;
    for (uint64_t i = group->index_first; i < index; i++) {
        offset += WAL_ENTRY_HEADER_SIZE + bytes_get_u32(group->bytes + offset + 16);
    }
    CHECK(offset < group->size);
    return offset;
}

enum status wal_group_add(struct wal_group *group, const struct wal_entry *entry)
{
    CHECK(entry->index > 0);
    CHECK(entry->index <= WAL_INDEX_MAX);

    uint32_t offset = WAL_GROUP_HEADER_SIZE;
    bool begins = group->count == 0 || entry->index < group->index_first;
    if (!begins) {
        CHECK(entry->index <= group->index_first + group->count);
        offset = entry_offset(group, entry->index);
    }
    uint32_t room = group->size_max - offset;
    if (room < WAL_ENTRY_HEADER_SIZE || room - WAL_ENTRY_HEADER_SIZE < entry->size) {
        return STATUS_FULL;
    }
    if (begins) {
        group->index_first = entry->index;
    }
    uint8_t *target = group->bytes + offset;
    bytes_put_u64(target, entry->index);
    bytes_put_u64(target + 8, entry->term);
    bytes_put_u32(target + 16, entry->size);
    bytes_put_u32(target + 20, entry->type);
    if (entry->size > 0) {
        memcpy(target + WAL_ENTRY_HEADER_SIZE, entry->data, entry->size);
    }
    group->size = offset + WAL_ENTRY_HEADER_SIZE + entry->size;
    group->count = (uint32_t)(entry->index - group->index_first) + 1;
    return STATUS_OK;
}

uint32_t wal_group_finish(struct wal_group *group, const struct wal_group_place *place)
{
    uint8_t *bytes = group->bytes;
    uint32_t padded = wal_group_size_padded(group->size);
    CHECK(padded <= group->size_max);
    memset(bytes + group->size, 0, padded - group->size); /* nothing of an earlier group */
    memset(bytes + ESCAPED_OFFSET, 0, ESCAPED_SIZE);
    for (uint32_t i = 1; i < padded / WAL_BLOCK_SIZE; i++) {
        uint8_t *block = bytes + (size_t)i * WAL_BLOCK_SIZE;
        if (bytes_get_u64(block) == MAGIC) {
            bytes_put_u64(block, ~MAGIC);
            bytes[ESCAPED_OFFSET + i / 8] |= (uint8_t)(1U << i % 8);
        }
    }
    bytes_put_u64(bytes, MAGIC);
    bytes_put_u32(bytes + 12, group->size);
    bytes_put_u64(bytes + 16, place->epoch);
    bytes_put_u64(bytes + 24, place->number);
    bytes_put_u64(bytes + 32, place->number_first);
    bytes_put_u32(bytes + 40, place->flags);
    bytes_put_u32(bytes + 44, group->count);
    bytes_put_u32(bytes + 8, crc32c(0, bytes + CHECKED_OFFSET, padded - CHECKED_OFFSET));
    return padded;
}

/* Undoes the escapes, and leaves bytes that can be decoded again. */
static void blocks_restore(uint8_t *bytes, uint32_t padded)
{
    static const uint8_t NONE[ESCAPED_SIZE];
    if (memcmp(bytes + ESCAPED_OFFSET, NONE, ESCAPED_SIZE) == 0) {
        return;
    }
    for (uint32_t i = 1; i < padded / WAL_BLOCK_SIZE; i++) {
        if ((bytes[ESCAPED_OFFSET + i / 8] >> i % 8 & 1) != 0) {
            bytes_put_u64(bytes + (size_t)i * WAL_BLOCK_SIZE, MAGIC);
        }
    }
    memset(bytes + ESCAPED_OFFSET, 0, ESCAPED_SIZE);
    bytes_put_u32(bytes + 8, crc32c(0, bytes + CHECKED_OFFSET, padded - CHECKED_OFFSET));
}

bool wal_group_decode(struct wal_group_view *out, uint8_t *source, uint64_t size, uint64_t epoch)
{
    if (size < WAL_BLOCK_SIZE || bytes_get_u64(source) != MAGIC ||
        bytes_get_u64(source + 16) != epoch) {
        return false;
    }
    uint32_t used = bytes_get_u32(source + 12);
    if (used < WAL_GROUP_HEADER_SIZE || used > WAL_GROUP_SIZE_MAX) {
        return false;
    }
    uint32_t padded = wal_group_size_padded(used);
    if (padded > size ||
        bytes_get_u32(source + 8) != crc32c(0, source + CHECKED_OFFSET, padded - CHECKED_OFFSET)) {
        return false;
    }
    blocks_restore(source, padded);
    *out = (struct wal_group_view){
        .bytes = source,
        .size = used,
        .count = bytes_get_u32(source + 44),
        .place =
            {
                    .epoch = epoch,
                    .number = bytes_get_u64(source + 24),
                    .number_first = bytes_get_u64(source + 32),
                    .flags = bytes_get_u32(source + 40),
                    },
    };
    if (out->count > 0 && used >= WAL_GROUP_HEADER_SIZE + WAL_ENTRY_HEADER_SIZE) {
        out->index_first = bytes_get_u64(source + WAL_GROUP_HEADER_SIZE);
    }
    return true;
}

bool wal_group_is_sound(const struct wal_group_view *view)
{
    const struct wal_group_place *place = &view->place;
    if (place->number == 0 || place->number > WAL_INDEX_MAX || place->number_first == 0 ||
        place->number_first > place->number || (place->flags & ~(uint32_t)WAL_GROUP_REPEAT) != 0) {
        return false;
    }
    uint32_t offset = WAL_GROUP_HEADER_SIZE;
    struct wal_entry entry;
    for (uint32_t i = 0; i < view->count; i++) {
        if (!wal_group_next(view, &offset, &entry) || entry.index == 0 ||
            entry.index > WAL_INDEX_MAX || entry.index != view->index_first + i) {
            return false;
        }
    }
    return offset == view->size;
}

bool wal_group_next(const struct wal_group_view *view, uint32_t *offset, struct wal_entry *out)
{
    uint32_t left = view->size - *offset;
    const uint8_t *source = view->bytes + *offset;
    if (left < WAL_ENTRY_HEADER_SIZE) {
        return false;
    }
    uint32_t size = bytes_get_u32(source + 16);
    uint32_t type = bytes_get_u32(source + 20);
    if (size > left - WAL_ENTRY_HEADER_SIZE || type > UINT8_MAX) {
        return false;
    }
    *out = (struct wal_entry){
        .index = bytes_get_u64(source),
        .term = bytes_get_u64(source + 8),
        .type = (uint8_t)type,
        .size = size,
        .data = source + WAL_ENTRY_HEADER_SIZE,
    };
    *offset += WAL_ENTRY_HEADER_SIZE + size;
    return true;
}
