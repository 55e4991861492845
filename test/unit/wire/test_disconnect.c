#include "unit/wire/codec.h"

static const struct form_row {
    char from;
    const char *packet;
    uint8_t reason;
    uint32_t present;
} form_rows[] = {
    {'C', "E0 00", 0, 0},
    {'C', "E0 01 04", 4, 0},
    {'C', "E0 02 04 00", 4, 0},
    {'C', "E0 [00 [11 00000005]]", 0, GW_PROP_BIT(SESSION_EXPIRY)},
    {'S', "E0 [8E]", 0x8E, 0},
    {'S', "E0 [9C [1C(h) 1F(r)]]", 0x9C,
     GW_PROP_BIT(SERVER_REFERENCE) | GW_PROP_BIT(REASON_STRING)},
    {'S', "F0 00", 0, 0},
    {'C', "F0 [18 [15(M) 16(d)]]", 0x18, GW_PROP_BIT(AUTH_METHOD) | GW_PROP_BIT(AUTH_DATA)},
};

static void decodes_short_and_long_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(form_rows); i++) {
        struct any any;
        decode_good(&any, GW_VERSION_5, form_rows[i].from, form_rows[i].packet);
        assert_int_equal(any.disconnect.type, any.header.type);
        assert_int_equal(any.disconnect.reason, form_rows[i].reason);
        assert_int_equal(any.disconnect.props.present, form_rows[i].present);
        any_fini(&any);
    }
}

static const struct fault_row fault_rows[] = {
    {GW_VERSION_311, 'C', "E0 01 00", 0x81, "section 2.2.3"},
    {GW_VERSION_31, 'C', "E0 02 00 00", 0x81, "section 2.2.3"},
    {GW_VERSION_5, 'C', "E0 [00 [] 00]", 0x81, "section 2.1.4"},
    {GW_VERSION_5, 'C', "E0 [00 01]", 0x81, "section 2.2.2.1"},
    {GW_VERSION_5, 'S', "E0 [04]", 0x82, "MQTT-3.14.2-1"},
    {GW_VERSION_5, 'C', "E0 [8B]", 0x82, "MQTT-3.14.2-1"},
    {GW_VERSION_5, 'C', "E0 [01]", 0x82, "MQTT-3.14.2-1"},
    {GW_VERSION_5, 'S', "E0 [8B [11 00000000]]", 0x82, "MQTT-3.14.2-2"},
    {GW_VERSION_5, 'C', "E0 [00 [1C(h)]]", 0x82, "section 3.14.2.2.5"},
    {GW_VERSION_5, 'C', "E0 [00 [15(M)]]", 0x81, "section 2.2.2.2"},
    {GW_VERSION_5, 'C', "F0 00", 0x82, "MQTT-3.15.2-1"},
    {GW_VERSION_5, 'S', "F0 [19 [15(M)]]", 0x82, "MQTT-3.15.2-1"},
    {GW_VERSION_5, 'C', "F0 [18]", 0x82, "section 3.15.2.2.2"},
    {GW_VERSION_5, 'C', "F0 [18 []]", 0x82, "section 3.15.2.2.2"},
    {GW_VERSION_5, 'C', "F0 [18 [16(d)]]", 0x82, "section 3.15.2.2.2"},
    {GW_VERSION_5, 'C', "F0 [18 [15(M) 15(M)]]", 0x82, "section 3.1.2.11.9"},
    {GW_VERSION_5, 'C', "F0 [18 [15(M)] 00]", 0x81, "section 2.1.4"},
};

static void tells_faults(void **state)
{
    (void)state;
    check_fault_rows(fault_rows, GW_COUNT_OF(fault_rows));
}

static void auth_does_not_exist_before_5(void **state)
{
    (void)state;
    static const struct gw_header header = {GW_PACKET_AUTH, 0, 2, 0};
    struct any any;
    assert_int_equal(any_decode_as(&any, &header, GW_VERSION_311, false, GW_SPAN_NONE),
                     GW_MALFORMED);
    any_fini(&any);
    struct gw_disconnect auth = {.type = GW_PACKET_AUTH, .reason = 0x18};
    uint8_t memory[8];
    struct gw_writer w = gw_writer_of(memory, sizeof memory);
    assert_int_equal(gw_disconnect_encode(&w, GW_VERSION_311, &auth), 0);
    assert_int_equal(gw_writer_size(&w), 0);
}

static void encodes_the_shortest_form(void **state)
{
    (void)state;
    static const struct {
        enum gw_version version;
        enum gw_packet_type type;
        uint8_t reason;
        const char *reason_string; /* NULL: none */
        const char *packet;
    } rows[] = {
        {GW_VERSION_5, GW_PACKET_DISCONNECT, 0x00, NULL, "E0 00"},
        {GW_VERSION_5, GW_PACKET_DISCONNECT, 0x8E, NULL, "E0 01 8E"},
        {GW_VERSION_5, GW_PACKET_DISCONNECT, 0x8E, "other", "E0 [8E [1F(other)]]"},
        {GW_VERSION_5, GW_PACKET_DISCONNECT, 0x00, "bye", "E0 [00 [1F(bye)]]"},
        {GW_VERSION_311, GW_PACKET_DISCONNECT, 0x04, "bye", "E0 00"},
        {GW_VERSION_31, GW_PACKET_DISCONNECT, 0x00, NULL, "E0 00"},
        {GW_VERSION_5, GW_PACKET_AUTH, 0x00, NULL, "F0 00"},
        {GW_VERSION_5, GW_PACKET_AUTH, 0x18, "go on", "F0 [18 [1F(go on)]]"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_disconnect d;
        memset(&d, 0xA5, sizeof d);
        d.type = rows[i].type;
        d.reason = rows[i].reason;
        gw_props_clear(&d.props);
        if (rows[i].reason_string) {
            d.props.present = GW_PROP_BIT(REASON_STRING);
            d.props.reason_string = gw_span_str(rows[i].reason_string);
        }
        uint8_t memory[32];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        size_t size = gw_disconnect_encode(&w, rows[i].version, &d);
        assert_int_equal(size, gw_writer_size(&w));
        assert_written(&w, rows[i].packet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_short_and_long_forms),
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(auth_does_not_exist_before_5),
        cmocka_unit_test(encodes_the_shortest_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
