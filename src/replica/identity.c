#include "replica/identity.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/log.h"

enum { IDENTITY_SIZE = 28, CHECKSUM_OFFSET = 24 };

static const uint64_t MAGIC = UINT64_C(0x3165646f6e626372); /* "rcbnode1" */
static const char NAME[] = "node";

struct identity identity_make(const struct random *random)
{
    struct identity identity = {0};
    while (identity.raft_id == 0) {
        identity.raft_id = random_u64(random);
    }
    identity.generation = random_u64(random);
    return identity;
}

enum status identity_store(struct disk *disk, const struct identity *identity)
{
    uint8_t bytes[IDENTITY_SIZE];
    bytes_put_u64(bytes, MAGIC);
    bytes_put_u64(bytes + 8, identity->raft_id);
    bytes_put_u64(bytes + 16, identity->generation);
    bytes_put_u32(bytes + CHECKSUM_OFFSET, crc32c(0, bytes, CHECKSUM_OFFSET));
    return disk_replace(disk, NAME, bytes, sizeof(bytes));
}

enum status identity_load(struct disk *disk, struct identity *out)
{
    uint8_t bytes[IDENTITY_SIZE];
    uint64_t size;
    enum status status = disk_read_whole(disk, NAME, bytes, sizeof(bytes), &size);
    if (status != STATUS_OK && status != STATUS_FULL) {
        return status;
    }
    if (status == STATUS_FULL || size != IDENTITY_SIZE || bytes_get_u64(bytes) != MAGIC ||
        bytes_get_u32(bytes + CHECKSUM_OFFSET) != crc32c(0, bytes, CHECKSUM_OFFSET) ||
        bytes_get_u64(bytes + 8) == 0) {
        log_error("damage", "file=%s what=\"not a node's identity\"", NAME);
        return STATUS_CORRUPT;
    }
    out->raft_id = bytes_get_u64(bytes + 8);
    out->generation = bytes_get_u64(bytes + 16);
    return STATUS_OK;
}
