/*
 * daemon/moving: `godwit export`, `import`, `backup` and `restore`.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_DAEMON_MOVING_H
#define GW_DAEMON_MOVING_H

/* argv[0] is the command's own word. They return the exit code. */
int gw_moving_export(const char *program, int argc, char **argv);
int gw_moving_import(const char *program, int argc, char **argv);
int gw_moving_backup(const char *program, int argc, char **argv);
int gw_moving_restore(const char *program, int argc, char **argv);

#endif
