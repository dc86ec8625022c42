#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Appends as much of the text as fits and leaves room for the line's end. */
__attribute__((format(printf, 3, 0))) static size_t
text_append(char *line, size_t size, const char *format, va_list arguments)
{
    size_t room = LOG_LINE_SIZE_MAX - size; /* vsnprintf's zero takes the newline's place */
    int count = vsnprintf(line + size, room, format, arguments);
    if (count < 0) {
        return size;
    }
    return (size_t)count < room ? size + (size_t)count : LOG_LINE_SIZE_MAX - 1;
}

static size_t head_write(char *line, const char *level, const char *event)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(CLOCK_SYSTEM.realtime_us(CLOCK_SYSTEM.context), time);
    int count = snprintf(line, LOG_LINE_SIZE_MAX - 1, "%s %s %s", time, level, event);
    if (count < 0) {
        return 0;
    }
    return (size_t)count < LOG_LINE_SIZE_MAX - 2 ? (size_t)count : LOG_LINE_SIZE_MAX - 2;
}

__attribute__((format(printf, 3, 0))) static void line_write(const char *level, const char *event,
                                                             const char *format, va_list arguments)
{
    char line[LOG_LINE_SIZE_MAX];
    size_t size = head_write(line, level, event);
    if (format[0] != '\0') {
        line[size] = ' ';
        size = text_append(line, size + 1, format, arguments);
    }
    for (size_t i = 0; i < size; i++) { /* a value must not pose as a line of its own */
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[size] = '\n';
    ssize_t written = write(STDERR_FILENO, line, size + 1);
    (void)written; /* there is nowhere to report that reporting fails */
}

void log_info(const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line_write("info", event, format, arguments);
    va_end(arguments);
}

void log_warning(const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line_write("warning", event, format, arguments);
    va_end(arguments);
}

void log_error(const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line_write("error", event, format, arguments);
    va_end(arguments);
}
