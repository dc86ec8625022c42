/* wal_group.h -- what one write of the log carries, in memory and as bytes.
 *
 * For the files of src/wal only. A group is filled in memory (clear, add, finish) or found in the
 * bytes of a segment (decode, then the entries one by one). It knows nothing of files.
 */
#ifndef WAL_WAL_GROUP_H
#define WAL_WAL_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "wal/wal.h"

enum {
    WAL_GROUP_HEADER_SIZE = 80,
    WAL_ENTRY_HEADER_SIZE = 24,
};

/* The greatest index of an entry and number of a group: adding to them cannot overflow. */
static const uint64_t WAL_INDEX_MAX = UINT64_C(1) << 62;

enum wal_group_flags {
    /* Holds the entries of the last valid group that a start found, under that group's number. */
    WAL_GROUP_REPEAT = 1 << 0,
    /* Reserved: the log begins after (index, term) of its one empty entry, made by an install. */
    WAL_GROUP_BASE = 1 << 1,
};

/* A group being filled. Its entries follow one another without a gap. */
struct wal_group {
    uint8_t *bytes; /* size_max of them, page-aligned, borrowed */
    uint32_t size_max;
    uint32_t size; /* of header and entries */
    uint32_t count;
    uint64_t index_first; /* of the first entry, if there is one */
};

/* Where a group stands. */
struct wal_group_place {
    uint64_t epoch;        /* of the segment */
    uint64_t number;       /* the group's own */
    uint64_t number_first; /* that of the group at the beginning of the segment */
    uint32_t flags;
};

/* A group that was read and whose checksum holds. */
struct wal_group_view {
    uint8_t *bytes;
    uint32_t size;
    uint32_t count;
    uint64_t index_first; /* 0 if there is no entry */
    struct wal_group_place place;
};

/* Bytes that a group of `size` takes in a segment. */
uint32_t wal_group_size_padded(uint32_t size);

void wal_group_clear(struct wal_group *group);

/* Copies the entry to the end. An index that the group already has replaces that entry and those
 * after it, one before the group's first replaces all. Returns STATUS_FULL, changing nothing. */
MUST_CHECK enum status wal_group_add(struct wal_group *group, const struct wal_entry *entry);

/* Makes the bytes ready to be written at `place`; nothing can be added any more. Returns the padded
 * size. */
uint32_t wal_group_finish(struct wal_group *group, const struct wal_group_place *place);

/* True if a whole group of `epoch` begins at `source`, within `size` bytes. Puts escaped blocks back as
 * they were (see the layout); the bytes can be decoded again. Says nothing about the entries. */
bool wal_group_decode(struct wal_group_view *out, uint8_t *source, uint64_t size, uint64_t epoch);

/* True if the entries are what wal_group_add makes: else a bug wrote them, or a newer version. */
bool wal_group_is_sound(const struct wal_group_view *view);

/* The entry at *offset, which begins at WAL_GROUP_HEADER_SIZE and is moved behind it. False if
 * there is none. Its data lies in the group's bytes. */
bool wal_group_next(const struct wal_group_view *view, uint32_t *offset, struct wal_entry *out);

#endif
