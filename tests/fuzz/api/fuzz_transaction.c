/* fuzz_transaction.c -- transaction_decode and jansson must judge every body alike, and read the same
 * values from it. What jansson cannot judge (numbers beyond its types) is only held against
 * sanitizers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/transaction.h"
#include "base/check.h"
#include "oracle.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transaction out;
    struct transaction expected;
    struct transaction_error expected_error;
    struct transaction_error error = transaction_decode(&out, (const char *)data, (uint32_t)size);
    CHECK((error.detail == NULL) == (error.fault == TRANSACTION_OK));
    CHECK((error.field != NULL) == (error.fault == TRANSACTION_RULE));
    CHECK(error.offset <= size);
    if (oracle_decode(&expected_error, &expected, (const char *)data, (uint32_t)size) ==
        ORACLE_SILENT) {
        return 0;
    }
    CHECK(error.fault == expected_error.fault);
    if (error.fault == TRANSACTION_RULE) {
        CHECK(strcmp(error.field, expected_error.field) == 0);
    }
    if (error.fault == TRANSACTION_OK) {
        CHECK(out.amount == expected.amount);
        CHECK(out.type == expected.type);
        CHECK(out.description_size == expected.description_size);
        CHECK(memcmp(out.description, expected.description, out.description_size) == 0);
    }
    return 0;
}
