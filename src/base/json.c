#include "base/json.h"

/* The letter of a two-character escape, or 0. */
static char escape_letter(unsigned char byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return (char)byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static char *escape_write(char *target, unsigned char byte)
{
    static const char HEX[] = "0123456789abcdef";
    char letter = escape_letter(byte);
    *target++ = '\\';
    if (letter != 0) {
        *target++ = letter;
        return target;
    }
    *target++ = 'u';
    *target++ = '0';
    *target++ = '0';
    *target++ = HEX[byte >> 4];
    *target++ = HEX[byte & 0xf];
    return target;
}

uint32_t json_string_render(char *target, const char *source, uint32_t size)
{
    char *next = target;
    *next++ = '"';
    for (uint32_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)source[i];
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            next = escape_write(next, byte);
        } else {
            *next++ = (char)byte;
        }
    }
    *next++ = '"';
    return (uint32_t)(next - target);
}
