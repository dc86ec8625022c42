/* json.h -- writing JSON strings; reading is transaction.c's on the hot path, jansson's elsewhere. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdint.h>

/* Writes a JSON string with its quotes: escapes ", \\ and control characters and leaves all other
 * bytes, which are UTF-8. Returns the bytes written, at most 6 * size + 2: `target` has room for them. */
uint32_t json_string_render(char *target, const char *source, uint32_t size);

#endif
