#include "unit/wire/codec.h"

/* -- the fixed header -- */

static const struct header_row {
    enum gw_version version;
    const char *bytes;
    enum gw_status status;
    uint8_t size;
    uint32_t length;
} header_rows[] = {
    {GW_VERSION_5, "", GW_MORE, 0, 0},
    {GW_VERSION_5, "30", GW_MORE, 0, 0},
    {GW_VERSION_5, "30 80", GW_MORE, 0, 0},
    {GW_VERSION_5, "30 80 80 80", GW_MORE, 0, 0},
    {GW_VERSION_5, "30 00", GW_OK, 2, 0},
    {GW_VERSION_5, "30 7F", GW_OK, 2, 127},
    {GW_VERSION_5, "30 80 01", GW_OK, 3, 128},
    {GW_VERSION_5, "30 FF 7F", GW_OK, 3, 16383},
    {GW_VERSION_5, "30 80 80 01", GW_OK, 4, 16384},
    {GW_VERSION_5, "30 FF FF 7F", GW_OK, 4, 2097151},
    {GW_VERSION_5, "30 80 80 80 01", GW_OK, 5, 2097152},
    {GW_VERSION_5, "30 FF FF FF 7F", GW_OK, 5, 268435455},
    {GW_VERSION_5, "30 C1 02 FF FF", GW_OK, 3, 321},
    {GW_VERSION_5, "30 80 80 80 80", GW_MALFORMED, 0, 0},
    {GW_VERSION_311, "30 FF FF FF FF 01", GW_MALFORMED, 0, 0},
    {GW_VERSION_NONE, "10 FF FF FF FF", GW_MALFORMED, 0, 0},
    {GW_VERSION_5, "30 80 00", GW_MALFORMED, 0, 0},
    {GW_VERSION_5, "30 FF 80 80 00", GW_MALFORMED, 0, 0},
    {GW_VERSION_311, "30 80 00", GW_OK, 3, 0},
    {GW_VERSION_31, "30 FF 80 80 00", GW_OK, 5, 127},
    {GW_VERSION_NONE, "10 8D 00", GW_OK, 3, 13},
};

static void decodes_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(header_rows); i++) {
        const struct header_row *row = &header_rows[i];
        struct bytes b = bytes_of(row->bytes);
        struct gw_header header = {0};
        struct gw_fault fault = {0};
        enum gw_status status =
            gw_header_decode(gw_span_of(b.data, b.size), row->version, &header, &fault);
        if (status != row->status || header.size != row->size ||
            header.remaining_length != row->length ||
            (fault.reason == 0x81) != (status == GW_MALFORMED))
            fail_msg("%s: %s, size %u, length %u", row->bytes, gw_status_name(status), header.size,
                     header.remaining_length);
        if (status == GW_OK) {
            assert_int_equal(header.type, b.data[0] >> 4);
            assert_int_equal(header.flags, b.data[0] & 15);
        }
    }
}

/* Which flags each version takes, as a set of the 16 values; bit n is flags n. */
static const struct flags_row {
    enum gw_packet_type type;
    uint16_t v5, v311, v31;
} flags_rows[] = {
    {GW_PACKET_RESERVED, 0, 0, 0},
    {GW_PACKET_CONNECT, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_CONNACK, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_PUBLISH, 0x3C3F, 0x3C3F, 0x3F3F},
    {GW_PACKET_PUBACK, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_PUBREC, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_PUBREL, 0x0004, 0x0004, 0x0C0C},
    {GW_PACKET_PUBCOMP, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_SUBSCRIBE, 0x0004, 0x0004, 0x0C0C},
    {GW_PACKET_SUBACK, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_UNSUBSCRIBE, 0x0004, 0x0004, 0x0C0C},
    {GW_PACKET_UNSUBACK, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_PINGREQ, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_PINGRESP, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_DISCONNECT, 0x0001, 0x0001, 0xFFFF},
    {GW_PACKET_AUTH, 0x0001, 0, 0},
};

static void judges_every_flag_of_every_type(void **state)
{
    (void)state;
    static const enum gw_version versions[] = {GW_VERSION_NONE, GW_VERSION_31, GW_VERSION_311,
                                               GW_VERSION_5};
    for (size_t i = 0; i < GW_COUNT_OF(flags_rows) * 16 * 4; i++) {
        const struct flags_row *row = &flags_rows[i / 64];
        unsigned flags = i / 4 % 16;
        enum gw_version version = versions[i % 4];
        unsigned good = version == GW_VERSION_5    ? row->v5
                        : version == GW_VERSION_31 ? row->v31
                                                   : row->v311;
        struct gw_header header = {row->type, (uint8_t)flags, 2, 0};
        struct gw_fault fault = {0};
        enum gw_status status = gw_header_check(&header, version, &fault);
        if (status != (good >> flags & 1 ? GW_OK : GW_MALFORMED) ||
            fault.reason != (status == GW_OK ? 0 : 0x81))
            fail_msg("%s flags %X version %d: %s", gw_packet_name(row->type), flags, version,
                     gw_status_name(status));
    }
}

static const struct fault_row header_fault_rows[] = {
    {GW_VERSION_5, 'C', "30 80 00", 0x81, "MQTT-1.5.5-1"},
    {GW_VERSION_5, 'C', "30 80 80 80 80 01", 0x81, "section 1.5.5"},
    {GW_VERSION_311, 'C', "30 80 80 80 80 01", 0x81, "section 2.2.3"},
    {GW_VERSION_5, 'C', "00 00", 0x81, "section 2.1.2"},
    {GW_VERSION_311, 'C', "F0 00", 0x81, "section 2.2.1"},
    {GW_VERSION_5, 'C', "42 02 00 01", 0x81, "MQTT-2.1.3-1"},
    {GW_VERSION_311, 'C', "42 02 00 01", 0x81, "MQTT-2.2.2-2"},
    {GW_VERSION_5, 'C', "36 00", 0x81, "MQTT-3.3.1-4"},
    {GW_VERSION_31, 'C', "36 00", 0x81, "MQTT-3.3.1-4"},
    {GW_VERSION_5, 'C', "38 00", 0x81, "MQTT-3.3.1-2"},
    {GW_VERSION_5, 'C', "C0 01 00", 0x81, "section 2.1.4"},
    {GW_VERSION_311, 'S', "D0 01 00", 0x81, "section 2.2.3"},
    {GW_VERSION_31, 'S', "D0 01 00", 0x81, "section 2.2.3"},
};

static void tells_faults_of_headers(void **state)
{
    (void)state;
    check_fault_rows(header_fault_rows, GW_COUNT_OF(header_fault_rows));
}

static void begins_only_what_fits(void **state)
{
    (void)state;
    uint8_t memory[8];
    struct gw_writer w = gw_writer_of(memory, sizeof memory);
    assert_int_equal(gw_packet_begin(&w, GW_PACKET_SUBSCRIBE, 6), 8);
    assert_written(&w, "82 06");
    w = gw_writer_of(memory, sizeof memory);
    assert_int_equal(gw_packet_begin(&w, GW_PACKET_SUBSCRIBE, 7), 0);
    assert_true(w.overflow);
    assert_int_equal(gw_writer_size(&w), 0);
    w = gw_writer_of(memory, sizeof memory);
    assert_int_equal(gw_packet_begin(&w, GW_PACKET_CONNACK, (size_t)GW_VARINT_MAX + 1), 0);
    assert_int_equal(gw_packet_begin(&w, GW_PACKET_CONNACK, SIZE_MAX), 0);
}

static void names_packets(void **state)
{
    (void)state;
    assert_string_equal(gw_packet_name(GW_PACKET_RESERVED), "reserved");
    assert_string_equal(gw_packet_name(GW_PACKET_CONNECT), "CONNECT");
    assert_string_equal(gw_packet_name(GW_PACKET_AUTH), "AUTH");
    assert_string_equal(gw_packet_name((enum gw_packet_type)16), "reserved");
}

/* -- basic data types -- */

static const struct varint_row {
    const char *bytes;
    uint32_t value;
} varint_rows[] = {
    {"00", 0},
    {"01", 1},
    {"7F", 127},
    {"80 01", 128},
    {"FF 7F", 16383},
    {"80 80 01", 16384},
    {"FF FF 7F", 2097151},
    {"80 80 80 01", 2097152},
    {"FF FF FF 7F", 268435455},
};

static void varints_round(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(varint_rows); i++) {
        const struct varint_row *row = &varint_rows[i];
        struct bytes b = bytes_of(row->bytes);
        struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size + 1));
        uint32_t value = 0;
        assert_int_equal(gw_varint_read(&r, &value), GW_OK);
        assert_int_equal(value, row->value);
        assert_int_equal(gw_reader_left(&r), 1);
        assert_int_equal(gw_varint_size(value), b.size);
        uint8_t memory[4];
        struct gw_writer w = gw_writer_of(memory, b.size);
        gw_varint_write(&w, value);
        assert_false(w.overflow);
        assert_written(&w, row->bytes);
        w = gw_writer_of(memory, b.size - 1);
        gw_varint_write(&w, value);
        assert_true(w.overflow);
        assert_int_equal(gw_writer_size(&w), 0);
    }
}

static void bad_varints_change_nothing(void **state)
{
    (void)state;
    static const char *const rows[] = {"",           "80",       "FF FF FF",    "80 00",
                                       "80 80 00",   "FF 80 00", "FF FF FF FF", "80 80 80 80 01",
                                       "FF FF 80 00"};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct bytes b = bytes_of(rows[i]);
        struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
        uint32_t value = 42;
        assert_int_equal(gw_varint_read(&r, &value), GW_MALFORMED);
        assert_ptr_equal(r.at, b.data);
        assert_int_equal(value, 42);
    }
}

static void strings_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *clause;
    } rows[] = {
        {"(plain)", NULL},
        {"()", NULL},
        {"0003 EFBBBF", NULL},
        {"0004 F09F8680", NULL},
        {"", "section 2.1.4"},
        {"00", "section 2.1.4"},
        {"0002 61", "section 2.1.4"},
        {"0003 610062", "MQTT-1.5.4-2"},
        {"0003 EDA080", "MQTT-1.5.4-1"},
        {"0002 C080", "MQTT-1.5.4-1"},
        {"0001 80", "MQTT-1.5.4-1"},
        {"0002 E282", "MQTT-1.5.4-1"},
        {"0004 F4908080", "MQTT-1.5.4-1"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct bytes b = bytes_of(rows[i].bytes);
        struct gw_reader r = gw_reader_of(gw_span_of(b.data, b.size));
        struct gw_span span = GW_SPAN_NONE;
        struct gw_fault fault = {0};
        enum gw_status status = gw_string_read(&r, &span, &fault);
        assert_int_equal(status, rows[i].clause ? GW_MALFORMED : GW_OK);
        if (rows[i].clause)
            assert_string_equal(fault.clause, rows[i].clause);
        else
            assert_int_equal(span.size, b.size - 2);
    }
}

static void faults_map_to_statuses(void **state)
{
    (void)state;
    struct gw_fault fault;
    assert_int_equal(gw_fault_set(&fault, 0x81, "a", "b"), GW_MALFORMED);
    assert_int_equal(fault.reason, 0x81);
    assert_string_equal(fault.what, "a");
    assert_string_equal(fault.clause, "b");
    assert_int_equal(gw_fault_set(NULL, 0x82, "a", NULL), GW_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_headers),
        cmocka_unit_test(judges_every_flag_of_every_type),
        cmocka_unit_test(tells_faults_of_headers),
        cmocka_unit_test(begins_only_what_fits),
        cmocka_unit_test(names_packets),
        cmocka_unit_test(varints_round),
        cmocka_unit_test(bad_varints_change_nothing),
        cmocka_unit_test(strings_are_judged),
        cmocka_unit_test(faults_map_to_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
