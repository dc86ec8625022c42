#include "node/options.h"

#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "http/server.h"

const char OPTIONS_HELP[] =
    "  --listen ADDRESS       HOST:PORT, [IPV6]:PORT or unix:PATH; up to 4 times\n"
    "                         (default 127.0.0.1:9999; port 0 takes a free one)\n"
    "  --config FILE          lines `name = value` with the names of these options\n"
    "  --accounts-max N       accounts the bank may hold, 1 to 100000000 (default 10000000);\n"
    "                         about 53 bytes each once used; a bank with more does not start\n"
    "  --connections-max N    connections at the same time, 1 to 65536 (default 16384);\n"
    "                         beyond it a connection is answered 503 and closed\n"
    "  --idle-timeout-ms N    a connection without a request is closed after it, 1000 to\n"
    "                         3600000 (default 90000; more than the load balancer's)\n";

/* The numeric options: where they are kept and what they may be. */
struct number_option {
    const char *name;
    size_t offset;
    uint32_t min;
    uint32_t max;
};

static const struct number_option NUMBERS[] = {
    {"accounts-max",    offsetof(struct options, accounts_max),    1,    100000000},
    {"connections-max", offsetof(struct options, connections_max), 1,    65536    },
    {"idle-timeout-ms", offsetof(struct options, idle_timeout_ms), 1000, 3600000  },
};
enum { NUMBER_COUNT = sizeof(NUMBERS) / sizeof(NUMBERS[0]) };

static enum status text_set(char target[OPTIONS_TEXT_SIZE_MAX], const char *name, const char *value)
{
    if (value[0] == '\0' || strlen(value) >= OPTIONS_TEXT_SIZE_MAX) {
        (void)fprintf(stderr, "crebito: %s has 1 to %d characters\n", name,
                      OPTIONS_TEXT_SIZE_MAX - 1);
        return STATUS_INVALID;
    }
    memcpy(target, value, strlen(value) + 1);
    return STATUS_OK;
}

static enum status number_set(struct options *options, const struct number_option *option,
                              const char *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < option->min ||
        number > option->max) {
        (void)fprintf(stderr, "crebito: %s is a number from %u to %u, not \"%s\"\n", option->name,
                      option->min, option->max, value);
        return STATUS_INVALID;
    }
    uint32_t checked = (uint32_t)number;
    memcpy((char *)options + option->offset, &checked, sizeof(checked));
    return STATUS_OK;
}

static enum status option_set(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "listen") == 0) {
        if (options->listen_count == OPTIONS_LISTEN_MAX) {
            (void)fprintf(stderr, "crebito: listen may be given %d times\n", OPTIONS_LISTEN_MAX);
            return STATUS_INVALID;
        }
        return text_set(options->listen[options->listen_count++], name, value);
    }
    for (int i = 0; i < NUMBER_COUNT; i++) {
        if (strcmp(name, NUMBERS[i].name) == 0) {
            return number_set(options, &NUMBERS[i], value);
        }
    }
    (void)fprintf(stderr, "crebito: there is no option \"%s\"\n", name);
    return STATUS_INVALID;
}

/* inih's callback: 0 is an error. */
static int on_line(void *context, const char *section, const char *name, const char *value)
{
    (void)section;
    return option_set(context, name, value) == STATUS_OK;
}

static enum status file_read(struct options *options, const char *path)
{
    int error = ini_parse(path, on_line, options);
    if (error < 0) {
        (void)fprintf(stderr, "crebito: %s cannot be read: %s\n", path, strerror(errno));
        return STATUS_INVALID;
    }
    if (error > 0) {
        (void)fprintf(stderr, "crebito: %s: line %d is wrong\n", path, error);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* One pass over the arguments: --config is read in the first one, the rest in the second, so that the
 * command line wins wherever it names the file. */
static enum status arguments_read(struct options *options, int argc, char **argv, bool config_pass)
{
    static const struct option LONG[] = {
        {"help",            no_argument,       NULL, 'h'},
        {"config",          required_argument, NULL, 'c'},
        {"listen",          required_argument, NULL, 'o'},
        {"accounts-max",    required_argument, NULL, 'o'},
        {"connections-max", required_argument, NULL, 'o'},
        {"idle-timeout-ms", required_argument, NULL, 'o'},
        {NULL,              0,                 NULL, 0  },
    };
    int index;
    int option;
    enum status status = STATUS_OK;
    optind = 0; /* getopt begins anew */
    while (status == STATUS_OK && (option = getopt_long(argc, argv, "h", LONG, &index)) != -1) {
        if (option == 'h') {
            return STATUS_MISSING;
        }
        if (option == '?') {
            return STATUS_INVALID; /* getopt has said why */
        }
        if (option == 'c' && config_pass) {
            status = file_read(options, optarg);
        } else if (option == 'o' && !config_pass) {
            status = option_set(options, LONG[index].name, optarg);
        }
    }
    return status;
}

enum status options_parse(struct options *out, int argc, char **argv)
{
    struct options options = {
        .accounts_max = ACCOUNTS_MAX,
        .connections_max = CONNECTIONS_MAX,
        .idle_timeout_ms = HTTP_LIMITS.idle_timeout_ms,
    };
    enum status status = arguments_read(&options, argc, argv, true);
    uint32_t listen_of_file = options.listen_count;
    if (status == STATUS_OK) {
        options.listen_count = 0;
        status = arguments_read(&options, argc, argv, false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (options.listen_count == 0) {
        options.listen_count = listen_of_file;
    }
    if (options.listen_count == 0) {
        status = option_set(&options, "listen", "127.0.0.1:9999");
    }
    if (status == STATUS_OK && optind != argc - 1) {
        (void)fprintf(stderr, "crebito: serve takes one data directory\n");
        return STATUS_INVALID;
    }
    if (status == STATUS_OK) {
        status = text_set(options.directory, "the data directory", argv[optind]);
    }
    if (status == STATUS_OK) {
        *out = options;
    }
    return status;
}
