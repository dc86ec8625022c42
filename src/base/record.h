/* record.h -- one decision of the bank: the 128 bytes that the ledger makes and the journal keeps.
 *
 * It lies in base because the ledger (which decides) and the journal (which stores) both speak it
 * and neither may know the other. The struct in memory is the format on disk:
 *
 *      0  checksum          u32  CRC-32C of bytes 4..127, seeded with that of the record's index (u64)
 *      4  kind              u8   enum record_kind
 *      5  type              u8   'c' or 'd': what was asked; of credit, debit and refused
 *      6  reason            u8   enum record_reason; of refused
 *      7  description_size  u8   bytes of description used
 *      8  account           u64
 *     16  place             u64  the transaction's place in its account, from 1; a refusal: the newest
 *                                place it saw; 0 for opened and limit changed
 *     24  previous          u64  index of the account's previous accepted transaction, 0 if none
 *                                (index 0 is `founded`); of credit and debit
 *     32  amount            i64  cents; of founded: the window W, in records
 *     40  balance           i64  cents, after; a refusal: unchanged
 *     48  limit             i64  cents, in force
 *     56  time_us           u64  since 1970 UTC; never smaller than that of the record before
 *     64  id                16   the command's id; zero where there is none
 *     80  log_index         u64  the log entry that decided it
 *     88  description       40   UTF-8, 1 to 10 characters, zero-padded; of founded: SHA-256 of the
 *                                file of accounts
 *
 * A record is whole if its checksum holds at its place: the seed keeps a record that lies at another
 * index, and 128 zeros, from passing.
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_SIZE = 128,
    RECORD_ID_SIZE = 16,
    RECORD_DESCRIPTION_SIZE_MAX = 40,
};

enum record_kind {
    RECORD_FOUNDED = 1,   /* always index 0 */
    RECORD_OPENED = 2,    /* an account came to be, with `limit` */
    RECORD_FILE_DONE = 3, /* every account of the file of accounts is open */
    RECORD_LIMIT_CHANGED = 4,
    RECORD_CREDIT = 5,
    RECORD_DEBIT = 6,
    RECORD_REFUSED = 7,
};

enum record_reason {
    REASON_NONE = 0,
    REASON_LIMIT = 1, /* the debit would bring the balance below -limit */
    REASON_RANGE = 2, /* the balance would leave ±(2^53 - 1) */
};

struct record {
    uint32_t checksum;
    uint8_t kind;
    uint8_t type;
    uint8_t reason;
    uint8_t description_size;
    uint64_t account;
    uint64_t place;
    uint64_t previous;
    int64_t amount;
    int64_t balance;
    int64_t limit;
    uint64_t time_us;
    uint8_t id[RECORD_ID_SIZE];
    uint64_t log_index;
    char description[RECORD_DESCRIPTION_SIZE_MAX];
};

static_assert(sizeof(struct record) == RECORD_SIZE, "the struct is the format");
static_assert(offsetof(struct record, account) == 8, "the struct is the format");
static_assert(offsetof(struct record, id) == 64, "the struct is the format");
static_assert(offsetof(struct record, description) == 88, "the struct is the format");

/* Sets the checksum for this record at `index`. */
void record_seal(struct record *record, uint64_t index);

/* True if the checksum holds at `index`. Says nothing about the fields. */
bool record_is_whole(const struct record *record, uint64_t index);

#endif
