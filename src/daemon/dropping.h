/*
 * daemon/dropping: opens what only root may, then becomes the user of the configuration.
 *
 * Layer   daemon.
 * Owner   the main thread, before it starts others.
 * Life    none.
 * Limits  GW_INHERITED_MAX addresses.
 */
#ifndef GW_DAEMON_DROPPING_H
#define GW_DAEMON_DROPPING_H

#include "config/config.h"
#include "os/inherited.h"

/* Opens the listeners' addresses into the set and becomes `user` and `group`, if the configuration
 * names a user; says what is wrong on standard error. Returns the exit code. */
int gw_dropping_run(const struct gw_config *config, struct gw_inherited *inherited);

#endif
