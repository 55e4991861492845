#include "keep/itemjson.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"
#include "cli/base64.h"
#include "cli/jsonout.h"
#include "session/session.h"

static void put_key(struct gw_jsonout *out, const char *key)
{
    gw_jsonout_key(out, gw_span_str(key));
}

static void put_text(struct gw_jsonout *out, const char *key, struct gw_span text)
{
    put_key(out, key);
    gw_jsonout_string(out, text);
}

static void put_number(struct gw_jsonout *out, const char *key, uint64_t number)
{
    put_key(out, key);
    gw_jsonout_integer(out, (int64_t)number);
}

/* A flag that is not set is left out. */
static void put_flag(struct gw_jsonout *out, const char *key, bool flag)
{
    if (!flag)
        return;
    put_key(out, key);
    gw_jsonout_word(out, "true");
}

/* Bytes under this name, or as base64 under the same with _b64. */
static void put_bytes(struct gw_jsonout *out, const char *key, struct gw_span bytes)
{
    char name[64];
    struct gw_buf text;
    if (gw_utf8_payload_valid(bytes)) {
        put_text(out, key, bytes);
        return;
    }
    snprintf(name, sizeof name, "%s_b64", key);
    gw_buf_init(&text, bytes.size * 2 + 4);
    if (gw_base64_append(bytes, &text) != GW_OK)
        out->failed = true;
    put_text(out, name, gw_buf_span(&text));
    gw_buf_fini(&text);
}

static void put_users(struct gw_jsonout *out, struct gw_span block)
{
    struct gw_reader r = gw_reader_of(block);
    struct gw_prop_item item;
    put_key(out, "user-properties");
    gw_jsonout_open(out, false);
    while (gw_props_next(&r, &item) == GW_OK) {
        if (item.prop != GW_PROP_USER_PROPERTY)
            continue;
        gw_jsonout_element(out);
        gw_jsonout_open(out, false);
        gw_jsonout_element(out);
        gw_jsonout_string(out, item.text);
        gw_jsonout_element(out);
        gw_jsonout_string(out, item.value);
        gw_jsonout_close(out, false);
    }
    gw_jsonout_close(out, false);
}

static void put_props(struct gw_jsonout *out, struct gw_span block)
{
    struct gw_reader r = gw_reader_of(block);
    struct gw_prop_item item;
    bool users_done = false;
    if (block.size == 0)
        return;
    put_key(out, "properties");
    gw_jsonout_open(out, true);
    while (gw_props_next(&r, &item) == GW_OK) {
        if (item.prop == GW_PROP_PAYLOAD_FORMAT)
            put_number(out, "payload-format-indicator", item.number);
        else if (item.prop == GW_PROP_CONTENT_TYPE)
            put_text(out, "content-type", item.text);
        else if (item.prop == GW_PROP_RESPONSE_TOPIC)
            put_text(out, "response-topic", item.text);
        else if (item.prop == GW_PROP_CORRELATION_DATA)
            put_bytes(out, "correlation-data", item.text);
        else if (item.prop == GW_PROP_USER_PROPERTY && !users_done)
            put_users(out, block);
        users_done |= item.prop == GW_PROP_USER_PROPERTY;
    }
    gw_jsonout_close(out, true);
}

static void put_message(struct gw_jsonout *out, const struct gw_item *item)
{
    const struct gw_record_message *record = &item->message;
    const struct gw_message *message = &record->message;
    char publisher[20];
    put_text(out, "topic", message->topic_name);
    put_key(out, "message");
    gw_jsonout_open(out, true);
    put_number(out, "qos", message->qos);
    put_flag(out, "retain", message->retain);
    if (item->kind != GW_ITEM_WILL)
        put_number(out, "received_ms", record->received_ms);
    if (message->has_expiry)
        put_number(out, "expiry", message->expiry);
    if (message->publisher != 0 && item->kind != GW_ITEM_WILL) {
        snprintf(publisher, sizeof publisher, "%016" PRIx64, message->publisher);
        put_text(out, "publisher", gw_span_str(publisher));
    }
    if (record->author.size > 0 && item->kind != GW_ITEM_WILL)
        put_text(out, "author", record->author);
    if (item->kind == GW_ITEM_UNFINISHED)
        put_number(out, "origin", record->origin);
    put_props(out, message->props);
    put_bytes(out, "payload", message->payload);
    gw_jsonout_close(out, true);
}

static void put_names(struct gw_jsonout *out, const char *key, const struct gw_item_names *names)
{
    if (names->count == 0)
        return;
    put_key(out, key);
    gw_jsonout_open(out, false);
    for (size_t i = 0; i < names->count; i++) {
        gw_jsonout_element(out);
        gw_jsonout_string(out, names->list[i]);
    }
    gw_jsonout_close(out, false);
}

static void put_session(struct gw_jsonout *out, const struct gw_item *item)
{
    put_key(out, "expiry");
    if (item->session.expiry == GW_SESSION_EXPIRY_NEVER)
        gw_jsonout_string(out, GW_SPAN_LIT("never"));
    else
        gw_jsonout_integer(out, item->session.expiry);
    put_number(out, "changed_ms", item->session.changed_ms);
    put_flag(out, "online", item->session.online);
    if (item->session.user.size > 0)
        put_text(out, "user", item->session.user);
    if (item->received_count == 0)
        return;
    put_key(out, "received");
    gw_jsonout_open(out, false);
    for (size_t i = 0; i < item->received_count; i++) {
        gw_jsonout_element(out);
        gw_jsonout_integer(out, item->received[i]);
    }
    gw_jsonout_close(out, false);
}

static void put_subscription(struct gw_jsonout *out, const struct gw_item *item)
{
    put_text(out, "filter", item->filter);
    put_number(out, "qos", item->options.qos);
    put_flag(out, "no_local", item->options.no_local);
    put_flag(out, "retain_as_published", item->options.retain_as_published);
    if (item->options.id != 0)
        put_number(out, "id", item->options.id);
}

static void put_queued(struct gw_jsonout *out, const struct gw_item *item)
{
    if (item->filter.size > 0)
        put_text(out, "filter", item->filter);
    put_number(out, "qos", item->qos);
    put_flag(out, "retain", item->retain);
    if (item->packet_id != 0)
        put_number(out, "packet_id", item->packet_id);
    put_flag(out, "releasing", item->releasing);
    if (item->id_count == 0)
        return;
    put_key(out, "ids");
    gw_jsonout_open(out, false);
    for (uint32_t i = 0; i < item->id_count; i++) {
        gw_jsonout_element(out);
        gw_jsonout_integer(out, item->ids[i]);
    }
    gw_jsonout_close(out, false);
}

static void put_rest(struct gw_jsonout *out, const struct gw_item *item)
{
    switch (item->kind) {
    case GW_ITEM_STORE:
        put_number(out, "version", item->version);
        put_text(out, "by", GW_SPAN_LIT("godwit " GW_VERSION_TEXT));
        break;
    case GW_ITEM_GROUP:
    case GW_ITEM_GROUP_QUEUED: put_text(out, "filter", item->filter); break;
    case GW_ITEM_SESSION: put_session(out, item); break;
    case GW_ITEM_WILL:
        if (item->delay > 0)
            put_number(out, "delay", item->delay);
        break;
    case GW_ITEM_SUBSCRIPTION: put_subscription(out, item); break;
    case GW_ITEM_UNFINISHED:
        put_names(out, "had_sessions", &item->had_sessions);
        put_names(out, "had_groups", &item->had_groups);
        put_flag(out, "retained", item->retained);
        break;
    case GW_ITEM_QUEUED: put_queued(out, item); break;
    case GW_ITEM_RETAINED:
    case GW_ITEM_KIND_COUNT: break;
    }
}

enum gw_status gw_itemjson_write(const struct gw_item *item, struct gw_buf *buf)
{
    struct gw_jsonout out;
    gw_jsonout_init(&out, buf, false);
    gw_jsonout_open(&out, true);
    put_text(&out, "kind", gw_span_str(gw_item_kind_name(item->kind)));
    if (item->client_id.size > 0)
        put_text(&out, "client_id", item->client_id);
    put_rest(&out, item);
    if (item->has_message)
        put_message(&out, item);
    gw_jsonout_close(&out, true);
    if (out.failed)
        return GW_NO_MEMORY;
    return gw_buf_append(buf, GW_SPAN_LIT("\n"));
}
