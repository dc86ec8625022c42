/* command.h -- what a client or the bank itself asks of the ledger, and the log entry that carries it.
 *
 * An entry (the payload of one Raft log entry) holds the commands of one loop turn:
 *
 *      0  format   u32  1; a node that does not know it stops
 *      4  count    u32  commands that follow, at least 1
 *      8  time_us  u64  the leader's clock
 *     16  commands, one after the other, each:
 *          0  kind              u8
 *          1  description_size  u8
 *          2  account           u64
 *         10  stamp             u64
 *         18  amount            i64
 *         26  id                16
 *         42  description       description_size bytes
 *
 * An entry whose bytes are not exactly this is STATUS_CORRUPT: it was written by another program.
 */
#ifndef LEDGER_COMMAND_H
#define LEDGER_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/record.h"
#include "base/status.h"

enum {
    ENTRY_FORMAT = 1,
    ENTRY_HEADER_SIZE = 16,
    COMMAND_HEADER_SIZE = 42,
    COMMAND_SIZE_MAX = COMMAND_HEADER_SIZE + RECORD_DESCRIPTION_SIZE_MAX,
};

/* Fields that a kind does not name are zero. */
enum command_kind {
    COMMAND_FOUND = 1,     /* amount: W; description: SHA-256 of the file of accounts (32 bytes) */
    COMMAND_OPEN = 2,      /* account; amount: its limit. No effect if it exists */
    COMMAND_FILE_DONE = 3, /* no effect the second time */
    COMMAND_CREDIT = 4,    /* account, id, stamp, amount > 0, description */
    COMMAND_DEBIT = 5,     /* the same */
};

struct command {
    uint64_t account;
    uint64_t stamp; /* journal length that its node had applied before the request was read */
    int64_t amount;
    enum command_kind kind;
    uint8_t id[RECORD_ID_SIZE];
    uint8_t description_size;
    char description[RECORD_DESCRIPTION_SIZE_MAX];
};

/* True if it is one that an entry may carry. Amounts are in range: 1..AMOUNT_MAX for credit and
 * debit, 0..AMOUNT_MAX for limits, WINDOW_MIN..WINDOW_MAX for W; the description of credit and debit
 * has 1 byte or more, that of `found` 32; what the kind does not use is zero (the bytes of
 * `description` beyond its size are never looked at). */
MUST_CHECK bool command_is_valid(const struct command *command);

/* An entry being filled. The caller's memory. */
struct entry_builder {
    uint8_t *target;
    uint32_t size;     /* bytes used, header included */
    uint32_t size_max; /* at most ENTRY_SIZE_MAX */
    uint32_t count;
};

/* `target` is borrowed until the entry is finished; size_max is at least ENTRY_HEADER_SIZE +
 * COMMAND_SIZE_MAX. */
void entry_begin(struct entry_builder *builder, uint8_t *target, uint32_t size_max);
/* Adds a valid command. False, changing nothing, when it does not fit. */
MUST_CHECK bool entry_add(struct entry_builder *builder, const struct command *command);
/* Writes the header. The entry is target[0..size). count is at least 1. */
void entry_finish(struct entry_builder *builder, uint64_t time_us);

/* Reading an entry. Borrows `source`. */
struct entry_reader {
    const uint8_t *source;
    uint32_t size;
    uint32_t offset;
    uint32_t left; /* commands not yet read */
    uint64_t time_us;
};

/* Checks the header. STATUS_CORRUPT: not an entry of a known format. */
MUST_CHECK enum status entry_open(struct entry_reader *reader, const void *source, uint32_t size);
/* STATUS_OK and *out; STATUS_MISSING after the last one, when every byte was used; STATUS_CORRUPT
 * for a command that is not valid, or bytes missing or left over; then for ever. What was read is
 * valid; its description is zero-padded. */
MUST_CHECK enum status entry_next(struct entry_reader *reader, struct command *out);

#endif
