/* fuzz_wal.c -- opens a log whose segments the input has changed: never a crash, and nothing but
 * STATUS_OK or STATUS_CORRUPT. A log that opened once must open again, with the same entries, also
 * after a write.
 *
 * The log has three segments. The input is a list of changes of 8 bytes:
 *
 *      0  kind    u8   0: xor bytes; 1: set bytes; 2: copy a block onto another; 3: cut the file
 *      1  where   u8   segment (2 bits), whether the group there gets a checksum that holds (1 bit)
 *      2  offset  u32
 *      6  value   u16
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "support/memory_disk.h"
#include "wal/wal_group.h"
#include "wal/wal_sized.h"
#include "wal/wal_writer.h"

enum { SEGMENT_SIZE = 64 * 1024, SEGMENTS = 3, CHANGE_SIZE = 8, CHANGES_MAX = 16 };

static uint8_t segments[SEGMENTS][SEGMENT_SIZE];

/* NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status sum(void *context, const struct wal_entry *entry)
{
    uint32_t *checksum = context;
    *checksum = crc32c(*checksum, &entry->index, sizeof(entry->index));
    *checksum = crc32c(*checksum, &entry->term, sizeof(entry->term));
    *checksum = crc32c(*checksum, entry->data, entry->size);
    return STATUS_OK;
}

static void write_entry(struct wal *wal, uint64_t index, uint32_t size)
{
    static const uint8_t BYTES[SEGMENT_SIZE / WAL_GROUPS_IN_SEGMENT_MIN];
    struct wal_entry entry = {.index = index, .term = index / 8, .size = size, .data = BYTES};
    CHECK(wal_append(wal, &entry) == STATUS_OK);
    wal_seal(wal);
    CHECK(wal_write(wal) == STATUS_OK);
    wal_written(wal);
}

static void segments_make(void)
{
    struct disk *disk = memory_disk_open();
    struct wal *wal;
    uint32_t checksum = 0;
    CHECK(disk->operations->make_directory(disk, "log") == STATUS_OK);
    for (uint32_t start = 0; start < 4; start++) { /* so that there are repeats */
        CHECK(wal_open_sized(&wal, disk, SEGMENT_SIZE, 1, sum, &checksum) == STATUS_OK);
        for (uint32_t i = 0; i < 10; i++) {
            uint64_t index = wal_index_last(wal) + 1;
            write_entry(wal, i == 5 ? index - 2 : index, i % 3 * 2500);
        }
        wal_close(wal);
    }
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        char name[DISK_NAME_SIZE_MAX];
        uint64_t size;
        wal_segment_name(i + 1, name);
        memcpy(segments[i], memory_disk_bytes(disk, name, &size), SEGMENT_SIZE);
    }
    memory_disk_close(disk);
}

/* Gives the group that begins in this block a checksum that holds, as far as its size makes sense. */
static void checksum_repair(uint8_t *segment, uint32_t offset)
{
    uint8_t *group = segment + (offset & ~(WAL_BLOCK_SIZE - 1U));
    uint64_t left = (uint64_t)(segment + SEGMENT_SIZE - group);
    uint32_t used = bytes_get_u32(group + 12);
    if (used <= left) {
        uint32_t padded = wal_group_size_padded(used);
        if (padded > 12) {
            bytes_put_u32(group + 8, crc32c(0, group + 12, padded - 12));
        }
    }
}

static void change(uint8_t copies[SEGMENTS][SEGMENT_SIZE], uint32_t sizes[SEGMENTS],
                   const uint8_t *data)
{
    uint32_t segment = (data[1] & 3) % SEGMENTS;
    uint32_t offset = bytes_get_u32(data + 2) % SEGMENT_SIZE;
    uint16_t value = bytes_get_u16(data + 6);
    uint8_t *bytes = copies[segment];
    switch (data[0] % 4) {
    case 0:
        bytes[offset] ^= (uint8_t)value;
        break;
    case 1:
        bytes[offset] = (uint8_t)value;
        bytes[(offset + 1) % SEGMENT_SIZE] = (uint8_t)(value >> 8);
        break;
    case 2:
        memmove(bytes + (offset & ~(WAL_BLOCK_SIZE - 1U)),
                copies[value % SEGMENTS] + value / SEGMENTS % 16 * (uint32_t)WAL_BLOCK_SIZE,
                WAL_BLOCK_SIZE);
        break;
    default:
        if (value == 0) {
            sizes[segment] = offset;
        }
        break;
    }
    if ((data[1] & 4) != 0) {
        checksum_repair(bytes, offset);
    }
}

static struct disk *disk_make(const uint8_t *data, size_t size)
{
    static uint8_t copies[SEGMENTS][SEGMENT_SIZE];
    uint32_t sizes[SEGMENTS] = {SEGMENT_SIZE, SEGMENT_SIZE, SEGMENT_SIZE};
    memcpy(copies, segments, sizeof(copies));
    for (uint32_t i = 0; i < CHANGES_MAX && (i + 1) * (size_t)CHANGE_SIZE <= size; i++) {
        change(copies, sizes, data + i * (size_t)CHANGE_SIZE);
    }
    struct disk *disk = memory_disk_open();
    CHECK(disk->operations->make_directory(disk, "log") == STATUS_OK);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        char name[DISK_NAME_SIZE_MAX];
        wal_segment_name(i + 1, name);
        memory_disk_put(disk, name, copies[i], sizes[i]);
    }
    return disk;
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (segments[0][0] == 0) {
        segments_make();
    }
    struct disk *disk = disk_make(data, size);
    struct wal *wal = NULL;
    uint32_t checksum = 0;
    enum status status = wal_open_sized(&wal, disk, SEGMENT_SIZE, 1, sum, &checksum);
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    for (uint32_t again = 0; again < 2 && status == STATUS_OK; again++) {
        uint64_t last = wal_index_last(wal);
        wal_close(wal);
        uint32_t checksum_again = 0;
        status = wal_open_sized(&wal, disk, SEGMENT_SIZE, 1, sum, &checksum_again);
        CHECK(status == STATUS_OK);
        CHECK(wal_index_last(wal) == last);
        CHECK(checksum_again == checksum || again == 1);
        write_entry(wal, last + 1, 100);
    }
    wal_close(status == STATUS_OK ? wal : NULL);
    memory_disk_close(disk);
    return 0;
}
