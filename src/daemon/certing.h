/*
 * daemon/certing: `godwit cert`: makes a CA, the certificates of brokers and clients, and tells
 * what stands in one.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    one call.
 * Limits  those of pki.
 */
#ifndef GW_DAEMON_CERTING_H
#define GW_DAEMON_CERTING_H

#include "pki/certnames.h"

/* argv[0] is the word "cert"; returns the exit code. */
int gw_certing_run(const char *program, int argc, char **argv);

/* Adds what this machine is called and its addresses. False: its host name cannot stand in a
 * certificate. */
bool gw_certing_own_names(struct gw_certnames *names);

/* A name for a CA of this machine, unlike that of any other; returns text. */
#define GW_CERTING_CA_NAME_MAX 64
const char *gw_certing_ca_name(char text[GW_CERTING_CA_NAME_MAX]);

#endif
