/*
 * daemon/homefile: the configuration that is taken when none is named: the one that `godwit init`
 * made in ./godwit, if it is safe to take.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_HOMEFILE_H
#define GW_DAEMON_HOMEFILE_H

#define GW_HOMEFILE_PATH "godwit/godwit.yaml"

/* Looks for it. *ret_path is NULL if there is none. What somebody else may have put there is not
 * taken, nor passed over: it says so and returns the exit code. */
int gw_homefile_find(const char *command, const char **ret_path);

#endif
