#include "broker/rights.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/access.h"
#include "auth/users.h"
#include "auth/warrant.h"
#include "broker/authors.h"
#include "broker/registry.h"

#define SLOTS      8u
#define TOPIC_MAX  53u        /* bytes of a topic whose verdict is remembered */
#define NO_GUARD   UINT32_MAX /* never the shard's */
#define RULE_WORDS 64u

/* A topic that was judged. */
struct slot {
    uint64_t hash;
    uint8_t size; /* 0: the slot is empty */
    bool allowed;
    uint8_t qos_max;
    uint8_t topic[TOPIC_MAX];
};
_Static_assert(sizeof(struct slot) == 64, "a slot is a cache line");

/* What is remembered of a session that is not free. */
struct gw_rights {
    struct slot slots[SLOTS];
};

static const struct gw_access *rules_of(const struct gw_shard *shard)
{
    return gw_shard_settings(shard)->rights;
}

/* -- who asks -- */

/* Who a session belongs to; returns true if its client is away, and with it its address. */
static bool identify(const struct gw_session *session, struct gw_identity *ret_who)
{
    if (session->link) {
        *ret_who = gw_guest_identity(session->link);
        return false;
    }
    *ret_who = (struct gw_identity){
        .user = gw_blob_span(session->access.user),
        .groups = gw_blob_span(session->access.groups),
        .attributes = gw_blob_span(session->access.attributes),
        .client_id = gw_session_client_id(session),
        .anonymous = !session->access.user,
    };
    return true;
}

static enum gw_status add_attribute(void *user, const char *name, struct gw_span value)
{
    return gw_warrant_put(user, gw_span_str(name), value);
}

enum gw_status gw_rights_set_attributes(struct gw_guest *client, struct gw_span attributes)
{
    struct gw_buf all;
    struct gw_blob *blob = NULL;
    gw_buf_init(&all, GW_WARRANT_TEXT_MAX);
    enum gw_status status = gw_conn_attest(client->conn, add_attribute, &all);
    if (status == GW_OK)
        status = gw_buf_append(&all, attributes);
    if (status == GW_OK && all.size > 0) {
        blob = gw_blob_copy(gw_buf_span(&all));
        status = blob ? GW_OK : GW_NO_MEMORY;
    }
    gw_buf_fini(&all);
    if (status != GW_OK)
        return status;
    gw_blob_unref(&client->user.attributes);
    client->user.attributes = blob;
    return GW_OK;
}

/* -- saying no -- */

/* "access 3", "access_file line 12", "none". */
static const char *rule_words(const struct gw_access *access, uint32_t number,
                              char words[RULE_WORDS])
{
    if (number == GW_ACCESS_SYSTEM)
        return "$SYS is the broker's";
    if (number == GW_ACCESS_NO_RULE)
        return "none";
    const struct gw_access_rule *rule = gw_access_at(access, number);
    if (rule->from_file)
        snprintf(words, RULE_WORDS, "access_file line %u", (unsigned)rule->line);
    else
        snprintf(words, RULE_WORDS, "access rule %u", (unsigned)number + 1);
    return words;
}

/* What was denied to whom. */
struct denial {
    const struct gw_identity *who;
    const char *action;
    struct gw_span topic;
    uint32_t rule;
    enum gw_log_level level;
};

static void tell(struct gw_shard *shard, const struct denial *denial)
{
    char words[RULE_WORDS];
    struct gw_log_field fields[] = {
        gw_log_text("id", denial->who->client_id),
        gw_log_text("user", denial->who->user),
        gw_log_str("action", denial->action),
        gw_log_text("topic", denial->topic),
        gw_log_str("rule", rule_words(rules_of(shard), denial->rule, words)),
    };
    gw_log_event(gw_shard_log(shard), denial->level, "acl.denied", "not authorized", fields,
                 GW_COUNT_OF(fields));
}

/* Judges a publication; a no is counted and logged. */
static bool may_publish(struct gw_shard *shard, const struct gw_identity *who, bool absent,
                        const struct gw_message *message, const char *action)
{
    struct gw_access_question question = {
        .who = who,
        .action = GW_ACCESS_PUBLISH,
        .topic = message->topic_name,
        .qos = message->qos,
        .retain = message->retain,
        .absent = absent,
    };
    struct gw_access_verdict verdict = gw_access_judge(rules_of(shard), &question);
    if (verdict.allowed)
        return true;
    gw_metrics_add(&shard->metrics, GW_METRIC_ACL_DENIED, 1);
    tell(shard, &(struct denial){who, action, message->topic_name, verdict.rule, GW_LOG_WARN});
    return false;
}

/* -- publishers who may have gone -- */

/* The part of a topic that hashes to the client identifier, if one does. */
static struct gw_span find_client_id(const struct gw_message *message)
{
    struct gw_span rest = message->topic_name;
    for (;;) {
        const uint8_t *slash = rest.size > 0 ? memchr(rest.data, '/', rest.size) : NULL;
        struct gw_span level =
            gw_span_of(rest.data, slash ? (size_t)(slash - rest.data) : rest.size);
        if (level.size > 0 &&
            gw_hash_bytes(level, GW_REGISTRY_PUBLISHER_SEED) == message->publisher)
            return level;
        if (!slash)
            return GW_SPAN_NONE;
        rest = gw_span_from(rest, level.size + 1);
    }
}

/* What is known of a user who is not there. False: he is no user any more. */
static bool recall_user(const struct gw_shard *shard, enum gw_author_kind kind, struct gw_span name,
                        struct gw_identity *who)
{
    const struct gw_users *users = shard->config->users;
    const struct gw_userfile_user *user = users ? gw_users_find(users, name) : NULL;
    who->user = name;
    who->anonymous = kind == GW_AUTHOR_NOBODY;
    who->unknown |= GW_IDENTITY_ATTRIBUTES;
    if (user)
        who->groups = user->groups;
    else if (kind == GW_AUTHOR_OF_FILE && users)
        return false;
    if (kind != GW_AUTHOR_OF_FILE)
        who->unknown |= GW_IDENTITY_GROUPS;
    return true;
}

bool gw_rights_still_stand(struct gw_shard *shard, const struct gw_message *message)
{
    struct gw_span name;
    enum gw_author_kind kind =
        gw_authors_read(gw_authors_text(shard->world->authors, message->author), &name);
    struct gw_identity who = {
        .client_id = find_client_id(message),
        .client_hash = message->publisher,
        .client_seed = GW_REGISTRY_PUBLISHER_SEED,
        .unknown = GW_IDENTITY_CLIENT_ID,
    };
    struct gw_access_question question = {
        .who = &who,
        .action = GW_ACCESS_PUBLISH,
        .topic = message->topic_name,
        .qos = message->qos,
        .retain = message->retain,
        .absent = true,
    };
    if (kind == GW_AUTHOR_UNKNOWN)
        return true;
    bool stands = recall_user(shard, kind, name, &who);
    struct gw_access_verdict verdict = gw_access_judge(rules_of(shard), &question);
    if (stands && verdict.allowed)
        return true;
    gw_metrics_add(&shard->metrics, GW_METRIC_ACL_WITHHELD, 1);
    if (gw_log_wants(gw_shard_log(shard), GW_LOG_DEBUG))
        tell(shard,
             &(struct denial){&who, "keep", message->topic_name, verdict.rule, GW_LOG_DEBUG});
    return false;
}

/* The user of a session whose client is away is none any more; otherwise what is not known of him
 * is noted. */
static bool is_gone(const struct gw_shard *shard, const struct gw_session *session,
                    struct gw_identity *who)
{
    struct gw_identity now = {.anonymous = who->anonymous};
    struct gw_span name;
    enum gw_author_kind kind = GW_AUTHOR_VOUCHED; /* of one not seen since the start: who knows */
    if (session->access.known)
        kind =
            gw_authors_read(gw_authors_text(shard->world->authors, session->access.author), &name);
    if (who->anonymous)
        return false;
    bool gone = !recall_user(shard, kind, who->user, &now);
    if (!session->access.known) {
        who->unknown = now.unknown;
        who->groups = now.groups;
    }
    return gone;
}

bool gw_rights_judge(struct gw_guest *client, const struct gw_message *message)
{
    struct gw_identity who = gw_guest_identity(client);
    return may_publish(client->shard, &who, false, message, "publish");
}

bool gw_rights_may_leave_will(struct gw_guest *client, const struct gw_identity *who,
                              const struct gw_message *will)
{
    return may_publish(client->shard, who, false, will, "will");
}

bool gw_rights_may_publish_will(struct gw_shard *shard, struct gw_session *session,
                                const struct gw_message *will)
{
    struct gw_identity who;
    bool absent = identify(session, &who);
    if (absent && is_gone(shard, session, &who)) {
        gw_metrics_add(&shard->metrics, GW_METRIC_ACL_DENIED, 1);
        tell(shard,
             &(struct denial){&who, "will", will->topic_name, GW_ACCESS_NO_RULE, GW_LOG_WARN});
        return false;
    }
    return may_publish(shard, &who, absent, will, "will");
}

/* -- subscriptions -- */

static struct gw_access_verdict judge_filter(const struct gw_shard *shard,
                                             const struct gw_identity *who, bool absent,
                                             struct gw_span filter)
{
    struct gw_access_question question = {
        .who = who, .action = GW_ACCESS_SUBSCRIBE, .topic = filter, .absent = absent};
    return gw_access_grant(rules_of(shard), &question);
}

struct gw_access_verdict gw_rights_grant(struct gw_guest *client, struct gw_span filter)
{
    struct gw_shard *shard = client->shard;
    if (!rules_of(shard))
        return (struct gw_access_verdict){true, true, GW_QOS_MAX, GW_ACCESS_NO_RULE};
    struct gw_identity who = gw_guest_identity(client);
    struct gw_access_verdict grant = judge_filter(shard, &who, false, filter);
    if (!grant.allowed) {
        gw_metrics_add(&shard->metrics, GW_METRIC_ACL_DENIED, 1);
        tell(shard, &(struct denial){&who, "subscribe", filter, grant.rule, GW_LOG_WARN});
    }
    return grant;
}

/* Notes whether the messages of a subscription have to be judged. */
static void set_unchecked(struct gw_subscription *subscription, bool unchecked)
{
    struct gw_session_access *access = &subscription->session->access;
    if (subscription->unchecked == unchecked)
        return;
    subscription->unchecked = unchecked;
    if (unchecked) {
        access->unchecked++;
        access->guard = NO_GUARD;
    } else {
        access->unchecked--;
    }
}

void gw_rights_on_subscribed(struct gw_subscription *subscription,
                             const struct gw_access_verdict *grant)
{
    set_unchecked(subscription, !grant->covered);
}

void gw_rights_on_unsubscribe(struct gw_subscription *subscription)
{
    set_unchecked(subscription, false);
}

static struct gw_span bare_filter(const struct gw_subscription *subscription)
{
    struct gw_filter_parts parts;
    struct gw_span filter = gw_subscription_filter(subscription);
    return gw_filter_split(filter, 0, &parts) == GW_OK ? parts.filter : filter;
}

/* Looks at all subscriptions of a session with the rules in force. */
static void weigh(const struct gw_shard *shard, struct gw_session *session)
{
    struct gw_identity who;
    struct gw_rights *rights = session->access.rights;
    bool absent = identify(session, &who);
    GW_LIST_FOREACH (link, &session->subscriptions) {
        struct gw_subscription *subscription = GW_CONTAINER(link, struct gw_subscription, link);
        struct gw_access_verdict grant =
            judge_filter(shard, &who, absent, bare_filter(subscription));
        set_unchecked(subscription, !grant.covered);
    }
    if (rights)
        memset(rights, 0, sizeof(*rights));
    session->access.weighed = shard->guard;
}

/* -- a session -- */

static void forget(struct gw_shard *shard, struct gw_session *session)
{
    if (!session->access.rights)
        return;
    free(session->access.rights);
    session->access.rights = NULL;
    gw_shard_count_state(shard, -(int64_t)sizeof(struct gw_rights));
}

static void replace(struct gw_blob **place, struct gw_blob *blob)
{
    struct gw_blob *before = *place;
    *place = blob ? gw_blob_ref(blob) : NULL;
    gw_blob_unref(&before);
}

uint32_t gw_rights_author(const struct gw_guest *client)
{
    const struct gw_guest_user *user = &client->user;
    bool of_file = user->by == 0 && !gw_conn_peer_name(client->conn);
    enum gw_author_kind kind = !user->proved ? GW_AUTHOR_NOBODY
                               : of_file     ? GW_AUTHOR_OF_FILE
                                             : GW_AUTHOR_VOUCHED;
    return gw_authors_of(client->shard->world->authors, kind, gw_guest_user_name(client));
}

void gw_rights_on_connected(struct gw_guest *client)
{
    struct gw_session_access *access = &client->session->access;
    const struct gw_guest_user *user = &client->user;
    replace(&access->groups, user->proved ? user->groups : NULL);
    replace(&access->attributes, user->attributes);
    access->known = true;
    access->author = gw_rights_author(client);
    access->weighed = NO_GUARD;
    access->guard = client->shard->guard == 0 ? 0 : NO_GUARD;
}

void gw_rights_on_end(struct gw_shard *shard, struct gw_session *session)
{
    forget(shard, session);
}

/* From now on what came until now is judged again. */
static void begin_anew(struct gw_shard *shard)
{
    _Atomic gw_mono_ns *since = &shard->world->rights_since;
    gw_mono_ns now = gw_clock_mono(shard->world->services.clock);
    gw_mono_ns before = atomic_load_explicit(since, memory_order_relaxed);
    while (before < now && !atomic_compare_exchange_weak_explicit(
                               since, &before, now, memory_order_relaxed, memory_order_relaxed))
        ;
}

void gw_rights_on_configured(struct gw_shard *shard, const struct gw_shard_config *before)
{
    const struct gw_access *now = rules_of(shard);
    bool same = gw_access_equal(before ? before->config.rights : NULL, now);
    if (!before || !same || before->users != shard->config->users)
        begin_anew(shard);
    if (same)
        return;
    if (shard->guards++ >= NO_GUARD - 2) /* never: a reload a second lasts a century */
        shard->guards = 1;
    shard->guard = now ? shard->guards : 0;
}

/* -- receiving -- */

static struct slot *slot_of(struct gw_shard *shard, struct gw_session *session,
                            const struct gw_message *message)
{
    struct gw_rights *rights = session->access.rights;
    if (message->topic_name.size > TOPIC_MAX)
        return NULL;
    if (!rights) {
        rights = calloc(1, sizeof(*rights));
        if (!rights)
            return NULL;
        session->access.rights = rights;
        gw_shard_count_state(shard, (int64_t)sizeof(*rights));
    }
    return &rights->slots[message->topic_hash % SLOTS];
}

static bool is_in_slot(const struct slot *slot, const struct gw_message *message)
{
    return slot->hash == message->topic_hash && slot->size == message->topic_name.size &&
           memcmp(slot->topic, message->topic_name.data, slot->size) == 0;
}

static struct gw_access_verdict judge_topic(struct gw_shard *shard, struct gw_session *session,
                                            const struct gw_message *message)
{
    struct gw_identity who;
    bool absent = identify(session, &who);
    struct gw_access_question question = {
        .who = &who,
        .action = GW_ACCESS_SUBSCRIBE,
        .topic = message->topic_name,
        .absent = absent,
    };
    struct gw_access_verdict verdict = gw_access_judge(rules_of(shard), &question);
    if (!verdict.allowed && gw_log_wants(gw_shard_log(shard), GW_LOG_DEBUG))
        tell(shard,
             &(struct denial){&who, "receive", message->topic_name, verdict.rule, GW_LOG_DEBUG});
    return verdict;
}

/* The verdict on a topic, remembered or new. */
static struct slot look_up(struct gw_shard *shard, struct gw_session *session,
                           const struct gw_message *message)
{
    struct slot *slot = slot_of(shard, session, message);
    if (slot && is_in_slot(slot, message))
        return *slot;
    struct gw_access_verdict verdict = judge_topic(shard, session, message);
    struct slot found = {
        .hash = message->topic_hash,
        .allowed = verdict.allowed,
        .qos_max = verdict.qos_max,
    };
    if (slot) {
        found.size = (uint8_t)message->topic_name.size;
        memcpy(found.topic, message->topic_name.data, found.size);
        *slot = found;
    }
    return found;
}

bool gw_rights_may_receive(struct gw_shard *shard, struct gw_session *session,
                           const struct gw_message *message, uint8_t *qos)
{
    struct gw_session_access *access = &session->access;
    if (!rules_of(shard)) {
        forget(shard, session);
        access->guard = shard->guard;
        return true;
    }
    if (!session->link && !access->known) /* judged when it comes and it is known who it is */
        return true;
    if (access->weighed != shard->guard)
        weigh(shard, session);
    if (access->unchecked == 0 && session->outbox.queued_count == 0) {
        forget(shard, session);
        access->guard = shard->guard;
        return true;
    }
    struct slot verdict = look_up(shard, session, message);
    if (!verdict.allowed) {
        gw_metrics_add(&shard->metrics, GW_METRIC_ACL_WITHHELD, 1);
        return false;
    }
    if (*qos > verdict.qos_max)
        *qos = verdict.qos_max;
    return true;
}
