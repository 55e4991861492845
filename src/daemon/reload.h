/*
 * daemon/reload: puts a changed configuration in force, all of it or nothing, and logs what
 * changed.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_RELOAD_H
#define GW_DAEMON_RELOAD_H

#include "broker/broker.h"
#include "broker/logger.h"
#include "daemon/arguments.h"
#include "daemon/people.h"

/* Loads again and applies, users included. On success *running is the new configuration; else it is
 * untouched. */
void gw_reload_run(struct gw_broker *broker, struct gw_logger *logger,
                   const struct gw_arguments_config *options, struct gw_config *running,
                   struct gw_people *people);

#endif
