#include "keep/itemread.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "base/writer.h"
#include "session/session.h"
#include "topic/name.h"

#define LIST_MAX ((size_t)64 * 1024 * 1024)

void gw_itemread_init(struct gw_itemread *reader, uint64_t seed)
{
    *reader = (struct gw_itemread){.seed = seed};
    gw_jsontree_init(&reader->tree);
    gw_buf_init(&reader->props, GW_VARINT_MAX);
    gw_buf_init(&reader->numbers, LIST_MAX);
    gw_buf_init(&reader->names, LIST_MAX);
}

void gw_itemread_fini(struct gw_itemread *reader)
{
    gw_jsontree_fini(&reader->tree);
    gw_buf_fini(&reader->props);
    gw_buf_fini(&reader->numbers);
    gw_buf_fini(&reader->names);
}

static enum gw_status wrong(struct gw_itemread *reader, const char *key, const char *what)
{
    return gw_trouble_say(reader->trouble, GW_INVALID, "\"%s\" %s", key, what);
}

/* -- members -- */

static enum gw_status get_text(struct gw_itemread *reader, const struct gw_jsontree_node *of,
                               const char *key, struct gw_span *ret_text)
{
    const struct gw_jsontree_node *member = gw_jsontree_member(&reader->tree, of, key);
    if (!member || member->type != GW_JSONTREE_TEXT)
        return wrong(reader, key, member ? "is no text" : "is missing");
    if (member->text.size > UINT16_MAX || gw_utf8_check(member->text) != GW_UTF8_VALID)
        return wrong(reader, key, "is no text that MQTT knows");
    *ret_text = member->text;
    return GW_OK;
}

/* 0 if it is not there. */
static enum gw_status get_number(struct gw_itemread *reader, const struct gw_jsontree_node *of,
                                 const char *key, uint64_t max, uint64_t *ret_number)
{
    const struct gw_jsontree_node *member = gw_jsontree_member(&reader->tree, of, key);
    *ret_number = 0;
    if (!member)
        return GW_OK;
    if (member->type != GW_JSONTREE_NUMBER)
        return wrong(reader, key, "is no number");
    if (member->number > max)
        return wrong(reader, key, "is too large");
    *ret_number = member->number;
    return GW_OK;
}

/* false if it is not there. */
static enum gw_status get_flag(struct gw_itemread *reader, const struct gw_jsontree_node *of,
                               const char *key, bool *ret_flag)
{
    const struct gw_jsontree_node *member = gw_jsontree_member(&reader->tree, of, key);
    *ret_flag = false;
    if (!member)
        return GW_OK;
    if (member->type != GW_JSONTREE_BOOL)
        return wrong(reader, key, "is neither true nor false");
    *ret_flag = member->number != 0;
    return GW_OK;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* In place: what it says is shorter than how it is written. */
static bool decode_base64(struct gw_span text, struct gw_span *ret_bytes)
{
    uint8_t *to;
    uint32_t group = 0;
    size_t size = text.size;
    size_t made = 0;
    memcpy(&to, &text.data, sizeof to); /* the line is ours to change */
    if (size % 4 != 0)
        return false;
    while (size > 0 && text.size - size < 2 && text.data[size - 1] == '=')
        size--;
    for (size_t i = 0; i < size; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return false;
        group = (group << 6 | (uint32_t)digit) & 0xFFFFFF;
        if (i % 4 != 0)
            to[made++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
    }
    *ret_bytes = gw_span_of(text.data, made);
    return true;
}

/* Bytes of this name, or base64 of the other one; none if neither is there. */
static enum gw_status get_bytes(struct gw_itemread *reader, const struct gw_jsontree_node *of,
                                const char *key, const char *key_b64, struct gw_span *ret_bytes)
{
    const struct gw_jsontree_node *plain = gw_jsontree_member(&reader->tree, of, key);
    const struct gw_jsontree_node *coded = gw_jsontree_member(&reader->tree, of, key_b64);
    *ret_bytes = GW_SPAN_NONE;
    if (coded) {
        if (coded->type != GW_JSONTREE_TEXT || !decode_base64(coded->text, ret_bytes))
            return wrong(reader, key_b64, "is no base64");
        return GW_OK;
    }
    if (!plain || plain->type == GW_JSONTREE_NULL)
        return GW_OK;
    if (plain->type != GW_JSONTREE_TEXT)
        return wrong(reader, key, "is no text");
    *ret_bytes = plain->text;
    return GW_OK;
}

/* -- messages -- */

static enum gw_status no_memory(struct gw_itemread *reader)
{
    return gw_trouble_say(reader->trouble, GW_NO_MEMORY, "out of memory");
}

static enum gw_status put_prop(struct gw_itemread *reader, const struct gw_props *props)
{
    size_t size = gw_props_size(props);
    if (size > GW_VARINT_MAX || gw_buf_reserve(&reader->props, size) != GW_OK)
        return no_memory(reader);
    struct gw_writer w = gw_writer_of(reader->props.data + reader->props.size, size);
    gw_props_encode(&w, props);
    /* Without the length field that stands before it. */
    size_t head = 1;
    for (const uint8_t *at = w.begin; (*at & 0x80) != 0; at++)
        head++;
    memmove(w.begin, w.begin + head, size - head);
    reader->props.size += size - head;
    return GW_OK;
}

static enum gw_status read_users(struct gw_itemread *reader, const struct gw_jsontree_node *users)
{
    for (const struct gw_jsontree_node *pair = gw_jsontree_first(&reader->tree, users); pair;
         pair = gw_jsontree_next(&reader->tree, pair)) {
        const struct gw_jsontree_node *name = gw_jsontree_first(&reader->tree, pair);
        const struct gw_jsontree_node *value = name ? gw_jsontree_next(&reader->tree, name) : NULL;
        if (pair->type != GW_JSONTREE_ARRAY || !value || name->type != GW_JSONTREE_TEXT ||
            value->type != GW_JSONTREE_TEXT)
            return wrong(reader, "user-properties", "wants pairs of texts");
        size_t size = name->text.size + value->text.size + 8;
        if (name->text.size > UINT16_MAX || value->text.size > UINT16_MAX)
            return wrong(reader, "user-properties", "has a text that is too long");
        if (gw_buf_reserve(&reader->props, size) != GW_OK)
            return no_memory(reader);
        struct gw_writer w = gw_writer_of(reader->props.data + reader->props.size, size);
        gw_props_write_user(&w, name->text, value->text);
        reader->props.size += gw_writer_size(&w);
    }
    return GW_OK;
}

static enum gw_status read_prop(struct gw_itemread *reader, const struct gw_jsontree_node *all,
                                const struct gw_jsontree_node *member)
{
    struct gw_props props = {0};
    uint64_t number;
    if (gw_span_equal(member->key, GW_SPAN_LIT("user-properties")))
        return read_users(reader, member);
    if (gw_span_equal(member->key, GW_SPAN_LIT("payload-format-indicator"))) {
        GW_TRY(get_number(reader, all, "payload-format-indicator", 1, &number));
        props.payload_format = (uint8_t)number;
        props.present = GW_PROP_BIT(PAYLOAD_FORMAT);
    } else if (gw_span_equal(member->key, GW_SPAN_LIT("content-type"))) {
        GW_TRY(get_text(reader, all, "content-type", &props.content_type));
        props.present = GW_PROP_BIT(CONTENT_TYPE);
    } else if (gw_span_equal(member->key, GW_SPAN_LIT("response-topic"))) {
        GW_TRY(get_text(reader, all, "response-topic", &props.response_topic));
        props.present = GW_PROP_BIT(RESPONSE_TOPIC);
    } else if (gw_span_equal(member->key, GW_SPAN_LIT("correlation-data")) ||
               gw_span_equal(member->key, GW_SPAN_LIT("correlation-data_b64"))) {
        GW_TRY(get_bytes(reader, all, "correlation-data", "correlation-data_b64",
                         &props.correlation_data));
        if (props.correlation_data.size > UINT16_MAX)
            return wrong(reader, "correlation-data", "is too long");
        props.present = GW_PROP_BIT(CORRELATION_DATA);
    }
    return props.present ? put_prop(reader, &props) : GW_OK;
}

static enum gw_status read_props(struct gw_itemread *reader, const struct gw_jsontree_node *of,
                                 struct gw_span *ret_props)
{
    const struct gw_jsontree_node *all = gw_jsontree_member(&reader->tree, of, "properties");
    struct gw_props props;
    gw_buf_clear(&reader->props);
    *ret_props = GW_SPAN_NONE;
    if (!all)
        return GW_OK;
    if (all->type != GW_JSONTREE_OBJECT)
        return wrong(reader, "properties", "is no object");
    for (const struct gw_jsontree_node *member = gw_jsontree_first(&reader->tree, all); member;
         member = gw_jsontree_next(&reader->tree, member))
        GW_TRY(read_prop(reader, all, member));
    *ret_props = gw_buf_span(&reader->props);
    if (ret_props->size > 0 &&
        gw_props_decode_block(*ret_props, GW_IN(PUBLISH), false, UINT32_MAX, &props, NULL) != GW_OK)
        return wrong(reader, "properties", "are none that MQTT allows in a PUBLISH");
    return GW_OK;
}

static enum gw_status read_publisher(struct gw_itemread *reader, const struct gw_jsontree_node *of,
                                     uint64_t *ret_publisher)
{
    const struct gw_jsontree_node *member = gw_jsontree_member(&reader->tree, of, "publisher");
    char text[17] = "";
    char *end;
    if (!member)
        return GW_OK;
    if (member->type != GW_JSONTREE_TEXT || member->text.size != 16)
        return wrong(reader, "publisher", "is no hash of 16 digits");
    memcpy(text, member->text.data, 16);
    *ret_publisher = strtoull(text, &end, 16);
    return *end == '\0' ? GW_OK : wrong(reader, "publisher", "is no hash of 16 digits");
}

/* The same content has the same key. */
static void make_key(struct gw_itemread *reader, struct gw_item *item)
{
    const struct gw_message *message = &item->message.message;
    const uint64_t numbers[] = {
        item->message.received_ms,
        message->publisher,
        message->expiry,
        (uint64_t)message->qos << 2 | (uint64_t)message->retain << 1 | message->has_expiry,
    };
    for (size_t i = 0; i < 2; i++) {
        uint64_t hash = gw_hash_bytes(gw_span_of(numbers, sizeof numbers), reader->seed + i);
        hash = gw_hash_mix(hash, gw_hash_bytes(message->topic_name, reader->seed + i));
        hash = gw_hash_mix(hash, gw_hash_bytes(message->props, reader->seed + i));
        item->key.parts[i] = gw_hash_mix(hash, gw_hash_bytes(message->payload, reader->seed + i));
    }
}

static enum gw_status read_message(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                   struct gw_item *item)
{
    const struct gw_jsontree_node *of = gw_jsontree_member(&reader->tree, root, "message");
    struct gw_message *message = &item->message.message;
    uint64_t number;
    if (!of || of->type != GW_JSONTREE_OBJECT)
        return wrong(reader, "message", of ? "is no object" : "is missing");
    GW_TRY(get_text(reader, root, "topic", &message->topic_name));
    if (gw_name_validate(message->topic_name, 0) != GW_OK)
        return wrong(reader, "topic", "is no topic name");
    GW_TRY(get_number(reader, of, "qos", 2, &number));
    message->qos = (uint8_t)number;
    GW_TRY(get_flag(reader, of, "retain", &message->retain));
    GW_TRY(get_number(reader, of, "received_ms", INT64_MAX, &item->message.received_ms));
    GW_TRY(get_number(reader, of, "expiry", UINT32_MAX, &number));
    message->expiry = (uint32_t)number;
    message->has_expiry = gw_jsontree_member(&reader->tree, of, "expiry") != NULL;
    GW_TRY(get_number(reader, of, "origin", UINT8_MAX, &number));
    item->message.origin = (uint8_t)number;
    item->message.relayed = item->kind == GW_ITEM_UNFINISHED;
    GW_TRY(read_publisher(reader, of, &message->publisher));
    if (gw_jsontree_member(&reader->tree, of, "author"))
        GW_TRY(get_text(reader, of, "author", &item->message.author));
    if (item->message.author.size > GW_RECORD_AUTHOR_MAX)
        return wrong(reader, "author", "is too long");
    GW_TRY(read_props(reader, of, &message->props));
    GW_TRY(get_bytes(reader, of, "payload", "payload_b64", &message->payload));
    if (message->payload.size > GW_VARINT_MAX)
        return wrong(reader, "payload", "is too long");
    if (item->kind == GW_ITEM_RETAINED && message->payload.size == 0)
        return wrong(reader, "payload", "is empty: nothing would be retained");
    item->has_message = true;
    make_key(reader, item);
    return GW_OK;
}

/* -- lists -- */

static enum gw_status get_list(struct gw_itemread *reader, const struct gw_jsontree_node *of,
                               const char *key, const struct gw_jsontree_node **ret_list)
{
    *ret_list = gw_jsontree_member(&reader->tree, of, key);
    if (*ret_list && (*ret_list)->type != GW_JSONTREE_ARRAY)
        return wrong(reader, key, "is no list");
    return GW_OK;
}

static enum gw_status add(struct gw_itemread *reader, struct gw_buf *buf, const void *value,
                          size_t size)
{
    return gw_buf_append(buf, gw_span_of(value, size)) == GW_OK ? GW_OK : no_memory(reader);
}

static enum gw_status read_received(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                    struct gw_item *item)
{
    const struct gw_jsontree_node *list;
    GW_TRY(get_list(reader, root, "received", &list));
    if (!list)
        return GW_OK;
    for (const struct gw_jsontree_node *at = gw_jsontree_first(&reader->tree, list); at;
         at = gw_jsontree_next(&reader->tree, at)) {
        gw_packet_id id = (gw_packet_id)at->number;
        if (at->type != GW_JSONTREE_NUMBER || at->number == 0 || at->number > UINT16_MAX)
            return wrong(reader, "received", "wants packet identifiers, 1 to 65535");
        GW_TRY(add(reader, &reader->numbers, &id, sizeof id));
        item->received_count++;
    }
    item->received = (const void *)reader->numbers.data;
    return GW_OK;
}

static enum gw_status read_ids(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                               struct gw_item *item)
{
    const struct gw_jsontree_node *list;
    GW_TRY(get_list(reader, root, "ids", &list));
    if (!list)
        return GW_OK;
    for (const struct gw_jsontree_node *at = gw_jsontree_first(&reader->tree, list); at;
         at = gw_jsontree_next(&reader->tree, at)) {
        uint32_t id = (uint32_t)at->number;
        if (at->type != GW_JSONTREE_NUMBER || at->number == 0 || at->number > GW_VARINT_MAX)
            return wrong(reader, "ids", "wants subscription identifiers, 1 to 268435455");
        GW_TRY(add(reader, &reader->numbers, &id, sizeof id));
        item->id_count++;
    }
    item->ids = (const void *)reader->numbers.data;
    return GW_OK;
}

/* Adds the names; `list` is set when both lists are read, for the memory may move until then. */
static enum gw_status read_names(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                 const char *key, struct gw_item_names *ret_names)
{
    const struct gw_jsontree_node *list;
    GW_TRY(get_list(reader, root, key, &list));
    if (!list)
        return GW_OK;
    for (const struct gw_jsontree_node *at = gw_jsontree_first(&reader->tree, list); at;
         at = gw_jsontree_next(&reader->tree, at)) {
        if (at->type != GW_JSONTREE_TEXT)
            return wrong(reader, key, "wants texts");
        GW_TRY(add(reader, &reader->names, &at->text, sizeof at->text));
        ret_names->count++;
    }
    return GW_OK;
}

/* -- items -- */

static enum gw_status read_filter(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                  struct gw_item *item, bool *ret_shared)
{
    struct gw_filter_parts parts = {0};
    GW_TRY(get_text(reader, root, "filter", &item->filter));
    if (gw_filter_split(item->filter, 0, &parts) != GW_OK)
        return wrong(reader, "filter", "is no topic filter");
    *ret_shared = parts.shared;
    return GW_OK;
}

static enum gw_status read_group(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                 struct gw_item *item)
{
    bool shared = false;
    GW_TRY(read_filter(reader, root, item, &shared));
    return shared ? GW_OK : wrong(reader, "filter", "does not begin with $share/");
}

static enum gw_status read_store(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                 struct gw_item *item)
{
    uint64_t number;
    GW_TRY(get_number(reader, root, "version", UINT32_MAX, &number));
    item->version = (uint32_t)number;
    return number > 0 ? GW_OK : wrong(reader, "version", "is missing");
}

static enum gw_status read_session(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                   struct gw_item *item)
{
    const struct gw_jsontree_node *expiry = gw_jsontree_member(&reader->tree, root, "expiry");
    uint64_t number = GW_SESSION_EXPIRY_NEVER;
    if (!expiry || expiry->type != GW_JSONTREE_TEXT ||
        !gw_span_equal(expiry->text, GW_SPAN_LIT("never")))
        GW_TRY(get_number(reader, root, "expiry", GW_SESSION_EXPIRY_NEVER, &number));
    if (number == 0)
        return wrong(reader, "expiry", "is missing: seconds, or \"never\"");
    item->session.expiry = (uint32_t)number;
    GW_TRY(get_number(reader, root, "changed_ms", INT64_MAX, &item->session.changed_ms));
    GW_TRY(get_flag(reader, root, "online", &item->session.online));
    if (gw_jsontree_member(&reader->tree, root, "user"))
        GW_TRY(get_text(reader, root, "user", &item->session.user));
    return read_received(reader, root, item);
}

static enum gw_status read_will(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                struct gw_item *item)
{
    uint64_t number;
    GW_TRY(get_number(reader, root, "delay", UINT32_MAX, &number));
    item->delay = (uint32_t)number;
    return read_message(reader, root, item);
}

static enum gw_status read_subscription(struct gw_itemread *reader,
                                        const struct gw_jsontree_node *root, struct gw_item *item)
{
    uint64_t number;
    bool shared = false;
    GW_TRY(read_filter(reader, root, item, &shared));
    GW_TRY(get_number(reader, root, "qos", 2, &number));
    item->options.qos = (uint8_t)number;
    GW_TRY(get_flag(reader, root, "no_local", &item->options.no_local));
    GW_TRY(get_flag(reader, root, "retain_as_published", &item->options.retain_as_published));
    GW_TRY(get_number(reader, root, "id", GW_VARINT_MAX, &number));
    item->options.id = (uint32_t)number;
    if (shared && item->options.no_local)
        return wrong(reader, "no_local", "does not go with a shared subscription");
    return GW_OK;
}

static enum gw_status read_unfinished(struct gw_itemread *reader,
                                      const struct gw_jsontree_node *root, struct gw_item *item)
{
    GW_TRY(read_names(reader, root, "had_sessions", &item->had_sessions));
    GW_TRY(read_names(reader, root, "had_groups", &item->had_groups));
    item->had_sessions.list = (const void *)reader->names.data;
    if (item->had_groups.count > 0)
        item->had_groups.list = item->had_sessions.list + item->had_sessions.count;
    GW_TRY(get_flag(reader, root, "retained", &item->retained));
    return read_message(reader, root, item);
}

static enum gw_status read_queued(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                  struct gw_item *item)
{
    uint64_t number;
    if (gw_jsontree_member(&reader->tree, root, "filter"))
        GW_TRY(read_group(reader, root, item));
    GW_TRY(get_number(reader, root, "qos", 2, &number));
    item->qos = (uint8_t)number;
    if (number == 0)
        return wrong(reader, "qos", "is neither 1 nor 2");
    GW_TRY(get_flag(reader, root, "retain", &item->retain));
    GW_TRY(get_number(reader, root, "packet_id", UINT16_MAX, &number));
    item->packet_id = (gw_packet_id)number;
    GW_TRY(get_flag(reader, root, "releasing", &item->releasing));
    GW_TRY(read_ids(reader, root, item));
    if (!item->releasing)
        return read_message(reader, root, item);
    if (item->qos != 2 || item->packet_id == 0)
        return wrong(reader, "releasing", "wants QoS 2 and a packet identifier");
    return GW_OK;
}

static enum gw_status read_group_queued(struct gw_itemread *reader,
                                        const struct gw_jsontree_node *root, struct gw_item *item)
{
    GW_TRY(read_group(reader, root, item));
    return read_message(reader, root, item);
}

static enum gw_status read_kind(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                struct gw_item *item)
{
    struct gw_span name = GW_SPAN_NONE;
    GW_TRY(get_text(reader, root, "kind", &name));
    for (unsigned i = 0; i < GW_ITEM_KIND_COUNT; i++) {
        if (gw_span_equal(name, gw_span_str(gw_item_kind_name((enum gw_item_kind)i)))) {
            item->kind = (enum gw_item_kind)i;
            return GW_OK;
        }
    }
    return gw_trouble_say(reader->trouble, GW_INVALID, "there is no kind \"%.*s\"",
                          GW_SPAN_FMT(name));
}

static enum gw_status read_item(struct gw_itemread *reader, const struct gw_jsontree_node *root,
                                struct gw_item *item)
{
    static enum gw_status (*const steps[])(
        struct gw_itemread * reader, const struct gw_jsontree_node *root, struct gw_item *item) = {
        [GW_ITEM_STORE] = read_store,
        [GW_ITEM_GROUP] = read_group,
        [GW_ITEM_SESSION] = read_session,
        [GW_ITEM_WILL] = read_will,
        [GW_ITEM_SUBSCRIPTION] = read_subscription,
        [GW_ITEM_UNFINISHED] = read_unfinished,
        [GW_ITEM_QUEUED] = read_queued,
        [GW_ITEM_GROUP_QUEUED] = read_group_queued,
        [GW_ITEM_RETAINED] = read_message,
    };
    _Static_assert(GW_COUNT_OF(steps) == GW_ITEM_KIND_COUNT, "a step for each kind");
    GW_TRY(read_kind(reader, root, item));
    bool of_session = item->kind == GW_ITEM_SESSION || item->kind == GW_ITEM_WILL ||
                      item->kind == GW_ITEM_SUBSCRIPTION || item->kind == GW_ITEM_QUEUED;
    if (of_session) {
        GW_TRY(get_text(reader, root, "client_id", &item->client_id));
        if (item->client_id.size == 0)
            return wrong(reader, "client_id", "is empty");
    }
    return steps[item->kind](reader, root, item);
}

enum gw_status gw_itemread_line(struct gw_itemread *reader, uint8_t *line, size_t size,
                                struct gw_item *ret_item, struct gw_trouble *trouble)
{
    reader->trouble = trouble;
    *ret_item = (struct gw_item){0};
    gw_buf_clear(&reader->numbers);
    gw_buf_clear(&reader->names);
    enum gw_status status = gw_jsontree_parse(&reader->tree, line, size);
    if (status == GW_MALFORMED)
        return gw_trouble_say(trouble, status, "column %zu: %s", reader->tree.at + 1,
                              reader->tree.why);
    if (status != GW_OK)
        return no_memory(reader);
    if (reader->tree.nodes[0].type != GW_JSONTREE_OBJECT)
        return gw_trouble_say(trouble, GW_INVALID, "this is no JSON object");
    return read_item(reader, &reader->tree.nodes[0], ret_item);
}
