/* What `crebito verify` proves: a bank's journal is damaged in every byte, with good checksums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "node/verify.h"
#include "replica/manifest.h"

enum {
    RECORDS = 12,
    SETTLED = 9,
    ACCOUNTS = 3,
    LOG_INDEX_FIRST = 2,
};

static const char JOURNAL[] = "journal/0000000000000000";

/* A bank in a directory of its own; record i was decided by log entry i + LOG_INDEX_FIRST. */
struct bank {
    char directory[32];
    struct disk *disk;
    struct record records[RECORDS];
    struct manifest manifest;
};

static void records_make(struct record records[RECORDS])
{
    static const struct {
        enum command_kind kind;
        uint64_t account;
        int64_t amount;
        uint8_t description_size;
    } COMMANDS[RECORDS] = {
        {COMMAND_FOUND,     0, WINDOW_MIN, 32},
        {COMMAND_OPEN,      1, 1000,       0 },
        {COMMAND_OPEN,      2, 0,          0 },
        {COMMAND_FILE_DONE, 0, 0,          0 },
        {COMMAND_CREDIT,    1, 70,         1 },
        {COMMAND_DEBIT,     1, 100,        10},
        {COMMAND_DEBIT,     2, 1,          2 }, /* refused */
        {COMMAND_CREDIT,    2, 5,          3 },
        {COMMAND_DEBIT,     2, 5,          4 },
        {COMMAND_CREDIT,    1, 1,          5 },
        {COMMAND_DEBIT,     1, 9999,       6 }, /* refused */
        {COMMAND_DEBIT,     1, 971,        7 },
    };
    struct ledger *ledger;
    assert_int_equal(ledger_open(&ledger, ACCOUNTS, 1), STATUS_OK);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint64_t index;
        struct command command = {
            .kind = COMMANDS[i].kind,
            .account = COMMANDS[i].account,
            .amount = COMMANDS[i].amount,
            .description_size = COMMANDS[i].description_size,
        };
        memset(command.description, 'a', command.description_size);
        if (command.kind == COMMAND_CREDIT || command.kind == COMMAND_DEBIT) {
            command.stamp = i;
            memset(command.id, (int)i + 1, sizeof(command.id));
        }
        assert_int_equal(
            ledger_apply(ledger, &command, 1000000 + i, i + LOG_INDEX_FIRST, &records[i], &index),
            OUTCOME_DECIDED);
        assert_int_equal(index, i);
        record_seal(&records[i], i);
    }
    ledger_close(ledger);
}

static void journal_put(const struct bank *bank, const struct record *records, uint64_t size)
{
    struct disk_file *file;
    const struct disk_operations *operations = bank->disk->operations;
    assert_int_equal(operations->remove(bank->disk, JOURNAL), STATUS_OK);
    assert_int_equal(operations->open(bank->disk, JOURNAL, DISK_CREATE, &file), STATUS_OK);
    assert_int_equal(operations->write(file, records, size, 0), STATUS_OK);
    operations->close(file);
}

static enum status visit_nothing(void *context, uint64_t index, const struct record *record)
{
    (void)context;
    (void)index;
    (void)record;
    return STATUS_OK;
}

/* The bank's records through the journal itself, for a manifest at `settled`. */
static void settle(struct bank *bank, uint64_t settled)
{
    static const struct journal_mark EMPTY;
    struct journal *journal;
    bank->manifest = (struct manifest){.index = settled + LOG_INDEX_FIRST - 1, .term = 1};
    assert_int_equal(bank->disk->operations->remove(bank->disk, JOURNAL), STATUS_OK);
    assert_int_equal(journal_open(&journal, bank->disk, &EMPTY, visit_nothing, NULL), STATUS_OK);
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_int_equal(journal_append(journal, &bank->records[i]), STATUS_OK);
    }
    assert_int_equal(journal_flush(journal, settled), STATUS_OK);
    journal_fingerprint(journal, &bank->manifest.journal);
    assert_int_equal(journal_flush(journal, RECORDS), STATUS_OK);
    journal_close(journal);
    assert_int_equal(manifest_store(bank->disk, &bank->manifest), STATUS_OK);
}

static const char DIRECTORY[] = "verify-test.XXXXXX"; /* in the build folder */

static void bank_setup(struct bank *bank)
{
    memset(bank, 0, sizeof(*bank));
    memcpy(bank->directory, DIRECTORY, sizeof(DIRECTORY));
    assert_non_null(mkdtemp(bank->directory));
    assert_int_equal(disk_posix_open(&bank->disk, bank->directory), STATUS_OK);
    assert_int_equal(bank->disk->operations->make_directory(bank->disk, "journal"), STATUS_OK);
    records_make(bank->records);
    settle(bank, SETTLED);
}

static void bank_teardown(struct bank *bank)
{
    static const char *const NAMES[] = {JOURNAL, "journal", "manifest", "lock", ""};
    disk_posix_close(bank->disk);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", bank->directory, NAMES[i]);
        (void)remove(path);
    }
}

static struct node_verify verify(const struct bank *bank)
{
    struct node_verify result;
    assert_int_equal(node_verify(bank->directory, ACCOUNTS, &result), STATUS_OK);
    return result;
}

static void assert_rule(const struct bank *bank, uint64_t index, const char *rule)
{
    struct node_verify result = verify(bank);
    char text[128];
    (void)snprintf(text, sizeof(text), "%s: offset %d: ", JOURNAL, (int)index * RECORD_SIZE);
    if (strncmp(result.damage, text, strlen(text)) != 0 || strstr(result.damage, rule) == NULL) {
        fail_msg("\"%s\" is not at %s%s", result.damage, text, rule);
    }
    assert_int_equal(result.records, index);
}

static void a_good_journal_is_ok_and_counted(void **state)
{
    (void)state;
    struct bank bank;
    bank_setup(&bank);
    for (uint64_t settled = 0; settled <= RECORDS; settled++) {
        settle(&bank, settled);
        struct node_verify result = verify(&bank);
        assert_string_equal(result.damage, "");
        assert_int_equal(result.records, RECORDS);
        assert_int_equal(result.settled, settled);
        assert_int_equal(result.accounts, 2);
        assert_int_equal(result.credits, 3);
        assert_int_equal(result.debits, 3);
        assert_int_equal(result.refused, 2);
        assert_true(result.balance_sum_fits);
        assert_int_equal(result.balance_sum, -1000);
    }
    bank_teardown(&bank);
}

/* Somebody changes history and knows how to make checksums. */
static void a_forged_byte_is_found_by_a_rule_or_the_fingerprint(void **state)
{
    (void)state;
    struct bank bank;
    bank_setup(&bank);
    for (uint32_t index = 0; index < SETTLED; index++) {
        for (size_t at = offsetof(struct record, kind); at < RECORD_SIZE; at++) {
            struct record records[RECORDS];
            memcpy(records, bank.records, sizeof(records));
            ((uint8_t *)&records[index])[at] ^= 1;
            record_seal(&records[index], index);
            journal_put(&bank, records, sizeof(records));
            struct node_verify result = verify(&bank);
            assert_memory_equal(result.damage, JOURNAL, sizeof(JOURNAL) - 1);
        }
    }
    bank_teardown(&bank);
}

/* The same beyond the settled length, where no fingerprint helps: the rules alone. */
static void a_wrong_number_breaks_a_rule_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        const char *rule;
    } FIELDS[] = {
        {offsetof(struct record, place),    "place"   },
        {offsetof(struct record, previous), "previous"},
        {offsetof(struct record, balance),  "balance" },
        {offsetof(struct record, limit),    "limit"   },
    };
    struct bank bank;
    bank_setup(&bank);
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        struct record records[RECORDS];
        memcpy(records, bank.records, sizeof(records));
        ((uint8_t *)&records[RECORDS - 1])[FIELDS[i].offset] ^= 1;
        record_seal(&records[RECORDS - 1], RECORDS - 1);
        journal_put(&bank, records, sizeof(records));
        assert_rule(&bank, RECORDS - 1, FIELDS[i].rule);
    }
    bank_teardown(&bank);
}

static void a_torn_tail_is_no_damage_and_a_torn_settled_record_is(void **state)
{
    (void)state;
    struct bank bank;
    bank_setup(&bank);
    for (uint64_t size = 0; size <= sizeof(bank.records); size++) {
        journal_put(&bank, bank.records, size);
        if (size < SETTLED * sizeof(bank.records[0])) {
            assert_rule(&bank, size / RECORD_SIZE, "settled record is missing");
        } else {
            struct node_verify result = verify(&bank);
            assert_string_equal(result.damage, "");
            assert_int_equal(result.records, size / RECORD_SIZE);
        }
    }
    bank_teardown(&bank);
}

static void manifest_and_records_agree_on_the_log_entry(void **state)
{
    (void)state;
    struct bank bank;
    bank_setup(&bank);
    bank.manifest.index--;
    assert_int_equal(manifest_store(bank.disk, &bank.manifest), STATUS_OK);
    assert_rule(&bank, SETTLED - 1, "after the manifest's");
    bank.manifest.index += 2;
    assert_int_equal(manifest_store(bank.disk, &bank.manifest), STATUS_OK);
    assert_rule(&bank, SETTLED, "the manifest covers");
    bank_teardown(&bank);
}

static void what_cannot_be_read_has_a_status(void **state)
{
    (void)state;
    struct bank bank;
    struct node_verify result;
    struct disk *node;
    bank_setup(&bank);
    assert_int_equal(node_verify(bank.directory, 1, &result), STATUS_FULL);
    assert_int_equal(disk_posix_open(&node, bank.directory), STATUS_OK);
    assert_int_equal(disk_posix_lock(node), STATUS_OK);
    assert_int_equal(node_verify(bank.directory, ACCOUNTS, &result), STATUS_BUSY);
    disk_posix_close(node);
    assert_int_equal(node_verify(bank.directory, ACCOUNTS, &result), STATUS_OK);
    assert_int_equal(node_verify("verify-test.missing", ACCOUNTS, &result), STATUS_MISSING);
    assert_int_equal(bank.disk->operations->remove(bank.disk, "lock"), STATUS_OK);
    assert_int_equal(bank.disk->operations->remove(bank.disk, "manifest"), STATUS_OK);
    assert_int_equal(node_verify(bank.directory, ACCOUNTS, &result), STATUS_MISSING);
    struct disk_file *lock; /* what is no bank is left as it was */
    assert_int_equal(bank.disk->operations->open(bank.disk, "lock", DISK_READ, &lock),
                     STATUS_MISSING);
    bank_teardown(&bank);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(a_good_journal_is_ok_and_counted),
        cmocka_unit_test(a_forged_byte_is_found_by_a_rule_or_the_fingerprint),
        cmocka_unit_test(a_wrong_number_breaks_a_rule_where_it_stands),
        cmocka_unit_test(a_torn_tail_is_no_damage_and_a_torn_settled_record_is),
        cmocka_unit_test(manifest_and_records_agree_on_the_log_entry),
        cmocka_unit_test(what_cannot_be_read_has_a_status),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
