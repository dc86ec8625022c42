/* bytes.h -- integers to and from bytes, little-endian, at any alignment. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "crebito's formats are little-endian and so are the machines it runs on"
#endif

static inline void bytes_put_u16(uint8_t *target, uint16_t value)
{
    memcpy(target, &value, sizeof(value));
}

static inline void bytes_put_u32(uint8_t *target, uint32_t value)
{
    memcpy(target, &value, sizeof(value));
}

static inline void bytes_put_u64(uint8_t *target, uint64_t value)
{
    memcpy(target, &value, sizeof(value));
}

static inline uint16_t bytes_get_u16(const uint8_t *source)
{
    uint16_t value;
    memcpy(&value, source, sizeof(value));
    return value;
}

static inline uint32_t bytes_get_u32(const uint8_t *source)
{
    uint32_t value;
    memcpy(&value, source, sizeof(value));
    return value;
}

static inline uint64_t bytes_get_u64(const uint8_t *source)
{
    uint64_t value;
    memcpy(&value, source, sizeof(value));
    return value;
}

#endif
