#include "unit/wire/codec.h"

/* -- CONNECT -- */

static void decodes_every_field(void **state)
{
    (void)state;
    struct any any;
    decode_good(&any, GW_VERSION_5, 'C',
                "10 [(MQTT) 05 F6 0102 [11 00000E10 21 000A 26(a)(b)] (id) [18 00000005 01 01] "
                "(w/t) 0002 FF00 (user) 0003 00FF80]");
    const struct gw_connect *c = &any.connect;
    assert_int_equal(c->version, GW_VERSION_5);
    assert_false(c->bridge);
    assert_true(c->clean_start && c->has_will && c->has_user_name && c->has_password);
    assert_int_equal(c->keep_alive, 0x0102);
    assert_int_equal(c->props.present, GW_PROP_BIT(SESSION_EXPIRY) | GW_PROP_BIT(RECEIVE_MAXIMUM) |
                                           GW_PROP_BIT(USER_PROPERTY));
    assert_int_equal(c->props.session_expiry, 3600);
    assert_int_equal(c->props.receive_maximum, 10);
    assert_int_equal(c->props.user_property_count, 1);
    assert_span(c->client_id, "id");
    assert_span(c->will.topic_name, "w/t");
    assert_int_equal(c->will.payload.size, 2);
    assert_int_equal(c->will.qos, 2);
    assert_true(c->will.retain);
    assert_int_equal(c->will.props.will_delay, 5);
    assert_int_equal(c->will.props.payload_format, 1);
    assert_span(c->user_name, "user");
    assert_int_equal(c->password.size, 3);
    any_fini(&any);
}

static void decodes_absent_fields_as_empty(void **state)
{
    (void)state;
    struct any any;
    decode_good(&any, GW_VERSION_311, 'C', "10 [(MQTT) 04 00 0000 ()]");
    const struct gw_connect *c = &any.connect;
    assert_int_equal(c->version, GW_VERSION_311);
    assert_false(c->clean_start || c->has_will || c->has_user_name || c->has_password);
    assert_int_equal(c->props.present, 0);
    assert_int_equal(c->client_id.size, 0);
    assert_int_equal(c->will.topic_name.size, 0);
    any_fini(&any);
}

/* Name and level decide together; the version is told even when it is refused. */
static void versions_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *begin;
        enum gw_version version;
        uint8_t reason;
        bool bridge;
    } rows[] = {
        {"(MQIsdp) 03", GW_VERSION_31, 0, false},      {"(MQIsdp) 83", GW_VERSION_31, 0, true},
        {"(MQTT) 04", GW_VERSION_311, 0, false},       {"(MQTT) 84", GW_VERSION_311, 0, true},
        {"(MQTT) 05", GW_VERSION_5, 0, false},         {"(MQTT) 85", GW_VERSION_5, 0x84, false},
        {"(MQTT) 06", GW_VERSION_5, 0x84, false},      {"(MQTT) FF", GW_VERSION_5, 0x84, false},
        {"(MQTT) 83", GW_VERSION_5, 0x84, false},      {"(MQTT) 03", GW_VERSION_311, 0x84, false},
        {"(MQTT) 00", GW_VERSION_311, 0x84, false},    {"(MQIsdp) 04", GW_VERSION_311, 0x84, false},
        {"(MQIsdp) 05", GW_VERSION_5, 0x84, false},    {"(MQIsdp) 02", GW_VERSION_311, 0x84, false},
        {"(mqtt) 04", GW_VERSION_NONE, 0x84, false},   {"(MQTTX) 04", GW_VERSION_NONE, 0x84, false},
        {"() 04", GW_VERSION_NONE, 0x84, false},       {"(MQIsd) 03", GW_VERSION_NONE, 0x84, false},
        {"0005 'MQTT'", GW_VERSION_NONE, 0x81, false}, {"(MQTT)", GW_VERSION_NONE, 0x81, false},
        {"00", GW_VERSION_NONE, 0x81, false},          {"", GW_VERSION_NONE, 0x81, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct bytes b = bytes_of(rows[i].begin);
        if (rows[i].reason != 0x81) {
            struct bytes rest =
                bytes_of(rows[i].version == GW_VERSION_5 ? "02 003C [] (id)" : "02 003C (id)");
            memcpy(b.data + b.size, rest.data, rest.size);
            b.size += rest.size;
        }
        static const struct gw_header header = {GW_PACKET_CONNECT, 0, 2, 0};
        struct any any;
        enum gw_status status =
            any_decode_as(&any, &header, GW_VERSION_NONE, false, gw_span_of(b.data, b.size));
        if ((status == GW_OK) != (rows[i].reason == 0) || any.fault.reason != rows[i].reason ||
            any.connect.version != rows[i].version || any.connect.bridge != rows[i].bridge)
            fail_msg("%s: %s, version %d, reason %02X", rows[i].begin, gw_status_name(status),
                     any.connect.version, any.fault.reason);
        any_fini(&any);
    }
}

/* The clause that a flags byte breaks, by the text; NULL if it is good. */
static const char *flags_clause(unsigned flags, enum gw_version version)
{
    bool v5 = version == GW_VERSION_5;
    if ((flags & 0x01) && version != GW_VERSION_31)
        return "MQTT-3.1.2-3";
    if ((flags & 0x18) == 0x18)
        return v5 ? "MQTT-3.1.2-12" : "MQTT-3.1.2-14";
    if (!(flags & 0x04) && (flags & 0x18))
        return v5 ? "MQTT-3.1.2-11" : "MQTT-3.1.2-13";
    if (!(flags & 0x04) && (flags & 0x20))
        return v5 ? "MQTT-3.1.2-13" : "MQTT-3.1.2-15";
    if (!v5 && (flags & 0x40) && !(flags & 0x80))
        return "MQTT-3.1.2-22";
    return NULL;
}

static void judges_every_flags_byte(void **state)
{
    (void)state;
    static const struct {
        enum gw_version version;
        const char *begin;
    } rows[] = {
        {GW_VERSION_31, "(MQIsdp) 03 00 003C (id)"},
        {GW_VERSION_311, "(MQTT) 04 00 003C (id)"},
        {GW_VERSION_5, "(MQTT) 05 00 003C [] (id)"},
    };
    static const struct gw_header header = {GW_PACKET_CONNECT, 0, 2, 0};
    for (unsigned i = 0; i < 3 * 256; i++) {
        enum gw_version version = rows[i / 256].version;
        unsigned flags = i % 256;
        char text[128];
        const char *will = version == GW_VERSION_5 ? "[] (w) (p)" : "(w) (p)";
        strcpy(text, rows[i / 256].begin);
        strcat(text, flags & 0x04 ? will : "");
        strcat(text, flags & 0x80 ? "(u)" : "");
        strcat(text, flags & 0x40 ? "(p)" : "");
        struct bytes b = bytes_of(text);
        b.data[version == GW_VERSION_31 ? 9 : 7] = (uint8_t)flags;
        struct any any;
        enum gw_status status =
            any_decode_as(&any, &header, GW_VERSION_NONE, false, gw_span_of(b.data, b.size));
        const char *clause = flags_clause(flags, version);
        if (clause ? !any.fault.clause || strcmp(any.fault.clause, clause) != 0 : status != GW_OK)
            fail_msg("version %d flags %02X: %s, %s", version, flags, gw_status_name(status),
                     any.fault.what);
        if (status == GW_OK) {
            assert_int_equal(any.connect.clean_start, flags >> 1 & 1);
            assert_int_equal(any.connect.has_will, flags >> 2 & 1);
            assert_int_equal(any.connect.will.qos, flags >> 3 & 3);
            assert_int_equal(any.connect.will.retain, flags >> 5 & 1);
            assert_int_equal(any.connect.has_password, flags >> 6 & 1);
            assert_int_equal(any.connect.has_user_name, flags >> 7);
        }
        any_fini(&any);
    }
}

static void old_clients_may_leave_credentials_out(void **state)
{
    (void)state;
    struct any any;
    decode_good(&any, GW_VERSION_31, 'C', "10 [(MQIsdp) 03 C2 003C (id)]");
    assert_false(any.connect.has_user_name || any.connect.has_password);
    any_fini(&any);
    decode_good(&any, GW_VERSION_31, 'C', "10 [(MQIsdp) 03 C2 003C (id) (user)]");
    assert_true(any.connect.has_user_name);
    assert_false(any.connect.has_password);
    assert_span(any.connect.user_name, "user");
    any_fini(&any);
}

static const struct fault_row connect_fault_rows[] = {
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 C2 003C (id)]", 0x81, "section 2.2.3"},
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 C2 003C (id) (user)]", 0x81, "section 2.2.3"},
    {GW_VERSION_31, 'C', "10 [(MQIsdp) 03 C2 003C (id) 00]", 0x81, NULL},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 02 003C [] (id) 00]", 0x81, "MQTT-3.1.4-1"},
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 02 003C (id) 00]", 0x81, "MQTT-3.1.4-1"},
    {GW_VERSION_31, 'C', "10 [(MQIsdp) 03 02 003C (id) 00]", 0x81, "MQTT-3.1.4-1"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 02 003C [] 0001 00]", 0x81, "MQTT-1.5.4-2"},
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 02 003C 0001 00]", 0x81, "MQTT-1.5.3-2"},
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 02 003C 0003 EDA080]", 0x81, "MQTT-1.5.3-1"},
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 06 003C (id) 0001 FF (p)]", 0x81, "MQTT-1.5.3-1"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 82 003C [] (id) 0001 FF]", 0x81, "MQTT-1.5.4-1"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 06 003C [] (id) [] () (p)]", 0x90, "MQTT-4.7.3-1"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 06 003C [] (id) [] (a/+) (p)]", 0x90, "MQTT-4.7.0-1"},
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 06 003C (id) (#) (p)]", 0x90, "MQTT-4.7.1-1"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 02 003C [16(x)] (id)]", 0x82, "section 3.1.2.11.10"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 02 003C [21 0000] (id)]", 0x82, "section 3.1.2.11.3"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 02 003C [18 00000000] (id)]", 0x81, "section 2.2.2.2"},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 06 003C [] (id) [11 00000000] (w) (p)]", 0x81, NULL},
};

static void tells_faults_of_connect(void **state)
{
    (void)state;
    check_fault_rows(connect_fault_rows, GW_COUNT_OF(connect_fault_rows));
}

static void limits_user_properties_of_each_block(void **state)
{
    (void)state;
    struct bytes b = bytes_of("(MQTT) 05 06 003C [26()() 26()()] (id) [26()() 26()()] (w) (p)");
    for (uint32_t max = 0; max < 4; max++) {
        struct gw_connect c;
        struct gw_fault fault = {0};
        enum gw_status status = gw_connect_decode(gw_span_of(b.data, b.size), max, &c, &fault);
        assert_int_equal(status, max < 2 ? GW_PROTOCOL : GW_OK);
        assert_int_equal(fault.reason, max < 2 ? GW_REASON_QUOTA_EXCEEDED : 0);
    }
}

static void encodes_only_what_the_version_has(void **state)
{
    (void)state;
    struct gw_connect c = {
        .version = GW_VERSION_311,
        .bridge = true,
        .clean_start = true,
        .keep_alive = 60,
        .client_id = GW_SPAN_LIT("id"),
        .will = {.qos = 2, .retain = true, .topic_name = GW_SPAN_LIT("w")},
        .user_name = GW_SPAN_LIT("user"),
    };
    c.props.present = GW_PROP_BIT(SESSION_EXPIRY);
    uint8_t memory[64];
    struct gw_writer w = gw_writer_of(memory, sizeof memory);
    assert_int_equal(gw_connect_encode(&w, &c), 16);
    assert_written(&w, "10 [(MQTT) 84 02 003C (id)]");
    c.version = GW_VERSION_5;
    c.has_will = true;
    w = gw_writer_of(memory, sizeof memory);
    assert_int_equal(gw_connect_encode(&w, &c), 28);
    assert_written(&w, "10 [(MQTT) 05 36 003C [11 00000000] (id) [] (w) ()]");
}

/* -- CONNACK -- */

static void decodes_connack(void **state)
{
    (void)state;
    struct any any;
    decode_good(&any, GW_VERSION_5, 'S', "20 [01 00 [13 001E 24 01 12(auto)]]");
    assert_true(any.connack.session_present);
    assert_int_equal(any.connack.reason, 0);
    assert_int_equal(any.connack.props.server_keep_alive, 30);
    assert_int_equal(any.connack.props.maximum_qos, 1);
    assert_span(any.connack.props.assigned_client_id, "auto");
    any_fini(&any);
    decode_good(&any, GW_VERSION_311, 'S', "20 02 01 00");
    assert_true(any.connack.session_present);
    any_fini(&any);
    /* reserved in 3.1 */
    decode_good(&any, GW_VERSION_31, 'S', "20 02 FF 05");
    assert_false(any.connack.session_present);
    assert_int_equal(any.connack.reason, 5);
    any_fini(&any);
    /* a code that the standard reserves refuses as well */
    decode_good(&any, GW_VERSION_311, 'S', "20 02 00 06");
    assert_int_equal(any.connack.reason, 6);
    any_fini(&any);
    /* a server that does not know MQTT 5 */
    decode_good(&any, GW_VERSION_5, 'S', "20 02 00 01");
    assert_int_equal(any.connack.reason, GW_REASON_UNSUPPORTED_PROTOCOL_VERSION);
    assert_int_equal(any.connack.props.present, 0);
    any_fini(&any);
}

static const struct fault_row connack_fault_rows[] = {
    {GW_VERSION_5, 'S', "20 [02 00 []]", 0x81, "MQTT-3.2.2-1"},
    {GW_VERSION_311, 'S', "20 02 80 00", 0x81, "section 3.2.2.1"},
    {GW_VERSION_5, 'S', "20 [01 87 []]", 0x82, "MQTT-3.2.2-6"},
    {GW_VERSION_311, 'S', "20 02 01 05", 0x82, "MQTT-3.2.2-4"},
    {GW_VERSION_5, 'S', "20 [00 01 []]", 0x82, "MQTT-3.2.2-8"},
    {GW_VERSION_5, 'S', "20 [00 00]", 0x81, NULL},
    {GW_VERSION_5, 'S', "20 [00 00 [] 00]", 0x81, "section 2.1.4"},
    {GW_VERSION_5, 'S', "20 [00 00 [16(x)]]", 0x82, NULL},
    {GW_VERSION_311, 'S', "20 03 00 00 00", 0x81, "section 2.2.3"},
    {GW_VERSION_31, 'S', "20 03 00 00 00", 0x81, "section 2.2.3"},
    {GW_VERSION_311, 'S', "20 01 00", 0x81, "section 2.2.3"},
};

static void tells_faults_of_connack(void **state)
{
    (void)state;
    check_fault_rows(connack_fault_rows, GW_COUNT_OF(connack_fault_rows));
}

static void old_clients_hear_no_session_present(void **state)
{
    (void)state;
    static const struct {
        enum gw_version version;
        const char *packet;
    } rows[] = {
        {GW_VERSION_31, "20 02 00 00"},
        {GW_VERSION_311, "20 02 01 00"},
        {GW_VERSION_5, "20 03 01 00 00"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_connack ack = {.session_present = true};
        uint8_t memory[8];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        assert_true(gw_connack_encode(&w, rows[i].version, &ack) > 0);
        assert_written(&w, rows[i].packet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_every_field),
        cmocka_unit_test(decodes_absent_fields_as_empty),
        cmocka_unit_test(versions_are_told_apart),
        cmocka_unit_test(judges_every_flags_byte),
        cmocka_unit_test(old_clients_may_leave_credentials_out),
        cmocka_unit_test(tells_faults_of_connect),
        cmocka_unit_test(limits_user_properties_of_each_block),
        cmocka_unit_test(encodes_only_what_the_version_has),
        cmocka_unit_test(decodes_connack),
        cmocka_unit_test(tells_faults_of_connack),
        cmocka_unit_test(old_clients_hear_no_session_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
