#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "replica/birth.h"
#include "replica/identity.h"
#include "replica/manifest.h"
#include "replica/replica.h"
#include "sim/simulated_ports.h"
#include "support/memory_disk.h"

enum { ACCOUNTS_MAX_SMALL = 4000, FILE_SIZE_MAX = 64 * 1024, STEPS_MAX = 100000 };

struct bank {
    struct simulated_ports ports;
    struct disk *disk;
};

static enum status bank_make(struct bank *bank, const char *accounts)
{
    const struct birth birth = {
        .window = WINDOW_MIN, .accounts_max = ACCOUNTS_MAX_SMALL, .address = "local"};
    simulated_ports_init(&bank->ports, 7);
    bank->disk = memory_disk_open();
    memory_disk_put(bank->disk, BIRTH_ACCOUNTS_NAME, accounts, strlen(accounts));
    return birth_prepare(bank->disk, &bank->ports.random, &birth);
}

static enum status node_open(struct bank *bank, struct replica **out)
{
    const struct replica_ports ports = {
        .clock = &bank->ports.clock,
        .random = &bank->ports.random,
        .disk = bank->disk,
        .executor = &bank->ports.executor,
    };
    const struct replica_options options = {.accounts_max = ACCOUNTS_MAX_SMALL};
    return replica_open(out, &ports, &options);
}

static void steps(struct bank *bank, struct replica *replica, uint32_t count)
{
    for (uint32_t i = 0; i < count && replica_state(replica) == REPLICA_STARTING; i++) {
        bank->ports.now_us += 1000;
        replica_turn(replica);
        (void)simulated_job_step(&bank->ports);
    }
}

static void finish_threads(struct bank *bank)
{
    while (simulated_job_step(&bank->ports)) {
    }
}

static void refuse(const char *accounts, enum status expected)
{
    struct bank bank;
    assert_int_equal(bank_make(&bank, accounts), expected);
    struct identity identity;
    assert_int_equal(identity_load(bank.disk, &identity), STATUS_MISSING); /* half-made */
    memory_disk_close(bank.disk);
}

static void a_line_is_an_account_and_a_limit(void **state)
{
    (void)state;
    const struct {
        const char *line;
        enum status status;
        uint64_t account;
        int64_t limit;
    } cases[] = {
        {"1,100000",               STATUS_OK,      1,          100000    },
        {"0,0",                    STATUS_OK,      0,          0         },
        {"18446744073709551615,1", STATUS_OK,      UINT64_MAX, 1         },
        {"1,9007199254740991",     STATUS_OK,      1,          AMOUNT_MAX},
        {"",                       STATUS_MISSING, 0,          0         },
        {"# a comment",            STATUS_MISSING, 0,          0         },
        {"18446744073709551616,1", STATUS_INVALID, 0,          0         },
        {"1,9007199254740992",     STATUS_INVALID, 0,          0         },
        {"1",                      STATUS_INVALID, 0,          0         },
        {"1,",                     STATUS_INVALID, 0,          0         },
        {",1",                     STATUS_INVALID, 0,          0         },
        {"1,-5",                   STATUS_INVALID, 0,          0         },
        {"1,5 ",                   STATUS_INVALID, 0,          0         },
        {" 1,5",                   STATUS_INVALID, 0,          0         },
        {"1,5,6",                  STATUS_INVALID, 0,          0         },
        {"1;5",                    STATUS_INVALID, 0,          0         },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t account = 0;
        int64_t limit = 0;
        enum status status =
            birth_line_parse(cases[i].line, (uint32_t)strlen(cases[i].line), &account, &limit);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(account, cases[i].account);
        assert_int_equal(limit, cases[i].limit);
    }
}

static void a_file_that_breaks_a_rule_makes_no_bank(void **state)
{
    (void)state;
    refuse("1,5\n1,6\n", STATUS_INVALID);
    refuse("1,5\nx\n", STATUS_INVALID);
    refuse("1,5\n2,9007199254740992\n", STATUS_INVALID);
    static char many[FILE_SIZE_MAX];
    size_t size = 0;
    for (int i = 0; i <= ACCOUNTS_MAX_SMALL; i++) {
        size += (size_t)snprintf(many + size, sizeof(many) - size, "%d,1\n", i);
    }
    refuse(many, STATUS_FULL);
}

static void a_damaged_identity_or_manifest_is_named_at_every_byte(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"node", "manifest"};
    struct bank bank;
    assert_int_equal(bank_make(&bank, "1,5\n"), STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        uint64_t size;
        (void)memory_disk_bytes(bank.disk, NAMES[i], &size);
        for (uint64_t offset = 0; offset < size; offset++) {
            struct identity identity;
            struct manifest manifest;
            memory_disk_flip(bank.disk, NAMES[i], offset, 0x10);
            enum status status =
                i == 0 ? identity_load(bank.disk, &identity) : manifest_load(bank.disk, &manifest);
            assert_int_equal(status, STATUS_CORRUPT);
            memory_disk_flip(bank.disk, NAMES[i], offset, 0x10);
        }
    }
    memory_disk_close(bank.disk);
}

static void opening_the_file_heals_from_a_power_cut_anywhere(void **state)
{
    (void)state;
    static char accounts[FILE_SIZE_MAX];
    size_t size = 0;
    for (int i = 0; i < ACCOUNTS_MAX_SMALL; i++) {
        size += (size_t)snprintf(accounts + size, sizeof(accounts) - size, "%d,%d\n", i, i);
    }
    for (uint32_t cut = 1; cut < 60; cut++) {
        struct bank bank;
        struct replica *replica;
        assert_int_equal(bank_make(&bank, accounts), STATUS_OK);
        assert_int_equal(node_open(&bank, &replica), STATUS_OK);
        steps(&bank, replica, cut);
        memory_disk_crash(bank.disk, cut);
        memory_disk_fail_change(bank.disk, 1, MEMORY_DISK_FOR_GOOD);
        finish_threads(&bank);
        replica_close(replica);
        memory_disk_crash(bank.disk, cut + 1);
        assert_int_equal(node_open(&bank, &replica), STATUS_OK);
        steps(&bank, replica, STEPS_MAX);
        assert_int_equal(replica_state(replica), REPLICA_READY);
        assert_int_equal(replica_counters(replica).accounts, ACCOUNTS_MAX_SMALL);
        /* founded, one record an account, file done: nothing was opened twice. */
        assert_int_equal(replica_length(replica), ACCOUNTS_MAX_SMALL + 2);
        finish_threads(&bank);
        replica_close(replica);
        memory_disk_close(bank.disk);
    }
}

static void another_file_of_accounts_stops_a_start_that_needs_it(void **state)
{
    (void)state;
    struct bank bank;
    struct replica *replica;
    assert_int_equal(bank_make(&bank, "1,5\n2,6\n"), STATUS_OK);
    memory_disk_put(bank.disk, BIRTH_ACCOUNTS_NAME, "1,5\n2,7\n", 8);
    assert_int_equal(node_open(&bank, &replica), STATUS_OK);
    steps(&bank, replica, STEPS_MAX);
    assert_int_equal(replica_state(replica), REPLICA_FAILED);
    finish_threads(&bank);
    replica_close(replica);
    memory_disk_close(bank.disk);
}

static enum status remove_visit(void *context, const char *name)
{
    struct disk *disk = context;
    char path[DISK_NAME_SIZE_MAX];
    (void)snprintf(path, sizeof(path), "log/%s", name);
    return disk->operations->remove(disk, path);
}

/* The founding record is in the log only until the bank has started once; afterwards nobody reads the
 * file, and a log that vanished is damage. */
static void a_log_that_lost_its_end_stops_the_start(void **state)
{
    (void)state;
    struct bank bank;
    struct replica *replica;
    assert_int_equal(bank_make(&bank, "1,5\n"), STATUS_OK);
    assert_int_equal(node_open(&bank, &replica), STATUS_OK);
    steps(&bank, replica, STEPS_MAX);
    replica_stop(replica);
    for (int i = 0; i < STEPS_MAX && replica_state(replica) != REPLICA_STOPPED; i++) {
        replica_turn(replica);
        (void)simulated_job_step(&bank.ports);
    }
    assert_int_equal(replica_state(replica), REPLICA_STOPPED);
    replica_close(replica);
    assert_int_equal(bank.disk->operations->list(bank.disk, "log", remove_visit, bank.disk),
                     STATUS_OK);
    assert_int_equal(node_open(&bank, &replica), STATUS_CORRUPT);
    memory_disk_close(bank.disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_an_account_and_a_limit),
        cmocka_unit_test(a_file_that_breaks_a_rule_makes_no_bank),
        cmocka_unit_test(a_damaged_identity_or_manifest_is_named_at_every_byte),
        cmocka_unit_test(opening_the_file_heals_from_a_power_cut_anywhere),
        cmocka_unit_test(another_file_of_accounts_stops_a_start_that_needs_it),
        cmocka_unit_test(a_log_that_lost_its_end_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
