/* ids.h -- the memory of ids: which of the last W records was decided for this id.
 *
 * A ring of the last W ids by record index, and a hash of slots over it (linear probing, deletion by
 * backward shift, half full): 16 + 8 bytes a record. Mapped at full size, touched as it fills.
 * Ids are cut from SHA-256, but clients can choose keys, so the seed is mixed in.
 */
#ifndef LEDGER_IDS_H
#define LEDGER_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/record.h"
#include "base/status.h"

struct ids;

/* `window` is W, WINDOW_MIN..WINDOW_MAX. STATUS_NO_MEMORY. */
MUST_CHECK enum status ids_open(struct ids **out, uint32_t window, uint64_t seed);
void ids_close(struct ids *ids); /* accepts NULL */

/* Makes an empty memory one of a smaller window and gives the rest of its addresses back. Cannot
 * fail: so the ledger opens it for WINDOW_MAX and narrows it once W is known. */
void ids_narrow(struct ids *ids, uint32_t window);

/* Remembers that record `index` was decided for `id`; indexes come in order without gaps from any
 * first one, and the record W before is forgotten. NULL: a record without id. `id` is not among the
 * last W: the ledger would have called it a repeat. */
void ids_add(struct ids *ids, uint64_t index, const uint8_t *id);

/* True and *out_index if one of the last W records has this id. */
MUST_CHECK bool ids_find(const struct ids *ids, const uint8_t id[RECORD_ID_SIZE],
                         uint64_t *out_index);

/* A hint: this id is searched for soon. */
void ids_prefetch(const struct ids *ids, const uint8_t id[RECORD_ID_SIZE]);

#endif
