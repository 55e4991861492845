/*
 * daemon/passwd: `godwit passwd`: users and their passwords in a user file.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    none.
 * Limits  GW_USERFILE_SIZE_MAX, GW_PASSWORD_SIZE_MAX.
 */
#ifndef GW_DAEMON_PASSWD_H
#define GW_DAEMON_PASSWD_H

/* Runs the command; returns the exit code. */
int gw_passwd_run(const char *program, int argc, char **argv);

#endif
