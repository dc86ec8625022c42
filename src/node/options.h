/* options.h -- what `crebito serve` can be told, on the command line or in a file.
 *
 * A file (--config) has lines `name = value` with the same names, without the dashes; the command line
 * wins. Each number has a range, checked here.
 */
#ifndef NODE_OPTIONS_H
#define NODE_OPTIONS_H

#include <stdint.h>

#include "base/status.h"

enum { OPTIONS_LISTEN_MAX = 4, OPTIONS_TEXT_SIZE_MAX = 256 };

struct options {
    char directory[OPTIONS_TEXT_SIZE_MAX];
    char listen[OPTIONS_LISTEN_MAX][OPTIONS_TEXT_SIZE_MAX];
    uint32_t listen_count;
    uint32_t accounts_max;
    uint32_t connections_max;
    uint32_t idle_timeout_ms;
};

/* The options with their defaults, for --help. */
extern const char OPTIONS_HELP[];

/* argv[0] is the sub-command's name. STATUS_OK; STATUS_MISSING: --help was asked; STATUS_INVALID: a
 * message is on standard error. */
MUST_CHECK enum status options_parse(struct options *out, int argc, char **argv);

#endif
