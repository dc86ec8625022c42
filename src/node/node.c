/* node.c -- the loop's turn, in libuv's phases:
 *
 *   timers    the replica's wake-up: a turn, as in check
 *   prepare   the mark of this turn (stamp.h)
 *   poll      sockets are read, requests framed, routed, validated and collected; threads' jobs end
 *   check     one entry proposed, the log's write begun, what is committed applied, answers rendered;
 *             then all sockets written, which may bring the next pipelined requests: one more turn
 */
#include "node/node.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "api/api.h"
#include "base/check.h"
#include "base/log.h"
#include "http/server.h"
#include "node/executor.h"
#include "node/stamp.h"
#include "replica/identity.h"
#include "replica/manifest.h"
#include "replica/replica.h"

enum {
    EXIT_FAILED = 1,
    /* How long a failed node, and one that was told to stop, waits for its clients and threads before
     * it ends all the same, with exit code 1: a disk may never answer. */
    FAILED_EXIT_MS = 5000,
    STOP_EXIT_MS = 30000,
    /* File descriptors that are not for connections: segments, look-ups, refusals, the loop. */
    DESCRIPTORS_RESERVED = 512,
};

struct node {
    const struct options *options;
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t wakeup;
    uv_timer_t forced_exit;
    uv_signal_t signals[2];

    struct disk *disk;
    struct random_system random_state; /* the loop's */
    struct random random;
    struct random_system opening_random_state; /* the worker's that opens the replica */
    struct random opening_random;
    struct executor_threads *threads;
    struct replica *replica; /* NULL until it is open */
    struct api *api;
    struct http_server *server;

    struct job opening; /* reads the directory off the loop */
    struct replica_ports ports;
    struct replica *opened;
    enum status opening_status;

    struct stamp stamp;
    uint64_t wakeup_us; /* what the timer is set to */
    bool announced;     /* the ready line is out */
    bool opening_busy;
    bool draining;
    bool drained;
    bool closing;
    int exit_code;
};

/* Stopping. */

static void handle_close(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void close_all(struct node *node)
{
    node->closing = true;
    http_server_close(node->server);
    replica_close(node->replica);
    node->replica = NULL;
    executor_threads_close(node->threads);
    handle_close((uv_handle_t *)&node->prepare, NULL);
    handle_close((uv_handle_t *)&node->check, NULL);
    handle_close((uv_handle_t *)&node->wakeup, NULL);
    handle_close((uv_handle_t *)&node->forced_exit, NULL);
    handle_close((uv_handle_t *)&node->signals[0], NULL);
    handle_close((uv_handle_t *)&node->signals[1], NULL);
}

/* Goes on with the stop as far as it can: drain, settle, close. */
static void stop_advance(struct node *node)
{
    if (!node->drained || node->closing || node->opening_busy) {
        return;
    }
    if (node->replica != NULL) {
        replica_stop(node->replica);
        enum replica_state state = replica_state(node->replica);
        if ((state != REPLICA_STOPPED && state != REPLICA_FAILED) ||
            !replica_is_idle(node->replica)) {
            return;
        }
        if (state == REPLICA_FAILED) {
            node->exit_code = EXIT_FAILED;
        }
    }
    close_all(node);
}

static void on_drained(void *context)
{
    struct node *node = context;
    node->drained = true;
    stop_advance(node);
}

static void on_forced_exit(uv_timer_t *timer)
{
    (void)timer;
    log_error("exit", "what=\"threads or clients did not end in time\"");
    exit(EXIT_FAILED);
}

static void stop_begin(struct node *node)
{
    if (!node->draining) {
        node->draining = true;
        api_stopping(node->api);
        uv_timer_start(&node->forced_exit, on_forced_exit, STOP_EXIT_MS, 0);
        http_server_drain(node->server, on_drained, node);
    }
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
    struct node *node = handle->data;
    if (!node->draining) {
        log_info("stopping", "signal=%s", signal_number == SIGINT ? "INT" : "TERM");
    }
    stop_begin(node);
}

static void fail(struct node *node)
{
    if (node->exit_code == 0) {
        node->exit_code = EXIT_FAILED;
        stop_begin(node);
        uv_timer_start(&node->forced_exit, on_forced_exit, FAILED_EXIT_MS, 0);
    }
}

/* The turn. */

static void on_prepare(uv_prepare_t *handle)
{
    struct node *node = handle->data;
    uint64_t length =
        node->replica != NULL ? replica_length(node->replica) : node->stamp.length_last_turn;
    http_server_mark(node->server, stamp_turn(&node->stamp, length));
}

static void on_wakeup(uv_timer_t *timer);

/* Sets the timer only when it has to be earlier: a timer that fires too early costs one turn. */
static void wakeup_set(struct node *node)
{
    uint64_t wakeup_us = replica_wakeup_us(node->replica);
    if (wakeup_us >= node->wakeup_us) {
        return;
    }
    uint64_t now_us = CLOCK_SYSTEM.monotonic_us(NULL);
    /* At least 1: a timer that starts itself again with 0 would never let the loop go on. */
    uint64_t delay_ms = wakeup_us > now_us ? (wakeup_us - now_us + 999) / 1000 : 1;
    node->wakeup_us = wakeup_us;
    uv_timer_start(&node->wakeup, on_wakeup, delay_ms, 0);
}

static void announce(struct node *node)
{
    const char *address = node->options->listen[0];
    const char *colon = strrchr(address, ':');
    node->announced = true;
    if (strncmp(address, "unix:", 5) == 0) {
        printf("crebito: ready on %s\n", address);
    } else {
        printf("crebito: ready on http://%.*s:%u\n", (int)(colon - address), address,
               http_server_port(node->server));
    }
    (void)fflush(stdout);
}

static void turn(struct node *node)
{
    if (node->replica != NULL) {
        replica_turn(node->replica);
        http_server_flush(node->server);
        if (replica_has_queued(node->replica)) {
            replica_turn(node->replica);
            http_server_flush(node->server);
        }
        enum replica_state state = replica_state(node->replica);
        if (state == REPLICA_FAILED) {
            fail(node);
        } else if (state == REPLICA_READY && !node->announced && !node->draining) {
            announce(node);
        }
        wakeup_set(node);
    } else {
        http_server_flush(node->server);
    }
    stop_advance(node);
}

static void on_check(uv_check_t *handle)
{
    turn(handle->data);
}

/* Timers run before the poll, which would then wait without end: so this is a turn of its own, which
 * also sets the timer again when it fired a little too early. */
static void on_wakeup(uv_timer_t *timer)
{
    struct node *node = timer->data;
    node->wakeup_us = UINT64_MAX;
    turn(node);
}

/* Starting. */

static void opening_work(struct job *job)
{
    struct node *node = (struct node *)((char *)job - offsetof(struct node, opening));
    const struct replica_options options = {.accounts_max = node->options->accounts_max};
    node->opening_status = replica_open(&node->opened, &node->ports, &options);
}

static void opening_done(struct job *job)
{
    struct node *node = (struct node *)((char *)job - offsetof(struct node, opening));
    node->opening_busy = false;
    if (node->opening_status == STATUS_OK) {
        node->replica = node->opened;
        api_replica_set(node->api, node->replica);
        return;
    }
    log_error("start-failed", "directory=%s what=\"the data directory cannot be used\" why=\"%s\"",
              node->options->directory, status_name(node->opening_status));
    fail(node);
}

static void opening_begin(struct node *node)
{
    node->ports = (struct replica_ports){
        .clock = &CLOCK_SYSTEM,
        .random = &node->opening_random,
        .disk = node->disk,
        .executor = executor_threads_table(node->threads),
    };
    node->opening = (struct job){.work = opening_work, .done = opening_done};
    node->opening_busy = true;
    node->ports.executor->submit(node->ports.executor, EXECUTOR_WORKERS, &node->opening);
}

/* A blank or half-made directory stays as it is: not even a lock is put there. */
static enum status disk_open(struct node *node)
{
    const char *directory = node->options->directory;
    struct identity identity;
    enum status status = disk_posix_open(&node->disk, directory);
    if (status == STATUS_OK) {
        status = identity_load(node->disk, &identity);
    }
    if (status == STATUS_MISSING) {
        log_error("start-failed",
                  "directory=%s what=\"no bank here, or a half-made one: crebito init makes one\"",
                  directory);
    }
    if (status == STATUS_OK) {
        status = disk_posix_lock(node->disk);
        if (status == STATUS_BUSY) {
            log_error("start-failed", "directory=%s what=\"another process has it\"", directory);
        }
    }
    return status;
}

/* Fits *connections into the descriptors that the process may have: raises the soft limit to the hard
 * one, and keeps some for the data directory, so that no file of the bank ever lacks one. STATUS_FULL:
 * there are too few to serve anybody. */
static enum status connections_fit(uint32_t *connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return STATUS_IO;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return STATUS_IO;
    }
    if (limit.rlim_cur <= DESCRIPTORS_RESERVED) {
        log_error("start-failed", "descriptors=%llu what=\"the process needs more than %d\"",
                  (unsigned long long)limit.rlim_cur, DESCRIPTORS_RESERVED);
        return STATUS_FULL;
    }
    uint64_t allowed = limit.rlim_cur - DESCRIPTORS_RESERVED;
    if (allowed < *connections) {
        log_warning("connections-limited",
                    "allowed=%" PRIu64 " wanted=%" PRIu32 " descriptors=%llu", allowed,
                    *connections, (unsigned long long)limit.rlim_cur);
        *connections = (uint32_t)allowed;
    }
    return STATUS_OK;
}

/* What was settled before this process: requests that come while the directory is read carry it. */
static enum status stamp_load(struct node *node)
{
    struct manifest manifest;
    enum status status = manifest_load(node->disk, &manifest);
    if (status != STATUS_OK) {
        log_error("start-failed", "directory=%s what=\"no manifest to start from\" why=\"%s\"",
                  node->options->directory, status_name(status));
        return status;
    }
    node->stamp = stamp_begin(manifest.journal.length);
    return STATUS_OK;
}

static enum status server_open(struct node *node)
{
    struct http_limits limits = HTTP_LIMITS;
    limits.connections_max = node->options->connections_max;
    limits.idle_timeout_ms = node->options->idle_timeout_ms;
    enum status status = connections_fit(&limits.connections_max);
    if (status == STATUS_OK) {
        status = api_open(&node->api, &CLOCK_SYSTEM, &node->random);
    }
    if (status == STATUS_OK) {
        struct http_handler handler = api_handler(node->api);
        status = http_server_open(&node->server, &node->loop, &limits, &handler);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < node->options->listen_count; i++) {
        status = http_server_listen(node->server, node->options->listen[i]);
    }
    if (status == STATUS_OK) {
        api_server_set(node->api, node->server);
    }
    return status;
}

static void handles_start(struct node *node)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT};
    uv_prepare_init(&node->loop, &node->prepare);
    uv_check_init(&node->loop, &node->check);
    uv_timer_init(&node->loop, &node->wakeup);
    uv_timer_init(&node->loop, &node->forced_exit);
    node->prepare.data = node;
    node->check.data = node;
    node->wakeup.data = node;
    uv_prepare_start(&node->prepare, on_prepare);
    uv_check_start(&node->check, on_check);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&node->loop, &node->signals[i]);
        node->signals[i].data = node;
        uv_signal_start(&node->signals[i], on_signal, SIGNALS[i]);
    }
}

/* Opens everything but the directory. */
static enum status start(struct node *node)
{
    if (uv_loop_init(&node->loop) != 0) {
        return STATUS_NO_MEMORY;
    }
    enum status status = executor_threads_open(&node->threads, &node->loop);
    if (status == STATUS_OK) {
        status = server_open(node);
    }
    if (status == STATUS_OK) {
        handles_start(node);
        opening_begin(node);
    }
    return status;
}

int node_run(const struct options *options)
{
    struct node *node = calloc(1, sizeof(*node));
    if (node == NULL || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        free(node);
        return EXIT_FAILED;
    }
    node->options = options;
    node->wakeup_us = UINT64_MAX;
    node->random = random_system_init(&node->random_state);
    node->opening_random = random_system_init(&node->opening_random_state);
    if (disk_open(node) != STATUS_OK || stamp_load(node) != STATUS_OK) {
        disk_posix_close(node->disk);
        free(node);
        return EXIT_FAILED;
    }
    if (start(node) != STATUS_OK) {
        return EXIT_FAILED; /* the process ends: nothing is given back one by one */
    }
    (void)uv_run(&node->loop, UV_RUN_DEFAULT);
    int error = uv_loop_close(&node->loop);
    CHECK(error == 0);
    int exit_code = node->exit_code;
    http_server_free(node->server);
    api_close(node->api);
    executor_threads_free(node->threads);
    disk_posix_close(node->disk);
    free(node);
    log_info("stopped", "exit-code=%d", exit_code);
    return exit_code;
}
