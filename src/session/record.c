#include "session/record.h"

#include "base/assert.h"
#include "base/leb.h"
#include "base/utf8.h"
#include "topic/name.h"
#include "wire/subscribe.h"

/* Flags of a message: MESSAGE, WILL. Bits that are not named here are not looked at. */
#define FLAG_QOS        0x03u
#define FLAG_RETAIN     0x04u
#define FLAG_EXPIRY     0x08u
#define FLAG_RELAYED    0x10u /* MESSAGE */
#define FLAG_SESSION    0x20u
#define FLAG_PUBLISHER  0x40u
#define FLAG_AUTHOR     0x80u
#define FLAG_PRESENT    0x10u /* WILL */
#define FLAG_ONLINE     0x01u /* SESSION */
#define FLAG_MADE       0x02u
#define FLAG_ADRIFT     0x04u
#define FLAG_NO_LOCAL   0x04u /* SUBSCRIBE */
#define FLAG_AS_PUBLISH 0x08u
#define FLAG_GROUP      0x08u /* OWE */
#define FLAG_IDS        0x10u

#define POSITION_MAX (UINT64_MAX >> 1)
#define CONTENT_MAX  GW_VARINT_MAX /* of properties and of a payload: what MQTT can frame */

/* -- write -- */

static void write_u64(struct gw_writer *w, uint64_t value)
{
    gw_writer_u32(w, (uint32_t)(value >> 32));
    gw_writer_u32(w, (uint32_t)value);
}

static void write_text(struct gw_writer *w, struct gw_span text)
{
    gw_leb_write(w, text.size);
    gw_writer_bytes(w, text);
}

static void write_ref(struct gw_writer *w, const struct gw_record_ref *ref)
{
    if (ref->back > 0) {
        gw_leb_write(w, (uint64_t)ref->back << 1 | 1);
        return;
    }
    if (ref->position > POSITION_MAX)
        w->overflow = true;
    gw_leb_write(w, ref->position << 1);
}

static unsigned message_flags(const struct gw_message *message)
{
    return (message->qos & FLAG_QOS) | (message->retain ? FLAG_RETAIN : 0) |
           (message->has_expiry ? FLAG_EXPIRY : 0);
}

static void write_content_head(struct gw_writer *w, const struct gw_message *message)
{
    if (message->has_expiry)
        gw_leb_write(w, message->expiry);
    gw_leb_write(w, message->topic_name.size);
    gw_leb_write(w, message->props.size);
    gw_leb_write(w, message->payload.size);
}

void gw_record_write_message(struct gw_writer *w, const struct gw_record_message *record)
{
    const struct gw_message *message = &record->message;
    gw_writer_u8(w, (uint8_t)(message_flags(message) | (record->relayed ? FLAG_RELAYED : 0) |
                              (record->session != 0 ? FLAG_SESSION : 0) |
                              (message->publisher != 0 ? FLAG_PUBLISHER : 0) |
                              (record->author.size != 0 ? FLAG_AUTHOR : 0)));
    gw_writer_u8(w, record->origin);
    gw_leb_write(w, record->received_ms);
    if (message->publisher != 0)
        write_u64(w, message->publisher);
    if (record->session != 0) {
        gw_leb_write(w, record->session);
        gw_leb_write(w, record->packet_id);
    }
    if (record->author.size != 0)
        write_text(w, record->author);
    write_content_head(w, message);
}

void gw_record_write_session(struct gw_writer *w, const struct gw_record_session *record)
{
    gw_leb_write(w, record->serial);
    gw_writer_u8(w, (uint8_t)((record->online ? FLAG_ONLINE : 0) | (record->made ? FLAG_MADE : 0) |
                              (record->adrift ? FLAG_ADRIFT : 0)));
    gw_leb_write(w, record->changed_ms);
    gw_leb_write(w, record->expiry);
    write_text(w, record->client_id);
    write_text(w, record->user);
    if (record->adrift)
        gw_leb_write(w, record->adrift_before);
}

void gw_record_write_will(struct gw_writer *w, const struct gw_record_will *record)
{
    const struct gw_message *message = &record->message;
    gw_leb_write(w, record->serial);
    if (!record->present) {
        gw_writer_u8(w, 0);
        return;
    }
    gw_writer_u8(w, (uint8_t)(message_flags(message) | FLAG_PRESENT));
    gw_leb_write(w, record->delay);
    write_content_head(w, message);
    gw_writer_bytes(w, message->topic_name);
    gw_writer_bytes(w, message->props);
    gw_writer_bytes(w, message->payload);
}

void gw_record_write_subscription(struct gw_writer *w, const struct gw_record_subscription *record)
{
    const struct gw_subscription_options *options = &record->options;
    gw_leb_write(w, record->serial);
    write_text(w, record->filter);
    gw_writer_u8(w, (uint8_t)((options->qos & FLAG_QOS) | (options->no_local ? FLAG_NO_LOCAL : 0) |
                              (options->retain_as_published ? FLAG_AS_PUBLISH : 0)));
    gw_leb_write(w, options->id);
}

static void write_ids(struct gw_writer *w, const struct gw_record_owe *record)
{
    gw_leb_write(w, record->id_count);
    if (!record->ids) {
        gw_writer_bytes(w, record->id_bytes);
        return;
    }
    for (uint32_t i = 0; i < record->id_count; i++)
        gw_leb_write(w, record->ids[i]);
}

void gw_record_write_owe(struct gw_writer *w, const struct gw_record_owe *record)
{
    gw_leb_write(w, record->serial);
    gw_writer_u8(w, (uint8_t)((record->qos & FLAG_QOS) | (record->retain ? FLAG_RETAIN : 0) |
                              (record->group != 0 ? FLAG_GROUP : 0) |
                              (record->id_count > 0 ? FLAG_IDS : 0)));
    gw_leb_write(w, record->order);
    write_ref(w, &record->message);
    gw_leb_write(w, record->size);
    if (record->group != 0) {
        gw_leb_write(w, record->group);
        gw_leb_write(w, record->group_order);
    }
    if (record->id_count > 0)
        write_ids(w, record);
}

void gw_record_write_step(struct gw_writer *w, enum gw_record_kind kind,
                          const struct gw_record_step *record)
{
    bool ordered = kind == GW_RECORD_SENT || kind == GW_RECORD_RELEASE || kind == GW_RECORD_SETTLED;
    bool numbered =
        kind == GW_RECORD_SENT || kind == GW_RECORD_RECEIVED || kind == GW_RECORD_RELEASED;
    GW_ASSERT(ordered || numbered);
    gw_leb_write(w, record->serial);
    if (ordered)
        gw_leb_write(w, record->order);
    if (numbered)
        gw_leb_write(w, record->packet_id);
}

void gw_record_write_retained(struct gw_writer *w, const struct gw_record_retained *record)
{
    write_text(w, record->topic_name);
    write_ref(w, &record->message);
    if (record->message.back == 0 && record->message.position == 0) {
        write_ref(w, &record->cleared_by);
        return;
    }
    gw_leb_write(w, record->size);
    gw_leb_write(w, record->expires_ms);
}

void gw_record_write_group(struct gw_writer *w, const struct gw_record_group *record)
{
    gw_leb_write(w, record->serial);
    write_text(w, record->filter);
}

void gw_record_write_group_owe(struct gw_writer *w, enum gw_record_kind kind,
                               const struct gw_record_group_owe *record)
{
    GW_ASSERT(kind == GW_RECORD_GROUP_OWE || kind == GW_RECORD_GROUP_SETTLED);
    gw_leb_write(w, record->serial);
    gw_leb_write(w, record->order);
    if (kind == GW_RECORD_GROUP_SETTLED)
        return;
    write_ref(w, &record->message);
    gw_leb_write(w, record->size);
}

void gw_record_write_complete(struct gw_writer *w, const struct gw_record_complete *record)
{
    gw_writer_u8(w, record->origin);
    gw_leb_write(w, record->upto);
}

void gw_record_write_serial(struct gw_writer *w, uint64_t serial)
{
    gw_leb_write(w, serial);
}

/* -- read -- */

static enum gw_status judge(bool good)
{
    return good ? GW_OK : GW_MALFORMED;
}

static enum gw_status read_u64(struct gw_reader *r, uint64_t *ret_value)
{
    uint32_t high;
    uint32_t low;
    GW_TRY(gw_reader_u32(r, &high));
    GW_TRY(gw_reader_u32(r, &low));
    *ret_value = (uint64_t)high << 32 | low;
    return GW_OK;
}

static enum gw_status read_u32(struct gw_reader *r, uint32_t *ret_value)
{
    uint64_t value;
    GW_TRY(gw_leb_read_max(r, UINT32_MAX, &value));
    *ret_value = (uint32_t)value;
    return GW_OK;
}

static enum gw_status read_serial(struct gw_reader *r, uint64_t *ret_serial)
{
    GW_TRY(gw_leb_read(r, ret_serial));
    return judge(*ret_serial != 0);
}

static enum gw_status read_packet_id(struct gw_reader *r, gw_packet_id *ret_id)
{
    uint64_t value;
    GW_TRY(gw_leb_read_max(r, UINT16_MAX, &value));
    *ret_id = (gw_packet_id)value;
    return judge(value != 0);
}

/* A UTF-8 encoded string, by its size. */
static enum gw_status read_text(struct gw_reader *r, struct gw_span *ret_text)
{
    uint64_t size;
    GW_TRY(gw_leb_read_max(r, UINT16_MAX, &size));
    GW_TRY(gw_reader_bytes(r, (size_t)size, ret_text));
    return judge(gw_utf8_check(*ret_text) == GW_UTF8_VALID);
}

static enum gw_status read_filter(struct gw_reader *r, struct gw_span *ret_filter, bool *ret_shared)
{
    struct gw_filter_parts parts = {0};
    GW_TRY(read_text(r, ret_filter));
    GW_TRY(judge(gw_filter_split(*ret_filter, 0, &parts) == GW_OK));
    *ret_shared = parts.shared;
    return GW_OK;
}

static enum gw_status read_ref(struct gw_reader *r, struct gw_record_ref *ret_ref)
{
    uint64_t value;
    GW_TRY(gw_leb_read(r, &value));
    if ((value & 1) == 0) {
        *ret_ref = (struct gw_record_ref){.position = value >> 1};
        return GW_OK;
    }
    value >>= 1;
    *ret_ref = (struct gw_record_ref){.back = (uint32_t)value};
    return judge(value > 0 && value <= UINT32_MAX);
}

static enum gw_status read_message_flags(uint8_t flags, struct gw_message *ret_message)
{
    *ret_message = (struct gw_message){
        .qos = flags & FLAG_QOS,
        .retain = (flags & FLAG_RETAIN) != 0,
        .has_expiry = (flags & FLAG_EXPIRY) != 0,
    };
    return judge(ret_message->qos <= 2);
}

static enum gw_status check_props(struct gw_span block)
{
    struct gw_props props;
    if (block.size == 0)
        return GW_OK;
    GW_TRY(judge(gw_props_decode_block(block, GW_IN(PUBLISH), false, UINT32_MAX, &props, NULL) ==
                 GW_OK));
    return judge((props.present & ~GW_MESSAGE_PROPS) == 0);
}

static enum gw_status read_content(struct gw_reader *r, struct gw_message *message)
{
    uint64_t topic_size;
    uint64_t props_size;
    uint64_t payload_size;
    if (message->has_expiry)
        GW_TRY(read_u32(r, &message->expiry));
    GW_TRY(gw_leb_read_max(r, UINT16_MAX, &topic_size));
    GW_TRY(gw_leb_read_max(r, CONTENT_MAX, &props_size));
    GW_TRY(gw_leb_read_max(r, CONTENT_MAX, &payload_size));
    GW_TRY(gw_reader_bytes(r, (size_t)topic_size, &message->topic_name));
    GW_TRY(gw_reader_bytes(r, (size_t)props_size, &message->props));
    GW_TRY(gw_reader_bytes(r, (size_t)payload_size, &message->payload));
    GW_TRY(judge(gw_utf8_check(message->topic_name) == GW_UTF8_VALID));
    GW_TRY(judge(gw_name_validate(message->topic_name, 0) == GW_OK));
    return check_props(message->props);
}

enum gw_status gw_record_read_message(struct gw_span body, struct gw_record_message *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    struct gw_record_message record = {0};
    uint8_t flags;
    GW_TRY(gw_reader_u8(&r, &flags));
    GW_TRY(read_message_flags(flags, &record.message));
    record.relayed = (flags & FLAG_RELAYED) != 0;
    GW_TRY(gw_reader_u8(&r, &record.origin));
    GW_TRY(gw_leb_read(&r, &record.received_ms));
    if ((flags & FLAG_PUBLISHER) != 0)
        GW_TRY(read_u64(&r, &record.message.publisher));
    if ((flags & FLAG_SESSION) != 0) {
        GW_TRY(read_serial(&r, &record.session));
        GW_TRY(read_packet_id(&r, &record.packet_id));
    }
    if ((flags & FLAG_AUTHOR) != 0) {
        GW_TRY(read_text(&r, &record.author));
        GW_TRY(judge(record.author.size > 0 && record.author.size <= GW_RECORD_AUTHOR_MAX));
    }
    GW_TRY(read_content(&r, &record.message));
    *ret_record = record;
    return GW_OK;
}

enum gw_status gw_record_read_session(struct gw_span body, struct gw_record_session *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    uint8_t flags;
    GW_TRY(read_serial(&r, &ret_record->serial));
    GW_TRY(gw_reader_u8(&r, &flags));
    ret_record->online = (flags & FLAG_ONLINE) != 0;
    ret_record->made = (flags & FLAG_MADE) != 0;
    ret_record->adrift = (flags & FLAG_ADRIFT) != 0;
    ret_record->adrift_before = 0;
    GW_TRY(gw_leb_read(&r, &ret_record->changed_ms));
    GW_TRY(read_u32(&r, &ret_record->expiry));
    GW_TRY(read_text(&r, &ret_record->client_id));
    GW_TRY(read_text(&r, &ret_record->user));
    if (ret_record->adrift)
        GW_TRY(read_u32(&r, &ret_record->adrift_before));
    return judge(ret_record->client_id.size > 0);
}

enum gw_status gw_record_read_will(struct gw_span body, struct gw_record_will *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    struct gw_record_will record = {0};
    uint8_t flags;
    GW_TRY(read_serial(&r, &record.serial));
    GW_TRY(gw_reader_u8(&r, &flags));
    record.present = (flags & FLAG_PRESENT) != 0;
    if (record.present) {
        GW_TRY(read_message_flags(flags, &record.message));
        GW_TRY(read_u32(&r, &record.delay));
        GW_TRY(read_content(&r, &record.message));
    }
    *ret_record = record;
    return GW_OK;
}

enum gw_status gw_record_read_subscription(struct gw_span body, enum gw_record_kind kind,
                                           struct gw_record_subscription *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    struct gw_subscription_options *options = &ret_record->options;
    bool shared;
    uint8_t flags;
    uint64_t id;
    GW_ASSERT(kind == GW_RECORD_SUBSCRIBE || kind == GW_RECORD_UNSUBSCRIBE);
    *options = (struct gw_subscription_options){0};
    GW_TRY(read_serial(&r, &ret_record->serial));
    GW_TRY(read_filter(&r, &ret_record->filter, &shared));
    if (kind == GW_RECORD_UNSUBSCRIBE)
        return GW_OK;
    GW_TRY(gw_reader_u8(&r, &flags));
    GW_TRY(gw_leb_read_max(&r, GW_VARINT_MAX, &id));
    *options = (struct gw_subscription_options){
        .id = (uint32_t)id,
        .qos = flags & FLAG_QOS,
        .no_local = (flags & FLAG_NO_LOCAL) != 0,
        .retain_as_published = (flags & FLAG_AS_PUBLISH) != 0,
    };
    /* MQTT-3.8.3-4: no local does not go with a shared subscription. */
    return judge(options->qos <= 2 && !(shared && options->no_local));
}

static enum gw_status read_ids(struct gw_reader *r, struct gw_record_owe *record)
{
    uint64_t id;
    GW_TRY(read_u32(r, &record->id_count));
    GW_TRY(judge(record->id_count > 0));
    const uint8_t *begin = r->at;
    for (uint32_t i = 0; i < record->id_count; i++) {
        GW_TRY(gw_leb_read_max(r, GW_VARINT_MAX, &id));
        GW_TRY(judge(id != 0));
    }
    record->id_bytes = gw_span_of(begin, (size_t)(r->at - begin));
    return GW_OK;
}

enum gw_status gw_record_read_owe(struct gw_span body, struct gw_record_owe *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    struct gw_record_owe record = {0};
    uint8_t flags;
    GW_TRY(read_serial(&r, &record.serial));
    GW_TRY(gw_reader_u8(&r, &flags));
    record.qos = flags & FLAG_QOS;
    record.retain = (flags & FLAG_RETAIN) != 0;
    GW_TRY(judge(record.qos == 1 || record.qos == 2));
    GW_TRY(read_u32(&r, &record.order));
    GW_TRY(read_ref(&r, &record.message));
    GW_TRY(read_u32(&r, &record.size));
    if ((flags & FLAG_GROUP) != 0) {
        GW_TRY(read_serial(&r, &record.group));
        GW_TRY(read_u32(&r, &record.group_order));
    }
    if ((flags & FLAG_IDS) != 0)
        GW_TRY(read_ids(&r, &record));
    *ret_record = record;
    return GW_OK;
}

uint32_t gw_record_owe_id(const struct gw_record_owe *record, uint32_t index)
{
    GW_ASSERT(index < record->id_count);
    if (record->ids)
        return record->ids[index];
    struct gw_reader r = gw_reader_of(record->id_bytes);
    uint64_t id = 0;
    for (uint32_t i = 0; i <= index; i++) {
        enum gw_status status = gw_leb_read(&r, &id);
        GW_ASSERT(status == GW_OK); /* they have been read before */
    }
    return (uint32_t)id;
}

enum gw_status gw_record_read_step(struct gw_span body, enum gw_record_kind kind,
                                   struct gw_record_step *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    struct gw_record_step record = {0};
    GW_TRY(read_serial(&r, &record.serial));
    if (kind == GW_RECORD_SENT || kind == GW_RECORD_RELEASE || kind == GW_RECORD_SETTLED)
        GW_TRY(read_u32(&r, &record.order));
    if (kind == GW_RECORD_SENT || kind == GW_RECORD_RECEIVED || kind == GW_RECORD_RELEASED)
        GW_TRY(read_packet_id(&r, &record.packet_id));
    *ret_record = record;
    return GW_OK;
}

enum gw_status gw_record_read_retained(struct gw_span body, struct gw_record_retained *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    struct gw_record_retained record = {0};
    GW_TRY(read_text(&r, &record.topic_name));
    GW_TRY(judge(gw_name_validate(record.topic_name, 0) == GW_OK));
    GW_TRY(read_ref(&r, &record.message));
    if (record.message.back == 0 && record.message.position == 0) {
        GW_TRY(read_ref(&r, &record.cleared_by));
    } else if (gw_reader_left(&r) > 0) { /* the first version ended here */
        GW_TRY(read_u32(&r, &record.size));
        GW_TRY(gw_leb_read(&r, &record.expires_ms));
    }
    *ret_record = record;
    return GW_OK;
}

enum gw_status gw_record_read_group(struct gw_span body, struct gw_record_group *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    bool shared;
    GW_TRY(read_serial(&r, &ret_record->serial));
    GW_TRY(read_filter(&r, &ret_record->filter, &shared));
    return judge(shared);
}

enum gw_status gw_record_read_group_owe(struct gw_span body, enum gw_record_kind kind,
                                        struct gw_record_group_owe *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    struct gw_record_group_owe record = {0};
    GW_TRY(read_serial(&r, &record.serial));
    GW_TRY(read_u32(&r, &record.order));
    if (kind == GW_RECORD_GROUP_OWE) {
        GW_TRY(read_ref(&r, &record.message));
        GW_TRY(read_u32(&r, &record.size));
        GW_TRY(judge(record.message.back > 0 || record.message.position > 0));
    }
    *ret_record = record;
    return GW_OK;
}

enum gw_status gw_record_read_complete(struct gw_span body, struct gw_record_complete *ret_record)
{
    struct gw_reader r = gw_reader_of(body);
    GW_TRY(gw_reader_u8(&r, &ret_record->origin));
    return gw_leb_read(&r, &ret_record->upto);
}

enum gw_status gw_record_read_serial(struct gw_span body, uint64_t *ret_serial)
{
    struct gw_reader r = gw_reader_of(body);
    return read_serial(&r, ret_serial);
}
