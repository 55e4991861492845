#include "unit/wire/codec.h"

/* The tables of the packets themselves (3-1, 3-4 … 3-12), while reason.def follows table 2-6. */
static const struct packet_row {
    enum gw_packet_type type;
    const char *server; /* codes that a server may send */
    const char *client;
} packet_rows[] = {
    {GW_PACKET_CONNACK, "00 80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F", ""},
    {GW_PACKET_PUBACK, "00 10 80 83 87 90 91 97 99", "00 80 83 87 90 91 97 99"},
    {GW_PACKET_PUBREC, "00 10 80 83 87 90 91 97 99", "00 80 83 87 90 91 97 99"},
    {GW_PACKET_PUBREL, "00 92", "00 92"},
    {GW_PACKET_PUBCOMP, "00 92", "00 92"},
    {GW_PACKET_SUBACK, "00 01 02 80 83 87 8F 91 97 9E A1 A2", ""},
    {GW_PACKET_UNSUBACK, "00 11 80 83 87 8F 91", ""},
    {GW_PACKET_DISCONNECT,
     "00 80 81 82 83 87 89 8B 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 A2"
     "8C", /* table 2-6 has it, table 3-10 has not */
     "00 04 80 81 82 83 90 93 94 95 96 97 98 99"},
    {GW_PACKET_AUTH, "00 18", "18 19"},
};

static bool listed(const char *codes, unsigned code)
{
    struct bytes b = bytes_of(codes);
    return b.size > 0 && memchr(b.data, (int)code, b.size);
}

static const struct packet_row *row_of(unsigned type)
{
    for (size_t i = 0; i < GW_COUNT_OF(packet_rows); i++)
        if (packet_rows[i].type == type)
            return &packet_rows[i];
    return NULL;
}

static void each_code_in_each_packet(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 20; type++) {
        const struct packet_row *row = row_of(type);
        for (unsigned code = 0; code < 256; code++)
            for (unsigned server = 0; server < 2; server++) {
                bool want = row && listed(server ? row->server : row->client, code);
                if (gw_reason_allowed((uint8_t)code, (enum gw_packet_type)type, server) != want)
                    fail_msg("type %u code %02X server %u", type, code, server);
            }
    }
}

/* The decoders hold to the same tables. SUBACK and UNSUBACK come only from servers. */
static void decoders_judge_each_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(packet_rows); i++) {
        const struct packet_row *row = &packet_rows[i];
        static const char *const packets[16] = {
            [GW_PACKET_CONNACK] = "20 [00 00 []]",    [GW_PACKET_PUBACK] = "40 [0001 00]",
            [GW_PACKET_PUBREC] = "50 [0001 00]",      [GW_PACKET_PUBREL] = "62 [0001 00]",
            [GW_PACKET_PUBCOMP] = "70 [0001 00]",     [GW_PACKET_SUBACK] = "90 [0001 [] 00]",
            [GW_PACKET_UNSUBACK] = "B0 [0001 [] 00]", [GW_PACKET_DISCONNECT] = "E0 [00]",
            [GW_PACKET_AUTH] = "F0 [00 [15(M)]]",
        };
        static const uint8_t at[16] = {
            [GW_PACKET_CONNACK] = 3,  [GW_PACKET_PUBACK] = 4,     [GW_PACKET_PUBREC] = 4,
            [GW_PACKET_PUBREL] = 4,   [GW_PACKET_PUBCOMP] = 4,    [GW_PACKET_SUBACK] = 5,
            [GW_PACKET_UNSUBACK] = 5, [GW_PACKET_DISCONNECT] = 2, [GW_PACKET_AUTH] = 2,
        };
        struct bytes b = bytes_of(packets[row->type]);
        for (unsigned code = 0; code < 256; code++)
            for (unsigned server = *row->client ? 0 : 1; server < 2; server++) {
                struct any any;
                b.data[at[row->type]] = (uint8_t)code;
                enum gw_status status =
                    any_decode(&any, gw_span_of(b.data, b.size), GW_VERSION_5, server);
                bool want = listed(server ? row->server : row->client, code);
                if (status != (want ? GW_OK : GW_PROTOCOL) ||
                    any.fault.reason != (want ? 0 : GW_REASON_PROTOCOL_ERROR) ||
                    (!want && !strstr(any.fault.what, gw_packet_name(row->type))))
                    fail_msg("%s code %02X server %u: %s", gw_packet_name(row->type), code, server,
                             gw_status_name(status));
                any_fini(&any);
            }
    }
}

static void known_codes_are_those_of_some_packet(void **state)
{
    (void)state;
    unsigned count = 0;
    for (unsigned code = 0; code < 256; code++) {
        bool somewhere = false;
        for (unsigned type = 0; type < 16; type++)
            somewhere |= gw_reason_allowed((uint8_t)code, (enum gw_packet_type)type, true) ||
                         gw_reason_allowed((uint8_t)code, (enum gw_packet_type)type, false);
        assert_int_equal(gw_reason_known((uint8_t)code), somewhere);
        count += somewhere;
        assert_non_null(gw_reason_name((uint8_t)code, GW_PACKET_CONNACK));
    }
    assert_int_equal(count, 43);
}

static void names_follow_the_packet(void **state)
{
    (void)state;
    assert_string_equal(gw_reason_name(0, GW_PACKET_PUBACK), "Success");
    assert_string_equal(gw_reason_name(0, GW_PACKET_SUBACK), "Granted QoS 0");
    assert_string_equal(gw_reason_name(0, GW_PACKET_DISCONNECT), "Normal disconnection");
    assert_string_equal(gw_reason_name(2, GW_PACKET_SUBACK), "Granted QoS 2");
    assert_string_equal(gw_reason_name(0xA2, GW_PACKET_SUBACK),
                        "Wildcard Subscriptions not supported");
    assert_string_equal(gw_reason_name(0x03, GW_PACKET_SUBACK), "unknown reason code");
    assert_string_equal(gw_reason_name(0xA3, GW_PACKET_SUBACK), "unknown reason code");
    assert_string_equal(gw_reason_name(0xFF, GW_PACKET_SUBACK), "unknown reason code");
    assert_string_equal(gw_return_code_name(5), "Connection Refused, not authorized");
    assert_string_equal(gw_return_code_name(6), "unknown return code");
    assert_string_equal(gw_return_code_name(255), "unknown return code");
}

/* What each reason that a CONNACK can carry becomes in 3.x. */
static void maps_to_return_codes(void **state)
{
    (void)state;
    static const struct {
        const char *reasons;
        enum gw_return_code code;
    } rows[] = {
        {"00", GW_RETURN_ACCEPTED},
        {"84", GW_RETURN_BAD_PROTOCOL},
        {"85", GW_RETURN_IDENTIFIER_REJECTED},
        {"80 83 88 89 97 9C 9D 9F", GW_RETURN_SERVER_UNAVAILABLE},
        {"86", GW_RETURN_BAD_USER_OR_PASSWORD},
        {"87 8A 8C 90 99 9A 9B", GW_RETURN_NOT_AUTHORIZED},
    };
    for (unsigned code = 0; code < 256; code++) {
        enum gw_return_code want = GW_RETURN_NONE;
        for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
            if (listed(rows[i].reasons, code))
                want = rows[i].code;
        assert_int_equal(gw_reason_to_return_code((enum gw_reason)code), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_in_each_packet),
        cmocka_unit_test(decoders_judge_each_code),
        cmocka_unit_test(known_codes_are_those_of_some_packet),
        cmocka_unit_test(names_follow_the_packet),
        cmocka_unit_test(maps_to_return_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
