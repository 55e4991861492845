/* The client core against scripted bytes: what goes in, what comes out, which events follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "wire/reason.h"

#define OUT_MAX 4096

struct rig {
    struct gw_client client;
    struct gw_client_options options;
    struct gw_client_io io;
    uint8_t out[OUT_MAX];
    size_t out_size;
    bool blocked; /* the transport takes nothing */
    gw_mono_ns now;
    char said[1024]; /* the events, as words */
    char alias[8][32];
    gw_packet_id incoming[4];
    uint8_t scratch[1024];
    bool drain_on_message;
    bool end_on_message;
};

static void say(struct rig *rig, const char *format, ...) GW_PRINTF(2, 3);
static void say(struct rig *rig, const char *format, ...)
{
    size_t used = strlen(rig->said);
    va_list args;
    va_start(args, format);
    vsnprintf(rig->said + used, sizeof rig->said - used, format, args);
    va_end(args);
}

static enum gw_status rig_write(void *user, const struct gw_span *parts, size_t part_count)
{
    struct rig *rig = user;
    if (rig->blocked)
        return GW_AGAIN;
    for (size_t i = 0; i < part_count; i++) {
        assert_true(rig->out_size + parts[i].size <= OUT_MAX);
        memcpy(rig->out + rig->out_size, parts[i].data, parts[i].size);
        rig->out_size += parts[i].size;
    }
    return GW_OK;
}

static enum gw_status rig_alias_set(void *user, uint16_t alias, struct gw_span topic_name)
{
    struct rig *rig = user;
    snprintf(rig->alias[alias], sizeof rig->alias[alias], "%.*s", GW_SPAN_FMT(topic_name));
    return GW_OK;
}

static enum gw_status rig_alias_get(void *user, uint16_t alias, struct gw_span *ret_topic_name)
{
    struct rig *rig = user;
    *ret_topic_name = gw_span_str(rig->alias[alias]);
    return ret_topic_name->size > 0 ? GW_OK : GW_NOT_FOUND;
}

static void on_connack(void *user, const struct gw_connack *connack)
{
    say(user, "connack %d %d;", connack->session_present, connack->reason);
}

static void on_message(void *user, const struct gw_publish *publish)
{
    struct rig *rig = user;
    say(rig, "message %.*s=%.*s;", GW_SPAN_FMT(publish->topic_name), GW_SPAN_FMT(publish->payload));
    if (rig->drain_on_message)
        gw_client_drain(&rig->client);
    if (rig->end_on_message)
        assert_int_equal(gw_client_disconnect(&rig->client, 0, NULL, rig->now), GW_OK);
}

static void on_sent(void *user, struct gw_client_send *send, uint8_t reason)
{
    say(user, "sent %d %d;", send->publish.packet_id, reason);
}

static void on_reply(void *user, struct gw_client_request *request, const struct gw_suback *suback)
{
    say(user, "reply %d %d;", request->packet_id,
        suback && suback->reasons.size > 0 ? suback->reasons.data[0] : -1);
}

static void on_disconnect(void *user, const struct gw_disconnect *disconnect)
{
    say(user, "disconnect %d;", disconnect->reason);
}

static const struct gw_client_events events = {.on_connack = on_connack,
                                               .on_message = on_message,
                                               .on_sent = on_sent,
                                               .on_reply = on_reply,
                                               .on_disconnect = on_disconnect};

static void rig_init(struct rig *rig, enum gw_version version)
{
    memset(rig, 0, sizeof *rig);
    rig->io = (struct gw_client_io){rig_write, rig_alias_set, rig_alias_get, rig};
    rig->options = (struct gw_client_options){
        .connect = {.version = version,
                    .clean_start = true,
                    .keep_alive = 10,
                    .client_id = GW_SPAN_LIT("me")},
        .incoming = rig->incoming,
        .incoming_max = GW_COUNT_OF(rig->incoming),
        .scratch = rig->scratch,
        .scratch_size = sizeof rig->scratch,
    };
    rig->now = 100 * GW_NS_PER_S;
    gw_client_init(&rig->client, &rig->options, &rig->io, &events, rig);
}

static size_t unhex(const char *text, uint8_t *bytes)
{
    size_t size = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        char pair[3] = {text[0], text[1], '\0'};
        bytes[size++] = (uint8_t)strtoul(pair, NULL, 16);
        text++;
    }
    return size;
}

/* Gives bytes to the client; the status and how much it used. */
static enum gw_status feed_some(struct rig *rig, const char *hex, size_t *ret_used)
{
    uint8_t bytes[1024];
    size_t size = unhex(hex, bytes);
    return gw_client_on_bytes(&rig->client, gw_span_of(bytes, size), rig->now, ret_used);
}

static enum gw_status feed(struct rig *rig, const char *hex)
{
    size_t used;
    return feed_some(rig, hex, &used);
}

/* What was written since the last look must be these bytes, what was said these words. */
static void expect(struct rig *rig, const char *hex, const char *said)
{
    uint8_t bytes[1024];
    size_t size = unhex(hex, bytes);
    char got[2 * OUT_MAX + 1] = "";
    for (size_t i = 0; i < rig->out_size && i < OUT_MAX; i++)
        snprintf(got + 2 * i, 3, "%02x", rig->out[i]);
    if (size != rig->out_size || memcmp(bytes, rig->out, size) != 0)
        print_error("wrote %s, expected %s\n", got, hex);
    assert_int_equal(size, rig->out_size);
    assert_memory_equal(bytes, rig->out, size);
    assert_string_equal(rig->said, said);
    rig->out_size = 0;
    rig->said[0] = '\0';
}

/* Connects and takes an accepting CONNACK. */
static void rig_connect(struct rig *rig, const char *connack)
{
    assert_int_equal(gw_client_connect(&rig->client, rig->now), GW_OK);
    assert_int_equal(feed(rig, connack), GW_MORE);
    assert_int_equal(rig->client.state, GW_CLIENT_CONNECTED);
    rig->out_size = 0;
    rig->said[0] = '\0';
}

static void rig_ready(struct rig *rig, enum gw_version version)
{
    rig_init(rig, version);
    rig_connect(rig, version == GW_VERSION_5 ? "20 03 00 00 00" : "20 02 00 00");
}

static void publish(struct rig *rig, struct gw_client_send *send, uint8_t qos,
                    enum gw_status expected)
{
    *send = (struct gw_client_send){
        .publish = {.qos = qos, .topic_name = GW_SPAN_LIT("t"), .payload = GW_SPAN_LIT("p")}};
    assert_int_equal(gw_client_publish(&rig->client, send, rig->now), expected);
}

static void test_connect(void **state)
{
    static const struct {
        enum gw_version version;
        const char *connect, *connack, *said;
        enum gw_status status;
        enum gw_client_state after;
    } rows[] = {
        {GW_VERSION_31, "10 10 0006 4d5149736470 03 02 000a 0002 6d65", "20 02 00 00",
         "connack 0 0;", GW_MORE, GW_CLIENT_CONNECTED},
        {GW_VERSION_311, "10 0e 0004 4d515454 04 02 000a 0002 6d65", "20 02 01 00", "connack 1 0;",
         GW_MORE, GW_CLIENT_CONNECTED},
        {GW_VERSION_311, "10 0e 0004 4d515454 04 02 000a 0002 6d65", "20 02 00 05", "connack 0 5;",
         GW_CLOSED, GW_CLIENT_ENDED},
        {GW_VERSION_5, "10 0f 0004 4d515454 05 02 000a 00 0002 6d65", "20 03 00 00 00",
         "connack 0 0;", GW_MORE, GW_CLIENT_CONNECTED},
        {GW_VERSION_5, "10 0f 0004 4d515454 05 02 000a 00 0002 6d65", "20 03 00 87 00",
         "connack 0 135;", GW_CLOSED, GW_CLIENT_ENDED},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct rig rig;
        rig_init(&rig, rows[i].version);
        assert_int_equal(gw_client_connect(&rig.client, rig.now), GW_OK);
        expect(&rig, rows[i].connect, "");
        assert_int_equal(feed(&rig, rows[i].connack), rows[i].status);
        expect(&rig, "", rows[i].said);
        assert_int_equal(rig.client.state, rows[i].after);
    }
}

static void test_connect_with_will(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    struct gw_connect *connect = &rig.options.connect;
    connect->has_will = true;
    connect->will = (struct gw_will_view){
        .topic_name = GW_SPAN_LIT("w"), .payload = GW_SPAN_LIT("x"), .qos = 1, .retain = true};
    connect->will.props.present = GW_PROP_BIT(WILL_DELAY);
    connect->will.props.will_delay = 5;
    connect->props.present = GW_PROP_BIT(SESSION_EXPIRY);
    connect->props.session_expiry = 9;
    assert_int_equal(gw_client_connect(&rig.client, rig.now), GW_OK);
    expect(&rig,
           "10 20 0004 4d515454 05 2e 000a 05 11 00000009 0002 6d65"
           "05 18 00000005 0001 77 0001 78",
           "");
}

static void test_bytes_one_by_one(void **state)
{
    static const char hex[] = "20020000 30050001 74 7879 d000";
    uint8_t bytes[64];
    size_t size = unhex(hex, bytes);
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_311);
    assert_int_equal(gw_client_connect(&rig.client, rig.now), GW_OK);
    size_t done = 0;
    for (size_t end = 1; end <= size; end++) {
        size_t used = 0;
        struct gw_span part = gw_span_of(bytes + done, end - done);
        assert_int_equal(gw_client_on_bytes(&rig.client, part, rig.now, &used), GW_MORE);
        done += used;
    }
    assert_int_equal(done, size);
    assert_string_equal(rig.said, "connack 0 0;message t=xy;");
}

static void test_wanted(void **state)
{
    struct rig rig;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    assert_int_equal(gw_client_wanted(&rig.client, gw_span_of("\x30", 1)), 0);
    assert_int_equal(gw_client_wanted(&rig.client, gw_span_of("\x30\x80", 2)), 0);
    assert_int_equal(gw_client_wanted(&rig.client, gw_span_of("\x30\x80\x01", 3)), 131);
}

static void test_publish_by_qos(void **state)
{
    struct rig rig;
    struct gw_client_send a, b, c;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    publish(&rig, &a, 0, GW_OK);
    expect(&rig, "30 04 0001 74 70", "sent 1 0;");
    publish(&rig, &b, 1, GW_OK);
    expect(&rig, "32 06 0001 74 0002 70", "");
    publish(&rig, &c, 2, GW_OK);
    expect(&rig, "34 06 0001 74 0003 70", "");
    assert_int_equal(feed(&rig, "50 02 0003"), GW_MORE);
    expect(&rig, "62 02 0003", "");
    assert_int_equal(feed(&rig, "40 02 0002"), GW_MORE);
    expect(&rig, "", "sent 2 0;");
    assert_int_equal(feed(&rig, "40 02 0003"), GW_MORE); /* not what it waits for */
    expect(&rig, "", "");
    assert_int_equal(feed(&rig, "70 02 0003"), GW_MORE);
    expect(&rig, "", "sent 3 0;");
    assert_int_equal(c.phase, GW_PHASE_NONE);
}

static void test_failed_acknowledgements(void **state)
{
    struct rig rig;
    struct gw_client_send a, b;
    (void)state;
    rig_ready(&rig, GW_VERSION_5);
    publish(&rig, &a, 1, GW_OK);
    publish(&rig, &b, 2, GW_OK);
    rig.out_size = 0;
    assert_int_equal(feed(&rig, "40 03 0001 87"), GW_MORE);
    assert_int_equal(feed(&rig, "50 03 0002 97"), GW_MORE); /* no PUBREL: MQTT-4.3.3-4 */
    expect(&rig, "", "sent 1 135;sent 2 151;");
    assert_int_equal(feed(&rig, "50 02 0009"), GW_MORE); /* of nobody */
    expect(&rig, "62 03 0009 92", "");
}

static void test_flow_control(void **state)
{
    struct rig rig;
    struct gw_client_send s[4];
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    rig_connect(&rig, "20 06 00 00 03 21 0002"); /* receive maximum 2 */
    for (size_t i = 0; i < 3; i++)
        publish(&rig, &s[i], 1, GW_OK);
    publish(&rig, &s[3], 0, GW_OK); /* QoS 0 needs no room */
    expect(&rig, "32 07 0001 74 0001 00 70  32 07 0001 74 0002 00 70  30 05 0001 74 00 70",
           "sent 4 0;");
    assert_int_equal(s[2].phase, GW_PHASE_QUEUED);
    assert_int_equal(feed(&rig, "40 02 0001"), GW_MORE);
    expect(&rig, "32 07 0001 74 0003 00 70", "sent 1 0;");
}

static void test_limits_of_the_server(void **state)
{
    struct rig rig;
    struct gw_client_send s;
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    /* maximum QoS 1, no retained messages, packets of 10 bytes */
    rig_connect(&rig, "20 0c 00 00 09 24 01 25 00 27 0000000a");
    publish(&rig, &s, 2, GW_REFUSED);
    s = (struct gw_client_send){.publish = {.topic_name = GW_SPAN_LIT("t"), .retain = true}};
    assert_int_equal(gw_client_publish(&rig.client, &s, rig.now), GW_REFUSED);
    s = (struct gw_client_send){.publish = {.topic_name = GW_SPAN_LIT("t123456")}};
    assert_int_equal(gw_client_publish(&rig.client, &s, rig.now), GW_LIMIT);
    s = (struct gw_client_send){.publish = {.topic_name = GW_SPAN_LIT("a/+")}};
    assert_int_equal(gw_client_publish(&rig.client, &s, rig.now), GW_INVALID);
    s = (struct gw_client_send){.publish = {.topic_name = GW_SPAN_LIT("t"), .qos = 3}};
    assert_int_equal(gw_client_publish(&rig.client, &s, rig.now), GW_INVALID);
    expect(&rig, "", "");
}

static void test_blocked_transport(void **state)
{
    struct rig rig;
    struct gw_client_send s, t;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    rig.blocked = true;
    publish(&rig, &s, 0, GW_AGAIN);
    publish(&rig, &s, 1, GW_OK); /* queued; the id of the one that failed is used again */
    assert_int_equal(s.publish.packet_id, 1);
    size_t used = 99;
    /* The message is shown once; its answer is kept and the next packet waits for it. */
    assert_int_equal(feed_some(&rig, "32 06 0001 74 0007 78 d0 00", &used), GW_AGAIN);
    assert_int_equal(used, 8);
    expect(&rig, "", "message t=x;");
    assert_int_equal(feed_some(&rig, "d0 00", &used), GW_AGAIN);
    assert_int_equal(used, 0);
    rig.blocked = false;
    assert_int_equal(feed_some(&rig, "d0 00", &used), GW_MORE);
    assert_int_equal(used, 2);
    expect(&rig, "40 02 0007", "");
    assert_int_equal(gw_client_on_time(&rig.client, rig.now), GW_OK);
    expect(&rig, "32 06 0001 74 0001 70", "");
    publish(&rig, &t, 2, GW_OK);
    rig.out_size = 0;
    rig.blocked = true; /* PUBREC whose PUBREL does not fit is not taken */
    assert_int_equal(feed_some(&rig, "50 02 0002", &used), GW_AGAIN);
    assert_int_equal(used, 0);
    assert_int_equal(t.phase, GW_PHASE_PUBREC);
}

static void test_incoming_messages(void **state)
{
    struct rig rig;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    assert_int_equal(feed(&rig, "30 04 0001 74 61  32 06 0001 74 0001 62  34 06 0001 74 0002 63"),
                     GW_MORE);
    expect(&rig, "40 02 0001 50 02 0002", "message t=a;message t=b;message t=c;");
    assert_false(gw_client_settled(&rig.client));
    assert_int_equal(feed(&rig, "3c 06 0001 74 0002 63"), GW_MORE); /* once more: not shown */
    expect(&rig, "50 02 0002", "");
    assert_int_equal(feed(&rig, "62 02 0002"), GW_MORE);
    expect(&rig, "70 02 0002", "");
    assert_true(gw_client_settled(&rig.client));
    assert_int_equal(feed(&rig, "62 02 0002"), GW_MORE); /* PUBREL is always answered */
    expect(&rig, "70 02 0002", "");
}

static void test_too_many_unfinished(void **state)
{
    struct rig rig;
    (void)state;
    rig_ready(&rig, GW_VERSION_5);
    for (unsigned i = 1; i <= GW_COUNT_OF(rig.incoming); i++) {
        char hex[64];
        snprintf(hex, sizeof hex, "34 07 0001 74 %04x 00 63", i);
        assert_int_equal(feed(&rig, hex), GW_MORE);
    }
    rig.out_size = 0;
    rig.said[0] = '\0';
    assert_int_equal(feed(&rig, "34 07 0001 74 0009 00 63"), GW_PROTOCOL);
    expect(&rig, "e0 01 93", "");
    assert_int_equal(rig.client.fault.reason, GW_REASON_RECEIVE_MAXIMUM_EXCEEDED);
}

static void test_drain(void **state)
{
    struct rig rig;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    rig.drain_on_message = true;
    /* The first is finished, the second neither shown nor acknowledged. */
    assert_int_equal(feed(&rig, "34 06 0001 74 0001 61  32 06 0001 74 0002 62  62 02 0001"),
                     GW_MORE);
    expect(&rig, "50 02 0001 70 02 0001", "message t=a;");
    assert_true(gw_client_settled(&rig.client));
}

static void test_disconnect_inside_an_event(void **state)
{
    struct rig rig;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    rig.end_on_message = true;
    assert_int_equal(feed(&rig, "32 06 0001 74 0001 61  30 04 0001 74 62"), GW_CLOSED);
    expect(&rig, "e0 00", "message t=a;"); /* nothing may follow DISCONNECT */
    assert_int_equal(rig.client.state, GW_CLIENT_DISCONNECTING);
}

static void test_aliases(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    rig.options.connect.props.present = GW_PROP_BIT(TOPIC_ALIAS_MAXIMUM);
    rig.options.connect.props.topic_alias_maximum = 3;
    rig_connect(&rig, "20 03 00 00 00");
    assert_int_equal(feed(&rig, "30 08 0001 74 03 23 0002 61  30 07 0000 03 23 0002 62"), GW_MORE);
    expect(&rig, "", "message t=a;message t=b;");
    assert_int_equal(feed(&rig, "30 07 0000 03 23 0001 62"), GW_PROTOCOL); /* never set */
    expect(&rig, "e0 01 94", "");
    gw_client_on_closed(&rig.client);
    rig_connect(&rig, "20 03 00 00 00");
    assert_int_equal(feed(&rig, "30 08 0001 74 03 23 0004 61"), GW_PROTOCOL); /* above our max */
    expect(&rig, "e0 01 94", "");
}

static void test_subscribe(void **state)
{
    struct rig rig;
    struct gw_client_request one = {.type = GW_PACKET_SUBSCRIBE};
    struct gw_client_request two = {.type = GW_PACKET_UNSUBSCRIBE};
    struct gw_filter_request filters[] = {{.filter = GW_SPAN_LIT("a/#"), .qos = 2},
                                          {.filter = GW_SPAN_LIT("b"), .no_local = true}};
    (void)state;
    rig_ready(&rig, GW_VERSION_5);
    assert_int_equal(gw_client_request(&rig.client, &one, NULL, filters, 2, rig.now), GW_OK);
    assert_int_equal(gw_client_request(&rig.client, &two, NULL, filters, 1, rig.now), GW_OK);
    expect(&rig, "82 0d 0001 00 0003 612f23 02 0001 62 04  a2 08 0002 00 0003 612f23", "");
    assert_int_equal(feed(&rig, "90 04 0002 00 00"), GW_MORE); /* not a SUBACK's id */
    expect(&rig, "", "");
    assert_int_equal(feed(&rig, "90 05 0001 00 02 87"), GW_MORE);
    expect(&rig, "", "reply 1 2;");
    gw_client_on_closed(&rig.client);
    expect(&rig, "", "reply 2 -1;");
    assert_int_equal(gw_client_request(&rig.client, &one, NULL, filters, 1, rig.now), GW_CLOSED);
}

static void test_keep_alive(void **state)
{
    struct rig rig;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    assert_int_equal(gw_client_next_deadline(&rig.client), rig.now + 10 * GW_NS_PER_S);
    rig.now += 10 * GW_NS_PER_S - 1;
    assert_int_equal(gw_client_on_time(&rig.client, rig.now), GW_OK);
    expect(&rig, "", "");
    rig.now += 1;
    assert_int_equal(gw_client_on_time(&rig.client, rig.now), GW_OK);
    expect(&rig, "c0 00", "");
    assert_int_equal(gw_client_next_deadline(&rig.client), rig.now + 10 * GW_NS_PER_S);
    rig.now += 5 * GW_NS_PER_S;
    assert_int_equal(feed(&rig, "d0 00"), GW_MORE);
    rig.now += 5 * GW_NS_PER_S;
    assert_int_equal(gw_client_on_time(&rig.client, rig.now), GW_OK);
    expect(&rig, "c0 00", "");
    rig.now += 10 * GW_NS_PER_S;
    assert_int_equal(gw_client_on_time(&rig.client, rig.now), GW_TIMEOUT);
    assert_int_equal(rig.client.state, GW_CLIENT_ENDED);
}

static void test_keep_alive_of_the_server(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    rig_connect(&rig, "20 06 00 00 03 13 0003");
    assert_int_equal(gw_client_next_deadline(&rig.client), rig.now + 3 * GW_NS_PER_S);
    gw_client_on_closed(&rig.client);
    rig_connect(&rig, "20 06 00 00 03 13 0000"); /* none */
    assert_int_equal(gw_client_next_deadline(&rig.client), GW_NEVER);
}

static void test_silence_instead_of_connack(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_311);
    assert_int_equal(gw_client_connect(&rig.client, rig.now), GW_OK);
    assert_int_equal(gw_client_on_time(&rig.client, rig.now + 9 * GW_NS_PER_S), GW_OK);
    assert_int_equal(gw_client_on_time(&rig.client, rig.now + 10 * GW_NS_PER_S), GW_TIMEOUT);
}

/* Leaves one message in each phase behind a lost connection. */
static void leave_unfinished(struct rig *rig, struct gw_client_send s[4])
{
    rig->options.inflight_max = 3;
    rig_ready(rig, GW_VERSION_311);
    rig->options.inflight_max = 3;
    publish(rig, &s[0], 1, GW_OK);
    publish(rig, &s[1], 2, GW_OK);
    publish(rig, &s[2], 2, GW_OK);
    publish(rig, &s[3], 1, GW_OK); /* queued */
    assert_int_equal(feed(rig, "50 02 0003"), GW_MORE);
    gw_client_on_closed(&rig->client);
    rig->out_size = 0;
    assert_int_equal(gw_client_connect(&rig->client, rig->now), GW_OK);
    rig->out_size = 0;
}

static void test_resume_in_the_same_session(void **state)
{
    struct rig rig;
    struct gw_client_send s[4];
    (void)state;
    leave_unfinished(&rig, s);
    assert_int_equal(feed(&rig, "20 02 01 00"), GW_MORE);
    expect(&rig, "3a 06 0001 74 0001 70  3c 06 0001 74 0002 70  62 02 0003", "connack 1 0;");
    assert_int_equal(feed(&rig, "40 02 0001"), GW_MORE);
    expect(&rig, "32 06 0001 74 0004 70", "sent 1 0;");
}

static void test_resume_in_a_new_session(void **state)
{
    struct rig rig;
    struct gw_client_send s[4];
    (void)state;
    leave_unfinished(&rig, s);
    assert_int_equal(feed(&rig, "20 02 00 00"), GW_MORE);
    expect(&rig, "32 06 0001 74 0001 70  34 06 0001 74 0002 70  34 06 0001 74 0003 70",
           "connack 0 0;");
    assert_int_equal(s[3].phase, GW_PHASE_QUEUED);
}

static void test_resume_through_a_narrow_transport(void **state)
{
    struct rig rig;
    struct gw_client_send s[4];
    (void)state;
    leave_unfinished(&rig, s);
    rig.blocked = true;
    assert_int_equal(feed(&rig, "20 02 01 00"), GW_MORE);
    expect(&rig, "", "connack 1 0;");
    rig.blocked = false;
    assert_int_equal(gw_client_on_time(&rig.client, rig.now), GW_OK);
    expect(&rig, "3a 06 0001 74 0001 70  3c 06 0001 74 0002 70  62 02 0003", "");
}

static void test_queued_before_the_server_told_its_limits(void **state)
{
    struct rig rig;
    struct gw_client_send s;
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    publish(&rig, &s, 2, GW_OK);
    rig_connect(&rig, "20 05 00 00 02 24 01");
    assert_int_equal(s.phase, GW_PHASE_NONE); /* given back as refused */
}

static void test_ids_go_round(void **state)
{
    struct rig rig;
    struct gw_client_send first, second, s;
    (void)state;
    rig_ready(&rig, GW_VERSION_311);
    rig.client.last_id = UINT16_MAX - 1;
    publish(&rig, &first, 1, GW_OK);
    publish(&rig, &second, 1, GW_OK);
    assert_int_equal(first.publish.packet_id, UINT16_MAX);
    assert_int_equal(second.publish.packet_id, 1);
    rig.client.last_id = UINT16_MAX - 1; /* as if all others had been used */
    publish(&rig, &s, 0, GW_OK);
    assert_int_equal(s.publish.packet_id, 2);
}

static void test_server_faults(void **state)
{
    static const struct {
        enum gw_version version;
        const char *bytes, *answer;
        enum gw_status status;
    } rows[] = {
        {GW_VERSION_5, "30 04 0001 2b 00", "e0 01 90", GW_PROTOCOL}, /* wildcard in a name */
        {GW_VERSION_5, "36 07 0001 74 0001 00 61", "e0 01 81", GW_MALFORMED}, /* QoS 3 */
        {GW_VERSION_5, "20 03 00 00 00", "e0 01 82", GW_PROTOCOL},            /* a second CONNACK */
        {GW_VERSION_5, "c0 00", "e0 01 82", GW_PROTOCOL},                     /* PINGREQ */
        {GW_VERSION_5, "f0 00", "e0 01 8c", GW_PROTOCOL},                     /* AUTH unasked */
        {GW_VERSION_311, "ff ff ff ff ff", "", GW_MALFORMED},
        {GW_VERSION_311, "e0 00", "", GW_PROTOCOL}, /* DISCONNECT in 3.1.1 */
        {GW_VERSION_311, "10 00", "", GW_PROTOCOL},
    };
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct rig rig;
        rig_ready(&rig, rows[i].version);
        enum gw_status status = feed(&rig, rows[i].bytes);
        if (status != rows[i].status)
            print_error("row %zu: status %s\n", i, gw_status_name(status));
        assert_int_equal(status, rows[i].status);
        expect(&rig, rows[i].answer, "");
        assert_non_null(rig.client.fault.what);
        assert_int_equal(rig.client.state, GW_CLIENT_ENDED);
        assert_int_equal(feed(&rig, "d0 00"), GW_CLOSED);
    }
}

static void test_packets_before_connack(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    assert_int_equal(gw_client_connect(&rig.client, rig.now), GW_OK);
    rig.out_size = 0;
    assert_int_equal(feed(&rig, "30 05 0001 74 00 70"), GW_PROTOCOL);
    expect(&rig, "", ""); /* not connected: nothing is told */
}

static void test_packet_larger_than_we_take(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_5);
    rig.options.packet_max = 20;
    rig_connect(&rig, "20 03 00 00 00");
    assert_int_equal(feed(&rig, "30 14"), GW_PROTOCOL); /* judged by its header alone */
    expect(&rig, "e0 01 95", "");
}

static void test_disconnect_by_the_server(void **state)
{
    struct rig rig;
    (void)state;
    rig_ready(&rig, GW_VERSION_5);
    assert_int_equal(feed(&rig, "e0 02 8b 00 d0 00"), GW_CLOSED);
    expect(&rig, "", "disconnect 139;");
    assert_int_equal(rig.client.state, GW_CLIENT_ENDED);
}

static void test_disconnect_by_us(void **state)
{
    struct rig rig;
    struct gw_props props = {.present = GW_PROP_BIT(SESSION_EXPIRY), .session_expiry = 7};
    (void)state;
    rig_ready(&rig, GW_VERSION_5);
    assert_int_equal(
        gw_client_disconnect(&rig.client, GW_REASON_DISCONNECT_WITH_WILL, &props, rig.now), GW_OK);
    expect(&rig, "e0 07 04 05 11 00000007", "");
    assert_int_equal(feed(&rig, "d0 00"), GW_CLOSED);
    assert_int_equal(gw_client_disconnect(&rig.client, 0, NULL, rig.now), GW_CLOSED);
}

static void test_scratch_too_small(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, GW_VERSION_311);
    rig.options.scratch_size = 10;
    assert_int_equal(gw_client_connect(&rig.client, rig.now), GW_NO_SPACE);
    assert_int_equal(rig.client.state, GW_CLIENT_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_connect_with_will),
        cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_publish_by_qos),
        cmocka_unit_test(test_failed_acknowledgements),
        cmocka_unit_test(test_flow_control),
        cmocka_unit_test(test_limits_of_the_server),
        cmocka_unit_test(test_blocked_transport),
        cmocka_unit_test(test_incoming_messages),
        cmocka_unit_test(test_too_many_unfinished),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_disconnect_inside_an_event),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_subscribe),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_keep_alive_of_the_server),
        cmocka_unit_test(test_silence_instead_of_connack),
        cmocka_unit_test(test_resume_in_the_same_session),
        cmocka_unit_test(test_resume_in_a_new_session),
        cmocka_unit_test(test_resume_through_a_narrow_transport),
        cmocka_unit_test(test_queued_before_the_server_told_its_limits),
        cmocka_unit_test(test_ids_go_round),
        cmocka_unit_test(test_server_faults),
        cmocka_unit_test(test_packets_before_connack),
        cmocka_unit_test(test_packet_larger_than_we_take),
        cmocka_unit_test(test_disconnect_by_the_server),
        cmocka_unit_test(test_disconnect_by_us),
        cmocka_unit_test(test_scratch_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
