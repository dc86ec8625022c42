/* model.h -- the rules of the bank a second time, written to be obviously right and not fast: arrays,
 * linear search, wide integers. The tests hold the ledger against it.
 */
#ifndef TESTS_LEDGER_MODEL_H
#define TESTS_LEDGER_MODEL_H

#include <stdint.h>

#include "ledger/ledger.h"

enum { MODEL_ACCOUNTS_MAX = 8 };

struct model {
    struct account accounts[MODEL_ACCOUNTS_MAX];
    uint32_t accounts_count;
    struct record *records; /* records_max of them; not sealed */
    uint64_t length;
    uint64_t records_max;
};

void model_init(struct model *model, uint64_t records_max);
void model_deinit(struct model *model);

/* As ledger_apply; the record of DECIDED or REPEAT is records[*out_index]. */
enum outcome model_apply(struct model *model, const struct command *command, uint64_t time_us,
                         uint64_t log_index, uint64_t *out_index);

/* NULL if it does not exist. */
struct account *model_account(struct model *model, uint64_t id);

/* W; 0 before `founded`. */
uint64_t model_window(const struct model *model);

#endif
