#include "replica/manifest.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/log.h"

enum {
    CHECKSUM_OFFSET = 8,
    CHECKED_OFFSET = 12,
    HEADER_SIZE = 116,
    MANIFEST_SIZE_MAX = HEADER_SIZE + CONSENSUS_CONFIGURATION_SIZE_MAX,
    FLAG_INSTALLED = 1,
};

static const uint64_t MAGIC = UINT64_C(0x3174736566696e6d); /* "mnifest1" */
static const char NAME[] = "manifest";

enum status manifest_store(struct disk *disk, const struct manifest *manifest)
{
    uint8_t bytes[MANIFEST_SIZE_MAX];
    uint32_t size = HEADER_SIZE + manifest->configuration.size;
    bytes_put_u64(bytes, MAGIC);
    bytes_put_u32(bytes + 12, manifest->installed ? FLAG_INSTALLED : 0);
    bytes_put_u64(bytes + 16, manifest->index);
    bytes_put_u64(bytes + 24, manifest->term);
    bytes_put_u64(bytes + 32, manifest->journal.length);
    memcpy(bytes + 40, manifest->journal.page_previous, SHA256_SIZE);
    memcpy(bytes + 72, manifest->journal.fingerprint, SHA256_SIZE);
    bytes_put_u64(bytes + 104, manifest->configuration.index);
    bytes_put_u32(bytes + 112, manifest->configuration.size);
    memcpy(bytes + HEADER_SIZE, manifest->configuration.data, manifest->configuration.size);
    bytes_put_u32(bytes + CHECKSUM_OFFSET,
                  crc32c(0, bytes + CHECKED_OFFSET, size - CHECKED_OFFSET));
    return disk_replace(disk, NAME, bytes, size);
}

static bool manifest_decode(struct manifest *out, const uint8_t *bytes, uint64_t size)
{
    if (size < HEADER_SIZE || bytes_get_u64(bytes) != MAGIC ||
        bytes_get_u32(bytes + CHECKSUM_OFFSET) !=
            crc32c(0, bytes + CHECKED_OFFSET, size - CHECKED_OFFSET)) {
        return false;
    }
    uint32_t configuration_size = bytes_get_u32(bytes + 112);
    if (configuration_size > CONSENSUS_CONFIGURATION_SIZE_MAX ||
        size != HEADER_SIZE + configuration_size) {
        return false;
    }
    *out = (struct manifest){
        .index = bytes_get_u64(bytes + 16),
        .term = bytes_get_u64(bytes + 24),
        .installed = (bytes_get_u32(bytes + 12) & FLAG_INSTALLED) != 0,
        .journal.length = bytes_get_u64(bytes + 32),
        .configuration.index = bytes_get_u64(bytes + 104),
        .configuration.size = configuration_size,
    };
    memcpy(out->journal.page_previous, bytes + 40, SHA256_SIZE);
    memcpy(out->journal.fingerprint, bytes + 72, SHA256_SIZE);
    memcpy(out->configuration.data, bytes + HEADER_SIZE, configuration_size);
    return true;
}

enum status manifest_load(struct disk *disk, struct manifest *out)
{
    uint8_t bytes[MANIFEST_SIZE_MAX];
    uint64_t size;
    enum status status = disk_read_whole(disk, NAME, bytes, sizeof(bytes), &size);
    if (status != STATUS_OK && status != STATUS_FULL) {
        return status;
    }
    if (status == STATUS_FULL || !manifest_decode(out, bytes, size)) {
        log_error("damage", "file=%s what=\"not a manifest\"", NAME);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}
