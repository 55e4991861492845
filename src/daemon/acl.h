/*
 * daemon/acl: `godwit acl test` and `godwit acl ls`: what the access rules of a configuration say.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_ACL_H
#define GW_DAEMON_ACL_H

/* `godwit acl …`; argv[0] is "acl". Returns the exit code; 1: the answer is no. */
int gw_acl_run(const char *program, int argc, char **argv);

#endif
