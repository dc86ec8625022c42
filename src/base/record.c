#include "base/record.h"

#include "base/crc32c.h"

static uint32_t record_checksum(const struct record *record, uint64_t index)
{
    uint32_t seed = crc32c(0, &index, sizeof(index));
    const uint8_t *bytes = (const uint8_t *)record;
    return crc32c(seed, bytes + sizeof(record->checksum), RECORD_SIZE - sizeof(record->checksum));
}

void record_seal(struct record *record, uint64_t index)
{
    record->checksum = record_checksum(record, index);
}

bool record_is_whole(const struct record *record, uint64_t index)
{
    /* At one index in 2^32 the checksum of zeros is zero; no record that was sealed has kind 0. */
    return record->kind != 0 && record->checksum == record_checksum(record, index);
}
