/*
 * keep/audit: reads all of a store, from the oldest segment on, and says what cannot be read.
 *
 * Layer   keep (may include cli, session, store, proto, topic, wire, os, base).
 * Owner   the main thread.
 * Life    run fills in a result, fini releases it.
 * Limits  GW_AUDIT_PLACES_MAX places are kept, all are counted.
 *
 * May run beside a broker: what is written or recycled meanwhile is no damage.
 */
#ifndef GW_KEEP_AUDIT_H
#define GW_KEEP_AUDIT_H

#include "base/buf.h"
#include "keep/trouble.h"

#define GW_AUDIT_PLACES_MAX 10000u

/* Something that is not as it was written. */
struct gw_audit_place {
    uint32_t segment;
    uint64_t offset;
    uint64_t size;   /* bytes; 0 if that cannot be told */
    const char *why; /* constant */
};

struct gw_audit {
    uint64_t segments, bytes, chunks, records;
    uint64_t messages; /* still needed, and read */
    uint64_t torn_bytes;
    gw_position torn_at; /* 0: the end is not torn */
    struct gw_audit_place *places;
    size_t place_count, place_capacity;
    uint64_t damaged; /* places in all */
};

/* Reads the store; damage is no failure of this function. */
GW_MUST_USE enum gw_status gw_audit_run(const char *path, struct gw_audit *ret_audit,
                                        struct gw_trouble *trouble);
void gw_audit_fini(struct gw_audit *audit);
/* One line a place and a summary, or one JSON object; GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_audit_print(const struct gw_audit *audit, const char *path, bool json,
                                          struct gw_buf *buf);

#endif
