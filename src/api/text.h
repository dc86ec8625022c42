/* text.h -- building an answer's bytes: a cursor in a buffer whose size was proved beforehand. */
#ifndef API_TEXT_H
#define API_TEXT_H

#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/json.h"

struct text {
    char *data;
    uint32_t size;
    uint32_t size_max; /* going beyond is a bug: each answer's largest size is known */
};

static inline void text_add(struct text *text, const char *source, uint32_t size)
{
    CHECK(size <= text->size_max - text->size);
    memcpy(text->data + text->size, source, size);
    text->size += size;
}

static inline void text_add_string(struct text *text, const char *source)
{
    text_add(text, source, (uint32_t)strlen(source));
}

static inline void text_add_u64(struct text *text, uint64_t value)
{
    char digits[20];
    uint32_t begin = sizeof(digits);
    do {
        digits[--begin] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_add(text, digits + begin, (uint32_t)sizeof(digits) - begin);
}

static inline void text_add_i64(struct text *text, int64_t value)
{
    if (value < 0) {
        text_add(text, "-", 1);
    }
    text_add_u64(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* A JSON string with its quotes. */
static inline void text_add_json(struct text *text, const char *source, uint32_t size)
{
    CHECK(6 * size + 2 <= text->size_max - text->size);
    text->size += json_string_render(text->data + text->size, source, size);
}

/* A time as a JSON string. */
static inline void text_add_time(struct text *text, uint64_t realtime_us)
{
    char formatted[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(realtime_us, formatted);
    text_add(text, "\"", 1);
    text_add_string(text, formatted);
    text_add(text, "\"", 1);
}

#endif
