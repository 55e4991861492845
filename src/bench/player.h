/*
 * bench/player: one client of a measurement: as little work as the protocol allows.
 *
 * Layer   bench (may include cli, net, os, proto, topic, wire, base).
 * Owner   the drill's loop.
 * Life    init, open, close; fini after on_end.
 * Limits  plan->unacknowledged QoS 1 and 2 messages that it has sent and nobody acknowledged;
 *         GW_PLAYER_OUTPUT_MAX bytes that wait for the socket.
 */
#ifndef GW_BENCH_PLAYER_H
#define GW_BENCH_PLAYER_H

#include "base/buf.h"
#include "bench/witness.h"
#include "net/conn.h"
#include "proto/assembler.h"
#include "wire/packet.h"

#define GW_PLAYER_OUTPUT_MAX ((size_t)128 * 1024)

/* What is the same for all players. */
struct gw_player_plan {
    struct gw_address address;
    enum gw_version version;
    uint8_t qos;
    uint16_t keep_alive;
    uint32_t packet_max;
    uint32_t unacknowledged;
    uint32_t payload_size;
    struct gw_span user_name; /* empty data NULL: none */
    struct gw_span password;
};

enum gw_player_state {
    GW_PLAYER_IDLE,       /* next: CONNECTING */
    GW_PLAYER_CONNECTING, /* next: SUBSCRIBING, READY, ENDED */
    GW_PLAYER_SUBSCRIBING,
    GW_PLAYER_READY,   /* next: LEAVING, ENDED */
    GW_PLAYER_LEAVING, /* DISCONNECT is out; next: ENDED */
    GW_PLAYER_ENDED,
};

struct gw_player;

struct gw_player_events {
    void (*on_ready)(struct gw_player *player, gw_mono_ns now);
    /* A message came. */
    void (*on_message)(struct gw_player *player, const struct gw_witness_mark *mark,
                       gw_mono_ns now);
    /* One of its own was acknowledged to the end (QoS 1, 2); `at` is its mark's. */
    void (*on_acknowledged)(struct gw_player *player, gw_mono_ns at, gw_mono_ns now);
    /* It could not publish and may be able to now. */
    void (*on_room)(struct gw_player *player, gw_mono_ns now);
    /* The connection is gone; player->trouble says why unless it was LEAVING. */
    void (*on_end)(struct gw_player *player, gw_mono_ns now);
};

struct gw_player {
    const struct gw_player_plan *plan;
    const struct gw_player_events *events;
    void *user;
    struct gw_conn *conn;
    struct gw_assembler assembler;
    enum gw_player_state state;
    uint32_t index;
    struct gw_buf packet; /* of a publisher: its PUBLISH, ready but for identifier and mark */
    size_t packet_id_at;
    size_t mark_at;
    gw_mono_ns *sent_at; /* of a publisher with QoS 1 or 2: by the lower bits of its identifier */
    uint32_t sent_mask;  /* ... which those are */
    uint32_t quota;      /* messages that may be in flight: plan, and what the broker takes */
    uint32_t counter;    /* messages it has sent */
    uint32_t in_flight;  /* of them, not acknowledged */
    uint16_t last_id;
    bool wants_room;
    char filter[96]; /* of a subscriber; empty: it has none */
    char trouble[128];
};

/* Prepares a player. A publisher has a topic, a subscriber a filter (not for long: 95 bytes), one
 * may have both; NULL: none. GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_player_init(struct gw_player *player,
                                          const struct gw_player_plan *plan, uint32_t index,
                                          const char *topic, const char *filter);
void gw_player_fini(struct gw_player *player);

/* Connects, and subscribes if it has a filter; on_ready or on_end follow. GW_OS_ERROR (trouble),
 * GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_player_open(struct gw_player *player, struct gw_loop *loop,
                                          const char *client_id);

/* Publishes a message that was meant for `at`; false: not now, on_room will come. */
bool gw_player_publish(struct gw_player *player, gw_mono_ns at);

/* Says DISCONNECT and closes; on_end follows. */
void gw_player_close(struct gw_player *player);

#endif
