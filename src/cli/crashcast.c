#include "cli/crashcast.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/clock.h"
#include "wire/reason.h"

#define RETRY_NS  ((gw_mono_ns)10 * GW_NS_PER_MS)
#define QUIET_NS  ((gw_mono_ns)50 * GW_NS_PER_MS) /* after all came: time for what must not */
#define FILTER    "selftest/m/#"
#define HOST      "127.0.0.1"
#define NODES_MAX (GW_CRASHCAST_WINDOW + GW_CRASHCAST_SLOTS)

/* One message on its way. */
struct node {
    struct gw_client_send send;
    uint32_t number;
    bool out;     /* with the client */
    bool deletes; /* a retained message */
    char topic[GW_CRASHCAST_TOPIC];
    char payload[GW_CRASHCAST_PAYLOAD];
};

struct member {
    struct gw_crashcast *cast;
    struct gw_driver driver;
    struct gw_client_options options;
    struct gw_client_request request;
    struct node *nodes;
    unsigned node_count;
    char id[16];
    unsigned role;
    bool asked;     /* the request waits for its answer */
    bool connected; /* CONNACK came */
    bool session;   /* there must be one */
    uint32_t life;  /* messages published in this life of the broker */
};

/* A retained topic: the write that is acknowledged and the one that is not yet. */
struct topic {
    uint32_t number, next;
    bool deleted, next_deletes;
    bool written, pending; /* number and next hold something */
    uint32_t shown;
    bool seen;
};

enum slot_state { SLOT_NEVER, SLOT_OFF, SLOT_ON, SLOT_TURNING_OFF, SLOT_TURNING_ON };

struct slot {
    enum slot_state state;
    bool seen;
};

struct gw_crashcast {
    struct gw_crashbook *book;
    struct gw_random *random;
    struct gw_driver_target target;
    struct member members[GW_CRASHCAST_ROLES];
    struct topic topics[GW_CRASHCAST_TOPICS];
    struct slot slots[GW_CRASHCAST_SLOTS];
    unsigned turning; /* the slot whose request is out or has to be repeated; SLOTS: none */
    uint32_t writes;  /* of retained messages */
    uint32_t probes;  /* rounds */
    bool looking, probing;
    gw_mono_ns quiet_end; /* GW_NEVER: something is missing still */
    uint64_t refused;
};

static bool is_writer(unsigned role)
{
    return role < GW_CRASHBOOK_WRITERS;
}

static bool is_reader(unsigned role)
{
    return role == GW_CRASHCAST_READER || role == GW_CRASHCAST_AWAY;
}

/* ---- what the clients hear ---- */

static void on_connack(void *user, const struct gw_connack *connack)
{
    struct member *member = user;
    struct gw_crashbook *book = member->cast->book;
    if (connack->reason != GW_REASON_SUCCESS)
        return;
    member->connected = true;
    if (member->session)
        gw_crashbook_look(book, GW_CRASHBOOK_SESSION, connack->session_present);
    member->session = member->role != GW_CRASHCAST_LOOKER;
}

/* Reads "NUMBER " at the front of a text; false if there is none. */
static bool read_number(const char **text, uint32_t *ret_number)
{
    char *end;
    unsigned long number = strtoul(*text, &end, 10);
    if (end == *text || *end != ' ' || number > UINT32_MAX)
        return false;
    *ret_number = (uint32_t)number;
    *text = end + 1;
    return true;
}

/* "INDEX NUMBER " of a retained message or a probe; false if it is neither. */
static bool read_pair(struct gw_span payload, uint32_t index_max, uint32_t *ret_index,
                      uint32_t *ret_number)
{
    char text[GW_CRASHBOOK_NAME + 1] = "";
    size_t size = payload.size < GW_CRASHBOOK_NAME ? payload.size : GW_CRASHBOOK_NAME;
    if (size > 0)
        memcpy(text, payload.data, size);
    const char *at = text;
    return read_number(&at, ret_index) && *ret_index < index_max && read_number(&at, ret_number);
}

static void on_retained(struct gw_crashcast *cast, const struct gw_publish *publish)
{
    uint32_t index, number;
    if (!read_pair(publish->payload, GW_CRASHCAST_TOPICS, &index, &number)) {
        cast->book->strangers++;
        return;
    }
    cast->topics[index].seen = true;
    cast->topics[index].shown = number;
}

static void on_probe(struct gw_crashcast *cast, const struct gw_publish *publish)
{
    uint32_t index, round;
    if (!read_pair(publish->payload, GW_CRASHCAST_SLOTS, &index, &round))
        cast->book->strangers++;
    else if (round == cast->probes)
        cast->slots[index].seen = true;
}

static void on_message(void *user, const struct gw_publish *publish)
{
    struct member *member = user;
    struct gw_crashcast *cast = member->cast;
    if (is_reader(member->role))
        gw_crashbook_arrive(cast->book, member->role - GW_CRASHCAST_READER, publish->payload);
    else if (member->role == GW_CRASHCAST_LOOKER)
        on_retained(cast, publish);
    else if (member->role == GW_CRASHCAST_CHANGER)
        on_probe(cast, publish);
    else
        cast->book->strangers++;
}

static void settle_topic(struct topic *topic, const struct node *node)
{
    topic->number = node->number;
    topic->deleted = node->deletes;
    topic->written = true;
    topic->pending = false;
}

/* The broker stands for this message from now on. */
static void acknowledge(struct member *member, struct node *node)
{
    struct gw_crashcast *cast = member->cast;
    size_t index = (size_t)(node - member->nodes);
    if (member->role == GW_CRASHCAST_KEEPER)
        settle_topic(&cast->topics[index], node);
    else if (index < GW_CRASHCAST_WINDOW)
        gw_crashbook_acknowledge(cast->book, member->role, node->number);
}

static void on_sent(void *user, struct gw_client_send *send, uint8_t reason)
{
    struct member *member = user;
    struct node *node = GW_CONTAINER(send, struct node, send);
    node->out = false;
    if (reason < GW_REASON_UNSPECIFIED)
        acknowledge(member, node);
    else
        member->cast->refused++;
}

static void on_reply(void *user, struct gw_client_request *request, const struct gw_suback *suback)
{
    struct member *member = user;
    struct gw_crashcast *cast = member->cast;
    member->asked = false;
    if (!suback || member->role != GW_CRASHCAST_CHANGER)
        return;
    struct slot *slot = &cast->slots[cast->turning];
    slot->state = request->type == GW_PACKET_SUBSCRIBE ? SLOT_ON : SLOT_OFF;
    cast->turning = GW_CRASHCAST_SLOTS;
}

static const struct gw_client_events events = {
    .on_connack = on_connack,
    .on_message = on_message,
    .on_sent = on_sent,
    .on_reply = on_reply,
};

/* ---- life ---- */

static enum gw_status prepare(struct gw_crashcast *cast, unsigned role)
{
    static const char *const ids[GW_CRASHCAST_ROLES] = {"writer-0", "writer-1", "reader", "away",
                                                        "keeper",   "changer",  "looker"};
    struct member *member = &cast->members[role];
    bool old = role == GW_CRASHCAST_WRITER + 1 || role == GW_CRASHCAST_AWAY;
    member->cast = cast;
    member->role = role;
    snprintf(member->id, sizeof member->id, "%s", ids[role]);
    member->options.connect = (struct gw_connect){
        .version = old ? GW_VERSION_311 : GW_VERSION_5,
        .clean_start = role == GW_CRASHCAST_LOOKER,
        .client_id = gw_span_str(member->id),
    };
    if (!old && role != GW_CRASHCAST_LOOKER) {
        member->options.connect.props.present = GW_PROP_BIT(SESSION_EXPIRY);
        member->options.connect.props.session_expiry = UINT32_MAX;
    }
    member->node_count = is_writer(role)               ? NODES_MAX
                         : role == GW_CRASHCAST_KEEPER ? GW_CRASHCAST_TOPICS
                                                       : 0;
    member->nodes = calloc(member->node_count + 1, sizeof *member->nodes);
    enum gw_status status =
        gw_driver_init(&member->driver, &cast->target, &member->options, &events, member);
    return member->nodes ? status : GW_NO_MEMORY;
}

struct gw_crashcast *gw_crashcast_new(struct gw_crashbook *book, struct gw_random *random,
                                      uint16_t port)
{
    struct gw_crashcast *cast = calloc(1, sizeof *cast);
    if (!cast)
        return NULL;
    cast->book = book;
    cast->random = random;
    cast->target = (struct gw_driver_target){.host = HOST, .port = port};
    cast->turning = GW_CRASHCAST_SLOTS;
    enum gw_status status = GW_OK;
    for (unsigned role = 0; role < GW_CRASHCAST_ROLES; role++) {
        enum gw_status one = prepare(cast, role);
        status = status == GW_OK ? one : status;
    }
    if (status == GW_OK)
        return cast;
    gw_crashcast_free(cast);
    return NULL;
}

void gw_crashcast_free(struct gw_crashcast *cast)
{
    if (!cast)
        return;
    for (unsigned role = 0; role < GW_CRASHCAST_ROLES; role++) {
        gw_driver_fini(&cast->members[role].driver);
        free(cast->members[role].nodes);
    }
    free(cast);
}

uint64_t gw_crashcast_refused(const struct gw_crashcast *cast)
{
    return cast->refused;
}

/* ---- turns ---- */

static bool is_open(const struct member *member)
{
    return member->driver.socket >= 0;
}

/* One turn of all connections, waiting until something happens or the time is over. */
static void turn(struct gw_crashcast *cast, gw_mono_ns until)
{
    struct gw_pollset_item items[GW_CRASHCAST_ROLES];
    for (unsigned role = 0; role < GW_CRASHCAST_ROLES; role++) {
        const struct gw_driver *driver = &cast->members[role].driver;
        items[role] = (struct gw_pollset_item){.descriptor = driver->socket,
                                               .want_read = driver->socket >= 0,
                                               .want_write = gw_driver_unsent(driver) > 0};
    }
    enum gw_status waited = gw_pollset_wait(items, GW_CRASHCAST_ROLES, until, gw_driver_now());
    (void)waited; /* each connection looks for itself */
    for (unsigned role = 0; role < GW_CRASHCAST_ROLES; role++) {
        struct member *member = &cast->members[role];
        if (is_open(member) && gw_driver_turn(&member->driver, NULL, 0, gw_driver_now()) != GW_OK)
            member->connected = false;
    }
}

enum gw_status gw_crashcast_join(struct gw_crashcast *cast, unsigned roles)
{
    bool all = true;
    for (unsigned role = 0; role < GW_CRASHCAST_ROLES; role++) {
        struct member *member = &cast->members[role];
        if ((roles & GW_CRASHCAST_BIT(role)) == 0 || member->connected)
            continue;
        all = false;
        if (member->driver.client.state == GW_CLIENT_ENDED)
            return GW_REFUSED;
        if (!is_open(member) && gw_driver_open(&member->driver) != GW_OK)
            break; /* nobody listens yet */
    }
    if (all)
        return GW_OK;
    turn(cast, gw_driver_now() + RETRY_NS);
    return GW_AGAIN;
}

void gw_crashcast_part(struct gw_crashcast *cast, enum gw_crashcast_role role)
{
    struct member *member = &cast->members[role];
    const struct gw_sockets *sockets = gw_socket_system();
    if (!is_open(member))
        return;
    sockets->ops->shutdown(sockets->ctx, member->driver.socket);
    while (is_open(member) && gw_driver_turn(&member->driver, NULL, 0, GW_NEVER) == GW_OK)
        continue;
    member->connected = false;
}

void gw_crashcast_bury(struct gw_crashcast *cast)
{
    for (unsigned role = 0; role < GW_CRASHCAST_ROLES; role++) {
        struct member *member = &cast->members[role];
        while (is_open(member) && gw_driver_turn(&member->driver, NULL, 0, GW_NEVER) == GW_OK)
            continue;
        member->connected = false;
        member->life = 0;
        for (unsigned i = 0; i < member->node_count; i++) {
            /* PUBREC came: the promise is given, what is left are formalities */
            if (member->nodes[i].out && member->nodes[i].send.phase == GW_PHASE_PUBCOMP)
                acknowledge(member, &member->nodes[i]);
        }
    }
    cast->looking = cast->probing = false;
}

/* ---- asking ---- */

static enum gw_status ask(struct member *member, enum gw_packet_type type, const char *filter,
                          uint8_t qos)
{
    struct gw_filter_request one = {.filter = gw_span_str(filter),
                                    .qos = type == GW_PACKET_SUBSCRIBE ? qos : 0};
    member->request.type = type;
    member->asked = true;
    enum gw_status status =
        gw_client_request(&member->driver.client, &member->request, NULL, &one, 1, gw_driver_now());
    if (status != GW_OK)
        member->asked = false;
    return status;
}

enum gw_status gw_crashcast_subscribe(struct gw_crashcast *cast)
{
    bool all = true;
    for (unsigned role = GW_CRASHCAST_READER; role <= GW_CRASHCAST_AWAY; role++) {
        struct member *member = &cast->members[role];
        if (member->request.type != GW_PACKET_SUBSCRIBE)
            GW_TRY(ask(member, GW_PACKET_SUBSCRIBE, FILTER, 2));
        all = all && !member->asked;
    }
    if (!all)
        turn(cast, gw_driver_now() + RETRY_NS);
    return all ? GW_OK : GW_AGAIN;
}

/* ---- load ---- */

static enum gw_status put(struct member *member, struct node *node, uint8_t qos, bool retain,
                          size_t size)
{
    node->send.publish = (struct gw_publish){.retain = retain,
                                             .qos = qos,
                                             .topic_name = gw_span_str(node->topic),
                                             .payload = gw_span_of(node->payload, size)};
    node->out = true;
    enum gw_status status = gw_client_publish(&member->driver.client, &node->send, gw_driver_now());
    if (status != GW_OK)
        node->out = false;
    return status;
}

/* Fills up behind a payload's name; returns the whole size. */
static size_t pad(struct gw_crashcast *cast, struct node *node)
{
    size_t used = strlen(node->payload);
    size_t size = (size_t)gw_random_below(cast->random, GW_CRASHCAST_PAYLOAD);
    if (size <= used)
        return used;
    memset(node->payload + used, '%', size - used);
    return size;
}

static enum gw_status write_messages(struct gw_crashcast *cast, struct member *writer)
{
    for (unsigned i = 0; i < GW_CRASHCAST_WINDOW && writer->connected; i++) {
        struct node *node = &writer->nodes[i];
        if (node->out || writer->life == GW_CRASHCAST_LIFE)
            continue;
        writer->life++;
        uint8_t qos = (uint8_t)(1 + gw_random_below(cast->random, 2));
        memset(node->payload, 0, sizeof node->payload);
        GW_TRY(gw_crashbook_publish(cast->book, writer->role, qos, node->payload, &node->number));
        snprintf(node->topic, sizeof node->topic, "selftest/m/%u", writer->role);
        enum gw_status status = put(writer, node, qos, false, pad(cast, node));
        if (status != GW_OK)
            return status == GW_AGAIN ? GW_OK : status;
    }
    return GW_OK;
}

static enum gw_status write_retained(struct gw_crashcast *cast)
{
    struct member *keeper = &cast->members[GW_CRASHCAST_KEEPER];
    unsigned i = (unsigned)gw_random_below(cast->random, GW_CRASHCAST_TOPICS);
    struct node *node = &keeper->nodes[i];
    struct topic *topic = &cast->topics[i];
    if (!keeper->connected || node->out)
        return GW_OK;
    memset(node->payload, 0, sizeof node->payload);
    node->number = ++cast->writes;
    node->deletes = gw_random_below(cast->random, 4) == 0;
    snprintf(node->topic, sizeof node->topic, "selftest/r/%u", i);
    snprintf(node->payload, sizeof node->payload, "%u %u ", i, node->number);
    topic->next = node->number;
    topic->next_deletes = node->deletes;
    topic->pending = true;
    uint8_t qos = (uint8_t)(1 + gw_random_below(cast->random, 2));
    enum gw_status status = put(keeper, node, qos, true, node->deletes ? 0 : pad(cast, node));
    return status == GW_AGAIN ? GW_OK : status;
}

/* Turns a subscription on or off; one that a crash left open is asked for again. */
static enum gw_status change(struct gw_crashcast *cast)
{
    struct member *changer = &cast->members[GW_CRASHCAST_CHANGER];
    char filter[GW_CRASHCAST_TOPIC];
    if (!changer->connected || changer->asked)
        return GW_OK;
    if (cast->turning == GW_CRASHCAST_SLOTS) {
        cast->turning = (unsigned)gw_random_below(cast->random, GW_CRASHCAST_SLOTS);
        struct slot *slot = &cast->slots[cast->turning];
        slot->state = slot->state == SLOT_ON ? SLOT_TURNING_OFF : SLOT_TURNING_ON;
    }
    snprintf(filter, sizeof filter, "selftest/slot/%u", cast->turning);
    bool on = cast->slots[cast->turning].state == SLOT_TURNING_ON;
    enum gw_status status =
        ask(changer, on ? GW_PACKET_SUBSCRIBE : GW_PACKET_UNSUBSCRIBE, filter, 1);
    return status == GW_AGAIN ? GW_OK : status;
}

enum gw_status gw_crashcast_load(struct gw_crashcast *cast, gw_mono_ns until)
{
    for (unsigned i = 0; i < GW_CRASHBOOK_WRITERS; i++)
        GW_TRY(write_messages(cast, &cast->members[GW_CRASHCAST_WRITER + i]));
    GW_TRY(write_retained(cast));
    if (gw_random_below(cast->random, 8) == 0)
        GW_TRY(change(cast));
    turn(cast, until);
    return GW_OK;
}

static bool is_idle(const struct member *member)
{
    for (unsigned i = 0; i < member->node_count; i++) {
        if (member->nodes[i].out)
            return false;
    }
    return !member->asked && gw_client_settled(&member->driver.client);
}

bool gw_crashcast_drain(struct gw_crashcast *cast, gw_mono_ns until)
{
    turn(cast, until);
    for (unsigned role = 0; role < GW_CRASHCAST_ROLES; role++) {
        if (cast->members[role].connected && !is_idle(&cast->members[role]))
            return false;
    }
    return true;
}

/* ---- looking ---- */

/* What must be there is; GW_OK after a while in which the rest could come, or without patience. */
static enum gw_status await(struct gw_crashcast *cast, bool complete, gw_mono_ns patience_end)
{
    gw_mono_ns now = gw_driver_now();
    if (complete && cast->quiet_end == GW_NEVER)
        cast->quiet_end = now + QUIET_NS;
    if (now >= cast->quiet_end || now >= patience_end)
        return GW_OK;
    turn(cast, now + RETRY_NS);
    return GW_AGAIN;
}

/* A deletion that is not acknowledged may have happened. */
static bool topic_must_show(const struct topic *topic)
{
    return topic->written && !topic->deleted && !(topic->pending && topic->next_deletes);
}

static bool topic_is_right(const struct topic *topic)
{
    if (!topic->seen)
        return !topic_must_show(topic);
    if (topic->pending && !topic->next_deletes && topic->shown == topic->next)
        return true;
    return topic->written && !topic->deleted && topic->shown == topic->number;
}

enum gw_status gw_crashcast_look(struct gw_crashcast *cast, gw_mono_ns patience_end)
{
    bool complete = true;
    if (!cast->looking) {
        for (unsigned i = 0; i < GW_CRASHCAST_TOPICS; i++)
            cast->topics[i].seen = false;
        GW_TRY(ask(&cast->members[GW_CRASHCAST_LOOKER], GW_PACKET_SUBSCRIBE, "selftest/r/#", 1));
        cast->looking = true;
        cast->quiet_end = GW_NEVER;
    }
    for (unsigned i = 0; i < GW_CRASHCAST_TOPICS; i++)
        complete = complete && (cast->topics[i].seen || !topic_must_show(&cast->topics[i]));
    complete = complete && !cast->members[GW_CRASHCAST_LOOKER].asked;
    GW_TRY(await(cast, complete, patience_end));
    cast->looking = false;
    for (unsigned i = 0; i < GW_CRASHCAST_TOPICS; i++) {
        const struct topic *topic = &cast->topics[i];
        if (topic->written)
            gw_crashbook_look(cast->book,
                              topic->deleted ? GW_CRASHBOOK_DELETED : GW_CRASHBOOK_RETAINED,
                              topic_is_right(topic));
        else if (!topic_is_right(topic))
            cast->book->strangers++;
    }
    gw_crashcast_part(cast, GW_CRASHCAST_LOOKER);
    return GW_OK;
}

static enum gw_status send_probe(struct gw_crashcast *cast, unsigned index)
{
    struct member *writer = &cast->members[GW_CRASHCAST_WRITER];
    struct node *node = &writer->nodes[GW_CRASHCAST_WINDOW + index];
    cast->slots[index].seen = false;
    if (node->out)
        return GW_OK; /* of the round before */
    snprintf(node->topic, sizeof node->topic, "selftest/slot/%u", index);
    snprintf(node->payload, sizeof node->payload, "%u %u ", index, cast->probes);
    return put(writer, node, 1, false, strlen(node->payload));
}

enum gw_status gw_crashcast_probe(struct gw_crashcast *cast, gw_mono_ns patience_end)
{
    const struct member *writer = &cast->members[GW_CRASHCAST_WRITER];
    bool complete = true;
    if (!cast->probing) {
        cast->probes++;
        for (unsigned i = 0; i < GW_CRASHCAST_SLOTS; i++)
            GW_TRY(send_probe(cast, i));
        cast->probing = true;
        cast->quiet_end = GW_NEVER;
    }
    for (unsigned i = 0; i < GW_CRASHCAST_SLOTS; i++)
        complete = complete && (cast->slots[i].seen || cast->slots[i].state != SLOT_ON) &&
                   !writer->nodes[GW_CRASHCAST_WINDOW + i].out;
    GW_TRY(await(cast, complete, patience_end));
    cast->probing = false;
    for (unsigned i = 0; i < GW_CRASHCAST_SLOTS; i++) {
        const struct slot *slot = &cast->slots[i];
        if (slot->state == SLOT_ON)
            gw_crashbook_look(cast->book, GW_CRASHBOOK_SUBSCRIBED, slot->seen);
        else if (slot->state == SLOT_OFF)
            gw_crashbook_look(cast->book, GW_CRASHBOOK_UNSUBSCRIBED, !slot->seen);
    }
    return GW_OK;
}
