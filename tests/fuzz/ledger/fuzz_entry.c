/* fuzz_entry.c -- any bytes as an entry: read without touching others, and what is accepted is written
 * again as the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/command.h"

/* libFuzzer's name, not ours. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* NOLINT */
{
    static uint8_t written[ENTRY_SIZE_MAX];
    if (size > UINT32_MAX) {
        return 0;
    }
    struct entry_reader reader;
    if (entry_open(&reader, data, (uint32_t)size) != STATUS_OK) {
        return 0;
    }
    struct entry_builder builder;
    entry_begin(&builder, written, sizeof(written));
    struct command command;
    enum status status;
    while ((status = entry_next(&reader, &command)) == STATUS_OK) {
        expect(command_is_valid(&command));
        for (size_t i = command.description_size; i < sizeof(command.description); i++) {
            expect(command.description[i] == '\0');
        }
        expect(entry_add(&builder, &command));
    }
    expect(status == entry_next(&reader, &command));
    if (status == STATUS_MISSING) {
        entry_finish(&builder, reader.time_us);
        expect(builder.size == size && memcmp(written, data, size) == 0);
    } else {
        expect(status == STATUS_CORRUPT);
    }
    return 0;
}
