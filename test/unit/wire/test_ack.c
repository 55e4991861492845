#include "unit/wire/codec.h"

static const struct form_row {
    const char *packet;
    uint8_t reason;
    uint32_t present;
} form_rows[] = {
    {"40 02 1234", 0, 0},
    {"40 03 1234 00", 0, 0},
    {"40 03 1234 87", 0x87, 0},
    {"40 04 1234 87 00", 0x87, 0},
    {"40 [1234 87 [1F(no)]]", 0x87, GW_PROP_BIT(REASON_STRING)},
    {"50 [1234 91 [26(a)(b)]]", 0x91, GW_PROP_BIT(USER_PROPERTY)},
    {"62 [1234 92 []]", 0x92, 0},
    {"70 [1234 00 [1F() 26()()]]", 0, GW_PROP_BIT(REASON_STRING) | GW_PROP_BIT(USER_PROPERTY)},
};

static void decodes_short_and_long_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(form_rows); i++) {
        struct any any;
        decode_good(&any, GW_VERSION_5, 'C', form_rows[i].packet);
        assert_int_equal(any.ack.type, any.header.type);
        assert_int_equal(any.ack.packet_id, 0x1234);
        assert_int_equal(any.ack.reason, form_rows[i].reason);
        assert_int_equal(any.ack.props.present, form_rows[i].present);
        any_fini(&any);
    }
}

static const struct fault_row fault_rows[] = {
    {GW_VERSION_5, 'C', "40 02 0000", 0x82, "MQTT-2.2.1-5"},
    {GW_VERSION_311, 'C', "62 02 0000", 0x82, "MQTT-2.3.1-6"},
    {GW_VERSION_31, 'S', "70 02 0000", 0x82, "MQTT-2.3.1-6"},
    {GW_VERSION_5, 'C', "40 00", 0x81, "section 2.1.4"},
    {GW_VERSION_311, 'C', "40 01 00", 0x81, "section 2.2.3"},
    {GW_VERSION_311, 'C', "40 03 0001 00", 0x81, "section 2.2.3"},
    {GW_VERSION_31, 'C', "50 04 0001 00 00", 0x81, "section 2.2.3"},
    {GW_VERSION_5, 'C', "40 [0001 00 [] 00]", 0x81, "section 2.1.4"},
    {GW_VERSION_5, 'C', "40 [0001 00 01]", 0x81, "section 2.2.2.1"},
    {GW_VERSION_5, 'C', "40 [0001 10]", 0x82, "MQTT-3.4.2-1"},
    {GW_VERSION_5, 'S', "50 [0001 92]", 0x82, "MQTT-3.5.2-1"},
    {GW_VERSION_5, 'S', "62 [0001 80]", 0x82, "MQTT-3.6.2-1"},
    {GW_VERSION_5, 'S', "70 [0001 80]", 0x82, "MQTT-3.7.2-1"},
    {GW_VERSION_5, 'S', "70 [0001 00 [11 00000000]]", 0x81, "section 2.2.2.2"},
    {GW_VERSION_5, 'S', "70 [0001 00 [1F(a) 1F(b)]]", 0x82, "section 3.2.2.3.9"},
};

static void tells_faults(void **state)
{
    (void)state;
    check_fault_rows(fault_rows, GW_COUNT_OF(fault_rows));
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
        {GW_VERSION_5, GW_PACKET_PUBACK, 0x00, NULL, "40 02 1234"},
        {GW_VERSION_5, GW_PACKET_PUBREC, 0x97, NULL, "50 03 1234 97"},
        {GW_VERSION_5, GW_PACKET_PUBREC, 0x97, "full", "50 [1234 97 [1F(full)]]"},
        {GW_VERSION_5, GW_PACKET_PUBCOMP, 0x00, "", "70 [1234 00 [1F()]]"},
        {GW_VERSION_5, GW_PACKET_PUBREL, 0x92, NULL, "62 03 1234 92"},
        {GW_VERSION_311, GW_PACKET_PUBREL, 0x92, "gone", "62 02 1234"},
        {GW_VERSION_31, GW_PACKET_PUBACK, 0x87, NULL, "40 02 1234"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_ack ack;
        memset(&ack, 0xA5, sizeof ack);
        ack.type = rows[i].type;
        ack.packet_id = 0x1234;
        ack.reason = rows[i].reason;
        gw_props_clear(&ack.props);
        if (rows[i].reason_string) {
            ack.props.present = GW_PROP_BIT(REASON_STRING);
            ack.props.reason_string = gw_span_str(rows[i].reason_string);
        }
        uint8_t memory[32];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        size_t size = gw_ack_encode(&w, rows[i].version, &ack);
        assert_int_equal(size, gw_writer_size(&w));
        assert_written(&w, rows[i].packet);
    }
}

/* Properties are left out where the packet would not fit the receiver with them. */
static void encodes_within(void **state)
{
    (void)state;
    static const struct {
        enum gw_version version;
        uint8_t reason;
        uint32_t packet_max;
        const char *packet;
    } rows[] = {
        {GW_VERSION_5, 0x00, UINT32_MAX, "40 [1234 00 [26(a)(bc)]]"},
        {GW_VERSION_5, 0x00, 14, "40 [1234 00 [26(a)(bc)]]"},
        {GW_VERSION_5, 0x00, 13, "40 02 1234"},
        {GW_VERSION_5, 0x10, 13, "40 03 1234 10"},
        {GW_VERSION_5, 0x10, 5, "40 03 1234 10"},
        {GW_VERSION_311, 0x00, UINT32_MAX, "40 02 1234"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_ack ack = {
            .type = GW_PACKET_PUBACK, .packet_id = 0x1234, .reason = rows[i].reason};
        ack.props.raw = gw_span_of("\x26\x00\x01\x61\x00\x02\x62\x63", 8);
        uint8_t memory[32];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        size_t size = gw_ack_encode_within(&w, rows[i].version, &ack, rows[i].packet_max);
        assert_int_equal(size, gw_writer_size(&w));
        assert_written(&w, rows[i].packet);
    }
}

static void encodes_pings(void **state)
{
    (void)state;
    uint8_t memory[4];
    struct gw_writer w = gw_writer_of(memory, sizeof memory);
    gw_ack_encode_ping(&w, GW_PACKET_PINGREQ);
    gw_ack_encode_ping(&w, GW_PACKET_PINGRESP);
    assert_written(&w, "C0 00 D0 00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_short_and_long_forms),
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(encodes_the_shortest_form),
        cmocka_unit_test(encodes_within),
        cmocka_unit_test(encodes_pings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
