/* session/record: what is written is read back, cut anywhere it is refused, bytes behind it are not
 * looked at, and what the wire would not have let in does not come in here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "session/record.h"
#include "session/session.h"

#define BODY_MAX 512
#define T(text)                                                                                    \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    } /* a constant */

/* One record of any kind. */
union any {
    struct gw_record_message message;
    struct gw_record_session session;
    struct gw_record_will will;
    struct gw_record_subscription subscription;
    struct gw_record_owe owe;
    struct gw_record_step step;
    struct gw_record_retained retained;
    struct gw_record_group group;
    struct gw_record_group_owe group_owe;
    struct gw_record_complete complete;
    uint64_t serial;
};

struct body {
    uint8_t bytes[BODY_MAX];
    size_t size;
};

static void write_any(struct gw_writer *w, enum gw_record_kind kind, const union any *any)
{
    switch (kind) {
    case GW_RECORD_MESSAGE: {
        const struct gw_message *message = &any->message.message;
        size_t before = gw_writer_size(w);
        gw_record_write_message(w, &any->message);
        assert_true(gw_writer_size(w) - before <= GW_RECORD_HEAD_MAX);
        gw_writer_bytes(w, message->topic_name);
        gw_writer_bytes(w, message->props);
        gw_writer_bytes(w, message->payload);
        break;
    }
    case GW_RECORD_SESSION: gw_record_write_session(w, &any->session); break;
    case GW_RECORD_WILL: gw_record_write_will(w, &any->will); break;
    case GW_RECORD_SUBSCRIBE:
    case GW_RECORD_UNSUBSCRIBE: gw_record_write_subscription(w, &any->subscription); break;
    case GW_RECORD_OWE: gw_record_write_owe(w, &any->owe); break;
    case GW_RECORD_SENT:
    case GW_RECORD_RELEASE:
    case GW_RECORD_SETTLED:
    case GW_RECORD_RECEIVED:
    case GW_RECORD_RELEASED: gw_record_write_step(w, kind, &any->step); break;
    case GW_RECORD_RETAINED: gw_record_write_retained(w, &any->retained); break;
    case GW_RECORD_GROUP: gw_record_write_group(w, &any->group); break;
    case GW_RECORD_GROUP_OWE:
    case GW_RECORD_GROUP_SETTLED: gw_record_write_group_owe(w, kind, &any->group_owe); break;
    case GW_RECORD_COMPLETE: gw_record_write_complete(w, &any->complete); break;
    case GW_RECORD_END:
    case GW_RECORD_GROUP_END: gw_record_write_serial(w, any->serial); break;
    case GW_RECORD_KIND_COUNT: fail();
    }
}

static enum gw_status read_any(struct gw_span body, enum gw_record_kind kind, union any *ret_any)
{
    switch (kind) {
    case GW_RECORD_MESSAGE: return gw_record_read_message(body, &ret_any->message);
    case GW_RECORD_SESSION: return gw_record_read_session(body, &ret_any->session);
    case GW_RECORD_WILL: return gw_record_read_will(body, &ret_any->will);
    case GW_RECORD_SUBSCRIBE:
    case GW_RECORD_UNSUBSCRIBE:
        return gw_record_read_subscription(body, kind, &ret_any->subscription);
    case GW_RECORD_OWE: return gw_record_read_owe(body, &ret_any->owe);
    case GW_RECORD_SENT:
    case GW_RECORD_RELEASE:
    case GW_RECORD_SETTLED:
    case GW_RECORD_RECEIVED:
    case GW_RECORD_RELEASED: return gw_record_read_step(body, kind, &ret_any->step);
    case GW_RECORD_RETAINED: return gw_record_read_retained(body, &ret_any->retained);
    case GW_RECORD_GROUP: return gw_record_read_group(body, &ret_any->group);
    case GW_RECORD_GROUP_OWE:
    case GW_RECORD_GROUP_SETTLED: return gw_record_read_group_owe(body, kind, &ret_any->group_owe);
    case GW_RECORD_COMPLETE: return gw_record_read_complete(body, &ret_any->complete);
    case GW_RECORD_END:
    case GW_RECORD_GROUP_END: return gw_record_read_serial(body, &ret_any->serial);
    case GW_RECORD_KIND_COUNT: break;
    }
    fail();
    return GW_INVALID;
}

static struct body body_of(enum gw_record_kind kind, const union any *any)
{
    struct body body;
    struct gw_writer w = gw_writer_of(body.bytes, sizeof(body.bytes));
    write_any(&w, kind, any);
    assert_false(w.overflow);
    body.size = gw_writer_size(&w);
    return body;
}

static const uint32_t some_ids[] = {7, 268435455, 1};

/* content type "t", user property "a" = "b" */
#define PROPS T("\x03\0\1t\x26\0\1a\0\1b")

#define EVERY_MESSAGE                                                                              \
    {                                                                                              \
        .topic_name = T("a/\xC3\xA4"), .props = PROPS, .payload = T("load"),                       \
        .publisher = UINT64_C(0x123456789ABCDEF0), .expiry = 3600, .has_expiry = true,             \
        .retain = true, .qos = 2                                                                   \
    }

static const struct {
    enum gw_record_kind kind;
    union any any;
    size_t size; /* of the body; 0: not the point */
} rows[] = {
    {GW_RECORD_MESSAGE,
     {.message = {.message = EVERY_MESSAGE,
                  .received_ms = UINT64_C(1700000000000),
                  .session = 300,
                  .packet_id = 65535,
                  .origin = 255,
                  .author = T("f:bob"),
                  .relayed = true}},
     0},
    {GW_RECORD_MESSAGE, {.message = {.message = {.topic_name = T("t"), .qos = 1}, .origin = 3}}, 7},
    {GW_RECORD_SESSION,
     {.session = {.serial = UINT64_MAX,
                  .changed_ms = 1,
                  .expiry = GW_SESSION_EXPIRY_NEVER,
                  .online = true,
                  .made = true,
                  .client_id = T("client"),
                  .user = T("user")}},
     0},
    {GW_RECORD_SESSION, {.session = {.serial = 1, .client_id = T("c")}}, 7},
    {GW_RECORD_SESSION,
     {.session = {.serial = 1, .adrift = true, .adrift_before = UINT32_MAX, .client_id = T("c")}},
     0},
    {GW_RECORD_WILL,
     {.will = {.serial = 9, .present = true, .delay = 30, .message = EVERY_MESSAGE}},
     0},
    {GW_RECORD_WILL, {.will = {.serial = 9}}, 2},
    {GW_RECORD_END, {.serial = 128}, 2},
    {GW_RECORD_SUBSCRIBE,
     {.subscription =
          {.serial = 5,
           .filter = T("a/+/#"),
           .options = {.id = 268435455, .qos = 2, .no_local = true, .retain_as_published = true}}},
     0},
    {GW_RECORD_SUBSCRIBE, {.subscription = {.serial = 5, .filter = T("$share/g/#")}}, 0},
    {GW_RECORD_UNSUBSCRIBE, {.subscription = {.serial = 5, .filter = T("a")}}, 0},
    {GW_RECORD_OWE,
     {.owe = {.serial = 5,
              .group = 77,
              .message = {.position = (UINT64_C(1) << 63) - 1},
              .order = UINT32_MAX,
              .group_order = UINT32_MAX,
              .size = UINT32_MAX,
              .qos = 2,
              .retain = true,
              .id_count = 3,
              .ids = some_ids}},
     0},
    {GW_RECORD_OWE, {.owe = {.serial = 5, .message = {.back = 60}, .size = 90, .qos = 1}}, 5},
    {GW_RECORD_OWE, {.owe = {.serial = 5, .message = {.back = UINT32_MAX}, .qos = 2}}, 0},
    {GW_RECORD_SENT, {.step = {.serial = 5, .order = 6, .packet_id = 7}}, 3},
    {GW_RECORD_SENT, {.step = {.serial = 5, .order = UINT32_MAX, .packet_id = 65535}}, 9},
    {GW_RECORD_RELEASE, {.step = {.serial = 5, .order = 6}}, 2},
    {GW_RECORD_SETTLED, {.step = {.serial = 300, .order = 40000}}, 5},
    {GW_RECORD_RECEIVED, {.step = {.serial = 5, .packet_id = 1}}, 2},
    {GW_RECORD_RELEASED, {.step = {.serial = 5, .packet_id = 128}}, 3},
    {GW_RECORD_RETAINED, {.retained = {.message = {.position = 1}, .topic_name = T("a/b")}}, 0},
    {GW_RECORD_RETAINED,
     {.retained = {.message = {.back = 200},
                   .expires_ms = UINT64_C(1767225600000),
                   .size = 300,
                   .topic_name = T("a/b")}},
     14},
    {GW_RECORD_RETAINED, {.retained = {.topic_name = T("a/b")}}, 6},
    {GW_RECORD_RETAINED, {.retained = {.cleared_by = {.back = 9}, .topic_name = T("a/b")}}, 0},
    {GW_RECORD_GROUP, {.group = {.serial = 5, .filter = T("$share/g/a/#")}}, 0},
    {GW_RECORD_GROUP_END, {.serial = 1}, 1},
    {GW_RECORD_GROUP_OWE,
     {.group_owe = {.serial = 5, .message = {.back = 1}, .order = 3, .size = 4}},
     4},
    {GW_RECORD_GROUP_SETTLED, {.group_owe = {.serial = 5, .order = 3}}, 2},
    {GW_RECORD_COMPLETE, {.complete = {.origin = 64, .upto = UINT64_MAX}}, 11},
};

/* What is written of the one that was read is what it was read from, byte for byte. */
static void what_is_written_is_read_back(void **unused)
{
    (void)unused;
    unsigned seen = 0;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        union any any;
        memset(&any, 0x5A, sizeof(any));
        struct body body = body_of(rows[i].kind, &rows[i].any);
        seen |= 1u << rows[i].kind;
        if (rows[i].size)
            assert_int_equal(body.size, rows[i].size);
        struct gw_span span = gw_span_of(body.bytes, body.size);
        assert_int_equal(read_any(span, rows[i].kind, &any), GW_OK);
        struct body again = body_of(rows[i].kind, &any);
        assert_int_equal(again.size, body.size);
        assert_memory_equal(again.bytes, body.bytes, body.size);
    }
    assert_int_equal(seen, (1u << GW_RECORD_KIND_COUNT) - 2); /* every kind has a row */
}

static void expect_text(struct gw_span is, struct gw_span expected)
{
    assert_int_equal(is.size, expected.size);
    assert_memory_equal(is.data, expected.data, expected.size);
}

static void a_message_has_all_its_fields(void **unused)
{
    (void)unused;
    struct body body = body_of(GW_RECORD_MESSAGE, &rows[0].any);
    const struct gw_record_message *from = &rows[0].any.message;
    struct gw_record_message to;
    assert_int_equal(gw_record_read_message(gw_span_of(body.bytes, body.size), &to), GW_OK);
    expect_text(to.message.topic_name, from->message.topic_name);
    expect_text(to.message.props, from->message.props);
    expect_text(to.message.payload, from->message.payload);
    assert_true(to.message.publisher == from->message.publisher);
    assert_int_equal(to.message.expiry, 3600);
    assert_true(to.message.has_expiry && to.message.retain && to.relayed);
    assert_int_equal(to.message.qos, 2);
    assert_true(to.received_ms == from->received_ms);
    assert_int_equal(to.session, 300);
    assert_int_equal(to.packet_id, 65535);
    assert_int_equal(to.origin, 255);
    expect_text(to.author, from->author);
    assert_null(to.message.blob);
}

static void an_owe_has_all_its_fields(void **unused)
{
    (void)unused;
    const union any *any = NULL;
    struct gw_record_owe to;
    for (size_t i = 0; i < GW_COUNT_OF(rows) && !any; i++) {
        if (rows[i].kind == GW_RECORD_OWE)
            any = &rows[i].any;
    }
    struct body body = body_of(GW_RECORD_OWE, any);
    assert_int_equal(gw_record_read_owe(gw_span_of(body.bytes, body.size), &to), GW_OK);
    assert_true(to.serial == 5 && to.group == 77 && to.group_order == UINT32_MAX);
    assert_true(to.order == UINT32_MAX && to.size == UINT32_MAX);
    assert_true(to.message.back == 0 && to.message.position == any->owe.message.position);
    assert_true(to.qos == 2 && to.retain);
    assert_int_equal(to.id_count, GW_COUNT_OF(some_ids));
    for (uint32_t i = 0; i < GW_COUNT_OF(some_ids); i++) {
        assert_int_equal(gw_record_owe_id(&to, i), some_ids[i]);
        assert_int_equal(gw_record_owe_id(&any->owe, i), some_ids[i]);
    }
}

/* In memory of exactly their size, for a sanitizer to watch. */
static enum gw_status read_copy(const struct body *body, size_t size, enum gw_record_kind kind)
{
    union any any;
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, body->bytes, size);
    enum gw_status status = read_any(gw_span_of(copy, size), kind, &any);
    free(copy);
    return status;
}

/* What the first version wrote of a record that has got longer, or SIZE_MAX. */
static size_t old_size(const struct body *body, enum gw_record_kind kind)
{
    union any any;
    struct body shorter;
    if (kind != GW_RECORD_RETAINED || read_any(gw_span_of(body->bytes, body->size), kind, &any) ||
        (any.retained.message.back == 0 && any.retained.message.position == 0))
        return SIZE_MAX;
    any.retained.size = 0;
    any.retained.expires_ms = 0;
    shorter = body_of(kind, &any);
    return shorter.size - 2;
}

static void cut_anywhere_it_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct body body = body_of(rows[i].kind, &rows[i].any);
        if (rows[i].kind == GW_RECORD_UNSUBSCRIBE)
            body.size -= 2; /* options, which are not read */
        for (size_t size = 0; size < body.size; size++)
            assert_int_equal(read_copy(&body, size, rows[i].kind),
                             size == old_size(&body, rows[i].kind) ? GW_OK : GW_MALFORMED);
        assert_int_equal(read_copy(&body, body.size, rows[i].kind), GW_OK);
    }
}

static void more_bytes_behind_it_are_not_looked_at(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct body body = body_of(rows[i].kind, &rows[i].any);
        memset(body.bytes + body.size, 0xFF, 3);
        assert_int_equal(read_copy(&body, body.size + 3, rows[i].kind), GW_OK);
    }
}

static void too_little_memory_is_told(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        uint8_t memory[BODY_MAX];
        struct body body = body_of(rows[i].kind, &rows[i].any);
        struct gw_writer w = gw_writer_of(memory, body.size - 1);
        write_any(&w, rows[i].kind, &rows[i].any);
        assert_true(w.overflow);
    }
    uint8_t memory[BODY_MAX];
    struct gw_writer w = gw_writer_of(memory, sizeof(memory));
    union any any = {.owe = {.serial = 1, .message = {.position = UINT64_C(1) << 63}, .qos = 1}};
    write_any(&w, GW_RECORD_OWE, &any);
    assert_true(w.overflow); /* no such segment */
}

#define BAD_MESSAGE(...)                                                                           \
    {                                                                                              \
        GW_RECORD_MESSAGE,                                                                         \
        {                                                                                          \
            .message = {.message = {__VA_ARGS__} }                                                 \
        }                                                                                          \
    }
#define BAD_WILL(...)                                                                              \
    {                                                                                              \
        GW_RECORD_WILL,                                                                            \
        {                                                                                          \
            .will = {.serial = 1, .present = true, .message = {__VA_ARGS__} }                      \
        }                                                                                          \
    }
#define BAD_FILTER(text)                                                                           \
    {                                                                                              \
        GW_RECORD_SUBSCRIBE,                                                                       \
        {                                                                                          \
            .subscription = {.serial = 1, .filter = T(text) }                                      \
        }                                                                                          \
    }
#define BAD_PROPS(text) BAD_MESSAGE(.topic_name = T("t"), .props = T(text))

static void what_the_wire_refuses_is_refused(void **unused)
{
    (void)unused;
    static const uint32_t no_id[] = {0};
    static const uint32_t large_id[] = {268435456};
    static const struct {
        enum gw_record_kind kind;
        union any any;
    } bad[] = {
        BAD_MESSAGE(.topic_name = T("")),
        BAD_MESSAGE(.topic_name = T("a/+")),
        BAD_MESSAGE(.topic_name = T("a/#")),
        BAD_MESSAGE(.topic_name = T("a\0b")),
        BAD_MESSAGE(.topic_name = T("a\xC0\x80")),
        BAD_MESSAGE(.topic_name = T("t"), .qos = 3),
        BAD_PROPS("\x01\x02"),         /* payload format 2 */
        BAD_PROPS("\x01\x01\x01\x01"), /* twice */
        BAD_PROPS("\x02\0\0\0\1"),     /* expiry has a field of its own */
        BAD_PROPS("\x23\0\1"),         /* topic alias */
        BAD_PROPS("\x0B\x01"),         /* subscription identifier */
        BAD_PROPS("\x11\0\0\0\1"),     /* does not belong into PUBLISH */
        BAD_PROPS("\x00"),             /* no such property */
        BAD_PROPS("\x03\0\2t"),        /* cut */
        BAD_PROPS("\x03\0\1\xFF"),     /* no UTF-8 */
        BAD_PROPS("\x08\0\1#"),        /* response topic */
        {GW_RECORD_MESSAGE,
         {.message = {.message = {.topic_name = T("t"), .qos = 2}, .session = 1}}},
        BAD_WILL(.topic_name = T("+")),
        BAD_WILL(.topic_name = T("t"), .qos = 3),
        BAD_WILL(.topic_name = T("t"), .props = T("\x01\x07")),
        {GW_RECORD_WILL, {.will = {.serial = 0}}},
        {GW_RECORD_SESSION, {.session = {.serial = 0, .client_id = T("c")}}},
        {GW_RECORD_SESSION, {.session = {.serial = 1}}},
        {GW_RECORD_SESSION, {.session = {.serial = 1, .client_id = T("\xFF")}}},
        {GW_RECORD_SESSION,
         {.session = {.serial = 1, .client_id = T("c"), .user = T("\xED\xA0\x80")}}},
        {GW_RECORD_END, {.serial = 0}},
        BAD_FILTER(""),
        BAD_FILTER("a/#/b"),
        BAD_FILTER("a+"),
        BAD_FILTER("$share//a"),
        BAD_FILTER("\xFF"),
        {GW_RECORD_SUBSCRIBE,
         {.subscription = {.serial = 1, .filter = T("a"), .options = {.qos = 3}}}},
        {GW_RECORD_SUBSCRIBE,
         {.subscription = {.serial = 1, .filter = T("$share/g/a"), .options = {.no_local = true}}}},
        {GW_RECORD_SUBSCRIBE,
         {.subscription = {.serial = 1, .filter = T("a"), .options = {.id = 1u << 28}}}},
        {GW_RECORD_UNSUBSCRIBE, {.subscription = {.serial = 1, .filter = T("##")}}},
        {GW_RECORD_OWE, {.owe = {.serial = 1, .qos = 0}}},
        {GW_RECORD_OWE, {.owe = {.serial = 1, .qos = 3}}},
        {GW_RECORD_OWE, {.owe = {.serial = 1, .qos = 1, .id_count = 1, .ids = no_id}}},
        {GW_RECORD_OWE, {.owe = {.serial = 1, .qos = 1, .id_count = 1, .ids = large_id}}},
        {GW_RECORD_SENT, {.step = {.serial = 1, .order = 1, .packet_id = 0}}},
        {GW_RECORD_RECEIVED, {.step = {.serial = 1, .packet_id = 0}}},
        {GW_RECORD_RELEASED, {.step = {.serial = 0, .packet_id = 1}}},
        {GW_RECORD_RETAINED, {.retained = {.topic_name = T("")}}},
        {GW_RECORD_RETAINED, {.retained = {.topic_name = T("a/+")}}},
        {GW_RECORD_RETAINED, {.retained = {.topic_name = T("\xC3")}}},
        {GW_RECORD_GROUP, {.group = {.serial = 1, .filter = T("a/#")}}},
        {GW_RECORD_GROUP_OWE, {.group_owe = {.serial = 1, .order = 1}}}, /* nowhere */
    };
    for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
        union any any;
        struct body body = body_of(bad[i].kind, &bad[i].any);
        if (read_any(gw_span_of(body.bytes, body.size), bad[i].kind, &any) != GW_MALFORMED)
            fail_msg("row %zu was let in", i);
    }
}

static void numbers_are_refused_beyond_their_size(void **unused)
{
    (void)unused;
    static const struct {
        enum gw_record_kind kind;
        const char *bytes;
        size_t size;
    } bad[] = {
        {GW_RECORD_SETTLED, "\x01\x80\x80\x80\x80\x10", 6},         /* order 2^32 */
        {GW_RECORD_RECEIVED, "\x01\x80\x80\x04", 4},                /* packet id 65536 */
        {GW_RECORD_OWE, "\x01\x01\x01\x01\x01", 5},                 /* 0 back */
        {GW_RECORD_OWE, "\x01\x01\x01\x81\x80\x80\x80\x20\x01", 9}, /* 2^32 back */
        {GW_RECORD_OWE, "\x01\x11\x01\x02\x01\x00", 6},             /* 0 identifiers */
        {GW_RECORD_OWE, "\x01\x11\x01\x02\x01\xFF\xFF\xFF\xFF\x0F",
         10}, /* that many are not there */
        {GW_RECORD_GROUP, "\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11},
        {GW_RECORD_MESSAGE, "\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 13},
    };
    for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
        union any any;
        if (read_any(gw_span_of(bad[i].bytes, bad[i].size), bad[i].kind, &any) != GW_MALFORMED)
            fail_msg("row %zu was let in", i);
    }
}

static void a_reference_finds_its_place(void **unused)
{
    (void)unused;
    struct gw_record_ref far = {.position = gw_position_of(3, 100)};
    struct gw_record_ref near = {.back = 40};
    struct gw_record_ref nowhere = {0};
    gw_position own = gw_position_of(4, 64);
    assert_true(gw_record_place(&far, own) == gw_position_of(3, 100));
    assert_true(gw_record_place(&near, own) == gw_position_of(4, 24));
    assert_true(gw_record_place(&nowhere, own) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_message_has_all_its_fields),
        cmocka_unit_test(an_owe_has_all_its_fields),
        cmocka_unit_test(cut_anywhere_it_is_refused),
        cmocka_unit_test(more_bytes_behind_it_are_not_looked_at),
        cmocka_unit_test(too_little_memory_is_told),
        cmocka_unit_test(what_the_wire_refuses_is_refused),
        cmocka_unit_test(numbers_are_refused_beyond_their_size),
        cmocka_unit_test(a_reference_finds_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
