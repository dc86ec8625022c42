#include "api/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NAME_SIZE_MAX = 64, LINE_SIZE_MAX = 256, METRICS_MAX = 64 };

/* Every status that the API answers with, and a few more. */
static const int STATUSES[] = {200, 400, 404, 405, 408, 413, 422, 500, 503};
enum { STATUS_COUNT = sizeof(STATUSES) / sizeof(STATUSES[0]) };

/* A reader of the text format, as small as it can be: what it has seen of the metric it is in. */
struct reading {
    char name[NAME_SIZE_MAX]; /* of the last HELP */
    char type[NAME_SIZE_MAX]; /* of the last TYPE; "" between the two */
    char seen[METRICS_MAX][NAME_SIZE_MAX];
    uint32_t seen_count;
    char series[LINE_SIZE_MAX]; /* the labels before le of the histogram's series */
    double le;                  /* of the last bucket; +Inf ends the series */
    uint64_t cumulative;
    bool in_series;
    uint32_t samples;
};

static char page[METRICS_SIZE_MAX];

static void read_help(struct reading *reading, const char *line)
{
    assert_false(reading->in_series);
    assert_int_equal(sscanf(line, "# HELP %63s", reading->name), 1);
    assert_true(strlen(line) > strlen("# HELP ") + strlen(reading->name) + 1); /* says something */
    assert_memory_equal(reading->name, "crebito_", 8);
    for (uint32_t i = 0; i < reading->seen_count; i++) {
        assert_string_not_equal(reading->seen[i], reading->name); /* a metric is one block */
    }
    assert_in_range(reading->seen_count, 0, METRICS_MAX - 1);
    memcpy(reading->seen[reading->seen_count++], reading->name, NAME_SIZE_MAX);
    reading->type[0] = '\0';
}

static void read_type(struct reading *reading, const char *line)
{
    char name[NAME_SIZE_MAX];
    assert_int_equal(reading->type[0], '\0');
    assert_int_equal(sscanf(line, "# TYPE %63s %63s", name, reading->type), 2);
    assert_string_equal(name, reading->name);
    bool counter = strcmp(reading->type, "counter") == 0;
    assert_true(counter || strcmp(reading->type, "gauge") == 0 ||
                strcmp(reading->type, "histogram") == 0);
    size_t size = strlen(name);
    assert_int_equal(counter, size > 6 && strcmp(name + size - 6, "_total") == 0);
}

/* Labels are name="value" with commas between; no value needs an escape. */
static void check_labels(const char *labels)
{
    while (*labels != '\0') {
        size_t name = strspn(labels, "abcdefghijklmnopqrstuvwxyz_");
        assert_true(name > 0);
        assert_memory_equal(labels + name, "=\"", 2);
        labels += name + 2;
        size_t value = strcspn(labels, "\"\\");
        assert_int_equal(labels[value], '"');
        labels += value + 1;
        if (*labels == ',') {
            labels++;
            assert_int_not_equal(*labels, '\0');
        } else {
            assert_int_equal(*labels, '\0');
        }
    }
}

static void read_bucket(struct reading *reading, char *labels, uint64_t number)
{
    char *le = strstr(labels, "le=\"");
    assert_non_null(le);
    double bound = strtod(le + 4, NULL); /* reads +Inf */
    *le = '\0';
    if (!reading->in_series) {
        reading->in_series = true;
        reading->le = -1;
        reading->cumulative = 0;
        memcpy(reading->series, labels, strlen(labels) + 1);
    }
    assert_string_equal(reading->series, labels);
    assert_true(bound > reading->le);
    assert_true(number >= reading->cumulative);
    reading->le = bound;
    reading->cumulative = number;
}

static void read_histogram(struct reading *reading, const char *part, char *labels, uint64_t number)
{
    if (strcmp(part, "_bucket") == 0) {
        read_bucket(reading, labels, number);
        return;
    }
    assert_true(reading->in_series);
    assert_true(reading->le > 1e300);      /* the last bucket was +Inf */
    size_t size = strlen(reading->series); /* the labels of sum and count are the series' */
    assert_int_equal(strlen(labels), size > 0 ? size - 1 : 0);
    assert_memory_equal(labels, reading->series, strlen(labels));
    if (strcmp(part, "_count") == 0) {
        assert_true(number == reading->cumulative);
        reading->in_series = false;
    } else {
        assert_string_equal(part, "_sum");
    }
}

static void read_sample(struct reading *reading, char *line)
{
    char empty[1] = "";
    char *labels = empty;
    char *space = strrchr(line, ' ');
    char *end;
    assert_non_null(space);
    *space = '\0';
    assert_true(strtod(space + 1, &end) >= 0);
    assert_true(end > space + 1 && *end == '\0');
    char *brace = strchr(line, '{');
    if (brace != NULL) {
        assert_int_equal(space[-1], '}');
        space[-1] = '\0';
        *brace = '\0';
        labels = brace + 1;
        assert_int_not_equal(*labels, '\0');
        check_labels(labels);
    }
    size_t size = strlen(reading->name);
    assert_int_not_equal(reading->type[0], '\0'); /* HELP and TYPE came before */
    assert_memory_equal(line, reading->name, size);
    if (strcmp(reading->type, "histogram") == 0) {
        read_histogram(reading, line + size, labels, strtoull(space + 1, NULL, 10));
    } else {
        assert_int_equal(line[size], '\0');
    }
    reading->samples++;
}

static struct reading read_page(uint32_t size)
{
    static struct reading reading;
    memset(&reading, 0, sizeof(reading));
    assert_int_equal(page[size - 1], '\n');
    for (const char *line = page; line < page + size;) {
        char copy[LINE_SIZE_MAX];
        const char *end = memchr(line, '\n', (size_t)(page + size - line));
        size_t length = (size_t)(end - line);
        assert_in_range(length, 1, LINE_SIZE_MAX - 1);
        memcpy(copy, line, length);
        copy[length] = '\0';
        if (strncmp(copy, "# HELP ", 7) == 0) {
            read_help(&reading, copy);
        } else if (strncmp(copy, "# TYPE ", 7) == 0) {
            read_type(&reading, copy);
        } else {
            read_sample(&reading, copy);
        }
        line = end + 1;
    }
    assert_false(reading.in_series);
    return reading;
}

static void expect_sample(uint32_t size, const char *sample)
{
    char line[LINE_SIZE_MAX];
    int length = snprintf(line, sizeof(line), "\n%s\n", sample);
    if (memmem(page, size, line, (size_t)length) == NULL) {
        fail_msg("missing: %s", sample);
    }
}

static void a_node_that_did_nothing_shows_well_formed_zeros(void **state)
{
    (void)state;
    static const struct metrics METRICS;
    static const struct replica_counters REPLICA;
    static const struct http_counters HTTP;
    uint32_t size = metrics_render(&METRICS, &REPLICA, &HTTP, page);
    struct reading reading = read_page(size);
    assert_in_range(reading.samples, 30, 1000);
    expect_sample(size, "crebito_decisions_total{kind=\"credit\"} 0");
    expect_sample(size, "crebito_write_seconds_bucket{le=\"+Inf\"} 0");
    expect_sample(size, "crebito_write_seconds_count 0");
}

/* What the counters of the next test look like. */
static const char *const SAMPLES[] = {
    "decisions_total{kind=\"credit\"} 1",
    "decisions_total{kind=\"debit\"} 2",
    "decisions_total{kind=\"refused\"} 43",
    "refusals_total{reason=\"limit\"} 3",
    "refusals_total{reason=\"range\"} 40",
    "repeats_total 5",
    "refusals_total{reason=\"key-mismatch\"} 6",
    "refusals_total{reason=\"expired\"} 7",
    "refusals_total{reason=\"not-accepted\"} 8",
    "refusals_total{reason=\"outcome-unknown\"} 9",
    "snapshots_total 10",
    "queued 11",
    "waiting 12",
    "records 13",
    "records_unflushed 14",
    "log_unsettled_bytes 15",
    "accounts 16",
    "term 17",
    "log_committed_index 18",
    "log_applied_index 19",
    "leader 1",
    "connections_accepted_total 21",
    "connections_refused_total 22",
    "connections 23",
    "buffers 24",
    "requests_bad_total 25",
    "requests_timed_out_total 26",
    "requests_abandoned_total 27",
    "read_bytes_total 28",
    "written_bytes_total 29",
    "entry_commands_bucket{le=\"4\"} 0",
    "entry_commands_bucket{le=\"8\"} 1",
    "entry_commands_sum 5",
    "entry_commands_count 1",
    "requests_total{route=\"/clientes/{id}/transacoes\",status=\"422\"} 51",
    "requests_total{route=\"unknown\",status=\"404\"} 52",
    "request_seconds_bucket{route=\"/clientes/{id}/extrato\",le=\"2e-06\"} 0",
    "request_seconds_bucket{route=\"/clientes/{id}/extrato\",le=\"4e-06\"} 1",
    "request_seconds_bucket{route=\"/clientes/{id}/extrato\",le=\"+Inf\"} 2",
    "request_seconds_sum{route=\"/clientes/{id}/extrato\"} 1.000003",
};

static void every_counter_is_shown_by_its_name(void **state)
{
    (void)state;
    static struct metrics metrics;
    metrics.requests[ROUTE_TRANSACTION][422] = 51;
    metrics.requests[ROUTE_UNKNOWN][404] = 52;
    histogram_add(&metrics.latency_us[ROUTE_STATEMENT], 3);
    histogram_add(&metrics.latency_us[ROUTE_STATEMENT], 1000000);
    struct replica_counters replica = {
        .credits = 1,
        .debits = 2,
        .refused_limit = 3,
        .refused_range = 40,
        .repeats = 5,
        .mismatches = 6,
        .expired = 7,
        .not_accepted = 8,
        .outcome_unknown = 9,
        .snapshots = 10,
        .queued = 11,
        .waiting = 12,
        .records = 13,
        .records_unflushed = 14,
        .log_size_unreleased = 15,
        .accounts = 16,
        .term = 17,
        .index_committed = 18,
        .index_applied = 19,
        .is_leader = true,
    };
    histogram_add(&replica.entry_commands, 5);
    const struct http_counters http = {
        .connections_accepted = 21,
        .connections_refused = 22,
        .connections_open = 23,
        .buffers_used = 24,
        .requests_bad = 25,
        .requests_timed_out = 26,
        .requests_abandoned = 27,
        .bytes_read = 28,
        .bytes_written = 29,
    };
    uint32_t size = metrics_render(&metrics, &replica, &http, page);
    (void)read_page(size);
    for (size_t i = 0; i < sizeof(SAMPLES) / sizeof(SAMPLES[0]); i++) {
        char sample[LINE_SIZE_MAX];
        (void)snprintf(sample, sizeof(sample), "crebito_%s", SAMPLES[i]);
        expect_sample(size, sample);
    }
}

static void histogram_fill(struct histogram *histogram)
{
    memset(histogram, 0xff, sizeof(*histogram));
    /* The longest numbers whose sum is still one. */
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        histogram->buckets[i] = i == 0 ? UINT64_C(10000000000000000000) : 1;
    }
}

static void the_largest_page_fits_its_buffer(void **state)
{
    (void)state;
    static struct metrics metrics;
    struct replica_counters replica;
    struct http_counters http;
    memset(&replica, 0xff, sizeof(replica));
    memset(&http, 0xff, sizeof(http));
    replica.refused_range = 0; /* their sum is shown */
    replica.is_leader = true;
    histogram_fill(&replica.entry_commands);
    histogram_fill(&replica.write_entries);
    histogram_fill(&replica.write_us);
    for (int route = 0; route < ROUTE_COUNT; route++) {
        for (int i = 0; i < STATUS_COUNT; i++) {
            metrics.requests[route][STATUSES[i]] = UINT64_MAX;
        }
        histogram_fill(&metrics.latency_us[route]);
    }
    uint32_t size = metrics_render(&metrics, &replica, &http, page);
    struct reading reading = read_page(size);
    assert_true(reading.samples > ROUTE_COUNT * (STATUS_COUNT + HISTOGRAM_BUCKETS));
    assert_in_range(size, METRICS_SIZE_MAX / 4, METRICS_SIZE_MAX - 4096); /* and the fields */
}

/* Values of every size: the bucket of each is at least as large, and the one below is not. */
static void buckets_are_cumulative_up_to_the_count(void **state)
{
    (void)state;
    static struct metrics metrics;
    static const struct http_counters HTTP;
    struct replica_counters replica = {0};
    for (uint32_t bit = 0; bit < 64; bit++) {
        for (uint64_t step = 0; step < 3; step++) {
            histogram_add(&replica.write_us, (UINT64_C(1) << bit) + step - 1);
            uint32_t size = metrics_render(&metrics, &replica, &HTTP, page);
            (void)read_page(size);
        }
    }
    uint32_t size = metrics_render(&metrics, &replica, &HTTP, page);
    expect_sample(size, "crebito_write_seconds_bucket{le=\"1e-06\"} 3"); /* 0, 1 and 1 */
    expect_sample(size, "crebito_write_seconds_bucket{le=\"2e-06\"} 5");
    expect_sample(size, "crebito_write_seconds_bucket{le=\"+Inf\"} 192");
    /* The last bucket holds all that is larger too: it has no bound but +Inf. */
    static const char LAST[] = "le=\"2147.483648\"";
    assert_null(memmem(page, size, LAST, sizeof(LAST) - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_did_nothing_shows_well_formed_zeros),
        cmocka_unit_test(every_counter_is_shown_by_its_name),
        cmocka_unit_test(the_largest_page_fits_its_buffer),
        cmocka_unit_test(buckets_are_cumulative_up_to_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
