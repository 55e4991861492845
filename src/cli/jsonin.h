/*
 * cli/jsonin: reads a JSON text and writes it again in the form of cli/jsonout.
 *
 * Layer   cli. Pure but for the buffer's malloc.
 * Owner   the caller.
 * Life    none.
 * Limits  GW_JSONIN_DEPTH_MAX nested objects and arrays.
 */
#ifndef GW_CLI_JSONIN_H
#define GW_CLI_JSONIN_H

#include "cli/jsonout.h"

#define GW_JSONIN_DEPTH_MAX 1000u

/* Copies one whole JSON value. GW_MALFORMED if it is none, GW_LIMIT, GW_NO_MEMORY; what was written
 * until then stays. */
GW_MUST_USE enum gw_status gw_jsonin_copy(struct gw_span text, struct gw_jsonout *out);

#endif
