/* limits.h -- every maximum of a node in one place: name, unit, reason, consequence.
 *
 * Memory is sized from these at start; nothing grows beyond them. Those marked (option) are the
 * default and can be set; the rest are part of the format or follow from it.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stdint.h>

/* Cents. Amounts, limits and balances lie within ±AMOUNT_MAX, which every JSON client reads exactly
 * (2^53 - 1); no sum of two can overflow. Beyond: 422. */
static const int64_t AMOUNT_MAX = (INT64_C(1) << 53) - 1;

enum {
    /* Characters of a description. Beyond: 422. Part of the format (40 bytes of UTF-8). */
    DESCRIPTION_CHARACTERS_MAX = 10,

    /* Accounts of a bank. 53 bytes each at 10 million. Beyond: `init` refuses the file. (option) */
    ACCOUNTS_MAX = 10 * 1000 * 1000,

    /* Records within which a resent command is recognised; the bank's constant W, fixed at birth.
     * 24 bytes each. (option of init) */
    WINDOW_DEFAULT = 1048576,
    WINDOW_MIN = 1024,
    WINDOW_MAX = 16777216,

    /* Bytes of a log entry: all commands of a turn. What does not fit waits for the next entry. */
    ENTRY_SIZE_MAX = 64 * 1024,

    /* Entries submitted and not yet committed; more depth only queues. The next entry grows. */
    ENTRIES_IN_FLIGHT_MAX = 4,

    /* Records kept in memory: statements, and answers to repeats, read older ones from the disk.
     * Also the most that may wait to be appended; at three quarters of it nothing more is applied. */
    RECORDS_IN_MEMORY = 65536,

    /* Bytes of log behind the last snapshot at which the next one is made: what a start replays and
     * holds in memory meanwhile, and about half of what the log takes on the disk. */
    SNAPSHOT_LOG_SIZE = 16 * 1024 * 1024,

    /* Milliseconds a request may take, less than the load balancer's 5 s. Then 503. */
    REQUEST_DEADLINE_MS = 3000,

    /* Connections of a node. Beyond: 503 and closed. (option) */
    CONNECTIONS_MAX = 16384,

    /* Bytes of an Idempotency-Key or Crebito-Attempt. Beyond: 400. */
    KEY_SIZE_MAX = 128,

    /* Transactions of a statement. */
    STATEMENT_TRANSACTIONS_MAX = 10,
};

#endif
