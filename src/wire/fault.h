/*
 * wire/fault: raises the faults of fault.def, for the decoders of this folder.
 *
 * Layer   wire (may include base). Pure.
 * Owner   an immutable table.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_WIRE_FAULT_H
#define GW_WIRE_FAULT_H

#include "base/utf8.h"
#include "wire/packet.h"

enum gw_fault_kind {
#define X(name, reason, what, clause5, clause3) GW_FAULT_##name,
#include "wire/fault.def"
#undef X
    GW_FAULT_KIND_COUNT
};

/* Fills *ret_fault (if not NULL) from the table with the clause of the version (GW_VERSION_NONE
 * counts as 5); returns GW_MALFORMED for reason 0x81, else GW_PROTOCOL. */
enum gw_status gw_fault_raise(enum gw_fault_kind kind, enum gw_version version,
                              struct gw_fault *ret_fault);

/* Raises what makes a text no MQTT string; `why` must not be GW_UTF8_VALID. */
enum gw_status gw_fault_raise_utf8(enum gw_utf8_fault why, enum gw_version version,
                                   struct gw_fault *ret_fault);

/* Raises the fault of a reason code that must not stand in a packet of `type`. */
enum gw_status gw_fault_raise_reason(enum gw_packet_type type, enum gw_version version,
                                     struct gw_fault *ret_fault);

/* Reads a length-prefixed UTF-8 string and validates it, with the clauses of a version. */
GW_MUST_USE enum gw_status gw_fault_read_string(struct gw_reader *r, enum gw_version version,
                                                struct gw_span *ret_span,
                                                struct gw_fault *ret_fault);

#endif
