#include "consensus/consensus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <raft.h> /* its encoder makes the configurations that crebito does not make yet */

enum { SELF = 7, OTHER = 8, TERM = 3, NOW_MS = 1000, SEED = 1 };

static const uint8_t BARRIER[8] = {0};

static struct consensus_configuration sole_make(void)
{
    struct consensus_configuration configuration = {0};
    assert_int_equal(consensus_configuration_sole(&configuration, SELF, "local"), STATUS_OK);
    return configuration;
}

/* A server for each role, from SELF on; -1: none there. */
static struct consensus_configuration with_roles(const int roles[3])
{
    static const char *const ADDRESSES[] = {"a", "b", "c"};
    struct consensus_configuration out = {.index = 1};
    struct raft_configuration configuration;
    struct raft_buffer buffer;
    raft_configuration_init(&configuration);
    for (int i = 0; i < 3; i++) {
        if (roles[i] < 0) {
            continue;
        }
        assert_int_equal(
            raft_configuration_add(&configuration, (raft_id)(SELF + i), ADDRESSES[i], roles[i]), 0);
    }
    assert_int_equal(raft_configuration_encode(&configuration, &buffer), 0);
    raft_configuration_close(&configuration);
    out.size = (uint32_t)buffer.len;
    memcpy(out.data, buffer.base, buffer.len);
    raft_free(buffer.base);
    return out;
}

static struct consensus *core_open(void)
{
    struct consensus *consensus = NULL;
    assert_int_equal(consensus_open(&consensus, SELF, "local", SEED), STATUS_OK);
    return consensus;
}

static struct consensus_entry entry_of(const struct consensus_configuration *configuration)
{
    return (struct consensus_entry){.term = 1,
                                    .type = CONSENSUS_CONFIGURATION,
                                    .data = configuration->data,
                                    .size = configuration->size};
}

/* A start from a log that holds the configuration and `barriers` more entries of term 1. */
static enum status start_with(struct consensus *consensus,
                              const struct consensus_configuration *configuration,
                              uint32_t barriers, struct consensus_update *update)
{
    struct consensus_entry entries[8] = {entry_of(configuration)};
    for (uint32_t i = 1; i <= barriers; i++) {
        entries[i] = (struct consensus_entry){1, CONSENSUS_BARRIER, BARRIER, sizeof(BARRIER)};
    }
    const struct consensus_start start = {
        .term = TERM,
        .voted_for = SELF,
        .entry_index_first = 1,
        .entries = entries,
        .entry_count = 1 + barriers,
    };
    return consensus_start(consensus, &start, NOW_MS, update);
}

static struct consensus *leader_open(uint32_t barriers)
{
    struct consensus_configuration configuration = sole_make();
    struct consensus_update update;
    struct consensus *consensus = core_open();
    assert_int_equal(start_with(consensus, &configuration, barriers, &update), STATUS_OK);
    return consensus;
}

static enum status submit(struct consensus *consensus, uint64_t term,
                          struct consensus_update *update)
{
    const struct consensus_entry entry = {term, CONSENSUS_COMMAND, BARRIER, sizeof(BARRIER)};
    return consensus_submit(consensus, &entry, NOW_MS, update);
}

static void a_sole_configuration_names_one_voter_and_is_recognised_as_that(void **state)
{
    (void)state;
    struct consensus_configuration configuration = sole_make();
    assert_int_equal(configuration.index, 1);
    assert_true(consensus_sole_voter(configuration.data, configuration.size, SELF));
    assert_false(consensus_sole_voter(configuration.data, configuration.size, OTHER));
    assert_false(consensus_sole_voter(configuration.data, configuration.size, 0));
}

static void only_the_one_voter_is_a_sole_voter(void **state)
{
    (void)state;
    static const int ROLES[] = {RAFT_VOTER, RAFT_STANDBY, RAFT_SPARE, -1};
    for (int code = 0; code < 3 * 4 * 4; code++) {
        const int roles[3] = {ROLES[code % 3], ROLES[code / 3 % 4], ROLES[code / 12]};
        struct consensus_configuration configuration = with_roles(roles);
        bool alone = roles[1] != RAFT_VOTER && roles[2] != RAFT_VOTER;
        assert_int_equal(consensus_sole_voter(configuration.data, configuration.size, SELF),
                         roles[0] == RAFT_VOTER && alone);
    }
}

/* The bytes are version, count (u64), id (u64), address with its zero, role. */
static void a_flipped_bit_outside_the_address_makes_no_sole_voter(void **state)
{
    (void)state;
    enum { ADDRESS_BEGIN = 17 };
    struct consensus_configuration configuration = sole_make();
    uint32_t address_end = ADDRESS_BEGIN + (uint32_t)sizeof("local");
    assert_int_equal(configuration.size, address_end + 1);
    for (uint32_t bit = 0; bit < 8 * configuration.size; bit++) {
        uint8_t *byte = &configuration.data[bit / 8];
        if (bit / 8 < ADDRESS_BEGIN || bit / 8 == address_end) {
            *byte ^= (uint8_t)(1U << bit % 8);
            assert_false(consensus_sole_voter(configuration.data, configuration.size, SELF));
            *byte ^= (uint8_t)(1U << bit % 8);
        }
    }
}

static void a_sole_voter_that_starts_leads_at_once_with_its_whole_log_committed(void **state)
{
    (void)state;
    for (uint32_t barriers = 0; barriers < 7; barriers++) {
        struct consensus_configuration configuration = sole_make();
        struct consensus_update update;
        struct consensus *consensus = core_open();
        assert_int_equal(start_with(consensus, &configuration, barriers, &update), STATUS_OK);
        assert_false(update.vote_changed); /* its term is the caller's: stored before */
        assert_true(update.commit_changed);
        assert_true(update.state_changed);
        assert_int_equal(update.entry_count, 0); /* no barrier of its own: the caller's */
        assert_true(consensus_state(consensus).is_leader);
        assert_true(consensus_state(consensus).is_sole_voter);
        assert_int_equal(consensus_state(consensus).leader_id, SELF);
        assert_int_equal(consensus_state(consensus).term, TERM);
        assert_int_equal(consensus_state(consensus).voted_for, SELF);
        assert_int_equal(consensus_state(consensus).commit_index, 1 + barriers);
        consensus_close(consensus);
    }
}

static void a_start_from_a_snapshot_goes_on_behind_it(void **state)
{
    (void)state;
    struct consensus_configuration configuration = sole_make();
    const struct consensus_entry entries[] = {
        {2, CONSENSUS_BARRIER, BARRIER, sizeof(BARRIER)},
        {2, CONSENSUS_COMMAND, BARRIER, sizeof(BARRIER)},
    };
    for (uint32_t count = 0; count <= 2; count++) {
        struct consensus *consensus = core_open();
        struct consensus_update update;
        const struct consensus_start start = {
            .term = TERM,
            .voted_for = SELF,
            .snapshot_index = 100,
            .snapshot_term = 2,
            .configuration = &configuration,
            .entry_index_first = 101,
            .entries = entries,
            .entry_count = count,
        };
        assert_int_equal(consensus_start(consensus, &start, NOW_MS, &update), STATUS_OK);
        assert_true(consensus_state(consensus).is_leader);
        assert_true(consensus_state(consensus).is_sole_voter);
        assert_int_equal(consensus_state(consensus).commit_index, 100 + count);
        assert_int_equal(submit(consensus, TERM, &update), STATUS_OK);
        assert_int_equal(update.entry_index, 101 + count);
        consensus_close(consensus);
    }
}

static void what_is_submitted_is_committed_when_it_is_persisted_and_never_before(void **state)
{
    (void)state;
    enum { ENTRIES = 4 };
    struct consensus *consensus = leader_open(0);
    struct consensus_update update;
    for (uint64_t index = 2; index < 2 + ENTRIES; index++) {
        assert_int_equal(submit(consensus, TERM, &update), STATUS_OK);
        assert_int_equal(update.entry_index, index);
        assert_int_equal(update.entry_count, 1);
        assert_false(update.commit_changed);
        assert_false(update.vote_changed);
        assert_int_equal(consensus_state(consensus).commit_index, 1);
    }
    for (uint64_t index = 2; index < 2 + ENTRIES; index++) {
        assert_int_equal(
            consensus_timeout(consensus, consensus_state(consensus).timeout_ms, &update),
            STATUS_OK);
        assert_int_equal(consensus_state(consensus).commit_index,
                         index - 1); /* time commits nothing */
        assert_int_equal(consensus_persisted(consensus, index, NOW_MS, &update), STATUS_OK);
        assert_true(update.commit_changed);
        assert_int_equal(update.entry_count, 0);
        assert_int_equal(consensus_state(consensus).commit_index, index);
    }
    consensus_close(consensus);
}

static void one_report_commits_all_that_came_to_the_disk_together(void **state)
{
    (void)state;
    struct consensus *consensus = leader_open(0);
    struct consensus_update update;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(submit(consensus, TERM, &update), STATUS_OK);
    }
    assert_int_equal(consensus_persisted(consensus, 4, NOW_MS, &update), STATUS_OK);
    assert_int_equal(consensus_state(consensus).commit_index, 4);
    assert_int_equal(consensus_persisted(consensus, 6, NOW_MS, &update), STATUS_OK);
    assert_int_equal(consensus_state(consensus).commit_index, 6);
    consensus_close(consensus);
}

static void after_a_snapshot_the_log_goes_on(void **state)
{
    (void)state;
    struct consensus_configuration configuration = sole_make();
    struct consensus *consensus = leader_open(0);
    struct consensus_update update;
    for (uint64_t index = 2; index < 10; index++) {
        assert_int_equal(submit(consensus, TERM, &update), STATUS_OK);
        assert_int_equal(update.entry_index, index);
        assert_int_equal(consensus_persisted(consensus, index, NOW_MS, &update), STATUS_OK);
        assert_int_equal(
            consensus_snapshot(consensus, index, TERM, &configuration, NOW_MS, &update), STATUS_OK);
        assert_false(update.commit_changed);
        assert_int_equal(update.entry_count, 0);
        assert_int_equal(consensus_state(consensus).commit_index, index);
        assert_true(consensus_state(consensus).is_leader);
        assert_true(consensus_state(consensus).is_sole_voter);
    }
    consensus_close(consensus);
}

static void a_committed_configuration_is_taken_without_an_effect(void **state)
{
    (void)state;
    struct consensus_configuration configuration = sole_make();
    struct consensus *consensus = leader_open(0);
    struct consensus_update update;
    assert_int_equal(consensus_configuration_committed(consensus, &configuration, NOW_MS, &update),
                     STATUS_OK);
    assert_int_equal(update.entry_count, 0);
    assert_false(update.vote_changed);
    assert_true(consensus_state(consensus).is_leader);
    consensus_close(consensus);
}

static void a_configuration_entry_that_is_none_is_corrupt_and_starts_nothing(void **state)
{
    (void)state;
    enum { VERSION_AND_COUNT = 9 };
    struct consensus_configuration good = sole_make();
    for (uint32_t bit = 0; bit < 8 * VERSION_AND_COUNT; bit++) {
        struct consensus_configuration bad = good;
        struct consensus_update update;
        struct consensus *consensus = core_open();
        bad.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (bit != 8) { /* a configuration of nobody is one */
            assert_int_equal(start_with(consensus, &bad, 2, &update), STATUS_CORRUPT);
        }
        assert_false(consensus_state(consensus).is_leader);
        assert_int_equal(start_with(consensus, &good, 2, &update), STATUS_OK); /* untouched */
        assert_true(consensus_state(consensus).is_leader);
        consensus_close(consensus);
    }
}

static void a_time_out_leaves_a_sole_voter_its_office(void **state)
{
    (void)state;
    struct consensus *consensus = leader_open(2);
    struct consensus_update update;
    uint64_t now_ms = NOW_MS;
    for (int i = 0; i < 20; i++) {
        struct consensus_state before = consensus_state(consensus);
        assert_true(before.timeout_ms > now_ms);
        now_ms = before.timeout_ms + (uint64_t)(i % 3) * 10 * CONSENSUS_ELECTION_MS; /* late too */
        assert_int_equal(consensus_timeout(consensus, now_ms, &update), STATUS_OK);
        assert_false(update.vote_changed);
        assert_false(update.state_changed);
        assert_true(consensus_state(consensus).is_leader);
        assert_int_equal(consensus_state(consensus).term, TERM);
    }
    consensus_close(consensus);
}

static void a_node_that_does_not_lead_refuses_entries_and_keeps_its_state(void **state)
{
    (void)state;
    static const int TWO[3] = {RAFT_VOTER, RAFT_VOTER, -1};
    struct consensus_configuration configuration = with_roles(TWO);
    struct consensus *consensus = core_open();
    struct consensus_update update;
    assert_int_equal(submit(consensus, TERM, &update), STATUS_INVALID); /* not even started */
    assert_int_equal(start_with(consensus, &configuration, 2, &update), STATUS_OK);
    struct consensus_state before = consensus_state(consensus);
    assert_false(before.is_leader);
    assert_false(before.is_sole_voter);
    assert_int_equal(before.leader_id, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(submit(consensus, TERM, &update), STATUS_INVALID);
        struct consensus_state after = consensus_state(consensus);
        assert_int_equal(after.term, before.term);
        assert_int_equal(after.commit_index, before.commit_index);
        assert_false(after.is_leader);
    }
    consensus_close(consensus);
}

static void close_accepts_nothing_and_what_never_started(void **state)
{
    (void)state;
    consensus_close(NULL);
    consensus_close(core_open());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sole_configuration_names_one_voter_and_is_recognised_as_that),
        cmocka_unit_test(only_the_one_voter_is_a_sole_voter),
        cmocka_unit_test(a_flipped_bit_outside_the_address_makes_no_sole_voter),
        cmocka_unit_test(a_sole_voter_that_starts_leads_at_once_with_its_whole_log_committed),
        cmocka_unit_test(a_start_from_a_snapshot_goes_on_behind_it),
        cmocka_unit_test(what_is_submitted_is_committed_when_it_is_persisted_and_never_before),
        cmocka_unit_test(one_report_commits_all_that_came_to_the_disk_together),
        cmocka_unit_test(after_a_snapshot_the_log_goes_on),
        cmocka_unit_test(a_committed_configuration_is_taken_without_an_effect),
        cmocka_unit_test(a_configuration_entry_that_is_none_is_corrupt_and_starts_nothing),
        cmocka_unit_test(a_time_out_leaves_a_sole_voter_its_office),
        cmocka_unit_test(a_node_that_does_not_lead_refuses_entries_and_keeps_its_state),
        cmocka_unit_test(close_accepts_nothing_and_what_never_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
