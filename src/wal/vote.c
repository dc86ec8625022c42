/* vote.c -- the contract is in vote.h; this file explains the format.
 *
 * A copy is one block of 4 KiB, zeros behind its fields. Integers are little-endian.
 *
 *      0  magic      u64
 *      8  checksum   u32  CRC-32C of bytes 12 to 4095
 *     12  reserved   u32  zero
 *     16  sequence   u64  one more than that of the copy written before it
 *     24  term       u64
 *     32  voted_for  u64
 *
 * The copies are written in place, one after the other, and a loss of power may leave the one being
 * written bad. So the other one must be on the disk before it is begun. While the node runs it is:
 * each write is synced before the next. A start does not know that both are: the last write of the
 * process before it may have reached only the page cache, and looks the same as one that is on the
 * disk. But it knows which one that was, the bad one or else the one with the higher sequence, and
 * that the other was on the disk before that write was begun. So it is always this one, the last
 * written, that is written first.
 */
#include "wal/vote.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/log.h"

enum { COPY_SIZE = 4096, COPIES = 2, CHECKED_OFFSET = 12 };

static const char *const NAMES[COPIES] = {"vote-a", "vote-b"};

/* "CREBVOTE" */
static const uint64_t MAGIC = UINT64_C(0x45544f5642455243);

struct copy {
    bool whole;
    uint64_t sequence;
    struct vote vote;
};

static void copy_encode(uint8_t target[COPY_SIZE], uint64_t sequence, const struct vote *vote)
{
    memset(target, 0, COPY_SIZE);
    bytes_put_u64(target, MAGIC);
    bytes_put_u64(target + 16, sequence);
    bytes_put_u64(target + 24, vote->term);
    bytes_put_u64(target + 32, vote->voted_for);
    bytes_put_u32(target + 8, crc32c(0, target + CHECKED_OFFSET, COPY_SIZE - CHECKED_OFFSET));
}

static struct copy copy_decode(const uint8_t *source, uint64_t size)
{
    struct copy copy = {.whole = false};
    if (size != COPY_SIZE || bytes_get_u64(source) != MAGIC ||
        bytes_get_u32(source + 8) !=
            crc32c(0, source + CHECKED_OFFSET, COPY_SIZE - CHECKED_OFFSET)) {
        return copy;
    }
    copy.whole = true;
    copy.sequence = bytes_get_u64(source + 16);
    copy.vote.term = bytes_get_u64(source + 24);
    copy.vote.voted_for = bytes_get_u64(source + 32);
    return copy;
}

static enum status copy_write(struct disk *disk, const char *name, enum disk_mode mode,
                              uint64_t sequence, const struct vote *vote)
{
    uint8_t bytes[COPY_SIZE];
    struct disk_file *file;
    enum status status = disk->operations->open(disk, name, mode, &file);
    if (status != STATUS_OK) {
        return STATUS_IO;
    }
    copy_encode(bytes, sequence, vote);
    status = disk->operations->write_durable(file, bytes, sizeof(bytes), 0);
    disk->operations->close(file);
    return status;
}

static enum status copies_read(struct disk *disk, struct copy out[COPIES])
{
    for (uint32_t i = 0; i < COPIES; i++) {
        uint8_t bytes[COPY_SIZE];
        uint64_t size;
        enum status status = disk_read_whole(disk, NAMES[i], bytes, sizeof(bytes), &size);
        if (status == STATUS_MISSING) {
            log_error("vote-damaged", "file=%s offset=0 reason=\"missing\"", NAMES[i]);
            return STATUS_CORRUPT;
        }
        if (status != STATUS_OK && status != STATUS_FULL) {
            return status;
        }
        out[i] = copy_decode(bytes, status == STATUS_FULL ? 0 : size);
    }
    if (!out[0].whole && !out[1].whole) {
        log_error("vote-damaged", "file=%s offset=0 reason=\"bad, and %s too\"", NAMES[0],
                  NAMES[1]);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* Replaces both copies, the one that may not be on the disk first. */
static enum status copies_write(struct disk *disk, const struct copy copies[COPIES],
                                const struct vote *vote)
{
    CHECK(copies[0].whole || copies[1].whole);
    uint32_t first = copies[1].sequence > copies[0].sequence ? 1 : 0;
    uint64_t sequence = copies[first].sequence;
    if (!copies[0].whole || !copies[1].whole) {
        sequence = copies[copies[0].whole ? 0 : 1].sequence;
        first = copies[0].whole ? 1 : 0;
    }
    for (uint32_t i = 0; i < COPIES; i++) {
        enum status status =
            copy_write(disk, NAMES[first ^ i], DISK_READ_WRITE, sequence + 1 + i, vote);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status vote_create(struct disk *disk, const struct vote *vote)
{
    for (uint32_t i = 0; i < COPIES; i++) {
        enum status status = copy_write(disk, NAMES[i], DISK_CREATE, 1 + i, vote);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return disk->operations->sync_directory(disk, "");
}

/* The copy that holds. Two votes in one term are never written. */
static enum status copies_choose(const struct copy copies[COPIES], struct vote *out)
{
    const struct vote *a = &copies[0].vote;
    const struct vote *b = &copies[1].vote;
    if (!copies[0].whole || !copies[1].whole) {
        *out = copies[0].whole ? *a : *b;
        return STATUS_OK;
    }
    if (a->term == b->term && a->voted_for != b->voted_for && a->voted_for != 0 &&
        b->voted_for != 0) {
        log_error("vote-damaged",
                  "file=%s offset=0 reason=\"two votes in term %" PRIu64 ", the other in %s\"",
                  NAMES[0], a->term, NAMES[1]);
        return STATUS_CORRUPT;
    }
    bool b_holds = b->term > a->term || (b->term == a->term && b->voted_for != 0);
    *out = b_holds ? *b : *a;
    return STATUS_OK;
}

enum status vote_load(struct disk *disk, struct vote *out)
{
    struct copy copies[COPIES];
    struct vote vote;
    enum status status = copies_read(disk, copies);
    if (status == STATUS_OK) {
        status = copies_choose(copies, &vote);
    }
    if (status == STATUS_OK) {
        status = copies_write(disk, copies, &vote);
    }
    if (status == STATUS_OK) {
        status = disk->operations->sync_directory(disk, ""); /* the names, after a cut-off birth */
    }
    if (status == STATUS_OK) {
        *out = vote;
    }
    return status;
}

enum status vote_store(struct disk *disk, const struct vote *vote)
{
    struct copy copies[COPIES];
    enum status status = copies_read(disk, copies);
    return status == STATUS_OK ? copies_write(disk, copies, vote) : status;
}
