/*
 * proto/window: packet identifiers of messages that we sent and the peer has not settled, and the
 * send quota of the connection (MQTT 5.0 sections 2.2.1, 4.9).
 *
 * Layer   proto (may include wire, base). Allocates as the window grows, never per message.
 * Owner   whoever owns the session; not thread-safe.
 * Life    init/fini; identifiers are session state, the quota is reset for each connection.
 * Limits  GW_WINDOW_MAX identifiers in use.
 *
 * A drained window gives back all but the smallest table, so that a client which settles one
 * message before the next does not cost an allocation each time.
 *
 * An identifier's slot is id modulo the capacity, and an identifier is only given out if its slot
 * is free: look-up is one index, whatever order the peer settles in.
 */
#ifndef GW_PROTO_WINDOW_H
#define GW_PROTO_WINDOW_H

#include "wire/packet.h"

#define GW_WINDOW_MAX 65535u

struct gw_window_slot {
    void *item; /* NULL: free */
    gw_packet_id id;
};

struct gw_window {
    struct gw_window_slot *slots;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;    /* identifiers in use */
    gw_packet_id last;
    uint16_t quota;      /* sends that the peer still takes on this connection */
    uint16_t quota_full; /* what it started with */
};

void gw_window_init(struct gw_window *window);
void gw_window_fini(struct gw_window *window);

/* A new connection: the quota starts at `quota` (MQTT-4.9.0-1). */
void gw_window_restart(struct gw_window *window, uint16_t quota);

/* Gives out an identifier for item (not NULL); GW_LIMIT: all in use; GW_NO_MEMORY. Does not touch
 * the quota. */
GW_MUST_USE enum gw_status gw_window_open(struct gw_window *window, void *item,
                                          gw_packet_id *ret_id);
/* Takes this identifier for item, which is not NULL: one that is known from before. GW_LIMIT: it is
 * in use, or 0; GW_NO_MEMORY. The next ones come after it. */
GW_MUST_USE enum gw_status gw_window_claim(struct gw_window *window, gw_packet_id id, void *item);
/* An identifier that is in use is another item's from now on. */
void gw_window_replace(struct gw_window *window, gw_packet_id id, void *item);
/* The item of an identifier, or NULL. */
void *gw_window_get(const struct gw_window *window, gw_packet_id id);
/* Frees an identifier that is in use. */
void gw_window_close(struct gw_window *window, gw_packet_id id);

/* Takes one from the quota; false if there is none left. */
bool gw_window_spend(struct gw_window *window);
/* Gives one back, never above the start (MQTT-4.9.0-1). */
void gw_window_refund(struct gw_window *window);

#endif
