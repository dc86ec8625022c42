/* wal.h -- Raft's log on disk: groups of entries in pre-zeroed, recycled segments.
 *
 * The promise: once wal_write has returned STATUS_OK, its entries survive a loss of power; damage is
 * told from a torn tail, never cut off in silence.
 *
 * Segments log/log-<epoch, 16 hex digits> of one size; an epoch is never used twice. A group is what
 * one write carries: a header (magic, epoch, group number, size, checksum over the whole), entries
 * (index, term, type, size, bytes), zeros up to a multiple of 4 KiB. Group numbers run through the
 * whole log. A group is written only when the one before is on the disk, so a valid later group
 * vouches for it: a bad group with a valid later one is damage; a bad last group is a torn tail, whose
 * place and number the next group takes. Nothing valid is overwritten: entries are replaced by a later
 * group that starts at a lower index; the last in file order holds. The layout is in wal_group.c, the
 * rules of reading are in wal_scan.c.
 *
 * Use: wal_append any number of entries, wal_seal, wal_write on the writer thread, wal_written. While
 * a sealed group is being written others are appended to the next one (two buffers). After
 * WAL_WITNESS_MS without work, and once at the end, the caller seals an empty group as witness of the
 * last one.
 * Threads: wal_write by the writer thread; all else by the loop. While a write is under way (between
 * wal_seal and wal_written) the loop may only append, release, and ask.
 */
#ifndef WAL_WAL_H
#define WAL_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/status.h"

enum {
    WAL_BLOCK_SIZE = 4096,              /* what a disk writes whole; groups are padded to it */
    WAL_SEGMENT_SIZE = 8 * 1024 * 1024, /* bytes; recycled at this grain */
    WAL_SPARES_MIN = 2,                 /* zeroed segments made before they are needed */
    WAL_GROUP_SIZE_MAX = 1024 * 1024,   /* bytes of one write; more waits in the next */
    WAL_WITNESS_MS = 50,
};

struct wal;

struct wal_entry {
    uint64_t index; /* from 1 */
    uint64_t term;
    uint8_t type; /* the core's: opaque here */
    uint32_t size;
    const uint8_t *data;
};

/* Sees the entries that hold, in index order (replaced ones are not shown); data is valid during the
 * call. Another status ends the opening. */
typedef enum status wal_visit_fn(void *context, const struct wal_entry *entry);

/* Opens the log in the directory "log" of `disk`, which exists (empty for a new log). Reads it, and
 * shows the entries from index_first on: those that are not yet part of a snapshot (index_first is
 * 1 or the manifest's index + 1). What was read may lie only in the page cache: the entries of the
 * last valid group are written again as a new group and synced, and so is the directory, before this
 * returns. Makes spares up to WAL_SPARES_MIN. Entries below index_first count as released.
 * STATUS_CORRUPT: damage, or a gap in the indexes, or entries missing between index_first and the
 * first one there; logged with file and offset, and nothing is written. STATUS_IO, STATUS_NO_MEMORY. */
MUST_CHECK enum status wal_open(struct wal **out, struct disk *disk, uint64_t index_first,
                                wal_visit_fn *visit, void *context);
void wal_close(struct wal *wal); /* accepts NULL; nothing unsynced was promised */

/* Copies the entry into the group being filled. Its index is one past the last appended, or lower:
 * then it replaces everything from there on. STATUS_FULL, changing nothing, when the group would
 * exceed WAL_GROUP_SIZE_MAX: try again after the next wal_seal. */
MUST_CHECK enum status wal_append(struct wal *wal, const struct wal_entry *entry);

/* True if entries wait in the group being filled. */
bool wal_pending(const struct wal *wal);
/* True between wal_seal and wal_written. */
bool wal_writing(const struct wal *wal);

/* Closes the group being filled (an empty one is a witness) and hands it over to wal_write. No write
 * is under way. */
void wal_seal(struct wal *wal);
/* Writer thread: writes the sealed group and returns once it is on the disk; goes to a new segment
 * when the current one has no room, taking a spare, or making one if there is none. STATUS_IO is
 * final: stop the node. */
MUST_CHECK enum status wal_write(struct wal *wal);
/* The loop learns that the write came back well. */
void wal_written(struct wal *wal);

/* The last index on the disk that has not been replaced by an append since. */
uint64_t wal_index_durable(const struct wal *wal);
/* The last index appended. In a log without entries both are index_first - 1: the first entry has
 * index_first. A log that once had entries keeps at least its last one, whatever is released, so one
 * that ends before index_first - 1 says so here; entries go on from there, not from index_first. */
uint64_t wal_index_last(const struct wal *wal);

/* True if entries were found at open. A log that was not made anew always has some. */
bool wal_had_entries(const struct wal *wal);
/* True if the newest durable group holds entries: a witness is due. */
bool wal_witness_due(const struct wal *wal);

/* Entries up to `index` are part of a durable snapshot: segments that hold nothing newer become
 * spares, oldest first. Only bookkeeping: the renames happen in later writes. While a write is under
 * way it is noted, and done by wal_written. */
void wal_release(struct wal *wal, uint64_t index);

/* Bytes of the segments' groups that no release has freed: when to make a snapshot. As of the last
 * wal_written. */
uint64_t wal_size_unreleased(const struct wal *wal);

#endif
