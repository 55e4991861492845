/*
 * broker/registry: the sessions of one shard: found, made, left behind, ended.
 *
 * Layer   broker.
 * Owner   the shard.
 * Life    a session lives here from its first CONNECT to its end (expiry, clean start, shutdown).
 * Limits  limits.sessions, limits.connections_unauthenticated_per_address.
 */
#ifndef GW_BROKER_REGISTRY_H
#define GW_BROKER_REGISTRY_H

#include "broker/shard.h"

/* Of gw_session.client_hash. Not secret and the same at every start: a message in the log names its
 * publisher by this hash, for No Local and rights. Who makes identifiers that collide keeps his own
 * messages from himself. */
#define GW_REGISTRY_PUBLISHER_SEED UINT64_C(0x676F64776974)

/* Prepares the maps of a shard. */
void gw_registry_init(struct gw_shard *shard);
/* Ends all sessions without publishing anything, at the end of the shard. */
void gw_registry_fini(struct gw_shard *shard);

/* The session of a client identifier, or NULL. */
struct gw_session *gw_registry_find(struct gw_shard *shard, struct gw_span client_id);
/* Makes one; GW_LIMIT (limits.sessions), GW_NO_MEMORY. */
GW_MUST_USE enum gw_status gw_registry_create(struct gw_shard *shard, struct gw_span client_id,
                                              struct gw_session **ret_session);
/* The same for one that the log knows: limits do not hold for what was promised. */
GW_MUST_USE enum gw_status gw_registry_restore(struct gw_shard *shard, struct gw_span client_id,
                                               struct gw_session **ret_session);
/* Offline ones that came from the log: what is due is done, timers run. */
void gw_registry_begin(struct gw_shard *shard, struct gw_session *session, gw_mono_ns now);
/* Its connection is gone: the will, what it owes to groups, expiry. The session may be gone after.
 */
void gw_registry_on_closed(struct gw_shard *shard, struct gw_session *session,
                           enum gw_session_close how, gw_mono_ns now);
/* Ends a session: publishes a will that is due, takes it out of everything, frees it. */
void gw_registry_end(struct gw_shard *shard, struct gw_session *session, gw_mono_ns now);
/* The bytes that name the host of an address: without its port, an IPv6 host by its /64; empty for
 * what is not of the network. Borrowed from the address. */
struct gw_span gw_registry_host(const struct gw_address *address);
/* Counts a connection of an address, over all shards, in (1) or out (-1); GW_LIMIT. */
enum gw_status gw_registry_count_address(struct gw_shard *shard, const struct gw_address *address,
                                         int change);

/* Removes one subscription from session, index and groups. */
void gw_registry_unsubscribe(struct gw_shard *shard, struct gw_subscription *subscription);

#endif
