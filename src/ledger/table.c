#include "ledger/table.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

void *table_map(size_t size)
{
    CHECK(size > 0);
    /* Without reservation: most banks touch a small part of what they may come to need. */
    void *table = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return table == MAP_FAILED ? NULL : table;
}

void table_unmap(void *table, size_t size, size_t size_kept)
{
    CHECK(size_kept <= size);
    if (table == NULL) {
        return;
    }
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    size_t offset = (size_kept + page_size - 1) / page_size * page_size;
    if (offset < size) {
        /* Cutting off the end of a mapping splits nothing, so there is nothing to run out of. */
        bool unmapped = munmap((uint8_t *)table + offset, size - offset) == 0;
        CHECK(unmapped);
    }
}

uint64_t table_power_of_two(uint64_t value)
{
    CHECK(value >= 1 && value <= UINT64_C(1) << 63);
    uint64_t power = 1;
    while (power < value) {
        power *= 2;
    }
    return power;
}
