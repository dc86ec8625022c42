/* remote.h -- what the sub-commands that ask a running node share: options, problems, money.
 *
 * Exit codes: 0 done, 1 the node refused or could not be asked, 2 wrong usage.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "client/client.h"

enum {
    REMOTE_EXIT_REFUSED = 1,
    REMOTE_EXIT_USAGE = 2,
    REMOTE_MONEY_SIZE = 24,   /* "-92233720368547758.08" and a zero */
    REMOTE_TYPE_SIZE_MAX = 64 /* with the zero; a longer problem type is cut */
};

extern const char REMOTE_URL_DEFAULT[];

/* Digits only, up to INT64_MAX. STATUS_INVALID */
MUST_CHECK enum status remote_number_parse(const char *text, int64_t *out);

/* Cents as units with two decimals: -9098 is "-90.98". */
void remote_money_format(int64_t cents, char out[REMOTE_MONEY_SIZE]);

/* Prints text that came from outside; control characters, which could move the cursor of a terminal
 * or change what stands on it, show as question marks. */
void remote_text_print(FILE *target, const char *text, size_t size);

/* Opens a client for `url`; or says on standard error what is wrong with it, after `command`, and
 * returns NULL. */
struct client *remote_open(const char *command, const char *url);

/* Says on standard error what the server refused: title, detail and field of a problem document, or
 * only the status of any other answer. out_type becomes the problem's type without
 * "urn:crebito:problem:", "" if there is none. */
void remote_problem_print(const char *command, const struct client_response *response,
                          char out_type[REMOTE_TYPE_SIZE_MAX]);

/* Passes the body through, with a line feed at its end. */
void remote_body_print(const struct client_response *response);

#endif
