/* opening.h -- the birth's second half: the commands that open every account of the file.
 *
 * Until the record `file done` is there, each start proposes the whole file again: opening an account
 * that exists has no effect. The file must be the one whose hash the founding record holds.
 */
#ifndef REPLICA_OPENING_H
#define REPLICA_OPENING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/status.h"
#include "ledger/command.h"

struct opening;

/* STATUS_INVALID: the file is another one than the founding record's, logged. STATUS_MISSING,
 * STATUS_IO, STATUS_NO_MEMORY. Reads the file once to hash it. */
MUST_CHECK enum status opening_open(struct opening **out, struct disk *disk,
                                    const uint8_t file_hash[32]);
void opening_close(struct opening *opening); /* accepts NULL */

/* Fills an entry with the next commands; the last one of all is `file done`. STATUS_OK: at least one
 * command was added; STATUS_MISSING: there are no more; STATUS_IO. */
MUST_CHECK enum status opening_next(struct opening *opening, struct entry_builder *builder);

#endif
