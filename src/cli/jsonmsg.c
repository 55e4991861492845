#include "cli/jsonmsg.h"

#include <stdio.h>
#include <time.h>

#include "base/utf8.h"
#include "cli/base64.h"
#include "cli/jsonin.h"

/* The form that mosquitto's tools have: both a Z and the offset. */
static void put_time(struct gw_jsonout *out, gw_wall_ns wall)
{
    time_t seconds = (time_t)(wall / (gw_wall_ns)GW_NS_PER_S);
    long micros = (long)(wall % (gw_wall_ns)GW_NS_PER_S) / 1000;
    struct tm parts;
    char date[40], zone[16], text[80];
    localtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    strftime(zone, sizeof zone, "%z", &parts);
    snprintf(text, sizeof text, "%s.%06ldZ%s", date, micros, zone);
    gw_jsonout_string(out, gw_span_str(text));
}

/* The properties that a message shows, with their names there. */
static const char *key_of(enum gw_prop prop)
{
    switch (prop) {
    case GW_PROP_PAYLOAD_FORMAT: return "payload-format-indicator";
    case GW_PROP_MESSAGE_EXPIRY: return "message-expiry-interval";
    case GW_PROP_CONTENT_TYPE: return "content-type";
    case GW_PROP_RESPONSE_TOPIC: return "response-topic";
    case GW_PROP_CORRELATION_DATA: return "correlation-data";
    case GW_PROP_SUBSCRIPTION_ID: return "subscription-identifier";
    case GW_PROP_TOPIC_ALIAS: return "topic-alias";
    default: return NULL;
    }
}

static void put_users(struct gw_jsonout *out, struct gw_span block)
{
    struct gw_reader r = gw_reader_of(block);
    struct gw_prop_item item;
    gw_jsonout_key(out, GW_SPAN_LIT("user-properties"));
    gw_jsonout_open(out, true);
    while (gw_props_next(&r, &item) == GW_OK) {
        if (item.prop != GW_PROP_USER_PROPERTY)
            continue;
        gw_jsonout_key(out, item.text);
        gw_jsonout_string(out, item.value);
    }
    gw_jsonout_close(out, true);
}

static void put_props(struct gw_jsonout *out, const struct gw_props *props)
{
    struct gw_reader r = gw_reader_of(props->raw);
    struct gw_prop_item item;
    bool users_done = false;
    if (props->raw.size == 0)
        return;
    gw_jsonout_key(out, GW_SPAN_LIT("properties"));
    gw_jsonout_open(out, true);
    while (gw_props_next(&r, &item) == GW_OK) {
        const char *key = key_of(item.prop);
        if (item.prop == GW_PROP_USER_PROPERTY && !users_done) {
            put_users(out, props->raw);
            users_done = true;
        }
        if (!key)
            continue;
        gw_jsonout_key(out, gw_span_str(key));
        if (item.text.data)
            gw_jsonout_string(out, item.text);
        else
            gw_jsonout_integer(out, item.number);
    }
    gw_jsonout_close(out, true);
}

static enum gw_status put_payload(struct gw_jsonout *out, struct gw_span payload,
                                  enum gw_jsonmsg_payload form)
{
    if (form == GW_JSONMSG_EXACT && !gw_utf8_payload_valid(payload)) {
        struct gw_buf text;
        gw_buf_init(&text, payload.size * 2 + 4);
        gw_jsonout_key(out, GW_SPAN_LIT("payload_b64"));
        enum gw_status status = gw_base64_append(payload, &text);
        gw_jsonout_string(out, gw_buf_span(&text));
        gw_buf_fini(&text);
        return status;
    }
    gw_jsonout_key(out, GW_SPAN_LIT("payload"));
    if (payload.size == 0)
        gw_jsonout_word(out, "null");
    else if (form == GW_JSONMSG_PARSED)
        return gw_jsonin_copy(payload, out);
    else
        gw_jsonout_string(out, payload);
    return GW_OK;
}

enum gw_status gw_jsonmsg_write(struct gw_jsonout *out, const struct gw_publish *publish,
                                gw_wall_ns wall, enum gw_jsonmsg_payload form)
{
    gw_jsonout_open(out, true);
    gw_jsonout_key(out, GW_SPAN_LIT("tst"));
    put_time(out, wall);
    gw_jsonout_key(out, GW_SPAN_LIT("topic"));
    gw_jsonout_string(out, publish->topic_name);
    gw_jsonout_key(out, GW_SPAN_LIT("qos"));
    gw_jsonout_integer(out, publish->qos);
    gw_jsonout_key(out, GW_SPAN_LIT("retain"));
    gw_jsonout_integer(out, publish->retain);
    gw_jsonout_key(out, GW_SPAN_LIT("payloadlen"));
    gw_jsonout_integer(out, (int64_t)publish->payload.size);
    if (publish->qos > 0) {
        gw_jsonout_key(out, GW_SPAN_LIT("mid"));
        gw_jsonout_integer(out, publish->packet_id);
    }
    put_props(out, &publish->props);
    enum gw_status status = put_payload(out, publish->payload, form);
    gw_jsonout_close(out, true);
    return status == GW_OK && out->failed ? GW_NO_MEMORY : status;
}
