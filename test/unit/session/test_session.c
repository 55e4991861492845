#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/session.h"

#define S     GW_NS_PER_S
#define T0    (5000 * S)
#define NEVER UINT64_MAX

static struct gw_outbox_host host;
static int client; /* a link is only compared with NULL */

static int open_host(void **state)
{
    (void)state;
    gw_pool_init(&host.deliveries, sizeof(struct gw_delivery), 100);
    return 0;
}

static int close_host(void **state)
{
    (void)state;
    gw_pool_fini(&host.deliveries);
    return 0;
}

static struct gw_session *online_session(uint32_t expiry)
{
    struct gw_session *session = gw_session_new(GW_SPAN_LIT("client"), 99);
    assert_non_null(session);
    session->link = &client;
    gw_session_on_connected(session, expiry);
    return session;
}

static void set_will(struct gw_session *session, const char *topic, uint32_t delay)
{
    struct gw_message message = {
        .topic_name = gw_span_str(topic),
        .payload = GW_SPAN_LIT("gone"),
        .received_at = 1,
        .publisher = 99,
        .expiry = 7,
        .has_expiry = true,
        .retain = true,
        .qos = 2,
    };
    assert_int_equal(gw_session_set_will(session, &message, delay), GW_OK);
    assert_null(message.blob); /* the reference is the session's now */
}

/* -- when a will is published and a session ends -- */

/* What happened, in seconds after the connection closed; NEVER if it did not. */
struct history {
    uint64_t will_at;
    uint64_t end_at;
};

static void obey(struct gw_session *session, struct gw_session_duty duty, gw_mono_ns now,
                 struct history *history)
{
    uint64_t at = (now - T0) / S;
    if (duty.publish_will) {
        struct gw_message message, keeper;
        assert_true(history->will_at == NEVER); /* never twice */
        assert_true(gw_session_take_will(session, now, &message, &keeper));
        gw_message_drop(&keeper);
        history->will_at = at;
    }
    if (duty.end)
        history->end_at = at;
}

/* Lets time pass until `until`, deadline after deadline. */
static void pass_time(struct gw_session *session, gw_mono_ns until, struct history *history)
{
    while (history->end_at == NEVER) {
        gw_mono_ns deadline = gw_session_next_deadline(session);
        if (deadline == GW_NEVER || deadline >= until)
            break;
        struct gw_session_duty early = gw_session_on_deadline(session, deadline - 1);
        assert_false(early.publish_will || early.end);
        struct gw_session_duty duty = gw_session_on_deadline(session, deadline);
        assert_true(duty.publish_will || duty.end);
        obey(session, duty, deadline, history);
    }
}

enum comeback { NONE, RESUME, CLEAN_START };

struct row {
    enum gw_session_close how;
    uint32_t expiry, delay;
    enum comeback comeback;
    uint32_t comeback_after; /* seconds; 0 = takes over the open connection */
    uint64_t will_at, end_at;
};

#define CLEAN   GW_SESSION_CLOSE_CLEAN
#define OTHER   GW_SESSION_CLOSE_OTHER
#define FOREVER GW_SESSION_EXPIRY_NEVER
#define LONGEST (FOREVER - 1)

static const struct row rows[] = {
    /* DISCONNECT 0x00: the will is gone */
    {CLEAN, 0, 0, NONE, 0, NEVER, 0},
    {CLEAN, 0, 10, NONE, 0, NEVER, 0},
    {CLEAN, 60, 0, NONE, 0, NEVER, 60},
    {CLEAN, 60, 10, NONE, 0, NEVER, 60},
    {CLEAN, FOREVER, 10, NONE, 0, NEVER, NEVER},
    /* DISCONNECT 0x04 or an error, socket error, silence, the server's own will */
    {OTHER, 0, 0, NONE, 0, 0, 0},
    {OTHER, 0, 10, NONE, 0, 0, 0},
    {OTHER, 0, FOREVER, NONE, 0, 0, 0},
    {OTHER, 60, 0, NONE, 0, 0, 60},
    {OTHER, 60, 10, NONE, 0, 10, 60},
    {OTHER, 60, 59, NONE, 0, 59, 60},
    {OTHER, 60, 60, NONE, 0, 60, 60},
    {OTHER, 60, 61, NONE, 0, 60, 60},
    {OTHER, 60, FOREVER, NONE, 0, 60, 60},
    {OTHER, 1, 1, NONE, 0, 1, 1},
    {OTHER, FOREVER, 0, NONE, 0, 0, NEVER},
    {OTHER, FOREVER, 10, NONE, 0, 10, NEVER},
    {OTHER, FOREVER, FOREVER, NONE, 0, FOREVER, NEVER},
    {OTHER, LONGEST, 10, NONE, 0, 10, LONGEST},
    {OTHER, LONGEST, FOREVER, NONE, 0, LONGEST, LONGEST},
    /* back with clean start 0 */
    {OTHER, 60, 10, RESUME, 9, NEVER, NEVER},
    {OTHER, 60, 10, RESUME, 11, 10, NEVER},
    {OTHER, 60, 100, RESUME, 59, NEVER, NEVER},
    {OTHER, 60, 100, RESUME, 61, 60, 60},
    {OTHER, FOREVER, 100, RESUME, 99, NEVER, NEVER},
    {CLEAN, 60, 10, RESUME, 30, NEVER, NEVER},
    /* back with clean start 1: the session ends, and a will that was held back with it */
    {OTHER, 60, 10, CLEAN_START, 5, 5, 5},
    {OTHER, 60, 10, CLEAN_START, 20, 10, 20},
    {OTHER, FOREVER, 10, CLEAN_START, 5, 5, 5},
    {CLEAN, 60, 10, CLEAN_START, 5, NEVER, 5},
    /* another connection takes over */
    {OTHER, 60, 10, RESUME, 0, NEVER, NEVER},
    {OTHER, FOREVER, 10, RESUME, 0, NEVER, NEVER},
    {OTHER, 60, 0, RESUME, 0, 0, NEVER},
    {OTHER, 0, 0, RESUME, 0, 0, 0},
    {OTHER, 0, 10, RESUME, 0, 0, 0},
    {OTHER, 60, 10, CLEAN_START, 0, 0, 0},
    {OTHER, 60, 0, CLEAN_START, 0, 0, 0},
    {OTHER, 0, 10, CLEAN_START, 0, 0, 0},
};

static void come_back(struct gw_session *session, const struct row *row, struct history *history)
{
    gw_mono_ns now = T0 + row->comeback_after * S;
    if (row->comeback == NONE || history->end_at != NEVER)
        return;
    if (row->comeback == CLEAN_START) {
        struct gw_session_duty duty = {.publish_will = session->will != NULL, .end = true};
        obey(session, duty, now, history);
        return;
    }
    gw_session_on_connected(session, row->expiry);
    session->link = &client;
    assert_null(session->will);
    assert_true(gw_session_next_deadline(session) == GW_NEVER);
    pass_time(session, GW_NEVER, history);
}

static void the_decision_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        struct gw_session *session = online_session(row->expiry);
        struct history history = {NEVER, NEVER};
        set_will(session, "will", row->delay);
        assert_true(gw_session_next_deadline(session) == GW_NEVER);
        obey(session, gw_session_on_closed(session, row->how, T0), T0, &history);
        assert_null(session->link);
        gw_mono_ns until = row->comeback == NONE ? GW_NEVER : T0 + row->comeback_after * S;
        pass_time(session, until, &history);
        come_back(session, row, &history);
        if (history.will_at != row->will_at || history.end_at != row->end_at)
            fail_msg("row %zu: will at %llu, end at %llu", i, (unsigned long long)history.will_at,
                     (unsigned long long)history.end_at);
        gw_session_free(session, &host);
    }
}

/* DISCONNECT may bring a session expiry interval; what holds is the one at the close. */
static void the_expiry_at_the_close_counts(void **state)
{
    (void)state;
    static const struct {
        uint32_t before, at_close;
        uint64_t will_at, end_at;
    } cases[] = {{60, 0, 0, 0}, {60, 5, 5, 5}, {60, FOREVER, 10, NEVER}};
    for (size_t i = 0; i < GW_COUNT_OF(cases); i++) {
        struct gw_session *session = online_session(cases[i].before);
        struct history history = {NEVER, NEVER};
        set_will(session, "will", 10);
        session->expiry = cases[i].at_close;
        obey(session, gw_session_on_closed(session, OTHER, T0), T0, &history);
        pass_time(session, GW_NEVER, &history);
        assert_true(history.will_at == cases[i].will_at);
        assert_true(history.end_at == cases[i].end_at);
        gw_session_free(session, &host);
    }
}

static void a_late_look_sees_both(void **state)
{
    (void)state;
    struct gw_session *session = online_session(60);
    set_will(session, "will", 10);
    struct gw_session_duty duty = gw_session_on_closed(session, OTHER, T0);
    assert_false(duty.publish_will || duty.end);
    duty = gw_session_on_deadline(session, T0 + 1000 * S);
    assert_true(duty.publish_will && duty.end);
    gw_session_free(session, &host);
}

static void nothing_falls_due_while_it_is_online(void **state)
{
    (void)state;
    struct gw_session *session = online_session(0);
    set_will(session, "will", 0);
    struct gw_session_duty duty = gw_session_on_deadline(session, T0 + 1000 * S);
    assert_false(duty.publish_will || duty.end);
    assert_non_null(session->will);
    gw_session_free(session, &host);
}

/* -- the will itself -- */

static void a_will_is_given_once_and_starts_to_count_then(void **state)
{
    (void)state;
    struct gw_session *session = online_session(0);
    struct gw_message message, keeper;
    assert_false(gw_session_take_will(session, T0, &message, &keeper));
    set_will(session, "first", 0);
    set_will(session, "second", 3); /* replaces it */
    assert_int_equal(session->will->delay, 3);
    assert_true(gw_session_take_will(session, T0, &message, &keeper));
    assert_true(gw_span_equal(message.topic_name, GW_SPAN_LIT("second")));
    assert_true(gw_span_equal(message.payload, GW_SPAN_LIT("gone")));
    assert_null(message.blob);
    assert_true(message.received_at == T0);
    assert_true(message.retain && message.has_expiry);
    assert_int_equal(message.qos, 2);
    assert_int_equal(gw_message_expiry_left(&message, T0 + 2 * S), 5);
    assert_int_equal(gw_blob_refs(keeper.blob), 1);
    assert_false(gw_session_take_will(session, T0, &message, &keeper));
    gw_message_drop(&keeper);
    gw_session_free(session, &host);
}

static void a_will_without_memory_leaves_none(void **state)
{
    (void)state;
    struct gw_session *session = online_session(0);
    set_will(session, "first", 0);
    struct gw_message message = {.topic_name = GW_SPAN_LIT("w"),
                                 .payload = gw_span_of("", SIZE_MAX / 4)};
    assert_int_equal(gw_session_set_will(session, &message, 0), GW_NO_MEMORY);
    assert_null(message.blob);
    assert_null(session->will);
    gw_session_drop_will(session);
    gw_session_free(session, &host);
}

/* -- the rest of it -- */

static void free_gives_everything_back(void **state)
{
    (void)state;
    static const char ids[][8] = {"", "a", "client"};
    for (size_t i = 0; i < GW_COUNT_OF(ids); i++) {
        struct gw_session *session = gw_session_new(gw_span_str(ids[i]), i);
        struct gw_message message = {.topic_name = GW_SPAN_LIT("t")};
        struct gw_delivery_options options = {.qos = 1};
        assert_non_null(session);
        assert_true(gw_span_equal(gw_session_client_id(session), gw_span_str(ids[i])));
        assert_int_equal(session->client_hash, i);
        assert_null(session->link);
        assert_int_equal(gw_outbox_push(&session->outbox, &host, &message, &options, NULL, NULL),
                         GW_OK);
        gw_message_drop(&message);
        assert_int_equal(gw_idset_add(&session->received, 7), GW_OK);
        set_will(session, "w", 1);
        gw_session_free(session, &host);
        assert_int_equal(host.deliveries.live, 0);
    }
    gw_session_free(NULL, &host);
}

static void its_bytes_are_what_it_holds(void **state)
{
    (void)state;
    struct gw_session *session = online_session(0);
    size_t empty = gw_session_bytes(session);
    assert_int_equal(empty, sizeof(*session) + 6); /* and the six letters of its name */
    set_will(session, "w", 0);
    assert_int_equal(gw_session_bytes(session), empty + sizeof(struct gw_will) +
                                                    gw_message_footprint(&session->will->message));
    gw_session_drop_will(session);
    assert_int_equal(gw_session_bytes(session), empty);
    assert_int_equal(gw_idset_add(&session->received, 7), GW_OK);
    assert_int_equal(gw_session_bytes(session), empty + 8 * sizeof(gw_packet_id));
    assert_int_equal(gw_idset_remove(&session->received, 7), GW_OK);
    assert_int_equal(gw_session_bytes(session), empty);
    gw_session_free(session, &host);
}

static void a_map_finds_it_by_client_identifier(void **state)
{
    (void)state;
    static const char names[][4] = {"a", "b", "aa", "ab"};
    struct gw_session *sessions[GW_COUNT_OF(names)];
    struct gw_map map;
    gw_map_init(&map, gw_session_key, 1);
    for (size_t i = 0; i < GW_COUNT_OF(names); i++) {
        sessions[i] = gw_session_new(gw_span_str(names[i]), i);
        assert_non_null(sessions[i]);
        assert_int_equal(gw_map_insert(&map, &sessions[i]->node), GW_OK);
    }
    for (size_t i = 0; i < GW_COUNT_OF(names); i++)
        assert_ptr_equal(gw_map_find(&map, gw_span_str(names[i])), &sessions[i]->node);
    assert_null(gw_map_find(&map, GW_SPAN_LIT("abc")));
    gw_map_fini(&map);
    for (size_t i = 0; i < GW_COUNT_OF(names); i++)
        gw_session_free(sessions[i], &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_decision_table),
        cmocka_unit_test(the_expiry_at_the_close_counts),
        cmocka_unit_test(a_late_look_sees_both),
        cmocka_unit_test(nothing_falls_due_while_it_is_online),
        cmocka_unit_test(a_will_is_given_once_and_starts_to_count_then),
        cmocka_unit_test(a_will_without_memory_leaves_none),
        cmocka_unit_test(free_gives_everything_back),
        cmocka_unit_test(its_bytes_are_what_it_holds),
        cmocka_unit_test(a_map_finds_it_by_client_identifier),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
