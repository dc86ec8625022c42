#include "wal/vote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lazy_disk.h"
#include "support/memory_disk.h"
#include "world.h"

enum { COPY_SIZE = 4096, USED_SIZE = 40 };

static const char *const NAMES[] = {"vote-a", "vote-b"};

static struct disk *memory;
static struct disk *disk;

static int setup(void **state)
{
    (void)state;
    memory = memory_disk_open();
    disk = lazy_disk_open(memory);
    assert_int_equal(vote_create(disk, &(struct vote){.term = 3, .voted_for = 7}), STATUS_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lazy_disk_close(disk);
    memory_disk_close(memory);
    return 0;
}

static void expect_vote(uint64_t term, uint64_t voted_for)
{
    struct vote vote = {.term = 99};
    assert_int_equal(vote_load(disk, &vote), STATUS_OK);
    assert_int_equal(vote.term, term);
    assert_int_equal(vote.voted_for, voted_for);
}

static void expect_damage(const char *reason)
{
    char log[1024];
    struct vote vote = {.term = 99, .voted_for = 98};
    struct memory_disk_counts before = memory_disk_counts(memory);
    world_log_begin();
    enum status status = vote_load(disk, &vote);
    world_log_end(log, sizeof(log));
    assert_int_equal(status, STATUS_CORRUPT);
    assert_non_null(strstr(log, "vote-damaged file=vote-"));
    assert_non_null(strstr(log, reason));
    assert_int_equal(vote.term, 99);
    assert_int_equal(vote.voted_for, 98);
    assert_int_equal(memory_disk_counts(memory).durable_writes, before.durable_writes);
}

static void store(uint64_t term, uint64_t voted_for)
{
    struct vote vote = {.term = term, .voted_for = voted_for};
    assert_int_equal(vote_store(disk, &vote), STATUS_OK);
}

static void test_what_was_stored_is_loaded(void **state)
{
    (void)state;
    expect_vote(3, 7);
    store(4, 0);
    expect_vote(4, 0);
    store(4, UINT64_MAX);
    expect_vote(4, UINT64_MAX);
    memory_disk_crash(memory, 1);
    expect_vote(4, UINT64_MAX);
}

static void test_a_created_vote_survives_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        teardown(NULL);
        setup(NULL);
        memory_disk_crash(memory, seed);
        expect_vote(3, 7);
    }
}

static void test_a_flipped_byte_of_one_copy_is_repaired(void **state)
{
    (void)state;
    for (uint32_t name = 0; name < 2; name++) {
        for (uint64_t offset = 0; offset < COPY_SIZE; offset++) {
            memory_disk_flip(memory, NAMES[name], offset, 1);
            expect_vote(3, 7);
            memory_disk_flip(memory, NAMES[1 - name], offset, 1); /* now the other one */
            expect_vote(3, 7);
        }
    }
}

static void test_a_cut_copy_is_repaired(void **state)
{
    (void)state;
    for (uint32_t name = 0; name < 2; name++) {
        for (uint64_t size = 0; size < COPY_SIZE; size += 7) {
            memory_disk_cut(memory, NAMES[name], size);
            expect_vote(3, 7);
        }
    }
}

static void test_two_bad_copies_are_damage(void **state)
{
    (void)state;
    memory_disk_flip(memory, "vote-a", 30, 1);
    memory_disk_flip(memory, "vote-b", 4095, 1);
    expect_damage("bad, and vote-b too");
    char log[1024];
    world_log_begin();
    enum status status = vote_store(disk, &(struct vote){.term = 9});
    world_log_end(log, sizeof(log));
    assert_int_equal(status, STATUS_CORRUPT);
}

static void test_a_missing_copy_is_damage(void **state)
{
    (void)state;
    for (uint32_t name = 0; name < 2; name++) {
        teardown(NULL);
        setup(NULL);
        assert_int_equal(memory->operations->remove(memory, NAMES[name]), STATUS_OK);
        expect_damage("missing");
    }
}

static void copies_put(const struct vote *a, const struct vote *b)
{
    static uint8_t bytes[COPY_SIZE];
    uint64_t size;
    store(a->term, a->voted_for);
    memcpy(bytes, memory_disk_bytes(memory, "vote-a", &size), COPY_SIZE);
    store(b->term, b->voted_for);
    memory_disk_put(memory, "vote-a", bytes, COPY_SIZE);
}

static void test_the_higher_term_holds_then_the_copy_with_a_vote(void **state)
{
    (void)state;
    copies_put(&(struct vote){5, 1}, &(struct vote){6, 0});
    expect_vote(6, 0);
    copies_put(&(struct vote){8, 0}, &(struct vote){7, 2});
    expect_vote(8, 0);
    copies_put(&(struct vote){9, 0}, &(struct vote){9, 4});
    expect_vote(9, 4);
    copies_put(&(struct vote){10, 5}, &(struct vote){10, 0});
    expect_vote(10, 5);
    copies_put(&(struct vote){11, 5}, &(struct vote){11, 6});
    expect_damage("two votes in term 11");
}

/* True if the failure that was asked for happened. */
static bool story_fails(uint64_t call, uint64_t seed)
{
    struct vote vote = {.term = 4, .voted_for = 1};
    teardown(NULL);
    setup(NULL);
    memory_disk_fail_change(memory, call, seed % 2 == 0 ? MEMORY_DISK_ONCE : MEMORY_DISK_FOR_GOOD);
    enum status status = vote_store(disk, &vote);
    bool stored = status == STATUS_OK;
    if (stored) {
        status = vote_load(disk, &vote);
    }
    bool failed = memory_disk_has_failed(memory);
    assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
    memory_disk_fail_change(memory, 0, MEMORY_DISK_ONCE);
    if (seed >= 4) {
        memory_disk_crash(memory, seed);
    }
    assert_int_equal(vote_load(disk, &vote), STATUS_OK);
    assert_true(vote.term == 4 || (vote.term == 3 && !stored));
    return failed;
}

static void test_each_call_of_storing_and_loading_may_fail(void **state)
{
    (void)state;
    bool failed = true;
    for (uint64_t call = 1; failed; call++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            failed = story_fails(call, seed);
        }
    }
}

/* A copy that reads as whole may be bad on the disk: it was written in part, then again in whole, and
 * neither reached the disk for certain. The next start must not begin with the other copy. */
static void test_the_copy_written_last_is_written_first(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct vote vote = {.term = 4, .voted_for = 4};
        teardown(NULL);
        setup(NULL);
        lazy_disk_fail(disk, 1 + seed % 2, LAZY_DISK_PART, 14);
        assert_int_equal(vote_store(disk, &vote), STATUS_IO);
        lazy_disk_fail(disk, 1, LAZY_DISK_WHOLE, 0);
        assert_int_equal(vote_load(disk, &vote), STATUS_IO);
        lazy_disk_fail(disk, 1, LAZY_DISK_PART, 14);
        assert_int_equal(vote_load(disk, &vote), STATUS_IO);
        memory_disk_crash(memory, seed);
        expect_vote(seed % 2 == 0 ? 3 : 4, seed % 2 == 0 ? 7 : 4);
    }
}

struct history {
    uint64_t random;
    uint64_t confirmed; /* the newest term that a store or a load came back with */
    uint64_t tried;     /* the newest that a store was asked for since */
};

static uint64_t next(struct history *history, uint64_t limit)
{
    history->random = history->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (history->random >> 33) % limit;
}

static void failure_ask(struct history *history)
{
    uint64_t call = next(history, 4);
    enum lazy_disk_cut cut = (enum lazy_disk_cut)next(history, 3);
    lazy_disk_fail(disk, call, cut, next(history, USED_SIZE)); /* a cut behind them cuts nothing */
}

static void failure_forget(void)
{
    lazy_disk_fail(disk, 0, LAZY_DISK_WHOLE, 0);
}

static enum status load(struct history *history)
{
    struct vote vote;
    enum status status = vote_load(disk, &vote);
    assert_int_not_equal(status, STATUS_CORRUPT);
    if (status == STATUS_OK) {
        assert_true(vote.term >= history->confirmed && vote.term <= history->tried);
        assert_int_equal(vote.voted_for, vote.term == 3 ? 7 : vote.term);
        history->confirmed = vote.term;
        history->tried = vote.term;
    }
    return status;
}

/* A life of a node: it starts, stores votes until that fails, and is gone; maybe its machine is. */
static void live(struct history *history)
{
    failure_ask(history);
    enum status status = load(history);
    while (status == STATUS_OK && next(history, 3) > 0) {
        history->tried++;
        failure_ask(history);
        status = vote_store(disk, &(struct vote){history->tried, history->tried});
        history->confirmed = status == STATUS_OK ? history->tried : history->confirmed;
    }
    failure_forget();
    if (next(history, 2) == 0) {
        memory_disk_crash(memory, next(history, UINT32_MAX));
    }
}

/* Stores and loads are cut off in the page cache, any of them in any copy, and power is lost at any
 * time: never are both copies bad, and never is a vote older than the last that was confirmed. */
static void test_one_copy_is_always_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct history history = {.random = seed << 20, .confirmed = 3, .tried = 3};
        teardown(NULL);
        setup(NULL);
        for (uint32_t i = 0; i < 6; i++) {
            live(&history);
        }
        memory_disk_crash(memory, seed);
        assert_int_equal(load(&history), STATUS_OK);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_stored_is_loaded),
        TEST(test_a_created_vote_survives_at_once),
        TEST(test_a_flipped_byte_of_one_copy_is_repaired),
        TEST(test_a_cut_copy_is_repaired),
        TEST(test_two_bad_copies_are_damage),
        TEST(test_a_missing_copy_is_damage),
        TEST(test_the_higher_term_holds_then_the_copy_with_a_vote),
        TEST(test_each_call_of_storing_and_loading_may_fail),
        TEST(test_the_copy_written_last_is_written_first),
        TEST(test_one_copy_is_always_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
