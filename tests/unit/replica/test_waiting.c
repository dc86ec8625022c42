#include "replica/waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

enum { REQUESTS = 6 };

struct crowd {
    struct waiting *waiting;
    struct replica_transaction requests[REQUESTS];
};

/* `bucket_word` is the part of an id that chooses its bucket. */
static void id_set(struct replica_transaction *request, uint32_t bucket_word, uint32_t rest)
{
    memset(request->command.id, 0, RECORD_ID_SIZE);
    bytes_put_u32(request->command.id + 8, bucket_word);
    bytes_put_u32(request->command.id, rest);
}

/* Ids that all fall into one bucket, in two ways: the same word, and words that are a round apart. */
static struct crowd crowd_make(void)
{
    struct crowd crowd = {.waiting = calloc(1, sizeof(struct waiting))};
    assert_non_null(crowd.waiting);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        id_set(&crowd.requests[i], 5 + i % 2 * WAITING_BUCKETS, i);
        crowd.requests[i].command.stamp = i;
    }
    return crowd;
}

static void all_queue(struct crowd *crowd)
{
    for (uint32_t i = 0; i < REQUESTS; i++) {
        waiting_queue(crowd->waiting, &crowd->requests[i]);
    }
}

static void all_submit(struct crowd *crowd)
{
    all_queue(crowd);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        waiting_submit(crowd->waiting, &crowd->requests[i]);
    }
}

/* The list holds the requests of the mask, in order of their number, in both directions. */
static void expect_list(const struct crowd *crowd, const struct waiting_list *list, uint32_t mask)
{
    const struct replica_transaction *before = NULL;
    const struct replica_transaction *at = list->first;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if ((mask & 1U << i) != 0) {
            assert_ptr_equal(at, &crowd->requests[i]);
            assert_ptr_equal(at->previous, before);
            before = at;
            at = at->next;
        }
    }
    assert_null(at);
    assert_ptr_equal(list->last, before);
}

static void expect_submitted(const struct crowd *crowd, uint32_t mask)
{
    expect_list(crowd, &crowd->waiting->submitted, mask);
    assert_int_equal(crowd->waiting->submitted_count, __builtin_popcount(mask));
    for (uint32_t i = 0; i < REQUESTS; i++) {
        const struct replica_transaction *request = &crowd->requests[i];
        bool here = (mask & 1U << i) != 0;
        assert_ptr_equal(waiting_find(crowd->waiting, request->command.id, NULL),
                         here ? request : NULL);
        assert_int_equal(request->state, here ? REPLICA_REQUEST_SUBMITTED : REPLICA_REQUEST_FREE);
    }
}

static void requests_are_queued_and_submitted_in_order_of_arrival(void **state)
{
    (void)state;
    struct crowd crowd = crowd_make();
    for (uint32_t i = 0; i < REQUESTS; i++) {
        expect_list(&crowd, &crowd.waiting->queued, (1U << i) - 1);
        assert_int_equal(crowd.waiting->queued_count, i);
        waiting_queue(crowd.waiting, &crowd.requests[i]);
        assert_int_equal(crowd.requests[i].state, REPLICA_REQUEST_QUEUED);
    }
    for (uint32_t i = 0; i < REQUESTS; i++) {
        waiting_submit(crowd.waiting, &crowd.requests[i]);
        expect_list(&crowd, &crowd.waiting->submitted, (2U << i) - 1);
        expect_list(&crowd, &crowd.waiting->queued, (1U << REQUESTS) - (2U << i));
        assert_int_equal(crowd.waiting->queued_count, REQUESTS - 1 - i);
        assert_int_equal(crowd.waiting->submitted_count, i + 1);
    }
    free(crowd.waiting);
}

static void a_request_is_found_by_its_id_only_while_it_is_in_an_entry(void **state)
{
    (void)state;
    struct crowd crowd = crowd_make();
    const uint8_t *id = crowd.requests[3].command.id;
    assert_null(waiting_find(crowd.waiting, id, NULL));
    all_queue(&crowd);
    assert_null(waiting_find(crowd.waiting, id, NULL));
    waiting_submit(crowd.waiting, &crowd.requests[3]);
    assert_ptr_equal(waiting_find(crowd.waiting, id, NULL), &crowd.requests[3]);
    waiting_remove(crowd.waiting, &crowd.requests[3]);
    assert_null(waiting_find(crowd.waiting, id, NULL));
    free(crowd.waiting);
}

static void every_bit_of_an_id_matters(void **state)
{
    (void)state;
    struct crowd crowd = crowd_make();
    uint8_t id[RECORD_ID_SIZE];
    waiting_queue(crowd.waiting, &crowd.requests[0]);
    waiting_submit(crowd.waiting, &crowd.requests[0]);
    memcpy(id, crowd.requests[0].command.id, sizeof(id));
    for (uint32_t bit = 0; bit < 8 * RECORD_ID_SIZE; bit++) {
        id[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_null(waiting_find(crowd.waiting, id, NULL));
        id[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_ptr_equal(waiting_find(crowd.waiting, id, NULL), &crowd.requests[0]);
    free(crowd.waiting);
}

/* The number of the n-th request of the mask. */
static uint32_t nth_of(uint32_t mask, uint32_t n)
{
    uint32_t number = 0;
    while ((mask & 1U << number) == 0 || n-- > 0) {
        number++;
    }
    return number;
}

/* All ids are in one bucket: its chain is cut at its head, its middle and its end. */
static void every_order_of_removal_leaves_the_others_where_they_are(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 6 * 5 * 4 * 3 * 2; code++) {
        struct crowd crowd = crowd_make();
        uint32_t mask = (1U << REQUESTS) - 1;
        uint32_t rest = code;
        all_submit(&crowd);
        for (uint32_t left = REQUESTS; left > 0; left--) {
            uint32_t victim = nth_of(mask, rest % left);
            rest /= left;
            waiting_remove(crowd.waiting, &crowd.requests[victim]);
            mask &= ~(1U << victim);
            expect_submitted(&crowd, mask);
        }
        free(crowd.waiting);
    }
}

static void a_queued_request_can_be_taken_out_anywhere_and_come_again(void **state)
{
    (void)state;
    for (uint32_t victim = 0; victim < REQUESTS; victim++) {
        struct crowd crowd = crowd_make();
        all_queue(&crowd);
        waiting_remove(crowd.waiting, &crowd.requests[victim]);
        assert_int_equal(crowd.requests[victim].state, REPLICA_REQUEST_FREE);
        assert_int_equal(crowd.waiting->queued_count, REQUESTS - 1);
        expect_list(&crowd, &crowd.waiting->queued, ((1U << REQUESTS) - 1) & ~(1U << victim));
        waiting_queue(crowd.waiting, &crowd.requests[victim]);
        assert_ptr_equal(crowd.waiting->queued.last, &crowd.requests[victim]);
        free(crowd.waiting);
    }
}

/* Two tries of one request: an expired command concerns only the one with its stamp. */
static void of_equal_ids_the_stamp_chooses(void **state)
{
    (void)state;
    struct crowd crowd = crowd_make();
    const uint64_t unknown = 77;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        id_set(&crowd.requests[i], 5, 9);
    }
    all_submit(&crowd);
    const uint8_t *id = crowd.requests[0].command.id;
    for (uint64_t stamp = 0; stamp < REQUESTS; stamp++) {
        assert_ptr_equal(waiting_find(crowd.waiting, id, &stamp), &crowd.requests[stamp]);
    }
    assert_null(waiting_find(crowd.waiting, id, &unknown));
    for (uint32_t left = REQUESTS; left > 0; left--) { /* each of them is found, once */
        struct replica_transaction *found = waiting_find(crowd.waiting, id, NULL);
        assert_non_null(found);
        waiting_remove(crowd.waiting, found);
    }
    assert_null(waiting_find(crowd.waiting, id, NULL));
    free(crowd.waiting);
}

static void a_full_house_is_found_and_emptied(void **state)
{
    (void)state;
    enum { MANY = 3 * WAITING_BUCKETS };
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    struct replica_transaction *requests = calloc(MANY, sizeof(*requests));
    assert_non_null(waiting);
    assert_non_null(requests);
    for (uint32_t i = 0; i < MANY; i++) {
        id_set(&requests[i], i, 0);
        waiting_queue(waiting, &requests[i]);
        waiting_submit(waiting, &requests[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t at = (uint32_t)(((uint64_t)i * 4801) % MANY); /* all, in a scattered order */
        assert_ptr_equal(waiting_find(waiting, requests[at].command.id, NULL), &requests[at]);
        waiting_remove(waiting, &requests[at]);
        assert_null(waiting_find(waiting, requests[at].command.id, NULL));
    }
    assert_null(waiting->submitted.first);
    assert_int_equal(waiting->submitted_count, 0);
    free(requests);
    free(waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_queued_and_submitted_in_order_of_arrival),
        cmocka_unit_test(a_request_is_found_by_its_id_only_while_it_is_in_an_entry),
        cmocka_unit_test(every_bit_of_an_id_matters),
        cmocka_unit_test(every_order_of_removal_leaves_the_others_where_they_are),
        cmocka_unit_test(a_queued_request_can_be_taken_out_anywhere_and_come_again),
        cmocka_unit_test(of_equal_ids_the_stamp_chooses),
        cmocka_unit_test(a_full_house_is_found_and_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
