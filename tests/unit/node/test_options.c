#include "node/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"

enum { ARGUMENTS_MAX = 16, TEXT_SIZE_MAX = 1024 };

/* Parses a line of arguments that are separated by one space. */
static enum status parse(struct options *out, const char *line)
{
    char text[TEXT_SIZE_MAX];
    char serve[] = "serve";
    char *argv[ARGUMENTS_MAX] = {serve};
    int argc = 1;
    memset(out, 0xee, sizeof(*out));
    assert_in_range(snprintf(text, sizeof(text), "%s", line), 0, TEXT_SIZE_MAX - 1);
    char *rest = text;
    for (char *word; (word = strsep(&rest, " ")) != NULL && argc < ARGUMENTS_MAX - 1;) {
        argv[argc++] = word;
    }
    return options_parse(out, argc, argv);
}

static struct options accept(const char *line)
{
    struct options options;
    assert_int_equal(parse(&options, line), STATUS_OK);
    return options;
}

static void refuse(const char *line)
{
    struct options options;
    struct options untouched;
    memset(&untouched, 0xee, sizeof(untouched));
    assert_int_equal(parse(&options, line), STATUS_INVALID);
    assert_memory_equal(&options, &untouched, sizeof(options));
}

static void without_options_there_are_the_defaults(void **state)
{
    (void)state;
    struct options options = accept("bank");
    assert_string_equal(options.directory, "bank");
    assert_int_equal(options.listen_count, 1);
    assert_string_equal(options.listen[0], "127.0.0.1:9999");
    assert_int_equal(options.accounts_max, ACCOUNTS_MAX);
    assert_int_equal(options.connections_max, CONNECTIONS_MAX);
    assert_int_equal(options.idle_timeout_ms, 90000);
}

static void each_option_sets_its_own_value(void **state)
{
    (void)state;
    struct options options = accept("--accounts-max 5 bank");
    assert_int_equal(options.accounts_max, 5);
    assert_int_equal(options.connections_max, CONNECTIONS_MAX);
    options = accept("bank --connections-max=6"); /* behind the directory, and with = */
    assert_string_equal(options.directory, "bank");
    assert_int_equal(options.connections_max, 6);
    assert_int_equal(options.accounts_max, ACCOUNTS_MAX);
    options = accept("--idle-timeout-ms 7000 bank");
    assert_int_equal(options.idle_timeout_ms, 7000);
    options = accept("--listen a:1 --listen unix:/b bank --listen [::1]:2 --listen c:0");
    assert_int_equal(options.listen_count, 4);
    assert_string_equal(options.listen[0], "a:1");
    assert_string_equal(options.listen[1], "unix:/b");
    assert_string_equal(options.listen[2], "[::1]:2");
    assert_string_equal(options.listen[3], "c:0");
    options = accept("--accounts-max 5 --accounts-max 6 bank"); /* the last one holds */
    assert_int_equal(options.accounts_max, 6);
}

static void a_number_lies_in_its_range(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t min;
        uint32_t max;
    } RANGES[] = {
        {"accounts-max",    1,    100000000},
        {"connections-max", 1,    65536    },
        {"idle-timeout-ms", 1000, 3600000  }
    };
    static const char *const BAD[] = {
        "-1", "+5", "", "x", "5x", "5000.0", "0x1388", "18446744073709556616", "4294972296"};
    for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
        char line[TEXT_SIZE_MAX];
        (void)snprintf(line, sizeof(line), "--%s=%u bank", RANGES[i].name, RANGES[i].min);
        (void)accept(line);
        (void)snprintf(line, sizeof(line), "--%s=%u bank", RANGES[i].name, RANGES[i].max);
        (void)accept(line);
        (void)snprintf(line, sizeof(line), "--%s=%u bank", RANGES[i].name, RANGES[i].min - 1);
        refuse(line);
        (void)snprintf(line, sizeof(line), "--%s=%u bank", RANGES[i].name, RANGES[i].max + 1);
        refuse(line);
        for (size_t j = 0; j < sizeof(BAD) / sizeof(BAD[0]); j++) {
            (void)snprintf(line, sizeof(line), "--%s=%s bank", RANGES[i].name, BAD[j]);
            refuse(line);
        }
    }
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "--nothing bank",
        "--accounts-max",
        "bank --accounts-max",
        "-x bank",
        "bank other",
        "--listen a:1 --listen b:2 --listen c:3 --listen d:4 --listen e:5 bank",
        "--listen= bank",
        "--config bank",
        "--config=/nonexistent/config bank",
        "--accounts-max 5",
        "--accounts-max 5 ",
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        refuse(LINES[i]);
    }
    char serve[] = "serve";
    char *argv[] = {serve, NULL};
    struct options options;
    assert_int_equal(options_parse(&options, 1, argv), STATUS_INVALID);
}

static void a_text_has_at_most_255_bytes(void **state)
{
    (void)state;
    char text[OPTIONS_TEXT_SIZE_MAX + 1];
    char line[TEXT_SIZE_MAX];
    for (size_t size = OPTIONS_TEXT_SIZE_MAX - 2; size < OPTIONS_TEXT_SIZE_MAX; size++) {
        memset(text, 'd', size);
        text[size] = '\0';
        (void)snprintf(line, sizeof(line), "--listen %s %s", text, text);
        struct options options = accept(line);
        assert_string_equal(options.directory, text);
        assert_string_equal(options.listen[0], text);
    }
    memset(text, 'd', OPTIONS_TEXT_SIZE_MAX);
    text[OPTIONS_TEXT_SIZE_MAX] = '\0';
    refuse(text);
    (void)snprintf(line, sizeof(line), "--listen %s bank", text);
    refuse(line);
}

static void help_is_told_from_an_error(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(parse(&options, "--help"), STATUS_MISSING);
    assert_int_equal(parse(&options, "-h"), STATUS_MISSING);
    assert_int_equal(parse(&options, "bank --accounts-max 5 --help"), STATUS_MISSING);
    static const char *const NAMES[] = {"--listen", "--config", "--accounts-max",
                                        "--connections-max", "--idle-timeout-ms"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        assert_non_null(strstr(OPTIONS_HELP, NAMES[i]));
    }
}

/* The file. */

struct config {
    char path[64];
    char line[TEXT_SIZE_MAX];
};

static void config_write(struct config *config, const char *text)
{
    memcpy(config->path, "/tmp/crebito-options-XXXXXX", 28);
    int fd = mkstemp(config->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

/* With `--config FILE` between what stands before and after it. */
static enum status parse_with(struct options *out, const char *text, const char *before,
                              const char *after)
{
    struct config config;
    config_write(&config, text);
    (void)snprintf(config.line, sizeof(config.line), "%s--config %s%s bank", before, config.path,
                   after);
    enum status status = parse(out, config.line);
    assert_int_equal(unlink(config.path), 0);
    return status;
}

static void a_file_has_the_same_options(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(parse_with(&options,
                                "# a comment\n\nlisten = a:1\nlisten=unix:/b\n"
                                "accounts-max = 5\nconnections-max=6\nidle-timeout-ms = 7000\n",
                                "", ""),
                     STATUS_OK);
    assert_int_equal(options.listen_count, 2);
    assert_string_equal(options.listen[0], "a:1");
    assert_string_equal(options.listen[1], "unix:/b");
    assert_int_equal(options.accounts_max, 5);
    assert_int_equal(options.connections_max, 6);
    assert_int_equal(options.idle_timeout_ms, 7000);
    assert_string_equal(options.directory, "bank");
    assert_int_equal(parse_with(&options, "", "", ""), STATUS_OK);
    assert_int_equal(options.listen_count, 1);
    assert_string_equal(options.listen[0], "127.0.0.1:9999");
}

static void the_command_line_wins_wherever_it_names_the_file(void **state)
{
    (void)state;
    static const char TEXT[] =
        "accounts-max = 5\nconnections-max = 6\nlisten = a:1\nlisten = b:2\n";
    for (int i = 0; i < 2; i++) {
        struct options options;
        assert_int_equal(parse_with(&options, TEXT, i == 0 ? "--accounts-max 8 --listen c:3 " : "",
                                    i == 1 ? " --accounts-max 8 --listen c:3" : ""),
                         STATUS_OK);
        assert_int_equal(options.accounts_max, 8);
        assert_int_equal(options.connections_max, 6);
        assert_int_equal(options.listen_count, 1); /* its listeners replace the file's */
        assert_string_equal(options.listen[0], "c:3");
    }
}

static void a_line_that_is_wrong_refuses_the_file(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "accounts-max = 0\n",
        "accounts-max\n",
        "accounts-max = 5\nnothing = 1\n",
        "config = x\n",
        "directory = x\n",
        "listen =\n",
        "idle-timeout-ms = 999\naccounts-max = 5\n",
        "listen = a\nlisten = b\nlisten = c\nlisten = d\nlisten = e\n",
    };
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        struct options options;
        assert_int_equal(parse_with(&options, TEXTS[i], "", ""), STATUS_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_there_are_the_defaults),
        cmocka_unit_test(each_option_sets_its_own_value),
        cmocka_unit_test(a_number_lies_in_its_range),
        cmocka_unit_test(what_is_wrong_is_refused_and_changes_nothing),
        cmocka_unit_test(a_text_has_at_most_255_bytes),
        cmocka_unit_test(help_is_told_from_an_error),
        cmocka_unit_test(a_file_has_the_same_options),
        cmocka_unit_test(the_command_line_wins_wherever_it_names_the_file),
        cmocka_unit_test(a_line_that_is_wrong_refuses_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
