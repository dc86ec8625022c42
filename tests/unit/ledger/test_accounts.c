#include "ledger/accounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support.h"

static struct accounts *open_accounts(uint32_t count_max, uint64_t seed)
{
    struct accounts *accounts = NULL;
    assert_int_equal(accounts_open(&accounts, count_max, seed), STATUS_OK);
    return accounts;
}

static void test_an_account_begins_with_its_limit_and_nothing_else(void **state)
{
    (void)state;
    struct accounts *accounts = open_accounts(10, 1);
    assert_null(accounts_find(accounts, 7));
    assert_int_equal(accounts_count(accounts), 0);
    assert_int_equal(accounts_add(accounts, 7, 1000), STATUS_OK);
    assert_int_equal(accounts_count(accounts), 1);
    struct account *account = accounts_find(accounts, 7);
    assert_non_null(account);
    assert_ptr_equal(account, accounts_get(accounts, 0));
    assert_true(account->id == 7 && account->limit == 1000 && account->balance == 0);
    assert_true(account->place == 0 && account->record_last == 0);
    accounts_close(accounts);
}

static void test_the_smallest_and_the_largest_id_are_ids_like_others(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct accounts *accounts = open_accounts(2, seed);
        assert_null(accounts_find(accounts, 0));
        assert_null(accounts_find(accounts, UINT64_MAX));
        assert_int_equal(accounts_add(accounts, 0, 1), STATUS_OK);
        assert_null(accounts_find(accounts, UINT64_MAX));
        assert_int_equal(accounts_add(accounts, UINT64_MAX, 2), STATUS_OK);
        assert_int_equal(accounts_find(accounts, 0)->limit, 1);
        assert_int_equal(accounts_find(accounts, UINT64_MAX)->limit, 2);
        accounts_close(accounts);
    }
}

/* Small tables collide all the time: every size up to 300, each filled to its last account. */
static void test_a_full_table_finds_all_of_its_accounts_and_no_other(void **state)
{
    (void)state;
    for (uint32_t count_max = 1; count_max <= 300; count_max++) {
        struct accounts *accounts = open_accounts(count_max, count_max * UINT64_C(77777));
        for (uint32_t i = 0; i < count_max; i++) {
            assert_null(accounts_find(accounts, i * UINT64_C(1000)));
            assert_int_equal(accounts_add(accounts, i * UINT64_C(1000), (int64_t)i), STATUS_OK);
        }
        assert_int_equal(accounts_add(accounts, 1, 1), STATUS_FULL);
        assert_int_equal(accounts_count(accounts), count_max);
        for (uint32_t i = 0; i < count_max; i++) {
            assert_ptr_equal(accounts_find(accounts, i * UINT64_C(1000)),
                             accounts_get(accounts, i));
            assert_int_equal(accounts_get(accounts, i)->limit, i);
            assert_null(accounts_find(accounts, i * UINT64_C(1000) + 1));
        }
        accounts_close(accounts);
    }
}

static void test_an_account_stays_where_it_is(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct accounts *accounts = open_accounts(COUNT, 3);
    assert_int_equal(accounts_add(accounts, 42, 5), STATUS_OK);
    struct account *account = accounts_find(accounts, 42);
    account->balance = -3;
    for (uint64_t i = 1; i < COUNT; i++) {
        assert_int_equal(accounts_add(accounts, 42 + i, 0), STATUS_OK);
    }
    assert_ptr_equal(accounts_find(accounts, 42), account);
    assert_int_equal(account->balance, -3);
    accounts_close(accounts);
}

/* Ids of a pattern that a weak hash would put on each other: multiples of large powers of two. */
static void test_ids_of_a_pattern_spread(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    for (uint32_t shift = 0; shift <= 48; shift += 8) {
        struct accounts *accounts = open_accounts(COUNT, 5);
        for (uint64_t i = 0; i < COUNT; i++) {
            assert_int_equal(accounts_add(accounts, i << shift, 0), STATUS_OK);
        }
        for (uint64_t i = 0; i < COUNT; i++) {
            assert_ptr_equal(accounts_find(accounts, i << shift),
                             accounts_get(accounts, (uint32_t)i));
        }
        accounts_close(accounts);
    }
}

static void test_memory_is_what_was_promised_for_each_account(void **state)
{
    (void)state;
    enum { COUNT = 1000 * 1000, BYTES_EACH = 54 };
    uint64_t before = memory_resident();
    struct accounts *accounts = open_accounts(COUNT, 9);
    assert_in_range(memory_resident() - before, 0, 1024 * 1024); /* nothing before it fills */
    uint64_t random = 1;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(accounts_add(accounts, random_next(&random), 0), STATUS_OK);
    }
    assert_in_range(memory_resident() - before, 0, (uint64_t)COUNT * BYTES_EACH);
    accounts_close(accounts);
}

static void test_close_accepts_nothing(void **state)
{
    (void)state;
    accounts_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_account_begins_with_its_limit_and_nothing_else),
        cmocka_unit_test(test_the_smallest_and_the_largest_id_are_ids_like_others),
        cmocka_unit_test(test_a_full_table_finds_all_of_its_accounts_and_no_other),
        cmocka_unit_test(test_an_account_stays_where_it_is),
        cmocka_unit_test(test_ids_of_a_pattern_spread),
        cmocka_unit_test(test_memory_is_what_was_promised_for_each_account),
        cmocka_unit_test(test_close_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
