/* crc32c.h -- CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as in RFC 3720 appendix B.4.
 *
 * Uses the processor's instruction (SSE4.2, ARMv8 CRC) where the running machine has it, else a
 * table. Both give the same value.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `size` bytes, continued from `seed`: 0 to begin, else an earlier result. So
 * crc32c(crc32c(0, a), b) is the checksum of a followed by b. */
uint32_t crc32c(uint32_t seed, const void *source, size_t size);

/* The same by table on every machine, so that tests can compare the two. */
uint32_t crc32c_portable(uint32_t seed, const void *source, size_t size);

#endif
