/* metrics.h -- what /metrics shows, in the Prometheus text format (version 0.0.4). */
#ifndef API_METRICS_H
#define API_METRICS_H

#include <stdint.h>

#include "base/histogram.h"
#include "http/server.h"
#include "replica/replica.h"

enum route {
    ROUTE_TRANSACTION,
    ROUTE_STATEMENT,
    ROUTE_HEALTH,
    ROUTE_READY,
    ROUTE_METRICS,
    ROUTE_UNKNOWN,
    ROUTE_COUNT,
};

enum { METRICS_SIZE_MAX = HTTP_RESPONSE_SIZE_MAX, METRICS_STATUS_MAX = 600 };

struct metrics {
    uint64_t requests[ROUTE_COUNT][METRICS_STATUS_MAX]; /* by HTTP status */
    struct histogram latency_us[ROUTE_COUNT];           /* from a whole request to its answer */
};

/* Renders into `target`; returns the size. */
uint32_t metrics_render(const struct metrics *metrics, const struct replica_counters *replica,
                        const struct http_counters *http, char target[METRICS_SIZE_MAX]);

#endif
