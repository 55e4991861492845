/*
 * broker/lobby: connections that have not finished shaking hands (TLS, WebSocket): each of them
 *               costs far more than one at rest, so there is a bound on how many there are.
 *
 * Layer   broker.
 * Owner   the shard.
 * Life    init on the caller's memory; empty when its shard ends.
 * Limits  limits.login.handshakes, of which each shard has its share; for GW_LOBBY_PATIENCE it may
 *         be passed, slowly: who comes in a rush that is honest is done by then.
 */
#ifndef GW_BROKER_LOBBY_H
#define GW_BROKER_LOBBY_H

#include "base/list.h"
#include "base/time.h"

#define GW_LOBBY_PATIENCE (2 * GW_NS_PER_S)

struct gw_guest;
struct gw_shard;

struct gw_lobby {
    struct gw_list guests; /* gw_guest.opening, the oldest first */
    size_t count;
};

void gw_lobby_init(struct gw_lobby *lobby);

/* A connection that was accepted; nothing happens if it has no hands to shake. */
void gw_lobby_enter(struct gw_guest *client);
/* It has shaken hands, or ends; fine if it never was there. */
void gw_lobby_leave(struct gw_guest *client);

/* Sees to the bound: those who have been at it for longer than GW_LOBBY_PATIENCE make room. True
 * while there is none all the same: others should come slowly. */
bool gw_lobby_look(struct gw_shard *shard, gw_mono_ns now);

#endif
