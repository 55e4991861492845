/*
 * daemon/confining: lets the process reach no files but those that its configuration names, and
 *                   what the system's libraries need.
 *
 * Layer   daemon.
 * Owner   the main thread, before it starts others.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_CONFINING_H
#define GW_DAEMON_CONFINING_H

#include "base/log.h"
#include "config/config.h"

/* Does it if the configuration says so, with the store where it is (NULL: none); tells the log if
 * the kernel cannot. */
void gw_confining_run(const struct gw_config *config, const char *store, const struct gw_log *log);

#endif
