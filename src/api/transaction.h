/* transaction.h -- the body of POST /clientes/{id}/transacoes: strict JSON to three values.
 *
 * One pass, no tree. The bytes must be one JSON object (RFC 8259, UTF-8 without BOM, no key twice,
 * at most 32 members, nothing after it but white space), with "valor", "tipo" and "descricao" in any
 * order; unknown keys are checked as JSON and ignored, what their values hold may repeat keys. Keys
 * are compared after unescaping. Tests hold it against jansson.
 */
#ifndef API_TRANSACTION_H
#define API_TRANSACTION_H

#include <stdint.h>

#include "base/limits.h"
#include "base/record.h"

enum transaction_fault {
    TRANSACTION_OK,
    TRANSACTION_SYNTAX, /* not a JSON text, or not an object: 400 */
    TRANSACTION_RULE,   /* a field is missing or outside the rules: 422 */
};

struct transaction {
    int64_t amount; /* cents, 1..AMOUNT_MAX */
    char type;      /* 'c' or 'd' */
    uint8_t description_size;
    char description[RECORD_DESCRIPTION_SIZE_MAX]; /* UTF-8, unescaped, 1..10 characters */
};

struct transaction_error {
    enum transaction_fault fault;
    const char *field;  /* RULE: "valor", "tipo" or "descricao"; else NULL */
    const char *detail; /* one English sentence: what was expected */
    uint32_t offset;    /* SYNTAX: the byte at which it stopped being JSON */
};

/* `valor` must be written as an integer: 1.0, 1e3 and "1" are refused with 422. `descricao` may hold
 * any character but U+0000 (422). Nesting of ignored values: at most 32 (400). *out is set only when
 * the result is TRANSACTION_OK. */
struct transaction_error transaction_decode(struct transaction *out, const char *data,
                                            uint32_t size);

#endif
