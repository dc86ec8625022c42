/* log.h -- one line a happening, on standard error: time, level, event, key=value pairs.
 *
 *     2026-11-23T21:40:00.123456Z info ready address=127.0.0.1:9999 records=12
 *
 * Any thread may call it; a line is one write(2) of at most LOG_LINE_SIZE_MAX bytes, longer ones
 * are cut. Nothing is logged for each request. Events are words with dashes: "disk-failed".
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum { LOG_LINE_SIZE_MAX = 1024 };

/* `format` gives the key=value pairs, printf-like; "" for none. */
__attribute__((format(printf, 2, 3))) void log_info(const char *event, const char *format, ...);
__attribute__((format(printf, 2, 3))) void log_warning(const char *event, const char *format, ...);
__attribute__((format(printf, 2, 3))) void log_error(const char *event, const char *format, ...);

#endif
