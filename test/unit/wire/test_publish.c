#include "unit/wire/codec.h"

#include "base/random.h"

static void decodes_every_field(void **state)
{
    (void)state;
    struct any any;
    decode_good(&any, GW_VERSION_5, 'S', "3D [(a/b) 1234 [01 01 23 0007 0B 05 0B 06] 00FF]");
    const struct gw_publish *p = &any.publish;
    assert_true(p->dup && p->retain);
    assert_int_equal(p->qos, 2);
    assert_int_equal(p->packet_id, 0x1234);
    assert_span(p->topic_name, "a/b");
    assert_int_equal(p->payload.size, 2);
    assert_int_equal(p->props.topic_alias, 7);
    assert_int_equal(p->props.payload_format, 1);
    assert_int_equal(p->props.subscription_id, 5);
    assert_int_equal(p->props.subscription_id_count, 2);
    any_fini(&any);

    decode_good(&any, GW_VERSION_311, 'C', "30 [(t)]");
    assert_false(p->dup || p->retain);
    assert_int_equal(p->qos, 0);
    assert_int_equal(p->packet_id, 0);
    assert_int_equal(p->payload.size, 0);
    assert_int_equal(p->props.present, 0);
    assert_int_equal(p->props.raw.size, 0);
    any_fini(&any);
}

static void takes_what_is_unusual_but_good(void **state)
{
    (void)state;
    struct any any;
    /* an alias instead of a name */
    decode_good(&any, GW_VERSION_5, 'C', "30 [() [23 0001] 'x']");
    assert_int_equal(any.publish.topic_name.size, 0);
    any_fini(&any);
    /* alias 0 is left to the connection, which answers 0x94 */
    decode_good(&any, GW_VERSION_5, 'C', "30 [(a) [23 0000]]");
    any_fini(&any);
    /* 3.1 does not forbid DUP with QoS 0; it means nothing */
    decode_good(&any, GW_VERSION_31, 'C', "38 [(a)]");
    assert_false(any.publish.dup);
    any_fini(&any);
    /* control characters, non-characters and others are only discouraged */
    decode_good(&any, GW_VERSION_311, 'C', "30 [0003 01 20 7F]");
    any_fini(&any);
    decode_good(&any, GW_VERSION_311, 'C', "30 [0005 C3A9 EFBFBF]");
    any_fini(&any);
}

static const struct fault_row fault_rows[] = {
    {GW_VERSION_5, 'C', "30 [() []]", 0x82, "section 3.3.2.1"},
    {GW_VERSION_5, 'C', "30 [() [26()()]]", 0x82, "section 3.3.2.1"},
    {GW_VERSION_311, 'C', "30 [()]", 0x81, "MQTT-4.7.3-1"},
    {GW_VERSION_31, 'C', "30 [() 'payload']", 0x81, "MQTT-4.7.3-1"},
    {GW_VERSION_5, 'C', "30 [(a/+) []]", 0x90, "MQTT-3.3.2-2"},
    {GW_VERSION_311, 'C', "30 [(a/#)]", 0x90, "MQTT-3.3.2-2"},
    {GW_VERSION_31, 'S', "30 [(a+)]", 0x90, "MQTT-3.3.2-2"},
    {GW_VERSION_5, 'C', "30 [0003 610062 []]", 0x81, "MQTT-1.5.4-2"},
    {GW_VERSION_311, 'C', "30 [0003 610062]", 0x81, "MQTT-1.5.3-2"},
    {GW_VERSION_311, 'C', "30 [0001 80]", 0x81, "MQTT-1.5.3-1"},
    {GW_VERSION_5, 'C', "30 [0003 EDBFBF []]", 0x81, "MQTT-1.5.4-1"},
    {GW_VERSION_5, 'C', "32 [(a) 0000 []]", 0x82, "MQTT-2.2.1-3"},
    {GW_VERSION_311, 'C', "34 [(a) 0000]", 0x82, "MQTT-2.3.1-1"},
    {GW_VERSION_311, 'C', "32 [(a) 00]", 0x81, "section 2.2.3"},
    {GW_VERSION_5, 'C', "32 [(a) 0001]", 0x81, NULL},
    {GW_VERSION_5, 'C', "30 [(a) 05 01 01]", 0x81, "section 2.2.2.1"},
    {GW_VERSION_5, 'C', "30 [(a) [0B 01]]", 0x82, "MQTT-3.3.4-6"},
    {GW_VERSION_5, 'C', "30 [(a) [08(r/#)]]", 0x82, "MQTT-3.3.2-14"},
    {GW_VERSION_5, 'C', "30 [(a) [11 00000000]]", 0x81, "section 2.2.2.2"},
    {GW_VERSION_311, 'C', "30 [0005 'abc']", 0x81, "section 2.2.3"},
};

static void tells_faults(void **state)
{
    (void)state;
    check_fault_rows(fault_rows, GW_COUNT_OF(fault_rows));
}

/* The fast check of topic names agrees with the plain rules for every byte at every place. */
static void topic_bytes_are_judged_at_every_place(void **state)
{
    (void)state;
    static const struct gw_header header = {GW_PACKET_PUBLISH, 0, 2, 0};
    for (size_t size = 1; size <= 26; size++)
        for (size_t at = 0; at < size; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t *body = malloc(2 + size);
                struct gw_publish p;
                struct gw_fault fault = {0};
                body[0] = 0;
                body[1] = (uint8_t)size;
                memset(body + 2, 'x', size);
                body[2 + at] = (uint8_t)byte;
                enum gw_status status = gw_publish_decode(&header, gw_span_of(body, 2 + size),
                                                          GW_VERSION_311, false, 0, &p, &fault);
                uint8_t want = byte == '+' || byte == '#'  ? 0x90
                               : byte == 0 || byte >= 0x80 ? 0x81
                                                           : 0;
                if (fault.reason != want || (status == GW_OK) != (want == 0))
                    fail_msg("size %zu, byte %02X at %zu: reason %02X", size, byte, at,
                             fault.reason);
                free(body);
            }
}

/* Two odd bytes never hide each other. */
static void topic_pairs_are_judged(void **state)
{
    (void)state;
    static const struct gw_header header = {GW_PACKET_PUBLISH, 0, 2, 0};
    struct gw_random random;
    gw_random_init(&random, 311);
    for (unsigned run = 0; run < 50000; run++) {
        uint8_t body[42];
        struct gw_publish p;
        struct gw_fault fault = {0};
        size_t size = 1 + gw_random_below(&random, 40);
        bool odd = false;
        body[0] = 0;
        body[1] = (uint8_t)size;
        for (size_t i = 0; i < size; i++) {
            bool plain = gw_random_below(&random, 20) > 0;
            body[2 + i] = (uint8_t)(plain ? ' ' + gw_random_below(&random, 3)
                                          : gw_random_below(&random, 128));
            odd |= body[2 + i] == 0 || body[2 + i] == '+' || body[2 + i] == '#';
        }
        enum gw_status status = gw_publish_decode(&header, gw_span_of(body, 2 + size),
                                                  GW_VERSION_311, false, 0, &p, &fault);
        assert_int_equal(status == GW_OK, !odd);
    }
}

static void limits_user_properties(void **state)
{
    (void)state;
    static const struct gw_header header = {GW_PACKET_PUBLISH, 0, 2, 0};
    struct bytes b = bytes_of("(a) [26()() 26()()]");
    for (uint32_t max = 0; max < 4; max++) {
        struct gw_publish p;
        struct gw_fault fault = {0};
        enum gw_status status = gw_publish_decode(&header, gw_span_of(b.data, b.size), GW_VERSION_5,
                                                  true, max, &p, &fault);
        assert_int_equal(status, max < 2 ? GW_PROTOCOL : GW_OK);
    }
}

static void encodes_heads(void **state)
{
    (void)state;
    struct gw_publish p = {
        .dup = true,
        .retain = true,
        .qos = 1,
        .packet_id = 0x0102,
        .topic_name = GW_SPAN_LIT("a/b"),
        .payload = {NULL, 300},
    };
    p.props.present = GW_PROP_BIT(MESSAGE_EXPIRY);
    p.props.message_expiry = 7;
    static const struct {
        enum gw_version version;
        const char *head;
    } rows[] = {
        {GW_VERSION_31, "3B B302 (a/b) 0102"},
        {GW_VERSION_311, "3B B302 (a/b) 0102"},
        {GW_VERSION_5, "3B B902 (a/b) 0102 [02 00000007]"},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        uint8_t memory[32];
        struct gw_writer w = gw_writer_of(memory, sizeof memory);
        size_t size = gw_publish_encode_head(&w, &p, rows[i].version);
        assert_int_equal(size, gw_writer_size(&w));
        assert_written(&w, rows[i].head);
        assert_int_equal(gw_publish_size(&p, rows[i].version), size + 300);
        w = gw_writer_of(memory, size - 1);
        assert_int_equal(gw_publish_encode_head(&w, &p, rows[i].version), 0);
        assert_int_equal(gw_writer_size(&w), 0);
    }
}

static void refuses_what_cannot_be_framed(void **state)
{
    (void)state;
    uint8_t memory[32];
    struct gw_writer w = gw_writer_of(memory, sizeof memory);
    struct gw_publish p = {.topic_name = GW_SPAN_LIT("a")};
    /* payload of the largest packet: 2 + 1 bytes go to the topic name */
    p.payload = gw_span_of(memory, GW_VARINT_MAX - 3);
    assert_int_equal(gw_publish_size(&p, GW_VERSION_311), (size_t)GW_VARINT_MAX + 5);
    assert_int_equal(gw_publish_encode_head(&w, &p, GW_VERSION_311), 8);
    assert_written(&w, "30 FFFFFF7F (a)");
    assert_int_equal(gw_publish_size(&p, GW_VERSION_5), SIZE_MAX);
    p.payload.size++;
    assert_int_equal(gw_publish_size(&p, GW_VERSION_311), SIZE_MAX);
    assert_int_equal(gw_publish_encode_head(&w, &p, GW_VERSION_311), 0);
    p.payload.size = SIZE_MAX;
    assert_int_equal(gw_publish_size(&p, GW_VERSION_311), SIZE_MAX);
    p.payload.size = 0;
    p.props.raw = gw_span_of(memory, SIZE_MAX - 2);
    assert_int_equal(gw_publish_size(&p, GW_VERSION_5), SIZE_MAX);
}

static size_t glance(const char *bytes, size_t size, struct gw_span *names, size_t names_max,
                     size_t *seen)
{
    return gw_publish_glance(gw_span_of(bytes, size), GW_VERSION_5, names, names_max, seen);
}

static void glances_at_names(void **state)
{
    (void)state;
    struct gw_span names[4];
    size_t seen;
    /* two PUBLISH, a PINGREQ between, one by alias, one whose name is longer than it, a cut one */
    static const char bytes[] = "\x30\x05\0\1a\0x"
                                "\xC0\0"
                                "\x32\x08\0\2bc\0\7\0x"
                                "\x30\x03\0\0\0"
                                "\x30\x04\0\3ab"
                                "\x30\x06\0\1d";
    size_t whole = sizeof(bytes) - 1 - 5;
    assert_int_equal(glance(bytes, sizeof(bytes) - 1, names, 4, &seen), 2);
    assert_span(names[0], "a");
    assert_span(names[1], "bc");
    assert_int_equal(seen, whole);
    assert_int_equal(glance(bytes, sizeof(bytes) - 1, names, 1, &seen), 1);
    assert_int_equal(seen, 7);
    for (size_t size = 0; size < 7; size++) {
        assert_int_equal(glance(bytes, size, names, 4, &seen), 0);
        assert_int_equal(seen, 0);
    }
    assert_int_equal(glance("\x30\xFF\xFF\xFF\xFF\x7F", 6, names, 4, &seen), 0);
    assert_int_equal(seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_every_field),
        cmocka_unit_test(takes_what_is_unusual_but_good),
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(topic_bytes_are_judged_at_every_place),
        cmocka_unit_test(topic_pairs_are_judged),
        cmocka_unit_test(limits_user_properties),
        cmocka_unit_test(encodes_heads),
        cmocka_unit_test(refuses_what_cannot_be_framed),
        cmocka_unit_test(glances_at_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
