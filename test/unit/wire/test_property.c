#include "unit/wire/codec.h"

#include <stdio.h>

/* Every place where properties stand, from each side, with the identifiers that table 2-4 and the
 * packets' sections allow there. */
static const struct place_row {
    const char *name;
    uint32_t bit;
    bool from_server;
    const char *allowed;
} place_rows[] = {
    {"CONNECT", GW_IN(CONNECT), false, "11 15 16 17 19 21 22 26 27"},
    {"will", GW_IN_WILL, false, "01 02 03 08 09 18 26"},
    {"CONNACK", GW_IN(CONNACK), true, "11 12 13 15 16 1A 1C 1F 21 22 24 25 26 27 28 29 2A"},
    {"PUBLISH of a client", GW_IN(PUBLISH), false, "01 02 03 08 09 23 26"},
    {"PUBLISH of a server", GW_IN(PUBLISH), true, "01 02 03 08 09 0B 23 26"},
    {"PUBACK", GW_IN(PUBACK), false, "1F 26"},
    {"PUBACK", GW_IN(PUBACK), true, "1F 26"},
    {"PUBREC", GW_IN(PUBREC), false, "1F 26"},
    {"PUBREC", GW_IN(PUBREC), true, "1F 26"},
    {"PUBREL", GW_IN(PUBREL), false, "1F 26"},
    {"PUBREL", GW_IN(PUBREL), true, "1F 26"},
    {"PUBCOMP", GW_IN(PUBCOMP), false, "1F 26"},
    {"PUBCOMP", GW_IN(PUBCOMP), true, "1F 26"},
    {"SUBSCRIBE", GW_IN(SUBSCRIBE), false, "0B 26"},
    {"SUBACK", GW_IN(SUBACK), true, "1F 26"},
    {"UNSUBSCRIBE", GW_IN(UNSUBSCRIBE), false, "26"},
    {"UNSUBACK", GW_IN(UNSUBACK), true, "1F 26"},
    {"DISCONNECT of a client", GW_IN(DISCONNECT), false, "11 1F 26"},
    {"DISCONNECT of a server", GW_IN(DISCONNECT), true, "1C 1F 26"},
    {"AUTH of a client", GW_IN(AUTH), false, "15 16 1F 26"},
    {"AUTH of a server", GW_IN(AUTH), true, "15 16 1F 26"},
};

/* One good value of each, and values that break it. */
static const struct value_row {
    uint8_t identifier;
    const char *name;
    const char *good;
    const char *out_of_range; /* a list, '|' between; each is a protocol error */
    const char *ill_formed;   /* a list; each is malformed */
} value_rows[] = {
    {0x01, "Payload Format Indicator", "01", "02|FF", NULL},
    {0x02, "Message Expiry Interval", "00000000", NULL, NULL},
    {0x03, "Content Type", "(text/plain)", NULL, "0001 00|0002 C328"},
    {0x08, "Response Topic", "(a/b)", "(a/+)|(#)|(a#)|()", "0001 00|0001 FF"},
    {0x09, "Correlation Data", "0003 00FF80", NULL, NULL},
    {0x0B, "Subscription Identifier", "FFFFFF7F", "00", "80 00|80808080|FFFFFFFF01"},
    {0x11, "Session Expiry Interval", "FFFFFFFF", NULL, NULL},
    {0x12, "Assigned Client Identifier", "(id)", NULL, "0001 00|0003 EDA080"},
    {0x13, "Server Keep Alive", "0000", NULL, NULL},
    {0x15, "Authentication Method", "(M)", NULL, "0001 00|0001 80"},
    {0x16, "Authentication Data", "0003 00FF80", NULL, NULL},
    {0x17, "Request Problem Information", "00", "02|80", NULL},
    {0x18, "Will Delay Interval", "00000000", NULL, NULL},
    {0x19, "Request Response Information", "01", "02|FF", NULL},
    {0x1A, "Response Information", "(r)", NULL, "0001 00|0001 80"},
    {0x1C, "Server Reference", "(host:1883)", NULL, "0001 00|0001 80"},
    {0x1F, "Reason String", "()", NULL, "0001 00|0001 80"},
    {0x21, "Receive Maximum", "0001", "0000", NULL},
    {0x22, "Topic Alias Maximum", "0000", NULL, NULL},
    {0x23, "Topic Alias", "0001", NULL, NULL},
    {0x24, "Maximum QoS", "00", "02|FF", NULL},
    {0x25, "Retain Available", "01", "02|FF", NULL},
    {0x26, "User Property", "(a)(b)", NULL, "0001 00 (b)|(a) 0001 00|0001 80 (b)|(a) 0001 80"},
    {0x27, "Maximum Packet Size", "00000001", "00000000", NULL},
    {0x28, "Wildcard Subscription Available", "00", "02|FF", NULL},
    {0x29, "Subscription Identifiers Available", "01", "02|FF", NULL},
    {0x2A, "Shared Subscription Available", "00", "02|FF", NULL},
};

_Static_assert(GW_COUNT_OF(value_rows) == GW_PROP_COUNT, "a row per property");

static bool listed(const char *identifiers, uint8_t identifier)
{
    struct bytes b = bytes_of(identifiers);
    return memchr(b.data, identifier, b.size);
}

/* Decodes a block whose length is put in front, from memory of exactly its size. */
static enum gw_status decode(const struct bytes *block, const struct place_row *place,
                             struct gw_props *props, struct gw_fault *fault)
{
    uint8_t *copy = malloc(1 + block->size);
    copy[0] = (uint8_t)block->size;
    memcpy(copy + 1, block->data, block->size);
    struct gw_reader r = gw_reader_of(gw_span_of(copy, 1 + block->size));
    memset(fault, 0, sizeof *fault);
    memset(props, 0xA5, sizeof *props);
    enum gw_status status = gw_props_decode(&r, place->bit, place->from_server, 10, props, fault);
    if (status == GW_OK) {
        assert_int_equal(gw_reader_left(&r), 0);
        assert_int_equal(props->raw.size, block->size);
    }
    /* Only raw and the texts point into the copy, and no test looks at them. */
    free(copy);
    return status;
}

static struct bytes property_text(const struct value_row *row, const char *value, size_t size)
{
    char text[128];
    snprintf(text, sizeof text, "%02X %.*s", row->identifier, (int)size, value);
    return bytes_of(text);
}

static void each_property_in_each_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(place_rows) * GW_PROP_COUNT; i++) {
        const struct place_row *place = &place_rows[i / GW_PROP_COUNT];
        size_t prop = i % GW_PROP_COUNT;
        const struct value_row *value = &value_rows[prop];
        struct bytes b = property_text(value, value->good, strlen(value->good));
        struct gw_props props;
        struct gw_fault fault;
        enum gw_status status = decode(&b, place, &props, &fault);
        bool allowed = listed(place->allowed, value->identifier);
        if ((status == GW_OK) != allowed)
            fail_msg("%s in %s: %s", value->name, place->name, gw_status_name(status));
        if (allowed) {
            assert_int_equal(props.present, (uint32_t)1 << prop);
            continue;
        }
        /* What only the other side may send here is a protocol error, the rest is malformed. */
        bool one_way = (place->bit == GW_IN(PUBLISH) && value->identifier == 0x0B) ||
                       (place->bit == GW_IN(DISCONNECT) &&
                        (value->identifier == 0x11 || value->identifier == 0x1C));
        assert_int_equal(fault.reason, one_way ? 0x82 : 0x81);
        assert_int_equal(status, one_way ? GW_PROTOCOL : GW_MALFORMED);
        assert_memory_equal(fault.what, value->name, strlen(value->name));
        if (!one_way)
            assert_string_equal(fault.clause, "section 2.2.2.2");
    }
}

static void one_way_properties_have_their_clause(void **state)
{
    (void)state;
    static const struct {
        uint32_t bit;
        bool from_server;
        const char *block, *clause;
    } rows[] = {
        {GW_IN(PUBLISH), false, "0B 01", "MQTT-3.3.4-6"},
        {GW_IN(DISCONNECT), true, "11 00000000", "MQTT-3.14.2-2"},
        {GW_IN(DISCONNECT), false, "1C (h)", "section 3.14.2.2.5"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct place_row place = {"", rows[i].bit, rows[i].from_server, ""};
        struct bytes b = bytes_of(rows[i].block);
        struct gw_props props;
        struct gw_fault fault;
        assert_int_equal(decode(&b, &place, &props, &fault), GW_PROTOCOL);
        assert_string_equal(fault.clause, rows[i].clause);
    }
}

static void twice_is_a_protocol_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(place_rows) * GW_PROP_COUNT; i++) {
        const struct place_row *place = &place_rows[i / GW_PROP_COUNT];
        const struct value_row *value = &value_rows[i % GW_PROP_COUNT];
        if (!listed(place->allowed, value->identifier))
            continue;
        struct bytes b = property_text(value, value->good, strlen(value->good));
        memcpy(b.data + b.size, b.data, b.size);
        b.size *= 2;
        struct gw_props props;
        struct gw_fault fault;
        enum gw_status status = decode(&b, place, &props, &fault);
        bool repeats = value->identifier == 0x26 ||
                       (value->identifier == 0x0B && place->bit == GW_IN(PUBLISH));
        if (status != (repeats ? GW_OK : GW_PROTOCOL))
            fail_msg("%s twice in %s: %s", value->name, place->name, gw_status_name(status));
        if (!repeats)
            assert_non_null(strstr(fault.what, "twice"));
        else if (value->identifier == 0x26)
            assert_int_equal(props.user_property_count, 2);
        else
            assert_int_equal(props.subscription_id_count, 2);
    }
}

static const struct place_row *place_for(const struct value_row *value)
{
    for (size_t i = 0; i < GW_COUNT_OF(place_rows); i++)
        if (listed(place_rows[i].allowed, value->identifier))
            return &place_rows[i];
    return NULL;
}

static void each_of(const struct value_row *value, const char *list, uint8_t reason)
{
    while (list) {
        const char *end = strchr(list, '|');
        struct bytes b = property_text(value, list, end ? (size_t)(end - list) : strlen(list));
        struct gw_props props;
        struct gw_fault fault;
        (void)decode(&b, place_for(value), &props, &fault);
        if (fault.reason != reason)
            fail_msg("%s %s: reason %02X", value->name, list, fault.reason);
        list = end ? end + 1 : NULL;
    }
}

static void values_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_PROP_COUNT; i++) {
        each_of(&value_rows[i], value_rows[i].out_of_range, 0x82);
        each_of(&value_rows[i], value_rows[i].ill_formed, 0x81);
        assert_string_equal(gw_prop_name((enum gw_prop)i), value_rows[i].name);
    }
    assert_string_equal(gw_prop_name(GW_PROP_COUNT), "unknown property");
}

static void cut_values_are_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_PROP_COUNT; i++) {
        const struct value_row *value = &value_rows[i];
        struct bytes b = property_text(value, value->good, strlen(value->good));
        for (b.size--; b.size > 0; b.size--) {
            struct gw_props props;
            struct gw_fault fault;
            if (decode(&b, place_for(value), &props, &fault) != GW_MALFORMED)
                fail_msg("%s cut to %zu passes", value->name, b.size);
            struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
            struct gw_prop_item item;
            assert_int_equal(gw_props_next(&r, &item), GW_MALFORMED);
        }
    }
}

static void unknown_identifiers_are_malformed(void **state)
{
    (void)state;
    const struct place_row *place = &place_rows[0];
    for (unsigned identifier = 0; identifier < 256; identifier++) {
        bool known = false;
        for (size_t i = 0; i < GW_PROP_COUNT; i++)
            known |= value_rows[i].identifier == identifier;
        if (known)
            continue;
        struct bytes b = {0};
        b.size = 10;
        b.data[0] = (uint8_t)identifier;
        struct gw_props props;
        struct gw_fault fault;
        assert_int_equal(decode(&b, place, &props, &fault), GW_MALFORMED);
        assert_string_equal(fault.what, "property identifier is unknown");
        struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
        struct gw_prop_item item;
        assert_int_equal(gw_props_next(&r, &item), GW_MALFORMED);
    }
}

static void lengths_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *clause;
    } rows[] = {
        {"", "MQTT-1.5.5-1"},
        {"80", "MQTT-1.5.5-1"},
        {"80 00", "MQTT-1.5.5-1"},
        {"80 80 80 80 01", "MQTT-1.5.5-1"},
        {"05 1F (a)", "section 2.2.2.1"},
        {"FF FF FF 7F", "section 2.2.2.1"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct bytes b = bytes_of(rows[i].bytes);
        struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
        struct gw_props props;
        struct gw_fault fault = {0};
        assert_int_equal(gw_props_decode(&r, GW_IN(PUBACK), true, 8, &props, &fault), GW_MALFORMED);
        assert_string_equal(fault.clause, rows[i].clause);
    }
}

static void user_properties_are_limited(void **state)
{
    (void)state;
    struct bytes b = bytes_of("0F 26()() 26()() 26()()");
    for (uint32_t max = 0; max < 5; max++) {
        struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
        struct gw_props props;
        struct gw_fault fault = {0};
        enum gw_status status = gw_props_decode(&r, GW_IN(PUBACK), true, max, &props, &fault);
        assert_int_equal(status, max < 3 ? GW_PROTOCOL : GW_OK);
        assert_int_equal(fault.reason, max < 3 ? GW_REASON_QUOTA_EXCEEDED : 0);
    }
}

static void items_are_walked_in_order(void **state)
{
    (void)state;
    struct bytes b = bytes_of("26(a)(1) 0B 8001 01 01 26(b)() 03(ct) 02 00000102 23 0007 0B 05");
    struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
    struct gw_prop_item item;
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_int_equal(item.prop, GW_PROP_USER_PROPERTY);
    assert_span(item.text, "a");
    assert_span(item.value, "1");
    assert_ptr_equal(item.raw.data, b.data);
    assert_int_equal(item.raw.size, 7);
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_int_equal(item.prop, GW_PROP_SUBSCRIPTION_ID);
    assert_int_equal(item.number, 128);
    assert_int_equal(item.raw.size, 3);
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_int_equal(item.prop, GW_PROP_PAYLOAD_FORMAT);
    assert_int_equal(item.number, 1);
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_span(item.text, "b");
    assert_span(item.value, "");
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_span(item.text, "ct");
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_int_equal(item.number, 0x102);
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_int_equal(item.number, 7);
    assert_int_equal(gw_props_next(&r, &item), GW_OK);
    assert_int_equal(item.number, 5);
    assert_int_equal(gw_props_next(&r, &item), GW_END);
}

static void filter_keeps_what_is_asked(void **state)
{
    (void)state;
    struct bytes b = bytes_of("26(a)(1) 0B 05 01 01 26(b)() 23 0007");
    struct bytes want = bytes_of("26(a)(1) 01 01 26(b)()");
    uint8_t memory[64];
    size_t size = gw_props_filter(gw_span_of(b.data, b.size),
                                  GW_PROP_BIT(USER_PROPERTY) | GW_PROP_BIT(PAYLOAD_FORMAT), memory);
    assert_int_equal(size, want.size);
    assert_memory_equal(memory, want.data, size);
    assert_int_equal(gw_props_filter(GW_SPAN_NONE, UINT32_MAX, memory), 0);
}

static void the_first_subscription_id_is_kept(void **state)
{
    (void)state;
    struct bytes b = bytes_of("06 0B 09 0B 08 0B 07");
    struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
    struct gw_props props;
    assert_int_equal(gw_props_decode(&r, GW_IN(PUBLISH), true, 8, &props, NULL), GW_OK);
    assert_int_equal(props.subscription_id, 9);
    assert_int_equal(props.subscription_id_count, 3);
}

static void fields_are_written_in_table_order_then_raw(void **state)
{
    (void)state;
    struct gw_props props;
    uint8_t memory[64];
    memset(&props, 0xA5, sizeof props);
    gw_props_clear(&props);
    assert_true(gw_props_empty(&props));
    assert_int_equal(gw_props_size(&props), 1);
    struct bytes users = bytes_of("26(a)(b)");
    props.present = GW_PROP_BIT(TOPIC_ALIAS) | GW_PROP_BIT(SUBSCRIPTION_ID) |
                    GW_PROP_BIT(CONTENT_TYPE) | GW_PROP_BIT(USER_PROPERTY);
    props.topic_alias = 0x0102;
    props.subscription_id = 300;
    props.content_type = gw_span_str("t");
    props.raw = gw_span_of(users.data, users.size);
    assert_false(gw_props_empty(&props));
    struct gw_writer w = gw_writer_of(memory, sizeof memory);
    gw_props_encode(&w, &props);
    assert_written(&w, "[03(t) 0B AC02 23 0102 26(a)(b)]");
    assert_int_equal(gw_props_size(&props), gw_writer_size(&w));

    w = gw_writer_of(memory, sizeof memory);
    gw_props_write_user(&w, gw_span_str("name"), gw_span_str("value"));
    assert_written(&w, "26(name)(value)");
}

static void blocks_beyond_the_frame_are_not_written(void **state)
{
    (void)state;
    struct gw_props props;
    uint8_t memory[8];
    gw_props_clear(&props);
    props.raw = gw_span_of(memory, (size_t)GW_VARINT_MAX + 1);
    assert_int_equal(gw_props_size(&props), (size_t)GW_VARINT_MAX + 1);
    struct gw_writer w = gw_writer_of(memory, sizeof memory);
    gw_props_encode(&w, &props);
    assert_true(w.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_in_each_place),
        cmocka_unit_test(one_way_properties_have_their_clause),
        cmocka_unit_test(twice_is_a_protocol_error),
        cmocka_unit_test(values_are_judged),
        cmocka_unit_test(cut_values_are_malformed),
        cmocka_unit_test(unknown_identifiers_are_malformed),
        cmocka_unit_test(lengths_are_judged),
        cmocka_unit_test(user_properties_are_limited),
        cmocka_unit_test(items_are_walked_in_order),
        cmocka_unit_test(filter_keeps_what_is_asked),
        cmocka_unit_test(the_first_subscription_id_is_kept),
        cmocka_unit_test(fields_are_written_in_table_order_then_raw),
        cmocka_unit_test(blocks_beyond_the_frame_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
