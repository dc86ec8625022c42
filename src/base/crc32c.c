#include "base/crc32c.h"

#include <stdbool.h>

#include "base/bytes.h"
#include "base/crc32c_table.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

/* The functions below work on the inverted CRC, as the processors' instructions do. */

static uint32_t crc_by_table(uint32_t crc, const uint8_t *source, size_t size)
{
    for (; size >= 8; size -= 8, source += 8) {
        uint32_t low = bytes_get_u32(source) ^ crc;
        uint32_t high = bytes_get_u32(source + 4);
        crc = TABLE[7][low & 0xff] ^ TABLE[6][low >> 8 & 0xff] ^ TABLE[5][low >> 16 & 0xff] ^
              TABLE[4][low >> 24] ^ TABLE[3][high & 0xff] ^ TABLE[2][high >> 8 & 0xff] ^
              TABLE[1][high >> 16 & 0xff] ^ TABLE[0][high >> 24];
    }
    for (; size > 0; size--, source++) {
        crc = crc >> 8 ^ TABLE[0][(crc ^ *source) & 0xff];
    }
    return crc;
}

#if defined(__x86_64__)

static bool instruction_exists(void)
{
    return __builtin_cpu_supports("sse4.2"); /* a load and a test: libgcc asked the processor */
}

__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, const uint8_t *source, size_t size)
{
    uint64_t wide = crc;
    for (; size >= 8; size -= 8, source += 8) {
        wide = _mm_crc32_u64(wide, bytes_get_u64(source));
    }
    crc = (uint32_t)wide;
    for (; size > 0; size--, source++) {
        crc = _mm_crc32_u8(crc, *source);
    }
    return crc;
}

#elif defined(__aarch64__)

static bool instruction_exists(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

#if defined(__clang__)
__attribute__((target("crc")))
#else
__attribute__((target("+crc")))
#endif
static uint32_t
crc_by_instruction(uint32_t crc, const uint8_t *source, size_t size)
{
    for (; size >= 8; size -= 8, source += 8) {
        crc = __crc32cd(crc, bytes_get_u64(source));
    }
    for (; size > 0; size--, source++) {
        crc = __crc32cb(crc, *source);
    }
    return crc;
}

#else

static bool instruction_exists(void)
{
    return false;
}

static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *source, size_t size)
{
    return crc_by_table(crc, source, size);
}

#endif

uint32_t crc32c(uint32_t seed, const void *source, size_t size)
{
    if (instruction_exists()) {
        return ~crc_by_instruction(~seed, source, size);
    }
    return ~crc_by_table(~seed, source, size);
}

uint32_t crc32c_portable(uint32_t seed, const void *source, size_t size)
{
    return ~crc_by_table(~seed, source, size);
}
