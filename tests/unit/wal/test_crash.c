/* Crashes anywhere: after each of them the log is one of the two that it may be, and goes on. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lazy_disk.h"
#include "support/memory_disk.h"
#include "wal/wal.h"
#include "world.h"

enum { SEEDS = 150, LIVES = 25, STEPS_MAX = 40, CALLS_MAX = 60 };

static struct world world;

/* CREBITO_SEED=<n> runs one seed. */
static uint64_t seed_first(uint64_t *out_count)
{
    const char *text = getenv("CREBITO_SEED");
    *out_count = text == NULL ? SEEDS : 1;
    return text == NULL ? 1 : strtoull(text, NULL, 10);
}

static uint64_t seed_running;

static void seed_print(void)
{
    if (seed_running > 0) {
        print_error("replay with CREBITO_SEED=%" PRIu64 "\n", seed_running);
    }
}

static uint64_t below(uint64_t limit)
{
    return world_random(&world) % limit;
}

/* One of the ways in which a disk fails, at one of the next calls; or none. */
static void failure_ask(void)
{
    uint64_t call = 1 + below(CALLS_MAX);
    switch (below(4)) {
    case 0:
        memory_disk_fail_change(world.memory, call, MEMORY_DISK_ONCE);
        break;
    case 1:
        memory_disk_fail_change(world.memory, call, MEMORY_DISK_FOR_GOOD);
        break;
    case 2:
        lazy_disk_fail(world.disk, 1 + call / 4, (enum lazy_disk_cut)below(3),
                       world_random(&world));
        break;
    default:
        break;
    }
}

static void failure_forget(void)
{
    memory_disk_fail_change(world.memory, 0, MEMORY_DISK_ONCE);
    lazy_disk_fail(world.disk, 0, LAZY_DISK_WHOLE, 0);
}

/* The process is gone; maybe the machine was. */
static void end(void)
{
    world_kill(&world);
    failure_forget();
    if (below(2) == 0) {
        memory_disk_crash(world.memory, world_random(&world));
    }
}

/* True if a start that may be cut off in what it writes came through. */
static bool start_try(void)
{
    failure_ask();
    enum status status = world_try_open(&world);
    if (status == STATUS_OK) {
        return true;
    }
    if (status != STATUS_IO) {
        print_error("%s", world.log);
    }
    assert_int_equal(status, STATUS_IO);
    end();
    return false;
}

/* Starts until a start succeeds. */
static void start(void)
{
    for (uint64_t left = below(4); left > 0; left--) {
        if (start_try()) {
            return;
        }
    }
    world_open(&world);
}

static enum status append_some(void)
{
    uint64_t count = 1 + below(4);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t index = world.appended.last + 1;
        uint64_t replaceable = world.appended.last - world.snapshot;
        if (replaceable > 0 && below(8) == 0) {
            index -= 1 + below(replaceable < 12 ? replaceable : 12);
        }
        if (world_try_append(&world, index, 1 + world_random(&world) % 1000000007) != STATUS_OK) {
            return world_try_write(&world);
        }
    }
    return STATUS_OK;
}

static void release_some(void)
{
    uint64_t durable = wal_index_durable(world.wal);
    if (durable > world.snapshot) {
        world_release(&world, world.snapshot + 1 + below(durable - world.snapshot));
    }
}

static enum status step(void)
{
    uint64_t choice = below(8);
    if (choice < 3) {
        return append_some();
    }
    if (choice == 3) {
        release_some();
        return STATUS_OK;
    }
    return world_try_write(&world);
}

static void live(void)
{
    uint64_t steps = below(STEPS_MAX);
    for (uint64_t i = 0; i < steps && world.appended.last + 64 < WORLD_ENTRIES_MAX; i++) {
        if (step() != STATUS_OK) {
            return;
        }
    }
}

static void run(uint64_t seed)
{
    world_init(&world, seed);
    for (uint32_t life = 0; life < LIVES; life++) {
        start();
        if (below(3) > 0) {
            failure_ask();
        }
        live();
        end();
    }
    world_open(&world);
    world_deinit(&world);
}

static void test_nothing_durable_is_lost_in_any_crash(void **state)
{
    (void)state;
    uint64_t count;
    uint64_t first = seed_first(&count);
    for (uint64_t seed = first; seed < first + count; seed++) {
        seed_running = seed;
        run(seed);
    }
    seed_running = 0;
}

/* ---- Each call fails in turn ---- */

/* A log that is opened, written to through a segment's end with a segment recycled, shut and opened
 * again. Stops at the first failure. */
static enum status story(void)
{
    enum status status = world_try_open(&world);
    for (uint32_t i = 0; i < 40 && status == STATUS_OK; i++) {
        uint64_t number = 1;
        while (world_entry_size(number) < 4200) {
            number++;
        }
        world_append(&world, world.appended.last + 1, number + i % 3 * 1000);
        status = world_try_write(&world);
        if (status == STATUS_OK && i == 25) {
            world_release(&world, world.durable.last - 2);
        }
    }
    if (status == STATUS_OK) {
        world_kill(&world);
        status = world_try_open(&world);
    }
    return status;
}

/* True if the failure that was asked for happened. */
static bool story_fails(uint64_t call, uint32_t variant)
{
    world_init(&world, call);
    memory_disk_fail_change(world.memory, call,
                            variant % 2 == 0 ? MEMORY_DISK_ONCE : MEMORY_DISK_FOR_GOOD);
    enum status status = story();
    bool failed = memory_disk_has_failed(world.memory);
    assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
    world_kill(&world);
    failure_forget();
    if (variant >= 2) {
        memory_disk_crash(world.memory, call * 8 + variant);
    }
    world_open(&world);
    world_append(&world, world.appended.last + 1, 17);
    world_write(&world);
    world_kill(&world);
    world_open(&world);
    world_deinit(&world);
    return failed;
}

static void test_each_call_may_fail(void **state)
{
    (void)state;
    bool failed = true;
    uint64_t call = 1;
    for (; failed; call++) {
        for (uint32_t variant = 0; variant < 8; variant++) {
            failed = story_fails(call, variant);
        }
    }
    assert_true(call > 50);
}

static void test_each_read_may_fail(void **state)
{
    (void)state;
    world_init(&world, 1);
    assert_int_equal(story(), STATUS_OK);
    world_kill(&world);
    bool failed = true;
    uint64_t call = 1;
    for (; failed; call++) {
        memory_disk_fail_read(world.memory, call, MEMORY_DISK_ONCE);
        enum status status = world_try_open(&world);
        failed = memory_disk_has_failed(world.memory);
        assert_int_equal(status, failed ? STATUS_IO : STATUS_OK);
        world_kill(&world);
    }
    assert_true(call > 4);
    world_deinit(&world);
}

/* ---- A start that is cut off in what it writes, again and again ---- */

/* The last group, then the repeats of three starts, reach the page cache only; then the power is
 * lost. Whatever is left of them, the log is the one with or the one without the last group, and once
 * a start has come through it stays the one that this start showed. */
static void test_a_start_may_crash_in_its_own_rewrite(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        world_init(&world, seed);
        world_open(&world);
        for (uint64_t i = 0; i < 1 + seed % 17; i++) {
            world_append(&world, world.appended.last + 1, 1 + below(1000));
            world_write(&world);
        }
        world_append(&world, world.appended.last + (seed % 2), 1 + below(1000));
        lazy_disk_fail(world.disk, 1, (enum lazy_disk_cut)(seed % 3), seed);
        assert_int_equal(world_try_write(&world), STATUS_IO);
        for (uint32_t i = 0; i < seed % 4; i++) {
            world_kill(&world);
            lazy_disk_fail(world.disk, 1, (enum lazy_disk_cut)below(3), world_random(&world));
            assert_int_equal(world_try_open(&world), STATUS_IO);
        }
        world_kill(&world);
        if (seed % 5 == 0) {
            memory_disk_crash(world.memory, seed);
        }
        world_open(&world); /* now it is decided */
        if (seed % 7 < 3) {
            world_append(&world, world.appended.last + 1, 5);
            world_write(&world);
        } else if (seed % 7 == 3) {
            world_write(&world);
        }
        world_kill(&world);
        memory_disk_crash(world.memory, seed + 1);
        world_open(&world);
        world_deinit(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_durable_is_lost_in_any_crash),
        cmocka_unit_test(test_each_call_may_fail),
        cmocka_unit_test(test_each_read_may_fail),
        cmocka_unit_test(test_a_start_may_crash_in_its_own_rewrite),
    };
    (void)atexit(seed_print); /* names the seed that failed, if one did */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
