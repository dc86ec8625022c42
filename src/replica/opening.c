#include "replica/opening.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "replica/birth.h"
#include "replica/lines.h"

struct opening {
    bool has_command; /* `command` was read and did not fit into the last entry */
    bool done;        /* `file done` has been handed out */
    struct command command;
    struct lines lines;
};

static enum status hash_check(struct disk *disk, struct lines *lines, const uint8_t file_hash[32])
{
    const char *line;
    uint32_t size;
    uint8_t hash[SHA256_SIZE];
    enum status status = lines_open(lines, disk, BIRTH_ACCOUNTS_NAME);
    if (status != STATUS_OK) {
        return status;
    }
    while ((status = lines_next(lines, &line, &size)) == STATUS_OK) {
    }
    lines_hash(lines, hash);
    lines_close(lines);
    if (status != STATUS_MISSING) {
        return status;
    }
    if (memcmp(hash, file_hash, SHA256_SIZE) != 0) {
        log_error("accounts-file", "file=%s what=\"not the file that this bank was founded with\"",
                  BIRTH_ACCOUNTS_NAME);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status opening_open(struct opening **out, struct disk *disk, const uint8_t file_hash[32])
{
    struct opening *opening = calloc(1, sizeof(*opening));
    if (opening == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = hash_check(disk, &opening->lines, file_hash);
    if (status == STATUS_OK) {
        status = lines_open(&opening->lines, disk, BIRTH_ACCOUNTS_NAME);
    }
    if (status != STATUS_OK) {
        free(opening);
        return status;
    }
    *out = opening;
    return STATUS_OK;
}

void opening_close(struct opening *opening)
{
    if (opening == NULL) {
        return;
    }
    lines_close(&opening->lines);
    free(opening);
}

/* Reads the next command from the file into opening->command. */
static enum status command_read(struct opening *opening)
{
    const char *line;
    uint32_t size;
    struct command command = {.kind = COMMAND_OPEN};
    enum status status;
    do {
        status = lines_next(&opening->lines, &line, &size);
        if (status == STATUS_OK) {
            status = birth_line_parse(line, size, &command.account, &command.amount);
        } else if (status == STATUS_MISSING) {
            command.kind = COMMAND_FILE_DONE;
            opening->done = true;
            break;
        }
    } while (status == STATUS_MISSING);
    if (status != STATUS_OK && !opening->done) {
        return status;
    }
    opening->command = command;
    opening->has_command = true;
    return STATUS_OK;
}

enum status opening_next(struct opening *opening, struct entry_builder *builder)
{
    while (opening->has_command || !opening->done) {
        enum status status = opening->has_command ? STATUS_OK : command_read(opening);
        if (status != STATUS_OK) {
            return status;
        }
        if (!entry_add(builder, &opening->command)) {
            return STATUS_OK;
        }
        opening->has_command = false;
    }
    return builder->count > 0 ? STATUS_OK : STATUS_MISSING;
}
