#include "api/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

struct page {
    char *data;
    uint32_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(page->data + page->size, METRICS_SIZE_MAX - page->size, format, arguments);
    va_end(arguments);
    CHECK(size >= 0 && (uint32_t)size < METRICS_SIZE_MAX - page->size);
    page->size += (uint32_t)size;
}

static void head(struct page *page, const char *name, const char *type, const char *help)
{
    add(page, "# HELP crebito_%s %s\n# TYPE crebito_%s %s\n", name, help, name, type);
}

static void value(struct page *page, const char *name, const char *type, uint64_t number,
                  const char *help)
{
    head(page, name, type, help);
    add(page, "crebito_%s %" PRIu64 "\n", name, number);
}

/* One series of a histogram; `labels` is "" or ends with a comma. `unit` divides the values. */
static void series(struct page *page, const char *name, const char *labels,
                   const struct histogram *histogram, double unit)
{
    uint64_t count = 0;
    int last = HISTOGRAM_BUCKETS - 2; /* the last bucket is part of +Inf */
    while (last > 0 && histogram->buckets[last] == 0) {
        last--;
    }
    for (int i = 0; i <= last; i++) {
        count += histogram->buckets[i];
        add(page, "crebito_%s_bucket{%sle=\"%.10g\"} %" PRIu64 "\n", name, labels,
            (double)(UINT64_C(1) << i) / unit, count);
    }
    add(page, "crebito_%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, histogram->count);
    size_t size = strlen(labels);
    const char *open = size > 0 ? "{" : "";
    const char *close = size > 0 ? "}" : "";
    int shown = size > 0 ? (int)size - 1 : 0;
    add(page, "crebito_%s_sum%s%.*s%s %.10g\n", name, open, shown, labels, close,
        (double)histogram->sum / unit);
    add(page, "crebito_%s_count%s%.*s%s %" PRIu64 "\n", name, open, shown, labels, close,
        histogram->count);
}

static void histogram(struct page *page, const char *name, const struct histogram *values,
                      double unit, const char *help)
{
    head(page, name, "histogram", help);
    series(page, name, "", values, unit);
}

static const char *const ROUTES[ROUTE_COUNT] = {
    [ROUTE_TRANSACTION] = "/clientes/{id}/transacoes",
    [ROUTE_STATEMENT] = "/clientes/{id}/extrato",
    [ROUTE_HEALTH] = "/healthz",
    [ROUTE_READY] = "/readyz",
    [ROUTE_METRICS] = "/metrics",
    [ROUTE_UNKNOWN] = "unknown",
};

static void statuses(struct page *page, const struct metrics *metrics, enum route route)
{
    for (int status = 0; status < METRICS_STATUS_MAX; status++) {
        if (metrics->requests[route][status] > 0) {
            add(page, "crebito_requests_total{route=\"%s\",status=\"%d\"} %" PRIu64 "\n",
                ROUTES[route], status, metrics->requests[route][status]);
        }
    }
}

static void requests(struct page *page, const struct metrics *metrics)
{
    head(page, "requests_total", "counter", "Requests answered, by route and status.");
    for (int route = 0; route < ROUTE_COUNT; route++) {
        statuses(page, metrics, (enum route)route);
    }
    head(page, "request_seconds", "histogram",
         "Time from a whole request to its answer, by route.");
    for (int route = 0; route < ROUTE_COUNT; route++) {
        char labels[64];
        (void)snprintf(labels, sizeof(labels), "route=\"%s\",", ROUTES[route]);
        if (metrics->latency_us[route].count > 0) {
            series(page, "request_seconds", labels, &metrics->latency_us[route], 1e6);
        }
    }
}

static void decisions(struct page *page, const struct replica_counters *replica)
{
    head(page, "decisions_total", "counter", "Decisions since start, by kind.");
    add(page, "crebito_decisions_total{kind=\"credit\"} %" PRIu64 "\n", replica->credits);
    add(page, "crebito_decisions_total{kind=\"debit\"} %" PRIu64 "\n", replica->debits);
    add(page, "crebito_decisions_total{kind=\"refused\"} %" PRIu64 "\n",
        replica->refused_limit + replica->refused_range);
    head(page, "refusals_total", "counter", "Refused or unconfirmed transactions, by reason.");
    const struct {
        const char *reason;
        uint64_t count;
    } refusals[] = {
        {"limit",           replica->refused_limit  },
        {"range",           replica->refused_range  },
        {"key-mismatch",    replica->mismatches     },
        {"expired",         replica->expired        },
        {"not-accepted",    replica->not_accepted   },
        {"outcome-unknown", replica->outcome_unknown},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        add(page, "crebito_refusals_total{reason=\"%s\"} %" PRIu64 "\n", refusals[i].reason,
            refusals[i].count);
    }
    value(page, "repeats_total", "counter", replica->repeats,
          "Commands whose id had been decided before.");
}

static void bank(struct page *page, const struct replica_counters *replica)
{
    histogram(page, "entry_commands", &replica->entry_commands, 1, "Commands of a log entry.");
    histogram(page, "write_entries", &replica->write_entries, 1,
              "Entries of one write of the log.");
    histogram(page, "write_seconds", &replica->write_us, 1e6,
              "Time of one write of the log, until it was on the disk.");
    value(page, "queued", "gauge", replica->queued, "Transactions that are not yet in an entry.");
    value(page, "waiting", "gauge", replica->waiting,
          "Transactions in an entry, not yet answered.");
    value(page, "records", "gauge", replica->records, "Length of the journal, in records.");
    value(page, "records_unflushed", "gauge", replica->records_unflushed,
          "Records that the log has and the journal's files not yet.");
    value(page, "log_unsettled_bytes", "gauge", replica->log_size_unreleased,
          "Bytes of log behind the last snapshot.");
    value(page, "snapshots_total", "counter", replica->snapshots, "Snapshots made since start.");
    value(page, "accounts", "gauge", replica->accounts, "Accounts open.");
    value(page, "term", "gauge", replica->term, "Raft term.");
    value(page, "leader", "gauge", replica->is_leader, "1 if this node leads.");
    value(page, "log_committed_index", "gauge", replica->index_committed,
          "Newest committed entry.");
    value(page, "log_applied_index", "gauge", replica->index_applied, "Newest applied entry.");
}

static void connections(struct page *page, const struct http_counters *http)
{
    value(page, "connections", "gauge", http->connections_open, "Connections open.");
    value(page, "connections_accepted_total", "counter", http->connections_accepted,
          "Connections accepted since start.");
    value(page, "connections_refused_total", "counter", http->connections_refused,
          "Connections refused because a limit was reached.");
    value(page, "buffers", "gauge", http->buffers_used, "Connection buffers in use.");
    value(page, "requests_bad_total", "counter", http->requests_bad,
          "Requests whose framing was refused.");
    value(page, "requests_timed_out_total", "counter", http->requests_timed_out,
          "Requests that came too slowly.");
    value(page, "requests_abandoned_total", "counter", http->requests_abandoned,
          "Requests whose client left before the answer.");
    value(page, "read_bytes_total", "counter", http->bytes_read, "Bytes read from clients.");
    value(page, "written_bytes_total", "counter", http->bytes_written, "Bytes written to clients.");
}

/* Resident memory of this process in bytes; 0 when the kernel does not say. */
static uint64_t memory_size(void)
{
    char line[128]; /* "TOTAL RESIDENT …", in pages */
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    const char *read = fgets(line, sizeof(line), file);
    (void)fclose(file);
    const char *space = read != NULL ? strchr(line, ' ') : NULL;
    return space == NULL ? 0 : strtoull(space, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint32_t metrics_render(const struct metrics *metrics, const struct replica_counters *replica,
                        const struct http_counters *http, char target[METRICS_SIZE_MAX])
{
    struct page page = {0};
    page.data = target;
    requests(&page, metrics);
    decisions(&page, replica);
    bank(&page, replica);
    connections(&page, http);
    value(&page, "memory_bytes", "gauge", memory_size(), "Resident memory of the process.");
    return page.size;
}
