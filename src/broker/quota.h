/*
 * broker/quota: how many connections one address and one user may have, how fast they may come, and
 *               who comes and goes so often that he is held off.
 *
 * Layer   broker. One of the few files with atomics.
 * Owner   any shard; the counts are those of the whole broker.
 * Life    new/free; what was counted in for a client is counted out by the leave functions, twice
 *         is fine.
 * Limits  limits.connections_unauthenticated_per_address, limits.address, limits.login.connections,
 *         limits.flapping.
 *
 * Addresses are told apart by a hash of 16 bits: two that share it share their bounds. Users are
 * told apart by their numbers (broker/authors), clients by a hash of 64 bits of user and
 * identifier.
 */
#ifndef GW_BROKER_QUOTA_H
#define GW_BROKER_QUOTA_H

#include "broker/guest.h"

struct gw_quota;

/* NULL when memory is out. */
struct gw_quota *gw_quota_new(uint64_t seed);
/* NULL is fine. */
void gw_quota_free(struct gw_quota *quota);

/* A connection has come from its address. NULL: it is counted; else which limit it would pass, in
 * words, and nothing is counted. */
const char *gw_quota_enter(struct gw_guest *client, gw_mono_ns now);
/* It ends, or its address turns out to be another: before the address changes. */
void gw_quota_leave(struct gw_guest *client);

/* True if its user has as many connections as he may, not counting the older one of this client. */
bool gw_quota_user_is_full(const struct gw_guest *client, const struct gw_guest *older);
/* It is let in, it lets go of its session. */
void gw_quota_enter_user(struct gw_guest *client);
void gw_quota_leave_user(struct gw_guest *client);

/* A client wants in under this identifier. False: it comes too often and is held off. */
bool gw_quota_may_come(struct gw_guest *client, struct gw_span client_id, gw_mono_ns now);

#endif
