/* command.c -- the contract and the layout are in command.h. */
#include "ledger/command.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/sha256.h"

/* Offsets within a command; the header's are in the code that reads and writes it. */
enum {
    OFFSET_KIND = 0,
    OFFSET_DESCRIPTION_SIZE = 1,
    OFFSET_ACCOUNT = 2,
    OFFSET_STAMP = 10,
    OFFSET_AMOUNT = 18,
    OFFSET_ID = 26,
    OFFSET_DESCRIPTION = COMMAND_HEADER_SIZE,
};

static_assert(OFFSET_ID + RECORD_ID_SIZE == COMMAND_HEADER_SIZE, "no gap before the description");

static bool id_is_zero(const uint8_t id[RECORD_ID_SIZE])
{
    static const uint8_t ZERO[RECORD_ID_SIZE] = {0};
    return memcmp(id, ZERO, RECORD_ID_SIZE) == 0;
}

bool command_is_valid(const struct command *command)
{
    int64_t amount = command->amount;
    bool plain = command->stamp == 0 && id_is_zero(command->id); /* neither is used */
    switch (command->kind) {
    case COMMAND_FOUND:
        return plain && command->account == 0 && amount >= WINDOW_MIN && amount <= WINDOW_MAX &&
               command->description_size == SHA256_SIZE;
    case COMMAND_OPEN:
        return plain && amount >= 0 && amount <= AMOUNT_MAX && command->description_size == 0;
    case COMMAND_FILE_DONE:
        return plain && command->account == 0 && amount == 0 && command->description_size == 0;
    case COMMAND_CREDIT:
    case COMMAND_DEBIT:
        return amount >= 1 && amount <= AMOUNT_MAX && command->description_size >= 1 &&
               command->description_size <= RECORD_DESCRIPTION_SIZE_MAX;
    default:
        return false;
    }
}

void entry_begin(struct entry_builder *builder, uint8_t *target, uint32_t size_max)
{
    CHECK(size_max >= ENTRY_HEADER_SIZE + COMMAND_SIZE_MAX);
    CHECK(size_max <= ENTRY_SIZE_MAX);
    builder->target = target;
    builder->size = ENTRY_HEADER_SIZE;
    builder->size_max = size_max;
    builder->count = 0;
}

bool entry_add(struct entry_builder *builder, const struct command *command)
{
    CHECK(command_is_valid(command));

    uint32_t size = COMMAND_HEADER_SIZE + (uint32_t)command->description_size;
    if (size > builder->size_max - builder->size) {
        return false;
    }
    uint8_t *target = builder->target + builder->size;
    target[OFFSET_KIND] = (uint8_t)command->kind;
    target[OFFSET_DESCRIPTION_SIZE] = command->description_size;
    bytes_put_u64(target + OFFSET_ACCOUNT, command->account);
    bytes_put_u64(target + OFFSET_STAMP, command->stamp);
    bytes_put_u64(target + OFFSET_AMOUNT, (uint64_t)command->amount);
    memcpy(target + OFFSET_ID, command->id, RECORD_ID_SIZE);
    memcpy(target + OFFSET_DESCRIPTION, command->description, command->description_size);
    builder->size += size;
    builder->count++;
    return true;
}

void entry_finish(struct entry_builder *builder, uint64_t time_us)
{
    CHECK(builder->count >= 1);
    bytes_put_u32(builder->target, ENTRY_FORMAT);
    bytes_put_u32(builder->target + 4, builder->count);
    bytes_put_u64(builder->target + 8, time_us);
}

enum status entry_open(struct entry_reader *reader, const void *source, uint32_t size)
{
    if (size < ENTRY_HEADER_SIZE || size > ENTRY_SIZE_MAX) {
        return STATUS_CORRUPT;
    }
    const uint8_t *bytes = source;
    uint32_t count = bytes_get_u32(bytes + 4);
    if (bytes_get_u32(bytes) != ENTRY_FORMAT || count == 0 ||
        count > (size - ENTRY_HEADER_SIZE) / COMMAND_HEADER_SIZE) {
        return STATUS_CORRUPT;
    }
    *reader = (struct entry_reader){
        .source = bytes,
        .size = size,
        .offset = ENTRY_HEADER_SIZE,
        .left = count,
        .time_us = bytes_get_u64(bytes + 8),
    };
    return STATUS_OK;
}

enum status entry_next(struct entry_reader *reader, struct command *out)
{
    uint32_t size_left = reader->size - reader->offset;
    if (reader->left == 0) {
        return size_left == 0 ? STATUS_MISSING : STATUS_CORRUPT;
    }
    if (size_left < COMMAND_HEADER_SIZE) {
        return STATUS_CORRUPT;
    }
    const uint8_t *source = reader->source + reader->offset;
    uint8_t description_size = source[OFFSET_DESCRIPTION_SIZE];
    if (description_size > RECORD_DESCRIPTION_SIZE_MAX ||
        description_size > size_left - COMMAND_HEADER_SIZE) {
        return STATUS_CORRUPT;
    }
    struct command command = {
        .kind = (enum command_kind)source[OFFSET_KIND],
        .account = bytes_get_u64(source + OFFSET_ACCOUNT),
        .stamp = bytes_get_u64(source + OFFSET_STAMP),
        .amount = (int64_t)bytes_get_u64(source + OFFSET_AMOUNT),
        .description_size = description_size,
    };
    memcpy(command.id, source + OFFSET_ID, RECORD_ID_SIZE);
    memcpy(command.description, source + OFFSET_DESCRIPTION, description_size);
    if (!command_is_valid(&command)) {
        return STATUS_CORRUPT;
    }
    *out = command;
    reader->offset += COMMAND_HEADER_SIZE + (uint32_t)description_size;
    reader->left--;
    return STATUS_OK;
}
