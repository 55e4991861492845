#include "unit/wire/codec.h"

static void decodes_filters_and_options(void **state)
{
    (void)state;
    struct any any;
    decode_good(&any, GW_VERSION_5, 'C',
                "82 [0102 [0B 8001 26(a)(b)] (a/+) 00 (b) 2D ($share/g/c) 1A ($SYS/#) 04]");
    const struct gw_subscribe *s = &any.subscribe;
    assert_int_equal(s->type, GW_PACKET_SUBSCRIBE);
    assert_int_equal(s->packet_id, 0x0102);
    assert_int_equal(s->filter_count, 4);
    assert_int_equal(s->props.subscription_id, 128);
    static const struct {
        const char *filter;
        uint8_t qos;
        bool no_local, retain_as_published;
        uint8_t retain_handling;
    } rows[] = {
        {"a/+", 0, false, false, GW_RETAIN_SEND},
        {"b", 1, true, true, GW_RETAIN_DO_NOT_SEND},
        {"$share/g/c", 2, false, true, GW_RETAIN_SEND_IF_NEW},
        {"$SYS/#", 0, true, false, GW_RETAIN_SEND},
    };
    struct gw_reader r = gw_reader_of(s->filters);
    struct gw_filter_request request;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        assert_int_equal(gw_subscribe_next(&r, s->type, &request), GW_OK);
        assert_span(request.filter, rows[i].filter);
        assert_int_equal(request.qos, rows[i].qos);
        assert_int_equal(request.no_local, rows[i].no_local);
        assert_int_equal(request.retain_as_published, rows[i].retain_as_published);
        assert_int_equal(request.retain_handling, rows[i].retain_handling);
    }
    assert_int_equal(gw_subscribe_next(&r, s->type, &request), GW_END);
    any_fini(&any);

    decode_good(&any, GW_VERSION_311, 'C', "A2 [0001 (a) (b/#)]");
    assert_int_equal(s->type, GW_PACKET_UNSUBSCRIBE);
    assert_int_equal(s->filter_count, 2);
    r = gw_reader_of(s->filters);
    assert_int_equal(gw_subscribe_next(&r, s->type, &request), GW_OK);
    assert_span(request.filter, "a");
    assert_int_equal(request.qos, 0);
    any_fini(&any);
}

/* The reason for refusing an options byte, 0 if it is good. */
static uint8_t options_reason(unsigned options, enum gw_version version)
{
    if (version != GW_VERSION_5)
        return options <= 2 ? 0 : 0x81;
    if (options & 0xC0)
        return 0x81;
    return (options & 3) == 3 || (options & 0x30) == 0x30 ? 0x82 : 0;
}

static void judges_every_options_byte(void **state)
{
    (void)state;
    static const struct {
        enum gw_version version;
        const char *packet;
    } rows[] = {
        {GW_VERSION_31, "82 [0001 (a) 00]"},
        {GW_VERSION_311, "82 [0001 (a) 00]"},
        {GW_VERSION_5, "82 [0001 [] (a) 00]"},
    };
    for (unsigned i = 0; i < 3 * 256; i++) {
        enum gw_version version = rows[i / 256].version;
        struct bytes b = bytes_of(rows[i / 256].packet);
        b.data[b.size - 1] = (uint8_t)(i % 256);
        struct any any;
        enum gw_status status = any_decode(&any, gw_span_of(b.data, b.size), version, false);
        uint8_t want = options_reason(i % 256, version);
        if (any.fault.reason != want || (status == GW_OK) != (want == 0))
            fail_msg("version %d options %02X: reason %02X", version, i % 256, any.fault.reason);
        any_fini(&any);
    }
}

static const struct fault_row fault_rows[] = {
    {GW_VERSION_5, 'C', "82 [0000 [] (a) 00]", 0x82, "MQTT-2.2.1-3"},
    {GW_VERSION_311, 'C', "A2 [0000 (a)]", 0x82, "MQTT-2.3.1-1"},
    {GW_VERSION_5, 'C', "82 [0001 []]", 0x82, "MQTT-3.8.3-2"},
    {GW_VERSION_311, 'C', "82 [0001]", 0x82, "MQTT-3.8.3-3"},
    {GW_VERSION_5, 'C', "A2 [0001 []]", 0x82, "MQTT-3.10.3-2"},
    {GW_VERSION_31, 'C', "A2 [0001]", 0x82, "MQTT-3.10.3-2"},
    {GW_VERSION_5, 'C', "82 [0001]", 0x81, NULL},
    {GW_VERSION_5, 'C', "82 [0001 [] (a)]", 0x81, "section 2.1.4"},
    {GW_VERSION_5, 'C', "82 [0001 [] (a) 00 (b)]", 0x81, "section 2.1.4"},
    {GW_VERSION_311, 'C', "82 [0001 (a) 00 00]", 0x81, "section 2.2.3"},
    {GW_VERSION_5, 'C', "82 [0001 [] (a) 40]", 0x81, "MQTT-3.8.3-5"},
    {GW_VERSION_5, 'C', "82 [0001 [] (a) 03]", 0x82, "section 3.8.3.1"},
    {GW_VERSION_5, 'C', "82 [0001 [] (a) 30]", 0x82, "section 3.8.3.1"},
    {GW_VERSION_5, 'C', "82 [0001 [] ($share/g/a) 04]", 0x82, "MQTT-3.8.3-4"},
    {GW_VERSION_5, 'C', "82 [0001 [] (x) 00 ($share/) 05]", 0x82, "MQTT-3.8.3-4"},
    {GW_VERSION_311, 'C', "82 [0001 (a) 04]", 0x81, "MQTT-3.8.3-4"},
    {GW_VERSION_31, 'C', "82 [0001 (a) 03]", 0x81, "MQTT-3.8.3-4"},
    {GW_VERSION_5, 'C', "82 [0001 [] 0001 00 00]", 0x81, "MQTT-1.5.4-2"},
    {GW_VERSION_311, 'C', "A2 [0001 (a) 0001 FF]", 0x81, "MQTT-1.5.3-1"},
    {GW_VERSION_5, 'C', "82 [0001 [0B 00] (a) 00]", 0x82, "section 3.8.2.1.2"},
    {GW_VERSION_5, 'C', "82 [0001 [0B 01 0B 02] (a) 00]", 0x82, "section 3.8.2.1.2"},
    {GW_VERSION_5, 'C', "A2 [0001 [0B 01] (a)]", 0x81, "section 2.2.2.2"},
    /* acknowledgements */
    {GW_VERSION_5, 'S', "90 [0000 [] 00]", 0x82, "MQTT-2.2.1-6"},
    {GW_VERSION_311, 'S', "B0 [0000]", 0x82, "MQTT-2.3.1-7"},
    {GW_VERSION_5, 'S', "90 [0001 []]", 0x81, "section 3.9.3"},
    {GW_VERSION_311, 'S', "90 [0001]", 0x81, "section 3.9.3"},
    {GW_VERSION_5, 'S', "B0 [0001]", 0x81, NULL},
    {GW_VERSION_5, 'S', "B0 [0001 []]", 0x81, NULL},
    {GW_VERSION_311, 'S', "B0 [0001 00]", 0x81, "section 2.2.3"},
    {GW_VERSION_31, 'S', "B0 [0001 00]", 0x81, "section 2.2.3"},
    {GW_VERSION_311, 'S', "90 [0001 00 03]", 0x82, "MQTT-3.9.3-2"},
    {GW_VERSION_311, 'S', "90 [0001 87]", 0x82, "MQTT-3.9.3-2"},
    {GW_VERSION_5, 'S', "90 [0001 [] 00 03]", 0x82, "MQTT-3.9.3-2"},
    {GW_VERSION_5, 'S', "B0 [0001 [] 01]", 0x82, "MQTT-3.11.3-2"},
};

static void tells_faults(void **state)
{
    (void)state;
    check_fault_rows(fault_rows, GW_COUNT_OF(fault_rows));
}

static void next_stays_inside_what_was_not_validated(void **state)
{
    (void)state;
    static const char *const lists[] = {"00", "0001", "0002 61", "(a)"};
    for (size_t i = 0; i < GW_COUNT_OF(lists); i++) {
        struct bytes b = bytes_of(lists[i]);
        struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
        struct gw_filter_request request;
        assert_int_equal(gw_subscribe_next(&r, GW_PACKET_SUBSCRIBE, &request), GW_MALFORMED);
        assert_ptr_equal(r.at, b.data);
    }
}

static void encodes_for_each_version(void **state)
{
    (void)state;
    const struct gw_filter_request requests[] = {
        {GW_SPAN_LIT("a"), 1, true, true, GW_RETAIN_DO_NOT_SEND},
        {GW_SPAN_LIT("b/#"), 2, false, false, GW_RETAIN_SEND_IF_NEW},
    };
    struct gw_props props = {.present = GW_PROP_BIT(SUBSCRIPTION_ID), .subscription_id = 5};
    static const struct {
        enum gw_version version;
        enum gw_packet_type type;
        bool with_props;
        const char *packet;
    } rows[] = {
        {GW_VERSION_31, GW_PACKET_SUBSCRIBE, true, "82 [0007 (a) 01 (b/#) 02]"},
        {GW_VERSION_311, GW_PACKET_SUBSCRIBE, false, "82 [0007 (a) 01 (b/#) 02]"},
        {GW_VERSION_5, GW_PACKET_SUBSCRIBE, true, "82 [0007 [0B 05] (a) 2D (b/#) 12]"},
        {GW_VERSION_5, GW_PACKET_SUBSCRIBE, false, "82 [0007 [] (a) 2D (b/#) 12]"},
        {GW_VERSION_311, GW_PACKET_UNSUBSCRIBE, false, "A2 [0007 (a) (b/#)]"},
        {GW_VERSION_5, GW_PACKET_UNSUBSCRIBE, false, "A2 [0007 [] (a) (b/#)]"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        uint8_t memory[32];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        size_t size = gw_subscribe_encode(&w, rows[i].version, rows[i].type, 7,
                                          rows[i].with_props ? &props : NULL, requests, 2);
        assert_int_equal(size, gw_writer_size(&w));
        assert_written(&w, rows[i].packet);
    }
}

static void codes_take_the_form_of_the_version(void **state)
{
    (void)state;
    static const struct {
        enum gw_version version;
        enum gw_packet_type type;
        const char *packet;
    } rows[] = {
        {GW_VERSION_5, GW_PACKET_SUBACK, "90 [0007 [] 00 01 02 80 87 A2]"},
        {GW_VERSION_311, GW_PACKET_SUBACK, "90 [0007 00 01 02 80 80 80]"},
        {GW_VERSION_31, GW_PACKET_SUBACK, "90 [0007 00 01 02 00 00 00]"},
        {GW_VERSION_311, GW_PACKET_UNSUBACK, "B0 [0007]"},
        {GW_VERSION_31, GW_PACKET_UNSUBACK, "B0 [0007]"},
    };
    struct bytes reasons = bytes_of("00 01 02 80 87 A2");
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_suback ack = {.type = rows[i].type, .packet_id = 7};
        ack.reasons = gw_span_of(reasons.data, reasons.size);
        uint8_t memory[32];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        size_t size = gw_suback_encode(&w, rows[i].version, &ack);
        assert_int_equal(size, gw_writer_size(&w));
        assert_written(&w, rows[i].packet);
    }
}

/* Properties are left out where the packet would not fit the receiver with them. */
static void encodes_suback_within(void **state)
{
    (void)state;
    static const struct {
        enum gw_packet_type type;
        enum gw_version version;
        uint32_t packet_max;
        const char *packet;
    } rows[] = {
        {GW_PACKET_SUBACK, GW_VERSION_5, UINT32_MAX, "90 [1234 [26(a)(bc)] 01 02]"},
        {GW_PACKET_SUBACK, GW_VERSION_5, 15, "90 [1234 [26(a)(bc)] 01 02]"},
        {GW_PACKET_SUBACK, GW_VERSION_5, 14, "90 [1234 00 01 02]"},
        {GW_PACKET_UNSUBACK, GW_VERSION_5, 14, "B0 [1234 00 01 02]"},
        {GW_PACKET_SUBACK, GW_VERSION_311, UINT32_MAX, "90 [1234 01 02]"},
        {GW_PACKET_UNSUBACK, GW_VERSION_311, UINT32_MAX, "B0 [1234]"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_suback ack = {.type = rows[i].type, .packet_id = 0x1234};
        ack.reasons = gw_span_of("\x01\x02", 2);
        ack.props.raw = gw_span_of("\x26\x00\x01\x61\x00\x02\x62\x63", 8);
        uint8_t memory[32];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        size_t size = gw_suback_encode_within(&w, rows[i].version, &ack, rows[i].packet_max);
        assert_int_equal(size, gw_writer_size(&w));
        assert_written(&w, rows[i].packet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_filters_and_options),
        cmocka_unit_test(judges_every_options_byte),
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(next_stays_inside_what_was_not_validated),
        cmocka_unit_test(encodes_for_each_version),
        cmocka_unit_test(codes_take_the_form_of_the_version),
        cmocka_unit_test(encodes_suback_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
