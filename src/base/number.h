/* number.h -- decimal numbers of paths, header fields and files, in their only form. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* The number that data[0..size) writes: digits, no sign, no leading zero, at most 2^64 - 1. */
MUST_CHECK static inline bool number_read(const char *data, uint32_t size, uint64_t *out)
{
    uint64_t value = 0;
    if (size == 0 || (size > 1 && data[0] == '0')) {
        return false;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (data[i] < '0' || data[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(data[i] - '0'), &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

#endif
