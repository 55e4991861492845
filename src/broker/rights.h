/*
 * broker/rights: what clients may publish and receive by the rules in force (auth/access).
 *
 * Layer   broker.
 * Owner   the shard of the session.
 * Life    what is remembered of a session ends with it, or when it needs no judging any more.
 * Limits  verdicts of 8 topics are remembered for a session.
 *
 * A session is free while everything that can reach it may be received: there are no rules, or all
 * its subscriptions are covered. Then its guard is the shard's, and that comparison is all that a
 * delivery costs. Every other message is judged by its topic when it is given to the session and
 * again when it goes out. A reload gives the shard another guard, so that each session is looked at
 * again before its next message; so does CONNECT.
 */
#ifndef GW_BROKER_RIGHTS_H
#define GW_BROKER_RIGHTS_H

#include "broker/guest.h"

/* Notes what it has proved besides its name: what its certificate says, and these attributes of a
 * warrant. GW_NO_MEMORY; GW_LIMIT: it is too much to be kept (GW_WARRANT_TEXT_MAX). Neither changes
 * anything. */
GW_MUST_USE enum gw_status gw_rights_set_attributes(struct gw_guest *client,
                                                    struct gw_span attributes);

/* The number of its user in broker/authors. */
uint32_t gw_rights_author(const struct gw_guest *client);

/* May the client publish this (topic, QoS, RETAIN) by the rules? A no is logged. */
bool gw_rights_judge(struct gw_guest *client, const struct gw_message *message);
/* The same, at no cost where there are no rules. */
static inline bool gw_rights_may_publish(struct gw_guest *client, const struct gw_message *message)
{
    const struct gw_span *name = &message->topic_name;
    bool free = client->shard->guard == 0 && name->size > 0 && name->data[0] != '$';
    return GW_LIKELY(free) || gw_rights_judge(client, message);
}
/* May it leave this will? Asked for an identity, for a session does not exist yet. */
bool gw_rights_may_leave_will(struct gw_guest *client, const struct gw_identity *who,
                              const struct gw_message *will);
/* May the will of a session be published now, whose client may have gone? A no is logged. */
bool gw_rights_may_publish_will(struct gw_shard *shard, struct gw_session *session,
                                const struct gw_message *will);

/* May the client subscribe to this bare filter? A no is logged. */
struct gw_access_verdict gw_rights_grant(struct gw_guest *client, struct gw_span filter);
/* It has subscribed with this grant; the subscription goes. */
void gw_rights_on_subscribed(struct gw_subscription *subscription,
                             const struct gw_access_verdict *grant);
void gw_rights_on_unsubscribe(struct gw_subscription *subscription);

/* The session has a client, perhaps another user or from elsewhere, or its user's groups are others
 * now; it ends. */
void gw_rights_on_connected(struct gw_guest *client);
void gw_rights_on_end(struct gw_shard *shard, struct gw_session *session);

/* Other rules and users may be in force than `before` (NULL: the broker starts). */
void gw_rights_on_configured(struct gw_shard *shard, const struct gw_shard_config *before);

/* Does its publisher have the right to a message that was taken from him before rules or users
 * changed? */
bool gw_rights_still_stand(struct gw_shard *shard, const struct gw_message *message);
/* May a message that was kept go to anybody now? */
static inline bool gw_rights_may_go_out(struct gw_shard *shard, const struct gw_message *message)
{
    gw_mono_ns since = atomic_load_explicit(&shard->world->rights_since, memory_order_relaxed);
    return GW_LIKELY(message->author == 0 || message->received_at > since) ||
           gw_rights_still_stand(shard, message);
}

/* True if nothing that reaches the session needs judging. */
static inline bool gw_rights_are_free(const struct gw_shard *shard,
                                      const struct gw_session *session)
{
    return session->access.guard == shard->guard;
}

/* May the session receive this message? Lowers *qos to what it may be received with. */
bool gw_rights_may_receive(struct gw_shard *shard, struct gw_session *session,
                           const struct gw_message *message, uint8_t *qos);

#endif
