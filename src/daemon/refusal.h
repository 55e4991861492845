/*
 * daemon/refusal: why the broker could not start, with the cure.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_REFUSAL_H
#define GW_DAEMON_REFUSAL_H

#include "broker/broker.h"

/* Says on standard error why an address cannot be listened on; returns the exit code. */
int gw_refusal_listen(const struct gw_broker_error *error);

/* Says on standard error why the store cannot be used; returns the exit code. */
int gw_refusal_store(const struct gw_store_error *error);

/* The configuration names a user or a group ("user", "group") that the system does not know. */
int gw_refusal_account(const char *kind, const char *name);
/* The process may not become this user; os_errno says why. */
int gw_refusal_become(const char *user, int os_errno);

#endif
