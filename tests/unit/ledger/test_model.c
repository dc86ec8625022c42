/* test_model.c -- the ledger against the model: the same outcome, record and index at every one of
 * hundreds of thousands of random commands, made so that every rule decides often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/ledger.h"
#include "model.h"
#include "support.h"

enum { STEPS = 60 * 1000, STEPS_AFTER_LOAD = 5000, SEEDS = 4 };

/* One more than the model has room for, and ids at both ends. */
static const uint64_t ACCOUNT_IDS[] = {0, 1, 2, 3, 4, UINT64_MAX, UINT64_MAX - 1, 1000, 77};
enum { ACCOUNT_ID_COUNT = sizeof(ACCOUNT_IDS) / sizeof(ACCOUNT_IDS[0]) };

/* How often each thing happened: a test that never expires an id says nothing about it. */
struct tally {
    uint32_t outcomes[4];
    uint32_t kinds[RECORD_REFUSED + 1];
    uint32_t reasons[3];
    uint32_t repeats_at_the_edge; /* of the oldest record of the window */
    uint32_t forgotten_decided;   /* an id of a record just beyond the window */
    uint32_t limit_reached;       /* balance == -limit */
    uint32_t range_reached;       /* balance == AMOUNT_MAX */
};

struct world {
    struct model model;
    struct ledger *ledger;
    struct ledger *loaded; /* NULL until it was loaded */
    struct tally tally;
    uint64_t random;
    uint64_t time_us;
    uint64_t log_index;
    uint64_t id_next;
};

static uint64_t below(struct world *w, uint64_t count)
{
    return random_below(&w->random, count);
}

static int64_t amount_choose(struct world *w, uint64_t account_id, bool debit)
{
    const struct account *account = model_account(&w->model, account_id);
    int64_t amount = (int64_t)below(w, 3000) + 1;
    switch (below(w, 8)) {
    case 0: /* to the boundary, one beyond or one before */
        if (account == NULL) {
            break;
        }
        amount = debit ? account->balance + account->limit : AMOUNT_MAX - account->balance;
        amount += (int64_t)below(w, 3) - 1;
        break;
    case 1:
        amount = AMOUNT_MAX - (int64_t)below(w, 3);
        break;
    case 2:
        amount = (int64_t)below(w, (uint64_t)AMOUNT_MAX) + 1;
        break;
    default:
        break;
    }
    amount = amount < 1 ? 1 : amount;
    return amount > AMOUNT_MAX ? AMOUNT_MAX : amount;
}

/* The id of a record of about one window ago, or of a recent one. */
static void id_repeat(struct world *w, struct command *command)
{
    uint64_t window = model_window(&w->model);
    uint64_t age = below(w, 2) == 0 ? window - 2 + below(w, 5) : 1 + below(w, window);
    if (age <= w->model.length) {
        memcpy(command->id, w->model.records[w->model.length - age].id, RECORD_ID_SIZE);
    }
}

static uint64_t stamp_choose(struct world *w)
{
    uint64_t half = model_window(&w->model) / 2;
    uint64_t age = 0;
    switch (below(w, 8)) {
    case 0: /* about the age at which it expires */
        age = half - 2 + below(w, 5);
        break;
    case 1:
        return below(w, 2) == 0 ? w->model.length + below(w, 100) : UINT64_MAX - below(w, 2);
    case 2:
        age = below(w, 2 * w->model.length + 1);
        break;
    default:
        age = below(w, half + 1);
        break;
    }
    return age <= w->model.length ? w->model.length - age : 0;
}

static struct command transaction_choose(struct world *w)
{
    uint64_t account = ACCOUNT_IDS[below(w, ACCOUNT_ID_COUNT)];
    bool debit = below(w, 2) == 0;
    int64_t amount = amount_choose(w, account, debit);
    struct command command = debit ? command_debit(account, amount, w->id_next)
                                   : command_credit(account, amount, w->id_next);
    w->id_next++;
    command.stamp = stamp_choose(w);
    command.description_size = (uint8_t)(1 + below(w, RECORD_DESCRIPTION_SIZE_MAX));
    for (uint32_t i = 0; i < command.description_size; i++) {
        command.description[i] = (char)below(w, 256);
    }
    memset(command.description + command.description_size, 0,
           RECORD_DESCRIPTION_SIZE_MAX - command.description_size);
    if (w->model.length > 0 && below(w, 5) == 0) {
        id_repeat(w, &command);
    }
    return command;
}

static struct command command_choose(struct world *w)
{
    static const int64_t LIMITS[] = {0, 1, 100, 100000, AMOUNT_MAX};
    if (w->model.length == 0 && below(w, 3) == 0) {
        return command_found(WINDOW_MIN + (uint32_t)below(w, 3));
    }
    switch (below(w, 200)) {
    case 0:
        return command_found(WINDOW_MIN);
    case 1:
        return below(w, 3) == 0 ? command_file_done() : command_found(WINDOW_MAX);
    case 2:
    case 3:
        return command_open(ACCOUNT_IDS[below(w, ACCOUNT_ID_COUNT)], LIMITS[below(w, 5)]);
    default:
        return transaction_choose(w);
    }
}

static void tally_record(struct world *w, const struct record *record, uint64_t index)
{
    struct tally *tally = &w->tally;
    tally->kinds[record->kind]++;
    tally->reasons[record->reason]++;
    tally->limit_reached += record->kind == RECORD_DEBIT && record->balance == -record->limit;
    tally->range_reached += record->kind == RECORD_CREDIT && record->balance == AMOUNT_MAX;
    uint64_t window = model_window(&w->model);
    if (index > window) {
        const struct record *forgotten = &w->model.records[index - window - 1];
        tally->forgotten_decided +=
            record->type != 0 && memcmp(forgotten->id, record->id, RECORD_ID_SIZE) == 0;
    }
}

static void ledger_expect(struct ledger *ledger, struct world *w, const struct command *command,
                          enum outcome outcome, uint64_t index)
{
    struct record record;
    memset(&record, 0xee, sizeof(record));
    struct record untouched = record;
    uint64_t at = UINT64_MAX;
    assert_int_equal(ledger_apply(ledger, command, w->time_us, w->log_index, &record, &at),
                     outcome);
    assert_true(at == index);
    if (outcome == OUTCOME_DECIDED) {
        const struct record *expected = &w->model.records[index];
        untouched.checksum = record.checksum; /* the checksum is nobody's here */
        record.checksum = expected->checksum;
        assert_memory_equal(&record, expected, sizeof(record));
    } else {
        assert_memory_equal(&record, &untouched, sizeof(record));
    }
    assert_true(ledger_length(ledger) == w->model.length);
    assert_true(ledger_window(ledger) == model_window(&w->model));
}

static void step(struct world *w)
{
    struct command command = command_choose(w);
    w->time_us = w->time_us + below(w, 1000) - below(w, 500); /* clocks of changing leaders */
    w->log_index += below(w, 2);
    uint64_t index = UINT64_MAX;
    uint64_t length = w->model.length;
    enum outcome outcome = model_apply(&w->model, &command, w->time_us, w->log_index, &index);
    w->tally.outcomes[outcome]++;
    if (outcome == OUTCOME_DECIDED) {
        tally_record(w, &w->model.records[index], index);
    } else if (outcome == OUTCOME_REPEAT) {
        w->tally.repeats_at_the_edge += index + model_window(&w->model) == length;
    }
    ledger_expect(w->ledger, w, &command, outcome, index);
    if (w->loaded != NULL) {
        ledger_expect(w->loaded, w, &command, outcome, index);
    }
}

static void accounts_expect(const struct ledger *ledger, struct world *w)
{
    const struct accounts *accounts = ledger_accounts(ledger);
    assert_int_equal(accounts_count(accounts), w->model.accounts_count);
    for (uint32_t i = 0; i < w->model.accounts_count; i++) {
        const struct account *expected = &w->model.accounts[i];
        assert_memory_equal(accounts_get(accounts, i), expected, sizeof(*expected));
        assert_ptr_equal(ledger_account_find(ledger, expected->id), accounts_get(accounts, i));
    }
}

static void load(struct world *w)
{
    assert_int_equal(ledger_open(&w->loaded, MODEL_ACCOUNTS_MAX, ~w->random), STATUS_OK);
    ledger_load_expect(w->loaded, w->model.length);
    for (uint64_t index = 0; index < w->model.length; index++) {
        const char *rule = "";
        assert_int_equal(ledger_load(w->loaded, &w->model.records[index], &rule), STATUS_OK);
        assert_string_equal(rule, "");
    }
    assert_int_equal(ledger_hash(w->loaded), ledger_hash(w->ledger));
    assert_int_equal(ledger_file_done(w->loaded), ledger_file_done(w->ledger));
    assert_true(ledger_time_us(w->loaded) == ledger_time_us(w->ledger));
    assert_memory_equal(ledger_file_hash(w->loaded), ledger_file_hash(w->ledger), 32);
    accounts_expect(w->loaded, w);
}

/* Asks for the ids of the last two windows: the loaded ledger knows exactly those that it must. */
static void ids_expect(struct world *w)
{
    uint64_t window = model_window(&w->model);
    for (uint64_t age = 1; age <= 2 * window && age < w->model.length; age++) {
        struct command command = command_credit(12345, 1, 0); /* unknown: nothing is decided */
        memcpy(command.id, w->model.records[w->model.length - age].id, RECORD_ID_SIZE);
        command.stamp = w->model.length;
        uint64_t index = UINT64_MAX;
        enum outcome outcome = model_apply(&w->model, &command, w->time_us, w->log_index, &index);
        ledger_expect(w->ledger, w, &command, outcome, index);
        ledger_expect(w->loaded, w, &command, outcome, index);
    }
}

static void test_the_ledger_decides_as_the_model_and_a_loaded_one_goes_on_alike(void **state)
{
    (void)state;
    struct tally sum = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world w = {.random = seed, .time_us = 1000000};
        model_init(&w.model, STEPS + STEPS_AFTER_LOAD);
        assert_int_equal(ledger_open(&w.ledger, MODEL_ACCOUNTS_MAX, seed * 31), STATUS_OK);
        for (uint32_t i = 0; i < STEPS; i++) {
            step(&w);
        }
        accounts_expect(w.ledger, &w);
        load(&w);
        ids_expect(&w);
        for (uint32_t i = 0; i < STEPS_AFTER_LOAD; i++) {
            step(&w);
        }
        accounts_expect(w.loaded, &w);
        assert_int_equal(ledger_hash(w.loaded), ledger_hash(w.ledger));
        for (uint32_t i = 0; i < sizeof(sum) / sizeof(uint32_t); i++) {
            ((uint32_t *)&sum)[i] += ((const uint32_t *)&w.tally)[i];
        }
        ledger_close(w.loaded);
        ledger_close(w.ledger);
        model_deinit(&w.model);
    }
    for (uint32_t i = 0; i < sizeof(sum.outcomes) / sizeof(sum.outcomes[0]); i++) {
        assert_true(sum.outcomes[i] > 1000);
    }
    assert_true(sum.kinds[RECORD_CREDIT] > 1000 && sum.kinds[RECORD_DEBIT] > 1000);
    assert_true(sum.reasons[REASON_LIMIT] > 1000 && sum.reasons[REASON_RANGE] > 1000);
    assert_true(sum.kinds[RECORD_FOUNDED] == SEEDS && sum.kinds[RECORD_FILE_DONE] == SEEDS);
    assert_true(sum.kinds[RECORD_OPENED] == SEEDS * MODEL_ACCOUNTS_MAX);
    assert_true(sum.repeats_at_the_edge > 100 && sum.forgotten_decided > 100);
    assert_true(sum.limit_reached > 100 && sum.range_reached > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ledger_decides_as_the_model_and_a_loaded_one_goes_on_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
