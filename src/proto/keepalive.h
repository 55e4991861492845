/*
 * proto/keepalive: when a peer has been silent for too long (MQTT-3.1.2-22).
 *
 * Layer   proto (may include wire, base). Pure: no clock, no I/O, no malloc.
 * Owner   whoever owns the connection; not thread-safe.
 * Life    init on the caller's memory; nothing to release.
 * Limits  one deadline; only whole packets count as a sign of life.
 */
#ifndef GW_PROTO_KEEPALIVE_H
#define GW_PROTO_KEEPALIVE_H

#include "base/time.h"

struct gw_keepalive {
    gw_mono_ns last_packet;
    uint16_t seconds; /* 0 = off */
};

static inline void gw_keepalive_init(struct gw_keepalive *keepalive, uint16_t seconds,
                                     gw_mono_ns now)
{
    *keepalive = (struct gw_keepalive){now, seconds};
}

/* A whole packet came. */
static inline void gw_keepalive_on_packet(struct gw_keepalive *keepalive, gw_mono_ns now)
{
    keepalive->last_packet = now;
}

/* When the peer is to be given up: one and a half times its interval after its last packet. */
static inline gw_mono_ns gw_keepalive_next_deadline(const struct gw_keepalive *keepalive)
{
    if (keepalive->seconds == 0)
        return GW_NEVER;
    return keepalive->last_packet + keepalive->seconds * (GW_NS_PER_S + GW_NS_PER_S / 2);
}

#endif
