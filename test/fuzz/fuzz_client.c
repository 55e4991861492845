/* client/core/client: any server, any application. Packets are whole, nothing follows DISCONNECT,
 * ids in flight are unique and within the server's window, each message comes back once, and what
 * was given back is not touched any more. */
#include "fuzz.h"

#include "client/core/client.h"

#define SENDS    16
#define REQUESTS 4

struct world {
    struct gw_client client;
    struct gw_client_options options;
    struct gw_client_io io;
    struct gw_span input;
    struct gw_client_send sends[SENDS];
    bool out[SENDS]; /* with the client */
    struct gw_client_request requests[REQUESTS];
    bool asked[REQUESTS];
    bool blocked;
    bool said_goodbye; /* DISCONNECT was written on this connection */
    gw_mono_ns now;
    gw_packet_id incoming[4];
    uint8_t scratch[512];
    char alias[4][32];
};

static enum gw_status write_parts(void *user, const struct gw_span *parts, size_t part_count)
{
    struct world *world = user;
    if (world->blocked)
        return GW_AGAIN;
    struct gw_header header;
    struct gw_fault fault;
    enum gw_version version = world->options.connect.version;
    size_t size = 0;
    for (size_t i = 0; i < part_count; i++)
        size += parts[i].size;
    FUZZ_CHECK(gw_header_decode(parts[0], version, &header, &fault) == GW_OK);
    FUZZ_CHECK(gw_header_check(&header, version, &fault) == GW_OK);
    FUZZ_CHECK((size_t)header.size + header.remaining_length == size);
    FUZZ_CHECK(!world->said_goodbye);
    world->said_goodbye = header.type == GW_PACKET_DISCONNECT;
    return GW_OK;
}

static enum gw_status alias_set(void *user, uint16_t alias, struct gw_span topic_name)
{
    struct world *world = user;
    FUZZ_CHECK(alias > 0 && alias < GW_COUNT_OF(world->alias));
    if (topic_name.size >= sizeof world->alias[alias])
        return GW_LIMIT;
    memcpy(world->alias[alias], topic_name.data, topic_name.size);
    world->alias[alias][topic_name.size] = '\0';
    return GW_OK;
}

static enum gw_status alias_get(void *user, uint16_t alias, struct gw_span *ret_topic_name)
{
    struct world *world = user;
    FUZZ_CHECK(alias > 0 && alias < GW_COUNT_OF(world->alias));
    *ret_topic_name = gw_span_str(world->alias[alias]);
    return ret_topic_name->size > 0 ? GW_OK : GW_NOT_FOUND;
}

static void publish(struct world *world)
{
    size_t at = fuzz_u8(&world->input) % SENDS;
    if (world->out[at])
        return;
    struct gw_client_send *send = &world->sends[at];
    *send = (struct gw_client_send){.publish = {.qos = fuzz_u8(&world->input) & 3,
                                                .retain = (at & 1) != 0,
                                                .topic_name = GW_SPAN_LIT("t"),
                                                .payload = GW_SPAN_LIT("payload")}};
    world->out[at] = true;
    if (gw_client_publish(&world->client, send, world->now) != GW_OK)
        world->out[at] = false;
}

static void ask(struct world *world)
{
    size_t at = fuzz_u8(&world->input) % REQUESTS;
    if (world->asked[at])
        return;
    struct gw_filter_request filter = {.filter = GW_SPAN_LIT("a/#"), .qos = 2};
    world->requests[at].type = at & 1 ? GW_PACKET_SUBSCRIBE : GW_PACKET_UNSUBSCRIBE;
    world->asked[at] = true;
    if (gw_client_request(&world->client, &world->requests[at], NULL, &filter, 1, world->now) !=
        GW_OK)
        world->asked[at] = false;
}

static void say_goodbye(struct world *world)
{
    enum gw_status any = gw_client_disconnect(&world->client, 0, NULL, world->now);
    (void)any;
}

/* What an application does inside an event. */
static void react(struct world *world)
{
    if (world->input.size == 0)
        return; /* the reaction to zeros is to publish, which calls for the next reaction */
    switch (fuzz_u8(&world->input) & 15) {
    case 0: publish(world); break;
    case 1: ask(world); break;
    case 2: say_goodbye(world); break;
    case 3: gw_client_drain(&world->client); break;
    default: break;
    }
}

static void on_connack(void *user, const struct gw_connack *connack)
{
    (void)connack;
    react(user);
}

static void on_message(void *user, const struct gw_publish *publish)
{
    struct world *world = user;
    FUZZ_CHECK(!world->said_goodbye);
    FUZZ_CHECK(publish->topic_name.size > 0);
    react(world);
}

static void on_sent(void *user, struct gw_client_send *send, uint8_t reason)
{
    struct world *world = user;
    size_t at = (size_t)(send - world->sends);
    (void)reason;
    FUZZ_CHECK(world->out[at] && send->phase == GW_PHASE_NONE);
    world->out[at] = false;
    memset(send, 0xA5, sizeof *send); /* the caller's again: whoever still looks is lost */
    react(world);
}

static void on_reply(void *user, struct gw_client_request *request, const struct gw_suback *suback)
{
    struct world *world = user;
    size_t at = (size_t)(request - world->requests);
    (void)suback;
    FUZZ_CHECK(world->asked[at]);
    world->asked[at] = false;
    memset(request, 0xA5, sizeof *request);
}

static const struct gw_client_events events = {
    .on_connack = on_connack, .on_message = on_message, .on_sent = on_sent, .on_reply = on_reply};

/* The ids of what is unfinished are unique, and no more is in flight than allowed. */
static void check(const struct world *world)
{
    const struct gw_client *client = &world->client;
    size_t unfinished = 0;
    for (size_t i = 0; i < SENDS; i++) {
        unfinished += world->out[i];
        for (size_t k = 0; k < i; k++)
            FUZZ_CHECK(!world->out[i] || !world->out[k] ||
                       world->sends[i].publish.packet_id != world->sends[k].publish.packet_id);
    }
    FUZZ_CHECK(unfinished == client->inflight_count + client->queued_count);
    FUZZ_CHECK(client->incoming_count <= GW_COUNT_OF(world->incoming));
}

static void feed(struct world *world)
{
    size_t size = fuzz_u8(&world->input);
    if (size > world->input.size)
        size = world->input.size;
    uint8_t *bytes = fuzz_copy(gw_span_of(world->input.data, size));
    world->input = gw_span_from(world->input, size);
    size_t used = 0;
    bool idle = world->client.state == GW_CLIENT_IDLE;
    enum gw_status status =
        gw_client_on_bytes(&world->client, gw_span_of(bytes, size), world->now, &used);
    FUZZ_CHECK(used <= size);
    FUZZ_CHECK(!idle || status == GW_CLOSED);
    free(bytes);
}

static void step(struct world *world)
{
    enum gw_status any = GW_OK;
    switch (fuzz_u8(&world->input) & 15) {
    case 0: any = gw_client_connect(&world->client, world->now); break;
    case 1: publish(world); break;
    case 2: ask(world); break;
    case 3: world->blocked = !world->blocked; break;
    case 4:
        world->now += fuzz_u8(&world->input) * GW_NS_PER_S;
        any = gw_client_on_time(&world->client, world->now);
        break;
    case 5: say_goodbye(world); break;
    case 6:
        gw_client_on_closed(&world->client);
        world->said_goodbye = false;
        for (size_t i = 0; i < REQUESTS; i++)
            FUZZ_CHECK(!world->asked[i]);
        break;
    case 7: gw_client_drain(&world->client); break;
    default: feed(world); break;
    }
    (void)any;
    FUZZ_CHECK(gw_client_next_deadline(&world->client) > 0);
    check(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum gw_version versions[] = {GW_VERSION_31, GW_VERSION_311, GW_VERSION_5,
                                               GW_VERSION_5};
    struct world world = {.input = gw_span_of(data, size), .now = GW_NS_PER_S};
    uint8_t first = fuzz_u8(&world.input);
    world.io = (struct gw_client_io){write_parts, alias_set, alias_get, &world};
    world.options.connect = (struct gw_connect){.version = versions[first & 3],
                                                .clean_start = (first & 4) != 0,
                                                .keep_alive = 10,
                                                .client_id = GW_SPAN_LIT("me")};
    world.options.connect.props.present = GW_PROP_BIT(TOPIC_ALIAS_MAXIMUM);
    world.options.connect.props.topic_alias_maximum = GW_COUNT_OF(world.alias) - 1;
    world.options.inflight_max = first & 8 ? 3 : 0;
    world.options.incoming = world.incoming;
    world.options.incoming_max = GW_COUNT_OF(world.incoming);
    world.options.scratch = world.scratch;
    world.options.scratch_size = sizeof world.scratch;
    gw_client_init(&world.client, &world.options, &world.io, &events, &world);
    while (world.input.size > 0)
        step(&world);
    return 0;
}
