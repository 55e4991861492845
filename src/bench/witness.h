/*
 * bench/witness: what every message of a measurement carries, and who watches that each arrives
 *                once and in order.
 *
 * Layer   bench (may include cli, net, os, proto, topic, wire, base). Pure but for malloc.
 * Owner   one thread.
 * Life    init, fini.
 * Limits  GW_WITNESS_WINDOW messages of a publisher on their way at a time: what comes later than
 *         that many behind others is out of order, and not looked at for being there twice.
 */
#ifndef GW_BENCH_WITNESS_H
#define GW_BENCH_WITNESS_H

#include "base/span.h"
#include "base/status.h"
#include "base/time.h"

#define GW_WITNESS_SIZE   16u /* bytes at the front of a payload */
#define GW_WITNESS_WINDOW 1024u

struct gw_witness_mark {
    uint32_t publisher;
    uint32_t counter; /* of this publisher's messages, from 0 */
    gw_mono_ns at;    /* when it was meant to be sent */
};

/* Writes a mark into GW_WITNESS_SIZE bytes. */
void gw_witness_write(uint8_t *bytes, const struct gw_witness_mark *mark);
/* Reads one; GW_INVALID: the payload is too short. */
GW_MUST_USE enum gw_status gw_witness_read(struct gw_span payload,
                                           struct gw_witness_mark *ret_mark);

/* What came of one publisher. */
struct gw_witness_stream {
    uint32_t base; /* all before this one were looked at */
    uint32_t next; /* one behind the highest that came */
    uint64_t window[GW_WITNESS_WINDOW / 64];
};

/* Watches what one receiver (or one group of them) gets of some publishers. */
struct gw_witness {
    uint32_t first; /* its publishers: first .. first + count - 1 */
    uint32_t count;
    struct gw_witness_stream *streams;
    uint64_t received; /* each message once */
    uint64_t doubled;
    uint64_t disordered;
    uint64_t foreign; /* of nobody it listens to */
};

/* GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_witness_init(struct gw_witness *witness, uint32_t first,
                                           uint32_t count);
/* NULL is fine. */
void gw_witness_fini(struct gw_witness *witness);

/* A message came. True if it is one that had not come before. */
bool gw_witness_see(struct gw_witness *witness, const struct gw_witness_mark *mark);

#endif
