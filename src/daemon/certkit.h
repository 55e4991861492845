/*
 * daemon/certkit: what a device gets: its key, its certificate, the CA, a C header with all three,
 * and a page that shows how to use them; as a directory or a tar archive.
 *
 * Layer   daemon.
 * Owner   the main thread.
 * Life    one call.
 * Limits  GW_CERTKIT_SIZE_MAX bytes of an archive.
 */
#ifndef GW_DAEMON_CERTKIT_H
#define GW_DAEMON_CERTKIT_H

#include "daemon/certwords.h"

#define GW_CERTKIT_SIZE_MAX ((size_t)1024 * 1024)

/* Makes one for words->name; returns the exit code. */
int gw_certkit_make(const struct gw_certwords *words, const struct gw_cabinet *cabinet);

#endif
