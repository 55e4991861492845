/*
 * config/confnumber: numbers with their units as a person writes them, and back.
 *
 * Layer   config. No I/O.
 * Owner   any thread.
 * Life    none.
 * Limits  64 bits; beyond is an error.
 */
#ifndef GW_CONFIG_CONFNUMBER_H
#define GW_CONFIG_CONFNUMBER_H

#include "config/config.h"
#include "config/confreport.h"

#define GW_CONFNUMBER_TEXT_MAX 64 /* a number with its unit, with the end mark */

/* Parses a count ("50k", "1_000"), a size in bytes ("2MB", "16MiB") or a time ("1h30m", "never") to
 * a number: as it is, bytes, nanoseconds (GW_NEVER). GW_INVALID with the error. */
GW_MUST_USE enum gw_status gw_confnumber_parse(enum gw_config_kind kind, struct gw_span text,
                                               uint64_t *ret_number,
                                               struct gw_confreport_error *error);

/* Writes a number of one of these kinds in the largest unit that keeps it exact; returns text. */
const char *gw_confnumber_text(enum gw_config_kind kind, uint64_t number,
                               char text[GW_CONFNUMBER_TEXT_MAX]);

#endif
