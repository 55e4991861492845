/*
 * os/prompt: a secret from whoever sits at the terminal, or from the first line of a pipe.
 *
 * Layer   os (may include base).
 * Owner   the main thread.
 * Life    none.
 * Limits  the buffer's.
 */
#ifndef GW_OS_PROMPT_H
#define GW_OS_PROMPT_H

#include "base/buf.h"

/* Asks on standard error and reads a line from standard input, without showing what is typed if
 * that is a terminal; the end of the line is left out. GW_END: there was none. GW_LIMIT,
 * GW_NO_MEMORY of the buffer, GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_prompt_secret(const char *question, struct gw_buf *out);

#endif
