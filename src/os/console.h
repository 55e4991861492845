/*
 * os/console: standard output and error of a program: whole lines, what is behind them,
 * environment.
 *
 * Layer   os (may include base).
 * Owner   any thread; the environment is only read.
 * Life    none.
 * Limits  none of its own.
 */
#ifndef GW_OS_CONSOLE_H
#define GW_OS_CONSOLE_H

#include "base/span.h"
#include "base/status.h"

#define GW_CONSOLE_OUT 1
#define GW_CONSOLE_ERR 2

/* Writes all of a text, waiting as long as it takes; GW_CLOSED: nobody reads any more. */
GW_MUST_USE enum gw_status gw_console_write(int fd, struct gw_span text);

/* Writes a line with one write(2), but only if that does not wait (text.size up to PIPE_BUF, 4096,
 * for a pipe): GW_AGAIN if it would. */
GW_MUST_USE enum gw_status gw_console_try_write(int fd, struct gw_span text);

/* True if a person looks at it. */
bool gw_console_is_terminal(int fd);

/* True if a person looks at it on a terminal with colours who did not ask for none (NO_COLOR). */
bool gw_console_has_colour(int fd);

/* Columns of the terminal; 0 if there is none or it does not say. */
size_t gw_console_width(int fd);

/* True if systemd's journal reads it (JOURNAL_STREAM). */
bool gw_console_is_journal(int fd);

/* All variables of the environment, "NAME=value", ends with NULL. */
const char *const *gw_console_environment(void);

#endif
