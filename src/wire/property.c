#include "wire/property.h"

#include "base/compiler.h"
#include "wire/fault.h"
#include "wire/reason.h"

enum kind {
    KIND_BOOL,
    KIND_U16,
    KIND_U16_POSITIVE,
    KIND_U32,
    KIND_U32_POSITIVE,
    KIND_VARINT_POSITIVE,
    KIND_STRING,
    KIND_TOPIC,
    KIND_BINARY,
    KIND_PAIR,
};

static const struct row {
    uint32_t packets;
    uint16_t offset; /* of the field in struct gw_props */
    uint8_t kind;
    uint8_t identifier;
} rows[GW_PROP_COUNT] = {
#define X(name, identifier, kind, field, packets, title, section)                                  \
    [GW_PROP_##name] = {packets, offsetof(struct gw_props, field), KIND_##kind, identifier},
#include "wire/property.def"
#undef X
};

/* Identifier to property + 1; 0 = unknown. */
static const uint8_t by_identifier[] = {
#define X(name, identifier, kind, field, packets, title, section) [identifier] = GW_PROP_##name + 1,
#include "wire/property.def"
#undef X
};

static const struct texts {
    const char *title, *section;
    const char *misplaced, *direction, *twice, *cut, *range;
} texts[GW_PROP_COUNT] = {
#define X(name, identifier, kind, field, packets, title, section)                                  \
    [GW_PROP_##name] = {title,                                                                     \
                        section,                                                                   \
                        title " does not belong into this packet",                                 \
                        title " may not be sent by this side",                                     \
                        title " is there twice",                                                   \
                        title " is cut short or ill-formed",                                       \
                        title " has a value that is not allowed"},
#include "wire/property.def"
#undef X
};

/* Properties that only one side may send in a packet that both may send. */
static const struct one_way {
    uint32_t packet;
    uint8_t prop;
    bool from_server;
    const char *clause;
} one_ways[] = {
    {GW_IN(PUBLISH), GW_PROP_SUBSCRIPTION_ID, true, "MQTT-3.3.4-6"},
    {GW_IN(DISCONNECT), GW_PROP_SESSION_EXPIRY, false, "MQTT-3.14.2-2"},
    {GW_IN(DISCONNECT), GW_PROP_SERVER_REFERENCE, true, "section 3.14.2.2.5"},
};

_Static_assert(GW_PROP_COUNT == 27, "table 2-4 of MQTT 5.0 has 27 properties");
_Static_assert(GW_PROP_COUNT <= 32, "present is a set of 32 bits");

const char *gw_prop_name(enum gw_prop prop)
{
    return (unsigned)prop < GW_PROP_COUNT ? texts[prop].title : "unknown property";
}

/* -- decode -- */

/* Takes identifier and property off the front: GW_NOT_FOUND if there is no such identifier. */
static enum gw_status take_identifier(struct gw_reader *block, enum gw_prop *ret_prop)
{
    uint8_t identifier;
    GW_TRY(gw_reader_u8(block, &identifier));
    if (identifier >= GW_COUNT_OF(by_identifier) || by_identifier[identifier] == 0)
        return GW_NOT_FOUND;
    *ret_prop = (enum gw_prop)(by_identifier[identifier] - 1);
    return GW_OK;
}

/* Takes the value; says GW_MALFORMED if it is cut, judges no contents. */
static enum gw_status take_value(struct gw_reader *block, struct gw_prop_item *item)
{
    uint8_t u8;
    uint16_t u16;
    switch ((enum kind)rows[item->prop].kind) {
    case KIND_BOOL:
        GW_TRY(gw_reader_u8(block, &u8));
        item->number = u8;
        return GW_OK;
    case KIND_U16:
    case KIND_U16_POSITIVE:
        GW_TRY(gw_reader_u16(block, &u16));
        item->number = u16;
        return GW_OK;
    case KIND_U32:
    case KIND_U32_POSITIVE: return gw_reader_u32(block, &item->number);
    case KIND_VARINT_POSITIVE: return gw_varint_read(block, &item->number);
    case KIND_STRING:
    case KIND_TOPIC:
    case KIND_BINARY: return gw_binary_read(block, &item->text);
    case KIND_PAIR: GW_TRY(gw_binary_read(block, &item->text)); break;
    }
    return gw_binary_read(block, &item->value);
}

/* Judges whether the property may stand here at all. */
static enum gw_status check_place(enum gw_prop prop, uint32_t packets_bit, bool from_server,
                                  uint32_t present, struct gw_fault *ret_fault)
{
    const struct texts *t = &texts[prop];
    if ((rows[prop].packets & packets_bit) == 0)
        return gw_fault_set(ret_fault, GW_REASON_MALFORMED_PACKET, t->misplaced, "section 2.2.2.2");
    for (size_t i = 0; i < GW_COUNT_OF(one_ways); i++) {
        const struct one_way *o = &one_ways[i];
        if (o->prop == prop && o->packet == packets_bit && o->from_server != from_server)
            return gw_fault_set(ret_fault, GW_REASON_PROTOCOL_ERROR, t->direction, o->clause);
    }
    bool repeats = prop == GW_PROP_USER_PROPERTY ||
                   (prop == GW_PROP_SUBSCRIPTION_ID && packets_bit == GW_IN(PUBLISH));
    if (!repeats && (present >> prop & 1) != 0)
        return gw_fault_set(ret_fault, GW_REASON_PROTOCOL_ERROR, t->twice, t->section);
    return GW_OK;
}

static enum gw_status check_text(struct gw_span text, struct gw_fault *ret_fault)
{
    enum gw_utf8_fault why = gw_utf8_check(text);
    return why == GW_UTF8_VALID ? GW_OK : gw_fault_raise_utf8(why, GW_VERSION_5, ret_fault);
}

static bool topic_name_valid(struct gw_span name)
{
    return name.size > 0 && !memchr(name.data, '#', name.size) &&
           !memchr(name.data, '+', name.size);
}

/* Judges the value. */
static enum gw_status check_value(const struct gw_prop_item *item, struct gw_fault *ret_fault)
{
    const char *clause = texts[item->prop].section;
    bool good = true;
    switch ((enum kind)rows[item->prop].kind) {
    case KIND_BOOL: good = item->number <= 1; break;
    case KIND_U16_POSITIVE:
    case KIND_U32_POSITIVE:
    case KIND_VARINT_POSITIVE: good = item->number != 0; break;
    case KIND_STRING: return check_text(item->text, ret_fault);
    case KIND_TOPIC:
        GW_TRY(check_text(item->text, ret_fault));
        good = topic_name_valid(item->text);
        clause = item->text.size > 0 ? "MQTT-3.3.2-14" : "MQTT-4.7.3-1";
        break;
    case KIND_PAIR:
        GW_TRY(check_text(item->text, ret_fault));
        return check_text(item->value, ret_fault);
    case KIND_U16:
    case KIND_U32:
    case KIND_BINARY: break;
    }
    if (good)
        return GW_OK;
    return gw_fault_set(ret_fault, GW_REASON_PROTOCOL_ERROR, texts[item->prop].range, clause);
}

/* Keeps the value in its field; of the repeatable ones the first, and the count. */
static void keep(struct gw_props *props, const struct gw_prop_item *item)
{
    void *field = (char *)props + rows[item->prop].offset;
    switch ((enum kind)rows[item->prop].kind) {
    case KIND_BOOL: *(uint8_t *)field = (uint8_t)item->number; break;
    case KIND_U16:
    case KIND_U16_POSITIVE: *(uint16_t *)field = (uint16_t)item->number; break;
    case KIND_U32:
    case KIND_U32_POSITIVE: *(uint32_t *)field = item->number; break;
    case KIND_VARINT_POSITIVE:
        if (props->subscription_id_count == 0)
            *(uint32_t *)field = item->number;
        if (props->subscription_id_count < UINT16_MAX)
            props->subscription_id_count++;
        break;
    case KIND_STRING:
    case KIND_TOPIC:
    case KIND_BINARY: *(struct gw_span *)field = item->text; break;
    case KIND_PAIR: props->user_property_count++; break;
    }
    props->present |= (uint32_t)1 << item->prop;
}

static enum gw_status take_length(struct gw_reader *r, struct gw_span *ret_block,
                                  struct gw_fault *ret_fault)
{
    uint32_t length;
    if (gw_varint_read(r, &length) != GW_OK)
        return gw_fault_raise(GW_FAULT_PROPERTY_LENGTH, GW_VERSION_5, ret_fault);
    if (gw_reader_bytes(r, length, ret_block) != GW_OK)
        return gw_fault_raise(GW_FAULT_PROPERTY_LENGTH_END, GW_VERSION_5, ret_fault);
    return GW_OK;
}

enum gw_status gw_props_decode(struct gw_reader *r, uint32_t packets_bit, bool from_server,
                               uint32_t user_properties_max, struct gw_props *ret_props,
                               struct gw_fault *ret_fault)
{
    if (gw_reader_left(r) > 0 && *r->at == 0) {
        r->at++;
        gw_props_clear(ret_props);
        return GW_OK;
    }
    struct gw_span raw = {0};
    GW_TRY(take_length(r, &raw, ret_fault));
    return gw_props_decode_block(raw, packets_bit, from_server, user_properties_max, ret_props,
                                 ret_fault);
}

enum gw_status gw_props_decode_block(struct gw_span raw, uint32_t packets_bit, bool from_server,
                                     uint32_t user_properties_max, struct gw_props *ret_props,
                                     struct gw_fault *ret_fault)
{
    gw_props_clear(ret_props);
    uint32_t users_max = user_properties_max < UINT16_MAX ? user_properties_max : UINT16_MAX;
    struct gw_reader block = gw_reader_of(raw);
    while (gw_reader_left(&block) > 0) {
        struct gw_prop_item item = {0};
        if (take_identifier(&block, &item.prop) != GW_OK)
            return gw_fault_raise(GW_FAULT_PROPERTY_UNKNOWN, GW_VERSION_5, ret_fault);
        GW_TRY(check_place(item.prop, packets_bit, from_server, ret_props->present, ret_fault));
        if (take_value(&block, &item) != GW_OK)
            return gw_fault_set(ret_fault, GW_REASON_MALFORMED_PACKET, texts[item.prop].cut,
                                "section 2.2.2.2");
        GW_TRY(check_value(&item, ret_fault));
        if (item.prop == GW_PROP_USER_PROPERTY && ret_props->user_property_count >= users_max)
            return gw_fault_raise(GW_FAULT_USER_PROPERTIES_MAX, GW_VERSION_5, ret_fault);
        keep(ret_props, &item);
    }
    ret_props->raw = raw;
    return GW_OK;
}

enum gw_status gw_props_next(struct gw_reader *block, struct gw_prop_item *ret_item)
{
    if (gw_reader_left(block) == 0)
        return GW_END;
    struct gw_reader r = *block;
    struct gw_prop_item item = {0};
    if (take_identifier(&r, &item.prop) != GW_OK)
        return GW_MALFORMED;
    GW_TRY(take_value(&r, &item));
    item.raw = gw_span_of(block->at, (size_t)(r.at - block->at));
    *ret_item = item;
    *block = r;
    return GW_OK;
}

size_t gw_props_filter(struct gw_span block, uint32_t mask, uint8_t *memory)
{
    struct gw_reader r = gw_reader_of(block);
    struct gw_prop_item item;
    size_t size = 0;
    while (gw_props_next(&r, &item) == GW_OK) {
        if ((mask >> item.prop & 1) == 0)
            continue;
        memcpy(memory + size, item.raw.data, item.raw.size);
        size += item.raw.size;
    }
    return size;
}

/* -- encode -- */

/* The properties that stand in fields, as a set. */
static uint32_t in_fields(const struct gw_props *props)
{
    return props->present & ~GW_PROP_BIT(USER_PROPERTY);
}

static size_t value_size(enum kind kind, const void *field)
{
    switch (kind) {
    case KIND_BOOL: return 1;
    case KIND_U16:
    case KIND_U16_POSITIVE: return 2;
    case KIND_U32:
    case KIND_U32_POSITIVE: return 4;
    case KIND_VARINT_POSITIVE: return gw_varint_size(*(const uint32_t *)field);
    case KIND_STRING:
    case KIND_TOPIC:
    case KIND_BINARY: return 2 + ((const struct gw_span *)field)->size;
    case KIND_PAIR: break; /* only in raw */
    }
    return 0;
}

/* Size without the length field. At most 26 strings of 65,537 bytes and what raw has. */
static size_t block_size(const struct gw_props *props)
{
    size_t size = props->raw.size;
    if (size > GW_VARINT_MAX)
        return size;
    for (uint32_t set = in_fields(props); set != 0; set &= set - 1) {
        const struct row *row = &rows[__builtin_ctz(set)];
        size += 1 + value_size((enum kind)row->kind, (const char *)props + row->offset);
    }
    return size;
}

size_t gw_props_size(const struct gw_props *props)
{
    size_t size = block_size(props);
    if (size > GW_VARINT_MAX)
        return (size_t)GW_VARINT_MAX + 1;
    return gw_varint_size((uint32_t)size) + size;
}

static void write_value(struct gw_writer *w, enum kind kind, const void *field)
{
    switch (kind) {
    case KIND_BOOL: gw_writer_u8(w, *(const uint8_t *)field); break;
    case KIND_U16:
    case KIND_U16_POSITIVE: gw_writer_u16(w, *(const uint16_t *)field); break;
    case KIND_U32:
    case KIND_U32_POSITIVE: gw_writer_u32(w, *(const uint32_t *)field); break;
    case KIND_VARINT_POSITIVE: gw_varint_write(w, *(const uint32_t *)field); break;
    case KIND_STRING:
    case KIND_TOPIC:
    case KIND_BINARY: gw_binary_write(w, *(const struct gw_span *)field); break;
    case KIND_PAIR: break; /* only in raw */
    }
}

void gw_props_encode(struct gw_writer *w, const struct gw_props *props)
{
    size_t size = block_size(props);
    if (size > GW_VARINT_MAX) {
        w->overflow = true;
        return;
    }
    gw_varint_write(w, (uint32_t)size);
    for (uint32_t set = in_fields(props); set != 0; set &= set - 1) {
        const struct row *row = &rows[__builtin_ctz(set)];
        gw_writer_u8(w, row->identifier);
        write_value(w, (enum kind)row->kind, (const char *)props + row->offset);
    }
    gw_writer_bytes(w, props->raw);
}

void gw_props_write_user(struct gw_writer *w, struct gw_span name, struct gw_span value)
{
    gw_writer_u8(w, rows[GW_PROP_USER_PROPERTY].identifier);
    gw_binary_write(w, name);
    gw_binary_write(w, value);
}
