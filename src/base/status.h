/* status.h -- the one set of error codes used by every module.
 *
 * A status says what the caller can do about it, not which line failed; details go to the log at
 * the place where they are known. Includes nothing of ours.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum status {
    STATUS_OK = 0,
    STATUS_FULL,      /* a limit fixed at start was reached; try later or elsewhere */
    STATUS_INVALID,   /* the input breaks a rule; nothing was changed */
    STATUS_MISSING,   /* the thing asked for does not exist */
    STATUS_BUSY,      /* another process or operation holds it */
    STATUS_IO,        /* the kernel refused; errno was logged where it happened */
    STATUS_CORRUPT,   /* stored bytes contradict their checksum or their neighbours */
    STATUS_NO_MEMORY, /* only during start-up */
};

/* A short English phrase for logs: "ok", "corrupt", … Never NULL. */
const char *status_name(enum status status);

#endif
