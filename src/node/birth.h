/* birth.h -- `crebito init DIR`: a bank is born by one rename of a prepared directory. */
#ifndef NODE_BIRTH_H
#define NODE_BIRTH_H

#include <stdint.h>

#include "base/status.h"

/* The contest's five accounts, as a file of accounts. */
extern const char NODE_BIRTH_ACCOUNTS[];

/* `directory` does not exist or is empty. `accounts_path` NULL: the contest's five. What is wrong is
 * logged. STATUS_BUSY: the directory has something in it. STATUS_INVALID: the file of accounts. */
MUST_CHECK enum status node_birth(const char *directory, const char *accounts_path, uint32_t window,
                                  uint32_t accounts_max);

#endif
