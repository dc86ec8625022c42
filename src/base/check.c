#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "crebito: bug: %s:%d: %s does not hold\n", file, line, condition);
    abort();
}
