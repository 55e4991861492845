#include "wire/connect.h"

#include "base/compiler.h"
#include "wire/fault.h"
#include "wire/reason.h"

#define FLAG_RESERVED    0x01u
#define FLAG_CLEAN_START 0x02u
#define FLAG_WILL        0x04u
#define FLAG_WILL_QOS    0x18u
#define FLAG_WILL_RETAIN 0x20u
#define FLAG_PASSWORD    0x40u
#define FLAG_USER_NAME   0x80u
#define WILL_QOS_SHIFT   3

/* The private mark of a bridge in the protocol level of 3.1 and 3.1.1. */
#define LEVEL_BRIDGE 0x80u

/* -- CONNECT: decode -- */

/* Reads protocol name and level. */
static enum gw_status take_version(struct gw_reader *r, struct gw_connect *c,
                                   struct gw_fault *ret_fault)
{
    struct gw_span name;
    if (gw_binary_read(r, &name) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, GW_VERSION_NONE, ret_fault);
    bool mqtt = gw_span_equal(name, GW_SPAN_LIT("MQTT"));
    if (!mqtt && !gw_span_equal(name, GW_SPAN_LIT("MQIsdp")))
        return gw_fault_raise(GW_FAULT_PROTOCOL_NAME, GW_VERSION_NONE, ret_fault);
    uint8_t level;
    if (gw_reader_u8(r, &level) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, GW_VERSION_NONE, ret_fault);

    uint8_t old_level = mqtt ? GW_VERSION_311 : GW_VERSION_31;
    if (mqtt && level == GW_VERSION_5) {
        c->version = GW_VERSION_5;
        return GW_OK;
    }
    if ((level & ~LEVEL_BRIDGE) == old_level) {
        c->version = (enum gw_version)old_level;
        c->bridge = level != old_level;
        return GW_OK;
    }
    c->version = level >= GW_VERSION_5 ? GW_VERSION_5 : GW_VERSION_311;
    return gw_fault_raise(GW_FAULT_PROTOCOL_LEVEL, c->version, ret_fault);
}

static enum gw_status check_flags(unsigned flags, enum gw_version version,
                                  struct gw_fault *ret_fault)
{
    if ((flags & FLAG_RESERVED) && version != GW_VERSION_31)
        return gw_fault_raise(GW_FAULT_CONNECT_RESERVED, version, ret_fault);
    if ((flags & FLAG_WILL_QOS) == FLAG_WILL_QOS)
        return gw_fault_raise(GW_FAULT_WILL_QOS_3, version, ret_fault);
    if (!(flags & FLAG_WILL) && (flags & FLAG_WILL_QOS))
        return gw_fault_raise(GW_FAULT_WILL_QOS_WITHOUT_WILL, version, ret_fault);
    if (!(flags & FLAG_WILL) && (flags & FLAG_WILL_RETAIN))
        return gw_fault_raise(GW_FAULT_WILL_RETAIN_WITHOUT_WILL, version, ret_fault);
    if ((flags & FLAG_PASSWORD) && !(flags & FLAG_USER_NAME) && version != GW_VERSION_5)
        return gw_fault_raise(GW_FAULT_PASSWORD_WITHOUT_USER, version, ret_fault);
    return GW_OK;
}

static void keep_flags(unsigned flags, struct gw_connect *c)
{
    c->clean_start = (flags & FLAG_CLEAN_START) != 0;
    c->has_will = (flags & FLAG_WILL) != 0;
    c->has_user_name = (flags & FLAG_USER_NAME) != 0;
    c->has_password = (flags & FLAG_PASSWORD) != 0;
    c->will.qos = (uint8_t)((flags & FLAG_WILL_QOS) >> WILL_QOS_SHIFT);
    c->will.retain = (flags & FLAG_WILL_RETAIN) != 0;
}

static bool has_wildcard(struct gw_span name)
{
    return memchr(name.data, '#', name.size) || memchr(name.data, '+', name.size);
}

static enum gw_status take_will(struct gw_reader *r, uint32_t user_properties_max,
                                struct gw_connect *c, struct gw_fault *ret_fault)
{
    struct gw_will_view *will = &c->will;
    if (c->version == GW_VERSION_5)
        GW_TRY(gw_props_decode(r, GW_IN_WILL, false, user_properties_max, &will->props, ret_fault));
    GW_TRY(gw_fault_read_string(r, c->version, &will->topic_name, ret_fault));
    if (will->topic_name.size == 0)
        return gw_fault_raise(GW_FAULT_WILL_TOPIC_EMPTY, c->version, ret_fault);
    if (has_wildcard(will->topic_name))
        return gw_fault_raise(GW_FAULT_WILL_TOPIC_WILDCARD, c->version, ret_fault);
    if (gw_binary_read(r, &will->payload) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, c->version, ret_fault);
    return GW_OK;
}

/* Reads user name and password. Older clients than 3.1 set the flags and send no fields: there the
 * remaining length wins over the flag. */
static enum gw_status take_credentials(struct gw_reader *r, struct gw_connect *c,
                                       struct gw_fault *ret_fault)
{
    bool lenient = c->version == GW_VERSION_31;
    if (lenient && gw_reader_left(r) == 0)
        c->has_user_name = false;
    if (c->has_user_name)
        GW_TRY(gw_fault_read_string(r, c->version, &c->user_name, ret_fault));
    if (lenient && gw_reader_left(r) == 0)
        c->has_password = false;
    if (c->has_password && gw_binary_read(r, &c->password) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, c->version, ret_fault);
    return GW_OK;
}

static enum gw_status check_auth(const struct gw_props *props, struct gw_fault *ret_fault)
{
    if (gw_props_has(props, AUTH_DATA) && !gw_props_has(props, AUTH_METHOD))
        return gw_fault_raise(GW_FAULT_AUTH_DATA_ALONE, GW_VERSION_5, ret_fault);
    return GW_OK;
}

enum gw_status gw_connect_decode(struct gw_span body, uint32_t user_properties_max,
                                 struct gw_connect *ret_connect, struct gw_fault *ret_fault)
{
    struct gw_connect *c = ret_connect;
    struct gw_reader reader = gw_reader_of(body), *r = &reader;
    memset(c, 0, sizeof *c);
    GW_TRY(take_version(r, c, ret_fault));

    uint8_t flags;
    if (gw_reader_u8(r, &flags) != GW_OK || gw_reader_u16(r, &c->keep_alive) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, c->version, ret_fault);
    GW_TRY(check_flags(flags, c->version, ret_fault));
    keep_flags(flags, c);
    if (c->version == GW_VERSION_5) {
        GW_TRY(
            gw_props_decode(r, GW_IN(CONNECT), false, user_properties_max, &c->props, ret_fault));
        GW_TRY(check_auth(&c->props, ret_fault));
    }
    GW_TRY(gw_fault_read_string(r, c->version, &c->client_id, ret_fault));
    if (c->has_will)
        GW_TRY(take_will(r, user_properties_max, c, ret_fault));
    GW_TRY(take_credentials(r, c, ret_fault));
    if (gw_reader_left(r) > 0)
        return gw_fault_raise(GW_FAULT_CONNECT_TRAILING, c->version, ret_fault);
    return GW_OK;
}

/* -- CONNECT: encode -- */

static uint8_t connect_flags(const struct gw_connect *c)
{
    unsigned flags = c->clean_start ? FLAG_CLEAN_START : 0;
    if (c->has_will) {
        flags |= FLAG_WILL | (unsigned)c->will.qos << WILL_QOS_SHIFT;
        flags |= c->will.retain ? FLAG_WILL_RETAIN : 0;
    }
    flags |= c->has_user_name ? FLAG_USER_NAME : 0;
    flags |= c->has_password ? FLAG_PASSWORD : 0;
    return (uint8_t)flags;
}

static size_t connect_body_size(const struct gw_connect *c, struct gw_span name)
{
    bool v5 = c->version == GW_VERSION_5;
    size_t size = 2 + name.size + 4 + 2 + c->client_id.size;
    size += v5 ? gw_props_size(&c->props) : 0;
    if (c->has_will) {
        size += 2 + c->will.topic_name.size + 2 + c->will.payload.size;
        size += v5 ? gw_props_size(&c->will.props) : 0;
    }
    size += c->has_user_name ? 2 + c->user_name.size : 0;
    size += c->has_password ? 2 + c->password.size : 0;
    return size;
}

size_t gw_connect_encode(struct gw_writer *w, const struct gw_connect *connect)
{
    const struct gw_connect *c = connect;
    bool v5 = c->version == GW_VERSION_5;
    struct gw_span name = c->version == GW_VERSION_31 ? GW_SPAN_LIT("MQIsdp") : GW_SPAN_LIT("MQTT");
    size_t size = gw_packet_begin(w, GW_PACKET_CONNECT, connect_body_size(c, name));
    if (size == 0)
        return 0;
    gw_binary_write(w, name);
    gw_writer_u8(w, (uint8_t)((unsigned)c->version | (c->bridge && !v5 ? LEVEL_BRIDGE : 0u)));
    gw_writer_u8(w, connect_flags(c));
    gw_writer_u16(w, c->keep_alive);
    if (v5)
        gw_props_encode(w, &c->props);
    gw_binary_write(w, c->client_id);
    if (c->has_will) {
        if (v5)
            gw_props_encode(w, &c->will.props);
        gw_binary_write(w, c->will.topic_name);
        gw_binary_write(w, c->will.payload);
    }
    if (c->has_user_name)
        gw_binary_write(w, c->user_name);
    if (c->has_password)
        gw_binary_write(w, c->password);
    return size;
}

/* -- CONNACK -- */

/* A server that knows only 3.x refuses a CONNECT of MQTT 5 in its own form. */
static bool refused_by_old_server(struct gw_span body)
{
    return body.size == 2 && body.data[0] == 0 && body.data[1] == GW_RETURN_BAD_PROTOCOL;
}

static enum gw_status take_connack_5(struct gw_reader *r, struct gw_connack *ack,
                                     struct gw_fault *ret_fault)
{
    if (!gw_reason_allowed(ack->reason, GW_PACKET_CONNACK, true))
        return gw_fault_raise(GW_FAULT_CONNACK_REASON, GW_VERSION_5, ret_fault);
    GW_TRY(gw_props_decode(r, GW_IN(CONNACK), true, GW_USER_PROPERTIES_MAX_DEFAULT, &ack->props,
                           ret_fault));
    return check_auth(&ack->props, ret_fault);
}

enum gw_status gw_connack_decode(struct gw_span body, enum gw_version version,
                                 struct gw_connack *ret_connack, struct gw_fault *ret_fault)
{
    struct gw_reader reader = gw_reader_of(body), *r = &reader;
    gw_props_clear(&ret_connack->props);
    if (version == GW_VERSION_5 && refused_by_old_server(body)) {
        ret_connack->session_present = false;
        ret_connack->reason = GW_REASON_UNSUPPORTED_PROTOCOL_VERSION;
        return GW_OK;
    }
    uint8_t flags;
    if (gw_reader_u8(r, &flags) != GW_OK || gw_reader_u8(r, &ret_connack->reason) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
    if (version == GW_VERSION_31)
        flags = 0; /* reserved there, and not checked */
    if (flags > 1)
        return gw_fault_raise(GW_FAULT_CONNACK_FLAGS, version, ret_fault);
    ret_connack->session_present = flags == 1;
    if (ret_connack->session_present && ret_connack->reason != 0)
        return gw_fault_raise(GW_FAULT_SESSION_PRESENT_REFUSED, version, ret_fault);
    if (version == GW_VERSION_5)
        GW_TRY(take_connack_5(r, ret_connack, ret_fault));
    if (gw_reader_left(r) > 0)
        return gw_fault_raise(GW_FAULT_TRAILING, version, ret_fault);
    return GW_OK;
}

size_t gw_connack_encode(struct gw_writer *w, enum gw_version version,
                         const struct gw_connack *connack)
{
    bool v5 = version == GW_VERSION_5;
    size_t body_size = 2 + (v5 ? gw_props_size(&connack->props) : 0);
    size_t size = gw_packet_begin(w, GW_PACKET_CONNACK, body_size);
    if (size == 0)
        return 0;
    gw_writer_u8(w, connack->session_present && version != GW_VERSION_31);
    gw_writer_u8(w, connack->reason);
    if (v5)
        gw_props_encode(w, &connack->props);
    return size;
}
