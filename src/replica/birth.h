/* birth.h -- what a new bank's data directory holds, and its file of accounts.
 *
 * A bank is born with one voter. Its log begins with two entries: the configuration, and the command
 * that founds the bank (window W, SHA-256 of the file of accounts). The first start opens the accounts
 * of the file, command by command, and ends with `file done`; a crash on the way heals at the next
 * start (opening.h).
 *
 * The file of accounts: lines `id,limite` (account id 0..2^64-1, limit 0..AMOUNT_MAX cents), empty
 * lines and lines that begin with # are ignored.
 */
#ifndef REPLICA_BIRTH_H
#define REPLICA_BIRTH_H

#include <stdint.h>

#include "base/disk.h"
#include "base/random.h"
#include "base/status.h"

enum { BIRTH_LINE_SIZE_MAX = 128 }; /* bytes of a line of the file of accounts */

extern const char BIRTH_ACCOUNTS_NAME[]; /* "accounts": the file's name in the data directory */

struct birth {
    uint32_t window;       /* W, WINDOW_MIN..WINDOW_MAX */
    uint32_t accounts_max; /* the file may hold so many */
    const char *address;   /* of the only voter */
};

/* One line without its end. STATUS_OK and both values; STATUS_MISSING: nothing on it; STATUS_INVALID:
 * neither. */
MUST_CHECK enum status birth_line_parse(const char *line, uint32_t size, uint64_t *out_account,
                                        int64_t *out_limit);

/* Fills the empty directory `disk`, in which the file of accounts lies already; everything is on the
 * disk when it returns. STATUS_INVALID: the file breaks a rule (logged with the line); STATUS_FULL:
 * more than accounts_max; STATUS_IO, STATUS_NO_MEMORY. */
MUST_CHECK enum status birth_prepare(struct disk *disk, const struct random *random,
                                     const struct birth *birth);

#endif
