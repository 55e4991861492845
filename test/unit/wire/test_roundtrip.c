#include "unit/wire/codec.h"

#include <stdio.h>

#include "base/random.h"

/* Valid packets. `cuts` are the body lengths below the whole at which the body is valid as well:
 * short forms, payloads, lists. */
static const struct vector_row {
    enum gw_version version;
    char from;
    const char *packet;
    uint8_t cuts[16];
    uint8_t cut_count;
} vector_rows[] = {
    /* CONNECT */
    {GW_VERSION_311, 'C', "10 0D 00 04 4D 51 54 54 04 02 00 3C 00 01 61", {0}, 0},
    {GW_VERSION_311, 'C', "10 0C 00 04 4D 51 54 54 04 00 00 00 00 00", {0}, 0},
    {GW_VERSION_31, 'C', "10 0F 00 06 4D 51 49 73 64 70 03 02 00 3C 00 01 61", {0}, 0},
    {GW_VERSION_311, 'C', "10 [(MQTT) 84 02 000A (bridge)]", {0}, 0},
    {GW_VERSION_31, 'C', "10 [(MQIsdp) 83 02 000A (bridge)]", {0}, 0},
    {GW_VERSION_311, 'C', "10 [(MQTT) 04 EE 000A (id) (w/t) (gone) (user) (pass)]", {0}, 0},
    {GW_VERSION_31, 'C', "10 [(MQIsdp) 03 EE 000A (id) (w/t) (gone) (user) (pass)]", {27, 33}, 2},
    {GW_VERSION_31, 'C', "10 [(MQIsdp) 03 82 000A (id) (user)]", {16}, 1},
    {GW_VERSION_5, 'C', "10 0D 00 04 4D 51 54 54 05 02 00 3C 00 00 00", {0}, 0},
    {GW_VERSION_5, 'C', "10 [(MQTT) 05 42 000A [] (id) (secret)]", {0}, 0},
    {GW_VERSION_5,
     'C',
     "10 [(MQTT) 05 EE FFFF [26(a)(b) 11 00000E10 26(a)(c) 21 000A] (id) "
     "[18 00000005 26(x)(y)] (w/t) (gone) (user) (pass)]",
     {0},
     0},
    {GW_VERSION_5,
     'C',
     "10 [(MQTT) 05 36 000A [17 00 19 01 22 0010 27 00010000 15(SCRAM) 16(d)] "
     "(id) [01 01 02 00000064 03(text/plain) 08(re/ply) 09(corr)] (w/t) (gone)]",
     {0},
     0},
    /* CONNACK */
    {GW_VERSION_311, 'S', "20 02 01 00", {0}, 0},
    {GW_VERSION_311, 'S', "20 02 00 05", {0}, 0},
    {GW_VERSION_31, 'S', "20 02 00 02", {0}, 0},
    {GW_VERSION_5, 'S', "20 03 00 00 00", {0}, 0},
    {GW_VERSION_5,
     'S',
     "20 [01 00 [11 00000001 21 0014 24 01 25 00 27 00001000 12(auto-1) 22 0005 "
     "1F(why) 26(k)(v) 28 01 29 00 2A 01 13 001E 1A(resp) 15(M) 16(data)]]",
     {0},
     0},
    {GW_VERSION_5, 'S', "20 [00 9C [1C(other:1883)]]", {0}, 0},
    /* PUBLISH */
    {GW_VERSION_311, 'C', "30 05 00 03 61 2F 62", {0}, 0},
    {GW_VERSION_311, 'S', "31 [(a/b) 'hi']", {5, 6}, 2},
    {GW_VERSION_311, 'C', "3D [(a/b) FFFF 'hi']", {7, 8}, 2},
    {GW_VERSION_31, 'C', "32 [(a/b) 0001 'hi']", {7, 8}, 2},
    {GW_VERSION_5, 'C', "30 06 00 03 61 2F 62 00", {0}, 0},
    {GW_VERSION_5, 'C', "34 [(a/b) 0102 [] 'hi']", {8, 9}, 2},
    {GW_VERSION_5, 'C', "33 [() 0102 [23 0005] 'h']", {8}, 1},
    {GW_VERSION_5,
     'S',
     "3A [(a/b) 0102 [0B 01 0B 8001 01 00 02 0000000A 26()() 03(t) 08(r) 09() "
     "23 0001] 'h']",
     {39},
     1},
    /* acknowledgements */
    {GW_VERSION_311, 'C', "40 02 00 01", {0}, 0},
    {GW_VERSION_311, 'S', "50 02 FF FF", {0}, 0},
    {GW_VERSION_311, 'S', "62 02 01 00", {0}, 0},
    {GW_VERSION_31, 'S', "70 02 01 00", {0}, 0},
    {GW_VERSION_5, 'C', "40 02 00 01", {0}, 0},
    {GW_VERSION_5, 'S', "40 03 00 01 10", {2}, 1},
    {GW_VERSION_5, 'S', "50 [0001 97 [1F(full) 26(a)(b)]]", {2, 3}, 2},
    {GW_VERSION_5, 'S', "50 [0001 00 [1F()]]", {2, 3}, 2},
    {GW_VERSION_5, 'C', "62 03 00 01 92", {2}, 1},
    {GW_VERSION_5, 'C', "70 [0001 92 [26(a)(b)]]", {2, 3}, 2},
    /* SUBSCRIBE, UNSUBSCRIBE */
    {GW_VERSION_311, 'C', "82 08 00 0A 00 03 61 2F 23 01", {0}, 0},
    {GW_VERSION_311, 'C', "82 [0001 (a) 00 (b/+) 01 (#) 02]", {6, 12}, 2},
    {GW_VERSION_31, 'C', "82 [0001 (a) 00]", {0}, 0},
    {GW_VERSION_5, 'C', "82 [0001 [] (a) 2D]", {0}, 0},
    {GW_VERSION_5, 'C', "82 [0001 [0B FFFFFF7F 26(a)(b)] (a) 1E ($share/g/x) 22]", {19}, 1},
    {GW_VERSION_311, 'C', "A2 [0001 (a) (b/+)]", {5}, 1},
    {GW_VERSION_31, 'C', "A2 [0001 (a)]", {0}, 0},
    {GW_VERSION_5, 'C', "A2 [0001 [26(a)(b)] (a) (b)]", {13}, 1},
    /* SUBACK, UNSUBACK */
    {GW_VERSION_311, 'S', "90 [0001 00 01 02 80]", {3, 4, 5}, 3},
    {GW_VERSION_31, 'S', "90 [0001 02]", {0}, 0},
    {GW_VERSION_5,
     'S',
     "90 [0001 [1F(no) 26(a)(b)] 00 01 02 80 87 9E A2]",
     {16, 17, 18, 19, 20, 21},
     6},
    {GW_VERSION_311, 'S', "B0 02 00 01", {0}, 0},
    {GW_VERSION_31, 'S', "B0 02 00 01", {0}, 0},
    {GW_VERSION_5, 'S', "B0 [0001 [] 00 11 87]", {4, 5}, 2},
    /* pings */
    {GW_VERSION_31, 'C', "C0 00", {0}, 0},
    {GW_VERSION_311, 'C', "C0 00", {0}, 0},
    {GW_VERSION_5, 'C', "C0 00", {0}, 0},
    {GW_VERSION_5, 'S', "D0 00", {0}, 0},
    /* DISCONNECT, AUTH */
    {GW_VERSION_31, 'C', "E0 00", {0}, 0},
    {GW_VERSION_311, 'C', "E0 00", {0}, 0},
    {GW_VERSION_5, 'C', "E0 00", {0}, 0},
    {GW_VERSION_5, 'C', "E0 01 04", {0}, 1},
    {GW_VERSION_5, 'C', "E0 [00 [11 00000000 26(a)(b)]]", {0, 1}, 2},
    {GW_VERSION_5, 'S', "E0 [9D [1C(host) 1F(moved)]]", {0, 1}, 2},
    {GW_VERSION_5, 'S', "F0 00", {0}, 0},
    {GW_VERSION_5, 'C', "F0 [18 [15(SCRAM-SHA-256) 16(data)]]", {0}, 0},
    {GW_VERSION_5, 'C', "F0 [19 [15(M)]]", {0}, 0},
    {GW_VERSION_5, 'S', "F0 [00 [15(M) 16(end) 1F(ok) 26(a)(b)]]", {0}, 1},
};

/* Each packet decodes and encodes to the same bytes, into memory of exactly its size, and not into
 * one byte less. */
static void vectors_round(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(vector_rows); i++) {
        const struct vector_row *row = &vector_rows[i];
        struct bytes b = bytes_of(row->packet);
        struct any any;
        decode_good(&any, row->version, row->from, row->packet);
        if (any.header.type == GW_PACKET_CONNECT)
            assert_int_equal(any.connect.version, row->version);
        for (size_t less = 0; less < 2; less++) {
            uint8_t *memory = malloc(b.size - less);
            struct gw_writer w = gw_writer_of(memory, b.size - less);
            size_t size = any_encode(&any, &w);
            if (size != (less ? 0 : b.size) || (!less && memcmp(memory, b.data, b.size) != 0))
                fail_msg("version %d, %s: wrote %zu bytes", row->version, row->packet, size);
            free(memory);
        }
        any_fini(&any);
    }
}

/* A header without all of its bytes wants more. */
static void cut_headers_want_more(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x30, 0xFF, 0xFF, 0xFF, 0x7F};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy + 1, bytes, size);
        struct gw_header header;
        struct gw_fault fault;
        assert_int_equal(
            gw_header_decode(gw_span_of(copy + 1, size), GW_VERSION_5, &header, &fault),
            size < sizeof bytes ? GW_MORE : GW_OK);
        free(copy);
    }
}

static bool is_good_cut(const struct vector_row *row, size_t cut)
{
    for (size_t i = 0; i < row->cut_count; i++)
        if (row->cuts[i] == cut)
            return true;
    return false;
}

/* A body that ends early is refused as malformed unless what is left is a packet. */
static void cut_bodies_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(vector_rows); i++) {
        const struct vector_row *row = &vector_rows[i];
        struct bytes b = bytes_of(row->packet);
        struct gw_header header;
        struct any any;
        assert_int_equal(gw_header_decode(gw_span_of(b.data, b.size), row->version, &header, NULL),
                         GW_OK);
        for (size_t cut = 0; cut < header.remaining_length; cut++) {
            enum gw_status status = any_decode_as(&any, &header, row->version, row->from == 'S',
                                                  gw_span_of(b.data + header.size, cut));
            bool good = is_good_cut(row, cut);
            if ((status == GW_OK) != good || (!good && any.fault.reason == 0))
                fail_msg("version %d, %s cut to %zu: %s, reason %02X, %s", row->version,
                         row->packet, cut, gw_status_name(status), any.fault.reason,
                         any.fault.what);
            any_fini(&any);
        }
    }
}

/* One byte too many is refused where no payload or list can take it. */
static void trailing_bytes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(vector_rows); i++) {
        const struct vector_row *row = &vector_rows[i];
        struct bytes b = bytes_of(row->packet);
        struct gw_header header;
        struct any any;
        assert_int_equal(gw_header_decode(gw_span_of(b.data, b.size), row->version, &header, NULL),
                         GW_OK);
        if (header.type == GW_PACKET_PUBLISH || header.type == GW_PACKET_PINGREQ ||
            header.type == GW_PACKET_PINGRESP || header.size + header.remaining_length == 2)
            continue;
        b.data[b.size] = 0xFE;
        enum gw_status status =
            any_decode_as(&any, &header, row->version, row->from == 'S',
                          gw_span_of(b.data + header.size, header.remaining_length + 1u));
        if (status == GW_OK)
            fail_msg("version %d, %s: a byte behind it passes", row->version, row->packet);
        any_fini(&any);
    }
}

/* Whatever comes, decoding ends with a status and, if refused, a fault; ASan watches the ends. What
 * passes encodes again and decodes to the same. */
static void mutations_never_hurt(void **state)
{
    (void)state;
    struct gw_random random;
    gw_random_init(&random, 20190307);
    for (unsigned run = 0; run < 40000; run++) {
        const struct vector_row *row =
            &vector_rows[gw_random_below(&random, GW_COUNT_OF(vector_rows))];
        struct bytes b = bytes_of(row->packet);
        for (uint64_t edits = gw_random_below(&random, 4); edits > 0; edits--)
            b.data[gw_random_below(&random, b.size)] = (uint8_t)gw_random_next(&random);
        struct gw_header header;
        struct any any;
        if (gw_header_decode(gw_span_of(b.data, b.size), row->version, &header, NULL) != GW_OK ||
            gw_header_check(&header, row->version, NULL) != GW_OK)
            continue;
        size_t body_size = b.size - header.size;
        enum gw_status status = any_decode_as(&any, &header, row->version, row->from == 'S',
                                              gw_span_of(b.data + header.size, body_size));
        if (status != GW_OK && (any.fault.reason < 0x80 || !any.fault.what))
            fail_msg("run %u: a refusal without a fault", run);
        if (status == GW_OK) {
            uint8_t memory[2 * TEXT_BYTES_MAX];
            struct gw_writer w = gw_writer_of(memory, sizeof memory);
            enum gw_version version =
                header.type == GW_PACKET_CONNECT ? any.connect.version : row->version;
            size_t size = any_encode(&any, &w);
            struct any again;
            if (size == 0 ||
                any_decode(&again, gw_span_of(memory, size), version, row->from == 'S') != GW_OK)
                fail_msg("run %u: %s does not come back", run, gw_packet_name(header.type));
            any_fini(&again);
        }
        any_fini(&any);
    }
}

/* -- packets made at random from structs -- */

struct maker {
    struct gw_random random;
    uint8_t text[64];
    uint8_t users[256];
};

static uint32_t below(struct maker *m, uint32_t bound)
{
    return (uint32_t)gw_random_below(&m->random, bound);
}

static struct gw_span some_text(struct maker *m)
{
    size_t from = below(m, 32);
    return gw_span_of(m->text + from, below(m, 32));
}

/* Sets a field of each property that may stand here with probability one half. */
static void some_props(struct maker *m, uint32_t bit, bool from_server, struct gw_props *props)
{
    memset(props, 0xA5, sizeof *props);
    gw_props_clear(props);
    for (unsigned prop = 0; prop < GW_PROP_COUNT; prop++) {
        struct gw_reader r;
        uint8_t block[80];
        struct gw_writer w = gw_writer_of(block, sizeof block);
        struct gw_props one;
        memset(&one, 0, sizeof one);
        one.present = (uint32_t)1 << prop;
        one.payload_format = one.request_problem = one.request_response = one.maximum_qos =
            one.retain_available = one.wildcard_available = one.subscription_id_available =
                one.shared_available = (uint8_t)below(m, 2);
        one.message_expiry = one.will_delay = one.session_expiry =
            (uint32_t)gw_random_next(&m->random);
        one.subscription_id = 1 + below(m, GW_VARINT_MAX);
        one.maximum_packet_size = 1 + below(m, UINT32_MAX);
        one.topic_alias = one.server_keep_alive = one.receive_maximum = one.topic_alias_maximum =
            (uint16_t)(1 + below(m, UINT16_MAX));
        one.content_type = one.correlation_data = one.assigned_client_id = one.auth_method =
            one.auth_data = one.response_info = one.server_reference = one.reason_string =
                some_text(m);
        one.response_topic = gw_span_of(m->text, 1 + below(m, 20));
        gw_props_encode(&w, &one);
        assert_false(w.overflow);
        assert_int_equal(gw_props_size(&one), gw_writer_size(&w));
        r = gw_reader_of(gw_span_of(block, gw_writer_size(&w)));
        struct gw_props probe;
        if (prop == GW_PROP_USER_PROPERTY || below(m, 2) ||
            gw_props_decode(&r, bit, from_server, 8, &probe, NULL) != GW_OK)
            continue;
        /* Copies the one field by decoding it into the whole. */
        uint32_t present = props->present;
        struct gw_props all = *props;
        struct gw_prop_item item;
        struct gw_reader walk = gw_reader_of(probe.raw);
        assert_int_equal(gw_props_next(&walk, &item), GW_OK);
        assert_int_equal(item.prop, prop);
        switch (prop) {
#define X(name, identifier, kind, field, packets, title, section)                                  \
    case GW_PROP_##name:                                                                           \
        all.field = one.field;                                                                     \
        break;
#include "wire/property.def"
#undef X
        }
        *props = all;
        props->present = present | (uint32_t)1 << prop;
    }
    struct gw_writer users = gw_writer_of(m->users, sizeof m->users);
    for (uint32_t n = below(m, 4); n > 0; n--)
        gw_props_write_user(&users, some_text(m), some_text(m));
    assert_false(users.overflow);
    props->raw = gw_span_of(m->users, gw_writer_size(&users));
}

/* True if the fields of both are equal where they count. */
static bool props_equal(const struct gw_props *made, const struct gw_props *read)
{
    uint32_t present = made->present | (made->raw.size ? GW_PROP_BIT(USER_PROPERTY) : 0);
    if (read->present != present)
        return false;
#define SAME_NUMBER(field)   (made->field == read->field)
#define SAME_TEXT(field)     gw_span_equal(made->field, read->field)
#define SAME_BOOL            SAME_NUMBER
#define SAME_U16             SAME_NUMBER
#define SAME_U16_POSITIVE    SAME_NUMBER
#define SAME_U32             SAME_NUMBER
#define SAME_U32_POSITIVE    SAME_NUMBER
#define SAME_VARINT_POSITIVE SAME_NUMBER
#define SAME_STRING          SAME_TEXT
#define SAME_TOPIC           SAME_TEXT
#define SAME_BINARY          SAME_TEXT
#define SAME_PAIR(field)     true
#define X(name, identifier, kind, field, packets, title, section)                                  \
    if (gw_props_has(made, name) && !SAME_##kind(field))                                           \
        return false;
#include "wire/property.def"
#undef X
    uint8_t users[256];
    size_t size = gw_props_filter(read->raw, GW_PROP_BIT(USER_PROPERTY), users);
    return gw_span_equal(gw_span_of(users, size), made->raw);
}

static void random_properties_round(void **state)
{
    (void)state;
    static const struct {
        uint32_t bit;
        bool from_server;
    } places[] = {
        {GW_IN(CONNECT), false},    {GW_IN_WILL, false},       {GW_IN(CONNACK), true},
        {GW_IN(PUBLISH), false},    {GW_IN(PUBLISH), true},    {GW_IN(SUBSCRIBE), false},
        {GW_IN(DISCONNECT), false}, {GW_IN(DISCONNECT), true}, {GW_IN(AUTH), true},
    };
    struct maker m;
    gw_random_init(&m.random, 5);
    for (size_t i = 0; i < sizeof m.text; i++)
        m.text[i] = (uint8_t)('a' + i % 26);
    for (unsigned run = 0; run < 3000; run++) {
        size_t place = run % GW_COUNT_OF(places);
        struct gw_props made, read;
        struct gw_fault fault;
        some_props(&m, places[place].bit, places[place].from_server, &made);
        size_t size = gw_props_size(&made);
        uint8_t *memory = malloc(size);
        struct gw_writer w = gw_writer_of(memory, size);
        gw_props_encode(&w, &made);
        assert_false(w.overflow);
        assert_int_equal(gw_writer_size(&w), size);
        struct gw_reader r = gw_reader_of(gw_span_of(memory, size));
        assert_int_equal(
            gw_props_decode(&r, places[place].bit, places[place].from_server, 8, &read, &fault),
            GW_OK);
        assert_int_equal(gw_reader_left(&r), 0);
        if (!props_equal(&made, &read))
            fail_msg("run %u: properties differ", run);
        free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_round),          cmocka_unit_test(cut_headers_want_more),
        cmocka_unit_test(cut_bodies_are_refused), cmocka_unit_test(trailing_bytes_are_refused),
        cmocka_unit_test(mutations_never_hurt),   cmocka_unit_test(random_properties_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
