/* oracle.h -- what transaction_decode must say, found out with jansson instead.
 *
 * The outer object is taken apart member by member, each key and each value by jansson; only the
 * braces, commas and colons between them, and the rules of the three fields, are read here. Used by the unit test and by the fuzz
 * target.
 */
#ifndef TESTS_API_ORACLE_H
#define TESTS_API_ORACLE_H

#include "api/transaction.h"

enum oracle_answer {
    ORACLE_SAYS,   /* *out_error.fault, .field and *out hold */
    ORACLE_SILENT, /* jansson cannot tell: a number beyond its types, U+0000 in a nested key */
};

/* Like transaction_decode, but detail and offset of *out_error mean nothing. */
enum oracle_answer oracle_decode(struct transaction_error *out_error, struct transaction *out,
                                 const char *data, uint32_t size);

#endif
