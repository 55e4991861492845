/*
 * daemon/certshow: `godwit cert show`: what stands in certificates, in words.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    one call.
 * Limits  GW_CABINET_FILE_MAX bytes of a file.
 */
#ifndef GW_DAEMON_CERTSHOW_H
#define GW_DAEMON_CERTSHOW_H

/* argv[0] is the word "show"; returns the exit code. */
int gw_certshow_run(const char *usage, int argc, char **argv);

#endif
