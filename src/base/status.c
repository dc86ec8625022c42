#include "base/status.h"

const char *status_name(enum status status)
{
    static const char *const NAMES[] = {
        [STATUS_OK] = "ok",           [STATUS_FULL] = "full",
        [STATUS_INVALID] = "invalid", [STATUS_MISSING] = "missing",
        [STATUS_BUSY] = "busy",       [STATUS_IO] = "input/output error",
        [STATUS_CORRUPT] = "corrupt", [STATUS_NO_MEMORY] = "no memory",
    };
    return NAMES[status];
}
