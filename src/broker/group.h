/*
 * broker/group: shared subscriptions (MQTT 5.0 section 4.8.2): one group per $share text, owned by
 *               one shard, whose members may be on any.
 *
 * Layer   broker.
 * Owner   the shard that the hash of the whole filter text names; members speak to it by relay.
 * Life    a group lives while it has members; what it holds goes with it.
 * Limits  shared.queue for messages while no member can take them; per member at most
 *         GW_GROUP_IN_FLIGHT_FACTOR x limits.inflight QoS 1 and 2 messages handed over and not
 *         settled (sticky strategies: limits.queue, to stay sticky).
 *
 * A message goes to exactly one member (MQTT-4.8.2-4). What a member could not deliver (it was not
 * sent, or QoS 1 and not acknowledged when the member went) comes back and goes to another. QoS 2
 * that was sent stays with its session (MQTT-4.8.2-5). So does what a session that has unsubscribed
 * still holds (MQTT-3.10.4-3), until it ends.
 */
#ifndef GW_BROKER_GROUP_H
#define GW_BROKER_GROUP_H

#include "broker/shard.h"

#define GW_GROUP_IN_FLIGHT_FACTOR 2u

struct gw_group;

void gw_group_init(struct gw_shard *shard);
void gw_group_fini(struct gw_shard *shard);

/* -- for the member's shard -- */

/* The session has (or has changed) this shared subscription; it leaves. */
void gw_group_join(struct gw_shard *shard, const struct gw_subscription *subscription, bool is_new);
void gw_group_leave(struct gw_shard *shard, const struct gw_subscription *subscription);
/* Its client came, went; it ends. The last two give back what others may deliver. */
void gw_group_on_online(struct gw_shard *shard, struct gw_session *session);
void gw_group_on_offline(struct gw_shard *shard, struct gw_session *session);
void gw_group_on_end(struct gw_shard *shard, struct gw_session *session);
/* gw_outbox_host.on_settled: user is the shard. */
void gw_group_settled(void *user, struct gw_outbox *outbox, uint64_t share, uint32_t group_order);
/* gw_outbox_host.on_dropped: from the queue of a group. */
void gw_group_dropped(void *user, struct gw_outbox *outbox, uint32_t group_order);
void gw_group_on_assign(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

/* -- for the group's shard -- */

/* Gives what groups hold to members that can take it again, once a turn: not when a member settles,
 * which may be deep inside the delivery of something else. */
void gw_group_run(struct gw_shard *shard);

/* True if it has a member whose session is in the log: what it is owed is too. */
bool gw_group_is_durable(const struct gw_group *group);
/* Names it in the log; 0 = it is not there. */
uint64_t gw_group_serial(const struct gw_group *group);

/* The group behind an entry of kind GW_TARGET_GROUP. */
struct gw_group *gw_group_of(struct gw_target *target);
/* A group of the log, before its members join; after they have: false if none of them is durable,
 * and the group is gone. Then what it was owed, oldest first; takes the reference over. */
void gw_group_restore(struct gw_shard *shard, struct gw_span filter, uint64_t serial,
                      uint32_t next_order);
bool gw_group_restored(struct gw_shard *shard, struct gw_span filter);
void gw_group_restore_message(struct gw_shard *shard, struct gw_span filter, struct gw_blob *blob,
                              uint32_t order);
/* Writes it to the log once more, with what it is owed, in parts: at most `count_max` debts from
 * `part` on (0 to begin). Returns what to go on with, or GW_GROUP_ALL_TOLD; between two parts
 * anything may happen to the group. */
#define GW_GROUP_ALL_TOLD UINT64_MAX
uint64_t gw_group_slice(struct gw_shard *shard, struct gw_group *group, uint64_t part,
                        size_t count_max);

/* A message that matches the group: to one member, or into the queue. */
void gw_group_give(struct gw_shard *shard, struct gw_group *group, struct gw_message *message);
void gw_group_on_join(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);
void gw_group_on_leave(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);
void gw_group_on_presence(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);
void gw_group_on_settle(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);
void gw_group_on_return(struct gw_shard *shard, struct gw_relay_event *event, gw_mono_ns now);

#endif
